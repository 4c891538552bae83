//! Races, deadlocks and lost goroutines as the commands report them. `tests/testing/kernels`
//! has small test files, each with a bug of a kind that real programs had; the first line
//! says what `gosub test -race` must find at the first run:
//!
//! ```text
//! // finds: deadlock     or leak, race, panic, nothing
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn command(args: &[&str]) -> Command {
    let mut cmd = Command::new(env!("CARGO_BIN_EXE_gosub"));
    cmd.args(args)
        .env_remove("GOMAXPROCS")
        .env_remove("GORACE")
        .env("NO_COLOR", "1");
    cmd
}
fn gosub(args: &[&str]) -> Output {
    command(args).output().expect("the binary starts")
}
fn text(b: &[u8]) -> String {
    String::from_utf8_lossy(b).into_owned()
}
fn both(o: &Output) -> String {
    text(&o.stdout) + &text(&o.stderr)
}
/// A file for one test, under cargo's folder for such files.
fn file(name: &str, content: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("watch");
    std::fs::create_dir_all(&dir).expect("the folder is writable");
    let path = dir.join(name);
    std::fs::write(&path, content).expect("the folder is writable");
    path
}
fn name(p: &Path) -> &str {
    p.to_str().expect("a path in UTF-8")
}
/// Asserts that the pieces occur in this order.
fn in_order(text: &str, pieces: &[&str]) {
    let mut at = 0;
    for p in pieces {
        match text[at..].find(p) {
            Some(i) => at += i + p.len(),
            None => panic!("no {p:?} after byte {at} of:\n{text}"),
        }
    }
}

#[test]
fn bugs_are_found_at_the_first_run() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testing/kernels");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the folder is there")
        .map(|e| e.expect("readable").path())
        .collect();
    files.sort();
    assert!(files.len() > 20);
    let mut wrong = String::new();
    for f in &files {
        let source = std::fs::read_to_string(f).expect("readable");
        let want = source
            .lines()
            .next()
            .and_then(|l| l.strip_prefix("// finds: "))
            .expect("a promise");
        let out = gosub(&["test", "-race", name(f)]);
        let got = both(&out);
        let sign = match want {
            "deadlock" => "are asleep - deadlock!",
            "leak" => "goroutine leak: ",
            "race" => "WARNING: DATA RACE",
            "panic" => "panic: ",
            "nothing" => "ok  \t",
            other => panic!("{}: {other:?}", f.display()),
        };
        let code = i32::from(want != "nothing");
        // A race may be all there is to see of a deadlock or a leak.
        let found = got.contains(sign) || code == 1 && got.contains("WARNING: DATA RACE");
        if !found || out.status.code() != Some(code) {
            wrong += &format!("{}: wanted {want}, {}\n{got}\n", f.display(), out.status);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn lost_goroutines_are_shown_without_the_detector_too() {
    let f = file(
        "lost_test.go",
        "package p\nimport \"testing\"\nfunc TestLost(t *testing.T) { c := make(chan int); go func() { c <- 1 }() }\n",
    );
    let out = gosub(&["test", name(&f)]);
    assert_eq!(out.status.code(), Some(0));
    in_order(
        &text(&out.stdout),
        &[
            "goroutine leak: 1 goroutine started by TestLost that nobody can wake any more:",
            "[chan send]:",
            "ok  \t",
        ],
    );
    let quiet = gosub(&["test", "-lost=false", name(&f)]);
    assert!(!both(&quiet).contains("leak"));
}

#[test]
fn other_schedules_can_be_left_out() {
    let f = file(
        "abba_test.go",
        "package p\nimport (\n\t\"sync\"\n\t\"testing\"\n)\n\
         func TestOrder(t *testing.T) {\n\tvar a, b sync.Mutex\n\tvar wg sync.WaitGroup\n\twg.Add(2)\n\
         \tgo func() { defer wg.Done(); a.Lock(); b.Lock(); b.Unlock(); a.Unlock() }()\n\
         \tgo func() { defer wg.Done(); b.Lock(); a.Lock(); a.Unlock(); b.Unlock() }()\n\
         \twg.Wait()\n}\n",
    );
    let out = gosub(&["test", "-race", name(&f)]);
    assert_eq!(out.status.code(), Some(1));
    let got = both(&out);
    in_order(
        &got,
        &[
            "all goroutines are asleep - deadlock!",
            "who waits for whom:",
            "waits for `wg` to be done",
        ],
    );
    assert!(
        got.contains("waits to lock `a`") && got.contains("holds it since"),
        "{got}"
    );
    let quiet = command(&["test", "-race", "-explore=false", name(&f)])
        .env("GORACE", "schedule=0")
        .env("GOMAXPROCS", "1")
        .output()
        .expect("the binary starts");
    assert_eq!(quiet.status.code(), Some(0), "{}", both(&quiet));
}

#[test]
fn a_deadlock_is_explained() {
    let f = file(
        "chain.go",
        "package main\n\nimport \"sync\"\n\nfunc produce(results chan int, wg *sync.WaitGroup) {\n\
         \tdefer wg.Done()\n\tresults <- 1\n}\n\nfunc main() {\n\tresults := make(chan int)\n\
         \twg := &sync.WaitGroup{}\n\twg.Add(1)\n\tgo produce(results, wg)\n\twg.Wait()\n\t<-results\n}\n",
    );
    let out = gosub(&["run", name(&f)]);
    assert_eq!(out.status.code(), Some(2));
    in_order(
        &text(&out.stderr),
        &[
            "fatal error: all goroutines are asleep - deadlock!",
            "goroutine 1 [sync.WaitGroup.Wait]:",
            "who waits for whom:",
            "goroutine 1 waits for `wg` to be done (chain.go:15); only goroutine ",
            "waits to send on `results` (chain.go:7); only goroutine 1 refers to it",
        ],
    );
}

#[test]
fn a_partial_deadlock_is_reported_while_the_rest_goes_on() {
    let f = file(
        "partial.go",
        "package main\n\nimport (\n\t\"fmt\"\n\t\"sync\"\n\t\"time\"\n)\n\n\
         func lose(depth int) {\n\tif depth > 0 {\n\t\tlose(depth - 1)\n\t\treturn\n\t}\n\tvar mu sync.Mutex\n\tgo func() {\n\t\tmu.Lock()\n\t\tmu.Lock()\n\t}()\n}\n\n\
         func main() {\n\tlose(5) // what it leaves on the stack is out of sight\n\tfor i := 0; i < 15; i++ {\n\t\ttime.Sleep(100 * time.Millisecond)\n\t}\n\tfmt.Println(\"done\")\n}\n",
    );
    let out = gosub(&["run", "-race", name(&f)]);
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(text(&out.stdout), "done\n");
    let err = text(&out.stderr);
    in_order(
        &err,
        &[
            "WARNING: PARTIAL DEADLOCK: 1 goroutine leaked",
            "waits to lock `mu` (partial.go:17); the same goroutine holds it since partial.go:16",
        ],
    );
    assert_eq!(err.matches("PARTIAL DEADLOCK").count(), 1);
}

const RACY: &str = "package main\n\nimport \"sync\"\n\nvar n int\n\nfunc main() {\n\tvar mu sync.Mutex\n\
     \tvar wg sync.WaitGroup\n\twg.Add(1)\n\tgo func() {\n\t\tdefer wg.Done()\n\t\tmu.Lock()\n\t\tn++\n\t\tmu.Unlock()\n\t}()\n\
     \tn = 2\n\tprintln(n + 1)\n\twg.Wait()\n}\n";

#[test]
fn people_get_names_places_locks_and_advice() {
    let f = file("human.go", RACY);
    let out = gosub(&["run", "-race", "--race-format=human", name(&f)]);
    assert_eq!(out.status.code(), Some(66));
    let err = text(&out.stderr);
    in_order(
        &err,
        &[
            "WARNING: DATA RACE",
            "created at:",
            "==================\n",
            "race on `n`",
        ],
    );
    assert!(
        err.contains("holding `mu` (locked at human.go:13)"),
        "{err}"
    );
    assert!(err.contains("missing: nothing orders the "), "{err}");
    assert!(err.contains("usual fix: hold `mu` also for the "), "{err}");
}

#[test]
fn programs_get_json_and_sarif() {
    let f = file("forms.go", RACY);
    let out = gosub(&["run", "-race", "--race-format=json", name(&f)]);
    assert_eq!(out.status.code(), Some(66));
    let err = text(&out.stderr);
    let line = err.lines().find(|l| l.starts_with('{')).expect("a line");
    in_order(
        line,
        &[
            "{\"kind\":\"race\",\"current\":{\"access\":",
            "\"name\":\"n\"",
            "\"previous\":",
        ],
    );
    let out = gosub(&["run", "-race", "--race-format=sarif", name(&f)]);
    assert_eq!(out.status.code(), Some(66));
    in_order(
        &text(&out.stderr),
        &[
            "\"version\":\"2.1.0\"",
            "\"ruleId\":\"data-race\"",
            "forms.go",
        ],
    );
}

#[test]
fn every_option_of_gorace_has_its_effect() {
    let f = file("options.go", RACY);
    let run = |options: &str| {
        command(&["run", "-race", name(&f)])
            .env("GORACE", options)
            .output()
            .expect("the binary starts")
    };
    assert_eq!(run("exitcode=7").status.code(), Some(7));
    assert_eq!(
        run("atexit_sleep_ms=1 history_size=7").status.code(),
        Some(66)
    );
    let once = run("halt_on_error=1");
    assert_eq!(once.status.code(), Some(66));
    assert_eq!(text(&once.stderr).matches("WARNING: DATA RACE").count(), 1);
    let dir = format!("{}/", f.parent().expect("a folder").display());
    let short = text(&run(&format!("strip_path_prefix={dir}")).stderr);
    assert!(short.contains("      options.go:"), "{short}");
    let log = f.with_extension("log");
    let out = run(&format!("log_path={}", log.display()));
    assert!(!text(&out.stderr).contains("DATA RACE"));
    let written = std::fs::read_dir(f.parent().expect("a folder"))
        .expect("readable")
        .map(|e| e.expect("readable").path())
        .filter(|p| p.to_string_lossy().starts_with(&*log.to_string_lossy()));
    let mut found = 0;
    for p in written {
        let t = std::fs::read_to_string(&p).expect("readable");
        found += t.matches("WARNING: DATA RACE").count();
        std::fs::remove_file(p).expect("ours");
    }
    assert!(found >= 1);
    // The same seed stands for the same kind of schedule; the verdict is the same in all.
    for n in 0..4 {
        assert_eq!(run(&format!("schedule={n}")).status.code(), Some(66));
    }
}
