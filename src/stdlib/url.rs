//! `net/url`: escaping and its reverse.
#![allow(unsafe_code)]

use crate::vm::natives::Entry;

// The parts of a URL, numbered as the Go half does.
const PATH: i64 = 1;
const PATH_SEGMENT: i64 = 2;
const HOST: i64 = 3;
const ZONE: i64 = 4;
const USER: i64 = 5;
const QUERY: i64 = 6;
const FRAGMENT: i64 = 7;

/// Whether a byte must be written as `%XX` in this part.
fn special(c: u8, part: i64) -> bool {
    match c {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => false,
        b'!' | b'\'' | b'(' | b')' | b'*' | b'[' | b']' | b'<' | b'>' | b'"'
            if part == HOST || part == ZONE =>
        {
            false
        }
        b'!' | b'(' | b')' | b'*' => part != FRAGMENT,
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match part {
            PATH => c == b'?',
            PATH_SEGMENT => matches!(c, b'/' | b';' | b',' | b'?'),
            USER => matches!(c, b'@' | b'/' | b'?' | b':'),
            HOST | ZONE => matches!(c, b'/' | b'?' | b'@'),
            FRAGMENT => false,
            _ => true,
        },
        _ => true,
    }
}

fn escape(s: &[u8], part: i64) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(s.len() + 16);
    for &c in s {
        if c == b' ' && part == QUERY {
            out.push(b'+');
        } else if special(c, part) {
            out.extend([b'%', DIGITS[(c >> 4) as usize], DIGITS[(c & 15) as usize]]);
        } else {
            out.push(c);
        }
    }
    out
}

/// What is wrong with an escaped text, and where.
#[derive(Debug, PartialEq, Eq)]
enum Bad {
    Escape(usize, usize),
    HostByte(usize),
}

fn hex(c: Option<&u8>) -> Option<u8> {
    (*c? as char).to_digit(16).map(|d| d as u8)
}

fn unescape(s: &[u8], part: i64) -> Result<Vec<u8>, Bad> {
    let host = part == HOST || part == ZONE;
    let mut out = Vec::with_capacity(s.len());
    let mut i = 0;
    while i < s.len() {
        let c = s[i];
        match c {
            b'%' => {
                let bad = Bad::Escape(i, s.len().min(i + 3));
                let (Some(h), Some(l)) = (hex(s.get(i + 1)), hex(s.get(i + 2))) else {
                    return Err(bad);
                };
                let v = h << 4 | l;
                let percent = v == b'%';
                // Hosts may hold escaped bytes beyond ASCII only; zones also what needs it.
                if part == HOST && h < 8 && !percent
                    || part == ZONE && !percent && v != b' ' && special(v, HOST)
                {
                    return Err(bad);
                }
                out.push(v);
                i += 3;
                continue;
            }
            b'+' if part == QUERY => out.push(b' '),
            _ if host && c < 0x80 && special(c, part) => return Err(Bad::HostByte(i)),
            _ => out.push(c),
        }
        i += 1;
    }
    Ok(out)
}

native!(escape_native, 2, |c| {
    let (s, part) = (c.str(), c.int());
    if s.iter().any(|&b| special(b, part)) {
        let out = escape(s, part);
        crate::try_exit!(c.ret_str(&out));
    } else {
        c.ret_substr(s);
    }
});
native!(unescape_native, 4, |c| {
    let (s, part) = (c.str(), c.int());
    match unescape(s, part) {
        Ok(t) if t == s => c.ret_substr(s).ret_int(-1).ret_int(0),
        Ok(t) => crate::try_exit!(c.ret_str(&t)).ret_int(-1).ret_int(0),
        Err(Bad::Escape(from, to)) => c.ret_substr(b"").ret_int(from as i64).ret_int(to as i64),
        Err(Bad::HostByte(at)) => c.ret_substr(b"").ret_int(at as i64).ret_int(-1),
    };
});
native!(valid_encoded, 1, |c| {
    let (s, part) = (c.str(), c.int());
    let ok = s.iter().all(|&b| match b {
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
        | b'@' | b'[' | b']' | b'%' => true,
        _ => !special(b, part),
    });
    c.ret_bool(ok);
});

pub const NATIVES: &[Entry] = &[
    ("net/url.escape", escape_native),
    ("net/url.unescapeAt", unescape_native),
    ("net/url.validEncoded", valid_encoded),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(escape(b"a b&c/d", QUERY), b"a+b%26c%2Fd");
        assert_eq!(escape(b"a b?c/d", PATH), b"a%20b%3Fc/d");
        assert_eq!(unescape(b"a%20b+c", QUERY), Ok(b"a b c".to_vec()));
        assert_eq!(unescape(b"a%2", QUERY), Err(Bad::Escape(1, 3)));
        assert_eq!(unescape(b"a b", HOST), Err(Bad::HostByte(1)));
        assert_eq!(unescape(b"a%41", HOST), Err(Bad::Escape(1, 4)));
        assert_eq!(unescape(b"%zz", PATH), Err(Bad::Escape(0, 3)));
    }
}
