//! `nalgebra`: eigenvalues, singular values and their vectors.

use super::nalgebra::{assert_close, general, gradient, positive};
use nalgebra::{DMatrix, DVector};
use scalargrad::Var;
use scalargrad::function::Function;
use scalargrad::interop::nalgebra::symmetric_eigen;

/// `∂/∂A` of a function of a symmetric matrix of which the lower triangle is read.
fn lower(v: &DMatrix<f64>) -> DMatrix<f64> {
    let n = v.nrows();
    DMatrix::from_fn(n, n, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => v[(i, i)],
        std::cmp::Ordering::Greater => v[(i, j)] + v[(j, i)],
    })
}

#[test]
fn the_gradient_of_an_eigenvalue_is_the_square_of_its_vector() {
    let x = positive().map(Var::new);
    for eigen in [x.clone().symmetric_eigen(), symmetric_eigen(&x)] {
        for i in 0..4 {
            let v = eigen.eigenvectors.column(i).map(Var::value);
            let expected = lower(&(&v * v.transpose()));
            assert_close(&gradient(&x, eigen.eigenvalues[i]), &expected, 1e-12);
        }
    }
}

/// `dv_i = Σ_j v_j (v_jᵀ dA v_i) / (λ_i − λ_j)`
fn expected_of_vector(values: &[f64], vectors: &DMatrix<f64>, i: usize, row: usize) -> DMatrix<f64> {
    let n = values.len();
    let mut full = DMatrix::zeros(n, n);
    for j in (0..n).filter(|&j| j != i) {
        let share = vectors[(row, j)] / (values[i] - values[j]);
        full += vectors.column(j) * vectors.column(i).transpose() * share;
    }
    lower(&full)
}

#[test]
fn eigenvectors_have_their_derivatives_at_a_diagonal_matrix_too() {
    let diagonal = DMatrix::from_diagonal(&DVector::from_column_slice(&[3.0, 2.0, 0.5]));
    for m in [positive(), diagonal] {
        let x = m.map(Var::new);
        let eigen = symmetric_eigen(&x);
        let vectors = eigen.eigenvectors.map(Var::value);
        let values: Vec<f64> = eigen.eigenvalues.iter().map(|x| x.value()).collect();
        assert_close(&(&vectors * vectors.transpose()), &DMatrix::identity(m.nrows(), m.nrows()), 1e-14);
        for (i, row) in [(0, 1), (1, 0), (2, 2), (1, 2)] {
            let expected = expected_of_vector(&values, &vectors, i, row);
            assert_close(&gradient(&x, eigen.eigenvectors[(row, i)]), &expected, 1e-11);
        }
    }
}

#[test]
fn second_derivatives_of_an_eigenvalue() {
    // Of A + t·B at t = 0: λ'' = 2 Σ_j (v_jᵀBv_i)² / (λ_i − λ_j).
    let b = general() + general().transpose();
    for a in [positive(), DMatrix::from_diagonal(&DVector::from_column_slice(&[4.0, 3.0, 2.0, 0.5]))] {
        let t = Var::new(0.0);
        let eigen = symmetric_eigen(&(a.cast::<Var>() + t * &b));
        let vectors = eigen.eigenvectors.map(Var::value);
        let c = vectors.transpose() * &b * &vectors;
        for i in 0..4 {
            let first = eigen.eigenvalues[i].differentiate(&[t])[0];
            let second = first.differentiate(&[t])[0];
            let values = eigen.eigenvalues.map(Var::value);
            let expected: f64 =
                (0..4).filter(|&j| j != i).map(|j| 2.0 * c[(j, i)].powi(2) / (values[i] - values[j])).sum();
            assert!((first.value() - c[(i, i)]).abs() < 1e-12);
            assert!(
                (second.value() - expected).abs() < 1e-10 * expected.abs().max(1.0),
                "{} {expected}",
                second.value()
            );
        }
    }
}

#[test]
fn at_equal_eigenvalues_what_is_symmetric_in_them_is_right_and_their_vectors_are_nan() {
    let spread = DMatrix::from_fn(3, 3, |i, j| f64::from(i == j) * 2.0 - 1.0 / 3.0);
    for m in [DMatrix::identity(3, 3), spread] {
        let x = m.map(Var::new);
        let eigen = symmetric_eigen(&x);
        assert_close(&gradient(&x, eigen.eigenvalues.sum()), &DMatrix::identity(3, 3), 1e-14);
        let log_determinant = eigen.eigenvalues.map(|x| x.ln()).sum();
        let inverse = m.clone().try_inverse().unwrap();
        assert_close(&gradient(&x, log_determinant), &lower(&inverse), 1e-14);
        let values = eigen.eigenvalues.map(Var::value);
        let twins = (0..3).filter(|&i| (0..3).any(|j| j != i && (values[i] - values[j]).abs() < 1e-12));
        for i in twins {
            assert!(eigen.eigenvectors.column(i).iter().all(|x| x.value().is_finite()));
            let is_nan = |row: usize| {
                let slopes = gradient(&x, eigen.eigenvectors[(row, i)]);
                slopes.iter().any(|slope| slope.is_nan())
            };
            assert!((0..3).any(is_nan));
        }
    }
}

#[test]
fn singular_values() {
    let m = general();
    let x = m.map(Var::new);
    let svd = x.clone().svd(true, true);
    let (u, v_t) = (svd.u.unwrap().map(Var::value), svd.v_t.unwrap().map(Var::value));
    for i in 0..4 {
        let expected = u.column(i) * v_t.row(i);
        assert_close(&gradient(&x, svd.singular_values[i]), &expected, 1e-12);
    }
    assert!((svd.singular_values.map(Var::value) - m.svd(false, false).singular_values).norm() < 1e-13);
}

#[test]
fn a_recorded_decomposition_replays_where_it_takes_as_many_steps() {
    let m = positive();
    let largest = |x: &[Var]| symmetric_eigen(&DMatrix::from_column_slice(4, 4, x)).eigenvalues[0];
    let f = Function::record(m.as_slice(), largest);
    assert!(f.frozen_reads().is_empty());
    let mut near = m.clone();
    near[(2, 1)] += 1e-9;
    if let Ok((value, gradient)) = f.gradient(near.as_slice()) {
        let x = near.map(Var::new);
        let again = symmetric_eigen(&x).eigenvalues[0];
        assert!((value - again.value()).abs() < 1e-14 * value);
        again.backward();
        assert_close(&DMatrix::from_column_slice(4, 4, &gradient), &x.map(Var::grad), 1e-14);
    }
    assert!(f.gradient(m.as_slice()).is_ok());
}
