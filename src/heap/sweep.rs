//! The end of a collection: free blocks, blocks to be swept, figures.
#![allow(unsafe_code)]

use super::alloc::{Heap, lock};
use super::block::kind;
use std::sync::atomic::Ordering::Relaxed;

impl Heap {
    /// The end of a collection: frees what is not marked and sets the next one's time.
    ///
    /// # Safety
    /// The world is stopped, caches are flushed, marking is complete.
    pub(super) unsafe fn conclude(&self, live: u64, objects: u64) {
        // SAFETY: as the caller promises.
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
        self.set_keep(live);
    }

    /// Sweeps what the last cycle did not get to. `keep`: blocks with room stay listed, for
    /// a program that goes on; else the lists are emptied.
    ///
    /// # Safety
    /// The world is stopped, all caches are flushed, nothing is swept beside it.
    pub(super) unsafe fn finish_sweep(&self, keep: bool) {
        for room in &self.rooms {
            let mut room = lock(room);
            let room = &mut *room;
            for b in room.unswept.drain(..) {
                // SAFETY: listed blocks are SMALL and the world is stopped.
                if unsafe { self.sweep(b) } > 0 {
                    room.partial.push(b);
                }
            }
            if !keep {
                room.partial.clear();
            }
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
                        pages.add_run(run, b);
                    }
                    run = b + n;
                }
            }
            b += n;
        }
        if run < end {
            pages.add_run(run, end);
        }
        for room in &mut rooms {
            room.partial.clear();
            room.unswept.reverse(); // popped from the end: lowest addresses first
        }
    }
}
