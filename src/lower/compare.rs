//! Comparisons and conditions, as values and as branches.

use super::expr::{Class, class};
use super::func::{Fb, Label};
use crate::bytecode::instr::Op;
use crate::bytecode::layout::is_huge;
use crate::syntax::ast::{BinOp, ExprId, ExprKind, UnOp};
use crate::types::info::Mode;
use crate::types::predicates::{default_type, is_untyped, underlying};
use crate::types::ty::{Basic, Ty, Type};

impl Fb<'_> {
    pub fn bool_value(&mut self, op: BinOp, x: ExprId, y: ExprId, dst: u16) {
        if matches!(op, BinOp::LAnd | BinOp::LOr) {
            // Evaluated apart from dst, which may be an operand.
            let r = self.alloc(1);
            self.order(&[x]);
            self.expr_to(x, r);
            let end = self.label();
            self.jump_if(if op == BinOp::LAnd { Op::Jf } else { Op::Jt }, r, end);
            self.order(&[y]);
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
        if let Some(s) = self.take_hoisted(e) {
            self.jump_if(if when { Op::Jt } else { Op::Jf }, s, target);
            return self.release(mark);
        }
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
                self.order(&[*x, *y]);
                self.branch_cmp(*op, *x, *y, target, when, e)
            }
            _ => {
                self.order(&[e]);
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
            Class::Agg if is_huge(t) => {
                let w = self.alloc(4);
                self.box_value(w, a, t);
                self.box_value(w + 2, b, t);
                (Op::EqIf, w, w + 2, op == BinOp::Ne)
            }
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
