//! Tests of the synchronisation primitives with toy goroutines.

use super::Sync as S;
use super::cond::NotifyList;
use super::mutex::Mutex;
use super::rwmutex::RwMutex;
use super::waitgroup::WaitGroup;
use crate::runtime::fault;
use crate::runtime::sched::task::Wake;
use crate::runtime::sched::tests::{go, ok};
use crate::runtime::sched::worker::Stop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

fn guest(words: usize) -> *const u8 {
    vec![0u64; words].leak().as_ptr().cast()
}
fn mutex() -> &'static Mutex {
    // SAFETY: leaked zeroed memory.
    unsafe { Mutex::at(guest(1)) }
}

/// `gs` goroutines do `n` critical sections each, sometimes yielding inside.
fn hammer(procs: usize, gs: usize, n: u64) {
    let m = mutex();
    let value = Arc::new(AtomicU64::new(0));
    let left = Arc::new(AtomicUsize::new(gs));
    let mut started = false;
    ok(procs, move |w, _| {
        if !std::mem::replace(&mut started, true) {
            for _ in 0..gs {
                let (value, left) = (value.clone(), left.clone());
                let (mut i, mut inside) = (0, false);
                go(w, move |w, g| {
                    loop {
                        if inside {
                            // Not atomic together: only right under the lock.
                            let v = value.load(Ordering::Relaxed);
                            value.store(v + 1, Ordering::Relaxed);
                            inside = false;
                            assert_eq!(m.unlock(w), S::Done);
                            i += 1;
                            if i == n {
                                left.fetch_sub(1, Ordering::Relaxed);
                                return Stop::Exited;
                            }
                        }
                        inside = true;
                        match m.lock(w, g) {
                            S::Done if i % 16 == 0 => return Stop::Yield,
                            S::Done => {}
                            S::Parked => return Stop::Parked,
                            S::Fault(f) => panic!("{f:?}"),
                        }
                    }
                });
            }
        }
        if left.load(Ordering::Relaxed) == 0 {
            assert_eq!(value.load(Ordering::Relaxed), gs as u64 * n);
            return Stop::MainDone(0);
        }
        Stop::Yield
    });
}

#[test]
fn mutex_excludes() {
    for procs in [1, 2, 4] {
        hammer(procs, 8, 2000);
        hammer(procs, 100, 50);
    }
}

#[test]
fn mutex_misuse_is_fatal() {
    ok(1, |w, _| {
        let m = mutex();
        assert!(m.try_lock());
        assert!(!m.try_lock());
        assert_eq!(m.unlock(w), S::Done);
        assert_eq!(m.unlock(w), S::Fault(fault::UNLOCK_UNLOCKED));
        // SAFETY: leaked zeroed memory.
        let rw = unsafe { RwMutex::at(guest(3)) };
        assert_eq!(rw.runlock(w), S::Fault(fault::RUNLOCK_UNLOCKED));
        // SAFETY: as above.
        let rw = unsafe { RwMutex::at(guest(3)) };
        assert_eq!(rw.unlock(w), S::Fault(fault::RW_UNLOCK_UNLOCKED));
        Stop::MainDone(0)
    });
}

#[test]
fn starving_waiter_gets_the_lock() {
    // Main locks and unlocks without ever leaving its P willingly; the waiter must still
    // get in, because after 1 ms unlock hands over.
    let m = mutex();
    let got = Arc::new(AtomicUsize::new(0));
    let mut started = false;
    let mut held = false;
    ok(1, move |w, g| {
        if !std::mem::replace(&mut started, true) {
            assert_eq!(m.lock(w, g), S::Done);
            held = true;
            let got = got.clone();
            let mut mine = false;
            go(w, move |w, g| {
                if !std::mem::replace(&mut mine, true) && m.lock(w, g) == S::Parked {
                    return Stop::Parked;
                }
                got.store(1, Ordering::Relaxed);
                m.unlock(w);
                Stop::Exited
            });
            return Stop::Yield;
        }
        if got.load(Ordering::Relaxed) == 1 {
            return Stop::MainDone(0);
        }
        if held {
            m.unlock(w);
        }
        held = true;
        match m.lock(w, g) {
            S::Done => Stop::Yield,
            S::Parked => Stop::Parked,
            S::Fault(f) => panic!("{f:?}"),
        }
    });
}

#[test]
fn rwmutex_readers_share_writers_exclude() {
    for procs in [1, 2, 4] {
        // SAFETY: leaked zeroed memory.
        let rw: &'static RwMutex = unsafe { RwMutex::at(guest(3)) };
        let left = Arc::new(AtomicUsize::new(12));
        let (readers, writers) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut started = false;
        ok(procs, move |w, _| {
            if !std::mem::replace(&mut started, true) {
                for k in 0..12 {
                    let (left, readers, writers) = (left.clone(), readers.clone(), writers.clone());
                    let writes = k % 3 == 0;
                    let (mut i, mut phase) = (0, 0);
                    go(w, move |w, g| {
                        loop {
                            match phase {
                                0 => {
                                    phase = 1;
                                    let r = if writes {
                                        rw.lock(w, g)
                                    } else {
                                        rw.rlock(w, g)
                                    };
                                    match r {
                                        S::Done => {}
                                        S::Parked => return Stop::Parked,
                                        S::Fault(f) => panic!("{f:?}"),
                                    }
                                }
                                1 => {
                                    phase = 2;
                                    if writes {
                                        assert_eq!(writers.fetch_add(1, Ordering::SeqCst), 0);
                                        assert_eq!(readers.load(Ordering::SeqCst), 0);
                                    } else {
                                        readers.fetch_add(1, Ordering::SeqCst);
                                        assert_eq!(writers.load(Ordering::SeqCst), 0);
                                    }
                                    if i % 8 == 0 {
                                        return Stop::Yield;
                                    }
                                }
                                _ => {
                                    phase = 0;
                                    let r = if writes {
                                        writers.fetch_sub(1, Ordering::SeqCst);
                                        rw.unlock(w)
                                    } else {
                                        readers.fetch_sub(1, Ordering::SeqCst);
                                        rw.runlock(w)
                                    };
                                    assert_eq!(r, S::Done);
                                    i += 1;
                                    if i == 1000 {
                                        left.fetch_sub(1, Ordering::Relaxed);
                                        return Stop::Exited;
                                    }
                                }
                            }
                        }
                    });
                }
            }
            if left.load(Ordering::Relaxed) == 0 {
                assert!(rw.try_lock(w));
                assert!(!rw.try_rlock());
                assert_eq!(rw.unlock(w), S::Done);
                assert!(rw.try_rlock());
                assert!(!rw.try_lock(w));
                return Stop::MainDone(0);
            }
            Stop::Yield
        });
    }
}

#[test]
fn waitgroup_waits_for_all() {
    for procs in [1, 2, 4] {
        // SAFETY: leaked zeroed memory.
        let wg: &'static WaitGroup = unsafe { WaitGroup::at(guest(2)) };
        let done = Arc::new(AtomicUsize::new(0));
        let mut round = 0;
        ok(procs, move |w, g| {
            loop {
                assert_eq!(g.take_wake(), Wake::Ok);
                assert_eq!(done.load(Ordering::Relaxed), round * 50);
                if round == 100 {
                    assert_eq!(wg.add(w, -1), S::Fault(fault::WG_NEGATIVE));
                    return Stop::MainDone(0);
                }
                round += 1;
                assert_eq!(wg.add(w, 50), S::Done);
                for _ in 0..50 {
                    let done = done.clone();
                    go(w, move |w, _| {
                        done.fetch_add(1, Ordering::Relaxed);
                        assert_eq!(wg.add(w, -1), S::Done);
                        Stop::Exited
                    });
                }
                match wg.wait(w, g) {
                    S::Done => {}
                    S::Parked => return Stop::Parked,
                    S::Fault(f) => panic!("{f:?}"),
                }
            }
        });
    }
}

#[test]
fn cond_signals_in_ticket_order() {
    // SAFETY: leaked zeroed memory.
    let list: &'static NotifyList = unsafe { NotifyList::at(guest(3)) };
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = order.clone();
    let mut step = 0;
    ok(1, move |w, _| {
        step += 1;
        match step {
            1 => {
                for i in 0..6 {
                    let order = order.clone();
                    let ticket = list.add();
                    let mut resumed = false;
                    go(w, move |w, g| {
                        if !std::mem::replace(&mut resumed, true)
                            && list.wait(w, g, ticket) == S::Parked
                        {
                            return Stop::Parked;
                        }
                        order.lock().unwrap().push(i);
                        Stop::Exited
                    });
                }
                list.notify_one(w); // ticket 0, before its G waits
                Stop::Yield
            }
            2..=4 => {
                list.notify_one(w);
                Stop::Yield
            }
            5 => {
                list.notify_all(w);
                Stop::Yield
            }
            _ => Stop::MainDone(0),
        }
    });
    let mut got = seen.lock().unwrap().clone();
    assert_eq!(got[..4], [0, 1, 2, 3]);
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3, 4, 5]);
}
