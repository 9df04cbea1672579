//! A compiled function of one row, run over many.
//!
//! Two rows go through the code at a time, one in each lane. What depends on the shared inputs only is replayed once, and its
//! adjoints are summed over all rows before they are given on. The rest is compiled as a function of what all rows share and a
//! row. If a guard trips or something is not finite, [`Rows`] do everything again.

use super::{CompileError, Compiled, Sizes, Unit};
use crate::function::program::Program;
use crate::function::rows::Rows;
use crate::function::wide::are_finite;
use crate::function::{Function, ReplayError};
use crate::matrix::Matrix;
use crate::refusal::at_callers_line;
use std::fmt;

/// How many rows go through the code at a time.
const LANES: usize = 2;

/// A [`Compiled`] function of one row, run over many rows of data; made by [`Compiled::over_rows`].
///
/// Values equal those of [`Function::value`] at each row bit for bit, gradients too but for rounding. The part of the function
/// that depends on no row is computed once and swept once.
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
pub struct CompiledRows {
    rows: Rows,
    /// The function of the numbers that all rows share, and those of a row.
    row: Compiled,
}

impl fmt::Debug for CompiledRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledRows")
            .field("operations", &self.row.function.operations())
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
    /// Those of [`Function::compile`].
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
        let function = Function {
            program: of_row.clone(),
            frozen: Vec::new(),
        };
        Ok(CompiledRows {
            row: Compiled { function, unit },
            rows,
        })
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
        self.rows.shared()
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
        self.rows.row_len()
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
    /// Where [`Function::value`] does.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] / x[1]).compile()?;
    /// assert_eq!(f.over_rows(1)?.values(&[6.0], &[3.0, 4.0])?, [2.0, 1.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn values(&self, shared: &[f64], data: &[f64]) -> Result<Vec<f64>, ReplayError> {
        let mut values = vec![0.0; self.rows.check(shared, data)?];
        let is_done = at_callers_line(|| {
            let mut chunks = values.chunks_mut(LANES);
            self.each(shared, data, |x, rows| {
                let mut values = [0.0; LANES];
                let is_done = self.row.run(false, x, &mut values, &mut []);
                let chunk = chunks.next().expect("there are as many as rows");
                chunk.copy_from_slice(&values[..rows]);
                is_done
            })
        });
        match is_done {
            true => Ok(values),
            false => self.rows.values(shared, data).map_err(of_first_row),
        }
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
        self.rows.check(shared, data)?;
        let mut sum = 0.0;
        let gradient = at_callers_line(|| {
            let mut adjoints = vec![0.0; LANES * self.row.inputs()];
            let mut before = Vec::new();
            let is_done = self.each(shared, data, |x, rows| {
                if rows < LANES {
                    before.clone_from(&adjoints);
                }
                let mut values = [0.0; LANES];
                let is_done = self.row.run(true, x, &mut values, &mut adjoints);
                sum = values[..rows].iter().fold(sum, |sum, value| sum + value);
                is_done
            });
            // The last of an odd number of rows stands in both lanes, and the second is to give nothing.
            let second = adjoints.iter_mut().zip(&before).skip(1).step_by(LANES);
            second.for_each(|(adjoint, before)| *adjoint = *before);
            let totals = adjoints.chunks_exact(LANES).map(|lanes| lanes.iter().sum());
            let totals: Vec<f64> = totals.collect();
            let are_all_finite = is_done && sum.is_finite() && are_finite(&totals);
            let gradient = are_all_finite.then(|| self.gradient_of_shared(shared, &totals));
            gradient.filter(|gradient| are_finite(gradient))
        });
        match gradient {
            Some(gradient) => Ok((sum, gradient)),
            None => self.rows.sum_gradient(shared, data).map_err(of_first_row),
        }
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
        let rows = self.rows.check(shared, data)?;
        let n = self.shared() + self.row_len();
        let (mut values, mut gradients) = (vec![0.0; rows], Matrix::zeros(rows, n));
        let is_done = at_callers_line(|| {
            let mut adjoints = vec![0.0; LANES * self.row.inputs()];
            let mut row = 0;
            self.each(shared, data, |x, rows| {
                adjoints.fill(0.0);
                let mut both = [0.0; LANES];
                let is_done = self.row.run(true, x, &mut both, &mut adjoints);
                if !are_finite(&both) || !are_finite(&adjoints) {
                    return false;
                }
                for (lane, value) in both[..rows].iter().enumerate() {
                    let adjoints: Vec<f64> =
                        adjoints[lane..].iter().step_by(LANES).copied().collect();
                    let of_shared = self.gradient_of_shared(shared, &adjoints);
                    if !are_finite(&of_shared) {
                        return false;
                    }
                    let of_row = &adjoints[self.common().outputs.len()..];
                    for (j, &d) in of_shared.iter().chain(of_row).enumerate() {
                        gradients[(row, j)] = d;
                    }
                    values[row] = *value;
                    row += 1;
                }
                is_done
            })
        });
        match is_done {
            true => Ok((values, gradients)),
            false => self.rows.gradients(shared, data).map_err(of_first_row),
        }
    }

    /// The program of what depends on no row.
    fn common(&self) -> &Program {
        self.rows.halves()[0]
    }

    /// The gradient of the shared inputs, if the adjoints of the numbers that rows share are the first of these.
    fn gradient_of_shared(&self, shared: &[f64], adjoints: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; self.shared()];
        let swept = self
            .common()
            .vjp(shared, |k| adjoints[k], &mut gradient, |_| ());
        debug_assert!(swept.is_ok(), "its guards have been asked");
        gradient
    }

    /// Calls `run` with the inputs of some rows, and how many these are; whether all came to their end.
    fn each(
        &self,
        shared: &[f64],
        data: &[f64],
        mut run: impl FnMut(&[f64], usize) -> bool,
    ) -> bool {
        let mut x = Vec::new();
        let values = self
            .common()
            .values(shared, |number| x.extend([number; LANES]));
        let (first, len) = (x.len(), self.row_len());
        x.resize(first + LANES * len, 0.0);
        let mut rows = data.chunks(LANES * len);
        values.is_ok()
            && rows.all(|rows| {
                let (a, b) = (&rows[..len], &rows[rows.len() - len..]);
                let lanes = x[first..].as_chunks_mut::<LANES>().0.iter_mut();
                lanes
                    .zip(a.iter().zip(b))
                    .for_each(|(lanes, (&a, &b))| *lanes = [a, b]);
                run(&x, rows.len() / len)
            })
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
