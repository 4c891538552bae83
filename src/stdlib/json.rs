//! `encoding/json`: checking, quoting and rewriting of texts.

use crate::vm::cx::Exit;
use crate::vm::natives::{Call, Entry};

/// Deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 10_000;

/// Why a text is no JSON value.
#[derive(Debug, PartialEq)]
enum Fault {
    /// The text ends at this offset before the value does.
    End(usize),
    /// Wording, and the offset after the offending byte.
    Syntax(String, usize),
}
type Checked<T> = Result<T, Fault>;

struct Scanner<'a> {
    s: &'a [u8],
    at: usize,
    depth: usize,
}

/// The character at the start of `s` as Go's messages show it.
fn shown(s: &[u8]) -> String {
    let (r, n) = crate::vm::ops::slow::decode(s);
    match s.first() {
        Some(b'\'') => return r"'\''".into(),
        Some(b'"') => return "'\"'".into(),
        _ => {}
    }
    if r == 0xfffd && n == 1 {
        return format!(r"'\x{:02x}'", s[0]);
    }
    match char::from_u32(r as u32) {
        Some('\n') => r"'\n'".into(),
        Some('\t') => r"'\t'".into(),
        Some('\r') => r"'\r'".into(),
        Some('\u{7}') => r"'\a'".into(),
        Some('\u{8}') => r"'\b'".into(),
        Some('\u{b}') => r"'\v'".into(),
        Some('\u{c}') => r"'\f'".into(),
        Some('\\') => r"'\\'".into(),
        Some(c) if (c as u32) < 0x20 || c == '\x7f' => format!(r"'\x{:02x}'", c as u32),
        Some(c) => format!("'{c}'"),
        None => "'?'".into(),
    }
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.s.get(self.at).copied()
    }
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }
    fn bad<T>(&self, context: &str) -> Checked<T> {
        let rest = &self.s[self.at..];
        let text = format!("invalid character {} {context}", shown(rest));
        let n = crate::vm::ops::slow::decode(rest).1.max(1);
        Err(Fault::Syntax(text, self.at + n))
    }
    fn value(&mut self) -> Checked<()> {
        match self.peek() {
            None => Err(Fault::End(self.at)),
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) => self.bad("looking for beginning of value"),
        }
    }
    fn word(&mut self, w: &str) -> Checked<()> {
        for c in w.bytes() {
            match self.peek() {
                None => return Err(Fault::End(self.at)),
                Some(x) if x == c => self.at += 1,
                Some(_) => {
                    return self.bad(&format!("in literal {w} (expecting '{}')", c as char));
                }
            }
        }
        Ok(())
    }
    fn enter(&mut self) -> Checked<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::Syntax("exceeded max depth".into(), self.at + 1));
        }
        self.at += 1;
        self.space();
        Ok(())
    }
    fn object(&mut self) -> Checked<()> {
        self.enter()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            match self.peek() {
                None => return Err(Fault::End(self.end())),
                Some(b'"') => self.string()?,
                Some(_) => return self.bad("looking for beginning of object key string"),
            }
            self.space();
            match self.peek() {
                None => return Err(Fault::End(self.end())),
                Some(b':') => self.at += 1,
                Some(_) => return self.bad("after object key"),
            }
            self.space();
            self.value()?;
            self.space();
            match self.peek() {
                None => return Err(Fault::End(self.end())),
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                Some(_) => return self.bad("after object key:value pair"),
            }
            self.space();
        }
    }
    fn array(&mut self) -> Checked<()> {
        self.enter()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.value()?;
            self.space();
            match self.peek() {
                None => return Err(Fault::End(self.end())),
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                Some(_) => return self.bad("after array element"),
            }
            self.space();
        }
    }
    fn end(&self) -> usize {
        self.s.len()
    }
    fn string(&mut self) -> Checked<()> {
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(Fault::End(self.at)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(c) if c < 0x20 => return self.bad("in string"),
                Some(_) => self.at += 1,
            }
        }
    }
    fn escape(&mut self) -> Checked<()> {
        let wrong = |s: &Self, n: usize| {
            let text = String::from_utf8_lossy(&s.s[s.at..s.at + n]).into_owned();
            let text = format!("invalid escape sequence `{text}` in string");
            Err(Fault::Syntax(text, s.at + n))
        };
        let rest = &self.s[self.at..];
        match rest.get(1) {
            None => return Err(Fault::End(self.at)),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let hex = &rest[2..rest.len().min(6)];
                if hex.iter().any(|c| !c.is_ascii_hexdigit()) {
                    return wrong(self, rest.len().min(6));
                }
                if hex.len() < 4 {
                    return Err(Fault::End(self.at));
                }
                self.at += 6;
            }
            Some(_) => return wrong(self, 2),
        }
        Ok(())
    }
    fn digits(&mut self, start: usize) -> Checked<()> {
        match self.peek() {
            None => return Err(Fault::End(start)),
            Some(b'0'..=b'9') => {}
            Some(_) => return self.bad("in numeric literal"),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }
    fn number(&mut self) -> Checked<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits(start)?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits(start)?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits(start)?;
        }
        Ok(())
    }
}

/// The end of the value that starts `s` (after space).
fn scan(s: &[u8]) -> Checked<usize> {
    let mut sc = Scanner { s, at: 0, depth: 0 };
    sc.space();
    sc.value()?;
    Ok(sc.at)
}
/// Whether `s` is one value and nothing else.
fn check(s: &[u8]) -> Checked<()> {
    let mut sc = Scanner { s, at: 0, depth: 0 };
    sc.space();
    sc.value()?;
    sc.space();
    match sc.peek() {
        None => Ok(()),
        Some(_) => sc.bad("after top-level value"),
    }
}

/// The end of the value at the start of `s`, which is known to be well formed.
fn skip(s: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut i = 0;
    while i < s.len() {
        match s[i] {
            b'"' => {
                i += 1;
                while i < s.len() && s[i] != b'"' {
                    i += if s[i] == b'\\' { 2 } else { 1 };
                }
                i += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                i += 1;
                continue;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                i += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {
                i += 1;
                continue;
            }
            _ => {
                while i < s.len()
                    && !matches!(s[i], b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n')
                {
                    i += 1;
                }
            }
        }
        if depth == 0 {
            return i.min(s.len());
        }
    }
    s.len()
}

/// The text of a well-formed string literal; bad UTF-8 and lone surrogates become U+FFFD.
fn unquote(s: &[u8]) -> Vec<u8> {
    let body = &s[1..s.len().max(2) - 1];
    let mut out = Vec::with_capacity(body.len());
    let mut i = 0;
    let unit = |i: usize| {
        let hex = std::str::from_utf8(body.get(i + 2..i + 6)?).ok()?;
        u32::from_str_radix(hex, 16).ok()
    };
    let put = |out: &mut Vec<u8>, c: u32| {
        let c = char::from_u32(c).unwrap_or('\u{fffd}');
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    };
    while i < body.len() {
        match body[i] {
            b'\\' if i + 1 < body.len() => {
                let c = body[i + 1];
                if c == b'u' {
                    let mut r = unit(i).unwrap_or(0xfffd);
                    i += 6;
                    if (0xd800..0xdc00).contains(&r)
                        && body.get(i..i + 2) == Some(b"\\u")
                        && let Some(low @ 0xdc00..0xe000) = unit(i)
                    {
                        r = 0x10000 + ((r - 0xd800) << 10) + (low - 0xdc00);
                        i += 6;
                    }
                    put(&mut out, r);
                    continue;
                }
                out.push(match c {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    c => c,
                });
                i += 2;
            }
            c if c < 0x80 => {
                out.push(c);
                i += 1;
            }
            _ => {
                let (r, n) = crate::vm::ops::slow::decode(&body[i..]);
                put(&mut out, r as u32);
                i += n.max(1);
            }
        }
    }
    out
}

/// Appends `s` as a string literal.
fn quote(out: &mut Vec<u8>, s: &[u8], html: bool) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut i = 0;
    while i < s.len() {
        let c = s[i];
        match c {
            b'"' | b'\\' => out.extend([b'\\', c]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            8 => out.extend(b"\\b"),
            12 => out.extend(b"\\f"),
            0..0x20 => out.extend([
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[(c >> 4) as usize],
                HEX[(c & 15) as usize],
            ]),
            b'<' | b'>' | b'&' if html => out.extend([
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[(c >> 4) as usize],
                HEX[(c & 15) as usize],
            ]),
            0x20..0x80 => out.push(c),
            _ => {
                let (r, n) = crate::vm::ops::slow::decode(&s[i..]);
                if html && (r == 0x2028 || r == 0x2029) {
                    out.extend(b"\\u202");
                    out.push(HEX[(r & 15) as usize]);
                } else {
                    let c = char::from_u32(r as u32).unwrap_or('\u{fffd}');
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                i += n.max(1);
                continue;
            }
        }
        i += 1;
    }
    out.push(b'"');
}

/// Appends a well-formed value without space outside strings.
fn compact(out: &mut Vec<u8>, s: &[u8], html: bool) {
    let mut inside = false;
    let mut i = 0;
    while i < s.len() {
        let c = s[i];
        match c {
            b' ' | b'\t' | b'\r' | b'\n' if !inside => {}
            b'\\' if inside && i + 1 < s.len() => {
                out.extend([c, s[i + 1]]);
                i += 1;
            }
            b'<' | b'>' | b'&' if html => out.extend(format!("\\u00{c:02x}").bytes()),
            0xe2 if html
                && s.get(i + 1) == Some(&0x80)
                && matches!(s.get(i + 2), Some(0xa8 | 0xa9)) =>
            {
                out.extend(format!("\\u202{:x}", s[i + 2] & 15).bytes());
                i += 2;
            }
            _ => {
                inside ^= c == b'"';
                out.push(c);
            }
        }
        i += 1;
    }
}

/// Appends a well-formed value spread over lines.
fn indent(out: &mut Vec<u8>, s: &[u8], prefix: &[u8], step: &[u8]) {
    let mut depth = 0;
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend_from_slice(prefix);
        for _ in 0..depth {
            out.extend_from_slice(step);
        }
    };
    let mut i = 0;
    // An opening bracket waits for what follows: an empty pair stays together.
    let mut opened = false;
    while i < s.len() {
        let c = s[i];
        if matches!(c, b' ' | b'\t' | b'\r' | b'\n') {
            i += 1;
            continue;
        }
        if opened && c != b'}' && c != b']' {
            depth += 1;
            line(out, depth);
        }
        match c {
            b'{' | b'[' => out.push(c),
            b'}' | b']' => {
                if !opened {
                    depth = usize::saturating_sub(depth, 1);
                    line(out, depth);
                }
                out.push(c);
            }
            b',' => {
                out.push(c);
                line(out, depth);
            }
            b':' => out.extend(b": "),
            _ => {
                let n = skip(&s[i..]).max(1);
                // A bare word ends before a colon or bracket; strings end by themselves.
                out.extend_from_slice(&s[i..i + n]);
                i += n;
                opened = false;
                continue;
            }
        }
        opened = matches!(c, b'{' | b'[');
        i += 1;
    }
}

// ----- natives -----

/// Results: text of an error ("" for an early end), its offset, and 0 for none.
fn ret_fault(c: &mut Call, f: Fault) -> Exit {
    let (text, at) = match f {
        Fault::End(at) => (String::new(), at),
        Fault::Syntax(text, at) => (text, at),
    };
    crate::try_exit!(c.ret_str(text.as_bytes()));
    c.ret_int(at as i64).ret_bool(false);
    Exit::Next
}
native!(n_check, 4, |c| {
    match check(c.bytes()) {
        Ok(()) => c.ret(0).ret(0).ret_int(0).ret_bool(true),
        Err(f) => return ret_fault(&mut c, f),
    };
});
native!(n_scan, 4, |c| {
    match scan(c.bytes()) {
        Ok(end) => c.ret(0).ret(0).ret_int(end as i64).ret_bool(true),
        Err(f) => return ret_fault(&mut c, f),
    };
});
native!(n_skip, 1, |c| {
    let (s, at) = (c.bytes(), c.int());
    let at = (at.max(0) as usize).min(s.len());
    c.ret_int((at + skip(&s[at..])) as i64);
});
native!(n_unquote, 2, |c| {
    let text = unquote(c.bytes());
    crate::try_exit!(c.ret_str(&text));
});
native!(n_quote, 2, |c| {
    let (s, html) = (c.str(), c.bool());
    let mut out = Vec::with_capacity(s.len() + 2);
    quote(&mut out, s, html);
    crate::try_exit!(c.ret_str(&out));
});
native!(n_compact, 2, |c| {
    let (s, html) = (c.bytes(), c.bool());
    let mut out = Vec::with_capacity(s.len());
    compact(&mut out, s, html);
    crate::try_exit!(c.ret_bytes(&out));
});
native!(n_indent, 2, |c| {
    let (s, prefix, step) = (c.bytes(), c.str(), c.str());
    let mut out = Vec::with_capacity(2 * s.len());
    indent(&mut out, s, prefix, step);
    crate::try_exit!(c.ret_bytes(&out));
});

pub const NATIVES: &[Entry] = &[
    ("encoding/json.check", n_check),
    ("encoding/json.scan", n_scan),
    ("encoding/json.skip", n_skip),
    ("encoding/json.unquote", n_unquote),
    ("encoding/json.quote", n_quote),
    ("encoding/json.compact", n_compact),
    ("encoding/json.indent", n_indent),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(s: &str) -> (String, usize) {
        match check(s.as_bytes()) {
            Err(Fault::Syntax(t, at)) => (t, at),
            Err(Fault::End(at)) => (String::new(), at),
            Ok(()) => panic!("{s} is well formed"),
        }
    }
    #[test]
    fn faults_have_go_words() {
        assert_eq!(
            fault("{\"a\":1,}"),
            (
                "invalid character '}' looking for beginning of object key string".into(),
                8
            )
        );
        assert_eq!(
            fault("trux"),
            (
                "invalid character 'x' in literal true (expecting 'e')".into(),
                4
            )
        );
        assert_eq!(fault("\"\\"), (String::new(), 1));
        assert_eq!(fault("1."), (String::new(), 0));
        assert!(check(b" {\"a\": [1, -2.5e+3, \"\\u00e9\", null]} ").is_ok());
    }
    #[test]
    fn rewriting() {
        let mut out = Vec::new();
        indent(&mut out, b"{\"a\":[],\"b\":[1, {}]}", b">", b" ");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "{\n> \"a\": [],\n> \"b\": [\n>  1,\n>  {}\n> ]\n>}"
        );
        let mut out = Vec::new();
        compact(&mut out, b"{ \"a b\" : \"<\\\" \" }", true);
        assert_eq!(out, b"{\"a b\":\"\\u003c\\\" \"}");
        assert_eq!(
            unquote(br#""\ud83d\ude00\ud83dx""#),
            "😀\u{fffd}x".as_bytes()
        );
    }
}
