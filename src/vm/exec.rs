//! The executor: runs goroutines for the scheduler, and does for them what handlers leave
//! to somebody with time: growing stacks, compiling, panics, collection. `ending` has the last words.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use super::collect::Why;
use super::cx::{Cx, Exit};
use super::ending::{die, dump_all, eprint_all, explain_all, flush_output, traceback_level};
use super::fault::{Code, Shape};
use super::goroutine::{self, Word};
use super::leak::{self, Seeker};
use super::unwind::{self, Next};
use super::{advice, names};
use super::{collect, dispatch, session, traceback};
use crate::base::stack::on_stack;
use crate::bytecode::program::{funcs, gexit_code, rtti_of};
use crate::heap::rtti::{FuncId, Rtti};
use crate::heap::{AllocCache, heap};
use crate::lower::Lowerer;
use crate::race;
use crate::runtime::limits;
use crate::runtime::sched::task::{G, State, Wake};
use crate::runtime::sched::worker::{POLL_SAMPLE, Stop, Worker};
use crate::runtime::sched::{Executor, Runtime};

/// The compiler, behind a lock: any M may need a function compiled.
struct Compiler(Mutex<Lowerer>);
// SAFETY: the checker's and lowering's cells are only touched under the lock, by one
// thread at a time; nothing in them is bound to a thread except id counters.
unsafe impl Sync for Compiler {}
// SAFETY: as above.
unsafe impl Send for Compiler {}

impl Compiler {
    fn lock(&self) -> MutexGuard<'_, Lowerer> {
        let lw = self.0.lock().expect("the compiler does not panic");
        lw.world.enter();
        lw
    }
}

/// Compiles a function. Lowering recurses over the tree, and this thread's stack is not
/// made for trees that are very deep.
fn compile_on_enough_stack(lw: &mut Lowerer, id: FuncId) {
    let Some(stack) = lw.stack_needed() else {
        lw.compile(id);
        return;
    };
    if on_stack(stack, || lw.compile(id)).is_none() {
        eprintln!("fatal error: no memory to compile a function");
        std::process::exit(2);
    }
}

/// Types the VM itself makes values of.
struct Known {
    /// Run-time errors ("runtime error: " + text).
    runtime_error: &'static Rtti,
    /// The same, about an index or a bound.
    bounds_error: &'static Rtti,
    /// `*runtime.TypeAssertionError`, a pointer to a text.
    assertion_error: &'static Rtti,
    /// `*runtime.PanicNilError`, a pointer to nothing.
    panic_nil: &'static Rtti,
    /// Run-time errors whose text stands alone.
    plain_error: &'static Rtti,
    /// What packages written in Go panic with.
    string: &'static Rtti,
    /// `runtime.panicText`.
    panic_text: FuncId,
}

impl Known {
    fn find(lw: &mut Lowerer) -> Known {
        lw.add_machine();
        let text = lw
            .find("runtime", "panicText")
            .expect("runtime.panicText is declared");
        Known {
            panic_nil: lw
                .rtti_pointer("runtime", "PanicNilError")
                .expect("runtime.PanicNilError is declared"),
            runtime_error: lw
                .rtti_named("runtime", "errorString")
                .expect("runtime.errorString is declared"),
            bounds_error: lw
                .rtti_named("runtime", "boundsError")
                .expect("runtime.boundsError is declared"),
            assertion_error: lw
                .rtti_pointer("runtime", "TypeAssertionError")
                .expect("runtime.TypeAssertionError is declared"),
            plain_error: lw
                .rtti_named("runtime", "plainError")
                .expect("runtime.plainError is declared"),
            string: lw.rtti_string(),
            panic_text: lw.func_for(text, &[]),
        }
    }
}

/// The VM as the scheduler sees it.
pub struct Vm {
    compiler: &'static Compiler,
    /// Made at the first panic.
    known: OnceLock<Known>,
    entry: FuncId,
    /// `runtime.runFinalizers`, if the program can reach it.
    pub(super) finalizers: Option<FuncId>,
}

/// The program's compiler: one program per process.
static COMPILER: OnceLock<Compiler> = OnceLock::new();

/// Asks the compiler for something (a type, an adapter) while the program runs.
pub fn with_compiler<T>(f: impl FnOnce(&mut Lowerer) -> T) -> T {
    let c = COMPILER.get().expect("a program runs");
    f(&mut c.lock())
}

/// Where the code of a function begins, which is compiled if need be. 0: it cannot be.
pub fn code_of(id: FuncId) -> usize {
    if let Some(p) = funcs().current(id) {
        return p.code.as_ptr() as usize;
    }
    with_compiler(|lw| {
        compile_on_enough_stack(lw, id);
        // Whoever calls the function will hear of them.
        lw.errors.clear();
    });
    funcs().current(id).map_or(0, |p| p.code.as_ptr() as usize)
}

pub(super) static GC_ASKED: AtomicBool = AtomicBool::new(false);
static MAIN_RT: AtomicUsize = AtomicUsize::new(0);
/// Number of collections, for `sync.Pool`.
pub static GC_COUNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static CX: Cell<*mut Cx> = const { Cell::new(null_mut()) };
}

/// Called by the allocator when enough was allocated: everybody comes to the scheduler.
fn gc_request() {
    GC_ASKED.store(true, Ordering::Release);
    let cx = CX.with(Cell::get);
    if !cx.is_null() {
        // SAFETY: this thread's own context.
        unsafe { (*cx).limit_ref().store(0, Ordering::Relaxed) };
    }
}

/// The calling thread's goroutine shall be seen by a profile at its next call or jump.
pub(super) fn ask_for_sample() {
    let cx = CX.with(Cell::get);
    // SAFETY: this thread's own context, and its worker, which lives as long as the runtime;
    // null before the first goroutine.
    if let Some(w) = unsafe { cx.as_ref().and_then(|cx| cx.w.as_ref()) } {
        w.poke(POLL_SAMPLE);
    }
}

/// The runtime of this process's program, once it runs.
pub fn runtime() -> Option<&'static Runtime> {
    // SAFETY: set once to a runtime that is never dropped.
    unsafe { (MAIN_RT.load(Ordering::Acquire) as *const Runtime).as_ref() }
}

/// Turns on the race detector. To be called before anything is compiled.
pub fn enable_race(form: race::report::Form) {
    race::enable(heap().base(), heap().region_bytes());
    race::report::set_form(form);
    race::report::set_hooks(race::report::Hooks {
        place: traceback::race_place,
        running: |id| {
            let mut found = false;
            if let Some(rt) = runtime() {
                rt.for_each_g(|g| {
                    found |= g.id() == u64::from(id) && g.state() != State::Dead;
                });
            }
            found
        },
        flush: flush_output,
        name: names::accessed,
        explain: advice::of_race,
    });
}

/// Runs a compiled program on this thread, among others. The process ends with it.
pub fn run_program(lw: Lowerer, procs: usize) -> ! {
    let (rt, entry) = make(lw, procs);
    if LOOK.load(Ordering::Relaxed) {
        let rt = runtime().expect("just made");
        // Without the thread nobody looks.
        let _ = std::thread::Builder::new()
            .name("lost".into())
            .spawn(|| leak::look(rt));
    }
    rt.start_here(|_w, g| first(g, entry));
    unreachable!("the end of a program ends the process")
}

/// Starts a program that serves an interactive session, on threads of its own.
pub fn run_session(lw: Lowerer, procs: usize) -> std::io::Result<&'static Runtime> {
    session::activate();
    let (rt, entry) = make(lw, procs);
    // It is to start what is there at this moment.
    with_compiler(|lw| compile_on_enough_stack(lw, entry));
    // The session may always bring work.
    rt.external_begin();
    std::thread::Builder::new()
        .name("program".into())
        .spawn(move || rt.start(move |_w, g| first(g, entry)))?;
    Ok(runtime().expect("just made"))
}

/// Makes `g` the main goroutine.
fn first(g: &G, entry: FuncId) {
    // SAFETY: no arguments.
    let ok = unsafe { goroutine::prepare(g, entry, 0, null(), 0) };
    assert!(ok, "no memory for the first goroutine");
    if race::on() {
        goroutine::watch(g, &race::clock::Snap::default(), 0);
    }
}

fn make(mut lw: Lowerer, procs: usize) -> (std::sync::Arc<Runtime>, FuncId) {
    let entry = lw.entry();
    heap().set_gc_request_hook(gc_request);
    heap().set_marked_hook(collect::marked);
    heap().set_check_marks(limits::godebug("gccheckmark") > 0);
    let soft = std::env::var("GOMEMLIMIT").ok();
    if let Some(n) = soft.and_then(|v| limits::bytes(&v)) {
        heap().set_memory_limit(Some(n));
    }
    if let Some(n) = limits::memory() {
        heap().set_max_bytes(n as usize);
        goroutine::MAX_STACK.fetch_min((n as usize).max(1 << 16), Ordering::Relaxed);
    }
    let finalizers = lw
        .find("runtime", "runFinalizers")
        .map(|f| lw.func_for(f, &[]));
    let vm = Vm {
        compiler: COMPILER.get_or_init(|| Compiler(Mutex::new(lw))),
        known: OnceLock::new(),
        entry,
        finalizers,
    };
    let rt = Runtime::new(Box::new(vm), procs);
    // Never dropped: other threads may still look at it while the process ends.
    let raw = std::sync::Arc::into_raw(rt.clone());
    MAIN_RT.store(raw as usize, Ordering::Release);
    // SAFETY: as just said.
    crate::runtime::signals::start(unsafe { &*raw });
    (rt, entry)
}

impl Cx {
    fn fresh() -> *mut Cx {
        Box::into_raw(Box::new(Cx {
            limit: AtomicUsize::new(0),
            funcs: funcs().base(),
            natives: super::natives::table(),
            cache: null_mut(),
            defer_node: goroutine::defer_shape(),
            closures: super::ops::aggregate::closure_shapes(),
            g: null(),
            race: null_mut(),
            race_local: null_mut(),
            w: null(),
            pc: null(),
            fp: null_mut(),
            x: 0,
            y: 0,
            z: 0,
            need: 0,
            fault: Code::None,
            text: String::new(),
        }))
    }
    /// The word that others poison.
    pub fn limit_ref(&self) -> &AtomicUsize {
        &self.limit
    }
    /// Sets the limit to the end of the goroutine's stack, unless attention is wanted.
    pub(super) fn arm(&self) {
        self.limit
            .store(goroutine::get(self.g(), Word::StackHi), Ordering::Release);
        if self.w().poll.load(Ordering::Relaxed) != 0 || GC_ASKED.load(Ordering::Relaxed) {
            self.limit.store(0, Ordering::Relaxed);
        }
    }
}

impl Executor for Vm {
    fn run(&self, w: &Worker, g: &G) -> Stop {
        let mut p = CX.with(Cell::get);
        if p.is_null() {
            p = Cx::fresh();
            CX.with(|c| c.set(p));
            // SAFETY: contexts are never freed.
            w.set_limit_word(unsafe { &(*p).limit });
            if race::on() {
                // SAFETY: as above.
                unsafe { (*p).race_local = race::Local::install(&(*p).pc, &(*p).fp) };
            }
        }
        // SAFETY: this thread's own context; nobody else holds a reference to it (others
        // only reach its limit word, through the worker).
        let cx = unsafe { &mut *p };
        cx.w = w;
        cx.g = g;
        // SAFETY: the P is this M's while it runs; word 0 is the cache made by `p_init`.
        cx.cache = unsafe { (*w.p().ext.get())[0] as *mut AllocCache };
        cx.pc = goroutine::get(g, Word::Pc) as *const u64;
        cx.fp = goroutine::get(g, Word::Fp) as *mut u64;
        cx.arm();
        if race::on() && g.race().is_none() {
            // One that the runtime started: nothing is ordered before it but its making.
            goroutine::watch(g, &race::clock::Snap::default(), 0);
        }
        cx.race = g.race().map_or(null_mut(), |t| t as *mut race::Thread);
        // SAFETY: this M's own, when there is one.
        if let Some(l) = unsafe { cx.race_local.as_mut() } {
            l.thread = cx.race;
            race::sync::woken(l);
        }
        if let Some(stop) = self.resume(cx) {
            return stop;
        }
        // SAFETY: as above.
        if let Some(l) = unsafe { cx.race_local.as_mut() }
            && cx.pc as usize == goroutine::get(g, Word::Pc)
            && let at = race::thread::of(l).place()
            && let Some(ns) = l.dice.roll(w, at)
        {
            if ns == 0 {
                return Stop::Yield;
            }
            race::pause::park(w, g, ns);
            return Stop::Parked;
        }
        loop {
            // SAFETY: pc and fp are the goroutine's saved (or just computed) state.
            let e = unsafe { dispatch::run(cx.pc, cx.fp, cx) };
            if let Some(stop) = self.exit(cx, e) {
                return stop;
            }
        }
    }

    fn release(&self, _w: &Worker, g: &G) {
        if session::active() {
            session::ended(g.id());
        }
        goroutine::release(g);
    }

    fn fatal(&self, rt: &Runtime, text: &str) -> ! {
        flush_output();
        let mut out = format!("fatal error: {text}\n");
        if traceback_level() > 0 {
            let cx = CX.with(Cell::get);
            // SAFETY: a thread's context and worker live as long as the thread.
            rt.stop_for_dump(unsafe { cx.as_ref() }.map(|cx| cx.w()));
            dump_all(rt, &mut out, null());
            if text == crate::runtime::fault::DEADLOCK.text {
                out.push_str(&explain_all(rt, null()));
            }
        }
        die(&out, 2)
    }

    fn memory_short(&self, rt: &Runtime) {
        collect::ask_urgently(rt);
    }

    fn quit(&self, rt: &Runtime) -> ! {
        flush_output();
        let mut out = String::from("SIGQUIT: quit\nPC=0x0 m=0 sigcode=0\n");
        let mut all = Vec::new();
        rt.for_each_g(|g| all.push(g.gref()));
        // The running ones first, as the place where the signal came.
        all.sort_by_key(|g| (rt.thread_of(g).is_none(), g.id()));
        for g in all {
            let m = rt.thread_of(&g);
            let status = if m.is_some() {
                "running"
            } else {
                g.status_text()
            };
            out.push('\n');
            traceback::write_system(&mut out, &g, m, status);
        }
        die(&out, 2)
    }

    fn entry(&self, g: &G) -> usize {
        goroutine::get(g, Word::Entry)
    }
    fn sample(&self, w: &Worker, g: &G) {
        super::profile::sample(w.p().id, g);
    }
    fn p_init(&self) -> [usize; 4] {
        [Box::into_raw(Box::new(AllocCache::new())) as usize, 0, 0, 0]
    }
    fn p_release(&self, ext: [usize; 4]) {
        if ext[0] != 0 {
            // SAFETY: made by `p_init`; the P is gone.
            drop(unsafe { Box::from_raw(ext[0] as *mut AllocCache) });
        }
    }

    fn fire_func(&self, w: &Worker, func: usize, timer: usize) {
        if func == 0 {
            return;
        }
        let g = w.spawn(0, 0);
        // SAFETY: a function value: its first word is the function number; no arguments.
        let ok = unsafe {
            let id = crate::heap::mem::load_u64(func as *const u8) as FuncId;
            goroutine::prepare(&g, id, func as u64, null(), 0)
        };
        if !ok {
            self.out_of_memory(w.rt());
        }
        if race::on() {
            goroutine::watch(&g, &race::sync::published(timer), 0);
        }
        // SAFETY: the timer is live while it fires.
        let slot = unsafe { &*(timer as *const crate::runtime::timers::Timer) }.bubble();
        if slot != 0 {
            w.rt().bubbles.join_slot(slot, &g);
        }
        w.ready_new(g);
    }

    unsafe fn time_value(&self, now: i64, bubbled: bool, dst: *mut u8) {
        let bubble = bubbled.then_some(now);
        // SAFETY: by the caller's promise dst is a time.Time.
        unsafe { crate::stdlib::time::write_now(bubble, dst) }
    }
}

impl Vm {
    /// What a woken goroutine must do before it goes on.
    fn resume(&self, cx: &mut Cx) -> Option<Stop> {
        let wake = cx.g().take_wake();
        match wake {
            Wake::Ok => None,
            Wake::Cancelled => {
                let n = unwind::goexit(cx);
                self.after(cx, n)
            }
            Wake::Select => {
                let out = goroutine::get(cx.g(), Word::Select) as *mut u64;
                // SAFETY: saved by Select: two result slots of the parked frame.
                unsafe {
                    *out = cx.g().select_index() as u64;
                    *out.add(1) = cx.g().select_ok() as u64;
                }
                None
            }
            _ => {
                let f = wake.fault().expect("the other wake-ups are faults");
                self.runtime_fault(cx, f)
            }
        }
    }

    fn runtime_fault(&self, cx: &mut Cx, f: crate::runtime::fault::Fault) -> Option<Stop> {
        cx.text = f.text.into();
        cx.fault = if f.fatal {
            Code::FatalText
        } else {
            Code::PanicText
        };
        // The saved position is after the operation: step back so that lines are its own.
        // SAFETY: a resume position follows an instruction.
        cx.pc = unsafe { cx.pc.sub(1) };
        self.fault(cx)
    }

    /// Deals with an exit from the handlers. None: go on at `cx.pc`.
    #[inline]
    fn exit(&self, cx: &mut Cx, e: Exit) -> Option<Stop> {
        match e {
            Exit::Next => None,
            Exit::Parked => Some(Stop::Parked),
            Exit::Yield => Some(Stop::Yield),
            Exit::Poll => self.poll(cx),
            Exit::Grow => {
                if cx.limit.load(Ordering::Relaxed) == 0
                    && let Some(stop) = self.poll(cx)
                {
                    return Some(stop);
                }
                if !goroutine::grow(cx) {
                    if session::active() {
                        goroutine::save(cx);
                        return self.throw(cx, "stack overflow");
                    }
                    self.stack_overflow(cx);
                }
                cx.arm();
                None
            }
            Exit::Fault => self.fault(cx),
            Exit::Panic => {
                let v = (cx.x, cx.y);
                if v.0 == 0 {
                    let t = self.known().panic_nil as *const Rtti as u64;
                    return self.unwound(cx, (t, crate::heap::zero_base() as u64), false);
                }
                self.unwound(cx, v, false)
            }
            Exit::DeferEnd => {
                let n = unwind::defer_end(cx);
                self.after(cx, n)
            }
            Exit::Goexit => {
                let n = unwind::goexit(cx);
                self.after(cx, n)
            }
            Exit::Lazy => {
                self.compile(cx);
                None
            }
            Exit::PanicText => {
                // SAFETY: the frame of `runtime.panicText`: its result string is in the first slots.
                let text = unsafe {
                    String::from_utf8_lossy(super::ops::slow::bytes(*cx.fp, *cx.fp.add(1)))
                        .into_owned()
                };
                if let Some(r) =
                    goroutine::panics(cx.g()).and_then(|p| p.iter_mut().find(|r| r.asking))
                {
                    r.asking = false;
                    r.text = Some(text);
                }
                self.uncaught(cx)
            }
            Exit::Exited => {
                if goroutine::get(cx.g(), Word::Entry) == self.entry as usize && cx.g().id() == 1 {
                    if unwind::main_gives_way() {
                        cx.pc = gexit_code();
                        goroutine::save(cx);
                        return Some(Stop::Yield);
                    }
                    flush_output();
                    if LEAKS.load(Ordering::Relaxed) {
                        goroutine::save(cx);
                        let who = Seeker::everything(cx.g);
                        eprint_all(&collect::find_lost(cx.w(), &who, leak::listing));
                    }
                    let code = race::report::finish(0);
                    if !session::active() {
                        // Nothing is left to do but to give back what the system takes.
                        // SAFETY: this only ends the process.
                        unsafe { libc::_exit(code) }
                    }
                    return Some(Stop::MainDone(code));
                }
                Some(Stop::Exited)
            }
            Exit::Collect => {
                forget_call(cx);
                cx.pc = goroutine::get(cx.g(), Word::Pc) as *const u64;
                self.collect(cx, Why::Asked);
                cx.arm();
                None
            }
        }
    }

    fn poll(&self, cx: &mut Cx) -> Option<Stop> {
        if session::condemned(cx.g().id()) {
            cx.arm();
            let n = unwind::goexit(cx);
            return self.after(cx, n);
        }
        goroutine::save(cx);
        if GC_ASKED.load(Ordering::Acquire) {
            self.collect(cx, Why::Due);
        }
        if cx.w().poll.load(Ordering::Acquire) != 0 {
            return Some(Stop::Poll);
        }
        cx.arm();
        None
    }

    /// Compiles function `cx.x` and goes on in it: the frame is already there.
    fn compile(&self, cx: &mut Cx) {
        let id = cx.x as FuncId;
        {
            let mut lw = self.compiler.lock();
            compile_on_enough_stack(&mut lw, id);
            if let Some(d) = lw.errors.first() {
                let text = d.message.clone();
                drop(lw);
                self.fatal(cx.w().rt(), &text);
            }
        }
        // SAFETY: the number was handed out.
        let e = unsafe { &*funcs().base().add(id as usize) };
        cx.need = e.frame_bytes.load(Ordering::Relaxed) as usize;
        cx.pc = e.entry.load(Ordering::Acquire) as *const u64;
        if !goroutine::grow(cx) {
            self.stack_overflow(cx);
        }
        cx.arm();
    }

    // ----- panics -----

    fn known(&self) -> &Known {
        self.known.get_or_init(|| with_compiler(Known::find))
    }

    /// `runtime.panicText`.
    pub(super) fn panic_text(&self) -> FuncId {
        self.known().panic_text
    }

    /// A run-time error value with this text.
    fn error_value(&self, cx: &mut Cx, prefixed: bool, text: &str) -> (u64, u64) {
        let t = if prefixed {
            self.known().runtime_error
        } else {
            self.known().plain_error
        };
        self.text_value(cx, t, text)
    }

    /// A value of a string type.
    fn text_value(&self, cx: &mut Cx, t: &'static Rtti, text: &str) -> (u64, u64) {
        // The data word is a boxed string.
        let bytes = super::ops::slow::new_bytes(cx, text.as_bytes());
        let p = cx.cache().alloc(&t.shape);
        if p.is_null() || bytes.is_null() {
            self.fatal(cx.w().rt(), "out of memory");
        }
        // SAFETY: a fresh 16-byte object.
        unsafe { crate::heap::mem::store128(p, bytes as u64, text.len() as u64) };
        (t as *const Rtti as u64, p as u64)
    }

    fn fault(&self, cx: &mut Cx) -> Option<Stop> {
        let code = cx.fault;
        if code == Code::OutOfMemory {
            // Collect once, then try the instruction again.
            if !cx.text.starts_with("retry") {
                cx.text = "retry".into();
                goroutine::save(cx);
                self.collect(cx, Why::NoMemory);
                cx.arm();
                return None;
            }
            let limit = crate::runtime::limits::memory();
            let text = limit.map_or(
                "runtime: out of memory".into(),
                crate::runtime::limits::exceeded,
            );
            self.fatal(cx.w().rt(), &text);
        }
        // SAFETY: descriptor operands are descriptor addresses.
        let name = |w: u64| unsafe { rtti_of(w) }.name.clone();
        let text = std::mem::take(&mut cx.text);
        match code.text(cx.x, cx.y, &text, &name) {
            Shape::Fatal(t) => self.throw(cx, &t),
            Shape::Runtime(t) => {
                let v = if code.is_about_bounds() {
                    self.text_value(cx, self.known().bounds_error, &t)
                } else {
                    self.error_value(cx, true, &t)
                };
                self.unwound(cx, v, code == Code::Nil)
            }
            Shape::Plain(t) if code == Code::Assert => {
                // The pointee is one string, so a boxed string is its memory.
                let (_, p) = self.text_value(cx, self.known().string, &t);
                let ty = self.known().assertion_error as *const Rtti as u64;
                self.unwound(cx, (ty, p), false)
            }
            Shape::Plain(t) if t.starts_with("sync: ") => {
                let v = self.text_value(cx, self.known().string, &t);
                self.unwound(cx, v, false)
            }
            Shape::Plain(t) => {
                let v = self.error_value(cx, false, &t);
                self.unwound(cx, v, false)
            }
        }
    }

    fn unwound(&self, cx: &mut Cx, v: (u64, u64), signal: bool) -> Option<Stop> {
        let n = unwind::panic(cx, v, signal);
        self.after(cx, n)
    }

    fn after(&self, cx: &mut Cx, n: Next) -> Option<Stop> {
        match n {
            Next::Resume => None,
            Next::Exited => Some(Stop::Exited),
            Next::Uncaught => self.uncaught(cx),
        }
    }
}

static LEAKS: AtomicBool = AtomicBool::new(false);

static LOOK: AtomicBool = AtomicBool::new(false);

/// From time to time, look for goroutines that nobody can wake any more, and report them.
pub fn look_for_lost() {
    LOOK.store(true, Ordering::Relaxed);
}

/// At the end of main, list the goroutines left behind.
pub fn list_leaks() {
    LEAKS.store(true, Ordering::Relaxed);
}

/// Clears what earlier calls left where the present one, of a native without arguments,
/// would have its own: dead pointers there would keep objects alive.
fn forget_call(cx: &Cx) {
    let Some(p) = funcs().find(cx.pc as usize) else {
        return;
    };
    // SAFETY: `pc` is at the call; its first operand is where the call's slots begin, above
    // everything that is in use, and the frame has `nslots` slots.
    unsafe {
        let from = (*cx.pc >> 16) as u16 as usize;
        if from < p.nslots {
            std::ptr::write_bytes(cx.fp.add(from), 0, p.nslots - from);
        }
    }
}
