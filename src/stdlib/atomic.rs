//! `sync/atomic`: every operation is sequentially consistent, as Go's.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use crate::heap::{barrier, mem};
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry};

/// The operations on one width. `$cell` is the atomic, `$conv` makes a slot's canonical
/// form from the loaded value.
macro_rules! family {
    ($m:ident, $cell:ty, $raw:ty, $conv:expr) => {
        mod $m {
            use super::*;
            /// The cell at a guest address; None for nil.
            fn cell<'a>(p: u64) -> Option<&'a $cell> {
                // SAFETY: a guest pointer to a value of this width is aligned to it (types
                // are laid out so) and stays valid while the frame holds it.
                unsafe { (p as *const $cell).as_ref() }
            }
            fn slot(v: $raw) -> u64 {
                let f: fn($raw) -> u64 = $conv;
                f(v)
            }
            macro_rules! op {
                ($name:ident, $res:literal, |$c:ident, $a:ident| $body:expr) => {
                    pub unsafe fn $name(cx: &mut Cx, base: *mut u64) -> Exit {
                        // SAFETY: called with the native's own arguments.
                        let mut $c = unsafe { Call::new(cx, base, $res) };
                        let p = $c.word();
                        let Some($a) = cell(p) else { return $c.nil() };
                        // SAFETY: the cell's bytes.
                        unsafe { barrier::overwrite(p as *const u8, size_of::<$cell>()) };
                        $body;
                        Exit::Next
                    }
                };
            }
            op!(load, 1, |c, a| c.ret(slot(a.load(SeqCst))));
            op!(store, 0, |c, a| {
                let v = c.word() as $raw;
                a.store(v, SeqCst)
            });
            op!(add, 1, |c, a| {
                let d = c.word() as $raw;
                let v = a.fetch_add(d, SeqCst).wrapping_add(d);
                c.ret(slot(v))
            });
            op!(swap, 1, |c, a| {
                let v = c.word() as $raw;
                let old = a.swap(v, SeqCst);
                c.ret(slot(old))
            });
            op!(cas, 1, |c, a| {
                let (old, new) = (c.word() as $raw, c.word() as $raw);
                let ok = a.compare_exchange(old, new, SeqCst, SeqCst).is_ok();
                c.ret_bool(ok)
            });
            op!(and, 1, |c, a| {
                let v = c.word() as $raw;
                let old = a.fetch_and(v, SeqCst);
                c.ret(slot(old))
            });
            op!(or, 1, |c, a| {
                let v = c.word() as $raw;
                let old = a.fetch_or(v, SeqCst);
                c.ret(slot(old))
            });
        }
    };
}
family!(i32s, AtomicU32, u32, |v| v as i32 as i64 as u64);
family!(u32s, AtomicU32, u32, |v| v as u64);
family!(w64, AtomicU64, u64, |v| v);

/// `*any` read as one value.
pub(super) unsafe fn value_load(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the pointer is to an interface.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let p = c.word();
        if p == 0 {
            return c.nil();
        }
        let v = load_if(p);
        c.ret_iface(v);
    }
    Exit::Next
}

/// # Safety
/// `p` is the address of an interface.
unsafe fn load_if(p: u64) -> (u64, u64) {
    // SAFETY: by the caller's promise.
    let v = unsafe { mem::load128(p as *const u8) };
    std::sync::atomic::fence(SeqCst);
    v
}

/// One lock for all read-modify-writes of interface cells: they are rare.
static IFACE_LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());

pub(super) unsafe fn value_swap(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as `value_load`.
    unsafe {
        let mut c = Call::new(cx, base, 3);
        let (p, new) = (c.word(), c.iface());
        if p == 0 {
            return c.nil();
        }
        let old = {
            let _l = IFACE_LOCK
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let old = load_if(p);
            if old.0 != 0 && old.0 != new.0 {
                drop(_l);
                c.ret_iface(old).ret_bool(false);
                return Exit::Next;
            }
            barrier::overwrite(p as *const u8, 16);
            mem::store128(p as *mut u8, new.0, new.1);
            std::sync::atomic::fence(SeqCst);
            old
        };
        c.ret_iface(old).ret_bool(true);
    }
    Exit::Next
}

pub(super) unsafe fn value_cas(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: as `value_load`.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (p, old, new) = (c.word(), c.iface(), c.iface());
        if p == 0 {
            return c.nil();
        }
        let _l = IFACE_LOCK
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let cur = load_if(p);
        if cur.0 != 0 && cur.0 != new.0 {
            // Inconsistently typed.
            drop(_l);
            c.ret_int(2);
            return Exit::Next;
        }
        let Ok(same) = crate::vm::ops::slow::ifaces_equal(cur, old) else {
            drop(_l);
            c.ret_int(3);
            return Exit::Next;
        };
        if same {
            barrier::overwrite(p as *const u8, 16);
            mem::store128(p as *mut u8, new.0, new.1);
            std::sync::atomic::fence(SeqCst);
        }
        drop(_l);
        c.ret_int(same as i64);
    }
    Exit::Next
}

unsafe fn same_type(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (a, b) = (c.iface(), c.iface());
        c.ret_bool(a.0 == b.0);
    }
    Exit::Next
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
            ("sync/atomic.sameType", same_type),
        ]
    };
}
pub const NATIVES: &[Entry] = table!(
    ("Int32", i32s),
    ("Uint32", u32s),
    ("Int64", w64),
    ("Uint64", w64),
    ("Uintptr", w64)
);
