//! Chains of `||` and `&&` that test something twice, or that nothing can (or everything
//! must) pass.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use super::Vet;
use super::walk::{Node, walk};
use crate::syntax::ast::*;
use crate::syntax::dump::expr_string;
use crate::types::ty::Builtin;

impl Vet<'_> {
    pub(super) fn bools(&mut self) {
        let mut done = HashSet::default();
        // An expression comes after its operands, so whole chains come first.
        for i in (0..self.ast.exprs.len()).rev() {
            let e = ExprId(i as u32);
            let ExprKind::Binary {
                op: op @ (BinOp::LOr | BinOp::LAnd),
                ..
            } = self.ast.expr(e).kind
            else {
                continue;
            };
            if done.contains(&e) || self.ty(e).is_none() {
                continue;
            }
            let mut links = Vec::new();
            self.links(e, op, &mut links, &mut done);
            // What has effects divides the chain: the same test may have another result then.
            let divides: Vec<bool> = links.iter().map(|x| self.changes(*x)).collect();
            let mut at = 0;
            for part in divides.split(|d| *d) {
                self.redundant(&links[at..at + part.len()], op);
                self.suspect(&links[at..at + part.len()], op);
                at += part.len() + 1;
            }
        }
    }

    /// The operands of a chain, from the right.
    fn links(&self, e: ExprId, op: BinOp, out: &mut Vec<ExprId>, done: &mut HashSet<ExprId>) {
        let e = self.ast.unparen(e);
        match self.ast.expr(e).kind {
            ExprKind::Binary { op: o, x, y, .. } if o == op => {
                done.insert(e);
                self.links(y, op, out, done);
                self.links(x, op, out, done);
            }
            _ => out.push(e),
        }
    }

    /// Whether evaluating it may change something, as far as go vet looks.
    fn changes(&self, e: ExprId) -> bool {
        let mut found = false;
        walk(self.ast, Node::Expr(e), &mut |n| {
            let Node::Expr(x) = n else { return true };
            match &self.ast.expr(x).kind {
                ExprKind::FuncLit(_) => return false,
                ExprKind::Unary { op, .. } => found |= *op == UnOp::Recv,
                ExprKind::Call { fun, .. } => {
                    let pure_builtin = self.builtin(*fun).is_some_and(|b| {
                        !matches!(
                            b,
                            Builtin::Append
                                | Builtin::Clear
                                | Builtin::Close
                                | Builtin::Copy
                                | Builtin::Delete
                                | Builtin::Panic
                                | Builtin::Print
                                | Builtin::Println
                                | Builtin::Recover
                        )
                    });
                    found |= !pure_builtin && !self.is_type(*fun);
                }
                _ => {}
            }
            !found
        });
        found
    }

    fn redundant(&mut self, links: &[ExprId], op: BinOp) {
        let mut seen = HashSet::default();
        for e in links {
            let text = expr_string(self.ast, self.sources, *e);
            if !seen.insert(text.clone()) {
                let (name, sign) = words(op);
                let message = format!("redundant {name}: {text} {sign} {text}");
                self.warn("VetBools", self.span(*e), message);
            }
        }
    }

    /// `x != 1 || x != 2` is always true, `x == 1 && x == 2` never.
    fn suspect(&mut self, links: &[ExprId], op: BinOp) {
        let bad = if op == BinOp::LOr {
            BinOp::Ne
        } else {
            BinOp::Eq
        };
        let mut seen: HashMap<String, String> = HashMap::default();
        for e in links {
            let ExprKind::Binary { op: o, x, y, .. } = self.ast.expr(*e).kind else {
                continue;
            };
            let known = |e: ExprId| self.info.types[e.index()].value.is_some();
            let other = match (known(x), known(y)) {
                _ if o != bad => continue,
                (_, true) => x,
                (true, _) => y,
                _ => continue,
            };
            let other = expr_string(self.ast, self.sources, other);
            let text = expr_string(self.ast, self.sources, *e);
            match seen.get(&other) {
                Some(before) if *before != text => {
                    let (name, sign) = words(op);
                    let message = format!("suspect {name}: {text} {sign} {before}");
                    self.warn("VetBools", self.span(*e), message);
                }
                Some(_) => {}
                None => {
                    seen.insert(other, text);
                }
            }
        }
    }
}

fn words(op: BinOp) -> (&'static str, &'static str) {
    if op == BinOp::LOr {
        ("or", "||")
    } else {
        ("and", "&&")
    }
}
