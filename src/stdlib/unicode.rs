//! Properties of characters: the tables behind package `unicode`, and its natives.
//!
//! The data stand in `unicode.txt` as text and are read at first use: categories into a
//! two-stage table (one load per stage), the rest into sorted ranges.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fmtcore::utf8::decode_rune;
use crate::vm::natives::Entry;

/// Code points `lo..=hi`, every `step`-th; `delta` is used by mappings.
#[derive(Clone, Copy, Debug)]
struct Range {
    lo: u32,
    hi: u32,
    step: u32,
    delta: i32,
}

const BLOCK: usize = 128;

struct Data {
    /// Number of the block of categories for each 128 code points.
    index: Vec<u16>,
    blocks: Vec<[u8; BLOCK]>,
    sets: HashMap<&'static str, Vec<Range>>,
    maps: HashMap<&'static str, Vec<Range>>,
}

/// Two-letter categories in the order of their numbers; 0 is what is not assigned.
const NAMES: [&str; 30] = [
    "Cn", "Cc", "Cf", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "No",
    "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs",
];

const LL: u32 = 1 << 5;
const LT: u32 = 1 << 8;
const LU: u32 = 1 << 9;
const LETTER: u32 = 0b11111 << 5;
const MARK: u32 = 0b111 << 10;
const ND: u32 = 1 << 13;
const NUMBER: u32 = 0b111 << 13;
const PUNCT: u32 = 0b111_1111 << 16;
const SYMBOL: u32 = 0b1111 << 23;
const ZS: u32 = 1 << 29;

static DATA: LazyLock<Data> = LazyLock::new(|| Data::read(include_str!("unicode.txt")));

impl Data {
    fn read(text: &'static str) -> Data {
        let mut of = vec![0u8; 0x11_0000];
        let (mut sets, mut maps) = (HashMap::new(), HashMap::new());
        let mut entry = ("", "", Vec::new());
        let mut close = |(kind, name, ranges): (&'static str, &'static str, Vec<Range>)| match kind
        {
            "category" => {
                let number = NAMES.iter().position(|n| *n == name).unwrap_or(0) as u8;
                for r in ranges {
                    (r.lo..=r.hi)
                        .step_by(r.step as usize)
                        .for_each(|c| of[c as usize] = number);
                }
            }
            "set" => drop(sets.insert(name, ranges)),
            "map" => drop(maps.insert(name, ranges)),
            _ => {}
        };
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let mut words = line.split_ascii_whitespace();
            if !line.starts_with(' ') {
                let head = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                close(std::mem::replace(&mut entry, (head.0, head.1, Vec::new())));
            }
            entry.2.extend(words.filter_map(Range::read));
        }
        close(entry);
        let (mut index, mut blocks, mut known) = (Vec::new(), Vec::new(), HashMap::new());
        for chunk in of.as_chunks::<BLOCK>().0 {
            let n = *known.entry(*chunk).or_insert_with(|| {
                blocks.push(*chunk);
                blocks.len() as u16 - 1
            });
            index.push(n);
        }
        Data {
            index,
            blocks,
            sets,
            maps,
        }
    }
}

impl Range {
    /// `lo`, `lo-hi` or `lo-hi/2`, with `:distance` in a mapping.
    fn read(word: &str) -> Option<Range> {
        let hex = |s: &str| u32::from_str_radix(s, 16).ok();
        let (word, delta) = match word.split_once(':') {
            Some((word, delta)) => (word, delta.parse().ok()?),
            None => (word, 0),
        };
        let (word, step) = match word.strip_suffix("/2") {
            Some(w) => (w, 2),
            None => (word, 1),
        };
        let (lo, hi) = word.split_once('-').unwrap_or((word, word));
        Some(Range {
            lo: hex(lo)?,
            hi: hex(hi)?,
            step,
            delta,
        })
    }
}

fn find(ranges: &[Range], r: u32) -> Option<&Range> {
    let x = &ranges[..ranges.partition_point(|x| x.lo <= r)].last()?;
    (r <= x.hi && (r - x.lo).is_multiple_of(x.step)).then_some(x)
}

/// The category of `r` as a one-bit mask; 0 beyond the last code point.
fn category(r: u32) -> u32 {
    let d = &*DATA;
    let at = r as usize;
    d.index
        .get(at / BLOCK)
        .map_or(0, |&b| 1 << d.blocks[b as usize][at % BLOCK])
}

fn mapped(r: i32, map: &str) -> i32 {
    let hit = u32::try_from(r)
        .ok()
        .and_then(|u| find(DATA.maps.get(map)?, u));
    r + hit.map_or(0, |x| x.delta)
}

/// `unicode.ToUpper`.
pub fn to_upper(r: i32) -> i32 {
    match r {
        0x61..=0x7A => r - 32,
        ..=0x7F => r,
        _ => mapped(r, "upper"),
    }
}
/// `unicode.ToLower`.
pub fn to_lower(r: i32) -> i32 {
    match r {
        0x41..=0x5A => r + 32,
        ..=0x7F => r,
        _ => mapped(r, "lower"),
    }
}
/// `unicode.ToTitle`.
pub fn to_title(r: i32) -> i32 {
    match r {
        ..=0x7F => to_upper(r),
        _ => mapped(r, "title"),
    }
}
/// `unicode.SimpleFold`: the next one in the circle of runes that fold together.
pub fn simple_fold(r: i32) -> i32 {
    // Their other cases are no mutual ones: they fold with nothing.
    if matches!(r, 0x130 | 0x131) {
        return r;
    }
    let listed = mapped(r, "fold");
    if listed != r {
        return listed;
    }
    let lower = to_lower(r);
    if lower != r { lower } else { to_upper(r) }
}

/// `unicode.IsSpace`.
pub fn is_space(r: u32) -> bool {
    matches!(
        r,
        9..=13 | 0x20 | 0x85 | 0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000
    )
}
/// `unicode.IsLetter`.
pub fn is_letter(r: u32) -> bool {
    if r < 0x80 {
        return (r as u8).is_ascii_alphabetic();
    }
    category(r) & LETTER != 0
}
/// `unicode.IsDigit`.
pub fn is_digit(r: u32) -> bool {
    if r < 0x80 {
        return (r as u8).is_ascii_digit();
    }
    category(r) & ND != 0
}
/// `unicode.IsUpper`.
pub fn is_upper(r: u32) -> bool {
    if r < 0x80 {
        return (r as u8).is_ascii_uppercase();
    }
    category(r) & LU != 0
}
/// `unicode.IsLower`.
pub fn is_lower(r: u32) -> bool {
    if r < 0x80 {
        return (r as u8).is_ascii_lowercase();
    }
    category(r) & LL != 0
}

/// Whether `r` is in the category (one or two letters), script or property `name`.
pub fn in_table(name: &str, r: u32) -> bool {
    let mask = match name {
        "L" => LETTER,
        "LC" => LL | LT | LU,
        "C" => 0b11111,
        "M" => MARK,
        "N" => NUMBER,
        "P" => PUNCT,
        "S" => SYMBOL,
        "Z" => 0b111 << 27,
        _ => NAMES
            .iter()
            .position(|n| *n == name)
            .map_or(0, |i| 1u32 << i),
    };
    if mask != 0 {
        return category(r) & mask != 0;
    }
    DATA.sets
        .get(name)
        .is_some_and(|set| find(set, r).is_some())
}

/// `s` without white space at its start.
pub fn trim_left_space(s: &[u8]) -> &[u8] {
    let mut i = 0;
    while i < s.len() {
        let (r, n) = decode_rune(&s[i..]);
        if !is_space(r) {
            break;
        }
        i += n;
    }
    &s[i..]
}

native!(table, 1, |c| {
    let (name, r) = (c.str(), c.int() as u32);
    let known = std::str::from_utf8(name).is_ok_and(|name| in_table(name, r));
    c.ret_bool(known)
});

macro_rules! predicates {
    ($($name:ident: |$r:ident| $is:expr;)*) => {$(
        native!($name, 1, |c| {
            let $r = c.int() as i32 as u32;
            c.ret_bool($is)
        });
    )*};
}
predicates! {
    n_control: |r| r < 0x20 || (0x7F..0xA0).contains(&r);
    n_digit: |r| is_digit(r);
    n_graphic: |r| category(r) & (LETTER | MARK | NUMBER | PUNCT | SYMBOL | ZS) != 0;
    n_letter: |r| is_letter(r);
    n_lower: |r| is_lower(r);
    n_mark: |r| category(r) & MARK != 0;
    n_number: |r| category(r) & NUMBER != 0;
    n_print: |r| r == 0x20 || category(r) & (LETTER | MARK | NUMBER | PUNCT | SYMBOL) != 0;
    n_punct: |r| category(r) & PUNCT != 0;
    n_space: |r| is_space(r);
    n_symbol: |r| category(r) & SYMBOL != 0;
    n_title: |r| category(r) & LT != 0;
    n_upper: |r| is_upper(r);
}

macro_rules! mappings {
    ($($name:ident $f:ident;)*) => {$(
        native!($name, 1, |c| {
            let r = c.int() as i32;
            c.ret_int($f(r) as i64)
        });
    )*};
}
mappings! {
    n_to_lower to_lower;
    n_to_title to_title;
    n_to_upper to_upper;
    n_fold simple_fold;
}

pub const NATIVES: &[Entry] = &[
    ("unicode.inTable", table),
    ("unicode.IsControl", n_control),
    ("unicode.IsDigit", n_digit),
    ("unicode.IsGraphic", n_graphic),
    ("unicode.IsLetter", n_letter),
    ("unicode.IsLower", n_lower),
    ("unicode.IsMark", n_mark),
    ("unicode.IsNumber", n_number),
    ("unicode.IsPrint", n_print),
    ("unicode.IsPunct", n_punct),
    ("unicode.IsSpace", n_space),
    ("unicode.IsSymbol", n_symbol),
    ("unicode.IsTitle", n_title),
    ("unicode.IsUpper", n_upper),
    ("unicode.ToLower", n_to_lower),
    ("unicode.ToTitle", n_to_title),
    ("unicode.ToUpper", n_to_upper),
    ("unicode.SimpleFold", n_fold),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories() {
        for (name, r) in [
            ("Lu", 'A'),
            ("Ll", 'ß'),
            ("Lo", '日'),
            ("L", '日'),
            ("Nd", '٣'),
            ("Zs", '\u{3000}'),
            ("Sm", '+'),
            ("P", '¿'),
            ("C", '\u{378}'),
            ("Cn", '\u{378}'),
            ("Co", '\u{E000}'),
            ("Han", '日'),
            ("Latin", 'é'),
            ("White_Space", '\u{85}'),
        ] {
            assert!(in_table(name, r as u32), "{name} {r:?}");
        }
        assert!(in_table("Cs", 0xD800));
        assert!(!in_table("Nd", 0x11_0000) && !in_table("Cn", u32::MAX));
        assert!(!in_table("Greek", 'a' as u32) && !in_table("Nonsense", 'a' as u32));
    }

    #[test]
    fn cases() {
        let up = |c: char| to_upper(c as i32);
        assert_eq!(up('ß'), 'ß' as i32);
        assert_eq!(up('ÿ'), 'Ÿ' as i32);
        assert_eq!(up('ǆ'), 'Ǆ' as i32);
        assert_eq!(to_title('ǆ' as i32), 'ǅ' as i32);
        assert_eq!(to_lower('İ' as i32), 'i' as i32);
        assert_eq!(to_lower('Σ' as i32), 'σ' as i32);
        assert_eq!(
            (to_upper(-5), to_lower(0x11_0000), simple_fold(-2)),
            (-5, 0x11_0000, -2)
        );
    }

    #[test]
    fn folding_goes_round() {
        let fold = |c: char| simple_fold(c as i32);
        assert_eq!(fold('A'), 'a' as i32);
        assert_eq!(fold('a'), 'A' as i32);
        assert_eq!(
            (fold('K'), fold('k'), fold('\u{212A}')),
            (0x6B, 0x212A, 0x4B)
        );
        assert_eq!(fold('1'), '1' as i32);
        for r in 0..0x11_0000 {
            let (mut x, mut steps) = (simple_fold(r), 1);
            while x != r {
                x = simple_fold(x);
                steps += 1;
                assert!(steps < 5, "{r:x}");
            }
        }
    }
}
