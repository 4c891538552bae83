//! Places: where an addressable (or assignable) expression's value is, and how to load,
//! store and take addresses.

use super::expr::single;
use super::func::{Fb, Var};
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{Mem, Repr, field_offsets, is_huge, repr, size_align};
use crate::syntax::ast::{ExprId, ExprKind};
use crate::types::info::SelKind;
use crate::types::predicates::underlying;
use crate::types::ty::{Obj, Ty, Type};

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Whole slots of the frame.
    Slot(u16),
    /// Bytes inside an aggregate that lives in the frame (offset from `fp`).
    Frame(usize),
    /// `offset` bytes after the address in a slot.
    Mem {
        ptr: u16,
        off: usize,
    },
    /// A package variable's address plus offset.
    Global(usize),
    /// Element of the slice whose header is in `slice`.
    Index {
        slice: u16,
        idx: u16,
    },
    /// Map element; never addressable.
    Map {
        map: u16,
        key: u16,
        ty: Ty,
    },
    Blank,
}

impl Fb<'_> {
    // ----- memory access through an address in a slot -----

    pub fn load_mem(&mut self, dst: u16, ptr: u16, off: usize, t: Ty) {
        let (ptr, off) = self.near(ptr, off);
        match repr(t) {
            Repr::Void => self.emit(Op::NilChk, ptr, 0, 0),
            Repr::Scalar(m) => {
                let op = match m {
                    Mem::I8 => Op::Ld8s,
                    Mem::U8 => Op::Ld8u,
                    Mem::I16 => Op::Ld16s,
                    Mem::U16 => Op::Ld16u,
                    Mem::I32 => Op::Ld32s,
                    Mem::U32 => Op::Ld32u,
                    Mem::W64 => Op::Ld64,
                };
                self.emit(op, dst, ptr, off);
            }
            Repr::Pair => self.emit(Op::Ld128, dst, ptr, off),
            Repr::Agg => {
                self.emit(Op::LdN, dst, ptr, off);
                self.ext(size_align(t).0 as u64);
            }
            Repr::Huge => {
                let mark = self.mark();
                let src = self.address(
                    Place::Mem {
                        ptr,
                        off: usize::from(off),
                    },
                    t,
                );
                let p = self.copied_object(src, t);
                self.emit(Op::Mov, dst, p, 0);
                self.release(mark);
            }
        }
    }
    pub fn store_mem(&mut self, ptr: u16, off: usize, src: u16, t: Ty) {
        let (ptr, off) = self.near(ptr, off);
        match repr(t) {
            Repr::Void => self.emit(Op::NilChk, ptr, 0, 0),
            Repr::Scalar(m) => {
                let op = match m.size() {
                    1 => Op::St8,
                    2 => Op::St16,
                    4 => Op::St32,
                    _ => Op::St64,
                };
                self.emit(op, src, ptr, off);
            }
            Repr::Pair => self.emit(Op::St128, src, ptr, off),
            Repr::Agg => {
                self.emit(Op::StN, src, ptr, off);
                self.ext(size_align(t).0 as u64);
            }
            Repr::Huge => {
                let mark = self.mark();
                let dst = self.address(
                    Place::Mem {
                        ptr,
                        off: usize::from(off),
                    },
                    t,
                );
                self.copy_memory(dst, src, t);
                self.release(mark);
            }
        }
    }
    /// Offsets that do not fit an instruction go into the address first.
    fn near(&mut self, ptr: u16, off: usize) -> (u16, u16) {
        match u16::try_from(off) {
            Ok(o) => (ptr, o),
            Err(_) => {
                let p = self.alloc(1);
                self.emit(Op::Lea, p, ptr, 0);
                self.ext(off as u64);
                (p, 0)
            }
        }
    }

    // ----- places -----

    pub fn load(&mut self, dst: u16, p: Place, t: Ty) {
        match p {
            Place::Slot(s) => self.mov(dst, s, t),
            Place::Frame(off) => match repr(t) {
                Repr::Void => {}
                Repr::Scalar(m) if m != Mem::W64 => {
                    let op = match m {
                        Mem::I8 => Op::FLd8s,
                        Mem::U8 => Op::FLd8u,
                        Mem::I16 => Op::FLd16s,
                        Mem::U16 => Op::FLd16u,
                        Mem::I32 => Op::FLd32s,
                        _ => Op::FLd32u,
                    };
                    self.emit32(op, dst, off as u32);
                }
                Repr::Agg if off % 8 != 0 || !size_align(t).0.is_multiple_of(8) => {
                    self.emit32(Op::FLdN, dst, off as u32);
                    self.ext(size_align(t).0 as u64);
                }
                _ => self.mov(dst, (off / 8) as u16, t),
            },
            Place::Mem { ptr, off } => self.load_mem(dst, ptr, off, t),
            Place::Global(a) => match repr(t) {
                Repr::Void => {}
                Repr::Scalar(Mem::W64) => {
                    self.emit(Op::GLd, dst, 0, 0);
                    self.ext(a as u64);
                }
                _ => {
                    let mark = self.mark();
                    let p = self.const_addr(a);
                    self.load_mem(dst, p, 0, t);
                    self.release(mark);
                }
            },
            Place::Index { slice, idx } => match repr(t) {
                Repr::Scalar(m) => {
                    let op = match m {
                        Mem::I8 => Op::Ix8s,
                        Mem::U8 => Op::Ix8u,
                        Mem::I16 => Op::Ix16s,
                        Mem::U16 => Op::Ix16u,
                        Mem::I32 => Op::Ix32s,
                        Mem::U32 => Op::Ix32u,
                        Mem::W64 => Op::Ix64,
                    };
                    self.emit(op, dst, slice, idx);
                }
                Repr::Pair => self.emit(Op::Ix128, dst, slice, idx),
                _ => {
                    let mark = self.mark();
                    let a = self.element_address(slice, idx, t);
                    self.load_mem(dst, a, 0, t);
                    self.release(mark);
                }
            },
            Place::Map { map, key, ty } => {
                self.map_get(dst, (map, key), ty, t, None);
            }
            Place::Blank => {}
        }
    }

    /// `dst, ok = m[key]`: the element, of type `t`, of a map and key in slots.
    pub fn map_get(&mut self, dst: u16, (m, key): (u16, u16), map: Ty, t: Ty, ok: Option<u16>) {
        let d = self.lw.map_type(map);
        // A huge element goes to a fresh object; the key may be in `dst`.
        let mark = self.mark();
        let to = if is_huge(t) {
            let p = self.alloc(1);
            self.new_object(p, t);
            p
        } else {
            dst
        };
        self.emit(Op::MapGet, to, m, key);
        self.ext_of(d);
        self.ext(ok.map_or(0xffff, u64::from));
        if to != dst {
            self.emit(Op::Mov, dst, to, 0);
        }
        self.release(mark);
    }

    pub fn store(&mut self, p: Place, src: u16, t: Ty) {
        match p {
            Place::Slot(s) => self.mov(s, src, t),
            Place::Frame(off) => match repr(t) {
                Repr::Void => {}
                Repr::Scalar(m) if m != Mem::W64 => {
                    let op = match m.size() {
                        1 => Op::FSt8,
                        2 => Op::FSt16,
                        _ => Op::FSt32,
                    };
                    self.emit32(op, src, off as u32);
                }
                Repr::Agg if off % 8 != 0 || !size_align(t).0.is_multiple_of(8) => {
                    self.emit32(Op::FStN, src, off as u32);
                    self.ext(size_align(t).0 as u64);
                }
                _ => self.mov((off / 8) as u16, src, t),
            },
            Place::Mem { ptr, off } => self.store_mem(ptr, off, src, t),
            Place::Global(a) => match repr(t) {
                Repr::Void => {}
                Repr::Scalar(Mem::W64) => {
                    self.emit(Op::GSt, src, 0, 0);
                    self.ext(a as u64);
                }
                _ => {
                    let mark = self.mark();
                    let p = self.const_addr(a);
                    self.store_mem(p, 0, src, t);
                    self.release(mark);
                }
            },
            Place::Index { slice, idx } => match repr(t) {
                Repr::Scalar(m) => {
                    let op = match m.size() {
                        1 => Op::SIx8,
                        2 => Op::SIx16,
                        4 => Op::SIx32,
                        _ => Op::SIx64,
                    };
                    self.emit(op, src, slice, idx);
                }
                Repr::Pair => self.emit(Op::SIx128, src, slice, idx),
                _ => {
                    let mark = self.mark();
                    let a = self.element_address(slice, idx, t);
                    self.store_mem(a, 0, src, t);
                    self.release(mark);
                }
            },
            Place::Map { map, key, ty } => {
                let mt = self.lw.map_type(ty);
                self.emit(Op::MapSet, map, key, src);
                self.ext_of(mt);
            }
            Place::Blank => {}
        }
    }

    fn const_addr(&mut self, a: usize) -> u16 {
        let p = self.alloc(1);
        self.emit(Op::LdK, p, 0, 0);
        self.ext(a as u64);
        p
    }
    fn element_address(&mut self, slice: u16, idx: u16, t: Ty) -> u16 {
        let a = self.alloc(1);
        self.emit(Op::IxAddr, a, slice, idx);
        self.ext(size_align(t).0 as u64);
        a
    }

    /// Address of a place, in a slot.
    pub fn address(&mut self, p: Place, t: Ty) -> u16 {
        match p {
            Place::Mem { ptr, off: 0 } => {
                self.emit(Op::NilChk, ptr, 0, 0);
                ptr
            }
            Place::Mem { ptr, off } => {
                let a = self.alloc(1);
                self.emit(Op::Lea, a, ptr, 0);
                self.ext(off as u64);
                a
            }
            Place::Global(a) => self.const_addr(a),
            Place::Index { slice, idx } => self.element_address(slice, idx, t),
            // Not addressable: a copy gets an address of its own (the checker has already
            // refused programs where this would be visible).
            Place::Slot(_) | Place::Frame(_) | Place::Map { .. } | Place::Blank => {
                let v = self.alloc_ty(t);
                self.load(v, p, t);
                let a = self.alloc(1);
                self.new_object(a, t);
                self.store_mem(a, 0, v, t);
                a
            }
        }
    }

    /// Place of a value of type `t` that a slot holds, or whose address it holds.
    pub fn slot_place(&self, s: u16, t: Ty) -> Place {
        if is_huge(t) {
            Place::Mem { ptr: s, off: 0 }
        } else {
            Place::Slot(s)
        }
    }

    pub fn var_place(&mut self, o: Obj) -> Place {
        if o.name.is_blank() {
            return Place::Blank;
        }
        if let Some(v) = self.vars.get(&o) {
            return match *v {
                Var::Slot(s) => self.slot_place(s, self.obj_ty(o)),
                Var::Box { ptr, .. } => Place::Mem { ptr, off: 0 },
            };
        }
        Place::Global(self.lw.global(o))
    }

    /// Place of field number `i` of a struct of type `t` at `p`.
    pub fn field_place(&mut self, p: Place, t: Ty, i: usize) -> Place {
        let off = field_offsets(t).get(i).copied().unwrap_or(0);
        match p {
            Place::Slot(s) => Place::Frame(s as usize * 8 + off),
            Place::Frame(o) => Place::Frame(o + off),
            Place::Mem { ptr, off: o } => Place::Mem { ptr, off: o + off },
            Place::Global(a) => Place::Global(a + off),
            Place::Index { slice, idx } => Place::Mem {
                ptr: self.element_address(slice, idx, t),
                off,
            },
            Place::Map { .. } | Place::Blank => {
                let s = self.alloc_ty(t);
                self.load(s, p, t);
                match self.slot_place(s, t) {
                    Place::Mem { ptr, .. } => Place::Mem { ptr, off },
                    _ => Place::Frame(s as usize * 8 + off),
                }
            }
        }
    }

    /// Walks embedded fields and pointers: the place and type of the field at the end of `path`.
    pub fn walk(&mut self, mut p: Place, mut t: Ty, path: &[usize]) -> (Place, Ty) {
        if let Place::Slot(s) = p {
            p = self.slot_place(s, t);
        }
        for &i in path {
            if let Type::Pointer(e) = &*underlying(t) {
                let ptr = self.place_value(p, t);
                p = Place::Mem { ptr, off: 0 };
                t = *e;
            }
            let u = underlying(t);
            let Type::Struct(fields) = &*u else {
                return (p, t);
            };
            p = self.field_place(p, t, i);
            t = fields[i].ty;
        }
        (p, t)
    }

    /// The value of a place, in a slot (not copied when it already is in one).
    pub fn place_value(&mut self, p: Place, t: Ty) -> u16 {
        if let Place::Slot(s) = p {
            return s;
        }
        if let Place::Frame(off) = p
            && off % 8 == 0
            && size_align(t).0.is_multiple_of(8)
        {
            return (off / 8) as u16;
        }
        let dst = self.alloc_ty(t);
        self.load(dst, p, t);
        dst
    }

    /// The place an expression denotes. Rvalues are evaluated into a temporary.
    pub fn place(&mut self, e: ExprId) -> Place {
        let e = self.unparen(e);
        self.at(self.ast().expr(e).span.lo);
        if let Some(s) = self.take_hoisted(e) {
            return self.slot_place(s, single(self.ty(e)));
        }
        match self.kind(e) {
            ExprKind::Ident(id) => {
                let i = id.index();
                let o = self.p.info.uses[i].or(self.p.info.defs[i]);
                match o {
                    Some(o) if o.var_info().is_some() => self.var_place(o),
                    _ if self.ast().name(*id).is_blank() => Place::Blank,
                    _ => self.value_place(e),
                }
            }
            ExprKind::Star(x) => {
                let ptr = self.expr(*x);
                Place::Mem { ptr, off: 0 }
            }
            ExprKind::Selector { x, sel } => {
                let Some(s) = self.p.info.selections.get(&e) else {
                    // Qualified identifier.
                    return match self.p.info.uses[sel.index()] {
                        Some(o) if o.var_info().is_some() => self.var_place(o),
                        _ => self.value_place(e),
                    };
                };
                if s.kind != SelKind::Field {
                    return self.value_place(e);
                }
                let recv = self.ty(*x);
                let path = self.field_path(e, recv);
                let base = self.place(*x);
                self.walk(base, recv, &path).0
            }
            ExprKind::Index { x, indices } => {
                let xt = self.ty(*x);
                match &*underlying(xt) {
                    Type::Map(k, _) => {
                        self.order(&[*x, indices[0]]);
                        let map = self.expr(*x);
                        let key = self.expr_as(indices[0], *k);
                        Place::Map { map, key, ty: xt }
                    }
                    Type::Slice(_) => {
                        let slice = self.expr(*x);
                        let idx = self.index_value(indices[0]);
                        Place::Index { slice, idx }
                    }
                    Type::Array(elem, _) => self.array_element(*x, xt, *elem, indices[0]),
                    Type::Pointer(a) => {
                        let ptr = self.expr(*x);
                        let hdr = self.alloc(2);
                        self.array_header(hdr, ptr, *a);
                        let idx = self.index_value(indices[0]);
                        Place::Index { slice: hdr, idx }
                    }
                    _ => self.value_place(e),
                }
            }
            _ => self.value_place(e),
        }
    }

    /// Evaluates an expression that is no place by itself.
    fn value_place(&mut self, e: ExprId) -> Place {
        let s = self.expr(e);
        self.slot_place(s, self.ty(e))
    }

    fn array_element(&mut self, x: ExprId, xt: Ty, elem: Ty, index: ExprId) -> Place {
        if let Some(hdr) = self.array_var_header(x) {
            let idx = self.index_value(index);
            return Place::Index { slice: hdr, idx };
        }
        let p = self.place(x);
        let size = size_align(elem).0;
        let constant = self.const_of(index).and_then(|c| c.to_i64());
        match (p, constant) {
            (Place::Slot(s), Some(i)) => Place::Frame(s as usize * 8 + i as usize * size),
            (Place::Frame(o), Some(i)) => Place::Frame(o + i as usize * size),
            (Place::Mem { ptr, off }, Some(i)) => Place::Mem {
                ptr,
                off: off + i as usize * size,
            },
            (Place::Global(a), Some(i)) => Place::Global(a + i as usize * size),
            _ => {
                let ptr = self.address(p, xt);
                let hdr = self.alloc(2);
                self.array_header(hdr, ptr, xt);
                let idx = self.index_value(index);
                Place::Index { slice: hdr, idx }
            }
        }
    }

    /// The ready slice header over a local array variable.
    fn array_var_header(&self, x: ExprId) -> Option<u16> {
        let x = self.unparen(x);
        let ExprKind::Ident(id) = self.kind(x) else {
            return None;
        };
        let o = self.p.info.uses[id.index()].or(self.p.info.defs[id.index()])?;
        match self.vars.get(&o)? {
            Var::Box { hdr, .. } => *hdr,
            Var::Slot(_) => None,
        }
    }

    /// Field path of a selector in this instance.
    pub fn field_path(&self, e: ExprId, recv: Ty) -> Vec<usize> {
        let s = &self.p.info.selections[&e];
        if self.env.is_empty() {
            return s.path.clone();
        }
        let ExprKind::Selector { sel, .. } = self.kind(e) else {
            return s.path.clone();
        };
        match crate::types::lookup::lookup(recv, true, Some(self.p.info.pkg), self.ast().name(*sel))
        {
            crate::types::lookup::Lookup::Field { path, .. } => path,
            _ => s.path.clone(),
        }
    }

    /// An index as a 64-bit slot. Constants and all integer types fit; huge uint64 values
    /// become negative and fail the bounds check.
    pub fn index_value(&mut self, e: ExprId) -> u16 {
        self.expr(e)
    }
}
