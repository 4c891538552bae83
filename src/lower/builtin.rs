//! Calls of builtin functions.

use super::expr::{Class, class};
use super::func::Fb;
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{Repr, is_huge, repr, size_align};
use crate::syntax::ast::{ExprId, ExprKind};
use crate::types::info::Mode;
use crate::types::predicates::{core_type, default_type, is_untyped, underlying};
use crate::types::ty::{Basic, Builtin, Ty, Type};

/// An argument of a builtin: an expression, or one of the values of `f()` in `copy(f())`.
#[derive(Clone, Copy)]
pub(crate) enum Arg {
    Expr(ExprId),
    Value(u16, Ty),
}

impl Fb<'_> {
    /// The arguments of a builtin call. A single call with several results is made here.
    pub fn builtin_args(&mut self, args: &[ExprId]) -> Vec<Arg> {
        if let [call] = args
            && let Type::Tuple(ts) = &*self.ty(*call)
            && self.is_plain_call(*call)
        {
            let n = ts.len();
            return self
                .multi_value(*call, n)
                .into_iter()
                .map(|(s, t)| Arg::Value(s, t))
                .collect();
        }
        args.iter().map(|a| Arg::Expr(*a)).collect()
    }
    pub fn arg_ty(&self, a: Arg) -> Ty {
        match a {
            Arg::Expr(e) => self.ty(e),
            Arg::Value(_, t) => t,
        }
    }
    /// Evaluates an argument in its own type.
    pub fn arg(&mut self, a: Arg) -> u16 {
        match a {
            Arg::Expr(e) => self.expr(e),
            Arg::Value(s, _) => s,
        }
    }
    pub fn arg_as(&mut self, a: Arg, to: Ty) -> u16 {
        match a {
            Arg::Expr(e) => self.expr_as(e, to),
            Arg::Value(s, t) => self.assign_conv(s, t, to),
        }
    }
    pub fn arg_as_to(&mut self, a: Arg, to: Ty, dst: u16) {
        match a {
            Arg::Expr(e) => self.expr_as_to(e, to, dst),
            Arg::Value(s, t) => {
                let mark = self.mark();
                let v = self.assign_conv(s, t, to);
                self.mov(dst, v, to);
                self.release(mark);
            }
        }
    }
    pub fn arg_to(&mut self, a: Arg, dst: u16) {
        match a {
            Arg::Expr(e) => self.expr_to(e, dst),
            Arg::Value(s, t) => self.mov(dst, s, t),
        }
    }
    fn is_nil(&self, a: Arg) -> bool {
        matches!(a, Arg::Expr(e) if self.p.info.types[self.unparen(e).index()].mode == Mode::Nil)
    }

    /// A builtin call used for its value (or effect, with any `dst`).
    pub fn builtin(&mut self, b: Builtin, e: ExprId, args: &[ExprId], t: Ty, dst: u16) {
        let mark = self.mark();
        let exprs = args;
        match b {
            Builtin::Make => self.order(&exprs[1..]),
            Builtin::New => {}
            _ => self.order(exprs),
        }
        let args = &*match b {
            Builtin::Make | Builtin::New => Vec::new(),
            _ => self.builtin_args(exprs),
        };
        match b {
            Builtin::Len | Builtin::Cap => self.len_cap(b == Builtin::Len, args[0], dst),
            Builtin::New => {
                let elem = match &*underlying(t) {
                    Type::Pointer(e) => *e,
                    _ => t,
                };
                let is_type =
                    self.p.info.types[self.unparen(exprs[0]).index()].mode == Mode::TypeExpr;
                let p = self.alloc(1);
                if is_type {
                    self.new_object(p, elem);
                } else {
                    let v = self.expr_as(exprs[0], elem);
                    self.new_object(p, elem);
                    self.store_mem(p, 0, v, elem);
                }
                self.emit(Op::Mov, dst, p, 0);
            }
            Builtin::Make => self.make(exprs, t, dst),
            Builtin::Append => self.append(e, args, t, dst),
            Builtin::Copy => {
                let dt = self.arg_ty(args[0]);
                let a = self.arg(args[0]);
                let st = self.arg_ty(args[1]);
                let s = self.arg(args[1]);
                if class(st) == Class::Str {
                    self.emit(Op::CopyStr, dst, a, s);
                } else {
                    let elem = slice_elem(dt);
                    self.emit(Op::CopySl, dst, a, s);
                    self.ext(size_align(elem).0 as u64);
                }
            }
            Builtin::Delete => {
                let mt = self.arg_ty(args[0]);
                let m = self.arg(args[0]);
                if let Some(Type::Map(k, _)) = core_type(mt).map(|u| u.0) {
                    let key = self.arg_as(args[1], *k);
                    let d = self.lw.map_type(map_core(mt));
                    self.emit(Op::MapDel, m, key, 0);
                    self.ext_of(d);
                }
            }
            Builtin::Clear => {
                let ct = self.arg_ty(args[0]);
                let s = self.arg(args[0]);
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
                let c = self.arg(args[0]);
                self.emit(Op::Close, c, 0, 0);
            }
            Builtin::Panic => {
                let v = self.arg_as(args[0], crate::types::universe::any_ty());
                self.at(self.ast().expr(e).span.lo);
                self.emit(Op::Panic, v, 0, 0);
            }
            Builtin::Recover => self.emit(Op::Recover, dst, 0, 0),
            Builtin::Print | Builtin::Println => {
                let base = self.alloc(2 * args.len().max(1));
                for (i, a) in args.iter().enumerate() {
                    self.arg_as_to(*a, crate::types::universe::any_ty(), base + 2 * i as u16);
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
            Builtin::UnsafeAdd => {
                let p = self.arg(args[0]);
                let n = match args[1] {
                    Arg::Expr(e) => self.int_operand(e),
                    Arg::Value(s, _) => s,
                };
                self.emit(Op::Add, dst, p, n);
            }
            Builtin::UnsafeSlice | Builtin::UnsafeString => {
                let (op, elem) = match &*underlying(t) {
                    Type::Slice(elem) => (Op::UnsafeSl, *elem),
                    _ => (Op::UnsafeStr, crate::types::universe::byte_ty()),
                };
                let p = self.arg(args[0]);
                let n = match args[1] {
                    Arg::Expr(e) => self.int_operand(e),
                    Arg::Value(s, _) => s,
                };
                let d = self.lw.rtti(elem);
                self.emit(op, dst, p, n);
                self.ext_of(d);
            }
            Builtin::UnsafeSliceData => {
                let s = self.arg(args[0]);
                self.emit(Op::Mov, dst, s, 0);
            }
            Builtin::UnsafeStringData => {
                let s = self.arg_as(args[0], crate::types::universe::basic(Basic::String));
                self.emit(Op::StrData, dst, s, 0);
            }
        }
        self.release(mark);
    }

    fn len_cap(&mut self, len: bool, x: Arg, dst: u16) {
        let t = self.arg_ty(x);
        if class(t) == Class::Str {
            let s = self.arg(x);
            return self.emit(Op::Mov, dst, s + 1, 0);
        }
        match core_type(t).map(|u| u.0) {
            Some(Type::Slice(_)) => {
                let s = self.arg(x);
                self.emit(if len { Op::SlLen } else { Op::SlCap }, dst, s, 0);
            }
            Some(Type::Map(..)) => {
                let s = self.arg(x);
                self.emit(Op::MapLen, dst, s, 0);
            }
            Some(Type::Chan(..)) => {
                let s = self.arg(x);
                self.emit(if len { Op::ChLen } else { Op::ChCap }, dst, s, 0);
            }
            Some(Type::Array(_, n)) => {
                self.arg(x);
                self.load_int(dst, *n);
            }
            Some(Type::Pointer(a)) => {
                self.arg(x);
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
            Some(Type::Chan(_, elem)) => {
                self.too_big |= is_huge(*elem);
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
        // Unsigned values above the int range look negative, which make refuses as well.
        self.expr(e)
    }

    fn append(&mut self, e: ExprId, args: &[Arg], t: Ty, dst: u16) {
        let ExprKind::Call { spread, .. } = self.kind(e) else {
            return;
        };
        let Some(Type::Slice(elem)) = core_type(t).map(|u| u.0) else {
            return self.arg_to(args[0], dst);
        };
        let elem = *elem;
        let r = self.lw.rtti(elem);
        let s = if self.is_nil(args[0]) {
            let z = self.alloc(2);
            self.emit(Op::Zero2, z, 0, 0);
            z
        } else {
            self.arg(args[0])
        };
        if args.len() == 1 {
            return self.emit(Op::Mov2, dst, s, 0);
        }
        if *spread {
            let xt = self.arg_ty(args[1]);
            if self.is_nil(args[1]) {
                return self.emit(Op::Mov2, dst, s, 0);
            }
            let x = self.arg(args[1]);
            let op = if class(xt) == Class::Str {
                Op::AppStr
            } else {
                Op::AppSl
            };
            self.emit(op, dst, s, x);
            self.ext_of(r);
            return;
        }
        if args.len() == 2 && !is_huge(elem) {
            let v = self.arg_as(args[1], elem);
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
                self.arg_as_to(*a, elem, v);
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

    fn complex_parts(&mut self, b: Builtin, args: &[Arg], t: Ty, dst: u16) {
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
                let v = self.arg_as(*a, part);
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
        let xt = self.arg_ty(args[0]);
        let xt = if is_untyped(xt) { default_type(xt) } else { xt };
        let mut v = self.arg_as(args[0], xt);
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

    fn min_max(&mut self, min: bool, args: &[Arg], t: Ty, dst: u16) {
        let acc = self.alloc_ty(t);
        self.arg_as_to(args[0], t, acc);
        for a in &args[1..] {
            let mark = self.mark();
            let v = self.arg_as(*a, t);
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
