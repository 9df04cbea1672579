//! `argmin`'s trust region on the sum of squares, with exact second derivatives.

use crate::problems::Problem;
use argmin::core::{Error, Executor, State};
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use scalargrad::interop::argmin::Problem as OfArgmin;
use scalargrad::{Function, Var};

pub struct Minimum {
    pub parameters: Vec<f64>,
    /// Until nothing got better.
    pub iterations: u64,
}

/// Minimises from `start` on.
pub fn fit(problem: &Problem, start: &[f64]) -> Result<Minimum, Error> {
    // Each parameter in units of where it starts, and the sum in units of the certified one, so that one tolerance
    // serves all data sets.
    let ones = vec![1.0; start.len()];
    let scale = 1.0 / problem.sum_of_squares;
    let function = Function::record(&ones, |x| {
        let b: Vec<Var> = x.iter().zip(start).map(|(x, unit)| x * unit).collect();
        problem.residuals(&b).iter().map(|r| r * r).sum::<Var>() * scale
    });
    let solver = TrustRegion::new(Steihaug::new().with_max_iters(20)).with_radius(0.1)?;
    let sum_of_squares: OfArgmin<_> = OfArgmin::new(function);
    let result = Executor::new(sum_of_squares, solver).configure(|state| state.param(ones).max_iters(1000)).run()?;
    let state = result.state();
    let best = state.get_best_param().expect("a minimum");
    Ok(Minimum {
        parameters: best.iter().zip(start).map(|(x, unit)| x * unit).collect(),
        iterations: state.get_last_best_iter(),
    })
}
