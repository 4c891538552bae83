//! Values too large for a frame. Assignments, declarations, conversions to interfaces and
//! loops copy them from memory to memory; a value that has no place gets a heap object.
//! From [`is_huge`] on, functions get and return them by address, too.

use super::func::Fb;
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{Repr, is_huge, repr, size_align, slots};
use crate::syntax::ast::{ExprId, ExprKind};
use crate::types::info::Mode;
use crate::types::predicates::underlying;
use crate::types::ty::{Ty, Type};

/// Slots from which on a value is kept out of frames wherever possible.
const BIG: usize = 1024;

pub(crate) fn is_big(t: Ty) -> bool {
    is_huge(t) || repr(t) == Repr::Agg && slots(t) > BIG
}

impl Fb<'_> {
    /// Address of the memory that holds the value of `e`, which must not be written to.
    /// None if `e` is not of a big type, or has its value in a frame all the same.
    pub fn big_value(&mut self, e: ExprId) -> Option<u16> {
        let t = self.ty(e);
        if !is_big(t) {
            return None;
        }
        let e = self.unparen(e);
        match self.kind(e) {
            ExprKind::CompositeLit { .. } => {
                let p = self.alloc(1);
                self.new_object(p, t);
                self.composite_into(e, t, Place::Mem { ptr: p, off: 0 });
                Some(p)
            }
            ExprKind::Call { fun, args, .. } => {
                let fun = self.unparen(*fun);
                match (self.p.info.types[fun.index()].mode, &args[..]) {
                    (Mode::TypeExpr, [x])
                        if !matches!(&*underlying(self.ty(*x)), Type::Slice(_)) =>
                    {
                        self.big_value(*x)
                    }
                    _ if is_huge(t) => Some(self.expr(e)),
                    _ => None,
                }
            }
            ExprKind::Ident(_) | ExprKind::Selector { .. } | ExprKind::Star(_) => {
                let p = self.place(e);
                self.big_address(p, t)
            }
            ExprKind::Index { x, .. } if !matches!(&*underlying(self.ty(*x)), Type::Map(..)) => {
                let p = self.place(e);
                self.big_address(p, t)
            }
            _ if is_huge(t) => Some(self.expr(e)),
            _ => None,
        }
    }

    fn big_address(&mut self, p: Place, t: Ty) -> Option<u16> {
        match p {
            Place::Mem { .. } | Place::Global(_) | Place::Index { .. } => Some(self.address(p, t)),
            _ => None,
        }
    }

    /// Stores the big value of `e` in a place. False: it has to go the common way.
    pub fn big_store(&mut self, p: Place, e: ExprId, t: Ty) -> bool {
        if !is_big(t)
            || !matches!(
                p,
                Place::Mem { .. } | Place::Global(_) | Place::Index { .. }
            )
        {
            return false;
        }
        let Some(src) = self.big_value(e) else {
            return false;
        };
        let dst = self.address(p, t);
        self.copy_memory(dst, src, t);
        true
    }

    /// A fresh object with the big value of `e`.
    pub fn big_object(&mut self, e: ExprId) -> Option<u16> {
        let t = self.ty(e);
        let src = self.big_value(e)?;
        Some(self.copied_object(src, t))
    }

    /// A fresh object with the value of type `t` at an address.
    pub fn copied_object(&mut self, src: u16, t: Ty) -> u16 {
        self.emit(Op::NilChk, src, 0, 0);
        let p = self.alloc(1);
        self.new_object(p, t);
        self.copy_memory(p, src, t);
        p
    }

    /// Interface value of a big value.
    pub fn big_box(&mut self, e: ExprId, dst: u16) -> bool {
        let t = self.ty(e);
        let Some(p) = self.big_object(e) else {
            return false;
        };
        let r = self.lw.rtti(t);
        self.emit(Op::LdK, dst, 0, 0);
        self.ext_of(r);
        self.emit(Op::Mov, dst + 1, p, 0);
        true
    }

    /// Copies a value of type `t` between two addresses, which may overlap.
    pub fn copy_memory(&mut self, dst: u16, src: u16, t: Ty) {
        self.emit(Op::NilChk, src, 0, 0);
        self.emit(Op::NilChk, dst, 0, 0);
        let hdr = self.alloc(5);
        // As slices of one element.
        for (h, p) in [(hdr, dst), (hdr + 2, src)] {
            self.emit(Op::ArrHdr, h, p, 0);
            self.ext(0);
            self.ext(1);
        }
        self.emit(Op::CopySl, hdr + 4, hdr, hdr + 2);
        self.ext(size_align(t).0 as u64);
    }
}
