//! `regexp`: expressions compiled by the regex crate's engines, found again by number.
//!
//! An expression's number stands for its text and kind, so compiling one twice costs
//! nothing and programs that compile in a loop do not grow.

mod parse;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input, MatchKind, hybrid};

use crate::heap::mem;
use crate::heap::rtti::Shape;
use crate::vm::cx::Exit;
use crate::vm::natives::{Call, Entry, Slice};
use crate::vm::ops::slow::decode;

/// One compiled expression.
struct Expr {
    first: Regex,
    /// Finds the end of the longest match that begins at a place.
    longest: Option<hybrid::dfa::DFA>,
    names: Vec<String>,
    prefix: (String, bool),
}

#[derive(Default)]
struct Table {
    list: Vec<Arc<Expr>>,
    by_text: HashMap<(Vec<u8>, bool), usize>,
}
static TABLE: RwLock<Option<Table>> = RwLock::new(None);

const SIZE_LIMIT: usize = 64 << 20;

/// The text of an error, as Go prints it.
fn error_text((what, part): &parse::Error) -> String {
    format!(
        "error parsing regexp: {what}: `{}`",
        String::from_utf8_lossy(part)
    )
}

/// A pattern for the names of tests, or what is wrong with it.
pub fn pattern(text: &[u8]) -> Result<Regex, String> {
    let p = parse::parse(text, false).map_err(|e| error_text(&e))?;
    Regex::builder()
        .configure(Regex::config().nfa_size_limit(Some(SIZE_LIMIT)))
        .build_from_hir(&p.hir)
        .map_err(|_| error_text(&("expression too large", text.to_vec())))
}

fn compile(text: &[u8], posix: bool) -> Result<usize, parse::Error> {
    let key = (text.to_vec(), posix);
    {
        let t = TABLE.read().expect("expressions");
        if let Some(&i) = t.as_ref().and_then(|t| t.by_text.get(&key)) {
            return Ok(i);
        }
    }
    let p = parse::parse(text, posix)?;
    let too_large = || ("expression too large", text.to_vec());
    let first = Regex::builder()
        .configure(
            Regex::config()
                .nfa_size_limit(Some(SIZE_LIMIT))
                .match_kind(MatchKind::LeftmostFirst),
        )
        .build_from_hir(&p.hir)
        .map_err(|_| too_large())?;
    let longest = thompson::Compiler::new()
        .configure(thompson::Config::new().nfa_size_limit(Some(SIZE_LIMIT)))
        .build_from_hir(&p.hir)
        .ok()
        .and_then(|nfa| {
            hybrid::dfa::DFA::builder()
                .configure(
                    hybrid::dfa::Config::new()
                        .match_kind(MatchKind::All)
                        .unicode_word_boundary(true)
                        .skip_cache_capacity_check(true),
                )
                .build_from_nfa(nfa)
                .ok()
        });
    let e = Arc::new(Expr {
        first,
        longest,
        names: p.names,
        prefix: p.prefix,
    });
    let mut t = TABLE.write().expect("expressions");
    let t = t.get_or_insert_with(Table::default);
    if let Some(&i) = t.by_text.get(&key) {
        return Ok(i);
    }
    t.list.push(e);
    t.by_text.insert(key, t.list.len() - 1);
    Ok(t.list.len() - 1)
}

fn expr(i: i64) -> Option<Arc<Expr>> {
    let t = TABLE.read().expect("expressions");
    let t = t.as_ref()?;
    t.list.get(usize::try_from(i).ok()?).cloned()
}

/// Appends the places of one match's groups, -1 for a group that took no part.
fn push_places(caps: &regex_automata::util::captures::Captures, groups: usize, out: &mut Vec<i64>) {
    for g in 0..groups {
        match caps.get_group(g) {
            Some(s) => out.extend([s.start as i64, s.end as i64]),
            None => out.extend([-1, -1]),
        }
    }
}

/// Up to `limit` matches one after another, as Go counts them: an empty match right
/// behind another match is none. `groups` 0 asks only whether there is one.
fn find_all(e: &Expr, s: &[u8], limit: usize, groups: usize, longest: bool) -> Vec<i64> {
    let mut out = Vec::new();
    let mut caps = e.first.create_captures();
    let mut cache = e.longest.as_ref().map(hybrid::dfa::DFA::create_cache);
    let (mut at, mut last_end, mut found) = (0, None, 0);
    while found < limit && at <= s.len() {
        let input = Input::new(s).span(at..s.len());
        if groups == 0 {
            if e.first.is_match(input) {
                out.push(1);
            }
            break;
        }
        if groups > 1 {
            e.first.search_captures(&input, &mut caps);
        } else {
            caps.set_pattern(None);
            if let Some(m) = e.first.search(&input) {
                caps.set_pattern(Some(m.pattern()));
                let slots = caps.slots_mut();
                slots[0] = regex_automata::util::primitives::NonMaxUsize::new(m.start());
                slots[1] = regex_automata::util::primitives::NonMaxUsize::new(m.end());
            }
        }
        let Some(m) = caps.get_match() else { break };
        let (start, mut end) = (m.start(), m.end());
        let mut places = Vec::with_capacity(2 * groups);
        if longest && let (Some(dfa), Some(cache)) = (&e.longest, &mut cache) {
            let input = Input::new(s).span(start..s.len()).anchored(Anchored::Yes);
            if let Ok(Some(half)) = dfa.try_search_fwd(cache, &input)
                && half.offset() > end
            {
                end = half.offset();
                if groups > 1 {
                    let input = Input::new(&s[..end])
                        .span(start..end)
                        .anchored(Anchored::Yes);
                    e.first.search_captures(&input, &mut caps);
                }
            }
        }
        push_places(&caps, groups, &mut places);
        places[0] = start as i64;
        places[1] = end as i64;
        if !(start == end && last_end == Some(start)) {
            out.extend(places);
            found += 1;
        }
        last_end = Some(end);
        at = if end > at {
            end
        } else {
            at + s
                .get(at..)
                .filter(|r| !r.is_empty())
                .map_or(1, |r| decode(r).1.max(1))
        };
    }
    out
}

// ----- natives -----

native!(n_compile, 10, |c| {
    let (text, posix) = (c.str(), c.bool());
    match compile(text, posix) {
        Err((what, at)) => {
            c.ret_int(-1).ret(0).ret(0).ret(0).ret(0).ret_bool(false);
            c.ret_substr(what.as_bytes());
            crate::try_exit!(c.ret_str(&at));
        }
        Ok(i) => {
            let Some(e) = expr(i as i64) else {
                return c.nil();
            };
            c.ret_int(i as i64);
            crate::try_exit!(c.ret_str(e.names.join("\n").as_bytes()));
            crate::try_exit!(c.ret_str(e.prefix.0.as_bytes()));
            c.ret_bool(e.prefix.1).ret(0).ret(0).ret(0).ret(0);
        }
    };
});
fn ret_places(c: &mut Call, list: &[i64]) -> Exit {
    let p = c.cx.cache().alloc_array(&Shape::noscan(8, 8), list.len());
    if p.is_null() {
        return c.no_memory();
    }
    for (i, v) in list.iter().enumerate() {
        // SAFETY: element i of a fresh array.
        #[allow(unsafe_code)]
        unsafe {
            mem::store_u64(p.add(8 * i), *v as u64)
        };
    }
    let n = list.len();
    c.ret_slice(Slice {
        ptr: p as u64,
        len: n,
        cap: n,
    });
    Exit::Next
}
fn found(c: &mut Call, id: i64, s: &[u8]) -> Exit {
    let (limit, groups, longest) = (c.int(), c.int(), c.bool());
    let Some(e) = expr(id) else { return c.nil() };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let groups = (groups.max(0) as usize).min(e.names.len());
    ret_places(c, &find_all(&e, s, limit, groups, longest))
}
native!(n_find_string, 2, |c| {
    let (id, s) = (c.int(), c.str());
    return found(&mut c, id, s);
});
native!(n_find_bytes, 2, |c| {
    let (id, s) = (c.int(), c.bytes());
    return found(&mut c, id, s);
});

pub const NATIVES: &[Entry] = &[
    ("regexp.compile", n_compile),
    ("regexp.findString", n_find_string),
    ("regexp.findBytes", n_find_bytes),
];
