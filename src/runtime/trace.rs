//! The execution trace behind `runtime/trace`: what every processor did when, as Chrome
//! trace events, which Perfetto opens.
//!
//! While no trace is on, each slice of a goroutine and each wake-up costs one look at a
//! flag. Threads record into buffers of their own; everything else happens in [`stop`].
//! Lanes of process 1 are processors with the goroutines' slices, lanes of process 2 are
//! goroutines with their states, regions and logs. Wake-ups are flow arrows.

use super::prim::nanotime;
use super::sched::task::G;
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static ON: AtomicBool = AtomicBool::new(false);

/// Whether a trace is being recorded.
#[inline(always)]
pub fn on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// What happened.
#[derive(Clone, Debug)]
enum What {
    /// The goroutine began to run on the processor; the number of its function.
    Begin {
        entry: usize,
    },
    /// It stopped running there.
    End {
        why: &'static str,
    },
    /// The goroutine (0: the runtime) made another one runnable.
    Wake {
        other: u64,
        new: bool,
    },
    /// A collection began or ended.
    Collect {
        begin: bool,
    },
    /// The program's own marks.
    Region {
        id: u64,
        begin: bool,
        name: String,
    },
    Task {
        id: u64,
        begin: bool,
        name: String,
    },
    Log {
        text: String,
    },
}

#[derive(Clone, Debug)]
struct Event {
    at: i64,
    p: u32,
    g: u64,
    what: What,
}

type Buffer = Arc<Mutex<Vec<Event>>>;
static BUFFERS: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());
/// Start of the trace that is on.
static SINCE: Mutex<i64> = Mutex::new(0);

thread_local! {
    static MINE: OnceCell<Buffer> = const { OnceCell::new() };
    /// Processor and goroutine of the slice this thread is in.
    static SLICE: Cell<(u32, u64)> = const { Cell::new((0, 0)) };
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cold]
fn record(p: u32, g: u64, what: What) {
    let e = Event {
        at: nanotime(),
        p,
        g,
        what,
    };
    MINE.with(|m| {
        let b = m.get_or_init(|| {
            let b = Buffer::default();
            lock(&BUFFERS).push(b.clone());
            b
        });
        lock(b).push(e);
    });
}

/// Goroutine g begins to run on processor p.
#[cold]
#[inline(never)]
pub(crate) fn begins(p: u32, g: &G, entry: usize) {
    SLICE.set((p, g.id()));
    record(p, g.id(), What::Begin { entry });
}
/// The slice this thread is in ends.
#[cold]
#[inline(never)]
pub(crate) fn ends(why: &'static str) {
    let (p, g) = SLICE.get();
    if g != 0 {
        record(p, g, What::End { why });
    }
    SLICE.set((p, 0));
}
/// The running goroutine (or the runtime) makes another one runnable.
#[cold]
#[inline(never)]
pub(crate) fn wakes(other: &G, new: bool) {
    let (p, g) = SLICE.get();
    record(
        p,
        g,
        What::Wake {
            other: other.id(),
            new,
        },
    );
}
/// A collection begins or ends on this thread.
pub fn collection(begin: bool) {
    if on() {
        let (p, g) = SLICE.get();
        record(p, g, What::Collect { begin });
    }
}
/// A region, task (by number) or log line of the running goroutine.
pub fn region(id: u64, begin: bool, name: String) {
    let (p, g) = SLICE.get();
    record(p, g, What::Region { id, begin, name });
}
pub fn task(id: u64, begin: bool, name: String) {
    let (p, g) = SLICE.get();
    record(p, g, What::Task { id, begin, name });
}
pub fn log(text: String) {
    let (p, g) = SLICE.get();
    record(p, g, What::Log { text });
}

/// Starts recording; `g` is the running goroutine, on processor `p`. False: it is on.
pub fn start(p: u32, g: &G, entry: usize) -> bool {
    let mut since = lock(&SINCE);
    if on() {
        return false;
    }
    for b in lock(&BUFFERS).iter() {
        lock(b).clear();
    }
    *since = nanotime();
    ON.store(true, Ordering::Release);
    begins(p, g, entry);
    true
}

/// Ends recording: the trace as JSON, or None if none was on. `name` tells a function's name.
pub fn stop(name: impl Fn(usize) -> String) -> Option<String> {
    let since = lock(&SINCE);
    if !ON.swap(false, Ordering::AcqRel) {
        return None;
    }
    let until = nanotime();
    let mut all = Vec::new();
    for b in lock(&BUFFERS).iter() {
        all.append(&mut lock(b));
    }
    all.sort_by_key(|e| e.at);
    Some(json(&all, *since, until, name))
}

/// `text` inside a JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Lane of collections in process 1.
const GC_LANE: u32 = 1_000_000;

/// The text of a trace while it is made.
struct Writer {
    out: String,
    since: i64,
}

impl Writer {
    /// Starts an event; the caller adds members and `}`.
    fn event(&mut self, ph: char, name: &str, pid: u32, tid: u64, at: i64) -> &mut String {
        if !self.out.ends_with('[') {
            self.out.push_str(",\n");
        }
        let ns = (at - self.since).max(0);
        let _ = write!(
            self.out,
            "{{\"ph\":\"{ph}\",\"name\":{},\"pid\":{pid},\"tid\":{tid},\"ts\":{}.{:03}",
            quoted(name),
            ns / 1000,
            ns % 1000
        );
        &mut self.out
    }
    fn slice(&mut self, name: &str, pid: u32, tid: u64, at: i64, end: i64, more: &str) {
        let ns = (end - at).max(0);
        let out = self.event('X', name, pid, tid, at);
        let _ = write!(out, ",\"dur\":{}.{:03}{more}}}", ns / 1000, ns % 1000);
    }
    fn label(&mut self, kind: &str, pid: u32, tid: u64, text: &str) {
        let since = self.since;
        let out = self.event('M', kind, pid, tid, since);
        let _ = write!(out, ",\"args\":{{\"name\":{}}}}}", quoted(text));
    }
}

/// A goroutine while its events are read.
#[derive(Default)]
struct Life {
    name: String,
    /// The slice it is in: start, processor.
    runs: Option<(i64, u32)>,
    /// The slice before, if its processor has not yet noted the end.
    ending: Option<(i64, u32)>,
    /// What it does otherwise, and since when.
    state: Option<(&'static str, i64)>,
    /// Arrows that end where it runs next.
    arrows: Vec<u64>,
}

fn json(events: &[Event], since: i64, until: i64, name: impl Fn(usize) -> String) -> String {
    let mut w = Writer {
        out: String::from("{\"displayTimeUnit\":\"ns\",\"traceEvents\":["),
        since,
    };
    let mut lives: HashMap<u64, Life> = HashMap::new();
    let mut names: HashMap<usize, String> = HashMap::new();
    let (mut ps, mut gs) = (BTreeSet::new(), BTreeMap::new());
    let (mut arrow, mut gc) = (0, None);
    for e in events {
        if let What::Begin { entry } = e.what {
            let l = lives.entry(e.g).or_default();
            let f = names.entry(entry).or_insert_with(|| name(entry));
            l.name = format!("G{} {f}", e.g);
            gs.insert(e.g, l.name.clone());
        }
    }
    let title = |lives: &HashMap<u64, Life>, g: u64| {
        lives
            .get(&g)
            .map(|l| l.name.clone())
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| format!("G{g}"))
    };
    for e in events {
        match &e.what {
            What::Begin { .. } => {
                ps.insert(e.p);
                let l = lives.entry(e.g).or_default();
                if let Some((state, from)) = l.state.take() {
                    w.slice(state, 2, e.g, from, e.at, "");
                }
                l.ending = l.runs.replace((e.at, e.p));
                for id in std::mem::take(&mut l.arrows) {
                    let out = w.event('f', "wake", 1, e.p.into(), e.at);
                    let _ = write!(out, ",\"cat\":\"wake\",\"bp\":\"e\",\"id\":{id}}}");
                }
            }
            What::End { why } => {
                ps.insert(e.p);
                let n = title(&lives, e.g);
                let l = lives.entry(e.g).or_default();
                let late = l.ending.is_some_and(|(_, p)| p == e.p);
                let slice = if late { l.ending.take() } else { l.runs.take() };
                // One that ran before the trace was on.
                let (from, p) = slice.unwrap_or((since, e.p));
                let args = format!(
                    ",\"args\":{{\"goroutine\":{},\"ends\":{}}}",
                    e.g,
                    quoted(why)
                );
                w.slice(&n, 1, p.into(), from, e.at, &args);
                w.slice("running", 2, e.g, from, e.at, "");
                // Whoever woke it may have been quicker.
                if *why != "exit" && !late && l.state.is_none() {
                    l.state = Some((why, e.at));
                }
                gs.entry(e.g).or_insert(n);
            }
            What::Wake { other, new } => {
                let l = lives.entry(*other).or_default();
                if let Some((state, from)) = l.state.take() {
                    w.slice(state, 2, *other, from, e.at, "");
                }
                l.state = Some(("runnable", e.at));
                if e.g != 0 {
                    arrow += 1;
                    l.arrows.push(arrow);
                    let kind = if *new { "go" } else { "wake" };
                    let out = w.event('s', "wake", 1, e.p.into(), e.at);
                    let _ = write!(
                        out,
                        ",\"cat\":\"wake\",\"id\":{arrow},\"args\":{{\"kind\":\"{kind}\",\"goroutine\":{other}}}}}"
                    );
                }
            }
            What::Collect { begin: true } => gc = Some(e.at),
            What::Collect { begin: false } => {
                let from = gc.take().unwrap_or(since);
                w.slice("collection", 1, GC_LANE.into(), from, e.at, "");
            }
            What::Region { id, begin, name } | What::Task { id, begin, name } => {
                let cat = match e.what {
                    What::Region { .. } => "region",
                    _ => "task",
                };
                let ph = if *begin { 'b' } else { 'e' };
                let out = w.event(ph, name, 2, e.g, e.at);
                let _ = write!(out, ",\"cat\":\"{cat}\",\"id\":{id}}}");
            }
            What::Log { text } => {
                let out = w.event('i', text, 2, e.g, e.at);
                out.push_str(",\"cat\":\"log\",\"s\":\"t\"}");
            }
        }
    }
    // What is still going on ends with the trace.
    let mut open: Vec<_> = lives.iter().collect();
    open.sort_by_key(|(g, _)| **g);
    for (g, l) in open {
        if let Some((from, p)) = l.runs {
            w.slice(&l.name, 1, p.into(), from, until, "");
            w.slice("running", 2, *g, from, until, "");
        } else if let Some((state, from)) = l.state {
            w.slice(state, 2, *g, from, until, "");
        }
    }
    w.label("process_name", 1, 0, "Processors");
    w.label("process_name", 2, 0, "Goroutines");
    for p in ps {
        w.label("thread_name", 1, p.into(), &format!("P{p}"));
    }
    w.label("thread_name", 1, GC_LANE.into(), "GC");
    for (g, n) in gs {
        w.label("thread_name", 2, g, &n);
    }
    w.out.push_str("]}\n");
    w.out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_and_arrows() {
        let at = |at, p, g, what| Event { at, p, g, what };
        let events = [
            at(10, 0, 1, What::Begin { entry: 7 }),
            at(
                20,
                0,
                1,
                What::Wake {
                    other: 2,
                    new: true,
                },
            ),
            at(1500, 1, 2, What::Begin { entry: 8 }),
            at(2500, 1, 2, What::End { why: "exit" }),
            at(
                3000,
                0,
                1,
                What::Log {
                    text: "a \"b\"".into(),
                },
            ),
        ];
        let text = json(&events, 0, 4000, |f| format!("f{f}"));
        for part in [
            r#"{"ph":"X","name":"G2 f8","pid":1,"tid":1,"ts":1.500,"dur":1.000,"args":{"goroutine":2,"ends":"exit"}}"#,
            r#"{"ph":"s","name":"wake","pid":1,"tid":0,"ts":0.020,"cat":"wake","id":1,"args":{"kind":"go","goroutine":2}}"#,
            r#"{"ph":"f","name":"wake","pid":1,"tid":1,"ts":1.500,"cat":"wake","bp":"e","id":1}"#,
            r#"{"ph":"X","name":"runnable","pid":2,"tid":2,"ts":0.020,"dur":1.480}"#,
            r#"{"ph":"X","name":"G1 f7","pid":1,"tid":0,"ts":0.010,"dur":3.990}"#,
            r#"{"ph":"i","name":"a \"b\"","pid":2,"tid":1,"ts":3.000,"cat":"log","s":"t"}"#,
        ] {
            assert!(text.contains(part), "{part} not in\n{text}");
        }
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
