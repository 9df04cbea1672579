//! What an optimiser of another crate is given.

use crate::derive;
#[cfg(feature = "jit")]
use crate::function::Compiled;
use crate::function::{Function, Outputs, RecordedRows, Recorder, ReplayError, Rows};
use crate::graph::user_code;
use crate::handle::Var;
use crate::matrix::Matrix;
use crate::refusal::debug_as_displayed;
use crate::var::custom::Numbers;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;

/// A function of some numbers, with its derivatives: a closure, a [`Function`], a `Compiled` function (feature `jit`), a
/// [`Recorder`] in a `RefCell`, or rows of data, as [`SumOfRows`] and [`EachRow`].
///
/// A closure runs anew at every point. A [`Function`] is faster, and an error where another branch would be taken; so is compiled
/// code, whose second derivatives are those of its [`Function`]. A [`Recorder`] is as fast, and records the other branch then. It
/// changes when it is called, but a solver calls what it only borrows: this is what the `RefCell` is for.
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
    #[track_caller]
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError>;

    /// The derivatives of all outputs, a row for each.
    ///
    /// # Errors
    ///
    /// Those of [`Function::jacobian`].
    #[track_caller]
    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError>;

    /// The second derivatives of the one output.
    ///
    /// # Errors
    ///
    /// Those of [`Function::hessian`].
    ///
    /// # Panics
    ///
    /// If a closure, or [`EachRow`], has not exactly one output.
    #[track_caller]
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

#[cfg(feature = "jit")]
impl Differentiable for Compiled {
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        self.values(x)
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.jacobian(x)
    }

    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.function().hessian(x)
    }
}

impl<F, O> Differentiable for F
where
    F: Fn(&[Var]) -> O,
    O: Outputs,
{
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        let mut numbers = Numbers::new(x.iter().copied());
        loop {
            let outputs = user_code("a function to optimise", || self(&numbers.x).into_outputs());
            if !numbers.are_asked() {
                return Ok(outputs.into_iter().map(Var::value).collect());
            }
        }
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        Ok(derive::jacobian(self, x))
    }

    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        let count = Cell::new(0);
        let first = |x: &[Var]| {
            let outputs = self(x).into_outputs();
            count.set(outputs.len());
            outputs.first().copied().unwrap_or_default()
        };
        let hessian = derive::hessian(first, x);
        assert_only(count.get()); // not in the closure, which would not know the caller
        Ok(hessian)
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

/// The sum over all rows of the only output, as a function of the shared inputs: a cost.
///
/// ```
/// use scalargrad::{Function, interop::{Differentiable, SumOfRows}};
///
/// // The squared error of a line at one point: slope and intercept, then the point.
/// let f = Function::record(&[0.0; 4], |x| (x[0] * x[2] + x[1] - x[3]).powi(2));
/// let cost = SumOfRows(f.over_rows(2), vec![0.0, 1.0, 1.0, 3.0, 2.0, 6.0]);
/// assert_eq!(cost.values_at(&[2.0, 1.0])?, [1.0]);
/// assert_eq!(cost.jacobian_at(&[2.0, 1.0])?.as_slice(), [-4.0, -2.0]);
/// assert_eq!(cost.hessian_at(&[2.0, 1.0])?.as_slice(), [10.0, 6.0, 6.0, 6.0]);
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
///
/// The rows may also be those of compiled code, or, where they take different branches, those of a [`Recorder`], in a `RefCell`:
///
/// ```
/// use scalargrad::{Var, function::Recorder, interop::{Differentiable, SumOfRows}};
/// use std::cell::RefCell;
///
/// let mut f = Recorder::new(|x: &[Var]| if x[1] < x[0] { x[0] * x[0] } else { x[0] * x[1] });
/// let cost = SumOfRows(RefCell::new(f.over_rows(1, 1)), vec![1.0, 5.0]);
/// assert_eq!(cost.values_at(&[3.0])?, [9.0 + 15.0]);
/// assert_eq!(cost.jacobian_at(&[3.0])?.as_slice(), [6.0 + 5.0]);
/// assert_eq!(cost.hessian_at(&[3.0])?.as_slice(), [2.0]);
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SumOfRows<R = Rows>(
    /// The function of one row.
    pub R,
    /// The rows, one after the other.
    pub Vec<f64>,
);

impl Differentiable for SumOfRows {
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        Ok(vec![self.0.sum(x, &self.1)?])
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        let (_, gradient) = self.0.sum_gradient(x, &self.1)?;
        Ok(Matrix::from_rows(1, x.len(), gradient))
    }

    /// One Hessian of the function for each row.
    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.values_at(x)?; // refuses what has the wrong length
        sum_of_hessians(x, self.1.chunks_exact(self.0.row_len()), |x| self.0.function().hessian(x))
    }
}

impl<F, O> Differentiable for SumOfRows<RefCell<RecordedRows<'_, F>>>
where
    F: FnMut(&[Var]) -> O,
    O: Outputs,
{
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        Ok(vec![self.0.borrow_mut().sum(x, &self.1)])
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        let (_, gradient) = self.0.borrow_mut().sum_gradient(x, &self.1);
        Ok(Matrix::from_rows(1, x.len(), gradient))
    }

    /// One Hessian of the function for each row.
    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.values_at(x)?; // refuses what has the wrong length
        let mut rows = self.0.borrow_mut();
        sum_of_hessians(x, self.1.chunks_exact(rows.row_len()), |x| Ok(rows.hessian_of_row(x)))
    }
}

/// The sum of the Hessians of all rows with respect to the shared inputs `x`.
fn sum_of_hessians<'a>(
    x: &[f64],
    rows: impl Iterator<Item = &'a [f64]>,
    mut hessian: impl FnMut(&[f64]) -> Result<Matrix, ReplayError>,
) -> Result<Matrix, ReplayError> {
    let mut sum = Matrix::zeros(x.len(), x.len());
    for row in rows {
        let of_row = hessian(&[x, row].concat())?;
        for i in 0..x.len() {
            for j in 0..x.len() {
                sum[(i, j)] += of_row[(i, j)];
            }
        }
    }
    Ok(sum)
}

/// The values of all outputs of every row, as functions of the shared inputs: residuals. The rows may be any that [`SumOfRows`]
/// takes.
///
/// ```
/// use scalargrad::{Function, interop::{Differentiable, EachRow}};
///
/// let f = Function::record(&[0.0; 4], |x| x[0] * x[2] + x[1] - x[3]);
/// let residuals = EachRow(f.over_rows(2), vec![0.0, 1.0, 1.0, 3.0, 2.0, 6.0]);
/// assert_eq!(residuals.values_at(&[2.0, 1.0])?, [0.0, 0.0, -1.0]);
/// assert_eq!(residuals.jacobian_at(&[2.0, 1.0])?.as_slice(), [0.0, 1.0, 1.0, 1.0, 2.0, 1.0]);
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EachRow<R = Rows>(
    /// The function of one row.
    pub R,
    /// The rows, one after the other.
    pub Vec<f64>,
);

impl Differentiable for EachRow {
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        self.0.values(x, &self.1)
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        Ok(by_shared(&self.0.gradients(x, &self.1)?.1, x.len()))
    }

    /// As there is for a sum alone.
    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        assert_only(self.values_at(x)?.len());
        sum_of_hessians(x, self.1.chunks_exact(self.0.row_len()), |x| self.0.function().hessian(x))
    }
}

impl<F, O> Differentiable for EachRow<RefCell<RecordedRows<'_, F>>>
where
    F: FnMut(&[Var]) -> O,
    O: Outputs,
{
    fn values_at(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        Ok(self.0.borrow_mut().values(x, &self.1))
    }

    fn jacobian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        let (_, gradients) = self.0.borrow_mut().gradients(x, &self.1);
        Ok(by_shared(&gradients, x.len()))
    }

    /// As there is for a sum alone.
    fn hessian_at(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        assert_only(self.values_at(x)?.len());
        let mut rows = self.0.borrow_mut();
        sum_of_hessians(x, self.1.chunks_exact(rows.row_len()), |x| Ok(rows.hessian_of_row(x)))
    }
}

/// The derivatives with respect to the first `shared` inputs.
fn by_shared(gradients: &Matrix, shared: usize) -> Matrix {
    let rows = gradients.rows();
    let numbers = (0..rows).flat_map(|i| &gradients.row(i)[..shared]);
    Matrix::from_rows(rows, shared, numbers.copied().collect())
}

/// Panics if there are second derivatives of a different number of outputs than one.
#[track_caller]
fn assert_only(count: usize) {
    assert!(count == 1, "scalargrad: second derivatives of {count} outputs; a function to optimise has one");
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
#[derive(Clone, PartialEq)]
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
        Err(NotANumber { what, x: x.to_vec() })
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

debug_as_displayed!(NotANumber);
impl Error for NotANumber {}
