//! `argmin` 0.11, with the feature `argmin`: a closure, a recorded function, or one over rows of data
//! ([`SumOfRows`](super::SumOfRows)), as the problem of its solvers.
//!
//! Write the type of the problem, as `let problem: Problem<_> = …` does below: given to an `Executor` at once, the compiler does not
//! find out which vector and matrix are meant, and reports an overflow.
//!
//! ```
//! use argmin::core::{Executor, State, TerminationReason};
//! use argmin::solver::linesearch::MoreThuenteLineSearch;
//! use argmin::solver::quasinewton::LBFGS;
//! use scalargrad::{Function, interop::argmin::Problem};
//!
//! let rosenbrock = Function::record(&[0.0, 0.0], |x| {
//!     (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2)
//! });
//! let problem: Problem<_> = Problem::new(rosenbrock);
//! let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7);
//! let result = Executor::new(problem, solver)
//!     .configure(|state| state.param(vec![-1.2, 1.0]).max_iters(100))
//!     .run()?;
//! let reason = result.state().get_termination_reason().unwrap();
//! assert_eq!(reason, &TerminationReason::SolverConverged, "{}", reason.text());
//! let best = result.state().get_best_param().unwrap();
//! assert!((best[0] - 1.0).abs() < 1e-6 && (best[1] - 1.0).abs() < 1e-6);
//! # Ok::<(), argmin::core::Error>(())
//! ```
//!
//! # Look at the termination status
//!
//! `Newton` and `TrustRegion` have no test of their own: they always end at the largest number of iterations. Look at the gradient there.
//!
//! `LBFGS` and its like turn an error of their line search into `Ok`: the best point so far, often the start, with the status
//! `SolverExit("Line search terminated with: …")`. This is so for the errors of this crate too: [`NotANumber`], and a
//! [`ReplayError`] where a recorded function takes a different branch. So look at `result.state().get_termination_status()`, as
//! above, before you use the point.
//!
//! An infinite cost, as a barrier has behind its edge, is no error of this crate, but only some line searches can live with it:
//!
//! | line search | at an infinite cost |
//! |---|---|
//! | `BacktrackingLineSearch` | takes a shorter step, and goes on |
//! | `MoreThuenteLineSearch` | ends: `Ok`, and the status `SolverExit` with "NaN or Inf encountered" |
//! | `HagerZhangLineSearch` | may never end |
//!
//! The first step is as long as the gradient. So scale the cost: a mean over the data, not a sum, has a first step that does not
//! go to where everything overflows.
//!
//! # Types
//!
//! If nothing else is said, points and gradients are `Vec<f64>`, and second derivatives are a [`Matrix`], which supports everything that
//! `Newton`, `TrustRegion` and `GaussNewton` need. A point may be any type that is made from a `Vec<f64>`, and
//! [`Problem::with_matrix`] makes another type of matrix. (`argmin-math` 0.5 knows `nalgebra` up to 0.34 and `ndarray` up to 0.16,
//! which are not the versions of the features `nalgebra` and `ndarray` here.)

mod matrix;

use super::{Differentiable, NotANumber};
use crate::function::{Counted, ReplayError};
use crate::matrix::Matrix;
use argmin::core::{CostFunction, Error, Gradient, Hessian, Jacobian, Operator};
use std::marker::PhantomData;

/// A function of one output, to be minimised, or of several, to be made zero.
///
/// It is `argmin`'s `CostFunction`, `Gradient` and `Hessian`, and its `Operator` and `Jacobian` (for `GaussNewton`).
///
/// A value or a derivative that is NaN is the error [`NotANumber`], which ends the run; a line search would go on for ever. An
/// infinite value is handed to the solver as it is. A cost or its gradient is a [`ReplayError`] if the function has not exactly
/// one output. [How a run ends](self#look-at-the-termination-status) is a matter of the solver.
///
/// See the [module](self) for an example.
pub struct Problem<F, P = Vec<f64>, M = Matrix> {
    function: F,
    to_matrix: fn(Matrix) -> M,
    point: PhantomData<fn() -> P>,
}

impl<F: Differentiable, P> Problem<F, P> {
    /// The problem of a closure, or of anything else that is [`Differentiable`].
    ///
    /// ```
    /// use argmin::core::Gradient;
    /// use scalargrad::{Var, interop::argmin::Problem};
    ///
    /// let problem: Problem<_> = Problem::new(|x: &[Var]| x[0] * x[1]);
    /// assert_eq!(problem.gradient(&vec![2.0, 3.0])?, [3.0, 2.0]);
    /// # Ok::<(), argmin::core::Error>(())
    /// ```
    #[must_use]
    pub fn new(function: F) -> Problem<F, P> {
        Problem { function, to_matrix: |m| m, point: PhantomData }
    }
}

impl<F: Differentiable, P, M> Problem<F, P, M> {
    /// The same problem for a solver that wants its matrices in another type.
    ///
    /// ```
    /// use argmin::core::Hessian;
    /// use scalargrad::{Var, interop::argmin::Problem};
    ///
    /// let problem: Problem<_> = Problem::new(|x: &[Var]| x[0].powi(3));
    /// let problem = problem.with_matrix(|m| vec![m.into_vec()]);
    /// assert_eq!(problem.hessian(&vec![2.0])?, [[12.0]]);
    /// # Ok::<(), argmin::core::Error>(())
    /// ```
    #[must_use]
    pub fn with_matrix<N>(self, to_matrix: fn(Matrix) -> N) -> Problem<F, P, N> {
        Problem { function: self.function, to_matrix, point: PhantomData }
    }
}

impl<F: Differentiable, P, M> Problem<F, P, M>
where
    for<'a> &'a P: IntoIterator<Item = &'a f64>,
{
    /// What is evaluated, and must not be NaN.
    fn evaluate<R>(
        &self,
        what: &'static str,
        x: &P,
        compute: impl FnOnce(&F, &[f64]) -> Result<R, ReplayError>,
        numbers: impl FnOnce(&R) -> &[f64],
    ) -> Result<R, Error> {
        let x: Vec<f64> = x.into_iter().copied().collect();
        let result = compute(&self.function, &x)?;
        NotANumber::check(what, numbers(&result), &x)?;
        Ok(result)
    }

    fn values(&self, x: &P) -> Result<Vec<f64>, Error> {
        self.evaluate("value", x, F::values_at, Vec::as_slice)
    }

    fn derivatives(&self, x: &P) -> Result<Matrix, Error> {
        self.evaluate("derivative", x, F::jacobian_at, Matrix::as_slice)
    }
}

impl<F: Differentiable, P, M> CostFunction for Problem<F, P, M>
where
    for<'a> &'a P: IntoIterator<Item = &'a f64>,
{
    type Param = P;
    type Output = f64;

    fn cost(&self, x: &P) -> Result<f64, Error> {
        let values = self.values(x)?;
        Counted::Outputs.check(values.len(), 1)?;
        Ok(values[0])
    }
}

impl<F: Differentiable, P: From<Vec<f64>>, M> Gradient for Problem<F, P, M>
where
    for<'a> &'a P: IntoIterator<Item = &'a f64>,
{
    type Param = P;
    type Gradient = P;

    fn gradient(&self, x: &P) -> Result<P, Error> {
        let rows = self.derivatives(x)?;
        Counted::Outputs.check(rows.rows(), 1)?;
        Ok(P::from(rows.into_vec()))
    }
}

impl<F: Differentiable, P, M> Hessian for Problem<F, P, M>
where
    for<'a> &'a P: IntoIterator<Item = &'a f64>,
{
    type Param = P;
    type Hessian = M;

    fn hessian(&self, x: &P) -> Result<M, Error> {
        let hessian = self.evaluate("second derivative", x, F::hessian_at, Matrix::as_slice)?;
        Ok((self.to_matrix)(hessian))
    }
}

impl<F: Differentiable, P: From<Vec<f64>>, M> Operator for Problem<F, P, M>
where
    for<'a> &'a P: IntoIterator<Item = &'a f64>,
{
    type Param = P;
    type Output = P;

    fn apply(&self, x: &P) -> Result<P, Error> {
        Ok(P::from(self.values(x)?))
    }
}

impl<F: Differentiable, P, M> Jacobian for Problem<F, P, M>
where
    for<'a> &'a P: IntoIterator<Item = &'a f64>,
{
    type Param = P;
    type Jacobian = M;

    fn jacobian(&self, x: &P) -> Result<M, Error> {
        Ok((self.to_matrix)(self.derivatives(x)?))
    }
}
