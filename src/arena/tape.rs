//! The tape as it is read: its words, and the way down from node to node.

use super::adjoints::WINDOW;
use super::place::{EMPTY, Place};
use super::word::{Word, code};

/// The tape, to be read.
#[derive(Clone, Copy)]
pub(crate) struct Tape<'a> {
    pub(super) words: &'a [u64],
    pub(super) end: usize,
}

/// The last words of a node, and words before it where it is shorter.
#[derive(Clone, Copy)]
pub(crate) struct LastWords<'a>(pub(crate) &'a [u64; EMPTY.len()]);

impl LastWords<'_> {
    /// The word that ends the node.
    #[inline(always)]
    pub(crate) fn word(self) -> Word {
        Word(self.0[EMPTY.len() - 1])
    }

    /// The number `back` words before that.
    #[inline(always)]
    pub(crate) fn number(self, back: usize) -> f64 {
        f64::from_bits(self.0[EMPTY.len() - 1 - back])
    }
}

impl<'a> Tape<'a> {
    /// The index after the last node.
    pub(crate) fn end(self) -> usize {
        self.end
    }

    /// The place after the last node.
    pub(super) fn last(self) -> Place {
        Place { index: self.end, position: self.words.len() }
    }

    /// The word that ends at a position.
    #[inline(always)]
    pub(crate) fn word(self, position: usize) -> Word {
        Word(self.words[position - 1])
    }

    /// The last words before a position.
    #[inline(always)]
    pub(crate) fn last_words(self, position: usize) -> LastWords<'a> {
        let words = self.words[..position].last_chunk();
        LastWords(words.expect("the dummy node is as long"))
    }

    /// Calls `each` with the operands of a node of any number that ends at a position: the index of each, and the number that is
    /// stored next to it.
    #[inline(always)]
    pub(crate) fn each_operand(self, position: usize, mut each: impl FnMut(usize, f64)) {
        let (word, end) = (self.word(position), position - 2);
        let (words, count) = (&self.words[end - word.operands()..end], word.b());
        match word.runs() {
            0 => {
                for (i, slot) in words.chunks_exact(3).enumerate() {
                    let indices = Word(slot[2]);
                    each(indices.a(), f64::from_bits(slot[0]));
                    if 2 * i + 1 < count {
                        each(indices.b(), f64::from_bits(slot[1]));
                    }
                }
            }
            _ => {
                let len = word.run_len();
                for k in 0..len {
                    for run in words.chunks_exact(len + 1) {
                        let word = Word(run[len]);
                        let index = word.a().wrapping_add_signed(k as isize * word.stride());
                        each(index, f64::from_bits(run[k]));
                    }
                }
            }
        }
    }

    /// Calls `each` with the index of every operand to whose adjoint the step of the node that ends at a position adds, as
    /// the word has it: not with those that are known to be the nodes just before this one.
    fn each_stored_operand(self, position: usize, mut each: impl FnMut(usize)) {
        let word = self.word(position);
        match (word.code(), word.subcode()) {
            (code::BY_SUBCODE, code::LEAF) => {}
            (code::BY_SUBCODE, code::NARY | code::CHECKPOINT) => {
                self.each_operand(position, |index, _| each(index));
            }
            (code::ADD | code::TWO | code::TWO_FUSED, _) | (code::BY_SUBCODE, code::PAIR | code::SWITCH_PAIR) => {
                each(word.a());
                each(word.b());
            }
            _ => each(word.a()),
        }
    }

    /// Asserts that the words of the tape are whole nodes, as many as the next index says, with the operands of each
    /// below it, and that no window starts between a node and the sum fused into it.
    pub(super) fn assert_nodes(self) {
        let mut place = self.last();
        while place.index > 1 {
            let before = self.before(place);
            assert!(before.index >= 1 && before.position >= EMPTY.len());
            let is_fused = place.index - before.index == 2;
            assert!(!is_fused || before.index > 1 && !(place.index - 1).is_multiple_of(WINDOW));
            self.each_stored_operand(place.position, |operand| assert!(operand < before.index));
            place = before;
        }
        assert_eq!((place.index, place.position), (1, EMPTY.len()));
    }

    /// The place before the node, or before the node and its fused sum, that end at a place.
    #[inline(always)]
    pub(crate) fn before(self, place: Place) -> Place {
        place.before(self.word(place.position))
    }

    /// From a place down to the place before the node `index`; if that is a sum fused into the node before it, to the
    /// place after the two.
    #[inline]
    pub(crate) fn down_to(self, mut place: Place, index: usize) -> Place {
        while place.index > index {
            let before = self.before(place);
            if before.index < index {
                break;
            }
            place = before;
        }
        place
    }

    /// Works out where windows start, as far as there are nodes.
    #[inline(never)]
    pub(super) fn extend_starts(self, starts: &mut Vec<usize>) {
        let known = starts.len();
        starts.resize(self.end / WINDOW + 1, 0);
        let mut place = self.last();
        for window in (known..starts.len()).rev() {
            // Index 0 has no node: its window starts where the first node does.
            place = self.down_to(place, (window * WINDOW).max(1));
            starts[window] = place.position;
        }
    }
}
