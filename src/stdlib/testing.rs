//! `testing`: regular expressions for names, the watcher behind `-timeout` and deadlocks,
//! and which goroutines a test has left behind.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use regex_automata::meta::Regex;

use crate::runtime::sched::task::{G, State};
use crate::runtime::wait_reason::WaitReason;
use crate::vm::cx::{Cx, Exit};
use crate::vm::goroutine::{self, Word};
use crate::vm::leak::{self, Seeker};
use crate::vm::natives::{Call, Entry};
use crate::vm::traceback;
use crate::vm::{collect, ending, exec};

/// Compiled patterns, or what is wrong with them.
type Patterns = HashMap<Vec<u8>, Result<Regex, String>>;
static PATTERNS: Mutex<Option<Patterns>> = Mutex::new(None);

/// Calls `f` with the compiled pattern or with what is wrong with it.
fn with_pattern<T>(pattern: &[u8], f: impl FnOnce(Result<&Regex, &str>) -> T) -> T {
    let mut all = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_default();
    let entry = all
        .entry(pattern.to_vec())
        .or_insert_with(|| super::regexp::pattern(pattern));
    f(entry.as_ref().map_err(String::as_str))
}

native!(match_regexp, 1, |c| {
    let (p, s) = (c.str(), c.str());
    let found = with_pattern(p, |r| r.is_ok_and(|r| r.is_match(s)));
    c.ret_bool(found);
});
native!(bad_regexp, 2, |c| {
    let p = c.str();
    let text = with_pattern(p, |r| r.err().map(str::to_string)).unwrap_or_default();
    crate::try_exit!(c.ret_str(text.as_bytes()));
});
native!(race_errors, 1, |c| {
    let n = if crate::race::on() {
        crate::race::report::count() as i64
    } else {
        -1
    };
    c.ret_int(n);
});
native!(set_owner, 1, |c| {
    let n = c.int();
    let old = goroutine::get(c.cx.g(), Word::Owner);
    goroutine::set(c.cx.g(), Word::Owner, n as usize);
    c.ret(old as u64);
});

/// Adds a stopped goroutine to a list of `count` dumps.
fn add_dump(text: &mut String, count: &mut i64, g: &G) {
    if *count > 0 {
        text.push('\n');
    }
    *count += 1;
    let frames = traceback::stopped_frames(g);
    traceback::write_goroutine(text, g, g.status_text(), &frames);
}

/// Goroutines marked with an owner, without the caller: their dump, how many, and whether
/// each of them waits for something other than time.
unsafe fn leaked(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 4) };
    let owner = c.int() as usize;
    let me = c.cx.g().id();
    let w = c.cx.w();
    let (mut text, mut count, mut blocked) = (String::new(), 0, true);
    w.stop_the_world();
    w.rt().for_each_g(|g| {
        if goroutine::get(g, Word::Owner) != owner || g.id() == me {
            return;
        }
        let waits = g.state() == State::Waiting && g.wait_reason() != WaitReason::Sleep;
        blocked &= waits;
        add_dump(&mut text, &mut count, g);
    });
    w.start_the_world();
    crate::try_exit!(c.ret_str(text.as_bytes()))
        .ret_int(count)
        .ret_bool(blocked);
    Exit::Next
}

/// Goroutines with an owner that wait to send, for a lock or for a WaitGroup while all others
/// wait for each other: their dump, how many.
unsafe fn left(cx: &mut Cx, base: *mut u64) -> Exit {
    use WaitReason as W;
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let me = c.cx.g().id();
    let w = c.cx.w();
    let (mut text, mut count, mut quiet) = (String::new(), 0, true);
    w.stop_the_world();
    w.rt().for_each_g(|g| {
        if g.id() == me || goroutine::is_system(g) {
            return;
        }
        quiet &= leak::waits_for_others(g);
        let stuck = matches!(
            g.wait_reason(),
            W::ChanSend | W::MutexLock | W::RwMutexLock | W::RwMutexRLock | W::WaitGroupWait
        );
        if !stuck || goroutine::get(g, Word::Owner) == 0 {
            return;
        }
        add_dump(&mut text, &mut count, g);
    });
    w.start_the_world();
    if !quiet {
        (text, count) = (String::new(), 0);
    }
    crate::try_exit!(c.ret_str(text.as_bytes())).ret_int(count);
    Exit::Next
}

/// Goroutines marked with an owner that nobody (or nobody else) can wake any more: their
/// dump, how many.
unsafe fn lost(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the call saved the goroutine's state.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let owner = c.int() as usize;
    let keep = c.word();
    let among = if c.bool() { owner } else { 0 };
    let who = Seeker {
        g: c.cx.g,
        keep,
        among,
    };
    let (text, count) = collect::find_lost(c.cx.w(), &who, |_, lost| {
        let (mut text, mut count) = (String::new(), 0);
        for g in lost {
            if goroutine::get(g, Word::Owner) != owner {
                continue;
            }
            add_dump(&mut text, &mut count, g);
        }
        (text, count)
    });
    crate::try_exit!(c.ret_str(text.as_bytes())).ret_int(count);
    Exit::Next
}

/// When the watcher shall be woken, and whether it still watches.
struct Alarm {
    due: Option<Instant>,
    /// When it shall look for goroutines that are stuck, and the pause after that.
    look: Instant,
    pause: Duration,
    started: bool,
    over: bool,
}
static ALARM: (LazyLock<Mutex<Alarm>>, Condvar) = (
    LazyLock::new(|| {
        Mutex::new(Alarm {
            due: None,
            look: Instant::now() + FIRST_LOOK,
            pause: FIRST_LOOK,
            started: false,
            over: false,
        })
    }),
    Condvar::new(),
);
/// The first look for stuck goroutines; the pauses between looks double up to the last.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(30);

fn alarm() -> MutexGuard<'static, Alarm> {
    ALARM.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the watcher was woken for.
static WHY: AtomicU64 = AtomicU64::new(DEADLOCK);
const TIME_OVER: u64 = 1;
const DEADLOCK: u64 = 2;
const LOOK: u64 = 3;

/// The calling goroutine becomes the runtime's watcher. Its wait counts neither as work
/// nor as something from outside, so that the other goroutines can be found deadlocked.
unsafe fn watch(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 0) };
    let ns = c.int();
    // A deadlock wakes it without a word; the alarm thread says something else.
    WHY.store(DEADLOCK, Ordering::Relaxed);
    let g = c.cx.g().gref();
    {
        let mut a = alarm();
        if a.over {
            return Exit::Goexit;
        }
        if !a.started {
            a.started = true;
            a.due = (ns > 0).then(|| Instant::now() + Duration::from_nanos(ns as u64));
            let rt = exec::runtime().expect("a program runs");
            let thread = std::thread::Builder::new()
                .name("alarm".into())
                .spawn(move || ring(rt));
            if thread.is_err() {
                a.due = None;
            }
        }
    }
    goroutine::make_system(&g);
    let w = c.cx.w();
    w.park_with(&g, WaitReason::Other, 0, || w.rt().set_watcher(g));
    Exit::Parked
}
native!(why, 1, |c| {
    c.ret(WHY.load(Ordering::Relaxed));
});

/// The alarm thread: wakes the watcher when the time is over, and now and then to look.
fn ring(rt: &'static crate::runtime::sched::Runtime) {
    let mut a = alarm();
    while !a.over {
        let now = Instant::now();
        let what = if a.due.is_some_and(|d| d <= now) {
            TIME_OVER
        } else if a.look <= now {
            LOOK
        } else {
            let next = a.due.map_or(a.look, |d| d.min(a.look));
            a = ALARM
                .1
                .wait_timeout(a, next - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            continue;
        };
        let Some(g) = rt.take_watcher() else {
            // It is busy, and parks again soon.
            a = ALARM
                .1
                .wait_timeout(a, Duration::from_millis(1))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            continue;
        };
        if what == LOOK {
            a.look = now + a.pause;
            a.pause = (a.pause * 2).min(LAST_PAUSE);
        } else {
            a.due = None;
        }
        WHY.store(what, Ordering::Relaxed);
        rt.ready_external(g);
    }
}

/// Whether the main goroutine can never go on; else what there is to say of other
/// goroutines that cannot.
unsafe fn stuck(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the call saved the goroutine's state.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let who = Seeker::everything(c.cx.g);
    let (dead, text) = collect::find_lost(c.cx.w(), &who, |rt, lost| {
        if lost.iter().any(|g| g.id() == 1) {
            return (true, String::new());
        }
        (false, leak::partial(rt, lost))
    });
    crate::try_exit!(c.ret_bool(dead).ret_str(text.as_bytes()));
    Exit::Next
}

native!(unwatch, 0, |c| {
    alarm().over = true;
    ALARM.1.notify_all();
    c.cx.w().rt().take_watcher();
});

native!(panic_on_exit_0, 0, |c| {
    let on = c.bool();
    super::os::EXIT_0_PANICS.store(on, Ordering::Relaxed);
});

native!(cover_mode, 2, |c| {
    let mode = crate::cover::table().map_or("", |t| t.mode().name());
    crate::try_exit!(c.ret_str(mode.as_bytes()));
});
native!(covered, 2, |c| {
    let (ran, all) = crate::cover::table().map_or((0, 0), |t| t.statements());
    c.ret_int(ran as i64).ret_int(all as i64);
});
native!(cover_lines, 2, |c| {
    let mut text = Vec::new();
    if let Some(t) = crate::cover::table() {
        // Writing to memory cannot fail.
        let _ = t.profile(&mut text);
    }
    crate::try_exit!(c.ret_str(&text));
});

/// Dies with a text, the caller's stack and everybody else's.
unsafe fn abort(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 0) };
    let mut out = String::from_utf8_lossy(c.str()).into_owned();
    let why = out.contains("deadlock!");
    out.push_str("\n\n");
    let pc = goroutine::get(c.cx.g(), Word::Pc) as *const u64;
    let frames = traceback::frames(pc, c.cx.fp, true);
    traceback::write_goroutine(&mut out, c.cx.g(), "running", &frames);
    let w = c.cx.w();
    w.stop_the_world();
    ending::dump_all(w.rt(), &mut out, c.cx.g());
    if why {
        out.push_str(&ending::explain_all(w.rt(), c.cx.g()));
    }
    ending::die(&out, 2)
}

pub const NATIVES: &[Entry] = &[
    ("testing.matchRegexp", match_regexp),
    ("testing.badRegexp", bad_regexp),
    ("testing.setOwner", set_owner),
    ("testing.raceErrors", race_errors),
    ("testing.lost", lost),
    ("testing.left", left),
    ("testing.leaked", leaked),
    ("testing.watch", watch),
    ("testing.why", why),
    ("testing.stuck", stuck),
    ("testing.unwatch", unwatch),
    ("testing.panicOnExit0", panic_on_exit_0),
    ("testing.abort", abort),
    ("testing.coverMode", cover_mode),
    ("testing.covered", covered),
    ("testing.coverLines", cover_lines),
];
