//! Other schedules: pauses at synchronisation, so that orders of events happen that an
//! undisturbed run hardly ever shows.
//!
//! A goroutine may be made to wait when it starts, when it has been woken, and after each
//! operation on a channel, lock, WaitGroup or atomic: mostly for its turn, at times longer,
//! seldom past the next timer. Nothing is ordered by that, and every schedule is one the
//! language allows, so what is found is true. The option `schedule` of GORACE chooses:
//! 0 no pauses, not set a few at the beginning of the run, any other number many, as a
//! stream of random numbers with that seed (for each M).

use super::options::options;
use crate::runtime::prim;
use crate::runtime::sched::task::G;
use crate::runtime::sched::worker::Worker;
use crate::runtime::timers;

/// Pauses an M makes in an ordinary run, and in one for the sake of its schedule.
const FEW: u32 = 64;
const MANY: u32 = 4000;
/// An ordinary run pauses at one operation in so many.
const SELDOM: u64 = 8;
/// Longest wait for the next timer.
const FARTHEST_NS: i64 = 40_000_000;

/// An M's random numbers and what is left of its pauses.
pub struct Dice {
    state: u64,
    left: u32,
    one_in: u64,
    /// Of 16 pauses so many take time; the others only let others go first.
    timed: u64,
    /// Longest of the usual pauses.
    longest_ns: i64,
    hard: bool,
}

impl Dice {
    /// For the `m`-th M.
    pub fn new(m: u64) -> Dice {
        let seed = options().schedule;
        let mut d = Dice {
            state: (seed.unwrap_or(prim::nanotime() as u64) ^ m << 40)
                .wrapping_add(1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15),
            left: match seed {
                None => FEW,
                Some(0) => 0,
                Some(_) => MANY,
            },
            one_in: SELDOM,
            timed: 2,
            longest_ns: 100_000,
            hard: false,
        };
        if let Some(n) = seed.filter(|n| *n != 0) {
            // Neighbouring numbers differ in character.
            d.hard = true;
            d.one_in = [2, 4, 3, 8][n as usize % 4];
            d.timed = [10, 4, 14][n as usize % 3];
            d.longest_ns = [200_000, 1_500_000, 50_000, 500_000, 4_000_000][n as usize % 5];
        }
        d
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// How long to pause here (0: let others go first), if at all.
    #[inline]
    pub fn roll(&mut self, w: &Worker) -> Option<i64> {
        if self.left == 0 {
            return None;
        }
        self.decide(w)
    }

    #[cold]
    #[inline(never)]
    fn decide(&mut self, w: &Worker) -> Option<i64> {
        let r = self.next();
        if !r.is_multiple_of(self.one_in) {
            return None;
        }
        self.left -= 1;
        let r = r / self.one_in;
        if r % 16 >= self.timed {
            return Some(0);
        }
        let r = r / 16;
        if self.hard && r.is_multiple_of(12) {
            let next = timers::next_due(w) - prim::nanotime();
            if next < FARTHEST_NS {
                return Some(next.max(0) + self.longest_ns);
            }
        }
        Some(1000 + (r / 12) as i64 % self.longest_ns)
    }
}

/// Parks the running goroutine, whose state is saved, for `ns`.
pub fn park(w: &Worker, g: &G, ns: i64) {
    timers::pause(w, g, ns.max(1));
}
