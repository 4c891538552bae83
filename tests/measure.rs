//! What `gosub test` measures beside the tests: coverage, profiles, fuzzing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn gosub(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gosub"))
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        // Inputs that fuzzing finds interesting are kept there.
        .env("XDG_CACHE_HOME", dir.join("cache"))
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

const TARGETS: &str = r#"package x

import (
	"math"
	"testing"
)

func FuzzAll(f *testing.F) {
	f.Add([]byte{1}, "a", true, 1, int8(2), int16(3), 'r', int64(5), uint(6), byte(7), uint16(8), uint32(9), uint64(10), float32(0.5), 1.5)
	f.Fuzz(func(t *testing.T, b []byte, s string, ok bool, i int, i8 int8, i16 int16, i32 int32, i64 int64, u uint, u8 uint8, u16 uint16, u32 uint32, u64 uint64, x float32, y float64) {
		if math.IsInf(y, 1) {
			t.Log(b, s, ok, i, i8, i16, i32, i64, u, u8, u16, u32, u64, x)
		}
	})
}

func FuzzPanic(f *testing.F) {
	f.Add([]byte("x"), 3)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n > 100 {
			if len(b) > 2 {
				panic("boom")
			}
		}
	})
}

func FuzzStuck(f *testing.F) {
	f.Fuzz(func(t *testing.T, n uint8) {
		if n > 10 {
			<-make(chan int)
		}
	})
}

func FuzzSeed(f *testing.F) {
	f.Add(1)
	f.Fuzz(func(t *testing.T, n int) {
		if n == 1 && testing.Short() {
			t.Fatal("no")
		}
	})
}
"#;

/// The one file that fuzzing wrote for a target.
fn written(dir: &Path, target: &str) -> (String, String) {
    let dir = dir.join("testdata/fuzz").join(target);
    let list = std::fs::read_dir(dir).expect("a corpus");
    let files: Vec<PathBuf> = list.flatten().map(|e| e.path()).collect();
    let [file] = &files[..] else {
        panic!("{files:?}");
    };
    let name = file.file_name().expect("a name").to_string_lossy();
    let text = std::fs::read_to_string(file).expect("readable");
    (name.into_owned(), text)
}

#[test]
fn inputs_in_files_run_as_seeds() {
    let dir = folder("fuzz-seeds");
    write(&dir, "x_test.go", TARGETS);
    let corpus = dir.join("testdata/fuzz/FuzzAll");
    std::fs::create_dir_all(&corpus).expect("writable");
    let text = "go test fuzz v1\n[]byte(\"\\x00a\")\nstring(`b\"`)\nbool(false)\nint(-5)\n\
        int8(-128)\nint16(7)\nrune('\\'')\nint64(0x10)\nuint(3)\nbyte('\\xff')\nuint16(1)\n\
        uint32(2)\nuint64(18446744073709551615)\nmath.Float32frombits(0x3f000000)\n\
        float64(+Inf)\n";
    write(&corpus, "one", text);
    let o = gosub(&dir, &["test", "-v", "-run=FuzzAll/one"]);
    let out = text_of(&o);
    assert!(o.status.success(), "{out}");
    let log = "[0 97] b\" false -5 -128 7 39 16 3 255 1 2 18446744073709551615 0.5\n";
    assert!(out.contains(log), "{out}");
}

fn text_of(o: &Output) -> String {
    format!("{}{}", text(&o.stdout), text(&o.stderr))
}

#[test]
fn fuzzing_finds_makes_smaller_and_writes() {
    let dir = folder("fuzz-finds");
    write(&dir, "x_test.go", TARGETS);
    let o = gosub(
        &dir,
        &["test", "-fuzz=Panic", "-fuzztime=100s", "-parallel=1", "."],
    );
    let out = text_of(&o);
    assert_eq!(o.status.code(), Some(1), "{out}");
    for line in [
        "0/1 completed\n",
        "1/1 completed, now fuzzing with 1 workers\n",
    ] {
        let line = format!("s, gathering baseline coverage: {line}");
        assert!(
            out.starts_with("fuzz: elapsed: ") && out.contains(&line),
            "{out}"
        );
    }
    let (name, input) = written(&dir, "FuzzPanic");
    assert_eq!(input, "go test fuzz v1\n[]byte(\"000\")\nint(101)\n");
    let end = format!(
        "    \n    Failing input written to testdata/fuzz/FuzzPanic/{name}\n    To re-run:\n    \
         gosub test -run=FuzzPanic/{name}\nFAIL\n"
    );
    assert!(
        out.contains(&end) && out.contains(": panic: boom\n"),
        "{out}"
    );
    let o = gosub(&dir, &["test", &format!("-run=FuzzPanic/{name}"), "."]);
    assert!(text_of(&o).contains("panic: boom"), "{}", text_of(&o));
}

#[test]
fn an_input_that_ends_the_process_is_written() {
    let dir = folder("fuzz-stuck");
    write(&dir, "x_test.go", TARGETS);
    let o = gosub(&dir, &["test", "-fuzz=Stuck", "-fuzztime=100s"]);
    let out = text_of(&o);
    assert_eq!(o.status.code(), Some(1), "{out}");
    let why = "    fuzzing process hung or terminated unexpectedly: exit status 2\n    \
        fatal error: all goroutines are asleep - deadlock!\n";
    assert!(out.contains(why), "{out}");
    let (_, input) = written(&dir, "FuzzStuck");
    assert!(input.starts_with("go test fuzz v1\nbyte('"), "{input}");
}

#[test]
fn fuzzing_ends_after_so_many_runs() {
    let dir = folder("fuzz-count");
    write(&dir, "x_test.go", TARGETS);
    let o = gosub(
        &dir,
        &["test", "-fuzz=FuzzAll", "-fuzztime=300x", "-v", "-run=X"],
    );
    let out = text_of(&o);
    assert!(o.status.success(), "{out}");
    assert!(out.contains("s, execs: 300 (") && out.contains("--- PASS: FuzzAll ("));
    let o = gosub(&dir, &["test", "-fuzz=Seed", "-short", "-run=X"]);
    let out = text_of(&o);
    assert!(
        out.contains("failure while testing seed corpus entry: FuzzSeed/seed#0\n"),
        "{out}"
    );
    let o = gosub(&dir, &["test", "-fuzz=Fuzz", "-run=X"]);
    let names = "more than one fuzz test: [FuzzAll FuzzPanic FuzzStuck FuzzSeed]\n";
    assert!(text_of(&o).contains(names) && o.status.code() == Some(1));
    let o = gosub(&dir, &["test", "-fuzz=Nope", "-run=X"]);
    assert!(text_of(&o).starts_with("testing: warning: no fuzz tests to fuzz\n"));
    assert!(!dir.join("testdata").exists());
}

#[test]
fn the_profile_of_memory_names_who_allocates() {
    let dir = folder("memory");
    let body = "package x\n\nimport \"testing\"\n\nvar sink []byte\n\nfunc eat(n int) {\n\
        \tfor range n {\n\t\tsink = make([]byte, 4096)\n\t}\n}\n\n\
        func TestX(t *testing.T) { eat(10000) }\n";
    write(&dir, "x_test.go", body);
    let o = gosub(&dir, &["test", "-memprofile=mem"]);
    assert!(o.status.success(), "{}", text_of(&o));
    let code = "f, _ := os.Open(\"mem\"); z, _ := gzip.NewReader(f); b, _ := io.ReadAll(z); \
        fmt.Println(bytes.Contains(b, []byte(\"memory.eat\")))";
    let o = gosub(&dir, &["-e", code]);
    assert_eq!(text_of(&o), "true\n");
}

#[test]
fn profiles_are_written_even_if_tests_fail() {
    let dir = folder("profiles");
    let body = "package x\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { t.Fail() }\n";
    write(&dir, "x_test.go", body);
    std::fs::create_dir(dir.join("out")).expect("writable");
    let flags = [
        "test",
        "-cpuprofile=cpu",
        "-memprofile=mem",
        "-blockprofile=block",
        "-mutexprofile=mutex",
        "-trace=trace",
        "-outputdir=out",
    ];
    let o = gosub(&dir, &flags);
    assert_eq!(o.status.code(), Some(1), "{}", text_of(&o));
    for name in ["cpu", "mem", "block", "mutex"] {
        let bytes = std::fs::read(dir.join("out").join(name)).expect("a profile");
        assert!(bytes.starts_with(&[0x1f, 0x8b]), "{name}: {bytes:?}");
    }
    let trace = std::fs::read_to_string(dir.join("out/trace")).expect("a trace");
    assert!(trace.contains("\"traceEvents\""), "{trace}");
    let o = gosub(&dir, &["test", "-trace=/nowhere/there", "."]);
    assert!(text_of(&o).contains("testing: can't start tracing: open /nowhere/there: "));
}
