//! Collection as the VM does it: stopping the world, roots, timers nobody can name, stacks
//! that have become too large, and then whatever `afterlife` wants called.
#![allow(unsafe_code)]

use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cx::Cx;
use super::exec::{GC_ASKED, GC_COUNT, Vm, runtime};
use super::goroutine::{self, Word};
use super::leak::{self, Seeker};
use super::{afterlife, gctrace, roots, session};
use crate::bytecode::program::funcs;
use crate::heap::{AllocCache, Marker, heap};
use crate::race;
use crate::runtime::sched::Runtime;
use crate::runtime::sched::task::{G, GRef, State};
use crate::runtime::sched::worker::Worker;
use crate::runtime::trace;

/// Why a collection is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// The allocator or the helpers that mark asked for the next step.
    Due,
    /// The program asked: a whole collection, which it waits for.
    Asked,
    /// Memory is exhausted: a whole collection with the world stopped.
    NoMemory,
}

/// The next step has to free memory at once.
static URGENT: AtomicBool = AtomicBool::new(false);

/// Called on a helper thread: all is marked that helpers know of.
pub(super) fn marked() {
    GC_ASKED.store(true, Ordering::Release);
    if let Some(rt) = runtime() {
        rt.poke_all();
    }
}

/// Asks for a whole collection with the world stopped.
pub(super) fn ask_urgently(rt: &Runtime) {
    URGENT.store(true, Ordering::Release);
    GC_ASKED.store(true, Ordering::Release);
    rt.poke_all();
}

impl Vm {
    /// Takes the next step of a collection, or the steps of a whole one.
    pub(super) fn collect(&self, cx: &mut Cx, why: Why) {
        goroutine::save(cx);
        if why == Why::Due && heap().is_marking() && !URGENT.load(Ordering::Acquire) {
            // The program may have brought up more to mark since the helpers called.
            GC_ASKED.store(false, Ordering::SeqCst);
            if !heap().finish_is_due() {
                return;
            }
            GC_ASKED.store(true, Ordering::SeqCst);
        }
        match why {
            Why::Due => self.stopped(cx, false, |rt| {
                if !GC_ASKED.swap(false, Ordering::AcqRel) {
                    return;
                }
                // SAFETY: the world is stopped.
                unsafe {
                    if URGENT.swap(false, Ordering::AcqRel) {
                        end_marking(rt, true);
                        collect_stopped(rt, None);
                    } else if heap().is_marking() {
                        end_marking(rt, false);
                    } else {
                        begin(rt);
                    }
                }
            }),
            Why::Asked => {
                // One that is under way does not count: it keeps what died meanwhile.
                self.complete(cx);
                gctrace::forced();
                // SAFETY: the world is stopped.
                self.stopped(cx, true, |rt| unsafe {
                    if !heap().is_marking() {
                        begin(rt);
                    }
                });
                self.complete(cx);
                heap().after_cycle(true);
            }
            // SAFETY: the world is stopped.
            Why::NoMemory => self.stopped(cx, true, |rt| unsafe {
                end_marking(rt, true);
                collect_stopped(rt, None);
            }),
        }
        if let Some(id) = self.finalizers
            && afterlife::claim_runner()
        {
            let w = cx.w();
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

    /// Runs `f` while the world is stopped; `now`: memory is given back before this returns.
    fn stopped(&self, cx: &Cx, now: bool, f: impl FnOnce(&Runtime)) {
        let w = cx.w();
        let begun = gctrace::clock();
        w.stop_the_world();
        let before = GC_COUNT.load(Ordering::Relaxed);
        trace::collection(true);
        f(w.rt());
        trace::collection(false);
        gctrace::paused(begun);
        let ended = GC_COUNT.load(Ordering::Relaxed) != before;
        if ended {
            gctrace::ended(w.rt().procs() as u64);
        }
        w.start_the_world();
        if ended {
            heap().after_cycle(now);
        }
    }

    /// Waits for the end of the collection under way, if there is one.
    fn complete(&self, cx: &Cx) {
        while heap().is_marking() {
            let (w, g) = (cx.w(), cx.g());
            w.enter_blocking(g, true);
            heap().wait_marked();
            w.exit_blocking(g);
            self.stopped(cx, true, |rt| {
                if heap().is_marking() {
                    // SAFETY: the world is stopped.
                    unsafe { end_marking(rt, false) };
                }
            });
        }
    }
}

/// Collects and finds the goroutines that nobody can wake any more; `f` sees them while
/// the world is stopped. The caller's state is saved; `who` says what it still reaches.
pub fn find_lost<R>(w: &Worker, who: &Seeker, f: impl FnOnce(&Runtime, &[GRef]) -> R) -> R {
    w.stop_the_world();
    // SAFETY: the world is stopped.
    let lost = unsafe {
        end_marking(w.rt(), true);
        collect_stopped(w.rt(), Some(who))
    };
    let r = f(w.rt(), &lost);
    w.start_the_world();
    heap().after_cycle(true);
    r
}

/// As [`find_lost`], from a thread that runs no goroutine.
pub fn find_lost_outside<R>(rt: &Runtime, f: impl FnOnce(&[GRef]) -> R) -> R {
    let r = rt.while_stopped(|| {
        let who = Seeker::everything(null());
        // SAFETY: the world is stopped.
        let lost = unsafe {
            end_marking(rt, true);
            collect_stopped(rt, Some(&who))
        };
        f(&lost)
    });
    heap().after_cycle(true);
    r
}

/// Begins a collection: beside the program if the heap is big, else a whole one at once.
///
/// # Safety
/// The world is stopped and no marking goes on.
unsafe fn begin(rt: &Runtime) {
    // The detector looks at marks in the end, a session at every object when it likes.
    if race::on() || session::active() || !heap().marks_beside() {
        // SAFETY: the world is stopped.
        unsafe { collect_stopped(rt, None) };
        return;
    }
    // SAFETY: the world is stopped.
    unsafe { flush(rt) };
    GC_ASKED.store(false, Ordering::Release);
    gctrace::begun(true);
    afterlife::age_pools();
    // SAFETY: the world is stopped and every cache flushed.
    unsafe { heap().start_marking(&mut |m| mark_roots(rt, m, &mut |m| mark_all_g(rt, m))) };
}

/// Ends the collection under way, if there is one; `whole`: however much is left to mark.
///
/// # Safety
/// The world is stopped.
unsafe fn end_marking(rt: &Runtime, whole: bool) {
    if !heap().is_marking() {
        return;
    }
    // SAFETY: the world is stopped.
    unsafe { flush(rt) };
    gctrace::marked();
    // SAFETY: the world is stopped and every cache flushed; the roots are those of
    // `begin`.
    let done = unsafe {
        heap().finish_marking(
            whole,
            &mut |m| mark_roots(rt, m, &mut |m| mark_all_g(rt, m)),
            &mut |m| mark_last(rt, m),
        )
    };
    if done {
        finished(rt);
    }
}

/// For a seeker it returns the lost goroutines.
///
/// # Safety
/// The world is stopped and no marking goes on.
unsafe fn collect_stopped(rt: &Runtime, seek: Option<&Seeker>) -> Vec<GRef> {
    let mut lost = Vec::new();
    // SAFETY: the world is stopped.
    unsafe { flush(rt) };
    gctrace::begun(false);
    afterlife::age_pools();
    // SAFETY: the world is stopped and every cache flushed; the roots are all places
    // outside the heap that hold guest pointers.
    unsafe {
        heap().collect(&mut |m| {
            if seek.is_some_and(|s| s.among == 0) {
                // Looking for lost goroutines, whatever a timer leads to counts.
                rt.for_each_timer(|t| {
                    m.mark_word(t as *const _ as u64);
                    m.mark_word(t.arg() as u64);
                });
            }
            mark_roots(rt, m, &mut |m| match seek {
                None => mark_all_g(rt, m),
                Some(who) => lost = leak::mark_all(rt, m, who, |g, m| mark_g(g, m)),
            });
            m.drain();
            mark_last(rt, m);
            if race::on() {
                m.drain();
                race_collect(rt, m);
            }
        });
    }
    finished(rt);
    lost
}

/// After a collection, the world still being stopped.
fn finished(rt: &Runtime) {
    GC_ASKED.store(false, Ordering::Release);
    GC_COUNT.fetch_add(1, Ordering::Relaxed);
    rt.for_each_g(|g| {
        // A running goroutine's registers and a native's arguments point into the stack.
        if matches!(g.state(), State::Waiting | State::Runnable) {
            goroutine::shrink(g);
        }
    });
}

/// Makes allocation bits exact: no cache holds cells.
///
/// # Safety
/// The world is stopped.
pub unsafe fn flush(rt: &Runtime) {
    rt.for_each_p(|p| {
        // SAFETY: the world is stopped: the P's words are ours.
        let cache = unsafe { (*p.ext.get())[0] as *mut AllocCache };
        if !cache.is_null() {
            // SAFETY: made by `p_init`.
            unsafe { (*cache).flush() };
        }
    });
}

/// Marks what all places outside the heap refer to; `gs` marks for the goroutines.
///
/// # Safety
/// The world is stopped.
unsafe fn mark_roots(rt: &Runtime, m: &mut Marker, gs: &mut dyn FnMut(&mut Marker)) {
    roots::for_each_global(&mut |p, n| {
        // In race runs package variables lie in the heap.
        m.mark_word(p as u64);
        // SAFETY: package variables, readable words.
        unsafe { m.mark_range(p, n) };
    });
    rt.for_each_timer(|t| {
        if !t.is_channel() {
            m.mark_word(t as *const _ as u64);
            m.mark_word(t.arg() as u64);
        }
    });
    crate::stdlib::mark_roots(m);
    gs(m);
    // SAFETY: the collector marks.
    unsafe { afterlife::mark(m) };
}

/// The end of marking: finalizers, and timers whose channel nobody can name.
fn mark_last(rt: &Runtime, m: &mut Marker) {
    afterlife::settle(m);
    // A pending timer of an unmarked channel will never be noticed.
    rt.retain_timers(|t| {
        let addr = t as *const _ as usize;
        if m.is_marked(addr) {
            // Its channel or function is, too: the timer names it. There may be very many
            // timers, so none of them is looked at without need.
            return true;
        }
        let keep = !t.is_channel() || m.is_marked(t.arg());
        if keep {
            m.mark_word(addr as u64);
            m.mark_word(t.arg() as u64);
        }
        keep
    });
}

fn mark_all_g(rt: &Runtime, m: &mut Marker) {
    // SAFETY: the world is stopped (callers).
    rt.for_each_g(|g| unsafe { mark_g(g, m) });
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
