//! Turns `grammar/gosub.lalrpop` into the parser tables, and `stdlib/*.gosub` into the
//! embedded library: texts, and the tables by which a program gets only the declarations
//! it can reach (`src/stdlib/reach.rs` says what they mean). Also computes the table of
//! `math/rand` (`src/stdlib/lagged.rs`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::path::PathBuf;

#[path = "src/stdlib/items.rs"]
mod items;
use items::{Item, Kind};
#[path = "src/stdlib/lagged.rs"]
mod lagged;

fn main() {
    let env = |name: &str| std::env::var(name).unwrap_or_default();
    if env("CARGO_CFG_TARGET_OS") == "linux" {
        // At a fixed address the program starts without relocating its tables: half a
        // megabyte of them would be read, written and paged in at every start.
        println!("cargo:rustc-link-arg-bins=-no-pie");
        if env("CARGO_CFG_TARGET_ENV") == "gnu" && env("HOST") == env("TARGET") {
            all_in_one();
        }
    }
    println!("cargo:rerun-if-changed=grammar");
    println!("cargo:rerun-if-changed=stdlib");
    println!("cargo:rerun-if-changed=src/stdlib/items.rs");
    println!("cargo:rerun-if-changed=src/stdlib/lagged.rs");
    lalrpop::Configuration::new()
        .use_cargo_dir_conventions()
        .set_in_dir("grammar")
        .emit_rerun_directives(true)
        .process()
        .expect("the grammar must compile");

    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets this");
    let mut names: Vec<String> = std::fs::read_dir("stdlib")
        .expect("the stdlib folder")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.ends_with(".gosub"))
        .collect();
    names.sort_by_key(|n| (stem(n).to_string(), n.clone()));
    let texts: Vec<String> = names
        .iter()
        .map(|n| std::fs::read_to_string(format!("stdlib/{n}")).expect("a readable source"))
        .collect();
    let mut table = String::from("static FILES: &[(&str, &str)] = &[\n");
    for n in &names {
        writeln!(
            table,
            "    ({n:?}, include_str!({:?})),",
            format!("{root}/stdlib/{n}")
        )
        .expect("a string");
    }
    table.push_str("];\n");
    table.push_str(&Index::of(&names, &texts).tables());
    let out = std::env::var("OUT_DIR").expect("cargo sets this");
    std::fs::write(format!("{out}/stdlib_table.rs"), table).expect("OUT_DIR is writable");
    std::fs::write(
        format!("{out}/lagged_table.rs"),
        format!("{:?}", lagged::mixture()),
    )
    .expect("OUT_DIR is writable");
}

/// Links the C library and the compiler's support for unwinding into the command, where there
/// is a C compiler that has them: the command then starts without a dynamic linker, which would
/// look up two hundred names at every start, and runs wherever there is a Linux.
fn all_in_one() {
    let Some(eh) = archive("gcc_eh") else { return };
    let folder = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets this")).join("whole");
    std::fs::create_dir_all(&folder).expect("OUT_DIR is writable");
    // The compiler asks for the shared libraries by name; under these names stand scripts for
    // the linker that lead to the others.
    let scripts = [
        ("gcc_s", &["gcc_eh", "gcc", "c"][..]),
        ("c", &["c", "gcc", "gcc_eh"]),
        ("m", &["m"]),
        ("dl", &["dl"]),
        ("rt", &["rt"]),
        ("util", &["util"]),
        ("pthread", &["pthread"]),
    ];
    for (name, parts) in scripts {
        let parts: Option<Vec<String>> = parts
            .iter()
            .map(|p| Some(archive(p)?.display().to_string()))
            .collect();
        let Some(parts) = parts else {
            // Without a C library to link in, the unwinder is at least not loaded.
            let path = eh.parent().expect("a file's folder");
            println!("cargo:rustc-link-search=native={}", path.display());
            println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
            return;
        };
        let script = format!("GROUP({})\n", parts.join(" "));
        std::fs::write(folder.join(format!("lib{name}.so")), script).expect("OUT_DIR is writable");
    }
    println!("cargo:rustc-link-arg-bins=-L{}", folder.display());
    println!("cargo:rustc-link-arg-bins=-static");
}

/// Where the C compiler has a static library.
fn archive(name: &str) -> Option<PathBuf> {
    let asked = std::process::Command::new("cc")
        .arg(format!("-print-file-name=lib{name}.a"))
        .output();
    let path = PathBuf::from(String::from_utf8_lossy(&asked.ok()?.stdout).trim());
    path.is_absolute().then_some(path)
}

/// The package a file belongs to: `x+part.gosub` is a part of package `x`.
fn stem(file: &str) -> &str {
    let base = file.trim_end_matches(".gosub");
    base.split('+').next().unwrap_or(base)
}

/// All items of the library; files in the order of the table.
struct Index<'a> {
    files: &'a [String],
    /// Stems in order, each with its files.
    packages: Vec<(&'a str, std::ops::Range<usize>)>,
    /// With their files.
    items: Vec<(usize, Item<'a>)>,
    /// Import names of each file, with the stem of the package.
    imports: Vec<HashMap<String, String>>,
}

/// Import names in the import items of a file.
fn imports(text: &str, items: &[Item]) -> HashMap<String, String> {
    let mut out = HashMap::new();
    for it in items.iter().filter(|it| it.kind == Kind::Import) {
        for line in text[it.span.0..it.span.1].lines() {
            let mut parts = line.split('"');
            let (Some(before), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let mut last = path.rsplit('/');
            let mut name = last.next().unwrap_or(path);
            if name == "v2" {
                name = last.next().unwrap_or(name);
            }
            if let Some(alias) = before
                .split_whitespace()
                .rfind(|w| *w != "import" && *w != "(")
            {
                assert!(alias != ".", "the library uses no dot imports");
                name = alias;
            }
            out.insert(name.to_string(), path.replace('/', "_"));
        }
    }
    out
}

impl<'a> Index<'a> {
    fn of(files: &'a [String], texts: &'a [String]) -> Index<'a> {
        let mut ix = Index {
            files,
            packages: Vec::new(),
            items: Vec::new(),
            imports: Vec::new(),
        };
        for (f, text) in texts.iter().enumerate() {
            let items = items::items(text);
            ix.imports.push(imports(text, &items));
            ix.items.extend(items.into_iter().map(|it| (f, it)));
            let s = stem(&files[f]);
            match ix.packages.last_mut() {
                Some((last, range)) if *last == s => range.end = f + 1,
                _ => ix.packages.push((s, f..f + 1)),
            }
        }
        ix
    }

    fn package_of(&self, file: usize) -> usize {
        let s = stem(&self.files[file]);
        self.packages.partition_point(|p| p.0 < s)
    }

    fn tables(&self) -> String {
        // Package-level names and methods, by package.
        let mut names: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        let mut methods: BTreeSet<String> = BTreeSet::new();
        for (i, (f, it)) in self.items.iter().enumerate() {
            match it.recv {
                Some(_) => {
                    methods.insert(it.names[0].to_lowercase());
                }
                None => {
                    for n in &it.names {
                        names.entry((self.package_of(*f), n)).or_default().push(i);
                    }
                }
            }
        }
        let methods: Vec<String> = methods.into_iter().collect();
        let fold = |n: &str| methods.binary_search(&n.to_lowercase()).ok();
        let stem_index: HashMap<&str, usize> = self
            .packages
            .iter()
            .enumerate()
            .map(|(i, p)| (p.0, i))
            .collect();

        // Methods by the item with their receiver's type.
        let mut methods_of: Vec<Vec<usize>> = vec![Vec::new(); self.items.len()];
        for (i, (f, it)) in self.items.iter().enumerate() {
            let own = |r| names.get(&(self.package_of(*f), r));
            if let Some(of) = it.recv.and_then(own) {
                methods_of[of[0]].push(i);
            }
        }
        let mut methods_flat = Vec::new();
        let mut rows = String::new();
        let (mut uses_flat, mut mentions_flat) = (Vec::new(), Vec::new());
        for (i, (f, it)) in self.items.iter().enumerate() {
            let p = self.package_of(*f);
            let mut uses: BTreeSet<usize> = BTreeSet::new();
            for n in &it.plain {
                uses.extend(names.get(&(p, *n)).into_iter().flatten());
            }
            for (q, n) in &it.qualified {
                let other = self.imports[*f]
                    .get(*q)
                    .and_then(|s| stem_index.get(s.as_str()));
                uses.extend(
                    other
                        .and_then(|&o| names.get(&(o, *n)))
                        .into_iter()
                        .flatten(),
                );
            }
            let mut mentions: BTreeMap<usize, bool> = BTreeMap::new();
            // The `X` of a package's `pkg.X` is no method.
            let values = it
                .qualified
                .iter()
                .filter(|(q, _)| !self.imports[*f].contains_key(*q));
            let selected = values.map(|(_, n)| (*n, true));
            for (m, dot) in it.mentions.iter().copied().chain(selected) {
                if let Some(m) = fold(m) {
                    *mentions.entry(m).or_default() |= dot;
                }
            }
            let kind = match it.kind {
                Kind::Package | Kind::Import => "Frame",
                Kind::Func if it.recv.is_some() => "Method",
                Kind::Func if it.names == ["init"] => "Init",
                _ => "Plain",
            };
            let name = it.recv.and_then(|_| fold(it.names[0])).unwrap_or(NONE);
            writeln!(
                rows,
                "    Row {{ file: {f}, kind: ItemKind::{kind}, keyword: ({}, {}), span: ({}, {}), var: {}, body: {}, name: {name}, uses: ({}, {}), mentions: ({}, {}), methods: ({}, {}) }},",
                it.keyword.0,
                it.keyword.1,
                it.span.0,
                it.span.1,
                it.kind == Kind::Var,
                it.body,
                uses_flat.len(),
                uses_flat.len() + uses.len(),
                mentions_flat.len(),
                mentions_flat.len() + mentions.len(),
                methods_flat.len(),
                methods_flat.len() + methods_of[i].len(),
            )
            .expect("a string");
            methods_flat.extend(&methods_of[i]);
            uses_flat.extend(uses);
            mentions_flat.extend(mentions.iter().map(|(m, dot)| m * 2 + usize::from(*dot)));
        }
        let mut out = format!("static ROWS: &[Row] = &[\n{rows}];\n");
        let mut flat = |name: &str, v: &[usize]| {
            writeln!(out, "static {name}: &[u32] = &{v:?};").expect("a string");
        };
        flat("USES", &uses_flat);
        flat("MENTIONS", &mentions_flat);
        flat("METHODS_OF", &methods_flat);
        writeln!(out, "static METHODS: &[&str] = &{methods:?};").expect("a string");
        out.push_str("static PACKAGES: &[PackageRow] = &[\n");
        for (i, (s, files)) in self.packages.iter().enumerate() {
            let first = self.items.partition_point(|it| it.0 < files.start);
            let last = self.items.partition_point(|it| it.0 < files.end);
            let names: Vec<(&str, usize)> = names
                .range((i, "")..(i + 1, ""))
                .flat_map(|((_, n), items)| items.iter().map(|&it| (*n, it)))
                .collect();
            let frame: Vec<usize> = (first..last)
                .filter(|&i| {
                    let it = &self.items[i].1;
                    let init = it.kind == Kind::Func && it.recv.is_none() && it.names == ["init"];
                    init || matches!(it.kind, Kind::Package | Kind::Import)
                })
                .collect();
            writeln!(
                out,
                "    PackageRow {{ stem: {s:?}, files: ({}, {}), items: ({first}, {last}), frame: &{frame:?}, names: &{names:?} }},",
                files.start, files.end
            )
            .expect("a string");
        }
        out.push_str("];\n");
        out
    }
}

/// No item; stands for `u32::MAX` in the tables.
const NONE: usize = u32::MAX as usize;
