//! Loops that defer unlocking, or close a channel once too often.

use super::Vet;
use super::walk::{Node, walk_stmts};
use crate::syntax::ast::*;
use crate::types::ty::{Builtin, Obj};

impl Vet<'_> {
    pub(super) fn loops(&mut self) {
        for i in 0..self.ast.stmts.len() {
            let s = StmtId(i as u32);
            let span = self.ast.stmt(s).span;
            let (body, ranged) = match &self.ast.stmt(s).kind {
                StmtKind::For { body, .. } => (body, None),
                StmtKind::Range { body, x, .. } => (body, self.variable(*x)),
                _ => continue,
            };
            self.deferred_unlocks(&body.stmts);
            let outside = |o: Obj| o.span.lo < span.lo || o.span.lo >= span.hi;
            self.closes(&body.stmts, ranged, &outside, true);
        }
    }

    /// `defer mu.Unlock()` in a loop, but not in a function literal or an inner loop, which
    /// is looked at for itself.
    fn deferred_unlocks(&mut self, body: &[StmtId]) {
        let mut hits = Vec::new();
        walk_stmts(self.ast, body, &mut |n| match n {
            Node::Expr(e) => !matches!(self.ast.expr(e).kind, ExprKind::FuncLit(_)),
            Node::Stmt(s) => {
                if let StmtKind::Defer(c) = &self.ast.stmt(s).kind {
                    let name = self.callee(*c).unwrap_or_default();
                    if matches!(
                        name.as_str(),
                        "sync.Mutex.Unlock" | "sync.RWMutex.Unlock" | "sync.RWMutex.RUnlock"
                    ) && let Some((fun, _)) = self.call(*c)
                    {
                        hits.push((self.ast.stmt(s).span, self.source(fun)));
                    }
                }
                !matches!(
                    self.ast.stmt(s).kind,
                    StmtKind::For { .. } | StmtKind::Range { .. }
                )
            }
        });
        for (at, name) in hits {
            let text = format!(
                "defer of {name} in a loop: it runs when the function returns, not at the end of each iteration"
            );
            self.warn("VetDeferInLoop", at, text);
        }
    }

    /// `close(ch)` in a loop that may go round again, where `ch` comes from outside.
    fn closes(
        &mut self,
        list: &[StmtId],
        ranged: Option<Obj>,
        outside: &dyn Fn(Obj) -> bool,
        falls: bool,
    ) {
        // Whether what follows the list's end goes round again.
        let leaves = |s: &StmtId| match &self.ast.stmt(*s).kind {
            StmtKind::Return(_) => true,
            StmtKind::Branch { kind, .. } => {
                matches!(kind, BranchKind::Break | BranchKind::Goto)
            }
            StmtKind::Expr(e) => self
                .call(*e)
                .is_some_and(|(f, _)| self.builtin(f) == Some(Builtin::Panic)),
            _ => false,
        };
        let again = falls && !list.iter().any(leaves);
        if !again {
            return;
        }
        for s in list {
            match &self.ast.stmt(*s).kind {
                StmtKind::Expr(e) => self.close_in_loop(*e, list, ranged, outside),
                StmtKind::Block(b) => self.closes(&b.stmts, ranged, outside, true),
                StmtKind::If { then, els, .. } => {
                    self.closes(&then.stmts, ranged, outside, true);
                    if let Some(e) = els {
                        self.closes(&[*e], ranged, outside, true);
                    }
                }
                _ => {}
            }
        }
    }
    fn close_in_loop(
        &mut self,
        e: ExprId,
        list: &[StmtId],
        ranged: Option<Obj>,
        outside: &dyn Fn(Obj) -> bool,
    ) {
        let Some((fun, [ch])) = self.call(e) else {
            return;
        };
        let Some(var) = self.variable(*ch) else {
            return;
        };
        if self.builtin(fun) != Some(Builtin::Close) || !outside(var) {
            return;
        }
        let name = var.name;
        if ranged == Some(var) {
            let text = format!(
                "close of {name} in a loop that receives from it: only its senders know when it may be closed"
            );
            self.warn("VetLoopClose", self.span(e), text);
            return;
        }
        // A new channel each time round is fine.
        let renewed = list.iter().any(|s| match &self.ast.stmt(*s).kind {
            StmtKind::Assign { lhs, .. } => lhs.iter().any(|l| self.variable(*l) == Some(var)),
            _ => false,
        });
        if !renewed {
            let text =
                format!("close of {name} in a loop: the next iteration closes a closed channel");
            self.warn("VetLoopClose", self.span(e), text);
        }
    }
}
