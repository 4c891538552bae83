//! Expressions.

use super::Job;
use super::func::{Fb, Var};
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::is_huge;
use crate::syntax::ast::{self, ExprId, ExprKind};
use crate::types::constant::Const;
use crate::types::info::{Mode, SelKind};
use crate::types::predicates::{default_type, identical, is_untyped, underlying};
use crate::types::ty::{Basic, ObjKind, Ty, Type};

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
        if let Some(s) = self.take_hoisted(e) {
            return s;
        }
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
            if !self.big_box(e, dst) {
                let s = self.expr(e);
                self.box_value(dst, s, from);
            }
            self.release(mark);
        } else {
            self.expr_to(e, dst);
        }
    }
    /// Interface value of `src`, a value of concrete type `t`.
    pub fn box_value(&mut self, dst: u16, src: u16, t: Ty) {
        let r = self.lw.rtti(t);
        if is_huge(t) {
            self.emit(Op::LdK, dst, 0, 0);
            self.ext_of(r);
            return self.emit(Op::Mov, dst + 1, src, 0);
        }
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
        if let Some(s) = self.take_hoisted(e) {
            return self.mov(dst, s, single(t));
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
                self.order(&[*x]);
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
        if self.p.info.selections.contains_key(&x) {
            let t = self.ty(x);
            return self.selector(x, t, dst);
        }
        let id = match self.kind(x) {
            ExprKind::Ident(id) => *id,
            ExprKind::Selector { sel, .. } => *sel,
            _ => return,
        };
        if let Some(o) = self.p.info.uses[id.index()] {
            self.func_value(o, Some(id), dst);
        }
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
                    targs: self.instance_args(*sel),
                });
                let c = self.lw.static_closure(id);
                self.emit(Op::LdK, dst, 0, 0);
                self.ext(c);
            }
        }
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
