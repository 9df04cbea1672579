//! Sweeps inside of sweeps: the segments of checkpoints, recordings, and derivatives that no sweep works out.

use scalargrad::anomaly::{Anomaly, What, absorbed, detect};
use scalargrad::{
    CustomOp, Function, Var, checkpoint, graph, hessian, hvp, jacobian, jvp, laplacian, sum, value_gradient_and_hvp,
};

/// `ln` of a negative number, masked.
fn masked(x: Var) -> Var {
    Var::select(x.gt_mask(0.0), x.ln(), x * x)
}

/// A root whose infinite slope a flat side keeps from the leaf, and `ln` of a negative number, masked.
fn harmless(x: Var) -> Var {
    masked(x) + x.max(0.0).sqrt()
}

fn found<R>(f: impl FnOnce() -> R) -> Anomaly {
    detect(f).err().expect("something is found")
}

#[test]
fn a_checkpoint_of_many_inputs_and_outputs_costs_their_sum() {
    let start = std::time::Instant::now();
    let slope = detect(|| {
        let x = Var::leaves(&[0.5; 4000]);
        let y = checkpoint(&x, |x| x.iter().map(|&x| x * 2.0).collect::<Vec<_>>());
        sum(&y).backward();
        x[7].grad()
    });
    assert_eq!(slope.unwrap(), 2.0);
    assert!(start.elapsed().as_secs() < 4, "{:?}", start.elapsed());
}

#[test]
fn many_numbers_that_are_not_finite_cost_their_sum_too() {
    let start = std::time::Instant::now();
    let roots = |x: &[Var]| x.iter().fold(x[0] * 1.0, |s, x| s + (*x * 0.0).sqrt());
    let found = detect(|| checkpoint(&Var::leaves(&[1.0; 1000]), roots).backward());
    assert_eq!(found.unwrap_err().operation(), "sqrt");
    let below = |x: &[Var]| {
        let y = (0..1000).fold((x[0] - 5.0).sqrt(), |y, _| y.sin());
        x.iter().map(|x| y * *x).collect::<Vec<_>>()
    };
    let found = detect(|| sum(&checkpoint(&Var::leaves(&[1.0; 1000]), below)).backward());
    assert_eq!(found.unwrap_err().operation(), "sqrt");
    let x = [f64::NAN; 4000];
    assert!(detect(|| scalargrad::dot(&Var::leaves(&x), &Var::leaves(&x)).backward()).is_err());
    assert!(start.elapsed().as_secs() < 12, "{:?}", start.elapsed());
}

#[test]
fn a_recording_forgets_nothing_that_a_sweep_inside_has_met() {
    let inner = |x: &[Var]| {
        graph::scope(|| {
            let y = Var::new(-1.0);
            masked(y).backward();
        });
        x[0] * 2.0
    };
    assert!(detect(|| Function::record(&[1.0], inner)).is_ok());
    assert!(detect(|| graph::scope(|| Function::record(&[1.0], |x| inner(x) + 1.0))).is_ok());
    let found = found(|| {
        Function::record(&[1.0], |x| {
            graph::scope(|| (x[0] - 2.0).ln().value());
            x[0] * 2.0
        })
    });
    assert_eq!((found.operation(), found.what()), ("ln", What::Value));
}

struct Root;
impl CustomOp for Root {
    fn value(&self, x: &[f64]) -> f64 {
        x[0].sqrt()
    }

    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![0.5 / x[0].sqrt()]
    }
}

#[test]
fn where_derivatives_in_one_shot_are_finite_there_is_no_anomaly() {
    let many = |x: &[Var]| (0..9).map(|k| harmless(x[0]) * f64::from(k)).collect::<Vec<_>>();
    let x = [-1.0];
    let (_, listed) = absorbed(|| {
        let run = || {
            assert!(jacobian(many, &x).as_slice().iter().all(|slope| slope.is_finite()));
            assert_eq!(hessian(|x| harmless(x[0]), &x).as_slice(), [2.0]);
            assert_eq!(hessian(|x| sum(&x.iter().map(|&x| harmless(x)).collect::<Vec<_>>()), &[-1.0; 6])[(5, 5)], 2.0);
            assert_eq!(hvp(|x| harmless(x[0]), &x, &[2.0]), [4.0]);
            assert_eq!(value_gradient_and_hvp(|x| harmless(x[0]), &x, &[2.0]), (1.0, vec![-2.0], vec![4.0]));
            assert_eq!(jvp(|x| harmless(x[0]), &x, &[2.0]), (vec![1.0], vec![-4.0]));
            assert_eq!(laplacian(|x| harmless(x[0]), &x), 2.0);
            assert_eq!(jvp(|x| harmless(x[0]) + x[0].sqrt().max(1.0), &[0.0], &[0.0]).1, [0.0]);
            assert_eq!(
                hessian(|x| Var::select(x[0].gt_mask(0.0), Var::apply(Root, x), x[0] * x[0]), &[0.0]).as_slice(),
                [2.0]
            );
            // A leaf that does not move.
            assert_eq!(jvp(|x| x[0] * 2.0 + x[1].sqrt(), &[1.0, 0.0], &[1.0, 0.0]).1, [2.0]);
            // The slope at 0 is infinite, and is not asked for.
            assert_eq!(hvp(|x| x[0] * 2.0 + x[1].sqrt(), &[1.0, 0.0], &[1.0, 0.0]), [0.0, 0.0]);
            assert_eq!(scalargrad::gradient(|x| x[0] * 2.0 + Var::new(0.0).sqrt(), &[1.0]), [2.0]);
        };
        detect(run).unwrap();
    });
    assert!(listed.iter().any(|absorbed| absorbed.operation() == "sqrt"));
}

#[test]
fn what_reaches_a_derivative_in_one_shot_is_found() {
    // The first derivative is finite, and the second infinite.
    let edge = |x: &[Var]| masked(x[1]) + x[0].powf(1.5);
    let at = [0.0, -1.0];
    let all = [
        found(|| hessian(edge, &at)),
        found(|| hvp(edge, &at, &[1.0, 1.0])),
        found(|| value_gradient_and_hvp(edge, &at, &[1.0, 1.0])),
        found(|| laplacian(edge, &at)),
    ];
    for anomaly in all {
        let line = anomaly.line().map(|line| line.file().ends_with("segments.rs"));
        assert_eq!(line, Some(true), "{anomaly}");
        assert!(anomaly.to_string().contains("in the derivative of the operation"), "{anomaly}");
    }
    let slope = |x: &[Var]| masked(x[1]) + x[0].sqrt();
    let many = move |x: &[Var]| (0..9).map(|_| slope(x)).collect::<Vec<_>>();
    let all = [
        found(|| hessian(slope, &at)),
        found(|| value_gradient_and_hvp(slope, &at, &[0.0, 1.0])),
        found(|| jvp(many, &at, &[1.0, 1.0])),
        found(|| jacobian(many, &at)),
        found(|| jacobian(slope, &at)),
    ];
    for anomaly in all {
        assert_eq!((anomaly.operation(), anomaly.what()), ("sqrt", What::Partial));
    }
    // A value is a result, too, and a product with the direction.
    let value = |x: &[Var]| x[0] + 1e308 + 1e308;
    assert_eq!(found(|| jvp(value, &[1.0], &[1.0])).operation(), "+");
    assert_eq!(found(|| hessian(value, &[1.0])).operation(), "+");
    let steep = |x: &[Var]| x[0] * 1e308;
    let report = found(|| jvp(steep, &[1.0], &[100.0])).to_string();
    assert!(report.contains("along"), "{report}");
    let curved = |x: &[Var]| x[0] * x[0] * 1e300;
    assert_eq!(found(|| hvp(curved, &[1.0], &[1e300])).what(), What::Adjoint);
}

#[test]
fn of_two_segments_the_one_that_did_harm_is_named() {
    let run = |is_first: bool| {
        found(move || {
            let (x, y) = (Var::new(-1.0), Var::new(0.0));
            let harmless = |x: Var| checkpoint(&[x.max(0.0)], |v| v[0].sqrt() * 2.0);
            let wrong = |y: Var| checkpoint(&[y * 1.0], |v| v[0].cbrt() * 2.0);
            let z = if is_first { [wrong(y), harmless(x)] } else { [harmless(x), wrong(y)] };
            (z[0] + z[1]).backward();
        })
    };
    for anomaly in [run(true), run(false)] {
        assert_eq!((anomaly.operation(), anomaly.what()), ("cbrt", What::Partial));
        assert_eq!(anomaly.absorbed().len(), 1);
        assert_eq!(anomaly.absorbed()[0].operation(), "sqrt");
    }
    // Two operations of one segment, and the same one level deeper.
    let in_one = |v: &[Var]| [v[0].sqrt() * 2.0, v[1].cbrt() * 3.0];
    let at = |is_deep: bool| {
        found(move || {
            let (x, y) = (Var::new(-1.0), Var::new(0.0));
            let inputs = [x.max(0.0), y * 1.0];
            let z = match is_deep {
                true => checkpoint(&inputs, move |v| checkpoint(&[v[0] * 1.0, v[1]], in_one)),
                false => checkpoint(&inputs, in_one),
            };
            (z[0] + z[1]).backward();
        })
    };
    assert_eq!((at(false).operation(), at(true).operation()), ("cbrt", "cbrt"));
    // What came into a segment did not begin in it.
    let above = found(|| {
        let x = Var::new(0.0);
        checkpoint(&[x * 1.0], |v| v[0] * 3.0).sqrt().backward();
    });
    assert_eq!(above.operation(), "sqrt");
    // Values of two outputs.
    let value = found(|| {
        let x = Var::new(-1.0);
        let z = checkpoint(&[x], |v| [v[0].ln(), v[0].sqrt()]);
        (Var::select(x.gt_mask(0.0), z[0], x) + z[1]).backward();
    });
    assert_eq!(value.operation(), "sqrt");
}

#[test]
fn names_outside_of_a_checkpoint_follow_those_inside() {
    let anomaly = found(|| {
        let x = Var::new(0.0).named("x");
        let z = checkpoint(&[x], |v| {
            let inner = checkpoint(&[v[0]], |v| v[0].sqrt().named("root") * 2.0).named("inner");
            [v[0] * 1.0, (inner + 1.0).named("sum")]
        });
        let (other, second) = (z[0].named("other"), z[1].named("second"));
        (second * 2.0 + other).named("loss").backward();
    });
    assert_eq!(anomaly.names(), ["root", "inner", "sum", "second", "loss"]);
    // A value.
    let anomaly = found(|| {
        let z = checkpoint(&[Var::new(-1.0)], |v| v[0].sqrt().named("root") * 2.0).named("z");
        (z + 1.0).named("loss").backward();
    });
    assert_eq!(anomaly.names(), ["root", "z", "loss"]);
}

#[test]
fn what_a_segment_captured_is_judged_by_its_leaves() {
    let run = |at: f64, inner: fn(Var) -> Var| {
        detect(move || {
            let (x, w) = (Var::new(1.0), Var::new(at));
            let inner = inner(w);
            checkpoint(&[x], move |v| v[0] * inner.sqrt()).backward();
            w.grad()
        })
    };
    assert_eq!(run(0.3, |w| w.floor()).unwrap(), 0.0);
    assert_eq!(run(0.0, |w| w * 1.0).unwrap_err().operation(), "sqrt");
    // What it captured and is masked was met, even if its adjoint is zero.
    let unused = |factor: f64| {
        detect(move || {
            let (x, w) = (Var::new(1.0), Var::new(-1.0).ln());
            let z = checkpoint(&[x], move |v| Var::select(v[0].lt_mask(0.0), w, v[0]));
            (z * factor + x).backward();
            x.grad()
        })
    };
    assert_eq!((unused(1.0).unwrap(), unused(0.0).unwrap()), (2.0, 1.0));
}
