//! The front end survives any text: token soup, real programs with tokens deleted, doubled
//! or exchanged, deep nesting. It never panics or hangs, words every error, and what it takes
//! can be laid out and read again.
//!
//! `GOSUB_FUZZ_SECONDS=600 cargo test --release --test front_end` makes a fuzzer of it: it
//! goes on with new mutants for that long, and prints the program that breaks a rule.

use gosub::base::render::{Format, render};
use gosub::format::format;
use gosub::load::load_program;
use gosub::types::check::CheckOptions;
use proptest::prelude::*;
use std::path::Path;
use std::time::{Duration, Instant};

/// What commands give parser and checker, so that deep nesting is an error, not a crash.
const STACK: usize = 512 << 20;

/// Runs `f` with a large stack.
fn roomy<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|s| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let done = thread.spawn_scoped(s, f).expect("a thread").join();
        done.unwrap_or_else(|e| std::panic::resume_unwind(e))
    })
}

/// Everything that holds for any text. Returns whether it is a program.
fn survives(text: &str) -> bool {
    let start = Instant::now();
    let files = [("p.go".to_string(), text.to_string())];
    let l = load_program(&files, &CheckOptions::default());
    let mut out = Vec::new();
    for form in [Format::Short, Format::Human, Format::Json] {
        render(&l.sources, &l.diagnostics, form, false, &mut out).expect("written");
    }
    for d in &l.diagnostics {
        assert!(!d.message.is_empty() && !d.code.is_empty(), "{d:?}\n{text}");
        // The grammar and the reader that words errors must agree on what is Go.
        assert!(
            !d.message.ends_with("unexpected token"),
            "{}\n{text}",
            String::from_utf8_lossy(&out)
        );
    }
    let good = !l.has_errors();
    if good {
        let main = l.packages.last().expect("checked");
        gosub::vet::vet(main, &l.sources);
        let once = format(text).expect("it parses");
        let twice = format(&once).expect("what was laid out parses");
        assert_eq!(once, twice, "the layout is settled");
    }
    assert!(start.elapsed() < Duration::from_secs(60), "slow:\n{text}");
    good
}

/// Splits a text into words, numbers, strings, white space and single characters.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let class = |c: char| match c {
            _ if c.is_alphanumeric() || c == '_' => 1,
            _ if c.is_whitespace() => 2,
            _ => 3,
        };
        let n = if class(c) == 3 {
            c.len_utf8()
        } else {
            let other = rest.find(|d| class(d) != class(c));
            other.unwrap_or(rest.len())
        };
        out.push(&rest[..n]);
        rest = &rest[n..];
    }
    out
}

const TOKENS: &[&str] = &[
    "if",
    "for",
    "func",
    "switch",
    "select",
    "case",
    "default",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    ":",
    "\n",
    "x",
    "T",
    "1",
    "\"s\"",
    "'c'",
    ".",
    "...",
    "=",
    ":=",
    "+",
    "*",
    "&",
    "<-",
    "chan",
    "map",
    "struct",
    "interface",
    "type",
    "var",
    "const",
    "import",
    "return",
    "go",
    "defer",
    "else",
    "range",
    "goto",
    "break",
    "continue",
    "fallthrough",
    "~",
    "|",
    "++",
    "!",
    "int",
    "string",
    "any",
    "nil",
    "iota",
    "append",
    "len",
    "make",
    "new",
    "0x",
    "1e",
    "\"",
    "`",
    "/*",
    "//",
];

/// One change: a place, what to do there, and what with.
type Change = (usize, u8, usize);

fn changed(text: &str, changes: &[Change]) -> String {
    let mut all = pieces(text);
    for &(at, what, with) in changes {
        let n = all.len();
        if n < 2 {
            break;
        }
        let (i, j) = (at % n, with % n);
        match what % 6 {
            0 => all[i] = " ",
            1 => all.insert(i, all[i]),
            2 => all.swap(i, j),
            3 => all[i] = all[j],
            4 => all.insert(i, TOKENS[with % TOKENS.len()]),
            _ => {
                all.drain(i..(i + 1 + with % 8).min(n));
            }
        }
    }
    // Words that now touch stay apart.
    let mut out = String::with_capacity(text.len() + 16);
    for p in all {
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if word(out.chars().next_back()) && word(p.chars().next()) {
            out.push(' ');
        }
        out.push_str(p);
    }
    out
}

/// The programs of the other tests.
fn programs() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    for dir in ["examples", "tests/run", "tests/fail", "tests/vet"] {
        let all = std::fs::read_dir(root.join(dir)).expect("a folder");
        names.extend(all.map(|e| e.expect("an entry").path()));
    }
    names.sort();
    let source = |p: &Path| p.extension().is_some_and(|e| e == "gosub");
    let names = names.iter().filter(|p| source(p));
    // Some hold invalid UTF-8 on purpose.
    names
        .filter_map(|p| String::from_utf8(std::fs::read(p).expect("a program")).ok())
        .collect()
}

fn change() -> impl Strategy<Value = Change> {
    (any::<usize>(), any::<u8>(), any::<usize>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn token_soup(words in prop::collection::vec(prop::sample::select(TOKENS), 0..50), inside in any::<bool>()) {
        let head = if inside { "package main\nfunc main() {\n" } else { "package main\n" };
        let text = format!("{head}{}\n", words.join(" "));
        roomy(|| survives(&text));
    }

    #[test]
    fn mutants(which in any::<usize>(), changes in prop::collection::vec(change(), 1..4)) {
        let all = programs();
        let text = changed(&all[which % all.len()], &changes);
        roomy(|| survives(&text));
    }

    #[test]
    fn any_bytes(text in "\\PC{0,120}") {
        roomy(|| survives(&format!("package main\n{text}")));
    }
}

#[test]
fn real_programs_are_settled() {
    let good = programs().iter().filter(|p| roomy(|| survives(p))).count();
    assert!(good > 50, "{good}");
}

#[test]
fn deep_nesting() {
    let nest = |open: &str, core: &str, close: &str, n: usize| {
        format!("{}{core}{}", open.repeat(n), close.repeat(n))
    };
    let shapes: [(&str, &str, &str, &str, &str); 7] = [
        ("var x = ", "(", "1", ")", "\nfunc main() { _ = x }"),
        ("var x ", "*", "int", "", "\nfunc main() { _ = x }"),
        ("var x = ", "[]any{", "1", "}", "\nfunc main() { _ = x }"),
        ("func main() ", "{", "", "}", ""),
        (
            "func f(x int) int { return x }\nfunc main() { f(",
            "f(",
            "1",
            ")",
            ") }",
        ),
        ("func main() { ", "func() {", "", "}()", " }"),
        (
            "type T ",
            "struct{ a ",
            "int",
            "}",
            "\nfunc main() { var t T; _ = t }",
        ),
    ];
    for (before, open, core, close, after) in shapes {
        for n in [1000, 60_000] {
            let text = format!(
                "package main\n{before}{}{after}\n",
                nest(open, core, close, n)
            );
            // The shallow ones are programs; deep ones may be refused, with an error.
            let good = roomy(|| survives_quietly(&text));
            assert!(good || n > 1000, "{before}{open}");
        }
    }
}

/// As `survives`, without the layout: it need not take what is deeper than anyone writes.
fn survives_quietly(text: &str) -> bool {
    let files = [("p.go".to_string(), text.to_string())];
    let l = load_program(&files, &CheckOptions::default());
    assert!(l.diagnostics.iter().all(|d| !d.message.is_empty()));
    !l.has_errors()
}

#[test]
fn fuzz() {
    let seconds = std::env::var("GOSUB_FUZZ_SECONDS");
    let Some(seconds) = seconds.ok().and_then(|s| s.parse().ok()) else {
        return;
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let all = programs();
    // Any sequence will do; this one (xorshift) starts from the clock.
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut state = clock.map_or(1, |d| d.as_nanos() as u64) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut count = 0;
    while Instant::now() < end {
        let program = &all[next() % all.len()];
        let changes: Vec<Change> = (0..1 + next() % 4)
            .map(|_| (next(), next() as u8, next()))
            .collect();
        let text = changed(program, &changes);
        roomy(|| survives(&text));
        count += 1;
    }
    println!("{count} programs");
}
