//! `gosub explain CODE`.

use super::options::exit;
use crate::explain;

/// Prints the explanation of one code, or the list of all codes; the exit code.
pub fn main(code: Option<&str>) -> i32 {
    let Some(code) = code else {
        for e in explain::entries() {
            let first = e.text.split(". ").next().unwrap_or(e.text);
            println!("{:<26}{}", e.code, first.trim_end_matches('.'));
        }
        return exit::OK;
    };
    if let Some(e) = explain::find(code) {
        print!("{}", explain::render(&e));
        return exit::OK;
    }
    eprintln!("gosub: no error has the code {code}");
    let near = explain::similar(code);
    if !near.is_empty() {
        eprintln!("did you mean {}?", near.join(", "));
    }
    exit::FATAL
}
