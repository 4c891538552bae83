//! Model checking of channels, `select`, locks and timers with the real scheduler under
//! them, by shuttle. Run with
//! `RUSTFLAGS="--cfg shuttle" cargo test --lib model_tests`.
//!
//! A model is a small program of toy goroutines. It runs many times, each time with another
//! random order of all accesses to shared words (`model`). A lost wake-up shows as the
//! runtime's own "all goroutines are asleep", a wrong result as a failed assertion; shuttle
//! then prints the schedule. `SHUTTLE_RUNS` says how often (default 300).

use super::chan::select::{Dir, SelectCase, Selected, select};
use super::chan::tests::Chan;
use super::chan::{self, Op};
use super::fault;
use super::prim::word::{AtomicU64, Ordering};
use super::sched::task::{G, Wake};
use super::sched::tests::{go, set, slice_of};
use super::sched::worker::{Stop, Worker};
use super::sched::{Executor, Runtime};
use super::sync::Sync as S;
use super::sync::cond::NotifyList;
use super::sync::mutex::Mutex as GoMutex;
use super::sync::rwmutex::RwMutex;
use super::sync::waitgroup::WaitGroup;
use super::timers::{self, Kind, Timer};
use super::wait_reason::WaitReason;
use shuttle::scheduler::RandomScheduler;
use std::sync::{Arc, Mutex};

/// Runs toy goroutines; whatever ends a program fails the model.
struct Model;

impl Executor for Model {
    fn run(&self, w: &Worker, g: &G) -> Stop {
        let f = slice_of(g).get() as *mut super::sched::tests::Slice;
        // SAFETY: as in the scheduler's tests.
        unsafe { (*f)(w, g) }
    }
    fn release(&self, _: &Worker, g: &G) {
        let f = slice_of(g).take() as *mut super::sched::tests::Slice;
        // SAFETY: put there when the goroutine was made, dropped once.
        drop(unsafe { Box::from_raw(f) });
    }
    fn fatal(&self, _: &Runtime, text: &str) -> ! {
        panic!("fatal error: {text}");
    }
    fn fire_func(&self, _: &Worker, _: usize, _: usize) {}
}

/// One thing a goroutine does. True: it parked, and has done it when it runs again.
type Step = Box<dyn FnMut(&Worker, &G) -> bool + Send>;

/// A value at a fixed address for the rest of the process.
struct Place(*mut u64);
// SAFETY: models order the accesses by what they check.
unsafe impl Send for Place {}
impl Clone for Place {
    fn clone(&self) -> Place {
        Place(self.0)
    }
}
impl Place {
    fn new(v: u64) -> Place {
        Place(Box::leak(Box::new(v)))
    }
    fn ptr(&self) -> *mut u64 {
        self.0
    }
    fn get(&self) -> u64 {
        // SAFETY: leaked.
        unsafe { self.0.read_volatile() }
    }
    fn set(&self, v: u64) {
        // SAFETY: leaked.
        unsafe { self.0.write_volatile(v) }
    }
}

fn step(f: impl FnMut(&Worker, &G) -> bool + Send + 'static) -> Step {
    Box::new(f)
}
fn then(mut f: impl FnMut() + Send + 'static) -> Step {
    step(move |_, _| {
        f();
        false
    })
}

fn script(steps: Vec<Step>, end: Stop) -> impl FnMut(&Worker, &G) -> Stop + Send {
    let mut steps = steps.into_iter();
    // What a parked step refers to stays until the goroutine runs again.
    let mut last = None;
    move |w, g| {
        loop {
            match steps.next() {
                None => return end,
                Some(s) => {
                    if last.insert(s)(w, g) {
                        return Stop::Parked;
                    }
                }
            }
        }
    }
}

/// Zeroed guest words.
fn words(n: usize) -> *const u8 {
    vec![0u64; n].leak().as_ptr().cast()
}
fn mutex() -> &'static GoMutex {
    // SAFETY: leaked zeroed memory.
    unsafe { GoMutex::at(words(1)) }
}
fn wait_group() -> &'static WaitGroup {
    // SAFETY: leaked zeroed memory.
    unsafe { WaitGroup::at(words(2)) }
}

fn sync(s: S) -> bool {
    assert!(!matches!(s, S::Fault(_)), "{s:?}");
    s == S::Parked
}

/// A program: what each goroutine does, and what main does when all have ended.
type Program = (Vec<Vec<Step>>, Step);

/// Checks `make`'s program on `procs` processors.
fn check(procs: usize, make: impl Fn() -> Program + Send + Sync + 'static) {
    let runs = std::env::var("SHUTTLE_RUNS").ok();
    let runs = runs.and_then(|v| v.parse().ok()).unwrap_or(300);
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 18;
    let runner = shuttle::Runner::new(RandomScheduler::new(runs), config);
    runner.run(move || {
        let rt = Runtime::new(Box::new(Model), procs);
        let (gs, end) = make();
        rt.start_here(|_, g| {
            let join = wait_group();
            let n = gs.len() as i32;
            let mut gs = Some(gs);
            let start = step(move |w, _| {
                sync(join.add(w, n));
                for mut steps in gs.take().into_iter().flatten() {
                    steps.push(step(move |w, _| sync(join.add(w, -1))));
                    go(w, script(steps, Stop::Exited));
                }
                false
            });
            let wait = step(move |w, g| sync(join.wait(w, g)));
            set(g, script(vec![start, wait, end], Stop::MainDone(0)));
        });
    });
}

fn send(c: &Chan<u64>, v: u64) -> Step {
    let (c, v) = (c.clone(), Box::new(v));
    step(move |w, g| match c.send(w, g, &v) {
        Op::Done => false,
        Op::Parked => true,
        other => panic!("{other:?}"),
    })
}

/// Receives into `to`; `ok` becomes 2 for a value, 1 for a closed channel.
fn recv(c: &Chan<u64>, to: &Place, ok: &Place) -> Vec<Step> {
    let (c, to, ok, flag) = (c.clone(), to.clone(), ok.clone(), Place::new(7));
    let f = flag.clone();
    vec![
        step(move |w, g| {
            // SAFETY: the places live for ever.
            match unsafe { chan::recv::<false>(w, g, c.ptr(), to.ptr().cast(), f.ptr()) } {
                Op::DoneOk(b) => {
                    f.set(u64::from(b));
                    false
                }
                Op::Parked => true,
                other => panic!("{other:?}"),
            }
        }),
        then(move || ok.set(flag.get() + 1)),
    ]
}

fn close(c: &Chan<u64>) -> Step {
    let c = c.clone();
    step(move |w, _| {
        assert_eq!(c.close(w), Op::Done);
        false
    })
}

/// A blocking `select`; `which` becomes the case's number plus one.
fn choose(cases: Vec<(&Chan<u64>, Dir, Place)>, which: &Place) -> Vec<Step> {
    struct Cases(Vec<SelectCase>);
    // SAFETY: channels and places live for ever.
    unsafe impl Send for Cases {}
    let case = |(c, dir, p): (&Chan<u64>, Dir, Place)| SelectCase {
        chan: c.ptr(),
        elem: p.ptr().cast(),
        dir,
    };
    let cases = Cases(cases.into_iter().map(case).collect());
    let (a, b) = (which.clone(), which.clone());
    vec![
        step(move |w, g| {
            let cases = &cases;
            // SAFETY: as above.
            match unsafe { select::<false>(w, g, &cases.0, true) } {
                Selected::Ready(i, _) => {
                    a.set(i as u64 + 1);
                    false
                }
                Selected::Parked => true,
                other => panic!("{other:?}"),
            }
        }),
        step(move |_, g| {
            if b.get() == 0 {
                b.set(g.select_index() as u64 + 1);
            }
            false
        }),
    ]
}

fn waits(c: &Chan<u64>) -> usize {
    // SAFETY: live, and nobody uses it any more.
    let s = unsafe { &*c.ptr() }.snapshot();
    s.receivers.len() + s.senders.len()
}

fn places(n: usize) -> Vec<Place> {
    (0..n).map(|_| Place::new(0)).collect()
}
fn sum(p: &[Place]) -> u64 {
    p.iter().map(Place::get).sum()
}

/// Every value sent arrives once, whoever waits first.
fn values_arrive(cap: usize) {
    check(2, move || {
        let c = Chan::new(cap);
        let (got, ok) = (places(4), places(4));
        let receive = |i: usize| recv(&c, &got[i], &ok[i]);
        let gs = vec![
            vec![send(&c, 1), send(&c, 10)],
            vec![send(&c, 100), send(&c, 1000)],
            receive(0).into_iter().chain(receive(1)).collect(),
            receive(2).into_iter().chain(receive(3)).collect(),
        ];
        let end = then(move || {
            assert_eq!((sum(&got), sum(&ok)), (1111, 8));
            assert_eq!(waits(&c), 0);
        });
        (gs, end)
    });
}

#[test]
fn unbuffered_values_arrive() {
    values_arrive(0);
}

#[test]
fn buffered_values_arrive() {
    values_arrive(1);
}

#[test]
fn a_senders_values_keep_their_order() {
    for cap in [0, 2] {
        check(2, move || {
            let c = Chan::new(cap);
            let (got, ok) = (places(3), places(3));
            let receives = (0..3).flat_map(|i| recv(&c, &got[i], &ok[i])).collect();
            let gs = vec![vec![send(&c, 1), send(&c, 2), send(&c, 3)], receives];
            let end = then(move || {
                let got: Vec<u64> = got.iter().map(Place::get).collect();
                assert_eq!(got, [1, 2, 3]);
            });
            (gs, end)
        });
    }
}

#[test]
fn close_is_seen_after_the_values() {
    for cap in [0, 1] {
        check(2, move || {
            let c = Chan::new(cap);
            let (got, ok) = (places(4), places(4));
            let receive = |i: usize| recv(&c, &got[i], &ok[i]);
            let gs = vec![
                vec![send(&c, 5), send(&c, 6), close(&c)],
                receive(0).into_iter().chain(receive(1)).collect(),
                receive(2).into_iter().chain(receive(3)).collect(),
            ];
            let end = then(move || {
                // Two values, two times nothing.
                assert_eq!((sum(&got), sum(&ok)), (11, 6));
                for (v, ok) in got.iter().zip(&ok) {
                    assert_eq!(v.get() != 0, ok.get() == 2);
                }
                assert_eq!(waits(&c), 0);
            });
            (gs, end)
        });
    }
}

/// Two sends and one goroutine that selects twice: both arrive, in whatever order, and
/// nothing stays queued on the channel that lost.
#[test]
fn select_takes_each_value_once() {
    check(2, || {
        let (a, b) = (Chan::new(0), Chan::new(1));
        let (got, which) = (places(4), places(2));
        let cases = |i: usize| {
            vec![
                (&a, Dir::Recv, got[2 * i].clone()),
                (&b, Dir::Recv, got[2 * i + 1].clone()),
            ]
        };
        let first = choose(cases(0), &which[0]);
        let gs = vec![
            vec![send(&a, 7)],
            vec![send(&b, 70)],
            first
                .into_iter()
                .chain(choose(cases(1), &which[1]))
                .collect(),
        ];
        let end = then(move || {
            assert_eq!((sum(&got), sum(&which)), (77, 3));
            assert_eq!((waits(&a), waits(&b)), (0, 0));
        });
        (gs, end)
    });
}

/// Goroutines that each offer to send and to receive on two channels: they pair up.
#[test]
fn selects_meet_each_other() {
    check(2, || {
        let (a, b) = (Chan::new(0), Chan::new(0));
        let (got, which) = (places(4), places(4));
        let side = |i: usize| {
            let cases = vec![
                (&a, Dir::Send, Place::new(1 << (8 * i))),
                (&b, Dir::Recv, got[i].clone()),
            ];
            let other = vec![
                (&b, Dir::Send, Place::new(1 << (8 * i))),
                (&a, Dir::Recv, got[i].clone()),
            ];
            choose(if i % 2 == 0 { cases } else { other }, &which[i])
        };
        let gs = (0..4).map(side).collect();
        let end = then(move || {
            let sent = which.iter().filter(|w| w.get() == 1).count();
            assert_eq!(sent, 2, "two send, two receive");
            for (i, w) in which.iter().enumerate() {
                assert_eq!(w.get() == 2, got[i].get() != 0, "{i}");
            }
            assert_eq!((waits(&a), waits(&b)), (0, 0));
        });
        (gs, end)
    });
}

/// A select parked on two channels that are closed at the same time.
#[test]
fn select_and_close() {
    check(2, || {
        let (a, b) = (Chan::new(0), Chan::new(0));
        let (got, which) = (places(2), places(1));
        let cases = vec![
            (&a, Dir::Recv, got[0].clone()),
            (&b, Dir::Recv, got[1].clone()),
        ];
        let gs = vec![choose(cases, &which[0]), vec![close(&a)], vec![close(&b)]];
        let end = then(move || {
            assert!((1..=2).contains(&which[0].get()));
            assert_eq!(sum(&got), 0);
            assert_eq!((waits(&a), waits(&b)), (0, 0));
        });
        (gs, end)
    });
}

/// A sender that waits when the channel is closed learns of it, and so does one that comes
/// later.
#[test]
fn a_waiting_sender_learns_of_close() {
    check(2, || {
        let c = Chan::new(0);
        let told = places(2);
        let try_send = |i: usize| {
            let (c, told, v) = (c.clone(), told[i].clone(), Place::new(9));
            let (closed, parked) = (told.clone(), told.clone());
            vec![
                step(move |w, g| {
                    // SAFETY: the place lives for ever.
                    match unsafe { chan::send::<false>(w, g, c.ptr(), v.ptr().cast()) } {
                        Op::Parked => true,
                        Op::Fault(f) => {
                            assert_eq!(f, fault::SEND_CLOSED);
                            closed.set(1);
                            false
                        }
                        other => panic!("{other:?}"),
                    }
                }),
                step(move |_, g| {
                    if parked.get() == 0 {
                        assert_eq!(g.take_wake(), Wake::Closed);
                        parked.set(1);
                    }
                    false
                }),
            ]
        };
        let gs = vec![try_send(0), try_send(1), vec![close(&c)]];
        let end = then(move || {
            assert_eq!(sum(&told), 2);
            assert_eq!(waits(&c), 0);
        });
        (gs, end)
    });
}

/// A goroutine that a thread outside the runtime readies while the Ms are going to sleep:
/// nobody else would find it.
#[test]
fn a_wake_up_from_outside_is_not_lost() {
    check(2, || {
        type Threads = Arc<Mutex<Vec<shuttle::thread::JoinHandle<()>>>>;
        let threads = Threads::default();
        let wait = || {
            let threads = threads.clone();
            step(move |w: &Worker, g: &G| {
                let rt = w.rt();
                rt.external_begin();
                // SAFETY: main ends the runtime when it has joined the thread.
                let rt: &'static Runtime = unsafe { &*std::ptr::from_ref(rt) };
                let me = g.gref();
                w.park_with(g, WaitReason::Sleep, 0, || {
                    let outside = shuttle::thread::spawn(move || {
                        rt.ready_external(me);
                        rt.external_end();
                    });
                    threads.lock().expect("no panic").push(outside);
                });
                true
            })
        };
        let gs = vec![vec![wait(), wait()], vec![wait()]];
        let end = then(move || {
            for t in threads.lock().expect("no panic").drain(..) {
                t.join().expect("no panic");
            }
        });
        (gs, end)
    });
}

/// Adds to a place in two accesses with a point between.
fn bump(p: &Place, point: &'static AtomicU64) -> Step {
    let p = p.clone();
    then(move || {
        let v = p.get();
        point.load(Ordering::Relaxed);
        p.set(v + 1);
    })
}

static POINT: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_mutex_excludes_and_wakes() {
    check(2, || {
        let (m, n) = (mutex(), Place::new(0));
        let section = || {
            vec![
                step(move |w, g| sync(m.lock(w, g))),
                bump(&n, &POINT),
                step(move |w, _| sync(m.unlock(w))),
            ]
        };
        let gs = (0..3)
            .map(|_| section().into_iter().chain(section()).collect())
            .collect();
        let n = n.clone();
        let end = then(move || {
            assert_eq!(n.get(), 6);
            assert!(m.try_lock(), "left unlocked");
        });
        (gs, end)
    });
}

/// Holders that sleep with the lock and take it again at once: who waits loses its patience
/// and is handed the lock.
#[test]
fn a_starving_waiter_is_handed_the_lock() {
    check(2, || {
        let (m, n) = (mutex(), Place::new(0));
        let section = || {
            vec![
                step(move |w, g| sync(m.lock(w, g))),
                bump(&n, &POINT),
                step(|w: &Worker, g: &G| timers::sleep(w, g, 1_500_000)),
                bump(&n, &POINT),
                step(move |w, _| sync(m.unlock(w))),
            ]
        };
        let gs = (0..3)
            .map(|_| section().into_iter().chain(section()).collect())
            .collect();
        let n = n.clone();
        let end = then(move || {
            assert_eq!(n.get(), 12);
            assert!(m.try_lock(), "left unlocked");
        });
        (gs, end)
    });
}

#[test]
fn an_rwmutex_excludes_writers() {
    check(2, || {
        // SAFETY: leaked zeroed memory.
        let m = unsafe { RwMutex::at(words(3)) };
        let (n, seen) = (Place::new(0), places(2));
        let write = || {
            vec![
                step(move |w, g| sync(m.lock(w, g))),
                bump(&n, &POINT),
                bump(&n, &POINT),
                step(move |w, _| sync(m.unlock(w))),
            ]
        };
        let read = |to: &Place| {
            let (n, to) = (n.clone(), to.clone());
            vec![
                step(move |w, g| sync(m.rlock(w, g))),
                then(move || {
                    to.set(n.get());
                    POINT.load(Ordering::Relaxed);
                    assert_eq!(n.get(), to.get(), "no writer beside a reader");
                }),
                step(move |w, _| sync(m.runlock(w))),
            ]
        };
        let gs = vec![write(), read(&seen[0]), read(&seen[1]), write()];
        let n = n.clone();
        let end = then(move || {
            assert_eq!(n.get(), 4);
            assert!(seen.iter().all(|s| s.get() % 2 == 0), "whole writes only");
        });
        (gs, end)
    });
}

#[test]
fn a_wait_group_waits_for_all() {
    check(2, || {
        let (wg, n) = (wait_group(), places(2));
        let work = |i: usize| vec![bump(&n[i], &POINT), step(move |w, _| sync(wg.add(w, -1)))];
        let wait = || {
            let n = n.clone();
            vec![
                step(move |w, g| sync(wg.wait(w, g))),
                then(move || assert_eq!(sum(&n), 2)),
            ]
        };
        let first = step(move |w, _| sync(wg.add(w, 2)));
        // Added before anybody waits: the goroutines start behind a lock.
        let m = mutex();
        assert!(m.try_lock());
        let behind = |steps: Vec<Step>| -> Vec<Step> {
            let enter = step(move |w, g| sync(m.lock(w, g)));
            let leave = step(move |w, _| sync(m.unlock(w)));
            [enter, leave].into_iter().chain(steps).collect()
        };
        let open = step(move |w, _| sync(m.unlock(w)));
        let gs = vec![
            vec![first, open],
            behind(work(0)),
            behind(work(1)),
            behind(wait()),
            behind(wait()),
        ];
        (gs, then(|| ()))
    });
}

#[test]
fn a_condition_wakes_its_waiters() {
    check(2, || {
        // SAFETY: leaked zeroed memory.
        let list = unsafe { NotifyList::at(words(3)) };
        let ready = Place::new(0);
        let m = mutex();
        // Takes its ticket under the lock, as Cond.Wait does.
        let wait = || {
            let ticket = Place::new(0);
            let (t, r) = (ticket.clone(), ready.clone());
            vec![
                step(move |w, g| sync(m.lock(w, g))),
                then(move || {
                    t.set(u64::from(list.add()));
                    r.set(r.get() + 1);
                }),
                step(move |w, _| sync(m.unlock(w))),
                step(move |w, g| sync(list.wait(w, g, ticket.get() as u32))),
            ]
        };
        // Notifies whoever has a ticket, until both have been seen.
        let notify = || {
            let r = ready.clone();
            let mut turns = Vec::new();
            for _ in 0..2 {
                let r = r.clone();
                turns.push(step(move |w: &Worker, g: &G| sync(m.lock(w, g))));
                turns.push(step(move |w: &Worker, _: &G| {
                    if r.get() > 0 {
                        r.set(r.get() - 1);
                        list.notify_one(w);
                    }
                    false
                }));
                turns.push(step(move |w: &Worker, _: &G| sync(m.unlock(w))));
            }
            turns
        };
        let all = step(move |w, _| {
            list.notify_all(w);
            false
        });
        // The last word, after the waiters have their tickets.
        let both = wait_group();
        let ticketed = |mut s: Vec<Step>| {
            s.insert(3, step(move |w, _| sync(both.add(w, -1))));
            s
        };
        let begin = step(move |w, _| sync(both.add(w, 2)));
        let gate = mutex();
        assert!(gate.try_lock());
        let open = step(move |w, _| sync(gate.unlock(w)));
        let behind = |steps: Vec<Step>| -> Vec<Step> {
            let enter = step(move |w, g| sync(gate.lock(w, g)));
            let leave = step(move |w, _| sync(gate.unlock(w)));
            [enter, leave].into_iter().chain(steps).collect()
        };
        let gs = vec![
            vec![begin, open],
            behind(ticketed(wait())),
            behind(ticketed(wait())),
            notify(),
            behind(vec![step(move |w, g| sync(both.wait(w, g))), all]),
        ];
        (gs, then(|| ()))
    });
}

fn timer(c: &Chan<u64>) -> &'static Timer {
    let t: *mut Timer = Box::leak(Box::new([0u64; Timer::SIZE / 8]))
        .as_mut_ptr()
        .cast();
    // SAFETY: fresh memory of the right size and a live channel.
    unsafe {
        (*c.ptr()).set_timer();
        Timer::init(t, Kind::SendTime, c.ptr() as usize);
        &*t
    }
}

/// A timer stopped while it may fire: after a stop nothing comes any more, and a stop that
/// came too late says so.
#[test]
fn a_stopped_timer_sends_nothing() {
    check(2, || {
        let c = Chan::new(1);
        let t = timer(&c);
        let set = step(move |w, _| {
            t.reset(w, timers::now() + 1_500_000, 0);
            false
        });
        let pause = step(|w: &Worker, g: &G| timers::sleep(w, g, 600_000));
        let d = c.clone();
        let stop = step(move |w, _| {
            t.stop(w);
            // SAFETY: live; a timer's channel hides its value from `len`.
            let s = unsafe { &*d.ptr() }.snapshot();
            assert!(s.buffer.is_empty(), "a value after Stop");
            false
        });
        let others = || {
            vec![
                step(|w: &Worker, g: &G| timers::sleep(w, g, 900_000)),
                step(|w: &Worker, g: &G| timers::sleep(w, g, 900_000)),
            ]
        };
        let gs = vec![vec![set, pause, stop], others(), others()];
        let end = then(move || {
            // SAFETY: as above.
            assert!(unsafe { &*c.ptr() }.snapshot().buffer.is_empty());
        });
        (gs, end)
    });
}

/// A timer that is set again fires once for each time it was due and nobody stopped it.
#[test]
fn a_reset_timer_fires() {
    check(2, || {
        let c = Chan::new(1);
        let t = timer(&c);
        let (got, ok) = (places(2), places(2));
        let set = || {
            step(move |w: &Worker, _: &G| {
                t.reset(w, timers::now() + 700_000, 0);
                false
            })
        };
        let mut steps = vec![set(), set()];
        steps.extend(recv(&c, &got[0], &ok[0]));
        steps.push(set());
        steps.extend(recv(&c, &got[1], &ok[1]));
        let noise = vec![step(|w: &Worker, g: &G| timers::sleep(w, g, 1_000_000))];
        let end = then(move || assert_eq!(sum(&ok), 4));
        (vec![steps, noise], end)
    });
}
