//! Figures of the heap and of its collections.

use super::alloc::{Heap, lock};
use super::block::BLOCK;
use std::sync::atomic::Ordering::Relaxed;

/// The figures of `runtime.ReadMemStats` and the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of live objects at the end of the last collection plus all allocated since
    /// (`HeapAlloc`).
    pub heap_alloc: u64,
    /// Bytes found live by the last collection.
    pub live: u64,
    /// Objects found live by the last collection.
    pub live_objects: u64,
    /// Bytes of blocks in use (`HeapInuse`).
    pub heap_inuse: u64,
    /// Bytes of free blocks without memory of the system's (`HeapReleased`).
    pub heap_released: u64,
    /// Bytes made accessible (`HeapSys`).
    pub heap_sys: u64,
    /// Bytes ever allocated, in cells (`TotalAlloc`).
    pub total_alloc: u64,
    /// Objects ever allocated (`Mallocs`). Caches report it with a small delay.
    pub mallocs: u64,
    /// Objects freed (`Frees`), as far as collections know.
    pub frees: u64,
    /// Bytes that start the next collection (`NextGC`).
    pub next_gc: u64,
    pub num_gc: u64,
    pub pause_total_ns: u64,
    /// Collections that the program asked for.
    pub forced: u64,
}

/// How many collections' pauses are remembered, as in `runtime.MemStats`.
pub const PAUSES: usize = 256;

/// Figures that collections update.
#[derive(Default)]
pub(super) struct GcFigures {
    pub live: u64,
    pub live_objects: u64,
    pub frees: u64,
    pub num_gc: u64,
    pub forced: u64,
    pub pause_total_ns: u64,
    /// How long each of the last collections stopped the world, and when (Unix ns) it
    /// ended; number n is at (n - 1) % PAUSES.
    pub pauses: Vec<(u64, u64)>,
}

impl Heap {
    /// Books how long the collection that has just ended stopped the world.
    pub fn note_pause(&self, ns: u64, ended: u64, forced: bool) {
        let mut f = lock(&self.figures);
        f.pause_total_ns += ns;
        f.forced += u64::from(forced);
        let at = (f.num_gc.max(1) - 1) as usize % PAUSES;
        if f.pauses.len() <= at {
            f.pauses.resize(at + 1, (0, 0));
        }
        f.pauses[at] = (ns, ended);
    }

    /// The pause and the end (Unix ns) of a collection, by its number modulo [`PAUSES`].
    pub fn pause(&self, at: usize) -> (u64, u64) {
        let f = lock(&self.figures);
        f.pauses.get(at).copied().unwrap_or_default()
    }

    /// Present figures.
    pub fn stats(&self) -> Stats {
        let fresh = self.fresh_bytes.load(Relaxed);
        let (used, sys, released) = {
            let p = lock(&self.pages);
            let released = p.released(&self.region) as u64 * BLOCK as u64;
            (
                p.used as u64 * BLOCK as u64,
                p.committed_bytes() as u64,
                released,
            )
        };
        let f = lock(&self.figures);
        Stats {
            heap_alloc: f.live + fresh,
            live: f.live,
            live_objects: f.live_objects,
            heap_inuse: used,
            heap_sys: sys,
            heap_released: released,
            total_alloc: self.old_bytes.load(Relaxed) + fresh,
            mallocs: self.mallocs.load(Relaxed),
            frees: f.frees,
            next_gc: f.live.saturating_add(self.goal.load(Relaxed)),
            num_gc: f.num_gc,
            pause_total_ns: f.pause_total_ns,
            forced: f.forced,
        }
    }
}
