//! `unicode/utf8`: decoding and counting.
#![allow(unsafe_code)]

use super::fmtcore::utf8::{RUNE_ERROR, decode_rune, rune_count};
use crate::vm::natives::Entry;

/// The last rune of `b` and its length, as `decode_rune` gives the first.
pub fn decode_last_rune(b: &[u8]) -> (u32, usize) {
    let n = b.len();
    match b.last() {
        None => return (RUNE_ERROR, 0),
        Some(&c) if c < 0x80 => return (c as u32, 1),
        _ => {}
    }
    for k in 2..=n.min(4) {
        let first = b[n - k];
        if first & 0xC0 != 0x80 {
            let (r, size) = decode_rune(&b[n - k..]);
            return if size == k {
                (r, size)
            } else {
                (RUNE_ERROR, 1)
            };
        }
    }
    (RUNE_ERROR, 1)
}

/// Whether `b` begins with a whole rune; a wrong byte counts as one.
pub fn full_rune(b: &[u8]) -> bool {
    let Some(&first) = b.first() else {
        return false;
    };
    let (need, low, high) = match first {
        0xC2..=0xDF => (2, 0x80, 0xBF),
        0xE0 => (3, 0xA0, 0xBF),
        0xED => (3, 0x80, 0x9F),
        0xE1..=0xEF => (3, 0x80, 0xBF),
        0xF0 => (4, 0x90, 0xBF),
        0xF4 => (4, 0x80, 0x8F),
        0xF1..=0xF3 => (4, 0x80, 0xBF),
        _ => return true,
    };
    b.len() >= need
        || b.get(1).is_some_and(|c| !(low..=high).contains(c))
        || b.get(2).is_some_and(|c| c & 0xC0 != 0x80)
}

/// Whether `b` is UTF-8.
pub fn valid(b: &[u8]) -> bool {
    std::str::from_utf8(b).is_ok()
}

macro_rules! both {
    ($($bytes:ident $string:ident $res:literal |$c:ident, $b:ident| $body:expr;)*) => { $(
        native!($bytes, $res, |$c| { let $b = $c.bytes(); $body; });
        native!($string, $res, |$c| { let $b = $c.str(); $body; });
    )* };
}
both! {
    full full_string 1 |c, b| c.ret_bool(full_rune(b));
    decode decode_string 2 |c, b| { let (r, n) = decode_rune(b); c.ret(r as u64).ret(n as u64) };
    decode_last decode_last_string 2 |c, b| { let (r, n) = decode_last_rune(b); c.ret(r as u64).ret(n as u64) };
    count count_string 1 |c, b| c.ret(rune_count(b) as u64);
    valid_bytes valid_string 1 |c, b| c.ret_bool(valid(b));
}

pub const NATIVES: &[Entry] = &[
    ("unicode/utf8.FullRune", full),
    ("unicode/utf8.FullRuneInString", full_string),
    ("unicode/utf8.DecodeRune", decode),
    ("unicode/utf8.DecodeRuneInString", decode_string),
    ("unicode/utf8.DecodeLastRune", decode_last),
    ("unicode/utf8.DecodeLastRuneInString", decode_last_string),
    ("unicode/utf8.RuneCount", count),
    ("unicode/utf8.RuneCountInString", count_string),
    ("unicode/utf8.Valid", valid_bytes),
    ("unicode/utf8.ValidString", valid_string),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_runes() {
        assert_eq!(decode_last_rune("aé".as_bytes()), (0xE9, 2));
        assert_eq!(decode_last_rune("a😀".as_bytes()), (0x1F600, 4));
        assert_eq!(decode_last_rune(b"\xe2\x82"), (RUNE_ERROR, 1));
        assert_eq!(decode_last_rune(b"a\x80"), (RUNE_ERROR, 1));
        assert_eq!(decode_last_rune(b""), (RUNE_ERROR, 0));
    }

    #[test]
    fn whole_runes() {
        assert!(!full_rune(b"") && !full_rune(b"\xe2\x82") && !full_rune(b"\xf0\x9f\x98"));
        assert!(
            full_rune(b"\xff")
                && full_rune(b"\xe2a")
                && full_rune(b"\xed\xa0")
                && full_rune("é".as_bytes())
        );
    }
}
