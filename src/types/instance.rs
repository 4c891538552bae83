//! Instantiation of generic functions: explicit, by call arguments, by the wanted type.

use super::call::CallParts;
use super::check::Checker;
use super::infer::{ArgType, InferError, Inferred, infer};
use super::info::Mode;
use super::operand::{Operand, is_valid};
use super::predicates::*;
use super::subst::{self, pairs};
use super::ty::*;
use crate::base::span::Span;
use crate::syntax::ast::{ExprId, ExprKind, IdentId};

/// A generic function value with some of its type arguments.
pub struct Partial {
    pub targs: Vec<Ty>,
    /// What to say if nothing supplies the rest.
    pub at: Span,
    pub message: String,
}

impl Checker<'_> {
    pub(super) fn too_many_targs(&mut self, indices: &[ExprId], want: usize) {
        let m = format!("got {} type arguments but want {want}", indices.len());
        let at = indices.get(want).map_or(Span::NONE, |&i| self.espan(i));
        self.err("WrongTypeArgCount", at, m);
    }

    /// The identifier that names the function in a callee expression.
    fn func_ident(&self, e: ExprId) -> Option<IdentId> {
        let e = self.ast.unparen(e);
        match &self.ast.expr(e).kind {
            ExprKind::Ident(i) => Some(*i),
            ExprKind::Selector { sel, .. } => Some(*sel),
            ExprKind::Index { x, .. } => self.func_ident(*x),
            _ => None,
        }
    }

    /// Records type arguments, and the instantiated type for the expressions naming the
    /// function.
    fn record_instance(&mut self, e: ExprId, targs: &[Ty], ty: Ty) {
        if let Some(i) = self.func_ident(e) {
            self.info.instances.insert(i, targs.to_vec());
        }
        let mut e = e;
        loop {
            self.record(e, Mode::Value, Some(ty), None);
            match &self.ast.expr(e).kind {
                ExprKind::Paren(x) | ExprKind::Index { x, .. } => e = *x,
                _ => return,
            }
        }
    }

    fn infer_text(&self, err: &InferError, arg: &str) -> String {
        let mut m = err.message(arg);
        if let InferError::CannotInfer { tparam, .. } = err
            && let Type::TypeParam(p) = tparam.0
        {
            m += &format!(" (declared at {})", self.place(p.obj.span.lo));
        }
        m
    }

    /// `f[T1, T2]` as a value.
    /// With some type arguments missing it stays generic, to be completed by the context.
    pub(super) fn func_inst(&mut self, e: ExprId, x: Operand, indices: &[ExprId]) -> Operand {
        let Type::Signature(sig) = x.ty.0 else {
            return Operand::invalid(Some(e));
        };
        let targs: Vec<Ty> = indices.iter().map(|&i| self.typ(i)).collect();
        if targs.iter().any(|&t| !is_valid(t)) {
            return Operand::invalid(Some(e));
        }
        if targs.len() > sig.tparams.len() {
            self.too_many_targs(indices, sig.tparams.len());
            return Operand::invalid(Some(e));
        }
        let mut targs = targs;
        if targs.len() < sig.tparams.len() {
            match infer(&sig.tparams, &targs, &[], &[]) {
                Ok(r) => targs = r.targs,
                Err(err) => {
                    let at = x.expr.map_or(self.espan(e), |x| Span::at(self.espan(x).hi));
                    let message = self.infer_text(&err, "");
                    self.partial.insert(e, Partial { targs, at, message });
                    return Operand::new(Mode::Value, x.ty, Some(e));
                }
            }
        }
        let spans: Vec<Span> = indices.iter().map(|&i| self.espan(i)).collect();
        if !self.verify(&sig.tparams, &targs, &spans) {
            return Operand::invalid(Some(e));
        }
        let ty = subst::instantiate_signature(sig, &targs);
        self.record_instance(e, &targs, ty);
        Operand::new(Mode::Value, ty, Some(e))
    }

    /// The type arguments given to a generic function value that still lacks some.
    fn given(&self, e: ExprId) -> Vec<Ty> {
        let e = self.ast.unparen(e);
        self.partial.get(&e).map_or(Vec::new(), |p| p.targs.clone())
    }

    /// A generic function value where a function of type `target` is wanted.
    pub(super) fn infer_from_target(&mut self, x: Operand, e: ExprId, target: Ty) -> Operand {
        let Type::Signature(sig) = x.ty.0 else {
            return x;
        };
        if !matches!(core_type(target).map(|t| t.0), Some(Type::Signature(_))) {
            return x;
        }
        let plain = Signature {
            tparams: Vec::new(),
            ..sig.clone()
        };
        let params = [Ty::new(Type::Signature(plain))];
        let given = self.given(e);
        match infer(&sig.tparams, &given, &params, &[ArgType::new(target)]) {
            Ok(r) => {
                let at = [self.espan(e)];
                if !self.verify(&sig.tparams, &r.targs, &at) {
                    return Operand::invalid(Some(e));
                }
                let ty = subst::instantiate_signature(sig, &r.targs);
                self.record_instance(e, &r.targs, ty);
                Operand::new(Mode::Value, ty, Some(e))
            }
            Err(err) => {
                let dest = self
                    .target_name
                    .clone()
                    .unwrap_or_else(|| "variable".to_string());
                let mut m = err.reverse_message(&dest);
                if let InferError::CannotInfer { .. } = err {
                    m = self.infer_text(&err, &dest);
                }
                self.err("CannotInferTypeArgs", self.espan(e), m);
                Operand::invalid(Some(e))
            }
        }
    }

    /// Infers what is missing for a call of a generic function, or with generic functions
    /// as arguments. Gives the signature and parameter types to check against.
    pub(super) fn infer_call(
        &mut self,
        call: &CallParts,
        sig: &Signature,
        given: Option<(Vec<Ty>, Vec<Span>)>,
        args: &mut [Operand],
        params: &[Ty],
    ) -> Option<(Signature, Vec<Ty>)> {
        let (given, spans) = given.unwrap_or_default();
        let arg_types: Vec<ArgType> = args
            .iter()
            .map(|a| ArgType {
                ty: a.ty,
                given: a.expr.map_or(Vec::new(), |e| self.given(e)),
            })
            .collect();
        // With all type arguments there is nothing left to infer for the callee.
        let full = given.len() == sig.tparams.len();
        let all = pairs(&sig.tparams, &given);
        let known: Vec<Ty> = params.iter().map(|&p| subst::subst(p, &all)).collect();
        let lparen = match self.ast.expr(call.e).kind {
            ExprKind::Call { lparen, .. } => Span::at(lparen),
            _ => self.espan(call.e),
        };
        let result = if full {
            infer(&[], &[], &known, &arg_types).map(|r| Inferred {
                targs: given.clone(),
                ..r
            })
        } else {
            infer(&sig.tparams, &given, params, &arg_types)
        };
        let inferred = match result {
            Ok(r) => r,
            Err(err) => {
                let (at, text) = match err.arg().and_then(|i| args.get(i)) {
                    Some(a) => (self.ospan(a), self.oexpr(a)),
                    None => (lparen, String::new()),
                };
                let m = format!(
                    "in call to {}, {}",
                    self.estr(call.fun),
                    self.infer_text(&err, &text)
                );
                self.err("CannotInferTypeArgs", at, m);
                return None;
            }
        };
        for (a, targs) in args.iter_mut().zip(&inferred.arg_targs) {
            let Some(targs) = targs else { continue };
            let Type::Signature(s) = a.ty.0 else { continue };
            let at = [self.ospan(a)];
            if !self.verify(&s.tparams, targs, &at) {
                return None;
            }
            a.ty = subst::instantiate_signature(s, targs);
            if let Some(e) = a.expr {
                self.record_instance(e, targs, a.ty);
            }
        }
        if sig.tparams.is_empty() {
            return Some((sig.clone(), params.to_vec()));
        }
        let mut at = spans;
        while at.len() < inferred.targs.len() {
            at.push(lparen);
        }
        if !self.verify(&sig.tparams, &inferred.targs, &at) {
            return None;
        }
        let ty = subst::instantiate_signature(sig, &inferred.targs);
        self.record_instance(call.fun, &inferred.targs, ty);
        let map = pairs(&sig.tparams, &inferred.targs);
        let params = params.iter().map(|&p| subst::subst(p, &map)).collect();
        match ty.0 {
            Type::Signature(s) => Some((s.clone(), params)),
            _ => None,
        }
    }

    /// Functions and types that instantiate themselves with ever larger arguments.
    pub(super) fn instantiation_cycles(&mut self) {
        let all = std::mem::take(&mut self.instantiations);
        let Some(c) = super::cycles::instantiation_cycle(&all, &self.recv_tparams) else {
            return;
        };
        let Some(p) = as_type_param(c.tparam) else {
            return;
        };
        let mut m = "instantiation cycle:".to_string();
        for (span, text) in &c.lines {
            m += &format!("\n\t{}: {text}", self.place(span.lo));
        }
        self.err("InvalidInstanceCycle", p.obj.span, m);
    }
}
