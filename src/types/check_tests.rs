//! Tests of the checker: whole files with the messages Go gives for them, snippets that
//! must pass, and the tables left for lowering.

use std::path::Path;

use super::check::{CheckOptions, Importer, check_package};
use super::info::{CheckedPackage, Mode, SelKind};
use super::ty::*;
use crate::base::diag::Diagnostic;
use crate::base::span::SourceMap;
use crate::syntax::ast::{Ast, ExprKind, StmtKind};
use crate::syntax::parse::{ParseOptions, parse_file};

/// A few members of the packages the test files import.
const PACKAGES: [(&str, &str); 4] = [
    (
        "fmt",
        "package fmt
type Stringer interface { String() string }
func Println(a ...any) (n int, err error)
func Printf(format string, a ...any) (n int, err error)
func newPrinter()",
    ),
    ("os", "package os\nvar Args []string"),
    (
        "strings",
        "package strings\nfunc Repeat(s string, n int) string",
    ),
    ("errors", "package errors\nfunc New(s string) error"),
];

struct Packages(Vec<(String, Pkg)>);

impl Importer for Packages {
    fn import(&mut self, path: &str) -> Option<Pkg> {
        if let Some((_, p)) = self.0.iter().find(|p| p.0 == path) {
            return Some(*p);
        }
        let (_, text) = PACKAGES.iter().find(|p| p.0 == path)?;
        let opts = CheckOptions {
            stdlib: true,
            ..CheckOptions::default()
        };
        let (p, errors, _) = check_with(path, text, &opts, self);
        assert!(errors.is_empty(), "{path}: {errors:?}");
        self.0.push((path.to_string(), p.info.pkg));
        Some(p.info.pkg)
    }
}

fn check_with(
    name: &str,
    text: &str,
    opts: &CheckOptions,
    importer: &mut dyn Importer,
) -> (CheckedPackage, Vec<Diagnostic>, SourceMap) {
    let mut src = SourceMap::new();
    let id = src
        .add(name, Path::new(name), text.to_string())
        .expect("small");
    let mut ast = Ast::default();
    let mut errors = parse_file(&mut ast, &src, id, &ParseOptions::default());
    let path = if opts.stdlib { name } else { "main" };
    let (p, more) = check_package(ast, &src, path, 1, importer, opts);
    errors.extend(more);
    errors.sort_by_key(|d| d.span.lo);
    (p, errors, src)
}

fn check(name: &str, text: &str) -> (CheckedPackage, Vec<String>, SourceMap) {
    let opts = CheckOptions {
        ignore_missing_main: true,
        ..CheckOptions::default()
    };
    let (p, errors, src) = check_with(name, text, &opts, &mut Packages(Vec::new()));
    let lines = errors
        .iter()
        .flat_map(|d| {
            let at = src
                .locate(d.span.lo)
                .map_or("-".to_string(), |(f, l, c)| format!("{f}:{l}:{c}"));
            let text = format!("{at}: {}", d.message);
            text.split('\n').map(str::to_string).collect::<Vec<_>>()
        })
        .collect();
    (p, lines, src)
}

fn same(name: &str, text: &str, want: &str) {
    let (_, got, _) = check(name, text);
    let want: Vec<&str> = want.lines().collect();
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        assert_eq!(g, w, "{name}, line {} of the messages", i + 1);
    }
    assert_eq!(got.len(), want.len(), "{name}: {:?}", got.last());
}

macro_rules! files { ($($name:ident),* $(,)?) => { $(
    #[test]
    fn $name() {
        same(
            concat!(stringify!($name), ".go"),
            include_str!(concat!("testdata/", stringify!($name), ".go")),
            include_str!(concat!("testdata/", stringify!($name), ".want")),
        );
    }
)* } }
files!(
    assign,
    declarations,
    expressions,
    generics,
    operands,
    operators,
    promoted,
    resolution,
    selectors,
    shifts,
    statements,
);

#[test]
fn valid_program() {
    let (_, got, _) = check("valid.go", include_str!("testdata/valid.go"));
    assert!(got.is_empty(), "{got:#?}");
}

/// Snippets with their only message.
#[test]
fn single_messages() {
    let table = [
        (
            "import \"nosuch\"\nvar _ = nosuch.X",
            "1:22: package nosuch is not in std",
        ),
        (
            "import . \"strings\"",
            "1:22: \"strings\" imported and not used",
        ),
        ("import . \"strings\"\nvar _ = Repeat", ""),
        ("import _ \"strings\"", ""),
        ("var a, b = b, 1", ""),
        ("type T struct{ next *T }; type L []L; type F func(F) F", ""),
        (
            "var f = func() int { return g() }\nfunc g() int { return 1 }",
            "",
        ),
        ("func f() { for { } }; func g() int { for { } }", ""),
        (
            "func f() (err error) { defer func() { err = nil }(); return }",
            "",
        ),
        ("const big = 1 << 1000", "1:29: constant shift overflow"),
        ("func f[T any](x T) { f(x); f[T](x) }", ""),
        (
            "func f[T any](x T) { f(&x) }",
            "1:22: instantiation cycle:\n\tt.go:1:37: T instantiated as *T",
        ),
    ];
    for (text, want) in table {
        let (_, got, _) = check("t.go", &format!("package main; {text}\n"));
        let want = match want {
            "" => String::new(),
            w => format!("t.go:{w}"),
        };
        assert_eq!(got.join("\n"), want, "{text}");
    }
}

#[test]
fn missing_main() {
    let mut none = Packages(Vec::new());
    let opts = CheckOptions::default();
    let (_, errors, _) = check_with("t.go", "package main\n", &opts, &mut none);
    assert_eq!(
        errors[0].message,
        "function main is undeclared in the main package"
    );
    let (_, errors, _) = check_with("t.go", "package lib\n", &opts, &mut none);
    assert!(errors.is_empty());
}

const FACTS: &str = "package main
var x, y = z, w()
var z = w()
func w() int { return v }
var v = 3
func use(...any) {}
type S struct { n int }
func (recv *S) P() {}
type E struct { *S }
func id[T any](x T) T { return x }
func main() {
	captured, plain, assigned, addressed, both := 1, 2, 3, 4, 5
	assigned = 7
	p := &addressed
	f := func() { both = captured }
	var s S
	s.P()
	var arr [4]int
	sl := arr[1:]
	m := map[string]float64{\"k\": 1}
	r, ok := m[\"k\"]
	var i any = plain
	switch t := i.(type) { case int: use(t) }
	e := E{&s}
	e.P()
	_ = e.n
	_ = (*S).P
	_ = id(1.5)
	use(both, p, f, sl, r, ok, nil == p, 'a', 1 << 3)
	for v := range 2 { use(v, assigned) }
}
";

fn var(p: &CheckedPackage, name: &str) -> Obj {
    p.info
        .defs
        .iter()
        .flatten()
        .find(|o| o.name.as_str() == name && o.var_info().is_some() && !o.global.get())
        .copied()
        .expect(name)
}

#[test]
fn variable_facts() {
    let (p, got, _) = check("t.go", FACTS);
    assert!(got.is_empty(), "{got:?}");
    let facts = |n: &str| {
        let o = var(&p, n);
        let v = o.var_info().expect("variable");
        [
            v.captured.get(),
            v.address_taken.get(),
            v.reassigned.get(),
            v.assigned_in_closure.get(),
        ]
    };
    assert_eq!(facts("captured"), [true, false, false, false]);
    assert_eq!(facts("plain"), [false; 4]);
    assert_eq!(facts("assigned"), [false, false, true, false]);
    assert_eq!(facts("addressed"), [false, true, false, false]);
    assert_eq!(facts("both"), [true, false, true, true]);
    assert_eq!(facts("s"), [false, true, false, false]);
    assert_eq!(facts("arr"), [false, true, false, false]);
}

#[test]
fn expression_table() {
    let (p, _, src) = check("t.go", FACTS);
    let find = |text: &str| {
        let i = p
            .ast
            .exprs
            .iter()
            .position(|e| src.text(e.span) == text)
            .expect(text);
        p.info.types[i].clone()
    };
    let ty = |text: &str| format!("{:?}", find(text).ty.expect(text));
    assert_eq!(ty("m[\"k\"]"), "(float64, bool)");
    assert_eq!(ty("1.5"), "float64");
    assert_eq!(ty("'a'"), "rune");
    assert_eq!(ty("1 << 3"), "int");
    assert_eq!(ty("nil == p"), "bool");
    assert_eq!(ty("nil"), "*int");
    assert_eq!(find("nil").mode, Mode::Nil);
    assert_eq!(find("use(t)").mode, Mode::NoValue);
    assert_eq!(find("[4]int").mode, Mode::TypeExpr);
    // Every expression but keys' left sides and `_` has an entry.
    for (i, e) in p.ast.exprs.iter().enumerate() {
        // (`t` is the symbolic variable of the type switch.)
        let blank = matches!(e.kind, ExprKind::Ident(id)
            if p.ast.name(id).is_blank() || p.ast.name(id).as_str() == "t")
            || matches!(e.kind, ExprKind::TypeAssert { ty: None, .. });
        let tv = &p.info.types[i];
        assert!(
            blank || tv.mode != Mode::Invalid,
            "{}: {tv:?} {e:?}",
            src.text(e.span)
        );
    }
}

#[test]
fn selections_instances_order() {
    let (p, _, src) = check("t.go", FACTS);
    let selection = |text: &str| {
        let (e, s) = p
            .info
            .selections
            .iter()
            .find(|(e, _)| src.text(p.ast.expr(**e).span) == text)
            .expect(text);
        let _ = e;
        s.clone()
    };
    let s = selection("e.P");
    assert_eq!((s.kind, s.path), (SelKind::Method, vec![0]));
    assert!(s.method.is_some());
    let s = selection("e.n");
    assert_eq!((s.kind, s.path), (SelKind::Field, vec![0, 0]));
    let s = selection("(*S).P");
    assert_eq!(s.kind, SelKind::MethodExpr);
    assert_eq!(format!("{:?}", s.ty), "func(*main.S)");
    let targs: Vec<String> = p
        .info
        .instances
        .values()
        .map(|t| format!("{t:?}"))
        .collect();
    assert_eq!(targs, ["[float64]"]);
    let order: Vec<&str> = p
        .info
        .init_order
        .iter()
        .map(|s| s.lhs[0].name.as_str())
        .collect();
    assert_eq!(order, ["v", "y", "z", "x"]);
    let switch = p
        .ast
        .stmts
        .iter()
        .position(|s| matches!(s.kind, StmtKind::TypeSwitch { .. }))
        .expect("switch") as u32;
    let v = p.info.implicits[&(crate::syntax::ast::StmtId(switch), 0)];
    assert_eq!(format!("{:?}", v.ty.get().expect("typed")), "int");
    assert_eq!(p.info.funcs.len(), 5);
    assert_eq!(p.info.vars.len(), 4);
    assert!(p.info.func_types.iter().all(Option::is_some));
}
