//! The programs under `tests/vet`: findings exactly where a comment `// WARN "text" ...`
//! says so. Texts are beginnings of messages, and go vet's where it has the check.

use super::vet;
use crate::load::load_program;
use crate::types::check::CheckOptions;
use std::path::Path;

/// The quoted texts after `// WARN`; quotes inside a text count if no blank or end follows.
fn marks(line: &str) -> Vec<String> {
    let Some((_, rest)) = line.split_once("// WARN \"") else {
        return Vec::new();
    };
    let rest = rest.trim_end().trim_end_matches('"');
    rest.split("\" \"").map(str::to_string).collect()
}

fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vet")
        .join(name);
    let text = std::fs::read_to_string(path).expect("a program");
    let files = [(name.to_string(), text.clone())];
    let l = load_program(&files, &CheckOptions::default());
    assert!(!l.has_errors(), "{:?}", l.diagnostics);
    let found = vet(l.packages.last().expect("checked"), &l.sources);
    let mut faults = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let here = found.iter().filter(|d| {
            let at = l.sources.locate(d.span.lo);
            at.is_some_and(|(_, n, _)| n as usize == i + 1)
        });
        let got: Vec<&str> = here.map(|d| d.message.as_str()).collect();
        let want = marks(line);
        let same = got.len() == want.len()
            && got
                .iter()
                .zip(&want)
                .all(|(g, w)| g.starts_with(w.as_str()));
        if !same {
            faults.push(format!("line {}: want {want:?}, got {got:?}", i + 1));
        }
    }
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
}

#[test]
fn locks() {
    check("locks.gosub");
}
#[test]
fn general() {
    check("general.gosub");
}
#[test]
fn test_functions() {
    check("names_test.gosub");
}
