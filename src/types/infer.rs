//! Type argument inference for calls of generic functions and for generic function values.

use super::convert::max_untyped;
use super::display::text;
use super::lookup::missing_method_with;
use super::predicates::{
    as_signature, as_type_param, basic_kind, constraint, default_type, is_invalid, is_type_param,
    is_untyped, mentions, underlying,
};
use super::subst::{pairs, rename_signature, subst};
use super::ty::{Basic, Signature, Ty, Type};
use super::unify::{Mode, Unifier, core_term};
use super::universe::basic;

/// An argument of a call.
#[derive(Clone, Debug)]
pub struct ArgType {
    /// Its type: untyped kinds for untyped values (untyped nil for nil); a signature that
    /// still has type parameters for a generic function value.
    pub ty: Ty,
    /// For a generic function value: the type arguments already given (`f[int]`).
    pub given: Vec<Ty>,
}

impl ArgType {
    /// An argument that is not a partially instantiated function.
    pub fn new(ty: Ty) -> ArgType {
        ArgType {
            ty,
            given: Vec::new(),
        }
    }
}

/// The outcome of a successful inference. Constraints are not yet verified (see
/// `subst::verify_instance`).
#[derive(Clone, Debug, Default)]
pub struct Inferred {
    /// Type arguments of the called function.
    pub targs: Vec<Ty>,
    /// Per argument: the type arguments of a generic function value.
    pub arg_targs: Vec<Option<Vec<Ty>>>,
}

/// Why inference failed. All texts go after `in call to f, `.
#[derive(Clone, Debug)]
pub enum InferError {
    /// `cannot infer T (declared at POS)`: a type parameter of the function, or of a generic
    /// function argument (then `which` is not a parameter number of the callee).
    CannotInfer { tparam: Ty, which: usize },
    /// An argument does not match its parameter.
    Mismatch {
        /// The argument's number.
        arg: usize,
        arg_ty: String,
        param: String,
        /// What the parameter would be with the types inferred so far, if any were.
        inferred: Option<String>,
        /// When nothing at all was inferred: `T`, `K and V`, `A, B, and C`.
        tparams: Option<String>,
    },
    /// Any other complete text; blamed on an argument if there is a number.
    Other { arg: Option<usize>, text: String },
}

impl InferError {
    /// The compiler's text (without `in call to f, `), where `arg` is the source text of the
    /// mismatching argument. For `CannotInfer` the caller adds ` (declared at POS)`.
    pub fn message(&self, arg: &str) -> String {
        match self {
            InferError::CannotInfer { tparam, .. } => format!("cannot infer {}", text(*tparam)),
            InferError::Mismatch {
                arg_ty,
                param,
                inferred,
                tparams,
                ..
            } => {
                let start = format!("type {arg_ty} of {arg} does not match");
                match (inferred, tparams) {
                    (Some(i), _) => format!("{start} inferred type {i} for {param}"),
                    (None, Some(t)) => format!("{start} {param} (cannot infer {t})"),
                    (None, None) => format!("{start} {param}"),
                }
            }
            InferError::Other { text, .. } => text.clone(),
        }
    }
    /// The text when a generic function value was matched against a wanted function type:
    /// `dest` is what the value is assigned to.
    pub fn reverse_message(&self, dest: &str) -> String {
        match self {
            InferError::Mismatch {
                arg_ty,
                param,
                inferred: Some(i),
                ..
            } => format!("inferred type {i} for {param} does not match type {arg_ty} of {dest}"),
            _ => self.message(dest),
        }
    }
    /// The argument to blame, if one is.
    pub fn arg(&self) -> Option<usize> {
        match self {
            InferError::Mismatch { arg, .. } => Some(*arg),
            InferError::Other { arg, .. } => *arg,
            InferError::CannotInfer { .. } => None,
        }
    }
}

/// `T`, `K and V`, `A, B, and C`.
pub fn tparam_names(tparams: &[Ty]) -> String {
    let names: Vec<String> = tparams.iter().map(|t| text(*t)).collect();
    match &names[..] {
        [] => String::new(),
        [a] => a.clone(),
        [a, b] => format!("{a} and {b}"),
        [init @ .., last] => format!("{}, and {last}", init.join(", ")),
    }
}

/// Infers the missing type arguments of a generic function.
///
/// `given` are the explicit type arguments (a prefix of `tparams`); `params` and `args`
/// correspond one by one (variadic parameters repeated as often as needed). `tparams` may be
/// empty when only arguments are generic functions. To infer from a wanted function type
/// (`var f func(int) = g`), pass the signature without type parameters as the one parameter
/// and the wanted type as the one argument.
pub fn infer(
    tparams: &[Ty],
    given: &[Ty],
    params: &[Ty],
    args: &[ArgType],
) -> Result<Inferred, InferError> {
    // An argument that mentions the parameters (a recursive call) must not be confused with
    // them: use fresh ones.
    let clash = |a: &ArgType| {
        let own = |t: Ty| tparams.contains(&t);
        mentions(a.ty, &own) || a.given.iter().any(|g| mentions(*g, &own))
    };
    let mut all: Vec<Ty> = tparams.to_vec();
    let mut params = params.to_vec();
    let given_clash = given
        .iter()
        .any(|g| mentions(*g, &|t| tparams.contains(&t)));
    if given_clash || args.iter().any(clash) {
        all = rename(tparams);
        let map = pairs(tparams, &all);
        params.iter_mut().for_each(|p| *p = subst(*p, &map));
    }
    let callee = all.len();

    // Generic function arguments bring their own parameters.
    let mut arg_types: Vec<Ty> = Vec::with_capacity(args.len());
    let mut generic: Vec<Option<(usize, usize)>> = Vec::with_capacity(args.len());
    for a in args {
        match as_signature(a.ty).filter(|s| !s.tparams.is_empty()) {
            Some(s) => {
                let (fresh, renamed) = rename_signature(s);
                generic.push(Some((all.len(), fresh.len())));
                all.extend(fresh);
                let plain = Signature {
                    tparams: Vec::new(),
                    ..renamed
                };
                arg_types.push(Ty::new(Type::Signature(plain)));
            }
            None => {
                generic.push(None);
                arg_types.push(a.ty);
            }
        }
    }
    let mut solver = Solver {
        u: Unifier::new(&all),
        all,
    };
    for (i, g) in given.iter().enumerate().take(callee) {
        solver.u.set(i, *g);
    }
    for (a, g) in args.iter().zip(&generic) {
        if let Some((start, len)) = g {
            for (i, t) in a.given.iter().enumerate().take(*len) {
                solver.u.set(start + i, *t);
            }
        }
    }

    solver.arguments(&params, args, &arg_types, &generic)?;
    solver.constraints()?;
    solver.untyped(&params, &arg_types)?;
    let solved = solver.solve()?;
    Ok(Inferred {
        targs: solved[..callee].to_vec(),
        arg_targs: generic
            .into_iter()
            .map(|g| g.map(|(start, len)| solved[start..start + len].to_vec()))
            .collect(),
    })
}

fn rename(tparams: &[Ty]) -> Vec<Ty> {
    let sig = Signature {
        tparams: tparams.to_vec(),
        ..Signature::default()
    };
    rename_signature(&sig).0
}

struct Solver {
    u: Unifier,
    all: Vec<Ty>,
}

impl Solver {
    fn is_param(&self, t: Ty) -> bool {
        self.all.contains(&t)
    }
    fn position(&self, t: Ty) -> Option<usize> {
        self.all.iter().position(|p| *p == t)
    }
    /// The parameters solved so far, with their types.
    fn known(&self) -> Vec<(Ty, Ty)> {
        let one = |(i, p): (usize, &Ty)| self.u.at(i).map(|t| (*p, t));
        self.all.iter().enumerate().filter_map(one).collect()
    }

    /// Typed arguments against their parameters.
    fn arguments(
        &mut self,
        params: &[Ty],
        args: &[ArgType],
        arg_types: &[Ty],
        generic: &[Option<(usize, usize)>],
    ) -> Result<(), InferError> {
        for (i, (p, a)) in params.iter().zip(arg_types).enumerate() {
            if is_invalid(*a) || is_untyped(*a) {
                continue;
            }
            let relevant = generic[i].is_some() || mentions(*p, &|t| self.is_param(t));
            if !relevant || self.u.unify(*p, *a, Mode::Assign) {
                continue;
            }
            let known = self.known();
            let inferred = subst(*p, &known);
            let changed = *p != inferred;
            let (param, inferred) = (text(*p), text(inferred));
            return Err(InferError::Mismatch {
                arg: i,
                arg_ty: text(args[i].ty),
                inferred: changed.then_some(inferred),
                param,
                tparams: known.is_empty().then(|| tparam_names(&self.all)),
            });
        }
        Ok(())
    }

    /// What constraints say: core types and methods, as long as that helps.
    fn constraints(&mut self) -> Result<(), InferError> {
        loop {
            let before = self.u.unknowns();
            for i in 0..self.all.len() {
                self.constraint(i)?;
            }
            let after = self.u.unknowns();
            if after == 0 || after == before {
                return Ok(());
            }
        }
    }

    fn constraint(&mut self, i: usize) -> Result<(), InferError> {
        let p = self.all[i];
        let fail = |t: Ty, cause: &str| {
            let bound = as_type_param(p).and_then(|p| p.bound.get()).unwrap_or(p);
            Err(InferError::Other {
                arg: None,
                text: format!(
                    "{} (type {}) does not satisfy {}{cause}",
                    text(p),
                    text(t),
                    text(bound)
                ),
            })
        };
        let known = self.u.at(i);
        if let Some(core) = core_term(p) {
            match known {
                Some(t) => {
                    let from = if core.tilde && !is_type_param(t) {
                        underlying(t)
                    } else {
                        t
                    };
                    if !is_invalid(from) && !self.u.unify(from, core.ty, Mode::Loose) {
                        return fail(t, "");
                    }
                }
                None if core.single && !core.tilde => self.u.set(i, core.ty),
                None => {}
            }
        }
        if let (Some(t), Some(tp)) = (known, as_type_param(p)) {
            let unifier = &mut self.u;
            let mut same = |a: Ty, b: Ty| unifier.unify(a, b, Mode::Exact);
            let bound = constraint(tp);
            let open = mentions(t, &|x| self.all.contains(&x));
            let solved = !open && !is_invalid(underlying(t));
            if solved && let Some(cause) = missing_method_with(t, bound, true, &mut same) {
                return fail(t, &format!(" {cause}"));
            }
        }
        Ok(())
    }

    /// Untyped constants passed for parameters that are still unknown: the default type of
    /// the largest kind.
    fn untyped(&mut self, params: &[Ty], arg_types: &[Ty]) -> Result<(), InferError> {
        let mut kinds: Vec<(usize, Basic)> = Vec::new();
        for (n, (p, a)) in params.iter().zip(arg_types).enumerate() {
            let (Some(i), Some(kind)) = (self.position(*p), basic_kind(*a)) else {
                continue;
            };
            if !is_untyped(*a) || kind == Basic::UntypedNil || self.u.at(i).is_some() {
                continue;
            }
            match kinds.iter_mut().find(|k| k.0 == i) {
                None => kinds.push((i, kind)),
                Some(k) => match max_untyped(k.1, kind) {
                    Some(max) => k.1 = max,
                    None => {
                        let (x, y, t) = (text(basic(k.1)), text(*a), text(*p));
                        return Err(InferError::Other {
                            arg: Some(n),
                            text: format!("mismatched types {x} and {y} (cannot infer {t})"),
                        });
                    }
                },
            }
        }
        for (i, kind) in kinds {
            self.u.set(i, default_type(basic(kind)));
        }
        Ok(())
    }

    /// The types of all parameters, free of parameters.
    fn solve(&self) -> Result<Vec<Ty>, InferError> {
        let mut types: Vec<Option<Ty>> = (0..self.all.len()).map(|i| self.u.at(i)).collect();
        // Types may mention other parameters; cycles never resolve.
        for _ in 0..=self.all.len() {
            let map: Vec<(Ty, Ty)> = self
                .all
                .iter()
                .zip(&types)
                .filter_map(|(p, t)| t.filter(|t| t != p).map(|t| (*p, t)))
                .collect();
            let open = |t: Ty| mentions(t, &|x| map.iter().any(|(p, _)| *p == x));
            if !types.iter().flatten().any(|t| open(*t)) {
                break;
            }
            for (p, slot) in self.all.iter().zip(&mut types) {
                // A parameter inside its own type is a cycle.
                *slot = slot
                    .filter(|t| !mentions(*t, &|x| x == *p))
                    .map(|t| subst(t, &map));
            }
        }
        let mut out = Vec::with_capacity(types.len());
        for (i, t) in types.into_iter().enumerate() {
            match t.filter(|t| !mentions(*t, &|x| self.is_param(x))) {
                Some(t) => out.push(t),
                None => {
                    return Err(InferError::CannotInfer {
                        tparam: self.all[i],
                        which: i,
                    });
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::typeset::satisfies;
    use super::super::universe::{any_ty, comparable_ty};
    use super::*;

    fn args(ts: &[Ty]) -> Vec<ArgType> {
        in_main();
        ts.iter().map(|t| ArgType::new(*t)).collect()
    }
    fn ok(tparams: &[Ty], params: &[Ty], a: &[Ty]) -> String {
        let r = infer(tparams, &[], params, &args(a)).map_err(|e| e.message("x"));
        let r = r.expect("inference");
        let shown: Vec<String> = r.targs.iter().map(|t| text(*t)).collect();
        shown.join(" ")
    }
    fn err(tparams: &[Ty], params: &[Ty], a: &[Ty]) -> String {
        infer(tparams, &[], params, &args(a))
            .unwrap_err()
            .message("x")
    }
    fn any(name: &str, i: usize) -> Ty {
        tparam(name, i, any_ty())
    }
    fn ui() -> Ty {
        basic(Basic::UntypedInt)
    }
    fn uf() -> Ty {
        basic(Basic::UntypedFloat)
    }
    fn us() -> Ty {
        basic(Basic::UntypedString)
    }
    fn nil() -> Ty {
        basic(Basic::UntypedNil)
    }

    #[test]
    fn from_arguments() {
        let (t, u) = (any("T", 0), any("U", 1));
        let f = func(&[t], &[u]);
        let p = [slice(t), f];
        assert_eq!(
            ok(&[t, u], &p, &[slice(int()), func(&[int()], &[string()])]),
            "int string"
        );
        assert_eq!(
            err(&[t, u], &p, &[slice(int()), func(&[string()], &[int()])]),
            "type func(string) int of x does not match inferred type func(int) U for func(T) U"
        );
        assert_eq!(
            err(&[t], &[slice(t)], &[int()]),
            "type int of x does not match []T (cannot infer T)"
        );
        let k = tparam("K", 0, comparable_ty());
        assert_eq!(
            err(&[k, u], &[map(k, u)], &[slice(int())]),
            "type []int of x does not match map[K]U (cannot infer K and U)"
        );
        assert_eq!(
            err(&[t], &[t, t], &[int(), string()]),
            "type string of x does not match inferred type int for T"
        );
        assert_eq!(err(&[t], &[t, t], &[nil(), nil()]), "cannot infer T");
        assert_eq!(ok(&[t], &[t, t], &[nil(), ptr(int())]), "*int");
        let list = generic("List", &[u], strukt(vec![field("x", u)]));
        let stack = generic("Stack", &[u], slice(u));
        assert_eq!(
            err(&[t], &[inst(list, &[t]), t], &[inst(stack, &[int()]), ui()]),
            "type Stack[int] of x does not match inferred type List[int] for List[T]"
        );
    }

    #[test]
    fn from_untyped_constants() {
        let t = any("T", 0);
        assert_eq!(ok(&[t], &[t, t], &[ui(), uf()]), "float64");
        assert_eq!(
            ok(&[t], &[t, t], &[basic(Basic::UntypedRune), ui()]),
            "rune"
        );
        assert_eq!(ok(&[t], &[t, t], &[uf(), int()]), "int");
        assert_eq!(
            err(&[t], &[t, t], &[ui(), us()]),
            "mismatched types untyped int and untyped string (cannot infer T)"
        );
        assert_eq!(
            err(&[t], &[chan(crate::syntax::ast::ChanDir::Recv, t)], &[ui()]),
            "cannot infer T"
        );
    }

    #[test]
    fn from_constraints() {
        let e = any("E", 1);
        let s = tparam("S", 0, union(&[term(true, slice(e))]));
        let mine = named("MyInts", slice(int()));
        assert_eq!(ok(&[s, e], &[s], &[mine]), "MyInts int");
        assert_eq!(
            err(&[s, e], &[s], &[int()]),
            "S (type int) does not satisfy ~[]E"
        );
        // ptr[T any, PT interface{ *T; Set(string) }]
        let t = any("T", 0);
        let pt = tparam(
            "PT",
            1,
            iface(vec![method("Set", func(&[string()], &[]))], &[ptr(t)]),
        );
        let r = infer(&[t, pt], &[int()], &[], &[]).unwrap();
        assert_eq!(text(r.targs[1]), "*int");
        assert_eq!(err(&[t, pt], &[string()], &[us()]), "cannot infer T");
        // A constraint that mentions its own parameter.
        let t = any("T", 0);
        let less = iface(vec![method("Less", func(&[t], &[basic(Basic::Bool)]))], &[]);
        as_type_param(t).unwrap().bound.set(Some(less));
        let num = named("Num", int());
        add_method(num, "Less", false, func(&[num], &[basic(Basic::Bool)]));
        assert_eq!(ok(&[t], &[t], &[num]), "Num");
        assert_eq!(
            err(&[t], &[t], &[mine]),
            "T (type MyInts) does not satisfy interface{Less(T) bool} (missing method Less)"
        );
        // An untyped constant comes too late to contradict a core type here.
        let c = tparam("T", 0, union(&[term(true, string())]));
        assert_eq!(ok(&[c], &[c], &[ui()]), "int");
        assert!(satisfies(int(), union(&[term(true, string())])).is_err());
        assert_eq!(
            err(&[c], &[c], &[int()]),
            "T (type int) does not satisfy ~string"
        );
    }

    #[test]
    fn from_generic_functions() {
        let (t, a, b) = (any("T", 0), any("A", 0), any("B", 1));
        let id = gen_func(&[t], &[t], &[t]);
        let r = infer(&[a, b], &[], &[func(&[a], &[b]), a], &args(&[id, int()])).unwrap();
        assert_eq!(r.targs, [int(), int()]);
        assert_eq!(r.arg_targs, [Some(vec![int()]), None]);
        let want = func(&[int()], &[string()]);
        assert_eq!(
            err(&[], &[want], &[id]),
            "type func[T any](T) T of x does not match func(int) string"
        );
        let two = func(&[t, t], &[]);
        assert_eq!(
            err(&[t], &[two], &[id]),
            "type func[T any](T) T of x does not match func(T, T) (cannot infer T and T)"
        );
        // The value's type against a wanted one.
        let e = infer(&[t], &[], &[func(&[t], &[t])], &args(&[want])).unwrap_err();
        assert_eq!(
            e.reverse_message("f"),
            "inferred type func(int) int for func(T) T does not match type func(int) string of f"
        );
    }

    #[test]
    fn recursive_calls_do_not_confuse_parameters() {
        let t = any("T", 0);
        assert_eq!(ok(&[t], &[t], &[slice(t)]), "[]T");
        assert_eq!(ok(&[t], &[t], &[t]), "T");
        assert_eq!(ok(&[t], &[slice(t)], &[slice(slice(t))]), "[]T");
    }
}
