//! Stopping the world, and changing the number of Ps.
//!
//! The stopper (an M with a P, its G's state saved) owns `Runtime::world`, sets
//! `ATTN_STOP` under the scheduler's lock and counts down `stop_wait`: idle Ps and Ps in
//! blocking calls are stopped at once, the others when their M next looks (a poll, a
//! slice's end, the entry of a blocking call). A stopped M keeps its P and its G and
//! waits in `Worker::stop_here`. While the world is stopped only the stopper touches Ps,
//! queues, timers and Gs; blocking calls may go on but cannot come back.
//!
//! Two stoppers: the loser stops like any other M and tries again afterwards.

use super::processor::{P, Status};
use super::task::{GRef, State};
use super::worker::{POLL_STOP, Worker};
use super::{ATTN_STOP, Runtime, Sched};
use crate::runtime::lock_rank::{self, Rank};
use crate::runtime::prim;
use crate::runtime::prim::word::Ordering;
use crate::runtime::tuning;
use std::ptr::null_mut;

impl Runtime {
    /// One more P has stopped (under the scheduler's lock).
    pub(crate) fn one_stopped(&self, s: &mut Sched) {
        s.stop_wait -= 1;
        if s.stop_wait == 0 {
            self.stop_note.store(1, Ordering::Release);
            prim::futex_wake(&self.stop_note, 1);
        }
    }
}

impl Runtime {
    /// Stops the world for the last words of a dying process, from a thread that is no M or
    /// from the M `own`: gives up after a while (a native call may hang) and is never undone.
    pub fn stop_for_dump(&self, own: Option<&Worker>) {
        let end = prim::nanotime() + tuning::DUMP_WAIT_NS;
        while self
            .world
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            if prim::nanotime() > end {
                return;
            }
            prim::yield_thread();
        }
        self.begin_stop();
        if let Some(w) = own {
            // SAFETY: Ps are never freed while the runtime lives.
            if let Some(p) = unsafe { w.p_ptr().as_ref() }
                && std::ptr::eq(p.m.load(Ordering::Acquire), w)
                && p.cas_status(Status::Running, Status::Stopped)
            {
                self.sched.with(Rank::Sched, |s| self.one_stopped(s));
            }
        }
        while self.stop_note.load(Ordering::Acquire) == 0 && prim::nanotime() < end {
            self.poke_and_stop_blocking();
            prim::futex_wait(&self.stop_note, 0, tuning::STOP_RETRY_NS);
        }
    }

    /// Stops the world from a thread that is no M, runs `f` and starts it again.
    pub fn while_stopped<R>(&self, f: impl FnOnce() -> R) -> R {
        while self
            .world
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            prim::yield_thread();
        }
        self.begin_stop();
        while self.stop_note.load(Ordering::Acquire) == 0 {
            self.poke_and_stop_blocking();
            prim::futex_wait(&self.stop_note, 0, tuning::STOP_RETRY_NS);
            if self.is_exiting() {
                // Nobody will answer any more.
                loop {
                    std::thread::park();
                }
            }
        }
        let r = f();
        self.start_again();
        // Whoever went to sleep meanwhile could not tell.
        let dead = self.sched.with(Rank::Sched, |s| self.check_dead(s));
        if let Some(fault) = dead {
            self.dead(fault);
        }
        r
    }

    /// Takes the idle Ps and asks for the others.
    fn begin_stop(&self) {
        self.stop_note.store(0, Ordering::Relaxed);
        self.sched.with(Rank::Sched, |s| {
            self.attention.fetch_or(ATTN_STOP, Ordering::SeqCst);
            s.stop_wait = self.procs();
            while let Some(p) = s.idle_ps.pop() {
                self.idle.p_busy();
                // SAFETY: Ps are never freed while the runtime lives.
                unsafe { &*p }.set_status(Status::Stopped);
                s.stop_wait -= 1;
            }
            if s.stop_wait == 0 {
                self.stop_note.store(1, Ordering::Release);
            }
        });
    }

    /// Lets everything run again.
    fn start_again(&self) {
        let mut start: Vec<*const P> = Vec::new();
        self.sched.with(Rank::Sched, |s| {
            self.attention.fetch_and(!ATTN_STOP, Ordering::SeqCst);
            for i in 0..self.procs() as usize {
                let p = self.p(i);
                let m = p.m.load(Ordering::Acquire);
                // SAFETY: workers live as long as the runtime.
                if let Some(m) = unsafe { m.as_ref() } {
                    p.set_status(Status::Running);
                    resume(m);
                } else if p.has_work() {
                    p.set_status(Status::Running);
                    start.push(p);
                } else {
                    self.put_idle(s, p);
                }
            }
            self.world.store(0, Ordering::Release);
        });
        for p in start {
            // SAFETY: Ps are never freed while the runtime lives.
            self.start_m(unsafe { &*p }, false, false);
        }
        if self.work_queued() && self.idle.claim_wake() {
            self.wake_claimed(false);
        }
        self.nudge_sleeper();
    }

    fn poke_and_stop_blocking(&self) {
        for i in 0..self.procs() as usize {
            let p = self.p(i);
            // SAFETY: workers live as long as the runtime.
            if p.status() == Status::Running
                && let Some(m) = unsafe { p.m.load(Ordering::Acquire).as_ref() }
            {
                m.poke(POLL_STOP);
            }
        }
        self.sched.with(Rank::Sched, |s| self.stop_blocking(s));
    }

    fn stop_blocking(&self, s: &mut Sched) {
        for i in 0..self.procs() as usize {
            let p = self.p(i);
            if p.cas_status(Status::Blocking, Status::Stopped) {
                p.m.store(null_mut(), Ordering::Release);
                self.one_stopped(s);
            }
        }
    }
}

impl Worker {
    /// Returns when every other P is stopped. The running G's state must be saved in
    /// `ext` (another stopper may scan it first); this M may hold another P afterwards.
    pub fn stop_the_world(&self) {
        lock_rank::assert_none_held();
        let rt = self.rt();
        while rt
            .world
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            if rt.attention.load(Ordering::Acquire) & ATTN_STOP != 0 {
                self.stop_and_keep_p();
            } else {
                prim::pause(10);
                prim::yield_thread();
            }
        }
        rt.stop_note.store(0, Ordering::Relaxed);
        let done = rt.sched.with(Rank::Sched, |s| {
            rt.attention.fetch_or(ATTN_STOP, Ordering::SeqCst);
            s.stop_wait = rt.procs();
            self.p().set_status(Status::Stopped);
            s.stop_wait -= 1;
            while let Some(p) = s.idle_ps.pop() {
                rt.idle.p_busy();
                // SAFETY: Ps are never freed while the runtime lives.
                unsafe { &*p }.set_status(Status::Stopped);
                s.stop_wait -= 1;
            }
            rt.stop_blocking(s);
            s.stop_wait == 0
        });
        if done {
            return;
        }
        loop {
            for i in 0..rt.procs() as usize {
                let p = rt.p(i);
                // SAFETY: workers live as long as the runtime.
                if p.status() == Status::Running
                    && let Some(m) = unsafe { p.m.load(Ordering::Acquire).as_ref() }
                {
                    m.poke(POLL_STOP);
                }
            }
            prim::futex_wait(&rt.stop_note, 0, tuning::STOP_RETRY_NS);
            if rt.stop_note.load(Ordering::Acquire) == 1 {
                return;
            }
            rt.sched.with(Rank::Sched, |s| rt.stop_blocking(s));
            if rt.is_exiting() {
                // The process ends; nobody will answer any more.
                loop {
                    std::thread::park();
                }
            }
        }
    }

    /// Lets everything run again.
    pub fn start_the_world(&self) {
        self.rt().start_again();
    }

    /// The losing stopper's wait: as `stop_here`, but it needs a P to go on.
    fn stop_and_keep_p(&self) {
        self.stop_here();
        let rt = self.rt();
        while self.p_ptr().is_null() {
            // GOMAXPROCS was lowered meanwhile.
            // SAFETY: the running G is a registry G.
            if let Some(g) = unsafe { self.current().as_ref() } {
                self.wait_with(g);
                g.set_state(State::Running);
            } else {
                // Starting a due AfterFunc: nothing that could be queued.
                prim::yield_thread();
                rt.sched.with(Rank::Sched, |s| {
                    if let Some(p) = rt.take_idle(s) {
                        rt.attach(self, p);
                    }
                });
            }
        }
    }

    /// Sets GOMAXPROCS to `n` (clamped) and returns the old value. Stops the world when
    /// it changes; the G's state must be saved.
    pub fn set_procs(&self, n: usize) -> usize {
        let rt = self.rt();
        let n = n.clamp(1, tuning::MAX_PS);
        let old = rt.procs() as usize;
        if n == old {
            return old;
        }
        self.stop_the_world();
        let old = rt.procs() as usize;
        for i in old..n {
            let p = rt.make_p(i);
            if p.status() == Status::Dead {
                p.m.store(null_mut(), Ordering::Release);
                p.set_status(Status::Stopped);
            }
        }
        if (self.p().id as usize) >= n {
            self.take_over(rt.p(0));
        }
        for i in n..old {
            self.retire(rt.p(i));
        }
        rt.procs.store(n as u32, Ordering::SeqCst);
        for i in 0..n {
            rt.p(i).sole.set(n == 1);
        }
        self.start_the_world();
        old
    }

    /// The stopper moves to `p`, whose M (if any) loses it.
    fn take_over(&self, p: &P) {
        let mine = self.p();
        let m =
            p.m.swap((self as *const Worker).cast_mut(), Ordering::AcqRel);
        mine.m.store(null_mut(), Ordering::Release);
        self.set_p(p);
        // SAFETY: workers live as long as the runtime.
        if let Some(m) = unsafe { m.as_ref() } {
            m.set_p(std::ptr::null());
            resume(m);
        }
    }

    /// Empties a P that is to disappear.
    fn retire(&self, p: &P) {
        let rt = self.rt();
        p.runq.drain(|g| {
            // SAFETY: run queues hold registry Gs.
            rt.inject(unsafe { GRef::from_ptr(g) });
        });
        p.timers.move_to(&rt.p(0).timers);
        rt.registry.give(p.g_free.replace(std::ptr::null()));
        p.g_free_len.set(0);
        // SAFETY: the world is stopped, so the words are ours; the P gets fresh ones.
        let ext = unsafe { p.ext.get().replace([0; 4]) };
        rt.exec.p_release(ext);
        // SAFETY: as above.
        unsafe { p.ext.get().write(rt.exec.p_init()) };
        p.set_status(Status::Dead);
        let m = p.m.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: workers live as long as the runtime.
        if let Some(m) = unsafe { m.as_ref() } {
            m.set_p(std::ptr::null());
            resume(m);
        }
    }
}

/// Lets an M that waits in `stop_here` go on. One that lost its P will queue its G and
/// sleep.
fn resume(m: &Worker) {
    if m.stopped.swap(0, Ordering::AcqRel) == 1 {
        prim::futex_wake(&m.stopped, 1);
    }
}
