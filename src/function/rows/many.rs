//! The rows of a function, as the user sees them.

use super::super::Function;
use super::super::error::{BranchChange, Counted, ReplayError, RowsChange};
#[cfg(feature = "jit")]
use super::super::program::Program;
#[cfg(feature = "jit")]
use super::engine::TaskCode;
use super::engine::{Engine, Out, Trip, Wanted, number_of_rows};
use crate::graph::names::counted;
use crate::matrix::Matrix;
use crate::refusal::at_callers_line;
use std::fmt;
use std::sync::Arc;

/// A [`Function`] of one row, run over many rows of data; made by [`Function::over_rows`], or, run by
/// compiled code, by `Compiled::over_rows` (feature `jit`).
///
/// Values equal those of [`Function::values`] at each row bit for bit, gradients too but for rounding. The shared part
/// of the function, which depends on no row, is computed once and swept once: the gradient of a sum is that of the sum
/// of the rows' values, not a sum of gradients. With the feature `rayon` rows are run on all cores; the results do not
/// depend on their number, nor on the processor. A thread of a pool that waits for others runs other tasks of yours meanwhile. The
/// gradients of the task that it is in the middle of stay what they are; so what such a task adds to those of variables that both have,
/// as by [`backward_accumulate`](crate::Var::backward_accumulate) to a thread-local leaf, is lost.
///
/// It is `Send` and `Sync`, and cheap to clone.
///
/// ```
/// use scalargrad::Function;
///
/// // The squared error of a line at one point: a slope and an intercept, then the point.
/// let f = Function::record(&[1.0, 0.0, 1.0, 1.0], |x| (x[0] * x[2] + x[1] - x[3]).powi(2));
/// let rows = f.over_rows(2);
///
/// let points = [0.0, 1.0, 1.0, 3.0, 2.0, 6.0];
/// assert_eq!(rows.values(&[2.0, 1.0], &points)?, [0.0, 0.0, 1.0]);
/// assert_eq!(rows.sum_gradient(&[2.0, 1.0], &points)?, (1.0, vec![-4.0, -2.0]));
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
#[derive(Clone)]
pub struct Rows(pub(super) Engine);

impl Function {
    /// This function of one row over many rows, which share the first `shared` inputs; a row is the other ones.
    ///
    /// Costs about as much as a few evaluations, and is meant to be kept.
    ///
    /// # Panics
    ///
    /// If there is no input left for a row.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]);
    /// assert_eq!(f.over_rows(1).values(&[2.0], &[3.0, 4.0])?, [6.0, 8.0]);
    /// assert_eq!(f.over_rows(0).values(&[], &[3.0, 4.0])?, [12.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn over_rows(&self, shared: usize) -> Rows {
        assert!(
            shared < self.inputs(),
            "scalargrad: over_rows: the function has {}; with {shared} shared there is none for a row",
            counted(self.inputs(), "input")
        );
        Rows(Engine::new(self, shared))
    }
}

impl Rows {
    /// The same with vectorised elementary functions, if `is_fast`: faster, and no longer `f64`'s bit for bit.
    ///
    /// There are vectorised functions for `exp`, `ln`, `sin`, `cos`, `tanh` and `sigmoid`, and for what the derivatives
    /// of these are made of; all others stay as they are. Over the whole domain they are within 8 units of 2⁻⁵³ of the plain ones,
    /// `exp`, `ln`, `sin` and `cos` within 4, relative (`ln` absolute near its zero), and they give the same zeros, infinities and NaN.
    /// Rows that compiled code runs stay as they are.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0], |x| x[0].tanh());
    /// let fast = f.over_rows(0).fast_math(true).values(&[], &[0.5])?;
    /// assert!((fast[0] - 0.5f64.tanh()).abs() < 1e-15);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    pub fn fast_math(mut self, is_fast: bool) -> Rows {
        self.0.is_fast = is_fast && self.0.code.is_none();
        self
    }

    /// The same, which tells `progress` from time to time how many rows are done, and how many there are.
    ///
    /// It is called after some thousands of operations each, on the thread that ran them, and for the last time with two
    /// equal numbers; on several threads a smaller number may come after a larger one.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
    ///
    /// let most = Arc::new(AtomicUsize::new(0));
    /// let told = most.clone();
    /// let f = Function::record(&[1.0], |x| x[0].exp());
    /// let rows = f.over_rows(0).on_progress(move |done, all| {
    ///     assert!(done <= all);
    ///     told.fetch_max(done, Ordering::Relaxed);
    /// });
    /// rows.values(&[], &[0.0; 100])?;
    /// assert_eq!(most.load(Ordering::Relaxed), 100);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    pub fn on_progress(mut self, progress: impl Fn(usize, usize) + Send + Sync + 'static) -> Rows {
        self.0.progress = Some(Arc::new(progress));
        self
    }

    /// The function of one row.
    #[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
    pub(crate) fn function(&self) -> &Function {
        &self.0.function
    }

    /// The programs of what depends on no row, and of what does.
    #[cfg(feature = "jit")]
    pub(in crate::function) fn halves(&self) -> [&Program; 2] {
        let split = &self.0.split;
        [&split.common.program, &split.row.program]
    }

    /// The same, run by this code.
    #[cfg(feature = "jit")]
    pub(in crate::function) fn run_by(mut self, code: impl TaskCode + 'static) -> Rows {
        self.0.code = Some(Arc::new(code));
        self
    }

    /// The number of inputs that all rows share.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 2.0, 3.0], |x| x[0] * x[1] * x[2]);
    /// assert_eq!(f.over_rows(2).shared(), 2);
    /// ```
    #[must_use]
    pub fn shared(&self) -> usize {
        self.0.shared
    }

    /// The number of inputs that are a row.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 2.0, 3.0], |x| x[0] * x[1] * x[2]);
    /// assert_eq!(f.over_rows(2).row_len(), 1);
    /// ```
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.0.row_len()
    }

    /// The values of all outputs of every row of `data`, row after row.
    ///
    /// # Errors
    ///
    /// If in some rows a comparison would go another way, `shared` has the wrong length, or `data` is no whole number of
    /// rows.
    ///
    /// # Panics
    ///
    /// Where the closure would; in the part that all rows have in common even if each row leaves the branch before it.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] + x[1]]);
    /// assert_eq!(f.over_rows(1).values(&[2.0], &[3.0, 4.0])?, [6.0, 5.0, 8.0, 6.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn values(&self, shared: &[f64], data: &[f64]) -> Result<Vec<f64>, ReplayError> {
        let rows = self.check(shared, data)?;
        let mut values = vec![0.0; rows * self.0.function.outputs()];
        self.run(shared, data, None, Out { values: &mut values, gradients: &mut [] })?;
        Ok(values)
    }

    /// The sum, over all rows, of the values of the only output.
    ///
    /// # Errors
    ///
    /// As for [`values`](Rows::values), or if the function has not exactly one output.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]);
    /// assert_eq!(f.over_rows(1).sum(&[2.0], &[3.0, 4.0])?, 14.0);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn sum(&self, shared: &[f64], data: &[f64]) -> Result<f64, ReplayError> {
        Ok(self.of_sum(shared, data, None)?.0)
    }

    /// The sum, over all rows, of the values of the only output, and its gradient with respect to the shared inputs.
    ///
    /// # Errors
    ///
    /// As for [`sum`](Rows::sum).
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[0] * x[1]);
    /// assert_eq!(f.over_rows(1).sum_gradient(&[2.0], &[3.0, 4.0])?, (28.0, vec![28.0]));
    /// assert_eq!(f.over_rows(1).sum_gradient(&[2.0], &[])?, (0.0, vec![0.0]));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn sum_gradient(&self, shared: &[f64], data: &[f64]) -> Result<(f64, Vec<f64>), ReplayError> {
        self.of_sum(shared, data, Some(Wanted::Sum))
    }

    /// The values of all outputs of every row, and the gradient of each with respect to all inputs: a row of the matrix.
    ///
    /// Each output takes a sweep through the program of the row. Where a row has hundreds of outputs, [`Function::jacobian`] of one row after
    /// the other is faster, as it sees which outputs depend on which inputs.
    ///
    /// # Errors
    ///
    /// As for [`values`](Rows::values).
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]);
    /// let (values, gradients) = f.over_rows(1).gradients(&[2.0], &[3.0, 4.0])?;
    /// assert_eq!(values, [6.0, 8.0]);
    /// assert_eq!(gradients.as_slice(), [3.0, 2.0, 4.0, 2.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn gradients(&self, shared: &[f64], data: &[f64]) -> Result<(Vec<f64>, Matrix), ReplayError> {
        let outputs = self.check(shared, data)? * self.0.function.outputs();
        let mut values = vec![0.0; outputs];
        let mut gradients = vec![0.0; outputs * self.0.function.inputs()];
        self.gradients_into(shared, data, &mut values, &mut gradients)?;
        Ok((values, Matrix::of(gradients, self.0.function.inputs())))
    }

    /// Writes what [`gradients`](Rows::gradients) returns to `values` and `gradients`, the latter row by row.
    ///
    /// # Errors
    ///
    /// As for [`gradients`](Rows::gradients), or if `values` or `gradients` has the wrong length.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]);
    /// let (mut values, mut gradients) = ([0.0; 2], [0.0; 4]);
    /// f.over_rows(1).gradients_into(&[2.0], &[3.0, 4.0], &mut values, &mut gradients)?;
    /// assert_eq!((values, gradients), ([6.0, 8.0], [3.0, 2.0, 4.0, 2.0]));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn gradients_into(
        &self,
        shared: &[f64],
        data: &[f64],
        values: &mut [f64],
        gradients: &mut [f64],
    ) -> Result<(), ReplayError> {
        let outputs = self.check(shared, data)? * self.0.function.outputs();
        let function = &self.0.function;
        Counted::Values.check(values.len(), outputs)?;
        let numbers = outputs * function.inputs();
        Counted::Gradients.check(gradients.len(), numbers)?;
        self.run(shared, data, Some(Wanted::Each), Out { values, gradients }).map(drop)
    }

    /// The value of the sum, and its gradient if it is wanted.
    #[track_caller]
    fn of_sum(&self, shared: &[f64], data: &[f64], wanted: Option<Wanted>) -> Result<(f64, Vec<f64>), ReplayError> {
        self.0.function.check_one_output()?;
        self.check(shared, data)?;
        self.run(shared, data, wanted, Out::nothing())
    }

    /// Runs rows that were checked: the sum of the values, and its gradient if it is wanted.
    #[track_caller]
    fn run(
        &self,
        shared: &[f64],
        data: &[f64],
        wanted: Option<Wanted>,
        out: Out<'_>,
    ) -> Result<(f64, Vec<f64>), ReplayError> {
        let (sums, gradient) = at_callers_line(|| self.0.run(shared, data, wanted, out));
        self.outcome(&sums.trips, shared, data)?;
        Ok((sums.value, gradient))
    }

    /// The number of rows.
    fn check(&self, shared: &[f64], data: &[f64]) -> Result<usize, ReplayError> {
        let shared = (shared.len(), self.0.shared);
        number_of_rows(shared, (data.len(), self.row_len()))
    }

    /// Puts the trips into words.
    pub(super) fn outcome(&self, trips: &[Trip], shared: &[f64], data: &[f64]) -> Result<(), ReplayError> {
        let Some(first) = trips.first() else {
            return Ok(());
        };
        let len = self.row_len();
        let x = [shared, &data[first.row * len..][..len]].concat();
        let change = BranchChange::of(&self.0.function.program, first.guard, &x);
        let rows = trips.iter().map(|trip| trip.row).collect();
        let change = RowsChange::new(rows, change);
        Err(ReplayError::BranchChangedInRows(Box::new(change)))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("shared", &self.0.shared)
            .field("row_len", &self.row_len())
            .field("fast_math", &self.0.is_fast)
            .field("compiled", &self.0.code.is_some())
            .finish_non_exhaustive()
    }
}
