//! A compiled function of one row, run over many.
//!
//! These are [`Rows`] of which code runs each task, two rows at a time, one in each lane. It is a function of the numbers that all
//! rows share, and those of a row. If a guard trips or something is not finite, the task is done again without it.

use super::{CompileError, Compiled, Sizes, Unit};
use crate::function::ReplayError;
use crate::function::rows::{Job, Out, Rows, Sums, TaskCode, Wanted};
use crate::function::wide::are_finite;
use crate::matrix::Matrix;
use std::fmt;
use std::ops::Range;

/// How many rows go through the code at a time.
const LANES: usize = 2;

/// A [`Compiled`] function of one row, run over many rows of data; made by [`Compiled::over_rows`], with the feature
/// `jit`.
///
/// Values equal those of [`Function::value`](crate::Function::value) at each row bit for bit, gradients too but for rounding. The part of the function
/// that depends on no row is computed once and swept once. With the feature `rayon` rows are run on all cores; the results do not
/// depend on their number.
///
/// ```
/// use scalargrad::Function;
///
/// // The squared error of a line at one point: a slope and an intercept, then the point.
/// let f = Function::record(&[1.0, 0.0, 1.0, 1.0], |x| (x[0] * x[2] + x[1] - x[3]).powi(2));
/// let rows = f.compile()?.over_rows(2)?;
///
/// let points = [0.0, 1.0, 1.0, 3.0, 2.0, 6.0];
/// assert_eq!(rows.values(&[2.0, 1.0], &points)?, [0.0, 0.0, 1.0]);
/// assert_eq!(rows.sum_gradient(&[2.0, 1.0], &points)?, (1.0, vec![-4.0, -2.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CompiledRows(Rows);

impl fmt::Debug for CompiledRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledRows")
            .field("operations", &self.0.halves()[1].nodes.len())
            .field("shared", &self.shared())
            .finish_non_exhaustive()
    }
}

impl Compiled {
    /// This function of one row over many rows, which share the first `shared` inputs; a row is the other ones.
    ///
    /// It is compiled again, without what depends on no row.
    ///
    /// # Errors
    ///
    /// Those of [`Function::compile`](crate::Function::compile).
    ///
    /// # Panics
    ///
    /// If there is no input left for a row, or another number of outputs than one.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]).compile()?;
    /// assert_eq!(f.over_rows(1)?.values(&[2.0], &[3.0, 4.0])?, [6.0, 8.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn over_rows(&self, shared: usize) -> Result<CompiledRows, CompileError> {
        assert!(
            shared < self.inputs() && self.outputs() == 1,
            "scalargrad: over_rows: the function has {} inputs and {} outputs; it needs one output, and with {shared} \
             shared inputs one more for a row",
            self.inputs(),
            self.outputs(),
        );
        let rows = self.function.over_rows(shared);
        let [common, of_row] = rows.halves();
        let unit = Unit::of(of_row, Sizes::USUAL, LANES, common.outputs.len())?;
        Ok(CompiledRows(rows.run_by(unit)))
    }
}

impl CompiledRows {
    /// The number of inputs that all rows share.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 2.0, 3.0], |x| x[0] * x[1] * x[2]).compile()?;
    /// assert_eq!(f.over_rows(2)?.shared(), 2);
    /// # Ok::<(), scalargrad::function::CompileError>(())
    /// ```
    #[must_use]
    pub fn shared(&self) -> usize {
        self.0.shared()
    }

    /// The number of inputs that are a row.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 2.0, 3.0], |x| x[0] * x[1] * x[2]).compile()?;
    /// assert_eq!(f.over_rows(2)?.row_len(), 1);
    /// # Ok::<(), scalargrad::function::CompileError>(())
    /// ```
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.0.row_len()
    }

    /// The value of every row of `data`.
    ///
    /// # Errors
    ///
    /// If in some row a comparison would go another way (the error is that of the first such row), `shared` has the wrong
    /// length, or `data` is no whole number of rows.
    ///
    /// # Panics
    ///
    /// Where [`Function::value`](crate::Function::value) does.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] / x[1]).compile()?;
    /// assert_eq!(f.over_rows(1)?.values(&[6.0], &[3.0, 4.0])?, [2.0, 1.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn values(&self, shared: &[f64], data: &[f64]) -> Result<Vec<f64>, ReplayError> {
        self.0.values(shared, data).map_err(of_first_row)
    }

    /// The sum, over all rows, of their values, and its gradient with respect to the shared inputs.
    ///
    /// # Errors
    ///
    /// As for [`values`](CompiledRows::values).
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[0] * x[1]).compile()?;
    /// assert_eq!(f.over_rows(1)?.sum_gradient(&[2.0], &[3.0, 4.0])?, (28.0, vec![28.0]));
    /// assert_eq!(f.over_rows(1)?.sum_gradient(&[2.0], &[])?, (0.0, vec![0.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn sum_gradient(
        &self,
        shared: &[f64],
        data: &[f64],
    ) -> Result<(f64, Vec<f64>), ReplayError> {
        self.0.sum_gradient(shared, data).map_err(of_first_row)
    }

    /// The value of every row, and its gradient with respect to all inputs: a row of the matrix.
    ///
    /// # Errors
    ///
    /// As for [`values`](CompiledRows::values).
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]).compile()?;
    /// let (values, gradients) = f.over_rows(1)?.gradients(&[2.0], &[3.0, 4.0])?;
    /// assert_eq!(values, [6.0, 8.0]);
    /// assert_eq!(gradients.as_slice(), [3.0, 2.0, 4.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn gradients(
        &self,
        shared: &[f64],
        data: &[f64],
    ) -> Result<(Vec<f64>, Matrix), ReplayError> {
        self.0.gradients(shared, data).map_err(of_first_row)
    }
}

impl TaskCode for Unit {
    fn run(&self, job: &Job<'_>, rows: Range<usize>, out: &mut Out<'_>) -> Option<Sums> {
        let (len, shared) = (job.rows.row_len(), job.numbers.len());
        let inputs = job.rows.function.inputs();
        let mut x: Vec<f64> = job.numbers.iter().flat_map(|&x| [x; LANES]).collect();
        x.resize(LANES * (shared + len), 0.0);
        let mut adjoints = vec![0.0; x.len()];
        let mut sums = Sums::default();
        let data = &job.data[rows.start * len..rows.end * len];
        let mut first = 0;
        while first < rows.len() {
            // The first of an odd number of rows stands in both lanes.
            let last = first + (rows.len() - first + 1) % LANES;
            let [a, b] = [first, last].map(|row| &data[row * len..][..len]);
            let lanes = x[LANES * shared..].as_chunks_mut::<LANES>().0.iter_mut();
            let pairs = a.iter().zip(b);
            lanes.zip(pairs).for_each(|(x, (&a, &b))| *x = [a, b]);
            let mut values = [0.0; LANES];
            if !self.call(job.wanted.is_some(), &x, &mut values, &mut adjoints) {
                return None;
            }
            if out.values.is_empty() {
                let values = values[..=last - first].iter();
                values.for_each(|value| sums.value += value);
            } else {
                [out.values[first], out.values[last]] = values;
            }
            if job.wanted == Some(Wanted::Each) {
                if !are_finite(&values) || !are_finite(&adjoints) {
                    return None;
                }
                let (numbers, of_row) = adjoints.as_chunks_mut::<LANES>().0.split_at_mut(shared);
                let numbers = numbers.iter_mut().map(std::mem::take);
                let gradients = &mut out.gradients[first * inputs..(last + 1) * inputs];
                job.gradients(0, numbers, of_row.iter(), gradients);
                // What the rows have in common may overflow in its own sweep.
                if !are_finite(gradients) {
                    return None;
                }
            } else if first == last {
                let second = adjoints.iter_mut().skip(1).step_by(LANES);
                second.for_each(|w| *w = 0.0);
            }
            first = last + 1;
        }
        if job.wanted == Some(Wanted::Sum) {
            let totals = adjoints.chunks_exact(LANES).take(shared);
            sums.totals = totals.map(|lanes| lanes.iter().sum()).collect();
            if !sums.value.is_finite() || !are_finite(&sums.totals) {
                return None;
            }
        }
        Some(sums)
    }
}

/// The error at the first of the rows that it tells of.
fn of_first_row(error: ReplayError) -> ReplayError {
    match error {
        ReplayError::BranchChangedInRows(change) => {
            ReplayError::BranchChanged(Box::new(change.first().clone()))
        }
        error => error,
    }
}
