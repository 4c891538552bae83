//! `for … range`.

use super::expr::{Class, class};
use super::func::{Fb, Label, Target, Var};
use super::place::Place;
use crate::base::intern::Name;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{is_huge, size_align};
use crate::syntax::ast::{ExprId, ExprKind, StmtId, StmtKind};
use crate::types::predicates::{core_type, default_type, is_untyped, underlying};
use crate::types::ty::{Basic, Obj, Ty, Type};
use crate::types::universe::basic;

/// Where an iteration variable's value goes.
#[derive(Clone, Copy)]
pub(crate) enum Bind {
    None,
    New(Obj),
    Assign(ExprId),
}

impl Fb<'_> {
    pub fn range_stmt(&mut self, id: StmtId, label: Option<Name>) {
        let StmtKind::Range { x, body, .. } = &self.ast().stmt(id).kind else {
            return;
        };
        let (k, v) = self.range_binds(id);
        self.order(&[*x]);
        let xt = self.ty(*x);
        let xt = if is_untyped(xt) { default_type(xt) } else { xt };
        if let Some(Type::Signature(_)) = core_type(xt).map(|u| u.0) {
            return self.range_func(id, *x, label);
        }
        let (cont, end) = (self.label(), self.label());
        self.targets.push(Target {
            label,
            brk: end,
            cont: Some(cont),
            block_only: false,
        });
        match core_type(xt).map(|u| u.0) {
            Some(Type::Basic(..)) if class(xt) == Class::Str => {
                self.range_string(*x, k, v, &body.stmts, cont, end)
            }
            Some(Type::Basic(..)) => self.range_int(*x, xt, k, &body.stmts, cont, end),
            Some(Type::Slice(_) | Type::Array(..) | Type::Pointer(_)) => {
                self.range_list(*x, xt, k, v, &body.stmts, cont, end);
            }
            Some(Type::Map(kt, vt)) => {
                self.range_map(*x, xt, (*kt, *vt), k, v, &body.stmts, cont, end)
            }
            Some(Type::Chan(_, elem)) => self.range_chan(*x, xt, *elem, k, &body.stmts, cont, end),
            _ => {}
        }
        self.targets.pop();
        self.bind(end);
    }

    /// Where the iteration values of a loop go.
    pub fn range_binds(&self, id: StmtId) -> (Bind, Bind) {
        let StmtKind::Range {
            key, value, define, ..
        } = &self.ast().stmt(id).kind
        else {
            return (Bind::None, Bind::None);
        };
        let bind = |e: &Option<ExprId>| match e {
            None => Bind::None,
            Some(e) if self.is_blank(*e) => Bind::None,
            Some(e) if *define => match self.kind(*e) {
                ExprKind::Ident(id) => self.p.info.defs[id.index()].map_or(Bind::None, Bind::New),
                _ => Bind::None,
            },
            Some(e) => Bind::Assign(*e),
        };
        (bind(key), bind(value))
    }

    /// Gives both iteration variables their values. Existing variables get them in one
    /// assignment `k, v = …`, whose operands are evaluated first.
    fn set_each(&mut self, k: Bind, v: Bind, values: &[(u16, Ty); 2]) {
        if let (Bind::Assign(a), Bind::Assign(b)) = (k, v) {
            let mark = self.mark();
            let places = [self.stable_place(a), self.stable_place(b)];
            for ((p, e), (s, t)) in places.into_iter().zip([a, b]).zip(values) {
                let lt = self.ty(e);
                let v = self.assign_conv(*s, *t, lt);
                self.store(p, v, lt);
            }
            self.release(mark);
            return;
        }
        self.set(k, values[0].0, values[0].1);
        self.set(v, values[1].0, values[1].1);
    }

    /// Gives an iteration variable its value at the top of an iteration.
    pub fn set(&mut self, b: Bind, src: u16, t: Ty) {
        match b {
            Bind::None => {}
            Bind::New(o) => {
                let v = self.assign_conv(src, t, self.obj_ty(o));
                self.declare_init(o, v);
            }
            Bind::Assign(e) => {
                let lt = self.ty(e);
                let mark = self.mark();
                let v = self.assign_conv(src, t, lt);
                let p = self.place(e);
                self.store(p, v, lt);
                self.release(mark);
            }
        }
    }

    /// A counter can be the key variable itself when nothing but the loop changes it.
    fn counter_is_key(&self, k: Bind, t: Ty) -> Option<Obj> {
        let Bind::New(o) = k else { return None };
        let v = o.var_info()?;
        let plain = !v.address_taken.get() && !v.reassigned.get() && !v.captured.get();
        (plain && crate::types::predicates::identical(self.obj_ty(o), t)).then_some(o)
    }

    fn range_int(&mut self, x: ExprId, xt: Ty, k: Bind, body: &[StmtId], cont: Label, end: Label) {
        let t = match k {
            Bind::New(o) => self.obj_ty(o),
            _ => xt,
        };
        let n = self.alloc(1);
        self.expr_as_to(x, t, n);
        let i = self.alloc(1);
        self.emit(Op::Zero, i, 0, 0);
        let signed = matches!(class(t), Class::Int { signed: true, .. });
        if signed {
            self.branch_op(Op::Jge, i, n, end);
        } else {
            self.branch_op(Op::JgeU, i, n, end);
        }
        let top = self.label();
        self.bind(top);
        let mark = self.mark();
        match self.counter_is_key(k, t) {
            Some(o) => {
                self.set_var(o, Var::Slot(i));
            }
            None => self.set(k, i, t),
        }
        self.stmts(body);
        self.release(mark);
        self.bind(cont);
        self.emit(Op::AddI, i, i, 1);
        self.branch_op(if signed { Op::Jlt } else { Op::JltU }, i, n, top);
    }

    #[allow(clippy::too_many_arguments)]
    fn range_list(
        &mut self,
        x: ExprId,
        xt: Ty,
        k: Bind,
        v: Bind,
        body: &[StmtId],
        cont: Label,
        end: Label,
    ) {
        let int = basic(Basic::Int);
        let hdr = self.alloc(2);
        let elem;
        match core_type(xt).map(|u| u.0) {
            Some(Type::Slice(e)) => {
                elem = *e;
                self.expr_to(x, hdr);
            }
            Some(Type::Array(e, _)) => {
                elem = *e;
                if matches!(v, Bind::None) {
                    // Only the length counts.
                    let Type::Array(_, n) = &*core_type(xt).expect("array") else {
                        return;
                    };
                    let n = *n;
                    self.load_int(hdr, 0);
                    self.emit(Op::LdK, hdr + 1, 0, 0);
                    self.ext(n as u64 | (n as u64) << 32);
                } else {
                    // The array is copied: the loop sees the values of its start.
                    let p = match self.big_object(x) {
                        Some(p) => p,
                        None => {
                            let val = self.alloc_ty(xt);
                            self.expr_to(x, val);
                            let p = self.alloc(1);
                            self.new_object(p, xt);
                            self.store_mem(p, 0, val, xt);
                            p
                        }
                    };
                    self.array_header(hdr, p, xt);
                }
            }
            Some(Type::Pointer(a)) => {
                let Type::Array(e, n) = &*underlying(*a) else {
                    return;
                };
                elem = *e;
                let p = self.expr(x);
                if matches!(v, Bind::None) {
                    self.load_int(hdr, 0);
                    self.emit(Op::LdK, hdr + 1, 0, 0);
                    self.ext(*n as u64 | (*n as u64) << 32);
                } else {
                    self.array_header(hdr, p, *a);
                }
            }
            _ => return,
        }
        let n = self.alloc(1);
        self.emit(Op::SlLen, n, hdr, 0);
        let i = self.alloc(1);
        self.emit(Op::Zero, i, 0, 0);
        self.branch_op(Op::JleI, n, 0, end);
        let top = self.label();
        self.bind(top);
        let mark = self.mark();
        let both = matches!((k, v), (Bind::Assign(_), Bind::Assign(_)));
        match self.counter_is_key(k, int) {
            Some(o) => {
                self.set_var(o, Var::Slot(i));
            }
            None if both => {}
            None => self.set(k, i, int),
        }
        if !matches!(v, Bind::None) {
            let val = self.alloc_ty(elem);
            self.load(val, Place::Index { slice: hdr, idx: i }, elem);
            match v {
                Bind::New(o) if self.var_is_plain(o, elem) => {
                    self.set_var(o, Var::Slot(val));
                }
                _ if both => self.set_each(k, v, &[(i, int), (val, elem)]),
                _ => self.set(v, val, elem),
            }
        }
        self.stmts(body);
        self.release(mark);
        self.bind(cont);
        self.emit(Op::AddI, i, i, 1);
        self.branch_op(Op::Jlt, i, n, top);
    }

    /// A fresh temporary of the right type can be the variable.
    fn var_is_plain(&self, o: Obj, t: Ty) -> bool {
        o.var_info().is_some()
            && !self.is_boxed(o, t)
            && crate::types::predicates::identical(self.obj_ty(o), t)
    }

    fn range_string(
        &mut self,
        x: ExprId,
        k: Bind,
        v: Bind,
        body: &[StmtId],
        cont: Label,
        end: Label,
    ) {
        let s = self.alloc(2);
        self.expr_to(x, s);
        // index, rune, next index
        let it = self.alloc(3);
        self.emit(Op::Zero, it, 0, 0);
        let top = self.label();
        self.bind(top);
        self.branch_op(Op::StrNext, it, s, end);
        let mark = self.mark();
        self.set_each(
            k,
            v,
            &[(it, basic(Basic::Int)), (it + 1, basic(Basic::Int32))],
        );
        self.stmts(body);
        self.release(mark);
        self.bind(cont);
        self.emit(Op::Mov, it, it + 2, 0);
        self.jump(top);
    }

    #[allow(clippy::too_many_arguments)]
    fn range_map(
        &mut self,
        x: ExprId,
        xt: Ty,
        (kt, vt): (Ty, Ty),
        k: Bind,
        v: Bind,
        body: &[StmtId],
        cont: Label,
        end: Label,
    ) {
        let d = self.lw.map_type(super::builtin::map_core(xt));
        let m = self.expr(x);
        let it = self.alloc(1);
        self.emit(Op::MapIter, it, m, 0);
        self.ext_of(d);
        let ks = if matches!(k, Bind::None) {
            0xffff
        } else {
            self.alloc_ty(kt)
        };
        let vs = if matches!(v, Bind::None) {
            0xffff
        } else {
            self.alloc_ty(vt)
        };
        self.bind(cont);
        // Huge ones go to fresh objects.
        for (s, t) in [(ks, kt), (vs, vt)] {
            if s != 0xffff && is_huge(t) {
                self.new_object(s, t);
            }
        }
        let at = self.here();
        self.emit(Op::MapNext, it, ks, vs);
        self.ext_of(d);
        self.ext_label(at, end);
        let mark = self.mark();
        self.set_each(k, v, &[(ks, kt), (vs, vt)]);
        self.stmts(body);
        self.release(mark);
        self.jump(cont);
    }

    #[allow(clippy::too_many_arguments)]
    fn range_chan(
        &mut self,
        x: ExprId,
        xt: Ty,
        elem: Ty,
        k: Bind,
        body: &[StmtId],
        cont: Label,
        end: Label,
    ) {
        let c = self.alloc(1);
        self.expr_to(x, c);
        let val = self.alloc_ty(elem);
        let ok = self.alloc(1);
        let pos = self.pos;
        self.bind(cont);
        self.at(pos);
        self.receive(val, c, xt, Some(ok));
        self.jump_if(Op::Jf, ok, end);
        let mark = self.mark();
        let _ = size_align(elem);
        self.set(k, val, elem);
        self.stmts(body);
        self.release(mark);
        self.jump(cont);
    }
}
