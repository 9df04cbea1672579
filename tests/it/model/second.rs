//! Second derivatives on the naive tape: the sweep over numbers that carry a tangent.

use super::functions::partial_along;
use super::naive::{Adjoint, Node, Tape};
use super::state::About;
use crate::dual::Dual;
use scalargrad::{Op, Real};

/// A number with two tangents.
type Twofold = Dual<Dual<f64>>;

/// Of each node from `floor` to the output the derivative of its adjoint with respect to the node `x`. Absent
/// where the output depends on an operation whose second derivatives the model does not know.
pub fn second(tape: &Tape<About>, output: usize, floor: usize, x: usize) -> Option<Vec<Adjoint>> {
    let first = tape.sweep(output, floor);
    let tangents = tangents(tape, output, x);
    let mut second = vec![Adjoint::default(); output + 1];
    for index in (floor..=output).rev() {
        let (w, along) = (first[index], second[index]);
        let node = &tape.nodes[index];
        if w.size == 0.0 || node.about.op == Op::Leaf {
            continue;
        }
        let partials = partials_along(node, &tangents)?;
        for (operand, p) in node.operands.iter().zip(partials) {
            second[operand.of.index].add(
                product(along.value, operand.partial) + product(w.value, p),
                along.size * operand.size + w.size * p.abs(),
            );
        }
    }
    second[0] = Adjoint::default();
    Some(second)
}

/// The product with an adjoint, which is not passed on where it is zero.
fn product(w: f64, p: f64) -> f64 {
    if w == 0.0 { 0.0 } else { w * p }
}

/// How each node changes with the node `x`.
fn tangents(tape: &Tape<About>, output: usize, x: usize) -> Vec<f64> {
    let mut tangents = vec![0.0; output + 1];
    tangents[x] = 1.0;
    for index in x + 1..=output {
        let terms = tape.nodes[index].operands.iter();
        tangents[index] = terms.map(|o| product(tangents[o.of.index], o.partial)).sum();
    }
    tangents
}

/// How each partial of a node changes along the tangents of its operands.
fn partials_along(node: &Node<About>, tangents: &[f64]) -> Option<Vec<f64>> {
    let (op, n) = (node.about.op, node.about.n);
    let tangent = |k: usize| tangents[node.operands[k].of.index];
    let value = |k: usize| node.operands[k].of.value;
    let places = 0..node.operands.len();
    let along = |f: fn(&[Twofold]) -> Twofold| {
        let along_one = |k: usize| {
            let one_if = |is_one: bool| if is_one { 1.0 } else { 0.0 };
            let dual =
                |i: usize| Dual { value: Dual::new(value(i), tangent(i)), tangent: Dual::constant(one_if(i == k)) };
            f(&places.clone().map(dual).collect::<Vec<_>>()).tangent.tangent
        };
        Some(places.clone().map(along_one).collect())
    };
    match op {
        Op::Add | Op::Sub | Op::Sum | Op::SumExp => Some(places.map(|_| 0.0).collect()),
        Op::Mul => Some(vec![tangent(1), tangent(0)]),
        Op::Dot => Some(places.map(|k| tangent(k ^ 1)).collect()),
        Op::Norm => along(Real::norm),
        Op::LogSumExp => along(Real::log_sum_exp),
        // The sum of its last operand is 1, whatever the others are.
        Op::SoftmaxShare if node.about.n == SHARE => {
            let z = node.value;
            let change = z * (tangent(0) - tangent(1));
            Some(vec![change, -change, 0.0])
        }
        // The rules of the programs are those of a product.
        Op::Custom if node.about.rule.is_some() => Some(vec![tangent(1), tangent(0)]),
        Op::Custom | Op::Checkpoint | Op::Constant => None,
        _ => {
            let args = |f: &dyn Fn(usize) -> f64| [0, 1, 2].map(|k| if k < places.end { f(k) } else { 0.0 });
            let (args, tangents) = (args(&value), args(&tangent));
            let partial = |k| partial_along(op, n, args, tangents, k).tangent;
            Some(places.map(partial).collect())
        }
    }
}

/// The parameter that tells the share of a softmax from the row of the table.
pub const SHARE: i32 = 1;
