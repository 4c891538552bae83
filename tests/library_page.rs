//! `stdlib/README.md` says which names of Go's library there are. This test makes the page
//! from `stdlib/*.gosub` and from `tests/data/go_api.txt` (the exported names of Go's
//! packages, one package a line) and compares. `GOSUB_BLESS=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The names at the start of a line of declarations, before a type or value.
fn names(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = line;
    loop {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end == 0 {
            return out;
        }
        out.push(&rest[..end]);
        match rest[end..].strip_prefix(", ") {
            Some(r) => rest = r,
            None => return out,
        }
    }
}

/// Adds what a file declares: `Name`, `Type.Method`, `Type.Field`.
fn declared(text: &str, have: &mut BTreeSet<String>) {
    let mut block = false;
    let mut ty: Option<(String, &str)> = None;
    for line in text.lines() {
        if let Some((name, indent)) = &ty {
            let close = format!("{indent}}}");
            if line.starts_with(&close) {
                ty = None;
            } else if let Some(member) = line
                .strip_prefix(*indent)
                .and_then(|l| l.strip_prefix('\t'))
            {
                have.extend(names(member).iter().map(|n| format!("{name}.{n}")));
            }
            continue;
        }
        let head = if block { line.strip_prefix('\t') } else { None };
        if block && line.starts_with(')') {
            block = false;
        } else if let Some(head) = head {
            have.extend(names(head).into_iter().map(String::from));
            if (head.ends_with("struct {") || head.ends_with("interface {"))
                && let Some(n) = names(head).first()
            {
                ty = Some((n.to_string(), "\t"));
            }
        } else if let Some(f) = line.strip_prefix("func (") {
            let Some((recv, method)) = f.split_once(") ") else {
                continue;
            };
            let recv = recv.rsplit(' ').next().unwrap_or(recv);
            let recv = recv.trim_start_matches('*');
            let recv = recv.split('[').next().unwrap_or(recv);
            have.extend(names(method).first().map(|m| format!("{recv}.{m}")));
        } else if let Some(f) = line.strip_prefix("func ") {
            have.extend(names(f).first().map(|n| n.to_string()));
        } else {
            for kind in ["type ", "const ", "var "] {
                let Some(rest) = line.strip_prefix(kind) else {
                    continue;
                };
                if rest.starts_with('(') {
                    block = true;
                }
                have.extend(names(rest).into_iter().map(String::from));
                if (rest.ends_with("struct {") || rest.ends_with("interface {"))
                    && let Some(n) = names(rest).first()
                {
                    ty = Some((n.to_string(), ""));
                }
                // A struct in one line.
                if let (Some(n), Some((_, fields))) =
                    (names(rest).first(), rest.split_once(" struct{ "))
                {
                    let fields = fields.trim_end_matches('}').split("; ");
                    have.extend(fields.flat_map(names).map(|f| format!("{n}.{f}")));
                }
            }
        }
    }
}

fn page() -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut have: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for e in std::fs::read_dir(format!("{root}/stdlib")).expect("stdlib") {
        let path = e.expect("an entry").path();
        let Some(stem) = path.file_stem().and_then(|s| s.to_str()) else {
            continue;
        };
        let stem = stem.split('+').next().unwrap_or(stem);
        let text = std::fs::read_to_string(&path).expect("a text");
        declared(&text, have.entry(stem.replace('_', "/")).or_default());
    }
    let api = std::fs::read_to_string(format!("{root}/tests/data/go_api.txt")).expect("the API");
    let mut out = String::from(
        "# The library against Go's\n\n\
         Made from the sources by `tests/library_page.rs`; do not edit. The list is of exported\n\
         names: functions, types, methods, fields, constants and variables of Go 1.27.\n\n",
    );
    let (mut whole, mut part, mut none) = (Vec::new(), String::new(), Vec::new());
    for line in api.lines() {
        let (pkg, list) = line.split_once(": ").expect("package: names");
        let Some(mine) = have.get(pkg) else {
            none.push(pkg);
            continue;
        };
        let all: Vec<&str> = list.split(' ').collect();
        let missing: Vec<&str> = all.iter().copied().filter(|n| !mine.contains(*n)).collect();
        if missing.is_empty() {
            whole.push(format!("`{pkg}` ({})", all.len()));
            continue;
        }
        let there = all.len() - missing.len();
        let shown = missing.iter().take(60).map(|n| format!("`{n}`"));
        let shown = shown.collect::<Vec<_>>().join(" ");
        let more = missing.len().saturating_sub(60);
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let _ = writeln!(
            part,
            "- `{pkg}`: {there} of {}; not there: {shown}{rest}",
            all.len()
        );
    }
    let _ = write!(
        out,
        "## Complete\n\nWith the number of names: {}.\n\n## In part\n\n{part}\n## Not there\n\n{}.\n",
        whole.join(", "),
        none.iter()
            .map(|n| format!("`{n}`"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    out
}

#[test]
fn page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/stdlib/README.md");
    let want = page();
    if std::env::var_os("GOSUB_BLESS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).expect("docs");
        std::fs::write(path, want).expect("the page is writable");
        return;
    }
    let have = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        have == want,
        "stdlib/README.md is not what stdlib/*.gosub says; GOSUB_BLESS=1 cargo test --test library_page writes it"
    );
}
