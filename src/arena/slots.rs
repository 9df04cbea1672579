//! How a node of any number of operands is written: slot by slot.

use super::{Arena, Word};

/// A node of any number of operands that is being written. Until it is finished it is not there.
pub(crate) struct Slots<'a> {
    pub(super) arena: &'a Arena,
    pub(super) end: *mut u64,
    pub(super) left: usize,
}

impl Slots<'_> {
    /// Writes two numbers and a word.
    #[inline(always)]
    pub(crate) fn push(&mut self, p: f64, q: f64, word: Word) {
        assert!(self.left > 0, "a slot too many");
        self.left -= 1;
        // SAFETY: there is room for three words for each slot that is left.
        unsafe {
            self.end.cast::<f64>().write(p);
            self.end.add(1).cast::<f64>().write(q);
            self.end.add(2).write(word.0);
            self.end = self.end.add(3);
        }
    }

    /// Appends the node: its slots, a number and a word. Returns its id.
    #[inline(always)]
    pub(crate) fn finish(self, number: f64, word: Word) -> u64 {
        let Slots { arena, end, left } = self;
        let written = (end.addr() - arena.end.get().addr()) / size_of::<u64>();
        assert!(left == 0 && written == word.slots(), "a slot too few");
        let id = arena.next.get();
        // SAFETY: there is room for `SLACK` words after the slots.
        unsafe {
            end.cast::<f64>().write(number);
            end.add(1).write(word.0);
            arena.end.set(end.add(2));
        }
        arena.next.set(id + 1);
        if arena.end.get() > arena.limit.get() {
            arena.set_limit();
        }
        id
    }
}
