//! From text to tree: tokens, automatic semicolons, grammar, syntax errors.

pub mod ast;
pub mod build;
mod build_stmt;
mod build_type;
mod diagnose;
pub mod dump;
pub mod lex;
pub mod literal;
pub mod parse;
mod quick;
mod quick_lex;
mod script;
#[cfg(test)]
mod tests;
pub mod token;

pub use literal::{rune_value, string_value};

lalrpop_util::lalrpop_mod!(
    #[allow(clippy::all, clippy::pedantic, missing_docs, dead_code, unused)]
    grammar,
    "/gosub.rs"
);
