//! A parser by recursive descent for what the library consists of.
//!
//! It makes the same calls of the builder in the same order as the grammar's parser, several
//! times as fast, and leaves everything unusual to that parser: `None` says nothing but that
//! the item is to be parsed again. It looks for no errors, since the library has none; the
//! programs of users are not given to it. A test compares the trees of the whole library.
//!
//! Functions are named after the grammar's symbols, in whose order they stand. Where the
//! grammar keeps an identifier as a token, it becomes a node after what follows it.

use super::ast::*;
use super::build::*;
use super::build_stmt::{Head, Simple};
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

    // ---- Parameters.

    fn params(&mut self) -> Option<Params> {
        let (l, _) = self.token(T::LParen)?;
        let mut v = Vec::new();
        while !self.eat(T::RParen) {
            v.push(self.param()?);
            if !self.eat(T::Comma) {
                self.want(T::RParen)?;
                break;
            }
        }
        Some(Params::new(v, l, self.hi()))
    }
    fn param(&mut self) -> Option<ParamEntry> {
        let l = self.lo();
        let (name, dots, t) = match (self.kind(), self.ahead(1)) {
            (T::Dots, _) => {
                self.i += 1;
                (None, true, self.ty()?)
            }
            (T::Ident, T::Comma | T::RParen | T::Dot) => (None, false, self.ty()?),
            (T::Ident, T::LBrack) => {
                let (name, t) = self.name_or_array()?;
                (name, false, t)
            }
            (T::Ident, next) => {
                let (nl, nr) = self.token(T::Ident)?;
                let dots = next == T::Dots;
                self.i += usize::from(dots);
                let t = self.ty()?;
                (Some(self.b.ident(nl, nr)), dots, t)
            }
            _ => (None, false, self.ty()?),
        };
        Some(ParamEntry::new(l, name, dots, t, self.hi()))
    }
    /// `a []T`, `a [n]T` or `G[T]`: the name, if it is one, and the type.
    fn name_or_array(&mut self) -> Option<(Option<IdentId>, ExprId)> {
        let (l, m) = self.token(T::Ident)?;
        let at = self.lo();
        self.want(T::LBrack)?;
        let t = if self.eat(T::RBrack) {
            let t = self.ty()?;
            self.b.slice_type(at, t)
        } else {
            let x = self.xt()?;
            if self.kind() == T::Comma {
                return Some((None, self.instance(l, m, x)?));
            }
            self.want(T::RBrack)?;
            if !self.starts_type() {
                let r = self.hi();
                let n = self.b.name(l, m);
                return Some((None, self.b.index(n, vec![x], r)));
            }
            let t = self.ty()?;
            self.b.array_type(at, Some(x), t)
        };
        Some((Some(self.b.ident(l, m)), t))
    }
    /// The rest of `G[x` behind `x`; the name is from `l` to `m`.
    fn instance(&mut self, l: u32, m: u32, x: ExprId) -> Option<ExprId> {
        let mut v = Vec::new();
        while self.eat(T::Comma) {
            if self.kind() != T::RBrack {
                v.push(self.xt()?);
            }
        }
        self.want(T::RBrack)?;
        let r = self.hi();
        let n = self.b.name(l, m);
        Some(self.b.index_more(n, x, v, r))
    }

    // ---- Types.

    fn starts_type(&self) -> bool {
        use T::*;
        matches!(
            self.kind(),
            Ident | Star | LBrack | Map | Chan | Struct | Interface | Func | Arrow | LParen
        )
    }
    fn ty(&mut self) -> Option<ExprId> {
        let l = self.lo();
        match self.kind() {
            T::Ident => self.type_name(),
            T::Star => {
                self.i += 1;
                let t = self.ty()?;
                Some(self.b.star(l, t))
            }
            T::LParen => {
                self.i += 1;
                let t = self.ty()?;
                self.want(T::RParen)?;
                let r = self.hi();
                Some(self.b.add(ExprKind::Paren(t), l, r))
            }
            T::Arrow => {
                self.i += 1;
                self.want(T::Chan)?;
                let t = self.ty()?;
                Some(self.b.chan_type(l, ChanDir::Recv, t))
            }
            T::Func => {
                self.i += 1;
                let s = self.sig()?;
                let r = self.hi();
                Some(self.b.func_type(l, s, r))
            }
            _ => self.literal_type(),
        }
    }
    fn type_name(&mut self) -> Option<ExprId> {
        let (l, m) = self.token(T::Ident)?;
        let x = match self.kind() {
            T::Dot => {
                self.i += 1;
                // The selected name is a symbol before the whole is one.
                let s = self.name()?;
                let x = self.b.name(l, m);
                self.b.selector(x, s)
            }
            T::LBrack => {
                self.i += 1;
                let x = self.xt()?;
                return self.instance(l, m, x);
            }
            _ => return Some(self.b.name(l, m)),
        };
        if !self.eat(T::LBrack) {
            return Some(x);
        }
        let i = self.xt()?;
        let mut v = Vec::new();
        while self.eat(T::Comma) {
            if self.kind() != T::RBrack {
                v.push(self.xt()?);
            }
        }
        self.want(T::RBrack)?;
        let r = self.hi();
        Some(self.b.index_more(x, i, v, r))
    }
    /// A type that begins with a bracket or a keyword other than `func`.
    fn literal_type(&mut self) -> Option<ExprId> {
        let l = self.lo();
        let kind = self.kind();
        self.i += 1;
        Some(match kind {
            T::LBrack if self.eat(T::RBrack) => {
                let t = self.ty()?;
                self.b.slice_type(l, t)
            }
            T::LBrack => {
                let len = match self.eat(T::Dots) {
                    true => None,
                    false => Some(self.xt()?),
                };
                self.want(T::RBrack)?;
                let t = self.ty()?;
                self.b.array_type(l, len, t)
            }
            T::Map => {
                self.want(T::LBrack)?;
                let k = self.ty()?;
                self.want(T::RBrack)?;
                let v = self.ty()?;
                self.b.map_type(l, k, v)
            }
            T::Chan => {
                let dir = match self.eat(T::Arrow) {
                    true => ChanDir::Send,
                    false => ChanDir::Both,
                };
                let t = self.ty()?;
                self.b.chan_type(l, dir, t)
            }
            T::Struct => {
                self.want(T::LBrace)?;
                let v = self.semi(T::RBrace, Self::field)?;
                let r = self.hi();
                self.b.struct_type(l, v, r)
            }
            T::Interface => {
                self.want(T::LBrace)?;
                let v = self.semi(T::RBrace, Self::inter_elem)?;
                let r = self.hi();
                self.b.add(ExprKind::InterfaceType(v), l, r)
            }
            _ => return None,
        })
    }
    fn field(&mut self) -> Option<Vec<FieldDecl>> {
        let l = self.lo();
        let (names, t) = match (self.kind(), self.ahead(1)) {
            (T::Star, _) => {
                self.i += 1;
                let t = self.type_name()?;
                (vec![], self.b.star(l, t))
            }
            (T::Ident, T::Semi | T::RBrace | T::Dot | T::Str) => (vec![], self.type_name()?),
            (T::Ident, T::LBrack) => {
                let (n, t) = self.name_or_array()?;
                (n.into_iter().collect(), t)
            }
            (T::Ident, T::Comma) => {
                let (l, m) = self.token(T::Ident)?;
                self.i += 1;
                let mut v = self.names()?;
                let t = self.ty()?;
                v.insert(0, self.b.ident(l, m));
                (v, t)
            }
            (T::Ident, _) => {
                let (l, m) = self.token(T::Ident)?;
                let t = self.ty()?;
                (vec![self.b.ident(l, m)], t)
            }
            _ => return None,
        };
        let r = self.hi();
        let tag = match self.kind() {
            T::Str => self.token(T::Str),
            _ => None,
        };
        Some(self.b.fields(names, t, r, tag))
    }
    fn inter_elem(&mut self) -> Option<InterfaceElem> {
        if (self.kind(), self.ahead(1)) != (T::Ident, T::LParen) {
            return Some(InterfaceElem::Embed(self.union()?));
        }
        let (l, m) = self.token(T::Ident)?;
        let s = self.lo();
        let sig = self.sig()?;
        let r = self.hi();
        let name = self.b.ident(l, m);
        Some(InterfaceElem::Method {
            name,
            sig: *sig.at(s, r).0,
        })
    }

    // ---- Expressions. `lit`: `Name{` begins a literal.

    /// An expression or a type.
    fn xt(&mut self) -> Option<ExprId> {
        Some(self.binary(1, true)?.x)
    }
    /// An expression that is no type.
    fn or(&mut self, lit: bool) -> Option<ExprId> {
        let o = self.binary(1, lit)?;
        (!o.bare).then_some(o.x)
    }
    fn vals(&mut self, lit: bool) -> Option<Vec<ExprId>> {
        let mut v = Vec::new();
        loop {
            let o = self.binary(1, lit)?;
            if o.bare && !lit {
                return None;
            }
            v.push(o.x);
            if !self.eat(T::Comma) {
                return Some(v);
            }
        }
    }
    fn ors(&mut self, lit: bool) -> Option<Vec<ExprId>> {
        let mut v = vec![self.or(lit)?];
        while self.eat(T::Comma) {
            v.push(self.or(lit)?);
        }
        Some(v)
    }
    fn operator(&self) -> Option<(u32, BinOp)> {
        Some(match self.kind() {
            T::OrOr => (1, BinOp::LOr),
            T::AndAnd => (2, BinOp::LAnd),
            T::CmpOp(p) => (3, p),
            T::Plus => (4, BinOp::Add),
            T::Minus => (4, BinOp::Sub),
            T::Or => (4, BinOp::Or),
            T::Xor => (4, BinOp::Xor),
            T::Star => (5, BinOp::Mul),
            T::And => (5, BinOp::And),
            T::MulOp(p) => (5, p),
            _ => return None,
        })
    }
    fn binary(&mut self, least: u32, lit: bool) -> Option<Operand> {
        let mut o = self.unary(lit)?;
        while let Some((level, op)) = self.operator()
            && level >= least
        {
            let at = self.lo();
            self.i += 1;
            let y = self.binary(level + 1, lit)?;
            if o.bare || y.bare {
                return None;
            }
            o.x = self.b.binary(o.x, at, op, y.x);
        }
        Some(o)
    }
    fn unary(&mut self, lit: bool) -> Option<Operand> {
        let l = self.lo();
        let op = match self.kind() {
            T::Plus => UnOp::Plus,
            T::Minus => UnOp::Neg,
            T::Not => UnOp::Not,
            T::Xor => UnOp::Xor,
            T::And => UnOp::Addr,
            T::Arrow => UnOp::Recv,
            T::Star => {
                self.i += 1;
                let o = self.unary(lit)?;
                let x = self.b.star(l, o.x);
                return Some(Operand { x, bare: o.bare });
            }
            _ => return self.prim(lit),
        };
        self.i += 1;
        let o = self.unary(lit)?;
        if o.bare {
            return None;
        }
        let x = self.b.unary(l, op, o.x);
        Some(Operand { x, bare: false })
    }
    fn prim(&mut self, lit: bool) -> Option<Operand> {
        let l = self.lo();
        let x = match self.kind() {
            T::Ident => {
                self.i += 1;
                let r = self.hi();
                self.b.name(l, r)
            }
            T::Lit(k) => {
                self.i += 1;
                let r = self.hi();
                self.b.basic(k, l, r)
            }
            T::Str => {
                self.i += 1;
                let r = self.hi();
                self.b.basic(LitKind::String, l, r)
            }
            T::LParen => {
                self.i += 1;
                let x = self.xt()?;
                self.want(T::RParen)?;
                let r = self.hi();
                self.b.add(ExprKind::Paren(x), l, r)
            }
            T::Func => {
                self.i += 1;
                let s = self.lo();
                let sig = self.sig()?;
                let e = self.hi();
                if self.kind() == T::LBrace {
                    let k = self.block()?;
                    let r = self.hi();
                    self.b.func_lit(l, sig.at(s, e), k, r)
                } else {
                    let x = self.b.func_type(l, sig, e);
                    return Some(Operand { x, bare: true });
                }
            }
            T::LBrack | T::Map | T::Struct | T::Chan | T::Interface => {
                let kind = self.kind();
                let t = self.literal_type()?;
                let literal = matches!(kind, T::LBrack | T::Map | T::Struct);
                match self.kind() {
                    T::LBrace if literal => {
                        let v = self.lit_val()?;
                        self.b.composite(t, v)
                    }
                    T::LParen => {
                        let a = self.args()?;
                        self.b.call(t, a)
                    }
                    _ => return Some(Operand { x: t, bare: true }),
                }
            }
            _ => return None,
        };
        let x = self.postfix(x, lit)?;
        Some(Operand { x, bare: false })
    }
    fn postfix(&mut self, mut x: ExprId, lit: bool) -> Option<ExprId> {
        loop {
            x = match self.kind() {
                T::Dot => {
                    self.i += 1;
                    if self.eat(T::LParen) {
                        let t = match self.eat(T::Type) {
                            true => None,
                            false => Some(self.ty()?),
                        };
                        self.want(T::RParen)?;
                        let r = self.hi();
                        self.b.assert(x, t, r)
                    } else {
                        let s = self.name()?;
                        self.b.selector(x, s)
                    }
                }
                T::LBrack => {
                    self.i += 1;
                    self.index(x)?
                }
                T::LParen => {
                    let a = self.args()?;
                    self.b.call(x, a)
                }
                T::LBrace if lit => {
                    let v = self.lit_val()?;
                    self.b.composite(x, v)
                }
                _ => return Some(x),
            };
        }
    }
    /// Behind the bracket of an index or slice expression.
    fn index(&mut self, x: ExprId) -> Option<ExprId> {
        let mut lo = None;
        if self.kind() != T::Colon {
            let o = self.binary(1, true)?;
            if self.kind() != T::Colon {
                let mut v = Vec::new();
                while self.eat(T::Comma) {
                    if self.kind() != T::RBrack {
                        v.push(self.xt()?);
                    }
                }
                self.want(T::RBrack)?;
                let r = self.hi();
                return Some(self.b.index_more(x, o.x, v, r));
            }
            if o.bare {
                return None;
            }
            lo = Some(o.x);
        }
        self.want(T::Colon)?;
        let hi = match self.kind() {
            T::Colon | T::RBrack => None,
            _ => Some(self.or(true)?),
        };
        if self.kind() == T::Colon {
            let d = self.lo();
            self.i += 1;
            let max = match self.kind() {
                T::RBrack => None,
                _ => Some(self.or(true)?),
            };
            let (e, r) = self.token(T::RBrack)?;
            return Some(self.b.slice3(x, lo, hi, max, (d, e), r));
        }
        self.want(T::RBrack)?;
        let r = self.hi();
        Some(self.b.slice(x, lo, hi, r))
    }
    fn args(&mut self) -> Option<Args> {
        let (l, _) = self.token(T::LParen)?;
        let mut v = Vec::new();
        let mut spread = false;
        while !self.eat(T::RParen) {
            v.push(self.xt()?);
            spread |= self.eat(T::Dots);
            if !self.eat(T::Comma) {
                self.want(T::RParen)?;
                break;
            }
        }
        Some(Args::new(v, spread, l, self.hi()))
    }
    fn lit_val(&mut self) -> Option<LitVal> {
        let (l, _) = self.token(T::LBrace)?;
        let mut v = Vec::new();
        while !self.eat(T::RBrace) {
            let mut value = self.elem_val()?;
            let mut key = None;
            if self.eat(T::Colon) {
                key = Some(value);
                value = self.elem_val()?;
            }
            v.push(Elem { key, value });
            if !self.eat(T::Comma) {
                self.want(T::RBrace)?;
                break;
            }
        }
        Some(LitVal::new(v, l, self.hi()))
    }
    fn elem_val(&mut self) -> Option<ExprId> {
        if self.kind() != T::LBrace {
            return self.or(true);
        }
        let v = self.lit_val()?;
        Some(self.b.elided(v))
    }

    // ---- Statements.

    fn block(&mut self) -> Option<Block> {
        let (l, _) = self.token(T::LBrace)?;
        let (v, _) = self.stmts()?;
        self.want(T::RBrace)?;
        let r = self.hi();
        Some(self.b.block(l, v, r))
    }
    /// Statements up to the end of a block or clause, and where they end: an empty one ends
    /// where the next token begins.
    fn stmts(&mut self) -> Option<(Vec<StmtId>, u32)> {
        let mut v = Vec::new();
        loop {
            let mut end = self.lo();
            if let Some(s) = self.stmt_opt()? {
                v.push(s);
                end = self.hi();
            }
            if !self.eat(T::Semi) {
                return Some((v, end));
            }
        }
    }
    fn stmt_opt(&mut self) -> Option<Option<StmtId>> {
        match self.kind() {
            T::Semi | T::RBrace | T::Case | T::Default => Some(None),
            _ => self.stmt().map(Some),
        }
    }
    fn stmt(&mut self) -> Option<StmtId> {
        let l = self.lo();
        Some(match self.kind() {
            T::Const | T::Var | T::Type => {
                let d = self.decl()?;
                let r = self.hi();
                self.b.stmt(StmtKind::Decl(d), l, r)
            }
            T::LBrace => {
                let k = self.block()?;
                let r = self.hi();
                self.b.stmt(StmtKind::Block(k), l, r)
            }
            T::If => self.if_stmt()?,
            T::For => self.for_stmt()?,
            T::Switch => self.switch()?,
            T::Select => self.select()?,
            go @ (T::Go | T::Defer) => {
                self.i += 1;
                let x = self.or(true)?;
                let r = self.hi();
                self.b.go_defer(l, go == T::Go, x, r)
            }
            T::Return => {
                self.i += 1;
                let v = match self.kind() {
                    T::Semi | T::RBrace => Vec::new(),
                    _ => self.vals(true)?,
                };
                let r = self.hi();
                self.b.ret(v, l, r)
            }
            T::Break => self.branch(BranchKind::Break)?,
            T::Continue => self.branch(BranchKind::Continue)?,
            T::Goto => self.branch(BranchKind::Goto)?,
            T::Fallthrough => self.branch(BranchKind::Fallthrough)?,
            T::Ident if self.ahead(1) == T::Colon => {
                let (l, m) = self.token(T::Ident)?;
                self.i += 1;
                let end = self.lo();
                let s = self.stmt_opt()?;
                let r = if s.is_some() { self.hi() } else { end };
                self.b.labeled(l, m, s, r)
            }
            _ => {
                let s = self.simple(true)?;
                self.b.plain_simple(s)
            }
        })
    }
    fn branch(&mut self, kind: BranchKind) -> Option<StmtId> {
        let l = self.lo();
        self.i += 1;
        let label = match self.kind() {
            T::Ident => Some(self.name()?),
            _ => None,
        };
        let r = self.hi();
        Some(self.b.branch(kind, label, l, r))
    }
    fn simple(&mut self, lit: bool) -> Option<Simple> {
        let v = self.ors(lit)?;
        self.simple_rest(v, lit)
    }
    fn simple_rest(&mut self, v: Vec<ExprId>, lit: bool) -> Option<Simple> {
        let o = self.lo();
        let kind = self.kind();
        let op = match kind {
            T::AssignOp(p) => Some(p),
            T::Assign | T::Define | T::Arrow | T::Inc | T::Dec => None,
            _ => return Some(self.b.simple_exprs(v)),
        };
        self.i += 1;
        Some(match kind {
            T::Arrow => {
                let y = self.or(lit)?;
                self.b.send(v, o, y)
            }
            T::Inc | T::Dec => {
                let r = self.hi();
                self.b.incdec(v, kind == T::Inc, o, r)
            }
            T::Define => {
                let w = self.vals(lit)?;
                self.b.define(v, o, w)
            }
            _ => {
                let w = self.vals(lit)?;
                self.b.assign(v, o, op, w)
            }
        })
    }
    fn head(&mut self) -> Option<Head> {
        let part = |q: &mut Self| match q.kind() {
            T::Semi | T::LBrace => Some(None),
            _ => q.simple(false).map(Some),
        };
        let first = part(self)?;
        if self.kind() != T::Semi {
            return Some(Head {
                init: None,
                cond: first,
                semi: None,
            });
        }
        let semi = self.token(T::Semi);
        Some(Head {
            init: first,
            cond: part(self)?,
            semi,
        })
    }
    fn if_stmt(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::If)?;
        let h = self.head()?;
        let k = self.block()?;
        let mut els = None;
        if self.eat(T::Else) {
            let l = self.lo();
            els = Some(if self.kind() == T::If {
                self.if_stmt()?
            } else {
                let k = self.block()?;
                let r = self.hi();
                self.b.stmt(StmtKind::Block(k), l, r)
            });
        }
        let r = self.hi();
        Some(self.b.if_stmt(l, h, k, els, r))
    }
    fn for_stmt(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::For)?;
        let first = match self.kind() {
            T::LBrace | T::Semi => None,
            T::Range => return self.range(l, Vec::new(), None),
            _ => {
                let v = self.ors(false)?;
                let o = self.lo();
                let kind = self.kind();
                if matches!(kind, T::Assign | T::Define) && self.ahead(1) == T::Range {
                    self.i += 1;
                    return self.range(l, v, Some((o, kind == T::Define)));
                }
                Some(self.simple_rest(v, false)?)
            }
        };
        if !self.eat(T::Semi) {
            let k = self.block()?;
            let r = self.hi();
            return Some(self.b.for_cond(l, first, k, r));
        }
        let cond = match self.kind() {
            T::Semi => None,
            _ => Some(self.simple(false)?),
        };
        let semi = self.token(T::Semi)?;
        let post = match self.kind() {
            T::LBrace => None,
            _ => Some(self.simple(false)?),
        };
        let k = self.block()?;
        let r = self.hi();
        Some(self.b.for_three(l, first, cond, semi, post, k, r))
    }
    fn range(&mut self, l: u32, v: Vec<ExprId>, op: Option<(u32, bool)>) -> Option<StmtId> {
        let (p, _) = self.token(T::Range)?;
        let x = self.or(false)?;
        let k = self.block()?;
        let r = self.hi();
        Some(self.b.range(l, v, op, p, x, k, r))
    }
    fn switch(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::Switch)?;
        let h = self.head()?;
        let (s, _) = self.token(T::LBrace)?;
        let mut cases = Vec::new();
        while !self.eat(T::RBrace) {
            let l = self.lo();
            let default = self.eat(T::Default);
            let mut v = Vec::new();
            if !default {
                self.want(T::Case)?;
                v.push(self.xt()?);
                while self.eat(T::Comma) {
                    v.push(self.xt()?);
                }
            }
            let (c, _) = self.token(T::Colon)?;
            let (body, r) = self.stmts()?;
            cases.push(self.b.case(l, v, default, c, body, r));
        }
        let r = self.hi();
        Some(self.b.switch(l, h, s, cases, r))
    }
    fn select(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::Select)?;
        let (s, _) = self.token(T::LBrace)?;
        let mut cases = Vec::new();
        while !self.eat(T::RBrace) {
            let l = self.lo();
            let m = if self.eat(T::Default) {
                None
            } else {
                self.want(T::Case)?;
                Some(self.simple(true)?)
            };
            let (c, _) = self.token(T::Colon)?;
            let (body, r) = self.stmts()?;
            cases.push(self.b.comm(l, m, c, body, r));
        }
        let r = self.hi();
        Some(self.b.select(l, s, cases, r))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex;
    use super::super::parse::{ParseOptions, item_end, parse_pieces, parse_text};
    use super::*;
    use crate::base::span::SourceMap;
    use crate::stdlib::reach;
    use std::path::Path;

    /// Both parsers make the same tree of every declaration of the library, node by node.
    #[test]
    fn the_library_reads_as_by_the_grammar() {
        for stem in reach::stems() {
            for (name, text) in reach::sources(stem) {
                let mut sources = SourceMap::new();
                let id = sources.add(name, Path::new(name), text.to_string());
                let id = id.expect("not too long");
                let (mut by_grammar, mut quick) = (Ast::default(), Ast::default());
                let opts = ParseOptions::default();
                let found = parse_text(&mut by_grammar, &sources, id, &opts).0;
                assert!(found.is_empty(), "{name}: {found:?}");
                let whole = 0..text.len();
                let found = parse_pieces(&mut quick, &sources, id, std::slice::from_ref(&whole));
                assert!(found.is_empty(), "{name}: {found:?}");
                let (a, b) = (format!("{by_grammar:#?}"), format!("{quick:#?}"));
                let mut lines = a.lines().zip(b.lines()).enumerate();
                if let Some((n, (x, y))) = lines.find(|(_, (x, y))| x != y) {
                    panic!("{name}: line {n} of the tree: {x} became {y}");
                }
                assert_eq!(a.len(), b.len(), "{name}");
            }
        }
    }

    /// Hardly anything is left to the grammar.
    #[test]
    fn most_of_the_library_is_read_here() {
        let (mut all, mut left) = (0, Vec::new());
        for (name, text) in reach::stems().flat_map(reach::sources) {
            let lexed = lex::lex(text, 1);
            let mut ast = Ast::default();
            let mut b = Builder::new(&mut ast, text, 1, &lexed);
            let mut i = 0;
            while i < lexed.toks.len() {
                let j = item_end(&lexed.toks, i);
                b.begin();
                all += 1;
                if item(&mut b, &lexed.toks[i..j]).is_none() {
                    let line = text[lexed.toks[i].lo as usize - 1..].lines().next();
                    left.push(format!("{name}: {}", line.unwrap_or_default()));
                }
                i = j;
            }
        }
        assert!(left.len() * 50 < all, "{} of {all}: {left:#?}", left.len());
    }
}
