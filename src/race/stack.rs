//! Where things happened: calling contexts and sites, as numbers.
//!
//! A context is a node {context of the caller, return address}; a goroutine's outermost
//! frame has a root {site of the `go` statement, 0}. A site is {context, pc}. Both are made
//! once for equal contents, so the stack of any recorded access can be printed for ever
//! from a 32-bit number, and goroutines that start at the same place share their numbers.
//!
//! A frame's context is computed at the first recorded access in the activation and kept in
//! the upper half of the header word that holds the distance to the caller's frame. Calls
//! write that word anyway, so they reset it for nothing. The frame layout is the
//! interpreter's; this file knows only the two header words.
#![allow(unsafe_code)]

use super::table::Table;
use super::{FastHash, Local};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

type Shard = Mutex<HashMap<(u32, u64), u32, FastHash>>;

/// Pairs made once per content.
struct Interned {
    table: Table,
    shards: [Shard; 16],
}

impl Interned {
    fn new() -> Interned {
        Interned {
            table: Table::new(30),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
    fn get(&self, a: u32, b: u64) -> u32 {
        let mut m = self.shards[((b >> 3) as u32 ^ a) as usize % 16]
            .lock()
            .expect("interned");
        *m.entry((a, b))
            // A full table makes everything further the unknown place 0.
            .or_insert_with(|| self.table.add(u64::from(a), b).unwrap_or(0))
    }
}

static NODES: LazyLock<Interned> = LazyLock::new(Interned::new);
static SITES: LazyLock<Interned> = LazyLock::new(Interned::new);
/// Sets of locks that a goroutine holds: {the set before, site of the last acquisition and
/// whether it was for reading}.
static LOCKS: LazyLock<Interned> = LazyLock::new(Interned::new);

/// A lock held: where it was taken, and whether for reading.
pub type LockSite = (u32, bool);
const READING: u64 = 1 << 32;

/// The set of locks `before` (0: none) and one more.
pub fn lock_set(cache: &mut Cache, before: u32, (site, read): LockSite) -> u32 {
    let word = u64::from(site) | if read { READING } else { 0 };
    let e = &mut cache.locks[slot(before, word << 3) % LOCK_CACHE];
    if !(e.0 == before && e.2 == word) {
        *e = (before, LOCKS.get(before, word), word);
    }
    e.1
}

/// The locks of a set, in the order they were taken.
pub fn locks_in(mut set: u32) -> Vec<LockSite> {
    let mut out = Vec::new();
    while set != 0 {
        let (before, word) = LOCKS.table.get(set);
        out.push((word as u32, word & READING != 0));
        set = before as u32;
    }
    out.reverse();
    out
}

/// Entries of an M's cache of nodes and of sites.
const CACHE: usize = 512;
const LOCK_CACHE: usize = 32;

/// An M's memory of recent answers.
pub struct Cache {
    nodes: [(u32, u32, u64); CACHE],
    sites: [(u32, u32, u64); CACHE],
    locks: [(u32, u32, u64); LOCK_CACHE],
}

impl Default for Cache {
    fn default() -> Cache {
        Cache {
            nodes: [(0, 0, 0); CACHE],
            sites: [(0, 0, 0); CACHE],
            locks: [(0, 0, 0); LOCK_CACHE],
        }
    }
}

fn slot(a: u32, b: u64) -> usize {
    ((b >> 3) as u32 ^ a.wrapping_mul(0x9e37_79b1) >> 12) as usize % CACHE
}

/// The context of a goroutine's outermost frame.
pub fn root(go_site: u32) -> u32 {
    NODES.get(go_site, 0)
}

/// The context of the frame at `fp`.
///
/// # Safety
/// `fp` is a live frame: `fp[-1]` distance to the caller's frame (low half), `fp[-2]`
/// return address; the outermost frame's distance is 0.
unsafe fn context(cache: &mut Cache, fp: *mut u64) -> u32 {
    // SAFETY: by the caller's promise.
    unsafe {
        let known = (*fp.sub(1) >> 32) as u32;
        if known != 0 {
            return known;
        }
        let mut open = Vec::new();
        let mut at = fp;
        let mut ctx = loop {
            let head = *at.sub(1);
            if head >> 32 != 0 {
                break (head >> 32) as u32;
            }
            if head as u32 == 0 {
                let c = root(0);
                *at.sub(1) = u64::from(c) << 32;
                break c;
            }
            open.push(at);
            at = at.byte_sub(head as u32 as usize);
        };
        while let Some(f) = open.pop() {
            let ret = *f.sub(2);
            let e = &mut cache.nodes[slot(ctx, ret)];
            if !(e.0 == ctx && e.2 == ret) {
                *e = (ctx, NODES.get(ctx, ret), ret);
            }
            ctx = e.1;
            *f.sub(1) = *f.sub(1) & 0xffff_ffff | u64::from(ctx) << 32;
        }
        ctx
    }
}

/// The site of `pc` in the frame at `fp`.
///
/// # Safety
/// As [`context`].
#[inline]
unsafe fn site_at(cache: &mut Cache, pc: u64, fp: *mut u64) -> u32 {
    // SAFETY: by the caller's promise.
    let ctx = unsafe { context(cache, fp) };
    let e = &mut cache.sites[slot(ctx, pc)];
    if !(e.0 == ctx && e.2 == pc) {
        *e = (ctx, SITES.get(ctx, pc), pc);
    }
    e.1
}

/// Where the M's goroutine is now.
#[inline]
pub fn here(l: &mut Local) -> u32 {
    // SAFETY: the interpreter's own variables, which it keeps up to date before it asks.
    unsafe {
        let (pc, fp) = (*l.pc as u64, *l.fp);
        site_at(&mut l.cache, pc, fp)
    }
}

/// A code address of a stack; the innermost is where the access is, the others follow
/// their call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub pc: usize,
    pub is_return: bool,
}

/// The code address of a site.
pub fn pc_of(site: u32) -> usize {
    SITES.table.get(site).1 as usize
}

/// The stack of a site, innermost first, and the site of the `go` statement that started
/// the goroutine (0: main, or unknown).
pub fn expand(site: u32) -> (Vec<Step>, u32) {
    let (ctx, pc) = SITES.table.get(site);
    let mut out = vec![Step {
        pc: pc as usize,
        is_return: false,
    }];
    let mut at = ctx as u32;
    while at != 0 {
        let (up, ret) = NODES.table.get(at);
        if ret == 0 {
            return (out, up as u32);
        }
        out.push(Step {
            pc: ret as usize,
            is_return: true,
        });
        at = up as u32;
    }
    (out, 0)
}

/// Contexts and sites made so far.
pub fn counts() -> (u32, u32) {
    (NODES.table.len(), SITES.table.len())
}
