//! Order of evaluation, finer than the language promises it: as Go's compiler has it.
//!
//! The operands of a statement (or of a call, conversion, receive … within it) are gone
//! through twice. First everything *eager* in them is evaluated, in order: calls (`len` and
//! most other builtins, too), receives, slicing, type assertions, `&&` and `||`, map literals.
//! Then the rest: variables, fields, elements, pointers, map elements, arithmetic. So
//! `g + inc()` adds to the `g` that `inc` left, and `a[i] = f()` calls `f` before it finds that
//! `i` is out of range.
//!
//! A value on its way into an interface is eager, too, where the compiler makes a copy of it
//! first: `fmt.Println(a == b, f())` compares before it calls.
//!
//! Plain lowering goes from left to right. The two differ only where something that a call may
//! change, or that may panic, stands before something eager; there [`Fb::order`] evaluates the
//! eager parts into temporaries and notes them in `hoisted`, where the lowering of the
//! operands finds them.

use super::big::is_big;
use super::call::Callee;
use super::closure::has_pointer_receiver;
use super::expr::single;
use super::func::{Fb, Var};
use crate::bytecode::layout::{size_align, slots};
use crate::syntax::ast::{BinOp, ExprId, ExprKind, UnOp};
use crate::types::info::{Mode, SelKind};
use crate::types::predicates::{core_type, default_type, is_untyped, underlying};
use crate::types::ty::{Basic, Builtin, Signature, Ty, Type};

/// Temporaries of one statement beyond which it is evaluated from left to right instead: a
/// frame has 65,000 slots.
const MOST: usize = 10_000;

/// What a look through operands has found.
#[derive(Default)]
struct Found {
    /// Something whose value or panic depends on when it is evaluated.
    late: bool,
    /// An eager part with effects after that.
    crossed: bool,
    eager: Vec<Eager>,
    /// As many of them matter: the last one that does more than to compute a value, and all
    /// before it.
    needed: usize,
}

/// An eager part.
struct Eager {
    e: ExprId,
    /// Only for its conversion to an interface.
    converted: bool,
}

impl Fb<'_> {
    /// To be called before the operands `roots` are evaluated one after another.
    pub fn order(&mut self, roots: &[ExprId]) {
        let mut found = Found::default();
        for r in roots {
            self.look(*r, None, &mut found);
        }
        self.hoist(found);
    }

    /// The same for operands that are converted to the types given.
    pub fn order_as(&mut self, roots: impl Iterator<Item = (ExprId, Ty)>) {
        let mut found = Found::default();
        for (e, t) in roots {
            self.look(e, Some(t), &mut found);
        }
        self.hoist(found);
    }

    /// The same for an assignment: the operands of the places assigned to, then (if the
    /// assignment reads them first) their values, then `values`.
    pub fn order_assign(&mut self, places: &[ExprId], reads: bool, values: &[ExprId]) {
        let mut found = Found::default();
        for p in places {
            self.look_place(*p, &mut found);
            if reads {
                found.late |= !self.is_frame_var(*p);
            }
        }
        for (p, v) in places.iter().zip(values) {
            let to = (!self.is_blank(*p)).then(|| self.ty(*p));
            self.look(*v, to, &mut found);
        }
        self.hoist(found);
    }

    /// The same for a call of `f` (whatever its arguments become) with the parameters of `sig`.
    pub fn order_call(
        &mut self,
        callee: Callee,
        f: ExprId,
        args: &[ExprId],
        spread: bool,
        sig: &Signature,
    ) {
        let mut found = Found::default();
        match (callee, self.kind(f)) {
            (Callee::Func(..), _) | (_, ExprKind::FuncLit(_)) => {}
            (Callee::Method(_) | Callee::IfaceMethod, ExprKind::Selector { x, .. }) => {
                self.look(*x, None, &mut found);
                let xt = self.ty(*x);
                let steps = self.p.info.selections.get(&f).map_or(0, |s| s.path.len());
                // A value receiver is copied from where the pointer points to.
                found.late |= steps > 1
                    || matches!(&*underlying(xt), Type::Pointer(_))
                        && matches!(callee, Callee::Method(m) if !has_pointer_receiver(m));
            }
            _ => self.look(f, None, &mut found),
        }
        let fixed = sig.params.len() - usize::from(sig.variadic && !spread);
        for (i, a) in args.iter().enumerate() {
            let to = match sig.params.get(i.min(fixed)) {
                Some(p) if i >= fixed => match &*underlying(p.ty) {
                    Type::Slice(elem) => Some(*elem),
                    _ => None,
                },
                p => p.map(|p| p.ty),
            };
            self.look(*a, to, &mut found);
        }
        self.hoist(found);
    }

    /// Evaluates what is eager in the operands of places, whatever stands between: an eager
    /// expression follows that is not hoisted itself.
    pub fn order_places(&mut self, places: &[ExprId]) {
        let mut found = Found::default();
        for p in places {
            self.look_place(*p, &mut found);
        }
        found.crossed = true;
        found.needed = found.eager.len();
        self.hoist(found);
    }

    /// The slot of an expression evaluated before, which has now been used.
    pub fn take_hoisted(&mut self, e: ExprId) -> Option<u16> {
        if self.hoisted.is_empty() {
            return None;
        }
        self.hoisted.remove(&e)
    }

    fn hoist(&mut self, mut found: Found) {
        if !found.crossed {
            return;
        }
        found.eager.truncate(found.needed);
        let size: usize = found.eager.iter().map(|x| self.result_slots(x.e) + 4).sum();
        if size > MOST {
            return;
        }
        for Eager { e, converted } in found.eager {
            if converted {
                self.order(&[e]);
            }
            let slot = if self.is_plain_call(e) {
                let n = self.result_slots(e);
                let base = self.call(e);
                self.release(base as usize);
                self.alloc(n);
                base
            } else {
                let dst = self.alloc_ty(single(self.ty(e)));
                self.expr_to(e, dst);
                dst
            };
            self.hoisted.insert(e, slot);
        }
    }

    fn result_slots(&self, e: ExprId) -> usize {
        match &*self.ty(e) {
            Type::Tuple(ts) => ts.iter().map(|t| slots(*t)).sum(),
            _ => slots(self.ty(e)),
        }
    }

    /// Whether the expression names a variable in the frame, which no call can change.
    fn is_frame_var(&self, e: ExprId) -> bool {
        let ExprKind::Ident(id) = self.kind(self.unparen(e)) else {
            return false;
        };
        let o = self.p.info.uses[id.index()].or(self.p.info.defs[id.index()]);
        o.is_none_or(|o| o.var_info().is_none() || matches!(self.vars.get(&o), Some(Var::Slot(_))))
    }

    /// An eager part that calls, receives or may panic.
    fn eager(&self, e: ExprId, found: &mut Found) {
        if is_big(self.ty(e)) {
            found.late = true;
        } else if !self.hoisted.contains_key(&e) {
            found.crossed |= found.late;
            found.eager.push(Eager {
                e,
                converted: false,
            });
            found.needed = found.eager.len();
        }
    }

    /// An eager part that has no effects but those of its operands, which are in `parts`.
    fn eager_value(&self, e: ExprId, converted: bool, parts: Found, found: &mut Found) {
        if self.hoisted.contains_key(&e) {
            return;
        }
        let effects = parts.needed > 0;
        found.crossed |= parts.crossed || found.late && effects;
        found.eager.push(Eager { e, converted });
        if effects {
            found.needed = found.eager.len();
        }
    }

    /// Whether Go's compiler copies the value of `e` before it makes an interface value of
    /// type `to` from it: what its conversion takes by address and has none yet.
    /// Structs and arrays are compared by address, too.
    fn is_copied(&self, e: ExprId, to: Ty, compared: bool) -> bool {
        let iface = |t: Ty| matches!(&*underlying(t), Type::Interface(_));
        let from = self.ty(e);
        if compared && matches!(&*underlying(from), Type::Struct(_) | Type::Array(..)) {
            return !self.has_address(e);
        }
        if !iface(to) || iface(from) || self.is_nil_literal(e) {
            return false;
        }
        let from = if is_untyped(from) {
            default_type(from)
        } else {
            from
        };
        !matches!(&*from, Type::Tuple(_)) && is_passed_by_address(from) && !self.has_address(e)
    }

    fn has_address(&self, e: ExprId) -> bool {
        let e = self.unparen(e);
        match self.kind(e) {
            ExprKind::Ident(id) => {
                self.p.info.uses[id.index()].is_some_and(|o| o.var_info().is_some())
            }
            ExprKind::Star(_) => true,
            ExprKind::Selector { x, sel } => match self.p.info.selections.get(&e) {
                None => self.p.info.uses[sel.index()].is_some_and(|o| o.var_info().is_some()),
                Some(s) if s.kind != SelKind::Field => false,
                Some(_) => {
                    matches!(&*underlying(self.ty(*x)), Type::Pointer(_)) || self.has_address(*x)
                }
            },
            ExprKind::Index { x, .. } => match &*underlying(self.ty(*x)) {
                Type::Slice(_) | Type::Pointer(_) => true,
                Type::Array(..) => self.has_address(*x),
                _ => false,
            },
            _ => false,
        }
    }

    /// Goes through the parts of a value, to be converted to type `to`, in order of evaluation.
    fn look(&self, e: ExprId, to: Option<Ty>, found: &mut Found) {
        let e = self.unparen(e);
        if to.is_some_and(|to| self.is_copied(e, to, false)) {
            return self.look_copied(e, found);
        }
        self.look_value(e, found);
    }

    /// Goes through a value that is copied before it is used.
    fn look_copied(&self, e: ExprId, found: &mut Found) {
        if self.const_of(e).is_none() {
            let mut parts = Found::default();
            self.look_value(e, &mut parts);
            self.eager_value(e, true, parts, found);
        }
    }

    fn look_value(&self, e: ExprId, found: &mut Found) {
        if self.const_of(e).is_some() || self.hoisted.contains_key(&e) {
            return;
        }
        match self.kind(e) {
            ExprKind::Ident(_) => found.late |= !self.is_frame_var(e),
            ExprKind::CompositeLit { elems, .. } => {
                if let Some(Type::Map(..)) = core_type(self.ty(e)).map(|t| t.0) {
                    return self.eager(e, found);
                }
                let whole = match core_type(self.ty(e)).map(|t| t.0) {
                    Some(Type::Pointer(t)) => *t,
                    _ => self.ty(e),
                };
                for (i, el) in elems.iter().enumerate() {
                    let to = match core_type(whole).map(|t| t.0) {
                        Some(Type::Slice(t) | Type::Array(t, _)) => Some(*t),
                        Some(Type::Struct(fields)) => match el.key.map(|k| self.kind(k)) {
                            Some(ExprKind::Ident(id)) => {
                                let name = self.ast().name(*id);
                                fields.iter().find(|f| f.name == name).map(|f| f.ty)
                            }
                            _ => fields.get(i).map(|f| f.ty),
                        },
                        _ => None,
                    };
                    self.look(el.value, to, found);
                }
            }
            ExprKind::Selector { x, .. } => match self.p.info.selections.get(&e) {
                // A package's variable; its functions never change.
                None => found.late = true,
                Some(s) if s.kind == SelKind::MethodExpr => {}
                Some(s) => {
                    self.look(*x, None, found);
                    found.late |= s.kind == SelKind::Method
                        || s.path.len() > 1
                        || matches!(&*underlying(self.ty(*x)), Type::Pointer(_));
                }
            },
            ExprKind::Index { x, indices } => {
                let xt = self.ty(*x);
                if matches!(&*underlying(xt), Type::Signature(_))
                    || self.p.info.types[x.index()].mode == Mode::TypeExpr
                {
                    return;
                }
                if self.is_bytes_key(xt, indices[0]) {
                    return self.eager(e, found);
                }
                self.look(*x, None, found);
                self.look(indices[0], None, found);
                found.late = true;
            }
            ExprKind::Star(x) => {
                self.look(*x, None, found);
                found.late = true;
            }
            ExprKind::Slice { .. } => self.eager(e, found),
            ExprKind::TypeAssert { x, .. } => {
                if !is_pointer_shaped(single(self.ty(e))) {
                    return self.eager(e, found);
                }
                self.look(*x, None, found);
                found.late = true;
            }
            ExprKind::Call { fun, args, .. } => {
                match self.p.info.types[self.unparen(*fun).index()].mode {
                    Mode::TypeExpr => self.look_conversion(e, args, found),
                    Mode::Builtin(b) => self.look_builtin(b, e, args, found),
                    _ => self.eager(e, found),
                }
            }
            ExprKind::Unary { op: UnOp::Recv, .. } => self.eager(e, found),
            ExprKind::Unary { op: UnOp::Addr, x } => self.look_place(*x, found),
            ExprKind::Unary { x, .. } => self.look(*x, None, found),
            ExprKind::Binary { op, x, y, .. } => {
                if matches!(op, BinOp::LAnd | BinOp::LOr) {
                    let mut parts = Found::default();
                    self.look(*x, None, &mut parts);
                    self.look(*y, None, &mut parts);
                    return self.eager_value(e, false, parts, found);
                }
                let (xt, yt) = (self.ty(*x), self.ty(*y));
                for (operand, other) in [(*x, yt), (*y, xt)] {
                    let operand = self.unparen(operand);
                    if op.is_comparison() && self.is_copied(operand, other, true) {
                        self.look_copied(operand, found);
                    } else {
                        self.look_value(operand, found);
                    }
                }
                // By zero, or by a negative count.
                let may_panic = matches!(op, BinOp::Div | BinOp::Rem) || op.is_shift();
                found.late |= may_panic && self.const_of(*y).is_none();
            }
            _ => {}
        }
    }

    fn look_conversion(&self, e: ExprId, args: &[ExprId], found: &mut Found) {
        let Some(x) = args.first() else { return };
        let slice = |t: Ty| matches!(core_type(t).map(|t| t.0), Some(Type::Slice(_)));
        if slice(self.ty(e)) && !slice(self.ty(*x)) && !self.is_nil_literal(*x) {
            return self.eager(e, found);
        }
        self.look(*x, Some(self.ty(e)), found);
        // Of a slice's bytes or elements.
        found.late |= slice(self.ty(*x));
    }

    fn look_builtin(&self, b: Builtin, e: ExprId, args: &[ExprId], found: &mut Found) {
        match b {
            Builtin::New
                if self.p.info.types[self.unparen(args[0]).index()].mode == Mode::TypeExpr => {}
            Builtin::Len
            | Builtin::Cap
            | Builtin::New
            | Builtin::Real
            | Builtin::Imag
            | Builtin::Complex => {
                let mut parts = Found::default();
                for a in args {
                    self.look(*a, None, &mut parts);
                }
                self.eager_value(e, false, parts, found);
            }
            Builtin::UnsafeAlignof | Builtin::UnsafeOffsetof | Builtin::UnsafeSizeof => {}
            Builtin::UnsafeAdd | Builtin::UnsafeSliceData | Builtin::UnsafeStringData => {
                let mut parts = Found::default();
                for a in args {
                    self.look(*a, None, &mut parts);
                }
                self.eager_value(e, false, parts, found);
            }
            _ => self.eager(e, found),
        }
    }

    /// Goes through the operands of a place, which is not read itself.
    fn look_place(&self, e: ExprId, found: &mut Found) {
        let e = self.unparen(e);
        match self.kind(e) {
            ExprKind::Ident(_) => {}
            ExprKind::Star(x) => self.look(*x, None, found),
            ExprKind::Selector { x, .. } => {
                let Some(s) = self.p.info.selections.get(&e) else {
                    return;
                };
                if matches!(&*underlying(self.ty(*x)), Type::Pointer(_)) {
                    self.look(*x, None, found);
                } else {
                    self.look_place(*x, found);
                }
                found.late |= s.path.len() > 1;
            }
            ExprKind::Index { x, indices } => {
                if matches!(&*underlying(self.ty(*x)), Type::Array(..)) {
                    self.look_place(*x, found);
                } else {
                    self.look(*x, None, found);
                }
                self.look(indices[0], None, found);
            }
            _ => self.look(e, None, found),
        }
    }

    /// Whether a map is indexed with `string(b)`, for which Go makes no string.
    fn is_bytes_key(&self, map: Ty, key: ExprId) -> bool {
        if !matches!(core_type(map).map(|t| t.0), Some(Type::Map(..))) {
            return false;
        }
        let key = self.unparen(key);
        let ExprKind::Call { fun, args, .. } = self.kind(key) else {
            return false;
        };
        self.p.info.types[self.unparen(*fun).index()].mode == Mode::TypeExpr
            && matches!(&*underlying(self.ty(key)), Type::Basic(Basic::String, _))
            && matches!(&*underlying(self.ty(args[0])), Type::Slice(_))
    }

    fn is_nil_literal(&self, e: ExprId) -> bool {
        self.p.info.types[self.unparen(e).index()].mode == Mode::Nil
    }
}

/// Whether an interface holds values of the type in its data word itself.
fn is_pointer_shaped(t: Ty) -> bool {
    match &*underlying(t) {
        Type::Pointer(_) | Type::Chan(..) | Type::Map(..) | Type::Signature(_) => true,
        Type::Basic(Basic::UnsafePointer, _) => true,
        Type::Array(e, 1) => is_pointer_shaped(*e),
        Type::Struct(fields) => match &fields[..] {
            [f] => is_pointer_shaped(f.ty),
            _ => false,
        },
        _ => false,
    }
}

/// Whether the compiler's conversion of a value to an interface takes its address: neither
/// a plain word of two, four or eight bytes without pointers nor a string or slice.
fn is_passed_by_address(t: Ty) -> bool {
    match sole(t) {
        Some(s) if matches!(&*s, Type::Basic(Basic::String, _) | Type::Slice(_)) => return false,
        _ => {}
    }
    let (size, align) = size_align(t);
    !(matches!(size, 2 | 4 | 8) && align == size && !has_pointers(t))
}

/// The type of the only thing in a struct or array, however deep.
fn sole(t: Ty) -> Option<Ty> {
    match &*underlying(t) {
        Type::Struct(fields) => match &fields[..] {
            [f] => sole(f.ty),
            _ => None,
        },
        Type::Array(e, 1) => sole(*e),
        Type::Array(..) => None,
        _ => Some(underlying(t)),
    }
}

fn has_pointers(t: Ty) -> bool {
    match &*underlying(t) {
        Type::Basic(b, _) => matches!(b, Basic::String | Basic::UnsafePointer),
        Type::Struct(fields) => fields.iter().any(|f| has_pointers(f.ty)),
        Type::Array(e, n) => *n > 0 && has_pointers(*e),
        _ => true,
    }
}
