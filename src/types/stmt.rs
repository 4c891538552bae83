//! Statements.

use super::assign::Sink;
use super::check::Checker;
use super::info::Mode;
use super::operand::{Operand, is_valid};
use super::predicates::*;
use super::ty::*;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::{Block, BranchKind, CommClause, ExprId, ExprKind, StmtId, StmtKind, UnOp};

/// What branch statements may refer to here.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ctx {
    /// Inside a loop, switch or select.
    pub break_ok: bool,
    /// Inside a loop.
    pub continue_ok: bool,
    /// Last statement of a switch clause with a following one.
    pub fallthrough_ok: bool,
    /// Inside the last clause of a switch.
    pub final_case: bool,
    /// Inside a type switch.
    pub in_type_switch: bool,
}

/// What a call used as a statement is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallKind {
    Conversion,
    /// Its result must be used.
    Expression,
    Statement,
}

impl<'a> Checker<'a> {
    pub(super) fn stmt_list(&mut self, list: &'a [StmtId], ctx: Ctx) {
        let mut n = list.len();
        while n > 0 && matches!(self.ast.stmt(list[n - 1]).kind, StmtKind::Empty) {
            n -= 1;
        }
        for (i, &s) in list.iter().enumerate() {
            let inner = Ctx {
                fallthrough_ok: ctx.fallthrough_ok && i + 1 == n,
                final_case: ctx.final_case && i + 1 == n,
                in_type_switch: ctx.in_type_switch && i + 1 == n,
                ..ctx
            };
            self.stmt(s, inner);
        }
    }

    fn block(&mut self, b: &'a Block, ctx: Ctx) {
        let old = self.open_scope();
        self.stmt_list(&b.stmts, ctx);
        self.close_scope(old);
    }

    fn stmt(&mut self, s: StmtId, ctx: Ctx) {
        let ast = self.ast;
        let st = ast.stmt(s);
        let inner = Ctx {
            fallthrough_ok: false,
            final_case: false,
            in_type_switch: false,
            ..ctx
        };
        match &st.kind {
            StmtKind::Bad | StmtKind::Empty | StmtKind::Cover(_) => {}
            StmtKind::Expr(e) => self.expr_stmt(*e),
            StmtKind::Send { chan, value, .. } => self.send(*chan, *value, st.span),
            StmtKind::IncDec { x, inc } => {
                let op = if *inc {
                    crate::syntax::ast::BinOp::Add
                } else {
                    crate::syntax::ast::BinOp::Sub
                };
                self.assign_op(*x, op, None, st.span);
            }
            StmtKind::Assign { lhs, rhs, op, .. } => match op {
                None => self.assign_vars(lhs, rhs),
                Some(op) => {
                    if let ([l], [r]) = (&lhs[..], &rhs[..]) {
                        self.assign_op(*l, *op, Some(*r), st.span);
                    } else {
                        let m = format!(
                            "assignment operation {}= requires single-valued expressions",
                            op.text()
                        );
                        self.err("MultiValAssignOp", st.span, m);
                        self.use_exprs(lhs);
                        self.use_exprs(rhs);
                    }
                }
            },
            StmtKind::Define { lhs, rhs, op_pos } => self.short_var_decl(*op_pos, lhs, rhs),
            StmtKind::Go(e) => self.suspended_call("go", *e),
            StmtKind::Defer(e) => self.suspended_call("defer", *e),
            StmtKind::Return(vals) => self.return_stmt(st.span, vals),
            StmtKind::Branch { kind, label } => {
                if label.is_none() {
                    self.branch(*kind, st.span, ctx);
                }
            }
            StmtKind::Block(b) => self.block(b, inner),
            StmtKind::If {
                init,
                cond,
                then,
                els,
            } => {
                let old = self.open_scope();
                if let Some(i) = init {
                    self.stmt(*i, Ctx::default());
                }
                self.condition(*cond, "if");
                self.block(then, inner);
                if let Some(e) = els {
                    self.stmt(*e, inner);
                }
                self.close_scope(old);
            }
            StmtKind::Switch {
                init,
                tag,
                cases,
                body,
            } => self.switch_stmt(*init, *tag, cases, *body, inner),
            StmtKind::TypeSwitch {
                init,
                bind,
                x,
                cases,
                ..
            } => self.type_switch(s, *init, *bind, *x, cases, inner),
            StmtKind::Select { cases, .. } => self.select(cases, inner),
            StmtKind::For {
                init,
                cond,
                post,
                body,
            } => {
                let inner = Ctx {
                    break_ok: true,
                    continue_ok: true,
                    ..inner
                };
                let old = self.open_scope();
                if let Some(i) = init {
                    self.stmt(*i, Ctx::default());
                }
                if let Some(c) = cond {
                    self.condition(*c, "for");
                }
                if let Some(p) = post {
                    if let StmtKind::Define { .. } = ast.stmt(*p).kind {
                        self.err(
                            "InvalidPostDecl",
                            self.sspan(*p),
                            "cannot declare in post statement of for loop",
                        );
                    }
                    self.stmt(*p, Ctx::default());
                }
                self.block(body, inner);
                self.close_scope(old);
            }
            StmtKind::Range {
                key,
                value,
                define,
                x,
                body,
                ..
            } => {
                let inner = Ctx {
                    break_ok: true,
                    continue_ok: true,
                    ..inner
                };
                let old = self.open_scope();
                let by_func = self.range_clause(*key, *value, *define, *x);
                self.block(body, inner);
                self.env.vdepth -= u32::from(by_func);
                self.close_scope(old);
            }
            StmtKind::Labeled { stmt, .. } => self.stmt(*stmt, ctx),
            StmtKind::Decl(d) => self.decl_stmt(d),
        }
    }

    /// A simple statement in a header.
    pub(super) fn simple_stmt(&mut self, s: StmtId) {
        self.stmt(s, Ctx::default());
    }

    fn condition(&mut self, e: ExprId, what: &str) {
        let mut x = self.expr(e, None);
        if x.is_invalid() {
            return;
        }
        if !all_boolean(x.ty) || x.is_nil() {
            let m = format!("non-boolean condition in {what} statement");
            self.err("InvalidCond", self.espan(e), m);
            return;
        }
        if is_untyped(x.ty) {
            let t = default_type(x.ty);
            self.convert_untyped(&mut x, t);
        }
    }

    /// Whether a checked call may stand as a statement.
    pub(super) fn call_kind(&self, e: ExprId) -> Option<CallKind> {
        let e = self.ast.unparen(e);
        let ExprKind::Call { fun, .. } = &self.ast.expr(e).kind else {
            return None;
        };
        let tv = &self.info.types[fun.index()];
        Some(match tv.mode {
            Mode::TypeExpr => CallKind::Conversion,
            Mode::Builtin(b) => match b {
                Builtin::Clear
                | Builtin::Close
                | Builtin::Copy
                | Builtin::Delete
                | Builtin::Panic
                | Builtin::Print
                | Builtin::Println
                | Builtin::Recover => CallKind::Statement,
                _ => CallKind::Expression,
            },
            _ => CallKind::Statement,
        })
    }

    fn expr_stmt(&mut self, e: ExprId) {
        let x = self.raw_expr(e, None);
        let what = match x.mode {
            Mode::Invalid | Mode::NoValue => return,
            Mode::Builtin(_) => "must be called",
            Mode::TypeExpr => "is not an expression",
            _ => {
                let inner = self.ast.unparen(e);
                let recv = matches!(
                    self.ast.expr(inner).kind,
                    ExprKind::Unary { op: UnOp::Recv, .. }
                );
                if recv || self.call_kind(e) == Some(CallKind::Statement) {
                    return;
                }
                "is not used"
            }
        };
        let m = format!("{} {what}", self.describe(&x));
        self.err("UnusedExpr", self.espan(e), m);
    }

    fn send(&mut self, ce: ExprId, ve: ExprId, span: Span) {
        let ch = self.expr(ce, None);
        let hint = match core_type(ch.ty).map(|t| t.0) {
            Some(Type::Chan(_, elem)) if !ch.is_invalid() => Some(*elem),
            _ => None,
        };
        let mut v = self.expr(ve, hint);
        if ch.is_invalid() || v.is_invalid() {
            return;
        }
        let cause = match channel_elem(ch.ty, false) {
            Ok(elem) => {
                self.assignment(&mut v, Some(elem), "send");
                return;
            }
            Err(cause) => cause,
        };
        let m = if is_type_param(ch.ty) {
            format!(
                "invalid operation: cannot send to {}: {cause}",
                self.describe(&ch)
            )
        } else {
            format!(
                "invalid operation: cannot send to {cause} {}",
                self.describe(&ch)
            )
        };
        let d = Diagnostic::error("InvalidSend", span, m);
        let d = self.hint_direction(d, &ch);
        self.report(d);
    }

    fn suspended_call(&mut self, word: &str, e: ExprId) {
        let inner = self.ast.unparen(e);
        if !matches!(self.ast.expr(inner).kind, ExprKind::Call { .. }) {
            // Reported by the parser.
            self.use_exprs(&[e]);
            return;
        }
        let x = self.raw_expr(e, None);
        if x.is_invalid() {
            return;
        }
        let m = match self.call_kind(e) {
            Some(CallKind::Conversion) => format!(
                "{word} requires function call, not conversion {}",
                self.describe(&x)
            ),
            Some(CallKind::Expression) => {
                format!("{word} discards result of {}", self.describe(&x))
            }
            _ => return,
        };
        self.err("UnusedResults", self.espan(e), m);
    }

    fn return_stmt(&mut self, span: Span, vals: &[ExprId]) {
        let results = self.env.results.clone();
        if !vals.is_empty() {
            for r in &results {
                if r.name != Name::EMPTY {
                    self.mark_var_assigned(*r);
                }
            }
            self.init_vars(&results, vals, Sink::Return(span));
            return;
        }
        let Some(first) = results.first() else { return };
        if first.name == Name::EMPTY {
            self.missing_results(&results, span);
            return;
        }
        for r in results {
            if r.name.is_blank() {
                continue;
            }
            if let Some(alt) = self.lookup_name(r.name)
                && alt != r
            {
                let what = match &alt.kind {
                    ObjKind::Var(_) => "var ",
                    ObjKind::Const(_) => "const ",
                    ObjKind::TypeName { .. } => "type ",
                    _ => "",
                };
                let t = r.ty.get().map_or(String::new(), |t| self.tstr(t));
                // A clash of two results or parameters points back at the first.
                let m = format!(
                    "result parameter {} not in scope at return\n\t{}: inner declaration of {what}{} {t}",
                    r.name,
                    self.place(alt.span.lo),
                    r.name
                );
                let d = Diagnostic::error("OutOfScopeResult", span, m)
                    .with_label(alt.span, "inner declaration");
                self.report(d);
            }
        }
    }

    fn branch(&mut self, kind: BranchKind, span: Span, ctx: Ctx) {
        let m = match kind {
            BranchKind::Break if !ctx.break_ok => "break is not in a loop, switch, or select",
            BranchKind::Continue if !ctx.continue_ok => "continue is not in a loop",
            BranchKind::Fallthrough if ctx.in_type_switch => "cannot fallthrough in type switch",
            BranchKind::Fallthrough if ctx.fallthrough_ok => return,
            BranchKind::Fallthrough if ctx.final_case => "cannot fallthrough final case in switch",
            BranchKind::Fallthrough => "fallthrough statement out of place",
            _ => return,
        };
        self.err("MisplacedBranch", span, m);
    }

    fn select(&mut self, cases: &'a [CommClause], ctx: Ctx) {
        let ast = self.ast;
        let mut default: Option<Span> = None;
        for c in cases {
            if c.comm.is_none() {
                if let Some(first) = default {
                    let m = format!(
                        "multiple defaults in select (first at {})",
                        self.place(first.lo)
                    );
                    self.err("DuplicateDefault", c.span, m);
                }
                default = Some(default.unwrap_or(c.span));
            }
            let old = self.open_scope();
            if let Some(s) = c.comm {
                let is_recv = |e: ExprId| {
                    matches!(
                        ast.expr(ast.unparen(e)).kind,
                        ExprKind::Unary { op: UnOp::Recv, .. }
                    )
                };
                let ok = match &ast.stmt(s).kind {
                    StmtKind::Send { .. } => true,
                    StmtKind::Expr(e) => is_recv(*e),
                    StmtKind::Assign { rhs, .. } | StmtKind::Define { rhs, .. } => {
                        matches!(rhs[..], [e] if is_recv(e))
                    }
                    StmtKind::Bad => true,
                    _ => false,
                };
                if !ok {
                    // Reported by the parser.
                    self.close_scope(old);
                    continue;
                }
                self.stmt(s, Ctx::default());
            }
            let inner = Ctx {
                break_ok: true,
                ..ctx
            };
            self.stmt_list(&c.body, inner);
            self.close_scope(old);
        }
    }

    /// Whether values of the operand can be compared or are nil-able, for switch tags.
    pub(super) fn can_switch_on(&self, x: &Operand) -> bool {
        !is_valid(x.ty) || comparable_type(x.ty, true).is_ok() || has_nil(x.ty)
    }
}
