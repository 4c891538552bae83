//! Small natives of `context` and `errors`: questions about types.
#![allow(unsafe_code)]

use super::fmtcore::mem as fmem;
use crate::heap::rtti::{Kind, Rtti};
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry};
use crate::vm::ops::aggregate::implements;

unsafe fn is_comparable(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; a type word.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (t, _) = c.iface();
        c.ret_bool(fmem::type_of_word(t).is_none_or(|t| t.comparable));
    }
    Exit::Next
}
unsafe fn type_name(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as above; descriptors are never freed, so neither are their names.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let (t, _) = c.iface();
        c.ret_substr(fmem::type_of_word(t).map_or(b"<nil>", |t| t.name.as_bytes()));
    }
    Exit::Next
}

/// The element type of `errors.As`'s target, if it is a non-nil pointer.
unsafe fn target((t, w): (u64, u64)) -> Option<&'static Rtti> {
    // SAFETY: a type word.
    unsafe { fmem::type_of_word(t) }
        .filter(|t| t.kind == Kind::Pointer && w != 0)
        .map(|t| t.elem())
}

/// 0: fine. 1: target is nil. 2: no non-nil pointer. 3: `*target` is no interface and no error.
unsafe fn as_check(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let v = c.iface();
        let code = match target(v) {
            _ if v.0 == 0 => 1,
            None => 2,
            Some(e)
                if e.kind == Kind::Interface
                    || e.parts().methods.iter().any(|m| m.name == "Error") =>
            {
                0
            }
            Some(_) => 3,
        };
        c.ret_int(code);
    }
    Exit::Next
}
/// Stores err in `*target` if its type fits.
unsafe fn as_assign(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; target was checked: a pointer to a
    // variable of type e.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (err, t) = (c.iface(), c.iface());
        let (Some(e), Some(et)) = (target(t), fmem::type_of_word(err.0)) else {
            c.ret_bool(false);
            return Exit::Next;
        };
        let dst = t.1 as *mut u8;
        crate::race::writes(t.1, e.size());
        crate::heap::barrier::overwrite(dst, e.size());
        let fits = if e.kind == Kind::Interface {
            let yes = implements(et, e).is_ok();
            if yes {
                crate::heap::mem::store128(dst, err.0, err.1);
            }
            yes
        } else {
            let yes = std::ptr::eq(e, et);
            if yes {
                let src = fmem::data_ptr(et, &err.1);
                crate::vm::ops::slow::store_n(dst, src, e.size());
            }
            yes
        };
        c.ret_bool(fits);
    }
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("context.typeName", type_name),
    ("context.isComparable", is_comparable),
    ("errors.isComparable", is_comparable),
    ("errors.asCheck", as_check),
    ("errors.asAssign", as_assign),
];
