//! `bytes`: the functions of `strings` for byte slices, and `bufio`'s words.
#![allow(unsafe_code)]

use super::fmtcore::utf8::decode_rune;
use super::strings::{self, Replaced, place};
use crate::heap::alloc::zero_base;
use crate::heap::mem;
use crate::heap::rtti::Shape;
use crate::vm::cx::Exit;
use crate::vm::fault::Code;
use crate::vm::natives::{Call, Entry, Slice};
use memchr::{memchr, memrchr};

/// The bounds of the first word of `data`, `None` if `data` ends before the word does,
/// and where to go on.
fn word_ends(data: &[u8], at_eof: bool) -> (usize, Option<usize>, usize) {
    let mut start = None;
    let mut i = 0;
    while i < data.len() {
        let (r, n) = decode_rune(&data[i..]);
        match (strings::is_space(r), start) {
            (true, Some(lo)) => return (lo, Some(i), i + n),
            (false, None) => start = Some(i),
            _ => {}
        }
        i += n.max(1);
    }
    match start {
        Some(lo) if at_eof => (lo, Some(data.len()), data.len()),
        _ => (
            start.unwrap_or(data.len()),
            None,
            start.unwrap_or(data.len()),
        ),
    }
}

fn runes(s: &[u8]) -> Vec<u32> {
    let mut out = Vec::with_capacity(s.len());
    let mut i = 0;
    while i < s.len() {
        let (r, n) = decode_rune(&s[i..]);
        out.push(r);
        i += n.max(1);
    }
    out
}

/// The part of `s` between the bounds, with no capacity behind it unless `open`.
fn part(s: Slice, (lo, hi): (usize, usize), open: bool) -> Slice {
    let cap = if open { s.cap - lo } else { hi - lo };
    let ptr = match cap {
        0 if s.ptr == 0 => 0,
        // Never the address behind the object, which may be another's.
        0 => zero_base() as u64,
        _ => s.ptr + lo as u64,
    };
    Slice {
        ptr,
        len: hi - lo,
        cap,
    }
}

/// A new `[][]byte`.
fn ret_parts(c: &mut Call, parts: impl ExactSizeIterator<Item = Slice>) -> Result<(), Exit> {
    let n = parts.len();
    let shape = Shape {
        size: 16,
        align: 16,
        ptrs: vec![1],
    };
    let p = c.cx.cache().alloc_array(&shape, n);
    if p.is_null() {
        return Err(c.no_memory());
    }
    for (i, s) in parts.enumerate() {
        // SAFETY: element i of a fresh array of 16-byte headers.
        unsafe { mem::store128(p.add(16 * i), s.ptr, s.len as u64 | (s.cap as u64) << 32) };
    }
    c.ret_slice(Slice {
        ptr: p as u64,
        len: n,
        cap: n,
    });
    Ok(())
}

/// A new slice with the same contents, nil if there are none.
fn ret_copy(c: &mut Call, s: &[u8]) -> Result<(), Exit> {
    if s.is_empty() {
        c.ret(0).ret(0);
    } else {
        c.ret_bytes(s)?;
    }
    Ok(())
}

macro_rules! on_two {
    ($($name:ident $ret:ident |$s:ident, $t:ident| $e:expr;)*) => { $(
        native!($name, 1, |c| {
            let ($s, $t) = (c.bytes(), c.bytes());
            c.$ret($e);
        });
    )* };
}
on_two! {
    n_equal ret_bool |s, t| s == t;
    n_compare ret_int |s, t| s.cmp(t) as i64;
    n_index ret_int |s, t| place(strings::index(s, t));
    n_last_index ret_int |s, t| place(strings::last_index(s, t));
    n_count ret_int |s, t| strings::count(s, t) as i64;
    n_contains ret_bool |s, t| strings::index(s, t).is_some();
    n_has_prefix ret_bool |s, t| s.starts_with(t);
    n_has_suffix ret_bool |s, t| s.ends_with(t);
    n_equal_fold ret_bool |s, t| strings::equal_fold(s, t);
}
native!(n_index_any, 1, |c| {
    let (s, chars) = (c.bytes(), c.str());
    c.ret_int(place(strings::index_any(s, chars)));
});
native!(n_last_index_any, 1, |c| {
    let (s, chars) = (c.bytes(), c.str());
    c.ret_int(place(strings::last_index_any(s, chars)));
});
native!(n_index_byte, 1, |c| {
    let (s, b) = (c.bytes(), c.word() as u8);
    c.ret_int(place(memchr(b, s)));
});
native!(n_last_index_byte, 1, |c| {
    let (s, b) = (c.bytes(), c.word() as u8);
    c.ret_int(place(memrchr(b, s)));
});
native!(n_index_rune, 1, |c| {
    let (s, r) = (c.bytes(), c.word() as i32);
    c.ret_int(place(strings::index_rune(s, r)));
});

macro_rules! mapping {
    ($($name:ident $f:path;)*) => { $(
        native!($name, 2, |c| {
            let s = c.bytes();
            let new = $f(s);
            crate::try_exit!(c.ret_bytes(new.as_deref().unwrap_or(s)));
        });
    )* };
}
mapping! {
    n_to_upper strings::to_upper;
    n_to_lower strings::to_lower;
    n_to_title strings::to_title;
}
native!(n_to_valid, 2, |c| {
    let (s, r) = (c.bytes(), c.bytes());
    let new = strings::to_valid(s, r);
    crate::try_exit!(c.ret_bytes(new.as_deref().unwrap_or(s)));
});
native!(n_trim, 2, |c| {
    let (s, set, left, right) = (c.bytes(), c.str(), c.bool(), c.bool());
    let (lo, hi) = strings::trim(s, set, left, right);
    c.ret(lo as u64).ret(hi as u64);
});
native!(n_trim_space, 2, |c| {
    let (lo, hi) = strings::trim_space(c.bytes());
    c.ret(lo as u64).ret(hi as u64);
});

/// A slice argument as header and contents.
fn both<'a>(c: &mut Call<'a>) -> (Slice, &'a [u8]) {
    let s = c.slice();
    crate::race::reads(s.ptr, s.len);
    // SAFETY: a slice header in the frame.
    (s, unsafe {
        crate::vm::ops::slow::bytes(s.ptr, s.len as u64)
    })
}
native!(n_fields, 2, |c| {
    let (h, s) = both(&mut c);
    let at = strings::fields(s);
    crate::try_exit!(ret_parts(&mut c, at.iter().map(|&b| part(h, b, false))));
});
native!(n_split, 2, |c| {
    let (h, s) = both(&mut c);
    let (sep, keep, n) = (c.bytes(), c.int(), c.int());
    match strings::split(s, sep, keep, n) {
        None => _ = c.ret(0).ret(0),
        Some(at) => {
            let last = at.len().saturating_sub(1);
            let parts = at.iter().enumerate().map(|(i, &b)| part(h, b, i == last));
            crate::try_exit!(ret_parts(&mut c, parts));
        }
    }
});
native!(n_join, 2, |c| {
    let (list, sep) = (c.slice(), c.bytes());
    let list = strings::elements(list, |lc| lc as u32 as u64);
    if let [one] = list[..] {
        crate::try_exit!(ret_copy(&mut c, one));
    } else {
        let (p, n) = crate::try_exit!(strings::join(&mut c, &list, sep));
        c.ret(p).ret(n | n << 32);
    }
});
native!(n_repeat, 2, |c| {
    let (s, count) = (c.bytes(), c.int());
    let (p, n) = crate::try_exit!(strings::repeat(&mut c, s, count));
    c.ret(p).ret(n | n << 32);
});
native!(n_replace, 2, |c| {
    let (s, old, new, n) = (c.bytes(), c.bytes(), c.bytes(), c.int());
    match strings::replace(s, old, new, n) {
        // Equal old and new that occur count as replaced: the copy is then not nil.
        Replaced::Same if n != 0 && strings::count(s, old) > 0 => {
            _ = crate::try_exit!(c.ret_bytes(s))
        }
        Replaced::Same => crate::try_exit!(ret_copy(&mut c, s)),
        Replaced::New(v) => _ = crate::try_exit!(c.ret_bytes(&v)),
        Replaced::TooLong => return c.cx.fail(Code::MakeLen, 0, 0),
    }
});
native!(n_runes, 2, |c| {
    let list = runes(c.bytes());
    let n = list.len();
    let p = c.cx.cache().alloc_array(&Shape::noscan(4, 4), n);
    if p.is_null() {
        return c.no_memory();
    }
    for (i, r) in list.into_iter().enumerate() {
        // SAFETY: element i of a fresh array of four-byte elements.
        unsafe { mem::store_u32(p.add(4 * i), r) };
    }
    c.ret_slice(Slice {
        ptr: p as u64,
        len: n,
        cap: n,
    });
});
native!(n_word_ends, 3, |c| {
    let (data, at_eof) = (c.bytes(), c.bool());
    let (lo, hi, next) = word_ends(data, at_eof);
    c.ret(lo as u64).ret_int(place(hi)).ret(next as u64);
});

pub const NATIVES: &[Entry] = &[
    ("bytes.Equal", n_equal),
    ("bytes.Compare", n_compare),
    ("bytes.Index", n_index),
    ("bytes.IndexByte", n_index_byte),
    ("bytes.IndexRune", n_index_rune),
    ("bytes.IndexAny", n_index_any),
    ("bytes.LastIndex", n_last_index),
    ("bytes.LastIndexByte", n_last_index_byte),
    ("bytes.LastIndexAny", n_last_index_any),
    ("bytes.Count", n_count),
    ("bytes.Contains", n_contains),
    ("bytes.HasPrefix", n_has_prefix),
    ("bytes.HasSuffix", n_has_suffix),
    ("bytes.EqualFold", n_equal_fold),
    ("bytes.ToUpper", n_to_upper),
    ("bytes.ToLower", n_to_lower),
    ("bytes.ToTitle", n_to_title),
    ("bytes.ToValidUTF8", n_to_valid),
    ("bytes.trim", n_trim),
    ("bytes.trimSpace", n_trim_space),
    ("bytes.Fields", n_fields),
    ("bytes.split", n_split),
    ("bytes.Join", n_join),
    ("bytes.repeat", n_repeat),
    ("bytes.Replace", n_replace),
    ("bytes.Runes", n_runes),
    ("bufio.wordEnds", n_word_ends),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(word_ends(b"  ab c", false), (2, Some(4), 5));
        assert_eq!(word_ends(b"  ab", false), (2, None, 2));
        assert_eq!(word_ends(b"  ab", true), (2, Some(4), 4));
        assert_eq!(word_ends(b"   ", true), (3, None, 3));
        assert_eq!(word_ends("a\u{3000}b".as_bytes(), false), (0, Some(1), 4));
    }

    #[test]
    fn parts_of_slices() {
        let s = Slice {
            ptr: 4096,
            len: 3,
            cap: 10,
        };
        let p = part(s, (0, 1), false);
        assert_eq!((p.ptr, p.len, p.cap), (4096, 1, 1));
        let p = part(s, (2, 3), true);
        assert_eq!((p.ptr, p.len, p.cap), (4098, 1, 8));
        assert_eq!(part(s, (3, 3), false).ptr, zero_base() as u64);
        assert_eq!(
            part(
                Slice {
                    ptr: 0,
                    len: 0,
                    cap: 0
                },
                (0, 0),
                true
            )
            .ptr,
            0
        );
        assert_eq!(runes(b"a\xff\xc3\xa9"), [0x61, 0xFFFD, 0xE9]);
    }
}
