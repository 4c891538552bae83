//! Foundations without domain knowledge: sources, spans, names, diagnostics.

pub mod diag;
pub mod intern;
pub mod render;
pub mod similar;
pub mod span;
pub mod stack;
