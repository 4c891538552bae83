//! Growing tables of plain words at fixed addresses: reserved once, paid for as they fill.
//! Readers need no lock, because entries never move.
#![allow(unsafe_code)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::heap::block;

/// Reserves zeroed memory; null when the system refuses.
pub fn reserve(bytes: usize) -> *mut u8 {
    block::map(bytes, libc::PROT_READ | libc::PROT_WRITE).unwrap_or(0) as *mut u8
}

/// Entries of two words each, numbered from 1.
pub struct Table {
    base: *const [AtomicU64; 2],
    room: u32,
    next: AtomicU32,
    free: Mutex<Vec<u32>>,
}

// SAFETY: the entries are atomics; the address never changes.
unsafe impl Sync for Table {}
// SAFETY: as above.
unsafe impl Send for Table {}

impl Table {
    /// A table of at most `2^bits` entries, fewer where address space is short.
    pub fn new(bits: u32) -> Table {
        let mut room = 1usize << bits;
        loop {
            let p = reserve(room * 16);
            if !p.is_null() {
                return Table {
                    base: p as *const [AtomicU64; 2],
                    room: room as u32,
                    next: AtomicU32::new(1),
                    free: Mutex::default(),
                };
            }
            room /= 2;
            assert!(room > 1 << 12, "no address space for the race detector");
        }
    }
    /// Takes `n` fresh entries in a row; the first one's number. None: the table is full.
    pub fn take(&self, n: u32) -> Option<u32> {
        self.next
            .fetch_update(Relaxed, Relaxed, |at| {
                at.checked_add(n).filter(|end| *end < self.room)
            })
            .ok()
    }
    /// A new entry with these words.
    pub fn add(&self, a: u64, b: u64) -> Option<u32> {
        let i = self.take(1)?;
        self.set(i, a, b);
        Some(i)
    }
    #[inline]
    pub fn get(&self, i: u32) -> (u64, u64) {
        debug_assert!(i < self.room);
        // SAFETY: numbers handed out are below `room`.
        let e = unsafe { &*self.base.add(i as usize) };
        (e[0].load(Relaxed), e[1].load(Relaxed))
    }
    #[inline]
    pub fn set(&self, i: u32, a: u64, b: u64) {
        debug_assert!(i < self.room);
        // SAFETY: as in `get`.
        let e = unsafe { &*self.base.add(i as usize) };
        e[0].store(a, Relaxed);
        e[1].store(b, Relaxed);
    }
    /// Entries handed out so far.
    pub fn len(&self) -> u32 {
        self.next.load(Relaxed)
    }
    /// Up to `n` recycled entries.
    pub fn recycled(&self, n: usize) -> Vec<u32> {
        let mut f = self.free.lock().expect("free entries");
        let at = f.len().saturating_sub(n);
        f.split_off(at)
    }
    /// One recycled entry.
    pub fn again(&self) -> Option<u32> {
        self.free.lock().expect("free entries").pop()
    }
    /// Adds to the entries that may be handed out again.
    pub fn add_free(&self, list: Vec<u32>) {
        self.free.lock().expect("free entries").extend(list);
    }
    /// Replaces the list of entries that may be handed out again.
    pub fn set_free(&self, list: Vec<u32>) {
        *self.free.lock().expect("free entries") = list;
    }
}
