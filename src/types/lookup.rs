//! Fields and methods by name: selectors, method sets, and why a method is missing.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::cell::RefCell;
use std::rc::Rc;

use super::display::{self, text};
use super::predicates::{
    as_named, as_signature, deref, identical, is_type_param, same_id, underlying,
};
use super::subst::{MAX_INSTANCE_DEPTH, instance_depth, pairs, subst, type_params_of};
use super::ty::{Field, IMethod, Named, Obj, ObjKind, Pkg, Signature, Ty, Type};
use super::typeset::{interface_pointer, type_set};
use super::universe::invalid;
use crate::base::intern::Name;

/// What a selected method is: declared on a concrete type, or an interface's.
#[derive(Clone)]
pub struct MethodRef {
    /// The declared method (of the origin type for instances).
    pub obj: Option<Obj>,
    /// The method of an interface or a type parameter's constraint.
    pub imethod: Option<IMethod>,
}

/// Result of looking up a name in a type.
#[derive(Clone)]
pub enum Lookup {
    Field {
        /// Field indices from the type, the last one being the field itself.
        path: Vec<usize>,
        /// The field, its type substituted for instances.
        field: Field,
        /// A pointer was followed on the way (the type itself included).
        indirect: bool,
    },
    Method {
        /// Embedded fields walked.
        path: Vec<usize>,
        method: MethodRef,
        /// The method's signature without receiver, the receiver's type arguments put in;
        /// Invalid while the method is unresolved.
        sig: Ty,
        /// A pointer was followed on the way (the type itself included).
        indirect: bool,
        /// The method has a pointer receiver but the operand is neither addressable nor
        /// reached through a pointer: an error.
        ptr_recv_needed: bool,
        /// The type the method belongs to (after walking `path`, without pointer).
        recv: Ty,
    },
    /// Several at the same depth.
    Ambiguous,
    NotFound,
}

/// Looks up a field or method `name`, as seen from package `pkg`, in a value of type `t`
/// (a type parameter, a pointer and so on included).
pub fn lookup(t: Ty, addressable: bool, pkg: Option<Pkg>, name: Name) -> Lookup {
    find(t, addressable, Some(name), &|n, p| same_id(n, p, name, pkg))
}

/// Like [`lookup`], but disregards case and package: for "but does have ..." hints. The name
/// found is the field's, the method object's or the interface method's.
pub fn lookup_fold(t: Ty, addressable: bool, name: Name) -> Lookup {
    let lower = name.as_str().to_lowercase();
    find(t, addressable, None, &|n, _| {
        n.as_str().to_lowercase() == lower
    })
}

type Matches<'a> = &'a dyn Fn(Name, Option<Pkg>) -> bool;

/// Lists that are longer are searched by an index.
const LONG: usize = 24;

/// Positions in a long list of methods or fields.
#[derive(Default)]
struct Index {
    by_name: HashMap<Name, Vec<usize>>,
    embedded: Vec<usize>,
}

thread_local! {
    /// By address and length of the list. Types live as long as the process, and their
    /// lists only grow.
    static INDEXES: RefCell<HashMap<(usize, usize), Rc<Index>>> = RefCell::default();
}

fn index_of(key: (usize, usize), make: impl FnOnce() -> Index) -> Rc<Index> {
    if let Some(i) = INDEXES.with(|m| m.borrow().get(&key).cloned()) {
        return i;
    }
    let i = Rc::new(make());
    INDEXES.with(|m| m.borrow_mut().insert(key, i.clone()));
    i
}

/// The method that matches; `exact` is its name if that is known.
fn find_method(n: &Named, exact: Option<Name>, matches: Matches) -> Option<Obj> {
    let methods = n.methods.borrow();
    let fits = |m: &&Obj| matches(m.name, m.pkg);
    let Some(name) = exact.filter(|_| methods.len() > LONG) else {
        return methods.iter().find(fits).copied();
    };
    let key = (std::ptr::from_ref(n) as usize, methods.len());
    let index = index_of(key, || {
        let mut x = Index::default();
        for (i, m) in methods.iter().enumerate() {
            x.by_name.entry(m.name).or_default().push(i);
        }
        x
    });
    let at = index.by_name.get(&name)?;
    at.iter().map(|&i| &methods[i]).find(fits).copied()
}

/// Positions of the fields that may match, and of all embedded ones, in order; None: of all.
fn candidates(fields: &[Field], exact: Option<Name>) -> Option<Vec<usize>> {
    let name = exact.filter(|_| fields.len() > LONG)?;
    let key = (fields.as_ptr() as usize, fields.len());
    let index = index_of(key, || {
        let mut x = Index::default();
        for (i, f) in fields.iter().enumerate() {
            x.by_name.entry(f.name).or_default().push(i);
            if f.embedded {
                x.embedded.push(i);
            }
        }
        x
    });
    let mut all = index.embedded.clone();
    all.extend(index.by_name.get(&name).into_iter().flatten());
    all.sort_unstable();
    all.dedup();
    Some(all)
}

fn find(t: Ty, addressable: bool, exact: Option<Name>, matches: Matches) -> Lookup {
    if name_is_blank(matches) {
        return Lookup::NotFound;
    }
    // A defined pointer type has the fields of its base, but no methods.
    if let (Some(_), Type::Pointer(_)) = (as_named(t), &*underlying(t)) {
        return match find(underlying(t), addressable, exact, matches) {
            Lookup::Method { .. } => Lookup::NotFound,
            found => found,
        };
    }
    let (base, is_ptr) = deref(t);
    // Neither pointers to interfaces nor to type parameters have methods.
    if is_ptr && matches!(*underlying(base), Type::Interface(_)) {
        return Lookup::NotFound;
    }
    search(base, is_ptr, addressable, exact, matches)
}

fn name_is_blank(matches: Matches) -> bool {
    matches(Name::BLANK, None)
}

struct Embedded {
    ty: Ty,
    path: Vec<usize>,
    indirect: bool,
    /// The same type occurs several times at this depth.
    multiples: bool,
}

/// Breadth-first over embedding depths.
fn search(
    base: Ty,
    is_ptr: bool,
    addressable: bool,
    exact: Option<Name>,
    matches: Matches,
) -> Lookup {
    let mut current = vec![Embedded {
        ty: base,
        path: Vec::new(),
        indirect: is_ptr,
        multiples: false,
    }];
    let mut seen: HashSet<Ty> = HashSet::default();
    while !current.is_empty() {
        let mut found: Option<Lookup> = None;
        let mut next: Vec<Embedded> = Vec::new();
        let mut put = |l: Lookup, multiples: bool| {
            let twice = found.is_some() || multiples;
            found = Some(if twice { Lookup::Ambiguous } else { l });
        };
        for e in &current {
            if let Some(n) = as_named(e.ty) {
                if seen.contains(&e.ty) || instance_depth(e.ty) > MAX_INSTANCE_DEPTH {
                    continue;
                }
                let origin = n.origin.and_then(as_named).unwrap_or(n);
                if let Some(m) = find_method(origin, exact, matches) {
                    put(declared_method(m, e, addressable), e.multiples);
                    continue;
                }
            }
            match &*underlying(e.ty) {
                Type::Struct(fields) => {
                    let some = candidates(fields, exact);
                    let count = some.as_ref().map_or(fields.len(), Vec::len);
                    let before = next.len();
                    for k in 0..count {
                        let i = some.as_ref().map_or(k, |s| s[k]);
                        let f = &fields[i];
                        let path = || [&e.path[..], &[i]].concat();
                        if matches(f.name, f.pkg) {
                            let l = Lookup::Field {
                                path: path(),
                                field: f.clone(),
                                indirect: e.indirect,
                            };
                            put(l, e.multiples);
                            continue;
                        }
                        if f.embedded {
                            let (ty, ptr) = deref(f.ty);
                            if matches!(*ty, Type::Named(_) | Type::Struct(_) | Type::Interface(_))
                            {
                                next.push(Embedded {
                                    ty,
                                    path: path(),
                                    indirect: e.indirect || ptr,
                                    multiples: e.multiples,
                                });
                            }
                        }
                    }
                    // What leads nowhere need not be remembered.
                    if next.len() > before {
                        seen.insert(e.ty);
                    }
                }
                Type::Interface(_) => {
                    let set = type_set(e.ty);
                    if let Some(m) = set.methods.iter().find(|m| matches(m.name, m.pkg)) {
                        let l = Lookup::Method {
                            path: e.path.clone(),
                            method: MethodRef {
                                obj: None,
                                imethod: Some(m.clone()),
                            },
                            sig: m.sig,
                            indirect: e.indirect,
                            ptr_recv_needed: false,
                            recv: e.ty,
                        };
                        put(l, e.multiples);
                    }
                }
                _ => {}
            }
        }
        if let Some(l) = found {
            return l;
        }
        current = consolidate(next);
    }
    Lookup::NotFound
}

/// Merges entries of the same type at one depth.
fn consolidate(list: Vec<Embedded>) -> Vec<Embedded> {
    let mut out: Vec<Embedded> = Vec::new();
    for e in list {
        match out.iter_mut().find(|o| identical(o.ty, e.ty)) {
            Some(o) => o.multiples = true,
            None => out.push(e),
        }
    }
    out
}

fn declared_method(m: Obj, e: &Embedded, addressable: bool) -> Lookup {
    Lookup::Method {
        path: e.path.clone(),
        method: MethodRef {
            obj: Some(m),
            imethod: None,
        },
        sig: method_sig(m, e.ty),
        indirect: e.indirect,
        ptr_recv_needed: has_ptr_recv(m) && !e.indirect && !addressable,
        recv: e.ty,
    }
}

/// Whether a method was declared with a pointer receiver.
pub fn has_ptr_recv(m: Obj) -> bool {
    match &m.kind {
        ObjKind::Func { ptr_recv, .. } => ptr_recv.get(),
        _ => false,
    }
}

/// The signature of declared method `m` without receiver, as a method of `recv` (the
/// declared type or an instance of it): its receiver's type parameters are replaced by
/// the arguments. Invalid while the method's type is unresolved.
pub fn method_sig(m: Obj, recv: Ty) -> Ty {
    let Some(t) = m.ty.get() else {
        return invalid();
    };
    let Type::Signature(s) = &*t else {
        return invalid();
    };
    let make = || {
        Ty::new(Type::Signature(Signature {
            recv: None,
            recv_tparams: Vec::new(),
            ..s.clone()
        }))
    };
    let plain = match &m.kind {
        ObjKind::Func { plain, .. } if s.recv_tparams.is_empty() => {
            return *plain.get_or_init(make);
        }
        _ => make(),
    };
    let Some(n) = as_named(recv) else {
        return plain;
    };
    let targs = if n.origin.is_some() {
        n.targs.clone()
    } else {
        type_params_of(recv)
    };
    subst(plain, &pairs(&s.recv_tparams, &targs))
}

/// The signature of the exported method `name` in the method set of a type.
pub fn exported_method(t: Ty, name: &str) -> Option<Ty> {
    match lookup(t, false, None, Name::new(name)) {
        Lookup::Method {
            sig,
            ptr_recv_needed: false,
            ..
        } => Some(sig),
        _ => None,
    }
}

/// One method of a method set.
#[derive(Clone)]
pub struct MethodEntry {
    pub name: Name,
    /// The declaring package.
    pub pkg: Option<Pkg>,
    /// Without receiver, type arguments put in.
    pub sig: Ty,
    /// Embedded fields walked from the type (its pointer removed).
    pub path: Vec<usize>,
    /// Declared method; None for one of an (embedded) interface.
    pub obj: Option<Obj>,
    /// The method is declared with a pointer receiver.
    pub ptr_recv: bool,
    /// A pointer is followed on the way (the type itself included).
    pub indirect: bool,
    /// The type the method belongs to (after walking `path`, without pointer).
    pub recv: Ty,
}

/// The method set of a type, promoted methods included, sorted by name. For `T` the methods
/// with a value receiver (or reached through an embedded pointer), for `*T` all, for
/// interfaces and type parameters those of the type set.
pub fn method_set(t: Ty) -> Vec<MethodEntry> {
    let (base, is_ptr) = deref(t);
    let mut names: Vec<(Name, Option<Pkg>)> = Vec::new();
    let interface = matches!(*underlying(base), Type::Interface(_));
    if !(is_ptr && interface) {
        collect_names(base, &mut names, &mut Vec::new());
    }
    names.sort_by(|a, b| {
        let path = |p: Option<Pkg>| p.map_or("", |p| &p.0.path);
        (a.0.as_str(), path(a.1)).cmp(&(b.0.as_str(), path(b.1)))
    });
    let mut out: Vec<MethodEntry> = Vec::new();
    for (name, pkg) in names {
        if out
            .last()
            .is_some_and(|m| same_id(m.name, m.pkg, name, pkg))
        {
            continue;
        }
        if let Lookup::Method {
            path,
            method,
            sig,
            indirect,
            ptr_recv_needed: false,
            recv,
        } = lookup(t, false, pkg, name)
        {
            out.push(MethodEntry {
                name,
                pkg,
                sig,
                path,
                ptr_recv: method.obj.is_some_and(has_ptr_recv),
                obj: method.obj,
                indirect,
                recv,
            });
        }
    }
    out
}

/// Names of all methods that a type or what it embeds has.
fn collect_names(t: Ty, names: &mut Vec<(Name, Option<Pkg>)>, seen: &mut Vec<Ty>) {
    if seen.contains(&t) || instance_depth(t) > MAX_INSTANCE_DEPTH {
        return;
    }
    seen.push(t);
    if let Some(n) = as_named(t) {
        let origin = n.origin.and_then(as_named).unwrap_or(n);
        names.extend(origin.methods.borrow().iter().map(|m| (m.name, m.pkg)));
    }
    match &*underlying(t) {
        Type::Struct(fields) => {
            for f in fields.iter().filter(|f| f.embedded) {
                collect_names(deref(f.ty).0, names, seen);
            }
        }
        Type::Interface(_) => {
            names.extend(type_set(t).methods.iter().map(|m| (m.name, m.pkg)));
        }
        _ => {}
    }
}

/// A method's name and signature as `have`/`want` lines show it: no parameter names.
pub fn method_string(name: Name, sig: Ty) -> String {
    let rest = as_signature(sig).map_or(String::new(), |s| {
        display::signature_string_without_func(s, display::current_pkg(), false)
    });
    format!("{name}{rest}")
}

/// Why `v` lacks a method of the interface (its explanation in parentheses, as the compiler
/// words it), or None if it has them all. Without `static_`, an interface `v` may lack
/// methods (a type assertion decides at run time), but not have different ones.
pub fn missing_method(v: Ty, iface: Ty, static_: bool) -> Option<String> {
    missing_method_with(v, iface, static_, &mut identical)
}

/// [`missing_method`] with another notion of equal signatures.
pub(super) fn missing_method_with(
    v: Ty,
    iface: Ty,
    static_: bool,
    same: &mut dyn FnMut(Ty, Ty) -> bool,
) -> Option<String> {
    let wanted = &type_set(iface).methods;
    if wanted.is_empty() {
        return None;
    }
    if matches!(*underlying(v), Type::Interface(_)) {
        let have = &type_set(v).methods;
        for m in wanted {
            match have.iter().find(|h| same_id(h.name, h.pkg, m.name, m.pkg)) {
                None if static_ => return Some(not_found(v, m)),
                Some(h) if !same(h.sig, m.sig) => return Some(wrong_type(m, h.sig)),
                _ => {}
            }
        }
        return None;
    }
    wanted.iter().find_map(|m| lacking(v, m, same))
}

fn lacking(v: Ty, m: &IMethod, same: &mut dyn FnMut(Ty, Ty) -> bool) -> Option<String> {
    match lookup(v, false, m.pkg, m.name) {
        Lookup::Method {
            ptr_recv_needed: true,
            ..
        } => Some(format!("(method {} has pointer receiver)", m.name)),
        Lookup::Method { sig, .. } => {
            let unknown = as_signature(sig).is_none();
            (!unknown && !same(sig, m.sig)).then(|| wrong_type(m, sig))
        }
        Lookup::Field { .. } => Some(format!("({}.{} is a field, not a method)", text(v), m.name)),
        Lookup::Ambiguous => Some(format!("(ambiguous selector {}.{})", text(v), m.name)),
        Lookup::NotFound => Some(not_found(v, m)),
    }
}

fn wrong_type(m: &IMethod, have: Ty) -> String {
    let (h, w) = (method_string(m.name, have), method_string(m.name, m.sig));
    format!(
        "(wrong type for method {})\n\t\thave {h}\n\t\twant {w}",
        m.name
    )
}

fn not_found(v: Ty, m: &IMethod) -> String {
    if let Some(d) = interface_pointer(v) {
        return d.replacen("(type ", &format!("(type {} ", text(v)), 1);
    }
    if let Lookup::Method { method, sig, .. } = lookup_fold(v, false, m.name) {
        let name = method
            .obj
            .map(|o| o.name)
            .or(method.imethod.map(|i| i.name))
            .unwrap_or(m.name);
        if name == m.name {
            return format!("(unexported method {})", m.name);
        }
        let (h, w) = (method_string(name, sig), method_string(m.name, m.sig));
        return format!("(missing method {})\n\t\thave {h}\n\t\twant {w}", m.name);
    }
    format!("(missing method {})", m.name)
}

/// Whether selecting on `t` would work after dereferencing it once: `t` is a pointer to an
/// interface (or type parameter), which has no methods itself.
pub fn is_interface_pointer(t: Ty) -> bool {
    match *underlying(t) {
        Type::Pointer(e) => is_type_param(e) || matches!(*underlying(e), Type::Interface(_)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::universe::any_ty;
    use super::*;

    fn names(t: Ty) -> Vec<&'static str> {
        method_set(t).iter().map(|m| m.name.as_str()).collect()
    }
    fn look(t: Ty, name: &str) -> Lookup {
        lookup(t, false, Some(main_pkg()), n(name))
    }

    #[test]
    fn embedding_depth() {
        let f0 = func(&[], &[]);
        let inner = named(
            "Inner",
            strukt(vec![field("a", int()), field("deep", int())]),
        );
        add_method(inner, "Val", false, f0);
        add_method(inner, "Ptr", true, f0);
        let outer = named(
            "Outer",
            strukt(vec![field("a", string()), embed("Inner", inner)]),
        );
        let Lookup::Field {
            path, field: fl, ..
        } = look(outer, "a")
        else {
            panic!()
        };
        assert_eq!((path, fl.ty), (vec![0], string()));
        let Lookup::Field { path, indirect, .. } = look(ptr(outer), "deep") else {
            panic!()
        };
        assert_eq!((path, indirect), (vec![1, 1], true));
        assert_eq!(names(outer), ["Val"]);
        assert_eq!(names(ptr(outer)), ["Ptr", "Val"]);
        let by_ptr = named("ByPtr", strukt(vec![embed("Inner", ptr(inner))]));
        assert_eq!(names(by_ptr), ["Ptr", "Val"]);
        assert!(matches!(
            look(outer, "Ptr"),
            Lookup::Method {
                ptr_recv_needed: true,
                ..
            }
        ));
        assert!(matches!(
            lookup(outer, true, None, n("Ptr")),
            Lookup::Method {
                ptr_recv_needed: false,
                ..
            }
        ));
        assert!(matches!(look(outer, "nope"), Lookup::NotFound));
        assert!(matches!(look(outer, "_"), Lookup::NotFound));
        // Two at one depth, or the same type twice.
        let other = named("Other", strukt(vec![field("deep", int())]));
        let amb = strukt(vec![embed("Inner", inner), embed("Other", other)]);
        assert!(matches!(look(amb, "deep"), Lookup::Ambiguous));
        let (x, y) = (
            named("X", strukt(vec![embed("Inner", inner)])),
            named("Y", strukt(vec![embed("Inner", inner)])),
        );
        let twice = strukt(vec![embed("X", x), embed("Y", y)]);
        assert!(matches!(look(twice, "deep"), Lookup::Ambiguous));
        assert!(names(twice).is_empty());
    }

    #[test]
    fn pointers_and_interfaces() {
        let i = named("I", iface(vec![method("M", func(&[], &[]))], &[]));
        assert!(matches!(look(i, "M"), Lookup::Method { .. }));
        assert!(matches!(look(ptr(i), "M"), Lookup::NotFound));
        assert!(names(ptr(i)).is_empty());
        assert_eq!(names(i), ["M"]);
        let s = named("S", strukt(vec![field("f", int())]));
        add_method(s, "M", false, func(&[], &[]));
        let p = named("P", ptr(s));
        assert!(matches!(look(p, "f"), Lookup::Field { .. }));
        assert!(matches!(look(p, "M"), Lookup::NotFound));
        assert!(matches!(look(ptr(ptr(s)), "f"), Lookup::NotFound));
        let wrap = named("W", strukt(vec![embed("I", i)]));
        assert_eq!(names(wrap), ["M"]);
        let tp = tparam("T", 0, i);
        assert!(matches!(look(tp, "M"), Lookup::Method { .. }));
        assert!(matches!(look(ptr(tp), "M"), Lookup::NotFound));
        assert!(matches!(
            look(tparam("U", 0, any_ty()), "M"),
            Lookup::NotFound
        ));
    }

    #[test]
    fn unexported_names_belong_to_packages() {
        let s = named("S", strukt(vec![field("f", int()), field("F", int())]));
        let other = Some(pkg("other"));
        assert!(matches!(lookup(s, false, other, n("f")), Lookup::NotFound));
        assert!(matches!(
            lookup(s, false, other, n("F")),
            Lookup::Field { .. }
        ));
        assert!(matches!(lookup_fold(s, false, n("f")), Lookup::Ambiguous));
    }

    #[test]
    fn methods_of_instances() {
        let t = tparam("T", 0, any_ty());
        let list = generic("List", &[t], slice(t));
        let rt = tparam("E", 0, any_ty());
        add_method_generic(list, "Get", false, &[rt], func(&[int()], &[rt]));
        let li = inst(list, &[string()]);
        let Lookup::Method {
            sig, method, recv, ..
        } = look(li, "Get")
        else {
            panic!()
        };
        assert!(identical(sig, func(&[int()], &[string()])));
        assert!(method.obj.is_some() && recv == li);
        let e = named("E", strukt(vec![embed("List", ptr(li))]));
        let ms = method_set(e);
        assert_eq!((ms[0].path.clone(), ms[0].indirect), (vec![0], true));
        assert!(identical(ms[0].sig, func(&[int()], &[string()])));
    }
}
