//! `nalgebra`: derivatives of decompositions, against closed forms.

use super::nalgebra::{assert_close, general, gradient, positive};
use nalgebra::{DMatrix, DVector, SMatrix};
use scalargrad::{Var, norm};

/// The gradient with respect to the entries of the lower triangle, where only these are read.
fn lower(full: &DMatrix<f64>) -> DMatrix<f64> {
    let n = full.nrows();
    DMatrix::from_fn(n, n, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => full[(i, i)],
        std::cmp::Ordering::Greater => full[(i, j)] + full[(j, i)],
    })
}

#[test]
fn log_determinant() {
    let m = positive();
    let inverse = m.clone().try_inverse().unwrap();
    let x = m.map(Var::new);
    let by_cholesky = x.clone().cholesky().unwrap().ln_determinant();
    assert_close(&gradient(&x, by_cholesky), &lower(&inverse), 1e-14);
    let by_lu = x.clone().lu().determinant().ln();
    assert_close(&gradient(&x, by_lu), &inverse.transpose(), 1e-13);
}

#[test]
fn determinant_of_every_size() {
    macro_rules! check {
        ($($N:literal)*) => { $(
            let m: SMatrix<f64, $N, $N> =
                SMatrix::from_fn(|i, j| f64::from(i == j) * 2.0 + ((7 * i + 3 * j) as f64).sin());
            let x = m.map(Var::new);
            x.determinant().backward();
            let expected = m.try_inverse().unwrap().transpose() * m.determinant();
            assert!((x.map(Var::grad) - expected).norm() <= 1e-12 * expected.norm(), "{}", $N);
        )* };
    }
    check!(1 2 3 4 5 6);
}

/// `cᵀA⁻¹b` has the gradient `−(A⁻ᵀc)(A⁻¹b)ᵀ` with respect to `A`, and `A⁻ᵀc` to `b`.
#[test]
fn linear_solve() {
    let (b, c) = (DVector::from_vec(vec![1.0, -2.0, 0.5, 3.0]), DVector::from_vec(vec![0.3, 1.0, -1.0, 2.0]));
    type Solver = fn(DMatrix<Var>, &DVector<Var>) -> DVector<Var>;
    let solvers: [(Solver, bool); 6] = [
        (|a, b| a.lu().solve(b).unwrap(), false),
        (|a, b| a.full_piv_lu().solve(b).unwrap(), false),
        (|a, b| a.qr().solve(b).unwrap(), false),
        (|a, b| a.try_inverse().unwrap() * b, false),
        (|a, b| a.svd(true, true).solve(b, Var::from(1e-12)).unwrap(), false),
        (|a, b| a.cholesky().unwrap().solve(b), true),
    ];
    for (solve, is_symmetric) in solvers {
        let a = if is_symmetric { positive() } else { general() };
        let (x, y) = (a.map(Var::new), b.map(Var::new));
        let output = solve(x.clone(), &y).dot(&c.clone().cast());
        let found = gradient(&x, output);
        let left = a.transpose().lu().solve(&c).unwrap();
        let expected = -&left * a.lu().solve(&b).unwrap().transpose();
        let expected = if is_symmetric { lower(&expected) } else { expected };
        assert_close(&found, &expected, 1e-12);
        assert!((y.map(Var::grad) - left).norm() < 1e-12);
    }
}

#[test]
fn at_a_diagonal_matrix_and_at_the_identity() {
    for diagonal in [[3.0, 2.0, 1.0], [1.0; 3]] {
        let m = DMatrix::from_diagonal(&DVector::from_column_slice(&diagonal));
        let inverse = m.clone().try_inverse().unwrap();
        let x = m.map(Var::new);
        assert_close(&gradient(&x, x.clone().cholesky().unwrap().ln_determinant()), &inverse, 1e-15);
        assert_close(&gradient(&x, x.clone().lu().determinant().ln()), &inverse, 1e-15);
        // d(A⁻¹)₀₁ = −A⁻¹₀₀ dA₀₁ A⁻¹₁₁
        let mut expected = DMatrix::zeros(3, 3);
        expected[(0, 1)] = -inverse[(0, 0)] * inverse[(1, 1)];
        assert_close(&gradient(&x, x.clone().try_inverse().unwrap()[(0, 1)]), &expected, 1e-15);
        // dQ₁₀ = dA₁₀ / R₀₀
        let mut expected = DMatrix::zeros(3, 3);
        expected[(1, 0)] = 1.0 / diagonal[0];
        assert_close(&gradient(&x, x.clone().qr().q()[(1, 0)]), &expected, 1e-15);
    }
}

#[test]
fn a_singular_matrix_has_no_inverse_and_a_determinant() {
    let x = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 4.0]).map(Var::new);
    assert!(x.clone().try_inverse().is_none());
    assert!(x.clone().cholesky().is_none());
    // The adjugate.
    let expected = DMatrix::from_row_slice(2, 2, &[4.0, -2.0, -2.0, 1.0]);
    assert_close(&gradient(&x, x.determinant()), &expected, 0.0);
}

#[test]
fn norm_at_zero_is_nan_and_that_of_the_crate_is_zero() {
    let x = DVector::zeros(3).map(Var::new);
    x.norm().backward();
    assert!(x.iter().all(|x| x.grad().is_nan()));
    norm(x.as_slice()).backward();
    assert!(x.iter().all(|x| x.grad() == 0.0));
}

#[test]
fn second_derivatives_go_through_a_decomposition() {
    // ln det(A + t·B) has the second derivative −tr(A⁻¹BA⁻¹B) at t = 0.
    let (a, b) = (positive(), general() + general().transpose());
    let t = Var::new(0.0);
    let m = a.clone().cast::<Var>() + t * &b;
    let first = m.cholesky().unwrap().ln_determinant().differentiate(&[t])[0];
    let second = first.differentiate(&[t])[0];
    let ratio = a.lu().solve(&b).unwrap();
    assert!((first.value() - ratio.trace()).abs() < 1e-13);
    assert!((second.value() + (&ratio * &ratio).trace()).abs() < 1e-12);
}
