//! What the human format says beyond Go's message: the declaration that matters, a name
//! that may have been meant, the method that is missing, the directions of a channel.

use super::check::Checker;
use super::lookup::{method_set, method_string};
use super::operand::Operand;
use super::predicates::{as_named, as_struct, core_type, deref, is_interface, same_id};
use super::ty::*;
use super::typeset::type_set;
use super::universe::universe;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::similar::closest;
use crate::syntax::ast::{ChanDir, ExprId, ExprKind};

/// Errors of one package beyond which no names are compared: it takes time.
const MAX_GUESSES: usize = 50;

impl Checker<'_> {
    fn did_you_mean<'n>(
        &self,
        d: Diagnostic,
        name: Name,
        names: impl Iterator<Item = &'n str>,
    ) -> Diagnostic {
        if self.diags.len() > MAX_GUESSES {
            return d;
        }
        match closest(name.as_str(), names) {
            Some(c) => d.with_note(format!("did you mean {c}?")),
            None => d,
        }
    }

    /// For a name that no scope has.
    pub(super) fn hint_name(&self, d: Diagnostic, name: Name) -> Diagnostic {
        let mut names: Vec<Name> = Vec::new();
        let mut at = Some(self.env.scope);
        while let Some(s) = at {
            let sc = &self.scopes[s.0 as usize];
            names.extend(sc.names.keys());
            at = sc.parent;
        }
        names.extend(self.pkg.scope.borrow().keys());
        names.extend(universe().keys());
        self.did_you_mean(d, name, names.iter().map(|n| n.as_str()))
    }

    /// For a name that the package does not export.
    pub(super) fn hint_export(&self, d: Diagnostic, pkg: Pkg, name: Name) -> Diagnostic {
        let loaded: Vec<Name> = pkg.scope.borrow().keys().copied().collect();
        let loaded = loaded.iter().map(|n| n.as_str());
        let all = self.importer.names(&pkg.path).into_iter().chain(loaded);
        let exported = all.filter(|n| n.starts_with(char::is_uppercase));
        self.did_you_mean(d, name, exported)
    }

    /// For a field or method that a type lacks.
    pub(super) fn hint_member(&self, d: Diagnostic, ty: Ty, name: Name) -> Diagnostic {
        let base = deref(ty).0;
        let mut names: Vec<Name> = as_struct(base)
            .unwrap_or(&[])
            .iter()
            .map(|f| f.name)
            .collect();
        let pointer = Ty::new(Type::Pointer(base));
        let full = if is_interface(base) { base } else { pointer };
        names.extend(method_set(full).iter().map(|m| m.name));
        let d = self.did_you_mean(d, name, names.iter().map(|n| n.as_str()));
        self.label_type(d, base, "is declared here")
    }

    /// For a field that a struct literal names but the struct lacks.
    pub(super) fn hint_field(&self, d: Diagnostic, base: Ty, name: Name) -> Diagnostic {
        let fields = as_struct(base).unwrap_or(&[]);
        let d = self.did_you_mean(d, name, fields.iter().map(|f| f.name.as_str()));
        self.label_type(d, base, "is declared here")
    }

    fn label_type(&self, d: Diagnostic, ty: Ty, what: &str) -> Diagnostic {
        match as_named(ty).map(|n| n.obj) {
            Some(o) if o.pkg == Some(self.pkg) => {
                let text = format!("type {} {what}", o.name);
                d.with_label(o.span, text)
            }
            _ => d,
        }
    }

    /// Marks where the variable or function in an expression is declared.
    pub(super) fn label_decl(&self, d: Diagnostic, e: ExprId) -> Diagnostic {
        let e = self.ast.unparen(e);
        let ExprKind::Ident(id) = self.ast.expr(e).kind else {
            return d;
        };
        let Some(o) = self.info.uses.get(id.index()).copied().flatten() else {
            return d;
        };
        if o.pkg != Some(self.pkg) || o.span == d.span {
            return d;
        }
        let text = match (&o.kind, o.ty.get()) {
            (ObjKind::Var(_), Some(t)) => {
                format!("{} is declared here as {}", o.name, self.tstr(t))
            }
            (ObjKind::Func { .. }, _) => format!("{} is declared here", o.name),
            _ => return d,
        };
        d.with_label(o.span, text)
    }

    /// For a value that cannot be assigned: its declaration, and the method it lacks.
    pub(super) fn hint_assign(&self, d: Diagnostic, x: &Operand, t: Ty) -> Diagnostic {
        let d = match x.expr {
            Some(e) => self.label_decl(d, e),
            None => d,
        };
        if let (Some(Type::Chan(have, _)), Some(Type::Chan(want, _))) =
            (core_type(x.ty).map(|t| t.0), core_type(t).map(|t| t.0))
            && have != want
        {
            return d
                .with_note(format!("{} {}", self.tstr(x.ty), ability(*have)))
                .with_note(format!("{} {}", self.tstr(t), ability(*want)));
        }
        if !is_interface(t) {
            return d;
        }
        let has = method_set(x.ty);
        let missing = type_set(t).methods.iter().find(|m| {
            !has.iter()
                .any(|h| same_id(h.name, Some(self.pkg), m.name, m.pkg.or(Some(self.pkg))))
        });
        let Some(m) = missing else { return d };
        let wanted = method_string(m.name, m.sig);
        let base = deref(x.ty).0;
        let of_pointer = method_set(Ty::new(Type::Pointer(base)));
        let there = of_pointer
            .iter()
            .find(|h| same_id(h.name, h.pkg, m.name, m.pkg.or(Some(self.pkg))));
        if let Some(o) = there.and_then(|h| h.obj)
            && o.pkg == Some(self.pkg)
        {
            let text = format!("declared for *{} only", self.tstr(base));
            return d.with_label(o.span, text);
        }
        let d = if m.pkg == Some(self.pkg) && m.span != Default::default() {
            d.with_label(m.span, format!("{} wants this method", self.tstr(t)))
        } else {
            d.with_note(format!("{} wants the method {wanted}", self.tstr(t)))
        };
        self.label_type(d, base, &format!("lacks the method {wanted}"))
    }

    /// For sending and receiving in the wrong direction.
    pub(super) fn hint_direction(&self, d: Diagnostic, x: &Operand) -> Diagnostic {
        let d = match x.expr {
            Some(e) => self.label_decl(d, e),
            None => d,
        };
        match core_type(x.ty).map(|t| t.0) {
            Some(Type::Chan(dir @ ChanDir::Recv, elem)) => d
                .with_note(format!("{} {}", self.tstr(x.ty), ability(*dir)))
                .with_note(format!(
                    "sending needs chan {0} or chan<- {0}",
                    self.tstr(*elem)
                )),
            Some(Type::Chan(dir @ ChanDir::Send, elem)) => d
                .with_note(format!("{} {}", self.tstr(x.ty), ability(*dir)))
                .with_note(format!(
                    "receiving needs chan {0} or <-chan {0}",
                    self.tstr(*elem)
                )),
            _ => d,
        }
    }
}

fn ability(dir: ChanDir) -> &'static str {
    match dir {
        ChanDir::Both => "can be sent to and received from",
        ChanDir::Send => "can only be sent to",
        ChanDir::Recv => "can only be received from",
    }
}
