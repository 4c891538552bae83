//! Real functions whose results are, bit for bit, those of compiled Go on amd64.
//!
//! No function here is correctly rounded; what a program prints therefore depends on the
//! method, the coefficients and the order of operations. Two published libraries are the
//! common source of such methods: Cephes (Stephen L. Moshier, *Methods and Programs for
//! Mathematical Functions*) for trigonometric and hyperbolic functions and Gamma, and
//! FreeBSD's msun (Sun Microsystems' fdlibm) for logarithms, `expm1`, `erf`, `lgamma`,
//! Bessel functions and the cube root. The exponential follows Naoki Shibata's reduction
//! by halving, the inverse of `erf` Wichura's algorithm AS 241.
//!
//! All steps are plain IEEE operations, which Rust neither reorders nor fuses, so every
//! platform gives the same bits. Where crate `libm` (also msun's descendant) has the same
//! bits, it is used.
#![allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    clippy::neg_cmp_op_on_partial_ord,
    reason = "published coefficients as published; comparisons that NaN must fail"
)]

mod bessel;
mod erf;
mod exp;
mod gamma;
mod hyper;
mod log;
mod parts;
mod power;
mod trig;

pub use bessel::{j0, j1, jn, y0, y1, yn};
pub use erf::{erf, erfc, erfcinv, erfinv};
pub use exp::{exp, exp2, expm1};
pub use gamma::{gamma, lgamma};
pub use hyper::{acosh, asinh, atanh, cosh, sinh, tanh};
pub use log::{log, log1p, log2, log10};
pub use parts::{
    dim, frexp, ilogb, is_inf, ldexp, logb, max, min, modf, nextafter, nextafter32, pow10,
};
pub use power::{cbrt, hypot, pow};
pub use trig::{acos, asin, atan, atan2, cos, sin, sincos, tan};

/// Go's NaN.
const NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// A polynomial by Horner's rule; the coefficient of the highest power comes first.
#[inline(always)]
fn down<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut v = c[0];
    for &k in &c[1..] {
        v = v * x + k;
    }
    v
}
/// The same; the constant term comes first.
#[inline(always)]
fn up<const N: usize>(x: f64, c: &[f64; N]) -> f64 {
    let mut v = c[N - 1];
    for &k in c[..N - 1].iter().rev() {
        v = v * x + k;
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results of compiled Go: function, arguments and result as bits. An order or exponent
    /// stands in the second argument's place.
    const VECTORS: &str = include_str!("vectors.txt");

    #[test]
    fn bits_are_those_of_go() {
        let mut wrong = Vec::new();
        for line in VECTORS.lines() {
            let mut words = line.split(' ');
            let name = words.next().expect("a name");
            let mut number = || {
                let bits = u64::from_str_radix(words.next().expect("a number"), 16);
                f64::from_bits(bits.expect("hexadecimal digits"))
            };
            let (x, y, want) = (number(), number(), number());
            let unary: fn(f64) -> f64 = match name {
                "sin" => sin,
                "cos" => cos,
                "tan" => tan,
                "asin" => asin,
                "acos" => acos,
                "atan" => atan,
                "sinh" => sinh,
                "cosh" => cosh,
                "tanh" => tanh,
                "asinh" => asinh,
                "acosh" => acosh,
                "atanh" => atanh,
                "exp" => exp,
                "exp2" => exp2,
                "expm1" => expm1,
                "log" => log,
                "log2" => log2,
                "log10" => log10,
                "log1p" => log1p,
                "cbrt" => cbrt,
                "gamma" => gamma,
                "erf" => erf,
                "erfc" => erfc,
                "erfinv" => erfinv,
                "erfcinv" => erfcinv,
                "j0" => j0,
                "j1" => j1,
                "y0" => y0,
                "y1" => y1,
                "lgamma" => |x| lgamma(x).0,
                "sign" => |x| lgamma(x).1 as f64,
                _ => |_| NAN,
            };
            let got = match name {
                "jn" => jn(y as i64, x),
                "yn" => yn(y as i64, x),
                "ldexp" => ldexp(x, y as i64),
                "pow10" => pow10(y as i64),
                "pow" => pow(x, y),
                "atan2" => atan2(x, y),
                "hypot" => hypot(x, y),
                _ => unary(x),
            };
            if got.to_bits() != want.to_bits() && !(got.is_nan() && want.is_nan()) {
                wrong.push(format!("{name}({x:e}, {y:e}) = {got:e}, not {want:e}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn sine_and_cosine_agree_with_both() {
        for i in 0..4000 {
            let x = f64::from(i - 2000) * 0.37 * f64::from(1 + i % 7);
            let (s, c) = sincos(x);
            assert_eq!(
                (s.to_bits(), c.to_bits()),
                (sin(x).to_bits(), cos(x).to_bits())
            );
        }
    }

    #[test]
    fn orders_without_bound_end() {
        assert_eq!(jn(i64::MIN, 0.0), 0.0);
        assert_eq!(jn(i64::MAX, 1e-12), 0.0);
        assert!(yn(i64::MAX, 1.0) == f64::NEG_INFINITY);
    }
}
