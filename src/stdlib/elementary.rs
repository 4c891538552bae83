//! Elementary functions with the results of Go's `math` on amd64, to the last bit: the
//! same approximations (Cephes, FreeBSD's msun) evaluated in the same order. The system's
//! functions round differently, which shows in programs that print floats.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, LN_2, LOG2_E, LOG10_E, PI};

use super::math::{frexp, ldexp, modf};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// A polynomial by Horner's rule, highest coefficient first.
#[inline(always)]
pub(super) fn poly(x: f64, c: &[f64]) -> f64 {
    c[1..].iter().fold(c[0], |sum, c| sum * x + c)
}
/// A polynomial whose highest coefficient is 1.
#[inline(always)]
fn poly1(x: f64, c: &[f64]) -> f64 {
    c[1..].iter().fold(x + c[0], |sum, c| sum * x + c)
}

// ----- exponentials and logarithms -----

/// x without its multiple k of ln 2, over 16; then Taylor's series and four squarings of
/// 1+y, all in terms of y alone. `mad` is a*b+c.
#[inline(always)]
fn exp_with(x: f64, mad: impl Fn(f64, f64, f64) -> f64) -> f64 {
    const LN2_HIGH: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
    const LN2_LOW: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
    if !x.is_finite() {
        return if x == -INF { 0.0 } else { x };
    }
    if x > 7.097_827_128_933_84e+02 {
        return INF;
    }
    let k = (x * LOG2_E).round_ties_even();
    if k < -1100.0 {
        return 0.0;
    }
    let mut y = mad(-k, LN2_LOW, mad(-k, LN2_HIGH, x)) * 0.0625;
    let mut s = 2.480_158_730_158_730_158_7e-5;
    for c in [
        1.984_126_984_126_984_127_0e-4,
        1.388_888_888_888_888_888_9e-3,
        8.333_333_333_333_333_333_3e-3,
        4.166_666_666_666_666_666_7e-2,
        1.666_666_666_666_666_666_7e-1,
        0.5,
        1.0,
    ] {
        s = mad(y, s, c);
    }
    y *= s;
    for _ in 0..3 {
        y *= y + 2.0;
    }
    y = mad(y + 2.0, y, 1.0);
    let power = |e: i64| f64::from_bits((e as u64) << 52);
    match k as i64 + 0x3ff {
        e if e >= 0x7ff => INF,
        e if e > 0 => y * power(e),
        e if e >= -52 => y * power(e + 0x3fe) * power(1),
        _ => 0.0,
    }
}

#[cfg(target_arch = "x86_64")]
mod fused {
    #![allow(unsafe_code)]
    use std::sync::LazyLock;

    #[target_feature(enable = "fma")]
    fn with_fma(x: f64) -> f64 {
        super::exp_with(x, f64::mul_add)
    }
    pub fn exp(x: f64) -> f64 {
        // As Go does: fused where the processor can.
        static FMA: LazyLock<bool> =
            LazyLock::new(|| is_x86_feature_detected!("fma") && is_x86_feature_detected!("avx"));
        if *FMA {
            // SAFETY: the processor has these instructions.
            unsafe { with_fma(x) }
        } else {
            super::exp_with(x, |a, b, c| a * b + c)
        }
    }
}
#[cfg(not(target_arch = "x86_64"))]
mod fused {
    pub fn exp(x: f64) -> f64 {
        super::exp_with(x, f64::mul_add)
    }
}
pub use fused::exp;

const LN2_HI: f64 = 6.931_471_803_691_238_164_90e-01;
const LN2_LO: f64 = 1.908_214_929_270_587_700_02e-10;
/// Remez coefficients of (ln(1+f) - ln(1-f)) in msun's logarithms.
const LG: [f64; 7] = [
    6.666_666_666_666_735_130e-01,
    3.999_999_999_940_941_908e-01,
    2.857_142_874_366_239_149e-01,
    2.222_219_843_214_978_396e-01,
    1.818_357_216_161_805_012e-01,
    1.531_383_769_920_937_332e-01,
    1.479_819_860_511_658_591e-01,
];

pub fn log(x: f64) -> f64 {
    if x == 0.0 {
        return -INF;
    }
    if x < 0.0 {
        return NAN;
    }
    if !x.is_finite() {
        return x;
    }
    // Subnormal numbers are not brought into form; Go's assembly does not either.
    let bits = x.to_bits();
    let mut f = f64::from_bits(bits & ((1 << 52) - 1) | 0.5f64.to_bits());
    let mut k = ((bits >> 52) as i64 - 0x3fe) as f64;
    if f <= std::f64::consts::FRAC_1_SQRT_2 {
        k -= 1.0;
        f *= 2.0;
    }
    f -= 1.0;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let t1 = s2 * (LG[0] + s4 * (LG[2] + s4 * (LG[4] + s4 * LG[6])));
    let t2 = s4 * (LG[1] + s4 * (LG[3] + s4 * LG[5]));
    let r = t1 + t2;
    let half = 0.5 * f * f;
    k * LN2_HI - ((half - (s * (half + r) + k * LN2_LO)) - f)
}
pub fn log10(x: f64) -> f64 {
    log(x) * LOG10_E
}
/// Exact for powers of two.
pub fn log2(x: f64) -> f64 {
    let (frac, exp) = frexp(x);
    if frac == 0.5 {
        (exp - 1) as f64
    } else {
        log(frac) * LOG2_E + exp as f64
    }
}
/// The logarithm of 1+x, with the rounding error of the sum taken into account.
pub fn log1p(x: f64) -> f64 {
    if x < -1.0 || x.is_nan() {
        return NAN;
    }
    if x == -1.0 {
        return -INF;
    }
    if x == INF {
        return INF;
    }
    let a = x.abs();
    let (mut k, mut f, mut c) = (0i64, x, 0.0);
    let mut near = false;
    if a < 4.142_135_623_730_950_488_017e-01 && a < 1.0 / (1u64 << 29) as f64 {
        return if a < 1.0 / (1u64 << 54) as f64 {
            x
        } else {
            x - x * x * 0.5
        };
    }
    if !(a < 4.142_135_623_730_950_488_017e-01 && x > -2.928_932_188_134_524_755_992e-01) {
        let mut u = if a < (1u64 << 53) as f64 { 1.0 + x } else { x };
        let mut bits = u.to_bits();
        k = (bits >> 52) as i64 - 1023;
        if a < (1u64 << 53) as f64 {
            c = if k > 0 { 1.0 - (u - x) } else { x - (u - 1.0) };
            c /= u;
        }
        bits &= (1 << 52) - 1;
        if bits < 0x0006_a09e_667f_3bcd {
            u = f64::from_bits(bits | 0x3ff0_0000_0000_0000);
        } else {
            k += 1;
            u = f64::from_bits(bits | 0x3fe0_0000_0000_0000);
            bits = (0x0010_0000_0000_0000 - bits) >> 2;
        }
        near = bits == 0;
        f = u - 1.0;
    }
    let half = 0.5 * f * f;
    let kf = k as f64;
    if near {
        if f == 0.0 {
            return if k == 0 {
                0.0
            } else {
                kf * LN2_HI + (c + kf * LN2_LO)
            };
        }
        let r = half * (1.0 - 0.666_666_666_666_666_66 * f);
        return if k == 0 {
            f - r
        } else {
            kf * LN2_HI - ((r - (kf * LN2_LO + c)) - f)
        };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z
        * (LG[0] + z * (LG[1] + z * (LG[2] + z * (LG[3] + z * (LG[4] + z * (LG[5] + z * LG[6]))))));
    if k == 0 {
        f - (half - s * (half + r))
    } else {
        kf * LN2_HI - ((half - (s * (half + r) + (kf * LN2_LO + c))) - f)
    }
}
pub fn exp2(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 1.023_999_999_999_999_9e+03 {
        return INF;
    }
    if x < -1.0740e+03 {
        return 0.0;
    }
    let k = if x > 0.0 {
        (x + 0.5).trunc()
    } else {
        (x - 0.5).trunc()
    };
    let t = x - k;
    let (hi, lo) = (t * LN2_HI, -t * LN2_LO);
    let r = hi - lo;
    let t = r * r;
    let c = r - t
        * (1.666_666_666_666_666_574_15e-01
            + t * (-2.777_777_777_701_559_338_42e-03
                + t * (6.613_756_321_437_934_361_17e-05
                    + t * (-1.653_390_220_546_525_153_90e-06
                        + t * 4.138_136_797_057_238_460_39e-08))));
    let y = 1.0 - ((lo - (r * c) / (2.0 - c)) - hi);
    ldexp(y, k as i64)
}

// ----- powers -----

fn is_odd(x: f64) -> bool {
    let (int, frac) = modf(x);
    x.abs() < (1u64 << 53) as f64 && frac == 0.0 && int as i64 & 1 == 1
}
/// x to the y: the whole part of y by squaring on mantissa and exponent apart, the rest by
/// exp and log.
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
        let odd = x.is_sign_negative() && is_odd(y);
        return match (y < 0.0, odd) {
            (true, true) => -INF,
            (true, false) => INF,
            (false, true) => x,
            (false, false) => 0.0,
        };
    }
    let to_infinity = |up: bool| match () {
        _ if x == -1.0 => 1.0,
        _ if (x.abs() < 1.0) == up => 0.0,
        _ => INF,
    };
    if y.is_infinite() {
        return to_infinity(y > 0.0);
    }
    if x.is_infinite() {
        if x < 0.0 {
            return pow(1.0 / x, -y);
        }
        return if y < 0.0 { 0.0 } else { INF };
    }
    if y == 0.5 {
        return x.sqrt();
    }
    if y == -0.5 {
        return 1.0 / x.sqrt();
    }
    let (mut whole, mut frac) = modf(y.abs());
    if frac != 0.0 && x < 0.0 {
        return NAN;
    }
    if whole >= (1u64 << 63) as f64 {
        return to_infinity(y > 0.0);
    }
    let (mut mant, mut exp) = (1.0, 0i64);
    if frac != 0.0 {
        if frac > 0.5 {
            frac -= 1.0;
            whole += 1.0;
        }
        mant = fused::exp(frac * log(x));
    }
    let (mut m, mut e) = frexp(x);
    let mut i = whole as i64;
    while i != 0 {
        if !(-(1 << 12)..=1 << 12).contains(&e) {
            // Overflow or underflow is certain.
            exp += e;
            break;
        }
        if i & 1 == 1 {
            mant *= m;
            exp += e;
        }
        m *= m;
        e <<= 1;
        if m < 0.5 {
            m += m;
            e -= 1;
        }
        i >>= 1;
    }
    if y < 0.0 {
        mant = 1.0 / mant;
        exp = -exp;
    }
    ldexp(mant, exp)
}
/// msun's cube root: a guess from the bits, a rational correction, one Newton step.
pub fn cbrt(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let a = x.abs();
    let mut t = if a < f64::MIN_POSITIVE {
        f64::from_bits((a * (1u64 << 54) as f64).to_bits() / 3 + (696_219_795 << 32))
    } else {
        f64::from_bits(a.to_bits() / 3 + (715_094_163 << 32))
    };
    let r = t * t / a;
    let s = 5.428_571_428_571_428_159_06e-01 + r * t;
    t *= 3.571_428_571_428_571_507_87e-01
        + 1.607_142_857_142_857_206_30e+00
            / (s + 1.414_285_714_285_714_368_19e+00 + -7.053_061_224_489_796_110_50e-01 / s);
    t = f64::from_bits((t.to_bits() & (0xF_FFFF_FFFC << 28)) + (1 << 30));
    let s = t * t;
    let r = a / s;
    let w = t + t;
    let r = (r - t) / (w + r);
    (t + t * r).copysign(x)
}
pub fn hypot(p: f64, q: f64) -> f64 {
    if p.is_infinite() || q.is_infinite() {
        return INF;
    }
    if p.is_nan() || q.is_nan() {
        return NAN;
    }
    let (p, q) = (p.abs(), q.abs());
    let (max, min) = if p < q { (q, p) } else { (p, q) };
    if max == 0.0 {
        return 0.0;
    }
    let r = min / max;
    max * (r * r + 1.0).sqrt()
}

// ----- circular functions -----

const SIN: [f64; 6] = [
    1.589_623_015_765_465_680_60e-10,
    -2.505_074_776_285_780_728_66e-8,
    2.755_731_362_138_572_452_13e-6,
    -1.984_126_982_958_953_859_96e-4,
    8.333_333_333_322_118_588_78e-3,
    -1.666_666_666_666_663_072_95e-1,
];
const COS: [f64; 6] = [
    -1.135_853_652_138_768_173_00e-11,
    2.087_570_084_197_473_167_78e-9,
    -2.755_731_417_929_673_881_12e-7,
    2.480_158_728_885_170_453_48e-5,
    -1.388_888_888_887_305_641_16e-3,
    4.166_666_666_666_659_292_18e-2,
];

/// The octant of x (even, not reduced to 8) and the angle from its middle, x >= 0.
fn reduce(x: f64) -> (u64, f64) {
    if x >= (1 << 29) as f64 {
        return reduce_large(x);
    }
    // pi/4 in three parts whose products with y are exact.
    const A: f64 = 7.853_981_256_484_985_351_56e-1;
    const B: f64 = 3.774_894_707_930_798_176_68e-8;
    const C: f64 = 2.695_151_429_079_059_526_45e-15;
    let mut j = (x * 1.273_239_544_735_162_686_151_070_106_980_114_9) as u64;
    j += j & 1;
    let y = j as f64;
    (j, ((x - y * A) - y * B) - y * C)
}
/// Payne and Hanek: multiplies by the bits of 4/pi that matter.
fn reduce_large(x: f64) -> (u64, f64) {
    /// 4/pi: one bit before the point, then 19 words.
    const FOUR_OVER_PI: [u64; 20] = [
        0x0000_0000_0000_0001,
        0x45f3_06dc_9c88_2a53,
        0xf84e_afa3_ea69_bb81,
        0xb6c5_2b32_7887_2083,
        0xfca2_c757_bd77_8ac3,
        0x6e48_dc74_849b_a5c0,
        0x0c92_5dd4_13a3_2439,
        0xfc3b_d639_6253_4e7d,
        0xd104_6bea_5d76_8909,
        0xd338_e04d_68be_fc82,
        0x7323_ac73_06a6_73e9,
        0x3908_bf17_7bf2_5076,
        0x3ff1_2fff_bc0b_301f,
        0xde5e_2316_b414_da3e,
        0xda6c_fd9e_4f96_136e,
        0x9e8c_7ecd_3cbf_d45a,
        0xea4f_758f_d7cb_e2f6,
        0x7a0e_73ef_14a5_25d4,
        0xd7f6_bf62_3f1a_ba10,
        0xac06_608d_f8f6_d757,
    ];
    let bits = x.to_bits();
    let exp = (bits >> 52 & 0x7ff) as i64 - 1023 - 52;
    let mant = bits & ((1 << 52) - 1) | 1 << 52;
    let (digit, shift) = ((exp + 61) as usize / 64, (exp + 61) as u32 % 64);
    let word = |i: usize| {
        let pair =
            u128::from(FOUR_OVER_PI[digit + i]) << 64 | u128::from(FOUR_OVER_PI[digit + i + 1]);
        (pair << shift >> 64) as u64
    };
    let (z0, z1, z2) = (word(0), word(1), word(2));
    let low = u128::from(z1) * u128::from(mant) + (u128::from(z2) * u128::from(mant) >> 64);
    let product = low.wrapping_add(u128::from(z0.wrapping_mul(mant)) << 64);
    let mut j = (product >> 125) as u64;
    let frac = product << 3;
    let zeros = ((frac >> 64) as u64).leading_zeros();
    let mant = (frac.wrapping_shl(zeros + 1) >> 64) as u64 >> 12;
    let mut z = f64::from_bits(mant | (1023 - u64::from(zeros + 1)) << 52);
    if j & 1 == 1 {
        j = (j + 1) & 7;
        z -= 1.0;
    }
    (j, z * FRAC_PI_4)
}
fn sine_series(z: f64) -> f64 {
    let zz = z * z;
    z + z * zz * poly(zz, &SIN)
}
fn cosine_series(z: f64) -> f64 {
    let zz = z * z;
    1.0 - 0.5 * zz + zz * zz * poly(zz, &COS)
}
pub fn sin(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return NAN;
    }
    let (j, z) = reduce(x.abs());
    let y = if j & 3 == 2 {
        cosine_series(z)
    } else {
        sine_series(z)
    };
    if (x < 0.0) != (j & 4 != 0) { -y } else { y }
}
pub fn cos(x: f64) -> f64 {
    if !x.is_finite() {
        return NAN;
    }
    let (j, z) = reduce(x.abs());
    let y = if j & 3 == 2 {
        sine_series(z)
    } else {
        cosine_series(z)
    };
    if (j & 4 != 0) != (j & 3 == 2) { -y } else { y }
}
pub fn tan(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return NAN;
    }
    let (j, z) = reduce(x.abs());
    let zz = z * z;
    let mut y = z;
    if zz > 1e-14 {
        let p = poly(
            zz,
            &[
                -1.309_369_391_813_837_776_46e4,
                1.153_516_648_385_874_161_40e6,
                -1.795_652_519_764_848_779_88e7,
            ],
        );
        let q = poly1(
            zz,
            &[
                1.368_129_634_706_929_546_78e4,
                -1.320_892_344_402_109_674_47e6,
                2.500_838_018_233_579_158_39e7,
                -5.386_957_559_294_546_298_81e7,
            ],
        );
        y = z + z * (zz * p / q);
    }
    if j & 2 == 2 {
        y = -1.0 / y;
    }
    if x < 0.0 { -y } else { y }
}

/// The arc tangent for 0 <= x <= 0.66.
fn atan_small(x: f64) -> f64 {
    let z = x * x;
    let p = poly(
        z,
        &[
            -8.750_608_600_031_904_122_785e-01,
            -1.615_753_718_733_365_076_637e+01,
            -7.500_855_792_314_704_667_340e+01,
            -1.228_866_684_490_136_173_410e+02,
            -6.485_021_904_942_025_371_773e+01,
        ],
    );
    let q = poly1(
        z,
        &[
            2.485_846_490_142_306_297_962e+01,
            1.650_270_098_316_988_542_046e+02,
            4.328_810_604_912_902_668_951e+02,
            4.853_903_996_359_136_964_868e+02,
            1.945_506_571_482_613_964_425e+02,
        ],
    );
    x * (z * p / q) + x
}
fn atan_positive(x: f64) -> f64 {
    /// What pi/2 has beyond a double.
    const REST: f64 = 6.123_233_995_736_765_886_130e-17;
    if x <= 0.66 {
        atan_small(x)
    } else if x > 2.414_213_562_373_095_048_80 {
        FRAC_PI_2 - atan_small(1.0 / x) + REST
    } else {
        FRAC_PI_4 + atan_small((x - 1.0) / (x + 1.0)) + 0.5 * REST
    }
}
pub fn atan(x: f64) -> f64 {
    if x == 0.0 {
        x
    } else if x > 0.0 {
        atan_positive(x)
    } else {
        -atan_positive(-x)
    }
}
pub fn asin(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let a = x.abs();
    if a > 1.0 {
        return NAN;
    }
    let root = (1.0 - a * a).sqrt();
    let y = if a > 0.7 {
        FRAC_PI_2 - atan_positive(root / a)
    } else {
        atan_positive(a / root)
    };
    if x < 0.0 { -y } else { y }
}
pub fn acos(x: f64) -> f64 {
    FRAC_PI_2 - asin(x)
}
pub fn atan2(y: f64, x: f64) -> f64 {
    if y.is_nan() || x.is_nan() {
        return NAN;
    }
    if y == 0.0 {
        let to = if x.is_sign_negative() { PI } else { 0.0 };
        return to.copysign(y);
    }
    if x == 0.0 {
        return FRAC_PI_2.copysign(y);
    }
    if x.is_infinite() {
        let to = match (x > 0.0, y.is_infinite()) {
            (true, true) => FRAC_PI_4,
            (true, false) => 0.0,
            (false, true) => 2.356_194_490_192_344_928_846_982_537_459_627_2,
            (false, false) => PI,
        };
        return to.copysign(y);
    }
    if y.is_infinite() {
        return FRAC_PI_2.copysign(y);
    }
    let q = atan(y / x);
    if x >= 0.0 {
        q
    } else if q <= 0.0 {
        q + PI
    } else {
        q - PI
    }
}

// ----- hyperbolic functions -----

pub fn sinh(x: f64) -> f64 {
    let a = x.abs();
    let y = if a > 21.0 {
        exp(a) * 0.5
    } else if a > 0.5 {
        let e = exp(a);
        (e - 1.0 / e) * 0.5
    } else {
        let s = a * a;
        let p = poly(
            s,
            &[
                -0.263_056_321_339_749_706_281_948_9e+2,
                -0.289_421_135_598_956_380_728_466_036_6e+4,
                -0.899_127_202_203_950_935_539_801_351_1e+5,
                -0.630_767_364_049_771_699_118_478_725_1e+6,
            ],
        ) * a;
        p / poly1(
            s,
            &[
                -0.173_678_953_558_233_699_533_450_911e+3,
                0.152_151_737_879_001_907_069_648_517_6e+5,
                -0.630_767_364_049_771_699_121_207_727_7e+6,
            ],
        )
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
    let a = x.abs();
    if a > 0.5 * 8.802_969_193_111_305_429_598_8e+01 {
        1f64.copysign(x)
    } else if a >= 0.625 {
        let s = exp(2.0 * a);
        let y = 1.0 - 2.0 / (s + 1.0);
        if x < 0.0 { -y } else { y }
    } else if x == 0.0 {
        x
    } else {
        let s = x * x;
        let p = poly(
            s,
            &[
                -9.643_991_794_250_522_386_28e-1,
                -9.928_772_310_019_185_865_64e1,
                -1.614_687_684_417_084_479_52e3,
            ],
        );
        let q = poly1(
            s,
            &[
                1.128_116_784_916_329_314_02e2,
                2.235_488_390_601_004_485_83e3,
                4.844_063_053_251_254_860_48e3,
            ],
        );
        x + x * s * p / q
    }
}
pub fn asinh(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let a = x.abs();
    let y = if a > (1 << 28) as f64 {
        log(a) + LN_2
    } else if a > 2.0 {
        log(2.0 * a + 1.0 / ((a * a + 1.0).sqrt() + a))
    } else if a < 1.0 / (1 << 28) as f64 {
        a
    } else {
        log1p(a + a * a / (1.0 + (1.0 + a * a).sqrt()))
    };
    y.copysign(x)
}
pub fn acosh(x: f64) -> f64 {
    if x < 1.0 || x.is_nan() {
        NAN
    } else if x == 1.0 {
        0.0
    } else if x >= (1 << 28) as f64 {
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
    if a > 1.0 || x.is_nan() {
        return NAN;
    }
    if a == 1.0 {
        return INF.copysign(x);
    }
    let y = if a < 1.0 / (1 << 28) as f64 {
        a
    } else if a < 0.5 {
        let t = a + a;
        0.5 * log1p(t + t * a / (1.0 - a))
    } else {
        0.5 * log1p((a + a) / (1.0 - a))
    };
    y.copysign(x)
}
