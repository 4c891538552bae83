//! Prints an expression as Go's error messages show it: canonical spacing, composite
//! literals as `T{…}`, function bodies as `{…}`, long texts in full.

use super::ast::*;
use crate::base::intern::Name;
use crate::base::span::{SourceMap, Span};

/// The text of an expression as in Go's messages.
pub fn expr_string(ast: &Ast, sources: &SourceMap, x: ExprId) -> String {
    expr_text(ast, &|s| sources.text(s), x)
}

/// The same, with the source text of a span given by `text`.
pub fn expr_text<'s>(ast: &Ast, text: &dyn Fn(Span) -> &'s str, x: ExprId) -> String {
    let mut p = Printer {
        ast,
        text,
        out: String::new(),
    };
    p.expr(x);
    p.out
}

struct Printer<'a, 's> {
    ast: &'a Ast,
    text: &'a dyn Fn(Span) -> &'s str,
    out: String,
}

impl Printer<'_, '_> {
    fn put(&mut self, s: &str) {
        self.out.push_str(s);
    }
    fn name(&mut self, n: Name) {
        self.put(n.as_str());
    }
    fn opt(&mut self, x: Option<ExprId>) {
        if let Some(x) = x {
            self.expr(x);
        }
    }
    fn list(&mut self, v: &[ExprId]) {
        for (i, &x) in v.iter().enumerate() {
            if i > 0 {
                self.put(", ");
            }
            self.expr(x);
        }
    }
    fn expr(&mut self, x: ExprId) {
        let e = self.ast.expr(x);
        match &e.kind {
            ExprKind::Bad => self.put("_"),
            ExprKind::Ident(n) => self.name(self.ast.name(*n)),
            ExprKind::Lit(_) => self.put((self.text)(e.span)),
            ExprKind::FuncLit(f) => {
                self.put("func");
                self.signature(&self.ast.func(*f).sig);
                let body = &self.ast.func(*f).body;
                let empty = body.as_ref().is_none_or(|b| b.stmts.is_empty());
                self.put(if empty { " {}" } else { " {…}" });
            }
            ExprKind::CompositeLit { ty, elems, .. } => {
                self.opt(*ty);
                self.put(if elems.is_empty() { "{}" } else { "{…}" });
            }
            ExprKind::Paren(x) => {
                self.put("(");
                self.expr(*x);
                self.put(")");
            }
            ExprKind::Selector { x, sel } => {
                self.expr(*x);
                self.put(".");
                self.name(self.ast.name(*sel));
            }
            ExprKind::Index { x, indices } => {
                self.expr(*x);
                self.put("[");
                self.list(indices);
                self.put("]");
            }
            ExprKind::Slice {
                x,
                lo,
                hi,
                max,
                three,
            } => {
                self.expr(*x);
                self.put("[");
                self.opt(*lo);
                self.put(":");
                self.opt(*hi);
                if *three {
                    self.put(":");
                    self.opt(*max);
                }
                self.put("]");
            }
            ExprKind::TypeAssert { x, ty } => {
                self.expr(*x);
                self.put(".(");
                match ty {
                    Some(t) => self.expr(*t),
                    None => self.put("type"),
                }
                self.put(")");
            }
            ExprKind::Call {
                fun, args, spread, ..
            } => {
                self.expr(*fun);
                self.put("(");
                self.list(args);
                self.put(if *spread { "...)" } else { ")" });
            }
            ExprKind::Star(x) => {
                self.put("*");
                self.expr(*x);
            }
            ExprKind::Unary { op, x } => {
                self.put(match op {
                    UnOp::Plus => "+",
                    UnOp::Neg => "-",
                    UnOp::Not => "!",
                    UnOp::Xor => "^",
                    UnOp::Addr => "&",
                    UnOp::Recv => "<-",
                    UnOp::Tilde => "~",
                });
                self.expr(*x);
            }
            ExprKind::Binary { op, x, y, .. } => {
                self.expr(*x);
                self.put(" ");
                self.put(op.text());
                self.put(" ");
                self.expr(*y);
            }
            ExprKind::ArrayType { len, elem } => {
                self.put("[");
                match len {
                    Some(n) => self.expr(*n),
                    None => self.put("..."),
                }
                self.put("]");
                self.expr(*elem);
            }
            ExprKind::SliceType(t) => {
                self.put("[]");
                self.expr(*t);
            }
            ExprKind::StructType(fields) => self.fields(fields),
            ExprKind::FuncType(sig) => {
                self.put("func");
                self.signature(sig);
            }
            ExprKind::InterfaceType(elems) => self.interface(elems),
            ExprKind::MapType { key, value } => {
                self.put("map[");
                self.expr(*key);
                self.put("]");
                self.expr(*value);
            }
            ExprKind::ChanType { dir, elem } => {
                let recv = matches!(
                    self.ast.expr(*elem).kind,
                    ExprKind::ChanType {
                        dir: ChanDir::Recv,
                        ..
                    }
                );
                self.put(match dir {
                    ChanDir::Both => "chan ",
                    ChanDir::Send => "chan<- ",
                    ChanDir::Recv => "<-chan ",
                });
                let paren = recv && *dir == ChanDir::Both;
                if paren {
                    self.put("(");
                }
                self.expr(*elem);
                if paren {
                    self.put(")");
                }
            }
        }
    }
    fn fields(&mut self, fields: &[FieldDecl]) {
        self.put("struct{");
        for (i, f) in fields.iter().enumerate() {
            let same = |j: usize| fields.get(j).is_some_and(|g| g.ty == f.ty);
            if i > 0 {
                self.put(if same(i - 1) { ", " } else { "; " });
            }
            if let Some(n) = f.name {
                self.name(self.ast.name(n));
            }
            if !same(i + 1) {
                if f.name.is_some() {
                    self.put(" ");
                }
                self.expr(f.ty);
                if let Some(tag) = &f.tag {
                    self.put(&format!(" {tag:?}"));
                }
            }
        }
        self.put("}");
    }
    fn interface(&mut self, elems: &[InterfaceElem]) {
        self.put("interface{");
        for (i, e) in elems.iter().enumerate() {
            if i > 0 {
                self.put("; ");
            }
            match e {
                InterfaceElem::Method { name, sig } => {
                    self.name(self.ast.name(*name));
                    self.signature(sig);
                }
                InterfaceElem::Embed(x) => self.expr(*x),
            }
        }
        self.put("}");
    }
    fn signature(&mut self, sig: &Signature) {
        self.params(&sig.params);
        match sig.results.as_slice() {
            [] => {}
            [p] if p.name.is_none() => {
                self.put(" ");
                self.expr(p.ty);
            }
            v => {
                self.put(" ");
                self.params(v);
            }
        }
    }
    fn params(&mut self, v: &[Param]) {
        self.put("(");
        for (i, p) in v.iter().enumerate() {
            if i > 0 {
                self.put(", ");
            }
            // A group prints its type once.
            let grouped = p.name.is_some()
                && v.get(i + 1)
                    .is_some_and(|q| q.name.is_some() && q.ty == p.ty);
            if let Some(n) = p.name {
                self.name(self.ast.name(n));
            }
            if grouped {
                continue;
            }
            if p.name.is_some() {
                self.put(" ");
            }
            if p.variadic {
                self.put("...");
            }
            self.expr(p.ty);
        }
        self.put(")");
    }
}
