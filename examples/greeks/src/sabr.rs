//! Hagan's formula for the smile of the SABR model, and its calibration.

use scalargrad::{Function, Real, function::ReplayError};

/// A smile to fit: the forward price, the time to expiry, and volatilities by strike.
pub struct Smile {
    pub forward: f64,
    pub time: f64,
    pub strikes: Vec<f64>,
    pub volatilities: Vec<f64>,
}

/// The exponent of the model, which is chosen beforehand.
const BETA: f64 = 0.5;

/// The implied volatility for `[α, ρ, ν]`.
pub fn volatility<T: Real>(p: &[T], forward: f64, strike: f64, time: f64) -> T {
    let [alpha, rho, nu] = [p[0], p[1], p[2]];
    let log = (forward / strike).ln();
    let middle = (forward * strike).powf(0.5 * (1.0 - BETA));
    let squared = ((1.0 - BETA) * log).powi(2);
    let below = middle * (1.0 + squared / 24.0 + squared * squared / 1920.0);
    let correction = (alpha / middle).powi(2) * ((1.0 - BETA).powi(2) / 24.0)
        + rho * nu * alpha * (BETA / (4.0 * middle))
        + nu * nu * (rho * rho * -3.0 + 2.0) / 24.0;
    // At the money the quotient is 1 for all parameters. The strike is data, so the choice is made once.
    let quotient = if log == 0.0 {
        T::from(1.0)
    } else {
        let z = nu / alpha * (middle * log);
        let root = (z * z - z * rho * 2.0 + 1.0).sqrt();
        z / ((root + z - rho) / (-rho + 1.0)).ln()
    };
    alpha / below * quotient * (correction * time + 1.0)
}

/// The parameters from numbers without bounds: α and ν are positive, ρ lies between −1 and 1.
pub fn parameters<T: Real>(free: &[T]) -> [T; 3] {
    [free[0].exp(), free[1].tanh(), free[2].exp()]
}

/// Fits `[α, ρ, ν]` by damped Gauss–Newton; gives them with the number of iterations.
pub fn calibrate(smile: &Smile) -> Result<([f64; 3], usize), ReplayError> {
    let start = [(0.2 * smile.forward.powf(1.0 - BETA)).ln(), 0.0, 0.5f64.ln()];
    let residuals = Function::record(&start, |free| {
        let p = parameters(free);
        let quotes = smile.strikes.iter().zip(&smile.volatilities);
        quotes.map(|(&k, &v)| volatility(&p, smile.forward, k, smile.time) - v).collect::<Vec<_>>()
    });
    let square = |r: &[f64]| r.iter().map(|r| r * r).sum::<f64>();
    let (mut x, mut damping) = (start, 1e-3);
    let mut r = residuals.values(&x)?;
    for iteration in 0..100 {
        let jacobian = residuals.jacobian(&x)?;
        let mut normal = [[0.0; 4]; 3]; // JᵀJ, and −Jᵀr
        for (k, r) in r.iter().enumerate() {
            let row = jacobian.row(k);
            for i in 0..3 {
                (0..3).for_each(|j| normal[i][j] += row[i] * row[j]);
                normal[i][3] -= row[i] * r;
            }
        }
        let slope = normal.iter().map(|row| row[3].abs()).fold(0.0, f64::max);
        (0..3).for_each(|i| normal[i][i] *= 1.0 + damping);
        let step = solve(normal);
        let next = [0, 1, 2].map(|i| x[i] + step[i]);
        let there = residuals.values(&next)?;
        if square(&there) < square(&r) {
            (x, r, damping) = (next, there, damping / 10.0);
        } else if slope < 1e-12 || damping > 1e12 {
            return Ok((parameters(&x), iteration));
        } else {
            damping *= 10.0;
        }
    }
    Ok((parameters(&x), 100))
}

/// Solves three equations by Gaussian elimination; the matrix is positive definite.
fn solve(mut a: [[f64; 4]; 3]) -> [f64; 3] {
    for i in 0..3 {
        for k in i + 1..3 {
            let factor = a[k][i] / a[i][i];
            (i..4).for_each(|j| a[k][j] -= factor * a[i][j]);
        }
    }
    let mut x = [0.0; 3];
    for i in (0..3).rev() {
        let rest: f64 = (i + 1..3).map(|j| a[i][j] * x[j]).sum();
        x[i] = (a[i][3] - rest) / a[i][i];
    }
    x
}
