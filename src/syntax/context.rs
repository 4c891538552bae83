//! Where in the program a token stands, judged from the tokens before it alone.
//!
//! When an item does not parse, the wording of the error and the place to go on from both
//! depend on what was being written: an argument list, a composite literal, an `if` header.
//! The parser's own stack is not accessible, so the brackets are classified again here, by
//! the tokens around them. A wrong guess costs a less exact message, never correctness.

use super::token::{T, Tok};

/// What an open bracket belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Outside all brackets.
    Top,
    Args,
    Params,
    /// `import (`, `const (`, ...
    Group,
    /// Parenthesised operand or type, `x.(`.
    Paren,
    /// `x[`
    Index,
    /// `func f[`, `type T[`
    TParams,
    /// `[`, `map[`
    ArrayLen,
    /// Statements.
    Block,
    SwitchBody,
    SelectBody,
    Composite,
    Struct,
    Interface,
}
impl Kind {
    /// Whether statements stand inside.
    pub fn holds_statements(self) -> bool {
        matches!(self, Kind::Block | Kind::SwitchBody | Kind::SelectBody)
    }
}

/// One open bracket.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub kind: Kind,
    /// Index of the bracket (of the item's start for the outermost level).
    pub at: usize,
    /// Index of the first token of the statement, field or element being written.
    pub start: usize,
    /// `if`, `for`, `switch` or `select` whose `{` has not come yet.
    pub header: Option<T>,
    /// Semicolons since that keyword.
    pub semis: u32,
    /// The header holds `range`.
    pub range: bool,
    /// `func` whose body may still come.
    pub func: bool,
    /// Commas at this level since `start`.
    pub commas: u32,
    /// Colons at this level since `start`.
    pub colons: u32,
    /// The keyword that began the declaration written here.
    pub decl: Option<T>,
    /// `case` or `default` not yet followed by its colon.
    pub case: bool,
    /// `=`, `:=`, `op=` since `start`.
    pub assigned: bool,
}

fn level(kind: Kind, at: usize, start: usize) -> Level {
    Level {
        kind,
        at,
        start,
        header: None,
        semis: 0,
        range: false,
        func: false,
        commas: 0,
        colons: 0,
        decl: None,
        case: false,
        assigned: false,
    }
}

/// The open brackets before token `k`, outermost first.
pub fn levels(toks: &[Tok], k: usize) -> Vec<Level> {
    let mut stack = vec![level(Kind::Top, 0, 0)];
    for i in 0..k.min(toks.len()) {
        step(&mut stack, toks, i);
    }
    stack
}

/// Takes token `i` into account.
pub fn step(stack: &mut Vec<Level>, toks: &[Tok], i: usize) {
    let kind = |j: usize| toks.get(j).map(|t| t.kind);
    let prev = i.checked_sub(1).and_then(kind);
    let depth = stack.len();
    let top = &mut stack[depth - 1];
    match toks[i].kind {
        T::LParen => {
            let k = paren_kind(top, toks, i);
            let mut inner = level(k, i, i + 1);
            if k == Kind::Group {
                inner.decl = top.decl;
            }
            stack.push(inner);
        }
        T::LBrack => {
            let k = match prev {
                Some(T::Ident) if is_tparams(top, toks, i) => Kind::TParams,
                Some(T::RParen) if top.func => Kind::ArrayLen,
                Some(T::Ident | T::RParen | T::RBrack | T::RBrace | T::Str) => Kind::Index,
                _ => Kind::ArrayLen,
            };
            stack.push(level(k, i, i + 1));
        }
        T::LBrace => {
            let k = brace_kind(top, toks, i);
            if k.holds_statements() {
                top.header = None;
                top.func = false;
            }
            stack.push(level(k, i, i + 1));
        }
        T::RParen | T::RBrack | T::RBrace => {
            let close = toks[i].kind;
            let opens = |k: Kind| match close {
                T::RParen => matches!(k, Kind::Args | Kind::Params | Kind::Group | Kind::Paren),
                T::RBrack => matches!(k, Kind::Index | Kind::TParams | Kind::ArrayLen),
                _ => {
                    k.holds_statements()
                        || matches!(k, Kind::Composite | Kind::Struct | Kind::Interface)
                }
            };
            if let Some(p) = stack.iter().rposition(|l| opens(l.kind)) {
                stack.truncate(p.max(1));
            }
        }
        T::Semi => {
            if top.header.is_some() {
                top.semis += 1;
            }
            top.start = i + 1;
            top.commas = 0;
            top.colons = 0;
            top.func = false;
            top.assigned = false;
            if top.kind != Kind::Group {
                top.decl = None;
            }
        }
        T::Comma => top.commas += 1,
        T::Colon => {
            top.colons += 1;
            if top.case || (top.kind == Kind::Block && i == top.start + 1) {
                top.case = false;
                top.start = i + 1;
                top.commas = 0;
            }
        }
        T::Case | T::Default => top.case = true,
        T::If | T::For | T::Switch | T::Select => {
            top.header = Some(toks[i].kind);
            top.semis = 0;
            top.range = false;
            top.commas = 0;
            top.assigned = false;
        }
        T::Range => top.range = true,
        T::Func => top.func = !matches!(prev, Some(T::RBrack | T::Star | T::Chan)),
        T::Var | T::Const | T::Type | T::Import => top.decl = Some(toks[i].kind),
        T::Assign | T::Define | T::AssignOp(_) => {
            top.assigned = true;
            top.func = false;
        }
        _ => {}
    }
}

fn is_tparams(top: &Level, toks: &[Tok], i: usize) -> bool {
    let before = i.checked_sub(2).map(|j| toks[j].kind);
    match before {
        Some(T::Func | T::Type) => true,
        Some(T::RParen) => top.kind == Kind::Top && top.func,
        _ => top.kind == Kind::Group && top.decl == Some(T::Type) && i == top.start + 1,
    }
}

fn paren_kind(top: &Level, toks: &[Tok], i: usize) -> Kind {
    let before = |n: usize| i.checked_sub(n).map(|j| toks[j].kind);
    match before(1) {
        Some(T::Func) => Kind::Params,
        Some(T::Import | T::Const | T::Var | T::Type) => Kind::Group,
        Some(T::Ident) if before(2) == Some(T::Func) => Kind::Params,
        Some(T::Ident) if before(2) == Some(T::RParen) && top.kind == Kind::Top && top.func => {
            Kind::Params
        }
        Some(T::Ident) if top.kind == Kind::Interface && i == top.start + 1 => Kind::Params,
        Some(T::RBrack) if top.kind == Kind::Top && top.func && !top.assigned => Kind::Params,
        // Results after parameters.
        Some(T::RParen) if top.func || top.kind == Kind::Interface => Kind::Params,
        Some(T::Ident | T::RParen | T::RBrack | T::RBrace | T::Str) => Kind::Args,
        Some(T::Interface | T::Struct) => Kind::Args,
        _ => Kind::Paren,
    }
}

fn brace_kind(top: &Level, toks: &[Tok], i: usize) -> Kind {
    let prev = i.checked_sub(1).map(|j| toks[j].kind);
    match prev {
        Some(T::Struct) => return Kind::Struct,
        Some(T::Interface) => return Kind::Interface,
        _ => {}
    }
    if let Some(h) = top.header {
        if !literal_type_before(toks, i) {
            return match h {
                T::Switch => Kind::SwitchBody,
                T::Select => Kind::SelectBody,
                _ => Kind::Block,
            };
        }
        return Kind::Composite;
    }
    if top.func {
        return Kind::Block;
    }
    match prev {
        None | Some(T::Semi | T::Else) => Kind::Block,
        Some(T::LBrace | T::Colon | T::RBrace | T::RParen) if top.kind.holds_statements() => {
            Kind::Block
        }
        _ => Kind::Composite,
    }
}

/// Whether the tokens before `{` end in `]T`, `]p.T` or `struct {...}`.
fn literal_type_before(toks: &[Tok], i: usize) -> bool {
    let mut j = i;
    while j > 0 && matches!(toks[j - 1].kind, T::Ident | T::Dot | T::Star) {
        j -= 1;
    }
    j > 0 && j < i && toks[j - 1].kind == T::RBrack || i > 0 && toks[i - 1].kind == T::RBrace
}

/// The first brace before `k` that opens a literal after something that is no type (a
/// number, a call): the parser takes it and fails later, Go fails right there.
pub fn misplaced_brace(toks: &[Tok], k: usize) -> Option<usize> {
    levels(toks, k).iter().find_map(|l| {
        let func = toks[..l.at]
            .iter()
            .rev()
            .take_while(|t| !matches!(t.kind, T::Semi | T::LBrace | T::RBrace))
            .any(|t| t.kind == T::Func);
        let bad = match l.at.checked_sub(1).map(|j| toks[j].kind) {
            Some(T::Lit(_) | T::Str) => true,
            Some(T::RParen) => !func,
            _ => false,
        };
        (l.kind == Kind::Composite && bad).then_some(l.at)
    })
}
