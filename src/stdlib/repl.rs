//! `internal/repl`: handing over inputs is `vm::session`'s; here is what the session shows
//! of goroutines and channels, read while the world is stopped.
#![allow(unsafe_code)]

mod names;
mod waits;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use crate::bytecode::program::{funcs, rtti_of};
use crate::heap::heap;
use crate::heap::mem::load_u64 as mem64;
use crate::heap::rtti::Kind;
use crate::runtime::chan::Hchan;
use crate::runtime::prim::nanotime;
use crate::runtime::sched::task::{G, GRef, State};
use crate::runtime::wait_reason::WaitReason;
use crate::stdlib::fmtcore::mem;
use crate::stdlib::fmtcore::value::Printer;
use crate::vm::collect::find_lost;
use crate::vm::cx::{Cx, Exit};
use crate::vm::goroutine;
use crate::vm::leak::Seeker;
use crate::vm::names as source;
use crate::vm::natives::{Call, Entry};
use crate::vm::session::{self, Question};
use crate::vm::traceback;
use names::{Names, state};
use waits::*;

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nothing can be done when standard output is gone.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

native!(emit, 0, |c| {
    let text = String::from_utf8_lossy(c.str()).into_owned();
    let words = String::from_utf8_lossy(c.str()).into_owned();
    let mut notes = vec![session::type_text(), words];
    notes.retain(|n| !n.is_empty() && *n != text);
    if notes.is_empty() {
        print(&format!("{text}\n"));
    } else {
        print(&format!("{text} // {}\n", notes.join(": ")));
    }
});
native!(put, 0, |c| {
    print(&String::from_utf8_lossy(c.str()));
});

/// What a value in memory looks like in Go syntax, without calling its methods.
fn literal(t: &'static crate::heap::rtti::Rtti, p: *const u8) -> String {
    let mut pr = Printer::new(Vec::new(), super::rt::walk_map);
    pr.flags.sharp_v = true;
    // SAFETY: p points to a value of the type; the world is stopped.
    unsafe {
        let word = mem::data_word(t, p);
        pr.operand(std::ptr::from_ref(t) as u64, word, 'v' as u32);
    }
    String::from_utf8_lossy(&pr.out).into_owned()
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

/// State of a channel as text.
unsafe fn chan_state(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments: an interface value. The world is
    // stopped while the channel is read.
    unsafe {
        let mut c = Call::new(cx, base, 3);
        let (ty, word) = c.iface();
        if ty == 0 || rtti_of(ty).kind != Kind::Chan {
            c.ret(0).ret(0).ret_bool(false);
            return Exit::Next;
        }
        let t = rtti_of(ty);
        let Some(ch) = (word as *const Hchan).as_ref() else {
            crate::try_exit!(c.ret_str(
                format!("{}: nil: every send and receive waits for ever\n", t.name).as_bytes()
            ))
            .ret_bool(true);
            return Exit::Next;
        };
        let w = c.cx.w();
        w.stop_the_world();
        let s = ch.snapshot();
        let values: Vec<String> = s
            .buffer
            .iter()
            .take(50)
            .map(|p| literal(t.elem(), *p))
            .collect();
        w.start_the_world();
        let mut text = format!(
            "{} 0x{word:x}: {} of {} buffered{}\n",
            t.name,
            s.buffer.len(),
            s.cap,
            if s.closed { ", closed" } else { "" }
        );
        if !values.is_empty() {
            let more = s.buffer.len() - values.len();
            let more = if more > 0 {
                format!(", and {more} more")
            } else {
                String::new()
            };
            let _ = writeln!(text, "buffer: {}{more}", values.join(", "));
        }
        for (ids, what) in [(&s.receivers, "receiving"), (&s.senders, "sending")] {
            if !ids.is_empty() {
                let list: Vec<String> = ids.iter().take(20).map(u64::to_string).collect();
                let dots = if ids.len() > 20 { ", ..." } else { "" };
                let _ = writeln!(
                    text,
                    "{} waiting, {what}: {}{dots}",
                    plural(ids.len(), "goroutine"),
                    list.join(", ")
                );
            }
        }
        crate::try_exit!(c.ret_str(text.as_bytes())).ret_bool(true);
        Exit::Next
    }
}

/// One goroutine as the session lists it.
struct Entry1 {
    id: u64,
    status: &'static str,
    reason: WaitReason,
    waiting: bool,
    /// Seconds it has been waiting.
    since: f64,
    place: String,
    creator: String,
    objects: Vec<usize>,
    stack: String,
}

/// The innermost frame that is the user's own, as `file:line func`.
fn own_place(frames: &[traceback::Frame]) -> String {
    let places: Vec<_> = frames.iter().filter_map(|f| traceback::place(*f)).collect();
    let user = places
        .iter()
        .find(|p| !p.file.starts_with("$GOSUB") && !p.wrapper)
        .or(places.first());
    match user {
        Some(p) => {
            let file = p.file.rsplit('/').next().unwrap_or(&p.file);
            format!("{}:{} {}", file, p.line, p.func)
        }
        None => "not started".into(),
    }
}

/// A goroutine's stack with the variables of each frame.
fn with_locals(g: &G) -> String {
    let mut out = String::new();
    traceback::write_goroutine(&mut out, g, g.status_text(), &[]);
    // The header line comes first, the creator last.
    let head = out.find('\n').map_or(out.len(), |i| i + 1);
    let creator = out.split_off(head);
    for (f, fp) in traceback::stopped_frames_at(g) {
        let Some(p) = traceback::place(f).filter(|p| !p.wrapper) else {
            continue;
        };
        let args = if p.params { "..." } else { "" };
        let _ = writeln!(out, "{}({args})\n\t{}:{}", p.func, p.file, p.line);
        if p.file.starts_with("$GOSUB") {
            continue;
        }
        let Some(code) = funcs().find(f.pc) else {
            continue;
        };
        let at = ((f.pc - code.code.as_ptr() as usize) / 8) as u32;
        let at = at.saturating_sub(u32::from(f.is_return));
        let mut shown: Vec<&str> = Vec::new();
        let inner_first = code.locals.iter().rev();
        for l in inner_first.filter(|l| l.from <= at && at < l.to) {
            if shown.contains(&l.name.as_str()) {
                continue;
            }
            shown.push(&l.name);
            // SAFETY: the frame is live and the variable's place in it valid at this address;
            // a boxed one is an object that the frame keeps alive.
            let value = unsafe {
                let slot = fp.add(usize::from(l.slot)) as *const u8;
                let place = if l.boxed {
                    *(slot as *const *const u8)
                } else {
                    slot
                };
                if place.is_null() {
                    continue;
                }
                literal(l.ty, place)
            };
            let cut: String = value.chars().take(200).collect();
            let dots = if cut.len() < value.len() { "..." } else { "" };
            let _ = writeln!(out, "\t    {} = {cut}{dots}", l.name);
        }
    }
    out + &creator
}

/// Goroutines that wait for ever, those of one place together.
fn lost_list(lost: &[GRef]) -> String {
    let mut groups: BTreeMap<(String, &str, String), Vec<u64>> = BTreeMap::new();
    for g in lost.iter().filter(|g| g.id() != 1) {
        let e = describe(g, false);
        groups
            .entry((e.place, e.status, e.creator))
            .or_default()
            .push(e.id);
    }
    if groups.is_empty() {
        return "no goroutine is lost: somebody could wake each of them\n".into();
    }
    let n = groups.values().map(Vec::len).sum();
    let mut out = format!("{} that nobody can wake any more\n", plural(n, "goroutine"));
    for ((place, status, creator), mut ids) in groups {
        ids.sort_unstable();
        let list: Vec<String> = ids.iter().take(10).map(u64::to_string).collect();
        let dots = if ids.len() > 10 { ", ..." } else { "" };
        let _ = writeln!(
            out,
            "{:>6} x  {status}  {place}, created at {creator}  ({}{dots})",
            ids.len(),
            list.join(", ")
        );
    }
    out
}

/// Words that a search for an object looks at, at most.
const SEARCHED: usize = 20_000;

/// Whether the goroutine's stack leads to one of the objects in a few steps.
fn leads_to(g: &G, objects: &[usize]) -> bool {
    let Some((p, n)) = goroutine::stack_words(g) else {
        return false;
    };
    let hit = |w: usize| objects.iter().any(|o| w != 0 && w == *o);
    // SAFETY: the words of a stopped goroutine's stack.
    let mut todo: Vec<(usize, u32)> = (0..n)
        .map(|i| unsafe { *p.add(i) } as usize)
        .map(|w| (w, 0))
        .collect();
    let mut seen = std::collections::HashSet::new();
    let mut left = SEARCHED;
    while let Some((w, depth)) = todo.pop() {
        if hit(w) {
            return true;
        }
        let Some((start, size)) = heap().find_object(w).filter(|_| depth < 4) else {
            continue;
        };
        if !seen.insert(start) {
            continue;
        }
        for i in 0..(size / 8).min(256) {
            if left == 0 {
                return false;
            }
            left -= 1;
            // SAFETY: inside a live cell of the heap; the world is stopped.
            let w = unsafe { mem64((start + 8 * i) as *const u8) };
            todo.push((w as usize, depth + 1));
        }
    }
    false
}

/// Whether the goroutine could get at one of the objects: from its stack, or through the
/// session's variables that the functions on its stack name.
fn refers(g: &G, objects: &[usize], names: &Names) -> bool {
    if leads_to(g, objects) {
        return true;
    }
    let roots: Vec<(usize, usize)> = objects
        .iter()
        .filter_map(|o| Some(names.find(*o)?.1.root))
        .collect();
    if roots.is_empty() {
        return false;
    }
    let names_root = |w: &u64| {
        let at = |r: &(usize, usize)| (r.0..r.1).contains(&(*w as usize));
        roots.iter().any(at)
    };
    traceback::stopped_frames(g)
        .iter()
        .filter_map(|f| funcs().find(f.pc))
        .any(|code| code.code.iter().any(names_root))
}

/// What a waiting goroutine waits for, by name; "" if it has none.
fn what_for(g: &G, objects: &[usize], names: &Names) -> String {
    let mut out: Vec<String> = Vec::new();
    for o in objects {
        if let Some(n) = names.find(*o) {
            out.push(n.1.name.clone());
        }
    }
    if out.len() < objects.len() || out.is_empty() {
        // What the source calls it.
        let frames = traceback::stopped_frames(g);
        let named = source::wait(&frames, g.wait_reason()).1;
        if named.len() >= out.len() {
            out = named;
        }
    }
    out.join(", ")
}

/// A time to come, in words.
fn from_now(when: i64) -> String {
    let s = (when - nanotime()).max(0) as f64 / 1e9;
    match s {
        s if s < 9.95 => format!("{s:.1}s"),
        s if s < 120.0 => format!("{s:.0}s"),
        s if s < 7200.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{:.0} hours", s / 3600.0),
    }
}

/// Who could end a goroutine's wait, in words.
fn wakers(cx: &Cx, id: u64) -> String {
    let me = cx.g().id();
    let w = cx.w();
    w.stop_the_world();
    let names = Names::of_session(&session::variables());
    let mut found = None;
    w.rt().for_each_g(|g| {
        if g.id() != id {
            return;
        }
        match g.state() {
            State::Waiting => {
                let e = describe(g, false);
                let what = what_for(g, &e.objects, &names);
                found = Some((e, what, w.rt().woken_at(g)));
            }
            State::Syscall => found = Some((describe(g, false), String::new(), None)),
            _ => {}
        }
    });
    let Some((e, what, due)) = found else {
        w.start_the_world();
        return String::new();
    };
    let mut can: Vec<Entry1> = Vec::new();
    let mut may: Vec<Entry1> = Vec::new();
    let mut others = 0;
    let mut more = 0;
    w.rt().for_each_g(|g| {
        if g.id() == id || g.id() == me || g.id() == 1 {
            return;
        }
        others += 1;
        if others > 10_000 || e.objects.is_empty() {
            return;
        }
        if !refers(g, &e.objects, &names) {
            // A function it will call may know the object.
            let timed = matches!(g.wait_reason(), WaitReason::Sleep | WaitReason::IoWait);
            if (g.state() != State::Waiting || timed) && may.len() < 3 {
                may.push(describe(g, false));
            }
            return;
        }
        // One that waits for the same things does not help.
        let mut same = g.state() == State::Waiting;
        g.for_each_wait_obj(|o| same &= e.objects.contains(&o));
        if same {
            return;
        }
        if can.len() < 3 {
            can.push(describe(g, false));
        } else {
            more += 1;
        }
    });
    w.start_the_world();
    if can.is_empty() {
        can = may;
    }
    let who = if e.reason == WaitReason::Sleep {
        due.map_or(String::new(), |t| format!("it wakes in {}", from_now(t)))
    } else if let Some(t) = due {
        format!("a timer wakes it in {}", from_now(t))
    } else if e.reason == WaitReason::IoWait {
        "something outside wakes it (network, pipe, terminal)".into()
    } else if !e.waiting {
        "a call of the operating system".into()
    } else if e.reason.is_for_ever() {
        "nobody can ever wake it".to_string()
    } else if !can.is_empty() {
        let mut list: Vec<String> = can
            .iter()
            .map(|e| format!("goroutine {} ({}, {})", e.id, e.status, e.place))
            .collect();
        if more > 0 {
            list.push(format!("{more} more"));
        }
        format!("{} could wake it", list.join(", "))
    } else if others == 0 {
        "nobody else is there to wake it".into()
    } else {
        let who = if others == 1 {
            "the other goroutine cannot".into()
        } else {
            format!("none of the {others} other goroutines can")
        };
        format!("{who} wake it (:wait shows why)")
    };
    let what = if what.is_empty() {
        String::new()
    } else {
        format!(" for {what}")
    };
    format!(
        "waiting{what} ({} in goroutine {id}): {who}; Ctrl-C gives up\n",
        e.status
    )
}

/// The file without its folders, and the line.
fn short_place(p: &traceback::Place) -> String {
    let file = p.file.rsplit('/').next().unwrap_or(&p.file);
    format!("{file}:{}", p.line)
}

fn describe(g: &G, whole: bool) -> Entry1 {
    let frames = traceback::stopped_frames(g);
    let mut objects = Vec::new();
    let waiting = g.state() == State::Waiting;
    if waiting {
        g.for_each_wait_obj(|o| {
            if o != 0 && !objects.contains(&o) {
                objects.push(o);
            }
        });
    }
    let since = if waiting && g.wait_since() > 0 {
        ((nanotime() - g.wait_since()) as f64 / 1e9).max(0.0)
    } else {
        0.0
    };
    let stack = if whole { with_locals(g) } else { String::new() };
    let creator = traceback::place(traceback::Frame {
        pc: g.created_pc(),
        is_return: false,
    })
    .map_or(String::new(), |p| short_place(&p));
    Entry1 {
        id: g.id(),
        status: g.status_text(),
        reason: g.wait_reason(),
        waiting,
        since,
        place: own_place(&frames),
        creator,
        objects,
        stack,
    }
}

/// Every goroutine but the asker and the serving one, in order.
fn all(cx: &Cx, question: Question) -> Vec<Entry1> {
    let me = cx.g().id();
    let mut out = Vec::new();
    let w = cx.w();
    w.stop_the_world();
    w.rt().for_each_g(|g| {
        if g.id() != me && g.id() != 1 {
            out.push(describe(
                g,
                matches!(question, Question::Goroutine(n) if n == g.id() || n == ALL),
            ));
        }
    });
    w.start_the_world();
    out.sort_by_key(|e| e.id);
    out
}

/// How long something has lasted, after a blank; nothing for less than a second.
fn seconds(s: f64) -> String {
    match s {
        s if s < 0.95 => String::new(),
        s if s < 120.0 => format!(" {s:.0}s"),
        s if s < 7200.0 => format!(" {:.0}m", s / 60.0),
        s => format!(" {:.0}h", s / 3600.0),
    }
}

/// Stands for every goroutine in a question.
pub const ALL: u64 = u64::MAX;

/// Most goroutines that are listed one by one.
const LISTED: usize = 40;

fn list(entries: &[Entry1]) -> String {
    let mut out = String::new();
    if entries.is_empty() {
        return "no goroutines\n".into();
    }
    if entries.len() <= LISTED {
        for e in entries {
            let created = if e.creator.is_empty() {
                String::new()
            } else {
                format!(", created at {}", e.creator)
            };
            let _ = writeln!(
                out,
                "{:>4}  {}{}  {}{created}",
                e.id,
                e.status,
                seconds(e.since),
                e.place
            );
        }
        return out;
    }
    // Many: those that do the same in one line.
    let mut groups: BTreeMap<(String, &str), (usize, u64, u64)> = BTreeMap::new();
    for e in entries {
        let g = groups
            .entry((e.place.clone(), e.status))
            .or_insert((0, e.id, e.id));
        g.0 += 1;
        g.2 = e.id;
    }
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_by_key(|r| std::cmp::Reverse(r.1.0));
    let _ = writeln!(out, "{} goroutines", entries.len());
    for ((place, status), (n, first, last)) in rows.iter().take(LISTED) {
        let ids = if n == &1 {
            format!("{first}")
        } else {
            format!("{first} ... {last}")
        };
        let _ = writeln!(out, "{n:>6} x  {status}  {place}  ({ids})");
    }
    out
}

/// The answer to the session's question.
unsafe fn report(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let question = session::question();
    if let Question::Lost = question {
        let who = Seeker::everything(c.cx.g);
        let text = find_lost(c.cx.w(), &who, |_, lost| lost_list(lost));
        crate::try_exit!(c.ret_str(text.as_bytes()));
        return Exit::Next;
    }
    if let Question::Cancel(id) = question {
        let w = c.cx.w();
        w.stop_the_world();
        w.rt().for_each_g(|g| {
            if g.id() == id {
                w.rt().cancel(g);
            }
        });
        w.start_the_world();
        c.ret(0).ret(0);
        return Exit::Next;
    }
    if let Question::Wakers(id) = question {
        let text = wakers(c.cx, id);
        crate::try_exit!(c.ret_str(text.as_bytes()));
        return Exit::Next;
    }
    if let Question::Locks | Question::Waits = question {
        let is_locks = question == Question::Locks;
        let w = waits_of(c.cx, is_locks);
        let text = if is_locks { locks(&w) } else { waits(&w) };
        crate::try_exit!(c.ret_str(text.as_bytes()));
        return Exit::Next;
    }
    let entries = all(c.cx, question);
    let text = match question {
        Question::Goroutine(ALL) => {
            let all: Vec<&str> = entries.iter().map(|e| e.stack.as_str()).collect();
            all.join("\n")
        }
        Question::Goroutine(id) => match entries.iter().find(|e| e.id == id) {
            Some(e) => e.stack.clone(),
            None => format!("there is no goroutine {id}\n"),
        },
        _ => list(&entries),
    };
    crate::try_exit!(c.ret_str(text.as_bytes()));
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("internal/repl.next", session::next),
    ("internal/repl.begin", session::begin),
    ("internal/repl.end", session::end),
    ("internal/repl.emit", emit),
    ("internal/repl.put", put),
    ("internal/repl.report", report),
    ("internal/repl.chanState", chan_state),
];
