//! Read sets: the readers of a word that are not ordered among each other.
//!
//! A set is a chain of nodes {the set it extends, reader}; a cell's read word names the
//! newest node. Words that the same goroutines read in the same order share their sets:
//! each goroutine remembers its last steps "set A with me is set B", so a large table read
//! by everybody needs a handful of nodes.
//!
//! Entering a set drops readers that are ordered before the new one. A goroutine whose
//! steps are not used again (a hot word, re-read in ever new segments) would only make
//! garbage; then the word gets a record, which changes in place.

use super::shadow::{Now, WIDE, mask_of, seg_of, site_of};
use super::table::Table;
use super::thread::{SEG_AT, SEG_LIMIT, Thread};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// What a goroutine remembers: reading a word with set `from` in segment `seg` makes it `to`.
#[derive(Clone, Copy, Default)]
pub struct Step {
    pub from: u64,
    pub to: u64,
    pub seg: u32,
}

/// Nodes, made once per content. Word 0: the read word extended; word 1: segment, site.
struct Nodes {
    table: Table,
    known: Mutex<HashMap<(u64, u64), u32, super::FastHash>>,
}
static NODES: LazyLock<Nodes> = LazyLock::new(|| Nodes {
    table: Table::new(28),
    known: Mutex::default(),
});

impl Nodes {
    fn get(&self, on: u64, who: u64) -> Option<u32> {
        let mut known = self.known.lock().expect("read sets");
        if let Some(n) = known.get(&(on, who)) {
            return Some(*n);
        }
        let n = self.table.again().or_else(|| self.table.take(1))?;
        self.table.set(n, on, who);
        known.insert((on, who), n);
        Some(n)
    }
}

/// For the collector, with the world stopped: forgets the nodes for which `used` is false.
pub fn retain(used: &mut dyn FnMut(u32) -> bool) {
    let mut known = NODES.known.lock().expect("read sets");
    let mut free = Vec::new();
    known.retain(|_, n| {
        let keep = used(*n);
        if !keep {
            free.push(*n);
        }
        keep
    });
    NODES.table.add_free(free);
}
/// Calls `f` with every node of a set.
pub fn each_node(r: u64, f: &mut dyn FnMut(u32)) {
    let mut at = r;
    while at & WIDE != 0 {
        f(seg_of(at));
        at = NODES.table.get(seg_of(at)).0;
    }
}
/// One more than the largest node's number.
pub fn limit() -> u32 {
    NODES.table.len()
}

/// Calls `f` with segment and site of every reader.
pub fn each(r: u64, f: &mut dyn FnMut(u32, u32)) {
    let mut at = r;
    while at & WIDE != 0 {
        let (prev, who) = NODES.table.get(seg_of(at));
        f((who >> 32) as u32, who as u32);
        at = prev;
    }
    if at != 0 {
        f(seg_of(at), site_of(at));
    }
}

fn word(node: u32, mask: u8) -> Option<u64> {
    (node < SEG_LIMIT).then(|| u64::from(node) << SEG_AT | u64::from(mask) << 28 | WIDE)
}

/// Most readers in a set; more are kept in a record, which finds one of them at once.
const MOST: usize = 32;

/// Whether the goroutine is in the set `r` with its present segment, as far as it remembers.
#[inline]
pub fn inside(th: &Thread, r: u64) -> bool {
    let s = &th.steps[slot(r) % th.steps.len()];
    s.from == r && s.to == r && s.seg == th.current()
}

fn slot(r: u64) -> usize {
    (r >> SEG_AT ^ r >> 3) as usize
}

/// The read word `r` with the reader `n` added. None: better kept in a record.
pub fn enter(th: &mut Thread, r: u64, n: Now) -> Option<u64> {
    let at = slot(r) % th.steps.len();
    let s = th.steps[at];
    if s.from == r && s.seg == n.seg {
        th.reused = th.reused.saturating_add(1);
        th.met_set(s.to);
        return Some(s.to);
    }
    let mut keep = Vec::new();
    let mut readers = 0;
    let mut inside = false;
    each(r, &mut |seg, site| {
        readers += 1;
        inside |= seg == n.seg;
        if !th.knows(seg) {
            keep.push((seg, site));
        }
    });
    let new = if inside {
        r
    } else {
        if keep.len() < readers && th.made > 64 && th.reused < th.made {
            return None;
        }
        th.made += 1;
        if th.made > 4096 {
            (th.made, th.reused) = (th.made / 2, th.reused / 2);
        }
        if keep.is_empty() {
            return super::shadow::entry(n.seg, n.mask, n.site);
        }
        if keep.len() >= MOST {
            return None;
        }
        // In one order, so that sets of the same readers are the same set.
        keep.push((n.seg, n.site));
        keep.sort_unstable();
        let mut new = 0;
        for (seg, site) in keep {
            new = if new == 0 {
                super::shadow::entry(seg, n.mask, site)?
            } else {
                push(new, seg, site, n.mask)?
            };
        }
        new
    };
    th.steps[at] = Step {
        from: r,
        to: new,
        seg: n.seg,
    };
    th.met_set(new);
    Some(new)
}

fn push(on: u64, seg: u32, site: u32, mask: u8) -> Option<u64> {
    debug_assert_eq!(mask_of(on), mask);
    let node = NODES.get(on, u64::from(seg) << 32 | u64::from(site))?;
    word(node, mask)
}
