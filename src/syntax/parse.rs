//! Drives the parser over a file, one top-level item at a time, and recovers from errors.
//!
//! An item is a package clause, an import or a declaration with the semicolon after it. If
//! it does not parse, the error is worded (`wording.rs`) and the item *repaired*: the faulty
//! statement becomes one `BadStmt` token, and the item is parsed again from its start; when
//! no statement encloses the error, the rest of the item is skipped up to the next keyword
//! of a declaration in column 1. Repairs and errors are limited, so the time stays linear.
//!
//! Rejected: LALRPOP's own recovery (`!`). It searches its whole stack for every token it
//! drops, which is quadratic on deeply nested garbage, and its follow-on errors (up to 529
//! in one file) need the same context analysis to filter as this needs to avoid them.

use super::ast::*;
use super::build::{Builder, Item};
use super::context::{self, Kind, Level};
use super::script::Script;
use super::token::{T, Tok};
use super::wording::{self, Expected};
use super::{grammar, lex};
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::{FileId, SourceMap, Span};
use lalrpop_util::ParseError;
use std::ops::Range;

/// Repairs of one item before the rest of it is given up.
const MAX_REPAIRS: usize = 10;
/// Faulty items of one file before the rest of it is given up.
const MAX_ERRORS: usize = 50;

/// How to read a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions {
    /// Allow a file without package clause.
    pub script: bool,
}

/// Parses one file (already in the [`SourceMap`]) into the package's arena. Returns the
/// errors; the file is pushed to `ast.files` even then, with what did parse. Syntax errors
/// have an empty code; those with a code Go's type checker reports, so it may still run.
pub fn parse_file(
    ast: &mut Ast,
    sources: &SourceMap,
    file: FileId,
    opts: &ParseOptions,
) -> Vec<Diagnostic> {
    parse_text(ast, sources, file, opts).0
}

/// As [`parse_file`]; also whether the file is a script, and whether a script ends inside
/// a statement or declaration.
pub fn parse_text(
    ast: &mut Ast,
    sources: &SourceMap,
    file: FileId,
    opts: &ParseOptions,
) -> (Vec<Diagnostic>, bool, bool) {
    let lexed = lex::lex(&sources.file(file).text, sources.file(file).base);
    parse_tokens(ast, sources, file, lexed, opts)
}

/// Parses some declarations of a file: those in the byte ranges `spans`, which hold a
/// package clause and whole declarations. For the standard library.
pub fn parse_pieces(
    ast: &mut Ast,
    sources: &SourceMap,
    file: FileId,
    spans: &[Range<usize>],
) -> Vec<Diagnostic> {
    let src = sources.file(file);
    let mut all = lex::Lexed::default();
    for r in spans {
        let part = lex::lex(&src.text[r.clone()], src.base + r.start as u32);
        all.toks.extend(part.toks);
        all.errors.extend(part.errors);
        all.docs.extend(part.docs);
    }
    parse_tokens(ast, sources, file, all, &ParseOptions::default()).0
}

fn parse_tokens(
    ast: &mut Ast,
    sources: &SourceMap,
    file: FileId,
    lexed: lex::Lexed,
    opts: &ParseOptions,
) -> (Vec<Diagnostic>, bool, bool) {
    let src = sources.file(file);
    let end = src.base + src.text.len() as u32;
    let mut errors = lexed.errors;
    let mut driver = Driver {
        b: Builder::new(ast, &src.text, src.base, &lexed.docs),
        parser: grammar::ItemParser::new(),
        toks: &lexed.toks,
        text: &src.text,
        base: src.base,
        end,
        faults: 0,
        package: None,
        imports: Vec::new(),
        decls: Vec::new(),
        script: Script::default(),
    };
    let script = opts.script && driver.toks.first().map(|t| t.kind) != Some(T::Package);
    if script {
        driver.script();
    } else {
        driver.run();
    }
    let unfinished = driver.script.unfinished;
    let (package, imports, decls) = (driver.package, driver.imports, driver.decls);
    errors.append(&mut driver.b.errors);
    let package = package.unwrap_or_else(|| ast.add_ident(Name::new("main"), Span::NONE));
    ast.files.push(File {
        id: file,
        package,
        imports,
        decls,
        go_version: lexed.go_version,
        end,
    });
    errors.sort_by_key(|d| d.span.lo);
    let errors = one_per_line(errors, |pos| src.line_col(pos).0);
    (errors, script, unfinished)
}

/// As Go does: after a syntax error, no other one on the same line.
fn one_per_line(errors: Vec<Diagnostic>, line: impl Fn(u32) -> u32) -> Vec<Diagnostic> {
    let mut last = 0;
    let mut out: Vec<Diagnostic> = Vec::with_capacity(errors.len());
    for d in errors {
        let l = line(d.span.lo);
        let syntax = d.message.starts_with("syntax error");
        let again = out
            .last()
            .is_some_and(|p| p.span == d.span && p.message == d.message);
        if (syntax && l == last) || again {
            continue;
        }
        last = l;
        out.push(d);
    }
    out
}

pub(super) struct Driver<'a> {
    pub(super) b: Builder<'a>,
    parser: grammar::ItemParser,
    pub(super) toks: &'a [Tok],
    text: &'a str,
    base: u32,
    pub(super) end: u32,
    faults: usize,
    package: Option<IdentId>,
    imports: Vec<ImportSpec>,
    pub(super) decls: Vec<Decl>,
    pub(super) script: Script,
}

/// The end (exclusive) of the item at `i`: after the first semicolon outside brackets.
pub(super) fn item_end(toks: &[Tok], i: usize) -> usize {
    let mut depth = 0i64;
    for (j, t) in toks.iter().enumerate().skip(i) {
        match t.kind {
            T::LParen | T::LBrack | T::LBrace => depth += 1,
            T::RParen | T::RBrack | T::RBrace => depth -= 1,
            T::Semi if depth <= 0 => return j + 1,
            _ => {}
        }
    }
    toks.len()
}

impl Driver<'_> {
    fn run(&mut self) {
        let mut i = 0;
        if self.toks.first().map(|t| t.kind) != Some(T::Package) {
            let at = self.toks.first().map_or(self.end, |t| t.lo);
            self.b
                .error(at, "syntax error: package statement must be first");
            return;
        }
        while i < self.toks.len() && self.faults < MAX_ERRORS {
            let first = self.toks[i];
            match first.kind {
                T::Semi => {
                    i += 1;
                    continue;
                }
                T::Package if i == 0 => {}
                T::Import | T::Const | T::Var | T::Type | T::Func => {}
                _ => {
                    let body = first.kind == T::LBrace
                        && i >= 2
                        && self.toks[i - 1].kind == T::Semi
                        && matches!(self.decls.last(), Some(Decl::Func(f)) if self.b.ast.func(f.func).body.is_none());
                    let message = if body {
                        "syntax error: unexpected semicolon or newline before {"
                    } else {
                        "syntax error: non-declaration statement outside function body"
                    };
                    self.b.error(first.lo, message);
                    self.faults += 1;
                    i = self.resync(i + 1);
                    continue;
                }
            }
            i = self.item(i);
        }
    }

    /// Whether token `i` starts a declaration in column 1.
    fn starts_item(&self, i: usize) -> bool {
        let t = self.toks[i];
        matches!(t.kind, T::Import | T::Const | T::Var | T::Type | T::Func)
            && (t.lo == self.base || self.text.as_bytes()[(t.lo - self.base) as usize - 1] == b'\n')
    }
    fn resync(&self, from: usize) -> usize {
        (from..self.toks.len())
            .find(|&i| self.starts_item(i))
            .unwrap_or(self.toks.len())
    }
    fn token_text(&self, t: &Tok) -> String {
        let s = &self.text[(t.lo - self.base) as usize..(t.hi - self.base) as usize];
        s.to_string()
    }

    /// Parses the item at token `i`; returns where the next one starts.
    pub(super) fn item(&mut self, i: usize) -> usize {
        let j = item_end(self.toks, i);
        self.item_of(i, j, &self.toks[i..j])
    }

    pub(super) fn too_many(&self) -> bool {
        self.faults >= MAX_ERRORS
    }

    /// Whether tokens that make a function are faulty only because they end too early.
    pub(super) fn ends_early(&mut self, toks: &[Tok]) -> bool {
        self.b.begin();
        let result = self
            .parser
            .parse(&mut self.b, toks.iter().map(|t| Ok((t.lo, t.kind, t.hi))));
        let fault = self.fault(toks, result);
        self.b.undo();
        fault.is_some_and(|(k, _)| k + 2 >= toks.len())
    }

    /// Parses tokens that stand for those from `i` to `j`.
    pub(super) fn item_of(&mut self, i: usize, j: usize, own: &[Tok]) -> usize {
        let mut repaired: Option<Vec<Tok>> = None;
        let mut reported: Vec<Diagnostic> = Vec::new();
        let mut last = None;
        let mut next = j;
        self.b.begin();
        let late =
            self.package.is_some() && self.toks[i].kind == T::Import && !self.decls.is_empty();
        if late {
            let at = self.toks[i].lo;
            reported.push(Diagnostic::error(
                "",
                Span::at(at),
                "syntax error: imports must appear before other declarations",
            ));
        }
        for attempt in 0..=MAX_REPAIRS {
            let toks = repaired.as_deref().unwrap_or(own);
            let result = self
                .parser
                .parse(&mut self.b, toks.iter().map(|t| Ok((t.lo, t.kind, t.hi))));
            let Some((k, expected)) = self.fault(toks, result) else {
                break;
            };
            let quiet = toks.get(k).is_some_and(|t| t.kind == T::Else) && attempt > 0;
            if !quiet {
                let name = wording::token_name(toks.get(k), &|t| self.token_text(t), self.end);
                let (at, message) = match expected {
                    Some(e) => wording::message(toks, k, &e, &name),
                    None => (k, format!("unexpected {name}, expected := or = or comma")),
                };
                let pos = toks.get(at).map_or(self.end, |t| t.lo);
                let message = format!("syntax error: {message}");
                if attempt == 0
                    && let Some((pos, m)) = receiver(toks, k)
                {
                    reported.push(Diagnostic::error("", Span::at(pos), m));
                }
                reported.push(Diagnostic::error("", Span::at(pos), message));
                self.faults += 1;
            }
            let here = toks.get(k).map_or(self.end, |t| t.lo);
            let progress = last.is_none_or(|p| here > p);
            last = Some(here);
            let fixed = if progress && attempt < MAX_REPAIRS && self.faults < MAX_ERRORS {
                self.repair(toks, k, quiet)
            } else {
                None
            };
            if fixed.is_none() {
                // No further attempt will find these again.
                let mark = self.b.errors_mark();
                reported.extend(self.b.errors.drain(mark..).filter(|d| d.span.lo < here));
            }
            self.b.undo();
            match fixed {
                Some(v) => repaired = Some(v),
                None => {
                    let from = self.toks.partition_point(|t| t.lo < here).max(i + 1);
                    // `func name` inside a function: the brace before it is missing.
                    let from = if from > i + 1 && self.starts_item(from - 1) {
                        from - 1
                    } else {
                        from
                    };
                    next = self.resync(from);
                    break;
                }
            }
        }
        let item = self.b.finish();
        if last.is_some() {
            // A repaired statement may look wrong in other ways, too.
            let mark = self.b.errors_mark();
            let found: Vec<Diagnostic> = self.b.errors.drain(mark..).collect();
            let news = |d: &Diagnostic| {
                !reported
                    .iter()
                    .any(|r| self.same_line(r.span.lo, d.span.lo))
            };
            let found: Vec<Diagnostic> = found.into_iter().filter(news).collect();
            reported.extend(found);
        }
        match item {
            Some(Item::Package(p)) => self.package = Some(p),
            Some(Item::Imports(v)) => self.imports.extend(v),
            Some(Item::Decl(d)) => self.decls.push(d),
            None => {}
        }
        self.b.errors.extend(reported);
        next
    }

    /// The faulty token and what would have been right (None: a list that is no statement).
    fn fault(
        &self,
        toks: &[Tok],
        result: Result<(), ParseError<u32, T, ()>>,
    ) -> Option<(usize, Option<Expected>)> {
        let index = |pos: u32| toks.partition_point(|t| t.lo < pos);
        // A check may have found a token that the grammar took but Go does not.
        let stop = self
            .b
            .stop
            .map(|(pos, list)| (index(pos), (!list).then(closers)));
        let found = match result {
            Ok(()) => None,
            Err(ParseError::UnrecognizedToken { token, expected }) => {
                // Zero-width semicolons share their position with the token after them.
                let mut k = index(token.0);
                while toks
                    .get(k)
                    .is_some_and(|t| t.kind != token.1 || t.hi != token.2)
                {
                    k += 1;
                }
                Some((k, Some(Expected::new(expected))))
            }
            Err(ParseError::UnrecognizedEof { expected, .. }) => {
                Some((toks.len(), Some(Expected::new(expected))))
            }
            Err(_) => Some((toks.len(), Some(Expected::new(Vec::new())))),
        };
        let found = found.map(|(k, e)| match context::misplaced_brace(toks, k) {
            Some(j) => (j, Some(closers())),
            None => (k, e),
        });
        match (stop, found) {
            (Some(s), Some(f)) => Some(if s.0 <= f.0 { s } else { f }),
            (s, f) => s.or(f),
        }
    }

    /// The tokens with the faulty statement around `k` taken out, if a statement encloses it.
    fn repair(&self, toks: &[Tok], k: usize, quiet: bool) -> Option<Vec<Tok>> {
        let stack = context::levels(toks, k);
        let p = stack.iter().rposition(|l| l.kind.holds_statements())?;
        let block = stack[p];
        let func_here = k > 0 && toks[k - 1].kind == T::Func;
        if k >= toks.len() || func_here && self.column_one(toks[k - 1].lo) {
            return None;
        }
        let bad = |kind: T| Tok {
            kind,
            lo: toks[k].lo,
            hi: toks[k].lo,
        };
        let mut out = Vec::with_capacity(toks.len() + 4);
        if quiet {
            // `else` after a repaired `if`.
            out.extend_from_slice(&toks[..k]);
            out.push(bad(T::Semi));
            out.extend_from_slice(&toks[k + 1..]);
            return Some(out);
        }
        let start = block.start.min(k);
        let (end, header) = statement_end(toks, k, &stack[p..])?;
        out.extend_from_slice(&toks[..start]);
        if block.case {
            // A faulty `case`: its statements become a clause of their own.
            if let Some(colon) = (k..end).find(|&c| toks[c].kind == T::Colon) {
                out.extend([bad(T::Default), bad(T::Colon)]);
                out.extend_from_slice(&toks[colon + 1..]);
                return Some(out);
            }
            out.extend([bad(T::Default), bad(T::Colon)]);
        } else if matches!(block.kind, Kind::SwitchBody | Kind::SelectBody)
            && !clause_before(toks, &block, k)
        {
            out.extend([bad(T::Default), bad(T::Colon)]);
        }
        out.push(bad(T::BadStmt));
        if let Some(h) = header {
            out.push(bad(T::Semi));
            if h != T::If {
                out.push(bad(h));
            }
        }
        // Never give back the faulty token unless something else has changed.
        out.extend_from_slice(&toks[end..]);
        Some(out)
    }
    fn same_line(&self, a: u32, b: u32) -> bool {
        let (lo, hi) = (
            (a.min(b) - self.base) as usize,
            (a.max(b) - self.base) as usize,
        );
        !self.text.as_bytes()[lo..hi].contains(&b'\n')
    }
    fn column_one(&self, lo: u32) -> bool {
        lo == self.base || self.text.as_bytes()[(lo - self.base) as usize - 1] == b'\n'
    }
}

/// What may follow an operand.
fn closers() -> Expected {
    Expected::new(
        [";", "}", ")", "]", ",", ":", "{"]
            .map(str::to_string)
            .to_vec(),
    )
}

/// The error in a receiver before token `k`: it is found before what follows it.
fn receiver(toks: &[Tok], k: usize) -> Option<(u32, &'static str)> {
    if toks.len() < 3 || toks[0].kind != T::Func || toks[1].kind != T::LParen {
        return None;
    }
    let (mut depth, mut entries) = (0, 0);
    for (i, t) in toks.iter().enumerate().take(k).skip(1) {
        match t.kind {
            T::LParen | T::LBrack | T::LBrace => depth += 1,
            T::RParen | T::RBrack | T::RBrace => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let at = toks.get(i + 1)?.lo;
            return match entries {
                _ if i == 2 => Some((at, "method has no receiver")),
                0 => None,
                _ => Some((at, "method has multiple receivers")),
            };
        }
        let trailing = toks.get(i + 1).is_some_and(|n| n.kind == T::RParen);
        if depth == 1 && t.kind == T::Comma && !trailing {
            entries += 1;
        }
    }
    None
}

/// Whether a `case` or `default` stands between the switch's brace and `k`.
fn clause_before(toks: &[Tok], block: &Level, k: usize) -> bool {
    let mut depth = 0;
    for t in &toks[block.at + 1..k] {
        match t.kind {
            T::LBrace => depth += 1,
            T::RBrace => depth -= 1,
            T::Case | T::Default if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// Where the statement with the faulty token `k` ends, and the keyword to put before the
/// block found there (`If` for a plain block). `stack` starts with the enclosing block.
fn statement_end(toks: &[Tok], k: usize, stack: &[Level]) -> Option<(usize, Option<T>)> {
    // First as if the open brackets will be closed, then as if they were forgotten.
    let mut inner = stack.to_vec();
    if inner.len() > 1 {
        for i in k..toks.len() {
            let before = inner.len();
            let t = toks[i].kind;
            if before == 1 && t == T::Semi {
                return Some((i, None));
            }
            let wild = before > 1
                && i > k
                && toks[i - 1].kind == T::Semi
                && matches!(
                    t,
                    T::Func | T::Return | T::If | T::For | T::Var | T::Switch | T::Ident
                )
                && matches!(
                    inner[before - 1].kind,
                    Kind::Args | Kind::Params | Kind::Paren | Kind::Index
                );
            if wild || before == 1 && t == T::RBrace {
                break;
            }
            context::step(&mut inner, toks, i);
        }
    }
    let mut outer = vec![stack[0]];
    for i in k..toks.len() {
        let t = toks[i].kind;
        let top = outer[outer.len() - 1];
        if outer.len() == 1 {
            match t {
                T::Semi if top.header.is_none() || toks[i].lo == toks[i].hi => {
                    return Some((i, None));
                }
                T::RBrace => return Some((i, None)),
                T::Case | T::Default if i > k && top.kind != Kind::Block => return Some((i, None)),
                T::LBrace if top.header.is_some() || top.func => {
                    let h = top.header.filter(|&h| h == T::Switch || h == T::Select);
                    return Some((i, Some(h.unwrap_or(T::If))));
                }
                _ => {}
            }
            // A stray closing bracket is part of the faulty statement.
            if matches!(t, T::RParen | T::RBrack) {
                continue;
            }
        }
        context::step(&mut outer, toks, i);
    }
    Some((toks.len(), None))
}
