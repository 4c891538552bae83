//! Unification: solving for type parameters by matching types against each other.

use super::lookup::{Lookup, lookup};
use super::predicates::{
    as_named, as_type_param, identical, is_interface, is_type_param, same_id, underlying,
};
use super::ty::{IMethod, Named, Signature, Ty, Type};
use super::typeset::{terms_subset, type_set};
use crate::syntax::ast::ChanDir;

/// How exactly two types must match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Identical, once parameters are replaced.
    Exact,
    /// As between an argument and a parameter: at the top a defined type matches its
    /// underlying type, channel directions may differ, and an interface matches a type with
    /// its methods.
    Assign,
    /// Like `Assign`, but at every level.
    Loose,
}

/// Nesting beyond this is taken for a failure (cyclic types).
const MAX_DEPTH: u32 = 100;

/// What is known about a list of type parameters.
pub struct Unifier {
    tparams: Vec<Ty>,
    /// Which cell a parameter shares with others it was matched with.
    cell_of: Vec<usize>,
    cells: Vec<Option<Ty>>,
    depth: u32,
}

impl Unifier {
    /// Nothing is known about the parameters.
    pub fn new(tparams: &[Ty]) -> Unifier {
        Unifier {
            tparams: tparams.to_vec(),
            cell_of: (0..tparams.len()).collect(),
            cells: vec![None; tparams.len()],
            depth: 0,
        }
    }
    fn index(&self, t: Ty) -> Option<usize> {
        if !is_type_param(t) {
            return None;
        }
        self.tparams.iter().position(|p| *p == t)
    }
    /// The type inferred for parameter number `i`.
    pub fn at(&self, i: usize) -> Option<Ty> {
        self.cells[self.cell_of[i]]
    }
    /// Sets the type of parameter number `i`.
    pub fn set(&mut self, i: usize, t: Ty) {
        let cell = self.cell_of[i];
        self.cells[cell] = Some(t);
    }
    /// How many parameters have no type yet.
    pub fn unknowns(&self) -> usize {
        (0..self.tparams.len())
            .filter(|&i| self.at(i).is_none())
            .count()
    }
    /// Matches two types, recording what that says about the parameters. What was recorded
    /// on the way to a failure stays.
    pub fn unify(&mut self, x: Ty, y: Ty, mode: Mode) -> bool {
        if x == y {
            return true;
        }
        if self.depth >= MAX_DEPTH {
            return false;
        }
        self.depth += 1;
        let ok = self.step(x, y, mode);
        self.depth -= 1;
        ok
    }

    fn step(&mut self, x: Ty, y: Ty, mode: Mode) -> bool {
        let (mut x, mut y) = (x, y);
        let inexact = mode != Mode::Exact;
        if as_named(x).is_some() && as_named(y).is_none() {
            std::mem::swap(&mut x, &mut y);
        }
        // A defined type against a type literal: compare with what it is made of.
        let literal = as_named(x).is_none() && !is_type_param(x) && !is_interface(x);
        if inexact && as_named(y).is_some() && literal {
            y = underlying(y);
            if x == y {
                return true;
            }
        }
        if self.index(x).is_none() && self.index(y).is_some() {
            std::mem::swap(&mut x, &mut y);
        }
        if let Some(i) = self.index(x) {
            return match self.index(y) {
                Some(j) => self.join(i, j, mode),
                None => self.bind(i, y, mode),
            };
        }
        if inexact && (is_interface(x) || is_interface(y)) {
            return self.interfaces(x, y);
        }
        // A parameter of the calling function counts as what its types have in common.
        if is_type_param(y) {
            std::mem::swap(&mut x, &mut y);
        }
        if is_type_param(x) {
            return match super::predicates::core_type(x) {
                Some(core) => self.unify(core, y, Mode::Assign),
                None => false,
            };
        }
        if let (Some(a), Some(b)) = (as_named(x), as_named(y)) {
            if a.origin.is_some() && a.origin == b.origin {
                return self.arguments(a, b, mode);
            }
            // Arguments first: they may tell something even if the types differ.
            if a.origin.is_some() && b.origin.is_some() {
                self.arguments(a, b, mode);
                return false;
            }
            return identical(x, y);
        }
        self.structure(x, y, mode)
    }

    fn arguments(&mut self, a: &Named, b: &Named, mode: Mode) -> bool {
        a.targs.len() == b.targs.len()
            && a.targs
                .iter()
                .zip(&b.targs)
                .all(|(p, q)| self.unify(*p, *q, mode))
    }

    /// Two parameters stand for the same type.
    fn join(&mut self, i: usize, j: usize, mode: Mode) -> bool {
        let (ci, cj) = (self.cell_of[i], self.cell_of[j]);
        if ci == cj {
            return true;
        }
        match (self.cells[ci], self.cells[cj]) {
            (Some(a), Some(b)) => self.unify(a, b, mode),
            (a, b) => {
                self.cells[ci] = a.or(b);
                for c in &mut self.cell_of {
                    if *c == cj {
                        *c = ci;
                    }
                }
                true
            }
        }
    }

    /// Parameter `i` stands for `y`, if that goes with what is known.
    fn bind(&mut self, i: usize, y: Ty, mode: Mode) -> bool {
        let Some(x) = self.at(i) else {
            self.set(i, y);
            return true;
        };
        if !self.unify(x, y, mode) {
            return false;
        }
        let defined = |t: Ty| as_named(t).is_some();
        match (is_interface(x), is_interface(y)) {
            // There is no telling which of two names is meant.
            (true, true) if defined(x) && defined(y) => return identical(x, y),
            (true, true) if type_set(x).methods.len() != type_set(y).methods.len() => {
                return false;
            }
            // Either would do for some uses: the order of arguments would decide.
            (true, false) | (false, true) => return false,
            _ => {}
        }
        if mode != Mode::Exact && !defined(x) {
            // Of two assignable types, keep the defined one, or the restricted channel.
            let directed = matches!(*underlying(y), Type::Chan(d, _) if d != ChanDir::Both);
            if defined(y) || directed {
                self.set(i, y);
            }
        }
        true
    }

    /// At least one of the two is an interface: methods they share must match, and one must
    /// have all of the other's.
    fn interfaces(&mut self, x: Ty, y: Ty) -> bool {
        let (x, y) = if is_interface(x) { (x, y) } else { (y, x) };
        let xs = type_set(x);
        if is_interface(y) {
            let ys = type_set(y);
            let terms = match (&xs.terms, &ys.terms) {
                (None, None) => true,
                (Some(a), Some(b)) => terms_subset(a, b) && terms_subset(b, a),
                _ => false,
            };
            if !terms || xs.comparable != ys.comparable {
                return false;
            }
            let (few, many) = if xs.methods.len() <= ys.methods.len() {
                (&xs.methods, &ys.methods)
            } else {
                (&ys.methods, &xs.methods)
            };
            return self.methods(few, many);
        }
        xs.methods
            .iter()
            .all(|m| match lookup(y, false, m.pkg, m.name) {
                Lookup::Method {
                    sig,
                    ptr_recv_needed: false,
                    ..
                } => self.unify(m.sig, sig, Mode::Exact),
                _ => false,
            })
    }

    fn methods(&mut self, few: &[IMethod], many: &[IMethod]) -> bool {
        few.iter().all(|m| {
            many.iter()
                .find(|n| same_id(m.name, m.pkg, n.name, n.pkg))
                .is_some_and(|n| self.unify(m.sig, n.sig, Mode::Exact))
        })
    }

    /// Types of the same form, their parts matching exactly if they are assigned.
    fn structure(&mut self, x: Ty, y: Ty, mode: Mode) -> bool {
        let inner = match mode {
            Mode::Assign => Mode::Exact,
            m => m,
        };
        match (&*x, &*y) {
            (Type::Pointer(a), Type::Pointer(b)) | (Type::Slice(a), Type::Slice(b)) => {
                self.unify(*a, *b, inner)
            }
            (Type::Array(a, n), Type::Array(b, m)) => {
                (*n < 0 || *m < 0 || n == m) && self.unify(*a, *b, inner)
            }
            (Type::Map(k, v), Type::Map(l, w)) => {
                self.unify(*k, *l, inner) && self.unify(*v, *w, inner)
            }
            (Type::Chan(d, a), Type::Chan(e, b)) => {
                (mode != Mode::Exact || d == e) && self.unify(*a, *b, inner)
            }
            (Type::Struct(a), Type::Struct(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b).all(|(f, g)| {
                        f.embedded == g.embedded
                            && f.tag == g.tag
                            && same_id(f.name, f.pkg, g.name, g.pkg)
                            && self.unify(f.ty, g.ty, inner)
                    })
            }
            (Type::Signature(a), Type::Signature(b)) => self.signatures(a, b, inner),
            (Type::Interface(_), Type::Interface(_)) => {
                let (xs, ys) = (type_set(x), type_set(y));
                let terms = match (&xs.terms, &ys.terms) {
                    (None, None) => true,
                    (Some(a), Some(b)) => terms_subset(a, b) && terms_subset(b, a),
                    _ => false,
                };
                terms
                    && xs.comparable == ys.comparable
                    && xs.methods.len() == ys.methods.len()
                    && self.methods(&xs.methods, &ys.methods)
            }
            (Type::Tuple(a), Type::Tuple(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|(p, q)| self.unify(*p, *q, Mode::Exact))
            }
            _ => identical(x, y),
        }
    }

    fn signatures(&mut self, a: &Signature, b: &Signature, mode: Mode) -> bool {
        if !a.tparams.is_empty() || !b.tparams.is_empty() {
            return false;
        }
        a.variadic == b.variadic
            && a.params.len() == b.params.len()
            && a.results.len() == b.results.len()
            && a.params
                .iter()
                .zip(&b.params)
                .chain(a.results.iter().zip(&b.results))
                .all(|(p, q)| self.unify(p.ty, q.ty, mode))
    }
}

/// What the type set of a parameter's constraint says about its structure: a common type,
/// whether types with that underlying type are meant, and whether it is the only type.
pub struct CoreTerm {
    /// The single type, or the common underlying type.
    pub ty: Ty,
    /// `~ty`.
    pub tilde: bool,
    /// The constraint has one term.
    pub single: bool,
}

/// The core term of a type parameter.
pub fn core_term(tparam: Ty) -> Option<CoreTerm> {
    as_type_param(tparam)?;
    let terms = type_set(tparam).terms.as_ref()?;
    if let [t] = &terms[..] {
        return Some(CoreTerm {
            ty: t.ty,
            tilde: t.tilde,
            single: true,
        });
    }
    super::predicates::core_type(tparam).map(|ty| CoreTerm {
        ty,
        tilde: true,
        single: false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::universe::any_ty;
    use super::*;

    #[test]
    fn binds_parameters() {
        let (t, u) = (tparam("T", 0, any_ty()), tparam("U", 1, any_ty()));
        let mut s = Unifier::new(&[t, u]);
        assert!(s.unify(
            func(&[t], &[slice(u)]),
            func(&[int()], &[slice(string())]),
            Mode::Exact
        ));
        assert_eq!((s.at(0), s.at(1)), (Some(int()), Some(string())));
        assert!(!s.unify(t, string(), Mode::Exact));
        let mut s = Unifier::new(&[t, u]);
        assert!(s.unify(t, u, Mode::Exact) && s.unify(u, int(), Mode::Exact));
        assert_eq!(s.at(0), Some(int()));
        assert_eq!(s.unknowns(), 0);
    }

    #[test]
    fn assignment_is_loose_at_the_top_only() {
        let t = tparam("T", 0, any_ty());
        let mine = named("Ints", slice(int()));
        let mut s = Unifier::new(&[t]);
        assert!(s.unify(slice(t), mine, Mode::Assign));
        assert!(!Unifier::new(&[t]).unify(slice(t), mine, Mode::Exact));
        assert!(!Unifier::new(&[t]).unify(slice(slice(t)), slice(mine), Mode::Assign));
        // The defined type wins, in either order.
        for (a, b) in [(mine, slice(int())), (slice(int()), mine)] {
            let mut s = Unifier::new(&[t]);
            assert!(s.unify(t, a, Mode::Assign) && s.unify(t, b, Mode::Assign));
            assert_eq!(s.at(0), Some(mine));
        }
        let (both, recv) = (chan(ChanDir::Both, int()), chan(ChanDir::Recv, int()));
        for (a, b) in [(both, recv), (recv, both)] {
            let mut s = Unifier::new(&[t]);
            assert!(s.unify(t, a, Mode::Assign) && s.unify(t, b, Mode::Assign));
            assert_eq!(s.at(0), Some(recv));
        }
        // An inferred interface is not matched with its implementations.
        let mut s = Unifier::new(&[t]);
        assert!(s.unify(t, any_ty(), Mode::Assign) && !s.unify(t, int(), Mode::Assign));
        // But a parameter of interface type is.
        let want = iface(vec![method("Get", func(&[], &[t]))], &[]);
        let have = named("H", strukt(vec![]));
        add_method(have, "Get", false, func(&[], &[string()]));
        let mut s = Unifier::new(&[t]);
        assert!(s.unify(want, have, Mode::Assign));
        assert_eq!(s.at(0), Some(string()));
    }

    #[test]
    fn core_terms() {
        let e = tparam("E", 0, any_ty());
        let c = core_term(tparam("S", 1, union(&[term(true, slice(e))]))).unwrap();
        assert!(c.tilde && c.single);
        let two = union(&[
            term(false, slice(int())),
            term(false, named("I", slice(int()))),
        ]);
        let c = core_term(tparam("S", 1, two)).unwrap();
        assert!(c.tilde && !c.single);
        assert!(core_term(e).is_none());
    }
}
