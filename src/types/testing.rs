//! Short ways to make types, for the unit tests of this module.

use rustc_hash::FxHashMap as HashMap;
use std::cell::{Cell, RefCell};

use super::subst::instantiate;
use super::ty::*;
use super::universe::{basic, new_interface, new_named};
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::ChanDir;

pub fn n(s: &str) -> Name {
    Name::new(s)
}
pub fn pkg(path: &str) -> Pkg {
    let name = path.rsplit('/').next().unwrap_or(path);
    Pkg::new(Package {
        path: path.into(),
        name: n(name),
        scope: RefCell::new(HashMap::default()),
        imports: RefCell::default(),
        index: 0,
    })
}
thread_local! { static MAIN: Pkg = pkg("main"); }
pub fn main_pkg() -> Pkg {
    MAIN.with(|p| *p)
}
pub fn obj(name: &str, p: Pkg, kind: ObjKind) -> Obj {
    Obj::new(Object {
        name: n(name),
        span: Span::NONE,
        pkg: Some(p),
        ty: Cell::new(None),
        kind,
        id: fresh_id(),
        global: Cell::new(true),
    })
}
fn type_obj(name: &str, p: Pkg) -> Obj {
    let alias = Cell::new(false);
    obj(name, p, ObjKind::TypeName { alias })
}
pub fn int() -> Ty {
    basic(Basic::Int)
}
pub fn string() -> Ty {
    basic(Basic::String)
}
pub fn named_in(p: Pkg, name: &str, u: Ty) -> Ty {
    new_named(type_obj(name, p), Some(u))
}
pub fn named(name: &str, u: Ty) -> Ty {
    named_in(main_pkg(), name, u)
}
pub fn generic(name: &str, tparams: &[Ty], u: Ty) -> Ty {
    let t = named(name, u);
    if let Type::Named(d) = &*t {
        *d.tparams.borrow_mut() = tparams.to_vec();
    }
    t
}
/// A recursive declaration: `f` makes the underlying type from the new type.
pub fn declare(name: &str, tparams: &[Ty], f: impl FnOnce(Ty) -> Ty) -> Ty {
    let t = new_named(type_obj(name, main_pkg()), None);
    if let Type::Named(d) = &*t {
        *d.tparams.borrow_mut() = tparams.to_vec();
        d.underlying.set(Some(f(t)));
    }
    t
}
pub fn inst(g: Ty, args: &[Ty]) -> Ty {
    instantiate(g, args.to_vec())
}
pub fn ptr(t: Ty) -> Ty {
    Ty::new(Type::Pointer(t))
}
pub fn slice(t: Ty) -> Ty {
    Ty::new(Type::Slice(t))
}
pub fn array(t: Ty, len: i64) -> Ty {
    Ty::new(Type::Array(t, len))
}
pub fn map(k: Ty, v: Ty) -> Ty {
    Ty::new(Type::Map(k, v))
}
pub fn chan(d: ChanDir, t: Ty) -> Ty {
    Ty::new(Type::Chan(d, t))
}
pub fn field(name: &str, ty: Ty) -> Field {
    Field {
        name: n(name),
        ty,
        embedded: false,
        tag: String::new(),
        pkg: Some(main_pkg()),
        span: Span::NONE,
    }
}
pub fn embed(name: &str, ty: Ty) -> Field {
    Field {
        embedded: true,
        ..field(name, ty)
    }
}
pub fn strukt(fields: Vec<Field>) -> Ty {
    Ty::new(Type::Struct(fields))
}
fn params(ts: &[Ty]) -> Vec<Param> {
    let one = |t: &Ty| Param {
        name: Name::EMPTY,
        ty: *t,
    };
    ts.iter().map(one).collect()
}
pub fn func(ps: &[Ty], rs: &[Ty]) -> Ty {
    gen_func(&[], ps, rs)
}
pub fn gen_func(tparams: &[Ty], ps: &[Ty], rs: &[Ty]) -> Ty {
    Ty::new(Type::Signature(Signature {
        tparams: tparams.to_vec(),
        params: params(ps),
        results: params(rs),
        ..Signature::default()
    }))
}
pub fn method(name: &str, sig: Ty) -> IMethod {
    IMethod {
        name: n(name),
        pkg: Some(main_pkg()),
        sig,
        span: Span::NONE,
    }
}
pub fn iface(methods: Vec<IMethod>, embeds: &[Ty]) -> Ty {
    let embeds = embeds.iter().map(|e| (*e, Span::NONE)).collect();
    new_interface(methods, embeds, false)
}
pub fn term(tilde: bool, ty: Ty) -> Term {
    Term { tilde, ty }
}
/// An implicit constraint interface around a union.
pub fn union(terms: &[Term]) -> Ty {
    let u = Ty::new(Type::Union(terms.to_vec()));
    new_interface(Vec::new(), vec![(u, Span::NONE)], true)
}
pub fn tparam(name: &str, index: usize, bound: Ty) -> Ty {
    let o = type_obj(name, main_pkg());
    let t = Ty::new(Type::TypeParam(TypeParam {
        obj: o,
        index,
        bound: Cell::new(Some(bound)),
        id: fresh_id(),
    }));
    o.ty.set(Some(t));
    t
}
/// Declares a method with receiver type parameters `rt`.
pub fn add_method_generic(t: Ty, name: &str, ptr_recv: bool, rt: &[Ty], sig: Ty) {
    let Type::Named(d) = &*t else {
        panic!("not a defined type")
    };
    let Type::Signature(s) = &*sig else {
        panic!("not a signature")
    };
    let o = obj(
        name,
        main_pkg(),
        ObjKind::Func {
            decl: None,
            ptr_recv: Cell::new(ptr_recv),
            is_method: Cell::new(true),
            plain: Default::default(),
        },
    );
    o.ty.set(Some(Ty::new(Type::Signature(Signature {
        recv: Some(if ptr_recv { ptr(t) } else { t }),
        recv_tparams: rt.to_vec(),
        ..s.clone()
    }))));
    d.methods.borrow_mut().push(o);
}
pub fn add_method(t: Ty, name: &str, ptr_recv: bool, sig: Ty) {
    add_method_generic(t, name, ptr_recv, &[], sig);
}
/// Messages leave types of the test package unqualified.
pub fn in_main() {
    super::display::set_current_pkg(Some(main_pkg()));
}
