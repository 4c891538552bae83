//! The execution context: what handlers reach through their third argument. One per M
//! (worker thread); it changes goroutine with every slice.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::fault::Code;
use super::ops::aggregate::CLOSURES;
use crate::bytecode::program::FuncEntry;
use crate::heap::{AllocCache, FixedShape};
use crate::runtime::sched::task::G;
use crate::runtime::sched::worker::Worker;

/// Why the interpreter left its handlers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Exit {
    /// Go on with the next instruction (natives, and handlers in the loop build).
    Next,
    /// The goroutine waits somewhere; it must not be touched any more.
    Parked,
    /// `runtime.Gosched`: go to the end of the line.
    Yield,
    /// Somebody wants attention (preemption, collection).
    Poll,
    /// A frame does not fit; pc is the call, `cx.need` the bytes above fp.
    Grow,
    /// A fault is described in the context.
    Fault,
    /// `panic(v)` with v in `cx.x`, `cx.y`.
    Panic,
    /// A deferring function's epilogue has ended while panicking.
    DeferEnd,
    /// `runtime.Goexit`.
    Goexit,
    /// Function number `cx.x` is not compiled yet.
    Lazy,
    /// The text of an uncaught panic's value is in the frame's first slots.
    PanicText,
    /// The entry function returned.
    Exited,
    /// Collect now (`runtime.GC`), then go on.
    Collect,
}

/// See the module text.
#[repr(C, align(128))]
pub struct Cx {
    /// End of the goroutine's stack, or 0 when somebody wants attention: compared by every
    /// call and every taken jump.
    pub limit: AtomicUsize,
    pub funcs: *const FuncEntry,
    /// The native functions by number.
    pub natives: *const super::natives::Native,
    pub cache: *mut AllocCache,
    /// Shape of a defer list node (next, closure).
    pub defer_node: FixedShape,
    /// Shapes of small closures by captured words.
    pub closures: [FixedShape; CLOSURES],
    pub g: *const G,
    /// The race detector's state of the goroutine and of this M; null in normal runs.
    pub race: *mut crate::race::Thread,
    pub race_local: *mut crate::race::Local,
    pub w: *const Worker,
    /// Where to go on; valid after an exit.
    pub pc: *const u64,
    pub fp: *mut u64,
    pub x: u64,
    pub y: u64,
    pub z: u64,
    pub need: usize,
    pub fault: Code,
    /// Text of `FatalText`, `PanicText` and failed assertions.
    pub text: String,
}

impl Cx {
    /// Cell allocation for natives and slow paths.
    #[inline(always)]
    pub fn cache(&mut self) -> &mut AllocCache {
        // SAFETY: set by the worker loop to the P's cache, which only this M uses now.
        unsafe { &mut *self.cache }
    }
    #[inline(always)]
    pub fn g(&self) -> &G {
        // SAFETY: the running goroutine; Gs are never freed.
        unsafe { &*self.g }
    }
    #[inline(always)]
    pub fn w(&self) -> &Worker {
        // SAFETY: the worker that owns this context.
        unsafe { &*self.w }
    }
    #[inline(always)]
    pub fn wants_attention(&self, fp: *mut u64) -> bool {
        self.limit.load(Ordering::Relaxed) < fp as usize
    }
    /// The M may hold another P than before (it was in a blocking call).
    pub fn moved(&mut self) {
        // SAFETY: the P is this M's; word 0 is its cache (`Executor::p_init`).
        self.cache = unsafe { (*self.w().p().ext.get())[0] as *mut AllocCache };
    }
    /// Raises a fault from a native.
    pub fn fail(&mut self, code: Code, x: u64, y: u64) -> Exit {
        (self.fault, self.x, self.y) = (code, x, y);
        Exit::Fault
    }
    /// Raises a panic whose value is a plain run-time error with this text.
    pub fn panic_text(&mut self, text: impl Into<String>) -> Exit {
        self.text = text.into();
        self.fail(Code::PanicText, 0, 0)
    }
    pub fn fatal_text(&mut self, text: impl Into<String>) -> Exit {
        self.text = text.into();
        self.fail(Code::FatalText, 0, 0)
    }
}
