//! The session's commands: `:help` lists them.

use std::path::Path;

use super::unit::Wrap;
use super::{Input, Next, Repl};
use crate::base::diag::Diagnostic;
use crate::cli::suggest;
use crate::vm::session::{self, Question};

const HELP: &str = "\
Type Go: declarations, statements, expressions. Packages of the standard library are
imported by use. Everything may be declared again. _ is the last value.

  :g             goroutines: number, state, where, created at
  :g N           stack of goroutine N with its variables (:g all: of each)
  :ch X          channel X: buffer, who waits
  :locks         locks, conditions and wait groups that somebody waits for
  :wait          who waits for what, as a tree
  :leaks         goroutines that nobody can wake any more
  :race on|off   start again with or without the race detector; inputs run again
  :time virtual|real   virtual: while an input waits, the clock jumps to the next timer
  :type X        type of X, without evaluating it
  :doc NAME      declaration and comment (f, fmt.Println)
  :dis F         bytecode of function F
  :load FILE     run a script here
  :save FILE     write the inputs so far to a file
  :reset         forget all declarations (goroutines go on)
  :help          this text
  :quit          leave (also Ctrl-D)

Ctrl-C interrupts the running input, or clears the line.
";

/// Commands and whether they need an argument.
const COMMANDS: &[(&str, bool)] = &[
    ("g", false),
    ("ch", true),
    ("locks", false),
    ("wait", false),
    ("leaks", false),
    ("race", false),
    ("time", false),
    ("type", true),
    ("doc", true),
    ("dis", true),
    ("load", true),
    ("save", true),
    ("reset", false),
    ("help", false),
    ("quit", false),
];

/// Names of all commands.
fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|c| c.0)
}

/// What completes the beginning of a command: names, with a blank if an argument must follow.
pub fn completions(start: &str) -> Vec<String> {
    COMMANDS
        .iter()
        .filter(|c| c.0.starts_with(start))
        .map(|c| format!("{}{}", c.0, if c.1 { " " } else { "" }))
        .collect()
}

impl Repl {
    /// Obeys a command, given without its colon.
    pub(super) fn command(&mut self, text: &str) -> Next {
        let (name, arg) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (name, arg) = (name.trim(), arg.trim());
        let name = match name {
            "q" | "exit" => "quit",
            "h" | "?" => "help",
            n => n,
        };
        let Some((_, needs)) = COMMANDS.iter().find(|c| c.0 == name) else {
            let hint = suggest::closest(name, names())
                .map_or(String::new(), |s| format!(", did you mean :{s}?"));
            eprintln!("no command :{name}{hint} (:help lists them)");
            return Next::Go;
        };
        if *needs && arg.is_empty() {
            eprintln!(":{name} needs an argument (:help)");
            return Next::Go;
        }
        match name {
            "help" => print!("{HELP}"),
            "quit" => return Next::Quit,
            "g" if arg.is_empty() => self.ask(Question::Goroutines),
            "g" if arg == "all" => self.ask(Question::Goroutine(crate::stdlib::repl::ALL)),
            "g" => match arg.parse() {
                Ok(n) => self.ask(Question::Goroutine(n)),
                Err(_) => eprintln!(":g wants a goroutine's number"),
            },
            "locks" => self.ask(Question::Locks),
            "wait" => self.ask(Question::Waits),
            "leaks" => self.ask(Question::Lost),
            "time" => match arg {
                "virtual" => self.virtual_time = true,
                "real" => self.virtual_time = false,
                "" if self.virtual_time => println!("virtual"),
                "" => println!("real"),
                _ => eprintln!(":time wants virtual or real"),
            },
            "race" => match arg {
                "on" if !crate::race::on() => self.again(true),
                "off" if crate::race::on() => self.again(false),
                "on" | "off" => {}
                "" => println!("{}", if crate::race::on() { "on" } else { "off" }),
                _ => eprintln!(":race wants on or off"),
            },
            "ch" => match self.compile(arg, Wrap::Chan) {
                Ok(Some(f)) => {
                    self.run(f);
                }
                Ok(None) => {}
                Err(d) => self.complain(&d),
            },
            "type" => {
                let t = self.units.borrow_mut().type_of(arg);
                match t {
                    Ok(t) if t.is_empty() => println!("no value"),
                    Ok(t) => println!("{t}"),
                    Err(d) => self.complain(&d),
                }
            }
            "doc" => self.doc(arg),
            "dis" => {
                let t = self.units.borrow_mut().listing(arg);
                match t {
                    Some(t) => print!("{t}"),
                    None => eprintln!("{arg} is not a function with code"),
                }
            }
            "load" => self.load_file(arg),
            "save" => {
                let line = |i: &Input| match i.interrupted {
                    false => format!("{}\n", i.text),
                    true => format!("// interrupted: {}\n", i.text.replace('\n', "\n// ")),
                };
                let text: String = self.log.iter().map(line).collect();
                if let Err(e) = std::fs::write(arg, text) {
                    eprintln!("{arg}: {e}");
                }
            }
            _ => {
                self.units.borrow_mut().reset();
                self.log.clear();
            }
        }
        Next::Go
    }

    /// What the session or the library says about a name.
    fn doc(&mut self, name: &str) {
        // What the session declares comes first.
        let own = self.units.borrow_mut().doc(name);
        if let Some(t) = own {
            return print!("{t}");
        }
        let words: Vec<String> = name.split_whitespace().map(String::from).collect();
        match crate::cli::doc::text(&words) {
            Ok(t) => print!("{t}"),
            Err(_) => eprintln!("nothing is known of {name}"),
        }
    }

    /// Runs the file of this name.
    pub(super) fn load_file(&mut self, name: &str) {
        match crate::load::read_source(Path::new(name)) {
            Ok(t) => self.load(&t),
            Err(e) => eprintln!("{e}"),
        }
    }

    /// Runs a file: as one input, or input by input if it is a session's, where names may be
    /// declared again.
    fn load(&mut self, text: &str) {
        let again = |d: &Diagnostic| {
            let codes = ["DuplicateDecl", "NoNewVar", "DuplicateMethod", "UnusedExpr"];
            codes.contains(&d.code) || d.message == super::unit::NO_LAST
        };
        match self.compile(text, Wrap::Show) {
            Ok(code) => {
                self.run_input(text, code);
            }
            Err(diags) if diags.iter().any(again) => {
                let mut input = String::new();
                for line in text.lines() {
                    input.push_str(line);
                    input.push('\n');
                    if super::unit::unfinished(&input) {
                        continue;
                    }
                    let whole = std::mem::take(&mut input);
                    if !whole.trim().is_empty() && !self.keep(&whole) {
                        return;
                    }
                }
                if !input.trim().is_empty() {
                    self.keep(&input);
                }
            }
            Err(diags) => self.complain(&diags),
        }
    }

    fn ask(&mut self, q: Question) {
        session::set_variables(self.units.borrow().variables());
        session::ask(q);
        let report = self.units.borrow().helper("Report");
        match report {
            Some(f) => {
                self.run(f);
            }
            None => eprintln!("package internal/repl is incomplete"),
        }
    }
}
