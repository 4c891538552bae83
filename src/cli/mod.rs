//! The command line.

pub mod doc;
pub mod explain;
pub mod fmt;
pub mod options;
pub mod run;
pub mod suggest;
pub mod test;
pub mod vet;
