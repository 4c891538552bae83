//! Loads, stores, indexing, allocation.
#![allow(unsafe_code, non_snake_case)]

use super::slow;
use crate::bytecode::program::{AllocDesc, unword};
use crate::heap::{mem, zero_base};
use crate::vm::cx::Exit;
use crate::vm::fault::Code;
use crate::vm::pointers;

macro_rules! load {
    ($($name:ident $f:ident $t:ty, $size:literal;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let p = r!(fp, b!(w));
            if p == 0 {
                fault!(pc, fp, cx, Code::Nil, 0, 0);
            }
            rd!(pc, fp, cx, p as usize + c!(w), $size);
            r!(fp, a!(w)) = mem::$f((p as *const u8).add(c!(w))) as $t as u64;
            next!(pc, fp, cx, 1)
        });
    )* };
}
load! {
    Ld8s load_i8 i64, 1;
    Ld8u load_u8 u64, 1;
    Ld16s load_i16 i64, 2;
    Ld16u load_u16 u64, 2;
    Ld32s load_i32 i64, 4;
    Ld32u load_u32 u64, 4;
    Ld64 load_u64 u64, 8;
}
macro_rules! store {
    ($($name:ident $f:ident $t:ty, $size:literal;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let p = r!(fp, b!(w));
            if p == 0 {
                fault!(pc, fp, cx, Code::Nil, 0, 0);
            }
            wr!(pc, fp, cx, p as usize + c!(w), $size);
            mem::$f((p as *mut u8).add(c!(w)), r!(fp, a!(w)) as $t);
            next!(pc, fp, cx, 1)
        });
    )* };
}
store! {
    St8 store_u8 u8, 1;
    St16 store_u16 u16, 2;
    St32 store_u32 u32, 4;
    St64 store_u64 u64, 8;
}
op!(Ld128(pc, fp, cx, w) {
    let p = r!(fp, b!(w));
    if p == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    rd!(pc, fp, cx, p as usize + c!(w), 8);
    rd!(pc, fp, cx, p as usize + c!(w) + 8, 8);
    let v = mem::load_v((p as *const u8).add(c!(w)));
    mem::store_vu(fp.add(a!(w)) as *mut u8, v);
    next!(pc, fp, cx, 1)
});
op!(St128(pc, fp, cx, w) {
    let p = r!(fp, b!(w));
    if p == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    wr!(pc, fp, cx, p as usize + c!(w), 8);
    wr!(pc, fp, cx, p as usize + c!(w) + 8, 8);
    let v = mem::load_vu(fp.add(a!(w)) as *const u8);
    mem::store_v((p as *mut u8).add(c!(w)), v);
    next!(pc, fp, cx, 1)
});
op!(LdN(pc, fp, cx, w) {
    let p = r!(fp, b!(w));
    if p == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    rd_many!(pc, fp, cx, p as usize + c!(w), *pc.add(1) as usize);
    slow::load_n(fp.add(a!(w)) as *mut u8, (p as *const u8).add(c!(w)), *pc.add(1) as usize);
    next!(pc, fp, cx, 2)
});
op!(StN(pc, fp, cx, w) {
    let p = r!(fp, b!(w));
    if p == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    wr_many!(pc, fp, cx, p as usize + c!(w), *pc.add(1) as usize);
    slow::store_n((p as *mut u8).add(c!(w)), fp.add(a!(w)) as *const u8, *pc.add(1) as usize);
    next!(pc, fp, cx, 2)
});
op!(NilChk(pc, fp, cx, w) {
    if r!(fp, a!(w)) == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    next!(pc, fp, cx, 1)
});
op!(Lea(pc, fp, cx, w) {
    let p = r!(fp, b!(w));
    if p == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    r!(fp, a!(w)) = p + *pc.add(1);
    next!(pc, fp, cx, 2)
});
op!(GLd(pc, fp, cx, w) {
    rd!(pc, fp, cx, *pc.add(1), 8);
    r!(fp, a!(w)) = mem::load_u64(*pc.add(1) as *const u8);
    next!(pc, fp, cx, 2)
});
op!(GSt(pc, fp, cx, w) {
    wr!(pc, fp, cx, *pc.add(1), 8);
    mem::store_u64(*pc.add(1) as *mut u8, r!(fp, a!(w)));
    next!(pc, fp, cx, 2)
});

/// Byte offset in the frame.
macro_rules! at {
    ($fp:expr, $w:expr) => {
        ($fp as *mut u8).add(($w >> 32) as usize)
    };
}
macro_rules! frame_load {
    ($($name:ident $t:ty, $wide:ty;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let v = (at!(fp, w) as *const $t).read_unaligned();
            r!(fp, a!(w)) = v as $wide as u64;
            next!(pc, fp, cx, 1)
        });
    )* };
}
frame_load! {
    FLd8s i8, i64;
    FLd8u u8, u64;
    FLd16s i16, i64;
    FLd16u u16, u64;
    FLd32s i32, i64;
    FLd32u u32, u64;
}
macro_rules! frame_store {
    ($($name:ident $t:ty;)*) => { $(
        op!($name(pc, fp, cx, w) {
            (at!(fp, w) as *mut $t).write_unaligned(r!(fp, a!(w)) as $t);
            next!(pc, fp, cx, 1)
        });
    )* };
}
frame_store! {
    FSt8 u8;
    FSt16 u16;
    FSt32 u32;
}
op!(FLdN(pc, fp, cx, w) {
    let n = *pc.add(1) as usize;
    // The unused bytes of the last slot are zero, as everywhere.
    let mut tmp = [0u64; 2];
    if n <= 16 {
        std::ptr::copy_nonoverlapping(at!(fp, w), tmp.as_mut_ptr() as *mut u8, n);
        std::ptr::copy_nonoverlapping(tmp.as_ptr(), fp.add(a!(w)), n.div_ceil(8));
    } else {
        std::ptr::copy(at!(fp, w), fp.add(a!(w)) as *mut u8, n);
    }
    next!(pc, fp, cx, 2)
});
op!(FStN(pc, fp, cx, w) {
    std::ptr::copy(fp.add(a!(w)) as *const u8, at!(fp, w), *pc.add(1) as usize);
    next!(pc, fp, cx, 2)
});

/// Pointer to element `$i` of the slice at `$s`, bounds-checked.
macro_rules! elem {
    ($pc:expr, $fp:expr, $cx:expr, $s:expr, $i:expr, $size:expr) => {{
        let (i, n) = ($i, r!($fp, $s + 1) as u32 as u64);
        if i >= n {
            fault!($pc, $fp, $cx, Code::Index, i, n);
        }
        (r!($fp, $s) as *mut u8).add(i as usize * $size)
    }};
}
macro_rules! index {
    ($($name:ident $f:ident $size:literal $t:ty;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let p = elem!(pc, fp, cx, b!(w), r!(fp, c!(w)), $size);
            rd!(pc, fp, cx, p, $size);
            r!(fp, a!(w)) = mem::$f(p) as $t as u64;
            next!(pc, fp, cx, 1)
        });
    )* };
}
index! {
    Ix8s load_i8 1 i64;
    Ix8u load_u8 1 u64;
    Ix16s load_i16 2 i64;
    Ix16u load_u16 2 u64;
    Ix32s load_i32 4 i64;
    Ix32u load_u32 4 u64;
    Ix64 load_u64 8 u64;
}
op!(Ix128(pc, fp, cx, w) {
    let p = elem!(pc, fp, cx, b!(w), r!(fp, c!(w)), 16);
    rd!(pc, fp, cx, p, 8);
    rd!(pc, fp, cx, p as usize + 8, 8);
    let v = mem::load_v(p);
    mem::store_vu(fp.add(a!(w)) as *mut u8, v);
    next!(pc, fp, cx, 1)
});
macro_rules! set_index {
    ($($name:ident $f:ident $size:literal $t:ty;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let p = elem!(pc, fp, cx, b!(w), r!(fp, c!(w)), $size);
            wr!(pc, fp, cx, p, $size);
            mem::$f(p, r!(fp, a!(w)) as $t);
            next!(pc, fp, cx, 1)
        });
    )* };
}
set_index! {
    SIx8 store_u8 1 u8;
    SIx16 store_u16 2 u16;
    SIx32 store_u32 4 u32;
    SIx64 store_u64 8 u64;
}
op!(SIx128(pc, fp, cx, w) {
    let p = elem!(pc, fp, cx, b!(w), r!(fp, c!(w)), 16);
    wr!(pc, fp, cx, p, 8);
    wr!(pc, fp, cx, p as usize + 8, 8);
    let v = mem::load_vu(fp.add(a!(w)) as *const u8);
    mem::store_v(p, v);
    next!(pc, fp, cx, 1)
});
op!(IxAddr(pc, fp, cx, w) {
    let size = *pc.add(1) as usize;
    let p = elem!(pc, fp, cx, b!(w), r!(fp, c!(w)), size);
    r!(fp, a!(w)) = p as u64;
    next!(pc, fp, cx, 2)
});
op!(IxStr(pc, fp, cx, w) {
    let (i, n) = (r!(fp, c!(w)), r!(fp, b!(w) + 1));
    if i >= n {
        fault!(pc, fp, cx, Code::Index, i, n);
    }
    r!(fp, a!(w)) = mem::load_u8((r!(fp, b!(w)) as *const u8).add(i as usize)) as u64;
    next!(pc, fp, cx, 1)
});
op!(ArrHdr(pc, fp, cx, w) {
    let p = r!(fp, b!(w));
    if p == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    let n = *pc.add(2);
    r!(fp, a!(w)) = p + *pc.add(1);
    r!(fp, a!(w) + 1) = n | n << 32;
    next!(pc, fp, cx, 3)
});
op!(SlLen(pc, fp, cx, w) { r!(fp, a!(w)) = r!(fp, b!(w) + 1) as u32 as u64; next!(pc, fp, cx, 1) });
op!(SlCap(pc, fp, cx, w) { r!(fp, a!(w)) = r!(fp, b!(w) + 1) >> 32; next!(pc, fp, cx, 1) });

op!(New(pc, fp, cx, w) {
    let d: &AllocDesc = unword(*pc.add(1));
    let p = match &d.fixed {
        Some(f) => (*(*cx).cache).alloc_small(f),
        None if d.shape.size == 0 => zero_base(),
        None => (*(*cx).cache).alloc(&d.shape),
    };
    if p.is_null() {
        return slow::no_memory(pc, fp, cx);
    }
    r!(fp, a!(w)) = p as u64;
    next!(pc, fp, cx, 2)
});
op!(SliceOp(pc, fp, cx, w) {
    let parts = *pc.add(1);
    let size = *pc.add(2);
    let (ptr, lc) = (r!(fp, b!(w)), r!(fp, b!(w) + 1));
    let (len, cap) = (lc as u32 as u64, lc >> 32);
    let slot = |i: u32| (parts >> (16 * i)) as u16 as usize;
    let lo = if slot(0) == 0xffff { 0 } else { r!(fp, slot(0)) };
    let hi = if slot(1) == 0xffff { len } else { r!(fp, slot(1)) };
    let three = slot(2) != 0xffff;
    let max = if three { r!(fp, slot(2)) } else { cap };
    if max > cap {
        fault!(pc, fp, cx, Code::SliceMaxCap, max, cap);
    }
    if hi > max {
        fault!(pc, fp, cx, if three { Code::SliceHiMax } else { Code::SliceHiCap }, hi, if three { max } else { cap });
    }
    if lo > hi {
        fault!(pc, fp, cx, if three { Code::SliceLoHi3 } else { Code::SliceLoHi }, lo, hi);
    }
    // A pointer past the end would name the next object: an empty rest keeps its base.
    let p = if max == lo { ptr } else { ptr + lo * size };
    let (a, n) = (a!(w), (hi - lo) | (max - lo) << 32);
    r!(fp, a) = p;
    r!(fp, a + 1) = n;
    next!(pc, fp, cx, 3)
});
op!(SliceStr(pc, fp, cx, w) {
    let parts = *pc.add(1);
    let (ptr, len) = (r!(fp, b!(w)), r!(fp, b!(w) + 1));
    let slot = |i: u32| (parts >> (16 * i)) as u16 as usize;
    let lo = if slot(0) == 0xffff { 0 } else { r!(fp, slot(0)) };
    let hi = if slot(1) == 0xffff { len } else { r!(fp, slot(1)) };
    if hi > len {
        fault!(pc, fp, cx, Code::SliceHiLen, hi, len);
    }
    if lo > hi {
        fault!(pc, fp, cx, Code::SliceLoHi, lo, hi);
    }
    r!(fp, a!(w)) = if lo == hi { 0 } else { ptr + lo };
    r!(fp, a!(w) + 1) = hi - lo;
    next!(pc, fp, cx, 2)
});
op!(SliceArr(pc, fp, cx, w) {
    let (p, n) = (r!(fp, b!(w)), r!(fp, b!(w) + 1) as u32 as u64);
    let want = *pc.add(1);
    if n < want {
        fault!(pc, fp, cx, Code::SliceToArray, n, want);
    }
    r!(fp, a!(w)) = p;
    next!(pc, fp, cx, 2)
});

/// Handlers that do their work in a function that may fail with an exit.
macro_rules! via {
    ($($name:ident $n:literal $f:path;)*) => { $(
        op!($name(pc, fp, cx, w) {
            (*cx).pc = pc;
            (*cx).fp = fp;
            let e = $f(pc, fp, cx, w);
            if e != Exit::Next {
                return e;
            }
            next!(pc, fp, cx, $n)
        });
    )* };
}
pub(crate) use via;

via! {
    MkSlice 2 slow::make_slice;
    AppV 2 slow::append_value;
    AppGrow 2 slow::append_grow;
    AppSl 2 slow::append_slice;
    AppStr 2 slow::append_string;
    CopySl 2 slow::copy_slice;
    CopyStr 1 slow::copy_string;
    ClearSl 2 slow::clear_slice;
    Concat 1 slow::concat;
    Bytes2Str 1 slow::bytes_to_string;
    Str2Bytes 1 slow::string_to_bytes;
    Runes2Str 1 slow::runes_to_string;
    Str2Runes 1 slow::string_to_runes;
    Rune2Str 1 slow::rune_to_string;
    EqIf 1 slow::equal_ifaces;
    EqV 2 slow::equal_values;
    MinMax 2 slow::min_max;
    Print 1 slow::print;
    ToUnsafe 2 pointers::forget_type;
    OfUnsafe 2 pointers::give_type;
    UnsafeSl 2 pointers::slice;
    UnsafeStr 2 pointers::string;
    StrData 1 pointers::string_data;
}
op!(App64(pc, fp, cx, w) {
    let s = b!(w);
    let lc = r!(fp, s + 1);
    let (len, cap) = (lc as u32 as u64, lc >> 32);
    let v = r!(fp, c!(w));
    if len < cap {
        let p = r!(fp, s);
        wr!(pc, fp, cx, p as usize + len as usize * 8, 8);
        mem::store_u64((p as *mut u8).add(len as usize * 8), v);
        r!(fp, a!(w)) = p;
        r!(fp, a!(w) + 1) = lc + 1;
        next!(pc, fp, cx, 2)
    }
    (*cx).pc = pc;
    (*cx).fp = fp;
    let e = slow::append_value(pc, fp, cx, w);
    if e != Exit::Next {
        return e;
    }
    next!(pc, fp, cx, 2)
});
op!(EqS(pc, fp, cx, w) {
    let (n, m) = (r!(fp, b!(w) + 1), r!(fp, c!(w) + 1));
    let (p, q) = (r!(fp, b!(w)), r!(fp, c!(w)));
    let e = n == m && (p == q || mem::eq_bytes(p as *const u8, q as *const u8, n as usize));
    r!(fp, a!(w)) = e as u64;
    next!(pc, fp, cx, 1)
});
op!(LtS(pc, fp, cx, w) {
    let o = slow::compare_strings(fp.add(b!(w)), fp.add(c!(w)));
    r!(fp, a!(w)) = o.is_lt() as u64;
    next!(pc, fp, cx, 1)
});
op!(LeS(pc, fp, cx, w) {
    let o = slow::compare_strings(fp.add(b!(w)), fp.add(c!(w)));
    r!(fp, a!(w)) = o.is_le() as u64;
    next!(pc, fp, cx, 1)
});
op!(StrNext(pc, fp, cx, w) {
    let a = a!(w);
    let (p, n) = (r!(fp, b!(w)) as *const u8, r!(fp, b!(w) + 1));
    let i = r!(fp, a);
    if i >= n {
        take!(pc, fp, cx, ci!(w));
    }
    let c = mem::load_u8(p.add(i as usize));
    if c < 0x80 {
        r!(fp, a + 1) = c as u64;
        r!(fp, a + 2) = i + 1;
    } else {
        let (rune, width) = slow::decode_rune(p.add(i as usize), (n - i) as usize);
        r!(fp, a + 1) = rune as i64 as u64;
        r!(fp, a + 2) = i + width as u64;
    }
    next!(pc, fp, cx, 1)
});
