//! Prints diagnostics: as Go does (`file:line:col: message`), for people (snippets with the
//! place marked), or as JSON lines.
//!
//! All three sort by position and drop exact duplicates. The human format cuts its snippets
//! out of the source first: codespan prints whole lines, and a generated file may be one
//! line of many megabytes.

use super::diag::{Diagnostic, Severity};
use super::span::{FileId, SourceMap, Span};
use codespan_reporting::diagnostic::{self as cs, LabelStyle};
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::{self, termcolor};
use std::collections::HashSet;
use std::io::{self, Write};
use std::ops::Range;

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `file:line:col: message`
    Short,
    /// Snippets, labels and notes.
    Human,
    /// One JSON object per line.
    Json,
}

/// Longest piece of one source line in a snippet, in bytes.
const MAX_LINE: usize = 240;

/// Prints `diags` to `out`.
pub fn render(
    sources: &SourceMap,
    diags: &[Diagnostic],
    format: Format,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut sorted: Vec<&Diagnostic> = diags.iter().collect();
    sorted.sort_by_key(|d| d.span.lo);
    let mut seen = HashSet::new();
    sorted.retain(|d| seen.insert((d.span.lo, d.message.as_str())));
    for d in sorted {
        match format {
            Format::Short => short(sources, d, out)?,
            Format::Human => human(sources, d, color, out)?,
            Format::Json => json(sources, d, out)?,
        }
    }
    Ok(())
}

fn short(sources: &SourceMap, d: &Diagnostic, out: &mut dyn Write) -> io::Result<()> {
    let kind = match d.severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
    };
    match sources.locate(d.span.lo) {
        Some((file, line, col)) => writeln!(out, "{file}:{line}:{col}: {kind}{}", d.message),
        None => writeln!(out, "{kind}{}", d.message),
    }
}

/// A few lines of one file, long ones cut, presented to codespan as a whole file.
struct Snippet {
    name: String,
    text: String,
    lines: Vec<Line>,
}

struct Line {
    /// Where it starts in the snippet's text.
    start: usize,
    /// 0-based number in the file.
    number: usize,
    /// Offset in the file of its first byte shown, and how many were cut off in front.
    from: usize,
    cut: usize,
}

/// Where a span lies in its file: 0-based first and last line, local byte range.
struct Place {
    file: FileId,
    first: usize,
    last: usize,
    range: Range<usize>,
}

fn place(sources: &SourceMap, span: Span) -> Option<Place> {
    let (file, f) = sources.file_of(span.lo)?;
    let lo = ((span.lo - f.base) as usize).min(f.text.len());
    let hi = (span.hi.max(span.lo) - f.base) as usize;
    let hi = hi.clamp(lo, f.text.len());
    let line = |at: usize| f.line_col(f.base + at as u32).0 as usize - 1;
    Some(Place {
        file,
        first: line(lo),
        last: line(hi),
        range: lo..hi,
    })
}

fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Snippet {
    /// The lines that `places` (all of one file) start on, cut around them.
    fn new(sources: &SourceMap, places: &[&Place]) -> Snippet {
        let f = sources.file(places[0].file);
        let mut wanted: Vec<(usize, usize)> =
            places.iter().map(|p| (p.first, p.range.start)).collect();
        wanted.sort_unstable();
        wanted.dedup_by_key(|w| w.0);
        let mut s = Snippet {
            name: f.name.clone(),
            text: String::new(),
            lines: Vec::new(),
        };
        for (line, at) in wanted {
            let start = f.line_start(line).unwrap_or(0);
            let end = f.line_start(line + 1).map_or(f.text.len(), |e| e - 1);
            let mut from = start;
            let mut to = end;
            if end - start > MAX_LINE {
                from = boundary(&f.text, at.saturating_sub(MAX_LINE / 3).max(start));
                to = boundary(&f.text, (from + MAX_LINE).min(end));
            }
            s.lines.push(Line {
                start: s.text.len(),
                number: line,
                from,
                cut: from - start,
            });
            s.text.push_str(f.text[from..to].trim_end_matches('\r'));
            s.text.push('\n');
        }
        s
    }
    /// A local range of the file as a range of the snippet.
    fn map(&self, p: &Place) -> Range<usize> {
        let i = self
            .lines
            .partition_point(|l| l.number < p.first)
            .min(self.lines.len() - 1);
        let Line { start, from, .. } = self.lines[i];
        let end = self.line_end(i);
        let lo = (start + p.range.start.saturating_sub(from)).min(end);
        let hi = if p.last > p.first {
            end
        } else {
            start + p.range.end.saturating_sub(from)
        };
        let lo = boundary(&self.text, lo);
        lo..boundary(&self.text, hi.clamp(lo, end))
    }
    fn line_end(&self, i: usize) -> usize {
        self.lines.get(i + 1).map_or(self.text.len(), |l| l.start) - 1
    }
}

/// The snippets of one diagnostic, one per file.
struct Snippets(Vec<Snippet>);

impl<'a> Files<'a> for Snippets {
    type FileId = usize;
    type Name = &'a str;
    type Source = &'a str;
    fn name(&'a self, id: usize) -> Result<&'a str, Error> {
        self.0
            .get(id)
            .map(|s| s.name.as_str())
            .ok_or(Error::FileMissing)
    }
    fn source(&'a self, id: usize) -> Result<&'a str, Error> {
        self.0
            .get(id)
            .map(|s| s.text.as_str())
            .ok_or(Error::FileMissing)
    }
    fn line_index(&'a self, id: usize, at: usize) -> Result<usize, Error> {
        let s = self.0.get(id).ok_or(Error::FileMissing)?;
        Ok(s.lines.partition_point(|l| l.start <= at).saturating_sub(1))
    }
    fn line_number(&'a self, id: usize, index: usize) -> Result<usize, Error> {
        let s = self.0.get(id).ok_or(Error::FileMissing)?;
        let last = s.lines.last().map_or(0, |l| l.number);
        Ok(s.lines.get(index).map_or(last, |l| l.number) + 1)
    }
    fn line_range(&'a self, id: usize, index: usize) -> Result<Range<usize>, Error> {
        let s = self.0.get(id).ok_or(Error::FileMissing)?;
        let max = s.lines.len() - 1;
        let l = s
            .lines
            .get(index)
            .ok_or(Error::LineTooLarge { given: index, max })?;
        Ok(l.start..s.line_end(index) + 1)
    }
    fn column_number(&'a self, id: usize, index: usize, at: usize) -> Result<usize, Error> {
        // As Go counts: bytes, and with what was cut off in front.
        let s = self.0.get(id).ok_or(Error::FileMissing)?;
        let max = s.lines.len() - 1;
        let l = s
            .lines
            .get(index)
            .ok_or(Error::LineTooLarge { given: index, max })?;
        Ok(l.cut + at.saturating_sub(l.start) + 1)
    }
}

fn human(sources: &SourceMap, d: &Diagnostic, color: bool, out: &mut dyn Write) -> io::Result<()> {
    // Places by file, in order of appearance; the first is the diagnostic's own.
    let mut marks: Vec<(LabelStyle, Place, &str)> = Vec::new();
    marks.extend(place(sources, d.span).map(|p| (LabelStyle::Primary, p, "")));
    for l in &d.labels {
        marks.extend(place(sources, l.span).map(|p| (LabelStyle::Secondary, p, l.text.as_str())));
    }
    let mut ids: Vec<FileId> = Vec::new();
    for m in &marks {
        if !ids.contains(&m.1.file) {
            ids.push(m.1.file);
        }
    }
    let snippets = ids
        .iter()
        .map(|&id| {
            let of_file: Vec<&Place> = marks
                .iter()
                .map(|m| &m.1)
                .filter(|p| p.file == id)
                .collect();
            Snippet::new(sources, &of_file)
        })
        .collect();
    let files = Snippets(snippets);
    let labels = marks
        .iter()
        .map(|(style, p, text)| {
            let file = ids.iter().position(|&id| id == p.file).unwrap_or(0);
            cs::Label::new(*style, file, files.0[file].map(p)).with_message(*text)
        })
        .collect();
    let severity = match d.severity {
        Severity::Error => cs::Severity::Error,
        Severity::Warning => cs::Severity::Warning,
    };
    // The header holds one line; what Go continues below becomes notes.
    let mut lines = d.message.lines();
    let head = lines.next().unwrap_or("");
    let mut notes: Vec<String> = lines
        .map(|l| l.trim_start_matches('\t').to_string())
        .collect();
    notes.extend(d.notes.iter().cloned());
    let mut diag = cs::Diagnostic::new(severity)
        .with_message(head)
        .with_labels(labels)
        .with_notes(notes);
    if d.span != Span::NONE {
        diag = diag.with_code(d.code);
    }
    let mut buffer = if color {
        termcolor::Buffer::ansi()
    } else {
        termcolor::Buffer::no_color()
    };
    term::emit_to_write_style(&mut buffer, &term::Config::default(), &files, &diag)
        .map_err(io::Error::other)?;
    out.write_all(buffer.as_slice())
}

fn json(sources: &SourceMap, d: &Diagnostic, out: &mut dyn Write) -> io::Result<()> {
    let mut s = String::from("{");
    json_span(sources, d.span, &mut s);
    let severity = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    s.push_str(&format!(",\"severity\":\"{severity}\",\"code\":"));
    json_string(d.code, &mut s);
    s.push_str(",\"message\":");
    json_string(&d.message, &mut s);
    s.push_str(",\"labels\":[");
    for (i, l) in d.labels.iter().enumerate() {
        s.push_str(if i > 0 { ",{" } else { "{" });
        json_span(sources, l.span, &mut s);
        s.push_str(",\"message\":");
        json_string(&l.text, &mut s);
        s.push('}');
    }
    s.push_str("],\"notes\":[");
    for (i, n) in d.notes.iter().enumerate() {
        if i > 0 {
            s.push(',');
        }
        json_string(n, &mut s);
    }
    s.push_str("]}");
    writeln!(out, "{s}")
}

/// The place as JSON members; all null when there is none.
fn json_span(sources: &SourceMap, span: Span, s: &mut String) {
    let Some((_, f)) = sources.file_of(span.lo) else {
        s.push_str(
            "\"file\":null,\"line\":null,\"column\":null,\"end_line\":null,\"end_column\":null",
        );
        return;
    };
    let (line, col) = f.line_col(span.lo);
    let (end_line, end_col) = f.line_col(span.hi.max(span.lo));
    s.push_str("\"file\":");
    json_string(&f.name, s);
    s.push_str(&format!(
        ",\"line\":{line},\"column\":{col},\"end_line\":{end_line},\"end_column\":{end_col}"
    ));
}

fn json_string(text: &str, s: &mut String) {
    s.push('"');
    for c in text.chars() {
        match c {
            '"' => s.push_str("\\\""),
            '\\' => s.push_str("\\\\"),
            '\n' => s.push_str("\\n"),
            '\t' => s.push_str("\\t"),
            '\r' => s.push_str("\\r"),
            c if (c as u32) < 0x20 => s.push_str(&format!("\\u{:04x}", c as u32)),
            c => s.push(c),
        }
    }
    s.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn run(text: &str, diags: &[Diagnostic], format: Format) -> String {
        let mut sm = SourceMap::new();
        sm.add("a.go", Path::new("a.go"), text.to_string())
            .expect("small");
        let mut out = Vec::new();
        render(&sm, diags, format, false, &mut out).expect("writes to memory");
        String::from_utf8(out).expect("UTF-8")
    }
    fn err(lo: u32, hi: u32, message: &str) -> Diagnostic {
        Diagnostic::error("", Span::new(lo, hi), message)
    }

    #[test]
    fn short_sorts_and_drops_duplicates() {
        let d = [
            err(5, 6, "late\n\tmore"),
            err(1, 2, "early"),
            err(5, 6, "late\n\tmore"),
        ];
        assert_eq!(
            run("abc\ndef\n", &d, Format::Short),
            "a.go:1:1: early\na.go:2:1: late\n\tmore\n"
        );
        assert_eq!(run("", &[err(0, 0, "nowhere")], Format::Short), "nowhere\n");
    }

    #[test]
    fn human_marks_the_place() {
        let d = err(10, 13, "undefined: wörld")
            .with_label(Span::new(1, 4), "see")
            .with_note("try harder");
        let s = run("one\n\tx = two\n", &[d], Format::Human);
        assert!(s.contains("a.go:2:6"), "{s}");
        assert!(
            s.contains("^^^") && s.contains("--- see") && s.contains("= try harder"),
            "{s}"
        );
    }

    #[test]
    fn human_survives_odd_places() {
        let wide = "x := \"世界\u{301}\"\t// é";
        for text in ["", "\n", "a", "\r\n\r\n", wide] {
            let n = text.len() as u32;
            for lo in 0..=n + 2 {
                for hi in [lo, n + 1, n + 9] {
                    run(text, &[err(lo, hi, "m")], Format::Human);
                    run(text, &[err(lo, hi, "m")], Format::Json);
                }
            }
        }
    }

    #[test]
    fn long_lines_are_cut() {
        let text = "é".repeat(500_000);
        let s = run(&text, &[err(600_001, 900_000, "m")], Format::Human);
        assert!(s.len() < 2000, "{}", s.len());
        assert!(s.contains("a.go:1:600001"), "{s}");
    }

    #[test]
    fn json_lines() {
        let d = Diagnostic::error("UnusedVar", Span::new(1, 3), "say \"no\"\n\tx").with_note("n");
        assert_eq!(
            run("abc\n", &[d], Format::Json),
            "{\"file\":\"a.go\",\"line\":1,\"column\":1,\"end_line\":1,\"end_column\":3,\"severity\":\"error\",\"code\":\"UnusedVar\",\
             \"message\":\"say \\\"no\\\"\\n\\tx\",\"labels\":[],\"notes\":[\"n\"]}\n"
        );
    }
}
