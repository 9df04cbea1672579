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
//! - rounding is carried through the tableau: `ε·(|f| + Σ|z·∂f/∂z|)/h`, over every intermediate `z`,
//!   so that a cancellation inside of `f` counts;
//! - a larger step is believed only where it agrees with the smaller ones, for a derivative is a limit.
//!
//! So there is no tolerance to tune. The differences of the two sides tell a [kink](Verdict::Kink), a
//! [jump](Verdict::Jump), the [edge](Verdict::Edge) of the domain and an [infinite](Verdict::Unbounded)
//! slope from a wrong derivative. It takes some 60 evaluations for each variable.

use crate::ops::Op;
use crate::sweep::Gradients;
use crate::var::Var;
use crate::{graph, gradient as reverse};
use std::collections::HashSet;
use std::fmt;

/// The factor between steps: irrational, or a periodic function would look constant.
const RATIO: f64 = std::f64::consts::E;
/// The columns of a tableau.
const COLUMNS: usize = 7;
/// The fewest steps that a ladder has, and the most.
const STEPS: std::ops::Range<usize> = 12..100;
/// The fewest steps that tell anything about a side.
const RUN: usize = 6;
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
    floor: f64,
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
    /// assert!(Check::new().floor(1e-12).gradient(saturated, &[40.0])?.is_conclusive());
    /// # Ok::<(), scalargrad::check::Mismatch>(())
    /// ```
    pub fn floor(mut self, floor: f64) -> Check {
        self.floor = floor;
        self
    }

    /// As [`gradient()`].
    ///
    /// # Errors
    ///
    /// As [`gradient()`].
    pub fn gradient(&self, f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Result<Report, Mismatch> {
        let base = graph::scope(|| {
            let x = leaves(x);
            vec![Output::new(f(&x), &x)]
        });
        // On leaves, not on constants: `f` may take derivatives itself.
        self.run(x, &base, false, |x| {
            vec![graph::scope(|| f(&leaves(x)).value())]
        })
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
        let base: Vec<Output> = graph::scope(|| {
            let x = leaves(x);
            let partials = f(&x).differentiate(&x);
            partials.into_iter().map(|z| Output::new(z, &x)).collect()
        });
        self.run(x, &base, true, |x| reverse(&f, x))
    }

    /// Checks the derivatives of every output with respect to every variable.
    fn run(
        &self,
        x: &[f64],
        base: &[Output],
        second: bool,
        f: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Result<Report, Mismatch> {
        let mut components = Vec::with_capacity(base.len() * x.len());
        for index in 0..x.len() {
            let ladder = self.ladder(x, index, base, &f);
            for (of, output) in base.iter().enumerate() {
                let rows: Vec<Row> = ladder
                    .iter()
                    .map(|(h, right, left)| Row::new(*h, output, right[of], left[of]))
                    .collect();
                let of = second.then_some(of);
                components.push(self.judge(&rows, output, Component::new(index, of, x[index], output)));
            }
        }
        components.sort_by_key(|c| (c.of, c.index));
        let report = Report {
            point: x.to_vec(),
            components,
        };
        match report.iter().any(|c| c.verdict == Verdict::Differs) {
            true => Err(Mismatch(Box::new(report))),
            false => Ok(report),
        }
    }

    /// The values at steps to the right and to the left, until rounding hides every difference.
    fn ladder(
        &self,
        x: &[f64],
        index: usize,
        base: &[Output],
        f: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Vec<(f64, Vec<f64>, Vec<f64>)> {
        let (mut moved, at) = (x.to_vec(), x[index]);
        let start = self.step.unwrap_or(at.abs().max(1.0) / 4.0);
        let (mut step, mut ladder) = (start, Vec::new());
        let mut value = |at: f64| {
            moved[index] = at;
            f(&moved)
        };
        while ladder.len() < STEPS.end && step > at.abs() * 1e-15 && step > f64::MIN_POSITIVE {
            let h = (at + step) - at; // exact, as the numbers between are
            ladder.push((h, value(at + h), value(at - h)));
            let (_, right, left) = &ladder[ladder.len() - 1];
            let spent = (0..base.len()).all(|k| Row::new(h, &base[k], right[k], left[k]).is_noise());
            if spent && ladder.len() >= STEPS.start {
                break;
            }
            step /= RATIO;
            if step < start * 1e-16 && step > at.abs() && at != 0.0 {
                step = at.abs() / 4.0; // nothing happens in between, or it has no scale
            }
        }
        ladder
    }

    fn judge(&self, rows: &[Row], output: &Output, mut c: Component) -> Component {
        if !output.value.is_finite() {
            return undefined(rows, output, c);
        }
        let (left, right) = (Side::new(rows, Row::left), Side::new(rows, Row::right));
        let (l, r) = (left.interval(), right.interval());
        let (low, high) = (l.0.min(r.0), l.1.max(r.1));
        let slack = self.slack(c.analytic);
        let within = low - slack <= c.analytic && c.analytic <= high + slack;
        match (left, right) {
            (Side::Jump, Side::Slope(e)) | (Side::Slope(e), Side::Jump) => {
                c.settle(e, within, Verdict::Jump);
            }
            (Side::Jump, _) | (_, Side::Jump) => c.verdict = Verdict::Jump,
            (Side::Infinite(q), _) | (_, Side::Infinite(q)) => {
                let cusp = low == -f64::INFINITY && high == f64::INFINITY;
                let infinite = Estimate::exactly(q.signum() * f64::INFINITY);
                c.settle(infinite, within || cusp && c.analytic.is_nan(), Verdict::Unbounded);
            }
            (Side::Slope(l), Side::Slope(r)) if (l.value - r.value).abs() > 4.0 * (l.error + r.error) => {
                let far = |e: &Estimate| (c.analytic - e.value).abs();
                let nearest = if far(&l) < far(&r) { l } else { r };
                let (left, right) = (l.value, r.value);
                c.settle(nearest, within, Verdict::Kink { left, right });
            }
            (Side::Slope(_), Side::Slope(_)) => self.smooth(rows, Row::central, Verdict::Agrees, &mut c),
            (Side::Missing, Side::Slope(_)) => self.smooth(rows, Row::right, Verdict::Edge, &mut c),
            (Side::Slope(_), Side::Missing) => self.smooth(rows, Row::left, Verdict::Edge, &mut c),
            (Side::Missing, Side::Missing) => c.verdict = Verdict::TooInaccurate,
        }
        c
    }

    /// Compares where the derivative exists.
    fn smooth(&self, rows: &[Row], quotient: fn(&Row) -> f64, verdict: Verdict, c: &mut Component) {
        let power = if verdict == Verdict::Agrees { 2 } else { 1 };
        let estimate = |rows| extrapolate(&points(rows, quotient), power);
        let agrees = |e: &Estimate| (c.analytic - e.value).abs() <= e.error + self.slack(c.analytic);
        let Some(e) = estimate(rows) else { return };
        // How much the function varies, beyond rounding, over the steps that were used.
        let variation = rows
            .iter()
            .filter(|row| row.h >= e.step)
            .map(|row| row.largest() - row.rounding)
            .fold(0.0, f64::max);
        let size = c.analytic.abs().max(e.value.abs());
        let sharp = e.error <= (1e-3 * size).max(1e-6 * variation).max(self.floor);
        if agrees(&e) {
            let told = sharp || c.analytic == e.value;
            return c.settle(e, true, if told { verdict } else { Verdict::TooInaccurate });
        }
        // Values that stand still below some step, though larger ones follow the derivative, are
        // coarser than `f64`, for reasons that are not in the graph.
        let moving = rows.iter().rposition(|row| row.largest() != 0.0).map_or(0, |k| k + 1);
        let coarse = estimate(&rows[..moving])
            .filter(|e| moving < rows.len() && agrees(e) && e.error < 0.1 * c.analytic.abs());
        c.settle(coarse.unwrap_or(e), coarse.is_some(), Verdict::TooInaccurate);
    }

    fn slack(&self, analytic: f64) -> f64 {
        ANALYTIC * analytic.abs() + self.floor
    }
}

/// What is known of an output at the point itself.
struct Output {
    value: f64,
    analytic: Vec<f64>,
    /// The rounding error of the value.
    noise: f64,
}

impl Output {
    fn new(z: Var, x: &[Var]) -> Output {
        let gradients = z.gradients();
        Output {
            value: z.value(),
            analytic: gradients.wrt_all(x),
            noise: noise(z, &gradients),
        }
    }
}

fn leaves(x: &[f64]) -> Vec<Var> {
    x.iter().map(|&x| Var::new(x)).collect()
}

/// Half a unit in the last place of every intermediate, as far as it reaches the output.
fn noise(output: Var, gradients: &Gradients) -> f64 {
    let (mut open, mut seen, mut sum) = (vec![output], HashSet::new(), 0.0);
    while let Some(z) = open.pop() {
        if z.is_constant() || z.op() == Op::Leaf || !seen.insert(z.id()) {
            continue;
        }
        let reach = (z.value() * gradients.wrt(z)).abs();
        sum += if reach.is_finite() { reach } else { 0.0 };
        open.extend(z.operands());
    }
    sum * f64::EPSILON / 2.0
}

/// The values of a function at one step to either side.
struct Row {
    h: f64,
    value: f64,
    plus: f64,
    minus: f64,
    /// What rounding may do to a difference quotient.
    rounding: f64,
}

impl Row {
    fn new(h: f64, output: &Output, plus: f64, minus: f64) -> Row {
        let largest = plus.abs().max(minus.abs()).max(output.value.abs()).min(f64::MAX);
        let rounding = (largest * f64::EPSILON + output.noise) / h;
        let value = output.value;
        Row { h, value, plus, minus, rounding }
    }

    fn right(&self) -> f64 {
        (self.plus - self.value) / self.h
    }

    fn left(&self) -> f64 {
        (self.value - self.minus) / self.h
    }

    fn central(&self) -> f64 {
        (self.plus - self.minus) / (2.0 * self.h)
    }

    /// The larger of the one-sided quotients' magnitudes; NaN if neither is finite.
    fn largest(&self) -> f64 {
        let size = |q: f64| if q.is_finite() { q.abs() } else { f64::NAN };
        size(self.left()).max(size(self.right()))
    }

    /// Whether a difference tells hardly more than rounding.
    fn is_noise(&self) -> bool {
        self.rounding >= 1e-3 * self.largest() || !self.value.is_finite()
    }
}

/// A difference quotient, with its step and what rounding may do to it.
#[derive(Clone, Copy)]
struct Point {
    h: f64,
    q: f64,
    rounding: f64,
}

/// The quotients from the smallest step up, as long as they are finite; the largest step first.
fn points(rows: &[Row], quotient: fn(&Row) -> f64) -> Vec<Point> {
    let point = |row: &Row| Point { h: row.h, q: quotient(row), rounding: row.rounding };
    let finite = rows.iter().rev().map(point).take_while(|p| p.q.is_finite());
    let mut points: Vec<Point> = finite.collect();
    points.reverse();
    points
}

/// A derivative found from differences.
#[derive(Clone, Copy)]
struct Estimate {
    value: f64,
    error: f64,
    step: f64,
}

impl Estimate {
    fn exactly(value: f64) -> Estimate {
        Estimate { value, error: 0.0, step: f64::NAN }
    }
}

/// Neville's extrapolation to step zero of what is a series in the steps' `power`s.
fn extrapolate(points: &[Point], power: i32) -> Option<Estimate> {
    // In each entry the value and the rounding error.
    let mut tableau: Vec<Vec<(f64, f64)>> = Vec::with_capacity(points.len());
    for (k, point) in points.iter().enumerate() {
        let mut row = vec![(point.q, point.rounding)];
        for m in 1..COLUMNS.min(k + 1) {
            let (finer, coarser) = (row[m - 1], tableau[k - 1][m - 1]);
            let c = (points[k - m].h / point.h).powi(power).min(1e200);
            let value = finer.0 + (finer.0 - coarser.0) / (c - 1.0);
            row.push((value, (c * finer.1 + coarser.1) / (c - 1.0)));
        }
        tableau.push(row);
    }
    let change = |k: usize, m: usize| match tableau.get(k).zip(tableau.get(k.wrapping_sub(1))) {
        Some((row, above)) if m < above.len() => (row[m].0 - above[m].0).abs(),
        _ => 0.0,
    };
    let mut best: Option<Estimate> = None;
    for k in (1..points.len()).rev() {
        for m in 1..tableau[k].len() {
            let (value, rounding) = tableau[k][m];
            let neighbours = (value - tableau[k][m - 1].0).abs().max((value - tableau[k - 1][m - 1].0).abs());
            // What comes after shows noise that is not known from the graph,
            let after = (k + 1..k + 3).filter(|&i| i < points.len());
            let noise = after.map(|i| change(i, m) * points[i].h / points[k].h).fold(0.0, f64::max);
            // and what came before how slowly it converges, if not as a series in powers.
            let (now, before) = (change(k, m), change(k - 1, m));
            let slow = now > rounding && before > now;
            let rest = if slow { now * now / (before - now) } else { 0.0 };
            let error = 2.0 * neighbours.max(noise).max(rest) + rounding;
            let better = best.is_none_or(|best| {
                error < best.error && (value - best.value).abs() <= 2.0 * (error + best.error)
            });
            if better && error.is_finite() {
                best = Some(Estimate { value, error, step: points[k].h });
            }
        }
    }
    best
}

/// What the differences of one side tend to.
enum Side {
    /// The function is not finite there.
    Missing,
    Slope(Estimate),
    /// The difference does not tend to zero.
    Jump,
    /// The quotients grow and grow; the last one.
    Infinite(f64),
}

impl Side {
    fn new(rows: &[Row], quotient: fn(&Row) -> f64) -> Side {
        let points = points(rows, quotient);
        if points.len() < RUN {
            return Side::Missing;
        }
        let tail = &points[points.len().saturating_sub(RUN + 2)..];
        let clear = tail.iter().all(|p| p.q.abs() > 20.0 * p.rounding);
        let grows = |w: &[Point]| {
            let (first, then) = (w[1].q - w[0].q, w[2].q - w[1].q);
            then * w[2].q > 0.0 && first * then > 0.0 && then.abs() > 0.97 * first.abs()
        };
        if clear && tail.windows(3).all(grows) {
            let stays = |w: &[Point]| (w[1].q * w[1].h) / (w[0].q * w[0].h) > 0.98;
            return match tail.windows(2).all(stays) {
                true => Side::Jump,
                false => Side::Infinite(points[points.len() - 1].q),
            };
        }
        extrapolate(&points, 1).map_or(Side::Missing, Side::Slope)
    }

    /// The least and the largest slope that it allows.
    fn interval(&self) -> (f64, f64) {
        match *self {
            Side::Missing | Side::Jump => (f64::INFINITY, -f64::INFINITY),
            Side::Slope(e) => (e.value - e.error, e.value + e.error),
            Side::Infinite(q) if q > 0.0 => (q, f64::INFINITY),
            Side::Infinite(q) => (-f64::INFINITY, q),
        }
    }
}

/// Where the function itself is infinite or NaN.
fn undefined(rows: &[Row], output: &Output, mut c: Component) -> Component {
    // It tends to its infinity from where it is finite.
    let slope = |beside: f64, sign: f64| match beside.is_finite() && output.value.is_infinite() {
        true => Some(sign * output.value),
        false => None,
    };
    let slopes = rows.last().map_or([None, None], |row| [slope(row.minus, 1.0), slope(row.plus, -1.0)]);
    let known = slopes.into_iter().flatten();
    if let Some(slope) = known.clone().next().filter(|_| c.analytic.is_infinite()) {
        c.settle(Estimate::exactly(slope), known.clone().any(|s| s == c.analytic), Verdict::Unbounded);
    } else {
        // Some derivative has to show it.
        let shows = output.analytic.iter().any(|a| !a.is_finite());
        c.settle(Estimate::exactly(f64::NAN), shows, Verdict::Undefined);
    }
    c
}

/// What was found about a derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is what the differences say, within their error.
    Agrees,
    /// The slopes of the two sides differ, and it lies between them: a subgradient.
    Kink {
        /// The slope towards smaller values of the variable.
        left: f64,
        /// The slope towards larger ones.
        right: f64,
    },
    /// The function jumps here; if it is continuous from one side, that one agrees.
    Jump,
    /// The function ends here; the side where it is defined agrees.
    Edge,
    /// The differences grow without bound, and it is infinite too, or lies beyond them.
    Unbounded,
    /// The function is infinite or NaN here, and so is a derivative.
    Undefined,
    /// It does not contradict the differences, but their error is too large to say more.
    TooInaccurate,
    /// It is not what the differences say.
    Differs,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Agrees => "agrees",
            Verdict::Kink { left, right } => return write!(f, "kink, slopes {left:.6} and {right:.6}"),
            Verdict::Jump => "jump",
            Verdict::Edge => "agrees, at the edge",
            Verdict::Unbounded => "unbounded",
            Verdict::Undefined => "undefined",
            Verdict::TooInaccurate => "too inaccurate to tell",
            Verdict::Differs => "DIFFERS",
        })
    }
}

/// One derivative, and what finite differences say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Component {
    /// The variable that was moved.
    pub index: usize,
    /// At second order, the component of the gradient that was differenced.
    pub of: Option<usize>,
    /// Where the variable stands.
    pub at: f64,
    /// The derivative that is checked.
    pub analytic: f64,
    /// The estimate from differences: infinite if they diverge, NaN if there is none.
    pub numeric: f64,
    /// The error of the estimate, by its own account.
    pub error: f64,
    /// The smallest step that the estimate was made from; NaN if there is none.
    pub step: f64,
    /// What was found.
    pub verdict: Verdict,
}

impl Component {
    fn new(index: usize, of: Option<usize>, at: f64, output: &Output) -> Component {
        Component {
            index,
            of,
            at,
            analytic: output.analytic[index],
            numeric: f64::NAN,
            error: f64::NAN,
            step: f64::NAN,
            verdict: Verdict::TooInaccurate,
        }
    }

    fn settle(&mut self, e: Estimate, accepted: bool, verdict: Verdict) {
        (self.numeric, self.error, self.step) = (e.value, e.error, e.step);
        self.verdict = if accepted { verdict } else { Verdict::Differs };
    }
}

/// Every derivative, and what finite differences say of it: prints as a table.
///
/// ```
/// use scalargrad::check::{self, Verdict};
///
/// let report = check::gradient(|x| x[0].powi(2) + x[1].relu() + x[2].sqrt(), &[3.0, 0.0, 0.0])?;
/// assert!(report.is_conclusive());
/// let verdicts: Vec<Verdict> = report.iter().map(|c| c.verdict).collect();
/// let kink = Verdict::Kink { left: 0.0, right: 1.0 };
/// assert_eq!(verdicts, [Verdict::Agrees, kink, Verdict::Unbounded]);
/// # Ok::<(), check::Mismatch>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    point: Vec<f64>,
    components: Vec<Component>,
}

impl Report {
    /// The components: of a gradient by variable, of second derivatives row by row.
    pub fn iter(&self) -> std::slice::Iter<'_, Component> {
        self.components.iter()
    }

    /// The point.
    pub fn point(&self) -> &[f64] {
        &self.point
    }

    /// Whether finite differences could judge every component.
    pub fn is_conclusive(&self) -> bool {
        self.iter().all(|c| c.verdict != Verdict::TooInaccurate)
    }

    fn table(&self, f: &mut fmt::Formatter<'_>, show: impl Fn(&Component) -> bool) -> fmt::Result {
        let head = ["", "at", "analytic", "numeric", "± error", "step", "verdict"].map(String::from);
        let mut lines = vec![head];
        lines.extend(self.iter().filter(|c| show(c)).map(|c| {
            let name = match c.of {
                None => format!("∂f/∂x[{}]", c.index),
                Some(of) => format!("∂²f/∂x[{of}]∂x[{}]", c.index),
            };
            let rough = |v: f64| format!("{v:.1e}");
            let (error, step) = (rough(c.error), rough(c.step));
            let (analytic, numeric) = (number(c.analytic), number(c.numeric));
            [name, format!("{:?}", c.at), analytic, numeric, error, step, c.verdict.to_string()]
        }));
        let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max();
        let widths: Vec<usize> = (0..6).filter_map(width).collect();
        for line in &lines {
            write!(f, "\n  {:<1$}", line[0], widths[0])?;
            for column in 1..6 {
                write!(f, "  {:>1$}", line[column], widths[column])?;
            }
            write!(f, "  {}", line[6])?;
        }
        Ok(())
    }
}

fn number(v: f64) -> String {
    match v.abs() {
        0.0 | 1e-3..1e6 => format!("{v:.10}"),
        _ => format!("{v:.10e}"),
    }
}

impl<'a> IntoIterator for &'a Report {
    type Item = &'a Component;
    type IntoIter = std::slice::Iter<'a, Component>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "derivatives against finite differences at {}", Shown(&self.point))?;
        self.table(f, |_| true)
    }
}

/// A point; of a long one the beginning.
struct Shown<'a>(&'a [f64]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [first @ .., _] if first.len() >= 8 => {
                write!(f, "x = {:?} and {} more", &self.0[..8], self.0.len() - 8)
            }
            all => write!(f, "x = {all:?}"),
        }
    }
}

/// Derivatives that differ from finite differences: prints as a table of them.
///
/// ```
/// use scalargrad::{Var, check};
///
/// let wrong = |x: &[Var]| Var::custom("product", 6.0 * x[0].value(), [(x[0], -6.0)]);
/// let mismatch = check::gradient(wrong, &[2.0]).unwrap_err();
/// assert!(mismatch.to_string().contains("∂f/∂x[0]  2.0  -6.0000000000  6.0000000000"));
/// ```
#[derive(Clone, PartialEq)]
pub struct Mismatch(Box<Report>);

impl Mismatch {
    /// The components that differ.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.0.iter().filter(|c| c.verdict == Verdict::Differs)
    }

    /// The report on all components.
    pub fn report(&self) -> &Report {
        &self.0
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, all) = (self.iter().count(), self.0.components.len());
        write!(f, "{count} of {all} derivatives differ from finite differences at {}", Shown(&self.0.point))?;
        self.0.table(f, |c| c.verdict == Verdict::Differs)
    }
}

impl fmt::Debug for Mismatch {
    /// The table, for `unwrap`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Mismatch {}
