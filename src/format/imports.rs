//! Sorting of import specifications, on the text: lines between blank lines and comments
//! are put in the order of their paths, and repeated ones are dropped.

use super::scan::{Lines, Scanned};
use super::tree::{DeclKind, Expr, Root, Spec, SpecKind, StmtKind};
use crate::syntax::token::T;

/// One specification with its line.
#[derive(Clone, PartialEq, Eq)]
struct Entry<'a> {
    path: &'a str,
    name: &'a str,
    comment: &'a str,
    line: &'a str,
}

/// The text with sorted imports; None if nothing changes.
pub fn sorted(text: &str, scanned: &Scanned, root: &Root) -> Option<String> {
    let mut out = String::new();
    let mut from = 0;
    for item in &root.items {
        let StmtKind::Decl(d) = &item.kind else { break };
        let DeclKind::Group {
            word: T::Import,
            lparen: Some(_),
            specs,
            rparen,
            ..
        } = &d.kind
        else {
            continue;
        };
        for run in runs(specs, &scanned.lines) {
            let Some((lo, hi, lines)) = sort_run(text, scanned, run) else {
                continue;
            };
            out.push_str(&text[from..lo]);
            out.push_str(&lines.join("\n"));
            from = hi;
        }
        // No blank lines after the last specification, not even between comments.
        if let Some(last) = specs.last()
            && let Some((lo, rest)) = blank_end(text, last.hi, *rparen)
            && lo >= from
        {
            out.push_str(&text[from..lo]);
            out.push_str(&rest);
            from = *rparen;
        }
    }
    if from == 0 {
        return None;
    }
    out.push_str(&text[from..]);
    Some(out)
}

/// What stands between two places from the end of the first one's line on, without blank
/// lines, and where it begins; None if there are none.
fn blank_end(text: &str, from: usize, to: usize) -> Option<(usize, String)> {
    let between = text.get(from..to)?;
    if between.contains("/*") {
        return None;
    }
    let lo = from + between.find('\n')? + 1;
    let lines: Vec<&str> = text[lo..to].split('\n').collect();
    let (last, lines) = lines.split_last()?;
    let kept: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|l| !l.trim().is_empty())
        .collect();
    if kept.len() == lines.len() {
        return None;
    }
    let mut rest = kept.join("\n");
    if !kept.is_empty() {
        rest.push('\n');
    }
    rest.push_str(last);
    Some((lo, rest))
}

/// The runs of specifications on consecutive lines.
fn runs<'a>(specs: &'a [Spec], lines: &Lines) -> Vec<&'a [Spec]> {
    specs
        .chunk_by(|a, b| lines.line(b.lo) <= lines.line(a.hi) + 1)
        .collect()
}

/// The byte range of a run's lines and what should stand there. None: it is sorted, or its
/// specifications are not each on a line of its own.
fn sort_run<'a>(
    text: &'a str,
    scanned: &Scanned,
    run: &[Spec],
) -> Option<(usize, usize, Vec<&'a str>)> {
    let mut entries = Vec::new();
    for s in run {
        let SpecKind::Import { name, path } = &s.kind else {
            return None;
        };
        let lo = text[..s.lo].rfind('\n').map_or(0, |i| i + 1);
        let hi = text[s.hi..].find('\n').map_or(text.len(), |i| s.hi + i);
        let before = text[lo..s.lo].trim();
        let after = text[s.hi..hi].trim();
        if !before.is_empty() || !(after.is_empty() || after.starts_with("//")) {
            return None;
        }
        let of = |x: &Expr| &text[x.lo..x.hi];
        entries.push(Entry {
            path: of(path).trim_matches(['"', '`']),
            name: name.as_ref().map_or("", of),
            comment: after,
            line: &text[lo..hi],
        });
    }
    let lines = &scanned.lines;
    if run
        .windows(2)
        .any(|w| lines.line(w[0].lo) == lines.line(w[1].lo))
    {
        return None;
    }
    let mut new = entries.clone();
    new.sort_by(|a, b| (a.path, a.name, a.comment).cmp(&(b.path, b.name, b.comment)));
    let mut kept: Vec<Entry> = Vec::new();
    for e in new {
        // Of equal ones the last stays, unless an earlier one has a comment.
        if let Some(p) = kept.last()
            && (p.path, p.name) == (e.path, e.name)
            && p.comment.is_empty()
        {
            kept.pop();
        }
        kept.push(e);
    }
    if kept == entries {
        return None;
    }
    let first = &run[0];
    let last = &run[run.len() - 1];
    let lo = text[..first.lo].rfind('\n').map_or(0, |i| i + 1);
    let hi = text[last.hi..]
        .find('\n')
        .map_or(text.len(), |i| last.hi + i);
    Some((lo, hi, kept.into_iter().map(|e| e.line).collect()))
}
