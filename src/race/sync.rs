//! Objects that order events: one [`Var`] per address, made at first use.
//!
//! | object | release | acquire |
//! |---|---|---|
//! | Mutex | Unlock | Lock, TryLock that succeeds |
//! | RWMutex | Unlock; RUnlock adds to a sum | Lock takes both; RLock takes Unlock's |
//! | WaitGroup | Done adds to a sum | Wait |
//! | Cond | Signal, Broadcast, by ticket | the Waits they end |
//! | atomic cell | store, read-modify-write | load, read-modify-write |
//! | channel | per value and back, see [`Chan`]; close | receive; receive of a closed channel |
//! | timer | start, Reset | the goroutine or the value it leads to |
//! | files | Write adds to one sum | Read |
//!
//! Each is called inside the object's own critical section, so the order of the calls is
//! the order of the events.
#![allow(unsafe_code)]

use super::clock::{Snap, Sum};
use super::thread::{Held, Thread, Wants};
use super::{Access, FastHash, Local, shadow, stack};
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim::RawLock;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Clocks of a channel. The k-th send uses slot k modulo the capacity, and so does the k-th
/// receive: whoever uses a slot learns what its last user knew. So the k-th send comes
/// before the k-th receive, and that before the (k+C)-th send, also for elements of size 0
/// and for values that go past the ring to a waiting receiver.
#[derive(Default)]
struct Chan {
    slots: Vec<Snap>,
    sent: u64,
    received: u64,
    closed: Option<Snap>,
}

impl Chan {
    fn slot(&mut self, k: u64, cap: u32) -> &mut Snap {
        let i = (k % u64::from(cap.max(1))) as usize;
        if self.slots.len() <= i {
            self.slots.resize_with(i + 1, Snap::default);
        }
        &mut self.slots[i]
    }
    fn put(&mut self, th: &mut Thread, cap: u32) {
        let k = self.sent;
        self.sent += 1;
        let s = self.slot(k, cap);
        th.acquire(s);
        *s = th.release().clone();
    }
    fn take(&mut self, th: &mut Thread, cap: u32) {
        let k = self.received;
        self.received += 1;
        let s = self.slot(k, cap);
        th.acquire(s);
        *s = th.release().clone();
    }
}

#[derive(Default)]
struct Var {
    lock: RawLock,
    last: Snap,
    sum: Sum,
    chan: Chan,
    /// Notified tickets (from, how many, still waiting) and what the notifier published.
    notes: Vec<(u32, u32, u32, Snap)>,
}

type Shard = Mutex<HashMap<usize, Box<Var>, FastHash>>;
static VARS: [Shard; 64] = [const { Mutex::new(HashMap::with_hasher(FastHash)) }; 64];

/// An M's memory of where objects' variables are; emptied by every collection.
pub struct Cache {
    at: [(usize, *mut Var); CACHE],
}
const CACHE: usize = 128;
impl Default for Cache {
    fn default() -> Cache {
        Cache {
            at: [(0, std::ptr::null_mut()); CACHE],
        }
    }
}

/// The variable of the object at `addr`. It stays until the object is collected.
fn find(addr: usize) -> *mut Var {
    let mut s = VARS[(addr >> 4 ^ addr >> 12) % 64]
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    &raw mut **s.entry(addr).or_default()
}

/// Runs `f` on the object's variable, alone.
fn locked_var<R>(v: *mut Var, f: impl FnOnce(&mut Var) -> R) -> R {
    // SAFETY: variables are only freed while the world is stopped and their objects are
    // unreachable; the fields besides the lock are used under it.
    unsafe {
        (*v).lock.lock(Rank::RaceVar);
        let r = f(&mut *v);
        (*v).lock.unlock(Rank::RaceVar);
        r
    }
}
fn with<R>(addr: usize, f: impl FnOnce(&mut Var) -> R) -> R {
    locked_var(find(addr), f)
}
fn with_cached<R>(l: &mut Local, addr: usize, f: impl FnOnce(&mut Local, &mut Var) -> R) -> R {
    let e = &mut l.vars.at[(addr >> 3 ^ addr >> 9) % CACHE];
    if e.0 != addr {
        *e = (addr, find(addr));
    }
    let v = e.1;
    locked_var(v, |v| f(l, v))
}

/// For the collector: forgets objects that are gone.
pub fn forget(dead: &dyn Fn(usize) -> bool) {
    for s in &VARS {
        s.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|addr, _| !dead(*addr));
    }
}

// ----- locks -----

/// The goroutine's wait is over: it learns what it waited for.
pub fn woken(l: &mut Local) {
    let th = super::thread::of(l);
    match std::mem::replace(&mut th.wants, Wants::Nothing) {
        Wants::Nothing => {}
        Wants::Mutex(a) => locked(l, a, false),
        Wants::WriteLock(a) => write_locked(l, a, false),
        Wants::ReadLock(a) => read_locked(l, a, false),
        Wants::WaitGroup(a) => waited(th, a),
        Wants::Cond(a, t) => notified(th, a, t),
    }
}

/// The lock's own words are atomic cells: overwriting or copying a lock in use is a race.
fn touch(l: &mut Local, addr: usize, read: bool) {
    let word = if read { addr + READERS } else { addr };
    shadow::words(l, word, 4, Access::AtomicWrite);
}

/// Where an RWMutex counts its readers.
const READERS: usize = 16;

fn hold(l: &mut Local, addr: usize, read: bool, tried: bool) {
    let site = stack::here(l);
    let th = super::thread::of(l);
    // Another goroutine may have unlocked what this one had locked.
    let stale = |h: &Held| h.addr == addr && !h.read && !read;
    if let Some(i) = th.held.iter().rposition(stale) {
        no_longer_held(l, i);
    } else if th.held.len() == MOST_HELD {
        no_longer_held(l, 0);
    }
    let th = super::thread::of(l);
    let before = th.locks;
    th.locks = stack::lock_set(&mut l.cache, before, (site, read));
    th.split_segment(&mut l.numbers);
    touch(l, addr, read);
    let th = super::thread::of(l);
    let new = Held {
        addr,
        site,
        read,
        seg: th.current(),
        before,
    };
    if !tried {
        super::order::taken(th, new);
    }
    th.held.push(new);
}
/// Locks that one goroutine is taken to hold; more are hardly its own any more.
const MOST_HELD: usize = 64;

/// Strikes a lock off the list of those the goroutine holds.
fn no_longer_held(l: &mut Local, i: usize) -> Held {
    let th = super::thread::of(l);
    let gone = th.held.remove(i);
    th.locks = gone.before;
    for h in &mut th.held[i..] {
        h.before = th.locks;
        th.locks = stack::lock_set(&mut l.cache, th.locks, (h.site, h.read));
    }
    gone
}

fn let_go(l: &mut Local, addr: usize, read: bool) {
    let th = super::thread::of(l);
    let at = th
        .held
        .iter()
        .rposition(|h| h.addr == addr && h.read == read);
    let same = at.is_some_and(|i| no_longer_held(l, i).seg == th.current());
    if !same {
        // Otherwise the locking stands for both.
        touch(l, addr, read);
    }
}

/// A mutex was locked; `tried`: by an attempt that would not have waited.
pub fn locked(l: &mut Local, addr: usize, tried: bool) {
    with_cached(l, addr, |l, v| super::thread::of(l).acquire(&v.last));
    hold(l, addr, false, tried);
}
/// A mutex is about to be unlocked.
pub fn unlock(l: &mut Local, addr: usize) {
    let_go(l, addr, false);
    with_cached(l, addr, |l, v| {
        v.last.clone_from(super::thread::of(l).release());
    });
}
/// An RWMutex was locked for writing.
pub fn write_locked(l: &mut Local, addr: usize, tried: bool) {
    with_cached(l, addr, |l, v| {
        let th = super::thread::of(l);
        th.acquire(&v.last);
        th.acquire_sum(&v.sum);
        v.sum = Sum::default();
    });
    hold(l, addr, false, tried);
}
/// An RWMutex was locked for reading.
pub fn read_locked(l: &mut Local, addr: usize, tried: bool) {
    with_cached(l, addr, |l, v| super::thread::of(l).acquire(&v.last));
    hold(l, addr, true, tried);
}
/// A reader is about to leave an RWMutex.
pub fn read_unlock(l: &mut Local, addr: usize) {
    let_go(l, addr, true);
    with_cached(l, addr, |l, v| v.sum.add(super::thread::of(l).release()));
}

// ----- WaitGroup, Cond -----

/// `Done` is about to happen.
pub fn done(th: &mut Thread, addr: usize) {
    with(addr, |v| v.sum.add(th.release()));
}
/// `Wait` returned.
pub fn waited(th: &mut Thread, addr: usize) {
    with(addr, |v| th.acquire_sum(&v.sum));
}
/// Tickets `from..to` are being notified (`to` after `from`, modulo 2^32).
pub fn notify(th: &mut Thread, addr: usize, from: u32, to: u32) {
    let n = to.wrapping_sub(from);
    if n != 0 {
        let s = th.release().clone();
        with(addr, |v| v.notes.push((from, n, n, s)));
    }
}
/// The waiter with this ticket goes on.
pub fn notified(th: &mut Thread, addr: usize, ticket: u32) {
    with(addr, |v| {
        let at = v
            .notes
            .iter()
            .position(|(from, n, ..)| ticket.wrapping_sub(*from) < *n);
        if let Some(i) = at {
            th.acquire(&v.notes[i].3);
            v.notes[i].2 -= 1;
            if v.notes[i].2 == 0 {
                v.notes.swap_remove(i);
            }
        }
    });
}

// ----- atomics, and anything else with one cell -----

/// What an atomic operation orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Load,
    Store,
    Both,
}

/// Runs an atomic operation on the `size` bytes at `addr` with its ordering. `f` returns how
/// it turned out: a failed compare-and-swap is only a load.
pub fn atomic<R>(l: &mut Local, addr: usize, size: usize, f: impl FnOnce() -> (R, Order)) -> R {
    with_cached(l, addr, |l, v| {
        let (r, how) = f();
        let kind = if how == Order::Load {
            Access::AtomicRead
        } else {
            Access::AtomicWrite
        };
        // What it learns orders it after plain accesses; what it publishes includes itself.
        if how != Order::Store {
            super::thread::of(l).acquire(&v.last);
        }
        shadow::words(l, addr, size, kind);
        if how != Order::Load {
            v.last = super::thread::of(l).release().clone();
        }
        r
    })
}

/// Publishes into the object at `addr` in place of what was there.
pub fn release(th: &mut Thread, addr: usize) {
    with(addr, |v| v.last = th.release().clone());
}
/// Adds to what was published into the object at `addr`.
pub fn release_merge(th: &mut Thread, addr: usize) {
    with(addr, |v| v.sum.add(th.release()));
}
/// Learns what was published into the object at `addr`.
pub fn acquire(th: &mut Thread, addr: usize) {
    with(addr, |v| {
        th.acquire(&v.last);
        th.acquire_sum(&v.sum);
    });
}
/// What was published into the object at `addr` last.
pub fn published(addr: usize) -> Snap {
    with(addr, |v| v.last.clone())
}

/// Stands for all files and connections: as in Go, every write comes before every later
/// read.
pub const IO: usize = 1;

// ----- channels: called under the channel's lock -----

/// A channel to the detector: the word of its header that leads to its variable, its
/// address, its capacity.
#[derive(Clone, Copy)]
pub struct Channel<'a> {
    pub word: &'a Cell<u64>,
    pub addr: usize,
    pub cap: u32,
}

impl Channel<'_> {
    fn with<R>(self, f: impl FnOnce(&mut Chan) -> R) -> R {
        if self.word.get() == 0 {
            self.word.set(find(self.addr) as u64);
        }
        // SAFETY: the variable lives as long as the channel; the channel's lock is held.
        f(unsafe { &mut (*(self.word.get() as *mut Var)).chan })
    }
    /// A goroutine's value went into the ring.
    pub fn put(self, th: Option<&mut Thread>) {
        if let Some(th) = th {
            self.with(|ch| ch.put(th, self.cap));
        }
    }
    /// A goroutine took a value out of the ring.
    pub fn take(self, th: Option<&mut Thread>) {
        if let Some(th) = th {
            self.with(|ch| ch.take(th, self.cap));
        }
    }
    /// A value went from goroutine to goroutine.
    pub fn pass(self, from: Option<&mut Thread>, to: Option<&mut Thread>) {
        if self.cap != 0 {
            self.put(from);
            self.take(to);
            return;
        }
        if let (Some(from), Some(to)) = (from, to) {
            let sent = from.release().clone();
            let received = to.release().clone();
            to.acquire(&sent);
            from.acquire(&received);
        }
    }
    /// A timer's value goes into its channel.
    pub fn timer_put(self, timer: usize) {
        let s = published(timer);
        self.with(|ch| {
            let k = ch.sent;
            ch.sent += 1;
            *ch.slot(k, self.cap) = s;
        });
    }
    /// The channel is closed.
    pub fn close(self, th: Option<&mut Thread>) {
        if let Some(th) = th {
            self.with(|ch| ch.closed = Some(th.release().clone()));
        }
    }
    /// A receiver found the channel closed.
    pub fn closed(self, th: Option<&mut Thread>) {
        if let Some(th) = th {
            self.with(|ch| {
                if let Some(s) = &ch.closed {
                    th.acquire(s);
                }
            });
        }
    }
}
