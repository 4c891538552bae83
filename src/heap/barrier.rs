//! The write barrier of concurrent marking.
//!
//! While marking goes on beside the program, every word of guest memory that may be a
//! pointer is *shaded* before it is overwritten: what it points to gets marked. So all
//! that could be reached when marking began is marked in the end, however the program
//! moves its pointers about (*snapshot at the beginning*); objects made since then are
//! born marked. The words of goroutine stacks need no barrier: all stacks are scanned
//! while the world is stopped at the beginning.
//!
//! Who must shade: the store handlers (`vm::ops` is compiled a third time for that, see
//! `vm/mod.rs`), maps, channels, and every native that overwrites pointers in memory that
//! it has not just allocated. Overwriting words that hold no pointers, or fresh memory,
//! needs nothing.
//!
//! The flag changes only while the world is stopped, so it is the same from one safe point
//! of a thread to the next. `GODEBUG=gccheckmark=1` marks a second time from scratch after
//! each concurrent marking and ends the program if something reachable was missed.
#![allow(unsafe_code)]

use super::alloc::{Heap, heap};
use super::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

static ON: AtomicBool = AtomicBool::new(false);
/// The region of the process's heap.
static BASE: AtomicUsize = AtomicUsize::new(0);
static LEN: AtomicUsize = AtomicUsize::new(0);

/// Whether overwritten pointers of the process's heap must be shaded.
#[inline(always)]
pub fn on() -> bool {
    ON.load(Relaxed)
}

/// Whether the barrier is on or off as `on` says.
#[inline(always)]
pub fn is(on: bool) -> bool {
    ON.load(Relaxed) == on
}

/// Turns the barrier on or off. Only while the world is stopped.
pub(super) fn set(h: &'static Heap, on: bool) {
    if std::ptr::eq(h, heap()) {
        BASE.store(h.base(), Relaxed);
        LEN.store(h.region_bytes(), Relaxed);
        ON.store(on, Relaxed);
    }
}

/// The word at `p` is about to be overwritten; marking is known to go on, or to have gone
/// on when this thread last looked.
///
/// # Safety
/// `p` is 8-aligned and readable.
#[inline(always)]
pub unsafe fn overwrite_word(p: *const u8) {
    // SAFETY: as the caller promises.
    let old = unsafe { mem::load_u64(p) };
    if (old as usize).wrapping_sub(BASE.load(Relaxed)) < LEN.load(Relaxed) {
        shade(old);
    }
}

#[cold]
#[inline(never)]
fn shade(word: u64) {
    heap().shade(word);
}

/// The `n` bytes at `p` are about to be overwritten.
///
/// # Safety
/// They are readable.
#[inline(always)]
pub unsafe fn overwrite(p: *const u8, n: usize) {
    if on() {
        // SAFETY: as the caller promises.
        unsafe { overwrite_now(p, n) };
    }
}

/// [`overwrite`] where marking is known to go on.
///
/// # Safety
/// As [`overwrite`].
#[cold]
#[inline(never)]
pub unsafe fn overwrite_now(p: *const u8, n: usize) {
    let h = heap();
    if h.is_noscan(p as usize) {
        return;
    }
    let end = (p as usize + n) & !7;
    let mut at = (p as usize).next_multiple_of(8);
    while at < end {
        // SAFETY: an aligned word inside the caller's bytes.
        unsafe { overwrite_word(at as *const u8) };
        at += 8;
    }
}
