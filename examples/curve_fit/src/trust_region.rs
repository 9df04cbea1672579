//! `argmin`'s trust region on the sum of squares, with exact second derivatives.

use crate::problems::Problem;
use argmin::core::{CostFunction, Error, Executor, Gradient, Hessian, State};
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use scalargrad::{Function, Var};

pub struct Minimum {
    pub parameters: Vec<f64>,
    /// Until nothing got better.
    pub iterations: u64,
}

/// The sum of squares as a function of the parameters, each in units of where it starts.
struct SumOfSquares(Function);

impl CostFunction for SumOfSquares {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.0.value(x)?)
    }
}

impl Gradient for SumOfSquares {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.0.gradient(x)?.1)
    }
}

impl Hessian for SumOfSquares {
    type Param = Vec<f64>;
    type Hessian = Vec<Vec<f64>>;
    fn hessian(&self, x: &Vec<f64>) -> Result<Vec<Vec<f64>>, Error> {
        let hessian = self.0.hessian(x)?;
        Ok((0..hessian.rows())
            .map(|i| hessian.row(i).to_vec())
            .collect())
    }
}

pub fn fit(problem: &Problem) -> Result<Minimum, Error> {
    let units = problem.starts[1];
    let ones = vec![1.0; units.len()];
    // In units of the certified sum, so that one tolerance serves all data sets.
    let scale = 1.0 / problem.sum_of_squares;
    let function = Function::record(&ones, |x| {
        let b: Vec<Var> = x.iter().zip(units).map(|(x, unit)| x * unit).collect();
        let residual = |(&x, &y)| (problem.model)(&b, x) - y;
        let residuals = problem.x.iter().zip(problem.y).map(residual);
        residuals.map(|r| r * r).sum::<Var>() * scale
    });
    let solver = TrustRegion::new(Steihaug::new().with_max_iters(20)).with_radius(0.1)?;
    let result = Executor::new(SumOfSquares(function), solver)
        .configure(|state| state.param(ones).max_iters(200))
        .run()?;
    let state = result.state();
    let best = state.get_best_param().expect("a minimum");
    Ok(Minimum {
        parameters: best.iter().zip(units).map(|(x, unit)| x * unit).collect(),
        iterations: state.get_last_best_iter(),
    })
}
