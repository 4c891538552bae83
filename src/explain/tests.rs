//! The catalogue is complete, and its examples are what they claim to be.

use super::{Entry, entries, find, program, similar};
use crate::base::diag::{Diagnostic, Severity};
use crate::load::load_program;
use crate::types::check::CheckOptions;
use std::collections::BTreeSet;
use std::path::Path;

/// What checker and vet say about a program.
fn report(text: &str) -> Vec<Diagnostic> {
    let files = [("example_test.gosub".to_string(), text.to_string())];
    let l = load_program(&files, &CheckOptions::default());
    let mut all = l.diagnostics.clone();
    if !l.has_errors() {
        let main = l.packages.last().expect("checked");
        all.extend(crate::vet::vet(main, &l.sources));
    }
    all
}

fn faults(e: &Entry) -> Vec<String> {
    let Some((wrong, right)) = e.examples else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let found = report(&program(wrong, e.code));
    let codes = found.iter().map(|d| d.code);
    let refused = found.iter().any(|d| d.severity == Severity::Error);
    let by_another = FOUND_BEFORE.contains(&e.code) && refused;
    if !by_another && !codes.into_iter().any(|c| c == e.code) {
        out.push(format!("{}: the wrong program gives {found:?}", e.code));
    }
    let found = report(&program(right, e.code));
    let bad = |d: &&Diagnostic| d.severity == Severity::Error || e.code.starts_with("Vet");
    if let Some(d) = found.iter().find(bad) {
        out.push(format!("{}: the right program gives {d:?}", e.code));
    }
    out
}

#[test]
fn examples_are_wrong_and_right() {
    let work = || entries().iter().flat_map(faults).collect::<Vec<_>>();
    let thread = std::thread::Builder::new().stack_size(512 << 20);
    let out = thread.spawn(work).expect("a thread").join().expect("done");
    assert!(out.is_empty(), "{}", out.join("\n"));
}

/// Codes of errors that no short program has.
const WITHOUT_EXAMPLE: &[&str] = &["FunctionTooLarge"];
/// Codes of checks that stand behind another one, which refuses the same programs first.
const FOUND_BEFORE: &[&str] = &[
    "InvalidPostDecl",
    "InvalidUntypedConversion",
    "MultiValAssignOp",
    "UntypedLit",
];

#[test]
fn all_but_a_few_have_examples() {
    for e in entries() {
        let without = WITHOUT_EXAMPLE.contains(&e.code);
        assert_eq!(e.examples.is_none(), without, "{}", e.code);
        assert!(!e.text.is_empty(), "{}", e.code);
    }
}

/// Capitalised words in quotes that stand like codes in the sources of the checker.
fn codes_in(text: &str, found: &mut BTreeSet<String>) {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    let reports = ["err(", "error(", "warn(", "semantic(", "soft(", "code"];
    let mut before = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some(p) = rest.find('"') {
            let after = &rest[p + 1..];
            let Some(q) = after.find('"') else { break };
            let word = &after[..q];
            let shape = word.len() > 4
                && word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.chars().all(|c| c.is_ascii_alphabetic());
            let humps = word.chars().skip(1).any(|c| c.is_ascii_uppercase());
            let context = format!("{before}{}", &rest[..p]);
            let context = context.trim_end();
            let shape = shape && (humps || context.ends_with("error("));
            let reported = reports.iter().any(|r| context.ends_with(r))
                || context.ends_with("=>")
                || context.ends_with('{')
                || context.ends_with('(');
            let follows = after[q + 1..].trim_start();
            let ends = follows.is_empty() || follows.starts_with([',', '}', ')', ';']);
            if shape && reported && ends {
                found.insert(word.to_string());
            }
            rest = &after[q + 1..];
        }
        before = line.trim_end().to_string();
    }
}

/// Words in such places that are no codes.
const NO_CODES: &[&str] = &[
    "WithCancel",
    "WithTimeout",
    "WithDeadline",
    "SliceData",
    "StringData",
];

#[test]
fn every_code_is_explained_and_every_explanation_used() {
    let mut used = BTreeSet::from(["Syntax".to_string()]);
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![src.join("load.rs")];
    for dir in ["types", "syntax", "lower", "vet"] {
        let entries = std::fs::read_dir(src.join(dir)).expect("a folder");
        files.extend(entries.map(|e| e.expect("an entry").path()));
    }
    for f in files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "rs"))
    {
        codes_in(&std::fs::read_to_string(f).expect("a file"), &mut used);
    }
    let known: BTreeSet<String> = entries().iter().map(|e| e.code.to_string()).collect();
    let library = |w: &String| NO_CODES.contains(&w.as_str());
    let unexplained: Vec<_> = used.difference(&known).filter(|w| !library(w)).collect();
    assert!(unexplained.is_empty(), "not explained: {unexplained:?}");
    let unused: Vec<_> = known.difference(&used).collect();
    assert!(unused.is_empty(), "never reported: {unused:?}");
}

#[test]
fn codes_are_found_in_any_case() {
    assert_eq!(find("unusedvar").map(|e| e.code), Some("UnusedVar"));
    assert_eq!(find("Nothing"), None);
    assert!(similar("UnusedVars").contains(&"UnusedVar"));
}
