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

type Res<V> = Result<V, Fault>;

/// Nesting beyond which the input is refused.
const MAX_DEPTH: u32 = 10_000;
/// Longest chain of operators or selectors, which makes a tree as deep.
const MAX_CHAIN: u32 = 100_000;

pub struct Reader<'a> {
    toks: &'a [Tok],
    text: &'a str,
    i: usize,
    /// Composite literals of named types are allowed (not in headers of statements).
    literals: bool,
    depth: u32,
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
    fn kind(&self) -> T {
        self.tok().kind
    }
    fn peek(&self, n: usize) -> T {
        self.toks[(self.i + n).min(self.toks.len() - 1)].kind
    }
    fn at(&self) -> At {
        self.tok().lo
    }
    /// End of the token before.
    fn done(&self) -> At {
        self.i.checked_sub(1).map_or(0, |p| self.toks[p].hi)
    }
    fn bump(&mut self) -> Tok {
        let t = *self.tok();
        if t.kind != T::Newline {
            self.i += 1;
        }
        t
    }
    fn eat(&mut self, k: T) -> bool {
        let hit = self.kind() == k;
        if hit {
            self.bump();
        }
        hit
    }
    fn fail<V>(&self, wanted: &str) -> Res<V> {
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
    fn want(&mut self, k: T, name: &str) -> Res<At> {
        if self.kind() == k {
            Ok(self.bump().lo)
        } else {
            self.fail(name)
        }
    }
    fn deeper<V>(&mut self, f: impl FnOnce(&mut Self) -> Res<V>) -> Res<V> {
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
    fn with_literals<V>(&mut self, on: bool, f: impl FnOnce(&mut Self) -> Res<V>) -> Res<V> {
        let before = std::mem::replace(&mut self.literals, on);
        let r = f(self);
        self.literals = before;
        r
    }
    /// The end of a statement or specification: whether a comment stands behind it.
    fn end(&mut self) -> Res<bool> {
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

    fn decl_stmt(&mut self) -> Res<Stmt> {
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
        let name = self.name()?;
        let tparams = match self.kind() {
            T::LBrack => Some(self.params(T::RBrack)?),
            _ => None,
        };
        let mut sig = self.sig()?;
        sig.tparams = tparams;
        let body = match self.kind() {
            T::LBrace => Some(self.with_literals(true, Self::block)?),
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

    fn name(&mut self) -> Res<Expr> {
        if self.kind() == T::Ident {
            Ok(self.leaf(Kind::Ident))
        } else {
            self.fail("name")
        }
    }
    /// An expression of the one token here.
    fn leaf(&mut self, kind: Kind) -> Expr {
        let t = self.bump();
        Expr {
            kind,
            lo: t.lo,
            hi: t.hi,
        }
    }
    fn make(&self, lo: At, kind: Kind) -> Expr {
        Expr {
            kind,
            lo,
            hi: self.done(),
        }
    }

    fn sig(&mut self) -> Res<Sig> {
        if self.kind() != T::LParen {
            return self.fail("(");
        }
        let params = self.params(T::RParen)?;
        let results = if self.kind() == T::LParen {
            Some(self.params(T::RParen)?)
        } else if self.starts_type() {
            let ty = self.ty()?;
            let (lo, hi) = (ty.lo, ty.hi);
            Some(Fields {
                open: lo,
                list: vec![Field {
                    names: Vec::new(),
                    ty,
                    tag: None,
                    comment: false,
                    lo,
                    hi,
                }],
                close: hi,
            })
        } else {
            None
        };
        Ok(Sig {
            tparams: None,
            params,
            results,
        })
    }

    fn starts_type(&self) -> bool {
        matches!(
            self.kind(),
            T::Ident
                | T::Star
                | T::LParen
                | T::LBrack
                | T::Func
                | T::Struct
                | T::Interface
                | T::Map
                | T::Chan
                | T::Arrow
                | T::Tilde
        )
    }

    /// Parameters or type parameters with their brackets.
    fn params(&mut self, close: T) -> Res<Fields> {
        self.with_literals(true, |r| r.deeper(|r| r.params_inner(close)))
    }
    fn params_inner(&mut self, close: T) -> Res<Fields> {
        let open = self.bump().lo;
        let mut list: Vec<(Option<Expr>, Option<Expr>)> = Vec::new();
        while self.kind() != close {
            list.push(self.param()?);
            if !self.eat(T::Comma) {
                break;
            }
        }
        let close = self.want(close, if close == T::RParen { ")" } else { "]" })?;
        let named = list.iter().any(|(n, t)| n.is_some() && t.is_some());
        let mut out = Vec::new();
        let mut names: Vec<Expr> = Vec::new();
        for (name, ty) in list {
            match (name, ty) {
                (Some(n), None) | (None, Some(n)) if !named => out.push(field(Vec::new(), n)),
                (Some(n), None) => names.push(n),
                (n, Some(ty)) => {
                    names.extend(n);
                    out.push(field(std::mem::take(&mut names), ty));
                }
                (None, None) => {}
            }
        }
        // Wrong anyway: names without a type.
        out.extend(names.into_iter().map(|n| field(Vec::new(), n)));
        Ok(Fields {
            open,
            list: out,
            close,
        })
    }
    /// A name with a type, or one thing that may be either.
    fn param(&mut self) -> Res<(Option<Expr>, Option<Expr>)> {
        if self.kind() != T::Ident {
            return Ok((None, Some(self.param_type()?)));
        }
        match self.peek(1) {
            T::Comma | T::RParen | T::RBrack => Ok((Some(self.name()?), None)),
            T::Dot => Ok((None, Some(self.constraint()?))),
            T::LBrack => {
                // `a []T`, `a [n]T`, or an instance `G[T]`.
                let (start, depth) = (self.i, self.depth);
                let name = self.name()?;
                if let Ok(ty) = self.ty()
                    && matches!(ty.kind, Kind::Array { .. })
                {
                    return Ok((Some(name), Some(ty)));
                }
                (self.i, self.depth) = (start, depth);
                Ok((None, Some(self.constraint()?)))
            }
            T::Or => Ok((None, Some(self.constraint()?))),
            _ => {
                let name = self.name()?;
                Ok((Some(name), Some(self.param_type()?)))
            }
        }
    }
    fn param_type(&mut self) -> Res<Expr> {
        if self.kind() == T::Dots {
            let lo = self.bump().lo;
            let elem = self.ty()?;
            return Ok(self.make(lo, Kind::Dots(Some(Box::new(elem)))));
        }
        self.constraint()
    }
    /// A type or a union of terms.
    fn constraint(&mut self) -> Res<Expr> {
        let mut x = self.term()?;
        while self.kind() == T::Or {
            let op_at = self.bump().lo;
            let y = self.term()?;
            x = Expr {
                lo: x.lo,
                hi: y.hi,
                kind: Kind::Binary {
                    op: T::Or,
                    op_at,
                    x: Box::new(x),
                    y: Box::new(y),
                },
            };
        }
        Ok(x)
    }
    fn term(&mut self) -> Res<Expr> {
        if self.kind() == T::Tilde {
            let lo = self.bump().lo;
            let x = Box::new(self.ty()?);
            return Ok(self.make(lo, Kind::Unary { op: T::Tilde, x }));
        }
        self.ty()
    }

    fn ty(&mut self) -> Res<Expr> {
        self.deeper(Self::ty_inner)
    }
    fn ty_inner(&mut self) -> Res<Expr> {
        let lo = self.at();
        match self.kind() {
            T::Ident => {
                let mut x = self.name()?;
                if self.kind() == T::Dot {
                    self.bump();
                    let sel = Box::new(self.name()?);
                    x = self.make(
                        lo,
                        Kind::Selector {
                            x: Box::new(x),
                            sel,
                        },
                    );
                }
                if self.kind() == T::LBrack {
                    let lbrack = self.bump().lo;
                    let mut args = Vec::new();
                    while self.kind() != T::RBrack {
                        args.push(self.with_literals(true, Self::constraint)?);
                        if !self.eat(T::Comma) {
                            break;
                        }
                    }
                    let rbrack = self.want(T::RBrack, "]")?;
                    x = self.make(
                        lo,
                        Kind::Index {
                            x: Box::new(x),
                            lbrack,
                            args,
                            rbrack,
                        },
                    );
                }
                Ok(x)
            }
            T::Star => {
                self.bump();
                let x = Box::new(self.ty()?);
                Ok(self.make(lo, Kind::Star(x)))
            }
            T::LParen => {
                self.bump();
                let x = Box::new(self.constraint()?);
                let rparen = self.want(T::RParen, ")")?;
                Ok(self.make(lo, Kind::Paren { x, rparen }))
            }
            T::LBrack => {
                self.bump();
                let len = match self.kind() {
                    T::RBrack => None,
                    T::Dots => {
                        let at = self.bump().lo;
                        Some(Box::new(self.make(at, Kind::Dots(None))))
                    }
                    _ => Some(Box::new(self.with_literals(true, Self::expr)?)),
                };
                self.want(T::RBrack, "]")?;
                let elem = Box::new(self.ty()?);
                Ok(self.make(lo, Kind::Array { len, elem }))
            }
            T::Struct => {
                self.bump();
                let fields = self.with_literals(true, Self::struct_fields)?;
                Ok(self.make(lo, Kind::Struct(fields)))
            }
            T::Interface => {
                self.bump();
                let fields = self.with_literals(true, Self::interface_elems)?;
                Ok(self.make(lo, Kind::Interface(fields)))
            }
            T::Func => {
                self.bump();
                let sig = self.sig()?;
                Ok(self.make(lo, Kind::Func { sig, body: None }))
            }
            T::Map => {
                self.bump();
                self.want(T::LBrack, "[")?;
                let key = Box::new(self.ty()?);
                self.want(T::RBrack, "]")?;
                let value = Box::new(self.ty()?);
                Ok(self.make(lo, Kind::Map { key, value }))
            }
            T::Chan | T::Arrow => {
                let first = self.bump();
                let (mut dir, mut arrow) = (Dir::Both, first.lo);
                if first.kind == T::Arrow {
                    self.want(T::Chan, "chan")?;
                    dir = Dir::Recv;
                } else if self.kind() == T::Arrow {
                    arrow = self.bump().lo;
                    dir = Dir::Send;
                }
                let elem = Box::new(self.ty()?);
                Ok(self.make(lo, Kind::Chan { dir, arrow, elem }))
            }
            _ => self.fail("type"),
        }
    }

    fn struct_fields(&mut self) -> Res<Fields> {
        let open = self.want(T::LBrace, "{")?;
        let mut list = Vec::new();
        while self.kind() != T::RBrace {
            let lo = self.at();
            let embedded = self.kind() != T::Ident
                || match self.peek(1) {
                    T::Dot | T::Str | T::Semi | T::RBrace => true,
                    T::LBrack => self.embeds_instance(),
                    _ => false,
                };
            let mut names = Vec::new();
            if !embedded {
                names.push(self.name()?);
                while self.eat(T::Comma) {
                    names.push(self.name()?);
                }
            }
            let ty = self.ty()?;
            let tag = match self.kind() {
                T::Str => Some(self.leaf(Kind::Lit(T::Str))),
                _ => None,
            };
            let hi = self.done();
            let comment = self.end()?;
            list.push(Field {
                names,
                ty,
                tag,
                comment,
                lo,
                hi,
            });
        }
        let close = self.bump().lo;
        Ok(Fields { open, list, close })
    }
    /// At `name [` of a field: whether it is an embedded instance `G[T]`.
    fn embeds_instance(&mut self) -> bool {
        let (start, depth) = (self.i, self.depth);
        let ok = self.peek(2) != T::RBrack
            && self.ty().is_ok()
            && matches!(self.kind(), T::Semi | T::RBrace | T::Str);
        (self.i, self.depth) = (start, depth);
        ok
    }

    fn interface_elems(&mut self) -> Res<Fields> {
        let open = self.want(T::LBrace, "{")?;
        let mut list = Vec::new();
        while self.kind() != T::RBrace {
            let lo = self.at();
            let mut names = Vec::new();
            let ty = if self.kind() == T::Ident && self.peek(1) == T::LParen {
                names.push(self.name()?);
                let at = self.at();
                let sig = self.sig()?;
                self.make(at, Kind::Func { sig, body: None })
            } else {
                self.constraint()?
            };
            let hi = self.done();
            let comment = self.end()?;
            list.push(Field {
                names,
                ty,
                tag: None,
                comment,
                lo,
                hi,
            });
        }
        let close = self.bump().lo;
        Ok(Fields { open, list, close })
    }

    pub(super) fn exprs(&mut self) -> Res<Vec<Expr>> {
        let mut list = vec![self.expr()?];
        while self.eat(T::Comma) {
            list.push(self.expr()?);
        }
        Ok(list)
    }

    fn expr(&mut self) -> Res<Expr> {
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
                    T::LBrace => Some(self.with_literals(true, |r| r.deeper(Self::block))?),
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

fn field(names: Vec<Expr>, ty: Expr) -> Field {
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

// Statements.
impl Reader<'_> {
    fn block(&mut self) -> Res<Block> {
        let lbrace = self.want(T::LBrace, "{")?;
        let list = self.with_literals(true, Self::stmts)?;
        let rbrace = self.want(T::RBrace, "}")?;
        Ok(Block {
            lbrace,
            list,
            rbrace,
        })
    }
    /// Statements up to a closing brace or the next clause.
    fn stmts(&mut self) -> Res<Vec<Stmt>> {
        let mut list = Vec::new();
        while !matches!(self.kind(), T::RBrace | T::Newline | T::Case | T::Default) {
            list.push(self.stmt()?);
            match self.kind() {
                T::Semi => drop(self.bump()),
                T::RBrace | T::Case | T::Default => {}
                _ => return self.fail("semicolon or newline or }"),
            }
        }
        Ok(list)
    }
    fn made(&self, lo: At, kind: StmtKind) -> Stmt {
        Stmt { kind, lo }
    }
    fn stmt(&mut self) -> Res<Stmt> {
        self.deeper(Self::stmt_inner)
    }
    fn stmt_inner(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let kind = match self.kind() {
            T::Semi | T::RBrace => {
                return Ok(Stmt {
                    kind: StmtKind::Empty,
                    lo,
                });
            }
            T::Const | T::Var | T::Type => return self.decl_stmt(),
            T::LBrace => StmtKind::Block(self.block()?),
            T::Go => {
                self.bump();
                StmtKind::Go(self.expr()?)
            }
            T::Defer => {
                self.bump();
                StmtKind::Defer(self.expr()?)
            }
            T::Return => {
                self.bump();
                let list = match self.kind() {
                    T::Semi | T::RBrace | T::Newline => Vec::new(),
                    _ => self.exprs()?,
                };
                StmtKind::Return(list)
            }
            word @ (T::Break | T::Continue | T::Goto | T::Fallthrough) => {
                self.bump();
                let label = match self.kind() {
                    T::Ident => Some(self.name()?),
                    _ => None,
                };
                StmtKind::Branch { word, label }
            }
            T::If => return self.if_stmt(),
            T::Switch => self.switch()?,
            T::Select => {
                self.bump();
                StmtKind::Select(self.clauses()?)
            }
            T::For => self.for_stmt()?,
            T::Ident if self.peek(1) == T::Colon => {
                let label = self.name()?;
                let colon = self.bump().lo;
                let stmt = Box::new(self.stmt()?);
                StmtKind::Labeled { label, colon, stmt }
            }
            _ => return self.simple(),
        };
        Ok(self.made(lo, kind))
    }
    fn simple(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let mut lhs = self.exprs()?;
        let op = self.kind();
        let op_at = self.at();
        let kind = match op {
            T::Assign | T::Define | T::AssignOp(_) => {
                self.bump();
                let rhs = self.exprs()?;
                StmtKind::Assign {
                    lhs,
                    op,
                    op_at,
                    rhs,
                }
            }
            _ if lhs.len() > 1 => return self.fail(":= or = or comma"),
            T::Inc | T::Dec => {
                self.bump();
                let x = lhs.remove(0);
                StmtKind::IncDec { x, op, op_at }
            }
            T::Arrow => {
                self.bump();
                let value = self.expr()?;
                StmtKind::Send {
                    chan: lhs.remove(0),
                    arrow: op_at,
                    value,
                }
            }
            _ => StmtKind::Expr(lhs.remove(0)),
        };
        Ok(self.made(lo, kind))
    }
    /// A simple statement of a header, if there is one before `stop` or the brace.
    fn header_part(&mut self) -> Res<Option<Stmt>> {
        match self.kind() {
            T::Semi | T::LBrace => Ok(None),
            _ => self.simple().map(Some),
        }
    }
    fn if_stmt(&mut self) -> Res<Stmt> {
        let lo = self.bump().lo;
        let (init, cond) = self.with_literals(false, |r| {
            let first = r.header_part()?;
            if r.kind() == T::Semi {
                r.bump();
                let cond = r.header_part()?;
                return Ok((first, cond));
            }
            Ok((None, first))
        })?;
        let cond = match cond.map(|s| s.kind) {
            Some(StmtKind::Expr(x)) => Some(x),
            _ => return self.fail("condition"),
        };
        let then = self.block()?;
        let els = if self.eat(T::Else) {
            let s = match self.kind() {
                T::If => self.deeper(Self::if_stmt)?,
                T::LBrace => {
                    let lo = self.at();
                    let b = self.block()?;
                    self.made(lo, StmtKind::Block(b))
                }
                _ => return self.fail("if statement or block"),
            };
            Some(Box::new(s))
        } else {
            None
        };
        let kind = StmtKind::If {
            init: init.map(Box::new),
            cond,
            then,
            els,
        };
        Ok(self.made(lo, kind))
    }
    fn clauses(&mut self) -> Res<Block> {
        let lbrace = self.want(T::LBrace, "{")?;
        let mut list = Vec::new();
        self.with_literals(true, |r| {
            while r.kind() != T::RBrace {
                list.push(r.clause()?);
            }
            Ok(())
        })?;
        let rbrace = self.bump().lo;
        Ok(Block {
            lbrace,
            list,
            rbrace,
        })
    }
    fn clause(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let (mut list, mut comm) = (Vec::new(), None);
        if self.eat(T::Case) {
            let first = self.simple_or_types()?;
            match first.kind {
                StmtKind::Expr(x) if self.kind() == T::Comma => {
                    list.push(x);
                    while self.eat(T::Comma) {
                        list.push(self.case_item()?);
                    }
                }
                StmtKind::Expr(x) => list.push(x),
                _ => comm = Some(Box::new(first)),
            }
        } else if !self.eat(T::Default) {
            return self.fail("case or default or }");
        }
        let colon = self.want(T::Colon, ":")?;
        let body = self.stmts()?;
        let kind = StmtKind::Clause {
            list,
            comm,
            colon,
            body,
        };
        Ok(self.made(lo, kind))
    }
    /// An expression or a type.
    fn case_item(&mut self) -> Res<Expr> {
        self.expr()
    }
    fn simple_or_types(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let first = self.case_item()?;
        if self.kind() == T::Comma {
            // A list of values or types, or the left side of an assignment.
            let start = self.i;
            let mut lhs = vec![first];
            while self.eat(T::Comma) {
                lhs.push(self.case_item()?);
            }
            let (op, op_at) = (self.kind(), self.at());
            if matches!(op, T::Assign | T::Define) {
                self.bump();
                let rhs = self.exprs()?;
                let kind = StmtKind::Assign {
                    lhs,
                    op,
                    op_at,
                    rhs,
                };
                return Ok(self.made(lo, kind));
            }
            self.i = start;
            let x = lhs.swap_remove(0);
            return Ok(self.made(lo, StmtKind::Expr(x)));
        }
        let (op, op_at) = (self.kind(), self.at());
        let kind = match op {
            T::Assign | T::Define => {
                self.bump();
                StmtKind::Assign {
                    lhs: vec![first],
                    op,
                    op_at,
                    rhs: self.exprs()?,
                }
            }
            T::Arrow => {
                self.bump();
                StmtKind::Send {
                    chan: first,
                    arrow: op_at,
                    value: self.expr()?,
                }
            }
            _ => StmtKind::Expr(first),
        };
        Ok(self.made(lo, kind))
    }
    fn switch(&mut self) -> Res<StmtKind> {
        self.bump();
        let (init, tag) = self.with_literals(false, |r| {
            let first = r.header_part()?;
            if r.kind() == T::Semi {
                r.bump();
                let tag = r.header_part()?;
                return Ok((first, tag));
            }
            Ok((None, first))
        })?;
        let init = init.map(Box::new);
        let guard = tag.as_ref().is_some_and(|s| match &s.kind {
            StmtKind::Expr(x) => is_guard(x),
            StmtKind::Assign { op, rhs, .. } => {
                *op == T::Define && rhs.len() == 1 && is_guard(&rhs[0])
            }
            _ => false,
        });
        match tag {
            Some(s) if guard => Ok(StmtKind::TypeSwitch {
                init,
                guard: Box::new(s),
                body: self.clauses()?,
            }),
            Some(Stmt {
                kind: StmtKind::Expr(x),
                ..
            }) => Ok(StmtKind::Switch {
                init,
                tag: Some(x),
                body: self.clauses()?,
            }),
            None => Ok(StmtKind::Switch {
                init,
                tag: None,
                body: self.clauses()?,
            }),
            Some(_) => self.fail("switch expression"),
        }
    }
    fn for_stmt(&mut self) -> Res<StmtKind> {
        self.bump();
        enum Head {
            Range(Option<Expr>, Option<Expr>, T, At, At, Expr),
            Three(Option<Stmt>, Option<Stmt>, Option<Stmt>),
        }
        let head = self.with_literals(false, |r| {
            if r.kind() == T::Range {
                let at = r.bump().lo;
                return Ok(Head::Range(None, None, T::Range, at, at, r.expr()?));
            }
            if r.kind() == T::LBrace {
                return Ok(Head::Three(None, None, None));
            }
            let mut init = None;
            if r.kind() != T::Semi {
                let lo = r.at();
                let mut lhs = r.exprs()?;
                let (op, op_at) = (r.kind(), r.at());
                if matches!(op, T::Assign | T::Define) && r.peek(1) == T::Range {
                    r.bump();
                    let range_at = r.bump().lo;
                    let x = r.expr()?;
                    let value = (lhs.len() > 1).then(|| lhs.remove(1));
                    let key = Some(lhs.remove(0));
                    return Ok(Head::Range(key, value, op, op_at, range_at, x));
                }
                let kind = match op {
                    T::Assign | T::Define | T::AssignOp(_) => {
                        r.bump();
                        let rhs = r.exprs()?;
                        StmtKind::Assign {
                            lhs,
                            op,
                            op_at,
                            rhs,
                        }
                    }
                    T::Inc | T::Dec => {
                        r.bump();
                        let x = lhs.remove(0);
                        StmtKind::IncDec { x, op, op_at }
                    }
                    T::Arrow => {
                        r.bump();
                        StmtKind::Send {
                            chan: lhs.remove(0),
                            arrow: op_at,
                            value: r.expr()?,
                        }
                    }
                    _ => StmtKind::Expr(lhs.remove(0)),
                };
                init = Some(r.made(lo, kind));
            }
            if r.kind() != T::Semi {
                return Ok(Head::Three(None, init, None));
            }
            r.bump();
            let cond = r.header_part()?;
            r.want(T::Semi, "for loop condition")?;
            let post = r.header_part()?;
            Ok(Head::Three(init, cond, post))
        })?;
        let body = self.block()?;
        Ok(match head {
            Head::Range(key, value, op, op_at, range_at, x) => StmtKind::Range {
                key,
                value,
                op,
                op_at,
                range_at,
                x,
                body,
            },
            Head::Three(init, cond, post) => {
                let cond = match cond.map(|s| s.kind) {
                    None => None,
                    Some(StmtKind::Expr(x)) => Some(x),
                    Some(_) => return self.fail("for loop condition"),
                };
                StmtKind::For {
                    init: init.map(Box::new),
                    cond,
                    post: post.map(Box::new),
                    body,
                }
            }
        })
    }
}

fn is_guard(x: &Expr) -> bool {
    matches!(&x.kind, Kind::Assert { ty: None, .. })
}
