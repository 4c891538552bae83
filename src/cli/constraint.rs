//! Build constraints: which files of a directory belong to the program. As in Go, a file is
//! left out by its name (`x_windows.go`, `x_linux_arm64.go`), by a `//go:build` line or, if it
//! has none, by `// +build` lines, and files named on the command line are never left out.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `-tags` adds.
static TAGS: OnceLock<Vec<String>> = OnceLock::new();
/// Whether the tag `race` holds.
static RACE: AtomicBool = AtomicBool::new(false);

/// With `-race` the tag of that name holds.
pub fn set_race(on: bool) {
    RACE.store(on, Ordering::Relaxed);
}

/// Sets the tags of `-tags`, separated by commas or blanks.
pub fn set_tags(list: &str) {
    let words = list.split([',', ' ']).filter(|w| !w.is_empty());
    // The first list counts; the command line is read once.
    let _ = TAGS.set(words.map(String::from).collect());
}

/// Systems and processors that Go knows as parts of file names.
const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];
const PROCESSORS: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// The release of the language: tags `go1.1` to this one hold.
const RELEASE: u32 = 27;

/// Whether a tag holds here.
fn holds(tag: &str) -> bool {
    let system = std::env::consts::OS;
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    if tag == system || tag == processor || tag == "gc" || tag == "gosub" || tag == "unix" {
        return true;
    }
    if tag == "race" {
        return RACE.load(Ordering::Relaxed);
    }
    if let Some(n) = tag.strip_prefix("go1.").and_then(|n| n.parse::<u32>().ok()) {
        return (1..=RELEASE).contains(&n);
    }
    TAGS.get().is_some_and(|t| t.iter().any(|t| t == tag))
}

/// Whether a file in a directory belongs to its package.
pub fn wanted(name: &str, text: &str) -> bool {
    by_name(name)
        && match line(text) {
            Some(l) => expression(l).unwrap_or(false),
            None => old_lines(text),
        }
}

/// Whether all `// +build` lines hold. They stand among the comments at the top, with a blank
/// line after them. Words are alternatives, and words with commas hold with all their parts.
fn old_lines(text: &str) -> bool {
    let mut top: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|l| l.is_empty() || l.starts_with("//"))
        .collect();
    while top.last().is_some_and(|l| !l.is_empty()) {
        top.pop();
    }
    let part = |p: &str| match p.strip_prefix('!') {
        Some(tag) => !holds(tag),
        None => holds(p),
    };
    top.iter()
        .filter_map(|l| {
            let l = l.strip_prefix("//")?.trim_start().strip_prefix("+build")?;
            (l.is_empty() || l.starts_with([' ', '\t'])).then_some(l)
        })
        .all(|l| l.split_whitespace().any(|w| w.split(',').all(part)))
}

/// Whether a file on disk belongs to its directory's package; one that cannot be read does,
/// so that its error is shown.
pub fn keeps(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    let text = std::fs::read(path).unwrap_or_default();
    wanted(name, &String::from_utf8_lossy(&text))
}

/// What the name says: the words between its underscores, from the right.
fn by_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    // What stands before the first underscore is never a constraint.
    let Some((_, rest)) = stem.split_once('_') else {
        return true;
    };
    let mut words: Vec<&str> = rest.split('_').collect();
    if words.last() == Some(&"test") {
        words.pop();
    }
    match words.as_slice() {
        [.., s, p] if SYSTEMS.contains(s) && PROCESSORS.contains(p) => holds(s) && holds(p),
        [.., w] if SYSTEMS.contains(w) || PROCESSORS.contains(w) => holds(w),
        _ => true,
    }
}

/// The `//go:build` line's expression; it stands among the comments before the package clause.
fn line(text: &str) -> Option<&str> {
    let mut block = false;
    for l in text.lines() {
        let l = l.trim();
        if block {
            block = !l.contains("*/");
        } else if let Some(e) = l.strip_prefix("//go:build")
            && e.starts_with([' ', '\t'])
        {
            return Some(e);
        } else if l.starts_with("/*") {
            block = !l.contains("*/");
        } else if !(l.is_empty() || l.starts_with("//") || l.starts_with("#!")) {
            return None;
        }
    }
    None
}

/// The value of an expression of tags, `!`, `&&`, `||` and parentheses; None if it is none.
fn expression(e: &str) -> Option<bool> {
    let mut p = Parser { rest: e, depth: 0 };
    let v = p.or()?;
    p.rest.trim_start().is_empty().then_some(v)
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

/// As deep as parentheses and negations may nest.
const DEEPEST: usize = 500;

impl Parser<'_> {
    fn take(&mut self, mark: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(mark) {
            Some(r) => {
                self.rest = r;
                true
            }
            None => false,
        }
    }
    fn or(&mut self) -> Option<bool> {
        let mut v = self.and()?;
        while self.take("||") {
            v |= self.and()?;
        }
        Some(v)
    }
    fn and(&mut self) -> Option<bool> {
        let mut v = self.not()?;
        while self.take("&&") {
            v &= self.not()?;
        }
        Some(v)
    }
    fn not(&mut self) -> Option<bool> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let v = if self.take("!") {
            !self.not()?
        } else if self.take("(") {
            let v = self.or()?;
            self.take(")").then_some(v)?
        } else {
            let tag = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            let end = self.rest.find(|c| !tag(c)).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            if word.is_empty() {
                return None;
            }
            holds(word)
        };
        self.depth -= 1;
        Some(v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_system_and_processor() {
        assert!(by_name("main.go"));
        assert!(by_name("windows.go"), "nothing before the underscore");
        assert!(!by_name("x_windows.go"));
        assert!(!by_name("x_windows_test.go"));
        assert!(by_name("x_linux.go") && by_name("x_unix.go"));
        assert!(!by_name("x_linux_s390x.go"));
        assert!(!by_name("x_s390x.gosub"));
    }

    #[test]
    fn lines_are_expressions_of_tags() {
        let holds = |e| expression(e);
        assert_eq!(holds(" linux && !windows"), Some(true));
        assert_eq!(holds("ignore"), Some(false));
        assert_eq!(holds("(darwin || linux) && go1.18 && !go1.99"), Some(true));
        assert_eq!(holds("!(gc || cgo)"), Some(false));
        assert_eq!(holds("linux &&"), None);
        assert_eq!(holds("linux windows"), None);
        assert_eq!(holds(&"(".repeat(100_000)), None);
    }

    #[test]
    fn the_line_stands_before_the_package_clause() {
        assert!(!wanted(
            "a.go",
            "// text\n\n//go:build ignore\n\npackage p\n"
        ));
        assert!(!wanted(
            "a.go",
            "/* text\n*/\n//go:build windows\npackage p\n"
        ));
        assert!(wanted("a.go", "package p\n\n//go:build ignore\n"));
        assert!(wanted("a.go", "//go:builder ignore\npackage p\n"));
        assert!(!wanted("a.go", "//go:build &&\npackage p\n"));
        assert!(!wanted("a.go", "//+build !go1.10\n\npackage p\n"));
        assert!(wanted(
            "a.go",
            "// +build windows go1.10,linux\n\npackage p\n"
        ));
        assert!(!wanted(
            "a.go",
            "// +build linux\n// +build windows\n\npackage p\n"
        ));
        assert!(wanted("a.go", "// +build windows\npackage p\n"));
        assert!(wanted(
            "a.go",
            "//go:build linux\n// +build windows\n\npackage p\n"
        ));
    }
}
