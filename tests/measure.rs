//! What `gosub test` measures beside the tests: coverage, profiles, fuzzing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn gosub(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gosub"))
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary starts")
}

fn text(b: &[u8]) -> String {
    String::from_utf8_lossy(b).into_owned()
}

/// An empty folder of this name.
fn folder(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It may not be there yet.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("writable");
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).expect("writable");
}

#[test]
fn coverage_is_gos() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testing/coverage");
    let file = folder("coverage").join("c.out");
    let flag = format!("-coverprofile={}", file.display());
    let o = gosub(&dir, &["test", "-v", "-covermode=count", &flag, "."]);
    let out = text(&o.stdout);
    assert!(o.status.success(), "{out}{}", text(&o.stderr));
    assert!(out.contains("words_test.go:12: count true\n"), "{out}");
    let end = out.split_once("PASS\ncoverage: 77.8% of statements\nok  \tcoverage\t");
    let end = end.expect("the program's line").1;
    assert!(end.ends_with("s\tcoverage: 77.8% of statements\n"), "{out}");
    let got = std::fs::read_to_string(&file).expect("a profile");
    let want = include_str!("testing/coverage/count.want");
    assert_eq!(got, want);
    let o = gosub(&dir, &["test", "-cover"]);
    assert!(text(&o.stdout).starts_with("PASS\ncoverage: 77.8% of statements\nok  \tcoverage\t"));
    let o = gosub(&dir, &["test", "-coverpkg=fmt"]);
    assert_eq!(o.status.code(), Some(1));
    assert!(text(&o.stderr).contains("only packages under test"));
}

#[test]
fn coverage_of_packages_without_statements_or_tests() {
    let dir = folder("coverage-none");
    for d in ["a", "b", "c"] {
        std::fs::create_dir(dir.join(d)).expect("writable");
    }
    write(&dir, "go.mod", "module m\n");
    write(&dir, "a/a.go", "package a\n\nfunc F() int { return 1 }\n");
    write(&dir, "b/b.go", "package b\n\ntype T int\n");
    let test = "package c\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { t.Fail() }\n";
    write(&dir, "c/c_test.go", test);
    let o = gosub(&dir, &["test", "-coverprofile=c.out", "./..."]);
    let out = text(&o.stdout);
    let head =
        "\tm/a\t\tcoverage: 0.0% of statements\n?   \tm/b\t[no test files]\n--- FAIL: TestX (";
    assert!(out.starts_with(head), "{out}");
    assert!(
        out.contains("FAIL\ncoverage: [no statements]\nFAIL\tm/c\t"),
        "{out}"
    );
    let got = std::fs::read_to_string(dir.join("c.out")).expect("a profile");
    assert_eq!(got, "mode: set\nm/a/a.go:3.16,3.26 1 0\n");
}
