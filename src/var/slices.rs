//! Functions of slices: each is one node, whatever the number of operands.

use crate::arena::arena;
use crate::handle::Var;
use crate::real::Real;
use crate::record;
use crate::refusal::must_match;
use crate::rows::Op;
use crate::rules;
use crate::special;
use smallvec::{SmallVec, smallvec};
use std::iter;

fn values(x: &[Var]) -> impl Iterator<Item = f64> + Clone {
    x.iter().map(|x| x.untracked_value())
}

/// The sum of a slice, added from the first to the last: one node.
///
/// # Derivative
///
/// `1` for each.
///
/// ```
/// use scalargrad::{Var, sum};
/// let x = [Var::new(1.0), Var::new(2.0)];
/// sum(&x).backward();
/// assert_eq!((sum(&x).value(), x[0].grad()), (3.0, 1.0));
/// ```
#[must_use]
#[track_caller]
pub fn sum(terms: &[Var]) -> Var {
    record::with_partials(Op::Sum, terms, values(terms).sum(), |_| 1.0)
}

/// The dot product `Σ xᵢ·yᵢ`: one node.
///
/// # Derivative
///
/// `yᵢ` for `xᵢ` and `xᵢ` for `yᵢ`.
///
/// # Panics
///
/// If the slices have different lengths.
///
/// ```
/// use scalargrad::{Var, dot};
/// let (x, y) = ([Var::new(1.0), Var::new(2.0)], [Var::new(3.0), Var::new(4.0)]);
/// let z = dot(&x, &y);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad(), y[1].grad()), (11.0, 3.0, 2.0));
/// ```
#[must_use]
#[track_caller]
pub fn dot(x: &[Var], y: &[Var]) -> Var {
    must_match("dot: the second slice", y.len(), "the first has", x.len());
    record::sum_of_products(x.iter().copied().zip(y.iter().copied()))
}

/// The sum `Σ wᵢ·xᵢ` with weights that are plain numbers: one node.
///
/// # Derivative
///
/// `wᵢ` for `xᵢ`.
///
/// # Panics
///
/// If the slices have different lengths.
///
/// ```
/// use scalargrad::{Var, weighted_sum};
/// let x = [Var::new(1.0), Var::new(2.0)];
/// let z = weighted_sum(&x, &[0.5, -3.0]);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad(), x[1].grad()), (-5.5, 0.5, -3.0));
/// ```
#[must_use]
#[track_caller]
pub fn weighted_sum(x: &[Var], weights: &[f64]) -> Var {
    must_match("weighted_sum: `weights`", weights.len(), "`x` has", x.len());
    let weights = weights.iter().map(|&w| Var::constant(w));
    record::sum_of_products(x.iter().copied().zip(weights))
}

/// The Euclidean norm `√Σ xᵢ²`, without overflow or underflow on the way: one node.
///
/// # Derivative
///
/// `xᵢ/norm(x)`; zeros for a zero vector. The second derivative by an operand that is much larger than all others is a small
/// difference of large numbers and loses digits; that of [`hypot`](Var::hypot) does not.
///
/// ```
/// use scalargrad::{Var, norm};
/// let big = 2f64.powi(600);
/// let x = [Var::new(3.0 * big), Var::new(4.0 * big)];
/// let z = norm(&x);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad()), (5.0 * big, 0.6));
/// ```
#[must_use]
#[track_caller]
pub fn norm(x: &[Var]) -> Var {
    let z = special::norm(values(x));
    let value = |k: usize| x[k].untracked_value();
    record::with_partials(Op::Norm, x, z, rules::norm_partials(x.len(), value, z))
}

/// `ln Σ exp xᵢ`, without overflow on the way: one node.
///
/// # Derivative
///
/// The softmax `exp xᵢ / Σ exp xⱼ`.
///
/// ```
/// use scalargrad::{Var, log_sum_exp};
/// let x = [Var::new(1000.0), Var::new(1000.0)];
/// let z = log_sum_exp(&x);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad()), (1000.0 + 2f64.ln(), 0.5));
/// ```
#[must_use]
#[track_caller]
pub fn log_sum_exp(x: &[Var]) -> Var {
    let mut exps: SmallVec<[f64; 16]> = smallvec![0.0; x.len()];
    let (z, sum) = special::log_sum_exp_with(values(x), |k, e| exps[k] = e);
    if !z.is_finite() {
        exps = rules::log_sum_exp_partials(&values(x).collect::<Vec<_>>(), z);
        return record::with_partials(Op::LogSumExp, x, z, |k| exps[k]);
    }
    record::with_partials(Op::LogSumExp, x, z, |k| exps[k] / sum)
}

/// `exp xᵢ / Σ exp xⱼ` for each `xᵢ`, without overflow on the way: one node per output, and two that
/// they share.
///
/// # Derivative
///
/// `∂zᵢ/∂xⱼ = zᵢ·([i = j] − zⱼ)`. Where a share is close to 1 its derivative by its own input is a small difference of two numbers
/// close to 1, exact to 1e-16 absolutely but not relatively: take that of the other shares, or of `log_sum_exp`.
///
/// ```
/// use scalargrad::{Var, softmax};
/// let x = [Var::new(1000.0), Var::new(1000.0)];
/// let z = softmax(&x);
/// z[0].backward();
/// assert_eq!((z[0].value(), x[0].grad(), x[1].grad()), (0.5, 0.25, -0.25));
/// ```
#[must_use]
#[track_caller]
pub fn softmax(x: &[Var]) -> Vec<Var> {
    let c = log_sum_exp(x);
    let operands: SmallVec<[Var; 16]> = iter::once(c).chain(x.iter().copied()).collect();
    // This would be 1, were `c` not rounded; dividing by it removes that error. Its derivative is 0.
    let s = f64::apply(Op::SumExp, 0, &values(&operands).collect::<Vec<f64>>());
    record_softmax(c, &operands, s)
}

/// Records the shares of a softmax.
///
/// The first of the operands is the log-sum-exp `c` of the others, and `s` is the value of [`Op::SumExp`] of all. A share has
/// three operands: `x`, `c` and the sum. Its node has room for two, which is enough: the sum passes nothing on, and it is
/// found as the node right after `c`.
#[track_caller]
fn record_softmax(c: Var, operands: &[Var], s: f64) -> Vec<Var> {
    let s = record::with_partials(Op::SumExp, operands, s, |_| 0.0);
    let share = |&x: &Var| {
        let (op, operands) = (Op::SoftmaxShare, [x, c, s]);
        let args = operands.map(Var::untracked_value);
        let z = f64::apply(op, 0, &args);
        if x.is_constant() || c.is_constant() {
            return record::ternary(Op::SoftmaxShare, operands, z, rules::of::softmax_share);
        }
        let partial = |k| rules::partial(op, k, args, 0, z, 0.0);
        let (head, p, q) = (arena().write_head(), partial(0), partial(1));
        Var::from_parts(z, head.two(op, x.node_id(), c.node_id(), p, q))
    };
    operands[1..].iter().map(share).collect()
}
