//! Hyperbolic functions: `sinh`, `cosh` and `tanh` after Cephes and its companions, their
//! inverses after msun (`s_asinh.c`, `e_acosh.c`, `e_atanh.c`).

use super::{NAN, down, exp, log, log1p};
use std::f64::consts::LN_2;

pub fn sinh(x: f64) -> f64 {
    let a = x.abs();
    let y = if a > 21.0 {
        exp(a) * 0.5
    } else if a > 0.5 {
        let e = exp(a);
        (e - 1.0 / e) * 0.5
    } else {
        let z = a * a;
        let p = down(
            z,
            [
                -0.2630563213397497062819489e+2,
                -0.2894211355989563807284660366e+4,
                -0.8991272022039509355398013511e+5,
                -0.6307673640497716991184787251e+6,
            ],
        );
        let q = down(
            z,
            [
                1.0,
                -0.173678953558233699533450911e+3,
                0.1521517378790019070696485176e+5,
                -0.6307673640497716991212077277e+6,
            ],
        );
        p * a / q
    };
    y.copysign(x)
}

pub fn cosh(x: f64) -> f64 {
    let a = x.abs();
    let e = exp(a);
    if a > 21.0 {
        e * 0.5
    } else {
        (e + 1.0 / e) * 0.5
    }
}

pub fn tanh(x: f64) -> f64 {
    /// The logarithm of 2^127.
    const MAX_LOG: f64 = 8.8029691931113054295988e+01;
    let a = x.abs();
    if a > 0.5 * MAX_LOG {
        1f64.copysign(x)
    } else if a >= 0.625 {
        let y = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
        if x < 0.0 { -y } else { y }
    } else if x == 0.0 {
        x
    } else {
        let z = x * x;
        let p = down(
            z,
            [
                -9.64399179425052238628e-1,
                -9.92877231001918586564e1,
                -1.61468768441708447952e3,
            ],
        );
        let q = down(
            z,
            [
                1.0,
                1.12811678491632931402e2,
                2.23548839060100448583e3,
                4.84406305325125486048e3,
            ],
        );
        x + x * z * p / q
    }
}

/// 2^28, beyond which one more does not count.
const LARGE: f64 = (1u64 << 28) as f64;

pub fn asinh(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let a = x.abs();
    let y = if a > LARGE {
        log(a) + LN_2
    } else if a > 2.0 {
        log(2.0 * a + 1.0 / ((a * a + 1.0).sqrt() + a))
    } else if a < 1.0 / LARGE {
        a
    } else {
        log1p(a + a * a / (1.0 + (1.0 + a * a).sqrt()))
    };
    if x < 0.0 {
        -y
    } else if x == 0.0 {
        x
    } else {
        y
    }
}

pub fn acosh(x: f64) -> f64 {
    if x < 1.0 || x.is_nan() {
        NAN
    } else if x == 1.0 {
        0.0
    } else if x >= LARGE {
        log(x) + LN_2
    } else if x > 2.0 {
        log(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt()))
    } else {
        let t = x - 1.0;
        log1p(t + (2.0 * t + t * t).sqrt())
    }
}

pub fn atanh(x: f64) -> f64 {
    let a = x.abs();
    if a > 1.0 || a.is_nan() {
        return NAN;
    }
    if a == 1.0 {
        return f64::INFINITY.copysign(x);
    }
    let y = if a < 1.0 / LARGE {
        a
    } else if a < 0.5 {
        let t = a + a;
        0.5 * log1p(t + t * a / (1.0 - a))
    } else {
        0.5 * log1p((a + a) / (1.0 - a))
    };
    if x < 0.0 {
        -y
    } else if x == 0.0 {
        x
    } else {
        y
    }
}
