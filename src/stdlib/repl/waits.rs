//! Who waits for what and who could end it: what `:wait` and `:locks` print.

use super::*;

pub(super) fn is_lock(r: WaitReason) -> bool {
    matches!(
        r,
        WaitReason::MutexLock
            | WaitReason::RwMutexLock
            | WaitReason::RwMutexRLock
            | WaitReason::Semacquire
            | WaitReason::CondWait
            | WaitReason::WaitGroupWait
    )
}

/// Most goroutines of which is told whom they could wake.
pub(super) const EXPLAINED: usize = 200;

/// Most goroutines that are named as those who could end a wait.
pub(super) const NAMED: usize = 5;

/// One thing that goroutines wait for.
pub(super) struct Awaited {
    /// Its name and state, or its address.
    title: String,
    who: Vec<usize>,
    /// Who could end the waits, and what is to be said of that.
    wakers: String,
}

/// What the session tells of waits: who waits, for what, and who could end it.
pub(super) struct Waits {
    entries: Vec<Entry1>,
    things: Vec<Awaited>,
    /// Locks that somebody has, and groups that are not done, without anybody waiting.
    busy: Vec<String>,
}

/// Who holds the lock at an address, where the race detector knows.
pub(super) fn holders(cx: &Cx, lo: usize) -> String {
    let mut out = String::new();
    cx.w().rt().for_each_g(|g| {
        let Some(th) = g.race() else { return };
        for h in th.held.iter().filter(|h| h.addr == lo) {
            let at = traceback::place(traceback::Frame {
                pc: crate::race::stack::pc_of(h.site),
                is_return: false,
            });
            let at = at.map_or(String::new(), |p| format!(" since {}", short_place(&p)));
            let _ = write!(out, ", held by goroutine {}{at}", g.id());
        }
    });
    out
}

/// Reads the waits of all goroutines; `locks`: only those for locks and the like.
pub(super) fn waits_of(cx: &Cx, locks: bool) -> Waits {
    let me = cx.g().id();
    let w = cx.w();
    w.stop_the_world();
    let names = Names::of_session(&session::variables());
    let mut entries: Vec<Entry1> = Vec::new();
    let mut objects: BTreeMap<usize, (String, Vec<usize>)> = BTreeMap::new();
    w.rt().for_each_g(|g| {
        if g.id() == me || g.id() == 1 {
            return;
        }
        let e = describe(g, false);
        if e.waiting && (!locks || is_lock(e.reason)) {
            let own = Names::of_frames(g);
            for o in &e.objects {
                let title = || {
                    if let Some((at, n)) = names.find(*o) {
                        return format!("{} ({}{})", n.name, state(at, n).0, holders(cx, at));
                    }
                    if let Some((at, n)) = own.find(*o) {
                        let text = format!("{} ({}{})", n.name, state(at, n).0, holders(cx, at));
                        return format!("{text} of goroutine {}", e.id);
                    }
                    match what_for(g, &[*o], &names) {
                        t if t.is_empty() || e.objects.len() > 1 => format!("0x{o:x}"),
                        t => format!("{t} of goroutine {}", e.id),
                    }
                };
                let t = objects.entry(*o).or_insert_with(|| (title(), Vec::new()));
                t.1.push(entries.len());
            }
        }
        entries.push(e);
    });
    let explained = entries.len() <= EXPLAINED;
    let mut things: Vec<Awaited> = Vec::new();
    for (o, (title, who)) in objects {
        let mut others: Vec<(&str, u64)> = Vec::new();
        let mut due = None;
        w.rt().for_each_g(|g| {
            if who.iter().any(|i| entries[*i].id == g.id()) {
                due = due.or_else(|| w.rt().woken_at(g));
            } else if explained && g.id() != me && g.id() != 1 && refers(g, &[o], &names) {
                others.push((g.status_text(), g.id()));
            }
        });
        others.sort_unstable();
        let mut can: Vec<String> = others
            .iter()
            .take(NAMED)
            .map(|(status, id)| format!("goroutine {id} [{status}]"))
            .collect();
        if others.len() > NAMED {
            can.push(format!("{} more", others.len() - NAMED));
        }
        if let Some(t) = due {
            can.insert(0, format!("a timer in {}", from_now(t)));
        }
        if names.find(o).is_some() {
            can.push(
                if can.is_empty() {
                    "only an input"
                } else {
                    "an input"
                }
                .into(),
            );
        }
        let wakers = match can.as_slice() {
            _ if !explained => String::new(),
            [] => "nobody else refers to it".into(),
            [one] => format!("{one} could end that"),
            [init @ .., last] => format!("{} or {last} could end that", init.join(", ")),
        };
        things.push(Awaited { title, who, wakers });
    }
    let mut busy = Vec::new();
    for (at, n) in names.iter() {
        let (text, b) = state(at, n);
        let title = format!("{} ({text}{})", n.name, holders(cx, at));
        if b && !things.iter().any(|t| t.title == title) {
            busy.push(title);
        }
    }
    w.start_the_world();
    things.sort_by(|a, b| a.title.cmp(&b.title));
    busy.sort();
    for t in &mut things {
        t.who.sort_by_key(|i| entries[*i].id);
    }
    Waits {
        entries,
        things,
        busy,
    }
}

pub(super) fn locks(w: &Waits) -> String {
    let mut out = tree(w);
    for b in &w.busy {
        let _ = writeln!(out, "{b}\n`- nobody waits");
    }
    if out.is_empty() {
        out.push_str("no lock is held, nobody waits for one\n");
    }
    out
}

/// Goroutines that do the same at one place take one line from so many on.
pub(super) const TOGETHER: usize = 5;

/// Lines about the goroutines that wait for one thing.
pub(super) fn branches(w: &Waits, who: &[usize]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Entry1>> = BTreeMap::new();
    for e in who.iter().map(|i| &w.entries[*i]) {
        groups.entry((e.status, &e.place)).or_default().push(e);
    }
    let mut rows: Vec<(u64, String)> = Vec::new();
    for ((status, place), all) in groups {
        if let [first, .., last] = all.as_slice()
            && all.len() >= TOGETHER
        {
            let ids = format!("{} ... {}", first.id, last.id);
            let text = format!("{} goroutines [{status}] at {place}  ({ids})", all.len());
            rows.push((first.id, text));
            continue;
        }
        for e in all {
            let since = seconds(e.since);
            let text = format!("goroutine {} [{status}{since}] at {place}", e.id);
            rows.push((e.id, text));
        }
    }
    rows.sort();
    rows.into_iter().map(|r| r.1).collect()
}

pub(super) fn tree(w: &Waits) -> String {
    let mut out = String::new();
    for t in w.things.iter().take(LISTED) {
        out.push_str(&block(&t.title, &branches(w, &t.who), &t.wakers));
    }
    if w.things.len() > LISTED {
        let more = w.things.len() - LISTED;
        let _ = writeln!(out, "and {more} more things that goroutines wait for");
    }
    out
}

/// A title with what hangs below it, and a last word if there is one.
fn block(title: &str, rows: &[String], last: &str) -> String {
    let mut lines: Vec<String> = rows.iter().take(LISTED).cloned().collect();
    if rows.len() > LISTED {
        lines.push(format!("and {} more", rows.len() - LISTED));
    }
    if !last.is_empty() {
        lines.push(last.to_string());
    }
    let mut out = format!("{title}\n");
    for (i, l) in lines.iter().enumerate() {
        let branch = if i + 1 == lines.len() { "`-" } else { "|-" };
        let _ = writeln!(out, "{branch} {l}");
    }
    out
}

pub(super) fn waits(w: &Waits) -> String {
    let mut out = tree(w);
    let for_ever = |i: &usize| {
        let e = &w.entries[*i];
        e.waiting && e.reason.is_for_ever()
    };
    let mut lost: Vec<usize> = (0..w.entries.len()).filter(for_ever).collect();
    lost.sort_by_key(|i| w.entries[*i].id);
    if !lost.is_empty() {
        out.push_str(&block(
            "nothing",
            &branches(w, &lost),
            "nobody can end that",
        ));
    }
    if out.is_empty() {
        out.push_str("nobody waits for anybody\n");
    } else if w
        .entries
        .iter()
        .all(|e| e.waiting && e.reason != WaitReason::Sleep && e.reason != WaitReason::IoWait)
    {
        let end = if lost.len() == w.entries.len() {
            "all of them wait, and nobody can end that\n"
        } else {
            "all of them wait: only a new input can wake one\n"
        };
        out.push_str(end);
    }
    out
}
