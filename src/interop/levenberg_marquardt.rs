//! `levenberg-marquardt` 0.15, with the feature `levenberg-marquardt`: residuals with their Jacobian.
//!
//! ```
//! use levenberg_marquardt::LevenbergMarquardt;
//! use scalargrad::{Function, interop::levenberg_marquardt::Residuals};
//!
//! // a·exp(b·t) through three points
//! let (t, y) = ([0.0, 1.0, 2.0], [2.0, 1.0, 0.5]);
//! let residuals = Function::record(&[1.0, 0.0], |x| {
//!     (0..3).map(|i| x[0] * (x[1] * t[i]).exp() - y[i]).collect::<Vec<_>>()
//! });
//! let (fit, report) = LevenbergMarquardt::new().minimize(Residuals::new(residuals, &[1.0, 0.0]));
//! assert!(report.termination.was_successful());
//! assert!((fit.point()[0] - 2.0).abs() < 1e-12 && (fit.point()[1] + 2_f64.ln()).abs() < 1e-12);
//! ```
//!
//! It computes with `nalgebra` 0.34, which is not the version that the feature `nalgebra` is for; what is converted
//! is plain numbers. A point where a residual or a derivative is NaN, or where a recorded function has no branch, ends the run with
//! `TerminationReason::User`, and [`Residuals::error`] says what happened.

use super::{Differentiable, NotANumber};
use ::levenberg_marquardt::LeastSquaresProblem;
use nalgebra_0_34::storage::Owned;
use nalgebra_0_34::{DMatrix, DVector, Dyn};
use std::cell::{Cell, RefCell};
use std::error::Error;

/// The residuals of a least squares problem: the outputs of a closure, or of anything else that is [`Differentiable`], such
/// as [`EachRow`](super::EachRow) of a data set.
///
/// See the [module](self) for an example.
pub struct Residuals<F> {
    function: F,
    x: Vec<f64>,
    /// The sum of the squares of the residuals at `x`; infinite if it is not known.
    squares: Cell<f64>,
    /// The best of the points before, with that sum.
    best: (f64, Vec<f64>),
    error: RefCell<Option<Box<dyn Error>>>,
}

impl<F: Differentiable> Residuals<F> {
    /// The problem that begins at `x`.
    ///
    /// ```
    /// use scalargrad::{Var, interop::levenberg_marquardt::Residuals};
    ///
    /// let residuals = Residuals::new(|x: &[Var]| [x[0] - 1.0, x[1] * 2.0], &[0.0, 0.0]);
    /// assert_eq!(residuals.point(), [0.0, 0.0]);
    /// ```
    #[must_use]
    pub fn new(function: F, x: &[f64]) -> Residuals<F> {
        let best = (f64::INFINITY, x.to_vec());
        Residuals { function, x: x.to_vec(), squares: Cell::new(f64::INFINITY), best, error: RefCell::new(None) }
    }

    /// The point: after the run the best one, also of a run that ended with an error.
    ///
    /// ```
    /// use scalargrad::{Var, interop::levenberg_marquardt::Residuals};
    ///
    /// assert_eq!(Residuals::new(|x: &[Var]| [x[0] - 1.0], &[2.0]).point(), [2.0]);
    /// ```
    #[must_use]
    pub fn point(&self) -> &[f64] {
        if self.is_at_x() { &self.x } else { &self.best.1 }
    }

    /// What went wrong, if the run ended with `TerminationReason::User`.
    ///
    /// ```
    /// use levenberg_marquardt::LevenbergMarquardt;
    /// use scalargrad::{Var, interop::levenberg_marquardt::Residuals};
    ///
    /// let problem = Residuals::new(|x: &[Var]| [x[0].sqrt() - 1.0], &[-1.0]);
    /// let (problem, report) = LevenbergMarquardt::new().minimize(problem);
    /// assert!(!report.termination.was_successful());
    /// assert_eq!(problem.error().unwrap(), "scalargrad: the residual is NaN at [-1.0]");
    /// ```
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.error.borrow().as_ref().map(|error| error.to_string())
    }

    /// Whether the point is `x`. It is the best one before, if an error ended the run at `x`; but if the residuals there are the best,
    /// it is their derivatives that failed.
    fn is_at_x(&self) -> bool {
        let squares = self.squares.get();
        self.error.borrow().is_none() || squares.is_finite() && squares <= self.best.0
    }

    fn checked<R>(
        &self,
        what: &'static str,
        result: Result<R, impl Error + 'static>,
        numbers: impl FnOnce(&R) -> &[f64],
    ) -> Option<R> {
        let checked = result.map_err(Box::from).and_then(|result| {
            NotANumber::check(what, numbers(&result), self.point())?;
            Ok::<R, Box<dyn Error>>(result)
        });
        checked.map_err(|error| *self.error.borrow_mut() = Some(error)).ok()
    }
}

impl<F: Differentiable> LeastSquaresProblem<f64, Dyn, Dyn> for Residuals<F> {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn>;

    fn set_params(&mut self, x: &DVector<f64>) {
        let squares = self.squares.replace(f64::INFINITY);
        if squares < self.best.0 {
            self.best = (squares, std::mem::take(&mut self.x));
        }
        *self.error.borrow_mut() = None;
        self.x = x.as_slice().to_vec();
    }

    fn params(&self) -> DVector<f64> {
        DVector::from_column_slice(self.point())
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        let values = self.function.values_at(self.point());
        let values = self.checked("residual", values, Vec::as_slice)?;
        if self.is_at_x() {
            self.squares.set(values.iter().map(|r| r * r).sum());
        }
        Some(DVector::from_vec(values))
    }

    fn jacobian(&self) -> Option<DMatrix<f64>> {
        let jacobian = self.function.jacobian_at(self.point());
        let m = self.checked("derivative of a residual", jacobian, |m| m.as_slice())?;
        Some(DMatrix::from_row_slice(m.rows(), m.cols(), m.as_slice()))
    }
}
