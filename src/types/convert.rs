//! Assignability, conversions, and what an untyped value becomes.

use super::constant::{Const, ReprErr, representable};
use super::display::text;
use super::predicates::{
    as_type_param, basic_kind, default_type, has_nil, identical, identical_ignore_tags, is_boolean,
    is_complex, is_float, is_integer, is_interface, is_invalid, is_named, is_numeric, is_slice_of,
    is_string, is_type_param, is_untyped, type_set_types, underlying,
};
use super::ty::{Basic, Ty, Type};
use super::typeset::{implements_unaliased, interface_pointer, type_set};
use super::universe::basic;
use crate::syntax::ast::ChanDir;

/// Why an untyped value does not fit a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImplicitErr {
    /// Different kinds altogether.
    Mismatch,
    /// The constant would lose its fraction.
    Truncated,
    /// The constant is out of range.
    Overflows,
}

/// The larger of two untyped kinds in an operation, if they go together.
pub fn max_untyped(a: Basic, b: Basic) -> Option<Basic> {
    let numeric = |k: Basic| (Basic::UntypedInt..=Basic::UntypedComplex).contains(&k);
    if a == b {
        Some(a)
    } else if numeric(a) && numeric(b) {
        Some(a.max(b))
    } else {
        None
    }
}

/// The type an untyped value of type `from` (constant `c` if it is one) takes where a value
/// of type `target` is wanted: the target itself, the default type for an empty interface,
/// the larger kind if the target is untyped too, untyped nil for nil.
pub fn implicit_type(from: Ty, c: Option<&Const>, target: Ty) -> Result<Ty, ImplicitErr> {
    let mismatch = Err(ImplicitErr::Mismatch);
    if !is_untyped(from) || is_invalid(target) {
        return Ok(from);
    }
    let kind = basic_kind(from).unwrap_or(Basic::Invalid);
    if is_untyped(target) {
        let other = basic_kind(target).unwrap_or(Basic::Invalid);
        return max_untyped(kind, other).map_or(mismatch, |k| Ok(basic(k)));
    }
    if kind == Basic::UntypedNil {
        return if has_nil(target) {
            Ok(target)
        } else {
            mismatch
        };
    }
    if is_type_param(target) {
        let Some(types) = type_set_types(target).filter(|t| !t.is_empty()) else {
            return mismatch;
        };
        for t in types {
            implicit_type(from, c, underlying(t))?;
        }
        return Ok(target);
    }
    match &*underlying(target) {
        Type::Basic(b, _) => match c {
            Some(c) => match representable(c, *b) {
                Ok(_) => Ok(target),
                Err(e) => Err(numeric_error(from, target, e)),
            },
            None => {
                let fits = match kind {
                    Basic::UntypedBool => is_boolean(target),
                    Basic::UntypedString => is_string(target),
                    _ => is_numeric(target),
                };
                if fits { Ok(target) } else { mismatch }
            }
        },
        Type::Interface(_) => {
            let set = type_set(target);
            if set.methods.is_empty() && set.terms.is_none() && !set.comparable {
                Ok(default_type(from))
            } else {
                mismatch
            }
        }
        _ => mismatch,
    }
}

/// How the compiler classifies a representation failure: by the types, not by the value.
pub fn numeric_error(from: Ty, target: Ty, e: ReprErr) -> ImplicitErr {
    if e == ReprErr::NotRepr || !is_numeric(from) || !is_numeric(target) {
        ImplicitErr::Mismatch
    } else if !is_integer(from) && is_integer(target) {
        ImplicitErr::Truncated
    } else {
        ImplicitErr::Overflows
    }
}

/// Whether a value of type `v` (constant `c` if it is one; `is_nil` for the predeclared nil)
/// can be assigned to type `to`. The error is the compiler's explanation, if it gives one.
pub fn assignable(v: Ty, c: Option<&Const>, is_nil: bool, to: Ty) -> Result<(), Option<String>> {
    if is_invalid(v) || is_invalid(to) || identical(v, to) {
        return Ok(());
    }
    let (vu, tu) = (underlying(v), underlying(to));
    if is_nil || is_untyped(v) {
        let from = if is_nil { basic(Basic::UntypedNil) } else { v };
        if !is_nil && is_interface(to) {
            return implements_unaliased(default_type(v), to).map_err(Some);
        }
        return implicit_type(from, c, to).map(|_| ()).map_err(|e| match e {
            ImplicitErr::Mismatch => None,
            ImplicitErr::Truncated => Some("truncated".into()),
            ImplicitErr::Overflows => Some("overflows".into()),
        });
    }
    let (vp, tp) = (is_type_param(v), is_type_param(to));
    let one_unnamed = !is_named(v) || !is_named(to);
    if identical(vu, tu) && one_unnamed && !vp && !tp {
        return Ok(());
    }
    if is_interface(to) || interface_pointer(tu).is_some() {
        match implements_unaliased(v, to) {
            Ok(()) => return Ok(()),
            Err(e) if !vp => return Err(Some(e)),
            Err(_) => {}
        }
    }
    if is_interface(v) && implements_unaliased(to, v).is_ok() {
        return Err(Some("need type assertion".into()));
    }
    if let (Type::Chan(ChanDir::Both, a), Type::Chan(_, b)) = (&*vu, &*tu)
        && !vp
        && !tp
        && identical(*a, *b)
    {
        return if one_unnamed { Ok(()) } else { Err(None) };
    }
    if tp && !is_named(v) {
        let Some(types) = type_set_types(to) else {
            return Err(None);
        };
        for t in types {
            if assignable(v, c, false, t).is_err() {
                let (v, t, p) = (text(v), text(t), text(to));
                return Err(Some(format!("cannot assign {v} to {t} (in {p})")));
            }
        }
        return Ok(());
    }
    if vp && !is_named(to) {
        let Some(types) = type_set_types(v) else {
            return Err(None);
        };
        for t in types {
            if assignable(t, None, false, to).is_err() {
                let (t, p, to) = (text(t), text(v), text(to));
                return Err(Some(format!("cannot assign {t} (in {p}) to {to}")));
            }
        }
        return Ok(());
    }
    Err(None)
}

/// Whether a value of type `from` (constant `c` if it is one) can be converted to `to`. The
/// error is the compiler's explanation, if it gives one. For an integer constant going to an
/// integer type the compiler says `constant V overflows T` instead of `cannot convert`.
pub fn convertible(from: Ty, c: Option<&Const>, to: Ty) -> Result<(), Option<String>> {
    if is_invalid(from) || is_invalid(to) {
        return Ok(());
    }
    if let Some(c) = c {
        if super::predicates::is_const_type(to) {
            return if const_convertible(from, c, to) {
                Ok(())
            } else {
                Err(None)
            };
        }
        if is_type_param(to) {
            let types = type_set_types(to).filter(|t| !t.is_empty());
            for t in types.ok_or(None)? {
                let ok = if super::predicates::is_const_type(t) {
                    const_convertible(from, c, t)
                } else {
                    convertible(from, None, t).is_ok()
                };
                if !ok {
                    let (v, t, p) = (const_text(from, c), text(t), text(to));
                    return Err(Some(format!("cannot convert {v} to type {t} (in {p})")));
                }
            }
            return Ok(());
        }
    }
    let is_nil = basic_kind(from) == Some(Basic::UntypedNil);
    let cause = match assignable(from, c, is_nil, to) {
        Ok(()) => return Ok(()),
        Err(cause) if is_untyped(from) && !is_interface(to) => cause.and(None),
        Err(cause) => cause,
    };
    let (vp, tp) = (as_type_param(from).is_some(), as_type_param(to).is_some());
    if !vp && !tp {
        return if plain_convertible(from, to) {
            Ok(())
        } else {
            Err(cause)
        };
    }
    // Every type of one side must convert to every type of the other.
    let (Some(vs), Some(ts)) = (type_set_types(from), type_set_types(to)) else {
        return Err(None);
    };
    if vs.is_empty() || ts.is_empty() {
        return Err(None);
    }
    for v in &vs {
        for t in &ts {
            if convertible(*v, None, *t).is_ok() {
                continue;
            }
            let side = |x: Ty, param: Ty, is_param: bool| {
                if is_param {
                    format!("{} (in {})", text(x), text(param))
                } else {
                    text(x)
                }
            };
            let (v, t) = (side(*v, from, vp), side(*t, to, tp));
            let mut message = format!("cannot convert {v} to type {t}");
            if let Some(c) = cause.filter(|c| c.starts_with("cannot assign")) {
                message.push_str("\n\t");
                message.push_str(&c);
            }
            return Err(Some(message));
        }
    }
    Ok(())
}

fn const_text(from: Ty, c: &Const) -> String {
    if is_untyped(from) {
        format!("{} ({} constant)", c.display(), text(from))
    } else {
        format!("{} (constant of type {})", c.display(), text(from))
    }
}

fn const_convertible(from: Ty, c: &Const, to: Ty) -> bool {
    let Some(b) = basic_kind(to) else {
        return false;
    };
    representable(c, b).is_ok() || (is_integer(from) && is_string(to))
}

/// The conversions between types that are not type parameters, beyond assignability.
fn plain_convertible(from: Ty, to: Ty) -> bool {
    let (vu, tu) = (underlying(from), underlying(to));
    if identical_ignore_tags(vu, tu) {
        return true;
    }
    if let (Type::Pointer(a), Type::Pointer(b)) = (&*from, &*to) {
        let params = is_type_param(*a) || is_type_param(*b);
        if !params && identical_ignore_tags(underlying(*a), underlying(*b)) {
            return true;
        }
    }
    let real = |t: Ty| is_integer(t) || is_float(t);
    if (real(vu) && real(tu)) || (is_complex(vu) && is_complex(tu)) {
        return true;
    }
    if is_string(tu) && (is_integer(vu) || bytes_or_runes(vu)) {
        return true;
    }
    if is_string(vu) && bytes_or_runes(tu) {
        return true;
    }
    let pointer_like =
        |t: Ty| matches!(*t, Type::Pointer(_)) || basic_kind(t) == Some(Basic::Uintptr);
    let is_unsafe = |t: Ty| basic_kind(t) == Some(Basic::UnsafePointer);
    if (pointer_like(vu) && is_unsafe(tu)) || (is_unsafe(vu) && pointer_like(tu)) {
        return true;
    }
    if let Type::Slice(e) = &*vu {
        let array = match &*tu {
            Type::Pointer(a) => underlying(*a),
            _ => tu,
        };
        if let Type::Array(f, _) = &*array {
            return identical(*e, *f);
        }
    }
    false
}

pub(super) fn bytes_or_runes(t: Ty) -> bool {
    is_slice_of(t, Basic::Uint8) || is_slice_of(t, Basic::Int32)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::universe::{any_ty, byte_ty, error_ty, rune_ty};
    use super::*;

    fn untyped(k: Basic) -> Ty {
        basic(k)
    }
    fn asg(v: Ty, to: Ty) -> Result<(), Option<String>> {
        assignable(v, None, false, to)
    }
    fn conv(v: Ty, to: Ty) -> bool {
        convertible(v, None, to).is_ok()
    }
    fn constant(k: Basic, text: &str, to: Ty) -> bool {
        let c = match k {
            Basic::UntypedString => Const::from_bytes(text.as_bytes()),
            Basic::UntypedFloat => Const::parse_float(text).unwrap(),
            _ => Const::parse_int(text).unwrap(),
        };
        assignable(untyped(k), Some(&c), false, to).is_ok()
    }

    #[test]
    fn assignability() {
        in_main();
        let (a, b) = (named("A", int()), named("B", int()));
        assert_eq!(asg(a, b), Err(None));
        assert_eq!(asg(int(), a), Err(None));
        let ints = named("Ints", slice(int()));
        assert!(asg(slice(int()), ints).is_ok() && asg(ints, slice(int())).is_ok());
        assert_eq!(
            asg(any_ty(), int()),
            Err(Some("need type assertion".into()))
        );
        assert!(asg(int(), any_ty()).is_ok());
        let both = chan(ChanDir::Both, int());
        let recv = chan(ChanDir::Recv, int());
        assert!(asg(both, recv).is_ok() && asg(recv, both).is_err());
        assert!(asg(named("MC", both), recv).is_ok());
        assert!(asg(named("MC", both), named("RC", recv)).is_err());
        assert!(assignable(untyped(Basic::UntypedNil), None, true, error_ty()).is_ok());
        assert_eq!(
            assignable(untyped(Basic::UntypedNil), None, true, int()),
            Err(None)
        );
        let i = named("I", iface(vec![method("M", func(&[], &[]))], &[]));
        assert_eq!(
            assignable(
                untyped(Basic::UntypedInt),
                Some(&Const::from_i64(5)),
                false,
                i
            ),
            Err(Some("int does not implement I (missing method M)".into()))
        );
        assert_eq!(
            asg(any_ty(), i),
            Err(Some(
                "interface{} does not implement I (missing method M)".into()
            ))
        );
    }

    #[test]
    fn untyped_constants() {
        let u8t = basic(Basic::Uint8);
        assert!(constant(Basic::UntypedInt, "255", u8t));
        assert!(!constant(Basic::UntypedInt, "256", u8t));
        assert!(constant(Basic::UntypedFloat, "2.0", int()));
        assert!(!constant(Basic::UntypedFloat, "2.5", int()));
        assert!(!constant(Basic::UntypedString, "a", int()));
        assert!(constant(Basic::UntypedString, "a", any_ty()));
        assert!(constant(Basic::UntypedInt, "1", basic(Basic::Complex64)));
        let c = Const::parse_float("1e100").unwrap();
        assert_eq!(
            implicit_type(untyped(Basic::UntypedFloat), Some(&c), int()),
            Err(ImplicitErr::Truncated)
        );
        let c = Const::from_i64(300);
        assert_eq!(
            implicit_type(untyped(Basic::UntypedInt), Some(&c), u8t),
            Err(ImplicitErr::Overflows)
        );
        let (i, r) = (untyped(Basic::UntypedInt), untyped(Basic::UntypedRune));
        assert_eq!(implicit_type(i, None, r), Ok(r));
        assert_eq!(implicit_type(i, Some(&c), any_ty()), Ok(int()));
        let t = tparam(
            "T",
            0,
            union(&[term(true, int()), term(true, basic(Basic::Float64))]),
        );
        assert_eq!(implicit_type(i, Some(&c), t), Ok(t));
        assert!(implicit_type(i, Some(&c), tparam("T", 0, any_ty())).is_err());
    }

    #[test]
    fn conversions() {
        let f = basic(Basic::Float64);
        assert!(conv(int(), f) && conv(f, int()) && !conv(int(), basic(Basic::Bool)));
        assert!(conv(int(), string()) && !conv(f, string()));
        let (bytes, runes) = (slice(byte_ty()), slice(rune_ty()));
        assert!(conv(string(), bytes) && conv(runes, string()) && !conv(slice(int()), string()));
        assert!(conv(slice(named("B", byte_ty())), string()));
        assert!(conv(slice(int()), array(int(), 3)) && conv(slice(int()), ptr(array(int(), 3))));
        assert!(!conv(slice(string()), array(int(), 3)));
        let up = basic(Basic::UnsafePointer);
        assert!(conv(ptr(int()), up) && conv(up, ptr(string())) && conv(basic(Basic::Uintptr), up));
        assert!(!conv(int(), up));
        let (a, b) = (
            named("A", strukt(vec![field("x", int())])),
            named("B", strukt(vec![field("x", int())])),
        );
        assert!(conv(a, b) && conv(ptr(a), ptr(b)));
        assert!(!conv(ptr(a), ptr(named("C", strukt(vec![])))));
        let c = |t, v: i64| convertible(untyped(Basic::UntypedInt), Some(&Const::from_i64(v)), t);
        assert!(c(string(), 65).is_ok() && c(basic(Basic::Int8), 300).is_err());
        let s = Const::from_bytes(b"ab");
        assert!(convertible(untyped(Basic::UntypedString), Some(&s), bytes).is_ok());
        assert!(convertible(untyped(Basic::UntypedString), Some(&s), int()).is_err());
    }

    #[test]
    fn conversions_of_type_parameters() {
        in_main();
        let x = tparam("X", 0, union(&[term(true, int()), term(true, string())]));
        let y = tparam("Y", 1, union(&[term(true, int())]));
        assert!(conv(y, x) && conv(y, string()));
        assert_eq!(
            convertible(x, None, y),
            Err(Some(
                "cannot convert string (in X) to type int (in Y)".into()
            ))
        );
        assert_eq!(
            convertible(x, None, slice(byte_ty())),
            Err(Some(
                "cannot convert int (in X) to type []byte\n\tcannot assign int (in X) to []byte"
                    .into()
            ))
        );
        assert_eq!(
            convertible(tparam("A", 0, any_ty()), None, int()),
            Err(None)
        );
    }
}
