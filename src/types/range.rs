//! `for … range`.

use super::check::Checker;
use super::info::Mode;
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe::{self, basic};
use crate::base::intern::Name;
use crate::syntax::ast::{ChanDir, ExprId, ExprKind};

/// Types of the iteration values; None where there is no such value.
type KeyValue = (Option<Ty>, Option<Ty>);

/// What ranging over a type gives, or why it does not work.
fn iteration(x: Ty) -> Result<KeyValue, String> {
    let int = basic(Basic::Int);
    let check = |t: Ty, u: Option<Ty>| match u.map(|u| u.0) {
        Some(Type::Chan(ChanDir::Send, _)) => Err(format!(
            "receive from send-only channel {}",
            super::display::text(t)
        )),
        _ => Ok(()),
    };
    let u = common_underlying(x, &check)?;
    match u.0 {
        Type::Basic(..) if is_string(u) => Ok((Some(int), Some(universe::rune_ty()))),
        Type::Basic(..) if is_integer(u) => Ok((Some(x), None)),
        Type::Array(e, _) | Type::Slice(e) => Ok((Some(int), Some(*e))),
        Type::Pointer(b) => match underlying(*b).0 {
            Type::Array(e, _) => Ok((Some(int), Some(*e))),
            _ => Err(String::new()),
        },
        Type::Map(k, v) => Ok((Some(*k), Some(*v))),
        Type::Chan(_, e) => Ok((Some(*e), None)),
        Type::Signature(s) => {
            let bad = |why: &str| Err(format!("func must be func(yield func(...) bool): {why}"));
            if s.params.len() != 1 {
                return bad("wrong argument count");
            }
            if !s.results.is_empty() {
                return bad("unexpected results");
            }
            let y = match common_underlying(s.params[0].ty, &|_, _| Ok(())) {
                Ok(Ty(Type::Signature(y))) => y,
                Ok(_) => return bad("argument is not func"),
                Err(cause) => return bad(&format!("in yield type, {cause}")),
            };
            if y.params.len() > 2 {
                return bad("yield func has too many parameters");
            }
            if y.results.len() != 1 || !is_boolean(y.results[0].ty) {
                return bad("yield func does not return bool");
            }
            Ok((
                y.params.first().map(|p| p.ty),
                y.params.get(1).map(|p| p.ty),
            ))
        }
        _ => Err(String::new()),
    }
}

impl Checker<'_> {
    /// Checks the clause and declares its variables in the current scope. Tells whether
    /// the loop is over a function; then `vdepth` counts it already, because the variables
    /// get their values inside.
    pub(super) fn range_clause(
        &mut self,
        key: Option<ExprId>,
        value: Option<ExprId>,
        define: bool,
        xe: ExprId,
    ) -> bool {
        let mut x = self.expr(xe, None);
        let mut kv: KeyValue = (None, None);
        let mut ok = false;
        let mut over_int = false;
        let mut by_func = false;
        if !x.is_invalid() {
            let res = if x.is_nil() {
                Err(String::new())
            } else {
                iteration(x.ty)
            };
            match res {
                Ok(t) => {
                    kv = t;
                    ok = true;
                    let core = core_string(x.ty);
                    over_int = core.is_some_and(is_integer);
                    by_func = core.is_some_and(|c| matches!(underlying(c).0, Type::Signature(_)));
                    self.env.vdepth += u32::from(by_func);
                }
                Err(cause) => {
                    let mut m = format!("cannot range over {}", self.describe(&x));
                    if !cause.is_empty() {
                        m += ": ";
                        m += &cause;
                    }
                    self.err("InvalidRangeExpr", self.ospan(&x), m);
                }
            }
        }
        if ok {
            let extra = match (kv, key, value) {
                ((None, _), Some(k), _) => Some((k, "no iteration variables")),
                ((_, None), _, Some(v)) => Some((v, "only one iteration variable")),
                _ => None,
            };
            if let Some((at, what)) = extra {
                let m = format!("range over {} permits {what}", self.describe(&x));
                self.err("InvalidIterVar", self.espan(at), m);
                if kv.0.is_none() {
                    ok = false;
                }
            }
        }
        if is_untyped(x.ty) && is_string(x.ty) && !x.is_invalid() {
            self.convert_untyped(&mut x, basic(Basic::String));
        }
        let sides = [(key, kv.0), (value, kv.1)];
        if define {
            let mut vars = Vec::new();
            for (i, (lhs, t)) in sides.into_iter().enumerate() {
                let Some(le) = lhs else { continue };
                let id = match self.ast.expr(le).kind {
                    ExprKind::Ident(id) => Some(id),
                    _ => {
                        let m = format!("non-name {} on left side of :=", self.estr(le));
                        self.err("InvalidSyntaxTree", self.espan(le), m);
                        None
                    }
                };
                let name = id.map_or(Name::BLANK, |i| self.ast.name(i));
                let v = self.new_var(name, self.espan(le), None, false);
                match t.filter(|&t| ok && is_valid(t)) {
                    Some(t) if over_int && i == 0 => {
                        let _ = t;
                        self.init_var(v, &mut x, "range clause");
                    }
                    Some(t) => v.ty.set(Some(t)),
                    None => {
                        v.ty.set(Some(invalid()));
                        if let Some(i) = v.var_info() {
                            // One message is enough.
                            i.used.set(true);
                        }
                    }
                }
                if v.ty.get().is_none() {
                    v.ty.set(Some(invalid()));
                }
                self.record(le, Mode::Variable, v.ty.get(), None);
                if let Some(id) = id {
                    self.record_def(id, v);
                }
                vars.push(v);
            }
            if vars.is_empty() {
                self.settle_count(&mut x, over_int);
            }
            for v in vars {
                if !v.name.is_blank() {
                    // Loop variables without a type are not reported as unused.
                    self.locals.push(v);
                }
                self.declare(None, v);
            }
        } else if key.is_some() || value.is_some() {
            for (i, (lhs, t)) in sides.into_iter().enumerate() {
                let Some(le) = lhs else { continue };
                match t.filter(|&t| ok && is_valid(t)) {
                    Some(_) if over_int && i == 0 => {
                        let y = std::mem::replace(&mut x, Operand::invalid(None));
                        self.assign_operand(le, y, "range clause");
                    }
                    Some(t) => {
                        let mut y = Operand::new(Mode::Value, t, None);
                        y.text = Some((self.estr(le), self.espan(le)));
                        self.assign_operand(le, y, "assignment");
                    }
                    None => {
                        self.lhs_use(le);
                    }
                }
            }
        } else {
            self.settle_count(&mut x, over_int);
        }
        by_func
    }

    /// `for range 10`: the count takes its default type.
    fn settle_count(&mut self, x: &mut Operand, over_int: bool) {
        if over_int && !x.is_invalid() {
            self.assignment(x, None, "range clause");
        }
    }
}
