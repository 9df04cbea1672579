//! The numbers of epochs, of which each scope of a thread gets one.
//!
//! A handle of another graph must be as stale as one from a scope that has ended. It can come from another thread (with the feature
//! `nalgebra` a handle is `Send`, which `simba` asks of a number), or from another copy of this crate in the same process, as
//! a notebook links one for each of its cells. So the numbers of two graphs differ: a thread takes them in blocks of 2¹⁶ from a
//! list of the process, to which it gives back those that it has not used when it ends, and where a copy of the crate
//! begins to count depends on where it lies in memory. The first block is never given out: the arena of a thread that has
//! not recorded anything begins in it.
//!
//! Only even numbers are given out: [`is_current`](crate::arena::is_current) rests on that.

use crate::arena::{EPOCH_STEP, FIRST_EPOCH, INDEX_BITS};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The epoch of an arena that records no operation: no handle has it.
pub(super) const PAUSED: u64 = (1 << (64 - INDEX_BITS)) - 1;
/// The numbers of a block.
const BLOCK: u64 = 1 << 16;
/// The blocks that can be given out: not the first one, and not the last one, in which [`PAUSED`] is.
const BLOCKS: u64 = PAUSED / BLOCK - 1;

/// What the threads of the process share.
static STORE: Mutex<Store> = Mutex::new(Store { given: 0, rests: Vec::new() });

struct Store {
    /// How many blocks were given out.
    given: u64,
    /// Numbers that threads which have ended did not use.
    rests: Vec<Range<u64>>,
}

impl Store {
    fn take(&mut self) -> Range<u64> {
        if let Some(rest) = self.rests.pop() {
            return rest;
        }
        // Scattered by a multiplication with a large odd number, as the addresses of two copies may differ in a few bits.
        let copy = ((&raw const STORE).addr() as u64 >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let block = copy.wrapping_add(self.given) % BLOCKS + 1;
        self.given += 1;
        block * BLOCK..(block + 1) * BLOCK
    }
}

fn store() -> MutexGuard<'static, Store> {
    // Nothing panics while it is held, so what a poisoned lock guards is whole.
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The numbers of one thread.
pub(super) struct Numbers {
    last: u64,
    /// What the thread took, the numbers that it is giving out last.
    taken: Vec<Range<u64>>,
}

impl Numbers {
    /// The numbers of a new thread; the first one is given out.
    pub(super) fn new() -> Numbers {
        let mut numbers = Numbers { last: FIRST_EPOCH, taken: Vec::new() };
        numbers.take_more();
        numbers
    }

    /// The one that was given out last.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The next one.
    #[inline]
    pub(super) fn advance(&mut self) -> u64 {
        self.last += EPOCH_STEP;
        // A range ends where a block does.
        if self.last.is_multiple_of(BLOCK) {
            self.take_more();
        }
        self.last
    }

    /// Whether this thread gave the number out, or will.
    pub(super) fn has(&self, epoch: u64) -> bool {
        self.order(epoch).is_some()
    }

    /// Whether this thread gave out a number after another one.
    pub(super) fn is_after(&self, epoch: u64, other: u64) -> bool {
        self.order(epoch) > self.order(other)
    }

    /// A key that grows in the order of use; `None` for another thread's number.
    fn order(&self, epoch: u64) -> Option<(usize, u64)> {
        let range = self.taken.iter().rposition(|range| range.contains(&epoch));
        range.map(|range| (range, epoch))
    }

    #[cold]
    fn take_more(&mut self) {
        let range = store().take();
        self.last = range.start;
        match self.taken.last_mut() {
            Some(before) if before.end == range.start => before.end = range.end,
            _ => self.taken.push(range),
        }
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        let next = self.last + EPOCH_STEP;
        if !next.is_multiple_of(BLOCK) {
            let end = next.next_multiple_of(BLOCK);
            store().rests.push(next..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCKS, Numbers};

    #[test]
    fn numbers_are_even_and_never_the_same() {
        let mut numbers = Numbers::new();
        let mut before = numbers.last();
        let mut seen = std::collections::HashSet::from([before]);
        for _ in 0..3 * super::BLOCK / 2 {
            let next = numbers.advance();
            assert!(next.is_multiple_of(2) && numbers.has(next) && seen.insert(next));
            before = next;
        }
        drop(numbers);
        assert!(!seen.contains(&Numbers::new().last()), "{before}");
    }

    #[test]
    fn a_number_is_not_given_out_again_however_many_threads_there_were() {
        let first = Numbers::new();
        for _ in 0..BLOCKS + 10 {
            assert_ne!(Numbers::new().last(), first.last());
        }
    }
}
