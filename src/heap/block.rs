//! The address region, its 64 KiB blocks, the size classes and the side tables.
//!
//! One big stretch of addresses is reserved once; block `b` covers
//! `base + b * 64 KiB`. Nothing is stored in front of objects. What the heap knows about
//! a block lies in three tables indexed by block number, so any address finds its record
//! by a shift:
//! * [`BlockMeta`]: what the block is used for;
//! * bits: for every 64 cells one word of allocation bits followed by one word of mark
//!   bits (side by side because marking reads both);
//! * pointer bits: one bit per 8-byte word that may hold a pointer. Valid for allocated
//!   cells of scanned blocks only; blocks of pointer-free cells have none.
//!
//! Invariants:
//! * Block 0 is never used.
//! * Outside a collection all mark bits of swept blocks are zero. A free block's bits mean
//!   nothing; who takes it clears them.
//! * A block's tables are written by whoever owns it: the allocation cache that took it,
//!   a collection (every other thread stopped), or the holder of the `Pages` lock while
//!   it is free.
//! * A free block whose `dirty` flag is clear holds only zeros.
//! * While a marker may be at work beside the program, a block leaves kind FREE by one
//!   release store ([`set_kind`]) after the rest of its record and its bits are right.
#![allow(unsafe_code)]

use super::rtti::Shape;
use std::collections::BTreeSet;
use std::sync::atomic::{
    AtomicU8, AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

/// Bytes per block, as a power of two.
pub const BLOCK_SHIFT: usize = 16;
/// Bytes per block.
pub const BLOCK: usize = 1 << BLOCK_SHIFT;
/// Largest cell; bigger objects get blocks of their own.
pub const MAX_SMALL: usize = 32 << 10;
/// Words of the bits table per block: 64 pairs (allocation, mark).
pub(super) const BITS_PER_BLOCK: usize = 128;
/// Words of the pointer-bit table per block.
pub(super) const PTRS_PER_BLOCK: usize = BLOCK / 8 / 64;
/// Blocks made accessible at a time (4 MiB).
const COMMIT_STEP: u32 = 64;
/// Address space asked for; halved until the system agrees.
const REGION: usize = 256 << 30;
const MIN_REGION: usize = 1 << 28;

/// Number of cell sizes.
pub(super) const NCLASSES: usize = 55;
/// Kinds of allocation slots: every class once with pointers, once without.
pub(super) const NSLOTS: usize = NCLASSES * 2;

/// Cell sizes: fine steps up to 2 KiB, then the sizes of which 28, 24, 20, 16, 14, ... 2
/// fill a block.
pub(super) static CLASS_SIZE: [u32; NCLASSES] = class_sizes();

const fn class_sizes() -> [u32; NCLASSES] {
    let mut t = [0; NCLASSES];
    let mut n = 0;
    let mut size = 0u32;
    while size < 2048 {
        size += match size {
            0..256 => 16,
            256..512 => 32,
            512..1024 => 64,
            _ => 128,
        };
        t[n] = size;
        n += 1;
    }
    let per_block = [28, 24, 20, 16, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let mut i = 0;
    while i < per_block.len() {
        t[n] = BLOCK as u32 / per_block[i] / 16 * 16;
        n += 1;
        i += 1;
    }
    assert!(n == NCLASSES);
    t
}

/// Class of a size, by 16-byte units.
static SIZE_CLASS: [u8; MAX_SMALL / 16 + 1] = size_classes();

const fn size_classes() -> [u8; MAX_SMALL / 16 + 1] {
    let mut t = [0; MAX_SMALL / 16 + 1];
    let sizes = class_sizes();
    let mut class = 0;
    let mut i = 0;
    while i < t.len() {
        if i * 16 > sizes[class] as usize {
            class += 1;
        }
        t[i] = class as u8;
        i += 1;
    }
    t
}

/// The class whose cells hold `bytes` (at most [`MAX_SMALL`]).
#[inline(always)]
pub(super) fn class_of(bytes: usize) -> usize {
    SIZE_CLASS[bytes.div_ceil(16)] as usize
}

/// What a block is used for.
pub(super) mod kind {
    pub const FREE: u8 = 0;
    /// Cells of one class.
    pub const SMALL: u8 = 1;
    /// First block of a large object.
    pub const HEAD: u8 = 2;
    /// Another block of a large object; `link` is the head's number.
    pub const TAIL: u8 = 3;
}

/// What the heap knows about one block. Half a cache line: marking reads one per pointer.
#[repr(C)]
pub(super) struct BlockMeta {
    pub kind: u8,
    pub slot: u8,
    pub noscan: bool,
    /// Set when something in the block is marked; for a large object this is its mark.
    pub live: AtomicU8,
    pub ncells: u16,
    pub swept: bool,
    pub dirty: bool,
    /// Bytes per cell.
    pub cell: u32,
    /// `ceil(2^32 / cell)`: `offset * magic >> 32` is the exact cell number.
    pub magic: u32,
    /// Head: number of blocks. Tail: number of the head block.
    pub link: u32,
    pub large: *mut Large,
}

const _: () = assert!(size_of::<BlockMeta>() == 32);

/// The kind of a block that somebody else may be taking into use.
///
/// # Safety
/// `m` is a record of the table.
#[inline(always)]
pub(super) unsafe fn kind_of(m: *mut BlockMeta) -> u8 {
    // SAFETY: a record of the table; racing writers use `set_kind`.
    unsafe { AtomicU8::from_ptr(&raw mut (*m).kind) }.load(Acquire)
}

/// Takes a block into use: its record and bits are complete.
///
/// # Safety
/// `m` is a record of the table whose block the caller owns.
#[inline(always)]
pub(super) unsafe fn set_kind(m: *mut BlockMeta, kind: u8) {
    // SAFETY: as the caller promises.
    unsafe { AtomicU8::from_ptr(&raw mut (*m).kind) }.store(kind, Release);
}

/// Where a large object keeps its pointers: element shapes repeated after a prefix.
pub(super) struct Large {
    /// Bytes asked for.
    pub bytes: usize,
    /// Pointer-free bytes in front (a multiple of 8).
    pub prefix: usize,
    /// Bytes per element (a multiple of 8 unless there are no pointers).
    pub stride: usize,
    pub ptrs: Vec<u64>,
}

/// The reserved addresses and the tables beside them.
pub(super) struct Region {
    pub base: usize,
    pub blocks: u32,
    pub metas: *mut BlockMeta,
    pub bits: *mut u64,
    pub ptrs: *mut u64,
}

// SAFETY: plain addresses; the module text says who may write through them when.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

/// Maps fresh zeroed memory that costs what is touched of it; None when the system refuses.
pub fn map(bytes: usize, prot: i32) -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh anonymous mapping at an address of the system's choice.
    let p = unsafe { libc::mmap(std::ptr::null_mut(), bytes, prot, flags, -1, 0) };
    (p != libc::MAP_FAILED).then_some(p as usize)
}

impl Region {
    /// Reserves at most `want` bytes (0: the default) of addresses and their tables.
    pub fn reserve(want: usize) -> Region {
        let mut bytes = if want == 0 {
            REGION
        } else {
            want.next_multiple_of(BLOCK)
        };
        loop {
            if let Some(r) = Region::try_reserve(bytes) {
                return r;
            }
            bytes /= 2;
            assert!(bytes >= MIN_REGION, "no address space for the heap");
        }
    }

    fn try_reserve(bytes: usize) -> Option<Region> {
        let blocks = bytes / BLOCK;
        let rw = libc::PROT_READ | libc::PROT_WRITE;
        // One block more, to align the base.
        let heap = map(bytes + BLOCK, libc::PROT_NONE)?;
        let meta_bytes = blocks * size_of::<BlockMeta>();
        let bits_bytes = blocks * BITS_PER_BLOCK * 8;
        let table_bytes = meta_bytes + bits_bytes + blocks * PTRS_PER_BLOCK * 8 + 4096;
        let Some(table) = map(table_bytes, rw) else {
            // SAFETY: the mapping made above, not handed out yet.
            unsafe { libc::munmap(heap as *mut libc::c_void, bytes + BLOCK) };
            return None;
        };
        let bits = (table + meta_bytes).next_multiple_of(64);
        Some(Region {
            base: heap.next_multiple_of(BLOCK),
            blocks: blocks as u32,
            metas: table as *mut BlockMeta,
            bits: bits as *mut u64,
            ptrs: (bits + bits_bytes) as *mut u64,
        })
    }

    /// The record of block `b`.
    #[inline(always)]
    pub fn meta(&self, b: u32) -> *mut BlockMeta {
        debug_assert!(b < self.blocks);
        self.metas.wrapping_add(b as usize)
    }
    /// First word of block `b` in the bits table.
    #[inline(always)]
    pub fn bits(&self, b: u32) -> *mut u64 {
        self.bits.wrapping_add(b as usize * BITS_PER_BLOCK)
    }
    /// First word of block `b` in the pointer-bit table.
    #[inline(always)]
    pub fn ptrs(&self, b: u32) -> *mut u64 {
        self.ptrs.wrapping_add(b as usize * PTRS_PER_BLOCK)
    }
    /// First address of block `b`.
    #[inline(always)]
    pub fn addr(&self, b: u32) -> usize {
        self.base + ((b as usize) << BLOCK_SHIFT)
    }

    /// Makes blocks `from..to` accessible. False when the system refuses.
    fn commit(&self, from: u32, to: u32) -> bool {
        let p = self.addr(from) as *mut libc::c_void;
        let bytes = (to - from) as usize * BLOCK;
        // SAFETY: the range lies inside the reserved region.
        unsafe { libc::mprotect(p, bytes, libc::PROT_READ | libc::PROT_WRITE) == 0 }
    }

    /// Asks for big pages under blocks `from..to`: fewer faults and fewer TLB misses in
    /// large objects. Whether the system agrees does not matter.
    pub fn advise_huge(&self, from: u32, to: u32) {
        #[cfg(target_os = "linux")]
        {
            let p = self.addr(from) as *mut libc::c_void;
            let bytes = (to - from) as usize * BLOCK;
            allow_huge_pages(true);
            // SAFETY: the range lies inside the region; the advice changes no contents.
            unsafe { libc::madvise(p, bytes, libc::MADV_HUGEPAGE) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (from, to);
    }

    /// Gives the memory of free blocks `from..to` back to the system; they read as zero.
    fn decommit(&self, from: u32, to: u32) {
        let p = self.addr(from) as *mut libc::c_void;
        let bytes = (to - from) as usize * BLOCK;
        // SAFETY: the range lies inside the committed part and nothing live is in it.
        if unsafe { libc::madvise(p, bytes, libc::MADV_DONTNEED) } == 0 {
            for b in from..to {
                let m = self.meta(b);
                // SAFETY: free blocks, owned by the holder of the page lock.
                unsafe {
                    (*m).dirty = false;
                    (*m).slot = 0;
                }
            }
        }
    }
}

/// Whether the system may put big pages where they are asked for. The command forbids it
/// when it starts, because the allocator asks for them and whole big pages would be
/// cleared for the compiler's small objects. The first large guest object allows it.
pub fn allow_huge_pages(yes: bool) {
    #[cfg(target_os = "linux")]
    // SAFETY: a setting of this process; it changes no memory.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, u64::from(!yes), 0, 0, 0);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = yes;
}

/// Free runs of blocks. All freeing happens in a collection, which rebuilds the set from
/// scratch in address order, so runs are always maximal then; in between blocks are only
/// taken.
pub(super) struct Pages {
    /// (length, first block).
    free: BTreeSet<(u32, u32)>,
    /// First block never used (or free up to the end).
    pub next: u32,
    committed: u32,
    /// Blocks in use.
    pub used: u32,
    /// Most blocks that may be in use.
    pub limit: u32,
}

/// Objects of at least this many blocks (1 MiB) go back to the system as soon as they are
/// free.
pub(super) const RETURN_AT_ONCE: u32 = 16;

impl Pages {
    pub fn new(region: &Region) -> Pages {
        let limit = region.blocks - 1;
        Pages {
            free: BTreeSet::new(),
            next: 1,
            committed: 1,
            used: 0,
            limit,
        }
    }

    /// Free blocks that hold no memory of the system's.
    pub fn released(&self, region: &Region) -> usize {
        let runs = self.free.iter().map(|&(len, start)| (start, start + len));
        let clean = |from: u32, to: u32| {
            // SAFETY: free blocks inside the table, owned by the holder of the page lock.
            (from..to)
                .filter(|&b| unsafe { !(*region.meta(b)).dirty })
                .count()
        };
        runs.chain([(self.next, self.committed.max(self.next))])
            .map(|(from, to)| clean(from, to))
            .sum()
    }

    /// Bytes made accessible so far.
    pub fn committed_bytes(&self) -> usize {
        self.committed as usize * BLOCK
    }

    /// Takes `n` neighbouring blocks, the smallest run that fits. Their records still say
    /// FREE; the caller fills them in.
    pub fn take(&mut self, region: &Region, top: &AtomicUsize, n: u32) -> Option<u32> {
        if self.used.checked_add(n)? > self.limit {
            return None;
        }
        let found = self.free.range((n, 0)..).next().copied();
        let first = match found {
            Some((len, start)) => {
                self.free.remove(&(len, start));
                if len > n {
                    self.free.insert((len - n, start + n));
                }
                start
            }
            None => {
                let start = self.next;
                let end = start.checked_add(n).filter(|&e| e <= region.blocks)?;
                if end > self.committed {
                    let to = end.next_multiple_of(COMMIT_STEP).min(region.blocks);
                    if !region.commit(self.committed, to) {
                        return None;
                    }
                    self.committed = to;
                }
                self.next = end;
                top.store(end as usize * BLOCK, Relaxed);
                start
            }
        };
        self.used += n;
        Some(first)
    }

    /// Starts rebuilding the set of free runs.
    pub fn restart(&mut self) {
        self.free.clear();
        self.used = 0;
    }

    /// Adds the maximal free run `from..to` during a rebuild.
    pub fn add_run(&mut self, from: u32, to: u32) {
        if to == self.next {
            self.next = from;
        } else {
            self.free.insert((to - from, from));
        }
    }

    /// The runs whose memory should go back to the system: those that held big objects,
    /// and the longest of the others beyond `keep` dirty blocks. (length, first block),
    /// the stretch behind all blocks in use first.
    pub fn surplus(&self, region: &Region, keep: u32) -> Vec<(u32, u32)> {
        // Blocks above `next` are the first to be reused for large runs, the last to go.
        let above = (self.committed.saturating_sub(self.next), self.next);
        let mut dirty = 0;
        let mut out = Vec::new();
        for (len, start) in std::iter::once(above).chain(self.free.iter().copied()) {
            // SAFETY: free blocks inside the table, owned by the holder of the page lock.
            let dirty_at = |b: &u32| unsafe { (*region.meta(*b)).dirty };
            let mine = (start..start + len).filter(dirty_at).count() as u32;
            dirty += mine;
            let large = len >= RETURN_AT_ONCE && held_large(region, start, start + len);
            if mine > 0 && (large || dirty > keep) {
                out.push((len, start));
                dirty -= mine;
            }
        }
        out
    }

    /// Gives the memory of a part of the run (`len`, `start`) back, from its block `at`
    /// on, unless the run was taken in the meantime. Returns how far it got; None: done.
    pub fn give_back(&self, region: &Region, (len, start): (u32, u32), at: u32) -> Option<u32> {
        let end = start + len;
        let from = if self.free.contains(&(len, start)) {
            at
        } else if end <= self.committed && end > self.next {
            at.max(self.next)
        } else {
            return None;
        };
        let to = (from + GIVE_STEP).min(end);
        if from < to {
            region.decommit(from, to);
        }
        (to < end).then_some(to)
    }
}

/// Blocks given back under one hold of the page lock (1 MiB).
const GIVE_STEP: u32 = 16;

/// Whether the run has memory of an object big enough to be returned at once (what
/// smaller ones used is kept for the next cycle by `trim`).
fn held_large(region: &Region, from: u32, to: u32) -> bool {
    // SAFETY: free blocks inside the table, owned by the holder of the page lock.
    (from..to).any(|b| unsafe { (*region.meta(b)).slot == LARGE_SLOT })
}

/// Slot number of blocks whose memory goes back as soon as they are free.
pub(super) const LARGE_SLOT: u8 = u8::MAX;

/// Writes `n <= 64` bits of `val` at bit `pos` of a pointer-bit row.
///
/// # Safety
/// Bits `pos..pos + n` lie inside the row at `row`, whose block the caller owns.
#[inline(always)]
pub(super) unsafe fn put_bits(row: *mut u64, pos: usize, val: u64, n: usize) {
    let m = if n >= 64 { !0 } else { (1 << n) - 1 };
    let (w, s) = (pos / 64, pos % 64);
    // SAFETY: `pos` and `pos + n - 1` lie inside the row, so these one or two words do.
    // One thread writes a row; a marker may read its neighbours' bits meanwhile.
    unsafe {
        let p = &*row.add(w).cast::<AtomicU64>();
        p.store(p.load(Relaxed) & !(m << s) | (val & m) << s, Relaxed);
        if s + n > 64 {
            let p = &*row.add(w + 1).cast::<AtomicU64>();
            let rest = p.load(Relaxed) & !(m >> (64 - s));
            p.store(rest | (val & m) >> (64 - s), Relaxed);
        }
    }
}

/// Sets the pointer bits of a cell of `cell` bytes at word `at` of its block: `n`
/// elements of `shape` after `prefix` pointer-free bytes, nothing behind them.
///
/// # Safety
/// The cell lies in the row's block, which the caller owns; the elements fit in it.
pub(super) unsafe fn put_shape(
    row: *mut u64,
    at: usize,
    cell: usize,
    prefix: usize,
    shape: &Shape,
    n: usize,
) {
    let end = at + cell / 8;
    let mut pos = at;
    while pos < end {
        let k = (end - pos).min(64);
        // SAFETY: pos + k <= end, inside the cell.
        unsafe { put_bits(row, pos, 0, k) };
        pos += k;
    }
    if shape.is_noscan() {
        return;
    }
    let words = shape.size / 8;
    pos = at + prefix / 8;
    if words <= 64 && 64 % words == 0 {
        // The same 64-bit pattern again and again.
        let mut pat = shape.ptrs[0];
        let mut have = words;
        while have < 64 {
            pat |= pat << have;
            have *= 2;
        }
        let end = pos + n * words;
        while pos < end {
            let k = (end - pos).min(64);
            // SAFETY: inside the elements, which fit in the cell.
            unsafe { put_bits(row, pos, pat, k) };
            pos += k;
        }
        return;
    }
    for _ in 0..n {
        for (i, &m) in shape.ptrs.iter().enumerate() {
            let k = words.saturating_sub(i * 64).min(64);
            if k > 0 {
                // SAFETY: words i*64 .. i*64+k of an element that fits in the cell.
                unsafe { put_bits(row, pos + i * 64, m, k) };
            }
        }
        pos += words;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_tight_and_ordered() {
        for w in CLASS_SIZE.windows(2) {
            assert!(w[0] < w[1], "{w:?}");
        }
        for n in 0..=MAX_SMALL {
            let c = class_of(n);
            assert!(CLASS_SIZE[c] as usize >= n && CLASS_SIZE[c].is_multiple_of(16));
            assert!(c == 0 || (CLASS_SIZE[c - 1] as usize) < n, "{n}");
        }
    }

    #[test]
    fn magic_division_is_exact() {
        for &size in &CLASS_SIZE {
            let magic = (1u64 << 32).div_ceil(u64::from(size));
            for off in 0..BLOCK as u64 {
                assert_eq!((off * magic) >> 32, off / u64::from(size));
            }
        }
    }

    #[test]
    fn pointer_bits_of_shapes() {
        let shapes = [
            Shape {
                size: 8,
                align: 8,
                ptrs: vec![1],
            },
            Shape {
                size: 16,
                align: 16,
                ptrs: vec![1],
            },
            Shape {
                size: 24,
                align: 8,
                ptrs: vec![0b101],
            },
            Shape {
                size: 48,
                align: 16,
                ptrs: vec![0b010010],
            },
            Shape {
                size: 66 * 8,
                align: 8,
                ptrs: vec![1 << 63, 0b10],
            },
        ];
        for shape in &shapes {
            for prefix in [0, 16, 48] {
                for at in [0usize, 6, 62, 130] {
                    let n = 9;
                    let cell = (prefix + n * shape.size).next_multiple_of(16) + 32;
                    let mut row = vec![!0u64; 64];
                    // SAFETY: the row is long enough for the cell.
                    unsafe { put_shape(row.as_mut_ptr(), at, cell, prefix, shape, n) };
                    for i in 0..row.len() * 64 {
                        let want = if i < at || i >= at + cell / 8 {
                            true
                        } else {
                            let byte = (i - at) * 8;
                            byte >= prefix
                                && byte < prefix + n * shape.size
                                && shape.is_ptr((byte - prefix) % shape.size / 8)
                        };
                        assert_eq!(row[i / 64] >> (i % 64) & 1 != 0, want, "{shape:?} bit {i}");
                    }
                }
            }
        }
    }
}
