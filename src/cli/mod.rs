//! The command line.

pub mod options;
pub mod run;
