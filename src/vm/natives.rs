//! Native functions: the Rust halves of functions that `stdlib/*.gosub` declares without a
//! body.
//!
//! A native gets the context and the address of its result and argument slots: results
//! first, then (receiver and) parameters, each value in its frame form (a string or slice
//! or interface is two slots, a struct its memory format). [`Call`] reads arguments and
//! writes results in order. A native must not block; it may park (after the goroutine's
//! state is saved, which the call instruction has done), and it never calls guest code.
#![allow(unsafe_code)]

use std::sync::LazyLock;

use super::cx::{Cx, Exit};
use super::fault::Code;
use crate::heap::map::MapType;
use crate::heap::rtti::{Rtti, Shape};

/// See the module text.
pub type Native = unsafe fn(&mut Cx, *mut u64) -> Exit;

/// One table entry: qualified Go name (`strings.Index`, `sync.(*Mutex).Lock`) and function.
pub type Entry = (&'static str, Native);

/// The natives by number. Race mode and sandboxes put others in place of some.
static FUNCS: LazyLock<Vec<Native>> = LazyLock::new(|| {
    let entries = crate::stdlib::TABLES.iter().flat_map(|t| *t);
    let mut funcs: Vec<Native> = entries.map(|e| e.1).collect();
    if crate::race::on() {
        for (name, f) in crate::stdlib::race::NATIVES {
            funcs[lookup(name).expect("a variant of a native") as usize] = *f;
        }
    }
    crate::stdlib::sandbox::install(|name| {
        let n = lookup(name)?;
        // SAFETY: each native is asked for once, so the references are to different places.
        Some(unsafe { &mut *funcs.as_mut_ptr().add(n as usize) })
    });
    funcs
});

/// Places in [`INDEX`]: a power of two, several times the number of natives.
const PLACES: usize = 8192;

/// Where names are found: each native's number plus one at the first free place from its
/// name's hash on. Made when gosub is compiled, so that nothing is left to do at a start.
static INDEX: [u16; PLACES] = index();

const fn hash(name: &[u8]) -> usize {
    let mut h = 0x811c_9dc5_u32;
    let mut i = 0;
    while i < name.len() {
        h = (h ^ name[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    (h ^ h >> 15) as usize % PLACES
}

#[allow(long_running_const_eval)]
const fn index() -> [u16; PLACES] {
    let mut places = [0; PLACES];
    let mut number = 0u16;
    let mut t = 0;
    while t < crate::stdlib::TABLES.len() {
        let table = crate::stdlib::TABLES[t];
        let mut i = 0;
        while i < table.len() {
            let mut at = hash(table[i].0.as_bytes());
            while places[at] != 0 {
                at = (at + 1) % PLACES;
            }
            number += 1;
            places[at] = number;
            i += 1;
        }
        t += 1;
    }
    assert!((number as usize) < PLACES / 2);
    places
}

/// Number of a native by its qualified name.
pub fn lookup(wanted: &str) -> Option<u32> {
    let mut at = hash(wanted.as_bytes());
    while INDEX[at] != 0 {
        let n = u32::from(INDEX[at]) - 1;
        if name(n) == wanted {
            return Some(n);
        }
        at = (at + 1) % PLACES;
    }
    None
}
/// Address of the first native; number `n` follows at its index.
pub fn table() -> *const Native {
    FUNCS.as_ptr()
}
/// Name of a native, for listings.
pub fn name(n: u32) -> &'static str {
    let mut n = n as usize;
    for t in crate::stdlib::TABLES {
        match t.get(n) {
            Some(e) => return e.0,
            None => n -= t.len(),
        }
    }
    "?"
}
/// All names, for the tests that pair them with declarations.
pub fn names() -> Vec<&'static str> {
    let entries = crate::stdlib::TABLES.iter().flat_map(|t| *t);
    let mut v: Vec<_> = entries.map(|e| e.0).collect();
    v.sort_unstable();
    v
}

/// Descriptor of a map type.
pub fn map_type_of(r: &'static Rtti) -> &'static MapType {
    MapType::of(r)
}

/// A guest slice.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    pub ptr: u64,
    pub len: usize,
    pub cap: usize,
}

/// Arguments and results of one native call.
pub struct Call<'a> {
    pub cx: &'a mut Cx,
    base: *mut u64,
    arg: usize,
    res: usize,
}

impl<'a> Call<'a> {
    /// `results` is the number of slots of all results together.
    ///
    /// # Safety
    /// `base` is what the native was given.
    #[inline(always)]
    pub unsafe fn new(cx: &'a mut Cx, base: *mut u64, results: usize) -> Call<'a> {
        Call {
            cx,
            base,
            arg: results,
            res: 0,
        }
    }

    // ----- arguments, in order -----

    /// Any one-slot value.
    #[inline(always)]
    pub fn word(&mut self) -> u64 {
        // SAFETY: the declaration says there is such an argument.
        let v = unsafe { *self.base.add(self.arg) };
        self.arg += 1;
        v
    }
    #[inline(always)]
    pub fn int(&mut self) -> i64 {
        self.word() as i64
    }
    #[inline(always)]
    pub fn bool(&mut self) -> bool {
        self.word() & 1 == 1
    }
    #[inline(always)]
    pub fn f64(&mut self) -> f64 {
        f64::from_bits(self.word())
    }
    #[inline(always)]
    pub fn f32(&mut self) -> f32 {
        f32::from_bits(self.word() as u32)
    }
    /// A string's bytes. They never change.
    #[inline(always)]
    pub fn str(&mut self) -> &'a [u8] {
        let (p, n) = (self.word(), self.word());
        // SAFETY: a string header in the frame: n readable bytes that the frame keeps alive.
        unsafe { super::ops::slow::bytes(p, n) }
    }
    /// A slice header.
    #[inline(always)]
    pub fn slice(&mut self) -> Slice {
        let (ptr, lc) = (self.word(), self.word());
        Slice {
            ptr,
            len: lc as u32 as usize,
            cap: (lc >> 32) as usize,
        }
    }
    /// A byte slice's contents. Other goroutines may race on them: treat as arbitrary.
    #[inline(always)]
    pub fn bytes(&mut self) -> &'a [u8] {
        let s = self.slice();
        crate::race::reads(s.ptr, s.len);
        // SAFETY: a slice header in the frame.
        unsafe { super::ops::slow::bytes(s.ptr, s.len as u64) }
    }
    /// An interface value: type word, data word.
    #[inline(always)]
    pub fn iface(&mut self) -> (u64, u64) {
        (self.word(), self.word())
    }

    // ----- results, in order -----

    #[inline(always)]
    pub fn ret(&mut self, v: u64) -> &mut Self {
        // SAFETY: the declaration says there is such a result.
        unsafe { *self.base.add(self.res) = v };
        self.res += 1;
        self
    }
    #[inline(always)]
    pub fn ret_int(&mut self, v: i64) -> &mut Self {
        self.ret(v as u64)
    }
    #[inline(always)]
    pub fn ret_bool(&mut self, v: bool) -> &mut Self {
        self.ret(v as u64)
    }
    #[inline(always)]
    pub fn ret_f64(&mut self, v: f64) -> &mut Self {
        self.ret(v.to_bits())
    }
    pub fn ret_iface(&mut self, v: (u64, u64)) -> &mut Self {
        self.ret(v.0).ret(v.1)
    }
    /// A part of an existing string (or static text): not copied.
    pub fn ret_substr(&mut self, s: &[u8]) -> &mut Self {
        if s.is_empty() {
            return self.ret(0).ret(0);
        }
        self.ret(s.as_ptr() as u64).ret(s.len() as u64)
    }
    /// A new string with these contents.
    pub fn ret_str(&mut self, s: &[u8]) -> Result<&mut Self, Exit> {
        if s.is_empty() {
            return Ok(self.ret(0).ret(0));
        }
        let p = self.alloc_bytes(s)?;
        Ok(self.ret(p).ret(s.len() as u64))
    }
    /// A new byte slice with these contents.
    pub fn ret_bytes(&mut self, s: &[u8]) -> Result<&mut Self, Exit> {
        let p = self.alloc_bytes(s)?;
        let n = s.len() as u64;
        Ok(self.ret(p).ret(n | n << 32))
    }
    /// A slice header.
    pub fn ret_slice(&mut self, s: Slice) -> &mut Self {
        self.ret(s.ptr).ret(s.len as u64 | (s.cap as u64) << 32)
    }
    /// A new `[]string`; the parts may point into existing guest strings (not copied).
    pub fn ret_strings(&mut self, parts: &[&[u8]]) -> Result<&mut Self, Exit> {
        let n = parts.len();
        let shape = Shape {
            size: 16,
            align: 16,
            ptrs: vec![1],
        };
        let p = self.cx.cache().alloc_array(&shape, n);
        if p.is_null() {
            return Err(self.no_memory());
        }
        for (i, s) in parts.iter().enumerate() {
            let ptr = if s.is_empty() { 0 } else { s.as_ptr() as u64 };
            // SAFETY: element i of a fresh array of 16-byte headers.
            unsafe { crate::heap::mem::store128(p.add(16 * i), ptr, s.len() as u64) };
        }
        Ok(self.ret_slice(Slice {
            ptr: p as u64,
            len: n,
            cap: n,
        }))
    }

    /// Guest memory with a copy of `s`.
    pub fn alloc_bytes(&mut self, s: &[u8]) -> Result<u64, Exit> {
        if s.len() as u64 > super::ops::slow::MAX_LEN {
            return Err(self.cx.fatal_text("runtime: string too long"));
        }
        let p = super::ops::slow::new_bytes(self.cx, s);
        if p.is_null() {
            Err(self.no_memory())
        } else {
            Ok(p as u64)
        }
    }
    pub fn no_memory(&mut self) -> Exit {
        self.cx.fail(Code::OutOfMemory, 0, 0)
    }
    /// A run-time panic with this text (not prefixed).
    pub fn panic(&mut self, text: impl Into<String>) -> Exit {
        self.cx.panic_text(text)
    }
    /// The nil dereference panic, for natives that follow a pointer argument.
    pub fn nil(&mut self) -> Exit {
        self.cx.fail(Code::Nil, 0, 0)
    }
}

/// Turns a helper's early exit into the native's own.
#[macro_export]
macro_rules! try_exit {
    ($e:expr) => {
        match $e {
            Ok(v) => v,
            Err(e) => return e,
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_is_found_once() {
        let names = super::names();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "defined twice");
        for n in names {
            assert_eq!(super::lookup(n).map(super::name), Some(n));
        }
        assert_eq!(super::lookup("no.Such"), None);
    }
}
