//! `//go:embed`: gives the variable below the directive the files' contents as its value, by
//! writing an initial value into the text before it is parsed. Lines stay where they are.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::types::constant::quote;

const DIRECTIVE: &str = "//go:embed ";

/// Go's `path.Match` for one element, without classes that are no ranges.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|i| matches(rest, &name[i..])),
        [b'?', rest @ ..] => !name.is_empty() && matches(rest, &name[1..]),
        [b'\\', c, rest @ ..] => name.first() == Some(c) && matches(rest, &name[1..]),
        [b'[', rest @ ..] => {
            let (Some(end), Some(c)) = (rest.iter().position(|b| *b == b']'), name.first()) else {
                return false;
            };
            let (class, negated) = match rest[..end].strip_prefix(b"^") {
                Some(c) => (c, true),
                None => (&rest[..end], false),
            };
            let mut found = false;
            let mut i = 0;
            while i < class.len() {
                let (lo, mut hi) = (class[i], class[i]);
                if i + 2 < class.len() && class[i + 1] == b'-' {
                    hi = class[i + 2];
                    i += 2;
                }
                found |= (lo..=hi).contains(c);
                i += 1;
            }
            found != negated && matches(&rest[end + 1..], &name[1..])
        }
        [p, rest @ ..] => name.first() == Some(p) && matches(rest, &name[1..]),
    }
}

/// Files by their names, with `/`.
type Files = BTreeMap<String, Vec<u8>>;

/// Adds the files below a directory; hidden ones only if `all`.
fn add_tree(dir: &Path, name: &str, all: bool, out: &mut Files) {
    let Ok(list) = std::fs::read_dir(dir) else {
        return;
    };
    for e in list.flatten() {
        let file = e.file_name().to_string_lossy().into_owned();
        if !all && file.starts_with(['.', '_']) {
            continue;
        }
        add(&e.path(), &format!("{name}/{file}"), all, out);
    }
}
fn add(path: &Path, name: &str, all: bool, out: &mut Files) {
    if path.is_dir() {
        add_tree(path, name, all, out);
    } else if let Ok(bytes) = std::fs::read(path) {
        out.insert(name.to_string(), bytes);
    }
}

/// The files a pattern names, relative to `dir`.
fn glob(dir: &Path, pattern: &str) -> Result<Files, String> {
    let (pattern, all) = match pattern.strip_prefix("all:") {
        Some(p) => (p, true),
        None => (pattern, false),
    };
    let bad = pattern.is_empty()
        || pattern.starts_with('/')
        || pattern.split('/').any(|p| p == ".." || p.is_empty())
        || pattern != "." && pattern.split('/').any(|p| p == ".");
    if bad {
        return Err(format!("pattern {pattern}: invalid pattern syntax"));
    }
    let mut files = Files::new();
    let mut at = vec![(dir.to_path_buf(), String::new())];
    if pattern == "." {
        add_tree(dir, ".", all, &mut files);
        files = files
            .into_iter()
            .map(|(n, b)| (n.trim_start_matches("./").to_string(), b))
            .collect();
    } else {
        for part in pattern.split('/') {
            let mut next = Vec::new();
            for (d, name) in at {
                for e in std::fs::read_dir(&d).into_iter().flatten().flatten() {
                    let file = e.file_name().to_string_lossy().into_owned();
                    if matches(part.as_bytes(), file.as_bytes()) {
                        let slash = if name.is_empty() { "" } else { "/" };
                        next.push((e.path(), format!("{name}{slash}{file}")));
                    }
                }
            }
            at = next;
        }
        for (path, name) in at {
            add(&path, &name, all, &mut files);
        }
    }
    if files.is_empty() {
        return Err(format!("pattern {pattern}: no matching files found"));
    }
    Ok(files)
}

/// The patterns of a directive; some may be quoted.
fn patterns(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| *c == '"' || *c == '`');
        let (word, after) = match quote {
            Some(q) => rest[1..].split_once(q).unwrap_or((&rest[1..], "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        out.push(word.to_string());
        rest = after.trim_start();
    }
    out
}

/// The name a file imports package embed by.
fn import_name(text: &str) -> Option<&str> {
    let at = text.find("\"embed\"")?;
    let line = text[..at].rsplit('\n').next()?;
    let name = line.trim().trim_start_matches("import").trim();
    Some(if name.is_empty() || name == "(" {
        "embed"
    } else {
        name
    })
}

/// A declaration `var name type` below a directive: the type.
fn var_type(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("var ").unwrap_or(line).trim();
    let (_, ty) = line.split_once(char::is_whitespace)?;
    let ty = ty.split("//").next()?.trim();
    (!ty.is_empty() && !ty.contains('=')).then_some(ty)
}

/// The text with the files in it. Errors are (line from 1, text).
pub fn expand(text: &str, file: &Path) -> (String, Vec<(usize, String)>) {
    let mut errors = Vec::new();
    let (Some(import), Some(dir)) = (import_name(text), file.parent()) else {
        return (text.to_string(), errors);
    };
    let mut out = String::new();
    let mut wanted: Vec<String> = Vec::new();
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let body = line.trim_end_matches(['\n', '\r']);
        if let Some(list) = body.trim_start().strip_prefix(DIRECTIVE) {
            wanted.extend(patterns(list));
            out.push_str(line);
            continue;
        }
        let code = body.trim();
        if wanted.is_empty() || code.is_empty() || code.starts_with("//") {
            out.push_str(line);
            continue;
        }
        let mut files = Files::new();
        for p in std::mem::take(&mut wanted) {
            match glob(dir, &p) {
                Ok(f) => files.extend(f),
                Err(e) => errors.push((i, e)),
            }
        }
        let value = match var_type(body) {
            Some(ty @ ("string" | "[]byte")) => match files.values().next() {
                Some(b) if files.len() == 1 => Some(format!("{ty}({})", quote(b))),
                _ => {
                    errors.push((i, format!("invalid go:embed: multiple files for type {ty}")));
                    None
                }
            },
            Some(ty) if ty == format!("{import}.FS") => {
                let args: Vec<String> = files
                    .iter()
                    .flat_map(|(n, b)| [quote(n.as_bytes()), quote(b)])
                    .collect();
                Some(format!("{import}.Files({})", args.join(", ")))
            }
            _ => None,
        };
        match value {
            Some(v) => {
                let code = body.split("//").next().unwrap_or(body).trim_end();
                let _ = write!(out, "{code} = {v}");
                out.push_str(&line[body.len()..]);
            }
            None => out.push_str(line),
        }
    }
    (out, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_literals() {
        assert!(matches(b"*.t?t", b"a.txt"));
        assert!(matches(b"[a-c]x", b"bx"));
        assert!(!matches(b"[^a-c]x", b"bx"));
        assert_eq!(
            patterns(r#"a/*.txt "b c" all:d"#),
            ["a/*.txt", "b c", "all:d"]
        );
        assert_eq!(quote(b"a\"\n\xff\x01"), r#""a\"\n\xff\x01""#);
        assert_eq!(var_type("var f embed.FS // files"), Some("embed.FS"));
        assert_eq!(var_type("var s = 1"), None);
    }
}
