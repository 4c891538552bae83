//! Channel and select tests with toy goroutines.

use super::select::{Dir, SelectCase, Selected, select};
use super::*;
use crate::runtime::sched::tests::{End, go, ok, program};
use crate::runtime::sched::worker::Stop;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

/// A channel in host memory (leaked: a test's goroutines may outlive it).
pub(crate) struct Chan<T>(*mut Hchan, std::marker::PhantomData<T>);

impl<T> Clone for Chan<T> {
    fn clone(&self) -> Self {
        Chan(self.0, std::marker::PhantomData)
    }
}
// SAFETY: the channel synchronises itself.
unsafe impl<T> Send for Chan<T> {}

impl<T> Chan<T> {
    pub(crate) fn new(cap: usize) -> Self {
        Self::with(cap, Conv::Bytes)
    }
    pub(crate) fn with(cap: usize, conv: Conv) -> Self {
        let size = std::mem::size_of::<T>();
        let c: *mut Hchan = Box::leak(Box::new([0u64; Hchan::SIZE / 8]))
            .as_mut_ptr()
            .cast();
        let buf = vec![0u128; (size * cap).div_ceil(16)]
            .leak()
            .as_mut_ptr()
            .cast();
        // SAFETY: fresh memory of the right size.
        unsafe { Hchan::init(c, buf, size, cap, conv) };
        Chan(c, std::marker::PhantomData)
    }
    pub(crate) fn nil() -> Self {
        Chan(null_mut(), std::marker::PhantomData)
    }
    pub(crate) fn ptr(&self) -> *mut Hchan {
        self.0
    }
    pub(crate) fn send(&self, w: &Worker, g: &G, v: &T) -> Op {
        // SAFETY: tests keep the value in boxed state while parked.
        unsafe { send::<false>(w, g, self.0, (v as *const T).cast()) }
    }
    pub(crate) fn recv(&self, w: &Worker, g: &G, v: &mut T) -> Op {
        // SAFETY: as above.
        unsafe { recv::<false>(w, g, self.0, (v as *mut T).cast(), null_mut()) }
    }
    fn recv_ok(&self, w: &Worker, g: &G, v: &mut T, ok: &mut u64) -> Op {
        // SAFETY: as above.
        unsafe { recv::<false>(w, g, self.0, (v as *mut T).cast(), ok) }
    }
    pub(crate) fn close(&self, w: &Worker) -> Op {
        // SAFETY: live or null.
        unsafe { close::<false>(w, self.0) }
    }
    fn case(&self, dir: Dir, v: *mut T) -> SelectCase {
        SelectCase {
            chan: self.0,
            elem: v.cast(),
            dir,
        }
    }
}

fn choose(w: &Worker, g: &G, cases: &[SelectCase], block: bool) -> Selected {
    // SAFETY: tests keep channels and values alive.
    unsafe { select::<false>(w, g, cases, block) }
}

/// Gs that send `n` numbers each, one G that checks per-sender order and the sum.
fn producers(procs: usize, cap: usize, senders: u64, n: u64) {
    let c = Chan::<u64>::new(cap);
    let mut started = false;
    let mut last = vec![0u64; senders as usize];
    let mut got = Box::new(0u64);
    let mut count = 0;
    let mut pending = false;
    ok(procs, move |w, g| {
        if !std::mem::replace(&mut started, true) {
            for s in 0..senders {
                let c = c.clone();
                let mut v = Box::new(s << 32);
                let mut i = 0;
                go(w, move |w, g| {
                    loop {
                        if i == n {
                            return Stop::Exited;
                        }
                        i += 1;
                        *v = s << 32 | i;
                        if c.send(w, g, &v) == Op::Parked {
                            return Stop::Parked;
                        }
                    }
                });
            }
        }
        loop {
            if std::mem::take(&mut pending) {
                let (s, i) = ((*got >> 32) as usize, *got & 0xffff_ffff);
                assert_eq!(i, last[s] + 1, "values of one sender come in order");
                last[s] = i;
                count += 1;
            }
            if count == senders * n {
                return Stop::MainDone(0);
            }
            pending = true;
            match c.recv(w, g, &mut got) {
                Op::DoneOk(true) => {}
                Op::Parked => return Stop::Parked,
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn values_keep_their_order() {
    for procs in [1, 2, 4] {
        for cap in [0, 1, 7, 100] {
            producers(procs, cap, 1, 5000);
            producers(procs, cap, 4, 2000);
        }
    }
}

#[test]
fn headers_arrive_whole_and_slots_are_zeroed() {
    let c = Chan::<[u64; 3]>::new(2);
    ok(1, move |w, g| {
        let mut v = [0; 3];
        assert_eq!(c.send(w, g, &[1, 2, 3]), Op::Done);
        // SAFETY: live channel.
        assert_eq!(unsafe { (len(c.ptr()), cap(c.ptr())) }, (1, 2));
        assert_eq!(c.recv(w, g, &mut v), Op::DoneOk(true));
        assert_eq!(v, [1, 2, 3]);
        // SAFETY: the ring has two slots of three words.
        let ring = unsafe { std::slice::from_raw_parts((*c.ptr()).buf.cast::<u64>(), 6) };
        assert_eq!(ring, [0; 6]);
        Stop::MainDone(0)
    });
}

#[test]
fn scalars_are_widened() {
    let c = Chan::<i16>::with(1, Conv::Signed);
    let u = Chan::<u8>::with(1, Conv::Unsigned);
    ok(1, move |w, g| {
        let mut slot = [u64::MAX; 1];
        c.send(w, g, &-3);
        // SAFETY: the destination is an 8-byte slot.
        unsafe { recv::<false>(w, g, c.ptr(), slot.as_mut_ptr().cast(), null_mut()) };
        assert_eq!(slot[0] as i64, -3);
        u.send(w, g, &200);
        // SAFETY: as above.
        unsafe { recv::<false>(w, g, u.ptr(), slot.as_mut_ptr().cast(), null_mut()) };
        assert_eq!(slot[0], 200);
        u.close(w);
        slot[0] = u64::MAX;
        // SAFETY: as above.
        let op = unsafe { try_recv(w, u.ptr(), slot.as_mut_ptr().cast()) };
        assert_eq!((op, slot[0]), (Op::DoneOk(false), 0));
        Stop::MainDone(0)
    });
}

#[test]
fn close_wakes_everybody() {
    for procs in [1, 2] {
        let c = Chan::<u64>::new(0);
        let n = Arc::new(AtomicUsize::new(0));
        let mut step = 0;
        ok(procs, move |w, g| {
            step += 1;
            if step == 1 {
                for _ in 0..10 {
                    let (c, n) = (c.clone(), n.clone());
                    let mut v = Box::new((77u64, 9u64));
                    let mut resumed = false;
                    go(w, move |w, g| {
                        if !std::mem::replace(&mut resumed, true) {
                            let v = &mut *v;
                            if c.recv_ok(w, g, &mut v.0, &mut v.1) == Op::Parked {
                                return Stop::Parked;
                            }
                        }
                        assert_eq!((*v, g.take_wake()), ((0, 0), Wake::Ok));
                        n.fetch_add(1, Ordering::Relaxed);
                        Stop::Exited
                    });
                }
                return Stop::Yield;
            }
            if step == 2 {
                assert_eq!(c.close(w), Op::Done);
                assert_eq!(c.close(w), Op::Fault(fault::CLOSE_CLOSED));
                assert_eq!(Chan::<u64>::nil().close(w), Op::Fault(fault::CLOSE_NIL));
                assert_eq!(c.send(w, g, &1), Op::Fault(fault::SEND_CLOSED));
            }
            if n.load(Ordering::Relaxed) == 10 {
                Stop::MainDone(0)
            } else {
                Stop::Yield
            }
        });
    }
}

#[test]
fn a_waiting_sender_panics_at_close() {
    let c = Chan::<u64>::new(0);
    let saw = Arc::new(Mutex::new(Vec::new()));
    let s = saw.clone();
    let mut step = 0;
    ok(1, move |w, _| {
        step += 1;
        match step {
            1 => {
                for how in 0..2 {
                    let (c, saw) = (c.clone(), saw.clone());
                    let mut v = Box::new(5u64);
                    let mut resumed = false;
                    go(w, move |w, g| {
                        if !std::mem::replace(&mut resumed, true) {
                            if how == 0 {
                                assert_eq!(c.send(w, g, &v), Op::Parked);
                            } else {
                                let case = [c.case(Dir::Send, &mut *v)];
                                assert_eq!(choose(w, g, &case, true), Selected::Parked);
                            }
                            return Stop::Parked;
                        }
                        saw.lock().unwrap().push(g.take_wake().fault());
                        Stop::Exited
                    });
                }
                Stop::Yield
            }
            2 => {
                c.close(w);
                Stop::Yield
            }
            _ => Stop::MainDone(0),
        }
    });
    assert_eq!(*s.lock().unwrap(), [Some(fault::SEND_CLOSED); 2]);
}

#[test]
fn nil_channels_park_for_ever() {
    for (op, want) in [
        (0, "chan receive (nil chan)"),
        (1, "chan send (nil chan)"),
        (2, "select"),
        (3, "select (no cases)"),
    ] {
        let (end, rt) = program(2, move |w, g| {
            let c = Chan::<u64>::nil();
            match op {
                0 => assert_eq!(c.recv(w, g, &mut 0), Op::Parked),
                1 => assert_eq!(c.send(w, g, &0), Op::Parked),
                2 => {
                    let case = [c.case(Dir::Recv, null_mut())];
                    assert_eq!(choose(w, g, &case, false), Selected::Default);
                    assert_eq!(choose(w, g, &case, true), Selected::Parked);
                }
                _ => assert_eq!(choose(w, g, &[], true), Selected::Parked),
            }
            Stop::Parked
        });
        assert_eq!(end, End::Fatal(fault::DEADLOCK.text.into()));
        rt.for_each_g(|g| assert_eq!(g.status_text(), want));
    }
}

#[test]
fn select_is_fair() {
    static ONE: u64 = 1;
    let cs: Vec<_> = (0..4).map(|_| Chan::<u64>::new(1)).collect();
    ok(1, move |w, g| {
        let mut hits = [0; 4];
        for _ in 0..4000 {
            for c in &cs {
                // SAFETY: live channel and value.
                unsafe { try_send(w, c.ptr(), (&raw const ONE).cast()) };
            }
            let cases: Vec<_> = cs.iter().map(|c| c.case(Dir::Recv, null_mut())).collect();
            match choose(w, g, &cases, true) {
                Selected::Ready(i, true) => hits[i] += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(hits.iter().all(|h| (800..1200).contains(h)), "{hits:?}");
        Stop::MainDone(0)
    });
}

#[test]
fn select_parks_and_gets_one_value() {
    // Senders on several channels, receivers selecting over all of them (one twice).
    for procs in [1, 2, 4] {
        const N: u64 = 3000;
        let cs: Vec<_> = [0, 0, 3].map(Chan::<u64>::new).to_vec();
        let sum = Arc::new(AtomicUsize::new(0));
        let got = Arc::new(AtomicUsize::new(0));
        let mut started = false;
        let total = cs.len() as u64 * N;
        ok(procs, move |w, _| {
            if !std::mem::replace(&mut started, true) {
                for c in &cs {
                    let c = c.clone();
                    let mut v = Box::new(0u64);
                    go(w, move |w, g| {
                        loop {
                            if *v == N {
                                return Stop::Exited;
                            }
                            *v += 1;
                            if c.send(w, g, &v) == Op::Parked {
                                return Stop::Parked;
                            }
                        }
                    });
                }
                for _ in 0..3 {
                    let (cs, sum, got) = (cs.clone(), sum.clone(), got.clone());
                    let mut vs = Box::new([0u64; 4]);
                    let mut resumed = false;
                    go(w, move |w, g| {
                        loop {
                            if std::mem::take(&mut resumed) {
                                assert_eq!(g.take_wake(), Wake::Select);
                                assert!(g.select_ok());
                                sum.fetch_add(vs[g.select_index()] as usize, Ordering::Relaxed);
                                got.fetch_add(1, Ordering::Relaxed);
                            }
                            let cases = [0, 1, 2, 0].map(|i| i);
                            let cases: Vec<_> = cases
                                .iter()
                                .zip(vs.iter_mut())
                                .map(|(&i, v)| cs[i].case(Dir::Recv, v))
                                .collect();
                            // Before the operation: once parked, the G may run elsewhere.
                            resumed = true;
                            match choose(w, g, &cases, true) {
                                Selected::Ready(i, true) => {
                                    resumed = false;
                                    sum.fetch_add(vs[i] as usize, Ordering::Relaxed);
                                    got.fetch_add(1, Ordering::Relaxed);
                                }
                                Selected::Parked => return Stop::Parked,
                                other => panic!("{other:?}"),
                            }
                        }
                    });
                }
            }
            if got.load(Ordering::Relaxed) as u64 == total {
                let want = 3 * N * (N + 1) / 2;
                assert_eq!(sum.load(Ordering::Relaxed) as u64, want);
                return Stop::MainDone(0);
            }
            Stop::Yield
        });
    }
}
