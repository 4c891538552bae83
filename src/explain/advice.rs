//! Notes for people who are new to Go: what to write instead, where an error has a usual
//! cause. Only the human format and JSON show them.

use crate::base::diag::Diagnostic;
use crate::base::span::SourceMap;

/// Errors that get advice; more than this is not read anyway.
const MAX_ADVISED: usize = 30;

/// Adds notes to the errors of a program. `import_path` gives the standard package that is
/// meant by a name.
pub fn add(
    diags: &mut [Diagnostic],
    sources: &SourceMap,
    import_path: &dyn Fn(&str) -> Option<String>,
) {
    for d in diags.iter_mut().take(MAX_ADVISED) {
        let (before, after) = around(sources, d);
        let note = match d.code {
            "Syntax" => syntax(&d.message, before, after).map(str::to_string),
            "UndeclaredName" => undeclared(&d.message, after, import_path),
            _ => advice(d.code, &d.message),
        };
        if let Some(n) = note
            && !d.notes.contains(&n)
        {
            d.notes.push(n);
        }
    }
}

/// The line of an error up to its place and from there.
fn around<'s>(sources: &'s SourceMap, d: &Diagnostic) -> (&'s str, &'s str) {
    let Some((_, f)) = sources.file_of(d.span.lo) else {
        return ("", "");
    };
    let at = (d.span.lo - f.base) as usize;
    let (Some(before), Some(after)) = (f.text.get(..at), f.text.get(at..)) else {
        return ("", "");
    };
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let end = after.find('\n').unwrap_or(after.len());
    (&before[start..], &after[..end])
}

fn syntax(message: &str, before: &str, after: &str) -> Option<&'static str> {
    let has = |s: &str| message.contains(s);
    let word = before.split_whitespace().next_back().unwrap_or("");
    Some(if has("cannot use assignment") {
        "= assigns; == compares"
    } else if has(" := ") && has("as value") {
        "a condition comes after the declaration: if x := f(); x > 0 {"
    } else if has("newline before {") || has("newline, expected { after") {
        "the opening brace stands on the same line, since a line end ends the statement"
    } else if has("unexpected keyword else") {
        "else stands on the line of the closing brace: } else {"
    } else if has("package statement must be first") {
        "only a script, which stands alone, leaves that out; other files begin with package main"
    } else if word == "while" {
        "for is Go's only loop: for CONDITION {"
    } else if after.starts_with("in ") && before.contains("for ") {
        "elements come from range: for i, x := range xs {"
    } else if matches!(word, "let" | "const" | "auto") && has("at end of statement") {
        "a variable is declared with :=, x := 1, or with var"
    } else if matches!(word, "def" | "fn" | "function") {
        "functions begin with func: func f(x int) int {"
    } else if matches!(word, "class") {
        "types are declared with type: type T struct {"
    } else if matches!(word, "try" | "try:") {
        "errors are values: if err != nil {"
    } else if (has("unexpected ] at") || has("unexpected comma; expected ]"))
        && (before.contains("= [") || before.contains("(["))
    {
        "a list names its type: []int{1, 2, 3}"
    } else if has("at end of statement")
        && [before, after]
            .iter()
            .any(|t| t.contains("++") || t.contains("--"))
    {
        "x++ and x-- are statements; they have no value"
    } else if has("possibly missing comma or }") || has("newline in argument list") {
        "the last element of several lines has a comma, too, or the closing bracket beside it"
    } else if has("non-declaration statement") && after.contains(":=") {
        "outside functions variables are declared with var: var x = 1"
    } else if has("non-declaration statement") {
        "outside functions there are only declarations; is there a } too many above?"
    } else if has("else must be followed") {
        "braces are never left out: else { ... }"
    } else if has("unexpected ?") || has("U+003F") {
        "there is no ?: operator; use if and else"
    } else {
        return None;
    })
}

fn undeclared(
    message: &str,
    after: &str,
    import_path: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let name = message.strip_prefix("undefined: ")?;
    let rest = after.strip_prefix(name)?.trim_start();
    if rest.starts_with('.')
        && let Some(path) = import_path(name)
    {
        return Some(format!("it is a package: import \"{path}\""));
    }
    if rest.starts_with('=') && !rest.starts_with("==") {
        return Some(format!("a new variable is declared with :=, {name} := ..."));
    }
    let word = match name {
        "null" | "None" | "NULL" => "nil",
        "True" => "true",
        "False" => "false",
        "self" | "this" => "the receiver has the name that the method gives it",
        "printf" | "print" | "puts" | "echo" => "fmt.Println prints",
        "char" => "rune, or byte for ASCII",
        "double" => "float64",
        "float" => "float64 or float32",
        "str" | "String" => "string",
        "boolean" => "bool",
        "integer" => "int",
        "throw" | "raise" => "errors are values: return an error, or panic",
        _ => return None,
    };
    Some(if word.contains(' ') {
        word.to_string()
    } else {
        format!("in Go that is {word}")
    })
}

const NUMBERS: [&str; 13] = [
    "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64", "byte",
];

/// Two types of `... (mismatched types A and B)` and the like.
fn two_types<'m>(message: &'m str, between: &str) -> Option<(&'m str, &'m str)> {
    let (_, rest) = message.rsplit_once("mismatched types ")?;
    rest.trim_end_matches(')').split_once(between)
}

fn advice(code: &str, message: &str) -> Option<String> {
    let has = |s: &str| message.contains(s);
    let number = |t: &str| NUMBERS.contains(&t);
    let text = match code {
        "BadToken" if has("in rune literal") => "text stands in double quotes: \"text\"",
        "BadToken" if has("U+003F") => "there is no ?: operator; use if and else",
        "TooManyValues" if message.starts_with("multiple-value") => {
            "take every result first, with _ for those that are not needed: x, err := ..."
        }
        "NoNewVar" => "= assigns to variables that exist; := declares",
        "MissingReturn" => "every way through the function must end in return or panic",
        "UntypedNilUse" => "nil alone has no type; declare one: var x *T",
        "InvalidCall" if has("must be function call") => {
            "call it: func() { ... }() has parentheses at the end"
        }
        "WrongAssignCount" if has(" returns ") => {
            "take every result, with _ for those that are not needed"
        }
        "CannotInferTypeArgs" => "name the type arguments in brackets: f[int](...)",
        "UnaddressableFieldAssign" => {
            "a map's elements cannot be changed in place: v := m[k]; v.f = x; m[k] = v"
        }
        "UnusedExpr" if message.starts_with("append(") => {
            "append returns the longer slice: s = append(s, x)"
        }
        "UnusedExpr" if has("(value of type func(") => "a function is called with parentheses",
        "UnusedExpr" => "fmt.Println(x) prints a value, _ = x throws it away",
        "MissingFieldOrMethod" if has("(type []") && has("method append") => {
            "slices grow with the function append: s = append(s, x)"
        }
        "MissingFieldOrMethod"
            if ["length", "Length", "size", "Len", "len", "count"]
                .iter()
                .any(|w| message.ends_with(&format!("method {w})")))
                && (has("(type []") || has("(type map[") || has("(type string ")) =>
        {
            "the function len gives the length: len(x)"
        }
        "MismatchedTypes" => {
            if let Some((a, b)) = two_types(message, " and ") {
                let duration = a == "time.Duration" || b == "time.Duration";
                if number(a) && number(b) {
                    return Some(format!("convert one of them, as in {b}(x)"));
                } else if duration && (number(a) || number(b)) {
                    "convert the number: time.Duration(n) * time.Second"
                } else if a.ends_with("string") != b.ends_with("string")
                    && (number(a)
                        || number(b)
                        || a.starts_with("untyped") && b.starts_with("untyped"))
                {
                    "fmt.Sprint and strconv.Itoa make text of a number"
                } else if a.starts_with('*') && b.starts_with("untyped") {
                    "a pointer is compared with nil; *p is what p points to"
                } else {
                    return None;
                }
            } else if has("cannot use operator") {
                "the constraint must allow it: cmp.Ordered has < and >, comparable has =="
            } else {
                return None;
            }
        }
        "IncompatibleAssign" => {
            let want = message.split(") as ").nth(1)?.split(" value in").next()?;
            let have = message.split(" type ").nth(1)?.split(')').next()?;
            if has("has pointer receiver") {
                "only the pointer has this method: use &v"
            } else if number(have) && number(want) {
                return Some(format!("convert it: {want}(x)"));
            } else if number(have) && want == "string" {
                "fmt.Sprint and strconv.Itoa make text of a number"
            } else if have == "string" && number(want) {
                "strconv.Atoi and strconv.ParseFloat read numbers from text"
            } else if format!("*{have}") == want {
                "take the address: &x"
            } else if have == format!("*{want}") {
                "take what it points to: *x"
            } else {
                return None;
            }
        }
        _ => return None,
    };
    Some(text.to_string())
}

#[cfg(test)]
mod tests {
    use crate::load::load_program;
    use crate::types::check::CheckOptions;

    fn notes(body: &str) -> Vec<String> {
        let text = format!("package main\n\n{body}\n");
        let l = load_program(&[("p.go".into(), text)], &CheckOptions::default());
        l.diagnostics.iter().flat_map(|d| d.notes.clone()).collect()
    }

    #[test]
    fn beginners_are_told_what_to_write() {
        let table = [
            ("func main() { fmt.Println() }", "import \"fmt\""),
            ("func main() { x = 1 }", "x := ..."),
            (
                "func main() { if x := 1 { } }",
                "comes after the declaration",
            ),
            ("func main()\n{\n}", "on the same line"),
            ("func main() { let x = 1 }", "x := 1"),
            ("func main() { for x in y { } }", "range xs"),
            ("func main() { x := [1, 2] }", "[]int{1, 2, 3}"),
            ("func main() { x := 1; y := x++ }", "no value"),
            ("func main() { x := 1 ? 2 : 3 }", "?: operator"),
            ("func main() { x := 'ab' }", "double quotes"),
            (
                "func f() (int, error) { return 0, nil }\nvar x = f()\nfunc main() { }",
                "every result first",
            ),
            ("func main() { x := 1; x }", "throws it away"),
            ("func main() { while true { } }", "only loop"),
            ("func main() { if true { }\nelse { } }", "} else {"),
            ("x := 1\nfunc main() { }", "var x = 1"),
            (
                "func main() { var a int; var b float64; _ = a + b }",
                "float64(x)",
            ),
            ("func main() { x := 1; _ = \"x\" + x }", "strconv.Itoa"),
            ("func main() { x := 1; x := 2; _ = x }", "= assigns"),
            ("func main() { go func() { } }", "parentheses"),
            (
                "func main() { s := []int{}; append(s, 1) }",
                "s = append(s, x)",
            ),
            ("func main() { s := []int{}; _ = s.length }", "len(x)"),
            ("func f[T any]() { }\nfunc main() { f() }", "f[int](...)"),
            (
                "func f() (int, error) { return 0, nil }\nfunc main() { x := f(); _ = x }",
                "every result",
            ),
            (
                "type T struct{}\nfunc (*T) M() {}\nvar x interface{ M() } = T{}\nfunc main() { }",
                "&v",
            ),
            (
                "type P struct{ Name string }\nvar p = P{Nmae: \"x\"}\nfunc main() { }",
                "did you mean Name?",
            ),
        ];
        for (program, want) in table {
            let found = notes(program);
            assert!(
                found.iter().any(|n| n.contains(want)),
                "{program}: {found:?}"
            );
        }
    }
}
