//! A simulation that would not fit in memory, differentiated in segments.
//!
//! A million Runge–Kutta steps of a predator–prey model record 72 million operations, 2 GB. Cut into
//! segments of a thousand steps, with each run again when the sweep reaches it, they take a few
//! megabytes.
//!
//! ```text
//! cargo run --release --example checkpoint
//! ```

use scalargrad::{Var, advance, graph};

const STEPS: usize = 1_000_000;
const H: f64 = 1e-4;

/// Prey `x` and predators `y` after one step, with the rates behind them in the state.
fn step(_: usize, state: &[Var]) -> Vec<Var> {
    let [x, y, a, b, c, d] = *state else { unreachable!("the state has six parts") };
    let slope = |x: Var, y: Var| (a * x - b * x * y, c * x * y - d * y);
    let (k1, l1) = slope(x, y);
    let (k2, l2) = slope(x + k1 * (H / 2.0), y + l1 * (H / 2.0));
    let (k3, l3) = slope(x + k2 * (H / 2.0), y + l2 * (H / 2.0));
    let (k4, l4) = slope(x + k3 * H, y + l3 * H);
    let x = x + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (H / 6.0);
    let y = y + (l1 + l2 * 2.0 + l3 * 2.0 + l4) * (H / 6.0);
    vec![x, y, a, b, c, d]
}

fn main() {
    let rates = [1.1, 0.4, 0.1, 0.4].map(Var::new);
    let mut state = vec![Var::from(10.0), Var::from(5.0)];
    state.extend(rates);

    let end = advance(&state, STEPS, 1000, step);
    end[0].backward();
    println!("prey after {} years: {:.6}", STEPS as f64 * H, end[0]);
    for (name, rate) in ["birth", "predation", "growth", "death"].iter().zip(rates) {
        println!("  by the rate of {name:<9} {:>14.6}", rate.grad());
    }
    let megabytes = graph::memory() as f64 / 1e6;
    println!("memory of the graph: {megabytes:.1} MB");
    assert!(megabytes < 20.0);

    // The same for a few steps, kept whole.
    let (cut, rate) = (advance(&state, 50, 7, step)[0], rates[0]);
    cut.backward();
    let slope = rate.grad();
    let plain = (0..50).fold(state.clone(), |state, k| step(k, &state))[0];
    plain.backward();
    assert_eq!(cut.value(), plain.value());
    assert!((slope - rate.grad()).abs() < 1e-12 * slope.abs());
}
