//! Expressions.

use super::Reader;
use super::class::Class;
use super::outline::{Dir, Shape, X};
use crate::syntax::token::T;

/// A binary operator's text and precedence; 0 is none.
fn binary_op(t: Option<T>) -> (&'static str, u32) {
    match t {
        Some(T::OrOr) => ("||", 1),
        Some(T::AndAnd) => ("&&", 2),
        Some(T::CmpOp(op)) => (op.text(), 3),
        Some(T::Plus) => ("+", 4),
        Some(T::Minus) => ("-", 4),
        Some(T::Or) => ("|", 4),
        Some(T::Xor) => ("^", 4),
        Some(T::Star) => ("*", 5),
        Some(T::And) => ("&", 5),
        Some(T::MulOp(op)) => (op.text(), 5),
        _ => ("", 0),
    }
}

/// The text of operators with an operand behind them only.
fn unary_op(t: Option<T>) -> Option<&'static str> {
    Some(match t? {
        T::Star => "*",
        T::Plus => "+",
        T::Minus => "-",
        T::Not => "!",
        T::Xor => "^",
        T::Tilde => "~",
        T::And => "&",
        _ => return None,
    })
}

impl Reader<'_> {
    pub(super) fn name_expr(&mut self) -> X {
        let lo = self.name();
        self.make(Shape::Name, lo)
    }

    pub(super) fn expr(&mut self) -> X {
        let bad = self.bad();
        self.deeper(bad, |r| r.binary(None, 0))
    }

    /// One expression, or several with commas between them.
    pub(super) fn exprs(&mut self) -> X {
        let lo = self.pos();
        let first = self.expr();
        if !self.at(Class::Comma) {
            return first;
        }
        let mut all = vec![first];
        while self.got(Class::Comma) {
            all.push(self.expr());
        }
        self.make(Shape::List(all), lo)
    }

    /// Operators that bind tighter than `above`; `first` has been read already.
    pub(super) fn binary(&mut self, first: Option<X>, above: u32) -> X {
        let mut x = match first {
            Some(x) => x,
            None => self.unary(),
        };
        loop {
            let (op, strength) = binary_op(self.kind());
            if strength <= above {
                return x;
            }
            self.next();
            let y = self.binary(None, strength);
            let lo = self.exprs.lo(x);
            x = self.make(Shape::Binary(op, x, y), lo);
        }
    }

    fn unary(&mut self) -> X {
        let bad = self.bad();
        self.deeper(bad, Self::unary_here)
    }
    fn unary_here(&mut self) -> X {
        let lo = self.pos();
        if let Some(op) = unary_op(self.kind()) {
            self.next();
            let mut x = self.unary();
            if op == "&" {
                x = self.exprs.unparen(x);
            }
            return self.make(Shape::Unary(op, x), lo);
        }
        if !self.got(Class::Arrow) {
            return self.primary(true);
        }
        // A receive, or the direction of the channel type that follows.
        let x = self.unary();
        if !matches!(self.exprs.shape(x), Shape::Chan(..)) {
            return self.make(Shape::Unary("<-", x), lo);
        }
        let (mut t, mut dir) = (x, Dir::Send);
        while dir == Dir::Send {
            let Shape::Chan(d, e) = *self.exprs.shape(t) else {
                break;
            };
            dir = d;
            if d == Dir::Receive {
                self.syntax("unexpected <-, expected chan");
            }
            self.exprs.set_shape(t, Shape::Chan(Dir::Receive, e));
            t = e;
        }
        if dir == Dir::Send {
            let text = self.text(t);
            self.syntax(&format!("unexpected {text}, expected chan"));
        }
        x
    }

    /// An expression's text.
    pub(super) fn text(&self, x: X) -> String {
        self.exprs.text(x, &|lo, hi| self.slice(lo, hi))
    }

    /// An operand and what follows it. Parentheses are noted only if `keep`.
    pub(super) fn primary(&mut self, keep: bool) -> X {
        let x = self.operand(keep);
        self.suffixes(x)
    }

    fn operand(&mut self, keep: bool) -> X {
        let lo = self.pos();
        match self.class() {
            Class::Name => self.name_expr(),
            Class::Literal => {
                self.next();
                self.make(Shape::Literal, lo)
            }
            Class::LParen => {
                self.next();
                self.nest += 1;
                let x = self.expr();
                self.nest -= 1;
                self.want(Class::RParen);
                if keep || self.at(Class::LBrace) {
                    return self.make(Shape::Paren(x), lo);
                }
                x
            }
            Class::Func => {
                self.next();
                self.signature(Some("function type"));
                let t = self.make(Shape::FuncType, lo);
                if !self.at(Class::LBrace) {
                    return t;
                }
                self.nest += 1;
                self.body();
                self.nest -= 1;
                self.make(Shape::FuncLit(t), lo)
            }
            Class::LBrack | Class::Chan | Class::Map | Class::Struct | Class::Interface => {
                self.typ()
            }
            _ => {
                let bad = self.bad();
                self.expected("expression");
                self.skip_to(&[Class::RParen, Class::RBrack, Class::RBrace]);
                bad
            }
        }
    }

    /// Selectors, indexes, calls and braces after an operand.
    pub(super) fn suffixes(&mut self, x: X) -> X {
        let mut x = x;
        let lo = self.exprs.lo(x);
        loop {
            match self.class() {
                Class::Dot => {
                    self.next();
                    match self.class() {
                        Class::Name => {
                            let sel = self.selector_name();
                            x = self.make(Shape::Selector(x, sel), lo);
                        }
                        Class::LParen => {
                            self.next();
                            let shape = if self.got(Class::Type) {
                                Shape::Guard(x)
                            } else {
                                Shape::Assert(x, self.typ())
                            };
                            self.want(Class::RParen);
                            x = self.make(shape, lo);
                        }
                        _ => {
                            self.expected("name or (");
                            self.skip_to(&[Class::Semi, Class::RParen]);
                        }
                    }
                }
                Class::LBrack => x = self.index(x, lo),
                Class::LParen => {
                    self.next();
                    let (args, dots) = self.args();
                    x = self.make(Shape::Call(x, args, dots), lo);
                }
                Class::LBrace => {
                    let t = self.exprs.unparen(x);
                    let literal = match *self.exprs.shape(t) {
                        Shape::Name | Shape::Selector(..) => self.nest >= 0,
                        Shape::Index(_, i) => self.nest >= 0 && !self.exprs.is_value(i),
                        Shape::Array(..) | Shape::SliceType(_) | Shape::Struct | Shape::Map(..) => {
                            true
                        }
                        _ => false,
                    };
                    if !literal {
                        return x;
                    }
                    if t != x {
                        self.syntax("cannot parenthesize type in composite literal");
                    }
                    x = self.composite(Some(x), lo);
                }
                _ => return x,
            }
        }
    }

    /// An index, a slice or type arguments.
    fn index(&mut self, x: X, lo: u32) -> X {
        self.next();
        let mut first = None;
        if !self.at(Class::Colon) {
            let mut comma = false;
            let i = if self.at(Class::RBrack) {
                self.expected("operand");
                self.bad()
            } else {
                let (i, c) = self.type_args(false);
                comma = c;
                i
            };
            if comma || self.at(Class::RBrack) {
                self.want(Class::RBrack);
                return self.make(Shape::Index(x, i), lo);
            }
            first = Some(i);
        }
        if !self.got(Class::Colon) {
            self.expected("comma, : or ]");
            self.skip_to(&[Class::Comma, Class::Colon, Class::RBrack]);
        }
        self.nest += 1;
        let (mut second, mut third, mut full) = (None, None, false);
        if !self.at(Class::Colon) && !self.at(Class::RBrack) {
            second = Some(self.expr());
        }
        if self.at(Class::Colon) {
            full = true;
            if second.is_none() {
                self.plain(
                    "InvalidSliceExpr",
                    self.pos(),
                    "middle index required in 3-index slice",
                );
            }
            self.next();
            if self.at(Class::RBrack) {
                self.plain(
                    "InvalidSliceExpr",
                    self.pos(),
                    "final index required in 3-index slice",
                );
            } else {
                third = Some(self.expr());
            }
        }
        self.nest -= 1;
        self.want(Class::RBrack);
        self.make(Shape::Slice(x, [first, second, third], full), lo)
    }

    /// After `(`: arguments, and whether the last has dots.
    fn args(&mut self) -> (Vec<X>, bool) {
        let mut args = Vec::new();
        let mut dots = false;
        self.nest += 1;
        self.list("argument list", Class::Comma, Class::RParen, |r| {
            args.push(r.expr());
            dots = r.got(Class::Dots);
            dots
        });
        self.nest -= 1;
        (args, dots)
    }

    /// From `{` on.
    fn composite(&mut self, typ: Option<X>, lo: u32) -> X {
        let bad = self.bad();
        self.deeper(bad, |r| {
            let mut some = false;
            r.nest += 1;
            r.want(Class::LBrace);
            r.list("composite literal", Class::Comma, Class::RBrace, |r| {
                some = true;
                r.element();
                if r.got(Class::Colon) {
                    r.element();
                }
                false
            });
            r.nest -= 1;
            r.make(Shape::Composite(typ, some), lo)
        })
    }
    fn element(&mut self) {
        if self.at(Class::LBrace) {
            let lo = self.pos();
            self.composite(None, lo);
        } else {
            self.expr();
        }
    }
}
