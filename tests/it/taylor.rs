//! Taylor series: against repeated differentiation, and on closures of every kind.

use scalargrad::function::Function;
use scalargrad::{CustomOp, Var, advance, checkpoint, graph, log_sum_exp, taylor};

/// The coefficients by `differentiate`, again and again.
fn repeated(f: impl Fn(Var) -> Var, x: f64, order: usize) -> Vec<f64> {
    graph::scope(|| {
        let x = Var::new(x);
        let (mut z, mut factorial, mut found) = (f(x), 1.0, Vec::new());
        for k in 0..=order {
            found.push(z.value() / factorial);
            factorial *= (k + 1) as f64;
            z = z.differentiate(&[x])[0];
        }
        found
    })
}

fn is_close(found: &[f64], expected: &[f64], tolerance: f64) -> bool {
    let size = expected.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * size;
    found.len() == expected.len() && found.iter().zip(expected).all(near)
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert!(is_close(found, expected, 1e-12), "{found:?} is not {expected:?}");
}

#[test]
fn an_expression_that_occurs_twice_is_computed_before_its_users() {
    let cases: [fn(Var) -> Var; 5] = [
        |x| x.sin() * 2.0 + x.sin(),
        |x| (x * x).exp() + x * x,
        |x| (x.exp() + 1.0).ln() * x.exp() + x.exp().sin(),
        |x| x.cos() * x.sin() + x.sin().tan(),
        |x| log_sum_exp(&[x, x * x, x.sin()]) - log_sum_exp(&[x, x * x, x.sin()]) * 0.5,
    ];
    for f in cases {
        for order in 0..=6 {
            assert_close(&taylor(f, 0.5, order), &repeated(f, 0.5, order));
        }
    }
}

#[test]
fn checkpoints_run_in_line() {
    let f = |x: Var| checkpoint(&[x], |x| vec![x[0].sin()])[0];
    assert_close(&taylor(f, 0.5, 3), &taylor(Var::sin, 0.5, 3));
    let nested = |x: Var| {
        let outer = |x: &[Var]| checkpoint(&[x[0] * x[0]], |x| vec![x[0].exp(), x[0]]);
        let y = checkpoint(&[x], outer);
        y[0] * y[1] * x
    };
    let plain = |x: Var| (x * x).exp() * (x * x) * x;
    assert_close(&taylor(nested, 0.5, 5), &repeated(plain, 0.5, 5));
    let steps = |x: Var| advance(&[x], 10, 3, |_, s| vec![s[0] - s[0] * s[0] * 0.1])[0];
    let plain = |x: Var| (0..10).fold(x, |s, _| s - s * s * 0.1);
    assert_close(&taylor(steps, 0.5, 4), &repeated(plain, 0.5, 4));
}

struct Square;
impl CustomOp for Square {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        checkpoint(&x[..1], |x| vec![x[0] * 2.0])
    }
}

#[test]
fn the_partials_of_a_custom_operation_may_have_checkpoints() {
    let f = |x: Var| Var::apply(Square, &[x.sin()]);
    let plain = |x: Var| x.sin() * x.sin();
    assert_close(&taylor(f, 0.5, 5), &repeated(plain, 0.5, 5));
}

#[test]
fn what_was_recorded_outside_is_constant() {
    let x = Var::new(1.0);
    let sine = 1f64.sin();
    let kept = checkpoint(&[x], |x| vec![x[0].sin()])[0];
    let custom = Var::custom("sine", sine, [(x, 1f64.cos())]);
    for outside in [kept, custom, x.sin(), Var::new(sine)] {
        let f = |t: Var| t * outside;
        assert_close(&taylor(f, 0.5, 3), &[0.5 * sine, sine, 0.0, 0.0]);
        assert_close(
            &taylor(|t| t.powf(outside) + (outside * 2.0).exp(), 0.5, 3),
            &repeated(|t| t.powf(sine) + (2.0 * sine).exp(), 0.5, 3),
        );
        assert_eq!(taylor(|_| outside, 0.5, 2), [sine, 0.0, 0.0]);
    }
    // And so is what is made from it inside.
    let inside = |t: Var| t * Var::custom("double", 2.0, [(x, 2.0)]) + Var::new(3.0).sin();
    assert_close(&taylor(inside, 0.5, 2), &[1.0 + 3f64.sin(), 2.0, 0.0]);
    let inside = |t: Var| t * checkpoint(&[x], |x| vec![x[0].sin()])[0];
    assert_close(&taylor(inside, 0.5, 2), &[0.5 * sine, sine, 0.0]);
}

#[test]
#[should_panic(expected = "Implement `CustomOp`")]
fn numbers_for_partials_have_no_series() {
    let _ = taylor(|t| Var::custom("square", 9.0, [(t, 6.0)]), 3.0, 2);
}

#[test]
#[should_panic(expected = "stale Var: the scope it was recorded in has ended")]
fn an_output_of_a_scope_that_ended_before_is_stale() {
    let stale = graph::scope(|| {
        let _ = Var::new(0.0);
        Var::new(7.0)
    });
    let f = |x: Var| {
        let _y = x * 100.0;
        stale
    };
    let _ = taylor(f, 1.0, 2);
}

#[test]
#[should_panic(expected = "stale Var: the scope it was recorded in has ended")]
fn an_output_of_a_scope_inside_is_stale() {
    let _ = taylor(|x| graph::scope(|| x * x), 1.0, 2);
}

#[test]
#[should_panic(expected = "the closure dropped the graph that it is part of, by `graph::clear`")]
fn an_output_from_before_a_clear_is_stale() {
    let f = |x: Var| {
        let y = x * x;
        graph::clear();
        y
    };
    let _ = taylor(f, 1.0, 2);
}

#[test]
#[should_panic(expected = "the closure dropped the graph that it is part of, by `graph::clear`")]
fn after_a_clear_there_is_no_variable_to_differentiate_by() {
    let f = |_: Var| {
        graph::clear();
        let y = Var::new(7.0);
        y * y
    };
    let _ = taylor(f, 1.0, 2);
}

#[test]
fn a_panic_leaves_the_graph_as_it_was() {
    let before = graph::len();
    let stale = || taylor(|x| graph::scope(|| x * x), 1.0, 2);
    assert!(std::panic::catch_unwind(stale).is_err());
    assert_eq!(graph::len(), before);
    let x = Var::new(2.0);
    let y = checkpoint(&[x], |x| vec![x[0].sin() * x[0]])[0];
    assert_eq!(graph::len(), before + 2); // kept no interior: nothing is being watched
    y.backward();
    assert_eq!(x.grad(), 2f64.cos() * 2.0 + 2f64.sin());
}

#[test]
fn no_grad_around_it_changes_nothing() {
    let series = graph::no_grad(|| taylor(|x| x * x * x, 2.0, 3));
    assert_eq!(series, [8.0, 12.0, 6.0, 1.0]);
    assert!(graph::no_grad(|| Var::new(1.0) * 2.0).is_constant());
}

#[test]
fn nothing_stays_in_the_graph() {
    let before = graph::len();
    let _ = taylor(|x| x.sin() * x.sin().exp(), 0.5, 6);
    assert_eq!(graph::len(), before);
}

#[test]
fn a_recording_around_it_knows_that_the_series_is_numbers() {
    let frozen = Function::record(&[4.0], |x| x[0] * taylor(|t| t * x[0], 1.0, 1)[1]);
    assert!(!frozen.frozen_reads().is_empty());
    let free = Function::record(&[4.0], |x| x[0] * taylor(|t| t * t, 1.0, 1)[1]);
    assert!(free.frozen_reads().is_empty());
    assert_eq!(free.gradient(&[5.0]), Ok((10.0, vec![2.0])));
    // A decision on an outer variable is one of the outer recording.
    let decided = Function::record(&[4.0], |x| x[0] * taylor(|t| if x[0] > 0.0 { t * t } else { t }, 1.0, 1)[1]);
    assert_eq!(decided.gradient(&[5.0]), Ok((10.0, vec![2.0])));
    assert!(decided.gradient(&[-5.0]).is_err());
}

#[cfg(feature = "proptest")]
mod random {
    use super::*;
    use proptest::prelude::*;
    use scalargrad::strategy;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn series_of_random_programs_are_repeated_derivatives(
            (f, x) in strategy::programs().operations(1..=8).at_point(),
        ) {
            // Along a line through the point.
            let f = |t: Var| {
                let x: Vec<Var> = x.iter().enumerate().map(|(i, &x)| t * (1.0 - i as f64 * 0.5) + x).collect();
                f.evaluate(&x)
            };
            let expected = repeated(f, 0.0, 3);
            prop_assume!(expected.iter().all(|c| c.is_finite()));
            let found = taylor(f, 0.0, 3);
            prop_assert!(is_close(&found, &expected, 1e-8), "{:?} is not {:?}", found, expected);
        }
    }
}

#[test]
fn a_leaf_made_inside_shares_a_tie() {
    let cases: [fn(Var) -> Var; 4] = [
        |x| x.max(Var::new(0.5)).powi(2),
        |x| x.min(Var::new(0.25) * 2.0).powi(2),
        |x| x.max(Var::new(0.5)) * x.max(0.5),
        |x| x.clamp(Var::new(0.5), Var::new(1.0)).exp(),
    ];
    for f in cases {
        assert_eq!(taylor(f, 0.5, 3), repeated(f, 0.5, 3));
    }
}

#[test]
fn what_does_not_move_gives_nothing_to_what_is_infinite() {
    assert_eq!(taylor(|x| x * x, f64::INFINITY, 2)[2], 1.0);
    assert_eq!(taylor(|x| x.powi(3), 1e300, 2)[2], 3e300);
    assert_eq!(taylor(Var::exp2, 1e300, 2)[2], f64::INFINITY);
    assert_eq!(taylor(Var::sqrt, 0.0, 2)[2], f64::NEG_INFINITY);
    assert_eq!(taylor(Var::sigmoid, f64::INFINITY, 3), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(taylor(|x| 1.0 / x, 1e308, 2)[2], 0.0);
}

#[test]
#[should_panic(expected = "100000 is the highest")]
fn an_order_without_end_is_refused() {
    let _ = taylor(|x| x, 1.0, usize::MAX);
}
