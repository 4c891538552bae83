//! Statements.

use super::expr::{Class, chan_elem, class};
use super::func::{Fb, Label, Target, Var};
use super::place::Place;
use super::rangefunc::Exit;
use crate::base::intern::Name;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::{is_huge, size_align, slots};
use crate::syntax::ast::{
    BranchKind, CaseClause, CommClause, Decl, ExprId, ExprKind, StmtId, StmtKind, UnOp,
};
use crate::types::info::Mode;
use crate::types::predicates::{default_type, is_untyped, underlying};
use crate::types::ty::{Obj, Ty, Type};

impl Fb<'_> {
    pub fn stmts(&mut self, list: &[StmtId]) {
        for s in list {
            self.stmt(*s);
        }
    }

    /// A block: its variables' slots are given back at its end.
    pub fn block(&mut self, list: &[StmtId]) {
        let mark = self.mark();
        self.stmts(list);
        self.release(mark);
    }

    pub fn stmt(&mut self, id: StmtId) {
        let s = self.ast().stmt(id);
        self.at(s.span.lo);
        let declares = matches!(
            s.kind,
            StmtKind::Define { .. } | StmtKind::Decl(_) | StmtKind::Labeled { .. }
        );
        let mark = self.mark();
        let label = self.pending_label.take();
        match &s.kind {
            StmtKind::Bad | StmtKind::Empty => {}
            StmtKind::Expr(e) => self.expr_stmt(*e),
            StmtKind::Send { chan, value, arrow } => {
                let ct = self.ty(*chan);
                self.order_as([(*chan, ct), (*value, chan_elem(ct))].into_iter());
                let c = self.expr(*chan);
                let v = self.expr_as(*value, chan_elem(ct));
                self.too_big |= is_huge(chan_elem(ct));
                let _ = arrow;
                self.emit(Op::Send, c, v, 0);
            }
            StmtKind::IncDec { x, inc } => self.inc_dec(*x, *inc),
            StmtKind::Assign {
                lhs, rhs, op: None, ..
            } => self.assign(lhs, rhs),
            StmtKind::Assign {
                lhs,
                rhs,
                op: Some(op),
                ..
            } => self.op_assign(lhs[0], *op, rhs[0], s.span.lo),
            StmtKind::Define { lhs, rhs, .. } => self.define(lhs, rhs),
            StmtKind::Go(e) => self.go_stmt(*e),
            StmtKind::Defer(e) => self.defer_stmt(*e),
            StmtKind::Return(values) => self.return_stmt(values),
            StmtKind::Branch { kind, label } => {
                self.branch_stmt(*kind, label.map(|l| self.ast().name(l)))
            }
            StmtKind::Block(b) => match label {
                Some(l) => {
                    let brk = self.label();
                    self.targets.push(Target {
                        label: Some(l),
                        brk,
                        cont: None,
                        block_only: true,
                    });
                    self.block(&b.stmts);
                    self.targets.pop();
                    self.bind(brk);
                }
                None => self.block(&b.stmts),
            },
            StmtKind::If {
                init,
                cond,
                then,
                els,
            } => {
                if let Some(i) = init {
                    self.stmt(*i);
                }
                let no = self.label();
                self.at(self.ast().expr(*cond).span.lo);
                self.branch(*cond, no, false);
                self.block(&then.stmts);
                match els {
                    Some(e) => {
                        let end = self.label();
                        self.jump(end);
                        self.bind(no);
                        self.stmt(*e);
                        self.bind(end);
                    }
                    None => self.bind(no),
                }
            }
            StmtKind::Switch {
                init, tag, cases, ..
            } => {
                if let Some(i) = init {
                    self.stmt(*i);
                }
                self.switch(*tag, cases, label);
            }
            StmtKind::TypeSwitch { init, x, cases, .. } => {
                if let Some(i) = init {
                    self.stmt(*i);
                }
                self.type_switch(id, *x, cases, label);
            }
            StmtKind::Select { cases, .. } => self.select(cases, label),
            StmtKind::For {
                init,
                cond,
                post,
                body,
            } => {
                self.for_stmt(*init, *cond, *post, &body.stmts, label);
            }
            StmtKind::Range { .. } => self.range_stmt(id, label),
            StmtKind::Labeled { label, stmt } => {
                let name = self.ast().name(*label);
                if let Some(l) = self.gotos.get(&name).copied() {
                    self.bind(l);
                }
                self.pending_label = Some(name);
                self.stmt(*stmt);
                self.pending_label = None;
            }
            StmtKind::Decl(Decl::Var(specs)) => {
                for spec in specs {
                    self.var_spec(spec);
                }
            }
            StmtKind::Decl(_) => {}
            StmtKind::Cover(n) => self.count_block(*n),
        }
        debug_assert!(self.hoisted.is_empty(), "an operand evaluated and not used");
        if !declares {
            self.release(mark);
        }
    }

    /// Counts that the block with this number has been entered.
    fn count_block(&mut self, n: u32) {
        if let Some((table, counter)) = crate::cover::table().zip(crate::cover::counter(n)) {
            self.emit(Op::Cover, table.mode() as u16, 0, 0);
            self.ext_of(counter);
        }
    }

    fn expr_stmt(&mut self, e: ExprId) {
        let e = self.unparen(e);
        match self.kind(e) {
            ExprKind::Call { .. } if self.is_plain_call(e) => {
                self.call(e);
            }
            ExprKind::Unary { op: UnOp::Recv, x } => {
                let ct = self.ty(*x);
                let v = self.alloc_ty(chan_elem(ct));
                self.order(&[*x]);
                let c = self.expr(*x);
                self.receive(v, c, ct, None);
            }
            _ => {
                let t = self.ty(e);
                let dst = self.alloc(slots(t).max(2));
                self.call_to(e, dst);
            }
        }
    }

    fn return_stmt(&mut self, values: &[ExprId]) {
        let results = self.results.clone();
        if !values.is_empty() {
            if values.len() == results.len() {
                self.order_as(values.iter().zip(&results).map(|(e, r)| (*e, r.0)));
                if values.len() == 1 {
                    let (t, s) = results[0];
                    if self.result_objs.is_empty()
                        && self.epilogue.is_none()
                        && s == 0
                        && slots(t) == 1
                    {
                        let v = self.expr_as(values[0], t);
                        self.emit(Op::Ret1, v, 0, 0);
                        return;
                    }
                    let v = self.expr_as(values[0], t);
                    self.store_result(0, v, t);
                } else {
                    let mut vals = Vec::new();
                    for (e, (t, _)) in values.iter().zip(&results) {
                        let v = self.expr_as(*e, *t);
                        let v = if vals.len() + 1 < values.len() {
                            // Later operands may change a variable this slot belongs to.
                            let c = self.alloc_ty(*t);
                            self.mov(c, v, *t);
                            c
                        } else {
                            v
                        };
                        vals.push(v);
                    }
                    for (i, v) in vals.into_iter().enumerate() {
                        self.store_result(i, v, results[i].0);
                    }
                }
            } else {
                let vals = self.multi_value(values[0], results.len());
                for (i, (v, vt)) in vals.into_iter().enumerate() {
                    let t = results[i].0;
                    let v = self.assign_conv(v, vt, t);
                    self.store_result(i, v, t);
                }
            }
        }
        self.return_jump();
    }

    fn store_result(&mut self, i: usize, v: u16, t: Ty) {
        let (_, s) = self.results[i];
        match self
            .result_objs
            .get(i)
            .and_then(|o| self.vars.get(o).copied())
        {
            Some(Var::Box { ptr, .. }) => self.store_mem(ptr, 0, v, t),
            _ => self.mov(s, v, t),
        }
    }

    pub fn branch_stmt(&mut self, kind: BranchKind, label: Option<Name>) {
        match kind {
            BranchKind::Goto => {
                let Some(name) = label else { return };
                match self.gotos.get(&name).copied() {
                    Some(l) => self.jump(l),
                    None => self.leave_body(Exit::Branch(kind, name)),
                }
            }
            BranchKind::Fallthrough => {
                // Handled by `switch`: the next clause follows.
            }
            BranchKind::Break | BranchKind::Continue => {
                let cont = kind == BranchKind::Continue;
                let target = self
                    .targets
                    .iter()
                    .rev()
                    .find(|t| match label {
                        Some(_) => t.label == label,
                        None => t.unlabelled(cont),
                    })
                    .and_then(|t| if cont { t.cont } else { Some(t.brk) });
                match (target, label) {
                    (Some(l), _) => self.jump(l),
                    (None, Some(name)) => self.leave_body(Exit::Branch(kind, name)),
                    (None, None) => {}
                }
            }
        }
    }

    /// Labels of the function's body, for `goto`.
    pub fn collect_gotos(&mut self, list: &[StmtId]) {
        let mut names = Vec::new();
        super::flow::labels(self.ast(), list, &mut names);
        for n in names {
            let l = self.label();
            self.gotos.insert(n, l);
        }
    }

    // ----- loops -----

    fn for_stmt(
        &mut self,
        init: Option<StmtId>,
        cond: Option<ExprId>,
        post: Option<StmtId>,
        body: &[StmtId],
        label: Option<Name>,
    ) {
        let mut loop_vars = Vec::new();
        if let Some(i) = init {
            self.stmt(i);
            if let StmtKind::Define { lhs, .. } = &self.ast().stmt(i).kind {
                for l in lhs {
                    if let ExprKind::Ident(id) = self.kind(*l)
                        && let Some(o) = self.p.info.defs[id.index()]
                        && matches!(self.vars.get(&o), Some(Var::Box { .. }))
                        && o.var_info()
                            .is_some_and(|v| v.captured.get() || v.address_taken.get())
                    {
                        loop_vars.push(o);
                    }
                }
            }
        }
        let (top, cont, end) = (self.label(), self.label(), self.label());
        if let Some(c) = cond {
            self.at(self.ast().expr(c).span.lo);
            self.branch(c, end, false);
        }
        self.bind(top);
        self.targets.push(Target {
            label,
            brk: end,
            cont: Some(cont),
            block_only: false,
        });
        self.block(body);
        self.targets.pop();
        self.bind(cont);
        if self.per_iteration() {
            for o in loop_vars {
                self.fresh_copy(o);
            }
        }
        if let Some(p) = post {
            self.stmt(p);
        }
        match cond {
            Some(c) => {
                self.at(self.ast().expr(c).span.lo);
                self.branch(c, top, true);
            }
            None => self.jump(top),
        }
        self.bind(end);
    }

    /// Whether loop variables are per iteration (Go 1.22) in this file.
    fn per_iteration(&self) -> bool {
        let version = self
            .ast()
            .files
            .iter()
            .filter(|f| f.end >= self.pos)
            .min_by_key(|f| f.end)
            .and_then(|f| f.go_version);
        version.is_none_or(|v| v >= 22)
    }

    /// A new box for a loop variable, with the old one's value.
    fn fresh_copy(&mut self, o: Obj) {
        let t = self.obj_ty(o);
        if let Some(Var::Box { ptr, hdr }) = self.vars.get(&o).copied() {
            let mark = self.mark();
            let v = self.alloc_ty(t);
            self.load_mem(v, ptr, 0, t);
            self.new_object(ptr, t);
            self.store_mem(ptr, 0, v, t);
            if let Some(h) = hdr {
                self.array_header(h, ptr, t);
            }
            self.release(mark);
        }
    }

    // ----- switches -----

    fn switch(&mut self, tag: Option<ExprId>, cases: &[CaseClause], label: Option<Name>) {
        let end = self.label();
        let tag = tag.map(|t| {
            let ty = self.ty(t);
            let ty = if is_untyped(ty) { default_type(ty) } else { ty };
            let s = self.alloc_ty(ty);
            self.order(&[t]);
            self.expr_as_to(t, ty, s);
            (s, ty, t)
        });
        let labels: Vec<Label> = cases.iter().map(|_| self.label()).collect();
        let mut default = end;
        for (c, l) in cases.iter().zip(&labels) {
            if c.is_default {
                default = *l;
            }
            for e in &c.exprs {
                let mark = self.mark();
                self.at(self.ast().expr(*e).span.lo);
                self.order(&[*e]);
                match tag {
                    None => self.branch(*e, *l, true),
                    Some((s, ty, tag_expr)) => self.case_test(s, ty, tag_expr, *e, *l),
                }
                self.release(mark);
            }
        }
        self.jump(default);
        self.targets.push(Target {
            label,
            brk: end,
            cont: None,
            block_only: false,
        });
        for (i, (c, l)) in cases.iter().zip(&labels).enumerate() {
            self.bind(*l);
            self.block(&c.body);
            let falls = c.body.last().is_some_and(|s| {
                matches!(
                    self.ast().stmt(*s).kind,
                    StmtKind::Branch {
                        kind: BranchKind::Fallthrough,
                        ..
                    }
                )
            });
            if falls && i + 1 < labels.len() {
                self.jump(labels[i + 1]);
            } else {
                self.jump(end);
            }
        }
        self.targets.pop();
        self.bind(end);
    }

    fn case_test(&mut self, tag: u16, ty: Ty, _tag_expr: ExprId, e: ExprId, l: Label) {
        if self.p.info.types[self.unparen(e).index()].mode == Mode::Nil {
            // One word decides for every type that has nil, interfaces included.
            return self.branch_op(Op::JeqI, tag, 0, l);
        }
        let et = self.ty(e);
        let iface = |t: Ty| matches!(&*underlying(t), Type::Interface(_));
        if let (Class::Int { .. }, Some(i)) = (class(ty), self.imm16(e)) {
            return self.branch_op(Op::JeqI, tag, i as u16, l);
        }
        let (t, a, b) = if iface(et) && !iface(ty) {
            let boxed = self.assign_conv(tag, ty, et);
            (et, boxed, self.expr(e))
        } else {
            let b = self.expr_as(e, ty);
            (ty, tag, b)
        };
        match class(t) {
            Class::Int { .. } | Class::Word => self.branch_op(Op::Jeq, a, b, l),
            _ => {
                let r = self.alloc(1);
                self.compare_value(crate::syntax::ast::BinOp::Eq, t, a, b, r);
                self.jump_if(Op::Jt, r, l);
            }
        }
    }

    fn type_switch(&mut self, id: StmtId, x: ExprId, cases: &[CaseClause], label: Option<Name>) {
        let end = self.label();
        // `x` is the operand of `.(type)`.
        let x = match self.kind(self.unparen(x)) {
            ExprKind::TypeAssert { x, ty: None } => *x,
            _ => x,
        };
        let xt = self.ty(x);
        let v = self.alloc(2);
        self.order(&[x]);
        self.expr_to(x, v);
        let labels: Vec<Label> = cases.iter().map(|_| self.label()).collect();
        let mut default = end;
        for (c, l) in cases.iter().zip(&labels) {
            if c.is_default {
                default = *l;
            }
            for e in &c.exprs {
                self.at(self.ast().expr(*e).span.lo);
                if self.p.info.types[self.unparen(*e).index()].mode == Mode::Nil {
                    self.branch_op(Op::JeqI, v, 0, *l);
                    continue;
                }
                let t = self.ty(*e);
                let r = self.lw.rtti(t);
                if matches!(&*underlying(t), Type::Interface(_)) {
                    let mark = self.mark();
                    let b = self.alloc(1);
                    self.emit(Op::Impl, b, v, 0);
                    self.ext_of(r);
                    self.jump_if(Op::Jt, b, *l);
                    self.release(mark);
                } else {
                    let next = self.label();
                    self.branch_ext(Op::JTypeNe, v, 0, next, crate::bytecode::program::word(r));
                    self.jump(*l);
                    self.bind(next);
                }
            }
        }
        self.jump(default);
        self.targets.push(Target {
            label,
            brk: end,
            cont: None,
            block_only: false,
        });
        for (i, (c, l)) in cases.iter().zip(&labels).enumerate() {
            self.bind(*l);
            let mark = self.mark();
            if let Some(o) = self.p.info.implicits.get(&(id, i)).copied() {
                let t = self.obj_ty(o);
                let iface = matches!(&*underlying(t), Type::Interface(_));
                if iface {
                    self.declare_init(o, v);
                } else {
                    let s = self.alloc_ty(t);
                    self.type_assert(s, v, xt, t, None);
                    self.declare_init(o, s);
                }
            }
            self.stmts(&c.body);
            self.release(mark);
            self.jump(end);
        }
        self.targets.pop();
        self.bind(end);
    }

    // ----- select -----

    fn select(&mut self, cases: &[CommClause], label: Option<Name>) {
        struct Case {
            dir: u64,
            ch: u16,
            val: u16,
            elem: Option<Ty>,
        }
        let end = self.label();
        let mut comm = Vec::new();
        let mut has_default = false;
        for c in cases {
            let Some(s) = c.comm else {
                has_default = true;
                continue;
            };
            let st = self.ast().stmt(s);
            self.at(st.span.lo);
            match &st.kind {
                StmtKind::Send { chan, value, .. } => {
                    let ct = self.ty(*chan);
                    let ch = self.alloc(1);
                    self.order(&[*chan]);
                    self.expr_to(*chan, ch);
                    let elem = chan_elem(ct);
                    self.too_big |= is_huge(elem);
                    let val = self.alloc_ty(elem);
                    self.order(&[*value]);
                    self.expr_as_to(*value, elem, val);
                    comm.push(Case {
                        dir: 1,
                        ch,
                        val,
                        elem: None,
                    });
                }
                StmtKind::Expr(e) => {
                    let (ch, val, elem) = self.recv_operand(*e);
                    comm.push(Case {
                        dir: 0,
                        ch,
                        val,
                        elem: Some(elem),
                    });
                }
                StmtKind::Assign { rhs, .. } | StmtKind::Define { rhs, .. } => {
                    let (ch, val, elem) = self.recv_operand(rhs[0]);
                    comm.push(Case {
                        dir: 0,
                        ch,
                        val,
                        elem: Some(elem),
                    });
                }
                _ => {}
            }
        }
        let out = self.alloc(2);
        // One case alone is the plain operation, also in dumps.
        let only = comm.len() == 1 && !has_default;
        if only {
            let c = &comm[0];
            match c.elem {
                Some(e) => {
                    self.emit(Op::Recv, c.val, c.ch, out + 1);
                    self.ext(size_align(e).0 as u64);
                }
                None => self.emit(Op::Send, c.ch, c.val, 0),
            }
        } else {
            self.emit(Op::Select, out, comm.len() as u16, u16::from(has_default));
            for c in &comm {
                let bytes = c.elem.map_or(0, |e| size_align(e).0 as u64);
                self.ext(c.dir | (c.ch as u64) << 8 | (c.val as u64) << 24 | bytes << 40);
            }
        }
        self.targets.push(Target {
            label,
            brk: end,
            cont: None,
            block_only: false,
        });
        let mut i = 0usize;
        for c in cases {
            let next = self.label();
            let mark = self.mark();
            match c.comm {
                None => self.branch_op(Op::JgeI, out, 0, next),
                Some(s) => {
                    if !only {
                        self.branch_op(Op::JneI, out, i as u16, next);
                    }
                    let case = &comm[i];
                    i += 1;
                    if let Some(elem) = case.elem {
                        self.bind_received(s, case.val, elem, out + 1);
                    }
                }
            }
            self.stmts(&c.body);
            self.release(mark);
            self.jump(end);
            self.bind(next);
        }
        self.targets.pop();
        self.bind(end);
    }

    fn recv_operand(&mut self, e: ExprId) -> (u16, u16, Ty) {
        let e = self.unparen(e);
        let ExprKind::Unary { op: UnOp::Recv, x } = self.kind(e) else {
            return (0, 0, self.ty(e));
        };
        let elem = chan_elem(self.ty(*x));
        self.too_big |= is_huge(elem);
        let ch = self.alloc(1);
        self.order(&[*x]);
        self.expr_to(*x, ch);
        let val = self.alloc_ty(elem);
        self.zero(val, elem);
        (ch, val, elem)
    }

    /// `v, ok = <-c` of the chosen case.
    fn bind_received(&mut self, s: StmtId, val: u16, elem: Ty, ok: u16) {
        let bool_ty = crate::types::universe::basic(crate::types::ty::Basic::Bool);
        match &self.ast().stmt(s).kind {
            StmtKind::Define { lhs, .. } => {
                for (l, (v, t)) in lhs.iter().zip([(val, elem), (ok, bool_ty)]) {
                    let ExprKind::Ident(id) = self.kind(*l) else {
                        continue;
                    };
                    if let Some(o) = self.p.info.defs[id.index()]
                        && !o.name.is_blank()
                    {
                        let v = self.assign_conv(v, t, self.obj_ty(o));
                        self.declare_init(o, v);
                    }
                }
            }
            StmtKind::Assign { lhs, .. } => {
                for (l, (v, t)) in lhs.iter().zip([(val, elem), (ok, bool_ty)]) {
                    if self.is_blank(*l) {
                        continue;
                    }
                    let lt = self.ty(*l);
                    let v = self.assign_conv(v, t, lt);
                    self.order_places(&[*l]);
                    let p: Place = self.place(*l);
                    self.store(p, v, lt);
                }
            }
            _ => {}
        }
    }
}

impl Target {
    /// Whether an unlabelled `break` (or `continue`) refers to this statement.
    fn unlabelled(&self, cont: bool) -> bool {
        if cont {
            self.cont.is_some()
        } else {
            !self.block_only
        }
    }
}
