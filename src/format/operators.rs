//! How operators are spelt, and how much room they get.

use super::tree::*;
use crate::syntax::token::T;

/// The precedence from which on operators have no blanks around them.
pub fn cutoff(x: &Expr, depth: i32) -> u8 {
    let mut seen = Seen::default();
    seen.walk(x);
    if seen.problem > 0 {
        return seen.problem + 1;
    }
    if seen.sums && seen.products {
        return if depth == 1 { 5 } else { 4 };
    }
    if depth == 1 { 6 } else { 4 }
}

/// What operators an expression has.
#[derive(Default)]
struct Seen {
    sums: bool,
    products: bool,
    /// Highest precedence at which operators would run into each other without blanks.
    problem: u8,
}
impl Seen {
    fn walk(&mut self, e: &Expr) {
        let Kind::Binary { op, x, y, .. } = &e.kind else {
            return;
        };
        let prec = precedence(*op);
        self.sums |= prec == 4;
        self.products |= prec == 5;
        if let Kind::Binary { op: l, .. } = &x.kind
            && precedence(*l) >= prec
        {
            self.walk(x);
        }
        match &y.kind {
            Kind::Binary { op: r, .. } if precedence(*r) > prec => self.walk(y),
            Kind::Star(_) if spelling(*op) == "/" => self.problem = 5,
            Kind::Unary { op: r, .. } => match (spelling(*op), spelling(*r)) {
                ("&", "&" | "^") => self.problem = 5,
                ("+", "+") | ("-", "-") => self.problem = self.problem.max(4),
                _ => {}
            },
            _ => {}
        }
    }
}

/// How a token without text of its own is written.
pub fn spelling(k: T) -> &'static str {
    use crate::syntax::ast::BinOp;
    match k {
        T::Break => "break",
        T::Case => "case",
        T::Chan => "chan",
        T::Const => "const",
        T::Continue => "continue",
        T::Default => "default",
        T::Defer => "defer",
        T::Else => "else",
        T::Fallthrough => "fallthrough",
        T::For => "for",
        T::Func => "func",
        T::Go => "go",
        T::Goto => "goto",
        T::If => "if",
        T::Import => "import",
        T::Interface => "interface",
        T::Map => "map",
        T::Package => "package",
        T::Range => "range",
        T::Return => "return",
        T::Select => "select",
        T::Struct => "struct",
        T::Switch => "switch",
        T::Type => "type",
        T::Var => "var",
        T::LParen => "(",
        T::RParen => ")",
        T::LBrack => "[",
        T::RBrack => "]",
        T::LBrace => "{",
        T::RBrace => "}",
        T::Comma => ",",
        T::Colon => ":",
        T::Dot => ".",
        T::Dots => "...",
        T::Assign => "=",
        T::Define => ":=",
        T::Inc => "++",
        T::Dec => "--",
        T::Arrow => "<-",
        T::OrOr => "||",
        T::AndAnd => "&&",
        T::Plus => "+",
        T::Minus => "-",
        T::Or => "|",
        T::Xor => "^",
        T::Star => "*",
        T::And => "&",
        T::Not => "!",
        T::Tilde => "~",
        T::Semi => ";",
        T::MulOp(op) | T::CmpOp(op) => op.text(),
        T::AssignOp(op) => match op {
            BinOp::Add => "+=",
            BinOp::Sub => "-=",
            BinOp::Mul => "*=",
            BinOp::Div => "/=",
            BinOp::Rem => "%=",
            BinOp::And => "&=",
            BinOp::Or => "|=",
            BinOp::Xor => "^=",
            BinOp::Shl => "<<=",
            BinOp::Shr => ">>=",
            BinOp::AndNot => "&^=",
            _ => "=",
        },
        T::Newline
        | T::LineComment
        | T::BlockComment
        | T::Number
        | T::Quote
        | T::Backquote
        | T::Tick
        | T::Ident
        | T::Lit(_)
        | T::Str => "",
    }
}
