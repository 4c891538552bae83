//! Operands: what checking an expression gives, and how messages describe it.

use super::check::Checker;
use super::constant::Const;
use super::display::type_string;
use super::info::Mode;
use super::predicates::*;
use super::ty::*;
use super::universe;
use crate::base::span::Span;
use crate::syntax::ast::{ExprId, ExprKind};
use crate::syntax::dump;

/// The result of checking an expression.
#[derive(Clone, Debug)]
pub struct Operand {
    /// What it is; `Mode::Invalid` after an error.
    pub mode: Mode,
    /// Its type (invalid for builtins and calls without results).
    pub ty: Ty,
    /// Its value when it is a constant.
    pub val: Option<Const>,
    /// The expression; None for synthetic operands such as function results.
    pub expr: Option<ExprId>,
    /// Text and place used instead of the expression's.
    pub text: Option<(String, Span)>,
}

impl Operand {
    /// The operand of an erroneous expression.
    pub fn invalid(expr: Option<ExprId>) -> Operand {
        Operand {
            mode: Mode::Invalid,
            ty: universe::basic(Basic::Invalid),
            val: None,
            expr,
            text: None,
        }
    }
    /// An operand without constant value.
    pub fn new(mode: Mode, ty: Ty, expr: Option<ExprId>) -> Operand {
        Operand {
            mode,
            ty,
            val: None,
            expr,
            text: None,
        }
    }
    /// Whether an error was reported for it.
    pub fn is_invalid(&self) -> bool {
        self.mode == Mode::Invalid
    }
    /// Whether it is the predeclared `nil`, not converted yet.
    pub fn is_nil(&self) -> bool {
        self.mode == Mode::Nil
    }
    /// Makes it invalid.
    pub fn fail(&mut self) {
        self.mode = Mode::Invalid;
        self.ty = universe::basic(Basic::Invalid);
        self.val = None;
    }
}

/// The invalid type.
pub fn invalid() -> Ty {
    universe::basic(Basic::Invalid)
}
/// Whether `t` is not the invalid type.
pub fn is_valid(t: Ty) -> bool {
    !matches!(t.0, Type::Basic(Basic::Invalid, _))
}

/// `struct`, `map`, … for types with structure; empty for basic types and type parameters.
pub fn composite_kind(t: Ty) -> &'static str {
    if matches!(t.0, Type::TypeParam(_)) {
        return "";
    }
    match underlying(t).0 {
        Type::Array(..) => "array",
        Type::Slice(_) => "slice",
        Type::Struct(_) => "struct",
        Type::Pointer(_) => "pointer",
        Type::Signature(_) => "func",
        Type::Interface(_) => "interface",
        Type::Map(..) => "map",
        Type::Chan(..) => "chan",
        Type::Tuple(_) => "tuple",
        _ => "",
    }
}

impl Checker<'_> {
    /// A type as messages of this package print it.
    pub(super) fn tstr(&self, t: Ty) -> String {
        type_string(t, Some(self.pkg))
    }
    /// An expression as messages print it.
    pub(super) fn estr(&self, e: ExprId) -> String {
        dump::expr_string(self.ast, self.src, e)
    }
    /// Where messages about an operand point.
    pub(super) fn ospan(&self, x: &Operand) -> Span {
        match (&x.text, x.expr) {
            (Some((_, s)), _) => *s,
            (None, Some(e)) => self.espan(e),
            _ => Span::NONE,
        }
    }
    /// The expression of an operand as text.
    pub(super) fn oexpr(&self, x: &Operand) -> String {
        match (&x.text, x.expr) {
            (Some((t, _)), _) => t.clone(),
            (None, Some(e)) => self.estr(e),
            _ => String::new(),
        }
    }

    /// `of type T`, with the kind for named types and the constraint of type parameters.
    fn of_type(&self, t: Ty, call: Option<String>) -> String {
        let name = self.tstr(t);
        match t.0 {
            Type::TypeParam(p) => {
                let bound = p.bound.get().map_or("any".to_string(), |b| self.tstr(b));
                let empty = match &super::typeset::type_set(t).terms {
                    Some(ts) if ts.is_empty() => " with empty type set",
                    _ => "",
                };
                format!("of type {name} constrained by {bound}{empty}")
            }
            Type::Named(_) => {
                let u = underlying(t);
                let kind = match u.0 {
                    Type::Basic(_, n) => n,
                    _ => composite_kind(t),
                };
                if kind.is_empty() {
                    format!("of type {name}")
                } else {
                    format!("of {kind} type {name}")
                }
            }
            Type::Interface(_) if t == universe::any_ty() => "of interface type any".to_string(),
            Type::Tuple(_) => format!("of type {}", call.unwrap_or(name)),
            _ => format!("of type {name}"),
        }
    }

    /// The results of a call with their names.
    fn result_list(&self, x: &Operand) -> Option<String> {
        let ExprKind::Call { fun, .. } = &self.ast.expr(self.ast.unparen(x.expr?)).kind else {
            return None;
        };
        let s = as_signature(self.info.types[fun.index()].ty?)?;
        let parts: Vec<String> = s
            .results
            .iter()
            .map(|r| match r.name.as_str() {
                "" => self.tstr(r.ty),
                n => format!("{n} {}", self.tstr(r.ty)),
            })
            .collect();
        Some(format!("({})", parts.join(", ")))
    }

    /// The operand with its description, as in `x (variable of type int)`.
    pub(super) fn describe(&self, x: &Operand) -> String {
        if x.is_nil() {
            return match x.ty.0 {
                Type::Basic(Basic::Invalid, _) => "nil (of type invalid type)".to_string(),
                _ => "nil".to_string(),
            };
        }
        let expr = self.oexpr(x);
        let mut d = String::new();
        let untyped = is_untyped(x.ty);
        match x.mode {
            Mode::Invalid => d += "invalid operand",
            Mode::NoValue => d += "no value",
            Mode::Builtin(_) => d += "built-in",
            Mode::TypeExpr => d += "type",
            _ => {
                if untyped {
                    d += &self.tstr(x.ty);
                    d += " ";
                }
                d += match x.mode {
                    Mode::Constant => "constant",
                    Mode::Variable => "variable",
                    Mode::MapIndex => "map index expression",
                    Mode::CommaOk => "comma, ok expression",
                    _ => "value",
                };
                if let (Mode::Constant, Some(v)) = (x.mode, &x.val) {
                    let s = v.display();
                    if s != expr {
                        d += " ";
                        d += &s;
                    }
                }
                if !untyped {
                    if is_valid(x.ty) {
                        d += " ";
                        d += &self.of_type(x.ty, self.result_list(x));
                    } else {
                        d += " with invalid type";
                    }
                }
            }
        }
        if expr.is_empty() {
            d
        } else {
            format!("{expr} ({d})")
        }
    }
}
