//! The order in which map entries are printed: by key, as Go's `fmt` sorts them.

use super::mem;
use crate::heap::rtti::{Kind, Rtti};
use std::cmp::Ordering::{self, Equal};

/// Nesting beyond which keys count as equal.
const MAX_DEPTH: usize = 200;

/// Compares two keys of type `t`: numbers and strings rising (not-a-number first), false
/// before true, pointers and channels by address, structs and arrays part by part,
/// interfaces nil first, then by type, then by value.
///
/// # Safety
/// `a` and `b` point to values of type `t` in memory format that nobody writes.
pub unsafe fn compare(t: &'static Rtti, a: *const u8, b: *const u8) -> Ordering {
    // SAFETY: the same contract.
    unsafe { compare_deep(t, a, b, 0) }
}

unsafe fn compare_deep(t: &'static Rtti, a: *const u8, b: *const u8, depth: usize) -> Ordering {
    if depth > MAX_DEPTH {
        return Equal;
    }
    // SAFETY: both point to values of type `t`, so to as many readable bytes as each
    // kind's reader takes; fields and elements lie inside them.
    unsafe {
        match t.kind {
            Kind::Int | Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                (mem::read_int(t.kind, a) as i64).cmp(&(mem::read_int(t.kind, b) as i64))
            }
            Kind::Bool
            | Kind::Uint
            | Kind::Uint8
            | Kind::Uint16
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Uintptr
            | Kind::Pointer
            | Kind::Chan
            | Kind::UnsafePointer => mem::read_int(t.kind, a).cmp(&mem::read_int(t.kind, b)),
            Kind::Float32 | Kind::Float64 => {
                float_order(mem::read_float(t.kind, a), mem::read_float(t.kind, b))
            }
            Kind::Complex64 | Kind::Complex128 => {
                let (a, b) = (mem::read_complex(t.kind, a), mem::read_complex(t.kind, b));
                float_order(a.0, b.0).then_with(|| float_order(a.1, b.1))
            }
            Kind::String => {
                let (a, b) = (mem::read_pair(a), mem::read_pair(b));
                mem::string_bytes(a).cmp(mem::string_bytes(b))
            }
            Kind::Struct => {
                for f in &t.parts().fields {
                    let ord = compare_deep(f.ty, a.add(f.offset), b.add(f.offset), depth + 1);
                    if ord != Equal {
                        return ord;
                    }
                }
                Equal
            }
            Kind::Array => {
                let elem = t.elem();
                for i in 0..t.len {
                    let at = i * elem.size();
                    let ord = compare_deep(elem, a.add(at), b.add(at), depth + 1);
                    if ord != Equal {
                        return ord;
                    }
                }
                Equal
            }
            Kind::Interface => {
                let (a, b) = (mem::read_pair(a), mem::read_pair(b));
                match (mem::type_of_word(a.0), mem::type_of_word(b.0)) {
                    (None, None) => Equal,
                    (None, Some(_)) => Ordering::Less,
                    (Some(_), None) => Ordering::Greater,
                    (Some(s), Some(t)) if s.id != t.id => s.id.cmp(&t.id),
                    (Some(t), Some(_)) => {
                        let (pa, pb) = (mem::data_ptr(t, &a.1), mem::data_ptr(t, &b.1));
                        compare_deep(t, pa, pb, depth + 1)
                    }
                }
            }
            _ => Equal,
        }
    }
}

fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}
