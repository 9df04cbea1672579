//! How the tape is lent to a reader, and where on it the node of an index is.
//!
//! Nodes differ in length, so the position of a node is known only from that of the node after it. Whoever wants one
//! somewhere in the middle would have to walk down to it from the end. So the arena keeps the position at which each
//! [`WINDOW`] of nodes starts, computed for all new windows at once, when the walks without it have cost as much as that.
//! Recording takes no part in this.

use super::adjoints::WINDOW;
use super::place::{EMPTY, Place};
use super::raw::{Arena, empty_base};
use super::tape::Tape;

impl Arena {
    /// Lends the tape while nothing can be recorded.
    #[inline]
    pub(crate) fn tape<R>(&self, f: impl FnOnce(Tape<'_>) -> R) -> R {
        struct Restore<'a>(&'a Arena, [*mut u64; 3]);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                let [base, end, limit] = self.1;
                self.0.base.set(base);
                self.0.end.set(end);
                self.0.limit.set(limit);
                self.0.is_lent.set(false);
            }
        }
        assert!(!self.is_lent.get(), "the tape is lent already");
        // SAFETY: by `assert_storage` the words from the base to the end are initialised and of one memory; they stay as they are, as
        // the pointers leave the arena: nothing else reads, writes or grows the words until `Restore` brings them back.
        let words = unsafe { std::slice::from_raw_parts(self.base.get(), self.position()) };
        let tape = Tape { words, end: self.end() };
        let _restore = Restore(self, [self.base.get(), self.end.get(), self.limit.get()]);
        // SAFETY: one past the end of the array.
        let empty = unsafe { empty_base().add(EMPTY.len()) };
        self.base.set(empty_base());
        self.end.set(empty);
        self.limit.set(empty);
        self.is_lent.set(true);
        f(tape)
    }

    /// [`Tape::assert_nodes`] in debug builds, where the tape is small: it looks at every node.
    #[inline(always)]
    pub(super) fn assert_nodes(&self) {
        if cfg!(debug_assertions) && self.end() < 4 * WINDOW {
            self.tape(|tape| tape.assert_nodes());
        }
    }

    /// Checks that an index is between two nodes, and not between a node and the sum that is fused into it, and where that is if the
    /// position is given; in debug builds, where the tape is small. A sweep can stop there, and a scope can end.
    #[inline(always)]
    pub(super) fn assert_between(&self, index: usize, position: Option<usize>) {
        if cfg!(debug_assertions) && self.end() < 4 * WINDOW {
            let found = self.tape(|tape| tape.down_to(tape.last(), index));
            assert!(found.index == index && position.is_none_or(|position| position == found.position));
        }
    }

    /// The place before the node `index`; if that is a sum fused into the node before it, the place after the two.
    #[inline]
    pub(crate) fn place_before(&self, index: usize) -> Place {
        let end = self.place();
        if index == end.index {
            return end;
        }
        self.find(end, index)
    }

    /// An index at or just below `index` that is not that of a sum fused into the node before it: a sweep can stop there.
    pub(crate) fn floor_at(&self, index: usize) -> usize {
        match self.place_before(index).index == index {
            true => index,
            false => index - 1,
        }
    }

    /// As [`place_before`](Arena::place_before), from some place above it on.
    #[inline(never)]
    pub(crate) fn find(&self, above: Place, index: usize) -> Place {
        self.tape(|tape| self.find_in(tape, above, index))
    }

    /// As [`place_before`](Arena::place_before), of the tape that is being read.
    pub(crate) fn place_in(&self, tape: Tape<'_>, index: usize) -> Place {
        self.find_in(tape, tape.last(), index)
    }

    fn find_in(&self, tape: Tape<'_>, above: Place, index: usize) -> Place {
        debug_assert!(index <= above.index);
        let mut starts = self.starts.borrow_mut();
        let window = index.div_ceil(WINDOW);
        if window >= starts.len() {
            // Worked out when as many nodes have been walked over as that takes, so the total cost at most doubles.
            let walked = self.walked.get() + above.index - index;
            self.walked.set(walked);
            if walked + starts.len() * WINDOW < tape.end {
                return tape.down_to(above, index);
            }
            tape.extend_starts(&mut starts);
            self.walked.set(0);
        }
        match starts.get(window) {
            Some(&position) if window * WINDOW < above.index => {
                let index_there = (window * WINDOW).max(1);
                let start = Place { index: index_there, position };
                tape.down_to(start, index)
            }
            _ => tape.down_to(above, index),
        }
    }
}
