//! The printed forms of many values through many formats equal real Go's: the program
//! `tests/data/fmt_table.gosub` prints them, `fmt_table.txt` beside it is what Go prints.

use std::process::Command;

#[test]
fn printed_forms_are_gos() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    let want = std::fs::read_to_string(format!("{dir}/fmt_table.txt")).expect("the table");
    let out = Command::new(env!("CARGO_BIN_EXE_gosub"))
        .args(["run", &format!("{dir}/fmt_table.gosub")])
        .output()
        .expect("gosub runs");
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let got = String::from_utf8_lossy(&out.stdout);
    assert!(want.lines().count() >= 2000, "the table is large");
    let wrong: Vec<String> = want
        .lines()
        .zip(got.lines())
        .filter(|(w, g)| w != g)
        .map(|(w, g)| format!("Go:    {w}\ngosub: {g}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(want.lines().count(), got.lines().count());
}
