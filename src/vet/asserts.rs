//! What `errors.As` is given to fill in, and assertions between interfaces that no type can
//! satisfy both of.

use super::Vet;
use crate::syntax::ast::*;
use crate::types::info::Mode;
use crate::types::lookup::{Lookup, lookup};
use crate::types::predicates::{identical, underlying};
use crate::types::ty::{Ty, Type};
use crate::types::typeset::{implements, type_set};
use crate::types::universe::error_ty;

impl Vet<'_> {
    pub(super) fn asserts(&mut self) {
        for i in 0..self.ast.exprs.len() {
            let e = ExprId(i as u32);
            match self.ast.expr(e).kind {
                ExprKind::Call { ref args, .. }
                    if args.len() == 2 && self.callee(e).as_deref() == Some("errors.As") =>
                {
                    self.errors_as(e, args[1]);
                }
                ExprKind::TypeAssert { x, ty: Some(t) } => self.interfaces(x, t, t),
                _ => {}
            }
        }
        for i in 0..self.ast.stmts.len() {
            if let StmtKind::TypeSwitch { x, cases, .. } = &self.ast.stmt(StmtId(i as u32)).kind {
                for t in cases.iter().flat_map(|c| &c.exprs) {
                    self.interfaces(*x, *t, *t);
                }
            }
        }
    }

    fn errors_as(&mut self, call: ExprId, target: ExprId) {
        let Some(t) = self.ty(target) else { return };
        let is_interface = |t: Ty| matches!(&*underlying(t), Type::Interface(_));
        let plain =
            self.mode(target) == Mode::Nil || self.info.types[target.index()].value.is_some();
        if is_interface(t) && type_set(t).methods.is_empty() && !plain {
            // It may hold anything.
            return;
        }
        let elem = match &*underlying(t) {
            Type::Pointer(e) => Some(*e),
            _ => None,
        };
        let text = match elem {
            Some(e) if identical(e, error_ty()) => {
                "second argument to errors.As should not be *error"
            }
            Some(e) if is_interface(e) || implements(e, error_ty(), true).is_ok() => return,
            _ => {
                "second argument to errors.As must be a non-nil pointer to either a type that \
                 implements error, or to any interface type"
            }
        };
        self.warn("VetErrorsAs", self.span(call), text);
    }

    /// The value's type against the asserted one, if both are interfaces.
    fn interfaces(&mut self, x: ExprId, target: ExprId, at: ExprId) {
        let (Some(v), Some(t)) = (self.ty(x), self.ty(target)) else {
            return;
        };
        let both = [v, t]
            .iter()
            .all(|t| matches!(&*underlying(*t), Type::Interface(_)) && !is_param(*t));
        if !both {
            return;
        }
        for m in &type_set(v).methods {
            if let Lookup::Method { sig, .. } = lookup(t, false, m.pkg, m.name)
                && !identical(sig, m.sig)
            {
                let text = format!(
                    "impossible type assertion: no type can implement both {} and {} \
                     (conflicting types for {} method)",
                    self.type_name(v),
                    self.type_name(t),
                    m.name
                );
                return self.warn("VetIfaceAssert", self.span(at), text);
            }
        }
    }
}

fn is_param(t: Ty) -> bool {
    matches!(*t, Type::TypeParam(_))
}
