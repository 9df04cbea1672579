//! Closures in, derivatives out.

use crate::graph;
use crate::var::Var;

/// The gradient of `f` at `x`.
///
/// Runs in a scope of its own: nothing stays in the graph.
///
/// ```
/// use scalargrad::gradient;
///
/// assert_eq!(gradient(|x| x[0] * x[0] * x[1], &[3.0, 2.0]), [12.0, 9.0]);
/// ```
#[track_caller]
pub fn gradient(f: impl FnOnce(&[Var]) -> Var, x: &[f64]) -> Vec<f64> {
    value_and_gradient(f, x).1
}

/// The value and the gradient of `f` at `x`.
///
/// Runs in a scope of its own: nothing stays in the graph.
///
/// ```
/// use scalargrad::value_and_gradient;
///
/// let (value, gradient) = value_and_gradient(|x| x[0] * x[0] * x[1], &[3.0, 2.0]);
/// assert_eq!((value, gradient), (18.0, vec![12.0, 9.0]));
/// ```
#[track_caller]
pub fn value_and_gradient(f: impl FnOnce(&[Var]) -> Var, x: &[f64]) -> (f64, Vec<f64>) {
    graph::scope(|| {
        let x: Vec<Var> = x.iter().map(|&x| Var::new(x)).collect();
        let output = f(&x);
        let before = output.value();
        (before, output.gradients().wrt_all(&x))
    })
}

/// The derivative of `f` at `x`.
///
/// Runs in a scope of its own: nothing stays in the graph.
///
/// ```
/// use scalargrad::derivative;
///
/// assert_eq!(derivative(|x| x * x * x, 2.0), 12.0);
/// ```
#[track_caller]
pub fn derivative(f: impl FnOnce(Var) -> Var, x: f64) -> f64 {
    gradient(|x| f(x[0]), &[x])[0]
}
