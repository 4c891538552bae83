//! `gosub test`: finds packages with tests, runs each in a process of its own (a panic or
//! os.Exit in a test ends only that process), and prints what `go test` prints.
//!
//! * `args` the command line · `find` packages and their files · `program` the test
//!   program of one package: generated main, load, run · `events` the -json form ·
//!   `explore` further runs under the race detector · `measure` coverage and profiles.
//!
//! The child's first byte on standard output is [`READY`] once everything has compiled,
//! [`VET`] before findings of vet, [`SETUP`] before functions that cannot be tests; what comes
//! without it are compile errors.

mod args;
mod events;
mod explore;
mod find;
mod measure;
mod program;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::options::exit;
use crate::base::render::Format;
use args::Args;
use find::Package;

pub use find::is_test;
pub use program::run as run_child;

/// See the module text.
pub const READY: u8 = 0x06;
pub const VET: u8 = 0x05;
pub const SETUP: u8 = 0x04;
/// The command under which gosub starts itself for one package.
pub const CHILD: &str = "test-program";

/// How the run of one package's tests ended.
enum Outcome {
    NoTests,
    Passed,
    Failed,
    BuildFailed,
}

/// `gosub test`; the exit code.
pub fn main(args: &[String], format: Option<Format>) -> i32 {
    let args = match args::parse(args) {
        Ok(a) => a,
        Err(e) => {
            eprintln!("gosub test: {e}\nrun 'gosub --help' for usage");
            return exit::FATAL;
        }
    };
    let packages = match find::packages(&args.packages) {
        Ok(p) => p,
        Err(e) => {
            eprintln!("gosub: {e}");
            return exit::FAILED;
        }
    };
    if let Some(flag) = args.single().filter(|_| packages.len() > 1) {
        eprintln!("cannot use -{flag} flag with multiple packages");
        return exit::FAILED;
    }
    let begun = args.cover.check(&packages);
    if let Err(e) = begun.and_then(|()| args.cover.begin(args.outputdir())) {
        eprintln!("{e}");
        return exit::FAILED;
    }
    let mut failed = false;
    let many = packages.len() > 1;
    for p in &packages {
        match test(p, &args, many, format) {
            Ok(Outcome::Passed | Outcome::NoTests) => {}
            Ok(_) => {
                failed = true;
                if args.failfast {
                    break;
                }
            }
            Err(e) => {
                eprintln!("gosub: {e}");
                failed = true;
            }
        }
    }
    if failed {
        if !args.json && !args.local {
            println!("FAIL");
        }
        exit::FAILED
    } else {
        exit::OK
    }
}

/// Where the output of one package's tests goes.
struct Sink<'a> {
    /// -json.
    events: Option<events::Converter>,
    /// Text is shown as it comes; otherwise kept, and shown if the tests fail.
    stream: bool,
    kept: Vec<u8>,
    /// The last bytes of the output.
    tail: Vec<u8>,
    out: std::io::StdoutLock<'a>,
    no_tests: bool,
    /// The text of the program's line about coverage, if there is to be one.
    coverage: Option<String>,
}

const WARNING: &[u8] = b"testing: warning: no tests to run\n";

/// What shows the output even of tests that passed.
const LEAK: &[u8] = b"    goroutine leak: ";

impl Sink<'_> {
    fn put(&mut self, data: &[u8]) {
        self.tail.extend_from_slice(data);
        if self.tail.windows(WARNING.len()).any(|w| w == WARNING) {
            self.no_tests = true;
        }
        if let Some(c) = &mut self.coverage {
            let text = String::from_utf8_lossy(&self.tail);
            let line = text.lines().rev().find(|l| l.starts_with("coverage: "));
            if let Some(l) = line {
                *c = l.to_string();
            }
        }
        let keep = self.tail.len().saturating_sub(match self.coverage {
            Some(_) => 4096,
            None => 64,
        });
        self.tail.drain(..keep);
        // Nothing can be done when standard output is gone.
        if let Some(e) = &mut self.events {
            let _ = e.write(data, &mut self.out);
        } else if self.stream {
            let _ = self.out.write_all(data);
            let _ = self.out.flush();
        } else {
            self.kept.extend_from_slice(data);
        }
    }
    /// A line of the command itself.
    fn line(&mut self, text: &str) {
        if let Some(e) = &mut self.events {
            let _ = e.line(text, &mut self.out);
        } else {
            let _ = self.out.write_all(text.as_bytes());
            let _ = self.out.flush();
        }
    }
}

/// The command that runs a package's tests.
fn command(me: &Path, explore: &str, p: &Package, args: &Args, format: Option<Format>) -> Command {
    let mut cmd = Command::new(me);
    cmd.arg(CHILD);
    if !explore.is_empty() {
        cmd.arg(explore);
    }
    if args.race {
        cmd.arg(program::RACE);
    }
    cmd.arg(format!("{}{}", program::VET_FLAG, args.vet));
    if args.cover.covers(p) && explore.is_empty() {
        let mode = args.cover.mode().name();
        cmd.arg(format!("{}{mode}", program::COVER_FLAG));
    } else if args.fuzz() {
        cmd.arg(format!("{}{}", program::COVER_FLAG, program::FUZZ));
    }
    cmd.arg(&p.path).arg(match format {
        Some(Format::Human) => "human",
        Some(Format::Json) => "json",
        _ => "short",
    });
    for f in &p.files {
        cmd.arg(&f.shown).arg(&f.full);
    }
    cmd.arg("--").args(args.for_program(!explore.is_empty()));
    cmd.current_dir(&p.dir).stdin(Stdio::null());
    cmd
}

fn test(p: &Package, args: &Args, many: bool, format: Option<Format>) -> Result<Outcome, String> {
    if !p.has_tests() {
        let start = Instant::now();
        let untested = args.cover.untested(p, args.outputdir());
        let note = format!("?   \t{}\t[no test files]\n", p.path);
        let action = if untested.is_some() { "pass" } else { "skip" };
        let note = untested.unwrap_or(note);
        if let Some(e) = args.json.then(|| events::Converter::new(&p.path)) {
            let mut out = std::io::stdout().lock();
            let took = if action == "skip" {
                0.0
            } else {
                start.elapsed().as_secs_f64()
            };
            let _ = e.no_tests(&note, action, took, &mut out);
        } else {
            print!("{note}");
        }
        return Ok(Outcome::NoTests);
    }
    let me = std::env::current_exe().map_err(|e| format!("cannot find myself: {e}"))?;
    let make = |explore: &str| command(&me, explore, p, args, format);
    let (mut from, to) = pipe()?;
    let again = to.try_clone().map_err(|e| e.to_string())?;
    let mut cmd = make("");
    cmd.stdout(to).stderr(again);
    let start = Instant::now();
    let mut sink = Sink {
        events: args.json.then(|| events::Converter::new(&p.path)),
        stream: args.local || args.fuzz() || ((args.verbose() || args.bench()) && !many),
        kept: Vec::new(),
        tail: Vec::new(),
        out: std::io::stdout().lock(),
        no_tests: false,
        coverage: (args.cover.on && !args.local).then(String::new),
    };
    let mut child = cmd
        .spawn()
        .map_err(|e| format!("cannot start the test program: {e}"))?;
    // Our copies of the writing end, so that the end of the output is seen.
    drop(cmd);
    let mut buf = vec![0; 1 << 16];
    let mut ready = None;
    let mut errors = Vec::new();
    loop {
        let n = match from.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let mut data = &buf[..n];
        if ready.is_none() {
            ready = Some(data[0] == READY);
            if data[0] == READY {
                data = &data[1..];
                if let Some(e) = &sink.events {
                    let _ = e.start(&mut sink.out);
                }
            }
        }
        if ready == Some(true) {
            if !data.is_empty() {
                sink.put(data);
            }
        } else {
            errors.extend_from_slice(data);
        }
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    let took = start.elapsed().as_secs_f64();
    if ready != Some(true) {
        return Ok(build_failed(p, &mut sink, &errors));
    }
    let mut failed = !status.success();
    if !failed
        && args.explores()
        && !sink.no_tests
        && let Some(f) = explore::run(p, start.elapsed(), make)
    {
        failed = true;
        let n = f.schedule;
        sink.kept.clear();
        sink.put(
            format!("=== another schedule of the same tests (GORACE=schedule={n}):\n").as_bytes(),
        );
        sink.put(&f.output);
    }
    if !failed {
        let told = |s: &Sink| s.kept.windows(LEAK.len()).any(|w| w == LEAK);
        if !sink.stream
            && sink.events.is_none()
            && (args.verbose() || args.bench() || args.list() || told(&sink))
        {
            let kept = std::mem::take(&mut sink.kept);
            let _ = sink.out.write_all(&kept);
        }
        let note = if sink.no_tests && !args.local {
            " [no tests to run]"
        } else {
            ""
        };
        let coverage = match sink.coverage.take() {
            Some(c) if !c.is_empty() => format!("\t{c}"),
            _ => String::new(),
        };
        sink.line(&format!("ok  \t{}\t{took:.3}s{coverage}{note}\n", p.path));
        finish(&mut sink, "pass", took);
        return Ok(Outcome::Passed);
    }
    let kept = std::mem::take(&mut sink.kept);
    let _ = sink.out.write_all(&kept);
    if let Some(e) = &mut sink.events {
        let _ = e.ended(&mut sink.out);
    }
    if args.local || sink.tail.is_empty() {
        if !sink.tail.is_empty() && !sink.tail.ends_with(b"\n") {
            sink.line("\n");
        }
        if !status.success() {
            sink.line(&format!("{status}\n").replace("exit status: ", "exit status "));
        }
    } else if !sink.tail.ends_with(b"\n") {
        sink.line("\n");
    }
    sink.line(&format!("FAIL\t{}\t{took:.3}s\n", p.path));
    finish(&mut sink, "fail", took);
    Ok(Outcome::Failed)
}

fn finish(sink: &mut Sink, action: &str, took: f64) {
    if let Some(e) = &mut sink.events {
        let _ = e.finish(action, took, &mut sink.out);
    }
}

/// Reports what keeps the tests from running, as the go command does.
fn build_failed(p: &Package, sink: &mut Sink, errors: &[u8]) -> Outcome {
    let (head, errors, what) = match errors.split_first() {
        Some((&VET, rest)) => (String::new(), rest, "build"),
        Some((&SETUP, rest)) => (String::new(), rest, "setup"),
        _ => (format!("# {0} [{0}.test]\n", p.path), errors, "build"),
    };
    if let Some(e) = &mut sink.events {
        let _ = e.build_failed(&head, errors, what, &mut sink.out);
        return Outcome::BuildFailed;
    }
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(head.as_bytes());
    let _ = err.write_all(errors);
    let _ = err.flush();
    sink.line(&format!("FAIL\t{} [{what} failed]\n", p.path));
    Outcome::BuildFailed
}

fn pipe() -> Result<(std::io::PipeReader, std::io::PipeWriter), String> {
    std::io::pipe().map_err(|e| e.to_string())
}
