//! Go's text formats as pure functions over bytes: integers, floats, quoting, parsing
//! ([`int`], [`float`], [`quote`], [`parse`]), one operand under one verb ([`scalar`]),
//! any value by its descriptor ([`value`]), whole format strings ([`mod@format`]), and
//! looking at values for `reflect` ([`inspect`]).
//!
//! What needs a method of the guest (`Error`, `String`, `GoString`, `Format`) cannot be
//! called from here. The printer leaves a gap and notes a [`value::Call`]; the caller
//! runs the method and fills the gap with [`format::splice`].

pub mod float;
pub mod format;
pub mod inspect;
pub mod int;
pub mod mem;
pub mod order;
pub mod parse;
mod print_table;
pub mod quote;
pub mod scalar;
pub mod utf8;
pub mod value;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

/// The flags, width and precision of one directive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub width: Option<usize>,
    pub prec: Option<usize>,
    pub plus: bool,
    pub minus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%+v`: `plus` has this meaning instead.
    pub plus_v: bool,
    /// `%#v`: `sharp` has this meaning instead.
    pub sharp_v: bool,
}

impl Flags {
    /// The flags as bits 0 to 6, in the order of the fields.
    pub fn bits(&self) -> u64 {
        [
            self.plus,
            self.minus,
            self.sharp,
            self.space,
            self.zero,
            self.plus_v,
            self.sharp_v,
        ]
        .iter()
        .enumerate()
        .fold(0, |bits, (i, &on)| bits | (on as u64) << i)
    }

    /// The inverse of [`Flags::bits`]; a negative width or precision is an absent one.
    pub fn from_bits(bits: u64, width: i64, prec: i64) -> Flags {
        let on = |i: u32| bits >> i & 1 != 0;
        Flags {
            width: usize::try_from(width).ok(),
            prec: usize::try_from(prec).ok(),
            plus: on(0),
            minus: on(1),
            sharp: on(2),
            space: on(3),
            zero: on(4),
            plus_v: on(5),
            sharp_v: on(6),
        }
    }
}

/// Appends `n` padding bytes: zeros only where they stand to the left.
pub(crate) fn padding(out: &mut Vec<u8>, n: usize, fl: &Flags) {
    let byte = if fl.zero && !fl.minus { b'0' } else { b' ' };
    out.resize(out.len() + n, byte);
}

/// Appends `text` padded to the width, which counts runes.
pub(crate) fn pad(out: &mut Vec<u8>, text: &[u8], fl: &Flags) {
    let missing = fl
        .width
        .map_or(0, |w| w.saturating_sub(utf8::rune_count(text)));
    if !fl.minus {
        padding(out, missing, fl);
    }
    out.extend_from_slice(text);
    if fl.minus {
        padding(out, missing, fl);
    }
}
