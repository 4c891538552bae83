//! Types as text: as the compiler prints them in errors, and as programs see them at run
//! time (`%T`, reflection).

use std::fmt::Write;

use super::constant::quote;
use super::ty::{IMethod, Interface, Named, Obj, Param, Pkg, Signature, Term, Ty, Type};
use super::universe;
use super::world::world;
use crate::base::intern::Name;
use crate::syntax::ast::ChanDir;

/// Sets the package whose types messages leave unqualified (see [`text`]).
pub fn set_current_pkg(pkg: Option<Pkg>) {
    world().current.set(pkg);
}
/// The package set by [`set_current_pkg`].
pub fn current_pkg() -> Option<Pkg> {
    world().current.get()
}
/// A type as the compiler prints it in errors about the current package.
pub fn text(t: Ty) -> String {
    type_string(t, current_pkg())
}

/// Makes the type node `ty`, written in `type obj = ...`, print as the alias's name. Only
/// for nodes that belong to this one declaration (type literals); named, basic and
/// parameter types are ignored.
pub fn name_alias(ty: Ty, obj: Obj) {
    if !matches!(*ty, Type::Named(_) | Type::Basic(..) | Type::TypeParam(_)) {
        world().aliases.borrow_mut().entry(ty).or_insert(obj);
    }
}
/// The alias a type node was declared as, if any.
pub fn alias_of(ty: Ty) -> Option<Obj> {
    world().aliases.borrow().get(&ty).copied()
}
/// Numbers a type declared inside a function: `main.T·n` inside type arguments at run time.
/// Numbers count from 1 in source order over the package.
pub fn number_local_type(obj: Obj, n: u32) {
    world().locals.borrow_mut().insert(obj, n);
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// In error messages; the package is printed unqualified.
    Error(Option<Pkg>),
    /// At run time, outside type arguments: packages by name.
    Runtime,
    /// At run time, inside type arguments: packages by path.
    RuntimeArg,
}

/// A type as Go's compiler prints it. Types of `relative_to` are not qualified, others by
/// package name.
pub fn type_string(t: Ty, relative_to: Option<Pkg>) -> String {
    let mut p = Printer::new(Style::Error(relative_to));
    p.ty(t);
    p.out
}
/// Like [`type_string`], but a type declared as an alias prints what it stands for (inner
/// types still print as written).
pub fn unaliased_string(t: Ty, relative_to: Option<Pkg>) -> String {
    let mut p = Printer::new(Style::Error(relative_to));
    p.unaliased(t);
    p.out
}
/// Parameters and results of a signature, without `func`: `(a int) error`; type parameters
/// first when there are any. Parameter names are left out unless `names`.
pub fn signature_string_without_func(
    sig: &Signature,
    relative_to: Option<Pkg>,
    names: bool,
) -> String {
    let mut p = Printer::new(Style::Error(relative_to));
    p.names = names;
    p.signature(sig);
    p.out
}
/// A declared generic type with its parameters: `List[T any]`.
pub fn generic_string(t: Ty, relative_to: Option<Pkg>) -> String {
    let mut p = Printer::new(Style::Error(relative_to));
    p.ty(t);
    if let Type::Named(n) = &*t {
        p.tparams(&n.tparams.borrow());
    }
    p.out
}
/// A type as reflection and `%T` print it.
pub fn runtime_type_string(t: Ty) -> String {
    let mut p = Printer::new(Style::Runtime);
    p.ty(t);
    p.out
}
/// A signature's type parameter list: `[T any, K comparable]`; empty without parameters.
pub fn tparams_string(tparams: &[Ty], relative_to: Option<Pkg>) -> String {
    let mut p = Printer::new(Style::Error(relative_to));
    p.tparams(tparams);
    p.out
}

/// Whether a type, or what it points to, is an instance of a generic type.
fn is_instance(t: Ty) -> bool {
    match &*t {
        Type::Pointer(e) => is_instance(*e),
        Type::Named(n) => !n.targs.is_empty(),
        _ => false,
    }
}

struct Printer {
    out: String,
    style: Style,
    names: bool,
    depth: u32,
}

/// Deeper types (only possible through instantiation cycles) are cut off.
const MAX_DEPTH: u32 = 100;

impl Printer {
    fn new(style: Style) -> Printer {
        Printer {
            out: String::new(),
            style,
            names: true,
            depth: 0,
        }
    }
    fn runtime(&self) -> bool {
        !matches!(self.style, Style::Error(_))
    }
    fn push(&mut self, s: &str) {
        self.out.push_str(s);
    }
    fn package(&mut self, pkg: Option<Pkg>) {
        let Some(pkg) = pkg else { return };
        match self.style {
            Style::Error(rel) if rel == Some(pkg) => return,
            Style::RuntimeArg => self.push(&pkg.path),
            _ => self.push(pkg.name.as_str()),
        }
        self.out.push('.');
    }
    fn ty(&mut self, t: Ty) {
        if let (Style::Error(_), Some(alias)) = (self.style, alias_of(t)) {
            self.package(alias.pkg);
            self.push(alias.name.as_str());
            return;
        }
        self.unaliased(t);
    }
    fn unaliased(&mut self, t: Ty) {
        if self.depth > MAX_DEPTH {
            self.push("...");
            return;
        }
        self.depth += 1;
        match &*t {
            Type::Basic(b, name) => {
                if self.runtime() {
                    let canonical = universe::basic(*b);
                    if let Type::Basic(_, name) = &*canonical {
                        self.push(name);
                    }
                } else {
                    self.push(name);
                }
            }
            Type::Named(n) => self.named(n),
            Type::Pointer(e) => {
                self.out.push('*');
                self.ty(*e);
            }
            Type::Slice(e) => {
                self.push("[]");
                self.ty(*e);
            }
            Type::Array(e, n) => {
                let _ = write!(self.out, "[{n}]");
                self.ty(*e);
            }
            Type::Map(k, v) => {
                self.push("map[");
                self.ty(*k);
                self.out.push(']');
                self.ty(*v);
            }
            Type::Chan(dir, e) => self.chan(*dir, *e),
            Type::Struct(_) => self.structure(t),
            Type::Signature(s) => {
                self.push("func");
                self.signature(s);
            }
            Type::Interface(i) => {
                if self.runtime() {
                    self.runtime_interface(t);
                } else {
                    self.interface(i);
                }
            }
            Type::Union(terms) => self.terms(terms),
            Type::TypeParam(p) => self.push(p.obj.name.as_str()),
            Type::Tuple(ts) => {
                self.out.push('(');
                self.list(ts, ", ");
                self.out.push(')');
            }
        }
        self.depth -= 1;
    }
    fn list(&mut self, ts: &[Ty], sep: &str) {
        for (i, t) in ts.iter().enumerate() {
            if i > 0 {
                self.push(sep);
            }
            self.ty(*t);
        }
    }
    fn named(&mut self, n: &Named) {
        self.package(n.obj.pkg);
        self.push(n.obj.name.as_str());
        if !n.targs.is_empty() {
            let outer = self.style;
            let sep = if self.runtime() {
                self.style = Style::RuntimeArg;
                ","
            } else {
                ", "
            };
            self.out.push('[');
            self.list(&n.targs, sep);
            self.out.push(']');
            self.style = outer;
        }
        if self.style == Style::RuntimeArg
            && let Some(k) = world().locals.borrow().get(&n.obj).copied()
        {
            let _ = write!(self.out, "·{k}");
        }
    }
    fn chan(&mut self, dir: ChanDir, elem: Ty) {
        let mut parens = false;
        match dir {
            ChanDir::Send => self.push("chan<- "),
            ChanDir::Recv => self.push("<-chan "),
            ChanDir::Both => {
                self.push("chan ");
                parens = matches!(*elem, Type::Chan(ChanDir::Recv, _));
            }
        }
        if parens {
            self.out.push('(');
        }
        self.ty(elem);
        if parens {
            self.out.push(')');
        }
    }
    fn structure(&mut self, t: Ty) {
        let Type::Struct(fields) = &*t else { return };
        let rt = self.runtime();
        self.push(if rt { "struct {" } else { "struct{" });
        for (i, f) in fields.iter().enumerate() {
            if i > 0 {
                self.out.push(';');
            }
            if i > 0 || rt {
                self.out.push(' ');
            }
            if !f.embedded {
                if self.style == Style::RuntimeArg && !f.name.is_exported() {
                    self.package(f.pkg);
                }
                self.push(f.name.as_str());
                self.out.push(' ');
            } else if self.style == Style::RuntimeArg && is_instance(f.ty) {
                // The linker's way to write an embedded instance.
                self.push(f.name.as_str());
                self.push(" = ");
            }
            self.ty(f.ty);
            if !f.tag.is_empty() {
                self.out.push(' ');
                let tag = quote(f.tag.as_bytes());
                self.push(&tag);
            }
        }
        self.push(if rt && !fields.is_empty() { " }" } else { "}" });
    }
    fn signature(&mut self, s: &Signature) {
        self.tparams(&s.tparams);
        self.params(&s.params, s.variadic);
        if s.results.is_empty() {
            return;
        }
        self.out.push(' ');
        let first = &s.results[0];
        let named = self.names && !self.runtime() && first.name != Name::EMPTY;
        if s.results.len() == 1 && !named {
            self.ty(first.ty);
        } else {
            self.params(&s.results, false);
        }
    }
    fn params(&mut self, params: &[Param], variadic: bool) {
        self.out.push('(');
        for (i, p) in params.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            if p.name != Name::EMPTY && self.names && !self.runtime() {
                self.push(p.name.as_str());
                self.out.push(' ');
            }
            match &*p.ty {
                Type::Slice(e) if variadic && i + 1 == params.len() => {
                    self.push("...");
                    self.ty(*e);
                }
                _ if variadic && i + 1 == params.len() => {
                    // append([]byte, string...)
                    self.ty(p.ty);
                    self.push("...");
                }
                _ => self.ty(p.ty),
            }
        }
        self.out.push(')');
    }
    fn tparams(&mut self, tparams: &[Ty]) {
        if tparams.is_empty() {
            return;
        }
        self.out.push('[');
        let mut previous: Option<Option<Ty>> = None;
        for (i, t) in tparams.iter().enumerate() {
            let Type::TypeParam(p) = &**t else { continue };
            let bound = p.bound.get();
            if i > 0 {
                if previous != Some(bound) {
                    self.bound(previous.flatten());
                }
                self.push(", ");
            }
            previous = Some(bound);
            self.push(p.obj.name.as_str());
        }
        self.bound(previous.flatten());
        self.out.push(']');
    }
    fn bound(&mut self, bound: Option<Ty>) {
        if let Some(b) = bound {
            self.out.push(' ');
            self.ty(b);
        }
    }
    fn terms(&mut self, terms: &[Term]) {
        for (i, t) in terms.iter().enumerate() {
            if i > 0 {
                self.push(" | ");
            }
            if t.tilde {
                self.out.push('~');
            }
            self.ty(t.ty);
        }
    }
    fn interface(&mut self, i: &Interface) {
        let (methods, embeds) = (i.methods.borrow(), i.embeds.borrow());
        if i.implicit && methods.is_empty() && embeds.len() == 1 {
            self.ty(embeds[0].0);
            return;
        }
        self.push("interface{");
        let mut first = true;
        let mut sorted: Vec<&IMethod> = methods.iter().collect();
        sorted.sort_by_key(|m| (!m.name.is_exported(), m.name.as_str()));
        for m in sorted {
            if !std::mem::take(&mut first) {
                self.push("; ");
            }
            self.method(m);
        }
        for (e, _) in embeds.iter() {
            if !std::mem::take(&mut first) {
                self.push("; ");
            }
            self.ty(*e);
        }
        self.out.push('}');
    }
    fn runtime_interface(&mut self, t: Ty) {
        let set = super::typeset::type_set(t);
        if set.methods.is_empty() {
            self.push("interface {}");
            return;
        }
        self.push("interface { ");
        for (i, m) in set.methods.iter().enumerate() {
            if i > 0 {
                self.push("; ");
            }
            if !m.name.is_exported() {
                self.package(m.pkg);
            }
            self.method(m);
        }
        self.push(" }");
    }
    fn method(&mut self, m: &IMethod) {
        self.push(m.name.as_str());
        if let Type::Signature(s) = &*m.sig {
            self.signature(s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::ty::{Basic, Field, Type};
    use super::super::universe::{any_ty, basic, byte_ty, error_ty, rune_ty};
    use super::*;
    use std::cell::Cell;

    fn s(t: Ty) -> String {
        type_string(t, Some(main_pkg()))
    }
    fn sig(ps: &[(&str, Ty)], variadic: bool, rs: &[(&str, Ty)]) -> Ty {
        let f = |l: &[(&str, Ty)]| {
            let one = |(a, t): &(&str, Ty)| Param { name: n(a), ty: *t };
            l.iter().map(one).collect()
        };
        Ty::new(Type::Signature(Signature {
            params: f(ps),
            results: f(rs),
            variadic,
            ..Signature::default()
        }))
    }

    #[test]
    fn in_errors() {
        let f = sig(
            &[("a", int()), ("b", slice(string()))],
            true,
            &[("x", int()), ("err", error_ty())],
        );
        assert_eq!(s(f), "func(a int, b ...string) (x int, err error)");
        assert_eq!(
            s(sig(&[("", int())], false, &[("", int())])),
            "func(int) int"
        );
        assert_eq!(s(sig(&[], false, &[("x", int())])), "func() (x int)");
        let t = named("T", strukt(vec![]));
        let p = generic(
            "P",
            &[tparam("A", 0, any_ty()), tparam("B", 1, any_ty())],
            strukt(vec![]),
        );
        let mut x = field("X", int());
        x.tag = "json:\"a\"".into();
        let st = strukt(vec![
            x,
            embed("T", t),
            embed("P", ptr(inst(p, &[int(), t]))),
            field("y", string()),
        ]);
        assert_eq!(
            s(st),
            "struct{X int \"json:\\\"a\\\"\"; T; *P[int, T]; y string}"
        );
        let recv = chan(ChanDir::Recv, int());
        assert_eq!(s(chan(ChanDir::Both, recv)), "chan (<-chan int)");
        assert_eq!(
            s(chan(ChanDir::Recv, chan(ChanDir::Send, int()))),
            "<-chan chan<- int"
        );
        assert_eq!(
            s(chan(ChanDir::Send, chan(ChanDir::Both, int()))),
            "chan<- chan int"
        );
        let other = named_in(pkg("m/sub"), "T", int());
        let i = iface(
            vec![
                method("M", sig(&[("a", int())], false, &[("", string())])),
                method("m", func(&[], &[])),
            ],
            &[other],
        );
        assert_eq!(s(i), "interface{M(a int) string; m(); sub.T}");
        assert_eq!(type_string(t, None), "main.T");
        assert_eq!(s(any_ty()), "any");
        assert_eq!(s(iface(vec![], &[])), "interface{}");
        assert_eq!(
            s(map(string(), iface(vec![], &[]))),
            "map[string]interface{}"
        );
        assert_eq!(s(array(ptr(t), 3)), "[3]*T");
        assert_eq!((s(byte_ty()), s(rune_ty())), ("byte".into(), "rune".into()));
        assert_eq!(s(basic(Basic::UntypedInt)), "untyped int");
        assert_eq!(
            s(Ty::new(Type::Tuple(vec![int(), string()]))),
            "(int, string)"
        );
        assert_eq!(
            s(union(&[term(true, int()), term(false, string())])),
            "~int | string"
        );
    }

    #[test]
    fn generics_and_aliases() {
        let num = named("Num", union(&[term(true, int())]));
        let (a, b, c) = (
            tparam("A", 0, num),
            tparam("B", 1, num),
            tparam("C", 2, any_ty()),
        );
        assert_eq!(
            s(gen_func(&[a, b, c], &[a], &[slice(c)])),
            "func[A, B Num, C any](A) []C"
        );
        let g = generic("List", &[c], slice(c));
        assert_eq!(generic_string(g, Some(main_pkg())), "List[C any]");
        assert_eq!(s(inst(g, &[inst(g, &[int()])])), "List[List[int]]");
        let lit = slice(int());
        let alias = Cell::new(true);
        name_alias(
            lit,
            obj(
                "AL",
                main_pkg(),
                super::super::ty::ObjKind::TypeName { alias },
            ),
        );
        assert_eq!(s(ptr(lit)), "*AL");
        assert_eq!(unaliased_string(lit, Some(main_pkg())), "[]int");
        assert_eq!(runtime_type_string(lit), "[]int");
    }

    #[test]
    fn at_run_time() {
        let r = runtime_type_string;
        let t = named("T", strukt(vec![]));
        let sub = pkg("m/sub");
        let st = named_in(sub, "T", int());
        let x = tparam("X", 0, any_ty());
        let l = generic("L", &[x], strukt(vec![field("x", x)]));
        let p = generic("P", &[x, tparam("Y", 1, any_ty())], strukt(vec![]));
        assert_eq!(r(t), "main.T");
        assert_eq!(r(st), "sub.T");
        assert_eq!(r(inst(l, &[st])), "main.L[m/sub.T]");
        assert_eq!(
            r(inst(p, &[string(), map(string(), t)])),
            "main.P[string,map[string]main.T]"
        );
        assert_eq!(r(inst(l, &[any_ty()])), "main.L[interface {}]");
        let recv2 = chan(ChanDir::Both, chan(ChanDir::Recv, int()));
        assert_eq!(r(recv2), "chan (<-chan int)");
        let f = sig(
            &[("a", int()), ("b", slice(string()))],
            true,
            &[("e", error_ty())],
        );
        assert_eq!(r(f), "func(int, ...string) error");
        assert_eq!(r(strukt(vec![])), "struct {}");
        let tagged = Field {
            tag: "tag".into(),
            ..field("X", int())
        };
        assert_eq!(
            r(strukt(vec![
                tagged.clone(),
                field("y", string()),
                embed("T", t)
            ])),
            "struct { X int \"tag\"; y string; main.T }"
        );
        let inner = strukt(vec![tagged, field("y", t)]);
        assert_eq!(
            r(inst(l, &[inner])),
            "main.L[struct { X int \"tag\"; main.y main.T }]"
        );
        let emb = strukt(vec![embed("L", inst(l, &[int()]))]);
        assert_eq!(r(inst(l, &[emb])), "main.L[struct { L = main.L[int] }]");
        assert_eq!(r(inst(l, &[recv2])), "main.L[chan (<-chan int)]");
        let i = iface(
            vec![
                method("m", func(&[int()], &[])),
                method("M", func(&[], &[])),
            ],
            &[error_ty()],
        );
        assert_eq!(r(i), "interface { Error() string; M(); main.m(int) }");
        assert_eq!(r(byte_ty()), "uint8");
        let loc = named("Loc", strukt(vec![]));
        if let Type::Named(d) = &*loc {
            number_local_type(d.obj, 3);
        }
        assert_eq!(r(loc), "main.Loc");
        assert_eq!(r(inst(l, &[loc])), "main.L[main.Loc·3]");
    }
}
