//! Classes of tokens, as the rules for skipping and the messages know them.

use crate::syntax::token::T;

/// A class of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Class {
    Eof,
    Name,
    Literal,
    /// Unary and binary operators but `*` and `<-`.
    Operator,
    Star,
    AssignOp,
    IncOp,
    Assign,
    Define,
    Arrow,
    LParen,
    RParen,
    LBrack,
    RBrack,
    LBrace,
    RBrace,
    Comma,
    Semi,
    Colon,
    Dot,
    Dots,
    Break,
    Case,
    Chan,
    Const,
    Continue,
    Default,
    Defer,
    Else,
    Fallthrough,
    For,
    Func,
    Go,
    Goto,
    If,
    Import,
    Interface,
    Map,
    Package,
    Range,
    Return,
    Select,
    Struct,
    Switch,
    Type,
    Var,
}

impl Class {
    pub fn of(t: T) -> Class {
        match t {
            T::Ident => Class::Name,
            T::Lit(_) | T::Str => Class::Literal,
            T::Star => Class::Star,
            T::AssignOp(_) => Class::AssignOp,
            T::Inc | T::Dec => Class::IncOp,
            T::Assign => Class::Assign,
            T::Define => Class::Define,
            T::Arrow => Class::Arrow,
            T::LParen => Class::LParen,
            T::RParen => Class::RParen,
            T::LBrack => Class::LBrack,
            T::RBrack => Class::RBrack,
            T::LBrace => Class::LBrace,
            T::RBrace => Class::RBrace,
            T::Comma => Class::Comma,
            T::Semi => Class::Semi,
            T::Colon => Class::Colon,
            T::Dot => Class::Dot,
            T::Dots => Class::Dots,
            T::Break => Class::Break,
            T::Case => Class::Case,
            T::Chan => Class::Chan,
            T::Const => Class::Const,
            T::Continue => Class::Continue,
            T::Default => Class::Default,
            T::Defer => Class::Defer,
            T::Else => Class::Else,
            T::Fallthrough => Class::Fallthrough,
            T::For => Class::For,
            T::Func => Class::Func,
            T::Go => Class::Go,
            T::Goto => Class::Goto,
            T::If => Class::If,
            T::Import => Class::Import,
            T::Interface => Class::Interface,
            T::Map => Class::Map,
            T::Package => Class::Package,
            T::Range => Class::Range,
            T::Return => Class::Return,
            T::Select => Class::Select,
            T::Struct => Class::Struct,
            T::Switch => Class::Switch,
            T::Type => Class::Type,
            T::Var => Class::Var,
            _ => Class::Operator,
        }
    }
    /// What messages call a token of this class that they miss.
    pub fn name(self) -> &'static str {
        match self {
            Class::LParen => "(",
            Class::RParen => ")",
            Class::LBrack => "[",
            Class::RBrack => "]",
            Class::LBrace => "{",
            Class::RBrace => "}",
            Class::Comma => "comma",
            Class::Semi => "semicolon or newline",
            Class::Colon => ":",
            Class::Chan => "keyword chan",
            _ => "name",
        }
    }
}

/// A set of classes.
#[derive(Clone, Copy)]
pub struct Set(u64);

impl Set {
    pub fn of(classes: &[Class]) -> Set {
        Set(classes.iter().fold(0, |s, &c| s | 1 << c as u64))
    }
    pub fn and(self, c: Class) -> Set {
        Set(self.0 | 1 << c as u64)
    }
    pub fn or(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }
    pub fn has(self, c: Class) -> bool {
        self.0 >> c as u64 & 1 != 0
    }
    /// Keywords that only start statements.
    pub fn statements() -> Set {
        use Class::*;
        Set::of(&[
            Break,
            Const,
            Continue,
            Defer,
            Fallthrough,
            For,
            Go,
            Goto,
            If,
            Return,
            Select,
            Switch,
            Type,
            Var,
        ])
    }
}
