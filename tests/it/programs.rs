//! Laws that hold for every program, on random ones.

#![cfg(feature = "proptest")]

mod shrinking;

use crate::dual::{forward_gradient, forward_hessian};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use scalargrad::strategy::{self, Program};
use scalargrad::{Var, check, gradient, graph, sum, value_and_gradient};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Outcome = Result<(), TestCaseError>;

/// A runner that draws the same cases every time, others for each law.
fn runner(law: &str, cases: u32) -> TestRunner {
    let mut seed = [0; 32];
    for (i, byte) in law.bytes().enumerate() {
        seed[i % 32] ^= byte;
    }
    let config = Config { cases, max_shrink_iters: 100_000, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

/// Checks a law on random cases; a counterexample comes out as small as it gets.
fn law<S: Strategy>(name: &str, cases: u32, strategy: S, holds: impl Fn(S::Value) -> Outcome) {
    if let Err(error) = runner(name, cases).run(&strategy, holds) {
        panic!("{name}: {error}");
    }
}

fn fail<T: std::fmt::Debug>(what: &str, a: T, b: T) -> Outcome {
    Err(TestCaseError::fail(format!("{what}: {a:?} is not {b:?}")))
}

/// Whether two gradients are the same up to rounding: relative to the longest component.
fn close(what: &str, a: &[f64], b: &[f64]) -> Outcome {
    let size = b.iter().fold(1.0, |m: f64, b| m.max(b.abs()));
    let is_close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * size;
    if a.len() == b.len() && a.iter().zip(b).all(is_close) {
        return Ok(());
    }
    fail(what, a, b)
}

fn same_bits(what: &str, a: &[f64], b: &[f64]) -> Outcome {
    let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    if bits(a) == bits(b) {
        return Ok(());
    }
    fail(what, a, b)
}

fn leaves(x: &[f64]) -> Vec<Var> {
    x.iter().map(|&x| Var::new(x)).collect()
}

fn sweep(f: &Program, x: &[f64]) -> Vec<f64> {
    gradient(|x| f.evaluate(x), x)
}

fn hessian(f: &Program, x: &[f64]) -> Vec<Vec<f64>> {
    graph::scope(|| {
        let x = leaves(x);
        let first = f.evaluate(&x).differentiate(&x);
        let row = |d: &Var| {
            d.backward();
            x.iter().map(|x| x.grad()).collect()
        };
        first.iter().map(row).collect()
    })
}

/// Two programs of the same inputs, and a point.
fn pairs() -> impl Strategy<Value = (Program, Program, Vec<f64>)> {
    let two = || strategy::programs().inputs(2..=2).operations(1..=8);
    (two(), two(), strategy::points(2))
}

#[test]
fn the_value_of_a_variable_is_that_of_a_number_bit_for_bit() {
    let cases = (strategy::programs().inputs(3..=3), strategy::points(3));
    law("values", 300, cases, |(f, x)| {
        let (value, _) = value_and_gradient(|x| f.evaluate(x), &x);
        same_bits("values", &[value], &[f.evaluate(&x)])
    });
}

#[test]
fn forward_duals_agree_with_the_sweep() {
    law("duals", 400, strategy::program_at_point(), |(f, x)| {
        let forward = forward_gradient(|x| f.evaluate(x), &x);
        close("sweep and duals", &sweep(&f, &x), &forward)
    });
}

#[test]
fn forward_duals_of_duals_agree_with_the_sweep_of_a_recorded_sweep() {
    law("hessians", 200, strategy::program_at_point(), |(f, x)| {
        let forward = forward_hessian(|x| f.evaluate(x), &x).concat();
        close("second derivatives", &hessian(&f, &x).concat(), &forward)
    });
}

#[test]
fn recorded_derivatives_are_those_of_the_sweep() {
    law("differentiate", 200, strategy::program_at_point(), |(f, x)| {
        graph::scope(|| {
            let x = leaves(&x);
            let output = f.evaluate(&x);
            output.backward();
            let swept: Vec<f64> = x.iter().map(|x| x.grad()).collect();
            let recorded = output.differentiate(&x);
            let recorded: Vec<f64> = recorded.iter().map(|d| d.value()).collect();
            close("differentiate and backward", &recorded, &swept)
        })
    });
}

#[test]
fn second_derivatives_are_symmetric() {
    let cases = strategy::programs().inputs(2..=3).at_point();
    law("symmetry", 200, cases, |(f, x)| {
        let rows = hessian(&f, &x);
        let column = |j: usize| rows.iter().map(|row| row[j]).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = (0..x.len()).map(column).collect();
        close("rows and columns", &rows.concat(), &columns.concat())
    });
}

#[test]
fn finite_differences_agree_with_the_sweep() {
    law("differences", 60, strategy::program_at_point(), |(f, x)| match check::gradient(|x| f.evaluate(x), &x) {
        Ok(_) => Ok(()),
        Err(mismatch) => Err(TestCaseError::fail(mismatch.to_string())),
    });
}

#[test]
fn the_gradient_is_linear() {
    law("linearity", 150, pairs(), |(f, g, x)| {
        let combined = gradient(|x| f.evaluate(x) * 2.5 - g.evaluate(x) / 4.0, &x);
        let parts = sweep(&f, &x).into_iter().zip(sweep(&g, &x));
        let parts: Vec<f64> = parts.map(|(a, b)| 2.5 * a - 0.25 * b).collect();
        close("2.5 f − g/4", &combined, &parts)
    });
}

#[test]
fn products_and_quotients_have_their_rules() {
    law("products", 150, pairs(), |(f, g, x)| {
        let (u, v) = (f.evaluate(&x), g.evaluate(&x));
        let parts: Vec<(f64, f64)> = (sweep(&f, &x).into_iter().zip(sweep(&g, &x))).collect();
        let product = gradient(|x| f.evaluate(x) * g.evaluate(x), &x);
        let expected: Vec<f64> = parts.iter().map(|(a, b)| a * v + u * b).collect();
        close("f·g", &product, &expected)?;

        let w = v * v + 1.0;
        let quotient = gradient(
            |x| {
                let v = g.evaluate(x);
                f.evaluate(x) / (v * v + 1.0)
            },
            &x,
        );
        let rule = |(a, b): &(f64, f64)| (a * w - u * 2.0 * v * b) / (w * w);
        let expected: Vec<f64> = parts.iter().map(rule).collect();
        close("f/(g² + 1)", &quotient, &expected)
    });
}

#[test]
fn the_chain_rule_holds_where_a_program_is_cut() {
    let inner = || strategy::programs().inputs(2..=2).operations(1..=6);
    let cases = (inner(), inner(), inner(), strategy::points(2));
    law("chain", 150, cases, |(f, g, outer, x)| {
        // Into the box in which the outer one is at home.
        let squashed = |f: &Program, x: &[Var]| {
            let v = f.evaluate(x);
            v * 4.0 / (v * v + 1.0)
        };
        let whole = gradient(|x| outer.evaluate(&[squashed(&f, x), squashed(&g, x)]), &x);
        let (u, du) = value_and_gradient(|x| squashed(&f, x), &x);
        let (v, dv) = value_and_gradient(|x| squashed(&g, x), &x);
        let slopes = sweep(&outer, &[u, v]);
        let expected: Vec<f64> = (0..2).map(|k| slopes[0] * du[k] + slopes[1] * dv[k]).collect();
        close("chain rule", &whole, &expected)
    });
}

#[test]
fn a_gradient_does_not_depend_on_the_order_of_recording() {
    law("order", 150, strategy::program_at_point(), |(f, x)| {
        let expected = sweep(&f, &x);
        for seed in 1..4_usize {
            let state = Cell::new(seed);
            let shuffled = |x: &[Var]| {
                f.evaluate_by(x, |ready| {
                    state.set(state.get().wrapping_mul(0x5851_F42D_4C95_7F2D) + 1);
                    (state.get() >> 33) % ready
                })
            };
            close("shuffled", &gradient(shuffled, &x), &expected)?;
        }
        let last_first = |x: &[Var]| f.evaluate_by(x, |ready| ready - 1);
        close("last first", &gradient(last_first, &x), &expected)
    });
}

#[test]
fn unrelated_records_and_sweeps_change_nothing() {
    law("unrelated", 100, strategy::program_at_point(), |(f, x)| {
        let expected = sweep(&f, &x);
        let busy = |x: &[Var]| {
            f.evaluate_by(x, |_| {
                // More than a window of the sweep, and a sweep, and a scope of its own.
                let junk: Vec<Var> = (0..100).map(|k| x[0] * f64::from(k)).collect();
                let junk = sum(&junk).sin() * Var::new(f64::NAN);
                junk.backward();
                graph::scope(|| (x[0] * x[0]).backward());
                0
            })
        };
        same_bits("beside others", &gradient(busy, &x), &expected)
    });
}

#[test]
fn nested_scopes_and_panics_change_nothing() {
    law("scopes", 100, strategy::program_at_point(), |(f, x)| {
        let expected = sweep(&f, &x);
        graph::scope(|| {
            let outer = leaves(&x);
            let before = graph::len();
            graph::scope(|| {
                let _ = f.evaluate(&outer);
                graph::scope(|| f.evaluate(&outer).backward());
            });
            let grads: Vec<f64> = outer.iter().map(|x| x.grad()).collect();
            same_bits("in nested scopes", &grads, &expected)?;

            let left = Cell::new(f.operations() / 2);
            let interrupted = AssertUnwindSafe(|| {
                graph::scope(|| {
                    f.evaluate_by(&outer, |_| match left.get() {
                        0 => std::panic::resume_unwind(Box::new(())),
                        n => {
                            left.set(n - 1);
                            0
                        }
                    })
                })
            });
            assert!(catch_unwind(interrupted).is_err());
            assert_eq!(graph::len(), before);
            let after = f.evaluate(&outer).gradients().wrt_all(&outer);
            same_bits("after a panic", &after, &expected)
        })
    });
}

#[test]
fn sweeps_repeat_accumulate_and_snapshot() {
    law("sweeps", 100, strategy::program_at_point(), |(f, x)| {
        graph::scope(|| {
            let x = leaves(&x);
            let output = f.evaluate(&x);
            let grads = || x.iter().map(|x| x.grad()).collect::<Vec<f64>>();
            output.backward();
            let once = grads();
            output.backward();
            same_bits("again", &grads(), &once)?;
            same_bits("snapshot", &output.gradients().wrt_all(&x), &once)?;
            output.backward_accumulate();
            let twice: Vec<f64> = once.iter().map(|g| 2.0 * g).collect();
            same_bits("accumulated", &grads(), &twice)
        })
    });
}

#[test]
fn programs_are_finite_all_over_the_box() {
    let cases = strategy::programs().inputs(2..=2).operations(1..=20);
    law("finite", 200, cases, |f| {
        let mut runner = runner("points", 1);
        for _ in 0..20 {
            let x = strategy::points(2).new_tree(&mut runner).unwrap().current();
            let (value, slopes) = value_and_gradient(|x| f.evaluate(x), &x);
            if !(value.is_finite() && slopes.iter().all(|slope| slope.is_finite())) {
                return Err(TestCaseError::fail(format!("{value}, {slopes:?} at {x:?}")));
            }
        }
        Ok(())
    });
}

#[test]
fn smooth_programs_have_every_smooth_operation_and_no_other() {
    let text = |programs: strategy::Programs| {
        let mut runner = runner("coverage", 1);
        let draw = |_| programs.new_tree(&mut runner).unwrap().current();
        (0..1500).map(draw).map(|f| f.to_string()).collect::<String>()
    };
    let (all, smooth) = (text(strategy::programs()), text(strategy::programs().smooth()));
    let kinked = "% abs max min clamp copysign relu leaky_relu mask_select signum floor ceil round \
        trunc div_euclid gt_mask ge_mask lt_mask le_mask eq_mask fract rem_euclid";
    let kinked: Vec<&str> = kinked.split_whitespace().collect();
    let operations = "+ - * / sqrt cbrt recip powi powf exp exp2 exp_m1 ln log log2 log10 ln_1p \
        sin cos tan asin acos atan atan2 sinh cosh tanh sech2 asinh acosh atanh hypot mul_add \
        to_degrees to_radians sigmoid softplus silu gelu erf erfc exp_neg_square normal_pdf \
        normal_cdf gamma ln_gamma digamma polygamma sinc sinc_derivative xlogy logaddexp exp_sub inversion softmax_share \
        sum dot norm log_sum_exp";
    let has = |text: &str, name: &str| {
        let call = format!("{name}(");
        let is_sign = name.len() == 1;
        [format!(" {name} "), format!(".{call}"), format!("::{call}")][usize::from(!is_sign)..]
            .iter()
            .any(|form| text.contains(form.as_str()))
    };
    for name in operations.split_whitespace() {
        assert!(has(&smooth, name) && has(&all, name), "{name} is missing");
    }
    for name in kinked {
        assert!(has(&all, name), "{name} is missing");
        assert!(!has(&smooth, name), "{name} is not smooth");
    }
}
