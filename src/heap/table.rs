//! The hash table inside a map, and the kinds of keys it is searched for.
//!
//! A table is one object: its capacity (a power of two, at least 8), how many empty
//! slots may still be filled, one control byte per slot, then the entries, key before
//! element. Control bytes: 0 empty, 1 deleted, `0x80 | 7 bits of the hash` full. Eight
//! of them make a group, read as one word; probing walks groups in triangular steps,
//! which visits each exactly once, and always ends after as many steps as there are
//! groups.
//!
//! A table's capacity never changes, and whoever works on a table reads the capacity once
//! from that table; that is what keeps slot numbers in range while guests race.
#![allow(unsafe_code)]

use super::alloc::AllocCache;
use super::hash::{self, hash_bytes, hash64};
use super::map::{MapType, TABLE};
use super::mem::{self, load_u64, store_u64};
use std::sync::atomic::{AtomicU64, Ordering::Acquire};

/// Offsets in a table.
pub(super) const CAP: usize = 0;
pub(super) const LEFT: usize = 8;
pub(super) const CTRL: usize = 16;

pub(super) const GROUP: usize = 8;
const ONES: u64 = 0x0101_0101_0101_0101;
pub(super) const HIGH: u64 = 0x8080_8080_8080_8080;
pub(super) const DELETED: u64 = 1;

/// A key being looked for.
pub(super) trait Key: Copy {
    /// Whether assigning to an existing entry writes the key again (-0 over +0, or a
    /// string with other bytes behind it).
    const UPDATE: bool;
    unsafe fn hash(self, mt: &MapType, seed: u64) -> u64;
    unsafe fn is_at(self, mt: &MapType, p: *const u8) -> bool;
    unsafe fn put(self, mt: &MapType, p: *mut u8);
}

#[derive(Clone, Copy)]
pub(super) struct Word(pub u64);
#[derive(Clone, Copy)]
pub(super) struct Half(pub u32);
#[derive(Clone, Copy)]
pub(super) struct Str(pub u64, pub u64);
#[derive(Clone, Copy)]
pub(super) struct Plain(pub *const u8);
/// With its hash, because hashing can fail.
#[derive(Clone, Copy)]
pub(super) struct Generic(pub *const u8, pub u64);

impl Key for Word {
    const UPDATE: bool = false;
    #[inline(always)]
    unsafe fn hash(self, _: &MapType, seed: u64) -> u64 {
        hash64(self.0, seed)
    }
    #[inline(always)]
    unsafe fn is_at(self, _: &MapType, p: *const u8) -> bool {
        // SAFETY: an entry of the table, whose keys are 8 bytes, 8-aligned.
        unsafe { load_u64(p) == self.0 }
    }
    #[inline(always)]
    unsafe fn put(self, _: &MapType, p: *mut u8) {
        // SAFETY: as in `is_at`.
        unsafe { store_u64(p, self.0) }
    }
}

impl Key for Half {
    const UPDATE: bool = false;
    #[inline(always)]
    unsafe fn hash(self, _: &MapType, seed: u64) -> u64 {
        hash64(u64::from(self.0), seed)
    }
    #[inline(always)]
    unsafe fn is_at(self, _: &MapType, p: *const u8) -> bool {
        // SAFETY: an entry of the table, whose keys are 4 bytes, 4-aligned.
        unsafe { mem::load_u32(p) == self.0 }
    }
    #[inline(always)]
    unsafe fn put(self, _: &MapType, p: *mut u8) {
        // SAFETY: as in `is_at`.
        unsafe { mem::store_u32(p, self.0) }
    }
}

impl Key for Str {
    const UPDATE: bool = true;
    #[inline(always)]
    unsafe fn hash(self, _: &MapType, seed: u64) -> u64 {
        // SAFETY: a guest string's bytes.
        unsafe { hash_bytes(self.0 as *const u8, self.1 as usize, seed) }
    }
    #[inline(always)]
    unsafe fn is_at(self, _: &MapType, p: *const u8) -> bool {
        // SAFETY: an entry of the table, whose keys are 16-aligned string headers.
        unsafe {
            let (q, n) = mem::load128(p);
            n == self.1 && mem::eq_bytes(q as *const u8, self.0 as *const u8, n as usize)
        }
    }
    #[inline(always)]
    unsafe fn put(self, _: &MapType, p: *mut u8) {
        // SAFETY: as in `is_at`.
        unsafe { mem::store128(p, self.0, self.1) }
    }
}

impl Key for Plain {
    const UPDATE: bool = false;
    unsafe fn hash(self, mt: &MapType, seed: u64) -> u64 {
        // SAFETY: a key of the map's type.
        unsafe { hash_bytes(self.0, mt.key.size(), seed) }
    }
    unsafe fn is_at(self, mt: &MapType, p: *const u8) -> bool {
        // SAFETY: two keys of the map's type.
        unsafe { mem::eq_bytes(self.0, p, mt.key.size()) }
    }
    unsafe fn put(self, mt: &MapType, p: *mut u8) {
        // SAFETY: a key of the map's type, and room for one.
        unsafe { mem::copy(p, self.0, mt.key.size()) }
    }
}

impl Key for Generic {
    const UPDATE: bool = true;
    unsafe fn hash(self, _: &MapType, _: u64) -> u64 {
        self.1
    }
    unsafe fn is_at(self, mt: &MapType, p: *const u8) -> bool {
        // SAFETY: two keys of the map's type. Keys in a table were hashable.
        unsafe { hash::equal(mt.key, self.0, p).unwrap_or(false) }
    }
    unsafe fn put(self, mt: &MapType, p: *mut u8) {
        // SAFETY: a key of the map's type, and room for one.
        unsafe { mem::copy(p, self.0, mt.key.size()) }
    }
}

/// Most full or deleted slots in a table of `cap`. A single group may fill up.
pub(super) fn limit(cap: usize) -> usize {
    if cap == GROUP { GROUP } else { cap / 8 * 7 }
}

/// Where the entries of a table of `cap` begin.
#[inline(always)]
pub(super) fn entries_at(cap: usize) -> usize {
    (CTRL + cap + 15) & !15
}

/// A table with its capacity, read once.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub at: *mut u8,
    pub cap: usize,
}

impl Table {
    /// The table at `at`, None for 0.
    ///
    /// # Safety
    /// `at` came from a header's or an iterator's table word.
    #[inline(always)]
    pub unsafe fn at(at: *mut u8) -> Option<Table> {
        // SAFETY: a published table; its capacity never changes.
        (!at.is_null()).then(|| unsafe {
            Table {
                at,
                cap: load_u64(at.add(CAP)) as usize,
            }
        })
    }
    /// The present table of a map.
    ///
    /// # Safety
    /// `m` is a map header.
    #[inline(always)]
    pub unsafe fn of(m: *const u8) -> Option<Table> {
        // SAFETY: the header's table word is aligned. Acquire pairs with the Release in
        // `grow`: who sees the table sees its capacity.
        unsafe { Table::at((*m.add(TABLE).cast::<AtomicU64>()).load(Acquire) as *mut u8) }
    }
    #[inline(always)]
    pub fn groups(self) -> usize {
        self.cap / GROUP
    }
    /// Number of full slots.
    pub unsafe fn count(self) -> usize {
        // SAFETY: g < groups.
        (0..self.groups())
            .map(|g| unsafe { (self.ctrl(g) & HIGH).count_ones() } as usize)
            .sum()
    }
    /// Control word of group `g`.
    #[inline(always)]
    pub unsafe fn ctrl(self, g: usize) -> u64 {
        // SAFETY: g < groups.
        unsafe { load_u64(self.at.add(CTRL + g * GROUP)) }
    }
    #[inline(always)]
    pub unsafe fn entry(self, mt: &MapType, i: usize) -> *mut u8 {
        // SAFETY: i < cap.
        unsafe { self.at.add(entries_at(self.cap) + i * mt.stride) }
    }
    /// Sets the control byte of slot `i`.
    #[inline(always)]
    pub unsafe fn set_ctrl(self, i: usize, v: u64) {
        let s = i % GROUP * 8;
        // SAFETY: i < cap.
        unsafe {
            let p = self.at.add(CTRL + i / GROUP * GROUP);
            store_u64(p, load_u64(p) & !(0xff << s) | v << s);
        }
    }
}

#[inline(always)]
pub(super) fn has_empty(w: u64) -> bool {
    !(w | w << 7) & HIGH != 0
}

/// Slots of a group whose byte may be `full` (a wrong hit is always another full slot).
#[inline(always)]
pub(super) fn matches(w: u64, full: u64) -> u64 {
    let x = w ^ (ONES * full);
    x.wrapping_sub(ONES) & !x & HIGH
}

#[inline(always)]
pub(super) fn slot_of(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}

/// Where a key is, or where it could go.
pub(super) enum Place {
    Found(usize),
    /// A slot that is empty or deleted; whether it is empty.
    Free(usize, bool),
    Full,
}

/// Looks for a key with hash `h`.
#[inline(always)]
pub(super) unsafe fn find<K: Key>(t: Table, mt: &MapType, k: K, h: u64) -> Option<usize> {
    let g = (h >> 7) as usize & (t.groups() - 1);
    // Nearly every key is in the first group, or a gap there says it is nowhere.
    // SAFETY: the group number is below the number of groups, so its slots are inside
    // the table.
    unsafe {
        let w = t.ctrl(g);
        let mut hits = matches(w, 0x80 | h & 0x7f);
        while hits != 0 {
            let i = g * GROUP + slot_of(hits);
            if k.is_at(mt, t.entry(mt, i)) {
                return Some(i);
            }
            hits &= hits - 1;
        }
        if has_empty(w) {
            None
        } else {
            find_further(t, mt, k, h)
        }
    }
}

/// [`find`] beyond the first group.
#[cold]
#[inline(never)]
pub(super) unsafe fn find_further<K: Key>(t: Table, mt: &MapType, k: K, h: u64) -> Option<usize> {
    let mask = t.groups() - 1;
    let mut g = (h >> 7) as usize & mask;
    for step in 1..=mask {
        g = (g + step) & mask;
        // SAFETY: g <= mask, as in `find`.
        unsafe {
            let w = t.ctrl(g);
            let mut hits = matches(w, 0x80 | h & 0x7f);
            while hits != 0 {
                let i = g * GROUP + slot_of(hits);
                if k.is_at(mt, t.entry(mt, i)) {
                    return Some(i);
                }
                hits &= hits - 1;
            }
            if has_empty(w) {
                return None;
            }
        }
    }
    None
}

/// Looks for a key with hash `h` or else a place for it.
#[inline(always)]
pub(super) unsafe fn find_place<K: Key>(t: Table, mt: &MapType, k: K, h: u64) -> Place {
    let mask = t.groups() - 1;
    let full = 0x80 | h & 0x7f;
    let mut g = (h >> 7) as usize & mask;
    let mut free = Place::Full;
    for step in 1..=mask + 1 {
        // SAFETY: as in `find`.
        unsafe {
            let w = t.ctrl(g);
            let mut hits = matches(w, full);
            while hits != 0 {
                let i = g * GROUP + slot_of(hits);
                if k.is_at(mt, t.entry(mt, i)) {
                    return Place::Found(i);
                }
                hits &= hits - 1;
            }
            let open = !w & HIGH;
            if open != 0 && matches!(free, Place::Full) {
                let s = slot_of(open);
                free = Place::Free(g * GROUP + s, w >> (s * 8) & 0xff == 0);
            }
            if has_empty(w) {
                return free;
            }
        }
        g = (g + step) & mask;
    }
    free
}

pub(super) fn new_table(cache: &mut AllocCache, mt: &MapType, cap: usize) -> Option<Table> {
    let at = cache.alloc_prefixed(entries_at(cap), &mt.entry, cap);
    if at.is_null() {
        return None;
    }
    // SAFETY: a fresh object with room for the head.
    unsafe {
        store_u64(at.add(CAP), cap as u64);
        store_u64(at.add(LEFT), limit(cap) as u64);
    }
    Some(Table { at, cap })
}

/// Copies the entries of `old` into the empty table `t`, which is at least as large.
/// Returns how many.
#[inline(always)]
pub(super) unsafe fn refill(
    old: Table,
    t: Table,
    mt: &MapType,
    hash: impl Fn(*const u8) -> u64,
) -> usize {
    let mask = t.groups() - 1;
    let mut n = 0;
    for og in 0..old.groups() {
        // SAFETY: groups and slots inside their tables. Each slot of `old` is copied at
        // most once, so `t` has an open slot for each and the probing ends.
        unsafe {
            let mut full = old.ctrl(og) & HIGH;
            while full != 0 {
                let from = old.entry(mt, og * GROUP + slot_of(full));
                full &= full - 1;
                let h = hash(from);
                let mut g = (h >> 7) as usize & mask;
                let mut step = 1;
                let open = loop {
                    let open = !t.ctrl(g) & HIGH;
                    if open != 0 {
                        break open;
                    }
                    g = (g + step) & mask;
                    step += 1;
                };
                let i = g * GROUP + slot_of(open);
                mem::copy(t.entry(mt, i), from, mt.stride);
                t.set_ctrl(i, 0x80 | h & 0x7f);
                n += 1;
            }
        }
    }
    n
}
