//! `strconv`: thin natives over `fmtcore`.
#![allow(unsafe_code)]

use super::fmtcore::{float, int, parse, quote, utf8};
use crate::vm::natives::Entry;

native!(itoa, 2, |c| {
    let mut out = Vec::with_capacity(20);
    int::append_int(&mut out, c.int(), 10);
    crate::try_exit!(c.ret_str(&out));
});
native!(format_int, 2, |c| {
    let (v, base) = (c.int(), c.int());
    if !(2..=36).contains(&base) {
        return c.panic("strconv: illegal AppendInt/FormatInt base");
    }
    let mut out = Vec::with_capacity(24);
    int::append_int(&mut out, v, base as u32);
    crate::try_exit!(c.ret_str(&out));
});
native!(format_uint, 2, |c| {
    let (v, base) = (c.word(), c.int());
    if !(2..=36).contains(&base) {
        return c.panic("strconv: illegal AppendInt/FormatInt base");
    }
    let mut out = Vec::with_capacity(24);
    int::append_uint(&mut out, v, base as u32);
    crate::try_exit!(c.ret_str(&out));
});
native!(parse_uint, 2, |c| {
    let (s, base, bits) = (c.str(), c.int(), c.int());
    let (v, e) = parse::parse_uint(s, base, bits);
    let code = match e {
        None => 0,
        Some(parse::NumError::Range) => 2,
        Some(_) => 1,
    };
    c.ret(v).ret_int(code);
});
native!(parse_float, 3, |c| {
    let (s, bits, prefix) = (c.str(), c.int(), c.bool());
    let (v, n, e) = if prefix {
        // The longest start that is a number.
        (1..=s.len())
            .rev()
            .map(|n| (parse::parse_float(&s[..n], bits), n))
            .find(|((_, e), _)| *e != Some(parse::NumError::Syntax))
            .map_or((0.0, 0, Some(parse::NumError::Syntax)), |((v, e), n)| {
                (v, n, e)
            })
    } else {
        let (v, e) = parse::parse_float(s, bits);
        (v, s.len(), e)
    };
    let code = match e {
        None => 0,
        Some(parse::NumError::Range) => 2,
        Some(_) => 1,
    };
    c.ret_f64(v).ret(n as u64).ret_int(code);
});
native!(format_float, 2, |c| {
    let (f, fmt, prec, bits) = (c.f64(), c.word() as u8, c.int(), c.int());
    if bits != 32 && bits != 64 {
        return c.panic("strconv: illegal AppendFloat/FormatFloat bitSize");
    }
    let mut out = Vec::with_capacity(24);
    float::append_float(&mut out, f, fmt, prec, bits as u32);
    crate::try_exit!(c.ret_str(&out));
});
native!(quote_with, 2, |c| {
    let (s, q, kind) = (c.str(), c.word() as u8, c.int());
    let style = match kind {
        0 => quote::Style::Print,
        1 => quote::Style::Ascii,
        _ => quote::Style::Graphic,
    };
    let mut out = Vec::new();
    if q == b'\'' {
        let (r, _) = utf8::decode_rune(s);
        quote::append_quoted_rune(&mut out, r, style);
    } else {
        quote::append_quoted(&mut out, s, style);
    }
    crate::try_exit!(c.ret_str(&out));
});
native!(is_print, 1, |c| {
    let r = c.word() as u32;
    c.ret_bool(quote::is_print(r));
});
native!(is_graphic, 1, |c| {
    let r = c.word() as u32;
    c.ret_bool(quote::is_graphic(r));
});
native!(decode_rune, 2, |c| {
    let s = c.str();
    let (r, n) = if s.is_empty() {
        (0xfffd, 0)
    } else {
        utf8::decode_rune(s)
    };
    c.ret(r as i32 as i64 as u64).ret(n as u64);
});
native!(atoi, 2, |c| {
    let s = c.str();
    let (neg, digits) = match s {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, s),
    };
    let ok = (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let v = if ok {
        digits.iter().fold(0i64, |v, d| v * 10 + (d - b'0') as i64)
    } else {
        0
    };
    c.ret_int(if neg { -v } else { v }).ret_bool(ok);
});

pub const NATIVES: &[Entry] = &[
    ("strconv.Itoa", itoa),
    ("strconv.FormatInt", format_int),
    ("strconv.FormatUint", format_uint),
    ("strconv.parseUint", parse_uint),
    ("strconv.parseFloat", parse_float),
    ("strconv.FormatFloat", format_float),
    ("strconv.quoteWith", quote_with),
    ("strconv.IsPrint", is_print),
    ("strconv.IsGraphic", is_graphic),
    ("strconv.decodeRune", decode_rune),
    ("strconv.atoi", atoi),
];
