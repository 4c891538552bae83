//! The runtime under the model checker (`cfg(shuttle)`): the standard atomics, with a point
//! before each access at which another thread may go on. They have the size and the zero
//! value of the real ones, so everything that lies in guest memory keeps its layout.
//!
//! The checker runs all threads on one, in orders of its choice, each access whole: it finds
//! what goes wrong in some order of the accesses, not what a weaker memory order would add
//! (`loom_tests` check that for the run queue and the wake-up protocol).

pub use std::sync::atomic::Ordering;

/// Another thread may go on here.
pub fn point() {
    shuttle::thread::yield_now();
}

/// A fence: one more place where others may come in between.
pub fn fence(_: Ordering) {
    point();
}

macro_rules! access {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {$(
        #[inline]
        pub fn $name(&self, $($arg: $ty),*) -> $ret {
            point();
            self.0.$name($($arg),*)
        }
    )*};
}

macro_rules! word {
    ($atomic:ident $(<$g:ident>)?, $value:ty $(, $more:tt)?) => {
        /// As the standard one of this name.
        #[repr(transparent)]
        #[derive(Debug, Default)]
        pub struct $atomic $(<$g>)? (std::sync::atomic::$atomic $(<$g>)?);

        #[allow(dead_code)]
        impl $(<$g>)? $atomic $(<$g>)? {
            pub const fn new(v: $value) -> Self {
                Self(std::sync::atomic::$atomic::new(v))
            }
            pub const fn as_ptr(&self) -> *mut $value {
                self.0.as_ptr()
            }
            pub fn get_mut(&mut self) -> &mut $value {
                self.0.get_mut()
            }
            access! {
                fn load(o: Ordering) -> $value;
                fn store(v: $value, o: Ordering) -> ();
                fn swap(v: $value, o: Ordering) -> $value;
                fn compare_exchange(a: $value, b: $value, o: Ordering, f: Ordering) -> Result<$value, $value>;
                fn compare_exchange_weak(a: $value, b: $value, o: Ordering, f: Ordering) -> Result<$value, $value>;
            }
            $(word!(@$more $value);)?
        }
    };
    (@bits $value:ty) => {
        access! {
            fn fetch_or(v: $value, o: Ordering) -> $value;
            fn fetch_and(v: $value, o: Ordering) -> $value;
        }
    };
    (@number $value:ty) => {
        word!(@bits $value);
        access! {
            fn fetch_add(v: $value, o: Ordering) -> $value;
            fn fetch_sub(v: $value, o: Ordering) -> $value;
            fn fetch_max(v: $value, o: Ordering) -> $value;
        }
    };
}

word!(AtomicBool, bool, bits);
word!(AtomicU8, u8, number);
word!(AtomicU16, u16, number);
word!(AtomicU32, u32, number);
word!(AtomicU64, u64, number);
word!(AtomicUsize, usize, number);
word!(AtomicI32, i32, number);
word!(AtomicI64, i64, number);
word!(AtomicPtr<T>, *mut T);
