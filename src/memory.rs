//! The command's allocator: mimalloc, with a stretch of memory before it for what the
//! first thread allocates first.
//!
//! A short program's whole compilation fits into that stretch. There, blocks lie side by
//! side whatever their size, so that a start touches half as many pages; the system is asked
//! for pages many at a time, which costs half of what as many page faults would; and giving
//! out a block takes a few instructions. Blocks that are given back wait in lists by size.
//! What does not fit any more comes from mimalloc, as everything does on other threads.
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
const SIZE: usize = 8 << 20;
/// Pages are asked for at least so many bytes at a time, an eighth of those in use when that is
/// more.
const STEP: usize = 32 << 10;
/// Largest block, and the largest whose size is any multiple of 16 bytes. Between them are
/// four sizes to each power of two.
const MOST: usize = 64 << 10;
const FINE: usize = 512;
const LISTS: usize = FINE / 16 + 1 + 4 * (MOST / FINE).trailing_zeros() as usize;
/// Largest alignment.
const ALIGN: usize = 128;

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
    /// From here on nothing has been used yet, if the rest begins there.
    clean: Cell<usize>,
    /// This is the first thread.
    mine: Cell<bool>,
    /// Blocks given back, linked by their first words.
    free: [Cell<usize>; LISTS],
}

thread_local! {
    static REST: Rest = const {
        Rest {
            next: Cell::new(0),
            ready: Cell::new(0),
            end: Cell::new(0),
            clean: Cell::new(0),
            mine: Cell::new(false),
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
        r.mine.set(true);
    });
}

#[inline(always)]
fn inside(p: *mut u8) -> bool {
    (p as usize).wrapping_sub(STRETCH.0.get() as usize) < SIZE
}

/// The list for blocks of this size, and the size they really have.
#[inline(always)]
fn class(size: usize) -> (usize, usize) {
    if size <= FINE {
        let n = size.div_ceil(16);
        (n, n * 16)
    } else {
        large_class(size)
    }
}

fn large_class(size: usize) -> (usize, usize) {
    // Below 2^(n+1), from 2^n + 1.
    let n = (size - 1).ilog2();
    let step = 1 << (n - 2);
    let whole = size.next_multiple_of(step);
    let quarter = whole / step - 5;
    let list = FINE / 16 + 1 + 4 * (n - FINE.ilog2()) as usize + quarter;
    (list, whole)
}

impl Rest {
    #[inline(always)]
    fn take(&self, layout: Layout) -> *mut u8 {
        if layout.size() > FINE || layout.align() > 16 {
            return self.take_large(layout);
        }
        let (list, size) = class(layout.size());
        let old = self.free[list].get();
        if old != 0 {
            // SAFETY: a block of the list, whose first word is the link.
            self.free[list].set(unsafe { *(old as *const usize) });
            return old as *mut u8;
        }
        let p = self.next.get();
        if p + size <= self.ready.get() {
            self.next.set(p + size);
            return p as *mut u8;
        }
        self.take_large(layout)
    }

    #[cold]
    #[inline(never)]
    fn take_large(&self, layout: Layout) -> *mut u8 {
        if !self.mine.get() || layout.size() > MOST || layout.align() > ALIGN {
            return null_mut();
        }
        let (list, size) = class(layout.size());
        let mut p = self.next.get();
        if layout.align() > 16 {
            p = p.next_multiple_of(layout.align());
        } else {
            let old = self.free[list].get();
            if old != 0 {
                // SAFETY: a block of the list, whose first word is the link.
                self.free[list].set(unsafe { *(old as *const usize) });
                return old as *mut u8;
            }
        }
        if p + size > self.ready.get() && !self.more(p + size) {
            return null_mut();
        }
        self.next.set(p + size);
        p as *mut u8
    }

    /// Has pages up to `to` ready. False: so much is not left.
    fn more(&self, to: usize) -> bool {
        if to > self.end.get() {
            return false;
        }
        let low = self.ready.get();
        let used = low - STRETCH.0.get() as usize;
        let step = (used / 8).next_multiple_of(4096).max(STEP);
        let high = to
            .next_multiple_of(4096)
            .max(low + step)
            .min(self.end.get());
        // SAFETY: pages of the stretch that nobody uses yet. Older systems do not know the
        // advice; the pages then come when they are touched.
        unsafe {
            libc::madvise(
                low as *mut libc::c_void,
                high - low,
                libc::MADV_POPULATE_WRITE,
            );
        }
        self.ready.set(high);
        true
    }

    /// Makes the last block before the rest larger or smaller where it is.
    fn resize(&self, p: *mut u8, old: usize, new: usize) -> bool {
        let last = p as usize + class(old).1 == self.next.get() && self.mine.get();
        let end = p as usize + class(new).1;
        let fits = last && new <= MOST && (end <= self.ready.get() || self.more(end));
        if fits {
            self.clean.set(self.clean.get().max(self.next.get()));
            self.next.set(end);
        }
        fits
    }

    #[inline(always)]
    fn give(&self, p: *mut u8, size: usize) {
        if self.mine.get() {
            let (list, _) = class(size);
            // SAFETY: the block is of this thread and has room for a word.
            unsafe { *(p as *mut usize) = self.free[list].get() };
            self.free[list].set(p as usize);
        }
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
        let p = REST.with(|r| {
            let rest = r.next.get().max(r.clean.get());
            let p = r.take(layout);
            if !p.is_null() && (p as usize) < rest {
                // SAFETY: the block has this size. It has been used before.
                unsafe { p.write_bytes(0, layout.size()) };
            }
            p
        });
        if !p.is_null() {
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
        if REST.with(|r| r.resize(p, layout.size(), size)) {
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

#[cfg(test)]
mod tests {
    use super::{FINE, LISTS, MOST, class};

    #[test]
    fn sizes_are_in_order() {
        let mut last = (1, 16);
        for size in 1..=MOST {
            let (list, whole) = class(size);
            assert!(whole >= size && whole % 16 == 0 && list < LISTS, "{size}");
            assert!(whole - size < (size / 4).max(16), "{size} gets {whole}");
            let same = (list, whole) == last;
            assert!(same || list == last.0 + 1 && size == last.1 + 1, "{size}");
            assert!(size <= FINE || class(whole) == (list, whole), "{size}");
            last = (list, whole);
        }
        assert_eq!(last, (LISTS - 1, MOST));
    }
}
