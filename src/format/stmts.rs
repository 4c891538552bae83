//! Printing statements, declarations and files.

use super::nodes::{ListMode, PLAIN, Params, line_count};
use super::printer::{Printer, Ws};
use super::tree::*;
use crate::syntax::token::T;

/// Most characters of a function with its body on one line.
const ONE_LINE_FUNC: i64 = 100;
/// Most statements in such a body.
const ONE_LINE_STMTS: usize = 5;

impl Printer<'_> {
    fn at_word(&mut self, at: At, kind: T) {
        self.set_pos(at);
        self.word(kind);
    }

    /// Statements of a block; `indent` is false for the clauses of a switch.
    fn stmt_list(&mut self, list: &[Stmt], indent: bool, brace_next: bool) {
        if indent {
            self.space(Ws::Indent);
        }
        let mut note = 0;
        let mut printed = 0;
        for (i, s) in list.iter().enumerate() {
            if matches!(s.kind, StmtKind::Empty) {
                continue;
            }
            if !self.out.is_empty() {
                let section = printed == 0 || !indent || self.lines_since(note) > 0;
                self.linebreak(self.line(s.lo), 1, Ws::Nothing, section);
            }
            note = self.record_line();
            self.stmt(s, brace_next && i == list.len() - 1);
            let mut inner = s;
            while let StmtKind::Labeled { stmt, .. } = &inner.kind {
                self.skip_line(note);
                inner = stmt;
            }
            printed += 1;
        }
        if indent {
            self.space(Ws::Unindent);
        }
    }

    fn block(&mut self, b: &Block, indent: bool) {
        self.at_word(b.lbrace, T::LBrace);
        self.stmt_list(&b.list, indent, true);
        self.linebreak(self.line(b.rbrace), 1, Ws::Nothing, true);
        self.at_word(b.rbrace, T::RBrace);
    }

    /// What stands between `if`, `for` or `switch` and the block.
    fn header(
        &mut self,
        looped: bool,
        init: Option<&Stmt>,
        cond: Option<&Expr>,
        post: Option<&Stmt>,
    ) {
        self.space(Ws::Blank);
        let mut blank = false;
        if init.is_none() && post.is_none() {
            if let Some(x) = cond {
                self.sub(bare(x));
                blank = true;
            }
        } else {
            if let Some(s) = init {
                self.stmt(s, false);
            }
            self.word(T::Semi);
            self.space(Ws::Blank);
            if let Some(x) = cond {
                self.sub(bare(x));
                blank = true;
            }
            if looped {
                self.word(T::Semi);
                self.space(Ws::Blank);
                blank = false;
                if let Some(s) = post {
                    self.stmt(s, false);
                    blank = true;
                }
            }
        }
        if blank {
            self.space(Ws::Blank);
        }
    }

    /// Whether a list over several lines looks better indented as a whole.
    fn indents(&self, list: &[Expr]) -> bool {
        let [first, .., last] = list else {
            return false;
        };
        let mut line = self.line(first.lo);
        if line >= self.line(last.hi) {
            return false;
        }
        let mut tall = 0;
        for x in list {
            let (lo, hi) = (self.line(x.lo), self.line(x.hi));
            if line < lo {
                return true;
            }
            tall += i32::from(lo < hi);
            line = hi;
        }
        tall > 1
    }

    pub fn stmt(&mut self, s: &Stmt, brace_next: bool) {
        self.set_pos(s.lo);
        match &s.kind {
            StmtKind::Empty => {}
            StmtKind::Expr(x) => self.expr0(x, 1),
            StmtKind::Send { chan, arrow, value } => {
                self.expr0(chan, 1);
                self.space(Ws::Blank);
                self.at_word(*arrow, T::Arrow);
                self.space(Ws::Blank);
                self.expr0(value, 1);
            }
            StmtKind::IncDec { x, op, op_at } => {
                self.expr0(x, 2);
                self.at_word(*op_at, *op);
            }
            StmtKind::Assign {
                lhs,
                op,
                op_at,
                rhs,
            } => {
                let depth = if lhs.len() > 1 && rhs.len() > 1 { 2 } else { 1 };
                self.list(Some(s.lo), lhs, depth, PLAIN, Some(*op_at));
                self.space(Ws::Blank);
                self.at_word(*op_at, *op);
                self.space(Ws::Blank);
                self.list(Some(*op_at), rhs, depth, PLAIN, None);
            }
            StmtKind::Go(x) => {
                self.word(T::Go);
                self.space(Ws::Blank);
                self.sub(x);
            }
            StmtKind::Defer(x) => {
                self.word(T::Defer);
                self.space(Ws::Blank);
                self.sub(x);
            }
            StmtKind::Return(list) => {
                self.word(T::Return);
                if list.is_empty() {
                    return;
                }
                self.space(Ws::Blank);
                if self.indents(list) {
                    self.space(Ws::Indent);
                    let mode = ListMode {
                        comma_end: false,
                        no_indent: true,
                    };
                    self.list(None, list, 1, mode, None);
                    self.space(Ws::Unindent);
                } else {
                    self.list(None, list, 1, PLAIN, None);
                }
            }
            StmtKind::Branch { word, label } => {
                self.word(*word);
                if let Some(l) = label {
                    self.space(Ws::Blank);
                    self.sub(l);
                }
            }
            StmtKind::Block(b) => self.block(b, true),
            StmtKind::If {
                init,
                cond,
                then,
                els,
            } => {
                self.word(T::If);
                self.header(false, init.as_deref(), cond.as_ref(), None);
                self.block(then, true);
                if let Some(e) = els {
                    self.space(Ws::Blank);
                    self.word(T::Else);
                    self.space(Ws::Blank);
                    self.stmt(e, brace_next);
                }
            }
            StmtKind::Clause {
                list,
                comm,
                colon,
                body,
            } => {
                if list.is_empty() && comm.is_none() {
                    self.word(T::Default);
                } else {
                    self.word(T::Case);
                    self.space(Ws::Blank);
                    match comm {
                        Some(c) => self.stmt(c, false),
                        None => self.list(Some(s.lo), list, 1, PLAIN, Some(*colon)),
                    }
                }
                self.at_word(*colon, T::Colon);
                self.stmt_list(body, true, brace_next);
            }
            StmtKind::Switch { init, tag, body } => {
                self.word(T::Switch);
                self.header(false, init.as_deref(), tag.as_ref(), None);
                self.block(body, false);
            }
            StmtKind::TypeSwitch { init, guard, body } => {
                self.word(T::Switch);
                if let Some(i) = init {
                    self.space(Ws::Blank);
                    self.stmt(i, false);
                    self.word(T::Semi);
                }
                self.space(Ws::Blank);
                self.stmt(guard, false);
                self.space(Ws::Blank);
                self.block(body, false);
            }
            StmtKind::Select(body) => {
                self.word(T::Select);
                self.space(Ws::Blank);
                if body.list.is_empty() && !self.comment_before_at(body.rbrace) {
                    self.at_word(body.lbrace, T::LBrace);
                    self.at_word(body.rbrace, T::RBrace);
                } else {
                    self.block(body, false);
                }
            }
            StmtKind::For {
                init,
                cond,
                post,
                body,
            } => {
                self.word(T::For);
                self.header(true, init.as_deref(), cond.as_ref(), post.as_deref());
                self.block(body, true);
            }
            StmtKind::Range {
                key,
                value,
                op,
                op_at,
                range_at,
                x,
                body,
            } => {
                self.word(T::For);
                self.space(Ws::Blank);
                if let Some(k) = key {
                    self.sub(k);
                    if let Some(v) = value {
                        self.at_word(v.lo, T::Comma);
                        self.space(Ws::Blank);
                        self.sub(v);
                    }
                    self.space(Ws::Blank);
                    self.at_word(*op_at, *op);
                    self.space(Ws::Blank);
                }
                self.at_word(*range_at, T::Range);
                self.space(Ws::Blank);
                self.sub(bare(x));
                self.space(Ws::Blank);
                self.block(body, true);
            }
            StmtKind::Labeled { label, colon, stmt } => {
                self.space(Ws::Unindent);
                self.sub(label);
                self.at_word(*colon, T::Colon);
                self.space(Ws::Indent);
                if matches!(stmt.kind, StmtKind::Empty) {
                    if !brace_next {
                        self.space(Ws::Newline);
                        self.at_word(stmt.lo, T::Semi);
                        return;
                    }
                } else {
                    self.linebreak(self.line(stmt.lo), 1, Ws::Nothing, true);
                }
                self.stmt(stmt, brace_next);
            }
            StmtKind::Decl(d) => self.decl(d),
        }
    }

    fn body_size(&mut self, b: &Block) -> i64 {
        if self.line(b.lbrace) != self.line(b.rbrace) || b.list.len() > ONE_LINE_STMTS {
            return ONE_LINE_FUNC + 1;
        }
        let mut size = self.comment_size_before(b.rbrace);
        for (i, s) in b.list.iter().enumerate() {
            if size > ONE_LINE_FUNC {
                break;
            }
            if i > 0 {
                size += "; ".len() as i64;
            }
            size += self.stmt_size(s, ONE_LINE_FUNC);
        }
        size
    }

    /// A function's body after a header of some width; on one line if it is there already
    /// and fits.
    pub fn func_body(&mut self, header: i64, sep: Ws, b: &Block) {
        let level = std::mem::replace(&mut self.level, 0);
        if header + self.body_size(b) <= ONE_LINE_FUNC {
            self.space(sep);
            self.at_word(b.lbrace, T::LBrace);
            if !b.list.is_empty() {
                self.space(Ws::Blank);
                for (i, s) in b.list.iter().enumerate() {
                    if i > 0 {
                        self.word(T::Semi);
                        self.space(Ws::Blank);
                    }
                    self.stmt(s, i == b.list.len() - 1);
                }
                self.space(Ws::Blank);
            }
            let no_break = std::mem::replace(&mut self.no_break, true);
            self.at_word(b.rbrace, T::RBrace);
            self.no_break = no_break;
        } else {
            self.space(Ws::Blank);
            self.block(b, true);
        }
        self.level = level;
    }

    fn decl(&mut self, d: &Decl) {
        self.set_pos(d.lo);
        match &d.kind {
            DeclKind::Func {
                recv,
                name,
                sig,
                body,
            } => {
                self.word(T::Func);
                self.space(Ws::Blank);
                let start = self.out_col - "func ".len() as i64;
                if let Some(r) = recv {
                    self.params(r, Params::Values);
                    self.space(Ws::Blank);
                }
                self.sub(name);
                self.signature(sig);
                if let Some(b) = body {
                    let width = self.distance(d.lo, start);
                    self.func_body(width, Ws::Column, b);
                }
            }
            DeclKind::Group {
                word,
                lparen,
                specs,
                rparen,
            } => {
                self.word(*word);
                self.space(Ws::Blank);
                let Some(lparen) = lparen else {
                    self.spec(&specs[0], true, true);
                    return;
                };
                self.at_word(*lparen, T::LParen);
                if !specs.is_empty() {
                    self.space(Ws::Indent);
                    self.space(Ws::Break);
                    let columns = specs.len() > 1 && matches!(word, T::Const | T::Var);
                    let types = if columns {
                        type_columns(specs)
                    } else {
                        Vec::new()
                    };
                    let mut note = 0;
                    for (i, s) in specs.iter().enumerate() {
                        if i > 0 {
                            let section = self.lines_since(note) > 0;
                            self.linebreak(self.line(s.lo), 1, Ws::Nothing, section);
                        }
                        note = self.record_line();
                        if columns {
                            self.value_spec(s, types[i]);
                        } else {
                            self.spec(s, specs.len() == 1, false);
                        }
                    }
                    self.space(Ws::Unindent);
                    self.space(Ws::Break);
                }
                self.at_word(*rparen, T::RParen);
            }
        }
    }

    /// A specification that shares no columns but a type's name.
    fn spec(&mut self, s: &Spec, only: bool, indent: bool) {
        self.set_pos(s.lo);
        match &s.kind {
            SpecKind::Import { name, path } => {
                if let Some(n) = name {
                    self.sub(n);
                    self.space(Ws::Blank);
                }
                self.sub(path);
            }
            SpecKind::Value { names, ty, values } => {
                self.names(names, indent);
                if let Some(t) = ty {
                    self.space(Ws::Blank);
                    self.sub(t);
                }
                if !values.is_empty() {
                    self.space(Ws::Blank);
                    self.word(T::Assign);
                    self.space(Ws::Blank);
                    self.list(None, values, 1, PLAIN, None);
                }
            }
            SpecKind::Type {
                name,
                tparams,
                alias,
                ty,
            } => {
                self.sub(name);
                if let Some(t) = tparams {
                    self.params(t, Params::DeclaredTypes);
                }
                self.space(if only { Ws::Blank } else { Ws::Column });
                if *alias {
                    self.word(T::Assign);
                    self.space(Ws::Blank);
                }
                self.sub(ty);
            }
        }
    }

    /// A constant or variable in a group: columns for names, type, values and comment.
    fn value_spec(&mut self, s: &Spec, type_column: bool) {
        let SpecKind::Value { names, ty, values } = &s.kind else {
            return;
        };
        self.set_pos(s.lo);
        self.names(names, false);
        let mut tabs = 3;
        if ty.is_some() || type_column {
            self.space(Ws::Column);
            tabs -= 1;
        }
        if let Some(t) = ty {
            self.sub(t);
        }
        if !values.is_empty() {
            self.space(Ws::Column);
            self.word(T::Assign);
            self.space(Ws::Blank);
            self.list(None, values, 1, PLAIN, None);
            tabs -= 1;
        }
        if s.comment {
            for _ in 0..tabs {
                self.space(Ws::Column);
            }
        }
    }

    pub fn root(&mut self, root: &Root) {
        let script = root.package.is_none();
        if let Some((at, name)) = &root.package {
            self.at_word(*at, T::Package);
            self.space(Ws::Blank);
            self.sub(name);
        }
        let mut before = None;
        for item in &root.items {
            // What kind of thing it is: neighbours of different kinds are set apart.
            let (kind, doc, tall) = match &item.kind {
                StmtKind::Empty => continue,
                StmtKind::Decl(Decl {
                    kind: DeclKind::Func { .. },
                    doc,
                    lo,
                    hi,
                }) => (T::Func, *doc, line_count(self.lines, *lo, *hi) > 1),
                StmtKind::Decl(Decl {
                    kind: DeclKind::Group { word, .. },
                    doc,
                    ..
                }) if !script || *word == T::Import => (*word, *doc, false),
                _ => (T::Semi, false, false),
            };
            if !self.out.is_empty() {
                let min = if before != Some(kind) || doc { 2 } else { 1 };
                self.linebreak(self.line(item.lo), min, Ws::Nothing, tall);
            }
            before = Some(kind);
            self.stmt(item, false);
        }
        self.space(Ws::Newline);
    }
}

/// The condition or operand of a header without parentheses, unless a composite literal in
/// it needs them.
fn bare(x: &Expr) -> &Expr {
    match &x.kind {
        Kind::Paren { x: inner, .. } if !shows_literal(inner) => bare(inner),
        _ => x,
    }
}
/// Whether a composite literal of a named type stands outside parentheses.
fn shows_literal(x: &Expr) -> bool {
    match &x.kind {
        Kind::Composite { ty, .. } => ty.as_ref().is_some_and(|t| is_name(t)),
        Kind::KeyValue { key, value, .. } => shows_literal(key) || shows_literal(value),
        Kind::Selector { x, .. } | Kind::Star(x) | Kind::Unary { x, .. } => shows_literal(x),
        Kind::Index { x, args, .. } => shows_literal(x) || args.iter().any(shows_literal),
        Kind::Slice { x, parts, .. } => {
            shows_literal(x) || parts.iter().flatten().any(shows_literal)
        }
        Kind::Assert { x, .. } => shows_literal(x),
        Kind::Call { fun, args, .. } => shows_literal(fun) || args.iter().any(shows_literal),
        Kind::Binary { x, y, .. } => shows_literal(x) || shows_literal(y),
        _ => false,
    }
}
fn is_name(x: &Expr) -> bool {
    match &x.kind {
        Kind::Ident => true,
        Kind::Selector { x, .. } => is_name(x),
        _ => false,
    }
}

/// For each line of a group whether it has a column for the type: all of a run of lines
/// with values have it if one of them has a type.
fn type_columns(specs: &[Spec]) -> Vec<bool> {
    let facts: Vec<(bool, bool)> = specs
        .iter()
        .map(|s| match &s.kind {
            SpecKind::Value { ty, values, .. } => (ty.is_some(), !values.is_empty()),
            _ => (false, false),
        })
        .collect();
    let mut out = vec![false; specs.len()];
    let mut i = 0;
    while i < facts.len() {
        if !facts[i].1 {
            i += 1;
            continue;
        }
        let run = facts[i..].iter().take_while(|f| f.1).count();
        let typed = facts[i..i + run].iter().any(|f| f.0);
        out[i..i + run].fill(typed);
        i += run;
    }
    out
}
