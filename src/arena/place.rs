//! Places between two nodes of the tape, and where the first one is.

use super::word::Word;

/// A dummy node of index 0, a leaf, which no handle refers to. It has 3 words in front, because reading a node looks at 4 words: so
/// such reads stay inside the tape.
pub(super) static EMPTY: [u64; 4] = [0, 0, 0, Word::LEAF.0];

/// A place between two nodes: the index of the one after it, and the words before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(super) index: usize,
    pub(super) position: usize,
}

impl Place {
    /// The index of the node after it.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        self.index
    }

    /// The number of words before it.
    #[inline(always)]
    pub(crate) const fn position(self) -> usize {
        self.position
    }

    /// The place before the node, or before the node and the sum fused into it, whose word ends here.
    #[inline(always)]
    pub(crate) fn before(self, word: Word) -> Place {
        Place { index: self.index - 1 - word.has_fused_sum() as usize, position: self.position - word.words() }
    }

    /// Before the first node.
    pub(crate) const START: Place = Place { index: 1, position: EMPTY.len() };
}
