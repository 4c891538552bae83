//! From checked types to run-time descriptors: sizes, offsets, pointer maps, names and
//! method tables. One descriptor per identical type, for the life of the process.
//!
//! Method tables need function numbers for methods and adapters; those come from the
//! lowering through [`MethodSource`], so this module knows nothing of code.

use rustc_hash::FxHashMap as HashMap;
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::OnceLock;

use crate::base::intern::Name;
use crate::heap::rtti::{self, ChanDir, Field, FuncId, Kind, Method, Parts, Rtti, Shape};
use crate::syntax::ast;
use crate::types::display::runtime_type_string;
use crate::types::lookup::{MethodEntry, method_set};
use crate::types::predicates::{comparable_type, underlying};
use crate::types::ty::{Basic, Pkg, Ty, Type};
use crate::types::typeset::type_set;

/// Where method tables get their functions from.
pub trait MethodSource {
    /// Function that runs method `m` of type `recv` with an interface's data word as receiver.
    fn method_func(&mut self, recv: Ty, direct: bool, m: &MethodEntry) -> FuncId;
}

/// How a value is held in frames and moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repr {
    /// Size 0.
    Void,
    /// One slot, canonical; the field says how memory holds it.
    Scalar(Mem),
    /// Two slots, moved by one 16-byte access.
    Pair,
    /// Memory format in consecutive slots.
    Agg,
    /// One slot: the address of an object that holds the value and is never written to again.
    Huge,
}

/// Bytes from which on values are [`Repr::Huge`]: more than a channel's elements may have,
/// and several times less than a frame.
pub const HUGE: usize = 64 << 10;

/// Whether a frame holds values of the type by address.
pub fn is_huge(t: Ty) -> bool {
    matches!(&*underlying(t), Type::Struct(_) | Type::Array(..)) && size_align(t).0 >= HUGE
}

/// [`is_huge`] for a type known by its descriptor.
pub fn held_by_address(t: &Rtti) -> bool {
    t.size() >= HUGE
}

/// [`slots`] for a type known by its descriptor.
pub fn frame_slots(t: &Rtti) -> usize {
    if held_by_address(t) {
        return 1;
    }
    t.size().div_ceil(8)
}

/// Memory forms of scalars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mem {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    W64,
}

impl Mem {
    pub fn size(self) -> usize {
        match self {
            Mem::I8 | Mem::U8 => 1,
            Mem::I16 | Mem::U16 => 2,
            Mem::I32 | Mem::U32 => 4,
            Mem::W64 => 8,
        }
    }
}

/// How values of `t` are held. `t` must not contain type parameters.
pub fn repr(t: Ty) -> Repr {
    match &*underlying(t) {
        Type::Basic(b, _) => match b {
            Basic::Bool | Basic::UntypedBool | Basic::Uint8 => Repr::Scalar(Mem::U8),
            Basic::Int8 => Repr::Scalar(Mem::I8),
            Basic::Int16 => Repr::Scalar(Mem::I16),
            Basic::Uint16 => Repr::Scalar(Mem::U16),
            Basic::Int32 | Basic::UntypedRune => Repr::Scalar(Mem::I32),
            Basic::Uint32 | Basic::Float32 => Repr::Scalar(Mem::U32),
            Basic::Complex128 | Basic::UntypedComplex | Basic::String | Basic::UntypedString => {
                Repr::Pair
            }
            Basic::Invalid => Repr::Void,
            _ => Repr::Scalar(Mem::W64),
        },
        Type::Slice(_) | Type::Interface(_) => Repr::Pair,
        Type::Struct(_) | Type::Array(..) | Type::Tuple(_) => {
            if size_align(t).0 == 0 {
                Repr::Void
            } else if is_huge(t) {
                Repr::Huge
            } else {
                Repr::Agg
            }
        }
        _ => Repr::Scalar(Mem::W64),
    }
}

thread_local! {
    /// Sizes of structs. Types live as long as the process.
    static SIZES: RefCell<HashMap<Ty, (usize, usize)>> = RefCell::default();
    /// Offsets of the fields of structs.
    static OFFSETS: RefCell<HashMap<Ty, Rc<[usize]>>> = RefCell::default();
}

/// Size and alignment in bytes of the memory format.
pub fn size_align(t: Ty) -> (usize, usize) {
    let u = underlying(t);
    if !matches!(&*u, Type::Struct(_)) {
        return size_align_of(t);
    }
    if let Some(known) = SIZES.with(|s| s.borrow().get(&u).copied()) {
        return known;
    }
    let found = size_align_of(t);
    SIZES.with(|s| s.borrow_mut().insert(u, found));
    found
}

fn size_align_of(t: Ty) -> (usize, usize) {
    match &*underlying(t) {
        Type::Struct(fields) => {
            let (mut size, mut align) = (0usize, 1usize);
            for f in fields {
                let (s, a) = size_align(f.ty);
                size = size.next_multiple_of(a).saturating_add(s);
                align = align.max(a);
            }
            // Aggregates are copied in words wherever possible.
            if size > 8 {
                align = align.max(8);
            }
            (size.next_multiple_of(align), align)
        }
        Type::Array(e, n) => {
            let (s, a) = size_align(*e);
            let size = s.saturating_mul((*n).max(0) as usize);
            (size, a)
        }
        // Results of a call, in consecutive slots.
        Type::Tuple(ts) => (ts.iter().map(|t| slots(*t) * 8).sum(), 8),
        _ => match repr(t) {
            Repr::Void => (0, 1),
            Repr::Scalar(m) => (m.size(), m.size()),
            Repr::Pair => (16, 16),
            Repr::Agg | Repr::Huge => unreachable!("aggregates are handled above"),
        },
    }
}

/// Byte offsets of a struct's fields. `t`'s underlying type must be a struct.
pub fn field_offsets(t: Ty) -> Rc<[usize]> {
    let u = underlying(t);
    if let Some(known) = OFFSETS.with(|o| o.borrow().get(&u).cloned()) {
        return known;
    }
    let mut out = Vec::new();
    if let Type::Struct(fields) = &*u {
        let mut size = 0usize;
        for f in fields {
            let (s, a) = size_align(f.ty);
            size = size.next_multiple_of(a);
            out.push(size);
            size += s;
        }
    }
    let out: Rc<[usize]> = out.into();
    OFFSETS.with(|o| o.borrow_mut().insert(u, out.clone()));
    out
}

/// Frame slots of a value.
pub fn slots(t: Ty) -> usize {
    if is_huge(t) {
        return 1;
    }
    size_align(t).0.div_ceil(8)
}

fn pointer_bits(t: Ty, offset: usize, out: &mut Vec<u64>) {
    let mut set = |word: usize| {
        if out.len() <= word / 64 {
            out.resize(word / 64 + 1, 0);
        }
        out[word / 64] |= 1 << (word % 64);
    };
    match &*underlying(t) {
        Type::Basic(Basic::String | Basic::UntypedString | Basic::UnsafePointer, _) => {
            set(offset / 8)
        }
        Type::Slice(_) => set(offset / 8),
        Type::Interface(_) => set(offset / 8 + 1),
        Type::Pointer(_) | Type::Map(..) | Type::Chan(..) | Type::Signature(_) => set(offset / 8),
        Type::Struct(fields) => {
            for (f, o) in fields.iter().zip(field_offsets(t).iter().copied()) {
                pointer_bits(f.ty, offset + o, out);
            }
        }
        Type::Array(e, n) => {
            let size = size_align(*e).0;
            let mut probe = Vec::new();
            pointer_bits(*e, 0, &mut probe);
            if !probe.is_empty() {
                for i in 0..(*n).max(0) as usize {
                    pointer_bits(*e, offset + i * size, out);
                }
            }
        }
        _ => {}
    }
}

/// The collector's view of a type.
pub fn shape(t: Ty) -> Shape {
    let (size, align) = size_align(t);
    let mut ptrs = Vec::new();
    pointer_bits(t, 0, &mut ptrs);
    Shape { size, align, ptrs }
}

/// A text that is equal exactly for identical types.
pub fn type_key(t: Ty) -> String {
    let mut s = String::new();
    write_key(t, &mut s);
    s
}

fn pkg_key(name: Name, pkg: Option<Pkg>) -> String {
    match pkg {
        Some(p) if !name.is_exported() => format!("{}.{}", p.path, name),
        _ => name.to_string(),
    }
}

fn write_key(t: Ty, s: &mut String) {
    // Writing to a String cannot fail.
    match &*t {
        Type::Basic(b, _) => drop(write!(s, "b{}", *b as u8)),
        Type::Named(n) => {
            let origin_id = match n.origin {
                Some(o) => match &*o {
                    Type::Named(on) => on.obj.id,
                    _ => n.obj.id,
                },
                None => n.obj.id,
            };
            let _ = write!(s, "N{origin_id}");
            if !n.targs.is_empty() {
                s.push('[');
                for a in &n.targs {
                    write_key(*a, s);
                    s.push(',');
                }
                s.push(']');
            }
        }
        Type::Pointer(e) => {
            s.push('*');
            write_key(*e, s);
        }
        Type::Slice(e) => {
            s.push_str("[]");
            write_key(*e, s);
        }
        Type::Array(e, n) => {
            let _ = write!(s, "[{n}]");
            write_key(*e, s);
        }
        Type::Map(k, v) => {
            s.push_str("M[");
            write_key(*k, s);
            s.push(']');
            write_key(*v, s);
        }
        Type::Chan(d, e) => {
            s.push_str(match d {
                ast::ChanDir::Both => "C(",
                ast::ChanDir::Send => "CS(",
                ast::ChanDir::Recv => "CR(",
            });
            write_key(*e, s);
            s.push(')');
        }
        Type::Struct(fields) => {
            s.push_str("S{");
            for f in fields {
                let _ = write!(
                    s,
                    "{}{} ",
                    if f.embedded { "!" } else { "" },
                    pkg_key(f.name, f.pkg)
                );
                write_key(f.ty, s);
                if !f.tag.is_empty() {
                    let _ = write!(s, " {:?}", f.tag);
                }
                s.push(';');
            }
            s.push('}');
        }
        Type::Signature(sig) => {
            s.push_str("F(");
            for (i, p) in sig.params.iter().enumerate() {
                if sig.variadic && i + 1 == sig.params.len() {
                    s.push_str("...");
                }
                write_key(p.ty, s);
                s.push(',');
            }
            s.push_str(")(");
            for p in &sig.results {
                write_key(p.ty, s);
                s.push(',');
            }
            s.push(')');
        }
        Type::Interface(_) => {
            s.push_str("I{");
            for m in &type_set(t).methods {
                s.push_str(&pkg_key(m.name, m.pkg));
                write_key(m.sig, s);
                s.push(';');
            }
            s.push('}');
        }
        Type::TypeParam(p) => drop(write!(s, "P{}", p.id)),
        Type::Union(terms) => {
            for t in terms {
                s.push(if t.tilde { '~' } else { '|' });
                write_key(t.ty, s);
            }
        }
        Type::Tuple(ts) => {
            s.push('(');
            for t in ts {
                write_key(*t, s);
                s.push(',');
            }
            s.push(')');
        }
    }
}

/// All descriptors of the process, and the numbering of methods.
#[derive(Default)]
pub struct Layouts {
    by_ty: HashMap<Ty, &'static Rtti>,
    by_key: HashMap<String, &'static Rtti>,
    method_ids: HashMap<String, u32>,
    types: HashMap<u32, Ty>,
}

impl Layouts {
    pub fn new() -> Layouts {
        Layouts::default()
    }

    /// Number of a method: equal for equal (name, package of unexported names, signature).
    pub fn method_id(&mut self, name: Name, pkg: Option<Pkg>, sig: Ty) -> u32 {
        let mut key = pkg_key(name, pkg);
        write_key(sig, &mut key);
        let next = self.method_ids.len() as u32 + 1;
        *self.method_ids.entry(key).or_insert(next)
    }

    /// The descriptor of a type (without type parameters).
    pub fn rtti(
        &mut self,
        t: Ty,
        src: &mut dyn FnMut(&mut Layouts, Ty, bool, &MethodEntry) -> FuncId,
    ) -> &'static Rtti {
        if let Some(r) = self.by_ty.get(&t) {
            return r;
        }
        let key = type_key(t);
        if let Some(r) = self.by_key.get(&key) {
            self.by_ty.insert(t, r);
            return r;
        }
        let r = self.skeleton(t);
        self.by_ty.insert(t, r);
        self.by_key.insert(key, r);
        let parts = self.parts(t, r, src);
        assert!(r.parts.set(parts).is_ok(), "a descriptor is completed once");
        r
    }

    fn skeleton(&mut self, t: Ty) -> &'static Rtti {
        let u = underlying(t);
        let shape = shape(t);
        let kind = kind_of(u);
        let (type_name, pkg_path) = match &*t {
            Type::Named(n) => {
                let full = runtime_type_string(t);
                let short = if n.targs.is_empty() {
                    n.obj.name.to_string()
                } else {
                    full.split_once('.')
                        .map_or(full.clone(), |x| x.1.to_string())
                };
                (short, n.obj.pkg.map_or(String::new(), |p| p.path.clone()))
            }
            Type::Basic(..) => (runtime_type_string(t), String::new()),
            _ => (String::new(), String::new()),
        };
        let noscan = shape.is_noscan();
        let direct = shape.size <= 8 && (noscan || (shape.size == 8 && shape.is_ptr(0)));
        let id = rtti::next_id();
        self.types.insert(id, t);
        let r: &'static Rtti = Box::leak(Box::new(Rtti {
            id,
            kind,
            name: runtime_type_string(t),
            type_name,
            pkg_path,
            len: if let Type::Array(_, n) = &*u {
                (*n).max(0) as usize
            } else {
                0
            },
            dir: match &*u {
                Type::Chan(ast::ChanDir::Send, _) => ChanDir::SendOnly,
                Type::Chan(ast::ChanDir::Recv, _) => ChanDir::RecvOnly,
                _ => ChanDir::Both,
            },
            comparable: comparable_type(t, true).is_ok(),
            direct,
            plain_bytes: plain_bytes(t),
            shape,
            parts: OnceLock::new(),
        }));
        rtti::register(r);
        r
    }

    /// The checked type behind a descriptor.
    pub fn type_of(&self, r: &Rtti) -> Option<Ty> {
        self.types.get(&r.id).copied()
    }

    fn parts(
        &mut self,
        t: Ty,
        r: &'static Rtti,
        src: &mut dyn FnMut(&mut Layouts, Ty, bool, &MethodEntry) -> FuncId,
    ) -> Parts {
        let u = underlying(t);
        let mut p = Parts::default();
        match &*u {
            Type::Pointer(e) | Type::Slice(e) | Type::Array(e, _) | Type::Chan(_, e) => {
                p.elem = Some(self.rtti(*e, src))
            }
            Type::Map(k, v) => {
                p.key = Some(self.rtti(*k, src));
                p.elem = Some(self.rtti(*v, src));
            }
            Type::Struct(fields) => {
                for (f, offset) in fields.iter().zip(field_offsets(t).iter().copied()) {
                    p.fields.push(Field {
                        name: f.name.to_string(),
                        offset,
                        ty: self.rtti(f.ty, src),
                        tag: f.tag.clone(),
                        embedded: f.embedded,
                        pkg: match f.pkg {
                            Some(p) if !f.name.is_exported() => p.path.clone(),
                            _ => String::new(),
                        },
                    });
                }
            }
            Type::Signature(sig) => {
                p.params = sig.params.iter().map(|x| self.rtti(x.ty, src)).collect();
                p.results = sig.results.iter().map(|x| self.rtti(x.ty, src)).collect();
                p.variadic = sig.variadic;
            }
            _ => {}
        }
        if let Type::Interface(_) = &*u {
            for m in &type_set(u).methods {
                let id = self.method_id(m.name, m.pkg, m.sig);
                let ty = self.rtti(m.sig, src);
                p.methods.push(method(m.name, m.pkg, id, FuncId::MAX, ty));
            }
        } else {
            for m in method_set(t) {
                // Generic methods are not in the method sets that interfaces see.
                if matches!(&*underlying(m.sig), Type::Signature(s) if !s.tparams.is_empty()) {
                    continue;
                }
                let id = self.method_id(m.name, m.pkg, m.sig);
                let func = src(self, t, r.direct, &m);
                let ty = self.rtti(m.sig, src);
                p.methods.push(method(m.name, m.pkg, id, func, ty));
            }
        }
        p.methods
            .sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.pkg.cmp(&b.pkg)));
        p
    }
}

fn method(name: Name, pkg: Option<Pkg>, id: u32, func: FuncId, ty: &'static Rtti) -> Method {
    let pkg = match pkg {
        Some(p) if !name.is_exported() => p.path.clone(),
        _ => String::new(),
    };
    Method {
        name: name.to_string(),
        pkg,
        id,
        func,
        ty,
    }
}

fn plain_bytes(t: Ty) -> bool {
    match &*underlying(t) {
        Type::Basic(b, _) => !matches!(
            b,
            Basic::Float32
                | Basic::Float64
                | Basic::Complex64
                | Basic::Complex128
                | Basic::String
                | Basic::UntypedFloat
                | Basic::UntypedComplex
                | Basic::UntypedString
        ),
        Type::Pointer(_) | Type::Chan(..) => true,
        Type::Array(e, _) => plain_bytes(*e),
        Type::Struct(fields) => {
            let bytes: usize = fields.iter().map(|f| size_align(f.ty).0).sum();
            bytes == size_align(t).0
                && fields
                    .iter()
                    .all(|f| plain_bytes(f.ty) && !f.name.is_blank())
        }
        _ => false,
    }
}

fn kind_of(u: Ty) -> Kind {
    match &*u {
        Type::Basic(b, _) => match b {
            Basic::Bool | Basic::UntypedBool => Kind::Bool,
            Basic::Int | Basic::UntypedInt => Kind::Int,
            Basic::Int8 => Kind::Int8,
            Basic::Int16 => Kind::Int16,
            Basic::Int32 | Basic::UntypedRune => Kind::Int32,
            Basic::Int64 => Kind::Int64,
            Basic::Uint => Kind::Uint,
            Basic::Uint8 => Kind::Uint8,
            Basic::Uint16 => Kind::Uint16,
            Basic::Uint32 => Kind::Uint32,
            Basic::Uint64 => Kind::Uint64,
            Basic::Uintptr => Kind::Uintptr,
            Basic::Float32 => Kind::Float32,
            Basic::Float64 | Basic::UntypedFloat => Kind::Float64,
            Basic::Complex64 => Kind::Complex64,
            Basic::Complex128 | Basic::UntypedComplex => Kind::Complex128,
            Basic::String | Basic::UntypedString => Kind::String,
            Basic::UnsafePointer => Kind::UnsafePointer,
            Basic::Invalid | Basic::UntypedNil => Kind::Invalid,
        },
        Type::Array(..) => Kind::Array,
        Type::Chan(..) => Kind::Chan,
        Type::Signature(_) => Kind::Func,
        Type::Interface(_) => Kind::Interface,
        Type::Map(..) => Kind::Map,
        Type::Pointer(_) => Kind::Pointer,
        Type::Slice(_) => Kind::Slice,
        Type::Struct(_) => Kind::Struct,
        Type::Named(_) | Type::Union(_) | Type::TypeParam(_) | Type::Tuple(_) => Kind::Invalid,
    }
}

/// Whether a descriptor names a boolean, number, string or pointer-like kind that fills one slot.
pub fn is_scalar(r: &rtti::Rtti) -> bool {
    !matches!(
        r.kind,
        Kind::String
            | Kind::Slice
            | Kind::Interface
            | Kind::Struct
            | Kind::Array
            | Kind::Complex128
            | Kind::Invalid
    )
}
