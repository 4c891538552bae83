//! Tests of maps, equality and hashing.

use super::*;
use crate::heap::alloc::Heap;
use crate::heap::rtti::{ChanDir, Field, Parts};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

fn leak(kind: Kind, name: &str, shape: Shape, plain: bool, direct: bool) -> &'static Rtti {
    static ID: AtomicU64 = AtomicU64::new(1);
    let id = ID.fetch_add(1, Release) as u32;
    let comparable = !matches!(kind, Kind::Slice | Kind::Map | Kind::Func);
    Box::leak(Box::new(Rtti {
        id,
        kind,
        name: name.into(),
        type_name: String::new(),
        pkg_path: String::new(),
        shape,
        len: 0,
        dir: ChanDir::Both,
        comparable,
        direct,
        plain_bytes: plain,
        parts: Parts::default_cell(),
    }))
}

impl Parts {
    fn default_cell() -> OnceLock<Parts> {
        let c = OnceLock::new();
        assert!(c.set(Parts::default()).is_ok());
        c
    }
}

fn scalar(kind: Kind, size: usize) -> &'static Rtti {
    let float = matches!(kind, Kind::Float32 | Kind::Float64);
    leak(
        kind,
        &format!("{kind:?}"),
        Shape::noscan(size, size),
        !float,
        true,
    )
}

fn header(kind: Kind, name: &str) -> &'static Rtti {
    leak(
        kind,
        name,
        Shape {
            size: 16,
            align: 16,
            ptrs: vec![0b11],
        },
        false,
        false,
    )
}

fn structure(fields: &[(&str, usize, &'static Rtti)], size: usize) -> &'static Rtti {
    let mut shape = Shape {
        size,
        align: 1,
        ptrs: vec![0],
    };
    let mut plain = true;
    for (_, o, t) in fields {
        shape.align = shape.align.max(t.shape.align);
        shape.ptrs[0] |= t.shape.ptrs.first().copied().unwrap_or(0) << (o / 8);
        plain &= t.plain_bytes;
    }
    let fields = fields.iter().map(|&(name, offset, ty)| Field {
        name: name.into(),
        offset,
        ty,
        tag: String::new(),
        embedded: false,
        pkg: String::new(),
    });
    let parts = OnceLock::new();
    assert!(
        parts
            .set(Parts {
                fields: fields.collect(),
                ..Parts::default()
            })
            .is_ok()
    );
    let base = leak(Kind::Struct, "S", shape.clone(), plain, false);
    Box::leak(Box::new(Rtti {
        id: base.id,
        kind: Kind::Struct,
        name: "S".into(),
        type_name: String::new(),
        pkg_path: String::new(),
        shape,
        len: 0,
        dir: ChanDir::Both,
        comparable: true,
        direct: false,
        plain_bytes: plain,
        parts,
    }))
}

fn int() -> &'static Rtti {
    scalar(Kind::Int, 8)
}

/// A key or interface in memory, aligned like a heap object.
#[repr(align(16))]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Val([u64; 4]);

impl Val {
    fn p(&self) -> *const u8 {
        (&raw const self.0).cast()
    }
}

struct World {
    cache: AllocCache,
    mt: &'static MapType,
    m: *mut u8,
}

impl World {
    fn new(key: &'static Rtti, elem: &'static Rtti) -> World {
        let mut cache = AllocCache::of(Heap::leak(1 << 30));
        let mt = MapType::new(key, elem);
        let m = new(&mut cache, mt, 0);
        World { cache, mt, m }
    }
    fn put(&mut self, k: &Val, v: u64) -> Result<(), MapFault> {
        // SAFETY: a map of this type; the element is one word.
        unsafe { assign(&mut self.cache, self.m, self.mt, k.p()).map(|p| store_u64(p, v)) }
    }
    fn get(&self, k: &Val) -> Option<u64> {
        // SAFETY: as in `put`.
        unsafe { get(self.m, self.mt, k.p()).unwrap().map(|p| load_u64(p)) }
    }
    fn del(&mut self, k: &Val) {
        // SAFETY: as in `put`.
        unsafe { delete(self.m, self.mt, k.p()).unwrap() }
    }
    fn clear(&mut self) {
        // SAFETY: as in `put`.
        unsafe { clear(self.m, self.mt).unwrap() }
    }
    fn len(&self) -> usize {
        // SAFETY: as in `put`.
        unsafe { len(self.m) }
    }
    fn iter(&self) -> [u64; ITER_WORDS] {
        let mut it = [0u64; ITER_WORDS];
        // SAFETY: room for an iterator.
        unsafe { iter_init(it.as_mut_ptr().cast(), self.m).unwrap() };
        it
    }
    /// First word of the next key, and the element.
    fn next(&self, it: &mut [u64; ITER_WORDS]) -> Option<(u64, u64)> {
        // SAFETY: an iterator of this map; keys have at least one word.
        unsafe {
            let n = iter_next(it.as_mut_ptr().cast(), self.mt).unwrap();
            n.map(|(k, e)| (load_u64(k), load_u64(e)))
        }
    }
    fn elems(&self) -> Vec<u64> {
        let mut it = self.iter();
        std::iter::from_fn(|| self.next(&mut it))
            .map(|e| e.1)
            .collect()
    }
}

fn word(x: u64) -> Val {
    Val([x, 0, 0, 0])
}

/// Random operations against a model; `key` makes the n-th key.
fn against_model(key_type: &'static Rtti, kind: KeyKind, space: u64, key: impl Fn(u64) -> Val) {
    let mut w = World::new(key_type, int());
    assert_eq!(w.mt.kind, kind);
    let mut model = BTreeMap::new();
    for round in 0..60_000u64 {
        let n = random() % space;
        let k = key(n);
        match random() % 100 {
            0..50 => {
                w.put(&k, n << 20 | round).unwrap();
                model.insert(n, n << 20 | round);
            }
            50..80 => {
                w.del(&k);
                model.remove(&n);
            }
            80..99 => assert_eq!(w.get(&k), model.get(&n).copied()),
            _ if round % 50 == 0 => {
                w.clear();
                model.clear();
            }
            _ if round % 10 == 0 => {
                let got: BTreeSet<u64> = w.elems().into_iter().collect();
                assert_eq!(got, model.values().copied().collect());
            }
            _ => {}
        }
        assert_eq!(w.len(), model.len());
    }
}

#[test]
fn maps_agree_with_a_model() {
    for space in [5, 9, 300, 20_000] {
        against_model(int(), KeyKind::Word, space, word);
        against_model(scalar(Kind::Int32, 4), KeyKind::Half, space, word);
        let pair = structure(&[("x", 0, int()), ("y", 8, int())], 16);
        against_model(pair, KeyKind::Plain, space, |n| Val([n / 7, n % 7, 0, 0]));
        let f = scalar(Kind::Float64, 8);
        against_model(f, KeyKind::Generic, space, |n| {
            word((n as f64 / 3.0).to_bits())
        });
    }
    against_model(scalar(Kind::Uint8, 1), KeyKind::Plain, 256, word);
}

/// A string value whose bytes are never freed.
fn string(s: String) -> Val {
    let s = s.leak();
    Val([s.as_ptr() as u64, s.len() as u64, 0, 0])
}

#[test]
fn string_and_interface_keys() {
    let st = header(Kind::String, "string");
    let names: Vec<Val> = (0..500)
        .map(|i| string("ab".repeat(i / 9) + &i.to_string()))
        .collect();
    against_model(st, KeyKind::Str, 500, |n| names[n as usize]);
    // Interfaces: ints (direct), strings (behind a pointer), and nil.
    let any = header(Kind::Interface, "interface {}");
    let i = int();
    let of = |t: &'static Rtti, data: u64| Val([&raw const *t as u64, data, 0, 0]);
    let names: &'static [Val] = names.leak();
    against_model(any, KeyKind::Generic, 1000, |n| match n {
        0 => word(0),
        1..500 => of(i, n),
        _ => of(st, names[n as usize - 500].p() as u64),
    });
    let mut w = World::new(any, int());
    let slice = header(Kind::Slice, "[]int");
    for r in [w.put(&of(slice, 0), 1), w.put(&of(slice, 0), 1)] {
        assert!(matches!(r, Err(MapFault::Unhashable(t)) if t.name == "[]int"));
    }
    // SAFETY: complete types and values; a nil map.
    unsafe {
        let k = of(slice, 0);
        assert!(get(std::ptr::null(), w.mt, k.p()).is_err());
        assert_eq!(hash::equal(any, k.p(), k.p()).unwrap_err().0.name, "[]int");
        assert!(!hash::equal(any, k.p(), of(i, 0).p()).unwrap());
        let r = assign(&mut w.cache, std::ptr::null_mut(), w.mt, k.p());
        assert!(matches!(r, Err(MapFault::NilMap)));
    }
}

#[test]
fn equality_of_structs_and_deep_nesting() {
    let any = header(Kind::Interface, "any");
    let f = scalar(Kind::Float64, 8);
    let node = structure(&[("next", 0, any), ("_", 16, f), ("f", 24, f)], 32);
    let make = |n: usize, last: f64| {
        let mut p = 0u64;
        for i in 0..n {
            let t = if p == 0 { 0 } else { &raw const *node as u64 };
            let v = if i == 0 { last } else { 0.0 };
            let x = Val([t, p, f64::NAN.to_bits() + i as u64, v.to_bits()]);
            p = std::ptr::from_mut(Box::leak(Box::new(x))) as u64;
        }
        p as *const u8
    };
    for n in [1, 3, 60, 300_000] {
        let (a, b, c) = (make(n, 0.0), make(n, -0.0), make(n, 1.0));
        // SAFETY: complete types and values.
        unsafe {
            assert!(hash::equal(node, a, b).unwrap());
            assert!(!hash::equal(node, a, c).unwrap());
            assert_eq!(
                hash::hash(node, a, 7).unwrap(),
                hash::hash(node, b, 7).unwrap()
            );
            assert_ne!(
                hash::hash(node, a, 7).unwrap(),
                hash::hash(node, c, 7).unwrap()
            );
            assert!(!hash::equal(node, make(n, f64::NAN), make(n, f64::NAN)).unwrap());
        }
    }
}

#[test]
fn nan_keys() {
    let mut w = World::new(scalar(Kind::Float64, 8), int());
    let nan = word(f64::NAN.to_bits());
    for i in 0..1000 {
        w.put(&nan, i).unwrap();
    }
    w.put(&word(0.0f64.to_bits()), 5000).unwrap();
    w.put(&word((-0.0f64).to_bits()), 6000).unwrap();
    assert_eq!((w.len(), w.get(&nan)), (1001, None));
    assert_eq!(w.get(&word(0.0f64.to_bits())), Some(6000));
    w.del(&nan);
    let got: BTreeSet<u64> = w.elems().into_iter().collect();
    assert_eq!(got, (0..1000).chain([6000]).collect());
    // NaNs survive growth during iteration, but not clearing.
    let mut it = w.iter();
    let mut n = 0;
    while let Some((k, _)) = w.next(&mut it) {
        n += usize::from(f64::from_bits(k).is_nan());
        if n == 500 {
            (0..2000).for_each(|i| w.put(&word((i as f64 + 1.0).to_bits()), i).unwrap());
        }
    }
    assert_eq!(n, 1000);
    let mut it = w.iter();
    assert!(w.next(&mut it).is_some());
    (0..9000).for_each(|i| w.put(&word((i as f64 + 0.5).to_bits()), i).unwrap());
    w.clear();
    assert_eq!((w.next(&mut it), w.len()), (None, 0));
}

#[test]
fn iteration_under_mutation() {
    for round in 0..400u64 {
        let n = [3, 8, 50, 700][round as usize % 4];
        let mut w = World::new(int(), int());
        (0..n).for_each(|i| w.put(&word(i), i).unwrap());
        let mut alive: BTreeSet<u64> = (0..n).collect();
        let always: BTreeSet<u64> = (0..n).filter(|i| i % 3 == 0).collect();
        let mut seen = BTreeSet::new();
        let mut fresh = n;
        let mut it = w.iter();
        while let Some((k, v)) = w.next(&mut it) {
            assert!(seen.insert(k), "{k} came twice");
            assert!(alive.contains(&k), "{k} was deleted");
            assert_eq!(v % n, k % n);
            // Delete some, change some, add some (which makes it grow).
            for _ in 0..random() % 3 {
                let d = random() % n;
                if !d.is_multiple_of(3) {
                    w.del(&word(d));
                    alive.remove(&d);
                } else {
                    w.put(&word(d), d + n * (random() % 100)).unwrap();
                }
            }
            if fresh < 5 * n {
                for _ in 0..random() % 4 {
                    w.put(&word(fresh), fresh).unwrap();
                    alive.insert(fresh);
                    fresh += 1;
                }
            }
        }
        assert!(seen.is_superset(&always), "an entry was missed");
        assert_eq!(w.next(&mut it), None);
        assert_eq!(w.len(), alive.len());
    }
}

#[test]
fn iteration_order_varies() {
    let mut w = World::new(int(), int());
    (0..8).for_each(|i| w.put(&word(i), i).unwrap());
    let orders: BTreeSet<Vec<u64>> = (0..200).map(|_| w.elems()).collect();
    assert!(orders.len() > 4);
    let w = World::new(int(), int());
    assert_eq!(w.elems(), []);
    let mut it = [0u64; ITER_WORDS];
    // SAFETY: room for an iterator; nil map.
    unsafe {
        iter_init(it.as_mut_ptr().cast(), std::ptr::null_mut()).unwrap();
        assert!(iter_next(it.as_mut_ptr().cast(), w.mt).unwrap().is_none());
    }
}

#[test]
fn the_collector_sees_keys_and_elements() {
    let st = header(Kind::String, "string");
    let ptr = leak(
        Kind::Pointer,
        "*int",
        Shape {
            size: 8,
            align: 8,
            ptrs: vec![1],
        },
        true,
        true,
    );
    let mut w = World::new(st, ptr);
    let n = 20_000u64;
    for i in 0..n {
        let text = i.to_string();
        let s = w.cache.alloc_noscan(text.len());
        let e = w.cache.alloc_noscan(8);
        // SAFETY: fresh objects of those sizes.
        unsafe {
            mem::copy(s, text.as_ptr(), text.len());
            store_u64(e, i);
        }
        w.put(&Val([s as u64, text.len() as u64, 0, 0]), e as u64)
            .unwrap();
        if i % 1000 == 0 {
            w.cache.flush();
            // SAFETY: only user of the heap, cache flushed.
            unsafe { w.cache.heap().collect(&mut |r| r.mark_word(w.m as u64)) };
        }
    }
    for i in 0..n {
        // SAFETY: elements are pointers to one word.
        unsafe {
            assert_eq!(
                load_u64(w.get(&string(i.to_string())).unwrap() as *const u8),
                i
            )
        };
    }
    w.cache.flush();
    // SAFETY: as above.
    unsafe { w.cache.heap().collect(&mut |r| r.mark_word(w.m as u64)) };
    assert_eq!(w.cache.heap().stats().live_objects, 2 + 2 * n);
}

#[test]
fn racing_threads_never_crash() {
    let st = header(Kind::String, "string");
    let names: Vec<Val> = (0..400)
        .map(|i| string("n".repeat(i % 40) + &i.to_string()))
        .collect();
    let heap = Heap::leak(1 << 32);
    let mut c = AllocCache::of(heap);
    let maps =
        [MapType::new(st, st), MapType::new(int(), int())].map(|mt| (mt, new(&mut c, mt, 0)));
    let maps = maps.map(|(mt, m)| (mt, m as usize));
    let names = &names;
    // On a busy machine the threads may run one after the other for a while: another
    // round is run as long as no thread has met another one.
    let met = &AtomicBool::new(false);
    std::thread::scope(|s| {
        let run = move |t: u64| {
            let mut c = AllocCache::of(heap);
            let rounds = (0..200).take_while(|&n| n == 0 || !met.load(Relaxed));
            for i in rounds.flat_map(|_| 0..150_000u64) {
                let (mt, m) = maps[(i / 512 % 2) as usize];
                let m = m as *mut u8;
                let n = random() % 400;
                let k = if mt.kind == KeyKind::Str {
                    names[n as usize]
                } else {
                    word(n)
                };
                // SAFETY: maps of these types; only the race is on purpose.
                let r = unsafe {
                    match (random() + t) % 16 {
                        0..8 => assign(&mut c, m, mt, k.p()).map(|p| match mt.kind {
                            KeyKind::Str => mem::store128(p, k.0[0], k.0[1]),
                            _ => store_u64(p, n),
                        }),
                        8..12 => delete(m, mt, k.p()),
                        12..15 => get(m, mt, k.p()).map(|p| {
                            if let Some(p) = p.filter(|_| mt.kind == KeyKind::Str) {
                                let (q, n) = mem::load128(p);
                                hash_bytes(q as *const u8, n as usize, 0);
                            }
                        }),
                        _ if i % 64 == 0 => clear(m, mt),
                        _ => walk(m, mt),
                    }
                };
                if r.is_err() {
                    met.store(true, Relaxed);
                }
            }
        };
        for t in 0..4 {
            s.spawn(move || run(t));
        }
    });
    assert!(met.load(Relaxed), "nothing raced");
}

unsafe fn walk(m: *mut u8, mt: &MapType) -> Result<(), MapFault> {
    let mut it = [0u64; ITER_WORDS];
    // SAFETY: as the caller promises.
    unsafe {
        iter_init(it.as_mut_ptr().cast(), m)?;
        while iter_next(it.as_mut_ptr().cast(), mt)?.is_some() {}
    }
    Ok(())
}

/// A hasher for the comparison in `measure_maps`.
#[derive(Clone, Copy)]
struct Fold(u64);

impl Default for Fold {
    fn default() -> Fold {
        Fold(0x4d59_5df4_d0f3_3173)
    }
}

impl std::hash::Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, b: &[u8]) {
        // SAFETY: a slice is readable.
        self.0 = unsafe { hash_bytes(b.as_ptr(), b.len(), self.0) };
    }
    fn write_u8(&mut self, _: u8) {}
    fn write_u64(&mut self, v: u64) {
        self.0 = hash64(v, self.0);
    }
}

/// Prints the cost of maps beside the standard library's (hashbrown) with the same hash.
/// Run with `cargo test --release --lib heap::map -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_maps() {
    type Std<K> = HashMap<K, u64, std::hash::BuildHasherDefault<Fold>>;
    let time = |what: &str, n: u64, f: &mut dyn FnMut()| {
        let begun = std::time::Instant::now();
        f();
        println!(
            "{what}: {:.1} ns",
            begun.elapsed().as_nanos() as f64 / n as f64
        );
    };
    for n in [1000u64, 1_000_000] {
        let rounds = 4_000_000 / n;
        println!("{n} entries");
        let mut w = World::new(int(), int());
        let spread = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        for (what, key) in [
            ("sequential", (|i| i) as fn(u64) -> u64),
            ("spread", spread),
        ] {
            time(&format!("gosub {what} insert"), n * rounds, &mut || {
                for _ in 0..rounds {
                    w.m = new(&mut w.cache, w.mt, 0);
                    if w.cache.heap().gc_wanted() {
                        w.cache.flush();
                        // SAFETY: only user of the heap, cache flushed.
                        unsafe { w.cache.heap().collect(&mut |r| r.mark_word(w.m as u64)) };
                    }
                    for i in 0..n {
                        // SAFETY: a map of this type.
                        unsafe {
                            let p = assign64(&mut w.cache, w.m, w.mt, key(i)).unwrap();
                            store_u64(p, i);
                        }
                    }
                }
            });
            time(&format!("gosub {what} lookup"), n * rounds, &mut || {
                let mut sum = 0;
                for _ in 0..rounds {
                    for i in 0..n {
                        // SAFETY: a map of this type.
                        sum += unsafe { load_u64(get64(w.m, w.mt, key(i)).unwrap().unwrap()) };
                    }
                }
                assert_eq!(sum, (0..n).sum::<u64>() * rounds);
            });
            let mut h = Std::default();
            time(&format!("std   {what} insert"), n * rounds, &mut || {
                for _ in 0..rounds {
                    h = Std::default();
                    (0..n).for_each(|i| assert_eq!(h.insert(key(i), i), None));
                }
            });
            time(&format!("std   {what} lookup"), n * rounds, &mut || {
                let mut sum = 0;
                for _ in 0..rounds {
                    sum += (0..n).map(|i| h[&key(i)]).sum::<u64>();
                }
                assert_eq!(sum, (0..n).sum::<u64>() * rounds);
            });
        }
        let names: Vec<String> = (0..n).map(|i| format!("name-{i}")).collect();
        let mut w = World::new(header(Kind::String, "string"), int());
        let mut h: HashMap<&str, u64, std::hash::BuildHasherDefault<Fold>> = HashMap::default();
        time("gosub string insert", n, &mut || {
            for (s, i) in names.iter().zip(0..) {
                // SAFETY: a map of this type.
                unsafe {
                    let p = assignstr(&mut w.cache, w.m, w.mt, s.as_ptr(), s.len()).unwrap();
                    store_u64(p, i);
                }
            }
        });
        time("gosub string lookup", n, &mut || {
            for (s, i) in names.iter().zip(0..) {
                // SAFETY: a map of this type.
                unsafe {
                    let p = getstr(w.m, w.mt, s.as_ptr(), s.len()).unwrap().unwrap();
                    assert_eq!(load_u64(p), i);
                }
            }
        });
        time("std   string insert", n, &mut || {
            names
                .iter()
                .zip(0..)
                .for_each(|(s, i)| assert_eq!(h.insert(s, i), None));
        });
        time("std   string lookup", n, &mut || {
            names
                .iter()
                .zip(0..)
                .for_each(|(s, i)| assert_eq!(h[s.as_str()], i));
        });
    }
}
