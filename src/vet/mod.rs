//! `gosub vet`: finds code that compiles but is most likely wrong, above all around
//! goroutines, locks and channels. Where go vet has a check, its words and places are used.
//!
//! Works on checked packages without errors; each check is a file. Findings are warnings:
//! they never stop a program from running.

mod asserts;
mod bools;
mod calls;
mod cancel;
mod comments;
mod copylock;
mod loops;
mod printf;
mod testfuncs;
#[cfg(test)]
mod tests;
mod unreachable;
mod walk;

use crate::base::diag::{Diagnostic, Severity};
use crate::base::span::{SourceMap, Span};
use crate::syntax::ast::*;
use crate::types::display::type_string;
use crate::types::info::{CheckedPackage, Info, Mode};
use crate::types::predicates::{as_named, deref};
use crate::types::ty::{Builtin, Obj, ObjKind, Ty, Type};
use walk::{Node, walk_stmts};

/// One run over a package.
pub struct Vet<'a> {
    ast: &'a Ast,
    info: &'a Info,
    sources: &'a SourceMap,
    found: Vec<Diagnostic>,
}

/// All findings about a package, by position.
pub fn vet(pkg: &CheckedPackage, sources: &SourceMap) -> Vec<Diagnostic> {
    let mut v = Vet {
        ast: &pkg.ast,
        info: &pkg.info,
        sources,
        found: Vec::new(),
    };
    v.copylocks();
    v.calls();
    v.printf();
    v.loops();
    v.lost_cancels();
    v.unreachable();
    v.test_functions();
    v.bools();
    v.asserts();
    v.comments();
    v.found.sort_by_key(|d| d.span.lo);
    v.found
}

impl<'a> Vet<'a> {
    fn warn(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.found.push(finding(code, span, message));
    }
    fn source(&self, e: ExprId) -> &'a str {
        self.sources.text(self.ast.expr(e).span)
    }
    fn span(&self, e: ExprId) -> Span {
        self.ast.expr(e).span
    }
    fn ty(&self, e: ExprId) -> Option<Ty> {
        self.info.types.get(e.index())?.ty
    }
    fn is_type(&self, e: ExprId) -> bool {
        self.mode(e) == Mode::TypeExpr
    }
    fn mode(&self, e: ExprId) -> Mode {
        self.info
            .types
            .get(e.index())
            .map_or(Mode::Invalid, |t| t.mode)
    }
    /// The type as go vet prints it: with the package's whole path.
    fn type_name(&self, t: Ty) -> String {
        let text = type_string(t, None);
        match as_named(t).and_then(|n| n.obj.pkg) {
            Some(p) if p.path.contains('/') => match text.split_once('.') {
                Some((_, rest)) => format!("{}.{rest}", p.path),
                None => text,
            },
            _ => text,
        }
    }
    fn line(&self, at: u32) -> u32 {
        self.sources.locate(at).map_or(0, |(_, l, _)| l)
    }

    /// The object an identifier or a qualified name stands for.
    fn object(&self, e: ExprId) -> Option<Obj> {
        match &self.ast.expr(self.ast.unparen(e)).kind {
            ExprKind::Ident(id) => self.ident(*id),
            ExprKind::Selector { sel, .. } => {
                match self.info.selections.get(&self.ast.unparen(e)) {
                    Some(s) => s.method,
                    None => self.ident(*sel),
                }
            }
            ExprKind::Index { x, .. } => self.object(*x),
            _ => None,
        }
    }
    fn ident(&self, id: IdentId) -> Option<Obj> {
        let i = id.index();
        let def = self.info.defs.get(i).copied().flatten();
        def.or(self.info.uses.get(i).copied().flatten())
    }
    /// The variable an identifier stands for.
    fn variable(&self, e: ExprId) -> Option<Obj> {
        match self.ast.expr(self.ast.unparen(e)).kind {
            ExprKind::Ident(id) => self.ident(id).filter(|o| matches!(o.kind, ObjKind::Var(_))),
            _ => None,
        }
    }
    /// Function and arguments, if it is a call.
    fn call(&self, e: ExprId) -> Option<(ExprId, &'a [ExprId])> {
        match &self.ast.expr(self.ast.unparen(e)).kind {
            ExprKind::Call { fun, args, .. } => Some((*fun, args)),
            _ => None,
        }
    }
    /// The called function or method as `pkg.F` or `pkg.T.M`, the package with its path.
    fn callee(&self, e: ExprId) -> Option<String> {
        let o = self.object(self.call(e)?.0)?;
        qualified(o)
    }
    fn builtin(&self, fun: ExprId) -> Option<Builtin> {
        match self.mode(self.ast.unparen(fun)) {
            Mode::Builtin(b) => Some(b),
            _ => None,
        }
    }
    /// The bodies of all declared functions and literals, each with its id.
    fn bodies(&self) -> Vec<(FuncId, &'a Block)> {
        (0..self.ast.funcs.len())
            .map(|i| FuncId(i as u32))
            .filter(|f| {
                self.info
                    .func_types
                    .get(f.index())
                    .is_some_and(Option::is_some)
            })
            .filter_map(|f| Some((f, self.ast.func(f).body.as_ref()?)))
            .collect()
    }
    fn is_use(&self, n: Node, var: Obj) -> bool {
        match n {
            Node::Expr(e) => match self.ast.expr(e).kind {
                ExprKind::Ident(id) => {
                    self.info.uses.get(id.index()).copied().flatten() == Some(var)
                }
                _ => false,
            },
            Node::Stmt(_) => false,
        }
    }
}

fn finding(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
    let mut d = Diagnostic::error(code, span, message);
    d.severity = Severity::Warning;
    d
}

/// `pkg/path.Name`, for methods `pkg/path.Type.Name`.
fn qualified(o: Obj) -> Option<String> {
    if !matches!(o.kind, ObjKind::Func { .. }) {
        return None;
    }
    let pkg = &o.pkg?.path;
    let recv = o.ty.get().and_then(|t| match t.0 {
        Type::Signature(s) => s.recv,
        _ => None,
    });
    Some(match recv.map(|t| deref(t).0).and_then(as_named) {
        Some(n) => format!("{pkg}.{}.{}", n.obj.name, o.name),
        None => format!("{pkg}.{}", o.name),
    })
}
