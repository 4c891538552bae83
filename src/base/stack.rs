//! Running a function on a stack of its own size, on the same thread.
//!
//! Passes over a program's tree recurse. A thread made for its large stack would do as well,
//! but making it and waiting for it costs more than a small program's whole compilation.
#![allow(unsafe_code)]

#[cfg(not(miri))]
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Miri has the stack that it has.
#[cfg(miri)]
pub fn on_stack<R>(_bytes: usize, f: impl FnOnce() -> R) -> Option<R> {
    Some(f())
}

/// Below the stack: touching it ends the process instead of spoiling other memory.
#[cfg(not(miri))]
const GUARD: usize = 1 << 16;

/// Runs `f` on a stack of `bytes`; only pages that are touched cost anything. None when
/// the system has no addresses left.
#[cfg(not(miri))]
pub fn on_stack<R>(bytes: usize, f: impl FnOnce() -> R) -> Option<R> {
    let whole = bytes.next_multiple_of(GUARD) + GUARD;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh mapping; its upper part is made accessible before it is used.
    let low = unsafe {
        let p = libc::mmap(std::ptr::null_mut(), whole, libc::PROT_NONE, flags, -1, 0);
        if p == libc::MAP_FAILED {
            return None;
        }
        let rw = libc::PROT_READ | libc::PROT_WRITE;
        if libc::mprotect(p.byte_add(GUARD), whole - GUARD, rw) != 0 {
            libc::munmap(p, whole);
            return None;
        }
        p.cast::<u8>()
    };
    // SAFETY: the memory is accessible, aligned to pages, and used by nobody else until `f`
    // has returned; a panic does not leave it.
    let done = unsafe {
        psm::on_stack(low.add(GUARD), whole - GUARD, || {
            catch_unwind(AssertUnwindSafe(f))
        })
    };
    // SAFETY: nothing of it is in use any more.
    unsafe { libc::munmap(low.cast(), whole) };
    match done {
        Ok(r) => Some(r),
        Err(e) => resume_unwind(e),
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::on_stack;

    fn depth(n: u64) -> u64 {
        let here = std::hint::black_box([n; 64]);
        if n == 0 {
            0
        } else {
            depth(n - 1) + here[63] / n
        }
    }

    #[test]
    fn deep_recursion_fits() {
        assert_eq!(on_stack(256 << 20, || depth(100_000)), Some(100_000));
    }

    #[test]
    fn a_panic_comes_through() {
        let e = std::panic::catch_unwind(|| on_stack(1 << 20, || panic!("here")));
        assert_eq!(e.unwrap_err().downcast_ref(), Some(&"here"));
    }
}
