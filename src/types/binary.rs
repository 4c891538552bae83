//! Unary and binary operators, comparisons and shifts.

use crate::base::diag::Diagnostic;
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

use super::check::Checker;
use super::constant::{self, Const};
use super::info::Mode;
use super::operand::{Operand, composite_kind, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe::basic;
use crate::base::span::Span;
use crate::syntax::ast::{BinOp, ExprId, ExprKind, UnOp};

/// The message word for constant overflow of an operator.
fn op_word(op: BinOp) -> &'static str {
    match op {
        BinOp::Add => "addition",
        BinOp::Sub => "subtraction",
        BinOp::Mul => "multiplication",
        BinOp::Xor => "bitwise XOR",
        BinOp::Shl => "shift",
        _ => "",
    }
}

impl Checker<'_> {
    /// Checks `op x`; `e` is the whole expression.
    pub(super) fn unary(&mut self, e: ExprId, op: UnOp, xe: ExprId) -> Operand {
        if op == UnOp::Addr {
            return self.address_of(e, xe);
        }
        let mut x = self.expr(xe, None);
        if x.is_invalid() {
            x.expr = Some(e);
            return x;
        }
        match op {
            UnOp::Recv => return self.receive(e, x),
            UnOp::Tilde => {
                self.err(
                    "UndefinedOp",
                    self.espan(e),
                    "cannot use ~ outside of interface or type constraint",
                );
                return Operand::invalid(Some(e));
            }
            _ => {}
        }
        let (ok, text) = match op {
            UnOp::Plus => (all_numeric(x.ty), "+"),
            UnOp::Neg => (all_numeric(x.ty), "-"),
            UnOp::Xor => (all_integer(x.ty), "^"),
            _ => (all_boolean(x.ty), "!"),
        };
        if !ok || x.is_nil() {
            self.undefined_op(text, &x);
            return Operand::invalid(Some(e));
        }
        if let (Mode::Constant, Some(v)) = (x.mode, &x.val) {
            let kind = match underlying(x.ty).0 {
                Type::Basic(b, _) => *b,
                _ => Basic::Invalid,
            };
            x.val = Some(constant::unary(op, v, constant::int_size(kind)));
            x.expr = Some(e);
            let at = self.espan(e);
            self.overflow(&mut x, "bitwise complement", at);
            return x;
        }
        x.mode = Mode::Value;
        x.expr = Some(e);
        x
    }

    /// The operator's place.
    fn op_span(&self, e: Option<ExprId>, whole: Span) -> Span {
        match e.map(|e| &self.ast.expr(e).kind) {
            Some(ExprKind::Binary { op_pos, .. }) => Span::at(*op_pos),
            _ => whole,
        }
    }

    fn undefined_op(&mut self, op: &str, x: &Operand) {
        let m = format!(
            "invalid operation: operator {op} not defined on {}",
            self.describe(x)
        );
        self.err("UndefinedOp", self.ospan(x), m);
    }

    fn address_of(&mut self, e: ExprId, xe: ExprId) -> Operand {
        let mut x = self.expr(xe, None);
        if x.is_invalid() {
            x.expr = Some(e);
            return x;
        }
        let inner = self.ast.unparen(xe);
        let lit = matches!(self.ast.expr(inner).kind, ExprKind::CompositeLit { .. });
        if !lit && x.mode != Mode::Variable {
            let m = format!(
                "invalid operation: cannot take address of {}",
                self.describe(&x)
            );
            self.err("UnaddressableOperand", self.ospan(&x), m);
            return Operand::invalid(Some(e));
        }
        if !lit {
            self.mark_address(xe);
        }
        Operand::new(Mode::Value, Ty::new(Type::Pointer(x.ty)), Some(e))
    }

    fn receive(&mut self, e: ExprId, x: Operand) -> Operand {
        self.env.has_call = true;
        let cause = match channel_elem(x.ty, true) {
            Ok(elem) if !x.is_nil() => return Operand::new(Mode::CommaOk, elem, Some(e)),
            Ok(_) => String::new(),
            Err(cause) => cause,
        };
        let m = if is_type_param(x.ty) {
            format!(
                "invalid operation: cannot receive from {}: {cause}",
                self.describe(&x)
            )
        } else {
            format!(
                "invalid operation: cannot receive from {cause} {}",
                self.describe(&x)
            )
        };
        let d = Diagnostic::error("InvalidReceive", self.ospan(&x), m);
        let d = self.hint_direction(d, &x);
        self.report(d);
        Operand::invalid(Some(e))
    }

    fn may_convert(&self, x: &Operand, y: &Operand) -> bool {
        if is_typed(x.ty) && is_typed(y.ty) {
            return false;
        }
        if is_plain_interface(x.ty) || is_plain_interface(y.ty) {
            return true;
        }
        if all_boolean(x.ty) != all_boolean(y.ty) || all_string(x.ty) != all_string(y.ty) {
            return false;
        }
        let basic_kinds = |t: Ty| all(t, &|u| matches!(underlying(u).0, Type::Basic(..)));
        if !x.is_nil() && !y.is_nil() && basic_kinds(x.ty) != basic_kinds(y.ty) {
            return false;
        }
        if x.is_nil() {
            return !y.is_nil() && has_nil(y.ty);
        }
        if y.is_nil() {
            return has_nil(x.ty);
        }
        !matches!(underlying(x.ty).0, Type::Pointer(_))
            && !matches!(underlying(y.ty).0, Type::Pointer(_))
    }

    /// Gives an untyped operand the other's type where that is possible.
    pub(super) fn match_types(&mut self, x: &mut Operand, y: &mut Operand, comparison: bool) {
        if is_plain_interface(x.ty) || is_plain_interface(y.ty) {
            // What does not convert to the interface is a mismatch, reported as such.
            let both = self.implicit_type(x, y.ty).is_ok() && self.implicit_type(y, x.ty).is_ok();
            if !both || !comparison {
                return;
            }
        }
        if self.may_convert(x, y) {
            let t = y.ty;
            if !(x.is_nil() && is_untyped(t)) {
                self.convert_untyped(x, t);
            }
            if x.is_invalid() {
                return;
            }
            self.convert_untyped(y, x.ty);
            if y.is_invalid() {
                x.mode = Mode::Invalid;
            }
        }
    }

    /// Checks `x op y`. `e` is the expression (None for `x op= y` and `x++`).
    pub(super) fn binary(
        &mut self,
        e: Option<ExprId>,
        op: BinOp,
        mut x: Operand,
        mut y: Operand,
        whole: (String, Span),
    ) -> Operand {
        if x.is_invalid() || y.is_invalid() {
            x.fail();
            x.expr = e;
            return x;
        }
        if op.is_shift() {
            return self.shift(e, op, x, y, &whole);
        }
        self.match_types(&mut x, &mut y, op.is_comparison());
        if x.is_invalid() {
            x.fail();
            x.expr = e;
            return x;
        }
        if op.is_comparison() {
            let mut r = self.comparison(x, y, op, None);
            r.expr = e;
            return r;
        }
        if !identical(x.ty, y.ty) {
            if is_valid(x.ty) && is_valid(y.ty) {
                let text = e.map_or(whole.0, |e| self.estr(e));
                let m = format!(
                    "invalid operation: {text} (mismatched types {} and {})",
                    self.tstr(x.ty),
                    self.tstr(y.ty)
                );
                let at = e.map_or(whole.1, |e| self.espan(e));
                self.err("MismatchedTypes", at, m);
            }
            return Operand::invalid(e);
        }
        let ok = match op {
            BinOp::Add => all_numeric_or_string(x.ty),
            BinOp::Sub | BinOp::Mul | BinOp::Div => all_numeric(x.ty),
            BinOp::Rem | BinOp::And | BinOp::Or | BinOp::Xor | BinOp::AndNot => all_integer(x.ty),
            _ => all_boolean(x.ty),
        };
        if !ok || x.is_nil() {
            self.undefined_op(op.text(), &x);
            return Operand::invalid(e);
        }
        if matches!(op, BinOp::Div | BinOp::Rem)
            && (x.mode == Mode::Constant || all_integer(x.ty))
            && y.mode == Mode::Constant
            && y.val.as_ref().is_some_and(is_zero)
        {
            self.err(
                "DivByZero",
                self.ospan(&y),
                "invalid operation: division by zero",
            );
            return Operand::invalid(e);
        }
        if x.mode == Mode::Constant
            && y.mode == Mode::Constant
            && let (Some(a), Some(b)) = (&x.val, &y.val)
        {
            let int_div = op == BinOp::Div && is_integer(x.ty);
            let Ok(v) = constant::binary(op, a, b, int_div) else {
                return Operand::invalid(e);
            };
            x.val = Some(v);
            x.expr = e;
            x.text = Some(whole.clone()).filter(|_| e.is_none());
            let at = self.op_span(e, whole.1);
            self.overflow(&mut x, op_word(op), at);
            return x;
        }
        x.mode = Mode::Value;
        x.val = None;
        x.expr = e;
        if e.is_none() {
            x.text = Some(whole);
        }
        x
    }

    /// Why values of type `t` cannot be compared with `==`.
    fn incomparable_cause(&self, t: Ty) -> String {
        if matches!(t.0, Type::TypeParam(_)) {
            return incomparable_set(t).to_string();
        }
        match underlying(t).0 {
            Type::Slice(_) | Type::Map(..) | Type::Signature(_) => {
                format!("{} can only be compared to nil", composite_kind(t))
            }
            Type::Struct(fields) => fields
                .iter()
                .find(|f| comparable_type(f.ty, true).is_err())
                .map(|f| format!("struct containing {} cannot be compared", self.tstr(f.ty)))
                .unwrap_or_default(),
            Type::Array(..) => format!("{} cannot be compared", self.tstr(t)),
            _ => String::new(),
        }
    }

    /// Checks a comparison of matched operands. `case` is set for switch cases.
    pub(super) fn comparison(
        &mut self,
        mut x: Operand,
        mut y: Operand,
        op: BinOp,
        case: Option<()>,
    ) -> Operand {
        let span = |c: &Self, first: bool| {
            if case.is_some() || first {
                c.ospan(&x)
            } else {
                c.ospan(&y)
            }
        };
        let assignable = self.fits(&x, y.ty) || self.fits(&y, x.ty);
        let mut failed: Option<(Span, String)> = None;
        if !assignable {
            if is_valid(x.ty) && is_valid(y.ty) {
                let cause = format!(
                    "mismatched types {} and {}",
                    self.tstr(x.ty),
                    self.tstr(y.ty)
                );
                failed = Some((span(self, false), cause));
            } else {
                return Operand::invalid(None);
            }
        } else if matches!(op, BinOp::Eq | BinOp::Ne) {
            if x.is_nil() || y.is_nil() || is_untyped_nil(x.ty) || is_untyped_nil(y.ty) {
                let t = if x.is_nil() { y.ty } else { x.ty };
                if !has_nil(t) || is_untyped_nil(t) {
                    failed = Some((
                        span(self, false),
                        format!("operator {} not defined on {}", op.text(), self.kind_of(t)),
                    ));
                }
            } else if comparable_type(x.ty, true).is_err() {
                failed = Some((span(self, true), self.incomparable_cause(x.ty)));
            } else if comparable_type(y.ty, true).is_err() {
                failed = Some((span(self, false), self.incomparable_cause(y.ty)));
            }
        } else {
            let bad = if !all_ordered(x.ty) || x.is_nil() {
                Some((x.ty, true))
            } else if !all_ordered(y.ty) || y.is_nil() {
                Some((y.ty, false))
            } else {
                None
            };
            if let Some((t, first)) = bad {
                let cause = if matches!(t.0, Type::TypeParam(_)) {
                    format!(
                        "type parameter {} cannot use operator {}",
                        self.tstr(t),
                        op.text()
                    )
                } else {
                    format!("operator {} not defined on {}", op.text(), self.kind_of(t))
                };
                failed = Some((span(self, first), cause));
            }
        }
        if let Some((at, cause)) = failed {
            let (a, b) = (self.oexpr(&x), self.oexpr(&y));
            let m = if case.is_some() {
                format!("invalid case {a} in switch on {b} ({cause})")
            } else {
                format!("invalid operation: {a} {} {b} ({cause})", op.text())
            };
            self.err("MismatchedTypes", at, m);
            return Operand::invalid(None);
        }
        if x.mode == Mode::Constant
            && y.mode == Mode::Constant
            && let (Some(a), Some(b)) = (&x.val, &y.val)
        {
            x.val = Some(Const::Bool(constant::compare(op, a, b)));
        } else {
            x.mode = Mode::Value;
            x.val = None;
            // The operands now have their final types.
            for o in [&mut x, &mut y] {
                if let Some(e) = o.expr {
                    self.update_expr_type(e, default_type(o.ty), true);
                }
            }
        }
        if x.val.is_none() {
            x.mode = Mode::Value;
        }
        x.ty = basic(Basic::UntypedBool);
        x
    }

    fn kind_of(&self, t: Ty) -> String {
        match composite_kind(t) {
            "" => self.tstr(t),
            k => k.to_string(),
        }
    }

    fn shift(
        &mut self,
        e: Option<ExprId>,
        op: BinOp,
        mut x: Operand,
        mut y: Operand,
        whole: &(String, Span),
    ) -> Operand {
        let xval = match (&x.mode, &x.val) {
            (Mode::Constant, Some(v)) => match v.to_int() {
                Some(Const::Int(i)) => Some(i),
                _ => None,
            },
            _ => None,
        };
        if x.is_nil() || !(all_integer(x.ty) || is_untyped(x.ty) && xval.is_some()) {
            self.shifted_operand(&x);
            return Operand::invalid(e);
        }
        let written = y.clone();
        let mut count: Option<BigInt> = None;
        if y.mode == Mode::Constant
            && let Some(v) = y.val.clone()
        {
            let yv = match v.to_int() {
                Some(Const::Int(i)) => Some(i),
                _ => None,
            };
            if let Some(i) = &yv
                && i.is_negative()
            {
                let m = format!(
                    "invalid operation: negative shift count {}",
                    self.describe(&y)
                );
                self.err("InvalidShiftCount", self.ospan(&y), m);
                return Operand::invalid(e);
            }
            if is_untyped(y.ty) {
                if !is_numeric(y.ty) {
                    let m = format!("cannot convert {} to type uint", self.describe(&y));
                    self.err("InvalidShiftCount", self.ospan(&y), m);
                    return Operand::invalid(e);
                }
                self.convert_untyped(&mut y, basic(Basic::Uint));
                if y.is_invalid() {
                    return Operand::invalid(e);
                }
            } else if !all_integer(y.ty) {
                self.shift_count(&y);
                return Operand::invalid(e);
            }
            count = yv;
        } else if is_untyped(y.ty) && !y.is_nil() && is_numeric(y.ty) {
            self.convert_untyped(&mut y, basic(Basic::Uint));
            if y.is_invalid() {
                return Operand::invalid(e);
            }
        } else if y.is_nil() || !all_integer(y.ty) {
            self.shift_count(&y);
            return Operand::invalid(e);
        }
        if x.mode == Mode::Constant {
            if let (Some(c), Some(v)) = (&count, &xval) {
                // Larger counts cannot give a useful constant.
                let n = c.to_u32().filter(|&n| n <= 1023 - 1 + 52);
                let Some(n) = n else {
                    if op == BinOp::Shr || v.is_zero() {
                        x.val = Some(Const::Int(if v.is_negative() {
                            BigInt::from(-1)
                        } else {
                            BigInt::zero()
                        }));
                        x.expr = e;
                        return x;
                    }
                    let m = format!(
                        "invalid operation: invalid shift count {}",
                        self.describe(&written)
                    );
                    self.err("InvalidShiftCount", self.ospan(&y), m);
                    return Operand::invalid(e);
                };
                if !is_integer(x.ty) {
                    x.ty = basic(Basic::UntypedInt);
                }
                x.val = Some(constant::shift(op, &Const::Int(v.clone()), u64::from(n)));
                x.expr = e;
                if e.is_none() {
                    x.text = Some(whole.clone());
                }
                let at = self.op_span(e, whole.1);
                self.overflow(&mut x, op_word(op), at);
                return x;
            }
            if is_untyped(x.ty) {
                // The left operand's type comes from the context of the shift.
                if let Some(xe) = x.expr
                    && let Some(i) = self.untyped.get_mut(&xe)
                {
                    i.is_lhs = true;
                }
                x.mode = Mode::Value;
                x.val = None;
                x.expr = e;
                return x;
            }
        }
        if !all_integer(x.ty) {
            self.shifted_operand(&x);
            return Operand::invalid(e);
        }
        x.mode = Mode::Value;
        x.val = None;
        x.expr = e;
        if e.is_none() {
            x.text = Some(whole.clone());
        }
        x
    }

    fn shifted_operand(&mut self, x: &Operand) {
        let m = format!(
            "invalid operation: shifted operand {} must be integer",
            self.describe(x)
        );
        self.err("InvalidShiftOperand", self.ospan(x), m);
    }
    fn shift_count(&mut self, y: &Operand) {
        let m = format!(
            "invalid operation: shift count {} must be integer",
            self.describe(y)
        );
        self.err("InvalidShiftCount", self.ospan(y), m);
    }
}

fn is_untyped_nil(t: Ty) -> bool {
    matches!(t.0, Type::Basic(Basic::UntypedNil, _))
}

/// Whether a numeric constant is zero.
pub fn is_zero(v: &Const) -> bool {
    match v {
        Const::Int(i) => i.is_zero(),
        Const::Float(f) => f.is_zero(),
        Const::Complex(c) => c.0.is_zero() && c.1.is_zero(),
        _ => false,
    }
}

/// An interface type that is not a type parameter.
pub fn is_plain_interface(t: Ty) -> bool {
    !matches!(t.0, Type::TypeParam(_)) && matches!(underlying(t).0, Type::Interface(_))
}
