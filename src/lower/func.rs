//! The function builder: registers, code, labels, variables, and the compilation of
//! one job into a [`Proto`].
//!
//! Registers are frame slots handed out like a stack: locals for their block, temporaries
//! for their statement. Result slots come first, then parameters, then everything else.

use std::collections::HashMap;

use super::{Env, Job, Lowerer, apply};
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::bytecode::instr::{Op, encode, encode32, operands};
use crate::bytecode::layout::{Repr, repr, slots};
use crate::bytecode::program::{HEADER, Proto, word};
use crate::heap::rtti::FuncId;
use crate::syntax::ast::{self, ExprId, ExprKind};
use crate::types::constant::Const;
use crate::types::info::CheckedPackage;
use crate::types::predicates::underlying;
use crate::types::ty::{Obj, Ty, Type, VarInfo};

/// A jump target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label(usize);

#[derive(Clone, Copy)]
enum FixKind {
    /// 16-bit offset in c.
    Short,
    /// 32-bit offset in b and c.
    Long,
    /// Whole extension word, relative to the instruction at `base`.
    Word { base: usize },
}

/// Where a variable lives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Var {
    /// In the frame.
    Slot(u16),
    /// On the heap; the slot holds its address. Arrays also keep a slice header over
    /// themselves, so that indexing needs no more than slices do.
    Box { ptr: u16, hdr: Option<u16> },
}

/// One captured variable of a function literal.
#[derive(Clone, Copy)]
pub(crate) struct Capture {
    pub obj: Obj,
    /// The capture is the variable's address; otherwise its (never changing) value.
    pub by_ref: bool,
}

/// A statement that `break` or `continue` may leave.
pub(crate) struct Target {
    pub label: Option<Name>,
    pub brk: Label,
    pub cont: Option<Label>,
    /// A labeled block: only a labeled `break` leaves it.
    pub block_only: bool,
}

pub(crate) struct Fb<'a> {
    pub lw: &'a mut Lowerer,
    pub pkg: usize,
    pub p: &'static CheckedPackage,
    pub env: Env,
    pub name: String,
    code: Vec<u64>,
    lines: Vec<(u32, u32)>,
    pub pos: u32,
    next: usize,
    max: usize,
    pub vars: HashMap<Obj, Var>,
    labels: Vec<Option<usize>>,
    fixups: Vec<(usize, Label, FixKind)>,
    /// Emit jumps that reach anywhere.
    long: bool,
    overflow: bool,
    too_big: bool,
    pub targets: Vec<Target>,
    pub gotos: HashMap<Name, Label>,
    /// (type, first slot) of each result.
    pub results: Vec<(Ty, u16)>,
    /// Named or captured result variables to copy from in the epilogue.
    pub result_objs: Vec<Obj>,
    pub defer_slot: Option<u16>,
    pub epilogue: Option<Label>,
    pub caps: Vec<Capture>,
    pub lit_count: usize,
    /// Label set by an enclosing labeled statement for the next loop, switch or select.
    pub pending_label: Option<Name>,
    /// Last instruction may not be fused with: a label is bound after it.
    barrier: usize,
    last: Option<usize>,
}

/// Compiles a job. Retries with long jumps when short ones do not reach.
pub(super) fn compile(lw: &mut Lowerer, id: FuncId, job: Job) -> Proto {
    match build(lw, id, &job, false) {
        Ok(p) => p,
        Err(()) => match build(lw, id, &job, true) {
            Ok(p) => p,
            Err(()) => trap(lw, id),
        },
    }
}

/// Stand-in for a function that exceeds the limits; the error is already recorded.
fn trap(_lw: &mut Lowerer, id: FuncId) -> Proto {
    Proto {
        id,
        name: "?".into(),
        code: vec![
            encode(Op::Fault, crate::vm::fault::Code::TooLarge as u16, 0, 0),
            encode(Op::Ret, 0, 0, 0),
        ],
        nslots: 8,
        result_slots: 0,
        param_slots: 0,
        lines: Vec::new(),
        epilogue: None,
        defer_slot: 0,
        wrapper: false,
    }
}

fn build(lw: &mut Lowerer, id: FuncId, job: &Job, long: bool) -> Result<Proto, ()> {
    let none: Env = Vec::new().into();
    let (pkg, env) = match job {
        Job::Decl { obj, env } => (lw.decl(*obj).expect("declared function").0, env.clone()),
        Job::Lit { pkg, env, .. } => (*pkg, env.clone()),
        Job::Init { pkg } => (*pkg, none),
        _ => (lw.pkgs.len() - 1, none),
    };
    let p = lw.pkgs[pkg];
    let mut fb = Fb {
        lw,
        pkg,
        p,
        env,
        name: String::new(),
        code: Vec::new(),
        lines: Vec::new(),
        pos: 0,
        next: 0,
        max: 0,
        vars: HashMap::new(),
        labels: Vec::new(),
        fixups: Vec::new(),
        long,
        overflow: false,
        too_big: false,
        targets: Vec::new(),
        gotos: HashMap::new(),
        results: Vec::new(),
        result_objs: Vec::new(),
        defer_slot: None,
        epilogue: None,
        caps: Vec::new(),
        lit_count: 0,
        pending_label: None,
        barrier: 0,
        last: None,
    };
    let mut wrapper = false;
    let mut shape = (0, 0);
    match job {
        Job::Decl { obj, .. } => {
            let (_, f) = fb.lw.decl(*obj).expect("declared function");
            fb.name = fb.lw.qualified_name(*obj);
            if let Some(i) = fb.name.rfind('/') {
                // Tracebacks print the path's last element escaped as Go does: full path is kept.
                let _ = i;
            }
            if !fb.env.is_empty() {
                fb.name.push_str("[...]");
            }
            if p.ast.func(f).body.is_none() {
                wrapper = true;
                shape = fb.native_body(*obj, f);
            } else {
                shape = fb.function(f);
            }
        }
        Job::Lit {
            func, caps, name, ..
        } => {
            fb.name = name.clone();
            fb.caps = caps.clone();
            shape = fb.function(*func);
        }
        Job::Init { pkg } => {
            fb.name = format!("{}.init", fb.lw.pkgs[*pkg].info.pkg.path);
            fb.package_init();
        }
        Job::Entry => {
            fb.name = "runtime.main".into();
            wrapper = true;
            fb.entry_body();
        }
        Job::Adapter {
            recv,
            direct,
            entry,
        } => {
            wrapper = true;
            shape = fb.adapter_body(*recv, *direct, entry);
        }
        Job::MethodExpr {
            recv,
            name,
            pkg,
            sig,
        } => {
            wrapper = true;
            shape = fb.method_expr_body(*recv, *name, *pkg, *sig);
        }
        Job::Bound {
            recv,
            name,
            pkg,
            sig,
        } => {
            wrapper = true;
            shape = fb.bound_body(*recv, *name, *pkg, *sig);
        }
        Job::Caller { sig } => {
            wrapper = true;
            shape = fb.caller_body(sig);
        }
        Job::Made { sig } => {
            wrapper = true;
            shape = fb.made_body(sig);
        }
        Job::Thunk(t) => {
            wrapper = true;
            fb.thunk_body(t);
        }
    }
    fb.finish(id, wrapper, shape)
}

impl Fb<'_> {
    pub fn ast(&self) -> &'static ast::Ast {
        &self.p.ast
    }

    fn finish(mut self, id: FuncId, wrapper: bool, shape: (usize, usize)) -> Result<Proto, ()> {
        self.patch();
        if self.too_big || self.max + 64 > u16::MAX as usize {
            self.lw.errors.push(Diagnostic::error(
                "FunctionTooLarge",
                Span::at(self.pos),
                format!(
                    "function {} is too large: its values need more than 65,000 stack slots",
                    self.name
                ),
            ));
            return Err(());
        }
        if self.overflow {
            return Err(());
        }
        let epilogue = self
            .epilogue
            .and_then(|l| self.labels[l.0])
            .map(|x| x as u32);
        Ok(Proto {
            id,
            name: self.name,
            code: self.code,
            nslots: self.max + HEADER + 1,
            result_slots: shape.0,
            param_slots: shape.1,
            lines: self.lines,
            epilogue,
            defer_slot: self.defer_slot.unwrap_or(0),
            wrapper,
        })
    }

    // ----- registers -----

    /// First free slot, for `release`.
    pub fn mark(&self) -> usize {
        self.next
    }
    pub fn release(&mut self, mark: usize) {
        self.next = mark;
    }
    /// `n` consecutive fresh slots (at least one, so that every value has a place).
    pub fn alloc(&mut self, n: usize) -> u16 {
        let at = self.next;
        self.next += n.max(1);
        self.max = self.max.max(self.next);
        if self.next > u16::MAX as usize - 64 {
            self.too_big = true;
            self.next = at;
            return 0;
        }
        at as u16
    }
    pub fn alloc_ty(&mut self, t: Ty) -> u16 {
        let n = slots(t);
        if n > 60_000 {
            self.too_big = true;
            return 0;
        }
        self.alloc(n)
    }
    /// Start of a callee's frame above everything in use.
    pub fn call_base(&mut self) -> u16 {
        self.alloc(HEADER);
        let at = self.next;
        self.max = self.max.max(at + 1);
        at as u16
    }

    // ----- code -----

    pub fn here(&self) -> usize {
        self.code.len()
    }
    fn note_line(&mut self) {
        let at = self.code.len() as u32;
        match self.lines.last_mut() {
            Some(l) if l.1 == self.pos => {}
            Some(l) if l.0 == at => l.1 = self.pos,
            _ => self.lines.push((at, self.pos)),
        }
    }
    pub fn emit(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.note_line();
        self.last = Some(self.code.len());
        self.code.push(encode(op, a, b, c));
    }
    pub fn emit32(&mut self, op: Op, a: u16, bc: u32) {
        self.note_line();
        self.last = Some(self.code.len());
        self.code.push(encode32(op, a, bc));
    }
    pub fn ext(&mut self, w: u64) {
        self.code.push(w);
    }
    pub fn ext_of<T>(&mut self, r: &'static T) {
        self.ext(word(r));
    }

    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }
    pub fn bind(&mut self, l: Label) {
        self.labels[l.0] = Some(self.code.len());
        self.barrier = self.code.len();
    }
    pub fn jump(&mut self, l: Label) {
        self.emit32(Op::Jmp, 0, 0);
        self.fixups.push((self.code.len() - 1, l, FixKind::Long));
    }
    /// `Jt`/`Jf`.
    pub fn jump_if(&mut self, op: Op, a: u16, l: Label) {
        self.emit32(op, a, 0);
        self.fixups.push((self.code.len() - 1, l, FixKind::Long));
    }
    /// An instruction whose jump offset is c. Fuses an increment before a back jump.
    pub fn branch_op(&mut self, op: Op, a: u16, b: u16, l: Label) {
        let fused = match op {
            Op::Jlt => Some(Op::IncJlt),
            Op::JltI => Some(Op::IncJltI),
            Op::JltLen => Some(Op::IncJltLen),
            _ => None,
        };
        if let (Some(f), Some(last), Some(_)) = (fused, self.last, self.labels[l.0])
            && !self.long
            && last + 1 == self.code.len()
            && self.barrier < self.code.len()
            && self.code[last] == encode(Op::AddI, a, a, 1)
            && a != b
        {
            self.code[last] = encode(f, a, b, 0);
            self.fixups.push((last, l, FixKind::Short));
            return;
        }
        if !self.long {
            self.emit(op, a, b, 0);
            self.fixups.push((self.code.len() - 1, l, FixKind::Short));
        } else {
            // op -> far; jmp past; far: jmp target
            let at = self.code.len();
            self.emit(op, a, b, 0);
            for _ in 0..op.info().ext {
                self.ext(0);
            }
            let past = self.label();
            self.jump(past);
            let off = self.code.len() - at;
            self.code[at] = encode(op, a, b, off as u16);
            self.jump(l);
            self.bind(past);
        }
    }
    /// Like `branch_op` for an instruction with one extension word.
    pub fn branch_ext(&mut self, op: Op, a: u16, b: u16, l: Label, w: u64) {
        let at = self.code.len();
        self.branch_op(op, a, b, l);
        if self.long {
            self.code[at + 1] = w;
        } else {
            self.ext(w);
        }
    }
    /// An extension word that holds the distance from instruction `base` to `l`.
    pub fn ext_label(&mut self, base: usize, l: Label) {
        self.fixups
            .push((self.code.len(), l, FixKind::Word { base }));
        self.ext(0);
    }

    fn patch(&mut self) {
        for (at, l, kind) in std::mem::take(&mut self.fixups) {
            let Some(target) = self.labels[l.0] else {
                continue;
            };
            let off = target as i64 - at as i64;
            match kind {
                FixKind::Short => {
                    if i16::try_from(off).is_err() {
                        self.overflow = true;
                    }
                    self.code[at] =
                        self.code[at] & 0x0000_ffff_ffff_ffff | ((off as i16 as u16 as u64) << 48);
                }
                FixKind::Long => {
                    let (a, _, _) = operands(self.code[at]);
                    self.code[at] = encode32(
                        Op::decode(self.code[at]).expect("jump"),
                        a,
                        off as i32 as u32,
                    );
                }
                FixKind::Word { base } => self.code[at] = (target as i64 - base as i64) as u64,
            }
        }
    }

    // ----- types and facts -----

    /// Type of an expression in this instance.
    pub fn ty(&self, e: ExprId) -> Ty {
        let t = self.p.info.types[e.index()]
            .ty
            .unwrap_or_else(|| crate::types::universe::basic(crate::types::ty::Basic::Invalid));
        apply(&self.env, t)
    }
    pub fn sub(&self, t: Ty) -> Ty {
        apply(&self.env, t)
    }
    pub fn obj_ty(&self, o: Obj) -> Ty {
        let t =
            o.ty.get()
                .unwrap_or_else(|| crate::types::universe::basic(crate::types::ty::Basic::Invalid));
        apply(&self.env, t)
    }
    pub fn const_of(&self, e: ExprId) -> Option<&'static Const> {
        self.p.info.types[e.index()].value.as_ref()
    }
    pub fn kind(&self, e: ExprId) -> &'static ExprKind {
        &self.ast().expr(e).kind
    }
    pub fn unparen(&self, e: ExprId) -> ExprId {
        self.ast().unparen(e)
    }
    pub fn at(&mut self, pos: u32) {
        if pos != 0 {
            self.pos = pos;
        }
    }

    // ----- variables -----

    fn needs_box(&self, v: &VarInfo, t: Ty) -> bool {
        v.address_taken.get()
            || (v.captured.get() && v.reassigned.get())
            || v.assigned_in_closure.get()
            || has_array(t)
    }

    /// Declares a local variable. Its slot or box is zero unless `raw` (about to be written).
    /// Returns the place to initialise: the slot for frame variables.
    pub fn declare(&mut self, o: Obj, zero: bool) -> Var {
        let t = self.obj_ty(o);
        let boxed = o.var_info().is_some_and(|v| self.needs_box(v, t));
        let var = if boxed {
            let ptr = self.alloc(1);
            let hdr = matches!(&*underlying(t), Type::Array(..)).then(|| self.alloc(2));
            self.new_object(ptr, t);
            if let Some(h) = hdr {
                self.array_header(h, ptr, t);
            }
            Var::Box { ptr, hdr }
        } else {
            let s = self.alloc_ty(t);
            if zero {
                self.zero(s, t);
            }
            Var::Slot(s)
        };
        self.vars.insert(o, var);
        var
    }

    /// Slice header over the array of type `t` at `ptr`.
    pub fn array_header(&mut self, dst: u16, ptr: u16, t: Ty) {
        let n = match &*underlying(t) {
            Type::Array(_, n) => *n,
            _ => 0,
        };
        self.emit(Op::ArrHdr, dst, ptr, 0);
        self.ext(0);
        self.ext(n as u64);
    }

    pub fn new_object(&mut self, dst: u16, t: Ty) {
        let d = self.lw.alloc_desc(t);
        self.emit(Op::New, dst, 0, 0);
        self.ext_of(d);
    }

    /// Declares a variable and stores `src` (a value of its type) in it.
    pub fn declare_init(&mut self, o: Obj, src: u16) {
        let t = self.obj_ty(o);
        match self.declare(o, false) {
            Var::Slot(s) => self.mov(s, src, t),
            Var::Box { ptr, .. } => self.store_mem(ptr, 0, src, t),
        }
    }

    // ----- moves -----

    pub fn zero(&mut self, dst: u16, t: Ty) {
        match slots(t) {
            0 => {}
            1 => self.emit(Op::Zero, dst, 0, 0),
            2 => self.emit(Op::Zero2, dst, 0, 0),
            n => self.emit(Op::ZeroN, dst, n as u16, 0),
        }
    }
    pub fn mov(&mut self, dst: u16, src: u16, t: Ty) {
        self.mov_slots(dst, src, slots(t));
    }
    pub fn mov_slots(&mut self, dst: u16, src: u16, n: usize) {
        if dst == src {
            return;
        }
        match n {
            0 => {}
            1 => self.emit(Op::Mov, dst, src, 0),
            2 => self.emit(Op::Mov2, dst, src, 0),
            n => self.emit(Op::MovN, dst, src, n as u16),
        }
    }
    pub fn load_int(&mut self, dst: u16, v: i64) {
        if v == 0 {
            self.emit(Op::Zero, dst, 0, 0);
        } else if let Ok(x) = i32::try_from(v) {
            self.emit32(Op::LdI, dst, x as u32);
        } else {
            self.emit(Op::LdK, dst, 0, 0);
            self.ext(v as u64);
        }
    }

    // ----- bodies -----

    /// Body of a declared function or literal. Returns (result slots, parameter slots).
    fn function(&mut self, f: ast::FuncId) -> (usize, usize) {
        let func = self.ast().func(f);
        self.at(func.span.lo);
        let params = self.p.info.func_params[f.index()].clone();
        let results = self.p.info.func_results[f.index()].clone();
        let body = func.body.as_ref().expect("function with body");
        let has_defer = super::flow::has_defer(self.ast(), body);
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
        self.next = self.next.max(nres + nparams);
        if self.next == 0 {
            self.alloc(1);
        }
        let named = !func.sig.results.is_empty() && func.sig.results[0].name.is_some();
        for (i, r) in results.iter().enumerate() {
            let (t, s) = self.results[i];
            if named {
                let boxed = r.var_info().is_some_and(|v| self.needs_box(v, t));
                if boxed {
                    self.declare(*r, true);
                } else {
                    self.vars.insert(*r, Var::Slot(s));
                }
            }
            if named || has_defer {
                self.zero(s, t);
            }
        }
        if named {
            self.result_objs = results;
        }
        for (o, t, s) in incoming {
            let boxed = o.var_info().is_some_and(|v| self.needs_box(v, t));
            if boxed && !o.name.is_blank() && o.name != Name::EMPTY {
                let ptr = match self.declare(o, false) {
                    Var::Box { ptr, .. } => ptr,
                    Var::Slot(_) => unreachable!("boxed variable"),
                };
                self.store_mem(ptr, 0, s, t);
            } else {
                self.vars.insert(o, Var::Slot(s));
            }
        }
        let caps = self.caps.clone();
        let mut word = 0;
        for c in &caps {
            let t = self.obj_ty(c.obj);
            if c.by_ref {
                let ptr = self.alloc(1);
                self.emit(Op::LdCap, ptr, word, 0);
                word += 1;
                let hdr = matches!(&*underlying(t), Type::Array(..)).then(|| self.alloc(2));
                if let Some(h) = hdr {
                    self.array_header(h, ptr, t);
                }
                self.vars.insert(c.obj, Var::Box { ptr, hdr });
            } else {
                let s = self.alloc_ty(t);
                for i in 0..slots(t) as u16 {
                    self.emit(Op::LdCap, s + i, word, 0);
                    word += 1;
                }
                self.vars.insert(c.obj, Var::Slot(s));
            }
        }
        if has_defer {
            let d = self.alloc(1);
            self.emit(Op::Zero, d, 0, 0);
            self.defer_slot = Some(d);
            self.epilogue = Some(self.label());
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
            self.branch_op(Op::DeferPop, d, clo, done);
            self.emit(Op::CallDefer, base, clo, 0);
            self.jump(l);
            self.bind(done);
            self.release(mark);
            self.copy_results();
            self.emit(Op::DeferEnd, 0, 0, 0);
        }
        (nres, nparams)
    }

    /// A slot for a result or parameter: exactly its size.
    fn alloc_result(&mut self, t: Ty) -> u16 {
        let at = self.next;
        let n = slots(t);
        if at + n > 60_000 {
            self.too_big = true;
            return 0;
        }
        self.next += n;
        self.max = self.max.max(self.next + 1);
        at as u16
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
        match self.epilogue {
            Some(l) => self.jump(l),
            None => {
                self.copy_results();
                self.emit(Op::Ret, 0, 0, 0);
            }
        }
    }

    /// A bodyless function used as a value or method-table entry.
    fn native_body(&mut self, obj: Obj, f: ast::FuncId) -> (usize, usize) {
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

    fn entry_body(&mut self) {
        let base = self.call_base();
        for pkg in 0..self.lw.pkgs.len() {
            let id = self.lw.reserve(Job::Init { pkg });
            self.emit32(Op::Call, base, id);
        }
        if let Some(main) = self.lw.find("main", "main") {
            let id = self.lw.func_for(main, &[]);
            self.emit32(Op::Call, base, id);
        }
        self.emit(Op::Ret, 0, 0, 0);
    }

    fn package_init(&mut self) {
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
            });
            self.emit32(Op::Call, base, id);
        }
        self.emit(Op::Ret, 0, 0, 0);
    }
}

/// Whether values of the type hold an array (which then wants an address for indexing).
pub(crate) fn has_array(t: Ty) -> bool {
    if repr(t) != Repr::Agg {
        return false;
    }
    match &*underlying(t) {
        Type::Array(..) => true,
        Type::Struct(fields) => fields.iter().any(|f| has_array(f.ty)),
        _ => false,
    }
}
