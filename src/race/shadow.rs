//! Shadow memory: for every 8-byte word of the guest heap a cell of two words that says who
//! accessed it last.
//!
//! | word | bits 36.. | 28..35 | 2..27 | 1 | 0 |
//! |---|---|---|---|---|---|
//! | W | segment of the last write | bytes written | site | record | lock |
//! | R | segment of the last read | bytes read | site | set | |
//!
//! * R with its `set` bit names a read set (`sets`): several readers, none ordered before
//!   the others.
//! * W with its `record` bit is the address of a [`Record`]: a list of accesses, for words
//!   whose bytes have different histories, for atomics, and for numbers too large for a cell.
//! * 0 is "never".
//!
//! Protocol. The accesses of handlers look at the cell without a lock: if it names the
//! running goroutine's own segment there is nothing to do, because whatever races with this
//! access also races with the recorded one. Otherwise the slow half takes the cell's lock
//! bit, checks and updates both words, and gives the lock back with W. So of two racing
//! accesses the second always sees the first.
//!
//! An entry is replaced only by an access that it is ordered before (or that was just
//! reported against it) and that conflicts with everything the entry conflicts with. So
//! nothing is forgotten: if the run has a race on a word, one is reported.
#![allow(unsafe_code)]

use super::record::{Access, Record};
use super::sets;
use super::thread::{SEG_AT, SEG_LIMIT, Thread};
use super::{Local, report, stack, table};
use std::sync::atomic::{
    AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

pub const LOCK: u64 = 1;
pub const WIDE: u64 = 2;
const MASK_AT: u32 = 28;
const SITE_AT: u32 = 2;
const SITE_LIMIT: u32 = 1 << 26;
const SEG_BITS: u64 = !0 << SEG_AT;

static BASE: AtomicUsize = AtomicUsize::new(0);
static LEN: AtomicUsize = AtomicUsize::new(0);
/// Address of a word's cell minus twice the word's address.
static SHIFT: AtomicUsize = AtomicUsize::new(0);

/// Reserves the shadow of the guest heap at `base`.
pub fn reserve(base: usize, len: usize) {
    let p = table::reserve(len * 2);
    assert!(!p.is_null(), "no address space for the race detector");
    BASE.store(base, Relaxed);
    SHIFT.store((p as usize).wrapping_sub(base.wrapping_mul(2)), Relaxed);
    LEN.store(len, Relaxed);
}

/// One cell.
#[repr(C)]
pub struct Cell {
    pub w: AtomicU64,
    pub r: AtomicU64,
}

/// The cell of an address; None outside the guest heap (frames, constants).
#[inline(always)]
pub fn cell(addr: usize) -> Option<&'static Cell> {
    if addr.wrapping_sub(BASE.load(Relaxed)) >= LEN.load(Relaxed) {
        return None;
    }
    let at = ((addr & !7) << 1).wrapping_add(SHIFT.load(Relaxed));
    // SAFETY: inside the reserved shadow, which is never unmapped; all-zero bytes are cells.
    Some(unsafe { &*(at as *const Cell) })
}

/// Bytes `size` from `addr` on inside their word, as a cell's mask field.
#[inline(always)]
fn mask(addr: usize, size: usize) -> u64 {
    if size == 8 {
        0xff << MASK_AT
    } else {
        ((1u64 << size) - 1) << (addr & 7) << MASK_AT
    }
}

/// Whether a word's entry is this segment's and covers the mask.
#[inline(always)]
fn mine(entry: u64, key: u64, m: u64) -> bool {
    entry & (SEG_BITS | m | LOCK | WIDE) == key | m
}

/// Whether reading `size` bytes inside one word needs no work.
///
/// # Safety
/// `th` is the running goroutine's state.
#[inline(always)]
pub unsafe fn read_known(th: *const Thread, addr: usize, size: usize) -> bool {
    let Some(c) = cell(addr) else { return true };
    let m = mask(addr, size);
    let r = c.r.load(Relaxed);
    // SAFETY: by the caller's promise.
    let (key, sets) = unsafe { ((*th).key, (*th).last_sets) };
    mine(r, key, m)
        || ((r == sets[0] || r == sets[1]) && r & m == m)
        || mine(c.w.load(Relaxed), key, m)
}

/// Whether writing `size` bytes inside one word needs no work.
///
/// # Safety
/// As [`read_known`].
#[inline(always)]
pub unsafe fn write_known(th: *const Thread, addr: usize, size: usize) -> bool {
    let Some(c) = cell(addr) else { return true };
    // SAFETY: by the caller's promise.
    mine(c.w.load(Relaxed), unsafe { (*th).key }, mask(addr, size))
}

/// Takes the cell's lock bit; the write word without it.
#[inline]
fn lock(c: &Cell) -> u64 {
    let mut spins = 0u32;
    loop {
        let w = c.w.load(Relaxed);
        if w & LOCK == 0
            && c.w
                .compare_exchange_weak(w, w | LOCK, Acquire, Relaxed)
                .is_ok()
        {
            return w;
        }
        spins += 1;
        if spins.is_multiple_of(64) {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// Makes an entry, if the numbers fit.
#[inline]
pub fn entry(seg: u32, m: u8, site: u32) -> Option<u64> {
    (seg < SEG_LIMIT && site < SITE_LIMIT)
        .then(|| u64::from(seg) << SEG_AT | u64::from(m) << MASK_AT | u64::from(site) << SITE_AT)
}
pub fn seg_of(e: u64) -> u32 {
    (e >> SEG_AT) as u32
}
pub fn mask_of(e: u64) -> u8 {
    (e >> MASK_AT) as u8
}
pub fn site_of(e: u64) -> u32 {
    (e >> SITE_AT) as u32 & (SITE_LIMIT - 1)
}

/// An access to one word, as the slow half sees it.
#[derive(Clone, Copy)]
pub struct Now {
    pub kind: Access,
    pub mask: u8,
    pub seg: u32,
    pub site: u32,
}

/// An earlier access that the present one races with.
#[derive(Clone, Copy)]
pub struct Before {
    pub kind: Access,
    pub mask: u8,
    pub seg: u32,
    pub site: u32,
}

impl Before {
    fn of(e: u64, kind: Access) -> Before {
        Before {
            kind,
            mask: mask_of(e),
            seg: seg_of(e),
            site: site_of(e),
        }
    }
}

/// Conflicts found while a cell is locked; reported afterwards.
pub type Found = Vec<Before>;

/// A record's address in a write word.
fn record_of(w: u64) -> *mut Record {
    (w & !(LOCK | WIDE)) as *mut Record
}

/// Moves a cell's compact contents to a record.
fn widen(w: u64, r: u64) -> Box<Record> {
    let mut rec = Box::<Record>::default();
    if w != 0 {
        rec.put(Before::of(w, Access::Write));
    }
    if r & WIDE != 0 {
        sets::each(r, &mut |seg, site| {
            rec.put(Before {
                kind: Access::Read,
                mask: mask_of(r),
                seg,
                site,
            });
        });
    } else if r != 0 {
        rec.put(Before::of(r, Access::Read));
    }
    rec
}

/// Checks and records an access to `mask` bytes of the word at `addr`.
pub fn access(l: &mut Local, addr: usize, kind: Access, mask: u8) {
    let Some(c) = cell(addr) else { return };
    // SAFETY: the running goroutine's own state.
    let th = unsafe { &mut *l.thread };
    if kind == Access::Read {
        let r = c.r.load(Relaxed);
        if r & WIDE != 0 && mask & !mask_of(r) == 0 && sets::inside(th, r) {
            th.met_set(r);
            return;
        }
    }
    let site = stack::here(l);
    let seg = th.segment(&mut l.numbers);
    let now = Now {
        kind,
        mask,
        seg,
        site,
    };
    let mut found = Found::new();
    let w = lock(c);
    let r = c.r.load(Relaxed);
    let done = if w & WIDE != 0 || kind.atomic() {
        None
    } else if kind == Access::Write {
        write(th, now, w, r, &mut found)
    } else {
        read(th, now, w, r, &mut found)
    };
    let (w, r) = match done {
        Some(x) => x,
        None => {
            let rec = if w & WIDE != 0 {
                record_of(w)
            } else {
                Box::into_raw(widen(w, r))
            };
            // SAFETY: the cell's lock is held, and the record is the cell's own.
            let small = unsafe {
                (*rec).access(th, now, &mut found);
                (*rec).small()
            };
            match small {
                Some(x) => {
                    // SAFETY: made by `Box::into_raw`; the cell forgets it now.
                    drop(unsafe { Box::from_raw(rec) });
                    x
                }
                None => (rec as u64 | WIDE, 0),
            }
        }
    };
    c.r.store(r, Relaxed);
    c.w.store(w, Release);
    if !found.is_empty() {
        report::conflicts(l, addr, now, &found);
    }
}

/// A write to a cell without record: its new words, or None if they do not fit.
fn write(th: &mut Thread, n: Now, w: u64, r: u64, found: &mut Found) -> Option<(u64, u64)> {
    let mut m = n.mask;
    let old = mask_of(w);
    let own = w != 0 && seg_of(w) == n.seg;
    if own {
        m |= old;
    } else if old & !m != 0 {
        return None;
    }
    let e = entry(n.seg, m, n.site)?;
    if w != 0 && !own && !th.knows(seg_of(w)) {
        found.push(Before::of(w, Access::Write));
    }
    if r == 0 {
        return Some((e, 0));
    }
    let rm = mask_of(r);
    if rm & n.mask != 0 {
        if r & WIDE != 0 {
            sets::each(r, &mut |seg, site| {
                if seg != n.seg && !th.knows(seg) {
                    found.push(Before {
                        kind: Access::Read,
                        mask: rm,
                        seg,
                        site,
                    });
                }
            });
        } else if seg_of(r) != n.seg && !th.knows(seg_of(r)) {
            found.push(Before::of(r, Access::Read));
        }
    }
    // Reads of bytes that this write leaves alone stay.
    Some((e, if rm & !n.mask == 0 { 0 } else { r }))
}

/// A read of a cell without record.
fn read(th: &mut Thread, n: Now, w: u64, r: u64, found: &mut Found) -> Option<(u64, u64)> {
    let new = if r == 0 {
        entry(n.seg, n.mask, n.site)?
    } else if r & WIDE != 0 {
        if mask_of(r) != n.mask {
            return None;
        }
        sets::enter(th, r, n)?
    } else if seg_of(r) == n.seg {
        entry(n.seg, n.mask | mask_of(r), n.site)?
    } else if th.knows(seg_of(r)) {
        if mask_of(r) & !n.mask != 0 {
            return None;
        }
        entry(n.seg, n.mask, n.site)?
    } else if mask_of(r) == n.mask {
        sets::enter(th, r, n)?
    } else {
        return None;
    };
    if w != 0 && mask_of(w) & n.mask != 0 && seg_of(w) != n.seg && !th.knows(seg_of(w)) {
        found.push(Before::of(w, Access::Write));
    }
    Some((w, new))
}

/// Checks and records an access to `size` bytes, which may span words.
pub fn range(l: &mut Local, addr: usize, size: usize, write: bool) {
    let kind = if write { Access::Write } else { Access::Read };
    let end = addr + size;
    let mut at = addr;
    while at < end {
        let next = ((at & !7) + 8).min(end);
        // SAFETY: the running goroutine's own state.
        let known = unsafe {
            if write {
                write_known(l.thread, at, next - at)
            } else {
                read_known(l.thread, at, next - at)
            }
        };
        if !known {
            access(l, at, kind, (mask(at, next - at) >> MASK_AT) as u8);
        }
        at = next;
    }
}

/// Checks and records an access of any kind to `size` bytes.
pub fn words(l: &mut Local, addr: usize, size: usize, kind: Access) {
    let end = addr + size;
    let mut at = addr;
    while at < end {
        let next = ((at & !7) + 8).min(end);
        access(l, at, kind, (mask(at, next - at) >> MASK_AT) as u8);
        at = next;
    }
}

/// Forgets everything about fresh memory.
pub fn clear(addr: usize, size: usize) {
    let Some(first) = cell(addr) else { return };
    let n = size.div_ceil(8);
    let at = first as *const Cell as *mut Cell;
    for i in 0..n {
        // SAFETY: inside the shadow of the object; nobody else has its address yet.
        let c = unsafe { &*at.add(i) };
        let w = c.w.load(Relaxed);
        if w | c.r.load(Relaxed) == 0 {
            continue;
        }
        if w & WIDE != 0 {
            // SAFETY: the cell's own record, which it forgets now.
            drop(unsafe { Box::from_raw(record_of(w)) });
        }
        c.r.store(0, Relaxed);
        c.w.store(0, Relaxed);
    }
}

/// For the collector, with the world stopped: every cell of `size` bytes at `addr`.
pub fn each_cell(addr: usize, size: usize, f: &mut dyn FnMut(&Cell, Option<&mut Record>)) {
    let Some(first) = cell(addr) else { return };
    let at = first as *const Cell;
    for i in 0..size / 8 {
        // SAFETY: as in `clear`; the world is stopped.
        let c = unsafe { &*at.add(i) };
        let w = c.w.load(Relaxed);
        if w | c.r.load(Relaxed) == 0 {
            continue;
        }
        if w & WIDE != 0 {
            // SAFETY: the cell's own record; nobody runs.
            f(c, Some(unsafe { &mut *record_of(w) }));
        } else {
            f(c, None);
        }
    }
}
