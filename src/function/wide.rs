//! Adjoints that neither overflow nor underflow.
//!
//! Equal expressions are one node of a program. Its adjoint is the sum of theirs, and may overflow where each of them,
//! multiplied by a partial alone, does not: of `x/x + x/x` at 1e-308 the closure's gradient is 0, and 2 · 1e308 − 2 · 1e308 is
//! NaN. The order of the additions differs, too. So where a gradient comes out that is not finite, it
//! is computed once more over these numbers; all others cost one look at the gradient.

use super::program::Program;
use super::scheduled::{forward, reverse};
use crate::pull_back::Adjoints;

/// A number with an exponent of its own: `mantissa · 2^exponent`. The size of the mantissa is in [0.5, 1); or it is 0, infinite
/// or NaN, with any exponent.
#[derive(Clone, Copy)]
pub(crate) struct Wide {
    mantissa: f64,
    exponent: i64,
}

impl Wide {
    /// `mantissa · 2^exponent`, of any mantissa.
    fn new(mantissa: f64, exponent: i64) -> Wide {
        let (mantissa, own) = libm::frexp(mantissa);
        let exponent = if mantissa == 0.0 || !mantissa.is_finite() { 0 } else { exponent + i64::from(own) };
        Wide { mantissa, exponent }
    }

    /// The nearest `f64`.
    fn rounded(self) -> f64 {
        libm::ldexp(self.mantissa, self.exponent.clamp(-5000, 5000) as i32)
    }

    pub(crate) fn is_nan(self) -> bool {
        self.mantissa.is_nan()
    }
}

impl From<f64> for Wide {
    fn from(x: f64) -> Wide {
        Wide::new(x, 0)
    }
}

impl Adjoints<f64> for Wide {
    fn zero() -> Wide {
        Wide::from(0.0)
    }

    fn is_absent(self) -> bool {
        self.mantissa == 0.0
    }

    fn times(self, p: f64) -> Wide {
        if self.is_absent() {
            return Wide::zero();
        }
        let p = Wide::from(p);
        Wide::new(self.mantissa * p.mantissa, self.exponent + p.exponent)
    }

    fn times_selected(self, p: f64) -> Wide {
        match p {
            0.0 => Wide::zero(),
            _ => self.times(p),
        }
    }

    fn negated(self) -> Wide {
        Wide { mantissa: -self.mantissa, ..self }
    }

    fn add(&mut self, share: Wide) {
        let (mut large, mut small) = (*self, share);
        if large.exponent < small.exponent && small.mantissa != 0.0 || large.mantissa == 0.0 {
            (large, small) = (small, large);
        }
        // What is 2^100 times smaller changes nothing; but a NaN does.
        let apart = large.exponent.saturating_sub(small.exponent).clamp(0, 100);
        let sum = large.mantissa + libm::ldexp(small.mantissa, -apart as i32);
        *self = Wide::new(sum, large.exponent);
    }
}

/// Whether all are finite.
#[inline(always)]
pub(crate) fn are_finite(gradient: &[f64]) -> bool {
    // Only what is finite is 0 when it is multiplied by 0. Several at a time, without a branch for each.
    let (packs, rest) = gradient.as_chunks::<8>();
    let mut zeros = [0.0; 8];
    for pack in packs {
        zeros.iter_mut().zip(pack).for_each(|(zero, d)| *zero += d * 0.0);
    }
    zeros.iter().all(|&zero| zero == 0.0) && rest.iter().all(|d| d.is_finite())
}

/// Replaces what is not finite by what these adjoints say, if that is finite.
fn correct(gradient: &mut [f64], adjoints: &[Wide]) {
    for (d, w) in gradient.iter_mut().zip(adjoints) {
        let w = w.rounded();
        if !d.is_finite() && w.is_finite() {
            *d = w;
        }
    }
}

impl Program {
    /// Corrects the gradient of the sum of the outputs with the given weights.
    #[cold]
    #[inline(never)]
    pub(crate) fn correct_gradient(
        &self,
        values: &[f64],
        weights: impl Iterator<Item = (usize, f64)>,
        gradient: &mut [f64],
    ) {
        let schedule = self.schedule();
        let mut adjoints = vec![Wide::zero(); schedule.len];
        for (k, weight) in weights {
            adjoints[schedule.outputs[k] as usize].add(Wide::from(weight));
        }
        reverse(self, values, &mut adjoints);
        correct(gradient, &adjoints);
    }

    /// Corrects the gradient of output `k` at `x`, where no guard trips.
    #[cold]
    #[inline(never)]
    pub(crate) fn correct_gradient_at(&self, x: &[f64], k: usize, gradient: &mut [f64]) {
        let mut values = Vec::new();
        if forward(self, x.iter().copied(), &mut values).is_ok() {
            self.correct_gradient(&values, [(k, 1.0)].into_iter(), gradient);
        }
    }

    /// Corrects the gradient of the sum of the only output over all rows of `data`, with respect to the inputs that the rows
    /// share. Rows in which a guard trips contribute nothing.
    #[cold]
    #[inline(never)]
    pub(crate) fn correct_gradient_of_sum(&self, shared: &[f64], data: &[f64], gradient: &mut [f64]) {
        let schedule = self.schedule();
        let (mut values, mut adjoints) = (Vec::new(), vec![Wide::zero(); schedule.len]);
        for row in data.chunks(self.inputs - shared.len()) {
            let x = [shared, row].concat();
            if forward(self, x.iter().copied(), &mut values).is_err() {
                continue;
            }
            adjoints[schedule.outputs[0] as usize].add(Wide::from(1.0));
            reverse(self, &values, &mut adjoints);
            adjoints[shared.len()..self.inputs].fill(Wide::zero());
            let mut numbers = gradient.iter().zip(&adjoints);
            if numbers.all(|(d, w)| d.is_finite() || w.is_nan()) {
                break; // NaN stays NaN
            }
        }
        correct(gradient, &adjoints);
    }
}
