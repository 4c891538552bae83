//! The command line.

pub mod color;
pub mod complete;
pub mod constraint;
pub mod doc;
pub mod explain;
pub mod fmt;
pub mod man;
pub mod options;
pub mod repl;
pub mod run;
pub mod suggest;
pub mod test;
pub mod vet;
