//! The command line: hostile input, wrong usage, help, machine-readable errors.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn gosub(args: &[&str]) -> Output {
    let mut cmd = Command::new(env!("CARGO_BIN_EXE_gosub"));
    cmd.args(args).env_remove("GOMAXPROCS").env("NO_COLOR", "1");
    cmd.output().expect("the binary starts")
}

/// A file for one test, under cargo's folder for such files.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let dir = path.parent().expect("a folder");
    std::fs::create_dir_all(dir).expect("the folder is writable");
    std::fs::write(&path, content).expect("the folder is writable");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Exit code 1 or 2 (no signal, no success) and an explanation.
fn refused(args: &[&str]) {
    let out = gosub(args);
    let code = out.status.code();
    assert!(matches!(code, Some(1 | 2)), "{args:?}: {:?}", out.status);
    assert!(!out.stderr.is_empty(), "{args:?}: no explanation");
    assert!(
        out.stdout.is_empty(),
        "{args:?}: printed to standard output"
    );
}

fn refused_file(name: &str, content: &[u8]) {
    let path = file(name, content);
    refused(&["run", text(&path)]);
    refused(&["check", text(&path)]);
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn binary_garbage() {
    // A fixed xorshift sequence: any bytes will do, the same ones each time.
    let mut x: u32 = 0x9e37_79b9;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x as u8
    };
    let bytes: Vec<u8> = (0..100_000).map(|_| next()).collect();
    refused_file("garbage.go", &bytes);
    refused_file(
        "elf.go",
        &[b"\x7fELF\x02\x01\x01".as_slice(), &[0; 4096]].concat(),
    );
    let wide: Vec<u8> = "package main\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    refused_file("utf16.go", &[b"\xff\xfe".as_slice(), &wide].concat());
    refused_file("nul.go", b"package main\nfunc main() { \0 }\n");
    refused_file("empty.go", b"");
}

#[test]
fn what_cannot_run_is_named() {
    let dir = std::env::temp_dir().join(format!("gosub-named-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let lib = dir.join("lib.go");
    std::fs::write(&lib, "package lib\n").expect("written");
    let elf = dir.join("elf");
    std::fs::write(&elf, [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 64]].concat()).expect("written");
    for (args, want) in [
        (
            vec![lib.to_str().expect("UTF-8")],
            "package lib is not a main package",
        ),
        (
            vec![elf.to_str().expect("UTF-8")],
            "a binary file, not Go source",
        ),
        (vec!["build", "x.go"], "without being built"),
        (vec!["-c", "x"], "unknown flag -c; -e CODE"),
        (vec!["--read=/no/such", "x.go"], "no such file or directory"),
    ] {
        let out = gosub(&args);
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            err.contains(want) && !out.status.success(),
            "{args:?}: {err}"
        );
        assert!(err.lines().count() <= 2, "{args:?}: {err}");
    }
    let _ = std::fs::remove_dir_all(&dir);
}

#[test]
fn a_line_of_ten_megabytes() {
    let long = "a ".repeat(5_000_000);
    refused_file(
        "long_line.go",
        format!("package main\nfunc main() {{ {long} }}\n").as_bytes(),
    );
}

#[test]
fn a_hundred_thousand_parentheses() {
    let nested = format!(
        "package main\nvar x = {}1{}\nfunc main() {{}}\n",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    refused_file("parens.go", nested.as_bytes());
    refused_file(
        "open_parens.go",
        format!("package main\nvar x = {}\n", "(".repeat(100_000)).as_bytes(),
    );
    refused_file(
        "open_braces.go",
        format!("package main\nfunc main() {}\n", "{".repeat(100_000)).as_bytes(),
    );
}

#[test]
fn files_that_cannot_be_read() {
    refused(&["no/such/file.go"]);
    refused(&["check", "no/such/file.go"]);
    refused(&[env!("CARGO_TARGET_TMPDIR")]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = file("unreadable.go", b"package main\nfunc main() { nonsense }\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000))
            .expect("our own file");
        // The superuser may read it all the same, and then finds the error in it.
        refused(&[text(&path)]);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .expect("our own file");
    }
}

#[test]
fn wrong_usage() {
    for args in [
        &[][..],
        &["run"],
        &["check"],
        &["dis"],
        &["--no-such-flag", "x.go"],
        &["check", "--error-format=xml", "x.go"],
    ] {
        refused(args);
        assert_eq!(gosub(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_program_without_main() {
    let path = file("no_main.go", b"package main\n\nfunc Main() {}\n");
    let out = gosub(&[text(&path)]);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&out.stderr)
            .contains("function main is undeclared in the main package")
    );
}

#[test]
fn version_and_help() {
    for args in [&["version"][..], &["--version"]] {
        let out = gosub(args);
        assert!(
            out.status.success() && stdout(&out).starts_with("gosub version "),
            "{args:?}"
        );
    }
    for args in [&["help"][..], &["--help"], &["-h"], &["check", "--help"]] {
        let out = gosub(args);
        assert!(
            out.status.success() && stdout(&out).contains("usage:"),
            "{args:?}"
        );
        let whole = args.len() == 1;
        assert_eq!(stdout(&out).contains("exit codes:"), whole, "{args:?}");
    }
}

#[test]
fn errors_as_json() {
    let path = file(
        "errors.go",
        b"package main\n\nfunc main() {\n\tx := \"a\" + 1\n\ty\n}\n",
    );
    let out = gosub(&["check", "--error-format=json", text(&path)]);
    assert_eq!(out.status.code(), Some(1));
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(err.lines().count() >= 2, "{err}");
    for line in err.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
        for key in [
            "file",
            "line",
            "column",
            "end_line",
            "end_column",
            "severity",
            "code",
            "message",
        ] {
            assert!(
                line.contains(&format!("\"{key}\":")),
                "{key} is missing: {line}"
            );
        }
    }
}

#[test]
fn a_script_with_arguments() {
    let source = b"#!/usr/bin/env gosub\npackage main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n\tfmt.Println(os.Args[1:])\n}\n";
    let path = file("script.gosub", source);
    let out = gosub(&[text(&path), "-x", "--help", "y"]);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert_eq!(stdout(&out), "[-x --help y]\n");
}

#[test]
fn listings() {
    let path = file("listing.go", b"package main\n\nfunc add(a, b int) int { return a + b }\n\nfunc main() { println(add(1, 2)) }\n");
    let out = gosub(&["dis", text(&path)]);
    assert!(out.status.success());
    assert!(
        stdout(&out).contains("add") && stdout(&out).contains("Add"),
        "{}",
        stdout(&out)
    );
}

/// Runs a program with flags; it must die with code 2 and say `what`.
fn dies(name: &str, flags: &[&str], program: &str, what: &str) -> String {
    let path = file(name, program.as_bytes());
    let mut args = vec!["run"];
    args.extend(flags);
    args.push(text(&path));
    let out = gosub(&args);
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{err}");
    assert!(err.contains(what), "{what:?} is not in:\n{err}");
    err
}

#[test]
fn limits_end_a_run() {
    let spin = "package main\n\nfunc main() {\n\tfor {\n\t}\n}\n";
    let err = dies(
        "spin.go",
        &["--timeout=100ms"],
        spin,
        "fatal error: timeout",
    );
    assert!(err.contains("main.main("), "no stack in:\n{err}");
    let asleep = "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n";
    dies("asleep.go", &["--timeout", "100ms"], asleep, "[sleep]:");
    let many = "package main\n\nfunc main() {\n\tfor {\n\t\tgo func() { select {} }()\n\t}\n}\n";
    dies(
        "many.go",
        &["--max-goroutines=100"],
        many,
        "fatal error: too many goroutines",
    );
    dies("stacks.go", &["--max-memory=60MB"], many, "out of memory");
    let keep = "package main\n\nvar all [][]byte\n\nfunc main() {\n\tfor {\n\t\tall = append(all, make([]byte, 1<<20))\n\t}\n}\n";
    dies("keep.go", &["--max-memory=60MB"], keep, "out of memory");
}

#[test]
fn limits_leave_others_alone() {
    let fine = "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tn := 0\n\tfor range 200 {\n\t\tn += len(make([]byte, 1<<20))\n\t}\n\tfmt.Println(n)\n}\n";
    let path = file("fine.go", fine.as_bytes());
    let flags = ["--max-memory=100MB", "--max-goroutines=5", "--timeout=1h"];
    let out = gosub(&["run", flags[0], flags[1], flags[2], text(&path)]);
    assert_eq!(stdout(&out), "209715200\n", "{:?}", out);
    for bad in ["--timeout=soon", "--max-memory=-1", "--max-goroutines=0"] {
        refused(&["run", bad, text(&path)]);
    }
}

#[test]
fn a_sandbox_refuses_with_errors() {
    let dir = file("sandbox_in/f.txt", b"data");
    let dir = dir.parent().expect("a folder");
    let program = "\
try := func(what string, err error) { fmt.Println(what, err != nil && errors.Is(err, fs.ErrPermission)) }
b, err := os.ReadFile(os.Args[1] + \"/f.txt\")
fmt.Printf(\"%s %v\\n\", b, err)
_, err = os.ReadFile(\"/etc/passwd\")
try(\"read\", err)
try(\"write\", os.WriteFile(os.Args[1]+\"/g\", nil, 0o600))
_, err = os.Stat(\"/etc\")
try(\"stat\", err)
_, err = net.Listen(\"tcp\", \"127.0.0.1:0\")
try(\"listen\", err)
_, err = net.Dial(\"tcp\", \"127.0.0.1:1\")
try(\"dial\", err)
try(\"run\", exec.Command(\"/bin/true\").Run())
_, err = os.StartProcess(\"/bin/true\", nil, &os.ProcAttr{})
try(\"start\", err)
try(\"exec\", syscall.Exec(\"/bin/true\", nil, nil))
try(\"link\", os.Symlink(\"/etc\", os.Args[1]+\"/etc\"))
_, err = net.LookupHost(\"localhost\")
fmt.Println(err)
";
    let f = file("sandbox.gosub", program.as_bytes());
    let read = format!("--read={}", text(dir));
    let out = gosub(&["--no-net", "--no-exec", &read, text(&f), text(dir)]);
    let want = "data <nil>\nread true\nwrite true\nstat true\nlisten true\ndial true\nrun true\n\
                start true\nexec true\nlink true\nlookup localhost: operation not permitted\n";
    assert_eq!(
        stdout(&out),
        want,
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn scheduler_trace() {
    let program =
        "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(30 * time.Millisecond) }\n";
    let path = file("trace.go", program.as_bytes());
    let run = |debug: &str| {
        let mut cmd = Command::new(env!("CARGO_BIN_EXE_gosub"));
        cmd.args(["run", text(&path)]).env("GODEBUG", debug);
        let out = cmd.env("GOMAXPROCS", "2").output();
        String::from_utf8_lossy(&out.expect("the binary starts").stderr).into_owned()
    };
    let plain = run("schedtrace=10");
    let first = plain.lines().next().unwrap_or("");
    assert!(
        first.starts_with("SCHED 0ms: gomaxprocs=2 idleprocs=")
            && first.contains(" runqueue=")
            && first.contains(" schedticks=["),
        "{plain}"
    );
    assert!(plain.lines().count() >= 2, "{plain}");
    let detail = run("schedtrace=10,scheddetail=1");
    for part in [
        "sysmonwait=",
        "\n  P1: status=",
        "\n  M0: p=",
        "\n  G1: status=",
    ] {
        assert!(detail.contains(part), "{part:?} is not in:\n{detail}");
    }
}

#[test]
fn the_library_is_laid_out() {
    let out = gosub(&["fmt", "-l", "stdlib", "examples"]);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "");
    assert!(out.status.success());
}

#[test]
fn fmt_lays_out_files() {
    let path = file("layout.gosub", b"package main\nfunc main(){println( 1 )}\n");
    let laid_out = "package main\n\nfunc main() { println(1) }\n";
    let out = gosub(&["fmt", text(&path)]);
    assert_eq!(stdout(&out), laid_out);
    let out = gosub(&["fmt", "-l", text(&path)]);
    assert_eq!(stdout(&out), format!("{}\n", text(&path)));
    let out = gosub(&["fmt", "-d", text(&path)]);
    assert!(stdout(&out).contains("-func main(){println( 1 )}\n+\n+func main() { println(1) }\n"));
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(gosub(&["fmt", "-w", text(&path)]).status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), laid_out);
    let out = gosub(&["fmt", "-l", text(&path)]);
    assert_eq!(stdout(&out), "");
    let path = file("faulty_layout.gosub", b"package main\nfunc main( {\n");
    let out = gosub(&["fmt", "-w", text(&path)]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stdout(&out).is_empty() && !out.stderr.is_empty());
}

#[test]
fn vet_warns_and_check_passes() {
    let source = b"package main\n\nfunc main() {\n\tx := 1\n\tx = x\n}\n";
    let path = file("vetted.gosub", source);
    let out = gosub(&["vet", "--error-format=short", text(&path)]);
    assert_eq!(out.status.code(), Some(1));
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        err.ends_with("vetted.gosub:5:2: self-assignment of x\n"),
        "{err}"
    );
    let out = gosub(&["check", text(&path)]);
    assert_eq!(out.status.code(), Some(0));
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(err.contains(":5:2: warning: self-assignment of x"), "{err}");
    // Tools that ask for the short form hear only of what is never meant.
    let out = gosub(&["check", "--error-format=short", text(&path)]);
    assert_eq!(out.status.code(), Some(0));
    assert!(out.stderr.is_empty());
}

#[test]
fn explain_and_doc() {
    let out = gosub(&["explain", "VetCopyLocks"]);
    assert!(stdout(&out).starts_with("VetCopyLocks\n\n"));
    assert!(stdout(&gosub(&["explain"])).contains("\nUnusedVar"));
    let out = gosub(&["explain", "UnusedVra"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("did you mean UnusedVar"));
    let out = stdout(&gosub(&["doc", "sync.WaitGroup"]));
    assert!(
        out.starts_with("package sync // import \"sync\"\n\ntype WaitGroup struct {"),
        "{out}"
    );
    assert!(out.contains("\nfunc (wg *WaitGroup) Wait()\n"), "{out}");
    assert!(stdout(&gosub(&["doc", "strings"])).contains("\nfunc Index("));
    assert_eq!(gosub(&["doc", "strings.Nope"]).status.code(), Some(1));
}

/// A running program, its output and its messages.
fn started(name: &str, program: &str) -> std::process::Child {
    let path = file(name, program.as_bytes());
    Command::new(env!("CARGO_BIN_EXE_gosub"))
        .args(["run", text(&path)])
        .env("GOMAXPROCS", "1")
        .env("NO_COLOR", "1")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// One goroutine that never stops: signals are served all the same.
#[test]
fn a_signal_finds_a_busy_program() {
    use std::io::{BufRead, BufReader, Read};
    let program = "package main\n\nfunc spin() {\n\tfor {\n\t}\n}\n\nfunc main() {\n\tprintln(\"ready\")\n\tspin()\n}\n";
    let mut child = started("busy.gosub", program);
    let mut err = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    err.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let kill = format!("kill -QUIT {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("a shell").success());
    let mut rest = String::new();
    err.read_to_string(&mut rest).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(2));
    assert!(rest.contains("goroutine 1"), "{rest}");
    assert!(rest.contains("main.spin("), "{rest}");
}

/// A timer fires although the only goroutine waits for its reader.
#[test]
fn a_timer_fires_while_a_write_blocks() {
    use std::io::{BufRead, BufReader, Read};
    for start in ["", "go println(\"started\")\n\t"] {
        let program = format!(
            "package main\n\nimport (\n\t\"os\"\n\t\"time\"\n)\n\nfunc main() {{\n\t{start}time.AfterFunc(0, func() {{ println(\"fired\") }})\n\tos.Stdout.Write(make([]byte, 1<<20))\n}}\n"
        );
        let mut child = started(&format!("full{}.gosub", start.len()), &program);
        let mut err = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while line != "fired\n" {
            line.clear();
            assert_ne!(err.read_line(&mut line).expect("a line"), 0);
        }
        let mut all = Vec::new();
        let out = child.stdout.as_mut().expect("a pipe");
        out.read_to_end(&mut all).expect("bytes");
        assert_eq!(all.len(), 1 << 20);
        assert!(child.wait().expect("it ends").success());
    }
}
