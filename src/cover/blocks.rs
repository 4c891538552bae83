//! The basic blocks of functions, with the borders that Go's coverage tool draws.
//!
//! A list of statements is cut after each statement that control may leave or that holds a
//! function literal; such a statement belongs to the block up to its `{`. A block is cut
//! again where lines without code (comments, blanks, single braces) lie between two of its
//! statements, begins with its first statement, and ends before such lines. What is written
//! in the tree are statements [`StmtKind::Cover`] with a counter's number; the tree must be
//! checked by then, for the tables of the checker know nothing of the additions.

use super::Block;
use crate::base::span::{Pos, SourceFile, SourceMap, Span};
use crate::syntax::ast::{
    Ast, CaseClause, CommClause, Decl, ExprKind, FuncId, LitKind, StmtId, StmtKind,
};
use crate::syntax::lex::lex;
use crate::syntax::token::T;

/// Puts counters into the functions of the files that `name` gives a name for profiles.
/// `files` gets the names, `blocks` the blocks by the numbers of their counters.
pub fn instrument(
    ast: &mut Ast,
    sources: &SourceMap,
    name: &dyn Fn(&SourceFile) -> Option<String>,
    files: &mut Vec<String>,
    blocks: &mut Vec<Block>,
) {
    let ids: Vec<_> = ast.files.iter().map(|f| f.id).collect();
    for (at, id) in ids.into_iter().enumerate() {
        let file = sources.file(id);
        let Some(name) = name(file) else { continue };
        files.push(name);
        let mut walker = Walker::new(ast, file, files.len() as u32 - 1, blocks);
        for f in walker.functions(at) {
            walker.function(f);
        }
    }
}

/// Adds the short texts and numbers of a file.
pub fn words(file: &SourceFile, out: &mut Vec<String>) {
    for t in lex(&file.text, file.base).toks {
        let text = &file.text[(t.lo - file.base) as usize..(t.hi - file.base) as usize];
        match t.kind {
            T::Str if text.len() > 2 && text.len() < 64 && !text.contains('\\') => {
                out.push(text[1..text.len() - 1].to_string());
            }
            T::Lit(LitKind::Int) => out.push(text.to_string()),
            _ => {}
        }
    }
}

struct Walker<'a> {
    ast: &'a mut Ast,
    source: &'a SourceFile,
    file: u32,
    blocks: &'a mut Vec<Block>,
    /// Tokens that count as code, all but braces: start and end.
    code: Vec<(Pos, Pos)>,
    /// The `else` keywords.
    elses: Vec<Pos>,
    /// Bodies of all function literals and declarations of the file: start of the function
    /// and of its body.
    funcs: Vec<(Pos, Pos)>,
}

/// One list of statements.
struct List {
    stmts: Vec<StmtId>,
    /// Where a first block without code begins: at the brace or after the colon.
    from: Pos,
    /// Where the block of an empty list begins: after that token.
    inside: Pos,
    /// Of a block in braces: after its end.
    end: Option<Pos>,
}

impl<'a> Walker<'a> {
    fn new(
        ast: &'a mut Ast,
        source: &'a SourceFile,
        file: u32,
        blocks: &'a mut Vec<Block>,
    ) -> Walker<'a> {
        let (mut code, mut elses) = (Vec::new(), Vec::new());
        for t in lex(&source.text, source.base).toks {
            match t.kind {
                T::LBrace | T::RBrace => {}
                // Semicolons that the lexer inserts.
                _ if t.lo == t.hi => {}
                kind => {
                    code.push((t.lo, t.hi));
                    if kind == T::Else {
                        elses.push(t.hi);
                    }
                }
            }
        }
        Walker {
            ast,
            source,
            file,
            blocks,
            code,
            elses,
            funcs: Vec::new(),
        }
    }

    /// The functions to look at: declared ones that have names, and literals outside of those
    /// that have none. Notes where all of them are.
    fn functions(&mut self, file: usize) -> Vec<FuncId> {
        let (lo, hi) = (
            self.source.base,
            self.source.base + self.source.text.len() as u32,
        );
        let mut skip = Vec::new();
        for d in &self.ast.files[file].decls {
            if let Decl::Func(f) = d
                && self.ast.name(f.name).as_str() == "_"
            {
                skip.push(f.span);
            }
        }
        let mut out = Vec::new();
        for (i, f) in self.ast.funcs.iter().enumerate() {
            if let Some(body) = &f.body
                && (lo..=hi).contains(&body.span.lo)
            {
                self.funcs.push((f.span.lo.min(body.span.lo), body.span.lo));
                let inside = |s: &&Span| (s.lo..s.hi).contains(&body.span.lo);
                if !skip.iter().any(|s| inside(&s)) {
                    out.push(FuncId(i as u32));
                }
            }
        }
        self.funcs.sort_unstable();
        out
    }

    fn function(&mut self, f: FuncId) {
        let Some(body) = &mut self.ast.funcs[f.index()].body else {
            return;
        };
        let (span, stmts) = (body.span, std::mem::take(&mut body.stmts));
        let new = self.block(span, stmts);
        if let Some(body) = &mut self.ast.funcs[f.index()].body {
            body.stmts = new;
        }
    }

    fn line(&self, pos: Pos) -> u32 {
        self.source.line_col(pos).0
    }

    /// The body of the first function literal that begins between two places.
    fn literal(&self, from: Pos, to: Pos) -> Option<Pos> {
        let i = self.funcs.partition_point(|f| f.0 < from);
        self.funcs.get(i).filter(|f| f.0 < to).map(|f| f.1)
    }

    /// The `{` of a statement that has blocks.
    fn brace(&self, s: StmtId) -> Option<Pos> {
        match &self.ast.stmt(s).kind {
            StmtKind::Block(b) => Some(b.span.lo),
            StmtKind::If { then: b, .. }
            | StmtKind::For { body: b, .. }
            | StmtKind::Range { body: b, .. } => Some(b.span.lo),
            StmtKind::Switch { body, .. }
            | StmtKind::TypeSwitch { body, .. }
            | StmtKind::Select { body, .. } => Some(body.lo),
            StmtKind::Labeled { stmt, .. } => self.brace(*stmt),
            _ => None,
        }
    }

    /// Where a block that ends with this statement ends.
    fn border(&self, s: StmtId) -> Pos {
        let span = self.ast.stmt(s).span;
        let end = self.brace(s).unwrap_or(span.hi);
        self.literal(span.lo, end).unwrap_or(end)
    }

    /// Whether a block cannot go on after this statement.
    fn ends(&self, s: StmtId) -> bool {
        let st = self.ast.stmt(s);
        match &st.kind {
            StmtKind::Branch { .. } | StmtKind::Labeled { .. } => true,
            StmtKind::Expr(e) => {
                if let ExprKind::Call { fun, args, .. } = &self.ast.expr(*e).kind
                    && let ExprKind::Ident(name) = self.ast.expr(*fun).kind
                    && args.len() == 1
                    && self.ast.name(name).as_str() == "panic"
                {
                    return true;
                }
                self.literal(st.span.lo, st.span.hi).is_some()
            }
            _ => self.brace(s).is_some() || self.literal(st.span.lo, st.span.hi).is_some(),
        }
    }

    /// The statement behind a label that may be jumped to as the beginning of a block.
    fn behind_label(&self, s: StmtId) -> Option<StmtId> {
        let StmtKind::Labeled { stmt, .. } = self.ast.stmt(s).kind else {
            return None;
        };
        let loops = matches!(
            self.ast.stmt(stmt).kind,
            StmtKind::For { .. }
                | StmtKind::Range { .. }
                | StmtKind::Switch { .. }
                | StmtKind::TypeSwitch { .. }
                | StmtKind::Select { .. }
        );
        (!loops).then_some(stmt)
    }

    fn block(&mut self, span: Span, stmts: Vec<StmtId>) -> Vec<StmtId> {
        self.list(List {
            stmts,
            from: span.lo,
            inside: span.lo + 1,
            end: Some(span.hi),
        })
    }

    fn clause(&mut self, colon: Pos, stmts: Vec<StmtId>) -> Vec<StmtId> {
        self.list(List {
            stmts,
            from: colon + 1,
            inside: colon + 1,
            end: None,
        })
    }

    /// The list with counters, in its own blocks and in those below.
    fn list(&mut self, l: List) -> Vec<StmtId> {
        let mut list = l.stmts;
        for s in &list {
            self.inner(*s);
        }
        let mut out = Vec::with_capacity(list.len() + 1);
        if list.is_empty() {
            self.count(l.inside, l.inside, 0, &mut out);
            return out;
        }
        let mut at = 0;
        let mut from = l.from;
        let mut whole = true;
        while at < list.len() {
            if at > 0 || !whole {
                from = self.ast.stmt(list[at]).span.lo;
            }
            let last = (at..list.len()).find(|&i| self.ends(list[i]));
            let label = last.and_then(|i| Some((i, self.behind_label(list[i])?)));
            let (next, to) = match (last, label) {
                (_, Some((i, _))) => (i, self.ast.stmt(list[i]).span.lo),
                (Some(i), None) => (i + 1, self.border(list[i])),
                (None, None) => {
                    let end = self.border(list[list.len() - 1]);
                    (list.len(), l.end.filter(|_| whole).unwrap_or(end))
                }
            };
            whole &= last.is_none();
            if from != to {
                self.pieces(&list[at..next], from, to, &mut out);
            } else {
                out.extend_from_slice(&list[at..next]);
            }
            at = next;
            if let Some((i, stmt)) = label {
                // The label stands alone, and what it stands before begins a block.
                let st = &mut self.ast.stmts[list[i].index()];
                let place = Span::at(st.span.hi);
                let empty = self.ast.add_stmt(StmtKind::Empty, place);
                if let StmtKind::Labeled { stmt, .. } = &mut self.ast.stmts[list[i].index()].kind {
                    *stmt = empty;
                }
                out.push(list[i]);
                list[i] = stmt;
            }
        }
        out
    }

    /// One block up to `to`, in as many pieces as lines without code make of it.
    fn pieces(&mut self, list: &[StmtId], from: Pos, to: Pos, out: &mut Vec<StmtId>) {
        let start = |w: &Self, s: StmtId| w.ast.stmt(s).span.lo;
        let n = list.iter().take_while(|s| start(self, **s) < to).count();
        if n == 0 {
            self.count(from, from, 0, out);
        }
        let mut first = 0;
        for i in 1..=n {
            let here = if i < n { start(self, list[i]) } else { to };
            let before = self.code.partition_point(|c| c.0 < here);
            let line = match before.checked_sub(1) {
                Some(b) => self.line(self.code[b].1 - 1),
                None => 0,
            };
            let end = if i == n {
                (line == self.line(to)).then_some(to)
            } else if self.line(here) > line + 1 {
                None
            } else {
                continue;
            };
            let end = end.map_or((line + 1, 1), |e| self.source.line_col(e));
            let from = self.source.line_col(start(self, list[first]));
            self.add(from, end, (i - first) as u32, out);
            out.extend_from_slice(&list[first..i]);
            first = i;
        }
        out.extend_from_slice(&list[n..]);
    }

    fn count(&mut self, from: Pos, to: Pos, stmts: u32, out: &mut Vec<StmtId>) {
        let (from, to) = (self.source.line_col(from), self.source.line_col(to));
        self.add(from, to, stmts, out);
    }

    fn add(&mut self, from: (u32, u32), to: (u32, u32), stmts: u32, out: &mut Vec<StmtId>) {
        let number = self.blocks.len() as u32;
        self.blocks.push(Block {
            file: self.file,
            from,
            to,
            stmts,
        });
        out.push(self.ast.add_stmt(StmtKind::Cover(number), Span::NONE));
    }

    /// The lists below a statement.
    fn inner(&mut self, s: StmtId) {
        use std::mem::take;
        // Taken out of the tree, and put back changed.
        let mut kind = std::mem::replace(&mut self.ast.stmts[s.index()].kind, StmtKind::Bad);
        match &mut kind {
            StmtKind::Block(b)
            | StmtKind::For { body: b, .. }
            | StmtKind::Range { body: b, .. } => b.stmts = self.block(b.span, take(&mut b.stmts)),
            StmtKind::If { then, els, .. } => {
                then.stmts = self.block(then.span, take(&mut then.stmts));
                if let Some(e) = els {
                    let key = self.elses.partition_point(|p| *p <= then.span.hi);
                    *e = self.branch(*e, self.elses[key]);
                }
            }
            StmtKind::Switch { cases, .. } | StmtKind::TypeSwitch { cases, .. } => {
                for CaseClause { body, colon, .. } in cases {
                    *body = self.clause(*colon, take(body));
                }
            }
            StmtKind::Select { cases, .. } => {
                for CommClause { body, colon, .. } in cases {
                    *body = self.clause(*colon, take(body));
                }
            }
            StmtKind::Labeled { stmt, .. } => self.inner(*stmt),
            _ => {}
        }
        self.ast.stmts[s.index()].kind = kind;
    }

    /// What follows `else`, which ends at `key`: blocks begin there, and an `if` gets a block
    /// around it.
    fn branch(&mut self, s: StmtId, key: Pos) -> StmtId {
        let span = self.ast.stmt(s).span;
        let stmts = match &mut self.ast.stmts[s.index()].kind {
            StmtKind::Block(b) => std::mem::take(&mut b.stmts),
            _ => vec![s],
        };
        let stmts = self.list(List {
            stmts,
            from: key,
            inside: key + 1,
            end: Some(span.hi),
        });
        if let StmtKind::Block(b) = &mut self.ast.stmts[s.index()].kind {
            b.stmts = stmts;
            return s;
        }
        let block = crate::syntax::ast::Block { stmts, span };
        self.ast.add_stmt(StmtKind::Block(block), span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse::{ParseOptions, parse_file};
    use std::path::{Path, PathBuf};

    /// The blocks of a file as lines of a profile without the name and the count.
    fn blocks(text: &str) -> Vec<String> {
        let mut sources = SourceMap::new();
        let id = sources
            .add("a.go", Path::new("a.go"), text.to_string())
            .expect("a small file");
        let mut ast = Ast::default();
        let found = parse_file(&mut ast, &sources, id, &ParseOptions::default());
        assert!(found.is_empty(), "{found:?}");
        let (mut files, mut blocks) = (Vec::new(), Vec::new());
        let name = |f: &SourceFile| Some(f.name.clone());
        instrument(&mut ast, &sources, &name, &mut files, &mut blocks);
        blocks.sort_unstable();
        let shown = blocks.iter().map(|b| {
            let ((l, c), (m, d)) = (b.from, b.to);
            format!("{l}.{c},{m}.{d} {}", b.stmts)
        });
        shown.collect()
    }

    #[test]
    fn borders_are_those_of_go() {
        let text = "package p\n\
            func a(x int) int { // c\n\tx++\n\n\tx++\n\tif x > 1 {\n\t\treturn 1\n\
            \t} else if x > 0 {\n\t\t// none\n\t}\n\tx++; end: x++; goto end\n}\n\
            func b() { f(func() { x++ }); x++ }\nfunc c() {}\nfunc _() { x++ }\n\
            func d() {\n\tswitch x {\n\tcase 1: { x++ }\n\tcase 2:\n\t\tpanic(1)\n\
            \t\tx = []int{\n\t\t\t1,\n\t\t}\n\t\tx++ }\n}\n";
        let want = [
            "3.2,4.1 1",
            "5.2,6.11 2",
            "7.3,8.1 1",
            "8.9,8.18 1",
            "8.19,8.19 0",
            "11.2,11.7 1",
            "11.12,11.25 2",
            "13.12,13.21 1",
            "13.23,13.28 1",
            "13.31,13.34 1",
            "14.11,14.11 0",
            "17.2,17.11 1",
            "18.9,18.9 0",
            "18.12,18.17 1",
            "20.3,20.11 1",
            "21.3,23.1 1",
            "24.3,24.6 1",
        ];
        assert_eq!(blocks(text), want);
    }

    fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
        for e in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = e.path();
            if path.is_dir() && !path.ends_with("testdata") {
                sources(&path, out);
            } else if path.extension().is_some_and(|x| x == "go") {
                out.push(path);
            }
        }
    }

    /// With `GOSUB_GO` naming a go command and `GOSUB_COVER` a directory: compares all its
    /// files with what `go tool cover` says.
    #[test]
    fn agrees_with_go_over_a_directory() {
        let (Some(go), Some(dir)) = (
            std::env::var_os("GOSUB_GO"),
            std::env::var_os("GOSUB_COVER"),
        ) else {
            return;
        };
        let mut files = Vec::new();
        sources(Path::new(&dir), &mut files);
        let mut bad = Vec::new();
        for f in &files {
            let out = std::process::Command::new(&go)
                .args(["tool", "cover", "-mode=set", "-var=GoCover"])
                .arg(f)
                .output()
                .expect("go runs");
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let Some((_, table)) = text.rsplit_once("\nvar GoCover = struct {") else {
                continue;
            };
            let numbers = |line: &str| -> Vec<u32> {
                let words = line.split("//").next().unwrap_or("").split(',');
                let number = |w: &str| match w.trim().strip_prefix("0x") {
                    Some(h) => u32::from_str_radix(h, 16).ok(),
                    None => w.trim().parse().ok(),
                };
                words.filter_map(number).collect()
            };
            let lines: Vec<_> = table.lines().map(numbers).collect();
            let places = lines.iter().filter(|l| l.len() == 3);
            let counts = lines.iter().filter(|l| l.len() == 1);
            let mut want: Vec<_> = places.zip(counts).map(|(p, n)| (p, n[0])).collect();
            want.sort_by_key(|(p, _)| (p[0], p[2] & 0xffff, p[1], p[2] >> 16));
            let want: Vec<String> = want
                .iter()
                .map(|(p, n)| format!("{}.{},{}.{} {n}", p[0], p[2] & 0xffff, p[1], p[2] >> 16))
                .collect();
            let text = std::fs::read_to_string(f).expect("a readable file");
            let got = blocks(&text);
            if got != want {
                let i = got.iter().zip(&want).take_while(|(a, b)| a == b).count();
                let at = |v: &[String]| v.get(i).cloned().unwrap_or_default();
                bad.push(format!("{}: {:?} {:?}", f.display(), at(&got), at(&want)));
            }
        }
        eprintln!("{} files, {} differ", files.len(), bad.len());
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    }
}
