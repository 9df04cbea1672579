//! A path-dependent option by Monte Carlo with its pathwise sensitivities, on all cores.
//!
//! The option is on the geometric mean of twelve fixings, since that one has a closed form to compare with.

use demo::{ProgressBar, Random};
use scalargrad::{Function, Real, Var, function::ReplayError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub const FIXINGS: usize = 12;
/// Paths that are drawn from one seed. Blocks are added in their order, whoever computed them.
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

/// Records the payoff of one path: the inputs, then the normal numbers.
pub fn record(x: &[f64; 3], strike: f64, time: f64) -> Function {
    let path = [&x[..], &[0.1; FIXINGS]].concat();
    Function::record(&path, |p| payoff(&p[..3], strike, time, &p[3..]))
}

/// Runs the blocks on so many threads; gives the sums of each block.
pub fn run(
    function: &Function,
    x: &[f64; 3],
    blocks: u64,
    threads: usize,
    bar: &ProgressBar,
) -> Result<Vec<Sums>, ReplayError> {
    let next = AtomicU64::new(0);
    let work = || -> Result<Vec<(u64, Sums)>, ReplayError> {
        let mut done = Vec::new();
        let mut path = [&x[..], &[0.0; FIXINGS]].concat();
        let mut slopes = vec![0.0; path.len()];
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            if block >= blocks {
                return Ok(done);
            }
            let (mut random, mut sums) = (Random::new(block), Sums::default());
            for _ in 0..BLOCK {
                path[3..].iter_mut().for_each(|z| *z = random.normal());
                let price = function.gradient_into(&path, &mut slopes)?;
                sums.add([price, slopes[0], slopes[1], slopes[2]]);
            }
            bar.inc(1);
            done.push((block, sums));
        }
    };
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let parts = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        parts.collect::<Result<Vec<_>, _>>()
    })?
    .concat();
    all.sort_by_key(|(block, _)| *block);
    Ok(all.into_iter().map(|(_, sums)| sums).collect())
}
