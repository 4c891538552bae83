//! Type identity, as the language defines it.

use super::predicates::{as_type_param, constraint};
use super::ty::{Pkg, Signature, Ty, Type};
use super::typeset::type_set;
use crate::base::intern::Name;

/// Type identity.
pub fn identical(a: Ty, b: Ty) -> bool {
    Identity::default().same(a, b)
}
/// Type identity, disregarding struct tags.
pub fn identical_ignore_tags(a: Ty, b: Ty) -> bool {
    let mut id = Identity {
        ignore_tags: true,
        ..Identity::default()
    };
    id.same(a, b)
}

/// Whether two names of fields or methods are the same: by name, and by package when not
/// exported.
pub fn same_id(a: Name, pa: Option<Pkg>, b: Name, pb: Option<Pkg>) -> bool {
    a == b && (a.is_exported() || pa == pb)
}

#[derive(Default)]
struct Identity {
    ignore_tags: bool,
    /// Interfaces under comparison (assumed identical), against endless recursion.
    interfaces: Vec<(Ty, Ty)>,
    /// Corresponding type parameters of generic signatures under comparison.
    tparams: Vec<(Ty, Ty)>,
}

impl Identity {
    fn all(&mut self, a: &[Ty], b: &[Ty]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(x, y)| self.same(*x, *y))
    }
    fn same(&mut self, a: Ty, b: Ty) -> bool {
        if a == b {
            return true;
        }
        match (&*a, &*b) {
            (Type::Basic(x, _), Type::Basic(y, _)) => x == y,
            (Type::Named(x), Type::Named(y)) => match (x.origin, y.origin) {
                (Some(o), Some(p)) => o == p && self.all(&x.targs, &y.targs),
                _ => false,
            },
            (Type::Pointer(x), Type::Pointer(y)) | (Type::Slice(x), Type::Slice(y)) => {
                self.same(*x, *y)
            }
            (Type::Array(x, n), Type::Array(y, m)) => {
                (*n < 0 || *m < 0 || n == m) && self.same(*x, *y)
            }
            (Type::Map(k, v), Type::Map(l, w)) => self.same(*k, *l) && self.same(*v, *w),
            (Type::Chan(d, x), Type::Chan(e, y)) => d == e && self.same(*x, *y),
            (Type::Struct(x), Type::Struct(y)) => {
                x.len() == y.len()
                    && x.iter().zip(y).all(|(f, g)| {
                        f.embedded == g.embedded
                            && (self.ignore_tags || f.tag == g.tag)
                            && same_id(f.name, f.pkg, g.name, g.pkg)
                            && self.same(f.ty, g.ty)
                    })
            }
            (Type::Signature(x), Type::Signature(y)) => self.signatures(x, y),
            (Type::Interface(_), Type::Interface(_)) => {
                if self.interfaces.contains(&(a, b)) {
                    return true;
                }
                let (x, y) = (type_set(a), type_set(b));
                if x.methods.len() != y.methods.len() || x.comparable != y.comparable {
                    return false;
                }
                self.interfaces.push((a, b));
                let terms = match (&x.terms, &y.terms) {
                    (None, None) => true,
                    (Some(s), Some(t)) => {
                        super::typeset::terms_subset(s, t) && super::typeset::terms_subset(t, s)
                    }
                    _ => false,
                };
                let same = terms
                    && x.methods.iter().zip(&y.methods).all(|(m, n)| {
                        same_id(m.name, m.pkg, n.name, n.pkg) && self.same(m.sig, n.sig)
                    });
                self.interfaces.pop();
                same
            }
            (Type::Union(x), Type::Union(y)) => {
                super::typeset::terms_subset(x, y) && super::typeset::terms_subset(y, x)
            }
            (Type::Tuple(x), Type::Tuple(y)) => self.all(x, y),
            (Type::TypeParam(_), Type::TypeParam(_)) => self.tparams.contains(&(a, b)),
            _ => false,
        }
    }
    fn signatures(&mut self, x: &Signature, y: &Signature) -> bool {
        if x.variadic != y.variadic
            || x.tparams.len() != y.tparams.len()
            || x.params.len() != y.params.len()
            || x.results.len() != y.results.len()
        {
            return false;
        }
        let mark = self.tparams.len();
        for (t, u) in x.tparams.iter().zip(&y.tparams) {
            self.tparams.push((*t, *u));
        }
        let bounds = x.tparams.iter().zip(&y.tparams).all(|(t, u)| {
            match (as_type_param(*t), as_type_param(*u)) {
                (Some(t), Some(u)) => self.same(constraint(t), constraint(u)),
                _ => false,
            }
        });
        let same = bounds
            && x.params
                .iter()
                .zip(&y.params)
                .all(|(p, q)| self.same(p.ty, q.ty))
            && x.results
                .iter()
                .zip(&y.results)
                .all(|(p, q)| self.same(p.ty, q.ty));
        self.tparams.truncate(mark);
        same
    }
}
