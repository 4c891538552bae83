//! `time`: clocks, sleeping, timers. The Go half formats and calculates.
#![allow(unsafe_code)]

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::heap::rtti::Shape;
use crate::heap::{FixedShape, mem};
use crate::runtime::bubble::{Bubble, is_foreign};
use crate::runtime::chan::Hchan;
use crate::runtime::fault;
use crate::runtime::timers::{self, Kind, Timer};
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry};
use crate::vm::ops::conc::runtime_fault;

/// Monotonic reading at program start: Go's readings count from there, starting at 1.
static START: LazyLock<i64> = LazyLock::new(|| timers::now() - 1);

/// Monotonic time as the Go half sees it.
fn mono() -> i64 {
    timers::now() - *START
}

fn wall() -> (i64, i32) {
    let skipped = std::time::Duration::from_nanos(crate::runtime::prim::skipped() as u64);
    match (SystemTime::now() + skipped).duration_since(UNIX_EPOCH) {
        Ok(d) => (d.as_secs() as i64, d.subsec_nanos() as i32),
        Err(e) => {
            let d = e.duration();
            let (s, n) = (d.as_secs() as i64, d.subsec_nanos() as i32);
            if n == 0 {
                (-s, 0)
            } else {
                (-s - 1, 1_000_000_000 - n)
            }
        }
    }
}

/// Both clocks: Unix seconds and nanoseconds, monotonic time. In a bubble, whose clock shows
/// `bubble`, there is no monotonic reading.
fn read(bubble: Option<i64>) -> (i64, i32, i64) {
    match bubble {
        Some(t) => (
            t.div_euclid(1_000_000_000),
            t.rem_euclid(1_000_000_000) as i32,
            0,
        ),
        None => {
            let (s, n) = wall();
            (s, n, mono())
        }
    }
}

/// Writes the current time as a `time.Time` (layout: see `stdlib/time.gosub`): sec, nsec
/// and zone (1 = Local) in one word, mono, loc = nil. `bubble` is the clock of the bubble
/// that the time is for.
///
/// # Safety
/// `dst` is valid for a `time.Time`.
pub unsafe fn write_now(bubble: Option<i64>, dst: *mut u8) {
    let (sec, nsec, mono) = read(bubble);
    // The Go half counts seconds from year 1.
    let sec = sec + 62_135_596_800;
    // SAFETY: by the caller's promise.
    unsafe {
        mem::store_u64(dst, sec as u64);
        mem::store_u32(dst.add(8), nsec as u32);
        mem::store_u32(dst.add(12), 1);
        mem::store_u64(dst.add(16), mono as u64);
        mem::store_u64(dst.add(24), 0);
    }
}

unsafe fn now(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let (sec, nsec, mono) = read(c.cx.g().bubble().map(Bubble::now));
    c.ret_int(sec).ret_int(nsec as i64).ret_int(mono);
    Exit::Next
}
unsafe fn runtime_nano(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let now = c.cx.g().bubble().map_or_else(mono, Bubble::now);
    c.ret_int(now);
    Exit::Next
}
unsafe fn sleep(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let ns = unsafe { Call::new(cx, base, 0) }.int();
    if timers::sleep(cx.w(), cx.g(), ns) {
        Exit::Parked
    } else {
        Exit::Yield
    }
}

static SHAPE: LazyLock<FixedShape> = LazyLock::new(|| {
    FixedShape::of(&Shape {
        size: Timer::SIZE.next_multiple_of(8),
        align: 8,
        ptrs: vec![1 << Timer::PTR_WORD],
    })
    .expect("a small shape")
});

unsafe fn new_timer(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let (kind, ns, period, ch, f) = (c.int(), c.int(), c.int(), c.word(), c.word());
    let t = c.cx.cache().alloc_small(&SHAPE) as *mut Timer;
    if t.is_null() {
        return c.no_memory();
    }
    // SAFETY: a fresh object; ch is the channel the Go half just made.
    unsafe {
        if kind == 0 {
            (*(ch as *const Hchan)).set_timer();
            Timer::init(t, Kind::SendTime, ch as usize);
        } else {
            Timer::init(t, Kind::Func, f as usize);
        }
        (*t).set_bubble(c.cx.g().bubble_slot());
        starts(t);
        let at = due(c.cx, ns);
        (*t).reset(c.cx.w(), at, period);
    }
    c.ret(t as u64);
    Exit::Next
}
/// What the timer leads to comes after its start.
fn starts(t: *const Timer) {
    crate::race::with(|l| crate::race::sync::release(crate::race::thread::of(l), t as usize));
}
fn due(cx: &Cx, ns: i64) -> i64 {
    let now = cx.g().bubble().map_or_else(timers::now, Bubble::now);
    now.saturating_add(ns.max(0))
}
unsafe fn stop_timer(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the handle is a live timer object.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let Some(t) = (c.word() as *const Timer).as_ref() else {
            return c.nil();
        };
        if is_foreign(Some(c.cx.g()), t.bubble()) {
            return runtime_fault(c.cx, fault::FOREIGN_STOP);
        }
        let was = t.stop(c.cx.w());
        c.ret_bool(was);
    }
    Exit::Next
}
unsafe fn reset_timer(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as `stop_timer`.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let Some(t) = (c.word() as *const Timer).as_ref() else {
            return c.nil();
        };
        let (ns, period) = (c.int(), c.int());
        starts(t);
        if is_foreign(Some(c.cx.g()), t.bubble()) {
            return runtime_fault(c.cx, fault::FOREIGN_RESET);
        }
        let at = due(c.cx, ns);
        let was = t.reset(c.cx.w(), at, period);
        c.ret_bool(was);
    }
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("time.now", now),
    ("time.runtimeNano", runtime_nano),
    ("time.Sleep", sleep),
    ("time.newTimer", new_timer),
    ("time.stopTimer", stop_timer),
    ("time.resetTimer", reset_timer),
];
