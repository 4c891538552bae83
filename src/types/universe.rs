//! The predeclared identifiers, the basic types and package `unsafe`.

use rustc_hash::FxHashMap as HashMap;
use std::cell::{Cell, OnceCell, RefCell};

use super::constant::Const;
use super::display;
use super::ty::{
    Basic, Builtin, IMethod, Interface, Named, Obj, ObjKind, Object, Package, Param, Pkg,
    Signature, Ty, Type, TypeSet, fresh_id,
};
use crate::base::intern::Name;
use crate::base::span::Span;

/// The predeclared scope.
pub type Scope = HashMap<Name, Obj>;

/// All basic kinds with their names, in the order of [`Basic`].
const BASICS: [(Basic, &str); 26] = [
    (Basic::Invalid, "invalid type"),
    (Basic::Bool, "bool"),
    (Basic::Int, "int"),
    (Basic::Int8, "int8"),
    (Basic::Int16, "int16"),
    (Basic::Int32, "int32"),
    (Basic::Int64, "int64"),
    (Basic::Uint, "uint"),
    (Basic::Uint8, "uint8"),
    (Basic::Uint16, "uint16"),
    (Basic::Uint32, "uint32"),
    (Basic::Uint64, "uint64"),
    (Basic::Uintptr, "uintptr"),
    (Basic::Float32, "float32"),
    (Basic::Float64, "float64"),
    (Basic::Complex64, "complex64"),
    (Basic::Complex128, "complex128"),
    (Basic::String, "string"),
    (Basic::UnsafePointer, "unsafe.Pointer"),
    (Basic::UntypedBool, "untyped bool"),
    (Basic::UntypedInt, "untyped int"),
    (Basic::UntypedRune, "untyped rune"),
    (Basic::UntypedFloat, "untyped float"),
    (Basic::UntypedComplex, "untyped complex"),
    (Basic::UntypedString, "untyped string"),
    (Basic::UntypedNil, "untyped nil"),
];

const BUILTINS: [(&str, Builtin); 18] = [
    ("append", Builtin::Append),
    ("cap", Builtin::Cap),
    ("clear", Builtin::Clear),
    ("close", Builtin::Close),
    ("complex", Builtin::Complex),
    ("copy", Builtin::Copy),
    ("delete", Builtin::Delete),
    ("imag", Builtin::Imag),
    ("len", Builtin::Len),
    ("make", Builtin::Make),
    ("max", Builtin::Max),
    ("min", Builtin::Min),
    ("new", Builtin::New),
    ("panic", Builtin::Panic),
    ("print", Builtin::Print),
    ("println", Builtin::Println),
    ("real", Builtin::Real),
    ("recover", Builtin::Recover),
];

/// The objects and types of the universe.
pub(super) struct Universe {
    scope: &'static Scope,
    basics: Vec<Ty>,
    byte: Ty,
    rune: Ty,
    error: Ty,
    any: Ty,
    comparable: Ty,
    empty_tuple: Ty,
    unsafe_pkg: Pkg,
}

/// This thread's world's universe.
fn own() -> &'static Universe {
    super::world::world().universe.get_or_init(build)
}

/// An object without a source position.
fn object(name: &str, pkg: Option<Pkg>, ty: Option<Ty>, kind: ObjKind) -> Obj {
    Obj::new(Object {
        name: Name::new(name),
        span: Span::NONE,
        pkg,
        ty: Cell::new(ty),
        kind,
        id: fresh_id(),
        global: Cell::new(true),
    })
}

fn type_name(name: &str, pkg: Option<Pkg>, ty: Option<Ty>, alias: bool) -> Obj {
    let alias = Cell::new(alias);
    object(name, pkg, ty, ObjKind::TypeName { alias })
}

/// A new interface type.
pub fn new_interface(methods: Vec<IMethod>, embeds: Vec<(Ty, Span)>, implicit: bool) -> Ty {
    Ty::new(Type::Interface(Interface {
        methods: RefCell::new(methods),
        embeds: RefCell::new(embeds),
        implicit,
        type_set: OnceCell::new(),
    }))
}

/// A new defined type for `obj`, with its underlying type when that is known already. The
/// object's type is set.
pub fn new_named(obj: Obj, underlying: Option<Ty>) -> Ty {
    let ty = Ty::new(Type::Named(Named {
        obj,
        origin: None,
        targs: Vec::new(),
        tparams: RefCell::new(Vec::new()),
        underlying: Cell::new(underlying),
        methods: RefCell::new(Vec::new()),
    }));
    obj.ty.set(Some(ty));
    ty
}

fn build() -> Universe {
    let mut scope = Scope::default();
    let mut add = |o: Obj| {
        scope.insert(o.name, o);
    };
    let basics: Vec<Ty> = BASICS
        .iter()
        .map(|&(b, name)| Ty::new(Type::Basic(b, name)))
        .collect();
    let string = basics[Basic::String as usize];
    for &(b, name) in &BASICS {
        if (Basic::Bool..=Basic::String).contains(&b) {
            add(type_name(name, None, Some(basics[b as usize]), false));
        }
    }
    let byte = Ty::new(Type::Basic(Basic::Uint8, "byte"));
    let rune = Ty::new(Type::Basic(Basic::Int32, "rune"));
    add(type_name("byte", None, Some(byte), true));
    add(type_name("rune", None, Some(rune), true));

    let any = new_interface(Vec::new(), Vec::new(), false);
    let any_obj = type_name("any", None, Some(any), true);
    display::name_alias(any, any_obj);
    add(any_obj);

    let sig = Ty::new(Type::Signature(Signature {
        results: vec![Param {
            name: Name::EMPTY,
            ty: string,
        }],
        ..Signature::default()
    }));
    let method = IMethod {
        name: Name::new("Error"),
        pkg: None,
        sig,
        span: Span::NONE,
    };
    let error_obj = type_name("error", None, None, false);
    let error = new_named(
        error_obj,
        Some(new_interface(vec![method], Vec::new(), false)),
    );
    add(error_obj);

    let comparable_obj = type_name("comparable", None, None, false);
    let comparable_iface = new_interface(Vec::new(), Vec::new(), false);
    if let Type::Interface(i) = &*comparable_iface {
        i.type_set.get_or_init(|| TypeSet {
            methods: Vec::new(),
            terms: None,
            comparable: true,
        });
    }
    let comparable = new_named(comparable_obj, Some(comparable_iface));
    add(comparable_obj);

    let constant = |name, b: Basic, c| {
        let kind = ObjKind::Const(RefCell::new(Some(c)));
        object(name, None, Some(basics[b as usize]), kind)
    };
    add(constant("true", Basic::UntypedBool, Const::Bool(true)));
    add(constant("false", Basic::UntypedBool, Const::Bool(false)));
    add(constant("iota", Basic::UntypedInt, Const::from_i64(0)));
    let nil_ty = basics[Basic::UntypedNil as usize];
    add(object("nil", None, Some(nil_ty), ObjKind::Nil));
    for (name, b) in BUILTINS {
        add(object(name, None, None, ObjKind::Builtin(b)));
    }

    let unsafe_pkg = Pkg::new(Package {
        path: "unsafe".into(),
        name: Name::new("unsafe"),
        scope: RefCell::new(HashMap::default()),
        imports: RefCell::new(Vec::new()),
        index: 0,
    });
    let members = [
        ("Add", Builtin::UnsafeAdd),
        ("Alignof", Builtin::UnsafeAlignof),
        ("Offsetof", Builtin::UnsafeOffsetof),
        ("Sizeof", Builtin::UnsafeSizeof),
        ("Slice", Builtin::UnsafeSlice),
        ("SliceData", Builtin::UnsafeSliceData),
        ("String", Builtin::UnsafeString),
        ("StringData", Builtin::UnsafeStringData),
    ];
    let p = Some(unsafe_pkg);
    let mut unsafe_scope = unsafe_pkg.scope.borrow_mut();
    for (name, b) in members {
        let o = object(name, p, None, ObjKind::Builtin(b));
        unsafe_scope.insert(o.name, o);
    }
    let pointer = basics[Basic::UnsafePointer as usize];
    let o = type_name("Pointer", p, Some(pointer), false);
    unsafe_scope.insert(o.name, o);
    drop(unsafe_scope);

    Universe {
        scope: Box::leak(Box::new(scope)),
        basics,
        byte,
        rune,
        error,
        any,
        comparable,
        empty_tuple: Ty::new(Type::Tuple(Vec::new())),
        unsafe_pkg,
    }
}

/// The predeclared scope.
pub fn universe() -> &'static Scope {
    own().scope
}
/// The one type of a basic kind (`uint8` and `int32`, not `byte` and `rune`).
pub fn basic(b: Basic) -> Ty {
    own().basics[b as usize]
}
/// The type of erroneous expressions.
pub fn invalid() -> Ty {
    basic(Basic::Invalid)
}
/// `byte`: identical to `uint8`, printed `byte`.
pub fn byte_ty() -> Ty {
    own().byte
}
/// `rune`: identical to `int32`, printed `rune`.
pub fn rune_ty() -> Ty {
    own().rune
}
/// `error`.
pub fn error_ty() -> Ty {
    own().error
}
/// `any`: an empty interface that prints as `any`.
pub fn any_ty() -> Ty {
    own().any
}
/// `comparable`.
pub fn comparable_ty() -> Ty {
    own().comparable
}
/// The result type of a function without results.
pub fn empty_tuple() -> Ty {
    own().empty_tuple
}
/// Package `unsafe`.
pub fn unsafe_pkg() -> Pkg {
    own().unsafe_pkg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predeclared_names() {
        let u = universe();
        for n in [
            "bool",
            "int",
            "uintptr",
            "string",
            "byte",
            "rune",
            "error",
            "any",
            "comparable",
            "true",
            "false",
            "iota",
            "nil",
            "len",
            "append",
            "recover",
            "clear",
            "min",
        ] {
            assert!(u.contains_key(&Name::new(n)), "{n}");
        }
        assert!(!u.contains_key(&Name::new("unsafe.Pointer")));
        assert!(!u.contains_key(&Name::new("untyped int")));
        assert_eq!(u[&Name::new("byte")].ty.get(), Some(byte_ty()));
        assert_eq!(
            BASICS
                .iter()
                .filter(|(b, _)| BASICS[*b as usize].0 != *b)
                .count(),
            0
        );
    }

    #[test]
    fn package_unsafe() {
        let p = unsafe_pkg();
        assert_eq!(
            p.scope.borrow()[&Name::new("Pointer")].ty.get(),
            Some(basic(Basic::UnsafePointer))
        );
        assert_eq!(p.scope.borrow().len(), 9);
    }
}
