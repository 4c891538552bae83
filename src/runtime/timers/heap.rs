//! One P's timers: a 4-ary heap of (when, what), ordered by time and then by arrival.
//!
//! `what` is the address of a `Timer`, or that of a sleeping G plus one. The lock guards
//! the vector and the fields of the timers in it; `next` is the first entry's time for
//! everyone to read without the lock.

use super::{CLAIMED, Kind, NEVER, Timer, send_time};
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim::Locked;
use crate::runtime::prim::word::{AtomicI64, Ordering};
use crate::runtime::sched::Runtime;
use crate::runtime::sched::processor::P;
use crate::runtime::sched::task::{G, GRef};
use crate::runtime::sched::worker::Worker;
use crate::runtime::tuning::{HEAP_ARITY, TIMER_CHECK_TICKS};
use crate::runtime::wait_reason::WaitReason;

#[derive(Clone, Copy)]
struct Entry {
    when: i64,
    what: usize,
}

impl Entry {
    fn timer(&self) -> Option<&Timer> {
        // SAFETY: an even entry is the address of a pending timer, which is kept alive
        // (it is a root) and whose fields the heap's lock guards.
        (self.what & 1 == 0).then(|| unsafe { &*(self.what as *const Timer) })
    }
    fn moved_to(&self, pos: usize) {
        if let Some(t) = self.timer() {
            t.pos.set(pos as u32);
        }
    }
}

/// See the module text.
pub struct TimerHeap {
    id: u32,
    next: AtomicI64,
    entries: Locked<Vec<Entry>>,
}

/// Set in the number of a heap that is a bubble's; the rest is the slot.
pub(super) const BUBBLE: u32 = 1 << 30;

impl TimerHeap {
    /// The timers of the bubble in a slot.
    pub(crate) fn of_bubble(slot: crate::runtime::bubble::Slot) -> TimerHeap {
        TimerHeap::new(BUBBLE | u32::from(slot))
    }
    fn is_bubbles(&self) -> bool {
        self.id & BUBBLE != 0
    }
    /// Forgets all timers, which become stopped ones.
    pub(crate) fn clear(&self) {
        self.entries.with(Rank::Timers, |v| {
            for t in v.iter().filter_map(Entry::timer) {
                t.home.store(0, Ordering::Release);
            }
            v.clear();
            self.changed(v);
        });
    }
    pub(crate) fn new(id: u32) -> TimerHeap {
        TimerHeap {
            id,
            next: AtomicI64::new(NEVER),
            entries: Locked::new(Vec::new()),
        }
    }

    /// When the first entry is due (NEVER: none).
    #[inline]
    pub fn next(&self) -> i64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Cheap test for the scheduler's fast path: is something due, as far as one can tell
    /// without reading the clock every time?
    #[inline]
    pub(crate) fn maybe_due(&self, rt: &Runtime, p: &P) -> bool {
        let next = self.next();
        if next == NEVER {
            return false;
        }
        let turn = (p.switches.load(Ordering::Relaxed) as u32).is_multiple_of(TIMER_CHECK_TICKS);
        next <= rt.coarse_now() || (turn && next <= rt.update_clock())
    }

    fn changed(&self, v: &[Entry]) {
        self.next
            .store(v.first().map_or(NEVER, |e| e.when), Ordering::Relaxed);
    }

    fn push(&self, v: &mut Vec<Entry>, e: Entry) {
        v.push(e);
        let last = v.len() - 1;
        sift_up(v, last);
        self.changed(v);
    }

    /// Adds a claimed timer.
    pub(super) fn insert(&self, rt: &Runtime, t: &Timer) {
        let when = t.when.get();
        self.entries.with(Rank::Timers, |v| {
            self.push(
                v,
                Entry {
                    when,
                    what: t as *const Timer as usize,
                },
            );
            t.home.store(self.id + 1, Ordering::Release);
        });
        if !self.is_bubbles() {
            rt.timer_moved_up(when);
        }
    }

    /// Parks the running G until `when`.
    pub(super) fn sleep(&self, w: &Worker, g: &G, when: i64, reason: WaitReason) {
        let rt = w.rt();
        self.entries.with(Rank::Timers, |v| {
            w.park_with(g, reason, 0, || {
                self.push(
                    v,
                    Entry {
                        when,
                        what: g as *const G as usize + 1,
                    },
                );
            });
        });
        if !self.is_bubbles() {
            rt.timer_moved_up(when);
        }
    }

    /// When a goroutine that sleeps here is due (the world is stopped).
    pub(crate) fn sleeps_until(&self, g: &G) -> Option<i64> {
        let what = g as *const G as usize + 1;
        self.entries.with(Rank::Timers, |v| {
            v.iter().find(|e| e.what == what).map(|e| e.when)
        })
    }

    /// Takes out a sleeping goroutine (the world is stopped). False: it is not here.
    pub(crate) fn wake_early(&self, g: &G) -> bool {
        let what = g as *const G as usize + 1;
        self.entries.with(Rank::Timers, |v| {
            let at = v.iter().position(|e| e.what == what);
            if let Some(i) = at {
                take_at(v, i);
                self.changed(v);
            }
            at.is_some()
        })
    }

    /// Removes a timer that was seen in this heap; false if it has left meanwhile.
    pub(super) fn remove(&self, t: &Timer, home: u32) -> bool {
        self.entries.with(Rank::Timers, |v| {
            if t.home.load(Ordering::Relaxed) != self.id + 1 {
                return false;
            }
            take_at(v, t.pos.get() as usize);
            self.changed(v);
            t.home.store(home, Ordering::Release);
            true
        })
    }

    /// Runs what is due. The caller's M holds a P (not necessarily this heap's). True if
    /// anything ran.
    pub(crate) fn run_due(&self, w: &Worker) -> bool {
        if self.next() == NEVER {
            return false;
        }
        self.run_until(w, w.rt().update_clock())
    }

    /// Runs what is due at `now`. True if anything ran.
    pub(crate) fn run_until(&self, w: &Worker, now: i64) -> bool {
        let mut ran = false;
        let mut later: Vec<Later> = Vec::new();
        while self.next() <= now {
            // One lock for a batch; functions are started outside it.
            self.entries.with(Rank::Timers, |v| {
                while let Some(&e) = v.first()
                    && e.when <= now
                    && later.len() < 64
                {
                    ran = true;
                    self.fire(w, v, e, now, &mut later);
                }
                self.changed(v);
            });
            for Later { kind, arg, timer } in later.drain(..) {
                if kind == Kind::Net as u32 {
                    w.rt().net.deadline_passed(w, arg);
                } else {
                    w.rt().exec.fire_func(w, arg, timer);
                }
            }
        }
        ran
    }

    fn fire(&self, w: &Worker, v: &mut Vec<Entry>, e: Entry, now: i64, later: &mut Vec<Later>) {
        let Some(t) = e.timer() else {
            take_at(v, 0);
            // SAFETY: a tagged entry is a sleeping registry G.
            w.ready_tail(unsafe { GRef::from_ptr((e.what - 1) as *const G) });
            return;
        };
        let period = t.period.get();
        if period > 0 {
            // The next multiple after now: a slow receiver loses ticks, as in Go.
            let missed = (now - e.when) / period + 1;
            let next = e
                .when
                .saturating_add(missed.saturating_mul(period))
                .min(NEVER - 1);
            t.when.set(next);
            v[0].when = next;
            sift_down(v, 0);
        } else {
            take_at(v, 0);
        }
        if t.kind.get() == Kind::SendTime as u32 {
            send_time(w, t, now);
        } else {
            later.push(Later {
                kind: t.kind.get(),
                arg: t.arg.get(),
                timer: t as *const Timer as usize,
            });
        }
        if period <= 0 {
            t.home.store(0, Ordering::Release);
        }
    }

    /// Moves everything to `to` (the world is stopped).
    pub(crate) fn move_to(&self, to: &TimerHeap) {
        let all = self.entries.with(Rank::Timers, |v| {
            let all = std::mem::take(v);
            self.changed(v);
            all
        });
        to.entries.with(Rank::Timers, |v| {
            for e in all {
                if let Some(t) = e.timer() {
                    debug_assert_ne!(t.home.load(Ordering::Relaxed), CLAIMED);
                    t.home.store(to.id + 1, Ordering::Release);
                }
                to.push(v, e);
            }
        });
    }

    /// Keeps only the timers for which `keep` is true (the world is stopped). Those it
    /// drops must be out of everybody's reach.
    pub(crate) fn retain(&self, keep: &mut impl FnMut(&Timer) -> bool) {
        self.entries.with(Rank::Timers, |v| {
            let before = v.len();
            v.retain(|e| e.timer().is_none_or(&mut *keep));
            if v.len() == before {
                return;
            }
            for (i, e) in v.iter().enumerate() {
                e.moved_to(i);
            }
            for i in (0..v.len() / HEAP_ARITY + 1).rev() {
                if i < v.len() {
                    sift_down(v, i);
                }
            }
            v.shrink_to(2 * v.len());
            self.changed(v);
        });
    }

    /// Calls `f` for every pending timer (the world is stopped).
    pub(crate) fn for_each(&self, f: &mut impl FnMut(&Timer)) {
        self.entries.with(Rank::Timers, |v| {
            v.iter().filter_map(Entry::timer).for_each(&mut *f)
        });
    }
    /// Pending entries, sleepers included.
    pub fn len(&self) -> usize {
        self.entries.with(Rank::Timers, |v| v.len())
    }
    /// Nothing pending.
    pub fn is_empty(&self) -> bool {
        self.next() == NEVER
    }
}

/// What a due timer wants done outside the heap's lock.
struct Later {
    kind: u32,
    arg: usize,
    timer: usize,
}

fn take_at(v: &mut Vec<Entry>, at: usize) {
    v.swap_remove(at);
    if at < v.len() {
        v[at].moved_to(at);
        if !sift_up(v, at) {
            sift_down(v, at);
        }
    }
}

fn sift_up(v: &mut [Entry], mut at: usize) -> bool {
    let e = v[at];
    let start = at;
    while at > 0 {
        let parent = (at - 1) / HEAP_ARITY;
        if v[parent].when <= e.when {
            break;
        }
        v[at] = v[parent];
        v[at].moved_to(at);
        at = parent;
    }
    v[at] = e;
    e.moved_to(at);
    at != start
}

fn sift_down(v: &mut [Entry], mut at: usize) {
    let e = v[at];
    loop {
        let first = at * HEAP_ARITY + 1;
        let children = first..(first + HEAP_ARITY).min(v.len());
        let Some(least) = children.min_by_key(|&i| v[i].when) else {
            break;
        };
        if v[least].when >= e.when {
            break;
        }
        v[at] = v[least];
        v[at].moved_to(at);
        at = least;
    }
    v[at] = e;
    e.moved_to(at);
}
