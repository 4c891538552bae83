//! Statements.

use super::Reader;
use super::class::Class;
use super::outline::{Shape, X};
use crate::syntax::token::T;

/// What a simple statement is.
#[derive(Clone, Copy)]
enum Simple {
    Expr,
    /// `lhs op rhs`, at the operator; `=` and `:=` are operators, too.
    Assign(X, &'static str, X, u32),
    /// `lhs op= rhs` and `lhs++`: where the operator is in the text.
    Update(X, u32, Option<X>),
    Send(X, X, u32),
    Range,
}

impl Reader<'_> {
    /// Whether there was a statement.
    pub(super) fn stmt(&mut self) -> bool {
        self.deeper(true, Self::stmt_here)
    }

    fn stmt_here(&mut self) -> bool {
        match self.class() {
            Class::Name => {
                let lhs = self.exprs();
                if self.at(Class::Colon) && matches!(self.exprs.shape(lhs), Shape::Name) {
                    return self.labelled();
                }
                self.simple(Some(lhs), None);
            }
            Class::Var => self.declaration(Self::variable),
            Class::Const => self.declaration(Self::constant),
            Class::Type => self.declaration(Self::type_decl),
            Class::LBrace => self.block(""),
            Class::Operator => match self.kind() {
                Some(T::Plus | T::Minus | T::And | T::Xor | T::Not) => {
                    self.simple(None, None);
                }
                _ => return false,
            },
            Class::Star
            | Class::Literal
            | Class::Func
            | Class::LParen
            | Class::LBrack
            | Class::Struct
            | Class::Map
            | Class::Chan
            | Class::Interface
            | Class::Arrow => {
                self.simple(None, None);
            }
            Class::For => {
                self.header(Class::For);
                self.block("for clause");
            }
            Class::Switch => {
                self.header(Class::Switch);
                self.clauses("switch", |r| {
                    r.exprs();
                });
            }
            Class::Select => {
                self.next();
                self.clauses("select", |r| {
                    r.simple(None, None);
                });
            }
            Class::If => self.if_stmt(),
            Class::Fallthrough | Class::Semi => {
                if self.at(Class::Fallthrough) {
                    self.next();
                }
            }
            Class::Break | Class::Continue => {
                self.next();
                self.got(Class::Name);
            }
            Class::Go => self.call_stmt("go"),
            Class::Defer => self.call_stmt("defer"),
            Class::Goto => {
                self.next();
                self.name();
            }
            Class::Return => {
                self.next();
                if !self.at(Class::Semi) && !self.at(Class::RBrace) {
                    self.exprs();
                }
            }
            _ => return false,
        }
        true
    }

    /// At the colon of a label.
    fn labelled(&mut self) -> bool {
        let at = self.pos();
        self.want(Class::Colon);
        if self.at(Class::RBrace) || self.stmt() {
            return true;
        }
        self.syntax_at(at, "missing statement after label");
        false
    }

    fn call_stmt(&mut self, word: &str) {
        self.next();
        let keep = self.at(Class::LParen);
        let x = self.primary(keep);
        if self.exprs.unparen(x) != x {
            let at = self.exprs.lo(x);
            let message = format!("expression in {word} must not be parenthesized");
            self.plain("InvalidCall", at, &message);
        }
    }

    /// A block; `context` is what it belongs to.
    pub(super) fn block(&mut self, context: &str) {
        if !self.got(Class::LBrace) {
            self.expected(&format!("{{ after {context}"));
            self.skip_to(&[Class::Name, Class::RBrace]);
            if self.got(Class::RBrace) {
                return;
            }
        }
        self.stmts();
        self.want(Class::RBrace);
    }

    fn stmts(&mut self) {
        use Class::*;
        while !matches!(self.class(), Eof | RBrace | Case | Default) {
            if !self.stmt() {
                break;
            }
            if !self.got(Semi) && !self.at(RBrace) {
                self.misplaced("at end of statement");
                self.skip_to(&[Semi, RBrace, Case, Default]);
                self.got(Semi);
            }
        }
    }

    fn if_stmt(&mut self) {
        loop {
            self.header(Class::If);
            self.block("if clause");
            if !self.got(Class::Else) {
                return;
            }
            match self.class() {
                Class::If => {}
                Class::LBrace => return self.block(""),
                _ => {
                    self.syntax("else must be followed by if or statement block");
                    return self.skip_to(&[Class::Name, Class::RBrace]);
                }
            }
        }
    }

    /// The braces of a switch or select.
    fn clauses(&mut self, word: &str, mut guard: impl FnMut(&mut Self)) {
        use Class::*;
        if !self.got(LBrace) {
            self.syntax(&format!("missing {{ after {word} clause"));
            self.skip_to(&[Case, Default, RBrace]);
        }
        while !self.at(Eof) && !self.at(RBrace) {
            if self.got(Case) {
                guard(self);
            } else if !self.got(Default) {
                self.expected("case or default or }");
                self.skip_to(&[Colon, Case, Default, RBrace]);
            }
            self.want(Colon);
            self.stmts();
        }
        self.want(RBrace);
    }

    /// A simple statement; `lhs` has been read already, `header` is the statement whose
    /// header this is part of.
    fn simple(&mut self, lhs: Option<X>, header: Option<Class>) -> Simple {
        let in_for = header == Some(Class::For);
        if in_for && self.at(Class::Range) {
            return self.range();
        }
        let lhs = match lhs {
            Some(x) => x,
            None => self.exprs(),
        };
        let at = self.pos();
        let many = matches!(self.exprs.shape(lhs), Shape::List(_));
        match self.class() {
            Class::Assign | Class::Define => {
                let op = if self.at(Class::Define) { ":=" } else { "=" };
                self.next();
                if in_for && self.at(Class::Range) {
                    return self.range();
                }
                let rhs = self.exprs();
                let guard = matches!(self.exprs.shape(rhs), Shape::Guard(_));
                let named = matches!(self.exprs.shape(lhs), Shape::Name);
                if guard && named && header == Some(Class::Switch) && op == ":=" {
                    return Simple::Expr;
                }
                Simple::Assign(lhs, op, rhs, at)
            }
            _ if many => {
                self.expected(":= or = or comma");
                self.skip_to(&[Class::Semi, Class::RBrace]);
                Simple::Expr
            }
            Class::AssignOp => {
                self.next();
                let rhs = self.expr();
                Simple::Update(lhs, at, Some(rhs))
            }
            Class::IncOp => {
                self.next();
                Simple::Update(lhs, at, None)
            }
            Class::Arrow => {
                self.next();
                let v = self.expr();
                Simple::Send(lhs, v, at)
            }
            _ => Simple::Expr,
        }
    }

    fn range(&mut self) -> Simple {
        self.next();
        self.expr();
        Simple::Range
    }

    /// From the keyword to the brace.
    fn header(&mut self, word: Class) {
        self.next();
        let name = match word {
            Class::If => "if",
            Class::For => "for",
            _ => "switch",
        };
        if self.at(Class::LBrace) {
            if word == Class::If {
                self.syntax("missing condition in if statement");
            }
            return;
        }
        let outer = std::mem::replace(&mut self.nest, -1);
        let (cond, semi) = self.header_parts(word, name);
        self.nest = outer;
        match cond {
            None => {
                if let Some((at, what)) = semi
                    && word == Class::If
                {
                    if what == "semicolon" {
                        self.syntax_at(at, "missing condition in if statement");
                    } else {
                        let m = format!("unexpected {what}, expected {{ after {name} clause");
                        self.syntax_at(at, &m);
                    }
                }
            }
            Some(s) => self.condition(s),
        }
    }

    /// The condition (or tag) of a header, and its first semicolon.
    fn header_parts(&mut self, word: Class, name: &str) -> (Option<Simple>, Option<(u32, String)>) {
        let mut init = None;
        if !self.at(Class::Semi) {
            if self.got(Class::Var) {
                self.syntax(&format!(
                    "var declaration not allowed in {name} initializer"
                ));
            }
            let s = self.simple(None, Some(word));
            if let Simple::Range = s {
                return (None, None);
            }
            init = Some(s);
        }
        if self.at(Class::LBrace) {
            return (init, None);
        }
        let mut semi = None;
        if self.at(Class::Semi) {
            semi = Some((self.pos(), self.token_name()));
            self.next();
        } else {
            self.want(Class::LBrace);
            if !self.at(Class::LBrace) {
                self.skip_to(&[Class::LBrace, Class::RBrace]);
            }
        }
        let mut cond = None;
        if word == Class::For {
            if !self.at(Class::Semi) {
                if self.at(Class::LBrace) {
                    self.expected("for loop condition");
                    return (None, semi);
                }
                cond = Some(self.simple(None, None));
            }
            self.want(Class::Semi);
            if !self.at(Class::LBrace)
                && let Simple::Assign(_, ":=", _, at) = self.simple(None, None)
            {
                self.syntax_at(at, "cannot declare in post statement of for loop");
            }
        } else if !self.at(Class::LBrace) {
            cond = Some(self.simple(None, Some(word)));
        }
        (cond, semi)
    }

    /// Complains about a condition that is no expression.
    fn condition(&mut self, s: Simple) {
        let (what, at) = match s {
            Simple::Expr | Simple::Range => return,
            Simple::Assign(lhs, "=", rhs, at) => {
                let (x, y) = (self.emphasized(lhs), self.emphasized(rhs));
                (format!("assignment {x} = {y}"), at)
            }
            Simple::Assign(lhs, op, rhs, at) => {
                (format!("{} {op} {}", self.text(lhs), self.text(rhs)), at)
            }
            Simple::Update(lhs, at, rhs) => {
                let op = self
                    .src
                    .toks
                    .iter()
                    .find(|t| t.lo == at && t.lo < t.hi)
                    .map_or("", |t| self.token_text(t));
                let text = match rhs {
                    Some(y) => format!("{} {op} {}", self.text(lhs), self.text(y)),
                    None => format!("{}{op}", self.text(lhs)),
                };
                (text, at)
            }
            Simple::Send(c, v, at) => (format!("{} <- {}", self.text(c), self.text(v)), at),
        };
        self.syntax_at(at, &format!("cannot use {what} as value"));
    }
    /// An operand's text, in parentheses if it has operators.
    fn emphasized(&self, x: X) -> String {
        let text = self.text(x);
        match self.exprs.shape(x) {
            Shape::Name | Shape::Literal => text,
            Shape::Binary(..) => format!("({text})"),
            _ => text,
        }
    }
}
