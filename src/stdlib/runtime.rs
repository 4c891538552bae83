//! `runtime` and `runtime/debug`: questions to the scheduler, the heap and the stacks.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering;

use super::fmtcore::mem as fmem;
use crate::heap::heap;
use crate::heap::rtti::Kind;
use crate::runtime::limits;
use crate::vm::afterlife::{self, Kind as AfterKind};
use crate::vm::cx::{Cx, Exit};
use crate::vm::gctrace::LAST_GC;
use crate::vm::goroutine::{self, MAX_STACK, Word};
use crate::vm::natives::{Call, Entry};
use crate::vm::ops::aggregate::implements;
use crate::vm::traceback::{self, Frame};
use crate::vm::unwind;

/// Number of processors the process may use.
pub fn num_cpu() -> usize {
    // SAFETY: a valid set to fill in.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) == 0 {
            return (libc::CPU_COUNT(&set) as usize).max(1);
        }
    }
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// Processors' worth of time that the process's control groups allow, if they limit it.
fn cpu_quota() -> Option<f64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut least: Option<f64> = None;
    let mut note = |quota: f64, period: f64| {
        if quota > 0.0 && period > 0.0 {
            least = Some(least.map_or(quota / period, |l| l.min(quota / period)));
        }
    };
    let number = |s: &str| s.trim().parse::<f64>().unwrap_or(-1.0);
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, kinds, path) = (parts.next()?, parts.next()?, parts.next()?);
        let mut path = path.trim_end_matches('/').to_string();
        // A group's limit holds for the groups inside it.
        loop {
            if kinds.is_empty() {
                if let Ok(t) = std::fs::read_to_string(format!("/sys/fs/cgroup{path}/cpu.max"))
                    && let Some((quota, period)) = t.split_once(' ')
                {
                    note(number(quota), number(period));
                }
            } else if kinds.split(',').any(|k| k == "cpu") {
                let dir = format!("/sys/fs/cgroup/cpu{path}");
                let read = |f: &str| std::fs::read_to_string(format!("{dir}/cpu.cfs_{f}_us"));
                if let (Ok(quota), Ok(period)) = (read("quota"), read("period")) {
                    note(number(&quota), number(&period));
                }
            } else {
                break;
            }
            match path.rfind('/') {
                Some(i) => path.truncate(i),
                None => break,
            }
        }
    }
    least
}

/// GOMAXPROCS at program start: the environment variable, or the processors there are, but
/// no more than the control group's quota (rounded up, at least 2), as Go has it.
pub fn default_procs() -> usize {
    match std::env::var("GOMAXPROCS")
        .ok()
        .and_then(|v| v.parse::<usize>().ok())
    {
        Some(n) if n > 0 => n,
        _ => {
            let cpus = num_cpu();
            if cpus <= 2 {
                return cpus;
            }
            cpu_quota().map_or(cpus, |q| (q.ceil() as usize).max(2).min(cpus))
        }
    }
}

unsafe fn gomaxprocs(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let n = c.int();
    let old = if n < 1 || n as u64 == c.cx.w().rt().procs() as u64 {
        c.cx.w().rt().procs() as usize
    } else {
        c.cx.w().set_procs(n as usize)
    };
    c.ret(old as u64);
    // The call may have changed which P this M holds.
    Exit::Yield
}
unsafe fn default_gomaxprocs(cx: &mut Cx, _base: *mut u64) -> Exit {
    let n = default_procs();
    if n as u64 != cx.w().rt().procs() as u64 {
        cx.w().set_procs(n);
    }
    Exit::Yield
}
unsafe fn cpus(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe { Call::new(cx, base, 1) }.ret(num_cpu() as u64);
    Exit::Next
}
unsafe fn num_goroutine(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let n =
        c.cx.w()
            .rt()
            .num_goroutine()
            .saturating_sub(goroutine::system_count());
    c.ret(n as u64);
    Exit::Next
}
unsafe fn gosched(_cx: &mut Cx, _base: *mut u64) -> Exit {
    Exit::Yield
}
unsafe fn goexit(_cx: &mut Cx, _base: *mut u64) -> Exit {
    Exit::Goexit
}
unsafe fn gc(_cx: &mut Cx, _base: *mut u64) -> Exit {
    Exit::Collect
}
unsafe fn nothing(_cx: &mut Cx, _base: *mut u64) -> Exit {
    Exit::Next
}
unsafe fn lock_thread(cx: &mut Cx, _base: *mut u64) -> Exit {
    cx.w().lock_thread(cx.g());
    Exit::Next
}
unsafe fn unlock_thread(cx: &mut Cx, _base: *mut u64) -> Exit {
    cx.w().unlock_thread(cx.g());
    Exit::Next
}
unsafe fn version(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe { Call::new(cx, base, 2) }
        .ret_substr(concat!("gosub", env!("CARGO_PKG_VERSION")).as_bytes());
    Exit::Next
}
unsafe fn goroot(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe { Call::new(cx, base, 2) }.ret_substr(b"");
    Exit::Next
}

/// The running goroutine's dump, and with `all` everybody's.
fn dump(cx: &mut Cx, all: bool) -> String {
    let mut out = String::new();
    let pc = goroutine::get(cx.g(), Word::Pc) as *const u64;
    let frames = unwind::running(cx, pc);
    traceback::write_goroutine(&mut out, cx.g(), "running", &frames);
    if all {
        let w = cx.w();
        w.stop_the_world();
        crate::vm::ending::dump_all(w.rt(), &mut out, cx.g());
        w.start_the_world();
    }
    out
}
unsafe fn stack(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments: a byte slice to fill.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (buf, all) = (c.slice(), c.bool());
        let text = dump(c.cx, all);
        let n = text.len().min(buf.len);
        crate::heap::mem::copy(buf.ptr as *mut u8, text.as_ptr(), n);
        c.ret(n as u64);
    }
    Exit::Next
}
unsafe fn debug_stack(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let text = dump(c.cx, false);
    crate::try_exit!(c.ret_bytes(text.as_bytes()));
    Exit::Next
}
unsafe fn print_err(cx: &mut Cx, base: *mut u64) -> Exit {
    use std::io::Write;
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 0) };
    // Nothing can be done when standard error is gone.
    let _ = std::io::stderr().write_all(c.bytes());
    Exit::Next
}

/// Frames of the caller of the native, innermost first, adapters left out.
fn callers(cx: &Cx) -> Vec<Frame> {
    let pc = goroutine::get(cx.g(), Word::Pc) as *const u64;
    let all = unwind::running(cx, pc);
    all.into_iter()
        .filter(|f| traceback::place(*f).is_some_and(|p| !p.wrapper))
        .collect()
}
/// As Go, callers are identified by an address inside the call; ours point at the return word.
fn code_addr(f: &Frame) -> u64 {
    f.pc as u64
}
unsafe fn caller(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 5) };
    let skip = c.int();
    let frames = callers(c.cx);
    match usize::try_from(skip)
        .ok()
        .and_then(|i| frames.get(i))
        .and_then(|f| Some((f, traceback::place(*f)?)))
    {
        Some((f, p)) => {
            c.ret(code_addr(f));
            crate::try_exit!(c.ret_str(p.file.as_bytes()))
                .ret(p.line as u64)
                .ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret(0).ret(0).ret_bool(false);
        }
    }
    Exit::Next
}
/// As `caller`, without the address.
unsafe fn log_caller(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 4) };
    let skip = c.int();
    let frames = callers(c.cx);
    match usize::try_from(skip)
        .ok()
        .and_then(|i| frames.get(i))
        .and_then(|f| traceback::place(*f))
    {
        Some(p) => {
            crate::try_exit!(c.ret_str(p.file.as_bytes()))
                .ret(p.line as u64)
                .ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret(0).ret_bool(false);
        }
    }
    Exit::Next
}
unsafe fn callers_native(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments: a slice of words to fill.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (skip, out) = (c.int(), c.slice());
        // 0 is Callers itself in Go.
        let frames = callers(c.cx);
        let skip = (skip - 1).max(0) as usize;
        let mut n = 0;
        for f in frames.iter().skip(skip).take(out.len) {
            crate::heap::mem::store_u64((out.ptr as *mut u8).add(8 * n), code_addr(f));
            n += 1;
        }
        c.ret(n as u64);
    }
    Exit::Next
}
unsafe fn pc_info(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 7) };
    let pc = c.word() as usize;
    // An entry address names the function itself; others are return addresses.
    let p = crate::bytecode::program::funcs().find(pc);
    let at_entry = p.is_some_and(|p| p.code.as_ptr() as usize == pc);
    match (
        p,
        traceback::place(Frame {
            pc,
            is_return: !at_entry,
        }),
    ) {
        (proto, Some(place)) => {
            let entry = proto.map_or(pc, |p| p.code.as_ptr() as usize);
            let start = traceback::place(Frame {
                pc: entry,
                is_return: false,
            })
            .map_or(0, |p| p.line);
            crate::try_exit!(c.ret_str(place.func.as_bytes()));
            crate::try_exit!(c.ret_str(place.file.as_bytes()));
            c.ret(place.line as u64).ret(entry as u64).ret(start as u64);
        }
        _ => {
            for _ in 0..7 {
                c.ret(0);
            }
        }
    }
    Exit::Next
}

unsafe fn mem_stats(cx: &mut Cx, base: *mut u64) -> Exit {
    // With the world stopped the figures fit together.
    cx.w().stop_the_world();
    let s = heap().stats();
    let mut stacks = 0;
    cx.w().rt().for_each_g(|g| {
        stacks += goroutine::get(g, Word::StackHi) - goroutine::get(g, Word::StackLo);
    });
    cx.w().start_the_world();
    cx.moved();
    let v: [u64; 14] = [
        s.heap_alloc,
        s.total_alloc,
        s.heap_sys + stacks as u64,
        s.mallocs,
        s.frees,
        s.heap_sys,
        stacks as u64,
        s.next_gc,
        LAST_GC.load(Ordering::Relaxed),
        s.pause_total_ns,
        s.num_gc,
        s.forced,
        s.heap_inuse.max(s.heap_alloc),
        s.heap_released,
    ];
    // SAFETY: the result is an array of fourteen words.
    let mut c = unsafe { Call::new(cx, base, 14) };
    for x in v {
        c.ret(x);
    }
    Exit::Next
}
unsafe fn gc_pause(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let at = c.int();
    let (ns, end) = heap().pause(at as usize);
    c.ret(ns).ret(end);
    Exit::Next
}
unsafe fn set_gc_percent(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let n = c.int();
    let old = heap().set_gc_percent(n.clamp(-1, i32::MAX as i64) as i32);
    c.ret_int(old as i64);
    Exit::Next
}
unsafe fn set_memory_limit(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let n = c.int();
    let old = heap().set_memory_limit(u64::try_from(n).ok());
    c.ret(old);
    Exit::Next
}
unsafe fn set_max_stack(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let n = c.int();
    let old = MAX_STACK.swap(n.max(4096) as usize, Ordering::Relaxed);
    c.ret(old as u64);
    Exit::Next
}
unsafe fn set_max_threads(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let n = c.int();
    let old = limits::set_threads(n.max(0) as usize);
    c.ret(old as u64);
    Exit::Next
}
unsafe fn set_traceback(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 0) };
    crate::vm::ending::set_traceback(&String::from_utf8_lossy(c.str()));
    Exit::Next
}
unsafe fn free_memory(_cx: &mut Cx, _base: *mut u64) -> Exit {
    heap().free_all_next();
    Exit::Collect
}
unsafe fn gc_stats(cx: &mut Cx, base: *mut u64) -> Exit {
    let s = heap().stats();
    // SAFETY: called with the native's own arguments.
    unsafe { Call::new(cx, base, 3) }
        .ret(LAST_GC.load(Ordering::Relaxed))
        .ret(s.num_gc)
        .ret(s.pause_total_ns);
    Exit::Next
}

/// Checks the arguments of `SetFinalizer` and registers it; what is wrong with them.
unsafe fn finalizer(obj: (u64, u64), func: (u64, u64)) -> Result<(), String> {
    const WHO: &str = "runtime.SetFinalizer: ";
    // SAFETY: type words.
    let (t, f) = unsafe { (fmem::type_of_word(obj.0), fmem::type_of_word(func.0)) };
    let t = t.ok_or_else(|| format!("{WHO}first argument is nil"))?;
    if t.kind != Kind::Pointer {
        return Err(format!("{WHO}first argument is {}, not pointer", t.name));
    }
    let at = obj.1 as usize;
    if at == 0 {
        return Err("nil elem type!".into());
    }
    let Some(f) = f else {
        afterlife::remove_finalizer(at);
        return Ok(());
    };
    if f.kind != Kind::Func {
        return Err(format!(
            "{WHO}second argument is {}, not a function",
            f.name
        ));
    }
    let parts = f.parts();
    let bad = || format!("{WHO}cannot pass {} to finalizer {}", t.name, f.name);
    let [p] = parts.params[..] else {
        return Err(bad());
    };
    let slots: usize = parts
        .results
        .iter()
        .map(|r| r.size().div_ceil(8).max(1))
        .sum();
    let kind = match (p.kind, slots) {
        (Kind::Interface, 0) if implements(t, p).is_ok() => AfterKind::Interface,
        (Kind::Pointer, _) if std::ptr::eq(p, t) || std::ptr::eq(p.elem(), t.elem()) => match slots
        {
            0 => AfterKind::Pointer,
            1 => AfterKind::PointerOne,
            2 => AfterKind::PointerTwo,
            _ => return Err(bad()),
        },
        _ => return Err(bad()),
    };
    if afterlife::has_finalizer(at) {
        return Err(format!("{WHO}finalizer already set"));
    }
    afterlife::add(at, kind, func.1, obj.0);
    Ok(())
}
unsafe fn set_finalizer(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments: two interfaces.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let (obj, func) = (c.iface(), c.iface());
        let text = finalizer(obj, func).err().unwrap_or_default();
        crate::try_exit!(c.ret_str(text.as_bytes()));
    }
    Exit::Next
}
unsafe fn throw(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 0) };
    let text = String::from_utf8_lossy(c.str()).into_owned();
    c.cx.fatal_text(text)
}
unsafe fn next_finalizer(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 9) };
    match afterlife::next() {
        Some(call) => {
            c.ret(call.kind as u64);
            // One of the function results is called, as the kind says.
            for _ in 0..5 {
                c.ret(call.func);
            }
            c.ret(call.object).ret(call.ty).ret(call.object);
        }
        None => {
            for _ in 0..9 {
                c.ret(0);
            }
        }
    }
    Exit::Next
}
unsafe fn add_cleanup(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments: a pointer in an interface, a function.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let ((ty, at), f) = (c.iface(), c.word());
    let id = afterlife::add(at as usize, AfterKind::Cleanup, f, ty);
    c.ret(id.unwrap_or(0));
    Exit::Next
}
unsafe fn remove_cleanup(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 0) };
    afterlife::remove(c.word());
    Exit::Next
}
native!(weak_name, 2, |c| {
    let (_, at) = c.iface();
    let id = if at == 0 {
        0
    } else {
        afterlife::weak(at as usize)
    };
    c.ret(at).ret(id);
});
// value(like, addr, id): a pointer of the type of `like` to the object, or `like`.
native!(weak_value, 2, |c| {
    let like = c.iface();
    let (at, id) = (c.word(), c.word());
    // Nothing is collected while a native runs, so the object cannot die in between.
    let alive = id != 0 && afterlife::is_alive(at as usize, id);
    c.ret_iface(if alive { (like.0, at) } else { like });
});

pub const NATIVES: &[Entry] = &[
    ("weak.name", weak_name),
    ("weak.value", weak_value),
    ("runtime.GOMAXPROCS", gomaxprocs),
    ("runtime.SetDefaultGOMAXPROCS", default_gomaxprocs),
    ("runtime.NumCPU", cpus),
    ("runtime.NumGoroutine", num_goroutine),
    ("runtime.Gosched", gosched),
    ("runtime.Goexit", goexit),
    ("runtime.GC", gc),
    ("runtime.KeepAlive", nothing),
    ("runtime.setFinalizer", set_finalizer),
    ("runtime.throw", throw),
    ("runtime.nextFinalizer", next_finalizer),
    ("runtime.addCleanup", add_cleanup),
    ("runtime.removeCleanup", remove_cleanup),
    ("runtime.LockOSThread", lock_thread),
    ("runtime.UnlockOSThread", unlock_thread),
    ("runtime.Version", version),
    ("runtime.GOROOT", goroot),
    ("runtime.Stack", stack),
    ("runtime.Caller", caller),
    ("runtime.Callers", callers_native),
    ("runtime.pcInfo", pc_info),
    ("runtime.memStats", mem_stats),
    ("runtime.gcPause", gc_pause),
    ("runtime/debug.gcPause", gc_pause),
    ("log.caller", log_caller),
    ("runtime/debug.printErr", print_err),
    ("runtime/debug.stack", debug_stack),
    ("runtime/debug.SetGCPercent", set_gc_percent),
    ("runtime/debug.SetMemoryLimit", set_memory_limit),
    ("runtime/debug.SetMaxStack", set_max_stack),
    ("runtime/debug.SetMaxThreads", set_max_threads),
    ("runtime/debug.FreeOSMemory", free_memory),
    ("runtime/debug.SetTraceback", set_traceback),
    ("runtime/debug.gcStats", gc_stats),
];
