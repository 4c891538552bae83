//! The virtual machine: executes bytecode as the scheduler's executor.
//!
//! The handlers in `ops` are compiled three times: as `ops`, as `gc_ops` for the time while
//! the collector marks beside the program, and as `race_ops`. What differs are the few macros
//! defined here in front of each: where dispatch goes on, and what an access to guest memory
//! means to the collector (`gc_ops`: what a write overwrites is shaded, see `heap::barrier`)
//! or to the race detector (nothing, in `ops`).

mod advice;
pub mod afterlife;
pub mod collect;
pub mod cx;
pub mod dispatch;
pub mod ending;
pub mod exec;
pub mod explain;
pub mod fault;
pub mod gctrace;
pub mod goroutine;
pub mod leak;
pub mod names;
pub mod natives;

/// Goes on at `$pc` (already advanced).
macro_rules! vm_go {
    ($pc:expr, $fp:expr, $cx:expr) => {
        $crate::vm_go_by!($crate::vm::dispatch::TABLE, $pc, $fp, $cx)
    };
}
/// Whether this is the set of handlers for race runs.
/// After an operation that orders events, the next position being saved.
macro_rules! pause {
    ($cx:expr) => {{
        let _ = $cx;
        $crate::vm::cx::Exit::Next
    }};
}
macro_rules! racing {
    () => {
        false
    };
}
/// Whether this is the set of handlers for the time of marking.
macro_rules! marking {
    () => {
        false
    };
}
/// Reads `$n` bytes inside one word at `$p`.
macro_rules! rd {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {};
}
/// Writes `$n` bytes inside one word at `$p`.
macro_rules! wr {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {};
}
/// Reads `$n` bytes at `$p`; the context's position is set.
macro_rules! rd_range {
    ($cx:expr, $p:expr, $n:expr) => {};
}
/// Writes `$n` bytes at `$p`; the context's position is set.
macro_rules! wr_range {
    ($cx:expr, $p:expr, $n:expr) => {};
}
/// Reads `$n` bytes at `$p` from a handler.
macro_rules! rd_many {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {};
}
/// Writes `$n` bytes at `$p` from a handler.
macro_rules! wr_many {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {};
}
/// Reads a map (its header's first word stands for all of it).
macro_rules! rd_map {
    ($cx:expr, $m:expr) => {};
}
/// Writes a map.
macro_rules! wr_map {
    ($cx:expr, $m:expr) => {};
}
/// An iterator reads its map.
macro_rules! iterate_map {
    ($cx:expr, $it:expr) => {};
}
/// Distance in bytes from a frame to its caller's.
macro_rules! back {
    ($fp:expr) => {
        *$fp.sub(1) as usize
    };
}
pub mod ops;

pub mod panic_text;
pub mod pointers;
pub mod profile;

macro_rules! vm_go {
    ($pc:expr, $fp:expr, $cx:expr) => {
        $crate::vm_go_by!($crate::vm::dispatch::GC_TABLE, $pc, $fp, $cx)
    };
}
macro_rules! marking {
    () => {
        true
    };
}
macro_rules! wr {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {
        if $n == 8 {
            $crate::heap::barrier::overwrite_word($p as *const u8);
        }
    };
}
macro_rules! wr_range {
    ($cx:expr, $p:expr, $n:expr) => {
        $crate::heap::barrier::overwrite_now($p as *const u8, $n)
    };
}
macro_rules! wr_many {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {
        $crate::heap::barrier::overwrite_now($p as *const u8, $n)
    };
}
#[allow(
    clippy::duplicate_mod,
    reason = "the same source with the collector's barrier"
)]
#[path = "ops/mod.rs"]
pub mod gc_ops;

macro_rules! marking {
    () => {
        false
    };
}

macro_rules! vm_go {
    ($pc:expr, $fp:expr, $cx:expr) => {
        $crate::vm_go_by!($crate::vm::dispatch::RACE_TABLE, $pc, $fp, $cx)
    };
}
macro_rules! pause {
    ($cx:expr) => {
        $crate::stdlib::race::pause(&*$cx)
    };
}
macro_rules! racing {
    () => {
        true
    };
}
macro_rules! rd {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {
        if !$crate::race::shadow::read_known((*$cx).race, $p as usize, $n) {
            (*$cx).pc = $pc;
            (*$cx).fp = $fp;
            $crate::race::read_missed((*$cx).race_local, $p as usize, $n);
        }
    };
}
macro_rules! wr {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {
        if !$crate::race::shadow::write_known((*$cx).race, $p as usize, $n) {
            (*$cx).pc = $pc;
            (*$cx).fp = $fp;
            $crate::race::write_missed((*$cx).race_local, $p as usize, $n);
        }
    };
}
macro_rules! rd_range {
    ($cx:expr, $p:expr, $n:expr) => {
        $crate::race::shadow::range(&mut *(*$cx).race_local, $p as usize, $n, false)
    };
}
macro_rules! wr_range {
    ($cx:expr, $p:expr, $n:expr) => {
        $crate::race::shadow::range(&mut *(*$cx).race_local, $p as usize, $n, true)
    };
}
macro_rules! rd_many {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {{
        (*$cx).pc = $pc;
        (*$cx).fp = $fp;
        $crate::race::read_missed((*$cx).race_local, $p, $n);
    }};
}
macro_rules! wr_many {
    ($pc:expr, $fp:expr, $cx:expr, $p:expr, $n:expr) => {{
        (*$cx).pc = $pc;
        (*$cx).fp = $fp;
        $crate::race::write_missed((*$cx).race_local, $p, $n);
    }};
}
macro_rules! rd_map {
    ($cx:expr, $m:expr) => {
        if $m as usize != 0 {
            rd_range!($cx, $m, 8);
        }
    };
}
macro_rules! wr_map {
    ($cx:expr, $m:expr) => {
        if $m as usize != 0 {
            wr_range!($cx, $m, 8);
        }
    };
}
macro_rules! iterate_map {
    ($cx:expr, $it:expr) => {
        rd_map!($cx, $crate::heap::map::iterated($it as *const u8))
    };
}
macro_rules! back {
    // The upper half is the detector's (see `race::stack`).
    ($fp:expr) => {
        *$fp.sub(1) as u32 as usize
    };
}
#[allow(
    clippy::duplicate_mod,
    reason = "the same source with the detector's hooks"
)]
#[path = "ops/mod.rs"]
pub mod race_ops;

pub mod roots;
pub mod session;
pub mod traceback;
pub mod unwind;
