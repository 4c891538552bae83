//! Starting the session's process again, with or without the race detector: what is
//! compiled for one cannot run under the other. The inputs that worked run once more, their
//! output unseen and with nothing to read; goroutines, files and the like are made anew by them.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Input, Repl};

/// Names the file with the inputs to run first.
const REPLAY: &str = "GOSUB_SESSION_REPLAY";

/// Set if the session's time was virtual at the end.
const VIRTUAL_TIME: &str = "GOSUB_SESSION_VIRTUAL";
/// Before an input that ran in virtual time, and before one that was broken off.
const VIRTUAL: char = '\u{1}';
const INTERRUPTED: char = '\u{2}';

/// Inputs in a file, each followed by a zero byte.
fn join(log: &[Input]) -> Vec<u8> {
    let mut all = String::new();
    for i in log {
        all.extend(i.virtual_time.then_some(VIRTUAL));
        all.extend(i.interrupted.then_some(INTERRUPTED));
        all.push_str(&i.text);
        all.push('\0');
    }
    all.into_bytes()
}

/// Whether this session goes on where another one ended.
pub fn replays() -> bool {
    std::env::var_os(REPLAY).is_some()
}

mod hush {
    //! Standard output and input away for a while.
    #![allow(unsafe_code)]
    use std::os::fd::AsRawFd;

    /// Where the real ones are: input, output.
    pub struct Hush([i32; 2]);

    impl Hush {
        pub fn new() -> Option<Hush> {
            let null = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/null")
                .ok()?;
            // SAFETY: calls on descriptors that are open.
            unsafe {
                let saved = [0, 1].map(|fd| libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3));
                if saved.contains(&-1) {
                    return None;
                }
                for fd in [0, 1] {
                    libc::dup2(null.as_raw_fd(), fd);
                }
                Some(Hush(saved))
            }
        }
    }

    impl Drop for Hush {
        fn drop(&mut self) {
            // SAFETY: as above; the saved one is ours.
            unsafe {
                for fd in [0, 1] {
                    libc::dup2(self.0[fd], fd as i32);
                    libc::close(self.0[fd]);
                }
            }
        }
    }
}

impl Repl {
    /// Becomes a new session that has seen the same inputs.
    pub(super) fn again(&mut self, race: bool) {
        if let Err(e) = self.become_new(race) {
            eprintln!("gosub: cannot start again: {e}");
        }
    }

    fn become_new(&mut self, race: bool) -> std::io::Result<()> {
        let dir = std::env::temp_dir();
        let path = dir.join(format!("gosub-replay-{}", std::process::id()));
        let mut f = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        f.write_all(&join(&self.log))?;
        drop(f);
        let mut c = Command::new(std::env::current_exe()?);
        c.arg("repl").env(REPLAY, &path);
        if race {
            c.arg("-race");
        }
        if self.virtual_time {
            c.env(VIRTUAL_TIME, "1");
        } else {
            c.env_remove(VIRTUAL_TIME);
        }
        let _ = std::io::stdout().flush();
        let e = c.exec();
        let _ = std::fs::remove_file(&path);
        Err(e)
    }

    /// Runs the inputs of the session before, if there was one.
    pub(super) fn replay(&mut self) {
        let Some(path) = std::env::var_os(REPLAY) else {
            return;
        };
        let mut text = String::new();
        let read = std::fs::File::open(&path).and_then(|mut f| f.read_to_string(&mut text));
        let _ = std::fs::remove_file(&path);
        if read.is_err() {
            return;
        }
        let n = text.matches('\0').count();
        let quiet = hush::Hush::new();
        for input in text.split('\0').filter(|s| !s.is_empty()) {
            let plain = input.trim_start_matches([VIRTUAL, INTERRUPTED]);
            let marks = &input[..input.len() - plain.len()];
            self.virtual_time = marks.contains(VIRTUAL);
            // What was broken off might not end: only its declarations count.
            if !marks.contains(INTERRUPTED) {
                self.keep(plain);
            } else if self.compile(plain, super::unit::Wrap::Show).is_ok() {
                self.log.push(Input {
                    text: plain.to_string(),
                    virtual_time: self.virtual_time,
                    interrupted: true,
                });
            }
        }
        self.virtual_time = std::env::var_os(VIRTUAL_TIME).is_some();
        drop(quiet);
        let how = if crate::race::on() { "with" } else { "without" };
        let s = if n == 1 { "" } else { "s" };
        println!("a new process {how} the race detector; {n} input{s} run again");
    }
}
