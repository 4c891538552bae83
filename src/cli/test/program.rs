//! The test program of one package: what its files register, the generated main function,
//! loading and running it. This is what runs in the child process.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::explore;
use super::find::is_test;
use super::measure::in_profile;
use crate::base::diag::Diagnostic;
use crate::base::render::{Format, render};
use crate::base::span::{SourceFile, SourceMap};
use crate::cli::options::exit;
use crate::cli::run::{lowerer, print_diagnostics};
use crate::cover::{self, Mode, Table};
use crate::load::{Loaded, Unit, load_units_with, read_source};
use crate::syntax::ast::{Ast, Decl, ExprKind, FuncDecl};
use crate::syntax::parse::{ParseOptions, parse_file};
use crate::types::check::CheckOptions;
use crate::vm;

/// One registered function and the package it is in.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    external: bool,
}
#[derive(Debug, PartialEq, Eq)]
struct Example {
    entry: Entry,
    output: String,
    unordered: bool,
}
#[derive(Debug, Default)]
struct Found {
    tests: Vec<Entry>,
    benchmarks: Vec<Entry>,
    fuzz: Vec<Entry>,
    examples: Vec<Example>,
    main: Option<Entry>,
    problems: Vec<Diagnostic>,
}

/// The child's first argument when it shall run under the race detector.
pub const RACE: &str = "-race";

/// The argument that says what vet looks at.
pub const VET_FLAG: &str = "-vet=";

/// The argument that says that blocks are counted, and how.
pub const COVER_FLAG: &str = "-cover=";

/// The mode of counting that guides fuzzing.
pub const FUZZ: &str = "fuzz";

/// Runs the child: a plan of further runs or nothing, [`RACE`] or nothing, [`VET_FLAG`] and
/// its list, [`COVER_FLAG`] or nothing, path, error format, (shown, full) names, `--`,
/// arguments.
pub fn run(args: &[String]) -> i32 {
    let plan = args.first().and_then(|a| a.strip_prefix(explore::FLAG));
    let args = if plan.is_some() { &args[1..] } else { args };
    let race = args.first().is_some_and(|a| a == RACE);
    let args = if race { &args[1..] } else { args };
    let vet = args.first().and_then(|a| a.strip_prefix(VET_FLAG));
    let args = if vet.is_some() { &args[1..] } else { args };
    let cover = args.first().and_then(|a| a.strip_prefix(COVER_FLAG));
    let args = if cover.is_some() { &args[1..] } else { args };
    let Some(end) = args.iter().position(|a| a == "--") else {
        return exit::FATAL;
    };
    let (Some(path), Some(format), names) = (args.first(), args.get(1), &args[2..end]) else {
        return exit::FATAL;
    };
    let format = match format.as_str() {
        "human" => Format::Human,
        "json" => Format::Json,
        _ => Format::Short,
    };
    let mut own = Vec::new();
    let mut external = Vec::new();
    let mut found = Found::default();
    let mut sources = SourceMap::new();
    for pair in names.chunks_exact(2) {
        let (shown, full) = (&pair[0], Path::new(&pair[1]));
        let text = match read_source(full) {
            Ok(t) => t,
            Err(e) => {
                println!("{e}");
                return exit::FAILED;
            }
        };
        let outside = is_test(shown) && scan(&mut sources, shown, &text, &mut found);
        let file = (shown.clone(), full.to_path_buf(), text);
        if outside {
            external.push(file);
        } else {
            own.push(file);
        }
    }
    // The package's own tests come before those of its external test package.
    for list in [&mut found.tests, &mut found.benchmarks, &mut found.fuzz] {
        list.sort_by_key(|e| e.external);
    }
    found.examples.sort_by_key(|e| e.entry.external);
    if !found.problems.is_empty() {
        return refuse(super::SETUP, &format!("# {path}\n"), |out| {
            render(&sources, &found.problems, format, false, out)
        });
    }
    let mut units = Vec::new();
    let (has_own, has_external) = (!own.is_empty(), !external.is_empty());
    if has_own {
        units.push(Unit {
            path: path.clone(),
            files: own,
        });
    }
    if has_external {
        units.push(Unit {
            path: format!("{path}_test"),
            files: external,
        });
    }
    units.push(Unit {
        path: "main".into(),
        files: vec![(
            "_testmain.go".into(),
            "_testmain.go".into(),
            generate(
                &found,
                path,
                has_own,
                has_external,
                &extras(&args[end + 1..]),
            ),
        )],
    });
    let check = CheckOptions {
        ignore_missing_main: true,
        go_version: 27,
        stdlib: false,
    };
    let mut l = load_units_with(&units, &check, plan.is_some());
    if l.has_errors() {
        let mut out = std::io::stdout().lock();
        print_diagnostics(&l.sources, &l.diagnostics, format, false, &mut out);
        return exit::FAILED;
    }
    if let Some(code) = vetted(&l, path, vet.unwrap_or(""), format) {
        return code;
    }
    if let Some(mode) = cover {
        count_blocks(&mut l, path, mode);
    }
    // Everything compiles: what follows is the program's own output.
    {
        let mut out = std::io::stdout().lock();
        let sent = out.write_all(&[super::READY]).and_then(|()| out.flush());
        if sent.is_err() {
            return exit::FAILED;
        }
    }
    let base = path.rsplit('/').next().unwrap_or(path);
    let mut argv = vec![format!("{base}.test").into_bytes()];
    argv.extend(args[end + 1..].iter().map(|a| a.clone().into_bytes()));
    crate::stdlib::os::set_args(argv);
    if race {
        vm::exec::enable_race(crate::race::report::Form::Text);
    }
    let lw = lowerer(l);
    let procs = crate::stdlib::runtime::default_procs();
    if let Some(plan) = plan {
        explore::serve(plan, procs, |procs| vm::exec::run_program(lw, procs));
        return exit::OK;
    }
    vm::exec::run_program(lw, procs)
}

/// Puts counters into the package under test; its test files have some only to guide fuzzing.
fn count_blocks(l: &mut Loaded, path: &str, mode: &str) {
    let fuzz = mode == FUZZ;
    let name = |f: &SourceFile| (fuzz || !is_test(&f.name)).then(|| in_profile(path, &f.path));
    let (mut files, mut blocks) = (Vec::new(), Vec::new());
    let mut words = Vec::new();
    for p in &mut l.packages {
        let own = &p.info.pkg.path;
        if own == path || fuzz && own.strip_suffix("_test") == Some(path) {
            cover::instrument(&mut p.ast, &l.sources, &name, &mut files, &mut blocks);
            for f in &p.ast.files {
                cover::words(l.sources.file(f.id), &mut words);
            }
        }
    }
    words.sort_unstable();
    words.dedup();
    let mode = Mode::parse(mode).unwrap_or(Mode::Count);
    Table::new(mode, files, blocks).with_words(words).publish();
}

/// Packages that the test program contains for what its arguments ask for.
fn extras(args: &[String]) -> Vec<&'static str> {
    let given = |flags: &[&str]| {
        args.iter().any(|a| {
            let flag = a.strip_prefix("-test.").and_then(|a| a.split_once('='));
            flag.is_some_and(|(name, value)| flags.contains(&name) && !value.is_empty())
        })
    };
    let mut out = Vec::new();
    if given(&["fuzz"]) {
        out.push("internal/fuzz");
    }
    if given(super::args::PROFILES) {
        out.push("internal/testprof");
    }
    out
}

/// Says what is wrong before anything runs: how it is to be called, the head, the findings.
fn refuse(
    kind: u8,
    head: &str,
    text: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> i32 {
    let mut out = std::io::stdout().lock();
    // Nothing can be done when the parent is gone.
    let _ = out
        .write_all(&[kind])
        .and_then(|()| out.write_all(head.as_bytes()))
        .and_then(|()| text(&mut out))
        .and_then(|()| out.flush());
    exit::FAILED
}

/// What vet finds in the packages under test; None: nothing. `list` is the value of `-vet`.
fn vetted(l: &Loaded, path: &str, list: &str, format: Format) -> Option<i32> {
    let mut text = Vec::new();
    for p in &l.packages {
        let name = &p.info.pkg.path;
        if name != path && name.strip_suffix("_test") != Some(path) {
            continue;
        }
        let mut found = crate::vet::vet(p, &l.sources);
        found.retain(|d| super::args::vets(list, d.code));
        if module_release().is_some_and(|n| n < 24) {
            // What Go 1.24 began to find counts from that release on.
            found.retain(|d| !d.message.starts_with("non-constant format string"));
        }
        if found.is_empty() {
            continue;
        }
        crate::cli::vet::as_errors(&mut found);
        text.extend_from_slice(format!("# {name}\n# [{name}]\n").as_bytes());
        // Writing to memory cannot fail.
        let _ = render(&l.sources, &found, format, false, &mut text);
    }
    (!text.is_empty()).then(|| refuse(super::VET, "", |out| out.write_all(&text)))
}

/// The minor release that `go.mod` of the module around the tests names.
fn module_release() -> Option<u32> {
    let dir = std::env::current_dir().ok()?;
    let file = dir
        .ancestors()
        .map(|d| d.join("go.mod"))
        .find(|f| f.is_file());
    let text = std::fs::read_to_string(file?).ok()?;
    let line = text.lines().find_map(|l| l.trim().strip_prefix("go 1."))?;
    line.split(['.', ' ']).next()?.parse().ok()
}

/// Whether a name is the prefix, or the prefix and a word that does not start in lower case.
fn has_prefix(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| !rest.chars().next().is_some_and(char::is_lowercase))
}

/// Collects what a test file registers; whether it belongs to the external test package.
fn scan(sources: &mut SourceMap, shown: &str, text: &str, found: &mut Found) -> bool {
    let Ok(id) = sources.add(shown.to_string(), Path::new(shown), text.to_string()) else {
        return false;
    };
    let mut ast = Ast::default();
    // Syntax errors are reported when the package is loaded.
    let _ = parse_file(&mut ast, sources, id, &ParseOptions::default());
    let Some(file) = ast.files.first() else {
        return false;
    };
    let external = ast.name(file.package).as_str().ends_with("_test");
    for d in &file.decls {
        let Decl::Func(f) = d else { continue };
        if f.recv.is_none() {
            function(&ast, sources, f, external, found);
        }
    }
    external
}

fn function(ast: &Ast, sources: &SourceMap, f: &FuncDecl, external: bool, found: &mut Found) {
    let name = ast.name(f.name).as_str().to_string();
    let func = ast.func(f.func);
    let entry = |name: &str| Entry {
        name: name.to_string(),
        external,
    };
    // The parameter's type as written, `T` of `*testing.T` or of a dot import.
    let takes = |want: &str| {
        let [p] = func.sig.params.as_slice() else {
            return false;
        };
        let ExprKind::Star(x) = ast.expr(ast.unparen(p.ty)).kind else {
            return false;
        };
        let found = match &ast.expr(x).kind {
            ExprKind::Ident(i) => *i,
            ExprKind::Selector { sel, .. } => *sel,
            _ => return false,
        };
        func.sig.results.is_empty() && ast.name(found).as_str() == want
    };
    let mut wrong = |what: &str, kind: &str| {
        found.problems.push(Diagnostic::error(
            "WrongTestSignature",
            f.span,
            format!("wrong signature for {name}, must be: func {name}({what} *testing.{kind})"),
        ));
    };
    let tested = [("Test", "T"), ("Benchmark", "B"), ("Fuzz", "F")];
    let mut kinds = tested
        .iter()
        .filter(|(p, k)| has_prefix(&name, p) && takes(k));
    if !func.tparams.is_empty() && kinds.next().is_some() {
        found.problems.push(Diagnostic::error(
            "WrongTestSignature",
            f.span,
            format!("wrong signature for {name}, test functions cannot have type parameters"),
        ));
        return;
    }
    if name == "TestMain" {
        // A TestMain(*testing.T) is an ordinary test.
        if takes("T") {
            found.tests.push(entry(&name));
        } else if !takes("M") {
            wrong("m", "M");
        } else {
            found.main = Some(entry(&name));
        }
    } else if has_prefix(&name, "Test") {
        if takes("T") {
            found.tests.push(entry(&name));
        } else {
            wrong("t", "T");
        }
    } else if has_prefix(&name, "Benchmark") {
        if takes("B") {
            found.benchmarks.push(entry(&name));
        } else {
            wrong("b", "B");
        }
    } else if has_prefix(&name, "Fuzz") {
        if takes("F") {
            found.fuzz.push(entry(&name));
        } else {
            wrong("f", "F");
        }
    } else if has_prefix(&name, "Example")
        && func.sig.params.is_empty()
        && func.sig.results.is_empty()
        && let Some(body) = &func.body
        && let Some((output, unordered)) = promised(sources.text(body.span))
    {
        found.examples.push(Example {
            entry: entry(&name),
            output,
            unordered,
        });
    }
}

/// The output an example promises: its last comment, if it starts with `Output:` or
/// `Unordered output:`.
fn promised(body: &str) -> Option<(String, bool)> {
    let comment = last_comment(body)?;
    let trimmed = comment.trim_start();
    let lower = trimmed.to_ascii_lowercase();
    let (unordered, rest) = match lower.strip_prefix("unordered") {
        Some(r) if r.starts_with(char::is_whitespace) => (true, r.trim_start()),
        _ => (false, lower.as_str()),
    };
    let rest = rest.strip_prefix("output:")?;
    let at = trimmed.len() - rest.len();
    let mut text = &trimmed[at..];
    text = text.trim_start_matches([' ', '\t']);
    text = text.strip_prefix('\n').unwrap_or(text);
    Some((text.to_string(), unordered))
}

/// The text of the last comment (a run of `//` lines or one `/* */`) in a body, if no code
/// follows it, without the marks.
fn last_comment(body: &str) -> Option<String> {
    let b = body.as_bytes();
    let mut i = 0;
    let mut lines: Vec<&str> = Vec::new();
    // Whether something other than blanks came since the last comment line.
    let mut newlines = 0;
    while i < b.len() {
        match b[i] {
            b'"' | b'\'' | b'`' => {
                let quote = b[i];
                i += 1;
                while i < b.len() && b[i] != quote {
                    if b[i] == b'\\' && quote != b'`' {
                        i += 1;
                    }
                    i += 1;
                }
                i += 1;
                lines.clear();
            }
            b'/' if b.get(i + 1) == Some(&b'/') => {
                let end = body[i..].find('\n').map_or(b.len(), |n| i + n);
                if newlines > 1 {
                    lines.clear();
                }
                lines.push(&body[i + 2..end]);
                newlines = 0;
                i = end;
            }
            b'/' if b.get(i + 1) == Some(&b'*') => {
                let end = body[i + 2..].find("*/").map_or(b.len(), |n| i + 2 + n);
                lines = vec![&body[(i + 2).min(end)..end]];
                newlines = 2;
                i = end + 2;
            }
            b'\n' => {
                newlines += 1;
                i += 1;
            }
            c if c.is_ascii_whitespace() => i += 1,
            b'}' if body[i + 1..].trim().is_empty() => i += 1,
            _ => {
                lines.clear();
                i += 1;
            }
        }
    }
    if lines.is_empty() {
        return None;
    }
    let lines = lines.iter().map(|l| l.strip_prefix(' ').unwrap_or(l));
    Some(lines.map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// A string literal of the generated program.
fn quoted(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn generate(found: &Found, path: &str, own: bool, external: bool, extras: &[&str]) -> String {
    let examples = found.examples.iter().map(|e| &e.entry);
    let all = found
        .tests
        .iter()
        .chain(&found.benchmarks)
        .chain(&found.fuzz)
        .chain(&found.main)
        .chain(examples);
    let mut used = [false; 2];
    for e in all {
        used[usize::from(e.external)] = true;
    }
    let qualified = |e: &Entry| {
        let pkg = if e.external { "_xtest" } else { "_test" };
        format!("{pkg}.{}", e.name)
    };
    let mut s = String::from(
        "package main\n\nimport (\n\t\"internal/testdeps\"\n\t\"os\"\n\t\"testing\"\n",
    );
    for e in extras {
        let _ = writeln!(s, "\t_ {}", quoted(e));
    }
    for (there, i, name, suffix) in [(own, 0, "_test", ""), (external, 1, "_xtest", "_test")] {
        if there {
            let name = if used[i] { name } else { "_" };
            let _ = writeln!(s, "\t{name} {}", quoted(&format!("{path}{suffix}")));
        }
    }
    s.push_str(")\n\n");
    for (var, ty, list) in [
        ("tests", "InternalTest", &found.tests),
        ("benchmarks", "InternalBenchmark", &found.benchmarks),
        ("fuzzTargets", "InternalFuzzTarget", &found.fuzz),
    ] {
        let _ = writeln!(s, "var {var} = []testing.{ty}{{");
        for e in list {
            let _ = writeln!(s, "\t{{{}, {}}},", quoted(&e.name), qualified(e));
        }
        s.push_str("}\n\n");
    }
    s.push_str("var examples = []testing.InternalExample{\n");
    for e in &found.examples {
        // Lines in any order are compared and shown with their end.
        let end = if e.unordered && !e.output.is_empty() {
            "\n"
        } else {
            ""
        };
        let _ = writeln!(
            s,
            "\t{{{}, {}, {}, {}}},",
            quoted(&e.entry.name),
            qualified(&e.entry),
            quoted(&format!("{}{end}", e.output)),
            e.unordered
        );
    }
    let _ = write!(
        s,
        "}}\n\nfunc main() {{\n\ttestdeps.ImportPath = {}\n\
         \tm := testing.MainStart(tests, benchmarks, fuzzTargets, examples)\n",
        quoted(path)
    );
    match &found.main {
        Some(e) => {
            let _ = writeln!(s, "\t{}(m)\n\tos.Exit(testdeps.ExitCode)\n}}", qualified(e));
        }
        None => s.push_str("\tos.Exit(m.Run())\n}\n"),
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::span::Span;

    #[test]
    fn the_last_comment_promises_output() {
        let body = "{\n\t// first\n\tfmt.Println(\"// no\")\n\n\t// Output:\n\t// a\n\t//  b\n}";
        assert_eq!(promised(body), Some(("a\n b".into(), false)));
        let body = "{\n\tf()\n\t// Unordered output: x\n\t// y\n}";
        assert_eq!(promised(body), Some(("x\ny".into(), true)));
        let body = "{ /* output:\nz\n*/ }";
        assert_eq!(promised(body), Some(("z".into(), false)));
        assert_eq!(promised("{ f() // hello\n}"), None);
        assert_eq!(promised("{\n// Output: 1\nf()\n}"), None);
        assert_eq!(promised("{}"), None);
    }

    #[test]
    fn test_names() {
        assert!(has_prefix("Test", "Test"));
        assert!(has_prefix("TestX", "Test"));
        assert!(has_prefix("Test_x", "Test"));
        assert!(!has_prefix("Testing", "Test"));
        assert!(!has_prefix("XTest", "Test"));
    }

    #[test]
    fn strings_survive_generation() {
        assert_eq!(quoted("a\"b\\\n\tü"), "\"a\\\"b\\\\\\n\\u0009ü\"");
    }

    #[test]
    fn wrong_signatures_are_reported() {
        let mut sources = SourceMap::new();
        let mut found = Found::default();
        let text = "package p_test\nfunc TestA() {}\nfunc TestB(t *testing.T) {}\n";
        assert!(scan(&mut sources, "a_test.go", text, &mut found));
        assert_eq!(
            found.tests,
            [Entry {
                name: "TestB".into(),
                external: true
            }]
        );
        let texts: Vec<_> = found.problems.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(
            texts,
            ["wrong signature for TestA, must be: func TestA(t *testing.T)"]
        );
        assert_ne!(found.problems[0].span, Span::NONE);
    }
}
