//! The interactive session as the VM sees it: inputs handed to the guest's serving
//! goroutine, the goroutine that runs the present input, and what dies quietly here that
//! would end a program.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cx::{Cx, Exit};
use super::exec;
use super::natives::Call;
use crate::race;
use crate::runtime::sched::task::GRef;
use crate::runtime::wait_reason::WaitReason;

static ACTIVE: AtomicBool = AtomicBool::new(false);
/// Some goroutine is to be ended at its next safe place.
static ANY_CONDEMNED: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct State {
    /// A function value that waits to be taken.
    pending: u64,
    /// The serving goroutine and where its result belongs.
    parked: Option<(GRef, usize)>,
    /// An input has been handed over and has not ended.
    running: bool,
    /// Goroutine of the present input, 0 until it says so.
    current: u64,
    condemned: Vec<u64>,
    /// The input that waits while a question about it is answered, and whether it has ended.
    held: Option<(u64, bool)>,
    /// The input that was last given up.
    abandoned: u64,
    /// Type of the expression that is being evaluated.
    type_text: String,
    question: Question,
    variables: Vec<Variable>,
}

/// A variable that inputs have declared.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub addr: usize,
    pub ty: &'static crate::heap::rtti::Rtti,
}

/// What the session wants to know about goroutines.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Question {
    /// All goroutines, one a line.
    #[default]
    Goroutines,
    /// One goroutine's stack.
    Goroutine(u64),
    /// Locks that somebody waits for.
    Locks,
    /// Who waits for what, as a tree.
    Waits,
    /// Goroutines that nobody can wake any more.
    Lost,
    /// Who could end the wait of this one.
    Wakers(u64),
    /// End the wait of this one, and itself.
    Cancel(u64),
}

static STATE: (Mutex<Option<State>>, Condvar) = (Mutex::new(None), Condvar::new());

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.0.lock().unwrap_or_else(PoisonError::into_inner)
}
fn with<T>(f: impl FnOnce(&mut State) -> T) -> T {
    f(state().get_or_insert_default())
}

/// Whether this process is an interactive session.
#[inline]
pub fn active() -> bool {
    ACTIVE.load(Ordering::Relaxed)
}
/// Makes it one.
pub fn activate() {
    ACTIVE.store(true, Ordering::Relaxed);
}

// ----- the session's side -----

/// Hands a function value over to run.
pub fn submit(f: u64) {
    let wake = with(|s| {
        s.running = true;
        s.current = 0;
        match s.parked.take() {
            Some((g, place)) => {
                // SAFETY: a parked goroutine's stack does not move; `place` is the result
                // slot of the native it waits in, and taking it made us its one waker.
                unsafe { *(place as *mut u64) = f };
                Some(g)
            }
            None => {
                s.pending = f;
                None
            }
        }
    });
    if let (Some(g), Some(rt)) = (wake, exec::runtime()) {
        rt.ready_external(g);
    }
}

/// Runs `f` beside the present input, which may be waiting.
pub fn aside(f: u64) {
    with(|s| s.held = Some((s.current, !s.running)));
    submit(f);
    while !wait(Duration::from_secs(1)) {}
    with(|s| {
        if let Some((id, over)) = s.held.take() {
            s.current = id;
            s.running = !over;
        }
    });
}

/// Waits until the input has ended, at most `d`. True: it has.
pub fn wait(d: Duration) -> bool {
    let guard = state();
    let ended = |s: &mut Option<State>| s.as_ref().is_some_and(|s| s.running);
    let (guard, _) = STATE
        .1
        .wait_timeout_while(guard, d, ended)
        .unwrap_or_else(PoisonError::into_inner);
    !guard.as_ref().is_some_and(|s| s.running)
}

/// Goroutine of the present input.
pub fn current() -> u64 {
    with(|s| s.current)
}

/// Ends the present input at its next safe place.
pub fn interrupt() {
    with(|s| {
        if s.running && s.current != 0 {
            let id = s.current;
            s.condemned.push(id);
            ANY_CONDEMNED.store(true, Ordering::Release);
        }
    });
}

/// Gives up waiting for the present input: it goes on in the background.
pub fn abandon() {
    with(|s| {
        s.running = false;
        s.abandoned = s.current;
    });
}

/// Whether this input was given up, and may still be there.
pub fn abandoned(id: u64) -> bool {
    with(|s| s.abandoned == id)
}

pub fn set_type(text: &str) {
    with(|s| s.type_text = text.to_string());
}
pub fn type_text() -> String {
    with(|s| s.type_text.clone())
}
pub fn ask(q: Question) {
    with(|s| s.question = q);
}
pub fn question() -> Question {
    with(|s| s.question)
}
/// What inputs have declared so far, for answers.
pub fn set_variables(all: Vec<Variable>) {
    with(|s| s.variables = all);
}
pub fn variables() -> Vec<Variable> {
    with(|s| s.variables.clone())
}

// ----- output while an input is typed -----

/// Takes text that is to appear above the line being typed. False: it cannot.
type Print = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;
static PRINTER: std::sync::OnceLock<Print> = std::sync::OnceLock::new();
static TYPING: AtomicBool = AtomicBool::new(false);

/// Says who prints while an input is typed; the first word counts.
pub fn set_printer(p: Print) {
    // There is one session in a process.
    let _ = PRINTER.set(p);
}
/// Says whether an input is being typed on the terminal.
pub fn set_typing(on: bool) {
    TYPING.store(on, Ordering::SeqCst);
}
pub fn is_typing() -> bool {
    TYPING.load(Ordering::SeqCst)
}
/// Prints text above the line being typed. False: there is none, or no way to; the text goes
/// where it would.
#[inline]
pub fn print_above(text: &[u8]) -> bool {
    TYPING.load(Ordering::Relaxed) && PRINTER.get().is_some_and(|p| p(text))
}

/// Whether a goroutine may read the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    Now,
    /// What is typed belongs to the line editor.
    Later,
    /// The goroutine is to end.
    Never,
}

/// Whether the editor and goroutines share standard input.
pub fn shares_input() -> bool {
    PRINTER.get().is_some()
}
/// Whether this goroutine may read standard input, which it shares with the editor.
pub fn turn(id: u64) -> Turn {
    if with(|s| s.condemned.contains(&id)) {
        Turn::Never
    } else if is_typing() {
        Turn::Later
    } else {
        Turn::Now
    }
}

// ----- the VM's side -----

/// Whether the goroutine is to end here; asked once.
#[inline]
pub fn condemned(id: u64) -> bool {
    ANY_CONDEMNED.load(Ordering::Acquire) && take_condemned(id)
}
#[cold]
fn take_condemned(id: u64) -> bool {
    with(|s| {
        let at = s.condemned.iter().position(|c| *c == id);
        if let Some(i) = at {
            s.condemned.swap_remove(i);
        }
        if s.condemned.is_empty() {
            ANY_CONDEMNED.store(false, Ordering::Release);
        }
        at.is_some()
    })
}

/// A goroutine has ended.
pub fn ended(id: u64) {
    with(|s| {
        s.condemned.retain(|c| *c != id);
        if let Some(h) = s.held.as_mut().filter(|h| h.0 == id) {
            h.1 = true;
        }
        if s.running && s.current == id {
            s.running = false;
            STATE.1.notify_all();
        }
    });
}

/// `internal/repl.next`
///
/// # Safety
/// A native: `base` are its own slots.
pub unsafe fn next(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    c.ret(0);
    let g = c.cx.g().gref();
    let w = c.cx.w();
    with(|s| {
        if s.pending != 0 {
            // SAFETY: the native's result slot.
            unsafe { *base = std::mem::take(&mut s.pending) };
            return Exit::Next;
        }
        w.park_with(&g, WaitReason::Idle, 0, || {
            s.parked = Some((g, base as usize));
        });
        Exit::Parked
    })
}

/// `internal/repl.begin`
///
/// # Safety
/// A native: `_base` are its own slots.
pub unsafe fn begin(cx: &mut Cx, _base: *mut u64) -> Exit {
    let id = cx.g().id();
    with(|s| s.current = id);
    race::with(|l| race::sync::acquire(race::thread::of(l), order()));
    Exit::Next
}

/// `internal/repl.end`
///
/// # Safety
/// A native: `_base` are its own slots.
pub unsafe fn end(_cx: &mut Cx, _base: *mut u64) -> Exit {
    race::with(|l| race::sync::release_merge(race::thread::of(l), order()));
    Exit::Next
}

/// What the race detector knows the order of inputs by.
fn order() -> usize {
    std::ptr::from_ref(&STATE) as usize
}
