//! Calls of `sync/atomic` that are one instruction each. Race runs keep the calls: their
//! natives tell the detector.

use super::call::Callee;
use super::func::Fb;
use super::place::Place;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::slots;
use crate::syntax::ast::{ExprId, ExprKind, UnOp};
use crate::types::ty::Ty;

/// An instruction of the `At…` group and the width it works on, as its extension word says.
#[derive(Clone, Copy)]
pub(crate) struct Intrinsic {
    op: Op,
    width: u64,
}

/// The instruction behind a native of `sync/atomic`, by its qualified name.
fn find(name: &str) -> Option<Intrinsic> {
    let name = name.strip_prefix("sync/atomic.")?;
    // `(*Int64).Add` and `AddInt64` are the same operation.
    let (verb, ty) = match name.strip_prefix("(*") {
        Some(method) => {
            let (ty, verb) = method.split_once(").")?;
            (verb, ty)
        }
        None => name.split_at(name.find(['I', 'U'])?),
    };
    let width = match ty {
        "Int32" => 0,
        "Uint32" | "Bool" => 1,
        "Int64" | "Uint64" | "Uintptr" => 2,
        // Stores of pointers stay natives: the heap takes part in them.
        "Pointer" if verb == "Load" => 2,
        _ => return None,
    };
    let op = match verb {
        "Load" => Op::AtLd,
        "Store" => Op::AtSt,
        "Add" => Op::AtAdd,
        "Swap" => Op::AtSwap,
        "CompareAndSwap" => Op::AtCas,
        _ => return None,
    };
    Some(Intrinsic { op, width })
}

impl Fb<'_> {
    /// The instruction that call `e` is, if it is one.
    pub(crate) fn intrinsic_of(&self, e: ExprId) -> Option<Intrinsic> {
        let ExprKind::Call { fun, args, .. } = self.kind(self.unparen(e)) else {
            return None;
        };
        let (callee @ (Callee::Func(o, _) | Callee::Method(o)), _) = self.callee(*fun) else {
            return None;
        };
        if crate::race::on() || o.pkg.is_none_or(|p| p.0.path.as_str() != "sync/atomic") {
            return None;
        }
        self.lw.native_of(o)?;
        let i = find(&self.lw.qualified_name(o))?;
        // `f(g())` hands on g's results, however many.
        let given = args.len() + matches!(callee, Callee::Method(_)) as usize;
        let wanted = match i.op {
            Op::AtLd => 1,
            Op::AtCas => 3,
            _ => 2,
        };
        (given == wanted).then_some(i)
    }

    /// Compiles such a call with its result, if it has one, into `dst`.
    pub(crate) fn intrinsic_to(&mut self, i: Intrinsic, e: ExprId, dst: u16) {
        let ExprKind::Call {
            fun, args, lparen, ..
        } = self.kind(self.unparen(e))
        else {
            return;
        };
        let (callee, f) = self.callee(*fun);
        let sig = self.signature(*fun);
        self.order_call(callee, f, args, false, &sig);
        let params: Vec<Ty> = sig.params.iter().map(|p| p.ty).collect();
        let (addr, rest, types) = match callee {
            Callee::Method(_) => {
                let ExprKind::Selector { x, .. } = self.kind(f) else {
                    return;
                };
                let xt = self.ty(*x);
                (self.receiver(f, *x, xt).0, &args[..], &params[..])
            }
            _ => (self.cell(args[0], params[0]), &args[1..], &params[1..]),
        };
        match i.op {
            Op::AtLd => {
                self.at(*lparen);
                self.emit(Op::AtLd, dst, addr, 0);
            }
            Op::AtSt => {
                let v = self.expr_as(rest[0], types[0]);
                self.at(*lparen);
                self.emit(Op::AtSt, addr, v, 0);
            }
            Op::AtCas => {
                let pair = self.alloc(2);
                self.expr_as_to(rest[0], types[0], pair);
                self.expr_as_to(rest[1], types[1], pair + 1);
                self.at(*lparen);
                self.emit(Op::AtCas, dst, addr, pair);
            }
            op => {
                if let (Op::AtAdd, Some(n)) = (op, self.imm16(rest[0])) {
                    self.at(*lparen);
                    self.emit(Op::AtAddI, dst, addr, n as u16);
                    self.ext(i.width);
                    return;
                }
                let v = self.expr_as(rest[0], types[0]);
                self.at(*lparen);
                self.emit(op, dst, addr, v);
            }
        }
        self.ext(i.width);
    }

    /// The address argument. The instruction checks it for nil itself.
    fn cell(&mut self, arg: ExprId, t: Ty) -> u16 {
        if let ExprKind::Unary {
            op: UnOp::Addr, x, ..
        } = self.kind(self.unparen(arg))
            && !matches!(self.kind(self.unparen(*x)), ExprKind::CompositeLit { .. })
        {
            let xt = self.ty(*x);
            return match self.place(*x) {
                Place::Mem { ptr, off: 0 } => ptr,
                p => self.address(p, xt),
            };
        }
        debug_assert_eq!(slots(t), 1);
        self.expr_as(arg, t)
    }
}
