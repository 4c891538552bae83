//! Drives the parser over a file, one top-level item at a time.
//!
//! An item is a package clause, an import or a declaration with the semicolon after it. If
//! one does not parse, its tree is dropped, and in the end `diagnose` finds out what Go says
//! about the file. The other items still give their trees.
//!
//! Rejected: LALRPOP's own recovery (`!`), and repairs of the token sequence. Which errors
//! Go reports after the first one follows from what its parser skips, and that no table of
//! states can tell.

use super::ast::*;
use super::build::{Builder, Item};
use super::diagnose;
use super::quick;
use super::script::Script;
use super::token::{T, Tok};
use super::{grammar, lex};
use crate::base::diag::{Diagnostic, SYNTAX};
use crate::base::intern::Name;
use crate::base::span::{FileId, SourceMap, Span};
use lalrpop_util::ParseError;
use std::ops::Range;

/// Faulty items of one file before the rest of it is given up.
const MAX_ERRORS: usize = 50;

/// How to read a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions {
    /// Allow a file without package clause.
    pub script: bool,
    /// The script is an input of a session, where `main` is a function like others.
    pub session: bool,
}

/// Parses one file (already in the [`SourceMap`]) into the package's arena. Returns the
/// errors; the file is pushed to `ast.files` even then, with what did parse. Only syntax
/// errors ([`Diagnostic::is_syntax`]) keep the type checker from running.
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
    parse_tokens(ast, sources, file, lexed, opts, None, false)
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
    let all = lex::lex_library(&src.text, src.base, spans);
    let opts = ParseOptions::default();
    parse_tokens(ast, sources, file, all, &opts, None, true).0
}

/// What stands before the declarations of a file.
pub struct Head {
    pub package: Name,
    /// Imports: the name given, the path.
    pub imports: Vec<(Option<Name>, String)>,
}

/// Parses the declaration in the byte range `span` of a library file as if it stood alone
/// behind `head`.
pub fn parse_one(
    ast: &mut Ast,
    sources: &SourceMap,
    file: FileId,
    span: Range<usize>,
    head: &Head,
) -> Vec<Diagnostic> {
    let src = sources.file(file);
    let lexed = lex::lex_library(&src.text, src.base, &[span]);
    let opts = ParseOptions::default();
    parse_tokens(ast, sources, file, lexed, &opts, Some(head), true).0
}

fn parse_tokens(
    ast: &mut Ast,
    sources: &SourceMap,
    file: FileId,
    mut lexed: lex::Lexed,
    opts: &ParseOptions,
    head: Option<&Head>,
    quickly: bool,
) -> (Vec<Diagnostic>, bool, bool) {
    let src = sources.file(file);
    let end = src.base + src.text.len() as u32;
    let mut lexed_errors = std::mem::take(&mut lexed.errors);
    let mut errors = Vec::new();
    let package = head.map(|h| ast.add_ident(h.package, Span::NONE));
    let imports = head.map_or(Vec::new(), |h| {
        let spec = |(alias, path): &(Option<Name>, String)| ImportSpec {
            alias: alias.map(|a| ast.add_ident(a, Span::NONE)),
            path: path.clone(),
            path_span: Span::NONE,
            span: Span::NONE,
        };
        h.imports.iter().map(spec).collect()
    });
    let mut driver = Driver {
        b: Builder::new(ast, &src.text, src.base, &lexed),
        parser: grammar::ItemParser::new(),
        toks: &lexed.toks,
        text: &src.text,
        base: src.base,
        end,
        faults: 0,
        fault: None,
        package,
        imports,
        decls: Vec::new(),
        script: Script::new(opts.session),
        quickly,
    };
    let script = opts.script && driver.toks.first().map(|t| t.kind) != Some(T::Package);
    driver.b.malformed = &lexed_errors;
    if script {
        driver.script();
    } else {
        driver.run();
    }
    let unfinished = driver.script.unfinished;
    let (package, imports, decls) = (driver.package, driver.imports, driver.decls);
    let fault = driver.fault;
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
    if fault.is_some() || errors.iter().any(Diagnostic::is_syntax) {
        let source = diagnose::Source {
            text: &src.text,
            base: src.base,
            toks: &lexed.toks,
            first_lexical: lexed_errors.iter().map(|d| d.span.lo).min(),
            script,
        };
        let mut found = diagnose::diagnose(source);
        if !found.iter().any(Diagnostic::is_syntax) {
            // What the grammar does not take must not be checked or run. Go says nothing
            // more about what malformed tokens spoil.
            match lexed_errors.first_mut() {
                Some(first) => first.code = SYNTAX,
                None => {
                    found.extend(errors.into_iter().find(Diagnostic::is_syntax));
                    found.extend(fault.map(|at| Diagnostic::syntax(at, "unexpected token")));
                }
            }
        }
        errors = found;
    }
    let mut errors: Vec<Diagnostic> = lexed_errors.into_iter().chain(errors).collect();
    errors.sort_by_key(|d| d.span.lo);
    // Equal messages on one line are one message.
    let line = |d: &Diagnostic| src.line_col(d.span.lo).0;
    errors.dedup_by(|b, a| a.message == b.message && line(a) == line(b));
    (errors, script, unfinished)
}

pub(super) struct Driver<'a> {
    pub(super) b: Builder<'a>,
    parser: grammar::ItemParser,
    pub(super) toks: &'a [Tok],
    text: &'a str,
    base: u32,
    pub(super) end: u32,
    faults: usize,
    /// The first token that the grammar does not take.
    fault: Option<u32>,
    package: Option<IdentId>,
    imports: Vec<ImportSpec>,
    pub(super) decls: Vec<Decl>,
    pub(super) script: Script,
    /// The text is the library's.
    quickly: bool,
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
        if self.package.is_none() && self.toks.first().map(|t| t.kind) != Some(T::Package) {
            self.note_fault(self.toks.first().map_or(self.end, |t| t.lo));
            return;
        }
        while i < self.toks.len() && self.faults < MAX_ERRORS {
            let first = self.toks[i];
            match first.kind {
                T::Package if i == 0 => {}
                T::Import | T::Const | T::Var | T::Type | T::Func => {}
                _ => {
                    self.note_fault(first.lo);
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
    fn note_fault(&mut self, at: u32) {
        self.faults += 1;
        self.fault = Some(self.fault.map_or(at, |f| f.min(at)));
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
        fault.is_some_and(|k| k + 2 >= toks.len())
    }

    /// Parses tokens that stand for those from `i` to `j`.
    pub(super) fn item_of(&mut self, i: usize, j: usize, own: &[Tok]) -> usize {
        let mut next = j;
        self.b.begin();
        if self.package.is_some() && self.toks[i].kind == T::Import && !self.decls.is_empty() {
            self.note_fault(self.toks[i].lo);
        }
        if !self.quickly || quick::item(&mut self.b, own).is_none() {
            next = self.by_grammar(i, j, own);
        }
        match self.b.finish() {
            Some(Item::Package(p)) => self.package = Some(p),
            Some(Item::Imports(v)) => self.imports.extend(v),
            Some(Item::Decl(d)) => self.decls.push(d),
            None => {}
        }
        next
    }

    fn by_grammar(&mut self, i: usize, j: usize, own: &[Tok]) -> usize {
        if self.quickly {
            self.b.undo();
        }
        let mut next = j;
        let result = self
            .parser
            .parse(&mut self.b, own.iter().map(|t| Ok((t.lo, t.kind, t.hi))));
        if let Some(k) = self.fault(own, result) {
            let here = own.get(k).map_or(self.end, |t| t.lo);
            self.note_fault(here);
            self.b.undo();
            let from = self.toks.partition_point(|t| t.lo < here).max(i + 1);
            next = self.resync(from);
        }
        next
    }

    /// The faulty token.
    fn fault(&self, toks: &[Tok], result: Result<(), ParseError<u32, T, ()>>) -> Option<usize> {
        let index = |pos: u32| toks.partition_point(|t| t.lo < pos);
        // A check may have found a token that the grammar took but Go does not.
        let stop = self.b.stop.map(index);
        let found = match result {
            Ok(()) => None,
            Err(ParseError::UnrecognizedToken { token, .. }) => {
                // Zero-width semicolons share their position with the token after them.
                let mut k = index(token.0);
                while toks
                    .get(k)
                    .is_some_and(|t| t.kind != token.1 || t.hi != token.2)
                {
                    k += 1;
                }
                Some(k)
            }
            Err(_) => Some(toks.len()),
        };
        match (stop, found) {
            (Some(s), Some(f)) => Some(s.min(f)),
            (s, f) => s.or(f),
        }
    }
}
