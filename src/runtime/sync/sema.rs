//! The semaphore table: where Gs wait for a word in guest memory.
//!
//! A semaphore is a u32 count. `acquire` takes one or parks; `release` with a waiter hands
//! the unit over directly (the count stays), without one it increments. First in, first
//! out, except that a mutex waiter that lost the race goes to the front.
//!
//! Lost wake-ups: an acquirer announces itself in the bucket's `waiters`, fences, and
//! looks at the count once more under the lock; a releaser increments, fences, and looks at
//! `waiters`. One of them sees the other.
//!
//! A bucket is a list of heads, one per distinct address (`Sudog::next`/`prev`); a head's
//! further waiters hang on `link`, and its `ok_dst` holds the last of them.

use super::Sync;
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim::RawLock;
use crate::runtime::prim::word::{AtomicU32, Ordering, fence};
use crate::runtime::sched::task::{G, Pending, Sudog, SudogRef};
use crate::runtime::sched::worker::Worker;
use crate::runtime::tuning::SEMA_BUCKETS;
use crate::runtime::wait_reason::WaitReason;
use std::cell::Cell;
use std::ptr::null;

/// One bucket.
pub(crate) struct Bucket {
    pub(crate) lock: RawLock,
    waiters: AtomicU32,
    first: Cell<*const Sudog>,
}

/// The table of one runtime.
pub struct SemaTable {
    buckets: Box<[Bucket]>,
}

// SAFETY: the lists are guarded by their bucket's lock.
unsafe impl Send for Bucket {}
// SAFETY: as above.
unsafe impl std::marker::Sync for Bucket {}

impl Default for SemaTable {
    fn default() -> SemaTable {
        let empty = || Bucket {
            lock: RawLock::new(),
            waiters: AtomicU32::new(0),
            first: Cell::new(null()),
        };
        SemaTable {
            buckets: (0..SEMA_BUCKETS).map(|_| empty()).collect(),
        }
    }
}

impl SemaTable {
    pub(crate) fn bucket(&self, addr: usize) -> &Bucket {
        &self.buckets[(addr >> 3) % SEMA_BUCKETS]
    }
}

fn at(s: *const Sudog) -> Option<SudogRef> {
    // SAFETY: list links are null or sudogs queued in this bucket, whose lock is held.
    unsafe { SudogRef::from_ptr(s) }
}

impl Bucket {
    fn find(&self, addr: usize) -> Option<SudogRef> {
        let mut s = at(self.first.get());
        while let Some(sd) = s {
            if sd.obj.get() == addr {
                return Some(sd);
            }
            s = at(sd.next.get());
        }
        None
    }

    fn last_of(head: SudogRef) -> SudogRef {
        at(head.ok_dst.get().cast_const().cast()).unwrap_or(head)
    }
    fn set_last(head: SudogRef, last: *const Sudog) {
        head.ok_dst.set(last.cast_mut().cast());
    }

    fn push(&self, sd: SudogRef, addr: usize, front: bool) {
        sd.link.set(null());
        match self.find(addr) {
            None => {
                Self::set_last(sd, sd.as_ptr());
                self.link_head(sd);
            }
            Some(head) if front => {
                Self::set_last(sd, Self::last_of(head).as_ptr());
                sd.link.set(head.as_ptr());
                self.unlink_head(head);
                self.link_head(sd);
            }
            Some(head) => {
                Self::last_of(head).link.set(sd.as_ptr());
                Self::set_last(head, sd.as_ptr());
            }
        }
    }

    fn pop(&self, addr: usize) -> Option<SudogRef> {
        let head = self.find(addr)?;
        let last = Self::last_of(head);
        self.unlink_head(head);
        if let Some(next) = at(head.link.get()) {
            Self::set_last(next, last.as_ptr());
            self.link_head(next);
        }
        head.link.set(null());
        Some(head)
    }

    fn link_head(&self, sd: SudogRef) {
        sd.prev.set(null());
        sd.next.set(self.first.get());
        if let Some(f) = at(self.first.get()) {
            f.prev.set(sd.as_ptr());
        }
        self.first.set(sd.as_ptr());
    }
    fn unlink_head(&self, sd: SudogRef) {
        match at(sd.prev.get()) {
            None => self.first.set(sd.next.get()),
            Some(p) => p.next.set(sd.next.get()),
        }
        if let Some(n) = at(sd.next.get()) {
            n.prev.set(sd.prev.get());
        }
    }
}

fn try_take(s: &AtomicU32) -> bool {
    let mut v = s.load(Ordering::Relaxed);
    while v > 0 {
        match s.compare_exchange_weak(v, v - 1, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => v = now,
        }
    }
    false
}

/// What a parking acquirer tells the table.
pub(super) struct Wait {
    pub(super) reason: WaitReason,
    /// What the M loop must do after the wake-up; it finds `obj` in the sudog.
    pub(super) pending: Pending,
    /// Queue before all others (a mutex waiter that lost).
    pub(super) front: bool,
    /// Kept for the mutex: when its wait began.
    pub(super) since: i64,
}

/// Takes a unit of `s` or parks the running G.
pub(super) fn acquire_with(w: &Worker, g: &G, s: &AtomicU32, how: &Wait) -> Sync {
    if try_take(s) {
        return Sync::Done;
    }
    let addr = s.as_ptr() as usize;
    let b = w.rt().sema.bucket(addr);
    b.lock.lock(Rank::Sema);
    b.waiters.fetch_add(1, Ordering::SeqCst);
    // Pairs with the fence in `release`.
    fence(Ordering::SeqCst);
    if try_take(s) {
        b.waiters.fetch_sub(1, Ordering::Relaxed);
        b.lock.unlock(Rank::Sema);
        return Sync::Done;
    }
    let sd = &g.sudog;
    sd.elem
        .set(std::ptr::without_provenance_mut(how.since as usize));
    sd.obj.set(addr);
    b.push(sd.sref(), addr, how.front);
    g.pending.set(how.pending);
    w.park_with(g, how.reason, addr, || ());
    b.lock.unlock(Rank::Sema);
    Sync::Parked
}

/// Gives a unit of `s` back, to the first waiter if there is one.
pub(super) fn release(w: &Worker, s: &AtomicU32) {
    let addr = s.as_ptr() as usize;
    let b = w.rt().sema.bucket(addr);
    s.fetch_add(1, Ordering::SeqCst);
    // Pairs with the fence in `acquire_with`.
    fence(Ordering::SeqCst);
    if b.waiters.load(Ordering::SeqCst) == 0 {
        return;
    }
    b.lock.lock(Rank::Sema);
    let mut woken = None;
    // The unit may have gone to somebody running meanwhile.
    if let Some(head) = b.find(addr)
        && try_take(s)
    {
        debug_assert_eq!(head.obj.get(), addr);
        woken = b.pop(addr);
        b.waiters.fetch_sub(1, Ordering::Relaxed);
    }
    b.lock.unlock(Rank::Sema);
    if let Some(sd) = woken {
        w.ready(sd.g_ref());
    }
}

/// `runtime_Semacquire`: takes a unit of the guest word or parks.
pub fn acquire(w: &Worker, g: &G, s: &AtomicU32, reason: WaitReason) -> Sync {
    acquire_with(
        w,
        g,
        s,
        &Wait {
            reason,
            pending: Pending::None,
            front: false,
            since: 0,
        },
    )
}

/// `runtime_Semrelease`.
pub fn give(w: &Worker, s: &AtomicU32) {
    release(w, s);
}
