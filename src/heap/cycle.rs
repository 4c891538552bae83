//! Concurrent collection: marking beside the running program.
//!
//! A cycle, each step begun by the VM (`vm::collect`):
//! 1. [`Heap::start_marking`], the world stopped: roots are marked, all stacks among them,
//!    and the barrier goes on (see `barrier`).
//! 2. The program runs. Helper threads mark. Caches take cells as marked ones. A program
//!    that allocates faster than they mark does part of the work itself (`assist`).
//! 3. When no helper has work, no assistant is at work and nothing shaded is left, the
//!    helpers call the hook of [`Heap::set_marked_hook`].
//! 4. [`Heap::finish_marking`], the world stopped again: the little that was shaded since is
//!    marked. If that turns out to be much, the world goes on and so does step 2. Then the
//!    barrier goes off and memory is freed as after any collection.
//! 5. [`Heap::after_cycle`]: a helper sweeps blocks and gives memory back to the system,
//!    both beside the program.
//!
//! Shaded objects that are still to be scanned wait in a few lists behind locks
//! (`shaded`), chosen by thread; each object gets there once at most.
#![allow(unsafe_code)]

use super::alloc::{Heap, lock};
use super::barrier;
use super::block::{BLOCK_SHIFT, kind, kind_of};
use super::gc::{KEEP, Marker};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Lists of shaded objects.
const SHARDS: usize = 16;
/// A list this long becomes a packet for the helpers.
const SHADED_MAX: usize = 256;
/// Bytes an assistant marks for each byte allocated.
const ASSIST_FACTOR: u64 = 4;
/// Bytes that may be marked while the world is stopped at the end: about a millisecond.
const FINISH_BUDGET: u64 = 1 << 20;

/// Where a collection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Phase {
    #[default]
    Idle,
    /// Helpers mark beside the program.
    Marking,
    /// They have found no more; the hook was called.
    Marked,
}

/// What a concurrent cycle needs beside the helpers' pool.
#[derive(Default)]
pub(super) struct Cycle {
    marking: AtomicBool,
    /// `GODEBUG=gccheckmark=1`
    check: AtomicBool,
    shaded: [Mutex<Vec<usize>>; SHARDS],
    /// Held while a block is swept beside the program.
    background: Mutex<()>,
    /// Blocks to keep when memory is given back, plus one; 0: nothing to be done.
    keep: AtomicU32,
    /// `fresh_bytes` when marking began, and from where on programs must assist.
    began_at: AtomicU64,
    assist_from: AtomicU64,
    marked_hook: OnceLock<fn()>,
}

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    SHARD.with(|s| {
        if s.get() == usize::MAX {
            s.set(NEXT.fetch_add(1, Relaxed) % SHARDS);
        }
        s.get()
    })
}

impl Heap {
    /// Whether marking goes on beside the program.
    #[inline(always)]
    pub fn is_marking(&self) -> bool {
        self.cycle.marking.load(Relaxed)
    }

    /// Sets what runs on a helper thread when it is time for [`Heap::finish_marking`].
    pub fn set_marked_hook(&self, f: fn()) {
        let _ = self.cycle.marked_hook.set(f);
    }

    /// Marks a second time after each concurrent marking and compares.
    pub fn set_check_marks(&self, on: bool) {
        self.cycle.check.store(on, Relaxed);
        self.set_trigger(lock(&self.figures).live);
    }

    /// Whether marks are checked: every collection should then be concurrent.
    pub fn checks_marks(&self) -> bool {
        self.cycle.check.load(Relaxed)
    }

    /// Whether the object at `addr` is known to hold no pointers.
    pub(super) fn is_noscan(&self, addr: usize) -> bool {
        let off = addr.wrapping_sub(self.region.base);
        if off >= self.used_bytes() {
            return false;
        }
        // SAFETY: a block below `top` has a record, complete once its kind says so.
        unsafe {
            let m = self.region.meta((off >> BLOCK_SHIFT) as u32);
            kind_of(m) != kind::FREE && (*m).noscan
        }
    }

    /// Marks what `word` points to, on behalf of the program.
    pub(super) fn shade(&'static self, word: u64) {
        if !self.is_marking() {
            return;
        }
        let mut list = lock(&self.cycle.shaded[shard()]);
        let mut m = Marker::new(self, true);
        m.stack = std::mem::take(&mut *list);
        m.mark_word(word);
        self.helpers.add_live(&mut m);
        *list = std::mem::take(&mut m.stack);
        if list.len() >= SHADED_MAX {
            let packet = std::mem::take(&mut *list);
            drop(list);
            self.helpers.push(packet);
        }
    }

    /// Takes what was shaded and is still to be scanned.
    pub(super) fn take_shaded(&self) -> Vec<usize> {
        let mut all = Vec::new();
        for s in &self.cycle.shaded {
            all.append(&mut lock(s));
        }
        all
    }

    /// No marker has work. True: the cycle's last step is due.
    pub(super) fn call_marked_hook(&self) {
        if let Some(f) = self.cycle.marked_hook.get() {
            f();
        }
    }

    /// After an allocation of `bytes` while marking; `n` bytes since the last collection.
    #[cold]
    #[inline(never)]
    pub(super) fn assist(&'static self, n: u64, bytes: u64) {
        if n < self.cycle.assist_from.load(Relaxed) {
            return;
        }
        if !self
            .helpers
            .assist(self, bytes.min(1 << 20) * ASSIST_FACTOR)
        {
            // Nothing to share: give the helpers time.
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
    }

    /// Begins a cycle: `roots` marks everything the guest can name.
    ///
    /// # Safety
    /// As [`Heap::collect`]; from now on overwritten pointers are shaded.
    pub unsafe fn start_marking(&'static self, roots: &mut dyn FnMut(&mut Marker)) {
        let _still = self.no_background();
        self.helpers.start(self);
        // SAFETY: the world is stopped and nothing is swept beside it.
        unsafe { self.finish_sweep(true) };
        let mut m = Marker::new(self, true);
        roots(&mut m);
        self.helpers.add_live(&mut m);
        let fresh = self.fresh_bytes.load(Relaxed);
        self.cycle.began_at.store(fresh, Relaxed);
        // Half of what is left to the goal is free.
        let left = self.goal.load(Relaxed).saturating_sub(fresh);
        let from = fresh.saturating_add((left / 2).max(1 << 20));
        self.cycle.assist_from.store(from, Relaxed);
        self.cycle.marking.store(true, Relaxed);
        barrier::set(self, true);
        self.helpers.begin(std::mem::take(&mut m.stack));
    }

    /// Ends a cycle unless there is much left to mark (`whole`: also then). `roots` is as
    /// in [`Heap::start_marking`] and only used to check; `last` marks what the end of
    /// marking itself brings up. False: the world must go on, and this be called again.
    ///
    /// # Safety
    /// As [`Heap::collect`]; [`Heap::is_marking`] is true.
    pub unsafe fn finish_marking(
        &'static self,
        whole: bool,
        roots: &mut dyn FnMut(&mut Marker),
        last: &mut dyn FnMut(&mut Marker),
    ) -> bool {
        let mut m = Marker::new(self, true);
        m.stack = self.take_shaded();
        if !self
            .helpers
            .finish(&mut m, if whole { u64::MAX } else { FINISH_BUDGET })
        {
            return false;
        }
        if self.checks_marks() {
            // SAFETY: the world is stopped and marking is complete.
            if let Some((at, bytes)) = unsafe { self.check_marks(roots) } {
                missed_object(at, bytes);
            }
        }
        last(&mut m);
        m.drain();
        self.helpers.add_live(&mut m);
        let (live, objects) = self.helpers.take_live();
        let since = self
            .fresh_bytes
            .load(Relaxed)
            .saturating_sub(self.cycle.began_at.load(Relaxed));
        self.cycle.marking.store(false, Relaxed);
        barrier::set(self, false);
        // SAFETY: the world is stopped, and marking is complete.
        unsafe { self.conclude(live + since, objects) };
        true
    }

    /// Whether all is marked that helpers know of.
    pub fn finish_is_due(&self) -> bool {
        self.helpers.finish_is_due()
    }

    /// Waits until the helpers have marked everything they know of, or nothing is marked
    /// any more. Not on a thread that the stopped world would wait for.
    pub fn wait_marked(&self) {
        self.helpers.wait_marked();
    }

    /// Gives memory back after a collection: at once, or by a helper.
    pub fn after_cycle(&'static self, at_once: bool) {
        if at_once || !self.helpers.call_background() {
            let keep = self.cycle.keep.swap(0, Relaxed);
            if keep != 0 {
                self.trim(keep - 1);
            }
        }
    }

    /// How many free blocks are kept when memory is given back next.
    pub(super) fn set_keep(&self, live: u64) {
        let trigger = self.trigger.load(Relaxed).min(live.max(4 << 20));
        let blocks = trigger >> BLOCK_SHIFT;
        let keep = blocks.min(u64::from(u32::MAX / 2)) as u32 + KEEP;
        let keep = if self.take_free_all() { 0 } else { keep };
        self.cycle.keep.store(keep + 1, Relaxed);
    }

    /// Gives memory back, a piece at a time: the page lock alone makes that safe.
    fn trim(&self, keep: u32) {
        let runs = lock(&self.pages).surplus(&self.region, keep);
        for run in runs {
            let mut at = Some(run.1);
            while let Some(b) = at {
                at = lock(&self.pages).give_back(&self.region, run, b);
            }
        }
    }

    /// Holds off sweeping beside the program.
    pub(super) fn no_background(&self) -> MutexGuard<'_, ()> {
        lock(&self.cycle.background)
    }

    /// One step of what is to be done between collections. False: nothing is left.
    pub(super) fn background_step(&self) -> bool {
        let keep = self.cycle.keep.swap(0, Relaxed);
        if keep != 0 {
            self.trim(keep - 1);
            return true;
        }
        let _one = self.no_background();
        for room in &self.rooms {
            let Some(b) = lock(room).unswept.pop() else {
                continue;
            };
            // SAFETY: the block left the list, so it is ours alone; collections wait for
            // the lock above.
            if unsafe { self.sweep(b) } > 0 {
                lock(room).partial.push(b);
            }
            return true;
        }
        false
    }

    /// Marks again from the roots and compares: what is reached must have been marked. The
    /// first object, and its size, of which that is not so.
    ///
    /// # Safety
    /// The world is stopped and marking is complete.
    unsafe fn check_marks(
        &'static self,
        roots: &mut dyn FnMut(&mut Marker),
    ) -> Option<(usize, usize)> {
        let mut found = None;
        let end = lock(&self.pages).next;
        let mut had: Vec<(u8, Vec<u64>)> = Vec::new();
        // SAFETY: the world is stopped: records and bits of all blocks are this thread's.
        unsafe {
            let words = |b: u32| ((*self.region.meta(b)).ncells as usize).div_ceil(64);
            for b in 0..end {
                let m = self.region.meta(b);
                let mut marks = Vec::new();
                if b > 0 && (*m).kind == kind::SMALL {
                    for w in 0..words(b) {
                        let p = self.region.bits(b).add(w * 2 + 1);
                        marks.push(std::mem::take(&mut *p));
                    }
                }
                let live = if b > 0 { (*m).live.swap(0, Relaxed) } else { 0 };
                had.push((live, marks));
            }
            let mut m = Marker::new(self, false);
            roots(&mut m);
            m.drain();
            for b in 1..end {
                let r = self.region.meta(b);
                let (live, marks) = &had[b as usize];
                match (*r).kind {
                    kind::SMALL => {
                        for (w, had) in marks.iter().enumerate() {
                            let p = self.region.bits(b).add(w * 2 + 1);
                            let missed = *p & !had;
                            if missed != 0 {
                                let cell = w * 64 + missed.trailing_zeros() as usize;
                                let at = self.region.addr(b) + cell * (*r).cell as usize;
                                found = Some((at, (*r).cell as usize));
                            }
                            *p = *had;
                        }
                    }
                    kind::HEAD if (*r).live.load(Relaxed) != 0 && *live == 0 => {
                        found = Some((self.region.addr(b), (*(*r).large).bytes));
                    }
                    _ => {}
                }
                (*r).live.store(*live, Relaxed);
            }
        }
        found
    }
}

/// Ends the process: going on would free memory that is in use.
fn missed_object(at: usize, bytes: usize) -> ! {
    eprintln!(
        "runtime: checkmarks found unexpected unmarked object obj={at:#x} of {bytes} bytes\n\
         fatal error: checkmark found unmarked object"
    );
    std::process::exit(2)
}

/// Locks through a poisoned state, as everywhere in the heap.
pub(super) fn relock<'a, T>(
    r: Result<MutexGuard<'a, T>, PoisonError<MutexGuard<'a, T>>>,
) -> MutexGuard<'a, T> {
    r.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "cycle_tests.rs"]
mod tests;
