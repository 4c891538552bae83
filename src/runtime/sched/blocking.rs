//! Calls that block the thread, and threads that belong to one G.
//!
//! `enter_blocking` marks the P Blocking and lets go of it without a lock; sysmon retakes
//! it (after one of its rounds when Gs wait, else after 10 ms). `exit_blocking` takes the
//! old P back by compare-and-swap, else an idle one. Without either the G is queued
//! globally, locked to its M for the moment, and the M sleeps: whoever takes the G hands
//! over its own P and sleeps instead. `LockOSThread` is the same, lasting.
//!
//! The G's state must be saved in `ext` before `enter_blocking`: the collector may scan it
//! meanwhile.

use super::processor::{P, Status};
use super::task::{G, GRef, State};
use super::worker::Worker;
use super::{ATTN_EXIT, ATTN_STOP, Runtime};
use crate::runtime::lock_rank::{self, Rank};
use crate::runtime::prim::word::{Ordering, fence};
use crate::runtime::timers::NEVER;
use crate::runtime::trace;
use std::ptr::null;

impl Worker {
    /// The running G is about to block this thread. Until `exit_blocking` the M has no P:
    /// guest memory outside the G's own arguments and the runtime are off limits.
    /// `long`: it will surely take long, so hand the P over at once.
    pub fn enter_blocking(&self, g: &G, long: bool) {
        self.rt().begin_sysmon();
        self.leave_p(g, long);
    }

    /// As `enter_blocking`, for a call that is mostly over at once and is made again when a
    /// signal breaks it, after [`Runtime::still_blocked`]. Without other Gs and timers nobody
    /// waits for the P.
    pub fn enter_brief(&self, g: &G) {
        let rt = self.rt();
        if rt.num_goroutine() != 1 || rt.next_timer() != NEVER {
            rt.begin_sysmon();
        }
        self.leave_p(g, false);
    }

    fn leave_p(&self, g: &G, long: bool) {
        lock_rank::assert_none_held();
        if trace::on() {
            trace::ends("syscall");
        }
        let rt = self.rt();
        let p = self.p();
        g.set_state(State::Syscall);
        P::bump32(&p.block_tick);
        self.old_p.set(p);
        self.set_p(null());
        p.set_status(Status::Blocking);
        // Pairs with the stopper, which sets its flag and then looks at the states.
        fence(Ordering::SeqCst);
        if rt.attention.load(Ordering::Relaxed) & ATTN_STOP != 0 {
            rt.sched.with(Rank::Sched, |s| {
                if rt.attention.load(Ordering::Relaxed) & ATTN_STOP != 0
                    && p.cas_status(Status::Blocking, Status::Stopped)
                {
                    p.m.store(std::ptr::null_mut(), Ordering::Release);
                    rt.one_stopped(s);
                }
            });
        } else if long && p.cas_status(Status::Blocking, Status::Idle) {
            rt.hand_off(p);
        }
    }

    /// The blocking call is over: returns when the M holds a P again and `g` runs.
    pub fn exit_blocking(&self, g: &G) {
        // SAFETY: Ps are never freed while the runtime lives; set by `enter_blocking`.
        let p = unsafe { &*self.old_p.get() };
        if p.cas_status(Status::Blocking, Status::Running) {
            p.m.store((self as *const Worker).cast_mut(), Ordering::Release);
            self.set_p(p);
        } else {
            self.wait_with(g);
        }
        g.set_state(State::Running);
        if trace::on() {
            trace::begins(self.p().id, g, self.rt().exec.entry(g));
        }
    }

    /// The M has no P but must go on with `g`: takes an idle P, or queues the G as locked
    /// to this thread and sleeps until whoever picks it hands over a P.
    pub(crate) fn wait_with(&self, g: &G) {
        let rt = self.rt();
        let lasting = g.locked_m.load(Ordering::Relaxed);
        let got = rt.sched.with(Rank::Sched, |s| match rt.take_idle(s) {
            Some(p) => {
                rt.attach(self, p);
                true
            }
            None => {
                g.locked_m.store(self.id + 1, Ordering::Relaxed);
                g.set_state(State::Runnable);
                s.global.push(g.gref());
                rt.global_len.set(s.global.len());
                s.locked_idle += 1;
                false
            }
        });
        if !got {
            // A P may have become idle just before the G was queued.
            if rt.idle.claim_wake() {
                rt.wake_claimed(false);
            }
            self.wait_for_p();
            g.locked_m.store(lasting, Ordering::Relaxed);
        }
    }

    /// Sleeps until somebody hands this M a P (counted in `locked_idle` by the caller; the
    /// giver undoes that).
    fn wait_for_p(&self) -> bool {
        loop {
            self.park(-1);
            if self.take_next_p() {
                return true;
            }
            if self.rt().attention.load(Ordering::Relaxed) & ATTN_EXIT != 0 {
                if self.locked_g.get().is_null() {
                    // In the middle of a native call: the process is about to end.
                    loop {
                        std::thread::park();
                    }
                }
                return false;
            }
        }
    }
}

impl Runtime {
    /// A brief call was broken by a signal and is about to be made again.
    pub fn still_blocked(&self) {
        if super::late::is_due() {
            self.begin_sysmon();
        }
    }

    /// `w`'s thread belongs to a G that does not run now: give the P away and sleep until
    /// the G is picked. False: the runtime ends.
    pub(crate) fn wait_locked(&self, w: &Worker) -> bool {
        // SAFETY: a locked G is a registry G.
        let g = unsafe { GRef::from_ptr(w.locked_g.get()) };
        debug_assert_eq!(g.locked_m.load(Ordering::Relaxed), w.id + 1);
        if w.spinning.replace(false) {
            self.idle.stop_spinning();
        }
        let p: *const P = w.p();
        w.set_p(null());
        self.sched.with(Rank::Sched, |s| s.locked_idle += 1);
        // SAFETY: Ps are never freed while the runtime lives.
        let p = unsafe { &*p };
        p.set_status(Status::Idle);
        self.hand_off(p);
        w.wait_for_p()
    }

    /// `w` picked a G that belongs to another thread: give that M the P.
    pub(crate) fn start_locked(&self, w: &Worker, g: GRef) {
        let owner = g.locked_m.load(Ordering::Relaxed) as usize - 1;
        if owner == w.id as usize {
            // Its own thread picked it (it was preempted): it runs here.
            w.p().runq.push(g.as_ptr(), self);
            return;
        }
        if w.spinning.get() {
            super::find::stop_spinning(w);
        }
        let p: *const P = w.p();
        w.set_p(null());
        // SAFETY: Ps are never freed while the runtime lives.
        let p = unsafe { &*p };
        let m = self.sched.with(Rank::Sched, |s| {
            s.locked_idle -= 1;
            let m: *const Worker = &*s.ms[owner];
            // SAFETY: workers live as long as the runtime.
            let m = unsafe { &*m };
            self.hand(m, p, false, false);
            m
        });
        m.unpark();
    }
}
