//! Interfaces, closures, maps.
#![allow(unsafe_code, non_snake_case)]

use std::sync::atomic::{AtomicU64, Ordering};

use super::memory::via;
use super::slow;
use crate::bytecode::layout::held_by_address;
use crate::bytecode::program::{rtti_of, unword};
use crate::heap::map::{self, KeyKind, MapFault, MapType};
use crate::heap::rtti::{Kind, Rtti, Shape};
use crate::heap::{FixedShape, mem};
use crate::vm::cx::{Cx, Exit};
use crate::vm::fault::Code;

op!(MkIf(pc, fp, cx, w) {
    let t = rtti_of(*pc.add(1));
    let data = if t.direct {
        if t.size() == 0 { 0 } else { r!(fp, b!(w)) }
    } else {
        let p = (*(*cx).cache).alloc(&t.shape);
        if p.is_null() {
            return slow::no_memory(pc, fp, cx);
        }
        slow::store_n(p, fp.add(b!(w)) as *const u8, t.size());
        p as u64
    };
    r!(fp, a!(w)) = *pc.add(1);
    r!(fp, a!(w) + 1) = data;
    next!(pc, fp, cx, 2)
});

/// Unpacks an interface's data word into frame slots.
unsafe fn unpack(t: &'static Rtti, data: u64, dst: *mut u64) {
    // SAFETY: the data word belongs to type t; dst has its slots.
    unsafe {
        if t.direct {
            if t.size() != 0 {
                *dst = data;
            }
        } else {
            slow::load_value(dst, data as *const u8, t.size());
        }
    }
}

op!(AsT(pc, fp, cx, w) {
    let t = rtti_of(*pc.add(1));
    let (ty, data) = (r!(fp, b!(w)), r!(fp, b!(w) + 1));
    let ok = c!(w);
    if ty == *pc.add(1) {
        unpack(t, data, fp.add(a!(w)));
        if ok != 0xffff {
            r!(fp, ok) = 1;
        }
        next!(pc, fp, cx, 3)
    }
    if ok == 0xffff {
        return assert_failed(pc, fp, cx, ty, *pc.add(1), *pc.add(2));
    }
    std::ptr::write_bytes(fp.add(a!(w)), 0, t.size().div_ceil(8));
    r!(fp, ok) = 0;
    next!(pc, fp, cx, 3)
});

/// Whether a dynamic type has every method of an interface type; the first missing name otherwise.
pub fn implements(t: &'static Rtti, iface: &'static Rtti) -> Result<(), &'static str> {
    let have = &t.parts().methods;
    for m in &iface.parts().methods {
        if !have.iter().any(|h| h.id == m.id) {
            return Err(&m.name);
        }
    }
    Ok(())
}

/// As [`implements`], remembered per pair of types.
pub fn implements_cached(t: &'static Rtti, iface: &'static Rtti) -> bool {
    // Direct-mapped: (type id, interface id, answer) in one word, so racing writers are harmless.
    static CACHE: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];
    if iface.parts().methods.is_empty() {
        return true;
    }
    let key = (t.id as u64) << 32 | (iface.id as u64) << 1;
    let slot = &CACHE[(t.id.wrapping_mul(31) ^ iface.id) as usize % 1024];
    let seen = slot.load(Ordering::Relaxed);
    if seen & !1 == key {
        return seen & 1 == 1;
    }
    let yes = implements(t, iface).is_ok();
    slot.store(key | yes as u64, Ordering::Relaxed);
    yes
}

op!(AsI(pc, fp, cx, w) {
    let iface = rtti_of(*pc.add(1));
    let (ty, data) = (r!(fp, b!(w)), r!(fp, b!(w) + 1));
    let ok = c!(w);
    if ty != 0 && implements_cached(rtti_of(ty), iface) {
        r!(fp, a!(w)) = ty;
        r!(fp, a!(w) + 1) = data;
        if ok != 0xffff {
            r!(fp, ok) = 1;
        }
        next!(pc, fp, cx, 3)
    }
    if ok == 0xffff {
        return assert_failed(pc, fp, cx, ty, *pc.add(1), *pc.add(2));
    }
    r!(fp, a!(w)) = 0;
    r!(fp, a!(w) + 1) = 0;
    r!(fp, ok) = 0;
    next!(pc, fp, cx, 3)
});
op!(Impl(pc, fp, cx, w) {
    let ty = r!(fp, b!(w));
    let yes = ty != 0 && implements_cached(rtti_of(ty), rtti_of(*pc.add(1)));
    r!(fp, a!(w)) = yes as u64;
    next!(pc, fp, cx, 2)
});

#[cold]
#[inline(never)]
unsafe fn assert_failed(
    pc: *const u64,
    fp: *mut u64,
    cx: *mut Cx,
    dynamic: u64,
    target: u64,
    stat: u64,
) -> Exit {
    // SAFETY: descriptor words; the context is this thread's.
    unsafe {
        let (t, s) = (rtti_of(target), rtti_of(stat));
        let to_iface = t.kind == Kind::Interface;
        let text = if dynamic == 0 {
            let from = if to_iface { "interface" } else { &s.name };
            format!("interface conversion: {from} is nil, not {}", t.name)
        } else {
            let d = rtti_of(dynamic);
            if to_iface {
                let missing = implements(d, t).err().unwrap_or("?");
                format!(
                    "interface conversion: {} is not {}: missing method {missing}",
                    d.name, t.name
                )
            } else if d.name == t.name {
                format!(
                    "interface conversion: {} is {}, not {} (types from different scopes)",
                    s.name, d.name, t.name
                )
            } else {
                format!(
                    "interface conversion: {} is {}, not {}",
                    s.name, d.name, t.name
                )
            }
        };
        (*cx).text = text;
        super::raise(pc, fp, cx, Code::Assert, dynamic, target)
    }
}

op!(MkClo(pc, fp, cx, w) {
    let words = *pc.add(1) as usize;
    let p = if words < CLOSURES {
        (*(*cx).cache).alloc_small(&(*cx).closures[words])
    } else {
        big_closure(&mut *cx, words)
    };
    if p.is_null() {
        return slow::no_memory(pc, fp, cx);
    }
    mem::store_u64(p, w >> 32);
    r!(fp, a!(w)) = p as u64;
    next!(pc, fp, cx, 2)
});

/// A closure object: function number, then captured words (any of which may be a pointer).
#[inline(never)]
pub fn big_closure(cx: &mut Cx, words: usize) -> *mut u8 {
    let shape = closure_shape(words);
    cx.cache().alloc(&shape)
}
/// Shapes of closures with few captured words.
pub fn closure_shapes() -> [FixedShape; CLOSURES] {
    std::array::from_fn(|n| FixedShape::of(&closure_shape(n)).expect("closures are small"))
}
/// Closures with fewer captured words than this take the fast path.
pub const CLOSURES: usize = 9;
fn closure_shape(words: usize) -> Shape {
    let n = words + 1;
    let ptrs = (0..n.div_ceil(64))
        .map(|i| {
            let left = n - i * 64;
            let bits = if left >= 64 { !0 } else { (1u64 << left) - 1 };
            if i == 0 { bits & !1 } else { bits }
        })
        .collect::<Vec<u64>>();
    let ptrs = if words == 0 { Vec::new() } else { ptrs };
    Shape {
        size: 8 * n,
        align: 8,
        ptrs,
    }
}
op!(LdCap(pc, fp, cx, w) {
    let clo = *fp.sub(3) as *const u8;
    r!(fp, a!(w)) = mem::load_u64(clo.add(8 + 8 * b!(w)));
    next!(pc, fp, cx, 1)
});

// ----- maps -----

/// Raises a map's fault.
#[cold]
pub fn map_fault(cx: &mut Cx, f: MapFault) -> Exit {
    match f {
        MapFault::ConcurrentWrites => cx.fail(Code::MapWrites, 0, 0),
        MapFault::ConcurrentReadWrite => cx.fail(Code::MapReadWrite, 0, 0),
        MapFault::ConcurrentIterWrite => cx.fail(Code::MapIterWrite, 0, 0),
        MapFault::NilMap => cx.fail(Code::NilMap, 0, 0),
        MapFault::Unhashable(t) => cx.fail(Code::Unhashable, t as *const Rtti as u64, 0),
        MapFault::UnhashableKey(t) => cx.fail(Code::UnhashableKey, t as *const Rtti as u64, 0),
        MapFault::OutOfMemory => cx.fail(Code::OutOfMemory, 0, 0),
    }
}

via! {
    MapNew 2 map_new;
    MapGet 3 map_get;
    MapSet 2 map_set;
    MapDel 2 map_del;
    MapClear 2 map_clear;
    MapIter 2 map_iter;
}

#[inline(never)]
unsafe fn map_new(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let mt: &MapType = unword(*pc.add(1));
        let hint = if b!(w) == 0xffff {
            0
        } else {
            (r!(fp, b!(w)) as i64).clamp(0, 1 << 24) as usize
        };
        let m = map::new((*cx).cache(), mt, hint);
        if m.is_null() {
            return (*cx).fail(Code::OutOfMemory, 0, 0);
        }
        r!(fp, a!(w)) = m as u64;
    }
    Exit::Next
}
#[inline(never)]
unsafe fn map_get(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers; map words are null or map headers of the instruction's type.
    unsafe {
        let mt: &MapType = unword(*pc.add(1));
        let ok = *pc.add(2) as usize;
        let m = r!(fp, b!(w)) as *const u8;
        rd_map!(cx, m);
        let key = fp.add(c!(w));
        let found = match mt.kind {
            KeyKind::Word => map::get64(m, mt, *key),
            KeyKind::Half => map::get32(m, mt, *key as u32),
            KeyKind::Str => map::getstr(m, mt, *key as *const u8, *key.add(1) as usize),
            _ => map::get(m, mt, key_at(mt, key)),
        };
        match found {
            Err(f) => return map_fault(&mut *cx, f),
            Ok(Some(p)) => {
                load_elem(mt.elem, p, fp.add(a!(w)));
                if ok != 0xffff {
                    r!(fp, ok) = 1;
                }
            }
            Ok(None) => {
                // A huge element's object is zero as it was made.
                if !held_by_address(mt.elem) {
                    std::ptr::write_bytes(fp.add(a!(w)), 0, mt.elem.size().div_ceil(8));
                }
                if ok != 0xffff {
                    r!(fp, ok) = 0;
                }
            }
        }
    }
    Exit::Next
}
/// Where the key that a frame holds in `slot` lies in memory format.
unsafe fn key_at(mt: &MapType, slot: *const u64) -> *const u8 {
    if held_by_address(mt.key) {
        // SAFETY: the slot holds the address of an object of the key's type.
        unsafe { *slot as *const u8 }
    } else {
        slot as *const u8
    }
}
/// Loads a value from memory into frame slots in its canonical form, or into the fresh
/// object whose address the slot holds if it is huge.
///
/// # Safety
/// `p` holds a value of type `t`; `dst` has its slots.
#[inline]
pub unsafe fn load_elem(t: &'static Rtti, p: *const u8, dst: *mut u64) {
    // SAFETY: by the caller's promise.
    unsafe {
        match (t.size(), t.kind) {
            (0, _) => {}
            (8, _) if (p as usize).is_multiple_of(8) => *dst = mem::load_u64(p),
            (1, Kind::Int8) => *dst = mem::load_i8(p) as i64 as u64,
            (2, Kind::Int16) => *dst = mem::load_i16(p) as i64 as u64,
            (4, Kind::Int32) => *dst = mem::load_i32(p) as i64 as u64,
            (n, _) if held_by_address(t) => slow::store_n(*dst as *mut u8, p, n),
            (n, _) => slow::load_value(dst, p, n),
        }
    }
}
#[inline(never)]
unsafe fn map_set(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let mt: &MapType = unword(*pc.add(1));
        let m = r!(fp, a!(w)) as *mut u8;
        wr_map!(cx, m);
        let key = fp.add(b!(w));
        let cache = (*cx).cache();
        let slot = match mt.kind {
            KeyKind::Word => map::assign64(cache, m, mt, *key),
            KeyKind::Half => map::assign32(cache, m, mt, *key as u32),
            KeyKind::Str => map::assignstr(cache, m, mt, *key as *const u8, *key.add(1) as usize),
            _ => map::assign(cache, m, mt, key_at(mt, key)),
        };
        match slot {
            Err(f) => return map_fault(&mut *cx, f),
            Ok(p) if held_by_address(mt.elem) => {
                slow::store_n(p, r!(fp, c!(w)) as *const u8, mt.elem.size());
            }
            Ok(p) => slow::store_n(p, fp.add(c!(w)) as *const u8, mt.elem.size()),
        }
    }
    Exit::Next
}
#[inline(never)]
unsafe fn map_del(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let mt: &MapType = unword(*pc.add(1));
        wr_map!(cx, r!(fp, a!(w)));
        match map::delete(r!(fp, a!(w)) as *mut u8, mt, key_at(mt, fp.add(b!(w)))) {
            Err(f) => map_fault(&mut *cx, f),
            Ok(()) => Exit::Next,
        }
    }
}
#[inline(never)]
unsafe fn map_clear(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let mt: &MapType = unword(*pc.add(1));
        wr_map!(cx, r!(fp, a!(w)));
        match map::clear(r!(fp, a!(w)) as *mut u8, mt) {
            Err(f) => map_fault(&mut *cx, f),
            Ok(()) => Exit::Next,
        }
    }
}
#[inline(never)]
unsafe fn map_iter(_pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers; the iterator object is fresh and only this goroutine's.
    unsafe {
        static SHAPE: std::sync::LazyLock<Shape> = std::sync::LazyLock::new(map::iter_shape);
        let it = (*cx).cache().alloc(&SHAPE);
        if it.is_null() {
            return (*cx).fail(Code::OutOfMemory, 0, 0);
        }
        rd_map!(cx, r!(fp, b!(w)));
        match map::iter_init(it, r!(fp, b!(w)) as *mut u8) {
            Err(f) => return map_fault(&mut *cx, f),
            Ok(()) => r!(fp, a!(w)) = it as u64,
        }
    }
    Exit::Next
}
op!(MapNext(pc, fp, cx, w) {
    (*cx).pc = pc;
    (*cx).fp = fp;
    match map_next(pc, fp, cx, w) {
        Step::Entry => next!(pc, fp, cx, 3),
        Step::Done => take!(pc, fp, cx, *pc.add(2) as i64),
        Step::Fault => return Exit::Fault,
    }
});
/// What advancing an iterator came to.
enum Step {
    Entry,
    Done,
    Fault,
}
#[inline(never)]
unsafe fn map_next(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Step {
    // SAFETY: as for handlers; slot a holds the iterator that MapIter made.
    unsafe {
        let mt: &MapType = unword(*pc.add(1));
        iterate_map!(cx, r!(fp, a!(w)));
        match map::iter_next(r!(fp, a!(w)) as *mut u8, mt) {
            Err(f) => {
                map_fault(&mut *cx, f);
                Step::Fault
            }
            Ok(None) => Step::Done,
            Ok(Some((k, v))) => {
                if b!(w) != 0xffff {
                    load_elem(mt.key, k, fp.add(b!(w)));
                }
                if c!(w) != 0xffff {
                    load_elem(mt.elem, v, fp.add(c!(w)));
                }
                Step::Entry
            }
        }
    }
}
op!(MapLen(pc, fp, cx, w) {
    if r!(fp, b!(w)) != 0 {
        rd!(pc, fp, cx, r!(fp, b!(w)), 8);
    }
    r!(fp, a!(w)) = map::len(r!(fp, b!(w)) as *const u8) as u64;
    next!(pc, fp, cx, 1)
});
