//! A Gaussian process with a squared exponential kernel and noise.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use scalargrad::{Real, Var};

/// Logarithms of the deviation of the function, of its length in time, and of the deviation of the noise.
pub type Logarithms<T> = [T; 3];

/// The covariance of the function at two times.
fn covariance<T: Real>([deviation, length, _]: Logarithms<T>, a: f64, b: f64) -> T {
    // The times are data, so their distance is divided by a variable.
    let distance = T::from(a - b) / length.exp();
    (deviation * 2.0 - distance * distance * 0.5).exp()
}

/// The covariance of what is seen: noise is on the diagonal.
fn seen<T: Real>(p: Logarithms<T>, i: usize, j: usize, times: &[f64]) -> T {
    let smooth = covariance(p, times[i], times[j]);
    if i == j { smooth + (p[2] * 2.0).exp() } else { smooth }
}

pub struct Series {
    pub times: Vec<f64>,
    /// With a mean of zero.
    pub values: DVector<f64>,
}

impl Series {
    /// What is to be made small: minus the logarithm of the marginal likelihood, through nalgebra's Cholesky.
    pub fn loss(&self, p: &[Var]) -> Var {
        let p: Logarithms<Var> = p.try_into().expect("three hyperparameters");
        let n = self.times.len();
        let matrix = DMatrix::from_fn(n, n, |i, j| seen(p, i, j, &self.times));
        let Some(cholesky) = matrix.cholesky() else {
            return Var::constant(f64::INFINITY); // a step too long
        };
        let y = self.values.clone().cast::<Var>();
        let fit = y.dot(&cholesky.solve(&y));
        (fit + cholesky.ln_determinant() + n as f64 * std::f64::consts::TAU.ln()) / 2.0
    }

    fn cholesky(&self, p: Logarithms<f64>) -> Cholesky<f64, Dyn> {
        let n = self.times.len();
        let matrix = DMatrix::from_fn(n, n, |i, j| seen(p, i, j, &self.times));
        matrix.cholesky().expect("noise makes it positive definite")
    }

    /// The gradient of the loss by the textbook: ½ tr(K⁻¹K′) − ½ αᵀK′α with α = K⁻¹y.
    pub fn textbook_gradient(&self, p: Logarithms<f64>) -> [f64; 3] {
        let n = self.times.len();
        let inverse = self.cholesky(p).inverse();
        let alpha = &inverse * &self.values;
        let derivative = |k: usize| {
            DMatrix::from_fn(n, n, |i, j| {
                let distance = (self.times[i] - self.times[j]) / p[1].exp();
                let noise = if i == j { (2.0 * p[2]).exp() } else { 0.0 };
                let smooth = covariance(p, self.times[i], self.times[j]);
                [2.0 * smooth, smooth * distance * distance, 2.0 * noise][k]
            })
        };
        [0, 1, 2].map(|k| {
            let slope = derivative(k);
            0.5 * (&inverse * &slope).trace() - 0.5 * (&slope * &alpha).dot(&alpha)
        })
    }

    /// The mean and the deviation of the function at other times.
    pub fn predict(&self, p: Logarithms<f64>, times: &[f64]) -> Vec<[f64; 2]> {
        let cholesky = self.cholesky(p);
        let alpha = cholesky.solve(&self.values);
        let one = |&t: &f64| {
            let to_seen = DVector::from_fn(self.times.len(), |i, _| covariance(p, t, self.times[i]));
            let known = to_seen.dot(&cholesky.solve(&to_seen));
            [to_seen.dot(&alpha), (covariance(p, t, t) - known).max(0.0).sqrt()]
        };
        times.iter().map(one).collect()
    }
}
