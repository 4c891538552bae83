//! What stands after `panic: ` for an uncaught panic's value.
#![allow(unsafe_code)]

use crate::bytecode::program::rtti_of;
use crate::heap::mem;
use crate::heap::rtti::Kind;

/// Go's text for a panic value. Errors and Stringers are printed by their methods only when
/// the guest code has been asked beforehand (see `stdlib::runtime`); here the value itself.
pub fn text((ty, data): (u64, u64)) -> String {
    if ty == 0 {
        return "nil".into();
    }
    // SAFETY: a type word is a descriptor; the data word belongs to it.
    unsafe {
        let t = rtti_of(ty);
        let named = !t.type_name.is_empty() && !t.pkg_path.is_empty();
        if t.pkg_path == "runtime" && t.kind == Kind::String {
            let (p, n) = mem::load128(data as *const u8);
            let s = String::from_utf8_lossy(super::ops::slow::bytes(p, n)).into_owned();
            return if matches!(t.type_name.as_str(), "errorString" | "boundsError") {
                format!("runtime error: {s}")
            } else {
                s
            };
        }
        if t.kind == Kind::String {
            let (p, n) = mem::load128(data as *const u8);
            let s = String::from_utf8_lossy(super::ops::slow::bytes(p, n)).replace('\n', "\n\t");
            return if named {
                format!("{}({s:?})", t.name)
            } else {
                s
            };
        }
        let mut out = Vec::new();
        let scalar = matches!(
            t.kind,
            Kind::Bool
                | Kind::Int
                | Kind::Int8
                | Kind::Int16
                | Kind::Int32
                | Kind::Int64
                | Kind::Uint
                | Kind::Uint8
                | Kind::Uint16
                | Kind::Uint32
                | Kind::Uint64
                | Kind::Uintptr
                | Kind::Float32
                | Kind::Float64
                | Kind::Complex64
                | Kind::Complex128
        );
        if scalar {
            super::ops::slow::print_value(&mut out, ty, data);
            let s = String::from_utf8_lossy(&out).into_owned();
            return if named { format!("{}({s})", t.name) } else { s };
        }
        format!("({}) 0x{data:x}", t.name)
    }
}

/// Whether the value has a method that gives its text: `Error` or `String`.
pub fn speaks((ty, _): (u64, u64)) -> bool {
    if ty == 0 {
        return false;
    }
    // SAFETY: a type word is a descriptor.
    let t = unsafe { rtti_of(ty) };
    t.parts().methods.iter().any(|m| {
        (m.name == "Error" || m.name == "String")
            && m.ty.parts().params.is_empty()
            && matches!(m.ty.parts().results.as_slice(), [r] if r.kind == Kind::String)
    })
}
