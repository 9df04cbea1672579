//! Newton's method, with derivatives that are exact: a root and a minimum.
//!
//! `cargo run --release --example newton`

use scalargrad::{Real, Var, graph};

/// A function of your own, over any `Real`: plain numbers and variables alike.
fn f<T: Real>(x: T) -> T {
    x.exp() - x * x * 3.0
}

/// The value and the first two derivatives of `f` at `x`.
fn jet(f: impl FnOnce(Var) -> Var, x: f64) -> [f64; 3] {
    // What is recorded in a scope is dropped at its end: the loops below need no more memory than
    // one step of them.
    graph::scope(|| {
        let x = Var::new(x);
        let y = f(x);
        // `differentiate` gives the derivative as a variable, which can be differentiated again.
        let first = y.differentiate(&[x])[0];
        let second = first.differentiate(&[x])[0];
        [y, first, second].map(Var::value)
    })
}

fn main() {
    println!("f(x) = exp(x) − 3x²\n");

    println!("a root, x ← x − f(x)/f'(x)");
    let mut x = 1.0;
    for step in 0..6 {
        let [value, slope, _] = jet(f, x);
        println!("{step}  x = {x:.15}  f = {value:+.1e}");
        x -= value / slope;
    }
    assert!(f(x).abs() < 1e-14);
    assert!((x - 0.910007572488709).abs() < 1e-14);

    println!("\na minimum, x ← x − f'(x)/f''(x)");
    let mut x = 3.0;
    for step in 0..6 {
        let [_, slope, curvature] = jet(f, x);
        println!("{step}  x = {x:.15}  f' = {slope:+.1e}  f'' = {curvature:.3}");
        x -= slope / curvature;
    }
    let [_, slope, curvature] = jet(f, x);
    assert!(slope.abs() < 1e-13 && curvature > 0.0);
    assert!((x - 2.833147892049).abs() < 1e-11);
}
