//! A P's run queue: a lock-free ring of 256 slots and `runnext`.
//!
//! Protocol.
//! * One *owner* (the M that holds the P) pushes and pops; any number of *thieves* take
//!   up to half from the head. `tail` is written by the owner only; `head` moves by
//!   compare-and-swap, by whoever consumes.
//! * A slot between head and tail is not overwritten: the owner checks `head` (Acquire,
//!   pairs with the Release of the consumers' swap) before it reuses a slot.
//! * A slot's value is published by the Release store of `tail`; thieves read `tail`
//!   with Acquire.
//! * `runnext` holds the G that the running G has just made ready. It runs next and
//!   inherits the rest of the time slice. The owner swaps it in and out; a thief takes it
//!   only by swapping exactly the value it watched.
//! * `sole`: the owner may pass `true` while no other P exists. Then nobody else
//!   consumes, and plain stores replace the read-modify-writes (5 ns each). The number of
//!   Ps changes only while the world is stopped.
//!
//! Counters wrap: only differences are used.

use crate::runtime::prim::atomic::{AtomicPtr, AtomicU32, Ordering};
use crate::runtime::tuning::RUNQ_CAP;
use std::ptr::null_mut;

const CAP: u32 = RUNQ_CAP as u32;

/// Where the owner puts what the ring cannot hold.
pub trait Overflow<T> {
    /// Takes over a batch, oldest first.
    fn push_batch(&self, batch: &[*mut T]);
}

/// Overflow of a push that cannot overflow: at most half a ring into an empty one.
pub struct NoOverflow;
impl<T> Overflow<T> for NoOverflow {
    fn push_batch(&self, _: &[*mut T]) {
        unreachable!("half a ring fits into an empty one");
    }
}

/// The queue; see the module text.
pub struct LocalQueue<T> {
    head: AtomicU32,
    tail: AtomicU32,
    runnext: AtomicPtr<T>,
    slots: Box<[AtomicPtr<T>; RUNQ_CAP]>,
}

impl<T> Default for LocalQueue<T> {
    fn default() -> Self {
        let slots: Vec<_> = (0..RUNQ_CAP).map(|_| AtomicPtr::new(null_mut())).collect();
        let slots = slots.into_boxed_slice().try_into();
        LocalQueue {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            runnext: AtomicPtr::new(null_mut()),
            slots: slots.unwrap_or_else(|_| unreachable!("the vector has RUNQ_CAP slots")),
        }
    }
}

impl<T> LocalQueue<T> {
    #[inline]
    fn slot(&self, i: u32) -> &AtomicPtr<T> {
        &self.slots[(i % CAP) as usize]
    }

    /// Owner: appends at the tail; a full ring moves its older half and `t` to `over`.
    #[inline]
    pub fn push(&self, t: *mut T, over: &impl Overflow<T>) {
        loop {
            // Acquire pairs with the consumers' Release: the slot has been read.
            let h = self.head.load(Ordering::Acquire);
            let tail = self.tail.load(Ordering::Relaxed);
            if tail.wrapping_sub(h) < CAP {
                self.slot(tail).store(t, Ordering::Relaxed);
                self.tail.store(tail.wrapping_add(1), Ordering::Release);
                return;
            }
            if self.spill(t, h, over) {
                return;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn spill(&self, t: *mut T, h: u32, over: &impl Overflow<T>) -> bool {
        let mut batch = [null_mut(); RUNQ_CAP / 2 + 1];
        let n = CAP / 2;
        for i in 0..n {
            batch[i as usize] = self.slot(h.wrapping_add(i)).load(Ordering::Relaxed);
        }
        let moved =
            self.head
                .compare_exchange(h, h.wrapping_add(n), Ordering::Release, Ordering::Relaxed);
        if moved.is_err() {
            return false; // a thief made room
        }
        batch[n as usize] = t;
        over.push_batch(&batch);
        true
    }

    /// Owner: makes `t` the next to run; what was next is returned and must be pushed.
    #[inline]
    pub fn put_next(&self, t: *mut T, sole: bool) -> *mut T {
        if sole {
            let old = self.runnext.load(Ordering::Relaxed);
            self.runnext.store(t, Ordering::Relaxed);
            old
        } else {
            self.runnext.swap(t, Ordering::AcqRel)
        }
    }

    /// Owner: takes `runnext` (null when empty).
    #[inline]
    pub fn take_next(&self, sole: bool) -> *mut T {
        let t = self.runnext.load(Ordering::Relaxed);
        if t.is_null() {
            return t;
        }
        if sole {
            self.runnext.store(null_mut(), Ordering::Relaxed);
            t
        } else {
            self.runnext.swap(null_mut(), Ordering::AcqRel)
        }
    }

    /// Owner: takes from the head of the ring (null when empty).
    #[inline]
    pub fn pop(&self, sole: bool) -> *mut T {
        loop {
            let h = self.head.load(Ordering::Acquire);
            if self.tail.load(Ordering::Relaxed) == h {
                return null_mut();
            }
            let t = self.slot(h).load(Ordering::Relaxed);
            let next = h.wrapping_add(1);
            if sole {
                self.head.store(next, Ordering::Release);
                return t;
            }
            if self
                .head
                .compare_exchange(h, next, Ordering::Release, Ordering::Relaxed)
                .is_ok()
            {
                return t;
            }
        }
    }

    /// Anyone: the ring has something (`runnext` aside). A hint unless fenced.
    #[inline]
    pub fn has_ring(&self) -> bool {
        self.head.load(Ordering::Acquire) != self.tail.load(Ordering::Acquire)
    }

    /// Anyone: the ring's length now.
    pub fn ring_len(&self) -> usize {
        let h = self.head.load(Ordering::Acquire);
        (self.tail.load(Ordering::Acquire).wrapping_sub(h).min(CAP)) as usize
    }

    /// Anyone: what `runnext` holds now (not to be dereferenced by non-owners).
    #[inline]
    pub fn peek_next(&self) -> *mut T {
        self.runnext.load(Ordering::Relaxed)
    }

    /// Thief: takes `runnext` if it is still `seen`.
    pub fn steal_next(&self, seen: *mut T) -> bool {
        !seen.is_null()
            && self
                .runnext
                .compare_exchange(seen, null_mut(), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Thief, owner of `dst` (whose ring must be empty): moves half of this ring over and
    /// returns one of them to run (null when there was nothing).
    pub fn steal_into(&self, dst: &LocalQueue<T>) -> *mut T {
        let to = dst.tail.load(Ordering::Relaxed);
        loop {
            let h = self.head.load(Ordering::Acquire);
            // Acquire pairs with the owner's publishing store.
            let avail = self.tail.load(Ordering::Acquire).wrapping_sub(h);
            let n = avail - avail / 2;
            if n == 0 {
                return null_mut();
            }
            if n > CAP / 2 {
                continue; // head moved between the two loads
            }
            for i in 0..n {
                let t = self.slot(h.wrapping_add(i)).load(Ordering::Relaxed);
                dst.slot(to.wrapping_add(i)).store(t, Ordering::Relaxed);
            }
            let next = h.wrapping_add(n);
            if self
                .head
                .compare_exchange(h, next, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
            {
                continue;
            }
            let last = to.wrapping_add(n - 1);
            let t = dst.slot(last).load(Ordering::Relaxed);
            if n > 1 {
                dst.tail.store(last, Ordering::Release);
            }
            return t;
        }
    }

    /// Owner (or anyone while the world is stopped): empties the queue, oldest first,
    /// `runnext` before all.
    pub fn drain(&self, mut f: impl FnMut(*mut T)) {
        let n = self.take_next(false);
        if !n.is_null() {
            f(n);
        }
        loop {
            let t = self.pop(false);
            if t.is_null() {
                return;
            }
            f(t);
        }
    }
}
