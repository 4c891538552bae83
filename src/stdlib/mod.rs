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

/// A native whose body calls the system: name, result slots, body.
macro_rules! sys_native {
    ($name:ident, $results:literal, |$c:ident| $body:block) => {
        unsafe fn $name(
            cx: &mut $crate::vm::cx::Cx,
            base: *mut u64,
        ) -> $crate::vm::cx::Exit {
            // SAFETY: called with the native's own arguments. System calls get texts that
            // end with NUL, buffers with their true lengths and addresses of live
            // structures.
            #[allow(unused_unsafe, reason = "some bodies call nothing unsafe")]
            unsafe {
                #[allow(unused_mut, reason = "bodies differ")]
                let mut $c = $crate::vm::natives::Call::new(cx, base, $results);
                $body
                #[allow(unreachable_code, reason = "some bodies end elsewhere")]
                $crate::vm::cx::Exit::Next
            }
        }
    };
}

pub mod atomic;
pub mod big;
pub mod bits;
pub mod bytes;
pub mod cipher;
pub mod digest;
pub mod encoding;
pub mod flate;
mod float;
pub mod fmtcore;
pub mod fuzz;
mod handles;
pub mod helpers;
pub mod http;
#[cfg(test)]
mod items;
pub mod jpeg;
pub mod json;
mod lagged;
pub mod math;
pub mod misc;
pub mod os;
pub mod poll;
pub mod process;
pub mod race;
pub mod rand;
pub mod reach;
pub mod reflect;
pub mod regexp;
pub mod repl;
pub mod rt;
pub mod runtime;
pub mod sandbox;
pub mod signal;
pub mod sort;
pub mod strconv;
pub mod strings;
pub mod sync;
pub mod synctest;
pub mod testing;
pub mod time;
pub mod timezone;
pub mod tls;
pub mod trace;
pub mod unicode;
pub mod url;
pub mod utf8;

use crate::vm::cx::Cx;
use crate::vm::natives::Entry;

/// Runs `f`, which may block the thread, while another thread may use the processor. Native
/// code inside a call instruction only (the goroutine's state is saved there). `f` may read
/// and write the memory of its own arguments and no other guest memory.
pub(crate) fn blocking<R>(cx: &mut Cx, long: bool, f: impl FnOnce() -> R) -> R {
    let (w, g) = (cx.w(), cx.g());
    w.enter_blocking(g, long);
    let r = f();
    w.exit_blocking(g);
    cx.moved();
    r
}

/// As [`blocking`], for a read or write that is mostly over at once: `f` gives its result and
/// error number, and is called again when a signal broke it.
pub(crate) fn brief(cx: &mut Cx, mut f: impl FnMut() -> (i64, i64)) -> (i64, i64) {
    let (w, g) = (cx.w(), cx.g());
    w.enter_brief(g);
    let r = loop {
        let r = f();
        if r.1 != libc::EINTR as i64 {
            break r;
        }
        w.rt().still_blocked();
    };
    w.exit_blocking(g);
    cx.moved();
    r
}

/// Every native function.
pub const TABLES: &[&[Entry]] = &[
    atomic::NATIVES,
    big::NATIVES,
    bits::NATIVES,
    bytes::NATIVES,
    cipher::NATIVES,
    digest::NATIVES,
    crate::embed::NATIVES,
    encoding::NATIVES,
    flate::NATIVES,
    fuzz::NATIVES,
    helpers::NATIVES,
    http::NATIVES,
    jpeg::NATIVES,
    json::NATIVES,
    math::NATIVES,
    misc::NATIVES,
    os::NATIVES,
    poll::NATIVES,
    process::NATIVES,
    rand::NATIVES,
    reflect::NATIVES,
    reflect::CALLS,
    reflect::CONTAINERS,
    regexp::NATIVES,
    repl::NATIVES,
    rt::NATIVES,
    runtime::NATIVES,
    signal::NATIVES,
    sort::NATIVES,
    strconv::NATIVES,
    strings::NATIVES,
    sync::NATIVES,
    synctest::NATIVES,
    testing::NATIVES,
    time::NATIVES,
    timezone::NATIVES,
    tls::NATIVES,
    trace::NATIVES,
    unicode::NATIVES,
    url::NATIVES,
    utf8::NATIVES,
];

/// Import paths of all standard packages.
pub fn paths() -> impl Iterator<Item = &'static str> {
    // No package here has an underscore in its name.
    static PATHS: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| reach::stems().map(|s| s.replace('_', "/")).collect());
    PATHS.iter().map(String::as_str)
}

/// Marks guest memory that native code holds on to.
pub fn mark_roots(_m: &mut crate::heap::Marker) {}

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
        for stem in super::reach::stems() {
            // No package here has an underscore in its name.
            let path = stem.replace('_', "/");
            for (_, text) in super::reach::sources(stem) {
                declared.extend(text.lines().filter_map(|l| bodyless(&path, l)));
            }
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
