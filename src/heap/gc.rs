//! The collector: parallel marking with the world stopped, then freeing (`sweep`).
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
//! Big heaps are marked beside the running program: see `cycle` and `barrier`. Everything
//! here that reads allocation and mark bits therefore expects other threads to change
//! them: objects only become allocated and marked meanwhile, never the other way.
#![allow(unsafe_code)]

use super::alloc::{CONCURRENT_FROM, Heap, lock, word_at};
use super::block::{BLOCK, BLOCK_SHIFT, kind, kind_of};
use super::cycle::{Phase, relock};
use super::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, Once};
use std::time::Instant;

/// Below this many live bytes helpers cost more than they bring.
const PARALLEL_FROM: u64 = 8 << 20;
/// Most threads that mark.
const MAX_MARKERS: usize = 4;
/// Free memory kept for the next cycle beyond its allowance, in blocks (4 MiB).
pub(super) const KEEP: u32 = 64;

/// The pool that markers share, and the count of waiting helpers.
#[derive(Default)]
struct Pool {
    packets: Vec<Vec<usize>>,
    /// Helpers that wait.
    waiting: usize,
    /// 1 while the collecting thread waits.
    main: usize,
    /// Threads of the program that mark now.
    assisting: usize,
    phase: Phase,
    /// There may be something to sweep or to give back.
    background: bool,
}

/// The persistent marking threads of a heap.
pub(super) struct Helpers {
    pool: Mutex<Pool>,
    changed: Condvar,
    /// Markers that wait for work, and whether more packets are wanted: a hint read
    /// without the lock.
    hungry: AtomicUsize,
    count: AtomicUsize,
    started: Once,
    /// What helpers marked in this collection.
    live_bytes: AtomicU64,
    live_objects: AtomicU64,
    /// ns spent marking by threads of the program, and by helpers, in this collection.
    assist_ns: AtomicU64,
    helper_ns: AtomicU64,
    /// Serialises collections.
    collecting: Mutex<()>,
}

/// Packets to have in stock while programs may want to assist.
const STOCK: usize = 3;

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
            assist_ns: AtomicU64::new(0),
            helper_ns: AtomicU64::new(0),
            collecting: Mutex::new(()),
        }
    }

    /// Starts the threads once; returns how many there are.
    pub(super) fn start(&self, heap: &'static Heap) -> usize {
        self.started.call_once(|| {
            let cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
            // One at least: it marks beside the program.
            let want = (cpus.min(MAX_MARKERS) - 1).max(1);
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

    /// Sets the hint after a change of the pool.
    fn hint(&self, pool: &Pool) {
        let stock = pool.phase != Phase::Idle && pool.packets.len() < STOCK;
        let n = pool.waiting + pool.main + usize::from(stock);
        self.hungry.store(n, Relaxed);
    }

    /// Books what `m` has marked.
    pub(super) fn add_live(&self, m: &mut Marker) {
        if m.live_objects != 0 {
            self.live_bytes
                .fetch_add(std::mem::take(&mut m.live_bytes), Relaxed);
            self.live_objects
                .fetch_add(std::mem::take(&mut m.live_objects), Relaxed);
        }
    }
    /// Bytes and objects marked in this collection.
    pub(super) fn take_live(&self) -> (u64, u64) {
        (
            self.live_bytes.swap(0, Relaxed),
            self.live_objects.swap(0, Relaxed),
        )
    }

    /// Adds objects to be scanned.
    pub(super) fn push(&self, packet: Vec<usize>) {
        let mut pool = lock(&self.pool);
        pool.packets.push(packet);
        if pool.phase == Phase::Marked {
            pool.phase = Phase::Marking;
        }
        self.hint(&pool);
        drop(pool);
        self.changed.notify_all();
    }

    /// Marking begins beside the program. The packet may be empty: the helper that takes
    /// it then finds that all is done.
    pub(super) fn begin(&self, packet: Vec<usize>) {
        lock(&self.pool).phase = Phase::Marking;
        self.push(packet);
    }

    /// Marks what is left, with the world stopped. False: more than `budget` bytes were
    /// left, and marking goes on beside the program.
    pub(super) fn finish(&self, m: &mut Marker, budget: u64) -> bool {
        let mut pool = lock(&self.pool);
        debug_assert_eq!(pool.assisting, 0, "the world is stopped");
        let all = self.count.load(Relaxed);
        if budget == u64::MAX {
            pool.phase = Phase::Idle;
            self.hint(&pool);
            drop(pool);
            m.drain();
            return true;
        }
        if pool.packets.is_empty() && pool.waiting == all {
            drop(pool);
            m.alone = true;
            m.drain_some(budget);
            m.alone = false;
            if m.stack.is_empty() {
                let mut pool = lock(&self.pool);
                pool.phase = Phase::Idle;
                self.hint(&pool);
                return true;
            }
            pool = lock(&self.pool);
        }
        pool.phase = Phase::Marking;
        pool.packets.push(std::mem::take(&mut m.stack));
        self.hint(&pool);
        drop(pool);
        self.add_live(m);
        self.changed.notify_all();
        false
    }

    /// Marks at least `budget` bytes for the helpers, if there are any to mark. False: there
    /// was nothing to be had.
    pub(super) fn assist(&self, heap: &'static Heap, budget: u64) -> bool {
        let mut pool = lock(&self.pool);
        if pool.phase != Phase::Marking {
            return true;
        }
        let Some(p) = pool.packets.pop() else {
            self.hint(&pool);
            return false;
        };
        pool.assisting += 1;
        self.hint(&pool);
        drop(pool);
        let mut m = Marker::new(heap, true);
        m.stack = p;
        let begun = Instant::now();
        m.drain_some(budget);
        add_time(&self.assist_ns, begun);
        self.add_live(&mut m);
        let mut pool = lock(&self.pool);
        pool.assisting -= 1;
        if !m.stack.is_empty() {
            pool.packets.push(std::mem::take(&mut m.stack));
        }
        self.hint(&pool);
        let end = self.ended(heap, &mut pool);
        drop(pool);
        self.changed.notify_all();
        if end {
            heap.call_marked_hook();
        }
        true
    }

    /// Whether marking beside the program has come to its end, which is told once.
    fn ended(&self, heap: &Heap, pool: &mut Pool) -> bool {
        let idle = pool.waiting == self.count.load(Relaxed) && pool.assisting == 0;
        if pool.phase != Phase::Marking || !idle || !pool.packets.is_empty() {
            return false;
        }
        let more = heap.take_shaded();
        if more.is_empty() {
            pool.phase = Phase::Marked;
            return true;
        }
        pool.packets.push(more);
        self.hint(pool);
        false
    }

    /// See [`Heap::finish_is_due`].
    pub(super) fn finish_is_due(&self) -> bool {
        lock(&self.pool).phase == Phase::Marked
    }

    /// See [`Heap::wait_marked`].
    pub(super) fn wait_marked(&self) {
        let mut pool = lock(&self.pool);
        while pool.phase == Phase::Marking {
            pool = relock(self.changed.wait(pool));
        }
    }

    /// There is something to do between collections. False: there are no helpers.
    pub(super) fn call_background(&self) -> bool {
        lock(&self.pool).background = true;
        self.changed.notify_all();
        self.count.load(Relaxed) > 0
    }
}

fn add_time(to: &AtomicU64, begun: Instant) {
    to.fetch_add(begun.elapsed().as_nanos() as u64, Relaxed);
}

/// A helper's whole life: wait for a packet, mark from it, wait again. Without packets one
/// does what is to be done between collections.
fn helper(heap: &'static Heap) {
    let h = &heap.helpers;
    let mut marker = Marker::new(heap, true);
    loop {
        let mut pool = lock(&h.pool);
        marker.stack = loop {
            if let Some(p) = pool.packets.pop() {
                break p;
            }
            if pool.phase == Phase::Idle && std::mem::take(&mut pool.background) {
                drop(pool);
                let more = heap.background_step();
                pool = lock(&h.pool);
                pool.background |= more;
                continue;
            }
            pool = relock(h.changed.wait(pool));
        };
        pool.waiting -= 1;
        h.hint(&pool);
        drop(pool);
        marker.top = heap.top.load(Relaxed);
        let begun = Instant::now();
        marker.drain_own();
        add_time(&h.helper_ns, begun);
        h.add_live(&mut marker);
        let mut pool = lock(&h.pool);
        pool.waiting += 1;
        h.hint(&pool);
        let end = h.ended(heap, &mut pool);
        drop(pool);
        // The collecting thread may be waiting for the last helper.
        h.changed.notify_all();
        if end {
            heap.call_marked_hook();
        }
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
    pub(super) stack: Vec<usize>,
    parallel: bool,
    /// Gives up its time slice often, so that programs see marking last (checking).
    lazy: bool,
    /// Keeps its work to itself.
    pub(super) alone: bool,
    scans: u32,
    live_bytes: u64,
    live_objects: u64,
}

impl Marker {
    pub(super) fn new(heap: &'static Heap, parallel: bool) -> Marker {
        Marker {
            heap,
            base: heap.region.base,
            top: heap.top.load(Relaxed),
            stack: Vec::new(),
            parallel,
            lazy: heap.checks_marks(),
            alone: false,
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
        // SAFETY: blocks below `top` have records, complete once the kind says so; cell
        // number < ncells has its bits in the block's row.
        unsafe {
            let m = self.heap.region.meta(b);
            let k = kind_of(m);
            if k != kind::SMALL {
                if k != kind::FREE {
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
            // Acquire: a cell becomes marked before it becomes allocated.
            if word_at(pair).load(Acquire) & bit == 0 {
                return;
            }
            let marks = word_at(pair.add(1));
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
            if kind_of(m) == kind::TAIL {
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
            match kind_of(m) {
                kind::SMALL => {
                    let i = (((off & (BLOCK - 1)) as u64 * u64::from((*m).magic)) >> 32) as usize;
                    let pair = self.heap.region.bits(b).add(i / 64 * 2 + 1);
                    i < (*m).ncells as usize && word_at(pair).load(Relaxed) >> (i % 64) & 1 != 0
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
                h.hint(&pool);
                pool = relock(h.changed.wait(pool));
                pool.main = 0;
                h.hint(&pool);
            }
        }
    }

    /// Scans until the own stack is empty.
    fn drain_own(&mut self) {
        self.drain_until(u64::MAX);
    }

    /// Scans until the own stack is empty or `budget` bytes more are marked.
    pub(super) fn drain_some(&mut self, budget: u64) {
        self.drain_until(self.live_bytes.saturating_add(budget));
    }

    fn drain_until(&mut self, end: u64) {
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
                if self.live_bytes >= end {
                    let left = (0..len).map(|i| queue[(first + i) % AHEAD]);
                    self.stack.extend(left);
                    return;
                }
                if self.lazy {
                    std::thread::yield_now();
                }
            }
        }
    }

    /// Gives the older half of the stack away when somebody is hungry.
    #[inline]
    fn share(&mut self) {
        if self.stack.len() >= 4 && !self.alone && self.heap.helpers.hungry.load(Relaxed) > 0 {
            self.give();
        }
    }

    #[cold]
    fn give(&mut self) {
        let h = &self.heap.helpers;
        let mut pool = lock(&h.pool);
        let stock = if pool.phase == Phase::Idle { 0 } else { STOCK };
        if pool.packets.len() > pool.waiting + stock {
            return; // enough for everybody who waits
        }
        let rest = self.stack.split_off(self.stack.len() / 2);
        pool.packets.push(std::mem::replace(&mut self.stack, rest));
        h.hint(&pool);
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
                let mut bits = word_at(row.add(w)).load(Relaxed) >> s;
                if s + n > 64 {
                    bits |= word_at(row.add(w + 1)).load(Relaxed) << (64 - s);
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
    /// [`super::AllocCache`] of this heap is flushed, no marking goes on, and no address
    /// of an object that `roots` does not lead to is used afterwards.
    pub unsafe fn collect(&'static self, roots: &mut dyn FnMut(&mut Marker)) {
        let _one = lock(&self.helpers.collecting);
        let _still = self.no_background();
        debug_assert!(
            !self.is_marking(),
            "a cycle is ended before the next begins"
        );
        // SAFETY: the world is stopped, so this thread owns every block.
        unsafe { self.finish_sweep(false) };
        let helpers = if self.in_use() >= PARALLEL_FROM {
            self.helpers.start(self)
        } else {
            0
        };
        let mut marker = Marker::new(self, helpers > 0);
        roots(&mut marker);
        marker.drain();
        let h = &self.helpers;
        h.add_live(&mut marker);
        let (live, objects) = h.take_live();
        // SAFETY: as above, and marking is complete.
        unsafe { self.conclude(live, objects) };
    }

    /// Whether the next collection should mark beside the program: the heap is big enough
    /// and there are threads to do it.
    pub fn marks_beside(&'static self) -> bool {
        (self.in_use() >= CONCURRENT_FROM || self.checks_marks()) && self.helpers.start(self) > 0
    }

    /// ns spent marking by threads of the program and by helpers since this was last asked.
    pub fn take_mark_times(&self) -> (u64, u64) {
        let h = &self.helpers;
        (h.assist_ns.swap(0, Relaxed), h.helper_ns.swap(0, Relaxed))
    }

    /// Bytes live after the last collection and allocated since.
    pub fn in_use(&self) -> u64 {
        lock(&self.figures).live + self.fresh_bytes.load(Relaxed)
    }
}
