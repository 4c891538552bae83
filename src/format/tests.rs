//! Layout of whole files. What is right is what gofmt prints.

use super::format;

#[track_caller]
fn formats(from: &str, to: &str) {
    let got = format(from).expect("valid Go");
    assert_eq!(got, to);
    assert_eq!(format(&got).expect("valid Go"), to, "not stable");
}

#[test]
fn columns_of_fields_values_and_comments() {
    formats(
        "package p\ntype T struct {\n a int // one\n long, b string `tag`\n *E // embedded\n}\nconst (\n A = iota // first\n Bcd\n C, D int = 1,2\n)\n",
        "package p\n\ntype T struct {\n\ta       int    // one\n\tlong, b string `tag`\n\t*E             // embedded\n}\n\nconst (\n\tA = iota // first\n\tBcd\n\tC, D int = 1, 2\n)\n",
    );
}

#[test]
fn operators_show_how_they_bind() {
    formats(
        "package p\nvar x = a*b+c\nvar y = a * b\nvar z = f(a*b+c, d<<1|e)\nvar s = t[i+1 : j]\nvar u = t[i + 1]\nvar n = - -x / *p\n",
        "package p\n\nvar x = a*b + c\nvar y = a * b\nvar z = f(a*b+c, d<<1|e)\nvar s = t[i+1 : j]\nvar u = t[i+1]\nvar n = - -x / *p\n",
    );
}

#[test]
fn literals_and_calls_over_several_lines() {
    formats(
        "package p\nvar m = map[string]int{\n\"a\": 1,\n\"long\": 2, // two\n}\nvar v = f(a,\nb,\n)\nvar l = []T{{1,2},\n{3,4}}\n",
        "package p\n\nvar m = map[string]int{\n\t\"a\":    1,\n\t\"long\": 2, // two\n}\nvar v = f(a,\n\tb,\n)\nvar l = []T{{1, 2},\n\t{3, 4}}\n",
    );
}

#[test]
fn statements() {
    formats(
        "package p\nfunc f(a,b int)(c int,err error){\nL: for i:=0;i<3;i++{\nswitch x:=g();x{\ncase 1,2: continue L\ndefault:\n// nothing\n}\n}\nif (a==b) {return} else if v,ok:=<-ch;ok{_=v}\nselect{}\ngo func(){h()}()\n}\n",
        "package p\n\nfunc f(a, b int) (c int, err error) {\nL:\n\tfor i := 0; i < 3; i++ {\n\t\tswitch x := g(); x {\n\t\tcase 1, 2:\n\t\t\tcontinue L\n\t\tdefault:\n\t\t\t// nothing\n\t\t}\n\t}\n\tif a == b {\n\t\treturn\n\t} else if v, ok := <-ch; ok {\n\t\t_ = v\n\t}\n\tselect {}\n\tgo func() { h() }()\n}\n",
    );
}

#[test]
fn generics_and_types() {
    formats(
        "package p\ntype L[T any,] struct{next *L[T];v T}\ntype A [N]int\ntype P[T *C,] int\ntype I interface{~int|~string;M(x int)string}\nfunc F[K comparable,V int|string](m map[K]V, c <-chan K, d chan<- V){}\n",
        "package p\n\ntype L[T any] struct {\n\tnext *L[T]\n\tv    T\n}\ntype A [N]int\ntype P[T *C,] int\ntype I interface {\n\t~int | ~string\n\tM(x int) string\n}\n\nfunc F[K comparable, V int | string](m map[K]V, c <-chan K, d chan<- V) {}\n",
    );
}

#[test]
fn no_blank_lines_at_the_end_of_imports() {
    formats(
        "package p\n\nimport (\n\t\"a\" // x\n\n\t// y\n\n)\n",
        "package p\n\nimport (\n\t\"a\" // x\n\t// y\n)\n",
    );
}

#[test]
fn unions_may_begin_with_brackets() {
    formats(
        "package p\nfunc f[B []byte|string,C ~[]B](b B, c G[B], d [4]int) {}\n",
        "package p\n\nfunc f[B []byte | string, C ~[]B](b B, c G[B], d [4]int) {}\n",
    );
}

#[test]
fn comments_keep_their_places() {
    formats(
        "// Package p.\npackage p // the package\n\n/* block\n   more */\nfunc f() { // opens\n\n\n  x := 1 /* in */ + 2\n  // alone\n\n}\n// end\n",
        "// Package p.\npackage p // the package\n\n/*\nblock\n\n\tmore\n*/\nfunc f() { // opens\n\n\tx := 1 /* in */ + 2\n\t// alone\n\n}\n\n// end\n",
    );
}

#[test]
fn imports_are_sorted_between_blank_lines() {
    formats(
        "package p\nimport (\n\"os\"\n\"fmt\" // print\n\n\"b\"\nx \"a\"\n\"b\"\n)\n",
        "package p\n\nimport (\n\t\"fmt\" // print\n\t\"os\"\n\n\tx \"a\"\n\t\"b\"\n)\n",
    );
}

#[test]
fn scripts_keep_their_first_line() {
    formats(
        "#!/usr/bin/env gosub\nx:=1\nfmt.Println( x )\nfunc f()  {\n}\n",
        "#!/usr/bin/env gosub\nx := 1\nfmt.Println(x)\n\nfunc f() {\n}\n",
    );
}

#[test]
fn build_lines_go_to_the_top() {
    formats(
        "// +build linux,!arm\n\n// Text.\n\npackage p\n",
        "//go:build linux && !arm\n// +build linux,!arm\n\n// Text.\n\npackage p\n",
    );
}

#[test]
fn faulty_files_are_refused() {
    let errors = format("package p\nfunc f( {\n").expect_err("no Go");
    assert!(errors[0].message.starts_with("syntax error"), "{errors:?}");
    assert!(format("x := (1\n").is_err());
    assert!(format("package p\nvar s = \"open\n").is_err());
}

/// Deep nesting and odd bytes are refused or laid out, never a crash. The stack is that of
/// the compiler's thread.
#[test]
fn hostile_input() {
    let work = || {
        for text in [
            "(", "{", "[", "func(", "x{", "if ", "*", "/*", "//", "\u{feff}", "x+",
        ] {
            let _ = format(&text.repeat(20_000));
        }
        assert!(format(&"(".repeat(20_000)).is_err());
        let _ = format("package p\nvar x = 1 /* */ /* \n */ + 2 //");
    };
    let thread = std::thread::Builder::new().stack_size(512 << 20);
    let done = thread.spawn(work).expect("a thread").join();
    assert!(done.is_ok());
}
