//! Forward over reverse straight on the tape, for one use of a recording.
//!
//! A product of a Hessian and a vector costs a few passes over the nodes, and reading them into a
//! program first would cost as much again.

use super::interpret::Number;
use crate::arena::{Tape, arena};
use crate::nodes::{Content, Node, NodePosition, Operand, down};
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
        positions.resize(output + 1 - start, NodePosition::default());
        for (at, node) in positions
            .iter_mut()
            .rev()
            .zip(down(tape, output + 1, start))
        {
            *at = node.at;
        }
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

impl<'a> Nodes<'a> {
    #[inline(always)]
    fn node(&self, place: usize) -> Node<'a> {
        Node {
            tape: self.tape,
            index: self.start + place,
            at: self.positions[place],
        }
    }

    /// The place of an operand above the start, if it has one.
    #[inline(always)]
    fn place(&self, x: Operand) -> Option<usize> {
        x.index.checked_sub(self.start)
    }

    /// The value of an operand; none if it is below the start.
    #[inline(always)]
    fn value<T: Number>(&self, values: &[T], x: Operand) -> Option<T> {
        match self.place(x) {
            Some(place) => Some(values[place]),
            None => (x.index == 0).then(|| T::from(x.value)),
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
    let (node, mut operands, mut is_inside) = (nodes.node(place), Operands::new(), true);
    let (op, n) = node.read(|x| match nodes.value(values, x) {
        Some(value) => operands.push((nodes.place(x), value)),
        None => is_inside = false,
    });
    (is_inside && !matches!(op, Op::Custom | Op::Checkpoint)).then_some((op, n, operands))
}

fn forward<T: Number>(nodes: &Nodes<'_>, inputs: usize, values: &mut [T]) -> Option<()> {
    for place in inputs..values.len() {
        let fast = match nodes.node(place).content() {
            Content::Leaf(value) => Some(T::from(value)),
            Content::Row(row) if row.arity == 1 => {
                let x = nodes.value(values, row.operands[0])?;
                Some(if row.op == Op::Neg {
                    -x
                } else {
                    one(row.op, row.n(), x)
                })
            }
            Content::Row(row) if row.arity == 2 => {
                let [x, y, _] = row.operands;
                match row.op {
                    Op::Mul if y.index == 0 => Some(nodes.value(values, x)?.scaled(y.value)),
                    Op::Mul if x.index == 0 => Some(nodes.value(values, y)?.scaled(x.value)),
                    op => arithmetic(op, nodes.value(values, x)?, nodes.value(values, y)?),
                }
            }
            _ => None,
        };
        values[place] = match fast {
            Some(value) => value,
            None => any(nodes, place, values)?,
        };
    }
    Some(())
}

/// The value of a row of one operand.
#[inline(never)]
fn one<T: Number>(op: Op, n: i32, x: T) -> T {
    T::row(op, n, &[x], &|_| true)
}

/// What the adjoint `w` gives to the operand of a row of one operand.
#[inline(never)]
fn give_one<T: Number>(op: Op, n: i32, x: T, z: T, w: T, adjoint: &mut T) {
    if op.kind() != Kind::Step {
        let args = [x, T::default(), T::default()];
        let p = rules::partial(op, 0, args, n, z, T::from(1.0));
        if op.kind() == Kind::Smooth || !p.is_zero() {
            *adjoint += w.times(p);
        }
    }
}

/// The value of any node.
#[inline(never)]
fn any<T: Number>(nodes: &Nodes<'_>, place: usize, values: &[T]) -> Option<T> {
    let (node, mut sum, mut is_inside) = (nodes.node(place), T::from(-0.0), true);
    if let Content::Many(Op::Sum) = node.content() {
        node.read(|x| match nodes.value(values, x) {
            Some(x) => sum += x,
            None => is_inside = false,
        });
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
    for place in (inputs..adjoints.len()).rev() {
        let w = adjoints[place];
        if w.is_zero() {
            continue;
        }
        let row = match nodes.node(place).content() {
            Content::Leaf(_) => continue,
            Content::Row(row) if row.arity <= 2 => row,
            _ => {
                give_any(nodes, place, values, adjoints)?;
                continue;
            }
        };
        let [x, y, _] = row.operands;
        let (x, y) = (nodes.place(x), nodes.place(y));
        match (row.op, x, y) {
            (Op::Add | Op::Sub, ..) => {
                if let Some(x) = x {
                    adjoints[x] += w;
                }
                if let Some(y) = y {
                    if row.op == Op::Add {
                        adjoints[y] += w;
                    } else {
                        adjoints[y] -= w;
                    }
                }
            }
            (Op::Mul, Some(x), Some(y)) => {
                let (to_x, to_y) = (w.times(values[y]), w.times(values[x]));
                adjoints[x] += to_x;
                adjoints[y] += to_y;
            }
            (Op::Mul, Some(k), None) | (Op::Mul, None, Some(k)) => {
                let c = row.number;
                adjoints[k] += if c.is_finite() {
                    w.scaled(c)
                } else {
                    w.times(T::from(c))
                };
            }
            (Op::Neg, Some(x), _) => adjoints[x] -= w,
            (op, Some(x), _) if row.arity == 1 => {
                give_one(op, row.n(), values[x], values[place], w, &mut adjoints[x]);
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
    let (node, w) = (nodes.node(place), adjoints[place]);
    if let Content::Many(Op::Sum) = node.content() {
        node.read(|x| {
            if let Some(place) = nodes.place(x) {
                adjoints[place] += w;
            }
        });
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
