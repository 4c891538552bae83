//! The command's allocator: mimalloc, with a stretch of memory before it for what the
//! first thread allocates first.
//!
//! A short program's whole compilation fits into that stretch. There, blocks lie side by
//! side whatever their size, so that a start touches half as many pages; the system is asked
//! for pages many at a time, which costs half of what as many page faults would; and giving
//! out a block takes a few instructions. Blocks that are given back wait in lists by size.
//! When the stretch is used up, mimalloc serves the first thread like all others.
//!
//! Only the thread that called [`begin`] takes blocks from the stretch. A block that another
//! thread gives back is lost.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr::null_mut;

/// See the module text.
pub struct Memory;

/// Bytes of the stretch.
const SIZE: usize = 1 << 20;
/// Pages are asked for so many bytes at a time.
const STEP: usize = 96 << 10;
/// Largest block, and the largest that is a multiple of 16 bytes instead of a power of two.
const MOST: usize = 64 << 10;
const FINE: usize = 512;
const LISTS: usize = FINE / 16 + (MOST / FINE).trailing_zeros() as usize;

#[repr(align(4096))]
struct Stretch(UnsafeCell<[u8; SIZE]>);
// SAFETY: its parts belong to whoever they were given to.
unsafe impl Sync for Stretch {}
static STRETCH: Stretch = Stretch(UnsafeCell::new([0; SIZE]));

/// What the first thread has of the stretch; nothing on other threads.
struct Rest {
    next: Cell<usize>,
    /// End of the pages that have been asked for.
    ready: Cell<usize>,
    end: Cell<usize>,
    /// Blocks given back, linked by their first words.
    free: [Cell<usize>; LISTS],
}

thread_local! {
    static REST: Rest = const {
        Rest {
            next: Cell::new(0),
            ready: Cell::new(0),
            end: Cell::new(0),
            free: [const { Cell::new(0) }; LISTS],
        }
    };
}

/// Gives the stretch to this thread. To be called once, before it makes other threads.
pub fn begin() {
    let low = STRETCH.0.get() as usize;
    REST.with(|r| {
        r.next.set(low);
        r.ready.set(low);
        r.end.set(low + SIZE);
    });
}

#[inline]
fn inside(p: *mut u8) -> bool {
    (p as usize).wrapping_sub(STRETCH.0.get() as usize) < SIZE
}

/// The list for blocks of this size, and the size they really have.
#[inline]
fn class(size: usize) -> (usize, usize) {
    if size <= FINE {
        let n = size.div_ceil(16).max(1);
        (n - 1, n * 16)
    } else {
        let whole = size.next_power_of_two();
        let list = FINE / 16 - 1 + (whole / FINE).trailing_zeros() as usize;
        (list, whole)
    }
}

impl Rest {
    #[inline]
    fn take(&self, layout: Layout) -> *mut u8 {
        let end = self.end.get();
        if end == 0 || layout.size() > MOST || layout.align() > 16 {
            return null_mut();
        }
        let (list, size) = class(layout.size());
        let p = self.free[list].get();
        if p != 0 {
            // SAFETY: a block of the list, whose first word is the link.
            self.free[list].set(unsafe { *(p as *const usize) });
            return p as *mut u8;
        }
        let p = self.next.get();
        if p + size > self.ready.get() && !self.more(p + size) {
            return null_mut();
        }
        self.next.set(p + size);
        p as *mut u8
    }

    /// Has pages up to `to` ready. False: the stretch is used up, and not used any more.
    #[cold]
    #[inline(never)]
    fn more(&self, to: usize) -> bool {
        if to > self.end.get() {
            self.end.set(0);
            return false;
        }
        let low = self.ready.get();
        let high = to.next_multiple_of(STEP.min(4096)).max(low + STEP).min(self.end.get());
        // SAFETY: pages of the stretch that nobody uses yet. Older systems do not know the
        // advice; the pages then come when they are touched.
        unsafe {
            libc::madvise(low as *mut libc::c_void, high - low, libc::MADV_POPULATE_WRITE);
        }
        self.ready.set(high);
        true
    }

    #[inline]
    fn give(&self, p: *mut u8, size: usize) {
        if self.end.get() == 0 {
            return;
        }
        let (list, _) = class(size);
        // SAFETY: the block is of the first thread, this one, and has room for a word.
        unsafe { *(p as *mut usize) = self.free[list].get() };
        self.free[list].set(p as usize);
    }
}

// SAFETY: blocks of the stretch do not overlap, have the size and alignment asked for (the
// stretch is aligned, and sizes are multiples of 16), and are told from mimalloc's by their
// address.
unsafe impl GlobalAlloc for Memory {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let p = REST.with(|r| r.take(layout));
        if !p.is_null() {
            return p;
        }
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let p = REST.with(|r| r.take(layout));
        if !p.is_null() {
            // SAFETY: the block has this size. It may have been used before.
            unsafe { p.write_bytes(0, layout.size()) };
            return p;
        }
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        if inside(p) {
            REST.with(|r| r.give(p, layout.size()));
        } else {
            // SAFETY: the caller's promise; the block is mimalloc's.
            unsafe { MiMalloc.dealloc(p, layout) };
        }
    }

    #[inline]
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !inside(p) {
            // SAFETY: the caller's promise; the block is mimalloc's.
            return unsafe { MiMalloc.realloc(p, layout, size) };
        }
        if size <= MOST && class(size).1 == class(layout.size()).1 {
            return p;
        }
        // SAFETY: the caller's promise; both blocks have the bytes that are copied.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(p, layout.size().min(size));
                self.dealloc(p, layout);
            }
            new
        }
    }
}
