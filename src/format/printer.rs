//! The state of printing: where we are in the source and in the output, white space that
//! is due but may still change, and comments waiting for their place.
//!
//! Comments are not in the tree. Before each token is written, all comments that stand
//! before it in the source are written first; what they do to the white space due at that
//! place is most of this file. The output is text for [`super::align`]: cells end with a
//! tab or `\x0b` (a column that vanishes when empty), `\x0c` is a line break that ends the
//! columns, and `\xff` encloses text that must not be looked into.

use std::collections::HashMap;

use super::comment::{doc_comment, trim_common_indent};
use super::scan::{Comment, Group, Lines};
use super::tree::At;
use crate::syntax::token::T;

/// White space that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ws {
    /// Taken back.
    Nothing,
    Blank,
    /// Next column, if there is something in it.
    Column,
    Newline,
    /// A line break that ends the columns.
    Break,
    Indent,
    Unindent,
}

/// A place in the source, as far as known. Line 0: unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    pub at: i64,
    pub line: i64,
    pub col: i64,
}

/// More than any width or line number.
pub const HUGE: i64 = 1 << 30;

/// At most so many line breaks in a row.
const MAX_BREAKS: i64 = 2;

pub fn breaks(n: i64) -> i64 {
    n.min(MAX_BREAKS)
}

pub struct Printer<'a> {
    pub text: &'a str,
    pub lines: &'a Lines,
    pub out: Vec<u8>,
    /// Place in the output: line and column, from 1.
    pub out_line: i64,
    pub out_col: i64,
    indent: i32,
    /// Nesting of composite literals.
    pub level: i32,
    /// No blank, or no line break, after a comment here.
    pub no_blank: bool,
    pub no_break: bool,
    /// A line break here would end the statement.
    ends: bool,
    /// Cells end at the next line break, because text has spanned lines.
    end_columns: bool,
    last_tok: Option<T>,
    /// The token before, if it opens a bracket.
    prev_open: Option<T>,
    ws: Vec<Ws>,
    /// Where the next item stands in the source, and where the last one ended.
    pub pos: Place,
    last: Place,
    /// Output lines of items whose end matters, and which one the next token notes.
    noted: Vec<i64>,
    note: Option<usize>,
    groups: &'a [Group],
    next_group: usize,
    /// Widths of nodes already measured, by address.
    pub sizes: HashMap<usize, i64>,
    /// Where `//go:build` lines are in the output.
    pub build_lines: Vec<usize>,
}

impl<'a> Printer<'a> {
    pub fn new(text: &'a str, lines: &'a Lines, groups: &'a [Group]) -> Printer<'a> {
        let start = Place {
            at: 0,
            line: 1,
            col: 1,
        };
        Printer {
            text,
            lines,
            out: Vec::new(),
            out_line: 1,
            out_col: 1,
            indent: 0,
            level: 0,
            no_blank: false,
            no_break: false,
            ends: false,
            end_columns: false,
            last_tok: None,
            prev_open: None,
            ws: Vec::new(),
            pos: start,
            last: Place::default(),
            noted: Vec::new(),
            note: None,
            groups,
            next_group: 0,
            sizes: HashMap::new(),
            build_lines: Vec::new(),
        }
    }

    pub fn place(&self, at: At) -> Place {
        let (line, col) = self.lines.line_col(at);
        Place {
            at: at as i64,
            line,
            col,
        }
    }
    pub fn line(&self, at: At) -> i64 {
        self.lines.line(at)
    }
    /// The next item stands there.
    pub fn set_pos(&mut self, at: At) {
        self.pos = self.place(at);
    }
    pub fn space(&mut self, ws: Ws) {
        self.note_open();
        if ws == Ws::Nothing {
            return;
        }
        if matches!(ws, Ws::Newline | Ws::Break) {
            // Comments that come here stand on lines of their own.
            self.ends = false;
        }
        self.ws.push(ws);
        self.last_tok = None;
    }
    fn note_open(&mut self) {
        match self.last_tok {
            None => {}
            t @ Some(T::LParen | T::LBrack) => self.prev_open = t,
            Some(_) => self.prev_open = None,
        }
    }
    /// Line breaks until `line`, at least `min`; the first comes after `ws`. `section` ends
    /// the columns. The number of line breaks, counting a section's as two.
    pub fn linebreak(&mut self, line: i64, min: i64, ws: Ws, section: bool) -> i64 {
        let mut n = breaks(line - self.pos.line).max(min);
        let mut count = 0;
        if n > 0 {
            self.space(ws);
            if section {
                self.space(Ws::Break);
                n -= 1;
                count = 2;
            }
            count += n;
            for _ in 0..n {
                self.space(Ws::Newline);
            }
        }
        count
    }
    /// Has the next token note its output line, for [`Printer::lines_since`].
    pub fn record_line(&mut self) -> usize {
        self.noted.push(0);
        self.note = Some(self.noted.len() - 1);
        self.noted.len() - 1
    }
    pub fn lines_since(&self, note: usize) -> i64 {
        self.out_line - self.noted[note]
    }
    /// Counts a label's line as not belonging to the item.
    pub fn skip_line(&mut self, note: usize) {
        self.noted[note] += 1;
    }

    /// Writes a token or operand.
    pub fn token(&mut self, kind: T, text: &str) {
        self.note_open();
        let operand = matches!(kind, T::Ident | T::Lit(_) | T::Str);
        if !operand && self.ws.is_empty() && self.merges(text) {
            self.ws.push(Ws::Blank);
        }
        let ends = kind.ends_statement();
        self.last_tok = Some(kind);
        let next = self.pos;
        let (wrote_newline, dropped_break) = self.flush(next, kind);
        // Keep blank lines of the source where a line break does not end a statement.
        if !self.ends {
            let mut n = breaks(next.line - self.pos.line);
            if wrote_newline && n == MAX_BREAKS {
                n -= 1;
            }
            if n > 0 {
                self.write_byte(if dropped_break { b'\x0c' } else { b'\n' }, n);
            }
        }
        if let Some(n) = self.note.take() {
            self.noted[n] = self.out_line;
        }
        self.write_text(next, text, matches!(kind, T::Lit(_) | T::Str));
        self.ends = ends;
    }
    /// Whether the token written last and this one would be read as one.
    fn merges(&self, text: &str) -> bool {
        let next = text.as_bytes().first().copied().unwrap_or(b' ');
        use crate::syntax::ast::BinOp;
        match self.last_tok {
            Some(T::Lit(crate::syntax::ast::LitKind::Int)) => next == b'.',
            Some(T::Plus) => next == b'+',
            Some(T::Minus) => next == b'-',
            Some(T::MulOp(BinOp::Div)) => next == b'*',
            Some(T::CmpOp(BinOp::Lt)) => next == b'-' || next == b'<',
            Some(T::And) => next == b'&' || next == b'^',
            _ => false,
        }
    }

    /// Writes what is due at the end of the file.
    pub fn finish(&mut self) {
        self.ends = false;
        let end = Place {
            at: HUGE,
            line: HUGE,
            col: 0,
        };
        self.flush(end, T::Newline);
    }

    fn flush(&mut self, next: Place, tok: T) -> (bool, bool) {
        if self.comment_before(next) {
            self.comments(next, tok)
        } else {
            self.write_ws(self.ws.len());
            (false, false)
        }
    }

    fn write_byte(&mut self, byte: u8, n: i64) {
        let mut byte = byte;
        if self.end_columns {
            match byte {
                b'\t' | b'\x0b' => byte = b' ',
                b'\n' | b'\x0c' => {
                    byte = b'\x0c';
                    self.end_columns = false;
                }
                _ => {}
            }
        }
        for _ in 0..n {
            self.out.push(byte);
        }
        self.pos.at += n;
        if matches!(byte, b'\n' | b'\x0c') {
            self.pos.line += n;
            self.pos.col = 1;
            self.out_line += n;
            self.out_col = 1;
        } else {
            self.pos.col += n;
            self.out_col += n;
        }
    }

    fn write_text(&mut self, place: Place, text: &str, protect: bool) {
        if self.out_col == 1 {
            let n = self.indent.max(0) as usize;
            self.out.extend(std::iter::repeat_n(b'\t', n));
            self.pos.at += n as i64;
            self.pos.col += n as i64;
            self.out_col += n as i64;
        }
        if place.line > 0 {
            self.pos = place;
        }
        if protect {
            self.out.push(0xff);
        }
        self.out.extend_from_slice(text.as_bytes());
        if protect {
            self.out.push(0xff);
        }
        let len = text.len() as i64;
        self.pos.at += len;
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).count() as i64;
        if newlines > 0 {
            self.end_columns = true;
            let col = len - text.rfind('\n').unwrap_or(0) as i64;
            self.pos.line += newlines;
            self.out_line += newlines;
            self.pos.col = col;
            self.out_col = col;
        } else {
            self.pos.col += len;
            self.out_col += len;
        }
        self.last = self.pos;
    }

    /// Writes the first `n` pieces of the white space due.
    fn write_ws(&mut self, n: usize) {
        let mut i = 0;
        while i < n {
            match self.ws[i] {
                Ws::Nothing => {}
                Ws::Indent => self.indent += 1,
                Ws::Unindent => self.indent -= 1,
                Ws::Blank => self.write_byte(b' ', 1),
                Ws::Column => self.write_byte(b'\x0b', 1),
                brk @ (Ws::Newline | Ws::Break) => {
                    if i + 1 < n && self.ws[i + 1] == Ws::Unindent {
                        // A label: it stands one level further out than its line would.
                        self.ws[i] = Ws::Unindent;
                        self.ws[i + 1] = Ws::Break;
                        continue;
                    }
                    self.write_byte(if brk == Ws::Newline { b'\n' } else { b'\x0c' }, 1);
                }
            }
            i += 1;
        }
        self.ws.drain(..n);
    }
    fn due_linebreak(&self) -> bool {
        self.ws.iter().any(|w| matches!(w, Ws::Newline | Ws::Break))
    }
}

// Comments.
impl Printer<'_> {
    /// Whether the next comment belongs before `next`.
    fn comment_before(&self, next: Place) -> bool {
        self.groups
            .get(self.next_group)
            .is_some_and(|g| (g.list[0].lo as i64) < next.at && !(self.ends && g.breaks))
    }
    /// The same for a byte offset.
    pub fn comment_before_at(&self, at: At) -> bool {
        self.comment_before(self.place(at))
    }
    /// Bytes of the comments before an offset.
    pub fn comment_size_before(&mut self, at: At) -> i64 {
        let (start, next) = (self.next_group, self.place(at));
        let mut size = 0;
        while self.comment_before(next) {
            let list = &self.groups[self.next_group].list;
            size += list.iter().map(|c| c.text.len() as i64).sum::<i64>();
            self.next_group += 1;
        }
        self.next_group = start;
        size
    }

    /// Writes the comments before `next`, where `tok` will stand: whether the last thing
    /// written is a line break, and whether one that ends columns was dropped.
    fn comments(&mut self, next: Place, tok: T) -> (bool, bool) {
        let mut last: Option<Comment> = None;
        while self.comment_before(next) {
            let groups = self.groups;
            let group = &groups[self.next_group];
            let (first, end) = (&group.list[0], &group.list[group.list.len() - 1]);
            let doc = tok != T::Import
                && tok != T::Ident
                && self.lines.line_col(first.lo).1 == 1
                && end.hi < self.text.len()
                && self.place(end.hi + 1) == next;
            let rewritten = if doc { doc_comment(&group.list) } else { None };
            let list = rewritten.as_deref().unwrap_or(&group.list);
            if list.is_empty() {
                self.before_comment(self.place(first.lo), next, last.as_ref(), tok);
                self.pos = next;
                self.last = next;
                self.next_group += 1;
                return self.after_comments(false);
            }
            for c in list {
                self.before_comment(self.place(c.lo), next, last.as_ref(), tok);
                self.comment(c);
                last = Some(c.clone());
            }
            if rewritten.is_some() {
                last = Some(end.clone());
                self.pos = self.place(end.hi);
                self.last = self.pos;
            }
            self.next_group += 1;
        }
        let Some(last) = last else {
            return (false, false);
        };
        let mut needs_break = false;
        if !last.is_line()
            && !self.no_blank
            && self.line(last.lo) == next.line
            && tok != T::Comma
            && (tok != T::RParen || self.prev_open == Some(T::LParen))
            && (tok != T::RBrack || self.prev_open == Some(T::LBrack))
        {
            if self.due_linebreak() && !self.no_break && self.level == 0 {
                needs_break = true;
            } else {
                self.write_byte(b' ', 1);
            }
        }
        if last.is_line() || tok == T::Newline || tok == T::RBrace && !self.no_break {
            needs_break = true;
        }
        self.after_comments(needs_break)
    }

    /// White space before a comment at `at`; `prev` is the comment before it.
    fn before_comment(&mut self, at: Place, next: Place, prev: Option<&Comment>, tok: T) {
        if self.out.is_empty() {
            return;
        }
        if at.line == self.last.line && prev.is_none_or(|p| !p.is_line()) {
            let mut separated = false;
            if prev.is_none() {
                let mut n = 0;
                for i in 0..self.ws.len() {
                    match self.ws[i] {
                        Ws::Blank => self.ws[i] = Ws::Nothing,
                        Ws::Column => separated = true,
                        Ws::Indent => {}
                        _ => {
                            n = i;
                            break;
                        }
                    }
                }
                self.write_ws(n);
            }
            if !separated {
                let sep = if at.line == next.line { b' ' } else { b'\t' };
                self.write_byte(sep, 1);
            }
            return;
        }
        let mut dropped = false;
        let mut n = 0;
        for i in 0..self.ws.len() {
            match self.ws[i] {
                Ws::Blank | Ws::Column => {
                    self.ws[i] = Ws::Nothing;
                    continue;
                }
                Ws::Indent => continue,
                Ws::Unindent => {
                    // All but the last one close an expression, not a block.
                    if self.ws.get(i + 1) == Some(&Ws::Unindent) {
                        continue;
                    }
                    // A comment aligned with the next token belongs to that.
                    if tok != T::RBrace && at.col == next.col {
                        continue;
                    }
                }
                Ws::Newline | Ws::Break => {
                    self.ws[i] = Ws::Nothing;
                    dropped = prev.is_none();
                }
                Ws::Nothing => {}
            }
            n = i;
            break;
        }
        self.write_ws(n);
        let mut lines = 0;
        if at.line > 0 && self.last.line > 0 {
            lines = (at.line - self.last.line).max(0);
        }
        if self.indent == 0 && dropped {
            lines += 1;
        }
        if lines == 0 && prev.is_some_and(Comment::is_line) {
            lines = 1;
        }
        if lines > 0 {
            self.write_byte(b'\x0c', breaks(lines));
        }
    }

    fn comment(&mut self, c: &Comment) {
        let mut place = self.place(c.lo);
        if c.is_line() {
            if c.text.starts_with("//line ") && place.col == 1 {
                // Works in the first column only.
                let indent = std::mem::replace(&mut self.indent, 0);
                self.write_text(place, c.text.trim_end(), true);
                self.indent = indent;
                return;
            }
            if c.text.starts_with("//go:build ") || c.text.starts_with("// +build ") {
                self.build_lines.push(self.out.len());
            }
            self.write_text(place, c.text.trim_end(), true);
            return;
        }
        let mut lines: Vec<String> = c.text.split('\n').map(str::to_string).collect();
        if place.col == 1 && self.indent > 0 {
            // As if the whole comment had been indented before.
            for l in lines.iter_mut().skip(1) {
                l.insert_str(0, "   ");
            }
        }
        trim_common_indent(&mut lines);
        for (i, l) in lines.iter().enumerate() {
            if i > 0 {
                self.write_byte(b'\x0c', 1);
                place = self.pos;
            }
            if !l.is_empty() {
                self.write_text(place, l.trim_end(), true);
            }
        }
    }

    /// White space after the last comment.
    fn after_comments(&mut self, mut needs_break: bool) -> (bool, bool) {
        let (mut wrote, mut dropped) = (false, false);
        for w in &mut self.ws {
            match *w {
                Ws::Blank | Ws::Column => *w = Ws::Nothing,
                Ws::Newline | Ws::Break => {
                    if needs_break {
                        needs_break = false;
                        wrote = true;
                    } else {
                        dropped |= *w == Ws::Break;
                        *w = Ws::Nothing;
                    }
                }
                Ws::Indent | Ws::Unindent | Ws::Nothing => {}
            }
        }
        self.write_ws(self.ws.len());
        if needs_break {
            self.write_byte(b'\n', 1);
            wrote = true;
        }
        (wrote, dropped)
    }
}
