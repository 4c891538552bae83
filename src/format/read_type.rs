//! Reading types, parameters and fields.

use super::read::{Reader, Res, field};
use super::tree::*;
use crate::syntax::token::T;

impl Reader<'_> {
    pub(super) fn sig(&mut self) -> Res<Box<Sig>> {
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
        Ok(Box::new(Sig {
            tparams: None,
            params,
            results,
        }))
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
    pub(super) fn params(&mut self, close: T) -> Res<Fields> {
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
                // `a []T`, `a [n]T`, a union that begins so, or an instance `G[T]`.
                let (start, depth) = (self.i, self.depth);
                let name = self.name()?;
                let array = |mut x: &Expr| {
                    while let Kind::Binary { x: left, .. } = &x.kind {
                        x = left;
                    }
                    matches!(x.kind, Kind::Array { .. })
                };
                if let Ok(ty) = self.constraint()
                    && array(&ty)
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
    pub(super) fn constraint(&mut self) -> Res<Expr> {
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

    pub(super) fn ty(&mut self) -> Res<Expr> {
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
}
