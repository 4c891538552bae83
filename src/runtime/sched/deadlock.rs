//! Deadlock: nothing runs, nothing will ever run.
//!
//! Asked whenever an M goes to sleep (under the scheduler's lock, the M already counted
//! as idle). Ms in blocking calls count as running, so do Ms that have been handed a P and
//! are not awake yet; the last M to sleep is therefore the one that sees zero. A pending
//! timer, a wait for a descriptor or an external wait means that something will still happen.

use super::task::GRef;
use super::{ATTN_EXIT, ATTN_STOP, Runtime, Sched};
use crate::runtime::fault::{self, Fault};
use crate::runtime::prim::word::Ordering;
use crate::runtime::timers::NEVER;
use std::ptr::null_mut;

impl Runtime {
    /// Names a goroutine, parked by `park_with`, that is to be woken when the others are
    /// deadlocked. Whoever takes it is its one waker.
    pub fn set_watcher(&self, g: GRef) {
        self.watcher.store(g.as_ptr(), Ordering::Release);
    }
    /// Takes the watcher, if there is one.
    pub fn take_watcher(&self) -> Option<GRef> {
        let g = self.watcher.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: stored by `set_watcher`: a G of the registry.
        (!g.is_null()).then(|| unsafe { GRef::from_ptr(g) })
    }
    /// The program can never go on: wakes the watcher or dies.
    pub(crate) fn dead(&self, fault: Fault) {
        match self.take_watcher() {
            Some(g) => self.ready_external(g),
            None => self.exec.fatal(self, fault.text),
        }
    }
    /// All Ms are asleep.
    pub(crate) fn nobody_runs(&self, s: &Sched) -> bool {
        let asleep = s.idle_ms.len() as isize + s.locked_idle;
        s.ms.len() as isize <= asleep && s.global.len() == 0
    }
    /// The fatal error to raise, if the program can never go on.
    pub(crate) fn check_dead(&self, s: &Sched) -> Option<Fault> {
        if !self.nobody_runs(s)
            || self.external.load(Ordering::SeqCst) != 0
            || self.net.waiters() != 0
            || self.signals.keeps_alive()
            || s.global.len() != 0
            || self.next_timer() != NEVER
            || self.attention.load(Ordering::Relaxed) & (ATTN_EXIT | ATTN_STOP) != 0
        {
            return None;
        }
        if self.main_gone.load(Ordering::Relaxed) && self.num_goroutine() == 0 {
            return Some(fault::NO_GOROUTINES);
        }
        Some(fault::DEADLOCK)
    }
}
