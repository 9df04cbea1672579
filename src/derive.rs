//! Closures in, derivatives out.
//!
//! Each function here but [`differentiate_along`] runs a closure once, in a scope of its own: nothing stays in the graph. First
//! derivatives are swept from the graph; second ones run forward over reverse on the same recording,
//! several directions at a time.
//!
//! # Nesting
//!
//! What these functions return is plain numbers. A derivative *inside* a closure, that is to be
//! differentiated again, is a variable: [`Var::differentiate`] records it.
//!
//! ```
//! use scalargrad::{Var, derivative};
//!
//! // D(x ↦ x · D(y ↦ x·y)(1))(4)
//! let outer = derivative(|x| {
//!     let y = Var::new(1.0);
//!     x * (x * y).differentiate(&[y])[0]
//! }, 4.0);
//! assert_eq!(outer, 8.0);
//! ```

mod jacobian;

pub use jacobian::{jacobian, values_and_jacobian};

use crate::arena::arena;
use crate::function::{AlongOne, Effort, Outputs, Program, are_finite, capture, hessian_on_tape, hvp_on_tape};
use crate::graph::trace::{self, Escape, Trace};
use crate::graph::{self, Event, Results, state, user_code, verify};
use crate::handle::Var;
use crate::matrix::Matrix;
use crate::record;
use crate::refusal::{at_callers_line, must_match};
use crate::var::forward::Forward;
use crate::var::{backward, dot, weighted_sum};

/// The gradient of `f` at `x`.
///
/// Runs in a scope of its own: nothing stays in the graph.
///
/// ```
/// use scalargrad::gradient;
///
/// assert_eq!(gradient(|x| x[0] * x[0] * x[1], &[3.0, 2.0]), [12.0, 9.0]);
/// ```
#[must_use]
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
#[must_use]
#[track_caller]
pub fn value_and_gradient(f: impl FnOnce(&[Var]) -> Var, x: &[f64]) -> (f64, Vec<f64>) {
    let _scope = graph::open_recording();
    let x = record::leaves(x.iter().copied());
    let output = user_code("the closure", || f(&x));
    (output.untracked_value(), backward::gradient(output, &x))
}

/// The derivative of `f` at `x`.
///
/// Runs in a scope of its own: nothing stays in the graph. The result is a plain number; for one to be
/// differentiated again see the [module on nesting](crate::derive#nesting).
///
/// ```
/// use scalargrad::derivative;
///
/// assert_eq!(derivative(|x| x * x * x, 2.0), 12.0);
/// ```
#[must_use]
#[track_caller]
pub fn derivative(f: impl FnOnce(Var) -> Var, x: f64) -> f64 {
    gradient(|x| f(x[0]), &[x])[0]
}

/// The Hessian of `f` at `x`; symmetric.
///
/// One recording, swept forward over reverse.
///
/// # Derivative
///
/// At a kink second derivatives too take the smallest subgradient for the slope. So a smooth function of a kink, such as
/// `norm(x).powi(2)` at 0, has the second derivatives 0 there, not 2. Write `dot(x, x)` instead;
/// [`check::hessian`](crate::check::hessian) finds such places.
///
/// # Panics
///
/// If the output is stale, or depends on a [`Var::custom`] operation, whose partials are numbers.
///
/// ```
/// use scalargrad::hessian;
///
/// let h = hessian(|x| x[0] * x[0] * x[1], &[3.0, 2.0]);
/// assert_eq!(h.as_slice(), [4.0, 6.0, 6.0, 0.0]);
/// ```
#[must_use]
#[track_caller]
pub fn hessian(f: impl FnOnce(&[Var]) -> Var, x: &[f64]) -> Matrix {
    let on_tape = |start, output| hessian_on_tape(start, x, output);
    second_order(f, x, on_tape, |program| program.hessian(x), |hessian| are_finite(hessian.as_slice()))
}

/// The Hessian of `f` at `x` times `v`, without the Hessian.
///
/// # Panics
///
/// As [`hessian`], and if `v` has another length than `x`.
///
/// ```
/// use scalargrad::hvp;
///
/// assert_eq!(hvp(|x| x[0] * x[0] * x[1], &[3.0, 2.0], &[1.0, 10.0]), [64.0, 6.0]);
/// ```
#[must_use]
#[track_caller]
pub fn hvp(f: impl FnOnce(&[Var]) -> Var, x: &[f64], v: &[f64]) -> Vec<f64> {
    must_match("hvp: `v`", v.len(), "`x` has", x.len());
    along_one(f, x, v, |(.., product)| are_finite(product)).2
}

/// The value of `f` at `x`, its gradient, and its Hessian times `v`, for the price of [`hvp`].
///
/// # Panics
///
/// As [`hvp`].
///
/// ```
/// use scalargrad::value_gradient_and_hvp;
///
/// let all = value_gradient_and_hvp(|x| x[0] * x[0] * x[1], &[3.0, 2.0], &[1.0, 10.0]);
/// assert_eq!(all, (18.0, vec![12.0, 9.0], vec![64.0, 6.0]));
/// ```
#[must_use]
#[track_caller]
pub fn value_gradient_and_hvp(f: impl FnOnce(&[Var]) -> Var, x: &[f64], v: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    must_match("value_gradient_and_hvp: `v`", v.len(), "`x` has", x.len());
    along_one(f, x, v, |(_, gradient, product)| are_finite(gradient) && are_finite(product))
}

#[track_caller]
fn along_one(f: impl FnOnce(&[Var]) -> Var, x: &[f64], v: &[f64], is_finite: fn(&AlongOne) -> bool) -> AlongOne {
    let on_tape = |start, output| hvp_on_tape(start, x, v, output);
    second_order(f, x, on_tape, |program| program.hvp(x, v), is_finite)
}

/// Records a function of one output that can be differentiated twice, and takes derivatives from the tape, where its inputs
/// start and its output is, or if that is not possible from its program. A detection of anomalies is told whether they are finite.
#[track_caller]
fn second_order<R>(
    f: impl FnOnce(&[Var]) -> Var,
    x: &[f64],
    on_tape: impl FnOnce(usize, usize) -> Option<R>,
    in_program: impl FnOnce(&Program) -> Result<R, usize>,
    is_finite: impl FnOnce(&R) -> bool,
) -> R {
    let _scope = graph::open_recording();
    let leaves = record::leaves(x.iter().copied());
    let (output, _) = user_code("the closure", || trace::trace(|| f(&leaves)));
    // What rules of custom operations sweep on the way is no result.
    let unobserved = arena().lines.is_kept().then(graph::unobserved);
    let derivatives = second_order_of(output, &leaves, on_tape, in_program);
    if unobserved.is_some() {
        drop(unobserved);
        tell_of_second(&leaves, output, is_finite(&derivatives));
    }
    derivatives
}

#[track_caller]
fn second_order_of<R>(
    output: Var,
    leaves: &[Var],
    on_tape: impl FnOnce(usize, usize) -> Option<R>,
    in_program: impl FnOnce(&Program) -> Result<R, usize>,
) -> R {
    let start = state(|state| state.scope_start());
    if !output.is_constant() && output.index() >= start && !trace::is_tracing() {
        verify(output);
        if let Some(derivatives) = at_callers_line(|| on_tape(start, output.index())) {
            return derivatives;
        }
    }
    let program = program(leaves, &[output]);
    program.refuse_first_order_customs();
    at_callers_line(|| in_program(&program)).expect("there is no guard to trip")
}

/// Tells a detection of anomalies whether the second derivatives are finite. If they are not, sweeps of the output and of its recorded
/// derivatives show it where that began.
#[track_caller]
fn tell_of_second(x: &[Var], output: Var, are_finite: bool) {
    if are_finite || output.is_constant() {
        return tell_of_finite(&[output]);
    }
    let mut outputs = vec![output];
    outputs.extend(output.differentiate(x));
    backward::gradients_into(&outputs, x, &mut vec![0.0; outputs.len() * x.len()]);
    graph::tell(Event::Undefined { output: output.index() });
}

/// Tells a detection of anomalies of outputs whose derivatives by the variables of the scope are finite.
fn tell_of_finite(outputs: &[Var]) {
    let floor = state(|state| state.scope_start());
    graph::tell(Event::Swept { outputs, floor, results: Results::Variables(&[]) });
}

/// The values of the outputs of `f` at `x`, and their tangents along `v`: the Jacobian times `v`.
///
/// One pass goes forward. For an output whose tangent is not finite then, a sweep decides.
///
/// # Panics
///
/// If an output is stale, or `v` has another length than `x`.
///
/// ```
/// use scalargrad::jvp;
///
/// let (values, tangents) = jvp(|x| [x[0] * x[1], x[0] - x[1]], &[3.0, 2.0], &[1.0, 10.0]);
/// assert_eq!((values, tangents), (vec![6.0, 1.0], vec![32.0, -9.0]));
/// ```
#[must_use]
#[track_caller]
pub fn jvp<O: Outputs>(f: impl FnOnce(&[Var]) -> O, x: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
    must_match("jvp: `v`", v.len(), "`x` has", x.len());
    let _scope = graph::open_recording();
    let leaves = record::leaves(x.iter().copied());
    let outputs = user_code("the closure", || f(&leaves).into_outputs());
    for &y in &outputs {
        trace::escaped(Escape::Gradient, y);
        verify(y);
    }
    let values = outputs.iter().map(|y| y.untracked_value()).collect();
    let mut tangents = vec![f64::NAN; outputs.len()];
    if let Some(mut forward) = Forward::<1>::from(&leaves) {
        forward.push(v.iter().map(|&v| [v]));
        tangents = outputs.iter().map(|&y| forward.of(y)[0]).collect();
    }
    let (moved, along): (Vec<Var>, Vec<f64>) = leaves.iter().zip(v).filter(|&(_, &v)| v != 0.0).unzip();
    for (tangent, &output) in tangents.iter_mut().zip(&outputs).filter(|(tangent, _)| !tangent.is_finite()) {
        let gradient = backward::gradient(output, &moved);
        *tangent = gradient.iter().zip(&along).map(|(p, v)| p * v).sum();
    }
    match tangents.iter().position(|tangent: &f64| !tangent.is_finite()) {
        None => tell_of_finite(&outputs),
        Some(k) => graph::tell(Event::Undefined { output: outputs[k].index() }),
    }
    (values, tangents)
}

/// Records the derivatives of `outputs` along a direction: their tangents where each of `x` moves along that of `v`.
///
/// What [`jvp`] is for closures, this is for variables: the result is variables again, which can be differentiated further,
/// along a direction or by [`Var::differentiate`], in any nesting. Directions of different derivatives are different variables, so
/// that no derivative can be taken for another.
///
/// Under [`no_grad`](graph::no_grad) the tangents are numbers.
///
/// It costs two recorded sweeps: the sweep down from `Σ uᵢ·yᵢ` is linear in the weights `u`, and its derivative by `uᵢ` is the
/// tangent of `yᵢ`.
///
/// # Panics
///
/// If a handle is stale, or `v` has another length than `x`.
///
/// ```
/// use scalargrad::{Var, derive::differentiate_along};
///
/// let (x, y) = (Var::new(3.0), Var::new(2.0));
/// let product = x * x * y;
/// // Along (1, 10): 2·x·y + 10·x².
/// let [along] = differentiate_along(&[product], &[x, y], &[1.0.into(), 10.0.into()])[..] else { unreachable!() };
/// assert_eq!(along.value(), 102.0);
/// // Its derivative by y: 2·x.
/// assert_eq!(along.differentiate(&[y])[0].value(), 6.0);
/// ```
#[must_use]
#[track_caller]
pub fn differentiate_along(outputs: &[Var], x: &[Var], v: &[Var]) -> Vec<Var> {
    must_match("differentiate_along: `v`", v.len(), "`x` has", x.len());
    // Both sweeps must be recorded, even where the result is not.
    let scope = graph::is_paused(arena()).then(graph::open_recording);
    let weights: Vec<Var> = outputs.iter().map(|_| Var::new(1.0)).collect();
    let weighted = dot(&weights, outputs);
    let slopes = weighted.differentiate(x);
    let mut along = dot(&slopes, v).differentiate(&weights);
    if scope.is_some() {
        for (tangent, &y) in along.iter_mut().zip(outputs) {
            trace::escaped(Escape::Gradient, y);
            *tangent = Var::constant(tangent.untracked_value());
        }
    }
    along
}

/// The weights times the Jacobian of `f` at `x`, `wᵀJ`: one sweep, from the weighted sum of the outputs.
///
/// # Panics
///
/// If an output is stale, or `w` has another length than there are outputs.
///
/// ```
/// use scalargrad::vjp;
///
/// assert_eq!(vjp(|x| [x[0] * x[1], x[0] - x[1]], &[3.0, 2.0], &[1.0, 10.0]), [12.0, -7.0]);
/// ```
#[must_use]
#[track_caller]
pub fn vjp<O: Outputs>(f: impl FnOnce(&[Var]) -> O, x: &[f64], w: &[f64]) -> Vec<f64> {
    let _scope = graph::open_recording();
    let x = record::leaves(x.iter().copied());
    let outputs = user_code("the closure", || f(&x).into_outputs());
    must_match("vjp: `w`", w.len(), "the outputs are", outputs.len());
    backward::gradient(weighted_sum(&outputs, w), &x)
}

/// The Laplacian of `f` at `x`: the sum of its second derivatives, `Σ ∂²f/∂xᵢ²`.
///
/// # Panics
///
/// As [`hessian`].
///
/// ```
/// use scalargrad::laplacian;
///
/// assert_eq!(laplacian(|x| x[0] * x[0] * x[1] + x[1].powi(3), &[3.0, 2.0]), 4.0 + 12.0);
/// ```
#[must_use]
#[track_caller]
pub fn laplacian(f: impl FnOnce(&[Var]) -> Var, x: &[f64]) -> f64 {
    let on_tape = |start, output| {
        let hessian = hessian_on_tape(start, x, output)?;
        Some((0..x.len()).map(|i| hessian[(i, i)]).sum())
    };
    second_order(f, x, on_tape, |program| program.laplacian(x), |laplacian| laplacian.is_finite())
}

/// The program of what was recorded.
#[track_caller]
fn program(x: &[Var], outputs: &[Var]) -> Program {
    let captured = capture(x, outputs, Trace::default(), Effort::Once);
    if trace::is_tracing() {
        // An outer recording must know that the result is a number.
        for index in captured.outside {
            trace::escaped(Escape::Gradient, Var::from_parts(0.0, graph::id_of(index)));
        }
    }
    captured.program
}
