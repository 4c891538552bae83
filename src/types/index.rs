//! Index and slice expressions.

use num_traits::{Signed, ToPrimitive};

use super::check::Checker;
use super::constant::Const;
use super::info::Mode;
use super::operand::{Operand, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe::{self, basic};
use super::untyped::type_param_terms;
use crate::base::span::Span;
use crate::syntax::ast::ExprId;

impl Checker<'_> {
    pub(super) fn index_expr(&mut self, e: ExprId, xe: ExprId, indices: &[ExprId]) -> Operand {
        let x = self.raw_expr(xe, None);
        self.index_operand(e, x, xe, indices)
    }

    /// Checks `x[indices]` after `x`.
    pub(super) fn index_operand(
        &mut self,
        e: ExprId,
        mut x: Operand,
        xe: ExprId,
        indices: &[ExprId],
    ) -> Operand {
        match (x.mode, x.ty.0) {
            (Mode::Invalid, _) => {
                self.use_exprs(indices);
                return Operand::invalid(Some(e));
            }
            (Mode::TypeExpr, _) => {
                let t = self.typ(e);
                return self.type_operand(e, t);
            }
            (Mode::Value, Type::Signature(s)) if !s.tparams.is_empty() => {
                return self.func_inst(e, x, indices);
            }
            _ => {}
        }
        self.exclude_non_values(&mut x);
        if x.is_invalid() {
            self.use_exprs(indices);
            return Operand::invalid(Some(e));
        }
        if let [_, second, ..] = indices {
            self.err(
                "InvalidIndex",
                self.espan(*second),
                "unexpected comma; expecting ]",
            );
            self.use_exprs(indices);
            return Operand::invalid(Some(e));
        }
        let Some(&ie) = indices.first() else {
            return Operand::invalid(Some(e));
        };
        let mut length: i64 = -1;
        let mut ok = false;
        let u = underlying(x.ty);
        if !x.is_nil() {
            match u.0 {
                _ if matches!(x.ty.0, Type::TypeParam(_)) => {
                    if let Some(r) = self.index_type_param(e, &x, ie) {
                        return r;
                    }
                }
                Type::Basic(..) if is_string(x.ty) => {
                    ok = true;
                    if x.mode == Mode::Constant
                        && let Some(Const::Str(s)) = &x.val
                    {
                        length = s.len() as i64;
                        // The result is a byte value, constant or not by Go's rules: not.
                        if is_untyped(x.ty) {
                            self.convert_untyped(&mut x, basic(Basic::String));
                        }
                    }
                    x.mode = Mode::Value;
                    x.val = None;
                    x.ty = universe::byte_ty();
                }
                Type::Array(elem, n) => {
                    ok = true;
                    length = *n;
                    if x.mode != Mode::Variable {
                        x.mode = Mode::Value;
                    }
                    x.ty = *elem;
                }
                Type::Pointer(b) => {
                    if let Type::Array(elem, n) = underlying(*b).0 {
                        ok = true;
                        length = *n;
                        x.mode = Mode::Variable;
                        x.ty = *elem;
                    }
                }
                Type::Slice(elem) => {
                    ok = true;
                    x.mode = Mode::Variable;
                    x.ty = *elem;
                }
                Type::Map(k, v) => {
                    let mut key = self.expr(ie, Some(*k));
                    self.assignment(&mut key, Some(*k), "map index");
                    return Operand::new(Mode::MapIndex, *v, Some(e));
                }
                _ => {}
            }
        }
        if !ok {
            if is_valid(x.ty) {
                let hi = self.espan(xe).hi;
                let m = format!("cannot index {}", self.describe(&x));
                self.err("NonIndexableOperand", Span::at(hi), m);
            }
            self.use_exprs(indices);
            return Operand::invalid(Some(e));
        }
        x.expr = Some(e);
        self.index_value(ie, length);
        x
    }

    /// Indexing a type parameter: every type of its set must agree.
    fn index_type_param(&mut self, e: ExprId, x: &Operand, ie: ExprId) -> Option<Operand> {
        let terms = type_param_terms(x.ty)?;
        let mut elem: Option<Ty> = None;
        let mut key: Option<Ty> = None;
        let mut length = -1;
        let mut mode = Mode::Variable;
        for t in &terms {
            let (el, k, n, m) = match underlying(t.ty).0 {
                Type::Basic(Basic::String, _) => (universe::byte_ty(), None, -1, Mode::Value),
                Type::Array(el, n) => {
                    let m = if x.mode == Mode::Variable {
                        Mode::Variable
                    } else {
                        Mode::Value
                    };
                    (*el, None, *n, m)
                }
                Type::Slice(el) => (*el, None, -1, Mode::Variable),
                Type::Pointer(b) => match underlying(*b).0 {
                    Type::Array(el, n) => (*el, None, *n, Mode::Variable),
                    _ => return None,
                },
                Type::Map(k, v) => (*v, Some(*k), -1, Mode::Value),
                _ => return None,
            };
            if let Some(old) = elem
                && (!identical(old, el) || key.is_some() != k.is_some())
            {
                return None;
            }
            elem = Some(el);
            key = key.or(k);
            if n >= 0 && (length < 0 || n < length) {
                length = n;
            }
            if m == Mode::Value {
                mode = m;
            }
        }
        let elem = elem?;
        if let Some(k) = key {
            let mut i = self.expr(ie, Some(k));
            self.assignment(&mut i, Some(k), "map index");
            return Some(Operand::new(Mode::MapIndex, elem, Some(e)));
        }
        self.index_value(ie, length);
        Some(Operand::new(mode, elem, Some(e)))
    }

    /// Checks an index; gives its value when constant. `max` < 0: no upper bound.
    pub(super) fn index_value(&mut self, e: ExprId, max: i64) -> Option<i64> {
        let mut x = self.expr(e, None);
        if !self.valid_index(&mut x, "index") {
            return None;
        }
        if x.mode != Mode::Constant {
            return None;
        }
        let v = x.val.as_ref()?.to_i64()?;
        if max >= 0 && v >= max {
            let m = format!("invalid argument: index {v} out of bounds [0:{max}]");
            self.err("InvalidIndex", self.ospan(&x), m);
            return None;
        }
        Some(v)
    }

    /// Whether `x` can be an index or size.
    pub(super) fn valid_index(&mut self, x: &mut Operand, what: &str) -> bool {
        if x.is_invalid() {
            return false;
        }
        self.convert_untyped(x, basic(Basic::Int));
        if x.is_invalid() {
            return false;
        }
        if !all_integer(x.ty) {
            let m = format!(
                "invalid argument: {what} {} must be integer",
                self.describe(x)
            );
            self.err("InvalidIndex", self.ospan(x), m);
            return false;
        }
        if x.mode == Mode::Constant
            && let Some(Const::Int(i)) = x.val.as_ref().and_then(Const::to_int)
        {
            let bad = if i.is_negative() {
                "must not be negative"
            } else if i.to_i64().is_none() {
                "overflows int"
            } else {
                return true;
            };
            let m = format!("invalid argument: {what} {} {bad}", self.describe(x));
            self.err("InvalidIndex", self.ospan(x), m);
            return false;
        }
        true
    }

    pub(super) fn slice_expr(
        &mut self,
        e: ExprId,
        xe: ExprId,
        idx: [Option<ExprId>; 3],
        three: bool,
    ) -> Operand {
        let mut x = self.expr(xe, None);
        let all: Vec<ExprId> = idx.iter().flatten().copied().collect();
        if x.is_invalid() {
            self.use_exprs(&all);
            return Operand::invalid(Some(e));
        }
        let mut length: i64 = -1;
        let core = if x.is_nil() { None } else { core_string(x.ty) };
        let mut ok = false;
        match core.map(|t| underlying(t).0) {
            Some(Type::Basic(..)) if all_string_or_bytes(x.ty) => {
                if three {
                    let at = idx[2].map_or(self.espan(e), |i| self.espan(i));
                    self.err(
                        "InvalidSliceExpr",
                        at,
                        "invalid operation: 3-index slice of string",
                    );
                    self.use_exprs(&all);
                    return Operand::invalid(Some(e));
                }
                ok = true;
                if x.mode == Mode::Constant
                    && let Some(Const::Str(s)) = &x.val
                {
                    length = s.len() as i64;
                }
                if is_untyped(x.ty) {
                    self.convert_untyped(&mut x, basic(Basic::String));
                }
                x.mode = Mode::Value;
                x.val = None;
            }
            Some(Type::Array(elem, n)) => {
                ok = true;
                length = *n;
                if x.mode != Mode::Variable {
                    let m = format!("cannot slice unaddressable value {}", self.describe(&x));
                    self.err("NonSliceableOperand", self.ospan(&x), m);
                    self.use_exprs(&all);
                    return Operand::invalid(Some(e));
                }
                self.mark_address(xe);
                x.mode = Mode::Value;
                x.ty = Ty::new(Type::Slice(*elem));
            }
            Some(Type::Pointer(b)) => {
                if let Type::Array(elem, n) = underlying(*b).0 {
                    ok = true;
                    length = *n;
                    x.mode = Mode::Value;
                    x.ty = Ty::new(Type::Slice(*elem));
                }
            }
            Some(Type::Slice(_)) => {
                ok = true;
                x.mode = Mode::Value;
            }
            _ => {}
        }
        if !ok {
            if is_valid(x.ty) {
                let mut m = format!("cannot slice {}", self.describe(&x));
                if matches!(x.ty.0, Type::TypeParam(_)) && core.is_none() {
                    m += ": no specific type";
                }
                self.err("NonSliceableOperand", self.ospan(&x), m);
            }
            self.use_exprs(&all);
            return Operand::invalid(Some(e));
        }
        x.expr = Some(e);
        let max = if length >= 0 { length + 1 } else { -1 };
        let mut seen: Vec<i64> = Vec::new();
        let mut reported = false;
        for i in all {
            if let Some(v) = self.index_value(i, max) {
                if !reported && let Some(&before) = seen.iter().find(|&&b| b > v) {
                    let m = format!("invalid slice indices: {v} < {before}");
                    self.err("SwappedSliceIndices", self.espan(i), m);
                    reported = true;
                }
                seen.push(v);
            }
        }
        x
    }
}

fn all_string_or_bytes(t: Ty) -> bool {
    core_string(t).is_some_and(is_string)
}
