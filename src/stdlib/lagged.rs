//! The state that `math/rand` mixes into every seed, computed when gosub is built.
//!
//! The generator of `rand.NewSource` is the lagged Fibonacci sequence
//! `y[n] = y[n-607] + y[n-273]` over 64-bit words. Seeds are combined with the words that
//! the sequence from seed 1 reaches after 7.8e12 steps. Nobody walks there: the step is
//! linear, so n steps are the polynomial x^n modulo x^607 - x^334 - 1.

/// Words of the state, and the distance of the nearer term.
pub const LEN: usize = 607;
pub const TAP: usize = 273;

/// The words from a seed: three terms of a Lehmer generator each, `shift` bits apart.
pub fn seeded(seed: i64, shift: u32) -> [u64; LEN] {
    const M: i64 = (1 << 31) - 1;
    let mut x = seed % M;
    if x < 0 {
        x += M;
    }
    if x == 0 {
        x = 89_482_311;
    }
    let mut next = || {
        x = x * 48_271 % M;
        x as u64
    };
    for _ in 0..20 {
        next();
    }
    std::array::from_fn(|_| next() << (2 * shift) ^ next() << shift ^ next())
}

/// Replaces what is above degree 606: x^607 is x^334 + 1.
fn reduce(p: &mut [u64]) {
    for i in (LEN..p.len()).rev() {
        let c = std::mem::take(&mut p[i]);
        p[i - LEN] = p[i - LEN].wrapping_add(c);
        p[i - TAP] = p[i - TAP].wrapping_add(c);
    }
}

/// x^n modulo the characteristic polynomial.
fn power(n: u64) -> Vec<u64> {
    let mut r = vec![0u64; 2 * LEN];
    r[0] = 1;
    for bit in (0..64 - n.leading_zeros()).rev() {
        let mut square = vec![0u64; 2 * LEN];
        for i in 0..LEN {
            for j in 0..LEN {
                square[i + j] = square[i + j].wrapping_add(r[i].wrapping_mul(r[j]));
            }
        }
        if n >> bit & 1 == 1 {
            square.rotate_right(1);
        }
        reduce(&mut square);
        r = square;
    }
    r
}

/// The words that seeds are combined with, in the order of the state.
#[allow(dead_code, reason = "for the build script")]
pub fn mixture() -> [u64; LEN] {
    const STEPS: u64 = 7_800_000_000_000;
    let start = seeded(1, 10);
    // Where the term y[m], m counted from -607, lies.
    let place = |m: u64| ((LEN - TAP - 1 + 2 * LEN) as u64 - m % LEN as u64) as usize % LEN;
    let mut q = power(STEPS);
    let mut out = [0; LEN];
    for d in 0..LEN as u64 {
        let term = (0..LEN).fold(0u64, |sum, j| {
            sum.wrapping_add(q[j].wrapping_mul(start[place(j as u64)]))
        });
        out[place((STEPS + d) % LEN as u64)] = term;
        q.rotate_right(1);
        reduce(&mut q);
    }
    out
}
