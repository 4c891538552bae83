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
pub mod digest;
pub mod encoding;
pub mod fmtcore;
pub mod helpers;
pub mod json;
pub mod math;
pub mod misc;
pub mod os;
pub mod rand;
pub mod reflect;
pub mod regexp;
pub mod rt;
pub mod runtime;
pub mod sort;
pub mod strconv;
pub mod strings;
pub mod sync;
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
    digest::NATIVES,
    encoding::NATIVES,
    helpers::NATIVES,
    json::NATIVES,
    math::NATIVES,
    misc::NATIVES,
    os::NATIVES,
    rand::NATIVES,
    reflect::NATIVES,
    reflect::CALLS,
    reflect::CONTAINERS,
    regexp::NATIVES,
    rt::NATIVES,
    runtime::NATIVES,
    sort::NATIVES,
    strconv::NATIVES,
    strings::NATIVES,
    sync::NATIVES,
    time::NATIVES,
    timezone::NATIVES,
    unicode::NATIVES,
    utf8::NATIVES,
];

/// Marks guest memory that native code holds on to.
pub fn mark_roots(_m: &mut crate::heap::Marker) {}

include!(concat!(env!("OUT_DIR"), "/stdlib_table.rs"));

/// The import path of the package in the files called `stem`. An underscore stands for a
/// slash, since no package here has one in its name.
pub fn import_path(stem: &str) -> String {
    stem.replace('_', "/")
}

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The qualified name of a function declared in one line without a body.
    fn bodyless(pkg: &str, line: &str) -> Option<String> {
        let rest = line.strip_prefix("func ")?;
        if rest
            .replace("struct{}", "")
            .replace("interface{}", "")
            .contains('{')
        {
            return None;
        }
        let plain = |name: &str| name.split('[').next().unwrap_or("").to_string();
        let Some(recv) = rest.strip_prefix('(') else {
            return Some(format!("{pkg}.{}", plain(rest.split('(').next()?)));
        };
        let (recv, method) = recv.split_once(") ")?;
        let ty = recv.rsplit(' ').next()?;
        let ty = match ty.strip_prefix('*') {
            Some(t) => format!("(*{})", plain(t)),
            None => plain(ty),
        };
        Some(format!("{pkg}.{ty}.{}", method.split('(').next()?))
    }

    #[test]
    fn declarations_and_natives_pair() {
        let mut declared = BTreeSet::new();
        for (file, text) in super::FILES {
            let stem = file.trim_end_matches(".gosub");
            let stem = stem.split('+').next().unwrap_or(stem);
            let path = super::import_path(stem);
            declared.extend(text.lines().filter_map(|l| bodyless(&path, l)));
        }
        let bound: BTreeSet<String> = crate::vm::natives::names()
            .into_iter()
            .map(String::from)
            .collect();
        let unbound: Vec<_> = declared.difference(&bound).collect();
        let stray: Vec<_> = bound.difference(&declared).collect();
        assert!(
            unbound.is_empty() && stray.is_empty(),
            "declared without a native: {unbound:?}\nnatives without a declaration: {stray:?}"
        );
    }
}
