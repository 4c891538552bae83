//! Records: the full history of a word that does not fit a cell.
//!
//! A list for each kind of access. An entry is (kind, bytes, segment, site). An access removes from entries that are ordered before it the bytes it
//! covers, if it conflicts with everything they conflict with:
//!
//! | kind | conflicts with |
//! |---|---|
//! | read | write, atomic write |
//! | write | everything |
//! | atomic read | write |
//! | atomic write | read, write |
//!
//! Except for plain writes, an access replaces an older entry of the same chain and bytes in
//! its list; entries of other chains are thinned out when a list has doubled, so that an
//! access costs little however many goroutines do the same.

use super::shadow::{Before, Found, Now, entry};
use super::thread::{Thread, event_of};
use std::collections::HashMap;

/// What an access does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Access {
    Read,
    Write,
    AtomicRead,
    AtomicWrite,
}

impl Access {
    pub fn atomic(self) -> bool {
        matches!(self, Access::AtomicRead | Access::AtomicWrite)
    }
    pub fn writes(self) -> bool {
        matches!(self, Access::Write | Access::AtomicWrite)
    }
    /// The kinds it races with, one bit each.
    fn conflicts(self) -> u8 {
        match self {
            Access::Read => 0b1010,
            Access::Write => 0b1111,
            Access::AtomicRead => 0b0010,
            Access::AtomicWrite => 0b0011,
        }
    }
    fn races_with(self, other: Access) -> bool {
        self.conflicts() >> other as u8 & 1 != 0
    }
    /// Whether an entry of kind `old` says nothing that one of this kind does not say.
    fn covers(self, old: Access) -> bool {
        old.conflicts() & !self.conflicts() == 0
    }
}

/// Lists longer than this find a chain's entry through an index.
const INDEXED: usize = 24;

#[derive(Default)]
struct List {
    all: Vec<Before>,
    /// (chain, bytes, kind) to place in `all`; only kept for long lists.
    index: Option<HashMap<(u32, u8, u8), usize, super::FastHash>>,
    /// Length at which the list is thinned out.
    thin_at: usize,
}

fn key(b: &Before) -> (u32, u8, u8) {
    (event_of(b.seg).0, b.mask, b.kind as u8)
}

impl List {
    /// Adds an entry in place of an older one of its chain.
    fn put(&mut self, b: Before) {
        let k = key(&b);
        let found = match &self.index {
            Some(ix) => ix.get(&k).copied(),
            None => self.all.iter().position(|o| key(o) == k),
        };
        if let Some(i) = found {
            self.all[i] = b;
            return;
        }
        if let Some(ix) = &mut self.index {
            ix.insert(k, self.all.len());
        }
        self.all.push(b);
        if self.index.is_none() && self.all.len() > INDEXED {
            self.reindex();
        }
    }
    fn reindex(&mut self) {
        self.index = (self.all.len() > INDEXED).then(|| {
            self.all
                .iter()
                .enumerate()
                .map(|(i, b)| (key(b), i))
                .collect()
        });
    }
    /// Reports what the access races with.
    fn check(&self, th: &mut Thread, n: Now, found: &mut Found) {
        for b in &self.all {
            if b.mask & n.mask != 0
                && b.seg != n.seg
                && n.kind.races_with(b.kind)
                && !th.knows(b.seg)
            {
                found.push(*b);
            }
        }
    }
    /// Takes the access's bytes from the entries it replaces. `all`: also from those it
    /// races with, which were just reported.
    fn cover(&mut self, th: &mut Thread, n: Now, all: bool) {
        let before = self.all.len();
        let mut changed = false;
        self.all.retain_mut(|b| {
            if b.mask & n.mask != 0 && n.kind.covers(b.kind) && (all || th.knows(b.seg)) {
                b.mask &= !n.mask;
                changed = true;
            }
            b.mask != 0
        });
        if changed || self.all.len() != before {
            self.reindex();
        }
    }
    /// [`List::cover`] when the list has grown enough to be worth it.
    fn thin(&mut self, th: &mut Thread, n: Now) {
        if self.all.len() >= self.thin_at.max(4) {
            self.cover(th, n, false);
            self.thin_at = 2 * self.all.len();
        }
    }
}

/// See the module text.
#[derive(Default)]
pub struct Record {
    writes: List,
    reads: List,
    stores: List,
    loads: List,
}

impl Record {
    fn list(&mut self, k: Access) -> &mut List {
        match k {
            Access::Write => &mut self.writes,
            Access::AtomicWrite => &mut self.stores,
            Access::Read => &mut self.reads,
            Access::AtomicRead => &mut self.loads,
        }
    }
    /// Adds an entry as it is.
    pub fn put(&mut self, b: Before) {
        self.list(b.kind).put(b);
    }
    /// The common case of a lock's word, which only its holders write: one entry, ordered
    /// before this access.
    #[inline]
    fn succeed(&mut self, th: &mut Thread, n: Now) -> bool {
        let only = self.writes.all.len() + self.reads.all.len() + self.loads.all.len() == 0;
        let [b] = &mut self.stores.all[..] else {
            return false;
        };
        let yes = only && n.kind == b.kind && n.mask == b.mask && th.knows(b.seg);
        if yes {
            (b.seg, b.site) = (n.seg, n.site);
        }
        yes
    }
    /// Checks and records an access.
    pub fn access(&mut self, th: &mut Thread, n: Now, found: &mut Found) {
        if self.succeed(th, n) {
            return;
        }
        self.writes.check(th, n, found);
        match n.kind {
            Access::Read => {
                self.stores.check(th, n, found);
                self.reads.thin(th, n);
                self.loads.thin(th, n);
            }
            Access::AtomicRead => self.loads.thin(th, n),
            Access::AtomicWrite => {
                self.reads.check(th, n, found);
                self.stores.thin(th, n);
                self.loads.thin(th, n);
            }
            Access::Write => {
                for l in [&mut self.reads, &mut self.stores, &mut self.loads] {
                    l.check(th, n, found);
                    l.cover(th, n, true);
                }
                self.writes.cover(th, n, true);
            }
        }
        self.put(Before {
            kind: n.kind,
            mask: n.mask,
            seg: n.seg,
            site: n.site,
        });
    }
    /// The record as a cell's words, if it fits.
    pub fn small(&self) -> Option<(u64, u64)> {
        let atomics = self.loads.all.len() + self.stores.all.len();
        if atomics != 0 || self.writes.all.len() > 1 || self.reads.all.len() > 1 {
            return None;
        }
        let word = |l: &List| match l.all.first() {
            None => Some(0),
            Some(b) => entry(b.seg, b.mask, b.site),
        };
        Some((word(&self.writes)?, word(&self.reads)?))
    }
    /// For the collector: drops entries for which `keep` is false.
    pub fn retain(&mut self, keep: &mut dyn FnMut(u32) -> bool) {
        for l in [
            &mut self.writes,
            &mut self.reads,
            &mut self.stores,
            &mut self.loads,
        ] {
            l.all.retain(|b| keep(b.seg));
            l.reindex();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_conflict_as_documented() {
        use Access::*;
        let all = [Read, Write, AtomicRead, AtomicWrite];
        for a in all {
            for b in all {
                assert_eq!(a.races_with(b), b.races_with(a));
                let plain_pair = !(a.atomic() && b.atomic());
                assert_eq!(
                    a.races_with(b),
                    (a.writes() || b.writes()) && plain_pair,
                    "{a:?} {b:?}"
                );
            }
            assert!(Write.covers(a));
        }
        assert!(Read.covers(AtomicRead) && AtomicWrite.covers(AtomicRead));
        assert!(!AtomicWrite.covers(Read) && !Read.covers(Write));
    }
}
