//! micrograd's demo: a network of 337 parameters that tells two moons apart.
//!
//! `cargo run --release -p moons`
//!
//! The Python original: <https://github.com/karpathy/micrograd/blob/master/demo.ipynb>

mod data;
mod ways;

use data::Sample;
use demo::{About, Figure, Outcome, Panel, Run, Setting, palette};
use scalargrad::nn::{Activation, Mlp, Module, hinge, uniform};
use scalargrad::{Real, Var, graph};
use std::process::ExitCode;

const ABOUT: About = About {
    name: "moons",
    text: "Two moons, told apart by a network 2-16-16-1 with a max-margin loss: micrograd's demo, with its points and weights. \
           Then the same training by a recorded function, over rows, and compiled.",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[
        Setting { name: "steps", default: 100, quick: 100, help: "steps of gradient descent" },
        Setting { name: "rounds", default: 200, quick: 20, help: "rounds of the measurement" },
    ],
};

fn main() -> ExitCode {
    demo::run(&ABOUT, moons)
}

/// micrograd's loss: the mean margin, and a small share of the squares of all parameters.
fn loss<T: Real>(net: &Mlp<T>, samples: &[Sample]) -> T {
    let margins = samples.iter().map(|s| hinge(net.forward(&s.at)[0], s.side));
    let margin = margins.sum::<T>() * (1.0 / samples.len() as f64);
    let squares: T = net.parameters().iter().map(|&p| p * p).sum();
    margin + squares * 1e-4
}

/// The share of samples on their own side, by plain numbers.
fn accuracy(model: &Mlp, samples: &[Sample]) -> f64 {
    let is_right = |s: &&Sample| (model.forward(&s.at)[0] > 0.0) == (s.side > 0.0);
    samples.iter().filter(is_right).count() as f64 / samples.len() as f64
}

fn rate(step: u64, steps: u64) -> f64 {
    1.0 - 0.9 * step as f64 / steps as f64
}

/// A network with micrograd's weights.
fn micrograds_model() -> Mlp {
    Mlp::new(2, &[16, 16, 1], Activation::Relu, &mut uniform(0)).with(&data::weights())
}

/// micrograd's training loop; gives the trained network and what was lost in each step.
fn train(samples: &[Sample], steps: u64) -> (Mlp, Vec<f64>) {
    let mut model = micrograds_model();
    let (mut losses, bar) = (Vec::new(), demo::bar(steps, "training"));
    for step in 0..steps {
        model = graph::scope(|| {
            let net = model.map(Var::new);
            let total_loss = loss(&net, samples);
            total_loss.backward();
            losses.push(total_loss.value());
            net.map(|p| p.value() - rate(step, steps) * p.grad())
        });
        let (loss, accuracy) = (losses[losses.len() - 1], 100.0 * accuracy(&model, samples));
        bar.set_message(format!("loss {loss:.4}, accuracy {accuracy:.0} %"));
        bar.inc(1);
        if step % 10 == 0 || step + 1 == steps {
            bar.suspend(|| println!("  step {step:3}: loss {loss:.6}, then accuracy {accuracy:3.0} %"));
        }
    }
    bar.finish_and_clear();
    (model, losses)
}

fn moons(run: &Run) -> Outcome {
    let (samples, steps) = (data::samples(), run.setting("steps"));
    println!("Training on {} points for {steps} steps:", samples.len());
    let (model, losses) = train(&samples, steps);
    if steps >= 100 {
        run.check("every point is on its side", accuracy(&model, &samples) == 1.0);
    }

    println!("\nThe losses beside those that micrograd itself printed:");
    if steps == 100 {
        let difference = |(&a, b): (&f64, f64)| (a / b - 1.0).abs();
        let differences: Vec<f64> = losses.iter().zip(data::losses()).map(difference).collect();
        let largest = differences.iter().copied().fold(0.0, f64::max);
        println!("  the first one: {:?}; the largest relative difference: {largest:.1e}", losses[0]);
        run.check("the first one is the same number", differences[0] == 0.0);
        run.check("all of them are equal to thirteen digits", largest < 1e-13);
    } else {
        println!("  (they are known for 100 steps)");
    }

    println!("\nThe same training in other ways, and the time that a gradient takes:");
    in_every_way(run, &samples, &losses)?;

    println!("\nDrawing:");
    run.picture("moons", &figure(&model, &samples, &losses))
}

/// Trains in each way, compares the losses, and prints how fast each way is.
fn in_every_way(run: &Run, samples: &[Sample], losses: &[f64]) -> Outcome {
    let ways = ways::all(samples)?;
    let start = micrograds_model().parameters();
    let mut differences = [0.0f64; 4];
    for ((_, gradient), difference) in ways.iter().zip(&mut differences) {
        let found = descend(losses.len() as u64, start.to_vec(), gradient);
        for (a, b) in found.iter().zip(losses) {
            *difference = difference.max((a / b - 1.0).abs());
        }
    }
    let [a, b, c, d] = &ways;
    let times = demo::time_by_turns(
        run.setting("rounds") as usize,
        [&mut || drop(a.1(&start)), &mut || drop(b.1(&start)), &mut || drop(c.1(&start)), &mut || drop(d.1(&start))],
    );
    for (((name, _), time), difference) in ways.iter().zip(times).zip(differences) {
        let (millis, faster) = (1e3 * time.as_secs_f64(), times[0].as_secs_f64() / time.as_secs_f64());
        println!("  {name:<22} {millis:7.3} ms, {faster:4.1} times as fast; losses equal to {difference:.0e}");
    }
    let largest = differences.into_iter().fold(0.0, f64::max);
    run.check("every way has the same losses, to twelve digits", largest < 1e-12);
    Ok(())
}

/// The losses of the same descent with gradients from elsewhere.
fn descend(steps: u64, mut p: Vec<f64>, gradient: &ways::Gradient) -> Vec<f64> {
    let mut losses = Vec::new();
    for step in 0..steps {
        let (loss, slopes) = gradient(&p);
        losses.push(loss);
        p.iter_mut().zip(&slopes).for_each(|(p, g)| *p -= rate(step, steps) * g);
    }
    losses
}

fn figure(model: &Mlp, samples: &[Sample], losses: &[f64]) -> Figure {
    // In steps, so that neighbours of one colour are one rectangle.
    let white = demo::Colour(255, 255, 255);
    let colour = |x, y| {
        let score = model.forward(&[x, y])[0];
        let side = if score > 0.0 { palette::BLUE } else { palette::ORANGE };
        palette::blend(white, side, 0.15 + 0.4 * (10.0 * score.abs().tanh()).round() / 10.0)
    };
    let of_side = |side: f64| samples.iter().filter(move |s| s.side == side).map(|s| (s.at[0], s.at[1]));
    let plane = Panel::new("What the network says", "x", "y")
        .range(-1.6..2.6, -1.2..1.7)
        .cells(140, 100, colour)
        .dots("one moon", palette::BLUE, 4.0, of_side(1.0))
        .dots("the other", palette::ORANGE, 4.0, of_side(-1.0));
    let curve = losses.iter().enumerate().map(|(step, &loss)| (step as f64, loss));
    let training = Panel::new("Training", "step", "loss").line("max-margin loss + L2", palette::BLUE, curve);
    Figure::new(1000, 430, 2).panel(plane).panel(training)
}
