//! The interactive session (`gosub` on a terminal, `gosub repl`).
//!
//! * `unit` compiles one input against what earlier ones declared · `commands` the words
//!   that start with a colon · `edit` completion, colours, hints, when an input is whole ·
//!   `output` what goroutines print while an input is typed.
//!
//! An input becomes one more file of package `main`, whose scope persists: its statements
//! are a function that runs on a goroutine of its own, its variables are package
//! variables. Other goroutines run on between inputs. A panic ends only its goroutine.

mod again;
mod commands;
mod context;
mod edit;
mod output;
mod unit;

use std::cell::RefCell;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::options::exit;
use crate::base::diag::Diagnostic;
use crate::lower::Lowerer;
use crate::runtime::sched::Runtime;
use crate::vm::{self, session};
use unit::Units;

/// The session.
pub struct Repl {
    /// Shared with the editor, which asks it for types while an input is typed.
    units: Rc<RefCell<Units>>,
    rt: &'static Runtime,
    color: bool,
    tty: bool,
    /// While an input waits, the clock jumps to the next timer.
    virtual_time: bool,
    /// Inputs that compiled.
    log: Vec<Input>,
}

/// An input of the session, for `:save` and for a process that is to begin with the same ones.
struct Input {
    text: String,
    /// It ran in virtual time.
    virtual_time: bool,
    /// It was broken off.
    interrupted: bool,
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

/// Runs a session, which begins with these files, until its input ends; the exit code.
pub fn main(color: bool, race: bool, files: &[String]) -> i32 {
    if race {
        vm::exec::enable_race(crate::race::report::Form::Text);
    }
    let mut units = match Units::new() {
        Ok(u) => u,
        Err(e) => {
            eprintln!("gosub: {e}");
            return exit::FATAL;
        }
    };
    let mut lw = Lowerer::new(vm::natives::lookup);
    lw.names_locals = true;
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
        units: Rc::new(RefCell::new(units)),
        rt,
        color: color && tty,
        tty,
        virtual_time: false,
        log: Vec::new(),
    };
    if tty && !again::replays() {
        println!(
            "gosub {}, :help for help, Ctrl-D leaves",
            env!("CARGO_PKG_VERSION")
        );
    }
    repl.replay();
    for f in files {
        repl.load_file(f);
    }
    if tty { repl.terminal() } else { repl.piped() }
}

impl Repl {
    /// Goroutines that inputs have left running.
    fn alive(&self) -> usize {
        use crate::runtime::sched::task::State;
        // The last input's goroutine may be about to end.
        let last = session::current();
        let mut n = 0;
        self.rt.for_each_g(|g| {
            let there = !matches!(g.state(), State::Idle | State::Dead);
            if there && g.id() != 1 && (g.id() != last || session::abandoned(last)) {
                n += 1;
            }
        });
        n
    }

    fn prompt(&self) -> String {
        match self.alive() {
            0 => "gosub> ".into(),
            n => format!("gosub({n}g)> "),
        }
    }

    /// Reads from a terminal.
    fn terminal(&mut self) -> i32 {
        let config = Config::builder()
            .auto_add_history(false)
            .max_history_size(10_000)
            .and_then(|b| b.history_ignore_dups(true))
            .map(|b| {
                b.completion_type(rustyline::CompletionType::List)
                    .completion_show_all_if_ambiguous(true)
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
        ed.set_helper(Some(edit::Helper::new(
            self.color,
            self.units.clone(),
            self.rt,
        )));
        let history = history_file();
        if let Some(h) = &history {
            // There is none the first time.
            let _ = ed.load_history(h);
        }
        let printer = ed.create_external_printer().ok();
        let output = printer.map(output::Output::start);
        loop {
            if let Some(h) = ed.helper_mut() {
                h.names = self.units.borrow().names();
            }
            let prompt = self.prompt();
            if let Some(o) = &output {
                o.typing(true);
            }
            let line = ed.readline(&prompt);
            if let Some(o) = &output {
                o.typing(false);
            }
            match line {
                Ok(line) => {
                    if line.trim().is_empty() {
                        continue;
                    }
                    let line = line.trim_end();
                    let _ = ed.add_history_entry(line);
                    if let Some(h) = &history {
                        let _ = ed.append_history(h);
                    }
                    if matches!(self.input(line), Next::Quit) {
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
        while let Some(line) = read_line() {
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
        self.keep(text);
        Next::Go
    }

    /// Runs an input and remembers it. False: it did not compile.
    fn keep(&mut self, text: &str) -> bool {
        match self.compile(text, unit::Wrap::Show) {
            Ok(code) => {
                self.run_input(text, code);
                true
            }
            Err(diags) => {
                self.complain(&diags);
                false
            }
        }
    }

    /// Runs the code of an input, if it has any, and remembers the input.
    fn run_input(&mut self, text: &str, code: Option<u64>) {
        let whole = code.is_none_or(|f| self.run(f));
        self.log.push(Input {
            text: text.trim_end().to_string(),
            virtual_time: self.virtual_time,
            interrupted: !whole,
        });
    }

    fn compile(&self, text: &str, wrap: unit::Wrap) -> Result<Option<u64>, Vec<Diagnostic>> {
        self.units.borrow_mut().compile(text, wrap)
    }

    /// Prints what is wrong with an input.
    fn complain(&self, diags: &[Diagnostic]) {
        self.units.borrow().print(diags, self.tty, self.color);
    }

    /// Runs a function value on a goroutine of its own and waits for it. False: the user broke
    /// it off.
    fn run(&mut self, f: u64) -> bool {
        let inits = self.units.borrow_mut().take_inits();
        for init in inits {
            session::submit(init);
            while !session::wait(Duration::from_secs(1)) {}
        }
        if self.tty {
            // The editor has put its own handler there.
            catch_interrupts();
        }
        INTERRUPTED.store(false, Ordering::Relaxed);
        self.rt.set_virtual_time(self.virtual_time);
        session::submit(f);
        let start = Instant::now();
        let mut told = false;
        let mut cancelled = false;
        let mut asked: Option<Instant> = None;
        loop {
            if session::wait(Duration::from_millis(20)) {
                break;
            }
            if INTERRUPTED.swap(false, Ordering::Relaxed) {
                session::interrupt();
                asked = Some(Instant::now());
            }
            if asked.is_some_and(|t| !cancelled && t.elapsed() > Duration::from_millis(60)) {
                cancelled = true;
                self.aside(session::Question::Cancel(session::current()));
            }
            if let Some(t) = asked
                && t.elapsed() > Duration::from_millis(300)
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
        self.rt.set_virtual_time(false);
        if asked.is_some() && !session::abandoned(session::current()) {
            eprintln!("interrupted");
        }
        let _ = std::io::stdout().flush();
        asked.is_none()
    }

    /// Says what a waiting input waits for, and who could wake it.
    fn explain_wait(&self) {
        let me = session::current();
        if me != 0 {
            self.aside(session::Question::Wakers(me));
        }
    }

    /// Asks something beside the running input.
    fn aside(&self, q: session::Question) {
        session::set_variables(self.units.borrow().variables());
        session::ask(q);
        let report = self.units.borrow().helper("Report");
        if let Some(f) = report {
            session::aside(f);
        }
    }
}

/// A line of standard input. Nothing is read ahead: the rest belongs to whoever reads next,
/// be it the program or a session that replaces this one.
fn read_line() -> Option<String> {
    use std::os::fd::AsFd;
    let mut input = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(1) if byte[0] == b'\n' => break,
            Ok(1) => line.push(byte[0]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            _ if line.is_empty() => return None,
            _ => break,
        }
    }
    Some(String::from_utf8_lossy(&line).into_owned())
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
