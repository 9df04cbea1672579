//! What derivatives beyond one gradient cost, in multiples of one: ratios of medians in one run.
//!
//! ```text
//! cargo run --release -p orders
//! ```

use scalargrad::{Var, advance, function::Function, gradient, graph, hessian, hvp};
use std::hint::black_box;
use std::time::Instant;

/// The extended Rosenbrock function of an even number of variables.
fn rosenbrock(x: &[Var]) -> Var {
    x.chunks_exact(2).fold(Var::from(0.0), |sum, x| {
        let (t, u) = (x[1] - x[0] * x[0], 1.0 - x[0]);
        sum + 100.0 * (t * t) + u * u
    })
}

/// The chained one, in which each variable meets its neighbours.
fn chained(x: &[Var]) -> Var {
    x.windows(2).fold(Var::from(0.0), |sum, x| {
        let (t, u) = (x[1] - x[0] * x[0], 1.0 - x[0]);
        sum + 100.0 * (t * t) + u * u
    })
}

/// Every variable meets every other one: a Hessian without zeros.
fn dense(x: &[Var]) -> Var {
    let sum = x.iter().fold(Var::from(0.0), |sum, &x| sum + x * x);
    (sum * 0.01).sin() + chained(x)
}

/// Median seconds of one call.
fn time<R>(mut f: impl FnMut() -> R) -> f64 {
    let mut rounds: Vec<f64> = (0..25)
        .map(|_| {
            let start = Instant::now();
            let mut runs = 0;
            while runs < 3 || start.elapsed().as_secs_f64() < 2e-3 {
                black_box(f());
                runs += 1;
            }
            start.elapsed().as_secs_f64() / f64::from(runs)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn second_order(name: &str, f: fn(&[Var]) -> Var, n: usize) {
    let x: Vec<f64> = (0..n).map(|i| 1.0 + 0.1 * (i as f64).sin()).collect();
    let v: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();

    // The three ways agree before they are timed.
    let (h, hv) = (hessian(f, &x), hvp(f, &x, &v));
    graph::scope(|| {
        let x: Vec<Var> = x.iter().map(|&x| Var::new(x)).collect();
        for (i, first) in f(&x).differentiate(&x).into_iter().enumerate() {
            first.backward();
            let row: Vec<f64> = x.iter().map(|x| x.grad()).collect();
            let size = row.iter().fold(0.0, |size: f64, d| size.max(d.abs()));
            let product: f64 = row.iter().zip(&v).map(|(h, v)| h * v).sum();
            assert!(h.row(i).iter().zip(&row).all(|(a, b)| (a - b).abs() <= 1e-12 * size));
            assert!((hv[i] - product).abs() <= 1e-11 * size * n as f64);
        }
    });

    let once = time(|| gradient(f, &x));
    let recorded = Function::record(&x, f);
    let mut slopes = vec![0.0; n];
    println!("{name}, n = {n}: one gradient {:.2} µs", once * 1e6);
    println!("  Hessian                     {:6.1}", time(|| hessian(f, &x)) / once);
    println!("  Hessian-vector product      {:6.1}", time(|| hvp(f, &x, &v)) / once);
    let replayed = time(|| recorded.gradient_into(&x, &mut slopes).expect("no branch"));
    println!("  gradient of the recording   {:6.2}", replayed / once);
}

/// Recording the derivatives against sweeping for them, for each node that is made.
fn differentiate_against_backward() {
    graph::scope(|| {
        let x: Vec<Var> = (0..1000).map(|i| Var::new(1.0 + 0.1 * f64::from(i).sin())).collect();
        let y = chained(&x);
        let before = graph::len();
        let swept = time(|| y.backward()) / before as f64;
        let made = graph::scope(|| {
            let _ = y.differentiate(&x);
            graph::len() - before
        });
        let recorded = time(|| graph::scope(|| y.differentiate(&x))) / made as f64;
        println!(
            "differentiate: {:.1} ns for each of {made} nodes, {:.1} times a node of backward",
            recorded * 1e9,
            recorded / swept
        );
    });
}

/// Ten million Runge–Kutta steps, in segments.
fn checkpointed(steps: usize) {
    const H: f64 = 1e-5;
    let start = Instant::now();
    let rates = [1.1, 0.4, 0.1, 0.4].map(Var::new);
    let mut state = vec![Var::from(10.0), Var::from(5.0)];
    state.extend(rates);
    let end = advance(&state, steps, 4000, |_, s| {
        let (x, y, a, b, c, d) = (s[0], s[1], s[2], s[3], s[4], s[5]);
        let f = |x: Var, y: Var| (a * x - b * x * y, c * x * y - d * y);
        let (k1, l1) = f(x, y);
        let (k2, l2) = f(x + k1 * (H / 2.0), y + l1 * (H / 2.0));
        let (k3, l3) = f(x + k2 * (H / 2.0), y + l2 * (H / 2.0));
        let (k4, l4) = f(x + k3 * H, y + l3 * H);
        let x = x + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (H / 6.0);
        let y = y + (l1 + l2 * 2.0 + l3 * 2.0 + l4) * (H / 6.0);
        vec![x, y, a, b, c, d]
    });
    end[0].backward();
    black_box(rates.map(Var::grad));
    println!(
        "checkpointed Runge–Kutta, {steps} steps: {:.1} s, graph {:.1} MB, peak of the process {:.0} MB",
        start.elapsed().as_secs_f64(),
        graph::memory() as f64 / 1e6,
        peak_megabytes()
    );
}

/// The most memory that this process ever had, where the system tells.
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1e3
}

fn main() {
    second_order("extended Rosenbrock", rosenbrock, 100);
    second_order("chained Rosenbrock", chained, 100);
    second_order("a dense Hessian", dense, 100);
    differentiate_against_backward();
    checkpointed(10_000_000);
}
