//! gosub: runs Go programs on an M:N scheduler without a build step.
//! The modules stand in reading order; see ARCHITECTURE.md for who may use whom.

pub mod base;
pub mod bytecode;
pub mod cli;
pub mod cover;
pub mod doc;
pub mod embed;
mod embedded_files;
pub mod explain;
pub mod format;
pub mod heap;
pub mod load;
pub mod lower;
pub mod race;
pub mod runtime;
pub mod script;
pub mod stdlib;
pub mod syntax;
pub mod types;
pub mod vet;
pub mod vm;
