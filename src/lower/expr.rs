//! Expressions.

use super::func::{Capture, Fb, Label, Var};
use super::place::Place;
use super::{Job, named_args};
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{Repr, repr, size_align, slots};
use crate::syntax::ast::{self, BinOp, ExprId, ExprKind, UnOp};
use crate::types::constant::Const;
use crate::types::info::{Mode, SelKind};
use crate::types::predicates::{default_type, identical, is_untyped, underlying};
use crate::types::ty::{Basic, Obj, ObjKind, Ty, Type};

/// How arithmetic works on a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Int {
        bits: u8,
        signed: bool,
    },
    F64,
    F32,
    C128,
    C64,
    Str,
    /// Compared as one word: booleans, pointers, channels, functions, maps.
    Word,
    Iface,
    Agg,
}

pub(crate) fn class(t: Ty) -> Class {
    match &*underlying(t) {
        Type::Basic(b, _) => match b {
            Basic::Int | Basic::Int64 | Basic::UntypedInt => Class::Int {
                bits: 64,
                signed: true,
            },
            Basic::Int8 => Class::Int {
                bits: 8,
                signed: true,
            },
            Basic::Int16 => Class::Int {
                bits: 16,
                signed: true,
            },
            Basic::Int32 | Basic::UntypedRune => Class::Int {
                bits: 32,
                signed: true,
            },
            Basic::Uint | Basic::Uint64 | Basic::Uintptr => Class::Int {
                bits: 64,
                signed: false,
            },
            Basic::Uint8 => Class::Int {
                bits: 8,
                signed: false,
            },
            Basic::Uint16 => Class::Int {
                bits: 16,
                signed: false,
            },
            Basic::Uint32 => Class::Int {
                bits: 32,
                signed: false,
            },
            Basic::Float64 | Basic::UntypedFloat => Class::F64,
            Basic::Float32 => Class::F32,
            Basic::Complex128 | Basic::UntypedComplex => Class::C128,
            Basic::Complex64 => Class::C64,
            Basic::String | Basic::UntypedString => Class::Str,
            _ => Class::Word,
        },
        Type::Interface(_) => Class::Iface,
        Type::Struct(_) | Type::Array(..) => Class::Agg,
        _ => Class::Word,
    }
}

impl Fb<'_> {
    /// Evaluates `e`; the result's first slot. May be a variable's own slot: do not write to it.
    pub fn expr(&mut self, e: ExprId) -> u16 {
        let e = self.unparen(e);
        if self.const_of(e).is_none()
            && let ExprKind::Ident(id) = self.kind(e)
            && let Some(o) = self.p.info.uses[id.index()]
            && let Some(Var::Slot(s)) = self.vars.get(&o)
        {
            return *s;
        }
        let t = self.ty(e);
        if self.const_of(e).is_none() {
            match self.kind(e) {
                ExprKind::Call { .. } => return self.call_value(e),
                ExprKind::Selector { .. } if self.is_field(e) => {
                    let p = self.place(e);
                    return self.place_value(p, t);
                }
                _ => {}
            }
        }
        let dst = self.alloc_ty(t);
        self.expr_to(e, dst);
        dst
    }

    fn is_field(&self, e: ExprId) -> bool {
        self.p
            .info
            .selections
            .get(&e)
            .is_some_and(|s| s.kind == SelKind::Field)
    }

    /// Evaluates `e` as a value of type `to` (boxing into interfaces where needed).
    pub fn expr_as(&mut self, e: ExprId, to: Ty) -> u16 {
        let from = self.ty(e);
        if self.plain(e, from, to) {
            return self.expr(e);
        }
        let dst = self.alloc_ty(to);
        self.expr_as_to(e, to, dst);
        dst
    }
    fn plain(&self, e: ExprId, from: Ty, to: Ty) -> bool {
        let iface = |t: Ty| matches!(&*underlying(t), Type::Interface(_));
        self.p.info.types[self.unparen(e).index()].mode != Mode::Nil
            && !is_untyped(from)
            && (iface(from) == iface(to) || identical(from, to))
    }
    /// Evaluates `e` as a value of type `to` into `dst`.
    pub fn expr_as_to(&mut self, e: ExprId, to: Ty, dst: u16) {
        let from = self.ty(e);
        if self.plain(e, from, to) {
            return self.expr_to(e, dst);
        }
        if self.p.info.types[self.unparen(e).index()].mode == Mode::Nil {
            return self.zero(dst, to);
        }
        let iface = matches!(&*underlying(to), Type::Interface(_));
        if let Some(c) = self.const_of(e) {
            if iface {
                let from = if is_untyped(from) {
                    default_type(from)
                } else {
                    from
                };
                let mark = self.mark();
                let s = self.alloc_ty(from);
                self.constant(c, from, s);
                self.box_value(dst, s, from);
                self.release(mark);
            } else {
                self.constant(c, to, dst);
            }
            return;
        }
        let from = if is_untyped(from) {
            default_type(from)
        } else {
            from
        };
        if iface && !matches!(&*underlying(from), Type::Interface(_)) {
            let mark = self.mark();
            let s = self.expr(e);
            self.box_value(dst, s, from);
            self.release(mark);
        } else {
            self.expr_to(e, dst);
        }
    }
    /// Interface value of `src`, a value of concrete type `t`.
    pub fn box_value(&mut self, dst: u16, src: u16, t: Ty) {
        let r = self.lw.rtti(t);
        self.emit(Op::MkIf, dst, src, 0);
        self.ext_of(r);
    }
    /// Converts a value already in a slot for assignment to type `to`.
    pub fn assign_conv(&mut self, src: u16, from: Ty, to: Ty) -> u16 {
        let iface = |t: Ty| matches!(&*underlying(t), Type::Interface(_));
        if iface(to) && !iface(from) {
            let dst = self.alloc(2);
            self.box_value(
                dst,
                src,
                if is_untyped(from) {
                    default_type(from)
                } else {
                    from
                },
            );
            return dst;
        }
        src
    }

    /// Loads a constant as a value of type `t`.
    pub fn constant(&mut self, c: &Const, t: Ty, dst: u16) {
        match class(t) {
            Class::Int { bits, signed } => {
                let c = c.to_int().unwrap_or_else(|| c.clone());
                let v = c
                    .to_i64()
                    .or_else(|| c.to_u64().map(|u| u as i64))
                    .unwrap_or(0);
                let v = match (bits, signed) {
                    (8, true) => v as i8 as i64,
                    (16, true) => v as i16 as i64,
                    (32, true) => v as i32 as i64,
                    (8, false) => v as u8 as i64,
                    (16, false) => v as u16 as i64,
                    (32, false) => v as u32 as i64,
                    _ => v,
                };
                self.load_int(dst, v);
            }
            Class::F64 => self.load_int(dst, c.to_f64().to_bits() as i64),
            Class::F32 => self.load_int(dst, c.to_f32().to_bits() as i64),
            Class::C128 | Class::C64 => {
                let (re, im) = c.to_complex128();
                if class(t) == Class::C64 {
                    let bits = (re as f32).to_bits() as u64 | ((im as f32).to_bits() as u64) << 32;
                    self.load_int(dst, bits as i64);
                } else {
                    self.emit(Op::LdK2, dst, 0, 0);
                    self.ext(re.to_bits());
                    self.ext(im.to_bits());
                }
            }
            Class::Str => {
                let (p, n) = self.lw.string(c.as_bytes().unwrap_or(b""));
                if n == 0 {
                    self.emit(Op::Zero2, dst, 0, 0);
                } else {
                    self.emit(Op::LdK2, dst, 0, 0);
                    self.ext(p);
                    self.ext(n);
                }
            }
            Class::Iface => {
                // A constant of type-parameter or interface type: its default type decides.
                let d = crate::types::universe::basic(match c {
                    c if c.as_bytes().is_some() => Basic::String,
                    c if c.as_bool().is_some() => Basic::Bool,
                    c if c.to_int().is_some() => Basic::Int,
                    _ => Basic::Float64,
                });
                let s = self.alloc_ty(d);
                self.constant(c, d, s);
                self.box_value(dst, s, d);
            }
            _ => self.load_int(dst, i64::from(c.as_bool().unwrap_or(false))),
        }
    }

    /// A constant operand that fits a 16-bit immediate.
    pub fn imm16(&self, e: ExprId) -> Option<i16> {
        let Class::Int { .. } = class(self.ty(e)) else {
            return None;
        };
        self.const_of(e)?
            .to_int()?
            .to_i64()
            .and_then(|v| i16::try_from(v).ok())
    }

    /// Evaluates `e` into `dst`.
    pub fn expr_to(&mut self, e: ExprId, dst: u16) {
        let e = self.unparen(e);
        let t = self.ty(e);
        if let Some(c) = self.const_of(e) {
            return self.constant(c, t, dst);
        }
        let mark = self.mark();
        let outer = self.pos;
        self.at(self.ast().expr(e).span.lo);
        match self.kind(e) {
            ExprKind::Ident(id) => self.ident(*id, t, dst),
            ExprKind::FuncLit(f) => self.func_lit(*f, dst),
            ExprKind::CompositeLit { .. } => self.composite(e, t, dst),
            ExprKind::Selector { .. } => self.selector(e, t, dst),
            ExprKind::Index { x, indices } => {
                let xt = self.ty(*x);
                if self.p.info.types[x.index()].mode != Mode::TypeExpr
                    && let Type::Signature(_) = &*underlying(xt)
                {
                    // Instantiated generic function.
                    self.expr_to_instance(*x, dst);
                } else if class(xt) == Class::Str {
                    let s = self.string_operand(*x);
                    let i = self.index_value(indices[0]);
                    self.emit(Op::IxStr, dst, s, i);
                } else {
                    let p = self.place(e);
                    self.comma_safe_load(dst, p, e, t);
                }
            }
            ExprKind::Star(_) => {
                let p = self.place(e);
                self.load(dst, p, t);
            }
            ExprKind::Slice { .. } => self.slice_expr(e, dst),
            ExprKind::TypeAssert { x, .. } => {
                let target = single(t);
                let xt = self.ty(*x);
                let v = self.expr(*x);
                self.type_assert(dst, v, xt, target, None);
            }
            ExprKind::Call { .. } => self.call_to(e, dst),
            ExprKind::Unary { op, x } => self.unary(*op, *x, t, dst),
            ExprKind::Binary { op, x, y, op_pos } => {
                let pos = *op_pos;
                self.binary(*op, *x, *y, t, dst, pos);
            }
            _ => self.zero(dst, t),
        }
        self.pos = outer;
        self.release(mark);
    }

    fn comma_safe_load(&mut self, dst: u16, p: Place, _e: ExprId, t: Ty) {
        self.load(dst, p, single(t));
    }

    /// A string operand (constants included) in a pair of slots.
    fn string_operand(&mut self, x: ExprId) -> u16 {
        self.expr(x)
    }

    fn ident(&mut self, id: ast::IdentId, t: Ty, dst: u16) {
        let Some(o) = self.p.info.uses[id.index()].or(self.p.info.defs[id.index()]) else {
            return self.zero(dst, t);
        };
        match &o.kind {
            ObjKind::Var(_) => {
                let p = self.var_place(o);
                self.load(dst, p, t);
            }
            ObjKind::Func { .. } => self.func_value(o, Some(id), dst),
            _ => self.zero(dst, t),
        }
    }

    fn expr_to_instance(&mut self, x: ExprId, dst: u16) {
        let x = self.unparen(x);
        let id = match self.kind(x) {
            ExprKind::Ident(id) => *id,
            ExprKind::Selector { sel, .. } => *sel,
            _ => return,
        };
        if let Some(o) = self.p.info.uses[id.index()] {
            self.func_value(o, Some(id), dst);
        }
    }

    /// Type arguments recorded for an identifier that names a generic function.
    pub fn instance_args(&self, id: ast::IdentId) -> Vec<Ty> {
        self.p
            .info
            .instances
            .get(&id)
            .map(|v| v.iter().map(|t| self.sub(*t)).collect())
            .unwrap_or_default()
    }

    fn func_value(&mut self, o: Obj, id: Option<ast::IdentId>, dst: u16) {
        let targs = id.map(|i| self.instance_args(i)).unwrap_or_default();
        let f = self.lw.func_for(o, &targs);
        let c = self.lw.static_closure(f);
        self.emit(Op::LdK, dst, 0, 0);
        self.ext(c);
    }

    /// A function literal: a closure over what it captures.
    pub fn func_lit(&mut self, f: ast::FuncId, dst: u16) {
        let caps = self.captures_of(f);
        self.lit_count += 1;
        let name = format!("{}.func{}", self.name, self.lit_count);
        let env = self.env.clone();
        let pkg = self.pkg;
        let words: usize = caps
            .iter()
            .map(|c| {
                if c.by_ref {
                    1
                } else {
                    slots(self.obj_ty(c.obj))
                }
            })
            .sum();
        let id = self.lw.reserve(Job::Lit {
            pkg,
            func: f,
            env,
            caps: caps.clone(),
            name,
        });
        if words == 0 {
            let c = self.lw.static_closure(id);
            self.emit(Op::LdK, dst, 0, 0);
            self.ext(c);
            return;
        }
        let mark = self.mark();
        let clo = self.alloc(1);
        self.emit32(Op::MkClo, clo, id);
        self.ext(words as u64);
        let mut at = 8;
        for c in caps {
            let t = self.obj_ty(c.obj);
            if c.by_ref {
                let ptr = match self.vars.get(&c.obj) {
                    Some(Var::Box { ptr, .. }) => *ptr,
                    _ => unreachable!("captured by reference but not on the heap"),
                };
                self.emit(Op::St64, ptr, clo, at);
                at += 8;
            } else {
                let p = self.var_place(c.obj);
                let s = self.place_value(p, t);
                for i in 0..slots(t) as u16 {
                    self.emit(Op::St64, s + i, clo, at);
                    at += 8;
                }
            }
        }
        self.emit(Op::Mov, dst, clo, 0);
        self.release(mark);
    }

    /// Variables of this function that a literal (or one nested in it) refers to.
    fn captures_of(&self, f: ast::FuncId) -> Vec<Capture> {
        let mut objs = Vec::new();
        super::flow::idents_of_func(self.ast(), f, &mut |id| {
            if let Some(o) = self.p.info.uses[id.index()]
                && self.vars.contains_key(&o)
                && !objs.contains(&o)
            {
                objs.push(o);
            }
        });
        // The symbolic variables of type switches have no defining identifier of their own
        // but are ordinary objects in `uses`, so they are covered above.
        objs.into_iter()
            .map(|obj| Capture {
                obj,
                by_ref: matches!(self.vars[&obj], Var::Box { .. }),
            })
            .collect()
    }

    fn selector(&mut self, e: ExprId, t: Ty, dst: u16) {
        let ExprKind::Selector { x, sel } = self.kind(e) else {
            return;
        };
        let Some(s) = self.p.info.selections.get(&e) else {
            // Qualified identifier.
            let Some(o) = self.p.info.uses[sel.index()] else {
                return self.zero(dst, t);
            };
            match &o.kind {
                ObjKind::Var(_) => {
                    let p = self.var_place(o);
                    self.load(dst, p, t);
                }
                ObjKind::Func { .. } => self.func_value(o, Some(*sel), dst),
                _ => self.zero(dst, t),
            }
            return;
        };
        match s.kind {
            SelKind::Field => {
                let p = self.place(e);
                self.load(dst, p, t);
            }
            SelKind::Method => self.method_value(e, *x, *sel, dst),
            SelKind::MethodExpr => {
                let recv = self.sub(s.recv);
                let name = self.ast().name(*sel);
                let id = self.lw.reserve(Job::MethodExpr {
                    recv,
                    name,
                    pkg: Some(self.p.info.pkg),
                    sig: t,
                });
                let c = self.lw.static_closure(id);
                self.emit(Op::LdK, dst, 0, 0);
                self.ext(c);
            }
        }
    }

    /// `x.m` as a value: a closure over the evaluated receiver.
    fn method_value(&mut self, e: ExprId, x: ExprId, sel: ast::IdentId, dst: u16) {
        let xt = self.ty(x);
        let name = self.ast().name(sel);
        let sig = self.ty(e);
        let (recv, t) = self.receiver(e, x, xt);
        if matches!(&*underlying(t), Type::Interface(_)) {
            self.emit(Op::NilChk, recv, 0, 0);
        }
        let pkg = Some(self.p.info.pkg);
        let id = self.lw.reserve(Job::Bound {
            recv: t,
            name,
            pkg,
            sig,
        });
        let clo = self.alloc(1);
        let n = slots(t);
        self.emit32(Op::MkClo, clo, id);
        self.ext(n as u64);
        for i in 0..n as u16 {
            self.emit(Op::St64, recv + i, clo, 8 + 8 * i);
        }
        self.emit(Op::Mov, dst, clo, 0);
    }

    // ----- operators -----

    fn unary(&mut self, op: UnOp, x: ExprId, t: Ty, dst: u16) {
        match op {
            UnOp::Plus | UnOp::Tilde => self.expr_to(x, dst),
            UnOp::Neg => {
                let s = self.expr(x);
                match class(t) {
                    Class::F64 => self.emit(Op::NegF, dst, s, 0),
                    Class::F32 => self.emit(Op::NegF32, dst, s, 0),
                    Class::C128 => self.emit(Op::CplxNeg, dst, s, 0),
                    Class::C64 => {
                        let w = self.alloc(2);
                        self.emit(Op::C64C128, w, s, 0);
                        self.emit(Op::CplxNeg, w, w, 0);
                        self.emit(Op::C128C64, dst, w, 0);
                    }
                    _ => {
                        self.emit(Op::Neg, dst, s, 0);
                        self.wrap(dst, t);
                    }
                }
            }
            UnOp::Not => {
                let s = self.expr(x);
                self.emit(Op::Not, dst, s, 0);
            }
            UnOp::Xor => {
                let s = self.expr(x);
                self.emit(Op::Com, dst, s, 0);
                self.wrap(dst, t);
            }
            UnOp::Addr => self.address_of(x, t, dst),
            UnOp::Recv => {
                let ct = self.ty(x);
                let c = self.expr(x);
                self.receive(dst, c, ct, None);
            }
        }
    }

    fn address_of(&mut self, x: ExprId, t: Ty, dst: u16) {
        let x = self.unparen(x);
        if let ExprKind::CompositeLit { .. } = self.kind(x) {
            let elem = match &*underlying(t) {
                Type::Pointer(e) => *e,
                _ => self.ty(x),
            };
            let p = self.alloc(1);
            self.new_object(p, elem);
            self.composite_into(x, elem, Place::Mem { ptr: p, off: 0 });
            self.emit(Op::Mov, dst, p, 0);
            return;
        }
        let xt = self.ty(x);
        let p = self.place(x);
        let a = self.address(p, xt);
        self.emit(Op::Mov, dst, a, 0);
    }

    /// Receives from channel `c` (of type `ct`) into `dst`.
    pub fn receive(&mut self, dst: u16, c: u16, ct: Ty, ok: Option<u16>) {
        let elem = chan_elem(ct);
        let n = size_align(elem).0;
        if repr(elem) == Repr::Agg && !n.is_multiple_of(8) {
            // The channel fills in bytes; the rest of the last slot must be zero.
            self.emit(Op::Zero, dst + (n / 8) as u16, 0, 0);
        }
        self.emit(Op::Recv, dst, c, ok.unwrap_or(0xffff));
        self.ext(n as u64);
    }

    /// Completes a narrow signed value that was written as low bytes of a zero slot.
    pub fn sign_extend(&mut self, dst: u16, t: Ty) {
        match class(t) {
            Class::Int {
                bits: 8,
                signed: true,
            } => self.emit(Op::Sx8, dst, dst, 0),
            Class::Int {
                bits: 16,
                signed: true,
            } => self.emit(Op::Sx16, dst, dst, 0),
            Class::Int {
                bits: 32,
                signed: true,
            } => self.emit(Op::Sx32, dst, dst, 0),
            _ => {}
        }
    }

    /// Wraps an arithmetic result to the width of its type.
    pub fn wrap(&mut self, dst: u16, t: Ty) {
        match class(t) {
            Class::Int {
                bits: 8,
                signed: false,
            } => self.emit(Op::Zx8, dst, dst, 0),
            Class::Int {
                bits: 16,
                signed: false,
            } => self.emit(Op::Zx16, dst, dst, 0),
            Class::Int {
                bits: 32,
                signed: false,
            } => self.emit(Op::Zx32, dst, dst, 0),
            _ => self.sign_extend(dst, t),
        }
    }

    fn binary(&mut self, op: BinOp, x: ExprId, y: ExprId, t: Ty, dst: u16, pos: u32) {
        if matches!(op, BinOp::LAnd | BinOp::LOr) || op.is_comparison() {
            return self.bool_value(op, x, y, dst);
        }
        if op == BinOp::Add && class(t) == Class::Str {
            return self.concat(x, y, dst);
        }
        if op.is_shift() {
            let a = self.expr_as(x, t);
            self.at(pos);
            return self.shift(op, dst, a, y, t);
        }
        // Immediate forms.
        if let Class::Int { .. } = class(t) {
            let (x, y) = if self.imm16(x).is_some()
                && matches!(
                    op,
                    BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor
                ) {
                (y, x)
            } else {
                (x, y)
            };
            if let Some(i) = self.imm16(y) {
                let a = self.expr_as(x, t);
                if self.arith_imm(op, dst, a, i, t) {
                    return;
                }
                let b = self.expr_as(y, t);
                return self.arith(op, dst, a, b, t);
            }
        }
        if class(t) == Class::F64 && self.float_const(op, dst, x, y, t) {
            return;
        }
        let a = self.expr_as(x, t);
        let b = self.expr_as(y, t);
        self.arith(op, dst, a, b, t);
    }

    /// `dst = x op y` where one side is a float constant.
    fn float_const(&mut self, op: BinOp, dst: u16, x: ExprId, y: ExprId, t: Ty) -> bool {
        let (o, var, c) = match (op, self.const_of(x), self.const_of(y)) {
            (BinOp::Add, None, Some(c)) => (Op::AddFK, x, c),
            (BinOp::Add, Some(c), None) => (Op::AddFK, y, c),
            (BinOp::Sub, None, Some(c)) => (Op::SubFK, x, c),
            (BinOp::Sub, Some(c), None) => (Op::RSubFK, y, c),
            (BinOp::Mul, None, Some(c)) => (Op::MulFK, x, c),
            (BinOp::Mul, Some(c), None) => (Op::MulFK, y, c),
            (BinOp::Div, None, Some(c)) => (Op::DivFK, x, c),
            (BinOp::Div, Some(c), None) => (Op::RDivFK, y, c),
            _ => return false,
        };
        let a = self.expr_as(var, t);
        self.emit(o, dst, a, 0);
        self.ext(c.to_f64().to_bits());
        true
    }

    /// The slice whose length `e` asks for: `len(s)` with s a slice in slots.
    fn len_of_slice(&self, e: ExprId) -> Option<ExprId> {
        let e = self.unparen(e);
        let ExprKind::Call { fun, args, .. } = self.kind(e) else {
            return None;
        };
        let mode = self.p.info.types[self.unparen(*fun).index()].mode;
        if mode != Mode::Builtin(crate::types::ty::Builtin::Len) || self.const_of(e).is_some() {
            return None;
        }
        matches!(&*underlying(self.ty(args[0])), Type::Slice(_)).then_some(args[0])
    }

    /// `dst = a op imm` when there is such an instruction.
    pub fn arith_imm(&mut self, op: BinOp, dst: u16, a: u16, i: i16, t: Ty) -> bool {
        let Class::Int { signed, .. } = class(t) else {
            return false;
        };
        let (op, imm) = match op {
            BinOp::Add => (Op::AddI, i),
            BinOp::Sub if i != i16::MIN => (Op::AddI, -i),
            BinOp::Mul => (Op::MulI, i),
            BinOp::And if i >= 0 => (Op::AndI, i),
            BinOp::Or if i >= 0 => (Op::OrI, i),
            BinOp::Xor if i >= 0 => (Op::XorI, i),
            BinOp::Div if signed && i > 0 => (Op::DivI, i),
            BinOp::Rem if signed && i > 0 => (Op::RemI, i),
            BinOp::Div if i > 0 && i.count_ones() == 1 => (Op::ShrUI, i.trailing_zeros() as i16),
            BinOp::Rem if i > 0 && i.count_ones() == 1 => (Op::AndI, i - 1),
            _ => return false,
        };
        self.emit(op, dst, a, imm as u16);
        if matches!(op, Op::AddI | Op::MulI) {
            self.wrap(dst, t);
        }
        true
    }

    /// `dst = a op b` for values of type `t`; no shifts or comparisons.
    pub fn arith(&mut self, op: BinOp, dst: u16, a: u16, b: u16, t: Ty) {
        match class(t) {
            Class::Int { bits, signed } => {
                let fused = match (op, bits, signed) {
                    (BinOp::Add, 32, true) => Some(Op::Add32),
                    (BinOp::Add, 32, false) => Some(Op::AddU32),
                    (BinOp::Mul, 32, false) => Some(Op::MulU32),
                    _ => None,
                };
                if let Some(f) = fused {
                    return self.emit(f, dst, a, b);
                }
                let o = match op {
                    BinOp::Add => Op::Add,
                    BinOp::Sub => Op::Sub,
                    BinOp::Mul => Op::Mul,
                    BinOp::Div if signed => Op::Div,
                    BinOp::Div => Op::DivU,
                    BinOp::Rem if signed => Op::Rem,
                    BinOp::Rem => Op::RemU,
                    BinOp::And => Op::And,
                    BinOp::Or => Op::Or,
                    BinOp::Xor => Op::Xor,
                    _ => Op::AndNot,
                };
                self.emit(o, dst, a, b);
                if matches!(o, Op::Add | Op::Sub | Op::Mul | Op::Div) {
                    self.wrap(dst, t);
                }
            }
            Class::F64 => {
                let o = match op {
                    BinOp::Add => Op::AddF,
                    BinOp::Sub => Op::SubF,
                    BinOp::Mul => Op::MulF,
                    _ => Op::DivF,
                };
                self.emit(o, dst, a, b);
            }
            Class::F32 => {
                let o = match op {
                    BinOp::Add => Op::AddF32,
                    BinOp::Sub => Op::SubF32,
                    BinOp::Mul => Op::MulF32,
                    _ => Op::DivF32,
                };
                self.emit(o, dst, a, b);
            }
            Class::C128 => {
                self.emit(Op::CplxOp, dst, a, b);
                self.ext(cplx_code(op));
            }
            Class::C64 => {
                let w = self.alloc(4);
                self.emit(Op::C64C128, w, a, 0);
                self.emit(Op::C64C128, w + 2, b, 0);
                self.emit(Op::CplxOp, w, w, w + 2);
                self.ext(cplx_code(op));
                self.emit(Op::C128C64, dst, w, 0);
            }
            Class::Str => {
                let w = self.alloc(4);
                self.emit(Op::Mov2, w, a, 0);
                self.emit(Op::Mov2, w + 2, b, 0);
                self.emit(Op::Concat, dst, w, 2);
            }
            _ => {}
        }
    }

    /// `dst = a shifted by the count y`.
    pub fn shift(&mut self, op: BinOp, dst: u16, a: u16, y: ExprId, t: Ty) {
        let Class::Int { signed, .. } = class(t) else {
            return;
        };
        let left = op == BinOp::Shl;
        if let Some(c) = self.const_of(y) {
            let n = c.to_int().and_then(|c| c.to_u64()).unwrap_or(u64::MAX);
            if n < 64 {
                let o = if left {
                    Op::ShlI
                } else if signed {
                    Op::ShrI
                } else {
                    Op::ShrUI
                };
                self.emit(o, dst, a, n as u16);
            } else if !left && signed {
                self.emit(Op::ShrI, dst, a, 63);
            } else {
                self.emit(Op::Zero, dst, 0, 0);
            }
        } else {
            let yt = self.ty(y);
            let n = self.expr(y);
            if let Class::Int { signed: true, .. } = class(yt) {
                self.emit(Op::ShChk, n, 0, 0);
            }
            let o = if left {
                Op::Shl
            } else if signed {
                Op::Shr
            } else {
                Op::ShrU
            };
            self.emit(o, dst, a, n);
        }
        if left {
            self.wrap(dst, t);
        }
    }

    /// `x + y + z …` on strings as one concatenation.
    fn concat(&mut self, x: ExprId, y: ExprId, dst: u16) {
        let mut parts = vec![y];
        let mut left = self.unparen(x);
        while self.const_of(left).is_none()
            && let ExprKind::Binary {
                op: BinOp::Add,
                x,
                y,
                ..
            } = self.kind(left)
        {
            parts.push(*y);
            left = self.unparen(*x);
        }
        parts.push(left);
        parts.reverse();
        let base = self.alloc(2 * parts.len());
        let st = crate::types::universe::basic(Basic::String);
        for (i, p) in parts.iter().enumerate() {
            self.expr_as_to(*p, st, base + 2 * i as u16);
        }
        self.emit(Op::Concat, dst, base, parts.len() as u16);
    }

    fn bool_value(&mut self, op: BinOp, x: ExprId, y: ExprId, dst: u16) {
        if matches!(op, BinOp::LAnd | BinOp::LOr) {
            // Evaluated apart from dst, which may be an operand.
            let r = self.alloc(1);
            self.expr_to(x, r);
            let end = self.label();
            self.jump_if(if op == BinOp::LAnd { Op::Jf } else { Op::Jt }, r, end);
            self.expr_to(y, r);
            self.bind(end);
            self.emit(Op::Mov, dst, r, 0);
            return;
        }
        let (t, a, b) = self.compare_operands(x, y);
        self.compare_value(op, t, a, b, dst);
    }

    /// Both operands of a comparison as values of one type.
    fn compare_operands(&mut self, x: ExprId, y: ExprId) -> (Ty, u16, u16) {
        let (xt, yt) = (self.ty(x), self.ty(y));
        let iface = |t: Ty| matches!(&*underlying(t), Type::Interface(_));
        let nil = |f: &Self, e: ExprId| f.p.info.types[f.unparen(e).index()].mode == Mode::Nil;
        let t = if nil(self, x) {
            yt
        } else if nil(self, y) || iface(xt) {
            xt
        } else if iface(yt) || is_untyped(xt) {
            yt
        } else {
            xt
        };
        let t = if is_untyped(t) { default_type(t) } else { t };
        if let Type::Slice(_) = &*underlying(t) {
            // Only nil comparison: the pointer word decides.
            let word = crate::types::universe::basic(Basic::Uintptr);
            let v = self.expr(if nil(self, x) { y } else { x });
            let z = self.alloc(1);
            self.emit(Op::Zero, z, 0, 0);
            return (word, v, z);
        }
        let a = self.expr_as(x, t);
        let b = self.expr_as(y, t);
        (t, a, b)
    }

    /// Jumps to `target` when `e` is `when`, else falls through.
    pub fn branch(&mut self, e: ExprId, target: Label, when: bool) {
        let e = self.unparen(e);
        if let Some(c) = self.const_of(e) {
            if c.as_bool() == Some(when) {
                self.jump(target);
            }
            return;
        }
        let mark = self.mark();
        match self.kind(e) {
            ExprKind::Unary { op: UnOp::Not, x } => self.branch(*x, target, !when),
            ExprKind::Binary { op, x, y, .. } if matches!(op, BinOp::LAnd | BinOp::LOr) => {
                if (*op == BinOp::LAnd) != when {
                    self.branch(*x, target, when);
                    self.branch(*y, target, when);
                } else {
                    let skip = self.label();
                    self.branch(*x, skip, !when);
                    self.branch(*y, target, when);
                    self.bind(skip);
                }
            }
            ExprKind::Binary { op, x, y, .. } if op.is_comparison() => {
                self.branch_cmp(*op, *x, *y, target, when, e)
            }
            _ => {
                let s = self.expr(e);
                self.jump_if(if when { Op::Jt } else { Op::Jf }, s, target);
            }
        }
        self.release(mark);
    }

    fn branch_cmp(
        &mut self,
        op: BinOp,
        x: ExprId,
        y: ExprId,
        target: Label,
        when: bool,
        e: ExprId,
    ) {
        self.at(self.ast().expr(e).span.lo);
        let xt = self.ty(x);
        let yt = self.ty(y);
        let int = |t: Ty| matches!(class(t), Class::Int { .. });
        // Against the length of a slice.
        let (lx, ly, lop) = if self.len_of_slice(x).is_some() {
            (y, x, flip(op))
        } else {
            (x, y, op)
        };
        let lop = if when { lop } else { negate(lop) };
        if let Some(s) = self.len_of_slice(ly)
            && matches!(lop, BinOp::Lt | BinOp::Ge)
            && self.len_of_slice(lx).is_none()
        {
            let t = self.ty(ly);
            let a = self.expr_as(lx, t);
            let b = self.expr(s);
            return self.branch_op(
                if lop == BinOp::Lt {
                    Op::JltLen
                } else {
                    Op::JgeLen
                },
                a,
                b,
                target,
            );
        }
        // Immediate forms (signed order, or equality).
        if int(xt) || int(yt) {
            let (x, y, op) = if self.imm16(x).is_some() {
                (y, x, flip(op))
            } else {
                (x, y, op)
            };
            let op = if when { op } else { negate(op) };
            let signed = matches!(class(self.ty(x)), Class::Int { signed: true, .. });
            if let Some(i) = self.imm16(y)
                && int(self.ty(x))
                && (signed || matches!(op, BinOp::Eq | BinOp::Ne))
            {
                let a = self.expr(x);
                let o = match op {
                    BinOp::Eq => Op::JeqI,
                    BinOp::Ne => Op::JneI,
                    BinOp::Lt => Op::JltI,
                    BinOp::Le => Op::JleI,
                    BinOp::Gt => Op::JgtI,
                    _ => Op::JgeI,
                };
                return self.branch_op(o, a, i as u16, target);
            }
        }
        let (t, a, b) = self.compare_operands(x, y);
        match class(t) {
            Class::Int { signed, .. } => {
                let op = if when { op } else { negate(op) };
                let (lt, ge) = if signed {
                    (Op::Jlt, Op::Jge)
                } else {
                    (Op::JltU, Op::JgeU)
                };
                let (o, a, b) = match op {
                    BinOp::Eq => (Op::Jeq, a, b),
                    BinOp::Ne => (Op::Jne, a, b),
                    BinOp::Lt => (lt, a, b),
                    BinOp::Ge => (ge, a, b),
                    BinOp::Gt => (lt, b, a),
                    _ => (ge, b, a),
                };
                self.branch_op(o, a, b, target);
            }
            Class::Word => {
                let eq = (op == BinOp::Eq) == when;
                self.branch_op(if eq { Op::Jeq } else { Op::Jne }, a, b, target);
            }
            Class::F64 => {
                let (o, a, b) = match (op, when) {
                    (BinOp::Eq, true) | (BinOp::Ne, false) => (Op::JeqF, a, b),
                    (BinOp::Eq, false) | (BinOp::Ne, true) => (Op::JneF, a, b),
                    (BinOp::Lt, true) => (Op::JltF, a, b),
                    (BinOp::Lt, false) => (Op::JnltF, a, b),
                    (BinOp::Le, true) => (Op::JleF, a, b),
                    (BinOp::Le, false) => (Op::JnleF, a, b),
                    (BinOp::Gt, true) => (Op::JltF, b, a),
                    (BinOp::Gt, false) => (Op::JnltF, b, a),
                    (_, true) => (Op::JleF, b, a),
                    (_, false) => (Op::JnleF, b, a),
                };
                self.branch_op(o, a, b, target);
            }
            Class::Iface if self.p.info.types[self.unparen(y).index()].mode == Mode::Nil => {
                let eq = (op == BinOp::Eq) == when;
                self.branch_op(if eq { Op::JeqI } else { Op::JneI }, a, 0, target);
            }
            _ => {
                let r = self.alloc(1);
                self.compare_value(op, t, a, b, r);
                self.jump_if(if when { Op::Jt } else { Op::Jf }, r, target);
            }
        }
    }

    /// `dst = a op b` for operands already evaluated (classes that have no branch form).
    pub fn compare_value(&mut self, op: BinOp, t: Ty, a: u16, b: u16, dst: u16) {
        let (o, a, b, not) = match class(t) {
            Class::Str if op == BinOp::Ne => (Op::EqS, a, b, true),
            Class::Str => cmp(op, [Op::EqS, Op::EqS, Op::LtS, Op::LeS], a, b),
            Class::F32 => {
                let w = self.alloc(2);
                self.emit(Op::F32F, w, a, 0);
                self.emit(Op::F32F, w + 1, b, 0);
                cmp(op, [Op::EqF, Op::NeF, Op::LtF, Op::LeF], w, w + 1)
            }
            Class::F64 => cmp(op, [Op::EqF, Op::NeF, Op::LtF, Op::LeF], a, b),
            Class::C128 => (Op::CplxEq, a, b, op == BinOp::Ne),
            Class::C64 => {
                let w = self.alloc(4);
                self.emit(Op::C64C128, w, a, 0);
                self.emit(Op::C64C128, w + 2, b, 0);
                (Op::CplxEq, w, w + 2, op == BinOp::Ne)
            }
            Class::Iface => (Op::EqIf, a, b, op == BinOp::Ne),
            Class::Agg => {
                let r = self.lw.rtti(t);
                self.emit(Op::EqV, dst, a, b);
                self.ext_of(r);
                if op == BinOp::Ne {
                    self.emit(Op::Not, dst, dst, 0);
                }
                return;
            }
            Class::Int { signed: false, .. } => cmp(op, [Op::Eq, Op::Ne, Op::LtU, Op::LeU], a, b),
            _ => cmp(op, [Op::Eq, Op::Ne, Op::Lt, Op::Le], a, b),
        };
        self.emit(o, dst, a, b);
        if not {
            self.emit(Op::Not, dst, dst, 0);
        }
    }

    /// Receiver expression of a method selector: evaluated, embedded fields walked, address
    /// taken or pointer followed as the method wants it. Returns (slot, receiver type).
    pub fn receiver(&mut self, e: ExprId, x: ExprId, xt: Ty) -> (u16, Ty) {
        let ExprKind::Selector { sel, .. } = self.kind(e) else {
            return (0, xt);
        };
        let name = self.ast().name(*sel);
        let Some((path, obj)) = self.find_method(xt, name) else {
            return (self.expr(x), xt);
        };
        let Some(obj) = obj else {
            // Interface method, possibly of an embedded interface.
            if path.is_empty() {
                return (self.expr(x), xt);
            }
            let p = self.place(x);
            let (p, t) = self.walk(p, xt, &path);
            return (self.place_value(p, t), t);
        };
        let wants_ptr = matches!(&obj.kind, ObjKind::Func { ptr_recv, .. } if ptr_recv.get());
        let p = self.place(x);
        let (p, t) = self.walk(p, xt, &path);
        let is_ptr = matches!(&*underlying(t), Type::Pointer(_));
        match (wants_ptr, is_ptr) {
            (true, true) | (false, false) => (self.place_value(p, t), t),
            (true, false) => {
                let a = self.address(p, t);
                (a, Ty::new(Type::Pointer(t)))
            }
            (false, true) => {
                let Type::Pointer(base) = &*underlying(t) else {
                    unreachable!("pointer type")
                };
                let ptr = self.place_value(p, t);
                let v = self.alloc_ty(*base);
                self.load_mem(v, ptr, 0, *base);
                (v, *base)
            }
        }
    }

    /// Path to and object of a method (None for interface methods).
    pub fn find_method(
        &self,
        t: Ty,
        name: crate::base::intern::Name,
    ) -> Option<(Vec<usize>, Option<Obj>)> {
        use crate::types::lookup::{Lookup, lookup};
        match lookup(t, true, Some(self.p.info.pkg), name) {
            Lookup::Method { path, method, .. } => Some((path, method.obj)),
            _ => None,
        }
    }

    /// Function number of a declared method for receiver type `t` (value or pointer).
    pub fn method_func(&mut self, obj: Obj, t: Ty) -> crate::heap::rtti::FuncId {
        let (base, _) = crate::types::predicates::deref(t);
        let targs = named_args(base);
        self.lw.func_for(obj, &targs)
    }
}

/// The value type of a comma-ok tuple, or the type itself.
pub(crate) fn single(t: Ty) -> Ty {
    match &*t {
        Type::Tuple(ts) if !ts.is_empty() => ts[0],
        _ => t,
    }
}

pub(crate) fn chan_elem(t: Ty) -> Ty {
    match crate::types::predicates::core_type(t).map(|u| u.0) {
        Some(Type::Chan(_, e)) => *e,
        _ => t,
    }
}

fn cplx_code(op: BinOp) -> u64 {
    match op {
        BinOp::Add => 0,
        BinOp::Sub => 1,
        BinOp::Mul => 2,
        _ => 3,
    }
}

/// Picks among [eq, ne, lt, le]; `>` and `>=` swap operands.
fn cmp(op: BinOp, ops: [Op; 4], a: u16, b: u16) -> (Op, u16, u16, bool) {
    match op {
        BinOp::Eq => (ops[0], a, b, false),
        BinOp::Ne => (ops[1], a, b, false),
        BinOp::Lt => (ops[2], a, b, false),
        BinOp::Le => (ops[3], a, b, false),
        BinOp::Gt => (ops[2], b, a, false),
        _ => (ops[3], b, a, false),
    }
}

fn flip(op: BinOp) -> BinOp {
    match op {
        BinOp::Lt => BinOp::Gt,
        BinOp::Gt => BinOp::Lt,
        BinOp::Le => BinOp::Ge,
        BinOp::Ge => BinOp::Le,
        o => o,
    }
}

fn negate(op: BinOp) -> BinOp {
    match op {
        BinOp::Eq => BinOp::Ne,
        BinOp::Ne => BinOp::Eq,
        BinOp::Lt => BinOp::Ge,
        BinOp::Ge => BinOp::Lt,
        BinOp::Gt => BinOp::Le,
        _ => BinOp::Gt,
    }
}
