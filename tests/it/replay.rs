//! A recorded function gives what the closure gives, at every point.

use scalargrad::function::{Function, Recorder, ReplayError};
use scalargrad::{CustomOp, Real, Var, dot, norm, sum, value_and_gradient};

fn rosenbrock<T: Real>(x: &[T]) -> T {
    let term = |pair: &[T]| {
        let (a, b) = (pair[1] - pair[0] * pair[0], -pair[0] + 1.0);
        a * a * 100.0 + b * b
    };
    x.windows(2).map(term).sum()
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.5 + 0.01 * i as f64).collect()
}

#[test]
fn a_replay_equals_the_closure_bit_for_bit() {
    let f = Function::record(&point(20), rosenbrock::<Var>);
    let x: Vec<f64> = point(20).iter().map(|x| x.sin() * 3.0).collect();
    let (value, gradient) = value_and_gradient(rosenbrock, &x);
    let (replayed, replayed_gradient) = f.gradient(&x).unwrap();
    assert_eq!(replayed.to_bits(), value.to_bits());
    for (found, expected) in replayed_gradient.iter().zip(&gradient) {
        assert!((found - expected).abs() <= 1e-13 * expected.abs(), "{found} {expected}");
    }
}

#[test]
fn a_recorder_keeps_the_branches_it_has_met() {
    let mut runs = 0;
    let mut f = Recorder::new(|x: &[Var]| {
        runs += 1;
        if x[0] < 0.0 {
            -x[0]
        } else if x[0] < 1.0 {
            x[0] * x[0]
        } else {
            x[0]
        }
    });
    for k in -20..20 {
        let x = f64::from(k) / 8.0;
        let (value, slope) = if x < 0.0 {
            (-x, -1.0)
        } else if x < 1.0 {
            (x * x, 2.0 * x)
        } else {
            (x, 1.0)
        };
        assert_eq!(f.gradient(&[x]), (value, vec![slope]));
        assert_eq!(f.values(&[x]), [value]);
    }
    assert_eq!(f.variants().len(), 3);
    drop(f);
    assert_eq!(runs, 3);
}

#[test]
fn wrong_lengths_are_errors() {
    let f = Function::record(&[1.0, 2.0], |x| [x[0], x[1]]);
    let text = |error: ReplayError| error.to_string();
    assert_eq!(text(f.values(&[1.0]).unwrap_err()), "the function has 2 inputs, not 1");
    assert_eq!(text(f.vjp(&[1.0, 2.0], &[1.0]).unwrap_err()), "there must be 2 weights in `w`, not 1");
    assert!(text(f.value(&[1.0, 2.0]).unwrap_err()).contains("1 output, not 2"));
    let g = Function::record(&[1.0, 2.0], |x| x[0]);
    assert!(g.gradient_into(&[1.0, 2.0], &mut [0.0]).is_err());
    assert!(g.hvp(&[1.0, 2.0], &[0.0]).is_err());
}

#[test]
fn a_recording_is_optimised() {
    let f = Function::record(&[1.0, 2.0], |x| {
        let _dead = x[0].sin().exp();
        let (a, b) = (x[0] * x[1], x[0] * x[1]);
        let constant = Var::new(2.0).exp() * 3.0;
        a + b + constant + x[0] + x[1]
    });
    assert_eq!(f.operations(), 2, "{f}");
    assert_eq!(f.value(&[3.0, 5.0]), Ok(15.0 + 15.0 + 2f64.exp() * 3.0 + 3.0 + 5.0));
}

#[test]
fn equal_expressions_are_one_at_once_and_far_apart() {
    let f = Function::record(&[1.0], |x| (x[0] * 2.0) * (x[0] * 2.0));
    assert_eq!(f.operations(), 2, "{f}");
    // Many of one operand, each of which comes back after all others.
    let f = Function::record(&[0.5], |x| {
        let terms = (0..4_000).map(|k| (x[0] * (1.5 + f64::from(k % 1_000))).sin());
        sum(&terms.collect::<Vec<Var>>())
    });
    assert_eq!(f.operations(), 2_001);
}

#[test]
fn a_collapsed_chain_adds_in_the_same_order() {
    let run = |x: &[Var]| x[3] + (((x[0] + x[1]) + x[2]) + x[4]) + sum(&x[..3]);
    let f = Function::record(&[0.0; 5], run);
    assert_eq!(f.operations(), 2, "{f}");
    for x in [[1e16, 1.0, -1e16, 3.0, 0.1], [-0.0; 5], [f64::INFINITY, 1.0, 2.0, 3.0, 4.0]] {
        let (value, gradient) = value_and_gradient(run, &x);
        let (replayed, replayed_gradient) = f.gradient(&x).unwrap();
        assert_eq!(replayed.to_bits(), value.to_bits());
        assert_eq!(replayed_gradient, gradient);
    }
}

struct Cube;
impl CustomOp for Cube {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[0] * x[0] * x[1]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![3.0 * x[0] * x[0] * x[1], x[0] * x[0] * x[0]]
    }
}

#[test]
fn custom_operations_replay_to_the_second_order() {
    let run = |x: &[Var]| Var::apply(Cube, &[x[0] * 2.0, x[1]]).sin();
    let f = Function::record(&[0.5, 1.0], run);
    let at = [0.3, 0.7];
    assert_eq!(f.gradient(&at).unwrap(), value_and_gradient(run, &at));
    let h = f.hessian(&at).unwrap();
    let plain = scalargrad::hessian(
        |x| {
            let y = x[0] * 2.0;
            (y * y * y * x[1]).sin()
        },
        &at,
    );
    for (found, expected) in h.as_slice().iter().zip(plain.as_slice()) {
        assert!((found - expected).abs() < 1e-12, "{h}\n{plain}");
    }
}

#[test]
#[should_panic(expected = "`area` was made by `Var::custom` from plain numbers")]
fn a_first_order_custom_operation_cannot_be_recorded() {
    let _ = Function::record(&[3.0], |x| Var::custom("area", 9.0, [(x[0], 6.0)]));
}

#[test]
fn edges_are_those_of_the_sweep() {
    let cases: [fn(&[Var]) -> Var; 7] = [
        |x| x[0].max(x[0]),
        |x| x[0].max(0.0),
        |x| x[0].max(x[1]) + x[0].min(x[1]),
        |x| Var::select(x[0].gt_mask(0.0), x[0].ln(), x[1] * 2.0),
        |x| norm(&[x[0], x[1]]),
        |x| x[0].sqrt() * 0.0 + x[1],
        |x| dot(&[x[0], x[1]], &[x[1].ln(), Var::constant(2.0)]),
    ];
    for (k, run) in cases.into_iter().enumerate() {
        let f = Function::record(&[1.0, 2.0], run);
        for x in [[0.0, 0.0], [0.0, 1.0], [-1.0, 2.0], [2.0, f64::NAN]] {
            let (value, gradient) = value_and_gradient(run, &x);
            let replayed = f.gradient(&x).unwrap();
            assert_eq!(format!("{replayed:?}"), format!("{:?}", (value, gradient)), "{k} at {x:?}");
        }
    }
}

#[cfg(feature = "proptest")]
mod random {
    use super::*;
    use proptest::prelude::*;
    use scalargrad::strategy;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn random_programs_replay_as_they_run(
            (f, x) in strategy::programs().operations(1..=30).at_point(),
            far in strategy::points(3),
        ) {
            let recorded = Function::record(&x, |x| f.evaluate(x));
            prop_assert_eq!(recorded.guards(), 0);
            for at in [&x[..], &far[..x.len()]] {
                let (value, gradient) = value_and_gradient(|x| f.evaluate(x), at);
                let (replayed, replayed_gradient) = recorded.gradient(at).unwrap();
                prop_assert!(
                    replayed.to_bits() == value.to_bits() || replayed.is_nan() && value.is_nan(),
                    "{} {}", replayed, value
                );
                if at == &x[..] {
                    let size = gradient.iter().fold(1.0f64, |m, g| m.max(g.abs()));
                    for (found, expected) in replayed_gradient.iter().zip(&gradient) {
                        prop_assert!((found - expected).abs() <= 1e-10 * size, "{} {}", found, expected);
                    }
                }
            }
        }

        #[test]
        fn guards_of_random_programs_trip_when_a_decision_changes(
            f in strategy::programs().inputs(2..=2),
            g in strategy::programs().inputs(2..=2),
            (x, y) in (strategy::points(2), strategy::points(2)),
        ) {
            let run = |x: &[Var]| {
                let (a, b) = (f.evaluate(x), g.evaluate(x));
                if a < b { a * 2.0 } else { b }
            };
            let decision = |x: &[f64]| f.evaluate(x) < g.evaluate(x);
            let recorded = Function::record(&x, run);
            // Without a guard both sides are constants.
            let same = decision(&x) == decision(&y) || recorded.guards() == 0;
            prop_assert_eq!(recorded.value(&y).is_ok(), same);
        }
    }
}

#[test]
fn a_derivative_does_not_depend_on_whether_a_value_is_its_operand() {
    let functions: [fn(Var) -> Var; 8] = [
        Var::atan,
        Var::sin,
        Var::cos,
        Var::sinh,
        Var::exp,
        Var::ln_1p,
        |x| Var::select(x.gt_mask(-1.0), x, x * 2.0),
        |x| x.sin() * x.exp() * (x + 1.0).recip(),
    ];
    for f in functions {
        let slope = |x: &[Var]| f(x[0]).differentiate(x)[0];
        let recorded = Function::record(&[0.5], slope);
        let direct = Function::record(&[0.0], slope).value(&[0.0]).unwrap();
        assert_eq!(recorded.value(&[0.0]), Ok(direct), "{recorded}");
    }
    // At a tie the shares of `max` are others.
    let larger = |x: &[Var]| x[0].max(x[1]).differentiate(x);
    let larger = Function::record(&[2.0, 1.0], larger);
    assert!(larger.guards() > 0 && larger.values(&[1.0, 1.0]).is_err());
}
