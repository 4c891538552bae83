//! Timers: sleeping goroutines, channel timers (NewTimer, Ticker, After) and AfterFunc.
//!
//! Protocol.
//! * Each P has a 4-ary heap under its own lock (`Rank::Timers`). A pending [`Timer`]
//!   knows its heap and its place in it, so stopping one removes it at once: nothing
//!   stale is ever in a heap, memory is free at once, and "no timer pending" is exact,
//!   which the deadlock check needs. Rejected: lazy deletion, which needs sweeping (a loop
//!   of resets on a long timeout fills the heap) and keeps garbage alive; removal by place
//!   costs one sift.
//! * `Timer::home` says who may change a timer: 0 nobody's, it is not pending; `CLAIMED`
//!   one operation is working on it; `n + 1` it is in P `n`'s heap, guarded by its lock.
//! * A channel timer fires while the heap's lock is held: so `stop` either removes it
//!   before, or finds the value in the channel and takes it back. No stale value is ever
//!   received after `stop` or `reset` (Go 1.23's promise). The channel holds at most one.
//! * AfterFunc fires after the lock is released, because starting a goroutine allocates.
//! * A sleeping G is an entry of its own (tagged address); it cannot be cancelled.
//!
//! Due timers are run by the M that holds the P, by thieves, or by the one idle M that
//! sleeps with a timeout.

pub mod heap;
#[cfg(all(test, not(loom)))]
mod tests;

use super::bubble::Slot;
use super::chan::Hchan;
use super::sched::task::G;
use super::sched::worker::Worker;
use super::wait_reason::WaitReason;
use super::{chan, prim};
use crate::runtime::prim::word::{AtomicU32, Ordering};
use std::cell::Cell;

/// No timer pending.
pub const NEVER: i64 = i64::MAX;

/// `Timer::home`: being worked on.
const CLAIMED: u32 = u32::MAX;

/// What a timer does when it is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// Sends `Executor::time_value` on the channel `arg`, which has room for one.
    SendTime,
    /// Has `Executor::fire_func` start a goroutine for the function value `arg`.
    Func,
    /// Tells the netpoller that a deadline has passed; `arg` is its own number.
    Net,
}

/// A timer in guest (or native) memory: 40 bytes, word 2 is a guest pointer. All-zero
/// bytes are a timer that was never started.
#[repr(C)]
pub struct Timer {
    when: Cell<i64>,
    period: Cell<i64>,
    arg: Cell<usize>,
    home: AtomicU32,
    pos: Cell<u32>,
    kind: Cell<u32>,
    /// Slot of the bubble it belongs to (0: none).
    bubble: Cell<u32>,
}

// SAFETY: the plain fields belong to whoever claimed the timer or holds its heap's lock;
// `arg` and `kind` never change after `init`.
unsafe impl Sync for Timer {}

impl Timer {
    /// Bytes of a timer.
    pub const SIZE: usize = std::mem::size_of::<Timer>();
    /// Which of its words is a guest pointer.
    pub const PTR_WORD: usize = 2;

    /// Makes the memory at `t` a stopped timer.
    ///
    /// # Safety
    /// `t` is valid for `SIZE` bytes, 8-aligned, and no pending timer.
    pub unsafe fn init(t: *mut Timer, kind: Kind, arg: usize) {
        // SAFETY: by the caller's promise.
        unsafe {
            t.write(Timer {
                when: Cell::new(0),
                period: Cell::new(0),
                arg: Cell::new(arg),
                home: AtomicU32::new(0),
                pos: Cell::new(0),
                kind: Cell::new(kind as u32),
                bubble: Cell::new(0),
            });
        }
    }

    /// A stopped timer outside guest memory.
    pub(crate) fn stopped(kind: Kind, arg: usize) -> Timer {
        Timer {
            when: Cell::new(0),
            period: Cell::new(0),
            arg: Cell::new(arg),
            home: AtomicU32::new(0),
            pos: Cell::new(0),
            kind: Cell::new(kind as u32),
            bubble: Cell::new(0),
        }
    }

    /// The channel or function value (0 if it is neither).
    pub fn arg(&self) -> usize {
        if self.kind.get() == Kind::Net as u32 {
            return 0;
        }
        self.arg.get()
    }
    /// Whether it sends on a channel.
    pub fn is_channel(&self) -> bool {
        self.kind.get() == Kind::SendTime as u32
    }
    /// Slot of the bubble it belongs to.
    pub fn bubble(&self) -> Slot {
        self.bubble.get() as Slot
    }
    /// Makes a fresh timer one of a bubble, which alone may use it from then on.
    pub fn set_bubble(&self, slot: Slot) {
        self.bubble.set(u32::from(slot));
    }
    /// When it is due, in monotonic ns. Only meaningful while nobody resets it.
    pub fn when(&self) -> i64 {
        self.when.get()
    }
    /// Whether it is in a heap now.
    pub fn is_pending(&self) -> bool {
        self.home.load(Ordering::Acquire) != 0
    }

    /// Gets hold of the timer, removing it from its heap. True: it was pending.
    fn claim(&self, w: &Worker) -> bool {
        loop {
            match self.home.load(Ordering::Acquire) {
                0 => {
                    if self
                        .home
                        .compare_exchange(0, CLAIMED, Ordering::AcqRel, Ordering::Relaxed)
                        .is_ok()
                    {
                        return false;
                    }
                }
                CLAIMED => prim::pause(1),
                n if n & heap::BUBBLE != 0 => {
                    // Only goroutines of the bubble come here.
                    // SAFETY: the goroutine that runs here.
                    let g = unsafe { w.current().as_ref() };
                    let Some(b) = g.and_then(super::sched::task::G::bubble) else {
                        return false;
                    };
                    if b.timers.remove(self, CLAIMED) {
                        return true;
                    }
                }
                n => {
                    if w.rt().p_any(n as usize - 1).timers.remove(self, CLAIMED) {
                        return true;
                    }
                }
            }
        }
    }

    /// Stops the timer. True: it had not fired (for a channel timer: its value was not
    /// received, and will not be).
    pub fn stop(&self, w: &Worker) -> bool {
        let was = self.claim(w);
        let drained = self.drain();
        self.home.store(0, Ordering::Release);
        was || drained
    }

    /// (Re)starts the timer: due at `when` (monotonic ns), then every `period` ns if that
    /// is positive. Returns what `stop` would have.
    pub fn reset(&self, w: &Worker, when: i64, period: i64) -> bool {
        let was = self.claim(w);
        let drained = self.drain();
        self.when.set(when.clamp(0, NEVER - 1));
        self.period.set(period.max(0));
        if self.bubble.get() != 0 {
            // SAFETY: the goroutine that runs here.
            if let Some(b) = unsafe { w.current().as_ref() }.and_then(G::bubble) {
                b.timers.insert(w.rt(), self);
                super::bubble::fire_due(w, b);
            }
            return was || drained;
        }
        w.p().timers.insert(w.rt(), self);
        was || drained
    }

    fn drain(&self) -> bool {
        self.kind.get() == Kind::SendTime as u32
            && self.arg.get() != 0
            // SAFETY: a channel timer's argument is its live channel.
            && unsafe { &*(self.arg.get() as *const Hchan) }.discard()
    }
}

/// Puts the running G to sleep for `ns`; the executor saved its state. False: not at all
/// (`ns` is not positive): go on.
pub fn sleep(w: &Worker, g: &G, ns: i64) -> bool {
    if ns <= 0 {
        return false;
    }
    if let Some(b) = g.bubble() {
        let when = b.now().saturating_add(ns).min(NEVER - 1);
        b.timers.sleep(w, g, when, WaitReason::Sleep);
        return true;
    }
    let when = prim::nanotime().saturating_add(ns).min(NEVER - 1);
    w.p().timers.sleep(w, g, when, WaitReason::Sleep);
    true
}

/// Parks the running goroutine for a while that the program did not ask for.
pub fn pause(w: &Worker, g: &G, ns: i64) {
    let when = prim::nanotime().saturating_add(ns);
    w.p().timers.sleep(w, g, when, WaitReason::Preempted);
}

/// When the next timer is due.
pub fn next_due(w: &Worker) -> i64 {
    w.rt().next_timer()
}

/// Monotonic time in ns, as timers use it.
pub fn now() -> i64 {
    prim::nanotime()
}

/// Fires a channel timer.
fn send_time(w: &Worker, t: &Timer, now: i64) {
    // SAFETY: a channel timer's argument is its live channel.
    unsafe {
        chan::send_timer(
            w,
            t.arg.get() as *mut Hchan,
            now,
            t as *const Timer as usize,
        )
    };
}
