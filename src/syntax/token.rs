//! The tokens of Go, as a logos lexer.
//!
//! Operators of one precedence level that never mean anything else share a variant with
//! the operation as payload ([`T::MulOp`], [`T::CmpOp`], [`T::AssignOp`]): fewer terminals,
//! smaller tables. Literals and comments only have their *opening* matched here; `lex.rs`
//! scans the rest by hand, because Go reports a malformed literal in its own words and
//! goes on. (Regular expressions for whole literals were rejected: a long comment or raw
//! string makes a generated matcher slow, and malformed ones need hand-written code anyway.)

use super::ast::{BinOp, LitKind};
use logos::Logos;

/// One kind of token.
#[derive(Logos, Clone, Copy, PartialEq, Eq, Debug)]
#[logos(skip r"[ \t\r]+")]
pub enum T {
    /// A line end (never reaches the grammar; becomes a semicolon or nothing).
    #[token("\n")]
    Newline,
    /// `//`
    #[token("//")]
    LineComment,
    /// `/*`
    #[token("/*")]
    BlockComment,
    /// The first character of a number.
    #[regex(r"[0-9]|\.[0-9]")]
    Number,
    /// `"`
    #[token("\"")]
    Quote,
    /// `` ` ``
    #[token("`")]
    Backquote,
    /// `'`
    #[token("'")]
    Tick,

    /// An identifier.
    #[regex(r"[\p{L}_][\p{L}\p{Nd}_]*")]
    Ident,
    /// A literal that is not a string.
    Lit(LitKind),
    /// A string literal.
    Str,
    /// A semicolon in the source.
    #[token(";")]
    Semi,

    #[token("break")]
    Break,
    #[token("case")]
    Case,
    #[token("chan")]
    Chan,
    #[token("const")]
    Const,
    #[token("continue")]
    Continue,
    #[token("default")]
    Default,
    #[token("defer")]
    Defer,
    #[token("else")]
    Else,
    #[token("fallthrough")]
    Fallthrough,
    #[token("for")]
    For,
    #[token("func")]
    Func,
    #[token("go")]
    Go,
    #[token("goto")]
    Goto,
    #[token("if")]
    If,
    #[token("import")]
    Import,
    #[token("interface")]
    Interface,
    #[token("map")]
    Map,
    #[token("package")]
    Package,
    #[token("range")]
    Range,
    #[token("return")]
    Return,
    #[token("select")]
    Select,
    #[token("struct")]
    Struct,
    #[token("switch")]
    Switch,
    #[token("type")]
    Type,
    #[token("var")]
    Var,

    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBrack,
    #[token("]")]
    RBrack,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("...")]
    Dots,
    #[token("=")]
    Assign,
    #[token(":=")]
    Define,
    #[token("++")]
    Inc,
    #[token("--")]
    Dec,
    #[token("<-")]
    Arrow,
    #[token("||")]
    OrOr,
    #[token("&&")]
    AndAnd,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("|")]
    Or,
    #[token("^")]
    Xor,
    #[token("*")]
    Star,
    #[token("&")]
    And,
    #[token("!")]
    Not,
    #[token("~")]
    Tilde,
    /// `/ % << >> &^`
    #[token("/", |_| BinOp::Div)]
    #[token("%", |_| BinOp::Rem)]
    #[token("<<", |_| BinOp::Shl)]
    #[token(">>", |_| BinOp::Shr)]
    #[token("&^", |_| BinOp::AndNot)]
    MulOp(BinOp),
    /// `== != < <= > >=`
    #[token("==", |_| BinOp::Eq)]
    #[token("!=", |_| BinOp::Ne)]
    #[token("<", |_| BinOp::Lt)]
    #[token("<=", |_| BinOp::Le)]
    #[token(">", |_| BinOp::Gt)]
    #[token(">=", |_| BinOp::Ge)]
    CmpOp(BinOp),
    /// `+= -= ...`
    #[token("+=", |_| BinOp::Add)]
    #[token("-=", |_| BinOp::Sub)]
    #[token("*=", |_| BinOp::Mul)]
    #[token("/=", |_| BinOp::Div)]
    #[token("%=", |_| BinOp::Rem)]
    #[token("&=", |_| BinOp::And)]
    #[token("|=", |_| BinOp::Or)]
    #[token("^=", |_| BinOp::Xor)]
    #[token("<<=", |_| BinOp::Shl)]
    #[token(">>=", |_| BinOp::Shr)]
    #[token("&^=", |_| BinOp::AndNot)]
    AssignOp(BinOp),
}

impl T {
    /// Whether a line end after this token ends the statement.
    pub fn ends_statement(self) -> bool {
        matches!(
            self,
            T::Ident
                | T::Lit(_)
                | T::Str
                | T::Break
                | T::Continue
                | T::Fallthrough
                | T::Return
                | T::Inc
                | T::Dec
                | T::RParen
                | T::RBrack
                | T::RBrace
        )
    }
    /// Whether this is a keyword.
    pub fn is_keyword(self) -> bool {
        use T::*;
        matches!(
            self,
            Break
                | Case
                | Chan
                | Const
                | Continue
                | Default
                | Defer
                | Else
                | Fallthrough
                | For
                | Func
                | Go
                | Goto
                | If
                | Import
                | Interface
                | Map
                | Package
                | Range
                | Return
                | Select
                | Struct
                | Switch
                | Type
                | Var
        )
    }
}

/// A token with its global position.
#[derive(Clone, Copy, Debug)]
pub struct Tok {
    pub kind: T,
    pub lo: u32,
    pub hi: u32,
}
