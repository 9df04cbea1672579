//! What the nodes of a recording are needed for.

use crate::arena::Tape;
use crate::nodes::{NodePosition, down};

/// What a node is needed for: nothing, or a set of these bits.
pub(super) type Need = u8;

/// The only question is whether it depends on an input.
pub(super) const ACTIVITY: Need = 1;
/// For an output, or an operand of a comparison.
pub(super) const RESULT: Need = 2;

/// What the nodes from `start` on are needed for, and where they are.
#[derive(Default)]
pub(super) struct Needs {
    start: usize,
    pub needs: Vec<Need>,
    /// The positions of those that are needed.
    pub positions: Vec<NodePosition>,
    /// How many are needed.
    pub nodes: usize,
}

impl Needs {
    /// Forgets all, and makes room for the nodes from `start` on.
    pub(super) fn clear(&mut self, start: usize, end: usize) {
        (self.start, self.nodes) = (start, 0);
        self.needs.clear();
        self.needs.resize(end - start, 0);
        let len = self.positions.len().max(end - start);
        self.positions.resize(len, NodePosition::default());
    }

    #[inline(always)]
    pub(super) fn mark(&mut self, index: usize, need: Need) {
        if let Some(needs) = self.needs.get_mut(index.wrapping_sub(self.start)) {
            *needs |= need;
        }
    }

    /// Walks down the tape: what a node is needed for, its operands are needed for.
    pub(super) fn propagate(&mut self, tape: Tape<'_>) {
        let start = self.start;
        for node in down(tape, start + self.needs.len(), start) {
            let place = node.index - start;
            let need = self.needs[place];
            if need != 0 {
                self.positions[place] = node.at;
                self.nodes += 1;
                node.each_active(|index| self.mark(index, need));
            }
        }
    }
}
