//! The verdict on one derivative, from the differences on both sides.

use super::differences::{Estimate, Output, Row, Side, extrapolate, points};
use super::{Check, Component, Verdict};

/// The relative error that an analytic derivative may have itself.
const ANALYTIC: f64 = 1e-11;

impl Check {
    /// Compares a component with the limits of the differences on the two sides.
    pub(super) fn judge(&self, rows: &[Row], output: &Output, own: &dyn Fn() -> f64, mut c: Component) -> Component {
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
                let verdict = if beyond { Verdict::TooInaccurate } else { Verdict::Unbounded };
                let slope = if cusp { f64::NAN } else { q * f64::INFINITY };
                c.settle(Estimate::exactly(slope), accepted, verdict);
            }
            (Side::Slope(l), Side::Slope(r)) if !(l.error + r.error).is_finite() => {
                let accepted = !c.analytic.is_nan();
                c.settle(Estimate::UNKNOWN, accepted, Verdict::TooInaccurate);
            }
            (Side::Slope(l), Side::Slope(r)) if l.disagreement(&r) > 1.0 => {
                let far = |e: &Estimate| (c.analytic - e.value).abs();
                let nearest = if far(&l) < far(&r) { l } else { r };
                let (left, right) = (l.value, r.value);
                // The slopes differ: their mean would estimate nothing.
                let (estimate, verdict) = match l.disagreement(&r) > 4.0 {
                    true => (Estimate::NONE, Verdict::Kink { left, right }),
                    false => (Estimate::UNKNOWN, Verdict::TooInaccurate),
                };
                // Nor would one of them, where there is no derivative to compare with.
                c.settle(if within || c.analytic.is_nan() { estimate } else { nearest }, within, verdict);
            }
            (Side::Slope(left), Side::Slope(right)) => {
                // The noise is so large that the slopes may be equal. The error of their mean is at least half of their difference.
                let gap = (left.value - right.value).abs();
                let are_apart = gap > 1e-3 * left.value.abs().max(right.value.abs());
                let least = if are_apart { 0.5 * gap } else { 0.0 };
                let estimate = |rows: &[Row]| {
                    let e = extrapolate(&points(rows, Row::central), true)?;
                    let error = e.error.max(least);
                    Some(Estimate { error, ..e })
                };
                self.smooth(rows, estimate, are_apart, own, Verdict::Agrees, &mut c);
            }
            (Side::Missing, Side::Missing) => c.verdict = Verdict::TooInaccurate,
            (Side::Missing, _) | (_, Side::Missing) => {
                let quotient = if l.0 > l.1 { Row::right } else { Row::left };
                let estimate = |rows: &[Row]| extrapolate(&points(rows, quotient), false);
                self.smooth(rows, estimate, false, own, Verdict::Edge, &mut c);
            }
        }
        c
    }

    /// Compares where the derivative exists. If the slopes of the two sides differ, it is not certain that it does.
    fn smooth(
        &self,
        rows: &[Row],
        estimate: impl Fn(&[Row]) -> Option<Estimate>,
        are_apart: bool,
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
            let variation = used().map(|row| row.largest() - row.rounding).fold(0.0, f64::max);
            let size = analytic.abs().max(e.value.abs());
            let tells = e.error <= (1e-3 * size).max(1e-6 * variation).max(self.tolerance);
            let exact = analytic == e.value;
            // The function looks constant, and rounding errors are small compared with its values: so it is. The same where
            // contributions cancel in the derivative, and what is left of them is no more than its rounding error.
            let value = used().map(|row| row.plus.abs()).fold(0.0, f64::max);
            let still = analytic == 0.0 && variation == 0.0 && e.error <= 1e-9 * value;
            let cancels = || {
                used().all(|row| row.largest() <= 2.0 * row.rounding) && {
                    let own = own();
                    own > 0.0 && analytic.abs() <= 4.0 * own && e.error <= 1e-9 * value.max(own / f64::EPSILON)
                }
            };
            return match tells || still || exact && !are_apart || cancels() {
                true => c.settle(e, true, verdict),
                false => c.settle(e, true, Verdict::TooInaccurate),
            };
        }
        // Values that do not change below some step, though at larger steps they follow the derivative, are less precise
        // than `f64`, for reasons that the graph does not show.
        let moving = rows.iter().rposition(|row| row.largest() != 0.0).map_or(0, |k| k + 1);
        let coarse =
            estimate(&rows[..moving]).filter(|e| moving < rows.len() && agrees(e) && e.error < 0.1 * analytic.abs());
        c.settle(coarse.unwrap_or(found), coarse.is_some(), Verdict::TooInaccurate);
    }

    fn slack(&self, c: &Component) -> f64 {
        let own = ANALYTIC * c.analytic.abs();
        self.tolerance + if own.is_finite() { own } else { 0.0 }
    }
}

/// Where the function itself is infinite or NaN.
fn undefined(rows: &[Row], output: &Output, mut c: Component) -> Component {
    // Where the function is finite on one side, it tends to its infinity from there.
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
            // Some derivative has to be infinite or NaN too, unless the output is infinite and stays so nearby: it may be a constant,
            // or a function that grows beyond the numbers of 64 bits, which has a slope there.
            let stays = output.value.is_infinite() && slopes.into_iter().flatten().flatten().count() == 0;
            let shows = output.analytic.iter().any(|a| !a.is_finite());
            let verdict = match shows || c.analytic == 0.0 || !stays {
                true => Verdict::Undefined,
                false => Verdict::TooInaccurate,
            };
            c.settle(Estimate::exactly(f64::NAN), shows || stays, verdict);
        }
    }
    c
}
