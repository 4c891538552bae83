//! Exact constants: arithmetic without rounding, conversions to machine values, and the
//! text the compiler uses for them in messages.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::cmp::Ordering;
use std::sync::Arc;

use super::real::Real;
use super::ty::Basic;
use crate::syntax::ast::{BinOp, UnOp};

/// Longest integer constant, in bits.
const MAX_INT_BITS: u64 = 512;
/// Left shifts beyond this are not computed (they are out of range anyway).
const MAX_SHIFT: u64 = 1 << 14;

/// A constant value, exact.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    Bool(bool),
    Str(Arc<[u8]>),
    Int(BigInt),
    Float(Real),
    Complex(Box<(Real, Real)>),
}

/// Why a constant operation has no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConstErr {
    /// Division by zero.
    DivByZero,
}

/// Why a constant is not representable in a type. The compiler words a numeric failure by
/// the *type* of the constant: "truncated" for a non-integer type going to an integer type,
/// else "overflows"; this enum goes by the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReprErr {
    /// A fractional (or imaginary) part would be lost.
    Truncated,
    /// Out of the type's range.
    Overflows,
    /// Different kinds of values altogether.
    NotRepr,
}

impl Const {
    /// Parses an integer literal (any base, underscores, leading `0` for octal).
    pub fn parse_int(text: &str) -> Option<Const> {
        let b = text.as_bytes();
        let plain = b.len() <= 18 && b.iter().all(u8::is_ascii_digit);
        if plain && (b.len() == 1 || b.first().is_some_and(|&c| c != b'0')) {
            let n = b.iter().fold(0, |n, c| n * 10 + i64::from(c - b'0'));
            return Some(Const::Int(n.into()));
        }
        let t = text.replace('_', "").to_ascii_lowercase();
        let (digits, radix) = match t.as_bytes() {
            [b'0', b'x', ..] => (&t[2..], 16),
            [b'0', b'o', ..] => (&t[2..], 8),
            [b'0', b'b', ..] => (&t[2..], 2),
            [b'0', _, ..] => (&t[1..], 8),
            _ => (t.as_str(), 10),
        };
        BigInt::parse_bytes(digits.as_bytes(), radix).map(Const::Int)
    }
    /// Parses a floating-point literal; None when malformed or beyond any range.
    pub fn parse_float(text: &str) -> Option<Const> {
        Real::parse(text).map(Const::Float)
    }
    /// Parses an imaginary literal (with its `i`).
    pub fn parse_imag(text: &str) -> Option<Const> {
        let t = text.strip_suffix('i')?;
        let lower = t.to_ascii_lowercase();
        let prefixed = lower.starts_with("0b") || lower.starts_with("0o");
        let hex_int = lower.starts_with("0x") && !lower.contains(['p', '.']);
        let im = if prefixed || hex_int {
            match Const::parse_int(t)? {
                Const::Int(i) => Real::from_int(i),
                _ => return None,
            }
        } else {
            Real::parse(t)?
        };
        Some(Const::complex(Real::zero(), im))
    }
    /// An integer.
    pub fn from_i64(v: i64) -> Const {
        Const::Int(v.into())
    }
    /// An integer.
    pub fn from_u64(v: u64) -> Const {
        Const::Int(v.into())
    }
    /// A float, exactly.
    pub fn from_f64(v: f64) -> Const {
        Const::Float(Real::from_f64(v))
    }
    /// A boolean.
    pub fn from_bool(v: bool) -> Const {
        Const::Bool(v)
    }
    /// A string, any bytes.
    pub fn from_bytes(v: &[u8]) -> Const {
        Const::Str(v.into())
    }
    /// A complex number.
    pub fn complex(re: Real, im: Real) -> Const {
        Const::Complex(Box::new((re, im)))
    }
    /// The integer value (of any numeric constant that is one) if it fits.
    pub fn to_i64(&self) -> Option<i64> {
        match self.to_int()? {
            Const::Int(i) => i.to_i64(),
            _ => None,
        }
    }
    /// The integer value (of any numeric constant that is one) if it fits.
    pub fn to_u64(&self) -> Option<u64> {
        match self.to_int()? {
            Const::Int(i) => i.to_u64(),
            _ => None,
        }
    }
    /// The nearest double of a numeric constant's real part; zero for other kinds.
    pub fn to_f64(&self) -> f64 {
        self.parts().map_or(0.0, |(re, _)| re.to_f64())
    }
    /// The nearest single of a numeric constant's real part; zero for other kinds.
    pub fn to_f32(&self) -> f32 {
        self.parts().map_or(0.0, |(re, _)| re.to_f32())
    }
    /// Real and imaginary part as doubles.
    pub fn to_complex128(&self) -> (f64, f64) {
        self.parts()
            .map_or((0.0, 0.0), |(re, im)| (re.to_f64(), im.to_f64()))
    }
    /// The bytes of a string constant.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Const::Str(s) => Some(s),
            _ => None,
        }
    }
    /// The value of a boolean constant.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Const::Bool(b) => Some(*b),
            _ => None,
        }
    }
    /// Whether a numeric value is integral.
    pub fn is_int(&self) -> bool {
        self.to_int().is_some()
    }
    /// Whether this is a number.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Const::Int(_) | Const::Float(_) | Const::Complex(_))
    }
    /// -1, 0 or 1 by the sign of a real number; for complex ones 0 exactly when zero.
    pub fn sign(&self) -> i32 {
        match self.parts() {
            Some((re, im)) if re.is_zero() => i32::from(!im.is_zero()),
            Some((re, _)) if re.is_negative() => -1,
            _ => 1,
        }
    }
    /// The real part of a number.
    pub fn real(&self) -> Option<Const> {
        match self {
            Const::Complex(c) => Some(Const::Float(c.0.clone())),
            Const::Int(_) | Const::Float(_) => Some(self.clone()),
            _ => None,
        }
    }
    /// The imaginary part of a number.
    pub fn imag(&self) -> Option<Const> {
        match self {
            Const::Complex(c) => Some(Const::Float(c.1.clone())),
            Const::Int(_) | Const::Float(_) => Some(Const::from_i64(0)),
            _ => None,
        }
    }
    fn parts(&self) -> Option<(Real, Real)> {
        match self {
            Const::Int(i) => Some((Real::from_int(i.clone()), Real::zero())),
            Const::Float(r) => Some((r.clone(), Real::zero())),
            Const::Complex(c) => Some((**c).clone()),
            _ => None,
        }
    }
    /// The same number as an integer constant, if it is one.
    pub fn to_int(&self) -> Option<Const> {
        match self {
            Const::Int(_) => Some(self.clone()),
            Const::Float(r) => r.to_int().map(Const::Int),
            Const::Complex(c) if c.1.is_zero() => c.0.to_int().map(Const::Int),
            _ => None,
        }
    }
    /// The same number as a float constant, if it is real.
    pub fn to_float(&self) -> Option<Const> {
        match self.parts() {
            Some((re, im)) if im.is_zero() => Some(Const::Float(re)),
            _ => None,
        }
    }
    /// The same number as a complex constant.
    pub fn to_complex(&self) -> Option<Const> {
        self.parts().map(|(re, im)| Const::complex(re, im))
    }
    /// Whether the compiler refuses the value as too large.
    pub fn too_big(&self) -> bool {
        match self {
            Const::Int(i) => i.bits() > MAX_INT_BITS,
            Const::Float(r) => r.is_inf(),
            Const::Complex(c) => c.0.is_inf() || c.1.is_inf(),
            _ => false,
        }
    }
    /// As the compiler prints constants in messages.
    pub fn display(&self) -> String {
        match self {
            Const::Bool(b) => b.to_string(),
            Const::Str(s) => shorten(&quote(s)),
            Const::Int(i) => i.to_string(),
            Const::Float(r) => r.display(),
            Const::Complex(c) => format!("({} + {}i)", c.0.display(), c.1.display()),
        }
    }
}

/// At most 72 characters.
fn shorten(s: &str) -> String {
    if s.chars().count() <= 72 {
        return s.into();
    }
    let mut t: String = s.chars().take(69).collect();
    t.push_str("...");
    t
}

/// A Go string literal for the bytes.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\x07' => out.push_str("\\a"),
                '\x08' => out.push_str("\\b"),
                '\x0c' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\x0b' => out.push_str("\\v"),
                _ if is_print(c) => out.push(c),
                _ => match c as u32 {
                    n @ (0..=0x1f | 0x7f) => out.push_str(&format!("\\x{n:02x}")),
                    n @ 0..=0xffff => out.push_str(&format!("\\u{n:04x}")),
                    n => out.push_str(&format!("\\U{n:08x}")),
                },
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    out.push('"');
    out
}

/// Close to Go's notion of a printable character: letters, marks, numbers, punctuation,
/// symbols and the ASCII space.
fn is_print(c: char) -> bool {
    if c == ' ' {
        return true;
    }
    !(c.is_control()
        || c.is_whitespace()
        || matches!(c as u32,
            0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xe000..=0xf8ff
            | 0xfeff | 0xfff0..=0xfffb | 0xfffe | 0xffff | 0xe0000..))
}

/// `a op b` for arithmetic, bitwise and logical operators (and string `+`); both operands
/// are numbers, or of one kind. `int_div` selects truncating division. Operands of
/// different kinds give the left one back (such a program has been reported already).
pub fn binary(op: BinOp, a: &Const, b: &Const, int_div: bool) -> Result<Const, ConstErr> {
    use BinOp::*;
    match (a, b) {
        (Const::Bool(x), Const::Bool(y)) => Ok(Const::Bool(match op {
            LAnd => *x && *y,
            LOr => *x || *y,
            _ => compare(op, a, b),
        })),
        (Const::Str(x), Const::Str(y)) => Ok(Const::Str([&x[..], &y[..]].concat().into())),
        (Const::Int(x), Const::Int(y)) => int_binary(op, x, y, int_div),
        _ if matches!(op, Rem | And | Or | Xor | AndNot) || (op == Div && int_div) => {
            match (a.to_int(), b.to_int()) {
                (Some(Const::Int(x)), Some(Const::Int(y))) => int_binary(op, &x, &y, int_div),
                _ => Ok(a.clone()),
            }
        }
        (Const::Complex(_), _) | (_, Const::Complex(_)) => match (a.parts(), b.parts()) {
            (Some(x), Some(y)) => complex_binary(op, &x, &y),
            _ => Ok(a.clone()),
        },
        _ => match (a.parts(), b.parts()) {
            (Some((x, _)), Some((y, _))) => Ok(Const::Float(match op {
                Add => x.add(&y),
                Sub => x.sub(&y),
                Mul => x.mul(&y),
                Div if y.is_zero() => return Err(ConstErr::DivByZero),
                Div => x.div(&y),
                _ => x,
            })),
            _ => Ok(a.clone()),
        },
    }
}

fn int_binary(op: BinOp, x: &BigInt, y: &BigInt, int_div: bool) -> Result<Const, ConstErr> {
    use BinOp::*;
    if matches!(op, Div | Rem) && y.is_zero() {
        return Err(ConstErr::DivByZero);
    }
    Ok(Const::Int(match op {
        Add => x + y,
        Sub => x - y,
        Mul => x * y,
        Div if int_div => x / y,
        Div => {
            let q = Real::from_int(x.clone()).div(&Real::from_int(y.clone()));
            return Ok(Const::Float(q));
        }
        Rem => x % y,
        And => x & y,
        Or => x | y,
        Xor => x ^ y,
        AndNot => x & !y,
        _ => x.clone(),
    }))
}

fn complex_binary(op: BinOp, x: &(Real, Real), y: &(Real, Real)) -> Result<Const, ConstErr> {
    let ((a, b), (c, d)) = (x, y);
    Ok(match op {
        BinOp::Add => Const::complex(a.add(c), b.add(d)),
        BinOp::Sub => Const::complex(a.sub(c), b.sub(d)),
        BinOp::Mul => Const::complex(a.mul(c).sub(&b.mul(d)), b.mul(c).add(&a.mul(d))),
        BinOp::Div => {
            let s = c.mul(c).add(&d.mul(d));
            if s.is_zero() {
                return Err(ConstErr::DivByZero);
            }
            let re = a.mul(c).add(&b.mul(d)).div(&s);
            let im = b.mul(c).sub(&a.mul(d)).div(&s);
            Const::complex(re, im)
        }
        _ => Const::complex(a.clone(), b.clone()),
    })
}

/// `c << n` or `c >> n` of an integer value. Absurd left shifts are cut short (the result
/// is `too_big` either way).
pub fn shift(op: BinOp, c: &Const, n: u64) -> Const {
    let Some(Const::Int(x)) = c.to_int() else {
        return c.clone();
    };
    if op == BinOp::Shl {
        return Const::Int(x << n.min(MAX_SHIFT));
    }
    if n > x.bits() {
        return Const::from_i64(if x.is_negative() { -1 } else { 0 });
    }
    // Rounds towards negative infinity, as two's complement does.
    Const::Int(x.div_floor(&(BigInt::one() << n)))
}

/// `a op b` for the comparison operators.
pub fn compare(op: BinOp, a: &Const, b: &Const) -> bool {
    let ord = match (a, b) {
        (Const::Bool(x), Const::Bool(y)) => x.cmp(y),
        (Const::Str(x), Const::Str(y)) => x.cmp(y),
        (Const::Int(x), Const::Int(y)) => x.cmp(y),
        _ => match (a.parts(), b.parts()) {
            (Some(x), Some(y)) => x.0.compare(&y.0).then(x.1.compare(&y.1)),
            _ => return op == BinOp::Ne,
        },
    };
    match op {
        BinOp::Eq => ord == Ordering::Equal,
        BinOp::Ne => ord != Ordering::Equal,
        BinOp::Lt => ord == Ordering::Less,
        BinOp::Le => ord != Ordering::Greater,
        BinOp::Gt => ord == Ordering::Greater,
        BinOp::Ge => ord != Ordering::Less,
        _ => false,
    }
}

/// `op c`; `size` gives bits and signedness of a sized integer type, for `^`.
pub fn unary(op: UnOp, c: &Const, size: Option<(u32, bool)>) -> Const {
    match (op, c) {
        (UnOp::Not, Const::Bool(b)) => Const::Bool(!b),
        (UnOp::Neg, Const::Int(i)) => Const::Int(-i),
        (UnOp::Neg, Const::Float(r)) => Const::Float(r.neg()),
        (UnOp::Neg, Const::Complex(p)) => Const::complex(p.0.neg(), p.1.neg()),
        (UnOp::Xor, _) => match (c.to_int(), size) {
            (Some(Const::Int(i)), Some((bits, false))) => {
                Const::Int(!i & ((BigInt::one() << bits) - 1u32))
            }
            (Some(Const::Int(i)), _) => Const::Int(!i),
            _ => c.clone(),
        },
        _ => c.clone(),
    }
}

/// Bits and signedness of a sized integer kind (64-bit machine).
pub fn int_size(b: Basic) -> Option<(u32, bool)> {
    use Basic::*;
    Some(match b {
        Int | Int64 => (64, true),
        Int8 => (8, true),
        Int16 => (16, true),
        Int32 => (32, true),
        Uint | Uint64 | Uintptr => (64, false),
        Uint8 => (8, false),
        Uint16 => (16, false),
        Uint32 => (32, false),
        _ => return None,
    })
}

/// Whether the constant can have the given kind of type, and its value there: integers as
/// `Int`, floats rounded to their size as `Float`, complex ones as `Complex`.
pub fn representable(c: &Const, b: Basic) -> Result<Const, ReprErr> {
    use Basic::*;
    match b {
        Bool | UntypedBool => match c {
            Const::Bool(_) => Ok(c.clone()),
            _ => Err(ReprErr::NotRepr),
        },
        String | UntypedString => match c {
            Const::Str(_) => Ok(c.clone()),
            _ => Err(ReprErr::NotRepr),
        },
        Invalid => Ok(c.clone()),
        UnsafePointer | UntypedNil => Err(ReprErr::NotRepr),
        _ if !c.is_numeric() => Err(ReprErr::NotRepr),
        UntypedInt | UntypedRune => c.to_int().ok_or(ReprErr::Truncated),
        UntypedFloat => c.to_float().ok_or(ReprErr::Truncated),
        UntypedComplex => c.to_complex().ok_or(ReprErr::Truncated),
        Float32 | Float64 => {
            let Some(Const::Float(r)) = c.to_float() else {
                return Err(ReprErr::Truncated);
            };
            round_real(&r, b == Float32).map(Const::Float)
        }
        Complex64 | Complex128 => {
            let Some(Const::Complex(p)) = c.to_complex() else {
                return Err(ReprErr::NotRepr);
            };
            let single = b == Complex64;
            Ok(Const::complex(
                round_real(&p.0, single)?,
                round_real(&p.1, single)?,
            ))
        }
        _ => {
            let Some(Const::Int(i)) = c.to_int() else {
                return Err(ReprErr::Truncated);
            };
            let (bits, signed) = int_size(b).ok_or(ReprErr::NotRepr)?;
            let fits = if signed {
                // -2^(n-1) ..= 2^(n-1)-1
                let magnitude = if i.is_negative() { !&i } else { i.clone() };
                magnitude.bits() < u64::from(bits)
            } else {
                !i.is_negative() && i.bits() <= u64::from(bits)
            };
            if fits {
                Ok(Const::Int(i))
            } else {
                Err(ReprErr::Overflows)
            }
        }
    }
}

fn round_real(r: &Real, single: bool) -> Result<Real, ReprErr> {
    let f = if single {
        f64::from(r.to_f32())
    } else {
        r.to_f64()
    };
    if f.is_infinite() {
        return Err(ReprErr::Overflows);
    }
    Ok(Real::from_f64(f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(s: &str) -> Const {
        Const::parse_int(s).expect(s)
    }
    fn float(s: &str) -> Const {
        Const::parse_float(s).expect(s)
    }
    fn bin(op: BinOp, a: &Const, b: &Const) -> Const {
        binary(op, a, b, true).expect("result")
    }

    #[test]
    fn literals() {
        for (s, v) in [
            ("0", 0),
            ("017", 15),
            ("0o17", 15),
            ("0b1_01", 5),
            ("0XfF", 255),
            ("1_000", 1000),
        ] {
            assert_eq!(int(s).to_i64(), Some(v), "{s}");
        }
        assert_eq!(
            Const::parse_int("0xffff_ffff_ffff_ffff").unwrap().to_u64(),
            Some(u64::MAX)
        );
        assert_eq!(Const::parse_imag("010i").unwrap().display(), "(0 + 10i)");
        assert_eq!(Const::parse_imag("0x10i").unwrap().display(), "(0 + 16i)");
        assert_eq!(Const::parse_imag("0x1p4i").unwrap().display(), "(0 + 16i)");
        assert_eq!(Const::parse_imag("2.5i").unwrap().display(), "(0 + 2.5i)");
    }

    #[test]
    fn integer_arithmetic() {
        let (m7, p3) = (Const::from_i64(-7), Const::from_i64(3));
        assert_eq!(bin(BinOp::Div, &m7, &p3).to_i64(), Some(-2));
        assert_eq!(bin(BinOp::Rem, &m7, &p3).to_i64(), Some(-1));
        assert_eq!(shift(BinOp::Shr, &m7, 1).to_i64(), Some(-4));
        assert_eq!(shift(BinOp::Shr, &m7, 5000).to_i64(), Some(-1));
        let seven = Const::from_i64(7);
        let m3 = Const::from_i64(-3);
        assert_eq!(bin(BinOp::AndNot, &seven, &m3).to_i64(), Some(2));
        assert_eq!(
            unary(UnOp::Xor, &Const::from_i64(1), Some((8, false))).to_i64(),
            Some(254)
        );
        assert_eq!(
            unary(UnOp::Xor, &Const::from_i64(1), None).to_i64(),
            Some(-2)
        );
        assert_eq!(
            binary(BinOp::Div, &seven, &Const::from_i64(0), true),
            Err(ConstErr::DivByZero)
        );
        assert!(!shift(BinOp::Shl, &Const::from_i64(1), 511).too_big());
        assert!(shift(BinOp::Shl, &Const::from_i64(1), 512).too_big());
        assert!(shift(BinOp::Shl, &Const::from_i64(1), u64::MAX).too_big());
    }

    #[test]
    fn mixed_arithmetic() {
        let q = binary(BinOp::Div, &int("5"), &float("2.0"), false).unwrap();
        assert_eq!(q.display(), "2.5");
        let a = Const::complex(Real::from_f64(1.0), Real::from_f64(2.0));
        let b = Const::complex(Real::from_f64(3.0), Real::from_f64(-1.0));
        let p = bin(BinOp::Mul, &a, &b);
        let two_i = Const::parse_imag("2i").unwrap();
        let q = binary(BinOp::Div, &p, &two_i, false).unwrap();
        assert_eq!(q.display(), "(2.5 + -2.5i)");
        assert_eq!(
            binary(BinOp::Div, &a, &Const::parse_imag("0i").unwrap(), false),
            Err(ConstErr::DivByZero)
        );
        assert!(compare(BinOp::Eq, &int("1"), &float("1.0")));
        assert!(compare(
            BinOp::Lt,
            &Const::from_bytes(b"a"),
            &Const::from_bytes(b"b")
        ));
        assert!(compare(BinOp::Ne, &a, &b));
    }

    #[test]
    fn representability() {
        use Basic::*;
        assert!(representable(&int("127"), Int8).is_ok());
        assert_eq!(representable(&int("128"), Int8), Err(ReprErr::Overflows));
        assert!(representable(&Const::from_i64(-128), Int8).is_ok());
        assert_eq!(
            representable(&Const::from_i64(-129), Int8),
            Err(ReprErr::Overflows)
        );
        assert_eq!(
            representable(&Const::from_i64(-1), Uint8),
            Err(ReprErr::Overflows)
        );
        assert!(representable(&float("1e3"), Int).is_ok());
        assert_eq!(representable(&float("1.5"), Int), Err(ReprErr::Truncated));
        assert_eq!(
            representable(&float("1e100"), Float32),
            Err(ReprErr::Overflows)
        );
        assert_eq!(
            representable(&float("1e100000"), Float64),
            Err(ReprErr::Overflows)
        );
        assert_eq!(
            representable(&Const::from_bytes(b"x"), Int),
            Err(ReprErr::NotRepr)
        );
        assert_eq!(representable(&int("1"), String), Err(ReprErr::NotRepr));
        let r = representable(&float("0.1"), Float32).unwrap();
        assert_eq!(r.to_f64(), f64::from(0.1f32));
        assert_eq!(r.display(), "0.1");
        assert_eq!(
            representable(&Const::parse_imag("2i").unwrap(), Int),
            Err(ReprErr::Truncated)
        );
        assert!(representable(&int("3"), Complex128).is_ok());
    }

    #[test]
    fn message_text() {
        assert_eq!(
            Const::from_bytes(b"a\n\x00\xc3\xa9\xffx\"").display(),
            r#""a\n\x00é\xffx\"""#
        );
        let long = "abcdefghijklmnopqrstuvwxyz".repeat(4);
        let want = format!("\"{}...", &long[..68]);
        assert_eq!(Const::from_bytes(long.as_bytes()).display(), want);
        assert_eq!(Const::Bool(true).display(), "true");
        assert_eq!(Const::parse_imag("2i").unwrap().display(), "(0 + 2i)");
    }
}
