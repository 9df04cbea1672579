//! Hamiltonian Monte Carlo: a walk whose long steps follow the gradient of the density.

use crate::posterior::Density;
use demo::{ProgressBar, Random};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub struct Chain {
    /// What was drawn after the warm-up.
    pub draws: Vec<Vec<f64>>,
    pub accepted: f64,
    pub gradients: u64,
}

pub struct Plan {
    pub warm_up: u64,
    pub draws: u64,
    /// Steps of a trajectory, at most.
    pub longest: u64,
}

/// Where a trajectory is: the coefficients, their log density and its gradient.
#[derive(Clone)]
struct Place {
    at: Vec<f64>,
    density: f64,
    gradient: Vec<f64>,
}

impl Place {
    fn new(posterior: &Density, at: Vec<f64>) -> Place {
        let (density, gradient) = posterior.gradient(&at);
        Place { at, density, gradient }
    }
}

/// The acceptance that the step size aims at.
const AIM: f64 = 0.8;

/// One chain. In the warm-up it finds a step size by dual averaging (Hoffman and Gelman, 2014), and how widely each
/// coefficient is spread.
pub fn chain(posterior: &Density, plan: &Plan, seed: u64, bar: &ProgressBar) -> Chain {
    let n = posterior.dimension();
    let mut random = Random::new(seed);
    let start = (0..n).map(|_| 0.5 * random.normal()).collect();
    let mut place = Place::new(posterior, start);
    let (mut step, mut spread) = (0.1, vec![1.0; n]);
    let (mut error, mut mean_log_step, mut since) = (0.0, 0.0, 0.0);
    let (mut sums, mut seen) = (vec![[0.0; 2]; n], 0.0);
    let mut chain = Chain { draws: Vec::new(), accepted: 0.0, gradients: 0 };

    for k in 0..plan.warm_up + plan.draws {
        let steps = 1 + (random.uniform() * plan.longest as f64) as u64;
        let momentum: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let energy = |place: &Place, p: &[f64]| 0.5 * p.iter().map(|p| p * p).sum::<f64>() - place.density;
        let (mut there, mut p) = (place.clone(), momentum.clone());
        for _ in 0..steps {
            (0..n).for_each(|i| p[i] += 0.5 * step * spread[i] * there.gradient[i]);
            (0..n).for_each(|i| there.at[i] += step * spread[i] * p[i]);
            there = Place::new(posterior, there.at);
            (0..n).for_each(|i| p[i] += 0.5 * step * spread[i] * there.gradient[i]);
        }
        chain.gradients += steps;
        let chance = (energy(&place, &momentum) - energy(&there, &p)).exp().min(1.0);
        let chance = if chance.is_nan() { 0.0 } else { chance };
        if random.uniform() < chance {
            place = there;
        }
        if k < plan.warm_up {
            since += 1.0;
            error += (AIM - chance - error) / (since + 10.0);
            let log_step = (10.0 * 0.1f64).ln() - since.sqrt() / 0.05 * error;
            mean_log_step += since.powf(-0.75) * (log_step - mean_log_step);
            step = log_step.exp();
            // The second quarter of the warm-up tells the spread; the step size is found anew for it.
            if (plan.warm_up / 4..plan.warm_up / 2).contains(&k) {
                seen += 1.0;
                for (s, x) in sums.iter_mut().zip(&place.at) {
                    *s = [s[0] + x, s[1] + x * x];
                }
            }
            if k + 1 == plan.warm_up / 2 {
                let deviation = |s: &[f64; 2]| (s[1] / seen - (s[0] / seen).powi(2)).max(1e-6).sqrt();
                spread = sums.iter().map(deviation).collect();
                (error, mean_log_step, since) = (0.0, 0.0, 0.0);
            }
            if k + 1 == plan.warm_up {
                step = mean_log_step.exp();
            }
        } else {
            chain.accepted += chance / plan.draws as f64;
            chain.draws.push(place.at.clone());
        }
        bar.inc(1);
    }
    chain
}

/// Several chains on several threads. A chain is the same, whichever thread it runs on.
pub fn chains(posterior: &Density, plan: &Plan, count: u64, threads: usize) -> Vec<Chain> {
    let bar = demo::bar(count * (plan.warm_up + plan.draws), "sampling");
    let next = AtomicU64::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            if k >= count {
                return done;
            }
            done.push((k, chain(posterior, plan, 100 + k, &bar)));
        }
    };
    let mut all: Vec<(u64, Chain)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let parts = workers.into_iter().map(|worker| worker.join().expect("no panic"));
        parts.flatten().collect()
    });
    bar.finish_and_clear();
    all.sort_by_key(|(k, _)| *k);
    all.into_iter().map(|(_, chain)| chain).collect()
}
