//! A compiled program: functions, their code and tables, and the descriptors the code
//! points to. Everything here lives as long as the process: code words hold raw
//! addresses of descriptors.

use std::sync::RwLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::instr::{Op, encode32};
use crate::heap::rtti::{FuncId, Rtti, Shape};
use crate::heap::{FixedShape, block};

/// Slots of a frame header below `fp`: `fp[-1]` distance to the caller's frame in bytes,
/// `fp[-2]` return address, `fp[-3]` running closure.
pub const HEADER: usize = 3;

/// What an allocation instruction needs.
#[derive(Debug)]
pub struct AllocDesc {
    pub shape: Shape,
    /// Present for the small sizes of the fast path.
    pub fixed: Option<FixedShape>,
}

/// One compiled function.
#[derive(Debug)]
pub struct Proto {
    pub id: FuncId,
    /// As tracebacks print it: `main.worker`, `main.main.func1`, `main.(*T).Run`.
    pub name: String,
    pub code: Vec<u64>,
    /// Frame size in slots.
    pub nslots: usize,
    pub result_slots: usize,
    pub param_slots: usize,
    /// (word index, source position), ascending; a position holds until the next entry.
    pub lines: Vec<(u32, u32)>,
    /// Offset of the epilogue that runs the deferred calls, for functions with `defer`.
    pub epilogue: Option<u32>,
    /// Slot of the defer list.
    pub defer_slot: u16,
    /// Variables by name, for sessions; empty otherwise.
    pub locals: Vec<Local>,
    /// A compiler-made adapter: `recover` and tracebacks look through it.
    pub wrapper: bool,
}

/// Where a named variable lies while the code from `from` to `to` runs.
#[derive(Debug)]
pub struct Local {
    pub name: String,
    pub ty: &'static Rtti,
    pub slot: u16,
    /// The slot holds its address.
    pub boxed: bool,
    pub from: u32,
    pub to: u32,
}

/// What a call needs to know about its target. Read without locks by every call.
#[repr(C)]
pub struct FuncEntry {
    pub entry: AtomicPtr<u64>,
    /// Frame size in bytes, including the room the next call's header needs.
    pub frame_bytes: AtomicU64,
}

/// Most functions a process can hold (compiled programs, closures, adapters).
pub const MAX_FUNCS: usize = 1 << 20;

/// The function table of the process.
pub struct FuncTable {
    entries: &'static [FuncEntry],
    /// Two words per function: a `Lazy` instruction, which compiles on first call.
    stubs: &'static [AtomicU64],
    next: AtomicU32,
    by_code: RwLock<Vec<(usize, usize, &'static Proto)>>,
}

fn zeroed_slice<T>(n: usize) -> &'static [T] {
    // Mapped, not allocated: an allocator may clear the whole table.
    let p = block::map(n * size_of::<T>(), libc::PROT_READ | libc::PROT_WRITE);
    let p = p.expect("memory for the function table") as *const T;
    // SAFETY: T is FuncEntry or AtomicU64, for which all-zero bytes are valid; a fresh
    // mapping of n of them, aligned to a page and never unmapped.
    unsafe { std::slice::from_raw_parts(p, n) }
}

impl FuncTable {
    fn new() -> FuncTable {
        FuncTable {
            entries: zeroed_slice(MAX_FUNCS),
            stubs: zeroed_slice(MAX_FUNCS),
            next: AtomicU32::new(0),
            by_code: RwLock::new(Vec::new()),
        }
    }
    /// A fresh function number whose code is compiled on its first call.
    pub fn reserve(&self) -> FuncId {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        assert!((id as usize) < MAX_FUNCS, "too many functions");
        let stub = &self.stubs[id as usize];
        stub.store(encode32(Op::Lazy, 0, id), Ordering::Relaxed);
        let e = &self.entries[id as usize];
        e.frame_bytes.store(64, Ordering::Relaxed);
        e.entry.store(stub.as_ptr(), Ordering::Release);
        id
    }
    /// Makes the next call of a function compile it again.
    pub fn renew(&self, id: FuncId) {
        let stub = &self.stubs[id as usize];
        self.entries[id as usize]
            .entry
            .store(stub.as_ptr(), Ordering::Release);
    }
    /// Installs compiled code; calls from now on reach it.
    pub fn install(&self, proto: Proto) -> &'static Proto {
        let p: &'static Proto = Box::leak(Box::new(proto));
        let start = p.code.as_ptr() as usize;
        {
            let mut by = self.by_code.write().expect("function table");
            let at = by.partition_point(|e| e.0 < start);
            by.insert(at, (start, start + p.code.len() * 8, p));
        }
        let e = &self.entries[p.id as usize];
        // A redefined function may still be entered by its old code.
        e.frame_bytes
            .fetch_max((p.nslots * 8) as u64, Ordering::Relaxed);
        e.entry
            .store(p.code.as_ptr() as *mut u64, Ordering::Release);
        p
    }
    /// Address of the first entry; entry `id` follows at its index.
    pub fn base(&self) -> *const FuncEntry {
        self.entries.as_ptr()
    }
    /// Number of functions handed out so far.
    pub fn count(&self) -> usize {
        self.next.load(Ordering::Relaxed) as usize
    }
    /// The function whose code holds `pc`.
    pub fn find(&self, pc: usize) -> Option<&'static Proto> {
        let by = self.by_code.read().expect("function table");
        let i = by.partition_point(|e| e.0 <= pc).checked_sub(1)?;
        (pc < by[i].1).then_some(by[i].2)
    }
    /// What a call of the function runs.
    pub fn current(&self, id: FuncId) -> Option<&'static Proto> {
        self.find(self.entries[id as usize].entry.load(Ordering::Acquire) as usize)
    }
    /// All compiled functions in address order.
    pub fn all(&self) -> Vec<&'static Proto> {
        self.by_code
            .read()
            .expect("function table")
            .iter()
            .map(|e| e.2)
            .collect()
    }
}

/// The process's function table.
pub fn funcs() -> &'static FuncTable {
    static TABLE: std::sync::LazyLock<FuncTable> = std::sync::LazyLock::new(FuncTable::new);
    &TABLE
}

impl Proto {
    /// Source position of the instruction at word `index`.
    pub fn pos_at(&self, index: usize) -> u32 {
        let i = self.lines.partition_point(|l| l.0 as usize <= index);
        if i == 0 { 0 } else { self.lines[i - 1].1 }
    }
}

/// A word of code that ends a goroutine: the return address of entry functions.
pub fn gexit_code() -> *const u64 {
    static CODE: [u64; 1] = [Op::GExit as u64];
    CODE.as_ptr()
}

/// A word of code that ends the program after an uncaught panic's text was made.
pub fn panic_done_code() -> *const u64 {
    static CODE: [u64; 1] = [Op::PanicDone as u64];
    CODE.as_ptr()
}

/// A descriptor leaked for use in code words.
pub fn alloc_desc(shape: &Shape) -> &'static AllocDesc {
    Box::leak(Box::new(AllocDesc {
        shape: shape.clone(),
        fixed: FixedShape::of(shape),
    }))
}

/// Address of a leaked descriptor as a code word.
pub fn word<T>(r: &'static T) -> u64 {
    r as *const T as u64
}

/// Descriptor from a code word.
///
/// # Safety
/// The word was made by [`word`] from the same type.
#[inline(always)]
pub unsafe fn unword<T>(w: u64) -> &'static T {
    // SAFETY: by the caller's promise; descriptors are never freed.
    unsafe { &*(w as *const T) }
}

/// Type descriptor from a code word; see [`unword`].
///
/// # Safety
/// The word was made from an `Rtti`.
#[inline(always)]
pub unsafe fn rtti_of(w: u64) -> &'static Rtti {
    // SAFETY: by the caller's promise.
    unsafe { unword(w) }
}
