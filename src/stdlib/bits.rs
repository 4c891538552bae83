//! `math/bits`: counting and moving bits, arithmetic with carries.
#![allow(unsafe_code)]

use crate::vm::cx::{Cx, Exit};
use crate::vm::fault::Code;
use crate::vm::natives::Entry;

/// Why a division is impossible.
#[derive(PartialEq, Eq, Debug)]
enum Bad {
    Zero,
    Overflow,
}

/// Natives of one operand of a type.
macro_rules! unary {
    ($($name:ident $t:ty, $f:expr;)*) => { $(
        native!($name, 1, |c| {
            let x = c.word() as $t;
            c.ret($f(x) as u64);
        });
    )* };
}
unary! {
    zeros8 u8, u8::leading_zeros;
    zeros16 u16, u16::leading_zeros;
    zeros32 u32, u32::leading_zeros;
    zeros64 u64, u64::leading_zeros;
    trail8 u8, u8::trailing_zeros;
    trail16 u16, u16::trailing_zeros;
    trail32 u32, u32::trailing_zeros;
    trail64 u64, u64::trailing_zeros;
    ones8 u8, u8::count_ones;
    ones16 u16, u16::count_ones;
    ones32 u32, u32::count_ones;
    ones64 u64, u64::count_ones;
    len8 u8, |x: u8| 8 - x.leading_zeros();
    len16 u16, |x: u16| 16 - x.leading_zeros();
    len32 u32, |x: u32| 32 - x.leading_zeros();
    len64 u64, |x: u64| 64 - x.leading_zeros();
    reverse8 u8, u8::reverse_bits;
    reverse16 u16, u16::reverse_bits;
    reverse32 u32, u32::reverse_bits;
    reverse64 u64, u64::reverse_bits;
    swap16 u16, u16::swap_bytes;
    swap32 u32, u32::swap_bytes;
    swap64 u64, u64::swap_bytes;
}
/// Rotations: the distance counts modulo the width, to the right if negative.
macro_rules! rotations {
    ($($name:ident $t:ty;)*) => { $(
        native!($name, 1, |c| {
            let (x, k) = (c.word() as $t, c.int());
            c.ret(x.rotate_left(k.rem_euclid(<$t>::BITS as i64) as u32) as u64);
        });
    )* };
}
rotations! {
    rotate8 u8;
    rotate16 u16;
    rotate32 u32;
    rotate64 u64;
}

/// The arithmetic of one width.
macro_rules! wide {
    ($t:ident $w:ident: $add:ident $sub:ident $mul:ident $div:ident $rem:ident,
     $n_add:ident $n_sub:ident $n_mul:ident $n_div:ident $n_rem:ident) => {
        fn $add(x: $t, y: $t, carry: $t) -> ($t, $t) {
            let sum = x as $w + y as $w + carry as $w;
            (sum as $t, (sum >> $t::BITS) as $t)
        }
        fn $sub(x: $t, y: $t, borrow: $t) -> ($t, $t) {
            let diff = (x as $w).wrapping_sub(y as $w).wrapping_sub(borrow as $w);
            (diff as $t, (diff >> $t::BITS) as $t & 1)
        }
        fn $mul(x: $t, y: $t) -> ($t, $t) {
            let p = x as $w * y as $w;
            ((p >> $t::BITS) as $t, p as $t)
        }
        fn $div(hi: $t, lo: $t, y: $t) -> Result<($t, $t), Bad> {
            if y == 0 {
                return Err(Bad::Zero);
            }
            if y <= hi {
                return Err(Bad::Overflow);
            }
            let n = (hi as $w) << $t::BITS | lo as $w;
            Ok(((n / y as $w) as $t, (n % y as $w) as $t))
        }
        fn $rem(hi: $t, lo: $t, y: $t) -> Result<$t, Bad> {
            if y == 0 {
                return Err(Bad::Zero);
            }
            Ok((((hi as $w) << $t::BITS | lo as $w) % y as $w) as $t)
        }
        native!($n_add, 2, |c| {
            let (x, y, carry) = (c.word() as $t, c.word() as $t, c.word() as $t);
            let (sum, out) = $add(x, y, carry);
            c.ret(sum as u64).ret(out as u64);
        });
        native!($n_sub, 2, |c| {
            let (x, y, borrow) = (c.word() as $t, c.word() as $t, c.word() as $t);
            let (diff, out) = $sub(x, y, borrow);
            c.ret(diff as u64).ret(out as u64);
        });
        native!($n_mul, 2, |c| {
            let (x, y) = (c.word() as $t, c.word() as $t);
            let (hi, lo) = $mul(x, y);
            c.ret(hi as u64).ret(lo as u64);
        });
        native!($n_div, 2, |c| {
            let (hi, lo, y) = (c.word() as $t, c.word() as $t, c.word() as $t);
            match $div(hi, lo, y) {
                Ok((q, r)) => c.ret(q as u64).ret(r as u64),
                Err(e) => return bad(c.cx, e),
            };
        });
        native!($n_rem, 1, |c| {
            let (hi, lo, y) = (c.word() as $t, c.word() as $t, c.word() as $t);
            match $rem(hi, lo, y) {
                Ok(r) => c.ret(r as u64),
                Err(e) => return bad(c.cx, e),
            };
        });
    };
}
fn bad(cx: &mut Cx, why: Bad) -> Exit {
    match why {
        Bad::Zero => cx.fail(Code::DivZero, 0, 0),
        Bad::Overflow => cx.panic_text("runtime error: integer overflow"),
    }
}
wide!(u32 u64: add32 sub32 mul32 div32 rem32, n_add32 n_sub32 n_mul32 n_div32 n_rem32);
wide!(u64 u128: add64 sub64 mul64 div64 rem64, n_add64 n_sub64 n_mul64 n_div64 n_rem64);

pub const NATIVES: &[Entry] = &[
    ("math/bits.LeadingZeros", zeros64),
    ("math/bits.LeadingZeros8", zeros8),
    ("math/bits.LeadingZeros16", zeros16),
    ("math/bits.LeadingZeros32", zeros32),
    ("math/bits.LeadingZeros64", zeros64),
    ("math/bits.TrailingZeros", trail64),
    ("math/bits.TrailingZeros8", trail8),
    ("math/bits.TrailingZeros16", trail16),
    ("math/bits.TrailingZeros32", trail32),
    ("math/bits.TrailingZeros64", trail64),
    ("math/bits.OnesCount", ones64),
    ("math/bits.OnesCount8", ones8),
    ("math/bits.OnesCount16", ones16),
    ("math/bits.OnesCount32", ones32),
    ("math/bits.OnesCount64", ones64),
    ("math/bits.Len", len64),
    ("math/bits.Len8", len8),
    ("math/bits.Len16", len16),
    ("math/bits.Len32", len32),
    ("math/bits.Len64", len64),
    ("math/bits.RotateLeft", rotate64),
    ("math/bits.RotateLeft8", rotate8),
    ("math/bits.RotateLeft16", rotate16),
    ("math/bits.RotateLeft32", rotate32),
    ("math/bits.RotateLeft64", rotate64),
    ("math/bits.Reverse", reverse64),
    ("math/bits.Reverse8", reverse8),
    ("math/bits.Reverse16", reverse16),
    ("math/bits.Reverse32", reverse32),
    ("math/bits.Reverse64", reverse64),
    ("math/bits.ReverseBytes", swap64),
    ("math/bits.ReverseBytes16", swap16),
    ("math/bits.ReverseBytes32", swap32),
    ("math/bits.ReverseBytes64", swap64),
    ("math/bits.Add", n_add64),
    ("math/bits.Sub", n_sub64),
    ("math/bits.Mul", n_mul64),
    ("math/bits.Div", n_div64),
    ("math/bits.Rem", n_rem64),
    ("math/bits.Add32", n_add32),
    ("math/bits.Sub32", n_sub32),
    ("math/bits.Mul32", n_mul32),
    ("math/bits.Div32", n_div32),
    ("math/bits.Rem32", n_rem32),
    ("math/bits.Add64", n_add64),
    ("math/bits.Sub64", n_sub64),
    ("math/bits.Mul64", n_mul64),
    ("math/bits.Div64", n_div64),
    ("math/bits.Rem64", n_rem64),
    ("math/rand/v2.mul64", n_mul64),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries() {
        assert_eq!(add64(u64::MAX, 0, 1), (0, 1));
        assert_eq!(add32(1, 2, 1), (4, 0));
        assert_eq!(sub64(0, u64::MAX, 1), (0, 1));
        assert_eq!(sub32(5, 4, 1), (0, 0));
        assert_eq!(mul64(u64::MAX, u64::MAX), (u64::MAX - 1, 1));
    }
    #[test]
    fn division() {
        assert_eq!(div64(1, 0, 2), Ok((1 << 63, 0)));
        assert_eq!(div32(2, 0, 2), Err(Bad::Overflow));
        assert_eq!(div32(2, 0, 0), Err(Bad::Zero));
        assert_eq!(rem64(7, 3, 2), Ok(1));
        assert_eq!(rem32(0, 3, 0), Err(Bad::Zero));
    }
}
