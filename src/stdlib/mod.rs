//! The native half of the standard library: one module per package whose Go half
//! leaves functions without a body, and what several of them share.

/// A native whose body is safe: name, result slots, body.
macro_rules! native {
    ($(#[$doc:meta])* $name:ident, $results:expr, |$c:ident| $body:expr) => {
        $(#[$doc])*
        unsafe fn $name(
            cx: &mut $crate::vm::cx::Cx,
            base: *mut u64,
        ) -> $crate::vm::cx::Exit {
            // SAFETY: called with the native's own arguments.
            #[allow(unused_mut, reason = "bodies differ")]
            let mut $c = unsafe { $crate::vm::natives::Call::new(cx, base, $results) };
            $body;
            #[allow(unreachable_code, reason = "some bodies end elsewhere")]
            $crate::vm::cx::Exit::Next
        }
    };
}

pub mod atomic;
pub mod bits;
pub mod bytes;
pub mod encoding;
pub mod fmtcore;
pub mod helpers;
pub mod math;
pub mod misc;
pub mod os;
pub mod rand;
pub mod rt;
pub mod runtime;
pub mod sort;
pub mod strconv;
pub mod strings;
pub mod sync;
pub mod testing;
pub mod time;
pub mod timezone;
pub mod unicode;
pub mod utf8;

use crate::vm::natives::Entry;

/// Every native function.
pub const TABLES: &[&[Entry]] = &[
    atomic::NATIVES,
    bits::NATIVES,
    bytes::NATIVES,
    encoding::NATIVES,
    helpers::NATIVES,
    math::NATIVES,
    misc::NATIVES,
    os::NATIVES,
    rand::NATIVES,
    rt::NATIVES,
    runtime::NATIVES,
    sort::NATIVES,
    strconv::NATIVES,
    strings::NATIVES,
    sync::NATIVES,
    testing::NATIVES,
    time::NATIVES,
    timezone::NATIVES,
    unicode::NATIVES,
    utf8::NATIVES,
];

/// Marks guest memory that native code holds on to.
pub fn mark_roots(_m: &mut crate::heap::Marker) {}

include!(concat!(env!("OUT_DIR"), "/stdlib_table.rs"));

/// The gosub sources of a standard package by import path: (file name, text).
pub fn sources(path: &str) -> Vec<(&'static str, &'static str)> {
    let stem = path.replace('/', "_");
    FILES
        .iter()
        .filter(|(name, _)| {
            let base = name.trim_end_matches(".gosub");
            base == stem || base.split_once('+').is_some_and(|(p, _)| p == stem)
        })
        .copied()
        .collect()
}
