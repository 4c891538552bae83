//! UTF-8 as Go reads it: any byte string, each wrong byte standing for U+FFFD.

/// What a wrong byte decodes to.
pub const RUNE_ERROR: u32 = 0xFFFD;
/// The largest code point.
pub const MAX_RUNE: u32 = 0x10_FFFF;

/// The first rune of `b` and its length in bytes: `(RUNE_ERROR, 1)` for a wrong byte,
/// `(RUNE_ERROR, 0)` when `b` is empty.
pub fn decode_rune(b: &[u8]) -> (u32, usize) {
    let Some(&first) = b.first() else {
        return (RUNE_ERROR, 0);
    };
    let (need, low, high, bits) = match first {
        0..=0x7F => return (first as u32, 1),
        0xC2..=0xDF => (2, 0x80, 0xBF, first & 0x1F),
        0xE0 => (3, 0xA0, 0xBF, first & 0x0F),
        0xED => (3, 0x80, 0x9F, first & 0x0F),
        0xE1..=0xEF => (3, 0x80, 0xBF, first & 0x0F),
        0xF0 => (4, 0x90, 0xBF, first & 0x07),
        0xF4 => (4, 0x80, 0x8F, first & 0x07),
        0xF1..=0xF3 => (4, 0x80, 0xBF, first & 0x07),
        _ => return (RUNE_ERROR, 1),
    };
    if b.len() < need || b[1] < low || b[1] > high {
        return (RUNE_ERROR, 1);
    }
    let mut rune = bits as u32;
    for &c in &b[1..need] {
        if c & 0xC0 != 0x80 {
            return (RUNE_ERROR, 1);
        }
        rune = rune << 6 | (c & 0x3F) as u32;
    }
    (rune, need)
}

/// Number of runes in `b`, each wrong byte counting as one.
pub fn rune_count(b: &[u8]) -> usize {
    if b.is_ascii() {
        return b.len();
    }
    let (mut n, mut i) = (0, 0);
    while i < b.len() {
        i += if b[i] < 0x80 {
            1
        } else {
            decode_rune(&b[i..]).1
        };
        n += 1;
    }
    n
}

/// Whether `r` is a code point that UTF-8 can hold (no surrogate half).
pub fn valid_rune(r: u32) -> bool {
    char::from_u32(r).is_some()
}

/// Appends `r`; what is no code point becomes U+FFFD.
pub fn push_rune(out: &mut Vec<u8>, r: u32) {
    if r < 0x80 {
        out.push(r as u8);
        return;
    }
    let c = char::from_u32(r).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The prefix of `b` that holds its first `n` runes.
pub fn rune_prefix(b: &[u8], n: usize) -> &[u8] {
    let (mut i, mut left) = (0, n);
    while i < b.len() && left > 0 {
        i += if b[i] < 0x80 {
            1
        } else {
            decode_rune(&b[i..]).1
        };
        left -= 1;
    }
    &b[..i]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_std_encodes() {
        for r in (0..=MAX_RUNE).step_by(7).filter_map(char::from_u32) {
            let mut buf = Vec::new();
            push_rune(&mut buf, r as u32);
            assert_eq!(decode_rune(&buf), (r as u32, r.len_utf8()));
        }
    }

    #[test]
    fn wrong_bytes_are_one_rune_each() {
        for bad in [
            &b"\xff"[..],
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xe2\x82",
        ] {
            assert_eq!(decode_rune(bad), (RUNE_ERROR, 1));
            assert_eq!(rune_count(bad), bad.len());
        }
        assert_eq!(rune_prefix("héllo".as_bytes(), 2), "hé".as_bytes());
    }
}
