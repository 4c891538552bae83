//! Expressions. `lit` says that `Name{` begins a literal.

use super::{Operand, Quick};
use crate::syntax::ast::*;
use crate::syntax::build::*;
use crate::syntax::token::T;

impl Quick<'_, '_> {
    /// An expression or a type.
    pub(super) fn xt(&mut self) -> Option<ExprId> {
        Some(self.binary(1, true)?.x)
    }
    /// An expression that is no type.
    pub(super) fn or(&mut self, lit: bool) -> Option<ExprId> {
        let o = self.binary(1, lit)?;
        (!o.bare).then_some(o.x)
    }
    pub(super) fn vals(&mut self, lit: bool) -> Option<Vec<ExprId>> {
        let mut v = Vec::new();
        loop {
            let o = self.binary(1, lit)?;
            if o.bare && !lit {
                return None;
            }
            v.push(o.x);
            if !self.eat(T::Comma) {
                return Some(v);
            }
        }
    }
    pub(super) fn ors(&mut self, lit: bool) -> Option<Vec<ExprId>> {
        let mut v = vec![self.or(lit)?];
        while self.eat(T::Comma) {
            v.push(self.or(lit)?);
        }
        Some(v)
    }
    pub(super) fn operator(&self) -> Option<(u32, BinOp)> {
        Some(match self.kind() {
            T::OrOr => (1, BinOp::LOr),
            T::AndAnd => (2, BinOp::LAnd),
            T::CmpOp(p) => (3, p),
            T::Plus => (4, BinOp::Add),
            T::Minus => (4, BinOp::Sub),
            T::Or => (4, BinOp::Or),
            T::Xor => (4, BinOp::Xor),
            T::Star => (5, BinOp::Mul),
            T::And => (5, BinOp::And),
            T::MulOp(p) => (5, p),
            _ => return None,
        })
    }
    pub(super) fn binary(&mut self, least: u32, lit: bool) -> Option<Operand> {
        let mut o = self.unary(lit)?;
        while let Some((level, op)) = self.operator()
            && level >= least
        {
            let at = self.lo();
            self.i += 1;
            let y = self.binary(level + 1, lit)?;
            if o.bare || y.bare {
                return None;
            }
            o.x = self.b.binary(o.x, at, op, y.x);
        }
        Some(o)
    }
    pub(super) fn unary(&mut self, lit: bool) -> Option<Operand> {
        let l = self.lo();
        let op = match self.kind() {
            T::Plus => UnOp::Plus,
            T::Minus => UnOp::Neg,
            T::Not => UnOp::Not,
            T::Xor => UnOp::Xor,
            T::And => UnOp::Addr,
            T::Arrow => UnOp::Recv,
            T::Star => {
                self.i += 1;
                let o = self.unary(lit)?;
                let x = self.b.star(l, o.x);
                return Some(Operand { x, bare: o.bare });
            }
            _ => return self.prim(lit),
        };
        self.i += 1;
        let o = self.unary(lit)?;
        if o.bare {
            return None;
        }
        let x = self.b.unary(l, op, o.x);
        Some(Operand { x, bare: false })
    }
    pub(super) fn prim(&mut self, lit: bool) -> Option<Operand> {
        let l = self.lo();
        let x = match self.kind() {
            T::Ident => {
                self.i += 1;
                let r = self.hi();
                self.b.name(l, r)
            }
            T::Lit(k) => {
                self.i += 1;
                let r = self.hi();
                self.b.basic(k, l, r)
            }
            T::Str => {
                self.i += 1;
                let r = self.hi();
                self.b.basic(LitKind::String, l, r)
            }
            T::LParen => {
                self.i += 1;
                let x = self.xt()?;
                self.want(T::RParen)?;
                let r = self.hi();
                self.b.add(ExprKind::Paren(x), l, r)
            }
            T::Func => {
                self.i += 1;
                let s = self.lo();
                let sig = self.sig()?;
                let e = self.hi();
                if self.kind() == T::LBrace {
                    let k = self.block()?;
                    let r = self.hi();
                    self.b.func_lit(l, sig.at(s, e), k, r)
                } else {
                    let x = self.b.func_type(l, sig, e);
                    return Some(Operand { x, bare: true });
                }
            }
            T::LBrack | T::Map | T::Struct | T::Chan | T::Interface => {
                let kind = self.kind();
                let t = self.literal_type()?;
                let literal = matches!(kind, T::LBrack | T::Map | T::Struct);
                match self.kind() {
                    T::LBrace if literal => {
                        let v = self.lit_val()?;
                        self.b.composite(t, v)
                    }
                    T::LParen => {
                        let a = self.args()?;
                        self.b.call(t, a)
                    }
                    _ => return Some(Operand { x: t, bare: true }),
                }
            }
            _ => return None,
        };
        let x = self.postfix(x, lit)?;
        Some(Operand { x, bare: false })
    }
    pub(super) fn postfix(&mut self, mut x: ExprId, lit: bool) -> Option<ExprId> {
        loop {
            x = match self.kind() {
                T::Dot => {
                    self.i += 1;
                    if self.eat(T::LParen) {
                        let t = match self.eat(T::Type) {
                            true => None,
                            false => Some(self.ty()?),
                        };
                        self.want(T::RParen)?;
                        let r = self.hi();
                        self.b.assert(x, t, r)
                    } else {
                        let s = self.name()?;
                        self.b.selector(x, s)
                    }
                }
                T::LBrack => {
                    self.i += 1;
                    self.index(x)?
                }
                T::LParen => {
                    let a = self.args()?;
                    self.b.call(x, a)
                }
                T::LBrace if lit => {
                    let v = self.lit_val()?;
                    self.b.composite(x, v)
                }
                _ => return Some(x),
            };
        }
    }
    /// Behind the bracket of an index or slice expression.
    pub(super) fn index(&mut self, x: ExprId) -> Option<ExprId> {
        let mut lo = None;
        if self.kind() != T::Colon {
            let o = self.binary(1, true)?;
            if self.kind() != T::Colon {
                let (v, r) = self.more_indices()?;
                return Some(self.b.index_more(x, o.x, v, r));
            }
            if o.bare {
                return None;
            }
            lo = Some(o.x);
        }
        self.want(T::Colon)?;
        let hi = match self.kind() {
            T::Colon | T::RBrack => None,
            _ => Some(self.or(true)?),
        };
        if self.kind() == T::Colon {
            let d = self.lo();
            self.i += 1;
            let max = match self.kind() {
                T::RBrack => None,
                _ => Some(self.or(true)?),
            };
            let (e, r) = self.token(T::RBrack)?;
            return Some(self.b.slice3(x, lo, hi, max, (d, e), r));
        }
        self.want(T::RBrack)?;
        let r = self.hi();
        Some(self.b.slice(x, lo, hi, r))
    }
    pub(super) fn args(&mut self) -> Option<Args> {
        let (l, _) = self.token(T::LParen)?;
        let mut v = Vec::new();
        let mut spread = false;
        while !self.eat(T::RParen) {
            v.push(self.xt()?);
            spread |= self.eat(T::Dots);
            if !self.eat(T::Comma) {
                self.want(T::RParen)?;
                break;
            }
        }
        Some(Args::new(v, spread, l, self.hi()))
    }
    pub(super) fn lit_val(&mut self) -> Option<LitVal> {
        let (l, _) = self.token(T::LBrace)?;
        let mut v = Vec::new();
        while !self.eat(T::RBrace) {
            let mut value = self.elem_val()?;
            let mut key = None;
            if self.eat(T::Colon) {
                key = Some(value);
                value = self.elem_val()?;
            }
            v.push(Elem { key, value });
            if !self.eat(T::Comma) {
                self.want(T::RBrace)?;
                break;
            }
        }
        Some(LitVal::new(v, l, self.hi()))
    }
    pub(super) fn elem_val(&mut self) -> Option<ExprId> {
        if self.kind() != T::LBrace {
            return self.or(true);
        }
        let v = self.lit_val()?;
        Some(self.b.elided(v))
    }
}
