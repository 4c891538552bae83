//! `gosub explain CODE`: what an error means, with a wrong and a corrected program.
//!
//! The texts are in `checker.txt` and `vet.txt`. Examples leave out the package clause and,
//! where nothing starts, the function main; [`program`] puts them in.

pub mod absent;
pub mod advice;
#[cfg(test)]
mod tests;

const TEXTS: &[&str] = &[include_str!("checker.txt"), include_str!("vet.txt")];

/// What is known about one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub code: &'static str,
    pub text: &'static str,
    /// A program that has the error and one that has not; None where no short program has.
    pub examples: Option<(&'static str, &'static str)>,
}

/// All codes with their explanations, by name.
pub fn entries() -> Vec<Entry> {
    let mut all: Vec<Entry> = TEXTS.iter().flat_map(|t| parse(t)).collect();
    all.sort_by_key(|e| e.code);
    all
}

fn parse(text: &'static str) -> Vec<Entry> {
    let after = text.strip_prefix("# ").unwrap_or(text);
    after
        .split("\n# ")
        .filter_map(|entry| {
            let (code, rest) = entry.split_once('\n')?;
            let mut parts = rest.splitn(2, "--- wrong\n");
            let text = parts.next()?.trim();
            let examples = parts
                .next()
                .and_then(|e| e.split_once("--- right\n"))
                .map(|(w, r)| (w.trim_end(), r.trim_end()));
            Some(Entry {
                code,
                text,
                examples,
            })
        })
        .collect()
}

/// The entry of a code; upper and lower case do not matter.
pub fn find(code: &str) -> Option<Entry> {
    entries()
        .into_iter()
        .find(|e| e.code.eq_ignore_ascii_case(code))
}

/// Codes that look like a misspelt one, best first.
pub fn similar(code: &str) -> Vec<&'static str> {
    let code = code.to_ascii_lowercase();
    let mut near: Vec<(usize, &str)> = entries()
        .into_iter()
        .map(|e| {
            (
                crate::base::similar::distance(&code, &e.code.to_ascii_lowercase()),
                e.code,
            )
        })
        .filter(|(d, c)| *d <= 3 || c.to_ascii_lowercase().contains(&code))
        .collect();
    near.sort_unstable();
    near.into_iter().take(5).map(|n| n.1).collect()
}

/// An example as a whole program.
pub fn program(example: &str, code: &str) -> String {
    let main = if example.contains("func main(") || code == "MissingMain" {
        ""
    } else {
        "\n\nfunc main() {}"
    };
    format!("package main\n\n{example}{main}\n")
}

/// The explanation as the command prints it.
pub fn render(e: &Entry) -> String {
    let mut out = format!("{}\n\n", e.code);
    let mut width = 0;
    for word in e.text.split_whitespace() {
        if width > 0 && width + 1 + word.chars().count() > 80 {
            out.push('\n');
            width = 0;
        }
        if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += word.chars().count();
    }
    out.push('\n');
    if let Some((wrong, right)) = e.examples {
        for (title, code) in [("Wrong", wrong), ("Right", right)] {
            out.push_str(&format!("\n{title}:\n\n"));
            for line in code.lines() {
                if !line.is_empty() {
                    out.push_str("    ");
                    out.push_str(&line.replace('\t', "    "));
                }
                out.push('\n');
            }
        }
    }
    out
}
