//! Types that contain themselves by value.

use super::check::Checker;
use super::operand::invalid;
use super::ty::*;

/// How deep instances of generic types are followed.
const LIMIT: usize = 60;

impl Checker<'_> {
    /// Reports a defined type that would need infinite space.
    pub(super) fn valid_type(&mut self, t: Ty) {
        let mut path = Vec::new();
        self.valid_walk(t, &mut path);
    }

    fn valid_walk(&mut self, t: Ty, path: &mut Vec<Obj>) -> bool {
        match t.0 {
            Type::Array(e, _) => self.valid_walk(*e, path),
            Type::Struct(fields) => fields.iter().all(|f| self.valid_walk(f.ty, path)),
            Type::Union(terms) => terms.iter().all(|x| self.valid_walk(x.ty, path)),
            Type::Interface(i) => {
                let embeds: Vec<Ty> = i.embeds.borrow().iter().map(|e| e.0).collect();
                embeds.into_iter().all(|e| self.valid_walk(e, path))
            }
            Type::Named(n) => {
                let origin = match n.origin {
                    Some(o) => o,
                    None => t,
                };
                let Type::Named(on) = origin.0 else {
                    return true;
                };
                if on.obj.pkg != Some(self.pkg) && n.targs.is_empty() {
                    return true;
                }
                if n.targs.is_empty() && self.valid_done.contains(&t) {
                    return true;
                }
                if let Some(at) = path.iter().position(|&o| o == on.obj) {
                    let cycle = path[at..].to_vec();
                    self.cycle_error(&cycle);
                    for o in cycle {
                        if let Some(Type::Named(c)) = o.ty.get().map(|t| t.0) {
                            c.underlying.set(Some(invalid()));
                        }
                        if let Some(t) = o.ty.get() {
                            self.valid_done.insert(t);
                        }
                    }
                    return false;
                }
                if path.len() > LIMIT {
                    return true;
                }
                path.push(on.obj);
                // An instance contains what its origin and its arguments contain.
                let ok = match on.underlying.get() {
                    Some(u) => self.valid_walk(u, path),
                    None => true,
                };
                path.pop();
                if ok && n.targs.is_empty() {
                    self.valid_done.insert(t);
                }
                ok
            }
            _ => true,
        }
    }
}
