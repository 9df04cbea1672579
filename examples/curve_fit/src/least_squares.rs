//! Levenberg–Marquardt on a recorded function of residuals.

use levenberg_marquardt::LevenbergMarquardt;
use nalgebra::{DMatrix, DVector};
use scalargrad::Function;
use scalargrad::interop::levenberg_marquardt::Residuals;
use std::error::Error;

/// The fitted parameters, and how well they are known.
pub struct Fit {
    pub parameters: Vec<f64>,
    pub standard_errors: Vec<f64>,
    pub sum_of_squares: f64,
    pub evaluations: usize,
    covariance: DMatrix<f64>,
}

impl Fit {
    /// The standard deviation of something with these slopes in the parameters.
    pub fn deviation(&self, slopes: &[f64]) -> f64 {
        let slopes = DVector::from_column_slice(slopes);
        (&self.covariance * &slopes).dot(&slopes).sqrt()
    }
}

fn jacobian(function: &Function, at: &[f64]) -> Result<DMatrix<f64>, Box<dyn Error>> {
    let jacobian = function.jacobian(at)?;
    Ok(DMatrix::from_row_slice(jacobian.rows(), jacobian.cols(), jacobian.as_slice()))
}

pub fn fit(residuals: &Function, start: &[f64]) -> Result<Fit, Box<dyn Error>> {
    let solver = LevenbergMarquardt::new().with_tol(1e-15).with_patience(1000);
    let (problem, report) = solver.minimize(Residuals::new(residuals.clone(), start));

    let parameters = problem.point().to_vec();
    let sum_of_squares: f64 = residuals.values(&parameters)?.iter().map(|r| r * r).sum();
    // With J = QR the covariance is s² R⁻¹ R⁻ᵀ, where s² is the mean square for each degree of freedom.
    let freedom = residuals.outputs() - parameters.len();
    let r = jacobian(residuals, &parameters)?.qr().r();
    let inverse =
        r.try_inverse().unwrap_or_else(|| DMatrix::from_element(parameters.len(), parameters.len(), f64::NAN));
    let covariance = &inverse * inverse.transpose() * (sum_of_squares / freedom as f64);
    Ok(Fit {
        standard_errors: covariance.diagonal().iter().map(|v| v.sqrt()).collect(),
        parameters,
        sum_of_squares,
        evaluations: report.number_of_evaluations,
        covariance,
    })
}
