//! `levenberg-marquardt`

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt, TerminationReason};
use nalgebra_0_34::{DMatrix, DVector, Dyn, storage::Owned};
use scalargrad::function::{Function, Recorder};
use scalargrad::interop::{EachRow, levenberg_marquardt::Residuals};
use scalargrad::{Real, Var};
use std::cell::RefCell;

const TIMES: [f64; 6] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0];
const MEASURED: [f64; 6] = [1.02, 0.71, 0.48, 0.38, 0.27, 0.13];

fn residuals<T: Real>(x: &[T]) -> Vec<T> {
    (0..6).map(|i| x[0] * (x[1] * TIMES[i]).exp() - MEASURED[i]).collect()
}

/// The same by hand, on numbers.
struct ByHand(DVector<f64>);

impl LeastSquaresProblem<f64, Dyn, Dyn> for ByHand {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn>;

    fn set_params(&mut self, x: &DVector<f64>) {
        self.0.copy_from(x);
    }

    fn params(&self) -> DVector<f64> {
        self.0.clone()
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        Some(DVector::from_vec(residuals(self.0.as_slice())))
    }

    fn jacobian(&self) -> Option<DMatrix<f64>> {
        let (a, b) = (self.0[0], self.0[1]);
        let entry = |i: usize, j: usize| {
            let e = (b * TIMES[i]).exp();
            if j == 0 { e } else { a * TIMES[i] * e }
        };
        Some(DMatrix::from_fn(6, 2, entry))
    }
}

#[test]
fn a_fit_is_that_by_hand() {
    let start = [1.0, 0.0];
    let (by_hand, report) = LevenbergMarquardt::new().minimize(ByHand(DVector::from_column_slice(&start)));
    assert!(report.termination.was_successful());
    let expected = by_hand.0.as_slice();
    let check = |found: &[f64]| {
        assert!((found[0] - expected[0]).abs() < 1e-9 && (found[1] - expected[1]).abs() < 1e-9);
    };
    let closure = Residuals::new(|x: &[Var]| residuals(x), &start);
    let (fit, report) = LevenbergMarquardt::new().minimize(closure);
    assert!(report.termination.was_successful());
    check(fit.point());
    let recorded = Function::record(&start, residuals);
    check(LevenbergMarquardt::new().minimize(Residuals::new(recorded, &start)).0.point());
    let row = Function::record(&[1.0; 4], |x| x[0] * (x[1] * x[2]).exp() - x[3]);
    let data = TIMES.iter().zip(MEASURED).flat_map(|(&t, y)| [t, y]);
    let rows = EachRow(row.over_rows(2), data.collect());
    check(LevenbergMarquardt::new().minimize(Residuals::new(rows, &start)).0.point());
    let recorder = RefCell::new(Recorder::new(|x: &[Var]| residuals(x)));
    check(LevenbergMarquardt::new().minimize(Residuals::new(recorder, &start)).0.point());
}

#[test]
fn nan_and_another_branch_end_the_run_and_are_told() {
    // The first step is to a negative number.
    let to_nan = Residuals::new(|x: &[Var]| [x[0].sqrt() + 1.0, x[0] * 0.1], &[0.5]);
    let (problem, report) = LevenbergMarquardt::new().minimize(to_nan);
    assert!(matches!(report.termination, TerminationReason::User(_)), "{:?}", report.termination);
    assert!(problem.error().unwrap().contains("is NaN at ["));

    let f = Function::record(&[0.5], |x| [if x[0] < 0.0 { -x[0] } else { x[0] } + 1.0]);
    let (problem, report) = LevenbergMarquardt::new().minimize(Residuals::new(f, &[0.5]));
    assert!(matches!(report.termination, TerminationReason::User(_)));
    assert!(problem.error().unwrap().contains("`x[0] < 0`"));
}

#[test]
fn a_run_that_ends_with_an_error_has_the_best_point() {
    let run = |residuals: fn(&[Var]) -> [Var; 2], start: f64| {
        let (problem, report) = LevenbergMarquardt::new().minimize(Residuals::new(residuals, &[start]));
        assert!(matches!(report.termination, TerminationReason::User(_)), "{:?}", report.termination);
        problem.point()[0]
    };
    assert_eq!(run(|x| [x[0].sqrt() - 0.1, x[0].ln() * 0.01], 1.0), 1.0);
    // Some steps go well before.
    let from_there = |x: &[Var]| [x[0] * x[0] - 2.0, if x[0] > 5.0 { x[0] * f64::NAN } else { x[0] * 0.001 }];
    let (problem, _) = LevenbergMarquardt::new().minimize(Residuals::new(from_there, &[0.1]));
    assert_eq!((problem.point(), problem.params().as_slice()), (&[0.1][..], &[0.1][..]));
    let (problem, report) = LevenbergMarquardt::new().with_stepbound(0.5).minimize(problem);
    assert!(report.termination.was_successful(), "{:?}", report.termination);
    assert!(problem.error().is_none() && (problem.point()[0] - 2f64.sqrt()).abs() < 1e-3);
    let end = run(|x| [if x[0] < 0.05 { x[0] * f64::NAN } else { x[0].powi(2) }, x[0] * 0.0], 1.0);
    assert!((0.05..0.5).contains(&end), "{end}");
}
