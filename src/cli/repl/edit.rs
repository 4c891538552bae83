//! What the line editor asks while an input is typed: is it whole, what could come next,
//! how is it coloured.

use rustc_hash::FxHashMap as HashMap;
use std::borrow::Cow;

use rustyline::Context;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::SearchDirection;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};

use super::{commands, unit};
use crate::stdlib;
use crate::syntax::lex;
use crate::syntax::token::T;
use crate::types::display::type_string;
use crate::types::predicates::{deref, underlying};
use crate::types::ty::{Ty, Type};

/// See the module text.
pub struct Helper {
    color: bool,
    /// What the session has declared, with its type.
    pub names: HashMap<String, Option<Ty>>,
    packages: HashMap<&'static str, Vec<&'static str>>,
}

const WORDS: &[&str] = &[
    "append",
    "any",
    "bool",
    "break",
    "byte",
    "cap",
    "case",
    "chan",
    "clear",
    "close",
    "complex128",
    "const",
    "continue",
    "copy",
    "default",
    "defer",
    "delete",
    "else",
    "error",
    "fallthrough",
    "false",
    "float32",
    "float64",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "interface",
    "iota",
    "len",
    "make",
    "map",
    "max",
    "min",
    "new",
    "nil",
    "panic",
    "print",
    "println",
    "range",
    "recover",
    "return",
    "rune",
    "select",
    "string",
    "struct",
    "switch",
    "true",
    "type",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
    "var",
];

impl Helper {
    pub fn new(color: bool) -> Helper {
        Helper {
            color,
            names: HashMap::default(),
            packages: crate::script::by_name(),
        }
    }

    /// Completions of the word that ends at `pos`, and where it starts.
    fn candidates(&self, line: &str, pos: usize) -> (usize, Vec<String>) {
        let head = &line[..pos];
        if let Some(word) = head.strip_prefix(':')
            && !word.contains(' ')
        {
            return (1, commands::completions(word));
        }
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        let start = head
            .char_indices()
            .rev()
            .take_while(|(_, c)| in_word(*c))
            .last()
            .map_or(pos, |(i, _)| i);
        let word = &head[start..];
        let mut out: Vec<String> = Vec::new();
        if let Some(before) = head[..start].strip_suffix('.') {
            let base = chain_before(before);
            if let Some(t) = self.type_of_chain(base) {
                out.extend(members(t).into_iter().map(|m| m.0));
            } else if let Some(paths) = self.packages.get(base) {
                for p in paths {
                    let names = stdlib::reach::names(p);
                    let exported = names.filter(|n| n.starts_with(char::is_uppercase));
                    out.extend(exported.map(String::from));
                }
            }
        } else if !word.is_empty() {
            out.extend(self.names.keys().cloned());
            out.extend(WORDS.iter().map(|w| w.to_string()));
            out.extend(self.packages.keys().map(|p| p.to_string()));
        }
        out.retain(|n| n.starts_with(word) && !n.is_empty());
        out.sort();
        out.dedup();
        (start, out)
    }

    /// The type of `a.b().c`, as far as the session knows it.
    fn type_of_chain(&self, chain: &str) -> Option<Ty> {
        let mut parts = chain.split('.');
        let mut t = step(
            (*self.names.get(parts.next()?.trim_end_matches("()"))?)?,
            chain,
        )?;
        for part in parts {
            let name = part.trim_end_matches("()");
            let (_, ty) = members(t).into_iter().find(|m| m.0 == name)?;
            t = step(ty?, part)?;
        }
        Some(t)
    }

    /// Parameters and results of the function whose call is being typed.
    fn signature(&self, line: &str) -> Option<String> {
        let name = chain_before(line.strip_suffix('(')?);
        if let Some(text) = self.own_signature(name) {
            return Some(text);
        }
        let (pkg, func) = name.split_once('.')?;
        for path in self.packages.get(pkg)? {
            for (_, text) in stdlib::reach::sources(path) {
                let start = format!("\nfunc {func}");
                for (i, _) in text.match_indices(&start) {
                    let rest = &text[i + start.len()..];
                    if !rest.starts_with(['(', '[']) {
                        continue;
                    }
                    let line = rest.lines().next().unwrap_or("");
                    let line = line.split(" {").next().unwrap_or(line);
                    let at = line.find('(').map_or(0, |i| i + 1);
                    return Some(line[at..].trim_end().to_string());
                }
            }
        }
        None
    }
}

impl Helper {
    fn own_signature(&self, name: &str) -> Option<String> {
        let t = match name.rsplit_once('.') {
            None => (*self.names.get(name)?)?,
            Some((base, last)) => {
                let t = self.type_of_chain(base)?;
                members(t).into_iter().find(|m| m.0 == last)?.1?
            }
        };
        let text = type_string(t, None);
        let text = text.strip_prefix("func(")?;
        Some(text.replace("main.", ""))
    }
}

/// The names, dots and empty calls right before the end of `text`.
fn chain_before(text: &str) -> &str {
    let mut start = text.len();
    let mut rest = text;
    while let Some(c) = rest.chars().next_back() {
        if c.is_alphanumeric() || c == '_' || c == '.' {
            start -= c.len_utf8();
        } else if rest.ends_with("()") {
            start -= 2;
        } else {
            break;
        }
        rest = &text[..start];
    }
    &text[start..]
}

/// What a part of a chain stands for: a call's first result.
fn step(t: Ty, part: &str) -> Option<Ty> {
    if !part.ends_with("()") {
        return Some(t);
    }
    match &*underlying(t) {
        Type::Signature(s) => s.results.first().map(|r| r.ty),
        _ => None,
    }
}

/// Fields and methods of a type, those of embedded fields included.
fn members(t: Ty) -> Vec<(String, Option<Ty>)> {
    let mut out = Vec::new();
    let mut seen = Vec::new();
    let mut todo = vec![t];
    while let Some(t) = todo.pop() {
        let (base, _) = deref(t);
        if seen.contains(&base) {
            continue;
        }
        seen.push(base);
        if let Type::Named(n) = &*base {
            let origin = n.origin.unwrap_or(base);
            if let Type::Named(o) = &*origin {
                for m in o.methods.borrow().iter() {
                    out.push((m.name.to_string(), m.ty.get()));
                }
            }
        }
        match &*underlying(base) {
            Type::Struct(fields) => {
                for f in fields.iter() {
                    out.push((f.name.to_string(), Some(f.ty)));
                    if f.embedded {
                        todo.push(f.ty);
                    }
                }
            }
            Type::Interface(i) => {
                for m in i.methods.borrow().iter() {
                    out.push((m.name.to_string(), None));
                }
            }
            _ => {}
        }
    }
    out
}

impl rustyline::Helper for Helper {}

impl Completer for Helper {
    type Candidate = Pair;
    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, all) = self.candidates(line, pos);
        let pair = |s: String| Pair {
            display: s.clone(),
            replacement: s,
        };
        Ok((start, all.into_iter().map(pair).collect()))
    }
}

impl Hinter for Helper {
    type Hint = String;
    fn hint(&self, line: &str, pos: usize, ctx: &Context<'_>) -> Option<String> {
        if pos < line.len() || line.is_empty() {
            return None;
        }
        if let Some(s) = self.signature(line) {
            return Some(s);
        }
        let found = ctx
            .history()
            .starts_with(
                line,
                ctx.history().len().checked_sub(1)?,
                SearchDirection::Reverse,
            )
            .ok()??;
        let rest = found.entry[line.len()..].lines().next().unwrap_or("");
        (!rest.is_empty()).then(|| rest.to_string())
    }
}

impl Validator for Helper {
    fn validate(&self, ctx: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let text = ctx.input();
        if !text.starts_with(':') && unit::unfinished(&format!("{text}\n")) {
            return Ok(ValidationResult::Incomplete);
        }
        Ok(ValidationResult::Valid(None))
    }
}

const KEYWORD: &str = "\x1b[35m";
const STRING: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";
const END: &str = "\x1b[0m";

fn style(kind: T) -> Option<&'static str> {
    Some(match kind {
        T::Str => STRING,
        T::Lit(crate::syntax::ast::LitKind::Char) => STRING,
        T::Lit(_) => NUMBER,
        T::Break
        | T::Case
        | T::Chan
        | T::Const
        | T::Continue
        | T::Default
        | T::Defer
        | T::Else
        | T::Fallthrough
        | T::For
        | T::Func
        | T::Go
        | T::Goto
        | T::If
        | T::Import
        | T::Interface
        | T::Map
        | T::Range
        | T::Return
        | T::Select
        | T::Struct
        | T::Switch
        | T::Type
        | T::Var => KEYWORD,
        _ => return None,
    })
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if !self.color || line.starts_with(':') {
            return Cow::Borrowed(line);
        }
        let mut out = String::new();
        let mut at = 0;
        for t in lex::lex(line, 0).toks {
            let (lo, hi) = (t.lo as usize, (t.hi as usize).min(line.len()));
            let Some(s) = style(t.kind).filter(|_| lo >= at && lo < hi) else {
                continue;
            };
            out.push_str(&line[at..lo]);
            out.push_str(s);
            out.push_str(&line[lo..hi]);
            out.push_str(END);
            at = hi;
        }
        out.push_str(&line[at..]);
        Cow::Owned(out)
    }
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.color {
            Cow::Owned(format!("{DIM}{hint}{END}"))
        } else {
            Cow::Borrowed(hint)
        }
    }
    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.color && kind != CmdKind::MoveCursor
    }
}
