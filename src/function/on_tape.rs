//! Nodes that are still on the tape, for one use of a recording.
//!
//! A product of a Hessian and a vector costs a few passes over the nodes, and reading them into a
//! program first would cost as much again.

use super::buffers::{Space, room};
use super::needs::RESULT;
use super::one_by_one::{Nodes, Seen, contribute, forward};
use super::tangents::Tangents;
use crate::arena::{Tape, arena};
use crate::graph::Custom;
use crate::nodes::{Content, Node, NodePosition, NumberOrPlace, Operand};
use crate::rows::Op;
use std::mem::take;

/// The adjoints of the inputs `x`, which are on the tape from `start` on, for the output at `output`, and its value: `each`
/// gets the adjoint of every input. Only what the output depends on is computed.
///
/// `None` if there is a node that only a program can compute.
pub(crate) fn adjoints_on_tape(
    start: usize,
    x: impl ExactSizeIterator<Item = Tangents<1>>,
    output: usize,
    space: &mut Space,
    each: impl FnMut(Tangents<1>),
) -> Option<f64> {
    let inputs = x.len();
    let end = output - start;
    let len = (end + 1).max(inputs);
    let values = room(&mut space.along.1, len);
    values.iter_mut().zip(x).for_each(|(value, x)| *value = x);
    let adjoints = room(&mut space.along.2, len);
    let needs = &mut space.needs;
    needs.clear(start, output + 1);
    needs.mark(output, RESULT);
    arena().tape(|tape| {
        needs.propagate(tape);
        let nodes = OnTape { tape, start, positions: &needs.positions };
        let places = || (inputs..=end).filter(|&place| needs.needs[place] != 0);
        forward(&nodes, places(), values)?;
        adjoints[end] = Tangents::from(1.0);
        for place in places().rev() {
            contribute(&nodes, place, values, adjoints);
            adjoints[place] = Tangents::default();
        }
        Some(())
    })?;
    adjoints[..inputs].iter_mut().map(take).for_each(each);
    Some(values[end].value)
}

/// The nodes from the index `start` on.
struct OnTape<'a> {
    tape: Tape<'a>,
    start: usize,
    positions: &'a [NodePosition],
}

impl<'a> OnTape<'a> {
    #[inline(always)]
    fn node(&self, place: usize) -> Node<'a> {
        Node { tape: self.tape, index: self.start + place, at: self.positions[place] }
    }

    /// An operand of a node; `None` if it was made before the inputs.
    #[inline(always)]
    fn operand(&self, x: Operand) -> Option<NumberOrPlace> {
        match x.index.checked_sub(self.start) {
            Some(place) => Some(Ok(place)),
            None => (x.index == 0).then_some(Err(x.value)),
        }
    }
}

impl Nodes for OnTape<'_> {
    #[inline(always)]
    fn read(&self, place: usize) -> Option<Seen> {
        Some(match self.node(place).content() {
            Content::Leaf(value) => Seen::Number(value),
            Content::Row(row) => match (row.arity, row.operands) {
                (1, [x, ..]) => Seen::One(row.op, row.n(), x.index.checked_sub(self.start)?),
                (2, [x, y, _]) => Seen::Two(row.op, [self.operand(x)?, self.operand(y)?]),
                _ => Seen::Other,
            },
            _ => Seen::Other,
        })
    }

    fn read_any(&self, place: usize, mut each: impl FnMut(NumberOrPlace)) -> Option<(Op, i32)> {
        let mut is_inside = true;
        let (op, n) = self.node(place).read(|x| match self.operand(x) {
            Some(x) => each(x),
            None => is_inside = false,
        });
        let is_known = is_inside && !matches!(op, Op::Custom | Op::Checkpoint);
        is_known.then_some((op, n))
    }

    fn is_active(&self, x: NumberOrPlace) -> bool {
        x.is_ok()
    }

    fn customs(&self) -> &[Custom] {
        &[]
    }
}
