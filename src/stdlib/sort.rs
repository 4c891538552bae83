//! `sort`: length and swapping of elements of any slice.
#![allow(unsafe_code)]

use super::fmtcore::mem as fmem;
use crate::heap::rtti::{Kind, Rtti};
use crate::heap::{barrier, mem};
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry, Slice};

/// The slice inside an interface value and its element type.
unsafe fn slice_in((t, w): (u64, u64)) -> Option<(Slice, &'static Rtti)> {
    // SAFETY: an interface value: a slice's data word points to its header.
    unsafe {
        let t = fmem::type_of_word(t).filter(|t| t.kind == Kind::Slice)?;
        let (ptr, lc) = mem::load128(w as *const u8);
        Some((
            Slice {
                ptr,
                len: lc as u32 as usize,
                cap: (lc >> 32) as usize,
            },
            t.elem(),
        ))
    }
}

unsafe fn slice_len(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let v = c.iface();
        match slice_in(v) {
            Some((s, _)) => {
                c.ret(s.len as u64);
                Exit::Next
            }
            None => c.panic("reflect: call of Swapper on a value that is no slice"),
        }
    }
}
unsafe fn swap(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; both elements are checked to lie
    // inside the slice.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let (v, i, j) = (c.iface(), c.word() as usize, c.word() as usize);
        let Some((s, e)) = slice_in(v) else {
            return c.nil();
        };
        if i >= s.len || j >= s.len {
            return c.panic("reflect: slice index out of range");
        }
        let size = e.size();
        let (p, q) = (
            (s.ptr as usize + i * size) as *mut u8,
            (s.ptr as usize + j * size) as *mut u8,
        );
        for at in [p, q] {
            crate::race::reads(at as u64, size);
            crate::race::writes(at as u64, size);
            barrier::overwrite(at, size);
        }
        let mut k = 0;
        while k + 16 <= size && e.shape.align == 16 {
            let (x, y) = (mem::load_v(p.add(k)), mem::load_v(q.add(k)));
            mem::store_v(p.add(k), y);
            mem::store_v(q.add(k), x);
            k += 16;
        }
        while k + 8 <= size && e.shape.align >= 8 {
            let (x, y) = (mem::load_u64(p.add(k)), mem::load_u64(q.add(k)));
            mem::store_u64(p.add(k), y);
            mem::store_u64(q.add(k), x);
            k += 8;
        }
        while k < size {
            let (x, y) = (mem::load_u8(p.add(k)), mem::load_u8(q.add(k)));
            mem::store_u8(p.add(k), y);
            mem::store_u8(q.add(k), x);
            k += 1;
        }
    }
    Exit::Next
}

pub const NATIVES: &[Entry] = &[("sort.sliceLen", slice_len), ("sort.reflectSwap", swap)];
