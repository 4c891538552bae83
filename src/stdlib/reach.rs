//! Which declarations of the library a program can reach. Only those are parsed and
//! checked, so that a program that prints a line does not pay for all of `time` and `os`.
//!
//! `build.rs` cuts the library into items (see `items`) and notes for each which others
//! it names. The closure of what the program names is taken by names alone, which is
//! wider than types would have it:
//!
//! * `pkg.X` reaches item `X` of the package; a name in an item reaches what the item's
//!   own package declares by that name;
//! * a method is reached when its receiver's type is, and its name stands anywhere in
//!   what has been reached (in any case, so that errors can speak of it);
//! * who reaches the package `reflect` reaches all methods of every type reached;
//! * a package's `init` functions are reached with its first item, or by importing it.

use crate::syntax::ast::{Ast, ExprKind};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::ops::Range;

/// What kind of item a [`Row`] is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ItemKind {
    /// Package clause or imports.
    Frame,
    Init,
    Method,
    Plain,
}

/// One item.
struct Row {
    file: u32,
    kind: ItemKind,
    /// Where the group's keyword stands, for a part of a group.
    keyword: (u32, u32),
    span: (u32, u32),
    /// Declares variables.
    var: bool,
    /// Where a function's body begins; 0: it has none.
    body: u32,
    /// A method's name in `METHODS`.
    name: u32,
    /// Items named here: a range of `USES`.
    uses: (u32, u32),
    /// Method names that stand here: a range of `MENTIONS`, where an odd number says that
    /// name `n / 2` stands behind the dot of a value, not of a package.
    mentions: (u32, u32),
    /// The methods of the type declared here: a range of `METHODS_OF`.
    methods: (u32, u32),
}

/// One package.
struct PackageRow {
    /// Its import path with `_` for `/`.
    stem: &'static str,
    files: (u32, u32),
    items: (u32, u32),
    /// Those of them that come with the package: package clauses, imports, `init` functions.
    frame: &'static [u32],
    /// Package-level names, sorted.
    names: &'static [(&'static str, u32)],
}

include!(concat!(env!("OUT_DIR"), "/stdlib_table.rs"));

/// The sources of a standard package by import path: (file name, text).
pub fn sources(path: &str) -> Vec<(&'static str, &'static str)> {
    package(path).map_or(Vec::new(), |p| FILES[range(PACKAGES[p].files)].to_vec())
}

/// The import paths of all packages, with `_` for `/`.
pub fn stems() -> impl Iterator<Item = &'static str> {
    PACKAGES.iter().map(|p| p.stem)
}

/// The package-level names of a package.
pub fn names(path: &str) -> impl Iterator<Item = &'static str> {
    let p = package(path).map_or(&[][..], |p| PACKAGES[p].names);
    p.iter().map(|n| n.0)
}

fn range(r: (u32, u32)) -> Range<usize> {
    r.0 as usize..r.1 as usize
}

fn package(path: &str) -> Option<usize> {
    let stem = path.replace('/', "_");
    PACKAGES.binary_search_by(|p| p.stem.cmp(&stem)).ok()
}

/// A part of a library file: what to read of it.
pub struct Piece {
    pub name: &'static str,
    pub text: &'static str,
    /// Byte ranges that together are declarations.
    pub spans: Vec<Range<usize>>,
    /// The file's number in the library.
    pub file: u32,
    /// Functions of which only the head is in `spans`: where they begin, their items.
    pub heads: Vec<(usize, u32)>,
    /// Something of it is needed besides its package clause and imports.
    used: bool,
}

/// The file of an item and its byte range.
pub fn item_text(item: u32) -> (u32, Range<usize>) {
    let r = &ROWS[item as usize];
    (r.file, range(r.span))
}

/// The closure of what has been asked for so far.
pub struct Reach {
    items: Bits,
    packages: Vec<bool>,
    /// By method name.
    mentioned: Bits,
    /// Methods of the reached types that nobody has mentioned, by name.
    waiting: HashMap<u32, Vec<u32>>,
    todo: Vec<u32>,
    all_methods: bool,
}

/// A set of small numbers.
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Bits {
        Bits(vec![0; len.div_ceil(64)])
    }
    fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 != 0
    }
    /// The numbers it has in a range.
    fn within(&self, r: Range<usize>) -> impl Iterator<Item = usize> {
        let mut next = r.start;
        std::iter::from_fn(move || {
            while next < r.end {
                let word = self.0[next / 64] >> (next % 64);
                if word != 0 {
                    let found = next + word.trailing_zeros() as usize;
                    next = found + 1;
                    return (found < r.end).then_some(found);
                }
                next = (next / 64 + 1) * 64;
            }
            None
        })
    }
    /// Adds a number; whether it is new.
    fn add(&mut self, i: usize) -> bool {
        let new = !self.has(i);
        self.0[i / 64] |= 1 << (i % 64);
        new
    }
}

impl Default for Reach {
    fn default() -> Reach {
        Reach::new()
    }
}

impl Reach {
    pub fn new() -> Reach {
        Reach {
            items: Bits::new(ROWS.len()),
            packages: vec![false; PACKAGES.len()],
            mentioned: Bits::new(METHODS.len()),
            waiting: HashMap::default(),
            todo: Vec::new(),
            all_methods: false,
        }
    }

    /// Everything there is, for programs that are not known beforehand.
    pub fn everything() -> Reach {
        let mut r = Reach::new();
        r.items.0.fill(u64::MAX);
        r.packages.fill(true);
        r.mentioned.0.fill(u64::MAX);
        r.all_methods = true;
        r
    }

    /// Asks for everything a package's syntax names in the library.
    pub fn program(&mut self, ast: &Ast) {
        let mut by_name = Vec::new();
        let mut dotted = Vec::new();
        for i in ast.files.iter().flat_map(|f| &f.imports) {
            let Some(p) = package(&i.path) else { continue };
            self.package(p);
            let alias = i.alias.map(|a| ast.name(a));
            match alias.map(|a| a.as_str()) {
                Some("_") => {}
                Some(".") => dotted.push(p),
                Some(a) => by_name.push((a, p)),
                None => {
                    let mut parts = i.path.rsplit('/');
                    let last = parts.next().unwrap_or("");
                    let last = if last == "v2" { parts.next() } else { None }.unwrap_or(last);
                    by_name.push((last, p));
                }
            }
        }
        for id in &ast.idents {
            let name = id.name.as_str();
            self.mention(name);
            for &p in &dotted {
                self.name(p, name);
            }
        }
        for e in &ast.exprs {
            if let ExprKind::Selector { x, sel } = &e.kind
                && let ExprKind::Ident(i) = ast.expr(*x).kind
            {
                let pkg = ast.name(i).as_str();
                for &(_, p) in by_name.iter().filter(|(n, _)| *n == pkg) {
                    self.name(p, ast.name(*sel).as_str());
                }
            }
        }
        self.close();
    }

    /// Asks for one name of a package, for the system's own use.
    pub fn ask(&mut self, path: &str, name: &str) {
        if let Some(p) = package(path) {
            self.package(p);
            self.name(p, name);
            self.close();
        }
    }

    /// Asks for a whole package.
    pub fn ask_all(&mut self, path: &str) {
        if let Some(p) = package(path) {
            self.package(p);
            for i in range(PACKAGES[p].items) {
                self.item(i as u32);
            }
            self.close();
        }
    }

    /// Asks for methods of this name, whatever their type.
    pub fn mention(&mut self, name: &str) {
        let lower = name.to_lowercase();
        if let Ok(n) = METHODS.binary_search(&lower.as_str()) {
            self.method_name(n);
            self.close();
        }
    }

    /// Asks for the methods that printing and panics call without naming them.
    pub fn machine(&mut self) {
        for m in ["Error", "String"] {
            self.mention(m);
        }
    }

    /// Whether anything of a package has been reached.
    pub fn has(&self, path: &str) -> bool {
        package(path).is_some_and(|p| self.packages[p])
    }

    /// The functions of a package whose bodies decide on the order in which its variables
    /// are initialised: those that an initialiser may call.
    fn early(&self, p: usize) -> HashSet<u32> {
        let mut methods: HashMap<u32, Vec<u32>> = HashMap::default();
        let mut todo = Vec::new();
        for i in self.items.within(range(PACKAGES[p].items)) {
            match ROWS[i].kind {
                ItemKind::Method => methods.entry(ROWS[i].name).or_default().push(i as u32),
                ItemKind::Plain if ROWS[i].var => todo.push(i as u32),
                _ => {}
            }
        }
        let mut out = HashSet::default();
        let own = range(PACKAGES[p].items);
        while let Some(i) = todo.pop() {
            let r = &ROWS[i as usize];
            let uses = USES[range(r.uses)].iter().copied();
            let uses = uses.filter(|&u| own.contains(&(u as usize)));
            let named = MENTIONS[range(r.mentions)].iter().filter(|&m| m % 2 == 1);
            let called = named.filter_map(|m| methods.get(&(m / 2)));
            for u in uses.chain(called.flatten().copied()) {
                if ROWS[u as usize].body != 0 && out.insert(u) {
                    todo.push(u);
                }
            }
        }
        out
    }

    /// What has been reached of a package; nothing but the package clause when it was
    /// never asked for. Without `whole` the bodies of functions are left out where they can
    /// be looked at later.
    pub fn pieces(&self, path: &str, whole: bool) -> Vec<Piece> {
        let Some(p) = package(path) else {
            return Vec::new();
        };
        let row = &PACKAGES[p];
        let early = if whole {
            HashSet::default()
        } else {
            self.early(p)
        };
        let mut out: Vec<Piece> = range(row.files)
            .map(|f| Piece {
                name: FILES[f].0,
                text: FILES[f].1,
                spans: Vec::new(),
                file: f as u32,
                heads: Vec::new(),
                used: false,
            })
            .collect();
        let frame = row.frame.iter().map(|&i| i as usize);
        let frame = frame.filter(|&i| !self.packages[p] && ROWS[i].kind == ItemKind::Frame);
        for i in frame.chain(self.items.within(range(row.items))) {
            let r = &ROWS[i];
            let piece = &mut out[(r.file - row.files.0) as usize];
            if r.keyword.1 > 0 {
                piece.spans.push(range(r.keyword));
            }
            let mut span = range(r.span);
            let later = r.body != 0 && r.kind != ItemKind::Init;
            piece.used |= r.kind != ItemKind::Frame;
            if later && !whole && !early.contains(&(i as u32)) {
                piece.heads.push((span.start, i as u32));
                span.end = r.body as usize;
            }
            piece.spans.push(span);
        }
        // A package has a file even if nothing of it is needed.
        let first = out.iter().position(|p| p.used).unwrap_or(0);
        out[first].used = true;
        out.retain(|p| p.used);
        out
    }

    fn package(&mut self, p: usize) {
        if std::mem::replace(&mut self.packages[p], true) {
            return;
        }
        for &i in PACKAGES[p].frame {
            // What a clause names is not used by that.
            if ROWS[i as usize].kind == ItemKind::Frame {
                self.items.add(i as usize);
            } else {
                self.item(i);
            }
        }
        if PACKAGES[p].stem == "reflect" {
            self.all_methods = true;
            for m in std::mem::take(&mut self.waiting).into_values().flatten() {
                self.item(m);
            }
        }
    }

    fn name(&mut self, p: usize, name: &str) {
        let names = PACKAGES[p].names;
        let first = names.partition_point(|n| n.0 < name);
        let mut found = names[first..].iter().take_while(|n| n.0 == name).peekable();
        if found.peek().is_some() {
            for n in found {
                self.item(n.1);
            }
            return;
        }
        // Errors tell of names that differ in case.
        for n in names.iter().filter(|n| n.0.eq_ignore_ascii_case(name)) {
            self.item(n.1);
        }
    }

    fn item(&mut self, i: u32) {
        if self.items.add(i as usize) {
            self.todo.push(i);
        }
    }

    fn method_name(&mut self, n: usize) {
        if self.mentioned.add(n) {
            for m in self.waiting.remove(&(n as u32)).into_iter().flatten() {
                self.item(m);
            }
        }
    }

    fn close(&mut self) {
        while let Some(i) = self.todo.pop() {
            let r = &ROWS[i as usize];
            let file = r.file;
            self.package(PACKAGES.partition_point(|p| p.files.1 <= file));
            for &u in &USES[range(r.uses)] {
                self.item(u);
            }
            for &m in &MENTIONS[range(r.mentions)] {
                self.method_name(m as usize / 2);
            }
            for &m in &METHODS_OF[range(r.methods)] {
                let name = ROWS[m as usize].name;
                if self.all_methods || self.mentioned.has(name as usize) {
                    self.item(m);
                } else {
                    self.waiting.entry(name).or_default().push(m);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Loaded, load_heads, load_library};

    fn messages(l: &Loaded) -> Vec<String> {
        let text = |d: &crate::base::diag::Diagnostic| {
            let at = l.sources.locate(d.span.lo);
            format!("{at:?}: {}", d.message)
        };
        l.diagnostics.iter().map(text).collect()
    }

    #[test]
    fn whole_packages_check() {
        for stem in stems() {
            let mut r = Reach::new();
            r.ask_all(stem);
            let none: Vec<String> = Vec::new();
            assert_eq!(messages(&load_library(stem, r)), none, "{stem}");
        }
    }

    /// What a name reaches is complete.
    #[test]
    fn every_name_checks_alone() {
        for stem in stems() {
            for name in names(stem) {
                let mut r = Reach::new();
                r.ask(stem, name);
                let l = load_library(stem, r);
                assert!(!l.has_errors(), "{stem}.{name}: {:?}", messages(&l));
                let p = l.packages.last().expect("the package");
                assert_eq!(p.info.pkg.path, stem);
                if name != "init" && name != "_" {
                    let scope = p.info.pkg.scope.borrow();
                    let found = scope.get(&crate::base::intern::Name::new(name));
                    assert!(found.is_some(), "{stem}.{name} is not there");
                }
            }
        }
    }

    /// Initialisation takes the same steps in the same order when bodies come later.
    #[test]
    fn bodies_left_out_decide_nothing() {
        for stem in stems() {
            let path = stem.replace('_', "/");
            let steps = |whole| {
                let mut r = Reach::new();
                r.ask_all(&path);
                let l = if whole {
                    load_library(&path, r)
                } else {
                    load_heads(&path, r)
                };
                assert_eq!(messages(&l), Vec::<String>::new(), "{path}");
                let mut out = Vec::new();
                for p in &l.packages {
                    for s in &p.info.init_order {
                        let names = s.lhs.iter().map(|o| o.name.to_string());
                        let names: Vec<String> = names.collect();
                        out.push(format!("{}.{}", p.info.pkg.path, names.join(",")));
                    }
                }
                out
            };
            assert_eq!(steps(true), steps(false), "{path}");
        }
    }

    /// What the machine needs can be declared while the program runs: it has no variables to
    /// initialise, and needs no other package.
    #[test]
    fn the_machine_needs_declarations_alone() {
        let mut r = Reach::new();
        r.machine();
        for (p, name) in crate::load::ALWAYS {
            r.ask(p, name);
        }
        let own = range(PACKAGES[package("runtime").expect("is there")].items);
        for i in (0..ROWS.len()).filter(|&i| r.items.has(i)) {
            let text = || &FILES[ROWS[i].file as usize].1[range(ROWS[i].span)];
            assert!(own.contains(&i), "{}", text());
            assert!(!ROWS[i].var && ROWS[i].kind != ItemKind::Init, "{}", text());
        }
    }

    #[test]
    fn methods_come_when_mentioned() {
        let method = |r: &Reach, name: &str| {
            let n = METHODS.binary_search(&name).expect("a method") as u32;
            let mine = |&&i: &&usize| ROWS[i].name == n && r.items.has(i);
            (0..ROWS.len())
                .collect::<Vec<_>>()
                .iter()
                .find(mine)
                .is_some()
        };
        let mut r = Reach::new();
        r.ask("strings", "Builder");
        assert!(!method(&r, "writerune"));
        r.mention("WriteRune");
        assert!(method(&r, "writerune"));
        let mut r = Reach::new();
        r.ask("container/list", "List");
        assert!(!method(&r, "movetofront"));
        r.ask("reflect", "TypeOf");
        assert!(method(&r, "movetofront"));
    }
}
