//! Numbers from text, with `strconv`'s syntax and range rules.

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumError {
    Syntax,
    Range,
    /// The base is neither 0 nor 2 to 36.
    Base,
    /// The size is not 0 to 64 bits.
    Bits,
}

/// The value (the nearest one when out of range, 0 for other errors) and the error.
pub type Parsed<T> = (T, Option<NumError>);

/// `strconv.ParseUint`.
pub fn parse_uint(s: &[u8], base: i64, bits: i64) -> Parsed<u64> {
    let syntax = (0, Some(NumError::Syntax));
    if s.is_empty() {
        return syntax;
    }
    let (radix, body) = match base {
        2..=36 => (base as u64, s),
        0 => match s {
            [b'0', b'b' | b'B', rest @ ..] if !rest.is_empty() => (2, rest),
            [b'0', b'o' | b'O', rest @ ..] if !rest.is_empty() => (8, rest),
            [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest),
            [b'0', rest @ ..] => (8, rest),
            _ => (10, s),
        },
        _ => return (0, Some(NumError::Base)),
    };
    let bits = match bits {
        0 => 64,
        1..=64 => bits,
        _ => return (0, Some(NumError::Bits)),
    };
    let max = u64::MAX >> (64 - bits);
    let (mut value, mut over, mut underscores) = (0u64, false, false);
    for &c in body {
        if c == b'_' && base == 0 {
            underscores = true;
            continue;
        }
        let Some(digit) = (c as char).to_digit(36).filter(|&d| (d as u64) < radix) else {
            return syntax;
        };
        if over {
            continue;
        }
        match value
            .checked_mul(radix)
            .and_then(|v| v.checked_add(digit as u64))
        {
            Some(v) if v <= max => value = v,
            // Go stops here, so a wrong character further on goes unnoticed.
            _ => {
                over = true;
                break;
            }
        }
    }
    if over {
        return (max, Some(NumError::Range));
    }
    if underscores && !underscores_ok(s) {
        return syntax;
    }
    (value, None)
}

/// `strconv.ParseInt`.
pub fn parse_int(s: &[u8], base: i64, bits: i64) -> Parsed<i64> {
    let (negative, body) = match s {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, s),
    };
    let (value, error) = parse_uint(body, base, bits);
    if error.is_some_and(|e| e != NumError::Range) {
        return (0, error);
    }
    let bits = if bits == 0 { 64 } else { bits };
    let cutoff = 1u64 << (bits - 1);
    if !negative && value >= cutoff {
        return ((cutoff - 1) as i64, Some(NumError::Range));
    }
    if negative && value > cutoff {
        return ((cutoff as i64).wrapping_neg(), Some(NumError::Range));
    }
    (
        if negative {
            (value as i64).wrapping_neg()
        } else {
            value as i64
        },
        error.filter(|_| false),
    )
}

/// Whether every underscore stands between digits, or between a base prefix and one.
fn underscores_ok(s: &[u8]) -> bool {
    let s = match s {
        [b'-' | b'+', rest @ ..] => rest,
        _ => s,
    };
    let (hex, body, mut last) = match s {
        [b'0', c, rest @ ..] if b"bBoOxX".contains(c) => (matches!(c, b'x' | b'X'), rest, b'0'),
        _ => (false, s, b'^'),
    };
    for &c in body {
        let digit = c.is_ascii_digit() || hex && c.is_ascii_hexdigit();
        if digit {
            last = b'0';
        } else if c == b'_' {
            if last != b'0' {
                return false;
            }
            last = b'_';
        } else {
            if last == b'_' {
                return false;
            }
            last = b'!';
        }
    }
    last != b'_'
}

/// `strconv.ParseFloat`; `bits` is 32 or 64 (a 32-bit result is exact as `f64`).
pub fn parse_float(s: &[u8], bits: i64) -> Parsed<f64> {
    let syntax = (0.0, Some(NumError::Syntax));
    if let Some(f) = special(s) {
        // Go's NaN has a bit that float32 has no room for.
        let go = f.is_nan() && bits != 32;
        return (
            if go {
                f64::from_bits(0x7ff8_0000_0000_0001)
            } else {
                f
            },
            None,
        );
    }
    let Some(text) = Literal::read(s) else {
        return syntax;
    };
    let value = if text.hex {
        hex_value(&text, bits)
    } else {
        let plain = String::from_utf8(text.plain).unwrap_or_default();
        if bits == 32 {
            plain.parse::<f32>().map(f64::from).unwrap_or(f64::NAN)
        } else {
            plain.parse::<f64>().unwrap_or(f64::NAN)
        }
    };
    let value = if text.negative { -value } else { value };
    (value, value.is_infinite().then_some(NumError::Range))
}

/// `inf`, `infinity` (with a sign) and `nan` in any case.
fn special(s: &[u8]) -> Option<f64> {
    let (sign, body) = match s {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        _ => (1.0, s),
    };
    if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
        return Some(sign * f64::INFINITY);
    }
    s.eq_ignore_ascii_case(b"nan").then_some(f64::NAN)
}

/// A checked floating-point literal, without sign and underscores.
struct Literal {
    negative: bool,
    hex: bool,
    /// Decimal: the whole text. Hexadecimal: the mantissa's digits and point.
    plain: Vec<u8>,
    /// Hexadecimal only.
    exp: i64,
}

impl Literal {
    fn read(s: &[u8]) -> Option<Literal> {
        let (negative, body) = match s {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, s),
        };
        let (hex, body) = match body {
            [b'0', b'x' | b'X', rest @ ..] => (true, rest),
            _ => (false, body),
        };
        let is_digit = |c: u8| c.is_ascii_digit() || hex && c.is_ascii_hexdigit();
        let (mut plain, mut digits, mut point) = (Vec::with_capacity(body.len()), 0, false);
        let mut i = 0;
        while let Some(&c) = body.get(i) {
            match c {
                b'_' => {}
                b'.' if !point => {
                    point = true;
                    plain.push(c);
                }
                _ if is_digit(c) => {
                    digits += 1;
                    plain.push(c);
                }
                _ => break,
            }
            i += 1;
        }
        if digits == 0 {
            return None;
        }
        let mut exp = 0i64;
        let letter = body.get(i).map(u8::to_ascii_lowercase);
        if letter == Some(if hex { b'p' } else { b'e' }) {
            i += 1;
            let mut sign = 1;
            if let Some(&c @ (b'+' | b'-')) = body.get(i) {
                sign = if c == b'-' { -1 } else { 1 };
                i += 1;
            }
            if !body.get(i)?.is_ascii_digit() {
                return None;
            }
            while let Some(&c) = body.get(i).filter(|c| c.is_ascii_digit() || **c == b'_') {
                if c != b'_' && exp < 100_000 {
                    exp = exp * 10 + (c - b'0') as i64;
                }
                i += 1;
            }
            exp *= sign;
            if !hex {
                plain.extend_from_slice(format!("e{exp}").as_bytes());
            }
        } else if hex {
            return None;
        }
        let fine = i == body.len() && (!s.contains(&b'_') || underscores_ok(s));
        fine.then_some(Literal {
            negative,
            hex,
            plain,
            exp,
        })
    }
}

/// A hexadecimal mantissa and exponent, rounded to nearest even.
fn hex_value(text: &Literal, bits: i64) -> f64 {
    let (mut mantissa, mut exp, mut sticky, mut point) = (0u64, text.exp, false, false);
    for &c in &text.plain {
        if c == b'.' {
            point = true;
            continue;
        }
        let digit = (c as char).to_digit(16).unwrap_or(0) as u64;
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | digit;
            exp -= 4 * point as i64;
        } else {
            sticky |= digit != 0;
            exp += 4 * !point as i64;
        }
    }
    if mantissa == 0 {
        return 0.0;
    }
    // The value is mantissa × 2^exp plus something if sticky.
    let (width, min_exp, max_exp) = if bits == 32 {
        (24, -149, 127)
    } else {
        (53, -1074, 1023)
    };
    let top = 63 - mantissa.leading_zeros() as i64;
    let lowest = (top + exp - (width - 1)).max(min_exp);
    let shift = lowest - exp;
    if shift > 0 {
        let shift = shift.min(127) as u32;
        let wide = (mantissa as u128) << 1 | sticky as u128;
        let kept = if shift >= 65 { 0 } else { wide >> (shift + 1) };
        let rest = wide - if shift >= 65 { 0 } else { kept << (shift + 1) };
        let half = 1u128 << shift.min(100);
        mantissa = kept as u64 + (rest > half || rest == half && kept & 1 == 1) as u64;
        exp = lowest;
    }
    if mantissa == 0 {
        return 0.0;
    }
    let top = 63 - mantissa.leading_zeros() as i64;
    if top + exp > max_exp {
        return f64::INFINITY;
    }
    // Exact: at most 53 bits, times a power of two in two steps.
    let half = exp / 2;
    mantissa as f64 * 2f64.powi(half as i32) * 2f64.powi((exp - half) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use NumError::{Base, Bits, Range, Syntax};

    #[test]
    fn unsigned() {
        assert_eq!(
            parse_uint(b"18446744073709551615", 10, 64),
            (u64::MAX, None)
        );
        assert_eq!(
            parse_uint(b"18446744073709551616", 10, 64),
            (u64::MAX, Some(Range))
        );
        assert_eq!(parse_uint(b"256", 10, 8), (255, Some(Range)));
        assert_eq!(parse_uint(b"zz", 36, 0), (35 * 37, None));
        assert_eq!(parse_uint(b"0b1_01", 0, 64), (5, None));
        assert_eq!(parse_uint(b"0_17", 0, 64), (15, None));
        assert_eq!(parse_uint(b"0x_1F", 0, 64), (31, None));
        for bad in ["", "-1", "1_0", "0x", "8z"] {
            assert_eq!(
                parse_uint(bad.as_bytes(), 10, 64),
                (0, Some(Syntax)),
                "{bad}"
            );
        }
        for bad in ["_1", "1_", "1__0", "0_x1", "09", "0b2"] {
            assert_eq!(
                parse_uint(bad.as_bytes(), 0, 64),
                (0, Some(Syntax)),
                "{bad}"
            );
        }
        assert_eq!(parse_uint(b"1", 1, 64), (0, Some(Base)));
        assert_eq!(parse_uint(b"1", 10, 65), (0, Some(Bits)));
    }

    #[test]
    fn signed() {
        assert_eq!(parse_int(b"-9223372036854775808", 10, 64), (i64::MIN, None));
        assert_eq!(
            parse_int(b"9223372036854775808", 10, 64),
            (i64::MAX, Some(Range))
        );
        assert_eq!(
            parse_int(b"-99999999999999999999", 10, 64),
            (i64::MIN, Some(Range))
        );
        assert_eq!(parse_int(b"-129", 10, 8), (-128, Some(Range)));
        assert_eq!(parse_int(b"+127", 10, 8), (127, None));
        assert_eq!(parse_int(b"--1", 10, 8), (0, Some(Syntax)));
    }

    #[test]
    fn floats() {
        assert_eq!(parse_float(b"1_000.5", 64), (1000.5, None));
        assert_eq!(parse_float(b"0x1p-1074", 64), (5e-324, None));
        assert_eq!(parse_float(b"0x1p-1075", 64), (0.0, None));
        assert_eq!(parse_float(b"0x1.8p-1075", 64), (5e-324, None));
        assert_eq!(parse_float(b"0x1.fffffffffffff8p0", 64), (2.0, None));
        assert_eq!(parse_float(b"0x1.fffffep127", 32), (f32::MAX as f64, None));
        assert_eq!(
            parse_float(b"0x1.ffffffp127", 32),
            (f64::INFINITY, Some(Range))
        );
        assert_eq!(parse_float(b"-1e400", 64), (f64::NEG_INFINITY, Some(Range)));
        assert_eq!(parse_float(b"1e39", 32), (f64::INFINITY, Some(Range)));
        assert_eq!(parse_float(b"0.1", 32), (0.1f32 as f64, None));
        assert_eq!(parse_float(b"-iNfinity", 64), (f64::NEG_INFINITY, None));
        assert!(parse_float(b"NaN", 64).0.is_nan());
        for bad in [
            "", ".", "+nan", "1e", "0x1", "1__0", "_1", "1e+_3", "infi", "1.2.3", "1 ",
        ] {
            assert_eq!(
                parse_float(bad.as_bytes(), 64),
                (0.0, Some(Syntax)),
                "{bad}"
            );
        }
    }
}
