//! Statements that no execution reaches.

use super::Vet;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::*;
use crate::types::ty::Builtin;
use rustc_hash::FxHashSet as HashSet;

/// What leaves a loop, switch or select early, found before the walk.
struct Dead<'v, 'a> {
    vet: &'v Vet<'a>,
    /// Statements that some `break` ends.
    broken: HashSet<StmtId>,
    /// Labels that some `goto` jumps to.
    targets: HashSet<Name>,
    reachable: bool,
    found: Vec<Span>,
}

impl Vet<'_> {
    pub(super) fn unreachable(&mut self) {
        let mut found = Vec::new();
        for (_, body) in self.bodies() {
            let mut d = Dead {
                vet: self,
                broken: HashSet::default(),
                targets: HashSet::default(),
                reachable: true,
                found: Vec::new(),
            };
            d.breaks(&body.stmts, &mut Vec::new());
            d.list(&body.stmts);
            found.extend(d.found);
        }
        for at in found {
            self.warn("VetUnreachable", at, "unreachable code");
        }
    }
}

impl Dead<'_, '_> {
    /// Notes what each `break` leaves; `open` are the enclosing statements with their labels.
    fn breaks(&mut self, list: &[StmtId], open: &mut Vec<(StmtId, Option<Name>)>) {
        for s in list {
            self.breaks_in(*s, None, open);
        }
    }
    fn breaks_in(
        &mut self,
        s: StmtId,
        label: Option<Name>,
        open: &mut Vec<(StmtId, Option<Name>)>,
    ) {
        let ast = self.vet.ast;
        match &ast.stmt(s).kind {
            StmtKind::Branch { kind, label } => {
                let name = label.map(|l| ast.name(l));
                match (kind, name) {
                    (BranchKind::Goto, Some(n)) => drop(self.targets.insert(n)),
                    (BranchKind::Break, None) => {
                        // A labelled block is no target of a plain break.
                        let plain = |s: &StmtId| !matches!(ast.stmt(*s).kind, StmtKind::Block(_));
                        self.broken
                            .extend(open.iter().rev().map(|o| o.0).find(plain));
                    }
                    (BranchKind::Break, Some(n)) => {
                        let hit = open.iter().rev().find(|o| o.1 == Some(n));
                        self.broken.extend(hit.map(|o| o.0));
                    }
                    _ => {}
                }
            }
            StmtKind::Labeled { label, stmt } => {
                self.breaks_in(*stmt, Some(ast.name(*label)), open);
            }
            StmtKind::Block(b) => self.breaks(&b.stmts, open),
            StmtKind::If { then, els, .. } => {
                self.breaks(&then.stmts, open);
                if let Some(e) = els {
                    self.breaks_in(*e, None, open);
                }
            }
            StmtKind::For { body, .. } | StmtKind::Range { body, .. } => {
                open.push((s, label));
                self.breaks(&body.stmts, open);
                open.pop();
            }
            StmtKind::Switch { cases, .. } | StmtKind::TypeSwitch { cases, .. } => {
                open.push((s, label));
                cases.iter().for_each(|c| self.breaks(&c.body, open));
                open.pop();
            }
            StmtKind::Select { cases, .. } => {
                open.push((s, label));
                cases.iter().for_each(|c| self.breaks(&c.body, open));
                open.pop();
            }
            _ => {}
        }
    }

    fn list(&mut self, list: &[StmtId]) {
        for s in list {
            self.stmt(*s);
        }
    }
    fn stmt(&mut self, s: StmtId) {
        let ast = self.vet.ast;
        let st = ast.stmt(s);
        if let StmtKind::Labeled { label, stmt } = &st.kind {
            self.reachable |= self.targets.contains(&ast.name(*label));
            return self.stmt(*stmt);
        }
        if !self.reachable {
            if matches!(st.kind, StmtKind::Empty) {
                return;
            }
            self.found.push(st.span);
            self.reachable = true; // one message per stretch
        }
        match &st.kind {
            StmtKind::Return(_) => self.reachable = false,
            StmtKind::Branch { kind, .. } => {
                self.reachable = *kind == BranchKind::Fallthrough;
            }
            StmtKind::Expr(e) => {
                if let Some((fun, _)) = self.vet.call(*e)
                    && self.vet.builtin(fun) == Some(Builtin::Panic)
                {
                    self.reachable = false;
                }
            }
            StmtKind::Block(b) => self.list(&b.stmts),
            StmtKind::If { then, els, .. } => {
                self.list(&then.stmts);
                match els {
                    Some(e) => {
                        let after = std::mem::replace(&mut self.reachable, true);
                        self.stmt(*e);
                        self.reachable |= after;
                    }
                    None => self.reachable = true,
                }
            }
            StmtKind::For { cond, body, .. } => {
                self.list(&body.stmts);
                self.reachable = cond.is_some() || self.broken.contains(&s);
            }
            StmtKind::Range { body, .. } => {
                self.list(&body.stmts);
                self.reachable = true;
            }
            StmtKind::Switch { cases, .. } | StmtKind::TypeSwitch { cases, .. } => {
                let default = cases.iter().any(|c| c.is_default);
                let bodies: Vec<&[StmtId]> = cases.iter().map(|c| c.body.as_slice()).collect();
                self.cases(s, &bodies, !default);
            }
            StmtKind::Select { cases, .. } => {
                let bodies: Vec<&[StmtId]> = cases.iter().map(|c| c.body.as_slice()).collect();
                self.cases(s, &bodies, false);
            }
            _ => {}
        }
    }
    fn cases(&mut self, s: StmtId, bodies: &[&[StmtId]], falls: bool) {
        let mut after = falls || self.broken.contains(&s);
        for b in bodies {
            self.reachable = true;
            self.list(b);
            let through = b.last().is_some_and(|s| {
                matches!(
                    self.vet.ast.stmt(*s).kind,
                    StmtKind::Branch {
                        kind: BranchKind::Fallthrough,
                        ..
                    }
                )
            });
            after |= self.reachable && !through;
        }
        self.reachable = after;
    }
}
