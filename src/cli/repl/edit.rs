//! What the line editor asks while an input is typed: is it whole, what could come next,
//! how is it coloured.

use rustc_hash::FxHashMap as HashMap;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use rustyline::Context;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::SearchDirection;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};

use super::context::{self, Place};
use super::unit::Units;
use super::{commands, unit};
use crate::base::intern::Name;
use crate::runtime::sched::Runtime;
use crate::runtime::sched::task::State;
use crate::stdlib;
use crate::syntax::lex;
use crate::syntax::token::T;
use crate::types::display::type_string;
use crate::types::lookup::method_set;
use crate::types::predicates::{deref, underlying};
use crate::types::ty::{Pkg, Ty, Type};
use crate::vm::session;

/// See the module text.
pub struct Helper {
    color: bool,
    units: Rc<RefCell<Units>>,
    rt: &'static Runtime,
    files: FilenameCompleter,
    /// What the session has declared, with its type.
    pub names: HashMap<String, Option<Ty>>,
    packages: HashMap<&'static str, Vec<&'static str>>,
    /// The last call that was looked up, by the text up to its function.
    signatures: RefCell<Option<(String, Option<String>)>>,
}

/// What the editor shows behind the cursor.
pub struct Hint {
    text: String,
    /// It may be taken over: it is what was typed before.
    typed: bool,
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.text
    }
    fn completion(&self) -> Option<&str> {
        self.typed.then_some(self.text.as_str())
    }
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
    pub fn new(color: bool, units: Rc<RefCell<Units>>, rt: &'static Runtime) -> Helper {
        Helper {
            color,
            units,
            rt,
            files: FilenameCompleter::new(),
            names: HashMap::default(),
            packages: crate::script::by_name(),
            signatures: RefCell::default(),
        }
    }

    /// Completions of the word that ends at `pos`, and where it starts.
    fn candidates(&self, line: &str, pos: usize) -> (usize, Vec<String>) {
        let head = &line[..pos];
        if let Some(command) = head.strip_prefix(':') {
            match command.split_once(' ') {
                None => return (1, commands::completions(command)),
                Some((name, arg)) => {
                    if let Some(all) = self.arguments(name, arg) {
                        return (pos - arg.len(), all);
                    }
                }
            }
        } else {
            match context::place(head) {
                Place::Code => {}
                Place::Quoted(at) if context::imports(&head[..at]) => {
                    return (at + 1, import_paths(&head[at + 1..]));
                }
                _ => return (pos, Vec::new()),
            }
            // At the beginning of a line of several: indentation.
            if head
                .rsplit('\n')
                .next()
                .is_some_and(|l| l.trim().is_empty())
                && head.contains('\n')
            {
                return (pos, vec!["\t".into()]);
            }
        }
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        let start = head.trim_end_matches(in_word).len();
        let word = &head[start..];
        let mut out: Vec<String> = Vec::new();
        if head[..start].ends_with('.') {
            out = self.selectors(&head[..start]);
        } else if !word.is_empty() || head.starts_with(':') {
            out.extend(self.names.keys().cloned());
            if !word.is_empty() {
                out.extend(WORDS.iter().map(|w| w.to_string()));
                out.extend(self.packages.keys().map(|p| p.to_string()));
            }
        }
        out.retain(|n| n.starts_with(word) && !n.is_empty());
        out.sort();
        out.dedup();
        (start, out)
    }

    /// What may follow a command, where that is not Go.
    fn arguments(&self, command: &str, arg: &str) -> Option<Vec<String>> {
        let mut out: Vec<String> = match command {
            "race" => vec!["on".into(), "off".into()],
            "time" => vec!["virtual".into(), "real".into()],
            "g" => {
                let mut ids = Vec::new();
                self.rt.for_each_g(|g| {
                    if !matches!(g.state(), State::Idle | State::Dead) && g.id() != 1 {
                        ids.push(g.id());
                    }
                });
                ids.sort_unstable();
                let ids = ids.iter().map(u64::to_string);
                ids.chain(std::iter::once("all".into())).collect()
            }
            "ch" if !arg.contains(['.', '[', '(']) => {
                let channel = |t: &Option<Ty>| {
                    t.is_some_and(|t| matches!(&*underlying(t), Type::Chan { .. }))
                };
                let all = self.names.iter().filter(|(_, t)| channel(t));
                all.map(|(n, _)| n.clone()).collect()
            }
            _ => return None,
        };
        out.retain(|w| w.starts_with(arg));
        Some(out)
    }

    /// What may follow the dot at the end of `head`.
    fn selectors(&self, head: &str) -> Vec<String> {
        let (prefix, code) = match head.strip_prefix(':') {
            Some(c) => c.split_once(' ').unwrap_or(("", c)),
            None => ("", head),
        };
        let Some((lo, hi)) = context::before_dot(code) else {
            return Vec::new();
        };
        let base = &code[lo..hi];
        let known = self.names.contains_key(base);
        if let Some(paths) = self.packages.get(base).filter(|_| !known) {
            let names = paths.iter().flat_map(|p| stdlib::reach::names(p));
            let exported = names.filter(|n| n.starts_with(char::is_uppercase));
            return exported.map(String::from).collect();
        }
        // `:doc T.` wants what belongs to a type.
        if prefix == "doc"
            && let Some(t) = self.units.borrow_mut().type_named(base)
        {
            return members(t);
        }
        match self.type_of_operand(code, lo, hi) {
            Some(t) => members(t),
            None => Vec::new(),
        }
    }

    /// The type of the operand `text[lo..hi]` where it stands, else that of the same words
    /// in the session.
    fn type_of_operand(&self, text: &str, lo: usize, hi: usize) -> Option<Ty> {
        let head = &text[..hi];
        let close = context::closing(head);
        let mut units = self.units.borrow_mut();
        ["", "{}", ":"]
            .iter()
            .find_map(|glue| units.type_at(&format!("{head}{glue}{close}"), lo, hi))
            .or_else(|| units.type_at(&text[lo..hi], 0, hi - lo))
    }

    /// What is still to come of the parameters of the call that is being typed, with its
    /// results.
    fn signature(&self, line: &str) -> Option<String> {
        let (text, quoted) = match context::place(line) {
            Place::Code => (line, false),
            Place::Quoted(at) => (&line[..at], true),
            Place::Comment => return None,
        };
        let call = context::open_call(text)?;
        let (lo, hi) = call.callee;
        let key = &text[..hi];
        let known = {
            let s = self.signatures.borrow();
            s.as_ref().filter(|s| s.0 == key).map(|s| s.1.clone())
        };
        let whole = known.unwrap_or_else(|| {
            let found = self.signature_of(text, lo, hi);
            *self.signatures.borrow_mut() = Some((key.to_string(), found.clone()));
            found
        })?;
        Some(rest_of(&whole, call.done, call.begun || quoted))
    }

    /// Parameters and results of the function `text[lo..hi]`.
    fn signature_of(&self, text: &str, lo: usize, hi: usize) -> Option<String> {
        let name = &text[lo..hi];
        if let Some((pkg, func)) = name.split_once('.')
            && !self.names.contains_key(pkg)
            && let Some(paths) = self.packages.get(pkg)
            && let Some(found) = paths.iter().find_map(|p| library_signature(p, func))
        {
            return Some(found);
        }
        let t = self.type_of_operand(text, lo, hi)?;
        let text = type_string(t, None);
        let text = text.strip_prefix("func(")?;
        Some(text.replace("main.", ""))
    }
}

/// The head of a library function behind its first parenthesis.
fn library_signature(path: &str, func: &str) -> Option<String> {
    let start = format!("\nfunc {func}");
    for (_, text) in stdlib::reach::sources(path) {
        for (i, _) in text.match_indices(&start) {
            let rest = &text[i + start.len()..];
            if !rest.starts_with(['(', '[']) {
                continue;
            }
            let line = rest.lines().next().unwrap_or("");
            let line = line.split(" {").next().unwrap_or(line);
            // After type parameters.
            let mut depth = 0;
            let at = line.find(|c| {
                depth += i32::from(c == '[') - i32::from(c == ']');
                c == '(' && depth == 0
            });
            return Some(line[at.map_or(0, |i| i + 1)..].trim_end().to_string());
        }
    }
    None
}

/// What remains of `a int, b string) error` after `done` arguments and perhaps a part of one.
fn rest_of(signature: &str, done: usize, begun: bool) -> String {
    let mut depth = 0;
    let mut params = Vec::new();
    let (mut start, mut end) = (0, signature.len());
    for (i, c) in signature.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                end = i;
                break;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                params.push(signature[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    params.push(signature[start..end].trim());
    let tail = &signature[end..];
    let variadic = params.last().is_some_and(|p| p.contains("..."));
    let last = params.len() - 1;
    let from = if begun { done + 1 } else { done };
    let left = match params.get(from..) {
        Some(p) if !p.is_empty() => p.join(", "),
        _ if variadic => params[last].to_string(),
        _ => return tail.to_string(),
    };
    if left.is_empty() {
        return tail.to_string();
    }
    format!("{}{left}{tail}", if begun { ", " } else { "" })
}

/// Import paths that begin so.
fn import_paths(start: &str) -> Vec<String> {
    let mut out: Vec<String> = stdlib::paths()
        .filter(|p| p.starts_with(start) && !p.starts_with("internal/"))
        .map(String::from)
        .collect();
    out.sort();
    out
}

/// Fields and methods of a type that an input may name.
fn members(t: Ty) -> Vec<String> {
    let (base, _) = deref(t);
    let own = |n: Name, pkg: Option<Pkg>| {
        n.is_exported() || pkg.is_none_or(|p| p.0.path == "main" || p.0.path.is_empty())
    };
    let interface = matches!(&*underlying(base), Type::Interface(_));
    let holder = if interface {
        t
    } else {
        Ty::new(Type::Pointer(base))
    };
    let mut out: Vec<String> = method_set(holder)
        .into_iter()
        .filter(|m| own(m.name, m.pkg))
        .map(|m| m.name.to_string())
        .collect();
    let mut seen = Vec::new();
    let mut todo = vec![base];
    while let Some(t) = todo.pop() {
        if seen.contains(&t) {
            continue;
        }
        seen.push(t);
        if let Type::Struct(fields) = &*underlying(t) {
            for f in fields.iter().filter(|f| own(f.name, f.pkg)) {
                out.push(f.name.to_string());
                if f.embedded {
                    todo.push(deref(f.ty).0);
                }
            }
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
        let files = [":load ", ":save "].iter().any(|c| line.starts_with(c));
        if files {
            return self.files.complete_path(line, pos);
        }
        let (start, all) = self.candidates(line, pos);
        let pair = |s: String| Pair {
            display: s.clone(),
            replacement: s,
        };
        // The editor draws an entry of several lines over a list below it.
        if all.len() > 1 && line.contains('\n') {
            let common = common_prefix(&all);
            if common.len() > pos - start {
                return Ok((start, vec![pair(common)]));
            }
            if session::print_above(columns(&all).as_bytes()) {
                return Ok((start, Vec::new()));
            }
        }
        Ok((start, all.into_iter().map(pair).collect()))
    }
}

/// What all of some words begin with.
fn common_prefix(words: &[String]) -> String {
    let mut common = words.first().cloned().unwrap_or_default();
    for w in words {
        while !w.starts_with(&common) {
            common.pop();
        }
    }
    common
}

/// Words in columns, for a list above what is being typed.
fn columns(words: &[String]) -> String {
    const WIDE: usize = 76;
    let cell = 2 + words.iter().map(|w| w.chars().count()).max().unwrap_or(0);
    let across = (WIDE / cell).max(1);
    let down = words.len().div_ceil(across);
    let mut out = String::new();
    for row in 0..down {
        let line: Vec<String> = (row..words.len())
            .step_by(down)
            .map(|i| format!("{:<cell$}", words[i]))
            .collect();
        out.push_str(line.concat().trim_end());
        out.push('\n');
    }
    out
}

impl Hinter for Helper {
    type Hint = Hint;
    fn hint(&self, line: &str, pos: usize, ctx: &Context<'_>) -> Option<Hint> {
        if pos < line.len() || line.is_empty() {
            return None;
        }
        if !line.starts_with(':')
            && let Some(text) = self.signature(line)
        {
            return Some(Hint { text, typed: false });
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
        (!rest.is_empty()).then(|| Hint {
            text: rest.to_string(),
            typed: true,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_of_a_signature() {
        let s = "s, old, new string, n int) string";
        assert_eq!(rest_of(s, 0, false), s);
        assert_eq!(rest_of(s, 0, true), ", old, new string, n int) string");
        assert_eq!(rest_of(s, 3, false), "n int) string");
        assert_eq!(rest_of(s, 3, true), ") string");
        let v = "f func(a, b int) int, a ...any) (n int, err error)";
        assert_eq!(rest_of(v, 1, false), "a ...any) (n int, err error)");
        assert_eq!(rest_of(v, 4, true), ", a ...any) (n int, err error)");
        assert_eq!(rest_of(")", 0, false), ")");
    }

    #[test]
    fn signatures_of_the_library() {
        let of = |p: &str, f: &str| library_signature(p, f);
        let got = of("strings", "HasPrefix");
        assert_eq!(got.as_deref(), Some("s, prefix string) bool"));
        assert!(of("slices", "Sort").is_some_and(|s| s.starts_with("x S")));
        assert_eq!(of("strings", "NoSuch"), None);
    }

    #[test]
    fn lists_in_columns() {
        let words: Vec<String> = (0..30).map(|i| format!("name{i}")).collect();
        let text = columns(&words);
        assert!(text.lines().all(|l| l.len() <= 80) && text.lines().count() == 4);
        assert!(words.iter().all(|w| text.contains(w.as_str())));
        assert_eq!(common_prefix(&words), "name");
    }

    #[test]
    fn import_paths_are_whole() {
        let found = import_paths("encoding/j");
        assert!(found.contains(&"encoding/json".to_string()), "{found:?}");
    }
}
