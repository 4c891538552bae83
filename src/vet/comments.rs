//! Comments that mean something to go's tools, at places where they mean nothing: build
//! constraints and `//go:debug`.

use super::Vet;
use crate::base::span::Span;
use crate::syntax::lex::lex;
use crate::syntax::token::T;

impl Vet<'_> {
    pub(super) fn comments(&mut self) {
        for file in &self.ast.files {
            let Some((_, f)) = self.sources.file_of(file.end) else {
                continue;
            };
            let package = lex(&f.text, 0)
                .toks
                .iter()
                .find(|t| t.kind == T::Package)
                .map(|t| t.lo as usize);
            // A script has none of these.
            let Some(package) = package else { continue };
            let named = |end: &str| f.name.ends_with(end);
            let debugs = self.ast.name(file.package).as_str() == "main"
                || named("_test.go")
                || named("_test.gosub");
            for c in comments(&f.text) {
                for (message, is_debug) in faults(&f.text, &c, package, debugs) {
                    let code = match is_debug {
                        true => "VetDirective",
                        false => "VetBuildTag",
                    };
                    let lo = f.base + c.at as u32;
                    let hi = lo + c.text.len() as u32;
                    self.warn(code, Span { lo, hi }, message);
                }
            }
        }
    }
}

/// One line of a comment.
struct Line<'t> {
    at: usize,
    text: &'t str,
    /// Inside `/* */`.
    block: bool,
}

/// What is wrong with a line of a comment, and whether it is a setting for debugging.
fn faults(text: &str, c: &Line, package: usize, debugs: bool) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    let mut build = |m: &str| out.push((m.to_string(), false));
    let late = c.at > package;
    if word(c.text, "//go:build") && late {
        build("misplaced //go:build comment");
    }
    if let Some(rest) = c.text.strip_prefix("//")
        && word(rest.trim_start(), "+build")
    {
        let between = text.get(c.at..package).unwrap_or("");
        if late || !between.contains("\n\n") {
            build("misplaced +build comment");
        }
        for arg in rest.split_whitespace().skip(1) {
            for part in arg.split(',') {
                let name = part.trim_start_matches('!');
                if part.starts_with("!!") {
                    build(&format!(
                        "invalid double negative in build constraint: {arg}"
                    ));
                } else if name
                    .chars()
                    .any(|c| !c.is_alphanumeric() && c != '_' && c != '.')
                    || name.is_empty()
                {
                    build(&format!("invalid non-alphanumeric build constraint: {arg}"));
                } else {
                    continue;
                }
                break;
            }
        }
    }
    if word(c.text, "//go:debug") && !c.block {
        let text = if !debugs {
            "//go:debug directive only valid in package main or test"
        } else if late {
            "//go:debug directive only valid before package declaration"
        } else {
            return out;
        };
        out.push((text.to_string(), true));
    }
    out
}

/// Whether the text begins with a word.
fn word(text: &str, w: &str) -> bool {
    text.strip_prefix(w)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// Where the literal ends whose opening quote stands at `i`.
pub(super) fn behind_quoted(b: &[u8], mut i: usize) -> usize {
    let q = b[i];
    i += 1;
    while i < b.len() && b[i] != q {
        i += if b[i] == b'\\' && q != b'`' { 2 } else { 1 };
    }
    i + 1
}

/// The lines of all comments.
fn comments(text: &str) -> Vec<Line<'_>> {
    let b = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b'"' | b'\'' | b'`' => {
                i = behind_quoted(b, i);
            }
            b'/' if b.get(i + 1) == Some(&b'/') => {
                let end = text[i..].find('\n').map_or(b.len(), |n| i + n);
                let line = text[i..end].trim_end();
                out.push(Line {
                    at: i,
                    text: line,
                    block: false,
                });
                i = end;
            }
            b'/' if b.get(i + 1) == Some(&b'*') => {
                let end = text[i + 2..].find("*/").map_or(b.len(), |n| i + 2 + n);
                let mut at = i;
                for line in text[i..end].split('\n') {
                    out.push(Line {
                        at,
                        text: line.trim_end(),
                        block: true,
                    });
                    at += line.len() + 1;
                }
                i = (end + 2).min(b.len());
            }
            _ => i += 1,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, debugs: bool) -> Vec<String> {
        let package = text.find("package ").expect("a clause");
        comments(text)
            .iter()
            .flat_map(|c| faults(text, c, package, debugs))
            .map(|f| f.0)
            .collect()
    }

    #[test]
    fn constraints_stand_before_the_package_clause() {
        let none: [&str; 0] = [];
        assert_eq!(told("//go:build x\n// +build x\n\npackage p\n", true), none);
        let late = "package p\n\n//go:build x\n//+build !!x\nvar s = `\n//go:build y\n`\n/*\n//go:build z\n*/\n";
        assert_eq!(
            told(late, true),
            [
                "misplaced //go:build comment",
                "misplaced +build comment",
                "invalid double negative in build constraint: !!x",
                "misplaced //go:build comment",
            ]
        );
        let close = "// +build a-b\npackage p\n//go:builder\n";
        assert_eq!(
            told(close, true),
            [
                "misplaced +build comment",
                "invalid non-alphanumeric build constraint: a-b"
            ]
        );
    }

    #[test]
    fn debug_settings_belong_to_main_packages() {
        let text = "//go:debug a=1\npackage p\n//go:debug b=1\n/*\n//go:debug c\n*/\n";
        let late = "//go:debug directive only valid before package declaration";
        let other = "//go:debug directive only valid in package main or test";
        assert_eq!(told(text, true), [late]);
        assert_eq!(told(text, false), [other, other]);
    }
}
