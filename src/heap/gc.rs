//! The collector: parallel marking with the world stopped, then freeing.
//!
//! [`Heap::collect`] runs in four steps, every other guest thread stopped and every
//! allocation cache flushed:
//! 1. Blocks not swept since the last collection are swept, so that allocation bits are
//!    exact and all marks are clear.
//! 2. The caller's `roots` function feeds words and ranges to a [`Marker`]; what they
//!    point into is marked, transitively. Any word may be fed: it counts when it points
//!    into an allocated cell or large object, interior addresses included. Heap objects
//!    are scanned by their pointer bits.
//! 3. Blocks without any mark are freed; the rest are queued for lazy sweeping, which
//!    makes the marks the new allocation bits when an allocation cache takes the block.
//! 4. Free runs of blocks are rebuilt, surplus memory goes back to the system, the next
//!    collection's threshold is set.
//!
//! Marking keeps explicit stacks of objects still to scan, no recursion. A marker with
//! work gives half its stack to a shared pool whenever another marker is hungry. Helper
//! threads live for ever: they wait for packets in the pool. Marking has ended when the
//! pool is empty and all helpers wait. A short queue between the stack and the scan gives
//! prefetched objects time to arrive.
//!
//! Concurrent marking, later: guest stores of pointers all go through the VM's store
//! handlers. A deletion barrier would there feed the overwritten word to a per-processor
//! buffer while a global "marking" flag is up (what [`Marker::mark_word`] accepts is
//! exactly what such a buffer holds), and new cells would be born marked: `refill` in
//! `alloc` would set the mark bits of the groups it takes along with the allocation
//! bits. Pointer-bit rows would need atomic updates (`put_bits`), nothing else here.
#![allow(unsafe_code)]

use super::alloc::{Heap, lock};
use super::block::{BLOCK, BLOCK_SHIFT, kind};
use super::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, Once, PoisonError};
use std::time::Instant;

/// Below this many live bytes helpers cost more than they bring.
const PARALLEL_FROM: u64 = 8 << 20;
/// Most threads that mark.
const MAX_MARKERS: usize = 4;
/// Free memory kept for the next cycle beyond its allowance, in blocks (4 MiB).
const KEEP: u32 = 64;

/// The pool that markers share, and the count of waiting helpers.
#[derive(Default)]
struct Pool {
    packets: Vec<Vec<usize>>,
    /// Helpers that wait.
    waiting: usize,
    /// 1 while the collecting thread waits.
    main: usize,
}

/// The persistent marking threads of a heap.
pub(super) struct Helpers {
    pool: Mutex<Pool>,
    changed: Condvar,
    /// Markers that wait for work: a hint read without the lock.
    hungry: AtomicUsize,
    count: AtomicUsize,
    started: Once,
    /// What helpers marked in this collection.
    live_bytes: AtomicU64,
    live_objects: AtomicU64,
    /// Serialises collections.
    collecting: Mutex<()>,
}

impl Helpers {
    pub fn new() -> Helpers {
        Helpers {
            pool: Mutex::default(),
            changed: Condvar::new(),
            hungry: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            started: Once::new(),
            live_bytes: AtomicU64::new(0),
            live_objects: AtomicU64::new(0),
            collecting: Mutex::new(()),
        }
    }

    /// Starts the threads once; returns how many there are.
    fn start(&self, heap: &'static Heap) -> usize {
        self.started.call_once(|| {
            let cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
            let want = cpus.min(MAX_MARKERS) - 1;
            let mut n = 0;
            for i in 0..want {
                let t = std::thread::Builder::new().name(format!("gc-{i}"));
                if t.spawn(move || helper(heap)).is_ok() {
                    n += 1;
                }
            }
            // A helper counts as waiting before it first runs, so an early end of
            // marking need not wait for it to start.
            lock(&self.pool).waiting += n;
            self.hungry.store(n, Relaxed);
            self.count.store(n, Relaxed);
        });
        self.count.load(Relaxed)
    }
}

/// A helper's whole life: wait for a packet, mark from it, wait again.
fn helper(heap: &'static Heap) {
    let h = &heap.helpers;
    let mut marker = Marker::new(heap, true);
    loop {
        let mut pool = lock(&h.pool);
        marker.stack = loop {
            if let Some(p) = pool.packets.pop() {
                break p;
            }
            pool = h.changed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        };
        pool.waiting -= 1;
        h.hungry.store(pool.waiting + pool.main, Relaxed);
        drop(pool);
        marker.top = heap.top.load(Relaxed);
        marker.drain_own();
        h.live_bytes
            .fetch_add(std::mem::take(&mut marker.live_bytes), Relaxed);
        h.live_objects
            .fetch_add(std::mem::take(&mut marker.live_objects), Relaxed);
        let mut pool = lock(&h.pool);
        pool.waiting += 1;
        h.hungry.store(pool.waiting + pool.main, Relaxed);
        drop(pool);
        // The collecting thread may be waiting for the last helper.
        h.changed.notify_all();
    }
}

/// Set in a stack entry that stands for one block of a large object.
const BLOCK_OF_LARGE: usize = 1;
/// Objects on their way into the cache.
const AHEAD: usize = 8;

/// Marks objects. See the module text.
pub struct Marker {
    heap: &'static Heap,
    base: usize,
    top: usize,
    /// Cell addresses, or block addresses tagged [`BLOCK_OF_LARGE`].
    stack: Vec<usize>,
    parallel: bool,
    scans: u32,
    live_bytes: u64,
    live_objects: u64,
}

impl Marker {
    fn new(heap: &'static Heap, parallel: bool) -> Marker {
        Marker {
            heap,
            base: heap.region.base,
            top: heap.top.load(Relaxed),
            stack: Vec::new(),
            parallel,
            scans: 0,
            live_bytes: 0,
            live_objects: 0,
        }
    }

    /// Marks whatever the words `ptr[0..words]` point into (goroutine stacks, globals).
    ///
    /// # Safety
    /// The words are readable and nobody writes them meanwhile except atomically.
    pub unsafe fn mark_range(&mut self, ptr: *const u64, words: usize) {
        for i in 0..words {
            // SAFETY: inside the range the caller gives; u64 pointers are 8-aligned.
            let w = unsafe { mem::load_u64(ptr.add(i).cast()) };
            self.mark_word(w);
        }
        if self.parallel {
            self.share();
        }
    }

    /// Marks what `w` points into, if anything. Any value is allowed.
    #[inline]
    pub fn mark_word(&mut self, w: u64) {
        let off = (w as usize).wrapping_sub(self.base);
        if off >= self.top {
            return;
        }
        let b = (off >> BLOCK_SHIFT) as u32;
        // SAFETY: blocks below `top` have records, which only this collection changes
        // now (`live` atomically); cell number < ncells has its bits in the block's row.
        unsafe {
            let m = self.heap.region.meta(b);
            if (*m).kind != kind::SMALL {
                if (*m).kind != kind::FREE {
                    self.mark_large(b, w as usize);
                }
                return;
            }
            let i = (((off & (BLOCK - 1)) as u64 * u64::from((*m).magic)) >> 32) as usize;
            if i >= (*m).ncells as usize {
                return;
            }
            let pair = self.heap.region.bits(b).add(i / 64 * 2);
            let bit = 1u64 << (i % 64);
            if *pair & bit == 0 {
                return;
            }
            let marks = &*pair.add(1).cast::<AtomicU64>();
            let old = marks.load(Relaxed);
            if old & bit != 0 {
                return;
            }
            if !self.parallel {
                marks.store(old | bit, Relaxed);
            } else if marks.fetch_or(bit, Relaxed) & bit != 0 {
                return;
            }
            if (*m).live.load(Relaxed) == 0 {
                (*m).live.store(1, Relaxed);
            }
            self.live_bytes += u64::from((*m).cell);
            self.live_objects += 1;
            if !(*m).noscan {
                let start = (off & !(BLOCK - 1)) + i * (*m).cell as usize;
                self.stack.push(self.base + start);
            }
        }
    }

    /// Marks the large object with block `b`, if `addr` is inside it.
    ///
    /// # Safety
    /// The block is a HEAD or a TAIL.
    #[cold]
    unsafe fn mark_large(&mut self, b: u32, addr: usize) {
        // SAFETY: a tail links to its head, whose `large` lives as long as the object.
        unsafe {
            let mut head = b;
            let mut m = self.heap.region.meta(b);
            if (*m).kind == kind::TAIL {
                head = (*m).link;
                m = self.heap.region.meta(head);
            }
            let start = self.heap.region.addr(head);
            if addr - start >= (*(*m).large).bytes || (*m).live.swap(1, Relaxed) != 0 {
                return;
            }
            self.live_bytes += u64::from((*m).link) * BLOCK as u64;
            self.live_objects += 1;
            if !(*m).noscan {
                let blocks = 0..(*m).link as usize;
                self.stack
                    .extend(blocks.map(|k| (start + k * BLOCK) | BLOCK_OF_LARGE));
            }
        }
    }

    /// Whether the object that `addr` points into is marked. With [`Marker::drain`] it
    /// answers which blocked goroutines are out of everybody's reach.
    pub fn is_marked(&self, addr: usize) -> bool {
        let off = addr.wrapping_sub(self.base);
        if off >= self.top {
            return false;
        }
        let b = (off >> BLOCK_SHIFT) as u32;
        // SAFETY: as in `mark_word`.
        unsafe {
            let m = self.heap.region.meta(b);
            match (*m).kind {
                kind::SMALL => {
                    let i = (((off & (BLOCK - 1)) as u64 * u64::from((*m).magic)) >> 32) as usize;
                    let pair = self.heap.region.bits(b).add(i / 64 * 2 + 1);
                    i < (*m).ncells as usize
                        && (*pair.cast::<AtomicU64>()).load(Relaxed) >> (i % 64) & 1 != 0
                }
                kind::HEAD => (*m).live.load(Relaxed) != 0,
                kind::TAIL => (*self.heap.region.meta((*m).link)).live.load(Relaxed) != 0,
                _ => false,
            }
        }
    }

    /// Marks everything reachable from what was marked so far, with the helpers' help.
    pub fn drain(&mut self) {
        self.drain_own();
        if !self.parallel {
            return;
        }
        let h = &self.heap.helpers;
        let all = h.count.load(Relaxed);
        let mut pool = lock(&h.pool);
        loop {
            if let Some(p) = pool.packets.pop() {
                drop(pool);
                self.stack = p;
                self.drain_own();
                pool = lock(&h.pool);
            } else if pool.waiting == all {
                return;
            } else {
                // Helpers work: ask them to share.
                pool.main = 1;
                h.hungry.store(pool.waiting + 1, Relaxed);
                pool = h.changed.wait(pool).unwrap_or_else(PoisonError::into_inner);
                pool.main = 0;
                h.hungry.store(pool.waiting, Relaxed);
            }
        }
    }

    /// Scans until the own stack is empty.
    fn drain_own(&mut self) {
        let mut queue = [0usize; AHEAD];
        let (mut first, mut len) = (0, 0);
        loop {
            let cur;
            if let Some(x) = self.stack.pop() {
                prefetch(x);
                if len < AHEAD {
                    queue[(first + len) % AHEAD] = x;
                    len += 1;
                    continue;
                }
                cur = std::mem::replace(&mut queue[first], x);
                first = (first + 1) % AHEAD;
            } else if len > 0 {
                cur = queue[first];
                first = (first + 1) % AHEAD;
                len -= 1;
            } else {
                return;
            }
            // SAFETY: only marked scannable objects get onto the stack.
            unsafe { self.scan(cur) };
            self.scans = self.scans.wrapping_add(1);
            if self.parallel && self.scans.is_multiple_of(32) {
                self.share();
            }
        }
    }

    /// Gives the older half of the stack away when somebody is hungry.
    #[inline]
    fn share(&mut self) {
        if self.stack.len() >= 4 && self.heap.helpers.hungry.load(Relaxed) > 0 {
            self.give();
        }
    }

    #[cold]
    fn give(&mut self) {
        let h = &self.heap.helpers;
        let mut pool = lock(&h.pool);
        if pool.packets.len() > pool.waiting {
            return; // enough for everybody who waits
        }
        let rest = self.stack.split_off(self.stack.len() / 2);
        pool.packets.push(std::mem::replace(&mut self.stack, rest));
        drop(pool);
        h.changed.notify_all();
    }

    /// Marks what one stack entry points to.
    ///
    /// # Safety
    /// `entry` is the start of a marked cell in a scanned block, or a tagged block of a
    /// marked scanned large object.
    #[inline]
    unsafe fn scan(&mut self, entry: usize) {
        if entry & BLOCK_OF_LARGE != 0 {
            // SAFETY: as the caller promises.
            unsafe { self.scan_large(entry - BLOCK_OF_LARGE) };
            return;
        }
        let off = entry - self.base;
        let b = (off >> BLOCK_SHIFT) as u32;
        // SAFETY: the words of the cell are readable guest memory; the row has a bit for
        // every word of the block, so reading the next word of the row is fine whenever
        // the cell has bits there.
        unsafe {
            let words = (*self.heap.region.meta(b)).cell as usize / 8;
            let row = self.heap.region.ptrs(b);
            let at = (off & (BLOCK - 1)) / 8;
            let mut k = 0;
            while k < words {
                let n = (words - k).min(64);
                let (w, s) = ((at + k) / 64, (at + k) % 64);
                let mut bits = *row.add(w) >> s;
                if s + n > 64 {
                    bits |= *row.add(w + 1) << (64 - s);
                }
                if n < 64 {
                    bits &= (1 << n) - 1;
                }
                while bits != 0 {
                    let i = k + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    self.mark_word(mem::load_u64((entry as *const u8).add(i * 8)));
                }
                k += n;
            }
        }
    }

    /// Marks what one block of a large object points to.
    ///
    /// # Safety
    /// `addr` is the start of a block of a marked scanned large object.
    #[cold]
    unsafe fn scan_large(&mut self, addr: usize) {
        let b = ((addr - self.base) >> BLOCK_SHIFT) as u32;
        // SAFETY: the head's `large` describes the object; only words inside the object
        // and this block are read.
        unsafe {
            let m = self.heap.region.meta(b);
            let head = if (*m).kind == kind::TAIL {
                (*m).link
            } else {
                b
            };
            let large = &*(*self.heap.region.meta(head)).large;
            let start = self.heap.region.addr(head);
            let lo = addr - start;
            let hi = (lo + BLOCK).min(large.bytes);
            let mut el = lo.saturating_sub(large.prefix) / large.stride;
            loop {
                let at = large.prefix + el * large.stride;
                if at >= hi {
                    return;
                }
                for (j, &mask) in large.ptrs.iter().enumerate() {
                    let mut bits = mask;
                    while bits != 0 {
                        let o = at + (j * 64 + bits.trailing_zeros() as usize) * 8;
                        bits &= bits - 1;
                        if o >= lo && o < hi {
                            self.mark_word(mem::load_u64((start + o) as *const u8));
                        }
                    }
                }
                el += 1;
            }
        }
    }
}

/// Asks for the cache line of an object about to be scanned.
#[inline(always)]
fn prefetch(p: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: prefetching never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p as *const i8) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = p;
    }
}

impl Heap {
    /// Collects. `roots` must mark everything the guest can still name.
    ///
    /// # Safety
    /// Every thread that touches guest memory or allocates is stopped, every
    /// [`super::AllocCache`] of this heap is flushed, and no address of an object that
    /// `roots` does not lead to is used afterwards.
    pub unsafe fn collect(&'static self, roots: &mut dyn FnMut(&mut Marker)) {
        let _one = lock(&self.helpers.collecting);
        let begun = Instant::now();
        // SAFETY: the world is stopped, so this thread owns every block.
        unsafe { self.finish_sweep() };
        let before = lock(&self.figures).live + self.fresh_bytes.load(Relaxed);
        let helpers = if before >= PARALLEL_FROM {
            self.helpers.start(self)
        } else {
            0
        };
        let mut marker = Marker::new(self, helpers > 0);
        roots(&mut marker);
        marker.drain();
        let h = &self.helpers;
        let live = marker.live_bytes + h.live_bytes.swap(0, Relaxed);
        let objects = marker.live_objects + h.live_objects.swap(0, Relaxed);
        // SAFETY: as above, and marking is complete.
        unsafe { self.free_unmarked() };

        self.old_bytes
            .fetch_add(self.fresh_bytes.swap(0, Relaxed), Relaxed);
        let mallocs = self.mallocs.load(Relaxed);
        let mut f = lock(&self.figures);
        f.live = live;
        f.live_objects = objects;
        f.frees = mallocs.saturating_sub(objects);
        f.num_gc += 1;
        drop(f);
        self.set_trigger(live);
        self.clear_wanted();
        let trigger = self.trigger.load(Relaxed).min(live.max(4 << 20));
        let keep = (trigger / BLOCK as u64).min(u64::from(u32::MAX / 2)) as u32 + KEEP;
        let keep = if self.take_free_all() { 0 } else { keep };
        lock(&self.pages).trim(&self.region, keep);
        let ns = begun.elapsed().as_nanos() as u64;
        let mut f = lock(&self.figures);
        f.last_pause_ns = ns;
        f.pause_total_ns += ns;
    }

    /// Sweeps what the last cycle did not get to, and empties the lists.
    ///
    /// # Safety
    /// The world is stopped and all caches are flushed.
    unsafe fn finish_sweep(&self) {
        for room in &self.rooms {
            let mut room = lock(room);
            for b in room.unswept.drain(..) {
                // SAFETY: listed blocks are SMALL and the world is stopped.
                unsafe { self.sweep(b) };
            }
            room.partial.clear();
        }
    }

    /// Frees blocks without marks, queues the others, rebuilds the free runs.
    ///
    /// # Safety
    /// The world is stopped and marking is complete.
    unsafe fn free_unmarked(&self) {
        let mut rooms: Vec<_> = self.rooms.iter().map(lock).collect();
        let mut pages = lock(&self.pages);
        let end = pages.next;
        pages.restart();
        let (mut b, mut run) = (1, 1);
        while b < end {
            let m = self.region.meta(b);
            // SAFETY: blocks below `next` have records, and this thread owns them all.
            let n = unsafe {
                match (*m).kind {
                    kind::FREE => 1,
                    kind::SMALL => {
                        if (*m).live.load(Relaxed) == 0 {
                            let bits = self.region.bits(b);
                            for w in 0..((*m).ncells as usize).div_ceil(64) {
                                *bits.add(w * 2) = 0;
                            }
                            (*m).kind = kind::FREE;
                        }
                        1
                    }
                    _ => {
                        let n = (*m).link;
                        if (*m).live.load(Relaxed) == 0 {
                            drop(Box::from_raw((*m).large));
                            for t in b..b + n {
                                (*self.region.meta(t)).kind = kind::FREE;
                            }
                        }
                        n
                    }
                }
            };
            // SAFETY: as above.
            unsafe {
                if (*m).kind != kind::FREE {
                    (*m).live.store(0, Relaxed);
                    if (*m).kind == kind::SMALL {
                        (*m).swept = false;
                        rooms[(*m).slot as usize].unswept.push(b);
                    }
                    pages.used += n;
                    if run < b {
                        pages.add_run(&self.region, run, b);
                    }
                    run = b + n;
                }
            }
            b += n;
        }
        if run < end {
            pages.add_run(&self.region, run, end);
        }
        for room in &mut rooms {
            room.unswept.reverse(); // popped from the end: lowest addresses first
        }
    }
}
