//! Derivatives against finite differences, with an honest report.
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
//! - a larger step is believed only where it agrees with the smaller ones, for a derivative is a limit.
//!
//! So there is no tolerance to tune. The differences of the two sides tell a [kink](Verdict::Kink), a
//! [jump](Verdict::Jump), the [edge](Verdict::Edge) of the domain and an [infinite](Verdict::Unbounded)
//! slope from a wrong derivative. It takes some 60 evaluations for each variable.
//!
//! What happens between neighbouring numbers it cannot see: at 1e20 the floor of `x` looks like `x`.

mod differences;
mod report;

pub use report::{Component, Mismatch, Report, Verdict};

use crate::var::Var;
use crate::{gradient as reverse, graph};
use differences::{
    Estimate, Output, Row, Side, derivative_noise, extrapolate, ladder, leaves, points,
};

/// What an analytic derivative may be off by itself, relatively.
const ANALYTIC: f64 = 1e-11;

/// Checks the gradient of `f` at `x`, by [`Var::backward`], against finite differences.
///
/// # Errors
///
/// A [`Mismatch`] that lists every component that differs. A component that finite differences cannot
/// judge is no mismatch; see [`Report::is_conclusive`].
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
pub fn gradient(f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
    Check::new().gradient(f, x)
}

/// Asserts that the gradient of `f` at `x` is what finite differences say.
///
/// # Panics
///
/// With a table, if a component differs, or if finite differences are too inaccurate to tell.
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
/// The second derivatives come from [`Var::differentiate`] and a sweep, and the differences are those of the
/// gradient that [`Var::backward`] gives: check that one with [`gradient`].
///
/// # Errors
///
/// A [`Mismatch`] that lists every component that differs.
///
/// # Panics
///
/// If `f` contains a [`Var::custom`] operation, which has no second derivative.
///
/// ```
/// use scalargrad::check;
///
/// let report = check::hessian(|x| x[0].powi(3) * x[1], &[2.0, 5.0])?;
/// let analytic: Vec<f64> = report.iter().map(|c| c.analytic).collect();
/// assert_eq!(analytic, [60.0, 12.0, 12.0, 0.0]);
/// # Ok::<(), check::Mismatch>(())
/// ```
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
            panic!("scalargrad: finite differences are too inaccurate to tell: {report}")
        }
        Ok(_) => {}
    }
}

/// A check with settings, for the case that is not ordinary.
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
    pub fn step(mut self, step: f64) -> Check {
        self.step = Some(step);
        self
    }

    /// Sets what a derivative may be off by, whatever the estimate's error: instead of 0.
    ///
    /// ```
    /// use scalargrad::check::Check;
    ///
    /// let saturated = |x: &[scalargrad::Var]| x[0].sigmoid();
    /// assert!(!Check::new().gradient(saturated, &[40.0])?.is_conclusive());
    /// assert!(Check::new().tolerance(1e-12).gradient(saturated, &[40.0])?.is_conclusive());
    /// # Ok::<(), scalargrad::check::Mismatch>(())
    /// ```
    pub fn tolerance(mut self, tolerance: f64) -> Check {
        self.tolerance = tolerance;
        self
    }

    /// As [`gradient()`].
    ///
    /// # Errors
    ///
    /// As [`gradient()`].
    pub fn gradient(&self, f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
        // On leaves, not on constants: `f` may take derivatives itself.
        let values = |x: &[f64]| {
            vec![graph::recording_scope(|| {
                graph::user_code("the closure", || f(&leaves(x))).value()
            })]
        };
        self.run(x, false, |x| vec![f(x)], values)
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
    pub fn hessian(&self, f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
        self.run(x, true, |x| f(x).differentiate(x), |x| reverse(&f, x))
    }

    /// Checks the derivatives of every output with respect to every variable against the outputs' values.
    fn run(
        &self,
        x: &[f64],
        second: bool,
        outputs: impl Fn(&[Var]) -> Vec<Var>,
        values: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Result<Report, Mismatch> {
        let base: Vec<Output> = graph::recording_scope(|| {
            let x = leaves(x);
            let outputs = graph::user_code("the closure", || outputs(&x));
            outputs.into_iter().map(|z| Output::new(z, &x)).collect()
        });
        let mut components = Vec::with_capacity(base.len() * x.len());
        for index in 0..x.len() {
            let start = self.step.unwrap_or(x[index].abs().max(1.0) / 4.0);
            let ladder = ladder(x, index, start, &base, &values);
            for (of, output) in base.iter().enumerate() {
                let rows: Vec<Row> = ladder
                    .iter()
                    .map(|(h, right, left)| Row::new(*h, output, right[of], left[of]))
                    .collect();
                let analytic = output.analytic[index];
                let own = || {
                    graph::recording_scope(|| {
                        let x = leaves(x);
                        derivative_noise(
                            graph::user_code("the closure", || outputs(&x))[of],
                            x[index],
                        )
                    })
                };
                let component = Component::new(index, second.then_some(of), x[index], analytic);
                components.push(self.judge(&rows, output, &own, component));
            }
        }
        components.sort_by_key(|c| (c.of, c.index));
        Report::new(x, components).into_result()
    }

    /// Compares a component with what the two sides tend to.
    fn judge(
        &self,
        rows: &[Row],
        output: &Output,
        own: &dyn Fn() -> f64,
        mut c: Component,
    ) -> Component {
        if !output.value.is_finite() {
            return undefined(rows, output, c);
        }
        let (left, right) = (Side::new(rows, Row::left), Side::new(rows, Row::right));
        let (l, r) = (left.interval(), right.interval());
        let (low, high) = (l.0.min(r.0), l.1.max(r.1));
        let slack = self.slack(&c);
        let within = low - slack <= c.analytic && c.analytic <= high + slack;
        match (left, right) {
            (Side::Jump, Side::Slope(e)) | (Side::Slope(e), Side::Jump) => {
                c.settle(e, within, Verdict::Jump);
            }
            (Side::Jump, _) | (_, Side::Jump) => {
                c.settle(Estimate::UNKNOWN, !c.analytic.is_nan(), Verdict::Jump);
            }
            (Side::Infinite(q), _) | (_, Side::Infinite(q)) => {
                let cusp = low == -f64::INFINITY && high == f64::INFINITY;
                let accepted = within || cusp && c.analytic.is_nan();
                let beyond = c.analytic.is_finite() && !cusp && c.analytic * q > 0.0;
                let verdict = if beyond {
                    Verdict::TooInaccurate
                } else {
                    Verdict::Unbounded
                };
                c.settle(Estimate::exactly(q * f64::INFINITY), accepted, verdict);
            }
            (Side::Slope(l), Side::Slope(r)) if !(l.error + r.error).is_finite() => {
                let accepted = !c.analytic.is_nan();
                c.settle(Estimate::UNKNOWN, accepted, Verdict::TooInaccurate);
            }
            (Side::Slope(l), Side::Slope(r))
                if (l.value - r.value).abs() > 4.0 * (l.error + r.error) =>
            {
                let far = |e: &Estimate| (c.analytic - e.value).abs();
                let nearest = if far(&l) < far(&r) { l } else { r };
                let (left, right) = (l.value, r.value);
                c.settle(nearest, within, Verdict::Kink { left, right });
            }
            (Side::Slope(_), Side::Slope(_)) => {
                let estimate = |rows: &[Row]| extrapolate(&points(rows, Row::central), true);
                self.smooth(rows, estimate, own, Verdict::Agrees, &mut c);
            }
            (Side::Missing, Side::Missing) => c.verdict = Verdict::TooInaccurate,
            (Side::Missing, _) | (_, Side::Missing) => {
                let quotient = if l.0 > l.1 { Row::right } else { Row::left };
                let estimate = |rows: &[Row]| extrapolate(&points(rows, quotient), false);
                self.smooth(rows, estimate, own, Verdict::Edge, &mut c);
            }
        }
        c
    }

    /// Compares where the derivative exists.
    fn smooth(
        &self,
        rows: &[Row],
        estimate: impl Fn(&[Row]) -> Option<Estimate>,
        own: &dyn Fn() -> f64,
        verdict: Verdict,
        c: &mut Component,
    ) {
        let slack = self.slack(c);
        let analytic = c.analytic;
        let agrees = |e: &Estimate| (analytic - e.value).abs() <= e.error + slack;
        let Some(found) = estimate(rows) else { return };
        let mut e = found;
        if !agrees(&e) {
            e.error += own();
        }
        if agrees(&e) {
            // How much the function varies, beyond rounding, over the steps that were used.
            let used = || rows.iter().filter(|row| row.h >= e.step);
            let variation = used()
                .map(|row| row.largest() - row.rounding)
                .fold(0.0, f64::max);
            let size = analytic.abs().max(e.value.abs());
            let tells = e.error <= (1e-3 * size).max(1e-6 * variation).max(self.tolerance);
            let exact = analytic == e.value;
            // A constant, as far as one can see, and one can see far: rounding is small beside its values.
            let value = used().map(|row| row.plus.abs()).fold(0.0, f64::max);
            let still = analytic == 0.0 && variation == 0.0 && e.error <= 1e-9 * value;
            return match tells || exact || still {
                true => c.settle(e, true, verdict),
                false => c.settle(e, true, Verdict::TooInaccurate),
            };
        }
        // Values that stand still below some step, though larger ones follow the derivative, are
        // coarser than `f64`, for reasons that are not in the graph.
        let moving = rows
            .iter()
            .rposition(|row| row.largest() != 0.0)
            .map_or(0, |k| k + 1);
        let coarse = estimate(&rows[..moving])
            .filter(|e| moving < rows.len() && agrees(e) && e.error < 0.1 * analytic.abs());
        c.settle(
            coarse.unwrap_or(found),
            coarse.is_some(),
            Verdict::TooInaccurate,
        );
    }

    fn slack(&self, c: &Component) -> f64 {
        let own = ANALYTIC * c.analytic.abs();
        self.tolerance + if own.is_finite() { own } else { 0.0 }
    }
}

/// Where the function itself is infinite or NaN.
fn undefined(rows: &[Row], output: &Output, mut c: Component) -> Component {
    // It tends to its infinity from where it is finite.
    let slope = |beside: f64, sign: f64| beside.is_finite().then_some(sign * output.value);
    let row = rows.last().filter(|_| output.value.is_infinite());
    let slopes = row.map(|row| [slope(row.minus, 1.0), slope(row.plus, -1.0)]);
    let overflows = row.is_some_and(|row| [row.minus, row.plus].contains(&output.value));
    match slopes.into_iter().flatten().flatten().collect::<Vec<f64>>()[..] {
        [slope, ref more @ ..] if c.analytic.is_infinite() => {
            let accepted = overflows || slope == c.analytic || more.contains(&c.analytic);
            c.settle(Estimate::exactly(slope), accepted, Verdict::Unbounded);
        }
        _ => {
            // Some derivative has to show it, unless the output does not depend on any.
            let shows = c.analytic == 0.0 || output.analytic.iter().any(|a| !a.is_finite());
            c.settle(Estimate::exactly(f64::NAN), shows, Verdict::Undefined);
        }
    }
    c
}
