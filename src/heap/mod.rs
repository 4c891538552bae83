//! The guest heap: typed objects, the collector, and the data structures that live in it.
//!
//! Reading order: `rtti` (what a type looks like), `mem` (how guest memory may be
//! touched), `block` (address region, size classes, side tables), `alloc` (the heap and
//! the per-processor caches), `gc` (marking), `sweep` (freeing), `cycle` and `barrier` (the same
//! beside the running program), `hash` (equality and hashing
//! of any comparable type), `map` and `table` (Go's map).

pub mod alloc;
pub mod barrier;
pub mod block;
pub mod capacity;
mod cycle;
pub mod gc;
pub mod hash;
pub mod map;
pub mod mem;
pub mod rtti;
mod stats;
mod sweep;
mod table;

pub use alloc::{AllocCache, FixedShape, Heap, heap, zero_base};
pub use gc::Marker;
pub use stats::Stats;
