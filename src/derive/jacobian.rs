//! The Jacobian of a closure.

use super::tell_of_finite;
use crate::function::{Outputs, are_finite};
use crate::graph::trace::{self, Escape};
use crate::graph::{self, user_code, verify};
use crate::handle::Var;
use crate::matrix::Matrix;
use crate::matrix::groups::Groups;
use crate::var::backward;
use crate::var::forward::{Forward, LANES};

/// The derivative of every output of `f` (a row each) with respect to every input, at `x`.
///
/// Computed forward or in reverse, whichever takes fewer passes. Inputs that no output depends on together share a pass
/// forward. Where a partial or a tangent is not finite it is computed in reverse, so that each row is the gradient of its output,
/// whatever the shape.
///
/// # Panics
///
/// If an output is stale.
///
/// ```
/// use scalargrad::jacobian;
///
/// let j = jacobian(|x| [x[0] * x[1], x[0] - x[1], x[1].exp()], &[3.0, 0.0]);
/// assert_eq!((j.rows(), j.cols()), (3, 2));
/// assert_eq!(j.as_slice(), [0.0, 3.0, 1.0, -1.0, 0.0, 1.0]);
/// ```
#[must_use]
#[track_caller]
pub fn jacobian<O: Outputs>(f: impl FnOnce(&[Var]) -> O, x: &[f64]) -> Matrix {
    outputs_and_jacobian(f, x).1
}

/// The values of the outputs of `f` at `x`, and the [`jacobian`].
///
/// # Panics
///
/// As [`jacobian`].
///
/// ```
/// use scalargrad::values_and_jacobian;
///
/// let (values, jacobian) = values_and_jacobian(|x| [x[0] * x[1], x[0] - x[1]], &[3.0, 2.0]);
/// assert_eq!(values, [6.0, 1.0]);
/// assert_eq!(jacobian.as_slice(), [2.0, 3.0, 1.0, -1.0]);
/// ```
#[must_use]
#[track_caller]
pub fn values_and_jacobian<O: Outputs>(f: impl FnOnce(&[Var]) -> O, x: &[f64]) -> (Vec<f64>, Matrix) {
    let (outputs, jacobian) = outputs_and_jacobian(f, x);
    (outputs.iter().map(|y| y.untracked_value()).collect(), jacobian)
}

#[track_caller]
fn outputs_and_jacobian<O: Outputs>(f: impl FnOnce(&[Var]) -> O, x: &[f64]) -> (Vec<Var>, Matrix) {
    let _scope = graph::open_recording();
    let leaves = Var::leaves(x);
    let outputs = user_code("the closure", || f(&leaves).into_outputs());
    let mut jacobian = Matrix::zeros(outputs.len(), x.len());
    // A pass forward takes about as long as three sweeps.
    let most = outputs.len().saturating_sub(1) / 3;
    if most == 0 || !forward(&leaves, &outputs, most, &mut jacobian) {
        backward::gradients_into(&outputs, &leaves, jacobian.as_mut_slice());
    }
    (outputs, jacobian)
}

/// Fills the Jacobian by the columns, if that is possible in `most` passes.
#[track_caller]
fn forward(leaves: &[Var], outputs: &[Var], most: usize, jacobian: &mut Matrix) -> bool {
    for &y in outputs {
        trace::escaped(Escape::Gradient, y);
        verify(y);
    }
    let Some(mut forward) = Forward::<LANES>::from(leaves) else {
        return false;
    };
    let dependence = |k| forward.dependence(k, leaves.len(), outputs);
    let Some(groups) = Groups::of(leaves.len(), LANES, most, dependence) else {
        return false;
    };
    for first in (0..groups.count()).step_by(LANES) {
        let unit = |j| std::array::from_fn(|lane| f64::from(groups.has(first + lane, j)));
        forward.push((0..leaves.len()).map(unit));
        let rows = jacobian.as_mut_slice().chunks_exact_mut(leaves.len());
        for (i, (row, &y)) in rows.zip(outputs).enumerate() {
            groups.write(i, first, &forward.of(y), row);
        }
    }
    for (row, &y) in jacobian.as_mut_slice().chunks_exact_mut(leaves.len().max(1)).zip(outputs) {
        if !are_finite(row) {
            backward::gradients_into(&[y], leaves, row);
        }
    }
    tell_of_finite(outputs);
    true
}
