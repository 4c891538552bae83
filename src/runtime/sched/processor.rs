//! `P`: the right to run Go code, with everything an M needs close by.
//!
//! Who may touch what. Plain cells belong to the M that holds the P, or to whoever
//! stopped the world. `status` decides who that is:
//! Idle → Running under the scheduler's lock; Running → Blocking by the owner;
//! Blocking → Running (owner back), Idle (retaken) or Stopped (world stopping) by
//! compare-and-swap, one winner; Running → Stopped by the owner; Stopped → any by the
//! stopper under the scheduler's lock.

use super::queue::LocalQueue;
use super::task::{G, Sudog};
use super::worker::Worker;
use crate::runtime::prim::word::{AtomicI64, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::runtime::timers::heap::TimerHeap;
use std::cell::{Cell, UnsafeCell};
use std::ptr::{null, null_mut};

/// Values of `P::status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Status {
    Idle,
    Running,
    /// Its M is in a blocking call and may lose it.
    Blocking,
    /// Stopped for the world.
    Stopped,
    /// Above the current GOMAXPROCS.
    Dead,
}

/// A processor. See the module text.
#[repr(align(128))]
pub struct P {
    pub id: u32,
    /// The executor's words (its allocation cache).
    pub ext: UnsafeCell<[usize; 4]>,
    status: AtomicU32,
    /// The M that holds it (null: none).
    pub(crate) m: AtomicPtr<Worker>,
    pub(crate) runq: LocalQueue<G>,
    /// No other P exists: plain stores suffice on the run queue.
    pub(crate) sole: Cell<bool>,
    /// Time slices started.
    pub(crate) tick: AtomicU32,
    /// Gs switched to.
    pub(crate) switches: AtomicU64,
    /// Blocking calls entered.
    pub(crate) block_tick: AtomicU32,
    /// Soft wake-ups still to leave out.
    pub(crate) wake_skip: Cell<u32>,
    /// Gs started minus ended here (may be negative; the sum over all Ps counts).
    pub(crate) live: AtomicI64,
    pub(crate) spawned: AtomicU64,
    pub(crate) g_free: Cell<*const G>,
    pub(crate) g_free_len: Cell<usize>,
    pub(crate) id_next: Cell<u64>,
    pub(crate) id_end: Cell<u64>,
    pub(crate) sudog_free: Cell<*const Sudog>,
    pub(crate) sudog_free_len: Cell<usize>,
    pub(crate) timers: TimerHeap,
}

// SAFETY: the module text says who may touch the plain fields.
unsafe impl Sync for P {}
// SAFETY: as above.
unsafe impl Send for P {}

impl P {
    pub(crate) fn new(id: u32, ext: [usize; 4]) -> P {
        P {
            id,
            ext: UnsafeCell::new(ext),
            status: AtomicU32::new(Status::Dead as u32),
            m: AtomicPtr::new(null_mut()),
            runq: LocalQueue::default(),
            sole: Cell::new(false),
            // Not 0: a new program must not begin with the global queue's turn.
            tick: AtomicU32::new(1),
            switches: AtomicU64::new(0),
            block_tick: AtomicU32::new(0),
            wake_skip: Cell::new(0),
            live: AtomicI64::new(0),
            spawned: AtomicU64::new(0),
            g_free: Cell::new(null()),
            g_free_len: Cell::new(0),
            id_next: Cell::new(0),
            id_end: Cell::new(0),
            sudog_free: Cell::new(null()),
            sudog_free_len: Cell::new(0),
            timers: TimerHeap::new(id),
        }
    }

    pub fn status(&self) -> Status {
        match self.status.load(Ordering::Acquire) {
            0 => Status::Idle,
            1 => Status::Running,
            2 => Status::Blocking,
            3 => Status::Stopped,
            _ => Status::Dead,
        }
    }
    pub(crate) fn set_status(&self, s: Status) {
        self.status.store(s as u32, Ordering::Release);
    }
    pub(crate) fn cas_status(&self, from: Status, to: Status) -> bool {
        self.status
            .compare_exchange(from as u32, to as u32, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
    /// Adds to a counter that only the owner writes.
    #[inline]
    pub(crate) fn bump(c: &AtomicU64) {
        c.store(c.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
    #[inline]
    pub(crate) fn bump32(c: &AtomicU32) {
        c.store(c.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    #[inline]
    pub(crate) fn add_live(&self, n: i64) {
        self.live
            .store(self.live.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }
    /// Something is queued here.
    pub(crate) fn has_work(&self) -> bool {
        self.runq.has_ring() || !self.runq.peek_next().is_null()
    }
}

impl Drop for P {
    fn drop(&mut self) {
        let mut s = self.sudog_free.get();
        while !s.is_null() {
            // SAFETY: the free list owns boxed sudogs.
            let b = unsafe { Box::from_raw(s.cast_mut()) };
            s = b.next.get();
        }
    }
}
