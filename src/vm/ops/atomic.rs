//! Operations of `sync/atomic`, all sequentially consistent.
#![allow(unsafe_code, non_snake_case)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use crate::vm::fault::Code;

/// Runs `$body` with `$cell` as the atomic at an address and `$slot` making a slot's
/// canonical form, for the width that the extension word names.
macro_rules! cell {
    ($pc:expr, $fp:expr, $cx:expr, $addr:expr, |$cell:ident, $slot:ident, $raw:ident| $body:expr) => {{
        let p = $addr;
        if p == 0 {
            fault!($pc, $fp, $cx, Code::Nil, 0, 0);
        }
        // A guest pointer to a value of this width is aligned to it (types are laid out
        // so) and stays valid while the frame holds it.
        match *$pc.add(1) {
            2 => {
                type $raw = u64;
                let $slot = |v: u64| v;
                let $cell = &*(p as *const AtomicU64);
                $body
            }
            1 => {
                type $raw = u32;
                let $slot = |v: u32| v as u64;
                let $cell = &*(p as *const AtomicU32);
                $body
            }
            _ => {
                type $raw = u32;
                let $slot = |v: u32| v as i32 as i64 as u64;
                let $cell = &*(p as *const AtomicU32);
                $body
            }
        }
        next!($pc, $fp, $cx, 2)
    }};
}

op!(AtLd(pc, fp, cx, w) {
    cell!(pc, fp, cx, r!(fp, b!(w)), |cell, slot, _Raw| {
        r!(fp, a!(w)) = slot(cell.load(SeqCst));
    })
});
op!(AtSt(pc, fp, cx, w) {
    let v = r!(fp, b!(w));
    cell!(pc, fp, cx, r!(fp, a!(w)), |cell, _slot, Raw| {
        cell.store(v as Raw, SeqCst);
    })
});
op!(AtAdd(pc, fp, cx, w) {
    let d = r!(fp, c!(w));
    cell!(pc, fp, cx, r!(fp, b!(w)), |cell, slot, Raw| {
        let d = d as Raw;
        r!(fp, a!(w)) = slot(cell.fetch_add(d, SeqCst).wrapping_add(d));
    })
});
op!(AtAddI(pc, fp, cx, w) {
    cell!(pc, fp, cx, r!(fp, b!(w)), |cell, slot, Raw| {
        let d = ci!(w) as Raw;
        r!(fp, a!(w)) = slot(cell.fetch_add(d, SeqCst).wrapping_add(d));
    })
});
op!(AtSwap(pc, fp, cx, w) {
    let v = r!(fp, c!(w));
    cell!(pc, fp, cx, r!(fp, b!(w)), |cell, slot, Raw| {
        r!(fp, a!(w)) = slot(cell.swap(v as Raw, SeqCst));
    })
});
op!(AtCas(pc, fp, cx, w) {
    let (old, new) = (r!(fp, c!(w)), r!(fp, c!(w) + 1));
    cell!(pc, fp, cx, r!(fp, b!(w)), |cell, _slot, Raw| {
        let done = cell.compare_exchange(old as Raw, new as Raw, SeqCst, SeqCst);
        r!(fp, a!(w)) = done.is_ok() as u64;
    })
});
