//! The function builder: registers, code, labels, variables, and the compilation of
//! one job into a [`Proto`].
//!
//! Registers are frame slots handed out like a stack: locals for their block, temporaries
//! for their statement. Result slots come first, then parameters, then everything else.

use rustc_hash::FxHashMap as HashMap;

use super::rangefunc::BodyOf;
use super::{Env, Job, Lowerer, apply};
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::bytecode::instr::{Op, encode, encode32, operands};
use crate::bytecode::layout::{Repr, is_huge, repr, slots};
use crate::bytecode::program::{HEADER, Local, Proto, word};
use crate::heap::rtti::FuncId;
use crate::syntax::ast::{self, ExprId, ExprKind};
use crate::types::constant::Const;
use crate::types::info::CheckedPackage;
use crate::types::predicates::underlying;
use crate::types::ty::{Obj, Ty, Type};

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
    /// Expressions of the current statement that are evaluated already, and where: `order`.
    pub hoisted: HashMap<ExprId, u16>,
    /// Named variables so far, if they are recorded.
    locals: Vec<Local>,
    labels: Vec<Option<usize>>,
    fixups: Vec<(usize, Label, FixKind)>,
    /// Emit jumps that reach anywhere.
    long: bool,
    overflow: bool,
    pub too_big: bool,
    pub targets: Vec<Target>,
    pub gotos: HashMap<Name, Label>,
    /// (type, first slot) of each result.
    pub results: Vec<(Ty, u16)>,
    /// Named or captured result variables to copy from in the epilogue.
    pub result_objs: Vec<Obj>,
    pub defer_slot: Option<u16>,
    pub epilogue: Option<Label>,
    pub caps: Vec<Capture>,
    /// This function is a literal or loop body inside another one.
    pub nested: bool,
    pub lit_count: usize,
    pub range_count: usize,
    /// Set in the body of a loop over a function.
    pub body: Option<BodyOf>,
    /// Variable with the list of deferred calls, when such bodies add to it.
    pub defers: Option<Obj>,
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
        locals: Vec::new(),
        epilogue: None,
        defer_slot: 0,
        wrapper: false,
    }
}

fn build(lw: &mut Lowerer, id: FuncId, job: &Job, long: bool) -> Result<Proto, ()> {
    let none: Env = Vec::new().into();
    let (pkg, env) = match job {
        Job::Decl { obj, env } => (lw.decl(*obj).expect("declared function").0, env.clone()),
        Job::Lit { pkg, env, .. } | Job::RangeBody { pkg, env, .. } => (*pkg, env.clone()),
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
        vars: HashMap::default(),
        hoisted: HashMap::default(),
        locals: Vec::new(),
        labels: Vec::new(),
        fixups: Vec::new(),
        long,
        overflow: false,
        too_big: false,
        targets: Vec::new(),
        gotos: HashMap::default(),
        results: Vec::new(),
        result_objs: Vec::new(),
        defer_slot: None,
        epilogue: None,
        caps: Vec::new(),
        nested: false,
        lit_count: 0,
        range_count: 0,
        body: None,
        defers: None,
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
            func,
            caps,
            name,
            nested,
            ..
        } => {
            fb.name = name.clone();
            fb.caps = caps.clone();
            fb.nested = *nested;
            shape = fb.function(*func);
        }
        Job::RangeBody {
            stmt,
            caps,
            name,
            of,
            ..
        } => {
            fb.name = name.clone();
            fb.caps = caps.clone();
            fb.nested = true;
            shape = fb.range_body(*stmt, of);
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
            targs,
        } => {
            wrapper = true;
            shape = fb.method_expr_body(*recv, *name, *pkg, *sig, targs);
        }
        Job::Bound {
            recv,
            name,
            pkg,
            sig,
            targs,
        } => {
            wrapper = true;
            shape = fb.bound_body(*recv, *name, *pkg, *sig, targs);
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
            locals: self.locals,
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
        let end = self.code.len() as u32;
        for l in self.locals.iter_mut().rev() {
            if usize::from(l.slot) >= mark && l.to == u32::MAX {
                l.to = end;
            }
        }
    }
    /// Says where a variable lies.
    pub fn set_var(&mut self, o: Obj, v: Var) {
        self.vars.insert(o, v);
        if !self.lw.names_locals || o.name.is_blank() || o.name == Name::EMPTY {
            return;
        }
        let t = self.obj_ty(o);
        let ty = self.lw.rtti(t);
        let (slot, boxed) = match v {
            Var::Slot(s) => (s, is_huge(t)),
            Var::Box { ptr, .. } => (ptr, true),
        };
        self.locals.push(Local {
            name: o.name.to_string(),
            ty,
            slot,
            boxed,
            from: self.code.len() as u32,
            to: u32::MAX,
        });
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
    /// A slot for a result or parameter: exactly its size.
    pub fn alloc_result(&mut self, t: Ty) -> u16 {
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

    /// Whether a local variable lives on the heap.
    pub fn is_boxed(&self, o: Obj, t: Ty) -> bool {
        o.var_info().is_some_and(|v| {
            v.address_taken.get()
                || (v.captured.get() && v.reassigned.get())
                || v.assigned_in_closure.get()
                || has_array(t)
                || is_huge(t)
        })
    }

    /// Declares a local variable. Its slot or box is zero unless `raw` (about to be written).
    /// Returns the place to initialise: the slot for frame variables.
    pub fn declare(&mut self, o: Obj, zero: bool) -> Var {
        let t = self.obj_ty(o);
        if self.is_boxed(o, t) {
            let ptr = self.declare_box(o);
            return self.vars.get(&o).copied().unwrap_or(Var::Slot(ptr));
        }
        let s = self.alloc_ty(t);
        if zero {
            self.zero(s, t);
        }
        self.set_var(o, Var::Slot(s));
        Var::Slot(s)
    }

    /// Declares a variable on the heap, zero at first. Returns the slot of its address.
    pub fn declare_box(&mut self, o: Obj) -> u16 {
        let t = self.obj_ty(o);
        let ptr = self.alloc(1);
        let hdr = self.header_slots(t);
        self.new_object(ptr, t);
        if let Some(h) = hdr {
            self.array_header(h, ptr, t);
        }
        self.set_var(o, Var::Box { ptr, hdr });
        ptr
    }

    /// Slots for the slice header that a variable of array type keeps.
    pub fn header_slots(&mut self, t: Ty) -> Option<u16> {
        matches!(&*underlying(t), Type::Array(..)).then(|| self.alloc(2))
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
        if is_huge(t) {
            return self.new_object(dst, t);
        }
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
}

/// Whether values of the type hold an array (which then wants an address for indexing).
pub(crate) fn has_array(t: Ty) -> bool {
    if !matches!(repr(t), Repr::Agg | Repr::Huge) {
        return false;
    }
    match &*underlying(t) {
        Type::Array(..) => true,
        Type::Struct(fields) => fields.iter().any(|f| has_array(f.ty)),
        _ => false,
    }
}
