//! Race runs: variants of natives that order events or are atomic accesses. They do what
//! the plain ones do and tell the detector, inside the same critical section.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use super::{atomic, sync as plain};
use crate::race::pause::At;
use crate::race::sync::{self as hb, Order};
use crate::race::thread::{Thread, Wants};
use crate::race::{self, Access, Local};
use crate::runtime::sync::Sync;
use crate::runtime::sync::cond::NotifyList;
use crate::runtime::sync::mutex::Mutex;
use crate::runtime::sync::rwmutex::RwMutex;
use crate::runtime::sync::waitgroup::WaitGroup;
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry, Native};

/// The detector's view of this M and of the running goroutine.
fn local(cx: &Cx) -> &'static mut Local {
    // SAFETY: race variants only run in race runs, where every M has one.
    unsafe { &mut *cx.race_local }
}
fn me(cx: &Cx) -> &'static mut Thread {
    // SAFETY: as above: the running goroutine's state.
    unsafe { &mut *cx.race }
}

/// After an operation that orders events: perhaps lets others go first. The goroutine's next
/// position is saved.
#[inline]
pub fn pause(cx: &Cx) -> Exit {
    pause_at(cx, At::Op)
}
#[inline]
fn pause_at(cx: &Cx, at: At) -> Exit {
    match local(cx).dice.roll(cx.w(), at) {
        None => Exit::Next,
        Some(0) => Exit::Yield,
        Some(ns) => {
            race::pause::park(cx.w(), cx.g(), ns);
            Exit::Parked
        }
    }
}
/// The same for an operation that may have failed.
fn paused(cx: &Cx, e: Exit) -> Exit {
    if e == Exit::Next { pause(cx) } else { e }
}

/// The first argument, a pointer, after `$res` result slots; None for nil.
macro_rules! on {
    ($name:ident, $t:ty, $res:literal, |$c:ident, $x:ident, $p:ident| $body:expr) => {
        unsafe fn $name(cx: &mut Cx, base: *mut u64) -> Exit {
            // SAFETY: called with the native's own arguments: a pointer to a guest struct
            // whose words are this primitive, kept alive by the frame.
            unsafe {
                let mut $c = Call::new(cx, base, $res);
                let $p = $c.word() as usize;
                if $p == 0 {
                    return $c.nil();
                }
                let $x = <$t>::at($p as *const u8);
                $body
            }
        }
    };
}

/// Runs an operation that may park; `learn` when it did not.
fn waiting(cx: &mut Cx, wants: Wants, op: impl FnOnce(&Cx) -> Sync) -> Exit {
    let th = me(cx);
    // If it parks, the goroutine finds this when it goes on; it may do so at once.
    th.wants = wants;
    match op(cx) {
        Sync::Done => {
            hb::woken(local(cx));
            let lock = matches!(
                wants,
                Wants::Mutex(_) | Wants::WriteLock(_) | Wants::ReadLock(_)
            );
            pause_at(cx, if lock { At::Lock } else { At::Op })
        }
        Sync::Parked => Exit::Parked,
        Sync::Fault(f) => {
            th.wants = Wants::Nothing;
            crate::vm::ops::conc::runtime_fault(cx, f)
        }
    }
}

on!(mutex_lock, Mutex, 0, |c, m, p| waiting(
    c.cx,
    Wants::Mutex(p),
    |cx| m.lock(cx.w(), cx.g())
));
on!(mutex_unlock, Mutex, 0, |c, m, p| {
    hb::unlock(local(c.cx), p);
    let s = m.unlock(c.cx.w());
    let e = plain::done(c.cx, s);
    paused(c.cx, e)
});
on!(mutex_try, Mutex, 1, |c, m, p| {
    let ok = m.try_lock();
    if ok {
        hb::locked(local(c.cx), p, true);
    }
    c.ret_bool(ok);
    pause(c.cx)
});
on!(rw_lock, RwMutex, 0, |c, m, p| waiting(
    c.cx,
    Wants::WriteLock(p),
    |cx| m.lock(cx.w(), cx.g())
));
on!(rw_unlock, RwMutex, 0, |c, m, p| {
    hb::unlock(local(c.cx), p);
    let s = m.unlock(c.cx.w());
    let e = plain::done(c.cx, s);
    paused(c.cx, e)
});
on!(rw_rlock, RwMutex, 0, |c, m, p| waiting(
    c.cx,
    Wants::ReadLock(p),
    |cx| m.rlock(cx.w(), cx.g())
));
on!(rw_runlock, RwMutex, 0, |c, m, p| {
    hb::read_unlock(local(c.cx), p);
    let s = m.runlock(c.cx.w());
    let e = plain::done(c.cx, s);
    paused(c.cx, e)
});
on!(rw_try, RwMutex, 1, |c, m, p| {
    let ok = m.try_lock(c.cx.w());
    if ok {
        hb::write_locked(local(c.cx), p, true);
    }
    c.ret_bool(ok);
    pause(c.cx)
});
on!(rw_try_r, RwMutex, 1, |c, m, p| {
    let ok = m.try_rlock();
    if ok {
        hb::read_locked(local(c.cx), p, true);
    }
    c.ret_bool(ok);
    pause(c.cx)
});

/// Where Add and Wait of a WaitGroup conflict, as in Go: the first Add of a round must be
/// ordered with the first Wait.
const ROUND: usize = 8;

unsafe fn add(cx: &mut Cx, p: usize, n: i32) -> Exit {
    // SAFETY: a guest WaitGroup (callers).
    let g = unsafe { WaitGroup::at(p as *const u8) };
    if let Some(f) = plain::wg_fault(cx, g) {
        return crate::vm::ops::conc::runtime_fault(cx, f);
    }
    let l = local(cx);
    race::shadow::words(l, p, 8, Access::AtomicWrite);
    if n < 0 {
        hb::done(me(cx), p);
    }
    let s = g.add_with(cx.w(), n, |count, _| {
        if n > 0 && count == n {
            race::shadow::words(l, p + ROUND, 4, Access::Read);
        }
    });
    let e = plain::done(cx, s);
    paused(cx, e)
}
on!(wg_add, WaitGroup, 0, |c, _g, p| {
    let n = c.int();
    add(c.cx, p, n as i32)
});
on!(wg_done, WaitGroup, 0, |c, _g, p| add(c.cx, p, -1));
on!(wg_wait, WaitGroup, 0, |c, g, p| {
    let l = local(c.cx);
    race::shadow::words(l, p, 8, Access::AtomicRead);
    waiting(c.cx, Wants::WaitGroup(p), |cx| {
        g.wait_with(cx.w(), cx.g(), |before| {
            if before == 0 {
                race::shadow::words(l, p + ROUND, 4, Access::Write);
            }
        })
    })
});
on!(notify_wait, NotifyList, 0, |c, n, p| {
    let t = c.word() as u32;
    waiting(c.cx, Wants::Cond(p, t), |cx| n.wait(cx.w(), cx.g(), t))
});
on!(notify_one, NotifyList, 0, |c, n, p| {
    let th = me(c.cx);
    n.notify_one_with(c.cx.w(), |from, to| hb::notify(th, p, from, to));
    pause(c.cx)
});
on!(notify_all, NotifyList, 0, |c, n, p| {
    let th = me(c.cx);
    n.notify_all_with(c.cx.w(), |from, to| hb::notify(th, p, from, to));
    pause(c.cx)
});

/// The atomic operations on one width; see `atomic`.
macro_rules! family {
    ($m:ident, $cell:ty, $raw:ty, $size:literal, $conv:expr) => {
        mod $m {
            use super::*;
            fn slot(v: $raw) -> u64 {
                let f: fn($raw) -> u64 = $conv;
                f(v)
            }
            macro_rules! op {
                ($name:ident, $res:literal, |$c:ident, $a:ident| $args:expr, |$v:ident| $body:expr, |$r:ident| $ret:expr) => {
                    pub unsafe fn $name(cx: &mut Cx, base: *mut u64) -> Exit {
                        // SAFETY: called with the native's own arguments: a guest pointer
                        // to a value of this width, aligned to it.
                        let (mut $c, p) = unsafe {
                            let mut c = Call::new(cx, base, $res);
                            let p = c.word() as usize;
                            (c, p)
                        };
                        // SAFETY: as above.
                        let Some($a) = (unsafe { (p as *const $cell).as_ref() }) else {
                            return $c.nil();
                        };
                        let $v = $args;
                        let l = local($c.cx);
                        let $r = hb::atomic(l, p, $size, || $body);
                        $ret;
                        pause($c.cx)
                    }
                };
            }
            op!(load, 1, |c, a| (), |_v| (a.load(SeqCst), Order::Load), |r| c.ret(slot(r)));
            op!(store, 0, |c, a| c.word() as $raw, |v| (a.store(v, SeqCst), Order::Store), |_r| ());
            op!(add, 1, |c, a| c.word() as $raw,
                |d| (a.fetch_add(d, SeqCst).wrapping_add(d), Order::Both), |r| c.ret(slot(r)));
            op!(swap, 1, |c, a| c.word() as $raw,
                |v| (a.swap(v, SeqCst), Order::Both), |r| c.ret(slot(r)));
            op!(cas, 1, |c, a| (c.word() as $raw, c.word() as $raw), |v| {
                let ok = a.compare_exchange(v.0, v.1, SeqCst, SeqCst).is_ok();
                (ok, if ok { Order::Both } else { Order::Load })
            }, |r| c.ret_bool(r));
            op!(and, 1, |c, a| c.word() as $raw,
                |v| (a.fetch_and(v, SeqCst), Order::Both), |r| c.ret(slot(r)));
            op!(or, 1, |c, a| c.word() as $raw,
                |v| (a.fetch_or(v, SeqCst), Order::Both), |r| c.ret(slot(r)));
        }
    };
}
family!(i32s, AtomicU32, u32, 4, |v| v as i32 as i64 as u64);
family!(u32s, AtomicU32, u32, 4, |v| v as u64);
family!(w64, AtomicU64, u64, 8, |v| v);

/// Runs the plain native of an interface cell as one atomic operation.
unsafe fn value_op(cx: &mut Cx, base: *mut u64, results: usize, f: Native, how: Order) -> Exit {
    // SAFETY: called with the native's own arguments; the first is the cell's address.
    let p = unsafe { *base.add(results) } as usize;
    if p == 0 {
        // SAFETY: as above.
        return unsafe { f(cx, base) };
    }
    let l = local(cx);
    // SAFETY: as above.
    hb::atomic(l, p, 16, || (unsafe { f(cx, base) }, how))
}
unsafe fn value_load(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: by the caller's promise.
    unsafe { value_op(cx, base, 2, atomic::value_load, Order::Load) }
}
unsafe fn value_swap(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as above.
    unsafe { value_op(cx, base, 3, atomic::value_swap, Order::Both) }
}
unsafe fn value_cas(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as above.
    unsafe { value_op(cx, base, 1, atomic::value_cas, Order::Both) }
}

macro_rules! table {
    ($(($T:literal, $m:ident)),*) => {
        &[
            $(
                (concat!("sync/atomic.Load", $T), $m::load),
                (concat!("sync/atomic.Store", $T), $m::store),
                (concat!("sync/atomic.Add", $T), $m::add),
                (concat!("sync/atomic.Swap", $T), $m::swap),
                (concat!("sync/atomic.CompareAndSwap", $T), $m::cas),
                (concat!("sync/atomic.And", $T), $m::and),
                (concat!("sync/atomic.Or", $T), $m::or),
                (concat!("sync/atomic.(*", $T, ").Load"), $m::load),
                (concat!("sync/atomic.(*", $T, ").Store"), $m::store),
                (concat!("sync/atomic.(*", $T, ").Add"), $m::add),
                (concat!("sync/atomic.(*", $T, ").Swap"), $m::swap),
                (concat!("sync/atomic.(*", $T, ").CompareAndSwap"), $m::cas),
                (concat!("sync/atomic.(*", $T, ").And"), $m::and),
                (concat!("sync/atomic.(*", $T, ").Or"), $m::or),
            )*
            ("sync/atomic.(*Bool).Load", u32s::load),
            ("sync/atomic.(*Bool).Store", u32s::store),
            ("sync/atomic.(*Bool).Swap", u32s::swap),
            ("sync/atomic.(*Bool).CompareAndSwap", u32s::cas),
            ("sync/atomic.(*Pointer).Load", w64::load),
            ("sync/atomic.LoadPointer", w64::load),
            ("sync/atomic.(*Pointer).Store", w64::store),
            ("sync/atomic.StorePointer", w64::store),
            ("sync/atomic.(*Pointer).Swap", w64::swap),
            ("sync/atomic.SwapPointer", w64::swap),
            ("sync/atomic.(*Pointer).CompareAndSwap", w64::cas),
            ("sync/atomic.CompareAndSwapPointer", w64::cas),
            ("sync/atomic.valueLoad", value_load),
            ("sync/atomic.valueSwap", value_swap),
            ("sync/atomic.valueCAS", value_cas),
            ("sync.(*Mutex).Lock", mutex_lock),
            ("sync.(*Mutex).Unlock", mutex_unlock),
            ("sync.(*Mutex).TryLock", mutex_try),
            ("sync.(*RWMutex).Lock", rw_lock),
            ("sync.(*RWMutex).Unlock", rw_unlock),
            ("sync.(*RWMutex).RLock", rw_rlock),
            ("sync.(*RWMutex).RUnlock", rw_runlock),
            ("sync.(*RWMutex).TryLock", rw_try),
            ("sync.(*RWMutex).TryRLock", rw_try_r),
            ("sync.(*WaitGroup).Add", wg_add),
            ("sync.(*WaitGroup).Done", wg_done),
            ("sync.(*WaitGroup).Wait", wg_wait),
            ("sync.notifyWait", notify_wait),
            ("sync.notifyOne", notify_one),
            ("sync.notifyAll", notify_all),
        ]
    };
}
/// Name of the plain native and its variant.
pub const NATIVES: &[Entry] = table!(
    ("Int32", i32s),
    ("Uint32", u32s),
    ("Int64", w64),
    ("Uint64", w64),
    ("Uintptr", w64)
);
