//! Slices and maps of types known only at run time.

use super::*;
use crate::heap::map::{self, MapType};

// ----- natives on containers -----

/// A slice header as a value of slice type `t`.
fn slice_value(c: &mut Call, t: &'static Rtti, s: Slice) -> R<Iface> {
    let p = cell(c, t)?;
    // SAFETY: a fresh 16-byte object.
    unsafe { mem::store128(p, s.ptr, s.len as u64 | (s.cap as u64) << 32) };
    Ok((type_word(t), p as u64))
}
native!(n_make_slice, 2, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let (n, max) = (c.int(), c.int());
    let bytes = usize::try_from(max)
        .ok()
        .filter(|m| *m < 1 << 31 && n >= 0 && n <= max)
        .and_then(|m| m.checked_mul(t.parts().elem?.size()));
    if t.kind != Kind::Slice || bytes.is_none_or(|b| b > 1 << 40) {
        return c.panic("reflect.MakeSlice: len out of range");
    }
    let p = c.cx.cache().alloc_array(&t.elem().shape, max as usize);
    if p.is_null() {
        return c.no_memory();
    }
    let s = Slice {
        ptr: p as u64,
        len: n as usize,
        cap: max as usize,
    };
    let v = crate::try_exit!(slice_value(&mut c, t, s));
    c.ret_iface(v);
});
unsafe fn n_slice(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; indices are checked against the
    // extent that was read together with the address.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let v = c.iface();
        let (i, j, k) = (c.int(), c.int(), c.int());
        let Some(t) = dynamic(v) else { return c.nil() };
        let out_of_range = "reflect.Value.Slice: slice index out of bounds";
        if t.kind == Kind::String {
            let (p, n) = mem::load128(v.1 as *const u8);
            if i < 0 || j < i || j as u64 > n {
                return c.panic("reflect.Value.Slice: string slice index out of bounds");
            }
            let q = crate::try_exit!(cell(&mut c, t));
            mem::store128(q, if i == j { 0 } else { p + i as u64 }, (j - i) as u64);
            c.ret_iface((type_word(t), q as u64));
            return Exit::Next;
        }
        let (st, ptr, max) = match t.kind {
            Kind::Slice => {
                let (p, _, max) = fmem::read_slice(v.1 as *const u8);
                (t, p as u64, max)
            }
            Kind::Pointer if v.1 != 0 && t.elem().kind == Kind::Array => {
                let at = t.elem();
                let st = with_compiler(|lw| lw.slice_of(at.elem()));
                (st, v.1, at.len)
            }
            _ => return c.nil(),
        };
        let k = if k < 0 { max as i64 } else { k };
        if i < 0 || j < i || k < j || k > max as i64 {
            return c.panic(out_of_range);
        }
        let cap = (k - i) as usize;
        let s = Slice {
            // An empty rest must not point past its object.
            ptr: if cap == 0 {
                ptr
            } else {
                ptr + i as u64 * st.elem().size() as u64
            },
            len: (j - i) as usize,
            cap,
        };
        let v = crate::try_exit!(slice_value(&mut c, st, s));
        c.ret_iface(v);
    }
    Exit::Next
}
unsafe fn n_copy_slice(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; both are slices of elements of the
    // same form, or bytes.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (d, s) = (c.iface(), c.iface());
        let (Some(dt), Some(st)) = (dynamic(d), dynamic(s)) else {
            return c.nil();
        };
        if dt.kind != Kind::Slice {
            return c.nil();
        }
        let (dp, dn, _) = fmem::read_slice(d.1 as *const u8);
        let (sp, sn) = match st.kind {
            Kind::Slice if inspect::same_underlying(st.elem(), dt.elem()) => {
                let (p, n, _) = fmem::read_slice(s.1 as *const u8);
                (p, n)
            }
            Kind::String if dt.elem().kind == Kind::Uint8 => {
                let (p, n) = mem::load128(s.1 as *const u8);
                (p as *const u8, n as usize)
            }
            _ => return c.panic("reflect.Copy: types do not match"),
        };
        let n = dn.min(sn);
        barrier::overwrite(dp, n * dt.elem().size());
        mem::copy_overlap(dp.cast_mut(), sp, n * dt.elem().size());
        c.ret(n as u64);
    }
    Exit::Next
}
native!(n_make_map, 2, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let n = c.int();
    if t.kind != Kind::Map {
        return c.panic("reflect.MakeMapWithSize of non-map type");
    }
    let m = map::new(c.cx.cache(), MapType::of(t), n.clamp(0, 1 << 24) as usize);
    if m.is_null() {
        return c.no_memory();
    }
    c.ret_iface((type_word(t), m as u64));
});
fn map_in(c: &mut Call, v: Iface) -> R<(&'static Rtti, *mut u8)> {
    match dynamic(v) {
        Some(t) if t.kind == Kind::Map => Ok((t, v.1 as *mut u8)),
        _ => Err(c.nil()),
    }
}
unsafe fn n_map_entries(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the iterator is this function's,
    // and no collection can happen before it returns.
    unsafe {
        let mut c = Call::new(cx, base, 4);
        let v = c.iface();
        let (t, m) = crate::try_exit!(map_in(&mut c, v));
        let mt = MapType::of(t);
        let (mut keys, mut elems) = (Vec::new(), Vec::new());
        let (kt, et) = (pointer_to(t.key()), pointer_to(t.elem()));
        let mut it = [0u64; map::ITER_WORDS];
        let it = it.as_mut_ptr() as *mut u8;
        if let Err(f) = map::iter_init(it, m) {
            return map_fault(c.cx, f);
        }
        loop {
            let (k, e) = match map::iter_next(it, mt) {
                Err(f) => return map_fault(c.cx, f),
                Ok(None) => break,
                Ok(Some(entry)) => entry,
            };
            let p = crate::try_exit!(cell(&mut c, t.key()));
            copy_value(t.key(), p, k);
            keys.push((type_word(kt), p as u64));
            let p = crate::try_exit!(cell(&mut c, t.elem()));
            copy_value(t.elem(), p, e);
            elems.push((type_word(et), p as u64));
        }
        let keys = crate::try_exit!(any_slice(&mut c, &keys));
        let elems = crate::try_exit!(any_slice(&mut c, &elems));
        c.ret_slice(keys).ret_slice(elems);
    }
    Exit::Next
}
unsafe fn n_map_get(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the key is of the map's key type.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let (v, k) = (c.iface(), c.iface());
        let (t, m) = crate::try_exit!(map_in(&mut c, v));
        let key = crate::try_exit!(operand(&mut c, t.key(), k));
        match map::get(m, MapType::of(t), key.ptr(t.key())) {
            Err(f) => return map_fault(c.cx, f),
            Ok(None) => {
                c.ret_iface((0, 0));
            }
            Ok(Some(e)) => {
                let p = crate::try_exit!(cell(&mut c, t.elem()));
                copy_value(t.elem(), p, e);
                c.ret_iface((type_word(pointer_to(t.elem())), p as u64));
            }
        }
    }
    Exit::Next
}
unsafe fn n_map_set(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; key and element are of the map's
    // types.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let (v, k, e) = (c.iface(), c.iface(), c.iface());
        let (t, m) = crate::try_exit!(map_in(&mut c, v));
        let key = crate::try_exit!(operand(&mut c, t.key(), k));
        crate::try_exit!(operand(&mut c, t.elem(), e));
        match map::assign(c.cx.cache(), m, MapType::of(t), key.ptr(t.key())) {
            Err(f) => return map_fault(c.cx, f),
            Ok(p) => put(t.elem(), p, e),
        }
    }
    Exit::Next
}
unsafe fn n_map_delete(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the key is of the map's key type.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let (v, k) = (c.iface(), c.iface());
        let (t, m) = crate::try_exit!(map_in(&mut c, v));
        let key = crate::try_exit!(operand(&mut c, t.key(), k));
        if m.is_null() {
            return Exit::Next;
        }
        if let Err(f) = map::delete(m, MapType::of(t), key.ptr(t.key())) {
            return map_fault(c.cx, f);
        }
    }
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("internal/rt.MakeSlice", n_make_slice),
    ("internal/rt.Slice", n_slice),
    ("internal/rt.CopySlice", n_copy_slice),
    ("internal/rt.MakeMap", n_make_map),
    ("internal/rt.MapEntries", n_map_entries),
    ("internal/rt.MapGet", n_map_get),
    ("internal/rt.MapSet", n_map_set),
    ("internal/rt.MapDelete", n_map_delete),
];
