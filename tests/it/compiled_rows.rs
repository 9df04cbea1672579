//! A compiled function over many rows computes what the function computes at each.

#![cfg(feature = "jit")]

use scalargrad::function::{Function, ReplayError};
use scalargrad::{CustomOp, Var};

fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// Whether two sums of the same terms are equal but for their order.
fn is_close(a: f64, b: f64, size: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-12 * size
}

/// Compares everything over rows with the replay of each row.
fn compare(what: &str, f: &Function, shared: &[f64], data: &[f64]) {
    let rows = f.compile().unwrap().over_rows(shared.len()).unwrap();
    let len = rows.row_len();
    let each: Vec<(f64, Vec<f64>)> = data.chunks(len).map(|row| f.gradient(&[shared, row].concat()).unwrap()).collect();
    for (value, (expected, _)) in rows.values(shared, data).unwrap().iter().zip(&each) {
        assert!(is_same(*value, *expected), "{what}: {value} not {expected}");
    }
    let (values, gradients) = rows.gradients(shared, data).unwrap();
    assert_eq!(values.len(), each.len());
    for (row, (expected, of_replay)) in each.iter().enumerate() {
        assert!(is_same(values[row], *expected), "{what}: row {row}");
        let size = of_replay.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        for (d, expected) in gradients.row(row).iter().zip(of_replay) {
            let found = gradients.row(row);
            assert!(is_close(*d, *expected, size), "{what}: row {row}: {found:?} not {of_replay:?}");
        }
    }
    let (sum, gradient) = rows.sum_gradient(shared, data).unwrap();
    let expected: f64 = each.iter().fold(0.0, |sum, (value, _)| sum + value);
    assert!(is_close(sum, expected, expected.abs()), "{what}: {sum} not {expected}");
    for (k, d) in gradient.iter().enumerate() {
        let terms = || each.iter().map(|(_, gradient)| gradient[k]);
        let size: f64 = terms().map(f64::abs).sum();
        let expected: f64 = terms().sum();
        assert!(is_close(*d, expected, size), "{what}: {d} not {expected}");
    }
}

fn row(x: &[Var]) -> Var {
    let scale = (x[0] * 0.5).exp() + x[1] * x[1];
    let inner = (x[2] * scale - x[3]).tanh() + scalargrad::norm(&[x[2], x[3], x[0]]);
    inner.max(x[1]) * scale + x[3].abs().sqrt() + x[2].powi(3)
}

#[test]
fn rows_of_any_number_compute_what_each_does() {
    let f = Function::record(&[0.5, 0.25, 1.0, 2.0], row);
    for rows in [0, 1, 2, 3, 7, 256, 257, 600] {
        let data: Vec<f64> = (0..2 * rows).map(|k| (k as f64 * 0.7).sin() * 2.0).collect();
        for shared in [[0.5, 0.25], [-1.0, 3.0]] {
            compare("rows", &f, &shared, &data);
        }
        compare("nothing shared", &f, &[], &[&data[..], &data[..]].concat());
        compare("all but one shared", &f, &[0.5, 0.25, 1.0], &data);
    }
}

#[test]
fn nan_and_infinities_stay_in_their_rows() {
    let f = Function::record(&[0.5, 0.25, 1.0, 2.0], row);
    let data = [1.0, 2.0, f64::NAN, 1.0, 0.5, 0.0, f64::INFINITY, 1.0, 0.0, -0.0];
    compare("edges", &f, &[0.5, 0.25], &data);
    compare("edges", &f, &[f64::NAN, 0.25], &data);
    compare("edges", &f, &[0.0, f64::NEG_INFINITY], &data);
    let masked = Function::record(&[1.0, 1.0], |x| Var::select(x[1].gt_mask(0.0), x[1].ln() * x[0], x[0]));
    compare("masked", &masked, &[2.0], &[1.0, 0.0, -1.0, 3.0, 0.0]);
}

#[cfg(feature = "proptest")]
#[test]
fn random_programs_over_rows_compute_what_their_replays_do() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use scalargrad::strategy;

    let mut runner = TestRunner::deterministic();
    for (operations, cases) in [(1..=25, 40), (100..=300, 8)] {
        let programs = strategy::programs().inputs(4..=4).operations(operations);
        for case in 0..cases {
            let f = programs.new_tree(&mut runner).unwrap().current();
            let point = strategy::points(24).new_tree(&mut runner).unwrap().current();
            let recorded = Function::record(&point[..4], |x| f.evaluate(x));
            let shared = case % 4;
            let len = 4 - shared;
            compare(&f.to_string(), &recorded, &point[..shared], &point[4..4 + 5 * len]);
        }
    }
}

#[test]
fn a_guard_that_trips_in_a_row_is_an_error() {
    let f = Function::record(&[0.5, 2.0], |x| {
        let y = if x[0] > 0.0 { x[0] } else { -x[0] };
        if x[1] > 1.0 { y * x[1] } else { y + x[1] }
    });
    let rows = f.compile().unwrap().over_rows(1).unwrap();
    assert_eq!(rows.values(&[0.5], &[2.0, 3.0, 4.0]).unwrap(), [1.0, 1.5, 2.0]);
    // The error is that of the rows that no code runs: which ones they are, and the comparison in the first.
    let of_replay = f.over_rows(1);
    for data in [vec![2.0, 0.5, 3.0], vec![0.5], vec![2.0, 0.5, 2.0, 0.25]] {
        let expected = of_replay.values(&[0.5], &data).unwrap_err();
        let ReplayError::BranchChangedInRows(change) = &expected else {
            panic!("{expected}");
        };
        let is_low = |&k: &usize| data[k] < 1.0;
        let low: Vec<usize> = (0..data.len()).filter(is_low).collect();
        assert_eq!(change.rows(), low);
        assert_eq!(rows.values(&[0.5], &data).unwrap_err(), expected);
        assert_eq!(rows.sum(&[0.5], &data).unwrap_err(), expected);
        assert_eq!(rows.sum_gradient(&[0.5], &data).unwrap_err(), expected);
        assert_eq!(rows.gradients(&[0.5], &data).unwrap_err(), expected);
    }
    // One that is asked of what all rows share; without rows nothing is asked.
    let expected = of_replay.values(&[-0.5], &[2.0]).unwrap_err();
    assert_eq!(rows.values(&[-0.5], &[2.0]).unwrap_err(), expected);
    assert_eq!(rows.sum_gradient(&[-0.5], &[]).unwrap(), (0.0, vec![0.0]));
}

#[test]
fn rows_of_code_have_what_rows_have() {
    let f = Function::record(&[1.0, 1.0], |x| (x[0] * x[1]).tanh());
    let rows = f.compile().unwrap().over_rows(1).unwrap();
    let data = [0.5, 2.0, -1.0];
    let (mut values, mut gradients) = ([0.0; 3], [0.0; 6]);
    rows.gradients_into(&[0.5], &data, &mut values, &mut gradients).unwrap();
    let (of_call, matrix) = rows.gradients(&[0.5], &data).unwrap();
    assert_eq!((&values[..], &gradients[..]), (&of_call[..], matrix.as_slice()));
    let sum: f64 = values.iter().sum();
    assert!((rows.sum(&[0.5], &data).unwrap() - sum).abs() < 1e-15);
    // The code has no vectorised functions.
    let fast = rows.clone().fast_math(true);
    assert_eq!(fast.values(&[0.5], &data).unwrap(), values);
    let done = std::sync::Arc::new(std::sync::Mutex::new((0, 0)));
    let last = done.clone();
    let told = rows.on_progress(move |done, all| *last.lock().unwrap() = (done, all));
    told.values(&[0.5], &data).unwrap();
    assert_eq!(*done.lock().unwrap(), (3, 3));
}

#[test]
fn wrong_lengths_are_told() {
    let f = Function::record(&[1.0, 2.0, 3.0], |x| x[0] * x[1] * x[2]);
    let rows = f.compile().unwrap().over_rows(1).unwrap();
    let is_length = |e: ReplayError| matches!(e, ReplayError::WrongLength { .. });
    assert!(is_length(rows.values(&[], &[1.0, 2.0]).unwrap_err()));
    assert!(is_length(rows.sum_gradient(&[1.0], &[1.0]).unwrap_err()));
    let error = rows.gradients(&[1.0], &[1.0, 2.0, 3.0]).unwrap_err();
    assert_eq!(error.to_string(), "a row has 2 numbers, and 3 are no whole number of rows");
}

struct Square;

impl CustomOp for Square {
    fn label(&self) -> String {
        "square".into()
    }
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![x[0] * 2.0]
    }
}

#[test]
fn custom_operations_are_called_for_rows_and_for_what_they_share() {
    let f = Function::record(&[2.0, 3.0], |x| Var::apply(Square, &[x[0]]) * Var::apply(Square, &[x[1] - x[0]]));
    compare("squares", &f, &[2.0], &[3.0, 4.0, 5.0, -1.0, 0.5]);
}
