//! What belongs to one program's types and is found without being handed around: the
//! universe, numbers of objects, notes about objects.
//!
//! Checking and lowering go on while the program runs, on whatever thread needs a function
//! first. That thread takes the compiler's lock and then [enters](World::enter) the
//! compiler's world. A thread that entered none has one of its own.

use rustc_hash::FxHashMap as HashMap;
use std::cell::{Cell, OnceCell, RefCell};

use super::ty::{Obj, Pkg, Ty};
use super::universe::Universe;

/// See the module text.
pub struct World {
    pub(super) universe: OnceCell<Universe>,
    /// The number of the next object or type parameter.
    pub(super) next_id: Cell<u32>,
    /// Instances of generic types, by origin and a hash of the arguments.
    pub(super) instances: RefCell<HashMap<(Ty, u64), Vec<Ty>>>,
    /// Generic aliases of all packages: parameters and right-hand side.
    pub(super) generic_aliases: RefCell<HashMap<Obj, (Vec<Ty>, Ty)>>,
    /// Type parameters that types declared inside functions mention.
    pub(super) captured: RefCell<HashMap<Obj, Vec<Ty>>>,
    /// Type literals that were declared as aliases.
    pub(super) aliases: RefCell<HashMap<Ty, Obj>>,
    /// Numbers of types declared inside functions.
    pub(super) locals: RefCell<HashMap<Obj, u32>>,
    /// The package whose types messages leave unqualified.
    pub(super) current: Cell<Option<Pkg>>,
}

thread_local! {
    static HERE: Cell<Option<&'static World>> = const { Cell::new(None) };
}

/// The world this thread is in.
#[inline]
pub fn world() -> &'static World {
    HERE.get().unwrap_or_else(|| {
        let w: &'static World = Box::leak(Box::new(World {
            universe: OnceCell::new(),
            next_id: Cell::new(1),
            instances: RefCell::default(),
            generic_aliases: RefCell::default(),
            captured: RefCell::default(),
            aliases: RefCell::default(),
            locals: RefCell::default(),
            current: Cell::new(None),
        }));
        HERE.set(Some(w));
        w
    })
}

impl World {
    /// Makes this the thread's world. No other thread may use it at the same time.
    pub fn enter(&'static self) {
        HERE.set(Some(self));
    }
}
