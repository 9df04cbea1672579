//! One operation over any kind of number: its value, and what its adjoint gives to its operands.
//!
//! The rules at the edges are those of the eager sweep: an adjoint that is zero is not propagated,
//! a switch gives nothing to what it does not select, a step gives nothing at all.
//!
//! `runs` evaluates whole programs. What looks at one node after the other, as sparse derivatives do, walks here.

use super::program::Program;
use super::unary;
use crate::graph::Custom;
use crate::real::Real;
use crate::rows::{Kind, Op};
use crate::rules;
use crate::var::custom;
use smallvec::SmallVec;

/// A number that a program can be run over.
pub(crate) trait Number: Real {
    /// The value of any row but a user's own; `is_active` tells which operands depend on an input.
    fn row(op: Op, n: i32, operands: &[Self], is_active: &dyn Fn(usize) -> bool) -> Self;

    /// The value of a user's own operation.
    fn custom(custom: &Custom, operands: &[Self]) -> Self;

    /// The partials of a user's own operation with the result `z`.
    fn custom_partials(custom: &Custom, operands: &[Self], z: Self) -> SmallVec<[Self; 4]>;

    /// Fills `results` with a row of one operand each, of the numbers in `known` at the places `operands`.
    fn fill_unary(op: Op, n: i32, known: &[Self], results: &mut [Self], operands: &[u32]) {
        for (result, &k) in results.iter_mut().zip(operands) {
            *result = Self::row(op, n, &[known[k as usize]], &|_| true);
        }
    }

    /// Adds what each adjoint of such results gives to that of its operand, and takes it: a zero stays in its place. Beside
    /// the adjoints of the `results` stand their values.
    fn give_unary(
        op: Op,
        n: i32,
        known: &[Self],
        results: (&[Self], &mut [Self]),
        operands: &[u32],
        adjoints: &mut [Self],
    ) {
        for ((w, &z), &k) in results.1.iter_mut().zip(results.0).zip(operands) {
            let w = std::mem::take(w);
            if w.is_zero() {
                continue;
            }
            // At a tie of one operand with itself there is nothing to share.
            let args = [known[k as usize], Self::default(), Self::default()];
            let p = rules::partial(op, 0, args, n, z, Self::from(1.0));
            if op.kind() == Kind::Smooth || !p.is_zero() {
                adjoints[k as usize] += w.times(p);
            }
        }
    }

    /// Whether it is zero, and so are its tangents.
    fn is_zero(self) -> bool;

    /// What an adjoint gives through the partial `p`.
    fn times(self, p: Self) -> Self;

    /// The product with a plain number.
    fn scaled(self, c: f64) -> Self;
}

/// Whether it is a row of the table, of at most three operands.
#[inline(always)]
pub(crate) fn is_plain(op: Op) -> bool {
    !op.is_slice() && op != Op::Custom
}

/// The value of any operation; `get` has the values of its operands.
pub(crate) fn value<T: Number>(
    program: &Program,
    op: Op,
    n: i32,
    operands: &[u32],
    get: impl Fn(u32) -> T,
    is_active: &dyn Fn(usize) -> bool,
) -> T {
    let args: SmallVec<[T; 4]> = operands.iter().map(|&k| get(k)).collect();
    if op == Op::Custom {
        T::custom(&program.customs[n as usize], &args)
    } else {
        T::row(op, n, &args, is_active)
    }
}

/// What the adjoint `w` of any operation with the result `z` gives to its operands: `add` gets each with its share.
///
/// An adjoint of zero is to be left out by the caller.
#[allow(clippy::too_many_arguments)]
pub(crate) fn pull_back<T: Number>(
    program: &Program,
    op: Op,
    n: i32,
    operands: &[u32],
    get: impl Fn(u32) -> T,
    is_active: &dyn Fn(usize) -> bool,
    z: T,
    w: T,
    mut add: impl FnMut(u32, T),
) {
    match (op, operands) {
        (Op::Add | Op::Sum, operands) => return operands.iter().for_each(|&k| add(k, w)),
        (Op::Mul, &[a, b]) if a == b => return add(a, w.times(get(a) + get(a))),
        (Op::Mul, &[a, b]) => {
            add(a, w.times(get(b)));
            return add(b, w.times(get(a)));
        }
        _ if op.kind() == Kind::Step => return,
        _ => {}
    }
    let args: SmallVec<[T; 4]> = operands.iter().map(|&k| get(k)).collect();
    let mut give = |k: usize, p: T| {
        if op.kind() == Kind::Smooth || !p.is_zero() {
            add(operands[k], w.times(p));
        }
    };
    if op == Op::Custom {
        let partials = T::custom_partials(&program.customs[n as usize], &args, z);
        let partials = partials.into_iter().enumerate();
        return partials
            .filter(|&(k, _)| is_active(k))
            .for_each(|(k, p)| give(k, p));
    }
    let partials = rules::partials(op, n, &args, is_active, z);
    for (k, p) in partials.into_iter().enumerate() {
        if let Some(p) = p {
            give(k, p);
        }
    }
}

/// Fills `values` from the inputs, node by node; stops at the first guard whose answer is another now, and returns its
/// place.
pub(crate) fn walk(program: &Program, inputs: &[f64], values: &mut Vec<f64>) -> Result<(), usize> {
    values.clear();
    values.extend(inputs.iter().chain(&program.constants));
    let mut guards = program.guards.iter().enumerate().peekable();
    for i in 0..=program.nodes.len() {
        while let Some((k, guard)) = guards.next_if(|(_, guard)| guard.after as usize <= i) {
            let [a, b] = guard.operands.map(|index| values[index as usize]);
            if guard.comparison.answer(a, b) != guard.answer {
                return Err(k);
            }
        }
        if let Some(node) = program.nodes.get(i) {
            let operands = program.operands(node);
            let is_active = |k: usize| program.is_active(operands[k]);
            let get = |k: u32| values[k as usize];
            let value = value(program, node.op, node.n, operands, get, &is_active);
            values.push(value);
        }
    }
    Ok(())
}

/// Adds to the adjoints of the operands of node `i` what its own gives them.
#[inline]
pub(crate) fn walk_back(program: &Program, i: usize, values: &[f64], adjoints: &mut [f64]) {
    let (node, index) = (&program.nodes[i], program.first_node() + i);
    let w = adjoints[index];
    if w == 0.0 {
        return;
    }
    let operands = program.operands(node);
    let is_active = |k: usize| program.is_active(operands[k]);
    let (get, z) = (|k: u32| values[k as usize], values[index]);
    pull_back(
        program,
        node.op,
        node.n,
        operands,
        get,
        &is_active,
        z,
        w,
        |k, share| adjoints[k as usize] += share,
    );
}

impl Number for f64 {
    #[inline(always)]
    fn row(op: Op, n: i32, operands: &[f64], _: &dyn Fn(usize) -> bool) -> f64 {
        f64::apply(op, n, operands)
    }

    fn fill_unary(op: Op, n: i32, known: &[f64], results: &mut [f64], operands: &[u32]) {
        unary::fill(op, n, known, results, operands);
    }

    fn give_unary(
        op: Op,
        n: i32,
        known: &[f64],
        results: (&[f64], &mut [f64]),
        operands: &[u32],
        adjoints: &mut [f64],
    ) {
        unary::give(op, n, known, results, operands, adjoints);
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
