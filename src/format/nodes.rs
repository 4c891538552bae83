//! Printing expressions, types and lists.

use super::operators::{cutoff, spelling};
use super::printer::{HUGE, Printer, Ws};
use super::scan::Lines;
use super::tree::*;
use crate::syntax::token::T;

/// How a list of expressions is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ListMode {
    /// A comma after the last element if the closing bracket is on a new line.
    pub comma_end: bool,
    /// The first line is indented already.
    pub no_indent: bool,
}

pub const PLAIN: ListMode = ListMode {
    comma_end: false,
    no_indent: false,
};
const COMMA_END: ListMode = ListMode {
    comma_end: true,
    no_indent: false,
};

/// Which list of names and types is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Params {
    Values,
    Types,
    /// Type parameters of a type declaration, which must not read as an array length.
    DeclaredTypes,
}

const UNARY: u8 = 6;
const HIGHEST: u8 = 7;

/// Widest key or element that is aligned with its neighbours unconditionally.
const SMALL: i64 = 40;
/// Ratio of sizes at which neighbours are no longer aligned.
const RATIO: f64 = 2.5;
/// Most characters of the only field of a struct or interface on one line.
const ONE_LINE_FIELD: i64 = 30;

impl Printer<'_> {
    pub fn word(&mut self, kind: T) {
        self.token(kind, spelling(kind));
    }
    fn word_at(&mut self, at: At, kind: T) {
        self.set_pos(at);
        self.word(kind);
    }
    pub fn sub(&mut self, x: &Expr) {
        self.expr1(x, 0, 1);
    }
    pub fn expr0(&mut self, x: &Expr, depth: i32) {
        self.expr1(x, 0, depth);
    }

    pub fn expr1(&mut self, x: &Expr, prec: u8, depth: i32) {
        self.set_pos(x.lo);
        match &x.kind {
            Kind::Ident => {
                let text = &self.text[x.lo..x.hi];
                self.token(T::Ident, text);
            }
            Kind::Lit(k) => {
                let text = &self.text[x.lo..x.hi];
                let text = super::number::normal(*k, text);
                self.token(*k, &text);
            }
            Kind::Func {
                sig,
                body: Some(body),
            } => {
                self.word(T::Func);
                let start = self.out_col - "func".len() as i64;
                self.signature(sig);
                let width = self.distance(x.lo, start);
                self.func_body(width, Ws::Blank, body);
            }
            Kind::Func { sig, body: None } => {
                self.word(T::Func);
                self.signature(sig);
            }
            Kind::Composite {
                ty,
                lbrace,
                elems,
                rbrace,
            } => {
                if let Some(ty) = ty {
                    self.expr1(ty, HIGHEST, depth);
                }
                self.level += 1;
                self.word_at(*lbrace, T::LBrace);
                self.list(Some(*lbrace), elems, 1, COMMA_END, Some(*rbrace));
                let (no_blank, no_break) = (self.no_blank, self.no_break);
                self.space(Ws::Indent);
                self.space(Ws::Unindent);
                self.no_break = true;
                self.no_blank |= !elems.is_empty();
                self.word_at(*rbrace, T::RBrace);
                (self.no_blank, self.no_break) = (no_blank, no_break);
                self.level -= 1;
            }
            Kind::KeyValue { key, colon, value } => {
                self.sub(key);
                self.word_at(*colon, T::Colon);
                self.space(Ws::Blank);
                self.sub(value);
            }
            Kind::Paren { x: inner, rparen } => {
                if matches!(inner.kind, Kind::Paren { .. }) {
                    self.expr0(inner, depth);
                } else {
                    self.word(T::LParen);
                    self.expr0(inner, (depth - 1).max(1));
                    self.word_at(*rparen, T::RParen);
                }
            }
            Kind::Selector { .. } => {
                self.selector(x, depth, false);
            }
            Kind::Index {
                x: base,
                lbrack,
                args,
                rbrack,
            } => {
                self.expr1(base, HIGHEST, 1);
                self.word_at(*lbrack, T::LBrack);
                if let [one] = args.as_slice() {
                    self.expr0(one, depth + 1);
                } else {
                    self.list(Some(*lbrack), args, depth + 1, COMMA_END, Some(*rbrack));
                }
                self.word_at(*rbrack, T::RBrack);
            }
            Kind::Slice {
                x: base,
                lbrack,
                parts,
                rbrack,
            } => {
                self.expr1(base, HIGHEST, 1);
                self.word_at(*lbrack, T::LBrack);
                self.slice_parts(parts, depth);
                self.word_at(*rbrack, T::RBrack);
            }
            Kind::Assert {
                x: base,
                lparen,
                ty,
                rparen,
            } => {
                self.expr1(base, HIGHEST, depth);
                self.word(T::Dot);
                self.word_at(*lparen, T::LParen);
                match ty {
                    Some(t) => self.sub(t),
                    None => self.word(T::Type),
                }
                self.word_at(*rparen, T::RParen);
            }
            Kind::Call {
                fun,
                lparen,
                args,
                dots,
                rparen,
            } => {
                let depth = depth + i32::from(args.len() > 1);
                let wrap = match &fun.kind {
                    Kind::Func { body, .. } => body.is_none(),
                    Kind::Chan { dir, .. } => *dir == Dir::Recv,
                    _ => false,
                };
                if wrap {
                    self.word(T::LParen);
                }
                let indented = if matches!(fun.kind, Kind::Selector { .. }) {
                    self.selector(fun, depth, true)
                } else {
                    self.expr1(fun, HIGHEST, depth);
                    false
                };
                if wrap {
                    self.word(T::RParen);
                }
                self.word_at(*lparen, T::LParen);
                if let Some(dots) = dots {
                    self.list(Some(*lparen), args, depth, PLAIN, Some(*dots));
                    self.word_at(*dots, T::Dots);
                    if self.line(*dots) < self.line(*rparen) {
                        self.word(T::Comma);
                        self.space(Ws::Break);
                    }
                } else {
                    self.list(Some(*lparen), args, depth, COMMA_END, Some(*rparen));
                }
                self.word_at(*rparen, T::RParen);
                if indented {
                    self.space(Ws::Unindent);
                }
            }
            Kind::Star(inner) => {
                let wrap = UNARY < prec;
                if wrap {
                    self.word(T::LParen);
                }
                self.word(T::Star);
                self.sub(inner);
                if wrap {
                    self.word(T::RParen);
                }
            }
            Kind::Unary { op, x: inner } => {
                if UNARY < prec {
                    self.word(T::LParen);
                    self.sub(x);
                    self.word(T::RParen);
                } else {
                    self.word(*op);
                    self.expr1(inner, UNARY, depth);
                }
            }
            Kind::Binary { .. } => {
                let depth = depth.max(1);
                self.binary(x, prec, cutoff(x, depth), depth);
            }
            Kind::Dots(elem) => {
                self.word(T::Dots);
                if let Some(e) = elem {
                    self.sub(e);
                }
            }
            Kind::Array { len, elem } => {
                self.word(T::LBrack);
                if let Some(l) = len {
                    self.sub(l);
                }
                self.word(T::RBrack);
                self.sub(elem);
            }
            Kind::Struct(fields) => {
                self.word(T::Struct);
                self.fields(fields, true);
            }
            Kind::Interface(fields) => {
                self.word(T::Interface);
                self.fields(fields, false);
            }
            Kind::Map { key, value } => {
                self.word(T::Map);
                self.word(T::LBrack);
                self.sub(key);
                self.word(T::RBrack);
                self.sub(value);
            }
            Kind::Chan { dir, arrow, elem } => {
                match dir {
                    Dir::Both => self.word(T::Chan),
                    Dir::Recv => {
                        self.word(T::Arrow);
                        self.word(T::Chan);
                    }
                    Dir::Send => {
                        self.word(T::Chan);
                        self.word_at(*arrow, T::Arrow);
                    }
                }
                self.space(Ws::Blank);
                self.sub(elem);
            }
        }
    }

    fn slice_parts(&mut self, parts: &[Option<Expr>], depth: i32) {
        let mut blanks = false;
        if depth <= 1 {
            let given = parts.iter().flatten();
            let binary = given.clone().any(|x| matches!(x.kind, Kind::Binary { .. }));
            blanks = given.count() > 1 && binary;
        }
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                if parts[i - 1].is_some() && blanks {
                    self.space(Ws::Blank);
                }
                self.word(T::Colon);
                if part.is_some() && blanks {
                    self.space(Ws::Blank);
                }
            }
            if let Some(x) = part {
                self.expr0(x, depth + 1);
            }
        }
    }

    /// A selector; true if it broke the line and left an indentation to undo (`method`).
    fn selector(&mut self, x: &Expr, depth: i32, method: bool) -> bool {
        let Kind::Selector { x: base, sel } = &x.kind else {
            return false;
        };
        self.set_pos(x.lo);
        self.expr1(base, HIGHEST, depth);
        self.word(T::Dot);
        let broken = self.pos.line < self.line(sel.lo);
        if broken {
            self.space(Ws::Indent);
            self.space(Ws::Newline);
        }
        self.sub(sel);
        if broken && !method {
            self.space(Ws::Unindent);
        }
        broken
    }

    /// Blanks around the operator say how tightly it binds, relative to the others in the
    /// expression: those with a precedence below `cutoff` have them.
    fn binary(&mut self, expr: &Expr, outer: u8, cutoff: u8, depth: i32) {
        let Kind::Binary { op, op_at, x, y } = &expr.kind else {
            return;
        };
        let prec = precedence(*op);
        if prec < outer {
            self.word(T::LParen);
            self.expr0(expr, (depth - 1).max(1));
            self.word(T::RParen);
            return;
        }
        let mut blanks = prec < cutoff;
        let mut ws = Ws::Indent;
        let same = matches!(&x.kind, Kind::Binary { op, .. } if precedence(*op) == prec);
        let left_depth = depth + i32::from(!same);
        self.binary_operand(x, prec, left_depth);
        if blanks {
            self.space(Ws::Blank);
        }
        let (xline, yline) = (self.pos.line, self.line(y.lo));
        self.set_pos(*op_at);
        self.word(*op);
        if xline != yline && xline > 0 && self.linebreak(yline, 1, ws, true) > 0 {
            ws = Ws::Nothing;
            blanks = false;
        }
        if blanks {
            self.space(Ws::Blank);
        }
        self.binary_operand(y, prec + 1, depth + 1);
        if ws == Ws::Nothing {
            self.space(Ws::Unindent);
        }
    }
    fn binary_operand(&mut self, x: &Expr, prec: u8, depth: i32) {
        self.expr1(x, prec, depth);
    }

    /// A list with commas, after `prev` and before `next`. Line breaks follow the source;
    /// elements on lines of their own are aligned if their sizes are alike.
    pub fn list(
        &mut self,
        prev: Option<At>,
        list: &[Expr],
        depth: i32,
        mode: ListMode,
        next: Option<At>,
    ) {
        let (Some(first), Some(end)) = (list.first(), list.last()) else {
            return;
        };
        let start_line = self.line(first.lo);
        let prev_place = prev.map(|p| self.line(p));
        if prev_place == Some(start_line) && start_line == self.line(end.hi) {
            for (i, x) in list.iter().enumerate() {
                if i > 0 {
                    self.word_at(x.lo, T::Comma);
                    self.space(Ws::Blank);
                }
                self.expr0(x, depth);
            }
            return;
        }
        let mut ws = if mode.no_indent {
            Ws::Nothing
        } else {
            Ws::Indent
        };
        let mut prev_break: i64 = -1;
        if prev_place.is_some_and(|p| p < start_line) && self.linebreak(start_line, 0, ws, true) > 0
        {
            ws = Ws::Nothing;
            prev_break = 0;
        }
        let mut size = 0;
        // Sum of logarithms of the sizes since the last break of the columns, and their
        // number: for the geometric mean.
        let (mut logs, mut count) = (0.0, 0);
        let mut prev_line = prev_place.unwrap_or(0);
        for (i, x) in list.iter().enumerate() {
            let line = self.line(x.lo);
            let mut fresh = true;
            let before = size;
            size = self.size(x, HUGE);
            let pair = match &x.kind {
                Kind::KeyValue { key, colon, value } => Some((key, *colon, value)),
                _ => None,
            };
            if size < HUGE && prev.is_some() && next.is_some() {
                if let Some((key, ..)) = pair {
                    size = self.size(key, HUGE);
                }
            } else {
                size = 0;
            }
            if before > 0 && size > 0 {
                if count == 0 || before <= SMALL && size <= SMALL {
                    fresh = false;
                } else {
                    let mean = f64::exp(logs / f64::from(count));
                    let ratio = size as f64 / mean;
                    fresh = RATIO * ratio <= 1.0 || RATIO <= ratio;
                }
            }
            let breaks = 0 < prev_line && prev_line < line;
            if i > 0 {
                if !breaks {
                    self.set_pos(x.lo);
                }
                self.word(T::Comma);
                let mut blank = true;
                if breaks {
                    let n = self.linebreak(line, 0, ws, fresh || prev_break + 1 < i as i64);
                    if n > 0 {
                        ws = Ws::Nothing;
                        prev_break = i as i64;
                        blank = false;
                    }
                    if n > 1 {
                        (logs, count) = (0.0, 0);
                    }
                }
                if blank {
                    self.space(Ws::Blank);
                }
            }
            match pair {
                Some((key, colon, value)) if list.len() > 1 && size > 0 && breaks => {
                    self.sub(key);
                    self.word_at(colon, T::Colon);
                    self.space(Ws::Column);
                    self.sub(value);
                }
                _ => self.expr0(x, depth),
            }
            if size > 0 {
                logs += f64::ln(size as f64);
                count += 1;
            }
            prev_line = line;
        }
        let undo = ws == Ws::Nothing && !mode.no_indent;
        if mode.comma_end && next.is_some_and(|n| self.pos.line < self.line(n)) {
            self.word(T::Comma);
            if undo {
                self.space(Ws::Unindent);
            }
            self.space(Ws::Break);
        } else if undo {
            self.space(Ws::Unindent);
        }
    }

    /// Width of a node printed alone, [`HUGE`] if it is wider than `max` or not on one line.
    pub fn size(&mut self, x: &Expr, max: i64) -> i64 {
        let key = std::ptr::from_ref(x) as usize;
        let size = self.measure(key, |p| p.sub(x));
        if size <= max { size } else { HUGE }
    }
    pub fn stmt_size(&mut self, s: &Stmt, max: i64) -> i64 {
        let key = std::ptr::from_ref(s) as usize;
        let size = self.measure(key, |p| p.stmt(s, false));
        if size <= max { size } else { HUGE }
    }
    fn measure(&mut self, key: usize, print: impl FnOnce(&mut Printer<'_>)) -> i64 {
        if let Some(&n) = self.sizes.get(&key) {
            return n;
        }
        let mut p = Printer::new(self.text, self.lines, &[]);
        p.sizes = std::mem::take(&mut self.sizes);
        print(&mut p);
        p.finish();
        self.sizes = std::mem::take(&mut p.sizes);
        let plain = p.out.iter().filter(|&&b| b != 0xff);
        let size = if plain.clone().any(|&b| matches!(b, b'\n' | b'\x0c')) {
            HUGE
        } else {
            plain.count() as i64
        };
        self.sizes.insert(key, size);
        size
    }

    /// How far the output has come since column `start`, if the item at `from` is on the
    /// line we are on.
    pub fn distance(&self, from: At, start: i64) -> i64 {
        if self.line(from) == self.pos.line {
            self.out_col - start
        } else {
            HUGE
        }
    }

    pub fn signature(&mut self, sig: &Sig) {
        if let Some(t) = &sig.tparams {
            self.params(t, Params::Types);
        }
        self.params(&sig.params, Params::Values);
        let Some(results) = &sig.results else { return };
        match results.list.as_slice() {
            [] => {}
            [one] if one.names.is_empty() => {
                self.space(Ws::Blank);
                self.sub(bare(&one.ty));
            }
            _ => {
                self.space(Ws::Blank);
                self.params(results, Params::Values);
            }
        }
    }

    pub fn params(&mut self, fields: &Fields, mode: Params) {
        let (open, close) = if mode == Params::Values {
            (T::LParen, T::RParen)
        } else {
            (T::LBrack, T::RBrack)
        };
        self.word_at(fields.open, open);
        if !fields.list.is_empty() {
            let mut prev_line = self.line(fields.open);
            let mut ws = Ws::Indent;
            for (i, par) in fields.list.iter().enumerate() {
                let (first, end) = (self.line(par.lo), self.line(par.hi));
                let breaks = prev_line < first;
                if i > 0 {
                    if !breaks {
                        self.set_pos(par.lo);
                    }
                    self.word(T::Comma);
                }
                if breaks && self.linebreak(first, 0, ws, true) > 0 {
                    ws = Ws::Nothing;
                } else if i > 0 {
                    self.space(Ws::Blank);
                }
                if !par.names.is_empty() {
                    self.names(&par.names, ws == Ws::Indent);
                    self.space(Ws::Blank);
                }
                self.sub(bare(&par.ty));
                prev_line = end;
            }
            let last = self.line(fields.close);
            if prev_line < last {
                self.word(T::Comma);
                self.linebreak(last, 0, Ws::Nothing, true);
            } else if mode == Params::DeclaredTypes
                && fields.list.len() == 1
                && fields.list[0].names.len() == 1
                && reads_on(bare(&fields.list[0].ty))
            {
                self.word(T::Comma);
            }
            if ws == Ws::Nothing {
                self.space(Ws::Unindent);
            }
        }
        self.word_at(fields.close, close);
    }

    pub fn names(&mut self, list: &[Expr], indent: bool) {
        let mode = ListMode {
            comma_end: false,
            no_indent: !indent,
        };
        self.list(None, list, 1, mode, None);
    }

    fn one_line_fields(&mut self, list: &[Field]) -> bool {
        let [f] = list else { return false };
        if f.tag.is_some() || f.comment {
            return false;
        }
        let names = i64::from(!f.names.is_empty());
        names + self.size(&f.ty, ONE_LINE_FIELD) <= ONE_LINE_FIELD
    }

    /// The body of a struct or interface type.
    fn fields(&mut self, fields: &Fields, is_struct: bool) {
        let list = &fields.list;
        let comments = self.comment_before_at(fields.close);
        let one_line = self.line(fields.open) == self.line(fields.close);
        if !comments && one_line {
            if list.is_empty() {
                self.word_at(fields.open, T::LBrace);
                self.word_at(fields.close, T::RBrace);
                return;
            }
            if self.one_line_fields(list) {
                self.word_at(fields.open, T::LBrace);
                self.space(Ws::Blank);
                let f = &list[0];
                for (i, n) in f.names.iter().enumerate() {
                    if i > 0 {
                        self.word(T::Comma);
                        self.space(Ws::Blank);
                    }
                    self.sub(n);
                }
                if is_struct {
                    if !f.names.is_empty() {
                        self.space(Ws::Blank);
                    }
                    self.sub(&f.ty);
                } else {
                    self.method(f);
                }
                self.space(Ws::Blank);
                self.word_at(fields.close, T::RBrace);
                return;
            }
        }
        self.space(Ws::Blank);
        self.word_at(fields.open, T::LBrace);
        self.space(Ws::Indent);
        if comments || !list.is_empty() {
            self.space(Ws::Break);
        }
        let sep = if list.len() == 1 && is_struct {
            Ws::Blank
        } else {
            Ws::Column
        };
        let mut start = 0;
        for (i, f) in list.iter().enumerate() {
            if i > 0 {
                let line = self.line(f.lo);
                let section = self.lines_since(start) > 0;
                self.linebreak(line, 1, Ws::Nothing, section);
            }
            start = self.record_line();
            if is_struct {
                self.struct_field(f, sep);
            } else {
                for n in &f.names {
                    self.sub(n);
                }
                self.method(f);
            }
        }
        self.space(Ws::Unindent);
        self.space(Ws::Break);
        self.word_at(fields.close, T::RBrace);
    }
    /// What stands after a method's name, or an embedded type.
    fn method(&mut self, f: &Field) {
        match &f.ty.kind {
            Kind::Func { sig, body: None } if !f.names.is_empty() => self.signature(sig),
            _ => self.sub(&f.ty),
        }
    }
    fn struct_field(&mut self, f: &Field, sep: Ws) {
        let mut tabs = 2;
        if !f.names.is_empty() {
            self.names(&f.names, false);
            self.space(sep);
            tabs = 1;
        }
        self.sub(&f.ty);
        if let Some(tag) = &f.tag {
            if !f.names.is_empty() && sep == Ws::Column {
                self.space(sep);
            }
            self.space(sep);
            self.sub(tag);
            tabs = 0;
        }
        if f.comment {
            for _ in 0..tabs {
                self.space(sep);
            }
        }
    }
}

/// The expression without enclosing parentheses.
fn bare(mut x: &Expr) -> &Expr {
    while let Kind::Paren { x: inner, .. } = &x.kind {
        x = inner;
    }
    x
}

/// Whether a name and this type after it would read as an expression.
fn reads_on(x: &Expr) -> bool {
    match &x.kind {
        Kind::Star(x) => !is_type(x),
        Kind::Binary { x, y, .. } => reads_on(x) && !is_type(y),
        _ => false,
    }
}
fn is_type(x: &Expr) -> bool {
    match &x.kind {
        Kind::Array { .. }
        | Kind::Struct(_)
        | Kind::Interface(_)
        | Kind::Map { .. }
        | Kind::Chan { .. } => true,
        Kind::Func { body, .. } => body.is_none(),
        Kind::Binary { x, y, .. } => is_type(x) || is_type(y),
        Kind::Unary { op, .. } => *op == T::Tilde,
        Kind::Paren { x, .. } => is_type(x),
        _ => false,
    }
}

/// Lines between two offsets, inclusive.
pub fn line_count(lines: &Lines, lo: At, hi: At) -> i64 {
    lines.line(hi) - lines.line(lo) + 1
}
