//! What the detector knows of one goroutine, and how knowledge passes on.
//!
//! *Chains.* Vector clocks count chains, not goroutines: a new goroutine continues the
//! chain of an ended one if the goroutine that starts it already knows all that one did.
//! Then "epoch e of this chain is known" still implies everything before it.
//!
//! *Epochs and segments.* A release ends an epoch if anything happened in it: an access was
//! recorded or something was learned. So (chain, epoch) names one release and what it
//! published. A segment is the number shadow cells use for (chain, epoch, goroutine); it is
//! taken at the epoch's first recorded access.
//!
//! A goroutine's state is touched by its runner, and while it is parked by its one waker.

use super::clock::{Clock, NOBODY, Snap, Sum};
use super::sets::Step;
use super::table::Table;
use super::{Local, stack};
use std::sync::{LazyLock, Mutex};

/// First bit of the segment field in a cell.
pub const SEG_AT: u32 = 36;
/// Segments from this number on do not fit cells (records hold any).
pub const SEG_LIMIT: u32 = (1 << 28) - 1;
/// Matches no cell.
const NO_KEY: u64 = (SEG_LIMIT as u64) << SEG_AT;

/// Word 0: chain and epoch; word 1: goroutine number, lock set.
static SEGMENTS: LazyLock<Table> = LazyLock::new(|| Table::new(30));

/// Ended chains with their last epoch.
struct Chains {
    next: u32,
    ended: Vec<(u32, u32)>,
}
static CHAINS: Mutex<Chains> = Mutex::new(Chains {
    next: 0,
    ended: Vec::new(),
});

/// What a parked goroutine learns when its operation is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wants {
    Nothing,
    Mutex(usize),
    WriteLock(usize),
    ReadLock(usize),
    WaitGroup(usize),
    /// Notify list and ticket.
    Cond(usize, u32),
}

/// Remembered steps from one read set to the next.
const STEPS: usize = 8;

/// See the module text.
pub struct Thread {
    /// The current segment in its place in a cell, or what matches none.
    pub key: u64,
    /// The read sets this goroutine met last (as cells' read words), in its present segment.
    pub last_sets: [u64; 2],
    chain: u32,
    epoch: u32,
    seg: u32,
    pub id: u32,
    /// Something to publish since the last release.
    dirty: bool,
    /// Something was learned since the last release.
    learned: bool,
    clock: Clock,
    last: Snap,
    pub wants: Wants,
    root: u32,
    started: bool,
    pub steps: [Step; STEPS],
    /// How many set steps were made, and how often one was used again.
    pub made: u32,
    pub reused: u32,
    /// Segments found to be ordered before this goroutine.
    before: [u32; 16],
    /// Locks held: address and site of the acquisition.
    pub held: Vec<Held>,
    /// The set of locks held (see `stack::lock_set`), which its next segment names.
    pub locks: u32,
}

/// A lock that a goroutine holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    pub addr: usize,
    pub site: u32,
    pub read: bool,
    /// The segment it was taken in.
    pub seg: u32,
    /// The set of locks held before it.
    pub before: u32,
}

impl Thread {
    /// A goroutine that starts with what `from` published, at a `go` statement's site.
    pub fn new(from: &Snap, go_site: u32, id: u64) -> Box<Thread> {
        let mut clock = from.clock.clone();
        if from.chain != NOBODY {
            clock.raise(from.chain, from.epoch);
        }
        let (chain, epoch) = {
            let mut c = CHAINS.lock().expect("chains");
            let n = c.ended.len();
            let found = (n.saturating_sub(4)..n)
                .rev()
                .find(|&i| clock.get(c.ended[i].0) >= c.ended[i].1);
            match found {
                Some(i) => {
                    let (chain, last) = c.ended.swap_remove(i);
                    (chain, last + 1)
                }
                None => {
                    c.next += 1;
                    (c.next - 1, 1)
                }
            }
        };
        Box::new(Thread {
            key: NO_KEY,
            last_sets: [u64::MAX; 2],
            chain,
            epoch,
            seg: 0,
            id: id as u32,
            dirty: true,
            learned: true,
            clock,
            last: Snap::default(),
            wants: Wants::Nothing,
            root: stack::root(go_site),
            started: false,
            steps: [Step::default(); STEPS],
            made: 0,
            reused: 0,
            before: [0; 16],
            held: Vec::new(),
            locks: 0,
        })
    }

    /// Notes a read set that this goroutine is in.
    pub fn met_set(&mut self, r: u64) {
        if self.last_sets[0] != r {
            self.last_sets = [r, self.last_sets[0]];
        }
    }

    /// It is about to run: for the first time, or after a wait.
    pub fn place(&mut self) -> super::pause::At {
        if std::mem::replace(&mut self.started, true) {
            super::pause::At::Woken
        } else {
            super::pause::At::Start
        }
    }

    /// The context of its outermost frame.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// The goroutine ends: its chain may go on in another one.
    pub fn end(&self) {
        let last = if self.seg != 0 {
            self.epoch
        } else {
            self.epoch - 1
        };
        // The end of the numbers: this chain is not continued.
        if last < u32::MAX - 2 {
            CHAINS
                .lock()
                .expect("chains")
                .ended
                .push((self.chain, last));
        }
    }

    /// The current segment, taken now if there is none.
    #[inline]
    pub fn segment(&mut self, l: &mut super::Numbers) -> u32 {
        if self.seg == 0 {
            self.seg = l.segment();
            let at = u64::from(self.chain) << 32 | u64::from(self.epoch);
            let who = u64::from(self.locks) << 32 | u64::from(self.id);
            SEGMENTS.set(self.seg, at, who);
            if self.seg < SEG_LIMIT {
                self.key = u64::from(self.seg) << SEG_AT;
            }
            self.dirty = true;
        }
        self.seg
    }
    /// Another segment of the same epoch, if there is one: the locks held are others now.
    pub fn split_segment(&mut self, l: &mut super::Numbers) {
        if self.seg != 0 {
            self.seg = 0;
            self.key = NO_KEY;
            self.last_sets = [u64::MAX; 2];
            self.segment(l);
        }
    }
    /// The current segment (0: nothing recorded in this epoch).
    pub fn current(&self) -> u32 {
        self.seg
    }

    /// Whether a segment is ordered before this goroutine's present (or is its own).
    #[inline]
    pub fn knows(&mut self, seg: u32) -> bool {
        if seg == self.seg {
            return true;
        }
        let hint = &mut self.before[seg as usize % 16];
        if *hint == seg {
            return true;
        }
        let at = SEGMENTS.get(seg).0;
        let (chain, epoch) = ((at >> 32) as u32, at as u32);
        let yes = chain == self.chain || self.clock.get(chain) >= epoch;
        if yes {
            *hint = seg;
        }
        yes
    }
    /// Forgets which segments were seen, because numbers may be used again.
    pub fn forget_numbers(&mut self) {
        self.before = [0; 16];
        self.steps = [Step::default(); STEPS];
        self.last_sets = [u64::MAX; 2];
    }

    /// Publishes what this goroutine did and knows.
    pub fn release(&mut self) -> &Snap {
        if self.dirty {
            self.last = Snap {
                clock: self.clock.clone(),
                chain: self.chain,
                epoch: self.epoch,
            };
            self.epoch += 1;
            if self.epoch == u32::MAX {
                // A fresh chain; the old one is known like anybody else's.
                self.clock.raise(self.chain, self.epoch - 1);
                let mut c = CHAINS.lock().expect("chains");
                self.chain = c.next;
                c.next += 1;
                self.epoch = 1;
            }
            self.seg = 0;
            self.key = NO_KEY;
            // A set names the segment that is over.
            self.last_sets = [u64::MAX; 2];
            self.dirty = false;
            self.learned = false;
        }
        &self.last
    }

    /// Learns what a release published.
    pub fn acquire(&mut self, s: &Snap) {
        if s.chain == NOBODY {
            self.learn(&s.clock);
            return;
        }
        if s.chain == self.chain || self.clock.get(s.chain) >= s.epoch {
            return;
        }
        let adopt = !self.learned
            && self.last.chain == self.chain
            && s.clock.get(self.chain) >= self.last.epoch;
        if adopt {
            // It contains my last release, and I learned nothing since.
            self.clock = s.clock.clone();
        } else {
            self.clock.join(&s.clock);
        }
        self.clock.raise(s.chain, s.epoch);
        self.dirty = true;
        self.learned = true;
    }

    fn learn(&mut self, c: &Clock) {
        if self.clock.join(c) {
            self.dirty = true;
            self.learned = true;
        }
    }

    /// Learns what several releases published.
    pub fn acquire_sum(&mut self, s: &Sum) {
        self.learn(&s.clock);
    }

    /// Adds to `c` all that this goroutine knows and did.
    pub fn add_everything(&self, c: &mut Clock) {
        c.join(&self.clock);
        c.raise(self.chain, self.epoch);
    }

    /// What this goroutine knows, itself included, up to the last epoch that is over.
    pub fn knowledge(&self) -> Clock {
        let mut c = self.clock.clone();
        c.raise(self.chain, self.epoch - 1);
        c
    }
}

/// Adds to `c` all that ended goroutines did whose chain waits for another one.
pub fn add_ended(c: &mut Clock) {
    for (chain, last) in &CHAINS.lock().expect("chains").ended {
        c.raise(*chain, *last);
    }
}

/// Chain and epoch of a segment.
pub fn event_of(seg: u32) -> (u32, u32) {
    let at = SEGMENTS.get(seg).0;
    ((at >> 32) as u32, at as u32)
}
/// The goroutine of a segment.
pub fn goroutine_of(seg: u32) -> u32 {
    SEGMENTS.get(seg).1 as u32
}
/// The set of locks held in a segment.
pub fn locks_of(seg: u32) -> u32 {
    (SEGMENTS.get(seg).1 >> 32) as u32
}
/// The table of segments, for the collector.
pub fn segments() -> &'static Table {
    &SEGMENTS
}

/// The state of the goroutine an M runs.
#[inline]
pub fn of(l: &mut Local) -> &'static mut Thread {
    // SAFETY: the running goroutine's state, which its runner owns.
    #[allow(unsafe_code)]
    unsafe {
        &mut *l.thread
    }
}
