//! The netpoller: goroutines that wait for descriptors, on epoll.
//!
//! A [`PollDesc`] stands for one non-blocking descriptor. Programs name it by a handle,
//! (generation << 32 | index) into a table that only grows, so a stale handle is found out
//! and harmless.
//!
//! * An operation holds a reference (`enter`, `leave`) while it uses the descriptor.
//!   `close` marks the desc, wakes everybody, and the last reference closes the descriptor:
//!   a number is never reused under an operation that runs on another thread.
//! * Registration is edge-triggered and lasts as long as the descriptor. `ready` says that
//!   something may have happened since an operation last looked: the operation takes the
//!   bits *before* its system call and parks (under the desc's lock) only when they are
//!   still clear. After a short read of a stream the kernel has no more, and new data is
//!   a new edge: the next operation parks without asking. `HUNG` (end of stream, error)
//!   survives that, because it may have come together with the data.
//! * Whoever makes a G runnable here only says "try again": the woken operation starts from
//!   its beginning and finds out what happened (ready, closed, deadline).
//! * Deadlines are ordinary timers of kind `Net`. One that fires looks under the lock
//!   whether its deadline is still meant, so resets need no generation.
//!
//! Who polls: an M that found nothing (`sched::find`), without blocking; the one idle M that
//! sleeps with a timeout, in `epoll_pwait2` instead of a futex, woken through an eventfd; and
//! sysmon when nobody has for 10 ms.
#![allow(unsafe_code)]

use super::lock_rank::{self, Rank};
use super::prim::{self, Locked, RawLock};
use super::sched::Runtime;
use super::sched::task::{G, GRef, Sudog};
use super::sched::worker::Worker;
use super::timers::{Kind, Timer};
use super::tuning::{POLL_CHUNK, POLL_CHUNKS, POLL_EVENTS};
use super::wait_reason::WaitReason;
use std::cell::Cell;
use std::ptr::null;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicUsize, Ordering};

/// `PollDesc::state`: no new operations.
const CLOSING: u32 = 1;
/// `PollDesc::state`: not in use.
const FREE: u32 = 2;
/// `PollDesc::state`: one reference.
const REF: u32 = 4;

/// `Dir::ready`: an edge came.
const READY: u32 = 1;
/// `Dir::ready`: the stream ended or failed.
const HUNG: u32 = 2;

/// What the eventfd's events carry.
const BREAK: u64 = u64::MAX;

/// Why an operation does not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    Closed,
    DeadlineExceeded,
}

/// Reading or writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Mode {
    Read = 0,
    Write = 1,
}

struct Dir {
    ready: AtomicU32,
    /// Parked Gs, through `Sudog::next`; under the desc's lock.
    waiters: Cell<*const Sudog>,
    /// 0 none, -1 passed, else when (monotonic ns). Written under the lock.
    deadline: AtomicI64,
    timer: Timer,
}

/// One descriptor. See the module text.
pub struct PollDesc {
    lock: RawLock,
    generation: AtomicU32,
    state: AtomicU32,
    fd: AtomicI32,
    /// A byte stream: a short read means that there is no more.
    stream: AtomicU32,
    /// The next free desc's index plus one.
    next_free: AtomicU32,
    dirs: [Dir; 2],
}

// SAFETY: the cells are guarded by the desc's lock.
unsafe impl Sync for PollDesc {}
// SAFETY: as above.
unsafe impl Send for PollDesc {}

/// The poller of a runtime.
pub struct Poller {
    epoll: AtomicI32,
    event: AtomicI32,
    start: std::sync::Once,
    chunks: Box<[OnceLock<Box<[PollDesc; POLL_CHUNK]>>]>,
    /// (first free index plus one, descs made)
    free: Locked<(u32, u32)>,
    /// Gs parked here.
    waiters: AtomicUsize,
    /// Ms in `sleep`.
    sleepers: AtomicUsize,
    /// When somebody last polled; 0 while an M sleeps in the poller.
    last: AtomicI64,
}

impl Default for Poller {
    fn default() -> Poller {
        Poller {
            epoll: AtomicI32::new(-1),
            event: AtomicI32::new(-1),
            start: std::sync::Once::new(),
            chunks: (0..POLL_CHUNKS).map(|_| OnceLock::new()).collect(),
            free: Locked::new((0, 0)),
            waiters: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            last: AtomicI64::new(0),
        }
    }
}

fn errno() -> i32 {
    std::io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO)
}

impl Poller {
    /// Whether anything was ever registered.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.epoll.load(Ordering::Relaxed) >= 0
    }
    /// Gs that wait for a descriptor.
    #[inline]
    pub(crate) fn waiters(&self) -> usize {
        self.waiters.load(Ordering::SeqCst)
    }
    /// Whether polling without blocking may find something nobody else looks for.
    #[inline]
    pub(crate) fn worth_a_look(&self) -> bool {
        self.waiters.load(Ordering::Relaxed) != 0 && self.last.load(Ordering::Relaxed) != 0
    }
    /// When somebody last polled (0: an M sleeps in the poller).
    pub(crate) fn last_poll(&self) -> i64 {
        self.last.load(Ordering::Relaxed)
    }

    fn turn_on(&self, rt: &Runtime) -> Result<i32, i32> {
        let mut failed = 0;
        self.start.call_once(|| {
            // SAFETY: plain system calls; the event structure is valid.
            unsafe {
                let ep = libc::epoll_create1(libc::EPOLL_CLOEXEC);
                let ev = libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK);
                if ep < 0 || ev < 0 {
                    failed = errno();
                    return;
                }
                let mut e = libc::epoll_event {
                    events: libc::EPOLLIN as u32,
                    u64: BREAK,
                };
                libc::epoll_ctl(ep, libc::EPOLL_CTL_ADD, ev, &mut e);
                self.event.store(ev, Ordering::SeqCst);
                self.last.store(prim::nanotime(), Ordering::Relaxed);
                self.epoll.store(ep, Ordering::SeqCst);
            }
            // The M that sleeps on its futex shall sleep in the poller instead.
            rt.kick_sleeper();
        });
        match self.epoll.load(Ordering::SeqCst) {
            -1 => Err(if failed == 0 { libc::EMFILE } else { failed }),
            ep => Ok(ep),
        }
    }

    /// Breaks the sleep of the M in the poller.
    pub(crate) fn break_sleep(&self) {
        let one = 1u64;
        // SAFETY: eight readable bytes. A full counter has woken it already.
        unsafe {
            libc::write(
                self.event.load(Ordering::SeqCst),
                (&raw const one).cast(),
                8,
            )
        };
    }

    fn desc(&self, index: u32) -> Option<&PollDesc> {
        let chunk = self.chunks.get(index as usize / POLL_CHUNK)?.get()?;
        Some(&chunk[index as usize % POLL_CHUNK])
    }

    /// Starts to watch `fd`, which must be non-blocking. `fresh`: an operation has just
    /// said that it must wait (a connect in progress).
    pub fn open(&self, rt: &Runtime, fd: i32, stream: bool, fresh: bool) -> Result<u64, i32> {
        let ep = self.turn_on(rt)?;
        let index = self.take_free().ok_or(libc::EMFILE)?;
        let d = self.desc(index).expect("made by take_free");
        d.fd.store(fd, Ordering::Relaxed);
        d.stream.store(u32::from(stream), Ordering::Relaxed);
        for dir in &d.dirs {
            dir.ready
                .store(if fresh { 0 } else { READY }, Ordering::Relaxed);
            dir.deadline.store(0, Ordering::Relaxed);
        }
        let handle = u64::from(d.generation.load(Ordering::Relaxed)) << 32 | u64::from(index);
        d.state.fetch_add(REF, Ordering::AcqRel);
        d.state.fetch_and(!(CLOSING | FREE), Ordering::AcqRel);
        let mut e = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32,
            u64: handle,
        };
        // SAFETY: the event structure is valid.
        if unsafe { libc::epoll_ctl(ep, libc::EPOLL_CTL_ADD, fd, &mut e) } < 0 {
            let code = errno();
            d.fd.store(-1, Ordering::Relaxed);
            d.state.fetch_or(CLOSING, Ordering::AcqRel);
            self.unref(index, d);
            return Err(code);
        }
        Ok(handle)
    }

    fn take_free(&self) -> Option<u32> {
        self.free.with(Rank::PollTable, |(first, made)| {
            if *first != 0 {
                let index = *first - 1;
                *first = self.desc(index)?.next_free.load(Ordering::Relaxed);
                return Some(index);
            }
            let index = *made;
            let chunk = self.chunks.get(index as usize / POLL_CHUNK)?;
            chunk.get_or_init(|| {
                let from = index - index % POLL_CHUNK as u32;
                let descs: Vec<_> = (from..from + POLL_CHUNK as u32)
                    .map(PollDesc::new)
                    .collect();
                match descs.try_into() {
                    Ok(chunk) => chunk,
                    Err(_) => unreachable!("exactly a chunk was made"),
                }
            });
            *made += 1;
            Some(index)
        })
    }

    /// Uses a descriptor. None: it is closed.
    #[inline]
    pub fn enter(&self, handle: u64) -> Option<Guard<'_>> {
        let index = handle as u32;
        let d = self.desc(index)?;
        let old = d.state.fetch_add(REF, Ordering::AcqRel);
        if old & (CLOSING | FREE) != 0
            || d.generation.load(Ordering::Acquire) != (handle >> 32) as u32
        {
            self.unref(index, d);
            return None;
        }
        Some(Guard {
            poller: self,
            index,
            d,
        })
    }

    /// Gives a reference back; the last one closes the descriptor.
    #[inline]
    fn unref(&self, index: u32, d: &PollDesc) {
        let mut old = d.state.load(Ordering::Relaxed);
        loop {
            let mut new = old - REF;
            if new == CLOSING {
                new |= FREE;
            }
            match d
                .state
                .compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if new & FREE != 0 && old & FREE == 0 => return self.destroy(index, d),
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    #[cold]
    fn destroy(&self, index: u32, d: &PollDesc) {
        let fd = d.fd.swap(-1, Ordering::AcqRel);
        d.generation.fetch_add(1, Ordering::AcqRel);
        if fd >= 0 {
            let ep = self.epoll.load(Ordering::Relaxed);
            // SAFETY: plain system calls; the descriptor is this desc's own.
            unsafe {
                libc::epoll_ctl(ep, libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut());
                libc::close(fd);
            }
        }
        self.free.with(Rank::PollTable, |(first, _)| {
            d.next_free.store(*first, Ordering::Relaxed);
            *first = index + 1;
        });
    }

    /// Closes: nothing new begins, everybody who waits is woken. False: already closed.
    pub fn close(&self, w: &Worker, handle: u64) -> bool {
        let Some(guard) = self.enter(handle) else {
            return false;
        };
        let d = guard.d;
        if d.state.fetch_or(CLOSING, Ordering::AcqRel) & CLOSING != 0 {
            return false;
        }
        let mut woken = Vec::new();
        d.lock.with(Rank::Poll, || {
            for dir in &d.dirs {
                Self::take_waiters(dir, &mut woken);
                dir.deadline.store(0, Ordering::Relaxed);
                dir.timer.stop(w);
            }
        });
        // The reference of `open`; the guard still holds one.
        self.unref(guard.index, d);
        drop(guard);
        self.settled(woken.len());
        for g in woken {
            w.ready(g);
        }
        true
    }

    /// Sets the deadlines of one or both directions: `after` ns from now, 0 for none,
    /// negative for one that has passed. False: closed.
    pub fn set_deadline(
        &self,
        w: &Worker,
        handle: u64,
        read: bool,
        write: bool,
        after: i64,
    ) -> bool {
        let Some(guard) = self.enter(handle) else {
            return false;
        };
        let d = guard.d;
        let when = match after {
            0 => 0,
            n if n < 0 => -1,
            n => prim::nanotime().saturating_add(n),
        };
        let mut woken = Vec::new();
        d.lock.with(Rank::Poll, || {
            if d.state.load(Ordering::Acquire) & CLOSING != 0 {
                return; // `close` has stopped the timers
            }
            for (dir, wanted) in d.dirs.iter().zip([read, write]) {
                if !wanted {
                    continue;
                }
                dir.deadline.store(when, Ordering::Release);
                if when > 0 {
                    dir.timer.reset(w, when, 0);
                } else {
                    dir.timer.stop(w);
                }
                if when < 0 {
                    Self::take_waiters(dir, &mut woken);
                }
            }
        });
        drop(guard);
        self.settled(woken.len());
        for g in woken {
            w.ready(g);
        }
        true
    }

    /// A deadline timer fired (its heap's lock is released).
    pub(crate) fn deadline_passed(&self, w: &Worker, arg: usize) {
        let Some(d) = self.desc((arg >> 1) as u32) else {
            return;
        };
        let dir = &d.dirs[arg & 1];
        let mut woken = Vec::new();
        d.lock.with(Rank::Poll, || {
            let when = dir.deadline.load(Ordering::Relaxed);
            if when > 0 && when <= prim::nanotime() {
                dir.deadline.store(-1, Ordering::Release);
                Self::take_waiters(dir, &mut woken);
            }
        });
        self.settled(woken.len());
        for g in woken {
            w.ready_tail(g);
        }
    }

    /// `n` Gs that waited here are queued to run. Not earlier: they are what tells the
    /// deadlock check that the program goes on.
    pub(crate) fn settled(&self, n: usize) {
        self.waiters.fetch_sub(n, Ordering::SeqCst);
    }

    /// Under the desc's lock.
    fn take_waiters(dir: &Dir, out: &mut Vec<GRef>) {
        let mut s = dir.waiters.replace(null());
        // SAFETY: waiting sudogs stay until their G runs again, which the lock prevents.
        while let Some(sd) = unsafe { s.as_ref() } {
            s = sd.next.replace(null());
            out.push(sd.sref().g_ref());
        }
    }

    /// Looks for events, waiting up to `timeout` ns (0: not at all, negative: for ever), and
    /// adds the Gs that may go on to `out` (they are still Waiting).
    /// True when a sleep was to be broken; a mere look leaves that to the sleeper.
    pub(crate) fn poll(&self, timeout: i64, out: &mut Vec<GRef>) -> bool {
        let ep = self.epoll.load(Ordering::Relaxed);
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; POLL_EVENTS];
        if timeout != 0 {
            self.last.store(0, Ordering::SeqCst);
        }
        let mut broken_off = false;
        let n = wait(ep, &mut events, timeout);
        self.last.store(prim::nanotime(), Ordering::SeqCst);
        for e in events.iter().take(n) {
            let (bits, handle) = (e.events as i32, e.u64);
            if handle == BREAK {
                if timeout != 0 {
                    broken_off = true;
                    let mut count = 0u64;
                    let event = self.event.load(Ordering::Relaxed);
                    // SAFETY: eight writable bytes.
                    unsafe { libc::read(event, (&raw mut count).cast(), 8) };
                }
                continue;
            }
            let Some(d) = self.desc(handle as u32) else {
                continue;
            };
            let broken = bits & (libc::EPOLLHUP | libc::EPOLLERR) != 0;
            let read = bits & (libc::EPOLLIN | libc::EPOLLRDHUP) != 0 || broken;
            let write = bits & libc::EPOLLOUT != 0 || broken;
            let ended = broken || bits & libc::EPOLLRDHUP != 0;
            d.lock.with(Rank::Poll, || {
                if d.generation.load(Ordering::Acquire) != (handle >> 32) as u32 {
                    return;
                }
                for (dir, on, hung) in [(&d.dirs[0], read, ended), (&d.dirs[1], write, broken)] {
                    if on {
                        let bits = if hung { READY | HUNG } else { READY };
                        dir.ready.fetch_or(bits, Ordering::AcqRel);
                        Self::take_waiters(dir, out);
                    }
                }
            });
        }
        broken_off
    }

    /// Sleeps in the poller. The one eventfd may have been meant for another M that is still
    /// on its way out of its sleep (it is a sleeper no more, so there may be a new one):
    /// whoever takes it passes it on.
    pub(crate) fn sleep(&self, timeout: i64, out: &mut Vec<GRef>, go: impl FnOnce() -> bool) {
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let broken_off = go() && self.poll(timeout, out);
        if self.sleepers.fetch_sub(1, Ordering::SeqCst) > 1 && broken_off {
            self.break_sleep();
        }
    }
}

/// `epoll_wait` with a timeout in ns.
fn wait(ep: i32, events: &mut [libc::epoll_event; POLL_EVENTS], timeout: i64) -> usize {
    let ts = libc::timespec {
        tv_sec: timeout.max(0) / 1_000_000_000,
        tv_nsec: timeout.max(0) % 1_000_000_000,
    };
    let room = events.len() as i32;
    // SAFETY: the array has `room` entries; the time is null or valid; no signal mask.
    let n = unsafe {
        if timeout > 0 {
            let n = libc::syscall(
                libc::SYS_epoll_pwait2,
                ep,
                events.as_mut_ptr(),
                room,
                &raw const ts,
                null::<libc::sigset_t>(),
                0,
            );
            if n < 0 && errno() == libc::ENOSYS {
                // Before Linux 5.11: milliseconds, rounded up.
                let ms = (timeout.saturating_add(999_999) / 1_000_000).min(i32::MAX.into());
                i64::from(libc::epoll_wait(ep, events.as_mut_ptr(), room, ms as i32))
            } else {
                n
            }
        } else {
            let ms = if timeout < 0 { -1 } else { 0 };
            i64::from(libc::epoll_wait(ep, events.as_mut_ptr(), room, ms))
        }
    };
    n.max(0) as usize
}

impl PollDesc {
    fn new(index: u32) -> PollDesc {
        let dir = |mode: usize| Dir {
            ready: AtomicU32::new(0),
            waiters: Cell::new(null()),
            deadline: AtomicI64::new(0),
            timer: Timer::stopped(Kind::Net, (index as usize) << 1 | mode),
        };
        PollDesc {
            lock: RawLock::new(),
            generation: AtomicU32::new(1),
            state: AtomicU32::new(CLOSING | FREE),
            fd: AtomicI32::new(-1),
            stream: AtomicU32::new(0),
            next_free: AtomicU32::new(0),
            dirs: [dir(0), dir(1)],
        }
    }
}

/// A descriptor in use.
pub struct Guard<'a> {
    poller: &'a Poller,
    index: u32,
    d: &'a PollDesc,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.poller.unref(self.index, self.d);
    }
}

impl Guard<'_> {
    /// The descriptor's number.
    pub fn fd(&self) -> i32 {
        self.d.fd.load(Ordering::Relaxed)
    }
    /// Whether it is a byte stream.
    pub fn is_stream(&self) -> bool {
        self.d.stream.load(Ordering::Relaxed) != 0
    }
    /// Whether an operation may begin now.
    #[inline]
    pub fn check(&self, mode: Mode) -> Result<(), Refused> {
        if self.d.dirs[mode as usize].deadline.load(Ordering::Acquire) < 0 {
            return Err(Refused::DeadlineExceeded);
        }
        if self.d.state.load(Ordering::Acquire) & CLOSING != 0 {
            return Err(Refused::Closed);
        }
        Ok(())
    }
    /// Before the system call: takes what is known. 0: nothing can have happened, so `park`
    /// at once.
    #[inline]
    pub fn take_ready(&self, mode: Mode) -> u32 {
        self.d.dirs[mode as usize].ready.swap(0, Ordering::AcqRel)
    }
    /// After a system call that did something: `taken` is what `take_ready` gave; `all`: the
    /// descriptor certainly has (room for) no more, up to new events.
    #[inline]
    pub fn done(&self, mode: Mode, taken: u32, all: bool) {
        let keep = if all { taken & HUNG } else { READY | taken };
        if keep != 0 {
            self.d.dirs[mode as usize]
                .ready
                .fetch_or(keep, Ordering::AcqRel);
        }
    }
    /// Something may be possible in both directions, whatever was taken before.
    pub fn again(&self) {
        for dir in &self.d.dirs {
            dir.ready.fetch_or(READY, Ordering::AcqRel);
        }
    }
    /// Parks the running G (its state is saved, so that it tries again) until something
    /// happens. False: something has happened already, try again now.
    pub fn park(&self, w: &Worker, g: &G, mode: Mode) -> bool {
        lock_rank::assert_none_held();
        let dir = &self.d.dirs[mode as usize];
        self.d.lock.with(Rank::Poll, || {
            if dir.ready.load(Ordering::Acquire) != 0
                || dir.deadline.load(Ordering::Relaxed) < 0
                || self.d.state.load(Ordering::Acquire) & CLOSING != 0
            {
                return false;
            }
            self.poller.waiters.fetch_add(1, Ordering::SeqCst);
            w.park_with(g, WaitReason::IoWait, 0, || {
                g.sudog.next.set(dir.waiters.get());
                dir.waiters.set(&g.sudog);
            });
            true
        })
    }
}
