//! What an optimiser of another crate is given.

use crate::derive;
use crate::function::{Function, Outputs, Recorder, ReplayError};
use crate::graph::{self, user_code};
use crate::handle::Var;
use crate::matrix::Matrix;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;

/// A function of some numbers, with its derivatives: a closure, a [`Function`], or a [`Recorder`] in a `RefCell`.
///
/// A closure runs anew at every point. A [`Function`] is faster, and an error where another branch would be taken. A
/// [`Recorder`] is as fast, and records the other branch then.
///
/// ```
/// use scalargrad::{Function, Var, interop::Differentiable};
///
/// let f = Function::record(&[1.0, 2.0], |x| x[0] * x[1]);
/// assert_eq!(f.jacobian_at(&[3.0, 4.0])?.row(0), [4.0, 3.0]);
/// let f = |x: &[Var]| x[0] * x[1];
/// assert_eq!(f.jacobian_at(&[3.0, 4.0])?.row(0), [4.0, 3.0]);
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
pub trait Differentiable {
    /// The outputs.
    ///
    /// # Errors
    ///
    /// Those of [`Function::values`].
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError>;

    /// The derivatives of all outputs, a row for each.
    ///
    /// # Errors
    ///
    /// Those of [`Function::jacobian`].
    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError>;

    /// The second derivatives of the one output.
    ///
    /// # Errors
    ///
    /// Those of [`Function::hessian`].
    ///
    /// # Panics
    ///
    /// If a closure has not exactly one output.
    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError>;
}

impl Differentiable for Function {
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        self.values(x)
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.jacobian(x)
    }

    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.hessian(x)
    }
}

impl<F, O> Differentiable for F
where
    F: Fn(&[Var]) -> O,
    O: Outputs,
{
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        let x: Vec<Var> = x.iter().map(|&x| Var::constant(x)).collect();
        let outputs =
            graph::scope(|| user_code("a function to optimise", || self(&x).into_outputs()));
        Ok(outputs.into_iter().map(Var::value).collect())
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        Ok(derive::jacobian(self, x))
    }

    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        let only = |x: &[Var]| {
            let outputs = self(x).into_outputs();
            assert!(
                outputs.len() == 1,
                "scalargrad: second derivatives of {} outputs; a function to optimise has one",
                outputs.len()
            );
            outputs[0]
        };
        Ok(derive::hessian(only, x))
    }
}

impl<F, O> Differentiable for RefCell<Recorder<F>>
where
    F: FnMut(&[Var]) -> O,
    O: Outputs,
{
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        Ok(self.borrow_mut().values(x))
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        Ok(self.borrow_mut().with(x, |f| f.jacobian(x)))
    }

    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        Ok(self.borrow_mut().with(x, |f| f.hessian(x)))
    }
}

/// An optimiser came to a point where something is NaN.
///
/// It is an error, because most of them compare a NaN as if it were a number, and would go on for ever.
///
/// ```
/// # #[cfg(feature = "argmin")] {
/// use argmin::core::CostFunction;
/// use scalargrad::{Var, interop::{NotANumber, argmin::Problem}};
///
/// let problem: Problem<_> = Problem::new(|x: &[Var]| x[0].ln());
/// let error = problem.cost(&vec![-1.0]).unwrap_err();
/// let error: NotANumber = error.downcast().unwrap();
/// assert_eq!(error.to_string(), "scalargrad: the value is NaN at [-1.0]");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NotANumber {
    what: &'static str,
    x: Vec<f64>,
}

impl NotANumber {
    /// An error if one of the numbers is NaN.
    pub(super) fn check(what: &'static str, numbers: &[f64], x: &[f64]) -> Result<(), NotANumber> {
        if !numbers.iter().any(|number| number.is_nan()) {
            return Ok(());
        }
        Err(NotANumber {
            what,
            x: x.to_vec(),
        })
    }

    /// The point.
    ///
    /// ```
    /// # #[cfg(feature = "argmin")] {
    /// use argmin::core::CostFunction;
    /// use scalargrad::{Var, interop::{NotANumber, argmin::Problem}};
    ///
    /// let problem: Problem<_> = Problem::new(|x: &[Var]| x[0].sqrt());
    /// let error: NotANumber = problem.cost(&vec![-4.0]).unwrap_err().downcast().unwrap();
    /// assert_eq!(error.point(), [-4.0]);
    /// # }
    /// ```
    #[must_use]
    pub fn point(&self) -> &[f64] {
        &self.x
    }
}

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scalargrad: the {} is NaN at {:?}", self.what, self.x)
    }
}

impl Error for NotANumber {}
