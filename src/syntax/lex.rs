//! From text to tokens with automatic semicolons.
//!
//! Drives the logos lexer, scans literals and comments, inserts semicolons (zero width, so
//! that errors say "unexpected newline"), and notes doc comments and the language version.
//! A lexical error is reported and the scan goes on: a malformed literal stays a literal,
//! an invalid character is skipped. All tokens of a file are held in one vector, because
//! error recovery looks around in them.

use super::literal;
use super::token::{T, Tok};
use crate::base::diag::Diagnostic;
use crate::base::span::Span;
use logos::Logos;
use std::ops::Range;

/// Errors kept of one file (binary garbage has one per byte).
const MAX_ERRORS: usize = 1000;

/// What the lexer found in one file.
#[derive(Debug, Default)]
pub struct Lexed {
    pub toks: Vec<Tok>,
    pub errors: Vec<Diagnostic>,
    /// (start of the token below, comment lines), in source order.
    pub docs: Vec<(u32, Span)>,
    /// From a `//go:build go1.N` line above the package clause, for N up to 21: the
    /// versions whose loop variables live as long as the loop.
    pub go_version: Option<u32>,
}

pub(super) struct Lexer<'a> {
    out: Lexed,
    pub(super) text: &'a str,
    base: u32,
    /// The last token ends a statement.
    ends: bool,
    /// Comment lines directly above: span, and line ends since.
    doc: Option<(Span, u32)>,
    /// No token on this line yet.
    fresh: bool,
}

/// Splits a file into tokens; `base` is its first global position.
pub fn lex(text: &str, base: u32) -> Lexed {
    let mut lexer = Lexer {
        out: Lexed::default(),
        text,
        base,
        ends: false,
        doc: None,
        fresh: true,
    };
    lexer.out.toks.reserve(text.len() / 5);
    lexer.run();
    lexer.out
}

/// Tokens of the parts `spans` of library text whose first global position is `base`.
pub fn lex_library(text: &str, base: u32, spans: &[Range<usize>]) -> Lexed {
    let mut all = Lexed::default();
    let bytes: usize = spans.iter().map(|s| s.len()).sum();
    all.toks.reserve(bytes / 4);
    for span in spans {
        let before = (all.toks.len(), all.docs.len());
        let mut lexer = Lexer {
            out: all,
            text: &text[..span.end],
            base,
            ends: false,
            doc: None,
            fresh: true,
        };
        let quick = lexer.quickly(span.start);
        if quick && lexer.ends {
            lexer.semicolon(span.end);
        }
        all = lexer.out;
        if !quick {
            all.toks.truncate(before.0);
            all.docs.truncate(before.1);
            let part = lex(&text[span.clone()], base + span.start as u32);
            all.toks.extend(part.toks);
            all.errors.extend(part.errors);
            all.docs.extend(part.docs);
        }
    }
    all
}

impl Lexer<'_> {
    fn run(&mut self) {
        let mut start = if self.text.starts_with('\u{FEFF}') {
            3
        } else {
            0
        };
        if self.text[start..].starts_with("#!") {
            start = self.text.find('\n').unwrap_or(self.text.len());
        }
        let mut lx = T::lexer(&self.text[start..]);
        while let Some(r) = lx.next() {
            let span = lx.span();
            let (lo, hi) = (span.start + start, span.end + start);
            let Ok(kind) = r else {
                self.invalid(lo, hi);
                continue;
            };
            let end = match kind {
                T::Newline => {
                    self.newline(lo);
                    continue;
                }
                T::LineComment => {
                    let end = lo + self.text[lo..].find('\n').unwrap_or(self.text.len() - lo);
                    self.line_comment(lo, end);
                    lx.bump(end - hi);
                    continue;
                }
                T::BlockComment => {
                    let end = self.block_comment(lo);
                    lx.bump(end - hi);
                    continue;
                }
                T::Number => {
                    let rest = &self.text[lo..];
                    let (n, k) = literal::scan_number(rest, &mut |at, m| self.error(lo + at, m));
                    self.push(T::Lit(k), lo, lo + n);
                    lo + n
                }
                T::Quote | T::Backquote => {
                    let rest = &self.text[lo..];
                    let mut report = |at, m| self.error(lo + at, m);
                    let n = if kind == T::Quote {
                        literal::scan_string(rest, &mut report)
                    } else {
                        literal::scan_raw(rest, &mut report)
                    };
                    self.push(T::Str, lo, lo + n);
                    lo + n
                }
                T::Tick => {
                    let rest = &self.text[lo..];
                    let n = literal::scan_rune(rest, &mut |at, m| self.error(lo + at, m));
                    self.push(T::Lit(super::ast::LitKind::Char), lo, lo + n);
                    lo + n
                }
                T::Ident => {
                    self.ident(lo, hi);
                    hi
                }
                _ => {
                    self.push(kind, lo, hi);
                    hi
                }
            };
            if end > hi {
                lx.bump(end - hi);
            }
        }
        if self.ends {
            let end = self.text.len();
            self.semicolon(end);
        }
        self.forbidden();
    }

    /// Characters that may not even stand in strings and comments.
    fn forbidden(&mut self) {
        let text = self.text;
        for (at, _) in text.match_indices('\0').take(MAX_ERRORS) {
            self.error(at, "invalid NUL character");
        }
        for (at, _) in text
            .match_indices('\u{FEFF}')
            .filter(|m| m.0 > 0)
            .take(MAX_ERRORS)
        {
            self.error(at, "invalid BOM in the middle of the file");
        }
    }

    fn error(&mut self, at: usize, message: impl Into<String>) {
        if self.out.errors.len() >= MAX_ERRORS {
            return;
        }
        let span = Span::at(self.base + at as u32);
        self.out
            .errors
            .push(Diagnostic::error("BadToken", span, message));
    }

    pub(super) fn push(&mut self, kind: T, lo: usize, hi: usize) {
        let glo = self.base + lo as u32;
        if let Some((span, lines)) = self.doc.take()
            && lines <= 1
        {
            self.out.docs.push((glo, span));
        }
        self.ends = kind.ends_statement();
        self.fresh = false;
        self.out.toks.push(Tok {
            kind,
            lo: glo,
            hi: self.base + hi as u32,
        });
    }

    fn semicolon(&mut self, at: usize) {
        let at = self.base + at as u32;
        self.out.toks.push(Tok {
            kind: T::Semi,
            lo: at,
            hi: at,
        });
        self.ends = false;
    }

    pub(super) fn newline(&mut self, at: usize) {
        if self.ends {
            self.semicolon(at);
        }
        self.fresh = true;
        if let Some((_, lines)) = &mut self.doc {
            *lines += 1;
        }
    }

    fn comment(&mut self, lo: usize, hi: usize) {
        let span = Span::new(self.base + lo as u32, self.base + hi as u32);
        self.doc = match self.doc {
            Some((first, lines)) if lines <= 1 && self.fresh => Some((first.to(span), 0)),
            _ if self.fresh => Some((span, 0)),
            _ => None,
        };
    }

    pub(super) fn line_comment(&mut self, lo: usize, hi: usize) {
        if self.out.toks.is_empty()
            && let Some(rest) = self.text[lo..hi].strip_prefix("//go:build ")
            && let Some(n) = rest.trim().strip_prefix("go1.")
            && let Ok(n) = n.parse::<u32>()
            && n <= 21
        {
            self.out.go_version = Some(n);
        }
        self.comment(lo, hi);
    }

    pub(super) fn block_comment(&mut self, lo: usize) -> usize {
        let end = match self.text[lo + 2..].find("*/") {
            Some(p) => lo + p + 4,
            None => {
                self.error(lo, "comment not terminated");
                self.text.len()
            }
        };
        if self.text[lo..end].contains('\n') {
            if self.ends {
                self.semicolon(lo);
            }
            self.fresh = true;
        }
        self.comment(lo, end);
        end
    }

    fn invalid(&mut self, lo: usize, hi: usize) {
        let text = self.text;
        let mut at = lo;
        for c in text[lo..hi].chars() {
            if matches!(c, '\0' | '\u{FEFF}') {
                at += c.len_utf8();
                continue; // reported by `forbidden`
            }
            let code = c as u32;
            let shown = if c.is_control() || c.is_whitespace() {
                String::new()
            } else {
                format!(" '{c}'")
            };
            let joined = self.joins_ident(at);
            let foreign = !c.is_ascii() && c != '\u{FFFD}';
            let message = match c {
                '\u{FFFD}' => "invalid UTF-8 encoding".to_string(),
                c if foreign && c.is_numeric() && !joined => {
                    format!("identifier cannot begin with digit U+{code:04X}{shown}")
                }
                _ if foreign => format!("invalid character U+{code:04X}{shown} in identifier"),
                _ => format!("invalid character U+{code:04X}{shown}"),
            };
            if foreign {
                self.ident(at, at + c.len_utf8());
            }
            self.error(at, message);
            at += c.len_utf8();
        }
    }
    fn joins_ident(&self, at: usize) -> bool {
        let last = self.out.toks.last();
        last.is_some_and(|t| t.kind == T::Ident && t.hi == self.base + at as u32)
    }
    /// An identifier, or more of one that an invalid character has interrupted.
    fn ident(&mut self, lo: usize, hi: usize) {
        match self.out.toks.last_mut() {
            Some(t) if t.kind == T::Ident && t.hi == self.base + lo as u32 => {
                t.hi = self.base + hi as u32
            }
            _ => self.push(T::Ident, lo, hi),
        }
    }
}
