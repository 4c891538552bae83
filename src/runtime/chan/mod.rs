//! Channels: a lock, a ring in a guest array, and queues of waiting Gs.
//!
//! Layout. The header [`Hchan`] is 80 bytes of guest memory; its word `PTR_WORD` is the
//! only guest pointer (the ring, an object of its own; null when the capacity or the
//! element size is 0). The queues hold native addresses and must not be scanned.
//!
//! Invariants (under the channel's lock).
//! * At most one of `recvq` and `sendq` is not empty, except that one G may wait on both
//!   through a `select`.
//! * With a ring: not empty implies no receiver waits, not full implies no sender waits.
//! * A value goes straight from a sender to a waiting receiver and from a waiting sender
//!   to a receiver; into the place the other G gave (it may lie in its frame: a parked G's
//!   stack does not move).
//! * A received slot of the ring is zeroed, so the ring keeps nothing alive.
//!
//! Parking. The executor saves the G's state *before* the call. When the call returns
//! `Parked`, the G may already run elsewhere. When it runs again the operation is
//! complete: a receiver's `dst` and `ok_dst` are written; a sender finds in
//! `G::take_wake` whether the channel was closed under it.
//!
//! A scalar that lives alone in a frame slot fills it canonically (`Conv`): received
//! values are widened as they are copied out, and `dst` then has 8 bytes.

pub mod select;
#[cfg(all(test, not(loom)))]
pub(crate) mod tests;
mod waitq;

use super::bubble::{self, Slot};
use super::fault::{self, Fault};
use super::lock_rank::Rank;
use super::prim::{self, RawLock};
use super::sched::task::{G, SudogRef, Wake};
use super::sched::worker::Worker;
use super::wait_reason::WaitReason;
use crate::heap::barrier;
use crate::heap::rtti::Shape;
use crate::runtime::prim::word::{AtomicU32, Ordering};
use std::cell::Cell;
use std::ptr::{null_mut, without_provenance_mut};
use waitq::WaitQ;

/// How a received scalar fills a frame slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Conv {
    /// The value's bytes, nothing more.
    Bytes,
    /// Sign-extended from the element's size (1, 2 or 4 bytes) to 8 bytes.
    Signed,
    /// Zero-extended likewise.
    Unsigned,
}

/// A channel's header in guest memory. See the module text.
#[repr(C)]
pub struct Hchan {
    lock: RawLock,
    qcount: AtomicU32,
    cap: u32,
    elem_size: u32,
    closed: AtomicU32,
    conv: Conv,
    /// Serves a timer: `len` and `cap` are 0 to the program.
    timer: Cell<bool>,
    /// Slot of the bubble it was made in (0: none).
    bubble: Cell<Slot>,
    buf: *mut u8,
    sendx: Cell<u32>,
    recvx: Cell<u32>,
    recvq: WaitQ,
    sendq: WaitQ,
    /// The race detector's.
    race: Cell<u64>,
}

/// How a channel operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// Sent.
    Done,
    /// Received; whether a value came (false: closed and empty, `dst` zeroed).
    DoneOk(bool),
    /// Queued; do not touch the G.
    Parked,
    /// `try_*` only: would have to wait.
    WouldBlock,
    /// Raise this panic.
    Fault(Fault),
}

/// A channel at one moment.
pub struct Snapshot {
    pub cap: u32,
    pub closed: bool,
    /// Where the buffered values lie, oldest first.
    pub buffer: Vec<*const u8>,
    /// Numbers of the goroutines that wait to receive, and to send.
    pub receivers: Vec<u64>,
    pub senders: Vec<u64>,
}

impl Hchan {
    /// Bytes of the header.
    pub const SIZE: usize = std::mem::size_of::<Hchan>();
    /// The header's only guest pointer.
    pub const PTR_WORD: usize = 3;
    /// Where sends and closes of a channel are accesses to the race detector.
    pub const RACE_AT: usize = 8 * Self::PTR_WORD;

    /// Header bytes and ring bytes of a channel. None: too large (`makechan: size out of
    /// range`).
    pub fn layout(elem: &Shape, cap: usize) -> Option<(usize, usize)> {
        if cap > u32::MAX as usize {
            return None;
        }
        let bytes = elem
            .size
            .checked_mul(cap)
            .filter(|b| *b <= isize::MAX as usize)?;
        Some((Self::SIZE, bytes))
    }

    /// Makes the memory at `c` an open, empty channel.
    ///
    /// # Safety
    /// `c` is valid for `SIZE` bytes and 8-aligned; `buf` is a zeroed array of `cap`
    /// elements (null when that is 0 bytes).
    pub unsafe fn init(c: *mut Hchan, buf: *mut u8, elem_size: usize, cap: usize, conv: Conv) {
        // SAFETY: by the caller's promise.
        unsafe {
            c.write(Hchan {
                lock: RawLock::new(),
                qcount: AtomicU32::new(0),
                cap: cap as u32,
                elem_size: elem_size as u32,
                closed: AtomicU32::new(0),
                conv,
                timer: Cell::new(false),
                bubble: Cell::new(0),
                buf,
                sendx: Cell::new(0),
                recvx: Cell::new(0),
                recvq: WaitQ::default(),
                sendq: WaitQ::default(),
                race: Cell::new(0),
            });
        }
    }

    /// What is in the channel and who waits for it. Only while the world is stopped.
    pub fn snapshot(&self) -> Snapshot {
        let mut buffer = Vec::new();
        let mut i = self.recvx.get();
        for _ in 0..self.count() {
            buffer.push(self.slot(i).cast_const());
            i = self.after(i);
        }
        Snapshot {
            cap: self.cap,
            closed: self.is_closed(),
            buffer,
            receivers: self.recvq.ids(),
            senders: self.sendq.ids(),
        }
    }

    /// Slot of the bubble it was made in.
    pub(crate) fn bubble_slot(&self) -> Slot {
        self.bubble.get()
    }
    /// Makes a fresh channel one of a bubble.
    pub fn set_bubble(&self, slot: Slot) {
        self.bubble.set(slot);
    }

    /// Marks a channel of capacity 1 as a timer's: `len` and `cap` report 0.
    pub fn set_timer(&self) {
        self.timer.set(true);
    }

    #[inline]
    fn acquire(&self) {
        self.lock.lock(Rank::Chan);
    }
    #[inline]
    fn release(&self) {
        self.lock.unlock(Rank::Chan);
    }
    /// The channel as the race detector sees it; the lock is held.
    fn race(&self) -> crate::race::sync::Channel<'_> {
        crate::race::sync::Channel {
            word: &self.race,
            addr: self as *const Hchan as usize,
            cap: self.cap,
        }
    }
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed) != 0
    }
    fn count(&self) -> u32 {
        self.qcount.load(Ordering::Relaxed)
    }
    fn set_count(&self, n: u32) {
        self.qcount.store(n, Ordering::Relaxed);
    }
    #[inline]
    fn slot(&self, i: u32) -> *mut u8 {
        // Element size 0: any address serves.
        self.buf.wrapping_add(i as usize * self.elem_size as usize)
    }
    #[inline]
    fn after(&self, i: u32) -> u32 {
        if i + 1 == self.cap { 0 } else { i + 1 }
    }

    /// Copies a value into memory format (ring, or from anywhere).
    #[inline]
    unsafe fn put(&self, dst: *mut u8, src: *const u8) {
        // SAFETY: both places hold an element (callers).
        unsafe { prim::copy(dst, src, self.elem_size as usize) };
    }

    /// Copies a value to where a receiver wants it, widened if it is a lone scalar.
    #[inline]
    unsafe fn deliver(&self, dst: *mut u8, src: *const u8) {
        if dst.is_null() {
            return;
        }
        if self.conv == Conv::Bytes {
            // SAFETY: both places hold an element (callers).
            unsafe {
                barrier::overwrite(dst, self.elem_size as usize);
                prim::copy(dst, src, self.elem_size as usize);
            }
            return;
        }
        let mut word = 0u64;
        // SAFETY: a converted element has at most 8 bytes.
        unsafe { prim::copy((&raw mut word).cast(), src, self.elem_size as usize) };
        let unused = 64 - 8 * self.elem_size;
        if self.conv == Conv::Signed {
            word = (((word << unused) as i64) >> unused) as u64;
        }
        // SAFETY: a converted destination is an 8-byte frame slot.
        unsafe { prim::copy(dst, (&raw const word).cast(), 8) };
    }

    /// Zeroes a receiver's destination (closed channel).
    unsafe fn deliver_zero(&self, dst: *mut u8) {
        if !dst.is_null() {
            let n = if self.conv == Conv::Bytes {
                self.elem_size as usize
            } else {
                8
            };
            // SAFETY: the destination holds an element or a slot.
            unsafe {
                barrier::overwrite(dst, n);
                prim::zero(dst, n);
            }
        }
    }

    unsafe fn enqueue_value(&self, src: *const u8) {
        let i = self.sendx.get();
        // SAFETY: the ring has a free slot `i`.
        unsafe { self.put(self.slot(i), src) };
        self.sendx.set(self.after(i));
        self.set_count(self.count() + 1);
    }

    /// Takes the oldest value of the ring; a waiting sender's value fills the hole.
    /// Returns that sender, to be readied after unlock.
    unsafe fn dequeue_value<const RACE: bool>(
        &self,
        dst: *mut u8,
        me: Option<&G>,
    ) -> Option<SudogRef> {
        if RACE {
            self.race().take(me.and_then(G::race));
        }
        let i = self.recvx.get();
        let slot = self.slot(i);
        // SAFETY: slot `i` holds the oldest value, which leaves the ring.
        unsafe {
            barrier::overwrite(slot, self.elem_size as usize);
            self.deliver(dst, slot);
        }
        self.recvx.set(self.after(i));
        if let Some(sd) = self.sendq.pop() {
            // The ring was full, so the freed slot is also the newest.
            // SAFETY: a waiting sender's element is valid until it is readied.
            unsafe { self.put(slot, sd.elem.get()) };
            self.sendx.set(self.recvx.get());
            sd.success.set(true);
            if RACE {
                self.race().put(sd.g_ref().race());
            }
            return Some(sd);
        }
        // SAFETY: the slot is ours.
        unsafe { prim::zero(slot, self.elem_size as usize) };
        self.set_count(self.count() - 1);
        None
    }

    /// Throws away a buffered value (a stopped timer's). True if there was one.
    pub(crate) fn discard(&self) -> bool {
        self.acquire();
        let had = self.count() != 0;
        if had {
            // SAFETY: the ring holds a value; null means "nowhere".
            let sender = unsafe { self.dequeue_value::<false>(null_mut(), None) };
            debug_assert!(sender.is_none(), "nobody sends on a timer's channel");
        }
        self.release();
        had
    }

    /// Under the lock: sends if that needs no waiting. The waiting receiver, if one took
    /// the value, must be readied after unlock.
    #[inline]
    unsafe fn send_now<const RACE: bool>(&self, src: *const u8, me: Option<&G>) -> Now {
        if self.is_closed() {
            return Now::Closed;
        }
        if let Some(sd) = self.recvq.pop() {
            // SAFETY: a waiting receiver's places are valid until it is readied.
            unsafe { self.deliver(sd.elem.get(), src) };
            finish_recv(sd, true);
            if RACE {
                let to = sd.g_ref();
                self.race().pass(me.and_then(G::race), to.race());
            }
            return Now::Done(Some(sd));
        }
        if self.count() < self.cap {
            if RACE {
                self.race().put(me.and_then(G::race));
            }
            // SAFETY: there is room.
            unsafe { self.enqueue_value(src) };
            return Now::Done(None);
        }
        Now::Wait
    }

    /// Under the lock: receives if that needs no waiting.
    #[inline]
    unsafe fn recv_now<const RACE: bool>(&self, dst: *mut u8, me: Option<&G>) -> Now {
        if self.count() != 0 {
            // SAFETY: the ring holds a value.
            return Now::Done(unsafe { self.dequeue_value::<RACE>(dst, me) });
        }
        if let Some(sd) = self.sendq.pop() {
            // SAFETY: a waiting sender's element is valid until it is readied.
            unsafe { self.deliver(dst, sd.elem.get()) };
            sd.success.set(true);
            if RACE {
                let from = sd.g_ref();
                self.race().pass(from.race(), me.and_then(G::race));
            }
            return Now::Done(Some(sd));
        }
        if self.is_closed() {
            if RACE {
                self.race().closed(me.and_then(G::race));
            }
            // SAFETY: `dst` is the receiver's place.
            unsafe { self.deliver_zero(dst) };
            return Now::Closed;
        }
        Now::Wait
    }

    /// Under the lock: queues the running G with its own sudog.
    #[inline]
    fn park(&self, w: &Worker, g: &G, q: &WaitQ, reason: WaitReason) {
        let sd = &g.sudog;
        sd.is_select.set(false);
        sd.success.set(false);
        q.push(sd.sref());
        w.park_with(g, reason, self as *const Hchan as usize, || ());
    }
}

/// Outcome of an attempt under the lock.
enum Now {
    /// Done; this other G (if any) must be readied.
    Done(Option<SudogRef>),
    Closed,
    Wait,
}

/// Tells a dequeued receiver how it went (before it is readied).
#[inline]
fn finish_recv(sd: SudogRef, ok: bool) {
    sd.success.set(ok);
    let dst = sd.ok_dst.get();
    if !dst.is_null() {
        // SAFETY: a waiting receiver's ok place is valid until it is readied.
        unsafe { dst.write(u64::from(ok)) };
    }
}

/// Readies the G of a sudog that was taken off a queue.
#[inline]
fn ready(w: &Worker, sd: SudogRef) {
    let g = sd.g_ref();
    if sd.is_select.get() {
        select::decided(&g, sd);
    }
    w.ready(g);
}

#[cold]
fn park_for_ever(w: &Worker, g: &G, reason: WaitReason) -> Op {
    w.park_with(g, reason, 0, || ());
    Op::Parked
}

/// `c <- *src`.
///
/// # Safety
/// `c` is null or a live channel; `src` holds an element and stays valid while parked.
#[inline]
pub unsafe fn send<const RACE: bool>(w: &Worker, g: &G, c: *mut Hchan, src: *const u8) -> Op {
    // SAFETY: by the caller's promise.
    let Some(c) = (unsafe { c.as_ref() }) else {
        return park_for_ever(w, g, WaitReason::ChanSendNil);
    };
    if bubble::is_foreign(Some(g), c.bubble.get()) {
        return Op::Fault(bubble::foreign_chan(true));
    }
    c.acquire();
    // SAFETY: the lock is held; `src` by the caller's promise.
    match unsafe { c.send_now::<RACE>(src, Some(g)) } {
        Now::Done(sd) => {
            c.release();
            if let Some(sd) = sd {
                ready(w, sd);
            }
            Op::Done
        }
        Now::Closed => {
            c.release();
            Op::Fault(fault::SEND_CLOSED)
        }
        Now::Wait => {
            g.sudog.elem.set(src.cast_mut());
            c.park(w, g, &c.sendq, WaitReason::ChanSend);
            c.release();
            Op::Parked
        }
    }
}

/// `*dst, *ok_dst = <-c`; either place may be null.
///
/// # Safety
/// `c` is null or a live channel; the places stay valid while parked.
#[inline]
pub unsafe fn recv<const RACE: bool>(
    w: &Worker,
    g: &G,
    c: *mut Hchan,
    dst: *mut u8,
    ok_dst: *mut u64,
) -> Op {
    // SAFETY: by the caller's promise.
    let Some(c) = (unsafe { c.as_ref() }) else {
        return park_for_ever(w, g, WaitReason::ChanReceiveNil);
    };
    if bubble::is_foreign(Some(g), c.bubble.get()) {
        return Op::Fault(bubble::foreign_chan(false));
    }
    c.acquire();
    // SAFETY: the lock is held; `dst` by the caller's promise.
    let ok = match unsafe { c.recv_now::<RACE>(dst, Some(g)) } {
        Now::Done(sd) => {
            c.release();
            if let Some(sd) = sd {
                ready(w, sd);
            }
            true
        }
        Now::Closed => {
            c.release();
            false
        }
        Now::Wait => {
            g.sudog.elem.set(dst);
            g.sudog.ok_dst.set(ok_dst);
            c.park(w, g, &c.recvq, WaitReason::ChanReceive);
            c.release();
            return Op::Parked;
        }
    };
    if !ok_dst.is_null() {
        // SAFETY: by the caller's promise.
        unsafe { ok_dst.write(u64::from(ok)) };
    }
    Op::DoneOk(ok)
}

/// `select { case c <- *src: default: }`.
///
/// # Safety
/// `c` is null or a live channel; `src` holds an element.
pub unsafe fn try_send(w: &Worker, c: *mut Hchan, src: *const u8) -> Op {
    // SAFETY: by the caller's promise.
    let Some(c) = (unsafe { c.as_ref() }) else {
        return Op::WouldBlock;
    };
    // SAFETY: the running G is a registry G.
    if bubble::is_foreign(unsafe { w.current().as_ref() }, c.bubble.get()) {
        return Op::Fault(bubble::foreign_chan(true));
    }
    c.acquire();
    // SAFETY: the lock is held; `src` by the caller's promise.
    let now = unsafe { c.send_now::<true>(src, w.current().as_ref()) };
    c.release();
    match now {
        Now::Done(sd) => {
            if let Some(sd) = sd {
                ready(w, sd);
            }
            Op::Done
        }
        Now::Closed => Op::Fault(fault::SEND_CLOSED),
        Now::Wait => Op::WouldBlock,
    }
}

/// `select { case *dst, ok = <-c: default: }`.
///
/// # Safety
/// `c` is null or a live channel; `dst` is null or holds an element (or a slot).
pub unsafe fn try_recv(w: &Worker, c: *mut Hchan, dst: *mut u8) -> Op {
    // SAFETY: by the caller's promise.
    let Some(c) = (unsafe { c.as_ref() }) else {
        return Op::WouldBlock;
    };
    // SAFETY: the running G is a registry G.
    if bubble::is_foreign(unsafe { w.current().as_ref() }, c.bubble.get()) {
        return Op::Fault(bubble::foreign_chan(false));
    }
    c.acquire();
    // SAFETY: the lock is held; `dst` by the caller's promise.
    let now = unsafe { c.recv_now::<true>(dst, w.current().as_ref()) };
    c.release();
    match now {
        Now::Done(sd) => {
            if let Some(sd) = sd {
                ready(w, sd);
            }
            Op::DoneOk(true)
        }
        Now::Closed => Op::DoneOk(false),
        Now::Wait => Op::WouldBlock,
    }
}

/// `close(c)`: waiting receivers get zero values, waiting senders panic.
///
/// # Safety
/// `c` is null or a live channel.
pub unsafe fn close<const RACE: bool>(w: &Worker, c: *mut Hchan) -> Op {
    // SAFETY: by the caller's promise.
    let Some(c) = (unsafe { c.as_ref() }) else {
        return Op::Fault(fault::CLOSE_NIL);
    };
    // SAFETY: the running G is a registry G.
    if bubble::is_foreign(unsafe { w.current().as_ref() }, c.bubble.get()) {
        return Op::Fault(fault::FOREIGN_CLOSE);
    }
    c.acquire();
    if c.is_closed() {
        c.release();
        return Op::Fault(fault::CLOSE_CLOSED);
    }
    c.closed.store(1, Ordering::Relaxed);
    if RACE {
        // SAFETY: the running G is a registry G.
        c.race()
            .close(unsafe { w.current().as_ref() }.and_then(G::race));
    }
    let mut woken = Vec::new();
    while let Some(sd) = c.recvq.pop() {
        if RACE {
            c.race().closed(sd.g_ref().race());
        }
        // SAFETY: a waiting receiver's place is valid until it is readied.
        unsafe { c.deliver_zero(sd.elem.get()) };
        finish_recv(sd, false);
        woken.push(sd);
    }
    while let Some(sd) = c.sendq.pop() {
        sd.success.set(false);
        if !sd.is_select.get() {
            sd.g_ref().wake.set(Wake::Closed);
        }
        woken.push(sd);
    }
    c.release();
    for sd in woken {
        ready(w, sd);
    }
    Op::Done
}

/// `len(c)`.
///
/// # Safety
/// `c` is null or a live channel.
pub unsafe fn len(c: *const Hchan) -> usize {
    // SAFETY: by the caller's promise.
    unsafe { c.as_ref() }.map_or(0, |c| if c.timer.get() { 0 } else { c.count() as usize })
}

/// `cap(c)`.
///
/// # Safety
/// `c` is null or a live channel.
pub unsafe fn cap(c: *const Hchan) -> usize {
    // SAFETY: by the caller's promise.
    unsafe { c.as_ref() }.map_or(0, |c| if c.timer.get() { 0 } else { c.cap as usize })
}

/// The timer at address `timer` fires: sends the executor's value unless one is still there.
///
/// # Safety
/// `c` is a live channel whose element the executor's `time_value` writes.
pub(crate) unsafe fn send_timer(w: &Worker, c: *mut Hchan, now: i64, timer: usize) {
    // SAFETY: by the caller's promise.
    let c = unsafe { &*c };
    let mut value = [0u128; 4];
    debug_assert!(c.elem_size as usize <= std::mem::size_of_val(&value));
    // SAFETY: the array is large enough for the element.
    unsafe {
        w.rt()
            .exec
            .time_value(now, c.bubble.get() != 0, value.as_mut_ptr().cast());
    }
    c.acquire();
    // SAFETY: the lock is held; the value is complete.
    let sent = unsafe {
        if crate::race::on() {
            if c.count() < c.cap {
                c.race().timer_put(timer);
            }
            let sent = c.send_now::<false>(value.as_ptr().cast(), None);
            if let Now::Done(Some(sd)) = &sent {
                c.race().take(sd.g_ref().race());
            }
            sent
        } else {
            c.send_now::<false>(value.as_ptr().cast(), None)
        }
    };
    c.release();
    if let Now::Done(Some(sd)) = sent {
        ready(w, sd);
    }
}

/// Ends a goroutine's wait on channels, as if it had never begun; it is to be readied.
/// Only while the world is stopped. False: it waits for something else.
pub(crate) fn give_up(g: &G) -> bool {
    match g.wait_reason() {
        WaitReason::ChanReceive | WaitReason::ChanSend => {
            // SAFETY: a waiting goroutine's channel is live.
            let c = unsafe { &*(g.wait_obj() as *const Hchan) };
            c.acquire();
            if g.wait_reason() == WaitReason::ChanSend {
                c.sendq.remove(g.sudog.sref());
            } else {
                c.recvq.remove(g.sudog.sref());
            }
            c.release();
            true
        }
        // Its sudogs are taken off the channels before it runs.
        WaitReason::Select => {
            g.select_done.store(1, Ordering::Release);
            true
        }
        r => r.is_for_ever(),
    }
}

/// A destination for "nowhere".
pub const NOWHERE: *mut u8 = without_provenance_mut(0);

const _: () = assert!(std::mem::offset_of!(Hchan, buf) == 8 * Hchan::PTR_WORD);
