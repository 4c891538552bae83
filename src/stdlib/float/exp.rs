//! Exponential functions.
#![allow(unsafe_code)]

use super::log::{LN2_HI, LN2_LO};
use super::{NAN, ldexp, up};

/// e^x, by Naoki Shibata's method: subtract a multiple of ln 2, divide by 16, sum the Taylor
/// series of e^x - 1, and square four times by (y+2)y. The products are fused into the sums
/// as processors with FMA do.
pub fn exp(x: f64) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the processor has the instructions.
        return unsafe { exp_fma(x) };
    }
    exp_with(x, libm::fma)
}

/// [`exp_with`] with the processor's own fused multiply-add.
///
/// # Safety
/// The processor has FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
unsafe fn exp_fma(x: f64) -> f64 {
    exp_with(x, f64::mul_add)
}

#[inline(always)]
fn exp_with(x: f64, fma: impl Fn(f64, f64, f64) -> f64) -> f64 {
    /// ln 2 in two parts.
    const HI: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
    const LO: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
    if x.is_nan() {
        return x;
    }
    if x >= 7.09782712893384e+02 {
        return f64::INFINITY;
    }
    if x < -7.45133219101941e+02 {
        return 0.0;
    }
    let k = (x * std::f64::consts::LOG2_E).round_ties_even();
    if k >= 1024.0 {
        // From 709.437 on: 2^k is no float64, and amd64 gives up here.
        return f64::INFINITY;
    }
    let r = fma(-k, LO, fma(-k, HI, x)) * 0.0625;
    let mut p = 2.4801587301587301587e-5;
    for c in [
        1.9841269841269841270e-4,
        1.3888888888888888889e-3,
        8.3333333333333333333e-3,
        4.1666666666666666667e-2,
        1.6666666666666666667e-1,
        0.5,
        1.0,
    ] {
        p = fma(p, r, c);
    }
    let mut y = p * r;
    for _ in 0..3 {
        y *= y + 2.0;
    }
    y = fma(y, y + 2.0, 1.0);
    ldexp(y, k as i64)
}

/// 2^k * e^(hi-lo), after msun's `e_exp.c`.
fn scaled(hi: f64, lo: f64, k: i64) -> f64 {
    const P: [f64; 5] = [
        1.66666666666666657415e-01,
        -2.77777777770155933842e-03,
        6.61375632143793436117e-05,
        -1.65339022054652515390e-06,
        4.13813679705723846039e-08,
    ];
    let r = hi - lo;
    let t = r * r;
    let c = r - t * up(t, &P);
    ldexp(1.0 - ((lo - (r * c) / (2.0 - c)) - hi), k)
}

/// 2^x.
pub fn exp2(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x > 1.0239999999999999e+03 {
        return f64::INFINITY;
    }
    if x < -1.0740e+03 {
        return 0.0;
    }
    let k = if x > 0.0 {
        (x + 0.5) as i64
    } else if x < 0.0 {
        (x - 0.5) as i64
    } else {
        0
    };
    let t = x - k as f64;
    scaled(t * LN2_HI, -t * LN2_LO, k)
}

/// e^x - 1; msun's, which ends a step before the largest number.
pub fn expm1(x: f64) -> f64 {
    if x >= 7.09782712893383973096e+02 {
        f64::INFINITY
    } else if x.is_nan() {
        NAN
    } else {
        libm::expm1(x)
    }
}
