//! The memory of the tape: growing it, going back to a place, giving it back.

use super::adjoints::{Adjoints, WINDOW};
use super::lines::LineOfDerivative;
use super::no_room::NoRoom;
use super::place::{EMPTY, Place};
use super::raw::{Arena, SLACK, empty_base};
use super::word::{INDEX_BITS, INDEX_MASK};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::panic::Location;
use std::ptr;

impl Arena {
    /// Asserts that `base`, `end`, `limit` and `capacity` belong together: the tape is never empty, its words fit into the
    /// memory, and [`SLACK`] words fit between the limit and the end of the memory, wherever the tape ends now: going back
    /// leaves the limit as it is. Debug builds check this where they change.
    #[inline(always)]
    pub(super) fn assert_storage(&self) {
        if cfg!(debug_assertions) {
            let (position, capacity) = (self.position(), self.capacity.get());
            let limit = self.position_of(self.limit.get());
            assert!(position >= EMPTY.len() && (position <= capacity || capacity == 0));
            assert!(self.is_lent.get() || capacity != 0 || position == EMPTY.len());
            assert!(limit + SLACK <= capacity || capacity == 0 && limit <= position);
        }
    }

    /// Sets the limit to the position from which on a write must ask: for memory, or whether an index is left.
    ///
    /// A word ends a node, or two if it has a [fused sum](super::word::Word::has_fused_sum), and is then the last of at least two words:
    /// as many words as there are indices left can be written without another check.
    ///
    /// So there are at least as many words as nodes after the 4 words of the dummy node: `position − 4 ≥ end − 1`. With `left`
    /// indices left, `position + left ≥ INDEX_MASK + 3 − SLACK`, which is more than `capacity − SLACK` if the capacity is at most
    /// `INDEX_MASK` words: a tape that has no room for more words than there are indices never runs out of indices.
    ///
    /// Where [lines are kept](super::lines) it is where the memory begins, so that every write asks for room.
    pub(super) fn set_limit(&self) {
        assert!(!self.is_lent.get(), "the memory of a lent tape is elsewhere");
        let position = self.position();
        let left = (INDEX_MASK as usize).saturating_sub(self.end() + SLACK);
        // It may be below the end of the tape: then the next write asks for room.
        let limit = match self.lines.is_kept() {
            true => 0,
            false => (self.capacity.get().saturating_sub(SLACK)).min(position + left),
        };
        // SAFETY: not beyond the capacity; 0 where there is no memory.
        self.limit.set(unsafe { self.base.get().add(limit) });
        self.assert_storage();
    }

    /// Makes room for `more` nodes.
    #[track_caller]
    pub(crate) fn reserve(&self, more: usize) {
        if self.end().saturating_add(more) > INDEX_MASK as usize - SLACK {
            NoRoom::Full.panic();
        }
        self.reserve_words(4 * more);
    }

    /// Makes room for `more` words.
    #[inline]
    #[track_caller]
    pub(super) fn reserve_words(&self, more: usize) {
        if !self.has_room(more) {
            self.lines.ask(Location::caller());
            self.grow(more).unwrap_or_else(|no_room| no_room.panic());
        }
    }

    /// Whether `more` words can be written.
    #[inline(always)]
    pub(super) fn has_room(&self, more: usize) -> bool {
        let needed = self.position() + more + SLACK;
        needed <= self.capacity.get() && !self.is_full() && !self.is_lent.get() && !self.lines.is_kept()
    }

    /// Whether there is no index left.
    fn is_full(&self) -> bool {
        self.end() + SLACK >= INDEX_MASK as usize
    }

    /// Makes room for `more` words.
    pub(super) fn grow(&self, more: usize) -> Result<(), NoRoom> {
        if self.is_retired.get() {
            return Err(NoRoom::Retired);
        }
        if self.is_lent.get() {
            return Err(NoRoom::Lent);
        }
        let position = self.position();
        if self.is_full() {
            return Err(NoRoom::Full);
        }
        let needed = position.saturating_add(more).saturating_add(2 * SLACK);
        let old = self.capacity.get();
        if needed > old {
            let (base, new) = self.allocate(needed.max(old * 2).max(4096)).or_else(|_| self.allocate(needed))?;
            self.base.set(base);
            self.capacity.set(new);
            // SAFETY: `allocate` moved the words up to here with the others, to a memory of more.
            self.end.set(unsafe { base.add(position) });
        }
        self.set_limit();
        self.lines.note(self.next.get());
        Ok(())
    }

    /// Moves the tape to a memory of `new` words.
    fn allocate(&self, new: usize) -> Result<(*mut u64, usize), NoRoom> {
        let old = self.capacity.get();
        let layout = |words: usize| Layout::array::<u64>(words).map_err(|_| NoRoom::NoMemory { words });
        // SAFETY: the sizes are not zero (`grow` asks for more words than the tape has); a `base` of some capacity came from
        // here, with `layout(old)`; and nobody holds a pointer to it, as the tape is not lent.
        let base = unsafe {
            if old == 0 {
                alloc(layout(new)?)
            } else {
                realloc(self.base.get().cast(), layout(old)?, layout(new)?.size())
            }
        };
        let base = base.cast::<u64>();
        if base.is_null() {
            return Err(NoRoom::NoMemory { words: new });
        }
        if old == 0 {
            // SAFETY: the new memory has room for the empty tape.
            unsafe { ptr::copy_nonoverlapping(EMPTY.as_ptr(), base, EMPTY.len()) };
        }
        Ok((base, new))
    }

    /// Goes back to `place`, at which a scope started or the whole tape does, and goes on there in `epoch`: drops the
    /// nodes from there on and all that is known of them.
    #[inline(always)]
    pub(crate) fn restart(&self, epoch: u64, place: Place) {
        assert!(place.index <= self.end() && place.position <= self.position());
        assert!(!self.is_lent.get());
        self.assert_between(place.index, Some(place.position));
        self.next.set(epoch << INDEX_BITS | place.index as u64);
        // SAFETY: not beyond the old end, as asserted above, and so in the memory of the tape (`assert_storage`). Its last node
        // is whole (`assert_nodes`): `place` is between two nodes (`assert_between`), as no sum was fused across it
        // (`push_fused_sum`).
        self.end.set(unsafe { self.base.get().add(place.position) });
        self.adjoints.borrow_mut().truncate(place.index);
        // Those of windows that start up to here stay what they are.
        self.starts.borrow_mut().truncate(place.index / WINDOW + 1);
        if self.lines.is_kept() {
            self.lines.truncate(place.index);
        }
        if self.capacity.get() > INDEX_MASK as usize {
            // More words than indices are free again, so the limit that the indices set has moved.
            self.set_limit();
        }
        self.assert_storage();
    }

    /// Goes on in `epoch`.
    pub(crate) fn go_on(&self, epoch: u64) {
        self.next.set(epoch << INDEX_BITS | self.end() as u64);
    }

    /// Keeps the lines of what is recorded from now on, or drops them all.
    pub(crate) fn keep_lines(&self, keep: bool) {
        self.lines.keep(keep);
        self.set_limit();
    }

    /// Gives to what rules of the crate record the line of the node at `index`, whose derivative it is, or else that of the
    /// caller, if lines are kept.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn set_line_of_derivative(&'static self, index: usize) -> Option<LineOfDerivative> {
        let caller = Location::caller();
        self.lines.is_kept().then(|| {
            let line = self.lines.of(index).map_or(caller, |(line, _)| line);
            LineOfDerivative(&self.lines, self.lines.set_line_of_derivative(Some(line)))
        })
    }

    /// Gives the storage back and records nothing more; handles are stale in the new `epoch`.
    pub(crate) fn retire(&self, epoch: u64) {
        assert!(!self.is_lent.get());
        let capacity = self.capacity.replace(0);
        let base = self.base.replace(empty_base());
        // SAFETY: one past the end of the array.
        self.end.set(unsafe { empty_base().add(EMPTY.len()) });
        if capacity != 0 {
            let layout = Layout::array::<u64>(capacity).expect("it was allocated with this layout");
            // SAFETY: allocated by `allocate` with this layout: `base` is not that of a lent tape, as a thread does not end inside
            // of `tape`. Nobody holds a pointer to it any more.
            unsafe { dealloc(base.cast(), layout) };
        }
        self.open.retire();
        self.adjoints.replace(Adjoints::new());
        self.starts.replace(Vec::new());
        self.is_retired.set(true);
        self.next.set(epoch << INDEX_BITS | 1);
        self.keep_lines(false);
    }
}
