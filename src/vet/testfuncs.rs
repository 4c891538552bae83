//! Functions of test files: names that `gosub test` passes over, examples of things that do
//! not exist, fuzz targets that do not fit their seeds.

use super::Vet;
use super::comments::behind_quoted;
use super::walk::{Node, walk_stmts};
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::*;
use crate::types::display::type_string;
use crate::types::lookup::{Lookup, lookup};
use crate::types::predicates::{default_type, deref, identical, underlying};
use crate::types::ty::{Basic, Obj, Pkg, Ty, Type};

/// Whether what follows `Test` or `Example..._` may start so: not in lower case, or in lower
/// case.
fn upper(s: &str) -> bool {
    !s.chars().next().is_some_and(char::is_lowercase)
}
fn lower(s: &str) -> bool {
    s.chars().next().is_some_and(char::is_lowercase)
}

impl<'a> Vet<'a> {
    pub(super) fn test_functions(&mut self) {
        let ast = self.ast;
        for file in &ast.files {
            let name = self
                .sources
                .file_of(file.end)
                .map_or("", |(_, f)| f.name.as_str());
            if !(name.ends_with("_test.go") || name.ends_with("_test.gosub")) {
                continue;
            }
            for d in &file.decls {
                if let Decl::Func(f) = d
                    && f.recv.is_none()
                {
                    self.test_function(f);
                }
            }
        }
    }

    fn test_function(&mut self, f: &'a FuncDecl) {
        let name = self.ast.name(f.name).as_str();
        if name.starts_with("Example") {
            self.example_name(f, name);
            self.example_output(f);
            return;
        }
        for (prefix, kind) in [("Test", "T"), ("Benchmark", "B"), ("Fuzz", "F")] {
            if let Some(rest) = name.strip_prefix(prefix) {
                self.test_name(f, name, prefix, rest, kind);
                if kind == "F" {
                    self.fuzz(f);
                }
            }
        }
    }

    /// `*T` or `*testing.T`, as written.
    fn takes(&self, func: &Func, kind: &str) -> bool {
        let [p] = func.sig.params.as_slice() else {
            return false;
        };
        let ExprKind::Star(x) = self.ast.expr(p.ty).kind else {
            return false;
        };
        let id = match self.ast.expr(x).kind {
            ExprKind::Ident(id) | ExprKind::Selector { sel: id, .. } => id,
            _ => return false,
        };
        self.ast.name(id).as_str() == kind
    }

    fn test_name(&mut self, f: &FuncDecl, name: &str, prefix: &str, rest: &str, kind: &str) {
        let func = self.ast.func(f.func);
        if !self.takes(func, kind) || !func.sig.results.is_empty() {
            return;
        }
        if !upper(rest) {
            self.warn(
                "VetTests",
                self.ast.ident(f.name).span,
                format!(
                    "{name} has malformed name: first letter after '{prefix}' must not be lowercase"
                ),
            );
        }
    }

    /// What a name may stand for in an example's name: a declaration of the package or of
    /// one that it imports, since any of them may be the one under test.
    fn declared(&self, name: &str) -> Vec<Obj> {
        let pkg = self.info.pkg;
        let key = Name::new(name);
        if let Some(o) = pkg.scope.borrow().get(&key) {
            return vec![*o];
        }
        let imports = pkg.imports.borrow();
        imports
            .iter()
            .filter_map(|i| i.scope.borrow().get(&key).copied())
            .collect()
    }

    fn example_name(&mut self, f: &FuncDecl, name: &str) {
        let func = self.ast.func(f.func);
        let mut say = |text: String| self.warn("VetTests", f.span, format!("{name} {text}"));
        if !func.sig.params.is_empty() {
            say("should be niladic".into());
        }
        if !func.sig.results.is_empty() {
            say("should return nothing".into());
        }
        if !func.tparams.is_empty() {
            say("should not have type params".into());
        }
        let Some(rest) = name.strip_prefix("Example").filter(|r| !r.is_empty()) else {
            return;
        };
        let parts: Vec<&str> = rest.splitn(3, '_').collect();
        if parts[0].is_empty() {
            // Of the whole package: what follows is a suffix.
            let suffix = rest.trim_start_matches('_');
            if !lower(suffix) {
                say(format!("has malformed example suffix: {suffix}"));
            }
            return;
        }
        let objects = self.declared(parts[0]);
        let mut found = Vec::new();
        if objects.is_empty() {
            found.push(format!("refers to unknown identifier: {}", parts[0]));
        } else if let Some(member) = parts.get(1) {
            let has = |o: &Obj| o.ty.get().is_some_and(|t| found_in(t, member, o.pkg));
            if !lower(member) && !objects.iter().any(has) {
                found.push(format!(
                    "refers to unknown field or method: {}.{member}",
                    parts[0]
                ));
            }
            if let Some(suffix) = parts.get(2).filter(|s| !lower(s)) {
                found.push(format!("has malformed example suffix: {suffix}"));
            }
        }
        for text in found {
            self.warn("VetTests", f.span, format!("{name} {text}"));
        }
    }

    /// One output comment, at the end.
    fn example_output(&mut self, f: &FuncDecl) {
        let Some(body) = &self.ast.func(f.func).body else {
            return;
        };
        let groups = comments(self.sources.text(body.span));
        let promise = |text: &str| {
            let t = text.trim_start().to_lowercase();
            let t = t
                .strip_prefix("unordered")
                .map_or(t.as_str(), str::trim_start);
            t.starts_with("output:")
        };
        let outputs: Vec<usize> = (0..groups.len())
            .filter(|i| promise(&groups[*i].1))
            .collect();
        let Some((last, before)) = outputs.split_last() else {
            return;
        };
        let at = |i: usize| {
            let lo = body.span.lo + groups[i].0 as u32;
            Span { lo, hi: lo + 2 }
        };
        for i in before {
            let text = "there can only be one output comment block per example";
            self.warn("VetTests", at(*i), text);
        }
        if last + 1 != groups.len() {
            let text = "output comment block must be the last comment block";
            self.warn("VetTests", at(*last), text);
        }
    }

    /// Calls of a method of `*testing.F` in a body.
    fn calls_of_f(&self, body: &[StmtId]) -> Vec<(String, ExprId, &'a [ExprId])> {
        let mut out = Vec::new();
        walk_stmts(self.ast, body, &mut |n| {
            if let Node::Expr(e) = n
                && let Some((fun, args)) = self.call(e)
                && let ExprKind::Selector { x, sel } = &self.ast.expr(fun).kind
                && self
                    .ty(*x)
                    .is_some_and(|t| type_string(t, None) == "*testing.F")
            {
                out.push((self.ast.name(*sel).to_string(), e, args));
            }
            true
        });
        out
    }

    fn fuzz(&mut self, f: &'a FuncDecl) {
        let func = self.ast.func(f.func);
        let Some(body) = &func.body else { return };
        if !self.takes(func, "F") {
            return;
        }
        let calls = self.calls_of_f(&body.stmts);
        let mut wanted = None;
        for (_, _, args) in calls.iter().filter(|c| c.0 == "Fuzz") {
            if let [target] = args
                && let Some(types) = self.fuzz_target(*target)
            {
                wanted.get_or_insert(types);
            }
        }
        let Some(wanted) = wanted.filter(|w| !w.is_empty()) else {
            return;
        };
        for (_, call, args) in calls.iter().filter(|c| c.0 == "Add") {
            self.seeds(*call, args, &wanted);
        }
    }

    /// Checks the function given to `Fuzz`; the types of its values, if they are known.
    fn fuzz_target(&mut self, target: ExprId) -> Option<Vec<Ty>> {
        let at = self.span(target);
        let ty = self.ty(target)?;
        let Type::Signature(s) = &*underlying(ty) else {
            self.warn("VetTests", at, "argument to Fuzz must be a function");
            return None;
        };
        if !s.results.is_empty() {
            self.warn("VetTests", at, "fuzz target must not return any value");
            return None;
        }
        if s.params.is_empty() {
            self.warn("VetTests", at, "fuzz target must have 1 or more argument");
            return None;
        }
        let types: Vec<Ty> = s.params.iter().map(|p| p.ty).collect();
        let literal = match &self.ast.expr(target).kind {
            ExprKind::FuncLit(f) => Some(self.ast.func(*f)),
            _ => None,
        };
        let place = |i: usize| {
            let written = literal.and_then(|l| l.sig.params.get(i));
            written.map_or(at, |p| self.span(p.ty))
        };
        let mut faults = Vec::new();
        if types
            .first()
            .is_none_or(|t| type_string(*t, None) != "*testing.T")
        {
            let text = "the first parameter of a fuzz target must be *testing.T";
            faults.push((place(0), text.to_string()));
        }
        for (i, t) in types.iter().enumerate().skip(1) {
            if !fuzzable(*t) {
                let text = "fuzzing arguments can only have the following types: string, bool, \
                            float32, float64, int, int8, int16, int32, int64, uint, uint8, \
                            uint16, uint32, uint64, []byte";
                faults.push((place(i), text.to_string()));
            }
        }
        let good = faults.is_empty();
        if let Some(body) = literal.and_then(|l| l.body.as_ref()) {
            for (name, call, _) in self.calls_of_f(&body.stmts) {
                if name != "Failed" && name != "Name" {
                    let text = "fuzz target must not call any *F methods";
                    faults.push((self.span(call), text.to_string()));
                }
            }
        }
        for (at, text) in faults {
            self.warn("VetTests", at, text);
        }
        good.then(|| types[1..].to_vec())
    }

    fn seeds(&mut self, call: ExprId, args: &[ExprId], wanted: &[Ty]) {
        let name = |t: Ty| type_string(t, None);
        if args.len() != wanted.len() {
            let text = format!(
                "wrong number of values in call to (*testing.F).Add: {}, fuzz target expects {}",
                args.len(),
                wanted.len()
            );
            self.warn("VetTests", self.span(call), text);
            return;
        }
        let have: Vec<Ty> = args
            .iter()
            .filter_map(|a| self.ty(*a))
            .map(default_type)
            .collect();
        if have.len() != wanted.len() {
            return;
        }
        let wrong: Vec<usize> = (0..have.len())
            .filter(|i| !identical(have[*i], wanted[*i]))
            .collect();
        match wrong.as_slice() {
            [] => {}
            [i] => {
                let text = format!(
                    "mismatched type in call to (*testing.F).Add: {}, fuzz target expects {}",
                    name(have[*i]),
                    name(wanted[*i])
                );
                self.warn("VetTests", self.span(args[*i]), text);
            }
            _ => {
                let list = |l: &[Ty]| l.iter().map(|t| name(*t)).collect::<Vec<_>>().join(" ");
                let text = format!(
                    "mismatched types in call to (*testing.F).Add: [{}], fuzz target expects [{}]",
                    list(&have),
                    list(wanted)
                );
                self.warn("VetTests", self.span(call), text);
            }
        }
    }
}

/// Whether a type has a field or method of that name.
fn found_in(t: Ty, name: &str, pkg: Option<Pkg>) -> bool {
    let (base, _) = deref(t);
    !matches!(lookup(base, true, pkg, Name::new(name)), Lookup::NotFound)
}

/// The groups of comments in a body: where each starts, and its text without the marks.
fn comments(body: &str) -> Vec<(usize, String)> {
    let b = body.as_bytes();
    let mut out: Vec<(usize, String)> = Vec::new();
    // Line ends since the last comment; None: something else came in between.
    let mut gap = None;
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b'"' | b'\'' | b'`' => {
                i = behind_quoted(b, i);
                gap = None;
            }
            b'/' if matches!(b.get(i + 1), Some(b'/' | b'*')) => {
                let line = b[i + 1] == b'/';
                let rest = &body[i + 2..];
                let n = rest
                    .find(if line { "\n" } else { "*/" })
                    .unwrap_or(rest.len());
                match out.last_mut().filter(|_| gap.is_some_and(|g| g <= 1)) {
                    Some((_, text)) => {
                        text.push('\n');
                        text.push_str(&rest[..n]);
                    }
                    None => out.push((i, rest[..n].to_string())),
                }
                i += 2 + n + if line { 0 } else { 2 };
                gap = Some(0);
            }
            c => {
                gap = match gap {
                    Some(g) if c.is_ascii_whitespace() => Some(g + usize::from(c == b'\n')),
                    _ => None,
                };
                i += 1;
            }
        }
    }
    out
}

fn fuzzable(t: Ty) -> bool {
    match t.0 {
        Type::Basic(b, _) => !matches!(
            b,
            Basic::Uintptr | Basic::Complex64 | Basic::Complex128 | Basic::UnsafePointer
        ),
        Type::Slice(e) => matches!(e.0, Type::Basic(Basic::Uint8, _)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_in_groups() {
        let body = "{\n\t// a\n\t// b\n\n\t// c\n\tf(\"// no\") /* d */\n}";
        let texts: Vec<String> = comments(body).into_iter().map(|c| c.1).collect();
        assert_eq!(texts, [" a\n b", " c", " d "]);
    }

    #[test]
    fn names_by_their_first_letter() {
        assert!(upper("") && upper("_x") && upper("X") && upper("1") && !upper("x"));
        assert!(!lower("") && lower("x") && lower("ü") && !lower("Ü") && !lower("_x"));
    }
}
