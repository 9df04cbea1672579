//! A compiled function of one row, run over many.
//!
//! Two rows go through the code at a time, one in each lane. What depends on the shared inputs only is computed once, and
//! its adjoints are summed over all rows before they are given on.

use super::compiled::Ending;
use super::native::Room;
use super::plan::Sizes;
use super::split::Split;
use super::{CompileError, Compiled, Unit};
use crate::function::{BranchChange, Counted, Function, ReplayError};
use crate::matrix::Matrix;
use crate::refusal::at_callers_line;
use std::fmt;

/// So many rows are summed before it is asked whether something was NaN, and has to be computed again.
const BLOCK: usize = 256;
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
    function: Function,
    split: Split,
    unit: Unit,
    shared: usize,
}

impl fmt::Debug for CompiledRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledRows")
            .field("operations", &self.function.operations())
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

impl Compiled {
    /// This function of one row over many rows, which share the first `shared` inputs; a row is the other ones.
    ///
    /// It is compiled again, for two rows at a time.
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
        let split = Split::of(&self.function.program, shared);
        let first_of_row = shared + split.shared.outputs.len();
        Ok(CompiledRows {
            unit: Unit::of(&split.row, Sizes::USUAL, LANES, first_of_row)?,
            function: self.function.clone(),
            split,
            shared,
        })
    }
}

/// What a run over rows needs: memory, and what has been summed.
struct Run<'a> {
    data: &'a [f64],
    shared: &'a [f64],
    /// The inputs of the code: what all rows share, then those of the two rows, all in two lanes.
    inputs: Vec<f64>,
    frame: Vec<f64>,
    /// The values of the two rows.
    values: [f64; LANES],
    /// The gradient with respect to the inputs of the code, in two lanes.
    adjoints: Vec<f64>,
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
        self.shared
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
        self.function.inputs() - self.shared
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
        at_callers_line(|| {
            let (rows, mut run) = self.begin(shared, data)?;
            let mut values = vec![0.0; rows];
            for row in (0..rows).step_by(LANES) {
                let is_done = self.run(&mut run, 0..self.unit.values, row);
                for (lane, value) in values[row..].iter_mut().take(LANES).enumerate() {
                    *value = match is_done {
                        true => run.values[lane],
                        false => self.function.value(&self.row(&run, row + lane))?,
                    };
                }
            }
            Ok(values)
        })
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
        at_callers_line(|| {
            let (rows, mut run) = self.begin(shared, data)?;
            let common = self.common();
            let (mut sum, mut gradient) = (0.0, vec![0.0; self.shared]);
            let mut adjoints = vec![0.0; common];
            let mut values = [0.0; BLOCK];
            for start in (0..rows).step_by(BLOCK) {
                let end = rows.min(start + BLOCK);
                let values = &mut values[..end - start];
                if self.sum_block(&mut run, start, values) {
                    sum = values.iter().fold(sum, |sum, value| sum + value);
                    for (k, adjoint) in adjoints.iter_mut().enumerate() {
                        let lanes = &run.adjoints[LANES * k..][..LANES];
                        *adjoint += lanes.iter().sum::<f64>();
                    }
                    continue;
                }
                for row in start..end {
                    let (value, of_row) = self.function.gradient(&self.row(&run, row))?;
                    sum += value;
                    gradient.iter_mut().zip(&of_row).for_each(|(d, r)| *d += r);
                }
            }
            gradient
                .iter_mut()
                .zip(&adjoints)
                .for_each(|(d, w)| *d += w);
            let weights = &adjoints[self.shared..];
            let mut of_common = vec![0.0; self.shared];
            if weights.iter().any(|&w| w != 0.0) {
                let swept = self
                    .split
                    .shared
                    .vjp(shared, |k| weights[k], &mut of_common, |_| ());
                debug_assert!(swept.is_ok(), "its guards have been asked");
                gradient
                    .iter_mut()
                    .zip(&of_common)
                    .for_each(|(d, w)| *d += w);
            }
            Ok((sum, gradient))
        })
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
        at_callers_line(|| {
            let (rows, mut run) = self.begin(shared, data)?;
            let (common, n) = (self.common(), self.function.inputs());
            let mut values = vec![0.0; rows];
            let mut gradients = Matrix::zeros(rows, n);
            let derivatives = self.unit.derivatives..self.unit.code.len();
            let mut of_common = vec![0.0; self.shared];
            for row in (0..rows).step_by(LANES) {
                run.adjoints.fill(0.0);
                let is_done = self.unit.has_derivatives
                    && self.run(&mut run, derivatives.clone(), row)
                    && !run.values.iter().chain(&run.adjoints).any(|x| x.is_nan());
                for lane in 0..LANES.min(rows - row) {
                    if !is_done {
                        let x = self.row(&run, row + lane);
                        let (value, gradient) = self.function.gradient(&x)?;
                        values[row + lane] = value;
                        let each = gradient.iter().enumerate();
                        each.for_each(|(j, &d)| gradients[(row + lane, j)] = d);
                        continue;
                    }
                    values[row + lane] = run.values[lane];
                    let adjoint = |k: usize| run.adjoints[LANES * k + lane];
                    let weight = |k: usize| adjoint(self.shared + k);
                    let swept = self
                        .split
                        .shared
                        .vjp(shared, weight, &mut of_common, |_| ());
                    debug_assert!(swept.is_ok(), "its guards have been asked");
                    for j in 0..n {
                        gradients[(row + lane, j)] = match j < self.shared {
                            true => adjoint(j) + of_common[j],
                            false => adjoint(common + j - self.shared),
                        };
                    }
                }
            }
            Ok((values, gradients))
        })
    }

    /// The number of inputs of the code that are the same in all rows.
    fn common(&self) -> usize {
        self.shared + self.split.shared.outputs.len()
    }

    /// The inputs of the function in a row.
    fn row(&self, run: &Run<'_>, row: usize) -> Vec<f64> {
        let len = self.row_len();
        [run.shared, &run.data[row * len..][..len]].concat()
    }

    /// Checks the lengths and computes what all rows have in common.
    fn begin<'a>(
        &self,
        shared: &'a [f64],
        data: &'a [f64],
    ) -> Result<(usize, Run<'a>), ReplayError> {
        let f = &self.function;
        f.check(Counted::Shared, shared.len(), self.shared)?;
        let len = self.row_len();
        if !data.len().is_multiple_of(len) {
            f.check(Counted::Data, data.len(), len)?;
        }
        let rows = data.len() / len;
        let lanes = |x: &[f64]| x.iter().flat_map(|&x| [x; LANES]).collect::<Vec<f64>>();
        let mut inputs = lanes(shared);
        if rows > 0 {
            let values = self
                .split
                .shared
                .values(shared, |x| inputs.extend([x; LANES]));
            if let Err(k) = values {
                let x = [shared, &data[..len]].concat();
                let change = BranchChange::of(&f.program, self.split.guards[0][k], &x);
                return Err(ReplayError::BranchChanged(Box::new(change)));
            }
        }
        inputs.resize(LANES * (self.common() + len), 0.0);
        let need = |room| self.unit.code.need(room);
        let adjoints = LANES * (self.common() + len);
        let run = Run {
            data,
            shared,
            inputs,
            frame: vec![0.0; need(Room::Frame)],
            values: [0.0; LANES],
            adjoints: vec![0.0; adjoints],
        };
        Ok((rows, run))
    }

    /// Runs functions of the code on two rows from `row` on, or twice on the last; whether they came to their end.
    #[inline]
    fn run(&self, run: &mut Run<'_>, functions: std::ops::Range<usize>, row: usize) -> bool {
        let len = self.row_len();
        let first = &run.data[row * len..][..len];
        let second = run
            .data
            .get((row + 1) * len..(row + 2) * len)
            .unwrap_or(first);
        let lanes = run.inputs[LANES * self.common()..].chunks_exact_mut(LANES);
        for (lanes, (a, b)) in lanes.zip(first.iter().zip(second)) {
            lanes.copy_from_slice(&[*a, *b]);
        }
        let rooms = [&mut run.frame[..], &mut run.values, &mut run.adjoints];
        let code = self.unit.run(functions, &run.inputs, rooms);
        matches!(Ending::of(code), Ending::Done)
    }

    /// Sums the adjoints of what a block of rows has in common in the outputs of the run, and tells the values of the rows;
    /// whether all is as the replay has it.
    fn sum_block(&self, run: &mut Run<'_>, start: usize, values: &mut [f64]) -> bool {
        if !self.unit.has_derivatives {
            return false;
        }
        run.adjoints.fill(0.0);
        let derivatives = self.unit.derivatives..self.unit.code.len();
        for (row, pair) in (start..).step_by(LANES).zip(values.chunks_mut(LANES)) {
            let is_last = pair.len() < LANES;
            // The last of an odd number of rows stands in both lanes, and the second is to give nothing.
            let before = is_last.then(|| run.adjoints.clone());
            if !self.run(run, derivatives.clone(), row) {
                return false;
            }
            pair.copy_from_slice(&run.values[..pair.len()]);
            if let Some(before) = before {
                let lanes = run
                    .adjoints
                    .chunks_exact_mut(LANES)
                    .zip(before.chunks_exact(LANES));
                lanes.for_each(|(lanes, before)| lanes[1] = before[1]);
            }
            if pair.iter().any(|value| value.is_nan()) {
                return false;
            }
        }
        !run.adjoints.iter().any(|x| x.is_nan())
    }
}
