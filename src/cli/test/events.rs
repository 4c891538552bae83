//! `gosub test -json`: the test program's output as one JSON object a line, with the keys
//! and the order of Go's test2json.
//!
//! With `-test.v=test2json` the program puts the byte `FRAME` before each line that
//! reports progress, and `ERROR` and `ERROR_END` around log entries of failures.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const FRAME: u8 = 0x16;
const ERROR: u8 = 0x0f;
const ERROR_END: u8 = 0x0e;
/// Before a byte of the log that would be one of these.
const ESCAPE: u8 = 0x1b;
/// Longer lines are reported in pieces.
const LONGEST: usize = 1024;

/// Converts one package's output.
pub struct Converter {
    package: String,
    test: String,
    /// The rest of a line that has not ended yet.
    line: Vec<u8>,
    /// Inside a log entry of a failure.
    in_error: bool,
    /// The end of a test whose report may still go on: action, test, seconds.
    result: Option<(&'static str, String, Option<String>)>,
}

/// A JSON string, escaped as Go does.
fn string(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The present time in RFC 3339 with nanoseconds.
fn now() -> String {
    let d = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let (days, rest) = (d.as_secs() / 86_400, d.as_secs() % 86_400);
    // Civil date from days, in the calendar that starts its years in March.
    let z = days as i64 + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let nanos = format!("{:09}", d.subsec_nanos());
    let nanos = nanos.trim_end_matches('0');
    let dot = if nanos.is_empty() { "" } else { "." };
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{dot}{nanos}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// What else an event may say.
#[derive(Default)]
struct More<'a> {
    test: &'a str,
    output: Option<&'a str>,
    kind: &'a str,
    elapsed: Option<&'a str>,
    failed_build: Option<&'a str>,
    key_value: Option<(&'a str, &'a str)>,
}

impl Converter {
    pub fn new(package: &str) -> Converter {
        Converter {
            package: package.to_string(),
            test: String::new(),
            line: Vec::new(),
            in_error: false,
            result: None,
        }
    }

    fn event(&self, action: &str, m: More, out: &mut dyn Write) -> io::Result<()> {
        let mut s = String::from("{\"Time\":");
        string(&mut s, &now());
        let _ = write!(s, ",\"Action\":\"{action}\",\"Package\":");
        string(&mut s, &self.package);
        if !m.test.is_empty() {
            s.push_str(",\"Test\":");
            string(&mut s, m.test);
        }
        if let Some(e) = m.elapsed {
            let _ = write!(s, ",\"Elapsed\":{e}");
        }
        if let Some(o) = m.output {
            s.push_str(",\"Output\":");
            string(&mut s, o);
        }
        if !m.kind.is_empty() {
            let _ = write!(s, ",\"OutputType\":\"{}\"", m.kind);
        }
        if let Some(f) = m.failed_build {
            s.push_str(",\"FailedBuild\":");
            string(&mut s, f);
        }
        if let Some((k, v)) = m.key_value {
            s.push_str(",\"Key\":");
            string(&mut s, k);
            s.push_str(",\"Value\":");
            string(&mut s, v);
        }
        s.push_str("}\n");
        out.write_all(s.as_bytes())
    }
    fn output(&self, text: &str, test: &str, kind: &str, out: &mut dyn Write) -> io::Result<()> {
        let m = More {
            test,
            output: Some(text),
            kind,
            ..More::default()
        };
        self.event("output", m, out)
    }
    fn plain(&self, action: &str, test: &str, out: &mut dyn Write) -> io::Result<()> {
        let m = More {
            test,
            ..More::default()
        };
        self.event(action, m, out)
    }

    /// The program starts.
    pub fn start(&self, out: &mut dyn Write) -> io::Result<()> {
        self.plain("start", "", out)?;
        out.flush()
    }

    /// A package without test files, what is said of it, and how it ends.
    pub fn no_tests(
        mut self,
        note: &str,
        action: &str,
        took: f64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.start(out)?;
        self.output(note, "", "", out)?;
        self.finish(action, took, out)
    }

    /// Output of the program, in pieces of any size.
    pub fn write(&mut self, data: &[u8], out: &mut dyn Write) -> io::Result<()> {
        for &b in data {
            self.line.push(b);
            if b == b'\n' {
                self.end_line(out)?;
            }
        }
        out.flush()
    }

    /// Takes the line apart where a report begins inside other output.
    fn end_line(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let raw = std::mem::take(&mut self.line);
        let mut rest = raw.as_slice();
        while !rest.is_empty() {
            let cut = (1..rest.len()).find(|&i| {
                let report = |r: &[u8]| {
                    let heads: [&[u8]; 4] = [b"=== ", b"--- ", b"PASS\n", b"FAIL\n"];
                    heads.iter().any(|h| r.starts_with(h))
                };
                rest[i] == FRAME
                    && rest[i - 1] != ESCAPE
                    && report(rest[i + 1..].trim_ascii_start())
            });
            let (piece, more) = rest.split_at(cut.unwrap_or(rest.len()));
            self.piece(piece, out)?;
            rest = more;
        }
        Ok(())
    }

    fn piece(&mut self, raw: &[u8], out: &mut dyn Write) -> io::Result<()> {
        if raw.first() == Some(&FRAME) {
            let text = String::from_utf8_lossy(&raw[1..]).into_owned();
            return self.frame(&text, out);
        }
        let (kind, raw) = match raw.first() {
            Some(&ERROR) => {
                self.in_error = true;
                ("error", &raw[1..])
            }
            _ if self.in_error => ("error-continue", raw),
            _ => ("", raw),
        };
        let mut text = Vec::with_capacity(raw.len());
        let mut escaped = false;
        for &b in raw {
            match b {
                ESCAPE if !escaped => escaped = true,
                ERROR_END if !escaped => self.in_error = false,
                _ => {
                    if escaped && !matches!(b, FRAME | ERROR | ERROR_END | ESCAPE) {
                        text.push(ESCAPE);
                    }
                    escaped = false;
                    text.push(b);
                }
            }
        }
        if escaped {
            text.push(ESCAPE);
        }
        let mut rest = text.as_slice();
        while rest.len() > LONGEST {
            let mut n = LONGEST;
            // Not inside a character.
            while n > LONGEST - 4 && rest[n] & 0xc0 == 0x80 {
                n -= 1;
            }
            let (piece, more) = rest.split_at(n);
            self.output(&String::from_utf8_lossy(piece), &self.test, kind, out)?;
            rest = more;
        }
        self.output(&String::from_utf8_lossy(rest), &self.test, kind, out)
    }

    fn flush_result(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if let Some((action, test, elapsed)) = self.result.take() {
            let m = More {
                test: &test,
                elapsed: elapsed.as_deref(),
                ..More::default()
            };
            self.event(action, m, out)?;
        }
        Ok(())
    }

    fn frame(&mut self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        self.flush_result(out)?;
        let line = text.trim_end_matches('\n');
        if let Some(rest) = line.strip_prefix("=== ") {
            let (verb, name) = rest.split_once(' ').unwrap_or((rest, ""));
            let name = name.trim_start();
            if verb == "ATTR" {
                let mut w = name.splitn(3, ' ');
                let (test, k, v) = (w.next(), w.next(), w.next());
                let m = More {
                    test: test.unwrap_or(""),
                    key_value: Some((k.unwrap_or(""), v.unwrap_or(""))),
                    ..More::default()
                };
                self.event("attr", m, out)?;
                return self.output(text, test.unwrap_or(""), "frame", out);
            }
            self.test = name.to_string();
            return match verb {
                "RUN" | "CONT" => {
                    let action = if verb == "RUN" { "run" } else { "cont" };
                    self.plain(action, name, out)?;
                    self.output(text, name, "frame", out)
                }
                "PAUSE" => {
                    self.output(text, name, "frame", out)?;
                    self.plain("pause", name, out)
                }
                "NAME" => Ok(()),
                _ => self.output(text, name, "frame", out),
            };
        }
        if let Some(rest) = line.trim_start().strip_prefix("--- ") {
            let (verdict, rest) = rest.split_once(": ").unwrap_or((rest, ""));
            let (name, time) = rest.rsplit_once(" (").unwrap_or((rest, ""));
            self.test = name.to_string();
            self.output(text, name, "frame", out)?;
            let action = match verdict {
                "PASS" => "pass",
                "FAIL" => "fail",
                "SKIP" => "skip",
                "BENCH" => "bench",
                _ => return Ok(()),
            };
            // Benchmarks that give no figures have no time.
            let seconds: Option<f64> = time.trim_end_matches("s)").parse().ok();
            let seconds = seconds.map(|s| format!("{s}"));
            self.result = Some((action, name.to_string(), seconds));
            return Ok(());
        }
        self.test.clear();
        self.output(text, "", "frame", out)
    }

    /// A line of the go command about the package.
    pub fn line(&mut self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        if !self.line.is_empty() {
            self.end_line(out)?;
        }
        self.flush_result(out)?;
        let frame = text.starts_with("FAIL\t");
        self.output(text, "", if frame { "frame" } else { "" }, out)
    }

    /// The program has ended.
    pub fn ended(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.line.is_empty() {
            self.end_line(out)?;
        }
        self.flush_result(out)
    }

    /// The package's own end.
    pub fn finish(&mut self, action: &str, took: f64, out: &mut dyn Write) -> io::Result<()> {
        let elapsed = format!("{}", (took * 1000.0).round() / 1000.0);
        let m = More {
            elapsed: Some(&elapsed),
            ..More::default()
        };
        self.event(action, m, out)?;
        out.flush()
    }

    /// The program did not compile.
    pub fn build_failed(
        &mut self,
        head: &str,
        errors: &[u8],
        what: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let name = |package: &str| format!("{package} [{}.test]", self.package);
        let mut id = name(&self.package);
        let text = format!("{head}{}", String::from_utf8_lossy(errors));
        let failed = |id: &str, out: &mut dyn Write| {
            let mut s = String::from("{\"ImportPath\":");
            string(&mut s, id);
            s.push_str(",\"Action\":\"build-fail\"}\n");
            out.write_all(s.as_bytes())
        };
        for (i, line) in text.split_inclusive('\n').enumerate() {
            if let Some(other) = line.strip_prefix("# ").map(str::trim_end)
                && other.strip_suffix("_test") == Some(&self.package)
            {
                if i > 0 {
                    failed(&id, out)?;
                }
                id = name(other);
            }
            let mut s = String::from("{\"ImportPath\":");
            string(&mut s, &id);
            s.push_str(",\"Action\":\"build-output\",\"Output\":");
            string(&mut s, line);
            s.push_str("}\n");
            out.write_all(s.as_bytes())?;
        }
        failed(&id, out)?;
        self.start(out)?;
        let line = format!("FAIL\t{} [{what} failed]\n", self.package);
        self.output(&line, "", "frame", out)?;
        let m = More {
            elapsed: Some("0"),
            failed_build: Some(&id),
            ..More::default()
        };
        self.event("fail", m, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Converts and drops the times.
    fn convert(pieces: &[&str]) -> Vec<String> {
        let mut c = Converter::new("p");
        let mut out = Vec::new();
        for p in pieces {
            c.write(p.as_bytes(), &mut out).expect("a vector");
        }
        c.ended(&mut out).expect("a vector");
        let text = String::from_utf8(out).expect("UTF-8");
        text.lines()
            .map(|l| format!("{{{}", &l[l.find("\"Action\"").expect("an action")..]))
            .collect()
    }

    #[test]
    fn reports_become_events() {
        let got = convert(&[
            "\x16=== RUN   TestA\n    a_te",
            "st.go:1: <x>\n\x0f    a_test.go:2: no\x0e\npart\x16--- FAIL: TestA (0.02s)\n",
            "\x16FAIL\n",
        ]);
        let want = [
            r#"{"Action":"run","Package":"p","Test":"TestA"}"#,
            r#"{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n","OutputType":"frame"}"#,
            r#"{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: \u003cx\u003e\n"}"#,
            r#"{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:2: no\n","OutputType":"error"}"#,
            r#"{"Action":"output","Package":"p","Test":"TestA","Output":"part"}"#,
            r#"{"Action":"output","Package":"p","Test":"TestA","Output":"--- FAIL: TestA (0.02s)\n","OutputType":"frame"}"#,
            r#"{"Action":"fail","Package":"p","Test":"TestA","Elapsed":0.02}"#,
            r#"{"Action":"output","Package":"p","Output":"FAIL\n","OutputType":"frame"}"#,
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn what_a_test_logs_is_not_a_report() {
        let long = "x".repeat(1500);
        let text = format!(
            "\x16=== RUN   TestC\n\x0f    c.go:1: a\n        b\x0e\n\x1b\x16 {long}\n\
             \x16=== NAME  \nplain \x16 text\n"
        );
        let got = convert(&[&text]);
        let output = |l: &str| l.split("\"Output\":").nth(1).map(str::to_string);
        let got: Vec<String> = got.iter().filter_map(|l| output(l)).collect();
        assert_eq!(got[1], r#""    c.go:1: a\n","OutputType":"error"}"#);
        assert_eq!(got[2], r#""        b\n","OutputType":"error-continue"}"#);
        assert!(got[3].starts_with("\"\\u0016 xxx") && got[3].ends_with("x\"}"));
        assert_eq!(got[4].len(), 1503 - 1024 + 4);
        assert_eq!(got[5], r#""plain \u0016 text\n"}"#);
    }
}
