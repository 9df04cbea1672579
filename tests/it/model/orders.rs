//! Derivatives of orders 1 to 4 along a direction: the naive tape once more, over duals of duals.

use super::functions::call;
use super::naive::{Handle, Tape};
use super::second::SHARE;
use super::state::About;
use crate::dual::Dual;
use scalargrad::{Op, Real};

/// A number with as many nested tangents as it carries orders.
trait Nested: Real {
    /// `x` that moves along `v` in every one of its tangents.
    fn moving(x: f64, v: f64) -> Self;
    /// The derivative of the highest order.
    fn highest(self) -> f64;
}

impl Nested for f64 {
    fn moving(x: f64, _: f64) -> f64 {
        x
    }
    fn highest(self) -> f64 {
        self
    }
}

impl<T: Nested> Nested for Dual<T> {
    fn moving(x: f64, v: f64) -> Dual<T> {
        Dual::new(T::moving(x, v), T::from(v))
    }
    fn highest(self) -> f64 {
        self.tangent.highest()
    }
}

/// The derivative of `y` along a direction, of as many orders as `T` has.
fn along<T: Nested>(tape: &Tape<About>, x: &[(Handle, f64)], y: Handle, shift: f64) -> f64 {
    let floor = x[0].0.index;
    if y.index < floor {
        return 0.0;
    }
    let mut known: Vec<T> = Vec::with_capacity(y.index + 1 - floor);
    for node in &tape.nodes[floor..=y.index] {
        let k = known.len();
        let operand = |k: usize| match node.operands[k].of {
            of if of.index < floor => T::from(of.value),
            of => known[of.index - floor],
        };
        let operands = 0..node.operands.len();
        let arg = |k: usize| {
            if k < operands.end { operand(k) } else { T::from(0.0) }
        };
        let args = [0, 1, 2].map(arg);
        known.push(match node.about.op {
            Op::Leaf => match x.get(k) {
                Some(&(x, v)) => T::moving(x.value + shift * v, v),
                None => T::from(node.value),
            },
            // The partial is 0 at a tie with a number.
            Op::Max | Op::Min if node.operands.iter().all(|operand| operand.size == 0.0) => T::from(node.value),
            Op::Sum => operands.map(operand).sum(),
            Op::Dot => operands.step_by(2).map(|k| operand(k) * operand(k + 1)).sum(),
            Op::SoftmaxShare if node.about.n == SHARE => unreachable!("no closure has slices here"),
            Op::Custom => args[0] * args[1],
            op => call(op, node.about.n, args),
        });
    }
    known[y.index - floor].highest()
}

type Second = Dual<Dual<f64>>;

/// The derivative of one order, of a tape, along a direction, of a node, at a place that is moved a little.
type Derivative = fn(&Tape<About>, &[(Handle, f64)], Handle, f64) -> f64;

/// The derivatives of `y` of orders 1 to 4 along `v`, each with the size of its rounding error.
pub fn orders(tape: &Tape<About>, x: &[Handle], v: &[f64], y: Handle) -> [(f64, f64); 4] {
    let x: Vec<(Handle, f64)> = x.iter().copied().zip(v.iter().copied().cycle()).collect();
    // A rounding error is about what a small move along `v` changes.
    let with_size = |f: Derivative| {
        let (p, moved) = (f(tape, &x, y, 0.0), f(tape, &x, y, 1e-9));
        (p, 1e3 * (1.0 + p.abs()) + 1e9 * (p - moved).abs())
    };
    [
        with_size(along::<Dual<f64>>),
        with_size(along::<Second>),
        with_size(along::<Dual<Second>>),
        with_size(along::<Dual<Dual<Second>>>),
    ]
}
