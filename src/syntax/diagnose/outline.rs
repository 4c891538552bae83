//! Outlines of expressions: what kind they are, and their text as messages show it.

/// An expression's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct X(u32);

/// What an expression is.
#[derive(Clone, Debug)]
pub enum Shape {
    Bad,
    Name,
    Literal,
    Paren(X),
    /// Operator text, operand.
    Unary(&'static str, X),
    /// Operator text, operands.
    Binary(&'static str, X, X),
    Call(X, Vec<X>, bool),
    Selector(X, String),
    Index(X, X),
    Slice(X, [Option<X>; 3], bool),
    Assert(X, X),
    /// `x.(type)`
    Guard(X),
    FuncLit(X),
    /// Type if written, whether it has elements.
    Composite(Option<X>, bool),
    List(Vec<X>),
    /// Length (none: `...`), element.
    Array(Option<X>, X),
    SliceType(X),
    Struct,
    Interface,
    FuncType,
    Map(X, X),
    /// Direction as written, element.
    Chan(Dir, X),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dir {
    Both,
    Send,
    Receive,
}

struct Outline {
    shape: Shape,
    /// Source positions.
    lo: u32,
    hi: u32,
}

/// All expressions met so far.
#[derive(Default)]
pub struct Outlines(Vec<Outline>);

/// How much text of an expression a message shows at most.
const MAX_TEXT: usize = 10_000;

impl Outlines {
    pub fn add(&mut self, shape: Shape, lo: u32, hi: u32) -> X {
        self.0.push(Outline { shape, lo, hi });
        X(self.0.len() as u32 - 1)
    }
    pub fn shape(&self, x: X) -> &Shape {
        &self.0[x.0 as usize].shape
    }
    pub fn set_shape(&mut self, x: X, shape: Shape) {
        self.0[x.0 as usize].shape = shape;
    }
    pub fn lo(&self, x: X) -> u32 {
        self.0[x.0 as usize].lo
    }
    pub fn unparen(&self, mut x: X) -> X {
        while let Shape::Paren(y) = *self.shape(x) {
            x = y;
        }
        x
    }
    /// Whether an expression in brackets after a type's name shows that the brackets hold
    /// type parameters.
    pub fn is_type_element(&self, x: X) -> bool {
        match *self.shape(x) {
            Shape::Array(..)
            | Shape::SliceType(_)
            | Shape::Struct
            | Shape::FuncType
            | Shape::Interface
            | Shape::Map(..)
            | Shape::Chan(..) => true,
            Shape::Unary(op, y) => op == "~" || self.is_type_element(y),
            Shape::Binary(_, a, b) => self.is_type_element(a) || self.is_type_element(b),
            Shape::Paren(y) => self.is_type_element(y),
            _ => false,
        }
    }
    /// Whether an expression cannot be a type.
    pub fn is_value(&self, x: X) -> bool {
        match *self.shape(x) {
            Shape::Literal
            | Shape::Composite(..)
            | Shape::FuncLit(_)
            | Shape::Slice(..)
            | Shape::Assert(..)
            | Shape::Guard(_)
            | Shape::Call(..)
            | Shape::Binary(..) => true,
            Shape::Unary(op, _) => op != "*",
            Shape::Paren(y) => self.is_value(y),
            Shape::Index(y, i) => self.is_value(y) || self.is_value(i),
            _ => false,
        }
    }
    /// The text of an expression; `source` gives the text between two positions.
    pub fn text<'s>(&self, x: X, source: &impl Fn(u32, u32) -> &'s str) -> String {
        let mut out = String::new();
        self.write(x, source, &mut out);
        out
    }
    fn write<'s>(&self, x: X, source: &impl Fn(u32, u32) -> &'s str, out: &mut String) {
        let o = &self.0[x.0 as usize];
        if out.len() > MAX_TEXT {
            return;
        }
        let list = |v: &[X], out: &mut String| {
            for (i, &y) in v.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                self.write(y, source, out);
            }
        };
        match &o.shape {
            Shape::Bad => out.push_str("<bad expr>"),
            Shape::Name | Shape::Literal => out.push_str(source(o.lo, o.hi)),
            Shape::Paren(y) => {
                out.push('(');
                self.write(*y, source, out);
                out.push(')');
            }
            Shape::Unary(op, y) => {
                out.push_str(op);
                self.write(*y, source, out);
            }
            Shape::Binary(op, a, b) => {
                self.write(*a, source, out);
                *out += &format!(" {op} ");
                self.write(*b, source, out);
            }
            Shape::Call(f, args, dots) => {
                self.write(*f, source, out);
                out.push('(');
                list(args, out);
                out.push_str(if *dots { "...)" } else { ")" });
            }
            Shape::Selector(y, name) => {
                self.write(*y, source, out);
                out.push('.');
                out.push_str(name);
            }
            Shape::Index(y, i) => {
                self.write(*y, source, out);
                out.push('[');
                self.write(*i, source, out);
                out.push(']');
            }
            Shape::Slice(y, ix, full) => {
                self.write(*y, source, out);
                out.push('[');
                for (k, i) in ix.iter().enumerate() {
                    if k == 1 || k == 2 && *full {
                        out.push(':');
                    }
                    if let Some(i) = i {
                        self.write(*i, source, out);
                    }
                }
                out.push(']');
            }
            Shape::Assert(y, t) => {
                self.write(*y, source, out);
                out.push_str(".(");
                self.write(*t, source, out);
                out.push(')');
            }
            Shape::Guard(y) => {
                self.write(*y, source, out);
                out.push_str(".(type)");
            }
            Shape::FuncLit(t) => {
                self.write(*t, source, out);
                out.push_str(" {…}");
            }
            Shape::Composite(t, some) => {
                if let Some(t) = t {
                    self.write(*t, source, out);
                }
                out.push_str(if *some { "{…}" } else { "{}" });
            }
            Shape::List(v) => list(v, out),
            Shape::Array(n, e) => {
                out.push('[');
                match n {
                    Some(n) => self.write(*n, source, out),
                    None => out.push_str("..."),
                }
                out.push(']');
                self.write(*e, source, out);
            }
            Shape::SliceType(e) => {
                out.push_str("[]");
                self.write(*e, source, out);
            }
            Shape::Map(k, v) => {
                out.push_str("map[");
                self.write(*k, source, out);
                out.push(']');
                self.write(*v, source, out);
            }
            Shape::Chan(d, e) => {
                out.push_str(match d {
                    Dir::Both => "chan ",
                    Dir::Send => "chan<- ",
                    Dir::Receive => "<-chan ",
                });
                self.write(*e, source, out);
            }
            Shape::Struct | Shape::Interface | Shape::FuncType => {
                out.push_str(source(o.lo, o.hi));
            }
        }
    }
}
