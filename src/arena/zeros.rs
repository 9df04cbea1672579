//! Memory that is zero from the start and costs nothing until it is touched.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// A number for which all bits zero is the number zero.
///
/// # Safety
///
/// Memory of zeros is a valid number, and its size is not zero.
pub(super) unsafe trait Zero: Copy {}
// SAFETY: 0.0 is all zeros.
unsafe impl Zero for f64 {}
// SAFETY: so is 0.
unsafe impl Zero for u8 {}

/// A slice of zeros on the heap. As a vector would be, but a vector that is filled with zeros either touches all of
/// its memory or cannot say that there is none.
pub(super) struct Zeros<T: Zero> {
    start: NonNull<T>,
    len: usize,
}

impl<T: Zero> Zeros<T> {
    /// No numbers.
    pub(super) const fn new() -> Self {
        Zeros {
            start: NonNull::dangling(),
            len: 0,
        }
    }

    /// So many zeros, if there is memory for them.
    pub(super) fn try_new(len: usize) -> Option<Self> {
        if len == 0 {
            return Some(Self::new());
        }
        #[cfg(test)]
        tests::allocate()?;
        let layout = Layout::array::<T>(len).ok()?;
        // SAFETY: the layout has a size, as `len` is not zero and no `Zero` is empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?.cast();
        Some(Zeros { start, len })
    }

    /// Where the numbers are.
    #[inline(always)]
    pub(super) fn pointer(&mut self) -> *mut T {
        self.start.as_ptr()
    }
}

impl<T: Zero> Default for Zeros<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Zero> Deref for Zeros<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `start` is dangling with a `len` of 0, or leads to `len` numbers that `alloc_zeroed` made, which
        // only this value refers to.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Zero> DerefMut for Zeros<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; `self` is borrowed for as long as the slice.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: Zero> Drop for Zeros<T> {
    fn drop(&mut self) {
        if self.len != 0 {
            let layout = Layout::array::<T>(self.len).expect("it was allocated with this layout");
            // SAFETY: allocated in `try_new` with this layout, and no longer referred to.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) };
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// How many more allocations there is memory for.
        pub(crate) static ALLOCATIONS: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub(super) fn allocate() -> Option<()> {
        let left = ALLOCATIONS.get().checked_sub(1)?;
        ALLOCATIONS.set(left);
        Some(())
    }
}
