//! Cuts a library source into top-level items and lists the names each one mentions.
//! Used at build time only: `build.rs` makes the tables behind [`super::reach`] of it.
//!
//! The scanner knows comments, strings and brackets, no grammar: the library is formatted
//! code that compiles, so every item starts with its keyword in column 1.

/// What starts in column 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Package,
    Import,
    Const,
    Var,
    Type,
    Func,
}

/// One declaration: a function, a constant group with `iota` or repeated values, or one
/// specification of any other group. Positions are byte offsets in the file.
#[derive(Debug)]
pub struct Item<'a> {
    pub kind: Kind,
    /// The keyword, when the specification stands in a group, else empty.
    pub keyword: (usize, usize),
    pub span: (usize, usize),
    /// Where a function's body begins; 0 when it has none.
    pub body: usize,
    pub names: Vec<&'a str>,
    /// Base type of a method's receiver.
    pub recv: Option<&'a str>,
    /// Identifiers that may name something of the package.
    pub plain: Vec<&'a str>,
    /// `a.b` with an identifier `a` that is not a selector itself.
    pub qualified: Vec<(&'a str, &'a str)>,
    /// All identifiers: any may name a method. Whether it stands behind the dot of a selector
    /// that is none of `qualified`.
    pub mentions: Vec<(&'a str, bool)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tok {
    Ident,
    Newline,
    Open,
    Close,
    Dot,
    Comma,
    Star,
    Other,
}

struct Token {
    tok: Tok,
    lo: usize,
    hi: usize,
}

impl Token {
    /// A literal rather than an operator.
    fn literal(&self, text: &str) -> bool {
        let c = text.as_bytes()[self.lo];
        self.tok == Tok::Other && (c.is_ascii_digit() || matches!(c, b'"' | b'`' | b'\''))
    }
}

fn is_ident(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80
}

fn tokens(text: &str) -> Vec<Token> {
    let b = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    // The end of a literal in `q` from after its opening quote.
    let literal = |mut j: usize, q: u8| {
        while j < b.len() && b[j] != q {
            j += if b[j] == b'\\' && q != b'`' { 2 } else { 1 };
        }
        (j + 1).min(b.len())
    };
    while i < b.len() {
        let lo = i;
        let rest = &text[i..];
        let tok = match b[i] {
            _ if rest.starts_with("//") => {
                i += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            _ if rest.starts_with("/*") => {
                i += rest.find("*/").map_or(rest.len(), |n| n + 2);
                continue;
            }
            q @ (b'"' | b'`' | b'\'') => {
                i = literal(i + 1, q);
                Tok::Other
            }
            b'\n' => {
                i += 1;
                Tok::Newline
            }
            c if c.is_ascii_whitespace() => {
                i += 1;
                continue;
            }
            c if c.is_ascii_digit() => {
                while i < b.len() && (is_ident(b[i]) || b[i] == b'.') {
                    i += 1;
                }
                Tok::Other
            }
            c if is_ident(c) => {
                while i < b.len() && is_ident(b[i]) {
                    i += 1;
                }
                Tok::Ident
            }
            c => {
                i += 1;
                match c {
                    b'(' | b'[' | b'{' => Tok::Open,
                    b')' | b']' | b'}' => Tok::Close,
                    b'.' => Tok::Dot,
                    b',' => Tok::Comma,
                    b'*' => Tok::Star,
                    _ => Tok::Other,
                }
            }
        };
        out.push(Token { tok, lo, hi: i });
    }
    out
}

fn keyword(s: &str) -> Option<Kind> {
    Some(match s {
        "package" => Kind::Package,
        "import" => Kind::Import,
        "const" => Kind::Const,
        "var" => Kind::Var,
        "type" => Kind::Type,
        "func" => Kind::Func,
        _ => return None,
    })
}

/// The items of a file, in order.
pub fn items(text: &str) -> Vec<Item<'_>> {
    let toks = tokens(text);
    let starts: Vec<usize> = (0..toks.len())
        .filter(|&i| {
            let t = &toks[i];
            let column1 = t.lo == 0 || text.as_bytes()[t.lo - 1] == b'\n';
            t.tok == Tok::Ident && column1 && keyword(&text[t.lo..t.hi]).is_some()
        })
        .collect();
    let mut out = Vec::new();
    for (n, &s) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(toks.len());
        let toks = &toks[s..end];
        let kind = keyword(&text[toks[0].lo..toks[0].hi]).expect("a keyword");
        let grouped = toks.get(1).is_some_and(|t| &text[t.lo..t.hi] == "(");
        if grouped && (matches!(kind, Kind::Var | Kind::Type) || stand_alone(text, toks)) {
            for spec in specs(text, &toks[2..]) {
                let names = name_list(text, spec);
                let mut it = item(text, kind, spec, names, None);
                it.keyword = (toks[0].lo, toks[0].hi);
                out.push(it);
            }
            continue;
        }
        let (mut names, mut recv) = (Vec::new(), None);
        match kind {
            Kind::Func if grouped => {
                let close = toks.iter().position(|t| t.tok == Tok::Close);
                let close = close.expect("a receiver ends");
                recv = Some(receiver(text, &toks[2..close]));
                // A receiver's type parameters end with a bracket of their own.
                let name = toks[close..].iter().find(|t| t.tok == Tok::Ident);
                let name = name.expect("a method has a name");
                names.push(&text[name.lo..name.hi]);
            }
            Kind::Const if grouped => {
                for spec in specs(text, &toks[2..]) {
                    names.extend(name_list(text, spec));
                }
            }
            Kind::Package | Kind::Import => {}
            Kind::Func => names.push(&text[toks[1].lo..toks[1].hi]),
            _ => names = name_list(text, &toks[1..]),
        }
        out.push(item(text, kind, toks, names, recv));
    }
    out
}

/// Whether each constant of a group has a value that does not depend on the others' places.
fn stand_alone(text: &str, toks: &[Token]) -> bool {
    let word = |t: &Token| &text[t.lo..t.hi];
    word(&toks[0]) == "const"
        && toks.iter().all(|t| word(t) != "iota")
        && specs(text, &toks[2..])
            .iter()
            .all(|s| s.iter().any(|t| word(t) == "="))
}

/// The specifications of a group: runs of lines that start outside inner brackets.
fn specs<'t>(text: &str, toks: &'t [Token]) -> Vec<&'t [Token]> {
    let mut out: Vec<&[Token]> = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (i, t) in toks.iter().enumerate() {
        match t.tok {
            Tok::Open => depth += 1,
            Tok::Close if depth == 0 => {
                out.push(&toks[start..i]);
                break;
            }
            Tok::Close => depth -= 1,
            // A specification continues on the next line after an operator or comma.
            Tok::Newline if depth == 0 && !continued(text, toks, i) => {
                out.push(&toks[start..i + 1]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.iter()
        .filter_map(|s| Some(&s[s.iter().position(|t| t.tok != Tok::Newline)?..]))
        .collect()
}

/// Whether the newline at `i` ends no statement.
fn continued(text: &str, toks: &[Token], i: usize) -> bool {
    match i.checked_sub(1).map(|j| &toks[j]) {
        None => true,
        Some(t) => match t.tok {
            Tok::Ident | Tok::Close | Tok::Newline => false,
            Tok::Other => !t.literal(text),
            _ => true,
        },
    }
}

/// The names at the start of a specification.
fn name_list<'a>(text: &'a str, toks: &[Token]) -> Vec<&'a str> {
    let mut out = Vec::new();
    for pair in toks.chunks(2) {
        if pair[0].tok != Tok::Ident {
            break;
        }
        out.push(&text[pair[0].lo..pair[0].hi]);
        if pair.get(1).is_none_or(|t| t.tok != Tok::Comma) {
            break;
        }
    }
    out
}

/// The base type in a receiver without its parentheses.
fn receiver<'a>(text: &'a str, toks: &[Token]) -> &'a str {
    let named = toks.len() > 1
        && toks[0].tok == Tok::Ident
        && matches!(toks[1].tok, Tok::Ident | Tok::Star);
    let t = toks[usize::from(named)..]
        .iter()
        .find(|t| t.tok == Tok::Ident)
        .expect("a receiver has a type");
    &text[t.lo..t.hi]
}

fn item<'a>(
    text: &'a str,
    kind: Kind,
    toks: &[Token],
    names: Vec<&'a str>,
    recv: Option<&'a str>,
) -> Item<'a> {
    let last = toks
        .iter()
        .rposition(|t| t.tok != Tok::Newline)
        .unwrap_or(0);
    let end = toks.get(last + 1).map_or(toks[last].hi, |t| t.hi);
    let mut it = Item {
        kind,
        keyword: (0, 0),
        span: (toks[0].lo, end),
        body: if kind == Kind::Func {
            body(text, toks)
        } else {
            0
        },
        names,
        recv,
        plain: Vec::new(),
        qualified: Vec::new(),
        mentions: Vec::new(),
    };
    let word = |t: &Token| &text[t.lo..t.hi];
    let dot = |i: usize| i > 0 && toks[i - 1].tok == Tok::Dot;
    for (i, t) in toks.iter().enumerate() {
        if t.tok != Tok::Ident {
            continue;
        }
        let qualified = dot(i) && i > 1 && toks[i - 2].tok == Tok::Ident && !dot(i - 2);
        it.mentions.push((word(t), dot(i) && !qualified));
        if qualified {
            it.qualified.push((word(&toks[i - 2]), word(t)));
        } else if !dot(i) {
            it.plain.push(word(t));
        }
    }
    it
}

/// Where a function's body begins: at the first brace outside brackets that belongs to no
/// type.
fn body(text: &str, toks: &[Token]) -> usize {
    let mut depth = 0;
    for (i, t) in toks.iter().enumerate() {
        match t.tok {
            Tok::Open if depth == 0 && text.as_bytes()[t.lo] == b'{' => {
                let before = &toks[i - 1];
                if !matches!(&text[before.lo..before.hi], "struct" | "interface") {
                    return t.lo;
                }
                depth += 1;
            }
            Tok::Open => depth += 1,
            Tok::Close => depth -= 1,
            _ => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"// Package p is one.
package p

import "os"

// A is first.
const (
	A = iota
	B, C
)

var x, y = f(),
	"func g() {"

var (
	u = 1 +
		A // }
	v = map[string]func(){
		"a": func() { os.Exit(1) },
	}

	w, z int
)

type (
	T struct{ n int }
	P[K any] = os.File
)

const (
	D = 1 // = iota
	E int = 1 <<
		D
)

func (t *T) M(a int) { t.n = a.b.c }
func (Set[K, V]) Len() int { return '"' }

func F() {
`
func No() {
`
	u.W().Z()
}
"#;

    #[test]
    fn cuts_at_declarations() {
        let all = items(TEXT);
        let names: Vec<_> = all
            .iter()
            .map(|i| (i.kind, i.recv, i.names.join(" ")))
            .collect();
        let want = [
            (Kind::Package, None, ""),
            (Kind::Import, None, ""),
            (Kind::Const, None, "A B C"),
            (Kind::Var, None, "x y"),
            (Kind::Var, None, "u"),
            (Kind::Var, None, "v"),
            (Kind::Var, None, "w z"),
            (Kind::Type, None, "T"),
            (Kind::Type, None, "P"),
            (Kind::Const, None, "D"),
            (Kind::Const, None, "E"),
            (Kind::Func, Some("T"), "M"),
            (Kind::Func, Some("Set"), "Len"),
            (Kind::Func, None, "F"),
        ];
        assert_eq!(names, want.map(|(k, r, n)| (k, r, n.to_string())));
        let text = |i: &Item| &TEXT[i.span.0..i.span.1];
        assert_eq!(text(&all[4]), "u = 1 +\n\t\tA // }\n");
        assert_eq!(&TEXT[all[4].keyword.0..all[4].keyword.1], "var");
        assert!(text(&all[13]).ends_with("u.W().Z()\n}\n"));
        let body = |i: usize| &TEXT[all[i].body..][..9];
        assert_eq!((body(11), body(12)), ("{ t.n = a", "{ return "));
        assert_eq!(all[7].body, 0);
    }

    #[test]
    fn finds_bodies_behind_types() {
        let text = "func F(a struct{ b int }) map[K]interface{ M() } { x() }\nfunc N() struct{}\n";
        let all = items(text);
        assert!(text[all[0].body..].starts_with("{ x() }"));
        assert_eq!(all[1].body, 0);
    }

    #[test]
    fn lists_what_is_named() {
        let all = items(TEXT);
        assert_eq!(all[5].qualified, [("os", "Exit")]);
        assert!(all[4].plain.contains(&"A"));
        assert_eq!(all[11].qualified, [("t", "n"), ("a", "b")]);
        assert!(all[13].mentions.contains(&("Z", true)));
        assert!(all[13].mentions.contains(&("W", false)));
        assert!(all[13].qualified.contains(&("u", "W")));
        assert!(!all[13].plain.contains(&"W"));
        assert!(!all[13].mentions.contains(&("No", false)));
    }
}
