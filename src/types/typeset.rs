//! Type sets of interfaces and constraints, and who implements or satisfies them.

use rustc_hash::FxHashMap as HashMap;
use std::cell::RefCell;

use super::display::{self, text};
use super::lookup::missing_method;
use super::predicates::{
    comparable_type, identical, is_invalid, is_type_param, same_id, strictly_comparable, underlying,
};
use super::subst::MAX_INSTANCE_DEPTH;
use super::ty::{IMethod, Interface, Term, Ty, Type, TypeSet};
use crate::base::intern::Name;
use crate::base::span::Span;

/// Two methods of one name in an interface: the later one (or the embedded element that
/// brings it) and the earlier one.
#[derive(Clone, Debug)]
pub struct DuplicateMethod {
    /// The method's name.
    pub name: Name,
    /// Where to report: the second declaration, or the embedding that clashes.
    pub span: Span,
    /// The other declaration.
    pub other: Span,
}

thread_local! {
    /// Interfaces under computation: an interface that embeds itself (reported elsewhere)
    /// must not recurse for ever.
    static BUSY: RefCell<Vec<*const Interface>> = const { RefCell::new(Vec::new()) };
    /// Type sets of plain types used as constraints.
    static PLAIN: RefCell<HashMap<Ty, &'static TypeSet>> = RefCell::default();
}

/// The type set of an interface (defined or literal), of a type parameter (its
/// constraint's), or of any other type (itself alone).
pub fn type_set(t: Ty) -> &'static TypeSet {
    let u = underlying(t);
    let Type::Interface(i) = u.0 else {
        if let Some(s) = PLAIN.with(|p| p.borrow().get(&t).copied()) {
            return s;
        }
        let (terms, _) = element_terms(t);
        let s: &'static TypeSet = Box::leak(Box::new(TypeSet {
            methods: Vec::new(),
            terms,
            comparable: false,
        }));
        if !is_invalid(u) {
            PLAIN.with(|p| p.borrow_mut().insert(t, s));
        }
        return s;
    };
    if let Some(s) = i.type_set.get() {
        return s;
    }
    let address: *const Interface = i;
    if BUSY.with(|b| b.borrow().contains(&address) || b.borrow().len() > MAX_INSTANCE_DEPTH) {
        return leak(TypeSet {
            methods: Vec::new(),
            terms: None,
            comparable: false,
        });
    }
    BUSY.with(|b| b.borrow_mut().push(address));
    let (set, complete, _) = compute(i);
    BUSY.with(|b| b.borrow_mut().pop());
    if complete {
        i.type_set.get_or_init(|| set)
    } else {
        leak(set)
    }
}

fn leak(s: TypeSet) -> &'static TypeSet {
    Box::leak(Box::new(s))
}

/// Methods declared twice in the interface or brought in with different signatures.
pub fn duplicate_methods(iface: Ty) -> Vec<DuplicateMethod> {
    match &*underlying(iface) {
        Type::Interface(i) => compute(i).2,
        _ => Vec::new(),
    }
}

/// The type set, whether everything it depends on was resolved, and clashes.
fn compute(i: &Interface) -> (TypeSet, bool, Vec<DuplicateMethod>) {
    let mut set = TypeSet {
        methods: Vec::new(),
        terms: None,
        comparable: false,
    };
    let mut clashes = Vec::new();
    let mut complete = true;
    // Where the methods of a name are.
    let mut places: HashMap<Name, Vec<usize>> = HashMap::default();
    let mut add = |ms: &mut Vec<IMethod>, m: &IMethod| {
        let at = places.entry(m.name).or_default();
        let same = |&&i: &&usize| same_id(ms[i].name, ms[i].pkg, m.name, m.pkg);
        if let Some(&i) = at.iter().find(same) {
            return Some(ms[i].clone());
        }
        at.push(ms.len());
        ms.push(m.clone());
        None
    };
    for m in i.methods.borrow().iter() {
        if let Some(o) = add(&mut set.methods, m) {
            clashes.push(DuplicateMethod {
                name: m.name,
                span: m.span,
                other: o.span,
            });
        }
    }
    for (e, span) in i.embeds.borrow().iter() {
        let u = underlying(*e);
        if is_invalid(u) {
            complete = complete && is_invalid(*e);
            continue;
        }
        if matches!(*u, Type::Interface(_)) && !is_type_param(*e) {
            let inner = type_set(*e);
            for m in &inner.methods {
                if let Some(o) = add(&mut set.methods, m)
                    && !identical(o.sig, m.sig)
                {
                    clashes.push(DuplicateMethod {
                        name: m.name,
                        span: *span,
                        other: o.span,
                    });
                }
            }
            set.comparable |= inner.comparable;
            set.terms = intersect(set.terms, inner.terms.clone());
        } else {
            let (terms, done) = element_terms(*e);
            complete &= done;
            set.terms = intersect(set.terms, terms);
        }
    }
    if let (true, Some(terms)) = (set.comparable, &mut set.terms) {
        terms.retain(|x| strictly_comparable(x.ty));
        set.comparable = false;
    }
    set.methods.sort_by(|a, b| {
        let path = |m: &IMethod| m.pkg.map_or("", |p| &p.0.path);
        (a.name.as_str(), path(a)).cmp(&(b.name.as_str(), path(b)))
    });
    (set, complete, clashes)
}

/// The terms of a non-interface element of an interface (None: every type), and whether it
/// was resolved.
fn element_terms(e: Ty) -> (Option<Vec<Term>>, bool) {
    let Type::Union(parts) = &*e else {
        if is_type_param(e) {
            return (None, true);
        }
        return (
            Some(vec![Term {
                tilde: false,
                ty: e,
            }]),
            true,
        );
    };
    let mut terms: Vec<Term> = Vec::new();
    let mut complete = true;
    for part in parts {
        let u = underlying(part.ty);
        if is_invalid(u) {
            complete = complete && is_invalid(part.ty);
            continue;
        }
        if part.tilde && !identical(u, part.ty) {
            // No type has it as its underlying type.
            continue;
        }
        if matches!(*u, Type::Interface(_)) {
            match &type_set(part.ty).terms {
                None => return (None, complete),
                Some(ts) => ts.iter().for_each(|x| add_term(&mut terms, *x)),
            }
        } else {
            add_term(&mut terms, *part);
        }
    }
    (Some(terms), complete)
}

/// Adds a term to a union without redundant terms.
fn add_term(terms: &mut Vec<Term>, t: Term) {
    if terms.iter().any(|x| includes(x, &t)) {
        return;
    }
    terms.retain(|x| !includes(&t, x));
    terms.push(t);
}

/// Whether all types of `inner` are in `outer`.
fn includes(outer: &Term, inner: &Term) -> bool {
    if outer.tilde {
        identical(underlying(outer.ty), underlying(inner.ty))
    } else {
        !inner.tilde && identical(outer.ty, inner.ty)
    }
}

/// Whether a type is in a term's type set.
pub fn term_includes(term: &Term, t: Ty) -> bool {
    includes(
        term,
        &Term {
            tilde: false,
            ty: t,
        },
    )
}

/// Whether two terms have types in common.
pub fn terms_overlap(a: &Term, b: &Term) -> bool {
    includes(a, b) || includes(b, a)
}

/// Whether every type of the union `a` is in the union `b`.
pub fn terms_subset(a: &[Term], b: &[Term]) -> bool {
    a.iter().all(|x| b.iter().any(|y| includes(y, x)))
}

fn intersect(a: Option<Vec<Term>>, b: Option<Vec<Term>>) -> Option<Vec<Term>> {
    let (a, b) = match (a, b) {
        (None, x) | (x, None) => return x,
        (Some(a), Some(b)) => (a, b),
    };
    let mut out = Vec::new();
    for x in &a {
        for y in &b {
            if includes(x, y) {
                add_term(&mut out, *y);
            } else if includes(y, x) {
                add_term(&mut out, *x);
            }
        }
    }
    Some(out)
}

/// Whether an interface can only be used as a constraint: it restricts types or demands
/// comparability. The text says why: `interface contains type constraints` or
/// `interface is (or embeds) comparable`.
pub fn constraint_only(t: Ty) -> Option<&'static str> {
    if is_type_param(t) || !matches!(*underlying(t), Type::Interface(_)) {
        return None;
    }
    let set = type_set(t);
    if set.comparable {
        Some("interface is (or embeds) comparable")
    } else {
        set.terms
            .as_ref()
            .map(|_| "interface contains type constraints")
    }
}

/// Whether the type argument `t` satisfies a constraint. The error is the compiler's whole
/// sentence, e.g. `string does not satisfy Num (string missing in ~int | ~float64)`.
pub fn satisfies(t: Ty, constraint: Ty) -> Result<(), String> {
    check(t, constraint, true, true, false)
}

/// Whether values of type `v` implement the interface. With `static_` an interface `v` must
/// have all methods; without (type assertions) only its present methods must agree. The
/// error is the compiler's whole sentence, e.g. `T does not implement I (missing method M)`.
pub fn implements(v: Ty, iface: Ty, static_: bool) -> Result<(), String> {
    check(v, iface, static_, false, false)
}

/// [`implements`] for assignments, where aliases are looked through in the message.
pub(super) fn implements_unaliased(v: Ty, iface: Ty) -> Result<(), String> {
    check(v, iface, true, false, true)
}

fn check(v: Ty, t: Ty, static_: bool, constraint: bool, unalias: bool) -> Result<(), String> {
    let (vu, tu) = (underlying(v), underlying(t));
    let pointee = match *vu {
        Type::Pointer(e) => underlying(e),
        _ => vu,
    };
    if is_invalid(vu) || is_invalid(tu) || is_invalid(pointee) {
        return Ok(());
    }
    let show = |t: Ty| {
        if unalias {
            display::unaliased_string(t, display::current_pkg())
        } else {
            text(t)
        }
    };
    let verb = if constraint { "satisfy" } else { "implement" };
    let fail = |detail: String| {
        let sep = if detail.is_empty() { "" } else { " " };
        Err(format!(
            "{} does not {verb} {}{sep}{detail}",
            show(v),
            show(t)
        ))
    };
    if !matches!(*tu, Type::Interface(_)) {
        return fail(match interface_pointer(tu) {
            Some(d) => d.replacen("(type ", &format!("(type {} ", show(t)), 1),
            None => format!("({} is not an interface)", show(t)),
        });
    }
    let set = type_set(t);
    if set.methods.is_empty() && set.terms.is_none() && !set.comparable {
        return Ok(());
    }
    let v_set = matches!(*vu, Type::Interface(_)).then(|| type_set(v));
    let is_empty = |s: &TypeSet| s.terms.as_ref().is_some_and(Vec::is_empty);
    if v_set.is_some_and(is_empty) {
        return Ok(());
    }
    if is_empty(set) {
        return Err(format!("cannot {verb} {} (empty type set)", show(t)));
    }
    if let Some(cause) = missing_method(v, t, static_) {
        return fail(cause);
    }
    let comparability = || {
        let needed = match &set.terms {
            None => set.comparable,
            Some(ts) => ts.iter().all(|x| strictly_comparable(x.ty)),
        };
        if !needed || comparable_type(v, false).is_ok() {
            return Ok(());
        }
        if constraint && !is_type_param(v) && comparable_type(v, true).is_ok() {
            return Ok(());
        }
        Err(format!("{} does not {verb} comparable", show(v)))
    };
    let Some(terms) = &set.terms else {
        return comparability();
    };
    if let Some(vs) = v_set {
        let subset = vs.terms.as_ref().is_some_and(|ts| terms_subset(ts, terms));
        return if subset {
            comparability()
        } else {
            fail(String::new())
        };
    }
    if !terms.iter().any(|x| term_includes(x, v)) {
        let near = terms.iter().find(|x| {
            !x.tilde
                && identical(x.ty, underlying(x.ty))
                && identical(underlying(x.ty), underlying(v))
        });
        return fail(match near {
            Some(x) => format!("(possibly missing ~ for {} in {})", text(x.ty), show(t)),
            // Excluded by the combination of several elements only.
            None if mentions_type(t, v) => format!(
                "({} mentions {v}, but {v} is not in the type set of {})",
                show(t),
                show(t),
                v = show(v)
            ),
            None => format!("({} missing in {})", show(v), terms_string(terms)),
        });
    }
    comparability()
}

/// Whether an element of an interface names the type.
fn mentions_type(iface: Ty, v: Ty) -> bool {
    let inside = match &*iface {
        Type::Interface(i) => i.embeds.borrow().iter().any(|e| mentions_type(e.0, v)),
        Type::Named(_) => {
            matches!(*underlying(iface), Type::Interface(_)) && mentions_type(underlying(iface), v)
        }
        Type::Union(terms) => terms.iter().any(|x| mentions_type(x.ty, v)),
        _ => false,
    };
    inside || identical(iface, v)
}

/// Terms as the compiler prints them: `~int | string`.
pub fn terms_string(terms: &[Term]) -> String {
    let one = |x: &Term| {
        let name = display::type_string(x.ty, None);
        format!("{}{name}", if x.tilde { "~" } else { "" })
    };
    terms.iter().map(one).collect::<Vec<_>>().join(" | ")
}

/// The complaint about a pointer to an interface or type parameter, with the type left out
/// after `(type `.
pub(super) fn interface_pointer(t: Ty) -> Option<String> {
    match *underlying(t) {
        Type::Pointer(e) if is_type_param(e) => {
            Some("(type is pointer to type parameter, not type parameter)".into())
        }
        Type::Pointer(e) if matches!(*underlying(e), Type::Interface(_)) => {
            Some("(type is pointer to interface, not interface)".into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::universe::{any_ty, basic, comparable_ty};
    use super::*;
    use crate::types::ty::Basic;

    fn float() -> Ty {
        basic(Basic::Float64)
    }
    fn no(r: Result<(), String>) -> String {
        r.expect_err("an error")
    }

    #[test]
    fn sets() {
        let stringer = named(
            "Stringer",
            iface(vec![method("String", func(&[], &[string()]))], &[]),
        );
        let num = named("Num", union(&[term(true, int()), term(true, float())]));
        let both = iface(vec![method("A", func(&[], &[]))], &[stringer, num]);
        let s = type_set(both);
        assert_eq!(
            s.methods
                .iter()
                .map(|m| m.name.as_str())
                .collect::<Vec<_>>(),
            ["A", "String"]
        );
        assert_eq!(terms_string(s.terms.as_ref().unwrap()), "~int | ~float64");
        let narrowed = iface(
            vec![],
            &[num, union(&[term(false, int()), term(true, string())])],
        );
        assert_eq!(
            terms_string(type_set(narrowed).terms.as_ref().unwrap()),
            "int"
        );
        let empty = iface(vec![], &[int(), string()]);
        assert!(type_set(empty).terms.as_ref().unwrap().is_empty());
        assert!(type_set(comparable_ty()).comparable);
        let c = iface(
            vec![],
            &[
                comparable_ty(),
                union(&[term(true, int()), term(true, slice(int()))]),
            ],
        );
        assert_eq!(terms_string(type_set(c).terms.as_ref().unwrap()), "~int");
        assert!(!type_set(c).comparable);
        let dup = union(&[term(true, int()), term(false, int())]);
        assert_eq!(terms_string(type_set(dup).terms.as_ref().unwrap()), "~int");
        assert!(
            type_set(union(&[term(false, int()), term(false, any_ty())]))
                .terms
                .is_none()
        );
        // Embedding itself (an error elsewhere) ends.
        let cyc = declare("Cyc", &[], |t| iface(vec![], &[t]));
        assert!(type_set(cyc).methods.is_empty());
    }

    #[test]
    fn duplicates() {
        let f = func(&[], &[]);
        let d = iface(vec![method("A", f), method("A", f)], &[]);
        assert_eq!(duplicate_methods(d).len(), 1);
        let other = iface(vec![method("A", func(&[], &[int()]))], &[]);
        assert_eq!(
            duplicate_methods(iface(vec![method("A", f)], &[other])).len(),
            1
        );
        let same = iface(vec![method("A", f)], &[]);
        assert!(duplicate_methods(iface(vec![method("A", f)], &[same])).is_empty());
    }

    #[test]
    fn satisfaction() {
        in_main();
        let num = named("Num", union(&[term(true, int()), term(true, float())]));
        let int_only = named("IntOnly", union(&[term(false, int())]));
        let my = named("MyInt", int());
        assert!(satisfies(my, num).is_ok());
        assert_eq!(
            no(satisfies(string(), num)),
            "string does not satisfy Num (string missing in ~int | ~float64)"
        );
        assert_eq!(
            no(satisfies(my, int_only)),
            "MyInt does not satisfy IntOnly (possibly missing ~ for int in IntOnly)"
        );
        assert_eq!(no(satisfies(any_ty(), num)), "any does not satisfy Num");
        assert_eq!(
            no(satisfies(tparam("T", 0, any_ty()), num)),
            "T does not satisfy Num"
        );
        assert!(satisfies(tparam("T", 0, int_only), num).is_ok());
        assert_eq!(
            no(satisfies(slice(int()), comparable_ty())),
            "[]int does not satisfy comparable"
        );
        assert!(satisfies(any_ty(), comparable_ty()).is_ok());
        assert_eq!(
            no(satisfies(tparam("T", 0, any_ty()), comparable_ty())),
            "T does not satisfy comparable"
        );
        let empty = named("CE", iface(vec![], &[int(), string()]));
        assert_eq!(
            no(satisfies(int(), empty)),
            "cannot satisfy CE (empty type set)"
        );
        let cm = iface(vec![method("M", func(&[], &[]))], &[comparable_ty()]);
        assert_eq!(
            no(satisfies(int(), cm)),
            "int does not satisfy interface{M(); comparable} (missing method M)"
        );
        assert_eq!(
            constraint_only(num),
            Some("interface contains type constraints")
        );
        assert_eq!(
            constraint_only(cm),
            Some("interface is (or embeds) comparable")
        );
        assert_eq!(constraint_only(any_ty()), None);
    }

    #[test]
    fn implementation() {
        in_main();
        let i = named(
            "I",
            iface(vec![method("M", func(&[int()], &[string()]))], &[]),
        );
        let v = named("V", strukt(vec![]));
        add_method(v, "M", false, func(&[string()], &[string()]));
        assert_eq!(
            no(implements(v, i, true)),
            "V does not implement I (wrong type for method M)\n\t\thave M(string) string\n\t\twant M(int) string"
        );
        let p = named("P", strukt(vec![]));
        add_method(p, "M", true, func(&[int()], &[string()]));
        assert_eq!(
            no(implements(p, i, true)),
            "P does not implement I (method M has pointer receiver)"
        );
        assert!(implements(ptr(p), i, true).is_ok());
        let l = named("L", strukt(vec![]));
        add_method(l, "m", false, func(&[int()], &[string()]));
        assert_eq!(
            no(implements(l, i, true)),
            "L does not implement I (missing method M)\n\t\thave m(int) string\n\t\twant M(int) string"
        );
        let f = named("F", strukt(vec![field("M", int())]));
        assert_eq!(
            no(implements(f, i, true)),
            "F does not implement I (F.M is a field, not a method)"
        );
        assert_eq!(
            no(implements(ptr(i), i, true)),
            "*I does not implement I (type *I is pointer to interface, not interface)"
        );
        assert_eq!(
            no(implements(ptr(p), ptr(i), true)),
            "*P does not implement *I (type *I is pointer to interface, not interface)"
        );
        let e1 = named("E1", strukt(vec![field("X", int())]));
        let e2 = named("E2", strukt(vec![field("X", int())]));
        let amb = named("Amb", strukt(vec![embed("E1", e1), embed("E2", e2)]));
        let ix = named("IX", iface(vec![method("X", func(&[], &[]))], &[]));
        assert_eq!(
            no(implements(amb, ix, true)),
            "Amb does not implement IX (ambiguous selector Amb.X)"
        );
        assert_eq!(
            no(implements(any_ty(), i, true)),
            "any does not implement I (missing method M)"
        );
        assert!(implements(any_ty(), i, false).is_ok());
        let mg = named("G", strukt(vec![]));
        let q = tparam("P", 0, any_ty());
        add_method(mg, "M", false, gen_func(&[q], &[q], &[q]));
        assert_eq!(
            no(implements(mg, i, true)),
            "G does not implement I (wrong type for method M)\n\t\thave M[P any](P) P\n\t\twant M(int) string"
        );
    }
}
