//! The notify list under `sync.Cond`. Words: wait u32, notify u32, head, tail.
//!
//! `Wait` takes a ticket before it unlocks (`add`), then waits with it: a signal that comes
//! between the two is not lost, because it moves `notify` past the ticket. Signals go in
//! ticket order. The list is guarded by the lock of the semaphore bucket of its address, so
//! the guest struct needs no lock word.

use super::Sync;
use crate::runtime::bubble;
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim::word::{AtomicU32, Ordering};
use crate::runtime::sched::task::{G, Sudog, SudogRef};
use crate::runtime::sched::worker::Worker;
use crate::runtime::wait_reason::WaitReason;
use std::cell::Cell;
use std::ptr::null;

/// A guest notify list (24 bytes). Head and tail are native addresses: not to be scanned.
#[repr(C)]
pub struct NotifyList {
    /// The next ticket.
    wait: AtomicU32,
    /// The next ticket to be signalled; written under the lock.
    notify: AtomicU32,
    head: Cell<*const Sudog>,
    tail: Cell<*const Sudog>,
}

// SAFETY: head and tail are only touched under the bucket's lock.
unsafe impl std::marker::Sync for NotifyList {}

fn at(s: *const Sudog) -> Option<SudogRef> {
    // SAFETY: list links are null or sudogs queued here; the lock is held.
    unsafe { SudogRef::from_ptr(s) }
}

/// A goroutine in a bubble is woken from inside it.
fn own_bubble(w: &Worker, sd: SudogRef) {
    let g = sd.g_ref();
    // SAFETY: the goroutine that runs here.
    if bubble::is_foreign(unsafe { w.current().as_ref() }, g.bubble_slot()) {
        bubble::foreign_wake(w.rt(), &g);
    }
}

impl NotifyList {
    /// The list at a guest address.
    ///
    /// # Safety
    /// `p` points to 24 live, 8-aligned bytes that are only used as a notify list.
    #[inline]
    pub unsafe fn at<'a>(p: *const u8) -> &'a NotifyList {
        // SAFETY: by the caller's promise; all-zero bytes are an empty list.
        unsafe { &*p.cast() }
    }

    fn locked<R>(&self, w: &Worker, f: impl FnOnce() -> R) -> R {
        let b = w.rt().sema.bucket(self as *const Self as usize);
        b.lock.with(Rank::Sema, f)
    }

    /// Takes a ticket (before unlocking `c.L`).
    pub fn add(&self) -> u32 {
        self.wait.fetch_add(1, Ordering::AcqRel)
    }

    /// Waits for the ticket's signal.
    pub fn wait(&self, w: &Worker, g: &G, ticket: u32) -> Sync {
        self.locked(w, || {
            if (ticket.wrapping_sub(self.notify.load(Ordering::Relaxed)) as i32) < 0 {
                return Sync::Done;
            }
            let sd = g.sudog.sref();
            sd.index.set(ticket);
            sd.next.set(null());
            match at(self.tail.get()) {
                None => self.head.set(sd.as_ptr()),
                Some(t) => t.next.set(sd.as_ptr()),
            }
            self.tail.set(sd.as_ptr());
            w.park_with(g, WaitReason::CondWait, self as *const Self as usize, || ());
            Sync::Parked
        })
    }

    /// `Signal`.
    pub fn notify_one(&self, w: &Worker) {
        self.notify_one_with(w, |_, _| ());
    }
    /// [`NotifyList::notify_one`]; `f` learns which tickets are signalled (from, to), before
    /// any waiter goes on.
    pub fn notify_one_with(&self, w: &Worker, f: impl FnOnce(u32, u32)) {
        if self.wait.load(Ordering::SeqCst) == self.notify.load(Ordering::SeqCst) {
            return;
        }
        let woken = self.locked(w, || {
            let t = self.notify.load(Ordering::Relaxed);
            if t == self.wait.load(Ordering::SeqCst) {
                return None;
            }
            self.notify.store(t.wrapping_add(1), Ordering::SeqCst);
            f(t, t.wrapping_add(1));
            self.take(t)
        });
        if let Some(sd) = woken {
            own_bubble(w, sd);
            w.ready(sd.g_ref());
        }
    }

    /// Takes the waiter with this ticket off the list, if it has got there yet.
    fn take(&self, ticket: u32) -> Option<SudogRef> {
        let mut prev: Option<SudogRef> = None;
        let mut s = at(self.head.get());
        while let Some(sd) = s {
            let next = sd.next.get();
            if sd.index.get() == ticket {
                match prev {
                    None => self.head.set(next),
                    Some(p) => p.next.set(next),
                }
                if next.is_null() {
                    self.tail.set(prev.map_or(null(), SudogRef::as_ptr));
                }
                sd.next.set(null());
                return Some(sd);
            }
            prev = s;
            s = at(next);
        }
        None
    }

    /// `Broadcast`.
    pub fn notify_all(&self, w: &Worker) {
        self.notify_all_with(w, |_, _| ());
    }
    /// [`NotifyList::notify_all`], as [`NotifyList::notify_one_with`].
    pub fn notify_all_with(&self, w: &Worker, f: impl FnOnce(u32, u32)) {
        if self.wait.load(Ordering::SeqCst) == self.notify.load(Ordering::SeqCst) {
            return;
        }
        let mut list = self.locked(w, || {
            let to = self.wait.load(Ordering::SeqCst);
            f(self.notify.load(Ordering::Relaxed), to);
            self.notify.store(to, Ordering::SeqCst);
            self.tail.set(null());
            self.head.replace(null())
        });
        while let Some(sd) = at(list) {
            list = sd.next.get();
            sd.next.set(null());
            own_bubble(w, sd);
            w.ready(sd.g_ref());
        }
    }
}

const _: () = assert!(std::mem::size_of::<NotifyList>() == 24);
