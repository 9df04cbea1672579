//! Logistic regression: data, and the density of the coefficients, recorded once.

use demo::Random;
use scalargrad::function::Rows;
use scalargrad::{Function, Real, Var};

/// Rows of features, the first of which is 1, each with an outcome 0 or 1.
pub struct Data {
    pub features: Vec<Vec<f64>>,
    pub outcomes: Vec<f64>,
}

/// The standard deviation of the prior of each coefficient.
const PRIOR: f64 = 5.0;

/// Temperatures at the launches of the space shuttle before January 1986, in degrees Fahrenheit, and whether a seal failed:
/// Dalal, Fowlkes and Hoadley, 1989 (in the public domain).
pub const LAUNCHES: [(f64, f64); 23] = [
    (66.0, 0.0),
    (70.0, 1.0),
    (69.0, 0.0),
    (68.0, 0.0),
    (67.0, 0.0),
    (72.0, 0.0),
    (73.0, 0.0),
    (70.0, 0.0),
    (57.0, 1.0),
    (63.0, 1.0),
    (70.0, 1.0),
    (78.0, 0.0),
    (67.0, 0.0),
    (53.0, 1.0),
    (67.0, 0.0),
    (75.0, 0.0),
    (70.0, 0.0),
    (81.0, 0.0),
    (76.0, 0.0),
    (79.0, 0.0),
    (75.0, 1.0),
    (76.0, 0.0),
    (58.0, 1.0),
];

/// A temperature in units in which the launches are about 0 ± 1.
pub fn scaled(temperature: f64) -> f64 {
    (temperature - 70.0) / 7.0
}

impl Data {
    pub fn launches() -> Data {
        Data {
            features: LAUNCHES.iter().map(|&(t, _)| vec![1.0, scaled(t)]).collect(),
            outcomes: LAUNCHES.iter().map(|&(_, failed)| failed).collect(),
        }
    }

    /// Rows that were drawn with these coefficients.
    pub fn made(coefficients: &[f64], rows: u64, seed: u64) -> Data {
        let mut random = Random::new(seed);
        let (mut features, mut outcomes) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let mut row = vec![1.0];
            row.resize_with(coefficients.len(), || random.normal());
            let score: f64 = row.iter().zip(coefficients).map(|(x, b)| x * b).sum();
            outcomes.push(f64::from(random.uniform() < Real::sigmoid(score)));
            features.push(row);
        }
        Data { features, outcomes }
    }

    /// The logarithm of the density of the coefficients, but for a constant.
    pub fn log_density(&self, b: &[Var]) -> Var {
        let rows = self.features.iter().zip(&self.outcomes);
        let of_row = |(x, &y): (&Vec<f64>, &f64)| {
            let x: Vec<Var> = x.iter().map(|&x| Var::constant(x)).collect();
            log_likelihood(b, &x, Var::constant(y))
        };
        rows.map(of_row).sum::<Var>() + log_prior(b)
    }

    /// The same, recorded for one row.
    pub fn record(&self) -> Density {
        let rows = self.outcomes.len();
        let data = self.features.iter().zip(&self.outcomes);
        let data: Vec<f64> = data.flat_map(|(x, &y)| x.iter().copied().chain([y])).collect();
        let n = self.features[0].len();
        let start = [&vec![0.1; n], &data[..=n]].concat();
        let of_row = Function::record(&start, |v| {
            let (b, row) = v.split_at(n);
            // Each row brings its share of what belongs to no row; it is computed once.
            log_likelihood(b, &row[..n], row[n]) + log_prior(b) / rows as f64
        });
        let rows = of_row.over_rows(n);
        Density { rows, data }
    }
}

/// What one row adds to the logarithm of the density.
fn log_likelihood(b: &[Var], x: &[Var], y: Var) -> Var {
    let score: Var = b.iter().zip(x).map(|(b, x)| b * x).sum();
    score * y - score.softplus()
}

fn log_prior(b: &[Var]) -> Var {
    -b.iter().map(|b| b * b).sum::<Var>() / (2.0 * PRIOR * PRIOR)
}

/// The logarithm of a density, recorded for one row of data and run over all of them. Threads share it.
pub struct Density {
    rows: Rows,
    data: Vec<f64>,
}

impl Density {
    /// The number of coefficients.
    pub fn dimension(&self) -> usize {
        self.rows.shared()
    }

    pub fn value(&self, b: &[f64]) -> f64 {
        self.rows.sum(b, &self.data).expect("no comparison")
    }

    pub fn gradient(&self, b: &[f64]) -> (f64, Vec<f64>) {
        self.rows.sum_gradient(b, &self.data).expect("no comparison")
    }
}

/// Mean and standard deviation of each of two coefficients by a sum over a grid: what sampling has to find.
pub fn by_grid(density: &Density) -> [[f64; 2]; 2] {
    const N: i32 = 400;
    let at = |k: i32, low: f64, high: f64| low + (high - low) * (f64::from(k) + 0.5) / f64::from(N);
    let mut points = Vec::new();
    for i in 0..N {
        for j in 0..N {
            let b = [at(i, -6.0, 3.0), at(j, -9.0, 3.0)];
            points.push((b, density.value(&b)));
        }
    }
    let top = points.iter().map(|p| p.1).fold(f64::MIN, f64::max);
    let weight = |p: &([f64; 2], f64)| (p.1 - top).exp();
    let total: f64 = points.iter().map(weight).sum();
    [0, 1].map(|k| {
        let mean = points.iter().map(|p| weight(p) * p.0[k]).sum::<f64>() / total;
        let square = points.iter().map(|p| weight(p) * (p.0[k] - mean).powi(2));
        [mean, (square.sum::<f64>() / total).sqrt()]
    })
}
