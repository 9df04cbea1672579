//! Finite differences: the ladder of steps, its extrapolation, and what each side tends to.

use crate::handle::Var;
use crate::rows::Op;
use crate::var::Gradients;
use crate::var::backward::gradients_above;
use std::collections::HashSet;
use std::ops::Range;

/// The factor between steps. It is irrational, so that no periodic function looks constant.
const RATIO: f64 = std::f64::consts::E;
/// The columns of a tableau.
const COLUMNS: usize = 7;
/// The fewest steps that a ladder has, and the most.
const STEPS: Range<usize> = 12..100;
/// A ladder ends after this number of successive steps at which rounding hides the differences.
const SPENT: usize = 4;
/// The fewest steps from which anything is concluded about a side.
const RUN: usize = 6;

/// What is known of an output at the point itself.
#[derive(Clone)]
pub(super) struct Output {
    pub value: f64,
    pub analytic: Vec<f64>,
    /// The rounding error of the value.
    noise: f64,
}

impl Output {
    pub(super) fn new(z: Var, x: &[Var]) -> Output {
        let floor = x.first().map_or(1, |x| x.index());
        let gradients = gradients_above(z, floor);
        Output { value: z.value(), analytic: gradients.wrt_all(x), noise: noise(z, floor, &gradients) }
    }

    /// With the rounding error of the same output at another point, if that is larger.
    pub(super) fn widened(mut self, other: &Output) -> Output {
        if other.noise.is_finite() {
            self.noise = self.noise.max(other.noise);
        }
        self
    }
}

/// A step, and the outputs with a variable moved by it to the right and to the left.
pub(super) type Sample = (f64, Vec<f64>, Vec<f64>);

/// Samples at ever smaller steps, until rounding hides every difference.
pub(super) fn ladder(
    x: &[f64],
    index: usize,
    start: f64,
    base: &[Output],
    f: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<Sample> {
    let (mut moved, at) = (x.to_vec(), x[index]);
    let mut value = |at: f64| {
        moved[index] = at;
        match at.is_finite() {
            true => f(&moved),
            false => vec![f64::NAN; base.len()],
        }
    };
    let (mut step, mut ladder, mut spent) = (start, Vec::new(), 0);
    while ladder.len() < STEPS.end && step > at.abs() * 1e-15 && step > f64::MIN_POSITIVE {
        let h = (at.abs() + step) - at.abs(); // a step for which x + h and x − h are exact
        let h = if h.is_finite() { h } else { step };
        let (right, left) = (value(at + h), value(at - h));
        let row = |k: usize| Row::new(h, &base[k], right[k], left[k]);
        let noise = (0..base.len()).all(|k| row(k).is_noise());
        spent = if noise { spent + 1 } else { 0 };
        ladder.push((h, right, left));
        if spent >= SPENT && ladder.len() >= STEPS.start {
            break;
        }
        step /= RATIO;
        // All steps so far showed nothing but noise: if the function has a scale, it is that of the variable.
        if step < start * 1e-16 && step > at.abs() && at != 0.0 {
            step = at.abs() / 4.0;
        }
    }
    ladder
}

/// The ancestors of a result from the index `floor` on, itself included: what the function has computed of its own leaves.
fn ancestors(z: Var, floor: usize) -> Vec<Var> {
    let (mut open, mut found, mut seen) = (vec![z], Vec::new(), HashSet::new());
    while let Some(z) = open.pop() {
        if z.index() >= floor && seen.insert(z.node_id()) {
            found.push(z);
            open.extend(z.operands());
        }
    }
    found
}

/// The rounding error of a result: half a unit in the last place of every intermediate, times the derivative of the result
/// with respect to it.
fn noise(z: Var, floor: usize, gradients: &Gradients) -> f64 {
    let computed = ancestors(z, floor).into_iter().filter(|z| z.op() != Op::Leaf);
    let reach = |z: Var| z.value().abs().max(f64::MIN_POSITIVE) * gradients.wrt(z).abs();
    let sum: f64 = computed.map(reach).filter(|r| r.is_finite()).sum();
    sum * f64::EPSILON / 2.0
}

/// The rounding error of the derivative of `z`. What is behind a custom operation is not known, and not counted.
pub(super) fn derivative_noise(z: Var, x: Var) -> f64 {
    let floor = x.index();
    if ancestors(z, floor).into_iter().any(|z| z.op() == Op::Custom) {
        return 0.0;
    }
    let derivative = z.differentiate(&[x])[0];
    noise(derivative, floor, &gradients_above(derivative, floor))
}

/// The values of a function at one step to either side.
pub(super) struct Row {
    pub h: f64,
    value: f64,
    pub plus: f64,
    pub minus: f64,
    /// The error that rounding may cause in a difference quotient.
    pub rounding: f64,
}

impl Row {
    pub(super) fn new(h: f64, output: &Output, plus: f64, minus: f64) -> Row {
        let largest = plus.abs().max(minus.abs()).max(output.value.abs()).clamp(f64::MIN_POSITIVE, f64::MAX);
        let rounding = (largest * f64::EPSILON + output.noise) / h;
        let value = output.value;
        Row { h, value, plus, minus, rounding }
    }

    pub(super) fn right(&self) -> f64 {
        (self.plus - self.value) / self.h
    }

    pub(super) fn left(&self) -> f64 {
        (self.value - self.minus) / self.h
    }

    pub(super) fn central(&self) -> f64 {
        (self.plus - self.minus) / (2.0 * self.h)
    }

    /// The larger of the one-sided quotients' magnitudes; NaN if neither is finite.
    pub(super) fn largest(&self) -> f64 {
        let size = |q: f64| if q.is_finite() { q.abs() } else { f64::NAN };
        size(self.left()).max(size(self.right()))
    }

    /// Whether a difference is hardly larger than its rounding error.
    fn is_noise(&self) -> bool {
        self.rounding >= 1e-3 * self.largest() || !self.value.is_finite()
    }
}

/// A difference quotient, with its step and the error that rounding may cause.
#[derive(Clone, Copy)]
pub(super) struct Point {
    h: f64,
    q: f64,
    rounding: f64,
}

/// The quotients from the smallest step up, as long as they are finite; the largest step first.
pub(super) fn points(rows: &[Row], quotient: fn(&Row) -> f64) -> Vec<Point> {
    let point = |row: &Row| Point { h: row.h, q: quotient(row), rounding: row.rounding };
    let finite = rows.iter().rev().map(point).take_while(|p| p.q.is_finite());
    let mut points: Vec<Point> = finite.collect();
    points.reverse();
    points
}

/// A derivative found from differences.
#[derive(Clone, Copy)]
pub(super) struct Estimate {
    pub value: f64,
    pub error: f64,
    pub step: f64,
}

impl Estimate {
    pub(super) const UNKNOWN: Estimate = Estimate::without_step(f64::NAN, f64::INFINITY);

    /// There is no estimate.
    pub(super) const NONE: Estimate = Estimate::without_step(f64::NAN, f64::NAN);

    pub(super) const fn exactly(value: f64) -> Estimate {
        Estimate::without_step(value, 0.0)
    }

    const fn without_step(value: f64, error: f64) -> Estimate {
        let step = f64::NAN;
        Estimate { value, error, step }
    }

    /// The difference of two estimates, divided by the error that they may have.
    pub(super) fn disagreement(&self, other: &Estimate) -> f64 {
        (self.value - other.value).abs() / (self.error + other.error)
    }
}

/// An entry of a tableau.
#[derive(Clone, Copy, Default)]
struct Entry {
    value: f64,
    rounding: f64,
    /// The difference from the entry above; where rounding hides it, the one that is expected from those before.
    change: f64,
    /// That change divided by the one before.
    ratio: f64,
}

impl Entry {
    fn below(above: Option<&Entry>, value: f64, rounding: f64) -> Entry {
        let Some(above) = above else {
            return Entry { value, rounding, ..Entry::default() };
        };
        let (change, expected) = ((value - above.value).abs(), above.change * above.ratio);
        let hidden = change <= rounding && expected <= 2.0 * rounding;
        let (change, ratio) = match (hidden, above.change) {
            (true, _) => (expected, above.ratio),
            (false, 0.0) => (change, 0.0),
            (false, before) => (change, (change + rounding) / before),
        };
        Entry { value, rounding, change, ratio }
    }

    /// The sum of all further changes, if they go on as a geometric series.
    fn rest(&self) -> f64 {
        match self.ratio {
            0.0..1.0 => self.change * self.ratio / (1.0 - self.ratio),
            _ => f64::INFINITY,
        }
    }
}

/// Neville's extrapolation to step zero, of a power series in the steps, or, if it is `even`, in their squares.
pub(super) fn extrapolate(points: &[Point], even: bool) -> Option<Estimate> {
    let mut tableau: Vec<Vec<Entry>> = Vec::with_capacity(points.len());
    for (k, point) in points.iter().enumerate() {
        let above = |m: usize| tableau.get(k.wrapping_sub(1)).and_then(|row| row.get(m));
        let mut row = vec![Entry::below(above(0), point.q, point.rounding)];
        for m in 1..COLUMNS.min(k + 1) {
            let (finer, coarser) = (row[m - 1], tableau[k - 1][m - 1]);
            let ratio = points[k - m].h / point.h;
            let c = if even { ratio * ratio } else { ratio };
            let value = finer.value + (finer.value - coarser.value) / (c - 1.0);
            let rounding = (c * finer.rounding + coarser.rounding) / (c - 1.0);
            row.push(Entry::below(above(m), value, rounding));
        }
        tableau.push(row);
    }
    let mut best: Option<Estimate> = None;
    for k in (1..points.len()).rev() {
        for m in 1..tableau[k].len() {
            let entry = tableau[k][m];
            let value = entry.value;
            let neighbours = [tableau[k][m - 1], tableau[k - 1][m - 1]].map(|e| (e.value - value).abs());
            // The entries after it show noise that the graph does not know of, and those before it how slowly it
            // converges if it is not a power series.
            let after = k + 1..points.len().min(k + 3);
            let noise = after.map(|i| tableau[i][m].change * points[i].h / points[k].h);
            let truncation = neighbours.into_iter().chain(noise).fold(entry.rest(), f64::max);
            let error = 2.0 * truncation + entry.rounding;
            let better =
                best.is_none_or(|best| error < best.error && (value - best.value).abs() <= 2.0 * (error + best.error));
            if better && error.is_finite() {
                best = Some(Estimate { value, error, step: points[k].h });
            }
        }
    }
    best
}

/// The limit of the differences on one side.
pub(super) enum Side {
    /// The function is not finite there.
    Missing,
    Slope(Estimate),
    /// The difference does not tend to zero.
    Jump,
    /// The quotients grow without bound; the last one.
    Infinite(f64),
}

impl Side {
    pub(super) fn new(rows: &[Row], quotient: fn(&Row) -> f64) -> Side {
        let points = points(rows, quotient);
        if points.len() < RUN {
            return Side::Missing;
        }
        let noise = |w: &[Point]| w[w.len() - 2].rounding + w[w.len() - 1].rounding;
        let change = |w: &[Point]| w[w.len() - 1].q - w[w.len() - 2].q;
        let clear = |w: &[Point]| change(w).abs() > noise(w);
        let grows = |w: &[Point]| {
            let (first, then) = (change(&w[..2]), change(w));
            let keeps = then.abs() + noise(w) > 0.97 * first.abs();
            keeps && then * w[2].q > 0.0 && first * then > 0.0
        };
        // Only the steps at which rounding does not hide the change from one to the next.
        let end = points.windows(2).rposition(clear).map_or(0, |k| k + 2);
        let tail = &points[end.saturating_sub(RUN + 2)..end];
        let hidden = |k: usize| change(tail).abs() <= 2.0 * noise(&points[k - 1..=k]);
        let diverges = tail.len() >= RUN
            && tail.windows(2).all(clear)
            && tail.windows(3).all(grows)
            && (end == points.len() || hidden(end));
        if diverges {
            let stays = |w: &[Point]| (w[1].q * w[1].h) / (w[0].q * w[0].h) > 0.98;
            return match tail.windows(2).all(stays) {
                true => Side::Jump,
                false => Side::Infinite(tail[tail.len() - 1].q),
            };
        }
        // Differences that do not tend to zero: the function varies between neighbouring numbers.
        let largest = |p: &[Point]| p.iter().map(|p| (p.q * p.h).abs()).fold(0.0, f64::max);
        let half = (points.len() / 2).min(SPENT);
        let (before, last) = points.split_at(points.len() - half);
        let rough = largest(last) > 0.5 * largest(&before[before.len() - half..]);
        let known = last.iter().any(|p| p.q.abs() > 20.0 * p.rounding);
        let estimate = extrapolate(&points, false).filter(|_| !(rough && known));
        Side::Slope(estimate.unwrap_or(Estimate::UNKNOWN))
    }

    /// The least and the largest slope that it allows.
    pub(super) fn interval(&self) -> (f64, f64) {
        match *self {
            Side::Missing | Side::Jump => (f64::INFINITY, -f64::INFINITY),
            Side::Slope(e) => (e.value - e.error, e.value + e.error),
            Side::Infinite(q) if q > 0.0 => (q, f64::INFINITY),
            Side::Infinite(q) => (-f64::INFINITY, q),
        }
    }
}
