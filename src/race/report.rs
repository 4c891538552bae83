//! Reports: Go's text, one per pair of racing places.

use super::options::options;
use super::shadow::{Before, Now};
use super::stack::{self, Step};
use super::{Access, Local, thread};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A code address in the program's terms.
#[derive(Clone, Debug)]
pub struct Place {
    pub func: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// Position in the sources.
    pub pos: u32,
    pub offset: usize,
    /// A compiler-made adapter, not shown.
    pub hidden: bool,
}

/// What the detector asks the interpreter for.
pub struct Hooks {
    pub place: fn(Step) -> Option<Place>,
    /// Whether the goroutine with this number still exists.
    pub running: fn(u32) -> bool,
    /// Writes out what the program printed so far.
    pub flush: fn(),
    /// What the source calls what is accessed at a position.
    pub name: fn(u32) -> Option<String>,
    /// What there is to say of a race to people, with colours or without.
    pub explain: fn(&Race, bool) -> String,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// Installs the interpreter's answers.
pub fn set_hooks(h: Hooks) {
    let _ = HOOKS.set(h);
}

/// How reports are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    #[default]
    Text,
    /// As text is on a terminal: with names, snippets and advice.
    Human,
    Json,
    Sarif,
}

/// One side of a race.
#[derive(Clone, Debug)]
pub struct Side {
    pub kind: Access,
    pub addr: usize,
    pub size: u32,
    pub goroutine: u32,
    pub running: bool,
    pub stack: Vec<Place>,
    pub created: Vec<Place>,
    /// What the source calls the accessed thing, if it tells.
    pub name: Option<String>,
    /// Where the locks it held were taken, and whether for reading.
    pub locks: Vec<(Place, bool)>,
}

/// A race that was found.
#[derive(Clone, Debug)]
pub struct Race {
    pub now: Side,
    pub before: Side,
}

/// File, line, column of an access.
type Spot = (String, u32, u32);

#[derive(Default)]
struct State {
    /// Pairs of code addresses seen, so that a racing loop costs little.
    seen: HashSet<(usize, usize)>,
    /// Pairs of places in the source reported.
    reported: HashSet<(Spot, Spot)>,
    /// Lock cycles warned of, by code addresses.
    cycles: HashSet<Vec<usize>>,
    races: Vec<Race>,
    count: usize,
    form: Form,
    log: Option<std::fs::File>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state<R>(f: impl FnOnce(&mut State) -> R) -> R {
    let mut s = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    f(s.get_or_insert_with(State::default))
}

/// Chooses how reports are written.
pub fn set_form(f: Form) {
    state(|s| s.form = f);
}

/// Number of races reported so far.
pub fn count() -> usize {
    state(|s| s.count)
}

fn places(steps: &[Step]) -> Vec<Place> {
    let Some(h) = HOOKS.get() else {
        return Vec::new();
    };
    let prefix = &options().strip_path_prefix;
    steps
        .iter()
        .filter_map(|s| (h.place)(*s))
        .filter(|p| !p.hidden)
        .map(|mut p| {
            if !prefix.is_empty()
                && let Some(i) = p.file.find(prefix.as_str())
            {
                p.file = p.file[i + prefix.len()..].to_string();
            }
            p
        })
        .collect()
}

fn side(kind: Access, mask: u8, word: usize, seg: u32, site: u32) -> Side {
    let (steps, go_site) = stack::expand(site);
    let created = if go_site == 0 {
        Vec::new()
    } else {
        places(&stack::expand(go_site).0)
    };
    let id = thread::goroutine_of(seg);
    let stack = places(&steps);
    let name = HOOKS
        .get()
        .zip(stack.first())
        .and_then(|(h, p)| (h.name)(p.pos));
    let locks = stack::locks_in(thread::locks_of(seg));
    let lock = |(site, read): (u32, bool)| {
        let at = places(&stack::expand(site).0);
        at.into_iter().next().map(|p| (p, read))
    };
    Side {
        kind,
        addr: word + mask.trailing_zeros() as usize,
        size: mask.count_ones(),
        goroutine: id,
        running: HOOKS.get().is_none_or(|h| (h.running)(id)),
        stack,
        created,
        name,
        locks: locks.into_iter().filter_map(lock).collect(),
    }
}

/// Reports the races between an access and earlier ones to the word at `addr`.
#[cold]
#[inline(never)]
pub fn conflicts(_l: &mut Local, addr: usize, now: Now, found: &[Before]) {
    for b in found {
        let (x, y) = (stack::pc_of(now.site), stack::pc_of(b.site));
        state(|s| {
            if !s.seen.insert((x.min(y), x.max(y))) {
                return;
            }
            let word = addr & !7;
            let race = Race {
                now: side(now.kind, now.mask, word, now.seg, now.site),
                before: side(b.kind, b.mask, word, b.seg, b.site),
            };
            let spot = |x: &Side| {
                x.stack
                    .first()
                    .map_or(Spot::default(), |p| (p.file.clone(), p.line, p.column))
            };
            let (a, b) = (spot(&race.now), spot(&race.before));
            let pair = if a <= b { (a, b) } else { (b, a) };
            if !s.reported.insert(pair) {
                return;
            }
            s.count += 1;
            if let Some(h) = HOOKS.get() {
                (h.flush)();
            }
            match s.form {
                Form::Text | Form::Human => {
                    let mut t = text(&race);
                    let tty = options().log_path == "stderr" && std::io::stderr().is_terminal();
                    if let Some(h) = HOOKS.get()
                        && (tty || s.form == Form::Human)
                    {
                        t.push_str(&(h.explain)(&race, tty));
                    }
                    emit(s, &t);
                }
                Form::Json => {
                    let t = super::machine::json(&race);
                    emit(s, &t);
                }
                Form::Sarif => {}
            }
            s.races.push(race);
            if options().halt_on_error {
                let code = last_words(s);
                end(code);
            }
        });
    }
}

fn frames(out: &mut String, stack: &[Place]) {
    for p in stack {
        let _ = writeln!(
            out,
            "  {}()\n      {}:{} +0x{:x}",
            p.func, p.file, p.line, p.offset
        );
    }
}

fn who(id: u32) -> String {
    if id == 1 {
        "main goroutine".into()
    } else {
        format!("goroutine {id}")
    }
}

/// Go's block.
fn text(r: &Race) -> String {
    let mut out = String::from("==================\nWARNING: DATA RACE\n");
    for (first, s) in [(true, &r.now), (false, &r.before)] {
        let what = match (first, s.kind.writes()) {
            (true, true) => "Write",
            (true, false) => "Read",
            (false, true) => "\nPrevious write",
            (false, false) => "\nPrevious read",
        };
        let _ = writeln!(out, "{what} at 0x{:012x} by {}:", s.addr, who(s.goroutine));
        frames(&mut out, &s.stack);
    }
    for (i, s) in [&r.now, &r.before].into_iter().enumerate() {
        if s.goroutine == 1 || (i == 1 && s.goroutine == r.now.goroutine) {
            continue;
        }
        let state = if s.running { "running" } else { "finished" };
        let _ = writeln!(out, "\nGoroutine {} ({state}) created at:", s.goroutine);
        frames(&mut out, &s.created);
    }
    out.push_str("==================\n");
    out
}

/// Warns of locks that goroutines take in a circle: each goroutine with the sites of the lock
/// it held and of the lock it took then.
pub fn lock_cycle(steps: &[(u32, (u32, u32))]) {
    state(|s| {
        let mut pcs: Vec<usize> = steps.iter().map(|x| stack::pc_of(x.1.1)).collect();
        pcs.sort_unstable();
        if !matches!(s.form, Form::Text | Form::Human) || !s.cycles.insert(pcs) {
            return;
        }
        let mut out = String::from("==================\nWARNING: LOCK ORDER CYCLE\n");
        for (i, (id, (held, taken))) in steps.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            let _ = writeln!(out, "Lock taken by {}:", who(*id));
            frames(&mut out, &places(&stack::expand(*taken).0));
            let _ = writeln!(out, "\nWhile holding the lock taken at:");
            frames(&mut out, &places(&stack::expand(*held).0));
        }
        out.push_str("Each of these goroutines may come to wait for the next one.\n");
        out.push_str("==================\n");
        emit(s, &out);
    });
}

fn emit(s: &mut State, text: &str) {
    let o = options();
    // Nothing can be done when the output is gone.
    let _ = match o.log_path.as_str() {
        "stderr" => std::io::stderr().write_all(text.as_bytes()),
        "stdout" => std::io::stdout().write_all(text.as_bytes()),
        path => {
            if s.log.is_none() {
                s.log = std::fs::File::create(format!("{path}.{}", std::process::id())).ok();
            }
            match &mut s.log {
                Some(f) => f.write_all(text.as_bytes()),
                None => std::io::stderr().write_all(text.as_bytes()),
            }
        }
    };
}

fn last_words(s: &mut State) -> i32 {
    if s.form == Form::Sarif {
        let t = super::machine::sarif(&s.races);
        emit(s, &t);
    }
    if matches!(s.form, Form::Text | Form::Human) {
        let t = format!("Found {} data race(s)\n", s.count);
        emit(s, &t);
    }
    options().exit_code
}

/// The program ends with `code`: the last line, and the exit code that counts. As in Go,
/// a program that fails by itself keeps its code.
pub fn finish(code: i32) -> i32 {
    if !super::on() || code != 0 {
        return code;
    }
    state(|s| {
        if s.count == 0 {
            if s.form == Form::Sarif {
                last_words(s);
            }
            return code;
        }
        let ms = options().atexit_sleep_ms;
        if ms != 0 {
            std::thread::sleep(std::time::Duration::from_millis(ms));
        }
        last_words(s)
    })
}

/// The detector itself cannot go on.
#[cold]
pub fn give_up(why: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "fatal error: race: {why}");
    end(2)
}

#[allow(unsafe_code)]
fn end(code: i32) -> ! {
    // SAFETY: _exit only ends the process; other threads still run guest code.
    unsafe { libc::_exit(code) }
}
