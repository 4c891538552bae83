//! `gosub test -race`: quick tests that passed run again under other schedules, unseen, and
//! only what the race detector or the runtime finds counts: races, deadlocks, lost
//! goroutines, and panics of the language itself. That a test fails otherwise may come of
//! the unusual timing and is ignored. Each run is a process of its own, so package variables
//! start afresh. `race::pause` makes the schedules.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::find::Package;

/// Tests that take longer do not run again.
const LONGEST: Duration = Duration::from_secs(3);
/// At least and at most this long goes into further runs.
const LEAST: Duration = Duration::from_millis(1200);
const MOST: Duration = Duration::from_secs(4);
/// Runs at the same time, for tests that use nothing but the language.
const WIDTH: usize = 4;
/// Packages that reach out of the process: such tests run one after another.
const OUTSIDE: &[&str] = &["\"os", "\"net", "\"syscall", "\"io/ioutil", "\"plugin"];

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
        SIGNS
            .iter()
            .any(|s| l.trim_start_matches('\x16').starts_with(s))
    })
}

/// Runs the tests again and again for a while; the first finding. `make` makes the command
/// that ran for `took`.
pub fn run(p: &Package, took: Duration, make: &(dyn Fn() -> Command + Sync)) -> Option<Finding> {
    if took > LONGEST {
        return None;
    }
    let end = Instant::now() + (took * 3).clamp(LEAST, MOST);
    // A run that has begun may end.
    let last = end + (took * 2).min(LONGEST);
    let outside = p.files.iter().any(|f| {
        let text = std::fs::read_to_string(&f.full).unwrap_or_default();
        OUTSIDE.iter().any(|o| text.contains(o))
    });
    let width = if outside { 1 } else { WIDTH };
    let next = AtomicU64::new(1);
    let over = AtomicBool::new(false);
    let result = Mutex::new(None);
    std::thread::scope(|s| {
        for _ in 0..width {
            s.spawn(|| {
                while !over.load(Ordering::Relaxed) && Instant::now() < end {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(output) = one(make(), n, &over, last) else {
                        continue;
                    };
                    over.store(true, Ordering::Relaxed);
                    let mut r = result
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    if r.is_none() {
                        *r = Some(Finding {
                            schedule: n,
                            output,
                        });
                    }
                }
            });
        }
    });
    result
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One run; its output if it found something.
fn one(mut cmd: Command, n: u64, over: &AtomicBool, last: Instant) -> Option<Vec<u8>> {
    let (mut from, to) = std::io::pipe().ok()?;
    let again = to.try_clone().ok()?;
    let options = std::env::var("GORACE").unwrap_or_default();
    cmd.env("GORACE", format!("{options} schedule={n} log_path=stderr"));
    if n.is_multiple_of(3) {
        cmd.env("GOMAXPROCS", "1");
    }
    cmd.stdin(Stdio::null()).stdout(to).stderr(again);
    let child = cmd.spawn().ok()?;
    // The command keeps copies of the writing end.
    drop(cmd);
    std::thread::scope(|s| {
        let reader = s.spawn(move || {
            let mut out = Vec::new();
            // What came until the end is what there is.
            let _ = from.read_to_end(&mut out);
            out
        });
        let status = wait(child, over, last);
        let mut out = reader.join().unwrap_or_default();
        if out.first() == Some(&super::READY) {
            out.remove(0);
        }
        let failed = status.is_some_and(|s| !s.success());
        (failed && found(&out)).then_some(out)
    })
}

/// Waits for the child; kills it when there is something better or no more time.
fn wait(mut child: Child, over: &AtomicBool, last: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(s)) => return Some(s),
            Ok(None) if !over.load(Ordering::Relaxed) && Instant::now() < last => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(8));
            }
            _ => {
                // It may just have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
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
