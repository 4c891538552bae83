//! Values with locks in them that are copied: the copy is a different lock.

use super::Vet;
use crate::base::span::Span;
use crate::syntax::ast::*;
use crate::types::lookup::exported_method;
use crate::types::predicates::{as_named, as_struct, underlying};
use crate::types::ty::{Builtin, Ty, Type};

/// Types of the library that must not be copied although they have no method Lock.
const NO_COPY: &[(&str, &str)] = &[
    ("sync", "WaitGroup"),
    ("sync", "Once"),
    ("sync", "Cond"),
    ("sync", "Pool"),
    ("sync", "Map"),
    ("sync/atomic", "Bool"),
    ("sync/atomic", "Int32"),
    ("sync/atomic", "Int64"),
    ("sync/atomic", "Uint32"),
    ("sync/atomic", "Uint64"),
    ("sync/atomic", "Uintptr"),
    ("sync/atomic", "Pointer"),
];

impl Vet<'_> {
    /// `T contains sync.Mutex`, if values of the type must not be copied.
    fn lock_path(&self, t: Ty) -> Option<String> {
        let mut path = Vec::new();
        if !self.find_lock(t, &mut path) {
            return None;
        }
        path.reverse();
        Some(path.join(" contains "))
    }
    /// Fills `path` from the lock outwards.
    fn find_lock(&self, t: Ty, path: &mut Vec<String>) -> bool {
        let mut t = t;
        while let Type::Array(elem, _) = *underlying(t) {
            t = elem;
        }
        let Some(fields) = as_struct(t) else {
            return false;
        };
        if let Some(n) = as_named(t) {
            let pkg = n.obj.pkg.map_or("", |p| p.0.path.as_str());
            if NO_COPY.contains(&(pkg, n.obj.name.as_str())) {
                path.push(format!("{pkg}.noCopy"));
                path.push(self.type_name(t));
                return true;
            }
        }
        if locks(Ty::new(Type::Pointer(t))) && !locks(t) {
            path.push(self.type_name(t));
            return true;
        }
        for f in fields {
            if self.find_lock(f.ty, path) {
                path.push(self.type_name(t));
                return true;
            }
        }
        false
    }
    /// The same for a value that is copied; fresh values may be.
    fn copied_lock(&self, e: ExprId) -> Option<String> {
        let e = self.ast.unparen(e);
        match &self.ast.expr(e).kind {
            ExprKind::CompositeLit { .. } | ExprKind::Call { .. } => return None,
            ExprKind::Star(x) if self.call(*x).is_some() => return None,
            _ => {}
        }
        if self.is_type(e) {
            return None;
        }
        self.lock_path(self.ty(e)?)
    }

    pub(super) fn copylocks(&mut self) {
        for i in 0..self.ast.exprs.len() {
            self.copy_in_expr(ExprId(i as u32));
        }
        for s in &self.ast.stmts {
            self.copy_in_stmt(&s.kind);
        }
        for f in &self.ast.files {
            for d in &f.decls {
                self.copy_in_decl(d);
                if let Decl::Func(d) = d {
                    let name = self.ast.name(d.name).to_string();
                    for p in d.recv.iter().flatten() {
                        self.copy_in_param(&name, p);
                    }
                    self.copy_in_params(&name, &self.ast.func(d.func).sig);
                }
            }
        }
    }
    fn copy_in_params(&mut self, name: &str, sig: &Signature) {
        for p in &sig.params {
            self.copy_in_param(name, p);
        }
    }
    fn copy_in_param(&mut self, name: &str, p: &Param) {
        if !p.variadic
            && let Some(path) = self.ty(p.ty).and_then(|t| self.lock_path(t))
        {
            let text = format!("{name} passes lock by value: {path}");
            self.warn("VetCopyLocks", self.span(p.ty), text);
        }
    }
    fn copy_in_expr(&mut self, e: ExprId) {
        let ast = self.ast;
        match &ast.expr(e).kind {
            ExprKind::CompositeLit { elems, .. } if self.ty(e).is_some() => {
                for el in elems {
                    if let Some(path) = self.copied_lock(el.value) {
                        let from = self.source(el.value);
                        let text = format!("literal copies lock value from {from}: {path}");
                        self.warn("VetCopyLocks", self.span(el.value), text);
                    }
                }
            }
            ExprKind::FuncLit(f) if self.ty(e).is_some() => {
                self.copy_in_params("func", &ast.func(*f).sig);
            }
            ExprKind::Call { fun, args, .. } if self.ty(e).is_some() => {
                use Builtin::*;
                if matches!(
                    self.builtin(*fun),
                    Some(New | Len | Cap | UnsafeSizeof | UnsafeOffsetof | UnsafeAlignof)
                ) {
                    return;
                }
                for a in args {
                    if let Some(path) = self.copied_lock(*a) {
                        let name = self.source(*fun);
                        let text = format!("call of {name} copies lock value: {path}");
                        self.warn("VetCopyLocks", self.span(*a), text);
                    }
                }
            }
            _ => {}
        }
    }
    fn copy_in_stmt(&mut self, s: &StmtKind) {
        match s {
            StmtKind::Assign {
                lhs, rhs, op: None, ..
            }
            | StmtKind::Define { lhs, rhs, .. } => {
                for (l, r) in lhs.iter().zip(rhs) {
                    if let Some(path) = self.copied_lock(*r) {
                        let to = self.source(*l);
                        let text = format!("assignment copies lock value to {to}: {path}");
                        self.warn("VetCopyLocks", self.span(*r), text);
                    }
                }
            }
            StmtKind::Return(list) => {
                for e in list {
                    if let Some(path) = self.copied_lock(*e) {
                        let text = format!("return copies lock value: {path}");
                        self.warn("VetCopyLocks", self.span(*e), text);
                    }
                }
            }
            StmtKind::Range { key, value, .. } => {
                for e in [key, value].into_iter().flatten() {
                    self.copy_in_range(*e);
                }
            }
            StmtKind::Decl(d) => self.copy_in_decl(d),
            _ => {}
        }
    }
    fn copy_in_range(&mut self, e: ExprId) {
        let ty = match self.ast.expr(e).kind {
            ExprKind::Ident(id) => self.ident(id).and_then(|o| o.ty.get()),
            _ => self.ty(e),
        };
        if let Some(path) = ty.and_then(|t| self.lock_path(t)) {
            let text = format!("range var {} copies lock: {path}", self.source(e));
            self.warn("VetCopyLocks", self.span(e), text);
        }
    }
    fn copy_in_decl(&mut self, d: &Decl) {
        let Decl::Var(specs) = d else { return };
        for s in specs {
            for (n, v) in s.names.iter().zip(&s.values) {
                if let Some(path) = self.copied_lock(*v) {
                    let name = self.ast.name(*n);
                    let text = format!("variable declaration copies lock value to {name}: {path}");
                    let at: Span = self.span(*v);
                    self.warn("VetCopyLocks", at, text);
                }
            }
        }
    }
}

/// Whether the method set has `Lock()` and `Unlock()`.
fn locks(t: Ty) -> bool {
    let has = |name: &str| {
        let plain = |s: Ty| matches!(s.0, Type::Signature(s) if s.params.is_empty() && s.results.is_empty());
        exported_method(t, name).is_some_and(plain)
    };
    has("Lock") && has("Unlock")
}
