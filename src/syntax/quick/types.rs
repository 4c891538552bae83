//! Parameters and types.

use super::Quick;
use crate::syntax::ast::*;
use crate::syntax::build::*;
use crate::syntax::token::T;

impl Quick<'_, '_> {
    pub(super) fn params(&mut self) -> Option<Params> {
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
    pub(super) fn param(&mut self) -> Option<ParamEntry> {
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
    pub(super) fn name_or_array(&mut self) -> Option<(Option<IdentId>, ExprId)> {
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
    /// Indices or type arguments behind the first one, the bracket, and where it ends.
    pub(super) fn more_indices(&mut self) -> Option<(Vec<ExprId>, u32)> {
        let mut v = Vec::new();
        while self.eat(T::Comma) {
            if self.kind() != T::RBrack {
                v.push(self.xt()?);
            }
        }
        self.want(T::RBrack)?;
        Some((v, self.hi()))
    }
    /// The rest of `G[x` behind `x`; the name is from `l` to `m`.
    pub(super) fn instance(&mut self, l: u32, m: u32, x: ExprId) -> Option<ExprId> {
        let (v, r) = self.more_indices()?;
        let n = self.b.name(l, m);
        Some(self.b.index_more(n, x, v, r))
    }

    // ---- Types.

    pub(super) fn starts_type(&self) -> bool {
        use T::*;
        matches!(
            self.kind(),
            Ident | Star | LBrack | Map | Chan | Struct | Interface | Func | Arrow | LParen
        )
    }
    pub(super) fn ty(&mut self) -> Option<ExprId> {
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
    pub(super) fn type_name(&mut self) -> Option<ExprId> {
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
        let (v, r) = self.more_indices()?;
        Some(self.b.index_more(x, i, v, r))
    }
    /// A type that begins with a bracket or a keyword other than `func`.
    pub(super) fn literal_type(&mut self) -> Option<ExprId> {
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
    pub(super) fn field(&mut self) -> Option<Vec<FieldDecl>> {
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
    pub(super) fn inter_elem(&mut self) -> Option<InterfaceElem> {
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
}
