//! The interactive session (`gosub` on a terminal, `gosub repl`).
//!
//! * `unit` compiles one input against what earlier ones declared · `commands` the words
//!   that start with a colon · `edit` completion, colours, hints, when an input is whole.
//!
//! An input becomes one more file of package `main`, whose scope persists: its statements
//! are a function that runs on a goroutine of its own, its variables are package
//! variables. Other goroutines run on between inputs. A panic ends only its goroutine.

mod commands;
mod edit;
mod unit;

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::options::exit;
use crate::lower::Lowerer;
use crate::runtime::sched::Runtime;
use crate::vm::{self, session};
use unit::Units;

/// The session.
pub struct Repl {
    units: Units,
    rt: &'static Runtime,
    color: bool,
    tty: bool,
    /// Inputs that worked, for `:save`.
    log: Vec<String>,
}

/// Set by Ctrl-C while an input runs.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How long an input may wait before the session says what for.
const SILENT: Duration = Duration::from_millis(300);

/// What comes after an input.
enum Next {
    Go,
    Quit,
}

/// Runs a session until its input ends; the exit code.
pub fn main(color: bool) -> i32 {
    let mut units = match Units::new() {
        Ok(u) => u,
        Err(e) => {
            eprintln!("gosub: {e}");
            return exit::FATAL;
        }
    };
    let mut lw = Lowerer::new(vm::natives::lookup);
    for p in units.take_packages() {
        lw.add_package(p);
    }
    units.publish_sources();
    crate::stdlib::os::set_args(vec![b"gosub".to_vec()]);
    let rt = match vm::exec::run_session(lw, crate::stdlib::runtime::default_procs()) {
        Ok(rt) => rt,
        Err(e) => {
            eprintln!("gosub: cannot start: {e}");
            return exit::FATAL;
        }
    };
    let tty = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut repl = Repl {
        units,
        rt,
        color: color && tty,
        tty,
        log: Vec::new(),
    };
    if tty { repl.terminal() } else { repl.piped() }
}

impl Repl {
    /// Goroutines that inputs have left running.
    fn alive(&self) -> usize {
        self.rt.num_goroutine().saturating_sub(1)
    }

    fn prompt(&self) -> String {
        match self.alive() {
            0 => "gosub> ".into(),
            n => format!("gosub({n}g)> "),
        }
    }

    /// Reads from a terminal.
    fn terminal(&mut self) -> i32 {
        println!(
            "gosub {}, :help for help, Ctrl-D leaves",
            env!("CARGO_PKG_VERSION")
        );
        let config = Config::builder()
            .auto_add_history(false)
            .max_history_size(10_000)
            .and_then(|b| b.history_ignore_dups(true))
            .map(|b| {
                b.completion_type(rustyline::CompletionType::List)
                    .bracketed_paste(true)
                    .build()
            });
        let Ok(config) = config else {
            return exit::FATAL;
        };
        let mut ed = match Editor::<edit::Helper, FileHistory>::with_config(config) {
            Ok(e) => e,
            Err(e) => {
                eprintln!("gosub: {e}");
                return exit::FATAL;
            }
        };
        ed.set_helper(Some(edit::Helper::new(self.color)));
        let history = history_file();
        if let Some(h) = &history {
            // There is none the first time.
            let _ = ed.load_history(h);
        }
        loop {
            if let Some(h) = ed.helper_mut() {
                h.names = self.units.names();
            }
            match ed.readline(&self.prompt()) {
                Ok(line) => {
                    if line.trim().is_empty() {
                        continue;
                    }
                    let _ = ed.add_history_entry(line.as_str());
                    if let Some(h) = &history {
                        let _ = ed.append_history(h);
                    }
                    if matches!(self.input(&line), Next::Quit) {
                        break;
                    }
                }
                // Clears the line.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => break,
                Err(e) => {
                    eprintln!("gosub: {e}");
                    break;
                }
            }
        }
        match self.alive() {
            0 => {}
            1 => println!("leaving 1 running goroutine"),
            n => println!("leaving {n} running goroutines"),
        }
        exit::OK
    }

    /// Reads inputs that are not typed: no prompt, no editing.
    fn piped(&mut self) -> i32 {
        let mut text = String::new();
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            text.push_str(&line);
            text.push('\n');
            if !text.starts_with(':') && unit::unfinished(&text) {
                continue;
            }
            let whole = std::mem::take(&mut text);
            if !whole.trim().is_empty() && matches!(self.input(&whole), Next::Quit) {
                return exit::OK;
            }
        }
        if !text.trim().is_empty() {
            self.input(&text);
        }
        exit::OK
    }

    fn input(&mut self, text: &str) -> Next {
        if let Some(command) = text.trim().strip_prefix(':') {
            return self.command(command);
        }
        if self.eval(text) {
            self.log.push(text.trim_end().to_string());
        }
        Next::Go
    }

    /// Compiles and runs an input. False: it did not compile.
    fn eval(&mut self, text: &str) -> bool {
        match self.units.compile(text, unit::Wrap::Show) {
            Ok(code) => {
                if let Some(f) = code {
                    self.run(f);
                }
                true
            }
            Err(diags) => {
                self.units.print(&diags, self.tty, self.color);
                false
            }
        }
    }

    /// Runs a function value on a goroutine of its own and waits for it.
    fn run(&mut self, f: u64) {
        for init in self.units.take_inits() {
            session::submit(init);
            while !session::wait(Duration::from_secs(1)) {}
        }
        if self.tty {
            // The editor has put its own handler there.
            catch_interrupts();
        }
        INTERRUPTED.store(false, Ordering::Relaxed);
        session::submit(f);
        let start = Instant::now();
        let mut told = false;
        let mut asked: Option<Instant> = None;
        loop {
            if session::wait(Duration::from_millis(20)) {
                break;
            }
            if INTERRUPTED.swap(false, Ordering::Relaxed) {
                session::interrupt();
                asked = Some(Instant::now());
            }
            if let Some(t) = asked
                && t.elapsed() > Duration::from_millis(200)
            {
                let id = session::current();
                session::abandon();
                eprintln!("interrupted: goroutine {id} is left waiting");
                break;
            }
            if !told && start.elapsed() > SILENT {
                told = true;
                self.explain_wait();
            }
        }
        if asked.is_some() && session::current() != 0 && session::wait(Duration::ZERO) {
            eprintln!("interrupted");
        }
        let _ = std::io::stdout().flush();
    }

    /// Says what a waiting input waits for, and who could wake it.
    fn explain_wait(&self) {
        use crate::runtime::sched::task::State;
        use crate::runtime::wait_reason::WaitReason;
        let me = session::current();
        let mut reason = None;
        let (mut busy, mut others) = (0, 0);
        // States are atomics: a snapshot that may be a moment old is good enough here.
        self.rt.for_each_g(|g| {
            let waits = g.state() == State::Waiting;
            if g.id() == me {
                reason = waits.then(|| g.wait_reason());
            } else if g.id() != 1 {
                others += 1;
                let timed = matches!(g.wait_reason(), WaitReason::Sleep | WaitReason::IoWait);
                if !waits || timed {
                    busy += 1;
                }
            }
        });
        let Some(r) = reason.filter(|r| *r != WaitReason::Sleep) else {
            return;
        };
        let who = match (busy, others) {
            _ if r.is_for_ever() => "nobody can ever wake it".to_string(),
            (0, 0) => "nobody else is there to wake it".to_string(),
            (0, n) => format!("the {n} other goroutines all wait, too (:wait shows for what)"),
            (n, _) => format!("{n} running goroutines could wake it (:g lists them)"),
        };
        eprintln!(
            "waiting: {} in goroutine {me}; {who}; Ctrl-C gives up",
            r.text()
        );
    }
}

/// Where the editor keeps its history.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let dir = state.join("gosub");
    std::fs::create_dir_all(&dir).ok()?;
    let file = dir.join("history");
    if !file.exists() {
        std::fs::File::create(&file).ok()?;
    }
    Some(file)
}

use interrupts::catch_interrupts;

/// The signal handler.
mod interrupts {
    #![allow(unsafe_code)]
    use super::{INTERRUPTED, Ordering};

    extern "C" fn on_interrupt(_: libc::c_int) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }

    /// Ctrl-C sets the flag and does nothing else.
    pub fn catch_interrupts() {
        let f: extern "C" fn(libc::c_int) = on_interrupt;
        // SAFETY: the handler only stores to an atomic.
        unsafe { libc::signal(libc::SIGINT, f as libc::sighandler_t) };
    }
}
