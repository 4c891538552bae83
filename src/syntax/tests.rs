//! Tests of the whole front end: wording, recovery, trees, limits, and properties.

use super::ast::*;
use super::dump::expr_string;
use super::parse::{ParseOptions, parse_file};
use crate::base::diag::Diagnostic;
use crate::base::span::{SourceMap, Span};
use proptest::prelude::*;
use std::path::Path;
use std::time::Instant;

fn parse(text: &str) -> (SourceMap, Ast, Vec<Diagnostic>) {
    let mut sm = SourceMap::new();
    let id = sm
        .add("a.go", Path::new("a.go"), text.to_string())
        .expect("small");
    let mut ast = Ast::default();
    let errors = parse_file(&mut ast, &sm, id, &ParseOptions::default());
    (sm, ast, errors)
}

/// All errors as `line:col: message`.
fn errors(text: &str) -> Vec<String> {
    // Deep nesting needs the stack that the commands have, too.
    let text = text.to_string();
    let work = move || errors_here(&text);
    let thread = std::thread::Builder::new().stack_size(512 << 20);
    thread
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no panic")
}
fn errors_here(text: &str) -> Vec<String> {
    let (sm, _, diags) = parse(text);
    let place = |d: &Diagnostic| {
        let (_, l, c) = sm.locate(d.span.lo).expect("a place");
        format!("{l}:{c}: {}", d.message)
    };
    diags.iter().map(place).collect()
}
fn in_func(body: &str) -> Vec<String> {
    errors(&format!(
        "package p\nfunc f() {{\n{body}\nok()\n}}\nfunc g() {{}}\n"
    ))
}

#[test]
fn wording_in_functions() {
    let table = [
        (
            "x y",
            "3:3: syntax error: unexpected name y at end of statement",
        ),
        (
            "f(1 2)",
            "3:5: syntax error: unexpected literal 2 in argument list; possibly missing comma or )",
        ),
        (
            "f(1\n)",
            "3:4: syntax error: unexpected newline in argument list; possibly missing comma or )",
        ),
        (
            "x := []int{1\n}",
            "3:13: syntax error: unexpected newline in composite literal; possibly missing comma or }",
        ),
        (
            "x = a[1 2]",
            "3:9: syntax error: unexpected literal 2, expected comma, : or ]",
        ),
        (
            "x = (a b)",
            "3:8: syntax error: unexpected name b, expected )",
        ),
        (
            "x..y",
            "3:3: syntax error: unexpected ., expected name or (",
        ),
        (
            "x = )",
            "3:5: syntax error: unexpected ), expected expression",
        ),
        (
            "if {}",
            "3:4: syntax error: missing condition in if statement",
        ),
        (
            "if x := 1 {}",
            "3:6: syntax error: cannot use x := 1 as value",
        ),
        (
            "if x = 1 {}",
            "3:6: syntax error: cannot use assignment x = 1 as value",
        ),
        (
            "if c <- v {}",
            "3:6: syntax error: cannot use c <- v as value",
        ),
        (
            "if x y {}",
            "3:6: syntax error: unexpected name y, expected {",
        ),
        (
            "if x {} else y",
            "3:14: syntax error: else must be followed by if or statement block",
        ),
        (
            "if var x = 1; x {}",
            "3:8: syntax error: var declaration not allowed in if initializer",
        ),
        (
            "if n == 0 { x }; if len(a > 0 { x }",
            "3:31: syntax error: unexpected { in argument list; possibly missing comma or )",
        ),
        (
            "for i := 0; i < 10 {}",
            "3:20: syntax error: unexpected {, expected semicolon or newline",
        ),
        (
            "for i := 0; i < 1; i := 2 {}",
            "3:22: syntax error: cannot declare in post statement of for loop",
        ),
        (
            "for a := range x; y {}",
            "3:17: syntax error: unexpected semicolon, expected { after for clause",
        ),
        (
            "switch x { y }",
            "3:12: syntax error: unexpected name y, expected case or default or }",
        ),
        (
            "select x {}",
            "3:8: syntax error: missing { after select clause",
        ),
        (
            "select { case x: }",
            "3:15: select case must be send or receive (possibly with assignment)",
        ),
        ("go f", "3:4: expression in go must be function call"),
        (
            "defer (f())",
            "3:7: expression in defer must not be parenthesized",
        ),
        ("a.b := 1", "3:1: non-name a.b on left side of :="),
        (
            "x, y",
            "3:5: syntax error: unexpected newline, expected := or = or comma",
        ),
        (
            "x, y++",
            "3:5: syntax error: unexpected ++, expected := or = or comma",
        ),
        (
            "x += 1, 2",
            "3:7: syntax error: unexpected comma at end of statement",
        ),
        (
            "x = y.(type)",
            "3:5: invalid syntax tree: use of .(type) outside type switch",
        ),
        (
            "goto 1",
            "3:6: syntax error: unexpected literal 1, expected name",
        ),
        (
            "L: case",
            "3:2: syntax error: missing statement after label",
        ),
        (
            "var a [3 4]int",
            "3:10: syntax error: unexpected literal 4, expected ]",
        ),
        (
            "var x",
            "3:6: syntax error: unexpected newline, expected type",
        ),
        (
            "var c chan )",
            "3:12: syntax error: missing channel element type",
        ),
        ("_ = a[1::2]", "3:9: middle index required in 3-index slice"),
        (
            "func h() {}",
            "3:6: syntax error: unexpected name h, expected (",
        ),
        (")", "3:1: syntax error: unexpected ), expected }"),
    ];
    for (body, want) in table {
        assert_eq!(
            in_func(body).first().map(String::as_str),
            Some(want),
            "{body}"
        );
    }
}

#[test]
fn wording_of_declarations() {
    let table = [
        (
            "x := 1",
            "2:1: syntax error: non-declaration statement outside function body",
        ),
        (
            "func f(a int b int) {}",
            "2:14: syntax error: unexpected name b in parameter list; possibly missing comma or )",
        ),
        (
            "func f\n",
            "2:7: syntax error: unexpected newline, expected (",
        ),
        (
            "func f()\n{\n}",
            "3:1: syntax error: unexpected semicolon or newline before {",
        ),
        (
            "func f(a int, string) {}",
            "2:21: syntax error: missing parameter type",
        ),
        (
            "func f(a, []b, c int) {}",
            "2:11: syntax error: missing parameter name",
        ),
        (
            "func f(x ...int, y int) {}",
            "2:10: can only use ... with final parameter",
        ),
        (
            "func f[P](x int) {}",
            "2:9: syntax error: missing type constraint",
        ),
        (
            "func f[](x int) {}",
            "2:8: syntax error: empty type parameter list",
        ),
        ("func () f() {}", "2:9: method has no receiver"),
        (
            "func (a, b T) f() {}",
            "2:15: method has multiple receivers",
        ),
        (
            "var x int y",
            "2:11: syntax error: unexpected name y after top level declaration",
        ),
        (
            "var 1",
            "2:5: syntax error: unexpected literal 1, expected name",
        ),
        (
            "var _ = (T){1}",
            "2:12: syntax error: cannot parenthesize type in composite literal",
        ),
        (
            "var _ = f(){1}",
            "2:12: syntax error: unexpected { after top level declaration",
        ),
        ("import a\n", "2:9: syntax error: missing import path"),
        (
            "import 1",
            "2:8: syntax error: import path must be a string",
        ),
        (
            "var a int\nimport \"b\"",
            "3:1: syntax error: imports must appear before other declarations",
        ),
        (
            "type T\n",
            "2:7: syntax error: unexpected newline in type declaration",
        ),
        (
            "type T struct { (a) }",
            "2:17: syntax error: cannot parenthesize embedded type",
        ),
        (
            "type T struct { a int b int }",
            "2:23: syntax error: unexpected name b in struct type; possibly missing semicolon or newline or }",
        ),
        (
            "type T interface { m() n() }",
            "2:25: syntax error: unexpected ( in interface type; possibly missing semicolon or newline or }",
        ),
        (
            "type T interface { 1 }",
            "2:20: syntax error: unexpected literal 1, expected ~ term or type",
        ),
        (
            "const ( a = 1 b = 2 )",
            "2:15: syntax error: unexpected name b in grouped declaration; possibly missing semicolon or newline or )",
        ),
    ];
    for (text, want) in table {
        let got = errors(&format!("package p\n{text}\n"));
        assert_eq!(got.first().map(String::as_str), Some(want), "{text}");
    }
    assert_eq!(
        errors("func main() {}\n"),
        ["1:1: syntax error: package statement must be first"]
    );
    assert_eq!(
        errors(""),
        ["1:1: syntax error: package statement must be first"]
    );
}

#[test]
fn wording_of_literals() {
    let table = [
        ("08", "3:6: invalid digit '8' in octal literal"),
        ("0b12", "3:8: invalid digit '2' in binary literal"),
        ("0x", "3:7: hexadecimal literal has no digits"),
        (
            "0x1.5",
            "3:10: hexadecimal mantissa requires a 'p' exponent",
        ),
        ("1e+", "3:8: exponent has no digits"),
        ("1p3", "3:6: 'p' exponent requires hexadecimal mantissa"),
        ("0b1.5", "3:8: invalid radix point in binary literal"),
        ("1__0", "3:7: '_' must separate successive digits"),
        ("0x1_", "3:8: '_' must separate successive digits"),
        ("'ab'", "3:5: more than one character in rune literal"),
        ("''", "3:6: empty rune literal or unescaped '"),
        ("'a", "3:7: newline in rune literal"),
        ("\"abc", "3:9: newline in string"),
        ("`abc", "3:5: string not terminated"),
        ("\"\\z\"", "3:7: unknown escape"),
        ("'\\400'", "3:10: octal escape value 256 > 255"),
        (
            "'\\ud800'",
            "3:12: escape is invalid Unicode code point U+D800",
        ),
        (
            "\"\\U00110000\"",
            "3:16: escape is invalid Unicode code point U+110000",
        ),
        (
            "\"\\x1\"",
            "3:9: invalid character '\"' in hexadecimal escape",
        ),
        ("@", "3:5: invalid character U+0040 '@'"),
        ("a·b", "3:6: invalid character U+00B7 '·' in identifier"),
        ("٣", "3:5: identifier cannot begin with digit U+0663 '٣'"),
        ("/* a", "3:5: comment not terminated"),
    ];
    for (lit, want) in table {
        assert_eq!(
            in_func(&format!("x = {lit}")).first().map(String::as_str),
            Some(want),
            "{lit}"
        );
    }
    for good in [
        "0", "0_1", "0x_1p-2", "1e5i", "08i", "089.5", ".5", "0o17", "'\\''", "'世'", "\"\\\"\"",
        "a٣", "世界",
    ] {
        assert_eq!(in_func(&format!("x = {good}")), [] as [&str; 0], "{good}");
    }
}

#[test]
fn several_errors_without_noise() {
    let text = "package p\nfunc a() {\n\tx y\n\tif z {\n\t\tf(1 2)\n\t}\n\tfor i := 0; i < 3 {\n\t\tq r\n\t}\n}\n\
                var v int w\nfunc b() {\n\tswitch x {\n\tcase 1 2:\n\t\tg()\n\t}\n\ts t\n}\ntype T struct{}\n";
    let lines: Vec<String> = errors(text)
        .iter()
        .map(|e| e[..e.find(':').expect("colon")].into())
        .collect();
    assert_eq!(lines, ["3", "5", "7", "8", "11", "14", "17"]);
    let (_, ast, _) = parse(text);
    assert_eq!(ast.files[0].decls.len(), 1, "the type survives");
}

#[test]
fn values() {
    assert_eq!(
        super::string_value("\"a\\n\\x41\\101\\u00e9\\U0001F600\\\"\""),
        "a\nAAé😀\"".as_bytes()
    );
    assert_eq!(super::string_value("\"\\xff\\377\""), [255, 255]);
    assert_eq!(super::string_value("`a\\n\r\nb`"), b"a\\n\nb");
    assert_eq!(super::rune_value("'世'"), '世' as i32);
    assert_eq!(super::rune_value("'\\''"), 39);
    assert_eq!(super::rune_value("'\\xff'"), 255);
    assert_eq!(super::rune_value("'\\U0010FFFF'"), 0x10FFFF);
}

/// The printed right side of `var _ = <text>`.
fn printed(text: &str) -> String {
    let (sm, ast, errors) = parse(&format!("package p\nvar _ = {text}\n"));
    assert!(errors.is_empty(), "{text}: {errors:?}");
    match &ast.files[0].decls[0] {
        Decl::Var(v) => expr_string(&ast, &sm, v[0].values[0]),
        d => panic!("{d:?}"),
    }
}

#[test]
fn printing() {
    let table = [
        ("a[i].f(x,y...)", "a[i].f(x, y...)"),
        ("T{1,2}", "T{…}"),
        ("[]T{}", "[]T{}"),
        (
            "func(a,b int,c ...T)(x int){ return }",
            "func(a, b int, c ...T) (x int) {…}",
        ),
        ("-x*(y+z)<<2", "-x * (y + z) << 2"),
        ("<-c", "<-c"),
        ("&T{}", "&T{}"),
        ("x.(map[string]chan<- int)", "x.(map[string]chan<- int)"),
        ("a[1:2:3]", "a[1:2:3]"),
        ("a[:]", "a[:]"),
        ("f[int,[3]T](nil)", "f[int, [3]T](nil)"),
        ("new(struct{a,b int; T})", "new(struct{a, b int; T})"),
        ("(<-chan int)(c)", "(<-chan int)(c)"),
        (
            "interface{m(int) error; ~T}(nil)",
            "interface{m(int) error; ~T}(nil)",
        ),
        ("make(chan (<-chan int), 1)", "make(chan (<-chan int), 1)"),
        ("func() func() {return nil}", "func() func() {…}"),
    ];
    for (text, want) in table {
        assert_eq!(printed(text), want);
    }
}

#[test]
fn trees() {
    let text = "//go:build go1.20\n\n// Package p.\npackage p\n\nimport (\n\tx \"a/b\"\n\t. \"c\"\n)\n\n// T is.\n// Two.\ntype T[P *C, Q any] struct {\n\ta, b int `k:\"v\"`\n\t*E\n}\n\nconst (\n\tA, B = iota, 1\n\tC, D\n\tE int = 2\n\tF\n)\n";
    let (sm, ast, errors) = parse(text);
    assert!(errors.is_empty(), "{errors:?}");
    let f = &ast.files[0];
    assert_eq!(f.go_version, Some(20));
    assert_eq!(f.imports[0].path, "a/b");
    assert_eq!(f.imports[1].alias.map(|a| ast.name(a).as_str()), Some("."));
    let Decl::Type(types) = &f.decls[0] else {
        panic!()
    };
    assert_eq!(sm.text(types[0].doc.expect("doc")), "// T is.\n// Two.");
    let constraints: Vec<String> = types[0]
        .tparams
        .iter()
        .map(|p| expr_string(&ast, &sm, p.constraint))
        .collect();
    assert_eq!(constraints, ["*C", "any"]);
    let ExprKind::StructType(fields) = &ast.expr(types[0].ty).kind else {
        panic!()
    };
    assert_eq!(
        fields.iter().map(|f| f.name.is_some()).collect::<Vec<_>>(),
        [true, true, false]
    );
    assert_eq!(fields[1].tag.as_deref(), Some("k:\"v\""));
    let Decl::Const(g) = &f.decls[1] else {
        panic!()
    };
    let facts: Vec<_> = g.specs.iter().map(|s| (s.iota, s.inherited)).collect();
    assert_eq!(facts, [(0, None), (1, Some(0)), (2, None), (3, Some(2))]);
}

#[test]
fn ambiguous_types() {
    // (declaration, number of type parameters)
    let table = [
        ("type T [n]int", 0),
        ("type T [n * m]int", 0),
        ("type T [P *C,]int", 1),
        ("type T [P *C|~D]int", 0),
        ("type T [P *C|~D,]int", 1),
        ("type T [P []int]int", 1),
        ("type T [P [N]int]int", 1),
        ("type T [P *struct{}|D]int", 1),
        ("type T [P, Q any]int", 2),
        ("type T [P interface{m()}] = int", 1),
        ("type T [P ~int|~string]int", 1),
        ("type T []int", 0),
        ("type T [P (C),]int", 1),
    ];
    for (text, n) in table {
        let (_, ast, errors) = parse(&format!("package p\n{text}\n"));
        let Some(Decl::Type(v)) = ast.files[0].decls.first() else {
            panic!("{text}: {errors:?}")
        };
        assert_eq!(v[0].tparams.len(), n, "{text}");
        let tilde = text.contains("*C|~D]");
        assert_eq!(errors.is_empty(), !tilde, "{text}: {errors:?}");
    }
}

#[test]
fn script_line_and_marks() {
    assert!(errors("#!/usr/bin/env gosub\npackage p\n").is_empty());
    assert!(errors("\u{FEFF}package p\r\nvar x = 1\r\n").is_empty());
    assert_eq!(
        errors("package p\n\u{FEFF}\n"),
        ["2:1: invalid BOM in the middle of the file"]
    );
    assert_eq!(errors("package p\n// \0\n"), ["2:4: invalid NUL character"]);
    assert_eq!(errors("package p\n\0\n"), ["2:1: invalid NUL character"]);
}

#[test]
fn deep_nesting_is_an_error() {
    let n = 100_000;
    let shapes = [
        format!("var _ = {}x{}", "(".repeat(n), ")".repeat(n)),
        format!("var _ = {}", "(".repeat(n)),
        format!("var _ = {}x", "-".repeat(n).replace("--", "- -")),
        format!("var _ = {}x{}", "a[".repeat(n), "]".repeat(n)),
        format!("var _ = x{}", ".f".repeat(n)),
        format!("var _ = x{}", " + x".repeat(n)),
        format!("var _ = T{}{}", "{".repeat(n), "}".repeat(n)),
        format!("type T {}int", "[]".repeat(n)),
        format!("type T {}int", "func() ".repeat(n)),
        format!("func f() {}{}", "{".repeat(n), "}".repeat(n)),
        format!("func f() {}", "{".repeat(n)),
        format!("func f() {{ {} }}", "if x {} else ".repeat(n) + "{}"),
        format!("func f() {{ {} }}", "L: ".repeat(n)),
        format!(
            "func f() {{ {}{} }}",
            "_ = func() { ".repeat(n),
            "}".repeat(n)
        ),
        format!("func f() {}", "[{(".repeat(n)),
        format!("func f() {{ {} }}", ")".repeat(n)),
        ")".repeat(n),
        "func f() { x y\n".repeat(n / 10),
    ];
    for s in shapes {
        let start = Instant::now();
        let e = errors(&format!("package p\n{s}\n"));
        assert!(!e.is_empty(), "{}", &s[..20]);
        assert!(start.elapsed().as_secs() < 20, "{}", &s[..20]);
    }
    let e = errors(&format!(
        "package p\nvar _ = {}x{}\n",
        "(".repeat(n),
        ")".repeat(n)
    ));
    assert!(e[0].ends_with("exceeded max nesting depth"), "{e:?}");
    let fine = format!("package p\nvar _ = x{}\n", " + x".repeat(30_000));
    assert!(errors(&fine).is_empty());
    let fine = format!(
        "package p\nvar _ = {}x{}\n",
        "(".repeat(9_000),
        ")".repeat(9_000)
    );
    assert!(errors(&fine).is_empty());
}

#[test]
fn time_is_linear() {
    let garbage = |n: usize| -> String {
        let words = [
            "if ", "{", "(", "x ", "func ", "\n", "}", "1 ", "\"", "case ", "@", ":=", ",", "]",
        ];
        let mut seed = 7usize;
        let word = |_| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            words[(seed >> 33) % words.len()]
        };
        (0..n).map(word).collect()
    };
    for make in [
        &garbage as &dyn Fn(usize) -> String,
        &|n| "x".repeat(n),
        &|n| "x,".repeat(n),
        &|n| "a b\n".repeat(n),
    ] {
        for head in [
            "package p\n",
            "package p\nfunc f() {\n",
            "package p\nvar x = f(",
        ] {
            let start = Instant::now();
            assert!(!errors(&format!("{head}{}", make(300_000))).is_empty());
            assert!(start.elapsed().as_secs() < 20);
        }
    }
}

fn check_spans(ast: &Ast, len: u32) {
    let ok = |s: Span| s.lo <= s.hi && s.hi <= len + 1;
    assert!(ast.exprs.iter().all(|e| ok(e.span)));
    assert!(ast.stmts.iter().all(|s| ok(s.span)));
    assert!(ast.idents.iter().all(|i| ok(i.span)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text(text in "\\PC{0,200}|[ -~\n\t]{0,200}") {
        let (_, ast, _) = parse(&text);
        check_spans(&ast, text.len() as u32);
        let (_, ast, _) = parse(&format!("package p\n{text}"));
        check_spans(&ast, text.len() as u32 + 10);
    }

    #[test]
    fn any_tokens(words in prop::collection::vec(prop::sample::select(&[
        "if", "for", "func", "switch", "select", "case", "default", "{", "}", "(", ")", "[", "]", ",", ";", ":",
        "\n", "x", "T", "1", "\"s\"", ".", "...", "=", ":=", "+", "*", "&", "<-", "chan", "map", "struct",
        "interface", "type", "var", "const", "import", "return", "go", "defer", "else", "range", "goto", "~", "++", "|",
    ][..]), 0..60), inside in any::<bool>()) {
        let head = if inside { "package p\nfunc f() {\n" } else { "package p\n" };
        let text = format!("{head}{}\n", words.join(" "));
        let (sm, ast, _) = parse(&text);
        check_spans(&ast, text.len() as u32);
        for i in 0..ast.exprs.len() {
            expr_string(&ast, &sm, ExprId(i as u32));
        }
    }

    #[test]
    fn literals_keep_their_value(s in "\\PC{0,40}") {
        let quoted = format!("{s:?}").replace("\\u{", "\\U{");
        // Rust and Go quote alike except for `\u{...}` and `\'`.
        if !quoted.contains("\\U{") && !quoted.contains("\\'") && !quoted.contains("\\0") {
            prop_assert_eq!(super::string_value(&quoted), s.as_bytes());
        }
    }
}
