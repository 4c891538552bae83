//! The figures of collections: pauses for `runtime.MemStats`, and the lines of
//! `GODEBUG=gctrace=1`, in Go's form.
//!
//! A line's clock times are the two pauses and what lies between them; a collection with the
//! world stopped all the time counts as the second pause. The middle part of the processor
//! times is assistance by the program, helper threads, and 0.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::heap::heap;
use crate::runtime::limits::godebug;

/// When the last collection ended, in Unix ns.
pub static LAST_GC: AtomicU64 = AtomicU64::new(0);

/// The collection under way.
#[derive(Default)]
struct Record {
    /// Clock at the beginning, and of the present pause.
    begun: u64,
    /// Stopped time at the beginning and at the end.
    first: u64,
    last: u64,
    beside: bool,
    forced: bool,
    /// Heap bytes at the beginning and when all was marked; the goal.
    at_first: u64,
    at_last: u64,
    goal: u64,
    /// Processor time of all collections so far.
    cpu: u64,
}

static RECORD: Mutex<Option<Record>> = Mutex::new(None);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn record() -> MutexGuard<'static, Option<Record>> {
    RECORD.lock().unwrap_or_else(PoisonError::into_inner)
}
fn with<R>(f: impl FnOnce(&mut Record) -> R) -> R {
    f(record().get_or_insert_with(Record::default))
}

/// ns since the program started.
pub fn clock() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// The next collection is one that the program asked for.
pub fn forced() {
    with(|r| r.forced = true);
}

/// A collection begins, the world being stopped.
pub fn begun(beside: bool) {
    let s = heap().stats();
    with(|r| {
        (r.begun, r.beside, r.first, r.last) = (clock(), beside, 0, 0);
        (r.at_first, r.at_last, r.goal) = (s.heap_alloc, s.heap_alloc, s.next_gc);
    });
}

/// All is marked, or nearly.
pub fn marked() {
    let now = heap().stats().heap_alloc;
    with(|r| r.at_last = now);
}

/// A pause that began at `from` ends.
pub fn paused(from: u64) {
    let ns = clock() - from;
    let marking = heap().is_marking();
    with(|r| {
        if marking && r.first == 0 {
            r.first = ns;
        } else {
            r.last += ns;
        }
    });
}

/// The collection is over (the world is still stopped): books its pauses, and writes a line.
pub fn ended(procs: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let unix = now.map_or(0, |d| d.as_nanos() as u64);
    LAST_GC.store(unix, Relaxed);
    let (assists, helpers) = heap().take_mark_times();
    let mut line = String::new();
    with(|r| {
        let forced = std::mem::take(&mut r.forced);
        heap().note_pause(r.first + r.last, unix, forced);
        r.cpu += (r.first + r.last) * procs + assists + helpers;
        if godebug("gctrace") <= 0 {
            return;
        }
        let s = heap().stats();
        let end = clock();
        let between = (end - r.begun).saturating_sub(r.last);
        let between = if r.beside { between } else { 0 };
        let ms = |ns: u64| short(ns as f64 / 1e6);
        let mb = |n: u64| n >> 20;
        let percent = 100 * r.cpu / (end.max(1) * procs);
        // Writing to a String cannot fail.
        let _ = writeln!(
            line,
            "gc {} @{:.3}s {percent}%: {}+{}+{} ms clock, {}+{}/{}/0+{} ms cpu, \
             {}->{}->{} MB, {} MB goal, {} MB stacks, {} MB globals, {procs} P{}",
            s.num_gc,
            r.begun as f64 / 1e9,
            ms(r.first),
            ms(between),
            ms(r.last),
            ms(r.first * procs),
            ms(assists),
            ms(helpers),
            ms(r.last * procs),
            mb(r.at_first),
            mb(r.at_last),
            mb(s.live),
            mb(r.goal),
            0,
            0,
            if forced { " (forced)" } else { "" },
        );
    });
    if !line.is_empty() {
        use std::io::Write;
        // Nothing can be done when standard error is gone.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Two significant digits, as Go prints such times.
fn short(ms: f64) -> String {
    if ms >= 10.0 {
        return format!("{ms:.0}");
    }
    let mut digits = 1;
    let mut x = ms;
    while x < 1.0 && digits < 3 {
        x *= 10.0;
        digits += 1;
    }
    let s = format!("{ms:.digits$}");
    match s.trim_end_matches('0').trim_end_matches('.') {
        "" => "0".into(),
        t => t.into(),
    }
}
