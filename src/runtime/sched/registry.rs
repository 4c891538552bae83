//! All Gs of a runtime: chunks that are never freed while it lives, and the global list
//! of dead headers. `Rank::Registry` guards both.

use super::task::{G, GRef, State};
use crate::runtime::lock_rank::Rank;
use crate::runtime::prim::Locked;
use crate::runtime::tuning;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::null;

/// The registry; see the module text.
#[derive(Default)]
pub struct Registry {
    inner: Locked<Inner>,
}

struct Inner {
    chunks: Vec<*mut G>,
    /// Gs handed out of the last chunk.
    used: usize,
    free: *const G,
}

impl Default for Inner {
    fn default() -> Inner {
        Inner {
            chunks: Vec::new(),
            used: tuning::G_CHUNK,
            free: null(),
        }
    }
}

// SAFETY: the raw pointers are chunk memory owned by the registry.
unsafe impl Send for Inner {}

fn chunk_layout() -> Layout {
    Layout::array::<G>(tuning::G_CHUNK).expect("the chunk size is small")
}

impl Registry {
    /// Takes up to `n` unused headers as a list through `link` (dead or all-zero ones).
    pub(crate) fn take(&self, n: usize) -> *const G {
        self.inner.with(Rank::Registry, |r| {
            let mut list: *const G = null();
            for _ in 0..n {
                let g = if let Some(g) = (!r.free.is_null()).then_some(r.free) {
                    // SAFETY: the free list holds registry Gs.
                    r.free = unsafe { GRef::from_ptr(g) }.link.get();
                    g
                } else {
                    if r.used == tuning::G_CHUNK {
                        // SAFETY: the layout is not zero-sized; all-zero bytes are a valid G.
                        let chunk = unsafe { alloc_zeroed(chunk_layout()) }.cast::<G>();
                        if chunk.is_null() {
                            handle_alloc_error(chunk_layout());
                        }
                        r.chunks.push(chunk);
                        r.used = 0;
                    }
                    r.used += 1;
                    let last = *r.chunks.last().expect("a chunk was just pushed");
                    // SAFETY: `used - 1` is inside the chunk.
                    unsafe { last.add(r.used - 1).cast_const() }
                };
                // SAFETY: a registry G that nobody else uses.
                unsafe { GRef::from_ptr(g) }.link.set(list);
                list = g;
            }
            list
        })
    }

    /// Gives a list of dead headers back.
    pub(crate) fn give(&self, mut list: *const G) {
        self.inner.with(Rank::Registry, |r| {
            while !list.is_null() {
                // SAFETY: the list holds registry Gs.
                let g = unsafe { GRef::from_ptr(list) };
                list = g.link.get();
                g.link.set(r.free);
                r.free = g.as_ptr();
            }
        });
    }

    /// Calls `f` for each G that is neither unused nor dead.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&G)) {
        let (chunks, used) = self
            .inner
            .with(Rank::Registry, |r| (r.chunks.clone(), r.used));
        let last = chunks.len();
        for (i, &chunk) in chunks.iter().enumerate() {
            let n = if i + 1 == last { used } else { tuning::G_CHUNK };
            for k in 0..n {
                // SAFETY: the first `n` headers of a chunk are handed-out Gs.
                let g = unsafe { &*chunk.add(k) };
                if !matches!(g.state(), State::Idle | State::Dead) {
                    f(g);
                }
            }
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.inner.with(Rank::Registry, |r| {
            for &c in &r.chunks {
                // SAFETY: allocated above with this layout; the runtime is gone, so no
                // reference to a G is left.
                unsafe { dealloc(c.cast(), chunk_layout()) };
            }
        });
    }
}
