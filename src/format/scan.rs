//! Tokens and comments of a file with their lines, and which comments belong to which token.

use crate::syntax::lex;
use crate::syntax::token::T;

/// A token with the byte range of its text. The last one is [`T::Newline`]: the end.
#[derive(Clone, Copy, Debug)]
pub struct Tok {
    pub kind: T,
    pub lo: usize,
    pub hi: usize,
    /// A comment group ends on the line above this token.
    pub doc: bool,
    /// A comment follows on this token's line, and nothing else.
    pub comment: bool,
}

/// One comment, without carriage returns.
#[derive(Clone, Debug)]
pub struct Comment {
    pub lo: usize,
    pub hi: usize,
    pub text: String,
}

impl Comment {
    pub fn is_line(&self) -> bool {
        self.text.starts_with("//")
    }
}

/// Adjacent comments with no blank line and no token between them.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub list: Vec<Comment>,
    /// Contains or needs a line break.
    pub breaks: bool,
}

/// Offsets at which lines start.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn new(text: &str) -> Lines {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        Lines(std::iter::once(0).chain(ends.map(|i| i + 1)).collect())
    }
    /// 1-based line of a byte offset.
    pub fn line(&self, at: usize) -> i64 {
        self.0.partition_point(|&s| s <= at) as i64
    }
    /// 1-based line and column.
    pub fn line_col(&self, at: usize) -> (i64, i64) {
        let line = self.line(at);
        (line, (at - self.0[line as usize - 1]) as i64 + 1)
    }
}

/// A file as the formatter sees it.
#[derive(Debug)]
pub struct Scanned {
    pub toks: Vec<Tok>,
    pub groups: Vec<Group>,
    pub lines: Lines,
}

/// Splits `text`; an offset and a message for the first lexical error.
pub fn scan(text: &str) -> Result<Scanned, (usize, String)> {
    // The lexer counts from 1, so that 0 can mean "no position".
    let lexed = lex::lex(text, 1);
    if let Some(e) = lexed.errors.first() {
        return Err((e.span.lo as usize - 1, e.message.clone()));
    }
    let mut toks: Vec<Tok> = lexed
        .toks
        .iter()
        .map(|t| Tok {
            kind: t.kind,
            lo: t.lo as usize - 1,
            hi: t.hi as usize - 1,
            doc: false,
            comment: false,
        })
        .collect();
    toks.push(Tok {
        kind: T::Newline,
        lo: text.len(),
        hi: text.len(),
        doc: false,
        comment: false,
    });
    let lines = Lines::new(text);
    let mut groups = Vec::new();
    let mut prev: Option<usize> = None;
    let mut from = usize::from(text.starts_with('\u{FEFF}')) * 3;
    for i in 0..toks.len() {
        if toks[i].kind == T::Semi && toks[i].lo == toks[i].hi {
            continue; // put there by a line end; comments go on after it
        }
        let comments = between(text, from, toks[i].lo);
        if !comments.is_empty() {
            attach(&mut toks, prev, i, comments, &lines, &mut groups);
        }
        from = toks[i].hi;
        prev = Some(i);
    }
    Ok(Scanned {
        toks,
        groups,
        lines,
    })
}

/// The comments in a stretch without tokens.
fn between(text: &str, from: usize, to: usize) -> Vec<Comment> {
    let mut out = Vec::new();
    let mut at = from;
    while let Some(p) = memchr::memchr(b'/', &text.as_bytes()[at..to]) {
        let lo = at + p;
        let line = text.as_bytes().get(lo + 1) == Some(&b'/');
        let hi = if line {
            text[lo..].find('\n').map_or(text.len(), |e| lo + e)
        } else {
            text[lo + 2..].find("*/").map_or(text.len(), |e| lo + e + 4)
        };
        let mut body = text[lo..hi].to_string();
        if body.contains('\r') {
            body.retain(|c| c != '\r');
        }
        out.push(Comment { lo, hi, text: body });
        at = hi.min(to);
    }
    out
}

/// Groups the comments between two tokens and tells the tokens about them.
fn attach(
    toks: &mut [Tok],
    prev: Option<usize>,
    next: usize,
    comments: Vec<Comment>,
    lines: &Lines,
    groups: &mut Vec<Group>,
) {
    let last_line = |c: &Comment| lines.line(c.hi - 1);
    let mut rest = comments.into_iter().peekable();
    let mut take = |slack: i64, rest: &mut std::iter::Peekable<std::vec::IntoIter<Comment>>| {
        let mut list: Vec<Comment> = Vec::new();
        let mut end = None;
        while let Some(c) =
            rest.next_if(|c| end.is_none_or(|end: i64| lines.line(c.lo) <= end + slack))
        {
            end = Some(last_line(&c));
            list.push(c);
        }
        let first = lines.line(list[0].lo);
        let breaks = list
            .iter()
            .any(|c| lines.line(c.lo) != first || c.is_line() || c.text.contains('\n'));
        groups.push(Group { list, breaks });
        end.unwrap_or(0)
    };
    // A comment on the line where the token before it starts cannot be a heading.
    if let Some(p) = prev
        && let Some(c) = rest.peek()
        && lines.line(c.lo) == lines.line(toks[p].lo)
    {
        let end = take(0, &mut rest);
        let after = rest.peek().map_or(toks[next].lo, |c| c.lo);
        let ends = rest.peek().is_none() && matches!(toks[next].kind, T::Semi | T::Newline);
        toks[p].comment = lines.line(after) != end || ends;
    }
    let mut end = -1;
    while rest.peek().is_some() {
        end = take(1, &mut rest);
    }
    toks[next].doc = end + 1 == lines.line(toks[next].lo) && end >= 0;
}
