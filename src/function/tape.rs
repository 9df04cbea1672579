//! Nodes that are still on the tape, for one use of a recording.
//!
//! A product of a Hessian and a vector costs a few passes over the nodes, and reading them into a
//! program first would cost as much again.

use super::interpret::{Nodes, Number, Operand, Seen, forward, give};
use crate::arena::{Tape, arena};
use crate::graph::Custom;
use crate::nodes::{Form, NodePosition, Stored, find_positions, read_node, stored};
use crate::rows::Op;
use std::cell::Cell;

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
        find_positions(tape, start, output + 1, positions);
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

impl OnTape<'_> {
    /// The operand at an index, or beside the node; `None` if it was made before the inputs.
    #[inline(always)]
    fn operand(&self, index: usize, c: f64) -> Option<Operand> {
        match index.checked_sub(self.start) {
            Some(place) => Some(Ok(place)),
            None => (index == 0).then_some(Err(c)),
        }
    }
}

impl Nodes for OnTape<'_> {
    #[inline(always)]
    fn read(&self, place: usize) -> Option<Seen> {
        let above = |index: usize| index.checked_sub(self.start);
        Some(
            match stored(self.tape, self.start + place, self.positions[place]) {
                Stored::Leaf(value) => Seen::Number(value),
                Stored::Two { op, a, b, .. } => Seen::Two(op, [Ok(above(a)?), Ok(above(b)?)]),
                Stored::One { op, form, a, q, .. } => {
                    let a = above(a)?;
                    match form {
                        Form::Alone => Seen::One(op, if op.is_indexed() { q as i32 } else { 0 }, a),
                        Form::ConstantRight => Seen::Two(op, [Ok(a), Err(q)]),
                        Form::ConstantLeft => Seen::Two(op, [Err(q), Ok(a)]),
                        Form::Twice => Seen::Two(op, [Ok(a), Ok(a)]),
                    }
                }
                Stored::Other => Seen::Other,
            },
        )
    }

    fn read_any(&self, place: usize, mut each: impl FnMut(Operand)) -> Option<(Op, i32)> {
        let is_inside = Cell::new(true);
        let (index, at) = (self.start + place, self.positions[place]);
        let (op, n) = read_node(self.tape, index, at, |index, c| {
            match self.operand(index, c) {
                Some(x) => each(x),
                None => is_inside.set(false),
            }
        });
        let is_known = is_inside.get() && !matches!(op, Op::Custom | Op::Checkpoint);
        is_known.then_some((op, n))
    }

    fn is_active(&self, x: Operand) -> bool {
        x.is_ok()
    }

    fn customs(&self) -> &[Custom] {
        &[]
    }
}
