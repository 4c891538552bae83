//! The pages for users show real output. This test runs what they show and compares.
//!
//! * A block ` ```go file=NAME ` is a program: it is written to a folder of the page.
//! * A block ` ```console ` has commands after `$ `, each with the output of both streams. A
//!   line of three dots stands for any lines, three dots in a line for any text.
//! * A block ` ```session ` is an interactive session: inputs stand after the prompt.
//!
//! The folder of a page also has `examples`. Addresses, times and numbers of goroutines may differ. Commands that start with `go ` show
//! what Go does; they run only if `GOSUB_GO` is the path of a go command. `GOSUB_BLESS=1`
//! writes what differs into the pages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The place that stands in the pages for the folder the commands run in.
const HOME: &str = "/home/gopher";

struct Page {
    dir: PathBuf,
    bless: bool,
    /// The page with outputs as they are.
    text: String,
    wrong: String,
    commands: usize,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a line in the shell with `gosub` in the path; both streams.
fn shell(dir: &Path, line: &str, input: &str) -> String {
    let gosub = Path::new(env!("CARGO_BIN_EXE_gosub"));
    let bin = gosub.parent().expect("a folder").display().to_string();
    let go = std::env::var("GOSUB_GO").unwrap_or_default();
    let go = Path::new(&go).parent().map(|p| p.display().to_string());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{line}")])
        .current_dir(dir)
        .env("PATH", format!("{bin}:{}:{path}", go.unwrap_or_default()))
        .env("NO_COLOR", "1")
        .env("GOTOOLCHAIN", "local")
        .env_remove("GOMAXPROCS")
        .env_remove("GORACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = child.stdin.take().expect("piped");
    // A program may end without reading.
    let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
    drop(stdin);
    let out = child.wait_with_output().expect("it ends");
    let here = std::fs::canonicalize(dir).expect("the folder is there");
    String::from_utf8_lossy(&out.stdout).replace(&here.display().to_string(), HOME)
}

/// A line without what differs from run to run.
fn steady(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    // A list of goroutines: the number, two blanks, the state.
    let after = line
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_digit());
    if line.starts_with("  ") && after.len() < line.trim_start().len() && after.starts_with("  ") {
        out.push_str("  N");
        rest = after;
    }
    while let Some(c) = rest.chars().next() {
        let digits = |s: &str| s.chars().take_while(char::is_ascii_digit).count();
        if let Some(r) = rest.strip_prefix("0x") {
            let n = r.chars().take_while(char::is_ascii_hexdigit).count();
            out.push_str("0xH");
            rest = &r[n..];
        } else if let Some(r) = rest.strip_prefix("oroutine ")
            && digits(r) > 0
        {
            out.push_str("oroutine N");
            rest = &r[digits(r)..];
        } else if c.is_ascii_digit() {
            let n = digits(rest);
            let r = rest[n..].strip_prefix('.').unwrap_or("");
            let m = digits(r);
            let unit = ["s", "ms", "µs"].iter().find(|u| r[m..].starts_with(**u));
            match unit {
                Some(u) if m > 0 => {
                    out.push('T');
                    rest = &r[m + u.len()..];
                }
                _ => {
                    out.push_str(&rest[..n]);
                    rest = &rest[n..];
                }
            }
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Whether a line is as shown; `...` stands for any text.
fn same_line(shown: &str, real: &str) -> bool {
    let (shown, real) = (steady(shown.trim_end()), steady(real.trim_end()));
    let mut parts = shown.split("...");
    let Some(mut rest) = parts.next().and_then(|p| real.strip_prefix(p)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for (i, p) in parts.iter().enumerate() {
        if i + 1 == parts.len() {
            return rest.ends_with(p);
        }
        match rest.find(p) {
            Some(at) => rest = &rest[at + p.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

/// Whether an output is as shown.
fn same(shown: &[&str], real: &[&str]) -> bool {
    match shown.split_first() {
        None => real.is_empty(),
        Some((&"...", more)) => (0..=real.len()).any(|n| same(more, &real[n..])),
        Some((line, more)) => real
            .split_first()
            .is_some_and(|(r, rest)| same_line(line, r) && same(more, rest)),
    }
}

impl Page {
    /// Compares one output; puts the shown or the real one into the text.
    fn check(&mut self, what: &str, shown: &[&str], real: &str) {
        self.commands += 1;
        let lines: Vec<&str> = real.lines().collect();
        if same(shown, &lines) {
            for l in shown {
                self.line(l);
            }
            return;
        }
        let _ = writeln!(self.wrong, "{what}\n--- page\n{}", shown.join("\n"));
        let _ = writeln!(self.wrong, "--- really\n{real}");
        for l in lines {
            self.line(l.trim_end());
        }
    }
    fn line(&mut self, l: &str) {
        self.text.push_str(l);
        self.text.push('\n');
    }
    fn console(&mut self, block: &[&str]) {
        let mut i = 0;
        while i < block.len() {
            let command = block[i].strip_prefix("$ ").expect("a command first");
            self.line(block[i]);
            let more = &block[i + 1..];
            let n = more.iter().take_while(|l| !l.starts_with("$ ")).count();
            let shown = &more[..n];
            let is_go = command.split([' ', ';']).next() == Some("go");
            if is_go && std::env::var_os("GOSUB_GO").is_none() {
                shown.iter().for_each(|l| self.line(l));
            } else {
                let mut real = shell(&self.dir, command, "");
                // Limits of time may strike early on a machine that is busy.
                for _ in 0..2 {
                    if !same(shown, &real.lines().collect::<Vec<_>>()) {
                        real = shell(&self.dir, command, "");
                    }
                }
                self.check(block[i], shown, &real);
            }
            i += 1 + n;
        }
    }
    /// Inputs go in, and what is left without them must come out.
    fn session(&mut self, block: &[&str]) {
        // Outputs of a session are not written anew: they belong between its inputs.
        let before = self.text.len();
        let (mut input, mut shown) = (String::new(), Vec::new());
        for l in block {
            match prompt(l) {
                Some(text) => {
                    input.push_str(text);
                    input.push('\n');
                }
                None => shown.push(*l),
            }
        }
        let real = shell(&self.dir, "gosub repl", &input);
        self.check("session", &shown, &real);
        self.text.truncate(before);
        block.iter().for_each(|l| self.line(l));
    }
}

/// The input on a line of a session: after `gosub>`, `gosub(2g)>` or the dots of a
/// continuation.
fn prompt(l: &str) -> Option<&str> {
    let rest = match l.strip_prefix("gosub") {
        Some(r) if r.starts_with('>') => &r[1..],
        Some(r) if r.starts_with('(') => r.split_once(")>")?.1,
        _ => l.strip_prefix("......")?,
    };
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// Runs a page; the number of commands.
fn page(path: &str) -> usize {
    let file = root().join(path);
    let text = std::fs::read_to_string(&file).expect("the page is there");
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(path.replace('/', "_"));
    // A folder of an earlier run may be there.
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("the folder can be made");
    std::os::unix::fs::symlink(root().join("examples"), dir.join("examples")).expect("a link");
    let mut p = Page {
        dir,
        bless: std::env::var_os("GOSUB_BLESS").is_some(),
        text: String::new(),
        wrong: String::new(),
        commands: 0,
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut i = 0;
    while i < lines.len() {
        p.line(lines[i]);
        i += 1;
        let Some(kind) = lines[i - 1].strip_prefix("```") else {
            continue;
        };
        let n = lines[i..].iter().take_while(|l| **l != "```").count();
        let block = &lines[i..i + n];
        if let Some(name) = kind.strip_prefix("go file=") {
            let to = p.dir.join(name);
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("it can be made");
            std::fs::write(to, block.join("\n") + "\n").expect("the folder is writable");
            block.iter().for_each(|l| p.line(l));
        } else if kind == "console" {
            p.console(block);
        } else if kind == "session" {
            p.session(block);
        } else {
            block.iter().for_each(|l| p.line(l));
        }
        i += n;
        if i < lines.len() {
            p.line(lines[i]);
            i += 1;
        }
    }
    if p.bless {
        std::fs::write(&file, &p.text).expect("the page is writable");
    } else {
        assert!(p.wrong.is_empty(), "{path}:\n{}", p.wrong);
    }
    p.commands
}

#[test]
fn differences_from_go() {
    assert!(page("examples/differs.md") > 30);
}

#[test]
fn readme() {
    assert!(page("README.md") > 8);
}

#[test]
fn race_mode() {
    assert!(page("src/race/README.md") > 4);
}

#[test]
fn tour() {
    assert!(page("examples/README.md") >= 14);
}

#[test]
fn three_dots_stand_for_any_text() {
    assert!(same(&["a", "...", "z"], &["a", "b", "c", "z"]));
    assert!(same(&["a", "...", "z"], &["a", "z"]));
    assert!(!same(&["a", "...", "z"], &["a", "z", "b"]));
    assert!(same_line("x ... y ... z", "x 1 y 2 z"));
    assert!(!same_line("x ... y", "x 1 z"));
    assert!(same_line(
        "goroutine 4 [running]: +0x10",
        "goroutine 17 [running]: +0x1f8"
    ));
    assert!(same_line("ok\t0.003s", "ok\t1.25s"));
    assert!(!same_line("1.5", "1.6"));
    assert_eq!(prompt("gosub(2g)> x"), Some("x"));
    assert_eq!(prompt("...... y"), Some("y"));
    assert_eq!(prompt("gosub runs"), None);
}
