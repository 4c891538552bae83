//! Sizes, alignments and field offsets by Go's rules for 64-bit machines: what
//! `unsafe.Sizeof` and its relatives report. None where a type parameter decides.

use super::predicates::underlying;
use super::ty::{Basic, Field, Ty, Type};

/// How deep types nest before giving up (invalid recursive types).
const LIMIT: u32 = 200;

/// Size in bytes.
pub fn size_of(t: Ty) -> Option<i64> {
    size(t, 0)
}
/// Alignment in bytes.
pub fn align_of(t: Ty) -> Option<i64> {
    align(t, 0)
}
/// Offset of field `i`.
pub fn field_offset(fields: &[Field], i: usize) -> Option<i64> {
    let mut at = 0i64;
    for (k, f) in fields.iter().enumerate() {
        at = round(at, align_of(f.ty)?);
        if k == i {
            return Some(at);
        }
        at = at.checked_add(size_of(f.ty)?)?;
    }
    None
}

fn round(at: i64, align: i64) -> i64 {
    let a = align.max(1);
    at.saturating_add(a - 1) / a * a
}

fn align(t: Ty, depth: u32) -> Option<i64> {
    if depth > LIMIT || matches!(t.0, Type::TypeParam(_)) {
        return None;
    }
    match underlying(t).0 {
        Type::Array(e, _) => align(*e, depth + 1),
        Type::Struct(fields) => {
            let mut max = 1;
            for f in fields {
                max = max.max(align(f.ty, depth + 1)?);
            }
            Some(max)
        }
        Type::Basic(Basic::Complex64, _) => Some(4),
        Type::Basic(Basic::Complex128 | Basic::String, _) => Some(8),
        Type::Slice(_) | Type::Interface(_) => Some(8),
        _ => Some(size(t, depth + 1)?.clamp(1, 8)),
    }
}

fn size(t: Ty, depth: u32) -> Option<i64> {
    if depth > LIMIT || matches!(t.0, Type::TypeParam(_)) {
        return None;
    }
    match underlying(t).0 {
        Type::Basic(b, _) => Some(match b {
            Basic::Bool | Basic::Int8 | Basic::Uint8 => 1,
            Basic::Int16 | Basic::Uint16 => 2,
            Basic::Int32 | Basic::Uint32 | Basic::Float32 => 4,
            Basic::Complex128 | Basic::String => 16,
            _ => 8,
        }),
        Type::Array(e, n) => size(*e, depth + 1)?.checked_mul((*n).max(0)),
        Type::Slice(_) => Some(24),
        Type::Interface(_) => Some(16),
        Type::Struct(fields) => {
            let mut at = 0i64;
            let mut last = 1;
            for f in fields {
                at = round(at, align(f.ty, depth + 1)?);
                last = size(f.ty, depth + 1)?;
                at = at.checked_add(last)?;
            }
            // A trailing field of size zero is padded so that its address stays inside.
            if at > 0 && last == 0 {
                at += 1;
            }
            Some(round(at, align(t, depth + 1)?))
        }
        _ => Some(8),
    }
}
