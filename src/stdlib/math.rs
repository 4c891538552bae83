//! `math`: functions of floating point numbers, with Go's results for zeros, infinities
//! and NaNs.
#![allow(unsafe_code)]

use std::f64::consts::PI;

use super::{elementary, special};
use crate::vm::natives::Entry;

// ----- logic -----

/// Fraction in [0.5, 1) and exponent; the number itself and 0 for zeros, infinities, NaN.
pub(super) fn frexp(f: f64) -> (f64, i64) {
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
pub(super) fn ldexp(frac: f64, exp: i64) -> f64 {
    libm::scalbn(frac, exp.clamp(-5000, 5000) as i32)
}
fn ilogb(x: f64) -> i64 {
    if x == 0.0 {
        i32::MIN as i64
    } else if !x.is_finite() {
        i32::MAX as i64
    } else {
        frexp(x).1 - 1
    }
}
fn logb(x: f64) -> f64 {
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
pub(super) fn modf(f: f64) -> (f64, f64) {
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
fn lgamma(x: f64) -> (f64, i64) {
    if x.is_nan() {
        (x, 1)
    } else if x == 0.0 {
        (f64::INFINITY, 1)
    } else if x.is_infinite() {
        (x, 1)
    } else if x < 0.0 && x.trunc() == x {
        (f64::INFINITY, 1)
    } else {
        let (v, sign) = libm::lgamma_r(x);
        (v, sign.into())
    }
}
/// A closed approximation, made precise by Halley's method.
fn erfinv(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 1.0 {
        return f64::NAN;
    }
    if x.abs() == 1.0 {
        return f64::INFINITY.copysign(x);
    }
    let a = x.abs();
    let half_sqrt_pi = PI.sqrt() / 2.0;
    if a < 1e-9 {
        return x * half_sqrt_pi;
    }
    let mut y = if a < 0.01 {
        a * half_sqrt_pi
    } else {
        const A: f64 = 0.147;
        let l = (-a * a).ln_1p();
        let t = 2.0 / (PI * A) + l / 2.0;
        ((t * t - l / A).sqrt() - t).sqrt()
    };
    for _ in 0..3 {
        // Near 1 the complement has the digits; 1-a is exact there.
        let err = if a < 0.5 {
            libm::erf(y) - a
        } else {
            (1.0 - a) - libm::erfc(y)
        };
        let step = err * half_sqrt_pi * (y * y).exp();
        y -= step / (1.0 + y * step);
    }
    y.copysign(x)
}
/// An infinity wins over NaN, as in Go.
fn max(x: f64, y: f64) -> f64 {
    if x == f64::INFINITY || y == f64::INFINITY {
        f64::INFINITY
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == 0.0 && y == 0.0 {
        if x.is_sign_negative() { y } else { x }
    } else if x > y {
        x
    } else {
        y
    }
}
fn min(x: f64, y: f64) -> f64 {
    -max(-x, -y)
}
fn dim(x: f64, y: f64) -> f64 {
    let v = x - y;
    if v <= 0.0 { 0.0 } else { v }
}
/// Go's product of two table entries, so that large powers round as there.
fn pow10(n: i64) -> f64 {
    let exact = |n: i64| format!("1e{n}").parse::<f64>().unwrap_or(f64::NAN);
    match n {
        0..=308 => exact(n / 32 * 32) * exact(n % 32),
        -323..=-1 => exact(n / 32 * 32) / exact(-n % 32),
        309.. => f64::INFINITY,
        _ => 0.0,
    }
}
macro_rules! nextafter {
    ($name:ident $t:ty) => {
        fn $name(x: $t, y: $t) -> $t {
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

fn order(n: i64) -> i32 {
    n.clamp(i32::MIN as i64 + 1, i32::MAX as i64) as i32
}
/// As in Go, next to zero the sign is lost.
fn j1(x: f64) -> f64 {
    if x.abs() < 1.0 / (1 << 27) as f64 {
        0.5 * x.abs()
    } else {
        libm::j1(x)
    }
}
fn jn(n: i64, x: f64) -> f64 {
    match n {
        0 => libm::j0(x),
        1 => j1(x),
        -1 => j1(-x),
        _ if x == 0.0 || x.is_infinite() => 0.0,
        _ => libm::jn(order(n), x),
    }
}
fn yn(n: i64, x: f64) -> f64 {
    if x == 0.0 {
        // An odd negative order turns the sign.
        if n < 0 && n & 1 != 0 {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        }
    } else {
        libm::yn(order(n), x)
    }
}
fn is_inf(f: f64, sign: i64) -> bool {
    sign >= 0 && f == f64::INFINITY || sign <= 0 && f == f64::NEG_INFINITY
}

// ----- natives -----

/// Natives float64 -> float64.
macro_rules! unary {
    ($($name:ident $f:expr;)*) => { $(
        native!($name, 1, |c| {
            let x = c.f64();
            c.ret_f64($f(x));
        });
    )* };
}
/// Natives (float64, float64) -> float64.
macro_rules! binary {
    ($($name:ident $f:expr;)*) => { $(
        native!($name, 1, |c| {
            let (x, y) = (c.f64(), c.f64());
            c.ret_f64($f(x, y));
        });
    )* };
}
unary! {
    n_sqrt f64::sqrt;
    n_cbrt elementary::cbrt;
    n_abs f64::abs;
    n_floor f64::floor;
    n_ceil f64::ceil;
    n_trunc f64::trunc;
    n_round f64::round;
    n_round_even f64::round_ties_even;
    n_sin elementary::sin;
    n_cos elementary::cos;
    n_tan elementary::tan;
    n_asin elementary::asin;
    n_acos elementary::acos;
    n_atan elementary::atan;
    n_sinh elementary::sinh;
    n_cosh elementary::cosh;
    n_tanh elementary::tanh;
    n_asinh elementary::asinh;
    n_acosh elementary::acosh;
    n_atanh elementary::atanh;
    n_exp elementary::exp;
    n_exp2 elementary::exp2;
    n_expm1 libm::expm1;
    n_log elementary::log;
    n_log2 elementary::log2;
    n_log10 elementary::log10;
    n_log1p elementary::log1p;
    n_logb logb;
    n_gamma special::gamma;
    n_erf special::erf;
    n_erfc special::erfc;
    n_erfinv erfinv;
    n_erfcinv |x: f64| erfinv(1.0 - x);
    n_j0 libm::j0;
    n_j1 j1;
    n_y0 libm::y0;
    n_y1 libm::y1;
}
binary! {
    n_pow elementary::pow;
    n_atan2 elementary::atan2;
    n_hypot elementary::hypot;
    n_mod |x: f64, y: f64| x % y;
    n_remainder libm::remainder;
    n_max max;
    n_min min;
    n_dim dim;
    n_copysign f64::copysign;
    n_nextafter nextafter;
}
native!(n_nextafter32, 1, |c| {
    let (x, y) = (c.f32(), c.f32());
    c.ret(nextafter32(x, y).to_bits() as u64);
});
native!(n_fma, 1, |c| {
    let (x, y, z) = (c.f64(), c.f64(), c.f64());
    c.ret_f64(x.mul_add(y, z));
});
native!(n_jn, 1, |c| {
    let (n, x) = (c.int(), c.f64());
    c.ret_f64(jn(n, x));
});
native!(n_yn, 1, |c| {
    let (n, x) = (c.int(), c.f64());
    c.ret_f64(yn(n, x));
});
native!(n_pow10, 1, |c| {
    let n = c.int();
    c.ret_f64(pow10(n));
});
native!(n_ldexp, 1, |c| {
    let (f, exp) = (c.f64(), c.int());
    c.ret_f64(ldexp(f, exp));
});
native!(n_frexp, 2, |c| {
    let (frac, exp) = frexp(c.f64());
    c.ret_f64(frac).ret_int(exp);
});
native!(n_modf, 2, |c| {
    let (int, frac) = modf(c.f64());
    c.ret_f64(int).ret_f64(frac);
});
native!(n_sincos, 2, |c| {
    let x = c.f64();
    c.ret_f64(elementary::sin(x)).ret_f64(elementary::cos(x));
});
native!(n_lgamma, 2, |c| {
    let (v, sign) = lgamma(c.f64());
    c.ret_f64(v).ret_int(sign);
});
native!(n_ilogb, 1, |c| {
    let x = c.f64();
    c.ret_int(ilogb(x));
});
// Floats travel as their bits already.
native!(n_bits64, 1, |c| {
    let w = c.word();
    c.ret(w);
});
native!(n_bits32, 1, |c| {
    let w = c.word();
    c.ret(w as u32 as u64);
});
native!(n_inf, 1, |c| {
    let sign = c.int();
    c.ret_f64(if sign >= 0 {
        f64::INFINITY
    } else {
        f64::NEG_INFINITY
    });
});
native!(n_nan, 1, |c| {
    // Go's bit pattern.
    c.ret(0x7ff8_0000_0000_0001);
});
native!(n_is_nan, 1, |c| {
    let f = c.f64();
    c.ret_bool(f.is_nan());
});
native!(n_is_inf, 1, |c| {
    let (f, sign) = (c.f64(), c.int());
    c.ret_bool(is_inf(f, sign));
});
native!(n_signbit, 1, |c| {
    let f = c.f64();
    c.ret_bool(f.is_sign_negative());
});

pub const NATIVES: &[Entry] = &[
    ("math.Sqrt", n_sqrt),
    ("math.Cbrt", n_cbrt),
    ("math.Abs", n_abs),
    ("math.Floor", n_floor),
    ("math.Ceil", n_ceil),
    ("math.Trunc", n_trunc),
    ("math.Round", n_round),
    ("math.RoundToEven", n_round_even),
    ("math.Sin", n_sin),
    ("math.Cos", n_cos),
    ("math.Tan", n_tan),
    ("math.Asin", n_asin),
    ("math.Acos", n_acos),
    ("math.Atan", n_atan),
    ("math.Sinh", n_sinh),
    ("math.Cosh", n_cosh),
    ("math.Tanh", n_tanh),
    ("math.Asinh", n_asinh),
    ("math.Acosh", n_acosh),
    ("math.Atanh", n_atanh),
    ("math.Exp", n_exp),
    ("math.Exp2", n_exp2),
    ("math.Expm1", n_expm1),
    ("math.Log", n_log),
    ("math.Log2", n_log2),
    ("math.Log10", n_log10),
    ("math.Log1p", n_log1p),
    ("math.Logb", n_logb),
    ("math.Gamma", n_gamma),
    ("math.Erf", n_erf),
    ("math.Erfc", n_erfc),
    ("math.Erfinv", n_erfinv),
    ("math.Erfcinv", n_erfcinv),
    ("math.J0", n_j0),
    ("math.J1", n_j1),
    ("math.Y0", n_y0),
    ("math.Y1", n_y1),
    ("math.Pow", n_pow),
    ("math.Atan2", n_atan2),
    ("math.Hypot", n_hypot),
    ("math.Mod", n_mod),
    ("math.Remainder", n_remainder),
    ("math.Max", n_max),
    ("math.Min", n_min),
    ("math.Dim", n_dim),
    ("math.Copysign", n_copysign),
    ("math.Nextafter", n_nextafter),
    ("math.Nextafter32", n_nextafter32),
    ("math.FMA", n_fma),
    ("math.Jn", n_jn),
    ("math.Yn", n_yn),
    ("math.Pow10", n_pow10),
    ("math.Ldexp", n_ldexp),
    ("math.Frexp", n_frexp),
    ("math.Modf", n_modf),
    ("math.Sincos", n_sincos),
    ("math.Lgamma", n_lgamma),
    ("math.Ilogb", n_ilogb),
    ("math.Float64bits", n_bits64),
    ("math.Float64frombits", n_bits64),
    ("math.Float32bits", n_bits32),
    ("math.Float32frombits", n_bits32),
    ("math.Inf", n_inf),
    ("math.NaN", n_nan),
    ("math.IsNaN", n_is_nan),
    ("math.IsInf", n_is_inf),
    ("math.Signbit", n_signbit),
    // Other packages' own names for some of them.
];

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
        assert_eq!(lgamma(f64::NEG_INFINITY).0, f64::NEG_INFINITY);
        assert_eq!(lgamma(-3.0), (f64::INFINITY, 1));
        assert_eq!(lgamma(-0.5).1, -1);
        assert!(is_inf(f64::INFINITY, 0) && !is_inf(f64::INFINITY, -1));
        assert_eq!(yn(-1, 0.0), f64::INFINITY);
    }
    #[test]
    fn exponents() {
        assert_eq!(frexp(8.0), (0.5, 4));
        assert_eq!(frexp(f64::from_bits(1)), (0.5, -1073));
        assert_eq!(ldexp(0.5, -1073), f64::from_bits(1));
        assert_eq!(ilogb(0.0), i32::MIN as i64);
        assert_eq!(logb(f64::from_bits(1)), -1074.0);
        assert_eq!(log2(8.0), 3.0);
        assert_eq!(log2(0.0), f64::NEG_INFINITY);
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
    #[test]
    fn inverse_of_erf() {
        for x in [1e-12, 1e-5, 0.005, 0.02, 0.3, 0.5, 0.9, 0.999, 1.0 - 1e-12] {
            let back = libm::erf(erfinv(x));
            assert!((back - x).abs() <= 4.0 * f64::EPSILON * x, "{x}: {back}");
            assert_eq!(erfinv(-x), -erfinv(x));
        }
        assert!((erfinv(1.0 - f64::EPSILON / 2.0) - 5.863_584_748_755_168).abs() < 1e-14);
        assert_eq!(erfinv(-1.0), f64::NEG_INFINITY);
        assert!(erfinv(1.5).is_nan());
    }
}
