//! Reading guest memory. Other threads may write it at any time, so scalars are read
//! through relaxed atomics and 16-byte headers by one load; nothing is read twice.

use crate::heap::rtti::{Kind, Rtti};
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Reads one byte.
///
/// # Safety
/// `p` points to a readable byte.
pub unsafe fn read_u8(p: *const u8) -> u8 {
    // SAFETY: readable by the contract; every byte is aligned for `AtomicU8`.
    unsafe { AtomicU8::from_ptr(p.cast_mut()) }.load(Relaxed)
}

/// Reads two bytes.
///
/// # Safety
/// `p` points to 2 readable bytes, 2-aligned.
pub unsafe fn read_u16(p: *const u8) -> u16 {
    // SAFETY: readable and aligned by the contract.
    unsafe { AtomicU16::from_ptr(p.cast_mut().cast()) }.load(Relaxed)
}

/// Reads four bytes.
///
/// # Safety
/// `p` points to 4 readable bytes, 4-aligned.
pub unsafe fn read_u32(p: *const u8) -> u32 {
    // SAFETY: readable and aligned by the contract.
    unsafe { AtomicU32::from_ptr(p.cast_mut().cast()) }.load(Relaxed)
}

/// Reads eight bytes.
///
/// # Safety
/// `p` points to 8 readable bytes, 8-aligned.
pub unsafe fn read_u64(p: *const u8) -> u64 {
    // SAFETY: readable and aligned by the contract.
    unsafe { AtomicU64::from_ptr(p.cast_mut().cast()) }.load(Relaxed)
}

/// Reads a 16-byte header (string, slice, interface) by one load: old or new, no mix.
///
/// # Safety
/// `p` points to 16 readable bytes, 16-aligned.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub unsafe fn read_pair(p: *const u8) -> (u64, u64) {
    let (low, high): (u64, u64);
    // SAFETY: readable by the contract. The load touches no other memory; an aligned
    // 16-byte vector load is one access on the processors this program runs on.
    unsafe {
        std::arch::asm!(
            "movdqu {x}, [{p}]",
            "movq {low}, {x}",
            "psrldq {x}, 8",
            "movq {high}, {x}",
            p = in(reg) p,
            x = out(xmm_reg) _,
            low = out(reg) low,
            high = out(reg) high,
            options(nostack, readonly, preserves_flags)
        );
    }
    (low, high)
}

/// Reads a 16-byte header (string, slice, interface) by one load: old or new, no mix.
///
/// # Safety
/// `p` points to 16 readable bytes, 16-aligned.
#[cfg(all(target_arch = "aarch64", not(miri)))]
pub unsafe fn read_pair(p: *const u8) -> (u64, u64) {
    let (low, high): (u64, u64);
    // SAFETY: readable by the contract. An aligned pair load is one access with LSE2.
    unsafe {
        std::arch::asm!(
            "ldp {low}, {high}, [{p}]",
            p = in(reg) p,
            low = out(reg) low,
            high = out(reg) high,
            options(nostack, readonly, preserves_flags)
        );
    }
    (low, high)
}

/// Reads a 16-byte header in two halves: for checkers, where nothing races.
///
/// # Safety
/// `p` points to 16 readable bytes, 16-aligned.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub unsafe fn read_pair(p: *const u8) -> (u64, u64) {
    // SAFETY: both halves are readable and aligned by the contract.
    unsafe { (read_u64(p), read_u64(p.add(8))) }
}

/// Copies `len` bytes that other threads may be writing.
///
/// # Safety
/// `p` points to `len` readable bytes (any `p` when `len` is 0).
pub unsafe fn copy_bytes(out: &mut Vec<u8>, p: *const u8, len: usize) {
    out.reserve(len);
    let mut i = 0;
    while i < len && !(p as usize + i).is_multiple_of(8) {
        // SAFETY: `i < len`.
        out.push(unsafe { read_u8(p.add(i)) });
        i += 1;
    }
    while i + 8 <= len {
        // SAFETY: eight bytes are left and the address is 8-aligned here.
        out.extend_from_slice(&unsafe { read_u64(p.add(i)) }.to_le_bytes());
        i += 8;
    }
    while i < len {
        // SAFETY: `i < len`.
        out.push(unsafe { read_u8(p.add(i)) });
        i += 1;
    }
}

/// The bytes of a guest string. They are never written after the string exists.
///
/// # Safety
/// `header` was read from a string value that stays reachable for `'a`.
pub unsafe fn string_bytes<'a>(header: (u64, u64)) -> &'a [u8] {
    if header.1 == 0 {
        return &[];
    }
    // SAFETY: a string header points to `len` bytes that nobody writes any more.
    unsafe { std::slice::from_raw_parts(header.0 as *const u8, header.1 as usize) }
}

/// A slice header: address, length, capacity.
///
/// # Safety
/// As [`read_pair`], of a slice value.
pub unsafe fn read_slice(p: *const u8) -> (*const u8, usize, usize) {
    // SAFETY: the same contract.
    let (ptr, lens) = unsafe { read_pair(p) };
    (
        ptr as *const u8,
        lens as u32 as usize,
        (lens >> 32) as usize,
    )
}

/// Reads an integer, boolean or one-word value: signed kinds sign-extended, others
/// zero-extended.
///
/// # Safety
/// `p` points to a value of `kind` in memory format.
pub unsafe fn read_int(kind: Kind, p: *const u8) -> u64 {
    // SAFETY: the value has as many bytes, aligned to its size.
    unsafe {
        match kind {
            Kind::Int8 => read_u8(p) as i8 as u64,
            Kind::Int16 => read_u16(p) as i16 as u64,
            Kind::Int32 => read_u32(p) as i32 as u64,
            Kind::Bool | Kind::Uint8 => read_u8(p) as u64,
            Kind::Uint16 => read_u16(p) as u64,
            Kind::Uint32 => read_u32(p) as u64,
            _ => read_u64(p),
        }
    }
}

/// Reads a float.
///
/// # Safety
/// `p` points to a float of `kind`.
pub unsafe fn read_float(kind: Kind, p: *const u8) -> f64 {
    // SAFETY: 4 or 8 bytes by the kind.
    unsafe {
        if kind == Kind::Float32 {
            f32::from_bits(read_u32(p)) as f64
        } else {
            f64::from_bits(read_u64(p))
        }
    }
}

/// Reads both parts of a complex number.
///
/// # Safety
/// `p` points to a complex number of `kind`.
pub unsafe fn read_complex(kind: Kind, p: *const u8) -> (f64, f64) {
    let (part, size) = if kind == Kind::Complex64 {
        (Kind::Float32, 4)
    } else {
        (Kind::Float64, 8)
    };
    // SAFETY: two floats of half the size each.
    unsafe { (read_float(part, p), read_float(part, p.add(size))) }
}

/// The descriptor that an interface's type word names, `None` for a nil interface.
///
/// # Safety
/// `word` is the type word of an interface value.
pub unsafe fn type_of_word(word: u64) -> Option<&'static Rtti> {
    // SAFETY: a type word is 0 or the address of a descriptor, which is never freed.
    unsafe { (word as *const Rtti).as_ref() }
}

/// Where the value lies that an interface's data word stands for: in the word itself or
/// in the heap copy it points to.
pub fn data_ptr(t: &Rtti, word: &u64) -> *const u8 {
    if t.direct {
        (word as *const u64).cast()
    } else {
        *word as *const u8
    }
}

/// The data word of an interface holding the value at `p`. For a type that is not
/// direct that is `p` itself: good for as long as nobody changes the value.
///
/// # Safety
/// `p` points to a value of type `t` in memory format.
pub unsafe fn data_word(t: &Rtti, p: *const u8) -> u64 {
    if !t.direct {
        return p as u64;
    }
    // SAFETY: a direct value has at most 8 bytes, all readable.
    unsafe {
        match t.kind {
            Kind::Struct | Kind::Array if t.size() < 8 => {
                let mut bytes = Vec::with_capacity(8);
                copy_bytes(&mut bytes, p, t.size());
                bytes.resize(8, 0);
                bytes.iter().rev().fold(0, |word, &b| word << 8 | b as u64)
            }
            Kind::Float32 => read_u32(p) as u64,
            // Two 4-aligned halves.
            Kind::Complex64 => read_u32(p) as u64 | (read_u32(p.add(4)) as u64) << 32,
            Kind::Struct | Kind::Array if !(p as usize).is_multiple_of(8) => {
                let mut bytes = Vec::with_capacity(8);
                copy_bytes(&mut bytes, p, 8);
                bytes.iter().rev().fold(0, |word, &b| word << 8 | b as u64)
            }
            kind => read_int(kind, p),
        }
    }
}
