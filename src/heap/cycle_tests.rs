//! Tests of marking beside a program, each on a heap of its own.

use super::*;
use crate::heap::AllocCache;
use crate::heap::mem::{load_u64, store_u64};
use crate::heap::rtti::Shape;
use std::sync::atomic::AtomicPtr;

/// Two pointers and a number.
fn node() -> Shape {
    Shape {
        size: 24,
        align: 8,
        ptrs: vec![0b011],
    }
}

fn get(p: u64, word: u64) -> u64 {
    // SAFETY: tests pass words inside live objects.
    unsafe { load_u64((p + word * 8) as *const u8) }
}

/// Overwrites a pointer as the program does while marking goes on.
fn set(h: &'static Heap, p: u64, word: u64, v: u64) {
    h.shade(get(p, word));
    raw_set(p, word, v);
}

fn raw_set(p: u64, word: u64, v: u64) {
    // SAFETY: tests pass words inside live objects.
    unsafe { store_u64((p + word * 8) as *mut u8, v) }
}

fn tree(c: &mut AllocCache, depth: u64) -> u64 {
    let p = c.alloc(&node()) as u64;
    assert_ne!(p, 0);
    if depth > 0 {
        raw_set(p, 0, tree(c, depth - 1));
        raw_set(p, 1, tree(c, depth - 1));
    }
    raw_set(p, 2, depth);
    p
}

fn check_tree(p: u64, depth: u64) -> u64 {
    assert_eq!(get(p, 2), depth);
    if depth == 0 {
        return 1;
    }
    1 + check_tree(get(p, 0), depth - 1) + check_tree(get(p, 1), depth - 1)
}

fn start(h: &'static Heap, roots: &[u64]) {
    // SAFETY: the test is the heap's only user and its caches are flushed.
    unsafe { h.start_marking(&mut |m| roots.iter().for_each(|&w| m.mark_word(w))) };
}

/// Ends the cycle; how often the program had to go on in between.
fn finish(h: &'static Heap, roots: &[u64]) -> usize {
    let mut again = 0;
    loop {
        h.wait_marked();
        let mut mark = |m: &mut Marker| roots.iter().for_each(|&w| m.mark_word(w));
        // SAFETY: as above.
        if unsafe { h.finish_marking(false, &mut mark, &mut |_| ()) } {
            return again;
        }
        again += 1;
    }
}

#[test]
fn moved_pointers_are_not_lost() {
    let h = Heap::leak(1 << 30);
    h.set_check_marks(true);
    let mut c = AllocCache::of(h);
    // A spine whose nodes have trees on the left.
    let spine = c.alloc(&node()) as u64;
    let mut at = spine;
    for _ in 0..64 {
        let next = c.alloc(&node()) as u64;
        raw_set(at, 0, tree(&mut c, 6));
        raw_set(at, 1, next);
        at = next;
    }
    raw_set(at, 0, tree(&mut c, 6));
    for _ in 0..10 {
        c.flush();
        start(h, &[spine]);
        // Turns the spine's trees: what hung late hangs early, and new nodes come in.
        let mut at = spine;
        let mut held = get(spine, 0);
        while get(at, 1) != 0 {
            at = get(at, 1);
            let here = get(at, 0);
            set(h, at, 0, held);
            held = here;
            let fresh = tree(&mut c, 2);
            assert_eq!(check_tree(fresh, 2), 7);
        }
        set(h, spine, 0, held);
        c.flush();
        finish(h, &[spine]);
        let mut at = spine;
        let mut nodes = 0;
        while at != 0 {
            nodes += 1 + check_tree(get(at, 0), 6);
            at = get(at, 1);
        }
        assert_eq!(nodes, 65 * 128);
    }
    // The trees made while marking went on are gone by the second collection after.
    c.flush();
    start(h, &[spine]);
    finish(h, &[spine]);
    assert_eq!(h.stats().live_objects, 65 * 128);
    assert_eq!(h.stats().num_gc, 11);
}

#[test]
fn a_missing_barrier_is_found() {
    let h = Heap::leak(1 << 28);
    let mut c = AllocCache::of(h);
    let (a, b) = (c.alloc(&node()) as u64, c.alloc(&node()) as u64);
    raw_set(a, 0, tree(&mut c, 3));
    c.flush();
    let moved = get(a, 0);
    // The pointer goes to an object that counts as scanned, behind the marker's back.
    raw_set(a, 0, 0);
    start(h, &[a, b]);
    h.wait_marked();
    raw_set(b, 0, moved);
    let mut mark = |m: &mut Marker| [a, b].iter().for_each(|&w| m.mark_word(w));
    // Waits for the helpers, so that the marks are complete.
    let mut m = Marker::new(h, true);
    assert!(h.helpers.finish(&mut m, u64::MAX));
    // SAFETY: the test is the heap's only user and its cache is flushed.
    let missed = unsafe { h.check_marks(&mut mark) };
    assert!(missed.is_some());
}

#[test]
fn new_objects_survive_and_assist() {
    let h = Heap::leak(1 << 30);
    let mut c = AllocCache::of(h);
    let old = tree(&mut c, 14);
    c.flush();
    start(h, &[old]);
    let large = c.alloc_array(&node(), 100_000) as u64;
    let keep = tree(&mut c, 12);
    raw_set(large, 0, keep);
    // Beyond the goal the program marks, too.
    for _ in 0..2000 {
        assert!(!c.alloc_noscan(30_000).is_null());
    }
    c.flush();
    finish(h, &[old, large]);
    assert_eq!(check_tree(old, 14), (1 << 15) - 1);
    assert_eq!(check_tree(get(large, 0), 12), (1 << 13) - 1);
    c.flush();
    start(h, &[old, large]);
    finish(h, &[old, large]);
    assert_eq!(h.stats().live_objects, (1 << 15) - 1 + (1 << 13) - 1 + 1);
}

#[test]
fn programs_mutate_in_parallel() {
    let h = Heap::leak(1 << 30);
    h.set_check_marks(true);
    let mut c = AllocCache::of(h);
    const THREADS: usize = 4;
    let roots: Vec<u64> = (0..THREADS).map(|_| tree(&mut c, 10)).collect();
    c.flush();
    for _ in 0..5 {
        start(h, &roots);
        std::thread::scope(|s| {
            for &root in &roots {
                s.spawn(move || {
                    let mut c = AllocCache::of(h);
                    let shared = AtomicPtr::new(root as *mut u8);
                    for i in 0..500u64 {
                        let p = shared.load(Relaxed) as u64;
                        // Swaps subtrees at every level on one path and replaces a leaf's
                        // parent.
                        let mut at = p;
                        while get(at, 2) > 1 {
                            let (l, r) = (get(at, 0), get(at, 1));
                            set(h, at, 0, r);
                            set(h, at, 1, l);
                            at = get(at, i % 2);
                        }
                        set(h, at, i % 2, tree(&mut c, 0));
                    }
                });
            }
        });
        finish(h, &roots);
        for &r in &roots {
            assert_eq!(check_tree(r, 10), (1 << 11) - 1);
        }
    }
}
