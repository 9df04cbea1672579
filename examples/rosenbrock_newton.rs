//! Newton's method on the Rosenbrock function, with exact Hessians from one recording.
//!
//! `cargo run --release --example rosenbrock_newton`

use scalargrad::function::{Function, ReplayError};
use scalargrad::{Matrix, Var};

fn rosenbrock(x: &[Var]) -> Var {
    let term = |pair: &[Var]| 100.0 * (pair[1] - pair[0] * pair[0]).powi(2) + (1.0 - pair[0]).powi(2);
    x.windows(2).map(term).sum()
}

/// Solves `(h + damping) step = −gradient` by Cholesky's method; `None` if the matrix is not positive.
fn newton_step(h: &Matrix, damping: f64, gradient: &[f64]) -> Option<Vec<f64>> {
    let n = gradient.len();
    let mut l = Matrix::zeros(n, n);
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[(i, k)] * l[(j, k)]).sum();
            let rest = h[(i, j)] + if i == j { damping } else { 0.0 } - known;
            l[(i, j)] = match i == j {
                true if rest <= 0.0 => return None,
                true => rest.sqrt(),
                false => rest / l[(j, j)],
            };
        }
    }
    let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| l[(i, k)] * step[k]).sum();
        step[i] = (step[i] - known) / l[(i, i)];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[(k, i)] * step[k]).sum();
        step[i] = (step[i] - known) / l[(i, i)];
    }
    Some(step)
}

fn main() -> Result<(), ReplayError> {
    let n = 10;
    let mut x = vec![0.0; n];
    let f = Function::record(&x, rosenbrock);
    println!("{} inputs, {} operations, {} second derivatives", n, f.operations(), f.hessian_pattern()?.len());

    let (mut damping, mut value) = (1.0, f.value(&x)?);
    for iteration in 0..100 {
        let (_, gradient) = f.gradient(&x)?;
        let size = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        println!("{iteration:3}: f = {value:12.6e}, |gradient| = {size:8.2e}");
        if size < 1e-12 {
            break;
        }
        let h = f.hessian(&x)?;
        // Levenberg's damping: more where a step fails, less where it succeeds.
        loop {
            if let Some(step) = newton_step(&h, damping, &gradient) {
                let next: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x + s).collect();
                let next_value = f.value(&next)?;
                if next_value <= value {
                    (x, value) = (next, next_value);
                    damping *= 0.1;
                    break;
                }
            }
            damping = (damping * 10.0).max(1e-10);
        }
    }
    println!("x = {x:.6?}");
    assert!(value < 1e-20, "Newton's method did not converge");
    Ok(())
}
