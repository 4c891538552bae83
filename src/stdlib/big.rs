//! `math/big`: arithmetic on integers kept as strings of signed little-endian bytes
//! (empty for 0), which never change, so values may be shared freely.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use crate::vm::natives::Entry;

fn int(b: &[u8]) -> BigInt {
    BigInt::from_signed_bytes_le(b)
}
fn bytes(x: &BigInt) -> Vec<u8> {
    if x.is_zero() {
        Vec::new()
    } else {
        x.to_signed_bytes_le()
    }
}

/// The operations of two integers. None: division by zero, or no result.
fn apply(op: i64, a: &BigInt, b: &BigInt) -> Option<BigInt> {
    if matches!(op, 3..=6) && b.is_zero() {
        return None;
    }
    Some(match op {
        0 => a + b,
        1 => a - b,
        2 => a * b,
        3 => a / b,
        4 => a % b,
        // Euclid's: the remainder is not negative.
        5 => {
            let r = euclid(a, b);
            (a - r) / b
        }
        6 => euclid(a, b),
        7 => a & b,
        8 => a | b,
        9 => a ^ b,
        10 => a & !b,
        11 => a.gcd(b),
        12 => a << b.to_usize()?,
        13 => a >> b.to_usize()?,
        14 => a.modinv(b)?,
        15 => a.sqrt(),
        _ => return None,
    })
}
fn euclid(a: &BigInt, b: &BigInt) -> BigInt {
    let r = a % b;
    if r.is_negative() { r + b.abs() } else { r }
}

/// Miller and Rabin's test with the first `rounds` primes and more as bases.
fn probably_prime(n: &BigUint, rounds: usize) -> bool {
    let small = [
        2u32, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53,
    ];
    for p in small {
        let p = BigUint::from(p);
        if *n == p {
            return true;
        }
        if (n % &p).is_zero() {
            return false;
        }
    }
    if *n < BigUint::from(2u32) {
        return false;
    }
    let one = BigUint::one();
    let less = n - &one;
    let twos = less.trailing_zeros().unwrap_or(0);
    let odd = &less >> twos;
    let bases = small
        .into_iter()
        .chain((59u32..).step_by(2))
        .take(rounds.max(16));
    for base in bases {
        let base = BigUint::from(base) % n;
        if base.is_zero() {
            continue;
        }
        let mut x = base.modpow(&odd, n);
        if x == one || x == less {
            continue;
        }
        let composite = (1..twos).all(|_| {
            x = &x * &x % n;
            x != less
        });
        if composite {
            return false;
        }
    }
    true
}

// ----- natives -----

native!(n_op, 3, |c| {
    let (op, a, b) = (c.int(), int(c.str()), int(c.str()));
    match apply(op, &a, &b) {
        Some(r) => {
            crate::try_exit!(c.ret_str(&bytes(&r))).ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret_bool(false);
        }
    }
});
native!(n_exp, 3, |c| {
    let (a, e, m) = (int(c.str()), int(c.str()), int(c.str()));
    let r = if m.is_zero() {
        e.to_u32()
            .filter(|e| a.bits() * u64::from(*e) < 1 << 33)
            .map(|e| a.pow(e))
    } else {
        let m = m.abs();
        if e.is_negative() {
            a.modinv(&m).map(|i| i.modpow(&-e, &m))
        } else {
            Some(euclid(&a.modpow(&e, &m), &m))
        }
    };
    match r {
        Some(r) => {
            crate::try_exit!(c.ret_str(&bytes(&r))).ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret_bool(false);
        }
    }
});
native!(n_cmp, 1, |c| {
    let (a, b) = (int(c.str()), int(c.str()));
    c.ret_int(a.cmp(&b) as i64);
});
native!(n_text, 2, |c| {
    let (a, base) = (int(c.str()), c.int());
    let base = base.clamp(2, 62) as u32;
    let text = if base <= 36 {
        a.to_str_radix(base)
    } else {
        const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let digits = a.magnitude().to_radix_be(base);
        let sign = if a.is_negative() { "-" } else { "" };
        let text: String = digits.iter().map(|d| DIGITS[*d as usize] as char).collect();
        format!("{sign}{text}")
    };
    crate::try_exit!(c.ret_str(text.as_bytes()));
});
native!(n_parse, 3, |c| {
    let (s, base) = (c.str(), c.int());
    let base = base.clamp(2, 62) as u32;
    let digit = |b: u8| -> Option<u8> {
        let d = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'z' => b - b'a' + 10,
            b'A'..=b'Z' if base > 36 => b - b'A' + 36,
            b'A'..=b'Z' => b - b'A' + 10,
            _ => return None,
        };
        (u32::from(d) < base).then_some(d)
    };
    let digits: Option<Vec<u8>> = s.iter().map(|b| digit(*b)).collect();
    let found = digits
        .filter(|d| !d.is_empty())
        .and_then(|d| BigUint::from_radix_be(&d, base));
    match found {
        Some(x) => {
            let x = BigInt::from_biguint(Sign::Plus, x);
            crate::try_exit!(c.ret_str(&bytes(&x))).ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret_bool(false);
        }
    }
});
native!(n_from_int, 2, |c| {
    let x = BigInt::from(c.int());
    crate::try_exit!(c.ret_str(&bytes(&x)));
});
native!(n_from_uint, 2, |c| {
    let x = BigInt::from(c.word());
    crate::try_exit!(c.ret_str(&bytes(&x)));
});
native!(n_to_int, 2, |c| {
    let x = int(c.str());
    let low = x.magnitude().iter_u64_digits().next().unwrap_or(0);
    let v = if x.is_negative() {
        (low as i64).wrapping_neg()
    } else {
        low as i64
    };
    c.ret_int(v).ret_bool(x.to_i64().is_some());
});
native!(n_bits, 1, |c| {
    let x = int(c.str());
    c.ret_int(x.bits() as i64);
});
native!(n_magnitude, 2, |c| {
    let x = int(c.str());
    let b = if x.is_zero() {
        Vec::new()
    } else {
        x.magnitude().to_bytes_be()
    };
    crate::try_exit!(c.ret_bytes(&b));
});
native!(n_from_bytes, 2, |c| {
    let x = BigInt::from_bytes_be(Sign::Plus, c.bytes());
    crate::try_exit!(c.ret_str(&bytes(&x)));
});
native!(n_prime, 1, |c| {
    let (x, n) = (int(c.str()), c.int());
    let prime = !x.is_negative() && probably_prime(x.magnitude(), n.clamp(0, 64) as usize);
    c.ret_bool(prime);
});
native!(n_to_float, 1, |c| {
    let x = int(c.str());
    c.ret_f64(x.to_f64().unwrap_or(f64::INFINITY));
});

pub const NATIVES: &[Entry] = &[
    ("math/big.op", n_op),
    ("math/big.exp", n_exp),
    ("math/big.cmp", n_cmp),
    ("math/big.text", n_text),
    ("math/big.parse", n_parse),
    ("math/big.fromInt", n_from_int),
    ("math/big.fromUint", n_from_uint),
    ("math/big.toInt", n_to_int),
    ("math/big.bits", n_bits),
    ("math/big.magnitude", n_magnitude),
    ("math/big.fromBytes", n_from_bytes),
    ("math/big.prime", n_prime),
    ("math/big.toFloat", n_to_float),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_and_euclid() {
        assert!(probably_prime(&BigUint::from(1_000_000_007u32), 5));
        assert!(!probably_prime(&BigUint::from(3_215_031_751u32), 5));
        let m = apply(6, &BigInt::from(-7), &BigInt::from(-3));
        assert_eq!(m, Some(BigInt::from(2)));
        let q = apply(5, &BigInt::from(-7), &BigInt::from(-3));
        assert_eq!(q, Some(BigInt::from(3)));
    }
}
