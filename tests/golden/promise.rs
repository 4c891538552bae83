//! What a program's comments promise, and whether a run keeps it. `golden.rs` explains
//! the format.

use std::collections::{BTreeMap, BTreeSet};

/// How many lines of unexpected output a failure shows.
const SHOWN: usize = 40;

/// What the output comment starts with.
pub const OUTPUT: &str = "// Output:";
/// The same, for output in any order.
pub const UNORDERED: &str = "// Unordered output:";

/// What a run ended in.
pub struct Outcome {
    /// None: killed by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What a program's comments promise.
#[derive(Debug, Default, PartialEq)]
pub struct Promise {
    pub args: Vec<String>,
    pub exit: Option<i32>,
    pub stderr: Vec<String>,
    pub procs: Vec<String>,
    pub repeat: usize,
    /// `NAME=VALUE`
    pub env: Vec<String>,
    pub output: Option<Output>,
}

#[derive(Debug, PartialEq)]
pub struct Output {
    pub lines: Vec<String>,
    pub unordered: bool,
}

impl Promise {
    pub fn parse(text: &str) -> Result<Promise, String> {
        let mut p = Promise {
            repeat: 1,
            ..Promise::default()
        };
        for line in text.lines().take_while(|l| !l.starts_with("package ")) {
            let Some((key, value)) = line.strip_prefix("// ").and_then(|l| l.split_once(": "))
            else {
                continue;
            };
            let value = value.trim();
            let words = || value.split_whitespace().map(String::from).collect();
            let number = |what| {
                value
                    .parse()
                    .map_err(|_| format!("{what}: not a number: {value}"))
            };
            match key {
                "args" => p.args = words(),
                "exit" => p.exit = Some(number("exit")?),
                "stderr" => p.stderr.push(value.to_string()),
                "procs" => p.procs = words(),
                "env" => p.env.push(value.to_string()),
                "repeat" => {
                    p.repeat = usize::try_from(number("repeat")?).map_err(|e| e.to_string())?
                }
                _ => {}
            }
        }
        p.output = Output::parse(text)?;
        Ok(p)
    }

    pub fn is_empty(&self) -> bool {
        self.output.is_none() && self.exit.is_none() && self.stderr.is_empty()
    }

    /// Why `got` is not what was promised.
    pub fn check(&self, got: &Outcome) -> Result<(), String> {
        let want = self.exit.unwrap_or(0);
        if got.code != Some(want) {
            let code = got
                .code
                .map_or("killed by a signal".into(), |c| format!("exit code {c}"));
            return Err(format!(
                "{code}, want {want}; standard error:\n{}",
                head(&got.stderr)
            ));
        }
        if let Some(text) = self
            .stderr
            .iter()
            .find(|t| !got.stderr.contains(t.as_str()))
        {
            return Err(format!(
                "standard error lacks {text:?}:\n{}",
                head(&got.stderr)
            ));
        }
        if self.stderr.is_empty() && self.exit.is_none() && !got.stderr.is_empty() {
            return Err(format!("unexpected standard error:\n{}", head(&got.stderr)));
        }
        self.output
            .as_ref()
            .map_or(Ok(()), |o| o.check(&got.stdout))
    }
}

/// The races that a program's `// race: NAME` marks promise, as pairs of lines.
pub fn race_marks(text: &str) -> Result<BTreeSet<(usize, usize)>, String> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, line) in text.lines().enumerate() {
        if let Some((_, name)) = line.split_once("// race: ") {
            by_name.entry(name.trim()).or_default().push(i + 1);
        }
    }
    by_name
        .into_iter()
        .map(|(name, lines)| match lines[..] {
            [a] => Ok((a, a)),
            [a, b] => Ok((a, b)),
            _ => Err(format!("race {name:?} is marked more than twice")),
        })
        .collect()
}

/// The races in a report: for each block the lines in the program where its two stacks
/// first touch it.
pub fn races(stderr: &str, path: &str) -> BTreeSet<(usize, usize)> {
    let file = path.rsplit('/').next().unwrap_or(path);
    stderr
        .split("WARNING: DATA RACE")
        .skip(1)
        .filter_map(|block| {
            let mut lines = block.split("\n\n").filter_map(|part| {
                part.lines().find_map(|l| {
                    let (_, rest) = l.split_once(file)?;
                    let n = rest.strip_prefix(':')?;
                    n.split(' ').next()?.parse::<usize>().ok()
                })
            });
            let (a, b) = (lines.next()?, lines.next()?);
            Some((a.min(b), a.max(b)))
        })
        .collect()
}

impl Output {
    fn parse(text: &str) -> Result<Option<Output>, String> {
        let Some((start, unordered)) = output_start(text) else {
            return Ok(None);
        };
        let mut lines = Vec::new();
        for l in text[start..].lines().skip(1) {
            let Some(rest) = l.strip_prefix("//") else {
                return Err(format!("not a comment after {OUTPUT} {l}"));
            };
            lines.push(
                rest.strip_prefix(' ')
                    .unwrap_or(rest)
                    .trim_end()
                    .to_string(),
            );
        }
        Ok(Some(Output { lines, unordered }))
    }

    fn check(&self, stdout: &str) -> Result<(), String> {
        let mut want: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        let mut got: Vec<&str> = stdout.lines().map(str::trim_end).collect();
        if self.unordered {
            want.sort_unstable();
            got.sort_unstable();
        }
        let same = want.iter().zip(&got).take_while(|(w, g)| w == g).count();
        if same == want.len() && same == got.len() {
            return Ok(());
        }
        let show = |lines: &[&str]| {
            lines
                .get(same)
                .map_or("end of output".to_string(), |l| format!("{l:?}"))
        };
        Err(format!(
            "output line {}: got {}, want {}",
            same + 1,
            show(&got),
            show(&want)
        ))
    }
}

/// Where the last output comment starts, and whether the order matters there.
pub fn output_start(text: &str) -> Option<(usize, bool)> {
    let find = |mark: &str| text.rfind(&format!("\n{mark}\n")).map(|i| i + 1);
    match (find(OUTPUT), find(UNORDERED)) {
        (Some(a), Some(b)) => Some((a.max(b), b > a)),
        (Some(a), None) => Some((a, false)),
        (None, b) => b.map(|b| (b, true)),
    }
}

/// The first lines of a text.
pub fn head(text: &str) -> String {
    let mut s: Vec<&str> = text.lines().take(SHOWN).collect();
    if text.lines().nth(SHOWN).is_some() {
        s.push("...");
    }
    s.join("\n")
}

/// The marked errors of a program: (line, text).
pub fn marks(text: &str) -> Vec<(usize, &str)> {
    let mut v = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let Some((_, texts)) = line.split_once("// ERROR \"") else {
            continue;
        };
        let texts = texts.trim_end().trim_end_matches('"');
        v.extend(texts.split("\" \"").map(|t| (i + 1, t)));
    }
    v
}

#[test]
fn promises_are_read() {
    let text = "// exit: 2\n// stderr: a: b\n// stderr: c\n// procs: 1 8\npackage main\n\n// Unordered output:\n// x\n//\n";
    let p = Promise::parse(text).expect("valid");
    assert_eq!(
        (p.exit, p.stderr.len(), p.procs.len(), p.repeat),
        (Some(2), 2, 2, 1)
    );
    assert_eq!(p.stderr[0], "a: b");
    assert_eq!(
        p.output,
        Some(Output {
            lines: vec!["x".into(), String::new()],
            unordered: true
        })
    );
    assert!(Promise::parse("package main\n").expect("valid").is_empty());
    assert!(Promise::parse("// exit: two\npackage main\n").is_err());
    assert!(Promise::parse("package main\n\n// Output:\nx\n").is_err());
    assert_eq!(
        marks("a\nb // ERROR \"x y\" \"z\"\n"),
        [(2, "x y"), (2, "z")]
    );
}

#[test]
fn output_is_compared_line_by_line() {
    let o = |unordered| Output {
        lines: vec!["b".into(), "a".into()],
        unordered,
    };
    assert!(o(false).check("b\na\n").is_ok());
    assert!(o(false).check("a\nb\n").is_err());
    assert!(o(false).check("b\na\nc\n").is_err());
    assert!(o(true).check("a\nb\n").is_ok());
}
