//! Conversions, type assertions and slicing.

use super::expr::{Class, class};
use super::func::Fb;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{is_huge, size_align, slots};
use crate::syntax::ast::{ExprId, ExprKind};
use crate::types::info::Mode;
use crate::types::predicates::{core_type, default_type, is_untyped, underlying};
use crate::types::ty::{Basic, Ty, Type};

impl Fb<'_> {
    /// `T(x)` into `dst`.
    pub fn conversion(&mut self, x: ExprId, to: Ty, dst: u16) {
        let from = self.ty(x);
        if self.p.info.types[self.unparen(x).index()].mode == Mode::Nil {
            return self.zero(dst, to);
        }
        if let Type::Interface(_) = &*underlying(to) {
            return self.expr_as_to(x, to, dst);
        }
        let from = if is_untyped(from) {
            default_type(from)
        } else {
            from
        };
        if let Some(c) = self.const_of(x) {
            // string(65), []byte("abc"), and constants converted inside generic code.
            let mark = self.mark();
            if self.const_fits(x, to) {
                self.constant(c, to, dst);
            } else {
                let s = self.alloc_ty(from);
                self.constant(c, from, s);
                match self.string_conversion(from, to) {
                    Some(op) => self.emit(op, dst, s, 1),
                    None => self.convert(s, from, to, dst),
                }
            }
            self.release(mark);
            return;
        }
        let s = self.expr(x);
        self.convert(s, from, to, dst);
    }

    fn const_fits(&self, x: ExprId, to: Ty) -> bool {
        let from = class(self.ty(x));
        match class(to) {
            Class::Int { .. } | Class::F64 | Class::F32 | Class::C64 | Class::C128 => {
                from != Class::Str
            }
            Class::Str => from == Class::Str,
            Class::Word => matches!(&*underlying(to), Type::Basic(Basic::Bool, _)),
            _ => false,
        }
    }

    /// Converts a value in slots to another type (identical representations are moved).
    pub fn convert(&mut self, s: u16, from: Ty, to: Ty, dst: u16) {
        use Class::*;
        match (class(from), class(to)) {
            (Int { .. }, Int { bits, signed }) => {
                let op = match (bits, signed) {
                    (8, true) => Op::Sx8,
                    (16, true) => Op::Sx16,
                    (32, true) => Op::Sx32,
                    (8, false) => Op::Zx8,
                    (16, false) => Op::Zx16,
                    (32, false) => Op::Zx32,
                    _ => Op::Mov,
                };
                if op == Op::Mov && s == dst {
                    return;
                }
                self.emit(op, dst, s, 0);
            }
            (Int { signed, .. }, F64) => {
                self.emit(if signed { Op::I2F } else { Op::U2F }, dst, s, 0)
            }
            (Int { signed, .. }, F32) => {
                self.emit(if signed { Op::I2F32 } else { Op::U2F32 }, dst, s, 0)
            }
            (F64 | F32, Int { signed, bits }) => {
                let mut s = s;
                if class(from) == F32 {
                    self.emit(Op::F32F, dst, s, 0);
                    s = dst;
                }
                // The widths of amd64's conversions show in what does not fit.
                let op = match (bits, signed) {
                    (64, false) => Op::F2U,
                    (64, true) | (32, false) => Op::F2I,
                    _ => Op::F2I32,
                };
                self.emit(op, dst, s, 0);
                self.wrap(dst, to);
            }
            (F64, F32) => self.emit(Op::F2F32, dst, s, 0),
            (F32, F64) => self.emit(Op::F32F, dst, s, 0),
            (C64, C128) => self.emit(Op::C64C128, dst, s, 0),
            (C128, C64) => self.emit(Op::C128C64, dst, s, 0),
            (Int { .. }, Str) => self.emit(Op::Rune2Str, dst, s, 0),
            (Str, _) if let Some(op) = self.string_conversion(from, to) => {
                self.emit(op, dst, s, 0);
            }
            (_, Str) if matches!(core_type(from).map(|u| u.0), Some(Type::Slice(_))) => {
                let op = if self.elem_size(from) == 1 {
                    Op::Bytes2Str
                } else {
                    Op::Runes2Str
                };
                self.emit(op, dst, s, 0);
            }
            _ => self.convert_other(s, from, to, dst),
        }
    }

    /// The instruction that makes a slice of a string.
    fn string_conversion(&self, from: Ty, to: Ty) -> Option<Op> {
        if class(from) != Class::Str || !matches!(core_type(to).map(|u| u.0), Some(Type::Slice(_)))
        {
            return None;
        }
        Some(if self.elem_size(to) == 1 {
            Op::Str2Bytes
        } else {
            Op::Str2Runes
        })
    }

    fn elem_size(&self, t: Ty) -> usize {
        match core_type(t).map(|u| u.0) {
            Some(Type::Slice(e)) => size_align(*e).0,
            _ => 0,
        }
    }

    /// Slice to array or array pointer; everything else keeps its representation.
    fn convert_other(&mut self, s: u16, from: Ty, to: Ty, dst: u16) {
        if let Some(Type::Slice(_)) = core_type(from).map(|u| u.0) {
            match &*underlying(to) {
                Type::Array(_, n) => {
                    let p = self.alloc(1);
                    self.emit(Op::SliceArr, p, s, 0);
                    self.ext(*n as u64);
                    if slots(to) > 0 {
                        self.load_mem(dst, p, 0, to);
                    }
                    return;
                }
                Type::Pointer(a) => {
                    let n = match &*underlying(*a) {
                        Type::Array(_, n) => *n,
                        _ => 0,
                    };
                    self.emit(Op::SliceArr, dst, s, 0);
                    self.ext(n as u64);
                    return;
                }
                _ => {}
            }
        }
        let pointee = |t: Ty| match core_type(t).map(|u| u.0) {
            Some(Type::Pointer(p)) => Some(*p),
            _ => None,
        };
        let untyped = |t: Ty| matches!(&*underlying(t), Type::Basic(Basic::UnsafePointer, _));
        let (op, seen) = match (pointee(from), pointee(to)) {
            (Some(p), _) if untyped(to) => (Op::ToUnsafe, p),
            (_, Some(p)) if untyped(from) => (Op::OfUnsafe, p),
            _ => return self.mov(dst, s, to),
        };
        let d = self.lw.rtti(seen);
        self.emit(op, dst, s, 0);
        self.ext_of(d);
    }

    /// `v.(target)` into `dst`; panics unless `ok` receives the outcome.
    pub fn type_assert(&mut self, dst: u16, v: u16, static_ty: Ty, target: Ty, ok: Option<u16>) {
        let r = self.lw.rtti(target);
        let st = self.lw.rtti(static_ty);
        if is_huge(target) {
            // The value is where the interface points to; what is left fails.
            let (other, done) = (self.label(), self.label());
            self.branch_ext(Op::JTypeNe, v, 0, other, crate::bytecode::program::word(r));
            self.emit(Op::Mov, dst, v + 1, 0);
            if let Some(ok) = ok {
                self.load_int(ok, 1);
            }
            self.jump(done);
            self.bind(other);
            match ok {
                Some(ok) => {
                    self.new_object(dst, target);
                    self.load_int(ok, 0);
                }
                None => {
                    self.emit(Op::AsT, dst, v, 0xffff);
                    self.ext_of(r);
                    self.ext_of(st);
                }
            }
            return self.bind(done);
        }
        let op = if matches!(&*underlying(target), Type::Interface(_)) {
            Op::AsI
        } else {
            Op::AsT
        };
        self.emit(op, dst, v, ok.unwrap_or(0xffff));
        self.ext_of(r);
        self.ext_of(st);
    }

    /// `x[lo:hi:max]`
    pub fn slice_expr(&mut self, e: ExprId, dst: u16) {
        let ExprKind::Slice { x, lo, hi, max, .. } = self.kind(e) else {
            return;
        };
        let operands: Vec<ExprId> = [Some(*x), *lo, *hi, *max].into_iter().flatten().collect();
        self.order(&operands);
        let xt = self.ty(*x);
        let is_str = class(xt) == Class::Str;
        let (base, elem) = match core_type(xt).map(|u| u.0) {
            Some(Type::Array(el, _)) => {
                let p = self.place(*x);
                let ptr = self.address(p, xt);
                let h = self.alloc(2);
                self.array_header(h, ptr, xt);
                (h, *el)
            }
            Some(Type::Pointer(a)) => {
                let ptr = self.expr(*x);
                let h = self.alloc(2);
                self.array_header(h, ptr, *a);
                let el = match &*underlying(*a) {
                    Type::Array(el, _) => *el,
                    _ => *a,
                };
                (h, el)
            }
            Some(Type::Slice(el)) => (self.expr(*x), *el),
            _ => (self.expr(*x), crate::types::universe::basic(Basic::Uint8)),
        };
        let mut parts = [0xffffu16; 3];
        for (i, b) in [lo, hi, max].into_iter().enumerate() {
            if let Some(b) = b {
                parts[i] = self.bound(*b);
            }
        }
        let w = parts[0] as u64 | (parts[1] as u64) << 16 | (parts[2] as u64) << 32;
        self.at(self.ast().expr(e).span.lo);
        if is_str {
            self.emit(Op::SliceStr, dst, base, 0);
            self.ext(w);
        } else {
            self.emit(Op::SliceOp, dst, base, 0);
            self.ext(w);
            self.ext(size_align(elem).0 as u64);
        }
    }

    fn bound(&mut self, e: ExprId) -> u16 {
        if let Some(c) = self.const_of(e) {
            let s = self.alloc(1);
            self.constant(c, crate::types::universe::basic(Basic::Int), s);
            return s;
        }
        self.expr(e)
    }
}
