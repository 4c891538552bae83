//! Building types and values by hand, in memory format, for tests.

use super::format::{self, Args, Gap, State};
use super::mem;
use super::value::{Call, CallKind};
use crate::heap::rtti::{ChanDir, Field, Kind, Method, Parts, Rtti, Shape};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// Leaked zeroed memory, 16-aligned.
pub fn room(size: usize) -> *mut u8 {
    Box::leak(vec![0u128; size.div_ceil(16).max(1)].into_boxed_slice())
        .as_mut_ptr()
        .cast()
}

/// Size and alignment of a kind that is not an aggregate.
fn scalar_layout(kind: Kind) -> (usize, usize) {
    match kind {
        Kind::Bool | Kind::Int8 | Kind::Uint8 => (1, 1),
        Kind::Int16 | Kind::Uint16 => (2, 2),
        Kind::Int32 | Kind::Uint32 | Kind::Float32 => (4, 4),
        Kind::Complex64 => (8, 4),
        Kind::Complex128 => (16, 8),
        Kind::String | Kind::Slice | Kind::Interface => (16, 16),
        _ => (8, 8),
    }
}

/// A type in the making; `make` with late parts.
pub fn make(kind: Kind, name: &str, size: usize, align: usize, len: usize) -> Rtti {
    let (pkg, type_name) = name.split_once('.').unwrap_or(("", ""));
    let declared = !type_name.is_empty() && type_name.bytes().all(|c| c.is_ascii_alphanumeric());
    let pointer = matches!(kind, Kind::Pointer | Kind::Map | Kind::Chan | Kind::Func);
    let plain = !matches!(kind, Kind::String | Kind::Slice | Kind::Interface);
    Rtti {
        id: NEXT_ID.fetch_add(1, Relaxed),
        kind,
        name: name.to_string(),
        type_name: if declared {
            type_name.to_string()
        } else {
            String::new()
        },
        pkg_path: if declared {
            pkg.to_string()
        } else {
            String::new()
        },
        shape: Shape::noscan(size, align),
        len,
        dir: ChanDir::Both,
        comparable: true,
        direct: pointer || plain && size <= 8 && align <= 8,
        plain_bytes: false,
        parts: OnceLock::new(),
    }
}

pub fn leak(t: Rtti, parts: Parts) -> &'static Rtti {
    let t: &'static Rtti = Box::leak(Box::new(t));
    t.parts.set(parts).expect("a fresh type");
    t
}

pub fn scalar(kind: Kind, name: &str) -> &'static Rtti {
    let (size, align) = scalar_layout(kind);
    leak(make(kind, name, size, align, 0), Parts::default())
}

pub fn with_elem(kind: Kind, name: &str, elem: &'static Rtti) -> &'static Rtti {
    let (size, align) = scalar_layout(kind);
    leak(
        make(kind, name, size, align, 0),
        Parts {
            elem: Some(elem),
            ..Parts::default()
        },
    )
}

pub fn array(name: &str, len: usize, elem: &'static Rtti) -> &'static Rtti {
    let t = make(Kind::Array, name, len * elem.size(), elem.shape.align, len);
    leak(
        t,
        Parts {
            elem: Some(elem),
            ..Parts::default()
        },
    )
}

pub fn map(name: &str, key: &'static Rtti, elem: &'static Rtti) -> &'static Rtti {
    let t = make(Kind::Map, name, 8, 8, 0);
    leak(
        t,
        Parts {
            key: Some(key),
            elem: Some(elem),
            ..Parts::default()
        },
    )
}

/// Fields as (name, type); a lower-case name is unexported, one after `*` embedded.
pub fn structure(name: &str, list: &[(&str, &'static Rtti)]) -> &'static Rtti {
    let (mut size, mut align, mut fields) = (0usize, 1, Vec::new());
    for &(field, ty) in list {
        let (embedded, field) = (field.starts_with('*'), field.trim_start_matches('*'));
        size = size.next_multiple_of(ty.shape.align);
        let exported = field.starts_with(|c: char| c.is_ascii_uppercase());
        let pkg = if exported { "" } else { "main" }.to_string();
        let (name, tag) = (field.to_string(), String::new());
        fields.push(Field {
            name,
            offset: size,
            ty,
            tag,
            embedded,
            pkg,
        });
        size += ty.size();
        align = align.max(ty.shape.align);
    }
    let t = make(Kind::Struct, name, size.next_multiple_of(align), align, 0);
    leak(
        t,
        Parts {
            fields,
            ..Parts::default()
        },
    )
}

/// The same type with text methods (`Error`, `String`, `GoString`) or `Format`.
pub fn with_methods(t: &'static Rtti, names: &[&str]) -> &'static Rtti {
    let string = scalar(Kind::String, "string");
    let methods = names.iter().map(|&name| {
        let (params, results) = if name == "Format" {
            (
                vec![
                    scalar(Kind::Interface, "fmt.State"),
                    scalar(Kind::Int32, "int32"),
                ],
                vec![],
            )
        } else {
            (vec![], vec![string])
        };
        let sig = make(Kind::Func, "func()", 8, 8, 0);
        let ty = leak(
            sig,
            Parts {
                params,
                results,
                ..Parts::default()
            },
        );
        Method {
            name: name.to_string(),
            pkg: String::new(),
            id: 0,
            func: 0,
            ty,
        }
    });
    let old = t.parts();
    let copy = |f: &Field| Field {
        name: f.name.clone(),
        offset: f.offset,
        ty: f.ty,
        tag: String::new(),
        embedded: f.embedded,
        pkg: f.pkg.clone(),
    };
    let parts = Parts {
        elem: old.elem,
        key: old.key,
        fields: old.fields.iter().map(copy).collect(),
        methods: methods.collect(),
        ..Parts::default()
    };
    let mut new = make(t.kind, &t.name, t.size(), t.shape.align, t.len);
    new.direct = t.direct;
    leak(new, parts)
}

/// Writes a 16-byte header.
pub fn put_pair(p: *mut u8, low: u64, high: u64) {
    // SAFETY: tests hand in room for a header.
    unsafe {
        p.cast::<u64>().write(low);
        p.add(8).cast::<u64>().write(high);
    }
}

pub fn put_string(p: *mut u8, s: &[u8]) {
    let text: &'static [u8] = s.to_vec().leak();
    put_pair(p, text.as_ptr() as u64, text.len() as u64);
}

pub fn put_slice(p: *mut u8, elems: *const u8, len: usize) {
    put_pair(p, elems as u64, len as u64 | (len as u64) << 32);
}

/// The words of an interface holding the value at `p`.
pub fn iface(t: &'static Rtti, p: *const u8) -> (u64, u64) {
    // SAFETY: tests hand in a value of the type.
    (t as *const Rtti as u64, unsafe { mem::data_word(t, p) })
}

/// A test map's word points to this.
pub type TestMap = Vec<(*const u8, *const u8)>;

/// Walks a [`TestMap`].
pub unsafe fn walk(word: u64, _: &'static Rtti, visit: &mut dyn FnMut(*const u8, *const u8)) {
    // SAFETY: the word of a leaked test map.
    for &(k, e) in unsafe { &*(word as *const TestMap) } {
        visit(k, e);
    }
}

/// What a method of a test type returns: its name and, of a string, the value.
fn method_text(call: &Call) -> Vec<u8> {
    let mut text = match call.kind {
        CallKind::Format => b"F:",
        CallKind::GoString => b"G:",
        CallKind::Error => b"E:",
        CallKind::String => b"S:",
    }
    .to_vec();
    if call.rtti.kind == Kind::String {
        let p = mem::data_ptr(call.rtti, &call.word);
        // SAFETY: the receiver is a string value.
        text.extend_from_slice(unsafe { mem::string_bytes(mem::read_pair(p)) });
    }
    text
}

fn args(list: &[(u64, u64)]) -> Args {
    let base = room(16 * list.len());
    for (i, &(t, d)) in list.iter().enumerate() {
        // SAFETY: inside the room.
        put_pair(unsafe { base.add(16 * i) }, t, d);
    }
    // SAFETY: the leaked operands just written.
    unsafe { Args::new(base, list.len()) }
}

fn fill(out: &[u8], calls: &[Call]) -> Vec<u8> {
    let texts: Vec<Vec<u8>> = calls.iter().map(method_text).collect();
    let gaps = calls.iter().map(|c| Gap::unpack(Gap::pack(c)));
    format::splice(out, gaps.zip(texts.iter().map(|t| &t[..])))
}

/// `Sprintf`, methods and all.
pub fn sprintf(format: &str, list: &[(u64, u64)]) -> String {
    let (args, mut out, mut state) = (args(list), Vec::new(), State::default());
    while !state.done {
        let step = format::printf(out, format.as_bytes(), args, state, false, walk);
        assert!(!step.overflow);
        (out, state) = (fill(&step.out, &step.calls), step.state);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `Sprint` or `Sprintln`.
pub fn sprint(list: &[(u64, u64)], line: bool) -> String {
    let (args, mut out, mut from) = (args(list), Vec::new(), 0);
    loop {
        let step = format::print(out, args, from, line, walk);
        (out, from) = (fill(&step.out, &step.calls), step.state.arg);
        if step.state.done {
            return String::from_utf8_lossy(&out).into_owned();
        }
    }
}
