//! The price of a call by Black, Scholes and Merton, and its closed-form sensitivities.

use scalargrad::Real;

/// What a price depends on.
pub const INPUTS: [&str; 5] = ["spot", "volatility", "rate", "dividend", "time"];

/// A call: `[spot, volatility, rate, dividend yield, time to expiry]`.
pub fn call<T: Real>(x: &[T], strike: f64) -> T {
    let [spot, volatility, rate, dividend, time] = [x[0], x[1], x[2], x[3], x[4]];
    let deviation = volatility * time.sqrt();
    let d1 = ((spot / strike).ln() + (rate - dividend) * time) / deviation + deviation * 0.5;
    let d2 = d1 - deviation;
    let (growth, discount) = ((-dividend * time).exp(), (-rate * time).exp());
    spot * growth * d1.normal_cdf() - discount * d2.normal_cdf() * strike
}

/// A derivative of the price: by which inputs, and its textbook formula.
pub struct Greek {
    pub name: &'static str,
    pub by: &'static [usize],
    pub value: f64,
}

/// The sensitivities that textbooks have formulas for.
pub fn textbook(x: &[f64; 5], strike: f64) -> Vec<Greek> {
    let [s, sigma, r, q, t] = *x;
    let root = t.sqrt();
    let d1 = ((s / strike).ln() + (r - q + 0.5 * sigma * sigma) * t) / (sigma * root);
    let d2 = d1 - sigma * root;
    let density = (-0.5 * d1 * d1).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (n1, n2) = (Real::normal_cdf(d1), Real::normal_cdf(d2));
    let (eq, er) = ((-q * t).exp(), (-r * t).exp());
    let vega = s * eq * density * root;
    let drift = 2.0 * (r - q) * t - d2 * sigma * root;
    let greek = |name, by, value| Greek { name, by, value };
    vec![
        greek("delta", &[0], eq * n1),
        greek("vega", &[1], vega),
        greek("rho", &[2], strike * t * er * n2),
        greek("epsilon", &[3], -s * t * eq * n1),
        greek("theta", &[4], s * eq * density * sigma / (2.0 * root) + r * strike * er * n2 - q * s * eq * n1),
        greek("gamma", &[0, 0], eq * density / (s * sigma * root)),
        greek("vanna", &[0, 1], -eq * density * d2 / sigma),
        greek("volga", &[1, 1], vega * d1 * d2 / sigma),
        greek("charm", &[0, 4], -q * eq * n1 + eq * density * drift / (2.0 * t * sigma * root)),
        greek("veta", &[1, 4], -vega * (q + (r - q) * d1 / (sigma * root) - (1.0 + d1 * d2) / (2.0 * t))),
        greek("vera", &[1, 2], -strike * t * er * density_at(d2) * d1 / sigma),
    ]
}

fn density_at(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}
