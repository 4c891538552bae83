//! Floating-point and complex numbers in text: `strconv.AppendFloat` for every format
//! letter and precision, and the `fmt` verbs on top of it.

use super::{Flags, int, pad, padding};

/// More significant digits than any finite number has; beyond them all are zeros.
const ENOUGH: usize = 1100;

/// Decimal digits without trailing zeros; the value is 0.d₁d₂… × 10^point.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// Reads what Rust prints for `{:e}`.
    fn parse(text: &str) -> Decimal {
        let (mantissa, exp) = text.split_once('e').unwrap_or((text, "0"));
        let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let kept = digits.iter().rposition(|&d| d != b'0').map_or(0, |i| i + 1);
        digits.truncate(kept);
        let exp: i32 = exp.parse().unwrap_or(0);
        let point = if digits.is_empty() { 0 } else { exp + 1 };
        Decimal { digits, point }
    }

    fn shortest(f: f64, bits: u32) -> Decimal {
        let (text, enough) = if bits == 32 {
            (format!("{:e}", f as f32), 6)
        } else {
            (format!("{f:e}"), 15)
        };
        let short = Decimal::parse(&text);
        if short.digits.len() < enough {
            return short;
        }
        // Halfway between two texts Go takes the one that ends in an even digit.
        let text = format!("{:.*e}", short.digits.len() - 1, f);
        let same = if bits == 32 {
            text.parse() == Ok(f as f32)
        } else {
            text.parse() == Ok(f)
        };
        if same { Decimal::parse(&text) } else { short }
    }

    /// Rounded to `n` (at least 1) significant digits.
    fn rounded(f: f64, n: usize) -> Decimal {
        Decimal::parse(&format!("{:.*e}", n.min(ENOUGH) - 1, f))
    }

    fn digit(&self, i: i32) -> u8 {
        usize::try_from(i)
            .ok()
            .and_then(|i| self.digits.get(i))
            .copied()
            .unwrap_or(b'0')
    }
}

/// Appends `f` as `strconv.AppendFloat(out, f, fmt, prec, bits)` does. A negative
/// precision asks for the shortest text that reads back as the same number.
pub fn append_float(out: &mut Vec<u8>, f: f64, fmt: u8, prec: i64, bits: u32) {
    let f = if bits == 32 { f as f32 as f64 } else { f };
    if f.is_nan() {
        out.extend_from_slice(b"NaN");
        return;
    }
    if f.is_infinite() {
        out.extend_from_slice(if f < 0.0 { b"-Inf" } else { b"+Inf" });
        return;
    }
    if !b"bxXeEfgG".contains(&fmt) {
        out.extend_from_slice(&[b'%', fmt]);
        return;
    }
    if f.is_sign_negative() {
        out.push(b'-');
    }
    let f = f.abs();
    match fmt {
        b'b' => binary(out, f, bits),
        b'x' | b'X' => hexadecimal(out, f, prec, bits, fmt),
        b'e' | b'E' if prec < 0 => {
            let d = Decimal::shortest(f, bits);
            exponent(out, &d, d.digits.len().max(1) - 1, fmt);
        }
        b'e' | b'E' => {
            let prec = prec as usize;
            exponent(out, &Decimal::rounded(f, prec.min(ENOUGH) + 1), prec, fmt);
        }
        b'f' if prec < 0 => {
            let d = Decimal::shortest(f, bits);
            let prec = (d.digits.len() as i32 - d.point).max(0) as usize;
            fixed(out, &d, prec);
        }
        b'f' => {
            let exact = (prec as usize).min(ENOUGH);
            out.extend_from_slice(format!("{f:.exact$}").as_bytes());
            if exact < prec as usize {
                out.resize(out.len() + prec as usize - exact, b'0');
            }
        }
        _ => {
            let short = prec < 0;
            let want = prec.clamp(1, ENOUGH as i64) as usize;
            let d = if short {
                Decimal::shortest(f, bits)
            } else {
                Decimal::rounded(f, want)
            };
            let have = d.digits.len() as i32;
            let mut limit = want as i32;
            if limit > have && have >= d.point {
                limit = have;
            }
            if short {
                limit = 6;
            }
            let exp = d.point - 1;
            if exp < -4 || exp >= limit {
                let shown = if short { have } else { have.min(want as i32) };
                exponent(out, &d, shown.max(1) as usize - 1, fmt - 2);
            } else {
                fixed(out, &d, (have - d.point).max(0) as usize);
            }
        }
    }
}

/// `d.ddde±dd` with `prec` digits after the point.
fn exponent(out: &mut Vec<u8>, d: &Decimal, prec: usize, letter: u8) {
    out.push(d.digit(0));
    if prec > 0 {
        out.push(b'.');
        let real = prec.min(d.digits.len().saturating_sub(1));
        out.extend_from_slice(d.digits.get(1..1 + real).unwrap_or(&[]));
        out.resize(out.len() + prec - real, b'0');
    }
    let exp = if d.digits.is_empty() { 0 } else { d.point - 1 };
    append_exponent(out, letter, exp);
}

fn append_exponent(out: &mut Vec<u8>, letter: u8, exp: i32) {
    out.extend_from_slice(&[letter, if exp < 0 { b'-' } else { b'+' }]);
    let exp = exp.unsigned_abs();
    if exp < 10 {
        out.push(b'0');
    }
    int::append_uint(out, exp as u64, 10);
}

/// `ddd.ddd` with `prec` digits after the point.
fn fixed(out: &mut Vec<u8>, d: &Decimal, prec: usize) {
    if d.point > 0 {
        out.extend((0..d.point).map(|i| d.digit(i)));
    } else {
        out.push(b'0');
    }
    if prec > 0 {
        out.push(b'.');
        out.extend((0..prec as i32).map(|i| d.digit(d.point + i)));
    }
}

/// Mantissa and binary exponent of a finite non-negative number, and the width of its
/// mantissa field: the value is mantissa × 2^exp.
fn split(f: f64, bits: u32) -> (u64, i32, u32) {
    let (raw, width, bias) = if bits == 32 {
        ((f as f32).to_bits() as u64, 23, 127)
    } else {
        (f.to_bits(), 52, 1023)
    };
    let exp = (raw >> width) as i32;
    let mantissa = raw & ((1 << width) - 1);
    let (mantissa, exp) = if exp == 0 {
        (mantissa, 1)
    } else {
        (mantissa | 1 << width, exp)
    };
    (mantissa, exp - bias - width as i32, width)
}

/// `mantissa p±exp` in decimal.
fn binary(out: &mut Vec<u8>, f: f64, bits: u32) {
    let (mantissa, exp, _) = split(f, bits);
    int::append_uint(out, mantissa, 10);
    out.push(b'p');
    if exp >= 0 {
        out.push(b'+');
    }
    int::append_int(out, exp as i64, 10);
}

/// `0x1.yyyyyyyyp±dd`.
fn hexadecimal(out: &mut Vec<u8>, f: f64, prec: i64, bits: u32, fmt: u8) {
    let (mut mantissa, exp, width) = split(f, bits);
    let mut exp = if mantissa == 0 { 0 } else { exp + width as i32 };
    // The leading 1 goes to bit 60, fifteen hexadecimal digits behind it.
    if mantissa != 0 {
        mantissa <<= 60 - width;
        while mantissa & 1 << 60 == 0 {
            mantissa <<= 1;
            exp -= 1;
        }
    }
    if (0..15).contains(&prec) {
        let shift = 60 - 4 * prec as u32;
        let extra = mantissa & ((1 << shift) - 1);
        mantissa >>= shift;
        let half = 1 << (shift - 1);
        if extra > half || extra == half && mantissa & 1 == 1 {
            mantissa += 1;
        }
        mantissa <<= shift;
        if mantissa & 1 << 61 != 0 {
            mantissa >>= 1;
            exp += 1;
        }
    }
    out.extend_from_slice(&[b'0', fmt, b'0' + (mantissa >> 60 & 1) as u8]);
    mantissa <<= 4;
    let set = if fmt == b'X' {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    if prec > 0 || prec < 0 && mantissa != 0 {
        out.push(b'.');
        let mut left = prec;
        while if prec < 0 { mantissa != 0 } else { left > 0 } {
            out.push(set[(mantissa >> 60) as usize]);
            mantissa <<= 4;
            left -= 1;
        }
    }
    append_exponent(out, if fmt == b'X' { b'P' } else { b'p' }, exp);
}

/// A float operand under `verb`; false when the verb is not for floats.
pub fn fmt_float(out: &mut Vec<u8>, f: f64, bits: u32, verb: u32, fl: &Flags) -> bool {
    let (letter, prec) = match char::from_u32(verb) {
        Some('v') => (b'g', -1),
        Some(c @ ('b' | 'g' | 'G' | 'x' | 'X')) => (c as u8, -1),
        Some(c @ ('f' | 'e' | 'E')) => (c as u8, 6),
        Some('F') => (b'f', 6),
        _ => return false,
    };
    plain_float(out, f, bits, letter, prec, fl);
    true
}

fn plain_float(out: &mut Vec<u8>, f: f64, bits: u32, letter: u8, prec: i64, fl: &Flags) {
    let prec = fl.prec.map_or(prec, |p| p as i64);
    let mut num = vec![b'+'];
    append_float(&mut num, f, letter, prec, bits);
    if matches!(num[1], b'-' | b'+') {
        num.remove(0);
    }
    if fl.space && num[0] == b'+' && !fl.plus {
        num[0] = b' ';
    }
    if matches!(num[1], b'I' | b'N') {
        // Infinity always shows its sign, what is not a number only when asked to.
        if num[1] == b'N' && !fl.space && !fl.plus {
            num.remove(0);
        }
        pad(out, &num, &Flags { zero: false, ..*fl });
        return;
    }
    if fl.sharp && letter != b'b' {
        num = keep_point(&num, letter, prec);
    }
    if fl.plus || num[0] != b'+' {
        if let (true, false, Some(w)) = (fl.zero, fl.minus, fl.width)
            && w > num.len()
        {
            out.push(num[0]);
            padding(out, w - num.len(), fl);
            out.extend_from_slice(&num[1..]);
            return;
        }
        pad(out, &num, fl);
        return;
    }
    pad(out, &num[1..], fl);
}

/// The sharp flag: always a decimal point, and trailing zeros for `%g` and `%x`. In
/// Go, `%#X` gets no zeros, and the x of the prefix counts as a digit.
fn keep_point(num: &[u8], letter: u8, prec: i64) -> Vec<u8> {
    let mut digits = match letter {
        b'g' | b'G' | b'x' if prec < 0 => 6,
        b'g' | b'G' | b'x' => prec,
        _ => 0,
    };
    let hex = matches!(letter, b'x' | b'X');
    let mut head = vec![num[0]];
    let mut tail: &[u8] = &[];
    let (mut has_point, mut significant) = (false, false);
    let mut i = 1;
    while i < num.len() {
        let c = num[i];
        match c {
            b'.' => has_point = true,
            b'p' | b'P' => {
                tail = &num[i..];
                break;
            }
            b'e' | b'E' if !hex => {
                tail = &num[i..];
                break;
            }
            _ => {
                significant |= c != b'0';
                if significant {
                    digits -= 1;
                }
            }
        }
        head.push(c);
        i += 1;
    }
    if !has_point {
        // A lone zero counts as a digit.
        if head.len() == 2 && head[1] == b'0' {
            digits -= 1;
        }
        head.push(b'.');
    }
    if digits > 0 {
        head.resize(head.len() + digits as usize, b'0');
    }
    head.extend_from_slice(tail);
    head
}

/// A complex operand under `verb`; `bits` is the size of one part. False when the verb
/// is not for complex numbers.
pub fn fmt_complex(out: &mut Vec<u8>, re: f64, im: f64, bits: u32, verb: u32, fl: &Flags) -> bool {
    let known = char::from_u32(verb).is_some_and(|c| "vbgGxXfFeE".contains(c));
    if known {
        out.push(b'(');
        fmt_float(out, re, bits, verb, fl);
        fmt_float(out, im, bits, verb, &Flags { plus: true, ..*fl });
        out.extend_from_slice(b"i)");
    }
    known
}
