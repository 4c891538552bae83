//! `math/rand` and `math/rand/v2`: each thread has a generator of its own; after
//! `rand.Seed` all share one whose sequence depends on the seed alone.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::vm::natives::Entry;

/// A Weyl sequence whose terms are mixed by a wide multiplication.
fn weyl(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0xa076_1d64_78bd_642f);
    let wide = u128::from(*state) * u128::from(*state ^ 0xe703_7ed1_a0b4_28db);
    (wide >> 64) as u64 ^ wide as u64
}
/// SplitMix64, the sequence of `rand.NewSource`.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

thread_local! {
    static OWN: Cell<u64> = Cell::new(crate::heap::hash::random());
}
static SEEDED: AtomicBool = AtomicBool::new(false);
static COMMON: Mutex<u64> = Mutex::new(0);

fn own() -> u64 {
    OWN.with(|s| {
        let mut state = s.get();
        let v = weyl(&mut state);
        s.set(state);
        v
    })
}
/// The next number of the package functions.
fn global() -> u64 {
    if SEEDED.load(Ordering::Acquire) {
        split_mix(&mut COMMON.lock().unwrap_or_else(PoisonError::into_inner))
    } else {
        own()
    }
}
/// Below n, without bias (Lemire's method); any number if n is 0.
fn below(n: u64, mut next: impl FnMut() -> u64) -> u64 {
    if n == 0 {
        return next();
    }
    let mut wide = u128::from(next()) * u128::from(n);
    if (wide as u64) < n {
        let least = n.wrapping_neg() % n;
        while (wide as u64) < least {
            wide = u128::from(next()) * u128::from(n);
        }
    }
    (wide >> 64) as u64
}

native!(random64, 1, |c| {
    c.ret(global());
});
native!(random_n, 1, |c| {
    let n = c.word();
    c.ret(below(n, global));
});
native!(random_float, 1, |c| {
    c.ret_f64((global() >> 11) as f64 / (1u64 << 53) as f64);
});
native!(seed_global, 0, |c| {
    *COMMON.lock().unwrap_or_else(PoisonError::into_inner) = c.word();
    SEEDED.store(true, Ordering::Release);
});
native!(random64_v2, 1, |c| {
    c.ret(own());
});
native!(random_n_v2, 1, |c| {
    let n = c.word();
    c.ret(below(n, own));
});

pub const NATIVES: &[Entry] = &[
    ("math/rand.random64", random64),
    ("math/rand.randomN", random_n),
    ("math/rand.randomFloat", random_float),
    ("math/rand.seedGlobal", seed_global),
    ("math/rand/v2.random64", random64_v2),
    ("math/rand/v2.randomN", random_n_v2),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_even() {
        let mut state = 1;
        let mut count = [0; 6];
        for _ in 0..60_000 {
            count[below(6, || weyl(&mut state)) as usize] += 1;
        }
        assert!(
            count.iter().all(|n| (9_500..10_500).contains(n)),
            "{count:?}"
        );
        assert_eq!(below(1, || weyl(&mut state)), 0);
    }
    #[test]
    fn below_rejects_the_remainder() {
        // With n = 3, the product's low half 0 belongs to the one number too many.
        let mut seq = [0, u64::MAX].into_iter();
        assert_eq!(below(3, || seq.next().unwrap_or(0)), 2);
    }
    #[test]
    fn seeds_repeat() {
        let (mut a, mut b) = (42, 42);
        assert_eq!(split_mix(&mut a), split_mix(&mut b));
        assert_ne!(own(), own());
    }
}
