//! Vector clocks that share what is equal.
//!
//! A [`Clock`] says for every chain (a line of goroutines that follow each other, see
//! `thread`) up to which epoch its events are ordered before some point. It is a radix
//! tree: leaves of 64 epochs, inner nodes of 16 children, all behind `Arc`. Copying a clock
//! copies a pointer; writing to a shared node copies that node; joining skips subtrees that
//! are the same object and ends up sharing the larger side. So a clock costs what it does
//! not share with its relatives, whatever the number of goroutines.
//!
//! The entries raised last stand beside the tree (`near`), up to [`NEAR`] of them: goroutines
//! that talk to few others never touch their trees, and pass everything on by copying a few
//! words.
//!
//! A [`Snap`] is what a release publishes: the releaser's knowledge of others, and its own
//! epoch beside it, so that publishing never writes to the tree.

use std::sync::Arc;

const LEAF: usize = 64;
const FAN: usize = 16;

#[derive(Clone)]
struct Leaf([u32; LEAF]);
#[derive(Clone, Default)]
struct Inner([Option<Node>; FAN]);

#[derive(Clone)]
enum Node {
    Leaf(Arc<Leaf>),
    Inner(Arc<Inner>),
}

impl Node {
    fn same(&self, other: &Node) -> bool {
        match (self, other) {
            (Node::Leaf(a), Node::Leaf(b)) => Arc::ptr_eq(a, b),
            (Node::Inner(a), Node::Inner(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

fn same(a: &Option<Node>, b: &Option<Node>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b),
        _ => false,
    }
}

/// Entries beside the tree.
const NEAR: usize = 6;

/// See the module text.
#[derive(Clone, Default)]
pub struct Clock {
    root: Option<Node>,
    /// Levels of inner nodes above the leaves.
    height: u32,
    /// Entries (chain, epoch) that are higher than the tree's; `count` of them.
    count: u32,
    near: [(u32, u32); NEAR],
}

/// Chains that a tree of this height has room for.
fn room(height: u32) -> u64 {
    (LEAF as u64) << (4 * height)
}

impl Clock {
    fn near(&self) -> &[(u32, u32)] {
        &self.near[..self.count as usize]
    }

    /// The epoch known of chain `i` (0: nothing).
    #[inline]
    pub fn get(&self, i: u32) -> u32 {
        for &(c, v) in self.near() {
            if c == i {
                return v;
            }
        }
        self.get_far(i)
    }

    #[inline]
    fn get_far(&self, i: u32) -> u32 {
        let mut h = self.height;
        if h == 0 {
            return match &self.root {
                Some(Node::Leaf(l)) if (i as usize) < LEAF => l.0[i as usize],
                _ => 0,
            };
        }
        if u64::from(i) >= room(h) {
            return 0;
        }
        let mut at = self.root.as_ref();
        loop {
            match at {
                None => return 0,
                Some(Node::Leaf(l)) => return l.0[i as usize % LEAF],
                Some(Node::Inner(n)) => {
                    h -= 1;
                    at = n.0[(i as usize >> (6 + 4 * h)) % FAN].as_ref();
                }
            }
        }
    }

    fn grow(&mut self, height: u32) {
        while self.height < height {
            if let Some(old) = self.root.take() {
                let mut n = Inner::default();
                n.0[0] = Some(old);
                self.root = Some(Node::Inner(Arc::new(n)));
            }
            self.height += 1;
        }
    }

    /// Raises the entry of chain `i` to `v`. False: it was that high already.
    pub fn raise(&mut self, i: u32, v: u32) -> bool {
        for e in &mut self.near[..self.count as usize] {
            if e.0 == i {
                let news = e.1 < v;
                e.1 = e.1.max(v);
                return news;
            }
        }
        if self.get_far(i) >= v {
            return false;
        }
        if self.count as usize == NEAR {
            self.flush();
        }
        self.near[self.count as usize] = (i, v);
        self.count += 1;
        true
    }

    /// Moves the near entries into the tree.
    pub fn flush(&mut self) {
        let (near, n) = (self.near, self.count as usize);
        self.count = 0;
        for &(i, v) in &near[..n] {
            self.raise_far(i, v);
        }
    }

    fn raise_far(&mut self, i: u32, v: u32) {
        if self.get_far(i) >= v {
            return;
        }
        let mut height = self.height;
        while room(height) <= u64::from(i) {
            height += 1;
        }
        self.grow(height);
        let mut h = self.height;
        let mut at = &mut self.root;
        loop {
            if h == 0 {
                let n = at.get_or_insert_with(|| Node::Leaf(Arc::new(Leaf([0; LEAF]))));
                if let Node::Leaf(l) = n {
                    Arc::make_mut(l).0[i as usize % LEAF] = v;
                }
                return;
            }
            h -= 1;
            let n = at.get_or_insert_with(|| Node::Inner(Arc::default()));
            let Node::Inner(n) = n else { return };
            at = &mut Arc::make_mut(n).0[(i as usize >> (6 + 4 * h)) % FAN];
        }
    }

    /// Adds everything `other` knows. False: nothing was new.
    pub fn join(&mut self, other: &Clock) -> bool {
        let mut news = self.join_far(other);
        for &(i, v) in other.near() {
            news |= self.raise(i, v);
        }
        news
    }

    fn join_far(&mut self, other: &Clock) -> bool {
        if other.root.is_none() || self.same_tree(other) {
            return false;
        }
        if self.root.is_none() {
            self.root = other.root.clone();
            self.height = other.height;
            self.tidy();
            return true;
        }
        if self.height < other.height {
            self.grow(other.height);
        }
        let mut at = &mut self.root;
        for _ in other.height..self.height {
            // Found out first, so that a subtree is only copied for news.
            let Some(Node::Inner(n)) = at else {
                return false;
            };
            at = &mut Arc::make_mut(n).0[0];
        }
        let news = join(at, &other.root);
        if news {
            self.tidy();
        }
        news
    }

    /// Drops near entries that the tree has grown above.
    fn tidy(&mut self) {
        let mut n = 0;
        for k in 0..self.count as usize {
            let (i, v) = self.near[k];
            if self.get_far(i) < v {
                self.near[n] = (i, v);
                n += 1;
            }
        }
        self.count = n as u32;
    }

    /// Whether both have the same tree (near entries may differ).
    pub fn same_tree(&self, other: &Clock) -> bool {
        self.height == other.height && same(&self.root, &other.root)
    }

    /// Keeps of every entry the smaller one: what both know. Like joining, this skips what
    /// both share, and what is left of `self` bounds the work.
    pub fn meet(&mut self, other: &Clock) {
        self.flush();
        let mut near = other.near;
        for (i, v) in &mut near[..other.count as usize] {
            *v = self.get_far(*i).min(*v);
        }
        while self.height > other.height {
            self.root = match self.root.take() {
                Some(Node::Inner(n)) => n.0[0].clone(),
                _ => None,
            };
            self.height -= 1;
        }
        let mut root = other.root.as_ref();
        for _ in self.height..other.height {
            root = match root {
                Some(Node::Inner(n)) => n.0[0].as_ref(),
                _ => None,
            };
        }
        meet(&mut self.root, root);
        for &(i, v) in &near[..other.count as usize] {
            if v != 0 {
                self.raise(i, v);
            }
        }
    }

    /// Calls `f` with every chain and epoch known.
    pub fn each(&self, f: &mut dyn FnMut(u32, u32)) {
        fn walk(n: &Node, base: u32, h: u32, f: &mut dyn FnMut(u32, u32)) {
            match n {
                Node::Leaf(l) => {
                    for (i, &v) in l.0.iter().enumerate() {
                        if v != 0 {
                            f(base + i as u32, v);
                        }
                    }
                }
                Node::Inner(n) => {
                    for (k, c) in n.0.iter().enumerate() {
                        if let Some(c) = c {
                            walk(c, base + ((k as u32) << (6 + 4 * (h - 1))), h - 1, f);
                        }
                    }
                }
            }
        }
        let mut c = self.clone();
        c.flush();
        if let Some(n) = &c.root {
            walk(n, 0, c.height, f);
        }
    }
}

fn join(a: &mut Option<Node>, b: &Option<Node>) -> bool {
    let Some(bn) = b else { return false };
    let Some(an) = a else {
        *a = Some(bn.clone());
        return true;
    };
    if an.same(bn) {
        return false;
    }
    match (&mut *an, bn) {
        (Node::Leaf(x), Node::Leaf(y)) => {
            let (mut less, mut more) = (false, false);
            for (p, q) in x.0.iter().zip(&y.0) {
                less |= p < q;
                more |= p > q;
            }
            if !less {
                return false;
            }
            if !more {
                *a = Some(bn.clone());
                return true;
            }
            let x = Arc::make_mut(x);
            for (p, q) in x.0.iter_mut().zip(&y.0) {
                *p = (*p).max(*q);
            }
            true
        }
        (Node::Inner(x), Node::Inner(y)) => {
            if x.0.iter().zip(&y.0).all(|(p, q)| q.is_none() || same(p, q)) {
                return false;
            }
            let m = Arc::make_mut(x);
            let mut news = false;
            for (p, q) in m.0.iter_mut().zip(&y.0) {
                news |= join(p, q);
            }
            if m.0.iter().zip(&y.0).all(|(p, q)| same(p, q)) {
                *a = Some(bn.clone());
            }
            news
        }
        _ => false,
    }
}

fn meet(a: &mut Option<Node>, b: Option<&Node>) {
    let (Some(an), Some(bn)) = (a.as_mut(), b) else {
        *a = None;
        return;
    };
    if an.same(bn) {
        return;
    }
    let empty = match (an, bn) {
        (Node::Leaf(x), Node::Leaf(y)) => {
            if x.0.iter().zip(&y.0).any(|(p, q)| p > q) {
                for (p, q) in Arc::make_mut(x).0.iter_mut().zip(&y.0) {
                    *p = (*p).min(*q);
                }
            }
            x.0.iter().all(|v| *v == 0)
        }
        (Node::Inner(x), Node::Inner(y)) => {
            let stays = |p: &Option<Node>, q: &Option<Node>| p.is_none() || same(p, q);
            if !x.0.iter().zip(&y.0).all(|(p, q)| stays(p, q)) {
                for (p, q) in Arc::make_mut(x).0.iter_mut().zip(&y.0) {
                    meet(p, q.as_ref());
                }
            }
            x.0.iter().all(Option::is_none)
        }
        _ => false,
    };
    if empty {
        *a = None;
    }
}

/// No chain: the owner of snapshots that are sums of others.
pub const NOBODY: u32 = u32::MAX;

/// What a release publishes. See the module text.
#[derive(Clone)]
pub struct Snap {
    pub clock: Clock,
    pub chain: u32,
    pub epoch: u32,
}

impl Default for Snap {
    fn default() -> Snap {
        Snap {
            clock: Clock::default(),
            chain: NOBODY,
            epoch: 0,
        }
    }
}

/// A sum of snapshots: what several releasers published into one object.
#[derive(Clone, Default)]
pub struct Sum {
    pub clock: Clock,
    /// The tree merged last: children of one parent mostly publish the same one.
    last: Clock,
}

impl Sum {
    /// Adds a snapshot.
    pub fn add(&mut self, s: &Snap) {
        if self.last.same_tree(&s.clock) {
            for &(i, v) in s.clock.near() {
                self.clock.raise(i, v);
            }
        } else {
            self.clock.join(&s.clock);
            self.last = s.clock.clone();
        }
        if s.chain != NOBODY {
            self.clock.raise(s.chain, s.epoch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trees against plain arrays on random operations.
    #[test]
    fn agrees_with_arrays() {
        let n = 3000usize;
        let mut seed = 7u64;
        let mut rnd = move |m: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % m as u64) as usize
        };
        let mut trees = vec![Clock::default(); 8];
        let mut flat = vec![vec![0u32; n]; 8];
        for step in 0..20_000 {
            let (a, b) = (rnd(8), rnd(8));
            match rnd(4) {
                0 => {
                    let limit = if step % 3 == 0 { n } else { 40 };
                    let (i, v) = (rnd(limit), rnd(1000) as u32 + 1);
                    trees[a].raise(i as u32, v);
                    flat[a][i] = flat[a][i].max(v);
                }
                1 => {
                    let t = trees[b].clone();
                    let news = trees[a].join(&t);
                    let mut any = false;
                    let theirs = flat[b].clone();
                    for (mine, theirs) in flat[a].iter_mut().zip(theirs) {
                        any |= theirs > *mine;
                        *mine = theirs.max(*mine);
                    }
                    assert!(news || !any);
                }
                2 if rnd(50) == 0 => {
                    trees[a] = trees[b].clone();
                    flat[a] = flat[b].clone();
                }
                _ => {
                    let i = rnd(n);
                    assert_eq!(trees[a].get(i as u32), flat[a][i]);
                }
            }
        }
        for (t, f) in trees.iter().zip(&flat) {
            let mut seen = 0;
            t.each(&mut |i, v| {
                assert_eq!(f[i as usize], v);
                seen += 1;
            });
            assert_eq!(seen, f.iter().filter(|v| **v != 0).count());
            let mut m = t.clone();
            m.meet(&trees[0]);
            for i in 0..n {
                assert_eq!(m.get(i as u32), f[i].min(flat[0][i]));
            }
        }
    }

    #[test]
    fn joining_takes_the_later() {
        let mut a = Clock::default();
        a.raise(5, 1);
        a.raise(700, 1);
        let mut b = a.clone();
        b.raise(700, 2);
        a.flush();
        b.flush();
        assert!(a.join(&b));
        assert_eq!((a.get(5), a.get(700)), (1, 2));
        assert!(!a.join(&b));
    }
}
