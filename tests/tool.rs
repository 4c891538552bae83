//! gosub as a tool: interactive sessions (`tests/repl/*.in` with what they print in
//! `*.out`), scripts (`tests/script`), the test command (`tests/testing`). With
//! `GOSUB_BLESS=1` the expected outputs are written instead of compared.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(path)
}

fn gosub(dir: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gosub"))
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .env_remove("GOMAXPROCS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(b: &[u8]) -> String {
    String::from_utf8_lossy(b).into_owned()
}

/// Both streams, one after the other.
fn both(o: &Output) -> String {
    format!("{}--- stderr\n{}", text(&o.stdout), text(&o.stderr))
}

fn compare(got: &str, file: &Path) {
    if std::env::var_os("GOSUB_BLESS").is_some() {
        std::fs::write(file, got).expect("the folder is writable");
        return;
    }
    let want = std::fs::read_to_string(file).expect("an expected output");
    assert_eq!(got, want, "{}", file.display());
}

/// Replaces what differs from run to run: times, addresses, goroutine numbers.
fn steady(s: &str) -> String {
    let mut out = String::new();
    for line in s.lines() {
        let mut line = line.to_string();
        if let Some(i) = line.rfind(" (")
            && line.ends_with("s)")
        {
            line.truncate(i);
            line.push_str(" (T)");
        }
        if line.starts_with("ok  \t") || line.starts_with("FAIL\t") {
            let fields: Vec<&str> = line.split('\t').collect();
            line = format!("{}\t{}\tT", fields[0], fields[1]);
        }
        if let Some(i) = line.find("  (")
            && line.ends_with(')')
        {
            // Numbers of goroutines in a list.
            line.truncate(i);
        }
        if line.starts_with("goroutine ") {
            line = "goroutine N".into();
        }
        let waits = ["|- ", "`- ", "waiting "];
        if waits.iter().any(|w| line.starts_with(w)) || line.contains(") of goroutine ") {
            line = numbers_of_goroutines(&line);
        }
        if let Some(i) = line.find(" in goroutine ") {
            line.truncate(i);
        }
        if let Some(i) = line.find(" +0x") {
            line.truncate(i);
        }
        if line.starts_with("\t$GOSUB") {
            continue;
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// `goroutine 7 [select 1s]` without the number and the time.
fn numbers_of_goroutines(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for w in line.split(' ') {
        let number = w.trim_end_matches([',', ':', ';']);
        let time = w.trim_end_matches([']', 's', 'm', 'h']);
        if words.last().is_some_and(|l| l == "goroutine") && number.parse::<u64>().is_ok() {
            words.push(w.replace(number, "N"));
        } else if w.ends_with(']') && time.parse::<f64>().is_ok() {
            if let Some(last) = words.last_mut() {
                last.push(']');
            }
        } else {
            words.push(w.to_string());
        }
    }
    words.join(" ")
}

#[test]
fn sessions() {
    let mut n = 0;
    for e in std::fs::read_dir(root("repl")).expect("tests/repl") {
        let path = e.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "in") {
            let input = std::fs::read_to_string(&path).expect("readable");
            let out = gosub(&root("repl"), &["repl"], &input);
            assert_eq!(out.status.code(), Some(0), "{}", both(&out));
            compare(&steady(&both(&out)), &path.with_extension("out"));
            n += 1;
        }
    }
    assert!(n >= 2, "sessions are there");
}

#[test]
fn a_saved_session_loads_again() {
    let dir = std::env::temp_dir().join(format!("gosub-saved-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let one = "func f() int {\n\treturn 2\n}\nf()\nx := f()\nfunc f() int {\n\treturn 3\n}\n\
               x := fmt.Sprint(x, f())\n:dis f\n:save all.gosub\n";
    let out = gosub(&dir, &["repl"], one);
    assert!(
        text(&out.stdout).contains("#3"),
        "the new code: {}",
        both(&out)
    );
    let out = gosub(
        &dir,
        &["repl"],
        ":load all.gosub\nx\n:doc errors.Is\n:doc rand\n",
    );
    let _ = std::fs::remove_dir_all(&dir);
    let shown = text(&out.stdout);
    assert!(
        shown.starts_with("2 // int\n\"2 3\" // string\npackage errors // import"),
        "{}",
        both(&out)
    );
    assert!(
        shown.contains("package rand // import \"math/rand\""),
        "{shown}"
    );
}

#[test]
fn a_session_begins_with_files() {
    let dir = std::env::temp_dir().join(format!("gosub-begins-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let save = "x := 20\nx + 1\n_ * 2\n:save saved.gosub\n";
    gosub(&dir, &["repl"], save);
    let out = gosub(&dir, &["repl", "saved.gosub"], "x + _\n");
    let missing = gosub(&dir, &["repl", "nosuch.gosub"], "1\n");
    let _ = std::fs::remove_dir_all(&dir);
    assert_eq!(
        text(&out.stdout),
        "21 // int\n42 // int\n62 // int\n",
        "{}",
        both(&out)
    );
    assert!(
        text(&missing.stderr).contains("nosuch.gosub"),
        "{}",
        both(&missing)
    );
}

#[test]
fn a_script_runs_statements_in_order() {
    let dir = root("script");
    let out = gosub(&dir, &["everything.gosub", "-x", "y"], "");
    assert_eq!(out.status.code(), Some(0), "{}", both(&out));
    assert_eq!(
        text(&out.stdout),
        "hello 5\nagain 6\n12 0 strconv.Atoi: parsing \"zz\": invalid syntax\n0\n1\nbig 4\n\
         literal\n3 {0 0}\n42\n1\ndeferred [-x y]\n"
    );
    let err = text(&out.stderr);
    assert!(err.contains("declared and not used: unused"), "{err}");
}

#[test]
fn code_from_the_command_line_and_from_standard_input() {
    let dir = root("script");
    let out = gosub(
        &dir,
        &["-e", "fmt.Println(os.Args); os.Exit(7)", "a", "-v"],
        "",
    );
    assert_eq!(text(&out.stdout), "[-e a -v]\n");
    assert_eq!(out.status.code(), Some(7));
    let out = gosub(&dir, &["run", "-", "b"], "fmt.Println(os.Args[1:])\n");
    assert_eq!(text(&out.stdout), "[b]\n");
}

#[test]
fn scripts_are_checked() {
    let dir = root("script");
    let fails = |code: &str, want: &str| {
        let out = gosub(&dir, &["-e", code], "");
        assert_eq!(out.status.code(), Some(1), "{code}");
        assert!(
            text(&out.stderr).contains(want),
            "{code}: {}",
            text(&out.stderr)
        );
    };
    fails("fmt.Println(y)\ny := 3", "-e:1:13: undefined: y");
    fails(
        "x := 1\nx := 2",
        "-e:2:3: no new variables on left side of :=",
    );
    fails("x := 1\nx = \"s\"", "cannot use \"s\"");
    // A name that is there already is told of by itself.
    let code = "x, err := 1, 2\ny, err := 3, \"s\"\nfmt.Println(x, y, err)";
    let out = gosub(&dir, &["-e", code], "");
    assert!(!text(&out.stderr).contains('\u{b7}'), "{}", both(&out));
    // The script's own main runs last, once if the call stands at the end.
    let main = "func main() { fmt.Println(\"main\") }\nfmt.Println(\"first\")\nmain()";
    let out = gosub(&dir, &["-e", main], "");
    assert_eq!(both(&out), "first\nmain\n--- stderr\n");
    let out = gosub(&dir, &["-e", &format!("{main}\nfmt.Println(\"last\")")], "");
    assert_eq!(text(&out.stdout), "first\nmain\nlast\nmain\n");
    assert!(
        text(&out.stderr).contains("-e:3:1: warning: main runs after"),
        "{}",
        both(&out)
    );
    fails(
        "println(rand.Int())",
        "several packages have this name, add one of: import",
    );
    fails("println(1", "syntax error: unexpected");
    fails("for {", "syntax error: unexpected");
}

#[test]
fn a_directory_is_one_package() {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("package");
    std::fs::create_dir_all(&dir).expect("writable");
    let file = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("writable");
    file("a.go", "package main\n\nfunc main() { f() }\n");
    file("b.go", "package main\n\nfunc f() { println(\"f\") }\n");
    file("b_test.go", "package main\n\nthis is not read\n");
    let at = dir.to_str().expect("UTF-8");
    assert_eq!(text(&gosub(&dir, &[at], "").stderr), "f\n");
    assert_eq!(
        text(&gosub(&dir, &["run", "a.go", "b.go"], "").stderr),
        "f\n"
    );
}

#[test]
fn verdicts_are_gos() {
    let dir = root("testing/verdicts");
    let file = "verdicts_test.go";
    for (args, want) in [
        (vec!["test", file], "plain.out"),
        (vec!["test", "-v", file], "verbose.out"),
        (vec!["test", "-list", ".", file], "list.out"),
        (
            vec!["test", "-run", "Log/sub_x#01|Skip", "-v", file],
            "run.out",
        ),
    ] {
        let out = gosub(&dir, &args, "");
        assert_eq!(text(&out.stderr), "", "{args:?}");
        compare(&steady(&text(&out.stdout)), &dir.join(want));
    }
}

#[test]
fn bubbles_have_clocks_of_their_own() {
    let dir = root("testing/bubbles");
    let out = gosub(&dir, &["test", "-v", "-skip", "Many", "."], "");
    compare(&steady(&text(&out.stdout)), &dir.join("verbose.out"));
    for more in [&["-cpu", "1,2,4"][..], &["-race"]] {
        let args = [
            &["test", "-run", "Many|Every|Dead", "-count", "5"],
            more,
            &["."],
        ]
        .concat();
        let out = gosub(&dir, &args, "");
        assert_eq!(out.status.code(), Some(0), "{}", both(&out));
    }
}

/// What a test of one bubble prints.
fn bubble(name: &str, body: &str) -> String {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).expect("writable");
    let text = format!(
        "package x\n\nimport (\n\t\"sync\"\n\t\"testing\"\n\t\"testing/synctest\"\n\t\"time\"\n)\n\n\
         var _ sync.Mutex\nvar _ time.Time\n\nfunc TestX(t *testing.T) {{\n{body}\n}}\n"
    );
    std::fs::write(dir.join("x_test.go"), text).expect("writable");
    let out = gosub(&dir, &["test", "."], "");
    assert_eq!(out.status.code(), Some(1));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn bubbles_that_cannot_go_on_say_why() {
    let inside = |body: &str| format!("synctest.Test(t, func(t *testing.T) {{ {body} }})");
    let blocked = bubble(
        "bubble_blocked",
        &inside("t.Log(\"hi\"); c := make(chan int); go func() { select {} }(); <-c"),
    );
    for part in [
        "s)\n    x_test.go:14: hi\npanic: deadlock: all goroutines in bubble \
         are blocked [recovered, repanicked]\n\ngoroutine ",
        " [chan receive (durable), synctest bubble 1]:\n",
        " [select (no cases) (durable), synctest bubble 1]:\n",
    ] {
        assert!(blocked.contains(part), "{part}: {blocked}");
    }
    for (name, body, what) in [
        (
            "bubble_left",
            inside("c := make(chan int); go func() { <-c }()"),
            "panic: deadlock: main bubble goroutine has exited but blocked goroutines remain [rec",
        ),
        (
            "bubble_run",
            inside("t.Run(\"\", nil)"),
            "panic: testing: t.Run called inside synctest bubble [recovered, repanicked]",
        ),
        (
            "bubble_wait",
            inside("go synctest.Wait(); synctest.Wait()"),
            "panic: wait already in progress",
        ),
        (
            "bubble_twice",
            inside(&inside("")),
            "panic: synctest.Run called from within a synctest bubble [recovered, repanicked]",
        ),
        (
            "bubble_no_wait",
            "synctest.Wait()".into(),
            "panic: goroutine is not in a bubble [recovered, repanicked]",
        ),
        (
            "bubble_timer",
            format!(
                "var x *time.Timer; {}; x.Stop()",
                inside("x = time.NewTimer(1)")
            ),
            "fatal error: stop of synctest timer from outside bubble\n",
        ),
        (
            "bubble_close",
            format!("var c chan int; {}; close(c)", inside("c = make(chan int)")),
            "fatal error: close of synctest channel from outside bubble\n",
        ),
        (
            "bubble_send",
            format!(
                "var c chan int; {}; c <- 1",
                inside("c = make(chan int, 1)")
            ),
            "fatal error: send on synctest channel from outside bubble\n",
        ),
        (
            "bubble_group",
            format!(
                "wg := new(sync.WaitGroup); wg.Add(1); {}",
                inside("wg.Add(1)")
            ),
            "fatal error: sync: WaitGroup.Add called from inside and outside synctest bubble\n",
        ),
    ] {
        let got = bubble(name, &body);
        assert!(got.contains(what), "{name}: {got}");
    }
}

fn test_file(name: &str, body: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).expect("writable");
    let text = format!("package x\n\nimport \"testing\"\n\n{body}\n");
    std::fs::write(dir.join("x_test.go"), text).expect("writable");
    dir
}

#[test]
fn a_deadlocked_test_is_called_one() {
    let dir = test_file(
        "deadlocked",
        "func TestStuck(t *testing.T) { <-make(chan int) }",
    );
    let out = gosub(&dir, &["test", "x_test.go"], "");
    assert_eq!(out.status.code(), Some(1));
    let got = text(&out.stdout);
    let head =
        "fatal error: all goroutines are asleep - deadlock!\n\trunning tests:\n\t\tTestStuck (";
    assert!(got.starts_with(head), "{got}");
    assert!(
        got.contains("[chan receive]:\ncommand-line-arguments.TestStuck"),
        "{got}"
    );
}

#[test]
fn a_leaking_test_is_named() {
    let dir = test_file(
        "leaking",
        "func TestLeak(t *testing.T) { go func() { select {} }() }\n\
         func TestClean(t *testing.T) { c := make(chan int); go func() { c <- 1 }(); <-c }",
    );
    let out = gosub(&dir, &["test", "-leak", "x_test.go"], "");
    let got = text(&out.stdout);
    assert!(
        got.contains("leak: 1 goroutine started by TestLeak still alive:"),
        "{got}"
    );
    assert!(!got.contains("TestClean"), "{got}");
    assert_eq!(
        gosub(&dir, &["test", "x_test.go"], "").status.code(),
        Some(0)
    );
}

#[test]
fn a_test_that_takes_too_long_is_ended() {
    let dir = test_file("slow", "func TestBusy(t *testing.T) { for { } }");
    let out = gosub(&dir, &["test", "-timeout", "100ms", "x_test.go"], "");
    assert_eq!(out.status.code(), Some(1));
    let got = text(&out.stdout);
    let head = "panic: test timed out after 100ms\n\trunning tests:\n\t\tTestBusy (";
    assert!(got.starts_with(head), "{got}");
}

#[test]
fn a_panic_in_a_test_shows_where() {
    let dir = test_file(
        "panicking",
        "func TestBoom(t *testing.T) { var m map[int]int; m[1] = 2 }",
    );
    let got = text(&gosub(&dir, &["test", "x_test.go"], "").stdout);
    let head = "--- FAIL: TestBoom (0.00s)\n\
                panic: assignment to entry in nil map [recovered, repanicked]\n";
    assert!(steady(&got).starts_with(&steady(head)), "{got}");
    assert!(
        got.contains("command-line-arguments.TestBoom(...)\n"),
        "{got}"
    );
}

#[test]
fn tests_of_an_internal_package_import_it() {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("inner");
    std::fs::create_dir_all(&dir).expect("writable");
    let file = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("writable");
    file("go.mod", "module a/internal/b\n\ngo 1.27\n");
    file("b.go", "package b\n\nfunc F() int { return 7 }\n");
    let test = |path: &str| {
        format!(
            "package b_test\n\nimport (\n\t\"testing\"\n\n\t\"{path}\"\n)\n\n\
             func TestF(t *testing.T) {{ t.Log(b.F()) }}\n"
        )
    };
    file("b_test.go", &test("a/internal/b"));
    let got = gosub(&dir, &["test", "-v", "."], "");
    assert!(both(&got).contains("b_test.go:9: 7\n"), "{}", both(&got));
    file("b_test.go", &test("internal/rt"));
    let got = gosub(&dir, &["test", "."], "");
    assert!(
        both(&got).contains("use of internal package internal/rt not allowed"),
        "{}",
        both(&got)
    );
}

#[test]
fn tests_that_do_not_compile_fail() {
    let dir = test_file("broken", "func TestX(t *testing.T) { undefined1() }");
    let out = gosub(&dir, &["test", "x_test.go"], "");
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(
        text(&out.stdout),
        "FAIL\tcommand-line-arguments [build failed]\nFAIL\n"
    );
    assert!(text(&out.stderr).contains("./x_test.go:5:28: undefined: undefined1"));
}

#[test]
fn benchmarks_print_gos_columns() {
    let dir = test_file(
        "bench",
        "func BenchmarkAdd(b *testing.B) { for b.Loop() { } }",
    );
    let args = [
        "test",
        "-bench",
        ".",
        "-benchtime",
        "100x",
        "-cpu",
        "1",
        "x_test.go",
    ];
    let got = text(&gosub(&dir, &args, "").stdout);
    let line = got
        .lines()
        .find(|l| l.starts_with("BenchmarkAdd"))
        .unwrap_or("");
    let fields: Vec<&str> = line.split('\t').collect();
    assert_eq!(fields.len(), 3, "{got}");
    assert_eq!(fields[1], "     100", "{got}");
    assert!(fields[2].ends_with(" ns/op"), "{got}");
}

#[test]
fn benchmarks_without_figures() {
    let dir = test_file(
        "bench_ends",
        "func BenchmarkBad(b *testing.B) { b.Error(\"bad\") }\n\
         func BenchmarkSkip(b *testing.B) { b.Skip() }\n\
         func BenchmarkTwice(b *testing.B) { b.Log(\"log\") }\n\
         func BenchmarkPanic(b *testing.B) { panic(\"boom\") }",
    );
    let run = |more: &[&str]| {
        let mut args = vec!["test", "-run=^$", "-benchtime=1x", "-cpu=1"];
        args.extend(more);
        text(&gosub(&dir, &args, "").stdout)
    };
    // The header comes with the first figures, or with the first name.
    let got = run(&["-bench=Panic"]);
    assert!(got.starts_with("panic: boom"), "{got}");
    let got = run(&["-bench=Panic", "-v"]);
    assert!(got.starts_with("goos: "), "{got}");
    let got = run(&["-bench=Bad|Skip|Twice", "-count=2", "-json"]);
    for line in [
        "\"Output\":\"    x_test.go:5: bad\\n\",\"OutputType\":\"error\"}",
        "\"Action\":\"fail\",\"Package\":\"bench_ends\",\"Test\":\"BenchmarkBad\"}",
        "\"Action\":\"skip\",\"Package\":\"bench_ends\",\"Test\":\"BenchmarkSkip\"}",
        "\"Package\":\"bench_ends\",\"Test\":\"BenchmarkTwice\",\"Output\":\"    x_test.go:7: log\\n\"}",
        // What the second round prints is nobody's.
        "\"Action\":\"output\",\"Package\":\"bench_ends\",\"Output\":\"    x_test.go:7: log\\n\"}",
    ] {
        assert!(got.contains(line), "{line} in {got}");
    }
}

#[test]
fn files_below_the_current_directory_have_short_names() {
    let dir = test_file("names", "func  F() {}");
    let out = gosub(&dir, &["fmt", "-l", "."], "");
    assert_eq!(both(&out), "x_test.go\n--- stderr\n");
}

#[test]
fn own_tests_come_before_those_of_the_external_package() {
    let dir = test_file("order", "func TestOwn(t *testing.T) {}\nfunc Example() {}");
    let outside = "package x_test\n\nimport \"testing\"\n\nfunc TestOutside(t *testing.T) {}\n";
    std::fs::write(dir.join("a_test.go"), outside).expect("writable");
    let got = text(&gosub(&dir, &["test", "-v"], "").stdout);
    let runs: Vec<&str> = got.lines().filter(|l| l.starts_with("=== RUN")).collect();
    assert_eq!(runs, ["=== RUN   TestOwn", "=== RUN   TestOutside"]);
}

#[test]
fn the_tour_leads_to_every_example() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let tour = std::fs::read_to_string(dir.join("README.md")).expect("the tour");
    for e in std::fs::read_dir(&dir).expect("examples") {
        let name = e.expect("an entry").file_name();
        let name = name.to_str().expect("a name");
        if name.ends_with(".gosub") {
            assert_eq!(tour.matches(&format!("({name})")).count(), 1, "{name}");
        }
    }
    for part in tour.split("](").skip(1) {
        let target = part.split(')').next().expect("a link");
        assert!(dir.join(target).exists(), "{target}");
    }
}

#[test]
fn failfast_leaves_examples_alone() {
    let dir = test_file(
        "failfast",
        "func TestA(t *testing.T) { t.Fail() }\nfunc TestB(t *testing.T) { t.Fail() }\n\
         func Example() {\n\tprintln()\n\t// Output: x\n}",
    );
    let got = text(&gosub(&dir, &["test", "-failfast", "."], "").stdout);
    assert!(got.contains("--- FAIL: TestA"), "{got}");
    assert!(!got.contains("TestB"), "{got}");
    assert!(
        steady(&got).contains("--- FAIL: Example (T)\ngot:\n\nwant:\nx\n"),
        "{got}"
    );
}

#[test]
fn misspelt_commands_and_flags_get_hints() {
    let dir = root("script");
    let hint = |args: &[&str], want: &str| {
        let out = gosub(&dir, args, "");
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(
            text(&out.stderr).contains(want),
            "{args:?}: {}",
            text(&out.stderr)
        );
    };
    hint(&["chekc", "x.go"], "did you mean gosub check?");
    hint(&["--rcae", "x.go"], "did you mean --race?");
    hint(&["test", "-shufle"], "did you mean -shuffle?");
}
