//! Types, parameters, fields.

use super::Reader;
use super::class::Class;
use super::outline::{Dir, Shape, X};
use crate::syntax::token::T;

/// One entry of a parameter list: where its name and its type stand.
#[derive(Clone, Copy, Default)]
pub struct Param {
    pub name: Option<u32>,
    pub typ: Option<u32>,
    /// Where its `...` stands.
    pub dots: Option<u32>,
}

impl Reader<'_> {
    pub(super) fn bad(&mut self) -> X {
        let at = self.pos();
        self.exprs.add(Shape::Bad, at, at)
    }
    /// The end of the last token taken.
    fn done(&self) -> u32 {
        match self.i.checked_sub(1) {
            Some(j) => self.src.toks[j].hi,
            None => self.src.base,
        }
    }
    pub(super) fn make(&mut self, shape: Shape, lo: u32) -> X {
        let hi = self.done().max(lo);
        self.exprs.add(shape, lo, hi)
    }

    pub(super) fn typ(&mut self) -> X {
        if let Some(t) = self.type_or_none() {
            return t;
        }
        let bad = self.bad();
        self.expected("type");
        use Class::*;
        self.skip_to(&[Comma, Colon, Semi, RParen, RBrack, RBrace]);
        bad
    }

    pub(super) fn type_or_none(&mut self) -> Option<X> {
        let bad = self.bad();
        self.deeper(Some(bad), Self::type_here)
    }

    fn type_here(&mut self) -> Option<X> {
        let lo = self.pos();
        let shape = match self.class() {
            Class::Star => {
                self.next();
                let e = self.typ();
                Shape::Unary("*", e)
            }
            Class::Arrow => {
                self.next();
                self.want(Class::Chan);
                let e = self.channel_element();
                Shape::Chan(Dir::Receive, e)
            }
            Class::Func => {
                self.next();
                self.signature(Some("function type"));
                Shape::FuncType
            }
            Class::LBrack => {
                self.next();
                if self.got(Class::RBrack) {
                    return Some(self.slice_type(lo));
                }
                return Some(self.array_type(lo, None));
            }
            Class::Chan => {
                self.next();
                let dir = if self.got(Class::Arrow) {
                    Dir::Send
                } else {
                    Dir::Both
                };
                let e = self.channel_element();
                Shape::Chan(dir, e)
            }
            Class::Map => {
                self.next();
                self.want(Class::LBrack);
                let k = self.typ();
                self.want(Class::RBrack);
                let v = self.typ();
                Shape::Map(k, v)
            }
            Class::Struct => {
                self.next();
                self.want(Class::LBrace);
                self.list("struct type", Class::Semi, Class::RBrace, |r| {
                    r.field();
                    false
                });
                Shape::Struct
            }
            Class::Interface => {
                self.next();
                self.want(Class::LBrace);
                self.list("interface type", Class::Semi, Class::RBrace, |r| {
                    r.interface_element();
                    false
                });
                Shape::Interface
            }
            Class::Name => return Some(self.type_name(None)),
            Class::LParen => {
                self.next();
                let t = self.typ();
                self.want(Class::RParen);
                Shape::Paren(t)
            }
            _ => return None,
        };
        Some(self.make(shape, lo))
    }

    /// After `[]`.
    pub(super) fn slice_type(&mut self, lo: u32) -> X {
        let e = self.typ();
        self.make(Shape::SliceType(e), lo)
    }

    /// After `[` and perhaps the length.
    pub(super) fn array_type(&mut self, lo: u32, len: Option<X>) -> X {
        let mut len = len;
        if len.is_none() && !self.got(Class::Dots) {
            self.nest += 1;
            len = Some(self.expr());
            self.nest -= 1;
        }
        if self.at(Class::Comma) {
            self.syntax("unexpected comma; expected ]");
            self.next();
        }
        self.want(Class::RBrack);
        let e = self.typ();
        self.make(Shape::Array(len, e), lo)
    }

    fn channel_element(&mut self) -> X {
        match self.type_or_none() {
            Some(t) => t,
            None => {
                let bad = self.bad();
                self.syntax("missing channel element type");
                bad
            }
        }
    }

    /// A name that may be qualified and have type arguments; the first part may be taken.
    pub(super) fn type_name(&mut self, first: Option<X>) -> X {
        let lo = first.map_or(self.pos(), |x| self.exprs.lo(x));
        let mut x = match first {
            Some(x) => x,
            None if self.at(Class::Name) => self.name_expr(),
            None => {
                let bad = self.bad();
                self.expected("name");
                self.skip_to(&[Class::Dot, Class::Semi, Class::RBrace]);
                bad
            }
        };
        if self.got(Class::Dot) {
            let sel = self.selector_name();
            x = self.make(Shape::Selector(x, sel), lo);
        }
        if self.got(Class::LBrack) {
            let i = if self.at(Class::RBrack) {
                self.expected("type argument list");
                self.bad()
            } else {
                self.type_args(true).0
            };
            self.want(Class::RBrack);
            x = self.make(Shape::Index(x, i), lo);
        }
        x
    }
    pub(super) fn selector_name(&mut self) -> String {
        let name = match self.tok() {
            Some(t) if t.kind == T::Ident => self.token_text(&t).to_string(),
            _ => "_".into(),
        };
        self.name();
        name
    }

    /// Types (the first may be an expression unless `strict`) with commas between them, and
    /// whether there was a comma.
    pub(super) fn type_args(&mut self, strict: bool) -> (X, bool) {
        let lo = self.pos();
        self.nest += 1;
        let mut x = if strict { self.typ() } else { self.expr() };
        let comma = self.got(Class::Comma);
        if comma {
            let mut all = vec![x];
            while let Some(t) = self.type_or_none() {
                all.push(t);
                if !self.got(Class::Comma) {
                    break;
                }
            }
            if all.len() > 1 {
                x = self.make(Shape::List(all), lo);
            }
        }
        self.nest -= 1;
        (x, comma)
    }

    /// Type parameters, parameters and results; `context` names what may not have the first.
    pub(super) fn signature(&mut self, context: Option<&str>) {
        let at = self.pos();
        if self.got(Class::LBrack) {
            if let Some(c) = context {
                self.syntax_at(at, &format!("{c} must have no type parameters"));
            }
            if self.at(Class::RBrack) {
                self.syntax("empty type parameter list");
                self.next();
            } else {
                self.params(None, Class::RBrack, false);
            }
        }
        self.want(Class::LParen);
        self.params(None, Class::RParen, true);
        if self.got(Class::LParen) {
            self.params(None, Class::RParen, false);
        } else {
            self.type_or_none();
        }
    }

    /// Parameters up to `close`; `first` has been read already, `dots` says whether the last
    /// may have some. Returns their number.
    pub(super) fn params(&mut self, first: Option<Param>, close: Class, dots: bool) -> usize {
        if first.is_some_and(|p| p.typ.is_some()) && self.at(close) {
            self.next();
            return 1;
        }
        let tparams = close == Class::RBrack;
        let mut first = first;
        let mut all: Vec<Param> = Vec::new();
        let end = self.list("parameter list", Class::Comma, close, |r| {
            let p = match first.take() {
                Some(p) if p.typ.is_some() => Some(p),
                Some(p) => r.param(p.name, close),
                None => r.param(None, close),
            };
            all.extend(p);
            false
        });
        let named = all
            .iter()
            .filter(|p| p.name.is_some() && p.typ.is_some())
            .count();
        for (i, p) in all.iter().enumerate() {
            let message = match dots {
                true if i + 1 < all.len() => "can only use ... with final parameter",
                true => continue,
                false => "invalid use of ...",
            };
            if let Some(at) = p.dots {
                self.plain("MisplacedDotDotDot", at, message);
            }
        }
        if all.is_empty() || named == 0 && !tparams || named == all.len() {
            return all.len();
        }
        // Some are named, so all must be; types hold for the names before them.
        let typed = all.iter().filter(|p| p.typ.is_some()).count();
        let mut fault = None;
        let mut has_type = false;
        for p in all.iter().rev() {
            match (p.typ, p.name) {
                (Some(t), name) => {
                    has_type = true;
                    if name.is_none() {
                        fault = Some(t);
                    }
                }
                (None, name) if !has_type => fault = name,
                _ => {}
            }
        }
        if let Some(pos) = fault {
            let (pos, message) = match (tparams, named == typed) {
                (true, true) => (end, "missing type constraint"),
                (true, false) if all.len() == 1 => {
                    (pos, "missing type parameter name or invalid array length")
                }
                (true, false) => (pos, "missing type parameter name"),
                (false, true) => (end, "missing parameter type"),
                (false, false) => (pos, "missing parameter name"),
            };
            self.syntax_at(pos, message);
        }
        all.len()
    }

    /// One parameter; its name may have been read.
    fn param(&mut self, name: Option<u32>, close: Class) -> Option<Param> {
        let sets = close == Class::RBrack;
        let lo = name.unwrap_or(self.pos());
        let unnamed = Param {
            typ: Some(lo),
            ..Param::default()
        };
        let mut p = Param {
            name,
            ..Param::default()
        };
        if name.is_none() && sets && self.at_op(T::Tilde) {
            self.union(false);
            return Some(unnamed);
        }
        if name.is_some() || self.at(Class::Name) {
            let x = match name {
                // Read as an expression before.
                Some(_) => self.bad(),
                None => self.name_expr(),
            };
            p.name = Some(lo);
            match self.class() {
                Class::LBrack => {
                    let at = self.pos();
                    let plain = self.array_or_args();
                    if sets && self.at_op(T::Or) {
                        self.union(true);
                    }
                    p.typ = Some(if plain { at } else { lo });
                    p.name = plain.then_some(lo);
                    return Some(p);
                }
                Class::Dot => {
                    self.type_name(Some(x));
                    if sets && self.at_op(T::Or) {
                        self.union(true);
                    }
                    return Some(unnamed);
                }
                _ if sets && self.at_op(T::Or) => {
                    self.union(true);
                    return Some(unnamed);
                }
                _ => {}
            }
        }
        let at = self.pos();
        if self.got(Class::Dots) {
            if self.type_or_none().is_none() {
                self.syntax("... is missing type");
            }
            p.typ = Some(at);
            p.dots = Some(at);
            return Some(p);
        }
        if sets && self.at_op(T::Tilde) {
            self.union(false);
            p.typ = Some(at);
            return Some(p);
        }
        if self.type_or_none().is_some() {
            p.typ = Some(at);
            if sets && self.at_op(T::Or) {
                self.union(true);
            }
        }
        if p.name.is_some() || p.typ.is_some() {
            return Some(p);
        }
        self.expected(close.name());
        self.skip_to(&[Class::Comma, close]);
        None
    }

    /// After a name: `[n]E` (true) or type arguments (false).
    fn array_or_args(&mut self) -> bool {
        let lo = self.pos();
        self.want(Class::LBrack);
        if self.got(Class::RBrack) {
            self.slice_type(lo);
            return true;
        }
        let (_, comma) = self.type_args(false);
        self.want(Class::RBrack);
        !comma && self.type_or_none().is_some()
    }

    fn tag(&mut self) {
        if self.at(Class::Literal) {
            self.next();
        }
    }

    fn field(&mut self) {
        match self.class() {
            Class::Name => {
                let x = self.name_expr();
                match self.class() {
                    Class::Dot | Class::Literal | Class::Semi | Class::RBrace => {
                        self.type_name(Some(x));
                    }
                    _ => {
                        let names = self.more_names();
                        if names == 1 && self.at(Class::LBrack) {
                            self.array_or_args();
                        } else {
                            self.typ();
                        }
                    }
                }
                self.tag();
            }
            Class::Star => {
                self.next();
                if self.at(Class::LParen) {
                    self.syntax("cannot parenthesize embedded type");
                    self.next();
                    self.type_name(None);
                    self.got(Class::RParen);
                } else {
                    self.type_name(None);
                }
                self.tag();
            }
            Class::LParen => {
                self.syntax("cannot parenthesize embedded type");
                self.next();
                self.got(Class::Star);
                self.type_name(None);
                self.got(Class::RParen);
                self.tag();
            }
            _ => {
                self.expected("field name or embedded type");
                self.skip_to(&[Class::Semi, Class::RBrace]);
            }
        }
    }

    fn interface_element(&mut self) {
        if !self.at(Class::Name) {
            self.union(false);
            return;
        }
        let x = self.name_expr();
        match self.class() {
            Class::LParen => {
                self.signature(Some("interface method"));
                return;
            }
            Class::LBrack => {
                let at = self.pos();
                self.next();
                if self.at(Class::RBrack) {
                    let at = self.pos();
                    self.next();
                    if self.at(Class::LParen) {
                        self.plain("BadDecl", at, "empty type parameter list");
                        self.signature(Some("interface method"));
                        return;
                    }
                    self.plain("BadDecl", at, "empty type argument list");
                } else {
                    let before = self.i;
                    self.params(None, Class::RBrack, false);
                    // A name and its constraint, not a list of types?
                    if self.named_first(before) {
                        self.signature(Some("interface method"));
                        self.plain(
                            "BadDecl",
                            at,
                            "interface method must have no type parameters",
                        );
                        return;
                    }
                }
            }
            _ => {
                self.type_name(Some(x));
            }
        }
        if self.at_op(T::Or) {
            self.union(true);
        }
    }

    /// Whether the list that starts at token `i` has names: a name followed by what starts
    /// a type.
    fn named_first(&self, i: usize) -> bool {
        let kind = |k: usize| self.src.toks.get(k).map(|t| t.kind);
        kind(i) == Some(T::Ident)
            && matches!(
                kind(i + 1),
                Some(
                    T::Ident
                        | T::Star
                        | T::Tilde
                        | T::Interface
                        | T::Func
                        | T::Map
                        | T::Chan
                        | T::Struct
                        | T::LParen
                        | T::Arrow
                )
            )
    }

    /// `~T | U`; with `rest` only what follows the first term.
    fn union(&mut self, rest: bool) {
        if !rest {
            self.term();
        }
        while self.at_op(T::Or) {
            self.next();
            self.term();
        }
    }
    fn term(&mut self) {
        if self.at_op(T::Tilde) {
            self.next();
            self.typ();
            return;
        }
        if self.type_or_none().is_none() {
            self.expected("~ term or type");
            use Class::*;
            self.skip_to(&[Operator, Semi, RParen, RBrack, RBrace]);
        }
    }
}
