//! Expression switches and type switches.

use rustc_hash::FxHashMap as HashMap;

use super::check::Checker;
use super::constant::Const;
use super::info::Mode;
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::stmt::Ctx;
use super::ty::*;
use super::universe::basic;
use crate::base::diag::Diagnostic;
use crate::base::span::Span;
use crate::syntax::ast::{BinOp, CaseClause, ExprId, ExprKind, IdentId, StmtId};

/// Case values seen so far: by printed value, with type and place.
type Seen = HashMap<String, Vec<(Ty, Span)>>;

impl<'a> Checker<'a> {
    fn defaults(&mut self, cases: &[CaseClause]) {
        let mut first: Option<Span> = None;
        for c in cases.iter().filter(|c| c.is_default) {
            match first {
                Some(f) => {
                    let m = format!("multiple defaults (first at {})", self.place(f.lo));
                    self.err("DuplicateDefault", c.span, m);
                }
                None => first = Some(c.span),
            }
        }
    }

    pub(super) fn switch_stmt(
        &mut self,
        init: Option<StmtId>,
        tag: Option<ExprId>,
        cases: &'a [CaseClause],
        body: Span,
        ctx: Ctx,
    ) {
        let old = self.open_scope();
        if let Some(i) = init {
            self.simple_stmt(i);
        }
        let mut x = match tag {
            Some(e) => {
                let mut x = self.expr(e, None);
                self.assignment(&mut x, None, "switch expression");
                if !x.is_invalid() && !self.can_switch_on(&x) {
                    let mut m = format!("cannot switch on {}", self.describe(&x));
                    m += &format!(" ({} is not comparable)", self.tstr(x.ty));
                    self.err("InvalidExprSwitch", self.ospan(&x), m);
                    x.fail();
                }
                x
            }
            None => {
                let mut x = Operand::new(Mode::Constant, basic(Basic::Bool), None);
                x.val = Some(Const::from_bool(true));
                x.text = Some(("true".to_string(), body));
                x
            }
        };
        // Later cases must not see the tag's own constant folding.
        x.expr = None;
        if let Some(e) = tag {
            x.text = Some((self.estr(e), self.espan(e)));
        }
        self.defaults(cases);
        let mut seen = Seen::default();
        for (i, c) in cases.iter().enumerate() {
            self.case_values(&x, &c.exprs, &mut seen);
            let scope = self.open_scope();
            let last = i + 1 == cases.len();
            let inner = Ctx {
                break_ok: true,
                fallthrough_ok: !last,
                final_case: last,
                ..ctx
            };
            self.stmt_list(&c.body, inner);
            self.close_scope(scope);
        }
        self.close_scope(old);
    }

    fn case_values(&mut self, x: &Operand, exprs: &[ExprId], seen: &mut Seen) {
        for &e in exprs {
            let mut v = self.expr(e, None);
            if x.is_invalid() || v.is_invalid() {
                continue;
            }
            let mut tag = x.clone();
            let t = tag.ty;
            self.convert_untyped(&mut v, t);
            if v.is_invalid() {
                continue;
            }
            if is_untyped(tag.ty) {
                self.convert_untyped(&mut tag, v.ty);
            }
            let res = self.comparison(v.clone(), tag, BinOp::Eq, Some(()));
            if res.is_invalid() || v.mode != Mode::Constant {
                continue;
            }
            let Some(val) = &v.val else { continue };
            if matches!(val, Const::Bool(_) | Const::Complex(_)) {
                continue;
            }
            let list = seen.entry(case_key(val)).or_default();
            let prev = list.iter().find(|(t, _)| identical(*t, v.ty)).map(|p| p.1);
            if prev.is_none() {
                list.push((v.ty, Span::at(self.own_pos(e))));
            }
            if let Some(p) = prev {
                let m = format!(
                    "duplicate case {} in expression switch\n\t{}: previous case",
                    self.describe(&v),
                    self.place(p.lo)
                );
                let d = Diagnostic::error("DuplicateCase", self.espan(e), m)
                    .with_label(p, "previous case");
                self.report(d);
            }
        }
    }

    pub(super) fn type_switch(
        &mut self,
        s: StmtId,
        init: Option<StmtId>,
        bind: Option<IdentId>,
        xe: ExprId,
        cases: &'a [CaseClause],
        ctx: Ctx,
    ) {
        let old = self.open_scope();
        if let Some(i) = init {
            self.simple_stmt(i);
        }
        let mut bind = bind;
        if let Some(b) = bind
            && self.ast.name(b).is_blank()
        {
            self.err(
                "NoNewVar",
                self.ispan(b),
                "no new variable on left side of :=",
            );
            bind = None;
        }
        // The tree may hold `x.(type)` or just `x`.
        let inner = match &self.ast.expr(xe).kind {
            ExprKind::TypeAssert { x, ty: None } => *x,
            _ => xe,
        };
        let mut x = self.expr(inner, None);
        if inner != xe && !x.is_invalid() {
            self.record(xe, Mode::Value, Some(x.ty), None);
        }
        if !x.is_invalid() {
            let m = if matches!(x.ty.0, Type::TypeParam(_)) {
                Some(format!(
                    "cannot use type switch on type parameter value {}",
                    self.describe(&x)
                ))
            } else if !matches!(underlying(x.ty).0, Type::Interface(_)) || x.is_nil() {
                Some(format!("{} is not an interface", self.describe(&x)))
            } else {
                None
            };
            if let Some(m) = m {
                self.err("InvalidTypeSwitch", self.ospan(&x), m);
                x.fail();
            }
        }
        self.defaults(cases);
        let mut seen: Vec<(Option<Ty>, Span)> = Vec::new();
        let mut vars = Vec::new();
        for (i, c) in cases.iter().enumerate() {
            let t = self.case_types(&x, &c.exprs, &mut seen);
            let scope = self.open_scope();
            if let Some(b) = bind {
                let t = match (c.exprs.len(), t) {
                    (1, Some(t)) => t,
                    _ if x.is_invalid() => invalid(),
                    _ => x.ty,
                };
                let v = self.new_var(self.ast.name(b), self.ispan(b), Some(t), false);
                self.info.implicits.insert((s, i), v);
                self.declare(None, v);
                vars.push(v);
            }
            let inner = Ctx {
                break_ok: true,
                in_type_switch: true,
                ..ctx
            };
            self.stmt_list(&c.body, inner);
            self.close_scope(scope);
        }
        if let Some(b) = bind {
            self.switch_vars.push((b, vars));
        }
        self.close_scope(old);
    }

    /// Why an interface of type `x` cannot hold a `t`, if so.
    fn dynamic_type(&self, x: Ty, t: Ty) -> Result<(), String> {
        if is_interface(t) {
            return Ok(());
        }
        super::lookup::missing_method(t, x, false).map_or(Ok(()), Err)
    }

    /// Checks the types of a clause; gives the last one (None for `nil`).
    fn case_types(
        &mut self,
        x: &Operand,
        exprs: &[ExprId],
        seen: &mut Vec<(Option<Ty>, Span)>,
    ) -> Option<Ty> {
        let mut last = None;
        for &e in exprs {
            let inner = self.ast.unparen(e);
            let is_nil = match self.ast.expr(inner).kind {
                ExprKind::Ident(i) => self
                    .lookup_name(self.ast.name(i))
                    .is_some_and(|o| matches!(o.kind, ObjKind::Nil)),
                _ => false,
            };
            let t = if is_nil {
                self.raw_expr(e, None);
                // The case compares with an interface value.
                if !x.is_invalid() {
                    self.update_expr_type(e, x.ty, true);
                }
                None
            } else {
                let t = self.var_type(e);
                if !is_valid(t) {
                    last = Some(t);
                    continue;
                }
                Some(t)
            };
            last = t;
            let span = self.espan(e);
            let prev = seen.iter().find(|(o, _)| match (o, t) {
                (None, None) => true,
                (Some(a), Some(b)) => identical(*a, b),
                _ => false,
            });
            if let Some(&(_, p)) = prev {
                let name = t.map_or("nil".to_string(), |t| self.tstr(t));
                let m = format!(
                    "duplicate case {name} in type switch\n\t{}: previous case",
                    self.place(p.lo)
                );
                let d = Diagnostic::error("DuplicateCase", span, m).with_label(p, "previous case");
                self.report(d);
                continue;
            }
            seen.push((t, span));
            let Some(t) = t else { continue };
            if x.is_invalid() {
                continue;
            }
            if let Err(cause) = self.dynamic_type(x.ty, t) {
                let m = format!(
                    "impossible type switch case: {}\n\t{} cannot have dynamic type {} {cause}",
                    self.estr(e),
                    self.describe(x),
                    self.tstr(t)
                );
                self.err("ImpossibleAssert", span, m);
            }
        }
        last
    }
}

/// Text that is the same for equal constants only.
pub(super) fn case_key(v: &Const) -> String {
    match v {
        Const::Str(s) => format!("{s:?}"),
        _ => v.display(),
    }
}
