//! Files and declarations.

use super::Reader;
use super::class::Class;
use super::outline::{Shape, X};
use crate::syntax::token::T;

/// What may start a declaration at the top level.
const DECLS: [Class; 5] = [
    Class::Import,
    Class::Const,
    Class::Type,
    Class::Var,
    Class::Func,
];

impl Reader<'_> {
    pub(super) fn file(&mut self) {
        if !self.src.script {
            if !self.got(Class::Package) {
                self.syntax("package statement must be first");
                return;
            }
            self.name();
            self.want(Class::Semi);
            if self.any_error() {
                return;
            }
        }
        // Whether there was a declaration other than an import.
        let mut late = false;
        // Whether the last declaration was a function without body.
        let mut bare = false;
        while !self.at(Class::Eof) {
            let c = self.class();
            if c == Class::Import && late && !self.src.script {
                self.syntax("imports must appear before other declarations");
            }
            late |= c != Class::Import;
            match c {
                Class::Import => self.declaration(Self::import),
                Class::Const => self.declaration(Self::constant),
                Class::Type => self.declaration(Self::type_decl),
                Class::Var => self.declaration(Self::variable),
                Class::Func if !self.src.script || self.declares_func() => {
                    self.next();
                    bare = !self.func_decl();
                }
                Class::Semi if self.src.script => {
                    self.next();
                    continue;
                }
                Class::Package if self.src.script => {
                    self.syntax("package statement must be first");
                    self.next();
                    self.skip_to(&DECLS);
                    continue;
                }
                _ if self.src.script => {
                    self.top_statement();
                    continue;
                }
                _ => {
                    let m = if c == Class::LBrace && bare {
                        "unexpected semicolon or newline before {"
                    } else {
                        "non-declaration statement outside function body"
                    };
                    self.syntax(m);
                    self.skip_to(&DECLS);
                    continue;
                }
            }
            bare &= c == Class::Func;
            if !self.at(Class::Eof) && !self.got(Class::Semi) {
                self.misplaced("after top level declaration");
                self.skip_to(&DECLS);
            }
        }
    }

    /// One statement of a script.
    fn top_statement(&mut self) {
        let from = self.i;
        // Skipping stops at keywords of statements, as in a function.
        self.bodies += 1;
        if !self.stmt() {
            self.misplaced("at top level");
            self.next();
            self.skip_to(&[Class::Semi, Class::Func]);
        }
        if !self.got(Class::Semi) && !self.at(Class::Eof) {
            self.misplaced("at end of statement");
            self.skip_to(&[Class::Semi, Class::Func]);
        }
        self.bodies -= 1;
        if self.i == from {
            self.next();
        }
    }

    /// Whether `func` begins a declaration here, not a literal.
    fn declares_func(&self) -> bool {
        let kind = |i: usize| self.src.toks.get(i).map(|t| t.kind);
        match kind(self.i + 1) {
            Some(T::Ident) => true,
            Some(T::LParen) => {
                let mut depth = 0;
                for (i, t) in self.src.toks.iter().enumerate().skip(self.i + 1) {
                    match t.kind {
                        T::LParen => depth += 1,
                        T::RParen => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        return kind(i + 1) == Some(T::Ident)
                            && matches!(kind(i + 2), Some(T::LParen | T::LBrack));
                    }
                }
                false
            }
            _ => false,
        }
    }

    /// A keyword and the declarations after it, alone or in parentheses.
    pub(super) fn declaration(&mut self, one: fn(&mut Self)) {
        self.next();
        if self.got(Class::LParen) {
            let context = "grouped declaration";
            self.list(context, Class::Semi, Class::RParen, |r| {
                one(r);
                false
            });
        } else {
            one(self);
        }
    }

    pub(super) fn import(&mut self) {
        if self.at(Class::Name) || self.at(Class::Dot) {
            self.next();
        }
        let pos = self.pos();
        match self.kind() {
            Some(T::Str) => self.next(),
            Some(T::Lit(_)) => {
                self.next();
                self.syntax_at(pos, "import path must be a string");
            }
            _ => {
                self.syntax("missing import path");
                self.skip_to(&[Class::Semi, Class::RParen]);
            }
        }
    }

    pub(super) fn constant(&mut self) {
        self.name();
        self.more_names();
        if !matches!(self.class(), Class::Eof | Class::Semi | Class::RParen) {
            self.type_or_none();
            if self.assign() {
                self.exprs();
            }
        }
    }

    pub(super) fn variable(&mut self) {
        self.name();
        self.more_names();
        if self.assign() {
            self.exprs();
        } else {
            self.typ();
            if self.assign() {
                self.exprs();
            }
        }
    }

    /// `=`, or `:=` with a complaint.
    fn assign(&mut self) -> bool {
        if self.at(Class::Define) {
            self.expected("=");
        } else if !self.at(Class::Assign) {
            return false;
        }
        self.next();
        true
    }

    pub(super) fn type_decl(&mut self) {
        self.name();
        let found = if self.at(Class::LBrack) {
            let lo = self.pos();
            self.next();
            match self.class() {
                Class::Name => self.params_or_length(lo),
                Class::RBrack => {
                    self.next();
                    Some(self.slice_type(lo))
                }
                _ => Some(self.array_type(lo, None)),
            }
        } else {
            self.assign();
            self.type_or_none()
        };
        if found.is_none() {
            self.misplaced("in type declaration");
            self.skip_to(&[Class::Semi, Class::RParen]);
        }
    }

    /// `type T[name ...`: type parameters, or the length of an array.
    fn params_or_length(&mut self, lo: u32) -> Option<X> {
        let mut x = self.name_expr();
        if !self.at(Class::LBrack) {
            self.nest += 1;
            let first = self.suffixes(x);
            x = self.binary(Some(first), 0);
            self.nest -= 1;
        }
        let force = self.at(Class::Comma);
        match self.split(x, force) {
            Some((name, constraint)) if constraint || !self.at(Class::RBrack) => {
                let first = super::types::Param {
                    name: Some(name),
                    typ: constraint.then_some(name),
                    dots: None,
                };
                self.params(Some(first), Class::RBrack, false);
                self.assign();
                self.type_or_none()
            }
            _ => Some(self.array_type(lo, Some(x))),
        }
    }

    /// Splits an expression into the name of a type parameter and its constraint: the
    /// name's position, and whether there is a constraint.
    fn split(&self, x: X, force: bool) -> Option<(u32, bool)> {
        let e = &self.exprs;
        let is_name = |y: X| matches!(e.shape(y), Shape::Name);
        match *e.shape(x) {
            Shape::Name => Some((e.lo(x), false)),
            Shape::Binary("*", a, b) if is_name(a) && (force || e.is_type_element(b)) => {
                Some((e.lo(a), true))
            }
            Shape::Binary("|", a, b) => {
                let s = self.split(a, force || e.is_type_element(b))?;
                s.1.then_some(s)
            }
            Shape::Call(f, ref args, false)
                if is_name(f) && args.len() == 1 && (force || e.is_type_element(args[0])) =>
            {
                Some((e.lo(f), true))
            }
            _ => None,
        }
    }

    /// After `func` at the top level; whether there is a body.
    pub(super) fn func_decl(&mut self) -> bool {
        let mut method = false;
        if self.got(Class::LParen) {
            method = true;
            let n = self.params(None, Class::RParen, false);
            let at = self.pos();
            match n {
                0 => self.plain("InvalidRecv", at, "method has no receiver"),
                1 => {}
                _ => self.plain("InvalidRecv", at, "method has multiple receivers"),
            }
        }
        if self.at(Class::Name) {
            self.next();
            self.signature(None);
        } else {
            self.expected(if method { "name" } else { "name or (" });
            self.skip_to(&[Class::LBrace, Class::Semi]);
        }
        let body = self.at(Class::LBrace);
        if body {
            self.body();
        }
        body
    }

    pub(super) fn body(&mut self) {
        self.bodies += 1;
        self.block("");
        self.bodies -= 1;
    }
}
