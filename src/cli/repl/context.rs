//! What is being typed right before the cursor, as far as tokens tell: the operand before a
//! dot, the call whose arguments come, text inside quotes or comments.

use crate::syntax::lex::lex;
use crate::syntax::token::{T, Tok};

/// Where a place in a text lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Code,
    /// In a string or rune that begins at this byte.
    Quoted(usize),
    Comment,
}

/// Where the end of `text` lies.
pub fn place(text: &str) -> Place {
    let b = text.as_bytes();
    let mut i = 0;
    while i < b.len() {
        let start = i;
        match b[i] {
            q @ (b'"' | b'\'' | b'`') => {
                i += 1;
                while i < b.len() && b[i] != q && (q == b'`' || b[i] != b'\n') {
                    i += if b[i] == b'\\' && q != b'`' { 2 } else { 1 };
                }
                if i >= b.len() {
                    return Place::Quoted(start);
                }
            }
            b'/' if b.get(i + 1) == Some(&b'/') => match text[i..].find('\n') {
                Some(n) => i += n,
                None => return Place::Comment,
            },
            b'/' if b.get(i + 1) == Some(&b'*') => match text[i + 2..].find("*/") {
                Some(n) => i += n + 3,
                None => return Place::Comment,
            },
            _ => {}
        }
        i += 1;
    }
    Place::Code
}

/// Whether a string that begins at the end of `text` is an import path.
pub fn imports(text: &str) -> bool {
    let toks = lex(text, 0).toks;
    // Inside `import ( ... )` only paths, names and semicolons precede.
    for t in toks.iter().rev() {
        match t.kind {
            T::Import => return true,
            T::Str | T::Semi | T::LParen | T::Ident | T::Dot => {}
            _ => return false,
        }
    }
    false
}

fn opening(close: T) -> Option<T> {
    Some(match close {
        T::RParen => T::LParen,
        T::RBrack => T::LBrack,
        T::RBrace => T::LBrace,
        _ => return None,
    })
}

/// The index of the bracket that `toks[close]` closes.
fn partner(toks: &[Tok], close: usize) -> Option<usize> {
    let (shut, open) = (toks[close].kind, opening(toks[close].kind)?);
    let mut depth = 0;
    for i in (0..=close).rev() {
        if toks[i].kind == shut {
            depth += 1;
        } else if toks[i].kind == open {
            depth -= 1;
            if depth == 0 {
                return Some(i);
            }
        }
    }
    None
}

/// Where the operand begins that ends before token `end`.
fn operand(toks: &[Tok], end: usize) -> Option<usize> {
    let mut i = end.checked_sub(1)?;
    loop {
        match toks[i].kind {
            T::Ident => match i.checked_sub(1).map(|p| toks[p].kind) {
                Some(T::Dot) => i = i.checked_sub(2)?,
                Some(T::RBrack) if toks.get(i + 1).is_some_and(|t| t.kind == T::LBrace) => {
                    // []T{...}, map[K]V{...}
                    let open = partner(toks, i - 1)?;
                    let map = open > 0 && toks[open - 1].kind == T::Map;
                    return Some(if map { open - 1 } else { open });
                }
                _ => return Some(i),
            },
            T::RParen | T::RBrack | T::RBrace => {
                let open = partner(toks, i)?;
                match open.checked_sub(1).map(|p| toks[p].kind) {
                    Some(T::Ident | T::RParen | T::RBrack | T::RBrace) => i = open - 1,
                    _ => return Some(open),
                }
            }
            T::Str | T::Lit(_) => return Some(i),
            _ => return None,
        }
    }
}

/// The operand before the dot that ends `text`, as a byte range.
pub fn before_dot(text: &str) -> Option<(usize, usize)> {
    let toks = lex(text, 0).toks;
    // The lexer ends a line with a semicolon where one may end.
    let dot = toks.iter().rposition(|t| t.kind == T::Dot)?;
    if toks[dot + 1..].iter().any(|t| t.kind != T::Semi) {
        return None;
    }
    let start = operand(&toks, dot)?;
    Some((toks[start].lo as usize, toks[dot - 1].hi as usize))
}

/// A call that is being typed.
#[derive(PartialEq, Eq, Debug)]
pub struct Call {
    /// The function, as a byte range.
    pub callee: (usize, usize),
    /// Arguments that are complete.
    pub done: usize,
    /// The next one has been begun.
    pub begun: bool,
}

/// The innermost call whose arguments are open at the end of `text`.
pub fn open_call(text: &str) -> Option<Call> {
    let mut toks = lex(text, 0).toks;
    while toks.last().is_some_and(|t| t.kind == T::Semi) {
        toks.pop();
    }
    let (mut depth, mut done) = (0, 0);
    let last = toks.len().checked_sub(1)?;
    for i in (0..=last).rev() {
        match toks[i].kind {
            T::RParen | T::RBrack | T::RBrace => depth += 1,
            T::LBrack | T::LBrace if depth == 0 => return None,
            T::LParen if depth == 0 => {
                let start = operand(&toks, i)?;
                if start > 0 && matches!(toks[start - 1].kind, T::Func | T::RParen) {
                    return None;
                }
                return Some(Call {
                    callee: (toks[start].lo as usize, toks[i - 1].hi as usize),
                    done,
                    begun: !matches!(toks[last].kind, T::Comma) && last != i,
                });
            }
            T::LParen | T::LBrack | T::LBrace => depth -= 1,
            T::Comma if depth == 0 => done += 1,
            _ => {}
        }
    }
    None
}

/// What closes the brackets that are open at the end of `text`.
pub fn closing(text: &str) -> String {
    let mut open = Vec::new();
    for t in lex(text, 0).toks {
        match t.kind {
            T::LParen => open.push(')'),
            T::LBrack => open.push(']'),
            T::LBrace => open.push('}'),
            T::RParen | T::RBrack | T::RBrace => {
                open.pop();
            }
            _ => {}
        }
    }
    open.into_iter().rev().collect()
}

/// Whether a bracket is closed that was never opened: no more lines can mend that.
pub fn overclosed(text: &str) -> bool {
    let mut depth = 0;
    for t in lex(text, 0).toks {
        match t.kind {
            T::LParen | T::LBrack | T::LBrace => depth += 1,
            T::RParen | T::RBrack | T::RBrace => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operand_of(text: &str) -> Option<&str> {
        before_dot(text).map(|(lo, hi)| &text[lo..hi])
    }

    #[test]
    fn the_operand_before_a_dot() {
        for (text, want) in [
            ("pt.", "pt"),
            ("x := a.b().c.", "a.b().c"),
            ("f(ws[0].", "ws[0]"),
            ("if !m[\"a)\"].", "m[\"a)\"]"),
            ("time.Now().", "time.Now()"),
            ("a + (&pt).", "(&pt)"),
            ("[]int{1}.", "[]int{1}"),
            ("map[string]int{}.", "map[string]int{}"),
            ("strings.NewReader(\"x\").", "strings.NewReader(\"x\")"),
            ("func() { y := p.", "p"),
            ("g.\n", "g"),
        ] {
            assert_eq!(operand_of(text), Some(want), "{text}");
        }
        assert_eq!(operand_of("+."), None);
        assert_eq!(operand_of("a.b c"), None);
    }

    #[test]
    fn the_call_whose_arguments_are_open() {
        let call = |text: &str| {
            let c = open_call(text)?;
            Some((text[c.callee.0..c.callee.1].to_string(), c.done, c.begun))
        };
        let some = |s: &str, n, b| Some((s.to_string(), n, b));
        assert_eq!(call("f("), some("f", 0, false));
        assert_eq!(call("x := a.f(1, g(2, 3), "), some("a.f", 2, false));
        assert_eq!(call("f(1, []int{1, 2}"), some("f", 1, true));
        assert_eq!(call("f(1, g(2"), some("g", 0, true));
        assert_eq!(call("f(1)"), None);
        assert_eq!(call("func f("), None);
        assert_eq!(call("func (t T) f("), None);
        assert_eq!(call("f([]int{"), None);
    }

    #[test]
    fn quotes_comments_and_brackets() {
        assert_eq!(place("a + \"b"), Place::Quoted(4));
        assert_eq!(place("\"a\\\"\" + b"), Place::Code);
        assert_eq!(place("`a\n"), Place::Quoted(0));
        assert_eq!(place("x // y."), Place::Comment);
        assert_eq!(place("x /* y */ z"), Place::Code);
        assert_eq!(place("x /* y"), Place::Comment);
        assert!(imports("import ") && imports("import (\n\"fmt\"\n"));
        assert!(!imports("x := "));
        assert_eq!(closing("f(func() { g[1"), "]})");
        assert!(overclosed("} ") && overclosed("f())") && !overclosed("f({})"));
    }
}
