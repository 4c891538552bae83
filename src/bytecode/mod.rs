//! The register bytecode: instruction table, programs, listing, verifier.

pub mod disasm;
pub mod instr;
pub mod layout;
pub mod program;
pub mod verify;
