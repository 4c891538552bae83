//! Collection as the VM does it: stopping the world, roots, timers nobody can name, stacks
//! that have become too large, and then whatever `afterlife` wants called.
#![allow(unsafe_code)]

use std::ptr::null;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use super::cx::Cx;
use super::exec::{GC_ASKED, GC_COUNT, LAST_GC, Vm};
use super::goroutine::{self, Word};
use super::leak::{self, Seeker};
use super::{afterlife, roots};
use crate::bytecode::program::funcs;
use crate::heap::{AllocCache, Marker, heap};
use crate::race;
use crate::runtime::sched::Runtime;
use crate::runtime::sched::task::{G, GRef, State};
use crate::runtime::sched::worker::Worker;

impl Vm {
    /// Stops the world and collects. `force`: also when nobody asked.
    pub(super) fn collect(&self, cx: &mut Cx, force: bool) {
        goroutine::save(cx);
        let w = cx.w();
        w.stop_the_world();
        if force || GC_ASKED.load(Ordering::Acquire) {
            crate::runtime::trace::collection(true);
            // SAFETY: the world is stopped.
            unsafe { collect_stopped(w.rt(), None) };
            crate::runtime::trace::collection(false);
            GC_COUNT.fetch_add(1, Ordering::Relaxed);
            GC_ASKED.store(false, Ordering::Release);
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            LAST_GC.store(now.map_or(0, |d| d.as_nanos() as u64), Ordering::Relaxed);
        }
        w.start_the_world();
        if let Some(id) = self.finalizers
            && afterlife::claim_runner()
        {
            let g = w.spawn(0, 0);
            // SAFETY: a function without arguments.
            if !unsafe { goroutine::prepare(&g, id, 0, null(), 0) } {
                self.out_of_memory(w.rt());
            }
            if race::on() {
                // Collection comes after everything that led to the object's end.
                goroutine::watch(&g, &race::collect::before_finalizers(), 0);
            }
            w.ready_new(g);
        }
        cx.moved();
    }
}

/// Collects and finds the goroutines that nobody can wake any more; `f` sees them while
/// the world is stopped. The caller's state is saved; `who` says what it still reaches.
pub fn find_lost<R>(w: &Worker, who: &Seeker, f: impl FnOnce(&Runtime, &[GRef]) -> R) -> R {
    w.stop_the_world();
    // SAFETY: the world is stopped.
    let lost = unsafe { collect_stopped(w.rt(), Some(who)) };
    let r = f(w.rt(), &lost);
    w.start_the_world();
    r
}

/// As [`find_lost`], from a thread that runs no goroutine.
pub fn find_lost_outside<R>(rt: &Runtime, f: impl FnOnce(&[GRef]) -> R) -> R {
    rt.while_stopped(|| {
        let who = Seeker::everything(null());
        // SAFETY: the world is stopped.
        let lost = unsafe { collect_stopped(rt, Some(&who)) };
        f(&lost)
    })
}

/// Gives what the allocation caches hold back to the heap.
///
/// # Safety
/// The world is stopped.
pub unsafe fn flush_caches(rt: &Runtime) {
    rt.for_each_p(|p| {
        // SAFETY: the world is stopped: the P's words are ours.
        let cache = unsafe { (*p.ext.get())[0] as *mut AllocCache };
        if !cache.is_null() {
            // SAFETY: made by `p_init`.
            unsafe { (*cache).flush() };
        }
    });
}

/// For a seeker it returns the lost goroutines.
///
/// # Safety
/// The world is stopped.
unsafe fn collect_stopped(rt: &Runtime, seek: Option<&Seeker>) -> Vec<GRef> {
    let mut lost = Vec::new();
    // SAFETY: by the caller's promise.
    unsafe { flush_caches(rt) };
    afterlife::age_pools();
    // SAFETY: the world is stopped and every cache flushed; the roots below are all places
    // outside the heap that hold guest pointers.
    unsafe {
        heap().collect(&mut |m| {
            roots::for_each_global(&mut |p, n| {
                // In race runs package variables lie in the heap.
                m.mark_word(p as u64);
                m.mark_range(p, n);
            });
            rt.for_each_timer(|t| {
                // Looking for lost goroutines, whatever a timer leads to counts.
                if !t.is_channel() || seek.is_some_and(|s| s.among == 0) {
                    m.mark_word(t as *const _ as u64);
                    m.mark_word(t.arg() as u64);
                }
            });
            crate::stdlib::mark_roots(m);
            match seek {
                None => rt.for_each_g(|g| mark_g(g, m)),
                Some(who) => lost = leak::mark_all(rt, m, who, |g, m| mark_g(g, m)),
            }
            afterlife::mark(m);
            m.drain();
            afterlife::settle(m);
            // A pending timer whose channel nobody can name will never be noticed.
            rt.retain_timers(|t| {
                let addr = t as *const _ as usize;
                let keep = !t.is_channel() || m.is_marked(addr) || m.is_marked(t.arg());
                if keep {
                    m.mark_word(addr as u64);
                    m.mark_word(t.arg() as u64);
                }
                keep
            });
            if race::on() {
                m.drain();
                race_collect(rt, m);
            }
        });
    }
    rt.for_each_g(|g| {
        // A running goroutine's registers and a native's arguments point into the stack.
        if matches!(g.state(), State::Waiting | State::Runnable) {
            goroutine::shrink(g);
        }
    });
    lost
}

/// The race detector's part of a collection, after marking.
fn race_collect(rt: &Runtime, m: &Marker) {
    let (base, len) = (heap().base(), heap().region_bytes());
    race::collect::forget_dead(&|a| a.wrapping_sub(base) < len && !m.is_marked(a));
    let mut all = Vec::new();
    rt.for_each_g(|g| all.push(g.gref()));
    let mut threads: Vec<&mut race::Thread> = all.iter().filter_map(|g| g.race()).collect();
    if afterlife::waiting() {
        race::collect::note_all(&threads);
    }
    if !race::collect::scan_due() {
        return;
    }
    let mut timers = Vec::new();
    rt.for_each_timer(|t| timers.push(race::sync::published(t as *const _ as usize)));
    race::collect::scan(base, heap().used_bytes(), &mut threads, &timers);
}

/// Marks what a goroutine refers to.
///
/// # Safety
/// The world is stopped.
unsafe fn mark_g(g: &G, m: &mut Marker) {
    if let Some((p, n)) = goroutine::stack_words(g) {
        // SAFETY: the goroutine's stack, which nobody moves while the world is stopped.
        unsafe { m.mark_range(p, n) };
    }
    if let Some(recs) = goroutine::panics(g) {
        for r in recs {
            m.mark_word(r.value.1);
        }
    }
}

/// Where the words in use of a stopped goroutine's stack end.
pub(super) fn stack_top(g: &G) -> usize {
    let hi = goroutine::get(g, Word::StackHi);
    let fp = goroutine::get(g, Word::Fp);
    match funcs().find(goroutine::get(g, Word::Pc)) {
        Some(p) => (fp + p.nslots * 8).min(hi),
        None => hi,
    }
}
