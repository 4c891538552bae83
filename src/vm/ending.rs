//! How a program dies: uncaught panics, fatal errors, and what is said of the goroutines then.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::cx::Cx;
use super::exec::Vm;
use super::goroutine::{self, Word};
use super::{collect, explain, session, traceback, unwind};
use crate::bytecode::program::funcs;
use crate::heap::rtti::Rtti;
use crate::runtime::bubble;
use crate::runtime::sched::task::{G, State};
use crate::runtime::sched::worker::Stop;
use crate::runtime::sched::{Executor, Runtime};

impl Vm {
    /// Nobody recovered: Go's text, exit code 2.
    pub(super) fn uncaught(&self, cx: &mut Cx) -> Option<Stop> {
        // Errors and Stringers are asked for their text, in guest code, one after another.
        if let Some(r) = goroutine::panics_mut(cx.g())
            .iter_mut()
            .find(|r| r.text.is_none())
        {
            r.text = Some(String::new());
            let v = r.value;
            if !r.goexit && super::panic_text::speaks(v) {
                r.asking = true;
                self.ask_text(cx, v);
                return None;
            }
            return self.uncaught(cx);
        }
        flush_output();
        let mut out = String::new();
        let recs = goroutine::panics(cx.g()).expect("a panic is in flight");
        let shown: Vec<_> = recs.iter().filter(|r| !r.goexit).collect();
        let again = |i: usize| {
            let next: Option<&&super::unwind::PanicRec> = shown.get(i + 1);
            shown[i].recovered && next.is_some_and(|n| n.value == shown[i].value)
        };
        for (i, r) in shown.iter().enumerate() {
            if i > 0 && again(i - 1) {
                continue;
            }
            if i > 0 {
                out.push('\t');
            }
            out.push_str("panic: ");
            match r.text.as_deref() {
                None | Some("") => out.push_str(&super::panic_text::text(r.value)),
                Some(t) => out.push_str(&t.replace('\n', "\n\t")),
            }
            if again(i) {
                out.push_str(" [recovered, repanicked]");
            } else if r.recovered {
                out.push_str(" [recovered]");
            }
            out.push('\n');
        }
        let last = recs.last().expect("a panic is in flight");
        if shown.iter().any(|r| r.signal) {
            out.push_str("[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x0]\n");
        }
        out.push('\n');
        let level = traceback_level();
        if level > 0 {
            let trace = unwind::joined(shown.iter().map(|r| r.trace.as_slice()));
            traceback::write_goroutine(&mut out, cx.g(), "running", &trace);
            if level > 1 {
                goroutine::save(cx);
                cx.w().stop_the_world();
                dump_all(cx.w().rt(), &mut out, cx.g());
            } else if last.value.0 != 0 && bubble_deadlock(last.value.0) {
                goroutine::save(cx);
                cx.w().stop_the_world();
                let slot = bubble::stuck();
                dump_those(cx.w().rt(), &mut out, |g| g.bubble_slot() == slot);
            }
        }
        if session::active() {
            eprint_all(&out);
            return Some(Stop::Exited);
        }
        die(&out, 2)
    }

    /// Calls `runtime.panicText(v)` on the unwound stack.
    fn ask_text(&self, cx: &mut Cx, v: (u64, u64)) {
        let lo = goroutine::get(cx.g(), Word::StackLo);
        cx.fp = (lo + crate::bytecode::program::HEADER * 8) as *mut u64;
        cx.need = 4096;
        if !goroutine::grow(cx) {
            self.stack_overflow(cx);
        }
        // SAFETY: `grow` made room for the header, two result and two argument slots.
        unsafe {
            *cx.fp.sub(1) = 0;
            *cx.fp.sub(2) = crate::bytecode::program::panic_done_code() as u64;
            *cx.fp.add(2) = v.0;
            *cx.fp.add(3) = v.1;
            let e = &*funcs().base().add(self.panic_text() as usize);
            cx.pc = e.entry.load(Ordering::Acquire) as *const u64;
        }
        cx.arm();
    }

    pub(super) fn out_of_memory(&self, rt: &Runtime) -> ! {
        self.fatal(rt, "out of memory")
    }

    pub(super) fn stack_overflow(&self, cx: &mut Cx) -> ! {
        let max = goroutine::MAX_STACK.load(Ordering::Relaxed);
        eprint_all(&format!(
            "runtime: goroutine stack exceeds {max}-byte limit\n"
        ));
        self.die_with(cx, "stack overflow")
    }

    /// A fatal error: in a session it ends only the goroutine.
    pub(super) fn throw(&self, cx: &mut Cx, text: &str) -> Option<Stop> {
        if !session::active() {
            self.die_with(cx, text);
        }
        let mut out = format!("fatal error: {text}\n\n");
        let frames = traceback::frames(cx.pc, cx.fp, false);
        traceback::write_goroutine(&mut out, cx.g(), "running", &frames);
        eprint_all(&out);
        Some(Stop::Exited)
    }

    /// A fatal error of the running goroutine.
    pub(super) fn die_with(&self, cx: &mut Cx, text: &str) -> ! {
        flush_output();
        let mut out = format!("fatal error: {text}\n");
        if traceback_level() > 0 {
            let frames = traceback::frames(cx.pc, cx.fp, false);
            out.push('\n');
            traceback::write_goroutine(&mut out, cx.g(), "running", &frames);
            // As in Go: a mistake of the program concerns the goroutine that made it.
            if traceback_level() > 1 || text == "stack overflow" {
                goroutine::save(cx);
                cx.w().stop_the_world();
                dump_all(cx.w().rt(), &mut out, cx.g());
            }
        }
        die(&out, 2)
    }
}

/// Whether a panic's type is that of a bubble's deadlock.
fn bubble_deadlock(ty: u64) -> bool {
    // SAFETY: a type word is the address of a descriptor, which lives for ever.
    unsafe { &*(ty as *const Rtti) }.name == "synctest.deadlockError"
}

/// `debug.SetTraceback`, plus one; 0: not set.
static TRACEBACK: AtomicUsize = AtomicUsize::new(0);

/// 0 none, 1 single, 2 all, 3 system, 4 crash: the words of `GOTRACEBACK`.
fn level_of(word: &str) -> usize {
    match word {
        "none" | "0" => 0,
        "all" | "1" => 2,
        "system" | "2" => 3,
        "crash" => 4,
        _ => 1,
    }
}
/// The level in force. The program may raise what the environment says, not lower it.
pub(super) fn traceback_level() -> usize {
    let env = std::env::var("GOTRACEBACK").map_or(1, |w| level_of(&w));
    match TRACEBACK.load(Ordering::Relaxed) {
        0 => env,
        n => env.max(n - 1),
    }
}
/// `debug.SetTraceback`.
pub fn set_traceback(word: &str) {
    TRACEBACK.store(level_of(word) + 1, Ordering::Relaxed);
}

/// Appends every goroutine except `skip`.
pub fn dump_all(rt: &Runtime, out: &mut String, skip: *const G) {
    dump_those(rt, out, |g| !std::ptr::eq(g, skip));
}

/// Appends the goroutines that `which` wants, in the order of their numbers.
fn dump_those(rt: &Runtime, out: &mut String, which: impl Fn(&G) -> bool) {
    let mut all = Vec::new();
    let system = traceback_level() > 2;
    rt.for_each_g(|g| {
        if which(g) && (system || !goroutine::is_system(g)) {
            all.push(g.gref());
        }
    });
    all.sort_by_key(|g| g.id());
    for g in all {
        out.push('\n');
        if system || g.state() == State::Running {
            traceback::write_system(out, &g, rt.thread_of(&g), g.status_text());
        } else {
            traceback::write_goroutine(out, &g, g.status_text(), &traceback::stopped_frames(&g));
        }
    }
}

/// Why everybody but `skip` waits. The world is stopped for good.
pub fn explain_all(rt: &Runtime, skip: *const G) -> String {
    // SAFETY: the world is stopped.
    unsafe { collect::flush(rt) };
    let mut all = Vec::new();
    rt.for_each_g(|g| {
        if g.state() == State::Waiting && !std::ptr::eq(g, skip) {
            all.push(g.gref());
        }
    });
    explain::waits(rt, &all)
}

pub(super) fn eprint_all(s: &str) {
    use std::io::Write;
    if session::print_above(s.as_bytes()) {
        return;
    }
    let _ = std::io::stderr().write_all(s.as_bytes());
}

pub(super) fn flush_output() {
    use std::io::Write;
    let _ = std::io::stdout().flush();
}

/// Ends the process with a last word on standard error. Only one thread gets to speak.
pub fn die(text: &str, code: i32) -> ! {
    static SPOKEN: AtomicBool = AtomicBool::new(false);
    if SPOKEN.swap(true, Ordering::SeqCst) {
        loop {
            std::thread::park();
        }
    }
    eprint_all(text);
    // No destructors: other threads are still running guest code.
    // SAFETY: these calls only end the process.
    unsafe {
        if code == 2 && traceback_level() > 3 {
            libc::signal(libc::SIGABRT, libc::SIG_DFL);
            libc::abort();
        }
        libc::_exit(code)
    }
}
