//! Calls: functions, closures, methods, natives. Builtins: `builtin`.

use super::expr::single;
use super::func::Fb;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{size_align, slots};
use crate::syntax::ast::{ExprId, ExprKind, IdentId};
use crate::types::info::{Mode, SelKind};
use crate::types::predicates::{core_type, underlying};
use crate::types::ty::{Obj, ObjKind, Signature, Ty, Type};

/// What a call expression calls, with receiver already known.
#[derive(Clone, Copy)]
pub(crate) enum Callee {
    Func(Obj, Option<IdentId>),
    /// Declared method: object and the selector expression.
    Method(Obj),
    /// Method of an interface value.
    IfaceMethod,
    Value,
}

impl Fb<'_> {
    /// A call whose single result is wanted; returns the slot it is left in.
    pub fn call_value(&mut self, e: ExprId) -> u16 {
        let t = self.ty(e);
        if let Some(i) = self.intrinsic_of(e) {
            let dst = self.alloc(1);
            let mark = self.mark();
            self.intrinsic_to(i, e, dst);
            self.release(mark);
            return dst;
        }
        if self.is_plain_call(e) {
            let outer = self.pos;
            let n = slots(t);
            let base = self.call(e);
            // Keep the result, give back the rest of the frame.
            self.release(base as usize);
            self.alloc(n);
            self.pos = outer;
            return base;
        }
        let dst = self.alloc_ty(t);
        self.call_to(e, dst);
        dst
    }

    /// Any call (conversion and builtin included) with its single result into `dst`.
    pub fn call_to(&mut self, e: ExprId, dst: u16) {
        let ExprKind::Call { fun, args, .. } = self.kind(e) else {
            return;
        };
        let t = self.ty(e);
        match self.p.info.types[self.unparen(*fun).index()].mode {
            Mode::TypeExpr => {
                if let Some(a) = args.first() {
                    self.order(&[*a]);
                    self.conversion(*a, t, dst);
                }
            }
            Mode::Builtin(b) => self.builtin(b, e, args, t, dst),
            _ => {
                if let Some(i) = self.intrinsic_of(e) {
                    return self.intrinsic_to(i, e, dst);
                }
                let base = self.call(e);
                self.mov(dst, base, single(t));
            }
        }
    }

    /// A call to a function (not a conversion or builtin).
    pub fn is_plain_call(&self, e: ExprId) -> bool {
        let ExprKind::Call { fun, .. } = self.kind(self.unparen(e)) else {
            return false;
        };
        !matches!(
            self.p.info.types[self.unparen(*fun).index()].mode,
            Mode::TypeExpr | Mode::Builtin(_)
        )
    }

    /// What `fun` denotes. `fun` is unparenthesised.
    pub fn callee(&self, fun: ExprId) -> (Callee, ExprId) {
        let mut f = self.unparen(fun);
        if let ExprKind::Index { x, .. } = self.kind(f)
            && let Type::Signature(_) = &*underlying(self.ty(*x))
            && matches!(
                self.kind(self.unparen(*x)),
                ExprKind::Ident(_) | ExprKind::Selector { .. }
            )
            && self.names_func(self.unparen(*x))
        {
            f = self.unparen(*x);
        }
        match self.kind(f) {
            ExprKind::Ident(id) => match self.p.info.uses[id.index()] {
                Some(o) if matches!(o.kind, ObjKind::Func { .. }) => {
                    (Callee::Func(o, Some(*id)), f)
                }
                _ => (Callee::Value, f),
            },
            ExprKind::Selector { x, sel } => match self.p.info.selections.get(&f) {
                None => match self.p.info.uses[sel.index()] {
                    Some(o) if matches!(o.kind, ObjKind::Func { .. }) => {
                        (Callee::Func(o, Some(*sel)), f)
                    }
                    _ => (Callee::Value, f),
                },
                Some(s) if s.kind == SelKind::Method => {
                    let xt = self.ty(*x);
                    match self.find_method(xt, self.ast().name(*sel)) {
                        Some((_, Some(o))) => (Callee::Method(o), f),
                        Some((_, None)) => (Callee::IfaceMethod, f),
                        None => (Callee::Value, f),
                    }
                }
                _ => (Callee::Value, f),
            },
            _ => (Callee::Value, f),
        }
    }
    fn names_func(&self, f: ExprId) -> bool {
        if let Some(s) = self.p.info.selections.get(&f) {
            return s.kind == SelKind::Method;
        }
        let id = match self.kind(f) {
            ExprKind::Ident(id) => *id,
            ExprKind::Selector { sel, .. } => *sel,
            _ => return false,
        };
        self.p.info.uses[id.index()].is_some_and(|o| matches!(o.kind, ObjKind::Func { .. }))
    }

    /// Signature of the called function in this instance.
    pub fn signature(&self, fun: ExprId) -> Signature {
        let t = self.ty(self.unparen(fun));
        match core_type(t).map(|u| u.0) {
            Some(Type::Signature(s)) => s.clone(),
            _ => Signature::default(),
        }
    }

    /// Compiles a call; results stand from the returned slot on.
    pub fn call(&mut self, e: ExprId) -> u16 {
        let e = self.unparen(e);
        if let Some(i) = self.intrinsic_of(e) {
            let dst = self.alloc(1);
            self.intrinsic_to(i, e, dst);
            return dst;
        }
        let ExprKind::Call {
            fun,
            args,
            spread,
            lparen,
            ..
        } = self.kind(e)
        else {
            return 0;
        };
        let (callee, f) = self.callee(*fun);
        let sig = self.signature(*fun);
        let nres: usize = sig.results.iter().map(|r| slots(r.ty)).sum();
        // Go counts a call to the line of its parenthesis.
        let pos = *lparen;
        self.order_call(callee, f, args, *spread, &sig);
        let mut recv = None;
        let mut value = 0;
        match callee {
            Callee::Func(..) => {}
            Callee::Method(_) | Callee::IfaceMethod => {
                let ExprKind::Selector { x, .. } = self.kind(f) else {
                    return 0;
                };
                let xt = self.ty(*x);
                let (r, t) = self.receiver(f, *x, xt);
                recv = Some((r, t));
            }
            Callee::Value => {
                value = self.expr(f);
            }
        }
        let base = self.call_base();
        let mut at = base + nres as u16;
        self.alloc(nres);
        if nres == 0 {
            self.release(base as usize);
        }
        let mut data_slot = 0;
        if let Some((r, t)) = recv {
            if matches!(callee, Callee::IfaceMethod) {
                data_slot = at - base;
                at += 1;
                self.reserve_to(at);
            } else {
                let n = slots(t);
                self.reserve_to(at + n as u16);
                self.mov(at, r, t);
                at += n as u16;
            }
        }
        self.arguments(args, *spread, &sig, at);
        self.at(pos);
        match callee {
            Callee::Func(o, id) => {
                if let Some(n) = self.lw.native_of(o) {
                    self.emit32(Op::CallN, base, n);
                } else {
                    let targs = id.map(|i| self.instance_args(i)).unwrap_or_default();
                    let f = self.lw.func_for(o, &targs);
                    self.emit32(Op::Call, base, f);
                }
            }
            Callee::Method(o) => {
                if let Some(n) = self.lw.native_of(o) {
                    self.emit32(Op::CallN, base, n);
                } else {
                    let own = self.selector_args(f);
                    let f = self.method_func(o, recv.map_or_else(|| self.ty(f), |r| r.1), &own);
                    self.emit32(Op::Call, base, f);
                }
            }
            Callee::IfaceMethod => {
                let (r, _) = recv.expect("interface receiver");
                let id = self.iface_method_id(f, recv.expect("interface receiver").1);
                self.emit(Op::CallI, base, r, data_slot);
                self.ext(id as u64);
                self.ext(0);
                self.ext(0);
            }
            Callee::Value => self.emit(Op::CallC, base, value, 0),
        }
        base
    }

    fn reserve_to(&mut self, slot: u16) {
        let have = self.mark();
        if (slot as usize) > have {
            self.alloc(slot as usize - have);
        }
    }

    /// Program-wide number of the interface method a selector names.
    pub fn iface_method_id(&mut self, f: ExprId, iface: Ty) -> u32 {
        let ExprKind::Selector { sel, .. } = self.kind(f) else {
            return 0;
        };
        let name = self.ast().name(*sel);
        self.method_number(iface, name)
    }
    pub fn method_number(&mut self, iface: Ty, name: crate::base::intern::Name) -> u32 {
        let set = crate::types::typeset::type_set(underlying(iface));
        let pkg = self.p.info.pkg;
        for m in &set.methods {
            if m.name == name && (name.is_exported() || m.pkg.is_none_or(|p| p == pkg)) {
                return self.lw.layouts.method_id(m.name, m.pkg, m.sig);
            }
        }
        0
    }

    /// Evaluates call arguments into consecutive slots from `at`.
    pub fn arguments(&mut self, args: &[ExprId], spread: bool, sig: &Signature, mut at: u16) {
        let n = sig.params.len();
        // f(g()) with a multi-valued g.
        if args.len() == 1
            && let Type::Tuple(ts) = &*self.ty(args[0])
            && self.is_plain_call(args[0])
        {
            let ts: Vec<Ty> = ts.clone();
            let total: usize = sig.params.iter().map(|p| slots(p.ty)).sum();
            self.reserve_to(at + total as u16);
            let base = match self.take_hoisted(self.unparen(args[0])) {
                Some(s) => s,
                None => self.call(args[0]),
            };
            let mut from = base;
            let vals: Vec<(u16, Ty)> = ts
                .iter()
                .map(|t| {
                    let s = from;
                    from += slots(*t) as u16;
                    (s, *t)
                })
                .collect();
            self.reserve_to(from);
            let fixed = if sig.variadic { n - 1 } else { n };
            for (i, (s, t)) in vals.iter().take(fixed).enumerate() {
                let v = self.assign_conv(*s, *t, sig.params[i].ty);
                self.mov(at, v, sig.params[i].ty);
                at += slots(sig.params[i].ty) as u16;
            }
            if sig.variadic {
                self.pack_variadic(&vals[fixed.min(vals.len())..], sig.params[n - 1].ty, at);
            }
            return;
        }
        let fixed = if sig.variadic && !spread { n - 1 } else { n };
        for (i, a) in args.iter().take(fixed).enumerate() {
            let t = sig.params[i].ty;
            let s = slots(t) as u16;
            self.reserve_to(at + s);
            let mark = self.mark();
            self.expr_as_to(*a, t, at);
            self.release(mark);
            at += s;
        }
        if sig.variadic && !spread {
            let st = sig.params[n - 1].ty;
            self.reserve_to(at + 2);
            let mark = self.mark();
            let rest = &args[fixed.min(args.len())..];
            if rest.is_empty() {
                self.emit(Op::Zero2, at, 0, 0);
            } else {
                self.slice_of(rest.len(), st, at, &mut |fb, i, elem| {
                    fb.expr_as(rest[i], elem)
                });
            }
            self.release(mark);
        }
    }

    fn pack_variadic(&mut self, vals: &[(u16, Ty)], st: Ty, at: u16) {
        if vals.is_empty() {
            return self.emit(Op::Zero2, at, 0, 0);
        }
        self.slice_of(vals.len(), st, at, &mut |fb, i, elem| {
            fb.assign_conv(vals[i].0, vals[i].1, elem)
        });
    }

    /// A fresh slice of `n` elements, each produced by `f`.
    fn slice_of(
        &mut self,
        n: usize,
        st: Ty,
        dst: u16,
        f: &mut dyn FnMut(&mut Self, usize, Ty) -> u16,
    ) {
        let elem = match &*underlying(st) {
            Type::Slice(e) => *e,
            _ => return,
        };
        let size = size_align(elem).0;
        let arr = Ty::new(Type::Array(elem, n as i64));
        let ptr = self.alloc(1);
        // Values first: evaluating them may run anything.
        self.new_object(ptr, arr);
        for i in 0..n {
            let mark = self.mark();
            let v = f(self, i, elem);
            self.store_mem(ptr, i * size, v, elem);
            self.release(mark);
        }
        self.array_header(dst, ptr, arr);
    }
}
