//! The numbers of epochs, of which each scope of a thread gets one.
//!
//! A handle of another graph must be as stale as one from a scope that has ended. It can come from another thread (with the feature
//! `nalgebra` a handle is `Send`, which `simba` asks of a number), or from another copy of this crate in the same process, as
//! a notebook links one for each of its cells. So the numbers of two graphs differ: a thread takes them in blocks of 2¹⁶ from a
//! counter of the process, and where a copy of the crate begins to count depends on where it lies in memory. The first block, in
//! which the arena of a thread that has not recorded anything begins, is given to nobody.

use crate::arena::{FIRST_EPOCH, INDEX_BITS};
use std::sync::atomic::{AtomicU64, Ordering};

/// The epoch of an arena that records no operation: no handle has it.
pub(super) const PAUSED: u64 = (1 << (64 - INDEX_BITS)) - 1;
/// Numbers of a block, as a power of two.
const BLOCK_BITS: u32 = 16;
/// The blocks that can be given out: not the first one, and not the last one, in which [`PAUSED`] is.
const BLOCKS: u64 = (PAUSED >> BLOCK_BITS) - 1;
/// How many blocks were given out.
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// The numbers of one thread.
pub(super) struct Numbers {
    last: u64,
    /// The blocks that the thread took.
    blocks: Vec<u64>,
}

impl Numbers {
    /// Those of a new thread; the first one is given out.
    pub(super) fn new() -> Numbers {
        let mut numbers = Numbers {
            last: FIRST_EPOCH,
            blocks: Vec::new(),
        };
        numbers.take_block();
        numbers
    }

    /// The one that was given out last.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The next one.
    #[inline]
    pub(super) fn advance(&mut self) -> u64 {
        self.last += 1;
        if self.last.trailing_zeros() >= BLOCK_BITS {
            self.take_block();
        }
        self.last
    }

    /// Whether this thread gave the number out, or will.
    pub(super) fn has(&self, epoch: u64) -> bool {
        self.blocks.contains(&(epoch >> BLOCK_BITS))
    }

    #[cold]
    fn take_block(&mut self) {
        // Scattered by a multiplication with a large odd number, as the addresses of two copies may differ in a few bits.
        let copy =
            ((&raw const GIVEN).addr() as u64 >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let block = copy.wrapping_add(given) % BLOCKS + 1;
        if !self.blocks.contains(&block) {
            self.blocks.push(block);
        }
        self.last = block << BLOCK_BITS;
    }
}
