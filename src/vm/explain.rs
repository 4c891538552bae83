//! Who waits for whom: what follows the text of a deadlock. For each goroutine that can
//! never go on, what it waits for by the name the source gives it, and which goroutines
//! could get at that: those from whose stacks it can be reached.
#![allow(unsafe_code)]

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use super::{goroutine, names, traceback};
use crate::heap::{heap, mem};
use crate::runtime::sched::Runtime;
use crate::runtime::sched::task::{G, GRef};
use crate::runtime::sync::mutex::Mutex;
use crate::runtime::sync::rwmutex::RwMutex;
use crate::runtime::wait_reason::WaitReason;

/// Most goroutines (alike ones count once) that are explained.
const MOST: usize = 24;
/// Most objects looked at from one goroutine's stack; beyond that nothing is said of it.
const OBJECTS: usize = 200_000;

/// What one goroutine can reach: objects by their start.
struct Reach {
    seen: HashSet<usize>,
    whole: bool,
}

fn reach(g: &G) -> Reach {
    let mut r = Reach {
        seen: HashSet::new(),
        whole: true,
    };
    let mut open = Vec::new();
    let visit = |p: *const u64, words: usize, r: &mut Reach, open: &mut Vec<_>| {
        for i in 0..words {
            // SAFETY: words of a stopped goroutine's stack or of a live object; the world
            // is stopped.
            let w = unsafe { mem::load_u64(p.add(i).cast()) };
            if let Some((base, size)) = heap().find_object(w as usize)
                && r.seen.insert(base)
            {
                open.push((base, size));
            }
        }
    };
    if let Some((p, n)) = goroutine::stack_words(g) {
        visit(p, n, &mut r, &mut open);
    }
    while let Some((base, size)) = open.pop() {
        if r.seen.len() > OBJECTS {
            r.whole = false;
            break;
        }
        visit(base as *const u64, size / 8, &mut r, &mut open);
    }
    r
}

/// How a wait is put in words, before and after the name.
fn words(r: WaitReason) -> (&'static str, &'static str) {
    use WaitReason as W;
    match r {
        W::ChanReceive => ("waits to receive from", ""),
        W::ChanSend => ("waits to send on", ""),
        W::ChanReceiveNil => ("waits to receive from", ", which is nil"),
        W::ChanSendNil => ("waits to send on", ", which is nil"),
        W::Select => ("waits in a select for", ""),
        W::SelectNoCases => ("waits in a select without cases", ""),
        W::MutexLock | W::RwMutexLock => ("waits to lock", ""),
        W::RwMutexRLock => ("waits to read-lock", ""),
        W::CondWait => ("waits for a signal of", ""),
        W::WaitGroupWait => ("waits for", " to be done"),
        _ => ("waits for", ""),
    }
}

fn quoted(names: &[String]) -> String {
    let all: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    all.join(", ")
}

/// "goroutine 7", "goroutines 7, 8 and 9", shortened when there are many.
fn list(ids: &[u64]) -> String {
    match ids {
        [one] => format!("goroutine {one}"),
        [init @ .., last] if ids.len() <= 6 => {
            let init: Vec<String> = init.iter().map(u64::to_string).collect();
            format!("goroutines {} and {last}", init.join(", "))
        }
        _ => {
            let first: Vec<String> = ids[..5].iter().map(u64::to_string).collect();
            format!("goroutines {} and {} more", first.join(", "), ids.len() - 5)
        }
    }
}

struct Waiter {
    ids: Vec<u64>,
    reason: WaitReason,
    /// What it waits on, and the heap object each lies in.
    objects: Vec<usize>,
    what: String,
    /// It waits in the user's code, or code called from there.
    own: bool,
    reach: Reach,
    /// Goroutines that hold the lock it waits for, as far as known.
    holders: Vec<(u64, String)>,
}

fn file_line(p: &traceback::Place) -> String {
    let file = p.file.rsplit('/').next().unwrap_or(&p.file);
    format!("{file}:{}", p.line)
}

fn waiter(g: &G) -> Waiter {
    let frames = traceback::stopped_frames(g);
    let reason = g.wait_reason();
    let mut objects = Vec::new();
    g.for_each_wait_obj(|o| {
        if o != 0 && !objects.contains(&o) {
            objects.push(o);
        }
    });
    let (place, names) = names::wait(&frames, reason);
    let own = place.is_some();
    let (before, after) = words(reason);
    let mut what = before.to_string();
    if !names.is_empty() {
        let _ = write!(what, " {}", quoted(&names));
    } else if !before.ends_with("cases") {
        what.push_str(" something");
    }
    what.push_str(after);
    if let Some(p) = place {
        let _ = write!(what, " ({})", file_line(&p));
    }
    Waiter {
        ids: vec![g.id()],
        reason,
        objects,
        what,
        own,
        reach: reach(g),
        holders: Vec::new(),
    }
}

/// Who holds the locks, where the race detector knows.
fn holders(rt: &Runtime, all: &mut [Waiter]) {
    rt.for_each_g(|g| {
        let Some(th) = g.race() else { return };
        for h in &th.held {
            for w in all.iter_mut() {
                let lock = matches!(
                    w.reason,
                    WaitReason::MutexLock | WaitReason::RwMutexLock | WaitReason::RwMutexRLock
                );
                // The wait is on a word inside the lock.
                let size = if w.reason == WaitReason::MutexLock {
                    size_of::<Mutex>()
                } else {
                    size_of::<RwMutex>()
                };
                if lock && w.objects.iter().any(|o| o.wrapping_sub(h.addr) < size) {
                    let pc = crate::race::stack::pc_of(h.site);
                    let at = traceback::place(traceback::Frame {
                        pc,
                        is_return: false,
                    });
                    w.holders
                        .push((g.id(), at.map_or(String::new(), |p| file_line(&p))));
                }
            }
        }
    });
}

/// Explains why the given goroutines wait, main first. The world is stopped and the
/// allocation caches are flushed. "" if there is nothing to say.
pub fn waits(rt: &Runtime, gs: &[GRef]) -> String {
    let mut all: Vec<Waiter> = Vec::new();
    let mut seen: BTreeMap<(Vec<usize>, usize), usize> = BTreeMap::new();
    let mut sorted = gs.to_vec();
    sorted.sort_by_key(|g| g.id());
    let mut left_out = 0;
    for g in &sorted {
        let mut objects = Vec::new();
        g.for_each_wait_obj(|o| objects.push(o));
        let pc = goroutine::get(g, goroutine::Word::Pc);
        // Those that wait for the same at the same place are one.
        if let Some(i) = seen.get(&(objects.clone(), pc)) {
            all[*i].ids.push(g.id());
            continue;
        }
        if all.len() == MOST {
            left_out += 1;
            continue;
        }
        seen.insert((objects, pc), all.len());
        all.push(waiter(g));
    }
    if all.is_empty() {
        return String::new();
    }
    holders(rt, &mut all);
    let mut out = String::from("\nwho waits for whom:\n");
    for w in all.iter().filter(|w| w.own) {
        let verb = if w.ids.len() > 1 {
            w.what.replacen("waits", "wait", 1)
        } else {
            w.what.clone()
        };
        let _ = writeln!(out, "  {} {verb}{}", list(&w.ids), others(w, &all));
    }
    if left_out > 0 {
        let _ = writeln!(out, "  ... and {left_out} goroutines more");
    }
    out
}

/// What is known of those that could end a wait.
fn others(w: &Waiter, all: &[Waiter]) -> String {
    if w.reason.is_for_ever() {
        return ": nobody can end that".into();
    }
    if !w.holders.is_empty() {
        let own = |id: u64| w.ids.contains(&id);
        let parts: Vec<String> = w
            .holders
            .iter()
            .map(|(id, at)| {
                let who = if own(*id) {
                    "the same goroutine".to_string()
                } else {
                    format!("goroutine {id}")
                };
                format!("{who} holds it since {at}")
            })
            .collect();
        return format!("; {}", parts.join(", "));
    }
    let base = |o: usize| heap().find_object(o).map(|x| x.0);
    let mut ids = Vec::new();
    let mut known = true;
    let mut global = false;
    for o in &w.objects {
        let Some(b) = base(*o) else {
            global = true;
            continue;
        };
        for x in all {
            known &= x.reach.whole;
            if std::ptr::eq(x, w) || !x.reach.seen.contains(&b) {
                continue;
            }
            ids.extend(&x.ids);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let it = if w.objects.len() > 1 { "these" } else { "it" };
    match (ids.as_slice(), known, global) {
        (_, _, true) => "; it is a package variable, and nobody runs who could use it".into(),
        ([], true, _) => format!("; nobody else refers to {it}"),
        ([], false, _) => String::new(),
        ([one], true, _) => format!("; only goroutine {one} refers to {it}"),
        (ids, ..) => format!("; {} refer to {it}", list(ids)),
    }
}
