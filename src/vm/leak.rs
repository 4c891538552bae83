//! Goroutines that nobody can wake any more.
//!
//! A goroutine that waits on a channel or a lock goes on only if somebody else gets at that
//! object. So a collection that looks for lost goroutines marks everything else first, and
//! the stacks of waiting goroutines only once an object they wait on has been reached, until
//! nothing changes. Whoever is left waits for ever. Their stacks are marked in the end, as
//! if they were alive: they are reported, not ended.
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::goroutine::{self, Word};
use super::traceback::{self, Frame};
use super::{collect, ending};
use crate::heap::{Marker, heap};
use crate::runtime::sched::Runtime;
use crate::runtime::sched::task::{G, GRef, State};
use crate::runtime::wait_reason::WaitReason;

/// Whether only another goroutine can end this one's wait.
pub fn waits_for_others(g: &G) -> bool {
    use WaitReason as W;
    g.state() == State::Waiting
        && matches!(
            g.wait_reason(),
            W::ChanReceive
                | W::ChanSend
                | W::ChanReceiveNil
                | W::ChanSendNil
                | W::Select
                | W::SelectNoCases
                | W::Semacquire
                | W::MutexLock
                | W::RwMutexLock
                | W::RwMutexRLock
                | W::CondWait
                | W::WaitGroupWait
        )
}

fn reached(g: &G, m: &Marker) -> bool {
    if matches!(
        g.wait_reason(),
        WaitReason::ChanReceiveNil | WaitReason::ChanSendNil | WaitReason::SelectNoCases
    ) {
        return false;
    }
    let (base, len) = (heap().base(), heap().region_bytes());
    let mut yes = false;
    g.for_each_wait_obj(|a| {
        // What does not lie in the heap is a package variable.
        yes |= a != 0 && (a.wrapping_sub(base) >= len || m.is_marked(a));
    });
    yes
}

/// Who asks. What the asker's frames left on its stack wakes nobody, so of its own only the
/// object at `keep` counts.
pub struct Seeker {
    pub g: *const G,
    pub keep: u64,
    /// Not 0: goroutines with this owner count only if one without can get at them; time
    /// alone does not end what they do.
    pub among: usize,
}

impl Seeker {
    /// Asks for all lost goroutines.
    pub fn everything(g: *const G) -> Seeker {
        Seeker {
            g,
            keep: 0,
            among: 0,
        }
    }
    fn holds_back(&self, g: &G) -> bool {
        waits_for_others(g)
            || self.among != 0
                && goroutine::get(g, Word::Owner) == self.among
                && g.state() == State::Waiting
                && g.wait_reason() == WaitReason::Sleep
    }
}

/// Marks all goroutines, after all other roots, by `mark`; returns the lost ones.
pub fn mark_all(
    rt: &Runtime,
    m: &mut Marker,
    who: &Seeker,
    mark: impl Fn(&G, &mut Marker),
) -> Vec<GRef> {
    let mut waiting = Vec::new();
    m.mark_word(who.keep);
    rt.for_each_g(|g| {
        if std::ptr::eq(g, who.g) {
            // Marked last.
        } else if who.holds_back(g) {
            waiting.push(g.gref());
        } else {
            mark(g, m);
        }
    });
    loop {
        m.drain();
        let before = waiting.len();
        waiting.retain(|g| {
            let yes = reached(g, m);
            if yes {
                mark(g, m);
            }
            !yes
        });
        if waiting.len() == before {
            break;
        }
    }
    for g in &waiting {
        mark(g, m);
    }
    waiting.retain(|g| waits_for_others(g));
    // SAFETY: the running goroutine, or null.
    if let Some(g) = unsafe { who.g.as_ref() } {
        mark(g, m);
    }
    waiting
}

fn count(n: usize) -> String {
    format!("{n} goroutine{}", if n == 1 { "" } else { "s" })
}

/// Appends goroutines, those that were created and wait alike as one.
fn groups(out: &mut String, all: &[GRef], never: impl Fn(&GRef) -> bool) {
    let mut groups: Vec<(bool, Vec<GRef>)> = Vec::new();
    for g in all {
        let never = never(g);
        let same = |x: &&mut (bool, Vec<GRef>)| {
            x.0 == never
                && x.1[0].created_pc() == g.created_pc()
                && x.1[0].wait_reason() == g.wait_reason()
        };
        match groups.iter_mut().find(same) {
            Some(x) => x.1.push(*g),
            None => groups.push((never, vec![*g])),
        }
    }
    for (never, gs) in groups {
        let g = gs[0];
        let at = traceback::place(Frame {
            pc: g.created_pc(),
            is_return: false,
        })
        .map_or(String::new(), |p| {
            format!(" by {} at {}:{}", p.func, p.file, p.line)
        });
        let hope = if never {
            ", which nobody can wake any more"
        } else {
            ""
        };
        let _ = writeln!(out, "\n{} started{at}{hope}:", count(gs.len()));
        let frames = traceback::stopped_frames(&g);
        traceback::write_goroutine(out, &g, g.status_text(), &frames);
    }
}

/// What `--leaks` prints at the end: goroutines still waiting, by where they were created.
pub fn listing(rt: &Runtime, lost: &[GRef]) -> String {
    let mut all = Vec::new();
    rt.for_each_g(|g| {
        if g.state() == State::Waiting && g.id() != 1 && g.created_pc() != 0 {
            all.push(g.gref());
        }
    });
    if all.is_empty() {
        return String::new();
    }
    all.sort_by_key(|g| g.id());
    let mut out = format!("goroutine leak: {} left behind\n", count(all.len()));
    groups(&mut out, &all, |g| lost.contains(g));
    out
}

/// Goroutines that a report named already.
static NAMED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// The report on lost goroutines while others go on: each is named once, and main, which
/// may have nothing more to do, never. "" for none.
pub fn partial(rt: &Runtime, lost: &[GRef]) -> String {
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut new: Vec<GRef> = lost
        .iter()
        .filter(|g| g.created_pc() != 0 && named.insert(g.id()))
        .copied()
        .collect();
    if new.is_empty() {
        return String::new();
    }
    new.sort_by_key(|g| g.id());
    let mut out = format!(
        "==================\nWARNING: PARTIAL DEADLOCK: {} leaked\n\
         The program goes on, but nobody can wake these any more:\n",
        count(new.len())
    );
    groups(&mut out, &new, |_| false);
    out.push_str(&super::explain::waits(rt, &new));
    out.push_str("==================\n");
    out
}

/// The first look for lost goroutines; the pauses between looks double up to the last.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// A look may take this part of the time since the one before.
const SHARE: u32 = 50;

/// Looks for lost goroutines now and then and reports them, for ever.
pub fn look(rt: &Runtime) {
    let mut pause = FIRST_LOOK;
    loop {
        std::thread::sleep(pause);
        let long = (pause.as_nanos() / 2) as i64;
        pause = (pause * 2).min(LAST_PAUSE);
        let now = crate::runtime::prim::nanotime();
        let mut any = false;
        rt.for_each_g(|g| {
            any |= g.id() != 1 && waits_for_others(g) && now - g.wait_since() > long;
        });
        if !any {
            continue;
        }
        let begun = Instant::now();
        let text = collect::find_lost_outside(rt, |lost| partial(rt, lost));
        pause = pause.max(begun.elapsed() * SHARE);
        ending::eprint_all(&text);
    }
}
