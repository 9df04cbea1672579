//! Functions over many rows.

mod custom;

use scalargrad::function::{Counted, Recorder, ReplayError, Rows};
use scalargrad::{Function, Var, sum};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn close(a: f64, b: f64) -> bool {
    same(a, b) || (a - b).abs() <= 1e-12 * b.abs().max(1.0)
}

/// Numbers without a pattern.
fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|k| ((k * 7919 + 13) % 1009) as f64 / 500.0 - 1.0).collect()
}

/// Checks all that rows compute against the replay of each row.
fn check(f: &Function, shared: &[f64], data: &[f64]) {
    let rows = f.over_rows(shared.len());
    let points: Vec<Vec<f64>> = data.chunks(rows.row_len()).map(|row| [shared, row].concat()).collect();
    let values = rows.values(shared, data).unwrap();
    let expected: Vec<f64> = points.iter().flat_map(|x| f.values(x).unwrap()).collect();
    assert_eq!(values.len(), expected.len());
    assert!(values.iter().zip(&expected).all(|(&a, &b)| same(a, b)), "{values:?} is not {expected:?}");

    let (again, gradients) = rows.gradients(shared, data).unwrap();
    assert!(again.iter().zip(&values).all(|(&a, &b)| same(a, b)));
    let jacobians: Vec<f64> = points.iter().flat_map(|x| f.jacobian(x).unwrap().into_vec()).collect();
    assert_eq!(gradients.as_slice().len(), jacobians.len());
    for (&d, &e) in gradients.as_slice().iter().zip(&jacobians) {
        assert!(close(d, e), "{:?} is not {jacobians:?}", gradients.as_slice());
    }
    if f.outputs() != 1 {
        return;
    }
    let (total, gradient) = rows.sum_gradient(shared, data).unwrap();
    let sum: f64 = values.iter().sum();
    assert!(close(total, sum) && close(rows.sum(shared, data).unwrap(), sum), "{total} is not {sum}");
    for (k, &d) in gradient.iter().enumerate() {
        let e: f64 = (0..points.len()).map(|row| jacobians[row * f.inputs() + k]).sum();
        assert!(close(d, e), "input {k}: {d} is not {e}");
    }
}

fn network(x: &[Var]) -> Var {
    let (w, row) = x.split_at(9);
    let h: Vec<Var> = w[..6].chunks(3).map(|w| (w[0] + w[1] * row[0] - w[2] * row[1]).tanh().relu()).collect();
    let score = w[6] + w[7] * h[0] + w[8] * h[1];
    (score - row[2]).powi(2) + sum(&w.iter().map(|&w| w * w).collect::<Vec<_>>()) * 0.01
}

#[test]
fn any_number_of_rows_is_each_row_by_itself() {
    let f = Function::record(&numbers(12), network);
    for rows in [0, 1, 2, 7, 8, 9, 31, 32, 33, 64, 100] {
        check(&f, &numbers(9), &numbers(3 * rows));
    }
}

#[test]
fn any_inputs_may_be_shared() {
    let f = Function::record(&numbers(6), |x| {
        [x[0] * x[1].exp() / x[2] - x[3], x[4].sin() * x[0], x[5], x[5], Var::constant(7.0), x[0] * x[2]]
    });
    for shared in 0..6 {
        check(&f, &numbers(shared), &numbers((6 - shared) * 11));
    }
}

#[test]
fn outputs_that_depend_on_no_row_count_for_each() {
    let f = Function::record(&[1.0, 2.0], |x| x[0] * x[0]);
    assert_eq!(f.over_rows(1).sum_gradient(&[3.0], &[0.0; 5]).unwrap(), (45.0, vec![30.0]));
    let f = Function::record(&[1.0, 2.0], |_| Var::constant(2.0));
    assert_eq!(f.over_rows(1).sum_gradient(&[3.0], &[0.0; 5]).unwrap(), (10.0, vec![0.0]));
    check(&Function::record(&[1.0, 2.0], |x| x[1]), &[3.0], &numbers(9));
}

#[test]
fn large_programs_run_in_small_blocks() {
    let f = Function::record(&numbers(3), |x| {
        let mut z = x[2];
        for k in 0..5000 {
            z = (z * x[0] + x[1]).sin() / (1.0 + f64::from(k));
        }
        z
    });
    check(&f, &numbers(2), &numbers(21));
}

#[test]
fn masked_lanes_stay_zero_beside_infinite_partials() {
    let f = Function::record(&[1.0, 2.0, 1.0], |x| x[0] * x[1].sqrt() * x[2] + (x[1] * x[2]).abs().sqrt());
    let edges = [0.0, 1.0, f64::INFINITY, f64::NAN, -1.0];
    let data: Vec<f64> = edges.iter().flat_map(|&a| edges.iter().flat_map(move |&b| [a, b])).collect();
    check(&f, &[2.0], &data);
    // The gradient of a sum, with masked rows among others.
    let f = Function::record(&[1.0, 2.0, 1.0], |x| (x[0] * x[1]).sqrt() * x[2]);
    let data = [0.0, 0.0, 4.0, 1.0, f64::INFINITY, 0.0];
    let (_, gradient) = f.over_rows(1).sum_gradient(&[1.0], &data).unwrap();
    assert_eq!(gradient, [1.0]);
}

fn branches(x: &[Var]) -> Var {
    let product = x[0] * x[1];
    if x[1] < 0.0 {
        product.exp()
    } else if product > 4.0 {
        product.ln()
    } else {
        product * product
    }
}

#[test]
fn guards_that_trip_name_their_rows() {
    let f = Function::record(&[1.0, 1.0], branches);
    let rows = f.over_rows(1);
    assert_eq!(rows.values(&[1.0], &[1.0, 2.0]).unwrap(), [1.0, 4.0]);
    let mut data = vec![1.0; 70];
    for row in [3, 40, 69] {
        data[row] = -1.0;
    }
    data[64] = 5.0;
    for result in [
        rows.values(&[1.0], &data).map(drop),
        rows.sum_gradient(&[1.0], &data).map(drop),
        rows.gradients(&[1.0], &data).map(drop),
    ] {
        let Err(ReplayError::BranchChangedInRows(change)) = result else { panic!("four rows take another branch") };
        assert_eq!(change.rows(), [3, 40, 64, 69]);
        assert_eq!(change.first().comparison(), "x[1] < 0");
        assert_eq!(change.first().operands(), [-1.0, 0.0]);
        let text = change.to_string();
        assert!(
            text.starts_with(
                "4 rows take another branch (3, 40, 64, 69): in the first one, the comparison `x[1] < 0` at "
            ),
            "{text}"
        );
    }
    // All rows, in one block and more.
    for n in [1, 8, 40] {
        let Err(ReplayError::BranchChangedInRows(change)) = rows.values(&[1.0], &vec![-1.0; n]) else {
            panic!("all rows take another branch")
        };
        assert_eq!(change.rows(), Vec::from_iter(0..n));
    }
}

#[test]
fn a_guard_of_the_shared_part_trips_for_all_rows() {
    let f = Function::record(&[1.0, 1.0], |x| if x[0] > 0.0 { x[0] * x[1] } else { x[1] });
    let error = f.over_rows(1).sum(&[-1.0], &[1.0, 2.0]).unwrap_err();
    let ReplayError::BranchChangedInRows(change) = error else { panic!("{error}") };
    assert_eq!(change.rows(), [0, 1]);
    assert_eq!(f.over_rows(1).sum(&[-1.0], &[]).unwrap(), 0.0);
}

#[test]
fn a_recorder_runs_each_row_on_its_branch() {
    let mut f = Recorder::new(branches);
    let data: Vec<f64> = (0..75).map(|k| f64::from(k % 7) - 3.0).collect();
    let mut alone = Recorder::new(branches);
    let expected: Vec<(f64, Vec<f64>)> = data.iter().map(|&x| alone.gradient(&[2.0, x])).collect();
    let mut rows = f.over_rows(1, 1);
    let values = rows.values(&[2.0], &data);
    let (again, gradients) = rows.gradients(&[2.0], &data);
    for (k, (value, gradient)) in expected.iter().enumerate() {
        assert_eq!((values[k], again[k]), (*value, *value));
        assert_eq!(gradients.row(k), gradient);
    }
    let (total, gradient) = rows.sum_gradient(&[2.0], &data);
    assert!(close(total, expected.iter().map(|(value, _)| value).sum()));
    assert!(close(gradient[0], expected.iter().map(|(_, gradient)| gradient[0]).sum()));
    assert_eq!(f.variants().len(), 3);
    assert_eq!(f.over_rows(1, 1).sum_gradient(&[2.0], &[]), (0.0, vec![0.0]));
}

#[test]
fn wrong_lengths_are_told() {
    let f = Function::record(&[1.0, 2.0, 3.0], |x| x[0] * x[1] * x[2]);
    let rows = f.over_rows(1);
    let error = rows.values(&[1.0, 2.0], &[1.0, 2.0]).unwrap_err();
    assert_eq!(error.to_string(), "the rows share 1 input, not 2");
    let error = rows.values(&[1.0], &[1.0, 2.0, 3.0]).unwrap_err();
    assert_eq!(error.to_string(), "a row has 2 numbers, and 3 are no whole number of rows");
    let error = rows.gradients_into(&[1.0], &[1.0, 2.0], &mut [0.0; 2], &mut [0.0; 3]).unwrap_err();
    assert!(matches!(error, ReplayError::WrongLength { what: Counted::Values, found: 2, expected: 1, .. }));
    let error = rows.gradients_into(&[1.0], &[1.0, 2.0], &mut [0.0], &mut [0.0; 2]).unwrap_err();
    assert!(matches!(error, ReplayError::WrongLength { what: Counted::Gradients, found: 2, expected: 3, .. }));
    let two = Function::record(&[1.0], |x| [x[0], x[0]]);
    assert!(matches!(two.over_rows(0).sum(&[], &[1.0]), Err(ReplayError::WrongLength { what: Counted::Outputs, .. })));
    let panics = catch_unwind(AssertUnwindSafe(|| f.over_rows(3))).unwrap_err();
    assert!(
        panics
            .downcast_ref::<String>()
            .unwrap()
            .contains("the function has 3 inputs; with 3 shared there is none for a row")
    );
}

#[test]
fn rows_are_shared_between_threads_and_leave_no_node() {
    fn is_shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let rows: Rows = Function::record(&numbers(12), network).over_rows(9);
    is_shared(&rows);
    let here = rows.sum_gradient(&numbers(9), &numbers(300)).unwrap();
    let there = std::thread::spawn(move || rows.sum_gradient(&numbers(9), &numbers(300)).unwrap());
    assert_eq!(there.join().unwrap(), here);
    assert_eq!(scalargrad::graph::len(), 0);
}

#[test]
fn fast_math_is_close_to_the_default() {
    let f =
        Function::record(&[0.5, 1.0], |x| (x[0] * x[1]).tanh() + (x[1].abs() + 1.0).ln() * x[0].exp() + x[1].sigmoid());
    let rows = f.over_rows(1);
    let fast = rows.clone().fast_math(true);
    for n in [1, 5, 100] {
        let (value, gradient) = rows.sum_gradient(&[0.5], &numbers(n)).unwrap();
        let (fast_value, fast_gradient) = fast.sum_gradient(&[0.5], &numbers(n)).unwrap();
        assert!((value - fast_value).abs() <= 1e-14 * value.abs());
        assert!((gradient[0] - fast_gradient[0]).abs() <= 1e-14 * gradient[0].abs());
    }
}

#[cfg(feature = "rayon")]
#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let rows = Function::record(&numbers(12), network).over_rows(9);
    let data = numbers(3 * 50_000);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (value, gradient) = rows.sum_gradient(&numbers(9), &data).unwrap();
            (value, gradient, rows.gradients(&numbers(9), &data).unwrap())
        })
    };
    let one = on(1);
    assert!(on(2) == one && on(4) == one);
}

#[cfg(feature = "proptest")]
mod random {
    use super::*;
    use proptest::prelude::*;
    use scalargrad::strategy;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn programs_over_rows_are_their_replays(
            f in strategy::programs().inputs(2..=3).operations(1..=20),
            shared in 0usize..2,
            data in strategy::points_within(3 * 37, -2.0..=2.0),
            special in prop::collection::vec((0usize..3 * 37, 0usize..5), 0..3),
        ) {
            let mut data = data;
            // The bounds of `clamp` must not cross.
            let special = special.into_iter().filter(|_| !f.to_string().contains("clamp"));
            for (at, k) in special {
                data[at] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0][k];
            }
            let recorded = Function::record(&data[..f.inputs()], |x| f.evaluate(x));
            let len = f.inputs() - shared;
            let shared: Vec<f64> = (0..shared).map(|k| 0.75 - k as f64).collect();
            check(&recorded, &shared, &data[..data.len() / len * len]);
        }
    }
}

#[test]
fn of_two_guards_that_trip_in_a_row_the_first_one_is_told_as_by_a_replay() {
    let f = Function::record(&[0.5, 2.0], |x| {
        let y = if x[1] > 1.0 { x[1] } else { -x[1] };
        if x[0].exp() > 1.0 { y } else { -y }
    });
    let error = f.over_rows(1).values(&[-1.0], &[0.5]).unwrap_err();
    let ReplayError::BranchChangedInRows(rows) = error else { panic!("{error}") };
    let error = f.value(&[-1.0, 0.5]).unwrap_err();
    let ReplayError::BranchChanged(replay) = error else { panic!("{error}") };
    assert_eq!(rows.first(), &*replay);
    assert_eq!(replay.operands(), [0.5, 1.0]);
}

#[test]
fn rows_of_a_recorder_run_with_vectorised_functions_by_the_branch_that_these_take() {
    // Where `exp` and its vectorised form differ in the last digit, the row trips over the guard of its own recording.
    let closure = |x: &[Var]| if x[0].exp() == x[1] { x[0] * 2.0 } else { x[0].exp() };
    let xs = (0..200).map(|k| f64::from(k) * 0.0371 - 3.0);
    let data: Vec<f64> = xs.flat_map(|x| [x, x.exp()]).collect();
    let mut plain = Recorder::new(closure);
    let mut recorder = Recorder::new(closure);
    let mut fast = recorder.over_rows(0, 2).fast_math(true);
    let (values, gradients) = fast.gradients(&[], &data);
    let (sum, other) = (fast.sum(&[], &data), values.iter().sum::<f64>());
    assert!((sum - other).abs() < 1e-11, "{sum} and {other}");
    for (k, row) in data.chunks(2).enumerate() {
        assert_eq!((values[k], gradients[(k, 0)]), (row[0] * 2.0, 2.0), "{row:?}");
    }
    assert_eq!(plain.over_rows(0, 2).values(&[], &data), values);
    let trips = recorder.variants()[0].over_rows(0).fast_math(true).values(&[], &data);
    assert!(trips.is_err(), "the vectorised `exp` is exact here: choose other numbers");
    assert_eq!(recorder.variants().len(), 1);
}

#[test]
fn equal_calls_of_the_rows_of_a_recorder_give_equal_sums() {
    let closure = |x: &[Var]| match x[1] {
        y if y < -1.0 => x[0] * y,
        y if y < 0.5 => x[0] * y.exp(),
        y => x[0].sin() * y,
    };
    for seed in 0..50 {
        let data: Vec<f64> = (0..50).map(|k| f64::from((k * 37 + seed * 101) % 199) / 50.0 - 2.0).collect();
        let mut recorder = Recorder::new(closure);
        let mut rows = recorder.over_rows(1, 1);
        let first = rows.sum_gradient(&[0.3], &data);
        assert_eq!(rows.sum_gradient(&[0.3], &data), first);
        assert_eq!(recorder.over_rows(1, 1).sum_gradient(&[0.3], &data), first);
    }
}
