//! Powers, roots and lengths.

use super::{NAN, exp, frexp, ldexp, log, modf};

fn is_odd(x: f64) -> bool {
    x.abs() < (1u64 << 53) as f64 && x.trunc() == x && x as i64 & 1 == 1
}

/// x to an even power of boundless size with y's sign.
fn far(x: f64, y: f64) -> f64 {
    if x == -1.0 {
        1.0
    } else if (x.abs() < 1.0) == (y > 0.0) {
        0.0
    } else {
        f64::INFINITY
    }
}

/// x^y: the fraction of y by logarithms, its integer by repeated squaring of the mantissa.
pub fn pow(x: f64, y: f64) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if y == 1.0 {
        return x;
    }
    if x.is_nan() || y.is_nan() {
        return NAN;
    }
    if x == 0.0 {
        let v = if y < 0.0 { f64::INFINITY } else { 0.0 };
        return if is_odd(y) { v.copysign(x) } else { v };
    }
    if y.is_infinite() {
        return far(x, y);
    }
    if x.is_infinite() {
        let v = if y < 0.0 { 0.0 } else { f64::INFINITY };
        return if is_odd(y) { v.copysign(x) } else { v };
    }
    if y == 0.5 {
        return x.sqrt();
    }
    if y == -0.5 {
        return 1.0 / x.sqrt();
    }
    let (mut int, mut frac) = modf(y.abs());
    if frac != 0.0 && x < 0.0 {
        return NAN;
    }
    if int >= (1u64 << 63) as f64 {
        // y is even here.
        return far(x, y);
    }
    // The result is v * 2^e.
    let (mut v, mut e) = (1.0, 0i64);
    if frac != 0.0 {
        if frac > 0.5 {
            frac -= 1.0;
            int += 1.0;
        }
        v = exp(frac * log(x));
    }
    let (mut m, mut me) = frexp(x);
    let mut n = int as i64;
    while n != 0 {
        if !(-(1 << 12)..=1 << 12).contains(&me) {
            // Overflow or underflow is certain; the exponent must not wrap.
            e += me;
            break;
        }
        if n & 1 == 1 {
            v *= m;
            e += me;
        }
        m *= m;
        me <<= 1;
        if m < 0.5 {
            m += m;
            me -= 1;
        }
        n >>= 1;
    }
    if y < 0.0 {
        v = 1.0 / v;
        e = -e;
    }
    ldexp(v, e)
}

/// The cube root, after msun's `s_cbrt.c`: an estimate by integer division of the bits, a
/// rational step, a cut to half the digits and one step of Newton's method.
pub fn cbrt(x: f64) -> f64 {
    const B1: u64 = 715_094_163 << 32;
    const B2: u64 = 696_219_795 << 32;
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let a = x.abs();
    let mut t = f64::from_bits(a.to_bits() / 3 + B1);
    if a < f64::MIN_POSITIVE {
        t = (1u64 << 54) as f64 * a;
        t = f64::from_bits(t.to_bits() / 3 + B2);
    }
    let mut r = t * t / a;
    let mut s = 5.42857142857142815906e-01 + r * t;
    t *= 3.57142857142857150787e-01
        + 1.60714285714285720630e+00
            / (s + 1.41428571428571436819e+00 + -7.05306122448979611050e-01 / s);
    t = f64::from_bits((t.to_bits() & 0xf_ffff_fffc << 28) + (1 << 30));
    s = t * t;
    r = a / s;
    let w = t + t;
    r = (r - t) / (w + r);
    t += t * r;
    if x < 0.0 { -t } else { t }
}

/// sqrt(p*p + q*q), scaled by the larger one.
pub fn hypot(p: f64, q: f64) -> f64 {
    let (p, q) = (p.abs(), q.abs());
    if p.is_infinite() || q.is_infinite() {
        return f64::INFINITY;
    }
    if p.is_nan() || q.is_nan() {
        return NAN;
    }
    let (large, small) = if p < q { (q, p) } else { (p, q) };
    if large == 0.0 {
        return 0.0;
    }
    let r = small / large;
    large * (1.0 + r * r).sqrt()
}
