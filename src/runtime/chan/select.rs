//! `select`: locks every channel in address order, tries the cases in random order, and
//! if none can go queues a sudog on each.
//!
//! The first waker to swap `G::select_done` from 0 to 1 decides; the others skip the G.
//! It records the case in the G. Before the G runs again, `finish` (called by the M loop)
//! takes the other sudogs off their queues; the executor then finds `Wake::Select` (or
//! `Wake::Closed` for a send on a channel closed meanwhile) and the result in the G.
//!
//! The first queued case uses the G's own sudog; others come from the P's spares. A
//! select's sudogs are linked through `link` in case order; their `obj` is the channel.
//! They are freed in `finish`, when no queue refers to them any more.

use super::{Hchan, Now, finish_recv};
use crate::runtime::fault::{self, Fault};
use crate::runtime::prim::word::Ordering;
use crate::runtime::sched::task::{G, Pending, Sudog, SudogRef, Wake};
use crate::runtime::sched::worker::Worker;
use crate::runtime::tuning::{SELECT_INLINE, SUDOG_FREE_MAX};
use crate::runtime::wait_reason::WaitReason;
use std::ptr::{null, null_mut};

/// What a case does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Dir {
    Send,
    Recv,
}

/// One case.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SelectCase {
    /// A null channel never gets its turn.
    pub chan: *mut Hchan,
    /// Where the value comes from or goes to (null: nowhere).
    pub elem: *mut u8,
    pub dir: Dir,
}

/// How a `select` ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Selected {
    /// This case went; for a receive, whether a value came.
    Ready(usize, bool),
    /// Not blocking, and no case could go.
    Default,
    /// Queued; do not touch the G. The result will be in it.
    Parked,
    /// Raise this panic.
    Fault(Fault),
}

/// Case numbers: on the stack for ordinary sizes.
struct Order {
    inline: [u16; SELECT_INLINE],
    heap: Vec<u16>,
    len: usize,
}

impl Order {
    fn new(len: usize) -> Order {
        let heap = if len > SELECT_INLINE {
            vec![0; len]
        } else {
            Vec::new()
        };
        Order {
            inline: [0; SELECT_INLINE],
            heap,
            len,
        }
    }
    fn get(&mut self) -> &mut [u16] {
        if self.len > SELECT_INLINE {
            &mut self.heap
        } else {
            &mut self.inline[..self.len]
        }
    }
}

fn chan(c: &SelectCase) -> &Hchan {
    // SAFETY: only called for cases with a channel, which the caller of `select` keeps
    // alive.
    unsafe { &*c.chan }
}

/// Runs a `select` over `cases`.
///
/// # Safety
/// Each channel is null or live; each place holds an element and stays valid while parked.
pub unsafe fn select<const RACE: bool>(
    w: &Worker,
    g: &G,
    cases: &[SelectCase],
    block: bool,
) -> Selected {
    let usable = cases.iter().filter(|c| !c.chan.is_null()).count();
    if usable == 0 {
        if !block {
            return Selected::Default;
        }
        let why = if cases.is_empty() {
            WaitReason::SelectNoCases
        } else {
            WaitReason::Select
        };
        w.park_with(g, why, 0, || ());
        return Selected::Parked;
    }
    if cases.iter().any(|c| {
        !c.chan.is_null() && crate::runtime::bubble::is_foreign(Some(g), chan(c).bubble_slot())
    }) {
        return Selected::Fault(fault::FOREIGN_SELECT);
    }
    let mut poll = Order::new(usable);
    shuffle(w, cases, poll.get());
    let mut by_addr = Order::new(usable);
    let by_addr = by_addr.get();
    by_addr.copy_from_slice(poll.get());
    by_addr.sort_unstable_by_key(|&i| cases[i as usize].chan as usize);

    lock_all(cases, by_addr);
    for &i in poll.get().iter() {
        let case = &cases[i as usize];
        let c = chan(case);
        if RACE && case.dir == Dir::Send {
            // As a plain send does before it locks.
            crate::race::reads(case.chan as u64 + Hchan::RACE_AT as u64, 8);
        }
        // SAFETY: the lock is held; the place by the caller's promise.
        let now = unsafe {
            match case.dir {
                Dir::Send => c.send_now::<RACE>(case.elem, Some(g)),
                Dir::Recv => c.recv_now::<RACE>(case.elem, Some(g)),
            }
        };
        match now {
            Now::Wait => {}
            Now::Done(sd) => {
                unlock_all(cases, by_addr);
                if let Some(sd) = sd {
                    super::ready(w, sd);
                }
                return Selected::Ready(i as usize, true);
            }
            Now::Closed => {
                unlock_all(cases, by_addr);
                return match case.dir {
                    Dir::Send => Selected::Fault(fault::SEND_CLOSED),
                    Dir::Recv => Selected::Ready(i as usize, false),
                };
            }
        }
    }
    if !block {
        unlock_all(cases, by_addr);
        return Selected::Default;
    }
    queue_all(w, g, cases);
    w.park_with(g, WaitReason::Select, g.sudog.obj.get(), || ());
    unlock_all(cases, by_addr);
    Selected::Parked
}

/// Fills `out` with the usable cases in random order.
fn shuffle(w: &Worker, cases: &[SelectCase], out: &mut [u16]) {
    let mut n = 0;
    for (i, c) in cases.iter().enumerate() {
        if c.chan.is_null() {
            continue;
        }
        let j = w.rt().policy.below(n as u32 + 1, &w.seed) as usize;
        out[n] = out[j];
        out[j] = i as u16;
        n += 1;
    }
}

fn lock_all(cases: &[SelectCase], by_addr: &[u16]) {
    let mut last: *const Hchan = null();
    for &i in by_addr {
        let c = chan(&cases[i as usize]);
        if !std::ptr::eq(c, last) {
            c.acquire();
            last = c;
        }
    }
}

fn unlock_all(cases: &[SelectCase], by_addr: &[u16]) {
    // The first unlock may let a waker run the G, whose frame may hold `cases` (the
    // executor passes its own copy, see `select`), so nothing of the G is touched here.
    let mut last: *const Hchan = null();
    for &i in by_addr.iter().rev() {
        let c = chan(&cases[i as usize]);
        if !std::ptr::eq(c, last) {
            c.release();
            last = c;
        }
    }
}

/// Under all locks: one sudog per case.
fn queue_all(w: &Worker, g: &G, cases: &[SelectCase]) {
    g.select_done.store(0, Ordering::Relaxed);
    g.pending.set(Pending::Select);
    let mut tail: Option<SudogRef> = None;
    for (i, case) in cases.iter().enumerate() {
        if case.chan.is_null() {
            continue;
        }
        let sd = match tail {
            None => g.sudog.sref(),
            Some(t) => {
                let sd = take_sudog(w);
                t.link.set(sd.as_ptr());
                sd
            }
        };
        tail = Some(sd);
        sd.g.set(g);
        sd.elem.set(case.elem);
        sd.ok_dst.set(null_mut());
        sd.obj.set(case.chan as usize);
        sd.link.set(null());
        sd.index.set(i as u32);
        sd.is_select.set(true);
        sd.is_send.set(case.dir == Dir::Send);
        sd.success.set(false);
        let c = chan(case);
        match case.dir {
            Dir::Send => c.sendq.push(sd),
            Dir::Recv => c.recvq.push(sd),
        }
    }
}

/// The waker, after taking `sd` off its queue: records the result in the G.
pub(super) fn decided(g: &G, sd: SudogRef) {
    let ok = sd.success.get();
    g.select_index.set(sd.index.get());
    let closed_send = sd.is_send.get() && !ok;
    g.wake.set(if closed_send {
        Wake::Closed
    } else {
        Wake::Select
    });
    // Where `select_ok` reads it; `sd` may be another sudog than the G's own.
    g.sudog.success.set(ok);
}

/// The M loop, before the G runs again: takes its sudogs off all channels.
pub(crate) fn finish(w: &Worker, g: &G) {
    g.pending.set(Pending::None);
    let ok = g.sudog.success.get();
    let mut at: *const Sudog = &g.sudog;
    // SAFETY: the list belongs to this G; its sudogs are live until freed below.
    while let Some(sd) = unsafe { SudogRef::from_ptr(at) } {
        // SAFETY: the G's frame keeps its channels alive until it runs.
        let c = unsafe { &*(sd.obj.get() as *const Hchan) };
        c.acquire();
        if sd.is_send.get() {
            c.sendq.remove(sd);
        } else {
            c.recvq.remove(sd);
        }
        c.release();
        at = sd.link.get();
        if !std::ptr::eq(sd.as_ptr(), &g.sudog) {
            give_sudog(w, sd);
        }
    }
    g.sudog.link.set(null());
    g.sudog.is_select.set(false);
    finish_recv(g.sudog.sref(), ok);
}

fn take_sudog(w: &Worker) -> SudogRef {
    let p = w.p();
    let s = p.sudog_free.get();
    // SAFETY: the free list holds live sudogs that nobody else uses.
    if let Some(sd) = unsafe { SudogRef::from_ptr(s) } {
        p.sudog_free.set(sd.next.get());
        p.sudog_free_len.set(p.sudog_free_len.get() - 1);
        return sd;
    }
    let new = Box::into_raw(Box::new(Sudog::empty()));
    // SAFETY: just allocated; freed in `give_sudog` or with its P.
    unsafe { SudogRef::from_ptr(new) }.expect("a box is not null")
}

fn give_sudog(w: &Worker, sd: SudogRef) {
    let p = w.p();
    if p.sudog_free_len.get() >= SUDOG_FREE_MAX {
        // SAFETY: it came from a box and no queue refers to it any more.
        drop(unsafe { Box::from_raw(sd.as_ptr().cast_mut()) });
        return;
    }
    sd.next.set(p.sudog_free.get());
    p.sudog_free.set(sd.as_ptr());
    p.sudog_free_len.set(p.sudog_free_len.get() + 1);
}
