//! `gosub fmt`: Go source in the one usual layout, the same as gofmt's.
//!
//! The text is scanned ([`scan`]), read into a tree that keeps all brackets and groups
//! ([`read`]), printed with comments put back between the tokens ([`printer`], [`nodes`],
//! [`stmts`]) and laid out in columns ([`align`]). The layout follows the source's own line
//! breaks: lists stay on the lines they were on, blank lines stay (at most one), what was on
//! one line stays there if it fits.

mod align;
mod build;
mod comment;
pub mod diff;
pub(crate) mod doc;
mod imports;
mod nodes;
mod number;
mod operators;
mod printer;
pub(crate) mod read;
mod read_stmt;
mod read_type;
pub(crate) mod scan;
mod stmts;
#[cfg(test)]
mod tests;
pub(crate) mod tree;

use crate::base::diag::Diagnostic;
use crate::base::span::{FileId, SourceMap, Span};
use crate::syntax::ast::Ast;
use crate::syntax::parse::{ParseOptions, parse_file};
use printer::Printer;
use std::path::Path;

/// Passes after which a layout that still changes is taken as it is.
const MAX_PASSES: usize = 5;

/// The text of one file in the usual layout; formatting it again changes nothing. Errors are syntax errors; their positions are
/// those of a file added first to a [`SourceMap`], which [`rejected`] gives.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut new = pass(text)?;
    if new == text {
        return Ok(new);
    }
    // Comments that move may change what is aligned with them.
    for _ in 1..MAX_PASSES {
        match pass(&new) {
            Ok(again) if again != new => new = again,
            _ => break,
        }
    }
    Ok(new)
}

fn pass(text: &str) -> Result<String, Vec<Diagnostic>> {
    // The first line of an executable script is not Go.
    let (head, body) = match text.strip_prefix("#!") {
        Some(_) => text.split_at(text.find('\n').map_or(text.len(), |i| i + 1)),
        None => ("", text),
    };
    let fault = |at: usize, message: String| {
        let at = (head.len() + at) as u32 + 1;
        vec![Diagnostic::error("", Span::at(at), message)]
    };
    let mut scanned = scan::scan(body).map_err(|(at, m)| fault(at, m))?;
    let mut root = read::read(body, &scanned).map_err(|f| {
        let words = syntax_errors(text);
        if words.is_empty() {
            fault(f.at, f.message)
        } else {
            words
        }
    })?;
    if root.package.is_some() {
        let errors = syntax_errors(text);
        if !errors.is_empty() {
            return Err(errors);
        }
    }
    let mut body = std::borrow::Cow::Borrowed(body);
    if let Some(s) = imports::sorted(&body, &scanned, &root) {
        scanned = scan::scan(&s).map_err(|(at, m)| fault(at, m))?;
        root = read::read(&s, &scanned).map_err(|f| fault(f.at, f.message))?;
        body = s.into();
    }
    let mut p = Printer::new(&body, &scanned.lines, &scanned.groups);
    p.root(&root);
    p.finish();
    p.place_build_lines();
    let mut out = align::align(&p.out);
    if root.items.is_empty() && root.package.is_none() && scanned.groups.is_empty() {
        out.clear();
    }
    let text = String::from_utf8(out).map_err(|_| fault(0, "invalid UTF-8 encoding".into()))?;
    Ok(format!("{head}{text}"))
}

/// What the parser says about a file with a package clause.
fn syntax_errors(text: &str) -> Vec<Diagnostic> {
    let (sources, file) = rejected("", text);
    let Some(file) = file else { return Vec::new() };
    let mut ast = Ast::default();
    let mut errors = parse_file(&mut ast, &sources, file, &ParseOptions::default());
    // Others are about meaning, and have a layout.
    errors.retain(|d| d.message.starts_with("syntax error"));
    errors
}

/// The sources that the positions of [`format`]'s errors refer to.
pub fn rejected(name: &str, text: &str) -> (SourceMap, Option<FileId>) {
    let mut sources = SourceMap::new();
    let file = sources.add(name, Path::new(name), text.to_string()).ok();
    (sources, file)
}
