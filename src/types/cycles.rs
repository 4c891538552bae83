//! Instantiation cycles: generic functions and types that instantiate themselves with ever
//! larger type arguments, so that no finite set of instances would do.

use std::collections::VecDeque;

use super::display::text;
use super::predicates::{as_named, captured_type_params};
use super::ty::{Ty, Type};
use crate::base::span::Span;

/// One type argument written (or inferred) in the program.
#[derive(Clone, Copy, Debug)]
pub struct Instantiation {
    /// The type parameter.
    pub tparam: Ty,
    /// Its argument.
    pub targ: Ty,
    /// Where the message points to.
    pub span: Span,
}

/// A cycle that grows.
#[derive(Clone, Debug)]
pub struct InstantiationCycle {
    /// The type parameter to report it at (`instantiation cycle:`).
    pub tparam: Ty,
    /// The following lines: position and `T instantiated as *T`.
    pub lines: Vec<(Span, String)>,
}

/// An edge from a parameter to one whose argument mentions it.
struct Edge {
    from: Ty,
    to: Ty,
    /// The argument is more than the bare parameter.
    grows: bool,
    lines: Vec<(Span, String)>,
}

/// Looks for a growing cycle among all instantiations of a package. `same` pairs the
/// receiver type parameters of methods with those of their types.
pub fn instantiation_cycle(all: &[Instantiation], same: &[(Ty, Ty)]) -> Option<InstantiationCycle> {
    let canon = |t: Ty| same.iter().find(|(a, _)| *a == t).map_or(t, |p| p.1);
    let mut edges: Vec<Edge> = Vec::new();
    for i in all {
        let line = || {
            let (p, a) = (text(i.tparam), text(i.targ));
            (i.span, format!("{p} instantiated as {a}"))
        };
        let mut mentioned = Vec::new();
        parameters(i.targ, None, &mut mentioned);
        for (p, local) in mentioned {
            let mut lines = vec![line()];
            if let Some(n) = local.and_then(as_named) {
                let t = format!("{} implicitly parameterized by {}", n.obj.name, text(p));
                lines.push((n.obj.span, t));
            }
            edges.push(Edge {
                from: canon(p),
                to: canon(i.tparam),
                grows: p != i.targ,
                lines,
            });
        }
    }
    edges.iter().filter(|e| e.grows).find_map(|e| {
        let mut path = path(&edges, e.to, e.from)?;
        path.reverse();
        let mut lines: Vec<(Span, String)> = Vec::new();
        path.iter()
            .for_each(|i| lines.extend(edges[*i].lines.clone()));
        lines.extend(e.lines.clone());
        Some(InstantiationCycle {
            tparam: e.from,
            lines,
        })
    })
}

/// The edges of a shortest way between two parameters.
fn path(edges: &[Edge], from: Ty, to: Ty) -> Option<Vec<usize>> {
    let mut queue = VecDeque::from([(from, Vec::new())]);
    let mut seen = vec![from];
    while let Some((at, way)) = queue.pop_front() {
        if at == to {
            return Some(way);
        }
        for (i, e) in edges.iter().enumerate() {
            if e.from == at && !seen.contains(&e.to) {
                seen.push(e.to);
                queue.push_back((e.to, [&way[..], &[i]].concat()));
            }
        }
    }
    None
}

/// The type parameters a type mentions, each with the local defined type it is mentioned
/// through, if any.
fn parameters(t: Ty, local: Option<Ty>, out: &mut Vec<(Ty, Option<Ty>)>) {
    match &*t {
        Type::TypeParam(_) => out.push((t, local)),
        Type::Named(n) if n.targs.is_empty() => {
            let captured = captured_type_params(t);
            out.extend(captured.into_iter().map(|p| (p, Some(t))));
        }
        Type::Named(n) => n.targs.iter().for_each(|a| parameters(*a, local, out)),
        Type::Pointer(e) | Type::Slice(e) | Type::Array(e, _) | Type::Chan(_, e) => {
            parameters(*e, local, out);
        }
        Type::Map(k, v) => {
            parameters(*k, local, out);
            parameters(*v, local, out);
        }
        Type::Struct(fs) => fs.iter().for_each(|f| parameters(f.ty, local, out)),
        Type::Signature(s) => {
            let all = s.params.iter().chain(&s.results);
            all.for_each(|p| parameters(p.ty, local, out));
        }
        Type::Interface(i) => {
            let methods = i.methods.borrow();
            methods.iter().for_each(|m| parameters(m.sig, local, out));
        }
        Type::Tuple(ts) => ts.iter().for_each(|x| parameters(*x, local, out)),
        Type::Basic(..) | Type::Union(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::universe::any_ty;
    use super::*;

    fn cycle(list: &[(Ty, Ty)], same: &[(Ty, Ty)]) -> Option<(String, Vec<String>)> {
        in_main();
        let one = |&(tparam, targ): &(Ty, Ty)| Instantiation {
            tparam,
            targ,
            span: Span::NONE,
        };
        let all: Vec<Instantiation> = list.iter().map(one).collect();
        let c = instantiation_cycle(&all, same)?;
        Some((text(c.tparam), c.lines.into_iter().map(|l| l.1).collect()))
    }

    #[test]
    fn growing_cycles_are_found() {
        let p = |n: &str| tparam(n, 0, any_ty());
        let (a, b, c) = (p("A"), p("B"), p("C"));
        assert_eq!(
            cycle(&[(a, ptr(a))], &[]),
            Some(("A".into(), vec!["A instantiated as *A".into()]))
        );
        let found = cycle(&[(b, a), (b, ptr(a)), (c, b), (a, c)], &[]).unwrap();
        assert_eq!(found.0, "A");
        assert_eq!(
            found.1,
            [
                "A instantiated as C",
                "C instantiated as B",
                "B instantiated as *A"
            ]
        );
        // A method's receiver parameter stands for the type's.
        let q = p("Q");
        assert!(cycle(&[(a, ptr(q))], &[]).is_none());
        assert!(cycle(&[(a, ptr(q))], &[(q, a)]).is_some());
        let local = named("X", strukt(vec![field("x", a)]));
        as_named(local).unwrap().obj.global.set(false);
        let found = cycle(&[(a, local)], &[]).unwrap();
        assert_eq!(
            found.1,
            ["A instantiated as X", "X implicitly parameterized by A"]
        );
    }

    #[test]
    fn finite_recursion_is_fine() {
        let p = |n: &str| tparam(n, 0, any_ty());
        let (a, b) = (p("A"), p("B"));
        assert!(cycle(&[(a, a), (a, b), (b, a)], &[]).is_none());
        assert!(cycle(&[(a, int()), (b, slice(a))], &[]).is_none());
    }
}
