//! What the session calls the things that goroutines wait for: the variables that lead to
//! channels, locks and wait groups, through fields, pointers and elements. The world is
//! stopped.

use std::collections::{BTreeMap, HashSet};

use crate::bytecode::program::{funcs, rtti_of};
use crate::heap::rtti::{Kind, Rtti};
use crate::runtime::chan::Hchan;
use crate::runtime::sched::task::G;
use crate::runtime::sync::mutex::Mutex;
use crate::runtime::sync::rwmutex::RwMutex;
use crate::runtime::sync::waitgroup::WaitGroup;
use crate::stdlib::fmtcore::mem;
use crate::vm::session::Variable;
use crate::vm::traceback;

/// Values looked at for one list of names.
const MOST: usize = 200_000;
/// Elements looked at of one array, slice or map.
const ELEMENTS: usize = 256;
/// Steps from a variable.
const DEPTH: u32 = 6;

/// Something that can be waited for.
pub struct Named {
    /// One address past it.
    end: usize,
    pub name: String,
    pub ty: &'static Rtti,
    /// Where the variable lies that leads to it: from, to.
    pub root: (usize, usize),
}

/// Names by address.
#[derive(Default)]
pub struct Names {
    found: BTreeMap<usize, Named>,
    seen: HashSet<(usize, u32)>,
    left: usize,
    root: (usize, usize),
}

/// Whether the type is one of package sync's whose words goroutines wait on.
fn is_sync(t: &Rtti) -> bool {
    t.pkg_path == "sync"
        && matches!(
            t.type_name.as_str(),
            "Mutex" | "RWMutex" | "WaitGroup" | "Cond" | "Once"
        )
}

impl Names {
    /// The names that the variables of the session give.
    pub fn of_session(variables: &[Variable]) -> Names {
        let mut n = Names {
            left: MOST,
            ..Names::default()
        };
        for v in variables {
            n.root = (v.addr, v.addr + v.ty.shape.size.max(1));
            // SAFETY: a package variable of that type; the world is stopped.
            unsafe { n.walk(v.addr as *const u8, v.ty, &v.name, 0) };
        }
        n
    }

    /// The names that the variables of a stopped goroutine's frames give.
    pub fn of_frames(g: &G) -> Names {
        let mut n = Names {
            left: MOST / 100,
            ..Names::default()
        };
        for (f, fp) in traceback::stopped_frames_at(g) {
            let own = traceback::place(f).is_some_and(|p| !p.file.starts_with("$GOSUB"));
            let Some(code) = funcs().find(f.pc).filter(|_| own) else {
                continue;
            };
            let at = ((f.pc - code.code.as_ptr() as usize) / 8) as u32;
            let at = at.saturating_sub(u32::from(f.is_return));
            for l in code.locals.iter().filter(|l| l.from <= at && at < l.to) {
                // SAFETY: the frame is live and the variable's place in it valid at this
                // address; a boxed one is an object that the frame keeps alive.
                unsafe {
                    let slot = fp.add(usize::from(l.slot)) as *const u8;
                    let place = if l.boxed {
                        *(slot as *const *const u8)
                    } else {
                        slot
                    };
                    if !place.is_null() {
                        n.walk(place, l.ty, &l.name, 0);
                    }
                }
            }
        }
        n
    }

    /// What has this address, or contains it.
    pub fn find(&self, object: usize) -> Option<(usize, &Named)> {
        let (at, n) = self.found.range(..=object).next_back()?;
        (object < n.end).then_some((*at, n))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Named)> {
        self.found.iter().map(|(at, n)| (*at, n))
    }

    fn add(&mut self, at: usize, bytes: usize, name: &str, ty: &'static Rtti) {
        let new = || Named {
            end: at + bytes.max(1),
            name: name.to_string(),
            ty,
            root: self.root,
        };
        let old = self.found.entry(at).or_insert_with(new);
        if name.len() < old.name.len() {
            old.name = name.to_string();
            old.root = self.root;
        }
    }

    /// Looks at the value at `p`, of type `t`, that the source calls `name`.
    ///
    /// # Safety
    /// `p` points to a value of the type that stays; the world is stopped.
    unsafe fn walk(&mut self, p: *const u8, t: &'static Rtti, name: &str, depth: u32) {
        if self.left == 0 || depth > DEPTH {
            return;
        }
        self.left -= 1;
        if is_sync(t) {
            self.add(p as usize, t.shape.size, name, t);
            if t.type_name != "Cond" {
                return;
            }
        }
        // SAFETY: as promised; what is read leads to values that the collector keeps.
        unsafe {
            match t.kind {
                Kind::Chan => {
                    let c = mem::read_u64(p) as usize;
                    if c != 0 {
                        self.add(c, 1, name, t);
                    }
                }
                Kind::Struct => {
                    for f in &t.parts().fields {
                        let inner = format!("{name}.{}", f.name);
                        self.walk(p.add(f.offset), f.ty, &inner, depth + 1);
                    }
                }
                Kind::Pointer => {
                    let q = mem::read_u64(p) as usize;
                    let e = t.elem();
                    if q == 0 || !self.seen.insert((q, e.id)) {
                        return;
                    }
                    // Selectors follow pointers by themselves.
                    if e.kind == Kind::Struct {
                        self.walk(q as *const u8, e, name, depth + 1);
                    } else {
                        self.walk(q as *const u8, e, &format!("*{name}"), depth + 1);
                    }
                }
                Kind::Array | Kind::Slice => {
                    let e = t.elem();
                    let (base, len) = if t.kind == Kind::Array {
                        (p as usize, t.len)
                    } else {
                        let (at, len) = mem::read_pair(p);
                        (at as usize, len as u32 as usize)
                    };
                    if e.shape.is_noscan() && e.kind != Kind::Struct {
                        return;
                    }
                    for i in 0..len.min(ELEMENTS) {
                        let at = (base + i * e.shape.size) as *const u8;
                        self.walk(at, e, &format!("{name}[{i}]"), depth + 1);
                    }
                }
                Kind::Map => self.walk_map(p, t, name, depth),
                Kind::Interface => {
                    let (ty, word) = mem::read_pair(p);
                    if ty == 0 {
                        return;
                    }
                    let t = rtti_of(ty);
                    let place = [word];
                    if t.direct {
                        self.walk(place.as_ptr().cast(), t, name, depth + 1);
                    } else {
                        self.walk(word as *const u8, t, name, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// [`Names::walk`] for the elements of a map.
    ///
    /// # Safety
    /// As [`Names::walk`].
    unsafe fn walk_map(&mut self, p: *const u8, t: &'static Rtti, name: &str, depth: u32) {
        let e = t.elem();
        // Under the race detector a look at a map would count as the asker's.
        if e.shape.is_noscan() && e.kind != Kind::Struct || crate::race::on() {
            return;
        }
        let mut entries = Vec::new();
        // SAFETY: as promised.
        unsafe {
            let word = mem::read_u64(p);
            if word == 0 {
                return;
            }
            super::super::rt::walk_map(word, t, &mut |k, v| {
                if entries.len() < ELEMENTS {
                    entries.push((super::literal(t.key(), k), v));
                }
            });
            for (k, v) in entries {
                self.walk(v, e, &format!("{name}[{k}]"), depth + 1);
            }
        }
    }
}

/// In what state a named thing is, in words; and whether goroutines could wait because of it.
pub fn state(at: usize, n: &Named) -> (String, bool) {
    // SAFETY: the walk found a value of that type there; the world is stopped.
    unsafe {
        let p = at as *const u8;
        if n.ty.kind == Kind::Chan {
            let s = (*(at as *const Hchan)).snapshot();
            let closed = if s.closed { ", closed" } else { "" };
            return (
                format!(
                    "{}, {} of {} buffered{closed}",
                    n.ty.name,
                    s.buffer.len(),
                    s.cap
                ),
                false,
            );
        }
        let (what, busy) = match n.ty.type_name.as_str() {
            "Mutex" if Mutex::at(p).is_locked() => ("locked".to_string(), true),
            "Mutex" => ("free".to_string(), false),
            "RWMutex" => match RwMutex::at(p).holders() {
                (true, _) => ("locked for writing".to_string(), true),
                (_, 0) => ("free".to_string(), false),
                (_, 1) => ("locked by 1 reader".to_string(), true),
                (_, n) => (format!("locked by {n} readers"), true),
            },
            "WaitGroup" => match WaitGroup::at(p).count() {
                0 => ("count 0".to_string(), false),
                n => (format!("count {n}"), true),
            },
            _ => (String::new(), false),
        };
        let comma = if what.is_empty() { "" } else { ", " };
        (format!("{}{comma}{what}", n.ty.name), busy)
    }
}
