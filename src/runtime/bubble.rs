//! Bubbles of `testing/synctest`: goroutines with a clock of their own.
//!
//! A goroutine belongs to the bubble of its creator, a channel or timer to that of its
//! maker. A goroutine of a bubble is *durably blocked* when only another one of the same
//! bubble (or its clock) can wake it. When all of them are, the bubble's waiter
//! (`synctest.Wait`) goes on, or else its root (`synctest.Test`), which moves the clock to
//! the next timer.
//!
//! `running` counts the goroutines that are not durably blocked. The goroutine that parks
//! takes itself off the count after it is queued; whoever readies it puts it on again
//! before it is queued to run. The M whose G brings the count to 0 notes the bubble, and
//! looks after it (`settle`) between slices, when it holds no lock: the count is read once
//! more under the bubble's own, so of several Ms that saw 0 only one wakes somebody.
//!
//! A bubble has a slot in the runtime's table; 16 bits of slot number in channels, timers
//! and wait groups say whose they are. Slots are given out in turn, so a number comes back
//! only after 65,535 others.
#![allow(unsafe_code)]

use super::chan::Hchan;
use super::fault::{self, Fault};
use super::lock_rank::Rank;
use super::prim::Locked;
use super::sched::Runtime;
use super::sched::task::{G, GRef};
use super::sched::worker::Worker;
use super::sync::waitgroup::WaitGroup;
use super::timers::NEVER;
use super::timers::heap::TimerHeap;
use super::wait_reason::WaitReason;
use crate::runtime::prim::word::{AtomicI64, AtomicPtr, AtomicU16, AtomicU64, Ordering};
use std::cell::Cell;
use std::ptr::null;

/// When a bubble's clock starts: midnight UTC, 1 January 2000, in ns since 1970.
const START: i64 = 946_684_800_000_000_000;

/// How objects name a bubble; 0 is none.
pub type Slot = u16;

/// See the module text.
pub struct Bubble {
    /// The number that dumps print.
    pub id: u64,
    pub slot: Slot,
    now: AtomicI64,
    total: AtomicI64,
    running: AtomicI64,
    pub(crate) timers: TimerHeap,
    inner: Locked<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The parked root.
    root: Option<GRef>,
    /// The parked caller of Wait.
    waiter: Option<GRef>,
    /// Somebody is in Wait.
    waiting: bool,
    /// Number of the goroutine that runs the test's function, 0 before it starts.
    main: u64,
    /// It has ended: time stands still.
    done: bool,
}

static STUCK: AtomicU16 = AtomicU16::new(0);

/// The bubble that was found deadlocked last.
pub fn stuck() -> Slot {
    STUCK.load(Ordering::Relaxed)
}

/// What the root finds when everybody is blocked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
pub enum Outcome {
    /// Timers fired.
    GoOn,
    /// The root is the last one.
    Finished,
    /// Nobody will ever go on.
    Blocked,
    /// The main goroutine has ended, others wait for ever.
    Left,
}

/// The live bubbles of a runtime.
#[derive(Default)]
pub struct Table {
    list: Locked<Slots>,
    ids: AtomicU64,
}

#[derive(Default)]
struct Slots {
    /// Boxed: goroutines and timers hold their addresses.
    #[allow(clippy::vec_box, reason = "a bubble must not move")]
    live: Vec<Box<Bubble>>,
    last: Slot,
}

impl Table {
    fn create(&self) -> *const Bubble {
        self.list.with(Rank::Bubbles, |s| {
            let mut slot = s.last;
            loop {
                slot = slot.checked_add(1).unwrap_or(1);
                if s.live.len() >= usize::from(Slot::MAX) || s.live.iter().all(|b| b.slot != slot) {
                    break;
                }
            }
            s.last = slot;
            let b = Box::new(Bubble {
                id: self.ids.fetch_add(1, Ordering::Relaxed) + 1,
                slot,
                now: AtomicI64::new(START),
                total: AtomicI64::new(1),
                running: AtomicI64::new(1),
                timers: TimerHeap::of_bubble(slot),
                inner: Locked::new(Inner::default()),
            });
            let p: *const Bubble = &*b;
            s.live.push(b);
            p
        })
    }
    /// Forgets a bubble that no goroutine belongs to.
    fn remove(&self, b: &Bubble) {
        self.list.with(Rank::Bubbles, |s| {
            s.live.retain(|x| !std::ptr::eq(&**x, b));
        });
    }
    /// Calls `f` for every live bubble's timers (the world is stopped).
    pub(crate) fn for_each_heap(&self, mut f: impl FnMut(&TimerHeap)) {
        self.list
            .with(Rank::Bubbles, |s| s.live.iter().for_each(|b| f(&b.timers)));
    }
    /// Adds a goroutine that a timer of the bubble in `slot` starts.
    pub fn join_slot(&self, slot: Slot, g: &G) {
        let found = self.list.with(Rank::Bubbles, |s| {
            let b = s.live.iter().find(|b| b.slot == slot);
            b.map(|b| std::ptr::from_ref::<Bubble>(b))
        });
        // SAFETY: its root, which runs the timers, keeps the bubble alive.
        if let Some(b) = unsafe { found.unwrap_or(null()).as_ref() } {
            b.join(g);
        }
    }
}

/// The bubble of a goroutine: null, or live as long as the goroutine.
pub(crate) type Membership = AtomicPtr<Bubble>;

impl G {
    /// The bubble it belongs to.
    #[inline]
    pub fn bubble(&self) -> Option<&Bubble> {
        // SAFETY: a bubble is only removed when none of its goroutines is left but the
        // root, which leaves it first.
        unsafe { self.bubble.load(Ordering::Relaxed).as_ref() }
    }
    /// Number of its bubble's slot, 0 if it has none.
    pub fn bubble_slot(&self) -> Slot {
        self.bubble().map_or(0, |b| b.slot)
    }
    /// Whether it waits for its own bubble only.
    pub fn is_durable(&self) -> bool {
        self.durable.get()
    }
}

impl Bubble {
    /// The clock: ns since 1970.
    pub fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Adds a new goroutine, about to be runnable.
    #[cold]
    pub fn join(&self, g: &G) {
        self.total.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::AcqRel);
        g.bubble
            .store(std::ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
        self.inner.with(Rank::Bubble, |i| {
            if i.main == 0 {
                i.main = g.id();
            }
        });
    }

    /// What the race detector knows the bubble by.
    fn race_addr(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// What this goroutine did comes before the end of a Wait.
    fn publish(&self, g: &G) {
        if let Some(th) = g.race() {
            crate::race::sync::release_merge(th, self.race_addr());
        }
    }

    /// Everybody may be blocked: wakes the waiter or the root if so.
    fn settle(&self, w: &Worker) {
        let g = self.inner.with(Rank::Bubble, |i| {
            if self.running.load(Ordering::Acquire) != 0 {
                return None;
            }
            let g = i.waiter.take().or_else(|| i.root.take())?;
            // Before the lock is released: the next M to look sees that somebody runs.
            g.durable.set(false);
            self.running.fetch_add(1, Ordering::AcqRel);
            Some(g)
        });
        if let Some(g) = g {
            w.ready(g);
        }
    }
}

/// Whether the running G, about to park, can only be woken from inside its bubble.
fn is_durable(g: &G, reason: WaitReason) -> bool {
    let ours = |obj: usize| {
        // SAFETY: a goroutine waits on live channels.
        obj == 0 || unsafe { &*(obj as *const Hchan) }.bubble_slot() != 0
    };
    match reason {
        WaitReason::ChanReceive | WaitReason::ChanSend => ours(g.wait_obj()),
        WaitReason::Select => {
            let mut all = true;
            g.for_each_wait_obj(|o| all &= ours(o));
            all
        }
        WaitReason::WaitGroupWait => WaitGroup::is_bubbled(g.wait_obj()),
        WaitReason::ChanReceiveNil
        | WaitReason::ChanSendNil
        | WaitReason::SelectNoCases
        | WaitReason::Sleep
        | WaitReason::CondWait
        | WaitReason::SynctestRun
        | WaitReason::SynctestWait => true,
        _ => false,
    }
}

/// A goroutine of a bubble is about to be queued at what it waits for.
#[cold]
#[inline(never)]
pub(crate) fn before_park(g: &G, reason: WaitReason) -> bool {
    let durable = is_durable(g, reason);
    g.durable.set(durable);
    if durable && let Some(b) = g.bubble() {
        b.publish(g);
    }
    durable
}

/// It is queued, and may already run elsewhere: `b` was its bubble.
#[cold]
#[inline(never)]
pub(crate) fn after_park(w: &Worker, b: *const Bubble) {
    // SAFETY: the count that this goroutine is still part of keeps the bubble alive.
    if unsafe { &*b }.running.fetch_sub(1, Ordering::AcqRel) == 1 {
        w.blocked_bubble.set(b);
    }
}

/// A durably blocked goroutine was taken off the queue it waited on.
#[cold]
#[inline(never)]
pub(crate) fn on_ready(g: &G) {
    g.durable.set(false);
    if let Some(b) = g.bubble() {
        b.running.fetch_add(1, Ordering::AcqRel);
    }
}

/// A goroutine of a bubble ends.
#[cold]
#[inline(never)]
pub(crate) fn on_end(w: &Worker, g: &G) {
    let Some(b) = g.bubble() else { return };
    b.publish(g);
    g.bubble.store(std::ptr::null_mut(), Ordering::Relaxed);
    b.inner.with(Rank::Bubble, |i| {
        if i.main == g.id() {
            i.done = true;
        }
    });
    b.total.fetch_sub(1, Ordering::AcqRel);
    after_park(w, b);
}

/// Between slices: looks after the bubble that the last slice left without a runner.
#[cold]
#[inline(never)]
pub(crate) fn settle(w: &Worker) {
    let b = w.blocked_bubble.replace(null());
    // SAFETY: its root is parked (or is about to find that it runs) and keeps it alive.
    if let Some(b) = unsafe { b.as_ref() } {
        b.settle(w);
    }
}

/// What a worker notes when a bubble has no runner left.
pub(crate) type Blocked = Cell<*const Bubble>;

// ----- what `internal/synctest` asks for -----

/// Makes the running goroutine the root of a new bubble. False: it is in one already.
pub fn enter(w: &Worker, g: &G) -> bool {
    if g.bubble().is_some() {
        return false;
    }
    let b = w.rt().bubbles.create();
    g.bubble.store(b.cast_mut(), Ordering::Relaxed);
    true
}

/// The root leaves; the bubble ends with it, unless blocked goroutines remain in it.
pub fn leave(w: &Worker, g: &G) {
    let Some(b) = g.bubble() else { return };
    g.bubble.store(std::ptr::null_mut(), Ordering::Relaxed);
    if b.total.load(Ordering::Acquire) == 1 {
        b.timers.clear();
        w.rt().bubbles.remove(b);
    }
}

/// Parks the root until everybody else is durably blocked.
pub fn park_root(w: &Worker, g: &G) {
    let Some(b) = g.bubble() else { return };
    w.park_with(g, WaitReason::SynctestRun, 0, || {
        b.inner.with(Rank::Bubble, |i| i.root = Some(g.gref()));
    });
}

/// The root, woken: moves the clock and fires what is due.
pub fn advance(w: &Worker, g: &G) -> Outcome {
    let Some(b) = g.bubble() else {
        return Outcome::Finished;
    };
    let done = b.inner.with(Rank::Bubble, |i| i.done);
    let next = b.timers.next();
    if next != NEVER && !done {
        let now = next.max(b.now());
        b.now.store(now, Ordering::Relaxed);
        b.timers.run_until(w, now);
        return Outcome::GoOn;
    }
    if let Some(th) = g.race() {
        crate::race::sync::acquire(th, b.race_addr());
    }
    let last = b.total.load(Ordering::Acquire) == 1;
    if !last {
        STUCK.store(b.slot, Ordering::Relaxed);
    }
    match (last, done) {
        (true, _) => Outcome::Finished,
        (false, true) => Outcome::Left,
        (false, false) => Outcome::Blocked,
    }
}

/// Runs the timers of the running goroutine's bubble that are due at once.
pub fn fire_due(w: &Worker, b: &Bubble) {
    if b.timers.next() <= b.now() {
        b.timers.run_until(w, b.now());
    }
}

/// `synctest.Wait`, first half: says why it cannot be called, or parks.
pub fn wait(w: &Worker, g: &G) -> Result<(), &'static str> {
    let Some(b) = g.bubble() else {
        return Err("goroutine is not in a bubble");
    };
    let busy = b
        .inner
        .with(Rank::Bubble, |i| std::mem::replace(&mut i.waiting, true));
    if busy {
        return Err("wait already in progress");
    }
    w.park_with(g, WaitReason::SynctestWait, 0, || {
        b.inner.with(Rank::Bubble, |i| i.waiter = Some(g.gref()));
    });
    Ok(())
}

/// `synctest.Wait`, second half.
pub fn waited(g: &G) {
    let Some(b) = g.bubble() else { return };
    b.inner.with(Rank::Bubble, |i| i.waiting = false);
    if let Some(th) = g.race() {
        crate::race::sync::acquire(th, b.race_addr());
    }
}

/// Whether a goroutine outside the bubble of the object in `slot` wants to use it.
#[inline]
pub fn is_foreign(g: Option<&G>, slot: Slot) -> bool {
    slot != 0 && g.is_none_or(|g| g.bubble_slot() != slot)
}

/// Dies because a goroutine would be woken from outside its bubble.
#[cold]
pub(crate) fn foreign_wake(rt: &Runtime, g: &G) -> ! {
    eprintln!(
        "semaphore wake of synctest goroutine {} from outside bubble",
        g.id()
    );
    rt.exec.fatal(rt, fault::FOREIGN_WAKE.text)
}

/// The fault of using a channel from outside its bubble.
#[cold]
pub(crate) fn foreign_chan(send: bool) -> Fault {
    if send {
        fault::FOREIGN_SEND
    } else {
        fault::FOREIGN_RECEIVE
    }
}
