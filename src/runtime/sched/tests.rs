//! The toy executor (a G is a closure called once per slice), and the scheduler's tests.
//! Every program runs under a time limit.

use super::task::{G, GRef};
use super::worker::{Stop, Worker};
use super::{Executor, Runtime, queue};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// One slice of a toy goroutine.
pub(crate) type Slice = Box<dyn FnMut(&Worker, &G) -> Stop + Send>;

/// Runs closures; `ext.w[0]` is the address of the G's `Slice`.
pub(crate) struct Toy {
    fatal: mpsc::Sender<String>,
}

pub(crate) fn slice_of(g: &G) -> &Cell<usize> {
    // SAFETY: only called by the M that runs (or sets up) the G.
    unsafe { Cell::from_mut(&mut (*g.ext.get()).w[0]) }
}

impl Executor for Toy {
    fn run(&self, w: &Worker, g: &G) -> Stop {
        let f = slice_of(g).get() as *mut Slice;
        // SAFETY: `go` put a box there, which lives until `release`; slices of one G do
        // not overlap (it may already be running elsewhere only after the closure parked
        // it as its last act).
        unsafe { (*f)(w, g) }
    }
    fn release(&self, _: &Worker, g: &G) {
        let f = slice_of(g).take() as *mut Slice;
        // SAFETY: put there by `go`, dropped once.
        drop(unsafe { Box::from_raw(f) });
    }
    fn fatal(&self, rt: &Runtime, text: &str) -> ! {
        let _ = self.fatal.send(text.to_string());
        rt.exit(2);
        loop {
            std::thread::park();
        }
    }
    fn fire_func(&self, w: &Worker, func: usize, _timer: usize) {
        // SAFETY: tests pass the address of a `fn(&Worker)` held in a static.
        let f: fn(&Worker) = unsafe { std::mem::transmute(func) };
        f(w);
    }
}

/// Starts a toy goroutine.
pub(crate) fn go(w: &Worker, f: impl FnMut(&Worker, &G) -> Stop + Send + 'static) -> GRef {
    let g = w.spawn(0, 1);
    set(&g, f);
    w.ready_new(g);
    g
}

pub(crate) fn set(g: &G, f: impl FnMut(&Worker, &G) -> Stop + Send + 'static) {
    let f: Slice = Box::new(f);
    slice_of(g).set(Box::into_raw(Box::new(f)) as usize);
}

/// How a program ended.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Code(i32),
    Fatal(String),
}

/// Runs a program whose main goroutine is `main`.
pub(crate) fn program(
    procs: usize,
    main: impl FnMut(&Worker, &G) -> Stop + Send + 'static,
) -> (End, Arc<Runtime>) {
    let (fatal_tx, fatal_rx) = mpsc::channel();
    let (tx, rx) = mpsc::channel();
    let rt = Runtime::new(Box::new(Toy { fatal: fatal_tx }), procs);
    let r = rt.clone();
    std::thread::spawn(move || {
        let code = r.start(move |_, g| set(g, main));
        let _ = tx.send(code);
    });
    let code = match rx.recv_timeout(Duration::from_secs(60)) {
        Ok(code) => code,
        Err(_) => panic!("the program hangs: {:?}", rt.counters()),
    };
    let end = fatal_rx.try_recv().map_or(End::Code(code), End::Fatal);
    (end, rt)
}

/// As `program`, and it must end with code 0.
pub(crate) fn ok(procs: usize, main: impl FnMut(&Worker, &G) -> Stop + Send + 'static) {
    assert_eq!(program(procs, main).0, End::Code(0));
}

struct Spill(RefCell<Vec<usize>>);
impl queue::Overflow<usize> for Spill {
    fn push_batch(&self, b: &[*mut usize]) {
        self.0.borrow_mut().extend(b.iter().map(|p| *p as usize));
    }
}

fn item(n: usize) -> *mut usize {
    std::ptr::without_provenance_mut(n)
}

#[test]
fn queue_is_fifo_and_overflows_its_older_half() {
    let q = queue::LocalQueue::<usize>::default();
    let over = Spill(RefCell::default());
    for i in 1..=256 {
        q.push(item(i), &over);
    }
    assert!(over.0.borrow().is_empty());
    q.push(item(257), &over);
    let want: Vec<usize> = (1..=128).chain([257]).collect();
    assert_eq!(*over.0.borrow(), want);
    for (i, sole) in (129..=256).zip([true, false].into_iter().cycle()) {
        assert_eq!(q.pop(sole) as usize, i);
    }
    assert!(q.pop(false).is_null());
}

#[test]
fn queue_runnext_and_stealing() {
    let (a, b) = (
        queue::LocalQueue::<usize>::default(),
        queue::LocalQueue::default(),
    );
    let over = Spill(RefCell::default());
    assert!(a.put_next(item(7), false).is_null());
    assert_eq!(a.put_next(item(8), true) as usize, 7);
    assert!(!a.steal_next(item(7)));
    assert!(a.steal_next(item(8)));
    for i in 1..=5 {
        a.push(item(i), &over);
    }
    let got = a.steal_into(&b) as usize;
    assert_eq!(got, 3); // the newest of the stolen half runs
    assert_eq!(b.ring_len(), 2);
    assert_eq!(a.ring_len(), 2);
    let mut left = Vec::new();
    b.drain(|t| left.push(t as usize));
    assert_eq!(left, [1, 2]);
}

#[test]
fn queue_loses_and_doubles_nothing_under_theft() {
    const N: usize = if cfg!(miri) { 300 } else { 200_000 };
    let q = Arc::new(queue::LocalQueue::<usize>::default());
    let done = Arc::new(AtomicBool::new(false));
    let thieves: Vec<_> = (0..2)
        .map(|_| {
            let (q, done) = (q.clone(), done.clone());
            std::thread::spawn(move || {
                let mine = queue::LocalQueue::<usize>::default();
                let mut got = Vec::new();
                loop {
                    let t = q.steal_into(&mine);
                    if t.is_null() {
                        if done.load(Ordering::Acquire) {
                            return got;
                        }
                        std::thread::yield_now();
                        continue;
                    }
                    got.push(t as usize);
                    mine.drain(|t| got.push(t as usize));
                }
            })
        })
        .collect();
    let over = Spill(RefCell::default());
    let mut got = Vec::new();
    for i in 1..=N {
        q.push(item(i), &over);
        if i % 3 == 0 {
            let t = q.pop(false);
            if !t.is_null() {
                got.push(t as usize);
            }
        }
    }
    q.drain(|t| got.push(t as usize));
    done.store(true, Ordering::Release);
    for t in thieves {
        got.extend(t.join().unwrap());
    }
    got.extend(over.0.borrow().iter());
    let distinct: HashSet<_> = got.iter().collect();
    assert_eq!((got.len(), distinct.len()), (N, N));
}

#[test]
fn main_ends_the_program() {
    let (end, rt) = program(2, |_, g| {
        assert_eq!(g.id(), 1);
        Stop::MainDone(7)
    });
    assert_eq!(end, End::Code(7));
    assert_eq!(rt.num_goroutine(), 1);
}

#[test]
fn last_spawned_runs_first_then_in_order() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let mut step = 0;
    ok(1, move |w, _| {
        step += 1;
        if step == 1 {
            for i in 0..5 {
                let order = seen.clone();
                go(w, move |_, _| {
                    order.lock().unwrap().push(i);
                    Stop::Exited
                });
            }
            return Stop::Yield;
        }
        Stop::MainDone(0)
    });
    assert_eq!(*order.lock().unwrap(), [4, 0, 1, 2, 3]);
}

#[test]
fn a_million_tasks_run_once() {
    for procs in [1, 2] {
        let n = Arc::new(AtomicUsize::new(0));
        let count = n.clone();
        let mut made = 0;
        let (end, rt) = program(procs, move |w, _| {
            for _ in 0..1000.min(1_000_000 - made) {
                let n = count.clone();
                go(w, move |_, _| {
                    n.fetch_add(1, Ordering::Relaxed);
                    Stop::Exited
                });
                made += 1;
            }
            if count.load(Ordering::Relaxed) == 1_000_000 {
                Stop::MainDone(0)
            } else {
                Stop::Yield
            }
        });
        assert_eq!(end, End::Code(0));
        assert_eq!(n.load(Ordering::Relaxed), 1_000_000);
        assert_eq!(rt.counters().spawned, 1_000_001);
    }
}

#[test]
fn all_asleep_is_a_deadlock() {
    for procs in [1, 2, 4] {
        let mut first = true;
        let (end, rt) = program(procs, move |w, g| {
            if std::mem::take(&mut first) {
                go(w, |w, g| {
                    w.park_with(g, crate::runtime::wait_reason::WaitReason::Select, 0, || ());
                    Stop::Parked
                });
            }
            w.park_with(
                g,
                crate::runtime::wait_reason::WaitReason::ChanReceive,
                0,
                || (),
            );
            Stop::Parked
        });
        assert_eq!(
            end,
            End::Fatal("all goroutines are asleep - deadlock!".into())
        );
        let mut texts = Vec::new();
        rt.for_each_g(|g| texts.push((g.id(), g.status_text())));
        assert!(texts.contains(&(1, "chan receive")));
        assert_eq!(texts.len(), 2);
    }
}

#[test]
fn goexit_of_main_is_reported() {
    let (end, _) = program(2, |w, _| {
        go(w, |_, _| Stop::Exited);
        Stop::Exited
    });
    let want = "no goroutines (main called runtime.Goexit) - deadlock!";
    assert_eq!(end, End::Fatal(want.into()));
}

#[test]
fn an_external_wait_is_no_deadlock() {
    let mut step = 0;
    ok(2, move |w, g| {
        step += 1;
        if step == 2 {
            return Stop::MainDone(0);
        }
        let (rt, me) = (w.rt().me.upgrade().unwrap(), g.gref());
        rt.external_begin();
        w.park_with(
            g,
            crate::runtime::wait_reason::WaitReason::IoWait,
            0,
            || {
                std::thread::spawn(move || {
                    rt.ready_external(me);
                    rt.external_end();
                });
            },
        );
        Stop::Parked
    });
}

/// A G that spins until told, looking at its poll word as a VM does.
fn spinner(stop: Arc<AtomicBool>, rounds: Arc<AtomicUsize>) -> impl FnMut(&Worker, &G) -> Stop {
    move |w, g| {
        w.set_limit(usize::MAX);
        loop {
            if stop.load(Ordering::Relaxed) {
                return Stop::Exited;
            }
            rounds.fetch_add(1, Ordering::Relaxed);
            if w.limit.load(Ordering::Relaxed) == 0 {
                if !w.handle_poll(g) {
                    return Stop::Parked;
                }
                w.set_limit(usize::MAX);
            }
        }
    }
}

#[test]
fn preemption_shares_one_p() {
    let stop = Arc::new(AtomicBool::new(false));
    let counts: Vec<_> = (0..3).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let mut step = 0;
    ok(1, move |w, _| {
        step += 1;
        if step == 1 {
            for c in &counts {
                go(w, spinner(stop.clone(), c.clone()));
            }
        }
        if counts.iter().all(|c| c.load(Ordering::Relaxed) > 0) {
            stop.store(true, Ordering::Relaxed);
            return Stop::MainDone(0);
        }
        Stop::Yield
    });
}

#[test]
fn the_world_stops_and_starts() {
    let stop = Arc::new(AtomicBool::new(false));
    let counts: Vec<_> = (0..6).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let all = counts.clone();
    let mut step = 0;
    ok(4, move |w, _| {
        step += 1;
        if step == 1 {
            for c in &counts {
                go(w, spinner(stop.clone(), c.clone()));
            }
        }
        if step > 30 && all.iter().all(|c| c.load(Ordering::Relaxed) > 0) {
            stop.store(true, Ordering::Relaxed);
            return Stop::MainDone(0);
        }
        w.stop_the_world();
        let sum = || all.iter().map(|c| c.load(Ordering::Relaxed)).sum::<usize>();
        let before = sum();
        for _ in 0..2000 {
            std::hint::spin_loop();
        }
        assert_eq!(sum(), before, "nothing runs while the world is stopped");
        let mut n = 0;
        w.rt().for_each_g(|_| n += 1);
        assert_eq!(n, w.rt().num_goroutine());
        w.start_the_world();
        Stop::Yield
    });
}

#[test]
fn many_stoppers_and_procs_changes() {
    let left = Arc::new(AtomicUsize::new(20));
    let l = left.clone();
    let mut started = false;
    ok(4, move |w, _| {
        if !std::mem::replace(&mut started, true) {
            for i in 0..20 {
                let left = l.clone();
                let mut rounds = 0;
                go(w, move |w, _| {
                    rounds += 1;
                    if i % 2 == 0 {
                        w.stop_the_world();
                        w.start_the_world();
                    } else {
                        w.set_procs(1 + (rounds * 7 + i) % 5);
                    }
                    if rounds < 30 {
                        return Stop::Yield;
                    }
                    left.fetch_sub(1, Ordering::Relaxed);
                    Stop::Exited
                });
            }
        }
        if l.load(Ordering::Relaxed) == 0 {
            Stop::MainDone(0)
        } else {
            Stop::Yield
        }
    });
}

#[test]
fn blocking_calls_let_others_run() {
    for (procs, long) in [(1, false), (1, true), (2, false)] {
        let (tx, rx) = mpsc::channel::<()>();
        let rx = Mutex::new(rx);
        let mut step = 0;
        ok(procs, move |w, g| {
            step += 1;
            let tx = tx.clone();
            go(w, move |_, _| {
                tx.send(()).unwrap();
                Stop::Exited
            });
            w.enter_blocking(g, long);
            rx.lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(20))
                .expect("the other G ran");
            w.exit_blocking(g);
            if step < 20 {
                Stop::Yield
            } else {
                Stop::MainDone(0)
            }
        });
    }
}

#[test]
fn a_hundred_blocked_threads() {
    let (left, gate) = (
        Arc::new(AtomicUsize::new(100)),
        Arc::new(std::sync::Barrier::new(101)),
    );
    let mut step = 0;
    ok(2, move |w, g| {
        step += 1;
        if step == 1 {
            for _ in 0..100 {
                let (left, gate) = (left.clone(), gate.clone());
                go(w, move |w, g| {
                    w.enter_blocking(g, true);
                    gate.wait();
                    w.exit_blocking(g);
                    left.fetch_sub(1, Ordering::Relaxed);
                    Stop::Exited
                });
            }
            w.enter_blocking(g, false);
            gate.wait();
            w.exit_blocking(g);
        }
        if left.load(Ordering::Relaxed) == 0 {
            Stop::MainDone(0)
        } else {
            Stop::Yield
        }
    });
}

#[test]
fn a_locked_g_keeps_its_thread() {
    for procs in [1, 2, 4] {
        let mut step = 0;
        let mut id = None;
        let others = Arc::new(AtomicUsize::new(0));
        ok(procs, move |w, g| {
            step += 1;
            let me = std::thread::current().id();
            if step == 1 {
                w.lock_thread(g);
                id = Some(me);
            }
            assert_eq!(id, Some(me));
            let n = others.clone();
            go(w, move |_, _| {
                assert_ne!(std::thread::current().id(), me);
                n.fetch_add(1, Ordering::Relaxed);
                Stop::Exited
            });
            if step < 50 || others.load(Ordering::Relaxed) == 0 {
                return Stop::Yield;
            }
            w.unlock_thread(g);
            Stop::MainDone(0)
        });
    }
}

#[test]
fn runs_in_parallel_on_two_ps() {
    // Two Gs that wait for each other without yielding need two threads.
    let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
    let done = Arc::new(AtomicUsize::new(0));
    let mut step = 0;
    ok(2, move |w, _| {
        step += 1;
        if step == 1 {
            for i in 0..2 {
                let (flags, done) = (flags.clone(), done.clone());
                go(w, move |w, g| {
                    w.set_limit(usize::MAX);
                    flags[i].store(true, Ordering::Release);
                    while !flags[1 - i].load(Ordering::Acquire) {
                        if w.limit.load(Ordering::Relaxed) == 0 {
                            if !w.handle_poll(g) {
                                return Stop::Parked;
                            }
                            w.set_limit(usize::MAX);
                        }
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    Stop::Exited
                });
            }
        }
        if done.load(Ordering::Relaxed) == 2 {
            Stop::MainDone(0)
        } else {
            Stop::Yield
        }
    });
}

/// CPU time of this process in ns.
fn cpu_ns() -> i64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `ts` is a valid place.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut ts) };
    ts.tv_sec * 1_000_000_000 + ts.tv_nsec
}

type Resume = Arc<AtomicI64>;

/// Figures, printed by `cargo test --release -- --ignored --nocapture sched_figures`.
#[test]
#[ignore = "prints figures"]
fn sched_figures() {
    use crate::runtime::chan::tests::Chan;
    for procs in [1, 2, 4] {
        const N: usize = 2_000_000;
        let took: Resume = Arc::default();
        let (t, t0, c0) = (took.clone(), Cell::new(0i64), cpu_ns());
        let (a, b) = (Chan::<u64>::new(0), Chan::<u64>::new(0));
        let mut step = 0;
        let mut slot = 0u64;
        ok(procs, move |w, g| {
            if step == 0 {
                t0.set(super::prim::nanotime());
                let (a, b) = (a.clone(), b.clone());
                let mut phase = 0;
                let mut slot = Box::new(0u64);
                go(w, move |w, g| {
                    loop {
                        // Before the operation: once parked, the G may run elsewhere.
                        phase ^= 1;
                        let op = if phase == 1 {
                            a.recv(w, g, &mut slot)
                        } else {
                            b.send(w, g, &slot)
                        };
                        if op == crate::runtime::chan::Op::Parked {
                            return Stop::Parked;
                        }
                    }
                });
            }
            loop {
                if step == 2 * N {
                    t.store(super::prim::nanotime() - t0.get(), Ordering::Relaxed);
                    return Stop::MainDone(0);
                }
                step += 1;
                let op = if step % 2 == 1 {
                    a.send(w, g, &slot)
                } else {
                    b.recv(w, g, &mut slot)
                };
                if op == crate::runtime::chan::Op::Parked {
                    return Stop::Parked;
                }
            }
        });
        let ns = took.load(Ordering::Relaxed);
        println!(
            "pingpong, {procs} P: {:.1} ns/switch, {:.2} CPUs",
            ns as f64 / (2 * N) as f64,
            (cpu_ns() - c0) as f64 / ns as f64
        );

        let (t, t0, c0) = (took.clone(), Cell::new(0i64), cpu_ns());
        let ended = Arc::new(AtomicUsize::new(0));
        let mut made = 0;
        ok(procs, move |w, _| {
            if made == 0 {
                t0.set(super::prim::nanotime());
            }
            // A closure without captures needs no allocation of its own; the box does.
            for _ in 0..100.min(N - made) {
                let ended = ended.clone();
                go(w, move |_, _| {
                    ended.store(ended.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    Stop::Exited
                });
                made += 1;
            }
            if made < N {
                return Stop::Yield;
            }
            if w.rt().num_goroutine() > 1 {
                return Stop::Yield;
            }
            t.store(super::prim::nanotime() - t0.get(), Ordering::Relaxed);
            Stop::MainDone(0)
        });
        let ns = took.load(Ordering::Relaxed);
        println!(
            "spawn+exit, {procs} P: {:.1} ns (with two host allocations), {:.2} CPUs",
            ns as f64 / N as f64,
            (cpu_ns() - c0) as f64 / ns as f64
        );
    }
}
