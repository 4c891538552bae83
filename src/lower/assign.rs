//! Assignments, definitions and variable declarations.

use super::call::Callee;
use super::expr::{chan_elem, single};
use super::func::{Fb, Var};
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::slots;
use crate::syntax::ast::{BinOp, ExprId, ExprKind, UnOp, VarSpec};
use crate::types::info::Mode;
use crate::types::predicates::{core_type, default_type, is_untyped, underlying};
use crate::types::ty::{Obj, Ty, Type};

impl Fb<'_> {
    /// `lhs… = rhs…`
    pub fn assign(&mut self, lhs: &[ExprId], rhs: &[ExprId]) {
        if lhs.len() == 1 && rhs.len() == 1 {
            return self.assign_one(lhs[0], rhs[0]);
        }
        if lhs.len() == rhs.len() {
            self.order_assign(lhs, false, rhs);
            // Phase one: operands of places, then values; phase two: stores in order.
            let places: Vec<Place> = lhs.iter().map(|l| self.stable_place(*l)).collect();
            let mut vals = Vec::new();
            for (l, r) in lhs.iter().zip(rhs) {
                let t = self.place_ty(*l, *r);
                let v = self.alloc_ty(t);
                self.expr_as_to(*r, t, v);
                vals.push((v, t));
            }
            for (p, (v, t)) in places.into_iter().zip(vals) {
                self.store(p, v, t);
            }
            return;
        }
        self.order_places(lhs);
        let vals = self.multi_value(rhs[0], lhs.len());
        let places: Vec<Place> = lhs.iter().map(|l| self.stable_place(*l)).collect();
        for ((l, p), (v, vt)) in lhs.iter().zip(places).zip(vals) {
            if matches!(p, Place::Blank) {
                continue;
            }
            let t = self.ty(*l);
            let v = self.assign_conv(v, vt, t);
            self.store(p, v, t);
        }
    }

    /// Type a value takes on its way to an lhs (blank takes the value's own).
    fn place_ty(&self, l: ExprId, r: ExprId) -> Ty {
        if self.is_blank(l) {
            let t = single(self.ty(r));
            if is_untyped(t) { default_type(t) } else { t }
        } else {
            self.ty(l)
        }
    }
    pub fn is_blank(&self, e: ExprId) -> bool {
        matches!(self.kind(self.unparen(e)), ExprKind::Ident(id) if self.ast().name(*id).is_blank())
    }

    /// A place whose operands later assignments in the same statement cannot change.
    pub fn stable_place(&mut self, l: ExprId) -> Place {
        let p = if self.is_blank(l) {
            Place::Blank
        } else {
            self.place(l)
        };
        match p {
            Place::Mem { ptr, off } => {
                let t = self.alloc(1);
                self.emit(Op::Mov, t, ptr, 0);
                Place::Mem { ptr: t, off }
            }
            Place::Index { slice, idx } => {
                let t = self.alloc(3);
                self.emit(Op::Mov2, t, slice, 0);
                self.emit(Op::Mov, t + 2, idx, 0);
                Place::Index {
                    slice: t,
                    idx: t + 2,
                }
            }
            Place::Map { map, key, ty } => {
                let Some(Type::Map(k, _)) = core_type(ty).map(|u| u.0) else {
                    return p;
                };
                let m = self.alloc(1);
                self.emit(Op::Mov, m, map, 0);
                let ks = self.alloc_ty(*k);
                self.mov(ks, key, *k);
                Place::Map {
                    map: m,
                    key: ks,
                    ty,
                }
            }
            other => other,
        }
    }

    fn assign_one(&mut self, l: ExprId, r: ExprId) {
        self.order_assign(&[l], false, &[r]);
        if self.is_blank(l) {
            if self.p.info.types[self.unparen(r).index()].mode != Mode::Nil {
                let t = self.place_ty(l, r);
                self.expr_as(r, t);
            }
            return;
        }
        let t = self.ty(l);
        match self.place(l) {
            Place::Slot(s) if self.writes_last(r) => self.expr_as_to(r, t, s),
            p if self.big_store(p, r, t) => {}
            place => {
                let v = self.expr_as(r, t);
                self.at(self.ast().expr(l).span.lo);
                self.store(place, v, t);
            }
        }
    }

    /// Whether compiling the expression writes its destination only after reading every operand.
    fn writes_last(&self, e: ExprId) -> bool {
        let e = self.unparen(e);
        if self.const_of(e).is_some() {
            return true;
        }
        match self.kind(e) {
            ExprKind::Ident(_) | ExprKind::Index { .. } | ExprKind::Star(_) => true,
            ExprKind::Binary { .. } => true,
            ExprKind::Unary { op, .. } => !matches!(op, UnOp::Recv),
            ExprKind::Selector { .. } => true,
            ExprKind::Call { fun, .. } => {
                match self.p.info.types[self.unparen(*fun).index()].mode {
                    Mode::Builtin(_) => true,
                    Mode::TypeExpr => false,
                    _ => true,
                }
            }
            _ => false,
        }
    }

    /// Values of a multi-valued expression: a call or a comma-ok form.
    pub fn multi_value(&mut self, e: ExprId, n: usize) -> Vec<(u16, Ty)> {
        let e = self.unparen(e);
        let t = self.ty(e);
        let types: Vec<Ty> = match &*t {
            Type::Tuple(ts) => ts.clone(),
            _ => vec![t; n],
        };
        self.at(self.ast().expr(e).span.lo);
        match self.kind(e) {
            ExprKind::Call { .. } => {
                let base = self.call(e);
                let total: usize = types.iter().map(|t| slots(*t)).sum();
                self.release(base as usize);
                self.alloc(total);
                let mut at = base;
                types
                    .iter()
                    .map(|t| {
                        let s = at;
                        at += slots(*t) as u16;
                        (s, *t)
                    })
                    .collect()
            }
            ExprKind::Index { x, indices } => {
                let mt = self.ty(*x);
                self.order(&[*x, indices[0]]);
                let (v, ok) = (self.alloc_ty(types[0]), self.alloc(1));
                if let Some(Type::Map(k, _)) = core_type(mt).map(|u| u.0) {
                    let m = self.expr(*x);
                    let key = self.expr_as(indices[0], *k);
                    let map = super::builtin::map_core(mt);
                    self.map_get(v, (m, key), map, types[0], Some(ok));
                }
                vec![(v, types[0]), (ok, types[1])]
            }
            ExprKind::TypeAssert { x, .. } => {
                let (v, ok) = (self.alloc_ty(types[0]), self.alloc(1));
                let xt = self.ty(*x);
                self.order(&[*x]);
                let s = self.expr(*x);
                self.type_assert(v, s, xt, types[0], Some(ok));
                vec![(v, types[0]), (ok, types[1])]
            }
            ExprKind::Unary { op: UnOp::Recv, x } => {
                let ct = self.ty(*x);
                let (v, ok) = (self.alloc_ty(chan_elem(ct)), self.alloc(1));
                self.order(&[*x]);
                let c = self.expr(*x);
                self.receive(v, c, ct, Some(ok));
                vec![(v, types[0]), (ok, types[1])]
            }
            _ => {
                let s = self.expr(e);
                vec![(s, t)]
            }
        }
    }

    /// `lhs op= rhs`
    pub fn op_assign(&mut self, l: ExprId, op: BinOp, r: ExprId, pos: u32) {
        let t = self.ty(l);
        self.order_assign(&[l], true, &[r]);
        let place = self.place(l);
        let cur = self.place_value(place, t);
        let direct = matches!(place, Place::Slot(s) if s == cur);
        let out = if direct { cur } else { self.alloc_ty(t) };
        self.at(pos);
        if op.is_shift() {
            if matches!(place, Place::Map { .. }) && self.const_of(r).is_none() {
                // Go makes the entry before a negative shift amount panics.
                self.store(place, cur, t);
            }
            self.shift(op, out, cur, r, t);
        } else if !self
            .imm16(r)
            .is_some_and(|i| self.arith_imm(op, out, cur, i, t))
        {
            let b = self.expr_as(r, t);
            self.at(pos);
            self.arith(op, out, cur, b, t);
        }
        if !direct {
            self.store(place, out, t);
        }
    }

    /// `x++` / `x--`
    pub fn inc_dec(&mut self, x: ExprId, inc: bool) {
        use super::expr::{Class, class};
        let t = self.ty(x);
        self.order_places(&[x]);
        let place = self.place(x);
        let cur = self.place_value(place, t);
        let direct = matches!(place, Place::Slot(s) if s == cur);
        let out = if direct { cur } else { self.alloc_ty(t) };
        let op = if inc { BinOp::Add } else { BinOp::Sub };
        match class(t) {
            Class::Int { .. } => {
                self.arith_imm(op, out, cur, 1, t);
            }
            _ => {
                let one = self.alloc_ty(t);
                self.constant(&crate::types::constant::Const::from_i64(1), t, one);
                self.arith(op, out, cur, one, t);
            }
        }
        if !direct {
            self.store(place, out, t);
        }
    }

    /// `:=`
    pub fn define(&mut self, lhs: &[ExprId], rhs: &[ExprId]) {
        let new_obj = |fb: &Self, l: ExprId| -> Option<Obj> {
            match fb.kind(l) {
                ExprKind::Ident(id) => fb.p.info.defs[id.index()],
                _ => None,
            }
        };
        if lhs.len() == rhs.len() {
            if lhs.len() == 1 {
                return match new_obj(self, lhs[0]) {
                    Some(o) => self.declare_from(o, rhs[0]),
                    None => self.assign_one(lhs[0], rhs[0]),
                };
            }
            self.order(rhs);
            let mut vals = Vec::new();
            // Slots of new frame variables are the temporaries themselves.
            for (l, r) in lhs.iter().zip(rhs) {
                let t = match new_obj(self, *l) {
                    Some(o) => self.obj_ty(o),
                    None => self.place_ty(*l, *r),
                };
                let v = self.alloc_ty(t);
                self.expr_as_to(*r, t, v);
                vals.push((v, t));
            }
            for (l, (v, t)) in lhs.iter().zip(vals) {
                self.define_value(*l, new_obj(self, *l), v, t);
            }
            return;
        }
        let vals = self.multi_value(rhs[0], lhs.len());
        for (l, (v, vt)) in lhs.iter().zip(vals) {
            self.define_value(*l, new_obj(self, *l), v, vt);
        }
    }

    fn define_value(&mut self, l: ExprId, new: Option<Obj>, v: u16, vt: Ty) {
        match new {
            Some(o) if o.name.is_blank() => {}
            Some(o) => {
                let v = self.assign_conv(v, vt, self.obj_ty(o));
                self.declare_init(o, v);
            }
            None if self.is_blank(l) => {}
            None => {
                let t = self.ty(l);
                let v = self.assign_conv(v, vt, t);
                let p = self.place(l);
                self.store(p, v, t);
            }
        }
    }

    /// Declares `o` with the value of `e`.
    pub fn declare_from(&mut self, o: Obj, e: ExprId) {
        let t = self.obj_ty(o);
        if o.name.is_blank() {
            let mark = self.mark();
            self.order(&[e]);
            self.expr_as(e, t);
            self.release(mark);
            return;
        }
        if self.is_boxed(o, t) {
            // The value is computed before the variable exists (it may mention an outer one
            // of the same name), then the box is made; array literals are built in place.
            let slot = self.alloc(1);
            let hdr = matches!(&*underlying(t), Type::Array(..)).then(|| self.alloc(2));
            let mark = self.mark();
            self.order(&[e]);
            let u = self.unparen(e);
            if matches!(self.kind(u), ExprKind::CompositeLit { .. })
                && matches!(&*underlying(t), Type::Struct(_) | Type::Array(..))
            {
                let p = self.alloc(1);
                self.new_object(p, t);
                self.composite_into(u, t, Place::Mem { ptr: p, off: 0 });
                self.emit(Op::Mov, slot, p, 0);
            } else if let Some(p) = self.big_object(e) {
                self.emit(Op::Mov, slot, p, 0);
            } else {
                let v = self.expr_as(e, t);
                self.new_object(slot, t);
                self.store_mem(slot, 0, v, t);
            }
            self.release(mark);
            if let Some(h) = hdr {
                self.array_header(h, slot, t);
            }
            self.set_var(o, Var::Box { ptr: slot, hdr });
        } else {
            let s = self.alloc_ty(t);
            let mark = self.mark();
            self.order(&[e]);
            self.expr_as_to(e, t, s);
            self.release(mark);
            self.set_var(o, Var::Slot(s));
        }
    }

    /// `var` inside a function.
    pub fn var_spec(&mut self, spec: &VarSpec) {
        let objs: Vec<Option<Obj>> = spec
            .names
            .iter()
            .map(|n| self.p.info.defs[n.index()])
            .collect();
        self.at(spec.span.lo);
        if spec.values.is_empty() {
            for o in objs.into_iter().flatten() {
                if !o.name.is_blank() {
                    self.declare(o, true);
                }
            }
        } else if spec.values.len() == objs.len() {
            if objs.len() == 1 {
                match objs[0] {
                    Some(o) => self.declare_from(o, spec.values[0]),
                    None => {
                        self.order(&spec.values);
                        self.expr(spec.values[0]);
                    }
                }
                return;
            }
            self.order(&spec.values);
            let mut vals = Vec::new();
            for (o, v) in objs.iter().zip(&spec.values) {
                let t = o.map_or_else(|| self.ty(*v), |o| self.obj_ty(o));
                let s = self.alloc_ty(t);
                self.expr_as_to(*v, t, s);
                vals.push(s);
            }
            for (o, s) in objs.into_iter().zip(vals) {
                if let Some(o) = o
                    && !o.name.is_blank()
                {
                    self.declare_init(o, s);
                }
            }
        } else {
            let vals = self.multi_value(spec.values[0], objs.len());
            for (o, (v, vt)) in objs.into_iter().zip(vals) {
                if let Some(o) = o
                    && !o.name.is_blank()
                {
                    let v = self.assign_conv(v, vt, self.obj_ty(o));
                    self.declare_init(o, v);
                }
            }
        }
    }

    /// One step of package initialisation.
    pub fn init_globals(&mut self, lhs: &[Obj], rhs: ExprId) {
        if lhs.len() == 1 {
            self.order(&[rhs]);
            let t = self.obj_ty(lhs[0]);
            let p = self.var_place(lhs[0]);
            if self.big_store(p, rhs, t) {
                return;
            }
            let v = match self.constant_error(rhs, t) {
                Some(v) => v,
                None => self.expr_as(rhs, t),
            };
            self.store(p, v, t);
            return;
        }
        let vals = self.multi_value(rhs, lhs.len());
        for (o, (v, vt)) in lhs.iter().zip(vals) {
            if o.name.is_blank() {
                continue;
            }
            let t = self.obj_ty(*o);
            let v = self.assign_conv(v, vt, t);
            let p = self.var_place(*o);
            self.store(p, v, t);
        }
    }

    /// The value of `errors.New("text")`, made here and now: package variables hold many, which
    /// nothing changes. Race runs make the call, since their objects have a shadow.
    fn constant_error(&mut self, e: ExprId, t: Ty) -> Option<u16> {
        let ExprKind::Call { fun, args, .. } = self.kind(self.unparen(e)) else {
            return None;
        };
        let (Callee::Func(f, _), &[arg]) = (self.callee(*fun).0, args.as_slice()) else {
            return None;
        };
        let new = f.name.as_str() == "New" && f.pkg.is_some_and(|p| p.0.path == "errors");
        if !new || self.ty(e) != t || crate::race::on() {
            return None;
        }
        let text = self.const_of(arg)?.as_bytes()?.to_vec();
        let r = self.lw.rtti_pointer("errors", "errorString")?;
        let (p, len) = self.lw.string(&text);
        let error: &'static [u128; 1] =
            Box::leak(Box::new([u128::from(p) | u128::from(len) << 64]));
        let v = self.alloc(2);
        self.emit(Op::LdK2, v, 0, 0);
        self.ext_of(r);
        self.ext(error.as_ptr() as u64);
        Some(v)
    }
}
