//! Go's map, safe under racing guests.
//!
//! A map value is the address of a header object (0: nil map):
//!
//! | word | |
//! |---|---|
//! | 0 | number of entries |
//! | 1 | table (0: none yet) |
//! | 2 | seed of the hash |
//! | 3 | flags: 1 while a writer is at work |
//! | 4 | how often the map was cleared |
//!
//! The table is described in `table`.
//!
//! Invariants that keep racing guests harmless:
//! * A table's capacity never changes; every operation reads the table word once and
//!   takes the capacity from that table, so slot numbers are always in range of it.
//! * Growing (also getting rid of deleted slots) fills a new table and publishes it by
//!   one store. The old one stays as it was, so iterators go on reading it.
//! * Keys and elements are moved by `mem`, headers in one piece.
//!
//! A writer that finds the flag set, or finds it cleared when it ends, reports
//! [`MapFault::ConcurrentWrites`]; readers and iterators that find it set report theirs.
//! As in Go not every race is noticed; an unnoticed one loses entries at worst.
//!
//! Iteration walks the slots of the table that was current when it began, from a random
//! start. Once the map has another table, each key found is looked up in that one, which
//! gives the present element or shows that the entry is gone. Keys that do not equal
//! themselves cannot be looked up; they cannot be deleted either, except by clearing.
#![allow(unsafe_code)]

use super::alloc::{AllocCache, FixedShape};
use super::barrier::overwrite;
use super::hash::{self, Unhashable, hash_bytes, hash64, random};
use super::mem::{self, load_u64, store_u64};
use super::rtti::{Kind, Rtti, Shape};
use super::table::{
    CTRL, DELETED, GROUP, Generic, HIGH, Half, Key, LEFT, Place, Plain, Str, Table, Word,
    entries_at, find, find_place, has_empty, limit, new_table, refill, slot_of,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Release};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Offset of the entry count in the header: `len(m)` is one load.
pub const COUNT: usize = 0;
pub(super) const TABLE: usize = 8;
const SEED: usize = 16;
const FLAGS: usize = 24;
const CLEARS: usize = 32;
const WRITING: u64 = 1;

/// Why a map operation did not happen.
#[derive(Clone, Copy, Debug)]
pub enum MapFault {
    /// `fatal error: concurrent map writes`
    ConcurrentWrites,
    /// `fatal error: concurrent map read and map write`
    ConcurrentReadWrite,
    /// `fatal error: concurrent map iteration and map write`
    ConcurrentIterWrite,
    /// `panic: assignment to entry in nil map`
    NilMap,
    /// `panic: runtime error: hash of unhashable type T`
    Unhashable(&'static Rtti),
    /// `panic: hash of unhashable type: T`: Go's words when nothing had to be hashed.
    UnhashableKey(&'static Rtti),
    /// No memory, even though a collection may help.
    OutOfMemory,
}

impl From<Unhashable> for MapFault {
    fn from(u: Unhashable) -> MapFault {
        MapFault::Unhashable(u.0)
    }
}

/// How keys are hashed and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Eight plain bytes.
    Word,
    /// Four plain bytes.
    Half,
    Str,
    /// Any other size, equal when the bytes are.
    Plain,
    Generic,
}

/// What map operations need to know about a map type. One per type, never freed.
#[derive(Debug)]
pub struct MapType {
    pub key: &'static Rtti,
    pub elem: &'static Rtti,
    pub kind: KeyKind,
    /// Offset of the element in an entry.
    pub(super) elem_at: usize,
    /// Bytes per entry.
    pub(super) stride: usize,
    pub(super) entry: Shape,
    header: FixedShape,
}

impl MapType {
    /// The descriptor for a map from `key` to `elem`.
    pub fn new(key: &'static Rtti, elem: &'static Rtti) -> &'static MapType {
        let align = key.shape.align.max(elem.shape.align).max(1);
        let elem_at = key.size().next_multiple_of(elem.shape.align.max(1));
        let stride = (elem_at + elem.size()).next_multiple_of(align);
        let mut ptrs = Vec::new();
        if !(key.shape.is_noscan() && elem.shape.is_noscan()) {
            ptrs = vec![0u64; stride.div_ceil(512)];
            for w in 0..stride / 8 {
                let in_elem = w * 8 >= elem_at && elem.shape.is_ptr(w - elem_at / 8);
                if key.shape.is_ptr(w) || in_elem {
                    ptrs[w / 64] |= 1 << (w % 64);
                }
            }
        }
        let kind = match (key.kind, key.size()) {
            (Kind::String, _) => KeyKind::Str,
            (_, 8) if key.plain_bytes && key.shape.align == 8 => KeyKind::Word,
            (_, 4) if key.plain_bytes && key.shape.align == 4 => KeyKind::Half,
            _ if key.plain_bytes => KeyKind::Plain,
            _ => KeyKind::Generic,
        };
        let header = Shape {
            size: 40,
            align: 8,
            ptrs: vec![1 << (TABLE / 8)],
        };
        let header = FixedShape::of(&header).expect("small");
        let entry = Shape {
            size: stride,
            align,
            ptrs,
        };
        Box::leak(Box::new(MapType {
            key,
            elem,
            kind,
            elem_at,
            stride,
            entry,
            header,
        }))
    }

    /// The descriptor of a map type, made once per type.
    pub fn of(map: &'static Rtti) -> &'static MapType {
        static ALL: OnceLock<Mutex<HashMap<u32, &'static MapType>>> = OnceLock::new();
        let all = ALL.get_or_init(Mutex::default);
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(map.id)
            .or_insert_with(|| MapType::new(map.key(), map.elem()))
    }
}

/// Runs `$body` with `$k` bound to the key at `$p`, by the kind of `$mt`.
macro_rules! with_key {
    ($mt:expr, $m:expr, $p:expr, $k:ident => $body:expr) => {
        match $mt.kind {
            KeyKind::Word => {
                let $k = Word(mem::load_u64_any($p));
                $body
            }
            KeyKind::Half => {
                let $k = Half(mem::load_u32_any($p));
                $body
            }
            KeyKind::Str => {
                let (s, n) = mem::load128u($p);
                let $k = Str(s, n);
                $body
            }
            KeyKind::Plain => {
                let $k = Plain($p);
                $body
            }
            KeyKind::Generic => {
                let seed = if $m.is_null() {
                    0
                } else {
                    load_u64($m.add(SEED))
                };
                let $k = Generic($p, hash::hash($mt.key, $p, seed)?);
                $body
            }
        }
    };
}

/// Sets the writer flag.
#[inline(always)]
unsafe fn begin_write(m: *mut u8) -> Result<(), MapFault> {
    // SAFETY: `m` is a map header.
    unsafe {
        if load_u64(m.add(FLAGS)) & WRITING != 0 {
            return Err(MapFault::ConcurrentWrites);
        }
        store_u64(m.add(FLAGS), WRITING);
    }
    Ok(())
}

/// Clears the writer flag.
#[inline(always)]
unsafe fn end_write(m: *mut u8) -> Result<(), MapFault> {
    // SAFETY: `m` is a map header.
    unsafe {
        if load_u64(m.add(FLAGS)) & WRITING == 0 {
            return Err(MapFault::ConcurrentWrites);
        }
        store_u64(m.add(FLAGS), 0);
    }
    Ok(())
}

/// `make(map[K]V, hint)`. Null when there is no memory.
pub fn new(cache: &mut AllocCache, mt: &MapType, hint: usize) -> *mut u8 {
    let m = cache.alloc_small(&mt.header);
    if m.is_null() {
        return m;
    }
    // SAFETY: a fresh header, reachable by nobody else.
    unsafe {
        store_u64(m.add(SEED), random());
        if hint > GROUP && hint < 1 << 40 {
            // A hint too big for the memory there is counts for nothing, as in Go.
            let cap = (hint * 8 / 7 + 1).next_power_of_two();
            let t = new_table(cache, mt, cap);
            store_u64(m.add(TABLE), t.map_or(0, |t| t.at as u64));
        }
    }
    m
}

/// `len(m)`.
///
/// # Safety
/// `m` is null or a map header.
#[inline(always)]
pub unsafe fn len(m: *const u8) -> usize {
    // SAFETY: as the caller promises.
    unsafe {
        if m.is_null() {
            0
        } else {
            load_u64(m.add(COUNT)) as usize
        }
    }
}

#[inline(always)]
unsafe fn get_key<K: Key>(m: *const u8, mt: &MapType, k: K) -> Result<Option<*const u8>, MapFault> {
    if m.is_null() {
        return Ok(None);
    }
    // SAFETY: `m` is a map header of this type, by the callers' contracts.
    unsafe {
        let Some(t) = Table::of(m) else {
            return Ok(None);
        };
        if load_u64(m.add(FLAGS)) & WRITING != 0 {
            return Err(MapFault::ConcurrentReadWrite);
        }
        let h = k.hash(mt, load_u64(m.add(SEED)));
        Ok(find(t, mt, k, h).map(|i| t.entry(mt, i).add(mt.elem_at).cast_const()))
    }
}

/// The element of a key, if it is there.
///
/// # Safety
/// `m` is null or a header of a map of type `mt`; `key` is a key in memory format.
pub unsafe fn get(
    m: *const u8,
    mt: &MapType,
    key: *const u8,
) -> Result<Option<*const u8>, MapFault> {
    // SAFETY: as the caller promises.
    unsafe { (|| with_key!(mt, m, key, k => get_key(m, mt, k)))().map_err(|f| unhashable_in(f, m)) }
}

/// The fault of looking for a key: Go words it otherwise for an empty map.
#[cold]
unsafe fn unhashable_in(f: MapFault, m: *const u8) -> MapFault {
    match f {
        // SAFETY: `m` is null or a map header, by the callers' contracts.
        MapFault::Unhashable(t) if unsafe { len(m) } == 0 => MapFault::UnhashableKey(t),
        _ => f,
    }
}

/// [`get`] for keys of kind [`KeyKind::Word`].
///
/// # Safety
/// As [`get`].
#[inline]
pub unsafe fn get64(m: *const u8, mt: &MapType, key: u64) -> Result<Option<*const u8>, MapFault> {
    debug_assert_eq!(mt.kind, KeyKind::Word);
    // SAFETY: as the caller promises.
    unsafe { get_key(m, mt, Word(key)) }
}

/// [`get`] for keys of kind [`KeyKind::Half`].
///
/// # Safety
/// As [`get`].
#[inline]
pub unsafe fn get32(m: *const u8, mt: &MapType, key: u32) -> Result<Option<*const u8>, MapFault> {
    debug_assert_eq!(mt.kind, KeyKind::Half);
    // SAFETY: as the caller promises.
    unsafe { get_key(m, mt, Half(key)) }
}

/// [`get`] for keys of kind [`KeyKind::Str`].
///
/// # Safety
/// As [`get`]; the string is a guest string.
#[inline]
pub unsafe fn getstr(
    m: *const u8,
    mt: &MapType,
    ptr: *const u8,
    len: usize,
) -> Result<Option<*const u8>, MapFault> {
    debug_assert_eq!(mt.kind, KeyKind::Str);
    // SAFETY: as the caller promises.
    unsafe { get_key(m, mt, Str(ptr as u64, len as u64)) }
}

#[inline(always)]
unsafe fn assign_key<K: Key>(
    cache: &mut AllocCache,
    m: *mut u8,
    mt: &MapType,
    k: K,
) -> Result<*mut u8, MapFault> {
    if m.is_null() {
        return Err(MapFault::NilMap);
    }
    // SAFETY: `m` is a map header of this type, by the callers' contracts.
    unsafe {
        begin_write(m)?;
        let h = k.hash(mt, load_u64(m.add(SEED)));
        loop {
            let place = Table::of(m).map(|t| (t, find_place(t, mt, k, h)));
            let (t, i) = match place {
                Some((t, Place::Found(i))) => {
                    let p = t.entry(mt, i);
                    // The caller overwrites the element.
                    overwrite(p, mt.stride);
                    if K::UPDATE {
                        k.put(mt, p);
                    }
                    end_write(m)?;
                    return Ok(p.add(mt.elem_at));
                }
                Some((t, Place::Free(i, empty))) => {
                    let left = load_u64(t.at.add(LEFT));
                    if empty && left == 0 {
                        grow(cache, m, mt)?;
                        continue;
                    }
                    store_u64(t.at.add(LEFT), left - u64::from(empty));
                    (t, i)
                }
                _ => {
                    grow(cache, m, mt)?;
                    continue;
                }
            };
            let p = t.entry(mt, i);
            k.put(mt, p);
            t.set_ctrl(i, 0x80 | h & 0x7f);
            store_u64(m.add(COUNT), load_u64(m.add(COUNT)).wrapping_add(1));
            end_write(m)?;
            return Ok(p.add(mt.elem_at));
        }
    }
}

/// The place of a key's element, made (zeroed) when the key is new. To be written at
/// once: a later operation on the map may move the element.
///
/// # Safety
/// As [`get`].
pub unsafe fn assign(
    cache: &mut AllocCache,
    m: *mut u8,
    mt: &MapType,
    key: *const u8,
) -> Result<*mut u8, MapFault> {
    if m.is_null() {
        return Err(MapFault::NilMap);
    }
    // SAFETY: as the caller promises.
    unsafe { with_key!(mt, m, key, k => assign_key(cache, m, mt, k)) }
}

/// [`assign`] for keys of kind [`KeyKind::Word`].
///
/// # Safety
/// As [`get`].
#[inline]
pub unsafe fn assign64(
    cache: &mut AllocCache,
    m: *mut u8,
    mt: &MapType,
    key: u64,
) -> Result<*mut u8, MapFault> {
    debug_assert_eq!(mt.kind, KeyKind::Word);
    // SAFETY: as the caller promises.
    unsafe { assign_key(cache, m, mt, Word(key)) }
}

/// [`assign`] for keys of kind [`KeyKind::Half`].
///
/// # Safety
/// As [`get`].
#[inline]
pub unsafe fn assign32(
    cache: &mut AllocCache,
    m: *mut u8,
    mt: &MapType,
    key: u32,
) -> Result<*mut u8, MapFault> {
    debug_assert_eq!(mt.kind, KeyKind::Half);
    // SAFETY: as the caller promises.
    unsafe { assign_key(cache, m, mt, Half(key)) }
}

/// [`assign`] for keys of kind [`KeyKind::Str`].
///
/// # Safety
/// As [`getstr`].
#[inline]
pub unsafe fn assignstr(
    cache: &mut AllocCache,
    m: *mut u8,
    mt: &MapType,
    ptr: *const u8,
    len: usize,
) -> Result<*mut u8, MapFault> {
    debug_assert_eq!(mt.kind, KeyKind::Str);
    // SAFETY: as the caller promises.
    unsafe { assign_key(cache, m, mt, Str(ptr as u64, len as u64)) }
}

/// Gives the map a table with room, twice as large unless deleted slots are the problem.
/// On failure the writer flag is cleared.
#[cold]
#[inline(never)]
unsafe fn grow(cache: &mut AllocCache, m: *mut u8, mt: &MapType) -> Result<(), MapFault> {
    // SAFETY: `m` is a map header of this type; the new table is not published before
    // it is complete, and holds at least as many slots as the old one.
    unsafe {
        let old = Table::of(m);
        let cap = match old {
            None => GROUP,
            // Counted, because after a race the header's number may be wrong.
            Some(t) if t.count() < limit(t.cap) / 2 => t.cap,
            Some(t) => t.cap * 2,
        };
        let Some(t) = new_table(cache, mt, cap) else {
            store_u64(m.add(FLAGS), 0);
            return Err(MapFault::OutOfMemory);
        };
        if let Some(old) = old {
            let seed = load_u64(m.add(SEED));
            let n = match mt.kind {
                KeyKind::Word => refill(old, t, mt, |p| hash64(load_u64(p), seed)),
                KeyKind::Half => refill(old, t, mt, |p| hash64(mem::load_u32(p).into(), seed)),
                KeyKind::Str => refill(old, t, mt, |p| {
                    let (s, n) = mem::load128(p);
                    hash_bytes(s as *const u8, n as usize, seed)
                }),
                KeyKind::Plain => refill(old, t, mt, |p| hash_bytes(p, mt.key.size(), seed)),
                // Keys in a table were hashable.
                KeyKind::Generic => {
                    refill(old, t, mt, |p| hash::hash(mt.key, p, seed).unwrap_or(0))
                }
            };
            store_u64(t.at.add(LEFT), limit(cap).saturating_sub(n) as u64);
        }
        overwrite(m.add(TABLE), 8);
        (*m.add(TABLE).cast::<AtomicU64>()).store(t.at as u64, Release);
    }
    Ok(())
}

#[inline(always)]
unsafe fn delete_key<K: Key>(m: *mut u8, mt: &MapType, k: K) -> Result<(), MapFault> {
    if m.is_null() {
        return Ok(());
    }
    // SAFETY: `m` is a map header of this type, by the caller's contract.
    unsafe {
        let Some(t) = Table::of(m) else { return Ok(()) };
        begin_write(m)?;
        let h = k.hash(mt, load_u64(m.add(SEED)));
        if let Some(i) = find(t, mt, k, h) {
            overwrite(t.entry(mt, i), mt.stride);
            mem::zero(t.entry(mt, i), mt.stride);
            // Probing ends at a group with an empty slot, so one more does no harm.
            if t.cap == GROUP || has_empty(t.ctrl(i / GROUP)) {
                t.set_ctrl(i, 0);
                store_u64(t.at.add(LEFT), load_u64(t.at.add(LEFT)).wrapping_add(1));
            } else {
                t.set_ctrl(i, DELETED);
            }
            store_u64(m.add(COUNT), load_u64(m.add(COUNT)).saturating_sub(1));
        }
        end_write(m)
    }
}

/// `delete(m, key)`.
///
/// # Safety
/// As [`get`].
pub unsafe fn delete(m: *mut u8, mt: &MapType, key: *const u8) -> Result<(), MapFault> {
    // SAFETY: as the caller promises.
    unsafe {
        (|| with_key!(mt, m, key, k => delete_key(m, mt, k)))().map_err(|f| unhashable_in(f, m))
    }
}

/// `clear(m)`.
///
/// # Safety
/// As [`get`].
pub unsafe fn clear(m: *mut u8, mt: &MapType) -> Result<(), MapFault> {
    if m.is_null() {
        return Ok(());
    }
    // SAFETY: as the caller promises; everything behind the head of the table is inside
    // it.
    unsafe {
        begin_write(m)?;
        if let Some(t) = Table::of(m) {
            let bytes = entries_at(t.cap) - CTRL + t.cap * mt.stride;
            overwrite(t.at.add(CTRL), bytes);
            mem::zero(t.at.add(CTRL), bytes);
            store_u64(t.at.add(LEFT), limit(t.cap) as u64);
        }
        store_u64(m.add(COUNT), 0);
        store_u64(m.add(CLEARS), load_u64(m.add(CLEARS)).wrapping_add(1));
        end_write(m)
    }
}

/// Words of an iterator: map, table, slots visited, first slot, clears when it began.
pub const ITER_WORDS: usize = 5;

/// How the collector sees an iterator that lives in a heap object.
pub fn iter_shape() -> Shape {
    Shape {
        size: ITER_WORDS * 8,
        align: 8,
        ptrs: vec![0b11],
    }
}

/// Begins an iteration in the [`ITER_WORDS`] words at `it`.
///
/// # Safety
/// `it` is 8-aligned and writable; `m` is null or a map header.
pub unsafe fn iter_init(it: *mut u8, m: *mut u8) -> Result<(), MapFault> {
    let (mut table, mut clears) = (0, 0);
    if !m.is_null() {
        // SAFETY: `m` is a map header.
        unsafe {
            if load_u64(m.add(FLAGS)) & WRITING != 0 {
                return Err(MapFault::ConcurrentIterWrite);
            }
            clears = load_u64(m.add(CLEARS));
            table = Table::of(m).map_or(0, |t| t.at as u64);
        }
    }
    for (i, v) in [m as u64, table, 0, random() >> 32, clears]
        .into_iter()
        .enumerate()
    {
        // SAFETY: i < ITER_WORDS.
        unsafe { store_u64(it.add(i * 8), v) };
    }
    Ok(())
}

/// The map that an iterator walks (0: a nil map).
///
/// # Safety
/// `it` was set up by [`iter_init`].
pub unsafe fn iterated(it: *const u8) -> u64 {
    // SAFETY: the iterator's first word.
    unsafe { load_u64(it) }
}

/// The next entry: key and element, to be read at once.
///
/// # Safety
/// `it` was set up by [`iter_init`] with a map of type `mt` and changed by nothing else.
pub unsafe fn iter_next(
    it: *mut u8,
    mt: &MapType,
) -> Result<Option<(*const u8, *const u8)>, MapFault> {
    // SAFETY: the iterator's words are what `iter_init` wrote: a map header and a table
    // (both kept alive by the iterator). Slot numbers are taken modulo that table's
    // capacity.
    unsafe {
        let m = load_u64(it) as *mut u8;
        let Some(t) = Table::at(load_u64(it.add(8)) as *mut u8) else {
            return Ok(None);
        };
        if load_u64(m.add(FLAGS)) & WRITING != 0 {
            return Err(MapFault::ConcurrentIterWrite);
        }
        let start = load_u64(it.add(24)) as usize;
        let mut pos = load_u64(it.add(16)) as usize;
        while pos < t.cap {
            let i = start.wrapping_add(pos) & (t.cap - 1);
            let full = t.ctrl(i / GROUP) >> (i % GROUP * 8) & HIGH;
            if full == 0 {
                pos += GROUP - i % GROUP;
                continue;
            }
            let skip = slot_of(full);
            pos += skip + 1;
            if pos > t.cap {
                break; // round to where it began
            }
            if let Some(p) = present(m, mt, t, t.entry(mt, i + skip), it)? {
                store_u64(it.add(16), pos as u64);
                return Ok(Some((p, p.add(mt.elem_at))));
            }
        }
        store_u64(it.add(16), t.cap as u64);
        Ok(None)
    }
}

/// Where the entry `p` of the iterator's table `t` is now, if it still exists.
#[inline(always)]
unsafe fn present(
    m: *mut u8,
    mt: &MapType,
    t: Table,
    p: *const u8,
    it: *const u8,
) -> Result<Option<*const u8>, MapFault> {
    // SAFETY: map, table and entry of one map of type `mt`.
    unsafe {
        let Some(now) = Table::of(m).filter(|now| now.at != t.at) else {
            return Ok(Some(p));
        };
        if mt.kind == KeyKind::Generic && !hash::equal(mt.key, p, p)? {
            let same = load_u64(m.add(CLEARS)) == load_u64(it.add(32));
            return Ok(same.then_some(p));
        }
        let seed = load_u64(m.add(SEED));
        let i = with_key!(mt, m, p, k => {
            let h = k.hash(mt, seed);
            find(now, mt, k, h)
        });
        Ok(i.map(|i| now.entry(mt, i).cast_const()))
    }
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
