//! Questions about types: their kinds, comparability, what they mention.

pub use super::identity::{identical, identical_ignore_tags, same_id};

use super::display::text;
use super::subst;
use super::ty::{Basic, Field, Named, Signature, Ty, Type, TypeParam};
use super::typeset::type_set;
use super::universe::{basic, byte_ty, invalid};
use crate::syntax::ast::ChanDir;

/// The underlying type: of a defined type what it was declared as (instances are expanded on
/// demand; Invalid while unresolved), of a type parameter its constraint interface, else the
/// type itself.
pub fn underlying(t: Ty) -> Ty {
    match &*t {
        Type::Named(n) => named_underlying(t, n),
        Type::TypeParam(p) => constraint(p),
        _ => t,
    }
}

fn named_underlying(t: Ty, n: &Named) -> Ty {
    if let Some(u) = n.underlying.get() {
        return u;
    }
    match n.origin.and_then(|o| subst::expand(t, n, o)) {
        Some(u) => {
            n.underlying.set(Some(u));
            u
        }
        None => invalid(),
    }
}

/// The interface a type parameter is constrained by (an empty one while unresolved).
pub fn constraint(p: &TypeParam) -> Ty {
    match p.bound.get() {
        Some(b) => match &*b {
            Type::Named(_) => underlying(b),
            _ => b,
        },
        None => super::universe::any_ty(),
    }
}

/// The type parameter behind `t`, if it is one.
pub fn as_type_param(t: Ty) -> Option<&'static TypeParam> {
    match t.0 {
        Type::TypeParam(p) => Some(p),
        _ => None,
    }
}
/// The defined type behind `t`, if it is one.
pub fn as_named(t: Ty) -> Option<&'static Named> {
    match t.0 {
        Type::Named(n) => Some(n),
        _ => None,
    }
}
/// The signature that underlies `t`, if it is a function type.
pub fn as_signature(t: Ty) -> Option<&'static Signature> {
    match underlying(t).0 {
        Type::Signature(s) => Some(s),
        _ => None,
    }
}
/// The fields of the struct that underlies `t`, if it is one.
pub fn as_struct(t: Ty) -> Option<&'static [Field]> {
    match underlying(t).0 {
        Type::Struct(f) => Some(f),
        _ => None,
    }
}

/// Whether the type has a name: predeclared, defined, or a type parameter.
pub fn is_named(t: Ty) -> bool {
    matches!(*t, Type::Basic(..) | Type::Named(_) | Type::TypeParam(_))
}
/// Whether `t` is a type parameter.
pub fn is_type_param(t: Ty) -> bool {
    matches!(*t, Type::TypeParam(_))
}
/// Whether `t` is an interface type (not a type parameter).
pub fn is_interface(t: Ty) -> bool {
    !is_type_param(t) && matches!(*underlying(t), Type::Interface(_))
}
/// Whether `t` is the type of an erroneous expression.
pub fn is_invalid(t: Ty) -> bool {
    matches!(*t, Type::Basic(Basic::Invalid, _))
}
/// The basic kind that underlies `t` (None for type parameters and composite types).
pub fn basic_kind(t: Ty) -> Option<Basic> {
    match *underlying(t) {
        Type::Basic(b, _) => Some(b),
        _ => None,
    }
}

/// Classes of basic kinds.
mod class {
    use super::Basic::{self, *};
    pub fn boolean(b: Basic) -> bool {
        matches!(b, Bool | UntypedBool)
    }
    pub fn integer(b: Basic) -> bool {
        (Int..=Uintptr).contains(&b) || matches!(b, UntypedInt | UntypedRune)
    }
    pub fn unsigned(b: Basic) -> bool {
        (Uint..=Uintptr).contains(&b)
    }
    pub fn float(b: Basic) -> bool {
        matches!(b, Float32 | Float64 | UntypedFloat)
    }
    pub fn complex(b: Basic) -> bool {
        matches!(b, Complex64 | Complex128 | UntypedComplex)
    }
    pub fn numeric(b: Basic) -> bool {
        integer(b) || float(b) || complex(b)
    }
    pub fn string(b: Basic) -> bool {
        matches!(b, String | UntypedString)
    }
    pub fn ordered(b: Basic) -> bool {
        integer(b) || float(b) || string(b)
    }
    pub fn constant(b: Basic) -> bool {
        boolean(b) || numeric(b) || string(b)
    }
    pub fn numeric_or_string(b: Basic) -> bool {
        numeric(b) || string(b)
    }
}

macro_rules! kind_predicates { ($($(#[$m:meta])* $is:ident $all:ident $class:ident;)*) => { $(
    $(#[$m])*
    pub fn $is(t: Ty) -> bool {
        basic_kind(t).is_some_and(class::$class)
    }
    /// The same, true of a type parameter if it holds for every type of its type set.
    pub fn $all(t: Ty) -> bool {
        all(t, &$is)
    }
)* } }
kind_predicates! {
    /// Whether the underlying type is boolean (false for type parameters, as below).
    is_boolean all_boolean boolean;
    /// Whether the underlying type is an integer type.
    is_integer all_integer integer;
    /// Whether the underlying type is an unsigned integer type.
    is_unsigned all_unsigned unsigned;
    /// Whether the underlying type is a floating-point type.
    is_float all_float float;
    /// Whether the underlying type is a complex type.
    is_complex all_complex complex;
    /// Whether the underlying type is numeric.
    is_numeric all_numeric numeric;
    /// Whether the underlying type is a string type.
    is_string all_string string;
    /// Whether values can be ordered with `<`.
    is_ordered all_ordered ordered;
    /// Whether there are constants of the type.
    is_const_type all_const_type constant;
    /// Numeric or string: what `+` works on.
    is_numeric_or_string all_numeric_or_string numeric_or_string;
}

/// Whether `f` holds for `t`, or for a type parameter, for all types of its (restricted)
/// type set.
pub fn all(t: Ty, f: &dyn Fn(Ty) -> bool) -> bool {
    match as_type_param(t) {
        None => f(t),
        Some(_) => match &type_set(t).terms {
            Some(terms) => !terms.is_empty() && terms.iter().all(|x| f(x.ty)),
            None => false,
        },
    }
}

/// The types of a type parameter's type set (None: not restricted); of other types the type
/// itself.
pub fn type_set_types(t: Ty) -> Option<Vec<Ty>> {
    match as_type_param(t) {
        None => Some(vec![t]),
        Some(_) => type_set(t)
            .terms
            .as_ref()
            .map(|ts| ts.iter().map(|x| x.ty).collect()),
    }
}

/// Whether the type is one of the untyped ones.
pub fn is_untyped(t: Ty) -> bool {
    matches!(*t, Type::Basic(b, _) if b >= Basic::UntypedBool)
}
/// Whether the type is not untyped.
pub fn is_typed(t: Ty) -> bool {
    !is_untyped(t)
}
/// Whether the type is an untyped numeric one.
pub fn is_untyped_numeric(t: Ty) -> bool {
    is_untyped(t) && is_numeric(t)
}

/// Whether `t` is a generic type that has not been instantiated.
pub fn is_generic(t: Ty) -> bool {
    match &*t {
        Type::Named(n) => n.origin.is_none() && !n.tparams.borrow().is_empty(),
        _ => false,
    }
}

/// The type a pointer (not a defined pointer type) points to and true, else `t` and false.
pub fn deref(t: Ty) -> (Ty, bool) {
    match *t {
        Type::Pointer(e) => (e, true),
        _ => (t, false),
    }
}

/// The type an untyped value takes without other context; other types as they are.
pub fn default_type(t: Ty) -> Ty {
    match *t {
        Type::Basic(b, _) => match b {
            Basic::UntypedBool => basic(Basic::Bool),
            Basic::UntypedInt => basic(Basic::Int),
            Basic::UntypedRune => super::universe::rune_ty(),
            Basic::UntypedFloat => basic(Basic::Float64),
            Basic::UntypedComplex => basic(Basic::Complex128),
            Basic::UntypedString => basic(Basic::String),
            _ => t,
        },
        _ => t,
    }
}

/// Whether `nil` is a value of the type (for a type parameter: of all its types).
pub fn has_nil(t: Ty) -> bool {
    if is_type_param(t) {
        return all(t, &has_nil);
    }
    match *underlying(t) {
        Type::Basic(b, _) => matches!(b, Basic::UnsafePointer | Basic::UntypedNil),
        Type::Pointer(_)
        | Type::Slice(_)
        | Type::Map(..)
        | Type::Chan(..)
        | Type::Signature(_)
        | Type::Interface(_) => true,
        _ => false,
    }
}

/// The single underlying type of all types in a type parameter's type set (channels may
/// differ in direction where compatible); of other types the underlying type.
pub fn core_type(t: Ty) -> Option<Ty> {
    if !is_type_param(t) {
        return Some(underlying(t));
    }
    let mut core: Option<Ty> = None;
    for x in type_set_types(t)? {
        let u = underlying(x);
        core = Some(match core {
            None => u,
            Some(c) => match_channels(c, u)?,
        });
    }
    core
}

/// One of two identical types; of two channel types equal but for direction, the restricted
/// one.
fn match_channels(a: Ty, b: Ty) -> Option<Ty> {
    if identical(a, b) {
        return Some(a);
    }
    match (&*a, &*b) {
        (Type::Chan(d, x), Type::Chan(e, y)) if identical(*x, *y) => match (d, e) {
            (ChanDir::Both, _) => Some(b),
            (_, ChanDir::Both) => Some(a),
            _ => None,
        },
        _ => None,
    }
}

/// Like [`core_type`], but a type set mixing byte slices and strings has the core type
/// `string` (for append, copy, range, slicing and indexing).
pub fn core_string(t: Ty) -> Option<Ty> {
    if !is_type_param(t) {
        return Some(underlying(t));
    }
    let types = type_set_types(t)?;
    let mut strings = false;
    let mut core: Option<Ty> = None;
    for x in types {
        let mut u = underlying(x);
        if is_string(u) {
            strings = true;
            u = bytes_ty();
        }
        core = Some(match core {
            None => u,
            Some(c) => match_channels(c, u)?,
        });
    }
    if strings {
        core.map(|_| basic(Basic::String))
    } else {
        core
    }
}

thread_local! { static BYTES: Ty = Ty::new(Type::Slice(byte_ty())); }
/// `[]byte`.
pub fn bytes_ty() -> Ty {
    BYTES.with(|t| *t)
}

/// Whether a type is `[]byte` or `[]rune`-like: a slice whose element kind is `b`.
pub fn is_slice_of(t: Ty, b: Basic) -> bool {
    match *underlying(t) {
        Type::Slice(e) => basic_kind(e) == Some(b) && !is_type_param(e),
        _ => false,
    }
}

/// Whether values of the type can be compared with `==`. With `dynamic`, interfaces count as
/// comparable (comparing may panic). The error is the compiler's explanation, empty when the
/// type's kind says it all; for slices, maps and functions see [`only_nil`].
pub fn comparable_type(t: Ty, dynamic: bool) -> Result<(), String> {
    comparable_inner(t, dynamic, &mut Vec::new())
}

/// `slice`, `map` or `func` for types that compare with nil only.
pub fn only_nil(t: Ty) -> Option<&'static str> {
    match *underlying(t) {
        Type::Slice(_) => Some("slice"),
        Type::Map(..) => Some("map"),
        Type::Signature(_) => Some("func"),
        _ => None,
    }
}

fn comparable_inner(t: Ty, dynamic: bool, seen: &mut Vec<Ty>) -> Result<(), String> {
    // Endlessly growing instances are reported elsewhere.
    if seen.contains(&t) || subst::instance_depth(t) > subst::MAX_INSTANCE_DEPTH {
        return Ok(());
    }
    seen.push(t);
    if is_type_param(t) {
        return if type_set_comparable(t, seen) {
            Ok(())
        } else {
            Err(incomparable_set(t).into())
        };
    }
    match &*underlying(t) {
        Type::Basic(b, _) if *b != Basic::UntypedNil => Ok(()),
        Type::Pointer(_) | Type::Chan(..) => Ok(()),
        Type::Interface(_) => {
            if dynamic || type_set_comparable(t, seen) {
                Ok(())
            } else {
                Err(String::new())
            }
        }
        Type::Struct(fields) => {
            for f in fields {
                if comparable_inner(f.ty, dynamic, seen).is_err() {
                    return Err(format!(
                        "struct containing {} cannot be compared",
                        text(f.ty)
                    ));
                }
            }
            Ok(())
        }
        Type::Array(e, _) => match comparable_inner(*e, dynamic, seen) {
            Ok(()) => Ok(()),
            Err(_) => Err(format!("{} cannot be compared", text(t))),
        },
        _ => Err(String::new()),
    }
}

/// Whether all types of an interface's or type parameter's type set are strictly comparable.
fn type_set_comparable(t: Ty, seen: &mut Vec<Ty>) -> bool {
    let set = type_set(t);
    match &set.terms {
        None => set.comparable,
        Some(terms) => {
            !terms.is_empty()
                && terms
                    .iter()
                    .all(|x| comparable_inner(x.ty, false, seen).is_ok())
        }
    }
}

/// The underlying type that all types of a type set share (channels may differ in
/// direction: the restricted one counts), or why there is none. `check` may refuse a type
/// of the set; it sees None when there are no specific types.
pub fn common_underlying(
    t: Ty,
    check: &dyn Fn(Ty, Option<Ty>) -> Result<(), String>,
) -> Result<Ty, String> {
    if !is_type_param(t) {
        let u = underlying(t);
        return check(t, Some(u)).map(|()| u);
    }
    let terms = match &type_set(t).terms {
        Some(ts) if !ts.is_empty() => ts,
        _ => {
            check(t, None)?;
            return Err("no specific type".into());
        }
    };
    let mut common: Option<(Ty, Ty)> = None;
    for x in terms {
        let u = underlying(x.ty);
        check(x.ty, Some(u))?;
        let Some((ct, cu)) = common else {
            common = Some((x.ty, u));
            continue;
        };
        if let (Type::Chan(d, a), Type::Chan(e, b)) = (&*cu, &*u) {
            let (s, t) = (text(ct), text(x.ty));
            if !identical(*a, *b) {
                return Err(format!("channels {s} and {t} have different element types"));
            }
            if *d == ChanDir::Both {
                common = Some((x.ty, u));
            } else if d != e && *e != ChanDir::Both {
                return Err(format!("channels {s} and {t} have conflicting directions"));
            }
            continue;
        }
        if !identical(cu, u) {
            return Err(format!(
                "{} and {} have different underlying types",
                text(ct),
                text(x.ty)
            ));
        }
    }
    common.map(|c| c.1).ok_or_else(String::new)
}

/// The element type of a channel that `x` is to be received from (or sent to).
pub fn channel_elem(x: Ty, recv: bool) -> Result<Ty, String> {
    let check = |t: Ty, u: Option<Ty>| match u.map(|u| u.0) {
        None => Err("no specific channel type".to_string()),
        Some(Type::Chan(ChanDir::Send, _)) if recv => Err(format!("send-only channel {}", text(t))),
        Some(Type::Chan(ChanDir::Recv, _)) if !recv => {
            Err(format!("receive-only channel {}", text(t)))
        }
        Some(Type::Chan(..)) => Ok(()),
        Some(_) => Err(format!("non-channel {}", text(t))),
    };
    match common_underlying(x, &check)?.0 {
        Type::Chan(_, e) => Ok(*e),
        _ => Err(String::new()),
    }
}

/// Why values of a type parameter cannot be compared.
pub fn incomparable_set(t: Ty) -> &'static str {
    match &type_set(t).terms {
        Some(ts) if ts.is_empty() => "empty type set",
        _ => "incomparable types in type set",
    }
}

/// Whether comparing values of the type can never panic.
pub fn strictly_comparable(t: Ty) -> bool {
    comparable_type(t, false).is_ok()
}

/// Whether the type mentions a type parameter (types declared inside a generic function
/// included, when their declaration does).
pub fn contains_type_param(t: Ty) -> bool {
    mentions(t, &|_| true)
}

/// Whether the type mentions a type parameter for which `f` holds.
pub fn mentions(t: Ty, f: &dyn Fn(Ty) -> bool) -> bool {
    let mut found = false;
    visit_type_params(t, &mut |p| {
        found |= f(p);
    });
    found
}

/// The type parameters of enclosing functions that the declaration of a local defined type
/// mentions, in order of appearance. Empty for package-level types.
pub fn captured_type_params(t: Ty) -> Vec<Ty> {
    let Some(n) = as_named(t) else {
        return Vec::new();
    };
    if n.origin.is_some() || n.obj.global.get() || n.obj.pkg.is_none() {
        return Vec::new();
    }
    let known = &super::world::world().captured;
    if let Some(c) = known.borrow().get(&n.obj).cloned() {
        return c;
    }
    let Some(u) = n.underlying.get() else {
        return Vec::new();
    };
    // Recursive mentions of the type itself add nothing.
    known.borrow_mut().insert(n.obj, Vec::new());
    let own = n.tparams.borrow().clone();
    let mut list = Vec::new();
    visit_type_params(u, &mut |p| {
        if !list.contains(&p) && !own.contains(&p) {
            list.push(p);
        }
    });
    known.borrow_mut().insert(n.obj, list.clone());
    list
}

fn visit_type_params(t: Ty, f: &mut dyn FnMut(Ty)) {
    match &*t {
        Type::Basic(..) => {}
        Type::TypeParam(_) => f(t),
        Type::Named(n) => {
            if n.targs.is_empty() {
                captured_type_params(t).into_iter().for_each(f);
            } else {
                n.targs.iter().for_each(|a| visit_type_params(*a, f));
            }
        }
        Type::Pointer(e) | Type::Slice(e) | Type::Array(e, _) | Type::Chan(_, e) => {
            visit_type_params(*e, f);
        }
        Type::Map(k, v) => {
            visit_type_params(*k, f);
            visit_type_params(*v, f);
        }
        Type::Struct(fs) => fs.iter().for_each(|x| visit_type_params(x.ty, f)),
        Type::Signature(s) => {
            let mut inner = |p: Ty| {
                if !s.tparams.contains(&p) {
                    f(p);
                }
            };
            for p in s.params.iter().chain(&s.results) {
                visit_type_params(p.ty, &mut inner);
            }
            for p in &s.tparams {
                if let Some(b) = as_type_param(*p).and_then(|p| p.bound.get()) {
                    visit_type_params(b, &mut inner);
                }
            }
        }
        Type::Interface(i) => {
            for m in i.methods.borrow().iter() {
                visit_type_params(m.sig, f);
            }
            for (e, _) in i.embeds.borrow().iter() {
                visit_type_params(*e, f);
            }
        }
        Type::Union(ts) => ts.iter().for_each(|x| visit_type_params(x.ty, f)),
        Type::Tuple(ts) => ts.iter().for_each(|x| visit_type_params(*x, f)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::universe::{any_ty, comparable_ty, error_ty};
    use super::*;

    #[test]
    fn kinds() {
        let my = named("MyInt", int());
        assert!(is_integer(my) && is_numeric(my) && !is_unsigned(my) && is_ordered(my));
        assert!(is_unsigned(basic(Basic::Uint8)) && is_float(basic(Basic::UntypedFloat)));
        assert!(!is_ordered(basic(Basic::Complex64)) && is_const_type(basic(Basic::Bool)));
        let num = tparam(
            "T",
            0,
            union(&[term(true, int()), term(true, basic(Basic::Float64))]),
        );
        assert!(!is_numeric(num) && all_numeric(num) && !all_integer(num));
        assert!(!all_numeric(tparam("T", 0, any_ty())));
        assert_eq!(
            default_type(basic(Basic::UntypedFloat)),
            basic(Basic::Float64)
        );
        assert!(has_nil(slice(int())) && has_nil(error_ty()) && !has_nil(int()));
        assert!(!has_nil(num));
        assert!(has_nil(tparam("T", 0, union(&[term(true, slice(int()))]))));
    }

    #[test]
    fn identity() {
        assert!(identical(slice(int()), slice(int())));
        assert!(!identical(slice(int()), slice(string())));
        assert!(identical(byte_ty(), basic(Basic::Uint8)));
        let a = named("T", int());
        assert!(!identical(a, named("T", int())));
        assert!(identical(func(&[a], &[]), func(&[a], &[])));
        assert!(!identical(chan(ChanDir::Both, a), chan(ChanDir::Send, a)));
        let mut f = field("X", int());
        f.tag = "t".into();
        let (s1, s2) = (strukt(vec![f]), strukt(vec![field("X", int())]));
        assert!(!identical(s1, s2) && identical_ignore_tags(s1, s2));
        let i1 = iface(
            vec![method("A", func(&[], &[])), method("B", func(&[], &[]))],
            &[],
        );
        let i2 = iface(
            vec![method("B", func(&[], &[]))],
            &[iface(vec![method("A", func(&[], &[]))], &[])],
        );
        assert!(identical(i1, i2));
        assert!(!identical(i1, any_ty()));
        let (p, q) = (tparam("P", 0, any_ty()), tparam("Q", 0, any_ty()));
        assert!(identical(
            gen_func(&[p], &[p], &[]),
            gen_func(&[q], &[q], &[])
        ));
        assert!(!identical(
            gen_func(&[p], &[p], &[]),
            gen_func(&[q], &[int()], &[])
        ));
        let c = tparam("C", 0, comparable_ty());
        assert!(!identical(
            gen_func(&[p], &[p], &[]),
            gen_func(&[c], &[c], &[])
        ));
        // Interfaces that mention themselves.
        let r1 = declare("R", &[], |t| iface(vec![method("M", func(&[t], &[]))], &[]));
        assert!(identical(r1, r1));
    }

    #[test]
    fn comparability() {
        in_main();
        let e = |t| comparable_type(t, true).unwrap_err();
        assert_eq!(
            e(strukt(vec![field("a", int()), field("b", slice(int()))])),
            "struct containing []int cannot be compared"
        );
        assert_eq!(e(array(slice(int()), 2)), "[2][]int cannot be compared");
        assert_eq!(e(slice(int())), "");
        assert_eq!(only_nil(func(&[], &[])), Some("func"));
        assert!(comparable_type(any_ty(), true).is_ok() && !strictly_comparable(any_ty()));
        let t = tparam("T", 0, any_ty());
        assert_eq!(
            comparable_type(t, true).unwrap_err(),
            "incomparable types in type set"
        );
        assert!(strictly_comparable(tparam("T", 0, comparable_ty())));
        let rec = declare("N", &[], |t| strukt(vec![field("next", ptr(t))]));
        assert!(strictly_comparable(rec));
    }

    #[test]
    fn core_types() {
        let (ints, named_ints) = (slice(int()), named("Ints", slice(int())));
        let t = tparam("T", 0, union(&[term(false, ints), term(false, named_ints)]));
        assert!(identical(core_type(t).unwrap(), ints));
        let bytes = slice(byte_ty());
        let bs = tparam("T", 0, union(&[term(true, bytes), term(true, string())]));
        assert!(core_type(bs).is_none());
        assert_eq!(core_string(bs), Some(string()));
        let both = chan(ChanDir::Both, int());
        let recv = chan(ChanDir::Recv, int());
        let c = tparam("C", 0, union(&[term(false, both), term(false, recv)]));
        assert!(identical(core_type(c).unwrap(), recv));
        assert!(core_type(tparam("T", 0, any_ty())).is_none());
    }

    #[test]
    fn local_types_capture_parameters() {
        let t = tparam("T", 0, any_ty());
        let local = named("L", strukt(vec![field("x", slice(t))]));
        as_named(local).unwrap().obj.global.set(false);
        assert_eq!(captured_type_params(local), vec![t]);
        assert!(contains_type_param(ptr(local)));
        let li = super::super::subst::subst(local, &[(t, int())]);
        assert!(!contains_type_param(li));
        assert_eq!(li, super::super::subst::subst(local, &[(t, int())]));
        assert_ne!(li, super::super::subst::subst(local, &[(t, string())]));
        let fields = as_struct(li).unwrap();
        assert!(identical(fields[0].ty, slice(int())));
    }
}
