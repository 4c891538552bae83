//! Memory outside the guest heap that may hold guest pointers.

use std::sync::Mutex;

static GLOBALS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Registers `bytes` of package variables at `base` for scanning.
pub fn add_globals(base: usize, bytes: usize) {
    GLOBALS.lock().expect("globals").push((base, bytes));
}

/// Calls `f` with (address, words) of every registered range.
pub fn for_each_global(f: &mut dyn FnMut(*const u64, usize)) {
    for (base, bytes) in GLOBALS.lock().expect("globals").iter() {
        f(*base as *const u64, bytes / 8);
    }
}
