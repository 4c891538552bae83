//! `internal/rt`: what `fmt` stands on. Glue between guest values and `fmtcore`.
#![allow(unsafe_code)]

use super::fmtcore::format::{self, Args, Gap, State, Step};
use super::fmtcore::{mem as fmem, parse, quote};
use crate::heap::map::{self, MapType};
use crate::heap::rtti::{Kind, Rtti, Shape};
use crate::vm::cx::{Cx, Exit};
use crate::vm::fault::Code;
use crate::vm::natives::{Call, Entry, Slice};

/// Visits a map's entries. A racing writer ends the walk early.
///
/// # Safety
/// The word is a non-nil map of the given type.
pub unsafe fn walk_map(word: u64, t: &'static Rtti, visit: &mut dyn FnMut(*const u8, *const u8)) {
    let mt = MapType::of(t);
    let mut it = [0u64; map::ITER_WORDS];
    let it = it.as_mut_ptr() as *mut u8;
    crate::race::reads(word, 8);
    // SAFETY: by the caller's promise; the iterator is this function's own and no
    // collection can happen before it returns.
    unsafe {
        if map::iter_init(it, word as *mut u8).is_err() {
            return;
        }
        while let Ok(Some((k, v))) = map::iter_next(it, mt) {
            visit(k, v);
        }
    }
}

fn args_of(s: Slice) -> Args {
    crate::race::reads(s.ptr, s.len * 16);
    // SAFETY: a `[]any` of the frame, alive during the call.
    unsafe { Args::new(s.ptr as *const u8, s.len) }
}

/// A fresh `[]any` or `[]uint64`.
fn new_array(c: &mut Call, words: &[u64], pairs: bool) -> Result<Slice, Exit> {
    let shape = if pairs {
        Shape {
            size: 16,
            align: 16,
            ptrs: vec![2],
        }
    } else {
        Shape::noscan(8, 8)
    };
    let n = if pairs { words.len() / 2 } else { words.len() };
    let p = c.cx.cache().alloc_array(&shape, n);
    if p.is_null() {
        return Err(c.no_memory());
    }
    for (i, w) in words.iter().enumerate() {
        // SAFETY: fresh memory of that many words, not yet shared.
        unsafe { crate::heap::mem::store_u64(p.add(8 * i), *w) };
    }
    Ok(Slice {
        ptr: p as u64,
        len: n,
        cap: n,
    })
}

/// Results that a step has in common: pend and how.
fn ret_calls(c: &mut Call, step: &Step) -> Result<(), Exit> {
    let mut pend = Vec::new();
    let mut how = Vec::new();
    for call in &step.calls {
        pend.extend([call.rtti as *const Rtti as u64, call.word]);
        how.extend(Gap::pack(call));
    }
    let p = new_array(c, &pend, true)?;
    let h = new_array(c, &how, false)?;
    c.ret_slice(p).ret_slice(h);
    Ok(())
}

/// Appends `tail` to a guest byte slice, as `append` does.
fn ret_appended(c: &mut Call, buf: Slice, tail: &[u8]) -> Result<(), Exit> {
    let total = buf.len + tail.len();
    if total <= buf.cap {
        // SAFETY: room between length and capacity of the caller's slice.
        crate::race::writes(buf.ptr + buf.len as u64, tail.len());
        unsafe {
            crate::heap::mem::copy((buf.ptr as *mut u8).add(buf.len), tail.as_ptr(), tail.len())
        };
        c.ret_slice(Slice { len: total, ..buf });
        return Ok(());
    }
    let cap = crate::heap::capacity::grown_bytes(buf.cap, total);
    let p = c.cx.cache().alloc_noscan(cap);
    if p.is_null() {
        return Err(c.no_memory());
    }
    // SAFETY: fresh memory of `cap` bytes; the old slice holds `len`.
    unsafe {
        crate::heap::mem::copy(p, buf.ptr as *const u8, buf.len);
        crate::heap::mem::copy(p.add(buf.len), tail.as_ptr(), tail.len());
    }
    c.ret_slice(Slice {
        ptr: p as u64,
        len: total,
        cap,
    });
    Ok(())
}

unsafe fn printf(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 8) };
    let buf = c.slice();
    let fmt = c.str();
    let args = args_of(c.slice());
    let (pos, st) = (c.int(), c.int());
    let state = State {
        pos: pos.max(0) as usize,
        arg: (st >> 2) as usize,
        reordered: st & 2 != 0,
        done: false,
    };
    // Offsets in the gaps count from the start of the whole buffer.
    // SAFETY: the caller's own slice.
    let old = unsafe { crate::vm::ops::slow::bytes(buf.ptr, buf.len as u64) };
    let step = format::printf(old.to_vec(), fmt, args, state, st & 1 != 0, walk_map);
    try_exit_step(&mut c, buf, &step, |c, s| {
        let npos = if step.overflow {
            -2
        } else if s.done {
            -1
        } else {
            s.pos as i64
        };
        let nst = (st & 1) | if s.reordered { 2 } else { 0 } | (s.arg as i64) << 2;
        c.ret_int(npos).ret_int(nst);
    })
}

fn try_exit_step(c: &mut Call, buf: Slice, step: &Step, mid: impl Fn(&mut Call, State)) -> Exit {
    crate::try_exit!(ret_appended(c, buf, &step.out[buf.len..]));
    mid(c, step.state);
    crate::try_exit!(ret_calls(c, step));
    Exit::Next
}

unsafe fn print(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 7) };
    let buf = c.slice();
    let args = args_of(c.slice());
    let (i, line) = (c.int(), c.bool());
    // SAFETY: the caller's own slice.
    let old = unsafe { crate::vm::ops::slow::bytes(buf.ptr, buf.len as u64) };
    let step = format::print(old.to_vec(), args, i.max(0) as usize, line, walk_map);
    try_exit_step(&mut c, buf, &step, |c, s| {
        c.ret_int(if step.overflow {
            -2
        } else if s.done {
            -1
        } else {
            s.arg as i64
        });
    })
}

unsafe fn sprintf(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let fmt = c.str();
    let args = args_of(c.slice());
    let step = format::printf(
        Vec::with_capacity(64),
        fmt,
        args,
        State::default(),
        false,
        walk_map,
    );
    whole(&mut c, &step)
}
unsafe fn sprint(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let args = args_of(c.slice());
    let line = c.bool();
    let step = format::print(Vec::with_capacity(64), args, 0, line, walk_map);
    whole(&mut c, &step)
}
fn whole(c: &mut Call, step: &Step) -> Exit {
    if !step.calls.is_empty() || step.overflow || !step.state.done {
        c.ret(0).ret(0).ret_bool(false);
        return Exit::Next;
    }
    crate::try_exit!(c.ret_str(&step.out)).ret_bool(true);
    Exit::Next
}

unsafe fn splice(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; slices of the frame are alive.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let buf = c.bytes();
    let (how, texts) = (c.slice(), c.slice());
    let n = texts.len.min(how.len / Gap::WORDS);
    let gaps = (0..n).map(|i| {
        // SAFETY: i is below both lengths; words and headers are read in one access each.
        unsafe {
            let word =
                |k: usize| fmem::read_u64((how.ptr as *const u8).add(8 * (Gap::WORDS * i + k)));
            let (p, len) = fmem::read_pair((texts.ptr as *const u8).add(16 * i));
            let gap = Gap::unpack([word(0), word(1), word(2), word(3)]);
            (gap, crate::vm::ops::slow::bytes(p, len))
        }
    });
    let out = format::splice(buf, gaps);
    crate::try_exit!(c.ret_bytes(&out));
    Exit::Next
}

unsafe fn wrapped(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let fmt = c.str();
    let args = args_of(c.slice());
    let list: Vec<u64> = format::wrapped(fmt, args, walk_map)
        .into_iter()
        .map(|i| i as u64)
        .collect();
    let s = crate::try_exit!(new_array(&mut c, &list, false));
    c.ret_slice(s);
    Exit::Next
}

unsafe fn is_nil(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let (t, w) = c.iface();
    // SAFETY: a type word.
    let nil = unsafe { fmem::type_of_word(t) }.is_some_and(|t| t.kind == Kind::Pointer && w == 0);
    c.ret_bool(nil);
    Exit::Next
}

unsafe fn stack_overflow(cx: &mut Cx, _base: *mut u64) -> Exit {
    cx.fail(Code::StackOverflow, 0, 0)
}

fn code(e: Option<parse::NumError>) -> i64 {
    match e {
        None => 0,
        Some(parse::NumError::Syntax) => 1,
        Some(parse::NumError::Range) => 2,
        Some(parse::NumError::Base) => 3,
        Some(parse::NumError::Bits) => 4,
    }
}
unsafe fn parse_int(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let (s, b, bits) = (c.str(), c.int(), c.int());
    let (v, e) = parse::parse_int(s, b, bits);
    c.ret_int(v).ret_int(code(e));
    Exit::Next
}
unsafe fn parse_uint(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let (s, b, bits) = (c.str(), c.int(), c.int());
    let (v, e) = parse::parse_uint(s, b, bits);
    c.ret(v).ret_int(code(e));
    Exit::Next
}
unsafe fn parse_float(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let (s, bits) = (c.str(), c.int());
    let (v, e) = parse::parse_float(s, bits);
    c.ret_f64(v).ret_int(code(e));
    Exit::Next
}
unsafe fn unquote(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    match quote::unquote(c.str()) {
        Some(v) => {
            crate::try_exit!(c.ret_str(&v)).ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret_bool(false);
        }
    }
    Exit::Next
}

/// `Alike(p, samples)`: p is a non-nil pointer whose element type has the same kind as one
/// of the samples: p's element as that sample's type.
unsafe fn alike(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; samples is a `[]any` of the frame.
    unsafe {
        let mut c = Call::new(cx, base, 3);
        let (t, w) = c.iface();
        let samples = c.slice();
        let Some(t) = fmem::type_of_word(t).filter(|t| t.kind == Kind::Pointer) else {
            c.ret(0).ret(0).ret_bool(false);
            return Exit::Next;
        };
        for i in 0..samples.len {
            let (st, _) = fmem::read_pair((samples.ptr as *const u8).add(16 * i));
            let Some(s) = fmem::type_of_word(st).filter(|s| s.kind == Kind::Pointer) else {
                continue;
            };
            let same = s.elem().kind == t.elem().kind
                && (t.elem().kind != Kind::Slice || t.elem().elem().kind == s.elem().elem().kind);
            if same {
                c.ret(st).ret(w).ret_bool(true);
                return Exit::Next;
            }
        }
        c.ret(0).ret(0).ret_bool(true);
    }
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("internal/rt.Printf", printf),
    ("internal/rt.Print", print),
    ("internal/rt.Sprintf", sprintf),
    ("internal/rt.Sprint", sprint),
    ("internal/rt.Splice", splice),
    ("internal/rt.Wrapped", wrapped),
    ("internal/rt.IsNil", is_nil),
    ("internal/rt.StackOverflow", stack_overflow),
    ("internal/rt.ParseInt", parse_int),
    ("internal/rt.ParseUint", parse_uint),
    ("internal/rt.ParseFloat", parse_float),
    ("internal/rt.Unquote", unquote),
    ("internal/rt.Alike", alike),
];
