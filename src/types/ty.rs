//! Types and declared objects as the checker and the lowering see them.
//!
//! Both are allocated once and live as long as the process (`Ty` and `Obj` are copyable
//! references; identity of *declared* things is pointer identity). Unnamed types are not
//! unique: compare types with `predicates::identical`, never with `==` on `Ty` alone.
//! Fields that are resolved lazily (underlying types, constraints, object types) are cells.
//! All of this is used by one thread at a time (the compiling thread).

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;

use super::constant::Const;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::{self, ChanDir};

/// A type. Copy; see the module text for equality.
#[derive(Clone, Copy)]
pub struct Ty(pub &'static Type);
/// A declared object. Copy; equality and hash are identity.
#[derive(Clone, Copy)]
pub struct Obj(pub &'static Object);
/// A package. Copy; equality is identity.
#[derive(Clone, Copy)]
pub struct Pkg(pub &'static Package);

macro_rules! by_address { ($($t:ident => $d:ty),*) => { $(
    impl PartialEq for $t { fn eq(&self, o: &$t) -> bool { std::ptr::eq(self.0, o.0) } }
    impl Eq for $t {}
    impl std::hash::Hash for $t { fn hash<H: std::hash::Hasher>(&self, h: &mut H) { (self.0 as *const $d).hash(h) } }
    impl std::ops::Deref for $t { type Target = $d; fn deref(&self) -> &$d { self.0 } }
    impl $t { pub fn new(d: $d) -> $t { $t(Box::leak(Box::new(d))) } }
)* } }
by_address!(Ty => Type, Obj => Object, Pkg => Package);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Basic {
    /// The type of an erroneous expression; silences follow-on errors.
    Invalid,
    Bool,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uintptr,
    Float32,
    Float64,
    Complex64,
    Complex128,
    String,
    UnsafePointer,
    UntypedBool,
    UntypedInt,
    UntypedRune,
    UntypedFloat,
    UntypedComplex,
    UntypedString,
    UntypedNil,
}

pub enum Type {
    /// `name` differs from the kind for `byte` and `rune` (identical to uint8, int32).
    Basic(Basic, &'static str),
    Named(Named),
    Pointer(Ty),
    Slice(Ty),
    /// A negative length means "unknown, already reported".
    Array(Ty, i64),
    Map(Ty, Ty),
    Chan(ChanDir, Ty),
    Struct(Vec<Field>),
    Signature(Signature),
    Interface(Interface),
    /// Only inside constraint interfaces' embeds.
    Union(Vec<Term>),
    TypeParam(TypeParam),
    /// Result of a call with zero or several results.
    Tuple(Vec<Ty>),
}

/// A declared (defined) type, or an instance of a generic one.
pub struct Named {
    pub obj: Obj,
    /// For instances: the generic type and its arguments.
    pub origin: Option<Ty>,
    pub targs: Vec<Ty>,
    /// For generic types: their parameters (each a `TypeParam`). Set once declared.
    pub tparams: RefCell<Vec<Ty>>,
    /// Never itself a Named. None while being resolved; instances are expanded on demand
    /// by `predicates::underlying`.
    pub underlying: Cell<Option<Ty>>,
    /// Declared methods (Func objects), of the origin only; an instance's methods are its
    /// origin's with substituted signatures (`lookup` does that).
    pub methods: RefCell<Vec<Obj>>,
}

#[derive(Clone)]
pub struct Field {
    pub name: Name,
    pub ty: Ty,
    pub embedded: bool,
    pub tag: String,
    /// The declaring package (matters for unexported names).
    pub pkg: Option<Pkg>,
    pub span: Span,
}

#[derive(Clone)]
pub struct Param {
    /// `Name::EMPTY` when unnamed.
    pub name: Name,
    /// For the last parameter of a variadic function: the slice type.
    pub ty: Ty,
}
#[derive(Clone, Default)]
pub struct Signature {
    pub tparams: Vec<Ty>,
    pub params: Vec<Param>,
    pub results: Vec<Param>,
    pub variadic: bool,
    /// Receiver type of a declared method (None for functions and interface methods).
    pub recv: Option<Ty>,
    /// Receiver's type parameters as declared on the method (`func (h *Heap[T])`): fresh
    /// TypeParams that correspond one by one to the origin type's.
    pub recv_tparams: Vec<Ty>,
}

#[derive(Clone)]
pub struct IMethod {
    pub name: Name,
    pub pkg: Option<Pkg>,
    /// A `Signature` type.
    pub sig: Ty,
    pub span: Span,
}
pub struct Interface {
    /// Explicitly declared methods, in source order.
    pub methods: RefCell<Vec<IMethod>>,
    pub embeds: RefCell<Vec<(Ty, Span)>>,
    /// Made for a constraint literal like `[T ~int|~string]`.
    pub implicit: bool,
    /// Computed by `typeset::type_set` after the interface is complete.
    pub type_set: OnceCell<TypeSet>,
}
/// The computed meaning of an interface.
pub struct TypeSet {
    /// All methods incl. embedded ones, sorted by name (then package).
    pub methods: Vec<IMethod>,
    /// None: no type restriction. Some(terms): union of terms (normalised).
    pub terms: Option<Vec<Term>>,
    /// Requires comparability (`comparable` embedded).
    pub comparable: bool,
}
#[derive(Clone, Copy)]
pub struct Term {
    pub tilde: bool,
    pub ty: Ty,
}
pub struct TypeParam {
    pub obj: Obj,
    /// Position in its parameter list.
    pub index: usize,
    /// Constraint; a non-interface constraint is wrapped in an implicit interface.
    pub bound: Cell<Option<Ty>>,
    /// Unique number, for stable output.
    pub id: u32,
}

pub struct Package {
    /// Import path; `main` for the program.
    pub path: String,
    pub name: Name,
    /// Package-level objects.
    pub scope: RefCell<rustc_hash::FxHashMap<Name, Obj>>,
    /// Direct imports.
    pub imports: RefCell<Vec<Pkg>>,
    /// Dense number in load order (imported packages first).
    pub index: u32,
}

/// Builtin functions, `unsafe`'s included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Builtin {
    Append,
    Cap,
    Clear,
    Close,
    Complex,
    Copy,
    Delete,
    Imag,
    Len,
    Make,
    Max,
    Min,
    New,
    Panic,
    Print,
    Println,
    Real,
    Recover,
    UnsafeAdd,
    UnsafeAlignof,
    UnsafeOffsetof,
    UnsafeSizeof,
    UnsafeSlice,
    UnsafeSliceData,
    UnsafeString,
    UnsafeStringData,
}

pub struct Object {
    pub name: Name,
    /// Of the declaring identifier; `Span::NONE` for predeclared objects.
    pub span: Span,
    /// None for predeclared objects.
    pub pkg: Option<Pkg>,
    /// None while unresolved.
    pub ty: Cell<Option<Ty>>,
    pub kind: ObjKind,
    /// Unique number, for stable output and tables.
    pub id: u32,
    /// Declared at package level (or predeclared).
    pub global: Cell<bool>,
}

pub enum ObjKind {
    PkgName {
        pkg: Pkg,
        used: Cell<bool>,
    },
    Const(RefCell<Option<Const>>),
    /// A defined type, alias or type parameter; `ty` says which.
    TypeName {
        alias: Cell<bool>,
    },
    Var(VarInfo),
    /// A declared function or method; the AST function of its package.
    Func {
        decl: Option<ast::FuncId>,
        /// Receiver is a pointer (for methods).
        ptr_recv: Cell<bool>,
        is_method: Cell<bool>,
        /// A method's signature without its receiver, of a type without parameters.
        plain: OnceCell<Ty>,
    },
    Builtin(Builtin),
    Nil,
}

#[derive(Default)]
pub struct VarInfo {
    pub used: Cell<bool>,
    pub param: bool,
    /// Function nesting depth at which it is declared (0 = package level); a use at a
    /// deeper level is a capture.
    pub level: u32,
    /// Facts for lowering, set by the checker while it walks:
    /// referred to from a function literal nested in the declaring function.
    pub captured: Cell<bool>,
    /// `&v`, a pointer-receiver method call on `v`, slicing of array `v`, and the same
    /// through field selections and constant or variable array indexing rooted at `v`.
    pub address_taken: Cell<bool>,
    /// Assigned (=, op=, ++, range with =, …) anywhere besides its declaration.
    pub reassigned: Cell<bool>,
    /// Assigned inside a function literal that captured it.
    pub assigned_in_closure: Cell<bool>,
}

/// A fresh unique number for objects and type parameters.
pub fn fresh_id() -> u32 {
    let next = &super::world::world().next_id;
    next.replace(next.get() + 1)
}

impl Object {
    pub fn var_info(&self) -> Option<&VarInfo> {
        match &self.kind {
            ObjKind::Var(v) => Some(v),
            _ => None,
        }
    }
}

impl fmt::Debug for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::display::type_string(*self, None))
    }
}
impl fmt::Debug for Obj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.name, self.id)
    }
}
impl fmt::Debug for Pkg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}
