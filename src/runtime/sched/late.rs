//! Sysmon begins late: most short programs end before anything needs it, and making the
//! thread and ending it cost them more than running.
//!
//! It begins with the second M, before the first M sleeps or blocks its thread, or after
//! 2 ms, whichever comes first. Time is told by a timer of the process whose signal
//! (SIGURG, which does nothing by default) asks the running G to come to the scheduler,
//! where the thread is made. The signal comes again until that has happened. It also breaks
//! a write that lasts ([`Worker::enter_brief`](super::worker::Worker)), so its handler does
//! not ask for calls to be restarted.
#![allow(unsafe_code)]

use super::Runtime;
use super::monitor;
use super::worker::{POLL_PREEMPT, Worker};
use crate::runtime::{limits, signals};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// The M that the signal asks.
static FIRST: AtomicPtr<Worker> = AtomicPtr::new(null_mut());
/// The timer, while it runs.
static TIMER: AtomicPtr<libc::c_void> = AtomicPtr::new(null_mut());
static ARMED: AtomicBool = AtomicBool::new(false);
/// The time is over.
static DUE: AtomicBool = AtomicBool::new(false);

extern "C" fn on_time(_: i32) {
    DUE.store(true, Ordering::SeqCst);
    // SAFETY: null or a worker that lives as long as the process.
    if let Some(w) = unsafe { FIRST.load(Ordering::Acquire).as_ref() } {
        w.poke(POLL_PREEMPT);
    }
}

/// Whether sysmon should have begun.
#[inline]
pub(crate) fn is_due() -> bool {
    DUE.load(Ordering::Relaxed)
}

/// Starts the timer, for the runtime of the process whose first M is `w`. False: there is
/// no such timer here, or sysmon has something to do by the clock.
pub(crate) fn arm(w: &Worker) -> bool {
    let duties = limits::godebug("schedtrace") > 0
        || limits::timeout_ns().is_some()
        || limits::memory().is_some();
    if duties || !signals::is_target(w.rt()) || ARMED.swap(true, Ordering::SeqCst) {
        return false;
    }
    FIRST.store((w as *const Worker).cast_mut(), Ordering::Release);
    let f: extern "C" fn(i32) = on_time;
    // SAFETY: all-zero is a valid action and a valid event to fill in; the handler stores
    // words that live as long as the process, and nothing else.
    unsafe {
        let mut a: libc::sigaction = std::mem::zeroed();
        a.sa_sigaction = f as libc::sighandler_t;
        a.sa_flags = libc::SA_ONSTACK;
        libc::sigfillset(&mut a.sa_mask);
        libc::sigaction(libc::SIGURG, &a, null_mut());
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGURG;
        let mut timer = null_mut();
        if libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) != 0 {
            return false;
        }
        let every = libc::timespec {
            tv_sec: 0,
            tv_nsec: crate::runtime::tuning::SYSMON_LATE_NS,
        };
        let set = libc::itimerspec {
            it_interval: every,
            it_value: every,
        };
        TIMER.store(timer, Ordering::SeqCst);
        if libc::timer_settime(timer, 0, &set, null_mut()) != 0 {
            libc::timer_delete(timer);
            return false;
        }
    }
    true
}

impl Runtime {
    /// Makes sysmon's thread unless it is there.
    #[inline]
    pub(crate) fn begin_sysmon(&self) {
        if !self.sysmon.begun.load(super::Ordering::Relaxed) {
            self.begin_sysmon_now();
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_sysmon_now(&self) {
        if self.sysmon.begun.swap(true, super::Ordering::SeqCst) {
            return;
        }
        if signals::is_target(self) && ARMED.swap(true, Ordering::SeqCst) {
            // A signal on its way finds the handler there.
            // SAFETY: the timer was made by `arm`, and only who set `begun` comes here.
            unsafe { libc::timer_delete(TIMER.load(Ordering::SeqCst)) };
        }
        let rt = self.me.upgrade().expect("the runtime is alive");
        self.spawn_thread("sysmon", move || monitor::run(&rt));
    }
}
