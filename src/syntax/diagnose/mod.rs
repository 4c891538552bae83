//! Syntax errors as Go's compiler reports them.
//!
//! The grammar's parser only says *that* a file is faulty. Then this recogniser reads the
//! whole file again, by recursive descent, and finds the errors: which ones there are, where
//! they are and how they are worded all follow from the order in which a reader of that kind
//! looks at tokens and from what it skips after an error. It builds no tree, only the
//! outlines of expressions that decisions and messages need (`outline.rs`).
//!
//! `decl.rs`, `types.rs`, `expr.rs` and `stmt.rs` each read one part of the language.

mod class;
mod decl;
mod expr;
mod outline;
mod stmt;
mod types;

use super::token::{T, Tok};
use crate::base::diag::Diagnostic;
use crate::base::span::Span;
use class::{Class, Set};
use outline::Outlines;

/// How deep brackets, blocks and types may nest, counted in calls of [`Reader::deeper`].
const MAX_DEPTH: u32 = 20_000;

/// Errors kept of one file.
const MAX_ERRORS: usize = 1000;

/// A file's text and tokens, and how to read it.
pub struct Source<'a> {
    pub text: &'a str,
    pub base: u32,
    pub toks: &'a [Tok],
    /// Where the lexer found something wrong first.
    pub first_lexical: Option<u32>,
    /// Statements may stand at the top level.
    pub script: bool,
}

/// Finds the syntax errors of a file.
pub fn diagnose(src: Source) -> Vec<Diagnostic> {
    let end = src.base + src.text.len() as u32;
    let mut r = Reader {
        src,
        end,
        i: 0,
        errors: Vec::new(),
        last_line: None,
        exprs: Outlines::default(),
        nest: 0,
        bodies: 0,
        depth: 0,
    };
    r.file();
    r.errors.sort_by_key(|d| d.span.lo);
    r.errors
}

struct Reader<'a> {
    src: Source<'a>,
    end: u32,
    /// The token under the eye.
    i: usize,
    errors: Vec<Diagnostic>,
    /// Start of the line with the latest syntax error: a line gets only one.
    last_line: Option<usize>,
    exprs: Outlines,
    /// Bracket depth of expressions; negative in a header, where `{` opens a block.
    nest: i32,
    /// How many function bodies enclose this place.
    bodies: u32,
    depth: u32,
}

impl Reader<'_> {
    // ---- Tokens.

    fn tok(&self) -> Option<Tok> {
        self.src.toks.get(self.i).copied()
    }
    fn kind(&self) -> Option<T> {
        self.tok().map(|t| t.kind)
    }
    fn class(&self) -> Class {
        self.kind().map_or(Class::Eof, Class::of)
    }
    fn at(&self, c: Class) -> bool {
        self.class() == c
    }
    fn at_op(&self, t: T) -> bool {
        self.kind() == Some(t)
    }
    fn pos(&self) -> u32 {
        self.tok().map_or(self.end, |t| t.lo)
    }
    fn next(&mut self) {
        if self.i < self.src.toks.len() {
            self.i += 1;
        }
    }
    fn got(&mut self, c: Class) -> bool {
        let yes = self.at(c);
        if yes {
            self.next();
        }
        yes
    }
    /// Takes a token of class `c` or complains and drops one.
    fn want(&mut self, c: Class) {
        if !self.got(c) {
            self.expected(c.name());
            if !self.at(Class::Eof) {
                self.next();
            }
        }
    }
    fn slice(&self, lo: u32, hi: u32) -> &str {
        let (lo, hi) = (lo - self.src.base, hi - self.src.base);
        self.src.text.get(lo as usize..hi as usize).unwrap_or("")
    }
    fn token_text(&self, t: &Tok) -> &str {
        self.slice(t.lo, t.hi)
    }
    /// The current token as messages call it.
    fn token_name(&self) -> String {
        let Some(t) = self.tok() else {
            return "EOF".into();
        };
        let text = self.token_text(&t);
        match t.kind {
            T::Semi if t.lo < t.hi => "semicolon".into(),
            T::Semi if t.lo == self.end => "EOF".into(),
            T::Semi => "newline".into(),
            T::Comma => "comma".into(),
            T::Ident => format!("name {text}"),
            T::Lit(_) | T::Str => format!("literal {text}"),
            k if k.is_keyword() => format!("keyword {text}"),
            _ => text.into(),
        }
    }

    // ---- Errors.

    /// After a syntax error: skips to a token of `follow`, inside functions also to a
    /// keyword that starts a statement.
    fn skip_to(&mut self, follow: &[Class]) {
        let mut set = Set::of(follow).and(Class::Eof);
        if self.bodies > 0 {
            set = set.or(Set::statements());
        }
        while !set.has(self.class()) {
            self.next();
        }
    }
    fn any_error(&self) -> bool {
        !self.errors.is_empty() || self.src.first_lexical.is_some_and(|at| at <= self.pos())
    }
    /// An error that is not one of syntax.
    fn plain(&mut self, code: &'static str, pos: u32, message: &str) {
        if self.errors.len() < MAX_ERRORS {
            self.errors
                .push(Diagnostic::error(code, Span::at(pos), message));
        }
    }
    fn syntax(&mut self, message: &str) {
        self.syntax_at(self.pos(), message);
    }
    /// A syntax error with a text of its own. What the end of the file makes of earlier
    /// errors is no news.
    fn syntax_at(&mut self, pos: u32, message: &str) {
        if self.at(Class::Eof) && self.any_error() {
            return;
        }
        let before = &self.src.text.as_bytes()[..(pos - self.src.base) as usize];
        let line = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
        if self.last_line == Some(line) {
            // Even unseen it counts as an error of this file.
            return;
        }
        self.last_line = Some(line);
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(Diagnostic::syntax(pos, message));
        }
    }
    /// "unexpected TOKEN, expected WHAT"
    fn expected(&mut self, what: &str) {
        let m = format!("unexpected {}, expected {what}", self.token_name());
        self.syntax(&m);
    }
    /// "unexpected TOKEN WHERE"
    fn misplaced(&mut self, place: &str) {
        let m = format!("unexpected {} {place}", self.token_name());
        self.syntax(&m);
    }

    // ---- Helpers of all parts.

    /// Runs `f` one level deeper; gives up the file when it nests too deeply.
    fn deeper<R>(&mut self, none: R, f: impl FnOnce(&mut Self) -> R) -> R {
        if self.depth >= MAX_DEPTH {
            self.syntax("exceeded max nesting depth");
            self.i = self.src.toks.len();
            return none;
        }
        self.depth += 1;
        let r = f(self);
        self.depth -= 1;
        r
    }
    /// Elements with `sep` between them up to `close`, which may follow a separator;
    /// `element` says whether it must be the last. Returns where the list ends.
    fn list(
        &mut self,
        context: &str,
        sep: Class,
        close: Class,
        mut element: impl FnMut(&mut Self) -> bool,
    ) -> u32 {
        let mut done = false;
        while !self.at(Class::Eof) && !self.at(close) && !done {
            done = element(self);
            if !self.got(sep) && !self.at(close) {
                let (s, c) = (sep.name(), close.name());
                self.misplaced(&format!("in {context}; possibly missing {s} or {c}"));
                self.skip_to(&[Class::RParen, Class::RBrack, Class::RBrace]);
                if !self.at(close) {
                    return self.pos();
                }
            }
        }
        let pos = self.pos();
        self.want(close);
        pos
    }
    /// A name; its position. Complains and drops a token if there is none.
    fn name(&mut self) -> u32 {
        let pos = self.pos();
        if !self.got(Class::Name) {
            self.expected("name");
            self.next();
        }
        pos
    }
    /// The names after the first one of a list.
    fn more_names(&mut self) -> usize {
        let mut n = 1;
        while self.got(Class::Comma) {
            self.name();
            n += 1;
        }
        n
    }
}
