//! `encoding/hex`, `encoding/base64`, `hash/fnv` and `hash/crc32`: the loops over bytes.
#![allow(unsafe_code)]

use crate::heap::mem;
use crate::vm::cx::Exit;
use crate::vm::fault::Code;
use crate::vm::natives::{Call, Entry, Slice};

// ----- logic -----

fn hex_encode(src: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    src.iter()
        .flat_map(|b| [DIGITS[(b >> 4) as usize], DIGITS[(b & 15) as usize]])
        .collect()
}
fn hex_digit(c: u8) -> Option<u8> {
    (c as char).to_digit(16).map(|d| d as u8)
}
/// The bytes before the first one that is no digit, and where that is.
fn hex_decode(src: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut out = Vec::with_capacity(src.len() / 2);
    let mut high = 0;
    for (i, c) in src.iter().enumerate() {
        match hex_digit(*c) {
            None => return (out, Some(i)),
            Some(d) if i % 2 == 0 => high = d,
            Some(d) => out.push(high << 4 | d),
        }
    }
    (out, None)
}
/// A character as `%#U` shows it: its code, and itself if it is printable.
fn quote_byte(c: u8) -> String {
    match c {
        b' '..=b'~' | 0xa1..=0xac | 0xae.. => format!("U+{c:04X} '{}'", c as char),
        _ => format!("U+{c:04X}"),
    }
}

/// `pad` is a character up to 255, or negative for none.
fn base64_encode(alphabet: &[u8], pad: i32, src: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(src.len().div_ceil(3) * 4);
    for part in src.chunks(3) {
        let bits = part
            .iter()
            .enumerate()
            .fold(0, |v, (i, b)| v | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            if i <= part.len() {
                out.push(alphabet[(bits >> (18 - 6 * i) & 63) as usize]);
            } else if let Ok(p) = u8::try_from(pad) {
                out.push(p);
            }
        }
    }
    out
}

/// The state of decoding a base64 text.
struct Base64<'a> {
    values: [u8; 256],
    pad: i32,
    strict: bool,
    src: &'a [u8],
    at: usize,
    out: Vec<u8>,
}
impl Base64<'_> {
    fn skip_line_ends(&mut self) {
        while matches!(self.src.get(self.at), Some(b'\r' | b'\n')) {
            self.at += 1;
        }
    }
    /// Appends the bytes of the first `n` values.
    fn put(&mut self, v: [u8; 4], n: usize) -> Result<(), usize> {
        let bits = v.iter().fold(0u32, |b, v| b << 6 | u32::from(*v));
        let bytes = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        let len = n.saturating_sub(1);
        if self.strict && n > 1 && n < 4 && bytes[len] != 0 {
            return Err(self.at - (4 - n));
        }
        self.out.extend_from_slice(&bytes[..len]);
        Ok(())
    }
    /// The padding of a group that has `n` values, its first character just read.
    fn padding(&mut self, v: [u8; 4], n: usize) -> Result<(), usize> {
        if n < 2 {
            return Err(self.at - 1);
        }
        if n == 2 {
            self.skip_line_ends();
            match self.src.get(self.at) {
                None => return Err(self.src.len()),
                Some(c) if i32::from(*c) != self.pad => return Err(self.at - 1),
                Some(_) => self.at += 1,
            }
        }
        self.skip_line_ends();
        self.put(v, n)?;
        // Nothing may follow the padding.
        if self.at < self.src.len() {
            Err(self.at)
        } else {
            Ok(())
        }
    }
    fn run(&mut self) -> Result<(), usize> {
        let (mut v, mut n) = ([0; 4], 0);
        while let Some(&c) = self.src.get(self.at) {
            self.at += 1;
            match self.values[c as usize] {
                64 if matches!(c, b'\r' | b'\n') => {}
                64 if i32::from(c) == self.pad => return self.padding(v, n),
                64 => return Err(self.at - 1),
                x => {
                    v[n] = x;
                    n += 1;
                    if n == 4 {
                        self.put(v, 4)?;
                        (v, n) = ([0; 4], 0);
                    }
                }
            }
        }
        match n {
            0 => Ok(()),
            1 => Err(self.at - 1),
            _ if self.pad >= 0 => Err(self.at - n),
            _ => self.put(v, n),
        }
    }
}
/// The bytes up to an error, and where that is.
fn base64_decode(alphabet: &[u8], pad: i32, strict: bool, src: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut values = [64; 256];
    for (i, c) in alphabet.iter().enumerate() {
        values[*c as usize] = i as u8;
    }
    let out = Vec::with_capacity(src.len() / 4 * 3 + 3);
    let mut d = Base64 {
        values,
        pad,
        strict,
        src,
        at: 0,
        out,
    };
    let bad = d.run().err();
    (d.out, bad)
}

fn fnv32(h: u32, p: &[u8], a: bool) -> u32 {
    const PRIME: u32 = 16_777_619;
    p.iter().fold(h, |h, b| {
        let b = u32::from(*b);
        if a {
            (h ^ b).wrapping_mul(PRIME)
        } else {
            h.wrapping_mul(PRIME) ^ b
        }
    })
}
fn fnv64(h: u64, p: &[u8], a: bool) -> u64 {
    const PRIME: u64 = 1_099_511_628_211;
    p.iter().fold(h, |h, b| {
        let b = u64::from(*b);
        if a {
            (h ^ b).wrapping_mul(PRIME)
        } else {
            h.wrapping_mul(PRIME) ^ b
        }
    })
}
fn crc32(crc: u32, tab: impl Fn(usize) -> u32, p: &[u8]) -> u32 {
    !p.iter()
        .fold(!crc, |c, b| tab((c as u8 ^ b) as usize) ^ c >> 8)
}

// ----- natives -----

/// Writes decoded bytes to dst; results are their number and the place of an error or -1.
fn ret_decoded(c: &mut Call, dst: Slice, (out, bad): (Vec<u8>, Option<usize>)) -> Exit {
    let n = out.len().min(dst.len);
    crate::race::writes(dst.ptr, n);
    // SAFETY: n bytes fit in both; dst is a slice argument of the call.
    unsafe { mem::copy(dst.ptr as *mut u8, out.as_ptr(), n) };
    if n < out.len() {
        return c.cx.fail(Code::Index, n as u64, n as u64);
    }
    c.ret(n as u64).ret_int(bad.map_or(-1, |i| i as i64));
    Exit::Next
}

native!(n_quote_byte, 2, |c| {
    let text = quote_byte(c.word() as u8);
    crate::try_exit!(c.ret_str(text.as_bytes()));
});
native!(n_hex_encode, 2, |c| {
    let text = hex_encode(c.bytes());
    crate::try_exit!(c.ret_str(&text));
});
native!(n_hex_decode, 2, |c| {
    let (dst, src) = (c.slice(), c.bytes());
    return ret_decoded(&mut c, dst, hex_decode(src));
});
native!(n_base64_encode, 2, |c| {
    let (alphabet, pad, src) = (c.str(), c.int() as i32, c.bytes());
    if alphabet.len() != 64 {
        // An Encoding that is no NewEncoding's.
        return c.cx.fail(Code::Index, 0, alphabet.len() as u64);
    }
    let text = base64_encode(alphabet, pad, src);
    crate::try_exit!(c.ret_str(&text));
});
native!(n_base64_decode, 2, |c| {
    let (alphabet, pad, strict) = (c.str(), c.int() as i32, c.bool());
    let (dst, src) = (c.slice(), c.bytes());
    return ret_decoded(&mut c, dst, base64_decode(alphabet, pad, strict, src));
});
native!(n_fnv32, 1, |c| {
    let (h, p, a) = (c.word() as u32, c.bytes(), c.bool());
    c.ret(fnv32(h, p, a) as u64);
});
native!(n_fnv64, 1, |c| {
    let (h, p, a) = (c.word(), c.bytes(), c.bool());
    c.ret(fnv64(h, p, a));
});
native!(n_crc32, 1, |c| {
    let (crc, tab, p) = (c.word() as u32, c.word() as *const u8, c.bytes());
    if tab.is_null() {
        return c.nil();
    }
    // SAFETY: a pointer to an array of 256 32-bit numbers; the index is below 256.
    let at = |i: usize| unsafe { mem::load_u32(tab.add(4 * i)) };
    c.ret(crc32(crc, at, p) as u64);
});

/// go/format: the usual layout of a source text, and whether it has syntax errors.
unsafe fn go_format(cx: &mut crate::vm::cx::Cx, base: *mut u64) -> crate::vm::cx::Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { crate::vm::natives::Call::new(cx, base, 3) };
    let text = String::from_utf8_lossy(c.bytes()).into_owned();
    // The formatter recurses as deep as the source does, which needs a large stack.
    let done = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(move || crate::format::format(&text).ok())
        .ok()
        .and_then(|t| t.join().ok().flatten());
    let ok = done.is_some();
    crate::try_exit!(c.ret_bytes(done.unwrap_or_default().as_bytes()));
    c.ret_bool(ok);
    crate::vm::cx::Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("go/format.layout", go_format),
    ("encoding/hex.quoteByte", n_quote_byte),
    ("encoding/hex.EncodeToString", n_hex_encode),
    ("encoding/hex.decode", n_hex_decode),
    ("encoding/base64.encode", n_base64_encode),
    ("encoding/base64.decode", n_base64_decode),
    ("hash/fnv.mix32", n_fnv32),
    ("hash/fnv.mix64", n_fnv64),
    ("hash/crc32.update", n_crc32),
];

#[cfg(test)]
mod tests {
    use super::*;

    const STD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    #[test]
    fn hex() {
        assert_eq!(hex_encode(&[0, 0xaf]), b"00af");
        assert_eq!(hex_decode(b"00aF1"), (vec![0, 0xaf], None));
        assert_eq!(hex_decode(b"00g1"), (vec![0], Some(2)));
        assert_eq!(quote_byte(b'g'), "U+0067 'g'");
        assert_eq!(quote_byte(0xad), "U+00AD");
    }
    #[test]
    fn base64() {
        let pad = '=' as i32;
        for (plain, text, raw) in [
            ("", "", ""),
            ("f", "Zg==", "Zg"),
            ("fo", "Zm8=", "Zm8"),
            ("foo", "Zm9v", "Zm9v"),
        ] {
            assert_eq!(base64_encode(STD, pad, plain.as_bytes()), text.as_bytes());
            assert_eq!(base64_encode(STD, -1, plain.as_bytes()), raw.as_bytes());
            assert_eq!(
                base64_decode(STD, pad, true, text.as_bytes()),
                (plain.into(), None)
            );
            assert_eq!(
                base64_decode(STD, -1, true, raw.as_bytes()),
                (plain.into(), None)
            );
        }
        let bad = |s: &str, strict| base64_decode(STD, pad, strict, s.as_bytes()).1;
        assert_eq!(bad("Zg=\n=\n", false), None);
        assert_eq!(bad("!!!!", false), Some(0));
        assert_eq!(bad("x===", false), Some(1));
        assert_eq!(bad("AAAA=AAA", false), Some(4));
        assert_eq!(bad("AAA", false), Some(0));
        assert_eq!(bad("AA=A", false), Some(2));
        assert_eq!(bad("AA=", false), Some(3));
        assert_eq!(bad("Zm8=x", false), Some(4));
        assert_eq!(bad("Zh==", false), None);
    }
    #[test]
    fn sums() {
        assert_eq!(fnv32(2_166_136_261, b"a", true), 0xe40c_292c);
        assert_eq!(
            fnv64(14_695_981_039_346_656_037, b"a", true),
            0xaf63_dc4c_8601_ec8c
        );
        let table = |i: usize| {
            (0..8).fold(i as u32, |c, _| {
                if c & 1 == 1 {
                    c >> 1 ^ 0xedb8_8320
                } else {
                    c >> 1
                }
            })
        };
        assert_eq!(crc32(0, table, b"123456789"), 0xcbf4_3926);
    }
}
