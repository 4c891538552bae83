//! Build constraints stand together above the package clause, `//go:build` first.
//!
//! gosub ignores build constraints; this only keeps their layout. It works on the printer's
//! output, where comments are enclosed in `\xff`.

use super::printer::Printer;

enum Expr {
    Tag(String),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
}

impl Expr {
    fn text(&self) -> String {
        let wrap = |x: &Expr, yes: bool| {
            if yes {
                format!("({})", x.text())
            } else {
                x.text()
            }
        };
        let and = |x: &Expr| matches!(x, Expr::And(..));
        let or = |x: &Expr| matches!(x, Expr::Or(..));
        match self {
            Expr::Tag(t) => t.clone(),
            Expr::Not(x) => format!("!{}", wrap(x, and(x) || or(x))),
            Expr::And(x, y) => format!("{} && {}", wrap(x, or(x)), wrap(y, or(y))),
            Expr::Or(x, y) => format!("{} || {}", wrap(x, and(x)), wrap(y, and(y))),
        }
    }
}

fn tag(s: &str) -> Option<Expr> {
    let ok = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    (!s.is_empty() && s.chars().all(ok)).then(|| Expr::Tag(s.to_string()))
}

/// `// +build a,!b c`: alternatives with blanks, all of them with commas.
fn plus_line(line: &str) -> Option<Expr> {
    let mut any: Option<Expr> = None;
    for alternative in line.strip_prefix("// +build")?.split_whitespace() {
        let mut all: Option<Expr> = None;
        for term in alternative.split(',') {
            let t = match term.strip_prefix('!') {
                Some(t) => Expr::Not(Box::new(tag(t)?)),
                None => tag(term)?,
            };
            all = Some(match all {
                Some(x) => Expr::And(Box::new(x), Box::new(t)),
                None => t,
            });
        }
        let all = all?;
        any = Some(match any {
            Some(x) => Expr::Or(Box::new(x), Box::new(all)),
            None => all,
        });
    }
    any
}

/// `//go:build EXPR`
struct Reader<'a>(&'a str);
impl Reader<'_> {
    fn eat(&mut self, s: &str) -> bool {
        self.0 = self.0.trim_start();
        let rest = self.0.strip_prefix(s);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
    fn or(&mut self) -> Option<Expr> {
        let mut x = self.and()?;
        while self.eat("||") {
            x = Expr::Or(Box::new(x), Box::new(self.and()?));
        }
        Some(x)
    }
    fn and(&mut self) -> Option<Expr> {
        let mut x = self.not()?;
        while self.eat("&&") {
            x = Expr::And(Box::new(x), Box::new(self.not()?));
        }
        Some(x)
    }
    fn not(&mut self) -> Option<Expr> {
        if self.eat("!") {
            return match self.not()? {
                Expr::Not(_) => None,
                x => Some(Expr::Not(Box::new(x))),
            };
        }
        if self.eat("(") {
            let x = self.or()?;
            return self.eat(")").then_some(x);
        }
        self.0 = self.0.trim_start();
        let end = |c: char| !(c.is_alphanumeric() || c == '_' || c == '.');
        let n = self.0.find(end).unwrap_or(self.0.len());
        let t = tag(&self.0[..n]);
        self.0 = &self.0[n..];
        t
    }
}
fn go_line(line: &str) -> Option<Expr> {
    let mut r = Reader(line.strip_prefix("//go:build ")?);
    let x = r.or()?;
    r.0.trim().is_empty().then_some(x)
}

fn newline(b: u8) -> bool {
    matches!(b, b'\n' | b'\x0c')
}

impl Printer<'_> {
    /// Brings the lines together.
    pub fn place_build_lines(&mut self) {
        if self.build_lines.is_empty() {
            return;
        }
        let out = &self.out;
        let line = |at: usize| {
            let n = out[at..].iter().position(|b| newline(*b));
            &out[at..n.map_or(out.len(), |n| at + n + 1)]
        };
        let text = |at: usize| {
            let l: Vec<u8> = line(at)
                .iter()
                .copied()
                .filter(|b| *b != 0xff && !newline(*b))
                .collect();
            String::from_utf8_lossy(&l).into_owned()
        };
        let (go, plus): (Vec<usize>, Vec<usize>) = self
            .build_lines
            .iter()
            .partition(|&&at| text(at).starts_with("//go:"));

        // After the last blank line of the comments at the top, or at the first such line.
        let (mut insert, mut at) = (0, 0);
        loop {
            let comment = out[at..].starts_with(b"\xff//");
            if comment {
                at += line(at).len();
                at -= usize::from(at > 0 && newline(out[at - 1]));
            }
            if at >= out.len() || !newline(out[at]) {
                break;
            }
            at += 1;
            if !comment {
                insert = at;
            }
        }
        if let Some(&first) = go.first().or(plus.first())
            && first < insert
        {
            insert = first;
        }

        let meaning = match go.as_slice() {
            [] => plus
                .iter()
                .map(|&at| plus_line(&text(at)))
                .reduce(|x, y| Some(Expr::And(Box::new(x?), Box::new(y?))))
                .flatten(),
            [one] => go_line(&text(*one)),
            _ => None,
        };
        let mut block = Vec::new();
        match meaning {
            Some(x) => {
                block.extend_from_slice(b"\xff//go:build ");
                block.extend_from_slice(x.text().as_bytes());
                block.extend_from_slice(b"\xff\n");
            }
            None => go.iter().for_each(|&at| block.extend_from_slice(line(at))),
        }
        plus.iter()
            .for_each(|&at| block.extend_from_slice(line(at)));
        block.push(b'\n');

        let mut after: Vec<u8> = Vec::new();
        let mut append = |part: &[u8]| {
            let n = after.len();
            let double = part.first().is_some_and(|b| newline(*b))
                && (n == 0 || n >= 2 && newline(after[n - 1]) && newline(after[n - 2]));
            after.extend_from_slice(&part[usize::from(double)..]);
        };
        let mut start = insert;
        for &at in &self.build_lines {
            if at >= start {
                append(&out[start..at]);
                start = at + line(at).len();
            }
        }
        append(&out[start..]);
        let n = after.len();
        if n >= 2 && newline(after[n - 1]) && newline(after[n - 2]) {
            after.pop();
        }
        self.out.truncate(insert);
        self.out.extend_from_slice(&block);
        self.out.extend_from_slice(&after);
    }
}
