//! Syntax errors in Go's words.
//!
//! The parser tells which terminals it would have taken; together with the context of the
//! token (see `context.rs`) that selects the tail of the message. The rules ask for
//! membership in the set, not for literal lists, which change with every grammar edit.

use super::context::{Kind, Level, levels};
use super::token::{T, Tok};

/// The terminals the parser would have taken.
pub struct Expected(Vec<String>);

impl Expected {
    /// From the parser's list of quoted names.
    pub fn new(v: Vec<String>) -> Expected {
        Expected(v)
    }
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|e| e.trim_matches('"') == name)
    }
    fn only(&self, names: &[&str]) -> bool {
        self.0.len() == names.len() && names.iter().all(|n| self.has(n))
    }
}

/// How Go names a token. `last` is the position of the file's end.
pub fn token_name(tok: Option<&Tok>, text: &dyn Fn(&Tok) -> String, end: u32) -> String {
    let Some(t) = tok else { return "EOF".into() };
    match t.kind {
        T::Semi if t.lo < t.hi => "semicolon".into(),
        T::Semi if t.lo == end => "EOF".into(),
        T::Semi => "newline".into(),
        T::Comma => "comma".into(),
        T::Ident => format!("name {}", text(t)),
        T::Lit(_) | T::Str => format!("literal {}", text(t)),
        k if k.is_keyword() => format!("keyword {}", text(t)),
        _ => text(t),
    }
}

/// What Go says about token `k` of an item, and at which token.
pub fn message(toks: &[Tok], k: usize, e: &Expected, name: &str) -> (usize, String) {
    let stack = levels(toks, k);
    let top = &stack[stack.len() - 1];
    let tok = toks.get(k).map(|t| t.kind);
    let prev = k.checked_sub(1).map(|j| toks[j].kind);
    if let Some(special) = special(toks, k, e, top, tok, prev) {
        return special;
    }
    (
        k,
        format!("unexpected {name}{}", tail(toks, k, e, &stack, tok, prev)),
    )
}

/// Errors that do not start with "unexpected".
fn special(
    toks: &[Tok],
    k: usize,
    e: &Expected,
    top: &Level,
    tok: Option<T>,
    prev: Option<T>,
) -> Option<(usize, String)> {
    if e.only(&["if", "{"]) {
        return Some((k, "else must be followed by if or statement block".into()));
    }
    if tok == Some(T::Var)
        && let Some(h) = top.header
        && e.has("lit")
    {
        let word = match h {
            T::If => "if",
            T::For => "for",
            _ => "switch",
        };
        return Some((
            k + 1,
            format!("var declaration not allowed in {word} initializer"),
        ));
    }
    if e.has("string")
        && !e.has("lit")
        && (e.only(&["string"]) || top.decl == Some(T::Import))
        && !e.has(";")
    {
        let literal = matches!(tok, Some(T::Lit(_)));
        let text = if literal {
            "import path must be a string"
        } else {
            "missing import path"
        };
        return Some((k, text.into()));
    }
    let after_chan =
        prev == Some(T::Chan) || prev == Some(T::Arrow) && k >= 2 && toks[k - 2].kind == T::Chan;
    if after_chan && e.has("struct") {
        return Some((k, "missing channel element type".into()));
    }
    if tok == Some(T::LParen)
        && top.kind == Kind::Struct
        && (k == top.start || prev == Some(T::Star))
    {
        return Some((k, "cannot parenthesize embedded type".into()));
    }
    if top.header == Some(T::Select) && e.only(&["{"]) {
        return Some((k, "missing { after select clause".into()));
    }
    if top.kind == Kind::TParams && prev == Some(T::LBrack) && tok == Some(T::RBrack) {
        return Some((k, "empty type parameter list".into()));
    }
    let label = prev == Some(T::Colon) && k >= 2 && toks[k - 2].kind == T::Ident && top.start == k;
    if label && (k < 3 || matches!(toks[k - 3].kind, T::Semi | T::LBrace | T::Colon)) {
        return Some((k - 1, "missing statement after label".into()));
    }
    None
}

fn tail(
    toks: &[Tok],
    k: usize,
    e: &Expected,
    stack: &[Level],
    tok: Option<T>,
    prev: Option<T>,
) -> String {
    let top = &stack[stack.len() - 1];
    if e.has("case") && e.has("default") && !e.has("lit") && !e.has(";") {
        return ", expected case or default or }".into();
    }
    if top.kind.holds_statements() && k == top.start && !top.case && top.header.is_none() {
        return start_tail(&Expected(vec!["return".into()]), top, tok, prev);
    }
    if prev == Some(T::Return) {
        return ", expected expression".into();
    }
    if e.has("lit") && !(e.has("string") && e.has("...") && top.kind == Kind::Params) {
        return start_tail(e, top, tok, prev);
    }
    if e.has("struct")
        && let Some(t) = type_tail(toks, k, e, top, prev)
    {
        return t;
    }
    if e.has("ident") && !e.has("struct") {
        if e.only(&["ident"]) {
            return ", expected name".into();
        }
        if e.has("(") && (prev == Some(T::Dot) || prev == Some(T::Func)) {
            return ", expected name or (".into();
        }
        if top.kind == Kind::TParams {
            return ", expected ]".into();
        }
        if top.kind == Kind::Struct {
            return ", expected field name or embedded type".into();
        }
        if top.kind == Kind::Group && k == top.start {
            let word = if tok.is_none() { ")" } else { "name" };
            return format!(", expected {word}");
        }
        if prev == Some(T::Var) || prev == Some(T::Const) || prev == Some(T::Type) {
            return ", expected name".into();
        }
    }
    operand_tail(toks, k, e, stack, tok)
}

/// Where an expression or statement may start.
fn start_tail(e: &Expected, top: &Level, tok: Option<T>, prev: Option<T>) -> String {
    if e.has("return") {
        return match top.kind {
            Kind::SwitchBody | Kind::SelectBody => ", expected case or default or }",
            _ => ", expected }",
        }
        .into();
    }
    if top.kind == Kind::Index && prev == Some(T::LBrack) && tok == Some(T::RBrack) {
        return if e.has(":") {
            ", expected operand"
        } else {
            ", expected type argument list"
        }
        .into();
    }
    let first = matches!(prev, Some(T::LBrack | T::Comma));
    if top.kind == Kind::Index && !e.has(":") && top.colons == 0 && first {
        return ", expected type".into();
    }
    ", expected expression".into()
}

/// Where a type may start (but no expression).
fn type_tail(toks: &[Tok], k: usize, e: &Expected, top: &Level, prev: Option<T>) -> Option<String> {
    let s = match top.kind {
        Kind::Params => {
            if matches!(prev, Some(T::LParen | T::Comma)) {
                ", expected )"
            } else if e.has(")") {
                " in parameter list; possibly missing comma or )"
            } else {
                ", expected type"
            }
        }
        Kind::TParams => {
            if prev == Some(T::Comma) || prev == Some(T::LBrack) {
                ", expected type"
            } else if e.has("]") {
                " in parameter list; possibly missing comma or ]"
            } else {
                ", expected type"
            }
        }
        Kind::Interface if k == top.start || matches!(prev, Some(T::Or | T::Tilde)) => {
            ", expected ~ term or type"
        }
        Kind::Struct if k == top.start => ", expected field name or embedded type",
        Kind::Struct if e.has("}") && e.has("string") => return Some(", expected type".into()),
        _ => {
            let optional = e.has(";") || e.has("{") || e.has(")") || e.has("]");
            let declares = matches!(top.decl, Some(T::Var | T::Type));
            if prev == Some(T::RParen) && optional {
                return None;
            }
            if top.decl == Some(T::Const) && e.has("=") {
                let define = toks.get(k).map(|t| t.kind) == Some(T::Define);
                return define.then(|| ", expected =".into());
            }
            if top.decl == Some(T::Type) && declares && !e.has(";") && type_starts(toks, k, top) {
                " in type declaration"
            } else if optional && !declares {
                return None;
            } else {
                ", expected type"
            }
        }
    };
    Some(s.into())
}

/// Whether token `k` stands where the type of `type T` starts.
fn type_starts(toks: &[Tok], k: usize, top: &Level) -> bool {
    let mut i = top.start;
    if toks.get(i).map(|t| t.kind) == Some(T::Type) {
        i += 1;
    }
    let kind = |j: usize| toks.get(j).map(|t| t.kind);
    // `type T[P any]`: after the bracket right after the name.
    let params = kind(i + 1) == Some(T::LBrack)
        && kind(i + 2) == Some(T::Ident)
        && kind(i + 3) != Some(T::RBrack);
    k == i + 1
        || k > i && (kind(k - 1) == Some(T::Assign) || kind(k - 1) == Some(T::RBrack) && params)
}

/// After a complete operand, type or statement.
fn operand_tail(toks: &[Tok], k: usize, e: &Expected, stack: &[Level], tok: Option<T>) -> String {
    let top = &stack[stack.len() - 1];
    for one in ["(", "[", "{", ":", "]", ")", "=", ";"] {
        if one == "]" && top.kind == Kind::ArrayLen && tok == Some(T::Comma) {
            return "; expected ]".into();
        }
        if e.only(&[one])
            && !(one == ";" && top.kind == Kind::Top)
            && !(one == "{" && top.header.is_some())
        {
            return match one {
                ";" => ", expected semicolon or newline".into(),
                _ => format!(", expected {one}"),
            };
        }
    }
    if e.only(&["(", "["]) && top.kind == Kind::Top {
        return ", expected (".into();
    }
    if e.only(&["chan"]) {
        return ", expected keyword chan".into();
    }
    match top.kind {
        Kind::Args if e.has(",") || e.has(")") => {
            if k >= 2 && toks[k - 2].kind == T::Dots {
                return ", expected )".into();
            }
            " in argument list; possibly missing comma or )".into()
        }
        Kind::Params if e.has(")") || e.has(",") => {
            " in parameter list; possibly missing comma or )".into()
        }
        Kind::Group => " in grouped declaration; possibly missing semicolon or newline or )".into(),
        Kind::Paren => ", expected )".into(),
        Kind::Index => {
            if e.has(":") && top.colons == 0 && top.commas == 0 {
                ", expected comma, : or ]".into()
            } else {
                ", expected ]".into()
            }
        }
        Kind::TParams => " in parameter list; possibly missing comma or ]".into(),
        Kind::ArrayLen => ", expected ]".into(),
        Kind::Composite => " in composite literal; possibly missing comma or }".into(),
        Kind::Struct => " in struct type; possibly missing semicolon or newline or }".into(),
        Kind::Interface => " in interface type; possibly missing semicolon or newline or }".into(),
        _ => statement_tail(toks, k, e, top, tok),
    }
}

fn statement_tail(toks: &[Tok], k: usize, e: &Expected, top: &Level, tok: Option<T>) -> String {
    if top.case && e.has(":") {
        return ", expected :".into();
    }
    if let Some(h) = top.header {
        let word = match h {
            T::If => "if",
            T::For => "for",
            _ => "switch",
        };
        if top.commas > 0 && !top.assigned && e.has(":=") {
            return ", expected := or = or comma".into();
        }
        let newline = tok == Some(T::Semi) && toks[k].lo == toks[k].hi;
        if h == T::For && top.semis == 1 && !top.range {
            return ", expected semicolon or newline".into();
        }
        return if top.semis > 0 || top.range || newline {
            format!(", expected {{ after {word} clause")
        } else {
            ", expected {".into()
        };
    }
    if top.commas > 0 && !top.assigned && e.has(":=") {
        return ", expected := or = or comma".into();
    }
    match top.kind {
        Kind::Top if toks.first().is_some_and(|t| t.kind == T::Package) => {
            " after package clause".into()
        }
        Kind::Top => " after top level declaration".into(),
        _ => " at end of statement".into(),
    }
}
