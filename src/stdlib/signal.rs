//! `os/signal`: thin natives over `runtime::signals`.
#![allow(unsafe_code)]

use crate::runtime::signals;
use crate::vm::cx::{Cx, Exit};
use crate::vm::goroutine::{self, Word};
use crate::vm::natives::{Call, Entry};

native!(enable, 0, |c| signals::enable(c.int() as i32));
native!(disable, 0, |c| signals::disable(c.int() as i32));
native!(ignore, 0, |c| signals::ignore(c.int() as i32));
native!(ignored, 1, |c| {
    let n = c.int() as i32;
    c.ret_bool(signals::is_ignored(n));
});

unsafe fn wait(cx: &mut Cx, base: *mut u64) -> Exit {
    // When woken, the goroutine makes this call again.
    goroutine::set(cx.g(), Word::Pc, cx.pc as usize);
    let (w, g) = (cx.w(), cx.g());
    match w.rt().wait_signal(w, g) {
        Some(n) => {
            goroutine::set(cx.g(), Word::Pc, cx.pc as usize + 8);
            // SAFETY: called with the native's own arguments.
            unsafe { Call::new(cx, base, 1) }.ret(n as u64);
            Exit::Next
        }
        None => Exit::Parked,
    }
}

pub const NATIVES: &[Entry] = &[
    ("os/signal.enable", enable),
    ("os/signal.disable", disable),
    ("os/signal.ignore", ignore),
    ("os/signal.ignored", ignored),
    ("os/signal.wait", wait),
];
