//! `math`: natives for the functions in [`float`] and for those the processor has.
#![allow(unsafe_code)]

use super::float;
use crate::vm::natives::Entry;

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
    n_cbrt float::cbrt;
    n_abs f64::abs;
    n_floor f64::floor;
    n_ceil f64::ceil;
    n_trunc f64::trunc;
    n_round f64::round;
    n_round_even f64::round_ties_even;
    n_sin float::sin;
    n_cos float::cos;
    n_tan float::tan;
    n_asin float::asin;
    n_acos float::acos;
    n_atan float::atan;
    n_sinh float::sinh;
    n_cosh float::cosh;
    n_tanh float::tanh;
    n_asinh float::asinh;
    n_acosh float::acosh;
    n_atanh float::atanh;
    n_exp float::exp;
    n_exp2 float::exp2;
    n_expm1 float::expm1;
    n_log float::log;
    n_log2 float::log2;
    n_log10 float::log10;
    n_log1p float::log1p;
    n_logb float::logb;
    n_gamma float::gamma;
    n_erf float::erf;
    n_erfc float::erfc;
    n_erfinv float::erfinv;
    n_erfcinv float::erfcinv;
    n_j0 float::j0;
    n_j1 float::j1;
    n_y0 float::y0;
    n_y1 float::y1;
}
binary! {
    n_pow float::pow;
    n_atan2 float::atan2;
    n_hypot float::hypot;
    n_mod |x: f64, y: f64| x % y;
    n_remainder libm::remainder;
    n_max float::max;
    n_min float::min;
    n_dim float::dim;
    n_copysign f64::copysign;
    n_nextafter float::nextafter;
}
native!(n_nextafter32, 1, |c| {
    let (x, y) = (c.f32(), c.f32());
    c.ret(float::nextafter32(x, y).to_bits() as u64);
});
native!(n_fma, 1, |c| {
    let (x, y, z) = (c.f64(), c.f64(), c.f64());
    c.ret_f64(x.mul_add(y, z));
});
native!(n_jn, 1, |c| {
    let (n, x) = (c.int(), c.f64());
    c.ret_f64(float::jn(n, x));
});
native!(n_yn, 1, |c| {
    let (n, x) = (c.int(), c.f64());
    c.ret_f64(float::yn(n, x));
});
native!(n_pow10, 1, |c| {
    let n = c.int();
    c.ret_f64(float::pow10(n));
});
native!(n_ldexp, 1, |c| {
    let (f, exp) = (c.f64(), c.int());
    c.ret_f64(float::ldexp(f, exp));
});
native!(n_frexp, 2, |c| {
    let (frac, exp) = float::frexp(c.f64());
    c.ret_f64(frac).ret_int(exp);
});
native!(n_modf, 2, |c| {
    let (int, frac) = float::modf(c.f64());
    c.ret_f64(int).ret_f64(frac);
});
native!(n_sincos, 2, |c| {
    let (sin, cos) = float::sincos(c.f64());
    c.ret_f64(sin).ret_f64(cos);
});
native!(n_lgamma, 2, |c| {
    let (v, sign) = float::lgamma(c.f64());
    c.ret_f64(v).ret_int(sign);
});
native!(n_ilogb, 1, |c| {
    let x = c.f64();
    c.ret_int(float::ilogb(x));
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
    c.ret_bool(float::is_inf(f, sign));
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
