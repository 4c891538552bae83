//! A queue of waiting Gs, first in first out, guarded by its channel's lock.

use crate::runtime::prim::word::Ordering;
use crate::runtime::sched::task::{Sudog, SudogRef};
use std::cell::Cell;
use std::ptr::null;

/// See the module text. All-zero bytes are an empty queue.
#[repr(C)]
pub(super) struct WaitQ {
    first: Cell<*const Sudog>,
    last: Cell<*const Sudog>,
}

impl Default for WaitQ {
    fn default() -> WaitQ {
        WaitQ {
            first: Cell::new(null()),
            last: Cell::new(null()),
        }
    }
}

/// A queued sudog.
fn at(s: *const Sudog) -> Option<SudogRef> {
    // SAFETY: queue links are null or sudogs that stay queued while the lock is held.
    unsafe { SudogRef::from_ptr(s) }
}

impl WaitQ {
    #[inline]
    pub(super) fn push(&self, sd: SudogRef) {
        sd.next.set(null());
        sd.prev.set(self.last.get());
        match at(self.last.get()) {
            None => self.first.set(sd.as_ptr()),
            Some(last) => last.next.set(sd.as_ptr()),
        }
        self.last.set(sd.as_ptr());
    }

    /// Takes the first G that still waits: one in a `select` counts only if this is the
    /// case that decides it.
    #[inline]
    pub(super) fn pop(&self) -> Option<SudogRef> {
        loop {
            let sd = at(self.first.get())?;
            let next = sd.next.get();
            self.first.set(next);
            match at(next) {
                None => self.last.set(null()),
                Some(n) => n.prev.set(null()),
            }
            // Marks it as off the queue for `remove`.
            sd.next.set(null());
            sd.prev.set(null());
            if sd.is_select.get()
                && sd
                    .g_ref()
                    .select_done
                    .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
                    .is_err()
            {
                continue; // another case won
            }
            return Some(sd);
        }
    }

    /// Numbers of the goroutines in the queue, in order.
    pub(super) fn ids(&self) -> Vec<u64> {
        let mut out = Vec::new();
        let mut next = at(self.first.get());
        while let Some(sd) = next {
            out.push(sd.g_ref().id());
            next = at(sd.next.get());
        }
        out
    }

    /// Takes `sd` out if it is still queued.
    pub(super) fn remove(&self, sd: SudogRef) {
        let (prev, next) = (sd.prev.get(), sd.next.get());
        match (at(prev), at(next)) {
            (None, None) if self.first.get() != sd.as_ptr() => return, // not queued any more
            (None, None) => {
                self.first.set(null());
                self.last.set(null());
            }
            (None, Some(n)) => {
                self.first.set(next);
                n.prev.set(null());
            }
            (Some(p), None) => {
                self.last.set(prev);
                p.next.set(null());
            }
            (Some(p), Some(n)) => {
                p.next.set(next);
                n.prev.set(prev);
            }
        }
        sd.next.set(null());
        sd.prev.set(null());
    }
}
