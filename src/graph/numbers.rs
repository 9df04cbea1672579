//! The numbers of epochs, of which each scope of a thread gets one.
//!
//! Without the feature `nalgebra` a handle cannot leave its thread, and every thread counts from the same number.
//! With it a handle can (`simba` asks a number to be `Send`). Then the numbers of two threads must differ, so that a foreign
//! handle is as stale as one from a scope that has ended: a thread takes them in blocks of
//! 2¹⁶ from a counter of the process, and the first block, in which the arena of a thread that has not
//! recorded anything begins, is nobody's.

use super::state::PAUSED;
use crate::arena::FIRST_EPOCH;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether a handle can get into another thread.
pub(super) const HANDLES_TRAVEL: bool = cfg!(feature = "nalgebra");

/// Numbers of a block, as a power of two.
const BLOCK_BITS: u32 = 16;
/// The block that is given out next.
static NEXT_BLOCK: AtomicU64 = AtomicU64::new(1);

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
        if HANDLES_TRAVEL {
            numbers.take_block();
        }
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
        if HANDLES_TRAVEL {
            if self.last.trailing_zeros() >= BLOCK_BITS {
                self.take_block();
            }
        } else if self.last >= PAUSED {
            self.last = FIRST_EPOCH;
        }
        self.last
    }

    /// Whether this thread gave the number out, or will.
    pub(super) fn has(&self, epoch: u64) -> bool {
        !HANDLES_TRAVEL || self.blocks.contains(&(epoch >> BLOCK_BITS))
    }

    #[cold]
    fn take_block(&mut self) {
        // The last block, in which `PAUSED` is, and the first one are never given out.
        let blocks = (PAUSED >> BLOCK_BITS) - 1;
        let block = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) % blocks + 1;
        if !self.blocks.contains(&block) {
            self.blocks.push(block);
        }
        self.last = block << BLOCK_BITS;
    }
}
