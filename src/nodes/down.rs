//! The way down the tape, from node to node.

use super::{Node, NodePosition};
use crate::arena::{Tape, arena};

/// The nodes below the index `end`, the last first, down to `start`.
#[inline(always)]
pub(crate) fn down(tape: Tape<'_>, end: usize, start: usize) -> Down<'_> {
    let place = arena().place_in(tape, end);
    Down { tape, index: end, start, position: place.position(), is_in_pair: place.index() != end }
}

/// What [`down`] goes through.
pub(crate) struct Down<'a> {
    tape: Tape<'a>,
    /// Index of the node returned last.
    index: usize,
    start: usize,
    /// Where the next node ends.
    position: usize,
    /// Whether that is the node into which the one before was fused.
    is_in_pair: bool,
}

impl<'a> Iterator for Down<'a> {
    type Item = Node<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Node<'a>> {
        if self.index <= self.start {
            return None;
        }
        self.index -= 1;
        let (tape, index) = (self.tape, self.index);
        let word = tape.word(self.position);
        let is_fused_sum = word.has_fused_sum() & !self.is_in_pair;
        let at = NodePosition::new(self.position, is_fused_sum);
        self.is_in_pair = is_fused_sum;
        if !is_fused_sum {
            self.position -= word.words();
        }
        Some(Node { tape, index, at })
    }
}
