//! `internal/synctest`: natives over `runtime::bubble`.

use crate::runtime::bubble;
use crate::vm::cx::Exit;
use crate::vm::natives::Entry;

native!(enter, 1, |c| {
    let (w, g) = (c.cx.w(), c.cx.g());
    let ok = bubble::enter(w, g);
    c.ret_bool(ok);
});
native!(leave, 0, |c| bubble::leave(c.cx.w(), c.cx.g()));
native!(idle, 0, |c| {
    if c.cx.g().bubble().is_some() {
        bubble::park_root(c.cx.w(), c.cx.g());
        return Exit::Parked;
    }
});
native!(advance, 1, |c| {
    let how = bubble::advance(c.cx.w(), c.cx.g());
    c.ret_int(how as i64);
});
native!(wait, 0, |c| {
    return match bubble::wait(c.cx.w(), c.cx.g()) {
        Ok(()) => Exit::Parked,
        Err(why) => c.panic(why),
    };
});
native!(waited, 0, |c| bubble::waited(c.cx.g()));
native!(inside, 1, |c| {
    let inside = c.cx.g().bubble().is_some();
    c.ret_bool(inside);
});

pub const NATIVES: &[Entry] = &[
    ("internal/synctest.enter", enter),
    ("internal/synctest.leave", leave),
    ("internal/synctest.idle", idle),
    ("internal/synctest.advance", advance),
    ("internal/synctest.wait", wait),
    ("internal/synctest.waited", waited),
    ("internal/synctest.Inside", inside),
];
