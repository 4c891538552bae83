//! Prints any value by its run-time type descriptor, as `fmt` does.
//!
//! Where Go would call a method of the value, the printer emits nothing and notes a
//! [`Call`]; the caller runs the method and puts its text there.

use super::{Flags, float, int, mem, order, pad, scalar};
use crate::heap::rtti::{Kind, Rtti};
use crate::race;

/// Nesting beyond which printing gives up (Go's stack would overflow, later).
const MAX_DEPTH: usize = 1000;

/// Calls `visit(key, element)` for each entry of a map: its word, its type.
///
/// # Safety
/// The word is a non-nil map of the given type; the pointers given to `visit` point to
/// memory-format values that stay readable while the map is reachable.
pub type MapWalk = unsafe fn(u64, &'static Rtti, &mut dyn FnMut(*const u8, *const u8));

/// The method that a [`Call`] wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CallKind {
    /// `Format(fmt.State, rune)`; its output goes in as it is.
    Format = 1,
    /// `GoString() string`.
    GoString = 2,
    /// `Error() string`.
    Error = 3,
    /// `String() string`.
    String = 4,
}

/// A method to call and where in the output its text belongs.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub kind: CallKind,
    /// The receiver as an interface value.
    pub rtti: &'static Rtti,
    pub word: u64,
    /// Offset in the output without the texts of other calls.
    pub at: usize,
    pub verb: u32,
    pub flags: Flags,
}

/// How far a value is out of the program's reach: what unexported fields hide has none
/// of its methods called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Open,
    /// An unexported embedded field: its exported fields are open again.
    Embedded,
    Closed,
}

impl Reach {
    fn inner(self) -> Reach {
        if self == Reach::Open {
            Reach::Open
        } else {
            Reach::Closed
        }
    }
}

/// The state of one print call.
pub struct Printer {
    pub out: Vec<u8>,
    pub calls: Vec<Call>,
    pub flags: Flags,
    /// `%w` is allowed (`Errorf`).
    pub wrap: bool,
    /// The value was nested too deeply; the output is incomplete.
    pub overflow: bool,
    erroring: bool,
    walk: MapWalk,
}

fn is(verb: u32, set: &str) -> bool {
    char::from_u32(verb).is_some_and(|c| set.contains(c))
}

const V: u32 = 'v' as u32;

impl Printer {
    /// Prints behind what `out` holds.
    pub fn new(out: Vec<u8>, walk: MapWalk) -> Printer {
        let flags = Flags::default();
        let calls = Vec::new();
        Printer {
            out,
            calls,
            flags,
            wrap: false,
            overflow: false,
            erroring: false,
            walk,
        }
    }

    fn text(&mut self, s: &str) {
        self.out.extend_from_slice(s.as_bytes());
    }

    /// Prints one operand, an interface value, under `verb`.
    ///
    /// # Safety
    /// The words are those of an interface value that stays reachable.
    pub unsafe fn operand(&mut self, type_word: u64, data: u64, verb: u32) {
        // SAFETY: a type word by the contract.
        let Some(t) = (unsafe { mem::type_of_word(type_word) }) else {
            if is(verb, "Tv") {
                pad(&mut self.out, b"<nil>", &self.flags);
            } else {
                self.bad_verb_nil(verb);
            }
            return;
        };
        let p = mem::data_ptr(t, &data);
        if verb == 'T' as u32 {
            scalar::fmt_s(&mut self.out, t.name.as_bytes(), &self.flags);
            return;
        }
        // SAFETY: the data word stands for a value of the dynamic type.
        unsafe {
            if verb == 'p' as u32 {
                self.pointer(t, p, verb);
                return;
            }
            if t.kind == Kind::Struct && t.pkg_path == "reflect" && t.type_name == "Value" {
                self.reflected(p, verb);
                return;
            }
            self.open_value(t, p, verb);
        }
    }

    /// A value whose methods count, at the top.
    unsafe fn open_value(&mut self, t: &'static Rtti, p: *const u8, verb: u32) {
        // SAFETY: `p` points to a value of type `t`.
        unsafe {
            let mut verb = verb;
            if t.kind == Kind::Slice && t.name == "[]uint8" {
                if is(verb, "vd") {
                    self.bytes(p, verb);
                } else {
                    self.value(t, p, verb, 0, Reach::Open);
                }
                return;
            }
            if verb == 'w' as u32 {
                if !self.wrap || self.erroring || !has_method(t, CallKind::Error) {
                    self.bad_verb(t, p, verb);
                    return;
                }
                verb = V;
            }
            if !self.methods(t, p, verb) {
                self.value(t, p, verb, 0, Reach::Open);
            }
        }
    }

    /// A `[]byte` operand as a list: `%#v` calls it so.
    unsafe fn bytes(&mut self, p: *const u8, verb: u32) {
        let mut bytes = Vec::new();
        // SAFETY: `p` points to a slice of bytes.
        let nil = unsafe {
            let (at, len, _) = mem::read_slice(p);
            race::reads(at as u64, len);
            mem::copy_bytes(&mut bytes, at, len);
            at.is_null()
        };
        let some = (!nil).then_some(&bytes[..]);
        scalar::fmt_bytes(&mut self.out, some, verb, "[]byte", &self.flags);
    }

    /// A `reflect.Value` operand prints what it holds: an interface, and flags whose
    /// lowest bit says that the interface is a pointer to the value; bits 1 and 3
    /// say that it came through an unexported field.
    unsafe fn reflected(&mut self, p: *const u8, verb: u32) {
        // SAFETY: the struct is an interface followed by a word; a non-nil pointer in an
        // interface points to a value of its element type.
        unsafe {
            let (type_word, data) = mem::read_pair(p);
            let flags = mem::read_u64(p.add(16));
            let reach = if flags & 10 != 0 {
                Reach::Closed
            } else {
                Reach::Open
            };
            let Some(t) = mem::type_of_word(type_word) else {
                self.text("<invalid reflect.Value>");
                return;
            };
            let (mut t, mut p) = (t, mem::data_ptr(t, &data));
            if flags & 1 != 0 && t.kind == Kind::Pointer && data != 0 {
                (t, p) = (t.elem(), data as *const u8);
            }
            if reach == Reach::Open {
                let dynamic = if t.kind == Kind::Interface {
                    mem::read_pair(p)
                } else {
                    (0, 0)
                };
                if let Some(t) = mem::type_of_word(dynamic.0) {
                    self.open_value(t, mem::data_ptr(t, &dynamic.1), verb);
                } else if t.kind == Kind::Interface {
                    self.value(t, p, verb, 0, reach);
                } else {
                    self.open_value(t, p, verb);
                }
            } else {
                self.value(t, p, verb, 0, reach);
            }
        }
    }

    /// Notes the method call that `verb` wants; false when there is none.
    unsafe fn methods(&mut self, t: &'static Rtti, p: *const u8, verb: u32) -> bool {
        if self.erroring || t.parts().methods.is_empty() {
            return false;
        }
        let kind = if has_method(t, CallKind::Format) {
            CallKind::Format
        } else if self.flags.sharp_v {
            if !has_method(t, CallKind::GoString) {
                return false;
            }
            CallKind::GoString
        } else if !is(verb, "vsxXq") {
            return false;
        } else if has_method(t, CallKind::Error) {
            CallKind::Error
        } else if has_method(t, CallKind::String) {
            CallKind::String
        } else {
            return false;
        };
        // SAFETY: `p` points to a value of type `t`.
        let word = unsafe { mem::data_word(t, p) };
        let at = self.out.len();
        self.calls.push(Call {
            kind,
            rtti: t,
            word,
            at,
            verb,
            flags: self.flags,
        });
        true
    }

    /// `%!d(string=hi)`. Inside, no method is called.
    unsafe fn bad_verb(&mut self, t: &'static Rtti, p: *const u8, verb: u32) {
        let outer = std::mem::replace(&mut self.erroring, true);
        self.bad_start(verb);
        self.text(&t.name);
        self.out.push(b'=');
        // SAFETY: `p` points to a value of type `t`.
        unsafe { self.value(t, p, V, 0, Reach::Closed) };
        self.out.push(b')');
        self.erroring = outer;
    }

    fn bad_verb_nil(&mut self, verb: u32) {
        self.bad_start(verb);
        self.text("<nil>)");
    }

    fn bad_start(&mut self, verb: u32) {
        self.text("%!");
        super::utf8::push_rune(&mut self.out, verb);
        self.out.push(b'(');
    }

    /// Prints the value of type `t` at `p`.
    unsafe fn value(
        &mut self,
        t: &'static Rtti,
        p: *const u8,
        verb: u32,
        depth: usize,
        reach: Reach,
    ) {
        if depth > MAX_DEPTH || self.overflow {
            self.overflow = true;
            return;
        }
        // SAFETY: `p` points to a value of type `t`; each branch reads what its kind holds.
        unsafe {
            if depth > 0
                && t.kind != Kind::Interface
                && reach == Reach::Open
                && self.methods(t, p, verb)
            {
                return;
            }
            let fl = &self.flags;
            let fine = match t.kind {
                Kind::Bool => scalar::fmt_bool(&mut self.out, mem::read_u8(p) != 0, verb, fl),
                Kind::Int | Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                    int::fmt_integer(&mut self.out, mem::read_int(t.kind, p), true, verb, fl)
                }
                Kind::Uint
                | Kind::Uint8
                | Kind::Uint16
                | Kind::Uint32
                | Kind::Uint64
                | Kind::Uintptr => {
                    int::fmt_integer(&mut self.out, mem::read_int(t.kind, p), false, verb, fl)
                }
                Kind::Float32 | Kind::Float64 => {
                    let bits = if t.kind == Kind::Float32 { 32 } else { 64 };
                    float::fmt_float(&mut self.out, mem::read_float(t.kind, p), bits, verb, fl)
                }
                Kind::Complex64 | Kind::Complex128 => {
                    let bits = if t.kind == Kind::Complex64 { 32 } else { 64 };
                    let (re, im) = mem::read_complex(t.kind, p);
                    float::fmt_complex(&mut self.out, re, im, bits, verb, fl)
                }
                Kind::String => {
                    let s = mem::string_bytes(mem::read_pair(p));
                    scalar::fmt_string(&mut self.out, s, verb, fl)
                }
                Kind::Map => {
                    self.map(t, p, verb, depth, reach);
                    true
                }
                Kind::Struct => {
                    self.fields(t, p, verb, depth, reach);
                    true
                }
                Kind::Interface => {
                    self.interface(t, p, verb, depth, reach);
                    true
                }
                Kind::Array => {
                    self.elements(t, Some((p, t.len)), verb, depth, reach);
                    true
                }
                Kind::Slice => {
                    let (at, len, _) = mem::read_slice(p);
                    race::reads(at as u64, len * t.elem().size());
                    let elems = (!at.is_null()).then_some((at, len));
                    self.elements(t, elems, verb, depth, reach);
                    true
                }
                Kind::Pointer => {
                    let to = mem::read_u64(p);
                    let elem = t.elem();
                    let shown = matches!(
                        elem.kind,
                        Kind::Array | Kind::Slice | Kind::Struct | Kind::Map
                    );
                    if depth == 0 && to != 0 && shown {
                        self.out.push(b'&');
                        race::reads(to, elem.size());
                        self.value(elem, to as *const u8, verb, depth + 1, reach);
                    } else {
                        self.pointer(t, p, verb);
                    }
                    true
                }
                Kind::Chan | Kind::Func | Kind::UnsafePointer => {
                    self.pointer(t, p, verb);
                    true
                }
                Kind::Invalid => false,
            };
            if !fine {
                self.bad_verb(t, p, verb);
            }
        }
    }

    /// The address in a pointer, map, channel, function or slice value.
    unsafe fn pointer(&mut self, t: &'static Rtti, p: *const u8, verb: u32) {
        // SAFETY: `p` points to a value of type `t`.
        unsafe {
            let word = match t.kind {
                Kind::Pointer | Kind::Chan | Kind::Func | Kind::Map | Kind::UnsafePointer => {
                    mem::read_u64(p)
                }
                Kind::Slice => mem::read_pair(p).0,
                _ => {
                    self.bad_verb(t, p, verb);
                    return;
                }
            };
            let fl = self.flags;
            match char::from_u32(verb) {
                Some('v') if fl.sharp_v => {
                    self.out.push(b'(');
                    self.text(&t.name);
                    self.text(")(");
                    if word == 0 {
                        self.text("nil");
                    } else {
                        int::fmt_0x64(&mut self.out, word, true, &fl);
                    }
                    self.out.push(b')');
                }
                Some('v') if word == 0 => pad(&mut self.out, b"<nil>", &fl),
                Some('v' | 'p') => int::fmt_0x64(&mut self.out, word, !fl.sharp, &fl),
                Some('b' | 'o' | 'd' | 'x' | 'X') => {
                    int::fmt_integer(&mut self.out, word, false, verb, &fl);
                }
                _ => self.bad_verb(t, p, verb),
            }
        }
    }

    unsafe fn interface(
        &mut self,
        t: &'static Rtti,
        p: *const u8,
        verb: u32,
        depth: usize,
        reach: Reach,
    ) {
        // SAFETY: `p` points to an interface value.
        unsafe {
            let (type_word, data) = mem::read_pair(p);
            match mem::type_of_word(type_word) {
                Some(dynamic) => {
                    let at = mem::data_ptr(dynamic, &data);
                    self.value(dynamic, at, verb, depth + 1, reach.inner());
                }
                None if self.flags.sharp_v => {
                    self.text(&t.name);
                    self.text("(nil)");
                }
                None => self.text("<nil>"),
            }
        }
    }

    unsafe fn fields(
        &mut self,
        t: &'static Rtti,
        p: *const u8,
        verb: u32,
        depth: usize,
        reach: Reach,
    ) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.text(&t.name);
        }
        self.out.push(b'{');
        for (i, f) in t.parts().fields.iter().enumerate() {
            if i > 0 {
                self.text(if sharp { ", " } else { " " });
            }
            if sharp || self.flags.plus_v {
                self.text(&f.name);
                self.out.push(b':');
            }
            let reach = match (reach, f.pkg.is_empty(), f.embedded) {
                (Reach::Closed, ..) | (_, false, false) => Reach::Closed,
                (_, false, true) => Reach::Embedded,
                (_, true, _) => Reach::Open,
            };
            // SAFETY: a field lies inside its struct.
            unsafe { self.value(f.ty, p.add(f.offset), verb, depth + 1, reach) };
        }
        self.out.push(b'}');
    }

    /// An array or slice; `None` is a nil slice.
    unsafe fn elements(
        &mut self,
        t: &'static Rtti,
        at: Option<(*const u8, usize)>,
        verb: u32,
        depth: usize,
        reach: Reach,
    ) {
        let elem = t.elem();
        let (base, len) = at.unwrap_or((std::ptr::null(), 0));
        if elem.kind == Kind::Uint8 && is(verb, "sqxX") {
            let mut bytes = Vec::new();
            // SAFETY: the elements are `len` bytes.
            unsafe { mem::copy_bytes(&mut bytes, base, len) };
            scalar::fmt_bytes(
                &mut self.out,
                at.map(|_| &bytes[..]),
                verb,
                &t.name,
                &self.flags,
            );
            return;
        }
        let sharp = self.flags.sharp_v;
        if sharp {
            self.text(&t.name);
            if at.is_none() && t.kind == Kind::Slice {
                self.text("(nil)");
                return;
            }
        }
        self.out.push(if sharp { b'{' } else { b'[' });
        for i in 0..len {
            if i > 0 {
                self.text(if sharp { ", " } else { " " });
            }
            // SAFETY: element `i` lies inside the array or below the slice's length.
            let p = unsafe { base.add(i * elem.size()) };
            // SAFETY: it is a value of the element type.
            unsafe { self.value(elem, p, verb, depth + 1, reach.inner()) };
            if self.overflow {
                return;
            }
        }
        self.out.push(if sharp { b'}' } else { b']' });
    }

    unsafe fn map(
        &mut self,
        t: &'static Rtti,
        p: *const u8,
        verb: u32,
        depth: usize,
        reach: Reach,
    ) {
        let sharp = self.flags.sharp_v;
        // SAFETY: `p` points to a map word.
        let word = unsafe { mem::read_u64(p) };
        if sharp {
            self.text(&t.name);
            if word == 0 {
                self.text("(nil)");
                return;
            }
        }
        self.text(if sharp { "{" } else { "map[" });
        // SAFETY: the word is a map of type `t`, nil handled inside.
        let entries = unsafe { sorted_entries(t, word, self.walk) };
        for (i, &(key, elem)) in entries.iter().enumerate() {
            if i > 0 {
                self.text(if sharp { ", " } else { " " });
            }
            // SAFETY: the walk handed out readable keys and elements.
            unsafe {
                self.value(t.key(), key, verb, depth + 1, reach.inner());
                self.out.push(b':');
                self.value(t.elem(), elem, verb, depth + 1, reach.inner());
            }
        }
        self.out.push(if sharp { b'}' } else { b']' });
    }
}

/// The entries of a map in printing order.
unsafe fn sorted_entries(
    t: &'static Rtti,
    word: u64,
    walk: MapWalk,
) -> Vec<(*const u8, *const u8)> {
    let key = t.key();
    // Keys are copied first: the order must hold still while others write the map.
    // Multiples of 16 bytes keep headers aligned.
    let units = key.size().div_ceil(16).max(1);
    let mut copies: Vec<u128> = Vec::new();
    let mut entries = Vec::new();
    if word == 0 {
        return entries;
    }
    // SAFETY: a non-nil map of this type by the contract.
    unsafe {
        walk(word, t, &mut |k, e| {
            let from = copies.len();
            copies.resize(from + units, 0);
            copy_value(copies[from..].as_mut_ptr().cast(), k, key);
            entries.push((k, e));
        });
    }
    let mut ranks: Vec<usize> = (0..entries.len()).collect();
    ranks.sort_by(|&a, &b| {
        let (a, b) = (copies[a * units..].as_ptr(), copies[b * units..].as_ptr());
        // SAFETY: private copies of keys.
        unsafe { order::compare(key, a.cast(), b.cast()) }
    });
    ranks.iter().map(|&i| entries[i]).collect()
}

/// Copies a value into private memory, each 16-byte header in one piece.
unsafe fn copy_value(to: *mut u8, from: *const u8, t: &'static Rtti) {
    // SAFETY: `from` points to a value of type `t`, `to` to private room for one with
    // the same alignment; headers occur only in 16-aligned types.
    unsafe {
        if t.shape.align == 16 {
            for at in (0..t.size()).step_by(16) {
                let (low, high) = mem::read_pair(from.add(at));
                to.add(at).cast::<u64>().write(low);
                to.add(at + 8).cast::<u64>().write(high);
            }
        } else {
            let mut bytes = Vec::with_capacity(t.size());
            mem::copy_bytes(&mut bytes, from, t.size());
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }
}

/// Whether the method set of `t` has the method that `kind` calls.
pub fn has_method(t: &Rtti, kind: CallKind) -> bool {
    let name = match kind {
        CallKind::Format => "Format",
        CallKind::GoString => "GoString",
        CallKind::Error => "Error",
        CallKind::String => "String",
    };
    t.parts().methods.iter().any(|m| {
        m.name == name && m.pkg.is_empty() && {
            let sig = m.ty.parts();
            if kind == CallKind::Format {
                sig.results.is_empty()
                    && matches!(sig.params[..], [state, rune]
                        if state.name == "fmt.State" && rune.name == "int32")
            } else {
                sig.params.is_empty() && matches!(sig.results[..], [s] if s.name == "string")
            }
        }
    })
}
