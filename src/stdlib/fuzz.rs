//! `internal/fuzz`: what the block counters say of one run of a fuzz target, and the words
//! that the code under test compares its input with.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cover::{self, Table};
use crate::vm::natives::Entry;

/// Classes of counts, as bits, that some run of each block has had.
static SEEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn seen() -> MutexGuard<'static, Vec<u8>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a block ran, coarsely: a loop that goes round once more is nothing new.
fn class(n: u32) -> u8 {
    match n {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        _ => 128,
    }
}

fn classes(t: &Table) -> impl Iterator<Item = u8> {
    t.counters()
        .iter()
        .map(|c| class(c.load(Ordering::Relaxed)))
}

native!(reset, 0, |_c| {
    for c in cover::table().iter().flat_map(|t| t.counters()) {
        c.store(0, Ordering::Relaxed);
    }
});
native!(fresh, 1, |c| {
    let mut seen = seen();
    let new = cover::table().is_some_and(|t| {
        seen.resize(t.counters().len(), 0);
        classes(t).zip(&*seen).any(|(n, old)| n & !old != 0)
    });
    drop(seen);
    c.ret_bool(new);
});
native!(bits, 2, |c| {
    let all: Vec<u8> = cover::table().into_iter().flat_map(classes).collect();
    crate::try_exit!(c.ret_bytes(&all));
});
native!(learn, 0, |c| {
    let bits = c.bytes();
    let mut seen = seen();
    if seen.len() < bits.len() {
        seen.resize(bits.len(), 0);
    }
    for (old, new) in seen.iter_mut().zip(bits) {
        *old |= new;
    }
});
native!(words, 2, |c| {
    let words = cover::table().map_or(&[][..], |t| t.words());
    let parts: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
    crate::try_exit!(c.ret_strings(&parts));
});

pub const NATIVES: &[Entry] = &[
    ("internal/fuzz.reset", reset),
    ("internal/fuzz.fresh", fresh),
    ("internal/fuzz.bits", bits),
    ("internal/fuzz.learn", learn),
    ("internal/fuzz.words", words),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_single_bits_in_order() {
        let all: Vec<u8> = [0, 1, 2, 3, 4, 7, 8, 31, 32, 127, 128, u32::MAX]
            .into_iter()
            .map(class)
            .collect();
        assert_eq!(all, [0, 1, 2, 4, 8, 8, 16, 32, 64, 64, 128, 128]);
    }
}
