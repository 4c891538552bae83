//! Channels and select.
#![allow(unsafe_code, non_snake_case)]

use crate::bytecode::program::rtti_of;
use crate::heap::FixedShape;
use crate::heap::rtti::{Kind, Rtti, Shape};
use crate::runtime::chan::select::{Dir, SelectCase, Selected};
use crate::runtime::chan::{self, Conv, Hchan};
use crate::runtime::fault::Fault;
use crate::vm::cx::{Cx, Exit};
use crate::vm::fault::Code;
use crate::vm::goroutine::{self, Word};

/// Raises a fault that the runtime found.
#[cold]
pub fn runtime_fault(cx: &mut Cx, f: Fault) -> Exit {
    cx.text = f.text.into();
    cx.fail(
        if f.fatal {
            Code::FatalText
        } else {
            Code::PanicText
        },
        0,
        0,
    )
}

/// Saves where to go on after this instruction, before an operation that may park.
macro_rules! save_next {
    ($pc:expr, $fp:expr, $cx:expr, $n:expr) => {{
        let g = &*(*$cx).g;
        goroutine::set(g, Word::Pc, $pc.add($n) as usize);
        goroutine::set(g, Word::Fp, $fp as usize);
        (*$cx).pc = $pc;
        (*$cx).fp = $fp;
    }};
}

/// How a received element fills a slot.
pub fn conv_of(elem: &Rtti) -> Conv {
    match elem.kind {
        Kind::Int8 | Kind::Int16 | Kind::Int32 => Conv::Signed,
        Kind::Bool | Kind::Uint8 | Kind::Uint16 | Kind::Uint32 | Kind::Float32 => Conv::Unsigned,
        _ => Conv::Bytes,
    }
}

/// A new channel of `n` elements in the guest heap, or a fault.
#[inline(never)]
pub fn new_chan(cx: &mut Cx, elem: &'static Rtti, n: i64) -> Result<u64, Exit> {
    static HEADER: std::sync::LazyLock<FixedShape> = std::sync::LazyLock::new(|| {
        let shape = Shape {
            size: Hchan::SIZE.next_multiple_of(8),
            align: 8,
            ptrs: vec![1 << Hchan::PTR_WORD],
        };
        FixedShape::of(&shape).expect("a small header")
    });
    let Some((_, bytes)) = usize::try_from(n)
        .ok()
        .and_then(|n| Hchan::layout(&elem.shape, n))
    else {
        return Err(cx.fail(Code::MakeChan, 0, 0));
    };
    if bytes as u64 > 1 << 40 {
        return Err(cx.fail(Code::MakeChan, 0, 0));
    }
    let c = cx.cache().alloc_small(&HEADER) as *mut Hchan;
    let buf = if bytes == 0 {
        std::ptr::null_mut()
    } else {
        cx.cache().alloc_array(&elem.shape, n as usize)
    };
    if c.is_null() || (buf.is_null() && bytes != 0) {
        return Err(cx.fail(Code::OutOfMemory, 0, 0));
    }
    // SAFETY: a fresh object of the header's size, and a buffer of n elements.
    unsafe { Hchan::init(c, buf, elem.size(), n as usize, conv_of(elem)) };
    if let Some(b) = cx.g().bubble() {
        // SAFETY: just made.
        unsafe { &*c }.set_bubble(b.slot);
    }
    Ok(c as u64)
}

op!(MkChan(pc, fp, cx, w) {
    let t = rtti_of(*pc.add(1));
    let n = if b!(w) == 0xffff { 0 } else { r!(fp, b!(w)) as i64 };
    (*cx).pc = pc;
    (*cx).fp = fp;
    match new_chan(&mut *cx, t.elem(), n) {
        Ok(c) => r!(fp, a!(w)) = c,
        Err(e) => return e,
    }
    next!(pc, fp, cx, 2)
});
op!(Send(pc, fp, cx, w) {
    save_next!(pc, fp, cx, 1);
    let e = send(pc, fp, cx, w);
    if e != Exit::Next {
        return e;
    }
    next!(pc, fp, cx, 1)
});
op!(Recv(pc, fp, cx, w) {
    save_next!(pc, fp, cx, 2);
    let e = recv(fp, cx, w);
    if e != Exit::Next {
        return e;
    }
    next!(pc, fp, cx, 2)
});
op!(Close(pc, fp, cx, w) {
    save_next!(pc, fp, cx, 1);
    let e = close(pc, fp, cx, w);
    if e != Exit::Next {
        return e;
    }
    next!(pc, fp, cx, 1)
});

/// An access to the channel as a whole: as in Go, a send reads it and a close writes it.
macro_rules! chan_access {
    ($how:ident, $pc:expr, $fp:expr, $cx:expr, $c:expr) => {
        if racing!() && $c != 0 {
            $how!($pc, $fp, $cx, $c as usize + chan::Hchan::RACE_AT, 8);
        }
    };
}
// Not inlined: the operations' locals would cost the handlers their tail calls.
#[inline(never)]
unsafe fn send(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers; the goroutine's state is saved.
    unsafe {
        let _ = pc;
        let c = r!(fp, a!(w));
        chan_access!(rd, pc, fp, cx, c);
        let src = fp.add(b!(w)) as *const u8;
        match chan::send::<{ racing!() }>((*cx).w(), (*cx).g(), c as *mut Hchan, src) {
            chan::Op::Parked => Exit::Parked,
            chan::Op::Fault(f) => runtime_fault(&mut *cx, f),
            _ => pause!(cx),
        }
    }
}
#[inline(never)]
unsafe fn recv(fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers; the goroutine's state is saved.
    unsafe {
        let ok = if c!(w) == 0xffff {
            std::ptr::null_mut()
        } else {
            fp.add(c!(w))
        };
        let c = r!(fp, b!(w)) as *mut Hchan;
        let dst = fp.add(a!(w)) as *mut u8;
        match chan::recv::<{ racing!() }>((*cx).w(), (*cx).g(), c, dst, ok) {
            chan::Op::Parked => Exit::Parked,
            chan::Op::Fault(f) => runtime_fault(&mut *cx, f),
            _ => pause!(cx),
        }
    }
}
#[inline(never)]
unsafe fn close(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers.
    unsafe {
        let _ = pc;
        let c = r!(fp, a!(w));
        chan_access!(wr, pc, fp, cx, c);
        if let chan::Op::Fault(f) = chan::close::<{ racing!() }>((*cx).w(), c as *mut Hchan) {
            return runtime_fault(&mut *cx, f);
        }
        pause!(cx)
    }
}
op!(ChLen(pc, fp, cx, w) {
    r!(fp, a!(w)) = chan::len(r!(fp, b!(w)) as *const Hchan) as u64;
    next!(pc, fp, cx, 1)
});
op!(ChCap(pc, fp, cx, w) {
    r!(fp, a!(w)) = chan::cap(r!(fp, b!(w)) as *const Hchan) as u64;
    next!(pc, fp, cx, 1)
});

op!(Select(pc, fp, cx, w) {
    let n = b!(w);
    save_next!(pc, fp, cx, 1 + n);
    let e = select(pc, fp, cx, w);
    if e != Exit::Next {
        return e;
    }
    next!(pc, fp, cx, 1 + n)
});
#[inline(never)]
unsafe fn select(pc: *const u64, fp: *mut u64, cx: *mut Cx, w: u64) -> Exit {
    // SAFETY: as for handlers; the goroutine's state is saved.
    unsafe {
        let n = b!(w);
        goroutine::set((*cx).g(), Word::Select, fp.add(a!(w)) as usize);
        let case = |i: usize| {
            let word = *pc.add(1 + i);
            let ch = r!(fp, (word >> 8) as u16 as usize) as *mut Hchan;
            let elem = fp.add((word >> 24) as u16 as usize) as *mut u8;
            SelectCase {
                chan: ch,
                elem,
                dir: if word & 1 == 1 { Dir::Send } else { Dir::Recv },
            }
        };
        let block = c!(w) == 0;
        let got = if n <= 8 {
            let none = SelectCase {
                chan: std::ptr::null_mut(),
                elem: std::ptr::null_mut(),
                dir: Dir::Recv,
            };
            let mut cases = [none; 8];
            for (i, slot) in cases.iter_mut().take(n).enumerate() {
                *slot = case(i);
            }
            chan::select::select::<{ racing!() }>((*cx).w(), (*cx).g(), &cases[..n], block)
        } else {
            select_many(&mut *cx, n, block, &case)
        };
        match got {
            Selected::Ready(i, ok) => {
                r!(fp, a!(w)) = i as u64;
                r!(fp, a!(w) + 1) = ok as u64;
            }
            Selected::Default => r!(fp, a!(w)) = u64::MAX,
            Selected::Parked => return Exit::Parked,
            Selected::Fault(f) => return runtime_fault(&mut *cx, f),
        }
        pause!(cx)
    }
}

#[inline(never)]
unsafe fn select_many(
    cx: &mut Cx,
    n: usize,
    block: bool,
    case: &dyn Fn(usize) -> SelectCase,
) -> Selected {
    let cases: Vec<SelectCase> = (0..n).map(case).collect();
    // SAFETY: the cases' channels and places are the frame's, which stays while parked.
    unsafe { chan::select::select::<{ racing!() }>(cx.w(), cx.g(), &cases, block) }
}
