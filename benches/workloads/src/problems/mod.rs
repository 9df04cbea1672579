//! Seven more programs, each of which asks for another kind of derivative.
//!
//! A [`Problem`] is written as a user would write it: generic over `scalargrad::Real`, differentiated by the function of the
//! crate that serves best. Beside it stand its derivatives by hand.

use scalargrad::{Function, Var, value_and_gradient};

mod clusters;
mod descent;
mod jacobians;
mod log_sum_exp;
mod lstm;
mod ode;
mod tracking;

pub use clusters::Clusters;
pub use descent::Descent;
pub use jacobians::Jacobians;
pub use log_sum_exp::LogSumExp;
pub use lstm::Lstm;
pub use ode::Ode;
pub use tracking::Tracking;

/// What writes derivatives.
pub type Run<'a> = Box<dyn FnMut(&mut Vec<f64>) + 'a>;

/// A letter, what it stands for, and how the problem is made.
type Entry = (&'static str, &'static str, fn() -> Box<dyn Problem>);

/// A computation of many derivatives.
pub trait Problem {
    /// Writes the derivatives to `out`, as a programmer would compute them by hand.
    fn by_hand(&self, out: &mut Vec<f64>);

    /// Writes them to `out`, from the closure.
    fn by_closure(&self, out: &mut Vec<f64>);

    /// Records what can be recorded, once; the result writes the derivatives.
    fn recorded(&self) -> Run<'_>;
}

/// Writes the gradient of a closure, and then its value.
fn gradient_of(f: impl FnOnce(&[Var]) -> Var, x: &[f64], out: &mut Vec<f64>) {
    let value;
    (value, *out) = value_and_gradient(f, x);
    out.push(value);
}

/// Records a closure; the result writes what [`gradient_of`] does.
fn recorded_gradient<'a>(f: impl FnOnce(&[Var]) -> Var, x: &'a [f64]) -> Run<'a> {
    let f = Function::record(x, f);
    Box::new(move |out| {
        out.resize(x.len(), 0.0);
        let value = f.gradient_into(x, out).expect("at the same point");
        out.push(value);
    })
}

/// All of them.
pub const PROBLEMS: [Entry; 7] = [
    ("L", "`ln Σ exp xᵢ` written by hand, a million inputs", || Box::new(LogSumExp::new())),
    ("O", "an ODE of 100 equations, 100 Runge–Kutta steps", || Box::new(Ode::new())),
    ("S", "an LSTM, two layers of 14, 256 steps", || Box::new(Lstm::new())),
    ("J", "1000 Jacobians of 2 × 15, one by one", || Box::new(Jacobians::new())),
    ("T", "a Jacobian of 19 200 × 28", || Box::new(Tracking::new())),
    ("K", "k-means: gradient and Hessian times ones", || Box::new(Clusters::new())),
    ("N", "gradient through 500 steps of a descent", || Box::new(Descent::new())),
];

#[cfg(test)]
mod tests {
    use super::PROBLEMS;

    fn deviation(want: &[f64], got: &[f64]) -> f64 {
        assert_eq!(want.len(), got.len());
        let scale = want.iter().fold(0.0f64, |scale, x| scale.max(x.abs()));
        let pairs = want.iter().zip(got);
        pairs.fold(0.0, |most, (want, got)| f64::max(most, (want - got).abs() / scale))
    }

    #[test]
    fn the_derivatives_by_hand_are_those_of_the_closure_and_of_the_recording() {
        for (letter, _, new) in PROBLEMS {
            let problem = new();
            let [mut by_hand, mut by_closure, mut recorded] = [vec![], vec![], vec![]];
            problem.by_hand(&mut by_hand);
            problem.by_closure(&mut by_closure);
            problem.recorded()(&mut recorded);
            for got in [by_closure, recorded] {
                let by = deviation(&by_hand, &got);
                assert!(by < 1e-10, "{letter}: off by {by:e}");
            }
        }
    }
}
