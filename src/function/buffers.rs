//! The room that evaluations on a thread use again.

use super::needs::Needs;
use super::tangents::Tangents;
use std::cell::Cell;
use std::thread::LocalKey;

/// Directions pushed forward at a time where there are many.
pub(crate) const DIRECTIONS: usize = 8;

thread_local! {
    /// Room that evaluations on this thread use again.
    static SPACE: Cell<Option<Box<Space>>> = const { Cell::new(None) };
}

/// Values without tangents where they are needed; values with them, and adjoints, all zero except during a sweep.
pub(crate) type Along<const N: usize> = (Vec<f64>, Vec<Tangents<N>>, Vec<Tangents<N>>);

#[derive(Default)]
pub(crate) struct Space {
    pub values: Vec<f64>,
    /// All zero, except during a sweep.
    pub adjoints: Vec<f64>,
    pub along: Along<1>,
    pub packs: Along<DIRECTIONS>,
    /// What an output on the tape needs.
    pub needs: Needs,
}

/// Lends what this thread keeps in a cell.
#[inline]
pub(crate) fn lend<T: Default, R>(cell: &'static LocalKey<Cell<T>>, f: impl FnOnce(&mut T) -> R) -> R {
    let mut kept = cell.try_with(Cell::take).unwrap_or_default();
    let result = f(&mut kept);
    // At the end of the thread there is nobody to keep it for.
    let _ = cell.try_with(|cell| cell.set(kept));
    result
}

/// Lends this thread's room.
pub(crate) fn with_space<R>(compute: impl FnOnce(&mut Space) -> R) -> R {
    lend(&SPACE, |space| compute(space.get_or_insert_default()))
}

/// So much of the room, which is grown if need be.
#[inline(always)]
pub(crate) fn room<T: Copy + Default>(room: &mut Vec<T>, len: usize) -> &mut [T] {
    if room.len() < len {
        room.resize(len, T::default());
    }
    &mut room[..len]
}
