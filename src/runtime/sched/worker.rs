//! `M`, a thread that runs Gs: its state, its main loop, and what a running G asks of it
//! (spawn, ready, park, yield, poll).
//!
//! The loop: take a G, run a slice, look why it stopped. The short way from a parking G
//! to the one it readied is `schedule`'s first lines: no shared cache line is written.
//!
//! Attention. Whoever wants a running M to come to the scheduler sets a bit in `poll`,
//! then writes 0 to `limit`, the word the executor compares at calls and back edges. The
//! executor stores its real limit when it switches a G in; that store may overwrite a 0
//! that came at the same moment, so requesters repeat (sysmon each round, a stopping
//! world every 100 µs), and `schedule` looks at `poll` between slices anyway.

use super::find;
use super::late;
use super::policy::{Cause, Place};
use super::processor::P;
use super::task::{G, GRef, Pending, State};
use super::{ATTN_EXIT, ATTN_STOP, Runtime};
use crate::runtime::lock_rank::{self, Rank};
use crate::runtime::prim::word::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use crate::runtime::prim::{self, Parker};
use crate::runtime::wait_reason::WaitReason;
use crate::runtime::{bubble, sync, trace, tuning};
use std::cell::Cell;
use std::ptr::{null, null_mut};

/// `poll` bit: the time slice is over.
pub const POLL_PREEMPT: u32 = 1;
/// `poll` bit: the world is stopping.
pub const POLL_STOP: u32 = 2;
/// `poll` bit: the runtime is ending.
pub const POLL_EXIT: u32 = 4;
/// `poll` bit: the executor is to note where the goroutine is (`Executor::sample`).
pub const POLL_SAMPLE: u32 = 8;

/// Why a slice ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The G is queued at what it waits for; it must not be touched any more.
    Parked,
    /// Gosched: behind the others, in the global queue.
    Yield,
    /// The executor saw a poisoned limit or a poll bit and saved the G's state.
    Poll,
    /// The G ended (main's Goexit too).
    Exited,
    /// `main.main` returned or the program asked to exit with this code.
    MainDone(i32),
}

/// The per-thread part of the runtime, handed to every operation.
#[repr(C, align(128))]
pub struct Worker {
    /// The executor's stack limit; 0 = come to the scheduler.
    pub limit: AtomicUsize,
    /// The word the executor really compares (its own copy of `limit`), once it said so.
    limit_at: AtomicPtr<std::sync::atomic::AtomicUsize>,
    /// Why (`POLL_*` bits).
    pub poll: AtomicU32,
    pub id: u32,
    p: Cell<*const P>,
    rt: *const Runtime,
    cur: AtomicPtr<G>,
    pub(crate) seed: Cell<u64>,
    pub(crate) spinning: Cell<bool>,
    /// The G locked to this thread.
    pub(crate) locked_g: Cell<*const G>,
    /// A bubble that the present slice left without a runner.
    pub(crate) blocked_bubble: crate::runtime::bubble::Blocked,
    /// The P given up at `enter_blocking`.
    pub(crate) old_p: Cell<*const P>,
    parker: Parker,
    /// 1 while the M sleeps (or is about to) in the netpoller instead of its parker.
    polling: AtomicU32,
    /// A P handed over by whoever unparks this M.
    pub(crate) next_p: AtomicPtr<P>,
    /// Start as a spinner (set with `next_p`).
    pub(crate) next_spinning: AtomicBool,
    /// Woken by a soft wake-up whose success is being watched.
    pub(crate) soft: AtomicBool,
    /// 1 while the M waits for the world with its P.
    pub(crate) stopped: AtomicU32,
}

// SAFETY: the cells belong to the M's own thread (or to the stopper of the world while
// it waits in `stop_here`); everything else is atomic.
unsafe impl Sync for Worker {}
// SAFETY: as above; the runtime outlives its workers.
unsafe impl Send for Worker {}

impl Worker {
    pub(crate) fn new(id: u32, rt: *const Runtime) -> Worker {
        Worker {
            limit: AtomicUsize::new(0),
            limit_at: AtomicPtr::new(null_mut()),
            poll: AtomicU32::new(0),
            id,
            p: Cell::new(null()),
            rt,
            cur: AtomicPtr::new(null_mut()),
            seed: Cell::new((prim::nanotime() as u64 ^ u64::from(id) << 40) | 1),
            spinning: Cell::new(false),
            locked_g: Cell::new(null()),
            blocked_bubble: Cell::new(null()),
            old_p: Cell::new(null()),
            parker: Parker::default(),
            polling: AtomicU32::new(0),
            next_p: AtomicPtr::new(null_mut()),
            next_spinning: AtomicBool::new(false),
            soft: AtomicBool::new(false),
            stopped: AtomicU32::new(0),
        }
    }

    /// The runtime this M belongs to.
    #[inline]
    pub fn rt(&self) -> &Runtime {
        // SAFETY: the runtime owns its workers, so it outlives this reference.
        unsafe { &*self.rt }
    }
    /// The P this M holds. Only while it holds one (always, in executor code outside
    /// blocking calls). May change at any runtime operation.
    #[inline]
    pub fn p(&self) -> &P {
        debug_assert!(!self.p.get().is_null(), "the M holds a P");
        // SAFETY: Ps are never freed while the runtime lives.
        unsafe { &*self.p.get() }
    }
    pub(crate) fn p_ptr(&self) -> *const P {
        self.p.get()
    }
    pub(crate) fn set_p(&self, p: *const P) {
        self.p.set(p);
    }
    /// The G that runs here (null: none).
    pub fn current(&self) -> *mut G {
        self.cur.load(Ordering::Relaxed)
    }
    /// Asks the G that runs here to come to the scheduler. Callable from any thread.
    pub fn poke(&self, bits: u32) {
        self.poll.fetch_or(bits, Ordering::SeqCst);
        self.limit.store(0, Ordering::SeqCst);
        // SAFETY: null, or a word of the executor's that lives as long as the process.
        if let Some(l) = unsafe { self.limit_at.load(Ordering::Acquire).as_ref() } {
            l.store(0, Ordering::SeqCst);
        }
    }
    /// Names the word that `poke` shall also write 0 to: the executor's own limit word,
    /// which lives as long as the process.
    pub fn set_limit_word(&self, word: &'static std::sync::atomic::AtomicUsize) {
        let word = (&raw const *word).cast_mut();
        self.limit_at.store(word, Ordering::Release);
    }
    /// Sets the real limit when a G is switched in or after a poll.
    #[inline]
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Release);
        if self.poll.load(Ordering::Relaxed) != 0 {
            self.limit.store(0, Ordering::Relaxed);
        }
    }

    // ---- what a running G asks for -------------------------------------------------

    /// A new goroutine's header. Set up `ext`, then call `ready_new`.
    #[inline]
    pub fn spawn(&self, created_pc: usize, parent: u64) -> GRef {
        let p = self.p();
        if p.g_free.get().is_null() {
            p.g_free
                .set(self.rt().registry.take(tuning::G_FREE_MAX / 2));
            p.g_free_len.set(tuning::G_FREE_MAX / 2);
        }
        // SAFETY: the free list holds registry Gs.
        let g = unsafe { GRef::from_ptr(p.g_free.get()) };
        p.g_free.set(g.link.get());
        p.g_free_len.set(p.g_free_len.get() - 1);
        if p.id_next.get() == p.id_end.get() {
            let n = self.rt().id_batch();
            let from = self.rt().ids.fetch_add(n, Ordering::Relaxed);
            p.id_next.set(from);
            p.id_end.set(from + n);
        }
        let id = p.id_next.get();
        p.id_next.set(id + 1);
        g.set_up(id, created_pc, parent);
        p.add_live(1);
        P::bump(&p.spawned);
        g
    }

    /// Queues a goroutine made by `spawn`: it runs next here.
    #[inline]
    pub fn ready_new(&self, g: GRef) {
        debug_assert_eq!(g.state(), State::Idle);
        self.enqueue(g, Cause::Spawned);
    }

    /// Queues the main goroutine, for this M alone: nobody else has anything to do yet.
    pub(crate) fn first(&self, g: GRef) {
        if trace::on() {
            trace::wakes(&g, true);
        }
        g.set_state(State::Runnable);
        let p = self.p();
        p.runq.put_next(g.as_ptr(), p.sole.get());
    }

    /// Makes a waiting G runnable. The caller took it off the queue it waited on. Call
    /// after the object's lock is released.
    #[inline]
    pub fn ready(&self, g: GRef) {
        debug_assert_eq!(g.state(), State::Waiting);
        if g.durable.get() {
            bubble::on_ready(&g);
        }
        self.enqueue(g, Cause::Readied);
    }

    /// As `ready`, but behind the others of this P (timers: they keep their order).
    pub fn ready_tail(&self, g: GRef) {
        if trace::on() {
            trace::wakes(&g, false);
        }
        if g.durable.get() {
            bubble::on_ready(&g);
        }
        g.set_state(State::Runnable);
        self.p().runq.push(g.as_ptr(), self.rt());
        self.wake_hard();
    }

    #[inline]
    fn enqueue(&self, g: GRef, cause: Cause) {
        if trace::on() {
            trace::wakes(&g, matches!(cause, Cause::Spawned));
        }
        g.set_state(State::Runnable);
        let p = self.p();
        let rt = self.rt();
        match rt.policy.place(cause, &self.seed) {
            Place::Next => {
                let old = p.runq.put_next(g.as_ptr(), p.sole.get());
                if !old.is_null() {
                    p.runq.push(old, rt);
                    if !p.sole.get() {
                        self.wake_hard();
                    }
                } else if !p.sole.get() {
                    self.wake_soft();
                }
            }
            Place::Tail => {
                p.runq.push(g.as_ptr(), rt);
                self.wake_hard();
            }
            Place::Global => {
                rt.inject(g);
                self.wake_hard();
            }
        }
    }

    /// The ring or the global queue got work: wake an M if one could run it.
    #[inline]
    pub(crate) fn wake_hard(&self) {
        let rt = self.rt();
        if rt.procs() > 1 && rt.idle.claim_wake() {
            rt.wake_claimed(false);
        }
    }

    /// Only `runnext` got work, which this M will run as soon as its G parks: wake
    /// another M only if that has paid off lately. See `sched::idle`.
    #[inline]
    fn wake_soft(&self) {
        let rt = self.rt();
        if rt.idle.idle_ps() == 0 || rt.idle.spinning() != 0 {
            return;
        }
        let p = self.p();
        let skip = p.wake_skip.get();
        if skip > 0 {
            p.wake_skip.set(skip - 1);
            return;
        }
        self.wake_soft_now();
    }

    #[cold]
    #[inline(never)]
    fn wake_soft_now(&self) {
        let rt = self.rt();
        self.p()
            .wake_skip
            .set((1 << rt.wake_exp.load(Ordering::Relaxed)) - 1);
        if rt.idle.claim_unfenced() {
            rt.wake_claimed(true);
        }
    }

    /// Parks the running G for ever or until somebody who knows it calls `ready`.
    /// `f` runs first (it publishes the G to its waker); nothing may touch the G after.
    pub fn park_with(&self, g: &G, reason: WaitReason, obj: usize, f: impl FnOnce()) {
        g.sudog.obj.set(obj);
        let bubble = g.bubble.load(Ordering::Relaxed);
        let durable = !bubble.is_null() && bubble::before_park(g, reason);
        g.set_waiting(reason, self.rt().coarse_now());
        f();
        if durable {
            bubble::after_park(self, bubble);
        }
    }

    /// Locks the running G to this thread (`runtime.LockOSThread`).
    pub fn lock_thread(&self, g: &G) {
        self.locked_g.set(g);
        g.locked_m.store(self.id + 1, Ordering::Relaxed);
    }
    /// Undoes `lock_thread`.
    pub fn unlock_thread(&self, g: &G) {
        self.locked_g.set(null());
        g.locked_m.store(0, Ordering::Relaxed);
    }

    /// Sleeps until `unpark` or for `timeout` ns (negative: for ever). May return early.
    pub(crate) fn park(&self, timeout: i64) {
        self.parker.park(timeout);
    }
    /// As `park`, and polls descriptors meanwhile; Gs that may go on are added to `out`.
    pub(crate) fn park_polling(&self, timeout: i64, out: &mut Vec<GRef>) {
        self.rt().net.sleep(timeout, out, || {
            // Either the waker sees the flag, or this sees its token.
            self.polling.store(1, Ordering::SeqCst);
            !self.parker.take()
        });
        self.polling.store(0, Ordering::SeqCst);
        self.parker.take();
    }
    /// Ends a `park` or `park_polling`, now or later. Callable from any thread.
    pub(crate) fn unpark(&self) {
        self.parker.unpark();
        if self.polling.load(Ordering::SeqCst) != 0 {
            self.rt().net.break_sleep();
        }
    }

    // ---- the loop -------------------------------------------------------------------

    /// The thread's life: runs Gs until the runtime ends.
    pub(crate) fn run_m(&self) {
        self.take_next_p();
        while let Some((g, inherit)) = self.schedule() {
            self.execute(g, inherit);
        }
    }

    /// Takes over the P (if any) that the waker left.
    pub(crate) fn take_next_p(&self) -> bool {
        let p = self.next_p.swap(null_mut(), Ordering::Acquire);
        if p.is_null() {
            return false;
        }
        self.set_p(p);
        self.spinning
            .set(self.next_spinning.swap(false, Ordering::Relaxed));
        true
    }

    #[inline]
    fn schedule(&self) -> Option<(GRef, bool)> {
        let rt = self.rt();
        lock_rank::assert_none_held();
        if self.poll.load(Ordering::Relaxed) | rt.attention.load(Ordering::Relaxed) == 0
            && self.locked_g.get().is_null()
            && !self.p.get().is_null()
        {
            let p = self.p();
            let sole = p.sole.get();
            let global_turn =
                rt.global_len.get() != 0 && rt.policy.global_first(p.tick.load(Ordering::Relaxed));
            if !global_turn && !p.timers.maybe_due(rt, p) {
                let next = p.runq.take_next(sole);
                let (t, inherit) = if next.is_null() {
                    (p.runq.pop(sole), false)
                } else {
                    (next, true)
                };
                if !t.is_null() {
                    // SAFETY: run queues hold registry Gs.
                    let g = unsafe { GRef::from_ptr(t) };
                    if g.locked_m.load(Ordering::Relaxed) == 0 {
                        if self.spinning.get() {
                            find::stop_spinning(self);
                        }
                        return Some((g, inherit));
                    }
                    rt.start_locked(self, g);
                }
            }
        }
        find::find_runnable(self)
    }

    #[inline]
    fn execute(&self, g: GRef, inherit: bool) {
        let p = self.p();
        P::bump(&p.switches);
        if !inherit {
            P::bump32(&p.tick);
        }
        g.set_state(State::Running);
        self.cur.store(g.as_ptr(), Ordering::Relaxed);
        if trace::on() {
            trace::begins(p.id, &g, self.rt().exec.entry(&g));
        }
        let mut why = "";
        let mut runs = g.pending.get() == Pending::None || sync::finish_pending(self, &g);
        while runs {
            runs = match self.rt().exec.run(self, &g) {
                Stop::Parked => false,
                Stop::Poll => self.handle_poll(&g),
                Stop::Yield => {
                    why = "runnable";
                    self.to_global(g);
                    false
                }
                Stop::Exited => {
                    why = "exit";
                    self.end(g);
                    false
                }
                Stop::MainDone(code) => {
                    self.rt().exit(code);
                    false
                }
            };
        }
        if trace::on() {
            // The header outlives its goroutine; what it waits for may already be over.
            trace::ends(if why.is_empty() { g.status_text() } else { why });
        }
        self.cur.store(null_mut(), Ordering::Relaxed);
        if !self.blocked_bubble.get().is_null() {
            bubble::settle(self);
        }
    }

    fn to_global(&self, g: GRef) {
        g.set_state(State::Runnable);
        self.rt().inject(g);
        self.wake_hard();
    }

    #[inline]
    fn end(&self, g: GRef) {
        let rt = self.rt();
        if g.locked_m.load(Ordering::Relaxed) != 0 {
            self.unlock_thread(&g);
        }
        if !g.bubble.load(Ordering::Relaxed).is_null() {
            bubble::on_end(self, &g);
        }
        rt.exec.release(self, &g);
        if g.id() == 1 {
            rt.main_gone.store(true, Ordering::Relaxed);
        }
        let p = self.p();
        g.set_state(State::Dead);
        p.add_live(-1);
        g.link.set(p.g_free.get());
        p.g_free.set(g.as_ptr());
        p.g_free_len.set(p.g_free_len.get() + 1);
        if p.g_free_len.get() >= tuning::G_FREE_MAX {
            self.shed_free();
        }
    }

    #[cold]
    fn shed_free(&self) {
        let p = self.p();
        let mut list = null();
        for _ in 0..tuning::G_FREE_MAX / 2 {
            // SAFETY: the free list holds that many registry Gs.
            let g = unsafe { GRef::from_ptr(p.g_free.get()) };
            p.g_free.set(g.link.get());
            g.link.set(list);
            list = g.as_ptr();
        }
        p.g_free_len
            .set(p.g_free_len.get() - tuning::G_FREE_MAX / 2);
        self.rt().registry.give(list);
    }

    /// Handles the poll bits for a running G whose state is saved. True: go on with it.
    /// The executor may call this in place instead of returning `Stop::Poll`; on false it
    /// must return `Stop::Parked` and not touch the G.
    #[cold]
    pub fn handle_poll(&self, g: &G) -> bool {
        let bits = self.poll.swap(0, Ordering::SeqCst);
        let rt = self.rt();
        if late::is_due() {
            rt.begin_sysmon();
        }
        if rt.attention.load(Ordering::Acquire) & ATTN_EXIT != 0 {
            return false;
        }
        if bits & POLL_SAMPLE != 0 {
            rt.exec.sample(self, g);
        }
        if bits & POLL_STOP != 0 || rt.attention.load(Ordering::Acquire) & ATTN_STOP != 0 {
            g.set_state(State::Runnable);
            self.stop_here();
            if self.p.get().is_null() {
                rt.inject(g.gref());
                self.wake_hard();
                return false;
            }
            g.set_state(State::Running);
        }
        let p = self.p();
        let others =
            || p.has_work() || rt.global_len.get() != 0 || rt.next_timer() <= prim::nanotime();
        if bits & POLL_PREEMPT != 0 && others() {
            self.to_global(g.gref());
            return false;
        }
        true
    }

    /// If the world is stopping: waits, with the P, until it starts again. Afterwards the
    /// M may have lost its P (GOMAXPROCS was lowered).
    pub(crate) fn stop_here(&self) {
        let rt = self.rt();
        let p = self.p();
        let waits = rt.sched.with(Rank::Sched, |s| {
            if rt.attention.load(Ordering::Relaxed) & ATTN_STOP == 0 {
                return false;
            }
            self.stopped.store(1, Ordering::Relaxed);
            p.set_status(super::processor::Status::Stopped);
            rt.one_stopped(s);
            true
        });
        while waits && self.stopped.load(Ordering::Acquire) == 1 {
            prim::futex_wait(&self.stopped, 1, -1);
        }
    }

    /// A random word from the policy.
    #[inline]
    pub fn random(&self) -> u32 {
        self.rt().policy.random(&self.seed)
    }
}
