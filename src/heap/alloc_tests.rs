//! Tests of allocation and collection, each on a heap of its own.

use super::*;
use crate::heap::Stats;
use crate::heap::mem::{load_u64, store_u64};

const PAIR: fn() -> Shape = || Shape {
    size: 16,
    align: 8,
    ptrs: vec![0b01],
};

fn small_heap() -> &'static Heap {
    Heap::leak(1 << 30)
}

fn put(p: *mut u8, word: usize, v: u64) {
    // SAFETY: tests pass words inside live objects.
    unsafe { store_u64(p.add(word * 8), v) }
}

fn word(p: *mut u8, word: usize) -> u64 {
    // SAFETY: tests pass words inside live objects.
    unsafe { load_u64(p.add(word * 8)) }
}

/// Collects with the given words as roots.
fn collect(cache: &mut AllocCache, roots: &[u64]) -> Stats {
    cache.flush();
    let h = cache.heap();
    // SAFETY: the test is the heap's only user and its only cache is flushed.
    unsafe { h.collect(&mut |m| roots.iter().for_each(|&w| m.mark_word(w))) };
    h.stats()
}

#[test]
fn cells_are_distinct_zeroed_and_aligned() {
    let h = small_heap();
    let mut c = AllocCache::of(h);
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..200 {
        for size in [
            1, 8, 16, 17, 24, 100, 500, 513, 1000, 3000, 9000, 32768, 40000, 70000,
        ] {
            let p = c.alloc_noscan(size + round);
            assert_eq!(p as usize % 16, 0);
            for i in 0..size + round {
                // SAFETY: inside the fresh object.
                unsafe {
                    assert_eq!(*p.add(i), 0);
                    *p.add(i) = 0xee;
                }
            }
            assert_eq!(seen.insert(p as usize, size + round), None);
        }
    }
    let mut end = 0;
    for (p, n) in seen {
        assert!(p >= end, "objects overlap");
        end = p + n;
    }
    assert_eq!(c.alloc_noscan(0), zero_base());
    assert_eq!(c.alloc_array(&PAIR(), 0), zero_base());
    assert!(c.alloc_array(&PAIR(), usize::MAX / 8).is_null());
}

#[test]
fn recycled_cells_are_zeroed() {
    let mut c = AllocCache::of(small_heap());
    for size in [16, 48, 4096, 100_000] {
        for _ in 0..100 {
            let p = c.alloc_noscan(size);
            // SAFETY: inside the fresh object.
            unsafe { p.write_bytes(0xff, size) };
        }
        collect(&mut c, &[]);
        for _ in 0..100 {
            let p = c.alloc_noscan(size);
            assert!((0..size / 8).all(|i| word(p, i) == 0));
        }
    }
}

#[test]
fn interior_pointers_keep_and_others_do_not() {
    let mut c = AllocCache::of(small_heap());
    let f = FixedShape::of(&Shape {
        size: 48,
        align: 8,
        ptrs: vec![0b100000],
    })
    .unwrap();
    let a = c.alloc_small(&f);
    let b = c.alloc_small(&f);
    let leaf = c.alloc_noscan(24);
    put(a, 5, b as u64 + 47);
    put(b, 5, leaf as u64 + 8);
    put(b, 0, c.alloc_noscan(16) as u64); // not a pointer word
    let s = collect(&mut c, &[a as u64 + 13]);
    assert_eq!(s.live_objects, 3);
    assert_eq!(
        c.heap().find_object(a as usize + 47),
        Some((a as usize, 48))
    );
    assert_eq!(word(a, 5), b as u64 + 47);
    // Words that point to nothing.
    let h = c.heap();
    let free = [h.base() as u64, h.base() as u64 + (40 << 16), 8, u64::MAX];
    assert_eq!(collect(&mut c, &free).live_objects, 0);
    assert_eq!(c.heap().find_object(a as usize), None);
}

#[test]
fn noscan_objects_do_not_keep() {
    let mut c = AllocCache::of(small_heap());
    let p = c.alloc_noscan(64);
    put(p, 0, c.alloc_noscan(64) as u64);
    let big = c.alloc_noscan(100_000);
    put(big, 0, c.alloc_noscan(64) as u64);
    assert_eq!(collect(&mut c, &[p as u64, big as u64]).live_objects, 2);
}

#[test]
fn large_objects_are_scanned_and_returned() {
    let mut c = AllocCache::of(small_heap());
    // Three words per element, so elements straddle blocks; word 1 is the pointer.
    let shape = Shape {
        size: 24,
        align: 8,
        ptrs: vec![0b010],
    };
    let n = 50_000;
    let p = c.alloc_prefixed(32, &shape, n);
    for i in 0..n {
        put(p, 4 + i * 3, c.alloc_noscan(16) as u64); // not scanned
        put(p, 4 + i * 3 + 1, c.alloc_noscan(16) as u64);
    }
    put(p, 1, c.alloc_noscan(16) as u64); // in the prefix
    let s = collect(&mut c, &[p as u64 + 1_000_000]);
    assert_eq!(s.live_objects, 1 + n as u64);
    let used = s.heap_inuse;
    let s = collect(&mut c, &[p as u64 + (32 + n * 24) as u64]); // behind its end
    assert_eq!(s.live_objects, 0);
    assert!(s.heap_inuse < used / 10);
    assert_eq!(s.heap_inuse, 0);
}

#[test]
fn big_cells_use_whole_shapes() {
    let mut c = AllocCache::of(small_heap());
    // 100 words, pointers in words 70 and 99, five elements per object.
    let shape = Shape {
        size: 800,
        align: 8,
        ptrs: vec![0, 1 << 6 | 1 << 35],
    };
    assert_eq!(FixedShape::of(&shape), None);
    let p = c.alloc_array(&shape, 5);
    for e in 0..5 {
        for w in [0, 63, 64, 70, 71, 98, 99] {
            put(p, e * 100 + w, c.alloc_noscan(16) as u64);
        }
    }
    assert_eq!(collect(&mut c, &[p as u64]).live_objects, 1 + 10);
}

#[test]
fn long_list_and_cycles() {
    let mut c = AllocCache::of(small_heap());
    let f = FixedShape::of(&PAIR()).unwrap();
    let n = 10_000_000u64;
    let mut head = 0;
    for i in 0..n {
        let p = c.alloc_small(&f);
        put(p, 0, head);
        put(p, 1, i);
        head = p as u64;
    }
    assert_eq!(collect(&mut c, &[head]).live_objects, n);
    // Twice, to see that marks were cleared; then as a ring.
    assert_eq!(collect(&mut c, &[head]).live_objects, n);
    let mut p = head;
    let mut i = n;
    loop {
        i -= 1;
        assert_eq!(word(p as *mut u8, 1), i);
        let next = word(p as *mut u8, 0);
        if next == 0 {
            break;
        }
        p = next;
    }
    put(p as *mut u8, 0, head);
    assert_eq!(collect(&mut c, &[p]).live_objects, n);
    let s = collect(&mut c, &[]);
    assert_eq!((s.live_objects, s.live, s.heap_inuse), (0, 0, 0));
    assert_eq!(s.frees, s.mallocs);
}

/// A complete binary tree; the children are held by the result alone.
fn tree(c: &mut AllocCache, f: &FixedShape, depth: u32) -> u64 {
    let p = c.alloc_small(f);
    if depth > 0 {
        let l = tree(c, f, depth - 1);
        let r = tree(c, f, depth - 1);
        put(p, 0, l);
        put(p, 1, r);
    }
    p as u64
}

fn count(p: u64) -> u64 {
    if p == 0 {
        return 0;
    }
    1 + count(word(p as *mut u8, 0)) + count(word(p as *mut u8, 1))
}

#[test]
fn parallel_marking_finds_whole_trees() {
    let mut c = AllocCache::of(small_heap());
    let f = FixedShape::of(&Shape {
        size: 32,
        align: 8,
        ptrs: vec![0b11],
    })
    .unwrap();
    let t = tree(&mut c, &f, 19);
    let n = (1 << 20) - 1;
    for _ in 0..5 {
        tree(&mut c, &f, 16); // garbage in between
        assert_eq!(collect(&mut c, &[t]).live_objects, n);
    }
    assert_eq!(count(t), n);
}

#[test]
fn draining_in_the_middle_of_the_roots() {
    let mut c = AllocCache::of(small_heap());
    let f = FixedShape::of(&PAIR()).unwrap();
    let (a, b, d) = (c.alloc_small(&f), c.alloc_small(&f), c.alloc_small(&f));
    put(a, 0, b as u64);
    c.flush();
    let h = c.heap();
    let roots = [a as u64, 77];
    // SAFETY: only user of the heap, cache flushed; the range is the test's own array.
    unsafe {
        h.collect(&mut |m| {
            m.mark_range(roots.as_ptr(), 2);
            m.drain();
            assert!(m.is_marked(b as usize + 8));
            assert!(!m.is_marked(d as usize));
        });
    }
    assert_eq!(h.stats().live_objects, 2);
}

#[test]
fn memory_stays_bounded_and_collections_are_asked_for() {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let h = small_heap();
    h.set_gc_request_hook(|| {
        ASKED.fetch_add(1, Relaxed);
    });
    let mut c = AllocCache::of(h);
    let f = FixedShape::of(&PAIR()).unwrap();
    let mut keep = [0u64; 64];
    let mut x = 1u64;
    for i in 0..20_000_000u64 {
        let p = match i % 64 {
            0 => c.alloc_noscan((i % 3000) as usize + 1),
            1 if i % 4096 == 1 => c.alloc_noscan(200_000),
            _ => c.alloc_small(&f),
        };
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1);
        keep[(x >> 58) as usize] = p as u64;
        if h.gc_wanted() {
            collect(&mut c, &keep);
            assert!(!h.gc_wanted());
        }
    }
    let s = h.stats();
    assert!(s.num_gc > 100);
    assert_eq!(ASKED.load(Relaxed), s.num_gc);
    assert!(s.heap_sys < 64 << 20, "{s:?}");
    assert!(s.total_alloc > 300 << 20);
}

#[test]
fn fragmented_blocks_are_reused() {
    let mut c = AllocCache::of(small_heap());
    let f = FixedShape::of(&PAIR()).unwrap();
    let mut roots = Vec::new();
    for i in 0..200_000 {
        let p = c.alloc_small(&f) as u64;
        if i % 2 == 0 {
            roots.push(p);
        }
    }
    let before = collect(&mut c, &roots).heap_inuse;
    let kept: std::collections::HashSet<u64> = roots.iter().copied().collect();
    for _ in 0..100_000 {
        assert!(!kept.contains(&(c.alloc_small(&f) as u64)));
    }
    assert!(c.heap().stats().heap_inuse <= before + 2 * BLOCK as u64);
}

#[test]
fn limits_give_null_and_recover() {
    let h = small_heap();
    h.set_max_bytes(8 << 20);
    let mut c = AllocCache::of(h);
    assert!(c.alloc_noscan(9 << 20).is_null());
    assert!(h.gc_wanted());
    let f = FixedShape::of(&PAIR()).unwrap();
    let mut n = 0;
    while !c.alloc_small(&f).is_null() {
        n += 1;
    }
    assert!(n > 7 << 16);
    collect(&mut c, &[]);
    assert!(!c.alloc_small(&f).is_null());
    assert!(!c.alloc_noscan(4 << 20).is_null());
    assert!(Heap::leak(1 << 28).set_gc_percent(50) == 100);
}

#[test]
fn threads_allocate_at_once() {
    let h = small_heap();
    let total: u64 = std::thread::scope(|s| {
        let handles: Vec<_> = (0..4)
            .map(|t| {
                s.spawn(move || {
                    let mut c = AllocCache::of(h);
                    let f = FixedShape::of(&PAIR()).unwrap();
                    let mut head = 0;
                    for i in 0..300_000u64 {
                        let p = c.alloc_small(&f);
                        assert_eq!((word(p, 0), word(p, 1)), (0, 0));
                        put(p, 0, head);
                        put(p, 1, i * 4 + t);
                        head = p as u64;
                        if i % 1000 == 0 {
                            c.alloc_noscan(50_000);
                            c.flush();
                        }
                    }
                    head
                })
            })
            .collect();
        let heads: Vec<u64> = handles.into_iter().map(|h| h.join().unwrap()).collect();
        let mut c = AllocCache::of(h);
        assert_eq!(collect(&mut c, &heads).live_objects, 1_200_000);
        heads
            .into_iter()
            .enumerate()
            .map(|(t, mut p)| {
                let mut n = 0;
                while p != 0 {
                    assert_eq!(word(p as *mut u8, 1) % 4, t as u64);
                    n += 1;
                    p = word(p as *mut u8, 0);
                }
                n
            })
            .sum()
    });
    assert_eq!(total, 1_200_000);
}

/// Not a test of truth: prints the cost of allocation. Run with
/// `cargo test --release --lib heap::alloc -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_allocation() {
    for (size, mask) in [
        (16usize, 0b01u64),
        (24, 0b11),
        (32, 0b11),
        (48, 0b1011),
        (16, 0),
    ] {
        let h = small_heap();
        let mut c = AllocCache::of(h);
        let ptrs = if mask == 0 { vec![] } else { vec![mask] };
        let f = FixedShape::of(&Shape {
            size,
            align: 8,
            ptrs,
        })
        .unwrap();
        let begun = std::time::Instant::now();
        let n = 50_000_000;
        for _ in 0..n {
            std::hint::black_box(c.alloc_small(&f));
            if h.gc_wanted() {
                collect(&mut c, &[]);
            }
        }
        let ns = begun.elapsed().as_nanos() as f64 / f64::from(n);
        println!("garbage {size:3} bytes, mask {mask:4b}: {ns:.2} ns/object");
    }
    let h = small_heap();
    let mut c = AllocCache::of(h);
    let f = FixedShape::of(&PAIR()).unwrap();
    let f = FixedShape { mask: 0b11, ..f };
    let begun = std::time::Instant::now();
    let keep = tree(&mut c, &f, 18);
    let mut n = 1u64 << 19;
    for _ in 0..400 {
        tree(&mut c, &f, 14);
        n += 1 << 15;
        if h.gc_wanted() {
            collect(&mut c, &[keep]);
        }
    }
    let ns = begun.elapsed().as_nanos() as f64 / n as f64;
    println!("trees: {ns:.2} ns/object, {:?}", h.stats());
}
