use scalargrad::Var;

use super::{Problem, Run, gradient_of, recorded_gradient};

const STEPS: usize = 500;
const RATE: f64 = 0.02;
const X: [f64; 2] = [0.7, -0.4];

/// N: a descent in `y` on `f(x, y) = (y₀² − x₀)² + x₁ y₀ y₁ + y₁⁴ + ½ y₁² − sin(x₀ y₁)`, with a gradient in each step; then
/// the gradient of `f` at its end with respect to `x`.
pub struct Descent;

impl Descent {
    pub fn new() -> Self {
        Descent
    }

    fn f([a, b]: [Var; 2], [y, z]: [Var; 2]) -> Var {
        let well = y * y - a;
        well * well + b * y * z + z.powi(4) + z * z * 0.5 - (a * z).sin()
    }

    fn eval(x: &[Var]) -> Var {
        let x = [x[0], x[1]];
        let mut y = [Var::from(1.0), Var::from(0.5)];
        for _ in 0..STEPS {
            // Both are variables here, so that there is something to differentiate by.
            let here = y.map(|y| y + x[0] * 0.0);
            let slope = Self::f(x, here).differentiate(&here);
            y = [y[0] - slope[0] * RATE, y[1] - slope[1] * RATE];
        }
        Self::f(x, y)
    }
}

impl Problem for Descent {
    fn by_hand(&self, out: &mut Vec<f64>) {
        let [a, b] = X;
        let mut path = Vec::with_capacity(STEPS);
        let [mut y, mut z] = [1.0f64, 0.5f64];
        let slope = |y: f64, z: f64| [4.0 * y * (y * y - a) + b * z, b * y + 4.0 * z.powi(3) + z - a * (a * z).cos()];
        for _ in 0..STEPS {
            path.push([y, z]);
            let [dy, dz] = slope(y, z);
            (y, z) = (y - RATE * dy, z - RATE * dz);
        }
        let well = y * y - a;
        let value = well * well + b * y * z + z.powi(4) + z * z * 0.5 - (a * z).sin();
        let mut to_a = -2.0 * well - z * (a * z).cos();
        let mut to_b = y * z;
        let [mut wy, mut wz] = slope(y, z);
        for &[y, z] in path.iter().rev() {
            let (uy, uz) = (-RATE * wy, -RATE * wz);
            let (sin, cos) = (a * z).sin_cos();
            to_a += uy * -4.0 * y + uz * (a * z * sin - cos);
            to_b += uy * z + uz * y;
            wy += uy * (12.0 * y * y - 4.0 * a) + uz * b;
            wz += uy * b + uz * (12.0 * z * z + 1.0 + a * a * sin);
        }
        *out = vec![to_a, to_b, value];
    }

    fn by_closure(&self, out: &mut Vec<f64>) {
        gradient_of(Self::eval, &X, out);
    }

    fn recorded(&self) -> Run<'_> {
        recorded_gradient(Self::eval, &X)
    }
}
