//! CPU samples for `runtime/pprof`: a thread asks every running goroutine for its stack a
//! hundred times a second; each notes it at its next call or jump. Without a profile there
//! is no thread, and nothing is asked.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::exec::runtime;
use super::traceback::{self, Frame};
use crate::bytecode::program::funcs;
use crate::runtime::sched::task::G;
use crate::runtime::tuning::MAX_PS;

/// Nanoseconds between two samples.
pub const PERIOD: u64 = 10_000_000;

static ON: AtomicBool = AtomicBool::new(false);
/// How often each stack was seen.
static SEEN: Mutex<Option<HashMap<Vec<usize>, u64>>> = Mutex::new(None);
/// Ticks of each processor since its goroutine last answered.
static TICKS: [AtomicU32; MAX_PS] = [const { AtomicU32::new(0) }; MAX_PS];

/// The places of a stack, as `runtime.Callers` gives them: return addresses, or the
/// function's beginning.
pub fn addresses(frames: &[Frame]) -> Vec<usize> {
    frames
        .iter()
        .map(|f| {
            let entry = funcs()
                .find(f.pc)
                .is_some_and(|p| p.code.as_ptr() as usize == f.pc);
            if f.is_return || entry { f.pc } else { f.pc + 8 }
        })
        .collect()
}

/// Bytes and objects allocated at each stack.
type Allocs = HashMap<Vec<usize>, (u64, u64)>;
static ALLOCS: Mutex<Option<Allocs>> = Mutex::new(None);
thread_local! {
    /// What this thread has allocated and nobody has answered for yet.
    static PENDING: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Told by the allocator.
fn allocated(bytes: u64, objects: u64) {
    let (b, n) = PENDING.get();
    PENDING.set((b + bytes, n + objects));
    super::exec::ask_for_sample();
}

/// Starts the profile of allocations: every 32 KiB or so the goroutine that allocates notes
/// its stack at its next call or jump.
pub fn start_allocs() {
    let mut all = ALLOCS.lock().unwrap_or_else(PoisonError::into_inner);
    all.get_or_insert_default();
    drop(all);
    crate::heap::alloc::listen(allocated);
}

/// What the profile of allocations has; empty if there is none.
pub fn allocs() -> Allocs {
    let all = ALLOCS.lock().unwrap_or_else(PoisonError::into_inner);
    all.clone().unwrap_or_default()
}

/// Notes where `g`, which ran on processor `p` until now, is.
pub(super) fn sample(p: u32, g: &G) {
    let (bytes, objects) = PENDING.take();
    if bytes > 0 {
        let stack = addresses(&traceback::stopped_frames(g));
        let mut all = ALLOCS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(all) = &mut *all {
            let sum = all.entry(stack).or_default();
            *sum = (sum.0 + bytes, sum.1 + objects);
        }
    }
    let n = TICKS[p as usize].swap(0, Ordering::Relaxed);
    if n == 0 || !ON.load(Ordering::Relaxed) {
        return;
    }
    let stack = addresses(&traceback::stopped_frames(g));
    if let Some(seen) = &mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner) {
        *seen.entry(stack).or_default() += u64::from(n);
    }
}

/// Starts sampling. False: it is on, or there can be no thread for it.
pub fn start() -> bool {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.is_some() {
        return false;
    }
    *seen = Some(HashMap::new());
    ON.store(true, Ordering::Relaxed);
    let sampler = || {
        while ON.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_nanos(PERIOD));
            if let Some(rt) = runtime() {
                rt.sample_all(|p| {
                    TICKS[p as usize].fetch_add(1, Ordering::Relaxed);
                });
            }
        }
    };
    let made = std::thread::Builder::new()
        .name("profile".into())
        .spawn(sampler);
    if made.is_err() {
        *seen = None;
    }
    made.is_ok()
}

/// Ends sampling: the stacks and how often each was seen.
pub fn stop() -> Option<HashMap<Vec<usize>, u64>> {
    ON.store(false, Ordering::Relaxed);
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).take()
}
