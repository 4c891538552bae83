//! Documentation comments in their usual form: paragraphs, headings, lists, code, and
//! definitions of links at the end.

/// A stretch of lines.
pub enum Span {
    Para(Vec<String>),
    Heading(String),
    Code(Vec<String>),
    List(List),
}

pub struct List {
    pub items: Vec<Item>,
    blank_before: bool,
    pub blank_between: bool,
}

pub struct Item {
    /// Empty for bullets.
    pub number: String,
    pub paras: Vec<Vec<String>>,
}

impl Span {
    /// Whether a blank line separates it from what is above.
    pub fn blank_before(&self) -> bool {
        match self {
            Span::List(l) => l.blank_before || l.blank_between,
            _ => true,
        }
    }
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Para,
    Heading,
    OldHeading,
    Code,
    List,
}

/// `[text]: url`
pub struct Link {
    text: String,
    url: String,
}

/// The text of a comment, without comment marks, in its usual form.
pub fn reformat(text: &str) -> String {
    let (spans, links) = parse(text);
    print(&spans, &links)
}

/// The stretches of a comment and the links it defines.
pub fn parse(text: &str) -> (Vec<Span>, Vec<Link>) {
    let lines: Vec<&str> = text.split('\n').collect();
    let lines = unindent(&lines);
    let mut links = Vec::new();
    let mut spans = Vec::new();
    let mut at = 0;
    for (start, end, kind) in split(&lines) {
        let body = &lines[start..end];
        match kind {
            Kind::Para => {
                if let Some(p) = paragraph(body, &mut links) {
                    spans.push(Span::Para(p));
                }
            }
            Kind::Heading => spans.push(Span::Heading(body[0][1..].trim().to_string())),
            Kind::OldHeading => spans.push(Span::Heading(body[0].trim().to_string())),
            Kind::Code => {
                let body: Vec<&str> = body.iter().map(String::as_str).collect();
                spans.push(Span::Code(unindent(&body)));
            }
            Kind::List => spans.push(Span::List(list(body, at < start, &mut links))),
        }
        at = end;
    }
    (spans, links)
}

fn indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// The lines without the white space they share, and without blank lines around them.
fn unindent(lines: &[&str]) -> Vec<String> {
    let blank = |l: &&str| l.bytes().all(|b| matches!(b, b' ' | b'\t'));
    let Some(first) = lines.iter().position(|l| !blank(l)) else {
        return Vec::new();
    };
    let last = lines.iter().rposition(|l| !blank(l)).unwrap_or(first);
    let lines = &lines[first..=last];
    let space = |l: &str| l.len() - l.trim_start_matches([' ', '\t']).len();
    let mut prefix = &lines[0][..space(lines[0])];
    for l in lines.iter().filter(|l| !blank(l)) {
        let n = prefix
            .bytes()
            .zip(l.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        prefix = &prefix[..n];
    }
    lines
        .iter()
        .map(|l| {
            if blank(l) {
                String::new()
            } else {
                l.strip_prefix(prefix).unwrap_or(l).to_string()
            }
        })
        .collect()
}

/// The number (empty for bullets) and the text of a line that starts a list item.
fn marker(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let first = line.chars().next()?;
    let (number, rest) = match first {
        '•' | '*' | '+' | '-' => ("", &line[first.len_utf8()..]),
        '0'..='9' => {
            let n = line.bytes().take_while(u8::is_ascii_digit).count();
            let rest = line[n..].strip_prefix(['.', ')'])?;
            (&line[..n], rest)
        }
        _ => return None,
    };
    (indented(rest) && !rest.trim().is_empty()).then_some((number, rest))
}
fn is_item(line: &str) -> bool {
    marker(line).is_some()
}

/// The stretches of a comment: first line, end, kind.
fn split(lines: &[String]) -> Vec<(usize, usize, Kind)> {
    let mut spans = Vec::new();
    let mut i = 0;
    // Lines before this one count as indented, although they are not.
    let mut forced = 0;
    loop {
        while i < lines.len() && lines[i].is_empty() {
            i += 1;
        }
        if i >= lines.len() {
            return spans;
        }
        let start = i;
        let (end, kind);
        if i < forced || indented(&lines[i]) {
            let mut items_follow = is_item(&lines[i]) && i < forced;
            i += 1;
            while i < lines.len()
                && (lines[i].is_empty()
                    || i < forced
                    || indented(&lines[i])
                    || items_follow && is_item(&lines[i]))
            {
                items_follow &= !lines[i].is_empty();
                i += 1;
            }
            let mut e = i;
            while e > 0 && lines[e - 1].is_empty() {
                e -= 1;
            }
            // Pasted code whose last brace was not indented.
            if e < lines.len() && lines[e].starts_with('}') {
                e += 1;
            }
            end = e;
            kind = if is_item(&lines[start]) {
                Kind::List
            } else {
                Kind::Code
            };
        } else {
            i += 1;
            while i < lines.len() && !lines[i].is_empty() && !indented(&lines[i]) {
                i += 1;
            }
            let mut e = i;
            if i < lines.len() && !lines[i].is_empty() && !is_item(&lines[i]) {
                // Items of a list, or the head of some code, that were not indented.
                if is_item(&lines[i - 1]) {
                    forced = e;
                    e -= 1;
                    while e > start && is_item(&lines[e - 1]) {
                        e -= 1;
                    }
                } else if lines[i - 1].ends_with(['{', '\\']) {
                    forced = e;
                    e -= 1;
                }
                if e == start && forced > start {
                    i = start;
                    continue;
                }
            }
            end = e;
            kind = if end - start == 1 && is_heading(&lines[start]) {
                Kind::Heading
            } else if end - start == 1 && is_old_heading(lines, start) {
                Kind::OldHeading
            } else {
                Kind::Para
            };
        }
        spans.push((start, end, kind));
        i = end;
    }
}

fn is_heading(line: &str) -> bool {
    line.strip_prefix('#')
        .is_some_and(|r| indented(r) && !r.trim().is_empty())
}

/// A line between blank lines that looks like a heading without a mark.
fn is_old_heading(all: &[String], at: usize) -> bool {
    if at == 0
        || !all[at - 1].is_empty()
        || at + 2 >= all.len()
        || !all[at + 1].is_empty()
        || indented(&all[at + 2])
    {
        return false;
    }
    let line = all[at].trim();
    let (Some(first), Some(last)) = (line.chars().next(), line.chars().last()) else {
        return false;
    };
    if !first.is_uppercase() || !(last.is_alphabetic() || last.is_numeric()) {
        return false;
    }
    if line.contains(|c| ";:!?+*/=[]{}_^°&§~%#@<\">\\".contains(c)) {
        return false;
    }
    let possessive = line
        .split('\'')
        .skip(1)
        .all(|r| r == "s" || r.starts_with("s "));
    let points = line
        .split('.')
        .skip(1)
        .all(|r| !r.is_empty() && !r.starts_with(' '));
    possessive && points
}

fn link(line: &str) -> Option<Link> {
    let rest = line.strip_prefix('[')?;
    let (text, url) = rest.split_once("]:")?;
    let url = url.strip_prefix([' ', '\t'])?.trim();
    let (scheme, _) = url.split_once("://")?;
    let known = ["file", "ftp", "gopher", "http", "https", "mailto", "nntp"];
    known.contains(&scheme).then(|| Link {
        text: text.to_string(),
        url: url.to_string(),
    })
}

/// The lines of a paragraph, unless they define links.
fn paragraph(lines: &[String], links: &mut Vec<Link>) -> Option<Vec<String>> {
    let defs: Option<Vec<Link>> = lines.iter().map(|l| link(l)).collect();
    match defs {
        Some(d) => {
            links.extend(d);
            None
        }
        None => Some(lines.iter().map(|l| quotes(l)).collect()),
    }
}

/// Typographic quotes for doubled ones.
fn quotes(line: &str) -> String {
    if !line.contains("``") && !line.contains("''") {
        return line.to_string();
    }
    let mut out = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("```") {
            let n = rest.bytes().take_while(|b| *b == b'`').count();
            out.push_str(&rest[..n]);
            rest = &rest[n..];
        } else if let Some(r) = rest.strip_prefix("``") {
            out.push('“');
            rest = r;
        } else if let Some(r) = rest.strip_prefix("''") {
            out.push('”');
            rest = r;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

fn list(lines: &[String], blank_before: bool, links: &mut Vec<Link>) -> List {
    let numbered = marker(&lines[0]).is_some_and(|(n, _)| !n.is_empty());
    let mut l = List {
        items: Vec::new(),
        blank_before,
        blank_between: false,
    };
    let mut text: Vec<String> = Vec::new();
    let mut flush = |items: &mut Vec<Item>, text: &mut Vec<String>| {
        if let Some(item) = items.last_mut()
            && !text.is_empty()
            && let Some(p) = paragraph(text, links)
        {
            item.paras.push(p);
        }
        text.clear();
    };
    for line in lines {
        let mut rest = line.as_str();
        if let Some((n, after)) = marker(line)
            && n.is_empty() != numbered
        {
            flush(&mut l.items, &mut text);
            l.items.push(Item {
                number: n.to_string(),
                paras: Vec::new(),
            });
            rest = after;
        }
        let rest = rest.trim();
        if rest.is_empty() {
            l.blank_between = true;
            flush(&mut l.items, &mut text);
            continue;
        }
        text.push(rest.to_string());
    }
    flush(&mut l.items, &mut text);
    l.blank_between |= l.items.iter().any(|i| i.paras.len() != 1);
    l
}

fn print(spans: &[Span], links: &[Link]) -> String {
    let mut out = String::new();
    let mut prose = String::new();
    for (i, s) in spans.iter().enumerate() {
        if i > 0 && s.blank_before() {
            out.push('\n');
        }
        let from = out.len();
        match s {
            Span::Para(lines) => {
                out.push_str(&lines.join("\n"));
                out.push('\n');
            }
            Span::Heading(text) => {
                out.push_str("# ");
                out.push_str(text);
                out.push('\n');
            }
            Span::Code(lines) => {
                for l in lines {
                    if !l.is_empty() {
                        out.push('\t');
                        out.push_str(l);
                    }
                    out.push('\n');
                }
            }
            Span::List(l) => print_list(l, &mut out),
        }
        if !matches!(s, Span::Code(_)) {
            prose.push_str(&out[from..]);
        }
    }
    // Links that are used, then those that are not. A use may go over the end of a line.
    let prose = prose.split_whitespace().collect::<Vec<_>>().join(" ");
    for used in [true, false] {
        let mut first = true;
        for l in links {
            if prose.contains(&format!(
                "[{}]",
                l.text.split_whitespace().collect::<Vec<_>>().join(" ")
            )) == used
            {
                if first {
                    out.push('\n');
                    first = false;
                }
                out.push_str(&format!("[{}]: {}\n", l.text, l.url));
            }
        }
    }
    out
}

fn print_list(l: &List, out: &mut String) {
    for (i, item) in l.items.iter().enumerate() {
        if i > 0 && l.blank_between {
            out.push('\n');
        }
        out.push(' ');
        if item.number.is_empty() {
            out.push_str(" - ");
        } else {
            out.push_str(&item.number);
            out.push_str(". ");
        }
        for (j, p) in item.paras.iter().enumerate() {
            if j > 0 {
                out.push_str("\n    ");
            }
            out.push_str(&p.join("\n    "));
            if j + 1 < item.paras.len() {
                out.push('\n');
            }
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::reformat;

    fn same(text: &str) {
        assert_eq!(reformat(text), text);
    }

    #[test]
    fn usual_forms_stay() {
        same("F does a thing.\nIt does it well.\n");
        same("F.\n\n\tcode here\n\nMore.\n");
        same("F:\n  - one\n  - two\n    lines\n");
        same("F:\n\n 1. one\n\n 2. two\n");
        same("F uses [a].\n\n# Heading\n\nText.\n\n[a]: https://example.org/\n");
    }
    #[test]
    fn lists_and_headings_are_marked() {
        let text = "F.\n\nAn Old Heading\n\nText:\n * one\n * two\n";
        let want = "F.\n\n# An Old Heading\n\nText:\n  - one\n  - two\n";
        assert_eq!(reformat(text), want);
    }
    #[test]
    fn code_is_set_apart() {
        let text = "F:\n    x := 1\n      y := 2\nMore.\n";
        let want = "F:\n\n\tx := 1\n\t  y := 2\n\nMore.\n";
        assert_eq!(reformat(text), want);
    }
}
