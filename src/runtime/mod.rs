//! The runtime: scheduler, channels, synchronisation, timers. It never names the VM;
//! goroutines are run by a `sched::Executor`.

#[cfg(shuttle)]
pub mod model;
#[cfg(all(test, shuttle))]
mod model_tests;
pub mod prim;

pub mod bubble;
pub mod chan;
pub mod fault;
pub mod limits;
pub mod lock_rank;
pub mod netpoll;
pub mod sched;
pub mod signals;
pub mod sync;
pub mod timers;
pub mod trace;
pub mod tuning;
pub mod wait_reason;
