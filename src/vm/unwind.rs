//! Panics, recovery, Goexit.
//!
//! A function that defers has an epilogue: code that runs its deferred calls, newest
//! first, and ends in `DeferEnd`. A normal return jumps there. A panic unwinds frame by
//! frame: a frame whose function defers is resumed at its epilogue, whose `DeferEnd` then
//! returns normally (recovered) or goes on unwinding. So deferred calls run by the same
//! code in every case, and a panic inside one simply starts over from its frame.
//!
//! The stack above a frame is given up when it is unwound to; the traceback of a panic is
//! therefore taken when it starts.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::cx::Cx;
use super::goroutine::{self, Word};
use super::traceback::{self, Frame};
use crate::bytecode::instr::Op;
use crate::bytecode::program::{Proto, funcs, gexit_code};

/// One panic (or Goexit) in flight.
pub struct PanicRec {
    /// The interface value.
    pub value: (u64, u64),
    pub goexit: bool,
    pub recovered: bool,
    /// Raised by the run-time for a nil dereference: the traceback shows a signal line.
    pub signal: bool,
    /// Distance from the stack's base of the frame whose deferred calls run for it.
    pub frame: usize,
    /// Innermost first.
    pub trace: Vec<Frame>,
    /// What its value says of itself, once it was asked.
    pub text: Option<String>,
    /// Guest code is asked for the text now.
    pub asking: bool,
    /// Deferred calls run for it: it is one of [`UNWINDING`].
    counted: bool,
}

/// Panics whose deferred calls run (`runningPanicDefers` of Go's runtime).
static UNWINDING: AtomicUsize = AtomicUsize::new(0);
/// Nobody recovered one: the process is about to end with its text.
static DYING: AtomicBool = AtomicBool::new(false);

/// How often the end of the main goroutine gives way to deferred calls of panics.
const PATIENCE: usize = 1000;

/// Whether main, which has returned, should give way once more, so that a panic elsewhere,
/// one of whose deferred calls may have woken main, has its say.
pub fn main_gives_way() -> bool {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let wait = DYING.load(Ordering::SeqCst)
        || UNWINDING.load(Ordering::SeqCst) != 0
            && TRIES.fetch_add(1, Ordering::Relaxed) < PATIENCE;
    if wait {
        // To the other thread, too, when all processors are busy.
        std::thread::yield_now();
    }
    wait
}

impl PanicRec {
    fn new(value: (u64, u64), goexit: bool, signal: bool, trace: Vec<Frame>) -> PanicRec {
        PanicRec {
            value,
            goexit,
            recovered: false,
            signal,
            frame: usize::MAX,
            trace,
            text: None,
            asking: false,
            counted: false,
        }
    }
}

impl Drop for PanicRec {
    fn drop(&mut self) {
        if self.counted {
            UNWINDING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// What to do after unwinding.
#[derive(PartialEq, Eq, Debug)]
pub enum Next {
    /// Go on at `cx.pc`, `cx.fp`.
    Resume,
    /// Nobody recovers: the program dies.
    Uncaught,
    /// Goexit has reached the end.
    Exited,
}

fn frame_at(cx: &Cx) -> usize {
    cx.fp as usize - goroutine::get(cx.g(), Word::StackLo)
}

/// Starts a panic at the context's position.
pub fn panic(cx: &mut Cx, value: (u64, u64), signal: bool) -> Next {
    let trace = traceback::frames(cx.pc, cx.fp, false);
    let rec = PanicRec::new(value, false, signal, trace);
    goroutine::panics_mut(cx.g()).push(rec);
    unwind(cx)
}

/// `runtime.Goexit`
pub fn goexit(cx: &mut Cx) -> Next {
    let rec = PanicRec::new((0, 0), true, false, Vec::new());
    goroutine::panics_mut(cx.g()).push(rec);
    unwind(cx)
}

/// The stack at the last of several panics, each raised by a deferred call of the one
/// before: its own frames down to the deferring function, then the earlier panic's.
pub fn joined<'a>(traces: impl Iterator<Item = &'a [Frame]>) -> Vec<Frame> {
    let mut all: Vec<Frame> = Vec::new();
    for t in traces {
        let outer = t.iter().rev().zip(all.iter().rev());
        let same = outer.take_while(|(a, b)| a.pc == b.pc).count();
        // The deferring function itself is at another place in its epilogue.
        let own = t.len().saturating_sub(same + usize::from(!all.is_empty()));
        let mut next = t[..own].to_vec();
        if !all.is_empty() {
            next.push(traceback::panic_frame());
        }
        next.append(&mut all);
        all = next;
    }
    all
}

/// The running goroutine's frames from a return address on. Below a call that a panic
/// deferred stands the panic and what it gave up, as if the call ran on top of it.
pub fn running(cx: &Cx, pc: *const u64) -> Vec<Frame> {
    let all = traceback::frames(pc, cx.fp, true);
    let Some(panics) = goroutine::panics(cx.g()) else {
        return all;
    };
    let Some(last) = panics.last().filter(|p| !p.goexit) else {
        return all;
    };
    let stop = goroutine::get(cx.g(), Word::StackLo).wrapping_add(last.frame);
    let Some(above) = traceback::frames_above(pc, cx.fp, stop) else {
        return all;
    };
    let mut out = above;
    out.push(traceback::panic_frame());
    let traces = panics.iter().filter(|p| !p.goexit);
    out.append(&mut joined(traces.map(|p| p.trace.as_slice())));
    out
}

/// Unwinds from the context's frame to the next one that defers.
fn unwind(cx: &mut Cx) -> Next {
    loop {
        if cx.pc == gexit_code() {
            let last = goroutine::panics(cx.g()).and_then(|p| p.last());
            return if last.is_some_and(|p| p.goexit) {
                Next::Exited
            } else {
                if !super::session::active() {
                    DYING.store(true, Ordering::SeqCst);
                }
                Next::Uncaught
            };
        }
        if let Some(p) = funcs().find(cx.pc as usize)
            && let Some(e) = p.epilogue
        {
            let frame = frame_at(cx);
            if let Some(rec) = goroutine::panics_mut(cx.g()).last_mut() {
                rec.frame = frame;
                if !rec.goexit && !rec.counted {
                    rec.counted = true;
                    UNWINDING.fetch_add(1, Ordering::SeqCst);
                }
            }
            cx.pc = p.code[e as usize..].as_ptr();
            return Next::Resume;
        }
        pop(cx);
    }
}

/// Leaves the current frame.
fn pop(cx: &mut Cx) {
    // SAFETY: fp is a live frame: its header holds the return address and the distance.
    unsafe {
        let back = *cx.fp.sub(1) as u32 as usize;
        cx.pc = *cx.fp.sub(2) as *const u64;
        cx.fp = (cx.fp as *mut u8).sub(back) as *mut u64;
    }
}

/// The end of an epilogue while panics are in flight.
pub fn defer_end(cx: &mut Cx) -> Next {
    let frame = frame_at(cx);
    let panics = goroutine::panics_mut(cx.g());
    let Some(last) = panics.last() else {
        pop(cx);
        return Next::Resume;
    };
    if last.frame != frame {
        // A deferred call's own epilogue: its panics belong to outer frames.
        pop(cx);
        return Next::Resume;
    }
    if last.recovered {
        // Older panics that this one overtook are gone with it; a Goexit goes on.
        panics.pop();
        while panics
            .last()
            .is_some_and(|p| !p.goexit && p.frame != usize::MAX && p.frame >= frame)
        {
            panics.pop();
        }
        if panics.last().is_some_and(|p| p.goexit && p.frame >= frame) {
            pop(cx);
            return unwind(cx);
        }
        pop(cx);
        return Next::Resume;
    }
    pop(cx);
    unwind(cx)
}

/// `recover()` in the running function.
pub fn recover(cx: &Cx) -> (u64, u64) {
    let g = cx.g();
    let Some(rec) = goroutine::panics(g).and_then(|p| p.last_mut()) else {
        return (0, 0);
    };
    if rec.goexit || rec.recovered {
        return (0, 0);
    }
    let lo = goroutine::get(g, Word::StackLo);
    // Walk to the caller, through adapters.
    let mut fp = cx.fp;
    for _ in 0..3 {
        // SAFETY: fp is a live frame.
        let (ret, back) = unsafe { (*fp.sub(2) as *const u64, *fp.sub(1) as u32 as usize) };
        if back == 0 {
            return (0, 0);
        }
        fp = (fp as usize - back) as *mut u64;
        // SAFETY: a return address follows its call instruction by at least one word.
        let call = unsafe { *ret.sub(1) };
        if Op::decode(call) == Some(Op::CallDefer) && is_call_at(ret, 1) {
            if fp as usize - lo == rec.frame {
                rec.recovered = true;
                return rec.value;
            }
            return (0, 0);
        }
        if !funcs()
            .find(ret as usize)
            .is_some_and(|p: &Proto| p.wrapper)
        {
            return (0, 0);
        }
    }
    (0, 0)
}

/// Whether the word before a return address is an instruction of its own (and not the
/// extension word of a longer call).
fn is_call_at(ret: *const u64, words: usize) -> bool {
    let Some(p) = funcs().find(ret as usize) else {
        return false;
    };
    let at = (ret as usize - p.code.as_ptr() as usize) / 8;
    let mut i = 0;
    while i < at {
        let n = crate::bytecode::instr::length(p.code[i]);
        if i + n == at {
            return n == words;
        }
        i += n;
    }
    false
}
