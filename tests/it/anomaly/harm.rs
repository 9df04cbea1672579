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
    // An output that is finite, of an operand that is not.
    let masked = |x: &[Var]| Var::select(x[0].gt_mask(0.0), x[0].ln(), x[0]);
    assert_eq!(detect(|| scalargrad::gradient(masked, &[-1.0])).unwrap(), [1.0]);
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

#[test]
fn what_comes_out_of_a_segment_and_reaches_no_leaf_does_no_harm() {
    let run = |at: f64, inner: fn(Var) -> Var| {
        detect(move || {
            let x = Var::new(at);
            scalargrad::checkpoint(&[inner(x)], |v| v[0].sqrt() * 2.0).backward();
            x.grad()
        })
    };
    assert_eq!(run(0.0, Var::floor).unwrap(), 0.0);
    let found = run(0.0, |x| x * 1.0).unwrap_err();
    assert_eq!((found.operation(), found.what()), ("sqrt", What::Partial));
    let found = detect(|| {
        let x = Var::new(-1.0);
        (scalargrad::checkpoint(&[x], |v| v[0].sqrt() + 1.0) * x).backward();
    });
    assert_eq!(found.unwrap_err().operation(), "sqrt");
}

#[test]
fn a_sweep_costs_what_it_meets_and_not_what_the_graph_holds() {
    let start = std::time::Instant::now();
    let found = detect(|| {
        let x = Var::new(0.5);
        (0..20_000).for_each(|_| (x * 2.0).backward());
        // One partial that does no harm for each of many steps.
        (0..2000).for_each(|_| (((x - 0.5).sqrt() * 0.0) + x).backward());
    });
    assert!(found.is_ok());
    assert!(start.elapsed().as_secs() < 20);
}

/// `ln` of a negative number, masked.
fn masked(x: Var) -> Var {
    Var::select(x.gt_mask(0.0), x.ln(), x * 2.0)
}

#[test]
fn where_all_that_counts_is_finite_there_is_no_anomaly() {
    type Map = fn(Var) -> Var;
    let at = |x: f64, f: Map| {
        detect(move || {
            let x = Var::new(x);
            let y = f(x);
            y.backward();
            (y.value().is_finite(), x.grad().is_finite())
        })
    };
    let harmless: [(f64, Map); 9] = [
        (-1.0, masked),
        (-1.0, |x| x.ln().max(x)),
        (1000.0, |x| x.exp().tanh()),
        (-1.0, |x| scalargrad::checkpoint(&[x], |x| masked(x[0]) * 1.0) * 1.0),
        (-1.0, |x| scalargrad::checkpoint(&[x], |x| masked(x[0]))),
        (-1.0, |x| scalargrad::checkpoint(&[x], |x| x[0].max(0.0).sqrt()) * 1.0),
        (-1.0, |x| scalargrad::checkpoint(&[x], |x| (x[0] * 1.0).max(0.0).sqrt()) * 1.0),
        (-1.0, |x| scalargrad::checkpoint(&[x.max(0.0)], |x| x[0].sqrt())),
        (-1.0, |x| scalargrad::advance(&[x], 10, 3, |_, s| vec![masked(s[0]) * 0.5])[0]),
    ];
    for (k, (x, f)) in harmless.into_iter().enumerate() {
        assert_eq!(at(x, f).map_err(|found| format!("{k}: {found}")), Ok((true, true)));
    }
}

#[test]
fn what_is_not_finite_is_never_missed() {
    fn is_found<R>(f: impl FnOnce() -> R) -> bool {
        detect(f).is_err()
    }
    let (nan, old) = (Var::new(f64::NAN), Var::new(f64::INFINITY));
    assert!(is_found(|| (nan * 2.0).value()));
    assert!(is_found(|| (old - old).value()));
    assert!(is_found(|| (old * old).differentiate(&[old])[0].value()));
    let swept = |then: fn(Var, Var) -> f64| {
        let x = Var::new(-1.0);
        let a = x.ln();
        (Var::select(x.gt_mask(0.0), a, x * 2.0) * 1.0).backward();
        then(a, x)
    };
    assert!(!is_found(|| swept(|_, x| x.value())));
    assert!(is_found(|| swept(|a, _| (a + 1.0).value())));
    assert!(is_found(|| swept(|a, x| (a * a).differentiate(&[x])[0].value())));
    assert!(is_found(|| {
        let x = Var::new(-1.0);
        let s = (0..1000).fold(x, |s, _| s + x.ln().max(x));
        let bad = x.sqrt();
        s.backward();
        bad.value()
    }));
    assert!(is_found(|| {
        let x = Var::new(1.0);
        (x * 1e308).backward();
        (x * 1e308).backward_accumulate();
        x.grad()
    }));
    assert!(is_found(|| {
        let (l, m) = (Var::new(0.0), Var::new(0.0));
        let (a, b) = (l * 1.0, m * 1.0);
        let y = a + b.sqrt();
        scalargrad::graph::no_grad(|| y.differentiate(&[a, b])[1].value())
    }));
    let found = detect(|| scalargrad::checkpoint(&[Var::new(-1.0)], |x| x[0].sqrt() + 1.0).value());
    assert_eq!(found.unwrap_err().operation(), "sqrt");
}

#[test]
fn segments_are_seen_through() {
    let captured = detect(|| {
        let (x, w) = (Var::new(1.0), Var::new(0.0));
        scalargrad::checkpoint(&[x], move |v| v[0] * 1.0 + w.sqrt()).backward();
    });
    assert_eq!(captured.unwrap_err().operation(), "sqrt");
    let before = detect(|| scalargrad::checkpoint(&[Var::new(-1.0).ln()], |v| v[0] * 2.0).backward());
    assert_eq!(before.unwrap_err().operation(), "ln");
    let advanced = detect(|| {
        let end = scalargrad::advance(&[Var::new(0.5)], 40, 5, |_, s| vec![s[0].sqrt().powi(2) - 0.02]);
        end[0].backward();
    });
    assert_eq!(advanced.unwrap_err().operation(), "sqrt");
    let with_a_sweep_inside = detect(|| {
        let x = Var::new(0.0);
        let u = scalargrad::checkpoint(&[x], |v| v[0] + gradient(|z| z[0] * z[0], &[0.0])[0]);
        scalargrad::checkpoint(&[u], |v| v[0].sqrt()).backward();
    });
    assert_eq!(with_a_sweep_inside.unwrap_err().operation(), "sqrt");
    let beside = detect(|| {
        let x = Var::new(-1.0);
        let a = x.ln();
        let b = a + 1.0;
        Var::select(x.gt_mask(0.0), a, x * 2.0).backward();
        b.value()
    });
    assert!(beside.is_err());
}

#[test]
fn what_a_switch_left_out_is_not_named() {
    let named = |f: fn()| detect(f).unwrap_err().operation().to_string();
    assert_eq!(
        named(|| {
            let (a, b) = (Var::new(-1.0), Var::new(0.0));
            Var::select(a.gt_mask(0.0), a.ln(), b.recip()).backward();
        }),
        "recip"
    );
    assert_eq!(
        named(|| {
            let (a, b) = (Var::new(-1.0), Var::new(800.0));
            let y = scalargrad::checkpoint(&[a, b], |x| x[0].ln().max(x[1].exp()));
            y.backward();
        }),
        "exp"
    );
    let names = detect(|| {
        let x = Var::new(0.0);
        let s = x.sqrt();
        let (used, masked) = ((s * 1.0).named("used"), (s * 2.0).named("masked"));
        Var::select((x + 1.0).gt_mask(0.0), used, masked).backward();
    });
    assert_eq!(names.unwrap_err().names(), ["used"]);
}

#[test]
fn a_detection_inside_a_rule_does_not_make_its_sweeps_a_result_of_the_one_outside() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Square(bool, AtomicUsize);
    impl scalargrad::CustomOp for Square {
        fn value(&self, x: &[f64]) -> f64 {
            x[0] * x[0]
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            // While second derivatives are worked out.
            if self.1.fetch_add(1, Ordering::Relaxed) > 0 {
                if self.0 {
                    assert!(detect(|| 1).is_ok());
                }
                Var::new(0.0).sqrt().backward();
            }
            vec![x[0] * 2.0]
        }
    }
    for has_inner in [false, true] {
        let square = |x: &[Var]| Var::apply(Square(has_inner, AtomicUsize::new(0)), &[x[0]]);
        let hessian = detect(|| scalargrad::hessian(square, &[1.0]));
        assert_eq!(hessian.unwrap()[(0, 0)], 2.0);
    }
}
