//! Calls: functions, closures, methods, natives, and builtins.

use super::expr::{Class, class, single};
use super::func::Fb;
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{Repr, repr, size_align, slots};
use crate::syntax::ast::{ExprId, ExprKind, IdentId};
use crate::types::info::{Mode, SelKind};
use crate::types::predicates::{core_type, default_type, is_untyped, underlying};
use crate::types::ty::{Basic, Builtin, Obj, ObjKind, Signature, Ty, Type};

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
                    self.conversion(*a, t, dst);
                }
            }
            Mode::Builtin(b) => self.builtin(b, e, args, t, dst),
            _ => {
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
        // The callee is evaluated before its arguments.
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
                    let f = self.method_func(o, recv.map_or_else(|| self.ty(f), |r| r.1));
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
            let base = self.call(args[0]);
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

    // ----- builtins -----

    /// A builtin call used for its value (or effect, with any `dst`).
    pub fn builtin(&mut self, b: Builtin, e: ExprId, args: &[ExprId], t: Ty, dst: u16) {
        let mark = self.mark();
        match b {
            Builtin::Len | Builtin::Cap => self.len_cap(b == Builtin::Len, args[0], dst),
            Builtin::New => {
                let elem = match &*underlying(t) {
                    Type::Pointer(e) => *e,
                    _ => t,
                };
                let is_type =
                    self.p.info.types[self.unparen(args[0]).index()].mode == Mode::TypeExpr;
                let p = self.alloc(1);
                if is_type {
                    self.new_object(p, elem);
                } else {
                    let v = self.expr_as(args[0], elem);
                    self.new_object(p, elem);
                    self.store_mem(p, 0, v, elem);
                }
                self.emit(Op::Mov, dst, p, 0);
            }
            Builtin::Make => self.make(args, t, dst),
            Builtin::Append => self.append(e, args, t, dst),
            Builtin::Copy => {
                let dt = self.ty(args[0]);
                let a = self.expr(args[0]);
                let st = self.ty(args[1]);
                let s = self.expr(args[1]);
                if class(st) == Class::Str {
                    self.emit(Op::CopyStr, dst, a, s);
                } else {
                    let elem = slice_elem(dt);
                    self.emit(Op::CopySl, dst, a, s);
                    self.ext(size_align(elem).0 as u64);
                }
            }
            Builtin::Delete => {
                let mt = self.ty(args[0]);
                let m = self.expr(args[0]);
                if let Some(Type::Map(k, _)) = core_type(mt).map(|u| u.0) {
                    let key = self.expr_as(args[1], *k);
                    let d = self.lw.map_type(map_core(mt));
                    self.emit(Op::MapDel, m, key, 0);
                    self.ext_of(d);
                }
            }
            Builtin::Clear => {
                let ct = self.ty(args[0]);
                let s = self.expr(args[0]);
                match core_type(ct).map(|u| u.0) {
                    Some(Type::Map(..)) => {
                        let d = self.lw.map_type(map_core(ct));
                        self.emit(Op::MapClear, s, 0, 0);
                        self.ext_of(d);
                    }
                    Some(Type::Slice(e)) => {
                        self.emit(Op::ClearSl, s, 0, 0);
                        self.ext(size_align(*e).0 as u64);
                    }
                    _ => {}
                }
            }
            Builtin::Close => {
                let c = self.expr(args[0]);
                self.emit(Op::Close, c, 0, 0);
            }
            Builtin::Panic => {
                let v = self.expr_as(args[0], crate::types::universe::any_ty());
                self.at(self.ast().expr(e).span.lo);
                self.emit(Op::Panic, v, 0, 0);
            }
            Builtin::Recover => self.emit(Op::Recover, dst, 0, 0),
            Builtin::Print | Builtin::Println => {
                let base = self.alloc(2 * args.len().max(1));
                for (i, a) in args.iter().enumerate() {
                    self.expr_as_to(*a, crate::types::universe::any_ty(), base + 2 * i as u16);
                }
                self.emit(
                    Op::Print,
                    base,
                    args.len() as u16,
                    u16::from(b == Builtin::Println),
                );
            }
            Builtin::Complex | Builtin::Real | Builtin::Imag => self.complex_parts(b, args, t, dst),
            Builtin::Min | Builtin::Max => self.min_max(b == Builtin::Min, args, t, dst),
            Builtin::UnsafeAlignof | Builtin::UnsafeOffsetof | Builtin::UnsafeSizeof => {
                self.zero(dst, t)
            }
        }
        self.release(mark);
    }

    fn len_cap(&mut self, len: bool, x: ExprId, dst: u16) {
        let t = self.ty(x);
        if class(t) == Class::Str {
            let s = self.expr(x);
            return self.emit(Op::Mov, dst, s + 1, 0);
        }
        match core_type(t).map(|u| u.0) {
            Some(Type::Slice(_)) => {
                let s = self.expr(x);
                self.emit(if len { Op::SlLen } else { Op::SlCap }, dst, s, 0);
            }
            Some(Type::Map(..)) => {
                let s = self.expr(x);
                self.emit(Op::MapLen, dst, s, 0);
            }
            Some(Type::Chan(..)) => {
                let s = self.expr(x);
                self.emit(if len { Op::ChLen } else { Op::ChCap }, dst, s, 0);
            }
            Some(Type::Array(_, n)) => {
                self.expr(x);
                self.load_int(dst, *n);
            }
            Some(Type::Pointer(a)) => {
                self.expr(x);
                if let Type::Array(_, n) = &*underlying(*a) {
                    self.load_int(dst, *n);
                }
            }
            _ => self.zero(dst, t),
        }
    }

    fn make(&mut self, args: &[ExprId], t: Ty, dst: u16) {
        let size = |fb: &mut Self, i: usize| -> u16 {
            match args.get(i) {
                Some(a) => fb.int_operand(*a),
                None => 0xffff,
            }
        };
        match core_type(t).map(|u| u.0) {
            Some(Type::Slice(e)) => {
                let r = self.lw.rtti(*e);
                let n = size(self, 1);
                let c = if args.len() > 2 { size(self, 2) } else { n };
                self.emit(Op::MkSlice, dst, n, c);
                self.ext_of(r);
            }
            Some(Type::Map(..)) => {
                let n = size(self, 1);
                let d = self.lw.map_type(map_core(t));
                self.emit(Op::MapNew, dst, n, 0);
                self.ext_of(d);
            }
            Some(Type::Chan(..)) => {
                let n = size(self, 1);
                let r = self.lw.rtti(t);
                self.emit(Op::MkChan, dst, n, 0);
                self.ext_of(r);
            }
            _ => self.zero(dst, t),
        }
    }

    /// An integer operand of any type, untyped constants as int (floats with integer value too).
    fn int_operand(&mut self, e: ExprId) -> u16 {
        if let Some(c) = self.const_of(e) {
            let s = self.alloc(1);
            self.constant(c, crate::types::universe::basic(Basic::Int), s);
            return s;
        }
        let s = self.expr(e);
        if let Class::Int {
            bits: 64,
            signed: false,
        } = class(self.ty(e))
        {
            // Values above the int range must not look negative-small: they stay negative,
            // which make refuses as out of range.
        }
        s
    }

    fn append(&mut self, e: ExprId, args: &[ExprId], t: Ty, dst: u16) {
        let ExprKind::Call { spread, .. } = self.kind(e) else {
            return;
        };
        let Some(Type::Slice(elem)) = core_type(t).map(|u| u.0) else {
            return self.expr_to(args[0], dst);
        };
        let elem = *elem;
        let r = self.lw.rtti(elem);
        let s = if self.p.info.types[self.unparen(args[0]).index()].mode == Mode::Nil {
            let z = self.alloc(2);
            self.emit(Op::Zero2, z, 0, 0);
            z
        } else {
            self.expr(args[0])
        };
        if args.len() == 1 {
            return self.emit(Op::Mov2, dst, s, 0);
        }
        if *spread {
            let xt = self.ty(args[1]);
            if self.p.info.types[self.unparen(args[1]).index()].mode == Mode::Nil {
                return self.emit(Op::Mov2, dst, s, 0);
            }
            let x = self.expr(args[1]);
            let op = if class(xt) == Class::Str {
                Op::AppStr
            } else {
                Op::AppSl
            };
            self.emit(op, dst, s, x);
            self.ext_of(r);
            return;
        }
        if args.len() == 2 {
            let v = self.expr_as(args[1], elem);
            let op = if repr(elem) == Repr::Scalar(crate::bytecode::layout::Mem::W64) {
                Op::App64
            } else {
                Op::AppV
            };
            self.emit(op, dst, s, v);
            self.ext_of(r);
            return;
        }
        let vals: Vec<u16> = args[1..]
            .iter()
            .map(|a| {
                let v = self.alloc_ty(elem);
                self.expr_as_to(*a, elem, v);
                v
            })
            .collect();
        let idx = self.alloc(1);
        let grown = self.alloc(2);
        self.emit(Op::SlLen, idx, s, 0);
        self.emit(Op::AppGrow, grown, s, vals.len() as u16);
        self.ext_of(r);
        for v in vals {
            self.store(Place::Index { slice: grown, idx }, v, elem);
            self.emit(Op::AddI, idx, idx, 1);
        }
        self.emit(Op::Mov2, dst, grown, 0);
    }

    fn complex_parts(&mut self, b: Builtin, args: &[ExprId], t: Ty, dst: u16) {
        let f64t = crate::types::universe::basic(Basic::Float64);
        if b == Builtin::Complex {
            let narrow = class(t) == Class::C64;
            let part = crate::types::universe::basic(if narrow {
                Basic::Float32
            } else {
                Basic::Float64
            });
            let w = self.alloc(2);
            for (i, a) in args.iter().enumerate().take(2) {
                let v = self.expr_as(*a, part);
                if narrow {
                    self.emit(Op::F32F, w + i as u16, v, 0);
                } else {
                    self.mov(w + i as u16, v, f64t);
                }
            }
            if narrow {
                self.emit(Op::C128C64, dst, w, 0);
            } else {
                self.emit(Op::Mov2, dst, w, 0);
            }
            return;
        }
        let xt = self.ty(args[0]);
        let xt = if is_untyped(xt) { default_type(xt) } else { xt };
        let mut v = self.expr_as(args[0], xt);
        let which = u16::from(b == Builtin::Imag);
        if class(xt) == Class::C64 {
            let w = self.alloc(2);
            self.emit(Op::C64C128, w, v, 0);
            v = w;
            self.emit(Op::F2F32, dst, v + which, 0);
        } else {
            self.emit(Op::Mov, dst, v + which, 0);
        }
    }

    fn min_max(&mut self, min: bool, args: &[ExprId], t: Ty, dst: u16) {
        let acc = self.alloc_ty(t);
        self.expr_as_to(args[0], t, acc);
        for a in &args[1..] {
            let mark = self.mark();
            let v = self.expr_as(*a, t);
            match class(t) {
                Class::F64 | Class::Str => {
                    self.emit(Op::MinMax, acc, acc, v);
                    self.ext(u64::from(!min) + if class(t) == Class::Str { 2 } else { 0 });
                }
                Class::F32 => {
                    let w = self.alloc(2);
                    self.emit(Op::F32F, w, acc, 0);
                    self.emit(Op::F32F, w + 1, v, 0);
                    self.emit(Op::MinMax, w, w, w + 1);
                    self.ext(u64::from(!min));
                    self.emit(Op::F2F32, acc, w, 0);
                }
                c => {
                    let signed = matches!(c, Class::Int { signed: true, .. });
                    let keep = self.label();
                    let ge = if signed { Op::Jge } else { Op::JgeU };
                    if min {
                        self.branch_op(ge, v, acc, keep);
                    } else {
                        self.branch_op(ge, acc, v, keep);
                    }
                    self.mov(acc, v, t);
                    self.bind(keep);
                }
            }
            self.release(mark);
        }
        self.mov(dst, acc, t);
    }
}

/// The map type behind a type (a named map type or type-parameter instance).
pub(crate) fn map_core(t: Ty) -> Ty {
    core_type(t).unwrap_or(t)
}

pub(crate) fn slice_elem(t: Ty) -> Ty {
    match core_type(t).map(|u| u.0) {
        Some(Type::Slice(e)) => *e,
        _ => crate::types::universe::basic(Basic::Uint8),
    }
}
