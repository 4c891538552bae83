//! The order of package variable initialisation, and initialisation cycles.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::collections::{BTreeSet, VecDeque};

use super::check::Checker;
use super::decl::DeclKind;
use super::info::InitStep;
use super::ty::{Obj, ObjKind};

impl Checker<'_> {
    pub(super) fn init_order(&mut self) {
        self.init_cycles();
        // Steps in declaration order, each with the steps it needs first.
        let mut step_of: HashMap<usize, usize> = HashMap::default();
        let mut steps = Vec::new();
        for (i, d) in self.decls.iter().enumerate() {
            if let DeclKind::Var {
                lhs,
                init: Some(rhs),
                ..
            } = &d.kind
            {
                step_of.insert(i, steps.len());
                steps.push((
                    i,
                    InitStep {
                        lhs: lhs.clone(),
                        rhs: *rhs,
                    },
                ));
            }
        }
        let mut needs: Vec<HashSet<usize>> = Vec::with_capacity(steps.len());
        for (i, _) in &steps {
            needs.push(self.needed_steps(*i, &step_of));
        }
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
        for (s, n) in needs.iter().enumerate() {
            for &d in n {
                users[d].push(s);
            }
        }
        let mut missing: Vec<usize> = needs.iter().map(HashSet::len).collect();
        let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|&s| missing[s] == 0).collect();
        let mut done = vec![false; steps.len()];
        loop {
            let next = match ready.pop_first() {
                Some(s) => s,
                // Only after a reported cycle.
                None => match done.iter().position(|d| !d) {
                    Some(s) => s,
                    None => break,
                },
            };
            if std::mem::replace(&mut done[next], true) {
                continue;
            }
            self.info.init_order.push(steps[next].1.clone());
            for &u in &users[next] {
                missing[u] = missing[u].saturating_sub(1);
                if missing[u] == 0 && !done[u] {
                    ready.insert(u);
                }
            }
        }
    }

    /// The variables' steps that declaration `from` depends on, directly or through
    /// functions.
    fn needed_steps(&self, from: usize, step_of: &HashMap<usize, usize>) -> HashSet<usize> {
        let mut out = HashSet::default();
        let mut seen = HashSet::from_iter([from]);
        let mut todo = vec![from];
        while let Some(i) = todo.pop() {
            for o in &self.decls[i].deps {
                let Some(&d) = self.decl_of.get(o) else {
                    continue;
                };
                match &self.decls[d].kind {
                    DeclKind::Func(_) if seen.insert(d) => todo.push(d),
                    DeclKind::Var { .. } if d != from => {
                        if let Some(&s) = step_of.get(&d) {
                            out.insert(s);
                        }
                    }
                    _ => {}
                }
            }
        }
        out
    }

    /// Reports each group of constants and variables that depend on themselves.
    fn init_cycles(&mut self) {
        let circular = self.circular();
        if circular.is_empty() {
            return;
        }
        let mut reported: HashSet<usize> = HashSet::default();
        for &o in &self.order.clone() {
            let Some(&start) = self.decl_of.get(&o) else {
                continue;
            };
            if reported.contains(&start)
                || !circular.contains(&start)
                || matches!(o.kind, ObjKind::Func { .. } | ObjKind::TypeName { .. })
            {
                continue;
            }
            let Some(cycle) = self.shortest_cycle(start) else {
                continue;
            };
            if cycle.iter().any(|d| reported.contains(d)) {
                continue;
            }
            reported.extend(&cycle);
            let objs: Vec<Obj> = std::iter::once(o)
                .chain(cycle[1..].iter().filter_map(|&d| self.decl_object(d)))
                .collect();
            self.report_init_cycle(&objs);
        }
    }

    /// The declarations that can be reached from themselves: those in strongly connected
    /// components (Tarjan's algorithm, with a stack of its own).
    fn circular(&self) -> HashSet<usize> {
        const NEW: usize = usize::MAX;
        let n = self.decls.len();
        let (mut number, mut low) = (vec![NEW; n], vec![NEW; n]);
        let mut open = vec![false; n];
        let (mut path, mut stack) = (Vec::new(), Vec::new());
        let mut next = 0;
        let mut out = HashSet::default();
        let deps: Vec<Vec<usize>> = self
            .decls
            .iter()
            .map(|d| {
                let known = |o: &Obj| self.decl_of.get(o).copied();
                d.deps.iter().filter_map(known).collect()
            })
            .collect();
        for root in 0..n {
            if number[root] == NEW {
                stack.push((root, 0));
            }
            while let Some((v, i)) = stack.pop() {
                if i == 0 {
                    number[v] = next;
                    low[v] = next;
                    next += 1;
                    path.push(v);
                    open[v] = true;
                }
                if let Some(&w) = deps[v].get(i) {
                    stack.push((v, i + 1));
                    if w == v {
                        out.insert(v);
                    } else if number[w] == NEW {
                        stack.push((w, 0));
                    } else if open[w] {
                        low[v] = low[v].min(number[w]);
                    }
                    continue;
                }
                if low[v] == number[v] {
                    let at = path.iter().rposition(|&w| w == v).unwrap_or(0);
                    let group = path.split_off(at);
                    group.iter().for_each(|&w| open[w] = false);
                    if group.len() > 1 {
                        out.extend(group);
                    }
                }
                if let Some(&(parent, _)) = stack.last() {
                    low[parent] = low[parent].min(low[v]);
                }
            }
        }
        out
    }

    fn decl_object(&self, d: usize) -> Option<Obj> {
        self.order
            .iter()
            .find(|o| self.decl_of.get(*o) == Some(&d))
            .copied()
    }

    /// The shortest way from a declaration back to itself.
    fn shortest_cycle(&self, start: usize) -> Option<Vec<usize>> {
        let mut from: HashMap<usize, usize> = HashMap::default();
        let mut todo = VecDeque::from([start]);
        while let Some(i) = todo.pop_front() {
            for o in &self.decls[i].deps {
                let Some(&d) = self.decl_of.get(o) else {
                    continue;
                };
                if d == start {
                    let mut path = vec![i];
                    let mut at = i;
                    while at != start {
                        at = from[&at];
                        path.push(at);
                    }
                    path.reverse();
                    return Some(path);
                }
                if let std::collections::hash_map::Entry::Vacant(v) = from.entry(d) {
                    v.insert(i);
                    todo.push_back(d);
                }
            }
        }
        None
    }

    fn report_init_cycle(&mut self, cycle: &[Obj]) {
        let first = cycle[0];
        let m = if cycle.len() == 1 {
            format!("initialization cycle: {} refers to itself", first.name)
        } else {
            let mut m = format!("initialization cycle for {}", first.name);
            for (i, a) in cycle.iter().enumerate() {
                let b = cycle[(i + 1) % cycle.len()];
                m += &format!(
                    "\n\t{}: {} refers to {}",
                    self.place(a.span.lo),
                    a.name,
                    b.name
                );
            }
            m
        };
        self.err("InvalidInitCycle", first.span, m);
    }
}
