//! Signatures, receivers, function declarations, literals and bodies.

use super::check::{Checker, Env};
use super::info::Mode;
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::subst;
use super::ty::*;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::{self, ExprId, ExprKind, FuncDecl, FuncId};

/// Parameter objects and types of one list.
type ParamList = (Vec<Obj>, Vec<Param>);

impl<'a> Checker<'a> {
    /// Builds a signature. The current scope becomes the function's: type parameters and
    /// parameters are declared in it. Gives the type, parameters (receiver first), results.
    pub(super) fn signature(
        &mut self,
        sig: &'a ast::Signature,
        tparams: &'a [ast::TypeParam],
        recv: Option<&'a [ast::Param]>,
    ) -> (Ty, Vec<Obj>, Vec<Obj>) {
        let mut out = Signature::default();
        let mut recv_obj = None;
        if let Some(p) = recv.and_then(|r| r.first()) {
            let (t, rtp) = self.receiver(p);
            out.recv = Some(t);
            out.recv_tparams = rtp;
            let (name, span) = match p.name {
                Some(i) => (self.ast.name(i), self.ispan(i)),
                None => (Name::EMPTY, p.span),
            };
            recv_obj = Some((p.name, self.new_var(name, span, Some(t), true)));
            let at = self.espan(p.ty);
            self.later(move |c| c.valid_receiver(t, at));
        }
        if !tparams.is_empty() {
            out.tparams = self.collect_tparams(tparams);
        }
        let (params, ptypes) = self.param_list(&sig.params, true, &mut out.variadic);
        let (results, rtypes) = self.param_list(&sig.results, false, &mut false);
        out.params = ptypes;
        out.results = rtypes;
        // Names come into scope together, after all types are known.
        let mut objs = Vec::new();
        if let Some((id, o)) = recv_obj {
            self.declare(id, o);
            objs.push(o);
        }
        for (p, &o) in sig.params.iter().zip(&params) {
            self.declare(p.name, o);
        }
        for (p, &o) in sig.results.iter().zip(&results) {
            self.declare(p.name, o);
        }
        objs.extend(params);
        (Ty::new(Type::Signature(out)), objs, results)
    }

    fn param_list(
        &mut self,
        list: &'a [ast::Param],
        variadic_ok: bool,
        variadic: &mut bool,
    ) -> ParamList {
        let mut objs = Vec::new();
        let mut params = Vec::new();
        let mut last: Option<(ExprId, Ty)> = None;
        for (i, p) in list.iter().enumerate() {
            let mut t = match last {
                Some((e, t)) if e == p.ty => t,
                _ => {
                    let t = self.var_type(p.ty);
                    last = Some((p.ty, t));
                    t
                }
            };
            if p.variadic {
                if variadic_ok && i + 1 == list.len() {
                    *variadic = true;
                    t = Ty::new(Type::Slice(t));
                } else {
                    let m = if variadic_ok {
                        "can only use ... with final parameter"
                    } else {
                        "invalid use of ..."
                    };
                    self.err("MisplacedDotDotDot", self.espan(p.ty), m);
                }
            }
            let (name, span) = match p.name {
                Some(i) => (self.ast.name(i), self.ispan(i)),
                None => (Name::EMPTY, p.span),
            };
            objs.push(self.new_var(name, span, Some(t), true));
            params.push(Param { name, ty: t });
        }
        (objs, params)
    }

    /// The receiver's type and the type parameters it declares.
    fn receiver(&mut self, p: &'a ast::Param) -> (Ty, Vec<Ty>) {
        let mut e = self.ast.unparen(p.ty);
        let mut star = None;
        if let ExprKind::Star(x) = self.ast.expr(e).kind {
            star = Some(e);
            e = self.ast.unparen(x);
        }
        let ast = self.ast;
        let ExprKind::Index { x, indices } = &ast.expr(e).kind else {
            let t = self.typ(p.ty);
            if is_valid(t)
                && let Some(inst) = self.aliased_instance(e)
            {
                let m = format!("cannot define new methods on instantiated type {inst}");
                self.err("InvalidRecv", self.espan(e), m);
                return (invalid(), Vec::new());
            }
            return (t, Vec::new());
        };
        let base = self.generic_typ(*x);
        if let ExprKind::Ident(i) = ast.expr(*x).kind
            && let Some(o) = self.info.uses[i.index()]
            && let Some((tparams, rhs)) = self.generic_alias(o)
        {
            if is_valid(rhs) {
                let list = self.tparam_list(&tparams);
                let m = format!(
                    "cannot define new methods on generic alias type {}{list}",
                    o.name
                );
                self.err("InvalidRecv", self.espan(*x), m);
            }
            return (invalid(), Vec::new());
        }
        let bp = match base.0 {
            Type::Named(n) if is_generic(base) => n.tparams.borrow().clone(),
            _ => {
                if is_valid(base) {
                    let m = format!(
                        "invalid operation: {} ({} is not a generic type)",
                        self.estr(e),
                        self.tstr(base)
                    );
                    self.err("NotAGenericType", self.espan(*x), m);
                }
                return (invalid(), Vec::new());
            }
        };
        let mut tps = Vec::new();
        for (i, &ie) in indices.iter().enumerate() {
            let ExprKind::Ident(id) = ast.expr(ie).kind else {
                let m = format!(
                    "receiver type parameter {} must be an identifier",
                    self.estr(ie)
                );
                self.err("BadDecl", self.espan(ie), m);
                return (invalid(), Vec::new());
            };
            let t = self.new_tparam(ast.name(id), self.ispan(id), i);
            if let Type::TypeParam(tp) = t.0 {
                self.declare(Some(id), tp.obj);
            }
            self.record_type(ie, t);
            tps.push(t);
        }
        if tps.len() != bp.len() {
            let m = format!(
                "receiver declares {} type parameter{}, but receiver base type declares {}",
                tps.len(),
                if tps.len() == 1 { "" } else { "s" },
                bp.len()
            );
            self.err("BadRecv", self.espan(e), m);
            return (invalid(), tps);
        }
        for (t, b) in tps.iter().zip(&bp) {
            self.recv_tparams.push((*t, *b));
            if let (Type::TypeParam(t), Type::TypeParam(b)) = (&t.0, &b.0)
                && let Some(bound) = b.bound.get()
            {
                t.bound
                    .set(Some(subst::subst(bound, &subst::pairs(&bp, &tps))));
            }
        }
        let mut t = subst::instantiate(base, tps.clone());
        self.record_type(e, t);
        if let Some(s) = star {
            t = Ty::new(Type::Pointer(t));
            self.record_type(s, t);
        }
        self.record_type(p.ty, t);
        (t, tps)
    }

    /// The instance of a generic type that a name stands for through aliases, as written.
    fn aliased_instance(&self, e: ExprId) -> Option<String> {
        let mut e = e;
        for _ in 0..100 {
            let ExprKind::Ident(i) = self.ast.expr(e).kind else {
                return None;
            };
            let o = self.info.uses[i.index()]?;
            let rhs = self.alias_rhs(o)?;
            e = self.ast.unparen(rhs);
            while let ExprKind::Star(x) = self.ast.expr(e).kind {
                e = self.ast.unparen(x);
            }
            if let ExprKind::Index { .. } = self.ast.expr(e).kind {
                return Some(self.estr(e));
            }
        }
        None
    }

    fn valid_receiver(&mut self, t: Ty, span: Span) {
        if !is_valid(t) {
            return;
        }
        let base = match t.0 {
            Type::Pointer(b) => *b,
            _ => t,
        };
        let name = self.tstr(base);
        match base.0 {
            Type::Named(n) => {
                if n.obj.pkg != Some(self.pkg) {
                    let m = format!("cannot define new methods on non-local type {name}");
                    self.err("InvalidRecv", self.inner_span(span, t), m);
                    return;
                }
                if matches!(underlying(base).0, Type::Pointer(_) | Type::Interface(_)) {
                    let m = format!("invalid receiver type {name} (pointer or interface type)");
                    self.err("InvalidRecv", self.inner_span(span, t), m);
                }
            }
            Type::Basic(b, _) if *b != Basic::Invalid => {
                let m = format!("cannot define new methods on non-local type {name}");
                self.err("InvalidRecv", self.inner_span(span, t), m);
            }
            Type::Basic(..) => {}
            _ => {
                let m = format!("invalid receiver type {}", self.tstr(t));
                self.err("InvalidRecv", self.inner_span(span, t), m);
            }
        }
    }

    /// The base type's place inside a receiver type.
    fn inner_span(&self, span: Span, t: Ty) -> Span {
        if matches!(t.0, Type::Pointer(_)) && self.src.text(span).starts_with('*') {
            Span::new(span.lo + 1, span.hi)
        } else {
            span
        }
    }

    pub(super) fn func_decl(&mut self, obj: Obj, d: &'a FuncDecl, di: usize) {
        let f = self.ast.func(d.func);
        self.env.level = 1;
        let old = self.open_scope();
        let (sig, params, results) = self.signature(&f.sig, &f.tparams, d.recv.as_deref());
        let scope = self.env.scope;
        self.close_scope(old);
        obj.ty.set(Some(sig));
        self.record_func(d.func, sig, params, results.clone());
        if f.body.is_some() {
            let mut env = self.package_env(scope, Some(di));
            env.sig = Some(sig);
            env.results = results;
            env.level = 1;
            self.bodies.push((d.func, env));
        }
    }

    /// A function literal: its signature now, its body now inside functions and later at
    /// package level (where initialisers may refer to each other).
    pub(super) fn func_lit(&mut self, e: ExprId, f: FuncId) -> Operand {
        let func = self.ast.func(f);
        self.env.level += 1;
        let old = self.open_scope();
        let (sig, params, results) = self.signature(&func.sig, &[], None);
        let scope = self.env.scope;
        self.close_scope(old);
        self.env.level -= 1;
        self.record_func(f, sig, params, results.clone());
        let env = Env {
            scope,
            decl: self.env.decl,
            iota: self.env.iota,
            err_span: None,
            sig: Some(sig),
            results,
            level: self.env.level + 1,
            has_call: false,
            vdepth: self.env.vdepth,
        };
        if self.env.sig.is_some() {
            self.check_func_body(f, env);
        } else {
            self.later(move |c| c.check_func_body(f, env));
        }
        Operand::new(Mode::Value, sig, Some(e))
    }

    pub(super) fn check_bodies(&mut self) {
        for (f, env) in std::mem::take(&mut self.bodies) {
            self.check_func_body(f, env);
            self.process_delayed();
        }
    }

    /// Checks one function body in its environment.
    pub(super) fn check_func_body(&mut self, f: FuncId, env: Env) {
        let ast = self.ast;
        let Some(body) = &ast.func(f).body else {
            return;
        };
        let has_results =
            matches!(env.sig.map(|s| s.0), Some(Type::Signature(s)) if !s.results.is_empty());
        let saved = std::mem::replace(&mut self.env, env);
        self.stmt_list(&body.stmts, super::stmt::Ctx::default());
        self.labels(&body.stmts);
        if has_results && !self.terminating_list(&body.stmts, None) {
            let hi = body.span.hi.max(1);
            self.err("MissingReturn", Span::new(hi - 1, hi), "missing return");
        }
        self.env = saved;
    }
}
