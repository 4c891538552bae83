//! Untyped expressions: their conversion by context, and the final types recorded for
//! them once the context is known.

use super::check::Checker;
use super::constant::{self, Const};
use super::info::Mode;
use super::operand::{Operand, is_valid};
use super::predicates::*;
use super::ty::*;
use super::typeset;
use crate::base::span::Span;
use crate::syntax::ast::{ExprId, ExprKind};

/// What is known about an untyped expression so far.
#[derive(Clone, Debug)]
pub struct UntypedInfo {
    /// Left operand of a shift with non-constant count: must become an integer.
    pub is_lhs: bool,
    pub(super) mode: Mode,
    pub(super) ty: Ty,
    pub(super) val: Option<Const>,
}

/// Why an untyped value does not convert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// A fractional constant as an integer.
    Truncated,
    /// Too large.
    Overflow,
    /// No conversion between these kinds.
    Kind,
}

/// Order of untyped numeric kinds; None for others.
fn rank(t: Ty) -> Option<u8> {
    match t.0 {
        Type::Basic(Basic::UntypedInt, _) => Some(0),
        Type::Basic(Basic::UntypedRune, _) => Some(1),
        Type::Basic(Basic::UntypedFloat, _) => Some(2),
        Type::Basic(Basic::UntypedComplex, _) => Some(3),
        _ => None,
    }
}

/// The larger of two untyped types, if they combine.
pub fn max_untyped(x: Ty, y: Ty) -> Option<Ty> {
    if identical(x, y) {
        return Some(x);
    }
    match (rank(x), rank(y)) {
        (Some(a), Some(b)) => Some(if a > b { x } else { y }),
        _ => None,
    }
}

/// The constant as a value of basic kind `b`, or why not.
pub fn represent(v: &Const, from: Ty, b: Basic) -> Result<Const, Misfit> {
    if let Ok(c) = constant::representable(v, b) {
        return Ok(c);
    }
    let to_numeric = is_basic_numeric(b);
    if is_numeric(from) && to_numeric {
        if !is_integer(from) && is_basic_integer(b) {
            return Err(Misfit::Truncated);
        }
        return Err(Misfit::Overflow);
    }
    Err(Misfit::Kind)
}

fn is_basic_integer(b: Basic) -> bool {
    (Basic::Int..=Basic::Uintptr).contains(&b)
        || matches!(b, Basic::UntypedInt | Basic::UntypedRune)
}
fn is_basic_numeric(b: Basic) -> bool {
    (Basic::Int..=Basic::Complex128).contains(&b)
        || (Basic::UntypedInt..=Basic::UntypedComplex).contains(&b)
}

impl Checker<'_> {
    /// Records an expression's result; untyped ones wait for their final type.
    pub(super) fn remember(&mut self, e: ExprId, x: &Operand) {
        if x.mode != Mode::Invalid && is_untyped(x.ty) {
            let info = UntypedInfo {
                is_lhs: false,
                mode: x.mode,
                ty: x.ty,
                val: x.val.clone(),
            };
            self.untyped.insert(e, info);
            return;
        }
        self.untyped.remove(&e);
        let ty = match x.mode {
            Mode::Invalid | Mode::Builtin(_) => None,
            _ => Some(x.ty),
        };
        self.record(e, x.mode, ty, x.val.clone());
    }

    /// Records what is still untyped at the end of the package.
    pub(super) fn record_untyped(&mut self) {
        let rest: Vec<_> = self.untyped.drain().collect();
        for (e, i) in rest {
            self.record(e, i.mode, Some(i.ty), i.val);
        }
    }

    /// Gives an untyped expression (and its operands) the type context demands.
    pub(super) fn update_expr_type(&mut self, e: ExprId, ty: Ty, is_final: bool) {
        let mut next = Some(e);
        // Left operands in a loop: chains of operators may be long.
        while let Some(e) = next.take() {
            let Some(old) = self.untyped.get(&e).cloned() else {
                return;
            };
            match &self.ast.expr(e).kind {
                ExprKind::Paren(x) => next = Some(*x),
                ExprKind::Unary { x, .. } if old.val.is_none() => next = Some(*x),
                // (The operands of a comparison have their own types.)
                ExprKind::Binary { op, x, y, .. } if old.val.is_none() && !op.is_comparison() => {
                    if !op.is_shift() {
                        self.update_expr_type(*y, ty, is_final);
                    }
                    next = Some(*x);
                }
                _ => {}
            }
            self.update_one(e, old, ty, is_final);
        }
    }

    fn update_one(&mut self, e: ExprId, old: UntypedInfo, ty: Ty, is_final: bool) {
        if !is_final && is_untyped(ty) {
            if let Some(i) = self.untyped.get_mut(&e) {
                i.ty = underlying(ty);
            }
            return;
        }
        self.untyped.remove(&e);
        if old.is_lhs && is_valid(ty) && !all_integer(ty) {
            let m = format!(
                "invalid operation: shifted operand {} (type {}) must be integer",
                self.estr(e),
                self.tstr(ty)
            );
            self.err("InvalidShiftOperand", self.espan(e), m);
            return;
        }
        let mut val = old.val.clone();
        if old.val.is_some() && is_typed(ty) {
            let mut c = Operand::new(old.mode, old.ty, Some(e));
            c.val = old.val;
            self.convert_untyped(&mut c, ty);
            if c.is_invalid() {
                return;
            }
            val = c.val;
        }
        self.record(e, old.mode, Some(ty), val);
    }

    fn update_expr_val(&mut self, x: &Operand) {
        if let Some(e) = x.expr
            && let Some(i) = self.untyped.get_mut(&e)
        {
            i.val.clone_from(&x.val);
        }
    }

    /// The type (and value) an untyped operand takes when used as `target`.
    pub(super) fn implicit_type(
        &self,
        x: &Operand,
        target: Ty,
    ) -> Result<(Ty, Option<Const>), Misfit> {
        if x.is_invalid() || is_typed(x.ty) || !is_valid(target) {
            return Ok((x.ty, None));
        }
        if x.is_nil() {
            if is_untyped(target) {
                let nil = matches!(target.0, Type::Basic(Basic::UntypedNil, _));
                return if nil {
                    Ok((x.ty, None))
                } else {
                    Err(Misfit::Kind)
                };
            }
            return if has_nil(target) {
                Ok((target, None))
            } else {
                Err(Misfit::Kind)
            };
        }
        if is_untyped(target) {
            return max_untyped(x.ty, target)
                .map(|t| (t, None))
                .ok_or(Misfit::Kind);
        }
        if matches!(target.0, Type::TypeParam(_)) {
            // Must fit every type of the type set.
            let Some(terms) = type_param_terms(target) else {
                return Err(Misfit::Kind);
            };
            for t in terms {
                // Whatever the reason, the parameter is to blame.
                self.implicit_type(x, underlying(t.ty))
                    .map_err(|_| Misfit::Kind)?;
            }
            return Ok((target, None));
        }
        match underlying(target).0 {
            Type::Basic(b, _) => {
                if x.mode == Mode::Constant
                    && let Some(v) = &x.val
                {
                    let v = represent(v, x.ty, *b)?;
                    return Ok((target, Some(v)));
                }
                let fits = match x.ty.0 {
                    Type::Basic(Basic::UntypedBool, _) => is_boolean(target),
                    Type::Basic(Basic::UntypedString, _) => is_string(target),
                    _ if rank(x.ty).is_some() => is_numeric(target),
                    _ => false,
                };
                if fits {
                    Ok((target, None))
                } else {
                    Err(Misfit::Kind)
                }
            }
            Type::Interface(_) => {
                let set = typeset::type_set(target);
                if !set.methods.is_empty() || set.terms.is_some() || set.comparable {
                    return Err(Misfit::Kind);
                }
                Ok((default_type(x.ty), None))
            }
            _ => Err(Misfit::Kind),
        }
    }

    /// Converts an untyped operand to `target`, with a message when that fails.
    pub(super) fn convert_untyped(&mut self, x: &mut Operand, target: Ty) {
        match self.implicit_type(x, target) {
            Ok((t, v)) => self.apply_implicit(x, t, v),
            Err(m) => {
                let t = match target.0 {
                    Type::TypeParam(_) => target,
                    _ => underlying(target),
                };
                let t = match target.0 {
                    Type::Basic(..) => target,
                    _ => t,
                };
                self.misfit(x, t, m);
                x.fail();
            }
        }
    }

    pub(super) fn apply_implicit(&mut self, x: &mut Operand, t: Ty, v: Option<Const>) {
        if v.is_some() {
            x.val = v;
            self.update_expr_val(x);
        }
        if t != x.ty {
            x.ty = t;
            if let Some(e) = x.expr {
                self.update_expr_type(e, t, false);
            }
        }
    }

    fn misfit(&mut self, x: &Operand, t: Ty, m: Misfit) {
        let d = self.describe(x);
        let t = self.tstr(t);
        let (code, msg) = match m {
            Misfit::Truncated => ("TruncatedFloat", format!("{d} truncated to {t}")),
            Misfit::Overflow => ("NumericOverflow", format!("{d} overflows {t}")),
            Misfit::Kind => (
                "InvalidUntypedConversion",
                format!("cannot convert {d} to type {t}"),
            ),
        };
        self.err(code, self.ospan(x), msg);
    }

    /// Checks that a typed constant fits its type; reports an overflow otherwise.
    pub(super) fn overflow(&mut self, x: &mut Operand, op: &str, at: Span) {
        let Some(v) = &x.val else { return };
        if is_typed(x.ty) {
            if let Type::Basic(b, _) = underlying(x.ty).0 {
                match represent(v, x.ty, *b) {
                    Ok(v) => x.val = Some(v),
                    Err(_) => {
                        let m = format!("{} overflows {}", self.describe(x), self.tstr(x.ty));
                        self.err("NumericOverflow", self.ospan(x), m);
                        x.fail();
                    }
                }
            }
            return;
        }
        if v.too_big() {
            let m = match v {
                Const::Int(_) => format!("constant {op} overflow"),
                _ => "constant result is not representable".to_string(),
            };
            self.err("InvalidConstVal", at, m);
            x.fail();
        }
    }
}

/// The terms of a type parameter's constraint, None when it allows any type.
pub fn type_param_terms(t: Ty) -> Option<Vec<Term>> {
    let Type::TypeParam(p) = t.0 else { return None };
    let b = p.bound.get()?;
    if !matches!(underlying(b).0, Type::Interface(_)) {
        return None;
    }
    typeset::type_set(b).terms.clone()
}
