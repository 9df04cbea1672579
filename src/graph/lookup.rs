//! Nodes of this thread's graph, looked up by their index.

use super::state;
use crate::arena::{INDEX_BITS, arena};
use crate::handle::Var;
use crate::nodes::{Decoded, Operand, is_head, is_of_segment, read_node, read_partials};
use crate::rows::Op;
use smallvec::SmallVec;

/// The id of the node at `index`, which has the epoch of the open scope in which it was recorded.
pub(crate) fn id_of(index: usize) -> u64 {
    state(|state| {
        let inside = state
            .frames
            .partition_point(|frame| frame.start.index() <= index);
        state.frames[inside - 1].epoch << INDEX_BITS | index as u64
    })
}

impl Operand {
    /// Its handle.
    pub(crate) fn var(self) -> Var {
        if self.index == 0 {
            Var::constant(self.value)
        } else {
            Var::from_parts(self.value, id_of(self.index))
        }
    }
}

/// Reads the node at `index` back.
pub(crate) fn decode(index: usize) -> Decoded {
    state(|state| {
        arena().tape(|tape| {
            let at = state.values.locate(tape, index);
            state.values.decode(tape, index, at)
        })
    })
}

/// The value of the node at `index`.
///
/// The first call computes the values of its ancestors too: needed for drawings, `differentiate` and recorded functions,
/// and not for recording or sweeping.
pub(crate) fn value_of(index: usize) -> f64 {
    state(|state| arena().tape(|tape| state.values.of(tape, index)))
}

/// The operands of the checkpoint at `head`, and the number of its outputs.
pub(crate) fn read_checkpoint(head: usize) -> (SmallVec<[Operand; 4]>, usize) {
    arena().tape(|tape| {
        let position = arena().place_in(tape, head + 1).position();
        let mut operands = SmallVec::new();
        tape.each_operand(position, |index, value| {
            operands.push(Operand { index, value })
        });
        (operands, tape.number(position, 1) as usize)
    })
}

/// The head of the checkpoint that the node at `index` is an output of.
pub(crate) fn head_of(index: usize) -> usize {
    arena().tape(|tape| tape.word(arena().place_in(tape, index + 1).position()).a())
}

/// Whether the node at `index` is the head of a segment, which has no value and is nobody's.
pub(crate) fn is_head_at(index: usize) -> bool {
    state(|state| arena().tape(|tape| is_head(tape, state.values.locate(tape, index))))
}

/// The active operands of the node at `index`, each with its partial: absent for those of a checkpoint, which are told only
/// when its segment runs again.
pub(crate) fn partials_of(index: usize) -> SmallVec<[(usize, Option<f64>); 4]> {
    state(|state| {
        arena().tape(|tape| {
            let at = state.values.locate(tape, index);
            let mut partials = SmallVec::new();
            if is_of_segment(tape, at) {
                read_node(tape, index, at, |operand, _| {
                    if operand != 0 {
                        partials.push((operand, None));
                    }
                });
            } else {
                read_partials(tape, index, at, |operand, p| {
                    partials.push((operand, Some(p)))
                });
            }
            partials
        })
    })
}

/// The name of the operation of the node at `index`.
pub(crate) fn operation_name(op: Op, index: usize) -> String {
    match op {
        Op::Custom => state(|state| state.customs[&index].label.to_string()),
        row => row.label().to_string(),
    }
}
