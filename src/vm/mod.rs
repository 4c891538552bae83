//! The virtual machine: executes bytecode as the scheduler's executor.

pub mod afterlife;
mod collect;
pub mod cx;
pub mod dispatch;
pub mod exec;
pub mod fault;
pub mod goroutine;
pub mod natives;
pub mod ops;
pub mod panic_text;
pub mod roots;
pub mod session;
pub mod traceback;
pub mod unwind;
