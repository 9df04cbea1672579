//! Room for the numbers of a block.

use super::lanes::LANES;
use super::sums::Slot;
use std::cell::Cell;

/// The lanes of a block, and of a small one, which serves the last rows and large programs.
pub(super) const LARGE: usize = 32;
pub(super) const SMALL: usize = LANES;

/// Numbers in slots that begin where a vector may begin.
#[derive(Default)]
pub(super) struct Aligned(Vec<f64>);

/// The numbers in the longest vector.
const ALIGNMENT: usize = 8;

impl Aligned {
    /// Room for so many slots.
    pub(super) fn slots<const W: usize>(&mut self, slots: usize) -> &mut [Slot<W>] {
        let len = slots * W;
        if self.0.len() < len + ALIGNMENT {
            self.0.resize(len + ALIGNMENT, 0.0);
        }
        let offset = self.0.as_ptr().align_offset(ALIGNMENT * size_of::<f64>());
        let offset = if offset < ALIGNMENT { offset } else { 0 };
        self.0[offset..offset + len].as_chunks_mut().0
    }
}

#[derive(Default)]
pub(super) struct Room {
    pub values: Aligned,
    pub adjoints: Aligned,
}

thread_local! {
    /// Room that tasks on this thread use again.
    static ROOM: Cell<Room> = const {
        Cell::new(Room { values: Aligned(Vec::new()), adjoints: Aligned(Vec::new()) })
    };
}

pub(super) fn with_room<R>(f: impl FnOnce(&mut Room) -> R) -> R {
    let mut room = ROOM.try_with(Cell::take).unwrap_or_default();
    let result = f(&mut room);
    // At the end of the thread there is nobody to keep it for.
    let _ = ROOM.try_with(|cell| cell.set(room));
    result
}
