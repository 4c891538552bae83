//! A parser by recursive descent for what the library consists of.
//!
//! It makes the same calls of the builder in the same order as the grammar's parser, several
//! times as fast, and leaves everything unusual to that parser: `None` says nothing but that
//! the item is to be parsed again. It looks for no errors, since the library has none; the
//! programs of users are not given to it. A test compares the trees of the whole library.
//!
//! Functions are named after the grammar's symbols, in whose order they stand: items here, then
//! `types`, `exprs`, `stmts`. Where the grammar keeps an identifier as a token, it becomes a
//! node after what follows it.

mod exprs;
mod stmts;
mod types;

use super::ast::*;
use super::build::*;
use super::token::{T, Tok};

/// Parses one top-level item with the semicolon that ends it.
pub fn item(b: &mut Builder, toks: &[Tok]) -> Option<()> {
    let errors = b.errors.len();
    let mut q = Quick { b, toks, i: 0 };
    q.item()?;
    let whole = q.i == toks.len();
    (whole && q.b.errors.len() == errors && q.b.stop.is_none()).then_some(())
}

struct Quick<'q, 'a> {
    b: &'q mut Builder<'a>,
    toks: &'q [Tok],
    i: usize,
}

/// An operand that may be a type which is no expression.
struct Operand {
    x: ExprId,
    bare: bool,
}

impl Quick<'_, '_> {
    // ---- Tokens.

    fn kind(&self) -> T {
        self.ahead(0)
    }
    fn ahead(&self, n: usize) -> T {
        // Newlines are no tokens of the grammar.
        self.toks.get(self.i + n).map_or(T::Newline, |t| t.kind)
    }
    /// Where the next token begins.
    fn lo(&self) -> u32 {
        let last = || self.toks.last().map_or(0, |t| t.hi);
        self.toks.get(self.i).map_or_else(last, |t| t.lo)
    }
    /// Where the last token ended.
    fn hi(&self) -> u32 {
        self.toks[self.i - 1].hi
    }
    fn eat(&mut self, t: T) -> bool {
        let is = self.kind() == t;
        self.i += usize::from(is);
        is
    }
    fn want(&mut self, t: T) -> Option<()> {
        self.eat(t).then_some(())
    }
    fn token(&mut self, t: T) -> Option<(u32, u32)> {
        let l = self.lo();
        self.want(t)?;
        Some((l, self.hi()))
    }

    // ---- Items.

    fn item(&mut self) -> Option<()> {
        match self.kind() {
            T::Package => {
                self.i += 1;
                let n = self.name()?;
                self.b.package(n);
            }
            T::Import => {
                self.i += 1;
                let v = self.group(Self::import)?;
                self.b.imports(v);
            }
            T::Func => {
                let f = self.func_decl()?;
                self.b.func_decl(f);
            }
            _ => {
                let d = self.decl()?;
                self.b.top_decl(d);
            }
        }
        self.want(T::Semi)
    }

    fn name(&mut self) -> Option<IdentId> {
        let (l, r) = self.token(T::Ident)?;
        Some(self.b.ident(l, r))
    }
    fn names(&mut self) -> Option<Vec<IdentId>> {
        let mut v = vec![self.name()?];
        while self.eat(T::Comma) {
            v.push(self.name()?);
        }
        Some(v)
    }
    /// One specification, or several in parentheses.
    fn group<X>(&mut self, one: fn(&mut Self) -> Option<X>) -> Option<Vec<X>> {
        if !self.eat(T::LParen) {
            return Some(vec![one(self)?]);
        }
        self.semi(T::RParen, one)
    }
    /// Things that end with semicolons, up to `close`.
    fn semi<X>(&mut self, close: T, one: fn(&mut Self) -> Option<X>) -> Option<Vec<X>> {
        let mut v = Vec::new();
        while !self.eat(close) {
            v.push(one(self)?);
            if !self.eat(T::Semi) {
                self.want(close)?;
                break;
            }
        }
        Some(v)
    }
    fn import(&mut self) -> Option<ImportSpec> {
        let l = self.lo();
        let alias = match self.kind() {
            T::Ident => Some(self.name()?),
            _ => None,
        };
        let (p, r) = self.token(T::Str)?;
        Some(self.b.import(alias, l, p, r))
    }

    fn decl(&mut self) -> Option<Decl> {
        let l = self.lo();
        let kind = self.kind();
        self.i += 1;
        Some(match kind {
            T::Const => {
                let v = self.group(Self::const_spec)?;
                self.b.consts(v)
            }
            T::Var => Decl::Var(self.group(Self::var_spec)?),
            T::Type if self.kind() == T::LParen => Decl::Type(self.group(Self::type_spec)?),
            T::Type => {
                let s = self.type_spec()?;
                self.b.single_type(l, s)
            }
            _ => return None,
        })
    }
    fn typed_values(&mut self) -> Option<(Option<ExprId>, Vec<ExprId>)> {
        let typed = !matches!(self.kind(), T::Assign | T::Semi | T::RParen);
        let t = if typed { Some(self.ty()?) } else { None };
        let v = if self.eat(T::Assign) {
            self.vals(true)?
        } else {
            Vec::new()
        };
        Some((t, v))
    }
    fn const_spec(&mut self) -> Option<ConstSpec> {
        let l = self.lo();
        let n = self.names()?;
        let (t, v) = self.typed_values()?;
        let r = self.hi();
        Some(self.b.const_spec(l, n, t, v, r))
    }
    fn var_spec(&mut self) -> Option<VarSpec> {
        let l = self.lo();
        let n = self.names()?;
        let (t, v) = self.typed_values()?;
        let r = self.hi();
        Some(self.b.var_spec(l, n, t, v, r))
    }
    fn type_spec(&mut self) -> Option<TypeSpec> {
        let l = self.lo();
        let n = self.name()?;
        // What is in brackets may be a length or type parameters.
        let lone = matches!(self.ahead(1), T::RBrack | T::Lit(_) | T::Dots);
        if self.kind() == T::LBrack && !lone {
            return None;
        }
        let alias = self.eat(T::Assign);
        let t = self.ty()?;
        let r = self.hi();
        Some(self.b.type_spec(l, n, vec![], alias, t, r))
    }

    fn func_decl(&mut self) -> Option<FuncDecl> {
        let (l, _) = self.token(T::Func)?;
        let recv = match self.kind() {
            T::LParen => Some(self.params()?),
            _ => None,
        };
        let n = self.name()?;
        let tparams = match self.kind() {
            T::LBrack => self.func_tparams()?,
            _ => Vec::new(),
        };
        let s = self.lo();
        let sig = self.sig()?;
        let sig = sig.at(s, self.hi());
        let body = match self.kind() {
            T::LBrace => Some(self.block()?),
            _ => None,
        };
        let rest = FuncRest { tparams, sig, body };
        let r = self.hi();
        Some(self.b.func(l, recv, n, rest, r))
    }
    fn func_tparams(&mut self) -> Option<Vec<TypeParam>> {
        self.want(T::LBrack)?;
        let mut v = Vec::new();
        while !self.eat(T::RBrack) {
            let n = self.name()?;
            v.push(match self.kind() {
                T::Comma | T::RBrack => TParamEntry::Lone(n),
                _ => TParamEntry::Named(n, self.union()?),
            });
            if !self.eat(T::Comma) {
                self.want(T::RBrack)?;
                break;
            }
        }
        Some(self.b.func_tparams(v))
    }
    fn union(&mut self) -> Option<ExprId> {
        let first = self.term()?;
        let mut rest = Vec::new();
        while self.kind() == T::Or {
            let o = self.lo();
            self.i += 1;
            rest.push((o, self.term()?));
        }
        Some(self.b.union(first, rest))
    }
    fn term(&mut self) -> Option<ExprId> {
        let l = self.lo();
        if self.eat(T::Tilde) {
            let t = self.ty()?;
            return Some(self.b.unary(l, UnOp::Tilde, t));
        }
        self.ty()
    }
    fn sig(&mut self) -> Option<Sig> {
        let p = self.params()?;
        if self.kind() == T::LParen {
            let q = self.params()?;
            return Some(self.b.sig(p, Some(q)));
        }
        if self.starts_type() {
            let t = self.ty()?;
            return Some(self.b.sig_type(p, t));
        }
        Some(self.b.sig(p, None))
    }
}

#[cfg(test)]
mod tests;
