//! Dispatch: the handler table and the two ways of going from one instruction to the next.
//!
//! A handler is a function of (pc, fp, context, instruction word). In optimised builds it
//! ends by calling the next instruction's handler in tail position, which LLVM turns into
//! a jump, so the four values stay in registers from one instruction to the next and the
//! branch predictor sees one indirect jump per handler. Builds with debug assertions
//! return to a loop instead (tail calls are not guaranteed by the language).
//! Slow paths live in cold functions that are never inlined, so that fast handlers need
//! no stack frame.
#![allow(unsafe_code)]

use super::cx::{Cx, Exit};
use super::{gc_ops, ops, race_ops};
use crate::for_each_instr;
use crate::heap::barrier;

/// See the module text.
pub type Handler = unsafe fn(*const u64, *mut u64, *mut Cx, u64) -> Exit;

macro_rules! make_table {
    ($($(#[doc = $doc:literal])+ $name:ident $a:tt $b:tt $c:tt $ext:literal;)+) => {
        /// One handler per operation code.
        pub static TABLE: [Handler; crate::bytecode::instr::COUNT] = [$(ops::$name),+];
        /// The same with the collector's barrier.
        pub static GC_TABLE: [Handler; crate::bytecode::instr::COUNT] = [$(gc_ops::$name),+];
        /// The same with the race detector's checks.
        pub static RACE_TABLE: [Handler; crate::bytecode::instr::COUNT] = [$(race_ops::$name),+];
    };
}
for_each_instr!(make_table);

/// Runs from `pc` until something stops it; `cx.pc` and `cx.fp` then say where.
///
/// # Safety
/// `pc` points into verified code, `fp` to a live frame of the context's goroutine.
pub unsafe fn run(pc: *const u64, fp: *mut u64, cx: *mut Cx) -> Exit {
    // SAFETY: by the caller's promise.
    unsafe {
        // The collector stops the world, so everybody comes by here, when it changes this.
        // In race runs it never marks beside the program.
        if !(*cx).race.is_null() {
            run_by(&RACE_TABLE, pc, fp, cx)
        } else if barrier::on() {
            run_by(&GC_TABLE, pc, fp, cx)
        } else {
            run_by(&TABLE, pc, fp, cx)
        }
    }
}

#[inline(always)]
unsafe fn run_by(
    table: &'static [Handler; crate::bytecode::instr::COUNT],
    mut pc: *const u64,
    mut fp: *mut u64,
    cx: *mut Cx,
) -> Exit {
    // SAFETY: by the caller's promise; every handler keeps it for its successor.
    unsafe {
        loop {
            let w = *pc;
            let e = table.get_unchecked(w as u16 as usize)(pc, fp, cx, w);
            if e != Exit::Next {
                return e;
            }
            // Only in the loop build.
            (pc, fp) = ((*cx).pc, (*cx).fp);
        }
    }
}

/// Goes on at `$pc` (already advanced) with a table of handlers.
#[macro_export]
#[doc(hidden)]
macro_rules! vm_go_by {
    ($table:path, $pc:expr, $fp:expr, $cx:expr) => {{
        let pc: *const u64 = $pc;
        #[cfg(not(debug_assertions))]
        {
            let w = *pc;
            return $table.get_unchecked(w as u16 as usize)(pc, $fp, $cx, w);
        }
        #[cfg(debug_assertions)]
        {
            (*$cx).pc = pc;
            (*$cx).fp = $fp;
            return $crate::vm::cx::Exit::Next;
        }
    }};
}
