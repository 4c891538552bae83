//! Function values: functions, literals with their captures, method values, receivers.

use rustc_hash::FxHashSet as HashSet;

use super::flow::Node;
use super::func::{Capture, Fb, Var};
use super::{Job, named_args};
use crate::bytecode::instr::Op;
use crate::bytecode::layout::slots;
use crate::heap::rtti::FuncId;
use crate::syntax::ast::{self, ExprId, ExprKind};
use crate::types::predicates::underlying;
use crate::types::ty::{Obj, ObjKind, Ty, Type};

impl Fb<'_> {
    /// Type arguments recorded for an identifier that names a generic function.
    pub fn instance_args(&self, id: ast::IdentId) -> Vec<Ty> {
        self.p
            .info
            .instances
            .get(&id)
            .map(|v| v.iter().map(|t| self.sub(*t)).collect())
            .unwrap_or_default()
    }

    pub fn func_value(&mut self, o: Obj, id: Option<ast::IdentId>, dst: u16) {
        let targs = id.map(|i| self.instance_args(i)).unwrap_or_default();
        let f = self.lw.func_for(o, &targs);
        let c = self.lw.static_closure(f);
        self.emit(Op::LdK, dst, 0, 0);
        self.ext(c);
    }

    /// A function literal: a closure over what it captures.
    pub fn func_lit(&mut self, f: ast::FuncId, dst: u16) {
        let caps = self.captures_of(Node::Func(f), &[]);
        self.lit_count += 1;
        let sep = if self.nested { "." } else { ".func" };
        let id = self.lw.reserve(Job::Lit {
            pkg: self.pkg,
            func: f,
            env: self.env.clone(),
            caps: caps.clone(),
            name: format!("{}{sep}{}", self.name, self.lit_count),
            nested: true,
        });
        self.make_closure(id, &caps, dst);
    }

    /// A function value for code `id` with its captured variables.
    pub fn make_closure(&mut self, id: FuncId, caps: &[Capture], dst: u16) {
        let size = |fb: &Self, c: &Capture| {
            if c.by_ref { 1 } else { slots(fb.obj_ty(c.obj)) }
        };
        let words: usize = caps.iter().map(|c| size(self, c)).sum();
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
            match self.vars.get(&c.obj) {
                Some(Var::Box { ptr, .. }) if c.by_ref => {
                    let ptr = *ptr;
                    self.emit(Op::St64, ptr, clo, at);
                    at += 8;
                }
                _ => {
                    let p = self.var_place(c.obj);
                    let s = self.place_value(p, t);
                    for i in 0..slots(t) as u16 {
                        self.emit(Op::St64, s + i, clo, at);
                        at += 8;
                    }
                }
            }
        }
        self.emit(Op::Mov, dst, clo, 0);
        self.release(mark);
    }

    /// Variables of this function that the code below `root` refers to, and those in `more`.
    pub fn captures_of(&self, root: Node, more: &[Obj]) -> Vec<Capture> {
        let mut seen = HashSet::default();
        let mut objs: Vec<Obj> = more.to_vec();
        seen.extend(more.iter().map(|o| o.id));
        // The symbolic variables of type switches have no defining identifier of their own
        // but are ordinary objects in `uses`.
        super::flow::idents(self.ast(), root, &mut |id| {
            if let Some(o) = self.p.info.uses[id.index()]
                && self.vars.contains_key(&o)
                && seen.insert(o.id)
            {
                objs.push(o);
            }
        });
        objs.into_iter()
            .map(|obj| Capture {
                obj,
                by_ref: matches!(self.vars.get(&obj), Some(Var::Box { .. })),
            })
            .collect()
    }

    /// `x.m` as a value: a closure over the evaluated receiver.
    pub fn method_value(&mut self, e: ExprId, x: ExprId, sel: ast::IdentId, dst: u16) {
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
            targs: self.instance_args(sel),
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
        let wants_ptr = has_pointer_receiver(obj);
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

    /// Type arguments of the method that a selector expression names.
    pub fn selector_args(&self, f: ExprId) -> Vec<Ty> {
        match self.kind(f) {
            ExprKind::Selector { sel, .. } => self.instance_args(*sel),
            _ => Vec::new(),
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

    /// Function number of a declared method for receiver type `t` (value or pointer), with
    /// the type arguments `own` if the method has type parameters itself.
    pub fn method_func(&mut self, obj: Obj, t: Ty, own: &[Ty]) -> FuncId {
        let (base, _) = crate::types::predicates::deref(t);
        let mut targs = named_args(base);
        targs.extend_from_slice(own);
        self.lw.func_for(obj, &targs)
    }
}

pub(crate) fn has_pointer_receiver(method: Obj) -> bool {
    matches!(&method.kind, ObjKind::Func { ptr_recv, .. } if ptr_recv.get())
}
