//! Allocation: the heap, and the caches that make allocating cheap.
//!
//! An [`AllocCache`] belongs to one scheduler processor and is used by one thread at a
//! time. For every slot (a cell size, with or without pointers) it owns at most one
//! block and, of that block, 64 cells at a time: the free ones as a bit mask, so that
//! the next free cell is a count of trailing zeros away. Owning a group of 64 cells sets
//! all their allocation bits; [`AllocCache::flush`] clears those of the cells that were
//! not handed out. After all caches are flushed the allocation bits are therefore exact,
//! which marking relies on.
//!
//! Allocating never collects. Once enough was allocated since the last collection, the
//! flag of [`Heap::gc_wanted`] is raised and the request hook runs; the scheduler stops
//! the world when it sees fit and calls [`Heap::collect`].
//!
//! A null result means that the limit of [`Heap::set_max_bytes`] (or the system) forbids
//! more memory now. The caller should collect, try once more, and then report Go's
//! `out of memory`.
//!
//! A new object is zeroed, and a release fence stands between the zeroing and the return,
//! so that even a guest that publishes the pointer racily shows other threads zeros, not
//! what the cell held before.
#![allow(unsafe_code)]

use super::block::{
    BLOCK, BLOCK_SHIFT, BlockMeta, CLASS_SIZE, LARGE_SLOT, Large, MAX_SMALL, NSLOTS, Pages,
    RETURN_AT_ONCE, Region, class_of, kind, kind_of, put_bits, put_shape, set_kind,
};
use super::cycle::Cycle;
use super::gc::Helpers;
use super::mem;
use super::rtti::Shape;
use super::stats::GcFigures;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed,
    Ordering::Release, fence,
};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Smallest allocation between two collections.
const MIN_TRIGGER: u64 = 4 << 20;
/// With this much in use marking goes on beside the program: stopping it would take more
/// than a few milliseconds.
pub(super) const CONCURRENT_FROM: u64 = 16 << 20;
/// Objects from this size on sit on big pages where the system has them.
const HUGE_FROM: usize = 4 << 20;
/// A cache reports what it allocated in steps of this many bytes.
const REPORT_STEP: u64 = 32 << 10;

/// Whether the listener wants to know of allocations.
static LISTENING: AtomicBool = AtomicBool::new(false);
static LISTENER: OnceLock<fn(u64, u64)> = OnceLock::new();

/// Calls `f` with bytes and objects each time a cache has handed out some 32 KiB, and for
/// large objects, on the thread that allocates.
pub fn listen(f: fn(u64, u64)) {
    // There is one listener, the profile of allocations.
    LISTENER.get_or_init(|| f);
    LISTENING.store(true, Relaxed);
}

/// Two words, so that it is 16-aligned like any object.
#[repr(align(16))]
struct Zero(#[allow(dead_code, reason = "only the address matters")] [AtomicU64; 2]);
static ZERO: Zero = Zero([AtomicU64::new(0), AtomicU64::new(0)]);

/// The address of every object without bytes. Not inside the heap's region.
#[inline(always)]
pub fn zero_base() -> *mut u8 {
    (&raw const ZERO).cast_mut().cast()
}

/// A word of the side tables that others may read or write at the same time.
///
/// # Safety
/// `p` points into the side tables.
#[inline(always)]
pub(super) unsafe fn word_at<'a>(p: *mut u64) -> &'a AtomicU64 {
    // SAFETY: as the caller promises; the tables are never unmapped.
    unsafe { &*p.cast() }
}

pub(super) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Blocks of one slot that may have room.
#[derive(Default)]
pub(super) struct Room {
    /// Swept, with free cells.
    pub partial: Vec<u32>,
    /// Not looked at since the last collection; lowest address last.
    pub unswept: Vec<u32>,
}

/// A guest heap. Programs have one, [`heap`]; tests make their own.
pub struct Heap {
    pub(super) region: Region,
    /// Bytes from the base up to the first block never used.
    pub(super) top: AtomicUsize,
    pub(super) pages: Mutex<Pages>,
    pub(super) rooms: [Mutex<Room>; NSLOTS],
    pub(super) figures: Mutex<GcFigures>,
    pub(super) helpers: Helpers,
    pub(super) cycle: Cycle,
    /// Bytes and objects reported by caches: since the last collection, and before it.
    pub(super) fresh_bytes: AtomicU64,
    pub(super) old_bytes: AtomicU64,
    pub(super) mallocs: AtomicU64,
    pub(super) trigger: AtomicU64,
    /// Where a collection that began at `trigger` should have ended.
    pub(super) goal: AtomicU64,
    percent: AtomicI64,
    max_bytes: AtomicU64,
    /// `GOMEMLIMIT`: what collections try to stay below.
    soft_limit: AtomicU64,
    /// The next collection gives all free memory back.
    free_all: AtomicBool,
    gc_wanted: AtomicBool,
    hook: OnceLock<fn()>,
}

/// The process's heap. Reserved at first use; `GOGC` is read from the environment then.
#[inline]
pub fn heap() -> &'static Heap {
    static HEAP: OnceLock<&'static Heap> = OnceLock::new();
    HEAP.get_or_init(|| {
        let h = Heap::leak(0);
        if let Ok(v) = std::env::var("GOGC") {
            if v == "off" {
                h.set_gc_percent(-1);
            } else if let Ok(n) = v.parse::<i32>() {
                h.set_gc_percent(n);
            }
        }
        h
    })
}

impl Heap {
    /// Makes a heap over at most `bytes` of addresses (0: as many as sensible). It is
    /// never freed.
    pub fn leak(bytes: usize) -> &'static Heap {
        let region = Region::reserve(bytes);
        let pages = Pages::new(&region);
        Box::leak(Box::new(Heap {
            region,
            top: AtomicUsize::new(BLOCK),
            pages: Mutex::new(pages),
            rooms: std::array::from_fn(|_| Mutex::default()),
            figures: Mutex::default(),
            helpers: Helpers::new(),
            cycle: Cycle::default(),
            fresh_bytes: AtomicU64::new(0),
            old_bytes: AtomicU64::new(0),
            mallocs: AtomicU64::new(0),
            trigger: AtomicU64::new(MIN_TRIGGER),
            goal: AtomicU64::new(MIN_TRIGGER),
            percent: AtomicI64::new(100),
            max_bytes: AtomicU64::new(u64::MAX),
            soft_limit: AtomicU64::new(i64::MAX as u64),
            free_all: AtomicBool::new(false),
            gc_wanted: AtomicBool::new(false),
            hook: OnceLock::new(),
        }))
    }

    /// First address of the region (64 KiB aligned).
    #[inline(always)]
    pub fn base(&self) -> usize {
        self.region.base
    }
    /// Bytes from the base that were ever used.
    pub fn used_bytes(&self) -> usize {
        self.top.load(Relaxed)
    }
    /// Bytes of addresses reserved.
    pub fn region_bytes(&self) -> usize {
        self.region.blocks as usize * BLOCK
    }
    /// Whether a collection is due. Raised by allocation, lowered by a collection.
    #[inline(always)]
    pub fn gc_wanted(&self) -> bool {
        self.gc_wanted.load(Relaxed)
    }
    /// Sets what runs, once, on the allocating thread each time a collection becomes
    /// due. The first call wins. The hook must not allocate from this heap.
    pub fn set_gc_request_hook(&self, f: fn()) {
        let _ = self.hook.set(f);
    }
    /// Asks for a collection (`runtime.GC`, or memory is short).
    pub fn request_gc(&self) {
        if !self.gc_wanted.swap(true, Relaxed)
            && let Some(f) = self.hook.get()
        {
            f();
        }
    }
    pub(super) fn clear_wanted(&self) {
        self.gc_wanted.store(false, Relaxed);
    }
    /// `debug.SetGCPercent`: returns the old value; negative turns collections off
    /// (except when memory is short).
    pub fn set_gc_percent(&self, percent: i32) -> i32 {
        let old = self.percent.swap(i64::from(percent), Relaxed);
        let live = lock(&self.figures).live;
        self.set_trigger(live);
        old as i32
    }
    /// `debug.SetMemoryLimit`: sets the limit, if one is given, and returns the old one.
    pub fn set_memory_limit(&self, bytes: Option<u64>) -> u64 {
        let old = self.soft_limit.load(Relaxed);
        if let Some(n) = bytes {
            self.soft_limit.store(n.min(i64::MAX as u64), Relaxed);
            let live = lock(&self.figures).live;
            self.set_trigger(live);
        }
        old
    }
    /// The next collection gives all free memory back to the system.
    pub fn free_all_next(&self) {
        self.free_all.store(true, Relaxed);
    }
    pub(super) fn take_free_all(&self) -> bool {
        self.free_all.swap(false, Relaxed)
    }
    /// Most bytes of blocks in use. Beyond it allocation returns null.
    pub fn set_max_bytes(&self, bytes: usize) {
        self.max_bytes.store(bytes as u64, Relaxed);
        let mut pages = lock(&self.pages);
        let blocks = (bytes / BLOCK).min(self.region.blocks as usize - 1);
        pages.limit = blocks as u32;
        drop(pages);
        let live = lock(&self.figures).live;
        self.set_trigger(live);
    }
    /// Chooses how much may be allocated before the next collection.
    pub(super) fn set_trigger(&self, live: u64) {
        let percent = self.percent.load(Relaxed);
        let by_growth = match u64::try_from(percent) {
            // Checking wants many collections.
            Ok(p) if self.checks_marks() => {
                (MIN_TRIGGER / 16).max((live as f64 * p as f64 / 100.0) as u64)
            }
            Ok(p) => MIN_TRIGGER.max((live as f64 * p as f64 / 100.0) as u64),
            Err(_) => u64::MAX,
        };
        // Close to the limit collect more often, but not for every block.
        let left = self.max_bytes.load(Relaxed).saturating_sub(live);
        let by_limit = (left / 4 * 3).max(1 << 20);
        // A soft limit must not make a program do nothing but collect.
        let left = self.soft_limit.load(Relaxed).saturating_sub(live);
        let by_soft = (left / 4 * 3).max(1 << 20).max(live / 8);
        let goal = by_growth.min(by_limit).min(by_soft);
        self.goal.store(goal, Relaxed);
        // Marking beside the program takes a while.
        let ahead = if live >= CONCURRENT_FROM { goal / 4 } else { 0 };
        self.trigger.store(goal - ahead, Relaxed);
    }

    /// Books an allocation and raises the flag when a collection is due.
    fn report(&'static self, bytes: u64, objects: u64) {
        if LISTENING.load(Relaxed)
            && let Some(f) = LISTENER.get()
        {
            f(bytes, objects);
        }
        self.mallocs.fetch_add(objects, Relaxed);
        let n = self
            .fresh_bytes
            .fetch_add(bytes, Relaxed)
            .wrapping_add(bytes);
        if self.is_marking() {
            self.assist(n, bytes);
        } else if n >= self.trigger.load(Relaxed) && !self.gc_wanted() {
            self.request_gc();
        }
    }

    /// The object an address points into: its start and size. Exact when all caches are
    /// flushed; else cells in a cache's hands count as objects.
    pub fn find_object(&self, addr: usize) -> Option<(usize, usize)> {
        let off = addr.wrapping_sub(self.region.base);
        if off >= self.top.load(Relaxed) {
            return None;
        }
        let mut b = (off >> BLOCK_SHIFT) as u32;
        // SAFETY: a block below `top` has a record; races with owners yield stale
        // answers only.
        unsafe {
            let mut m = self.region.meta(b);
            if kind_of(m) == kind::TAIL {
                b = (*m).link;
                m = self.region.meta(b);
            }
            match kind_of(m) {
                kind::SMALL => {
                    let i = ((off & (BLOCK - 1)) as u64 * u64::from((*m).magic)) >> 32;
                    if i >= u64::from((*m).ncells) {
                        return None;
                    }
                    let word = word_at(self.region.bits(b).add(i as usize / 64 * 2)).load(Acquire);
                    let cell = (*m).cell as usize;
                    (word >> (i % 64) & 1 != 0)
                        .then(|| (self.region.addr(b) + i as usize * cell, cell))
                }
                kind::HEAD => {
                    let bytes = (*(*m).large).bytes;
                    let start = self.region.addr(b);
                    (addr - start < bytes).then_some((start, bytes))
                }
                _ => None,
            }
        }
    }

    /// Whether an address lies in an object without pointers.
    pub fn is_plain(&self, addr: usize) -> bool {
        if self.find_object(addr).is_none() {
            return false;
        }
        let mut b = ((addr - self.region.base) >> BLOCK_SHIFT) as u32;
        // SAFETY: as in `find_object`; the caller's pointer keeps the object.
        unsafe {
            let mut m = self.region.meta(b);
            if kind_of(m) == kind::TAIL {
                b = (*m).link;
                m = self.region.meta(b);
            }
            match kind_of(m) {
                kind::SMALL => (*m).slot % 2 == 1,
                kind::HEAD => (*(*m).large).ptrs.is_empty(),
                _ => false,
            }
        }
    }

    /// A block of `slot` with room, owned by the caller from now on.
    fn take_block(&self, slot: usize) -> Option<u32> {
        loop {
            let (b, swept) = {
                let mut room = lock(&self.rooms[slot]);
                match room.partial.pop() {
                    Some(b) => (b, true),
                    None => match room.unswept.pop() {
                        Some(b) => (b, false),
                        None => break,
                    },
                }
            };
            // SAFETY: the block left the lists, so it is ours alone.
            if swept || unsafe { self.sweep(b) } > 0 {
                return Some(b);
            }
        }
        let b = lock(&self.pages).take(&self.region, &self.top, 1)?;
        let cell = CLASS_SIZE[slot / 2];
        // SAFETY: a free block just taken is ours alone.
        unsafe {
            let m = self.region.meta(b);
            let bits = self.region.bits(b);
            for w in 0..(BLOCK as u32 / cell).div_ceil(64) as usize * 2 {
                *bits.add(w) = 0;
            }
            (*m).slot = slot as u8;
            (*m).noscan = slot % 2 == 1;
            (*m).live.store(0, Relaxed);
            (*m).ncells = (BLOCK as u32 / cell) as u16;
            (*m).swept = true;
            (*m).dirty = true;
            (*m).cell = cell;
            (*m).magic = (1u64 << 32).div_ceil(u64::from(cell)) as u32;
            set_kind(m, kind::SMALL);
        }
        Some(b)
    }

    /// Makes the marked cells the allocated ones, clears the marks, returns how many
    /// cells are free.
    ///
    /// # Safety
    /// The caller owns the block, which is of kind SMALL.
    pub(super) unsafe fn sweep(&self, b: u32) -> u32 {
        let m = self.region.meta(b);
        let bits = self.region.bits(b);
        // SAFETY: the owner may read and write record and bits; a block has
        // ceil(ncells / 64) pairs of words.
        unsafe {
            let n = u32::from((*m).ncells);
            let mut used = 0;
            for w in 0..(n as usize).div_ceil(64) {
                let pair = bits.add(w * 2);
                let marks = *pair.add(1);
                *pair = marks;
                *pair.add(1) = 0;
                used += marks.count_ones();
            }
            (*m).swept = true;
            n - used
        }
    }

    /// An object of its own blocks.
    #[cold]
    #[inline(never)]
    fn alloc_large(&'static self, bytes: usize, prefix: usize, shape: &Shape) -> *mut u8 {
        let n = bytes.div_ceil(BLOCK);
        if n >= self.region.blocks as usize {
            return std::ptr::null_mut();
        }
        let n = n as u32;
        let Some(first) = lock(&self.pages).take(&self.region, &self.top, n) else {
            return std::ptr::null_mut();
        };
        if bytes >= HUGE_FROM {
            self.region.advise_huge(first, first + n);
        }
        let p = self.region.addr(first) as *mut u8;
        // SAFETY: the blocks were free and are ours alone until this returns.
        unsafe {
            for b in first..first + n {
                let m = self.region.meta(b);
                if (*m).dirty {
                    let end = BLOCK.min(bytes - (b - first) as usize * BLOCK);
                    mem::zero(self.region.addr(b) as *mut u8, end);
                }
                (*m).dirty = true;
                (*m).slot = if n >= RETURN_AT_ONCE { LARGE_SLOT } else { 0 };
                (*m).noscan = shape.is_noscan();
                (*m).live.store(0, Relaxed);
                (*m).link = if b == first { n } else { first };
            }
            let m: *mut BlockMeta = self.region.meta(first);
            let ptrs = shape.ptrs.clone();
            let large = Large {
                bytes,
                prefix,
                stride: shape.size,
                ptrs,
            };
            (*m).large = Box::into_raw(Box::new(large));
            // Objects made while marking goes on count as marked.
            (*m).live.store(u8::from(self.is_marking()), Relaxed);
            set_kind(m, kind::HEAD);
            // The head is complete when a stray word leads there from a tail.
            for b in first + 1..first + n {
                set_kind(self.region.meta(b), kind::TAIL);
            }
        }
        if crate::race::on() {
            crate::race::shadow::clear(p as usize, bytes);
        }
        self.report(n as u64 * BLOCK as u64, 1);
        fence(Release);
        p
    }
}

/// A shape of at most 64 words, ready for [`AllocCache::alloc_small`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedShape {
    /// Number of the allocation slot.
    class: u16,
    noscan: bool,
    /// Bytes of the cell.
    size: u32,
    /// Pointer bits of the words.
    mask: u64,
}

impl FixedShape {
    /// None when the object has no bytes or, holding pointers, more than 64 words.
    pub fn of(shape: &Shape) -> Option<FixedShape> {
        if shape.size == 0 || shape.size > MAX_SMALL {
            return None;
        }
        let noscan = shape.is_noscan();
        let class = class_of(shape.size);
        let size = CLASS_SIZE[class];
        if !noscan && size > 512 {
            return None;
        }
        let mask = shape.ptrs.first().copied().unwrap_or(0);
        Some(FixedShape {
            class: (class * 2 + usize::from(noscan)) as u16,
            noscan,
            size,
            mask,
        })
    }
}

/// The part of a block that a cache hands out cells from.
#[derive(Clone, Copy)]
struct Slot {
    /// Free cells of the present group of 64.
    free: u64,
    /// Address of the group's first cell.
    group: *mut u8,
    /// Pointer-bit row of the block.
    row: *mut u64,
    block: u32,
    word: u32,
}

const NO_BLOCK: Slot = Slot {
    free: 0,
    group: std::ptr::null_mut(),
    row: std::ptr::null_mut(),
    block: 0,
    word: 0,
};

/// A processor's private stock of free cells. See the module text.
pub struct AllocCache {
    slots: [Slot; NSLOTS],
    heap: &'static Heap,
    bytes: u64,
    objects: u64,
}

// SAFETY: the addresses inside belong to blocks this cache owns, whichever thread uses it.
unsafe impl Send for AllocCache {}

impl Default for AllocCache {
    fn default() -> AllocCache {
        AllocCache::new()
    }
}

impl Drop for AllocCache {
    fn drop(&mut self) {
        self.flush();
    }
}

impl AllocCache {
    /// An empty cache of the process's heap.
    pub fn new() -> AllocCache {
        AllocCache::of(heap())
    }
    /// An empty cache of `heap`.
    pub fn of(heap: &'static Heap) -> AllocCache {
        AllocCache {
            slots: [NO_BLOCK; NSLOTS],
            heap,
            bytes: 0,
            objects: 0,
        }
    }
    /// The heap this cache allocates from.
    #[inline(always)]
    pub fn heap(&self) -> &'static Heap {
        self.heap
    }

    /// A zeroed object of a precomputed shape; null when there is no memory.
    #[inline(always)]
    pub fn alloc_small(&mut self, f: &FixedShape) -> *mut u8 {
        debug_assert!((f.class as usize) < NSLOTS);
        // SAFETY: only `FixedShape::of` makes these, with a class below NSLOTS.
        let s = unsafe { self.slots.get_unchecked_mut(f.class as usize) };
        let free = s.free;
        if free == 0 {
            return self.refill_small(f);
        }
        s.free = free & (free - 1);
        // SAFETY: bit i of `free` stands for the i-th cell of the group, f.size bytes
        // each, inside a block this cache owns; the row is that block's.
        unsafe {
            let p = s
                .group
                .add(free.trailing_zeros() as usize * f.size as usize);
            mem::zero_cell(p, f.size as usize);
            if !f.noscan {
                put_bits(
                    s.row,
                    (p as usize & (BLOCK - 1)) / 8,
                    f.mask,
                    f.size as usize / 8,
                );
            }
            fence(Release);
            p
        }
    }

    #[cold]
    #[inline(never)]
    fn refill_small(&mut self, f: &FixedShape) -> *mut u8 {
        if self.refill(f.class as usize) {
            self.alloc_small(f)
        } else {
            std::ptr::null_mut()
        }
    }

    /// A zeroed object of `shape`; null when there is no memory.
    pub fn alloc(&mut self, shape: &Shape) -> *mut u8 {
        self.alloc_prefixed(0, shape, 1)
    }
    /// `n` zeroed elements of `shape`; null when there is no memory.
    pub fn alloc_array(&mut self, shape: &Shape, n: usize) -> *mut u8 {
        self.alloc_prefixed(0, shape, n)
    }
    /// `bytes` zeroed bytes without pointers; null when there is no memory.
    pub fn alloc_noscan(&mut self, bytes: usize) -> *mut u8 {
        self.alloc_prefixed(0, const { &Shape::noscan(1, 1) }, bytes)
    }

    /// `prefix` pointer-free bytes (a multiple of 16) and then `n` elements of `shape`,
    /// all zeroed, in one object; null when there is no memory.
    pub fn alloc_prefixed(&mut self, prefix: usize, shape: &Shape, n: usize) -> *mut u8 {
        let Some(bytes) = shape
            .size
            .checked_mul(n)
            .and_then(|b| b.checked_add(prefix))
        else {
            return std::ptr::null_mut();
        };
        if bytes == 0 {
            return zero_base();
        }
        if bytes > MAX_SMALL {
            let p = self.heap.alloc_large(bytes, prefix, shape);
            if p.is_null() {
                self.heap.request_gc();
            }
            return p;
        }
        let noscan = shape.is_noscan();
        let class = class_of(bytes);
        let slot = class * 2 + usize::from(noscan);
        let cell = CLASS_SIZE[class] as usize;
        if self.slots[slot].free == 0 && !self.refill(slot) {
            return std::ptr::null_mut();
        }
        let s = &mut self.slots[slot];
        let i = s.free.trailing_zeros() as usize;
        s.free &= s.free - 1;
        // SAFETY: as in `alloc_small`; the cell holds at least `bytes`.
        unsafe {
            let p = s.group.add(i * cell);
            mem::zero_cell(p, cell);
            if !noscan {
                put_shape(
                    s.row,
                    (p as usize & (BLOCK - 1)) / 8,
                    cell,
                    prefix,
                    shape,
                    n,
                );
            }
            fence(Release);
            p
        }
    }

    /// Finds the slot's next group with free cells. False when there is no memory.
    #[cold]
    #[inline(never)]
    fn refill(&mut self, slot: usize) -> bool {
        let heap = self.heap;
        let cell = u64::from(CLASS_SIZE[slot / 2]);
        let ncells = BLOCK as u32 / CLASS_SIZE[slot / 2];
        let mut s = self.slots[slot];
        let mut word = s.word + 1;
        loop {
            if s.block == 0 || word >= ncells.div_ceil(64) {
                self.slots[slot] = NO_BLOCK;
                let Some(b) = heap.take_block(slot) else {
                    heap.request_gc();
                    return false;
                };
                s.block = b;
                s.row = heap.region.ptrs(b);
                word = 0;
            }
            let left = ncells - word * 64;
            let valid = if left >= 64 { !0 } else { (1u64 << left) - 1 };
            // SAFETY: word < ceil(ncells / 64), of a block this cache owns.
            let free = unsafe {
                let bits = heap.region.bits(s.block).add(word as usize * 2);
                let alloc = word_at(bits);
                let free = !alloc.load(Relaxed) & valid;
                if heap.is_marking() && free != 0 {
                    // New objects count as marked. Marked before they are allocated: a
                    // marker that follows a stray word never scans them.
                    word_at(bits.add(1)).fetch_or(free, Relaxed);
                    (*heap.region.meta(s.block)).live.store(1, Relaxed);
                }
                alloc.store(alloc.load(Relaxed) | free, Release);
                free
            };
            if free != 0 {
                let first = heap.region.addr(s.block) + word as usize * 64 * cell as usize;
                if crate::race::on() {
                    let mut left = free;
                    while left != 0 {
                        let i = left.trailing_zeros() as usize;
                        left &= left - 1;
                        crate::race::shadow::clear(first + i * cell as usize, cell as usize);
                    }
                }
                self.slots[slot] = Slot {
                    free,
                    group: first as *mut u8,
                    word,
                    ..s
                };
                self.bytes += u64::from(free.count_ones()) * cell;
                self.objects += u64::from(free.count_ones());
                if self.bytes >= REPORT_STEP {
                    heap.report(self.bytes, self.objects);
                    (self.bytes, self.objects) = (0, 0);
                }
                return true;
            }
            word += 1;
        }
    }

    /// Gives every block back. Needed before a collection, and when a processor goes.
    pub fn flush(&mut self) {
        let heap = self.heap;
        let (mut bytes, mut objects) = (self.bytes, self.objects);
        for (slot, s) in self.slots.iter_mut().enumerate() {
            if s.block == 0 {
                continue;
            }
            let unused = u64::from(s.free.count_ones());
            bytes = bytes.wrapping_sub(unused * u64::from(CLASS_SIZE[slot / 2]));
            objects = objects.wrapping_sub(unused);
            // SAFETY: the cache owns the block and the group's bits.
            unsafe {
                let bits = heap.region.bits(s.block).add(s.word as usize * 2);
                let alloc = word_at(bits);
                alloc.store(alloc.load(Relaxed) & !s.free, Relaxed);
                if heap.is_marking() {
                    word_at(bits.add(1)).fetch_and(!s.free, Relaxed);
                }
            }
            lock(&heap.rooms[slot]).partial.push(s.block);
            *s = NO_BLOCK;
        }
        (self.bytes, self.objects) = (0, 0);
        // The difference may be negative: what was reported too early.
        heap.fresh_bytes.fetch_add(bytes, Relaxed);
        heap.mallocs.fetch_add(objects, Relaxed);
    }
}

#[cfg(test)]
#[path = "alloc_tests.rs"]
mod tests;
