//! How nodes are written: one at a time at the end of the tape, or if they have any number of operands, slot by slot or
//! in runs.

use super::adjoints::WINDOW;
use super::raw::{Arena, SLACK};
use super::trampoline;
use super::word::{Form, INDEX_MASK, Word, code};
use crate::rows::{Kind, Op};
use std::panic::Location;

/// Marks the branch it stands in as one that is rarely taken, so that the compiler puts it out of the way.
#[cold]
#[inline(always)]
pub(crate) fn cold_path() {}

/// Where the next node is written.
///
/// An operation loads `next` and `end` before it stores anything, and stores their new values after the node: so the
/// compiler can keep both in registers from one operation to the next. If they were loaded after a store to the tape,
/// which for all that it knows might have changed them, each operation would wait for the store of the one before.
#[derive(Clone, Copy)]
pub(crate) struct WriteHead<'a> {
    arena: &'a Arena,
    next: u64,
    end: *mut u64,
}

impl<'a> WriteHead<'a> {
    /// The tape's arena.
    #[inline(always)]
    pub(crate) fn arena(self) -> &'a Arena {
        self.arena
    }

    /// The id that the next node will have.
    #[inline(always)]
    pub(crate) fn next(self) -> u64 {
        self.next
    }

    /// Whether nothing was written since it was read, and the tape has not moved: a scope that opened, grew the tape and ended
    /// leaves the next index as it was, and moves the end. Where all is inlined, there is nothing left of this.
    #[inline(always)]
    fn is_up_to_date(self) -> bool {
        self.end == self.arena.end.get() && self.next == self.arena.next.get()
    }

    /// Checks that an operand is a node before the next one, in debug builds. A sweep relies on it.
    #[inline(always)]
    fn assert_operand(self, a: u64) {
        debug_assert!(a & INDEX_MASK < self.next & INDEX_MASK);
    }

    /// Appends a leaf.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn leaf(self, value: f64) -> u64 {
        self.push([value], Word::LEAF)
    }

    /// Appends a node with one active operand, `a`. `with` is its constant operand or its integer parameter, unless it has none
    /// or the partial gives it.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn one(self, op: Op, form: Form, a: u64, p: f64, with: Option<f64>) -> u64 {
        self.assert_operand(a);
        let b = op as u64 | (form as u64) << 8;
        match (op.kind(), with) {
            (Kind::Smooth, None) => self.push([p], Word::new(code::ONE, 0, a, b)),
            (Kind::Smooth, Some(q)) => self.push([p, q], Word::new(code::ONE_WITH, 0, a, b)),
            (_, None) => self.push([p], Word::new(code::BY_SUBCODE, code::SWITCH, a, b)),
            (_, Some(q)) => self.push([p, q], Word::new(code::BY_SUBCODE, code::SWITCH_WITH, a, b)),
        }
    }

    /// Appends a node with two active operands, of any operation but sum and difference.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn two(self, op: Op, a: u64, b: u64, p: f64, q: f64) -> u64 {
        self.assert_operand(a);
        self.assert_operand(b);
        let pair = match op.kind() {
            _ if op == Op::Mul => return self.push([p, q], Word::new(code::TWO, 0, a, b)),
            Kind::Smooth => code::PAIR,
            Kind::Switch | Kind::Step => code::SWITCH_PAIR,
        };
        let numbers = [p, q, f64::from(op as u8)];
        self.push(numbers, Word::new(code::BY_SUBCODE, pair, a, b))
    }

    /// Appends a sum, or a difference.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn sum(self, is_difference: bool, a: u64, b: u64) -> u64 {
        self.assert_operand(a);
        self.assert_operand(b);
        let subcode = if is_difference { code::MINUS } else { 0 };
        self.push([], Word::new(code::ADD, subcode, a, b))
    }

    /// Appends the sum or the difference of the last node and another one, with the signs and the side that `subcode` gives.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn sum_with_last(self, subcode: u8, other: u64) -> u64 {
        self.assert_operand(other);
        self.push([], Word::new(code::ADD_LAST, subcode, other, 0))
    }

    /// Appends an output of the segment at `head`.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn output(self, head: u64, value: f64) -> u64 {
        self.assert_operand(head);
        self.push([value], Word::new(code::BY_SUBCODE, code::OUTPUT, head, 0))
    }

    /// Appends a node: its numbers and its word. Returns its id.
    #[inline(always)]
    #[track_caller]
    fn push<const N: usize>(self, numbers: [f64; N], word: Word) -> u64 {
        const { assert!(N < SLACK) };
        assert!(self.is_up_to_date());
        let WriteHead { arena, next, mut end } = self;
        if end >= arena.limit.get() {
            cold_path();
            arena.grow_for_write();
            end = arena.end.get();
        }
        // SAFETY: there is room for `SLACK` words, of which these are no more. Either `end < limit`, and by
        // `Arena::assert_storage` as many words fit after the limit; or `grow` has made room for them, or panicked.
        unsafe {
            end.cast::<[f64; N]>().write_unaligned(numbers);
            end.add(N).write(word.0);
            arena.end.set(end.add(N + 1));
        }
        arena.next.set(next + 1);
        next
    }

    /// Fuses the sum of the last two nodes into the last one, and returns its id, if that can be.
    ///
    /// The sum gets an index, but no word: a bit of the last word says that it is there. No other word of the tape ever changes.
    /// The caller sees to it that both nodes are of the scope that is current. So the place at which an open scope started
    /// is never between a node and the sum that is fused into it, and going back to it drops both or none.
    #[inline(always)]
    pub(crate) fn push_fused_sum(self) -> Option<u64> {
        assert!(self.is_up_to_date());
        let WriteHead { arena, next, end } = self;
        // SAFETY: by `Arena::assert_storage` the tape is never empty, and `end` is just after its last word. Where that is
        // the static word of the empty tape, which may not be written to, it is a leaf's, which can take no sum.
        unsafe {
            let last = end.sub(1);
            let word = Word(last.read());
            if !word.can_take_sum() {
                return None;
            }
            if next.is_multiple_of(WINDOW as u64) | (end >= arena.limit.get()) {
                return None; // a window may not start between the two; and while lines are kept, each node has its own
            }
            last.write(word.0 | code::FUSED as u64);
        }
        arena.end.set(end); // unchanged; stored so that the compiler knows it
        arena.next.set(next + 1);
        Some(next)
    }
}

/// A node of any number of operands that is being written. Until it is finished it is not there.
pub(crate) struct Slots<'a> {
    arena: &'a Arena,
    /// The id of the node.
    next: u64,
    end: *mut u64,
    left: usize,
}

impl Slots<'_> {
    /// Writes two numbers and a word.
    #[inline(always)]
    pub(crate) fn push(&mut self, p: f64, q: f64, word: Word) {
        assert!(self.left > 0, "a slot too many");
        debug_assert!(self.next == self.arena.next.get());
        self.arena.write_head().assert_operand(word.a() as u64);
        self.arena.write_head().assert_operand(word.b() as u64);
        self.left -= 1;
        // SAFETY: `Arena::slots` made room for three words for each slot, and this one is among them. Nothing was recorded since,
        // which could have moved the tape: what is called between two slots works out partials, and is not the user's code.
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
        let Slots { arena, next, end, left } = self;
        assert!(next == arena.next.get(), "a node between two slots");
        // Another number if the tape has moved, by a scope that opened, grew it and ended.
        let written = end.addr().wrapping_sub(arena.end.get().addr()) / size_of::<u64>();
        assert!(left == 0 && written == word.operands(), "a slot too few");
        // SAFETY: that many words were written after the end, and `Arena::slots` made room for `SLACK` more.
        unsafe { arena.finish(word, number) }
    }
}

/// A node of `R` runs of operands that is being written. Until it is finished it is not there.
pub(crate) struct Runs<'a, const R: usize> {
    arena: &'a Arena,
    /// The id of the node.
    next: u64,
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
        debug_assert!(self.next == self.arena.next.get());
        debug_assert!(self.at.wrapping_sub(self.count - self.left).cast() == self.arena.end.get());
        self.left -= 1;
        for (run, number) in numbers.into_iter().enumerate() {
            // SAFETY: `Arena::runs` made room for `R` runs of `count` numbers and a word, and this number is one of those
            // that are left in each. As with slots, nothing was recorded since.
            unsafe { self.at.add(run * (self.count + 1)).write(number) };
        }
        // SAFETY: not beyond the word of the first run.
        self.at = unsafe { self.at.add(1) };
    }

    /// Appends the node: its runs, each of which begins at an operand and goes on by a stride, a number and a word.
    /// Returns its id.
    #[inline(always)]
    pub(crate) fn finish(self, runs: [Word; R], number: f64, word: Word) -> u64 {
        let Runs { arena, next, at, count, left } = self;
        assert!(next == arena.next.get(), "a node between two numbers");
        let start = at.wrapping_sub(count).cast::<u64>();
        assert!(start == arena.end.get(), "the tape has moved");
        assert!(left == 0 && word.operands() == R * (count + 1), "a number too few");
        // SAFETY: there is room for the words of the runs, as the tape has not moved; then all words were written, and there is room for
        // `SLACK` more.
        unsafe {
            for (run, word) in runs.into_iter().enumerate() {
                let last = word.a() as isize + (count as isize - 1) * word.stride();
                arena.write_head().assert_operand(word.a() as u64);
                debug_assert!(count > 0 && last >= 0);
                arena.write_head().assert_operand(last as u64);
                arena.end.get().add(run * (count + 1) + count).write(word.0);
            }
            arena.finish(word, number)
        }
    }
}

impl Arena {
    /// Where the next node is written.
    #[inline(always)]
    pub(crate) fn write_head(&self) -> WriteHead<'_> {
        WriteHead { arena: self, next: self.next.get(), end: self.end.get() }
    }

    /// Begins a node with `count` slots: makes room for them.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn slots(&self, count: usize) -> Slots<'_> {
        self.reserve_words(3 * count + SLACK);
        Slots { arena: self, next: self.next.get(), end: self.end.get(), left: count }
    }

    /// Begins a node of runs of `count` operands each, at least one: makes room for them.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn runs<const R: usize>(&self, count: usize) -> Runs<'_, R> {
        self.reserve_words(R * (count + 1) + SLACK);
        Runs { arena: self, next: self.next.get(), at: self.end.get().cast(), count, left: count }
    }

    /// Appends a node whose operands have been written after the end: its number and its word. Returns its id.
    ///
    /// # Safety
    ///
    /// `word.operands()` words have been written, and there is room for two more and `SLACK`.
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
        self.assert_storage();
        id
    }

    /// Makes room for one more operation, on the cold branch of a write.
    #[inline(always)]
    #[track_caller]
    fn grow_for_write(&self) {
        self.lines.ask(Location::caller());
        trampoline::grow_preserving_registers();
        if let Some(no_room) = self.no_room.get() {
            no_room.panic();
        }
    }
}
