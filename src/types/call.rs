//! Calls and conversions.

use crate::base::diag::Diagnostic;
use num_traits::ToPrimitive;

use super::check::Checker;
use super::constant::Const;
use super::convert;
use super::decl::is_const_type;
use super::info::Mode;
use super::operand::{Operand, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe;
use super::untyped::represent;
use crate::base::span::Span;
use crate::syntax::ast::{ExprId, ExprKind};

/// The parts of a call expression.
pub(super) struct CallParts {
    pub e: ExprId,
    pub fun: ExprId,
    pub spread: bool,
    /// Number of argument expressions.
    pub written: usize,
}

impl Checker<'_> {
    pub(super) fn call(&mut self, e: ExprId) -> Operand {
        let ast = self.ast;
        let ExprKind::Call {
            fun, args, spread, ..
        } = &ast.expr(e).kind
        else {
            return Operand::invalid(Some(e));
        };
        let parts = CallParts {
            e,
            fun: *fun,
            spread: *spread,
            written: args.len(),
        };
        // `f[T](x)` may give only some of the type arguments.
        let mut targs: Option<(Vec<Ty>, Vec<Span>)> = None;
        let mut x = match &ast.expr(*fun).kind {
            ExprKind::Index { x: g, indices } => {
                let gx = self.raw_expr(*g, None);
                match (gx.mode, gx.ty.0) {
                    (Mode::Value, Type::Signature(s)) if !s.tparams.is_empty() => {
                        let ts: Vec<Ty> = indices.iter().map(|&i| self.typ(i)).collect();
                        if ts.iter().any(|&t| !is_valid(t)) {
                            self.use_exprs(args);
                            return Operand::invalid(Some(e));
                        }
                        if ts.len() > s.tparams.len() {
                            self.too_many_targs(indices, s.tparams.len());
                            self.use_exprs(args);
                            return Operand::invalid(Some(e));
                        }
                        let spans = indices.iter().map(|&i| self.espan(i)).collect();
                        targs = Some((ts, spans));
                        gx
                    }
                    _ => {
                        // (Checking the operand again would double the work at each
                        // level of nesting.)
                        let x = self.index_operand(*fun, gx, *g, indices);
                        self.finish_expr(*fun, x)
                    }
                }
            }
            _ => self.raw_expr(*fun, None),
        };
        match x.mode {
            Mode::Invalid => {
                self.use_exprs(args);
                return Operand::invalid(Some(e));
            }
            Mode::TypeExpr => return self.conversion_call(&parts, x, args),
            Mode::Builtin(b) => {
                if b != Builtin::Len && b != Builtin::Cap {
                    let pure = matches!(
                        b,
                        Builtin::UnsafeAlignof | Builtin::UnsafeOffsetof | Builtin::UnsafeSizeof
                    );
                    let r = self.builtin(&parts, b, args);
                    if !pure && !(r.mode == Mode::Constant) {
                        self.env.has_call = true;
                    }
                    return r;
                }
                return self.builtin(&parts, b, args);
            }
            _ => {}
        }
        x.expr = Some(*fun);
        if x.mode == Mode::NoValue {
            let m = format!("{} used as value", self.describe(&x));
            self.err("TooManyValues", self.ospan(&x), m);
            self.use_exprs(args);
            return Operand::invalid(Some(e));
        }
        self.single_value(&mut x);
        if x.is_invalid() {
            self.use_exprs(args);
            return Operand::invalid(Some(e));
        }
        let core = if x.is_nil() { None } else { core_type(x.ty) };
        let Some(Type::Signature(sig)) = core.map(|t| t.0) else {
            let why = if core.is_none() && !x.is_nil() {
                "no specific type".to_string()
            } else {
                format!("{} is not a function", self.tstr(x.ty))
            };
            let m = format!(
                "invalid operation: cannot call {}: {why}",
                self.describe(&x)
            );
            self.err("InvalidCall", self.ospan(&x), m);
            self.use_exprs(args);
            return Operand::invalid(Some(e));
        };
        self.env.has_call = true;
        let xs = self.arg_list(args);
        let sig = match self.arguments(&parts, sig, targs, xs, None) {
            Some(s) => s,
            None => return self.call_result(e, sig, true),
        };
        self.call_result(e, &sig, false)
    }

    fn call_result(&mut self, e: ExprId, sig: &Signature, failed: bool) -> Operand {
        let x = match &sig.results[..] {
            [] => Operand::new(Mode::NoValue, universe::empty_tuple(), Some(e)),
            [r] => Operand::new(Mode::Value, r.ty, Some(e)),
            rs => {
                let t = Ty::new(Type::Tuple(rs.iter().map(|r| r.ty).collect()));
                Operand::new(Mode::Value, t, Some(e))
            }
        };
        // Results of a generic function that could not be instantiated mean nothing.
        if failed && !sig.tparams.is_empty() || x.mode == Mode::Value && !is_valid(x.ty) {
            return Operand::invalid(Some(e));
        }
        x
    }

    /// Evaluates arguments; one call with several results is spread out.
    pub(super) fn arg_list(&mut self, args: &[ExprId]) -> Vec<Operand> {
        if let [e] = args {
            let mut x = self.raw_expr(*e, None);
            if let (Mode::Value, Type::Tuple(ts)) = (x.mode, x.ty.0) {
                return ts
                    .iter()
                    .map(|&t| Operand::new(Mode::Value, t, Some(*e)))
                    .collect();
            }
            self.exclude_non_values(&mut x);
            return vec![x];
        }
        args.iter().map(|&e| self.generic_expr(e)).collect()
    }

    fn types_summary(&self, ts: &[Ty], variadic: bool, spread: bool) -> String {
        let mut parts = Vec::new();
        for (i, &t) in ts.iter().enumerate() {
            let last = i + 1 == ts.len();
            let s = match t.0 {
                Type::Slice(el) if last && variadic => format!("...{}", self.tstr(*el)),
                _ if last && spread => format!("{}...", self.summary(t)),
                _ => self.summary(t),
            };
            parts.push(s);
        }
        format!("({})", parts.join(", "))
    }

    /// Checks arguments against parameters, inferring type arguments where needed. Gives
    /// the signature called, None after an error.
    pub(super) fn arguments(
        &mut self,
        call: &CallParts,
        sig: &Signature,
        targs: Option<(Vec<Ty>, Vec<Span>)>,
        mut args: Vec<Operand>,
        context: Option<&str>,
    ) -> Option<Signature> {
        let nargs = args.len();
        let mut params: Vec<Ty> = sig.params.iter().map(|p| p.ty).collect();
        let mut npars = params.len();
        if sig.variadic {
            if call.spread {
                if call.written == 1 && nargs > 1 {
                    let m = format!(
                        "cannot use ... with multi-valued expression {}",
                        self.oexpr(&args[0])
                    );
                    self.err("InvalidDotDotDot", self.ospan(&args[0]), m);
                    return None;
                }
            } else if nargs + 1 >= npars {
                let last = params.pop();
                let elem = match last.map(|t| underlying(t).0) {
                    Some(Type::Slice(el)) => *el,
                    // append([]byte, string...) has a string parameter
                    _ => universe::byte_ty(),
                };
                while params.len() < nargs {
                    params.push(elem);
                }
                npars = params.len();
            } else {
                npars -= 1;
            }
        } else if call.spread {
            let m = format!(
                "cannot use ... in call to non-variadic {}",
                self.estr(call.fun)
            );
            self.err("NonVariadicDotDotDot", self.espan(call.e), m);
            return None;
        }
        if nargs != npars {
            if args.iter().any(Operand::is_invalid) {
                return None;
            }
            let (word, at) = if nargs > npars {
                ("too many", self.ospan(&args[npars]))
            } else {
                let at = match args.last() {
                    Some(a) => self.ospan(a),
                    None => self.espan(call.e),
                };
                ("not enough", at)
            };
            let have: Vec<Ty> = args.iter().map(|a| a.ty).collect();
            let want: Vec<Ty> = sig.params.iter().map(|p| p.ty).collect();
            let m = format!(
                "{word} arguments in call to {}\n\thave {}\n\twant {}",
                self.estr(call.fun),
                self.types_summary(&have, false, call.spread),
                self.types_summary(&want, sig.variadic, false)
            );
            let d = Diagnostic::error("WrongArgCount", at, m);
            let d = self.label_decl(d, call.fun);
            self.report(d);
            return None;
        }
        let generic_arg = |a: &Operand| {
            !a.is_invalid() && matches!(a.ty.0, Type::Signature(s) if !s.tparams.is_empty())
        };
        let mut out = sig.clone();
        if !sig.tparams.is_empty() || args.iter().any(generic_arg) {
            if args.iter().any(Operand::is_invalid) {
                return None;
            }
            let (s, ps) = self.infer_call(call, sig, targs, &mut args, &params)?;
            out = s;
            params = ps;
        }
        let ctx = match context {
            Some(c) => c.to_string(),
            None => format!("argument to {}", self.estr(call.fun)),
        };
        for (a, &p) in args.iter_mut().zip(&params) {
            self.assignment(a, Some(p), &ctx);
        }
        Some(out)
    }

    // ---- conversions ----

    fn conversion_call(&mut self, call: &CallParts, x: Operand, args: &[ExprId]) -> Operand {
        let mut t = x;
        let e = call.e;
        if is_generic(t.ty) {
            let m = format!(
                "cannot use generic type {} without instantiation",
                self.generic_name(t.ty)
            );
            self.err("WrongTypeArgCount", self.ospan(&t), m);
            t.fail();
        }
        let to = t.ty;
        match args {
            [] => {
                let m = format!("missing argument in conversion to {}", self.tstr(to));
                self.err("WrongArgCount", self.espan(e), m);
                Operand::invalid(Some(e))
            }
            [a] => {
                let func = matches!(core_type(to).map(|t| t.0), Some(Type::Signature(_)));
                let mut x = self.expr(*a, (func && !t.is_invalid()).then_some(to));
                if x.is_invalid() || t.is_invalid() {
                    return Operand::invalid(Some(e));
                }
                if let Type::Interface(_) = underlying(to).0
                    && !is_type_param(to)
                    && super::typeset::constraint_only(to).is_some()
                {
                    let m = format!(
                        "cannot use interface {} in conversion (contains specific type constraints or is comparable)",
                        self.tstr(to)
                    );
                    self.err("MisplacedConstraintIface", self.espan(e), m);
                    return Operand::invalid(Some(e));
                }
                if call.spread {
                    let m = format!("invalid use of ... in conversion to {}", self.tstr(to));
                    self.err("InvalidDotDotDot", self.espan(*a), m);
                    return Operand::invalid(Some(e));
                }
                self.conversion(&mut x, to);
                x.expr = Some(e);
                x.text = None;
                x
            }
            _ => {
                self.use_exprs(args);
                let m = format!("too many arguments in conversion to {}", self.tstr(to));
                let at = args.last().map_or(self.espan(e), |a| self.espan(*a));
                self.err("WrongArgCount", at, m);
                Operand::invalid(Some(e))
            }
        }
    }

    /// A constant converted to a constant type, if that works.
    fn const_conversion(x: &Operand, to: Ty) -> Option<Const> {
        let v = x.val.as_ref()?;
        let Type::Basic(b, _) = underlying(to).0 else {
            return None;
        };
        if let Ok(c) = represent(v, x.ty, *b) {
            return Some(c);
        }
        if is_integer(x.ty) && is_string(to) {
            let c = match v.to_int() {
                Some(Const::Int(i)) => i
                    .to_u32()
                    .and_then(char::from_u32)
                    .unwrap_or(char::REPLACEMENT_CHARACTER),
                _ => char::REPLACEMENT_CHARACTER,
            };
            let mut buf = [0; 4];
            return Some(Const::from_bytes(c.encode_utf8(&mut buf).as_bytes()));
        }
        None
    }

    pub(super) fn conversion(&mut self, x: &mut Operand, to: Ty) {
        let constant = x.mode == Mode::Constant;
        let mut failed: Option<String> = None;
        let const_arg = constant && is_const_type(x.ty);
        let mut val = None;
        if const_arg && is_const_type(to) {
            match Self::const_conversion(x, to) {
                Some(v) => val = Some(v),
                None => {
                    if is_integer(x.ty) && is_integer(to) {
                        let v = x.val.as_ref().map_or(String::new(), Const::display);
                        let m = format!("constant {v} overflows {}", self.tstr(to));
                        self.err("InvalidConversion", self.ospan(x), m);
                        x.fail();
                        return;
                    }
                    failed = Some(String::new());
                }
            }
        } else if const_arg && is_type_param(to) {
            let types = type_set_types(to).filter(|t| !t.is_empty());
            if types.is_none() {
                failed = Some(format!("{} does not contain specific types", self.tstr(to)));
            }
            for u in types.unwrap_or_default() {
                if is_string(x.ty) && convert::bytes_or_runes(u)
                    || is_const_type(u) && Self::const_conversion(x, u).is_some()
                {
                    continue;
                }
                let (u_text, to_text) = (self.tstr(u), self.tstr(to));
                failed = Some(match &x.val {
                    Some(v) if is_integer(x.ty) && is_integer(u) => {
                        format!("constant {} overflows {u_text} (in {to_text})", v.display())
                    }
                    _ => format!(
                        "cannot convert {} to type {u_text} (in {to_text})",
                        self.describe(x)
                    ),
                });
                break;
            }
            // A type parameter's values are no constants.
            if failed.is_some() {
                x.mode = Mode::Value;
                x.val = None;
            }
        } else if x.is_nil() {
            if !has_nil(to) {
                failed = Some(String::new());
            }
        } else {
            let from = if is_untyped(x.ty) && !constant {
                default_type(x.ty)
            } else {
                x.ty
            };
            if let Err(cause) = convert::convertible(from, x.val.as_ref(), to) {
                failed = Some(cause.unwrap_or_default());
            }
        }
        if let Some(cause) = failed {
            let mut m = format!(
                "cannot convert {} to type {}",
                self.describe(x),
                self.tstr(to)
            );
            if !cause.is_empty() {
                m += ": ";
                m += &cause;
            }
            self.err("InvalidConversion", self.ospan(x), m);
            x.fail();
            return;
        }
        if is_untyped(x.ty) {
            let last = if x.is_nil() {
                to
            } else if super::binary::is_plain_interface(to) || constant && !is_const_type(to) {
                default_type(x.ty)
            } else if constant && is_integer(x.ty) && all_string(to) {
                x.ty
            } else {
                to
            };
            if let Some(e) = x.expr {
                // (A constant converted to string keeps its untyped type.)
                self.update_expr_type(e, last, true);
            }
        }
        x.mode = if val.is_some() {
            Mode::Constant
        } else {
            Mode::Value
        };
        x.val = val;
        x.ty = to;
    }
}
