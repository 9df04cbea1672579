use scalargrad::Real;

use super::{Problem, Run, gradient_of, recorded_gradient};
use crate::rng::Rng;

const EQUATIONS: usize = 100;
const STEPS: usize = 100;
const TIME: f64 = 2.0;

/// O: `y₀' = x₀`, `yᵢ' = xᵢ·yᵢ₋₁`, from zeros, by the classical Runge–Kutta method; the last of `y`.
pub struct Ode {
    x: Vec<f64>,
}

/// What one step leaves to the sweep by hand: the states at which the rates were taken.
type Stages = [Vec<f64>; 4];

impl Ode {
    pub fn new() -> Self {
        let mut rng = Rng::new(11);
        Ode {
            // Close to 50/time, so that the last equation is not lost in the first ones.
            x: (0..EQUATIONS).map(|_| rng.uniform(20.0, 30.0)).collect(),
        }
    }

    fn rates<T: Real>(x: &[T], y: &[T]) -> Vec<T> {
        let mut rates = vec![x[0]];
        rates.extend(x[1..].iter().zip(y).map(|(&x, &y)| x * y));
        rates
    }

    fn eval<T: Real>(x: &[T]) -> T {
        let h = TIME / STEPS as f64;
        let mut y = vec![T::from(0.0); x.len()];
        let along = |y: &[T], k: &[T], h: f64| -> Vec<T> { y.iter().zip(k).map(|(&y, &k)| y + k * h).collect() };
        for _ in 0..STEPS {
            let k1 = Self::rates(x, &y);
            let k2 = Self::rates(x, &along(&y, &k1, h / 2.0));
            let k3 = Self::rates(x, &along(&y, &k2, h / 2.0));
            let k4 = Self::rates(x, &along(&y, &k3, h));
            for i in 0..y.len() {
                y[i] += (k1[i] + k2[i] * 2.0 + k3[i] * 2.0 + k4[i]) * (h / 6.0);
            }
        }
        y[x.len() - 1]
    }
}

impl Problem for Ode {
    fn by_hand(&self, out: &mut Vec<f64>) {
        let (x, h) = (&self.x, TIME / STEPS as f64);
        let along = |y: &[f64], k: &[f64], h: f64| -> Vec<f64> { y.iter().zip(k).map(|(y, k)| y + h * k).collect() };
        let mut y = vec![0.0; EQUATIONS];
        let mut kept: Vec<Stages> = Vec::with_capacity(STEPS);
        for _ in 0..STEPS {
            let k1 = Self::rates(x, &y);
            let y2 = along(&y, &k1, h / 2.0);
            let k2 = Self::rates(x, &y2);
            let y3 = along(&y, &k2, h / 2.0);
            let k3 = Self::rates(x, &y3);
            let y4 = along(&y, &k3, h);
            let k4 = Self::rates(x, &y4);
            kept.push([y.clone(), y2, y3, y4]);
            for i in 0..EQUATIONS {
                y[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
            }
        }
        out.clear();
        out.resize(EQUATIONS, 0.0);
        let mut adjoint = vec![0.0; EQUATIONS];
        adjoint[EQUATIONS - 1] = 1.0;
        // From the adjoints `r` of rates at `y` to those of the state, and to the gradient.
        let mut back = |y: &[f64], r: &[f64]| -> Vec<f64> {
            out[0] += r[0];
            let mut state = vec![0.0; EQUATIONS];
            for i in 1..EQUATIONS {
                out[i] += r[i] * y[i - 1];
                state[i - 1] = r[i] * x[i];
            }
            state
        };
        for [y1, y2, y3, y4] in kept.iter().rev() {
            let k4: Vec<f64> = adjoint.iter().map(|a| h / 6.0 * a).collect();
            let s4 = back(y4, &k4);
            let k3: Vec<f64> = (0..EQUATIONS).map(|i| 2.0 * k4[i] + h * s4[i]).collect();
            let s3 = back(y3, &k3);
            let k2: Vec<f64> = (0..EQUATIONS).map(|i| 2.0 * k4[i] + h / 2.0 * s3[i]).collect();
            let s2 = back(y2, &k2);
            let k1: Vec<f64> = (0..EQUATIONS).map(|i| k4[i] + h / 2.0 * s2[i]).collect();
            let s1 = back(y1, &k1);
            for i in 0..EQUATIONS {
                adjoint[i] += s1[i] + s2[i] + s3[i] + s4[i];
            }
        }
        out.push(y[EQUATIONS - 1]);
    }

    fn by_closure(&self, out: &mut Vec<f64>) {
        gradient_of(Self::eval, &self.x, out);
    }

    fn recorded(&self) -> Run<'_> {
        recorded_gradient(Self::eval, &self.x)
    }
}
