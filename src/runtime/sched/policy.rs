//! Scheduling decisions in one place.
//!
//! The default is compiled in (`Policies::Go` calls inline functions; no indirect call on
//! the hot path). Another policy implements [`Policy`] and is given to the runtime at
//! start: a seeded one with one P replays a run exactly, because every random choice and
//! every placement comes through here.

use crate::runtime::{prim, tuning};
use std::cell::Cell;

/// Where a G that became runnable goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Runs next, on this P, on the rest of the slice.
    Next,
    /// The end of this P's ring.
    Tail,
    /// The global queue.
    Global,
}

/// What made it runnable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A `go` statement.
    Spawned,
    /// Another goroutine's operation.
    Readied,
}

/// A scheduling policy. `seed` is the M's own random state.
pub trait Policy: Send + Sync {
    /// Random word: select order, victims.
    fn random(&self, seed: &Cell<u64>) -> u32 {
        prim::next_random(seed)
    }
    /// Where a runnable G goes.
    fn place(&self, _cause: Cause, _seed: &Cell<u64>) -> Place {
        Place::Next
    }
    /// Whether this tick looks at the global queue first.
    fn global_first(&self, tick: u32) -> bool {
        tick.is_multiple_of(tuning::GLOBAL_TICK)
    }
    /// Length of a time slice in ns.
    fn slice_ns(&self) -> i64 {
        tuning::SLICE_NS
    }
}

/// Go's own decisions.
#[derive(Clone, Copy, Default, Debug)]
pub struct GoPolicy;
impl Policy for GoPolicy {}

/// The policy in force.
pub enum Policies {
    Go(GoPolicy),
    Custom(Box<dyn Policy>),
}

macro_rules! with {
    ($self:ident, $p:ident => $e:expr) => {
        match $self {
            Policies::Go($p) => $e,
            Policies::Custom($p) => $e,
        }
    };
}

impl Policies {
    #[inline]
    pub fn random(&self, seed: &Cell<u64>) -> u32 {
        with!(self, p => p.random(seed))
    }
    #[inline]
    pub fn place(&self, cause: Cause, seed: &Cell<u64>) -> Place {
        with!(self, p => p.place(cause, seed))
    }
    #[inline]
    pub fn global_first(&self, tick: u32) -> bool {
        with!(self, p => p.global_first(tick))
    }
    #[inline]
    pub fn slice_ns(&self) -> i64 {
        with!(self, p => p.slice_ns())
    }
    /// A number below `n` (which is not 0).
    #[inline]
    pub fn below(&self, n: u32, seed: &Cell<u64>) -> u32 {
        ((u64::from(self.random(seed)) * u64::from(n)) >> 32) as u32
    }
}
