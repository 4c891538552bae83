//! Documentation comments as plain text of 80 columns.

use crate::format::doc::{Span, parse};

const WIDTH: usize = 80;

/// The text with `indent` before each line; code is indented by four more blanks.
pub fn plain(comment: &str, indent: &str) -> String {
    let (spans, _) = parse(comment);
    let mut out = String::new();
    let line = |out: &mut String, text: &str| {
        if !text.is_empty() {
            out.push_str(indent);
            out.push_str(text);
        }
        out.push('\n');
    };
    for (i, s) in spans.iter().enumerate() {
        if i > 0 && s.blank_before() {
            out.push('\n');
        }
        match s {
            Span::Para(p) => {
                for l in wrap(p, WIDTH - indent.len()) {
                    line(&mut out, &l);
                }
            }
            Span::Heading(h) => line(&mut out, &format!("# {h}")),
            Span::Code(lines) => {
                for l in lines {
                    let text = if l.is_empty() {
                        String::new()
                    } else {
                        format!("    {l}")
                    };
                    line(&mut out, &text);
                }
            }
            Span::List(l) => {
                for (j, item) in l.items.iter().enumerate() {
                    if j > 0 && l.blank_between {
                        out.push('\n');
                    }
                    let mark = if item.number.is_empty() {
                        "  - ".to_string()
                    } else {
                        format!(" {}. ", item.number)
                    };
                    let mut first = true;
                    for p in &item.paras {
                        for l in wrap(p, WIDTH - indent.len() - 4) {
                            let lead = if first { mark.as_str() } else { "    " };
                            line(&mut out, &format!("{lead}{l}"));
                            first = false;
                        }
                    }
                }
            }
        }
    }
    out
}

/// Words in lines of at most `width` characters. `[Name]` links lose their brackets.
fn wrap(lines: &[String], width: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut current = String::new();
    for word in lines.iter().flat_map(|l| l.split_whitespace()) {
        let word = unlink(word);
        let used = current.chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            out.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(&word);
    }
    if !current.is_empty() {
        out.push(current);
    }
    out
}

fn unlink(word: &str) -> String {
    let (Some(a), Some(b)) = (word.find('['), word.find(']')) else {
        return word.to_string();
    };
    let inner = word.get(a + 1..b).unwrap_or("");
    let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '*');
    let before = word[..a].chars().last();
    let link = !inner.is_empty()
        && inner.starts_with(|c: char| c.is_alphabetic() || c == '*')
        && inner.chars().all(name)
        && before.is_none_or(|c| !c.is_alphanumeric());
    if link {
        format!("{}{}{}", &word[..a], inner, &word[b + 1..])
    } else {
        word.to_string()
    }
}
