//! Bodies: prologue, epilogue and results of a function, package initialisation, the entry.

use super::Job;
use super::func::{Fb, Var};
use super::rangefunc::Exit;
use crate::base::intern::Name;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::slots;
use crate::syntax::ast;
use crate::types::ty::{Obj, Ty};

impl Fb<'_> {
    /// Body of a declared function or literal. Returns (result slots, parameter slots).
    pub fn function(&mut self, f: ast::FuncId) -> (usize, usize) {
        let func = self.ast().func(f);
        self.at(func.span.lo);
        let params = self.p.info.func_params[f.index()].clone();
        let results = self.p.info.func_results[f.index()].clone();
        let body = func.body.as_ref().expect("function with body");
        let has_defer = super::flow::has_defer(self.ast(), body);
        let loops = self.func_loops(&body.stmts);
        let mut nres = 0;
        for r in &results {
            let t = self.obj_ty(*r);
            let s = self.alloc_result(t);
            nres += slots(t);
            self.results.push((t, s));
        }
        let mut nparams = 0;
        let mut incoming = Vec::new();
        for o in &params {
            let t = self.obj_ty(*o);
            let s = self.alloc_result(t);
            nparams += slots(t);
            incoming.push((*o, t, s));
        }
        if self.mark() == 0 {
            self.alloc(1);
        }
        let named = !func.sig.results.is_empty() && func.sig.results[0].name.is_some();
        for (i, r) in results.iter().enumerate() {
            let (t, s) = self.results[i];
            if named {
                if loops.returns {
                    self.declare_box(*r);
                } else if self.is_boxed(*r, t) {
                    self.declare(*r, true);
                } else {
                    self.set_var(*r, Var::Slot(s));
                }
            } else if loops.returns {
                // Bodies of loops over functions leave the results here.
                self.declare_box(*r);
            }
            if named || has_defer {
                self.zero(s, t);
            }
        }
        if named || loops.returns {
            self.result_objs = results;
        }
        for (o, t, s) in incoming {
            self.parameter(o, t, s);
        }
        self.load_captures();
        if has_defer {
            let d = self.alloc(1);
            self.emit(Op::Zero, d, 0, 0);
            self.defer_slot = Some(d);
            self.epilogue = Some(self.label());
            if loops.defers {
                let list = self.synthetic_ptr("defers");
                self.declare_box(list);
                self.defers = Some(list);
            }
        }
        self.collect_gotos(&body.stmts);
        self.stmts(&body.stmts);
        self.at(body.span.hi.saturating_sub(1));
        self.return_jump();
        if let Some(l) = self.epilogue {
            self.bind(l);
            let d = self.defer_slot.expect("defer slot");
            let mark = self.mark();
            let done = self.label();
            let clo = self.alloc(1);
            let base = self.call_base();
            self.load_defers(d);
            self.branch_op(Op::DeferPop, d, clo, done);
            self.store_defers(d);
            self.emit(Op::CallDefer, base, clo, 0);
            self.jump(l);
            self.bind(done);
            self.release(mark);
            self.copy_results();
            self.emit(Op::DeferEnd, 0, 0, 0);
        }
        (nres, nparams)
    }

    /// Makes parameter `o` with its value in slot `s` a variable.
    pub fn parameter(&mut self, o: Obj, t: Ty, s: u16) {
        if self.is_boxed(o, t) && !o.name.is_blank() && o.name != Name::EMPTY {
            let ptr = self.declare_box(o);
            self.store_mem(ptr, 0, s, t);
        } else {
            self.set_var(o, Var::Slot(s));
        }
    }

    /// Makes variables of what the closure has captured.
    pub fn load_captures(&mut self) {
        let caps = self.caps.clone();
        let mut word = 0;
        for c in &caps {
            let t = self.obj_ty(c.obj);
            if c.by_ref {
                let ptr = self.alloc(1);
                self.emit(Op::LdCap, ptr, word, 0);
                word += 1;
                let hdr = self.header_slots(t);
                if let Some(h) = hdr {
                    self.array_header(h, ptr, t);
                }
                self.set_var(c.obj, Var::Box { ptr, hdr });
            } else {
                let s = self.alloc_ty(t);
                for i in 0..slots(t) as u16 {
                    self.emit(Op::LdCap, s + i, word, 0);
                    word += 1;
                }
                self.set_var(c.obj, Var::Slot(s));
            }
        }
    }

    /// Copies heap-allocated named results into their slots.
    pub fn copy_results(&mut self) {
        for (i, o) in self.result_objs.clone().into_iter().enumerate() {
            let (t, s) = self.results[i];
            if let Some(Var::Box { ptr, .. }) = self.vars.get(&o).copied() {
                self.load_mem(s, ptr, 0, t);
            }
        }
    }

    /// What stands at a `return` after the results are in place.
    pub fn return_jump(&mut self) {
        if self.body.is_some() {
            return self.leave_body(Exit::Return);
        }
        match self.epilogue {
            Some(l) => self.jump(l),
            None => {
                self.copy_results();
                self.emit(Op::Ret, 0, 0, 0);
            }
        }
    }

    /// A bodyless function used as a value or method-table entry.
    pub fn native_body(&mut self, obj: Obj, f: ast::FuncId) -> (usize, usize) {
        let mut n = [0, 0];
        for o in &self.p.info.func_results[f.index()] {
            n[0] += slots(self.obj_ty(*o));
        }
        for o in &self.p.info.func_params[f.index()] {
            n[1] += slots(self.obj_ty(*o));
        }
        self.alloc(n[0] + n[1]);
        match self.lw.native_of(obj) {
            Some(i) => self.emit32(Op::CallN, 0, i),
            None => self.emit(
                Op::Fault,
                crate::vm::fault::Code::MissingNative as u16,
                0,
                0,
            ),
        }
        self.emit(Op::Ret, 0, 0, 0);
        (n[0], n[1])
    }

    pub fn entry_body(&mut self) {
        let base = self.call_base();
        for pkg in 0..self.lw.pkgs.len() {
            let info = &self.lw.pkgs[pkg].info;
            if info.init_order.is_empty() && info.inits.is_empty() {
                continue;
            }
            let id = self.lw.reserve(Job::Init { pkg });
            self.emit32(Op::Call, base, id);
        }
        if let Some(main) = self.lw.find("main", "main") {
            let id = self.lw.func_for(main, &[]);
            self.emit32(Op::Call, base, id);
        }
        self.emit(Op::Ret, 0, 0, 0);
    }

    pub fn package_init(&mut self) {
        for step in &self.p.info.init_order {
            let mark = self.mark();
            self.at(self.ast().expr(step.rhs).span.lo);
            self.init_globals(&step.lhs, step.rhs);
            self.release(mark);
        }
        let base = self.call_base();
        let pkg = self.pkg;
        for (i, f) in self.p.info.inits.iter().enumerate() {
            let name = format!("{}.init.{i}", self.p.info.pkg.path);
            let id = self.lw.reserve(Job::Lit {
                pkg,
                func: *f,
                env: Vec::new().into(),
                caps: Vec::new(),
                name,
                nested: false,
            });
            self.emit32(Op::Call, base, id);
        }
        self.emit(Op::Ret, 0, 0, 0);
    }
}
