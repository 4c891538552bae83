//! Who sleeps, and when somebody must be woken: the two counters that decide.
//!
//! The danger is the lost wake-up: work is queued, everyone sleeps. The protocol:
//!
//! * A *submitter* first makes the work visible (ring or global queue), then
//!   `fence(SeqCst)`, then looks: if some P is idle and no M is spinning, it claims the
//!   one spinning slot (0 → 1) and wakes an M as a spinner.
//! * A *searcher* that found nothing first counts its P as idle, then stops spinning,
//!   then `fence(SeqCst)`, then looks at all rings and the global queue once more; only
//!   then may its M sleep.
//!
//! Of the two fences one comes first, so either the submitter sees the idle P with no
//! spinner, or the searcher sees the work. A submitter that sees a spinner may go: that
//! spinner's own last look comes after its decrement.
//!
//! * A spinner that found work and was the last one looks whether more is queued and
//!   wakes the next (`last` from `stop_spinning`).
//!
//! A G put alone into `runnext` is no submission in this sense: its P is running and will
//! take it, so a missed wake-up costs parallelism, never progress. Those wake-ups go
//! through a back-off without a fence (`sched::worker::wake_soft`), and sysmon is the net.

use crate::runtime::prim::atomic::{AtomicU32, Ordering, fence};

/// Counts of idle Ps and spinning Ms.
pub struct Idle {
    /// Changed under the scheduler's lock, read by anyone.
    idle_ps: AtomicU32,
    spinning: AtomicU32,
}

impl Default for Idle {
    fn default() -> Idle {
        Idle {
            idle_ps: AtomicU32::new(0),
            spinning: AtomicU32::new(0),
        }
    }
}

impl Idle {
    /// Idle Ps now.
    #[inline]
    pub fn idle_ps(&self) -> u32 {
        self.idle_ps.load(Ordering::Relaxed)
    }
    /// Spinning Ms now.
    #[inline]
    pub fn spinning(&self) -> u32 {
        self.spinning.load(Ordering::Relaxed)
    }
    /// A P went to the idle list (under the scheduler's lock).
    pub fn p_idle(&self) {
        self.idle_ps.fetch_add(1, Ordering::Relaxed);
    }
    /// A P left the idle list (under the scheduler's lock).
    pub fn p_busy(&self) {
        self.idle_ps.fetch_sub(1, Ordering::Relaxed);
    }

    /// Submitter, after making work visible: claims the right (and duty) to wake one M
    /// as a spinner.
    #[inline]
    pub fn claim_wake(&self) -> bool {
        // Pairs with the fence in `last_look`.
        fence(Ordering::SeqCst);
        self.idle_ps.load(Ordering::Relaxed) != 0 && self.claim_unfenced()
    }

    /// The claim without the fence, for wake-ups that may be missed.
    pub fn claim_unfenced(&self) -> bool {
        self.spinning.load(Ordering::Relaxed) == 0
            && self
                .spinning
                .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Searcher: may it spin, given `procs` Ps? At most half as many spinners as busy Ps.
    pub fn try_spin(&self, procs: u32) -> bool {
        let busy = procs.saturating_sub(self.idle_ps.load(Ordering::Relaxed));
        if 2 * self.spinning.load(Ordering::Relaxed) < busy {
            self.start_spinning();
            return true;
        }
        false
    }
    /// One more spinner.
    pub fn start_spinning(&self) {
        self.spinning.fetch_add(1, Ordering::AcqRel);
    }
    /// One spinner less; true when it was the last.
    pub fn stop_spinning(&self) -> bool {
        self.spinning.fetch_sub(1, Ordering::AcqRel) == 1
    }
    /// Searcher, after `p_idle` and `stop_spinning`, before its last look at the queues.
    #[inline]
    pub fn last_look(&self) {
        // Pairs with the fence in `claim_wake`.
        fence(Ordering::SeqCst);
    }
}
