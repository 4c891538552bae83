//! One handler per instruction. Each keeps the frame invariants its successor relies on:
//! operands lie inside the frame (the verifier's word), pointers in slots are null or
//! point to guest objects, globals or constants.
#![allow(
    unsafe_code,
    non_snake_case,
    reason = "handlers carry their instruction's name"
)]

/// Declares a handler. `next!(n)` goes `n` words on.
macro_rules! op {
    ($(#[$m:meta])* $name:ident ($pc:ident, $fp:ident, $cx:ident, $w:ident) $body:block) => {
        $(#[$m])*
        /// # Safety
        /// Called by dispatch with verified code, a live frame and its context.
        pub unsafe fn $name($pc: *const u64, $fp: *mut u64, $cx: *mut $crate::vm::cx::Cx, $w: u64) -> $crate::vm::cx::Exit {
            // SAFETY: the frame invariants in the module text of `vm::ops`.
            unsafe { $body }
        }
    };
}
macro_rules! a {
    ($w:expr) => {
        ($w >> 16) as u16 as usize
    };
}
macro_rules! b {
    ($w:expr) => {
        ($w >> 32) as u16 as usize
    };
}
macro_rules! c {
    ($w:expr) => {
        ($w >> 48) as usize
    };
}
/// Operand c as signed.
macro_rules! ci {
    ($w:expr) => {
        (($w as i64) >> 48)
    };
}
/// Operand b as signed.
macro_rules! bi {
    ($w:expr) => {
        (($w << 16) as i64 >> 48)
    };
}
/// Operands b and c as one signed number.
macro_rules! bci {
    ($w:expr) => {
        (($w as i64) >> 32)
    };
}
macro_rules! r {
    ($fp:expr, $i:expr) => {
        *$fp.add($i)
    };
}
macro_rules! rf {
    ($fp:expr, $i:expr) => {
        f64::from_bits(*$fp.add($i))
    };
}
macro_rules! next {
    ($pc:expr, $fp:expr, $cx:expr, $n:expr) => {
        vm_go!($pc.add($n), $fp, $cx)
    };
}
/// Leaves the handlers with the state at `$pc`.
macro_rules! leave {
    ($pc:expr, $fp:expr, $cx:expr, $exit:expr) => {{
        (*$cx).pc = $pc;
        (*$cx).fp = $fp;
        return $exit;
    }};
}
/// Raises a fault at this instruction.
macro_rules! fault {
    ($pc:expr, $fp:expr, $cx:expr, $code:expr, $x:expr, $y:expr) => {
        return $crate::vm::ops::raise($pc, $fp, $cx, $code, $x as u64, $y as u64)
    };
}
/// A jump taken: also the place where the goroutine notices that it is wanted.
macro_rules! take {
    ($pc:expr, $fp:expr, $cx:expr, $off:expr) => {{
        let pc = $pc.offset($off as isize);
        if (*$cx).limit.load(std::sync::atomic::Ordering::Relaxed) < $fp as usize {
            leave!(pc, $fp, $cx, $crate::vm::cx::Exit::Poll);
        }
        vm_go!(pc, $fp, $cx)
    }};
}

pub mod aggregate;
pub mod arith;
pub mod atomic;
pub mod call;
pub mod conc;
pub mod memory;
pub mod slow;

pub use aggregate::*;
pub use arith::*;
pub use atomic::*;
pub use call::*;
pub use conc::*;
pub use memory::*;

use super::cx::{Cx, Exit};
use super::fault::Code;

/// Describes a fault in the context.
///
/// # Safety
/// As for handlers.
#[cold]
#[inline(never)]
pub unsafe fn raise(pc: *const u64, fp: *mut u64, cx: *mut Cx, code: Code, x: u64, y: u64) -> Exit {
    // SAFETY: the context is this thread's own.
    unsafe {
        (*cx).pc = pc;
        (*cx).fp = fp;
        (*cx).fault = code;
        (*cx).x = x;
        (*cx).y = y;
    }
    Exit::Fault
}
