//! Timer tests.

use super::*;
use crate::runtime::chan::tests::Chan;
use crate::runtime::sched::tests::{go, ok};
use crate::runtime::sched::worker::Stop;
use std::ptr::null_mut;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

fn timer(kind: Kind, arg: usize) -> &'static Timer {
    let t: *mut Timer = Box::leak(Box::new([0u64; Timer::SIZE / 8]))
        .as_mut_ptr()
        .cast();
    // SAFETY: fresh memory of the right size.
    unsafe { Timer::init(t, kind, arg) };
    // SAFETY: leaked.
    unsafe { &*t }
}

#[test]
fn sleepers_wake_in_order() {
    for procs in [1, 2, 4] {
        // Due 15 ms apart.
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = order.clone();
        let mut started = false;
        ok(procs, move |w, g| {
            if !std::mem::replace(&mut started, true) {
                for i in [3i64, 1, 4, 2, 0] {
                    let order = order.clone();
                    let mut slept = false;
                    go(w, move |w, g| {
                        if !std::mem::replace(&mut slept, true)
                            && sleep(w, g, 2_000_000 + i * 15_000_000)
                        {
                            return Stop::Parked;
                        }
                        order.lock().unwrap().push(i);
                        Stop::Exited
                    });
                }
            }
            if order.lock().unwrap().len() == 5 {
                return Stop::MainDone(0);
            }
            assert!(sleep(w, g, 1_000_000));
            Stop::Parked
        });
        let mut got = seen.lock().unwrap().clone();
        if procs > 1 {
            // On a loaded machine a thread may be held up between the timer and the G.
            got.sort_unstable();
        }
        assert_eq!(got, [0, 1, 2, 3, 4]);
    }
}

#[test]
fn an_idle_program_sleeps_and_is_no_deadlock() {
    let mut step = 0;
    let start = now();
    ok(4, move |w, g| {
        step += 1;
        if step == 1 {
            assert!(!sleep(w, g, 0));
            assert!(sleep(w, g, 30_000_000));
            return Stop::Parked;
        }
        assert!(now() - start >= 30_000_000);
        Stop::MainDone(0)
    });
}

#[test]
fn an_idle_p_runs_timers_of_a_busy_one() {
    // Main computes without looking at the scheduler; its timer fires on the other P.
    FLAG.store(0, Ordering::Relaxed);
    let mut done = false;
    ok(2, move |w, _| {
        if !std::mem::replace(&mut done, true) {
            let t = timer(Kind::Func, set_flag as fn(&Worker) as usize);
            t.reset(w, now() + 2_000_000, 0);
            while FLAG.load(Ordering::Relaxed) == 0 {
                std::hint::spin_loop();
            }
        }
        Stop::MainDone(0)
    });
}

static FLAG: AtomicUsize = AtomicUsize::new(0);
fn set_flag(_: &Worker) {
    FLAG.store(1, Ordering::Relaxed);
}

/// CPU time of the process while it sleeps is next to nothing.
#[test]
#[ignore = "measures the whole process: run alone"]
fn an_idle_process_uses_no_cpu() {
    let cpu = || {
        let mut ts = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `ts` is a valid place.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut ts) };
        ts.tv_sec * 1_000_000_000 + ts.tv_nsec
    };
    let mut step = 0;
    let mut before = 0;
    ok(2, move |w, g| {
        step += 1;
        match step {
            1 => {
                sleep(w, g, 50_000_000);
                Stop::Parked
            }
            2 => {
                before = cpu();
                sleep(w, g, 1_000_000_000);
                Stop::Parked
            }
            _ => {
                let used = cpu() - before;
                println!("one second asleep: {used} ns of CPU");
                assert!(used < 5_000_000);
                Stop::MainDone(0)
            }
        }
    });
}

#[test]
fn stop_and_reset_leave_nothing_stale() {
    let c = Chan::<i64>::new(1);
    // SAFETY: live channel.
    unsafe { (*c.ptr()).set_timer() };
    let t = timer(Kind::SendTime, c.ptr() as usize);
    let mut step = 0;
    let mut got = Box::new(0i64);
    let mut due = 0;
    ok(1, move |w, g| {
        step += 1;
        match step {
            1 => {
                assert!(!t.stop(w));
                assert!(!t.reset(w, now() + 1_000_000, 0));
                assert!(sleep(w, g, 5_000_000));
                Stop::Parked
            }
            2 => {
                // It fired into the channel: stopping takes the value back.
                assert!(!t.is_pending());
                // SAFETY: live channel.
                assert_eq!(unsafe { chan::len(c.ptr()) }, 0);
                assert!(t.stop(w));
                assert!(!t.stop(w));
                // SAFETY: live channel.
                assert_eq!(
                    unsafe { chan::try_recv(w, c.ptr(), null_mut()) },
                    chan::Op::WouldBlock
                );
                assert!(!t.reset(w, now() + 3_600_000_000_000, 0));
                assert!(t.reset(w, now() + 1_000_000, 0));
                due = t.when();
                assert_eq!(c.recv(w, g, &mut got), chan::Op::Parked);
                Stop::Parked
            }
            _ => {
                assert!(*got >= due);
                assert!(!t.stop(w));
                Stop::MainDone(0)
            }
        }
    });
}

#[test]
fn a_ticker_ticks() {
    let c = Chan::<i64>::new(1);
    let t = timer(Kind::SendTime, c.ptr() as usize);
    let mut n = 0;
    let mut got = Box::new(0i64);
    ok(2, move |w, g| {
        if n == 0 {
            t.reset(w, now() + 1_000_000, 1_000_000);
        }
        loop {
            n += 1;
            if n > 10 {
                assert!(t.stop(w) && !t.is_pending());
                return Stop::MainDone(0);
            }
            if c.recv(w, g, &mut got) == chan::Op::Parked {
                return Stop::Parked;
            }
        }
    });
}

static FIRED: AtomicUsize = AtomicUsize::new(0);
fn count_one(w: &Worker) {
    go(w, |_, _| {
        FIRED.fetch_add(1, Ordering::Relaxed);
        Stop::Exited
    });
}

#[test]
fn fifty_thousand_functions_and_many_resets() {
    let mut step = 0;
    ok(2, move |w, g| {
        step += 1;
        if step == 1 {
            let f = count_one as fn(&Worker) as usize;
            let all: Vec<_> = (0..50_000).map(|_| timer(Kind::Func, f)).collect();
            let far = now() + 3_600_000_000_000;
            for (i, t) in all.iter().enumerate() {
                t.reset(w, far + (i as i64 * 7919) % 1_000_003, 0);
            }
            let start = now();
            for i in 0..100_000usize {
                let t = all[i * 31 % all.len()];
                assert!(t.stop(w));
                assert!(!t.reset(w, far - i as i64, 0));
            }
            println!("stop+reset: {} ns", (now() - start) / 100_000);
            let mut n = 0;
            w.stop_the_world();
            w.rt().for_each_timer(|_| n += 1);
            w.start_the_world();
            assert_eq!(n, 50_000);
            for t in &all {
                assert!(t.reset(w, now(), 0));
            }
        }
        if FIRED.load(Ordering::Relaxed) == 50_000 {
            return Stop::MainDone(0);
        }
        assert!(sleep(w, g, 1_000_000));
        Stop::Parked
    });
}

#[test]
fn racing_stops_and_resets_keep_the_heaps_whole() {
    let left = Arc::new(AtomicUsize::new(6));
    let c = Chan::<i64>::new(1);
    let t = timer(Kind::SendTime, c.ptr() as usize);
    let mut started = false;
    ok(4, move |w, _| {
        if !std::mem::replace(&mut started, true) {
            for k in 0..6 {
                let left = left.clone();
                let mut i = 0;
                go(w, move |w, _| {
                    for _ in 0..100 {
                        match k % 3 {
                            0 => t.reset(w, now() + 1000, 0),
                            1 => t.stop(w),
                            _ => t.reset(w, now() + 10_000_000, 500),
                        };
                    }
                    i += 1;
                    if i < 100 {
                        return Stop::Yield;
                    }
                    left.fetch_sub(1, Ordering::Relaxed);
                    Stop::Exited
                });
            }
        }
        if left.load(Ordering::Relaxed) == 0 {
            t.stop(w);
            assert_eq!(w.rt().next_timer(), NEVER);
            return Stop::MainDone(0);
        }
        Stop::Yield
    });
}
