//! Memory that is zero from the start and costs nothing until it is touched.

use std::alloc::{Layout, alloc_zeroed};

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

/// `len` zeros, if there is memory for them; `vec!` cannot say that there is none.
pub(super) fn zeros<T: Zero>(len: usize) -> Option<Vec<T>> {
    if len == 0 {
        return Some(Vec::new());
    }
    #[cfg(test)]
    tests::allocate()?;
    let layout = Layout::array::<T>(len).ok()?;
    // SAFETY: the layout has a size, as `len` is not zero and no `Zero` is empty.
    let start = unsafe { alloc_zeroed(layout) };
    // SAFETY: it was allocated as a vector of this capacity allocates, and that many zeros are valid numbers.
    (!start.is_null()).then(|| unsafe { Vec::from_raw_parts(start.cast(), len, len) })
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
