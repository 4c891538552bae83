//! Sorting of slices of basic types, for `sort` and `slices`.
#![allow(unsafe_code)]

use crate::heap::mem;
use crate::heap::rtti::Kind;
use crate::vm::natives::{Entry, Slice};

/// The headers in a guest slice of strings or slices: address and second word.
pub(super) fn headers(s: Slice) -> Vec<(u64, u64)> {
    crate::race::reads(s.ptr, s.len * 16);
    (0..s.len)
        // SAFETY: s describes len elements of 16 bytes, 16-aligned.
        .map(|i| unsafe { mem::load128((s.ptr as *const u8).add(16 * i)) })
        .collect()
}

// ----- sorting -----

/// Go's order of floats: NaNs first, zeros equal.
fn float_order(a: &f64, b: &f64) -> std::cmp::Ordering {
    a.partial_cmp(b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Loads a slice's elements, sorts them, stores them. Racing writers lose their writes.
fn sort_as<T>(
    s: Slice,
    size: usize,
    load: impl Fn(*const u8) -> T,
    store: impl Fn(*mut u8, &T),
    sort: impl FnOnce(&mut [T]),
) {
    let at = |i: usize| (s.ptr as usize + i * size) as *mut u8;
    crate::race::reads(s.ptr, s.len * size);
    crate::race::writes(s.ptr, s.len * size);
    let mut v: Vec<T> = (0..s.len).map(|i| load(at(i))).collect();
    sort(&mut v);
    // SAFETY: the slice's elements.
    unsafe { crate::heap::barrier::overwrite(s.ptr as *const u8, s.len * size) };
    for (i, x) in v.iter().enumerate() {
        store(at(i), x);
    }
}

macro_rules! sort_ints {
    ($s:expr, $size:expr, $load:ident, $store:ident, $ty:ty) => {
        sort_as(
            $s,
            $size,
            // SAFETY: an element of the slice, aligned for its type.
            |p| unsafe { mem::$load(p) } as $ty,
            // SAFETY: as above.
            |p, &x| unsafe { mem::$store(p, x as _) },
            |v| v.sort_unstable(),
        )
    };
}

fn sort_floats(s: Slice) {
    sort_as(
        s,
        8,
        // SAFETY: an element of the slice, aligned for its type.
        |p| f64::from_bits(unsafe { mem::load_u64(p) }),
        // SAFETY: as above.
        |p, x| unsafe { mem::store_u64(p, x.to_bits()) },
        |v| v.sort_unstable_by(float_order),
    );
}

fn sort_floats32(s: Slice) {
    sort_as(
        s,
        4,
        // SAFETY: an element of the slice, aligned for its type.
        |p| f32::from_bits(unsafe { mem::load_u32(p) }),
        // SAFETY: as above.
        |p, x| unsafe { mem::store_u32(p, x.to_bits()) },
        |v| v.sort_unstable_by(|a, b| float_order(&(*a as f64), &(*b as f64))),
    );
}

fn sort_strings(s: Slice) {
    sort_as(
        s,
        16,
        // SAFETY: a string header in the slice; see `strings` for the bytes.
        |p| unsafe {
            let (p, n) = mem::load128(p);
            (p, crate::vm::ops::slow::bytes(p, n))
        },
        // SAFETY: an element of the slice.
        |at, &(p, text)| unsafe { mem::store128(at, p, text.len() as u64) },
        |v| v.sort_unstable_by(|a, b| a.1.cmp(b.1)),
    );
}

native!(ints, 0, |c| sort_ints!(
    c.slice(),
    8,
    load_u64,
    store_u64,
    i64
));
native!(float64s, 0, |c| sort_floats(c.slice()));
native!(sort_strs, 0, |c| sort_strings(c.slice()));

fn sorted<T>(
    s: Slice,
    size: usize,
    load: impl Fn(*const u8) -> T,
    less: impl Fn(&T, &T) -> bool,
) -> bool {
    crate::race::reads(s.ptr, s.len * size);
    let at = |i: usize| load((s.ptr as usize + i * size) as *const u8);
    (1..s.len).all(|i| !less(&at(i), &at(i - 1)))
}

native!(ints_sorted, 1, |c| {
    let s = c.slice();
    // SAFETY: an element of the slice.
    let load = |p| unsafe { mem::load_u64(p) } as i64;
    c.ret_bool(sorted(s, 8, load, |a, b| a < b))
});
native!(floats_sorted, 1, |c| {
    let s = c.slice();
    // SAFETY: an element of the slice.
    let load = |p| f64::from_bits(unsafe { mem::load_u64(p) });
    c.ret_bool(sorted(s, 8, load, |a, b| float_order(a, b).is_lt()))
});
native!(strings_sorted, 1, |c| {
    let v = strings(c.slice());
    c.ret_bool(v.is_sorted())
});

/// The slice in an interface value, which the caller has made one.
fn boxed_slice((ty, data): (u64, u64)) -> Option<(&'static crate::heap::rtti::Rtti, Slice)> {
    if ty == 0 {
        return None;
    }
    // SAFETY: a type word is the address of a descriptor, which lives forever.
    let t = unsafe { &*(ty as *const crate::heap::rtti::Rtti) };
    if t.kind != Kind::Slice {
        return None;
    }
    // SAFETY: a slice is never direct, so the data word is the address of its header.
    let (ptr, lc) = unsafe { mem::load128(data as *const u8) };
    Some((
        t,
        Slice {
            ptr,
            len: lc as u32 as usize,
            cap: (lc >> 32) as usize,
        },
    ))
}

native!(sort_basic, 0, |c| {
    let Some((t, s)) = boxed_slice(c.iface()) else {
        return c.panic("slices: the argument is not a slice");
    };
    match t.elem().kind {
        Kind::Int | Kind::Int64 => sort_ints!(s, 8, load_u64, store_u64, i64),
        Kind::Uint | Kind::Uint64 | Kind::Uintptr => {
            sort_ints!(s, 8, load_u64, store_u64, u64)
        }
        Kind::Int32 => sort_ints!(s, 4, load_i32, store_i32, i32),
        Kind::Uint32 => sort_ints!(s, 4, load_u32, store_u32, u32),
        Kind::Int16 => sort_ints!(s, 2, load_i16, store_i16, i16),
        Kind::Uint16 => sort_ints!(s, 2, load_u16, store_u16, u16),
        Kind::Int8 => sort_ints!(s, 1, load_i8, store_i8, i8),
        Kind::Uint8 => sort_ints!(s, 1, load_u8, store_u8, u8),
        Kind::Float64 => sort_floats(s),
        Kind::Float32 => sort_floats32(s),
        Kind::String => sort_strings(s),
        _ => return c.panic("slices: the elements have no order"),
    }
});

// ----- bufio -----

/// A guest slice of strings.
pub(super) fn strings<'a>(s: Slice) -> Vec<&'a [u8]> {
    headers(s)
        .into_iter()
        // SAFETY: a string header: readable, and kept alive by the argument's frame slot
        // or by whoever holds the string, since no collection happens inside a native.
        .map(|(p, n)| unsafe { crate::vm::ops::slow::bytes(p, n) })
        .collect()
}

pub const NATIVES: &[Entry] = &[
    ("sort.Ints", ints),
    ("sort.Float64s", float64s),
    ("sort.Strings", sort_strs),
    ("sort.IntsAreSorted", ints_sorted),
    ("sort.Float64sAreSorted", floats_sorted),
    ("sort.StringsAreSorted", strings_sorted),
    ("slices.sortBasic", sort_basic),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_nans_first() {
        let mut v = [1.0, f64::NAN, -1.0, 0.0];
        v.sort_unstable_by(float_order);
        assert!(v[0].is_nan());
        assert_eq!(v[1..], [-1.0, 0.0, 1.0]);
    }
}
