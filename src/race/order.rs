//! Lock order: warns of locks that different goroutines take in different orders, without
//! waiting for the day they meet.
//!
//! An edge a -> b says that somebody waited for b while holding a. A cycle of edges by at
//! least two goroutines, with no lock held around all of them, can become a deadlock. Locks
//! got by trying cannot be waited for and make no edge.

use super::report;
use super::thread::{Held, Thread};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Longest cycle looked for.
const LONGEST: usize = 6;

#[derive(Clone)]
struct Edge {
    to: usize,
    /// Where a was taken, and where b was.
    sites: (u32, u32),
    goroutine: u32,
    /// Other locks held then.
    around: Vec<usize>,
    /// Both were taken for reading.
    reads: bool,
}

static EDGES: Mutex<Option<HashMap<usize, Vec<Edge>>>> = Mutex::new(None);

/// The goroutine, holding what it holds, got `new` by waiting.
pub fn taken(th: &mut Thread, new: Held) {
    if th.held.is_empty() {
        return;
    }
    let mut found = Vec::new();
    {
        let mut all = EDGES.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_default();
        for h in &th.held {
            if h.addr == new.addr {
                continue;
            }
            let list = all.entry(h.addr).or_default();
            if list
                .iter()
                .any(|e| e.to == new.addr && e.goroutine == th.id)
            {
                continue;
            }
            // A few goroutines say as much about a pair as many.
            if list.iter().filter(|e| e.to == new.addr).count() >= 4 {
                continue;
            }
            let edge = Edge {
                to: new.addr,
                sites: (h.site, new.site),
                goroutine: th.id,
                around: th
                    .held
                    .iter()
                    .map(|o| o.addr)
                    .filter(|a| *a != h.addr)
                    .collect(),
                reads: h.read && new.read,
            };
            list.push(edge.clone());
            let mut path = vec![edge];
            if cycle(all, h.addr, &mut path) {
                found.push(path);
            }
        }
    }
    for path in found {
        let steps: Vec<_> = path.iter().map(|e| (e.goroutine, e.sites)).collect();
        report::lock_cycle(&steps);
    }
}

/// Extends `path` to a dangerous cycle back to `start`.
fn cycle(all: &HashMap<usize, Vec<Edge>>, start: usize, path: &mut Vec<Edge>) -> bool {
    let at = path[path.len() - 1].to;
    if at == start {
        let others = path.iter().any(|e| e.goroutine != path[0].goroutine);
        let gate = path[0]
            .around
            .iter()
            .any(|a| path.iter().all(|e| e.around.contains(a)));
        return others && !gate && !path.iter().all(|e| e.reads);
    }
    if path.len() == LONGEST {
        return false;
    }
    for e in all.get(&at).map_or(&[][..], Vec::as_slice) {
        if path.iter().any(|p| p.to == e.to && p.to != start) {
            continue;
        }
        path.push(e.clone());
        if cycle(all, start, path) {
            return true;
        }
        path.pop();
    }
    false
}

/// For the collector: forgets locks that are gone.
pub fn forget(dead: &dyn Fn(usize) -> bool) {
    if let Some(all) = EDGES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_mut()
    {
        all.retain(|a, list| {
            list.retain(|e| !dead(e.to));
            !dead(*a)
        });
    }
}
