//! Sysmon: a thread without a P that watches the Ps while any of them is busy.
//!
//! Each round (50 µs at first, doubling to 10 ms when nothing happens) it refreshes the
//! coarse clock, asks Gs that have run for a slice to yield, retakes Ps from blocking
//! calls, passes signals on, wakes an M for overdue timers, polls descriptors when nobody has for long, and wakes one for Gs that wait in a queue while a
//! P is idle. When all Ps are idle it sleeps without a timeout, so an idle process uses no
//! CPU; whoever takes the first idle P wakes it. What it does by the clock is in `duties`.

use super::duties::Duties;
use super::processor::Status;
use super::worker::POLL_PREEMPT;
use super::{ATTN_EXIT, ATTN_STOP, Runtime};
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim::word::{AtomicBool, AtomicU32, Ordering};
use crate::runtime::timers::NEVER;
use crate::runtime::{prim, tuning};

/// Sysmon's own sleep.
#[derive(Default)]
pub(crate) struct Sysmon {
    asleep: AtomicU32,
    /// Its thread has been made.
    pub(super) begun: AtomicBool,
    parker: prim::Parker,
}

impl Sysmon {
    pub(crate) fn wake(&self) {
        self.asleep.store(0, Ordering::Relaxed);
        self.parker.unpark();
    }
    /// Under the scheduler's lock.
    pub(crate) fn wake_if_asleep(&self) {
        if self.asleep.load(Ordering::Relaxed) == 1 {
            self.wake();
        }
    }
}

/// What was seen of a P, and when it last changed.
#[derive(Clone, Copy, Default)]
struct Seen {
    tick: u32,
    tick_at: i64,
    block: u32,
    block_at: i64,
    switches: u64,
}

pub(crate) fn run(rt: &Runtime) {
    let mut seen = [Seen::default(); 16].to_vec();
    let mut delay = tuning::SYSMON_MIN_NS;
    let mut calm = 0;
    let mut duties = Duties::new();
    loop {
        let next = rt.next_timer();
        let mut pause = delay;
        if next != NEVER {
            pause = pause.min((next - prim::nanotime()).max(tuning::SYSMON_MIN_NS));
        }
        if rt.wake_exp.load(Ordering::Relaxed) != 0 {
            pause = pause.min(tuning::SYSMON_BACKOFF_NS);
        }
        let duty = duties.next(false);
        if duty != NEVER {
            pause = pause.min((duty - prim::nanotime()).max(0));
        }
        rt.sysmon.parker.park(pause);
        if rt.attention.load(Ordering::Relaxed) & ATTN_EXIT != 0 {
            return;
        }
        if rt.signals.deliver(rt) {
            rt.stop_for_dump(None);
            rt.exec.quit(rt);
        }
        duties.run(rt);
        let sleeps = rt.idle.idle_ps() == rt.procs()
            && rt.sched.with(Rank::Sched, |s| {
                let all = s.idle_ps.len() == rt.procs() as usize;
                rt.sysmon.asleep.store(u32::from(all), Ordering::Relaxed);
                all
            });
        if sleeps {
            let duty = duties.next(true);
            let pause = if duty == NEVER {
                -1
            } else {
                (duty - prim::nanotime()).max(0)
            };
            rt.sysmon.parker.park(pause);
            if rt.signals.deliver(rt) {
                rt.stop_for_dump(None);
                rt.exec.quit(rt);
            }
            rt.sysmon.asleep.store(0, Ordering::Relaxed);
            delay = tuning::SYSMON_MIN_NS;
            calm = 0;
            rt.update_clock();
            continue;
        }
        if round(rt, &mut seen) {
            delay = tuning::SYSMON_MIN_NS;
            calm = 0;
        } else {
            calm += 1;
            if calm > tuning::SYSMON_CALM_ROUNDS {
                delay = (delay * 2).min(tuning::SYSMON_MAX_NS);
            }
        }
    }
}

/// One look at everything. True: something had to be done.
fn round(rt: &Runtime, seen: &mut Vec<Seen>) -> bool {
    let now = rt.update_clock();
    if rt.attention.load(Ordering::Relaxed) & ATTN_STOP != 0 {
        return false;
    }
    let procs = rt.procs() as usize;
    seen.resize(procs.max(seen.len()), Seen::default());
    let mut acted = false;
    let mut waiting = false;
    for (i, s) in seen.iter_mut().enumerate().take(procs) {
        let p = rt.p(i);
        match p.status() {
            Status::Running => {
                let tick = p.tick.load(Ordering::Relaxed);
                let switches = p.switches.load(Ordering::Relaxed);
                if tick != s.tick {
                    s.tick = tick;
                    s.tick_at = now;
                } else if now - s.tick_at >= rt.policy.slice_ns() {
                    // SAFETY: workers live as long as the runtime.
                    if let Some(m) = unsafe { p.m.load(Ordering::Acquire).as_ref() } {
                        m.poke(POLL_PREEMPT);
                    }
                }
                waiting |= p.runq.has_ring() || (switches == s.switches && p.has_work());
                s.switches = switches;
            }
            Status::Blocking => {
                let block = p.block_tick.load(Ordering::Relaxed);
                if block != s.block {
                    s.block = block;
                    s.block_at = now;
                    continue;
                }
                let needed = p.has_work() || rt.global_len.get() != 0 || p.timers.next() <= now;
                if (needed || now - s.block_at >= tuning::BLOCKING_IDLE_NS)
                    && p.cas_status(Status::Blocking, Status::Idle)
                {
                    rt.hand_off(p);
                    acted = true;
                }
            }
            _ => {}
        }
    }
    let last = rt.net.last_poll();
    if last != 0 && rt.net.waiters() != 0 && now - last >= tuning::POLL_OVERDUE_NS {
        let mut woken = Vec::new();
        rt.net.poll(0, &mut woken);
        let n = woken.len();
        acted |= n != 0;
        for g in woken {
            rt.ready_external(g);
        }
        rt.net.settled(n);
    }
    if rt.idle.idle_ps() == 0 && rt.next_timer() <= now {
        // Nobody is free to run the due timer: one of the busy is asked to, before its
        // slice is over.
        let late = (0..procs)
            .map(|i| rt.p(i))
            .find(|p| p.status() == Status::Running && p.timers.next() <= now);
        // SAFETY: workers live as long as the runtime.
        if let Some(m) = late.and_then(|p| unsafe { p.m.load(Ordering::Acquire).as_ref() }) {
            m.poke(POLL_PREEMPT);
            acted = true;
        }
    }
    let wanted = waiting || rt.global_len.get() != 0 || rt.next_timer() <= now;
    if wanted && rt.idle.idle_ps() != 0 {
        rt.wake_exp.store(0, Ordering::Relaxed);
        if rt.idle.claim_wake() {
            rt.wake_claimed(false);
            acted = true;
        }
    }
    acted
}
