//! Native code computes what the replay computes.

#![cfg(feature = "jit")]

use scalargrad::function::{Compiled, Function, ReplayError};
use scalargrad::{CustomOp, Var};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// Compares value and gradient with those of the replay: the value bit for bit.
fn compare(what: &str, f: &Function, compiled: &Compiled, x: &[f64]) {
    let (found, expected) = (compiled.gradient(x), f.gradient(x));
    let ((value, gradient), (expected, of_replay)) = match (found, expected) {
        (Ok(found), Ok(expected)) => (found, expected),
        (found, expected) => return assert_eq!(found, expected, "{what} at {x:?}"),
    };
    assert!(is_same(value, expected), "{what} at {x:?}: {value} not {expected}");
    assert!(is_same(compiled.value(x).unwrap(), expected), "{what} at {x:?}");
    // The same contributions, added up in another order.
    let size = of_replay.iter().fold(0.0f64, |size, d| size.max(d.abs()));
    for (d, expected) in gradient.iter().zip(&of_replay) {
        let is_close = size.is_finite() && (d - expected).abs() <= 1e-12 * size;
        let is_equal = d == expected || is_close || d.is_nan() && expected.is_nan();
        assert!(is_equal, "{what} at {x:?}: {gradient:?} not {of_replay:?}");
    }
}

#[cfg(feature = "proptest")]
#[test]
fn random_programs_compute_what_their_replays_do() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use scalargrad::strategy;

    let mut runner = TestRunner::deterministic();
    for (operations, cases) in [(1..=25, 60), (100..=400, 12)] {
        let programs = strategy::programs().inputs(3..=3).operations(operations);
        for _ in 0..cases {
            let f = programs.new_tree(&mut runner).unwrap().current();
            let point =
                |runner: &mut TestRunner| -> Vec<f64> { strategy::points(3).new_tree(runner).unwrap().current() };
            let recorded = Function::record(&point(&mut runner), |x| f.evaluate(x));
            let compiled = recorded.compile().unwrap();
            let mut points: Vec<_> = (0..3).map(|_| point(&mut runner)).collect();
            points.push(vec![0.0, f64::NAN, 1.0]);
            points.push(vec![f64::INFINITY, 0.0, -1.0]);
            points.push(vec![1e200, -1e-310, -0.0]);
            for x in points {
                // Bounds of `clamp` that are NaN.
                if catch_unwind(AssertUnwindSafe(|| recorded.value(&x))).is_err() {
                    assert!(catch_unwind(AssertUnwindSafe(|| compiled.value(&x))).is_err());
                    continue;
                }
                compare(&f.to_string(), &recorded, &compiled, &x);
            }
        }
    }
}

/// A program of many thousand operations, with far uses, wide sums, and slices.
fn long(x: &[Var]) -> Var {
    let mut all = x.to_vec();
    for k in 0..4000 {
        let (a, b) = (all[k], all[k / 2]);
        let next = match k % 7 {
            0 => (a * 0.5).sin() + b,
            1 => a * b * 0.25 - x[k % x.len()],
            2 => (a - b).abs().max(b * 0.125),
            3 => (a * a + 1.0).recip(),
            4 => scalargrad::norm(&[a, b, x[0]]),
            5 => (a / (b * b + 2.0)).tanh(),
            _ => scalargrad::dot(&[a, b, x[1]], &[b, x[2], a]) * 0.1,
        };
        all.push(next);
    }
    let products: Vec<Var> = all.iter().map(|&a| a * x[3]).collect();
    scalargrad::sum(&products) + scalargrad::log_sum_exp(&all) + scalargrad::dot(&all, &all) + all[4003]
}

#[test]
fn a_long_program_computes_what_its_replay_does() {
    let f = Function::record(&[0.5, 0.25, -0.5, 1.0], long);
    let compiled = f.compile().unwrap();
    for x in [
        [0.5, 0.25, -0.5, 1.0],
        [0.0; 4],
        [1.0, -2.0, 3.0, 1e3],
        [f64::NAN, 1.0, 1.0, 1.0],
        [1.0, f64::INFINITY, 0.0, 0.0],
    ] {
        compare("long", &f, &compiled, &x);
    }
}

#[test]
fn a_guard_that_trips_is_the_same_error() {
    let f = Function::record(&[0.5, 2.0], |x| {
        let mut y = x[0].exp();
        if x[0] < x[1] {
            y *= x[1];
        }
        if !(y == x[0]) && y.partial_cmp(&x[1]).is_some() && !y.is_nan() {
            y += x[0];
        }
        if y.total_cmp(&x[0]).is_gt() && x[1].is_sign_positive() {
            y -= 1.0;
        }
        y
    });
    assert!(f.guards() >= 6);
    let compiled = f.compile().unwrap();
    for a in [0.5, 2.0, -1.0, 0.0, -0.0, f64::NAN, f64::INFINITY] {
        for b in [2.0, 0.5, -3.0, -0.0, f64::NAN] {
            let (found, expected) = (compiled.gradient(&[a, b]), f.gradient(&[a, b]));
            match (&found, &expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                // A NaN in an error is not equal to itself.
                _ => assert_eq!(format!("{found:?}"), format!("{expected:?}")),
            }
            assert_eq!(format!("{:?}", compiled.value(&[a, b])), format!("{:?}", f.value(&[a, b])));
        }
    }
}

#[test]
fn many_outputs_have_their_derivatives_in_a_long_function() {
    let f = Function::record(&[0.5, 1.0, 1.5, 2.0, 2.5, 3.0], |x| {
        let mut y = x.to_vec();
        let mut outputs = Vec::new();
        for k in 0..12 {
            let (a, b, c) = (y[k % 6], y[(k * k + 1) % 6], y[(3 * k + 2) % 6]);
            let length = scalargrad::norm(&[a, b, c]);
            let most = (a * b).max(c * 0.3) + scalargrad::log_sum_exp(&[b, c * 0.1]);
            y[k % 6] = (most * 0.1).tanh() + length.recip() + (a - b) * 0.01;
            outputs.push(y[k % 6] * c - a);
        }
        outputs
    });
    let compiled = f.compile().unwrap();
    let x = [0.7, 1.3, 0.2, 1.9, 2.1, 0.4];
    let (found, expected) = (compiled.jacobian(&x).unwrap(), f.jacobian(&x).unwrap());
    assert_eq!(compiled.values(&x), f.values(&x));
    for (d, expected) in found.as_slice().iter().zip(expected.as_slice()) {
        let is_close = (d - expected).abs() <= 1e-12 * (1.0 + expected.abs());
        assert!(is_close, "{found:?} not {expected:?}");
    }
}

#[test]
fn wrong_lengths_are_errors() {
    let f = Function::record(&[1.0, 2.0], |x| [x[0] * x[1], x[0]]);
    let compiled = f.compile().unwrap();
    let is_length = |e: ReplayError| matches!(e, ReplayError::WrongLength { .. });
    assert!(is_length(compiled.values(&[1.0]).unwrap_err()));
    assert!(is_length(compiled.value(&[1.0, 2.0]).unwrap_err()));
    assert!(is_length(compiled.gradient(&[1.0, 2.0]).unwrap_err()));
    assert!(is_length(compiled.jacobian(&[1.0, 2.0, 3.0]).unwrap_err()));
    let one = Function::record(&[1.0], |x| x[0] * x[0]).compile().unwrap();
    assert!(is_length(one.gradient_into(&[1.0], &mut []).unwrap_err()));
}

#[test]
fn a_zero_adjoint_hands_nothing_on() {
    let f = Function::record(&[1.0, 1.0], |x| {
        let masked = Var::select(x[0].gt_mask(0.0), x[0].ln(), x[1]);
        masked + (x[1].sqrt() * 0.0) * x[0]
    });
    let compiled = f.compile().unwrap();
    for x in [[1.0, 4.0], [0.0, 4.0], [-1.0, 2.0], [0.0, 0.0], [2.0, 0.0]] {
        compare("masked", &f, &compiled, &x);
    }
    assert_eq!(compiled.gradient(&[0.0, 4.0]).unwrap().1, [0.0, 1.0]);
}

#[test]
fn a_few_plain_functions() {
    let identity = Function::record(&[0.5, 1.0], |x| x[1]);
    let constant = Function::record(&[0.5, 1.0], |_| Var::constant(-2.0));
    let sum = Function::record(&[0.5, 1.0], |x| x[0] + x[0] + x[1] - 1.0);
    for f in [identity, constant, sum] {
        compare("plain", &f, &f.compile().unwrap(), &[-0.0, 3.0]);
    }
    let none = Function::record(&[1.0], |_| Vec::<Var>::new());
    assert!(none.compile().unwrap().values(&[1.0]).unwrap().is_empty());
    let no_input = Function::record(&[], |_| Var::constant(3.0));
    assert_eq!(no_input.compile().unwrap().gradient(&[]).unwrap(), (3.0, vec![]));
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

struct Cube;

impl CustomOp for Cube {
    fn label(&self) -> String {
        "cube".into()
    }
    fn value(&self, x: &[f64]) -> f64 {
        assert!(x[0] < 100.0, "too large for a cube");
        // User code may compile and call what it likes.
        let f = Function::record(&[2.0], |x| x[0] * x[0]);
        let square = f.compile().unwrap().value(x).unwrap();
        square * x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        ASKED.fetch_add(1, Ordering::Relaxed);
        vec![x[0] * x[0] * 3.0]
    }
}

#[test]
fn a_custom_operation_is_called_back() {
    let f =
        Function::record(&[2.0, 3.0], |x| Var::apply(Cube, &[x[0] * x[1]]) * x[1] + Var::apply(Cube, &[x[0]]) * 0.0);
    let compiled = f.compile().unwrap();
    compare("cube", &f, &compiled, &[2.0, 3.0]);
    // Its rule is not asked where its adjoint is zero.
    ASKED.store(0, Ordering::Relaxed);
    let _ = compiled.gradient(&[2.0, 3.0]).unwrap();
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    // Its panic comes out, and the next call is right.
    let panic = catch_unwind(AssertUnwindSafe(|| compiled.gradient(&[20.0, 30.0])));
    let payload = panic.unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"too large for a cube"));
    compare("cube", &f, &compiled, &[1.0, -3.0]);
}

#[test]
fn bounds_that_cross_are_the_panic_of_the_replay() {
    let f = Function::record(&[0.5, 1.0], |x| x[0].clamp(0.0, x[1]));
    let compiled = f.compile().unwrap();
    compare("clamp", &f, &compiled, &[0.5, 0.25]);
    for bound in [-1.0, f64::NAN] {
        let panic = catch_unwind(AssertUnwindSafe(|| compiled.value(&[0.5, bound])));
        let message = panic.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("the bounds of `clamp` cross"), "{message}");
        let gradient = catch_unwind(AssertUnwindSafe(|| compiled.gradient(&[0.5, bound])));
        assert!(gradient.is_err());
    }
}

#[test]
fn two_threads_call_one_function() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let f = Function::record(&[0.5, 0.25, -0.5, 1.0], long);
    let compiled = f.compile().unwrap();
    is_shared(&compiled);
    let points = [[0.5, 0.25, -0.5, 1.0], [1.0, -2.0, 3.0, 0.5]];
    let expected = points.map(|x| compiled.gradient(&x).unwrap());
    std::thread::scope(|scope| {
        for k in 0..4 {
            let (compiled, x, expected) = (&compiled, &points[k % 2], &expected[k % 2]);
            scope.spawn(move || {
                for _ in 0..20 {
                    assert_eq!(compiled.gradient(x).unwrap(), *expected);
                }
            });
        }
    });
    // It goes with the thread that it was sent to.
    std::thread::spawn(move || drop(compiled)).join().unwrap();
}

/// How many pieces of executable memory this process has of its own, where the system tells it.
fn pieces_of_code() -> Option<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let is_code = |line: &&str| line.contains(" r-xp ") && !line.contains('/');
    Some(maps.lines().filter(is_code).count())
}

#[test]
fn compiling_and_dropping_does_not_grow() {
    let f = Function::record(&[0.5, 1.0], |x| (x[0] * x[1]).sin() + x[0].exp() / x[1]);
    let before = pieces_of_code();
    for _ in 0..1000 {
        let compiled = f.compile().unwrap();
        assert!(compiled.value(&[0.5, 1.0]).is_ok());
    }
    let (Some(before), Some(after)) = (before, pieces_of_code()) else {
        return;
    };
    // Other tests compile meanwhile.
    assert!(after < before + 300, "{before} to {after} pieces of code");
}

#[test]
fn compiling_takes_linear_time() {
    let time = |operations: usize| {
        let f = Function::record(&[0.5, 0.25], |x| {
            let mut y = x[0];
            // Without a period, so that there is no loop to be found.
            let mut state = 1u32;
            for _ in 0..operations / 2 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                y = match state >> 30 {
                    0 => y * x[1] + 0.5,
                    1 => (y - x[0]) * 0.5,
                    2 => (x[0] - y) / 3.0,
                    _ => -y * 0.5,
                };
            }
            y
        });
        let start = std::time::Instant::now();
        let compiled = f.compile().unwrap();
        assert!(compiled.gradient(&[0.5, 0.25]).is_ok());
        start.elapsed()
    };
    time(1000);
    let (short, long) = (time(3_000), time(30_000));
    assert!(long < 40 * short, "{short:?} to {long:?}"); // a square is 100 times
}
