//! The slower halves of handlers: allocation of varying size, strings, comparisons.
//! Functions with the handlers' arguments return `Exit::Next` when all is well. They are
//! never inlined: locals whose address escapes would cost the handler its tail call.
#![allow(unsafe_code)]

use crate::bytecode::program::{rtti_of, unword};
use crate::heap::rtti::{Kind, Rtti, Shape};
use crate::heap::{capacity, hash, mem, zero_base};
use crate::vm::cx::{Cx, Exit};
use crate::vm::fault::Code;

/// Longest slice or string: lengths and capacities of slices are 32 bits.
pub const MAX_LEN: u64 = u32::MAX as u64;

fn a(w: u64) -> usize {
    (w >> 16) as u16 as usize
}
fn b(w: u64) -> usize {
    (w >> 32) as u16 as usize
}
fn c(w: u64) -> usize {
    (w >> 48) as usize
}

/// Reports exhausted memory at this instruction.
///
/// # Safety
/// As for handlers.
#[cold]
#[inline(never)]
pub unsafe fn no_memory(pc: *const u64, fp: *mut u64, cx: *mut Cx) -> Exit {
    // SAFETY: as for handlers.
    unsafe { super::raise(pc, fp, cx, Code::OutOfMemory, 0, 0) }
}

/// Copies `n` bytes of guest memory into frame slots; the last slot's rest is zeroed.
///
/// # Safety
/// `src` has `n` readable guest bytes; `dst` is a frame with room.
#[inline]
pub unsafe fn load_n(dst: *mut u8, src: *const u8, n: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        if !n.is_multiple_of(8) {
            *(dst as *mut u64).add(n / 8) = 0;
        }
        mem::copy(dst, src, n);
    }
}

/// Copies `n` bytes of frame slots to guest memory.
///
/// # Safety
/// As [`load_n`], the other way.
#[inline]
pub unsafe fn store_n(dst: *mut u8, src: *const u8, n: usize) {
    // SAFETY: by the caller's promise. A frame is 8-aligned; headers inside the guest
    // object are 16-aligned and must be written in one piece.
    unsafe {
        let mut i = 0;
        if (dst as usize).is_multiple_of(16) {
            while i + 16 <= n {
                mem::store_v(dst.add(i), mem::load_vu(src.add(i)));
                i += 16;
            }
        }
        mem::copy(dst.add(i), src.add(i), n - i);
    }
}

/// Like [`load_n`] with headers read in one piece each.
///
/// # Safety
/// As [`load_n`].
pub unsafe fn load_value(dst: *mut u64, src: *const u8, n: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut i = 0;
        if (src as usize).is_multiple_of(16) {
            while i + 16 <= n {
                mem::store_vu((dst as *mut u8).add(i), mem::load_v(src.add(i)));
                i += 16;
            }
        }
        load_n((dst as *mut u8).add(i), src.add(i), n - i);
    }
}

/// The bytes of a string or byte slice as a host slice.
///
/// # Safety
/// `p` has `n` readable bytes. Racing guests may change bytes of a slice: callers treat
/// the contents as arbitrary.
pub unsafe fn bytes<'a>(p: u64, n: u64) -> &'a [u8] {
    if n == 0 {
        return &[];
    }
    // SAFETY: by the caller's promise.
    unsafe { std::slice::from_raw_parts(p as *const u8, n as usize) }
}

/// A new guest string, or null when there is no memory.
pub fn new_bytes(cx: &mut Cx, s: &[u8]) -> *mut u8 {
    if s.is_empty() {
        return zero_base();
    }
    let p = cx.cache().alloc_noscan(s.len());
    if !p.is_null() {
        // SAFETY: fresh memory of that size.
        unsafe { std::ptr::copy_nonoverlapping(s.as_ptr(), p, s.len()) };
    }
    p
}

type R = Exit;

/// # Safety
/// As for handlers (all functions below).
#[inline(never)]
pub unsafe fn make_slice(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let elem = rtti_of(*(*cx).pc.add(1));
        let (len, cap) = (*fp.add(b(w)), *fp.add(c(w)));
        let fits = |n: u64| {
            n <= MAX_LEN
                && (elem.size() as u64)
                    .checked_mul(n)
                    .is_some_and(|x| x < 1 << 46)
        };
        if !fits(len) {
            return (*cx).fail(Code::MakeLen, 0, 0);
        }
        if !fits(cap) || cap < len {
            return (*cx).fail(Code::MakeCap, 0, 0);
        }
        let p = (*cx).cache().alloc_array(&elem.shape, cap as usize);
        if p.is_null() {
            return (*cx).fail(Code::OutOfMemory, 0, 0);
        }
        *fp.add(a(w)) = p as u64;
        *fp.add(a(w) + 1) = len | cap << 32;
    }
    Exit::Next
}

/// The slice (p, len|cap) with room for `extra` more elements; new header or a fault.
unsafe fn reserve(
    cx: &mut Cx,
    p: u64,
    lc: u64,
    extra: u64,
    elem: &'static Rtti,
) -> Result<(u64, u64), Exit> {
    let (len, cap) = (lc as u32 as u64, lc >> 32);
    let need = len + extra;
    if need <= cap {
        return Ok((p, lc));
    }
    if need > MAX_LEN {
        return Err(cx.fatal_text("append: slice length out of range"));
    }
    let size = elem.size();
    if size == 0 {
        return Ok((zero_base() as u64, len | need << 32));
    }
    let new_cap = capacity::grown(cap, need, elem).min(MAX_LEN);
    let q = cx.cache().alloc_array(&elem.shape, new_cap as usize);
    if q.is_null() {
        return Err(cx.fail(Code::OutOfMemory, 0, 0));
    }
    // SAFETY: the old array holds `len` elements, the new one at least as many.
    unsafe {
        rd_range!(&raw mut *cx, p, len as usize * size);
        mem::copy(q, p as *const u8, len as usize * size);
    }
    Ok((q as u64, len | new_cap << 32))
}

/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn append_value(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let elem = rtti_of(*(*cx).pc.add(1));
        match reserve(&mut *cx, *fp.add(b(w)), *fp.add(b(w) + 1), 1, elem) {
            Err(e) => e,
            Ok((p, lc)) => {
                let size = elem.size();
                let at = (p as *mut u8).add(lc as u32 as usize * size);
                wr_range!(cx, at, size);
                store_n(at, fp.add(c(w)) as *const u8, size);
                *fp.add(a(w)) = p;
                *fp.add(a(w) + 1) = lc + 1;
                Exit::Next
            }
        }
    }
}

/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn append_grow(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let elem = rtti_of(*(*cx).pc.add(1));
        match reserve(
            &mut *cx,
            *fp.add(b(w)),
            *fp.add(b(w) + 1),
            c(w) as u64,
            elem,
        ) {
            Err(e) => e,
            Ok((p, lc)) => {
                *fp.add(a(w)) = p;
                *fp.add(a(w) + 1) = lc + c(w) as u64;
                Exit::Next
            }
        }
    }
}

unsafe fn append_from(fp: *mut u64, cx: *mut Cx, w: u64, src: u64, n: u64) -> R {
    // SAFETY: as for handlers; src has n elements.
    unsafe {
        let elem = rtti_of(*(*cx).pc.add(1));
        match reserve(&mut *cx, *fp.add(b(w)), *fp.add(b(w) + 1), n, elem) {
            Err(e) => e,
            Ok((p, lc)) => {
                let size = elem.size();
                let at = (p as *mut u8).add(lc as u32 as usize * size);
                rd_range!(cx, src, n as usize * size);
                wr_range!(cx, at, n as usize * size);
                mem::copy_overlap(at, src as *const u8, n as usize * size);
                *fp.add(a(w)) = p;
                *fp.add(a(w) + 1) = lc + n;
                Exit::Next
            }
        }
    }
}

/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn append_slice(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe { append_from(fp, cx, w, *fp.add(c(w)), *fp.add(c(w) + 1) as u32 as u64) }
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn append_string(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe { append_from(fp, cx, w, *fp.add(c(w)), *fp.add(c(w) + 1)) }
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn copy_slice(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let size = *(*cx).pc.add(1) as usize;
        let n = (*fp.add(b(w) + 1) as u32).min(*fp.add(c(w) + 1) as u32) as usize;
        rd_range!(cx, *fp.add(c(w)), n * size);
        wr_range!(cx, *fp.add(b(w)), n * size);
        mem::copy_overlap(
            *fp.add(b(w)) as *mut u8,
            *fp.add(c(w)) as *const u8,
            n * size,
        );
        *fp.add(a(w)) = n as u64;
    }
    Exit::Next
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn copy_string(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    let _ = cx;
    // SAFETY: as for handlers.
    unsafe {
        let n = (*fp.add(b(w) + 1) as u32 as u64).min(*fp.add(c(w) + 1)) as usize;
        wr_range!(cx, *fp.add(b(w)), n);
        mem::copy_overlap(*fp.add(b(w)) as *mut u8, *fp.add(c(w)) as *const u8, n);
        *fp.add(a(w)) = n as u64;
    }
    Exit::Next
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn clear_slice(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let size = *(*cx).pc.add(1) as usize;
        wr_range!(cx, *fp.add(a(w)), *fp.add(a(w) + 1) as u32 as usize * size);
        mem::zero(
            *fp.add(a(w)) as *mut u8,
            *fp.add(a(w) + 1) as u32 as usize * size,
        );
    }
    Exit::Next
}

unsafe fn give_string(fp: *mut u64, cx: *mut Cx, at: usize, s: &[u8]) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let p = new_bytes(&mut *cx, s);
        if p.is_null() {
            return (*cx).fail(Code::OutOfMemory, 0, 0);
        }
        *fp.add(at) = if s.is_empty() { 0 } else { p as u64 };
        *fp.add(at + 1) = s.len() as u64;
    }
    Exit::Next
}

/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn concat(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let (base, n) = (b(w), c(w));
        let part = |i: usize| (*fp.add(base + 2 * i), *fp.add(base + 2 * i + 1));
        let total: u64 = (0..n).map(|i| part(i).1).sum();
        // A single non-empty part is the result itself.
        if let Some(i) = (0..n).find(|&i| part(i).1 == total) {
            let (p, len) = part(i);
            *fp.add(a(w)) = p;
            *fp.add(a(w) + 1) = len;
            return Exit::Next;
        }
        let dst = (*cx).cache().alloc_noscan(total as usize);
        if dst.is_null() {
            return (*cx).fail(Code::OutOfMemory, 0, 0);
        }
        let mut at = dst;
        for i in 0..n {
            let (p, len) = part(i);
            if len != 0 {
                std::ptr::copy_nonoverlapping(p as *const u8, at, len as usize);
                at = at.add(len as usize);
            }
        }
        *fp.add(a(w)) = dst as u64;
        *fp.add(a(w) + 1) = total;
    }
    Exit::Next
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn bytes_to_string(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let s = bytes(*fp.add(b(w)), *fp.add(b(w) + 1) as u32 as u64);
        rd_range!(cx, s.as_ptr(), s.len());
        give_string(fp, cx, a(w), s)
    }
}
/// Capacity of a slice of `n` elements of `size` bytes made from a string.
fn converted_cap(n: usize, size: usize, w: u64) -> u64 {
    if c(w) == 1 {
        return n as u64;
    }
    ((capacity::rounded(n * size, false) / size) as u64).min(MAX_LEN)
}

/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn string_to_bytes(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let n = *fp.add(b(w) + 1);
        if n > MAX_LEN {
            return (*cx).fail(Code::MakeLen, 0, 0);
        }
        let s = bytes(*fp.add(b(w)), n);
        let cap = converted_cap(s.len(), 1, w);
        let p = (*cx).cache().alloc_noscan(cap as usize);
        if p.is_null() {
            return (*cx).fail(Code::OutOfMemory, 0, 0);
        }
        mem::copy(p, s.as_ptr(), s.len());
        *fp.add(a(w)) = p as u64;
        *fp.add(a(w) + 1) = n | cap << 32;
    }
    Exit::Next
}

fn push_rune(out: &mut Vec<u8>, r: i32) {
    let ch = u32::try_from(r)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or('\u{fffd}');
    out.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes());
}

/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn runes_to_string(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let p = *fp.add(b(w)) as *const u8;
        let n = *fp.add(b(w) + 1) as u32 as usize;
        rd_range!(cx, p, n * 4);
        let mut out = Vec::with_capacity(n);
        for i in 0..n {
            push_rune(&mut out, mem::load_i32(p.add(4 * i)));
        }
        give_string(fp, cx, a(w), &out)
    }
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn rune_to_string(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let v = *fp.add(b(w)) as i64;
        let mut out = Vec::with_capacity(4);
        push_rune(&mut out, i32::try_from(v).unwrap_or(-1));
        give_string(fp, cx, a(w), &out)
    }
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn string_to_runes(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let s = bytes(*fp.add(b(w)), *fp.add(b(w) + 1));
        let mut runes = Vec::with_capacity(s.len());
        let mut i = 0;
        while i < s.len() {
            let (r, n) = decode(&s[i..]);
            runes.push(r);
            i += n;
        }
        if runes.len() as u64 > MAX_LEN {
            return (*cx).fail(Code::MakeLen, 0, 0);
        }
        let cap = converted_cap(runes.len(), 4, w);
        let p = (*cx)
            .cache()
            .alloc_array(const { &Shape::noscan(4, 4) }, cap as usize);
        if p.is_null() {
            return (*cx).fail(Code::OutOfMemory, 0, 0);
        }
        for (i, r) in runes.iter().enumerate() {
            mem::store_i32(p.add(4 * i), *r);
        }
        let n = runes.len() as u64;
        *fp.add(a(w)) = p as u64;
        *fp.add(a(w) + 1) = n | cap << 32;
    }
    Exit::Next
}

/// First rune of a non-empty byte string and its width; U+FFFD with width 1 when invalid.
pub fn decode(s: &[u8]) -> (i32, usize) {
    const BAD: (i32, usize) = (0xfffd, 1);
    let b0 = s[0];
    let cont = |i: usize| {
        s.get(i)
            .copied()
            .filter(|c| c & 0xc0 == 0x80)
            .map(|c| (c & 0x3f) as i32)
    };
    match b0 {
        0..0x80 => (b0 as i32, 1),
        0xc2..=0xdf => cont(1).map_or(BAD, |c| ((b0 as i32 & 0x1f) << 6 | c, 2)),
        0xe0..=0xef => match (cont(1), cont(2)) {
            (Some(c), Some(d)) => {
                let r = (b0 as i32 & 0xf) << 12 | c << 6 | d;
                if r < 0x800 || (0xd800..0xe000).contains(&r) {
                    BAD
                } else {
                    (r, 3)
                }
            }
            _ => BAD,
        },
        0xf0..=0xf4 => match (cont(1), cont(2), cont(3)) {
            (Some(c), Some(d), Some(e)) => {
                let r = (b0 as i32 & 7) << 18 | c << 12 | d << 6 | e;
                if (0x10000..0x110000).contains(&r) {
                    (r, 4)
                } else {
                    BAD
                }
            }
            _ => BAD,
        },
        _ => BAD,
    }
}

/// # Safety
/// `p` has `n > 0` readable bytes.
#[inline(never)]
pub unsafe fn decode_rune(p: *const u8, n: usize) -> (i32, usize) {
    // SAFETY: by the caller's promise.
    decode(unsafe { std::slice::from_raw_parts(p, n.min(4)) })
}

/// Orders two strings in frame pairs.
///
/// # Safety
/// Both are string headers in the frame.
#[inline(never)]
pub unsafe fn compare_strings(x: *const u64, y: *const u64) -> std::cmp::Ordering {
    // SAFETY: by the caller's promise.
    unsafe { bytes(*x, *x.add(1)).cmp(bytes(*y, *y.add(1))) }
}

/// Equality of two interface values.
///
/// # Safety
/// The words are an interface value each.
pub unsafe fn ifaces_equal(x: (u64, u64), y: (u64, u64)) -> Result<bool, &'static Rtti> {
    if x.0 != y.0 {
        return Ok(false);
    }
    if x.0 == 0 {
        return Ok(true);
    }
    // SAFETY: a type word is the address of a descriptor.
    let t = unsafe { rtti_of(x.0) };
    if !t.comparable {
        return Err(t);
    }
    if t.direct && t.plain_bytes {
        return Ok(x.1 == y.1);
    }
    let (p, q) = if t.direct {
        (&raw const x.1 as *const u8, &raw const y.1 as *const u8)
    } else {
        (x.1 as *const u8, y.1 as *const u8)
    };
    // SAFETY: both lead to a value of type t.
    unsafe { hash::equal(t, p, q) }.map_err(|u| u.0)
}

/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn equal_ifaces(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let x = (*fp.add(b(w)), *fp.add(b(w) + 1));
        let y = (*fp.add(c(w)), *fp.add(c(w) + 1));
        match ifaces_equal(x, y) {
            Ok(e) => {
                *fp.add(a(w)) = e as u64;
                Exit::Next
            }
            Err(t) => (*cx).fail(Code::Uncomparable, t as *const Rtti as u64, 0),
        }
    }
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn equal_values(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        let t: &'static Rtti = unword(*(*cx).pc.add(1));
        match hash::equal(t, fp.add(b(w)) as *const u8, fp.add(c(w)) as *const u8) {
            Ok(e) => {
                *fp.add(a(w)) = e as u64;
                Exit::Next
            }
            Err(u) => (*cx).fail(Code::Uncomparable, u.0 as *const Rtti as u64, 0),
        }
    }
}
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn min_max(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> R {
    // SAFETY: as for handlers.
    unsafe {
        match *(*cx).pc.add(1) {
            k @ (0 | 1) => {
                let (x, y) = (f64::from_bits(*fp.add(b(w))), f64::from_bits(*fp.add(c(w))));
                let v = if x.is_nan() || y.is_nan() {
                    f64::NAN
                } else if k == 0 {
                    if x == y {
                        if x.is_sign_negative() { x } else { y }
                    } else {
                        x.min(y)
                    }
                } else if x == y {
                    if x.is_sign_negative() { y } else { x }
                } else {
                    x.max(y)
                };
                *fp.add(a(w)) = v.to_bits();
            }
            k => {
                let o = compare_strings(fp.add(b(w)), fp.add(c(w)));
                let first = if k == 2 { o.is_le() } else { o.is_ge() };
                let s = if first { b(w) } else { c(w) };
                let v = (*fp.add(s), *fp.add(s + 1));
                (*fp.add(a(w)), *fp.add(a(w) + 1)) = v;
            }
        }
    }
    Exit::Next
}

/// Complex arithmetic with Go's rules for division by zero and infinities.
#[inline(never)]
pub fn complex(op: u64, x: (f64, f64), y: (f64, f64)) -> (f64, f64) {
    match op {
        0 => (x.0 + y.0, x.1 + y.1),
        1 => (x.0 - y.0, x.1 - y.1),
        2 => (x.0 * y.0 - x.1 * y.1, x.0 * y.1 + x.1 * y.0),
        _ => complex_div(x, y),
    }
}

fn complex_div(n: (f64, f64), m: (f64, f64)) -> (f64, f64) {
    let (mut e, mut f);
    if m.0.abs() >= m.1.abs() {
        let ratio = m.1 / m.0;
        let denom = m.0 + ratio * m.1;
        e = (n.0 + n.1 * ratio) / denom;
        f = (n.1 - n.0 * ratio) / denom;
    } else {
        let ratio = m.0 / m.1;
        let denom = m.1 + ratio * m.0;
        e = (n.0 * ratio + n.1) / denom;
        f = (n.1 * ratio - n.0) / denom;
    }
    if e.is_nan() && f.is_nan() {
        // Infinities and zeros that the formula cannot see (C99, annex G).
        let (mut a, mut b, mut c, mut d) = (n.0, n.1, m.0, m.1);
        let boxed = |x: f64| {
            if x.is_infinite() {
                1f64.copysign(x)
            } else {
                0f64.copysign(x)
            }
        };
        if c == 0.0 && d == 0.0 && (!a.is_nan() || !b.is_nan()) {
            e = f64::INFINITY.copysign(c) * a;
            f = f64::INFINITY.copysign(c) * b;
        } else if (a.is_infinite() || b.is_infinite()) && c.is_finite() && d.is_finite() {
            a = boxed(a);
            b = boxed(b);
            e = f64::INFINITY * (a * c + b * d);
            f = f64::INFINITY * (b * c - a * d);
        } else if (c.is_infinite() || d.is_infinite()) && a.is_finite() && b.is_finite() {
            c = boxed(c);
            d = boxed(d);
            e = 0.0 * (a * c + b * d);
            f = 0.0 * (b * c - a * d);
        }
    }
    (e, f)
}

/// `print` and `println`: to standard error, in the run-time's own notation.
///
/// # Safety
/// As for handlers.
#[inline(never)]
pub unsafe fn print(_pc: *const u64, fp: *mut u64, _cx: *mut Cx, w: u64) -> R {
    let mut out = Vec::new();
    let line = c(w) == 1;
    for i in 0..b(w) {
        if line && i > 0 {
            out.push(b' ');
        }
        // SAFETY: arguments are interface pairs from slot a on.
        unsafe { print_value(&mut out, *fp.add(a(w) + 2 * i), *fp.add(a(w) + 2 * i + 1)) };
    }
    if line {
        out.push(b'\n');
    }
    use std::io::Write;
    if !crate::vm::session::print_above(&out) {
        // Nothing can be done when standard error is gone.
        let _ = std::io::stderr().write_all(&out);
    }
    Exit::Next
}

/// One value as `print` shows it.
///
/// # Safety
/// The words are an interface value.
pub unsafe fn print_value(out: &mut Vec<u8>, ty: u64, data: u64) {
    use std::io::Write;
    if ty == 0 {
        out.extend_from_slice(b"(0x0,0x0)");
        return;
    }
    // SAFETY: type words are descriptors; data words follow them.
    unsafe {
        let t = rtti_of(ty);
        let at = if t.direct {
            &raw const data as *const u8
        } else {
            data as *const u8
        };
        // Writing to a Vec cannot fail.
        let _ = match t.kind {
            Kind::Bool => write!(out, "{}", data & 1 == 1),
            Kind::Int | Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                write!(out, "{}", data as i64)
            }
            Kind::Uint
            | Kind::Uint8
            | Kind::Uint16
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Uintptr => {
                write!(out, "{data}")
            }
            Kind::Float64 => write!(out, "{}", print_float(f64::from_bits(data))),
            Kind::Float32 => write!(out, "{}", print_float(f32::from_bits(data as u32) as f64)),
            Kind::Complex64 => {
                let (re, im) = (
                    f32::from_bits(data as u32),
                    f32::from_bits((data >> 32) as u32),
                );
                write!(
                    out,
                    "({}{}i)",
                    print_float(re as f64),
                    print_float(im as f64)
                )
            }
            Kind::Complex128 => {
                let (re, im) = mem::load128(at);
                write!(
                    out,
                    "({}{}i)",
                    print_float(f64::from_bits(re)),
                    print_float(f64::from_bits(im))
                )
            }
            Kind::String => {
                let (p, n) = mem::load128(at);
                out.extend_from_slice(bytes(p, n));
                Ok(())
            }
            Kind::Slice => {
                let (p, lc) = mem::load128(at);
                write!(out, "[{}/{}]0x{:x}", lc as u32, lc >> 32, p)
            }
            Kind::Interface => {
                let (p, q) = mem::load128(at);
                write!(out, "(0x{p:x},0x{q:x})")
            }
            _ => write!(out, "0x{data:x}"),
        };
    }
}

/// The run-time's float notation: `+1.500000e+000`.
pub fn print_float(v: f64) -> String {
    if v.is_nan() {
        return "NaN".into();
    }
    if v.is_infinite() {
        return if v > 0.0 {
            "+Inf".into()
        } else {
            "-Inf".into()
        };
    }
    let s = format!("{:+.6e}", v);
    let (mant, exp) = s.split_once('e').unwrap_or((&s, "0"));
    let e: i32 = exp.parse().unwrap_or(0);
    format!("{mant}e{}{:03}", if e < 0 { '-' } else { '+' }, e.abs())
}
