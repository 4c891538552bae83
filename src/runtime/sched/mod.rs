//! The scheduler: many goroutines (G) on few threads (M), each of which needs one of
//! GOMAXPROCS processors (P) to run Go code.
//!
//! * `task` G and Sudog · `registry` all Gs · `queue` a P's ring · `inject` the global
//!   queue · `idle` who must be woken · `processor` P · `worker` M and its loop · `find`
//!   looking for work and sleeping · `world` stopping and starting everything, GOMAXPROCS
//!   · `blocking` calls that block the thread, threads locked to a G · `monitor` sysmon ·
//!   `deadlock` · `policy` decisions.
//!
//! The scheduler knows a goroutine only as a header and an [`Executor`] that runs a slice
//! of it and says why it stopped. It must not know the VM.
//!
//! `Sched`, under `Rank::Sched`, holds the global queue, the idle lists and all Ms. A P is
//! handed to an M by storing it in `Worker::next_p` and unparking the M; an M on the idle
//! list is taken off by whoever hands it a P.
//!
//! Rejected: a central queue with a lock (measured: contention from four threads on);
//! waking a thread for every ready G (a ping-pong then costs a second processor and runs
//! slower); Go's timer thread through the poller (one idle M sleeps with a timeout instead).

pub mod blocking;
pub mod deadlock;
mod duties;
mod find;
pub mod idle;
mod inject;
#[cfg_attr(shuttle, path = "late_model.rs")]
mod late;
mod monitor;
pub mod policy;
pub mod processor;
pub mod queue;
mod registry;
pub mod task;
pub mod worker;
pub mod world;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

use super::fault;
use super::limits;
use super::lock_rank::Rank;
use super::netpoll::Poller;
use super::prim::{self, Locked};
use super::signals::Signals;
use super::sync::sema::SemaTable;
use super::timers::NEVER;
use super::tuning;
use crate::runtime::prim::word::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
use inject::{GList, GlobalLen};
use policy::{Cause, GoPolicy, Policies, Policy};
use processor::{P, Status};
use std::ptr::null;
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use task::{G, GRef, State};
use worker::{POLL_EXIT, Stop, Worker};

/// `attention` bit: the world is stopping or stopped.
pub(crate) const ATTN_STOP: u32 = 1;
/// `attention` bit: the runtime ends.
pub(crate) const ATTN_EXIT: u32 = 2;

/// What runs the goroutines. See the module text.
pub trait Executor: Send + Sync + 'static {
    /// Runs `g` until it stops. The M holds a P and `g` is Running.
    fn run(&self, w: &Worker, g: &G) -> Stop;
    /// `g` ended: release what `ext` refers to (or keep it for the header's next use).
    fn release(&self, w: &Worker, g: &G);
    /// Prints `fatal error: text` and what belongs after it, and ends the process. No
    /// runtime lock is held.
    fn fatal(&self, rt: &Runtime, text: &str) -> !;
    /// The process uses more memory than it may: collect soon. Runs on sysmon's thread.
    fn memory_short(&self, rt: &Runtime) {
        let _ = rt;
    }
    /// SIGQUIT: prints every goroutine and ends the process. Runs on sysmon's thread; the
    /// world is stopped as far as it could be.
    fn quit(&self, rt: &Runtime) -> ! {
        self.fatal(rt, "SIGQUIT")
    }
    /// The number of the function a goroutine was started with, for traces.
    fn entry(&self, g: &G) -> usize {
        let _ = g;
        0
    }
    /// Notes where `g`, which runs on `w` and whose state is saved, is (`POLL_SAMPLE`).
    fn sample(&self, w: &Worker, g: &G) {
        let _ = (w, g);
    }
    /// The executor's words for a new P.
    fn p_init(&self) -> [usize; 4] {
        [0; 4]
    }
    /// A P disappears (GOMAXPROCS lowered; the world is stopped).
    fn p_release(&self, ext: [usize; 4]) {
        let _ = ext;
    }
    /// The AfterFunc timer at this address is due: start a goroutine that calls the
    /// function value.
    fn fire_func(&self, w: &Worker, func: usize, timer: usize);
    /// Writes the value a channel timer sends (`now` is monotonic ns, or, for a timer of a
    /// bubble, the bubble's clock). Must not allocate.
    ///
    /// # Safety
    /// `dst` is valid for the channel's element.
    unsafe fn time_value(&self, now: i64, bubbled: bool, dst: *mut u8) {
        let _ = bubbled;
        // SAFETY: by the caller's promise.
        unsafe { prim::copy(dst, (&raw const now).cast(), 8) };
    }
}

/// What the scheduler's lock guards.
pub(crate) struct Sched {
    pub(crate) global: GList,
    pub(crate) idle_ps: Vec<*const P>,
    pub(crate) idle_ms: Vec<*const Worker>,
    /// Boxed: an M's address must not change when the vector grows.
    #[expect(clippy::vec_box)]
    ms: Vec<Box<Worker>>,
    /// Ms that wait for the G locked to them.
    pub(crate) locked_idle: isize,
    /// The idle M that sleeps with a timeout (null: none).
    pub(crate) sleeper: *const Worker,
    /// Ps that have not stopped yet.
    pub(crate) stop_wait: u32,
}

// SAFETY: the pointers are to Ps and Ms owned by the runtime.
unsafe impl Send for Sched {}

impl Sched {
    pub(crate) fn set_sleeper(&mut self, rt: &Runtime, m: *const Worker, until: i64) {
        self.sleeper = m;
        rt.sleeper_until.store(until, Ordering::Relaxed);
    }
}

/// One running program. Lives as long as its threads.
pub struct Runtime {
    pub(crate) exec: Box<dyn Executor>,
    pub(crate) policy: Policies,
    me: Weak<Runtime>,
    ps: Box<[OnceLock<Box<P>>]>,
    procs: AtomicU32,
    pub(crate) sched: Locked<Sched>,
    pub(crate) global_len: GlobalLen,
    pub(crate) idle: idle::Idle,
    pub(crate) attention: AtomicU32,
    pub(crate) registry: registry::Registry,
    pub(crate) ids: AtomicU64,
    coarse: AtomicI64,
    /// Exponent of the soft wake-ups' back-off.
    pub(crate) wake_exp: AtomicU32,
    /// When the sleeping M will look at the timers (NEVER: none sleeps with a timeout).
    sleeper_until: AtomicI64,
    /// Waits that somebody outside the runtime will end.
    pub(crate) external: AtomicUsize,
    /// A parked goroutine that is woken instead of dying in a deadlock (null: none).
    watcher: AtomicPtr<G>,
    /// When everybody sleeps, the clock jumps to the next timer.
    virtual_time: AtomicBool,
    pub(crate) main_gone: AtomicBool,
    pub(crate) world: AtomicU32,
    pub(crate) stop_note: AtomicU32,
    pub(crate) sema: SemaTable,
    /// Bubbles of `testing/synctest`.
    pub bubbles: super::bubble::Table,
    /// Goroutines that wait for descriptors.
    pub net: Poller,
    pub(crate) signals: Signals,
    pub(crate) sysmon: monitor::Sysmon,
    exit: (Mutex<Option<i32>>, Condvar),
}

impl Runtime {
    /// A runtime with `procs` Ps and Go's policy.
    pub fn new(exec: Box<dyn Executor>, procs: usize) -> Arc<Runtime> {
        Self::build(exec, procs, Policies::Go(GoPolicy))
    }
    /// A runtime with another policy.
    pub fn with_policy(
        exec: Box<dyn Executor>,
        procs: usize,
        policy: Box<dyn Policy>,
    ) -> Arc<Runtime> {
        Self::build(exec, procs, Policies::Custom(policy))
    }

    fn build(exec: Box<dyn Executor>, procs: usize, policy: Policies) -> Arc<Runtime> {
        let procs = procs.clamp(1, tuning::MAX_PS) as u32;
        let rt = Arc::new_cyclic(|me| Runtime {
            exec,
            policy,
            me: me.clone(),
            ps: (0..tuning::MAX_PS).map(|_| OnceLock::new()).collect(),
            procs: AtomicU32::new(procs),
            sched: Locked::new(Sched {
                global: GList::default(),
                idle_ps: Vec::new(),
                idle_ms: Vec::new(),
                ms: Vec::new(),
                locked_idle: 0,
                sleeper: null(),
                stop_wait: 0,
            }),
            global_len: GlobalLen::default(),
            idle: idle::Idle::default(),
            attention: AtomicU32::new(0),
            registry: registry::Registry::default(),
            ids: AtomicU64::new(1),
            coarse: AtomicI64::new(prim::nanotime()),
            wake_exp: AtomicU32::new(0),
            sleeper_until: AtomicI64::new(NEVER),
            external: AtomicUsize::new(0),
            watcher: AtomicPtr::new(std::ptr::null_mut()),
            virtual_time: AtomicBool::new(false),
            main_gone: AtomicBool::new(false),
            world: AtomicU32::new(0),
            stop_note: AtomicU32::new(0),
            sema: SemaTable::default(),
            bubbles: super::bubble::Table::default(),
            net: Poller::default(),
            signals: Signals::default(),
            sysmon: monitor::Sysmon::default(),
            exit: (Mutex::new(None), Condvar::new()),
        });
        rt.sched.with(Rank::Sched, |s| {
            for i in 0..procs as usize {
                let p = rt.make_p(i);
                p.sole.set(procs == 1);
                rt.put_idle(s, p);
            }
        });
        rt
    }

    /// Runs a program: `setup` fills in the main goroutine (number 1) on the first M, then
    /// Gs run until one stops with `MainDone` or somebody calls `exit`. Other threads may
    /// still be finishing a slice when this returns.
    pub fn start(self: &Arc<Self>, setup: impl FnOnce(&Worker, &G) + Send + 'static) -> i32 {
        let rt = self.clone();
        self.spawn_thread("m0", move || rt.start_here(setup));
        let mut code = self.exit.0.lock().expect("no thread panics with this lock");
        loop {
            if let Some(c) = *code {
                return c;
            }
            code = self
                .exit
                .1
                .wait(code)
                .expect("no thread panics with this lock");
        }
    }

    /// As [`Runtime::start`], with the calling thread as the first M. Returns when the
    /// runtime ends.
    pub fn start_here(self: &Arc<Self>, setup: impl FnOnce(&Worker, &G)) {
        let w = self.sched.with(Rank::Sched, |s| {
            let w = self.new_m(s);
            let p = self.take_idle(s).expect("a new runtime has an idle P");
            self.attach(w, p);
            w
        });
        let g = w.spawn(0, 0);
        setup(w, &g);
        if !late::arm(w) {
            self.begin_sysmon();
        }
        w.first(g);
        w.run_m();
    }

    #[cfg(shuttle)]
    fn spawn_thread(&self, name: &str, f: impl FnOnce() + Send + 'static) {
        // Sysmon only helps out where a wake-up was left out on purpose.
        if name != "sysmon" {
            shuttle::thread::spawn(f);
        }
    }

    #[cfg(not(shuttle))]
    fn spawn_thread(&self, name: &str, f: impl FnOnce() + Send + 'static) {
        let made = std::thread::Builder::new()
            .name(name.to_string())
            .stack_size(tuning::M_STACK)
            .spawn(f);
        if made.is_err() {
            self.exec.fatal(self, fault::THREAD_EXHAUSTION.text);
        }
    }

    /// Ends the program: `start` returns `code`; Ms leave at their next stop.
    pub fn exit(&self, code: i32) {
        {
            let mut c = self.exit.0.lock().expect("no thread panics with this lock");
            c.get_or_insert(code);
        }
        self.attention.fetch_or(ATTN_EXIT, Ordering::SeqCst);
        self.sched.with(Rank::Sched, |s| {
            for m in &s.ms {
                m.poke(POLL_EXIT);
                m.unpark();
                m.stopped.store(0, Ordering::Release);
                prim::futex_wake(&m.stopped, 1);
            }
        });
        self.sysmon.wake();
        self.exit.1.notify_all();
    }

    /// Whether `exit` was called.
    pub fn is_exiting(&self) -> bool {
        self.attention.load(Ordering::Relaxed) & ATTN_EXIT != 0
    }

    // ---- figures ---------------------------------------------------------------------

    /// GOMAXPROCS.
    #[inline]
    pub fn procs(&self) -> u32 {
        self.procs.load(Ordering::Relaxed)
    }
    fn all_ps(&self) -> impl Iterator<Item = &P> {
        self.ps.iter().map_while(|p| p.get()).map(|p| &**p)
    }
    /// Goroutines that have started and not ended.
    pub fn num_goroutine(&self) -> usize {
        let n: i64 = self.all_ps().map(|p| p.live.load(Ordering::Relaxed)).sum();
        n.max(0) as usize
    }
    /// Figures for `schedtrace`, tests and the REPL.
    pub fn counters(&self) -> Counters {
        let (threads, idle_threads, global) = self.sched.with(Rank::Sched, |s| {
            (s.ms.len(), s.idle_ms.len(), s.global.len())
        });
        let procs = self.procs() as usize;
        Counters {
            procs,
            idle_procs: self.idle.idle_ps() as usize,
            threads,
            idle_threads,
            spinning: self.idle.spinning() as usize,
            global_queue: global,
            local_queues: self
                .all_ps()
                .take(procs)
                .map(|p| p.runq.ring_len())
                .collect(),
            ticks: self
                .all_ps()
                .take(procs)
                .map(|p| p.tick.load(Ordering::Relaxed))
                .collect(),
            switches: self
                .all_ps()
                .map(|p| p.switches.load(Ordering::Relaxed))
                .sum(),
            spawned: self
                .all_ps()
                .map(|p| p.spawned.load(Ordering::Relaxed))
                .sum(),
        }
    }
    /// The M on which `g` runs, or ran when the world stopped.
    pub fn thread_of(&self, g: &G) -> Option<u32> {
        self.sched.with(Rank::Sched, |s| {
            let m = s.ms.iter().find(|m| std::ptr::eq(m.current(), g));
            m.map(|m| m.id)
        })
    }
    /// Calls `f` for every goroutine that has not ended. The world must be stopped (or
    /// the process be dying), else what `f` sees may change under it.
    pub fn for_each_g(&self, f: impl FnMut(&G)) {
        self.registry.for_each(f);
    }
    /// Calls `f` with the argument word of every pending timer that refers to guest memory
    /// and with the timer itself. Only while the world is stopped.
    pub fn for_each_timer(&self, mut f: impl FnMut(&super::timers::Timer)) {
        for p in self.all_ps() {
            p.timers.for_each(&mut f);
        }
        self.bubbles.for_each_heap(|h| h.for_each(&mut f));
    }
    /// Asks for a sample of every running G; `f` hears of the processors that run one.
    pub fn sample_all(&self, mut f: impl FnMut(u32)) {
        for p in self.all_ps().filter(|p| p.status() == Status::Running) {
            // SAFETY: workers live as long as the runtime.
            if let Some(m) = unsafe { p.m.load(Ordering::Acquire).as_ref() }
                && !m.current().is_null()
            {
                f(p.id);
                m.poke(worker::POLL_SAMPLE);
            }
        }
    }
    /// Asks every running G to come to the scheduler.
    pub fn poke_all(&self) {
        for p in self.all_ps() {
            // SAFETY: workers live as long as the runtime.
            if let Some(m) = unsafe { p.m.load(Ordering::Acquire).as_ref() } {
                m.poke(worker::POLL_PREEMPT);
            }
        }
    }
    /// How many goroutine numbers a P may take at once. One at a time when there is a limit
    /// to goroutines, which is then checked.
    #[cold]
    pub(crate) fn id_batch(&self) -> u64 {
        let most = limits::goroutines();
        if most == usize::MAX {
            return tuning::ID_BATCH;
        }
        if self.num_goroutine() >= most {
            let text = format!("too many goroutines: --max-goroutines={most} exceeded");
            self.exec.fatal(self, &text);
        }
        1
    }
    /// Drops the pending timers for which `keep` is false. Only while the world is stopped.
    pub fn retain_timers(&self, mut keep: impl FnMut(&super::timers::Timer) -> bool) {
        for p in self.all_ps() {
            p.timers.retain(&mut keep);
        }
        self.bubbles.for_each_heap(|h| h.retain(&mut keep));
    }
    /// Calls `f` for every P that exists (also those above GOMAXPROCS). For the collector.
    pub fn for_each_p(&self, mut f: impl FnMut(&P)) {
        self.all_ps().for_each(&mut f);
    }

    // ---- clock -----------------------------------------------------------------------

    /// The time of sysmon's last round: costs one load.
    #[inline]
    pub(crate) fn coarse_now(&self) -> i64 {
        self.coarse.load(Ordering::Relaxed)
    }
    /// Reads the clock and refreshes the coarse one.
    pub(crate) fn update_clock(&self) -> i64 {
        let now = prim::nanotime();
        self.coarse.store(now, Ordering::Relaxed);
        now
    }
    /// When the earliest timer of all Ps is due.
    pub(crate) fn next_timer(&self) -> i64 {
        let procs = self.procs() as usize;
        self.all_ps()
            .take(procs)
            .map(|p| p.timers.next())
            .min()
            .unwrap_or(NEVER)
    }
    /// A timer became the first of its heap: the sleeping M may have to look earlier.
    pub(crate) fn timer_moved_up(&self, when: i64) {
        if when < self.sleeper_until.load(Ordering::Relaxed) {
            self.sched.with(Rank::Sched, |s| {
                // SAFETY: workers live as long as the runtime.
                if let Some(m) = unsafe { s.sleeper.as_ref() } {
                    m.unpark();
                }
            });
        }
    }
    /// Ends the wait of a parked goroutine, which then ends itself. Only while the world is
    /// stopped. False: its wait cannot be ended.
    pub fn cancel(&self, g: &G) -> bool {
        if g.state() != State::Waiting {
            return false;
        }
        let done = super::chan::give_up(g)
            || g.wait_reason() == super::wait_reason::WaitReason::Sleep
                && self.all_ps().any(|p| p.timers.wake_early(g));
        if done {
            g.wake.set(task::Wake::Cancelled);
            self.ready_external(g.gref());
        }
        done
    }
    /// When a timer ends the wait of `g` (the world is stopped): its sleep, or the first timer
    /// of a channel it waits for.
    pub fn woken_at(&self, g: &G) -> Option<i64> {
        if g.wait_reason() == super::wait_reason::WaitReason::Sleep {
            return self.all_ps().find_map(|p| p.timers.sleeps_until(g));
        }
        let mut least: Option<i64> = None;
        g.for_each_wait_obj(|o| {
            self.for_each_timer(|t| {
                if o != 0 && t.is_channel() && t.arg() == o {
                    least = Some(least.map_or(t.when(), |l| l.min(t.when())));
                }
            });
        });
        least
    }
    /// Whether the clock jumps.
    pub fn has_virtual_time(&self) -> bool {
        self.virtual_time.load(Ordering::Relaxed)
    }
    /// Turns virtual time on or off. What was skipped stays skipped.
    pub fn set_virtual_time(&self, on: bool) {
        self.virtual_time.store(on, Ordering::Relaxed);
        self.kick_sleeper();
    }
    /// Virtual time: moves the clock to `next` if nothing can happen before.
    pub(crate) fn skip_to(&self, s: &Sched, now: i64, next: i64) -> bool {
        let idle = self.has_virtual_time() && self.nobody_runs(s) && self.net.waiters() == 0;
        if idle {
            prim::skip(next - now);
        }
        idle
    }
    /// Wakes the sleeping M (if any) to choose anew how to sleep.
    pub(crate) fn kick_sleeper(&self) {
        self.nudge_sleeper();
    }

    // ---- Ps, Ms, the global queue ------------------------------------------------------

    pub(crate) fn p(&self, i: usize) -> &P {
        self.ps[i].get().expect("Ps below GOMAXPROCS exist")
    }
    /// Any P that ever existed.
    pub(crate) fn p_any(&self, i: usize) -> &P {
        self.p(i)
    }
    pub(crate) fn make_p(&self, i: usize) -> &P {
        self.ps[i].get_or_init(|| Box::new(P::new(i as u32, self.exec.p_init())))
    }

    /// Something is in a ring or in the global queue.
    pub(crate) fn work_queued(&self) -> bool {
        self.global_len.get() != 0
            || self
                .all_ps()
                .take(self.procs() as usize)
                .any(|p| p.runq.has_ring())
    }

    /// Queues a runnable G globally. The caller wakes.
    pub(crate) fn inject(&self, g: GRef) {
        self.sched.with(Rank::Sched, |s| {
            s.global.push(g);
            self.global_len.set(s.global.len());
        });
    }

    /// Takes a share of the global queue, at most `max`: one to run, the rest into `p`.
    pub(crate) fn take_global(&self, s: &mut Sched, p: &P, max: usize) -> Option<GRef> {
        let share = s.global.len() / self.procs() as usize + 1;
        let n = share.min(max).min(s.global.len());
        let first = s.global.pop();
        for _ in 1..n {
            if let Some(g) = s.global.pop() {
                p.runq.push(g.as_ptr(), &queue::NoOverflow);
            }
        }
        self.global_len.set(s.global.len());
        first
    }

    /// Makes `p` the P of `w` (under the scheduler's lock, the P is off every list).
    pub(crate) fn attach(&self, w: &Worker, p: &P) {
        p.m.store((w as *const Worker).cast_mut(), Ordering::Release);
        p.set_status(Status::Running);
        w.set_p(p);
    }
    pub(crate) fn put_idle(&self, s: &mut Sched, p: &P) {
        p.m.store(std::ptr::null_mut(), Ordering::Release);
        p.set_status(Status::Idle);
        s.idle_ps.push(p);
        self.idle.p_idle();
    }
    /// Takes an idle P. None also while the world is stopped.
    pub(crate) fn take_idle(&self, s: &mut Sched) -> Option<&P> {
        if self.attention.load(Ordering::Relaxed) & ATTN_STOP != 0 {
            return None;
        }
        let all_idle = s.idle_ps.len() == self.procs() as usize;
        let p = s.idle_ps.pop()?;
        self.idle.p_busy();
        if all_idle {
            self.sysmon.wake_if_asleep();
        }
        // SAFETY: Ps are never freed while the runtime lives.
        Some(unsafe { &*p })
    }

    fn new_m<'a>(&self, s: &mut Sched) -> &'a Worker {
        let id = s.ms.len() as u32;
        s.ms.push(Box::new(Worker::new(id, self)));
        let w: *const Worker = &**s.ms.last().expect("just pushed");
        // SAFETY: boxed workers keep their address and live as long as the runtime, which
        // every M's thread keeps alive.
        unsafe { &*w }
    }

    /// Gives `p` (off every list) to an idle or new M.
    pub(crate) fn start_m(&self, p: &P, spinning: bool, soft: bool) {
        enum Run<'a> {
            Old(&'a Worker),
            New(&'a Worker),
            TooMany,
        }
        let run = self.sched.with(Rank::Sched, |s| {
            // The sleeper with its timeout is taken last.
            let n = s.idle_ms.len();
            if n > 1 && std::ptr::eq(s.idle_ms[n - 1], s.sleeper) {
                s.idle_ms.swap(n - 1, n - 2);
            }
            let w = match s.idle_ms.pop() {
                Some(m) => {
                    if std::ptr::eq(m, s.sleeper) {
                        s.set_sleeper(self, null(), NEVER);
                    }
                    // SAFETY: workers live as long as the runtime.
                    Run::Old(unsafe { &*m })
                }
                None if s.ms.len() >= limits::threads() => Run::TooMany,
                None => Run::New(self.new_m(s)),
            };
            if let Run::Old(m) | Run::New(m) = w {
                self.hand(m, p, spinning, soft);
            }
            w
        });
        match run {
            Run::Old(m) => m.unpark(),
            Run::New(m) => {
                self.begin_sysmon();
                let rt = self.me.upgrade().expect("the runtime is alive");
                self.spawn_thread("m", move || {
                    m.run_m();
                    drop(rt);
                });
            }
            Run::TooMany => {
                static SAID: AtomicBool = AtomicBool::new(false);
                if !SAID.swap(true, Ordering::Relaxed) {
                    let n = limits::threads();
                    eprintln!("runtime: program exceeds {n}-thread limit");
                }
                self.exec.fatal(self, fault::THREAD_EXHAUSTION.text)
            }
        }
    }

    /// Leaves `p` for `m` to find when it is unparked.
    pub(crate) fn hand(&self, m: &Worker, p: &P, spinning: bool, soft: bool) {
        p.m.store((m as *const Worker).cast_mut(), Ordering::Release);
        p.set_status(Status::Running);
        m.next_spinning.store(spinning, Ordering::Relaxed);
        m.soft.store(soft, Ordering::Relaxed);
        m.next_p
            .store((p as *const P).cast_mut(), Ordering::Release);
    }

    /// The spinning slot was claimed: put an M on an idle P.
    pub(crate) fn wake_claimed(&self, soft: bool) {
        match self.sched.with(Rank::Sched, |s| self.take_idle(s)) {
            Some(p) => self.start_m(p, true, soft),
            None => {
                self.idle.stop_spinning();
            }
        }
    }

    /// A P without an M (retaken, or its M waits for its own G): find it one if there is
    /// anything to do, else it is idle.
    pub(crate) fn hand_off(&self, p: &P) {
        if p.has_work() || self.global_len.get() != 0 {
            p.set_status(Status::Running);
            self.start_m_unless_stopping(p);
            return;
        }
        let idle = self.sched.with(Rank::Sched, |s| {
            if self.attention.load(Ordering::Relaxed) & ATTN_STOP != 0 {
                p.m.store(std::ptr::null_mut(), Ordering::Release);
                p.set_status(Status::Stopped);
                self.one_stopped(s);
                return true;
            }
            if s.global.len() != 0 {
                return false;
            }
            self.put_idle(s, p);
            true
        });
        if !idle {
            self.start_m(p, false, false);
            return;
        }
        self.idle.last_look();
        if (self.work_queued() || self.next_timer() <= prim::nanotime()) && self.idle.claim_wake() {
            self.wake_claimed(false);
        }
        if let Some(fault) = self.sched.with(Rank::Sched, |s| self.check_dead(s)) {
            self.dead(fault);
        }
        // The sleeping M (or one that sleeps without a timeout) must know of its timers.
        self.nudge_sleeper();
    }

    fn start_m_unless_stopping(&self, p: &P) {
        let stopped = self.sched.with(Rank::Sched, |s| {
            let stop = self.attention.load(Ordering::Relaxed) & ATTN_STOP != 0;
            if stop {
                p.m.store(std::ptr::null_mut(), Ordering::Release);
                p.set_status(Status::Stopped);
                self.one_stopped(s);
            }
            stop
        });
        if !stopped {
            self.start_m(p, false, false);
        }
    }

    /// If timers are pending or descriptors are waited for and nobody sleeps for them, one
    /// idle M shall.
    fn nudge_sleeper(&self) {
        if self.next_timer() == NEVER && !self.net.is_on() {
            return;
        }
        self.sched.with(Rank::Sched, |s| {
            let m = if s.sleeper.is_null() {
                s.idle_ms.last().copied()
            } else {
                Some(s.sleeper)
            };
            // SAFETY: workers live as long as the runtime.
            if let Some(m) = m.and_then(|m| unsafe { m.as_ref() }) {
                m.unpark();
            }
        });
    }

    /// Makes a waiting G runnable from a thread that holds no P.
    pub fn ready_external(&self, g: GRef) {
        debug_assert_eq!(g.state(), State::Waiting);
        g.set_state(State::Runnable);
        self.inject(g);
        if self.idle.claim_wake() {
            self.wake_claimed(false);
        }
    }
    /// Says that something outside will end a wait later (`ready_external`), so that a
    /// sleeping program is not taken for a deadlocked one.
    pub fn external_begin(&self) {
        self.external.fetch_add(1, Ordering::SeqCst);
    }
    /// Undoes one `external_begin`; call it after `ready_external`.
    pub fn external_end(&self) {
        self.external.fetch_sub(1, Ordering::SeqCst);
        if let Some(fault) = self.sched.with(Rank::Sched, |s| self.check_dead(s)) {
            self.dead(fault);
        }
    }
    /// Where a G made runnable for `cause` would go; for tests of policies.
    pub fn place(&self, cause: Cause, w: &Worker) -> policy::Place {
        self.policy.place(cause, &w.seed)
    }
}

impl queue::Overflow<G> for Runtime {
    fn push_batch(&self, batch: &[*mut G]) {
        self.sched.with(Rank::Sched, |s| {
            for &g in batch {
                // SAFETY: run queues hold registry Gs.
                s.global.push(unsafe { GRef::from_ptr(g) });
            }
            self.global_len.set(s.global.len());
        });
    }
}

/// Scheduler figures at one moment.
#[derive(Debug, Clone)]
pub struct Counters {
    pub procs: usize,
    pub idle_procs: usize,
    pub threads: usize,
    pub idle_threads: usize,
    pub spinning: usize,
    pub global_queue: usize,
    pub local_queues: Vec<usize>,
    pub ticks: Vec<u32>,
    pub switches: u64,
    pub spawned: u64,
}
