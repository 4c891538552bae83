//! Access to guest memory that stays defined when guests race.
//!
//! Every load and store of memory that another thread of the guest may touch goes
//! through this file: scalars as relaxed atomics, 16-byte headers (slices, strings,
//! interfaces) as one 16-byte access, blocks as a sequence of 16-byte accesses. A racy
//! guest therefore sees old or new scalars and old or new headers, never a mix.
//!
//! Facts relied upon:
//! * x86-64 with AVX: a 16-byte SSE access to a 16-aligned address is atomic
//!   ([`atomic16`] tells); aarch64 with LSE2: the same for `ldp`/`stp`. Elsewhere the
//!   headers go through a small table of spin locks chosen by address.
//! * An unaligned 16-byte access is split at cache-line boundaries only, so it never
//!   tears an aligned word of 8 bytes or less.
//!
//! Values that hold headers start at 16-aligned addresses in heap objects (see `rtti`),
//! so copying in 16-byte steps from their start moves each header in one access.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__m128i, _mm_set_epi64x, _mm_setzero_si128};
use core::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed,
};

macro_rules! scalar {
    ($($load:ident $store:ident $ty:ty, $atomic:ty;)*) => {$(
        /// Relaxed atomic load.
        ///
        /// # Safety
        /// `p` is aligned for the type and readable.
        #[inline(always)]
        pub unsafe fn $load(p: *const u8) -> $ty {
            // SAFETY: the caller gives an aligned readable address; guest memory is only
            // accessed atomically or by assembly, so this is no data race.
            unsafe { (*p.cast::<$atomic>()).load(Relaxed) }
        }
        /// Relaxed atomic store.
        ///
        /// # Safety
        /// `p` is aligned for the type and writable.
        #[inline(always)]
        pub unsafe fn $store(p: *mut u8, v: $ty) {
            // SAFETY: the caller gives an aligned writable address; guest memory is only
            // accessed atomically or by assembly, so this is no data race.
            unsafe { (*p.cast::<$atomic>()).store(v, Relaxed) }
        }
    )*};
}

scalar! {
    load_u8 store_u8 u8, AtomicU8;
    load_i8 store_i8 i8, AtomicI8;
    load_u16 store_u16 u16, AtomicU16;
    load_i16 store_i16 i16, AtomicI16;
    load_u32 store_u32 u32, AtomicU32;
    load_i32 store_i32 i32, AtomicI32;
    load_u64 store_u64 u64, AtomicU64;
}

/// Whether 16-byte accesses to aligned addresses are atomic on this processor. Worth a
/// warning at start-up when false: headers may tear in racy programs.
pub fn atomic16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::is_x86_feature_detected!("avx")
    }
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("lse2")
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        true // by the lock table
    }
}

/// The register that carries 16 bytes.
#[cfg(target_arch = "x86_64")]
pub type V128 = __m128i;
/// The register that carries 16 bytes.
#[cfg(not(target_arch = "x86_64"))]
pub type V128 = (u64, u64);

/// Builds a 16-byte value in one register.
#[inline(always)]
pub fn v128(lo: u64, hi: u64) -> V128 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_set_epi64x(hi as i64, lo as i64) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        (lo, hi)
    }
}

/// The two halves of a 16-byte value.
#[inline(always)]
pub fn halves(v: V128) -> (u64, u64) {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: both are 16 bytes without invalid values.
        let w: [u64; 2] = unsafe { core::mem::transmute(v) };
        (w[0], w[1])
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        v
    }
}

/// Loads 16 bytes from a 16-aligned address in one access, kept in a register.
///
/// # Safety
/// `p` is 16-aligned and readable for 16 bytes.
#[inline(always)]
pub unsafe fn load_v(p: *const u8) -> V128 {
    debug_assert_eq!(p as usize & 15, 0);
    #[cfg(target_arch = "x86_64")]
    {
        let v;
        // SAFETY: the caller gives an aligned readable address; the instruction reads
        // 16 bytes there and nothing else.
        unsafe {
            core::arch::asm!("movdqa {v}, [{p}]", v = out(xmm_reg) v, p = in(reg) p,
                options(nostack, preserves_flags, readonly));
        }
        v
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // SAFETY: as the caller promises.
        unsafe { other::load(p) }
    }
}

/// Loads 16 bytes from any address (one access when it happens to be 16-aligned).
///
/// # Safety
/// `p` is readable for 16 bytes.
#[inline(always)]
pub unsafe fn load_vu(p: *const u8) -> V128 {
    #[cfg(target_arch = "x86_64")]
    {
        let v;
        // SAFETY: the caller gives a readable address; the instruction reads 16 bytes
        // there and nothing else.
        unsafe {
            core::arch::asm!("movdqu {v}, [{p}]", v = out(xmm_reg) v, p = in(reg) p,
                options(nostack, preserves_flags, readonly));
        }
        v
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // SAFETY: as the caller promises.
        unsafe { other::load_any(p) }
    }
}

/// Stores 16 bytes to a 16-aligned address in one access.
///
/// # Safety
/// `p` is 16-aligned and writable for 16 bytes.
#[inline(always)]
pub unsafe fn store_v(p: *mut u8, v: V128) {
    debug_assert_eq!(p as usize & 15, 0);
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: the caller gives an aligned writable address; the instruction writes
        // 16 bytes there and nothing else.
        unsafe {
            core::arch::asm!("movdqa [{p}], {v}", v = in(xmm_reg) v, p = in(reg) p,
                options(nostack, preserves_flags));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // SAFETY: as the caller promises.
        unsafe { other::store(p, v) }
    }
}

/// Stores 16 bytes to any address (one access when it happens to be 16-aligned).
///
/// # Safety
/// `p` is writable for 16 bytes.
#[inline(always)]
pub unsafe fn store_vu(p: *mut u8, v: V128) {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: the caller gives a writable address; the instruction writes 16 bytes
        // there and nothing else.
        unsafe {
            core::arch::asm!("movdqu [{p}], {v}", v = in(xmm_reg) v, p = in(reg) p,
                options(nostack, preserves_flags));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // SAFETY: as the caller promises.
        unsafe { other::store_any(p, v) }
    }
}

/// Loads a header `(lo, hi)` from a 16-aligned address in one access.
///
/// # Safety
/// `p` is 16-aligned and readable for 16 bytes.
#[inline(always)]
pub unsafe fn load128(p: *const u8) -> (u64, u64) {
    // SAFETY: as the caller promises.
    halves(unsafe { load_v(p) })
}

/// Stores a header `(lo, hi)` to a 16-aligned address in one access.
///
/// # Safety
/// `p` is 16-aligned and writable for 16 bytes.
#[inline(always)]
pub unsafe fn store128(p: *mut u8, lo: u64, hi: u64) {
    // SAFETY: as the caller promises.
    unsafe { store_v(p, v128(lo, hi)) }
}

/// Loads a header from any address: for frame slots, which only their goroutine touches.
///
/// # Safety
/// `p` is readable for 16 bytes.
#[inline(always)]
pub unsafe fn load128u(p: *const u8) -> (u64, u64) {
    // SAFETY: as the caller promises.
    halves(unsafe { load_vu(p) })
}

/// Stores a header to any address: for frame slots, which only their goroutine touches.
///
/// # Safety
/// `p` is writable for 16 bytes.
#[inline(always)]
pub unsafe fn store128u(p: *mut u8, lo: u64, hi: u64) {
    // SAFETY: as the caller promises.
    unsafe { store_vu(p, v128(lo, hi)) }
}

macro_rules! unaligned {
    ($($name:ident $ty:ty, $op:literal;)*) => {$(
        /// Loads from any address (string bytes: hashing, comparing).
        ///
        /// # Safety
        /// `p` is readable for the size of the result.
        #[inline(always)]
        pub unsafe fn $name(p: *const u8) -> $ty {
            #[cfg(target_arch = "x86_64")]
            {
                let v: $ty;
                // SAFETY: the caller gives a readable address; the instruction reads
                // there and nothing else.
                unsafe {
                    core::arch::asm!($op, v = out(reg) v, p = in(reg) p,
                        options(nostack, preserves_flags, readonly));
                }
                v
            }
            #[cfg(not(target_arch = "x86_64"))]
            {
                let mut v = [0u8; size_of::<$ty>()];
                for (i, b) in v.iter_mut().enumerate() {
                    // SAFETY: inside the bytes the caller promises.
                    *b = unsafe { load_u8(p.add(i)) };
                }
                <$ty>::from_le_bytes(v)
            }
        }
    )*};
}

unaligned! {
    load_u32_any u32, "mov {v:e}, dword ptr [{p}]";
    load_u64_any u64, "mov {v}, qword ptr [{p}]";
}

/// Copies `bytes` bytes of guest memory that do not overlap, in 16-byte accesses from
/// the start and smaller ones for the tail.
///
/// # Safety
/// `src` is readable and `dst` writable for `bytes`, and they do not overlap except that
/// `dst` may lie below `src`.
#[inline(always)]
pub unsafe fn copy(dst: *mut u8, src: *const u8, bytes: usize) {
    let mut i = 0;
    while i + 16 <= bytes {
        // SAFETY: i + 16 <= bytes.
        unsafe { store_vu(dst.add(i), load_vu(src.add(i))) };
        i += 16;
    }
    if bytes & 15 != 0 {
        // SAFETY: what is left are the last bytes % 16 bytes.
        unsafe { copy_tail(dst.add(i), src.add(i), bytes & 15) };
    }
}

/// Copies fewer than 16 bytes, the widest aligned pieces first.
///
/// # Safety
/// As [`copy`].
#[inline(always)]
unsafe fn copy_tail(dst: *mut u8, src: *const u8, n: usize) {
    let mut i = 0;
    let align = (dst as usize | src as usize) & 7;
    // SAFETY: every piece lies inside 0..n and is only as wide as both addresses allow.
    unsafe {
        if align == 0 && n >= 8 {
            store_u64(dst, load_u64(src));
            i = 8;
        }
        if align & 3 == 0 {
            while i + 4 <= n {
                store_u32(dst.add(i), load_u32(src.add(i)));
                i += 4;
            }
        }
        if align & 1 == 0 {
            while i + 2 <= n {
                store_u16(dst.add(i), load_u16(src.add(i)));
                i += 2;
            }
        }
        while i < n {
            store_u8(dst.add(i), load_u8(src.add(i)));
            i += 1;
        }
    }
}

/// Copies `bytes` bytes of guest memory that may overlap (Go's `copy`).
///
/// # Safety
/// `src` is readable and `dst` writable for `bytes`.
#[inline]
pub unsafe fn copy_overlap(dst: *mut u8, src: *const u8, bytes: usize) {
    if (dst as usize).wrapping_sub(src as usize) >= bytes {
        // `dst` lies below `src` or beyond its end: forwards is right. A 16-byte step
        // reads all it will overwrite before writing.
        // SAFETY: as the caller promises.
        unsafe { copy(dst, src, bytes) };
        return;
    }
    // Backwards: the tail first, so that the 16-byte steps keep the phase of the start.
    let whole = bytes & !15;
    let mut i = bytes;
    // SAFETY: all offsets lie inside 0..bytes.
    unsafe {
        let wide = (dst as usize | src as usize) & 7 == 0;
        while i > whole {
            if wide && i - whole >= 8 && i & 7 == 0 {
                i -= 8;
                store_u64(dst.add(i), load_u64(src.add(i)));
            } else if (dst as usize | src as usize | i) & 3 == 0 && i - whole >= 4 {
                i -= 4;
                store_u32(dst.add(i), load_u32(src.add(i)));
            } else if (dst as usize | src as usize | i) & 1 == 0 {
                i -= 2;
                store_u16(dst.add(i), load_u16(src.add(i)));
            } else {
                i -= 1;
                store_u8(dst.add(i), load_u8(src.add(i)));
            }
        }
        while i > 0 {
            i -= 16;
            store_vu(dst.add(i), load_vu(src.add(i)));
        }
    }
}

/// Writes zero to `bytes` bytes of guest memory.
///
/// # Safety
/// `dst` is writable for `bytes`.
#[inline(always)]
pub unsafe fn zero(dst: *mut u8, bytes: usize) {
    let mut i = 0;
    while i + 16 <= bytes {
        // SAFETY: i + 16 <= bytes.
        unsafe { store_vu(dst.add(i), zero_v()) };
        i += 16;
    }
    while i < bytes {
        // SAFETY: i < bytes, and each piece is aligned and fits.
        unsafe {
            if bytes - i >= 8 && (dst as usize + i) & 7 == 0 {
                store_u64(dst.add(i), 0);
                i += 8;
            } else if bytes - i >= 4 && (dst as usize + i) & 3 == 0 {
                store_u32(dst.add(i), 0);
                i += 4;
            } else if bytes - i >= 2 && (dst as usize + i) & 1 == 0 {
                store_u16(dst.add(i), 0);
                i += 2;
            } else {
                store_u8(dst.add(i), 0);
                i += 1;
            }
        }
    }
}

/// Writes zero to a cell: 16-aligned, `bytes` a positive multiple of 16.
///
/// # Safety
/// `dst` is 16-aligned and writable for `bytes`.
#[inline(always)]
pub(super) unsafe fn zero_cell(dst: *mut u8, bytes: usize) {
    let mut i = 0;
    loop {
        // SAFETY: i < bytes, both multiples of 16.
        unsafe { store_v(dst.add(i), zero_v()) };
        i += 16;
        if i >= bytes {
            return;
        }
    }
}

#[inline(always)]
fn zero_v() -> V128 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_setzero_si128() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        (0, 0)
    }
}

/// Whether two runs of bytes are equal.
///
/// # Safety
/// Both are readable for `n` bytes.
#[inline]
pub unsafe fn eq_bytes(a: *const u8, b: *const u8, n: usize) -> bool {
    if a == b {
        return true;
    }
    // SAFETY: every access lies inside the n bytes; the last wide one overlaps the one
    // before it instead of running over the end.
    unsafe {
        if n >= 16 {
            let mut i = 0;
            while i + 16 <= n {
                if halves(load_vu(a.add(i))) != halves(load_vu(b.add(i))) {
                    return false;
                }
                i += 16;
            }
            return i == n || halves(load_vu(a.add(n - 16))) == halves(load_vu(b.add(n - 16)));
        }
        if n >= 8 {
            return load_u64_any(a) == load_u64_any(b)
                && load_u64_any(a.add(n - 8)) == load_u64_any(b.add(n - 8));
        }
        if n >= 4 {
            return load_u32_any(a) == load_u32_any(b)
                && load_u32_any(a.add(n - 4)) == load_u32_any(b.add(n - 4));
        }
        (0..n).all(|i| load_u8(a.add(i)) == load_u8(b.add(i)))
    }
}

/// 16-byte accesses where there is no SSE.
#[cfg(not(target_arch = "x86_64"))]
mod other {
    use super::{load_u8, load_u64, store_u8, store_u64};

    #[cfg(target_arch = "aarch64")]
    pub(super) unsafe fn load(p: *const u8) -> (u64, u64) {
        let (lo, hi);
        // SAFETY: the caller gives an aligned readable address.
        unsafe {
            core::arch::asm!("ldp {lo}, {hi}, [{p}]", lo = out(reg) lo, hi = out(reg) hi,
                p = in(reg) p, options(nostack, preserves_flags, readonly));
        }
        (lo, hi)
    }

    #[cfg(target_arch = "aarch64")]
    pub(super) unsafe fn store(p: *mut u8, v: (u64, u64)) {
        // SAFETY: the caller gives an aligned writable address.
        unsafe {
            core::arch::asm!("stp {lo}, {hi}, [{p}]", lo = in(reg) v.0, hi = in(reg) v.1,
                p = in(reg) p, options(nostack, preserves_flags));
        }
    }

    #[cfg(not(target_arch = "aarch64"))]
    mod locks {
        use core::sync::atomic::{AtomicBool, Ordering};

        static LOCKS: [AtomicBool; 64] = [const { AtomicBool::new(false) }; 64];

        pub(super) fn with<R>(p: *const u8, f: impl FnOnce() -> R) -> R {
            let lock = &LOCKS[(p as usize >> 4) & 63];
            while lock.swap(true, Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let r = f();
            lock.store(false, Ordering::Release);
            r
        }
    }

    #[cfg(not(target_arch = "aarch64"))]
    pub(super) unsafe fn load(p: *const u8) -> (u64, u64) {
        // SAFETY: the caller gives an aligned readable address.
        locks::with(p, || unsafe { (load_u64(p), load_u64(p.add(8))) })
    }

    #[cfg(not(target_arch = "aarch64"))]
    pub(super) unsafe fn store(p: *mut u8, v: (u64, u64)) {
        // SAFETY: the caller gives an aligned writable address.
        locks::with(p, || unsafe {
            store_u64(p, v.0);
            store_u64(p.add(8), v.1);
        });
    }

    pub(super) unsafe fn load_any(p: *const u8) -> (u64, u64) {
        // SAFETY: 16 readable bytes, and each access is aligned for its width.
        unsafe {
            if p as usize & 15 == 0 {
                load(p)
            } else if p as usize & 7 == 0 {
                (load_u64(p), load_u64(p.add(8)))
            } else {
                let b: [u8; 16] = core::array::from_fn(|i| load_u8(p.add(i)));
                let v = u128::from_le_bytes(b);
                (v as u64, (v >> 64) as u64)
            }
        }
    }

    pub(super) unsafe fn store_any(p: *mut u8, v: (u64, u64)) {
        // SAFETY: 16 writable bytes, and each access is aligned for its width.
        unsafe {
            if p as usize & 15 == 0 {
                store(p, v);
            } else if p as usize & 7 == 0 {
                store_u64(p, v.0);
                store_u64(p.add(8), v.1);
            } else {
                let b = (u128::from(v.1) << 64 | u128::from(v.0)).to_le_bytes();
                for (i, b) in b.into_iter().enumerate() {
                    store_u8(p.add(i), b);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(16))]
    struct Buf([u8; 256]);

    fn pattern() -> Buf {
        Buf(core::array::from_fn(|i| (i * 7 + 3) as u8))
    }

    #[test]
    fn headers_and_scalars() {
        let mut b = Buf([0; 256]);
        let p = b.0.as_mut_ptr();
        // SAFETY: all offsets lie inside the buffer and are aligned as required.
        unsafe {
            store128(p, 1, 2);
            assert_eq!(load128(p), (1, 2));
            store128u(p.add(24), 3, 4);
            assert_eq!(load128u(p.add(24)), (3, 4));
            assert_eq!(load_u64(p.add(32)), 4);
            store_i8(p, -1);
            assert_eq!(load_u8(p), 255);
            store_i16(p, -2);
            assert_eq!(load_u16(p), 0xfffe);
            store_i32(p, -3);
            assert_eq!(load_u32(p) as i32, load_i32(p));
            assert_eq!(load_u32_any(p.add(24)), 3);
        }
    }

    #[test]
    fn copies_match_slices() {
        let src = pattern();
        for n in 0..80 {
            for (d, s) in [(0, 0), (8, 8), (1, 3), (4, 2), (16, 8)] {
                let mut dst = Buf([0xaa; 256]);
                let mut want = [0xaa; 256];
                want[d..d + n].copy_from_slice(&src.0[s..s + n]);
                // SAFETY: d + n and s + n lie inside the buffers.
                unsafe { copy(dst.0.as_mut_ptr().add(d), src.0.as_ptr().add(s), n) };
                assert_eq!(dst.0, want, "n {n} d {d} s {s}");
                want[d..d + n].fill(0);
                // SAFETY: as above.
                unsafe { zero(dst.0.as_mut_ptr().add(d), n) };
                assert_eq!(dst.0, want);
                let mut both = pattern();
                let mut want = both.0;
                want.copy_within(s..s + n, d);
                let p = both.0.as_mut_ptr();
                // SAFETY: as above, inside one buffer.
                unsafe { copy_overlap(p.add(d), p.add(s), n) };
                assert_eq!(both.0, want, "overlap n {n} d {d} s {s}");
                let mut both = pattern();
                let mut want = both.0;
                want.copy_within(d..d + n, s);
                let p = both.0.as_mut_ptr();
                // SAFETY: as above.
                unsafe { copy_overlap(p.add(s), p.add(d), n) };
                assert_eq!(both.0, want);
            }
        }
    }

    #[test]
    fn equality_of_bytes() {
        let a = pattern();
        for n in 0..100 {
            let mut b = pattern();
            let same = |b: &Buf| {
                // SAFETY: n is below the length of both buffers.
                unsafe { eq_bytes(a.0.as_ptr(), b.0.as_ptr(), n) }
            };
            assert!(same(&b));
            for i in 0..n {
                b.0[i] ^= 1;
                assert!(!same(&b), "{n} {i}");
                b.0[i] ^= 1;
            }
        }
    }

    #[test]
    fn headers_do_not_tear() {
        struct Shared(*mut u8);
        // SAFETY: the buffer outlives the threads and is accessed through this module.
        unsafe impl Sync for Shared {}
        let mut b = Buf([0; 256]);
        let s = Shared(b.0.as_mut_ptr());
        let s = &s;
        std::thread::scope(|sc| {
            sc.spawn(move || {
                for i in 0..200_000u64 {
                    // SAFETY: aligned, inside the buffer.
                    unsafe { store128(s.0, i, !i) };
                }
            });
            sc.spawn(move || {
                for _ in 0..200_000 {
                    // SAFETY: aligned, inside the buffer.
                    let (lo, hi) = unsafe { load128(s.0) };
                    assert!(hi == !lo || (lo, hi) == (0, 0));
                }
            });
        });
    }
}
