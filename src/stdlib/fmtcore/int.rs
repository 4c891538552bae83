//! Integers in text.

use super::{Flags, pad, padding, quote, utf8};

const LOWER: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Appends `v` in `base` (2 to 36), as `strconv.AppendUint`.
pub fn append_uint(out: &mut Vec<u8>, v: u64, base: u32) {
    let mut buf = [0; 64];
    let at = digits(&mut buf, v, base, LOWER);
    out.extend_from_slice(&buf[at..]);
}

/// Appends `v` in `base` (2 to 36), as `strconv.AppendInt`.
pub fn append_int(out: &mut Vec<u8>, v: i64, base: u32) {
    if v < 0 {
        out.push(b'-');
    }
    append_uint(out, v.unsigned_abs(), base);
}

/// Writes the digits to the end of `buf` and says where they start.
fn digits(buf: &mut [u8; 64], mut v: u64, base: u32, set: &[u8; 36]) -> usize {
    let mut at = buf.len();
    if base == 10 {
        loop {
            at -= 1;
            buf[at] = b'0' + (v % 10) as u8;
            v /= 10;
            if v == 0 {
                return at;
            }
        }
    }
    let base = base.clamp(2, 36) as u64;
    loop {
        at -= 1;
        buf[at] = set[(v % base) as usize];
        v /= base;
        if v == 0 {
            return at;
        }
    }
}

/// An integer operand under `verb`; false when the verb is not for integers.
pub fn fmt_integer(out: &mut Vec<u8>, v: u64, signed: bool, verb: u32, fl: &Flags) -> bool {
    match char::from_u32(verb) {
        Some('v') if fl.sharp_v && !signed => fmt_0x64(out, v, true, fl),
        Some('v' | 'd') => fmt_based(out, v, 10, signed, verb, fl),
        Some('b') => fmt_based(out, v, 2, signed, verb, fl),
        Some('o' | 'O') => fmt_based(out, v, 8, signed, verb, fl),
        Some('x' | 'X') => fmt_based(out, v, 16, signed, verb, fl),
        Some('c') => {
            let mut text = Vec::new();
            utf8::push_rune(&mut text, as_rune(v));
            pad(out, &text, fl);
        }
        Some('q') => {
            let mut text = Vec::new();
            let style = if fl.plus {
                quote::Style::Ascii
            } else {
                quote::Style::Print
            };
            quote::append_quoted_rune(&mut text, as_rune(v), style);
            pad(out, &text, fl);
        }
        Some('U') => fmt_unicode(out, v, fl),
        _ => return false,
    }
    true
}

/// What is beyond the last code point becomes U+FFFD.
fn as_rune(v: u64) -> u32 {
    if v > utf8::MAX_RUNE as u64 {
        utf8::RUNE_ERROR
    } else {
        v as u32
    }
}

/// Hexadecimal, with or without `0x`, whatever the sharp flag says.
pub fn fmt_0x64(out: &mut Vec<u8>, v: u64, lead: bool, fl: &Flags) {
    let fl = Flags { sharp: lead, ..*fl };
    fmt_based(out, v, 16, false, 'v' as u32, &fl);
}

fn fmt_based(out: &mut Vec<u8>, v: u64, base: u32, signed: bool, verb: u32, fl: &Flags) {
    let negative = signed && (v as i64) < 0;
    let v = if negative { v.wrapping_neg() } else { v };
    let signs = negative || fl.plus || fl.space;
    let mut prec = 0;
    if let Some(p) = fl.prec {
        prec = p;
        if p == 0 && v == 0 {
            padding(out, fl.width.unwrap_or(0), &Flags { zero: false, ..*fl });
            return;
        }
    } else if let (true, false, Some(w)) = (fl.zero, fl.minus, fl.width) {
        prec = w.saturating_sub(signs as usize);
    }
    let mut buf = [0; 64];
    let set = if verb == 'X' as u32 { UPPER } else { LOWER };
    let at = digits(&mut buf, v, base, set);
    let zeros = prec.saturating_sub(buf.len() - at);
    let mut head = Vec::with_capacity(4);
    if negative {
        head.push(b'-');
    } else if fl.plus {
        head.push(b'+');
    } else if fl.space {
        head.push(b' ');
    }
    if verb == 'O' as u32 {
        head.extend_from_slice(b"0o");
    }
    if fl.sharp {
        match base {
            2 => head.extend_from_slice(b"0b"),
            8 if zeros == 0 && buf[at] != b'0' => head.push(b'0'),
            16 => head.extend_from_slice(if verb == 'X' as u32 { b"0X" } else { b"0x" }),
            _ => {}
        }
    }
    let len = head.len() + zeros + buf.len() - at;
    let missing = fl.width.map_or(0, |w| w.saturating_sub(len));
    if !fl.minus {
        out.resize(out.len() + missing, b' ');
    }
    out.extend_from_slice(&head);
    out.resize(out.len() + zeros, b'0');
    out.extend_from_slice(&buf[at..]);
    if fl.minus {
        out.resize(out.len() + missing, b' ');
    }
}

/// `U+0078`, with the sharp flag `U+0078 'x'`.
fn fmt_unicode(out: &mut Vec<u8>, v: u64, fl: &Flags) {
    let mut buf = [0; 64];
    let at = digits(&mut buf, v, 16, UPPER);
    let mut text = b"U+".to_vec();
    let prec = fl.prec.unwrap_or(4).max(4);
    text.resize(text.len() + prec.saturating_sub(buf.len() - at), b'0');
    text.extend_from_slice(&buf[at..]);
    if fl.sharp && v <= utf8::MAX_RUNE as u64 && quote::is_print(v as u32) {
        text.extend_from_slice(b" '");
        utf8::push_rune(&mut text, v as u32);
        text.push(b'\'');
    }
    pad(out, &text, &Flags { zero: false, ..*fl });
}
