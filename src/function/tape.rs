//! Forward over reverse straight on the tape, for one use of a recording.
//!
//! A product of a Hessian and a vector costs a few passes over the nodes, and reading them into a
//! program first would cost as much again.

use super::interpret::Number;
use crate::arena::{Node, arena};
use crate::ops::{self, Kind, Op};
use crate::record::{code, is_node, read_node};
use smallvec::SmallVec;

/// The adjoints, over `T`, of the inputs `x`, which stand on the tape from `start` on, for the
/// output at `output`, into `adjoints`.
///
/// `None` if there is a node that only a program can compute.
pub(crate) fn adjoints_on_tape<T: Number>(
    start: usize,
    x: &[T],
    output: usize,
    values: &mut Vec<T>,
    adjoints: &mut Vec<T>,
) -> Option<()> {
    arena().nodes(|nodes| {
        let len = output + 1 - start;
        if values.len() < len {
            values.resize(len, T::default());
        }
        adjoints.clear();
        adjoints.resize(len.max(x.len()), T::default());
        values[..x.len()].copy_from_slice(x);
        forward(nodes, start, x.len(), &mut values[..len.max(x.len())])?;
        adjoints[output - start] = T::from(1.0);
        reverse(nodes, start, x.len(), values, adjoints)
    })
}

#[inline(always)]
fn binary<T: Number>(op: Op, x: T, y: T, is_active: [bool; 2]) -> T {
    match op {
        Op::Add => x + y,
        Op::Sub => x - y,
        Op::Mul => x * y,
        Op::Div => x / y,
        _ => T::row(op, 0, &[x, y], |k| is_active[k]),
    }
}

/// A node's operands: their places above `start`, if they have any, and their values.
type Operands<T> = SmallVec<[(Option<usize>, T); 4]>;

fn operands<T: Number>(
    nodes: &[Node],
    start: usize,
    index: usize,
    values: &[T],
) -> Option<(Op, i32, Operands<T>)> {
    let mut operands = Operands::new();
    let mut is_inside = true;
    let (op, n) = read_node(nodes, index, |index, value| {
        if index >= start {
            operands.push((Some(index - start), values[index - start]));
        } else {
            is_inside &= index == 0;
            operands.push((None, T::from(value)));
        }
    });
    (is_inside && !matches!(op, Op::Custom | Op::Checkpoint)).then_some((op, n, operands))
}

fn forward<T: Number>(nodes: &[Node], start: usize, inputs: usize, values: &mut [T]) -> Option<()> {
    for place in inputs..values.len() {
        let Node { p, q, word } = nodes[start + place];
        let (a, b) = (word.a(), word.b());
        values[place] = match word.code() {
            code::LEAF => T::from(p),
            code::ONE | code::DROPPED => {
                let op = Op::ALL[b & 255];
                let x = values[a.checked_sub(start)?];
                match b >> 8 {
                    0 => T::row(op, if op.is_indexed() { q as i32 } else { 0 }, &[x], |_| {
                        true
                    }),
                    1 | 2 if op == Op::Mul => x.scaled(q),
                    1 => binary(op, x, T::from(q), [true, false]),
                    2 => binary(op, T::from(q), x, [false, true]),
                    _ => binary(op, x, x, [true, true]),
                }
            }
            code::TWO.. => {
                let op = Op::BINARY[(word.code() - code::TWO) as usize];
                let (x, y) = (values[a.checked_sub(start)?], values[b.checked_sub(start)?]);
                binary(op, x, y, [true, true])
            }
            _ if !is_node(word) => continue,
            _ => {
                let (op, n, operands) = operands(nodes, start, start + place, values)?;
                let args: SmallVec<[T; 4]> = operands.iter().map(|&(_, x)| x).collect();
                T::row(op, n, &args, |k| operands[k].0.is_some())
            }
        };
    }
    Some(())
}

fn reverse<T: Number>(
    nodes: &[Node],
    start: usize,
    inputs: usize,
    values: &[T],
    adjoints: &mut [T],
) -> Option<()> {
    for place in (inputs..adjoints.len()).rev() {
        let w = adjoints[place];
        if w.is_zero() {
            continue;
        }
        let Node { q, word, .. } = nodes[start + place];
        let (a, b) = (word.a(), word.b());
        // The operation, and the operands that it has on the tape and beside it.
        let (op, x, y) = match word.code() {
            code::TWO.. => (Op::BINARY[(word.code() - code::TWO) as usize], Ok(a), Ok(b)),
            code::ONE | code::DROPPED => {
                let op = Op::ALL[b & 255];
                match b >> 8 {
                    1 => (op, Ok(a), Err(q)),
                    2 => (op, Err(q), Ok(a)),
                    3 => (op, Ok(a), Ok(a)),
                    _ => {
                        if op.kind() != Kind::Step {
                            let x = a.checked_sub(start)?;
                            let n = if op.is_indexed() { q as i32 } else { 0 };
                            let args = [values[x], T::default(), T::default()];
                            let p = ops::partial(op, 0, args, n, values[place], T::from(1.0));
                            if op.kind() == Kind::Smooth || !p.is_zero() {
                                adjoints[x] += w.times(p);
                            }
                        }
                        continue;
                    }
                }
            }
            code::LEAF => continue,
            _ if !is_node(word) => continue,
            _ => (Op::Custom, Err(0.0), Err(0.0)),
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
                let (op, n, operands) = operands(nodes, start, start + place, values)?;
                let args: SmallVec<[T; 4]> = operands.iter().map(|&(_, x)| x).collect();
                let is_active = |k: usize| operands[k].0.is_some();
                let partials = ops::partials(op, n, &args, is_active, values[place]);
                for (&(place, _), p) in operands.iter().zip(partials) {
                    if let (Some(place), Some(p)) = (place, p)
                        && (op.kind() == Kind::Smooth || !p.is_zero())
                    {
                        adjoints[place] += w.times(p);
                    }
                }
            }
        }
    }
    Some(())
}
