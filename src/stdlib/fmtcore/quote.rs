//! Go string and character literals: quoting, unquoting, printability.

use super::print_table::PRINT_EDGES;
use super::utf8::{self, RUNE_ERROR, decode_rune, push_rune, valid_rune};

/// Which code points stand for themselves in a quoted literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// What `is_print` says.
    Print,
    /// Printable ASCII.
    Ascii,
    /// What `is_graphic` says.
    Graphic,
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn is_print(r: u32) -> bool {
    if r < 0x7F {
        return r >= 0x20;
    }
    PRINT_EDGES.partition_point(|&edge| edge <= r) % 2 == 1
}

/// `strconv.IsGraphic`: printable, or one of Unicode's other spaces.
pub fn is_graphic(r: u32) -> bool {
    let space = matches!(
        r,
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000
    );
    space || is_print(r)
}

/// Appends `s` as a double-quoted Go string literal (`strconv.Quote` and its kin).
pub fn append_quoted(out: &mut Vec<u8>, s: &[u8], style: Style) {
    out.reserve(s.len() + 2);
    out.push(b'"');
    let mut i = 0;
    while i < s.len() {
        let (r, len) = decode_rune(&s[i..]);
        if r == RUNE_ERROR && len == 1 {
            escape_byte(out, s[i]);
        } else {
            append_escaped(out, r, b'"', style);
        }
        i += len;
    }
    out.push(b'"');
}

/// Appends `r` as a single-quoted Go character literal (`strconv.QuoteRune` and its kin).
pub fn append_quoted_rune(out: &mut Vec<u8>, r: u32, style: Style) {
    out.push(b'\'');
    append_escaped(
        out,
        if valid_rune(r) { r } else { RUNE_ERROR },
        b'\'',
        style,
    );
    out.push(b'\'');
}

fn escape_byte(out: &mut Vec<u8>, b: u8) {
    out.extend_from_slice(b"\\x");
    hex(out, b as u32, 2);
}

fn hex(out: &mut Vec<u8>, v: u32, digits: u32) {
    for i in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(v >> (4 * i) & 15) as usize]);
    }
}

fn append_escaped(out: &mut Vec<u8>, r: u32, quote: u8, style: Style) {
    if r == quote as u32 || r == b'\\' as u32 {
        out.extend_from_slice(&[b'\\', r as u8]);
        return;
    }
    let plain = match style {
        Style::Ascii => r < 0x80 && is_print(r),
        Style::Print => is_print(r),
        Style::Graphic => is_graphic(r),
    };
    if plain {
        push_rune(out, r);
        return;
    }
    let short = match r {
        7 => b'a',
        8 => b'b',
        9 => b't',
        10 => b'n',
        11 => b'v',
        12 => b'f',
        13 => b'r',
        _ => 0,
    };
    if short != 0 {
        out.extend_from_slice(&[b'\\', short]);
    } else if r < 0x20 || r == 0x7F {
        escape_byte(out, r as u8);
    } else if r < 0x1_0000 || !valid_rune(r) {
        out.extend_from_slice(b"\\u");
        hex(out, if valid_rune(r) { r } else { RUNE_ERROR }, 4);
    } else {
        out.extend_from_slice(b"\\U");
        hex(out, r, 8);
    }
}

/// Whether `s` can stand between back quotes unchanged (`strconv.CanBackquote`).
pub fn can_backquote(s: &[u8]) -> bool {
    let mut i = 0;
    while i < s.len() {
        let (r, len) = decode_rune(&s[i..]);
        i += len;
        let fine = if len > 1 {
            r != 0xFEFF
        } else {
            r == 9 || r >= 0x20 && r != b'`' as u32 && r != 0x7F && r != RUNE_ERROR
        };
        if !fine {
            return false;
        }
    }
    true
}

/// One character of a literal's inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unquoted {
    pub value: u32,
    /// Needs UTF-8 rather than being a byte.
    pub multibyte: bool,
    /// Bytes used.
    pub len: usize,
}

/// Reads the first character or escape of `s` (`strconv.UnquoteChar`); `quote` says
/// which quote needs a backslash (0: neither, and neither may have one).
pub fn unquote_char(s: &[u8], quote: u8) -> Option<Unquoted> {
    let first = *s.first()?;
    if first == quote && matches!(quote, b'\'' | b'"') {
        return None;
    }
    if first >= 0x80 {
        let (value, len) = decode_rune(s);
        return Some(Unquoted {
            value,
            multibyte: true,
            len,
        });
    }
    let byte = |value: u8, len| {
        Some(Unquoted {
            value: value as u32,
            multibyte: false,
            len,
        })
    };
    if first != b'\\' {
        return byte(first, 1);
    }
    let kind = *s.get(1)?;
    match kind {
        b'a' => byte(7, 2),
        b'b' => byte(8, 2),
        b'f' => byte(12, 2),
        b'n' => byte(10, 2),
        b'r' => byte(13, 2),
        b't' => byte(9, 2),
        b'v' => byte(11, 2),
        b'\\' => byte(b'\\', 2),
        b'\'' | b'"' if kind == quote => byte(kind, 2),
        b'x' | b'u' | b'U' => {
            let digits = [2, 4, 8][(kind != b'x') as usize + (kind == b'U') as usize];
            let mut value = 0u32;
            for &c in s.get(2..2 + digits)? {
                value = value << 4 | (c as char).to_digit(16)?;
            }
            let multibyte = kind != b'x';
            (!multibyte || valid_rune(value)).then_some(Unquoted {
                value,
                multibyte,
                len: 2 + digits,
            })
        }
        b'0'..=b'7' => {
            let mut value = 0u32;
            for &c in s.get(1..4)? {
                value = value << 3 | (c as char).to_digit(8)?;
            }
            byte(u8::try_from(value).ok()?, 4)
        }
        _ => None,
    }
}

/// The literal that `s` starts with: its value and its length with quotes
/// (`strconv.QuotedPrefix`).
pub fn unquote_prefix(s: &[u8]) -> Option<(Vec<u8>, usize)> {
    let quote = *s.first()?;
    let body = &s[1..];
    match quote {
        b'`' => {
            let end = body.iter().position(|&c| c == b'`')?;
            let text = body[..end]
                .iter()
                .copied()
                .filter(|&c| c != b'\r')
                .collect();
            Some((text, end + 2))
        }
        b'"' | b'\'' => {
            let (mut text, mut i) = (Vec::new(), 0);
            loop {
                let c = *body.get(i)?;
                // As in Go, no character at all is accepted too.
                if c == quote {
                    return Some((text, i + 2));
                }
                if c == b'\n' || quote == b'\'' && i > 0 {
                    return None;
                }
                let u = unquote_char(&body[i..], quote)?;
                if u.multibyte {
                    push_rune(&mut text, u.value)
                } else {
                    text.push(u.value as u8)
                }
                i += u.len;
            }
        }
        _ => None,
    }
}

/// The value of the literal `s` (`strconv.Unquote`).
pub fn unquote(s: &[u8]) -> Option<Vec<u8>> {
    unquote_prefix(s)
        .filter(|&(_, len)| len == s.len())
        .map(|(text, _)| text)
}

/// Appends the hexadecimal form of `s` under `%x` or `%X`.
pub(crate) fn append_hex(out: &mut Vec<u8>, s: &[u8], upper: bool, fl: &super::Flags) {
    let s = &s[..s.len().min(fl.prec.unwrap_or(usize::MAX))];
    if s.is_empty() {
        super::padding(out, fl.width.unwrap_or(0), fl);
        return;
    }
    let mut width = 2 * s.len();
    if fl.space {
        width = if fl.sharp { 2 * width } else { width } + s.len() - 1;
    } else if fl.sharp {
        width += 2;
    }
    let missing = fl.width.map_or(0, |w| w.saturating_sub(width));
    if !fl.minus {
        super::padding(out, missing, fl);
    }
    let digits = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let lead: &[u8] = match (fl.sharp, upper) {
        (false, _) => b"",
        (true, false) => b"0x",
        (true, true) => b"0X",
    };
    for (i, &c) in s.iter().enumerate() {
        if fl.space && i > 0 {
            out.push(b' ');
        }
        if i == 0 || fl.space {
            out.extend_from_slice(lead);
        }
        out.extend_from_slice(&[digits[(c >> 4) as usize], digits[(c & 15) as usize]]);
    }
    if fl.minus {
        super::padding(out, missing, fl);
    }
}

/// `%q` of a string.
pub(crate) fn fmt_q(out: &mut Vec<u8>, s: &[u8], fl: &super::Flags) {
    let s = utf8::rune_prefix(s, fl.prec.unwrap_or(usize::MAX));
    let mut text = Vec::with_capacity(s.len() + 2);
    if fl.sharp && can_backquote(s) {
        text.push(b'`');
        text.extend_from_slice(s);
        text.push(b'`');
    } else {
        append_quoted(
            &mut text,
            s,
            if fl.plus { Style::Ascii } else { Style::Print },
        );
    }
    super::pad(out, &text, fl);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(s: &[u8], style: Style) -> String {
        let mut out = Vec::new();
        append_quoted(&mut out, s, style);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_by_style() {
        assert_eq!(
            quoted(b"a\"b\\c\n\x01\x7f\xff", Style::Print),
            r#""a\"b\\c\n\x01\x7f\xff""#
        );
        assert_eq!(
            quoted("é\u{1F600}\u{a0}".as_bytes(), Style::Ascii),
            r#""\u00e9\U0001f600\u00a0""#
        );
        assert_eq!(
            quoted("é\u{1F600}\u{a0}".as_bytes(), Style::Print),
            "\"é\u{1F600}\\u00a0\""
        );
        assert_eq!(quoted("\u{a0}".as_bytes(), Style::Graphic), "\"\u{a0}\"");
    }

    #[test]
    fn unquotes_what_it_quotes() {
        for s in [
            &b"plain"[..],
            b"\x00\xff\xfe'\"`\\",
            "日本語\u{FFFD}\u{10FFFF}".as_bytes(),
        ] {
            for style in [Style::Print, Style::Ascii, Style::Graphic] {
                assert_eq!(unquote(quoted(s, style).as_bytes()).as_deref(), Some(s));
            }
        }
    }

    #[test]
    fn unquotes_literals_and_refuses_the_rest() {
        assert_eq!(unquote(b"`a\r\\n`").as_deref(), Some(&b"a\\n"[..]));
        assert_eq!(unquote(b"'\\''").as_deref(), Some(&b"'"[..]));
        assert_eq!(
            unquote(b"\"\\101\\x41\\u0041\"").as_deref(),
            Some(&b"AAA"[..])
        );
        for bad in [
            "",
            "\"",
            "'ab'",
            "\"\\'\"",
            "\"a\nb\"",
            "\"\\400\"",
            "\"\\ud800\"",
            "`a",
            "\"a\"b",
        ] {
            assert_eq!(unquote(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn back_quotes() {
        assert!(can_backquote("a\té".as_bytes()));
        for bad in [&b"`"[..], b"\n", b"\x7f", b"\xff", "\u{FEFF}".as_bytes()] {
            assert!(!can_backquote(bad));
        }
    }
}
