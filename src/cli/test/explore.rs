//! `gosub test -race`: quick tests that passed run again under other schedules, unseen, and
//! only what the race detector or the runtime finds counts: races, deadlocks, lost
//! goroutines, and panics of the language itself. That a test fails otherwise may come of
//! the unusual timing and is ignored. `race::pause` makes the schedules.
//!
//! One more child process loads the program and then divides for each run ([`serve`]), so a
//! run costs a few milliseconds and package variables start afresh in each. The process has
//! one thread that is doing anything then.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::find::Package;
use crate::race::options;

/// Tests that take longer do not run again.
const LONGEST: Duration = Duration::from_secs(3);
/// At least and at most this long goes into further runs, and at most so many.
const LEAST: Duration = Duration::from_millis(1000);
const MOST: Duration = Duration::from_secs(4);
const RUNS: u64 = 400;
/// Runs at the same time, for tests that use nothing but the language.
const WIDTH: usize = 4;
/// Packages that reach out of the process: such tests run one after another.
const OUTSIDE: &[&str] = &["\"os", "\"net", "\"syscall", "\"io/ioutil", "\"plugin"];

/// The child's first argument, with how many runs at a time and for how many ms.
pub const FLAG: &str = "-explore=";

/// What one of the runs found.
pub struct Finding {
    /// The number of its schedule.
    pub schedule: u64,
    pub output: Vec<u8>,
}

/// Lines by which a run tells that it found something begin with these.
const SIGNS: &[&str] = &[
    "WARNING: DATA RACE",
    "    goroutine leak: ",
    "fatal error: all goroutines are asleep",
    "fatal error: the test's goroutines are asleep",
    "fatal error: concurrent map ",
    "fatal error: sync: ",
    "panic: runtime error: ",
    "panic: send on closed channel",
    "panic: close of closed channel",
    "panic: close of nil channel",
    "panic: assignment to entry in nil map",
    "panic: sync: ",
    "panic: Log in goroutine after ",
    "panic: Fail in goroutine after ",
];

/// Whether the output of a run that failed names a bug.
fn found(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output);
    text.lines().any(|l| {
        let l = l.trim_start_matches('\x16');
        SIGNS.iter().any(|s| l.starts_with(s))
    })
}

/// Runs the tests again and again for a while; the first finding. `make` makes the command
/// that ran for `took`, with one more argument in front.
pub fn run(p: &Package, took: Duration, make: impl Fn(&str) -> Command) -> Option<Finding> {
    if took > LONGEST {
        return None;
    }
    let outside = p.files.iter().any(|f| {
        let text = std::fs::read_to_string(&f.full).unwrap_or_default();
        OUTSIDE.iter().any(|o| text.contains(o))
    });
    let width = if outside { 1 } else { WIDTH };
    let time = (took * 3).clamp(LEAST, MOST).as_millis();
    let mut cmd = make(&format!("{FLAG}{width}x{time}"));
    let out = cmd.stderr(Stdio::null()).output().ok()?.stdout;
    let out = out.strip_prefix(&[super::READY])?;
    let at = out.iter().position(|b| *b == b'\n')?;
    Some(Finding {
        schedule: std::str::from_utf8(&out[..at]).ok()?.parse().ok()?,
        output: out[at + 1..].to_vec(),
    })
}

/// One run that goes on.
struct Run {
    schedule: u64,
    pid: libc::pid_t,
    from: File,
    output: Vec<u8>,
}

/// The child's half: runs `program` (with a number of processors) in processes divided from
/// this one. Writes the first finding to standard output: number, line feed, what it printed.
pub fn serve(plan: &str, procs: usize, program: impl FnOnce(usize) -> i32) {
    let Some((width, ms)) = plan.split_once('x') else {
        return;
    };
    let (Ok(width), Ok(ms)) = (width.parse::<usize>(), ms.parse()) else {
        return;
    };
    let begin = Instant::now();
    let end = begin + Duration::from_millis(ms);
    // A run that has begun may end.
    let last = end + Duration::from_millis(ms / 2) + Duration::from_millis(500);
    let mut runs: Vec<Run> = Vec::new();
    let mut next = 1;
    let finding = loop {
        while runs.len() < width && next <= RUNS && Instant::now() < end {
            match divide(next) {
                Some(Some(r)) => runs.push(r),
                Some(None) => {
                    // As many schedules with one processor as with all.
                    let procs = if next / 4 % 2 == 0 { procs } else { 1 };
                    options::choose_schedule(next);
                    let code = program(procs);
                    let _ = std::io::stdout().flush();
                    // SAFETY: only ends this process; the parent reads what it printed.
                    unsafe { libc::_exit(code) };
                }
                None => next = RUNS,
            }
            next += 1;
        }
        if runs.is_empty() || Instant::now() > last {
            break None;
        }
        if let Some(r) = gather(&mut runs) {
            break Some(r);
        }
    };
    for r in &runs {
        // SAFETY: a child that was not waited for yet.
        unsafe {
            libc::kill(r.pid, libc::SIGKILL);
            libc::waitpid(r.pid, std::ptr::null_mut(), 0);
        }
    }
    if let Some(r) = finding {
        let mut out = std::io::stdout().lock();
        // Nothing can be done when the parent is gone.
        let _ = out.write_all(format!("{}\n", r.schedule).as_bytes());
        let _ = out.write_all(&r.output).and_then(|()| out.flush());
    }
}

/// Divides the process: the run for the one that goes on as before, nothing for the new
/// one, whose output goes to the run.
fn divide(schedule: u64) -> Option<Option<Run>> {
    let (from, to) = std::io::pipe().ok()?;
    // SAFETY: this process has no other thread that holds a lock: the main thread waits for
    // this one's end, and the program has not started.
    match unsafe { libc::fork() } {
        -1 => None,
        0 => {
            // SAFETY: plain system calls on descriptors this process owns.
            unsafe {
                libc::dup2(to.as_raw_fd(), 1);
                libc::dup2(to.as_raw_fd(), 2);
            }
            Some(None)
        }
        pid => Some(Some(Run {
            schedule,
            pid,
            // SAFETY: a descriptor that nobody else owns.
            from: unsafe { File::from_raw_fd(into_fd(from)) },
            output: Vec::new(),
        })),
    }
}
fn into_fd(p: std::io::PipeReader) -> i32 {
    use std::os::fd::IntoRawFd;
    OwnedFd::from(p).into_raw_fd()
}

/// Waits a little for output of any run; the one that has ended with a finding.
fn gather(runs: &mut Vec<Run>) -> Option<Run> {
    let mut polled: Vec<libc::pollfd> = runs
        .iter()
        .map(|r| libc::pollfd {
            fd: r.from.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // SAFETY: the array has as many entries as said.
    let n = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, 50) };
    if n <= 0 {
        return None;
    }
    for i in (0..runs.len()).rev() {
        if polled[i].revents == 0 {
            continue;
        }
        let mut buf = [0; 1 << 14];
        match runs[i].from.read(&mut buf) {
            Ok(n) if n > 0 => runs[i].output.extend_from_slice(&buf[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            _ => {
                let r = runs.remove(i);
                let mut status = 0;
                // SAFETY: a child that was not waited for yet.
                unsafe { libc::waitpid(r.pid, &raw mut status, 0) };
                if status != 0 && found(&r.output) {
                    return Some(r);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn only_bugs_of_the_program_count() {
        assert!(found(b"=== RUN\n==================\nWARNING: DATA RACE\n"));
        assert!(found(b"panic: close of closed channel\n\ngoroutine 7"));
        assert!(found(b"\x16    goroutine leak: 1 goroutine started by T"));
        assert!(!found(b"    x_test.go:9: took too long\n--- FAIL: TestX\n"));
        assert!(!found(b"panic: my own words\n"));
    }
}
