//! What there is to test: packages by directories, `dir/...` patterns and files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::constraint;

/// A source file: how messages call it, and where it is.
#[derive(Debug, Clone)]
pub struct File {
    pub shown: String,
    pub full: PathBuf,
}

/// The files of one directory (or those named on the command line).
#[derive(Debug)]
pub struct Package {
    /// Import path.
    pub path: String,
    pub dir: PathBuf,
    pub files: Vec<File>,
}

/// Whether a file holds tests by its name.
pub fn is_test(name: &str) -> bool {
    name.ends_with("_test.go") || name.ends_with("_test.gosub")
}
fn is_source(name: &str) -> bool {
    (name.ends_with(".go") || name.ends_with(".gosub")) && !name.starts_with(['_', '.'])
}

impl Package {
    pub fn has_tests(&self) -> bool {
        self.files.iter().any(|f| is_test(&f.shown))
    }
}

/// Packages named on the command line, in order.
pub fn packages(names: &[String]) -> Result<Vec<Package>, String> {
    if names.is_empty() {
        let p = directory(Path::new("."))?;
        return p
            .map(|p| vec![p])
            .ok_or_else(|| "no Go files in .".to_string());
    }
    if names.iter().any(|n| is_source(base(Path::new(n)))) {
        return Ok(vec![listed(names)?]);
    }
    let mut out = Vec::new();
    for n in names {
        match n.strip_suffix("...") {
            Some(root) => {
                let root = if root.is_empty() { "." } else { root };
                walk(Path::new(root), &mut out)?;
            }
            None => match directory(Path::new(n))? {
                Some(p) => out.push(p),
                None => return Err(format!("no Go files in {n}")),
            },
        }
    }
    // A directory named twice is one package.
    let mut seen = std::collections::HashSet::new();
    out.retain(|p| seen.insert(p.dir.clone()));
    if out.is_empty() {
        eprintln!("gosub: warning: {:?} matched no packages", names.join(" "));
    }
    Ok(out)
}

fn base(p: &Path) -> &str {
    p.file_name().and_then(|n| n.to_str()).unwrap_or("")
}

/// Files given by name: one package, as the go command calls it.
fn listed(names: &[String]) -> Result<Package, String> {
    let mut dir = None;
    let mut files = Vec::new();
    for n in names {
        let p = Path::new(n);
        if !is_source(base(p)) {
            return Err(format!("named files must be .go or .gosub files: {n}"));
        }
        if !p.is_file() {
            return Err(format!("{n}: no such file or directory"));
        }
        let full = std::path::absolute(p).map_err(|e| e.to_string())?;
        let d = full.parent().unwrap_or(Path::new("/")).to_path_buf();
        match &dir {
            None => dir = Some(d),
            Some(old) if *old != d => {
                return Err(format!(
                    "named files must all be in one directory; have {} and {}",
                    old.display(),
                    d.display()
                ));
            }
            _ => {}
        }
        files.push(File {
            shown: shown(p),
            full,
        });
    }
    Ok(Package {
        path: "command-line-arguments".into(),
        dir: dir.unwrap_or_default(),
        files,
    })
}

/// How messages call a file: as the go command, relative names start with `./`.
fn shown(p: &Path) -> String {
    let text = p.strip_prefix("./").unwrap_or(p).display().to_string();
    if p.is_absolute() || text.starts_with("..") || text.contains('/') {
        text
    } else {
        format!("./{text}")
    }
}

/// The package in a directory; None without source files.
fn directory(dir: &Path) -> Result<Option<Package>, String> {
    let list = std::fs::read_dir(dir).map_err(|e| {
        if e.kind() == std::io::ErrorKind::NotFound {
            format!("directory {} not found", dir.display())
        } else {
            format!("{}: {e}", dir.display())
        }
    })?;
    let mut files = BTreeMap::new();
    for e in list.flatten() {
        let path = e.path();
        let name = base(&path).to_string();
        if is_source(&name) && path.is_file() && constraint::keeps(&path) {
            files.insert(name, path);
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    let full_dir = std::fs::canonicalize(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let files = files.into_iter().map(|(name, path)| File {
        shown: shown(&path),
        full: full_dir.join(name),
    });
    Ok(Some(Package {
        path: import_path(&full_dir),
        files: files.collect(),
        dir: full_dir,
    }))
}

/// Import path of a directory: below a go.mod its module's, else the directory's name.
fn import_path(dir: &Path) -> String {
    let mut at = Some(dir);
    while let Some(d) = at {
        if let Ok(text) = std::fs::read_to_string(d.join("go.mod")) {
            let module = text
                .lines()
                .find_map(|l| l.trim().strip_prefix("module "))
                .map(|m| m.trim().trim_matches('"').to_string());
            if let (Some(m), Ok(rest)) = (module, dir.strip_prefix(d)) {
                let rest = rest.display().to_string();
                return if rest.is_empty() {
                    m
                } else {
                    format!("{m}/{rest}")
                };
            }
        }
        at = d.parent();
    }
    let name = base(dir);
    if name.is_empty() || !crate::stdlib::reach::sources(name).is_empty() || name == "main" {
        return format!("_{}", dir.display());
    }
    name.to_string()
}

/// The directory that a relative or absolute path on the command line means.
pub fn place(name: &str) -> Option<PathBuf> {
    let path =
        name == "." || name == ".." || ["./", "../", "/"].iter().any(|p| name.starts_with(p));
    path.then(|| std::fs::canonicalize(name).ok()).flatten()
}

fn walk(dir: &Path, out: &mut Vec<Package>) -> Result<(), String> {
    if let Some(p) = directory(dir)? {
        out.push(p);
    }
    let mut below: Vec<PathBuf> = std::fs::read_dir(dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?
        .flatten()
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .map(|e| e.path())
        .filter(|p| {
            let n = base(p);
            !n.starts_with(['.', '_']) && n != "testdata" && n != "vendor"
        })
        .collect();
    below.sort();
    for d in below {
        walk(&d, out)?;
    }
    Ok(())
}
