//! What the garbage collector does for the detector, with the world stopped.
//!
//! Always: objects of `sync` that died are forgotten, before their address is used again.
//! When many segments were taken since the last time: the shadow of the whole heap is
//! scanned. An entry whose event every goroutine knows (also those that pending timers will
//! start) can race with nothing any more and goes; segments that nobody names afterwards
//! are numbers for new ones.

use super::clock::{Clock, Snap};
use super::shadow::{self, WIDE};
use super::{Local, Thread, sets, sync, thread};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Segments after which a collection scans.
const SCAN_AFTER: u32 = 1 << 18;
/// Segments after which a collection is asked for.
const ASK_AFTER: u32 = 1 << 20;

/// Segments handed out (counting those handed out again) since the last scan.
static SINCE: AtomicU32 = AtomicU32::new(0);

/// Ms, whose stock of numbers is not free.
struct Ptr(*mut Local);
// SAFETY: only dereferenced while the world is stopped.
#[allow(unsafe_code)]
unsafe impl Send for Ptr {}
static LOCALS: Mutex<Vec<Ptr>> = Mutex::new(Vec::new());

pub(super) fn register(l: *mut Local) {
    LOCALS.lock().expect("Ms").push(Ptr(l));
}

/// How many Ms there are.
pub(super) fn registered() -> u64 {
    LOCALS.lock().expect("Ms").len() as u64
}

/// Called when an M stocks up on segments.
pub(super) fn segments_taken(n: u32) {
    if SINCE.fetch_add(n, Relaxed) + n >= ASK_AFTER {
        crate::heap::heap().request_gc();
    }
}

/// Whether [`scan`] is due.
pub fn scan_due() -> bool {
    SINCE.load(Relaxed) >= SCAN_AFTER
}

/// Forgets synchronisation objects that are gone.
#[allow(unsafe_code)]
pub fn forget_dead(dead: &dyn Fn(usize) -> bool) {
    sync::forget(dead);
    super::order::forget(dead);
    for l in LOCALS.lock().expect("Ms").iter() {
        // SAFETY: Ms' states are never freed, and the world is stopped.
        unsafe { (*l.0).vars = sync::Cache::default() };
    }
}

static BEFORE_FINALIZERS: Mutex<Option<Snap>> = Mutex::new(None);

/// Notes all that has happened so far, for the goroutine that will run finalizers: as in
/// Go, the collector's finding that an object is gone comes after all its uses.
pub fn note_all(threads: &[&mut Thread]) {
    let mut clock = Clock::default();
    for t in threads {
        t.add_everything(&mut clock);
    }
    thread::add_ended(&mut clock);
    *BEFORE_FINALIZERS.lock().expect("finalizers") = Some(Snap {
        clock,
        chain: super::clock::NOBODY,
        epoch: 0,
    });
}

/// What the goroutine that runs finalizers starts with.
pub fn before_finalizers() -> Snap {
    let s = BEFORE_FINALIZERS.lock().expect("finalizers");
    s.clone().unwrap_or_default()
}

struct Bits(Vec<u64>);
impl Bits {
    fn set(&mut self, i: u32) {
        self.0[i as usize / 64] |= 1 << (i % 64);
    }
    fn has(&self, i: u32) -> bool {
        self.0[i as usize / 64] >> (i % 64) & 1 != 0
    }
}

/// Scans the shadow of `base .. base + size`. `threads` are all goroutines', `timers` what
/// goroutines of the future will start with.
#[allow(unsafe_code)]
pub fn scan(base: usize, size: usize, threads: &mut [&mut Thread], timers: &[Snap]) {
    let table = thread::segments();
    let mut used = Bits(vec![0; table.len() as usize / 64 + 1]);
    let mut common: Option<Clock> = None;
    let mut add = |c: Clock| match &mut common {
        None => common = Some(c),
        Some(k) => k.meet(&c),
    };
    for t in threads.iter() {
        add(t.knowledge());
        if t.current() != 0 {
            used.set(t.current());
        }
    }
    for s in timers {
        let mut c = s.clock.clone();
        if s.chain != super::clock::NOBODY {
            c.raise(s.chain, s.epoch);
        }
        add(c);
    }
    let common = common.unwrap_or_default();
    let known = |seg: u32| {
        let (chain, epoch) = thread::event_of(seg);
        common.get(chain) >= epoch
    };
    let mut nodes = Bits(vec![0; sets::limit() as usize / 64 + 1]);
    shadow::each_cell(base, size, &mut |c, rec| {
        if let Some(rec) = rec {
            rec.retain(&mut |seg| {
                let keep = !known(seg);
                if keep {
                    used.set(seg);
                }
                keep
            });
            return;
        }
        let (w, r) = (c.w.load(Relaxed), c.r.load(Relaxed));
        if w != 0 {
            if known(shadow::seg_of(w)) {
                c.w.store(0, Relaxed);
            } else {
                used.set(shadow::seg_of(w));
            }
        }
        if r & WIDE != 0 {
            let mut all = true;
            sets::each(r, &mut |seg, _| all &= known(seg));
            if all {
                c.r.store(0, Relaxed);
            } else {
                sets::each(r, &mut |seg, _| used.set(seg));
                sets::each_node(r, &mut |n| nodes.set(n));
            }
        } else if r != 0 {
            if known(shadow::seg_of(r)) {
                c.r.store(0, Relaxed);
            } else {
                used.set(shadow::seg_of(r));
            }
        }
    });
    sets::retain(&mut |n| nodes.has(n));
    for l in LOCALS.lock().expect("Ms").iter() {
        // SAFETY: Ms' states are never freed, and the world is stopped.
        let n = unsafe { &(*l.0).numbers };
        n.again.iter().for_each(|i| used.set(*i));
        (n.next..n.end).for_each(|i| used.set(i));
    }
    table.set_free((1..table.len()).filter(|i| !used.has(*i)).collect());
    for t in threads.iter_mut() {
        t.forget_numbers();
    }
    SINCE.store(0, Relaxed);
}
