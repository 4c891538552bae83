//! Model checking of the run queue and the wake-up protocol. Run with
//! `RUSTFLAGS="--cfg loom" cargo test --lib loom_tests`.

use super::idle::Idle;
use super::queue::{LocalQueue, Overflow};
use loom::sync::Arc;
use loom::sync::Mutex;
use loom::sync::Notify;
use loom::thread;
use std::ptr::without_provenance_mut;

struct Spill(Mutex<Vec<usize>>);
impl Overflow<usize> for Spill {
    fn push_batch(&self, b: &[*mut usize]) {
        self.0.lock().unwrap().extend(b.iter().map(|p| *p as usize));
    }
}

fn item(n: usize) -> *mut usize {
    without_provenance_mut(n)
}

fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut b = loom::model::Builder::new();
    b.preemption_bound = Some(3);
    b.check(f);
}

fn steal_all(q: &LocalQueue<usize>, rounds: usize) -> Vec<usize> {
    let mine = LocalQueue::default();
    let mut got = Vec::new();
    for _ in 0..rounds {
        let t = q.steal_into(&mine);
        if !t.is_null() {
            got.push(t as usize);
            mine.drain(|t| got.push(t as usize));
        }
    }
    got
}

/// Six pushes into four slots with a thief: wraps, overflows, loses nothing.
#[test]
fn push_pop_steal() {
    model(|| {
        let q = Arc::new(LocalQueue::<usize>::default());
        let thief = {
            let q = q.clone();
            thread::spawn(move || steal_all(&q, 2))
        };
        let over = Spill(Mutex::new(Vec::new()));
        let mut got = Vec::new();
        for i in 1..=6 {
            q.push(item(i), &over);
            if i == 3 {
                let t = q.pop(false);
                if !t.is_null() {
                    got.push(t as usize);
                }
            }
        }
        q.drain(|t| got.push(t as usize));
        got.extend(thief.join().unwrap());
        got.extend(over.0.lock().unwrap().iter());
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3, 4, 5, 6]);
    });
}

/// Two thieves and the owner.
#[test]
fn two_thieves() {
    model(|| {
        let q = Arc::new(LocalQueue::<usize>::default());
        let over = Spill(Mutex::new(Vec::new()));
        for i in 1..=3 {
            q.push(item(i), &over);
        }
        let thieves: Vec<_> = (0..2)
            .map(|_| {
                let q = q.clone();
                thread::spawn(move || steal_all(&q, 1))
            })
            .collect();
        let mut got = Vec::new();
        let t = q.pop(false);
        if !t.is_null() {
            got.push(t as usize);
        }
        for t in thieves {
            got.extend(t.join().unwrap());
        }
        q.drain(|t| got.push(t as usize));
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3]);
    });
}

/// `runnext` goes to the owner or to one thief.
#[test]
fn runnext_is_taken_once() {
    model(|| {
        let q = Arc::new(LocalQueue::<usize>::default());
        q.put_next(item(1), false);
        let thief = {
            let q = q.clone();
            thread::spawn(move || q.steal_next(q.peek_next()))
        };
        let mine = !q.take_next(false).is_null();
        assert!(mine != thief.join().unwrap());
    });
}

/// The wake-up protocol: a searcher goes to sleep while a submitter queues one item. The
/// item must be run by somebody (else the model reports a deadlock).
#[test]
fn no_lost_wakeup() {
    model(|| {
        let idle = Arc::new(Idle::default());
        let q = Arc::new(LocalQueue::<usize>::default());
        let note = Arc::new(Notify::new());
        idle.start_spinning();
        let searcher = {
            let (idle, q, note) = (idle.clone(), q.clone(), note.clone());
            thread::spawn(move || {
                loop {
                    // Spinning; found nothing so far.
                    let mine = LocalQueue::default();
                    let t = q.steal_into(&mine);
                    if !t.is_null() {
                        return t as usize;
                    }
                    idle.p_idle();
                    idle.stop_spinning();
                    idle.last_look();
                    if q.has_ring() {
                        idle.p_busy();
                        idle.start_spinning();
                        continue;
                    }
                    note.wait();
                    // The waker claimed the spinning slot for us.
                    idle.p_busy();
                }
            })
        };
        let over = Spill(Mutex::new(Vec::new()));
        q.push(item(9), &over);
        if idle.claim_wake() {
            note.notify();
        }
        assert_eq!(searcher.join().unwrap(), 9);
    });
}
