//! Loops over functions.
//!
//! The body becomes a function of its own, the `yield` the iterator calls. It shares the
//! variables it uses with the function around it, as a function literal does. One more
//! shared variable, the loop's *state*, tells what may happen next and, once the body was
//! left for good, where to: a `return`, or a jump to a label outside, is a number there,
//! and the code after the iterator's call acts on it. Loops nest: that code may itself
//! stand in a body and leave it in the same way.
//!
//! Results of a function with a `return` inside such a body live on the heap, and so does
//! its list of deferred calls if a body defers.

use std::rc::Rc;

use super::Job;
use super::flow::{self, Node};
use super::func::{Fb, Target, Var};
use super::range::Bind;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::slots;
use crate::syntax::ast::{BranchKind, ExprId, StmtId, StmtKind};
use crate::types::predicates::core_type;
use crate::types::ty::{Basic, Obj, ObjKind, Object, Ty, Type, VarInfo, fresh_id};
use crate::types::universe::basic;
use crate::vm::fault::Code;

/// The states of a loop. Numbers from `LEFT` on: left by exit number `state - LEFT`.
const READY: i64 = 0;
/// The body runs, or it has panicked.
const RUNNING: i64 = 1;
/// The iterator has returned.
const EXHAUSTED: i64 = 2;
/// The body has returned false.
const DONE: i64 = 3;
const LEFT: i64 = 4;

/// A way out of a body other than to its own loop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Return,
    Branch(BranchKind, Name),
}

/// What the body of a loop must know of the function around it.
#[derive(Clone)]
pub(crate) struct BodyOf {
    state: Obj,
    label: Option<Name>,
    exits: Rc<[Exit]>,
    results: Rc<[(Ty, Obj)]>,
    defers: Option<Obj>,
}

/// What bodies of loops over functions do to the function around them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Loops {
    pub returns: bool,
    pub defers: bool,
}

impl Fb<'_> {
    /// Looks for loops over functions in a function's body.
    pub fn func_loops(&self, body: &[StmtId]) -> Loops {
        let mut out = Loops::default();
        flow::walk(self.ast(), roots(body), &mut |n| match n {
            Node::Stmt(s) => {
                if let StmtKind::Range { x, body, .. } = &self.ast().stmt(s).kind
                    && matches!(
                        core_type(self.ty(*x)).map(|t| t.0),
                        Some(Type::Signature(_))
                    )
                {
                    let l = self.leaves(&body.stmts);
                    out.returns |= l.returns;
                    out.defers |= l.defers;
                    return false;
                }
                true
            }
            Node::Expr(_) | Node::Func(_) => false,
        });
        out
    }

    /// Whether statements (not literals inside) return or defer.
    fn leaves(&self, body: &[StmtId]) -> Loops {
        let mut out = Loops::default();
        flow::walk(self.ast(), roots(body), &mut |n| {
            if let Node::Stmt(s) = n {
                let kind = &self.ast().stmt(s).kind;
                out.returns |= matches!(kind, StmtKind::Return(_));
                out.defers |= matches!(kind, StmtKind::Defer(_));
            }
            matches!(n, Node::Stmt(_))
        });
        out
    }

    /// The ways out of a body, each once.
    fn exits(&self, body: &[StmtId], own: Option<Name>) -> Vec<Exit> {
        let mut inner = Vec::new();
        flow::labels(self.ast(), body, &mut inner);
        let mut out = Vec::new();
        flow::walk(self.ast(), roots(body), &mut |n| {
            let Node::Stmt(s) = n else { return false };
            let exit = match &self.ast().stmt(s).kind {
                StmtKind::Return(_) => Some(Exit::Return),
                StmtKind::Branch {
                    kind,
                    label: Some(l),
                } => {
                    let l = self.ast().name(*l);
                    let here = inner.contains(&l) || (*kind != BranchKind::Goto && own == Some(l));
                    (!here).then_some(Exit::Branch(*kind, l))
                }
                _ => None,
            };
            if let Some(e) = exit
                && !out.contains(&e)
            {
                out.push(e);
            }
            true
        });
        out
    }

    fn synthetic(&self, name: &str, t: Ty) -> Obj {
        Obj::new(Object {
            name: Name::new(name),
            span: Span::NONE,
            pkg: None,
            ty: std::cell::Cell::new(Some(t)),
            kind: ObjKind::Var(VarInfo::default()),
            id: fresh_id(),
            global: std::cell::Cell::new(false),
        })
    }
    /// A pointer-sized variable that no program can name.
    pub fn synthetic_ptr(&self, name: &str) -> Obj {
        self.synthetic(name, Ty::new(Type::Pointer(basic(Basic::Int))))
    }

    fn box_of(&self, o: Obj) -> Option<u16> {
        match self.vars.get(&o) {
            Some(Var::Box { ptr, .. }) => Some(*ptr),
            _ => None,
        }
    }

    // ----- deferred calls -----

    /// Adds a closure to the calls deferred to the end of the function.
    pub fn push_defer(&mut self, clo: u16) {
        match self.defer_slot {
            Some(d) => {
                self.load_defers(d);
                self.emit(Op::Defer, d, clo, 0);
                self.store_defers(d);
            }
            None => {
                let d = self.alloc(1);
                self.load_defers(d);
                self.emit(Op::Defer, d, clo, 0);
                self.store_defers(d);
            }
        }
    }
    /// Brings the list of deferred calls into a slot if it lives on the heap.
    pub fn load_defers(&mut self, d: u16) {
        if let Some(p) = self.defers.and_then(|o| self.box_of(o)) {
            self.emit(Op::Ld64, d, p, 0);
        }
    }
    pub fn store_defers(&mut self, d: u16) {
        if let Some(p) = self.defers.and_then(|o| self.box_of(o)) {
            self.emit(Op::St64, d, p, 0);
        }
    }

    // ----- the loop -----

    /// `for … range x` with a function `x`.
    pub fn range_func(&mut self, id: StmtId, x: ExprId, label: Option<Name>) {
        let StmtKind::Range { body, .. } = &self.ast().stmt(id).kind else {
            return;
        };
        let pos = self.pos;
        let iter = self.alloc(1);
        self.expr_to(x, iter);
        let state = self.synthetic("state", basic(Basic::Int));
        let cell = self.declare_box(state);
        let exits: Rc<[Exit]> = self.exits(&body.stmts, label).into();
        let leaves = self.leaves(&body.stmts);
        let mut shared = vec![state];
        let mut results = Vec::new();
        if leaves.returns {
            shared.extend(self.result_objs.iter().copied());
            results = self
                .results
                .iter()
                .zip(&self.result_objs)
                .map(|(r, o)| (r.0, *o))
                .collect();
        }
        let defers = self.defers.filter(|_| leaves.defers);
        shared.extend(defers);
        let caps = self.captures_of(Node::Stmt(id), &shared);
        self.range_count += 1;
        let job = Job::RangeBody {
            pkg: self.pkg,
            stmt: id,
            env: self.env.clone(),
            caps: caps.clone(),
            name: format!("{}-range{}", self.name, self.range_count),
            of: BodyOf {
                state,
                label,
                exits: exits.clone(),
                results: results.into(),
                defers,
            },
        };
        let func = self.lw.reserve(job);
        let clo = self.alloc(1);
        self.make_closure(func, &caps, clo);
        let mark = self.mark();
        let base = self.call_base();
        self.alloc(1);
        self.emit(Op::Mov, base, clo, 0);
        self.at(pos);
        self.emit(Op::CallC, base, iter, 0);
        self.release(mark);
        let now = self.alloc(1);
        self.emit(Op::Ld64, now, cell, 0);
        let fine = self.label();
        self.branch_op(Op::JneI, now, RUNNING as u16, fine);
        self.emit(Op::Fault, Code::RangeSwallowed as u16, 0, 0);
        self.bind(fine);
        self.set_state(cell, EXHAUSTED);
        for (i, e) in exits.iter().enumerate() {
            let next = self.label();
            self.branch_op(Op::JneI, now, (LEFT + i as i64) as u16, next);
            match *e {
                Exit::Return => self.return_jump(),
                Exit::Branch(kind, label) => self.branch_stmt(kind, Some(label)),
            }
            self.bind(next);
        }
    }

    fn set_state(&mut self, cell: u16, to: i64) {
        let v = self.alloc(1);
        self.load_int(v, to);
        self.emit(Op::St64, v, cell, 0);
    }

    /// Code of a loop's body. Returns (result slots, parameter slots).
    pub fn range_body(&mut self, id: StmtId, of: &BodyOf) -> (usize, usize) {
        let s = self.ast().stmt(id);
        let StmtKind::Range { x, body, .. } = &s.kind else {
            return (1, 0);
        };
        self.at(s.span.lo);
        let params = self.yield_params(*x);
        self.alloc(1);
        let mut values = Vec::new();
        for t in &params {
            values.push((self.alloc_result(*t), *t));
        }
        let shape = (1, params.iter().map(|t| slots(*t)).sum());
        self.load_captures();
        self.body = Some(of.clone());
        self.defers = of.defers;
        self.results = of.results.iter().map(|r| (r.0, 0)).collect();
        self.result_objs = of.results.iter().map(|r| r.1).collect();
        let Some(cell) = self.box_of(of.state) else {
            return shape;
        };
        let now = self.alloc(1);
        let late = self.label();
        self.emit(Op::Ld64, now, cell, 0);
        self.branch_op(Op::JneI, now, READY as u16, late);
        self.set_state(cell, RUNNING);
        let (key, value) = self.range_binds(id);
        for (b, (s, t)) in [key, value].into_iter().zip(values.iter().copied()) {
            match b {
                Bind::New(o) => self.parameter(o, t, s),
                _ => self.set(b, s, t),
            }
        }
        self.collect_gotos(&body.stmts);
        let (brk, cont) = (self.label(), self.label());
        self.targets.push(Target {
            label: of.label,
            brk,
            cont: Some(cont),
            block_only: false,
        });
        self.block(&body.stmts);
        self.targets.pop();
        self.at(body.span.hi.saturating_sub(1));
        self.bind(cont);
        self.set_state(cell, READY);
        self.yield_result(1);
        self.bind(brk);
        self.set_state(cell, DONE);
        self.yield_result(0);
        self.at(s.span.lo);
        self.bind(late);
        for (state, code) in [
            (RUNNING, Code::RangePanicked),
            (EXHAUSTED, Code::RangeExhausted),
        ] {
            let next = self.label();
            self.branch_op(Op::JneI, now, state as u16, next);
            self.emit(Op::Fault, code as u16, 0, 0);
            self.bind(next);
        }
        self.emit(Op::Fault, Code::RangeDone as u16, 0, 0);
        self.emit(Op::Ret, 0, 0, 0);
        shape
    }

    fn yield_params(&self, x: ExprId) -> Vec<Ty> {
        if let Some(Type::Signature(s)) = core_type(self.ty(x)).map(|t| t.0)
            && let Some(p) = s.params.first()
            && let Some(Type::Signature(y)) = core_type(p.ty).map(|t| t.0)
        {
            return y.params.iter().map(|p| p.ty).collect();
        }
        Vec::new()
    }

    fn yield_result(&mut self, v: i64) {
        let r = self.alloc(1);
        self.load_int(r, v);
        self.emit(Op::Ret1, r, 0, 0);
    }

    /// Leaves the body, and the loop, for a place outside.
    pub fn leave_body(&mut self, exit: Exit) {
        let Some(of) = &self.body else { return };
        let code = of.exits.iter().position(|e| *e == exit);
        let state = of.state;
        if let (Some(i), Some(cell)) = (code, self.box_of(state)) {
            self.set_state(cell, LEFT + i as i64);
            self.yield_result(0);
        }
    }
}

fn roots(body: &[StmtId]) -> Vec<Node> {
    body.iter().map(|s| Node::Stmt(*s)).collect()
}
