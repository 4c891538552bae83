//! `unsafe.Pointer`: what may be seen through it.
//!
//! A pointer that becomes an `unsafe.Pointer` is remembered with the type it pointed to, unless
//! it points to memory without pointers, where any bytes will do. A conversion back is checked
//! against that: the memory must hold what the new type says, so a guest never mistakes one
//! word for another. Addresses computed with Go's offsets are translated to where the field is
//! (strings, slices and interfaces have other sizes here). A look at the header of a string or a
//! slice yields a copy in Go's form.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::afterlife;
use super::cx::{Cx, Exit};
use crate::bytecode::program::rtti_of;
use crate::heap::rtti::{Kind, Rtti};
use crate::heap::{heap, mem};
use crate::vm::fault::Code;

/// Types larger than this are compared as a whole.
const LARGE: usize = 1 << 16;

/// What is known of an address.
#[derive(Clone, Copy)]
struct Known {
    ty: &'static Rtti,
    /// Start of the object and the number of its weak pointers; 0 outside the heap.
    object: usize,
    life: u64,
}

impl Known {
    fn holds(&self) -> bool {
        self.object == 0 || afterlife::is_alive(self.object, self.life)
    }
}

#[derive(Default)]
struct Table {
    known: BTreeMap<usize, Known>,
    /// Copies of string constants, by the address of the constant.
    copies: BTreeMap<usize, &'static [u8]>,
    /// Entries at which the dead are dropped.
    full: usize,
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

fn table() -> std::sync::MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers that `p` points to a `ty`.
fn note(p: usize, ty: &'static Rtti) {
    if p == 0 || ty.size() == 0 || heap().is_plain(p) {
        return;
    }
    let object = heap().find_object(p).map_or(0, |(start, _)| start);
    let life = if object == 0 {
        0
    } else {
        afterlife::weak(object)
    };
    let mut t = table();
    t.known.insert(p, Known { ty, object, life });
    if t.known.len() > t.full.max(1 << 12) {
        t.known.retain(|_, k| k.holds());
        t.full = 2 * t.known.len();
    }
}

/// What a byte of a type is.
#[derive(Clone, Copy, PartialEq)]
enum Byte {
    Free,
    Number,
    /// A word's or header's kind, which of its bytes this is, and what tells its type.
    Part(Kind, u8, u32),
}

/// The bytes of a type as they lie in memory.
fn bytes(ty: &'static Rtti) -> Vec<Byte> {
    let mut out = vec![Byte::Free; ty.size()];
    fill(ty, &mut out);
    out
}

fn fill(ty: &'static Rtti, out: &mut [Byte]) {
    match ty.kind {
        Kind::Struct => {
            for f in &ty.parts().fields {
                fill(f.ty, &mut out[f.offset..f.offset + f.ty.size()]);
            }
        }
        Kind::Array => {
            let n = ty.elem().size();
            for i in 0..ty.len {
                fill(ty.elem(), &mut out[i * n..(i + 1) * n]);
            }
        }
        _ if ty.shape.is_noscan() => out.fill(Byte::Number),
        _ => {
            // Named types with the same structure are alike.
            let id = match ty.kind {
                Kind::Pointer | Kind::Slice => ty.elem().id,
                Kind::String | Kind::UnsafePointer => 0,
                _ => ty.id,
            };
            for (i, b) in out.iter_mut().enumerate() {
                *b = Byte::Part(ty.kind, i as u8, id);
            }
        }
    }
}

/// Whether memory that holds a `from` at `offset` holds a `to`.
fn fits(from: &'static Rtti, offset: usize, to: &'static Rtti) -> bool {
    if offset == 0 && from.id == to.id {
        return true;
    }
    if offset + to.size() > from.size() || from.size() > LARGE {
        return false;
    }
    let (have, want) = (bytes(from), bytes(to));
    want.iter().zip(&have[offset..]).all(|(w, h)| match w {
        Byte::Free => true,
        Byte::Number => !matches!(h, Byte::Part(..)),
        part => part == h,
    })
}

/// Size and alignment of a type in Go's layout.
fn go_size(ty: &'static Rtti) -> (usize, usize) {
    match ty.kind {
        Kind::String | Kind::Interface => (16, 8),
        Kind::Slice => (24, 8),
        Kind::Array => {
            let (n, align) = go_size(ty.elem());
            (n * ty.len, align)
        }
        Kind::Struct => {
            let (mut at, mut most) = (0usize, 1);
            for f in &ty.parts().fields {
                let (n, align) = go_size(f.ty);
                at = at.next_multiple_of(align) + n;
                most = most.max(align);
            }
            (at.next_multiple_of(most), most)
        }
        _ => (ty.size(), ty.shape.align.min(8)),
    }
}

/// Where the byte is that has Go's offset `off` in a `ty`.
fn translate(ty: &'static Rtti, off: usize) -> Option<usize> {
    match ty.kind {
        Kind::Array => {
            let n = go_size(ty.elem()).0;
            let i = off.checked_div(n).filter(|i| *i < ty.len)?;
            Some(i * ty.elem().size() + translate(ty.elem(), off % n)?)
        }
        Kind::Struct => {
            let mut at = 0usize;
            for f in &ty.parts().fields {
                let (n, align) = go_size(f.ty);
                at = at.next_multiple_of(align);
                if (at..at + n).contains(&off) {
                    return Some(f.offset + translate(f.ty, off - at)?);
                }
                at += n;
            }
            None
        }
        _ if off == 0 || ty.shape.is_noscan() => (off < ty.size()).then_some(off),
        _ => None,
    }
}

/// The words of a header at `p` as Go has them; none for other types.
///
/// # Safety
/// `p` points to a `ty`.
unsafe fn header(p: usize, ty: &'static Rtti) -> Vec<u64> {
    let word = |i: usize| {
        // SAFETY: by the caller's promise; headers have two words.
        unsafe { mem::load_u64((p as *const u8).add(8 * i)) }
    };
    match ty.kind {
        Kind::String => vec![word(0), word(1)],
        Kind::Slice => vec![word(0), word(1) & 0xffff_ffff, word(1) >> 32],
        Kind::Interface => vec![word(0), word(1)],
        _ => Vec::new(),
    }
}

/// A `to` with the contents of the header of a `from` at `p`; null if that cannot be.
///
/// # Safety
/// `p` points to a `from`.
unsafe fn view(cx: &mut Cx, p: usize, from: &'static Rtti, to: &'static Rtti) -> *mut u8 {
    // SAFETY: by the caller's promise.
    let mut words = unsafe { header(p, from) };
    let text = |t: &'static Rtti| {
        t.kind == Kind::String || t.kind == Kind::Slice && t.elem().kind == Kind::Uint8
    };
    let plain = if text(from) && text(to) {
        let len = words[1];
        words[1] = if to.kind == Kind::Slice {
            len | len << 32
        } else {
            len
        };
        words.truncate(2);
        true
    } else {
        // Numbers and unsafe pointers only, pointers only where there are some.
        let pointers = if from.kind == Kind::Interface { 16 } else { 8 };
        bytes(to).iter().enumerate().all(|(i, b)| match b {
            Byte::Part(Kind::UnsafePointer, ..) => i < pointers,
            b => !matches!(b, Byte::Part(..)),
        })
    };
    if words.is_empty() || !plain || to.size() != 8 * words.len() {
        return std::ptr::null_mut();
    }
    if from.kind == Kind::Interface && words[0] != 0 {
        // SAFETY: the first word of an interface that is not nil is a descriptor.
        let ty = unsafe { rtti_of(words[0]) };
        if ty.direct && ty.shape.is_noscan() {
            let q = cx.cache().alloc_noscan(8);
            if q.is_null() {
                return q;
            }
            // SAFETY: a fresh object of 8 bytes.
            unsafe { mem::store_u64(q, words[1]) };
            words[1] = q as u64;
        } else if !ty.direct {
            note(words[1] as usize, ty);
        }
    }
    let q = cx.cache().alloc(&to.shape);
    if !q.is_null() {
        for (i, w) in words.iter().enumerate() {
            // SAFETY: a fresh object with that many words.
            unsafe { mem::store_u64(q.add(8 * i), *w) };
        }
    }
    q
}

/// The pointer to a `to` that `p` becomes; None if there is none.
fn cast(cx: &mut Cx, p: usize, to: &'static Rtti) -> Option<usize> {
    if p == 0 || to.size() == 0 {
        return Some(p);
    }
    if heap().is_plain(p) {
        let (start, size) = heap().find_object(p)?;
        let inside = p + to.size() <= start + size && p.is_multiple_of(to.shape.align.min(8));
        return (to.shape.is_noscan() && inside).then_some(p);
    }
    let near: Vec<(usize, Known)> = {
        let t = table();
        t.known
            .range(..=p)
            .rev()
            .take(8)
            .map(|(a, k)| (*a, *k))
            .collect()
    };
    for (a, k) in near {
        if !k.holds() {
            continue;
        }
        if a == p {
            if fits(k.ty, 0, to) {
                return Some(p);
            }
            // SAFETY: the object lives and was a `k.ty` when it was remembered.
            let q = unsafe { view(cx, p, k.ty, to) };
            if !q.is_null() {
                return Some(q as usize);
            }
        } else if let Some(off) = translate(k.ty, p - a)
            && fits(k.ty, off, to)
        {
            return Some(a + off);
        }
    }
    None
}

fn slot(w: u64, i: u32) -> usize {
    (w >> (16 * i)) as u16 as usize
}

/// a = unsafe.Pointer of pointer b to a value of the extension's type.
///
/// # Safety
/// As for handlers.
pub unsafe fn forget_type(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let p = *fp.add(slot(w, 2));
        note(p as usize, rtti_of(*(*cx).pc.add(1)));
        *fp.add(slot(w, 1)) = p;
    }
    Exit::Next
}

/// a = unsafe.Pointer b as a pointer to a value of the extension's type.
///
/// # Safety
/// As for handlers.
pub unsafe fn give_type(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let to = rtti_of(*(*cx).pc.add(1));
        let p = *fp.add(slot(w, 2)) as usize;
        match cast(&mut *cx, p, to) {
            Some(q) => *fp.add(slot(w, 1)) = q as u64,
            None => {
                let text = format!(
                    "checkptr: no {} at the address of a converted pointer",
                    to.name
                );
                return (*cx).fatal_text(text);
            }
        }
    }
    Exit::Next
}

/// Whether `n` values of a type lie at `p`, where at least one does.
fn many(p: usize, ty: &'static Rtti, n: usize) -> bool {
    if n <= 1 || ty.size() == 0 {
        return true;
    }
    let Some(size) = ty.size().checked_mul(n) else {
        return false;
    };
    if heap().is_plain(p) {
        return heap()
            .find_object(p)
            .is_some_and(|(start, whole)| p - start <= whole && size <= whole - (p - start));
    }
    let t = table();
    let copy = t.copies.values().any(|c| {
        let at = p.wrapping_sub(c.as_ptr() as usize);
        at < c.len() && size <= c.len() - at
    });
    copy || t.known.range(..=p).rev().take(8).any(|(a, k)| {
        k.ty.kind == Kind::Array
            && k.ty.elem().id == ty.id
            && (p - a).is_multiple_of(ty.size())
            && p - a + size <= k.ty.size()
            && k.holds()
    })
}

/// pair a = unsafe.Slice(b, c); extension = element descriptor.
///
/// # Safety
/// As for handlers.
pub unsafe fn slice(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let ty = rtti_of(*(*cx).pc.add(1));
        let (p, n) = (*fp.add(slot(w, 2)), *fp.add(slot(w, 3)));
        if let Err(e) = check(&mut *cx, "Slice", p, n, ty) {
            return e;
        }
        *fp.add(slot(w, 1)) = p;
        *fp.add(slot(w, 1) + 1) = n | n << 32;
    }
    Exit::Next
}

fn check(cx: &mut Cx, name: &str, p: u64, n: u64, ty: &'static Rtti) -> Result<(), Exit> {
    if n as i64 <= 0 && n != 0 || n > u64::from(u32::MAX) {
        cx.text = format!("runtime error: unsafe.{name}: len out of range");
        return Err(cx.fail(Code::PanicText, 0, 0));
    }
    if p == 0 && n > 0 {
        cx.text = format!("runtime error: unsafe.{name}: ptr is nil and len is not zero");
        return Err(cx.fail(Code::PanicText, 0, 0));
    }
    if !many(p as usize, ty, n as usize) {
        return Err(cx.fatal_text(format!(
            "checkptr: unsafe.{name} result straddles multiple allocations"
        )));
    }
    Ok(())
}

/// pair a = unsafe.String(b, c): a copy of the bytes; extension = descriptor of byte.
///
/// # Safety
/// As for handlers.
pub unsafe fn string(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers; the bytes were found to be there.
    unsafe {
        let ty = rtti_of(*(*cx).pc.add(1));
        let (p, n) = (*fp.add(slot(w, 2)), *fp.add(slot(w, 3)));
        if let Err(e) = check(&mut *cx, "String", p, n, ty) {
            return e;
        }
        let q = if n == 0 {
            p
        } else {
            let q = (*cx).cache().alloc_noscan(n as usize);
            if q.is_null() {
                return (*cx).fail(Code::OutOfMemory, 0, 0);
            }
            mem::copy(q, p as *const u8, n as usize);
            q as u64
        };
        *fp.add(slot(w, 1)) = q;
        *fp.add(slot(w, 1) + 1) = n;
    }
    Exit::Next
}

/// a = unsafe.StringData(b). Constants give the address of a copy, always the same.
///
/// # Safety
/// As for handlers.
pub unsafe fn string_data(_pc: *const u64, fp: *mut u64, _cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let (p, n) = (
            *fp.add(slot(w, 2)) as usize,
            *fp.add(slot(w, 2) + 1) as usize,
        );
        *fp.add(slot(w, 1)) = if n == 0 || heap().find_object(p).is_some() {
            p as u64
        } else {
            constant(p, n) as u64
        };
    }
    Exit::Next
}

/// The copy of the `n` bytes of a constant at `p`.
///
/// # Safety
/// `n` bytes at `p` are a guest string outside the heap.
unsafe fn constant(p: usize, n: usize) -> usize {
    let mut t = table();
    if let Some((a, c)) = t.copies.range(..=p).next_back()
        && p - a + n <= c.len()
    {
        return c.as_ptr() as usize + (p - a);
    }
    let mut copy = vec![0; n];
    // SAFETY: by the caller's promise.
    unsafe { mem::copy(copy.as_mut_ptr(), p as *const u8, n) };
    let copy = Box::leak(copy.into_boxed_slice());
    let q = copy.as_ptr() as usize;
    t.copies.insert(p, copy);
    q
}
