//! `go` and `defer`, and the adapters behind method values, method expressions and
//! interface tables.
//!
//! A deferred call (and a `go` call that is not plainly a function or closure) is packed
//! into a closure without parameters: its operands are evaluated at once and captured, and
//! a small function, the thunk, unpacks them and makes the call.

use super::Job;
use super::call::Callee;
use super::expr::{Class, class};
use super::func::Fb;
use super::place::Place;
use crate::base::intern::Name;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::slots;
use crate::heap::rtti::FuncId;
use crate::syntax::ast::{ExprId, ExprKind};
use crate::types::info::Mode;
use crate::types::lookup::MethodEntry;
use crate::types::predicates::{as_named, core_type, deref, underlying};
use crate::types::ty::{Builtin, Obj, ObjKind, Pkg, Signature, Ty, Type};

/// What a thunk does with its captured words.
#[derive(Clone)]
pub(crate) struct Thunk {
    pub kind: ThunkKind,
    /// Slots of the results, which are dropped.
    pub results: usize,
    /// Argument slots (receiver included).
    pub args: usize,
}

#[derive(Clone)]
pub(crate) enum ThunkKind {
    Func(FuncId),
    Native(u32),
    /// First captured word is the closure.
    Closure,
    /// First two captured words are the interface; `args` counts the data word too.
    Iface(u32),
    /// Arguments as the builtin's operands, with the descriptor word it needs.
    Builtin(Builtin, u64, u64),
}

/// Operands of a call, evaluated into consecutive slots.
struct Packed {
    thunk: Thunk,
    base: u16,
    words: usize,
}

impl Fb<'_> {
    /// `go f(x)`
    pub fn go_stmt(&mut self, e: ExprId) {
        let e = self.unparen(e);
        let ExprKind::Call {
            fun, args, spread, ..
        } = self.kind(e)
        else {
            return;
        };
        if self.is_plain_call(e) {
            let (callee, f) = self.callee(*fun);
            let sig = self.signature(*fun);
            self.order_call(callee, f, args, *spread, &sig);
            let nres: usize = sig.results.iter().map(|r| slots(r.ty)).sum();
            let nargs: usize = sig.params.iter().map(|r| slots(r.ty)).sum();
            let target = match callee {
                Callee::Func(o, id) if self.lw.native_of(o).is_none() => {
                    let targs = id.map(|i| self.instance_args(i)).unwrap_or_default();
                    Some((self.lw.func_for(o, &targs), None, None))
                }
                Callee::Method(o) if self.lw.native_of(o).is_none() => {
                    let ExprKind::Selector { x, .. } = self.kind(f) else {
                        return;
                    };
                    let xt = self.ty(*x);
                    let (r, t) = self.receiver(f, *x, xt);
                    let own = self.selector_args(f);
                    Some((self.method_func(o, t, &own), Some((r, t)), None))
                }
                Callee::Value => {
                    let v = self.expr(f);
                    Some((0, None, Some(v)))
                }
                _ => None,
            };
            if let Some((func, recv, closure)) = target {
                let base = self.alloc(nres + nargs + recv.map_or(0, |r| slots(r.1)));
                let mut at = base + nres as u16;
                if let Some((r, t)) = recv {
                    self.mov(at, r, t);
                    at += slots(t) as u16;
                }
                self.arguments(args, *spread, &sig, at);
                self.at(self.ast().expr(e).span.lo);
                let total = nres + nargs + recv.map_or(0, |r| slots(r.1));
                match closure {
                    Some(c) => self.emit(Op::GoC, base, total as u16, c),
                    None => {
                        self.emit(Op::GoF, base, total as u16, 0);
                        self.ext(func as u64);
                    }
                }
                return;
            }
        }
        let p = self.pack(e);
        let clo = self.thunk_closure(p);
        self.emit(Op::GoC, clo, 0, clo);
    }

    /// `defer f(x)`
    pub fn defer_stmt(&mut self, e: ExprId) {
        let e = self.unparen(e);
        let ExprKind::Call { fun, args, .. } = self.kind(e) else {
            return;
        };
        // A literal without parameters is its own thunk.
        if args.is_empty()
            && let ExprKind::FuncLit(f) = self.kind(self.unparen(*fun))
            && self.signature(*fun).results.is_empty()
        {
            let c = self.alloc(1);
            self.func_lit(*f, c);
            self.push_defer(c);
            return;
        }
        let p = self.pack(e);
        let clo = self.thunk_closure(p);
        self.push_defer(clo);
    }

    fn thunk_closure(&mut self, p: Packed) -> u16 {
        let id = self.lw.reserve(Job::Thunk(p.thunk));
        let clo = self.alloc(1);
        self.emit32(Op::MkClo, clo, id);
        self.ext(p.words as u64);
        for i in 0..p.words as u16 {
            self.emit(Op::St64, p.base + i, clo, 8 + 8 * i);
        }
        clo
    }

    /// Evaluates callee and arguments of a call now, for a call later.
    fn pack(&mut self, e: ExprId) -> Packed {
        let ExprKind::Call {
            fun, args, spread, ..
        } = self.kind(e)
        else {
            unreachable!("go and defer take calls")
        };
        match self.p.info.types[self.unparen(*fun).index()].mode {
            Mode::Builtin(b) => return self.pack_builtin(b, e, args),
            Mode::TypeExpr => {
                // The checker refuses this; evaluate for effect.
                let t = self.ty(e);
                let base = self.alloc_ty(t);
                self.expr_to(e, base);
                let thunk = Thunk {
                    kind: ThunkKind::Builtin(Builtin::Len, 0, 0),
                    results: 0,
                    args: 0,
                };
                return Packed {
                    thunk,
                    base,
                    words: 0,
                };
            }
            _ => {}
        }
        let (callee, f) = self.callee(*fun);
        let sig = self.signature(*fun);
        self.order_call(callee, f, args, *spread, &sig);
        let results: usize = sig.results.iter().map(|r| slots(r.ty)).sum();
        let nargs: usize = sig.params.iter().map(|r| slots(r.ty)).sum();
        let mut head: Option<(u16, usize)> = None;
        let kind;
        let mut recv_slots = 0;
        match callee {
            Callee::Func(o, id) => {
                kind = match self.lw.native_of(o) {
                    Some(n) => ThunkKind::Native(n),
                    None => {
                        let targs = id.map(|i| self.instance_args(i)).unwrap_or_default();
                        ThunkKind::Func(self.lw.func_for(o, &targs))
                    }
                };
            }
            Callee::Method(o) => {
                let ExprKind::Selector { x, .. } = self.kind(f) else {
                    unreachable!("method selector")
                };
                let xt = self.ty(*x);
                let (r, t) = self.receiver(f, *x, xt);
                recv_slots = slots(t);
                head = Some((r, recv_slots));
                kind = match self.lw.native_of(o) {
                    Some(n) => ThunkKind::Native(n),
                    None => {
                        let own = self.selector_args(f);
                        ThunkKind::Func(self.method_func(o, t, &own))
                    }
                };
            }
            Callee::IfaceMethod => {
                let ExprKind::Selector { x, .. } = self.kind(f) else {
                    unreachable!("method selector")
                };
                let xt = self.ty(*x);
                let (r, t) = self.receiver(f, *x, xt);
                self.emit(Op::NilChk, r, 0, 0);
                head = Some((r, 2));
                recv_slots = 1;
                kind = ThunkKind::Iface(self.iface_method_id(f, t));
            }
            Callee::Value => {
                let v = self.expr(f);
                head = Some((v, 1));
                kind = ThunkKind::Closure;
            }
        }
        let n_head = head.map_or(0, |h| h.1);
        let words = n_head + nargs;
        let base = self.alloc(words);
        if let Some((s, n)) = head {
            self.mov_slots(base, s, n);
        }
        self.arguments(args, *spread, &sig, base + n_head as u16);
        self.at(self.ast().expr(e).span.lo);
        Packed {
            thunk: Thunk {
                kind,
                results,
                args: recv_slots + nargs,
            },
            base,
            words,
        }
    }

    fn pack_builtin(&mut self, b: Builtin, e: ExprId, args: &[ExprId]) -> Packed {
        let any = crate::types::universe::any_ty();
        self.order(args);
        let args = &*self.builtin_args(args);
        let simple = |b, x, y, n| Thunk {
            kind: ThunkKind::Builtin(b, x, y),
            results: 0,
            args: n,
        };
        match b {
            Builtin::Panic => {
                let base = self.alloc(2);
                self.arg_as_to(args[0], any, base);
                Packed {
                    thunk: simple(b, 0, 0, 2),
                    base,
                    words: 2,
                }
            }
            Builtin::Print | Builtin::Println => {
                let n = 2 * args.len();
                let base = self.alloc(n);
                for (i, a) in args.iter().enumerate() {
                    self.arg_as_to(*a, any, base + 2 * i as u16);
                }
                Packed {
                    thunk: simple(b, args.len() as u64, 0, n),
                    base,
                    words: n,
                }
            }
            Builtin::Close => {
                let base = self.alloc(1);
                self.arg_to(args[0], base);
                Packed {
                    thunk: simple(b, 0, 0, 1),
                    base,
                    words: 1,
                }
            }
            Builtin::Delete => {
                let mt = self.arg_ty(args[0]);
                let Some(Type::Map(k, _)) = core_type(mt).map(|u| u.0) else {
                    unreachable!("delete takes a map")
                };
                let n = 1 + slots(*k);
                let base = self.alloc(n);
                self.arg_to(args[0], base);
                self.arg_as_to(args[1], *k, base + 1);
                let d = self.lw.map_type(super::builtin::map_core(mt));
                Packed {
                    thunk: simple(b, crate::bytecode::program::word(d), 0, n),
                    base,
                    words: n,
                }
            }
            Builtin::Copy => {
                let base = self.alloc(4);
                self.arg_to(args[0], base);
                self.arg_to(args[1], base + 2);
                let size = crate::bytecode::layout::size_align(super::builtin::slice_elem(
                    self.arg_ty(args[0]),
                ))
                .0;
                let is_str = u64::from(class(self.arg_ty(args[1])) == Class::Str);
                Packed {
                    thunk: simple(b, size as u64, is_str, 4),
                    base,
                    words: 4,
                }
            }
            Builtin::Clear => {
                let t = self.arg_ty(args[0]);
                let n = slots(t);
                let base = self.alloc(n);
                self.arg_to(args[0], base);
                let (x, y) = match core_type(t).map(|u| u.0) {
                    Some(Type::Map(..)) => (
                        crate::bytecode::program::word(
                            self.lw.map_type(super::builtin::map_core(t)),
                        ),
                        1,
                    ),
                    _ => (
                        crate::bytecode::layout::size_align(super::builtin::slice_elem(t)).0 as u64,
                        0,
                    ),
                };
                Packed {
                    thunk: simple(b, x, y, n),
                    base,
                    words: n,
                }
            }
            Builtin::Recover => {
                let base = self.alloc(1);
                Packed {
                    thunk: simple(b, 0, 0, 0),
                    base,
                    words: 0,
                }
            }
            _ => {
                let t = self.ty(e);
                let base = self.alloc(slots(t).max(2));
                self.expr_to(e, base);
                Packed {
                    thunk: simple(Builtin::Len, 0, 0, 0),
                    base,
                    words: 0,
                }
            }
        }
    }

    /// Code of a thunk.
    pub fn thunk_body(&mut self, t: &Thunk) {
        self.name = "deferwrap".into();
        let load = |fb: &mut Self, from: usize, to: u16, n: usize| {
            for i in 0..n {
                fb.emit(Op::LdCap, to + i as u16, (from + i) as u16, 0);
            }
        };
        match &t.kind {
            ThunkKind::Builtin(b, x, y) => {
                let base = self.alloc(t.args.max(2));
                load(self, 0, base, t.args);
                match b {
                    Builtin::Panic => self.emit(Op::Panic, base, 0, 0),
                    Builtin::Print | Builtin::Println => {
                        self.emit(
                            Op::Print,
                            base,
                            *x as u16,
                            u16::from(*b == Builtin::Println),
                        );
                    }
                    Builtin::Close => self.emit(Op::Close, base, 0, 0),
                    Builtin::Delete => {
                        self.emit(Op::MapDel, base, base + 1, 0);
                        self.ext(*x);
                    }
                    Builtin::Copy => {
                        let d = self.alloc(1);
                        if *y == 1 {
                            self.emit(Op::CopyStr, d, base, base + 2);
                        } else {
                            self.emit(Op::CopySl, d, base, base + 2);
                            self.ext(*x);
                        }
                    }
                    Builtin::Clear => {
                        self.emit(if *y == 1 { Op::MapClear } else { Op::ClearSl }, base, 0, 0);
                        self.ext(*x);
                    }
                    Builtin::Recover => {
                        let d = self.alloc(2);
                        self.emit(Op::Recover, d, 0, 0);
                    }
                    _ => {}
                }
            }
            kind => {
                let head = self.alloc(2);
                let base = self.call_base();
                self.alloc(t.results + t.args);
                let at = base + t.results as u16;
                match kind {
                    ThunkKind::Func(f) => {
                        load(self, 0, at, t.args);
                        self.emit32(Op::Call, base, *f);
                    }
                    ThunkKind::Native(n) => {
                        load(self, 0, at, t.args);
                        self.emit32(Op::CallN, base, *n);
                    }
                    ThunkKind::Closure => {
                        load(self, 0, head, 1);
                        load(self, 1, at, t.args);
                        self.emit(Op::CallC, base, head, 0);
                    }
                    ThunkKind::Iface(m) => {
                        load(self, 0, head, 2);
                        load(self, 2, at + 1, t.args - 1);
                        self.emit(Op::CallI, base, head, t.results as u16);
                        self.ext(*m as u64);
                        self.ext(0);
                        self.ext(0);
                    }
                    ThunkKind::Builtin(..) => unreachable!("handled above"),
                }
            }
        }
        self.emit(Op::Ret, 0, 0, 0);
    }

    // ----- adapters -----

    fn sig_of(t: Ty) -> Signature {
        match &*underlying(t) {
            Type::Signature(s) => s.clone(),
            _ => Signature::default(),
        }
    }

    /// Calls method `name` on a receiver of type `t` at `p`; arguments are already in the
    /// slots `args..`; results go to slot 0. `path` walks embedded fields first.
    #[allow(clippy::too_many_arguments, reason = "one adapter's whole description")]
    fn forward(
        &mut self,
        p: Place,
        t: Ty,
        path: &[usize],
        obj: Option<Obj>,
        name: Name,
        pkg: Option<Pkg>,
        args: (u16, usize),
        nres: usize,
        targs: &[Ty],
    ) {
        let (p, t) = self.walk(p, t, path);
        let Some(obj) = obj else {
            let r = self.place_value(p, t);
            let base = self.call_base();
            self.alloc(nres + 1 + args.1);
            self.mov_slots(base + nres as u16 + 1, args.0, args.1);
            let set = crate::types::typeset::type_set(underlying(t));
            let id = set
                .methods
                .iter()
                .find(|m| m.name == name && (name.is_exported() || m.pkg == pkg || pkg.is_none()))
                .map(|m| self.lw.layouts.method_id(m.name, m.pkg, m.sig))
                .unwrap_or(0);
            self.emit(Op::CallI, base, r, nres as u16);
            self.ext(id as u64);
            self.ext(0);
            self.ext(0);
            self.mov_slots(0, base, nres);
            return;
        };
        let wants_ptr = matches!(&obj.kind, ObjKind::Func { ptr_recv, .. } if ptr_recv.get());
        let is_ptr = matches!(&*underlying(t), Type::Pointer(_));
        let (r, rt) = match (wants_ptr, is_ptr) {
            (true, false) => (self.address(p, t), Ty::new(Type::Pointer(t))),
            (false, true) => {
                let (b, _) = deref(underlying(t));
                let ptr = self.place_value(p, t);
                let text = format!(
                    "value method {}.{name} called using nil *{} pointer",
                    crate::types::display::runtime_type_string(b),
                    self.type_name(b)
                );
                self.emit(Op::WrapChk, ptr, 0, 0);
                self.ext_of(Box::leak(Box::new(text)) as &'static String);
                let v = self.alloc_ty(b);
                self.load_mem(v, ptr, 0, b);
                (v, b)
            }
            _ => (self.place_value(p, t), t),
        };
        let n = slots(rt);
        let base = self.call_base();
        self.alloc(nres + n + args.1);
        self.mov_slots(base + nres as u16, r, n);
        self.mov_slots(base + (nres + n) as u16, args.0, args.1);
        match self.lw.native_of(obj) {
            Some(i) => self.emit32(Op::CallN, base, i),
            None => {
                let f = self.method_func(obj, rt, targs);
                self.emit32(Op::Call, base, f);
            }
        }
        self.mov_slots(0, base, nres);
    }

    fn type_name(&self, t: Ty) -> String {
        match &*t {
            Type::Named(n) => n.obj.name.to_string(),
            _ => crate::types::display::runtime_type_string(t),
        }
    }

    /// Interface-table adapter: slot layout results, data word, arguments.
    pub fn adapter_body(&mut self, recv: Ty, direct: bool, m: &MethodEntry) -> (usize, usize) {
        let sig = Self::sig_of(m.sig);
        let nres: usize = sig.results.iter().map(|r| slots(r.ty)).sum();
        let nargs: usize = sig.params.iter().map(|r| slots(r.ty)).sum();
        self.name = "autogenerated".into();
        self.alloc(nres + 1 + nargs);
        let word = nres as u16;
        let p = if direct {
            Place::Slot(word)
        } else {
            Place::Mem { ptr: word, off: 0 }
        };
        self.forward(
            p,
            recv,
            &m.path,
            m.obj,
            m.name,
            m.pkg,
            (word + 1, nargs),
            nres,
            &[],
        );
        self.emit(Op::Ret, 0, 0, 0);
        (nres, 1 + nargs)
    }

    /// `T.m`: the receiver is the first parameter.
    pub fn method_expr_body(
        &mut self,
        recv: Ty,
        name: Name,
        pkg: Option<Pkg>,
        sig: Ty,
        targs: &[Ty],
    ) -> (usize, usize) {
        let sig = Self::sig_of(sig);
        let nres: usize = sig.results.iter().map(|r| slots(r.ty)).sum();
        let nargs: usize = sig.params.iter().skip(1).map(|r| slots(r.ty)).sum();
        let nrecv = slots(recv);
        self.name = method_name(recv, name);
        self.alloc(nres + nrecv + nargs);
        self.forward_lookup(
            Place::Slot(nres as u16),
            recv,
            name,
            pkg,
            ((nres + nrecv) as u16, nargs),
            nres,
            targs,
        );
        self.emit(Op::Ret, 0, 0, 0);
        (nres, nrecv + nargs)
    }

    /// `x.m` as a value: the receiver is captured.
    pub fn bound_body(
        &mut self,
        recv: Ty,
        name: Name,
        pkg: Option<Pkg>,
        sig: Ty,
        targs: &[Ty],
    ) -> (usize, usize) {
        let sig = Self::sig_of(sig);
        let nres: usize = sig.results.iter().map(|r| slots(r.ty)).sum();
        let nargs: usize = sig.params.iter().map(|r| slots(r.ty)).sum();
        self.name = method_name(recv, name) + "-fm";
        self.alloc(nres + nargs);
        let r = self.alloc_ty(recv);
        for i in 0..slots(recv) as u16 {
            self.emit(Op::LdCap, r + i, i, 0);
        }
        let args = (nres as u16, nargs);
        self.forward_lookup(Place::Slot(r), recv, name, pkg, args, nres, targs);
        self.emit(Op::Ret, 0, 0, 0);
        (nres, nargs)
    }

    #[allow(clippy::too_many_arguments, reason = "one adapter's whole description")]
    fn forward_lookup(
        &mut self,
        p: Place,
        recv: Ty,
        name: Name,
        pkg: Option<Pkg>,
        args: (u16, usize),
        nres: usize,
        targs: &[Ty],
    ) {
        use crate::types::lookup::{Lookup, lookup};
        if let Lookup::Method { path, method, .. } = lookup(recv, true, pkg, name) {
            self.forward(p, recv, &path, method.obj, name, pkg, args, nres, targs);
        }
    }
}

/// What tracebacks call a type's method: pkg.T.m, pkg.(*T).m, pkg.(*T[...]).m.
fn method_name(recv: Ty, name: Name) -> String {
    let (base, pointer) = deref(recv);
    if as_named(base).is_none() {
        return format!("{recv:?}.{name}");
    }
    let full = format!("{base:?}");
    let (full, args) = full
        .split_once('[')
        .map_or((&full[..], ""), |p| (p.0, "[...]"));
    let dot = full.rfind('.').map_or(0, |i| i + 1);
    let (package, base) = full.split_at(dot);
    match pointer {
        true => format!("{package}(*{base}{args}).{name}"),
        false => format!("{package}{base}{args}.{name}"),
    }
}
