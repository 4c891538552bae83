//! Whole print calls over values built by hand.

use super::float::append_float;
use super::testing::*;
use crate::heap::rtti::{Kind, Rtti};

type Operand = (u64, u64);

fn int(v: i64) -> Operand {
    (scalar(Kind::Int, "int") as *const Rtti as u64, v as u64)
}

fn float(v: f64) -> Operand {
    (
        scalar(Kind::Float64, "float64") as *const Rtti as u64,
        v.to_bits(),
    )
}

fn text_of(t: &'static Rtti, s: &str) -> Operand {
    let p = room(16);
    put_string(p, s.as_bytes());
    iface(t, p)
}

fn text(s: &str) -> Operand {
    text_of(scalar(Kind::String, "string"), s)
}

const NIL: Operand = (0, 0);

/// A slice operand of 16-byte elements.
fn slice(name: &str, elem: &'static Rtti, elems: &[Operand]) -> Operand {
    let (base, header) = (room(16 * elems.len()), room(16));
    for (i, &(a, b)) in elems.iter().enumerate() {
        // SAFETY: inside the room.
        put_pair(unsafe { base.add(16 * i) }, a, b);
    }
    put_slice(header, base, elems.len());
    iface(with_elem(Kind::Slice, name, elem), header)
}

fn anys(elems: &[Operand]) -> Operand {
    slice(
        "[]interface {}",
        scalar(Kind::Interface, "interface {}"),
        elems,
    )
}

#[test]
fn integers() {
    for (format, v, want) in [
        ("%d|%v", 42, "42|42"),
        ("%5d|%-5d|", 42, "   42|42   |"),
        ("%05d|%+d", -7, "-0007|-7"),
        ("%x|%#X", 255, "ff|0XFF"),
        ("%b|%o|%#o|%O", 8, "1000|10|010|0o10"),
        ("%c|%q|%U|%#U", 0x78, "x|'x'|U+0078|U+0078 'x'"),
        ("%.3d|%8.3d", 5, "005|     005"),
        ("%.0d|%3.0d|", 0, "|   |"),
        ("%s|%z", 1, "%!s(int=1)|%!z(int=1)"),
    ] {
        let n = format.matches('%').count();
        assert_eq!(sprintf(format, &vec![int(v); n]), want, "{format}");
    }
}

#[test]
fn floats() {
    for (format, v, want) in [
        ("%v|%g", 1e21, "1e+21|1e+21"),
        ("%v|%v", 1234567.0, "1.234567e+06|1.234567e+06"),
        ("%6.2f|%-8.3f|", 2.5, "  2.50|2.500   |"),
        ("%+08.2f|%e", 2.5, "+0002.50|2.500000e+00"),
        ("%#g|%#.3x", 1.0, "1.00000|0x1.000p+00"),
        ("%.0f|%.0f", 2.5, "2|2"),
        ("%5v|%06v", f64::INFINITY, " +Inf|  +Inf"),
        ("%v|%+f", f64::NAN, "NaN|+NaN"),
        ("%d|%v", -0.0, "%!d(float64=-0)|-0"),
    ] {
        assert_eq!(sprintf(format, &[float(v); 2]), want, "{format}");
    }
    let mut out = Vec::new();
    for (v, fmt, prec, bits) in [
        (0.1f32 as f64, b'g', -1, 32),
        (1_308_444_034_943_544.0 + 0.25, b'f', -1, 64),
        (5e-324, b'e', -1, 64),
        (1.0, b'b', -1, 64),
        (1e23, b'f', 0, 64),
        (1.0, b'y', 0, 64),
    ] {
        append_float(&mut out, v, fmt, prec, bits);
        out.push(b' ');
    }
    let want = "0.1 1308444034943544.2 5e-324 4503599627370496p-52 99999999999999991611392 %y ";
    assert_eq!(String::from_utf8(out).unwrap(), want);
}

#[test]
fn strings() {
    assert_eq!(
        sprintf("%s|%q|%x|% X", &[text("hi"); 4]),
        "hi|\"hi\"|6869|68 69"
    );
    assert_eq!(
        sprintf("%5.1s|%-6q|%05s", &[text("é"); 3]),
        "    é|\"é\"   |0000é"
    );
    assert_eq!(
        sprintf("%#q %+q %#v %d", &[text("é"); 4]),
        "`é` \"\\u00e9\" \"é\" %!d(string=é)"
    );
}

#[test]
fn format_strings_gone_wrong() {
    for (format, want) in [
        ("%d %d", "1 2"),
        ("%d", "1%!(EXTRA int=2)"),
        ("%d %d %d", "1 2 %!d(MISSING)"),
        ("%[2]d %[1]d", "2 1"),
        ("%[3]d|%[x]d|%[2]*[1]d", "%!d(BADINDEX)|%!d(BADINDEX)| 1"),
        ("%d %", "1 %!(NOVERB)%!(EXTRA int=2)"),
        ("%*d", "2"),
        ("%.*d", "2"),
        ("%d %d %*d", "1 2 %!(BADWIDTH)%!d(MISSING)"),
        ("%[1]*.[2]*[2]d%%", "02%"),
    ] {
        assert_eq!(sprintf(format, &[int(1), int(2)]), want, "{format}");
    }
    assert_eq!(
        sprintf("%s %v %d %T", &[NIL; 4]),
        "%!s(<nil>) <nil> %!d(<nil>) <nil>"
    );
    assert_eq!(sprintf("%*d", &[text("a"), int(1)]), "%!(BADWIDTH)1");
}

#[test]
fn aggregates() {
    let (int_t, string_t) = (scalar(Kind::Int, "int"), scalar(Kind::String, "string"));
    let t = structure("main.T", &[("A", int_t), ("b", string_t)]);
    let p = room(t.size());
    // SAFETY: the fields lie inside the room.
    unsafe {
        p.cast::<i64>().write(7);
        put_string(p.add(t.parts().fields[1].offset), b"x");
    }
    let v = iface(t, p);
    assert_eq!(sprintf("%v %+v %T", &[v; 3]), "{7 x} {A:7 b:x} main.T");
    assert_eq!(
        sprintf("%#v %d", &[v; 2]),
        "main.T{A:7, b:\"x\"} {7 %!d(string=x)}"
    );
    let pointer = with_elem(Kind::Pointer, "*main.T", t);
    let to = (pointer as *const Rtti as u64, p as u64);
    assert_eq!(sprintf("%v %+v", &[to, to]), "&{7 x} &{A:7 b:x}");
    assert_eq!(sprintf("%v", &[anys(&[to])]), format!("[0x{:x}]", p as u64));
    assert_eq!(sprintf("%v", &[(to.0, 0)]), "<nil>");
    assert_eq!(
        sprintf("%#v", &[anys(&[int(1), NIL])]),
        "[]interface {}{1, interface {}(nil)}"
    );
    let triple = array("[3]int", 3, int_t);
    assert_eq!(sprintf("%v", &[iface(triple, room(24))]), "[0 0 0]");
    assert_eq!(sprintf("%3v", &[anys(&[int(1), text("a")])]), "[  1   a]");
}

#[test]
fn maps_print_sorted() {
    let (int_t, string_t) = (scalar(Kind::Int, "int"), scalar(Kind::String, "string"));
    let t = map("map[string]int", string_t, int_t);
    let mut entries = TestMap::new();
    for (k, e) in [("b", 2i64), ("a", 1), ("c", 3)] {
        let (key, elem) = (room(16), room(8));
        put_string(key, k.as_bytes());
        // SAFETY: room for a word.
        unsafe { elem.cast::<i64>().write(e) };
        entries.push((key, elem));
    }
    let v = (
        t as *const Rtti as u64,
        Box::leak(Box::new(entries)) as *const _ as u64,
    );
    assert_eq!(sprintf("%v", &[v]), "map[a:1 b:2 c:3]");
    assert_eq!(
        sprintf("%#v", &[v]),
        "map[string]int{\"a\":1, \"b\":2, \"c\":3}"
    );
    assert_eq!(
        sprintf("%v %#v", &[(v.0, 0); 2]),
        "map[] map[string]int(nil)"
    );
}

#[test]
fn methods_leave_gaps() {
    let string_t = scalar(Kind::String, "main.S");
    let stringer = with_methods(string_t, &["String"]);
    let error = with_methods(scalar(Kind::String, "main.E"), &["Error", "String"]);
    let formatter = with_methods(scalar(Kind::String, "main.F"), &["Format"]);
    let (s, e, f) = (
        text_of(stringer, "s"),
        text_of(error, "e"),
        text_of(formatter, "f"),
    );
    assert_eq!(
        sprintf("<%v|%5s|%q|%x>", &[s, s, s, e]),
        "<S:s|  S:s|\"S:s\"|453a65>"
    );
    assert_eq!(sprintf("%d %#v %v", &[s, s, f]), "%!d(main.S=s) \"s\" F:f");
    assert_eq!(
        sprintf("%v", &[anys(&[s, e, f, NIL])]),
        "[S:s E:e F:f <nil>]"
    );
    assert_eq!(sprintf("%w", &[e]), "%!w(main.E=e)");
    let t = structure("main.T", &[("A", stringer), ("b", stringer)]);
    let p = room(t.size());
    put_string(p, b"x");
    // SAFETY: the second field follows the first.
    put_string(unsafe { p.add(16) }, b"y");
    assert_eq!(sprintf("%v", &[iface(t, p)]), "{S:x y}");
}

#[test]
fn print_and_println() {
    let list = [text("a"), int(1), int(2), text("b"), float(3.0), NIL, NIL];
    assert_eq!(sprint(&list, false), "a1 2b3 <nil> <nil>");
    assert_eq!(sprint(&list, true), "a 1 2 b 3 <nil> <nil>\n");
    assert_eq!(sprint(&[], true), "\n");
}

#[test]
fn endless_nesting_is_noticed() {
    let any = scalar(Kind::Interface, "interface {}");
    let t = with_elem(Kind::Slice, "[]interface {}", any);
    let (elem, header) = (room(16), room(16));
    put_slice(header, elem, 1);
    put_pair(elem, t as *const Rtti as u64, header as u64);
    let mut printer = super::value::Printer::new(Vec::new(), walk);
    // SAFETY: a slice that holds itself.
    unsafe { printer.operand(t as *const Rtti as u64, header as u64, 'v' as u32) };
    assert!(printer.overflow);
}
