use scalargrad::Real;

use super::{Problem, Run, gradient_of, recorded_gradient};
use crate::rng::Rng;

const INPUTS: usize = 1_000_000;

/// L: `ln Σ exp xᵢ` with the largest input taken out, in ordinary arithmetic.
pub struct LogSumExp {
    x: Vec<f64>,
}

impl LogSumExp {
    pub fn new() -> Self {
        let mut rng = Rng::new(10);
        LogSumExp { x: (0..INPUTS).map(|_| rng.normal()).collect() }
    }

    fn eval<T: Real>(x: &[T]) -> T {
        let largest = x[1..].iter().fold(x[0], |largest, &x| largest.max(x));
        let sum: T = x.iter().map(|&x| (x - largest).exp()).sum();
        sum.ln() + largest
    }
}

impl Problem for LogSumExp {
    fn by_hand(&self, out: &mut Vec<f64>) {
        let largest = self.x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        out.clear();
        out.extend(self.x.iter().map(|x| (x - largest).exp()));
        let sum: f64 = out.iter().sum();
        out.iter_mut().for_each(|share| *share /= sum);
        out.push(sum.ln() + largest);
    }

    fn by_closure(&self, out: &mut Vec<f64>) {
        gradient_of(Self::eval, &self.x, out);
    }

    fn recorded(&self) -> Run<'_> {
        recorded_gradient(Self::eval, &self.x)
    }
}
