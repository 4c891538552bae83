//! What sysmon does by the clock: the lines of `GODEBUG=schedtrace`, the end of a program
//! that runs too long or uses too much memory.

use super::Runtime;
use super::processor::Status;
use super::task::State;
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim::word::Ordering;
use crate::runtime::{limits, prim, tuning};
use std::fmt::Write;
use std::os::unix::fs::FileExt;

/// No duty ahead.
const NEVER: i64 = i64::MAX;

/// See the module text.
pub(super) struct Duties {
    start: i64,
    /// Period of the trace in ns (0: none), and whether it lists everything.
    trace: i64,
    detail: bool,
    next_trace: i64,
    end: i64,
    /// The process's memory figures, when there is a limit.
    memory: Option<(std::fs::File, u64)>,
    next_memory: i64,
    /// Looks in a row that found too much.
    over: u32,
}

impl Duties {
    pub(super) fn new() -> Duties {
        let start = prim::nanotime();
        let trace = limits::godebug("schedtrace").max(0) * 1_000_000;
        Duties {
            start,
            trace,
            detail: trace > 0 && limits::godebug("scheddetail") > 0,
            next_trace: if trace > 0 { start } else { NEVER },
            end: limits::timeout_ns().map_or(NEVER, |n| start.saturating_add(n)),
            memory: limits::memory().and_then(|n| {
                let file = std::fs::File::open("/proc/self/statm").ok()?;
                Some((file, n))
            }),
            next_memory: start,
            over: 0,
        }
    }

    /// When something is to be done at the latest, the program being idle or not.
    pub(super) fn next(&self, idle: bool) -> i64 {
        let fixed = self.next_trace.min(self.end);
        if idle || self.memory.is_none() {
            fixed
        } else {
            fixed.min(self.next_memory)
        }
    }

    /// Does what is due.
    pub(super) fn run(&mut self, rt: &Runtime) {
        if self.next(false) == NEVER {
            return;
        }
        let now = prim::nanotime();
        if now >= self.next_trace {
            self.next_trace = now + self.trace;
            self.print(rt, now);
        }
        if now >= self.end {
            let ns = limits::timeout_ns().unwrap_or(0);
            let text = format!("timeout: the program ran longer than {}", seconds(ns));
            rt.exec.fatal(rt, &text);
        }
        if now >= self.next_memory && self.memory.is_some() {
            self.next_memory = now + tuning::MEMORY_CHECK_NS;
            self.check_memory(rt);
        }
    }

    fn check_memory(&mut self, rt: &Runtime) {
        let Some((file, limit)) = &self.memory else {
            return;
        };
        let mut buf = [0u8; 128];
        let n = file.read_at(&mut buf, 0).unwrap_or(0);
        let text = String::from_utf8_lossy(&buf[..n]);
        let pages: u64 = text
            .split(' ')
            .nth(1)
            .and_then(|w| w.parse().ok())
            .unwrap_or(0);
        if pages * 4096 <= *limit {
            self.over = 0;
            return;
        }
        self.over += 1;
        if self.over < tuning::MEMORY_LOOKS {
            rt.exec.memory_short(rt);
            return;
        }
        rt.exec.fatal(rt, &limits::exceeded(*limit));
    }

    fn print(&self, rt: &Runtime, now: i64) {
        let c = rt.counters();
        let mut out = format!(
            "SCHED {}ms: gomaxprocs={} idleprocs={} threads={} spinningthreads={} needspinning=0 \
             idlethreads={} runqueue={}",
            (now - self.start) / 1_000_000,
            c.procs,
            c.idle_procs,
            // Sysmon is a thread too.
            c.threads + 1,
            c.spinning,
            c.idle_threads,
            c.global_queue
        );
        if self.detail {
            let (stop, idle) = rt.sched.with(Rank::Sched, |s| (s.stop_wait, s.locked_idle));
            let gc = rt.attention.load(Ordering::Relaxed) & super::ATTN_STOP != 0;
            let _ = writeln!(
                out,
                " gcwaiting={gc} nmidlelocked={idle} stopwait={stop} sysmonwait=false"
            );
            details(rt, &mut out);
        } else {
            let _ = write!(out, " [");
            for n in &c.local_queues {
                let _ = write!(out, " {n}");
            }
            let _ = write!(out, " ] schedticks=[");
            for n in &c.ticks {
                let _ = write!(out, " {n}");
            }
            let _ = writeln!(out, " ]");
        }
        eprint!("{out}");
    }
}

fn or_nil(n: Option<u64>) -> String {
    n.map_or("nil".into(), |n| n.to_string())
}

/// The lines for every P, M and G.
fn details(rt: &Runtime, out: &mut String) {
    for (i, p) in rt.all_ps().take(rt.procs() as usize).enumerate() {
        // SAFETY: workers live as long as the runtime.
        let m = unsafe { p.m.load(Ordering::Acquire).as_ref() }.map(|m| u64::from(m.id));
        let _ = writeln!(
            out,
            "  P{i}: status={} schedtick={} syscalltick={} m={} runqsize={} gfreecnt=0 \
             timerslen={}",
            match p.status() {
                Status::Idle => 0,
                Status::Running => 1,
                Status::Blocking => 2,
                Status::Stopped => 3,
                Status::Dead => 4,
            },
            p.tick.load(Ordering::Relaxed),
            p.block_tick.load(Ordering::Relaxed),
            or_nil(m),
            p.runq.ring_len(),
            p.timers.len()
        );
    }
    let mut current = Vec::new();
    rt.sched.with(Rank::Sched, |s| {
        for m in s.ms.iter().rev() {
            // SAFETY: Gs are never freed while the runtime lives.
            let g = unsafe { m.current().as_ref() }.map(|g| g.id());
            let p = rt
                .all_ps()
                .find(|p| std::ptr::eq(p.m.load(Ordering::Relaxed), &**m))
                .map(|p| u64::from(p.id));
            let blocked = s.idle_ms.iter().any(|x| std::ptr::eq(*x, &**m));
            current.push((u64::from(m.id), p, g, blocked));
        }
    });
    for (id, p, g, blocked) in &current {
        let _ = writeln!(
            out,
            "  M{id}: p={} curg={} mallocing=0 throwing=0 preemptoff= locks=0 dying=0 \
             spinning=false blocked={blocked} lockedg=nil",
            or_nil(*p),
            or_nil(*g)
        );
    }
    let mut all = Vec::new();
    rt.for_each_g(|g| {
        let (status, why) = match g.state() {
            State::Idle => (0, ""),
            State::Runnable => (1, ""),
            State::Running => (2, ""),
            State::Syscall => (3, ""),
            State::Waiting => (4, g.wait_reason().text()),
            State::Dead => return,
        };
        let locked = g.locked_m.load(Ordering::Relaxed);
        let locked = (locked != 0).then(|| u64::from(locked) - 1);
        all.push((g.id(), status, why, locked));
    });
    all.sort_unstable();
    for (id, status, why, locked) in all {
        let m = current.iter().find(|c| c.2 == Some(id)).map(|c| c.0);
        let _ = writeln!(
            out,
            "  G{id}: status={status}({why}) m={} lockedm={}",
            or_nil(m),
            or_nil(locked)
        );
    }
}

/// A duration in seconds, without needless digits.
fn seconds(ns: i64) -> String {
    format!("{}s", ns as f64 / 1e9)
}
