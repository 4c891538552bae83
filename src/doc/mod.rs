//! `gosub doc`: documentation of packages, laid out as `go doc` does.
//!
//! Works on source text with the formatter's tree ([`crate::format`]): declarations are
//! shown as they are written, with what is not exported left out.

mod text;

use crate::format::{scan, tree::*};
use crate::syntax::token::T;
use std::fmt::Write as _;

/// A package to document: its import path (empty for files) and its source texts.
pub struct Source {
    pub path: String,
    pub files: Vec<String>,
}

/// One thing a package declares.
struct Item {
    name: String,
    kind: ItemKind,
    /// The declaration as shown in full, and in one line.
    full: String,
    line: String,
    doc: String,
}

enum ItemKind {
    Const(Vec<String>),
    Var(Vec<String>),
    /// With the type it makes, if it is a constructor.
    Func(Option<String>),
    /// Method of this type.
    Method(String),
    /// With fields or methods of interfaces: name and declaration with its comments.
    Type(Vec<(String, String)>),
}

struct Package {
    name: String,
    path: String,
    doc: String,
    items: Vec<Item>,
}

/// The documentation of a package, or of `NAME` or `NAME.METHOD` in it.
pub fn document(source: &Source, symbol: Option<&str>) -> Result<String, String> {
    let p = read_package(source)?;
    let head = if p.path.is_empty() {
        format!("package {}\n\n", p.name)
    } else {
        format!("package {} // import \"{}\"\n\n", p.name, p.path)
    };
    let body = match symbol {
        None => overview(&p),
        Some(s) => p.symbol(s)?,
    };
    Ok(head + &body)
}

fn exported(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

fn read_package(source: &Source) -> Result<Package, String> {
    let mut p = Package {
        name: String::new(),
        path: source.path.clone(),
        doc: String::new(),
        items: Vec::new(),
    };
    for text in &source.files {
        let text = crate::format::format(text)
            .map_err(|e| e.first().map_or(String::new(), |d| d.message.clone()))?;
        let text = match text.strip_prefix("#!") {
            Some(t) => t.split_once('\n').map_or("", |t| t.1),
            None => &text,
        };
        let scanned = scan::scan(text).map_err(|e| e.1)?;
        let root = crate::format::read::read(text, &scanned).map_err(|f| f.message)?;
        let f = FileReader {
            text,
            scanned: &scanned,
        };
        if let Some((at, name)) = &root.package {
            p.name = f.of(name).to_string();
            let doc = f.doc_before(*at);
            if p.doc.is_empty() {
                p.doc = doc;
            }
        }
        for s in &root.items {
            if let StmtKind::Decl(d) = &s.kind {
                f.decl(d, &mut p.items);
            }
        }
    }
    Ok(p)
}

struct FileReader<'a> {
    text: &'a str,
    scanned: &'a scan::Scanned,
}

impl FileReader<'_> {
    fn of(&self, x: &Expr) -> &str {
        &self.text[x.lo..x.hi]
    }
    /// The text of the comment that ends on the line above, without comment marks.
    fn doc_before(&self, at: At) -> String {
        let lines = &self.scanned.lines;
        let groups = &self.scanned.groups;
        let i = groups.partition_point(|g| g.list[0].lo < at);
        let Some(g) = i.checked_sub(1).map(|i| &groups[i]) else {
            return String::new();
        };
        let last = &g.list[g.list.len() - 1];
        if lines.line(last.hi) + 1 != lines.line(at) {
            return String::new();
        }
        let mut out = String::new();
        for c in &g.list {
            let t = &c.text;
            if let Some(t) = t.strip_prefix("//") {
                if !t.starts_with("go:") {
                    out.push_str(t.strip_prefix(' ').unwrap_or(t));
                    out.push('\n');
                }
            } else {
                out.push_str(t.trim_start_matches("/*").trim_end_matches("*/"));
                out.push('\n');
            }
        }
        out
    }
    fn decl(&self, d: &Decl, items: &mut Vec<Item>) {
        match &d.kind {
            DeclKind::Func {
                recv,
                name,
                sig,
                body,
            } => {
                let end = body.as_ref().map_or(d.hi, |b| b.lbrace);
                let full = self.text[d.lo..end].trim_end().to_string();
                let kind = match recv {
                    Some(r) => match r.list.first() {
                        Some(f) => ItemKind::Method(base_name(self.of(&f.ty))),
                        None => return,
                    },
                    None => {
                        let first = sig.results.as_ref().and_then(|r| r.list.first());
                        ItemKind::Func(first.map(|f| base_name(self.of(&f.ty))))
                    }
                };
                items.push(Item {
                    name: self.of(name).to_string(),
                    kind,
                    line: one_line(&full),
                    full,
                    doc: self.doc_before(d.lo),
                });
            }
            DeclKind::Group {
                word,
                specs,
                lparen,
                ..
            } => match word {
                T::Const | T::Var => self.values(d, *word, specs),
                T::Type => specs
                    .iter()
                    .filter_map(|s| {
                        let at = if lparen.is_some() { s.lo } else { d.lo };
                        self.type_spec(s, at)
                    })
                    .collect(),
                _ => Vec::new(),
            }
            .into_iter()
            .for_each(|i| items.push(i)),
        }
    }
    fn values(&self, d: &Decl, word: T, specs: &[Spec]) -> Vec<Item> {
        let mut names = Vec::new();
        for s in specs {
            if let SpecKind::Value { names: n, .. } = &s.kind {
                names.extend(n.iter().map(|n| self.of(n).to_string()));
            }
        }
        let Some(name) = names.iter().find(|n| exported(n)).cloned() else {
            return Vec::new();
        };
        let full = self.text[d.lo..d.hi].to_string();
        let word_text = if word == T::Const { "const" } else { "var" };
        let first = specs.iter().find(|s| match &s.kind {
            SpecKind::Value { names, .. } => names.iter().any(|n| exported(self.of(n))),
            _ => false,
        });
        let line = match first {
            Some(s) => {
                let more = if specs.len() > 1 { " ..." } else { "" };
                format!("{word_text} {}{more}", one_line(&self.text[s.lo..s.hi]))
            }
            None => one_line(&full),
        };
        vec![Item {
            name,
            kind: if word == T::Const {
                ItemKind::Const(names)
            } else {
                ItemKind::Var(names)
            },
            line,
            full,
            doc: self.doc_before(d.lo),
        }]
    }
    fn type_spec(&self, s: &Spec, at: At) -> Option<Item> {
        let SpecKind::Type {
            name,
            tparams,
            alias,
            ty,
        } = &s.kind
        else {
            return None;
        };
        let head = match tparams {
            Some(t) => &self.text[name.lo..=t.close],
            None => self.of(name),
        };
        let eq = if *alias { "= " } else { "" };
        let (line, full, members) = match &ty.kind {
            Kind::Struct(f) | Kind::Interface(f) => {
                let word = if matches!(ty.kind, Kind::Struct(_)) {
                    "struct"
                } else {
                    "interface"
                };
                let members = self.members(f);
                let line = format!(
                    "type {head} {eq}{word}{}",
                    if f.list.is_empty() { "{}" } else { "{ ... }" }
                );
                let full = format!("type {head} {eq}{word} {}", self.braces(f, word));
                (line, full, members)
            }
            _ => {
                let full = format!("type {head} {eq}{}", self.of(ty));
                (one_line(&full), full, Vec::new())
            }
        };
        Some(Item {
            name: self.of(name).to_string(),
            kind: ItemKind::Type(members),
            line,
            full,
            doc: self.doc_before(at),
        })
    }
    /// Exported fields or methods with the lines they stand on.
    fn members(&self, f: &Fields) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for m in &f.list {
            for n in m.names.iter().filter(|n| exported(self.of(n))) {
                let mut text = String::new();
                for l in self.doc_before(m.lo).lines() {
                    let _ = writeln!(text, "    // {l}");
                }
                let _ = writeln!(text, "    {}", one_line(&self.text[m.lo..m.hi]));
                out.push((self.of(n).to_string(), text));
            }
        }
        out
    }
    /// The body of a struct or interface without what is not exported.
    fn braces(&self, f: &Fields, word: &str) -> String {
        if f.list.is_empty() {
            return "{}".to_string();
        }
        let hidden = |m: &Field| {
            if m.names.is_empty() {
                word == "struct" && !exported(&base_name(self.of(&m.ty)))
            } else {
                !m.names.iter().any(|n| exported(self.of(n)))
            }
        };
        if !f.list.iter().any(hidden) {
            return self.text[f.open..=f.close].to_string();
        }
        let mut out = String::from("{\n");
        let mut shown = 0;
        for m in f.list.iter().filter(|m| !hidden(m)) {
            for l in self.doc_before(m.lo).lines() {
                let _ = writeln!(out, "\t{}", format!("// {l}").trim_end());
            }
            let end = self.text[m.hi..].find('\n').map_or(m.hi, |e| m.hi + e);
            let _ = writeln!(out, "\t{}", self.text[m.lo..end].trim_end());
            shown += 1;
        }
        if shown > 0 {
            out.push('\n');
        }
        let what = if word == "struct" {
            "fields"
        } else {
            "methods"
        };
        let _ = write!(out, "\t// Has unexported {what}.\n}}");
        out
    }
}

/// The name in a receiver or result type: `*T[K]` gives `T`.
fn base_name(ty: &str) -> String {
    let ty = ty.trim_start_matches(['*', '(', '[', ']']);
    let end = ty
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(ty.len());
    ty[..end].to_string()
}

fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let first = lines.next().unwrap_or("").to_string();
    if lines.next().is_none() {
        return first;
    }
    match first.strip_suffix('{') {
        Some(f) => format!("{f}{{ ... }}"),
        None => format!("{first} ..."),
    }
}

fn overview(p: &Package) -> String {
    let mut out = text::plain(&p.doc, "");
    if !out.is_empty() {
        out.push('\n');
    }
    let mut any = false;
    let mut list = |lines: Vec<&str>, out: &mut String| {
        for l in lines {
            out.push_str(l);
            out.push('\n');
            any = true;
        }
    };
    let shown = |i: &&Item| exported(&i.name);
    let of = |f: &dyn Fn(&Item) -> bool| {
        let mut v: Vec<&Item> = p.items.iter().filter(shown).filter(|i| f(i)).collect();
        v.sort_by(|a, b| a.name.cmp(&b.name));
        v
    };
    let types = of(&|i| matches!(i.kind, ItemKind::Type(_)));
    let makes = |i: &Item, t: &str| matches!(&i.kind, ItemKind::Func(Some(r)) if r == t);
    let values: Vec<&Item> = p.items.iter().filter(shown).collect();
    for constant in [true, false] {
        let lines = values.iter().filter(|i| match i.kind {
            ItemKind::Const(_) => constant,
            ItemKind::Var(_) => !constant,
            _ => false,
        });
        list(lines.map(|i| i.line.as_str()).collect(), &mut out);
    }
    let funcs =
        of(&|i| matches!(i.kind, ItemKind::Func(_)) && !types.iter().any(|t| makes(i, &t.name)));
    list(funcs.iter().map(|i| i.line.as_str()).collect(), &mut out);
    for t in &types {
        let mut lines = vec![t.line.clone()];
        let made = of(&|i| makes(i, &t.name));
        lines.extend(made.iter().map(|i| format!("    {}", i.line)));
        list(lines.iter().map(String::as_str).collect(), &mut out);
    }
    out
}

/// A declaration with its comment below.
fn show(i: &Item) -> String {
    format!("{}\n{}", i.full, text::plain(&i.doc, "    "))
}

impl Package {
    /// Exact matches first, then names that differ in case.
    fn find<'i>(&'i self, name: &str, fits: &dyn Fn(&Item) -> bool) -> Option<&'i Item> {
        let same = |i: &&Item, eq: &dyn Fn(&str) -> bool| {
            let any = match &i.kind {
                ItemKind::Const(n) | ItemKind::Var(n) => n.iter().any(|n| eq(n)),
                _ => eq(&i.name),
            };
            any && fits(i)
        };
        let exact = |n: &str| n == name;
        let lower = name == name.to_lowercase();
        let fold = |n: &str| lower && n.to_lowercase() == name;
        let mut items = self.items.iter();
        items
            .find(|i| same(i, &exact))
            .or_else(|| self.items.iter().find(|i| same(i, &fold)))
    }
    fn symbol(&self, symbol: &str) -> Result<String, String> {
        let (name, member) = match symbol.split_once('.') {
            Some((n, m)) => (n, Some(m)),
            None => (symbol, None),
        };
        let top = |i: &Item| !matches!(i.kind, ItemKind::Method(_));
        let missing = || format!("no symbol {symbol} in package {}", self.name);
        let item = self.find(name, &top).ok_or_else(missing)?;
        if let Some(m) = member {
            return self.member(item, m).ok_or_else(|| {
                format!(
                    "no method or field {}.{m} in package {}",
                    item.name, self.name
                )
            });
        }
        let mut out = show(item);
        if let ItemKind::Type(_) = item.kind {
            let mut related: Vec<&Item> = self
                .items
                .iter()
                .filter(|i| exported(&i.name))
                .filter(|i| match &i.kind {
                    ItemKind::Func(Some(t)) | ItemKind::Method(t) => *t == item.name,
                    _ => false,
                })
                .collect();
            related.sort_by_key(|i| (matches!(i.kind, ItemKind::Method(_)), i.name.clone()));
            if !related.is_empty() {
                out.push('\n');
            }
            for r in related {
                let _ = writeln!(out, "{}", r.line);
            }
        } else {
            out.push('\n');
        }
        Ok(out)
    }
    fn member(&self, item: &Item, name: &str) -> Option<String> {
        let of = |i: &Item| matches!(&i.kind, ItemKind::Method(t) if *t == item.name);
        if let Some(m) = self.find(name, &of) {
            return Some(show(m) + "\n");
        }
        let ItemKind::Type(members) = &item.kind else {
            return None;
        };
        let fold = |n: &str| n == name || n.to_lowercase() == name;
        let (_, text) = members.iter().find(|(n, _)| fold(n))?;
        let (head, word) = match item.full.find('{') {
            Some(b) => (&item.full[..b], &item.full[..b]),
            None => return None,
        };
        let others = if word.contains("interface") {
            "methods"
        } else {
            "fields"
        };
        let elided = if members.len() > 1 {
            format!("\n    // ... other {others} elided ...\n")
        } else {
            String::new()
        };
        Some(format!("{head}{{\n{text}{elided}}}\n\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, document};

    const TEXT: &str = "// Package p does things.\n//\n//\tp.F(1)\npackage p\n\n// Max is the most.\nconst Max = 3\n\nvar hidden = 1\n\n// T is a thing.\ntype T struct {\n\tA int // first\n\n\tb int\n}\n\n// NewT makes one.\nfunc NewT(a int) *T {\n\treturn nil\n}\n\n// Do does it.\nfunc (t *T) Do() {}\n\n// F is called often.\nfunc F(n int) int { return n }\n";

    fn doc(symbol: Option<&str>) -> String {
        let s = Source {
            path: "x/p".into(),
            files: vec![TEXT.into()],
        };
        document(&s, symbol).expect("a symbol")
    }

    #[test]
    fn overview_of_a_package() {
        let want = "package p // import \"x/p\"\n\nPackage p does things.\n\n    p.F(1)\n\nconst Max = 3\nfunc F(n int) int\ntype T struct{ ... }\n    func NewT(a int) *T\n";
        assert_eq!(doc(None), want);
    }
    #[test]
    fn a_type_and_what_belongs_to_it() {
        let want = "package p // import \"x/p\"\n\ntype T struct {\n\tA int // first\n\n\t// Has unexported fields.\n}\n    T is a thing.\n\nfunc NewT(a int) *T\nfunc (t *T) Do()\n";
        assert_eq!(doc(Some("T")), want);
        assert_eq!(doc(Some("t")), want);
    }
    #[test]
    fn functions_methods_and_fields() {
        let head = "package p // import \"x/p\"\n\n";
        let f = "func F(n int) int\n    F is called often.\n\n";
        assert_eq!(doc(Some("F")), format!("{head}{f}"));
        let m = "func (t *T) Do()\n    Do does it.\n\n";
        assert_eq!(doc(Some("T.Do")), format!("{head}{m}"));
        assert!(doc(Some("T.A")).contains("    A int\n"));
        let s = Source {
            path: String::new(),
            files: vec![TEXT.into()],
        };
        assert!(document(&s, Some("Nope")).is_err());
        assert!(document(&s, Some("T.Nope")).is_err());
    }
}
