//! The goroutine header `G` and the record of a waiting one, `Sudog`.
//!
//! Who may touch which field when.
//! * While a G is *Running*, its M owns everything.
//! * While it is *Waiting*, the lock of the object it waits on (channel, semaphore
//!   bucket, timer heap) guards its sudogs; whoever takes it off that object's queue is
//!   its one waker and owns it until `ready`. The parking M sets state, reason and
//!   sudog *before* it releases the object's lock and touches nothing of the G after.
//! * While *Runnable*, it belongs to the queue that holds it.
//! * `ext` belongs to the executor: the running M writes it; the collector and dumps
//!   read it while the world is stopped.
//! * `state`, `reason`, `since`, `id` are atomics so that dumps may read them any time.
//!
//! A G's memory is never freed while the runtime lives, only recycled, so a reference to
//! a G is always valid (though it may mean another goroutine later).

use crate::runtime::fault::{self, Fault};
use crate::runtime::prim::word::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::runtime::wait_reason::WaitReason;
use std::cell::{Cell, UnsafeCell};
use std::ops::Deref;
use std::ptr::null_mut;

/// What a G is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// Being set up by its spawner (or never used).
    Idle,
    Runnable,
    Running,
    Waiting,
    /// In a blocking call, without a P.
    Syscall,
    /// Ended; its memory waits for reuse.
    Dead,
}

impl State {
    fn from_u8(n: u8) -> State {
        match n {
            1 => State::Runnable,
            2 => State::Running,
            3 => State::Waiting,
            4 => State::Syscall,
            5 => State::Dead,
            _ => State::Idle,
        }
    }
}

/// What the executor must know when a parked G runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Wake {
    /// The operation is complete: go on after it.
    Ok,
    /// A send found its channel closed while it waited: panic.
    Closed,
    /// A `select` is complete: its result is in `select_index` and `select_ok`.
    Select,
    /// The wait was given up: end here.
    Cancelled,
    /// WaitGroup.Wait saw the group reused: panic.
    WgReused,
}

impl Wake {
    /// The panic to raise, if any.
    #[inline]
    pub fn fault(self) -> Option<Fault> {
        match self {
            Wake::Ok | Wake::Select | Wake::Cancelled => None,
            Wake::Closed => Some(fault::SEND_CLOSED),
            Wake::WgReused => Some(fault::WG_REUSED),
        }
    }
}

/// What the runtime itself must still do before a woken G runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Pending {
    None,
    /// Take the G's other sudogs off their channels.
    Select,
    /// Compete for the mutex again (object = mutex address).
    Mutex,
    /// As `Mutex`, for the writer lock inside an RWMutex; then wait for the readers.
    RwLock,
    /// Check that the WaitGroup was not reused.
    WaitGroup,
}

/// A waiting G on one object's queue.
#[repr(C)]
pub struct Sudog {
    pub(crate) g: Cell<*const G>,
    /// Channel: where the value comes from or goes to (may point into the G's frame).
    /// Semaphore: start of the wait in ns. Null when unused.
    pub(crate) elem: Cell<*mut u8>,
    /// Channel receive: where to write whether a value came (may be null).
    pub(crate) ok_dst: Cell<*mut u64>,
    pub(crate) next: Cell<*const Sudog>,
    pub(crate) prev: Cell<*const Sudog>,
    /// Address of the channel, semaphore, ... waited on.
    pub(crate) obj: Cell<usize>,
    /// The next sudog of the same `select`; in the semaphore table, of the same address.
    pub(crate) link: Cell<*const Sudog>,
    /// `select`: case number. Cond: ticket. Semaphore: unused.
    pub(crate) index: Cell<u32>,
    pub(crate) is_select: Cell<bool>,
    /// Set by the waker: the value was passed on (false: the channel was closed).
    pub(crate) success: Cell<bool>,
    /// `select`: this case sends.
    pub(crate) is_send: Cell<bool>,
}

/// The word of `Ext` that holds the race detector's state, or 0.
pub const RACE_WORD: usize = 9;

/// Words that only the executor interprets.
#[repr(C)]
pub struct Ext {
    pub w: [usize; 10],
}

/// A goroutine. See the module text for ownership.
#[repr(C)]
pub struct G {
    pub ext: UnsafeCell<Ext>,
    state: AtomicU8,
    reason: AtomicU8,
    pub(crate) pending: Cell<Pending>,
    pub(crate) wake: Cell<Wake>,
    pub(crate) select_index: Cell<u32>,
    /// Durably blocked, and so not counted as running in its bubble.
    pub(crate) durable: Cell<bool>,
    /// `select`: 0 while undecided; the first waker swaps in 1.
    pub(crate) select_done: AtomicU32,
    /// Number of the M this G is locked to, plus one.
    pub(crate) locked_m: AtomicU32,
    id: AtomicU64,
    since: AtomicI64,
    created_pc: Cell<usize>,
    parent: Cell<u64>,
    pub(crate) bubble: crate::runtime::bubble::Membership,
    /// Queue link (global queue, free lists).
    pub(crate) link: Cell<*const G>,
    pub(crate) sudog: Sudog,
}

// SAFETY: the module text says who may touch which plain field when; ownership passes
// through queues and locks that synchronise.
unsafe impl Sync for G {}
// SAFETY: as above.
unsafe impl Send for G {}

/// A reference to a G that lives as long as its runtime.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct GRef(*const G);

// SAFETY: as for G.
unsafe impl Send for GRef {}

impl GRef {
    /// # Safety
    /// `g` must be a G of a live runtime's registry.
    pub unsafe fn from_ptr(g: *const G) -> GRef {
        debug_assert!(!g.is_null());
        GRef(g)
    }
    pub fn as_ptr(self) -> *mut G {
        self.0.cast_mut()
    }
}

impl Deref for GRef {
    type Target = G;
    #[inline]
    fn deref(&self) -> &G {
        // SAFETY: registry memory is never freed while the runtime lives, and a GRef is
        // only made from registry addresses.
        unsafe { &*self.0 }
    }
}

impl G {
    /// The race detector's state of this goroutine, in a race run. For its runner, and
    /// while it is parked for its one waker.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "owned as the module text says")]
    pub fn race(&self) -> Option<&mut crate::race::Thread> {
        // SAFETY: the word is 0 or the state that the executor made for this G.
        unsafe { ((*self.ext.get()).w[RACE_WORD] as *mut crate::race::Thread).as_mut() }
    }
    /// This G as a copyable reference.
    #[inline]
    pub fn gref(&self) -> GRef {
        GRef(self)
    }
    /// Goroutine number: main is 1.
    pub fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }
    /// Number of the goroutine that created this one.
    pub fn parent(&self) -> u64 {
        self.parent.get()
    }
    /// Where it was created (meaning known to the executor).
    pub fn created_pc(&self) -> usize {
        self.created_pc.get()
    }
    pub fn state(&self) -> State {
        State::from_u8(self.state.load(Ordering::Acquire))
    }
    #[inline]
    pub(crate) fn set_state(&self, s: State) {
        self.state.store(s as u8, Ordering::Release);
    }
    /// Why it waits. Meaningful while `Waiting`.
    pub fn wait_reason(&self) -> WaitReason {
        WaitReason::from_u8(self.reason.load(Ordering::Relaxed))
    }
    /// What a dump prints between the brackets: state or wait reason.
    pub fn status_text(&self) -> &'static str {
        match self.state() {
            State::Idle => WaitReason::Idle.text(),
            State::Runnable => WaitReason::Runnable.text(),
            State::Running => WaitReason::Running.text(),
            State::Syscall => WaitReason::Syscall.text(),
            State::Dead => "dead",
            State::Waiting => self.wait_reason().text(),
        }
    }
    /// Since when it waits (monotonic ns; as coarse as sysmon's rounds).
    pub fn wait_since(&self) -> i64 {
        self.since.load(Ordering::Relaxed)
    }
    /// Address of the object it waits on (0: none). For a `select`, its first case's
    /// channel; see `for_each_wait_obj`.
    pub fn wait_obj(&self) -> usize {
        self.sudog.obj.get()
    }
    /// Calls `f` with the address of each object a waiting G waits on. Only while the
    /// world is stopped.
    pub fn for_each_wait_obj(&self, mut f: impl FnMut(usize)) {
        f(self.sudog.obj.get());
        if self.pending.get() == Pending::Select {
            let mut s = self.sudog.link.get();
            // SAFETY: a waiting select's sudogs are live until the G runs again.
            while let Some(sd) = unsafe { s.as_ref() } {
                f(sd.obj.get());
                s = sd.link.get();
            }
        }
    }
    /// Its stack lies elsewhere now: corrects the places that its waits name. Only while the
    /// world is stopped.
    pub fn stack_moved(&self, moved: &dyn Fn(usize) -> usize) {
        if self.state() != State::Waiting {
            return;
        }
        let mut s: *const Sudog = &self.sudog;
        // SAFETY: a waiting G's sudogs are live until it runs again.
        while let Some(sd) = unsafe { s.as_ref() } {
            sd.elem.set(moved(sd.elem.get() as usize) as *mut u8);
            sd.ok_dst.set(moved(sd.ok_dst.get() as usize) as *mut u64);
            let select = self.pending.get() == Pending::Select;
            s = if select {
                sd.link.get()
            } else {
                std::ptr::null()
            };
        }
    }
    /// Whether it is locked to its thread.
    pub fn is_locked(&self) -> bool {
        self.locked_m.load(Ordering::Relaxed) != 0
    }

    /// How the last parked operation ended. The executor reads it when it runs a G again
    /// after `Parked`; reading resets it to `Ok`.
    #[inline]
    pub fn take_wake(&self) -> Wake {
        self.wake.replace(Wake::Ok)
    }
    /// After `Wake::Select`: the chosen case.
    pub fn select_index(&self) -> usize {
        self.select_index.get() as usize
    }
    /// After `Wake::Select`: whether the chosen receive got a value (true for sends).
    pub fn select_ok(&self) -> bool {
        self.sudog.success.get()
    }

    /// Spawner: makes this (dead or new) header a new goroutine.
    #[inline]
    pub(crate) fn set_up(&self, id: u64, created_pc: usize, parent: u64) {
        self.id.store(id, Ordering::Relaxed);
        self.created_pc.set(created_pc);
        self.parent.set(parent);
        self.wake.set(Wake::Ok);
        self.pending.set(Pending::None);
        self.link.set(null_mut());
        self.sudog.g.set(self);
        self.durable.set(false);
        self.bubble.store(null_mut(), Ordering::Relaxed);
        self.sudog.obj.set(0);
        self.set_state(State::Idle);
    }

    /// Parking M, under the object's lock: from now on a waker may take the G.
    #[inline]
    pub(crate) fn set_waiting(&self, reason: WaitReason, since: i64) {
        self.reason.store(reason as u8, Ordering::Relaxed);
        self.since.store(since, Ordering::Relaxed);
        self.set_state(State::Waiting);
    }
}

/// A reference to a queued sudog, valid while the object's lock is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SudogRef(*const Sudog);

impl SudogRef {
    /// # Safety
    /// `s` must be null or a sudog that stays queued (or owned) while the reference is used.
    #[inline]
    pub(crate) unsafe fn from_ptr(s: *const Sudog) -> Option<SudogRef> {
        if s.is_null() { None } else { Some(SudogRef(s)) }
    }
    #[inline]
    pub(crate) fn as_ptr(self) -> *const Sudog {
        self.0
    }
    /// The waiting G.
    #[inline]
    pub(crate) fn g_ref(self) -> GRef {
        GRef(self.g.get())
    }
}

impl Deref for SudogRef {
    type Target = Sudog;
    #[inline]
    fn deref(&self) -> &Sudog {
        // SAFETY: promised at construction.
        unsafe { &*self.0 }
    }
}

impl Sudog {
    pub(crate) fn empty() -> Sudog {
        Sudog {
            g: Cell::new(null_mut()),
            elem: Cell::new(null_mut()),
            ok_dst: Cell::new(null_mut()),
            next: Cell::new(null_mut()),
            prev: Cell::new(null_mut()),
            obj: Cell::new(0),
            link: Cell::new(null_mut()),
            index: Cell::new(0),
            is_select: Cell::new(false),
            success: Cell::new(false),
            is_send: Cell::new(false),
        }
    }
    #[inline]
    pub(crate) fn sref(&self) -> SudogRef {
        SudogRef(self)
    }
}

const _: () = assert!(std::mem::size_of::<G>() <= 220);
