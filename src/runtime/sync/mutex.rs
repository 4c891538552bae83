//! `sync.Mutex`: Go's two modes.
//!
//! Words: state (1 locked, 2 woken, 4 starving, waiters × 8), sema. In normal mode an
//! unlock wakes the first waiter, which competes with newcomers (they win often, being on
//! a processor already: that is the throughput). A waiter that failed for 1 ms switches to
//! starvation mode: unlock hands the lock to the first waiter, newcomers queue.

use super::Sync;
use super::sema::{self, Wait};
use crate::runtime::fault;
use crate::runtime::prim;
use crate::runtime::prim::word::{AtomicU32, Ordering};
use crate::runtime::sched::task::{G, Pending};
use crate::runtime::sched::worker::Worker;
use crate::runtime::tuning::{MUTEX_SPIN_PAUSES, MUTEX_SPINS, STARVATION_NS};
use crate::runtime::wait_reason::WaitReason;

const LOCKED: u32 = 1;
const WOKEN: u32 = 2;
const STARVING: u32 = 4;
const WAITER: u32 = 8;

/// A guest `sync.Mutex` (8 bytes).
#[repr(C)]
#[derive(Default)]
pub struct Mutex {
    state: AtomicU32,
    sema: AtomicU32,
}

/// One G's try to get the lock.
struct Try {
    /// When it first parked (0: not yet).
    since: i64,
    starving: bool,
    awoke: bool,
}

impl Mutex {
    /// The mutex at a guest address.
    ///
    /// # Safety
    /// `p` points to 8 live, 4-aligned bytes that are only used as a mutex.
    #[inline]
    pub unsafe fn at<'a>(p: *const u8) -> &'a Mutex {
        // SAFETY: by the caller's promise; all-zero bytes are a valid mutex.
        unsafe { &*p.cast() }
    }

    /// `TryLock`; also the fast path of `Lock`.
    #[inline]
    pub fn try_lock(&self) -> bool {
        let old = self.state.load(Ordering::Relaxed);
        if old & (LOCKED | STARVING) != 0 {
            return false;
        }
        self.state
            .compare_exchange(old, old | LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether somebody has it, for messages.
    pub fn is_locked(&self) -> bool {
        self.state.load(Ordering::Relaxed) & LOCKED != 0
    }

    /// `Lock`.
    #[inline]
    pub fn lock(&self, w: &Worker, g: &G) -> Sync {
        self.lock_as(w, g, WaitReason::MutexLock, Pending::Mutex)
    }

    #[inline]
    pub(super) fn lock_as(&self, w: &Worker, g: &G, reason: WaitReason, then: Pending) -> Sync {
        if self
            .state
            .compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            return Sync::Done;
        }
        self.compete(
            w,
            g,
            reason,
            then,
            Try {
                since: 0,
                starving: false,
                awoke: false,
            },
        )
    }

    #[cold]
    fn compete(&self, w: &Worker, g: &G, reason: WaitReason, then: Pending, mut me: Try) -> Sync {
        let mut spins = 0;
        let mut old = self.state.load(Ordering::Relaxed);
        loop {
            if old & (LOCKED | STARVING) == LOCKED && spins < MUTEX_SPINS && can_spin(w) {
                if !me.awoke && old & WOKEN == 0 && old / WAITER != 0 && self.set(old, old | WOKEN)
                {
                    me.awoke = true;
                }
                prim::pause(MUTEX_SPIN_PAUSES);
                spins += 1;
                old = self.state.load(Ordering::Relaxed);
                continue;
            }
            let mut new = old;
            if old & STARVING == 0 {
                new |= LOCKED;
            }
            if old & (LOCKED | STARVING) != 0 {
                new += WAITER;
            }
            if me.starving && old & LOCKED != 0 {
                new |= STARVING;
            }
            if me.awoke {
                new &= !WOKEN;
            }
            if !self.set(old, new) {
                old = self.state.load(Ordering::Relaxed);
                continue;
            }
            if old & (LOCKED | STARVING) == 0 {
                return Sync::Done;
            }
            let front = me.since != 0;
            if me.since == 0 {
                me.since = prim::nanotime();
            }
            let wait = Wait {
                reason,
                pending: then,
                front,
                since: me.since,
            };
            if sema::acquire_with(w, g, &self.sema, &wait) == Sync::Parked {
                return Sync::Parked;
            }
            match self.woken(me.since) {
                Ok(()) => return Sync::Done,
                Err(again) => me = again,
            }
            spins = 0;
            old = self.state.load(Ordering::Relaxed);
        }
    }

    fn set(&self, old: u32, new: u32) -> bool {
        self.state
            .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// A waiter got its unit: the lock itself (starvation mode), or leave to try again.
    fn woken(&self, since: i64) -> Result<(), Try> {
        let starving = prim::nanotime() - since > STARVATION_NS;
        let old = self.state.load(Ordering::Acquire);
        if old & STARVING == 0 {
            return Err(Try {
                since,
                starving,
                awoke: true,
            });
        }
        // Handed over: locked is not set, and we are still counted as a waiter.
        let mut delta = LOCKED.wrapping_sub(WAITER);
        if !starving || old / WAITER == 1 {
            delta = delta.wrapping_sub(STARVING);
        }
        self.state.fetch_add(delta, Ordering::Acquire);
        Ok(())
    }

    /// `Unlock`.
    #[inline]
    pub fn unlock(&self, w: &Worker) -> Sync {
        let new = self
            .state
            .fetch_sub(LOCKED, Ordering::Release)
            .wrapping_sub(LOCKED);
        if new == 0 {
            Sync::Done
        } else {
            self.unlock_slow(w, new)
        }
    }

    #[cold]
    fn unlock_slow(&self, w: &Worker, new: u32) -> Sync {
        if new.wrapping_add(LOCKED) & LOCKED == 0 {
            return Sync::Fault(fault::UNLOCK_UNLOCKED);
        }
        if new & STARVING != 0 {
            sema::release(w, &self.sema);
            return Sync::Done;
        }
        let mut old = new;
        loop {
            if old / WAITER == 0 || old & (LOCKED | WOKEN | STARVING) != 0 {
                return Sync::Done;
            }
            if self.set(old, (old - WAITER) | WOKEN) {
                sema::release(w, &self.sema);
                return Sync::Done;
            }
            old = self.state.load(Ordering::Relaxed);
        }
    }
}

/// Spinning pays only when the holder may be running elsewhere and nothing waits here.
fn can_spin(w: &Worker) -> bool {
    let rt = w.rt();
    rt.procs() > 1 && rt.idle.idle_ps() + 1 < rt.procs() && !w.p().has_work()
}

/// The M loop: a waiter of this mutex was woken.
pub(super) fn resume(w: &Worker, g: &G) -> Sync {
    resume_as(w, g, WaitReason::MutexLock, Pending::Mutex)
}

pub(super) fn resume_as(w: &Worker, g: &G, reason: WaitReason, then: Pending) -> Sync {
    let m = waited_on(g);
    let since = g.sudog.elem.get() as i64;
    match m.woken(since) {
        Ok(()) => Sync::Done,
        Err(again) => m.compete(w, g, reason, then, again),
    }
}

/// The mutex whose semaphore the G waited on.
pub(super) fn waited_on(g: &G) -> &Mutex {
    let at = g.wait_obj() - std::mem::offset_of!(Mutex, sema);
    // SAFETY: the G's frame keeps the mutex alive until the operation is complete.
    unsafe { Mutex::at(at as *const u8) }
}
