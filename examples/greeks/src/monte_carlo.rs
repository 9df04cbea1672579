//! A path-dependent option by Monte Carlo with its pathwise sensitivities, on all cores.
//!
//! The option is on the geometric mean of twelve fixings, since that one has a closed form to compare with.

use demo::{ProgressBar, Random};
use rayon::prelude::*;
use scalargrad::function::{ReplayError, Rows};
use scalargrad::{Function, Real, Var};
use std::ops::Range;

pub const FIXINGS: usize = 12;
/// Paths that are drawn from one seed. Blocks are added in their order, whichever thread computed them.
pub const BLOCK: u64 = 1000;

/// What one path pays, discounted, for `[spot, volatility, rate]` and the normal numbers of its steps.
fn payoff(x: &[Var], strike: f64, time: f64, normals: &[Var]) -> Var {
    let [spot, volatility, rate] = [x[0], x[1], x[2]];
    let step = time / FIXINGS as f64;
    let drift = (rate - volatility * volatility * 0.5) * step;
    let (mut log, mut total) = (spot.ln(), Var::from(0.0));
    for &z in normals {
        log += drift + volatility * step.sqrt() * z;
        total += log;
    }
    (-rate * time).exp() * ((total / FIXINGS as f64).exp() - strike).relu()
}

/// The closed form of the same.
pub fn closed_form<T: Real>(x: &[T], strike: f64, time: f64) -> T {
    let [spot, volatility, rate] = [x[0], x[1], x[2]];
    let n = FIXINGS as f64;
    let at = |i: usize| time * i as f64 / n;
    let mean_time = (1..=FIXINGS).map(at).sum::<f64>() / n;
    let pairs = (1..=FIXINGS).flat_map(|i| (1..=FIXINGS).map(move |j| i.min(j)));
    let variance_time = pairs.map(at).sum::<f64>() / (n * n);
    let mean = spot.ln() + (rate - volatility * volatility * 0.5) * mean_time;
    let deviation = volatility * variance_time.sqrt();
    let d2 = (mean - strike.ln()) / deviation;
    let forward = (mean + deviation * deviation * 0.5).exp();
    (-rate * time).exp() * (forward * (d2 + deviation).normal_cdf() - d2.normal_cdf() * strike)
}

/// Sums over paths of the price and of its three slopes, and of their squares.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Sums {
    paths: f64,
    sum: [f64; 4],
    squares: [f64; 4],
}

impl Sums {
    fn add(&mut self, sample: [f64; 4]) {
        self.paths += 1.0;
        for (k, x) in sample.into_iter().enumerate() {
            self.sum[k] += x;
            self.squares[k] += x * x;
        }
    }

    pub fn merge(&mut self, other: &Sums) {
        self.paths += other.paths;
        for k in 0..4 {
            self.sum[k] += other.sum[k];
            self.squares[k] += other.squares[k];
        }
    }

    /// The estimate of price or slope `k`, and its standard error.
    pub fn estimate(&self, k: usize) -> (f64, f64) {
        let mean = self.sum[k] / self.paths;
        let variance = self.squares[k] / self.paths - mean * mean;
        (mean, (variance / self.paths).sqrt())
    }
}

/// Records the payoff of one path, the inputs and then the normal numbers, to be run over many.
pub fn record(x: &[f64; 3], strike: f64, time: f64) -> Function {
    let path = [&x[..], &[0.1; FIXINGS]].concat();
    Function::record(&path, |p| payoff(&p[..3], strike, time, &p[3..]))
}

/// Draws the normal numbers of some blocks, path after path, on all threads.
pub fn draw(blocks: Range<u64>) -> Vec<f64> {
    let of_block = BLOCK as usize * FIXINGS;
    let mut normals = vec![0.0; of_block * (blocks.end - blocks.start) as usize];
    let parts = normals.par_chunks_exact_mut(of_block).enumerate();
    parts.for_each(|(k, normals)| {
        let mut random = Random::new(blocks.start + k as u64);
        normals.fill_with(|| random.normal());
    });
    normals
}

/// Runs so many blocks; gives the sums of each.
pub fn run(rows: &Rows, x: &[f64; 3], blocks: u64, bar: &ProgressBar) -> Result<Vec<Sums>, ReplayError> {
    /// Blocks whose paths are in memory at once.
    const AT_ONCE: u64 = 20;
    const INPUTS: usize = 3 + FIXINGS;
    let mut all = Vec::new();
    let (mut prices, mut slopes) = (Vec::new(), Vec::new());
    for first in (0..blocks).step_by(AT_ONCE as usize) {
        let some = first..blocks.min(first + AT_ONCE);
        let normals = draw(some.clone());
        let paths = normals.len() / FIXINGS;
        prices.resize(paths, 0.0);
        slopes.resize(paths * INPUTS, 0.0);
        rows.gradients_into(x, &normals, &mut prices, &mut slopes)?;
        let paths = prices.iter().zip(slopes.chunks_exact(INPUTS));
        let samples: Vec<_> = paths.map(|(&p, s)| [p, s[0], s[1], s[2]]).collect();
        all.extend(samples.chunks_exact(BLOCK as usize).map(|block| {
            let mut sums = Sums::default();
            block.iter().for_each(|&sample| sums.add(sample));
            sums
        }));
        bar.inc(some.end - some.start);
    }
    Ok(all)
}

/// The same path by path: the prices and their slopes.
pub fn one_by_one(function: &Function, x: &[f64; 3], normals: &[f64]) -> Result<Vec<[f64; 4]>, ReplayError> {
    let mut path = [&x[..], &[0.0; FIXINGS]].concat();
    let mut slopes = vec![0.0; path.len()];
    let one = |normals: &[f64]| {
        path[3..].copy_from_slice(normals);
        let price = function.gradient_into(&path, &mut slopes)?;
        Ok([price, slopes[0], slopes[1], slopes[2]])
    };
    normals.chunks_exact(FIXINGS).map(one).collect()
}
