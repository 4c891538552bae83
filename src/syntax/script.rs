//! Files without a package clause: statements stand beside declarations.
//!
//! A script becomes an ordinary `package main`. Its statements, in order, are the body of
//! `main` (of `init` if the script has its own `main`). Variables declared by them are
//! package variables, so that functions see them: `x := f()` is the declaration
//! `var x = f()`, which gives the type, and the statement `x = f()`, which shares its
//! expressions and does the work in its turn. The declaration's own initialiser is never
//! run ([`crate::load`] drops it).
//!
//! A statement is parsed as `func <empty name>() { statement }` by the driver for items.
//! Where it ends is found by trying: a semicolon may belong to a header (`for a; b; c {`).

use rustc_hash::FxHashSet as HashSet;

use super::ast::*;
use super::parse::{Driver, item_end};
use super::token::{T, Tok};
use crate::base::diag::{Diagnostic, Severity};
use crate::base::intern::Name;
use crate::base::span::Span;

/// What is known of a script so far.
#[derive(Default)]
pub(super) struct Script {
    stmts: Vec<StmtId>,
    /// Variables declared by statements.
    vars: HashSet<Name>,
    own_main: bool,
    /// An input of a session, where nothing calls `main` by itself.
    session: bool,
    /// The text ends inside a statement or declaration.
    pub unfinished: bool,
}

impl Script {
    /// Nothing yet, of a script or of an input of a session.
    pub fn new(session: bool) -> Script {
        Script {
            session,
            ..Script::default()
        }
    }
}

/// Tokens before and after a statement that make it a function.
fn wrapped(toks: &[Tok], end: u32) -> Vec<Tok> {
    let at = toks.first().map_or(end, |t| t.lo);
    let zero = |kind, lo| Tok { kind, lo, hi: lo };
    let mut out = Vec::with_capacity(toks.len() + 7);
    for k in [T::Func, T::Ident, T::LParen, T::RParen, T::LBrace] {
        out.push(zero(k, at));
    }
    out.extend_from_slice(toks);
    out.push(zero(T::RBrace, end));
    out.push(zero(T::Semi, end));
    out
}

/// Whether brackets are open at the end, or a token wants another one after it.
fn open(toks: &[Tok]) -> bool {
    let depth: i64 = toks
        .iter()
        .map(|t| match t.kind {
            T::LParen | T::LBrack | T::LBrace => 1,
            T::RParen | T::RBrack | T::RBrace => -1,
            _ => 0,
        })
        .sum();
    depth > 0 || toks.last().is_some_and(|t| t.kind != T::Semi)
}

/// Whether `func` at the start of `toks` begins a declaration, not a literal.
fn declares_func(toks: &[Tok]) -> bool {
    match toks.get(1).map(|t| t.kind) {
        Some(T::Ident) => true,
        Some(T::LParen) => {
            let mut depth = 0;
            for (i, t) in toks.iter().enumerate().skip(1) {
                match t.kind {
                    T::LParen => depth += 1,
                    T::RParen => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    let kind = |k: usize| toks.get(i + k).map(|t| t.kind);
                    return kind(1) == Some(T::Ident)
                        && matches!(kind(2), Some(T::LParen | T::LBrack));
                }
            }
            false
        }
        _ => false,
    }
}

impl Driver<'_> {
    /// Reads the whole file as a script.
    pub(super) fn script(&mut self) {
        let mut i = 0;
        while i < self.toks.len() && !self.too_many() {
            let first = self.toks[i];
            i = match first.kind {
                T::Semi => i + 1,
                T::Import | T::Const | T::Type => self.declaration(i),
                T::Func if declares_func(&self.toks[i..]) => self.declaration(i),
                T::Var => {
                    let before = self.decls.len();
                    let next = self.declaration(i);
                    self.variables(before);
                    next
                }
                _ => self.statement(i),
            };
        }
        self.add_main();
    }

    fn declaration(&mut self, i: usize) -> usize {
        let j = item_end(self.toks, i);
        if j == self.toks.len() && open(&self.toks[i..j]) {
            self.script.unfinished = true;
        }
        let before = self.decls.len();
        let next = self.item(i);
        for d in &self.decls[before..] {
            if let Decl::Func(f) = d
                && f.recv.is_none()
                && self.b.ast.name(f.name).as_str() == "main"
            {
                self.script.own_main = true;
            }
        }
        next
    }

    /// Parses one statement at token `i`; returns where the next one starts.
    fn statement(&mut self, i: usize) -> usize {
        let all = self.toks;
        let mut j = item_end(all, i);
        let mut cut = false;
        loop {
            let end = all[j - 1].hi;
            let toks = wrapped(&all[i..j], end);
            if !self.ends_early(&toks) {
                break;
            }
            if j == all.len() {
                self.script.unfinished = true;
                cut = true;
                break;
            }
            j = item_end(all, j);
        }
        let end = all[j - 1].hi;
        let mut toks = wrapped(&all[i..j], end);
        if cut {
            // So that the error names the end of the text.
            toks.truncate(toks.len() - 2);
            while toks.last().is_some_and(|t| t.kind == T::Semi) {
                toks.pop();
            }
        }
        let before = self.decls.len();
        let next = self.item_of(i, j, &toks);
        for d in self.decls.split_off(before) {
            let Decl::Func(f) = d else { continue };
            let body = self.b.ast.func(f.func).body.clone();
            for s in body.map(|b| b.stmts).unwrap_or_default() {
                let s = self.globalise(s);
                self.script.stmts.push(s);
            }
        }
        next
    }

    /// Turns `:=` at the top level into a declaration and an assignment.
    fn globalise(&mut self, s: StmtId) -> StmtId {
        let stmt = self.b.ast.stmt(s);
        let (span, StmtKind::Define { lhs, rhs, op_pos }) = (stmt.span, &stmt.kind) else {
            return s;
        };
        let (lhs, rhs, op_pos) = (lhs.clone(), rhs.clone(), *op_pos);
        let mut names = Vec::new();
        let mut targets = Vec::new();
        let mut new = false;
        for x in lhs {
            let ExprKind::Ident(id) = self.b.ast.expr(x).kind else {
                return s;
            };
            let Ident { name, span } = self.b.ast.ident(id);
            let again = self.b.ast.add_ident(name, span);
            targets.push(self.b.ast.add_expr(ExprKind::Ident(again), span));
            if name.is_blank() {
                names.push(id);
            } else if self.script.vars.insert(name) {
                new = true;
                names.push(id);
            } else {
                // It exists: this name only takes the type.
                let spare = Name::new(&format!("{name}\u{b7}{}", self.b.ast.idents.len()));
                names.push(self.b.ast.add_ident(spare, span));
            }
        }
        if !new {
            self.b.errors.push(Diagnostic::error(
                "NoNewVar",
                Span::at(op_pos),
                "no new variables on left side of :=",
            ));
            return s;
        }
        self.decls.push(Decl::Var(vec![VarSpec {
            names,
            ty: None,
            values: rhs.clone(),
            span,
        }]));
        let kind = StmtKind::Assign {
            lhs: targets,
            rhs,
            op: None,
            op_pos,
        };
        self.b.ast.add_stmt(kind, span)
    }

    /// The assignments of `var` declarations from declaration `from` on.
    fn variables(&mut self, from: usize) {
        let specs: Vec<VarSpec> = self.decls[from..]
            .iter()
            .filter_map(|d| match d {
                Decl::Var(specs) => Some(specs.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        for s in specs {
            let mut targets = Vec::new();
            for id in &s.names {
                let Ident { name, span } = self.b.ast.ident(*id);
                self.script.vars.insert(name);
                let again = self.b.ast.add_ident(name, span);
                targets.push(self.b.ast.add_expr(ExprKind::Ident(again), span));
            }
            if s.values.is_empty() {
                continue;
            }
            let kind = StmtKind::Assign {
                lhs: targets,
                rhs: s.values.clone(),
                op: None,
                op_pos: s.span.lo,
            };
            let stmt = self.b.ast.add_stmt(kind, s.span);
            self.script.stmts.push(stmt);
        }
    }

    /// The script's own `main` runs after the statements. A call at their end asks for
    /// nothing else; an earlier one makes it run twice.
    fn calls_of_main(&mut self, stmts: &mut Vec<StmtId>) {
        let ast = &*self.b.ast;
        let calls = |s: &StmtId| match ast.stmt(*s).kind {
            StmtKind::Expr(e) => match ast.expr(e).kind {
                ExprKind::Call { fun, ref args, .. } => {
                    let name = |id| ast.name(id).as_str() == "main";
                    args.is_empty() && matches!(ast.expr(fun).kind, ExprKind::Ident(id) if name(id))
                }
                _ => false,
            },
            _ => false,
        };
        if stmts.last().is_some_and(calls) {
            stmts.pop();
        }
        for s in stmts.iter().filter(|s| calls(s)) {
            let text = "main runs after the other statements too: this call makes it run twice";
            let mut d = Diagnostic::error("", ast.stmt(*s).span, text);
            d.severity = Severity::Warning;
            self.b.errors.push(d);
        }
    }

    /// Declares the function that runs the statements.
    fn add_main(&mut self) {
        let mut stmts = std::mem::take(&mut self.script.stmts);
        if self.script.own_main && !self.script.session {
            self.calls_of_main(&mut stmts);
        }
        if stmts.is_empty() && self.script.own_main {
            return;
        }
        let ast = &mut *self.b.ast;
        let span = match (stmts.first(), stmts.last()) {
            (Some(a), Some(b)) => ast.stmt(*a).span.to(ast.stmt(*b).span),
            _ => Span::at(self.end),
        };
        let name = if self.script.own_main { "init" } else { "main" };
        let name = ast.add_ident(Name::new(name), Span::at(span.lo));
        let func = ast.add_func(Func {
            tparams: Vec::new(),
            sig: Signature::default(),
            body: Some(Block { stmts, span }),
            span,
        });
        self.decls.push(Decl::Func(FuncDecl {
            name,
            recv: None,
            recv_span: Span::NONE,
            func,
            span,
            doc: None,
        }));
    }
}
