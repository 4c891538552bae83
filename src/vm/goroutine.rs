//! Goroutines as the VM sees them: what the words of a G's `ext` mean, VM stacks, starting.
//!
//! A VM stack is a host allocation of frames; nothing ever points into it except sudogs of
//! a parked goroutine, so a running goroutine's stack may move. Layout of a frame: see
//! `bytecode::program::HEADER`. The first frame starts `HEADER` slots above the base and
//! returns to `gexit_code`.
#![allow(unsafe_code)]

use std::alloc::Layout;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::cx::{Cx, Exit};
use super::fault::Code;
use super::unwind::PanicRec;
use crate::bytecode::program::{HEADER, funcs, gexit_code};
use crate::heap::rtti::{FuncId, Shape};
use crate::heap::{FixedShape, heap};
use crate::race;
use crate::runtime::sched::task::{G, GRef, RACE_WORD};

/// Smallest stack. Many parked goroutines need no more.
const MIN_STACK: usize = 256;
/// Smallest stack of a goroutine whose function outgrew `MIN_STACK` before.
const NEXT_STACK: usize = 512;
/// Stacks below this are not worth shrinking.
const SHRINK_FROM: usize = 4 << 10;

/// Which functions outgrew `MIN_STACK` as goroutines, by number modulo the table's size: a
/// wrong answer costs 256 bytes.
static OUTGREW: [AtomicBool; 4096] = [const { AtomicBool::new(false) }; 4096];

fn outgrew(func: usize) -> &'static AtomicBool {
    &OUTGREW[func % OUTGREW.len()]
}
/// `debug.SetMaxStack`, in bytes: Go's default.
pub static MAX_STACK: AtomicUsize = AtomicUsize::new(1_000_000_000);

/// Words of `G::ext`.
#[derive(Clone, Copy)]
#[repr(usize)]
pub enum Word {
    StackLo,
    StackHi,
    Pc,
    Fp,
    /// `Box<Vec<PanicRec>>` or 0.
    Panics,
    /// Frame address of a parked select's result slots.
    Select,
    /// Function it was started with.
    Entry,
    /// Mark of the test it belongs to; inherited by the goroutines it starts.
    Owner,
}

/// The owner of goroutines that belong to the library, not to the program. Nobody counts or
/// lists them.
pub const SYSTEM: usize = usize::MAX;
static SYSTEM_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Makes a G one of the library's own.
pub fn make_system(g: &G) {
    if !is_system(g) {
        set(g, Word::Owner, SYSTEM);
        SYSTEM_COUNT.fetch_add(1, Ordering::Relaxed);
    }
}
/// See [`SYSTEM`].
pub fn is_system(g: &G) -> bool {
    get(g, Word::Owner) == SYSTEM
}
/// How many there are; they do not end before the program.
pub fn system_count() -> usize {
    SYSTEM_COUNT.load(Ordering::Relaxed)
}

/// Reads a word of a G's VM state. Only its runner, or anyone while the world is stopped.
#[inline(always)]
pub fn get(g: &G, w: Word) -> usize {
    // SAFETY: the owner rule above; the array has room for every Word.
    unsafe { (*g.ext.get()).w[w as usize] }
}
/// Writes a word; see [`get`].
#[inline(always)]
pub fn set(g: &G, w: Word, v: usize) {
    // SAFETY: as in `get`.
    unsafe { (*g.ext.get()).w[w as usize] = v }
}

/// Saves where to go on, before anything that may park.
#[inline(always)]
pub fn save(cx: &Cx) {
    let g = cx.g();
    set(g, Word::Pc, cx.pc as usize);
    set(g, Word::Fp, cx.fp as usize);
}

/// The panics in flight, oldest first.
#[allow(
    clippy::mut_from_ref,
    reason = "owned by the G's runner, as all of ext"
)]
pub fn panics(g: &G) -> Option<&mut Vec<PanicRec>> {
    // SAFETY: the word is 0 or a Box this G owns; the caller runs the G (or the world is stopped).
    unsafe { (get(g, Word::Panics) as *mut Vec<PanicRec>).as_mut() }
}
/// The list of panics, made if there is none.
#[allow(
    clippy::mut_from_ref,
    reason = "owned by the G's runner, as all of ext"
)]
pub fn panics_mut(g: &G) -> &mut Vec<PanicRec> {
    if get(g, Word::Panics) == 0 {
        set(
            g,
            Word::Panics,
            Box::into_raw(Box::<Vec<PanicRec>>::default()) as usize,
        );
    }
    panics(g).expect("just made")
}
#[inline(always)]
pub fn panicking(cx: &Cx) -> bool {
    panics(cx.g()).is_some_and(|p| !p.is_empty())
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 16).expect("stack size")
}

/// Gives a stack of at least `bytes` to a fresh G that runs function `func`. False when there
/// is no memory.
fn new_stack(g: &G, bytes: usize, func: usize) -> bool {
    let least = if outgrew(func).load(Ordering::Relaxed) {
        NEXT_STACK
    } else {
        MIN_STACK
    };
    let size = bytes.next_power_of_two().max(least);
    // SAFETY: size is not zero.
    let lo = unsafe { std::alloc::alloc_zeroed(layout(size)) };
    if lo.is_null() {
        return false;
    }
    set(g, Word::StackLo, lo as usize);
    set(g, Word::StackHi, lo as usize + size);
    true
}

/// Frees the stack and panic list of an ended goroutine.
pub fn release(g: &G) {
    let (lo, hi) = (get(g, Word::StackLo), get(g, Word::StackHi));
    if lo != 0 {
        // SAFETY: allocated by `new_stack` or `grow` with this layout.
        unsafe { std::alloc::dealloc(lo as *mut u8, layout(hi - lo)) };
    }
    set(g, Word::StackLo, 0);
    set(g, Word::StackHi, 0);
    let p = get(g, Word::Panics) as *mut Vec<PanicRec>;
    if !p.is_null() {
        // SAFETY: the Box made by `panics_mut`.
        drop(unsafe { Box::from_raw(p) });
    }
    set(g, Word::Panics, 0);
    if let Some(th) = g.race() {
        th.end();
        // SAFETY: the Box made by `watch`; the goroutine is over.
        unsafe {
            drop(Box::from_raw(th));
            (*g.ext.get()).w[RACE_WORD] = 0;
        }
    }
}

/// Makes room for `need` bytes above the frame pointer. False: the limit is reached.
pub fn grow(cx: &mut Cx) -> bool {
    let g = cx.g();
    let (lo, hi) = (get(g, Word::StackLo), get(g, Word::StackHi));
    let used = cx.fp as usize - lo;
    let want = used + cx.need + 64;
    if want <= hi - lo {
        return true;
    }
    let size = want.next_power_of_two().max(2 * (hi - lo));
    if hi - lo == MIN_STACK {
        outgrew(get(g, Word::Entry)).store(true, Ordering::Relaxed);
    }
    if size > MAX_STACK.load(Ordering::Relaxed) {
        return false;
    }
    // SAFETY: the old stack is `lo..hi` with its layout; frames hold relative links only,
    // so bytes may move; the rest is zeroed.
    unsafe {
        let new = std::alloc::realloc(lo as *mut u8, layout(hi - lo), size);
        if new.is_null() {
            return false;
        }
        std::ptr::write_bytes(new.add(hi - lo), 0, size - (hi - lo));
        set(g, Word::StackLo, new as usize);
        set(g, Word::StackHi, new as usize + size);
        cx.fp = new.add(used) as *mut u64;
    }
    true
}

/// Sets up a goroutine that will run function `id` (closure `clo`) with `n` slots of
/// arguments from `args`.
///
/// # Safety
/// `args` has `n` readable slots.
pub unsafe fn prepare(g: &G, id: FuncId, clo: u64, args: *const u64, n: usize) -> bool {
    // SAFETY: entries exist for every handed-out number.
    let entry = unsafe { &*funcs().base().add(id as usize) };
    let frame = entry.frame_bytes.load(Ordering::Relaxed) as usize;
    let need = (HEADER + n + 2) * 8 + frame;
    if !new_stack(g, need, id as usize) {
        return false;
    }
    let fp = (get(g, Word::StackLo) + HEADER * 8) as *mut u64;
    // SAFETY: the stack has room for the header and the arguments.
    unsafe {
        *fp.sub(1) = 0;
        *fp.sub(2) = gexit_code() as u64;
        *fp.sub(3) = clo;
        std::ptr::copy_nonoverlapping(args, fp, n);
    }
    set(g, Word::Fp, fp as usize);
    set(g, Word::Pc, entry.entry.load(Ordering::Acquire) as usize);
    set(g, Word::Panics, 0);
    set(g, Word::Entry, id as usize);
    set(g, Word::Owner, 0);
    true
}

/// Gives a prepared goroutine its state for the race detector: it starts with what `from`
/// published, at a `go` statement's site (0: none).
pub fn watch(g: &G, from: &race::clock::Snap, site: u32) {
    let th = race::Thread::new(from, site, g.id());
    let fp = get(g, Word::Fp) as *mut u64;
    // SAFETY: a fresh goroutine's first frame and its own words.
    unsafe {
        *fp.sub(1) = u64::from(th.root()) << 32;
        (*g.ext.get()).w[RACE_WORD] = Box::into_raw(th) as usize;
    }
}

/// `go`: a new goroutine, runnable.
///
/// # Safety
/// As [`prepare`].
pub unsafe fn start(cx: &mut Cx, id: FuncId, clo: u64, args: *const u64, n: usize) -> Exit {
    let w = cx.w();
    let g: GRef = w.spawn(cx.pc as usize, cx.g().id());
    // SAFETY: by the caller's promise.
    if !unsafe { prepare(&g, id, clo, args, n) } {
        return cx.fail(Code::OutOfMemory, 0, 0);
    }
    set(&g, Word::Owner, get(cx.g(), Word::Owner));
    let (th, local) = (cx.race, cx.race_local);
    if !th.is_null() {
        // SAFETY: this M's own, and the running goroutine's.
        let (site, snap) = unsafe {
            let site = race::stack::here(&mut *local);
            (site, (*th).release().clone())
        };
        watch(&g, &snap, site);
    }
    if let Some(b) = cx.g().bubble() {
        b.join(&g);
    }
    w.ready_new(g);
    Exit::Next
}

/// Shape of a defer list node.
pub fn defer_shape() -> FixedShape {
    FixedShape::of(&Shape {
        size: 16,
        align: 8,
        ptrs: vec![0b11],
    })
    .expect("a small shape")
}

/// The stack of a goroutine as (first word, words) for conservative scanning.
pub fn stack_words(g: &G) -> Option<(*const u64, usize)> {
    let lo = get(g, Word::StackLo);
    if lo == 0 {
        return None;
    }
    // Only up to the end of the innermost frame. When marks are checked, all of it: frames
    // that are made while marking goes on show what is left there from earlier calls.
    let top = if heap().checks_marks() {
        get(g, Word::StackHi)
    } else {
        super::collect::stack_top(g)
    };
    Some((lo as *const u64, (top - lo) / 8))
}

/// Gives back most of a stack of which less than a quarter is used. Only while the world is
/// stopped and neither registers nor a native's arguments point into it.
pub fn shrink(g: &G) {
    let (lo, hi) = (get(g, Word::StackLo), get(g, Word::StackHi));
    if lo == 0 || hi - lo < SHRINK_FROM {
        return;
    }
    let used = super::collect::stack_top(g) - lo;
    let size = (2 * used).next_power_of_two();
    if size > (hi - lo) / 4 {
        return;
    }
    // SAFETY: the old stack is `lo..hi` with its layout; what is in use fits the new size.
    // Frames hold relative links only; everything else that points in is moved below.
    let new = unsafe { std::alloc::realloc(lo as *mut u8, layout(hi - lo), size) } as usize;
    if new == 0 {
        return;
    }
    let moved = |p: usize| {
        if (lo..hi).contains(&p) {
            p - lo + new
        } else {
            p
        }
    };
    set(g, Word::StackLo, new);
    set(g, Word::StackHi, new + size);
    set(g, Word::Fp, moved(get(g, Word::Fp)));
    set(g, Word::Select, moved(get(g, Word::Select)));
    g.stack_moved(&moved);
}
