//! Terminating statements: the rule behind `missing return`.

use super::check::Checker;
use super::info::Mode;
use super::ty::Builtin;
use crate::base::intern::Name;
use crate::syntax::ast::{Block, BranchKind, ExprKind, StmtId, StmtKind};

impl Checker<'_> {
    pub(super) fn terminating_list(&self, list: &[StmtId], label: Option<Name>) -> bool {
        let last = list
            .iter()
            .rev()
            .find(|&&s| !matches!(self.ast.stmt(s).kind, StmtKind::Empty));
        last.is_some_and(|&s| self.terminating(s, label))
    }

    fn terminating(&self, s: StmtId, label: Option<Name>) -> bool {
        match &self.ast.stmt(s).kind {
            StmtKind::Return(_) => true,
            StmtKind::Branch { kind, .. } => {
                matches!(kind, BranchKind::Goto | BranchKind::Fallthrough)
            }
            StmtKind::Expr(e) => {
                let e = self.ast.unparen(*e);
                match &self.ast.expr(e).kind {
                    ExprKind::Call { fun, .. } => {
                        self.info.types[fun.index()].mode == Mode::Builtin(Builtin::Panic)
                    }
                    _ => false,
                }
            }
            StmtKind::Block(b) => self.terminating_list(&b.stmts, None),
            StmtKind::If { then, els, .. } => {
                els.is_some_and(|e| self.terminating(e, None))
                    && self.terminating_list(&then.stmts, None)
            }
            StmtKind::Switch { cases, .. } | StmtKind::TypeSwitch { cases, .. } => {
                cases.iter().any(|c| c.is_default)
                    && cases.iter().all(|c| {
                        self.terminating_list(&c.body, None)
                            && !self.breaks_list(&c.body, label, true)
                    })
            }
            StmtKind::Select { cases, .. } => cases.iter().all(|c| {
                self.terminating_list(&c.body, None) && !self.breaks_list(&c.body, label, true)
            }),
            StmtKind::For { cond, body, .. } => {
                cond.is_none() && !self.breaks_list(&body.stmts, label, true)
            }
            StmtKind::Labeled { label, stmt } => {
                self.terminating(*stmt, Some(self.ast.name(*label)))
            }
            _ => false,
        }
    }

    fn breaks_list(&self, list: &[StmtId], label: Option<Name>, implicit: bool) -> bool {
        list.iter().any(|&s| self.breaks(s, label, implicit))
    }
    fn breaks_block(&self, b: &Block, label: Option<Name>, implicit: bool) -> bool {
        self.breaks_list(&b.stmts, label, implicit)
    }

    /// Whether `s` holds a break out of the statement labelled `label` (or, with
    /// `implicit`, out of the innermost one).
    fn breaks(&self, s: StmtId, label: Option<Name>, implicit: bool) -> bool {
        match &self.ast.stmt(s).kind {
            StmtKind::Branch {
                kind: BranchKind::Break,
                label: l,
            } => match l {
                None => implicit,
                Some(l) => Some(self.ast.name(*l)) == label,
            },
            StmtKind::Block(b) => self.breaks_block(b, label, implicit),
            StmtKind::If { then, els, .. } => {
                self.breaks_block(then, label, implicit)
                    || els.is_some_and(|e| self.breaks(e, label, implicit))
            }
            StmtKind::Labeled { stmt, .. } => self.breaks(*stmt, label, implicit),
            StmtKind::Switch { cases, .. } | StmtKind::TypeSwitch { cases, .. } => {
                label.is_some()
                    && cases
                        .iter()
                        .any(|c| self.breaks_list(&c.body, label, false))
            }
            StmtKind::Select { cases, .. } => {
                label.is_some()
                    && cases
                        .iter()
                        .any(|c| self.breaks_list(&c.body, label, false))
            }
            StmtKind::For { body, .. } | StmtKind::Range { body, .. } => {
                label.is_some() && self.breaks_block(body, label, false)
            }
            _ => false,
        }
    }
}
