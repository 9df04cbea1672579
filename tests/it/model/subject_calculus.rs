//! What the crate tells of closures.

use super::program::{Body, Calculus};
use super::side::Side;
use super::story::Fact;
use super::subject::{Subject, slope};
use scalargrad::derive::differentiate_along;
use scalargrad::{Var, check, graph};
use std::sync::Arc;

impl Subject {
    pub fn tell_slopes(&mut self, slopes: &[f64]) {
        slopes.iter().for_each(|&p| self.tell(slope(p)));
    }

    pub fn tell_values(&mut self, values: &[f64]) {
        values.iter().for_each(|&z| self.tell(Fact::Value(z)));
    }

    /// Tells what a function of a closure gives.
    pub fn derive_closure(
        &mut self,
        calculus: Calculus,
        (at, along): (&[f64], &[f64]),
        captured: &[Var],
        body: &Arc<Body>,
    ) {
        let all = self.closure(body, captured, 1);
        let one = |x: &[Var]| all(x)[0];
        let along_line = |t: Var| {
            let point = at.iter().zip(along.iter().cycle());
            one(&point.map(|(&x, &v)| t * v + x).collect::<Vec<Var>>())
        };
        let numbers = |n: usize| along.iter().copied().cycle().take(n).collect::<Vec<f64>>();
        match calculus {
            Calculus::Gradient => {
                let (value, slopes) = scalargrad::value_and_gradient(one, at);
                self.tell_values(&[value]);
                self.tell_slopes(&slopes);
            }
            Calculus::Jacobian => {
                let jacobian = scalargrad::jacobian(&all, at);
                self.tell_slopes(jacobian.as_slice());
            }
            Calculus::Jvp => {
                let (values, tangents) = scalargrad::jvp(&all, at, &numbers(at.len()));
                for (z, t) in values.into_iter().zip(tangents) {
                    self.tell_values(&[z]);
                    self.tell_slopes(&[t]);
                }
            }
            Calculus::Vjp => {
                let slopes = scalargrad::vjp(&all, at, &numbers(body.outputs.len()));
                self.tell_slopes(&slopes);
            }
            Calculus::Hessian => {
                let hessian = scalargrad::hessian(one, at);
                self.tell_slopes(hessian.as_slice());
            }
            Calculus::Hvp => {
                let product = scalargrad::hvp(one, at, &numbers(at.len()));
                self.tell_slopes(&product);
            }
            Calculus::Check | Calculus::CheckSecond => {
                let is_second = calculus == Calculus::CheckSecond;
                let result = match is_second {
                    true => check::hessian(one, at),
                    false => check::gradient(one, at),
                };
                let report = result.as_ref().unwrap_or_else(|mismatch| mismatch.report());
                let slopes: Vec<f64> = report.iter().map(|c| c.analytic).collect();
                self.tell_slopes(&slopes);
                if !is_second {
                    // At a kink inside, second derivatives are not those that differences tend to.
                    self.tell(Fact::Holds(result.is_ok()));
                }
            }
            Calculus::Laplacian => {
                let sum = scalargrad::laplacian(one, at);
                self.tell_slopes(&[sum]);
            }
            Calculus::Taylor => {
                let series = scalargrad::taylor(|x| all(&[x])[0], at[0], 2);
                self.tell_values(&series[..1]);
                self.tell_slopes(&series[1..]);
            }
            Calculus::Sweeps | Calculus::Along | Calculus::ByTurns => {
                graph::scope(|| self.tell_orders(calculus, one, at, &numbers(at.len())));
            }
            Calculus::Series => {
                let series = scalargrad::taylor(along_line, 0.0, 4);
                self.tell_slopes(&series[1..]);
            }
        }
    }

    /// Tells the derivatives of orders 1 to 4 along `v`, each of which is recorded.
    fn tell_orders(&mut self, calculus: Calculus, f: impl Fn(&[Var]) -> Var, at: &[f64], v: &[f64]) {
        let x = Var::leaves(at);
        let v: Vec<Var> = v.iter().map(|&v| Var::constant(v)).collect();
        let mut y = f(&x);
        for order in 0..4 {
            let is_along = calculus == Calculus::Along || calculus == Calculus::ByTurns && order % 2 == 0;
            y = match is_along {
                true => differentiate_along(&[y], &x, &v)[0],
                false => scalargrad::dot(&y.differentiate(&x), &v),
            };
            self.tell_slopes(&[y.value()]);
        }
    }
}
