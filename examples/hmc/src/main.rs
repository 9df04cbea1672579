//! Hamiltonian Monte Carlo on logistic regressions, whose densities are recorded for one row and run over all.
//!
//! `cargo run --release -p hmc`

mod diagnostics;
mod posterior;
mod sampler;

use demo::{About, Corner, Figure, Outcome, Panel, Run, Setting, palette};
use diagnostics::{Summary, summary};
use posterior::{Data, Density, LAUNCHES, by_grid, scaled};
use sampler::{Chain, Plan};
use scalargrad::{Function, Real, value_and_gradient};
use std::process::ExitCode;
use std::time::Instant;

const ABOUT: About = About {
    name: "hmc",
    text: "Hamiltonian Monte Carlo on logistic regressions: the seals of the space shuttle, beside a sum over a grid, and a \
           larger one. Four chains on two threads share one function, recorded for one row of data.",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[
        Setting { name: "draws", default: 2000, quick: 500, help: "draws of each chain after its warm-up" },
        Setting { name: "rows", default: 500, quick: 300, help: "rows of the larger regression" },
    ],
};

const CHAINS: u64 = 4;
const THREADS: usize = 2;
const TRUTH: [f64; 8] = [0.5, -1.0, 0.75, 0.0, 0.3, -0.4, 1.25, 0.1];

fn main() -> ExitCode {
    demo::run(&ABOUT, regressions)
}

fn regressions(run: &Run) -> Outcome {
    let plan = Plan { warm_up: run.setting("draws") / 2, draws: run.setting("draws"), longest: 12 };

    println!("Seals that failed at launches of the space shuttle, by temperature:");
    let density = Data::launches().record();
    let chains = sampler::chains(&density, &plan, CHAINS, THREADS);
    let found = report(run, &chains);
    let exact = by_grid(&density);
    println!("  by a sum over a grid: {exact:.3?}");
    let off = found.iter().zip(exact).map(|(s, e)| (s.mean - e[0]).abs() / s.error());
    run.check("the means are within four standard errors of it", off.fold(0.0, f64::max) < 4.0);
    let off = found.iter().zip(exact).map(|(s, e)| (s.deviation / e[1] - 1.0).abs());
    run.check("the deviations are within a tenth", off.fold(0.0, f64::max) < 0.1);

    let data = Data::made(&TRUTH, run.setting("rows"), 1);
    println!("\n{} rows that were made with known coefficients:", data.outcomes.len());
    let larger = data.record();
    over_rows(run, &data, &larger);
    let start = Instant::now();
    let many = sampler::chains(&larger, &plan, CHAINS, THREADS);
    let seconds = start.elapsed().as_secs_f64();
    let gradients: u64 = many.iter().map(|c| c.gradients).sum();
    println!("  {gradients} gradients in {seconds:.2} s");
    let found = report(run, &many);
    let far = found.iter().zip(TRUTH).map(|(s, t)| (s.mean - t).abs() / s.deviation);
    run.check("every known coefficient is within four deviations", far.fold(0.0, f64::max) < 4.0);

    println!("\nDrawing:");
    run.picture("hmc", &figure(&chains))
}

/// Compares the gradient over rows with that of the closure, and with the recording of all rows at once.
fn over_rows(run: &Run, data: &Data, density: &Density) {
    let closure = |b: &[f64]| value_and_gradient(|b| data.log_density(b), b);
    let whole = Function::record(&TRUTH, |b| data.log_density(b));
    let (expected, found) = (closure(&TRUTH), density.gradient(&TRUTH));
    let differences = expected.1.iter().zip(&found.1).map(|(a, b)| (a - b).abs());
    let off = differences.fold((expected.0 - found.0).abs(), f64::max);
    run.check("over rows the density and its gradient are those of the closure", off < 1e-11 * expected.0.abs());
    let times = demo::time_by_turns(
        50,
        [&mut || drop(closure(&TRUTH)), &mut || drop(whole.gradient(&TRUTH)), &mut || drop(density.gradient(&TRUTH))],
    );
    let [closure, whole, rows] = times.map(|time| 1e6 * time.as_secs_f64());
    println!(
        "  one gradient: closure {closure:.0} µs, all rows recorded {whole:.0} µs, over rows {rows:.0} µs ({:.0} times as fast)",
        closure / rows
    );
}

/// Prints what was found, and checks that the chains agree and that a draw is worth enough.
fn report(run: &Run, chains: &[Chain]) -> Vec<Summary> {
    let of = |k: usize| -> Vec<Vec<f64>> {
        let chain = |c: &Chain| c.draws.iter().map(|b| b[k]).collect();
        chains.iter().map(chain).collect()
    };
    let coefficients = chains[0].draws[0].len();
    let found: Vec<Summary> = (0..coefficients).map(|k| summary(&of(k))).collect();
    let draws = (chains.len() * chains[0].draws.len()) as f64;
    println!("  coefficient     mean  deviation  effective draws of {draws}   R-hat");
    for (k, s) in found.iter().enumerate() {
        println!("  {k:>11} {:8.3}   {:8.3}   {:20.0}  {:.4}", s.mean, s.deviation, s.effective_size, s.r_hat);
    }
    let accepted = chains.iter().map(|c| c.accepted).sum::<f64>() / chains.len() as f64;
    println!("  accepted: {:.0} %", 100.0 * accepted);
    run.check("the four chains agree (R-hat below 1.02)", found.iter().all(|s| s.r_hat < 1.02));
    let least = found.iter().map(|s| s.effective_size).fold(f64::MAX, f64::min);
    run.check("ten draws are worth an independent one", least > 0.1 * draws);
    found
}

fn figure(chains: &[Chain]) -> Figure {
    let colours = [palette::BLUE, palette::ORANGE, palette::GREEN, palette::PINK];
    let mut trace = Panel::new("Four chains", "draw", "slope by temperature").range(0.0..300.0, -6.0..2.0);
    for (k, (chain, colour)) in chains.iter().zip(colours).enumerate() {
        let draws = chain.draws.iter().take(300).enumerate();
        trace = trace.thin_line(&format!("chain {}", k + 1), colour, draws.map(|(i, b)| (i as f64, b[1])));
    }
    let curve = (0..=120).map(|k| {
        let t = 25.0 + 0.5 * f64::from(k);
        let failing = |b: &Vec<f64>| Real::sigmoid(b[0] + b[1] * scaled(t));
        let mut all: Vec<f64> = chains.iter().flat_map(|c| c.draws.iter().map(failing)).collect();
        all.sort_by(f64::total_cmp);
        let share = |s: f64| all[(s * (all.len() - 1) as f64) as usize];
        (t, [share(0.05), share(0.5), share(0.95)])
    });
    let curve: Vec<(f64, [f64; 3])> = curve.collect();
    let launches = Panel::new("Seals of the space shuttle", "temperature, °F", "chance that one fails")
        .legend(Corner::LowerMiddle)
        .range(25.0..85.0, -0.05..1.05)
        .band("90 % of the draws", palette::BLUE, curve.iter().map(|(t, q)| [*t, q[0], q[2]]))
        .line("median", palette::BLUE, curve.iter().map(|(t, q)| (*t, q[1])))
        .dots("launches", palette::ORANGE, 4.0, LAUNCHES)
        .thin_line("Challenger, 31 °F", palette::BLACK, [(31.0, 0.0), (31.0, 1.0)]);
    Figure::new(1100, 430, 2).panel(trace).panel(launches)
}
