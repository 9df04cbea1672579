//! Nodes that are still on the tape, for one use of a recording.
//!
//! A product of a Hessian and a vector costs a few passes over the nodes, and reading them into a
//! program first would cost as much again.

use super::interpret::{Nodes, Number, Operand, Seen, forward, give};
use crate::arena::{Tape, arena};
use crate::graph::Custom;
use crate::nodes::{self, Content, Node, NodePosition, down};
use crate::rows::Op;

/// The adjoints, over `T`, of the inputs `x`, which stand on the tape from `start` on, for the output at `output`: `each` gets
/// that of every input. The room that it takes is given, and left without adjoints.
///
/// `None` if there is a node that only a program can compute.
pub(crate) fn adjoints_on_tape<T: Number>(
    start: usize,
    x: impl ExactSizeIterator<Item = T>,
    output: usize,
    positions: &mut Vec<NodePosition>,
    (values, adjoints): &mut (Vec<T>, Vec<T>),
    each: impl FnMut(&T),
) -> Option<()> {
    let inputs = x.len();
    let len = (output + 1 - start).max(inputs);
    if values.len() < len {
        values.resize(len, T::default());
    }
    values.iter_mut().zip(x).for_each(|(value, x)| *value = x);
    adjoints.clear();
    adjoints.resize(len, T::default());
    adjoints[output - start] = T::from(1.0);
    let result = arena().tape(|tape| {
        positions.resize(output + 1 - start, NodePosition::default());
        let nodes = down(tape, output + 1, start);
        positions
            .iter_mut()
            .rev()
            .zip(nodes)
            .for_each(|(at, node)| *at = node.at);
        let nodes = OnTape {
            tape,
            start,
            positions,
        };
        forward(&nodes, inputs..len, &mut values[..len])?;
        let (values, adjoints) = (&values[..len], &mut adjoints[..len]);
        (inputs..len)
            .rev()
            .for_each(|place| give(&nodes, place, values, adjoints));
        Some(())
    });
    if result.is_some() {
        adjoints[..inputs].iter().for_each(each);
    }
    adjoints.clear();
    result
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
        Node {
            tape: self.tape,
            index: self.start + place,
            at: self.positions[place],
        }
    }

    /// An operand of a node; `None` if it was made before the inputs.
    #[inline(always)]
    fn operand(&self, x: nodes::Operand) -> Option<Operand> {
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

    fn read_any(&self, place: usize, mut each: impl FnMut(Operand)) -> Option<(Op, i32)> {
        let mut is_inside = true;
        let (op, n) = self.node(place).read(|x| match self.operand(x) {
            Some(x) => each(x),
            None => is_inside = false,
        });
        let is_known = is_inside && !matches!(op, Op::Custom | Op::Checkpoint);
        is_known.then_some((op, n))
    }

    fn is_active(&self, x: Operand) -> bool {
        x.is_ok()
    }

    fn customs(&self) -> &[Custom] {
        &[]
    }
}
