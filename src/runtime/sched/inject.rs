//! The global run queue: an intrusive list through `G::link`, guarded by the scheduler's
//! lock, with a length anyone may read.

use super::task::{G, GRef};
use crate::runtime::prim::word::{AtomicUsize, Ordering};
use std::ptr::null;

/// A first-in first-out list of Gs.
pub(crate) struct GList {
    head: *const G,
    tail: *const G,
    len: usize,
}

impl Default for GList {
    fn default() -> GList {
        GList {
            head: null(),
            tail: null(),
            len: 0,
        }
    }
}

impl GList {
    pub(crate) fn push(&mut self, g: GRef) {
        g.link.set(null());
        if self.head.is_null() {
            self.head = g.as_ptr();
        } else {
            // SAFETY: `tail` is a queued registry G.
            unsafe { GRef::from_ptr(self.tail) }.link.set(g.as_ptr());
        }
        self.tail = g.as_ptr();
        self.len += 1;
    }
    pub(crate) fn pop(&mut self) -> Option<GRef> {
        if self.head.is_null() {
            return None;
        }
        // SAFETY: `head` is a queued registry G.
        let g = unsafe { GRef::from_ptr(self.head) };
        self.head = g.link.get();
        self.len -= 1;
        Some(g)
    }
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// The length of the global queue, readable without the lock (a hint unless fenced).
#[derive(Default)]
pub(crate) struct GlobalLen(AtomicUsize);

impl GlobalLen {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
    pub(crate) fn set(&self, n: usize) {
        self.0.store(n, Ordering::Relaxed);
    }
}
