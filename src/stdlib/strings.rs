//! `strings`: searching, splitting and mapping of texts. The plain functions over byte
//! strings serve `bytes` too.
#![allow(unsafe_code)]

use super::fmtcore::utf8::{RUNE_ERROR, decode_rune, push_rune, rune_count};
use super::utf8::{decode_last_rune, valid};
use crate::heap::mem;
use crate::vm::cx::Exit;
use crate::vm::fault::Code;
use crate::vm::natives::{Call, Entry, Slice};
use memchr::{memchr, memchr_iter, memmem, memrchr};

// ----- searching -----

pub fn index(s: &[u8], sub: &[u8]) -> Option<usize> {
    match sub {
        [] => Some(0),
        [c] => memchr(*c, s),
        _ if sub.len() > s.len() => None,
        _ => memmem::find(s, sub),
    }
}

pub fn last_index(s: &[u8], sub: &[u8]) -> Option<usize> {
    match sub {
        [] => Some(s.len()),
        [c] => memrchr(*c, s),
        _ if sub.len() > s.len() => None,
        _ => memmem::rfind(s, sub),
    }
}

/// Runes with the places where they begin.
fn runes(s: &[u8]) -> impl Iterator<Item = (usize, u32, usize)> + '_ {
    let mut i = 0;
    std::iter::from_fn(move || {
        let (r, n) = decode_rune(s.get(i..)?);
        let at = i;
        i += n;
        (n > 0).then_some((at, r, n))
    })
}

pub fn index_rune(s: &[u8], r: i32) -> Option<usize> {
    if (0..0x80).contains(&r) {
        return memchr(r as u8, s);
    }
    if r as u32 == RUNE_ERROR {
        return runes(s).find(|x| x.1 == RUNE_ERROR).map(|x| x.0);
    }
    let mut buf = [0; 4];
    index(
        s,
        char::from_u32(r as u32)?.encode_utf8(&mut buf).as_bytes(),
    )
}

/// A set of characters; wrong bytes all stand for U+FFFD.
struct Set<'a> {
    ascii: u128,
    chars: &'a [u8],
    others: bool,
}

impl<'a> Set<'a> {
    fn new(chars: &'a [u8]) -> Set<'a> {
        let mut set = Set {
            ascii: 0,
            chars,
            others: false,
        };
        for &c in chars {
            if c < 0x80 {
                set.ascii |= 1 << c;
            } else {
                set.others = true;
            }
        }
        set
    }
    fn has(&self, r: u32) -> bool {
        if r < 0x80 {
            self.ascii >> r & 1 == 1
        } else {
            self.others && index_rune(self.chars, r as i32).is_some()
        }
    }
}

pub fn index_any(s: &[u8], chars: &[u8]) -> Option<usize> {
    let set = Set::new(chars);
    runes(s).find(|x| set.has(x.1)).map(|x| x.0)
}

pub fn last_index_any(s: &[u8], chars: &[u8]) -> Option<usize> {
    let set = Set::new(chars);
    let mut end = s.len();
    while end > 0 {
        let (r, n) = decode_last_rune(&s[..end]);
        end -= n;
        if set.has(r) {
            return Some(end);
        }
    }
    None
}

pub fn count(s: &[u8], sub: &[u8]) -> usize {
    match sub {
        [] => rune_count(s) + 1,
        [c] => memchr_iter(*c, s).count(),
        _ => memmem::find_iter(s, sub).count(),
    }
}

// ----- trimming and splitting -----

pub fn is_space(r: u32) -> bool {
    matches!(
        r,
        0x09..=0x0D | 0x20 | 0x85 | 0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000
    )
}

/// The bounds of `s` without leading (`left`) and trailing (`right`) runes that `cut` has.
fn bounds(s: &[u8], cut: impl Fn(u32) -> bool, left: bool, right: bool) -> (usize, usize) {
    let (mut lo, mut hi) = (0, s.len());
    while left && lo < hi {
        let (r, n) = decode_rune(&s[lo..]);
        if !cut(r) {
            break;
        }
        lo += n;
    }
    lo = lo.min(hi);
    while right && hi > lo {
        let (r, n) = decode_last_rune(&s[lo..hi]);
        if !cut(r) {
            break;
        }
        hi -= n;
    }
    (lo, hi)
}

pub fn trim(s: &[u8], cutset: &[u8], left: bool, right: bool) -> (usize, usize) {
    let set = Set::new(cutset);
    bounds(s, |r| set.has(r), left, right)
}

pub fn trim_space(s: &[u8]) -> (usize, usize) {
    bounds(s, is_space, true, true)
}

/// The bounds of the words.
pub fn fields(s: &[u8]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = None;
    let mut i = 0;
    while i < s.len() {
        let (r, n) = if s[i] < 0x80 {
            (s[i] as u32, 1)
        } else {
            decode_rune(&s[i..])
        };
        if is_space(r) {
            out.extend(start.take().map(|lo| (lo, i)));
        } else if start.is_none() {
            start = Some(i);
        }
        i += n.max(1);
    }
    out.extend(start.map(|lo| (lo, s.len())));
    out
}

/// The bounds of the parts of `s`; see `split` in the Go half. `None` is the nil slice.
pub fn split(s: &[u8], sep: &[u8], keep: i64, n: i64) -> Option<Vec<(usize, usize)>> {
    if n == 0 {
        return None;
    }
    let max = if n < 0 { usize::MAX } else { n as usize };
    let mut out = Vec::new();
    let mut lo = 0;
    if sep.is_empty() {
        while lo < s.len() {
            let hi = if out.len() + 1 == max {
                s.len()
            } else {
                lo + decode_rune(&s[lo..]).1.max(1)
            };
            out.push((lo, hi));
            lo = hi;
        }
        return Some(out);
    }
    let mut cut = |i: usize| {
        if out.len() + 1 < max {
            out.push((lo, i + keep as usize));
            lo = i + sep.len();
            true
        } else {
            false
        }
    };
    match sep {
        [c] => _ = memchr_iter(*c, s).all(&mut cut),
        _ => _ = memmem::find_iter(s, sep).all(&mut cut),
    }
    out.push((lo, s.len()));
    Some(out)
}

// ----- mapping -----

fn only(mut it: impl Iterator<Item = char>, r: u32) -> u32 {
    match (it.next(), it.next()) {
        (Some(c), None) => c as u32,
        _ => r,
    }
}

/// The upper case of one rune as one rune.
pub fn upper(r: u32) -> u32 {
    match r {
        // Their full upper case has two characters; the simple one is the title case.
        0x1F80..=0x1F87 | 0x1F90..=0x1F97 | 0x1FA0..=0x1FA7 => r + 8,
        0x1FB3 | 0x1FC3 | 0x1FF3 => r + 9,
        _ => char::from_u32(r).map_or(r, |c| only(c.to_uppercase(), r)),
    }
}

/// The lower case of one rune as one rune.
pub fn lower(r: u32) -> u32 {
    match r {
        0x130 => 0x69,
        _ => char::from_u32(r).map_or(r, |c| only(c.to_lowercase(), r)),
    }
}

/// The title case of one rune as one rune.
pub fn title(r: u32) -> u32 {
    match r {
        0x1C4..=0x1C6 => 0x1C5,
        0x1C7..=0x1C9 => 0x1C8,
        0x1CA..=0x1CC => 0x1CB,
        0x1F1..=0x1F3 => 0x1F2,
        0x10D0..=0x10FF => r,
        _ => upper(r),
    }
}

/// What all runes that are equal under simple case folding have in common.
pub fn fold(r: u32) -> u32 {
    match r {
        0x130 | 0x131 => r,
        0x1FD3 => 0x390,
        0x1FE3 => 0x3B0,
        0xFB06 => 0xFB05,
        _ => lower(upper(r)),
    }
}

pub fn equal_fold(s: &[u8], t: &[u8]) -> bool {
    let (mut s, mut t) = (s, t);
    while let ([a, s_rest @ ..], [b, t_rest @ ..]) = (s, t) {
        if (a | b) & 0x80 != 0 {
            let ((a, m), (b, n)) = (decode_rune(s), decode_rune(t));
            if a != b && fold(a) != fold(b) {
                return false;
            }
            (s, t) = (&s[m..], &t[n..]);
        } else if a.eq_ignore_ascii_case(b) {
            (s, t) = (s_rest, t_rest);
        } else {
            return false;
        }
    }
    s.is_empty() && t.is_empty()
}

/// Maps each rune; wrong bytes become U+FFFD. `None` if nothing changes.
pub fn map_case(s: &[u8], ascii: impl Fn(&u8) -> u8, f: impl Fn(u32) -> u32) -> Option<Vec<u8>> {
    if s.is_ascii() {
        let same = s.iter().all(|c| ascii(c) == *c);
        return (!same).then(|| s.iter().map(ascii).collect());
    }
    let mut out = Vec::with_capacity(s.len() + 4);
    for (_, r, _) in runes(s) {
        if r < 0x80 {
            out.push(ascii(&(r as u8)));
        } else {
            push_rune(&mut out, f(r));
        }
    }
    (out != s).then_some(out)
}

pub fn to_upper(s: &[u8]) -> Option<Vec<u8>> {
    map_case(s, u8::to_ascii_uppercase, upper)
}
pub fn to_lower(s: &[u8]) -> Option<Vec<u8>> {
    map_case(s, u8::to_ascii_lowercase, lower)
}
pub fn to_title(s: &[u8]) -> Option<Vec<u8>> {
    map_case(s, u8::to_ascii_uppercase, title)
}

/// `None` if `s` is valid.
pub fn to_valid(s: &[u8], replacement: &[u8]) -> Option<Vec<u8>> {
    if valid(s) {
        return None;
    }
    let mut out = Vec::with_capacity(s.len() + replacement.len());
    let mut in_run = false;
    for (i, r, n) in runes(s) {
        let wrong = r == RUNE_ERROR && n == 1;
        if !wrong {
            out.extend_from_slice(&s[i..i + n]);
        } else if !in_run {
            out.extend_from_slice(replacement);
        }
        in_run = wrong;
    }
    Some(out)
}

/// What a replacement gives.
pub enum Replaced {
    Same,
    New(Vec<u8>),
    TooLong,
}

pub fn replace(s: &[u8], old: &[u8], new: &[u8], n: i64) -> Replaced {
    if n == 0 || old == new {
        return Replaced::Same;
    }
    let max = if n < 0 { usize::MAX } else { n as usize };
    let hits = count(s, old).min(max);
    if hits == 0 {
        return Replaced::Same;
    }
    let total = (s.len() - hits * old.len()) as u128 + hits as u128 * new.len() as u128;
    if total > crate::vm::ops::slow::MAX_LEN as u128 {
        return Replaced::TooLong;
    }
    let mut out = Vec::with_capacity(total as usize);
    let mut done = 0;
    if old.is_empty() {
        for (i, _, _) in runes(s).take(hits) {
            out.extend_from_slice(&s[done..i]);
            out.extend_from_slice(new);
            done = i;
        }
        out.extend_from_slice(&s[done..]);
        if hits > rune_count(s) {
            out.extend_from_slice(new);
        }
        return Replaced::New(out);
    }
    let mut put = |i: usize| {
        out.extend_from_slice(&s[done..i]);
        out.extend_from_slice(new);
        done = i + old.len();
    };
    match old {
        [c] => memchr_iter(*c, s).take(hits).for_each(&mut put),
        _ => memmem::find_iter(s, old).take(hits).for_each(&mut put),
    }
    out.extend_from_slice(&s[done..]);
    Replaced::New(out)
}

// ----- results -----

pub fn place(i: Option<usize>) -> i64 {
    i.map_or(-1, |i| i as i64)
}

/// Guest memory for `total` bytes, filled by `fill`, which writes all of them.
fn build(c: &mut Call, total: u128, fill: impl FnOnce(&mut [u8])) -> Result<u64, Exit> {
    if total > crate::vm::ops::slow::MAX_LEN as u128 {
        return Err(c.cx.fail(Code::MakeLen, 0, 0));
    }
    if total == 0 {
        return Ok(crate::heap::alloc::zero_base() as u64);
    }
    let p = c.cx.cache().alloc_noscan(total as usize);
    if p.is_null() {
        return Err(c.no_memory());
    }
    // SAFETY: fresh zeroed memory of that size, which nothing else knows yet.
    fill(unsafe { std::slice::from_raw_parts_mut(p, total as usize) });
    Ok(p as u64)
}

/// New guest memory with `count` copies of `s`, and its length.
pub fn repeat(c: &mut Call, s: &[u8], count: i64) -> Result<(u64, u64), Exit> {
    let total = s.len() as u128 * count.max(0) as u128;
    let p = build(c, total, |out| {
        let mut done = s.len();
        out[..done].copy_from_slice(s);
        while done < out.len() {
            let n = done.min(out.len() - done);
            out.copy_within(..n, done);
            done += n;
        }
    })?;
    Ok((p, total as u64))
}

/// New guest memory with the parts and `sep` in between, and its length.
pub fn join(c: &mut Call, parts: &[&[u8]], sep: &[u8]) -> Result<(u64, u64), Exit> {
    let total = parts.iter().map(|p| p.len() as u128).sum::<u128>()
        + sep.len() as u128 * parts.len().saturating_sub(1) as u128;
    let p = build(c, total, |out| {
        let mut rest = out;
        for (i, part) in parts.iter().enumerate() {
            for piece in [if i > 0 { sep } else { &[] }, part] {
                let (head, tail) = std::mem::take(&mut rest).split_at_mut(piece.len());
                head.copy_from_slice(piece);
                rest = tail;
            }
        }
    })?;
    Ok((p, total as u64))
}

/// The elements of a slice of two-word headers, `len` giving the length in the second.
pub fn elements<'a>(s: Slice, len: impl Fn(u64) -> u64) -> Vec<&'a [u8]> {
    crate::race::reads(s.ptr, s.len * 16);
    (0..s.len)
        .map(|i| {
            // SAFETY: element i lies inside the slice; a header of guest memory.
            unsafe {
                let (p, n) = mem::load128((s.ptr as usize + 16 * i) as *const u8);
                crate::vm::ops::slow::bytes(p, len(n))
            }
        })
        .collect()
}

fn parts<'a>(s: &'a [u8], at: &[(usize, usize)]) -> Vec<&'a [u8]> {
    at.iter().map(|&(lo, hi)| &s[lo..hi]).collect()
}

/// The mapped string, or the argument itself.
fn mapped(c: &mut Call, s: &[u8], new: Option<Vec<u8>>) -> Result<(), Exit> {
    match new {
        Some(v) => _ = c.ret_str(&v)?,
        None => _ = c.ret_substr(s),
    }
    Ok(())
}

// ----- natives -----

macro_rules! on_two {
    ($($name:ident $ret:ident |$s:ident, $t:ident| $e:expr;)*) => { $(
        native!($name, 1, |c| {
            let ($s, $t) = (c.str(), c.str());
            c.$ret($e);
        });
    )* };
}
on_two! {
    n_index ret_int |s, t| place(index(s, t));
    n_index_any ret_int |s, t| place(index_any(s, t));
    n_last_index ret_int |s, t| place(last_index(s, t));
    n_last_index_any ret_int |s, t| place(last_index_any(s, t));
    n_count ret_int |s, t| count(s, t) as i64;
    n_contains ret_bool |s, t| index(s, t).is_some();
    n_has_prefix ret_bool |s, t| s.starts_with(t);
    n_has_suffix ret_bool |s, t| s.ends_with(t);
    n_compare ret_int |s, t| s.cmp(t) as i64;
    n_equal_fold ret_bool |s, t| equal_fold(s, t);
}
native!(n_index_byte, 1, |c| {
    let (s, b) = (c.str(), c.word() as u8);
    c.ret_int(place(memchr(b, s)));
});
native!(n_last_index_byte, 1, |c| {
    let (s, b) = (c.str(), c.word() as u8);
    c.ret_int(place(memrchr(b, s)));
});
native!(n_index_rune, 1, |c| {
    let (s, r) = (c.str(), c.word() as i32);
    c.ret_int(place(index_rune(s, r)));
});
native!(n_to_upper, 2, |c| {
    let s = c.str();
    crate::try_exit!(mapped(&mut c, s, to_upper(s)));
});
native!(n_to_lower, 2, |c| {
    let s = c.str();
    crate::try_exit!(mapped(&mut c, s, to_lower(s)));
});
native!(n_to_title, 2, |c| {
    let s = c.str();
    crate::try_exit!(mapped(&mut c, s, to_title(s)));
});
native!(n_to_valid, 2, |c| {
    let (s, r) = (c.str(), c.str());
    crate::try_exit!(mapped(&mut c, s, to_valid(s, r)));
});
native!(n_trim_space, 2, |c| {
    let s = c.str();
    let (lo, hi) = trim_space(s);
    c.ret_substr(&s[lo..hi]);
});
native!(n_trim, 2, |c| {
    let (s, set) = (c.str(), c.str());
    let (lo, hi) = trim(s, set, true, true);
    c.ret_substr(&s[lo..hi]);
});
native!(n_trim_left, 2, |c| {
    let (s, set) = (c.str(), c.str());
    let (lo, hi) = trim(s, set, true, false);
    c.ret_substr(&s[lo..hi]);
});
native!(n_trim_right, 2, |c| {
    let (s, set) = (c.str(), c.str());
    let (lo, hi) = trim(s, set, false, true);
    c.ret_substr(&s[lo..hi]);
});
native!(n_fields, 2, |c| {
    let s = c.str();
    crate::try_exit!(c.ret_strings(&parts(s, &fields(s))));
});
native!(n_split, 2, |c| {
    let (s, sep, keep, n) = (c.str(), c.str(), c.int(), c.int());
    match split(s, sep, keep, n) {
        None => _ = c.ret(0).ret(0),
        Some(at) => _ = crate::try_exit!(c.ret_strings(&parts(s, &at))),
    }
});
native!(n_join, 2, |c| {
    let (list, sep) = (c.slice(), c.str());
    let list = elements(list, |n| n);
    if let [one] = list[..] {
        c.ret_substr(one);
    } else {
        let (p, n) = crate::try_exit!(join(&mut c, &list, sep));
        c.ret(if n == 0 { 0 } else { p }).ret(n);
    }
});
native!(n_repeat, 2, |c| {
    let (s, count) = (c.str(), c.int());
    let (p, n) = crate::try_exit!(repeat(&mut c, s, count));
    c.ret(if n == 0 { 0 } else { p }).ret(n);
});
native!(n_replace, 2, |c| {
    let (s, old, new, n) = (c.str(), c.str(), c.str(), c.int());
    match replace(s, old, new, n) {
        Replaced::Same => _ = c.ret_substr(s),
        Replaced::New(v) => _ = crate::try_exit!(c.ret_str(&v)),
        Replaced::TooLong => return c.cx.fail(Code::MakeLen, 0, 0),
    }
});
native!(n_clone, 2, |c| {
    let s = c.str();
    crate::try_exit!(c.ret_str(s));
});
native!(n_no_copy, 2, |c| {
    let b = c.slice();
    c.ret(if b.len == 0 { 0 } else { b.ptr }).ret(b.len as u64);
});

pub const NATIVES: &[Entry] = &[
    ("strings.Index", n_index),
    ("strings.IndexByte", n_index_byte),
    ("strings.IndexRune", n_index_rune),
    ("strings.IndexAny", n_index_any),
    ("strings.LastIndex", n_last_index),
    ("strings.LastIndexByte", n_last_index_byte),
    ("strings.LastIndexAny", n_last_index_any),
    ("strings.Count", n_count),
    ("strings.Contains", n_contains),
    ("strings.HasPrefix", n_has_prefix),
    ("strings.HasSuffix", n_has_suffix),
    ("strings.Compare", n_compare),
    ("strings.EqualFold", n_equal_fold),
    ("strings.ToUpper", n_to_upper),
    ("strings.ToLower", n_to_lower),
    ("strings.ToTitle", n_to_title),
    ("strings.ToValidUTF8", n_to_valid),
    ("strings.TrimSpace", n_trim_space),
    ("strings.Trim", n_trim),
    ("strings.TrimLeft", n_trim_left),
    ("strings.TrimRight", n_trim_right),
    ("strings.Fields", n_fields),
    ("strings.split", n_split),
    ("strings.Join", n_join),
    ("strings.repeat", n_repeat),
    ("strings.Replace", n_replace),
    ("strings.Clone", n_clone),
    ("strings.bytesToStringNoCopy", n_no_copy),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn split_of(s: &str, sep: &str, keep: i64, n: i64) -> Option<Vec<String>> {
        let at = split(s.as_bytes(), sep.as_bytes(), keep, n)?;
        Some(at.iter().map(|&(lo, hi)| s[lo..hi].to_string()).collect())
    }
    fn replaced(s: &str, old: &str, new: &str, n: i64) -> String {
        match replace(s.as_bytes(), old.as_bytes(), new.as_bytes(), n) {
            Replaced::Same => s.to_string(),
            Replaced::New(v) => String::from_utf8(v).unwrap(),
            Replaced::TooLong => unreachable!(),
        }
    }

    #[test]
    fn finds() {
        assert_eq!(
            (
                index(b"abc", b""),
                last_index(b"abc", b""),
                index(b"", b"a")
            ),
            (Some(0), Some(3), None)
        );
        assert_eq!(index_rune(b"a\xff", 0xFFFD), Some(1));
        assert_eq!(
            (index_rune(b"a\xed\xa0\x80", 0xD800), index_rune(b"a", -1)),
            (None, None)
        );
        assert_eq!(
            (
                index_any(b"a\xff", b"\xfe"),
                last_index_any(b"a\xff", b"\xfe")
            ),
            (Some(1), Some(1))
        );
        assert_eq!(index_any("é".as_bytes(), b"\xa9"), None);
        assert_eq!(
            (
                count(b"a\xff\xc3\xa9", b""),
                count(b"", b""),
                count(b"aaaa", b"aa")
            ),
            (4, 1, 2)
        );
    }

    #[test]
    fn splits() {
        assert_eq!(split_of("a,b,c", ",", 1, 2).unwrap(), ["a,", "b,c"]);
        assert_eq!(split_of("a, b", ", ", 0, -1).unwrap(), ["a", "b"]);
        assert_eq!(split_of("aéb", "", 0, 2).unwrap(), ["a", "éb"]);
        assert_eq!(split_of("", "", 0, -1).unwrap(), [""; 0]);
        assert_eq!(split_of("", ",", 0, -1).unwrap(), [""]);
        assert_eq!(split_of("a", ",", 0, 0), None);
        assert_eq!(fields("\u{85}a b\u{3000}".as_bytes()), [(2, 3), (4, 5)]);
        assert_eq!(trim(b"\xffa\xff", b"\xfe", true, true), (1, 2));
        assert_eq!(trim_space(b" \t "), (3, 3));
    }

    #[test]
    fn maps() {
        assert_eq!(to_upper(b"A\xffA").unwrap(), "A\u{FFFD}A".as_bytes());
        assert_eq!(to_lower("İIẞ".as_bytes()).unwrap(), "iiß".as_bytes());
        assert_eq!(to_upper("ŉßǰΐ".as_bytes()), None);
        assert_eq!(to_upper("ᾀé".as_bytes()).unwrap(), "ᾈÉ".as_bytes());
        assert_eq!(to_title("ǆ".as_bytes()).unwrap(), "ǅ".as_bytes());
        assert!(
            equal_fold("Kσß".as_bytes(), "\u{212a}ςẞ".as_bytes()) && equal_fold(b"\xff", b"\xfe")
        );
        assert!(!equal_fold("İ".as_bytes(), b"i") && !equal_fold(b"a", b"ab"));
        assert_eq!(to_valid(b"a\xff\xfeb\xff", b"?").unwrap(), b"a?b?");
    }

    #[test]
    fn replaces() {
        assert_eq!(replaced("aé", "", "-", -1), "-a-é-");
        assert_eq!(replaced("abc", "", "-", 2), "-a-bc");
        assert_eq!(replaced("", "", "x", -1), "x");
        assert_eq!(replaced("aaa", "a", "", 2), "a");
        assert_eq!(replaced("ababab", "ab", "c", 2), "ccab");
    }
}
