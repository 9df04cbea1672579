//! The equations of Lotka and Volterra, and a Runge–Kutta step of fourth order.

use scalargrad::Real;

/// Prey, predators, and the four rates, which do not change.
pub type State<T> = [T; 6];

/// The rates of change of prey and predators.
fn slope<T: Real>(prey: T, predators: T, [alpha, beta, gamma, delta]: [T; 4]) -> [T; 2] {
    [prey * (alpha - beta * predators), predators * (delta * prey - gamma)]
}

/// One step of length `h`.
pub fn step<T: Real>([u, v, a, b, c, d]: State<T>, h: f64) -> State<T> {
    let rates = [a, b, c, d];
    let k1 = slope(u, v, rates);
    let k2 = slope(u + k1[0] * (h / 2.0), v + k1[1] * (h / 2.0), rates);
    let k3 = slope(u + k2[0] * (h / 2.0), v + k2[1] * (h / 2.0), rates);
    let k4 = slope(u + k3[0] * h, v + k3[1] * h, rates);
    let next = |x: T, i: usize| x + (k1[i] + (k2[i] + k3[i]) * 2.0 + k4[i]) * (h / 6.0);
    [next(u, 0), next(v, 1), a, b, c, d]
}

/// What the equations keep: a test of the integrator.
pub fn invariant([u, v, a, b, c, d]: State<f64>) -> f64 {
    d * u - c * u.ln() + b * v - a * v.ln()
}

/// Thousands of pelts of hares and lynxes that the Hudson's Bay Company took in each year from 1900 to 1920
/// (Howard, 2009).
pub const PELTS: [[f64; 2]; 21] = [
    [30.0, 4.0],
    [47.2, 6.1],
    [70.2, 9.8],
    [77.4, 35.2],
    [36.3, 59.4],
    [20.6, 41.7],
    [18.1, 19.0],
    [21.4, 13.0],
    [22.0, 8.3],
    [25.4, 9.1],
    [27.1, 7.4],
    [40.3, 8.0],
    [57.0, 12.3],
    [76.6, 19.5],
    [52.3, 45.7],
    [19.5, 51.1],
    [11.2, 29.7],
    [7.6, 15.8],
    [14.6, 9.7],
    [16.2, 10.1],
    [24.7, 8.6],
];
