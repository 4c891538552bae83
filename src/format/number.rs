//! Number literals in their usual spelling.

use crate::syntax::ast::LitKind;
use crate::syntax::token::T;
use std::borrow::Cow;

/// A literal as it is printed: prefixes and exponents in lower case, no carriage returns
/// in raw strings.
pub fn normal(kind: T, text: &str) -> Cow<'_, str> {
    match kind {
        T::Lit(LitKind::Int | LitKind::Float | LitKind::Imag) => number(text),
        T::Str if text.starts_with('`') && text.contains('\r') => text.replace('\r', "").into(),
        _ => text.into(),
    }
}

fn number(x: &str) -> Cow<'_, str> {
    if x.len() < 2 {
        return x.into();
    }
    let exponent = |x: &str, upper: char| match x.rfind(upper) {
        Some(i) => {
            let mut s = x.to_string();
            s.replace_range(i..=i, &upper.to_ascii_lowercase().to_string());
            s
        }
        None => x.to_string(),
    };
    match &x[..2] {
        "0X" | "0x" => exponent(&format!("0x{}", &x[2..]), 'P').into(),
        "0O" | "0o" => format!("0o{}", &x[2..]).into(),
        "0B" | "0b" => format!("0b{}", &x[2..]).into(),
        _ if x.contains('E') => exponent(x, 'E').into(),
        // Leading zeros mean nothing in an imaginary integer.
        _ if x.ends_with('i') && !x.contains(['.', 'e']) => {
            match x.trim_start_matches(['0', '_']) {
                "i" => "0i".into(),
                rest => rest.to_string().into(),
            }
        }
        _ => x.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn spelling_of_numbers() {
        for (from, to) in [
            ("0XAB", "0xAB"),
            ("1E6", "1e6"),
            ("0x1P3", "0x1p3"),
            ("0B1", "0b1"),
            ("0O7", "0o7"),
            ("007", "007"),
            ("007i", "7i"),
            ("00i", "0i"),
            ("0.50i", "0.50i"),
            ("0xE", "0xE"),
        ] {
            assert_eq!(number(from), to);
        }
    }
}
