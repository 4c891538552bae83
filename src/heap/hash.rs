//! Equality and hashing of values of any comparable type, Go's rules.
//!
//! * floats: +0 equals -0, a NaN equals nothing and hashes differently each time;
//! * interfaces: equal when the dynamic types are identical and the values equal;
//!   comparing or hashing a dynamic type without `==` is an error that names it;
//! * structs field by field (blank fields ignored), arrays element by element, stopping
//!   at the first difference.
//!
//! Interface values can nest as deeply as a guest likes, so beyond [`DEEP`] levels an
//! explicit stack replaces recursion. All reads are racy-safe (`mem`): values that change
//! meanwhile give some answer, never an invalid access, because headers are read whole.
#![allow(unsafe_code)]

use super::mem;
use super::rtti::{Kind, Rtti};
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// A type without `==` met while comparing or hashing
/// (`hash of unhashable type T`, `comparing uncomparable type T`).
#[derive(Clone, Copy, Debug)]
pub struct Unhashable(pub &'static Rtti);

const K0: u64 = 0x9e6c_63d0_876a_68a5;
const K1: u64 = 0xd1b5_4a32_d192_ed03;
/// Levels of recursion before the explicit stack takes over.
const DEEP: u32 = 48;

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let r = u128::from(a) * u128::from(b);
    r as u64 ^ (r >> 64) as u64
}

/// Hash of one word.
#[inline(always)]
pub fn hash64(v: u64, seed: u64) -> u64 {
    fold(v ^ seed, K0)
}

/// Hash of a run of bytes.
///
/// # Safety
/// `p` is readable for `n` bytes.
#[inline]
pub unsafe fn hash_bytes(p: *const u8, n: usize, seed: u64) -> u64 {
    let mut h = seed ^ K1;
    // SAFETY: every access lies inside the n bytes: pieces at the end overlap earlier
    // ones instead of running over it.
    let (a, b) = unsafe {
        if n > 16 {
            let mut i = 0;
            while i + 16 < n {
                h = fold(
                    mem::load_u64_any(p.add(i)) ^ h,
                    mem::load_u64_any(p.add(i + 8)) ^ K0,
                );
                i += 16;
            }
            (
                mem::load_u64_any(p.add(n - 16)),
                mem::load_u64_any(p.add(n - 8)),
            )
        } else if n >= 8 {
            (mem::load_u64_any(p), mem::load_u64_any(p.add(n - 8)))
        } else if n >= 4 {
            (
                u64::from(mem::load_u32_any(p)),
                u64::from(mem::load_u32_any(p.add(n - 4))),
            )
        } else if n > 0 {
            let lo = u64::from(mem::load_u8(p)) | u64::from(mem::load_u8(p.add(n / 2))) << 8;
            (lo | u64::from(mem::load_u8(p.add(n - 1))) << 16, 0)
        } else {
            (0, 0)
        }
    };
    fold(fold(a ^ h, b ^ K0) ^ n as u64, K1)
}

thread_local! {
    static RANDOM: Cell<u64> = Cell::new(RandomState::new().hash_one(0x5eed_u64) | 1);
}

/// A random number of the thread's own sequence: map seeds, iteration starts, NaNs.
pub fn random() -> u64 {
    RANDOM.with(|r| {
        let mut x = r.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        r.set(x);
        x.wrapping_mul(K0) ^ x >> 29
    })
}

/// Restarts the thread's sequence (reproducible runs).
pub fn seed_thread(seed: u64) {
    RANDOM.with(|r| r.set(seed | 1));
}

/// What remains to be compared or hashed: `n` values of one type, one behind the other.
struct Rest {
    ty: &'static Rtti,
    a: *const u8,
    b: *const u8,
    n: usize,
}

/// Where an interface's dynamic value lies.
///
/// # Safety
/// `data` lives as long as the result is used; for a type that is not direct, its value
/// is the address of such a value.
#[inline(always)]
unsafe fn value_of(ty: &Rtti, data: &u64) -> *const u8 {
    if ty.direct {
        (&raw const *data).cast()
    } else {
        *data as *const u8
    }
}

/// The type word of an interface as a descriptor.
///
/// # Safety
/// `word` is a type word: 0 or the address of a descriptor, which is never freed.
#[inline(always)]
unsafe fn type_of(word: u64) -> Option<&'static Rtti> {
    // SAFETY: as the caller promises.
    unsafe { (word as *const Rtti).as_ref() }
}

/// `*a == *b` for two values of type `ty` in memory format.
///
/// # Safety
/// `ty` is complete and describes the readable values at `a` and `b`.
pub unsafe fn equal(ty: &'static Rtti, a: *const u8, b: *const u8) -> Result<bool, Unhashable> {
    // SAFETY: as the caller promises.
    unsafe { equal_at(ty, a, b, 0) }
}

unsafe fn equal_at(
    ty: &'static Rtti,
    a: *const u8,
    b: *const u8,
    depth: u32,
) -> Result<bool, Unhashable> {
    // SAFETY: parts of the values that the caller describes.
    unsafe {
        if let Some(r) = equal_leaf(ty, a, b) {
            return r;
        }
        if depth >= DEEP {
            return equal_deep(ty, a, b);
        }
        match ty.kind {
            Kind::Interface => match dynamic_pair(a, b)? {
                Pair::Decided(r) => Ok(r),
                Pair::Values(t, x, y) => equal_at(t, value_of(t, &x), value_of(t, &y), depth + 1),
            },
            Kind::Array => {
                let e = ty.elem();
                for i in 0..ty.len {
                    let o = i * e.size();
                    if !equal_at(e, a.add(o), b.add(o), depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => {
                for f in ty.parts().fields.iter().filter(|f| f.name != "_") {
                    if !equal_at(f.ty, a.add(f.offset), b.add(f.offset), depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

/// What two interfaces come down to.
enum Pair {
    Decided(bool),
    /// Values of one comparable type, given by their data words.
    Values(&'static Rtti, u64, u64),
}

/// Reads each of two interfaces once, so that type and data belong together even while
/// somebody writes them.
///
/// # Safety
/// Readable interface values.
#[inline]
unsafe fn dynamic_pair(a: *const u8, b: *const u8) -> Result<Pair, Unhashable> {
    // SAFETY: as the caller promises; type words are 0 or descriptors.
    let ((t, x), (u, y), ty) = unsafe {
        let (a, b) = (mem::load128u(a), mem::load128u(b));
        (a, b, type_of(a.0))
    };
    Ok(match ty {
        _ if t != u => Pair::Decided(false),
        None => Pair::Decided(true),
        Some(ty) if !ty.comparable => return Err(Unhashable(ty)),
        Some(ty) => Pair::Values(ty, x, y),
    })
}

/// The answer where no part needs looking at by itself; None for interfaces and for
/// comparable arrays and structs.
unsafe fn equal_leaf(
    ty: &'static Rtti,
    a: *const u8,
    b: *const u8,
) -> Option<Result<bool, Unhashable>> {
    // SAFETY: values of type `ty`, as the caller promises: sizes follow from the kind.
    unsafe {
        if ty.plain_bytes {
            return Some(Ok(mem::eq_bytes(a, b, ty.size())));
        }
        let f32s = |o: usize| {
            let load = |p: *const u8| f32::from_bits(mem::load_u32_any(p.add(o)));
            load(a) == load(b)
        };
        let f64s = |o: usize| {
            let load = |p: *const u8| f64::from_bits(mem::load_u64_any(p.add(o)));
            load(a) == load(b)
        };
        Some(Ok(match ty.kind {
            Kind::Float32 => f32s(0),
            Kind::Float64 => f64s(0),
            Kind::Complex64 => f32s(0) && f32s(4),
            Kind::Complex128 => f64s(0) && f64s(8),
            Kind::String => {
                let ((p, n), (q, m)) = (mem::load128u(a), mem::load128u(b));
                n == m && mem::eq_bytes(p as *const u8, q as *const u8, n as usize)
            }
            Kind::Interface => return None,
            Kind::Array | Kind::Struct if ty.comparable => return None,
            _ if !ty.comparable => return Some(Err(Unhashable(ty))),
            _ => mem::eq_bytes(a, b, ty.size()),
        }))
    }
}

/// [`equal_at`] with its own stack.
#[cold]
unsafe fn equal_deep(ty: &'static Rtti, a: *const u8, b: *const u8) -> Result<bool, Unhashable> {
    let mut stack = vec![Rest { ty, a, b, n: 1 }];
    while let Some(Rest { ty, a, b, n }) = stack.pop() {
        // SAFETY: parts of the values that the caller describes.
        unsafe {
            if n == 0 {
                continue;
            }
            if n > 1 {
                let s = ty.size();
                stack.push(Rest {
                    ty,
                    a: a.add(s),
                    b: b.add(s),
                    n: n - 1,
                });
            }
            match equal_leaf(ty, a, b) {
                Some(Ok(true)) => continue,
                Some(r) => return r,
                None => {}
            }
            match ty.kind {
                Kind::Interface => match dynamic_pair(a, b)? {
                    Pair::Decided(true) => {}
                    Pair::Decided(false) => return Ok(false),
                    // At most one word: cannot nest further.
                    Pair::Values(t, x, y) if t.direct => {
                        if !equal_at(t, value_of(t, &x), value_of(t, &y), 0)? {
                            return Ok(false);
                        }
                    }
                    Pair::Values(ty, x, y) => {
                        stack.push(Rest {
                            ty,
                            a: x as *const u8,
                            b: y as *const u8,
                            n: 1,
                        });
                    }
                },
                Kind::Array => stack.push(Rest {
                    ty: ty.elem(),
                    a,
                    b,
                    n: ty.len,
                }),
                _ => {
                    for f in ty.parts().fields.iter().rev().filter(|f| f.name != "_") {
                        let (a, b) = (a.add(f.offset), b.add(f.offset));
                        stack.push(Rest {
                            ty: f.ty,
                            a,
                            b,
                            n: 1,
                        });
                    }
                }
            }
        }
    }
    Ok(true)
}

/// Hash of the value of type `ty` at `p`. Equal values have equal hashes.
///
/// # Safety
/// `ty` is complete and describes the readable value at `p`.
pub unsafe fn hash(ty: &'static Rtti, p: *const u8, seed: u64) -> Result<u64, Unhashable> {
    // SAFETY: as the caller promises.
    unsafe { hash_at(ty, p, seed, 0) }
}

unsafe fn hash_at(
    ty: &'static Rtti,
    p: *const u8,
    mut h: u64,
    depth: u32,
) -> Result<u64, Unhashable> {
    // SAFETY: parts of the value that the caller describes.
    unsafe {
        if let Some(r) = hash_leaf(ty, p, h) {
            return r;
        }
        if depth >= DEEP {
            return hash_deep(ty, p, h);
        }
        match ty.kind {
            Kind::Interface => {
                let (t, x) = mem::load128u(p);
                h = hash64(t, h);
                let Some(t) = type_of(t) else { return Ok(h) };
                hash_at(t, value_of(t, &x), h, depth + 1)
            }
            Kind::Array => {
                let e = ty.elem();
                for i in 0..ty.len {
                    h = hash_at(e, p.add(i * e.size()), h, depth + 1)?;
                }
                Ok(h)
            }
            _ => {
                for f in ty.parts().fields.iter().filter(|f| f.name != "_") {
                    h = hash_at(f.ty, p.add(f.offset), h, depth + 1)?;
                }
                Ok(h)
            }
        }
    }
}

/// The hash where no part needs looking at by itself; None as for [`equal_leaf`]
/// (interfaces of types without `==` are refused here).
unsafe fn hash_leaf(ty: &'static Rtti, p: *const u8, seed: u64) -> Option<Result<u64, Unhashable>> {
    let float = |v: f64, h: u64| {
        if v == 0.0 {
            hash64(0, h)
        } else if v.is_nan() {
            hash64(random(), h)
        } else {
            hash64(v.to_bits(), h)
        }
    };
    // SAFETY: a value of type `ty`, as the caller promises.
    unsafe {
        let f32s = |o: usize, h| float(f64::from(f32::from_bits(mem::load_u32_any(p.add(o)))), h);
        let f64s = |o: usize, h| float(f64::from_bits(mem::load_u64_any(p.add(o))), h);
        if ty.plain_bytes {
            return Some(Ok(match ty.size() {
                8 => hash64(mem::load_u64_any(p), seed),
                n => hash_bytes(p, n, seed),
            }));
        }
        Some(Ok(match ty.kind {
            Kind::Float32 => f32s(0, seed),
            Kind::Float64 => f64s(0, seed),
            Kind::Complex64 => f32s(4, f32s(0, seed)),
            Kind::Complex128 => f64s(8, f64s(0, seed)),
            Kind::String => {
                let (s, n) = mem::load128u(p);
                hash_bytes(s as *const u8, n as usize, seed)
            }
            Kind::Interface => {
                let t = type_of(mem::load128u(p).0);
                return match t {
                    Some(t) if !t.comparable => Some(Err(Unhashable(t))),
                    _ => None,
                };
            }
            Kind::Array | Kind::Struct if ty.comparable => return None,
            _ if !ty.comparable => return Some(Err(Unhashable(ty))),
            _ => hash_bytes(p, ty.size(), seed),
        }))
    }
}

/// [`hash_at`] with its own stack.
#[cold]
unsafe fn hash_deep(ty: &'static Rtti, p: *const u8, mut h: u64) -> Result<u64, Unhashable> {
    let mut stack = vec![Rest {
        ty,
        a: p,
        b: p,
        n: 1,
    }];
    while let Some(Rest { ty, a, n, .. }) = stack.pop() {
        // SAFETY: parts of the value that the caller describes.
        unsafe {
            if n == 0 {
                continue;
            }
            if n > 1 {
                let next = a.add(ty.size());
                stack.push(Rest {
                    ty,
                    a: next,
                    b: next,
                    n: n - 1,
                });
            }
            if let Some(r) = hash_leaf(ty, a, h) {
                h = r?;
                continue;
            }
            match ty.kind {
                Kind::Interface => {
                    let (t, x) = mem::load128u(a);
                    h = hash64(t, h);
                    let Some(t) = type_of(t) else { continue };
                    if t.direct {
                        h = hash_at(t, value_of(t, &x), h, 0)?;
                    } else {
                        stack.push(Rest {
                            ty: t,
                            a: x as *const u8,
                            b: p,
                            n: 1,
                        });
                    }
                }
                Kind::Array => stack.push(Rest {
                    ty: ty.elem(),
                    a,
                    b: p,
                    n: ty.len,
                }),
                _ => {
                    for f in ty.parts().fields.iter().rev().filter(|f| f.name != "_") {
                        stack.push(Rest {
                            ty: f.ty,
                            a: a.add(f.offset),
                            b: p,
                            n: 1,
                        });
                    }
                }
            }
        }
    }
    Ok(h)
}
