//! The primitives everything else in the runtime stands on: atomics (real or modelled),
//! the short lock, the thread parker, the clock and the copy of guest values.
//!
//! Protocol.
//! * `atomic` and `word` are the façades. Under `cfg(loom)`, `atomic` names loom's modelled
//!   atomics; only `sched::queue` and `sched::idle` use it. Under `cfg(shuttle)` both name
//!   those of `model`, with which the whole scheduler, channels and locks are checked. Else
//!   they are the standard atomics. All-zero bytes are a valid initial value of `word`s.
//! * `RawLock` guards a few dozen instructions and never guest code. Unlock is a plain
//!   release store: there is no sleeping waiter to tell, because a waiter that spun for
//!   nothing yields its processor and then naps. Rejected: the three-state futex lock,
//!   whose unlock needs a read-modify-write (5 ns on each channel operation).
//! * `Parker` is a one-token semaphore for one thread. `unpark` before `park` is kept.
//! * `copy` moves 16 bytes with one access, so a two-word header at a 16-aligned
//!   address never tears, whatever the guest races with.

#[cfg(not(shuttle))]
pub mod word {
    //! The standard atomics.
    pub use std::sync::atomic::{
        AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
        AtomicUsize, Ordering, fence,
    };
}
#[cfg(shuttle)]
pub use super::model as word;

#[cfg(not(loom))]
pub mod atomic {
    //! The words of the queue and the idle protocol.
    pub use super::word::{AtomicPtr, AtomicU32, Ordering, fence};
}
#[cfg(loom)]
pub mod atomic {
    //! The modelled atomics.
    pub use loom::sync::atomic::{AtomicPtr, AtomicU32, Ordering, fence};
}

use super::lock_rank::{self, Rank};
use super::tuning;
use word::{AtomicI64, AtomicU32, Ordering};

/// Nanoseconds of the monotonic clock, with what virtual time has skipped.
#[inline]
pub fn nanotime() -> i64 {
    real_nanotime() + SKIPPED.load(Ordering::Relaxed)
}

/// How far virtual time is ahead of real time.
static SKIPPED: AtomicI64 = AtomicI64::new(0);

/// How far virtual time is ahead of real time.
pub fn skipped() -> i64 {
    SKIPPED.load(Ordering::Relaxed)
}
/// Moves the clock on.
pub fn skip(ns: i64) {
    SKIPPED.fetch_add(ns.max(0), Ordering::Relaxed);
}

/// Time under the model checker passes with each look at it, by turns a little and by more
/// than a waiting locker has patience for.
#[cfg(shuttle)]
fn real_nanotime() -> i64 {
    use std::sync::atomic::AtomicI64;
    static LOOKS: AtomicI64 = AtomicI64::new(0);
    let n = LOOKS.fetch_add(1, Ordering::Relaxed);
    n / 2 * 1_400_000 + n % 2 * 200_000
}

#[cfg(not(shuttle))]
fn real_nanotime() -> i64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `ts` is a valid place for the result; the clock id exists everywhere.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    ts.tv_sec * 1_000_000_000 + ts.tv_nsec
}

/// Tells the processor that this is a spin loop, `n` times.
#[inline]
pub fn pause(n: u32) {
    #[cfg(shuttle)]
    super::model::point();
    for _ in 0..n {
        std::hint::spin_loop();
    }
}

/// Lets another thread have the processor.
pub fn yield_thread() {
    #[cfg(shuttle)]
    super::model::point();
    #[cfg(not(shuttle))]
    std::thread::yield_now();
}

/// Sleeps while `*word == expected`, at most `timeout_ns` (for ever when negative).
/// May return early for no reason, as it always does under the model checker.
#[cfg(shuttle)]
pub fn futex_wait(_word: &AtomicU32, _expected: u32, _timeout_ns: i64) {
    super::model::point();
}
/// Sleeps while `*word == expected`, at most `timeout_ns` (for ever when negative).
/// May return early for no reason.
#[cfg(not(shuttle))]
pub fn futex_wait(word: &AtomicU32, expected: u32, timeout_ns: i64) {
    let ts = libc::timespec {
        tv_sec: timeout_ns.max(0) / 1_000_000_000,
        tv_nsec: timeout_ns.max(0) % 1_000_000_000,
    };
    let tsp = if timeout_ns < 0 {
        std::ptr::null()
    } else {
        &ts as *const libc::timespec
    };
    // SAFETY: the word is live for the call, the time specification is null or valid.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            tsp,
        );
    }
}

/// Wakes up to `n` threads that sleep on `word`.
pub fn futex_wake(word: &AtomicU32, n: i32) {
    // SAFETY: waking touches no memory; the address is only a key.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            n,
        );
    }
}

/// A lock for short critical sections; one zeroed word. See the module text.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct RawLock {
    word: AtomicU32,
}

impl RawLock {
    /// An unlocked lock.
    pub const fn new() -> RawLock {
        RawLock {
            word: AtomicU32::new(0),
        }
    }

    /// Takes the lock; `rank` says where it stands in the lock order.
    #[inline]
    pub fn lock(&self, rank: Rank) {
        lock_rank::acquire(rank, self.word.as_ptr() as usize);
        if self
            .word
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.lock_slow();
        }
    }

    #[cold]
    #[inline(never)]
    fn lock_slow(&self) {
        let mut round = 0u32;
        loop {
            if self.word.load(Ordering::Relaxed) == 0
                && self
                    .word
                    .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            round += 1;
            if round < tuning::LOCK_SPINS {
                pause(tuning::LOCK_PAUSES);
            } else if cfg!(shuttle) || round < tuning::LOCK_SPINS + tuning::LOCK_YIELDS {
                yield_thread();
            } else {
                std::thread::sleep(std::time::Duration::from_micros(tuning::LOCK_NAP_US));
            }
        }
    }

    /// Gives the lock back. Only the holder may call this.
    #[inline]
    pub fn unlock(&self, rank: Rank) {
        lock_rank::release(rank, self.word.as_ptr() as usize);
        self.word.store(0, Ordering::Release);
    }

    /// Runs `f` under the lock.
    #[inline]
    pub fn with<R>(&self, rank: Rank, f: impl FnOnce() -> R) -> R {
        self.lock(rank);
        let r = f();
        self.unlock(rank);
        r
    }
}

/// A value guarded by a [`RawLock`].
#[derive(Debug, Default)]
pub struct Locked<T> {
    lock: RawLock,
    value: std::cell::UnsafeCell<T>,
}

// SAFETY: the value is only reached through `with`, under the lock.
unsafe impl<T: Send> Sync for Locked<T> {}

impl<T> Locked<T> {
    /// Guards `value`.
    pub const fn new(value: T) -> Locked<T> {
        Locked {
            lock: RawLock::new(),
            value: std::cell::UnsafeCell::new(value),
        }
    }
    /// Runs `f` on the value under the lock.
    #[inline]
    pub fn with<R>(&self, rank: Rank, f: impl FnOnce(&mut T) -> R) -> R {
        self.lock.lock(rank);
        // SAFETY: the lock is held, and `f` cannot reach the cell another way (a second
        // `with` on the same lock would not return).
        let r = f(unsafe { &mut *self.value.get() });
        self.lock.unlock(rank);
        r
    }
}

/// A one-token semaphore for one waiting thread; under the model checker one that it knows,
/// so that it sees when everybody waits.
#[cfg(shuttle)]
#[derive(Default)]
pub struct Parker {
    token: shuttle::sync::Mutex<bool>,
    given: shuttle::sync::Condvar,
}

#[cfg(shuttle)]
impl Parker {
    /// As the real one; a wait with a timeout may end at once.
    pub fn park(&self, timeout_ns: i64) -> bool {
        let mut token = self.token.lock().expect("no thread panics here");
        while timeout_ns < 0 && !*token {
            token = self.given.wait(token).expect("no thread panics here");
        }
        std::mem::take(&mut token)
    }
    pub fn take(&self) -> bool {
        std::mem::take(&mut *self.token.lock().expect("no thread panics here"))
    }
    pub fn unpark(&self) {
        *self.token.lock().expect("no thread panics here") = true;
        self.given.notify_one();
    }
}

/// A one-token semaphore for one waiting thread.
#[cfg(not(shuttle))]
#[derive(Debug, Default)]
pub struct Parker {
    token: AtomicU32,
}

#[cfg(not(shuttle))]
impl Parker {
    /// Waits for the token, at most `timeout_ns` (for ever when negative). True when the
    /// token was taken.
    pub fn park(&self, timeout_ns: i64) -> bool {
        if self.token.swap(0, Ordering::Acquire) == 1 {
            return true;
        }
        let end = if timeout_ns < 0 {
            i64::MAX
        } else {
            nanotime().saturating_add(timeout_ns)
        };
        loop {
            let left = if timeout_ns < 0 { -1 } else { end - nanotime() };
            if timeout_ns >= 0 && left <= 0 {
                return self.token.swap(0, Ordering::Acquire) == 1;
            }
            futex_wait(&self.token, 0, left);
            if self.token.swap(0, Ordering::Acquire) == 1 {
                return true;
            }
        }
    }

    /// Takes the token if it is there.
    pub fn take(&self) -> bool {
        self.token.swap(0, Ordering::SeqCst) == 1
    }

    /// Leaves the token and wakes the thread.
    pub fn unpark(&self) {
        if self.token.swap(1, Ordering::SeqCst) == 0 {
            futex_wake(&self.token, 1);
        }
    }
}

/// Copies a guest value of `size` bytes: 16-byte steps by one access each, then the
/// tail in 8, 4, 2 and 1 byte steps.
///
/// # Safety
/// Both places must be valid for `size` bytes and must not overlap; values of 8 bytes
/// and more are 8-aligned.
#[inline]
pub unsafe fn copy(dst: *mut u8, src: *const u8, size: usize) {
    if size == 8 {
        // SAFETY: by the caller's promise; relaxed so that racing guests stay defined.
        unsafe { step::<std::sync::atomic::AtomicU64>(dst, src, 0) };
    } else {
        // SAFETY: by the caller's promise.
        unsafe { copy_any(dst, src, size) };
    }
}

trait Word {
    /// # Safety
    /// Both addresses are valid and aligned for the word.
    unsafe fn mov(dst: *mut u8, src: *const u8);
}
macro_rules! word {
    ($($t:ident),*) => {$(
        impl Word for std::sync::atomic::$t {
            #[inline(always)]
            unsafe fn mov(dst: *mut u8, src: *const u8) {
                // SAFETY: by the caller's promise the places are valid and aligned.
                let (d, s) = unsafe { (&*dst.cast::<Self>(), &*src.cast::<Self>()) };
                d.store(s.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    )*};
}
word!(AtomicU8, AtomicU16, AtomicU32, AtomicU64);

#[inline(always)]
unsafe fn step<W: Word>(dst: *mut u8, src: *const u8, at: usize) {
    // SAFETY: `at` stays inside both places (callers of this private helper).
    unsafe { W::mov(dst.add(at), src.add(at)) }
}

unsafe fn copy_any(dst: *mut u8, src: *const u8, size: usize) {
    let mut at = 0;
    while size - at >= 16 {
        // SAFETY: 16 bytes remain in both places.
        unsafe { copy16(dst.add(at), src.add(at)) };
        at += 16;
    }
    use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};
    // SAFETY: each step checks that its bytes remain; a value whose size is a multiple
    // of the step is aligned to it at this offset or is moved by smaller steps.
    unsafe {
        let aligned =
            |at: usize, n: usize| ((dst as usize + at) | (src as usize + at)).is_multiple_of(n);
        while at < size {
            let left = size - at;
            if left >= 8 && aligned(at, 8) {
                step::<AtomicU64>(dst, src, at);
                at += 8;
            } else if left >= 4 && aligned(at, 4) {
                step::<AtomicU32>(dst, src, at);
                at += 4;
            } else if left >= 2 && aligned(at, 2) {
                step::<AtomicU16>(dst, src, at);
                at += 2;
            } else {
                step::<AtomicU8>(dst, src, at);
                at += 1;
            }
        }
    }
}

/// Moves 16 bytes with one load and one store.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn copy16(dst: *mut u8, src: *const u8) {
    // SAFETY: the caller gives 16 valid bytes on both sides; an unaligned move is
    // allowed (a frame slot), an aligned one is a single access.
    unsafe {
        std::arch::asm!(
            "movdqu {t}, [{s}]",
            "movdqu [{d}], {t}",
            s = in(reg) src, d = in(reg) dst, t = out(xmm_reg) _,
            options(nostack, preserves_flags)
        );
    }
}

/// Moves 16 bytes with one load pair and one store pair.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
unsafe fn copy16(dst: *mut u8, src: *const u8) {
    // SAFETY: as above; with LSE2 an aligned pair is a single access.
    unsafe {
        std::arch::asm!(
            "ldp {a}, {b}, [{s}]",
            "stp {a}, {b}, [{d}]",
            s = in(reg) src, d = in(reg) dst, a = out(reg) _, b = out(reg) _,
            options(nostack, preserves_flags)
        );
    }
}

/// Moves 16 bytes; Miri knows no machine instructions.
#[cfg(miri)]
unsafe fn copy16(dst: *mut u8, src: *const u8) {
    // SAFETY: the caller gives 16 valid bytes on both sides.
    unsafe { std::ptr::copy_nonoverlapping(src, dst, 16) };
}

/// Zeroes a guest value.
///
/// # Safety
/// `dst` is valid for `size` bytes; values of 8 bytes and more are 8-aligned.
#[inline]
pub unsafe fn zero(dst: *mut u8, size: usize) {
    // Words that an atomic access may refer to: no such reference to constants may be made.
    static ZERO: [std::sync::atomic::AtomicU64; 2] =
        [const { std::sync::atomic::AtomicU64::new(0) }; 2];
    let mut at = 0;
    while at < size {
        let n = (size - at).min(16);
        // SAFETY: `n` bytes remain, and the source has 16.
        unsafe { copy_any(dst.add(at), (&raw const ZERO).cast(), n) };
        at += n;
    }
}

/// A small, fast random generator (xorshift64*): one word of state.
#[inline]
pub fn next_random(state: &std::cell::Cell<u64>) -> u32 {
    let mut x = state.get();
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state.set(x);
    (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_every_size() {
        for size in 0..80usize {
            let src: Vec<u64> = (0..10).map(|i| 0x0101_0101_0101_0101 * (i + 1)).collect();
            let mut dst = [0u64; 10];
            // SAFETY: both arrays hold 80 bytes.
            unsafe { copy(dst.as_mut_ptr().cast(), src.as_ptr().cast(), size) };
            let bytes = |v: &[u64]| v.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
            assert_eq!(bytes(&dst)[..size], bytes(&src)[..size]);
            assert!(bytes(&dst)[size..].iter().all(|b| *b == 0));
            // SAFETY: as above.
            unsafe { zero(dst.as_mut_ptr().cast(), size) };
            assert_eq!(dst, [0; 10]);
        }
    }

    #[test]
    fn parker_keeps_one_token() {
        let p = Parker::default();
        p.unpark();
        p.unpark();
        assert!(p.park(-1));
        assert!(!p.park(1000));
    }
}
