//! The order in which the runtime's locks may be taken, checked in debug builds.
//!
//! A thread may take a lock only if its rank is higher than that of every lock it
//! holds. Two locks of one rank may be held together only for channels, in ascending
//! address order (that is how `select` locks).

/// The locks, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Rank {
    /// A descriptor of the netpoller (`netpoll`). Deadlines are set under it.
    Poll,
    /// The table of bubbles (`bubble`).
    Bubbles,
    /// A P's timer heap (`timers::heap`).
    Timers,
    /// A channel (`chan`). Firing a channel timer takes it under `Timers`.
    Chan,
    /// A bucket of the semaphore table (`sync::sema`); also a Cond's notify list.
    Sema,
    /// Who waits for a bubble (`bubble`).
    Bubble,
    /// A variable of the race detector (`race::sync`).
    RaceVar,
    /// The scheduler's idle lists and global queue (`sched::idle`, `sched::inject`).
    Sched,
    /// The netpoller's list of free descriptors.
    PollTable,
    /// The registry of Gs and the global list of dead ones (`sched::registry`).
    Registry,
}

#[cfg(all(debug_assertions, not(shuttle)))]
mod held {
    use super::Rank;
    use std::cell::RefCell;
    thread_local! {
        static HELD: RefCell<Vec<(Rank, usize)>> = const { RefCell::new(Vec::new()) };
    }
    pub(super) fn acquire(rank: Rank, addr: usize) {
        HELD.with_borrow_mut(|held| {
            for &(r, a) in held.iter() {
                let fine = r < rank || (r == rank && rank == Rank::Chan && a < addr);
                assert!(
                    fine,
                    "lock order: {rank:?} {addr:#x} taken while holding {r:?} {a:#x}"
                );
            }
            held.push((rank, addr));
        });
    }
    pub(super) fn release(rank: Rank, addr: usize) {
        HELD.with_borrow_mut(|held| {
            let at = held.iter().rposition(|h| *h == (rank, addr));
            held.remove(at.expect("released lock is held by this thread"));
        });
    }
    pub(super) fn none() -> bool {
        HELD.with_borrow(Vec::is_empty)
    }
}

/// Notes that this thread is about to take a lock; checks the order.
#[inline(always)]
pub fn acquire(rank: Rank, addr: usize) {
    #[cfg(all(debug_assertions, not(shuttle)))]
    held::acquire(rank, addr);
    let _ = (rank, addr);
}

/// Notes that this thread gives a lock back.
#[inline(always)]
pub fn release(rank: Rank, addr: usize) {
    #[cfg(all(debug_assertions, not(shuttle)))]
    held::release(rank, addr);
    let _ = (rank, addr);
}

/// Checks that this thread holds no runtime lock (before guest code or a long wait).
#[inline(always)]
pub fn assert_none_held() {
    #[cfg(all(debug_assertions, not(shuttle)))]
    assert!(
        held::none(),
        "a runtime lock is held across a wait or guest code"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_enforced() {
        acquire(Rank::Timers, 1);
        acquire(Rank::Chan, 2);
        acquire(Rank::Chan, 3);
        let wrong = std::panic::catch_unwind(|| acquire(Rank::Timers, 4)).is_err();
        assert_eq!(wrong, cfg!(all(debug_assertions, not(shuttle))));
        release(Rank::Chan, 2);
        release(Rank::Chan, 3);
        release(Rank::Timers, 1);
        assert_none_held();
    }
}
