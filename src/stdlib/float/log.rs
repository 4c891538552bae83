//! Logarithms, after msun (`e_log.c`, `s_log1p.c`).

use super::{NAN, frexp, up};
use std::f64::consts::{FRAC_1_SQRT_2, LOG2_E, LOG10_E, SQRT_2};

/// ln 2 in two parts; products of the first with exponents are exact.
pub(super) const LN2_HI: f64 = 6.93147180369123816490e-01;
pub(super) const LN2_LO: f64 = 1.90821492927058770002e-10;

/// (log(1+s) - log(1-s) - 2s) / s as a series of s^2.
const L: [f64; 7] = [
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
];

/// The natural logarithm. The exponent field is taken as it stands, also where it is 0: for
/// subnormal numbers amd64 gives about -709, and so does this.
pub fn log(x: f64) -> f64 {
    if x <= 0.0 {
        return if x == 0.0 { f64::NEG_INFINITY } else { NAN };
    }
    if !(x < f64::INFINITY) {
        return x;
    }
    let bits = x.to_bits();
    let mut k = (bits >> 52) as i64 - 1022;
    let mut m = f64::from_bits(bits & ((1 << 52) - 1) | 0x3fe << 52);
    if m < FRAC_1_SQRT_2 {
        m *= 2.0;
        k -= 1;
    }
    let (f, k) = (m - 1.0, k as f64);
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = z * up(w, &[L[0], L[2], L[4], L[6]]);
    let even = w * up(w, &[L[1], L[3], L[5]]);
    let half = 0.5 * f * f;
    k * LN2_HI - ((half - (s * (half + (odd + even)) + k * LN2_LO)) - f)
}

/// The binary logarithm, exact for powers of two.
pub fn log2(x: f64) -> f64 {
    let (frac, exp) = frexp(x);
    if frac == 0.5 {
        (exp - 1) as f64
    } else {
        log(frac) * LOG2_E + exp as f64
    }
}

pub fn log10(x: f64) -> f64 {
    log(x) * LOG10_E
}

/// The logarithm of 1+x.
pub fn log1p(x: f64) -> f64 {
    /// 1+x may need no scaling between these.
    const HIGH: f64 = SQRT_2 - 1.0;
    const LOW: f64 = -0.2928932188134524755;
    const MANTISSA: u64 = (1 << 52) - 1;
    if x < -1.0 || x.is_nan() {
        return NAN;
    }
    if x == -1.0 {
        return f64::NEG_INFINITY;
    }
    if x == f64::INFINITY {
        return x;
    }
    let a = x.abs();
    if a < 1.0 / (1u64 << 29) as f64 {
        return if a < 1.0 / (1u64 << 54) as f64 {
            x
        } else {
            x - x * x * 0.5
        };
    }
    // 1+x = 2^k * (1+f), and c corrects the rounding of the sum.
    let (mut k, mut f, mut c, mut tiny) = (0i64, x, 0.0, false);
    if !(a < HIGH && x > LOW) {
        let u = if a < (1u64 << 53) as f64 { 1.0 + x } else { x };
        let bits = u.to_bits();
        k = (bits >> 52) as i64 - 1023;
        if a < (1u64 << 53) as f64 {
            c = if k > 0 { 1.0 - (u - x) } else { x - (u - 1.0) };
            c /= u;
        }
        let m = bits & MANTISSA;
        // Below the mantissa of √2?
        if m < 0x0006_a09e_667f_3bcd {
            tiny = m == 0;
            f = f64::from_bits(m | 0x3ff << 52) - 1.0;
        } else {
            k += 1;
            tiny = ((1 << 52) - m) >> 2 == 0;
            f = f64::from_bits(m | 0x3fe << 52) - 1.0;
        }
    }
    let kf = k as f64;
    let half = 0.5 * f * f;
    if tiny {
        if f == 0.0 {
            return if k == 0 {
                0.0
            } else {
                kf * LN2_HI + (c + kf * LN2_LO)
            };
        }
        let r = half * (1.0 - 0.66666666666666666 * f);
        return if k == 0 {
            f - r
        } else {
            kf * LN2_HI - ((r - (kf * LN2_LO + c)) - f)
        };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * up(z, &L);
    if k == 0 {
        f - (half - s * (half + r))
    } else {
        kf * LN2_HI - ((half - (s * (half + r) + (kf * LN2_LO + c))) - f)
    }
}
