//! Substitution of type parameters and instantiation of generic types.
//!
//! Instances are canonical: one origin with identical arguments is one `Ty`. Their
//! underlying types are expanded when first asked for, so recursive generic types are
//! finite. A type declared inside a generic function counts as generic in the function's
//! type parameters that its declaration mentions; its instances carry them as arguments.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::predicates::{as_named, as_type_param, captured_type_params, identical, underlying};
use super::ty::{Field, IMethod, Named, Param, Signature, Term, Ty, Type, TypeParam, fresh_id};
use super::typeset::satisfies;
use super::universe::new_interface;
use super::world::world;

/// A substitution: type parameters with their replacements.
pub type Subst<'a> = &'a [(Ty, Ty)];

/// Type arguments nested deeper than this mean an instantiation cycle.
pub const MAX_INSTANCE_DEPTH: usize = 64;

/// Pairs parameters with arguments.
pub fn pairs(tparams: &[Ty], targs: &[Ty]) -> Vec<(Ty, Ty)> {
    tparams.iter().copied().zip(targs.iter().copied()).collect()
}

/// Replaces type parameters. Returns the same `Ty` when nothing changes.
pub fn subst(t: Ty, map: Subst) -> Ty {
    if map.is_empty() {
        return t;
    }
    apply(t, map).unwrap_or(t)
}

/// The substituted type, or None when nothing changes.
fn apply(t: Ty, map: Subst) -> Option<Ty> {
    let make = |t: Type| Some(Ty::new(t));
    match &*t {
        Type::Basic(..) => None,
        Type::TypeParam(_) => map.iter().find(|(p, _)| *p == t).map(|&(_, a)| a),
        Type::Named(n) => {
            if let Some(origin) = n.origin {
                return apply_all(&n.targs, map).map(|args| instantiate(origin, args));
            }
            let captured = captured_type_params(t);
            apply_all(&captured, map).map(|args| instantiate(t, args))
        }
        Type::Pointer(e) => make(Type::Pointer(apply(*e, map)?)),
        Type::Slice(e) => make(Type::Slice(apply(*e, map)?)),
        Type::Array(e, n) => make(Type::Array(apply(*e, map)?, *n)),
        Type::Chan(d, e) => make(Type::Chan(*d, apply(*e, map)?)),
        Type::Map(k, v) => match (apply(*k, map), apply(*v, map)) {
            (None, None) => None,
            (a, b) => make(Type::Map(a.unwrap_or(*k), b.unwrap_or(*v))),
        },
        Type::Struct(fields) => {
            let tys: Vec<Ty> = fields.iter().map(|f| f.ty).collect();
            let tys = apply_all(&tys, map)?;
            let fields = fields
                .iter()
                .zip(tys)
                .map(|(f, ty)| Field { ty, ..f.clone() });
            make(Type::Struct(fields.collect()))
        }
        Type::Signature(s) => apply_signature(s, map).map(|s| Ty::new(Type::Signature(s))),
        Type::Interface(i) => {
            let (methods, embeds) = (i.methods.borrow(), i.embeds.borrow());
            let sigs: Vec<Ty> = methods.iter().map(|m| m.sig).collect();
            let embedded: Vec<Ty> = embeds.iter().map(|e| e.0).collect();
            let (new_sigs, new_embeds) = (apply_all(&sigs, map), apply_all(&embedded, map));
            if new_sigs.is_none() && new_embeds.is_none() {
                return None;
            }
            let methods = methods.iter().zip(new_sigs.unwrap_or(sigs));
            let methods = methods.map(|(m, sig)| IMethod { sig, ..m.clone() });
            let embeds = embeds.iter().zip(new_embeds.unwrap_or(embedded));
            let embeds = embeds.map(|(e, t)| (t, e.1));
            Some(new_interface(
                methods.collect(),
                embeds.collect(),
                i.implicit,
            ))
        }
        Type::Union(terms) => {
            let tys: Vec<Ty> = terms.iter().map(|x| x.ty).collect();
            let tys = apply_all(&tys, map)?;
            let terms = terms
                .iter()
                .zip(tys)
                .map(|(x, ty)| Term { tilde: x.tilde, ty });
            make(Type::Union(terms.collect()))
        }
        Type::Tuple(ts) => make(Type::Tuple(apply_all(ts, map)?)),
    }
}

fn apply_all(ts: &[Ty], map: Subst) -> Option<Vec<Ty>> {
    let mut out: Option<Vec<Ty>> = None;
    for (i, t) in ts.iter().enumerate() {
        if let Some(n) = apply(*t, map) {
            out.get_or_insert_with(|| ts.to_vec())[i] = n;
        }
    }
    out
}

fn apply_params(ps: &[Param], map: Subst) -> Option<Vec<Param>> {
    let tys: Vec<Ty> = ps.iter().map(|p| p.ty).collect();
    let tys = apply_all(&tys, map)?;
    let params = ps.iter().zip(tys);
    Some(params.map(|(p, ty)| Param { name: p.name, ty }).collect())
}

fn apply_signature(s: &Signature, map: Subst) -> Option<Signature> {
    // A generic method whose own constraints mention a replaced parameter gets new
    // parameters with the replaced constraints.
    let mut map = map.to_vec();
    let bounds: Vec<Ty> = s
        .tparams
        .iter()
        .filter_map(|p| as_type_param(*p).and_then(|p| p.bound.get()))
        .collect();
    let mut tparams = s.tparams.clone();
    let mut changed = false;
    if bounds.len() == tparams.len() && apply_all(&bounds, &map).is_some() {
        changed = true;
        tparams = clone_type_params(&s.tparams);
        map.extend(pairs(&s.tparams, &tparams));
        for (new, bound) in tparams.iter().zip(&bounds) {
            if let Some(p) = as_type_param(*new) {
                p.bound.set(Some(subst(*bound, &map)));
            }
        }
    }
    let (params, results) = (
        apply_params(&s.params, &map),
        apply_params(&s.results, &map),
    );
    let recv = s.recv.and_then(|r| apply(r, &map));
    if !changed && params.is_none() && results.is_none() && recv.is_none() {
        return None;
    }
    Some(Signature {
        tparams,
        params: params.unwrap_or_else(|| s.params.clone()),
        results: results.unwrap_or_else(|| s.results.clone()),
        variadic: s.variadic,
        recv: recv.or(s.recv),
        recv_tparams: s.recv_tparams.clone(),
    })
}

/// Fresh type parameters with the same names, positions and constraints (unchanged, so
/// they still mention the old ones).
pub fn clone_type_params(tparams: &[Ty]) -> Vec<Ty> {
    let one = |t: &Ty| match as_type_param(*t) {
        Some(p) => Ty::new(Type::TypeParam(TypeParam {
            obj: p.obj,
            index: p.index,
            bound: Cell::new(p.bound.get()),
            id: fresh_id(),
        })),
        None => *t,
    };
    tparams.iter().map(one).collect()
}

/// New type parameters in place of a generic signature's, constraints and all, and the
/// signature in terms of them. Keeps the parameters of a recursive call apart.
pub fn rename_signature(sig: &Signature) -> (Vec<Ty>, Signature) {
    let fresh = clone_type_params(&sig.tparams);
    let map = pairs(&sig.tparams, &fresh);
    for p in fresh.iter().filter_map(|t| as_type_param(*t)) {
        p.bound.set(p.bound.get().map(|b| subst(b, &map)));
    }
    let inner = Signature {
        tparams: Vec::new(),
        ..sig.clone()
    };
    let mut renamed = apply_signature(&inner, &map).unwrap_or(inner);
    renamed.tparams = fresh.clone();
    (fresh, renamed)
}

/// The instance of a generic type; the same `Ty` for identical arguments.
pub fn instantiate(generic: Ty, targs: Vec<Ty>) -> Ty {
    let Some(g) = as_named(generic) else {
        return generic;
    };
    let mut h = DefaultHasher::new();
    targs.iter().for_each(|t| hash_type(*t, &mut h));
    let key = (generic, h.finish());
    let known = world()
        .instances
        .borrow()
        .get(&key)
        .cloned()
        .unwrap_or_default();
    for k in &known {
        let same = as_named(*k).is_some_and(|n| {
            n.targs.len() == targs.len()
                && n.targs.iter().zip(&targs).all(|(a, b)| identical(*a, *b))
        });
        if same {
            return *k;
        }
    }
    let ty = Ty::new(Type::Named(Named {
        obj: g.obj,
        origin: Some(generic),
        targs,
        tparams: RefCell::new(Vec::new()),
        underlying: Cell::new(None),
        methods: RefCell::new(Vec::new()),
    }));
    world()
        .instances
        .borrow_mut()
        .entry(key)
        .or_default()
        .push(ty);
    ty
}

/// A hash that identical types share.
fn hash_type(t: Ty, h: &mut DefaultHasher) {
    std::mem::discriminant(&*t).hash(h);
    match &*t {
        Type::Basic(b, _) => b.hash(h),
        Type::Named(n) => {
            n.origin.unwrap_or(t).hash(h);
            n.targs.iter().for_each(|a| hash_type(*a, h));
        }
        Type::Pointer(e) | Type::Slice(e) | Type::Chan(_, e) | Type::Array(e, _) => {
            hash_type(*e, h);
        }
        Type::Map(k, v) => {
            hash_type(*k, h);
            hash_type(*v, h);
        }
        Type::Struct(fs) => fs.iter().for_each(|f| {
            f.name.hash(h);
            hash_type(f.ty, h);
        }),
        Type::Signature(s) => {
            (s.params.len(), s.results.len(), s.variadic).hash(h);
            if s.tparams.is_empty() {
                let all = s.params.iter().chain(&s.results);
                all.for_each(|p| hash_type(p.ty, h));
            }
        }
        Type::TypeParam(_) => t.hash(h),
        Type::Tuple(ts) => ts.iter().for_each(|x| hash_type(*x, h)),
        Type::Interface(_) | Type::Union(_) => {}
    }
}

/// The underlying type of an instance: its origin's with the arguments put in. None while
/// the origin is unresolved.
pub(super) fn expand(_t: Ty, n: &Named, origin: Ty) -> Option<Ty> {
    let o = as_named(origin)?;
    o.underlying
        .get()
        .or_else(|| o.origin.map(|_| underlying(origin)))?;
    let u = underlying(origin);
    Some(subst(u, &pairs(&type_params_of(origin), &n.targs)))
}

/// The parameters that the arguments of an instance of `origin` stand for: declared ones,
/// or for a type declared in a generic function those of the function it mentions.
pub fn type_params_of(origin: Ty) -> Vec<Ty> {
    let Some(n) = as_named(origin) else {
        return Vec::new();
    };
    let declared = n.tparams.borrow().clone();
    if declared.is_empty() {
        captured_type_params(origin)
    } else {
        declared
    }
}

/// How deeply type arguments nest in a type: 0 without instances, 1 for `List[int]`.
pub fn instance_depth(t: Ty) -> usize {
    let max = |ts: &mut dyn Iterator<Item = Ty>| ts.map(instance_depth).max().unwrap_or(0);
    match &*t {
        Type::Named(n) if n.targs.is_empty() => 0,
        Type::Named(n) => 1 + max(&mut n.targs.iter().copied()),
        Type::Pointer(e) | Type::Slice(e) | Type::Array(e, _) | Type::Chan(_, e) => {
            instance_depth(*e)
        }
        Type::Map(k, v) => instance_depth(*k).max(instance_depth(*v)),
        Type::Struct(fs) => max(&mut fs.iter().map(|f| f.ty)),
        Type::Signature(s) => max(&mut s.params.iter().chain(&s.results).map(|p| p.ty)),
        Type::Tuple(ts) => max(&mut ts.iter().copied()),
        Type::Interface(i) => {
            let sigs = max(&mut i.methods.borrow().iter().map(|m| m.sig));
            sigs.max(max(&mut i.embeds.borrow().iter().map(|e| e.0)))
        }
        Type::Union(ts) => max(&mut ts.iter().map(|x| x.ty)),
        Type::Basic(..) | Type::TypeParam(_) => 0,
    }
}

/// A generic function's signature with its type arguments put in (and no type parameters).
pub fn instantiate_signature(sig: &Signature, targs: &[Ty]) -> Ty {
    let inner = Signature {
        tparams: Vec::new(),
        ..sig.clone()
    };
    let map = pairs(&sig.tparams, targs);
    let done = apply_signature(&inner, &map).unwrap_or(inner);
    Ty::new(Type::Signature(done))
}

/// Checks type arguments against their parameters' constraints. The error names the first
/// failing argument and carries the compiler's sentence (`T does not satisfy ...`).
pub fn verify_instance(tparams: &[Ty], targs: &[Ty]) -> Result<(), (usize, String)> {
    let map = pairs(tparams, targs);
    for (i, (p, a)) in tparams.iter().zip(targs).enumerate() {
        let Some(bound) = as_type_param(*p).and_then(|p| p.bound.get()) else {
            continue;
        };
        satisfies(*a, subst(bound, &map)).map_err(|e| (i, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::display::type_string;
    use super::super::predicates::{as_struct, contains_type_param};
    use super::super::testing::*;
    use super::super::ty::Basic;
    use super::super::universe::{any_ty, basic, comparable_ty};
    use super::*;

    #[test]
    fn substitution_shares_what_it_can() {
        let (t, u) = (tparam("T", 0, any_ty()), tparam("U", 1, any_ty()));
        let s = map(string(), slice(int()));
        assert_eq!(subst(s, &[(t, int())]), s);
        let f = func(&[slice(t), map(string(), u)], &[t]);
        let g = subst(f, &[(t, int()), (u, string())]);
        assert_eq!(type_string(g, None), "func([]int, map[string]string) int");
        let i = iface(vec![method("M", func(&[t], &[]))], &[]);
        let j = subst(i, &[(t, int())]);
        assert_eq!(type_string(j, None), "interface{M(int)}");
        assert!(contains_type_param(i) && !contains_type_param(j));
    }

    #[test]
    fn instances_are_canonical_and_lazy() {
        let t = tparam("T", 0, any_ty());
        let list = declare("List", &[t], |l| {
            strukt(vec![field("next", ptr(inst(l, &[t]))), field("x", t)])
        });
        let a = inst(list, &[slice(int())]);
        assert_eq!(a, inst(list, &[slice(int())]));
        assert_ne!(a, inst(list, &[slice(string())]));
        let f = as_struct(a).unwrap();
        assert!(matches!(*f[0].ty, Type::Pointer(e) if e == a));
        assert!(identical(f[1].ty, slice(int())));
        // Growing without end, but only as far as someone looks.
        let grow = declare("Grow", &[t], |g| {
            strukt(vec![field("f", ptr(inst(g, &[slice(t)])))])
        });
        let mut x = inst(grow, &[int()]);
        for _ in 0..5 {
            let Type::Pointer(e) = *as_struct(x).unwrap()[0].ty else {
                panic!()
            };
            x = e;
        }
        assert_eq!(type_string(x, Some(main_pkg())), "Grow[[][][][][]int]");
        assert_eq!(instance_depth(inst(list, &[inst(list, &[int()])])), 2);
        assert_eq!(instance_depth(int()), 0);
    }

    #[test]
    fn endless_growth_ends() {
        use super::super::lookup::{Lookup, lookup, method_set};
        let t = tparam("T", 0, any_ty());
        let embeds = declare("G", &[t], |g| {
            strukt(vec![embed("G", ptr(inst(g, &[slice(t)])))])
        });
        let nested = declare("H", &[t], |h| {
            strukt(vec![embed("H", inst(h, &[inst(h, &[t])]))])
        });
        let iface_grow = declare("I", &[t], |i| iface(vec![], &[inst(i, &[inst(i, &[t])])]));
        for g in [nested, iface_grow] {
            let x = inst(g, &[int()]);
            assert!(matches!(lookup(x, false, None, n("X")), Lookup::NotFound));
            assert!(method_set(x).is_empty());
            assert!(super::super::predicates::comparable_type(x, true).is_ok());
        }
        assert!(!contains_type_param(inst(embeds, &[int()])));
    }

    #[test]
    fn unresolved_origins_stay_invalid() {
        let t = tparam("T", 0, any_ty());
        let g = declare("G", &[t], |g| {
            let early = inst(g, &[int()]);
            assert!(super::super::predicates::is_invalid(underlying(early)));
            slice(t)
        });
        assert!(identical(underlying(inst(g, &[int()])), slice(int())));
    }

    #[test]
    fn signatures_and_constraints() {
        let k = tparam("K", 0, comparable_ty());
        let v = tparam("V", 1, any_ty());
        let f = gen_func(&[k, v], &[map(k, v)], &[slice(v)]);
        let Type::Signature(s) = &*f else { panic!() };
        let got = instantiate_signature(s, &[string(), int()]);
        assert_eq!(type_string(got, None), "func(map[string]int) []int");
        assert!(verify_instance(&[k, v], &[string(), int()]).is_ok());
        let (i, e) = verify_instance(&[k, v], &[slice(int()), int()]).unwrap_err();
        assert_eq!((i, e.as_str()), (0, "[]int does not satisfy comparable"));
        // A generic method keeps its own parameter, with the receiver's put in.
        let e = tparam("E", 0, any_ty());
        let s = tparam("S", 0, union(&[term(true, slice(e))]));
        let m = gen_func(&[s], &[s, e], &[]);
        let got = subst(m, &[(e, basic(Basic::Int))]);
        assert_eq!(type_string(got, None), "func[S ~[]int](S, int)");
        let (fresh, renamed) = rename_signature(s_of(m));
        assert_ne!(fresh[0], s);
        assert_eq!(renamed.params[0].ty, fresh[0]);
    }
    fn s_of(t: Ty) -> &'static Signature {
        match t.0 {
            Type::Signature(s) => s,
            _ => panic!(),
        }
    }
}
