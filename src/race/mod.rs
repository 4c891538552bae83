//! The race detector: exact happens-before checking of the run as it happened.
//!
//! Reading order: `clock` (what is known of others), `thread` (a goroutine's state; release
//! and acquire), `stack` (where things happened, as numbers), `shadow` (who accessed which
//! word last) with `record` and `sets` for what does not fit there, `sync` (locks, channels
//! and other objects that order events), `pause` (other schedules), `report`, `options` (GORACE), `collect` (what the
//! garbage collector does here), `table` (storage).
//!
//! The interpreter calls in from three sides. Its memory handlers exist twice, compiled from
//! one source with and without the checks (`vm::race_ops`). The runtime's channel operations
//! are generic over whether they report to `sync`. Natives of `sync` and `sync/atomic` have
//! variants that a race run installs instead. So a normal run carries nothing but the size.
//!
//! Exactness rests on three things: check and update of a cell are one step (its lock bit);
//! an entry goes only when it is ordered before what replaces it and says no more; clocks
//! are never cut short. Then every report is a true race of this run, and a word with a race
//! has at least one report.

pub mod clock;
pub mod collect;
mod machine;
pub mod options;
mod order;
pub mod pause;
pub mod record;
pub mod report;
mod sets;
pub mod shadow;
pub mod stack;
pub mod sync;
mod table;
pub mod thread;

pub use record::Access;
pub use thread::Thread;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static ON: AtomicBool = AtomicBool::new(false);

/// Whether this process runs its program under the detector. Set before it starts.
#[inline(always)]
pub fn on() -> bool {
    ON.load(Relaxed)
}

/// Turns the detector on for the guest heap at `base`.
pub fn enable(base: usize, len: usize) {
    shadow::reserve(base, len);
    ON.store(true, Relaxed);
}

/// Segment numbers an M takes at a time.
const STOCK: u32 = 256;

/// Segment numbers an M has in stock.
#[derive(Default)]
pub struct Numbers {
    next: u32,
    end: u32,
    again: Vec<u32>,
}

impl Numbers {
    fn segment(&mut self) -> u32 {
        if let Some(n) = self.again.pop() {
            return n;
        }
        if self.next == self.end {
            let t = thread::segments();
            self.again = t.recycled(STOCK as usize);
            collect::segments_taken(STOCK);
            if let Some(n) = self.again.pop() {
                return n;
            }
            match t.take(STOCK) {
                Some(n) => (self.next, self.end) = (n, n + STOCK),
                None => report::give_up("too many segments"),
            }
        }
        self.next += 1;
        self.next - 1
    }
}

/// What one M (thread of the scheduler) needs: the goroutine it runs and where it is.
pub struct Local {
    pub thread: *mut Thread,
    /// The interpreter's variables that hold position and frame.
    pub pc: *const *const u64,
    pub fp: *const *mut u64,
    pub numbers: Numbers,
    pub cache: stack::Cache,
    pub vars: sync::Cache,
    pub dice: pause::Dice,
}

thread_local! {
    static LOCAL: Cell<*mut Local> = const { Cell::new(std::ptr::null_mut()) };
}

impl Local {
    /// Made once per M. `pc` and `fp` outlive it.
    pub fn install(pc: *const *const u64, fp: *const *mut u64) -> *mut Local {
        let l = Box::into_raw(Box::new(Local {
            thread: std::ptr::null_mut(),
            pc,
            fp,
            numbers: Numbers::default(),
            cache: stack::Cache::default(),
            vars: sync::Cache::default(),
            dice: pause::Dice::new(collect::registered()),
        }));
        LOCAL.with(|c| c.set(l));
        collect::register(l);
        l
    }
}

/// Runs `f` with the calling M's state, if the detector is on and a goroutine runs.
#[allow(unsafe_code)]
pub fn with(f: impl FnOnce(&mut Local)) {
    if !on() {
        return;
    }
    let l = LOCAL.with(Cell::get);
    if l.is_null() {
        return;
    }
    // SAFETY: this thread's own; the closures passed here do not come back to `with`.
    let l = unsafe { &mut *l };
    if !l.thread.is_null() {
        f(l);
    }
}

/// A native reads `n` bytes of guest memory.
#[inline]
pub fn reads(p: u64, n: usize) {
    if on() && n != 0 {
        with(|l| shadow::range(l, p as usize, n, false));
    }
}
/// A native writes `n` bytes of guest memory.
#[inline]
pub fn writes(p: u64, n: usize) {
    if on() && n != 0 {
        with(|l| shadow::range(l, p as usize, n, true));
    }
}

/// `n` bytes were read from a file or connection to `p`.
pub fn file_read(p: u64, n: usize) {
    with(|l| {
        shadow::range(l, p as usize, n, true);
        sync::acquire(thread::of(l), sync::IO);
    });
}
/// `n` bytes at `p` are about to be written to a file or connection.
pub fn file_write(p: u64, n: usize) {
    with(|l| {
        shadow::range(l, p as usize, n, false);
        sync::release_merge(thread::of(l), sync::IO);
    });
}

/// The slow half of a handler's read of `n` bytes inside one word.
///
/// # Safety
/// `l` is the M's state, its position is set.
#[allow(unsafe_code)]
#[cold]
#[inline(never)]
pub unsafe fn read_missed(l: *mut Local, addr: usize, n: usize) {
    // SAFETY: by the caller's promise.
    shadow::range(unsafe { &mut *l }, addr, n, false);
}
/// The slow half of a handler's write.
///
/// # Safety
/// As [`read_missed`].
#[allow(unsafe_code)]
#[cold]
#[inline(never)]
pub unsafe fn write_missed(l: *mut Local, addr: usize, n: usize) {
    // SAFETY: by the caller's promise.
    shadow::range(unsafe { &mut *l }, addr, n, true);
}

/// A quick hash for small keys.
#[derive(Clone, Copy, Default)]
pub struct FastHash;
/// State of [`FastHash`].
#[derive(Default)]
pub struct FastHasher(u64);

impl std::hash::BuildHasher for FastHash {
    type Hasher = FastHasher;
    fn build_hasher(&self) -> FastHasher {
        FastHasher(0)
    }
}
impl std::hash::Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(u64::from(*b));
        }
    }
    fn write_u8(&mut self, v: u8) {
        self.write_u64(u64::from(v));
    }
    fn write_u32(&mut self, v: u32) {
        self.write_u64(u64::from(v));
    }
    fn write_u64(&mut self, v: u64) {
        self.0 = (self.0.rotate_left(26) ^ v).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
    fn write_usize(&mut self, v: usize) {
        self.write_u64(v as u64);
    }
}
