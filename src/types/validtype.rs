//! Types that contain themselves by value, directly or through instances of generic types.

use super::check::Checker;
use super::operand::{invalid, is_valid};
use super::predicates::contains_type_param;
use super::ty::*;
use crate::base::diag::Diagnostic;

impl Checker<'_> {
    /// Reports a defined type that would need infinite space.
    pub(super) fn valid_type(&mut self, t: Ty) {
        self.valid_walk(t, &mut Vec::new(), &mut Vec::new());
    }

    /// Follows what a type contains. `path` are the defined types on the way; `nest` those
    /// whose declaration is being looked at, so that the last one's arguments are what its
    /// type parameters stand for.
    fn valid_walk(&mut self, t: Ty, nest: &mut Vec<Ty>, path: &mut Vec<Ty>) -> bool {
        match t.0 {
            Type::Array(e, _) => self.valid_walk(*e, nest, path),
            Type::Struct(fields) => fields.iter().all(|f| self.valid_walk(f.ty, nest, path)),
            Type::Union(terms) => terms.iter().all(|x| self.valid_walk(x.ty, nest, path)),
            Type::Interface(i) => {
                let embeds: Vec<Ty> = i.embeds.borrow().iter().map(|e| e.0).collect();
                embeds.into_iter().all(|e| self.valid_walk(e, nest, path))
            }
            Type::TypeParam(_) => {
                let Some(Type::Named(inst)) = nest.last().map(|t| t.0) else {
                    return true;
                };
                let Some(Type::Named(origin)) = inst.origin.map(|t| t.0) else {
                    return true;
                };
                let index = origin.tparams.borrow().iter().position(|p| *p == t);
                let Some(arg) = index.and_then(|i| inst.targs.get(i).copied()) else {
                    return true;
                };
                // The argument was written where the instance was.
                let top = nest.pop();
                let ok = self.valid_walk(arg, nest, path);
                nest.extend(top);
                ok
            }
            Type::Named(n) => {
                if self.valid_done.contains(&t) {
                    return true;
                }
                let Type::Named(origin) = n.origin.unwrap_or(t).0 else {
                    return true;
                };
                let Some(rhs) = origin.underlying.get() else {
                    return true;
                };
                if !is_valid(rhs) {
                    // Reported before.
                    return !nest.contains(&t);
                }
                if nest.contains(&t) {
                    if let Some(at) = path.iter().position(|p| *p == t) {
                        self.recursive_type(&path[at..]);
                    }
                    return false;
                }
                nest.push(t);
                path.push(t);
                let ok = self.valid_walk(rhs, nest, path);
                path.pop();
                nest.pop();
                // (What arguments with type parameters mean depends on the way.)
                if ok && !contains_type_param(t) {
                    self.valid_done.insert(t);
                }
                ok
            }
            _ => true,
        }
    }

    /// Reports the types of a cycle and makes them invalid.
    fn recursive_type(&mut self, cycle: &[Ty]) {
        let place = |c: &Self, t: Ty| match t.0 {
            Type::Named(n) => c.inst_spans.get(&t).copied().unwrap_or(n.obj.span),
            _ => crate::base::span::Span::NONE,
        };
        let n = cycle.len();
        let name = self.tstr(cycle[0]);
        let mut m = format!("invalid recursive type: {name} refers to itself");
        if n > 1 {
            m = format!("invalid recursive type {name}");
            for i in 0..n {
                let (a, b) = (cycle[i], cycle[(i + 1) % n]);
                m += &format!(
                    "\n\t{}: {} refers to {}",
                    self.place(place(self, a).lo),
                    self.tstr(a),
                    self.tstr(b)
                );
            }
        }
        let span = place(self, cycle[0]);
        self.report(Diagnostic::error("InvalidDeclCycle", span, m));
        for t in cycle {
            if let Type::Named(c) = t.0 {
                c.underlying.set(Some(invalid()));
                if let Some(Type::Named(o)) = c.origin.map(|t| t.0)
                    && o.obj.pkg == Some(self.pkg)
                    && n == 1
                {
                    o.underlying.set(Some(invalid()));
                }
            }
        }
    }
}
