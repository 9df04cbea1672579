//! Operations of your own: a quick one for first derivatives, and one for every order.
//!
//! `cargo run --release --example custom_op`

use scalargrad::{CustomOp, Var};

/// The positive `y` with `y⁵ + y = x`, found by iteration.
///
/// Recording the iteration would work, but it would record a few hundred operations, and the
/// derivative would be that of the iteration. The implicit function theorem knows better:
/// `(5y⁴ + 1) dy = dx`.
fn solve(x: f64) -> f64 {
    let mut y = x;
    for _ in 0..50 {
        y -= (y.powi(5) + y - x) / (5.0 * y.powi(4) + 1.0);
    }
    y
}

/// First derivatives only: the value and the partials are plain numbers, computed here and now.
fn quick(x: Var) -> Var {
    let y = solve(x.value());
    let partial = 1.0 / (5.0 * y.powi(4) + 1.0);
    Var::custom("solve", y, [(x, partial)])
}

/// Every order: the partials are expressions, which are recorded when a derivative is.
struct Solve;

impl CustomOp for Solve {
    fn value(&self, x: &[f64]) -> f64 {
        solve(x[0])
    }

    /// `z` is the result, so the rule can be written in terms of it.
    fn partials(&self, _: &[Var], z: Var) -> Vec<Var> {
        vec![1.0 / (5.0 * z.powi(4) + 1.0)]
    }

    fn label(&self) -> String {
        "solve".into()
    }
}

fn main() {
    // y⁵ + y = 34 has the solution 2, where the slope is 1/81.
    let x = Var::new(34.0).named("x");
    let y = quick(x);
    (3.0 * y).backward();
    println!("y = {}, d(3y)/dx = {:.6}", y.value(), x.grad());
    assert!((y.value() - 2.0).abs() < 1e-15);
    assert!((x.grad() - 3.0 / 81.0).abs() < 1e-15);

    // The same from the trait, and its second derivative: −20y³/(5y⁴ + 1)³.
    let y = Var::apply(Solve, &[x]);
    let first = y.differentiate(&[x])[0];
    let second = first.differentiate(&[x])[0];
    println!("dy/dx = {first:.6}, d²y/dx² = {second:.9}");
    assert!((first.value() - 1.0 / 81.0).abs() < 1e-15);
    assert!((second.value() + 160.0 / 81f64.powi(3)).abs() < 1e-16);

    // In a picture it goes by its label.
    print!("\n{}", y.to_text());
    assert!(y.to_text().contains("solve"));
}
