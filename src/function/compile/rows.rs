//! A compiled function of one row, run over many.
//!
//! These are [`Rows`] of which code runs each task, two rows at a time, one in each lane. It is a function of the numbers that all
//! rows share, and those of a row. If a guard trips or something is not finite, the task is done again without it.

use super::{CompileError, Compiled, Sizes, Unit};
use crate::function::rows::{Job, Out, Rows, Sums, TaskCode, Wanted};
use crate::function::wide::are_finite;
use std::ops::Range;

/// How many rows go through the code at a time.
const ROWS_IN_CODE: usize = 2;

impl Compiled {
    /// This function of one row over many rows, which share the first `shared` inputs; a row is the other ones.
    ///
    /// It is compiled again, without what depends on no row. The result is [`Rows`], as [`Function::over_rows`](crate::Function::over_rows) returns it, whose
    /// rows are run by the code. If a comparison would go another way, or something is not finite, the rows of that task are
    /// run without the code.
    ///
    /// # Errors
    ///
    /// Those of [`Function::compile`](crate::Function::compile).
    ///
    /// # Panics
    ///
    /// If there is no input left for a row, or the function has not exactly one output.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]).compile()?;
    /// let rows = f.over_rows(1)?;
    /// assert_eq!(rows.values(&[2.0], &[3.0, 4.0])?, [6.0, 8.0]);
    /// assert_eq!(rows.sum_gradient(&[2.0], &[3.0, 4.0])?, (14.0, vec![7.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn over_rows(&self, shared: usize) -> Result<Rows, CompileError> {
        let (rows, outputs) = (self.function.over_rows(shared), self.outputs());
        assert!(outputs == 1, "scalargrad: over_rows: a compiled function of a row has one output, not {outputs}");
        let [common, of_row] = rows.halves();
        let unit = Unit::of(of_row, Sizes::USUAL, ROWS_IN_CODE, common.outputs.len())?;
        Ok(rows.run_by(unit))
    }
}

impl TaskCode for Unit {
    fn run(&self, job: &Job<'_>, rows: Range<usize>, out: &mut Out<'_>) -> Option<Sums> {
        let (len, shared) = (job.rows.row_len(), job.numbers.len());
        let inputs = job.rows.function.inputs();
        let mut x: Vec<f64> = job.numbers.iter().flat_map(|&x| [x; ROWS_IN_CODE]).collect();
        x.resize(ROWS_IN_CODE * (shared + len), 0.0);
        let mut adjoints = vec![0.0; x.len()];
        let mut sums = Sums::default();
        let data = &job.data[rows.start * len..rows.end * len];
        let mut first = 0;
        while first < rows.len() {
            // The first of an odd number of rows is in both lanes.
            let last = first + (rows.len() - first + 1) % ROWS_IN_CODE;
            let [a, b] = [first, last].map(|row| &data[row * len..][..len]);
            let lanes = x[ROWS_IN_CODE * shared..].as_chunks_mut::<ROWS_IN_CODE>().0.iter_mut();
            let pairs = a.iter().zip(b);
            lanes.zip(pairs).for_each(|(x, (&a, &b))| *x = [a, b]);
            let mut values = [0.0; ROWS_IN_CODE];
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
                let (numbers, of_row) = adjoints.as_chunks_mut::<ROWS_IN_CODE>().0.split_at_mut(shared);
                let numbers = numbers.iter_mut().map(std::mem::take);
                let gradients = &mut out.gradients[first * inputs..(last + 1) * inputs];
                job.gradients(0, numbers, of_row.iter(), gradients);
                // What the rows have in common may overflow in its own sweep.
                if !are_finite(gradients) {
                    return None;
                }
            } else if first == last {
                adjoints.iter_mut().skip(1).step_by(ROWS_IN_CODE).for_each(|w| *w = 0.0);
            }
            first = last + 1;
        }
        if job.wanted == Some(Wanted::Sum) {
            let totals = adjoints.chunks_exact(ROWS_IN_CODE).take(shared);
            sums.totals = totals.map(|lanes| lanes.iter().sum()).collect();
            if !sums.value.is_finite() || !are_finite(&sums.totals) {
                return None;
            }
        }
        Some(sums)
    }
}
