//! Function values, methods and channels of types known only at run time.

use super::*;
use crate::bytecode::layout::{frame_slots, held_by_address};
use crate::runtime::chan::select::{Dir, SelectCase, Selected, select};
use crate::vm::goroutine::{self, Word};
use crate::vm::ops::aggregate::big_closure;
use crate::vm::ops::conc::{new_chan, runtime_fault};

// ----- natives on functions -----

/// A closure of function `id` with these captured words.
fn closure(c: &mut Call, id: u32, words: &[u64]) -> R<u64> {
    let p = big_closure(c.cx, words.len());
    if p.is_null() {
        return Err(c.no_memory());
    }
    // SAFETY: fresh memory of the function number and the words.
    unsafe {
        mem::store_u64(p, id as u64);
        for (i, w) in words.iter().enumerate() {
            mem::store_u64(p.add(8 + 8 * i), *w);
        }
    }
    Ok(p as u64)
}
unsafe fn n_method(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments; the receiver is read as its type.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let (v, i) = (c.iface(), c.int());
        let (t, p) = crate::try_exit!(value(&mut c, &v));
        let m = usize::try_from(i)
            .ok()
            .and_then(|i| inspect::exported(t).nth(i));
        let Some(m) = m else {
            return c.panic("reflect: Method index out of range");
        };
        let Some(id) = with_compiler(|lw| lw.bound_method(t, &m.name)) else {
            return c.panic("reflect: Method index out of range");
        };
        let mut words = vec![v.1];
        if !t.direct && !held_by_address(t) {
            words = vec![0; t.size().div_ceil(8)];
            slow::load_value(words.as_mut_ptr(), p, t.size());
        } else if t.size() == 0 {
            words.clear();
        }
        let f = crate::try_exit!(closure(&mut c, id, &words));
        c.ret_iface((type_word(m.ty), f));
    }
    Exit::Next
}
native!(n_method_func, 2, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let i = c.int();
    let name = usize::try_from(i)
        .ok()
        .and_then(|i| inspect::exported(t).nth(i))
        .map(|m| m.name.clone());
    let found = name.and_then(|n| with_compiler(|lw| lw.method_expr(t, &n)));
    let Some((id, sig)) = found else {
        return c.panic("reflect: Method index out of range");
    };
    let f = crate::try_exit!(closure(&mut c, id, &[]));
    c.ret_iface((type_word(sig), f));
});
native!(n_caller, 1, |c| {
    let v = c.iface();
    let t = match dynamic(v) {
        Some(t) if t.kind == Kind::Func && v.1 != 0 => t,
        _ => return c.nil(),
    };
    let id = with_compiler(|lw| lw.caller(t));
    let f = crate::try_exit!(closure(&mut c, id, &[v.1]));
    c.ret(f);
});
native!(n_make_func, 2, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let body = c.word();
    if t.kind != Kind::Func {
        return c.panic("reflect: call of MakeFunc with non-Func type");
    }
    let id = with_compiler(|lw| lw.made(t));
    let f = crate::try_exit!(closure(&mut c, id, &[body]));
    c.ret_iface((type_word(t), f));
});

/// Writes the values of a `[]any` into slots, each in its type's frame form. The slots
/// are: the function type's descriptor, the slice (2), then the values.
unsafe fn unpack(cx: &mut Cx, base: *mut u64, results: bool) -> Exit {
    // SAFETY: only adapters call this, with the descriptor of the function type they
    // were made for and room for its values; every value is checked before it is copied.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let parts = crate::bytecode::program::rtti_of(c.word()).parts();
        let types = if results {
            &parts.results
        } else {
            &parts.params
        };
        let list = anys(c.slice());
        if list.len() != types.len() {
            return c.panic("reflect: wrong return count from function created by MakeFunc");
        }
        let mut slot = base.add(3);
        for (t, v) in types.iter().zip(list) {
            if !fits(t, v) {
                return c.panic(format!(
                    "reflect: value is not assignable to type {}",
                    t.name
                ));
            }
            let n = t.size();
            if t.kind == Kind::Interface {
                *slot = v.0;
                *slot.add(1) = v.1;
            } else if t.direct {
                if n > 0 {
                    *slot = v.1;
                }
            } else if held_by_address(t) {
                *slot = v.1;
            } else {
                slow::load_value(slot, v.1 as *const u8, n);
            }
            slot = slot.add(frame_slots(t));
        }
    }
    Exit::Next
}
/// Makes a `[]any` of values in slots. The slots are: the slice (2), the function type's
/// descriptor, then the values.
unsafe fn pack(cx: &mut Cx, base: *mut u64, results: bool) -> Exit {
    // SAFETY: as for `unpack`.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let parts = crate::bytecode::program::rtti_of(c.word()).parts();
        let types = if results {
            &parts.results
        } else {
            &parts.params
        };
        let mut list = Vec::with_capacity(types.len());
        let mut slot = base.add(3);
        for t in types {
            let n = t.size();
            list.push(if t.kind == Kind::Interface {
                (*slot, *slot.add(1))
            } else if t.direct {
                let word = match n {
                    0 => 0,
                    _ if matches!(t.kind, Kind::Struct | Kind::Array) => {
                        *slot & (u64::MAX >> (64 - 8 * n))
                    }
                    _ => *slot,
                };
                (type_word(t), word)
            } else if held_by_address(t) {
                (type_word(t), *slot)
            } else {
                let p = crate::try_exit!(cell(&mut c, t));
                slow::store_n(p, slot as *const u8, n);
                (type_word(t), p as u64)
            });
            slot = slot.add(frame_slots(t));
        }
        let s = crate::try_exit!(any_slice(&mut c, &list));
        c.ret_slice(s);
    }
    Exit::Next
}
unsafe fn n_unpack_args(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called by adapters only.
    unsafe { unpack(cx, base, false) }
}
unsafe fn n_unpack_results(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called by adapters only.
    unsafe { unpack(cx, base, true) }
}
unsafe fn n_pack_args(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called by adapters only.
    unsafe { pack(cx, base, false) }
}
unsafe fn n_pack_results(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called by adapters only.
    unsafe { pack(cx, base, true) }
}

// ----- natives on channels -----

fn chan_in(c: &mut Call, v: Iface) -> R<(&'static Rtti, *mut Hchan)> {
    match dynamic(v) {
        Some(t) if t.kind == Kind::Chan => Ok((t.elem(), v.1 as *mut Hchan)),
        _ => Err(c.nil()),
    }
}
/// Room for a received element: a scalar is written as 8 bytes.
fn landing(c: &mut Call, t: &Rtti) -> R<*mut u8> {
    let mut shape = t.shape.clone();
    shape.size = shape.size.max(8);
    shape.align = shape.align.max(8);
    let p = c.cx.cache().alloc(&shape);
    if p.is_null() {
        Err(c.no_memory())
    } else {
        Ok(p)
    }
}
unsafe fn n_chan_send(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments. The value lies in the frame or in
    // the object that the frame's interface refers to, and a parked frame stays.
    unsafe {
        let mut c = Call::new(cx, base, 1);
        let (v, x, wait) = (c.iface(), c.iface(), c.bool());
        let (t, ch) = crate::try_exit!(chan_in(&mut c, v));
        crate::try_exit!(operand(&mut c, t, x));
        let src = if t.kind == Kind::Interface {
            base.add(3) as *const u8
        } else if t.direct {
            base.add(4) as *const u8
        } else {
            x.1 as *const u8
        };
        c.ret_bool(true);
        let (w, g) = (c.cx.w, c.cx.g);
        let op = if wait {
            chan::send::<true>(&*w, &*g, ch, src)
        } else {
            chan::try_send(&*w, ch, src)
        };
        match op {
            chan::Op::Parked => return Exit::Parked,
            chan::Op::Fault(f) => return runtime_fault(cx, f),
            chan::Op::WouldBlock => *base = 0,
            _ => {}
        }
    }
    Exit::Next
}
unsafe fn n_chan_recv(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments. The element lands in a fresh object
    // that the result slot keeps alive; a parked frame stays.
    unsafe {
        let mut c = Call::new(cx, base, 4);
        let (v, wait) = (c.iface(), c.bool());
        let (t, ch) = crate::try_exit!(chan_in(&mut c, v));
        let dst = crate::try_exit!(landing(&mut c, t));
        c.ret_iface((type_word(pointer_to(t)), dst as u64))
            .ret_bool(false)
            .ret_bool(true);
        let (w, g) = (c.cx.w, c.cx.g);
        let op = if wait {
            chan::recv::<true>(&*w, &*g, ch, dst, base.add(2))
        } else {
            chan::try_recv(&*w, ch, dst)
        };
        match op {
            chan::Op::Parked => return Exit::Parked,
            chan::Op::Fault(f) => return runtime_fault(cx, f),
            chan::Op::WouldBlock => *base.add(3) = 0,
            chan::Op::DoneOk(ok) => *base.add(2) = ok as u64,
            chan::Op::Done => {}
        }
    }
    Exit::Next
}
unsafe fn n_chan_close(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    unsafe {
        let mut c = Call::new(cx, base, 0);
        let v = c.iface();
        let (_, ch) = crate::try_exit!(chan_in(&mut c, v));
        if let chan::Op::Fault(f) = chan::close::<true>(c.cx.w(), ch) {
            return runtime_fault(cx, f);
        }
    }
    Exit::Next
}
native!(n_make_chan, 2, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let n = c.int();
    if t.kind != Kind::Chan {
        return c.panic("reflect.MakeChan of non-chan type");
    }
    let ch = crate::try_exit!(new_chan(c.cx, t.elem(), n));
    c.ret_iface((type_word(t), ch));
});
// `Landing(t)`: a pointer to a variable that a select may receive into.
native!(n_landing, 2, |c| {
    let t = crate::try_exit!(arg_type(&mut c));
    let p = crate::try_exit!(landing(&mut c, t));
    c.ret_iface((type_word(pointer_to(t)), p as u64));
});
unsafe fn n_select(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments. Values lie in objects that the
    // frame's slices keep alive; a parked frame stays.
    unsafe {
        let mut c = Call::new(cx, base, 2);
        let (chans, places, sends) = (anys(c.slice()), anys(c.slice()), c.bytes());
        let block = c.bool();
        let mut cases = Vec::with_capacity(chans.len());
        for ((v, place), send) in chans.iter().zip(&places).zip(sends) {
            if v.0 == 0 {
                // A case without a channel never gets its turn.
                cases.push(SelectCase {
                    chan: std::ptr::null_mut(),
                    elem: std::ptr::null_mut(),
                    dir: Dir::Recv,
                });
                continue;
            }
            let (t, ch) = crate::try_exit!(chan_in(&mut c, *v));
            let (have, elem) = crate::try_exit!(variable(&mut c, *place));
            if !std::ptr::eq(have, t) {
                return c.nil();
            }
            cases.push(SelectCase {
                chan: ch,
                elem,
                dir: if *send != 0 { Dir::Send } else { Dir::Recv },
            });
        }
        goroutine::set(c.cx.g(), Word::Select, base as usize);
        c.ret_int(-1).ret_bool(false);
        match select::<true>(c.cx.w(), c.cx.g(), &cases, block) {
            Selected::Ready(i, ok) => {
                *base = i as u64;
                *base.add(1) = ok as u64;
            }
            Selected::Default => {}
            Selected::Parked => return Exit::Parked,
            Selected::Fault(f) => return runtime_fault(cx, f),
        }
    }
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("internal/rt.Method", n_method),
    ("internal/rt.MethodFunc", n_method_func),
    ("internal/rt.Caller", n_caller),
    ("internal/rt.MakeFunc", n_make_func),
    ("internal/rt.unpackArgs", n_unpack_args),
    ("internal/rt.unpackResults", n_unpack_results),
    ("internal/rt.packArgs", n_pack_args),
    ("internal/rt.packResults", n_pack_results),
    ("internal/rt.ChanSend", n_chan_send),
    ("internal/rt.ChanRecv", n_chan_recv),
    ("internal/rt.ChanClose", n_chan_close),
    ("internal/rt.MakeChan", n_make_chan),
    ("internal/rt.Landing", n_landing),
    ("internal/rt.Select", n_select),
];
