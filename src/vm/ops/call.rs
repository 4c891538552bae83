//! Calls, returns, goroutine starts, defers and panics.
#![allow(unsafe_code, non_snake_case)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::bytecode::program::{FuncEntry, rtti_of};
use crate::heap::mem;
use crate::vm::cx::{Cx, Exit};
use crate::vm::fault::Code;
use crate::vm::goroutine::{self, Word};

/// Enters function `$id` with its frame at slot `$base`; `$ret` words follow this call.
macro_rules! enter {
    ($pc:expr, $fp:expr, $cx:expr, $base:expr, $id:expr, $ret:expr) => {{
        let f: &FuncEntry = &*(*$cx).funcs.add($id as usize);
        let base = $base;
        let new = $fp.add(base);
        let entry = f.entry.load(Ordering::Acquire) as *const u64;
        let end = new as usize + f.frame_bytes.load(Ordering::Relaxed) as usize;
        if end > (*$cx).limit.load(Ordering::Relaxed) {
            return no_room($pc, $fp, $cx, end - $fp as usize);
        }
        *new.sub(1) = (base * 8) as u64;
        *new.sub(2) = $pc.add($ret) as u64;
        vm_go!(entry, new, $cx)
    }};
}

#[cold]
#[inline(never)]
unsafe fn no_room(pc: *const u64, fp: *mut u64, cx: *mut Cx, need: usize) -> Exit {
    // SAFETY: the context is this thread's own.
    unsafe {
        (*cx).pc = pc;
        (*cx).fp = fp;
        (*cx).need = need;
    }
    Exit::Grow
}

op!(Call(pc, fp, cx, w) { enter!(pc, fp, cx, a!(w), w >> 32, 1) });
op!(CallC(pc, fp, cx, w) {
    let clo = r!(fp, b!(w));
    if clo == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    let id = mem::load_u64(clo as *const u8);
    *fp.add(a!(w)).sub(3) = clo;
    enter!(pc, fp, cx, a!(w), id, 1)
});
op!(CallDefer(pc, fp, cx, w) {
    let clo = r!(fp, b!(w));
    if clo == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    let id = mem::load_u64(clo as *const u8);
    *fp.add(a!(w)).sub(3) = clo;
    enter!(pc, fp, cx, a!(w), id, 1)
});
op!(CallI(pc, fp, cx, w) {
    let ty = r!(fp, b!(w));
    if ty == 0 {
        fault!(pc, fp, cx, Code::Nil, 0, 0);
    }
    let base = a!(w);
    *fp.add(base + c!(w)) = r!(fp, b!(w) + 1);
    let t = rtti_of(ty);
    let cache = &*(pc.add(2) as *const AtomicU64);
    let seen = cache.load(Ordering::Relaxed);
    let id = if seen >> 32 == t.id as u64 { seen as u32 } else { find_method(ty, *pc.add(1), cache) };
    enter!(pc, fp, cx, base, id, 4)
});

/// The function behind method number `id` of a dynamic type; fills the call's cache.
#[cold]
#[inline(never)]
unsafe fn find_method(ty: u64, id: u64, cache: &AtomicU64) -> u32 {
    // SAFETY: a type word is a descriptor.
    let t = unsafe { rtti_of(ty) };
    let f = t
        .parts()
        .methods
        .iter()
        .find(|m| m.id as u64 == id)
        .map(|m| m.func);
    let f = f.expect("the checker proved that the dynamic type has the method");
    cache.store((t.id as u64) << 32 | f as u64, Ordering::Relaxed);
    f
}

op!(CallN(pc, fp, cx, w) {
    (*cx).pc = pc;
    (*cx).fp = fp;
    let g = &*(*cx).g;
    goroutine::set(g, goroutine::Word::Pc, pc.add(1) as usize);
    goroutine::set(g, goroutine::Word::Fp, fp as usize);
    let f = *(*cx).natives.add((w >> 32) as usize);
    let e = f(&mut *cx, fp.add(a!(w)));
    if e != Exit::Next {
        return e;
    }
    // The world may have been stopped meanwhile, and marking begun or ended.
    if !racing!() && !crate::heap::barrier::is(marking!()) {
        leave!(pc.add(1), fp, cx, Exit::Poll);
    }
    next!(pc, fp, cx, 1)
});
op!(Cover(pc, fp, cx, w) {
    // Counters are never freed.
    let counter = &*(*pc.add(1) as *const AtomicU32);
    match a!(w) {
        0 => counter.store(1, Ordering::Relaxed),
        1 => {
            let n = counter.load(Ordering::Relaxed);
            counter.store(n.wrapping_add(1), Ordering::Relaxed);
        }
        _ => {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
    next!(pc, fp, cx, 2)
});
op!(Lazy(pc, fp, cx, w) {
    (*cx).x = w >> 32;
    leave!(pc, fp, cx, Exit::Lazy)
});
op!(Ret(_pc, fp, cx, _w) {
    let ret = *fp.sub(2) as *const u64;
    let back = (fp as *mut u8).sub(back!(fp)) as *mut u64;
    vm_go!(ret, back, cx)
});
op!(Ret1(_pc, fp, cx, w) {
    *fp = r!(fp, a!(w));
    let ret = *fp.sub(2) as *const u64;
    let back = (fp as *mut u8).sub(back!(fp)) as *mut u64;
    vm_go!(ret, back, cx)
});
op!(PanicDone(pc, fp, cx, _w) { leave!(pc, fp, cx, Exit::PanicText) });
op!(WrapChk(pc, fp, cx, w) {
    if r!(fp, a!(w)) == 0 {
        let text: &'static String = crate::bytecode::program::unword(*pc.add(1));
        return wrap_nil(pc, fp, cx, text);
    }
    next!(pc, fp, cx, 2)
});
#[cold]
#[inline(never)]
unsafe fn wrap_nil(pc: *const u64, fp: *mut u64, cx: *mut Cx, text: &str) -> Exit {
    // SAFETY: the context is this thread's own.
    unsafe {
        (*cx).text = text.to_string();
        super::raise(pc, fp, cx, Code::PanicText, 0, 0)
    }
}
op!(GExit(pc, fp, cx, _w) { leave!(pc, fp, cx, Exit::Exited) });

op!(GoF(pc, fp, cx, w) {
    (*cx).pc = pc;
    (*cx).fp = fp;
    let e = goroutine::start(&mut *cx, *pc.add(1) as u32, 0, fp.add(a!(w)), b!(w));
    if e != Exit::Next {
        return e;
    }
    if racing!() {
        // The new one may go first.
        goroutine::set((*cx).g(), Word::Pc, pc.add(2) as usize);
        goroutine::set((*cx).g(), Word::Fp, fp as usize);
        let e = pause!(cx);
        if e != Exit::Next {
            return e;
        }
    }
    next!(pc, fp, cx, 2)
});
op!(GoC(pc, fp, cx, w) {
    let clo = r!(fp, c!(w));
    if clo == 0 {
        fault!(pc, fp, cx, Code::GoNil, 0, 0);
    }
    (*cx).pc = pc;
    (*cx).fp = fp;
    let id = mem::load_u64(clo as *const u8) as u32;
    let e = goroutine::start(&mut *cx, id, clo, fp.add(a!(w)), b!(w));
    if e != Exit::Next {
        return e;
    }
    if racing!() {
        // The new one may go first.
        goroutine::set((*cx).g(), Word::Pc, pc.add(1) as usize);
        goroutine::set((*cx).g(), Word::Fp, fp as usize);
        let e = pause!(cx);
        if e != Exit::Next {
            return e;
        }
    }
    next!(pc, fp, cx, 1)
});

op!(Defer(pc, fp, cx, w) {
    // A list node: next, closure.
    let node = (*(*cx).cache).alloc_small(&(*cx).defer_node);
    if node.is_null() {
        return super::slow::no_memory(pc, fp, cx);
    }
    mem::store_u64(node, r!(fp, a!(w)));
    mem::store_u64(node.add(8), r!(fp, b!(w)));
    r!(fp, a!(w)) = node as u64;
    next!(pc, fp, cx, 1)
});
op!(DeferPop(pc, fp, cx, w) {
    let node = r!(fp, a!(w)) as *const u8;
    if node.is_null() {
        take!(pc, fp, cx, ci!(w));
    }
    r!(fp, a!(w)) = mem::load_u64(node);
    r!(fp, b!(w)) = mem::load_u64(node.add(8));
    next!(pc, fp, cx, 1)
});
op!(DeferEnd(pc, fp, cx, _w) {
    if goroutine::panicking(&*cx) {
        leave!(pc, fp, cx, Exit::DeferEnd);
    }
    let ret = *fp.sub(2) as *const u64;
    let back = (fp as *mut u8).sub(back!(fp)) as *mut u64;
    vm_go!(ret, back, cx)
});
op!(Panic(pc, fp, cx, w) {
    (*cx).x = r!(fp, a!(w));
    (*cx).y = r!(fp, a!(w) + 1);
    leave!(pc, fp, cx, Exit::Panic)
});
op!(Recover(pc, fp, cx, w) {
    (*cx).pc = pc;
    (*cx).fp = fp;
    let v = crate::vm::unwind::recover(&*cx);
    r!(fp, a!(w)) = v.0;
    r!(fp, a!(w) + 1) = v.1;
    next!(pc, fp, cx, 1)
});
op!(Fault(pc, fp, cx, w) { fault!(pc, fp, cx, Code::from_u16(a!(w) as u16), 0, 0) });
