//! Trigonometric functions and their inverses, after Cephes (`sin.c`, `tan.c`, `asin.c`,
//! `atan.c`).
//!
//! An argument is reduced to an octant in three steps of extended precision, or, where
//! those would lose bits, by the method of Payne and Hanek: multiplying the mantissa by
//! just those bits of 4/π that matter.

use super::{NAN, down};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// π/4 in three parts; products of the first two with octant numbers are exact.
const PI4: [f64; 3] = [
    7.85398125648498535156e-1,
    3.77489470793079817668e-8,
    2.69515142907905952645e-15,
];

/// From here on the three parts of π/4 do not suffice.
const LARGE: f64 = (1u64 << 29) as f64;

/// 4/π: the integer part, then its fraction in binary.
#[rustfmt::skip]
const FOUR_OVER_PI: [u64; 20] = [
    0x0000_0000_0000_0001, 0x45f3_06dc_9c88_2a53, 0xf84e_afa3_ea69_bb81, 0xb6c5_2b32_7887_2083,
    0xfca2_c757_bd77_8ac3, 0x6e48_dc74_849b_a5c0, 0x0c92_5dd4_13a3_2439, 0xfc3b_d639_6253_4e7d,
    0xd104_6bea_5d76_8909, 0xd338_e04d_68be_fc82, 0x7323_ac73_06a6_73e9, 0x3908_bf17_7bf2_5076,
    0x3ff1_2fff_bc0b_301f, 0xde5e_2316_b414_da3e, 0xda6c_fd9e_4f96_136e, 0x9e8c_7ecd_3cbf_d45a,
    0xea4f_758f_d7cb_e2f6, 0x7a0e_73ef_14a5_25d4, 0xd7f6_bf62_3f1a_ba10, 0xac06_608d_f8f6_d757,
];

/// Octant (modulo 8, made even) and rest in [-π/4, π/4] of x >= 0.
#[inline(always)]
fn reduce(x: f64) -> (u32, f64) {
    if x >= LARGE {
        return reduce_large(x);
    }
    let mut octant = (x * (4.0 / PI)) as u32;
    let mut y = f64::from(octant);
    if octant & 1 == 1 {
        octant += 1;
        y += 1.0;
    }
    (octant & 7, ((x - y * PI4[0]) - y * PI4[1]) - y * PI4[2])
}

/// As [`reduce`], for large numbers (Payne and Hanek).
#[cold]
#[inline(never)]
fn reduce_large(x: f64) -> (u32, f64) {
    let bits = x.to_bits();
    let exp = (bits >> 52 & 0x7ff) as i32 - 1023 - 52;
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    // 192 bits of 4/π, so placed that the product's top three bits are the octant.
    let at = (exp + 61) as usize;
    let (word, shift) = (at / 64, at as u32 % 64);
    let window = |i: usize| {
        let (a, b) = (FOUR_OVER_PI[word + i], FOUR_OVER_PI[word + i + 1]);
        if shift == 0 {
            a
        } else {
            a << shift | b >> (64 - shift)
        }
    };
    let wide = |a: u64| u128::from(a) * u128::from(mantissa);
    let product = (u128::from(window(0).wrapping_mul(mantissa)) << 64)
        .wrapping_add(wide(window(1)))
        .wrapping_add(wide(window(2)) >> 64);
    let octant = (product >> 125) as u32;
    // The fraction becomes a number in [0, 1), cut rather than rounded.
    let fraction = (product >> 61) as u64;
    let zeros = fraction.leading_zeros().min(62);
    // The low word is taken unshifted, as Go takes it; it matters next to multiples of π/4.
    let significant = fraction << (zeros + 1) | product as u64 >> (63 - zeros);
    let z = f64::from_bits(u64::from(1023 - (zeros + 1)) << 52 | significant >> 12);
    if octant & 1 == 1 {
        ((octant + 1) & 7, (z - 1.0) * FRAC_PI_4)
    } else {
        (octant, z * FRAC_PI_4)
    }
}

/// Sine on [-π/4, π/4].
#[inline(always)]
fn sine(z: f64) -> f64 {
    let zz = z * z;
    let p = down(
        zz,
        [
            1.58962301576546568060e-10,
            -2.50507477628578072866e-8,
            2.75573136213857245213e-6,
            -1.98412698295895385996e-4,
            8.33333333332211858878e-3,
            -1.66666666666666307295e-1,
        ],
    );
    z + z * zz * p
}
/// Cosine on [-π/4, π/4].
#[inline(always)]
fn cosine(z: f64) -> f64 {
    let zz = z * z;
    let p = down(
        zz,
        [
            -1.13585365213876817300e-11,
            2.08757008419747316778e-9,
            -2.75573141792967388112e-7,
            2.48015872888517045348e-5,
            -1.38888888888730564116e-3,
            4.16666666666665929218e-2,
        ],
    );
    1.0 - 0.5 * zz + zz * zz * p
}

pub fn sin(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return NAN;
    }
    let (octant, z) = reduce(x.abs());
    let y = if octant & 2 != 0 { cosine(z) } else { sine(z) };
    if (octant > 3) != (x < 0.0) { -y } else { y }
}

pub fn cos(x: f64) -> f64 {
    if !x.is_finite() {
        return NAN;
    }
    let (octant, z) = reduce(x.abs());
    let y = if octant & 2 != 0 { sine(z) } else { cosine(z) };
    if matches!(octant, 2..=5) { -y } else { y }
}

/// Sine and cosine.
pub fn sincos(x: f64) -> (f64, f64) {
    if x == 0.0 {
        return (x, 1.0);
    }
    if !x.is_finite() {
        return (NAN, NAN);
    }
    let (octant, z) = reduce(x.abs());
    let (s, c) = match octant & 2 {
        0 => (sine(z), cosine(z)),
        _ => (cosine(z), sine(z)),
    };
    (
        if (octant > 3) != (x < 0.0) { -s } else { s },
        if matches!(octant, 2..=5) { -c } else { c },
    )
}

pub fn tan(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return NAN;
    }
    let (octant, z) = reduce(x.abs());
    let zz = z * z;
    let mut y = z;
    if zz > 1e-14 {
        let p = down(
            zz,
            [
                -1.3093693918138379e4,
                1.15351664838587416140e6,
                -1.79565251976484877988e7,
            ],
        );
        let q = down(
            zz,
            [
                1.0,
                1.36812963470692954678e4,
                -1.32089234440210967447e6,
                2.50083801823357915839e7,
                -5.38695755929454629881e7,
            ],
        );
        y = z + z * (zz * p / q);
    }
    if octant & 2 != 0 {
        y = -1.0 / y;
    }
    if x < 0.0 { -y } else { y }
}

/// Arc tangent on [0, 0.66].
#[inline(always)]
fn arc(x: f64) -> f64 {
    let z = x * x;
    let p = down(
        z,
        [
            -8.750608600031904122785e-01,
            -1.615753718733365076637e+01,
            -7.500855792314704667340e+01,
            -1.228866684490136173410e+02,
            -6.485021904942025371773e+01,
        ],
    );
    let q = down(
        z,
        [
            1.0,
            2.485846490142306297962e+01,
            1.650270098316988542046e+02,
            4.328810604912902668951e+02,
            4.853903996359136964868e+02,
            1.945506571482613964425e+02,
        ],
    );
    x * (z * p / q) + x
}
/// Arc tangent of numbers that are not negative.
#[inline(always)]
fn arc_positive(x: f64) -> f64 {
    /// What π/2 lacks as a float64.
    const MORE: f64 = 6.123233995736765886130e-17;
    /// tan(3π/8).
    const SPLIT: f64 = 2.41421356237309504880;
    if x <= 0.66 {
        arc(x)
    } else if x > SPLIT {
        FRAC_PI_2 - arc(1.0 / x) + MORE
    } else {
        FRAC_PI_4 + arc((x - 1.0) / (x + 1.0)) + 0.5 * MORE
    }
}

pub fn atan(x: f64) -> f64 {
    if x == 0.0 {
        x
    } else if x > 0.0 {
        arc_positive(x)
    } else {
        -arc_positive(-x)
    }
}

pub fn asin(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let a = x.abs();
    if a > 1.0 || a.is_nan() {
        return NAN;
    }
    let root = (1.0 - a * a).sqrt();
    let y = if a > 0.7 {
        FRAC_PI_2 - arc_positive(root / a)
    } else {
        arc_positive(a / root)
    };
    if x < 0.0 { -y } else { y }
}

pub fn acos(x: f64) -> f64 {
    FRAC_PI_2 - asin(x)
}

pub fn atan2(y: f64, x: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return NAN;
    }
    let behind = x.is_sign_negative();
    if y == 0.0 {
        return if behind {
            PI.copysign(y)
        } else {
            0f64.copysign(y)
        };
    }
    if x == 0.0 {
        return FRAC_PI_2.copysign(y);
    }
    if x.is_infinite() {
        let a = match (y.is_infinite(), behind) {
            (true, false) => FRAC_PI_4,
            (true, true) => 3.0 * PI / 4.0,
            (false, false) => 0.0,
            (false, true) => PI,
        };
        return a.copysign(y);
    }
    if y.is_infinite() {
        return FRAC_PI_2.copysign(y);
    }
    let q = atan(y / x);
    if !behind {
        q
    } else if q <= 0.0 {
        q + PI
    } else {
        q - PI
    }
}
