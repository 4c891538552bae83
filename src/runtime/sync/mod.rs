//! Native parts of Go's `sync`: each works on words of a guest struct through atomics.
//!
//! Convention. An operation returns [`Sync::Done`], [`Sync::Parked`] or a fault. The
//! executor saves the G's state *behind* the instruction before the call: a parked G's
//! operation is complete when the G runs again, no second call is needed. What remains to
//! be done after a wake-up (a mutex competing again, an RWMutex's second stage) is done by
//! the M loop through `G::pending` before it runs the G, and may park it again. Only a
//! misused WaitGroup reports late, through `G::take_wake`.
//!
//! Guest words (all zero = ready for use, none is a guest pointer):
//! Mutex 8 bytes: state u32, sema u32 · RWMutex 24: Mutex, writer sema u32, reader sema
//! u32, reader count i32, reader wait i32 · WaitGroup 16: state u64 (counter in the high
//! half, waiters in the low), sema u32, unused u32 · Cond's notify list 24: wait u32,
//! notify u32, head, tail.

pub mod cond;
pub mod mutex;
pub mod rwmutex;
pub mod sema;
#[cfg(all(test, not(loom)))]
mod tests;
pub mod waitgroup;

use super::fault::Fault;
use super::sched::task::{G, Pending, Wake};
use super::sched::worker::Worker;

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sync {
    Done,
    /// Queued; do not touch the G.
    Parked,
    /// Raise this panic or fatal error.
    Fault(Fault),
}

/// The M loop, before a woken G runs: what its operation still needs. False: parked again.
#[cold]
pub(crate) fn finish_pending(w: &Worker, g: &G) -> bool {
    let obj = g.wait_obj();
    match g.pending.replace(Pending::None) {
        Pending::None => true,
        Pending::Select => {
            super::chan::select::finish(w, g);
            true
        }
        Pending::Mutex => mutex::resume(w, g) == Sync::Done,
        Pending::RwLock => rwmutex::resume(w, g) == Sync::Done,
        Pending::WaitGroup => {
            if waitgroup::was_reused(obj) {
                g.wake.set(Wake::WgReused);
            }
            true
        }
    }
}
