//! What an M does when its own queue is empty: global queue, timers, stealing, spinning,
//! and at last sleep. The order of the last steps is the protocol in `sched::idle`.

use super::processor::Status;
use super::task::{GRef, State};
use super::worker::{POLL_PREEMPT, Worker};
use super::{ATTN_EXIT, ATTN_STOP, Sched};
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim;
use crate::runtime::prim::word::Ordering;
use crate::runtime::timers::NEVER;
use crate::runtime::tuning;
use std::ptr::null;

/// Finds a G, waiting as long as it takes. None: the runtime ends. The flag says whether
/// the G inherits the time slice.
#[cold]
#[inline(never)]
pub(crate) fn find_runnable(w: &Worker) -> Option<(GRef, bool)> {
    let rt = w.rt();
    loop {
        let attention = rt.attention.load(Ordering::Acquire);
        if attention & ATTN_EXIT != 0 {
            return None;
        }
        if w.p_ptr().is_null() {
            if w.spinning.replace(false) {
                rt.idle.stop_spinning();
            }
            if !stop_m(w) {
                return None;
            }
            continue;
        }
        if attention & ATTN_STOP != 0 {
            w.stop_here();
            continue;
        }
        let locked = w.locked_g.get();
        if !locked.is_null() {
            // SAFETY: a locked G is a registry G.
            let g = unsafe { GRef::from_ptr(locked) };
            return rt.wait_locked(w).then_some((g, false));
        }
        if w.poll.load(Ordering::Relaxed) != 0 {
            between_slices(w);
        }
        let Some((g, inherit)) = search(w) else {
            continue;
        };
        if w.spinning.get() {
            stop_spinning(w);
        }
        if g.locked_m.load(Ordering::Relaxed) != 0 {
            rt.start_locked(w, g);
            continue;
        }
        return Some((g, inherit));
    }
}

/// The slice ended while switching: the chain of `runnext`s goes behind the ring.
fn between_slices(w: &Worker) {
    let bits = w.poll.swap(0, Ordering::SeqCst);
    if super::late::is_due() {
        w.rt().begin_sysmon();
    }
    if bits & POLL_PREEMPT != 0 {
        let p = w.p();
        let next = p.runq.take_next(p.sole.get());
        if !next.is_null() {
            p.runq.push(next, w.rt());
        }
        super::processor::P::bump32(&p.tick);
    }
}

/// One pass over all sources. None: the situation changed, look again from the start
/// (the M may have lost its P).
fn search(w: &Worker) -> Option<(GRef, bool)> {
    let rt = w.rt();
    let p = w.p();
    let sole = p.sole.get();
    if rt.global_len.get() != 0
        && rt.policy.global_first(p.tick.load(Ordering::Relaxed))
        && let Some(g) = rt.sched.with(Rank::Sched, |s| rt.take_global(s, p, 1))
    {
        return Some((g, false));
    }
    p.timers.run_due(w);
    let next = p.runq.take_next(sole);
    let (t, inherit) = if next.is_null() {
        (p.runq.pop(sole), false)
    } else {
        (next, true)
    };
    if !t.is_null() {
        // SAFETY: run queues hold registry Gs.
        return Some((unsafe { GRef::from_ptr(t) }, inherit));
    }
    if rt.global_len.get() != 0 {
        let got = rt
            .sched
            .with(Rank::Sched, |s| rt.take_global(s, p, tuning::GLOBAL_BATCH));
        if let Some(g) = got {
            return Some((g, false));
        }
    }
    if rt.net.worth_a_look()
        && let Some(g) = poll_net(w)
    {
        return Some((g, false));
    }
    if rt.procs() > 1 {
        if !w.spinning.get() && rt.idle.try_spin(rt.procs()) {
            w.spinning.set(true);
        }
        if w.spinning.get() {
            match steal(w) {
                Stolen::G(g) => {
                    rt.wake_exp.store(0, Ordering::Relaxed);
                    w.soft.store(false, Ordering::Relaxed);
                    return Some((g, false));
                }
                Stolen::Again => return None,
                Stolen::Nothing => {}
            }
        }
    }
    go_idle(w);
    None
}

/// Looks at descriptors without waiting: one G to run, the others into the own queue.
#[inline(never)]
fn poll_net(w: &Worker) -> Option<GRef> {
    let mut woken = Vec::new();
    w.rt().net.poll(0, &mut woken);
    let n = woken.len();
    let mut woken = woken.into_iter();
    let first = woken.next()?;
    first.set_state(State::Runnable);
    for g in woken {
        g.set_state(State::Runnable);
        w.p().runq.push(g.as_ptr(), w.rt());
    }
    w.rt().net.settled(n);
    if n > 1 {
        w.wake_hard();
    }
    Some(first)
}

/// Queues what the sleeper in the netpoller found.
fn inject_all(w: &Worker, woken: &mut Vec<GRef>) {
    let rt = w.rt();
    let n = woken.len();
    rt.sched.with(Rank::Sched, |s| {
        for g in woken.drain(..) {
            g.set_state(State::Runnable);
            s.global.push(g);
        }
        rt.global_len.set(s.global.len());
    });
    rt.net.settled(n);
}

enum Stolen {
    G(GRef),
    /// Timers ran: look at the own queue.
    Again,
    Nothing,
}

fn steal(w: &Worker) -> Stolen {
    let rt = w.rt();
    let me = w.p();
    let n = rt.procs();
    for round in 0..tuning::STEAL_ROUNDS {
        let last = round + 1 == tuning::STEAL_ROUNDS;
        let start = rt.policy.below(n, &w.seed);
        for i in 0..n {
            if rt.attention.load(Ordering::Relaxed) != 0 {
                return Stolen::Again;
            }
            let p = rt.p(((start + i) % n) as usize);
            if std::ptr::eq(p, me) {
                continue;
            }
            if last && p.timers.run_due(w) && me.has_work() {
                return Stolen::Again;
            }
            let t = p.runq.steal_into(&me.runq);
            if !t.is_null() {
                // SAFETY: run queues hold registry Gs.
                return Stolen::G(unsafe { GRef::from_ptr(t) });
            }
            let next = p.runq.peek_next();
            if last && !next.is_null() {
                // Leave it to the owner if the owner is switching.
                let tick = p.switches.load(Ordering::Relaxed);
                if p.status() == Status::Running {
                    prim::pause(tuning::RUNNEXT_GRACE_PAUSES);
                }
                if p.switches.load(Ordering::Relaxed) == tick && p.runq.steal_next(next) {
                    // SAFETY: as above; the swap made it ours.
                    return Stolen::G(unsafe { GRef::from_ptr(next) });
                }
            }
        }
    }
    Stolen::Nothing
}

/// A spinner found work: if it was the last one and more is queued, wake the next.
pub(crate) fn stop_spinning(w: &Worker) {
    let rt = w.rt();
    w.spinning.set(false);
    let last = rt.idle.stop_spinning();
    if last && rt.idle.idle_ps() != 0 {
        rt.idle.last_look();
        if rt.work_queued() && rt.idle.claim_wake() {
            rt.wake_claimed(false);
        }
    }
}

/// Gives the P to the idle list and looks once more; sleeps when there is still nothing.
fn go_idle(w: &Worker) {
    let rt = w.rt();
    rt.begin_sysmon();
    let p = w.p();
    let given = rt.sched.with(Rank::Sched, |s| {
        if rt.attention.load(Ordering::Relaxed) != 0 || s.global.len() != 0 {
            return false;
        }
        rt.put_idle(s, p);
        true
    });
    if !given {
        return;
    }
    w.set_p(null());
    if w.spinning.replace(false) {
        rt.idle.stop_spinning();
    }
    rt.idle.last_look();
    if rt.work_queued() {
        let got = rt.sched.with(Rank::Sched, |s| rt.take_idle(s));
        if let Some(p) = got {
            rt.attach(w, p);
            rt.idle.start_spinning();
            w.spinning.set(true);
            return;
        }
    }
    if w.soft.swap(false, Ordering::Relaxed) {
        let e = rt.wake_exp.load(Ordering::Relaxed);
        rt.wake_exp
            .store((e + 1).min(tuning::WAKE_BACKOFF_MAX), Ordering::Relaxed);
    }
    stop_m(w);
}

/// Sleeps on the idle list until somebody hands over a P, or, as the one sleeper with a
/// timeout, until a timer is due or a descriptor is ready. False: the runtime ends.
pub(crate) fn stop_m(w: &Worker) -> bool {
    let rt = w.rt();
    let mut listed = false;
    let mut woken = Vec::new();
    let mut injected = false;
    loop {
        let mut timeout = -1;
        let mut polls = false;
        let mut dead = None;
        let got = rt.sched.with(Rank::Sched, |s| {
            if rt.attention.load(Ordering::Relaxed) & ATTN_EXIT != 0 {
                // Not there any more when a P is on its way.
                s.idle_ms.retain(|m| !std::ptr::eq(*m, w));
                return true;
            }
            if listed && !s.idle_ms.contains(&(w as *const Worker)) {
                return false; // a P is on its way
            }
            if std::ptr::eq(s.sleeper, w) {
                s.set_sleeper(rt, null(), NEVER);
            }
            let next = rt.next_timer();
            let now = if next == NEVER { 0 } else { prim::nanotime() };
            if (next <= now || s.global.len() != 0)
                && let Some(p) = rt.take_idle(s)
            {
                if listed {
                    s.unlist(w);
                }
                rt.attach(w, p);
                return true;
            }
            if !listed {
                s.idle_ms.push(w);
                listed = true;
            }
            if next > now
                && next != NEVER
                && rt.skip_to(s, now, next)
                && let Some(p) = rt.take_idle(s)
            {
                s.unlist(w);
                rt.attach(w, p);
                return true;
            }
            if next > now
                && (next != NEVER || rt.net.is_on())
                && s.sleeper.is_null()
                && rt.idle.idle_ps() != 0
            {
                s.set_sleeper(rt, w, next);
                polls = rt.net.is_on();
                if next != NEVER {
                    timeout = next - now;
                }
            }
            dead = rt.check_dead(s);
            false
        });
        if let Some(fault) = dead {
            rt.dead(fault);
        }
        if got {
            if injected {
                w.wake_hard();
            }
            return rt.attention.load(Ordering::Relaxed) & ATTN_EXIT == 0;
        }
        if polls {
            w.park_polling(timeout, &mut woken);
            if !woken.is_empty() {
                inject_all(w, &mut woken);
                injected = true;
            }
        } else {
            w.park(timeout);
        }
        // Whoever handed over a P left it before the token that ended the sleep.
        if w.take_next_p() {
            rt.update_clock();
            return true;
        }
    }
}

impl Sched {
    fn unlist(&mut self, w: &Worker) {
        let at = self.idle_ms.iter().position(|m| std::ptr::eq(*m, w));
        self.idle_ms
            .swap_remove(at.expect("the M is on the idle list"));
    }
}
