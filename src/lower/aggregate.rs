//! Composite literals.

use super::func::Fb;
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{is_huge, size_align, slots};
use crate::syntax::ast::{Elem, ExprId, ExprKind};
use crate::types::predicates::{core_type, underlying};
use crate::types::ty::{Ty, Type};

impl Fb<'_> {
    /// `T{…}` as a value in `dst`.
    pub fn composite(&mut self, e: ExprId, t: Ty, dst: u16) {
        match core_type(t).map(|u| u.0) {
            Some(Type::Pointer(elem)) => {
                // Elided `&T` inside a literal.
                let p = self.alloc(1);
                self.new_object(p, *elem);
                self.composite_into(e, *elem, Place::Mem { ptr: p, off: 0 });
                self.emit(Op::Mov, dst, p, 0);
            }
            Some(Type::Struct(_) | Type::Array(..)) if is_huge(t) => {
                let p = self.alloc(1);
                self.new_object(p, t);
                self.composite_into(e, t, Place::Mem { ptr: p, off: 0 });
                self.emit(Op::Mov, dst, p, 0);
            }
            Some(Type::Array(..)) if slots(t) > 16 => {
                let p = self.alloc(1);
                self.new_object(p, t);
                self.composite_into(e, t, Place::Mem { ptr: p, off: 0 });
                self.load_mem(dst, p, 0, t);
            }
            Some(Type::Struct(_) | Type::Array(..)) => {
                let tmp = self.alloc_ty(t);
                self.zero(tmp, t);
                self.composite_into(e, t, Place::Slot(tmp));
                self.mov(dst, tmp, t);
            }
            Some(Type::Slice(elem)) => self.slice_literal(e, *elem, dst),
            Some(Type::Map(k, v)) => {
                let ExprKind::CompositeLit { elems, .. } = self.kind(e) else {
                    return;
                };
                let d = self.lw.map_type(super::builtin::map_core(t));
                let m = self.alloc(1);
                let hint = self.alloc(1);
                self.load_int(hint, elems.len() as i64);
                self.emit(Op::MapNew, m, hint, 0);
                self.ext_of(d);
                for el in elems {
                    let mark = self.mark();
                    let Some(key) = el.key else { continue };
                    self.order_as([(key, *k), (el.value, *v)].into_iter());
                    let ks = self.alloc_ty(*k);
                    self.element(key, *k, ks);
                    let vs = self.alloc_ty(*v);
                    self.element(el.value, *v, vs);
                    self.emit(Op::MapSet, m, ks, vs);
                    self.ext_of(d);
                    self.release(mark);
                }
                self.emit(Op::Mov, dst, m, 0);
            }
            _ => self.zero(dst, t),
        }
    }

    /// An element, whose own literal type may be elided.
    fn element(&mut self, e: ExprId, t: Ty, dst: u16) {
        self.expr_as_to(e, t, dst);
    }

    /// Writes the fields or elements of a struct or array literal to zeroed memory at `p`.
    pub fn composite_into(&mut self, e: ExprId, t: Ty, p: Place) {
        let e = self.unparen(e);
        let ExprKind::CompositeLit { elems, .. } = self.kind(e) else {
            return;
        };
        let u = core_type(t).unwrap_or(t);
        match &*u {
            Type::Struct(fields) => {
                for (i, el) in elems.iter().enumerate() {
                    let index = match el.key {
                        Some(k) => {
                            let ExprKind::Ident(id) = self.kind(k) else {
                                continue;
                            };
                            let name = self.ast().name(*id);
                            let promoted = self
                                .p
                                .info
                                .selections
                                .get(&k)
                                .and_then(|s| s.path.first().copied());
                            match fields.iter().position(|f| f.name == name).or(promoted) {
                                Some(i) => i,
                                None => continue,
                            }
                        }
                        None => i,
                    };
                    let Some(f) = fields.get(index) else { continue };
                    let mark = self.mark();
                    let promoted = el
                        .key
                        .and_then(|k| self.p.info.selections.get(&k))
                        .filter(|s| s.path.len() > 1);
                    let (fp, ft) = match promoted {
                        Some(s) => self.walk(p, t, &s.path.clone()),
                        None => (self.field_place(p, t, index), f.ty),
                    };
                    self.init_place(fp, el.value, ft);
                    self.release(mark);
                }
            }
            Type::Array(elem, _) => {
                let size = size_align(*elem).0;
                for (i, v) in self.indexed(elems) {
                    let mark = self.mark();
                    let ep = match p {
                        Place::Slot(s) => Place::Frame(s as usize * 8 + i * size),
                        Place::Frame(o) => Place::Frame(o + i * size),
                        Place::Mem { ptr, off } => Place::Mem {
                            ptr,
                            off: off + i * size,
                        },
                        Place::Global(a) => Place::Global(a + i * size),
                        other => other,
                    };
                    self.init_place(ep, v, *elem);
                    self.release(mark);
                }
            }
            // `&[]T{…}`, `&map…`: the value itself goes to the place.
            _ => {
                let v = match self.take_hoisted(e) {
                    Some(s) => s,
                    None => {
                        let v = self.alloc_ty(t);
                        self.composite(e, t, v);
                        v
                    }
                };
                self.store(p, v, t);
            }
        }
    }

    fn init_place(&mut self, p: Place, v: ExprId, t: Ty) {
        let u = self.unparen(v);
        let nested = matches!(self.kind(u), ExprKind::CompositeLit { .. })
            && matches!(&*underlying(t), Type::Struct(_) | Type::Array(..))
            && matches!(&*underlying(self.ty(u)), Type::Struct(_) | Type::Array(..));
        if nested {
            // Memory is already zero.
            return self.composite_into(u, t, p);
        }
        let s = self.expr_as(v, t);
        self.store(p, s, t);
    }

    /// (index, value) of each element, keys resolved.
    fn indexed(&self, elems: &[Elem]) -> Vec<(usize, ExprId)> {
        let mut next = 0usize;
        let mut out = Vec::new();
        for el in elems {
            if let Some(k) = el.key
                && let Some(c) = self.const_of(k)
                && let Some(i) = c.to_int().and_then(|c| c.to_i64())
            {
                next = i.max(0) as usize;
            }
            out.push((next, el.value));
            next += 1;
        }
        out
    }

    fn slice_literal(&mut self, e: ExprId, elem: Ty, dst: u16) {
        let ExprKind::CompositeLit { elems, .. } = self.kind(e) else {
            return;
        };
        let items = self.indexed(elems);
        let n = items.iter().map(|i| i.0 + 1).max().unwrap_or(0);
        if n == 0 {
            // Empty but not nil.
            let z = self.alloc(1);
            self.load_int(z, 0);
            let r = self.lw.rtti(elem);
            self.emit(Op::MkSlice, dst, z, z);
            self.ext_of(r);
            return;
        }
        let size = size_align(elem).0;
        let r = self.lw.rtti(elem);
        let len = self.alloc(1);
        self.load_int(len, n as i64);
        let hdr = self.alloc(2);
        self.emit(Op::MkSlice, hdr, len, len);
        self.ext_of(r);
        for (i, v) in items {
            let mark = self.mark();
            self.init_place(
                Place::Mem {
                    ptr: hdr,
                    off: i * size,
                },
                v,
                elem,
            );
            self.release(mark);
        }
        self.emit(Op::Mov2, dst, hdr, 0);
    }
}
