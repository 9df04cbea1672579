//! The interpreter: a program over any kind of number, forward for values, in reverse for adjoints.
//!
//! The rules at the edges are those of the eager sweep: an adjoint that is zero is not propagated,
//! a switch gives nothing to what it does not select, a step gives nothing at all.

use super::program::{Node, Program};
use crate::graph::Custom;
use crate::real::Real;
use crate::rows::{Kind, Op};
use crate::rules;
use crate::var::custom;
use smallvec::SmallVec;
use std::cell::Cell;

/// A number that a program can be run over.
pub(crate) trait Number: Real {
    /// The value of any row but a user's own; `is_active` tells which operands depend on an input.
    fn row(op: Op, n: i32, operands: &[Self], is_active: &dyn Fn(usize) -> bool) -> Self;

    /// The value of a user's own operation.
    fn custom(custom: &Custom, operands: &[Self]) -> Self;

    /// The partials of a user's own operation with the result `z`.
    fn custom_partials(custom: &Custom, operands: &[Self], z: Self) -> SmallVec<[Self; 4]>;

    /// Whether it is zero, and so are its tangents.
    fn is_zero(self) -> bool;

    /// What an adjoint gives through the partial `p`.
    fn times(self, p: Self) -> Self;

    /// The product with a plain number.
    fn scaled(self, c: f64) -> Self;
}

/// Fills `values` from the inputs; stops at the first guard whose answer is another now, and
/// returns its place.
pub(crate) fn forward<T: Number>(
    program: &Program,
    inputs: &[T],
    values: &mut Vec<T>,
) -> Result<(), usize> {
    let first_node = program.first_node();
    if values.len() < program.len() {
        values.resize(program.len(), T::default());
    }
    let values = &mut values[..program.len()];
    values[..program.inputs].copy_from_slice(inputs);
    for (value, &constant) in values[program.inputs..].iter_mut().zip(&program.constants) {
        *value = T::from(constant);
    }
    let mut done = 0;
    for (k, guard) in program.guards.iter().enumerate() {
        nodes(program, values, done..guard.after as usize, first_node);
        done = guard.after as usize;
        let [a, b] = guard.operands.map(|index| values[index as usize].value());
        if guard.comparison.answer(a, b) != guard.answer {
            return Err(k);
        }
    }
    nodes(program, values, done..program.nodes.len(), first_node);
    Ok(())
}

#[inline(always)]
fn nodes<T: Number>(
    program: &Program,
    values: &mut [T],
    range: std::ops::Range<usize>,
    first_node: usize,
) {
    let nodes = &program.nodes[range.clone()];
    let Some(first) = nodes.first() else { return };
    let mut left = &program.operands[first.first as usize..];
    let values = Cell::from_mut(values).as_slice_of_cells();
    for (node, result) in nodes.iter().zip(&values[first_node + range.start..]) {
        let (operands, rest) = left.split_at(node.count as usize);
        left = rest;
        debug_assert_eq!(operands, program.operands(node));
        let value = |k: u32| values[k as usize].get();
        result.set(match (node.op, operands) {
            (Op::Add, &[a, b]) => value(a) + value(b),
            (Op::Sub, &[a, b]) => value(a) - value(b),
            (Op::Mul, &[a, b]) => value(a) * value(b),
            (Op::Div, &[a, b]) => value(a) / value(b),
            (Op::Neg, &[a]) => -value(a),
            (Op::Sum, operands) => operands.iter().map(|&k| value(k)).sum(),
            _ => other(program, node, operands, values),
        });
    }
}

#[inline(never)]
fn other<T: Number>(program: &Program, node: &Node, operands: &[u32], values: &[Cell<T>]) -> T {
    let is_active = |k: usize| program.is_active(operands[k]);
    if let (&[a], true) = (operands, is_plain(node.op)) {
        return T::row(node.op, node.n, &[values[a as usize].get()], &is_active);
    }
    let args: SmallVec<[T; 4]> = operands.iter().map(|&k| values[k as usize].get()).collect();
    if node.op == Op::Custom {
        T::custom(&program.customs[node.n as usize], &args)
    } else {
        T::row(node.op, node.n, &args, &is_active)
    }
}

/// Whether it is a row of the table, of at most three operands.
pub(crate) fn is_plain(op: Op) -> bool {
    !op.is_slice() && op != Op::Custom
}

/// Adds to the adjoints of all operands what the adjoints of the nodes give them.
pub(crate) fn reverse<T: Number>(program: &Program, values: &[T], adjoints: &mut [T]) {
    let first_node = program.first_node();
    let adjoints = Cell::from_mut(adjoints).as_slice_of_cells();
    let mut left = &program.operands[..];
    for (i, node) in program.nodes.iter().enumerate().rev() {
        let (rest, operands) = left.split_at(left.len() - node.count as usize);
        left = rest;
        debug_assert_eq!(operands, program.operands(node));
        reverse_node(program, first_node + i, node, operands, values, adjoints);
    }
}

/// Adds to an adjoint.
#[inline(always)]
fn add<T: Number>(adjoints: &[Cell<T>], to: u32, contribution: T) {
    let adjoint = &adjoints[to as usize];
    adjoint.set(adjoint.get() + contribution);
}

/// Adds to the adjoints of the operands of the node at `index` what its own gives them.
#[inline(always)]
pub(crate) fn reverse_node<T: Number>(
    program: &Program,
    index: usize,
    node: &Node,
    operands: &[u32],
    values: &[T],
    adjoints: &[Cell<T>],
) {
    let w = adjoints[index].get();
    if w.is_zero() {
        return;
    }
    let value = |k: u32| values[k as usize];
    let add = |to: u32, contribution: T| add(adjoints, to, contribution);
    match (node.op, operands) {
        (Op::Add, &[a, b]) => {
            add(a, w);
            add(b, w);
        }
        (Op::Sub, &[a, b]) => {
            add(a, w);
            add(b, -w);
        }
        (Op::Mul, &[a, b]) if a == b => add(a, w.times(value(a) + value(a))),
        (Op::Mul, &[a, b]) => {
            let (to_a, to_b) = (w.times(value(b)), w.times(value(a)));
            add(a, to_a);
            add(b, to_b);
        }
        (Op::Neg, &[a]) => add(a, -w),
        (Op::Sum, operands) => operands.iter().for_each(|&a| add(a, w)),
        _ => give(program, node, operands, values, w, values[index], adjoints),
    }
}

#[inline(never)]
fn give<T: Number>(
    program: &Program,
    node: &Node,
    operands: &[u32],
    values: &[T],
    w: T,
    z: T,
    adjoints: &[Cell<T>],
) {
    let add = |to: u32, p: T| {
        if node.op.kind() == Kind::Smooth || !p.is_zero() {
            add(adjoints, to, w.times(p));
        }
    };
    if let (&[a], true) = (operands, is_plain(node.op)) {
        if node.op.kind() != Kind::Step {
            let args = [values[a as usize], T::default(), T::default()];
            // At a tie of one operand with itself there is nothing to share.
            add(a, rules::partial(node.op, 0, args, node.n, z, T::from(1.0)));
        }
        return;
    }
    let args: SmallVec<[T; 4]> = operands.iter().map(|&k| values[k as usize]).collect();
    let is_active = |k: usize| program.is_active(operands[k]);
    if node.op == Op::Custom {
        let partials = T::custom_partials(&program.customs[node.n as usize], &args, z);
        for (k, p) in partials.into_iter().enumerate() {
            if is_active(k) {
                add(operands[k], p);
            }
        }
    } else {
        for (k, p) in rules::partials(node.op, node.n, &args, &is_active, z)
            .into_iter()
            .enumerate()
        {
            if let Some(p) = p {
                add(operands[k], p);
            }
        }
    }
}

impl Number for f64 {
    #[inline(always)]
    fn row(op: Op, n: i32, operands: &[f64], _: &dyn Fn(usize) -> bool) -> f64 {
        f64::apply(op, n, operands)
    }

    fn custom(custom: &Custom, operands: &[f64]) -> f64 {
        custom::value(defined(custom), operands)
    }

    fn custom_partials(custom: &Custom, operands: &[f64], z: f64) -> SmallVec<[f64; 4]> {
        custom::plain_partials(defined(custom), operands, z)
    }

    #[inline(always)]
    fn is_zero(self) -> bool {
        self == 0.0
    }

    #[inline(always)]
    fn times(self, p: f64) -> f64 {
        self * p
    }

    #[inline(always)]
    fn scaled(self, c: f64) -> f64 {
        self * c
    }
}

/// The user's operation; `Program::refuse_first_order_customs` has seen to it that there is one.
pub(crate) fn defined(custom: &Custom) -> &dyn crate::CustomOp {
    custom
        .op
        .as_deref()
        .expect("an operation that can be computed again")
}
