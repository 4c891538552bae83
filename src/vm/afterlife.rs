//! What happens to objects when the collector finds them out of reach: finalizers, cleanups
//! and the emptying of pools.
//!
//! Entries name their object without keeping it alive. After marking (`settle`), an entry
//! whose object is unmarked is queued; a finalizer's object is then marked after all, for
//! one more cycle. What such an object refers to is marked beforehand, so that of a chain
//! of objects only the first is finalized, and a cycle never. Queued calls are made by one
//! goroutine of the guest, `runtime.runFinalizers`, which is started when there is none.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::heap::{Marker, heap, mem};

/// How a queued function is called (see `runtime.runFinalizers`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Kind {
    /// `func(*T)`
    Pointer = 1,
    /// `func(I)` for an interface type
    Interface = 2,
    /// `func(*T) R` with a result of one slot
    PointerOne = 3,
    /// ... of two slots
    PointerTwo = 4,
    /// `func()`: a cleanup
    Cleanup = 5,
}

/// One function that waits for its object to die.
#[derive(Clone, Copy)]
struct Entry {
    id: u64,
    /// An address inside the object.
    object: usize,
    kind: Kind,
    func: u64,
    /// Type word of the object's pointer.
    ty: u64,
}

/// A function to be called.
#[derive(Clone, Copy)]
pub struct Call {
    pub kind: Kind,
    pub func: u64,
    pub ty: u64,
    pub object: u64,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    queue: std::collections::VecDeque<Call>,
    /// The calling goroutine exists.
    running: bool,
    last_id: u64,
    /// Addresses of the slice headers of pools: present values, last cycle's values.
    pools: Vec<(usize, usize)>,
    /// Addresses that weak pointers name, with their numbers.
    weak: BTreeMap<usize, u64>,
}

static STATE: Mutex<State> = Mutex::new(State {
    entries: Vec::new(),
    queue: std::collections::VecDeque::new(),
    running: false,
    last_id: 0,
    pools: Vec::new(),
    weak: BTreeMap::new(),
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a function; its number. None: the object is not the heap's, so it never dies.
pub fn add(object: usize, kind: Kind, func: u64, ty: u64) -> Option<u64> {
    heap().find_object(object)?;
    let mut s = state();
    s.last_id += 1;
    let id = s.last_id;
    s.entries.push(Entry {
        id,
        object,
        kind,
        func,
        ty,
    });
    Some(id)
}

/// Whether the object has a finalizer.
pub fn has_finalizer(object: usize) -> bool {
    let s = state();
    s.entries
        .iter()
        .any(|e| e.object == object && e.kind != Kind::Cleanup)
}

/// Removes an object's finalizer.
pub fn remove_finalizer(object: usize) {
    state()
        .entries
        .retain(|e| e.object != object || e.kind == Kind::Cleanup);
}

/// Removes one entry by its number.
pub fn remove(id: u64) {
    state().entries.retain(|e| e.id != id);
}

/// The number of weak pointers to an address; it stays the same while the object lives.
pub fn weak(object: usize) -> u64 {
    let mut s = state();
    if let Some(id) = s.weak.get(&object) {
        return *id;
    }
    s.last_id += 1;
    let id = s.last_id;
    s.weak.insert(object, id);
    id
}

/// Whether the object with this address and number still lives.
pub fn is_alive(object: usize, id: u64) -> bool {
    state().weak.get(&object) == Some(&id)
}

/// A pool has values from now on: they go at the second collection from now. The addresses
/// are those of its two slice headers.
pub fn add_pool(now: usize, old: usize) {
    let mut s = state();
    if !s.pools.contains(&(now, old)) {
        s.pools.push((now, old));
    }
}

/// Before marking, the world being stopped: each pool's values become its old ones.
pub(super) fn age_pools() {
    for &(now, old) in &state().pools {
        // SAFETY: slice headers of a pool that was alive when it was registered, or was
        // marked by the collection before; its memory is not reused before the next sweep.
        unsafe {
            let (p, n) = mem::load128(now as *const u8);
            mem::store128(old as *mut u8, p, n);
            mem::store128(now as *mut u8, 0, 0);
        }
    }
}

/// Marks what waiting and queued functions need.
///
/// # Safety
/// Only while the collector marks.
pub(super) unsafe fn mark(m: &mut Marker) {
    let s = state();
    for c in &s.queue {
        m.mark_word(c.func);
        m.mark_word(c.object);
    }
    for e in &s.entries {
        m.mark_word(e.func);
        if e.kind != Kind::Cleanup
            && let Some((start, bytes)) = heap().find_object(e.object)
        {
            // SAFETY: the words of an allocated object, while the world is stopped.
            unsafe { m.mark_range(start as *const u64, bytes / 8) };
        }
    }
}

/// After marking: queues the functions of dead objects.
pub(super) fn settle(m: &mut Marker) {
    let mut s = state();
    let s = &mut *s;
    let queue = &mut s.queue;
    // Before finalizers bring objects back.
    s.weak
        .retain(|&object, _| m.is_marked(object) || heap().find_object(object).is_none());
    s.entries.retain(|e| {
        if m.is_marked(e.object) {
            return true;
        }
        let cleanup = e.kind == Kind::Cleanup;
        queue.push_back(Call {
            kind: e.kind,
            func: e.func,
            ty: e.ty,
            object: if cleanup { 0 } else { e.object as u64 },
        });
        false
    });
    for c in &*queue {
        m.mark_word(c.object);
    }
    m.drain();
    // A pool in a package variable is not the heap's.
    s.pools
        .retain(|p| m.is_marked(p.0) || heap().find_object(p.0).is_none());
    // Pools that hold nothing need no further attention; `Put` names them again.
    // SAFETY: slice headers of live pools.
    s.pools
        .retain(|p| unsafe { mem::load128(p.1 as *const u8) } != (0, 0));
}

/// Whether a goroutine must be started to make the queued calls; it is then taken to exist.
pub(super) fn claim_runner() -> bool {
    let mut s = state();
    let start = !s.queue.is_empty() && !s.running;
    s.running |= start;
    start
}

/// Whether functions are queued.
pub(super) fn waiting() -> bool {
    !state().queue.is_empty()
}

/// The next call. None: the calling goroutine ends.
pub fn next() -> Option<Call> {
    let mut s = state();
    let c = s.queue.pop_front();
    s.running = c.is_some();
    drop(s);
    crate::race::with(|l| {
        crate::race::thread::of(l).acquire(&crate::race::collect::before_finalizers());
    });
    c
}
