//! How a node of any number of operands is written: slot by slot, or in runs.

use super::{Arena, SLACK, Word};

/// A node of any number of operands that is being written. Until it is finished it is not there.
pub(crate) struct Slots<'a> {
    arena: &'a Arena,
    end: *mut u64,
    left: usize,
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
        assert!(left == 0 && written == word.operands(), "a slot too few");
        // SAFETY: that many words were written, and there is room for `SLACK` more.
        unsafe { arena.finish(word, number) }
    }
}

/// A node of `R` runs of operands that is being written. Until it is finished it is not there.
pub(crate) struct Runs<'a, const R: usize> {
    arena: &'a Arena,
    /// Where the next number of the first run goes.
    at: *mut f64,
    count: usize,
    left: usize,
}

impl<const R: usize> Runs<'_, R> {
    /// Writes a number to each run.
    #[inline(always)]
    pub(crate) fn push(&mut self, numbers: [f64; R]) {
        assert!(self.left > 0, "a number too many");
        self.left -= 1;
        for (run, number) in numbers.into_iter().enumerate() {
            // SAFETY: there is room for `R` runs of `count` numbers and a word, and in each for those that are left.
            unsafe { self.at.add(run * (self.count + 1)).write(number) };
        }
        // SAFETY: not beyond the word of the first run.
        self.at = unsafe { self.at.add(1) };
    }

    /// Appends the node: its runs, each of which begins at an operand and goes on by a stride, a number and a word.
    /// Returns its id.
    #[inline(always)]
    pub(crate) fn finish(self, runs: [Word; R], number: f64, word: Word) -> u64 {
        let Runs {
            arena, count, left, ..
        } = self;
        assert!(
            left == 0 && word.operands() == R * (count + 1),
            "a number too few"
        );
        // SAFETY: there is room for the words of the runs; then all words were written, and there is room for
        // `SLACK` more.
        unsafe {
            for (run, word) in runs.into_iter().enumerate() {
                arena.end.get().add(run * (count + 1) + count).write(word.0);
            }
            arena.finish(word, number)
        }
    }
}

impl Arena {
    /// Begins a node with `count` slots: makes room for them.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn slots(&self, count: usize) -> Slots<'_> {
        self.reserve_words(3 * count + SLACK);
        Slots {
            arena: self,
            end: self.end.get(),
            left: count,
        }
    }

    /// Begins a node of runs of `count` operands each, if there is room.
    #[inline(always)]
    pub(crate) fn try_runs<const R: usize>(&self, count: usize) -> Option<Runs<'_, R>> {
        self.has_room(R * (count + 1) + SLACK).then_some(Runs {
            arena: self,
            at: self.end.get().cast(),
            count,
            left: count,
        })
    }

    /// Appends a node whose operands have been written after the end: its number and its word. Returns its id.
    ///
    /// # Safety
    ///
    /// So many words as the word tells have been written, and there is room for two more and `SLACK`.
    #[inline(always)]
    unsafe fn finish(&self, word: Word, number: f64) -> u64 {
        debug_assert!(self.position() + word.words() + SLACK <= self.capacity.get());
        let id = self.next.get();
        // SAFETY: the caller's promise.
        unsafe {
            let end = self.end.get().add(word.operands());
            end.cast::<f64>().write(number);
            end.add(1).write(word.0);
            self.end.set(end.add(2));
        }
        self.next.set(id + 1);
        if self.end.get() > self.limit.get() {
            self.set_limit();
        }
        id
    }
}
