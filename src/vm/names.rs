//! What the source calls the things that reports are about: the expression at a position,
//! read off the text. Only for messages; where the text has another form than expected
//! there is no name.

use super::traceback::{self, Frame};
use crate::base::span::SourceMap;
use crate::runtime::wait_reason::WaitReason;

/// The file made for a test program.
const TEST_MAIN: &str = "_testmain.go";

/// The longest beginning of `text` that is an operand with its selectors, indexes and calls.
fn operand(text: &str) -> &str {
    let b = text.as_bytes();
    let mut i = 0;
    while i < b.len() && matches!(b[i], b'*' | b'&') {
        i += 1;
    }
    let start = i;
    while i < b.len() {
        let c = b[i];
        let selects = c == b'.' && i > start && b.get(i + 1).is_some_and(|n| !n.is_ascii_digit());
        if selects || c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80 {
            i += 1;
        } else if c == b'(' || c == b'[' {
            match closing(&text[i..]) {
                Some(n) => i += n,
                None => return text[..i].trim_end_matches('.'),
            }
        } else {
            break;
        }
    }
    if i == start {
        return "";
    }
    text[..i].trim_end_matches('.')
}

/// Length of the bracketed piece that `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in text.bytes().enumerate() {
        if let Some(q) = quote {
            match c {
                _ if escaped => escaped = false,
                b'\\' if q != b'`' => escaped = true,
                _ if c == q => quote = None,
                _ => {}
            }
            continue;
        }
        match c {
            b'"' | b'\'' | b'`' => quote = Some(c),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(i + 1);
                }
            }
            b'\n' if i > 4000 => return None,
            _ => {}
        }
    }
    None
}

/// A name short enough for a message.
fn short(s: &str) -> Option<String> {
    let s = s.trim();
    (!s.is_empty() && s.len() <= 60 && !s.contains('\n')).then(|| s.to_string())
}

/// The text from a position on. `None` for the library's own code.
fn text_at(sources: &SourceMap, pos: u32) -> Option<&str> {
    let (_, file) = sources.file_of(pos)?;
    let path = file.path.to_string_lossy();
    if path.starts_with("$GOSUB") {
        return None;
    }
    let at = (pos - file.base) as usize;
    // A call's position is its parenthesis.
    file.text.get(begin(&file.text, at)..)
}

/// Where the operand begins that is called at `at`; `at` itself if nothing is.
fn begin(text: &str, at: usize) -> usize {
    let b = text.as_bytes();
    if b.get(at) != Some(&b'(') {
        return at;
    }
    let mut i = at;
    let mut depth = 0;
    while i > 0 {
        let c = b[i - 1];
        match c {
            b')' | b']' => depth += 1,
            b'(' | b'[' if depth > 0 => depth -= 1,
            b'.' | b'_' => {}
            _ if c.is_ascii_alphanumeric() || c >= 0x80 => {}
            _ if depth > 0 && c != b'\n' => {}
            _ => break,
        }
        i -= 1;
    }
    i
}

/// What an access at `text` is to: `t.n`, `m["k"]`.
fn accessed_in(text: &str) -> Option<String> {
    let line = text.lines().next().unwrap_or("");
    if line.starts_with("for ") || line.starts_with("range ") {
        let at = line.find("range ")? + 6;
        return short(operand(&line[at..]));
    }
    for call in ["len(", "cap(", "append(", "copy(", "clear("] {
        if let Some(rest) = text.strip_prefix(call) {
            return short(operand(rest));
        }
    }
    if let Some(rest) = text.strip_prefix("delete(") {
        let map = operand(rest);
        let key = rest[map.len()..].strip_prefix(',')?;
        return short(&format!("{map}[{}]", operand_or_literal(key.trim_start())));
    }
    let name = operand(text);
    if let Some((call, args)) = name.split_once('(')
        && name.ends_with(')')
    {
        // Atomic operations name their cell.
        if call.starts_with("atomic.") {
            return short(operand(args.trim_start_matches('&')));
        }
        let atomic = [
            "Load",
            "Store",
            "Add",
            "Swap",
            "CompareAndSwap",
            "And",
            "Or",
        ];
        if let Some((cell, _)) = call.rsplit_once('.').filter(|c| atomic.contains(&c.1)) {
            return short(cell);
        }
    }
    short(name)
}

fn operand_or_literal(text: &str) -> &str {
    match text.as_bytes().first() {
        Some(b'"' | b'`' | b'\'') => {
            let end = text.find(')').unwrap_or(text.len());
            &text[..end]
        }
        _ => operand(text),
    }
}

/// Where the expression begins that has this position.
pub fn start(sources: &SourceMap, pos: u32) -> u32 {
    sources.file_of(pos).map_or(pos, |(_, f)| {
        f.base + begin(&f.text, (pos - f.base) as usize) as u32
    })
}

/// What the access at a source position is to.
pub fn accessed(pos: u32) -> Option<String> {
    accessed_in(text_at(&*traceback::sources()?, pos)?)
}

/// What the method call at a source position is called on: `s.mu` of `s.mu.Lock()`.
pub fn receiver(pos: u32) -> Option<String> {
    let sources = traceback::sources()?;
    let call = operand(text_at(&sources, pos)?);
    let open = call.rfind('(')?;
    short(call[..open].rsplit_once('.')?.0)
}

/// What a wait that stands at `text` is for; a `select` has several.
fn awaited(text: &str, reason: WaitReason) -> Vec<String> {
    use WaitReason as W;
    let line = text.lines().next().unwrap_or("");
    let one = |s: &str| short(s).into_iter().collect();
    match reason {
        W::ChanSend | W::ChanSendNil => one(operand(line)),
        W::ChanReceive | W::ChanReceiveNil => {
            if let Some(at) = line.find("range ").filter(|_| line.starts_with("for")) {
                return one(operand(&line[at + 6..]));
            }
            match line.find("<-") {
                Some(at) => one(operand(line[at + 2..].trim_start())),
                None => one(operand(line.trim_start_matches("range "))),
            }
        }
        W::Select => cases(text),
        _ => {
            let call = operand(line);
            let Some(open) = call.rfind('(') else {
                return Vec::new();
            };
            match call[..open].rsplit_once('.') {
                Some((recv, "Lock" | "RLock" | "Wait" | "Do")) => one(recv),
                _ => one(call),
            }
        }
    }
}

/// The channels of a `select`, in order.
fn cases(text: &str) -> Vec<String> {
    let Some(open) = text.find('{') else {
        return Vec::new();
    };
    let body = closing(&text[open..]).map_or("", |n| &text[open..open + n]);
    let b = body.as_bytes();
    let mut out = Vec::new();
    let mut depth = 0;
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b'"' | b'`' | b'\'' => i += literal(&b[i..]),
            b'/' if body[i..].starts_with("//") => i += line_end(&b[i..]),
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'c' if depth == 1 && !b[i - 1].is_ascii_alphanumeric() => {
                // Cases of an inner select are not this one's.
                if let Some(case) = body[i..].strip_prefix("case ") {
                    out.extend(case_channel(&case[..line_end(case.as_bytes())]));
                }
            }
            _ => {}
        }
        i += 1;
    }
    out
}

/// Bytes up to the end of the line.
fn line_end(b: &[u8]) -> usize {
    b.iter().position(|c| *c == b'\n').unwrap_or(b.len())
}

/// Bytes from a quote to the one that ends the literal, which is not counted.
fn literal(b: &[u8]) -> usize {
    let mut i = 1;
    while i < b.len() && b[i] != b[0] {
        i += if b[i] == b'\\' && b[0] != b'`' { 2 } else { 1 };
    }
    i
}

/// The channel of a case, given what follows its keyword.
fn case_channel(case: &str) -> Option<String> {
    let at = case.find("<-")?;
    let left = case[..at].trim_end();
    if left.is_empty() || left.ends_with('=') {
        short(operand(case[at + 2..].trim_start()))
    } else {
        short(operand(left))
    }
}

/// Where a goroutine waits, in the user's own code, and the names of what it waits for.
pub fn wait(frames: &[Frame], reason: WaitReason) -> (Option<traceback::Place>, Vec<String>) {
    let Some(sources) = traceback::sources() else {
        return (None, Vec::new());
    };
    for f in frames {
        let Some(p) = traceback::place(*f).filter(|p| !p.wrapper) else {
            continue;
        };
        if p.file == TEST_MAIN {
            continue;
        }
        let Some(text) = text_at(&sources, p.pos) else {
            continue;
        };
        // A select's position is in its cases.
        let before = sources
            .file_of(p.pos)
            .map_or("", |(_, f)| &f.text[..(p.pos - f.base) as usize]);
        let text = match before.rfind("select") {
            Some(at) if reason == WaitReason::Select && !text.starts_with("select") => {
                sources.file_of(p.pos).map_or(text, |(_, f)| &f.text[at..])
            }
            _ => text,
        };
        let names = awaited(text, reason);
        return (Some(p), names);
    }
    (None, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_have_names() {
        let name = |s| accessed_in(s).unwrap_or_default();
        assert_eq!(name("x++"), "x");
        assert_eq!(name("t.m[\"a b)\"] += 1"), "t.m[\"a b)\"]");
        assert_eq!(name("len(t.s), y)"), "t.s");
        assert_eq!(name("delete(m, k)"), "m[k]");
        assert_eq!(name("for k, v := range t.m {"), "t.m");
        assert_eq!(name("*p = 3"), "*p");
        assert_eq!(name("atomic.AddInt64(&c.h, 1)"), "c.h");
        assert_eq!(name("c.flag.Load() {"), "c.flag");
        assert_eq!(name("+ 3"), "");
    }

    #[test]
    fn calls_begin_before_their_parenthesis() {
        let text = "\tx.y[f(1)].mu.Lock()";
        assert_eq!(begin(text, 18), 1);
        assert_eq!(begin(text, 1), 1);
    }

    #[test]
    fn waits_have_names() {
        use WaitReason as W;
        assert_eq!(awaited("results <- f(1)", W::ChanSend), ["results"]);
        assert_eq!(awaited("v, ok := <-s.in", W::ChanReceive), ["s.in"]);
        assert_eq!(awaited("for range jobs {", W::ChanReceive), ["jobs"]);
        assert_eq!(awaited("s.mu.Lock()", W::MutexLock), ["s.mu"]);
        let select = "select {\n\tcase v := <-a:\n\t\tselect {\n\t\tcase <-z:\n\t\t}\n\tcase b.c <- 1:\n\tcase <-ctx.Done():\n\t}\n";
        assert_eq!(awaited(select, W::Select), ["a", "b.c", "ctx.Done()"]);
        let line = "select { case x := <-a: f(\"case <-q\") // case <-r\n case <-time.After(1): }";
        assert_eq!(awaited(line, W::Select), ["a", "time.After(1)"]);
    }
}
