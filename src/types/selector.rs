//! Selectors: package members, fields, methods, method expressions.

use super::check::Checker;
use super::info::{Mode, SelKind, Selection};
use super::lookup::{self, Lookup, lookup};
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::ty::*;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::{ExprId, ExprKind, IdentId};

impl Checker<'_> {
    /// Checks `x.sel`. With `want_type` the context wants a type.
    pub(super) fn selector(
        &mut self,
        e: ExprId,
        xe: ExprId,
        sel: IdentId,
        want_type: bool,
    ) -> Operand {
        if let ExprKind::Ident(i) = self.ast.expr(xe).kind
            && let Some(obj) = self.lookup_name(self.ast.name(i))
            && let ObjKind::PkgName { pkg, used } = &obj.kind
        {
            used.set(true);
            self.record_use(i, obj);
            return self.package_member(e, *pkg, sel);
        }
        let name = self.ast.name(sel);
        let x = self.expr_or_builtin(xe);
        match x.mode {
            Mode::Invalid => return Operand::invalid(Some(e)),
            Mode::Builtin(_) => {
                let m = format!(
                    "invalid use of {} in selector expression",
                    self.describe(&x)
                );
                self.err("InvalidSelector", Span::at(self.own_pos(e)), m);
                return Operand::invalid(Some(e));
            }
            _ => {}
        }
        if want_type && x.mode == Mode::TypeExpr {
            let m = format!("{} is not a type", self.estr(e));
            self.err("NotAType", self.ispan(sel), m);
            return Operand::invalid(Some(e));
        }
        if want_type {
            let m = format!("{} is not a type", self.estr(e));
            self.err("NotAType", self.ispan(sel), m);
            return Operand::invalid(Some(e));
        }
        if !is_valid(x.ty) {
            return Operand::invalid(Some(e));
        }
        let addressable = x.mode == Mode::Variable;
        if name.is_blank() || x.is_nil() {
            self.undefined_member(e, &x, sel, name);
            return Operand::invalid(Some(e));
        }
        self.resolve_methods(x.ty, name);
        let is_type = x.mode == Mode::TypeExpr;
        match lookup(x.ty, addressable, Some(self.pkg), name) {
            Lookup::NotFound => {
                self.undefined_member(e, &x, sel, name);
                Operand::invalid(Some(e))
            }
            Lookup::Ambiguous => {
                let m = format!("ambiguous selector {}", self.estr(e));
                self.err("AmbiguousSelector", self.ispan(sel), m);
                Operand::invalid(Some(e))
            }
            Lookup::Field {
                path,
                field,
                indirect,
            } => {
                if is_type {
                    let m = format!(
                        "operand for field selector {name} must be value of type {}",
                        self.tstr(x.ty)
                    );
                    self.err("MissingFieldOrMethod", self.espan(xe), m);
                    return Operand::invalid(Some(e));
                }
                let selection = Selection {
                    kind: SelKind::Field,
                    recv: x.ty,
                    path,
                    method: None,
                    ty: field.ty,
                };
                self.info.selections.insert(e, selection);
                let mode = if addressable || indirect {
                    Mode::Variable
                } else {
                    Mode::Value
                };
                if !is_valid(field.ty) {
                    return Operand::invalid(Some(e));
                }
                Operand::new(mode, field.ty, Some(e))
            }
            Lookup::Method {
                path,
                method,
                sig,
                ptr_recv_needed,
                indirect,
                ..
            } => {
                if let Some(m) = method.obj {
                    self.add_dep(m);
                }
                if ptr_recv_needed {
                    let t = self.tstr(x.ty);
                    let m = if is_type {
                        format!(
                            "invalid method expression {t}.{name} (needs pointer receiver (*{t}).{name})"
                        )
                    } else {
                        format!("cannot call pointer method {name} on {t}")
                    };
                    self.err("InvalidMethodExpr", self.ispan(sel), m);
                    return Operand::invalid(Some(e));
                }
                let Some(s) = as_signature(sig) else {
                    return Operand::invalid(Some(e));
                };
                if !is_type
                    && addressable
                    && !indirect
                    && method.obj.is_some_and(lookup::has_ptr_recv)
                {
                    self.mark_address(xe);
                }
                let ty = if is_type {
                    let mut s = s.clone();
                    let first = Param {
                        name: Name::EMPTY,
                        ty: x.ty,
                    };
                    s.params.insert(0, first);
                    s.recv = None;
                    Ty::new(Type::Signature(s))
                } else {
                    sig
                };
                let selection = Selection {
                    kind: if is_type {
                        SelKind::MethodExpr
                    } else {
                        SelKind::Method
                    },
                    recv: x.ty,
                    path,
                    method: method.obj,
                    ty,
                };
                self.info.selections.insert(e, selection);
                Operand::new(Mode::Value, ty, Some(e))
            }
        }
    }

    fn expr_or_builtin(&mut self, e: ExprId) -> Operand {
        let inner = self.ast.unparen(e);
        if let ExprKind::Ident(i) = self.ast.expr(inner).kind
            && let Some(o) = self.lookup_name(self.ast.name(i))
            && matches!(o.kind, ObjKind::Builtin(_))
        {
            return self.raw_expr(e, None);
        }
        self.expr_or_type(e)
    }

    /// Gives the declared methods called `name` their types, should they lack them.
    fn resolve_methods(&mut self, t: Ty, name: Name) {
        let (base, _) = deref(t);
        let origin = match base.0 {
            Type::Named(n) => n.origin.unwrap_or(base),
            _ => return,
        };
        if let Type::Named(n) = origin.0 {
            let m = n.methods.borrow().iter().find(|m| m.name == name).copied();
            if let Some(m) = m
                && m.ty.get().is_none()
            {
                self.obj_decl(m);
            }
        }
    }

    fn package_member(&mut self, e: ExprId, pkg: Pkg, sel: IdentId) -> Operand {
        let name = self.ast.name(sel);
        if self.broken.contains(&pkg) {
            return Operand::invalid(Some(e));
        }
        let found = pkg.scope.borrow().get(&name).copied();
        let obj = match found {
            Some(o) if name.is_exported() => o,
            _ => {
                let mut m = format!("undefined: {}", self.estr(e));
                if let Some(alt) = exported_twin(pkg, name) {
                    m += &format!(" (but have {alt})");
                }
                let d = Diagnostic::error("UndeclaredImportedName", self.ispan(sel), m);
                let d = self.hint_export(d, pkg, name);
                self.report(d);
                return Operand::invalid(Some(e));
            }
        };
        self.record_use(sel, obj);
        let ty = obj.ty.get().unwrap_or_else(invalid);
        let mut x = Operand::new(Mode::Invalid, ty, Some(e));
        x.mode = match &obj.kind {
            ObjKind::Const(v) => {
                x.val.clone_from(&v.borrow());
                Mode::Constant
            }
            ObjKind::TypeName { .. } => Mode::TypeExpr,
            ObjKind::Var(_) => Mode::Variable,
            ObjKind::Func { .. } => Mode::Value,
            ObjKind::Builtin(b) => Mode::Builtin(*b),
            _ => Mode::Invalid,
        };
        if !is_valid(ty) && !matches!(x.mode, Mode::Builtin(_))
            || x.mode == Mode::Constant && x.val.is_none()
        {
            return Operand::invalid(Some(e));
        }
        x
    }

    fn undefined_member(&mut self, e: ExprId, x: &Operand, sel: IdentId, name: Name) {
        let t = self.tstr(x.ty);
        let why = if lookup::is_interface_pointer(x.ty) {
            let (b, _) = deref(x.ty);
            if is_type_param(b) {
                format!("type {t} is pointer to type parameter, not type parameter")
            } else {
                format!("type {t} is pointer to interface, not interface")
            }
        } else {
            let mut why = format!("type {t} has no field or method {name}");
            if !name.is_blank() {
                match lookup::lookup_fold(x.ty, x.mode == Mode::Variable, name) {
                    Lookup::Field { field, .. } if self.visible(field.name, field.pkg) => {
                        why += &format!(", but does have field {}", field.name);
                    }
                    Lookup::Method { method, .. } => {
                        let m = method.obj.map(|o| (o.name, o.pkg));
                        let m = m.or(method.imethod.map(|i| (i.name, i.pkg)));
                        if let Some((n, p)) = m
                            && self.visible(n, p)
                        {
                            why += &format!(", but does have method {n}");
                        }
                    }
                    _ => {}
                }
            }
            why
        };
        let m = format!("{} undefined ({why})", self.estr(e));
        let d = Diagnostic::error("MissingFieldOrMethod", self.ispan(sel), m);
        let d = self.hint_member(d, x.ty, name);
        self.report(d);
    }

    fn visible(&self, n: Name, p: Option<Pkg>) -> bool {
        n.is_exported() || p.is_none() || p == Some(self.pkg)
    }
}

/// The exported name of `pkg` that differs from `name` in the case of its first letter.
fn exported_twin(pkg: Pkg, name: Name) -> Option<Name> {
    let mut cs = name.as_str().chars();
    let first = cs.next()?;
    let twin: String = first.to_uppercase().chain(cs).collect();
    let twin = Name::new(&twin);
    (twin != name && twin.is_exported() && pkg.scope.borrow().contains_key(&twin)).then_some(twin)
}
