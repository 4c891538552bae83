//! From file names to checked packages: reads sources, parses, finds imports in the
//! embedded standard library, checks packages in import order.

use rustc_hash::FxHashMap as HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::diag::{Diagnostic, SYNTAX, Severity};
use crate::base::span::{FileId, SourceMap, Span};
use crate::lower;
use crate::stdlib::reach::{self, Reach};
use crate::syntax::ast::{Ast, Decl, ImportSpec};
use crate::syntax::parse::{Head, ParseOptions, parse_one, parse_pieces, parse_text};
use crate::types::check::{
    CheckOptions, Importer, check_body, check_labels, check_later, check_package,
};
use crate::types::info::CheckedPackage;
use crate::types::ty::Pkg;

/// What the machine itself needs of the library.
pub(crate) const ALWAYS: &[(&str, &str)] = &[
    ("runtime", "PanicNilError"),
    ("runtime", "errorString"),
    ("runtime", "boundsError"),
    ("runtime", "plainError"),
    ("runtime", "TypeAssertionError"),
    ("runtime", "panicText"),
];

/// A loaded program.
pub struct Loaded {
    pub sources: SourceMap,
    /// Imported packages first, `main` last. Empty when there are errors.
    pub packages: Vec<CheckedPackage>,
    pub diagnostics: Vec<Diagnostic>,
    /// Where the bodies of library functions are that `packages` leave out.
    pub bodies: Box<Bodies>,
}

/// Parses and checks the bodies of library functions when they are needed.
#[derive(Default)]
pub struct Bodies {
    packages: HashMap<String, Pkg>,
    /// By file number in the library.
    files: HashMap<u32, (FileId, Pkg, Head)>,
    /// The files of package `runtime` when nothing of it is in the program, with the number
    /// it is to have.
    machine: Option<(Vec<(String, FileId)>, u32)>,
}

impl Bodies {
    /// The bodies, given the sources of the program that they were loaded with.
    pub fn within(self, sources: Arc<SourceMap>) -> Box<dyn lower::Bodies> {
        Box::new(Within(self, sources))
    }
}

struct Within(Bodies, Arc<SourceMap>);

impl lower::Bodies for Within {
    fn body(&mut self, number: u32) -> CheckedPackage {
        let (file, span) = reach::item_text(number);
        let (id, pkg, head) = &self.0.files[&file];
        let mut ast = Ast::default();
        let mut found = parse_one(&mut ast, &self.1, *id, span, head);
        let mut imports = Imports(&self.0.packages);
        let (p, more) = check_body(ast, &self.1, *pkg, &mut imports, &LIBRARY);
        found.extend(more);
        debug_assert!(found.is_empty(), "{found:?}");
        p
    }

    fn machine(&mut self) -> Option<CheckedPackage> {
        let (ids, index) = self.0.machine.take()?;
        let pieces = machine_pieces();
        let mut ast = Ast::default();
        let mut heads = Vec::new();
        for p in pieces {
            let id = ids.iter().find(|i| i.0 == p.name)?.1;
            let found = parse_pieces(&mut ast, &self.1, id, &p.spans);
            debug_assert!(found.is_empty(), "{found:?}");
            heads.push((id, p.file, p.heads));
        }
        for f in &mut ast.files {
            f.imports.retain(|i| i.path == "unsafe");
        }
        let mut imports = Imports(&self.0.packages);
        let (mut p, found) = check_later(ast, &self.1, "runtime", index, &mut imports, &LIBRARY);
        debug_assert!(found.is_empty(), "{found:?}");
        note_heads(&mut p, &heads, &self.1, &mut self.0.files);
        self.0.packages.insert("runtime".into(), p.info.pkg);
        Some(p)
    }
}

/// What the machine needs of package `runtime` when nothing else does.
fn machine_pieces() -> Vec<reach::Piece> {
    let mut reach = Reach::new();
    reach.machine();
    for (p, name) in ALWAYS {
        reach.ask(p, name);
    }
    reach.pieces("runtime", false)
}

/// A file, its number in the library, and the functions of it that are declared without their
/// bodies: where they begin, their items.
type FileHeads = (FileId, u32, Vec<(usize, u32)>);

/// Notes where the bodies are that `p` leaves out.
fn note_heads(
    p: &mut CheckedPackage,
    heads: &[FileHeads],
    sources: &SourceMap,
    files: &mut HashMap<u32, (FileId, Pkg, Head)>,
) {
    for (id, number, heads) in heads {
        let Some(f) = p.ast.files.iter().find(|f| f.id == *id) else {
            continue;
        };
        let base = sources.file(*id).base;
        // In source order, as the heads are.
        for d in &f.decls {
            if let Decl::Func(d) = d
                && let at = (p.ast.ident(d.name).span.lo - base) as usize
                && let Some(i) = heads.partition_point(|h| h.0 <= at).checked_sub(1)
                && p.ast.func(d.func).body.is_none()
                && reach::item_text(heads[i].1).1.contains(&at)
            {
                p.later.insert(d.func, heads[i].1);
            }
        }
        let alias = |i: &ImportSpec| i.alias.map(|a| p.ast.name(a));
        let imports = f.imports.iter().map(|i| (alias(i), i.path.clone()));
        let head = Head {
            package: p.ast.name(f.package),
            imports: imports.collect(),
        };
        files.insert(*number, (*id, p.info.pkg, head));
    }
}

/// How library code is checked.
const LIBRARY: CheckOptions = CheckOptions {
    ignore_missing_main: true,
    go_version: 27,
    stdlib: true,
};

impl Loaded {
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|d| d.severity == Severity::Error)
    }
}

struct Loader {
    sources: SourceMap,
    packages: Vec<CheckedPackage>,
    by_path: HashMap<String, Pkg>,
    /// Paths of the program's own packages.
    mine: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    /// Packages being loaded, outermost first: for import cycles.
    active: Vec<String>,
    /// What the program needs of the library.
    reach: Reach,
    /// Bodies of library functions are not left out.
    whole: bool,
    /// Library files with bodies left out.
    files: HashMap<u32, (FileId, Pkg, Head)>,
    /// Files of package `runtime`, when it is left out.
    machine: Option<Vec<(String, FileId)>>,
}

struct Imports<'a>(&'a HashMap<String, Pkg>);
impl Importer for Imports<'_> {
    fn import(&mut self, path: &str) -> Option<Pkg> {
        if path == "unsafe" {
            return Some(crate::types::universe::unsafe_pkg());
        }
        self.0.get(path).copied()
    }
    fn names(&self, path: &str) -> Vec<&'static str> {
        crate::stdlib::reach::names(path).collect()
    }
}

/// Whether only the library itself may import a package.
fn internal(path: &str) -> bool {
    path.split('/').any(|part| part == "internal")
}

/// What reading a source file can end in.
pub fn read_source(path: &Path) -> Result<String, String> {
    let name = path.display();
    let meta = std::fs::metadata(path).map_err(|e| format!("{name}: {}", io_text(&e)))?;
    if meta.is_dir() {
        return Err(format!("{name}: is a directory"));
    }
    let bytes = std::fs::read(path).map_err(|e| format!("{name}: {}", io_text(&e)))?;
    if bytes.len() > u32::MAX as usize / 2 {
        return Err(format!("{name}: file too large"));
    }
    if let Some(what) = no_text(&bytes) {
        return Err(format!("{name}: {what}"));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(s) => s,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    })
}

/// What a file is that cannot be a source text.
fn no_text(bytes: &[u8]) -> Option<&'static str> {
    /// So many zero bytes at the beginning are no slip of an editor.
    const ZEROS: usize = 8;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Some("UTF-16 text; Go's sources are UTF-8");
    }
    let head = &bytes[..bytes.len().min(1024)];
    let zeros = head.iter().filter(|b| **b == 0).count();
    (zeros >= ZEROS).then_some("a binary file, not Go source")
}

/// An error of the system in Go's words.
pub fn io_text(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => e.to_string(),
    }
}

/// Loads a program from files on disk, given as (printed name, text).
pub fn load_program(files: &[(String, String)], opts: &CheckOptions) -> Loaded {
    let place = |name: &String| std::path::absolute(name).unwrap_or_else(|_| name.into());
    let unit = Unit {
        path: "main".to_string(),
        files: files
            .iter()
            .map(|(name, text)| (name.clone(), place(name), text.clone()))
            .collect(),
    };
    load_units(&[unit], opts)
}

/// Loads what has been reached of a library package, and of all that it imports.
pub fn load_library(path: &str, reach: Reach) -> Loaded {
    let mut l = Loader::new(reach, true);
    l.standard(path);
    l.loaded()
}

/// As [`load_library`], without the bodies that can come later.
#[cfg(test)]
pub fn load_heads(path: &str, reach: Reach) -> Loaded {
    let mut l = Loader::new(reach, false);
    l.standard(path);
    l.loaded()
}

/// A package given by its files (printed name, place, text).
pub struct Unit {
    /// Import path.
    pub path: String,
    pub files: Vec<(String, PathBuf, String)>,
}

/// Loads packages that may import each other in order; the last one is `main`.
pub fn load_units(units: &[Unit], opts: &CheckOptions) -> Loaded {
    load_units_with(units, opts, false)
}

/// As [`load_units`]; `whole`: with the bodies of all library functions, for a process that
/// divides into many.
pub fn load_units_with(units: &[Unit], opts: &CheckOptions, whole: bool) -> Loaded {
    let mut l = Loader::new(Reach::new(), whole);
    l.units(units, opts);
    if !l.diagnostics.is_empty() {
        let names = crate::script::by_name();
        let meant = |name: &str| match names.get(name).map(Vec::as_slice) {
            Some([path]) => Some(path.to_string()),
            _ => None,
        };
        crate::explain::advice::add(&mut l.diagnostics, &l.sources, &meant);
    }
    l.loaded()
}

/// A program that grows: the interactive session's packages.
pub struct Growing {
    loader: Loader,
    /// The package all inputs belong to.
    pub pkg: Pkg,
}

impl Growing {
    /// Starts with these packages, `main` last.
    pub fn new(
        units: &[Unit],
        opts: &CheckOptions,
    ) -> Result<(Growing, Vec<CheckedPackage>), Box<Loaded>> {
        // What later inputs will name is not known.
        let mut loader = Loader::new(Reach::everything(), true);
        loader.units(units, opts);
        let packages = std::mem::take(&mut loader.packages);
        let diagnostics = std::mem::take(&mut loader.diagnostics);
        if !diagnostics.is_empty() {
            return Err(Box::new(Loaded {
                sources: loader.sources,
                packages,
                diagnostics,
                bodies: Box::default(),
            }));
        }
        let pkg = Pkg::new(crate::types::ty::Package {
            path: "main".into(),
            name: crate::base::intern::Name::new("main"),
            scope: Default::default(),
            imports: Default::default(),
            index: u32::MAX - 1,
        });
        Ok((Growing { loader, pkg }, packages))
    }

    pub fn sources(&self) -> &SourceMap {
        &self.loader.sources
    }

    /// Adds a text to the sources.
    pub fn add(&mut self, name: &str, text: &str) -> Result<FileId, String> {
        self.loader
            .sources
            .add(name, Path::new(name), text.to_string())
    }

    /// The standard package of this path, loaded if need be.
    pub fn import(&mut self, path: &str) -> Option<Pkg> {
        if !self.loader.standard(path) {
            return None;
        }
        self.loader.by_path.get(path).copied()
    }

    /// Checks one more file of the package. Imported packages come with it, first.
    pub fn check(
        &mut self,
        ast: Ast,
        opts: &CheckOptions,
    ) -> (Vec<CheckedPackage>, CheckedPackage, Vec<Diagnostic>) {
        let mut missing = Vec::new();
        let imports: Vec<(String, Span)> = ast
            .files
            .iter()
            .flat_map(|f| f.imports.iter().map(|i| (i.path.clone(), i.path_span)))
            .collect();
        for (p, span) in imports {
            if internal(&p) {
                let text = format!("use of internal package {p} not allowed");
                missing.push(Diagnostic::error("BrokenImport", span, text));
            } else if !self.loader.standard(&p) {
                let text = crate::explain::absent::message(&p);
                missing.push(Diagnostic::error("BrokenImport", span, text));
            }
        }
        let mut imports = Imports(&self.loader.by_path);
        let (checked, mut diags) = crate::types::check::check_more(
            ast,
            &self.loader.sources,
            self.pkg,
            &mut imports,
            opts,
        );
        if !missing.is_empty() {
            diags.retain(|d| d.code != "BrokenImport");
            diags.extend(missing);
        }
        diags.append(&mut self.loader.diagnostics);
        (std::mem::take(&mut self.loader.packages), checked, diags)
    }
}

impl Loader {
    fn new(reach: Reach, whole: bool) -> Loader {
        Loader {
            sources: SourceMap::new(),
            packages: Vec::new(),
            by_path: HashMap::default(),
            mine: Vec::new(),
            diagnostics: Vec::new(),
            active: Vec::new(),
            reach,
            whole,
            files: HashMap::default(),
            machine: None,
        }
    }

    fn loaded(self) -> Loaded {
        let index = self.packages.len() as u32;
        Loaded {
            sources: self.sources,
            packages: self.packages,
            diagnostics: self.diagnostics,
            bodies: Box::new(Bodies {
                packages: self.by_path,
                files: self.files,
                machine: self.machine.map(|ids| (ids, index)),
            }),
        }
    }

    /// Loads packages that may import each other in order, after what they need.
    fn units(&mut self, units: &[Unit], opts: &CheckOptions) {
        let mut parsed = Vec::new();
        for u in units {
            let mut ast = Ast::default();
            let (good, script) = self.parse(&mut ast, u);
            if script {
                crate::script::add_imports(&mut ast, &|_| false);
            }
            self.reach.program(&ast);
            // Syntax errors stop here, as in Go, but labels have been looked at.
            if good {
                parsed.push((u.path.as_str(), ast, script));
            } else {
                let more = check_labels(&ast, &self.sources, opts);
                self.diagnostics.extend(more);
            }
        }
        self.reach.machine();
        // At the first panic, if nothing in the program can look at it before.
        let later = !self.whole && !self.reach.has("runtime");
        if !later {
            for (p, name) in ALWAYS {
                self.reach.ask(p, name);
            }
        }
        if parsed.len() < units.len() {
            return;
        }
        if later {
            let mut ids = Vec::new();
            for (name, text) in reach::sources("runtime") {
                let shown = format!("$GOSUB/{name}");
                if let Ok(id) = self.sources.add(shown.clone(), Path::new(&shown), text) {
                    ids.push((name.to_string(), id));
                }
            }
            self.machine = Some(ids);
        } else {
            self.standard("runtime");
        }
        for (path, ast, script) in parsed {
            self.check(path, ast, opts, script);
            if self
                .diagnostics
                .iter()
                .any(|d| d.severity == Severity::Error)
            {
                break;
            }
        }
    }

    /// Loads a standard package, once. False: there is none.
    fn standard(&mut self, path: &str) -> bool {
        if self.by_path.contains_key(path) || path == "unsafe" {
            return true;
        }
        if self.active.iter().any(|p| p == path) {
            return true;
        }
        let pieces = self.reach.pieces(path, self.whole);
        if pieces.is_empty() {
            return false;
        }
        let mut ast = Ast::default();
        let mut heads = Vec::new();
        for p in pieces {
            let shown = format!("$GOSUB/{}", p.name);
            if let Ok(id) = self.sources.add(shown.clone(), Path::new(&shown), p.text) {
                let d = parse_pieces(&mut ast, &self.sources, id, &p.spans);
                self.diagnostics.extend(d);
                if !p.heads.is_empty() {
                    heads.push((id, p.file, p.heads));
                }
            }
        }
        // What nothing reached uses need not be there.
        for f in &mut ast.files {
            f.imports
                .retain(|i| i.path == "unsafe" || self.reach.has(&i.path));
        }
        self.active.push(path.to_string());
        self.check(path, ast, &LIBRARY, false);
        self.active.pop();
        let p = self.packages.last_mut().expect("just checked");
        note_heads(p, &heads, &self.sources, &mut self.files);
        true
    }

    /// Parses the files of a package: whether there are no syntax errors (those without a
    /// code), and whether it is a script.
    fn parse(&mut self, ast: &mut Ast, unit: &Unit) -> (bool, bool) {
        let before = self.diagnostics.len();
        let mut script = false;
        for (name, full, text) in &unit.files {
            // One file that is not a .go file may be a script.
            let go = full.extension().is_some_and(|e| e == "go");
            let may = unit.path == "main" && unit.files.len() == 1 && !go;
            let mut text = text.clone();
            if text.contains("//go:embed ") {
                let (with_files, errors) = crate::embedded_files::expand(&text, full);
                text = with_files;
                for (line, e) in errors {
                    let e = format!("{name}:{line}:12: {e}");
                    self.diagnostics.push(Diagnostic::error("", Span::NONE, e));
                }
            }
            match self.sources.add(name.clone(), full, text) {
                Ok(id) => {
                    let opts = ParseOptions {
                        script: may,
                        ..ParseOptions::default()
                    };
                    let (d, is, _) = parse_text(ast, &self.sources, id, &opts);
                    script |= is;
                    self.diagnostics.extend(d);
                }
                Err(e) => self
                    .diagnostics
                    .push(Diagnostic::error(SYNTAX, Span::NONE, e)),
            }
        }
        let good = !self.diagnostics[before..].iter().any(Diagnostic::is_syntax);
        (good, script)
    }

    /// Whether a place is in a source that gosub itself wrote; only those have no full path.
    fn own(&self, span: Span) -> bool {
        let file = self.sources.file_of(span.lo);
        file.is_some_and(|(_, f)| f.path.is_relative())
    }

    /// Loads what a package imports, then checks it.
    fn check(&mut self, path: &str, ast: Ast, opts: &CheckOptions, script: bool) {
        let imports: Vec<(String, Span)> = ast
            .files
            .iter()
            .flat_map(|f| f.imports.iter().map(|i| (i.path.clone(), i.path_span)))
            .collect();
        for (p, span) in imports {
            if !opts.stdlib && internal(&p) && !self.mine.contains(&p) && !self.own(span) {
                let text = format!("use of internal package {p} not allowed");
                let error = Diagnostic::error("BrokenImport", span, text);
                self.diagnostics.push(error);
            } else if !self.standard(&p) && !p.is_empty() {
                let text = crate::explain::absent::message(&p);
                let error = Diagnostic::error("BrokenImport", span, text);
                self.diagnostics.push(error);
            }
        }
        let index = self.packages.len() as u32;
        let mut imports = Imports(&self.by_path);
        let (mut checked, mut diags) =
            check_package(ast, &self.sources, path, index, &mut imports, opts);
        if script {
            crate::script::soften(&mut diags);
            diags.extend(crate::script::early_uses(&checked.ast, &checked.info));
            if diags.iter().all(|d| d.severity != Severity::Error) {
                diags.extend(crate::script::unused(&checked.info, &diags));
            }
            // Its statements do this in their turn.
            checked.info.init_order.clear();
        }
        // A missing package has been reported above.
        let reported: Vec<Span> = self
            .diagnostics
            .iter()
            .filter(|d| d.code == "BrokenImport")
            .map(|d| d.span)
            .collect();
        diags.retain(|d| !(d.code == "BrokenImport" && reported.contains(&d.span)));
        self.diagnostics.extend(diags);
        self.by_path.insert(path.to_string(), checked.info.pkg);
        if !opts.stdlib {
            self.mine.push(path.to_string());
        }
        self.packages.push(checked);
    }
}
