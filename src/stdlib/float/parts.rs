//! Taking floating point numbers apart, and comparing them: exact functions, with Go's
//! results for zeros, infinities and NaNs.

use super::NAN;

/// Fraction in [0.5, 1) and exponent; the number itself and 0 for zeros, infinities, NaN.
pub fn frexp(f: f64) -> (f64, i64) {
    if f == 0.0 || !f.is_finite() {
        return (f, 0);
    }
    let (f, shift) = if f.abs() < f64::MIN_POSITIVE {
        (f * (1u64 << 52) as f64, -52)
    } else {
        (f, 0)
    };
    let bits = f.to_bits();
    let exp = (bits >> 52 & 0x7ff) as i64 - 1022;
    (
        f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52),
        exp + shift,
    )
}
/// frac * 2^exp, rounded once.
pub fn ldexp(frac: f64, exp: i64) -> f64 {
    let (m, e) = frexp(frac);
    let e = e.saturating_add(exp);
    if m == 0.0 || !m.is_finite() {
        frac
    } else if e > 1024 {
        f64::INFINITY.copysign(frac)
    } else if e < -1074 {
        0f64.copysign(frac)
    } else if e > -1022 {
        // The exponent field for a mantissa in [1, 2).
        f64::from_bits(m.to_bits() & !(0x7ff << 52) | ((e + 1022) as u64) << 52)
    } else {
        let up = f64::from_bits(m.to_bits() & !(0x7ff << 52) | ((e + 1022 + 53) as u64) << 52);
        up * (1.0 / (1u64 << 53) as f64)
    }
}
pub fn ilogb(x: f64) -> i64 {
    if x == 0.0 {
        i32::MIN as i64
    } else if !x.is_finite() {
        i32::MAX as i64
    } else {
        frexp(x).1 - 1
    }
}
pub fn logb(x: f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else if x.is_infinite() {
        f64::INFINITY
    } else if x.is_nan() {
        x
    } else {
        ilogb(x) as f64
    }
}
/// Both parts have f's sign; an infinity has no fraction (NaN).
pub fn modf(f: f64) -> (f64, f64) {
    let int = f.trunc();
    let frac = f - int;
    (
        int,
        if frac.is_nan() {
            frac
        } else {
            frac.copysign(f)
        },
    )
}
/// An infinity wins over NaN, as in Go.
pub fn max(x: f64, y: f64) -> f64 {
    if x == f64::INFINITY || y == f64::INFINITY {
        f64::INFINITY
    } else if x.is_nan() || y.is_nan() {
        NAN
    } else if x == 0.0 && y == 0.0 {
        if x.is_sign_negative() { y } else { x }
    } else if x > y {
        x
    } else {
        y
    }
}
pub fn min(x: f64, y: f64) -> f64 {
    -max(-x, -y)
}
pub fn dim(x: f64, y: f64) -> f64 {
    let v = x - y;
    if v <= 0.0 { 0.0 } else { v }
}
/// 10^n as the quotient or product of two table entries, so that large powers round as in Go.
pub fn pow10(n: i64) -> f64 {
    #[rustfmt::skip]
    const ONES: [f64; 32] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
        1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
        1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31,
    ];
    #[rustfmt::skip]
    const UP: [f64; 10] = [1e0, 1e32, 1e64, 1e96, 1e128, 1e160, 1e192, 1e224, 1e256, 1e288];
    #[rustfmt::skip]
    const DOWN: [f64; 11] = [1e0, 1e-32, 1e-64, 1e-96, 1e-128, 1e-160, 1e-192, 1e-224, 1e-256, 1e-288, 1e-320];
    let m = n.unsigned_abs() as usize;
    match n {
        0..=308 => UP[m / 32] * ONES[m % 32],
        -323..=-1 => DOWN[m / 32] / ONES[m % 32],
        309.. => f64::INFINITY,
        _ => 0.0,
    }
}
macro_rules! nextafter {
    ($name:ident $t:ty) => {
        pub fn $name(x: $t, y: $t) -> $t {
            if x.is_nan() || y.is_nan() {
                <$t>::NAN
            } else if x == y {
                x
            } else if x == 0.0 {
                <$t>::from_bits(1).copysign(y)
            } else if (y > x) == (x > 0.0) {
                <$t>::from_bits(x.to_bits() + 1)
            } else {
                <$t>::from_bits(x.to_bits() - 1)
            }
        }
    };
}
nextafter!(nextafter f64);
nextafter!(nextafter32 f32);

pub fn is_inf(f: f64, sign: i64) -> bool {
    sign >= 0 && f == f64::INFINITY || sign <= 0 && f == f64::NEG_INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_values() {
        assert_eq!(max(f64::NAN, f64::INFINITY), f64::INFINITY);
        assert!(max(f64::NAN, 1.0).is_nan());
        assert_eq!(max(-0.0, 0.0).to_bits(), 0);
        assert_eq!(min(-0.0, 0.0).to_bits(), (-0.0f64).to_bits());
        assert_eq!(min(f64::NEG_INFINITY, f64::NAN), f64::NEG_INFINITY);
        assert_eq!(dim(3.0, 5.0).to_bits(), 0);
        assert!(dim(f64::INFINITY, f64::INFINITY).is_nan());
        assert_eq!(modf(-0.0).1.to_bits(), (-0.0f64).to_bits());
        assert!(modf(f64::INFINITY).1.is_nan());
        assert!(is_inf(f64::INFINITY, 0) && !is_inf(f64::INFINITY, -1));
    }
    #[test]
    fn exponents() {
        assert_eq!(frexp(8.0), (0.5, 4));
        assert_eq!(frexp(f64::from_bits(1)), (0.5, -1073));
        assert_eq!(ldexp(0.5, -1073), f64::from_bits(1));
        assert_eq!(ldexp(-1.0, i64::MAX), f64::NEG_INFINITY);
        assert_eq!(ldexp(1.0, i64::MIN), 0.0);
        assert_eq!(ilogb(0.0), i32::MIN as i64);
        assert_eq!(logb(f64::from_bits(1)), -1074.0);
        assert_eq!(
            (pow10(22), pow10(-324), pow10(309)),
            (1e22, 0.0, f64::INFINITY)
        );
    }
    #[test]
    fn neighbours() {
        assert_eq!(nextafter(0.0, -1.0), -f64::from_bits(1));
        assert_eq!(nextafter(1.0, 2.0), 1.0 + f64::EPSILON);
        assert_eq!(nextafter(-1.0, 0.0), -1.0 + f64::EPSILON / 2.0);
        assert_eq!(nextafter32(f32::MAX, f32::INFINITY), f32::INFINITY);
    }
}
