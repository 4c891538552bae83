//! Starting the session's process again, with or without the race detector: what is
//! compiled for one cannot run under the other. The inputs that worked run once more, their
//! output unseen; goroutines, files and the like are made anew by them.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::Repl;

/// Names the file with the inputs to run first.
const REPLAY: &str = "GOSUB_SESSION_REPLAY";

/// Inputs in a file, each followed by a zero byte.
fn join(log: &[String]) -> Vec<u8> {
    log.iter()
        .flat_map(|s| s.bytes().chain(std::iter::once(0)))
        .collect()
}

mod hush {
    //! Standard output away for a while.
    #![allow(unsafe_code)]
    use std::os::fd::AsRawFd;

    pub struct Hush(i32);

    impl Hush {
        pub fn new() -> Option<Hush> {
            let null = std::fs::OpenOptions::new()
                .write(true)
                .open("/dev/null")
                .ok()?;
            // SAFETY: calls on descriptors that are open.
            unsafe {
                let saved = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3);
                if saved < 0 || libc::dup2(null.as_raw_fd(), 1) < 0 {
                    return None;
                }
                Some(Hush(saved))
            }
        }
    }

    impl Drop for Hush {
        fn drop(&mut self) {
            // SAFETY: as above; the saved one is ours.
            unsafe {
                libc::dup2(self.0, 1);
                libc::close(self.0);
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
            if self.eval(input) {
                self.log.push(input.to_string());
            }
        }
        drop(quiet);
        let how = if crate::race::on() { "with" } else { "without" };
        let s = if n == 1 { "" } else { "s" };
        println!("a new process {how} the race detector; {n} input{s} run again");
    }
}
