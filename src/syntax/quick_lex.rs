//! Tokens of library text without the generated scanner: several times as fast for the small
//! pieces that a start reads.
//!
//! Characters outside comments and literals are ASCII and belong to Go; where that is not so,
//! [`Lexer::quickly`] says so and the text is read by the other scanner.

use super::ast::{BinOp, LitKind};
use super::lex::Lexer;
use super::literal;
use super::token::T;

fn keyword(word: &[u8]) -> T {
    match word {
        b"break" => T::Break,
        b"case" => T::Case,
        b"chan" => T::Chan,
        b"const" => T::Const,
        b"continue" => T::Continue,
        b"default" => T::Default,
        b"defer" => T::Defer,
        b"else" => T::Else,
        b"fallthrough" => T::Fallthrough,
        b"for" => T::For,
        b"func" => T::Func,
        b"go" => T::Go,
        b"goto" => T::Goto,
        b"if" => T::If,
        b"import" => T::Import,
        b"interface" => T::Interface,
        b"map" => T::Map,
        b"package" => T::Package,
        b"range" => T::Range,
        b"return" => T::Return,
        b"select" => T::Select,
        b"struct" => T::Struct,
        b"switch" => T::Switch,
        b"type" => T::Type,
        b"var" => T::Var,
        _ => T::Ident,
    }
}

/// Which bytes go on an identifier.
static WORD: [bool; 256] = {
    let mut t = [false; 256];
    let mut c = 0;
    while c < 128 {
        t[c] = (c as u8).is_ascii_alphanumeric() || c == b'_' as usize;
        c += 1;
    }
    t
};

/// The operator at the start of `b`, which is not empty, and its length.
fn operator(b: &[u8]) -> Option<(T, usize)> {
    let at = |n: usize| b.get(n).copied().unwrap_or(0);
    // `op`, or `op=`.
    let assigns = |n: usize, t: T, op: BinOp| match at(n) {
        b'=' => (T::AssignOp(op), n + 1),
        _ => (t, n),
    };
    let compares = |n: usize, op: BinOp| (T::CmpOp(op), n);
    Some(match (b[0], at(1)) {
        (b'(', _) => (T::LParen, 1),
        (b')', _) => (T::RParen, 1),
        (b'[', _) => (T::LBrack, 1),
        (b']', _) => (T::RBrack, 1),
        (b'{', _) => (T::LBrace, 1),
        (b'}', _) => (T::RBrace, 1),
        (b',', _) => (T::Comma, 1),
        (b';', _) => (T::Semi, 1),
        (b':', b'=') => (T::Define, 2),
        (b':', _) => (T::Colon, 1),
        (b'.', b'.') if at(2) == b'.' => (T::Dots, 3),
        (b'.', _) => (T::Dot, 1),
        (b'=', b'=') => compares(2, BinOp::Eq),
        (b'=', _) => (T::Assign, 1),
        (b'!', b'=') => compares(2, BinOp::Ne),
        (b'!', _) => (T::Not, 1),
        (b'<', b'-') => (T::Arrow, 2),
        (b'<', b'<') => assigns(2, T::MulOp(BinOp::Shl), BinOp::Shl),
        (b'<', b'=') => compares(2, BinOp::Le),
        (b'<', _) => compares(1, BinOp::Lt),
        (b'>', b'>') => assigns(2, T::MulOp(BinOp::Shr), BinOp::Shr),
        (b'>', b'=') => compares(2, BinOp::Ge),
        (b'>', _) => compares(1, BinOp::Gt),
        (b'+', b'+') => (T::Inc, 2),
        (b'+', _) => assigns(1, T::Plus, BinOp::Add),
        (b'-', b'-') => (T::Dec, 2),
        (b'-', _) => assigns(1, T::Minus, BinOp::Sub),
        (b'*', _) => assigns(1, T::Star, BinOp::Mul),
        (b'/', _) => assigns(1, T::MulOp(BinOp::Div), BinOp::Div),
        (b'%', _) => assigns(1, T::MulOp(BinOp::Rem), BinOp::Rem),
        (b'&', b'&') => (T::AndAnd, 2),
        (b'&', b'^') => assigns(2, T::MulOp(BinOp::AndNot), BinOp::AndNot),
        (b'&', _) => assigns(1, T::And, BinOp::And),
        (b'|', b'|') => (T::OrOr, 2),
        (b'|', _) => assigns(1, T::Or, BinOp::Or),
        (b'^', _) => assigns(1, T::Xor, BinOp::Xor),
        (b'~', _) => (T::Tilde, 1),
        _ => return None,
    })
}

impl Lexer<'_> {
    /// Reads the text from `i` on. False: it holds something unusual.
    pub(super) fn quickly(&mut self, mut i: usize) -> bool {
        let text = self.text;
        let b = text.as_bytes();
        while let Some(&c) = b.get(i) {
            let lo = i;
            match c {
                b' ' | b'\t' => i += 1,
                b'\n' => {
                    self.newline(lo);
                    i += 1;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    let more = b[lo..].iter().position(|&c| !WORD[c as usize]);
                    i = more.map_or(b.len(), |n| lo + n);
                    if b.get(i).is_some_and(|c| !c.is_ascii()) {
                        return false;
                    }
                    self.push(keyword(&b[lo..i]), lo, i);
                }
                b'/' if b.get(i + 1) == Some(&b'/') => {
                    i += b[lo..]
                        .iter()
                        .position(|c| *c == b'\n')
                        .unwrap_or(b.len() - lo);
                    self.line_comment(lo, i);
                }
                b'/' if b.get(i + 1) == Some(&b'*') => i = self.block_comment(lo),
                b'"' | b'`' | b'\'' | b'0'..=b'9' => {
                    let mut sound = true;
                    let mut report = |_: usize, _: &str| sound = false;
                    let rest = &text[lo..];
                    let (n, kind) = match c {
                        b'"' => (
                            literal::scan_string(rest, &mut |a, m| report(a, &m)),
                            T::Str,
                        ),
                        b'`' => (literal::scan_raw(rest, &mut |a, m| report(a, &m)), T::Str),
                        b'\'' => {
                            let n = literal::scan_rune(rest, &mut |a, m| report(a, &m));
                            (n, T::Lit(LitKind::Char))
                        }
                        _ => {
                            let (n, k) = literal::scan_number(rest, &mut |a, m| report(a, &m));
                            (n, T::Lit(k))
                        }
                    };
                    if !sound {
                        return false;
                    }
                    i += n;
                    self.push(kind, lo, i);
                }
                b'.' if b.get(i + 1).is_some_and(u8::is_ascii_digit) => return false,
                _ => {
                    let Some((t, n)) = operator(&b[lo..]) else {
                        return false;
                    };
                    i += n;
                    self.push(t, lo, i);
                }
            }
        }
        true
    }
}
