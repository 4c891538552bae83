//! Whole print calls: format strings with their operands, `Print` and `Println`, and
//! filling in the texts of guest methods.

use super::scalar;
use super::utf8::{decode_rune, push_rune};
use super::value::{Call, CallKind, MapWalk, Printer};
use super::{Flags, mem};
use crate::heap::rtti::{Kind, Rtti};

/// Widths, precisions and argument numbers beyond this are errors.
const TOO_LARGE: i64 = 1_000_000;

/// The operands of a call: a guest slice of interface values.
#[derive(Clone, Copy)]
pub struct Args {
    base: *const u8,
    len: usize,
}

impl Args {
    /// # Safety
    /// `base` points to `len` interface values that stay reachable while this is used.
    pub unsafe fn new(base: *const u8, len: usize) -> Args {
        Args { base, len }
    }

    /// The two words of operand `i`, which must exist.
    fn get(&self, i: usize) -> (u64, u64) {
        assert!(i < self.len);
        // SAFETY: below the length of the slice.
        unsafe { mem::read_pair(self.base.add(16 * i)) }
    }

    fn kind(&self, i: usize) -> Kind {
        // SAFETY: the type word of an interface value.
        unsafe { mem::type_of_word(self.get(i).0) }.map_or(Kind::Invalid, |t| t.kind)
    }
}

/// Where a print call stands. Start with the default; the same call continues from what
/// it returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Position in the format string.
    pub pos: usize,
    /// Next operand.
    pub arg: usize,
    /// An explicit argument index was used.
    pub reordered: bool,
    pub done: bool,
}

/// What one step printed.
pub struct Step {
    pub out: Vec<u8>,
    /// Methods to call before going on, in order.
    pub calls: Vec<Call>,
    pub state: State,
    /// A value was nested too deeply: the guest's stack would have overflowed.
    pub overflow: bool,
}

/// Appends what `Printf` prints from `state` on, up to and including the first operand
/// that needs guest methods, or to the end.
pub fn printf(
    out: Vec<u8>,
    format: &[u8],
    args: Args,
    state: State,
    wrap: bool,
    walk: MapWalk,
) -> Step {
    let mut printer = Printer::new(out, walk);
    printer.wrap = wrap;
    let mut engine = Engine {
        printer,
        format,
        args,
        state,
        good: true,
        wrapped: None,
    };
    engine.run();
    let Engine {
        printer:
            Printer {
                out,
                calls,
                overflow,
                ..
            },
        state,
        ..
    } = engine;
    Step {
        out,
        calls,
        state,
        overflow,
    }
}

/// The operands that `%w` verbs of `format` name, rising.
pub fn wrapped(format: &[u8], args: Args, walk: MapWalk) -> Vec<usize> {
    let printer = Printer::new(Vec::new(), walk);
    let state = State::default();
    let wrapped = Some(Vec::new());
    let mut engine = Engine {
        printer,
        format,
        args,
        state,
        good: true,
        wrapped,
    };
    engine.run();
    let mut list = engine.wrapped.unwrap_or_default();
    list.sort_unstable();
    list
}

struct Engine<'a> {
    printer: Printer,
    format: &'a [u8],
    args: Args,
    state: State,
    /// The directive's argument indexes are sound so far.
    good: bool,
    /// Only collecting the operands of `%w`: nothing is printed.
    wrapped: Option<Vec<usize>>,
}

impl Engine<'_> {
    fn text(&mut self, s: &str) {
        self.printer.out.extend_from_slice(s.as_bytes());
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.state.pos).copied()
    }

    fn run(&mut self) {
        while self.state.pos < self.format.len() {
            let rest = &self.format[self.state.pos..];
            let plain = rest.iter().position(|&c| c == b'%').unwrap_or(rest.len());
            self.printer.out.extend_from_slice(&rest[..plain]);
            self.state.pos += plain;
            if plain == rest.len() {
                break;
            }
            if !self.printer.calls.is_empty() || self.printer.overflow {
                return;
            }
            self.state.pos += 1;
            self.directive();
        }
        self.extra();
        self.state.done = true;
    }

    fn directive(&mut self) {
        self.printer.flags = Flags::default();
        self.good = true;
        let mut after_index = false;
        while let Some(c) = self.peek() {
            let fl = &mut self.printer.flags;
            match c {
                b'#' => fl.sharp = true,
                b'0' => fl.zero = true,
                b'+' => fl.plus = true,
                b'-' => fl.minus = true,
                b' ' => fl.space = true,
                _ => break,
            }
            self.state.pos += 1;
        }
        self.index(&mut after_index);
        if self.peek() == Some(b'*') {
            self.state.pos += 1;
            match self.int_operand() {
                Some(w) => {
                    self.printer.flags.width = Some(w.unsigned_abs() as usize);
                    self.printer.flags.minus |= w < 0;
                }
                None => self.text("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            self.printer.flags.width = self.number();
            if after_index && self.printer.flags.width.is_some() {
                self.good = false;
            }
        }
        // A point at the very end is the verb.
        if self.peek() == Some(b'.') && self.state.pos + 1 < self.format.len() {
            self.state.pos += 1;
            if after_index {
                self.good = false;
            }
            self.index(&mut after_index);
            if self.peek() == Some(b'*') {
                self.state.pos += 1;
                match self.int_operand() {
                    // A negative precision is none at all, and Go calls it bad.
                    Some(p) if p >= 0 => self.printer.flags.prec = Some(p as usize),
                    _ => self.text("%!(BADPREC)"),
                }
                after_index = false;
            } else {
                self.printer.flags.prec = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index(&mut after_index);
        }
        let Some(c) = self.peek() else {
            self.text("%!(NOVERB)");
            return;
        };
        let (verb, len) = if c < 0x80 {
            (c as u32, 1)
        } else {
            decode_rune(&self.format[self.state.pos..])
        };
        self.state.pos += len;
        self.verb(verb);
    }

    fn verb(&mut self, verb: u32) {
        if verb == '%' as u32 {
            self.printer.out.push(b'%');
        } else if !self.good {
            self.bad(verb, "(BADINDEX)");
        } else if self.state.arg >= self.args.len {
            self.bad(verb, "(MISSING)");
        } else {
            let arg = self.state.arg;
            self.state.arg += 1;
            if verb == 'v' as u32 || verb == 'w' as u32 {
                let fl = &mut self.printer.flags;
                (fl.sharp_v, fl.plus_v) = (fl.sharp, fl.plus);
                (fl.sharp, fl.plus) = (false, false);
            }
            if let Some(list) = &mut self.wrapped {
                if verb == 'w' as u32 {
                    list.push(arg);
                }
                return;
            }
            self.operand(arg, verb);
        }
    }

    fn operand(&mut self, arg: usize, verb: u32) {
        let (type_word, data) = self.args.get(arg);
        // SAFETY: an interface value of the operand slice.
        unsafe { self.printer.operand(type_word, data, verb) };
    }

    fn bad(&mut self, verb: u32, what: &str) {
        self.text("%!");
        push_rune(&mut self.printer.out, verb);
        self.text(what);
    }

    /// Operands that no directive used, unless the format picks them by number.
    fn extra(&mut self) {
        if self.state.reordered || self.state.arg >= self.args.len || self.wrapped.is_some() {
            return;
        }
        self.printer.flags = Flags::default();
        self.text("%!(EXTRA ");
        for arg in self.state.arg..self.args.len {
            if arg > self.state.arg {
                self.text(", ");
            }
            let type_word = self.args.get(arg).0;
            // SAFETY: the type word of an interface value.
            match unsafe { mem::type_of_word(type_word) } {
                None => self.text("<nil>"),
                Some(t) => {
                    self.text(&t.name);
                    self.printer.out.push(b'=');
                    self.operand(arg, 'v' as u32);
                }
            }
        }
        self.printer.out.push(b')');
    }

    /// A decimal number at the current position; one too large is no number, and the
    /// rest of the format goes with it.
    fn number(&mut self) -> Option<usize> {
        let (mut value, mut any) = (0i64, false);
        while let Some(c @ b'0'..=b'9') = self.peek() {
            if value > TOO_LARGE {
                self.state.pos = self.format.len();
                return None;
            }
            value = value * 10 + (c - b'0') as i64;
            any = true;
            self.state.pos += 1;
        }
        any.then_some(value as usize)
    }

    /// The next operand as a width or precision.
    fn int_operand(&mut self) -> Option<i64> {
        if self.state.arg >= self.args.len {
            return None;
        }
        let (type_word, data) = self.args.get(self.state.arg);
        self.state.arg += 1;
        // SAFETY: an interface value of the operand slice.
        let t = unsafe { mem::type_of_word(type_word) }?;
        let p = mem::data_ptr(t, &data);
        let value = match t.kind {
            Kind::Int
            | Kind::Int8
            | Kind::Int16
            | Kind::Int32
            | Kind::Int64
            | Kind::Uint
            | Kind::Uint8
            | Kind::Uint16
            | Kind::Uint32
            | Kind::Uint64
            // SAFETY: the data word stands for an integer of this kind.
            | Kind::Uintptr => unsafe { mem::read_int(t.kind, p) as i64 },
            _ => return None,
        };
        let value = match t.kind {
            Kind::Uint | Kind::Uint64 | Kind::Uintptr if value < 0 => return None,
            _ => value,
        };
        (-TOO_LARGE..=TOO_LARGE).contains(&value).then_some(value)
    }

    /// An explicit argument index `[n]`, if one stands here.
    fn index(&mut self, after_index: &mut bool) {
        *after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.state.reordered = true;
        let rest = &self.format[self.state.pos..];
        let (value, len) = index_number(rest);
        self.state.pos += len;
        match value {
            Some(n) if n >= 1 && n <= self.args.len => {
                self.state.arg = n - 1;
                *after_index = true;
            }
            found => {
                self.good = false;
                *after_index = found.is_some();
            }
        }
    }
}

/// The number in `[n]` at the start of `s`, and the bytes to skip.
fn index_number(s: &[u8]) -> (Option<usize>, usize) {
    if s.len() < 3 {
        return (None, 1);
    }
    let Some(end) = s.iter().position(|&c| c == b']') else {
        return (None, 1);
    };
    let digits = &s[1..end];
    let mut value = 0usize;
    for &c in digits {
        if !c.is_ascii_digit() || value > TOO_LARGE as usize {
            return (None, end + 1);
        }
        value = value * 10 + (c - b'0') as usize;
    }
    ((!digits.is_empty()).then_some(value), end + 1)
}

/// Appends what `Print` (`line` false) or `Println` prints from operand `from` on, up to
/// the first one that needs guest methods, or to the end.
pub fn print(out: Vec<u8>, args: Args, from: usize, line: bool, walk: MapWalk) -> Step {
    let mut printer = Printer::new(out, walk);
    let mut state = State {
        arg: from,
        ..State::default()
    };
    while state.arg < args.len {
        if !printer.calls.is_empty() || printer.overflow {
            break;
        }
        let i = state.arg;
        let (type_word, data) = args.get(i);
        if i > 0 {
            // SAFETY: the type word of an interface value.
            let this = unsafe { mem::type_of_word(type_word) };
            let text = |t: Option<&Rtti>| t.is_some_and(|t| t.kind == Kind::String);
            if line || !text(this) && args.kind(i - 1) != Kind::String {
                printer.out.push(b' ');
            }
        }
        // SAFETY: an interface value of the operand slice.
        unsafe { printer.operand(type_word, data, 'v' as u32) };
        state.arg += 1;
    }
    if state.arg >= args.len {
        state.done = true;
        if line {
            printer.out.push(b'\n');
        }
    }
    let Printer {
        out,
        calls,
        overflow,
        ..
    } = printer;
    Step {
        out,
        calls,
        state,
        overflow,
    }
}

/// How a text goes into a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub at: usize,
    /// `None`: the text goes in as it is.
    pub kind: Option<CallKind>,
    pub verb: u32,
    pub flags: Flags,
}

impl Gap {
    /// Words that a [`Call`] takes in the guest's list.
    pub const WORDS: usize = 4;

    /// A call as four words: offset; kind, flags from bit 8, verb from bit 32; width and
    /// precision, -1 if absent.
    pub fn pack(call: &Call) -> [u64; Gap::WORDS] {
        let size = |n: Option<usize>| n.map_or(u64::MAX, |n| n as u64);
        let fl = &call.flags;
        let what = call.kind as u64 | fl.bits() << 8 | (call.verb as u64) << 32;
        [call.at as u64, what, size(fl.width), size(fl.prec)]
    }

    /// The inverse of [`Gap::pack`]; kind 0 is a text that goes in as it is.
    pub fn unpack(words: [u64; Gap::WORDS]) -> Gap {
        let kind = match words[1] as u8 {
            2 => Some(CallKind::GoString),
            3 => Some(CallKind::Error),
            4 => Some(CallKind::String),
            _ => None,
        };
        let flags = Flags::from_bits(words[1] >> 8 & 0x7F, words[2] as i64, words[3] as i64);
        Gap {
            at: words[0] as usize,
            kind,
            verb: (words[1] >> 32) as u32,
            flags,
        }
    }
}

/// Fills the gaps of `buf`, rising by offset, with the texts of the methods, each
/// formatted as its directive says.
pub fn splice<'a>(buf: &[u8], gaps: impl Iterator<Item = (Gap, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::with_capacity(buf.len() + 64);
    let mut from = 0;
    for (gap, text) in gaps {
        let at = gap.at.clamp(from, buf.len());
        out.extend_from_slice(&buf[from..at]);
        from = at;
        match gap.kind {
            None | Some(CallKind::Format) => out.extend_from_slice(text),
            Some(CallKind::GoString) => scalar::fmt_s(&mut out, text, &gap.flags),
            Some(CallKind::Error | CallKind::String) => {
                scalar::fmt_string(&mut out, text, gap.verb, &gap.flags);
            }
        }
    }
    out.extend_from_slice(&buf[from..]);
    out
}
