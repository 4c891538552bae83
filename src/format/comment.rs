//! Comments: the indentation of block comments, and which comments are documentation.

use super::doc;
use super::scan::Comment;

fn blank(s: &str) -> bool {
    s.bytes().all(|b| b <= b' ')
}

/// White space and stars that two lines start with.
fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let n = a
        .bytes()
        .zip(b.bytes())
        .take_while(|(x, y)| x == y && (*x <= b' ' || *x == b'*'))
        .count();
    &a[..n]
}

/// Removes the indentation that the lines of a block comment share, so that they can be
/// indented anew. The first line starts with `/*`, the last one ends with `*/`.
pub fn trim_common_indent(lines: &mut [String]) {
    let n = lines.len();
    if n <= 1 {
        return;
    }
    let mut prefix: Option<String> = None;
    if n > 2 {
        for l in &mut lines[1..n - 1] {
            if blank(l) {
                l.clear();
                continue;
            }
            let p = match &prefix {
                Some(p) => common(p, l),
                None => common(l, l),
            };
            prefix = Some(p.to_string());
        }
    }
    let mut prefix = prefix.unwrap_or_else(|| common(&lines[n - 1], &lines[n - 1]).to_string());

    let stars = prefix.find('*');
    if let Some(at) = stars {
        // A line of stars at the left; the blank before each stays.
        prefix.truncate(at);
        if prefix.ends_with(' ') {
            prefix.pop();
        }
    } else {
        let first = &lines[0];
        if blank(&first[2..]) {
            // Text below a lone `/*` keeps up to three blanks or a tab.
            let blanks = prefix.bytes().rev().take(3).take_while(|b| *b == b' ');
            let cut = blanks.count();
            if cut > 0 {
                prefix.truncate(prefix.len() - cut);
            } else if prefix.ends_with('\t') {
                prefix.pop();
            }
        } else {
            // Text beside the `/*`: lines below are aligned with it if they are indented
            // by as much as that text is.
            let gap: String = first[2..].chars().take_while(|c| *c <= ' ').collect();
            let suffix = if gap.starts_with('\t') {
                gap
            } else {
                format!("  {gap}")
            };
            if let Some(rest) = prefix.strip_suffix(&suffix) {
                prefix.truncate(rest.len());
            }
        }
    }
    let last = &mut lines[n - 1];
    let text = last.find("*/").unwrap_or(last.len());
    if blank(&last[..text]) {
        *last = format!("{prefix}{}", if stars.is_some() { " */" } else { "*/" });
    } else {
        prefix = common(&prefix, last).to_string();
    }
    for l in &mut lines[1..] {
        if !l.is_empty() {
            l.replace_range(..prefix.len().min(l.len()), "");
        }
    }
}

/// Whether the text after `//` is an instruction to a tool: `//line`, `//export`, `//go:x`.
fn directive(text: &str) -> bool {
    if text.starts_with("line ") || text.starts_with("extern ") || text.starts_with("export ") {
        return true;
    }
    let Some((tool, rest)) = text.split_once(':') else {
        return false;
    };
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    !tool.is_empty() && tool.bytes().all(word) && rest.bytes().next().is_some_and(word)
}

/// A documentation comment in its usual form; None: it stays as it is.
pub fn doc_comment(list: &[Comment]) -> Option<Vec<Comment>> {
    let first = &list[0];
    let made = |text: String| Comment {
        text,
        lo: first.lo,
        hi: first.hi,
    };
    if list.len() == 1 && first.text.starts_with("/*") {
        let text = &first.text;
        if !text.contains('\n') || all_stars(text) {
            return None;
        }
        let body = doc::reformat(&text[2..text.len() - 2]);
        return Some(vec![made(format!("/*\n{body}*/"))]);
    }
    let (mut text, mut directives) = (String::new(), Vec::new());
    for c in list {
        let line = c.text.strip_prefix("//")?;
        if directive(line) {
            directives.push(made(c.text.clone()));
            continue;
        }
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    if text.is_empty() {
        return None;
    }
    let text = doc::reformat(&text);
    let mut out: Vec<Comment> = text
        .lines()
        .map(|l| {
            made(if l.is_empty() {
                "//".to_string()
            } else if l.starts_with('\t') {
                format!("//{l}")
            } else {
                format!("// {l}")
            })
        })
        .collect();
    if !directives.is_empty() {
        out.push(made("//".into()));
        out.extend(directives);
    }
    Some(out)
}

/// Whether every line of a block comment starts with a star.
fn all_stars(text: &str) -> bool {
    text.lines()
        .enumerate()
        .all(|(i, l)| i == 0 || l.trim_start().starts_with('*'))
}
