//! Hares and lynxes: a predator–prey model fitted to pelts of a hundred years ago, through its integrator.
//!
//! `cargo run --release -p lotka_volterra`
//!
//! The integrator is written out here. That of the crate `diffsol` (0.18) does not accept a `Var`: it asks of its numbers that they
//! can be sent between threads, and a `Var` belongs to the graph of one.

mod bfgs;
mod fit;
mod model;

use demo::{About, Figure, Outcome, Panel, Run, Setting, palette};
use fit::Fit;
use model::{PELTS, State, invariant, step};
use scalargrad::{Var, graph, value_and_gradient};
use std::process::ExitCode;

const ABOUT: About = About {
    name: "lotka_volterra",
    text: "Hares and lynxes from 1900 to 1920: the rates of a predator-prey model, fitted through a Runge-Kutta \
           integrator of fourth order, with `advance`, which keeps few of its steps in memory. (The integrators of the crate \
           `diffsol` 0.18 do not accept a `Var`: they ask for numbers that can be sent to other threads.)",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[Setting { name: "steps", default: 400, quick: 50, help: "steps of the integrator in a year" }],
};

/// Prey and predators of the first year, then the rates, as a Bayesian analysis of the same data found them: Carpenter,
/// *Predator-Prey Population Dynamics: the Lotka-Volterra model in Stan*, 2018.
const PUBLISHED: State<f64> = [33.9, 5.9, 0.545, 0.0277, 0.803, 0.0242];

fn main() -> ExitCode {
    demo::run(&ABOUT, hares_and_lynxes)
}

/// The states at each step of so many years.
fn simulate(start: State<f64>, years: usize, steps: usize) -> Vec<State<f64>> {
    let mut states = vec![start];
    for k in 0..years * steps {
        states.push(step(states[k], 1.0 / steps as f64));
    }
    states
}

fn logarithms(x: &State<f64>) -> Vec<f64> {
    x.iter().map(|x| x.ln()).collect()
}

fn hares_and_lynxes(run: &Run) -> Outcome {
    let steps = run.setting("steps") as usize;
    let at_once = Some((steps as f64).sqrt().ceil() as usize).map(|n| n.max(2));

    println!("The gradient through {} steps:", (PELTS.len() - 1) * steps);
    let there = logarithms(&PUBLISHED);
    let gradient = |at_once| {
        let fit = Fit { data: &PELTS, steps_per_year: steps, at_once };
        let bytes = graph::scope(|| {
            let _loss = fit.loss(&Var::leaves(&there));
            graph::memory()
        });
        (value_and_gradient(|x| fit.loss(x), &there), bytes)
    };
    // First the one that needs little: memory that a graph once had is kept.
    let (segments, little) = gradient(at_once);
    let (plain, much) = gradient(None);
    let kib = |bytes: usize| bytes as f64 / 1024.0;
    println!("  memory of the graph: {:.0} KiB in segments, {:.0} KiB in one", kib(little), kib(much));
    let same = plain.1.iter().zip(&segments.1).all(|(a, b)| (a - b).abs() <= 1e-11 * (1.0 + a.abs()));
    run.check("values are equal, gradients too but for rounding", plain.0 == segments.0 && same);
    let path = simulate(PUBLISHED, PELTS.len() - 1, steps);
    let drift = path.iter().map(|&s| (invariant(s) - invariant(PUBLISHED)).abs()).fold(0.0, f64::max);
    println!("  what the equations keep changes by {drift:.1e}");
    run.check("the integrator keeps it", drift < 1e-6);

    println!("\nData that the model made itself, without noise:");
    let made: Vec<[f64; 2]> = path.iter().step_by(steps).map(|s| [s[0], s[1]]).collect();
    let found = fit(&made, steps, at_once);
    let off = found.iter().zip(PUBLISHED).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
    println!("  the largest relative error: {off:.1e}");
    run.check("six digits of every parameter are found again", off < 1e-6);

    println!("\nThe pelts of the Hudson's Bay Company:");
    let found = fit(&PELTS, steps, at_once);
    let names = ["hares in 1900", "lynxes in 1900", "α", "β", "γ", "δ"];
    for ((name, found), published) in names.iter().zip(found).zip(PUBLISHED) {
        println!("  {name:<15} {found:8.4}   (published: {published:8.4})");
    }
    let near = found.iter().zip(PUBLISHED).all(|(a, b)| (a / b - 1.0).abs() < 0.1);
    run.check("all within a tenth of what a Bayesian analysis found", near);
    let loss = Fit { data: &PELTS, steps_per_year: steps, at_once };
    let (value, slopes) = value_and_gradient(|x| loss.loss(x), &logarithms(&found));
    let flat = slopes.iter().map(|g| g.abs()).fold(0.0, f64::max);
    println!("  typical error {:.0} %; largest slope {flat:.1e}", 100.0 * (value / 42.0).sqrt());
    run.check("it is a minimum", flat < 1e-5);

    println!("\nDrawing:");
    run.picture("lotka_volterra", &figure(&simulate(found, PELTS.len() - 1, steps), steps))
}

/// Fits the first years, then more of them: the long way has minima where a cycle is missed.
fn fit(data: &[[f64; 2]], steps: usize, at_once: Option<usize>) -> State<f64> {
    let start = [data[0][0], data[0][1], 1.0, 0.05, 1.0, 0.05];
    let mut x: [f64; 6] = start.map(f64::ln);
    for years in [6, 12, data.len()] {
        let part = Fit { data: &data[..years], steps_per_year: steps, at_once };
        let found = bfgs::minimise(|x| value_and_gradient(|x| part.loss(x), x), x);
        x = found.at;
        println!("  {years:2} years: loss {:.3e} after {} gradients", found.value, found.evaluations);
    }
    x.map(f64::exp)
}

fn figure(path: &[State<f64>], steps: usize) -> Figure {
    let every = (steps / 20).max(1);
    let year = |k: usize| 1900.0 + k as f64 / steps as f64;
    let curve = |i: usize| path.iter().enumerate().step_by(every).map(move |(k, s)| (year(k), s[i]));
    let seen = |i: usize| PELTS.iter().enumerate().map(move |(k, p)| (1900.0 + k as f64, p[i]));
    let time = Panel::new("Hares and lynxes", "year", "thousand pelts")
        .range(1899.5..1920.5, 0.0..95.0)
        .line("hares", palette::BLUE, curve(0))
        .line("lynxes", palette::ORANGE, curve(1))
        .dots("", palette::BLUE, 4.0, seen(0))
        .dots("", palette::ORANGE, 4.0, seen(1));
    let plane = Panel::new("One against the other", "hares", "lynxes")
        .line("model", palette::GREEN, path.iter().step_by(every).map(|s| (s[0], s[1])))
        .thin_line("", palette::GREY, PELTS.iter().map(|p| (p[0], p[1])))
        .dots("pelts", palette::GREY, 3.0, PELTS.iter().map(|p| (p[0], p[1])));
    Figure::new(1100, 430, 2).panel(time).panel(plane)
}
