//! RE2's syntax, as Go's `regexp/syntax` reads it, into the regex crate's own form. The
//! errors are Go's.

use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};

/// What is wrong, and where: Go's wording and the part of the expression it shows.
pub type Error = (&'static str, Vec<u8>);
type R<T> = Result<T, Error>;

/// Highest count of a repetition, alone and multiplied with those around it.
const MAX_REPEAT: u32 = 1000;
/// Deepest nesting.
const MAX_DEPTH: usize = 1000;

/// A parsed expression.
pub struct Parsed {
    pub hir: Hir,
    /// Names of the groups, empty for unnamed ones; the first is the whole match.
    pub names: Vec<String>,
    /// What every match begins with, and whether that is all of it.
    pub prefix: (String, bool),
}

#[derive(Clone, Copy)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_all: bool,
    ungreedy: bool,
}

struct Parser<'a> {
    s: &'a str,
    at: usize,
    flags: Flags,
    /// Perl's extensions: escapes for classes, flags, lazy operators.
    perl: bool,
    names: Vec<String>,
    depth: usize,
}

fn one(c: char) -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new(c, c)])
}
fn ranges(list: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(list.iter().map(|r| ClassUnicodeRange::new(r.0, r.1)))
}

/// Digits, space and word characters, ASCII only.
fn perl_class(c: char) -> Option<ClassUnicode> {
    let mut class = match c.to_ascii_lowercase() {
        'd' => ranges(&[('0', '9')]),
        's' => ranges(&[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')]),
        'w' => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        _ => return None,
    };
    if c.is_ascii_uppercase() {
        class.negate();
    }
    Some(class)
}
fn posix_class(name: &str) -> Option<ClassUnicode> {
    Some(match name {
        "alnum" => ranges(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
        "alpha" => ranges(&[('A', 'Z'), ('a', 'z')]),
        "ascii" => ranges(&[('\0', '\x7f')]),
        "blank" => ranges(&[('\t', '\t'), (' ', ' ')]),
        "cntrl" => ranges(&[('\0', '\x1f'), ('\x7f', '\x7f')]),
        "digit" => ranges(&[('0', '9')]),
        "graph" => ranges(&[('!', '~')]),
        "lower" => ranges(&[('a', 'z')]),
        "print" => ranges(&[(' ', '~')]),
        "punct" => ranges(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
        "space" => ranges(&[('\t', '\r'), (' ', ' ')]),
        "upper" => ranges(&[('A', 'Z')]),
        "word" => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        "xdigit" => ranges(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
        _ => return None,
    })
}
fn unicode_class(name: &str) -> Option<ClassUnicode> {
    if name == "Any" {
        return Some(ranges(&[('\0', char::MAX)]));
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let hir = regex_syntax::Parser::new()
        .parse(&format!(r"\p{{{name}}}"))
        .ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(c)) => Some(c),
        _ => None,
    }
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.s[self.at..]
    }
    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }
    fn eat(&mut self, text: &str) -> bool {
        let yes = self.rest().starts_with(text);
        if yes {
            self.at += text.len();
        }
        yes
    }
    fn error<T>(&self, what: &'static str, from: usize, to: usize) -> R<T> {
        Err((what, self.s.as_bytes()[from..to].to_vec()))
    }

    fn alternation(&mut self) -> R<Hir> {
        let mut list = vec![self.concat()?];
        while self.eat("|") {
            list.push(self.concat()?);
        }
        Ok(Hir::alternation(list))
    }

    fn concat(&mut self) -> R<Hir> {
        let mut list: Vec<(Hir, u32)> = Vec::new();
        // Where the operator before this place began, if it was one.
        let mut operator: Option<usize> = None;
        while let Some(c) = self.peek() {
            let start = self.at;
            let before = operator.take();
            match c {
                '|' | ')' => break,
                '*' | '+' | '?' => {
                    self.next();
                    let (min, max) = match c {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(&mut list, start, before, min, max)?;
                    operator = Some(start);
                }
                '{' => match self.counts() {
                    Some((min, max)) => {
                        let size = max.unwrap_or(min);
                        if min > MAX_REPEAT || size > MAX_REPEAT || size < min {
                            return self.error("invalid repeat count", start, self.at);
                        }
                        self.repeat(&mut list, start, before, min, max)?;
                        operator = Some(start);
                    }
                    None => {
                        self.at = start + 1;
                        list.push((self.literal('{'), 1));
                    }
                },
                _ => self.atom(&mut list)?,
            }
        }
        Ok(Hir::concat(list.into_iter().map(|x| x.0).collect()))
    }

    /// `{n}`, `{n,}` or `{n,m}`; counts too big to hold are just too big.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let end = self.rest().find('}')?;
        let body = &self.rest()[1..end];
        let number = |s: &str| {
            let digits = !s.is_empty() && s.bytes().all(|c| c.is_ascii_digit());
            let plain = s.len() == 1 || !s.starts_with('0');
            (digits && plain).then(|| s.parse().unwrap_or(u32::MAX))
        };
        let found = match body.split_once(',') {
            None => number(body).map(|n| (n, Some(n))),
            Some((n, "")) => number(n).map(|n| (n, None)),
            Some((n, m)) => number(n).zip(number(m)).map(|(n, m)| (n, Some(m))),
        }?;
        self.at += end + 1;
        Some(found)
    }

    fn repeat(
        &mut self,
        list: &mut Vec<(Hir, u32)>,
        start: usize,
        before: Option<usize>,
        min: u32,
        max: Option<u32>,
    ) -> R<()> {
        let mut greedy = !self.flags.ungreedy;
        if self.perl {
            if self.eat("?") {
                greedy = !greedy;
            }
            if let Some(b) = before {
                return self.error("invalid nested repetition operator", b, self.at);
            }
        }
        let Some((sub, size)) = list.pop() else {
            return self.error("missing argument to repetition operator", start, self.at);
        };
        let mut total = size;
        if self.s.as_bytes()[start] == b'{' {
            total = size.saturating_mul(max.unwrap_or(min).max(1));
            if total > MAX_REPEAT {
                let end = self.s[start..].find('}').map_or(self.at, |n| start + n + 1);
                return self.error("invalid repeat count", start, end);
            }
        }
        let r = Repetition {
            min,
            max,
            greedy,
            sub: Box::new(sub),
        };
        list.push((Hir::repetition(r), total));
        Ok(())
    }

    fn literal(&self, c: char) -> Hir {
        if self.flags.fold {
            let mut class = one(c);
            class.case_fold_simple();
            return Hir::class(Class::Unicode(class));
        }
        Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes().to_vec())
    }

    fn class(&self, mut class: ClassUnicode, fold: bool) -> Hir {
        if fold && self.flags.fold {
            class.case_fold_simple();
        }
        Hir::class(Class::Unicode(class))
    }

    fn atom(&mut self, list: &mut Vec<(Hir, u32)>) -> R<()> {
        let start = self.at;
        let Some(c) = self.next() else { return Ok(()) };
        let hir = match c {
            '(' => {
                let (hir, size) = match self.group(start)? {
                    Some(h) => h,
                    None => return Ok(()),
                };
                list.push((hir, size));
                return Ok(());
            }
            '[' => {
                self.at = start;
                self.bracket()?
            }
            '.' if self.flags.dot_all => self.class(ranges(&[('\0', char::MAX)]), false),
            '.' => self.class(ranges(&[('\0', '\t'), ('\x0b', char::MAX)]), false),
            '^' if self.flags.multi_line => Hir::look(Look::StartLF),
            '^' => Hir::look(Look::Start),
            '$' if self.flags.multi_line => Hir::look(Look::EndLF),
            '$' => Hir::look(Look::End),
            '\\' => {
                if self.perl {
                    match self.peek() {
                        Some('A') => {
                            self.next();
                            list.push((Hir::look(Look::Start), 1));
                            return Ok(());
                        }
                        Some('z') => {
                            self.next();
                            list.push((Hir::look(Look::End), 1));
                            return Ok(());
                        }
                        Some(b @ ('b' | 'B')) => {
                            self.next();
                            let look = if b == 'b' {
                                Look::WordAscii
                            } else {
                                Look::WordAsciiNegate
                            };
                            list.push((Hir::look(look), 1));
                            return Ok(());
                        }
                        Some('Q') => {
                            self.next();
                            let end = self.rest().find(r"\E");
                            let text = self.rest()[..end.unwrap_or(self.rest().len())].to_string();
                            for c in text.chars() {
                                list.push((self.literal(c), 1));
                            }
                            self.at += text.len() + if end.is_some() { 2 } else { 0 };
                            return Ok(());
                        }
                        _ => {}
                    }
                }
                self.at = start;
                match self.escaped_class()? {
                    Some((class, fold)) => self.class(class, fold),
                    None => {
                        let c = self.escape()?;
                        self.literal(c)
                    }
                }
            }
            c => self.literal(c),
        };
        list.push((hir, 1));
        Ok(())
    }

    /// A group after its `(`; None if it only set flags.
    fn group(&mut self, start: usize) -> R<Option<(Hir, u32)>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error("expression nests too deeply", 0, self.s.len());
        }
        let outer = self.flags;
        let mut index = None;
        let mut name = None;
        if self.perl && self.eat("?") {
            if self.rest().starts_with("P<") || self.rest().starts_with('<') {
                let skip = if self.rest().starts_with('P') { 2 } else { 1 };
                let Some(end) = self.rest().find('>') else {
                    return self.error("invalid named capture", start, self.s.len());
                };
                let text = self.rest()[skip..end].to_string();
                let end = self.at + end + 1;
                if text.is_empty() || !text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
                    return self.error("invalid named capture", start, end);
                }
                self.at = end;
                name = Some(text);
            } else if !self.set_flags(start)? {
                self.depth -= 1;
                return Ok(None);
            } else {
                index = Some(0);
            }
        }
        if index.is_none() {
            self.names.push(name.clone().unwrap_or_default());
            index = Some(self.names.len() as u32 - 1);
        }
        let inner = self.alternation()?;
        if !self.eat(")") {
            return self.error("missing closing )", 0, self.s.len());
        }
        self.flags = outer;
        self.depth -= 1;
        let size = repeated(&inner);
        let hir = match index {
            Some(0) | None => inner,
            Some(index) => Hir::capture(Capture {
                index,
                name: None,
                sub: Box::new(inner),
            }),
        };
        Ok(Some((hir, size)))
    }

    /// `(?flags` after the question mark. False: the flags hold on (`)` was there).
    fn set_flags(&mut self, start: usize) -> R<bool> {
        let mut flags = self.flags;
        let (mut on, mut seen) = (true, false);
        loop {
            let c = self.next();
            match c {
                Some('i') => flags.fold = on,
                Some('m') => flags.multi_line = on,
                Some('s') => flags.dot_all = on,
                Some('U') => flags.ungreedy = on,
                Some('-') if on => {
                    on = false;
                    seen = false;
                    continue;
                }
                Some(c @ (':' | ')')) if on || seen => {
                    self.flags = flags;
                    return Ok(c == ':');
                }
                _ => return self.error("invalid or unsupported Perl syntax", start, self.at),
            }
            seen = true;
        }
    }

    /// `\d`, `\pN`, `\p{Greek}` and the like at this place, and whether case folds.
    fn escaped_class(&mut self) -> R<Option<(ClassUnicode, bool)>> {
        let start = self.at;
        let mut chars = self.rest().chars();
        if chars.next() != Some('\\') || !self.perl {
            return Ok(None);
        }
        let Some(c) = chars.next() else {
            return Ok(None);
        };
        if let Some(class) = perl_class(c) {
            self.at += 2;
            return Ok(Some((class, true)));
        }
        if !matches!(c, 'p' | 'P') {
            return Ok(None);
        }
        self.at += 2;
        let what = "invalid character class range";
        let Some(n) = self.next() else {
            return self.error(what, start, self.at);
        };
        let mut negate = c == 'P';
        let name = if n == '{' {
            let Some(end) = self.rest().find('}') else {
                return self.error(what, start, self.s.len());
            };
            let mut name = &self.rest()[..end];
            if let Some(n) = name.strip_prefix('^') {
                negate = !negate;
                name = n;
            }
            let name = name.to_string();
            self.at += end + 1;
            name
        } else {
            n.to_string()
        };
        let Some(mut class) = unicode_class(&name) else {
            return self.error(what, start, self.at);
        };
        if self.flags.fold {
            class.case_fold_simple();
        }
        if negate {
            class.negate();
        }
        Ok(Some((class, false)))
    }

    /// The character that an escape stands for.
    fn escape(&mut self) -> R<char> {
        let start = self.at;
        self.next();
        let Some(c) = self.next() else {
            return Err(("trailing backslash at end of expression", Vec::new()));
        };
        let octal = |s: &mut Self, mut v: u32| {
            for _ in 0..2 {
                match s.peek().and_then(|c| c.to_digit(8)) {
                    Some(d) => v = v * 8 + d,
                    None => break,
                }
                s.next();
            }
            char::from_u32(v)
        };
        let found = match c {
            '1'..='7' if self.peek().is_some_and(|c| c.is_digit(8)) => {
                octal(self, c as u32 - '0' as u32)
            }
            '0' => octal(self, 0),
            'x' => match self.next() {
                Some('{') => {
                    let mut v = 0u32;
                    let mut digits = 0;
                    loop {
                        match self.next() {
                            Some('}') if digits > 0 => break char::from_u32(v),
                            Some(c) if c.is_ascii_hexdigit() => {
                                v = v * 16 + c.to_digit(16).unwrap_or(0);
                                digits += 1;
                                if v > char::MAX as u32 {
                                    break None;
                                }
                            }
                            _ => break None,
                        }
                    }
                }
                Some(a) if a.is_ascii_hexdigit() => self
                    .next()
                    .and_then(|b| b.to_digit(16))
                    .zip(a.to_digit(16))
                    .and_then(|(b, a)| char::from_u32(a * 16 + b)),
                _ => None,
            },
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            c if c.is_ascii_punctuation() => Some(c),
            _ => None,
        };
        match found {
            Some(c) => Ok(c),
            None => self.error("invalid escape sequence", start, self.at),
        }
    }

    /// A character of a class, plain or escaped.
    fn class_char(&mut self, class_start: usize) -> R<char> {
        match self.peek() {
            None => self.error("missing closing ]", class_start, self.s.len()),
            Some('\\') => self.escape(),
            Some(c) => {
                self.next();
                Ok(c)
            }
        }
    }

    fn bracket(&mut self) -> R<Hir> {
        let start = self.at;
        self.next();
        let negate = self.eat("^");
        let mut class = ClassUnicode::empty();
        if negate && !self.perl {
            // Without Perl's extensions, a negated class does not match a line end.
            class.push(ClassUnicodeRange::new('\n', '\n'));
        }
        let mut first = true;
        while first || self.peek() != Some(']') {
            first = false;
            if self.rest().starts_with("[:")
                && let Some(end) = self.rest()[2..].find(":]")
            {
                let from = self.at;
                let name = self.rest()[2..2 + end].to_string();
                self.at += end + 4;
                let (name, not) = match name.strip_prefix('^') {
                    Some(n) => (n.to_string(), true),
                    None => (name, false),
                };
                let Some(mut c) = posix_class(&name) else {
                    return self.error("invalid character class range", from, self.at);
                };
                if self.flags.fold {
                    c.case_fold_simple();
                }
                if not {
                    c.negate();
                }
                class.union(&c);
                continue;
            }
            if let Some((mut c, fold)) = self.escaped_class()? {
                if fold && self.flags.fold {
                    c.case_fold_simple();
                }
                class.union(&c);
                continue;
            }
            let from = self.at;
            let lo = self.class_char(start)?;
            let mut hi = lo;
            if self.rest().starts_with('-')
                && self.rest().len() >= 2
                && !self.rest()[1..].starts_with(']')
            {
                self.next();
                hi = self.class_char(start)?;
                if hi < lo {
                    return self.error("invalid character class range", from, self.at);
                }
            }
            let mut c = ranges(&[(lo, hi)]);
            if self.flags.fold {
                c.case_fold_simple();
            }
            class.union(&c);
        }
        self.next();
        if negate {
            class.negate();
        }
        Ok(Hir::class(Class::Unicode(class)))
    }
}

/// How often the counted repetitions in `h` multiply.
fn repeated(h: &Hir) -> u32 {
    match h.kind() {
        HirKind::Repetition(r) => {
            let n = r.max.unwrap_or(r.min).max(1);
            repeated(&r.sub).saturating_mul(n)
        }
        HirKind::Capture(c) => repeated(&c.sub),
        HirKind::Concat(list) | HirKind::Alternation(list) => {
            list.iter().map(repeated).max().unwrap_or(1)
        }
        _ => 1,
    }
}

/// Appends what every match of `h` begins with; true if that is the whole match.
fn prefix(h: &Hir, out: &mut Vec<u8>) -> bool {
    match h.kind() {
        HirKind::Empty => true,
        HirKind::Literal(l) => {
            out.extend_from_slice(&l.0);
            true
        }
        HirKind::Capture(c) => prefix(&c.sub, out),
        HirKind::Concat(list) => list.iter().all(|h| prefix(h, out)),
        HirKind::Repetition(r) if r.min > 0 => {
            let exact = r.max == Some(r.min);
            (0..r.min).all(|_| prefix(&r.sub, out)) && exact
        }
        HirKind::Repetition(r) => r.max == Some(0),
        _ => false,
    }
}

/// Parses an expression; `posix` leaves out Perl's extensions.
pub fn parse(s: &[u8], posix: bool) -> R<Parsed> {
    let text = match std::str::from_utf8(s) {
        Ok(t) => t,
        Err(e) => return Err(("invalid UTF-8", s[e.valid_up_to()..].to_vec())),
    };
    let mut p = Parser {
        s: text,
        at: 0,
        flags: Flags {
            fold: false,
            multi_line: posix,
            dot_all: false,
            ungreedy: false,
        },
        perl: !posix,
        names: vec![String::new()],
        depth: 0,
    };
    let hir = p.alternation()?;
    if p.at < text.len() {
        return p.error("unexpected )", 0, text.len());
    }
    let mut begin = Vec::new();
    let complete = prefix(&hir, &mut begin);
    Ok(Parsed {
        hir,
        names: p.names,
        prefix: (String::from_utf8_lossy(&begin).into_owned(), complete),
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn error(s: &str) -> String {
        match parse(s.as_bytes(), false) {
            Ok(_) => String::new(),
            Err((what, at)) => format!("{what}: {}", String::from_utf8_lossy(&at)),
        }
    }
    #[test]
    fn errors_are_gos() {
        assert_eq!(error("a**"), "invalid nested repetition operator: **");
        assert_eq!(
            error("(a|*b)"),
            "missing argument to repetition operator: *"
        );
        assert_eq!(error("[z-a]"), "invalid character class range: z-a");
        assert_eq!(error("x{1001}"), "invalid repeat count: {1001}");
        assert_eq!(error("(?=a)"), "invalid or unsupported Perl syntax: (?=");
        assert_eq!(error("a)"), "unexpected ): a)");
        assert_eq!(error("x{,5}"), "");
    }
    #[test]
    fn prefixes() {
        let prefix = |s: &str| parse(s.as_bytes(), false).map(|p| p.prefix).ok();
        assert_eq!(prefix("ab(c)+"), Some(("abc".into(), false)));
        assert_eq!(prefix("a{2}?"), Some(("aa".into(), true)));
        assert_eq!(prefix("(?i)a"), Some((String::new(), false)));
    }
}
