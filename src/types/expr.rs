//! Expressions: the walk, names, literals.

use super::check::Checker;
use super::constant::Const;
use super::info::Mode;
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe::basic;
use crate::base::diag::Diagnostic;
use crate::base::span::Span;
use crate::syntax::ast::{ExprId, ExprKind, IdentId, LitKind};
use crate::syntax::literal;

impl<'a> Checker<'a> {
    /// Checks any expression, types and calls without results included, and records it.
    /// `hint` is the type the context wants (for generic function values).
    pub(super) fn raw_expr(&mut self, e: ExprId, hint: Option<Ty>) -> Operand {
        let x = self.expr_internal(e, hint);
        self.finish_expr(e, x)
    }

    /// Records the outcome of an expression.
    pub(super) fn finish_expr(&mut self, e: ExprId, mut x: Operand) -> Operand {
        x.expr = Some(e);
        x.text = None;
        if x.mode == Mode::TypeExpr {
            if let Some(slot) = self.info.types.get_mut(e.index()) {
                slot.mode = Mode::TypeExpr;
                slot.ty = Some(x.ty);
                slot.value = None;
            }
        } else {
            self.remember(e, &x);
        }
        x
    }

    /// Refuses what is not a value.
    pub(super) fn exclude_non_values(&mut self, x: &mut Operand) {
        self.exclude(x, false);
        self.single_value(x);
    }

    fn exclude(&mut self, x: &mut Operand, types_ok: bool) {
        let what = match x.mode {
            Mode::NoValue => "used as value",
            Mode::Builtin(_) => "must be called",
            Mode::TypeExpr if !types_ok => "is not an expression",
            _ => return,
        };
        let code = match x.mode {
            Mode::NoValue => "TooManyValues",
            Mode::Builtin(_) => "UncalledBuiltin",
            _ => "NotAnExpr",
        };
        let m = format!("{} {what}", self.describe(x));
        self.err(code, self.ospan(x), m);
        x.fail();
    }

    fn no_generic(&mut self, x: &mut Operand) {
        let m = match (x.mode, x.ty.0) {
            (Mode::TypeExpr, _) if is_generic(x.ty) => {
                format!(
                    "cannot use generic type {} without instantiation",
                    self.generic_name(x.ty)
                )
            }
            (Mode::Value, Type::Signature(s)) if !s.tparams.is_empty() => {
                if let Some(e) = x.expr
                    && let Some(p) = self.partial.remove(&self.ast.unparen(e))
                {
                    self.err("CannotInferTypeArgs", p.at, p.message);
                    x.fail();
                    return;
                }
                format!(
                    "cannot use generic function {} without instantiation",
                    self.oexpr(x)
                )
            }
            _ => return,
        };
        self.err("WrongTypeArgCount", self.ospan(x), m);
        x.fail();
    }

    /// Checks an expression that must be one value.
    pub(super) fn expr(&mut self, e: ExprId, hint: Option<Ty>) -> Operand {
        let mut x = self.raw_expr(e, hint);
        self.no_generic(&mut x);
        self.exclude(&mut x, false);
        self.single_value(&mut x);
        x
    }

    /// Like [`Checker::expr`], but generic functions need no instantiation.
    pub(super) fn generic_expr(&mut self, e: ExprId) -> Operand {
        let mut x = self.raw_expr(e, None);
        self.exclude(&mut x, false);
        self.single_value(&mut x);
        x
    }

    /// Checks a value or a type.
    pub(super) fn expr_or_type(&mut self, e: ExprId) -> Operand {
        let mut x = self.raw_expr(e, None);
        self.no_generic(&mut x);
        self.exclude(&mut x, true);
        self.single_value(&mut x);
        x
    }

    /// Checks an expression that may give several values (a call), or a comma-ok pair.
    pub(super) fn multi_expr(
        &mut self,
        e: ExprId,
        comma_ok: bool,
        hint: Option<Ty>,
    ) -> (Vec<Operand>, bool) {
        let mut x = self.raw_expr(e, hint);
        self.no_generic(&mut x);
        self.exclude(&mut x, false);
        if x.is_invalid() {
            return (vec![x], false);
        }
        if let (Mode::Value, Type::Tuple(ts)) = (x.mode, x.ty.0) {
            let xs = ts
                .iter()
                .map(|&t| Operand::new(Mode::Value, t, Some(e)))
                .collect();
            return (xs, false);
        }
        if comma_ok && matches!(x.mode, Mode::MapIndex | Mode::CommaOk) {
            x.mode = Mode::Value;
            let mut ok = Operand::new(Mode::Value, basic(Basic::UntypedBool), Some(e));
            ok.text = Some((self.estr(e), self.espan(e)));
            return (vec![x, ok], true);
        }
        (vec![x], false)
    }

    fn expr_internal(&mut self, e: ExprId, hint: Option<Ty>) -> Operand {
        let ast = self.ast;
        match &ast.expr(e).kind {
            ExprKind::Bad => Operand::invalid(Some(e)),
            ExprKind::Ident(i) => {
                let x = self.ident(e, *i, false);
                self.with_target(x, e, hint)
            }
            ExprKind::Lit(kind) => self.basic_lit(e, *kind),
            ExprKind::FuncLit(f) => self.func_lit(e, *f),
            ExprKind::CompositeLit {
                ty, elems, rbrace, ..
            } => self.composite_lit(e, *ty, elems, *rbrace, hint),
            ExprKind::Paren(x) => {
                let mut x = self.raw_expr(*x, hint);
                x.expr = Some(e);
                x
            }
            ExprKind::Selector { x, sel } => {
                let x = self.selector(e, *x, *sel, false);
                self.with_target(x, e, hint)
            }
            ExprKind::Index { x, indices } => {
                let x = self.index_expr(e, *x, indices);
                self.with_target(x, e, hint)
            }
            ExprKind::Slice {
                x,
                lo,
                hi,
                max,
                three,
            } => self.slice_expr(e, *x, [*lo, *hi, *max], *three),
            ExprKind::TypeAssert { x, ty } => self.type_assert(e, *x, *ty),
            ExprKind::Call { .. } => self.call(e),
            ExprKind::Star(x) => self.star(e, *x),
            ExprKind::Unary { op, x } => self.unary(e, *op, *x),
            ExprKind::Binary { .. } => self.binary_chain(e),
            _ => {
                let t = self.typ(e);
                self.type_operand(e, t)
            }
        }
    }

    /// Checks `a + b + c …` along its left side without recursion: such chains get long.
    fn binary_chain(&mut self, e: ExprId) -> Operand {
        let ast = self.ast;
        let mut spine = Vec::new();
        let mut at = e;
        while let ExprKind::Binary { op, x, y, .. } = ast.expr(at).kind {
            spine.push((at, op, y));
            at = x;
        }
        let mut left = self.expr(at, None);
        while let Some((node, op, y)) = spine.pop() {
            let right = self.expr(y, None);
            let whole = (String::new(), Span::NONE);
            left = self.binary(Some(node), op, left, right, whole);
            if node != e {
                left = self.finish_expr(node, left);
            }
        }
        left
    }

    /// Adds a package-level object to the dependencies of the current declaration.
    pub(super) fn add_dep(&mut self, o: Obj) {
        if let Some(d) = self.env.decl
            && self.decl_of.contains_key(&o)
            && self.decls[d].dep_set.insert(o)
        {
            self.decls[d].deps.push(o);
        }
    }

    /// What an identifier denotes.
    pub(super) fn ident(&mut self, e: ExprId, i: IdentId, want_type: bool) -> Operand {
        let name = self.ast.name(i);
        let mut x = Operand::invalid(Some(e));
        let Some(obj) = self.lookup_name(name) else {
            let (code, m) = if name.is_blank() {
                ("InvalidBlank", "cannot use _ as value or type".to_string())
            } else {
                ("UndeclaredName", format!("undefined: {name}"))
            };
            let d = Diagnostic::error(code, self.espan(e), m);
            let d = self.hint_name(d, name);
            self.report(d);
            return x;
        };
        self.record_use(i, obj);
        let needs =
            obj.ty.get().is_none() || want_type && matches!(obj.kind, ObjKind::TypeName { .. });
        if needs && self.decl_of.contains_key(&obj) {
            self.obj_decl(obj);
        } else if needs && obj.ty.get().is_none() && self.state.get(&obj).is_some_and(|&s| s > 0) {
            // A local type used inside its own declaration before it has a type.
            let at = self.state[&obj] - 1;
            if at < self.path.len() {
                let cycle = self.path[at..].to_vec();
                self.cycle_error(&cycle);
            }
            obj.ty.set(Some(invalid()));
        }
        let ty = obj.ty.get().unwrap_or_else(invalid);
        match &obj.kind {
            ObjKind::PkgName { .. } => {
                if want_type {
                    let m = format!("{name} (package name) is not a type");
                    self.err("NotAType", self.espan(e), m);
                } else {
                    let m = format!("use of package {name} not in selector");
                    self.err("InvalidPkgUse", self.espan(e), m);
                }
                return x;
            }
            ObjKind::Const(v) => {
                self.add_dep(obj);
                if !is_valid(ty) {
                    return x;
                }
                x.val = if obj.pkg.is_none() && name.as_str() == "iota" {
                    match self.env.iota {
                        Some(n) => Some(Const::from_i64(i64::from(n))),
                        None => {
                            self.err(
                                "InvalidIota",
                                self.espan(e),
                                "cannot use iota outside constant declaration",
                            );
                            return x;
                        }
                    }
                } else {
                    v.borrow().clone()
                };
                if x.val.is_none() {
                    return x;
                }
                x.mode = Mode::Constant;
            }
            ObjKind::TypeName { .. } => {
                if !is_valid(ty) {
                    return x;
                }
                x.mode = Mode::TypeExpr;
            }
            ObjKind::Var(v) => {
                if obj.pkg == Some(self.pkg) {
                    v.used.set(true);
                }
                if v.level > 0 && (self.env.level > v.level || self.deeper_loop(obj)) {
                    v.captured.set(true);
                }
                self.add_dep(obj);
                if !is_valid(ty) {
                    return x;
                }
                x.mode = Mode::Variable;
            }
            ObjKind::Func { .. } => {
                self.add_dep(obj);
                if !is_valid(ty) {
                    return x;
                }
                x.mode = Mode::Value;
            }
            ObjKind::Builtin(b) => x.mode = Mode::Builtin(*b),
            ObjKind::Nil => x.mode = Mode::Nil,
        }
        x.ty = ty;
        x
    }

    fn basic_lit(&mut self, e: ExprId, kind: LitKind) -> Operand {
        let text = self.src.text(self.espan(e));
        let (b, val) = match kind {
            LitKind::Int => (Basic::UntypedInt, Const::parse_int(text)),
            LitKind::Float => (Basic::UntypedFloat, Const::parse_float(text)),
            LitKind::Imag => (Basic::UntypedComplex, Const::parse_imag(text)),
            LitKind::Char => (
                Basic::UntypedRune,
                Some(Const::from_i64(i64::from(literal::rune_value(text)))),
            ),
            LitKind::String => (
                Basic::UntypedString,
                Some(Const::from_bytes(&literal::string_value(text))),
            ),
        };
        if kind != LitKind::String && text.len() > 10_000 {
            self.err(
                "InvalidConstVal",
                self.espan(e),
                "excessively long constant",
            );
            return Operand::invalid(Some(e));
        }
        let Some(v) = val else {
            let m = format!("malformed constant: {text}");
            self.err("InvalidConstVal", self.espan(e), m);
            return Operand::invalid(Some(e));
        };
        let mut x = Operand::new(Mode::Constant, basic(b), Some(e));
        x.val = Some(v);
        let at = self.espan(e);
        self.overflow(&mut x, "", at);
        x
    }

    fn star(&mut self, e: ExprId, xe: ExprId) -> Operand {
        let x = self.expr_or_type(xe);
        match x.mode {
            Mode::Invalid => return Operand::invalid(Some(e)),
            Mode::TypeExpr => {
                let t = Ty::new(Type::Pointer(x.ty));
                let (bt, span) = (x.ty, self.espan(xe));
                self.later(move |c| c.check_var_type(bt, span));
                return Operand::new(Mode::TypeExpr, t, Some(e));
            }
            _ => {}
        }
        if !x.is_nil()
            && let Some(Type::Pointer(b)) = core_type(x.ty).map(|t| t.0)
        {
            return Operand::new(Mode::Variable, *b, Some(e));
        }
        let all_pointers = is_type_param(x.ty)
            && super::typeset::type_set(x.ty)
                .terms
                .as_ref()
                .is_some_and(|ts| {
                    !ts.is_empty()
                        && ts
                            .iter()
                            .all(|t| matches!(underlying(t.ty).0, Type::Pointer(_)))
                });
        let m = if all_pointers {
            format!(
                "invalid operation: pointers of {} must have identical base types",
                self.describe(&x)
            )
        } else {
            format!("invalid operation: cannot indirect {}", self.describe(&x))
        };
        self.err("InvalidIndirection", self.ospan(&x), m);
        Operand::invalid(Some(e))
    }

    fn type_assert(&mut self, e: ExprId, xe: ExprId, ty: Option<ExprId>) -> Operand {
        let x = self.expr(xe, None);
        if x.is_invalid() {
            if let Some(t) = ty {
                self.typ(t);
            }
            return x;
        }
        let Some(te) = ty else {
            // `x.(type)` outside a switch: the parser has reported it.
            return Operand::invalid(Some(e));
        };
        if matches!(x.ty.0, Type::TypeParam(_)) {
            let m = format!(
                "invalid operation: cannot use type assertion on type parameter value {}",
                self.describe(&x)
            );
            self.err("InvalidAssert", self.ospan(&x), m);
            self.typ(te);
            return Operand::invalid(Some(e));
        }
        if !matches!(underlying(x.ty).0, Type::Interface(_)) || x.is_nil() {
            let m = format!(
                "invalid operation: {} is not an interface",
                self.describe(&x)
            );
            self.err("InvalidAssert", self.ospan(&x), m);
            return Operand::invalid(Some(e));
        }
        let t = self.var_type(te);
        if !is_valid(t) {
            return Operand::invalid(Some(e));
        }
        if let Err(cause) = self.assertable(x.ty, t) {
            let m = format!("impossible type assertion: {}\n\t{cause}", self.estr(e));
            self.err("ImpossibleAssert", self.espan(e), m);
        }
        Operand::new(Mode::CommaOk, t, Some(e))
    }

    /// Whether an interface value of type `x` can hold a `t`.
    pub(super) fn assertable(&mut self, x: Ty, t: Ty) -> Result<(), String> {
        if matches!(underlying(t).0, Type::Interface(_)) && !matches!(t.0, Type::TypeParam(_)) {
            return Ok(());
        }
        match super::lookup::missing_method(t, x, false) {
            None => Ok(()),
            Some(cause) => Err(format!(
                "{} does not implement {} {cause}",
                self.tstr(t),
                self.tstr(x)
            )),
        }
    }

    /// Infers the type arguments of a generic function value from the wanted type.
    fn with_target(&mut self, x: Operand, e: ExprId, hint: Option<Ty>) -> Operand {
        match (x.mode, x.ty.0, hint) {
            (Mode::Value, Type::Signature(s), Some(t)) if !s.tparams.is_empty() => {
                self.infer_from_target(x, e, t)
            }
            _ => x,
        }
    }
}
