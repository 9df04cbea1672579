//! A data set in rows and on all cores: a regression by a small network, fitted by gradient descent.
//!
//! The closure is recorded for one row of data and then run over all of them. The program prints how far it is, the
//! loss, and how much faster the rows are than the closure and than the recording, row by row.
//!
//! ```text
//! cargo run --release --features rayon --example batch_fit
//! ```

use scalargrad::function::ReplayError;
use scalargrad::{Function, Var, value_and_gradient};
use std::io::Write;
use std::time::Instant;

const HIDDEN: usize = 8;
const PARAMETERS: usize = 3 * HIDDEN + 1;
const ROWS: usize = 20_000;

/// The squared error at one row: the parameters, then the row's input and target.
fn loss(x: &[Var]) -> Var {
    let (parameters, row) = x.split_at(PARAMETERS);
    let (neurons, bias) = parameters.split_at(3 * HIDDEN);
    let hidden = neurons.chunks(3).map(|w| (w[0] * row[0] + w[1]).tanh() * w[2]);
    let output = hidden.sum::<Var>() + bias[0];
    (output - row[1]).powi(2) / ROWS as f64
}

/// Points of a curve, row after row.
fn data() -> Vec<f64> {
    let x = (0..ROWS).map(|k| 6.0 * k as f64 / ROWS as f64 - 3.0);
    x.flat_map(|x| [x, (2.0 * x).sin() + 0.3 * x]).collect()
}

fn main() -> Result<(), ReplayError> {
    let data = data();
    let mut parameters: Vec<f64> = (0..PARAMETERS).map(|k| ((k * 37 + 11) % 23) as f64 / 11.5 - 1.0).collect();

    let f = Function::record(&[&parameters[..], &data[..2]].concat(), loss);
    let rows = f.over_rows(PARAMETERS);

    // One gradient of the whole data set in three ways.
    let start = Instant::now();
    let (by_rows, _) = rows.sum_gradient(&parameters, &data)?;
    let of_rows = start.elapsed();
    let start = Instant::now();
    let mut by_replay = 0.0;
    for row in data.chunks(2) {
        by_replay += f.gradient(&[&parameters[..], row].concat())?.0;
    }
    let of_replay = start.elapsed();
    let start = Instant::now();
    let by_closure: f64 = data.chunks(2).map(|row| value_and_gradient(loss, &[&parameters[..], row].concat()).0).sum();
    let of_closure = start.elapsed();
    assert!((by_rows - by_replay).abs() < 1e-9 && (by_rows - by_closure).abs() < 1e-9);
    println!("one gradient over {ROWS} rows: {of_rows:.1?}");
    let times = |other: std::time::Duration| other.as_secs_f64() / of_rows.as_secs_f64();
    println!("  the recording, row by row: {:.1} times as long", times(of_replay));
    println!("  the closure, row by row:   {:.1} times as long", times(of_closure));

    // A pass over a larger data set tells how far it is.
    let larger = data.repeat(20);
    let telling = rows.clone().on_progress(|done, all| {
        print!("\r{:3} %", 100 * done / all);
        let _ = std::io::stdout().flush();
    });
    let loss = telling.sum(&parameters, &larger)? / 20.0;
    println!("\rloss at the start: {loss:.4}");

    // Gradient descent with momentum, in fast math.
    let rows = rows.fast_math(true);
    let mut speed = vec![0.0; PARAMETERS];
    let mut last = f64::INFINITY;
    for step in 1..=400 {
        let (value, gradient) = rows.sum_gradient(&parameters, &data)?;
        for ((p, v), d) in parameters.iter_mut().zip(&mut speed).zip(gradient) {
            *v = 0.9 * *v - 0.02 * d;
            *p += *v;
        }
        last = value;
        if step % 100 == 0 {
            println!("step {step}: {value:.5}");
        }
    }
    assert!(last < loss / 4.0, "the fit did not get better: {last}");
    Ok(())
}
