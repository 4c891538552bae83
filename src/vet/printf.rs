//! Format strings against their arguments.

use super::Vet;
use crate::base::span::Span;
use crate::syntax::ast::*;
use crate::types::info::Mode;
use crate::types::lookup::exported_method;
use crate::types::predicates::{
    as_signature, as_struct, basic_kind, identical, is_interface, is_type_param, underlying,
};
use crate::types::ty::{Basic, Obj, ObjKind, Ty, Type};
use crate::types::universe::{byte_ty, error_ty};
use rustc_hash::FxHashMap as HashMap;

/// What a verb accepts.
mod accepts {
    pub const BOOL: u16 = 1;
    pub const INT: u16 = 2;
    pub const STRING: u16 = 4;
    pub const FLOAT: u16 = 8;
    pub const COMPLEX: u16 = 16;
    pub const POINTER: u16 = 32;
    pub const ERROR: u16 = 64;
    pub const ANY: u16 = !0;
}
use accepts::*;

const NUMBER: &str = " -+.0";
const SHARP: &str = " -+.0#";

/// Verbs with the flags they understand and the operands they take.
const VERBS: &[(&str, &str, u16)] = &[
    ("%", "", 0),
    ("b", SHARP, INT | FLOAT | COMPLEX | POINTER),
    ("c", "-", INT),
    ("d", NUMBER, INT | POINTER),
    ("eEfFgG", SHARP, FLOAT | COMPLEX),
    ("oO", SHARP, INT | POINTER),
    ("p", "-#", POINTER),
    ("q", SHARP, INT | STRING),
    ("s", SHARP, STRING),
    ("tT", "-", BOOL),
    ("U", "-#", INT),
    ("vw", SHARP, ANY),
    ("xX", SHARP, INT | STRING | POINTER | FLOAT | COMPLEX),
];

/// How a function prints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Print {
    /// Has a format at this argument.
    Format(usize),
    /// Prints its arguments from this one on.
    Plain(usize),
}

/// The library's printing functions.
fn library(name: &str) -> Option<Print> {
    let (pkg, rest) = name.split_once('.')?;
    let last = rest.rsplit('.').next()?;
    let known = match pkg {
        "fmt" => !last.contains("scan") && !last.contains("Scan") && last != "Formatter",
        "log" => true,
        "testing" => rest.contains('.'),
        _ => false,
    };
    if !known {
        return None;
    }
    Some(match last {
        "Printf" | "Sprintf" | "Errorf" | "Fatalf" | "Panicf" | "Logf" | "Skipf" => {
            Print::Format(0)
        }
        "Fprintf" | "Appendf" => Print::Format(1),
        "Print" | "Println" | "Sprint" | "Sprintln" | "Fatal" | "Fatalln" | "Panic" | "Panicln"
        | "Log" | "Error" | "Skip" => Print::Plain(0),
        "Fprint" | "Fprintln" | "Append" | "Appendln" => Print::Plain(1),
        _ => return None,
    })
}

/// One directive of a format.
struct Directive<'f> {
    text: &'f str,
    at: usize,
    verb: char,
    flags: Vec<char>,
    /// Arguments of `*`, and of the verb; None for `%%`.
    stars: Vec<usize>,
    arg: Option<usize>,
    indexed: bool,
}

impl<'a> Vet<'a> {
    pub(super) fn printf(&mut self) {
        let wrappers = self.wrappers();
        for i in 0..self.ast.exprs.len() {
            let e = ExprId(i as u32);
            let ExprKind::Call {
                fun, args, spread, ..
            } = &self.ast.expr(e).kind
            else {
                continue;
            };
            if self.mode(e) == Mode::Invalid && self.ty(e).is_none() {
                continue;
            }
            let Some(obj) = self.object(*fun) else {
                continue;
            };
            let known = super::qualified(obj).and_then(|n| library(&n));
            let Some(kind) = known.or_else(|| wrappers.get(&obj).copied()) else {
                continue;
            };
            let name = full_name(obj);
            match kind {
                Print::Format(at) if args.len() > at && !*spread => {
                    self.check_format(e, &name, args, at);
                }
                Print::Plain(at) if args.len() > at && !*spread => {
                    self.check_plain(e, &name, &args[at..]);
                }
                _ => {}
            }
        }
    }

    /// Functions that end in `format string, args ...any` and pass both on.
    fn wrappers(&self) -> HashMap<Obj, Print> {
        let mut out: HashMap<Obj, Print> = HashMap::default();
        loop {
            let before = out.len();
            for (obj, f) in &self.info.funcs {
                if out.contains_key(obj) {
                    continue;
                }
                let Some(sig) = obj.ty.get().and_then(as_signature) else {
                    continue;
                };
                let n = sig.params.len();
                let fits = sig.variadic
                    && n >= 2
                    && basic_kind(sig.params[n - 2].ty) == Some(Basic::String)
                    && matches!(*sig.params[n - 1].ty, Type::Slice(t) if is_interface(t));
                let all = &self.info.func_params[f.index()];
                let (Some(body), true) = (&self.ast.func(*f).body, fits && all.len() >= n) else {
                    continue;
                };
                let own = &all[all.len() - n..];
                let mut passes = false;
                super::walk_stmts(self.ast, &body.stmts, &mut |node| {
                    if let super::Node::Expr(e) = node
                        && let ExprKind::Call {
                            fun,
                            args,
                            spread: true,
                            ..
                        } = &self.ast.expr(e).kind
                        && let [.., format, rest] = args.as_slice()
                        && self.variable(*format) == Some(own[n - 2])
                        && self.variable(*rest) == Some(own[n - 1])
                        && let Some(o) = self.object(*fun)
                    {
                        let lib = super::qualified(o).and_then(|n| library(&n));
                        passes |= matches!(lib.or(out.get(&o).copied()), Some(Print::Format(_)));
                    }
                    true
                });
                if passes {
                    out.insert(*obj, Print::Format(n - 2));
                }
            }
            if out.len() == before {
                return out;
            }
        }
    }

    fn constant_text(&self, e: ExprId) -> Option<String> {
        let tv = self.info.types.get(e.index())?;
        let bytes = tv.value.as_ref()?.as_bytes()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    fn check_plain(&mut self, e: ExprId, name: &str, args: &[ExprId]) {
        let call = self.span(e);
        let ln = name.ends_with("ln");
        if let Some(text) = self.constant_text(args[0])
            && let Some(d) = possible_directive(&text)
        {
            let text = format!("{name} call has possible Printf formatting directive {d}");
            self.warn("VetPrintf", call, text);
        }
        let last = args[args.len() - 1];
        let literal = matches!(self.ast.expr(last).kind, ExprKind::Lit(LitKind::String));
        if ln && literal && self.constant_text(last).is_some_and(|t| t.ends_with('\n')) {
            let text = format!("{name} arg list ends with redundant newline");
            self.warn("VetPrintf", call, text);
        }
        for a in args {
            if self.is_func_value(*a) {
                let text = format!("{name} arg {} is a func value, not called", self.source(*a));
                self.warn("VetPrintf", self.span(*a), text);
            }
        }
    }
    fn is_func_value(&self, e: ExprId) -> bool {
        self.ty(e).is_some_and(|t| matches!(*t, Type::Signature(_))) && self.mode(e) != Mode::Nil
    }

    fn check_format(&mut self, call: ExprId, name: &str, args: &[ExprId], at: usize) {
        let first = at + 1;
        let Some(format) = self.constant_text(args[at]) else {
            let plain = self.ty(args[at]).and_then(basic_kind) == Some(Basic::String);
            if args.len() == first && plain {
                let text = format!("non-constant format string in call to {name}");
                self.warn("VetPrintf", self.span(args[at]), text);
            }
            return;
        };
        let format_span = self.span(args[at]);
        if !format.contains('%') {
            if args.len() > first {
                let text = format!("{name} call has arguments but no formatting directives");
                self.warn("VetPrintf", self.span(args[first]), text);
            }
            return;
        }
        let rest = &args[first..];
        let (mut used, mut indexed) = (0, false);
        for d in directives(&format) {
            let d = match d {
                Ok(d) => d,
                Err(Fault::Open(text)) => {
                    let text = format!("{name} format {text} is missing verb at end of string");
                    self.warn("VetPrintf", format_span, text);
                    return;
                }
                Err(Fault::Index(text, at)) => {
                    let index = text.split(['[', ']']).nth(1).unwrap_or("");
                    let text = format!("{name} format {text} has invalid argument index [{index}]");
                    self.warn("VetPrintf", self.verb_span(args[first - 1], at), text);
                    return;
                }
            };
            indexed |= d.indexed;
            let place = self.verb_span(args[first - 1], d.at);
            if let Some(problem) = self.problem(name, &d, rest) {
                self.warn("VetPrintf", place, format!("{name} {problem}"));
                return;
            }
            for n in d.stars.iter().chain(&d.arg) {
                used = used.max(n + 1);
            }
        }
        if !indexed && used != rest.len() {
            let args = |n: usize| format!("{n} arg{}", if n == 1 { "" } else { "s" });
            let text = format!(
                "{name} call needs {} but has {}",
                args(used),
                args(rest.len())
            );
            self.warn("VetPrintf", self.span(call), text);
        }
    }

    /// What is wrong with one directive.
    fn problem(&self, name: &str, d: &Directive, args: &[ExprId]) -> Option<String> {
        let text = d.text;
        let Some((_, flags, takes)) = VERBS.iter().find(|v| v.0.contains(d.verb)) else {
            return Some(format!("format {text} has unknown verb {}", d.verb));
        };
        if let Some(f) = d.flags.iter().find(|f| !flags.contains(**f)) {
            return Some(format!("format {text} has unrecognized flag {f}"));
        }
        let count = |n: usize| format!("{n} arg{}", if n == 1 { "" } else { "s" });
        let missing = |n: usize| {
            format!(
                "format {text} reads arg #{}, but call has {}",
                n + 1,
                count(args.len())
            )
        };
        for s in &d.stars {
            let Some(a) = args.get(*s) else {
                return Some(missing(*s));
            };
            let int = self.ty(*a).is_none_or(|t| {
                is_interface(t) || is_type_param(t) || matches(t, INT, true, &mut Vec::new())
            });
            if !int {
                let arg = self.source(*a);
                return Some(format!("format {text} uses non-int {arg} as argument of *"));
            }
        }
        let n = d.arg?;
        if d.verb == 'w' && !name.ends_with("Errorf") {
            return Some("does not support error-wrapping directive %w".into());
        }
        let Some(a) = args.get(n) else {
            return Some(missing(n));
        };
        let arg = self.source(*a);
        if d.verb != 'p' && d.verb != 'T' && self.is_func_value(*a) {
            return Some(format!(
                "format {text} arg {arg} is a func value, not called"
            ));
        }
        let takes = match d.verb {
            'T' => ANY,
            'w' => ERROR,
            _ => *takes,
        };
        let ty = self.ty(*a)?;
        if self.mode(*a) == Mode::Nil || matches(ty, takes, true, &mut Vec::new()) {
            return None;
        }
        let ty = self.type_name(ty);
        Some(format!("format {text} has arg {arg} of wrong type {ty}"))
    }

    /// Where a directive stands inside the literal.
    fn verb_span(&self, format: ExprId, at: usize) -> Span {
        let span = self.span(format);
        if !matches!(self.ast.expr(format).kind, ExprKind::Lit(LitKind::String)) {
            return span;
        }
        let text = self.source(format);
        let offset = if text.starts_with('`') {
            at + 1
        } else {
            raw_offset(text, at)
        };
        Span::new((span.lo + offset as u32).min(span.hi), span.hi)
    }
}

/// The byte of an interpreted string literal that makes byte `at` of its value.
fn raw_offset(literal: &str, at: usize) -> usize {
    let bytes = literal.as_bytes();
    let (mut i, mut value) = (1, 0);
    while i < bytes.len() && value < at {
        let (raw, made) = match (bytes[i], bytes.get(i + 1)) {
            (b'\\', Some(b'x')) => (4, 1),
            (b'\\', Some(b'0'..=b'7')) => (4, 1),
            (b'\\', Some(c @ (b'u' | b'U'))) => {
                let n = if *c == b'u' { 6 } else { 10 };
                let code = literal
                    .get(i + 2..i + n)
                    .and_then(|h| u32::from_str_radix(h, 16).ok())
                    .and_then(char::from_u32);
                (n, code.map_or(1, char::len_utf8))
            }
            (b'\\', _) => (2, 1),
            _ => (1, 1),
        };
        i += raw;
        value += made;
    }
    i
}

enum Fault {
    /// The format ends within a directive.
    Open(String),
    /// `[n]` that is no positive number.
    Index(String, usize),
}

/// The directives of a format, up to the first faulty one.
fn directives(format: &str) -> Vec<Result<Directive<'_>, Fault>> {
    let bytes = format.as_bytes();
    let mut out = Vec::new();
    let (mut i, mut next) = (0, 0);
    while let Some(p) = memchr::memchr(b'%', &bytes[i..]) {
        let at = i + p;
        i = at + 1;
        let (mut flags, mut stars, mut indexed) = (Vec::new(), Vec::new(), false);
        while let Some(f) = bytes.get(i).filter(|b| b"#0+- ".contains(b)) {
            flags.push(*f as char);
            i += 1;
        }
        // An index, then `*` or digits, then the same after a point.
        for part in 0..3 {
            if bytes.get(i) == Some(&b'[') {
                indexed = true;
                let end = memchr::memchr(b']', &bytes[i..]).map(|e| i + e);
                let n = end.and_then(|e| format[i + 1..e].parse::<usize>().ok());
                match (end, n) {
                    (Some(e), Some(n)) if n > 0 => {
                        next = n - 1;
                        i = e + 1;
                    }
                    _ => {
                        let end = end.map_or(bytes.len(), |e| e + 1);
                        out.push(Err(Fault::Index(format[at..end].to_string(), at)));
                        return out;
                    }
                }
            }
            if part == 2 {
                break;
            }
            if bytes.get(i) == Some(&b'*') {
                stars.push(next);
                next += 1;
                i += 1;
            } else {
                while bytes.get(i).is_some_and(u8::is_ascii_digit) {
                    i += 1;
                }
            }
            if part == 0 {
                if bytes.get(i) != Some(&b'.') {
                    if bytes.get(i) == Some(&b'[') {
                        continue;
                    }
                    break;
                }
                flags.push('.');
                i += 1;
            }
        }
        let Some(verb) = format.get(i..).and_then(|r| r.chars().next()) else {
            out.push(Err(Fault::Open(format[at..].to_string())));
            return out;
        };
        i += verb.len_utf8();
        let arg = (verb != '%').then_some(next);
        next += usize::from(arg.is_some());
        out.push(Ok(Directive {
            text: &format[at..i],
            at,
            verb,
            flags,
            stars,
            arg,
            indexed,
        }));
    }
    out
}

/// Something in a plain text that looks like a directive.
fn possible_directive(text: &str) -> Option<&str> {
    let text = text.strip_suffix('%').unwrap_or(text);
    let mut from = 0;
    while let Some(p) = text[from..].find('%') {
        let at = from + p;
        let rest = &text[at + 1..];
        let n = rest
            .find(|c: char| !"+-#0123456789.*[]".contains(c))
            .unwrap_or(rest.len());
        if let Some(c) = rest[n..].chars().next()
            && "bcdefgopqstvxEFGTUX".contains(c)
        {
            return Some(&text[at..at + 1 + n + 1]);
        }
        from = at + 1;
    }
    None
}

/// `fmt.Printf`, `(*log.Logger).Printf`.
fn full_name(o: Obj) -> String {
    let recv = match (o.ty.get().map(|t| t.0), &o.kind) {
        (Some(Type::Signature(s)), ObjKind::Func { .. }) => s.recv,
        _ => None,
    };
    match recv {
        Some(t) => format!(
            "({}).{}",
            crate::types::display::type_string(t, None),
            o.name
        ),
        None => format!("{}.{}", o.pkg.map_or("", |p| p.0.path.as_str()), o.name),
    }
}

/// Whether the method set has a method of this name and shape.
fn has_method(t: Ty, name: &str, shape: impl Fn(&crate::types::ty::Signature) -> bool) -> bool {
    exported_method(t, name).is_some_and(|sig| matches!(sig.0, Type::Signature(s) if shape(s)))
}
fn prints_itself(t: Ty) -> bool {
    let gives_string = |s: &crate::types::ty::Signature| {
        s.params.is_empty()
            && s.results.len() == 1
            && basic_kind(s.results[0].ty) == Some(Basic::String)
    };
    has_method(t, "Error", gives_string) || has_method(t, "String", gives_string)
}

/// Whether values of the type suit a verb that accepts `takes`.
fn matches(t: Ty, takes: u16, top: bool, seen: &mut Vec<Ty>) -> bool {
    if takes == ANY || seen.contains(&t) {
        return true;
    }
    if is_type_param(t) {
        return true; // known only per instance
    }
    if takes == ERROR {
        return is_interface(t) && identical(t, error_ty())
            || has_method(t, "Error", |s| {
                s.params.is_empty()
                    && s.results.len() == 1
                    && basic_kind(s.results[0].ty) == Some(Basic::String)
            });
    }
    if has_method(t, "Format", |s| s.params.len() == 2 && s.results.is_empty()) {
        return true;
    }
    if takes & STRING != 0 && prints_itself(t) {
        return true;
    }
    seen.push(t);
    let ok = match *underlying(t) {
        Type::Signature(_) | Type::Chan(..) => takes & POINTER != 0,
        Type::Map(k, v) => {
            takes == POINTER || matches(k, takes, false, seen) && matches(v, takes, false, seen)
        }
        Type::Array(elem, _) | Type::Slice(elem) => {
            let bytes = takes & STRING != 0 && identical(underlying(elem), byte_ty());
            let pointer = takes == POINTER && matches!(*underlying(t), Type::Slice(_));
            bytes || pointer || matches(elem, takes, false, seen)
        }
        Type::Pointer(elem) => {
            let e = underlying(elem);
            if takes == POINTER || is_type_param(elem) {
                true
            } else if matches!(
                *e,
                Type::Struct(_) | Type::Array(..) | Type::Slice(_) | Type::Map(..)
            ) {
                top && matches(e, takes, false, seen)
            } else {
                takes & POINTER != 0
            }
        }
        Type::Struct(_) => as_struct(t).unwrap_or(&[]).iter().all(|f| {
            let hidden = !f.name.as_str().starts_with(char::is_uppercase);
            let text = takes & STRING != 0 && hidden && prints_itself(f.ty);
            !text && matches(f.ty, takes, false, seen)
        }),
        Type::Interface(_) => true,
        Type::Basic(b, _) => basic(b) & takes != 0 || b == Basic::Invalid,
        _ => true,
    };
    seen.pop();
    ok
}
fn basic(b: Basic) -> u16 {
    use Basic::*;
    match b {
        Bool | UntypedBool => BOOL,
        Float32 | Float64 | UntypedFloat => FLOAT,
        Complex64 | Complex128 | UntypedComplex => COMPLEX,
        String | UntypedString => STRING,
        UnsafePointer => POINTER | INT,
        UntypedNil | Invalid => 0,
        _ => INT,
    }
}
