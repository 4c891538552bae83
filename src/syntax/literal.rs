//! Literals: where they end, whether they are well formed (in Go's words), what they mean.
//!
//! The `scan_*` functions get the text from the literal's first byte on and return its
//! length; errors go to a callback as (offset, message). The value functions expect
//! validated text and never fail (garbage in, something out).

use super::ast::LitKind;

type Report<'a> = &'a mut dyn FnMut(usize, String);

fn digits(s: &[u8], mut i: usize, hex: bool) -> usize {
    while i < s.len()
        && (s[i] == b'_'
            || if hex {
                s[i].is_ascii_hexdigit()
            } else {
                s[i].is_ascii_digit()
            })
    {
        i += 1;
    }
    i
}

/// Scans a number: its length and kind.
pub fn scan_number(text: &str, report: Report) -> (usize, LitKind) {
    let s = text.as_bytes();
    let at = |i: usize| s.get(i).copied().unwrap_or(0);
    let (mut base, mut i, mut name) = (10, 0, "decimal");
    let mut kind = LitKind::Int;
    let mut has_digits = false;
    let mut bad: Option<(usize, String)> = None;
    let mut error = |at: usize, m: String| {
        if bad.is_none() {
            bad = Some((at, m));
        }
    };
    if at(0) == b'0' {
        (base, i, name) = match at(1) | 0x20 {
            b'x' => (16, 2, "hexadecimal"),
            b'o' => (8, 2, "octal"),
            b'b' => (2, 2, "binary"),
            _ => (8, 0, "octal"),
        };
    }
    let prefix = i;
    let end = digits(s, i, base == 16);
    has_digits |= s[i..end].iter().any(|&c| c != b'_');
    i = end;
    if at(i) == b'.' {
        kind = LitKind::Float;
        if prefix > 0 && base != 16 {
            error(i, format!("invalid radix point in {name} literal"));
        }
        let end = digits(s, i + 1, base == 16);
        has_digits |= s[i + 1..end].iter().any(|&c| c != b'_');
        i = end;
    }
    if !has_digits {
        error(i, format!("{name} literal has no digits"));
    }
    let exp = at(i) | 0x20;
    if exp == b'e' || exp == b'p' {
        if exp == b'e' && prefix > 0 {
            error(
                i,
                format!("'{}' exponent requires decimal mantissa", at(i) as char),
            );
        } else if exp == b'p' && base != 16 {
            error(
                i,
                format!("'{}' exponent requires hexadecimal mantissa", at(i) as char),
            );
        }
        i += 1;
        kind = LitKind::Float;
        if matches!(at(i), b'+' | b'-') {
            i += 1;
        }
        let end = digits(s, i, false);
        if !s[i..end].iter().any(|&c| c != b'_') {
            error(end, "exponent has no digits".into());
        }
        i = end;
    } else if base == 16 && kind == LitKind::Float {
        error(i, "hexadecimal mantissa requires a 'p' exponent".into());
    }
    let body = i;
    if at(i) == b'i' {
        kind = LitKind::Imag;
        i += 1;
    }
    // Octal digits: `08.5` and `08i` are decimal.
    if base <= 8
        && (kind == LitKind::Int || prefix > 0)
        && let Some(p) = s[prefix..body]
            .iter()
            .position(|&c| c.is_ascii_digit() && c >= b'0' + base)
    {
        error(
            prefix + p,
            format!(
                "invalid digit '{}' in {name} literal",
                s[prefix + p] as char
            ),
        );
    }
    if let Some(p) = bad_separator(&s[..body], prefix) {
        error(p, "'_' must separate successive digits".into());
    }
    if let Some((p, m)) = bad {
        report(p, m);
    }
    (i, kind)
}

/// Offset of an underscore that does not stand between two digits (a prefix counts as one).
fn bad_separator(s: &[u8], prefix: usize) -> Option<usize> {
    let digit = |c: u8| c.is_ascii_hexdigit();
    let mut prev = if prefix > 0 { b'0' } else { b'.' };
    for (i, &c) in s.iter().enumerate().skip(prefix) {
        let mark = |c: u8| !digit(c) && c != b'_' || prefix == 0 && c | 0x20 == b'e';
        if c == b'_' {
            if prev == b'_' || mark(prev) {
                return Some(i);
            }
        } else if prev == b'_' && mark(c) {
            return Some(i - 1);
        }
        prev = c;
    }
    (prev == b'_').then(|| s.len() - 1)
}

/// Scans an interpreted string from its opening quote.
pub fn scan_string(text: &str, report: Report) -> usize {
    let s = text.as_bytes();
    let mut i = 1;
    loop {
        match s.get(i) {
            None => {
                report(0, "string not terminated".into());
                return i;
            }
            Some(b'"') => return i + 1,
            Some(b'\n') => {
                report(i, "newline in string".into());
                return i;
            }
            Some(b'\\') => i = scan_escape(text, i, b'"', report).0,
            Some(_) => i += 1,
        }
    }
}

/// Scans a raw string from its opening quote.
pub fn scan_raw(text: &str, report: Report) -> usize {
    match text[1..].find('`') {
        Some(p) => p + 2,
        None => {
            report(0, "string not terminated".into());
            text.len()
        }
    }
}

/// Scans a rune literal from its opening quote.
pub fn scan_rune(text: &str, report: Report) -> usize {
    let s = text.as_bytes();
    let mut i = 1;
    let mut n = 0;
    let mut ok = true;
    loop {
        match s.get(i) {
            None => {
                if ok {
                    report(0, "rune literal not terminated".into());
                }
                return i;
            }
            Some(b'\'') => {
                if ok && n == 0 {
                    report(1, "empty rune literal or unescaped '".into());
                } else if ok && n != 1 {
                    report(0, "more than one character in rune literal".into());
                }
                return i + 1;
            }
            Some(b'\n') => {
                if ok {
                    report(i, "newline in rune literal".into());
                }
                return i;
            }
            Some(b'\\') => {
                let (next, good) = scan_escape(text, i, b'\'', report);
                ok &= good;
                i = next;
            }
            Some(_) => i += text[i..].chars().next().map_or(1, char::len_utf8),
        }
        n += 1;
    }
}

/// Scans the escape at `i` (a backslash): the offset after it and whether it is valid.
fn scan_escape(text: &str, i: usize, quote: u8, report: Report) -> (usize, bool) {
    let s = text.as_bytes();
    let Some(&c) = s.get(i + 1) else {
        return (i + 1, true);
    };
    let (n, base, max) = match c {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' => return (i + 2, true),
        _ if c == quote => return (i + 2, true),
        b'0'..=b'7' => (3, 8, 255),
        b'x' => (2, 16, 255),
        b'u' => (4, 16, 0x10_FFFF),
        b'U' => (8, 16, 0x10_FFFF),
        _ => {
            report(i + 1, "unknown escape".into());
            return (i + 1, false);
        }
    };
    let first = if base == 8 { i + 1 } else { i + 2 };
    let mut value = 0u32;
    for j in first..first + n {
        let Some(c) = text.get(j..).and_then(|t| t.chars().next()) else {
            return (s.len(), true);
        };
        let Some(d) = c.to_digit(base) else {
            let kind = if base == 8 { "octal" } else { "hexadecimal" };
            report(
                j,
                format!("invalid character {} in {kind} escape", quoted_char(c)),
            );
            return (j, false);
        };
        value = value.wrapping_mul(base).wrapping_add(d);
    }
    let end = first + n;
    if value > max && base == 8 {
        report(end, format!("octal escape value {value} > 255"));
        return (end, false);
    }
    if value > max || (0xD800..0xE000).contains(&value) && max > 255 {
        report(
            end,
            format!("escape is invalid Unicode code point U+{value:04X}"),
        );
        return (end, false);
    }
    (end, true)
}

/// A character as Go's `%q` prints it.
pub fn quoted_char(c: char) -> String {
    match c {
        '\n' => "'\\n'".into(),
        '\t' => "'\\t'".into(),
        '\r' => "'\\r'".into(),
        '\x07' => "'\\a'".into(),
        '\x08' => "'\\b'".into(),
        '\x0b' => "'\\v'".into(),
        '\x0c' => "'\\f'".into(),
        '\\' => "'\\\\'".into(),
        '\'' => "'\\''".into(),
        c if (c as u32) < 0x20 || c as u32 == 0x7f => format!("'\\x{:02x}'", c as u32),
        c => format!("'{c}'"),
    }
}

/// Decodes the escape at the start of `s` (after the backslash): bytes or a code point, and
/// the number of bytes used.
fn unescape(s: &str) -> (Result<u8, u32>, usize) {
    let num = |from: usize, n: usize, base: u32| {
        s.get(from..from + n)
            .and_then(|t| u32::from_str_radix(t, base).ok())
            .unwrap_or(0)
    };
    match s.as_bytes().first() {
        Some(b'a') => (Ok(7), 1),
        Some(b'b') => (Ok(8), 1),
        Some(b'f') => (Ok(12), 1),
        Some(b'n') => (Ok(10), 1),
        Some(b'r') => (Ok(13), 1),
        Some(b't') => (Ok(9), 1),
        Some(b'v') => (Ok(11), 1),
        Some(b'0'..=b'7') => (Ok(num(0, 3, 8) as u8), 3),
        Some(b'x') => (Ok(num(1, 2, 16) as u8), 3),
        Some(b'u') => (Err(num(1, 4, 16)), 5),
        Some(b'U') => (Err(num(1, 8, 16)), 9),
        Some(&c) => (Ok(c), 1),
        None => (Ok(b'\\'), 0),
    }
}

/// The bytes of a string literal, given its source text (quotes included).
pub fn string_value(text: &str) -> Vec<u8> {
    if let Some(raw) = text.strip_prefix('`') {
        let raw = raw.strip_suffix('`').unwrap_or(raw);
        return raw.bytes().filter(|&b| b != b'\r').collect();
    }
    let body = text.strip_prefix('"').unwrap_or(text);
    let body = body.strip_suffix('"').unwrap_or(body);
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(p) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..p]);
        let (v, n) = unescape(&rest[p + 1..]);
        match v {
            Ok(b) => out.push(b),
            Err(c) => {
                let c = char::from_u32(c).unwrap_or('\u{FFFD}');
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        rest = rest.get(p + 1 + n..).unwrap_or("");
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The code point of a rune literal, given its source text (quotes included).
pub fn rune_value(text: &str) -> i32 {
    let body = text.strip_prefix('\'').unwrap_or(text);
    match body.strip_prefix('\\') {
        Some(esc) => match unescape(esc).0 {
            Ok(b) => b as i32,
            Err(c) => c as i32,
        },
        None => body.chars().next().map_or(0, |c| c as i32),
    }
}
