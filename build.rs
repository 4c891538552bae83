//! Turns `grammar/gosub.lalrpop` into the parser tables, and lists `stdlib/*.gosub` for
//! embedding, both under `OUT_DIR`.

use std::fmt::Write;

fn main() {
    println!("cargo:rerun-if-changed=grammar");
    println!("cargo:rerun-if-changed=stdlib");
    lalrpop::Configuration::new()
        .use_cargo_dir_conventions()
        .set_in_dir("grammar")
        .emit_rerun_directives(true)
        .process()
        .expect("the grammar must compile");

    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets this");
    let mut names: Vec<String> = std::fs::read_dir("stdlib")
        .expect("the stdlib folder")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.ends_with(".gosub"))
        .collect();
    names.sort();
    let mut table = String::from("static FILES: &[(&str, &str)] = &[\n");
    for n in names {
        writeln!(
            table,
            "    ({n:?}, include_str!({:?})),",
            format!("{root}/stdlib/{n}")
        )
        .expect("a string");
    }
    table.push_str("];\n");
    let out = std::env::var("OUT_DIR").expect("cargo sets this");
    std::fs::write(format!("{out}/stdlib_table.rs"), table).expect("OUT_DIR is writable");
}
