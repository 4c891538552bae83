//! One scalar operand (bool, string, bytes) under one verb; integers and floats have
//! their own modules.

use super::{Flags, int, pad, quote, utf8};

/// A boolean operand; false when the verb is not for booleans.
pub fn fmt_bool(out: &mut Vec<u8>, v: bool, verb: u32, fl: &Flags) -> bool {
    let known = verb == 't' as u32 || verb == 'v' as u32;
    if known {
        pad(out, if v { b"true" } else { b"false" }, fl);
    }
    known
}

/// `%s` of a string: cut to the precision, padded to the width.
pub fn fmt_s(out: &mut Vec<u8>, s: &[u8], fl: &Flags) {
    let s = match fl.prec {
        Some(n) => utf8::rune_prefix(s, n),
        None => s,
    };
    if fl.width.is_none() {
        out.extend_from_slice(s)
    } else {
        pad(out, s, fl)
    }
}

/// A string operand; false when the verb is not for strings.
pub fn fmt_string(out: &mut Vec<u8>, s: &[u8], verb: u32, fl: &Flags) -> bool {
    match char::from_u32(verb) {
        Some('v') if fl.sharp_v => quote::fmt_q(out, s, fl),
        Some('v' | 's') => fmt_s(out, s, fl),
        Some(c @ ('x' | 'X')) => quote::append_hex(out, s, c == 'X', fl),
        Some('q') => quote::fmt_q(out, s, fl),
        _ => return false,
    }
    true
}

/// A byte slice or array operand: `type_name` leads the `%#v` form, `None` as bytes is
/// a nil slice. False when the verb is to be applied byte by byte.
pub fn fmt_bytes(
    out: &mut Vec<u8>,
    s: Option<&[u8]>,
    verb: u32,
    type_name: &str,
    fl: &Flags,
) -> bool {
    let bytes = s.unwrap_or(&[]);
    match char::from_u32(verb) {
        Some('v' | 'd') if fl.sharp_v => {
            out.extend_from_slice(type_name.as_bytes());
            if s.is_none() {
                out.extend_from_slice(b"(nil)");
                return true;
            }
            out.push(b'{');
            for (i, &c) in bytes.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                int::fmt_0x64(out, c as u64, true, fl);
            }
            out.push(b'}');
        }
        Some('v' | 'd') => {
            out.push(b'[');
            for (i, &c) in bytes.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                int::fmt_integer(out, c as u64, false, 'd' as u32, fl);
            }
            out.push(b']');
        }
        Some('s') => fmt_s(out, bytes, fl),
        Some(c @ ('x' | 'X')) => quote::append_hex(out, bytes, c == 'X', fl),
        Some('q') => quote::fmt_q(out, bytes, fl),
        _ => return false,
    }
    true
}
