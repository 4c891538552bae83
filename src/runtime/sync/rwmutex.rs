//! `sync.RWMutex`: a waiting writer keeps new readers out, as in Go.
//!
//! Words: the writers' mutex, writer sema, reader sema, reader count (negative by
//! `MAX_READERS` while a writer is pending or in), readers the pending writer waits for.

use super::Sync;
use super::mutex::{self, Mutex};
use super::sema::{self, Wait};
use crate::runtime::fault;
use crate::runtime::prim::word::{AtomicI32, AtomicU32, Ordering};
use crate::runtime::sched::task::{G, Pending};
use crate::runtime::sched::worker::Worker;
use crate::runtime::wait_reason::WaitReason;

const MAX_READERS: i32 = 1 << 30;

/// A guest `sync.RWMutex` (24 bytes).
#[repr(C)]
#[derive(Default)]
pub struct RwMutex {
    w: Mutex,
    writer_sema: AtomicU32,
    reader_sema: AtomicU32,
    readers: AtomicI32,
    reader_wait: AtomicI32,
}

fn direct(reason: WaitReason) -> Wait {
    Wait {
        reason,
        pending: Pending::None,
        front: false,
        since: 0,
    }
}

impl RwMutex {
    /// The lock at a guest address.
    ///
    /// # Safety
    /// `p` points to 24 live, 4-aligned bytes that are only used as an RWMutex.
    #[inline]
    pub unsafe fn at<'a>(p: *const u8) -> &'a RwMutex {
        // SAFETY: by the caller's promise; all-zero bytes are a valid lock.
        unsafe { &*p.cast() }
    }

    /// Whether a writer has it (or waits for readers to leave) and how many readers do, for
    /// messages. Readers that wait for a writer are not counted.
    pub fn holders(&self) -> (bool, u32) {
        let n = self.readers.load(Ordering::Relaxed);
        if n >= 0 {
            return (false, n as u32);
        }
        let inside = self.reader_wait.load(Ordering::Relaxed).max(0) as u32;
        (inside == 0, inside)
    }

    /// `RLock`.
    #[inline]
    pub fn rlock(&self, w: &Worker, g: &G) -> Sync {
        if self.readers.fetch_add(1, Ordering::AcqRel).wrapping_add(1) >= 0 {
            return Sync::Done;
        }
        sema::acquire_with(w, g, &self.reader_sema, &direct(WaitReason::RwMutexRLock))
    }

    /// `TryRLock`.
    pub fn try_rlock(&self) -> bool {
        let mut n = self.readers.load(Ordering::Relaxed);
        while n >= 0 {
            match self
                .readers
                .compare_exchange(n, n + 1, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => n = now,
            }
        }
        false
    }

    /// `RUnlock`.
    #[inline]
    pub fn runlock(&self, w: &Worker) -> Sync {
        let n = self.readers.fetch_sub(1, Ordering::AcqRel).wrapping_sub(1);
        if n >= 0 {
            Sync::Done
        } else {
            self.runlock_slow(w, n)
        }
    }

    #[cold]
    fn runlock_slow(&self, w: &Worker, n: i32) -> Sync {
        if n == -1 || n.wrapping_add(1) == -MAX_READERS {
            return Sync::Fault(fault::RUNLOCK_UNLOCKED);
        }
        if self.reader_wait.fetch_sub(1, Ordering::AcqRel) == 1 {
            sema::release(w, &self.writer_sema);
        }
        Sync::Done
    }

    /// `Lock`.
    pub fn lock(&self, w: &Worker, g: &G) -> Sync {
        match self
            .w
            .lock_as(w, g, WaitReason::RwMutexLock, Pending::RwLock)
        {
            Sync::Done => self.wait_readers(w, g),
            other => other,
        }
    }

    /// Second stage of `Lock`: keep new readers out, wait for those inside.
    fn wait_readers(&self, w: &Worker, g: &G) -> Sync {
        let inside = self.readers.fetch_sub(MAX_READERS, Ordering::AcqRel);
        if inside != 0 && self.reader_wait.fetch_add(inside, Ordering::AcqRel) + inside != 0 {
            return sema::acquire_with(w, g, &self.writer_sema, &direct(WaitReason::RwMutexLock));
        }
        Sync::Done
    }

    /// `TryLock`.
    pub fn try_lock(&self, w: &Worker) -> bool {
        if !self.w.try_lock() {
            return false;
        }
        let got = self
            .readers
            .compare_exchange(0, -MAX_READERS, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if !got {
            self.w.unlock(w);
        }
        got
    }

    /// `Unlock`.
    pub fn unlock(&self, w: &Worker) -> Sync {
        let n = self
            .readers
            .fetch_add(MAX_READERS, Ordering::AcqRel)
            .wrapping_add(MAX_READERS);
        if !(0..MAX_READERS).contains(&n) {
            return Sync::Fault(fault::RW_UNLOCK_UNLOCKED);
        }
        for _ in 0..n {
            sema::release(w, &self.reader_sema);
        }
        self.w.unlock(w)
    }
}

/// The M loop: a writer waiting for the inner mutex was woken.
pub(super) fn resume(w: &Worker, g: &G) -> Sync {
    let m: *const Mutex = mutex::waited_on(g);
    match mutex::resume_as(w, g, WaitReason::RwMutexLock, Pending::RwLock) {
        // SAFETY: `Pending::RwLock` is only set for the mutex that begins an RwMutex.
        Sync::Done => unsafe { RwMutex::at(m.cast()) }.wait_readers(w, g),
        other => other,
    }
}

const _: () = assert!(std::mem::size_of::<RwMutex>() == 24);
const _: () = assert!(std::mem::offset_of!(RwMutex, w) == 0);
