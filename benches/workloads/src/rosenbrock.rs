use std::array;

use crate::rng::Rng;
use crate::{Derivatives, Scalar, Workload, total};

const N: usize = 1000;

/// B: `Σ 100(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²`.
pub struct Rosenbrock {
    points: [[f64; N]; 1],
}

impl Rosenbrock {
    pub fn new() -> Self {
        let mut rng = Rng::new(1);
        Rosenbrock { points: [array::from_fn(|_| rng.uniform(-2.0, 2.0))] }
    }
}

impl Workload<N> for Rosenbrock {
    fn points(&self) -> &[[f64; N]] {
        &self.points
    }

    fn eval<S: Scalar>(&self, _point: usize, x: &[S; N]) -> [S; 1] {
        [total(x.windows(2).map(|x| {
            let a = x[1] - x[0] * x[0];
            let b = x[0].one_minus();
            a * a * 100.0 + b * b
        }))]
    }

    #[inline(never)]
    fn by_hand(&self, point: usize, _store: &mut Vec<f64>, out: &mut Derivatives<N>) {
        let x = &self.points[point];
        let gradient = &mut out.gradient[0];
        let mut value = 0.0;
        gradient[0] = 0.0;
        for i in 0..N - 1 {
            let a = x[i + 1] - x[i] * x[i];
            let b = 1.0 - x[i];
            value += 100.0 * a * a + b * b;
            gradient[i] -= 400.0 * a * x[i] + 2.0 * b;
            gradient[i + 1] = 200.0 * a;
        }
        out.value[0] = value;
    }
}
