//! Nodes of this thread's graph, looked up by their index.

use super::state;
use crate::arena::{INDEX_BITS, arena};
use crate::handle::Var;
use crate::nodes::{Content, Decoded, Node, Operand, Values};
use crate::rows::Op;
use smallvec::SmallVec;

/// The id of the node at `index`, which has the epoch of the open scope in which it was recorded.
pub(crate) fn id_of(index: usize) -> u64 {
    state(|state| {
        let inside = state.frames.partition_point(|frame| frame.start.index() <= index);
        state.frames[inside - 1].epoch << INDEX_BITS | index as u64
    })
}

impl Operand {
    /// Its handle.
    pub(crate) fn var(self) -> Var {
        if self.index == 0 { Var::constant(self.value) } else { Var::from_parts(self.value, id_of(self.index)) }
    }
}

/// Calls `f` with the node at `index`, and the values that are known.
fn look_at<R>(index: usize, f: impl FnOnce(Node<'_>, &mut Values) -> R) -> R {
    state(|state| {
        arena().tape(|tape| {
            let node = state.values.node(tape, index);
            f(node, &mut state.values)
        })
    })
}

/// Reads the node at `index` back.
pub(crate) fn decode(index: usize) -> Decoded {
    look_at(index, |node, values| values.decode(node))
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
    look_at(head, |node, _| {
        let mut operands = SmallVec::new();
        node.read(|operand| operands.push(operand));
        (operands, node.number() as usize)
    })
}

/// Whether the node at `index` is the head of a checkpoint, which has no value, and to which no handle refers.
pub(crate) fn is_head_at(index: usize) -> bool {
    look_at(index, |node, _| matches!(node.content(), Content::Head))
}

/// The active operands of the node at `index`, each with its partial: absent for those of the head of a checkpoint, which are known
/// only when its segment runs again, and for the head, the operand of each output.
pub(crate) fn partials_of(index: usize) -> SmallVec<[(usize, Option<f64>); 4]> {
    look_at(index, |node, _| {
        let mut partials = SmallVec::new();
        match node.content() {
            Content::Output { head } => partials.push((head, None)),
            Content::Head => node.each_active(|operand| partials.push((operand, None))),
            _ => node.each_partial(|operand, p| partials.push((operand, Some(p)))),
        }
        partials
    })
}

/// The name of the operation of the node at `index`.
pub(crate) fn operation_name(op: Op, index: usize) -> String {
    match op {
        Op::Custom => state(|state| state.customs[&index].label.to_string()),
        row => row.label().to_string(),
    }
}
