//! `runtime/trace` and `runtime/pprof`: the native halves.
#![allow(unsafe_code)]

use crate::bytecode::program::funcs;
use crate::runtime::sched::task::State;
use crate::runtime::trace;
use crate::vm::cx::{Cx, Exit};
use crate::vm::goroutine::{self, Word};
use crate::vm::natives::{Call, Entry, Slice};
use crate::vm::{profile, traceback};

fn text(b: &[u8]) -> String {
    String::from_utf8_lossy(b).into_owned()
}

/// Name of the function with a number, if it has ever run.
fn func_name(id: usize) -> String {
    if id >= funcs().count() {
        return String::new();
    }
    // SAFETY: below the number of entries.
    let entry = unsafe { &*funcs().base().add(id) };
    let code = entry.entry.load(std::sync::atomic::Ordering::Acquire) as usize;
    funcs().find(code).map_or(String::new(), |p| p.name.clone())
}

native!(trace_on, 1, |c| {
    c.ret_bool(trace::on());
});
native!(trace_start, 1, |c| {
    let g = c.cx.g();
    let ok = trace::start(c.cx.w().p().id, g, goroutine::get(g, Word::Entry));
    c.ret_bool(ok);
});
unsafe fn trace_stop(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    match trace::stop(func_name) {
        Some(json) => {
            crate::try_exit!(c.ret_bytes(json.as_bytes()));
            c.ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret_bool(false);
        }
    }
    Exit::Next
}
native!(trace_region, 0, |c| {
    let (id, begin) = (c.word(), c.bool());
    trace::region(id, begin, text(c.str()));
});
native!(trace_task, 0, |c| {
    let (id, begin) = (c.word(), c.bool());
    trace::task(id, begin, text(c.str()));
});
native!(trace_log, 0, |c| {
    trace::log(text(c.str()));
});

/// Results a `[]uintptr`.
fn ret_words(c: &mut Call, words: &[usize]) -> Result<(), Exit> {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
    let ptr = c.alloc_bytes(&bytes)?;
    c.ret_slice(Slice {
        ptr,
        len: words.len(),
        cap: words.len(),
    });
    Ok(())
}
/// Stacks one after another, each as count, length and addresses.
fn flatten<'a>(stacks: impl Iterator<Item = (&'a Vec<usize>, u64)>) -> Vec<usize> {
    let mut out = Vec::new();
    for (s, n) in stacks {
        out.extend([n as usize, s.len()]);
        out.extend(s);
    }
    out
}
native!(profile_start, 1, |c| {
    c.ret_bool(profile::start());
});
unsafe fn profile_stop(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let seen = profile::stop();
    let ok = seen.is_some();
    let words = flatten(seen.unwrap_or_default().iter().map(|(s, n)| (s, *n)));
    crate::try_exit!(ret_words(&mut c, &words));
    c.ret_bool(ok);
    Exit::Next
}
native!(allocs_start, 0, |_c| {
    profile::start_allocs();
});
/// Stacks one after another, each as objects, bytes, length and addresses.
unsafe fn alloc_stacks(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let mut words = Vec::new();
    for (stack, (bytes, objects)) in profile::allocs() {
        words.extend([objects as usize, bytes as usize, stack.len()]);
        words.extend(stack);
    }
    crate::try_exit!(ret_words(&mut c, &words));
    Exit::Next
}
/// The stacks of all goroutines, the caller's first.
unsafe fn goroutine_stacks(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let pc = goroutine::get(c.cx.g(), Word::Pc) as *const u64;
    let mut stacks = vec![profile::addresses(&traceback::frames(pc, c.cx.fp, true))];
    let w = c.cx.w();
    w.stop_the_world();
    w.rt().for_each_g(|g| {
        if !std::ptr::eq(g, c.cx.g())
            && !goroutine::is_system(g)
            && !matches!(g.state(), State::Running | State::Idle)
        {
            stacks.push(profile::addresses(&traceback::stopped_frames(g)));
        }
    });
    w.start_the_world();
    let words = flatten(stacks.iter().map(|s| (s, 1)));
    crate::try_exit!(ret_words(&mut c, &words));
    Exit::Next
}
pub const NATIVES: &[Entry] = &[
    ("runtime/trace.IsEnabled", trace_on),
    ("runtime/trace.begin", trace_start),
    ("runtime/trace.end", trace_stop),
    ("runtime/trace.region", trace_region),
    ("runtime/trace.task", trace_task),
    ("runtime/trace.log", trace_log),
    ("runtime/pprof.profileStart", profile_start),
    ("runtime/pprof.profileStop", profile_stop),
    ("runtime/pprof.goroutineStacks", goroutine_stacks),
    ("runtime/pprof.allocStacks", alloc_stacks),
    ("internal/testprof.allocsStart", allocs_start),
];
