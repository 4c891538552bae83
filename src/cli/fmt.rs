//! `gosub fmt`: lays out source files.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use super::options::exit;
use crate::base::render::{Format, render};
use crate::format;
use crate::load::read_source;

/// What to do with the result.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FmtOptions {
    /// Files and directories; none: standard input.
    pub paths: Vec<String>,
    /// List the files whose layout differs.
    pub list: bool,
    /// Write the result to the file.
    pub write: bool,
    /// Show the differences.
    pub diff: bool,
}

/// Takes the flags of `gosub fmt`.
pub fn parse(args: impl Iterator<Item = String>) -> Result<FmtOptions, String> {
    let mut o = FmtOptions::default();
    let mut flags = true;
    for a in args {
        match a.as_str() {
            "--" if flags => flags = false,
            "-l" | "--l" | "--list" if flags => o.list = true,
            "-w" | "--w" | "--write" if flags => o.write = true,
            "-d" | "--d" | "--diff" if flags => o.diff = true,
            f if flags && f.len() > 1 && f.starts_with('-') => {
                return Err(format!("unknown flag {f} of fmt"));
            }
            _ => o.paths.push(a),
        }
    }
    if o.paths.is_empty() && o.write {
        return Err("cannot use -w with standard input".into());
    }
    Ok(o)
}

/// Runs the command; the exit code.
pub fn main(o: &FmtOptions, format: Option<Format>) -> i32 {
    let mut out = std::io::stdout().lock();
    if o.paths.is_empty() || o.paths == ["-"] {
        let mut bytes = Vec::new();
        if let Err(e) = std::io::stdin().lock().read_to_end(&mut bytes) {
            eprintln!("gosub: standard input: {e}");
            return exit::FAILED;
        }
        let Ok(text) = String::from_utf8(bytes) else {
            eprintln!("gosub: standard input: invalid UTF-8 encoding");
            return exit::FAILED;
        };
        return one("<standard input>", &text, o, format, &mut out);
    }
    let mut code = exit::OK;
    for p in &o.paths {
        let files = match files(Path::new(p)) {
            Ok(f) => f,
            Err(e) => {
                eprintln!("gosub: {e}");
                code = exit::FAILED;
                continue;
            }
        };
        for f in files {
            let name = f.display().to_string();
            let bad = match read_source(&f) {
                Ok(text) => one(&name, &text, o, format, &mut out),
                Err(e) => {
                    eprintln!("gosub: {e}");
                    exit::FAILED
                }
            };
            code = code.max(bad);
        }
    }
    code
}

/// The source files a path means: itself, or all below a directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut out = Vec::new();
    let mut todo = vec![path.to_path_buf()];
    while let Some(dir) = todo.pop() {
        let entries = std::fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        for e in entries.flatten() {
            let p = e.path();
            let hidden = e.file_name().to_string_lossy().starts_with('.');
            let Ok(kind) = e.file_type() else { continue };
            if kind.is_dir() && !hidden {
                todo.push(p);
            } else if kind.is_file()
                && !hidden
                && p.extension().is_some_and(|x| x == "go" || x == "gosub")
            {
                // As gofmt: what lies in the current directory has no "./" in front.
                out.push(p.strip_prefix(".").map_or(p.clone(), Path::to_path_buf));
            }
        }
    }
    out.sort();
    Ok(out)
}

fn one(name: &str, text: &str, o: &FmtOptions, shown: Option<Format>, out: &mut dyn Write) -> i32 {
    let new = match format::format(text) {
        Ok(n) => n,
        Err(errors) => {
            let (sources, _) = format::rejected(name, text);
            let tty = std::io::stderr().is_terminal();
            let shown = shown.unwrap_or(if tty { Format::Human } else { Format::Short });
            let color = tty && std::env::var_os("NO_COLOR").is_none();
            // Nothing can be done when standard error is gone.
            let _ = render(&sources, &errors, shown, color, &mut std::io::stderr());
            return exit::FAILED;
        }
    };
    let mut code = exit::OK;
    let mut result = Ok(());
    if new != text {
        if o.list {
            result = writeln!(out, "{name}");
        }
        if o.write
            && let Err(e) = std::fs::write(name, &new)
        {
            eprintln!("gosub: {name}: {e}");
            code = exit::FAILED;
        }
        if o.diff {
            let d = format::diff::unified(&format!("{name}.orig"), text, name, &new);
            result = result.and_then(|()| out.write_all(d.as_bytes()));
            // As gofmt does: a difference shown is a failure.
            code = exit::FAILED;
        }
    }
    if !o.list && !o.write && !o.diff {
        result = out.write_all(new.as_bytes());
    }
    if result.is_err() {
        code = exit::FAILED;
    }
    code
}
