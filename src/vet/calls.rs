//! Single calls and assignments: `WaitGroup.Add` too late, unbuffered `signal.Notify`,
//! results nobody uses, self-assignment, and the like.

use super::Vet;
use crate::syntax::ast::*;
use crate::types::info::Mode;
use crate::types::predicates::{as_signature, basic_kind, underlying};
use crate::types::ty::{Basic, Builtin, ObjKind, Type};

/// Functions that are called for their result only.
const PURE: &[&str] = &[
    "context.WithCancel",
    "context.WithDeadline",
    "context.WithTimeout",
    "context.WithValue",
    "errors.New",
    "fmt.Append",
    "fmt.Appendf",
    "fmt.Appendln",
    "fmt.Errorf",
    "fmt.Sprint",
    "fmt.Sprintf",
    "fmt.Sprintln",
    "maps.All",
    "maps.Clone",
    "maps.Collect",
    "maps.Equal",
    "maps.EqualFunc",
    "maps.Keys",
    "maps.Values",
    "slices.All",
    "slices.Backward",
    "slices.BinarySearch",
    "slices.BinarySearchFunc",
    "slices.Chunk",
    "slices.Clip",
    "slices.Clone",
    "slices.Collect",
    "slices.Compact",
    "slices.CompactFunc",
    "slices.Compare",
    "slices.CompareFunc",
    "slices.Concat",
    "slices.Contains",
    "slices.ContainsFunc",
    "slices.Delete",
    "slices.DeleteFunc",
    "slices.Equal",
    "slices.EqualFunc",
    "slices.Grow",
    "slices.Index",
    "slices.IndexFunc",
    "slices.Insert",
    "slices.IsSorted",
    "slices.IsSortedFunc",
    "slices.Max",
    "slices.MaxFunc",
    "slices.Min",
    "slices.MinFunc",
    "slices.Repeat",
    "slices.Replace",
    "slices.Sorted",
    "slices.SortedFunc",
    "slices.SortedStableFunc",
    "slices.Values",
    "sort.Reverse",
];

impl Vet<'_> {
    pub(super) fn calls(&mut self) {
        for i in 0..self.ast.stmts.len() {
            let s = StmtId(i as u32);
            match &self.ast.stmt(s).kind {
                StmtKind::Go(call) => self.late_add(*call),
                StmtKind::Expr(e) => self.unused_result(*e),
                StmtKind::Assign {
                    lhs, rhs, op: None, ..
                } => self.assignment(s, lhs, rhs),
                _ => {}
            }
        }
        for i in 0..self.ast.exprs.len() {
            let e = ExprId(i as u32);
            if self.mode(e) == Mode::Invalid {
                continue;
            }
            match &self.ast.expr(e).kind {
                ExprKind::Call { fun, args, .. } => {
                    self.notify(e, args);
                    self.string_of_int(*fun, args);
                }
                ExprKind::Binary {
                    op: op @ (BinOp::Eq | BinOp::Ne),
                    x,
                    y,
                    ..
                } => self.func_is_nil(e, *op, *x, *y),
                _ => {}
            }
        }
    }

    /// `go func() { wg.Add(1); ... }()`: Wait may come first.
    fn late_add(&mut self, call: ExprId) {
        let Some((fun, _)) = self.call(call) else {
            return;
        };
        let ExprKind::FuncLit(f) = self.ast.expr(self.ast.unparen(fun)).kind else {
            return;
        };
        let Some(first) = self.ast.func(f).body.as_ref().and_then(|b| b.stmts.first()) else {
            return;
        };
        let StmtKind::Expr(e) = self.ast.stmt(*first).kind else {
            return;
        };
        if self.callee(e).as_deref() == Some("sync.WaitGroup.Add")
            && let Some((fun, _)) = self.call(e)
            && let ExprKind::Call { lparen, .. } = self.ast.expr(self.ast.unparen(e)).kind
        {
            let mut at = self.span(fun);
            at.lo = lparen;
            at.hi = self.span(e).hi;
            self.warn(
                "VetWaitGroup",
                at,
                "WaitGroup.Add called from inside new goroutine",
            );
        }
    }

    fn notify(&mut self, e: ExprId, args: &[ExprId]) {
        if self.callee(e).as_deref() != Some("os/signal.Notify") {
            return;
        }
        let Some(ch) = args.first() else { return };
        // A channel that nothing else knows cannot be waited for in time anyway.
        let made = self.variable(*ch).and_then(|var| self.made_by(var));
        let Some((fun, [_])) = made.and_then(|m| self.call(m)) else {
            return;
        };
        if self.builtin(fun) == Some(Builtin::Make) {
            self.warn(
                "VetSignalChan",
                self.span(e),
                "misuse of unbuffered os.Signal channel as argument to signal.Notify",
            );
        }
    }
    /// The value a variable is declared with.
    fn made_by(&self, var: crate::types::ty::Obj) -> Option<ExprId> {
        let spec = |specs: &[VarSpec]| {
            specs.iter().find_map(|s| {
                let i = s.names.iter().position(|n| self.ident(*n) == Some(var))?;
                (s.names.len() == s.values.len()).then(|| s.values[i])
            })
        };
        let local = self.ast.stmts.iter().find_map(|s| match &s.kind {
            StmtKind::Define { lhs, rhs, .. } if lhs.len() == rhs.len() => {
                let i = lhs.iter().position(|l| match self.ast.expr(*l).kind {
                    ExprKind::Ident(id) => self.info.defs[id.index()] == Some(var),
                    _ => false,
                })?;
                Some(rhs[i])
            }
            StmtKind::Decl(Decl::Var(specs)) => spec(specs),
            _ => None,
        });
        local.or_else(|| {
            let decls = self.ast.files.iter().flat_map(|f| &f.decls);
            decls.into_iter().find_map(|d| match d {
                Decl::Var(specs) => spec(specs),
                _ => None,
            })
        })
    }

    fn unused_result(&mut self, e: ExprId) {
        let Some((fun, _)) = self.call(e) else { return };
        let Some(obj) = self.object(fun) else { return };
        let Some(name) = super::qualified(obj) else {
            return;
        };
        let is_method = self.info.selections.contains_key(&self.ast.unparen(fun));
        if is_method {
            let plain = matches!(obj.name.as_str(), "String" | "Error")
                && obj.ty.get().and_then(as_signature).is_some_and(|s| {
                    s.params.is_empty()
                        && s.results.len() == 1
                        && basic_kind(s.results[0].ty) == Some(Basic::String)
                });
            if plain {
                let recv = self.info.selections[&self.ast.unparen(fun)].recv;
                let text = format!(
                    "result of ({}).{} call not used",
                    self.type_name(recv),
                    obj.name
                );
                self.warn("VetUnusedResult", self.span(e), text);
            }
        } else if PURE.contains(&name.as_str()) {
            let text = format!("result of {name} call not used");
            self.warn("VetUnusedResult", self.span(e), text);
        }
    }

    fn assignment(&mut self, s: StmtId, lhs: &[ExprId], rhs: &[ExprId]) {
        if lhs.len() != rhs.len() {
            return;
        }
        for (l, r) in lhs.iter().zip(rhs) {
            if self.source(*l) == "_" {
                continue;
            }
            if self.source(*l) == self.source(*r) && !self.has_effects(*l) {
                let text = format!("self-assignment of {}", self.source(*r));
                self.warn("VetSelfAssign", self.ast.stmt(s).span, text);
                continue;
            }
            let Some((_, args)) = self.call(*r) else {
                continue;
            };
            let atomic = self.callee(*r).is_some_and(|n| {
                ["Int32", "Int64", "Uint32", "Uint64", "Uintptr"]
                    .iter()
                    .any(|t| n == format!("sync/atomic.Add{t}"))
            });
            let Some(first) = args.first().filter(|_| atomic) else {
                continue;
            };
            let same = match &self.ast.expr(*first).kind {
                ExprKind::Unary { op: UnOp::Addr, x } => self.source(*x) == self.source(*l),
                _ => match &self.ast.expr(*l).kind {
                    ExprKind::Star(x) => self.source(*x) == self.source(*first),
                    _ => false,
                },
            };
            if same {
                self.warn(
                    "VetAtomic",
                    self.span(*l),
                    "direct assignment to atomic value",
                );
            }
        }
    }
    /// Whether evaluating it may do or read something that changes.
    fn has_effects(&self, e: ExprId) -> bool {
        let mut hit = false;
        super::walk::walk(self.ast, super::walk::Node::Expr(e), &mut |n| {
            if let super::walk::Node::Expr(e) = n {
                let map = |x: ExprId| {
                    self.ty(x)
                        .is_some_and(|t| matches!(*underlying(t), Type::Map(..)))
                };
                hit |= match &self.ast.expr(e).kind {
                    ExprKind::Call { .. } | ExprKind::Unary { op: UnOp::Recv, .. } => true,
                    ExprKind::Index { x, .. } => map(*x),
                    _ => false,
                };
            }
            !hit
        });
        hit
    }

    fn string_of_int(&mut self, fun: ExprId, args: &[ExprId]) {
        let [arg] = args else { return };
        if !self.is_type(self.ast.unparen(fun)) {
            return;
        }
        let (Some(to), Some(from)) = (self.ty(fun), self.ty(*arg)) else {
            return;
        };
        let kind = basic_kind(from);
        let number = matches!(
            kind,
            Some(
                Basic::Int
                    | Basic::Int8
                    | Basic::Int16
                    | Basic::Int64
                    | Basic::Uint
                    | Basic::Uint16
                    | Basic::Uint32
                    | Basic::Uint64
                    | Basic::Uintptr
            )
        );
        let constant = self.mode(*arg) == Mode::Constant;
        if basic_kind(to) == Some(Basic::String) && number && !constant {
            let (from, to) = (self.type_name(from), self.type_name(to));
            let text = format!(
                "conversion from {from} to {to} yields a string of one rune, not a string of digits"
            );
            self.warn("VetStringInt", self.span(fun), text);
        }
    }

    fn func_is_nil(&mut self, e: ExprId, op: BinOp, x: ExprId, y: ExprId) {
        let nil = |e| self.mode(e) == Mode::Nil;
        let other = match (nil(x), nil(y)) {
            (false, true) => x,
            (true, false) => y,
            _ => return,
        };
        let Some(obj) = self.object(other) else {
            return;
        };
        if matches!(obj.kind, ObjKind::Func { .. }) {
            let value = op == BinOp::Ne;
            let text = format!(
                "comparison of function {} {} nil is always {value}",
                obj.name,
                op.text()
            );
            self.warn("VetNilFunc", self.span(e), text);
        }
    }
}
