//! Which of the numbers that are not finite do harm, and which do not.

use super::next_line;
use scalargrad::anomaly::{What, absorbed, detect};
use scalargrad::{Var, gradient};

#[test]
fn what_does_no_harm_hides_nothing() {
    // The slope of `sqrt` at 0 is infinite, and `max` keeps it from the leaf.
    let harmless = |x: &[Var]| x[0].max(0.0).sqrt() * x[1];
    let run = || gradient(harmless, &[-1.0, 2.0]);
    assert_eq!(detect(run).unwrap(), [0.0, 0.0]);
    assert_eq!(absorbed(run).1.len(), 1);
    let mut line = 0;
    let mut both = |x: &[Var]| {
        let volatility = x[0].max(0.0).sqrt();
        line = next_line();
        let distance = ((x[2] - 1.0) * (x[2] - 1.0)).sqrt();
        distance + volatility * x[1]
    };
    let found = detect(|| gradient(&mut both, &[-1.0, 2.0, 1.0])).unwrap_err();
    assert_eq!(found.line().map(|at| at.line()), Some(line));
    assert_eq!((found.what(), found.absorbed().len()), (What::Partial, 1));
    // A masked value is not one of the output.
    let masked = |x: &[Var]| {
        let root = ((x[1] - 1.0) * (x[1] - 1.0)).sqrt();
        Var::select(x[0].gt_mask(0.0), x[0].ln(), x[0]) + root
    };
    let run = |y: f64| detect(|| gradient(masked, &[-1.0, y]));
    assert_eq!(run(2.0).unwrap(), [1.0, 1.0]);
    let found = run(1.0).unwrap_err();
    assert_eq!((found.operation(), found.what()), ("sqrt", What::Partial));
    // Where no sweep meets it, nobody knows.
    let found = detect(|| {
        let x = Var::new(-1.0);
        let _ = x.ln();
        (x * x).backward();
    });
    assert_eq!(found.unwrap_err().operation(), "ln");
}

#[test]
fn an_infinite_value_that_spoils_a_slope_is_named() {
    let anomaly = detect(|| {
        let x = Var::new(1000.0);
        let large = x.exp();
        (large / (large + 1.0)).backward();
    });
    assert_eq!((anomaly.unwrap_err().operation()), "exp");
    let anomaly = detect(|| {
        let x = Var::new(1000.0);
        (x.exp().recip() * 2.0).backward();
        x.grad()
    });
    assert_eq!(anomaly.unwrap(), 0.0);
}

#[test]
fn a_leaf_whose_contributions_overflow_together_is_named() {
    let anomaly = detect(|| {
        let x = Var::new(1e-300).named("x");
        (x * 1e308 + x * 1e308).backward();
    });
    let anomaly = anomaly.unwrap_err();
    assert_eq!((anomaly.what(), anomaly.names()), (What::Adjoint, &["x".to_string()][..]));
}

#[test]
fn a_sum_has_its_own_line_and_not_that_of_the_node_before() {
    let mut line = 0;
    let found = detect(|| {
        let (w, y) = (Var::new(1e308), Var::new(1e308));
        let p = w * 1.0;
        scalargrad::graph::reserve(10);
        line = next_line();
        (y + p).value()
    });
    let found = found.unwrap_err();
    assert_eq!(found.operation(), "+");
    assert_eq!(found.line().map(|at| at.line()), Some(line));
    // Two graphs that differ in what is fused have the same gradients.
    let run = || {
        let w = Var::new(0.5);
        let sum = (0..1000).fold(w * 0.0, |s, k| s + w * f64::from(k));
        (sum * sum).backward();
        (sum.value(), w.grad(), sum.grad())
    };
    assert_eq!(detect(run).unwrap(), run());
}
