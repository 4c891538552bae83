//! Assignability with its messages, initialisation of variables, assignment statements.

use super::check::Checker;
use super::convert;
use super::info::Mode;
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe::basic;
use super::untyped::Misfit;
use crate::base::diag::Diagnostic;
use crate::base::span::{Pos, Span};
use crate::syntax::ast::{BinOp, ExprId, ExprKind};

/// Where values go to: decides wording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sink {
    Assign,
    /// A return statement with its position and end.
    Return(Span),
}

fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

pub(super) fn ordinal(n: usize) -> String {
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

impl Checker<'_> {
    /// Whether `x` may be assigned to a variable of type `t`.
    pub(super) fn fits(&self, x: &Operand, t: Ty) -> bool {
        self.why_not(x, t).is_ok()
    }

    fn why_not(&self, x: &Operand, t: Ty) -> Result<(), String> {
        if x.is_invalid() || !is_valid(x.ty) || !is_valid(t) {
            return Ok(());
        }
        if x.is_nil() {
            return if has_nil(t) {
                Ok(())
            } else {
                Err(String::new())
            };
        }
        if is_untyped(x.ty) {
            if is_untyped(t) {
                return super::untyped::max_untyped(x.ty, t)
                    .map(|_| ())
                    .ok_or_else(String::new);
            }
            let target = if super::binary::is_plain_interface(t) {
                default_type(x.ty)
            } else {
                t
            };
            return match self.implicit_type(x, target) {
                Ok(_) if target == t => Ok(()),
                Ok(_) => {
                    convert::assignable(target, None, false, t).map_err(Option::unwrap_or_default)
                }
                Err(_) => Err(String::new()),
            };
        }
        convert::assignable(x.ty, x.val.as_ref(), false, t).map_err(Option::unwrap_or_default)
    }

    /// Reports uses of non-values: types, packages, calls without or with many results.
    pub(super) fn single_value(&mut self, x: &mut Operand) {
        if x.mode == Mode::Value
            && let Type::Tuple(_) = x.ty.0
        {
            let m = format!(
                "multiple-value {} in single-value context",
                self.describe(x)
            );
            self.err("TooManyValues", self.ospan(x), m);
            x.fail();
        }
    }

    /// Checks that `x` can be assigned to type `t` (None: a variable without type yet) and
    /// converts it; `context` ends the message.
    pub(super) fn assignment(&mut self, x: &mut Operand, t: Option<Ty>, context: &str) {
        self.single_value(x);
        match x.mode {
            Mode::Invalid => return,
            Mode::NoValue | Mode::Builtin(_) | Mode::TypeExpr => {
                x.fail();
                return;
            }
            _ => {}
        }
        if is_untyped(x.ty) {
            let mut target = t;
            if x.is_nil() {
                let Some(t) = t else {
                    let m = format!("use of untyped nil in {context}");
                    self.err("UntypedNilUse", self.ospan(x), m);
                    x.fail();
                    return;
                };
                if !has_nil(t) {
                    if is_valid(t) {
                        self.cannot_use(x, t, context, "");
                    }
                    x.fail();
                    return;
                }
            } else if t.is_none_or(super::binary::is_plain_interface) {
                target = Some(default_type(x.ty));
            }
            let target = target.unwrap_or_else(invalid);
            match self.implicit_type(x, target) {
                Ok((nt, v)) => self.apply_implicit(x, nt, v),
                Err(m) => {
                    let suffix = match m {
                        Misfit::Truncated => " (truncated)",
                        Misfit::Overflow => " (overflows)",
                        Misfit::Kind => "",
                    };
                    let msg = format!(
                        "cannot use {} as {} value in {context}{suffix}",
                        self.describe(x),
                        self.tstr(target)
                    );
                    let code = match m {
                        Misfit::Truncated => "TruncatedFloat",
                        Misfit::Overflow => "NumericOverflow",
                        Misfit::Kind => "IncompatibleAssign",
                    };
                    self.err(code, self.ospan(x), msg);
                    x.fail();
                    return;
                }
            }
        }
        if let Type::Signature(s) = underlying(x.ty).0
            && !s.tparams.is_empty()
        {
            let m = format!(
                "cannot use generic function {} without instantiation",
                self.oexpr(x)
            );
            self.err("WrongTypeArgCount", self.ospan(x), m);
            x.fail();
            return;
        }
        let Some(t) = t else { return };
        if let Err(cause) = self.why_not(x, t) {
            self.cannot_use(x, t, context, &cause);
            x.fail();
        }
    }

    fn cannot_use(&mut self, x: &Operand, t: Ty, context: &str, cause: &str) {
        let mut m = format!(
            "cannot use {} as {} value in {context}",
            self.describe(x),
            self.tstr(t)
        );
        if !cause.is_empty() {
            m += ": ";
            m += cause;
        }
        let d = Diagnostic::error("IncompatibleAssign", self.ospan(x), m);
        let d = self.hint_assign(d, x, t);
        self.report(d);
    }

    /// Initialises `v` with `x`, giving it a type when it has none.
    pub(super) fn init_var(&mut self, v: Obj, x: &mut Operand, context: &str) {
        let bad = v.ty.get().is_some_and(|t| !is_valid(t));
        if x.is_invalid() || bad {
            if v.ty.get().is_none() {
                v.ty.set(Some(invalid()));
            }
            x.fail();
            return;
        }
        if v.ty.get().is_none() {
            self.single_value(x);
            let mut t = x.ty;
            if x.is_invalid() || matches!(x.mode, Mode::NoValue) {
                t = invalid();
            } else if is_untyped(t) {
                if x.is_nil() {
                    let m = format!("use of untyped nil in {context}");
                    self.err("UntypedNilUse", self.ospan(x), m);
                    v.ty.set(Some(invalid()));
                    x.fail();
                    return;
                }
                t = default_type(t);
            }
            v.ty.set(Some(t));
        }
        self.assignment(x, v.ty.get(), context);
    }

    /// Initialises variables from expressions (`:=`, `var a, b = f()`, `return`).
    pub(super) fn init_vars(&mut self, lhs: &[Obj], rhs: &[ExprId], sink: Sink) {
        let context = match sink {
            Sink::Return(_) => "return statement",
            Sink::Assign if lhs.len() > 1 => "multiple assignment",
            Sink::Assign => "assignment",
        };
        if let Sink::Return(_) = sink {
            self.target_name = Some("result variable".into());
        }
        let (l, r) = (lhs.len(), rhs.len());
        let is_call = r == 1 && {
            let u = self.ast.unparen(rhs[0]);
            matches!(self.ast.expr(u).kind, ExprKind::Call { .. })
        };
        if l == r && !is_call {
            for (&v, &e) in lhs.iter().zip(rhs) {
                let mut x = self.expr(e, v.ty.get());
                self.init_var(v, &mut x, context);
            }
            return;
        }
        if r != 1 {
            if self.use_exprs(rhs) {
                match sink {
                    Sink::Return(s) => self.return_mismatch(lhs, rhs, s),
                    _ => self.mismatch(rhs, l, r),
                }
            }
            self.spoil(lhs);
            return;
        }
        let comma_ok = l == 2 && !matches!(sink, Sink::Return(_));
        let hint = if l == 1 { lhs[0].ty.get() } else { None };
        let (mut xs, is_comma) = self.multi_expr(rhs[0], comma_ok, hint);
        if xs.len() == l {
            if l > 1 && !is_comma {
                self.name_results(&mut xs);
            }
            for (&v, x) in lhs.iter().zip(xs.iter_mut()) {
                self.init_var(v, x, context);
            }
            if is_comma {
                self.record_comma_ok(rhs[0], &xs);
            }
            return;
        }
        if xs.first().is_some_and(|x| !x.is_invalid()) {
            match sink {
                Sink::Return(s) => self.return_mismatch_ops(lhs, &xs, rhs, s),
                _ => self.mismatch(rhs, l, xs.len()),
            }
        }
        self.spoil(lhs);
    }

    fn spoil(&mut self, lhs: &[Obj]) {
        for v in lhs {
            if v.ty.get().is_none() {
                v.ty.set(Some(invalid()));
            }
        }
    }

    fn name_results(&mut self, xs: &mut [Operand]) {
        for (i, x) in xs.iter_mut().enumerate() {
            if let Some(e) = x.expr {
                x.text = Some((format!("{} function result", ordinal(i + 1)), self.espan(e)));
            }
        }
    }

    pub(super) fn mismatch(&mut self, rhs: &[ExprId], l: usize, r: usize) {
        let vars = plural(l, "variable");
        let vals = plural(r, "value");
        let mut m = format!("assignment mismatch: {vars} but {vals}");
        if let [e] = rhs
            && let ExprKind::Call { fun, .. } = &self.ast.expr(self.ast.unparen(*e)).kind
        {
            m = format!(
                "assignment mismatch: {vars} but {} returns {vals}",
                self.estr(*fun)
            );
        }
        let span = self.espan(rhs[0]);
        self.err("WrongAssignCount", span, m);
    }

    fn return_mismatch(&mut self, lhs: &[Obj], rhs: &[ExprId], stmt: Span) {
        let xs: Vec<Operand> = rhs
            .iter()
            .map(|&e| match self.untyped.get(&e) {
                Some(i) => Operand::new(i.mode, i.ty, Some(e)),
                None => {
                    let tv = &self.info.types[e.index()];
                    Operand::new(tv.mode, tv.ty.unwrap_or_else(invalid), Some(e))
                }
            })
            .collect();
        self.return_mismatch_ops(lhs, &xs, rhs, stmt);
    }

    fn return_mismatch_ops(&mut self, lhs: &[Obj], xs: &[Operand], rhs: &[ExprId], stmt: Span) {
        let (word, at) = if xs.len() > lhs.len() {
            let i = lhs.len().min(rhs.len() - 1);
            ("too many", self.espan(rhs[i]))
        } else if let Some(&last) = rhs.last() {
            ("not enough", self.espan(last))
        } else {
            ("not enough", stmt)
        };
        let have: Vec<String> = xs.iter().map(|x| self.summary(x.ty)).collect();
        let want: Vec<String> = lhs
            .iter()
            .map(|v| self.summary(v.ty.get().unwrap_or_else(invalid)))
            .collect();
        let m = format!(
            "{word} return values\n\thave ({})\n\twant ({})",
            have.join(", "),
            want.join(", ")
        );
        self.err("WrongResultCount", at, m);
    }

    /// `return` without values where values are needed.
    pub(super) fn missing_results(&mut self, lhs: &[Obj], stmt: Span) {
        self.return_mismatch_ops(lhs, &[], &[], stmt);
    }

    /// A type in a have/want list: untyped numbers are all `number`.
    pub(super) fn summary(&self, t: Ty) -> String {
        match t.0 {
            Type::Basic(b, _) if is_untyped(t) => match b {
                Basic::UntypedBool => "bool".to_string(),
                Basic::UntypedString => "string".to_string(),
                Basic::UntypedNil => "nil".to_string(),
                _ => "number".to_string(),
            },
            _ if !is_valid(t) => "unknown type".to_string(),
            _ => self.tstr(t),
        }
    }

    pub(super) fn record_comma_ok(&mut self, e: ExprId, xs: &[Operand]) {
        if xs.iter().any(Operand::is_invalid) {
            return;
        }
        let t = Ty::new(Type::Tuple(xs.iter().map(|x| x.ty).collect()));
        let mut e = e;
        loop {
            if let Some(tv) = self.info.types.get_mut(e.index()) {
                tv.ty = Some(t);
            }
            match self.ast.expr(e).kind {
                ExprKind::Paren(x) => e = x,
                _ => return,
            }
        }
    }

    /// The type of an assignment's left side: Ok(None) for `_`, Err when erroneous.
    fn lhs_var(&mut self, e: ExprId) -> Result<Option<Ty>, ()> {
        let inner = self.ast.unparen(e);
        let mut restore = None;
        if let ExprKind::Ident(i) = self.ast.expr(inner).kind {
            let name = self.ast.name(i);
            if name.is_blank() {
                return Ok(None);
            }
            // Being assigned to is not a use.
            if let Some(o) = self.lookup_name(name)
                && let Some(v) = o.var_info()
                && o.pkg == Some(self.pkg)
            {
                restore = Some((o, v.used.get()));
            }
        }
        let x = self.expr(e, None);
        if let Some((o, used)) = restore
            && let Some(v) = o.var_info()
        {
            v.used.set(used);
        }
        self.check_lhs(&x, e)?;
        Ok(Some(x.ty))
    }

    /// Whether `x` may be assigned to.
    pub(super) fn check_lhs(&mut self, x: &Operand, e: ExprId) -> Result<(), ()> {
        if x.is_invalid() || !is_valid(x.ty) {
            return Err(());
        }
        self.mark_assigned(e);
        if matches!(x.mode, Mode::Variable | Mode::MapIndex) {
            return Ok(());
        }
        let inner = self.ast.unparen(e);
        if let ExprKind::Selector { x: sx, .. } = self.ast.expr(inner).kind
            && self.info.types[sx.index()].mode == Mode::MapIndex
        {
            let m = format!("cannot assign to struct field {} in map", self.oexpr(x));
            self.err("UnaddressableFieldAssign", self.ospan(x), m);
            return Err(());
        }
        let m = format!(
            "cannot assign to {} (neither addressable nor a map index expression)",
            self.oexpr(x)
        );
        self.err("UnassignableOperand", self.ospan(x), m);
        Err(())
    }

    fn assign_var(&mut self, l: ExprId, rhs: Result<ExprId, Operand>, context: &str) -> Operand {
        let t = self.lhs_var(l);
        let Ok(t) = t else {
            if let Ok(e) = rhs {
                self.use_exprs(&[e]);
            }
            return Operand::invalid(None);
        };
        let mut x = match rhs {
            Ok(e) => self.expr(e, t),
            Err(x) => x,
        };
        let context = if t.is_none() && context == "assignment" {
            "assignment to _ identifier"
        } else {
            context
        };
        self.assignment(&mut x, t, context);
        x
    }

    /// Assigns a synthetic operand.
    pub(super) fn assign_operand(&mut self, l: ExprId, x: Operand, context: &str) {
        self.assign_var(l, Err(x), context);
    }

    /// `lhs... = rhs...`
    pub(super) fn assign_vars(&mut self, lhs: &[ExprId], rhs: &[ExprId]) {
        let (l, r) = (lhs.len(), rhs.len());
        let context = if l > 1 {
            "multiple assignment"
        } else {
            "assignment"
        };
        if l == 0 || r == 0 {
            return;
        }
        let is_call = r == 1 && {
            let u = self.ast.unparen(rhs[0]);
            matches!(self.ast.expr(u).kind, ExprKind::Call { .. })
        };
        if l == r && !is_call {
            for (&a, &b) in lhs.iter().zip(rhs) {
                self.assign_var(a, Ok(b), context);
            }
            return;
        }
        if r != 1 {
            let ok_lhs = self.use_lhs(lhs);
            let ok_rhs = self.use_exprs(rhs);
            if ok_lhs && ok_rhs {
                self.mismatch(rhs, l, r);
            }
            return;
        }
        let (mut xs, is_comma) = self.multi_expr(rhs[0], l == 2, None);
        if xs.len() == l {
            if l > 1 && !is_comma {
                self.name_results(&mut xs);
            }
            let mut done = Vec::new();
            for (&a, x) in lhs.iter().zip(xs) {
                done.push(self.assign_var(a, Err(x), context));
            }
            if is_comma {
                self.record_comma_ok(rhs[0], &done);
            }
            return;
        }
        let ok = xs.first().is_some_and(|x| !x.is_invalid());
        if ok {
            self.mismatch(rhs, l, xs.len());
        }
        self.use_lhs(lhs);
    }

    /// Evaluates left sides whose assignment is wrong anyway.
    fn use_lhs(&mut self, lhs: &[ExprId]) -> bool {
        let mut ok = true;
        for &e in lhs {
            ok &= self.lhs_use(e);
        }
        ok
    }
    pub(super) fn lhs_use(&mut self, e: ExprId) -> bool {
        let inner = self.ast.unparen(e);
        if let ExprKind::Ident(i) = self.ast.expr(inner).kind {
            let name = self.ast.name(i);
            if name.is_blank() {
                return true;
            }
            let o = self.lookup_name(name);
            let used = o.and_then(|o| o.var_info().map(|v| v.used.get()));
            let x = self.expr(e, None);
            if let (Some(o), Some(u)) = (o, used)
                && let Some(v) = o.var_info()
            {
                v.used.set(u);
            }
            return !x.is_invalid();
        }
        self.use_exprs(&[e])
    }

    /// Evaluates expressions only for their uses; false when one is erroneous.
    pub(super) fn use_exprs(&mut self, es: &[ExprId]) -> bool {
        let mut ok = true;
        for &e in es {
            let x = self.raw_expr(e, None);
            ok &= !x.is_invalid();
        }
        ok
    }

    /// `lhs... := rhs...`
    pub(super) fn short_var_decl(&mut self, op: Pos, lhs: &[ExprId], rhs: &[ExprId]) {
        let mut vars = Vec::new();
        let mut fresh = Vec::new();
        let mut seen = Vec::new();
        let mut had_error = false;
        for &e in lhs {
            let ExprKind::Ident(id) = self.ast.expr(e).kind else {
                self.use_lhs(&[e]);
                had_error = true;
                vars.push(self.new_var(
                    crate::base::intern::Name::BLANK,
                    self.espan(e),
                    None,
                    false,
                ));
                continue;
            };
            let name = self.ast.name(id);
            let span = self.ispan(id);
            if !name.is_blank() {
                if seen.contains(&name) {
                    let m = format!("{name} repeated on left side of :=");
                    self.err("RepeatedDecl", span, m);
                    had_error = true;
                    vars.push(self.new_var(name, span, None, false));
                    continue;
                }
                seen.push(name);
                let here = self.scopes[self.env.scope.0 as usize].names.get(&name);
                if let Some(&old) = here {
                    self.record_use(id, old);
                    if old.var_info().is_some() {
                        if let Some(t) = old.ty.get() {
                            self.record(e, Mode::Variable, Some(t), None);
                        }
                        self.mark_var_assigned(old);
                        vars.push(old);
                    } else {
                        let m = format!("cannot assign to {name}");
                        self.err("UnassignableOperand", span, m);
                        had_error = true;
                        vars.push(self.new_var(name, span, None, false));
                    }
                    continue;
                }
            }
            let v = self.new_var(name, span, None, false);
            self.record_def(id, v);
            vars.push(v);
            fresh.push((v, e));
        }
        let all_blank = lhs.iter().all(
            |&e| matches!(self.ast.expr(e).kind, ExprKind::Ident(i) if self.ast.name(i).is_blank()),
        );
        if (all_blank || fresh.is_empty()) && !had_error {
            self.err(
                "NoNewVar",
                Span::at(op),
                "no new variables on left side of :=",
            );
        }
        if rhs.is_empty() {
            self.spoil(&vars);
        } else {
            self.init_vars(&vars, rhs, Sink::Assign);
        }
        for (v, e) in fresh {
            self.record(e, Mode::Variable, v.ty.get(), None);
            if !v.name.is_blank() {
                self.locals.push(v);
                self.declare(None, v);
            }
        }
    }

    /// `x op= y`, also `x++` (then `y` is None).
    pub(super) fn assign_op(&mut self, l: ExprId, op: BinOp, r: Option<ExprId>, span: Span) {
        let x = self.expr(l, None);
        let lhs = x.clone();
        let (y, text) = match r {
            Some(r) => {
                let y = self.expr(r, None);
                let t = format!("{} {}= {}", self.estr(l), op.text(), self.estr(r));
                (y, t)
            }
            None => {
                let word = if op == BinOp::Add { "++" } else { "--" };
                if x.is_invalid() {
                    return;
                }
                if !all_numeric(x.ty) {
                    let m = format!(
                        "invalid operation: {}{word} (non-numeric type {})",
                        self.estr(l),
                        self.tstr(x.ty)
                    );
                    self.err("NonNumericIncDec", self.ospan(&x), m);
                    return;
                }
                let mut one = Operand::new(Mode::Constant, basic(Basic::UntypedInt), None);
                one.val = Some(super::constant::Const::Int(1.into()));
                one.text = Some(("1".into(), span));
                (one, format!("{}{word}", self.estr(l)))
            }
        };
        let whole = (text, Span::new(self.espan(l).lo, span.hi));
        let mut x = self.binary(None, op, x, y, whole);
        if x.is_invalid() {
            return;
        }
        if self.check_lhs(&lhs, l).is_ok() {
            self.assignment(&mut x, Some(lhs.ty), "assignment operation");
        }
    }

    // ---- facts about variables ----

    /// Whether a loop over a function lies between a variable's declaration and here.
    pub(super) fn deeper_loop(&self, o: Obj) -> bool {
        self.env.vdepth > 0 && self.env.vdepth > self.vdepths.borrow().get(&o).copied().unwrap_or(0)
    }

    /// The variable an addressable expression is a part of.
    fn root_var(&self, mut e: ExprId) -> Option<Obj> {
        loop {
            match &self.ast.expr(e).kind {
                ExprKind::Paren(x) => e = *x,
                ExprKind::Ident(i) => {
                    let o = self.info.uses.get(i.index()).copied().flatten()?;
                    return o.var_info().is_some().then_some(o);
                }
                ExprKind::Selector { x, sel } => {
                    if let Some(Some(o)) = self.info.uses.get(sel.index())
                        && o.global.get()
                        && o.var_info().is_some()
                    {
                        return Some(*o);
                    }
                    let t = self.info.types[x.index()].ty?;
                    if matches!(underlying(t).0, Type::Pointer(_)) {
                        return None;
                    }
                    e = *x;
                }
                ExprKind::Index { x, .. } => {
                    let t = self.info.types[x.index()].ty?;
                    if !matches!(underlying(t).0, Type::Array(..) | Type::Interface(_)) {
                        return None;
                    }
                    e = *x;
                }
                _ => return None,
            }
        }
    }

    pub(super) fn mark_var_assigned(&mut self, o: Obj) {
        if let Some(v) = o.var_info() {
            v.reassigned.set(true);
            if self.env.level > v.level || self.deeper_loop(o) {
                v.captured.set(v.level > 0 || v.captured.get());
                v.assigned_in_closure.set(true);
            }
        }
    }
    pub(super) fn mark_assigned(&mut self, e: ExprId) {
        if let Some(o) = self.root_var(e) {
            self.mark_var_assigned(o);
        }
    }
    pub(super) fn mark_address(&mut self, e: ExprId) {
        if let Some(v) = self.root_var(e).as_ref().and_then(|o| o.var_info()) {
            v.address_taken.set(true);
        }
    }
}
