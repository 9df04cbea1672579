//! `argmin`: its solvers run unchanged.

use argmin::core::{CostFunction, Error, Executor, Gradient, Hessian, Solver, State};
use argmin::solver::gaussnewton::GaussNewton;
use argmin::solver::linesearch::condition::ArmijoCondition;
use argmin::solver::linesearch::{BacktrackingLineSearch, HagerZhangLineSearch, MoreThuenteLineSearch};
use argmin::solver::newton::Newton;
use argmin::solver::quasinewton::LBFGS;
use argmin::solver::trustregion::{Dogleg, Steihaug, TrustRegion};
use scalargrad::function::{Function, Recorder, ReplayError};
use scalargrad::interop::{Differentiable, EachRow, NotANumber, SumOfRows, argmin::Problem};
use scalargrad::{Matrix, Var};
use std::cell::RefCell;

fn rosenbrock(x: &[Var]) -> Var {
    (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2)
}

/// The best point that a solver finds.
fn best<F: Differentiable, S, I>(function: F, solver: S, to_state: impl FnOnce(I) -> I) -> Result<Vec<f64>, Error>
where
    S: Solver<Problem<F>, I>,
    I: State<Param = Vec<f64>, Float = f64>,
{
    let problem: Problem<F> = Problem::new(function);
    let result = Executor::new(problem, solver).configure(to_state).run()?;
    Ok(result.state().get_best_param().unwrap().clone())
}

macro_rules! assert_found {
    ($solver:expr, $function:expr) => {{
        let found = best($function, $solver, |state| state.param(vec![-1.2, 1.0]).max_iters(200)).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-6 && (found[1] - 1.0).abs() < 1e-6, "{}: {found:?}", stringify!($solver));
    }};
}

#[test]
fn the_solvers_find_the_minimum() {
    let recorded = Function::record(&[0.0, 0.0], rosenbrock);
    assert_found!(LBFGS::new(MoreThuenteLineSearch::new(), 7), rosenbrock);
    assert_found!(LBFGS::new(MoreThuenteLineSearch::new(), 7), recorded.clone());
    assert_found!(LBFGS::new(HagerZhangLineSearch::new(), 7), recorded.clone());
    assert_found!(Newton::new(), rosenbrock);
    assert_found!(Newton::new(), recorded.clone());
    assert_found!(TrustRegion::new(Steihaug::new().with_max_iters(20)), rosenbrock);
    assert_found!(TrustRegion::new(Steihaug::new().with_max_iters(20)), recorded.clone());
    assert_found!(TrustRegion::new(Dogleg::new()), RefCell::new(Recorder::new(rosenbrock)));
    // Both rows have their minimum at (1, 1).
    let row = Function::record(&[0.0; 3], |x| x[2] * rosenbrock(&x[..2]));
    let rows = SumOfRows(row.over_rows(2), vec![0.75, 0.5]);
    assert_found!(LBFGS::new(MoreThuenteLineSearch::new(), 7), rows.clone());
    assert_found!(Newton::new(), rows.clone());
    assert_found!(TrustRegion::new(Steihaug::new().with_max_iters(20)), rows.clone());
}

#[test]
fn rows_are_the_sum_of_their_functions_and_each_of_them() {
    let f = Function::record(&[0.0; 3], |x| (x[0] * x[2]).exp() * x[1] - x[2]);
    let data = vec![0.5, -1.0, 2.0];
    let closure = |x: &[Var]| -> Vec<Var> {
        let of_row = |&t: &f64| (x[0] * t).exp() * x[1] - t;
        data.iter().map(of_row).collect()
    };
    let sum = |x: &[Var]| closure(x).into_iter().sum::<Var>();
    let (each, all) = (EachRow(f.over_rows(2), data.clone()), SumOfRows(f.over_rows(2), data.clone()));
    let x = [0.25, 2.0];
    assert_eq!(each.values_at(&x).unwrap(), closure.values_at(&x).unwrap());
    let near = |a: Matrix, b: Matrix| {
        let pairs = a.as_slice().iter().zip(b.as_slice());
        assert!((a.rows(), a.cols()) == (b.rows(), b.cols()));
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-13), "{a}\n{b}");
    };
    near(each.jacobian_at(&x).unwrap(), closure.jacobian_at(&x).unwrap());
    near(all.jacobian_at(&x).unwrap(), sum.jacobian_at(&x).unwrap());
    near(all.hessian_at(&x).unwrap(), sum.hessian_at(&x).unwrap());
    assert!(all.hessian_at(&[1.0]).is_err());
    let one = EachRow(f.over_rows(2), vec![0.5]);
    let same = SumOfRows(f.over_rows(2), vec![0.5]);
    near(one.hessian_at(&x).unwrap(), same.hessian_at(&x).unwrap());
}

#[test]
fn gauss_and_newton_find_a_root() {
    let problem: Problem<_> = Problem::new(|x: &[Var]| [x[0] * x[0] + x[1] * x[1] - 2.0, x[0] - x[1]]);
    let result = Executor::new(problem, GaussNewton::new())
        .configure(|state| state.param(vec![2.0, 0.5]).max_iters(50))
        .run()
        .unwrap();
    let found = result.state().get_best_param().unwrap();
    assert!((found[0] - 1.0).abs() < 1e-7 && (found[1] - 1.0).abs() < 1e-7, "{found:?}");
}

#[test]
fn values_and_derivatives_are_those_of_f64() {
    let x = vec![0.3, -0.4];
    let problem: Problem<_> = Problem::new(rosenbrock);
    let (a, b) = (x[0], x[1]);
    assert_eq!(problem.cost(&x).unwrap(), (1.0 - a).powi(2) + 100.0 * (b - a * a).powi(2));
    let gradient = problem.gradient(&x).unwrap();
    let expected = [-2.0 * (1.0 - a) - 400.0 * a * (b - a * a), 200.0 * (b - a * a)];
    assert!((gradient[0] - expected[0]).abs() < 1e-13 && (gradient[1] - expected[1]).abs() < 1e-13);
    let hessian = problem.hessian(&x).unwrap();
    assert!((hessian[(0, 0)] - (2.0 - 400.0 * (b - 3.0 * a * a))).abs() < 1e-12);
    assert_eq!((hessian[(0, 1)], hessian[(1, 1)]), (-400.0 * a, 200.0));
}

#[cfg(feature = "jit")]
#[test]
fn the_solvers_take_compiled_code() {
    let recorded = Function::record(&[0.0, 0.0], rosenbrock);
    assert_found!(LBFGS::new(MoreThuenteLineSearch::new(), 7), recorded.compile().unwrap());
    assert_found!(Newton::new(), recorded.compile().unwrap());
    let row = Function::record(&[0.0; 3], |x| x[2] * rosenbrock(&x[..2]));
    let rows = row.compile().unwrap().over_rows(2).unwrap();
    assert_found!(Newton::new(), SumOfRows(rows.clone(), vec![0.75, 0.5]));
}

/// A cost whose rows take one of two branches, and the same without branches.
#[test]
fn the_solvers_take_rows_that_branch() {
    let mut f = Recorder::new(|x: &[Var]| match x[2] < 0.0 {
        true => rosenbrock(&x[..2]) * -x[2],
        false => 0.5 * rosenbrock(&x[..2]) * x[2],
    });
    let data = vec![1.0, -2.0, 3.0];
    let cost = SumOfRows(RefCell::new(f.over_rows(2, 1)), data.clone());
    let plain = |x: &[Var]| 4.0 * rosenbrock(x);
    let x = [0.5, -0.25];
    for (a, b) in [
        (cost.values_at(&x), plain.values_at(&x)),
        (cost.jacobian_at(&x).map(Matrix::into_vec), plain.jacobian_at(&x).map(Matrix::into_vec)),
        (cost.hessian_at(&x).map(Matrix::into_vec), plain.hessian_at(&x).map(Matrix::into_vec)),
    ] {
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.len(), b.len());
        let is_close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b.abs();
        assert!(a.iter().zip(&b).all(is_close), "{a:?} is not {b:?}");
    }
    assert_found!(LBFGS::new(MoreThuenteLineSearch::new(), 7), cost);

    let mut residual = Recorder::new(|x: &[Var]| match x[1] < 0.0 {
        true => x[0] + x[1],
        false => x[0] * x[1],
    });
    let each = EachRow(RefCell::new(residual.over_rows(1, 1)), vec![-1.0, 2.0]);
    assert_eq!(each.values_at(&[3.0]).unwrap(), [2.0, 6.0]);
    assert_eq!(each.jacobian_at(&[3.0]).unwrap().as_slice(), [1.0, 2.0]);
}

#[test]
fn another_branch_of_a_recorded_function_ends_the_run() {
    let f = Function::record(&[1.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] * x[0] });
    let problem: Problem<_> = Problem::new(f);
    let error = problem.cost(&vec![-1.0]).unwrap_err();
    assert!(matches!(error.downcast().unwrap(), ReplayError::BranchChanged(_)));
}

#[test]
fn a_value_that_is_nan_is_an_error_with_its_point() {
    let problem: Problem<_> = Problem::new(steep);
    let error: NotANumber = problem.cost(&vec![0.0, 1.0]).unwrap_err().downcast().unwrap();
    assert_eq!(error.point(), [0.0, 1.0]);
}

/// Its slope drives the search to negative numbers, of which there is no logarithm.
fn steep(x: &[Var]) -> Var {
    x[0] + 0.01 * (x[0] - 0.5).ln() + x[1] * x[1]
}

#[test]
fn a_solver_that_steps_to_nan_ends_with_an_error() {
    let errors = [
        best(steep, Newton::new(), |s| s.param(vec![0.51, 1.0]).max_iters(50)),
        best(steep, TrustRegion::new(Steihaug::new()), |s| s.param(vec![0.6, 1.0]).max_iters(50)),
    ];
    for error in errors {
        let error = error.expect_err("there is no minimum");
        // Newton's method meets an infinite slope before.
        let text = error.to_string();
        assert!(text.contains("is NaN at [") || text.contains("not finite"), "{text}");
    }
}

/// `LBFGS` makes the error of its line search the reason of its end.
#[test]
fn a_line_search_that_steps_to_nan_ends() {
    macro_rules! reason {
        ($search:expr) => {{
            let problem: Problem<_> = Problem::new(steep);
            let result = Executor::new(problem, LBFGS::new($search, 3))
                .configure(|state| state.param(vec![1.0, 1.0]).max_iters(50))
                .run();
            match result {
                Ok(result) => result.state().get_termination_reason().unwrap().text().to_string(),
                Err(error) => error.to_string(),
            }
        }};
    }
    let armijo = ArmijoCondition::new(1e-4).unwrap();
    for reason in [
        reason!(BacktrackingLineSearch::new(armijo)),
        reason!(MoreThuenteLineSearch::new()),
        reason!(HagerZhangLineSearch::new()),
    ] {
        assert!(reason.contains("is NaN at ["), "{reason}");
    }
}

/// A bowl with an edge, behind which the cost is infinite: the first step from the start is a hundred times too long.
fn bowl(x: &[Var]) -> Var {
    match x[0].abs().max(x[1].abs()) < 4.0 {
        true => 50.0 * ((x[0] - 1.0).powi(2) + (x[1] - 1.0).powi(4)),
        false => Var::constant(f64::INFINITY),
    }
}

/// `HagerZhangLineSearch` is not here: it does not end at an infinite cost.
#[test]
fn which_line_searches_survive_an_infinity() {
    macro_rules! run {
        ($search:expr, $scale:expr) => {{
            let problem: Problem<_> = Problem::new(|x: &[Var]| $scale * bowl(x));
            let result = Executor::new(problem, LBFGS::new($search, 3))
                .configure(|state| state.param(vec![-1.0, 3.0]).max_iters(50))
                .run()
                .unwrap();
            let best = result.state().get_best_param().unwrap();
            let status = result.state().get_termination_status().to_string();
            ((best[0] - 1.0).abs() < 1e-3, best.clone(), status)
        }};
    }
    let armijo = ArmijoCondition::new(1e-4).unwrap();
    let (is_found, best, status) = run!(BacktrackingLineSearch::new(armijo), 1.0);
    assert!(is_found, "{best:?} {status}");
    // The start comes back, without an error: only the status shows it.
    let (is_found, best, status) = run!(MoreThuenteLineSearch::new(), 1.0);
    assert!(!is_found && best == [-1.0, 3.0], "{best:?} {status}");
    assert!(status.contains("NaN or Inf encountered"), "{status}");
    // Scaled, the first step stays within the bowl.
    let (is_found, best, status) = run!(MoreThuenteLineSearch::new(), 1e-3);
    assert!(is_found, "{best:?} {status}");
}

#[test]
fn a_solver_may_have_matrices_of_its_own() {
    struct Rows(Vec<f64>);
    let problem = Problem::<_, Vec<f64>>::new(rosenbrock).with_matrix(|m: Matrix| Rows(m.into_vec()));
    assert_eq!(problem.hessian(&vec![0.0, 0.0]).unwrap().0, [2.0, 0.0, 0.0, 200.0]);
}

#[test]
fn a_matrix_can_what_solvers_ask() {
    use argmin_math::{ArgminDot, ArgminInv, ArgminTranspose};
    let m = Matrix::from_rows(3, 3, vec![0.0, 2.0, 1.0, 1.0, 0.0, -1.0, 3.0, 1.0, 0.5]);
    let product: Matrix = m.dot(&m.inv().unwrap());
    for i in 0..3 {
        for j in 0..3 {
            assert!((product[(i, j)] - f64::from(i == j)).abs() < 1e-15);
        }
    }
    let wide = Matrix::from_rows(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(wide.clone().t().as_slice(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(ArgminDot::<Matrix, Matrix>::dot(&wide, &wide.clone().t()).as_slice(), [14.0, 32.0, 32.0, 77.0]);
    assert!(wide.inv().is_err());
    assert!(Matrix::from_rows(2, 2, vec![1.0, 2.0, 2.0, 4.0]).inv().is_err());
    assert!(Matrix::from_rows(1, 1, vec![f64::NAN]).inv().is_err());
}
