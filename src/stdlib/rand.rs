//! `math/rand` and `math/rand/v2`: each thread has a generator of its own; after
//! `rand.Seed` all share one whose sequence depends on the seed alone. Seeded sequences are
//! Go's.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::lagged::{self, LEN, TAP};
use crate::heap::mem;
use crate::vm::natives::Entry;

/// A Weyl sequence whose terms are mixed by a wide multiplication.
fn weyl(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0xa076_1d64_78bd_642f);
    let wide = u128::from(*state) * u128::from(*state ^ 0xe703_7ed1_a0b4_28db);
    (wide >> 64) as u64 ^ wide as u64
}

/// See `lagged`: what `rand.NewSource` mixes its seed with.
static MIXTURE: [u64; LEN] = include!(concat!(env!("OUT_DIR"), "/lagged_table.rs"));

/// The words of a state for a seed.
fn seeded_state(seed: i64) -> [u64; LEN] {
    let mut state = lagged::seeded(seed, 20);
    for (w, m) in state.iter_mut().zip(MIXTURE) {
        *w ^= m;
    }
    state
}

/// The sequence of a seed.
struct Lagged {
    words: [u64; LEN],
    /// Where the sum goes next; its other term lies `TAP` places behind.
    feed: usize,
}

impl Lagged {
    fn new(seed: i64) -> Lagged {
        Lagged {
            words: seeded_state(seed),
            feed: LEN - TAP,
        }
    }
    fn next(&mut self) -> u64 {
        self.feed = before(self.feed);
        let x = self.words[self.feed].wrapping_add(self.words[(self.feed + TAP) % LEN]);
        self.words[self.feed] = x;
        x
    }
}

fn before(i: usize) -> usize {
    if i == 0 { LEN - 1 } else { i - 1 }
}

thread_local! {
    static OWN: Cell<u64> = Cell::new(crate::heap::hash::random());
}
static SEEDED: AtomicBool = AtomicBool::new(false);
static COMMON: Mutex<Option<Box<Lagged>>> = Mutex::new(None);

fn own() -> u64 {
    OWN.with(|s| {
        let mut state = s.get();
        let v = weyl(&mut state);
        s.set(state);
        v
    })
}
/// The next number of the common generator, if it has been seeded.
fn common() -> Option<u64> {
    if !SEEDED.load(Ordering::Acquire) {
        return None;
    }
    let mut state = COMMON.lock().unwrap_or_else(PoisonError::into_inner);
    state.as_mut().map(|s| s.next())
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

native!(is_seeded, 1, |c| {
    c.ret_bool(SEEDED.load(Ordering::Relaxed));
});
native!(common64, 1, |c| {
    c.ret(common().unwrap_or_else(own));
});
native!(random_n, 1, |c| {
    let n = c.word();
    // n itself says that the numbers come from the seeded generator.
    let v = if SEEDED.load(Ordering::Relaxed) {
        n
    } else {
        below(n, own)
    };
    c.ret(v);
});
native!(seed_common, 0, |c| {
    let state = Box::new(Lagged::new(c.int()));
    *COMMON.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    SEEDED.store(true, Ordering::Release);
});
native!(fill_state, 0, |c| {
    let p = c.word();
    let state = seeded_state(c.int());
    crate::race::writes(p, 8 * LEN);
    for (i, w) in state.into_iter().enumerate() {
        // SAFETY: the array of LEN words that the method's receiver points to.
        unsafe { mem::store_u64((p as *mut u8).add(8 * i), w) };
    }
});
/// The next number of a guest's state: LEN words and then `feed`.
fn step(p: u64) -> u64 {
    let (words, feed) = (p as *mut u8, (p as usize + 8 * LEN) as *mut u8);
    crate::race::reads(p, 8 * LEN + 8);
    crate::race::writes(p + 8 * LEN as u64, 8);
    // SAFETY: p is a live rngSource; goroutines that race only spoil numbers, as the
    // indices are brought into range.
    unsafe {
        let at = before(mem::load_u64(feed) as usize % (LEN + 1)) % LEN;
        let other = mem::load_u64(words.add(8 * ((at + TAP) % LEN)));
        let x = mem::load_u64(words.add(8 * at)).wrapping_add(other);
        mem::store_u64(words.add(8 * at), x);
        mem::store_u64(feed, at as u64);
        x
    }
}
native!(source_uint64, 1, |c| {
    let p = c.word();
    c.ret(step(p));
});
native!(source_int63, 1, |c| {
    let p = c.word();
    c.ret(step(p) & (u64::MAX >> 1));
});
native!(random64, 1, |c| {
    c.ret(own());
});
native!(random_n_v2, 1, |c| {
    let n = c.word();
    c.ret(below(n, own));
});

/// Four ChaCha8 blocks, their words interleaved. The key is added at the end, counters and
/// constants are not.
fn chacha8(key: [u64; 4], counter: u32) -> [u64; 32] {
    fn quarter(s: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
        for (right, left) in [(16, 12), (8, 7)] {
            s[a] = s[a].wrapping_add(s[b]);
            s[d] = (s[d] ^ s[a]).rotate_left(right);
            s[c] = s[c].wrapping_add(s[d]);
            s[b] = (s[b] ^ s[c]).rotate_left(left);
        }
    }
    let mut out = [0; 32];
    for block in 0..4 {
        let mut s = [0u32; 16];
        s[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
        for i in 0..8 {
            s[4 + i] = (key[i / 2] >> (32 * (i % 2))) as u32;
        }
        let start = s;
        s[12] = counter + block as u32;
        for _ in 0..4 {
            for i in 0..4 {
                quarter(&mut s, i, 4 + i, 8 + i, 12 + i);
            }
            for i in 0..4 {
                quarter(
                    &mut s,
                    i,
                    4 + (i + 1) % 4,
                    8 + (i + 2) % 4,
                    12 + (i + 3) % 4,
                );
            }
        }
        for i in 0..16 {
            let add = if (4..12).contains(&i) { start[i] } else { 0 };
            out[2 * i + block / 2] |= u64::from(s[i].wrapping_add(add)) << (32 * (block % 2));
        }
    }
    out
}
native!(chacha_blocks, 0, |c| {
    let (key, out) = (c.word(), c.word());
    let counter = c.word() as u32;
    crate::race::reads(key, 32);
    crate::race::writes(out, 256);
    // SAFETY: addresses of arrays of 4 and 32 words, fields of a live struct.
    unsafe {
        let key = std::array::from_fn(|i| mem::load_u64((key as *const u8).add(8 * i)));
        for (i, w) in chacha8(key, counter & 15).into_iter().enumerate() {
            mem::store_u64((out as *mut u8).add(8 * i), w);
        }
    }
});

pub const NATIVES: &[Entry] = &[
    ("math/rand.random64", random64),
    ("math/rand.randomN", random_n),
    ("math/rand.isSeeded", is_seeded),
    ("math/rand.common64", common64),
    ("math/rand.seedCommon", seed_common),
    ("math/rand.fillState", fill_state),
    ("math/rand.(*rngSource).Uint64", source_uint64),
    ("math/rand.(*rngSource).Int63", source_int63),
    ("math/rand/v2.blocks", chacha_blocks),
    ("math/rand/v2.random64", random64),
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
        assert_eq!(weyl(&mut a), weyl(&mut b));
        assert_ne!(own(), own());
    }
}
