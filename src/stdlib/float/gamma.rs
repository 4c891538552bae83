//! Gamma after Cephes (`gamma.c`), its logarithm after msun (`e_lgamma_r.c`).

use super::{NAN, cos, down, exp, log, pow, sin, up};
use std::f64::consts::PI;

/// Euler's constant.
const EULER: f64 = 0.57721566490153286060651209008240243104215933593992;

/// Gamma of large numbers by Stirling's formula, as two factors whose product may overflow
/// or, after division, need not.
fn stirling(x: f64) -> (f64, f64) {
    const SQRT_TWO_PI: f64 = 2.506628274631000502417;
    /// Beyond this, the power is taken in two halves.
    const SPLIT: f64 = 143.01608;
    if x > 200.0 {
        return (f64::INFINITY, 1.0);
    }
    let w = 1.0 / x;
    let w = 1.0
        + w * down(
            w,
            [
                7.87311395793093628397e-4,
                -2.29549961613378126380e-4,
                -2.68132617805781232825e-3,
                3.47222221605458667310e-3,
                8.33333333333482257126e-2,
            ],
        );
    let e = exp(x);
    let (a, b) = if x > SPLIT {
        let v = pow(x, 0.5 * x - 0.25);
        (v, v / e)
    } else {
        (pow(x, x - 0.5) / e, 1.0)
    };
    (a, SQRT_TWO_PI * w * b)
}

pub fn gamma(x: f64) -> f64 {
    if x.is_nan() || x == f64::NEG_INFINITY || x < 0.0 && x.floor() == x {
        return NAN;
    }
    if x == f64::INFINITY {
        return x;
    }
    if x == 0.0 {
        return f64::INFINITY.copysign(x);
    }
    let a = x.abs();
    if a > 33.0 {
        if x > 0.0 {
            let (p, q) = stirling(x);
            return p * q;
        }
        // By reflection.
        let mut int = a.floor();
        let sign = if int as i64 & 1 == 0 { -1.0 } else { 1.0 };
        let mut z = a - int;
        if z > 0.5 {
            int += 1.0;
            z = a - int;
        }
        let z = a * sin(PI * z);
        if z == 0.0 {
            return f64::INFINITY * sign;
        }
        let (p, q) = stirling(a);
        let z = z.abs();
        let d = z * p * q;
        return sign
            * if d.is_infinite() {
                PI / z / p / q
            } else {
                PI / d
            };
    }
    // Moved into [2, 3).
    let (mut x, mut z) = (x, 1.0);
    while x >= 3.0 {
        x -= 1.0;
        z *= x;
    }
    let near_zero = |x: f64, z: f64| {
        if x == 0.0 {
            f64::INFINITY
        } else {
            z / ((1.0 + EULER * x) * x)
        }
    };
    while x < 0.0 {
        if x > -1e-9 {
            return near_zero(x, z);
        }
        z /= x;
        x += 1.0;
    }
    while x < 2.0 {
        if x < 1e-9 {
            return near_zero(x, z);
        }
        z /= x;
        x += 1.0;
    }
    if x == 2.0 {
        return z;
    }
    x -= 2.0;
    let p = down(
        x,
        [
            1.60119522476751861407e-04,
            1.19135147006586384913e-03,
            1.04213797561761569935e-02,
            4.76367800457137231464e-02,
            2.07448227648435975150e-01,
            4.94214826801497100753e-01,
            9.99999999999999996796e-01,
        ],
    );
    let q = down(
        x,
        [
            -2.31581873324120129819e-05,
            5.39605580493303397842e-04,
            -4.45641913851797240494e-03,
            1.18139785222060435552e-02,
            3.58236398605498653373e-02,
            -2.34591795718243348568e-01,
            7.14304917030273074085e-02,
            1.00000000000000000320e+00,
        ],
    );
    z * p / q
}

/// -|sin(πx)| with the sign of the sine: sin(-πx) for x > 0.
fn sin_pi_minus(x: f64) -> f64 {
    const TWO52: f64 = (1u64 << 52) as f64;
    if x < 0.25 {
        return -sin(PI * x);
    }
    let (x, n) = if x.floor() != x {
        let r = x % 2.0;
        (r, (r * 4.0) as i64)
    } else {
        let odd = if x < 2.0 * TWO52 { x as i64 & 1 } else { 0 };
        (odd as f64, odd << 2)
    };
    -match n {
        0 => sin(PI * x),
        1 | 2 => cos(PI * (0.5 - x)),
        3 | 4 => sin(PI * (1.0 - x)),
        5 | 6 => -cos(PI * (x - 1.5)),
        _ => sin(PI * (x - 2.0)),
    }
}

/// log|Gamma(x)|, and Gamma's sign.
pub fn lgamma(x: f64) -> (f64, i64) {
    /// Where Gamma is least among positive numbers.
    const LEAST: f64 = 1.461632144968362245;
    if !x.is_finite() {
        return (x, 1);
    }
    if x == 0.0 {
        return (f64::INFINITY, 1);
    }
    let negative = x < 0.0;
    let x = x.abs();
    if x < f64::from_bits((1023 - 70) << 52) {
        return (-log(x), if negative { -1 } else { 1 });
    }
    let (mut reflected, mut sign) = (0.0, 1);
    if negative {
        if x >= (1u64 << 52) as f64 {
            return (f64::INFINITY, 1);
        }
        let t = sin_pi_minus(x);
        if t == 0.0 {
            return (f64::INFINITY, 1);
        }
        reflected = log(PI / (t * x).abs());
        if t < 0.0 {
            sign = -1;
        }
    }
    let v = if x == 1.0 || x == 2.0 {
        0.0
    } else if x < 2.0 {
        // Three expansions: at 2, at the minimum and at 1; below 0.9 those of x+1.
        let (base, y, at) = if x <= 0.9 {
            let base = -log(x);
            if x >= LEAST - 1.0 + 0.27 {
                (base, 1.0 - x, 2)
            } else if x >= LEAST - 1.0 - 0.27 {
                (base, x - (TC - 1.0), 0)
            } else {
                (base, x, 1)
            }
        } else if x >= LEAST + 0.27 {
            (0.0, 2.0 - x, 2)
        } else if x >= LEAST - 0.27 {
            (0.0, x - TC, 0)
        } else {
            (0.0, x - 1.0, 1)
        };
        base + match at {
            2 => {
                let z = y * y;
                y * up(z, &A_EVEN) + z * up(z, &A_ODD) - 0.5 * y
            }
            0 => {
                let z = y * y;
                let w = z * y;
                let tail = TT - w * (up(w, &T1) + y * up(w, &T2));
                TF + (z * up(w, &T0) - tail)
            }
            _ => -0.5 * y + y * up(y, &U) / (1.0 + y * up(y, &V)),
        }
    } else if x < 8.0 {
        let n = x as i64;
        let y = x - n as f64;
        let v = 0.5 * y + y * up(y, &S) / (1.0 + y * up(y, &R));
        // lgamma(1+y) = log(y) + lgamma(y).
        let mut z = 1.0;
        for i in (2..n).rev() {
            z *= y + i as f64;
        }
        if n >= 3 { v + log(z) } else { v }
    } else if x < (1u64 << 58) as f64 {
        let t = log(x);
        let z = 1.0 / x;
        let w = W0 + z * up(z * z, &W);
        (x - 0.5) * (t - 1.0) + w
    } else {
        x * (log(x) - 1.0)
    };
    (if negative { reflected - v } else { v }, sign)
}

/// Where lgamma is least, in float64, lgamma there in two parts.
const TC: f64 = 1.46163214496836224576e+00;
const TF: f64 = -1.21486290535849611461e-01;
const TT: f64 = -3.63867699703950536541e-18;
/// Near 2: odd powers.
const A_EVEN: [f64; 6] = [
    7.72156649015328655494e-02,
    6.73523010531292681824e-02,
    7.38555086081402883957e-03,
    1.19270763183362067845e-03,
    2.20862790713908385557e-04,
    2.52144565451257326939e-05,
];
/// Near 2: even powers.
const A_ODD: [f64; 6] = [
    3.22467033424113591611e-01,
    2.05808084325167332806e-02,
    2.89051383673415629091e-03,
    5.10069792153511336608e-04,
    1.08011567247583939954e-04,
    4.48640949618915160150e-05,
];
/// Near the minimum, three interleaved series.
const T0: [f64; 5] = [
    4.83836122723810047042e-01,
    -3.27885410759859649565e-02,
    6.10053870246291332635e-03,
    -1.40346469989232843813e-03,
    3.15632070903625950361e-04,
];
/// The second.
const T1: [f64; 5] = [
    -1.47587722994593911752e-01,
    1.79706750811820387126e-02,
    -3.68452016781138256760e-03,
    8.81081882437654011382e-04,
    -3.12754168375120860518e-04,
];
/// The third.
const T2: [f64; 5] = [
    6.46249402391333854778e-02,
    -1.03142241298341437450e-02,
    2.25964780900612472250e-03,
    -5.38595305356740546715e-04,
    3.35529192635519073543e-04,
];
/// Near 1.
const U: [f64; 6] = [
    -7.72156649015328655494e-02,
    6.32827064025093366517e-01,
    1.45492250137234768737e+00,
    9.77717527963372745603e-01,
    2.28963728064692451092e-01,
    1.33810918536787660377e-02,
];
/// Its denominator.
const V: [f64; 5] = [
    2.45597793713041134822e+00,
    2.12848976379893395361e+00,
    7.69285150456672783825e-01,
    1.04222645593369134254e-01,
    3.21709242282423911810e-03,
];
/// From 2 to 3.
const S: [f64; 7] = [
    -7.72156649015328655494e-02,
    2.14982415960608852501e-01,
    3.25778796408930981787e-01,
    1.46350472652464452805e-01,
    2.66422703033638609560e-02,
    1.84028451407337715652e-03,
    3.19475326584100867617e-05,
];
/// Its denominator.
const R: [f64; 6] = [
    1.39200533467621045958e+00,
    7.21935547567138069525e-01,
    1.71933865632803078993e-01,
    1.86459191715652901344e-02,
    7.77942496381893596434e-04,
    7.32668430744625636189e-06,
];
/// Stirling's series.
const W: [f64; 6] = [
    8.33333333333329678849e-02,
    -2.77777777728775536470e-03,
    7.93650558643019558500e-04,
    -5.95187557450339963135e-04,
    8.36339918996282139126e-04,
    -1.63092934096575273989e-03,
];
const W0: f64 = 4.18938533204672725052e-01;
