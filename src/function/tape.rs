//! Forward over reverse straight on the tape, for one use of a recording.
//!
//! A product of a Hessian and a vector costs a few passes over the nodes, and reading them into a
//! program first would cost as much again.

use super::interpret::Number;
use crate::arena::{Tape, arena};
use crate::nodes::{Form, NodePosition, Stored, find_positions, read_node, read_terms, stored};
use crate::rows::{Kind, Op};
use crate::rules;
use smallvec::SmallVec;

/// Room for one use of a recording, to be used again.
#[derive(Default)]
pub(crate) struct Room<T> {
    positions: Vec<NodePosition>,
    values: Vec<T>,
    adjoints: Vec<T>,
}

/// The adjoints, over `T`, of the inputs `x`, which stand on the tape from `start` on, for the
/// output at `output`.
///
/// `None` if there is a node that only a program can compute.
pub(crate) fn adjoints_on_tape<T: Number>(
    start: usize,
    x: impl ExactSizeIterator<Item = T>,
    output: usize,
    room: &mut Room<T>,
) -> Option<&[T]> {
    let Room {
        positions,
        values,
        adjoints,
    } = room;
    let inputs = x.len();
    arena().tape(|tape| {
        let len = (output + 1 - start).max(inputs);
        find_positions(tape, start, output + 1, positions);
        let nodes = Nodes {
            tape,
            start,
            positions,
        };
        if values.len() < len {
            values.resize(len, T::default());
        }
        adjoints.clear();
        adjoints.resize(len, T::default());
        values.iter_mut().zip(x).for_each(|(value, x)| *value = x);
        forward(&nodes, inputs, &mut values[..len])?;
        adjoints[output - start] = T::from(1.0);
        reverse(&nodes, inputs, values, adjoints)
    })?;
    Some(&adjoints[..inputs])
}

/// The nodes from the index `start` on.
struct Nodes<'a> {
    tape: Tape<'a>,
    start: usize,
    positions: &'a [NodePosition],
}

impl Nodes<'_> {
    #[inline(always)]
    fn stored(&self, place: usize) -> Stored {
        stored(self.tape, self.start + place, self.positions[place])
    }

    /// An operand as it is read: its place above the start, if it has one, and its value. None if it is below.
    #[inline(always)]
    fn operand<T: Number>(&self, values: &[T], index: usize, c: f64) -> Option<(Option<usize>, T)> {
        match index.checked_sub(self.start) {
            Some(place) => Some((Some(place), values[place])),
            None => (index == 0).then(|| (None, T::from(c))),
        }
    }
}

/// `+ − × ÷`; `None` for what else there is.
#[inline(always)]
fn arithmetic<T: Number>(op: Op, x: T, y: T) -> Option<T> {
    match op {
        Op::Add => Some(x + y),
        Op::Sub => Some(x - y),
        Op::Mul => Some(x * y),
        Op::Div => Some(x / y),
        _ => None,
    }
}

/// A node's operands: their places above `start`, if they have any, and their values.
type Operands<T> = SmallVec<[(Option<usize>, T); 4]>;

fn operands<T: Number>(
    nodes: &Nodes<'_>,
    place: usize,
    values: &[T],
) -> Option<(Op, i32, Operands<T>)> {
    let mut operands = Operands::new();
    let mut is_inside = true;
    let (index, at) = (nodes.start + place, nodes.positions[place]);
    let (op, n) = read_node(nodes.tape, index, at, |index, c| {
        match nodes.operand(values, index, c) {
            Some(operand) => operands.push(operand),
            None => is_inside = false,
        }
    });
    (is_inside && !matches!(op, Op::Custom | Op::Checkpoint)).then_some((op, n, operands))
}

fn forward<T: Number>(nodes: &Nodes<'_>, inputs: usize, values: &mut [T]) -> Option<()> {
    let start = nodes.start;
    for place in inputs..values.len() {
        let fast = match nodes.stored(place) {
            Stored::Leaf(value) => Some(T::from(value)),
            Stored::One { op, form, a, q, .. } => {
                let x = values[a.checked_sub(start)?];
                match (form, op) {
                    (Form::ConstantRight | Form::ConstantLeft, Op::Mul) => Some(x.scaled(q)),
                    (Form::ConstantRight, op) => arithmetic(op, x, T::from(q)),
                    (Form::ConstantLeft, op) => arithmetic(op, T::from(q), x),
                    (Form::Twice, op) => arithmetic(op, x, x),
                    (Form::Alone, Op::Neg) => Some(-x),
                    (Form::Alone, op) => Some(one(op, q, x)),
                }
            }
            Stored::Two { op, a, b, .. } => {
                let (x, y) = (values[a.checked_sub(start)?], values[b.checked_sub(start)?]);
                arithmetic(op, x, y)
            }
            Stored::Other => None,
        };
        values[place] = match fast {
            Some(value) => value,
            None => any(nodes, place, values)?,
        };
    }
    Some(())
}

/// The value of a row of one operand; `q` holds its parameter.
#[inline(never)]
fn one<T: Number>(op: Op, q: f64, x: T) -> T {
    T::row(op, parameter(op, q), &[x], &|_| true)
}

fn parameter(op: Op, q: f64) -> i32 {
    if op.is_indexed() { q as i32 } else { 0 }
}

/// What the adjoint `w` gives to the operand of a row of one operand.
#[inline(never)]
fn give_one<T: Number>(op: Op, q: f64, x: T, z: T, w: T, adjoint: &mut T) {
    if op.kind() != Kind::Step {
        let args = [x, T::default(), T::default()];
        let p = rules::partial(op, 0, args, parameter(op, q), z, T::from(1.0));
        if op.kind() == Kind::Smooth || !p.is_zero() {
            *adjoint += w.times(p);
        }
    }
}

/// The value of any node.
#[inline(never)]
fn any<T: Number>(nodes: &Nodes<'_>, place: usize, values: &[T]) -> Option<T> {
    let (mut sum, mut is_inside) = (T::from(-0.0), true);
    let is_sum = read_terms(nodes.tape, nodes.positions[place], |index, c| {
        match nodes.operand(values, index, c) {
            Some((_, x)) => sum += x,
            None => is_inside = false,
        }
    });
    if is_sum {
        return is_inside.then_some(sum);
    }
    let (op, n, operands) = operands(nodes, place, values)?;
    let args: SmallVec<[T; 4]> = operands.iter().map(|&(_, x)| x).collect();
    Some(T::row(op, n, &args, &|k| operands[k].0.is_some()))
}

fn reverse<T: Number>(
    nodes: &Nodes<'_>,
    inputs: usize,
    values: &[T],
    adjoints: &mut [T],
) -> Option<()> {
    let start = nodes.start;
    for place in (inputs..adjoints.len()).rev() {
        let w = adjoints[place];
        if w.is_zero() {
            continue;
        }
        // The operation, and the operands that it has on the tape and beside it.
        let (op, x, y) = match nodes.stored(place) {
            Stored::Leaf(_) => continue,
            Stored::Two { op, a, b, .. } => (op, Ok(a), Ok(b)),
            Stored::One { op, form, a, q, .. } => match form {
                Form::ConstantRight => (op, Ok(a), Err(q)),
                Form::ConstantLeft => (op, Err(q), Ok(a)),
                Form::Twice => (op, Ok(a), Ok(a)),
                Form::Alone => {
                    let a = a.checked_sub(start)?;
                    if op == Op::Neg {
                        adjoints[a] -= w;
                    } else {
                        give_one(op, q, values[a], values[place], w, &mut adjoints[a]);
                    }
                    continue;
                }
            },
            Stored::Other => (Op::Custom, Err(0.0), Err(0.0)),
        };
        match (op, x, y) {
            (Op::Add, x, y) => {
                if let Ok(x) = x {
                    adjoints[x - start] += w;
                }
                if let Ok(y) = y {
                    adjoints[y - start] += w;
                }
            }
            (Op::Sub, x, y) => {
                if let Ok(x) = x {
                    adjoints[x - start] += w;
                }
                if let Ok(y) = y {
                    adjoints[y - start] -= w;
                }
            }
            (Op::Mul, Ok(x), Ok(y)) => {
                let (to_x, to_y) = (w.times(values[y - start]), w.times(values[x - start]));
                adjoints[x - start] += to_x;
                adjoints[y - start] += to_y;
            }
            (Op::Mul, Ok(x), Err(c)) | (Op::Mul, Err(c), Ok(x)) => {
                adjoints[x - start] += if c.is_finite() {
                    w.scaled(c)
                } else {
                    w.times(T::from(c))
                };
            }
            _ => {
                give_any(nodes, place, values, adjoints)?;
            }
        }
    }
    Some(())
}

/// Adds to the adjoints of the operands of any node what its own gives them.
#[inline(never)]
fn give_any<T: Number>(
    nodes: &Nodes<'_>,
    place: usize,
    values: &[T],
    adjoints: &mut [T],
) -> Option<()> {
    let w = adjoints[place];
    if read_terms(nodes.tape, nodes.positions[place], |index, _| {
        if let Some(place) = index.checked_sub(nodes.start) {
            adjoints[place] += w;
        }
    }) {
        return Some(());
    }
    let (op, n, operands) = operands(nodes, place, values)?;
    let args: SmallVec<[T; 4]> = operands.iter().map(|&(_, x)| x).collect();
    let is_active = |k: usize| operands[k].0.is_some();
    let partials = rules::partials(op, n, &args, &is_active, values[place]);
    for (&(place, _), p) in operands.iter().zip(partials) {
        if let (Some(place), Some(p)) = (place, p)
            && (op.kind() == Kind::Smooth || !p.is_zero())
        {
            adjoints[place] += w.times(p);
        }
    }
    Some(())
}
