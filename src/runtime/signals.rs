//! Signals of the process, for the program.
//!
//! The handler only notes the signal's bit and wakes sysmon (an atomic store and a futex
//! call, which is all a handler may do). Sysmon then readies the goroutine that waits for
//! signals, or, for SIGQUIT, asks the executor to dump every goroutine and end.
//!
//! State is per process, as signals are. While the program wants any signal, its wait for
//! one counts as a wait for the outside world, not as a deadlock.
#![allow(unsafe_code)]

use super::lock_rank::Rank;
use super::prim::Locked;
use super::sched::Runtime;
use super::sched::task::{G, GRef};
use super::sched::worker::Worker;
use super::wait_reason::WaitReason;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The runtime that gets the signals.
static TARGET: AtomicPtr<Runtime> = AtomicPtr::new(null_mut());
/// Signals that have come: bit n - 1.
static PENDING: AtomicU64 = AtomicU64::new(0);
/// Signals the program wants.
static WANTED: AtomicU64 = AtomicU64::new(0);
/// Signals that do nothing because the program said so.
static IGNORED: AtomicU64 = AtomicU64::new(0);

/// The goroutine that waits for signals (0: none), one at a time.
#[derive(Default)]
pub(crate) struct Signals {
    waiter: Locked<Option<GRef>>,
}

fn bit(n: i32) -> u64 {
    if (1..=64).contains(&n) {
        1 << (n - 1)
    } else {
        0
    }
}

extern "C" fn on_signal(n: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: errno is this thread's own; it must be what it was when the interrupted code
    // goes on. `info` is the kernel's. Setting an action is allowed here.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        let sync = matches!(
            n,
            libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL
        );
        if sync && (*info).si_code > 0 {
            // The process itself is broken: let it die of it.
            act(n, libc::SIG_DFL);
        } else {
            PENDING.fetch_or(bit(n), Ordering::SeqCst);
            if let Some(rt) = TARGET.load(Ordering::Acquire).as_ref() {
                rt.sysmon.wake();
            }
        }
        *errno = saved;
    }
}

/// Sets a signal's action.
fn act(n: i32, to: libc::sighandler_t) {
    // SAFETY: all-zero is a valid action to fill in; the handler only does what it may.
    unsafe {
        let mut a: libc::sigaction = std::mem::zeroed();
        a.sa_sigaction = to;
        if to != libc::SIG_DFL && to != libc::SIG_IGN {
            a.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
            // The signal stack has room for one handler at a time.
            libc::sigfillset(&mut a.sa_mask);
        }
        libc::sigaction(n, &a, null_mut());
    }
}

fn handle(n: i32) {
    let f: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = on_signal;
    act(n, f as libc::sighandler_t);
}

/// Sends the process's signals to `rt`, which lives as long as the process.
pub fn start(rt: &'static Runtime) {
    TARGET.store((rt as *const Runtime).cast_mut(), Ordering::Release);
    handle(libc::SIGQUIT);
}

/// Whether the process's signals go to `rt`.
#[cfg(not(shuttle))]
pub(crate) fn is_target(rt: &Runtime) -> bool {
    std::ptr::eq(TARGET.load(Ordering::Acquire), rt)
}

/// The program takes over the signal that sysmon begins with.
fn taken_over(n: i32) {
    // SAFETY: null or a runtime that lives as long as the process.
    if n == libc::SIGURG
        && let Some(rt) = unsafe { TARGET.load(Ordering::Acquire).as_ref() }
    {
        rt.begin_sysmon();
    }
}

/// Signal `n` comes to the program from now on.
pub fn enable(n: i32) {
    taken_over(n);
    WANTED.fetch_or(bit(n), Ordering::SeqCst);
    IGNORED.fetch_and(!bit(n), Ordering::SeqCst);
    handle(n);
}

/// Signal `n` does again what it does by default.
pub fn disable(n: i32) {
    taken_over(n);
    WANTED.fetch_and(!bit(n), Ordering::SeqCst);
    IGNORED.fetch_and(!bit(n), Ordering::SeqCst);
    match n {
        libc::SIGQUIT => handle(n),
        // A closed pipe is an error of the write (see `os`).
        libc::SIGPIPE => act(n, libc::SIG_IGN),
        _ => act(n, libc::SIG_DFL),
    }
}

/// Signal `n` does nothing.
pub fn ignore(n: i32) {
    taken_over(n);
    WANTED.fetch_and(!bit(n), Ordering::SeqCst);
    IGNORED.fetch_or(bit(n), Ordering::SeqCst);
    act(n, libc::SIG_IGN);
}

/// Whether the program ignores signal `n`.
pub fn is_ignored(n: i32) -> bool {
    IGNORED.load(Ordering::SeqCst) & bit(n) != 0
}

/// Whether the program wants any signal.
pub(crate) fn any_wanted() -> bool {
    WANTED.load(Ordering::SeqCst) != 0
}

/// A signal that has come and is wanted, if any; it counts as delivered.
fn take() -> Option<i32> {
    loop {
        let come = PENDING.load(Ordering::SeqCst) & WANTED.load(Ordering::SeqCst);
        if come == 0 {
            return None;
        }
        let n = come.trailing_zeros() as i32 + 1;
        if PENDING.fetch_and(!bit(n), Ordering::SeqCst) & bit(n) != 0 {
            return Some(n);
        }
    }
}

impl Signals {
    /// The next signal, or None: the running G is parked (its state is saved, so that it
    /// asks again).
    pub(crate) fn wait(&self, w: &Worker, g: &G) -> Option<i32> {
        self.waiter.with(Rank::Poll, |waiter| {
            let got = take();
            if got.is_none() {
                w.park_with(g, WaitReason::Syscall, 0, || *waiter = Some(g.gref()));
            }
            got
        })
    }

    /// Sysmon: hands over what has come. True: SIGQUIT came and the program does not want
    /// it.
    pub(crate) fn deliver(&self, rt: &Runtime) -> bool {
        let come = PENDING.load(Ordering::SeqCst);
        if come == 0 {
            return false;
        }
        let wanted = WANTED.load(Ordering::SeqCst);
        if come & bit(libc::SIGQUIT) & !wanted != 0 {
            return true;
        }
        PENDING.fetch_and(wanted, Ordering::SeqCst);
        if come & wanted != 0
            && let Some(g) = self.waiter.with(Rank::Poll, Option::take)
        {
            rt.ready_external(g);
        }
        false
    }

    /// Whether signals may come that the program wants, or one that has come is not dealt
    /// with yet.
    pub(crate) fn keeps_alive(&self) -> bool {
        any_wanted() || PENDING.load(Ordering::SeqCst) != 0
    }
}

impl Runtime {
    /// Parks the running G until a signal comes; see `Signals::wait`.
    pub fn wait_signal(&self, w: &Worker, g: &G) -> Option<i32> {
        self.signals.wait(w, g)
    }
}
