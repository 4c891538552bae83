//! What a race report adds for people: names, both places in the source, the locks each side
//! held, which order is missing and how that is usually mended.

use super::{names, traceback};
use crate::base::diag::Diagnostic;
use crate::base::render::{Format, render};
use crate::base::span::{SourceMap, Span};
use crate::race::report::{Place, Race, Side};

fn who(s: &Side) -> String {
    if s.goroutine == 1 {
        "the main goroutine".into()
    } else {
        format!("goroutine {}", s.goroutine)
    }
}

fn verb(s: &Side) -> &'static str {
    match (s.kind.atomic(), s.kind.writes()) {
        (true, true) => "atomic write",
        (true, false) => "atomic read",
        (false, true) => "write",
        (false, false) => "read",
    }
}

/// The user's own frame of a stack, or else the innermost.
fn own(stack: &[Place]) -> Option<&Place> {
    let mine = stack.iter().find(|p| !p.file.starts_with("$GOSUB"));
    mine.or(stack.first())
}

fn span(sources: &SourceMap, p: &Place) -> Span {
    let n = names::accessed(p.pos).map_or(0, |n| n.len() as u32);
    let len = sources
        .file_of(p.pos)
        .map_or(0, |(_, f)| f.text.len() as u32 + f.base);
    let at = names::start(sources, p.pos);
    Span::new(at, (at + n.max(1)).min(len.max(at)))
}

fn file_line(p: &Place) -> String {
    let file = p.file.rsplit('/').next().unwrap_or(&p.file);
    format!("{file}:{}", p.line)
}

/// "`mu` (locked at main.go:7)" for each lock.
fn locks(s: &Side) -> String {
    if s.locks.is_empty() {
        return "no lock".into();
    }
    let one = |(p, read): &(Place, bool)| {
        let name = names::receiver(p.pos).map_or("a lock".into(), |n| format!("`{n}`"));
        let how = if *read { "read-locked" } else { "locked" };
        format!("{name} ({how} at {})", file_line(p))
    };
    s.locks.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn lock_names(s: &Side) -> Vec<String> {
    let names = s.locks.iter().filter_map(|(p, _)| names::receiver(p.pos));
    names.collect()
}

/// Whether `s`'s goroutine was started by a function that is on the other side's stack.
fn started_by(s: &Side, other: &Side) -> bool {
    s.created
        .first()
        .is_some_and(|c| other.stack.iter().any(|p| p.func == c.func))
}

/// What is missing, and the usual ways to mend it.
fn missing(r: &Race, what: &str) -> (String, String) {
    let (a, b) = (&r.before, &r.now);
    let edge = format!(
        "nothing orders the {} by {} before the {} by {}",
        verb(a),
        who(a),
        verb(b),
        who(b)
    );
    let (la, lb) = (lock_names(a), lock_names(b));
    let reading = |s: &Side| s.kind.writes() && s.locks.iter().any(|l| l.1);
    let fix = if a.kind.atomic() != b.kind.atomic() {
        format!("use sync/atomic for every access to {what}, not only for one")
    } else if reading(a) || reading(b) {
        "a read lock does not protect a write: lock for writing around it".to_string()
    } else if !a.locks.is_empty() && !b.locks.is_empty() {
        format!("the two sides hold different locks; protect {what} with one and the same")
    } else if let Some(l) = la.first().or(lb.first()) {
        let bare = if la.is_empty() { a } else { b };
        format!("hold `{l}` also for the {} by {}", verb(bare), who(bare))
    } else if started_by(a, b) && a.goroutine != 1 {
        format!(
            "let {} wait for {} before it goes on (sync.WaitGroup, a channel), \
             or guard {what} with a sync.Mutex",
            who(b),
            who(a)
        )
    } else if what.contains('[') {
        "guard both with a sync.Mutex, or hand the data over through a channel".to_string()
    } else {
        format!(
            "guard both with a sync.Mutex, send the value through a channel, or make {what} \
             a value of sync/atomic; sync.Once for what is set up once"
        )
    };
    (edge, fix)
}

/// See the module text.
pub fn of_race(r: &Race, color: bool) -> String {
    let Some(sources) = traceback::sources() else {
        return String::new();
    };
    let (Some(now), Some(before)) = (own(&r.now.stack), own(&r.before.stack)) else {
        return String::new();
    };
    let name = r.before.name.as_ref().or(r.now.name.as_ref());
    let other = r.now.name.as_ref().filter(|n| Some(*n) != name);
    let what = name.map_or("it".into(), |n| format!("`{n}`"));
    let title = match (name, other) {
        (Some(n), Some(o)) => format!("race on `{n}`, also known as `{o}`"),
        (Some(n), None) => format!("race on `{n}`"),
        _ => "race".to_string(),
    };
    let (edge, fix) = missing(r, &what);
    let d = Diagnostic::error("race", span(&sources, now), title)
        .with_label(
            span(&sources, now),
            format!(
                "{} by {}, holding {}",
                verb(&r.now),
                who(&r.now),
                locks(&r.now)
            ),
        )
        .with_label(
            span(&sources, before),
            format!(
                "earlier {} by {}, holding {}",
                verb(&r.before),
                who(&r.before),
                locks(&r.before)
            ),
        )
        .with_note(format!("missing: {edge}"))
        .with_note(format!("usual fix: {fix}"));
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = render(&sources, &[d], Format::Human, color, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
