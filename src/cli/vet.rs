//! `gosub vet`, and the findings that `gosub check` shows as warnings.

use super::options::exit;
use crate::base::diag::{Diagnostic, Severity};
use crate::load::Loaded;

/// Findings about the program itself, not about the library.
pub fn findings(l: &Loaded) -> Vec<Diagnostic> {
    match l.packages.last() {
        Some(main) if !l.has_errors() => crate::vet::vet(main, &l.sources),
        _ => Vec::new(),
    }
}

/// Whether a finding may well be meant. Tools that ask `gosub check` for the short form want
/// no such thing of a correct program; `gosub vet` and all other forms show them.
pub fn harmless(d: &Diagnostic) -> bool {
    matches!(
        d.code,
        "VetUnreachable"
            | "VetSelfAssign"
            | "VetBools"
            | "VetIfaceAssert"
            | "VetBuildTag"
            | "VetDirective"
    )
}

/// For `gosub vet` the findings are what counts: printed as go vet does, they decide the
/// exit code.
pub fn as_errors(found: &mut [Diagnostic]) {
    for d in found {
        d.severity = Severity::Error;
    }
}

/// The exit code of `gosub vet`, as go vet's.
pub fn code(found: &[Diagnostic]) -> i32 {
    if found.is_empty() {
        exit::OK
    } else {
        exit::FAILED
    }
}
