//! `gosub doc`: documentation of the library and of files.

use std::path::Path;

use super::options::exit;
use crate::doc::{Source, document};
use crate::load::read_source;
use crate::stdlib::reach;

/// Prints what `args` name: `PKG[.NAME[.METHOD]]`, `PKG NAME`, or the same with a file.
pub fn main(args: &[String]) -> i32 {
    match text(args) {
        Ok(text) => {
            print!("{text}");
            exit::OK
        }
        Err(e) => {
            eprintln!("gosub: doc: {e}");
            exit::FAILED
        }
    }
}

/// What [`main`] prints.
pub fn text(args: &[String]) -> Result<String, String> {
    let (source, symbol) = match args {
        [one] => split(one)?,
        [pkg, symbol] => (package(pkg)?, Some(symbol.clone())),
        _ => return Err("want one package and at most one name".into()),
    };
    document(&source, symbol.as_deref())
}

/// Takes `path/pkg.Name.Method` apart.
fn split(arg: &str) -> Result<(Source, Option<String>), String> {
    if let Ok(s) = package(arg) {
        return Ok((s, None));
    }
    // A file's name may hold points: cut at each of them, from the right.
    let mut at = arg.len();
    while let Some(p) = arg[..at].rfind('.') {
        if let Ok(s) = package(&arg[..p]) {
            return Ok((s, Some(arg[p + 1..].to_string())));
        }
        at = p;
    }
    Err(format!("no package or file {arg}"))
}

fn package(name: &str) -> Result<Source, String> {
    let files: Vec<String> = reach::sources(name)
        .iter()
        .map(|(_, text)| (*text).to_string())
        .collect();
    if !files.is_empty() {
        return Ok(Source {
            path: name.to_string(),
            files,
        });
    }
    if Path::new(name).is_file() {
        return Ok(Source {
            path: String::new(),
            files: vec![read_source(Path::new(name))?],
        });
    }
    // The last part of a path is enough: `rand` is `math/rand`.
    let end = format!("/{name}");
    let paths = reach::stems().map(|s| s.replace('_', "/"));
    let found = paths.filter(|p| p.ends_with(&end) && !p.starts_with("internal/"));
    match found.min_by_key(String::len) {
        Some(p) if !name.is_empty() => package(&p),
        _ => Err(format!("no package or file {name}")),
    }
}
