//! From tokens to the formatter's tree, by recursive descent.
//!
//! Files with a package clause have passed the real parser before, so its words for syntax
//! errors are used; this one only ever fails on scripts.

use super::scan::{Scanned, Tok};
use super::tree::*;
use crate::syntax::token::T;

/// Where the text is no Go, and why.
#[derive(Debug)]
pub struct Fault {
    pub at: At,
    pub message: String,
}

pub(super) type Res<V> = Result<V, Fault>;

/// Nesting beyond which the input is refused.
const MAX_DEPTH: u32 = 10_000;
/// Longest chain of operators or selectors, which makes a tree as deep.
const MAX_CHAIN: u32 = 100_000;

pub struct Reader<'a> {
    toks: &'a [Tok],
    text: &'a str,
    pub(super) i: usize,
    /// Composite literals of named types are allowed (not in headers of statements).
    literals: bool,
    pub(super) depth: u32,
}

/// Reads a whole file.
pub fn read(text: &str, scanned: &Scanned) -> Res<Root> {
    let mut r = Reader {
        toks: &scanned.toks,
        text,
        i: 0,
        literals: true,
        depth: 0,
    };
    r.root()
}

impl Reader<'_> {
    fn tok(&self) -> &Tok {
        &self.toks[self.i]
    }
    pub(super) fn kind(&self) -> T {
        self.tok().kind
    }
    pub(super) fn peek(&self, n: usize) -> T {
        self.toks[(self.i + n).min(self.toks.len() - 1)].kind
    }
    pub(super) fn at(&self) -> At {
        self.tok().lo
    }
    /// End of the token before.
    pub(super) fn done(&self) -> At {
        self.i.checked_sub(1).map_or(0, |p| self.toks[p].hi)
    }
    pub(super) fn bump(&mut self) -> Tok {
        let t = *self.tok();
        if t.kind != T::Newline {
            self.i += 1;
        }
        t
    }
    pub(super) fn eat(&mut self, k: T) -> bool {
        let hit = self.kind() == k;
        if hit {
            self.bump();
        }
        hit
    }
    pub(super) fn fail<V>(&self, wanted: &str) -> Res<V> {
        let t = self.tok();
        let found = match t.kind {
            T::Newline => "EOF".to_string(),
            T::Semi if t.lo == t.hi => "newline".to_string(),
            T::Ident => format!("name {}", &self.text[t.lo..t.hi]),
            k if k.is_keyword() => format!("keyword {}", &self.text[t.lo..t.hi]),
            _ => self.text[t.lo..t.hi].to_string(),
        };
        Err(Fault {
            at: t.lo,
            message: format!("syntax error: unexpected {found}, expected {wanted}"),
        })
    }
    /// Takes a token of this kind; its position.
    pub(super) fn want(&mut self, k: T, name: &str) -> Res<At> {
        if self.kind() == k {
            Ok(self.bump().lo)
        } else {
            self.fail(name)
        }
    }
    pub(super) fn deeper<V>(&mut self, f: impl FnOnce(&mut Self) -> Res<V>) -> Res<V> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault {
                at: self.at(),
                message: "nesting too deep".into(),
            });
        }
        let r = f(self);
        self.depth -= 1;
        r
    }
    pub(super) fn with_literals<V>(
        &mut self,
        on: bool,
        f: impl FnOnce(&mut Self) -> Res<V>,
    ) -> Res<V> {
        let before = std::mem::replace(&mut self.literals, on);
        let r = f(self);
        self.literals = before;
        r
    }
    /// The end of a statement or specification: whether a comment stands behind it.
    pub(super) fn end(&mut self) -> Res<bool> {
        match self.kind() {
            T::Semi => {
                let explicit = self.tok().lo != self.tok().hi;
                let last = if explicit { self.i } else { self.i - 1 };
                self.bump();
                Ok(self.toks[last].comment)
            }
            T::RParen | T::RBrace | T::Newline => Ok(false),
            _ => self.fail("semicolon or newline"),
        }
    }

    fn root(&mut self) -> Res<Root> {
        let mut package = None;
        if self.kind() == T::Package {
            let at = self.bump().lo;
            package = Some((at, self.name()?));
            self.end()?;
        }
        let mut items = Vec::new();
        while self.kind() != T::Newline {
            if self.eat(T::Semi) {
                continue;
            }
            let method = self.kind() == T::Func
                && (self.peek(1) == T::Ident || self.peek(1) == T::LParen && self.names_method());
            let item = if method || self.kind() == T::Import {
                self.decl_stmt()?
            } else {
                self.stmt()?
            };
            items.push(item);
            match self.kind() {
                T::Semi => drop(self.bump()),
                T::Newline => {}
                _ => return self.fail("semicolon or newline"),
            }
        }
        Ok(Root { package, items })
    }
    /// At `func (`: whether a name and a parameter list follow the parentheses.
    fn names_method(&self) -> bool {
        let mut depth = 0;
        for j in self.i + 1..self.toks.len() {
            match self.toks[j].kind {
                T::LParen => depth += 1,
                T::RParen => {
                    depth -= 1;
                    if depth == 0 {
                        return self.toks[j + 1].kind == T::Ident
                            && self
                                .toks
                                .get(j + 2)
                                .is_some_and(|t| matches!(t.kind, T::LParen | T::LBrack));
                    }
                }
                _ => {}
            }
        }
        false
    }

    pub(super) fn decl_stmt(&mut self) -> Res<Stmt> {
        let d = self.decl()?;
        let lo = d.lo;
        Ok(Stmt {
            kind: StmtKind::Decl(d),
            lo,
        })
    }

    fn decl(&mut self) -> Res<Decl> {
        let Tok {
            kind: word,
            lo,
            doc,
            ..
        } = *self.tok();
        if word == T::Func {
            return self.func_decl(lo, doc);
        }
        self.bump();
        let mut specs = Vec::new();
        let (mut lparen, mut rparen) = (None, lo);
        if self.kind() == T::LParen {
            lparen = Some(self.bump().lo);
            while self.kind() != T::RParen {
                if self.kind() == T::Newline {
                    return self.fail(")");
                }
                let mut s = self.spec(word)?;
                s.comment = self.end()?;
                specs.push(s);
            }
            rparen = self.bump().lo;
        } else {
            specs.push(self.spec(word)?);
        }
        Ok(Decl {
            kind: DeclKind::Group {
                word,
                lparen,
                specs,
                rparen,
            },
            doc,
            lo,
            hi: self.done(),
        })
    }

    fn func_decl(&mut self, lo: At, doc: bool) -> Res<Decl> {
        self.bump();
        let recv = match self.kind() {
            T::LParen => Some(self.params(T::RParen)?),
            _ => None,
        };
        let name = Box::new(self.name()?);
        let tparams = match self.kind() {
            T::LBrack => Some(self.params(T::RBrack)?),
            _ => None,
        };
        let mut sig = self.sig()?;
        sig.tparams = tparams;
        let body = match self.kind() {
            T::LBrace => Some(Box::new(self.with_literals(true, Self::block)?)),
            _ => None,
        };
        Ok(Decl {
            kind: DeclKind::Func {
                recv,
                name,
                sig,
                body,
            },
            doc,
            lo,
            hi: self.done(),
        })
    }

    fn spec(&mut self, word: T) -> Res<Spec> {
        let lo = self.at();
        let kind = match word {
            T::Import => {
                let name = match self.kind() {
                    T::Ident => Some(self.name()?),
                    T::Dot => Some(self.leaf(Kind::Ident)),
                    _ => None,
                };
                if self.kind() != T::Str {
                    return self.fail("import path");
                }
                let path = self.leaf(Kind::Lit(T::Str));
                SpecKind::Import { name, path }
            }
            T::Type => self.type_spec()?,
            _ => {
                let mut names = vec![self.name()?];
                while self.eat(T::Comma) {
                    names.push(self.name()?);
                }
                let ty = match self.kind() {
                    T::Assign | T::Semi | T::RParen | T::Newline | T::RBrace => None,
                    _ => Some(self.ty()?),
                };
                let values = if self.eat(T::Assign) {
                    self.exprs()?
                } else {
                    Vec::new()
                };
                SpecKind::Value { names, ty, values }
            }
        };
        Ok(Spec {
            kind,
            comment: false,
            lo,
            hi: self.done(),
        })
    }

    fn type_spec(&mut self) -> Res<SpecKind> {
        let name = self.name()?;
        let mut tparams = None;
        if self.kind() == T::LBrack && self.peek(1) == T::Ident && !self.array_length() {
            tparams = Some(self.params(T::RBrack)?);
        }
        let alias = self.eat(T::Assign);
        let ty = self.ty()?;
        Ok(SpecKind::Type {
            name,
            tparams,
            alias,
            ty,
        })
    }
    /// At `[` of a type declaration: whether an array length stands there rather than type
    /// parameters. It does if it reads as one expression without types in it.
    fn array_length(&mut self) -> bool {
        let (start, depth) = (self.i, self.depth);
        self.bump();
        let length = self.with_literals(true, Self::expr);
        let ok = length.is_ok_and(|x| !holds_type(&x)) && self.kind() == T::RBrack;
        (self.i, self.depth) = (start, depth);
        ok
    }

    pub(super) fn name(&mut self) -> Res<Expr> {
        if self.kind() == T::Ident {
            Ok(self.leaf(Kind::Ident))
        } else {
            self.fail("name")
        }
    }
    /// An expression of the one token here.
    pub(super) fn leaf(&mut self, kind: Kind) -> Expr {
        let t = self.bump();
        Expr {
            kind,
            lo: t.lo,
            hi: t.hi,
        }
    }
    pub(super) fn make(&self, lo: At, kind: Kind) -> Expr {
        Expr {
            kind,
            lo,
            hi: self.done(),
        }
    }

    pub(super) fn exprs(&mut self) -> Res<Vec<Expr>> {
        let mut list = vec![self.expr()?];
        while self.eat(T::Comma) {
            list.push(self.expr()?);
        }
        Ok(list)
    }

    pub(super) fn expr(&mut self) -> Res<Expr> {
        self.binary(1)
    }
    fn binary(&mut self, min: u8) -> Res<Expr> {
        self.deeper(|r| {
            let mut x = r.unary()?;
            for n in 0.. {
                r.bounded(n)?;
                let op = r.kind();
                let p = precedence(op);
                if p < min || p == 0 {
                    return Ok(x);
                }
                let op_at = r.bump().lo;
                let y = r.binary(p + 1)?;
                x = Expr {
                    lo: x.lo,
                    hi: y.hi,
                    kind: Kind::Binary {
                        op,
                        op_at,
                        x: Box::new(x),
                        y: Box::new(y),
                    },
                };
            }
            Ok(x)
        })
    }
    fn bounded(&self, links: u32) -> Res<()> {
        if links < MAX_CHAIN {
            return Ok(());
        }
        Err(Fault {
            at: self.at(),
            message: "nesting too deep".into(),
        })
    }
    fn unary(&mut self) -> Res<Expr> {
        let lo = self.at();
        match self.kind() {
            T::Plus | T::Minus | T::Not | T::Xor | T::And | T::Tilde => {
                let op = self.bump().kind;
                let x = Box::new(self.deeper(Self::unary)?);
                Ok(self.make(lo, Kind::Unary { op, x }))
            }
            T::Star => {
                self.bump();
                let x = Box::new(self.deeper(Self::unary)?);
                Ok(self.make(lo, Kind::Star(x)))
            }
            T::Arrow if self.peek(1) == T::Chan => {
                // A receive-only channel type, unless what is received from is a
                // conversion to a channel type: `<-chan int(x)` is Go's error anyway.
                let ty = self.ty()?;
                self.postfix(ty)
            }
            T::Arrow => {
                self.bump();
                let x = Box::new(self.deeper(Self::unary)?);
                Ok(self.make(lo, Kind::Unary { op: T::Arrow, x }))
            }
            _ => {
                let x = self.operand()?;
                self.postfix(x)
            }
        }
    }
    fn operand(&mut self) -> Res<Expr> {
        let lo = self.at();
        match self.kind() {
            T::Ident => self.name(),
            k @ (T::Lit(_) | T::Str) => Ok(self.leaf(Kind::Lit(k))),
            T::LParen => {
                self.bump();
                let x = Box::new(self.with_literals(true, |r| r.deeper(Self::expr))?);
                let rparen = self.want(T::RParen, ")")?;
                Ok(self.make(lo, Kind::Paren { x, rparen }))
            }
            T::Func => {
                self.bump();
                let sig = self.sig()?;
                let body = match self.kind() {
                    T::LBrace => Some(Box::new(
                        self.with_literals(true, |r| r.deeper(Self::block))?,
                    )),
                    _ => None,
                };
                Ok(self.make(lo, Kind::Func { sig, body }))
            }
            T::LBrack | T::Struct | T::Interface | T::Map | T::Chan => self.ty(),
            _ => self.fail("expression"),
        }
    }
    fn postfix(&mut self, mut x: Expr) -> Res<Expr> {
        let lo = x.lo;
        for n in 0.. {
            self.bounded(n)?;
            let kind = match self.kind() {
                T::Dot => {
                    self.bump();
                    if self.kind() == T::LParen {
                        let lparen = self.bump().lo;
                        let ty = if self.eat(T::Type) {
                            None
                        } else {
                            Some(Box::new(self.ty()?))
                        };
                        let rparen = self.want(T::RParen, ")")?;
                        Kind::Assert {
                            x: Box::new(x),
                            lparen,
                            ty,
                            rparen,
                        }
                    } else {
                        let sel = Box::new(self.name()?);
                        Kind::Selector {
                            x: Box::new(x),
                            sel,
                        }
                    }
                }
                T::LBrack => self.with_literals(true, |r| r.index(x))?,
                T::LParen => self.with_literals(true, |r| r.call(x))?,
                T::LBrace if self.takes_braces(&x) => {
                    self.with_literals(true, |r| r.composite(Some(Box::new(x))))?
                }
                _ => return Ok(x),
            };
            x = self.make(lo, kind);
        }
        Ok(x)
    }
    fn takes_braces(&self, x: &Expr) -> bool {
        match &x.kind {
            Kind::Array { .. } | Kind::Map { .. } | Kind::Struct(_) => true,
            Kind::Ident => self.literals,
            Kind::Selector { x, .. } => self.literals && matches!(x.kind, Kind::Ident),
            Kind::Index { x, .. } => {
                self.literals
                    && match &x.kind {
                        Kind::Ident => true,
                        Kind::Selector { x, .. } => matches!(x.kind, Kind::Ident),
                        _ => false,
                    }
            }
            _ => false,
        }
    }
    fn index(&mut self, x: Expr) -> Res<Kind> {
        let lbrack = self.bump().lo;
        let x = Box::new(x);
        let mut parts: Vec<Option<Expr>> = Vec::new();
        let mut part = None;
        let mut args = Vec::new();
        loop {
            match self.kind() {
                T::Colon => {
                    self.bump();
                    parts.push(part.take());
                }
                T::RBrack => break,
                T::Comma => {
                    self.bump();
                    args.extend(part.take());
                }
                _ if part.is_none() => part = Some(self.deeper(Self::expr)?),
                _ => return self.fail("]"),
            }
        }
        let rbrack = self.bump().lo;
        if parts.is_empty() {
            args.extend(part);
            return Ok(Kind::Index {
                x,
                lbrack,
                args,
                rbrack,
            });
        }
        parts.push(part);
        Ok(Kind::Slice {
            x,
            lbrack,
            parts,
            rbrack,
        })
    }
    fn call(&mut self, fun: Expr) -> Res<Kind> {
        let lparen = self.bump().lo;
        let (mut args, mut dots) = (Vec::new(), None);
        while self.kind() != T::RParen {
            args.push(self.deeper(Self::expr)?);
            if self.kind() == T::Dots {
                dots = Some(self.bump().lo);
            }
            if !self.eat(T::Comma) {
                break;
            }
        }
        let rparen = self.want(T::RParen, ")")?;
        Ok(Kind::Call {
            fun: Box::new(fun),
            lparen,
            args,
            dots,
            rparen,
        })
    }
    fn composite(&mut self, ty: Option<Sub>) -> Res<Kind> {
        let lbrace = self.want(T::LBrace, "{")?;
        let mut elems = Vec::new();
        while self.kind() != T::RBrace {
            let x = self.element()?;
            if self.kind() == T::Colon {
                let colon = self.bump().lo;
                let value = Box::new(self.element()?);
                elems.push(Expr {
                    lo: x.lo,
                    hi: value.hi,
                    kind: Kind::KeyValue {
                        key: Box::new(x),
                        colon,
                        value,
                    },
                });
            } else {
                elems.push(x);
            }
            if !self.eat(T::Comma) {
                break;
            }
        }
        let rbrace = self.want(T::RBrace, "}")?;
        Ok(Kind::Composite {
            ty,
            lbrace,
            elems,
            rbrace,
        })
    }
    fn element(&mut self) -> Res<Expr> {
        if self.kind() == T::LBrace {
            let lo = self.at();
            let kind = self.deeper(|r| r.composite(None))?;
            return Ok(self.make(lo, kind));
        }
        self.deeper(Self::expr)
    }
}

pub(super) fn field(names: Vec<Expr>, ty: Expr) -> Field {
    Field {
        lo: names.first().map_or(ty.lo, |n| n.lo),
        hi: ty.hi,
        names,
        ty,
        tag: None,
        comment: false,
    }
}

/// Whether only a type can stand there: `P *interface{}` is no product.
fn holds_type(x: &Expr) -> bool {
    match &x.kind {
        Kind::Array { .. }
        | Kind::Struct(_)
        | Kind::Interface(_)
        | Kind::Map { .. }
        | Kind::Chan { .. } => true,
        Kind::Func { body, .. } => body.is_none(),
        Kind::Binary { x, y, .. } => holds_type(x) || holds_type(y),
        Kind::Unary { op, .. } => *op == T::Tilde,
        Kind::Paren { x, .. } => holds_type(x),
        // `P (C)` reads as a call.
        Kind::Call { args, .. } => args.len() == 1 && holds_type(&args[0]),
        _ => false,
    }
}
