//! Closures in, derivatives out: against each other and against formulas.

mod customs;
#[cfg(feature = "proptest")]
mod random;

use scalargrad::function::Function;
use scalargrad::{
    CustomOp, Matrix, Real, Var, derivative, gradient, graph, hessian, hvp, jacobian, jvp, laplacian, log_sum_exp,
    norm, taylor, vjp,
};

fn rosenbrock<T: Real>(x: &[T]) -> T {
    let term = |pair: &[T]| {
        let (a, b) = (pair[1] - pair[0] * pair[0], -pair[0] + 1.0);
        a * a * 100.0 + b * b
    };
    x.windows(2).map(term).sum()
}

fn mixture(x: &[Var]) -> Var {
    let n = x.len();
    let coupled = (x[0] * x[1]).sin() + x[2].powf(x[3]) + x[n - 1].hypot(x[0]) / x[1];
    log_sum_exp(&x[..4]) * norm(&x[2..]) + coupled.exp() + x[4].max(x[5]) * x[5] + (x[6] * x[6]).tanh()
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.75 + 0.25 * (i as f64 * 1.7).sin()).collect()
}

/// The Hessian by `differentiate` and a sweep.
fn twice(f: impl Fn(&[Var]) -> Var, x: &[f64]) -> Matrix {
    let mut h = Matrix::zeros(x.len(), x.len());
    graph::scope(|| {
        let x: Vec<Var> = x.iter().map(|&x| Var::new(x)).collect();
        for (i, first) in f(&x).differentiate(&x).into_iter().enumerate() {
            for (j, second) in first.gradients().wrt_all(&x).into_iter().enumerate() {
                h[(i, j)] = second;
            }
        }
    });
    h
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    let size = expected.iter().fold(1e-300f64, |m, x| m.max(x.abs()));
    assert_eq!(found.len(), expected.len());
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-12 * size, "{k}: {found} {expected}");
    }
}

#[test]
fn hessians_are_symmetric_and_equal_differentiate_twice() {
    for n in [8, 9, 16, 17, 40, 200] {
        for f in [rosenbrock as fn(&[Var]) -> Var, mixture] {
            let x = point(n);
            let h = hessian(f, &x);
            assert_close(h.as_slice(), twice(f, &x).as_slice());
            for i in 0..n {
                for j in 0..i {
                    assert_eq!(h[(i, j)].to_bits(), h[(j, i)].to_bits());
                }
            }
        }
    }
}

#[test]
fn sparse_equals_dense() {
    let n = 40;
    let x = point(n);
    for f in [rosenbrock as fn(&[Var]) -> Var, mixture] {
        let recorded = Function::record(&x, f);
        let sparse = recorded.sparse_hessian(&x).unwrap();
        assert_eq!(sparse.pattern(), &recorded.hessian_pattern().unwrap());
        assert_close(sparse.to_dense().as_slice(), twice(f, &x).as_slice());
    }
    let outputs = |x: &[Var]| -> Vec<Var> { x.windows(3).map(|x| x[0] * x[1] + x[2].sin()).collect() };
    let recorded = Function::record(&x, outputs);
    let sparse = recorded.sparse_jacobian(&x).unwrap();
    assert_eq!(sparse.pattern(), &recorded.jacobian_pattern());
    assert_eq!(sparse.pattern().len(), 3 * (n - 2));
    assert_close(sparse.to_dense().as_slice(), recorded.jacobian(&x).unwrap().as_slice());
}

#[test]
fn the_pattern_of_a_linear_or_flat_function_is_empty() {
    let f = Function::record(&[1.0, 2.0], |x| {
        x[0] * 3.0 - x[1] / 2.0 + x[0].floor() * x[1] + x[0] * x[1].abs() + x[1].max(x[0])
    });
    let pattern = f.hessian_pattern().unwrap();
    assert_eq!(pattern.iter().collect::<Vec<_>>(), [(0, 1), (1, 0)]);
    let f = Function::record(&[1.0, 2.0], |x| x[0] * 3.0 - x[1].relu());
    assert!(f.hessian_pattern().unwrap().is_empty());
}

#[test]
fn an_arrow_of_a_hundred_thousand_takes_no_time() {
    let n = 100_000;
    let x = vec![1.5; n];
    let f = Function::record(&x, |x| x.iter().map(|&xi| x[n / 2] * xi * xi).sum::<Var>());
    let h = f.sparse_hessian(&x).unwrap();
    assert_eq!(h.pattern().len(), 3 * n - 2);
    assert_eq!((h.get(0, 0), h.get(0, n / 2), h.get(n / 2, 7)), (3.0, 3.0, 3.0));
}

#[test]
fn hvp_is_the_hessian_times_a_vector() {
    let x = point(12);
    let v: Vec<f64> = (0..12).map(|i| f64::from(i) - 5.5).collect();
    let h = twice(mixture, &x);
    let expected: Vec<f64> = (0..12).map(|i| h.row(i).iter().zip(&v).map(|(h, v)| h * v).sum()).collect();
    assert_close(&hvp(mixture, &x, &v), &expected);
    let trace: f64 = (0..12).map(|i| h[(i, i)]).sum();
    assert_close(&[laplacian(mixture, &x)], &[trace]);
}

#[test]
fn forward_equals_reverse() {
    let wide = |x: &[Var]| [mixture(x), rosenbrock(x)];
    let tall = |x: &[Var]| -> Vec<Var> { (0..40).map(|k| (x[k % 2] * k as f64).sin() * x[(k + 1) % 2]).collect() };
    let x = point(30);
    let rows = jacobian(wide, &x);
    assert_close(rows.row(0), &gradient(mixture, &x));
    assert_close(rows.row(1), &gradient(rosenbrock, &x));
    let v: Vec<f64> = (0..30).map(|i| f64::from(i).cos()).collect();
    let (values, tangents) = jvp(wide, &x, &v);
    for (k, tangent) in tangents.into_iter().enumerate() {
        let along: f64 = rows.row(k).iter().zip(&v).map(|(j, v)| j * v).sum();
        assert_close(&[tangent], &[along]);
    }
    assert_eq!(values[1], graph::no_grad(|| rosenbrock(&x)));
    let x = [0.3, 0.7];
    let columns = jacobian(tall, &x); // forward
    for k in 0..40 {
        let mut w = vec![0.0; 40];
        w[k] = 1.0;
        assert_close(columns.row(k), &vjp(tall, &x, &w));
    }
}

#[test]
fn each_closure_runs_once_and_leaves_no_node() {
    let before = graph::len();
    let runs = std::cell::Cell::new(0);
    let f = |x: &[Var]| {
        runs.set(runs.get() + 1);
        rosenbrock(x)
    };
    let x = point(30);
    let _ = jacobian(f, &x);
    let _ = hessian(f, &x);
    let _ = hvp(f, &x, &x);
    let _ = jvp(f, &x, &x);
    let _ = vjp(f, &x, &[1.0]);
    let _ = laplacian(f, &x);
    assert_eq!((runs.get(), graph::len()), (6, before));
}

#[test]
fn nested_derivatives_do_not_mix_up_their_variables() {
    // D(x ↦ x · D(y ↦ x·y)(1))(4): the inner derivative is x, so the outer one is that of x².
    let inner = |x: Var| {
        let y = Var::new(1.0);
        (x * y).differentiate(&[y])[0]
    };
    assert_eq!(derivative(|x| x * inner(x), 4.0), 8.0);
    // D(x ↦ x · D(y ↦ x + y)(1))(1) = 1, the classic confusion of perturbations.
    let shifted = |x: Var| {
        let y = Var::new(1.0);
        x * (x + y).differentiate(&[y])[0]
    };
    assert_eq!(derivative(shifted, 1.0), 1.0);
    // The same through a recording, and forward over reverse.
    let f = Function::record(&[4.0], |x| x[0] * inner(x[0]));
    assert_eq!(f.gradient(&[5.0]), Ok((25.0, vec![10.0])));
    assert_eq!(f.hessian(&[5.0]).unwrap().as_slice(), [2.0]);
}

#[test]
fn a_number_taken_from_an_inner_derivative_is_told_of() {
    let f = Function::record(&[4.0], |x| x[0] * derivative(|y| x[0] * y, 1.0));
    assert!(!f.frozen_reads().is_empty());
    let f = Function::record(&[4.0], |x| x[0] * hessian(|y| y[0] * y[0] * x[0], &[1.0])[(0, 0)]);
    assert!(!f.frozen_reads().is_empty());
}

#[test]
fn taylor_coefficients_are_derivatives_over_factorials() {
    let sine = taylor(|x| x.sin(), 0.0, 7);
    assert_close(&sine, &[0.0, 1.0, 0.0, -1.0 / 6.0, 0.0, 1.0 / 120.0, 0.0, -1.0 / 5040.0]);
    let f = |x: Var| (x * x).tanh() / (x + 2.0) + x.powf(1.5) - x.digamma() * x.atan();
    let series = taylor(f, 0.8, 6);
    let (mut found, mut factorial) = (Vec::new(), 1.0);
    graph::scope(|| {
        let x = Var::new(0.8);
        let mut z = f(x);
        for k in 0..=6 {
            found.push(z.value() / factorial);
            factorial *= f64::from(k + 1);
            z = z.differentiate(&[x])[0];
        }
    });
    assert_close(&series, &found);
    assert_eq!(taylor(|_| Var::constant(3.0), 1.0, 2), [3.0, 0.0, 0.0]);
    assert_eq!(taylor(|x| x, 1.0, 0), [1.0]);
}

#[test]
fn a_jacobian_does_not_depend_on_its_shape() {
    let cases: [fn(&[Var]) -> Var; 6] = [
        |x| x[0].sqrt().powi(2),
        |x| (x[0] * x[0]).sqrt(),
        |x| x[0].sqrt() * 0.0 + x[1],
        |x| x[1] / (x[0] * x[0]),
        |x| Var::select(x[1].gt_mask(0.0), x[1], x[0].sqrt()),
        |x| (x[0] * 1e-200 * 1e-200).sqrt() * 1e-200 * 1e-200,
    ];
    for (k, f) in cases.into_iter().enumerate() {
        for x in [[0.0, 1.0], [0.0, 0.0], [1.0, -1.0]] {
            let text = |row: &[f64]| format!("{:?}", row.iter().map(|d| d + 0.0).collect::<Vec<_>>());
            let expected = text(&gradient(f, &x));
            for m in [1, 2, 4, 40] {
                let rows = |x: &[Var]| {
                    let mut rows = vec![x[0]; m];
                    rows[m / 2] = f(x);
                    rows
                };
                let eager = jacobian(rows, &x);
                let recorded = Function::record(&x, rows).jacobian(&x).unwrap();
                for j in [&eager, &recorded] {
                    assert_eq!(text(j.row(m / 2)), expected, "{k} at {x:?}, {m} rows");
                    assert!(m == 1 || j.row(0) == [1.0, 0.0]);
                }
            }
        }
    }
}

#[test]
fn derivatives_are_recorded_inside_no_grad_too() {
    let f = |x: &[Var]| x[0] * x[0] * x[1];
    let (x, v) = ([2.0, 3.0], [1.0, 10.0]);
    let all = || {
        let h = hessian(f, &x);
        (h, hvp(f, &x, &v), laplacian(f, &x), jacobian(|x| [f(x)], &x))
    };
    assert_eq!(graph::no_grad(all), all());
    assert_eq!(hessian(f, &x).as_slice(), [6.0, 4.0, 4.0, 0.0]);
    let jvps = || (jvp(|x| [f(x)], &x, &v), vjp(|x| [f(x)], &x, &[2.0]));
    assert_eq!(graph::no_grad(jvps), jvps());
}

#[test]
fn a_matrix_prints_its_rows_aligned() {
    let m = jacobian(|x| [x[0] * 10.0, x[1] * -0.5 + x[0]], &[1.0, 2.0]);
    assert_eq!(m.to_string(), "[  10     0]\n[   1  -0.5]");
    assert_eq!(format!("{m:.1}"), "[10.0   0.0]\n[ 1.0  -0.5]");
}

#[test]
fn a_sum_of_any_number_gives_to_each_of_its_terms() {
    let f = |x: &[Var]| {
        let terms = [x[0] * x[0], x[1].powi(3), Var::from(3.0), x[0] * x[1], x[1]];
        scalargrad::sum(&terms).powi(2)
    };
    // 2(s·∇²s + ∇s·∇sᵀ) at s = 16, ∇s = (4, 14), ∇²s = (2, 1; 1, 12).
    assert_eq!(hessian(f, &[1.0, 2.0]).as_slice(), [96.0, 144.0, 144.0, 776.0]);
    assert_eq!(hvp(f, &[1.0, 2.0], &[1.0, 10.0]), [1536.0, 7904.0]);
}

#[test]
fn a_sum_may_have_terms_from_outside() {
    let outside = Var::new(2.0);
    let cube = |x: &[Var]| scalargrad::sum(&[x[0], outside, x[1], Var::from(3.0), outside]).powi(3);
    // 6s at s = 10.
    assert_eq!(hvp(cube, &[1.0, 2.0], &[1.0, 10.0]), [660.0, 660.0]);
    assert_eq!(hessian(cube, &[1.0, 2.0]).as_slice(), [60.0; 4]);
}

#[test]
fn to_second_derivatives_the_slope_of_a_kink_is_its_subgradient() {
    // The convention that `hessian` documents: right at first order, and not at second.
    let square = |x: &[Var]| norm(x).powi(2);
    assert_eq!(gradient(square, &[0.0, 0.0]), [0.0, 0.0]);
    assert_eq!(hessian(square, &[0.0, 0.0]).as_slice(), [0.0; 4]);
    assert_eq!(hvp(square, &[0.0, 0.0], &[1.0, 2.0]), [0.0, 0.0]);
    assert_eq!(hessian(|x| scalargrad::dot(x, x), &[0.0, 0.0]).as_slice(), [2.0, 0.0, 0.0, 2.0]);
    assert_eq!(taylor(|x| x.abs().powi(4), 0.0, 4), [0.0; 5]);
}

#[test]
fn second_derivatives_of_a_quotient_reach_the_ends_of_the_range() {
    for x in [1e308, 1e200, 1e-100] {
        let h = hessian(|x| 1.0 / x[0], &[x])[(0, 0)];
        assert!((h - 2.0 / x / x / x).abs() <= 1e-15 * h, "{x}: {h}");
    }
    for (x, y) in [(1.0, 1e308), (1e-160, 1e155), (1e-320, 2.0)] {
        let found = twice(|x| x[0] / x[1], &[x, y]);
        let slope = -1.0 / y / y;
        let expected = [0.0, slope, slope, 2.0 * x / y / y / y];
        for (found, expected) in found.as_slice().iter().zip(expected) {
            let room = 1e-15 * expected.abs() + 1e-323;
            assert!((found - expected).abs() <= room, "{x} {y}: {found}");
        }
    }
}

#[test]
#[should_panic(expected = "there is no memory for a 18446744073709551615 × 2 matrix")]
fn a_matrix_that_has_no_room_is_refused() {
    let _ = Matrix::zeros(usize::MAX, 2);
}
