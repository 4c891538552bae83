//! Operators that compute: unary, arithmetic, shifts, string concatenation.

use super::expr::{Class, chan_elem, class};
use super::func::Fb;
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{Repr, is_huge, repr, size_align};
use crate::syntax::ast::{BinOp, ExprId, ExprKind, UnOp};
use crate::types::info::Mode;
use crate::types::predicates::underlying;
use crate::types::ty::{Basic, Ty, Type};

impl Fb<'_> {
    pub fn unary(&mut self, op: UnOp, x: ExprId, t: Ty, dst: u16) {
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
                self.order(&[x]);
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
        self.too_big |= is_huge(elem);
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

    pub fn binary(&mut self, op: BinOp, x: ExprId, y: ExprId, t: Ty, dst: u16, pos: u32) {
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
    pub fn len_of_slice(&self, e: ExprId) -> Option<ExprId> {
        let e = self.unparen(e);
        let ExprKind::Call { fun, args, .. } = self.kind(e) else {
            return None;
        };
        let mode = self.p.info.types[self.unparen(*fun).index()].mode;
        if mode != Mode::Builtin(crate::types::ty::Builtin::Len)
            || self.const_of(e).is_some()
            || self.hoisted.contains_key(&e)
        {
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
}

fn cplx_code(op: BinOp) -> u64 {
    match op {
        BinOp::Add => 0,
        BinOp::Sub => 1,
        BinOp::Mul => 2,
        _ => 3,
    }
}
