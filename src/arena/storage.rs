//! The memory of the tape: growing it, giving it back, and refusing where there is none.

use super::{Adjoints, Arena, EMPTY, INDEX_BITS, INDEX_MASK, SLACK, arena, empty_base, trampoline};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::panic::Location;
use std::ptr;

/// Why an arena cannot grow.
#[derive(Clone, Copy)]
pub(super) enum Refusal {
    Lent,
    Retired,
    Full,
    NoMemory { words: usize },
}

/// Makes room in this thread's arena for one operation, or says in `refusal` why not.
pub(super) extern "sysv64" fn grow_for_write() {
    let arena = arena();
    arena.refusal.set(arena.grow(SLACK).err());
}

impl Arena {
    /// Asserts that `base`, `end`, `limit` and `capacity` belong together: the tape is never empty, its words fit into the
    /// memory, and up to the limit, and [`SLACK`] words more, there is room. Debug builds check this where they change.
    #[inline(always)]
    pub(super) fn assert_storage(&self) {
        if cfg!(debug_assertions) {
            let (position, capacity) = (self.position(), self.capacity.get());
            let limit = self.position_of(self.limit.get());
            assert!(position >= EMPTY.len() && (position <= capacity || capacity == 0));
            assert!(self.is_lent.get() || capacity != 0 || position == EMPTY.len());
            assert!(limit + SLACK <= capacity || limit <= position || capacity == 0);
        }
    }

    /// Puts the limit where there is no more room, or there may be no more indices.
    ///
    /// A word ends a node, or two if it has a [fused sum](Word::has_fused_sum), and is then the last of at least two words:
    /// as many words as there are indices left can be written without another look. A tape that has no room for more
    /// words than there are indices never runs out of indices.
    ///
    /// Where [lines are kept](super::lines) it is where the tape ends, so that every write asks for room.
    pub(super) fn set_limit(&self) {
        if self.lines.is_kept() {
            self.limit.set(self.base.get());
            return;
        }
        let position = self.position();
        let left = (INDEX_MASK as usize).saturating_sub(self.end() + SLACK);
        let limit = (self.capacity.get().saturating_sub(SLACK))
            .min(position + left)
            .max(position);
        // SAFETY: below the capacity, or the end itself.
        self.limit.set(unsafe { self.base.get().add(limit) });
    }

    /// Makes room for `more` nodes.
    #[track_caller]
    pub(crate) fn reserve(&self, more: usize) {
        if self.end().saturating_add(more) > INDEX_MASK as usize - SLACK {
            self.refuse(Refusal::Full);
        }
        self.reserve_words(4 * more);
    }

    /// Makes room for `more` words.
    #[inline]
    #[track_caller]
    pub(super) fn reserve_words(&self, more: usize) {
        if !self.has_room(more) {
            self.lines.ask(Location::caller());
            self.grow(more)
                .unwrap_or_else(|refusal| self.refuse(refusal));
        }
    }

    /// Whether `more` words can be written.
    #[inline(always)]
    pub(super) fn has_room(&self, more: usize) -> bool {
        let needed = self.position() + more + SLACK;
        needed <= self.capacity.get()
            && !self.is_full()
            && !self.is_lent.get()
            && !self.lines.is_kept()
    }

    /// Whether there is no index left.
    fn is_full(&self) -> bool {
        self.end() + SLACK >= INDEX_MASK as usize
    }

    /// Makes room for one more operation, on the cold branch of a write.
    #[inline(always)]
    #[track_caller]
    pub(super) fn grow_for_write(&self) {
        self.lines.ask(Location::caller());
        trampoline::grow_preserving_registers();
        if let Some(refusal) = self.refusal.get() {
            self.refuse(refusal);
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn refuse(&self, refusal: Refusal) -> ! {
        match refusal {
            Refusal::Lent => {
                panic!("scalargrad: the graph is being swept; nothing can be recorded in it now")
            }
            Refusal::Retired => panic!(
                "scalargrad: this thread is ending and its graph is gone; \
                 use `value()` in destructors of thread-local values, or finish before the thread ends"
            ),
            Refusal::Full => panic!(
                "scalargrad: the graph is full: {INDEX_MASK} nodes are the most that one thread can record. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`"
            ),
            Refusal::NoMemory { words } => panic!(
                "scalargrad: no memory for a graph of {} bytes; the graph is unchanged. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`",
                words.saturating_mul(size_of::<u64>())
            ),
        }
    }

    /// Makes room for `more` words.
    fn grow(&self, more: usize) -> Result<(), Refusal> {
        if self.is_retired.get() {
            return Err(Refusal::Retired);
        }
        if self.is_lent.get() {
            return Err(Refusal::Lent);
        }
        let position = self.position();
        if self.is_full() {
            return Err(Refusal::Full);
        }
        let needed = position.saturating_add(more).saturating_add(2 * SLACK);
        let old = self.capacity.get();
        if needed > old {
            let (base, new) = self
                .allocate(needed.max(old * 2).max(4096))
                .or_else(|_| self.allocate(needed))?;
            self.base.set(base);
            self.capacity.set(new);
            // SAFETY: the words up to here have been moved with the others.
            self.end.set(unsafe { base.add(position) });
        }
        self.set_limit();
        self.lines.note(self.next.get());
        self.assert_storage();
        Ok(())
    }

    /// Moves the tape to a memory of `new` words.
    fn allocate(&self, new: usize) -> Result<(*mut u64, usize), Refusal> {
        let old = self.capacity.get();
        let layout =
            |words: usize| Layout::array::<u64>(words).map_err(|_| Refusal::NoMemory { words });
        // SAFETY: the sizes are not zero; a `base` of some capacity came from this allocator with
        // `layout(old)`.
        let base = unsafe {
            if old == 0 {
                alloc(layout(new)?)
            } else {
                realloc(self.base.get().cast(), layout(old)?, layout(new)?.size())
            }
        };
        let base = base.cast::<u64>();
        if base.is_null() {
            return Err(Refusal::NoMemory { words: new });
        }
        if old == 0 {
            // SAFETY: the new memory has room for the empty tape.
            unsafe { ptr::copy_nonoverlapping(EMPTY.as_ptr(), base, EMPTY.len()) };
        }
        Ok((base, new))
    }

    /// Gives the storage back and records nothing more; handles are stale in the new `epoch`.
    pub(crate) fn retire(&self, epoch: u64) {
        let capacity = self.capacity.replace(0);
        let base = self.base.replace(empty_base());
        // SAFETY: one past the end of the array.
        self.end.set(unsafe { empty_base().add(EMPTY.len()) });
        if capacity != 0 {
            let layout = Layout::array::<u64>(capacity).expect("it was allocated with this layout");
            // SAFETY: allocated by `allocate` with this layout, and no longer reachable.
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
