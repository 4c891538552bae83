//! Other schedules: pauses at synchronisation, so that orders of events happen that an
//! undisturbed run hardly ever shows.
//!
//! A goroutine may be made to wait when it starts, when it has been woken, and after each
//! operation on a channel, lock, WaitGroup or atomic: for its turn, a while, or past the
//! next timer. Nothing is ordered by that, and every schedule is one the language allows,
//! so what is found is true. The option `schedule` of GORACE chooses: 0 no pauses; not set,
//! a few at the beginning of the run; any other number many, as a stream of random numbers
//! with that seed (for each M). Neighbouring numbers stress different things.

use super::options::options;
use crate::runtime::prim;
use crate::runtime::sched::task::G;
use crate::runtime::sched::worker::Worker;
use crate::runtime::timers;

/// Pauses an M makes in an ordinary run, and in one for the sake of its schedule.
const FEW: u32 = 64;
const MANY: u32 = 3000;
/// Longest wait for the next timer.
const FARTHEST_NS: i64 = 40_000_000;

/// Where a goroutine is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// About to run for the first time.
    Start,
    /// About to go on after a wait.
    Woken,
    /// It got a lock.
    Lock,
    /// After any other operation.
    Op,
}

/// How to pause at one kind of place.
#[derive(Clone, Copy)]
struct Habit {
    /// At one place in so many.
    one_in: u64,
    /// Of 16 pauses so many take time; the others only let others go first.
    timed: u64,
    /// Longest of the usual pauses.
    longest_ns: i64,
    /// Of 16 pauses that take time so many end after the next timer.
    far: u64,
}

impl Habit {
    const fn new(one_in: u64, timed: u64, longest_us: i64, far: u64) -> Habit {
        Habit {
            one_in,
            timed,
            longest_ns: longest_us * 1000,
            far,
        }
    }
}

/// Habits at a start, after a wait, after a lock, after something else.
type Habits = [Habit; 4];

const ORDINARY: Habits = [
    Habit::new(6, 10, 100, 12),
    Habit::new(8, 2, 100, 0),
    Habit::new(8, 2, 100, 0),
    Habit::new(8, 2, 100, 0),
];

/// For the `n`-th schedule.
fn habits(n: u64) -> Habits {
    let round = (n / 4 % 4) as usize;
    match n % 4 {
        // Locks are held for long: what can lock up does.
        1 => [
            Habit::new(8, 8, 50, 0),
            Habit::new(8, 8, 50, 0),
            Habit::new(1, 16, [2000, 500, 6000, 1000][round], 1),
            Habit::new(16, 8, 50, 0),
        ],
        // Starts are late.
        2 => [
            Habit::new(2, 14, [300, 2000, 5000, 100][round], [6, 2, 8, 4][round]),
            Habit::new(16, 8, 100, 0),
            Habit::new(16, 8, 100, 0),
            Habit::new(8, 8, 100, 0),
        ],
        // Everything now and then.
        3 => [Habit::new([2, 4, 3, 8][round], 10, 300, 1); 4],
        _ => {
            [Habit::new(
                [4, 2, 6, 3][round],
                [4, 14, 10, 8][round],
                [1500, 200, 4000, 800][round],
                1,
            ); 4]
        }
    }
}

/// An M's random numbers and what is left of its pauses.
pub struct Dice {
    state: u64,
    left: u32,
    habits: Habits,
}

impl Dice {
    /// For the `m`-th M.
    pub fn new(m: u64) -> Dice {
        let seed = options().schedule;
        Dice {
            state: (seed.unwrap_or(prim::nanotime() as u64) ^ m << 40)
                .wrapping_add(1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15),
            left: match seed {
                None => FEW,
                Some(0) => 0,
                Some(_) => MANY,
            },
            habits: seed.filter(|n| *n != 0).map_or(ORDINARY, habits),
        }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// How long to pause here (0: let others go first), if at all.
    #[inline]
    pub fn roll(&mut self, w: &Worker, at: At) -> Option<i64> {
        if self.left == 0 {
            return None;
        }
        self.decide(w, at)
    }

    #[cold]
    #[inline(never)]
    fn decide(&mut self, w: &Worker, at: At) -> Option<i64> {
        let h = self.habits[at as usize];
        let r = self.next();
        if !r.is_multiple_of(h.one_in) {
            return None;
        }
        self.left -= 1;
        let r = r / h.one_in;
        if r % 16 >= h.timed {
            return Some(0);
        }
        let r = r / 16;
        if r % 16 < h.far {
            let next = timers::next_due(w) - prim::nanotime();
            if next < FARTHEST_NS {
                return Some(next.max(0) + h.longest_ns);
            }
        }
        Some(1000 + (r / 16) as i64 % h.longest_ns)
    }
}

/// Parks the running goroutine, whose state is saved, for `ns`.
pub fn park(w: &Worker, g: &G, ns: i64) {
    timers::pause(w, g, ns.max(1));
}
