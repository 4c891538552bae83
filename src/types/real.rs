//! Real numbers for exact constants: rationals while they stay small, else binary
//! floating point with 512 bits of mantissa and a 32-bit exponent, so that a literal like
//! `1e100000000` costs neither time nor memory.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};
use std::cmp::Ordering;

/// Numerators and denominators beyond this many bits make a number a [`BigFloat`].
const SMALL_BITS: u64 = 4096;
/// Mantissa bits of a [`BigFloat`].
const PREC: u64 = 512;
/// Exponents of a [`BigFloat`] stay within ±this; beyond is infinity or zero.
const MAX_EXP: i64 = i32::MAX as i64;

/// `mant * 2^exp`; zero has a zero mantissa and exponent.
#[derive(Clone, Debug, PartialEq)]
pub struct BigFloat {
    mant: BigInt,
    exp: i64,
}

/// A real number.
#[derive(Clone, Debug)]
pub enum Real {
    /// Exact.
    Rat(BigRational),
    /// Too large, too small or too long for a rational.
    Big(BigFloat),
    /// Beyond any exponent; the flag says negative.
    Inf(bool),
}

impl PartialEq for Real {
    fn eq(&self, other: &Real) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl BigFloat {
    /// Rounds to [`PREC`] bits, half to even.
    fn round(mant: BigInt, exp: i64) -> BigFloat {
        if mant.is_zero() {
            return BigFloat { mant, exp: 0 };
        }
        let bits = mant.bits();
        let (sign, mag) = mant.into_parts();
        let (mag, exp) = if bits > PREC {
            let drop = bits - PREC;
            (round_shift(&mag, drop, false), exp + drop as i64)
        } else {
            (mag, exp)
        };
        let tz = mag.trailing_zeros().unwrap_or(0);
        BigFloat {
            mant: BigInt::from_biguint(sign, mag >> tz),
            exp: exp + tz as i64,
        }
    }
    fn from_ratio(r: &BigRational) -> BigFloat {
        BigFloat::quotient(r.numer(), r.denom())
    }
    fn quotient(n: &BigInt, d: &BigInt) -> BigFloat {
        let shift = (PREC + 66 + d.bits()).saturating_sub(n.bits());
        let (q, r) = (n.magnitude() << shift).div_rem(d.magnitude());
        // One more bit that records whether anything was cut off.
        let q = (q << 1u32) | BigUint::from(u8::from(!r.is_zero()));
        let sign = if n.is_negative() == d.is_negative() {
            Sign::Plus
        } else {
            Sign::Minus
        };
        BigFloat::round(BigInt::from_biguint(sign, q), -(shift as i64) - 1)
    }
    fn mul(&self, o: &BigFloat) -> BigFloat {
        BigFloat::round(&self.mant * &o.mant, self.exp + o.exp)
    }
    fn div(&self, o: &BigFloat) -> BigFloat {
        let mut q = BigFloat::quotient(&self.mant, &o.mant);
        if !q.mant.is_zero() {
            q.exp += self.exp - o.exp;
        }
        q
    }
    /// Exponent of the leading bit, plus one.
    fn top(&self) -> i64 {
        self.mant.bits() as i64 + self.exp
    }
    fn add(&self, o: &BigFloat) -> BigFloat {
        if self.mant.is_zero() {
            return o.clone();
        }
        if o.mant.is_zero() {
            return self.clone();
        }
        if (self.top() - o.top()).unsigned_abs() > PREC + 4 {
            return if self.top() > o.top() { self } else { o }.clone();
        }
        let exp = self.exp.min(o.exp);
        let a = &self.mant << (self.exp - exp) as u64;
        let b = &o.mant << (o.exp - exp) as u64;
        BigFloat::round(a + b, exp)
    }
    fn compare(&self, o: &BigFloat) -> Ordering {
        let (a, b) = (self.mant.sign(), o.mant.sign());
        if a != b || a == Sign::NoSign {
            return a.cmp(&b);
        }
        let magnitude = self.top().cmp(&o.top()).then_with(|| {
            let exp = self.exp.min(o.exp);
            let x = self.mant.magnitude() << (self.exp - exp) as u64;
            let y = o.mant.magnitude() << (o.exp - exp) as u64;
            x.cmp(&y)
        });
        if a == Sign::Minus {
            magnitude.reverse()
        } else {
            magnitude
        }
    }
    /// `10^n`, n ≥ 0.
    fn pow10(mut n: u64) -> BigFloat {
        let mut base = BigFloat::round(BigInt::from(10), 0);
        let mut acc = BigFloat::round(BigInt::one(), 0);
        while n > 0 {
            if n & 1 == 1 {
                acc = acc.mul(&base);
            }
            base = base.mul(&base);
            n >>= 1;
        }
        acc
    }
}

/// `mag >> drop`, rounded half to even; `sticky` says that more non-zero bits follow.
fn round_shift(mag: &BigUint, drop: u64, sticky: bool) -> BigUint {
    if drop == 0 {
        return mag.clone();
    }
    let mut q = mag >> drop;
    if mag.bit(drop - 1) {
        let below = sticky || mag.trailing_zeros().is_some_and(|t| t < drop - 1);
        if below || q.bit(0) {
            q += 1u32;
        }
    }
    q
}

/// The double nearest to `±(mag * 2^exp)` with `prec` bits of mantissa and exponents
/// down to `min_exp`; infinite when it needs more than `max_top` integer bits.
fn assemble(neg: bool, mag: &BigUint, exp: i64, sticky: bool, single: bool) -> f64 {
    let (prec, min_exp, max_top) = if single {
        (24, -149, 128)
    } else {
        (53, -1074, 1024)
    };
    let drop = (mag.bits() as i64 - prec).max(min_exp - exp).max(0);
    if drop > mag.bits() as i64 + 1 {
        return 0.0;
    }
    let q = round_shift(mag, drop as u64, sticky);
    let exp = exp + drop;
    let m = q.to_u64().unwrap_or(0);
    if m == 0 {
        return 0.0;
    }
    let bits = 64 - m.leading_zeros() as i64;
    let value = if bits + exp > max_top {
        f64::INFINITY
    } else if bits + exp > -1022 {
        let shifted = if bits < 53 {
            m << (53 - bits)
        } else {
            m >> (bits - 53)
        };
        f64::from_bits((((bits + exp + 1022) as u64) << 52) | (shifted & ((1 << 52) - 1)))
    } else {
        // Subnormal: one unit is 2^-1074.
        f64::from_bits(m << (exp + 1074))
    };
    if neg { -value } else { value }
}

impl Real {
    /// An integer.
    pub fn from_int(i: BigInt) -> Real {
        Real::rat(BigRational::from_integer(i))
    }
    /// Zero.
    pub fn zero() -> Real {
        Real::Rat(BigRational::zero())
    }
    /// A finite double, exactly; infinities keep their sign, NaN becomes zero.
    pub fn from_f64(f: f64) -> Real {
        if f.is_infinite() {
            return Real::Inf(f < 0.0);
        }
        Real::rat(BigRational::from_float(f).unwrap_or_else(BigRational::zero))
    }
    /// Takes a ratio, leaving exactness when it has grown too large.
    fn rat(r: BigRational) -> Real {
        if r.numer().bits() < SMALL_BITS && r.denom().bits() < SMALL_BITS {
            Real::Rat(r)
        } else {
            Real::big(BigFloat::from_ratio(&r))
        }
    }
    fn big(b: BigFloat) -> Real {
        if b.mant.is_zero() || b.top() < -MAX_EXP {
            Real::zero()
        } else if b.top() > MAX_EXP {
            Real::Inf(b.mant.is_negative())
        } else {
            Real::Big(b)
        }
    }
    fn to_big(&self) -> Option<BigFloat> {
        match self {
            Real::Rat(r) => Some(BigFloat::from_ratio(r)),
            Real::Big(b) => Some(b.clone()),
            Real::Inf(_) => None,
        }
    }
    /// Parses a Go floating-point or integer literal (underscores allowed, decimal or
    /// hexadecimal). None: malformed or out of any range.
    pub fn parse(text: &str) -> Option<Real> {
        let text = text.replace('_', "");
        let lower = text.to_ascii_lowercase();
        let (body, radix, marker) = match lower.strip_prefix("0x") {
            Some(rest) => (rest, 16u32, 'p'),
            None => (lower.as_str(), 10, 'e'),
        };
        let (digits, exp) = match body.split_once(marker) {
            Some((d, e)) => (d, e.parse::<i64>().ok()?),
            None => (body, 0),
        };
        if exp.unsigned_abs() > 1 << 31 {
            return None;
        }
        let (whole, frac) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{frac}");
        let mant = BigInt::parse_bytes(all.as_bytes(), radix)?;
        if mant.is_zero() {
            return Some(Real::zero());
        }
        let r = if radix == 16 {
            let exp = exp - 4 * frac.len() as i64;
            if exp.unsigned_abs() < SMALL_BITS {
                let scale = BigInt::one() << exp.unsigned_abs();
                if exp < 0 {
                    Real::rat(BigRational::new(mant, scale))
                } else {
                    Real::from_int(mant * scale)
                }
            } else {
                Real::big(BigFloat::round(mant, exp))
            }
        } else {
            let exp = exp - frac.len() as i64;
            if exp.unsigned_abs() < 2 * SMALL_BITS {
                let scale: BigInt = Pow::pow(BigInt::from(10), exp.unsigned_abs());
                if exp < 0 {
                    Real::rat(BigRational::new(mant, scale))
                } else {
                    Real::from_int(mant * scale)
                }
            } else {
                let (m, scale) = (
                    BigFloat::round(mant, 0),
                    BigFloat::pow10(exp.unsigned_abs()),
                );
                Real::big(if exp < 0 {
                    m.div(&scale)
                } else {
                    m.mul(&scale)
                })
            }
        };
        if matches!(r, Real::Inf(_)) {
            return None;
        }
        Some(r)
    }
    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        matches!(self, Real::Rat(r) if r.is_zero())
    }
    /// Whether the value left every range.
    pub fn is_inf(&self) -> bool {
        matches!(self, Real::Inf(_))
    }
    /// Whether the value is below zero.
    pub fn is_negative(&self) -> bool {
        match self {
            Real::Rat(r) => r.is_negative(),
            Real::Big(b) => b.mant.is_negative(),
            Real::Inf(n) => *n,
        }
    }
    /// The value as an integer if it is one (and not absurdly long).
    pub fn to_int(&self) -> Option<BigInt> {
        match self {
            Real::Rat(r) if r.is_integer() => Some(r.numer().clone()),
            Real::Big(b) if (0..4 * SMALL_BITS as i64).contains(&b.exp) => {
                Some(&b.mant << b.exp as u64)
            }
            _ => None,
        }
    }
    /// The sum.
    pub fn add(&self, o: &Real) -> Real {
        self.with(o, |a, b| a + b, BigFloat::add)
    }
    /// The difference.
    pub fn sub(&self, o: &Real) -> Real {
        self.add(&o.neg())
    }
    /// The product.
    pub fn mul(&self, o: &Real) -> Real {
        self.with(o, |a, b| a * b, BigFloat::mul)
    }
    /// The quotient; the divisor is not zero.
    pub fn div(&self, o: &Real) -> Real {
        self.with(o, |a, b| a / b, BigFloat::div)
    }
    fn with(
        &self,
        o: &Real,
        exact: impl Fn(&BigRational, &BigRational) -> BigRational,
        rounded: impl Fn(&BigFloat, &BigFloat) -> BigFloat,
    ) -> Real {
        if let (Real::Rat(a), Real::Rat(b)) = (self, o) {
            return Real::rat(exact(a, b));
        }
        match (self.to_big(), o.to_big()) {
            (Some(a), Some(b)) => Real::big(rounded(&a, &b)),
            _ => Real::Inf(self.is_negative() != o.is_negative()),
        }
    }
    /// The negation.
    pub fn neg(&self) -> Real {
        match self {
            Real::Rat(r) => Real::Rat(-r),
            Real::Big(b) => Real::Big(BigFloat {
                mant: -&b.mant,
                exp: b.exp,
            }),
            Real::Inf(n) => Real::Inf(!n),
        }
    }
    /// Numeric order.
    pub fn compare(&self, o: &Real) -> Ordering {
        match (self, o) {
            (Real::Rat(a), Real::Rat(b)) => a.cmp(b),
            (Real::Inf(a), Real::Inf(b)) => b.cmp(a),
            (Real::Inf(n), _) => {
                if *n {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (_, Real::Inf(_)) => o.compare(self).reverse(),
            _ => match (self.to_big(), o.to_big()) {
                (Some(a), Some(b)) => a.compare(&b),
                _ => Ordering::Equal,
            },
        }
    }
    fn to_float(&self, single: bool) -> f64 {
        match self {
            Real::Rat(r) => {
                let (n, d) = (r.numer().magnitude(), r.denom().magnitude());
                let shift = (66 + d.bits()).saturating_sub(n.bits());
                let (q, rest) = (n << shift).div_rem(d);
                let sticky = !rest.is_zero();
                assemble(r.is_negative(), &q, -(shift as i64), sticky, single)
            }
            Real::Big(b) => {
                let neg = b.mant.is_negative();
                assemble(neg, b.mant.magnitude(), b.exp, false, single)
            }
            Real::Inf(n) => {
                if *n {
                    f64::NEG_INFINITY
                } else {
                    f64::INFINITY
                }
            }
        }
    }
    /// The nearest double, infinite when out of range.
    pub fn to_f64(&self) -> f64 {
        self.to_float(false)
    }
    /// The nearest single, infinite when out of range.
    pub fn to_f32(&self) -> f32 {
        self.to_float(true) as f32
    }
    /// As the compiler prints it in messages.
    pub fn display(&self) -> String {
        let f = self.to_f64();
        if self.is_zero() || (f != 0.0 && f.is_finite()) {
            let short = format_g(f, Some(6));
            if !short.contains('.') && f.fract() != 0.0 {
                return format_g(f, None);
            }
            return short;
        }
        let Some(b) = self.to_big() else {
            return if self.is_negative() { "-Inf" } else { "+Inf" }.into();
        };
        // Scale by a power of ten into the range of doubles.
        let mut exp10 = ((b.top() as f64) * std::f64::consts::LOG10_2).floor() as i64;
        let scale = BigFloat::pow10(exp10.unsigned_abs());
        let m = if exp10 < 0 {
            b.mul(&scale)
        } else {
            b.div(&scale)
        };
        let digits = format!("{:.5e}", Real::Big(m).to_f64());
        let (m, e) = digits.split_once('e').unwrap_or((&digits, "0"));
        exp10 += e.parse::<i64>().unwrap_or(0);
        let m = m.trim_end_matches('0').trim_end_matches('.');
        format!("{m}e{}{:02}", sign_of(exp10), exp10.unsigned_abs())
    }
}

fn sign_of(e: i64) -> char {
    if e < 0 { '-' } else { '+' }
}

/// C's `%g` with the given number of significant digits, or the shortest exact text.
fn format_g(f: f64, digits: Option<usize>) -> String {
    if f == 0.0 {
        return "0".into();
    }
    let text = match digits {
        Some(n) => format!("{:.*e}", n - 1, f),
        None => format!("{f:e}"),
    };
    let (m, e) = text.split_once('e').unwrap_or((&text, "0"));
    let exp: i64 = e.parse().unwrap_or(0);
    let (neg, m) = match m.strip_prefix('-') {
        Some(r) => ("-", r),
        None => ("", m),
    };
    let ds: String = m.chars().filter(char::is_ascii_digit).collect();
    let ds = ds.trim_end_matches('0');
    if !(-4..6).contains(&exp) {
        let frac = &ds[1..];
        let dot = if frac.is_empty() { "" } else { "." };
        let (s, e) = (sign_of(exp), exp.unsigned_abs());
        return format!("{neg}{}{dot}{frac}e{s}{e:02}", &ds[..1]);
    }
    if exp < 0 {
        return format!("{neg}0.{}{ds}", "0".repeat((-exp - 1) as usize));
    }
    let point = exp as usize + 1;
    if ds.len() <= point {
        return format!("{neg}{ds}{}", "0".repeat(point - ds.len()));
    }
    format!("{neg}{}.{}", &ds[..point], &ds[point..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(s: &str) -> Real {
        Real::parse(s).unwrap_or_else(|| panic!("{s}"))
    }

    #[test]
    fn displays_like_the_compiler() {
        for (src, want) in [
            ("1000000.5", "1.0000005e+06"),
            ("123456.7", "123456.7"),
            ("99999.95", "99999.9"),
            ("100000.25", "100000.25"),
            ("1234567.5", "1.23457e+06"),
            ("0.1234567", "0.123457"),
            ("1.0000001", "1.0000001"),
            ("1e5", "100000"),
            ("1e6", "1e+06"),
            ("1e-5", "1e-05"),
            ("1e-320", "9.99989e-321"),
            ("1e400", "1e+400"),
            ("3e-400", "3e-400"),
            ("1.23456789e-1000", "1.23457e-1000"),
            ("1e-500000", "1e-500000"),
            ("0x1p-1074", "4.94066e-324"),
            ("0x1.8p1", "3"),
            ("0.0", "0"),
            ("1e100", "1e+100"),
        ] {
            assert_eq!(p(src).display(), want, "{src}");
        }
    }

    #[test]
    fn huge_exponents_are_cheap() {
        assert_eq!(
            p("1e99999999").mul(&p("1e99999999")).display(),
            "1e+199999998"
        );
        assert!(Real::parse("1e1000000000").is_none());
        assert!(Real::parse("1e99999999999999999999").is_none());
        assert!(p("1e-2000000000").is_zero());
        assert_eq!(p("1e100000").div(&p("1e99990")).to_f64(), 1e10);
        assert_eq!(
            p("1e100000").add(&p("1")).compare(&p("1e100000")),
            Ordering::Equal
        );
        assert_eq!(p("1e100000").compare(&p("2e100000")), Ordering::Less);
        assert_eq!(p("1e600000000").mul(&p("1e600000000")), Real::Inf(false));
        assert!(p("1e100000").sub(&p("1e100000")).is_zero());
    }

    #[test]
    fn rounds_to_the_nearest_double() {
        assert_eq!(p("0.1").to_f64(), 0.1);
        assert_eq!(p("9007199254740993").to_f64(), 9007199254740992.0);
        assert_eq!(p("9007199254740993.0000001").to_f64(), 9007199254740994.0);
        assert_eq!(p("1.7976931348623157e308").to_f64(), f64::MAX);
        assert_eq!(p("1.8e308").to_f64(), f64::INFINITY);
        assert_eq!(p("5e-324").to_f64(), 5e-324);
        assert_eq!(p("2.4703282292062327e-324").to_f64(), 0.0);
        assert_eq!(
            p("2.2250738585072011e-308").to_f64(),
            f64::from_bits((1 << 52) - 1)
        );
        assert_eq!(p("16777217").to_f32(), 16777216.0);
        assert_eq!(p("1e-45").to_f32(), 1e-45);
        assert_eq!(p("3.5e38").to_f32(), f32::INFINITY);
        assert_eq!(p("0.1").to_f32(), 0.1);
        assert_eq!(p("2.5").neg().to_f64(), -2.5);
        assert_eq!(p("1e400").to_f64(), f64::INFINITY);
    }

    #[test]
    fn doubles_survive_the_round_trip() {
        let mut x = 0x9E37_79B9_7F4A_7C15u64;
        for _ in 0..2000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            let f = f64::from_bits(x);
            if f.is_finite() {
                assert_eq!(Real::from_f64(f).to_f64(), f);
                assert_eq!(Real::from_f64(f).to_f32(), f as f32);
            }
        }
    }
}
