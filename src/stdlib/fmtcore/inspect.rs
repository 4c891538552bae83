//! Looking at types and values on behalf of `reflect` and `fmt`'s scanning: what can be
//! answered from descriptors and by reading memory, without allocating guest objects.

use super::mem;
use crate::heap::rtti::{Kind, Method, Rtti};

/// One number about a type; `what` counts as in `rt.TypeInfo`. What the type does not
/// have is 0.
pub fn type_info(t: &Rtti, what: i64) -> i64 {
    let parts = t.parts();
    let id = |t: Option<&'static Rtti>| t.map_or(0, |t| t.id as i64);
    match what {
        0 => t.kind as i64,
        1 => t.len as i64,
        2 => id(parts.elem),
        3 => id(parts.key),
        4 => parts.fields.len() as i64,
        5 => parts.params.len() as i64,
        6 => parts.results.len() as i64,
        7 => parts.variadic as i64,
        8 => t.dir as i64,
        9 => exported(t).count() as i64,
        10 => t.comparable as i64,
        11 => go_layout(t).0 as i64,
        12 => go_layout(t).1 as i64,
        _ => 0,
    }
}

/// Size and alignment by Go's rules on a 64-bit machine, whatever the real layout is.
pub fn go_layout(t: &Rtti) -> (u64, u64) {
    match t.kind {
        Kind::Invalid => (0, 1),
        Kind::Bool | Kind::Int8 | Kind::Uint8 => (1, 1),
        Kind::Int16 | Kind::Uint16 => (2, 2),
        Kind::Int32 | Kind::Uint32 | Kind::Float32 => (4, 4),
        Kind::Complex64 => (8, 4),
        Kind::Complex128 | Kind::String | Kind::Interface => (16, 8),
        Kind::Slice => (24, 8),
        Kind::Array => {
            let (size, align) = go_layout(t.elem());
            (size.saturating_mul(t.len as u64), align)
        }
        Kind::Struct => {
            let (mut size, mut align, mut last) = (0u64, 1, 1);
            for f in &t.parts().fields {
                let (s, a) = go_layout(f.ty);
                size = size.next_multiple_of(a).saturating_add(s);
                align = align.max(a);
                last = s;
            }
            // A pointer to an empty last field must not point past the struct.
            if last == 0 && size > 0 {
                size += 1;
            }
            (size.next_multiple_of(align), align)
        }
        _ => (8, 8),
    }
}

/// The offset of field `i` by Go's rules.
pub fn go_offset(t: &Rtti, i: usize) -> u64 {
    let mut at = 0u64;
    for f in &t.parts().fields[..=i] {
        at = at.next_multiple_of(go_layout(f.ty).1);
        if std::ptr::eq(f, &t.parts().fields[i]) {
            return at;
        }
        at = at.saturating_add(go_layout(f.ty).0);
    }
    at
}

/// The exported methods of a type, in `reflect`'s order.
pub fn exported(t: &Rtti) -> impl Iterator<Item = &Method> {
    t.parts().methods.iter().filter(|m| m.pkg.is_empty())
}

/// Whether `t` has every method of the interface type `u`.
pub fn implements(t: &Rtti, u: &Rtti) -> bool {
    u.kind == Kind::Interface
        && u.parts()
            .methods
            .iter()
            .all(|m| t.parts().methods.iter().any(|own| own.id == m.id))
}

/// Whether `t` and `u` have identical underlying types. Struct tags count.
pub fn same_underlying(t: &Rtti, u: &Rtti) -> bool {
    if std::ptr::eq(t, u) {
        return true;
    }
    if t.kind != u.kind {
        return false;
    }
    let (a, b) = (t.parts(), u.parts());
    let same = |x: Option<&Rtti>, y: Option<&Rtti>| match (x, y) {
        (None, None) => true,
        (Some(x), Some(y)) => std::ptr::eq(x, y),
        _ => false,
    };
    let all = |x: &[&'static Rtti], y: &[&'static Rtti]| {
        x.len() == y.len() && x.iter().zip(y).all(|(x, y)| std::ptr::eq(*x, *y))
    };
    let fields = a.fields.len() == b.fields.len()
        && a.fields.iter().zip(&b.fields).all(|(f, g)| {
            f.name == g.name
                && f.pkg == g.pkg
                && f.tag == g.tag
                && f.embedded == g.embedded
                && std::ptr::eq(f.ty, g.ty)
        });
    let methods = t.kind != Kind::Interface
        || a.methods.len() == b.methods.len()
            && a.methods.iter().zip(&b.methods).all(|(m, n)| m.id == n.id);
    same(a.elem, b.elem)
        && same(a.key, b.key)
        && t.len == u.len
        && t.dir == u.dir
        && a.variadic == b.variadic
        && all(&a.params, &b.params)
        && all(&a.results, &b.results)
        && fields
        && methods
}

/// The pointer type among `samples` whose element is of the same kind as the element of
/// the pointer type `t` (for slices: with elements of the same kind).
pub fn alike(t: &Rtti, samples: &[&'static Rtti]) -> Option<&'static Rtti> {
    let want = t.elem();
    samples.iter().copied().find(|s| {
        let have = s.elem();
        have.kind == want.kind && (have.kind != Kind::Slice || have.elem().kind == want.elem().kind)
    })
}

/// Whether an interface value holds a nil pointer.
///
/// # Safety
/// The words are those of an interface value.
pub unsafe fn is_nil_pointer(type_word: u64, data: u64) -> bool {
    // SAFETY: a type word by the contract.
    unsafe { mem::type_of_word(type_word) }.is_some_and(|t| t.kind == Kind::Pointer && data == 0)
}

/// The bits of a boolean, integer (sign-extended), float (as a 64-bit one) or
/// pointer-like value; of a slice or string its address.
///
/// # Safety
/// `p` points to a value of type `t`.
pub unsafe fn bits(t: &Rtti, p: *const u8) -> u64 {
    // SAFETY: each kind is read as what it is.
    unsafe {
        match t.kind {
            Kind::Float32 | Kind::Float64 => mem::read_float(t.kind, p).to_bits(),
            Kind::Slice | Kind::String => mem::read_pair(p).0,
            kind => mem::read_int(kind, p),
        }
    }
}

/// The memory format of a boolean, integer or float of kind `kind` with such bits: the
/// low bytes of the result, cut to the kind's size.
pub fn bits_in_memory(kind: Kind, bits: u64) -> u64 {
    match kind {
        Kind::Bool => (bits != 0) as u64,
        Kind::Float32 => (f64::from_bits(bits) as f32).to_bits() as u64,
        _ => bits,
    }
}

/// The address of field `i` of the struct of type `t` at `p`; `None` if out of range.
pub fn field_address(t: &Rtti, p: u64, i: usize) -> Option<(&'static Rtti, u64)> {
    let f = t.parts().fields.get(i)?;
    Some((f.ty, p + f.offset as u64))
}

/// The address of element `i` of the array or slice of type `t` at `p`; `None` if out
/// of range.
///
/// # Safety
/// `p` points to a value of type `t`.
pub unsafe fn element_address(t: &Rtti, p: *const u8, i: usize) -> Option<(&'static Rtti, u64)> {
    let elem = t.elem();
    let (base, len) = match t.kind {
        Kind::Array => (p, t.len),
        // SAFETY: a slice by the contract.
        _ => unsafe {
            let (base, len, _) = mem::read_slice(p);
            (base, len)
        },
    };
    (i < len).then(|| (elem, base as u64 + (i * elem.size()) as u64))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn layout_by_gos_rules() {
        let (int8, string) = (scalar(Kind::Int8, "int8"), scalar(Kind::String, "string"));
        let empty = structure("struct {}", &[]);
        let t = structure(
            "main.T",
            &[("a", int8), ("b", string), ("c", int8), ("d", empty)],
        );
        assert_eq!(go_layout(t), (32, 8));
        assert_eq!(
            (0..4).map(|i| go_offset(t, i)).collect::<Vec<_>>(),
            [0, 8, 24, 25]
        );
        assert_eq!(type_info(t, 4), 4);
        assert_eq!(type_info(array("[3]string", 3, string), 11), 48);
    }

    #[test]
    fn alike_and_underlying() {
        let (int, named) = (scalar(Kind::Int, "int"), scalar(Kind::Int, "main.N"));
        let to_int = with_elem(Kind::Pointer, "*int", int);
        let to_named = with_elem(Kind::Pointer, "*main.N", named);
        assert!(alike(to_named, &[to_int]).is_some_and(|t| std::ptr::eq(t, to_int)));
        assert!(same_underlying(int, named));
        assert!(!same_underlying(to_int, to_named));
    }

    #[test]
    fn elements_stay_in_range() {
        let int32 = scalar(Kind::Int32, "int32");
        let t = with_elem(Kind::Slice, "[]int32", int32);
        let (base, header) = (room(12), room(16));
        put_slice(header, base, 3);
        // SAFETY: a slice header just written.
        let at = |i| unsafe { element_address(t, header, i) }.map(|e| e.1);
        assert_eq!(at(2), Some(base as u64 + 8));
        assert_eq!(at(3), None);
    }
}
