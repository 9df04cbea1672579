//! Rows that take different branches.

use super::super::recorder::expected;
use super::super::{Function, Outputs, Recorder, ReplayError};
use super::engine::{Out, Sums, Trip, Wanted, number_of_rows};
use super::many::Rows;
use crate::graph::names::counted;
use crate::handle::Var;
use crate::matrix::Matrix;
use crate::refusal::at_callers_line;

/// The rows of a [`Recorder`], each run by the recording of its branch; made by [`Recorder::over_rows`].
///
/// ```
/// use scalargrad::{Var, function::Recorder};
///
/// // A different slope on each side of the second input.
/// let mut f = Recorder::new(|x: &[Var]| if x[1] < 0.0 { x[0] * x[1] } else { x[0] * x[1] * 2.0 });
/// let mut rows = f.over_rows(1, 1);
/// assert_eq!(rows.values(&[3.0], &[1.0, -1.0, 2.0]), [6.0, -3.0, 12.0]);
/// assert_eq!(rows.sum_gradient(&[3.0], &[1.0, -1.0, 2.0]), (15.0, vec![5.0]));
/// assert_eq!(f.variants().len(), 2);
/// ```
#[derive(Debug)]
pub struct RecordedRows<'a, F> {
    recorder: &'a mut Recorder<F>,
    shared: usize,
    row_len: usize,
    /// One for each variant.
    variants: Vec<Rows>,
    is_fast: bool,
}

impl<F, O> Recorder<F>
where
    F: FnMut(&[Var]) -> O,
    O: Outputs,
{
    /// Its closure, of `shared` inputs that all rows share and the `row_len` inputs of a row, over many rows.
    ///
    /// Each row is run by a recording of the branch that it takes; branches without one are recorded.
    ///
    /// # Panics
    ///
    /// If `row_len` is 0, or both together are more than a `usize`.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// assert_eq!(f.over_rows(0, 1).values(&[], &[1.0, -2.0]), [1.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn over_rows(&mut self, shared: usize, row_len: usize) -> RecordedRows<'_, F> {
        assert!(row_len > 0, "scalargrad: over_rows: a row must have at least 1 input of its own");
        assert!(
            shared.checked_add(row_len).is_some(),
            "scalargrad: over_rows: {shared} shared inputs and {row_len} of a row are together too many"
        );
        let fits = |f: &&Function| f.inputs().checked_sub(shared) == Some(row_len);
        let variants = self.variants.iter().filter(fits).map(|f| f.over_rows(shared)).collect();
        RecordedRows { recorder: self, shared, row_len, variants, is_fast: false }
    }
}

impl<F, O> RecordedRows<'_, F>
where
    F: FnMut(&[Var]) -> O,
    O: Outputs,
{
    /// The same with vectorised elementary functions, if `is_fast`: see [`Rows::fast_math`].
    ///
    /// Which branch a row takes is decided with them, too; so where both operands of a comparison are equal but for rounding, it may be
    /// the other one.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { x[0].exp() } else { x[0].tanh() });
    /// let fast = f.over_rows(0, 1).fast_math(true).values(&[], &[0.5, -0.5]);
    /// assert!((fast[0] - 0.5f64.tanh()).abs() < 1e-15 && (fast[1] - (-0.5f64).exp()).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn fast_math(mut self, is_fast: bool) -> Self {
        self.is_fast = is_fast;
        self.variants = self.variants.into_iter().map(|rows| rows.fast_math(is_fast)).collect();
        self
    }

    /// The values of all outputs of every row of `data`, row after row.
    ///
    /// # Panics
    ///
    /// As [`Function::record`], if `shared` has the wrong length, `data` is no whole number of rows, or two branches of
    /// the closure return different numbers of outputs. So do the other methods.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { [-x[0], x[0]] } else { [x[0], x[0]] });
    /// assert_eq!(f.over_rows(0, 1).values(&[], &[1.0, -2.0]), [1.0, 1.0, 2.0, -2.0]);
    /// ```
    #[track_caller]
    pub fn values(&mut self, shared: &[f64], data: &[f64]) -> Vec<f64> {
        self.each_row(shared, data, None).0
    }

    /// The sum, over all rows, of the values of the only output.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[1] < 0.0 { x[0] } else { x[0] * x[1] });
    /// assert_eq!(f.over_rows(1, 1).sum(&[3.0], &[2.0, -2.0]), 9.0);
    /// ```
    #[track_caller]
    pub fn sum(&mut self, shared: &[f64], data: &[f64]) -> f64 {
        self.of_sum(shared, data, None).0
    }

    /// The sum, over all rows, of the values of the only output, and its gradient with respect to the shared inputs.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[1] < 0.0 { x[0] } else { x[0] * x[1] });
    /// assert_eq!(f.over_rows(1, 1).sum_gradient(&[3.0], &[2.0, -2.0]), (9.0, vec![3.0]));
    /// ```
    #[track_caller]
    pub fn sum_gradient(&mut self, shared: &[f64], data: &[f64]) -> (f64, Vec<f64>) {
        self.of_sum(shared, data, Some(Wanted::Sum))
    }

    /// The value of the sum, and its gradient if it is wanted.
    #[track_caller]
    fn of_sum(&mut self, shared: &[f64], data: &[f64], wanted: Option<Wanted>) -> (f64, Vec<f64>) {
        let (mut value, mut gradient) = (0.0, vec![0.0; shared.len()]);
        self.by_branch(shared, data, |rows, data, _| {
            rows.0.function.check_one_output()?;
            let (sums, part) = rows.0.run(shared, data, wanted, Out::nothing());
            value += sums.value;
            gradient.iter_mut().zip(part).for_each(|(d, part)| *d += part);
            Ok(sums.trips)
        });
        (value, gradient)
    }

    /// The values of all outputs of every row, and the gradient of each with respect to all inputs: a row of the matrix.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { x[0] * x[0] } else { x[0] });
    /// let (values, gradients) = f.over_rows(0, 1).gradients(&[], &[3.0, -3.0]);
    /// assert_eq!(values, [3.0, 9.0]);
    /// assert_eq!(gradients.as_slice(), [1.0, -6.0]);
    /// ```
    #[track_caller]
    pub fn gradients(&mut self, shared: &[f64], data: &[f64]) -> (Vec<f64>, Matrix) {
        let (values, gradients) = self.each_row(shared, data, Some(Wanted::Each));
        (values, Matrix::of(gradients, self.shared + self.row_len))
    }

    /// The number of inputs that are a row.
    #[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
    pub(crate) fn row_len(&self) -> usize {
        self.row_len
    }

    /// The Hessian of the only output with respect to all inputs of one row.
    #[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
    #[track_caller]
    pub(crate) fn hessian_of_row(&mut self, x: &[f64]) -> Matrix {
        self.recorder.with(x, |f| f.hessian(x))
    }

    /// Values and gradients in the order of the rows.
    #[track_caller]
    fn each_row(&mut self, shared: &[f64], data: &[f64], wanted: Option<Wanted>) -> (Vec<f64>, Vec<f64>) {
        let count = data.len() / self.row_len;
        let width = wanted.map_or(0, |_| self.shared + self.row_len);
        let (mut values, mut gradients) = (Vec::new(), Vec::new());
        self.by_branch(shared, data, |rows, data, places| {
            let outputs = rows.0.function.outputs();
            values.resize(count * outputs, 0.0);
            gradients.resize(count * outputs * width, 0.0);
            let mut some_values = vec![0.0; places.len() * outputs];
            let mut some_gradients = vec![0.0; places.len() * outputs * width];
            let out = Out { values: &mut some_values, gradients: &mut some_gradients };
            let (Sums { trips, .. }, _) = rows.0.run(shared, data, wanted, out);
            for (k, &place) in places.iter().enumerate() {
                scatter(&mut values, place, &some_values, k, outputs);
                scatter(&mut gradients, place, &some_gradients, k, outputs * width);
            }
            Ok(trips)
        });
        (values, gradients)
    }

    /// Calls `run` with the rows of each branch, and their places in `data`, until none is left that trips.
    #[track_caller]
    fn by_branch(
        &mut self,
        shared: &[f64],
        data: &[f64],
        mut run: impl FnMut(&Rows, &[f64], &[usize]) -> Result<Vec<Trip>, ReplayError>,
    ) {
        let len = self.row_len;
        let count = expected(number_of_rows((shared.len(), self.shared), (data.len(), len)));
        let mut places: Vec<usize> = (0..count).collect();
        let mut k = 0;
        while let Some(&first) = places.first() {
            let row = |place: usize| &data[place * len..][..len];
            let is_new = k == self.variants.len();
            let whole = |place: usize| [shared, row(place)].concat();
            let of = |places: &[usize]| places.iter().flat_map(|&place| row(place)).copied().collect::<Vec<_>>();
            if is_new {
                // With vectorised functions a comparison may give another answer than in the closure: such rows run without them.
                let fits = |rows: &Rows, place| rows.0.function.values(&whole(place)).is_ok();
                let exact = at_callers_line(|| {
                    let rows = self.variants.iter().find(|rows| self.is_fast && fits(rows, first))?;
                    let (own, others): (Vec<_>, Vec<_>) = places.iter().partition(|&&place| fits(rows, place));
                    Some((rows.clone().fast_math(false), own, others))
                });
                if let Some((rows, own, others)) = exact {
                    let of_own = of(&own);
                    let trips = expected(at_callers_line(|| run(&rows, &of_own, &own)));
                    expect_same(rows.outcome(&trips, shared, &of_own));
                    places = others;
                    continue;
                }
                let new = Function::record(&whole(first), &mut self.recorder.closure);
                self.variants.push(new.over_rows(self.shared).fast_math(self.is_fast));
                self.recorder.variants.push(new);
            }
            let rows = &self.variants[k];
            let [of_others, outputs] = [0, k].map(|k| self.variants[k].0.function.outputs());
            if outputs != of_others {
                panic!(
                    "scalargrad: the closure returns {} on one branch and {outputs} on another; over rows, all branches must \
                     return the same number of outputs",
                    counted(of_others, "output")
                );
            }
            let of_branch = of(&places);
            let mut trips = expected(at_callers_line(|| run(rows, &of_branch, &places)));
            if is_new && trips.first().is_some_and(|trip| trip.row == 0) {
                if !self.is_fast {
                    expect_same(rows.outcome(&trips, shared, &of_branch));
                }
                let exact = rows.clone().fast_math(false);
                let own = expected(at_callers_line(|| run(&exact, row(first), &places[..1])));
                expect_same(exact.outcome(&own, shared, row(first)));
                trips.remove(0);
            }
            places = trips.iter().map(|trip| places[trip.row]).collect();
            k += 1;
        }
    }
}

/// Panics if a row trips over a guard of its own recording.
#[track_caller]
fn expect_same(outcome: Result<(), ReplayError>) {
    if let Err(error) = outcome {
        panic!("scalargrad: the closure is not the same each time it is called: {error}");
    }
}

/// Copies part `k` of `from`, of `len` numbers, to part `place` of `to`.
fn scatter(to: &mut [f64], place: usize, from: &[f64], k: usize, len: usize) {
    to[place * len..][..len].copy_from_slice(&from[k * len..][..len]);
}
