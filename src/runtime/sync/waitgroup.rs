//! `sync.WaitGroup`. Words: state u64 (counter in the high half, waiters in the low),
//! sema u32, bubble u32.

use super::Sync;
use super::sema::{self, Wait};
use crate::runtime::fault::{self, Fault};
use crate::runtime::prim::word::{AtomicU32, AtomicU64, Ordering};
use crate::runtime::sched::task::{G, Pending};
use crate::runtime::sched::worker::Worker;
use crate::runtime::wait_reason::WaitReason;

/// A guest `sync.WaitGroup` (16 bytes).
#[repr(C)]
#[derive(Default)]
pub struct WaitGroup {
    state: AtomicU64,
    sema: AtomicU32,
    /// Slot of the bubble it was first used in (0: none).
    bubble: AtomicU32,
}

fn split(state: u64) -> (i32, u32) {
    ((state >> 32) as i32, state as u32)
}

impl WaitGroup {
    /// The group at a guest address.
    ///
    /// # Safety
    /// `p` points to 16 live, 8-aligned bytes that are only used as a WaitGroup.
    #[inline]
    pub unsafe fn at<'a>(p: *const u8) -> &'a WaitGroup {
        // SAFETY: by the caller's promise; all-zero bytes are a valid group.
        unsafe { &*p.cast() }
    }

    /// The count, for messages.
    pub fn count(&self) -> i32 {
        split(self.state.load(Ordering::Relaxed)).0
    }

    /// `Add(delta)`; `Done` is `add(-1)`.
    #[inline]
    pub fn add(&self, w: &Worker, delta: i32) -> Sync {
        self.add_with(w, delta, |_, _| ())
    }
    /// [`WaitGroup::add`]; `f` learns the new count and the number of waiters.
    #[inline]
    pub fn add_with(&self, w: &Worker, delta: i32, f: impl FnOnce(i32, u32)) -> Sync {
        let add = u64::from(delta as u32) << 32;
        let state = self
            .state
            .fetch_add(add, Ordering::AcqRel)
            .wrapping_add(add);
        let (count, waiters) = split(state);
        f(count, waiters);
        if count >= 0 && waiters == 0 {
            return Sync::Done;
        }
        self.add_slow(w, delta, state)
    }

    /// A group whose count is zero again belongs to nobody.
    #[inline]
    fn free(&self) {
        if self.bubble.load(Ordering::Relaxed) != 0 {
            self.bubble.store(0, Ordering::Relaxed);
        }
    }
    /// Notes that the running goroutine calls Add: a group in the heap (`own`) belongs to
    /// the bubble it is first used in.
    #[inline]
    pub fn used_in(&self, g: &G, own: impl FnOnce() -> bool) -> Option<Fault> {
        let slot = self.bubble.load(Ordering::Relaxed);
        if slot == 0 && g.bubble().is_none() {
            return None;
        }
        self.used_in_bubble(slot, u32::from(g.bubble_slot()), own())
    }
    #[cold]
    fn used_in_bubble(&self, slot: u32, mine: u32, own: bool) -> Option<Fault> {
        if mine == 0 {
            return Some(fault::WG_HALF_BUBBLED);
        }
        if !own || slot == mine {
            return None;
        }
        if slot != 0 {
            return Some(fault::WG_TWO_BUBBLES);
        }
        if self.state.load(Ordering::Relaxed) != 0 {
            return Some(fault::WG_HALF_BUBBLED);
        }
        self.bubble.store(mine, Ordering::Relaxed);
        None
    }
    /// Whether the group with this semaphore belongs to a bubble.
    pub(crate) fn is_bubbled(sema: usize) -> bool {
        let at = sema - std::mem::offset_of!(WaitGroup, sema);
        // SAFETY: the parking G's frame keeps the group alive.
        let g = unsafe { WaitGroup::at(at as *const u8) };
        g.bubble.load(Ordering::Relaxed) != 0
    }

    #[cold]
    fn add_slow(&self, w: &Worker, delta: i32, state: u64) -> Sync {
        let (count, waiters) = split(state);
        if count < 0 {
            return Sync::Fault(fault::WG_NEGATIVE);
        }
        if delta > 0 && count == delta {
            return Sync::Fault(fault::WG_MISUSE);
        }
        if count > 0 {
            return Sync::Done;
        }
        // Zero with waiters: nobody may change the state now.
        if self
            .state
            .compare_exchange(state, 0, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            return Sync::Fault(fault::WG_MISUSE);
        }
        self.free();
        for _ in 0..waiters {
            sema::release(w, &self.sema);
        }
        Sync::Done
    }

    /// `Wait`. A parked G may find `Wake::WgReused`.
    #[inline]
    pub fn wait(&self, w: &Worker, g: &G) -> Sync {
        self.wait_with(w, g, |_| ())
    }
    /// [`WaitGroup::wait`]; `f` learns how many waited before, if this one has to wait too.
    #[inline]
    pub fn wait_with(&self, w: &Worker, g: &G, f: impl FnOnce(u32)) -> Sync {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            if split(state).0 == 0 {
                self.free();
                return Sync::Done;
            }
            match self
                .state
                .compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        f(split(state).1);
        let wait = Wait {
            reason: WaitReason::WaitGroupWait,
            pending: Pending::WaitGroup,
            front: false,
            since: 0,
        };
        match sema::acquire_with(w, g, &self.sema, &wait) {
            Sync::Done if self.state.load(Ordering::Relaxed) != 0 => Sync::Fault(fault::WG_REUSED),
            other => other,
        }
    }
}

/// The M loop: a waiter on the semaphore at `sema` was woken; the state must be zero.
pub(super) fn was_reused(sema: usize) -> bool {
    let at = sema - std::mem::offset_of!(WaitGroup, sema);
    // SAFETY: the G's frame keeps the group alive until the operation is complete.
    unsafe { WaitGroup::at(at as *const u8) }
        .state
        .load(Ordering::Relaxed)
        != 0
}

const _: () = assert!(std::mem::size_of::<WaitGroup>() == 16);
