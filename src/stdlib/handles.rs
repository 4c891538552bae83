//! Host objects that guest code holds by number: compression streams, TLS connections.
//! A number is never used again, so a stale one finds nothing.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::heap::mem;
use crate::vm::natives::Slice;

/// The last number given out, and the objects by number.
type Objects<T> = (u64, HashMap<u64, Arc<Mutex<T>>>);

/// The objects of one kind that are in use.
pub struct Handles<T> {
    inner: Mutex<Objects<T>>,
}

impl<T> Default for Handles<T> {
    fn default() -> Handles<T> {
        Handles {
            inner: Mutex::new((0, HashMap::new())),
        }
    }
}

/// Locks; a panic of an earlier holder does not matter.
pub fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Handles<T> {
    /// Takes an object in; its number, never 0.
    pub fn add(&self, object: T) -> u64 {
        let mut all = lock(&self.inner);
        all.0 += 1;
        let id = all.0;
        all.1.insert(id, Arc::new(Mutex::new(object)));
        id
    }
    pub fn get(&self, id: u64) -> Option<Arc<Mutex<T>>> {
        lock(&self.inner).1.get(&id).cloned()
    }
    pub fn remove(&self, id: u64) {
        lock(&self.inner).1.remove(&id);
    }
}

/// Copies into a guest slice what fits; `data` is no longer than the slice.
pub fn fill(out: Slice, data: &[u8]) {
    crate::race::writes(out.ptr, data.len());
    // SAFETY: out is a guest byte slice of at least that length.
    unsafe { mem::copy(out.ptr as *mut u8, data.as_ptr(), data.len().min(out.len)) };
}
