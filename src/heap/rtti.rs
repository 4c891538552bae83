//! Run-time type descriptors: what the collector, maps, interfaces, printing and
//! reflection need to know about a type.
//!
//! There is exactly one descriptor per identical type, allocated once and never
//! freed, so pointer equality is type identity. The type word of an interface value
//! is the address of its dynamic type's descriptor (0 for a nil interface).
//!
//! Memory format. A value has the same bytes wherever it lives (heap object, channel
//! buffer, aggregate inside a frame): scalars packed as Go packs them, little endian;
//! string = (ptr, len: u64), slice = (ptr, len: u32, cap: u32), interface = (type word,
//! data word), each 16 bytes and 16-aligned inside heap objects. Pointers, maps,
//! channels and functions are one word. A scalar that lives alone in a frame slot fills
//! the slot canonically (sign- or zero-extended); its low bytes are its memory format.

#![allow(unsafe_code)]

use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Index of a compiled function in the program's function table.
pub type FuncId = u32;

/// The kind of a type, numbered as Go's `reflect.Kind`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uintptr,
    Float32,
    Float64,
    Complex64,
    Complex128,
    Array,
    Chan,
    Func,
    Interface,
    Map,
    Pointer,
    Slice,
    String,
    Struct,
    UnsafePointer,
}

/// How the collector sees one element: its size and which 8-byte words may hold pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes, a multiple of `align`.
    pub size: usize,
    /// 1, 2, 4, 8 or 16.
    pub align: usize,
    /// Bit `i` of word `i / 64` is set when the 8-byte word `i` may hold a pointer.
    /// Empty when the element holds no pointers.
    pub ptrs: Vec<u64>,
}

impl Shape {
    /// A pointer-free element of `size` bytes.
    pub const fn noscan(size: usize, align: usize) -> Shape {
        Shape {
            size,
            align,
            ptrs: Vec::new(),
        }
    }
    /// Whether the element holds no pointers at all.
    pub fn is_noscan(&self) -> bool {
        self.ptrs.is_empty()
    }
    /// Whether word `i` may hold a pointer.
    pub fn is_ptr(&self, i: usize) -> bool {
        self.ptrs
            .get(i / 64)
            .is_some_and(|w| w >> (i % 64) & 1 != 0)
    }
}

/// One field of a struct type.
#[derive(Debug)]
pub struct Field {
    pub name: String,
    /// Byte offset inside the struct's memory format.
    pub offset: usize,
    pub ty: &'static Rtti,
    pub tag: String,
    pub embedded: bool,
    /// Package path for unexported names, empty for exported ones.
    pub pkg: String,
}

/// One method of a concrete type's method set (or of an interface type, without code).
#[derive(Debug)]
pub struct Method {
    pub name: String,
    /// Package path for unexported names, empty for exported ones.
    pub pkg: String,
    /// Program-wide number of (name, package, signature): what an interface call looks for.
    pub id: u32,
    /// The function to call with the interface's data word as receiver; for an
    /// interface type's own entry `FuncId::MAX`.
    pub func: FuncId,
    /// Signature, without the receiver.
    pub ty: &'static Rtti,
}

/// Direction of a channel type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum ChanDir {
    Both,
    SendOnly,
    RecvOnly,
}

/// The parts of a descriptor that may refer to other descriptors (types are cyclic,
/// so these are filled in after the descriptor's address is known).
#[derive(Debug, Default)]
pub struct Parts {
    /// Element of array, slice, pointer, channel, map value.
    pub elem: Option<&'static Rtti>,
    /// Map key.
    pub key: Option<&'static Rtti>,
    pub fields: Vec<Field>,
    pub params: Vec<&'static Rtti>,
    pub results: Vec<&'static Rtti>,
    pub variadic: bool,
    /// Sorted by name (exported names first by byte order, as Go's reflect).
    pub methods: Vec<Method>,
    /// `*T`, once somebody asked for it at run time.
    pub ptr_to: OnceLock<&'static Rtti>,
}

/// A run-time type descriptor. See the module text.
#[derive(Debug)]
pub struct Rtti {
    /// Dense number, 1-based (0 is never a type).
    pub id: u32,
    pub kind: Kind,
    /// As Go prints it with `%T`: `main.T`, `[]int`, `map[string]*main.T`.
    pub name: String,
    /// Declared name without package (`T`), empty for unnamed types.
    pub type_name: String,
    /// Import path of a declared type's package, empty otherwise.
    pub pkg_path: String,
    pub shape: Shape,
    /// Array length.
    pub len: usize,
    pub dir: ChanDir,
    /// Whether `==` is defined (an interface is comparable; its dynamic value may not be).
    pub comparable: bool,
    /// The value itself is the interface's data word (at most 8 bytes, and either a
    /// single pointer or pointer-free); otherwise the data word points to a heap copy.
    pub direct: bool,
    /// Two values are equal exactly when their bytes are (no floats, strings,
    /// interfaces or padding inside).
    pub plain_bytes: bool,
    pub parts: OnceLock<Parts>,
}

/// Descriptors by number, in pages that never move.
const PAGE: usize = 1 << 10;
type Page = [AtomicPtr<Rtti>; PAGE];
static PAGES: [OnceLock<Box<Page>>; 1 << 10] = [const { OnceLock::new() }; 1 << 10];
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// A fresh descriptor number.
pub fn next_id() -> u32 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Makes a descriptor findable by its number. Numbers beyond the table are never found.
pub fn register(r: &'static Rtti) {
    let (page, at) = (r.id as usize / PAGE, r.id as usize % PAGE);
    if let Some(slot) = PAGES.get(page) {
        let page = slot.get_or_init(|| Box::new([const { AtomicPtr::new(null_mut()) }; PAGE]));
        page[at].store((&raw const *r).cast_mut(), Ordering::Release);
    }
}

/// The descriptor with this number.
pub fn by_id(id: u32) -> Option<&'static Rtti> {
    let page = PAGES.get(id as usize / PAGE)?.get()?;
    let p = page[id as usize % PAGE].load(Ordering::Acquire);
    // SAFETY: null, or stored by `register` from a reference that lives for ever.
    unsafe { p.as_ref() }
}

impl Rtti {
    /// The late-filled parts. Complete before any guest code runs.
    pub fn parts(&self) -> &Parts {
        self.parts
            .get()
            .expect("descriptor is completed before use")
    }
    /// Element type of array, slice, pointer, channel or map. Panics for other kinds.
    pub fn elem(&self) -> &'static Rtti {
        self.parts().elem.expect("type has an element")
    }
    /// Key type of a map. Panics for other kinds.
    pub fn key(&self) -> &'static Rtti {
        self.parts().key.expect("type has a key")
    }
    /// Size of a value in bytes (memory format).
    pub fn size(&self) -> usize {
        self.shape.size
    }
}
