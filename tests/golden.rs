//! Runs every program under `tests/run`, `tests/fail`, `tests/race` and `examples` with the built binary
//! and compares what happens with what the program's own comments promise.
//!
//! Comments before the package clause say how to run it:
//!
//! ```text
//! // args: a b          arguments of the program
//! // exit: 2            exit code (default 0)
//! // stderr: TEXT       must occur in standard error; may be given several times
//! // procs: 1 2 8       one run for each of these values of GOMAXPROCS
//! // repeat: N          that many runs (of each)
//! // env: NAME=VALUE     an environment variable; may be given several times
//! ```
//!
//! The last comment of the file gives the standard output, one comment line per line
//! (white space at the ends of lines is not compared):
//!
//! ```text
//! // Output:            or: // Unordered output:  (lines compared after sorting)
//! // first line
//! //
//! // third line
//! ```
//!
//! Without `stderr:` and `exit:`, standard error must be empty. Under `tests/fail` nothing
//! is run; `gosub check` must exit with 1 and report errors on exactly the marked lines:
//!
//! ```text
//! x := nope // ERROR "undefined: nope"      several texts: several errors on this line
//! ```
//!
//! Programs under `tests/race` run with `-race`. Two lines marked with the same name are a
//! race that must be reported (a name that stands once: the line races with itself); no
//! other may be. With a race the exit code must be 66.
//!
//! ```text
//! x++ // race: name
//! ```
//!
//! A file that promises nothing fails. `GOSUB_BLESS=1` writes the `Output` comments anew
//! from what the binary prints; read the difference before you commit it.

#[path = "golden/promise.rs"]
mod promise;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use promise::{OUTPUT, Outcome, Promise, UNORDERED, head, marks, output_start};

/// How long one run may take before it is killed.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Programs tested at the same time.
const THREADS: usize = 2;

/// Runs the binary; an error when it could not be started or took too long.
fn gosub(args: &[&str], procs: Option<&str>, env: &[String]) -> Result<Outcome, String> {
    let mut cmd = Command::new(env!("CARGO_BIN_EXE_gosub"));
    cmd.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    cmd.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in ["GOMAXPROCS", "GOGC", "GOTRACEBACK", "GORACE"] {
        cmd.env_remove(name);
    }
    if let Some(n) = procs {
        cmd.env("GOMAXPROCS", n);
    }
    cmd.envs(env.iter().filter_map(|v| v.split_once('=')));
    let text = |e: io::Error| e.to_string();
    let mut child = cmd.spawn().map_err(text)?;
    let out = child.stdout.take().map(collect);
    let err = child.stderr.take().map(collect);
    let end = Instant::now() + TIME_LIMIT;
    let status = loop {
        match child.try_wait().map_err(text)? {
            Some(s) => break s,
            None if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            None => {
                child.kill().and_then(|()| child.wait()).map_err(text)?;
                return Err(format!("still running after {TIME_LIMIT:?}"));
            }
        }
    };
    let join =
        |t: Option<thread::JoinHandle<String>>| t.and_then(|t| t.join().ok()).unwrap_or_default();
    Ok(Outcome {
        code: status.code(),
        stdout: join(out),
        stderr: join(err),
    })
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What arrived before an error is still worth comparing.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Tests one program that runs.
fn test_run(path: &str, text: &str) -> Result<(), String> {
    let p = Promise::parse(text)?;
    let mut args = vec!["run", path];
    args.extend(p.args.iter().map(String::as_str));
    if std::env::var_os("GOSUB_BLESS").is_some() && (p.output.is_some() || p.is_empty()) {
        return bless(
            path,
            text,
            &p,
            &gosub(&args, p.procs.first().map(String::as_str), &p.env)?,
        );
    }
    if p.is_empty() {
        return Err(format!(
            "promises nothing: add a comment `{OUTPUT}` at the end"
        ));
    }
    let each: Vec<Option<&str>> = if p.procs.is_empty() {
        vec![None]
    } else {
        p.procs.iter().map(|s| Some(s.as_str())).collect()
    };
    for procs in each {
        for n in 1..=p.repeat {
            let checked = gosub(&args, procs, &p.env).and_then(|got| p.check(&got));
            checked
                .map_err(|e| format!("GOMAXPROCS={}, run {n}: {e}", procs.unwrap_or("default")))?;
        }
    }
    Ok(())
}

/// Tests one program under the race detector.
fn test_race(path: &str, text: &str) -> Result<(), String> {
    let p = Promise::parse(text)?;
    let want = promise::race_marks(text)?;
    let exit = if want.is_empty() { 0 } else { 66 };
    for procs in &p.procs {
        for n in 1..=p.repeat {
            let got = gosub(&["run", "-race", path], Some(procs), &p.env)?;
            let found = promise::races(&got.stderr, path);
            if found != want || got.code != Some(exit) {
                return Err(format!(
                    "GOMAXPROCS={procs}, run {n}: exit code {:?}, want {exit}; races {found:?}, want {want:?}:\n{}",
                    got.code,
                    head(&got.stderr)
                ));
            }
        }
    }
    if p.procs.is_empty() {
        return Err("say `// procs:` with which GOMAXPROCS to run".into());
    }
    Ok(())
}

/// Rewrites the output comment.
fn bless(path: &str, text: &str, p: &Promise, got: &Outcome) -> Result<(), String> {
    if got.code != Some(p.exit.unwrap_or(0)) {
        return Err(format!(
            "not blessed: exit code {:?}\n{}",
            got.code,
            head(&got.stderr)
        ));
    }
    let (body, mark) = match output_start(text) {
        Some((i, unordered)) => (&text[..i], if unordered { UNORDERED } else { OUTPUT }),
        None => (text, OUTPUT),
    };
    let mut new = format!("{}\n\n{mark}\n", body.trim_end());
    let mut lines: Vec<&str> = got.stdout.lines().map(str::trim_end).collect();
    if mark == UNORDERED {
        lines.sort_unstable();
    }
    for l in lines {
        new.push_str(if l.is_empty() { "//" } else { "// " });
        new.push_str(l);
        new.push('\n');
    }
    if new == text {
        return Ok(());
    }
    println!("blessed {path}");
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), new).map_err(|e| e.to_string())
}

/// Tests one program that must be rejected.
fn test_fail(path: &str, text: &str) -> Result<(), String> {
    let mut missing = marks(text);
    if missing.is_empty() {
        return Err("promises nothing: mark a line with `// ERROR \"text\"`".into());
    }
    let got = gosub(&["check", "--error-format=short", path], None, &[])?;
    let mut wrong = String::new();
    if got.code != Some(1) {
        let _ = writeln!(wrong, "exit code {:?}, want 1", got.code);
    }
    for line in got.stderr.lines() {
        // Details of a message stand on indented lines after it.
        if line.starts_with(char::is_whitespace) {
            continue;
        }
        let place = line
            .strip_prefix(path)
            .and_then(|l| l.strip_prefix(':'))
            .and_then(|l| l.split_once(':'));
        let found = place.and_then(|(n, message)| {
            let n: usize = n.parse().ok()?;
            missing
                .iter()
                .position(|(at, t)| *at == n && message.contains(t))
        });
        match found {
            Some(i) => drop(missing.remove(i)),
            None => drop(writeln!(wrong, "unexpected: {line}")),
        }
    }
    for (n, t) in missing {
        let _ = writeln!(wrong, "not reported: {path}:{n}: {t}");
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// All programs under `dir`, paths relative to the crate.
fn programs(dir: &str, into: &mut VecDeque<String>) -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut entries: Vec<PathBuf> = std::fs::read_dir(root.join(dir))?
        .map(|e| Ok(e?.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        let name = format!("{dir}/{name}");
        if path.is_dir() {
            programs(&name, into)?;
        } else if name.ends_with(".gosub") || name.ends_with(".go") {
            into.push_back(name);
        }
    }
    Ok(())
}

fn test(path: &str) -> Result<(), String> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    // Programs may print bytes that are no text.
    let bytes = std::fs::read(full).map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    if path.starts_with("tests/fail/") {
        test_fail(path, &text)
    } else if path.starts_with("tests/race/") {
        test_race(path, &text)
    } else {
        test_run(path, &text)
    }
}

#[test]
fn programs_do_what_they_promise() {
    let mut queue = VecDeque::new();
    for dir in ["examples", "tests/run", "tests/fail", "tests/race"] {
        programs(dir, &mut queue).unwrap_or_else(|e| panic!("{dir}: {e}"));
    }
    let total = queue.len();
    let queue = Mutex::new(queue);
    let failures = Mutex::new(Vec::new());
    let next = || queue.lock().ok()?.pop_front();
    thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                while let Some(path) = next() {
                    if let Err(why) = test(&path)
                        && let Ok(mut f) = failures.lock()
                    {
                        f.push(format!("{path}: {why}"));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(|e| e.into_inner());
    failures.sort();
    let summary = format!(
        "{} passed, {} failed",
        total - failures.len(),
        failures.len()
    );
    println!("{summary}");
    assert!(
        total > 0 && failures.is_empty(),
        "{}\n{summary}",
        failures.join("\n")
    );
}
