//! Derivatives checked against finite differences, with an honest report.
//!
//! ```
//! use scalargrad::check;
//!
//! check::assert_gradient(|x| (x[0] * x[1]).sin() / x[1], &[0.5, 3.0]);
//! ```
//!
//! # Method
//!
//! Each variable is moved by a ladder of steps, each a factor e below the one before: from a quarter
//! of `max(|x|, 1)` down to where rounding hides the differences. Neville's scheme extrapolates the central
//! differences, and those of either side, to step zero, and the entry of the tableau with the least
//! error is kept (Ridders, *Accurate computation of F′(x) and F′(x)F″(x)*, Advances in Engineering
//! Software 4, 1982; Press et al., *Numerical Recipes*, section 5.7). Three things make its error honest:
//!
//! - truncation is what the entry's neighbours in the tableau disagree by;
//! - rounding is carried through the tableau: `ε·(|f| + ½ Σ|z·∂f/∂z|)/h`, over every intermediate
//!   `z`, so that a cancellation inside of `f` counts;
//! - a result from a larger step counts only where smaller steps agree with it, since a derivative is a limit.
//!
//! So there is no tolerance to tune. The differences on the two sides distinguish a [kink](Verdict::Kink), a
//! [jump](Verdict::Jump), the [edge](Verdict::Edge) of the domain and an [infinite](Verdict::Unbounded)
//! slope from a wrong derivative. It takes some 60 evaluations for each variable.
//!
//! It cannot see what happens between neighbouring numbers: at 1e20 the floor of `x` looks like `x`.

mod differences;
mod judge;
mod report;

pub use report::{Component, Mismatch, Report, Verdict};

use crate::handle::Var;
use crate::refusal::{at_callers_line, refuse};
use crate::{gradient as reverse, graph};
use differences::{Output, Row, derivative_noise, ladder};

/// Checks the gradient of `f` at `x`, by [`Var::backward`], against finite differences.
///
/// # Errors
///
/// A [`Mismatch`] that lists every component that differs. A component that finite differences cannot
/// judge is no mismatch; see [`Report::is_conclusive`].
///
/// # Panics
///
/// If `f` computes something else at each call.
///
/// ```
/// use scalargrad::{Var, check};
///
/// let report = check::gradient(|x| x[0].exp() * x[1], &[1.0, 2.0])?;
/// assert!(report.iter().all(|c| c.error < 1e-9));
///
/// let wrong = |x: &[Var]| Var::custom("square", x[0].value().powi(2), [(x[0], x[0].value())]);
/// let mismatch = check::gradient(wrong, &[3.0]).unwrap_err();
/// let component = mismatch.iter().next().unwrap();
/// assert_eq!(component.analytic, 3.0); // but 2x = 6
/// assert!((component.numeric - 6.0).abs() <= component.error);
/// # Ok::<(), check::Mismatch>(())
/// ```
#[track_caller]
pub fn gradient(f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
    Check::new().gradient(f, x)
}

/// Asserts that the gradient of `f` at `x` is what finite differences say.
///
/// # Panics
///
/// With a table, if a component differs, or if finite differences are too inaccurate to tell; and if `f` computes something else at
/// each call.
///
/// ```
/// scalargrad::check::assert_gradient(|x| x[0].powi(3) - x[1].abs(), &[2.0, 0.0]);
/// ```
///
/// ```should_panic
/// use scalargrad::{Var, check};
///
/// let wrong = |x: &[Var]| Var::custom("sin", x[0].value().sin(), [(x[0], -x[0].value().cos())]);
/// check::assert_gradient(wrong, &[1.0]);
/// ```
#[track_caller]
pub fn assert_gradient(f: impl Fn(&[Var]) -> Var, x: &[f64]) {
    assert(gradient(f, x));
}

/// Checks the second derivatives of `f` at `x` against finite differences of its gradient.
///
/// At a kink of an operation inside, second derivatives follow the convention of [`hessian`](crate::hessian), which may
/// be another number than the differences tend to: that is a mismatch with the verdict [`Verdict::KinkInside`].
///
/// The second derivatives come from [`Var::differentiate`] and a sweep, and the differences are those of the
/// gradient that [`Var::backward`] gives: check that one with [`gradient`].
///
/// # Errors
///
/// A [`Mismatch`] that lists every component that differs.
///
/// # Panics
///
/// If `f` contains a [`Var::custom`] operation, which has no second derivative, or computes something else at each call.
///
/// ```
/// use scalargrad::check;
///
/// let report = check::hessian(|x| x[0].powi(3) * x[1], &[2.0, 5.0])?;
/// let analytic: Vec<f64> = report.iter().map(|c| c.analytic).collect();
/// assert_eq!(analytic, [60.0, 12.0, 12.0, 0.0]);
/// # Ok::<(), check::Mismatch>(())
/// ```
#[track_caller]
pub fn hessian(f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
    Check::new().hessian(f, x)
}

/// Asserts that the second derivatives of `f` at `x` are what finite differences of its gradient say.
///
/// # Panics
///
/// As [`assert_gradient`] and [`hessian`].
///
/// ```
/// scalargrad::check::assert_hessian(|x| (x[0] * x[1]).exp() / x[1], &[0.5, 2.0]);
/// ```
#[track_caller]
pub fn assert_hessian(f: impl Fn(&[Var]) -> Var, x: &[f64]) {
    assert(hessian(f, x));
}

#[track_caller]
fn assert(result: Result<Report, Mismatch>) {
    match result {
        Err(mismatch) => panic!("scalargrad: {mismatch}"),
        Ok(report) if !report.is_conclusive() => {
            panic!(
                "scalargrad: finite differences are too inaccurate to tell: {report}\nWhere that is enough, `check::gradient` or \
                 `check::hessian` gives the report without a panic, and `Check::tolerance` sets an error that is small enough"
            )
        }
        Ok(_) => {}
    }
}

/// A check with settings, for unusual cases.
///
/// ```
/// use scalargrad::check::{self, Check};
///
/// let f = |x: &[scalargrad::Var]| 1e12 + 1e-6 * x[0]; // its values have four decimals
/// assert!(!check::gradient(f, &[1.0])?.is_conclusive());
/// assert!(Check::new().step(1e9).gradient(f, &[1.0])?.is_conclusive());
/// # Ok::<(), check::Mismatch>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Check {
    step: Option<f64>,
    tolerance: f64,
}

impl Check {
    /// The check without settings.
    pub fn new() -> Check {
        Check::default()
    }

    /// Sets the largest step, instead of a quarter of `max(|x|, 1)`.
    ///
    /// # Panics
    ///
    /// If it is not a positive, finite number.
    #[track_caller]
    pub fn step(mut self, step: f64) -> Check {
        assert!(
            step > 0.0 && step.is_finite(),
            "scalargrad: check: the step is {step}, and must be a positive, finite number"
        );
        self.step = Some(step);
        self
    }

    /// Sets an error that a derivative may have in addition to that of the estimate, instead of 0.
    ///
    /// ```
    /// use scalargrad::check::Check;
    ///
    /// let saturated = |x: &[scalargrad::Var]| x[0].sigmoid();
    /// assert!(!Check::new().gradient(saturated, &[40.0])?.is_conclusive());
    /// assert!(Check::new().tolerance(1e-12).gradient(saturated, &[40.0])?.is_conclusive());
    /// # Ok::<(), scalargrad::check::Mismatch>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If it is negative or NaN.
    #[track_caller]
    pub fn tolerance(mut self, tolerance: f64) -> Check {
        assert!(tolerance >= 0.0, "scalargrad: check: the tolerance is {tolerance}, and must not be negative");
        self.tolerance = tolerance;
        self
    }

    /// As [`gradient()`].
    ///
    /// # Errors
    ///
    /// As [`gradient()`].
    #[track_caller]
    pub fn gradient(&self, f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
        at_callers_line(|| self.run(x, false, &f))
    }

    /// As [`hessian()`].
    ///
    /// # Errors
    ///
    /// As [`hessian()`].
    ///
    /// # Panics
    ///
    /// As [`hessian()`].
    #[track_caller]
    pub fn hessian(&self, f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
        at_callers_line(|| self.run(x, true, &f))
    }

    /// Checks the derivatives of every output with respect to every variable against the outputs' values. There is one output,
    /// or, for `second` derivatives, each component of its gradient.
    fn run(&self, x: &[f64], second: bool, f: &impl Fn(&[Var]) -> Var) -> Result<Report, Mismatch> {
        // `f` gets leaves, not constants, as it may take derivatives itself.
        let output = |x: &[Var]| graph::user_code("the closure", || f(x));
        let outputs = |x: &[Var]| match second {
            true => output(x).differentiate(x),
            false => vec![output(x)],
        };
        let outputs_at = |x: &[f64]| -> Vec<Output> {
            let _scope = graph::open_recording();
            let x = Var::leaves(x);
            let outputs = outputs(&x).into_iter();
            outputs.map(|z| Output::new(z, &x)).collect()
        };
        let values = |x: &[f64]| {
            if second {
                return reverse(f, x);
            }
            let _scope = graph::open_recording();
            vec![output(&Var::leaves(x)).value()]
        };
        let base = outputs_at(x);
        // But for its last digits, as of a sum in the order of a hash map.
        let is_close = |once: f64, again: f64| (once - again).abs() <= 1e-12 * once.abs().max(again.abs());
        let is_same = |once: f64, again: f64| once == again || once.is_nan() && again.is_nan() || is_close(once, again);
        let is_other = |&(once, again): &(f64, f64)| !is_same(once, again);
        if let Some((once, again)) = values(x).into_iter().zip(values(x)).find(is_other) {
            refuse(format_args!(
                "scalargrad: check: the closure computes something else at each call: {once:?} and then {again:?} at the same point. \
                 It must compute the same each time: keep random numbers and what changes outside of it"
            ));
        }
        let mut components = Vec::with_capacity(base.len() * x.len());
        for index in 0..x.len() {
            let start = self.step.unwrap_or(x[index].abs().max(1.0) / 4.0);
            let beside: Vec<Vec<Output>> = match second {
                true => beside(x, index, start).map(|x| outputs_at(&x)).into(),
                false => Vec::new(),
            };
            // At a kink of an operation inside, the graph at the point does not contain all the rounding errors around it.
            let wide = |(of, output): (usize, &Output)| {
                let beside = beside.iter().map(|outputs| &outputs[of]);
                let others = beside.filter(|beside| differ(beside.analytic[index], output.analytic[index], 0.0));
                others.fold(output.clone(), Output::widened)
            };
            let base: Vec<Output> = base.iter().enumerate().map(wide).collect();
            let ladder = ladder(x, index, start, &base, values);
            for (of, output) in base.iter().enumerate() {
                let rows: Vec<Row> =
                    ladder.iter().map(|(h, right, left)| Row::new(*h, output, right[of], left[of])).collect();
                let analytic = output.analytic[index];
                let own = || {
                    let _scope = graph::open_recording();
                    let x = Var::leaves(x);
                    derivative_noise(outputs(&x)[of], x[index])
                };
                let component = Component::new(index, second.then_some(of), x[index], analytic);
                let mut component = self.judge(&rows, output, &own, component);
                let agrees =
                    |beside: &Vec<Output>| !differ(beside[of].analytic[index], component.numeric, component.error);
                if component.verdict == Verdict::Differs && beside.iter().any(agrees) {
                    component.verdict = Verdict::KinkInside;
                }
                components.push(component);
            }
        }
        components.sort_by_key(|c| (c.of, c.index));
        Report::new(x, components).into_result()
    }
}

/// The point with a variable moved to either side, by much less than the steps of the differences.
fn beside(x: &[f64], index: usize, start: f64) -> [Vec<f64>; 2] {
    [1.0, -1.0].map(|side| {
        let mut x = x.to_vec();
        x[index] += side * start * 2f64.powi(-20);
        x
    })
}

/// Whether a derivative next to a point differs from the one at the point.
fn differ(beside: f64, at: f64, error: f64) -> bool {
    let off = (beside - at).abs();
    let bound = error + 1e-3 * at.abs();
    // NaN differs, too.
    off.partial_cmp(&bound).is_none_or(|order| order.is_gt())
}
