//! `sync`: thin natives over `runtime::sync`, which works on the guest's own words.
#![allow(unsafe_code)]

use crate::heap::{barrier, mem};
use crate::runtime::sync::Sync;
use crate::runtime::sync::cond::NotifyList;
use crate::runtime::sync::mutex::Mutex;
use crate::runtime::sync::rwmutex::RwMutex;
use crate::runtime::sync::waitgroup::WaitGroup;
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry};
use crate::vm::ops::conc::runtime_fault;

pub(super) fn done(cx: &mut Cx, s: Sync) -> Exit {
    match s {
        Sync::Done => Exit::Next,
        Sync::Parked => Exit::Parked,
        Sync::Fault(f) => runtime_fault(cx, f),
    }
}

/// A native that applies a method to the primitive at its first argument.
macro_rules! on {
    ($name:ident, $t:ty, $res:literal, |$c:ident, $x:ident| $body:expr) => {
        unsafe fn $name(cx: &mut Cx, base: *mut u64) -> Exit {
            // SAFETY: called with the native's own arguments: a pointer to a guest struct
            // whose words are this primitive (see the Go declaration), kept alive by the frame.
            unsafe {
                let mut $c = Call::new(cx, base, $res);
                let p = $c.word();
                if p == 0 {
                    return $c.nil();
                }
                let $x = <$t>::at(p as *const u8);
                $body
            }
        }
    };
}

on!(mutex_lock, Mutex, 0, |c, m| {
    if m.try_lock() {
        return Exit::Next;
    }
    let s = m.lock(c.cx.w(), c.cx.g());
    done(c.cx, s)
});
on!(mutex_unlock, Mutex, 0, |c, m| {
    let s = m.unlock(c.cx.w());
    done(c.cx, s)
});
on!(mutex_try, Mutex, 1, |c, m| {
    let ok = m.try_lock();
    c.ret_bool(ok);
    Exit::Next
});
on!(rw_lock, RwMutex, 0, |c, m| {
    let s = m.lock(c.cx.w(), c.cx.g());
    done(c.cx, s)
});
on!(rw_unlock, RwMutex, 0, |c, m| {
    let s = m.unlock(c.cx.w());
    done(c.cx, s)
});
on!(rw_rlock, RwMutex, 0, |c, m| {
    let s = m.rlock(c.cx.w(), c.cx.g());
    done(c.cx, s)
});
on!(rw_runlock, RwMutex, 0, |c, m| {
    let s = m.runlock(c.cx.w());
    done(c.cx, s)
});
on!(rw_try, RwMutex, 1, |c, m| {
    let ok = m.try_lock(c.cx.w());
    c.ret_bool(ok);
    Exit::Next
});
on!(rw_try_r, RwMutex, 1, |c, m| {
    let ok = m.try_rlock();
    c.ret_bool(ok);
    Exit::Next
});
/// What must hold before Add is called on a group that may belong to a bubble.
#[inline]
pub(super) fn wg_fault(cx: &Cx, g: &WaitGroup) -> Option<crate::runtime::fault::Fault> {
    g.used_in(cx.g(), || {
        let at = std::ptr::from_ref(g) as usize;
        let h = crate::heap::alloc::heap();
        at.wrapping_sub(h.base()) < h.region_bytes()
    })
}
on!(wg_add, WaitGroup, 0, |c, g| {
    let n = c.int();
    if let Some(f) = wg_fault(c.cx, g) {
        return runtime_fault(c.cx, f);
    }
    let s = g.add(c.cx.w(), n as i32);
    done(c.cx, s)
});
on!(wg_done, WaitGroup, 0, |c, g| {
    if let Some(f) = wg_fault(c.cx, g) {
        return runtime_fault(c.cx, f);
    }
    let s = g.add(c.cx.w(), -1);
    done(c.cx, s)
});
on!(wg_wait, WaitGroup, 0, |c, g| {
    let s = g.wait(c.cx.w(), c.cx.g());
    done(c.cx, s)
});
on!(notify_add, NotifyList, 1, |c, n| {
    let t = n.add();
    c.ret(t as u64);
    Exit::Next
});
on!(notify_wait, NotifyList, 0, |c, n| {
    let t = c.word() as u32;
    let s = n.wait(c.cx.w(), c.cx.g(), t);
    done(c.cx, s)
});
on!(notify_one, NotifyList, 0, |c, n| {
    n.notify_one(c.cx.w());
    Exit::Next
});
on!(notify_all, NotifyList, 0, |c, n| {
    n.notify_all(c.cx.w());
    Exit::Next
});

unsafe fn cond_check(cx: &mut Cx, base: *mut u64) -> Exit {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    // SAFETY: called with the native's own arguments: the address of a pointer variable.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (at, me) = (c.word(), c.word());
        let Some(cell) = (at as *const AtomicU64).as_ref() else {
            return c.nil();
        };
        let ok = match cell.compare_exchange(0, me, SeqCst, SeqCst) {
            Ok(_) => true,
            Err(now) => now == me,
        };
        c.ret_bool(ok);
    }
    Exit::Next
}
unsafe fn pool_gen(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 1) };
    let n = crate::vm::exec::GC_COUNT.load(std::sync::atomic::Ordering::Relaxed);
    c.ret(n as u32 as u64);
    Exit::Next
}

/// The list at `at`: first element, length, capacity.
///
/// # Safety
/// `at` is the address of a `[]any`.
unsafe fn pool_list(at: u64) -> (*mut u8, u64, u64) {
    // SAFETY: by the caller's promise; one access reads the whole header.
    let (p, lc) = unsafe { mem::load128(at as *const u8) };
    (p as *mut u8, lc & 0xffff_ffff, lc >> 32)
}
unsafe fn pool_pop(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments: the address of a list of interfaces,
    // whose pool is locked by the caller.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let at = c.word();
        let (p, n, cap) = pool_list(at);
        if n == 0 {
            c.ret(0).ret(0);
            return Exit::Next;
        }
        let last = p.add(16 * (n as usize - 1));
        let x = mem::load128(last);
        barrier::overwrite(last, 16);
        mem::store128(last, 0, 0);
        mem::store128(at as *mut u8, p as u64, (n - 1) | cap << 32);
        c.ret_iface(x);
    }
    Exit::Next
}
unsafe fn pool_push(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as `pool_pop`.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let at = c.word();
        let x = c.iface();
        let (p, n, cap) = pool_list(at);
        if n < cap {
            barrier::overwrite(p.add(16 * n as usize), 16);
            mem::store128(p.add(16 * n as usize), x.0, x.1);
            mem::store128(at as *mut u8, p as u64, (n + 1) | cap << 32);
        }
        c.ret_bool(n < cap);
    }
    Exit::Next
}
unsafe fn pool_room(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as `pool_pop`; the new array is larger than the list, or nothing is done.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let at = c.word();
        let room = c.slice();
        let (p, n, _) = pool_list(at);
        if (n as usize) < room.cap {
            barrier::overwrite(at as *const u8, 16);
            barrier::overwrite(room.ptr as *const u8, 16 * n as usize);
            for i in 0..n as usize {
                let x = mem::load128(p.add(16 * i));
                mem::store128((room.ptr as *mut u8).add(16 * i), x.0, x.1);
            }
            mem::store128(at as *mut u8, room.ptr, n | (room.cap as u64) << 32);
        }
    }
    Exit::Next
}
unsafe fn pool_known(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments: the addresses of two slices.
    let mut c = unsafe { Call::new(cx, base, 0) };
    let (list, old) = (c.word() as usize, c.word() as usize);
    crate::vm::afterlife::add_pool(list, old);
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
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
    ("sync.notifyAdd", notify_add),
    ("sync.notifyWait", notify_wait),
    ("sync.notifyOne", notify_one),
    ("sync.notifyAll", notify_all),
    ("sync.condCheck", cond_check),
    ("sync.poolGen", pool_gen),
    ("sync.poolKnown", pool_known),
    ("sync.poolPop", pool_pop),
    ("sync.poolPush", pool_push),
    ("sync.poolRoom", pool_room),
];
