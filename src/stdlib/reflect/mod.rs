//! `internal/rt`, the part `reflect` stands on: types by number, variables behind
//! pointers in interfaces, containers, channels and calls.
//!
//! A type's number is looked up in the table of descriptors, so a number made up by a
//! program is at worst another type. Variables are reached through interface values
//! whose type word says what is there, and every access is checked against it.
#![allow(unsafe_code)]

use super::fmtcore::{inspect, mem as fmem};
use crate::heap::map;
use crate::heap::rtti::{self, FuncId, Kind, Rtti, Shape};
use crate::heap::{barrier, mem};
use crate::lower::Lowerer;
use crate::runtime::chan::{self, Hchan};
use crate::vm::cx::{Cx, Exit};
use crate::vm::exec::with_compiler;
use crate::vm::natives::{Call, Entry, Slice};
use crate::vm::ops::aggregate::{implements_cached, map_fault};
use crate::vm::ops::slow;

mod call;
mod container;

pub use call::NATIVES as CALLS;
pub use container::NATIVES as CONTAINERS;

type R<T> = Result<T, Exit>;
type Iface = (u64, u64);

// ----- types -----

fn find(c: &mut Call, id: i64) -> R<&'static Rtti> {
    match u32::try_from(id).ok().and_then(rtti::by_id) {
        Some(t) => Ok(t),
        None => Err(c.panic("reflect: nil type")),
    }
}
fn arg_type(c: &mut Call) -> R<&'static Rtti> {
    let id = c.int();
    find(c, id)
}
fn type_word(t: &'static Rtti) -> u64 {
    t as *const Rtti as u64
}
/// `*t`, made on first use.
fn pointer_to(t: &'static Rtti) -> &'static Rtti {
    t.parts()
        .ptr_to
        .get_or_init(|| with_compiler(|lw| lw.pointer_to(t)))
}
/// The dynamic type of an interface value.
fn dynamic(v: Iface) -> Option<&'static Rtti> {
    // SAFETY: a type word of an interface value.
    unsafe { fmem::type_of_word(v.0) }
}

/// What a non-nil pointer in an interface points to: type and address.
fn variable(c: &mut Call, v: Iface) -> R<(&'static Rtti, *mut u8)> {
    match dynamic(v) {
        Some(t) if t.kind == Kind::Pointer && v.1 != 0 => Ok((t.elem(), v.1 as *mut u8)),
        _ => Err(c.nil()),
    }
}
/// Type and place of the value in an interface.
fn value(c: &mut Call, v: &Iface) -> R<(&'static Rtti, *const u8)> {
    match dynamic(*v) {
        Some(t) => Ok((t, fmem::data_ptr(t, &v.1))),
        None => Err(c.nil()),
    }
}

// ----- moving values -----

/// Fresh memory for a value of `t`.
fn cell(c: &mut Call, t: &Rtti) -> R<*mut u8> {
    let p = c.cx.cache().alloc(&t.shape);
    if p.is_null() {
        Err(c.no_memory())
    } else {
        Ok(p)
    }
}
/// Copies a value between guest places; headers in one piece.
///
/// # Safety
/// Both places are of type `t`.
unsafe fn copy_value(t: &Rtti, dst: *mut u8, src: *const u8) {
    // SAFETY: by the caller's promise.
    unsafe {
        match (t.size(), t.shape.align) {
            (1, _) => mem::store_u8(dst, mem::load_u8(src)),
            (2, 2) => mem::store_u16(dst, mem::load_u16(src)),
            (4, 4) => mem::store_u32(dst, mem::load_u32(src)),
            (8, 8) => mem::store_u64(dst, mem::load_u64(src)),
            (n, _) => mem::copy_overlap(dst, src, n),
        }
    }
}
/// The value of type `t` at `p` as an interface value of its own.
///
/// # Safety
/// `p` is a place of type `t`.
unsafe fn boxed(c: &mut Call, t: &'static Rtti, p: *const u8) -> R<Iface> {
    crate::race::reads(p as u64, t.size());
    // SAFETY: by the caller's promise; the copy is fresh memory.
    unsafe {
        if t.kind == Kind::Interface {
            return Ok(mem::load128(p));
        }
        if t.direct {
            return Ok((type_word(t), fmem::data_word(t, p)));
        }
        let copy = cell(c, t)?;
        copy_value(t, copy, p);
        Ok((type_word(t), copy as u64))
    }
}
/// Whether `v` may be stored in a variable of type `t` as it is.
fn fits(t: &'static Rtti, v: Iface) -> bool {
    match dynamic(v) {
        None => t.kind == Kind::Interface,
        Some(d) if t.kind == Kind::Interface => implements_cached(d, t),
        Some(d) => std::ptr::eq(d, t),
    }
}
/// Stores a fitting value.
///
/// # Safety
/// `p` is a place of type `t`, and `fits(t, v)`.
unsafe fn put(t: &'static Rtti, p: *mut u8, v: Iface) {
    crate::race::writes(p as u64, t.size());
    // SAFETY: by the caller's promise.
    unsafe {
        barrier::overwrite(p, t.size());
        if t.kind == Kind::Interface {
            mem::store128(p, v.0, v.1);
        } else {
            copy_value(t, p, fmem::data_ptr(t, &v.1));
        }
    }
}

fn any_shape() -> Shape {
    Shape {
        size: 16,
        align: 16,
        ptrs: vec![2],
    }
}
/// A fresh `[]any`.
fn any_slice(c: &mut Call, list: &[Iface]) -> R<Slice> {
    let p = c.cx.cache().alloc_array(&any_shape(), list.len());
    if p.is_null() {
        return Err(c.no_memory());
    }
    for (i, v) in list.iter().enumerate() {
        // SAFETY: element i of a fresh array.
        unsafe { mem::store128(p.add(16 * i), v.0, v.1) };
    }
    Ok(Slice {
        ptr: p as u64,
        len: list.len(),
        cap: list.len(),
    })
}
/// The elements of a `[]any`.
fn anys(s: Slice) -> Vec<Iface> {
    (0..s.len)
        // SAFETY: element i of a slice in the frame.
        .map(|i| unsafe { mem::load128((s.ptr as *const u8).add(16 * i)) })
        .collect()
}

// ----- natives on types -----

native!(n_type_of, 1, |c| {
    let v = c.iface();
    c.ret(dynamic(v).map_or(0, |t| t.id as u64));
});
native!(n_type_text, 6, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    c.ret_substr(t.name.as_bytes())
        .ret_substr(t.type_name.as_bytes())
        .ret_substr(t.pkg_path.as_bytes());
});
native!(n_type_info, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let what = c.int();
    c.ret_int(inspect::type_info(t, what));
});
native!(n_type_part, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let (result, i) = (c.bool(), c.int());
    let list = if result {
        &t.parts().results
    } else {
        &t.parts().params
    };
    match usize::try_from(i).ok().and_then(|i| list.get(i)) {
        Some(t) => c.ret(t.id as u64),
        None => return c.panic("reflect: Func index out of bounds"),
    };
});
native!(n_type_field, 9, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let i = c.int();
    let Some((i, f)) = usize::try_from(i)
        .ok()
        .and_then(|i| Some((i, t.parts().fields.get(i)?)))
    else {
        return c.panic("reflect: Field index out of bounds");
    };
    c.ret_substr(f.name.as_bytes())
        .ret_substr(f.pkg.as_bytes())
        .ret_substr(f.tag.as_bytes())
        .ret(f.ty.id as u64)
        .ret(inspect::go_offset(t, i))
        .ret_bool(f.embedded);
});
native!(n_type_method, 3, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let i = c.int();
    let m = usize::try_from(i)
        .ok()
        .and_then(|i| inspect::exported(t).nth(i));
    let Some(m) = m else {
        return c.panic("reflect: Method index out of range");
    };
    c.ret_substr(m.name.as_bytes()).ret(m.ty.id as u64);
});
native!(n_implements, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let u = crate::try_exit!(arg_type(&mut c));
    c.ret_bool(u.kind == Kind::Interface && implements_cached(t, u));
});
native!(n_same_under, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let u = crate::try_exit!(arg_type(&mut c));
    c.ret_bool(inspect::same_underlying(t, u));
});
native!(n_pointer_to, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    c.ret(pointer_to(t).id as u64);
});
native!(n_slice_of, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    c.ret(with_compiler(|lw| lw.slice_of(t)).id as u64);
});
native!(n_array_of, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let n = c.int();
    let bytes = usize::try_from(n)
        .ok()
        .and_then(|n| n.checked_mul(t.size()));
    if bytes.is_none_or(|b| b > 1 << 30) {
        return c.panic("reflect.ArrayOf: array size would exceed virtual address space");
    }
    c.ret(with_compiler(|lw| lw.array_of(t, n)).id as u64);
});
native!(n_map_of, 1, |c| {
    let k = crate::try_exit!(arg_type(&mut c));
    let t = crate::try_exit!(arg_type(&mut c));
    c.ret(with_compiler(|lw| lw.map_of(k, t)).id as u64);
});
native!(n_chan_of, 1, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let dir = c.int();
    c.ret(with_compiler(|lw| lw.chan_of(t, dir)).id as u64);
});
fn type_list(c: &mut Call) -> R<Vec<&'static Rtti>> {
    let s = c.slice();
    (0..s.len)
        .map(|i| {
            // SAFETY: element i of a `[]int` of the frame.
            let id = unsafe { mem::load_u64((s.ptr as *const u8).add(8 * i)) };
            find(c, id as i64)
        })
        .collect()
}
native!(n_func_of, 1, |c| {
    let params = crate::try_exit!(type_list(&mut c));
    let results = crate::try_exit!(type_list(&mut c));
    let variadic = c.bool();
    c.ret(with_compiler(|lw| lw.func_of(&params, &results, variadic)).id as u64);
});
/// The strings of a `[]string`.
fn texts(s: Slice) -> Vec<String> {
    (0..s.len)
        .map(|i| {
            // SAFETY: element i of a slice of the frame: a string.
            let b = unsafe {
                let (p, n) = mem::load128((s.ptr as *const u8).add(16 * i));
                slow::bytes(p, n)
            };
            String::from_utf8_lossy(b).into_owned()
        })
        .collect()
}
native!(n_struct_of, 1, |c| {
    let names = texts(c.slice());
    let types = crate::try_exit!(type_list(&mut c));
    let tags = texts(c.slice());
    let embedded = c.bytes();
    let fields: Vec<_> = names
        .into_iter()
        .zip(types)
        .zip(tags)
        .zip(embedded)
        .map(|(((n, t), tag), e)| (n, t, tag, *e != 0))
        .collect();
    c.ret(with_compiler(|lw: &mut Lowerer| lw.struct_of(&fields)).id as u64);
});

// ----- natives on variables -----

unsafe fn n_box(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the copy is fresh.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let v = c.iface();
        let (t, src) = crate::try_exit!(value(&mut c, &v));
        let p = crate::try_exit!(cell(&mut c, t));
        copy_value(t, p, src);
        c.ret_iface((type_word(pointer_to(t)), p as u64));
    }
    Exit::Next
}
unsafe fn n_load(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let v = c.iface();
        let (t, p) = crate::try_exit!(variable(&mut c, v));
        let v = crate::try_exit!(boxed(&mut c, t, p));
        c.ret_iface(v);
    }
    Exit::Next
}
unsafe fn n_store(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the value fits.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (p, v) = (c.iface(), c.iface());
        let (t, p) = crate::try_exit!(variable(&mut c, p));
        let ok = fits(t, v);
        if ok {
            put(t, p, v);
        }
        c.ret_bool(ok);
    }
    Exit::Next
}
native!(n_new, 2, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let p = crate::try_exit!(cell(&mut c, t));
    c.ret_iface((type_word(pointer_to(t)), p as u64));
});
native!(n_retype, 2, |c| {
    let v = c.iface();
    let (have, p) = crate::try_exit!(variable(&mut c, v));
    let t = crate::try_exit!(arg_type(&mut c));
    let bytes = |t: &Rtti| t.shape.is_noscan() && t.shape.size == have.shape.size;
    if !(inspect::same_underlying(have, t) || like(have, t) || bytes(have) && bytes(t)) {
        return c.panic("reflect: types have different layouts");
    }
    c.ret_iface((type_word(pointer_to(t)), p as u64));
});
/// Whether two types have the same memory format: slices of alike elements.
fn like(a: &'static Rtti, b: &'static Rtti) -> bool {
    a.kind == b.kind
        && match a.kind {
            Kind::Slice => a.elem().kind == b.elem().kind && a.elem().shape.is_noscan(),
            Kind::Chan => std::ptr::eq(a.elem(), b.elem()),
            Kind::Pointer => inspect::same_underlying(a.elem(), b.elem()),
            Kind::Struct => {
                let (x, y) = (&a.parts().fields, &b.parts().fields);
                x.len() == y.len()
                    && x.iter()
                        .zip(y)
                        .all(|(f, g)| f.name == g.name && std::ptr::eq(f.ty, g.ty))
            }
            _ => false,
        }
}
native!(n_field_addr, 2, |c| {
    let (v, i) = (c.iface(), c.int());
    let (t, p) = crate::try_exit!(variable(&mut c, v));
    let f = usize::try_from(i)
        .ok()
        .and_then(|i| inspect::field_address(t, p as u64, i));
    let Some((ft, p)) = f else {
        return c.panic("reflect: Field index out of range");
    };
    c.ret_iface((type_word(pointer_to(ft)), p));
});
unsafe fn n_index_addr(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let (v, i) = (c.iface(), c.int());
        let Some(t) = dynamic(v) else { return c.nil() };
        let (t, p) = match t.kind {
            Kind::Slice => (t, v.1 as *const u8),
            Kind::Pointer if v.1 != 0 && t.elem().kind == Kind::Array => {
                (t.elem(), v.1 as *const u8)
            }
            _ => return c.nil(),
        };
        let e = usize::try_from(i)
            .ok()
            .and_then(|i| inspect::element_address(t, p, i));
        let Some((et, p)) = e else {
            return c.panic("reflect: slice index out of range");
        };
        c.ret_iface((type_word(pointer_to(et)), p));
    }
    Exit::Next
}
/// Length and capacity of what has them.
fn extent(v: Iface) -> Option<(usize, usize)> {
    let t = dynamic(v)?;
    // SAFETY: each kind's data word is what that kind's values are.
    unsafe {
        Some(match t.kind {
            Kind::Slice => {
                let (_, n, max) = fmem::read_slice(v.1 as *const u8);
                (n, max)
            }
            Kind::String => (mem::load128(v.1 as *const u8).1 as usize, 0),
            Kind::Map => (map::len(v.1 as *const u8), 0),
            Kind::Chan => (
                chan::len(v.1 as *const Hchan),
                chan::cap(v.1 as *const Hchan),
            ),
            Kind::Array => (t.len, t.len),
            _ => return None,
        })
    }
}
native!(n_len, 1, |c| {
    let v = c.iface();
    c.ret(extent(v).map_or(0, |e| e.0) as u64);
});
native!(n_cap, 1, |c| {
    let v = c.iface();
    c.ret(extent(v).map_or(0, |e| e.1) as u64);
});
unsafe fn n_bits(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let v = c.iface();
        let (t, p) = crate::try_exit!(value(&mut c, &v));
        let small = matches!(t.kind, Kind::Struct | Kind::Array | Kind::Complex64);
        c.ret(if small { 0 } else { inspect::bits(t, p) });
    }
    Exit::Next
}
unsafe fn n_func_pc(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the first word of a closure is the
    // number of its function.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let v = c.iface();
        let (t, p) = crate::try_exit!(value(&mut c, &v));
        let closure = inspect::bits(t, p);
        let code = match closure {
            0 => 0,
            _ => crate::vm::exec::code_of(*(closure as *const u64) as FuncId),
        };
        c.ret(code as u64);
    }
    Exit::Next
}
unsafe fn n_set_bits(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the kind is a number's, and its
    // size decides how much is written.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let (v, bits) = (c.iface(), c.word());
        let (t, p) = crate::try_exit!(variable(&mut c, v));
        if !(Kind::Bool as u8..=Kind::Float64 as u8).contains(&(t.kind as u8)) {
            return c.panic("reflect: the variable is no number");
        }
        let bits = inspect::bits_in_memory(t.kind, bits);
        crate::race::writes(p as u64, t.size());
        barrier::overwrite(p, t.size());
        match t.size() {
            1 => mem::store_u8(p, bits as u8),
            2 => mem::store_u16(p, bits as u16),
            4 => mem::store_u32(p, bits as u32),
            _ => mem::store_u64(p, bits),
        }
    }
    Exit::Next
}
unsafe fn n_complex(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let v = c.iface();
        let (t, p) = crate::try_exit!(value(&mut c, &v));
        let (re, im) = match t.kind {
            Kind::Complex64 | Kind::Complex128 => fmem::read_complex(t.kind, p),
            _ => (0.0, 0.0),
        };
        c.ret_f64(re).ret_f64(im);
    }
    Exit::Next
}
unsafe fn n_set_complex(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the kind is checked.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let (v, re, im) = (c.iface(), c.f64(), c.f64());
        let (t, p) = crate::try_exit!(variable(&mut c, v));
        match t.kind {
            Kind::Complex64 => {
                mem::store_u32(p, (re as f32).to_bits());
                mem::store_u32(p.add(4), (im as f32).to_bits());
            }
            Kind::Complex128 => mem::store128(p, re.to_bits(), im.to_bits()),
            _ => return c.panic("reflect: the variable is no complex number"),
        }
    }
    Exit::Next
}
unsafe fn n_text(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let v = c.iface();
        let (t, p) = crate::try_exit!(value(&mut c, &v));
        let s = if t.kind == Kind::String {
            mem::load128(p)
        } else {
            (0, 0)
        };
        c.ret(s.0).ret(s.1);
    }
    Exit::Next
}
unsafe fn n_set_text(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the kind is checked.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let v = c.iface();
        let (p, n) = (c.word(), c.word());
        let (t, at) = crate::try_exit!(variable(&mut c, v));
        if t.kind != Kind::String {
            return c.panic("reflect: the variable is no string");
        }
        barrier::overwrite(at, 16);
        mem::store128(at, p, n);
    }
    Exit::Next
}

/// A key or element in memory format, for the time of one operation.
#[repr(align(16))]
struct Operand(Iface);
impl Operand {
    fn ptr(&self, t: &Rtti) -> *const u8 {
        if t.kind == Kind::Interface {
            (&raw const self.0).cast()
        } else {
            fmem::data_ptr(t, &self.0.1)
        }
    }
}
fn operand(c: &mut Call, t: &'static Rtti, v: Iface) -> R<Operand> {
    if fits(t, v) {
        Ok(Operand(v))
    } else {
        Err(c.panic(format!(
            "reflect: value is not assignable to type {}",
            t.name
        )))
    }
}

pub const NATIVES: &[Entry] = &[
    ("internal/rt.TypeOf", n_type_of),
    ("internal/rt.TypeText", n_type_text),
    ("internal/rt.TypeInfo", n_type_info),
    ("internal/rt.TypePart", n_type_part),
    ("internal/rt.TypeField", n_type_field),
    ("internal/rt.TypeMethod", n_type_method),
    ("internal/rt.PointerTo", n_pointer_to),
    ("internal/rt.SliceOf", n_slice_of),
    ("internal/rt.ArrayOf", n_array_of),
    ("internal/rt.MapOf", n_map_of),
    ("internal/rt.ChanOf", n_chan_of),
    ("internal/rt.FuncOf", n_func_of),
    ("internal/rt.StructOf", n_struct_of),
    ("internal/rt.Implements", n_implements),
    ("internal/rt.SameUnder", n_same_under),
    ("internal/rt.Box", n_box),
    ("internal/rt.Load", n_load),
    ("internal/rt.Store", n_store),
    ("internal/rt.New", n_new),
    ("internal/rt.Retype", n_retype),
    ("internal/rt.FieldAddr", n_field_addr),
    ("internal/rt.IndexAddr", n_index_addr),
    ("internal/rt.Len", n_len),
    ("internal/rt.Cap", n_cap),
    ("internal/rt.Bits", n_bits),
    ("internal/rt.FuncPC", n_func_pc),
    ("internal/rt.SetBits", n_set_bits),
    ("internal/rt.Complex", n_complex),
    ("internal/rt.SetComplex", n_set_complex),
    ("internal/rt.Text", n_text),
    ("internal/rt.SetText", n_set_text),
];
