//! `nalgebra`: values as for `f64`, conversions, products, what recorded functions know.

use nalgebra::{DMatrix, DVector, RealField, SMatrix, SVector, Vector3};
use nalgebra_sparse::CsrMatrix;
use scalargrad::function::{Function, ReplayError};
use scalargrad::{Matrix, Var, hessian};

/// A matrix that is neither symmetric nor special.
pub fn general() -> DMatrix<f64> {
    DMatrix::from_row_slice(4, 4, &[4.0, 1.0, -0.5, 0.3, 0.2, 3.0, 0.7, -1.1, 0.9, -0.4, 2.5, 0.6, -0.8, 0.5, 0.1, 1.9])
}

/// A symmetric positive definite matrix.
pub fn positive() -> DMatrix<f64> {
    let m = general();
    &m * m.transpose() + DMatrix::identity(4, 4)
}

/// The derivatives of an output with respect to all entries.
pub fn gradient(m: &DMatrix<Var>, output: Var) -> DMatrix<f64> {
    output.backward();
    m.map(Var::grad)
}

#[track_caller]
pub fn assert_close(found: &DMatrix<f64>, expected: &DMatrix<f64>, tolerance: f64) {
    let error = (found - expected).norm();
    assert!(error <= tolerance * expected.norm().max(1.0), "{found} is not {expected} by {error:e}");
}

/// A number from each of many methods.
fn numbers<T: RealField + Copy>(cast: impl Fn(f64) -> T) -> Vec<T> {
    let a = general().map(&cast);
    let s = positive().map(&cast);
    let b = DVector::from_fn(4, |i, _| cast(i as f64 - 1.3));
    let fixed: SMatrix<T, 3, 3> = a.fixed_view::<3, 3>(0, 0).into_owned();
    let v: SVector<T, 3> = fixed.column(0).into_owned();
    let mut all = vec![
        a.norm(),
        a.determinant(),
        fixed.determinant(),
        a.trace(),
        a.clone().lu().determinant(),
        a.clone().full_piv_lu().determinant(),
        s.clone().cholesky().unwrap().ln_determinant(),
        a.clone().qr().r()[(1, 2)],
        a.clone().col_piv_qr().determinant(),
        a.clone().hessenberg().h()[(2, 2)],
        cast(a.clone().svd(true, true).rank(cast(1e-9)) as f64),
        v.normalize().y,
        v.dot(&v),
        v.cross(&Vector3::y()).z,
        v.angle(&Vector3::y()),
        v.lerp(&Vector3::y(), cast(0.3)).x,
        a.exp()[(0, 1)],
        a.pow(3)[(2, 1)],
        b.lp_norm(3),
        a.max(),
        (&a + a.transpose()).norm(),
    ];
    all.extend(a.clone().lu().solve(&b).unwrap().iter());
    all.extend(s.clone().cholesky().unwrap().solve(&b).iter());
    all.extend(a.clone().qr().solve(&b).unwrap().iter());
    all.extend(a.clone().try_inverse().unwrap().iter());
    all.extend(fixed.try_inverse().unwrap().iter());
    all.extend(s.clone().symmetric_eigen().eigenvalues.iter());
    all.extend(a.clone().svd(false, false).singular_values.iter());
    all.extend(a.complex_eigenvalues().iter().flat_map(|z| [z.re, z.im]));
    all.extend(a.kronecker(&s).row(3).iter());
    all
}

#[test]
fn values_are_those_of_f64() {
    let of_numbers = numbers(|x| x);
    let of_variables = numbers(Var::new);
    let of_constants = numbers(Var::constant);
    assert!(of_constants.iter().all(|x| x.is_constant()));
    for (k, &x) in of_numbers.iter().enumerate() {
        // Products of matrices of `f64` are summed in another order.
        let tolerance = 1e-13 * x.abs().max(1.0);
        assert!((of_variables[k].value() - x).abs() <= tolerance, "{k}: {x}");
        assert_eq!(of_variables[k].value(), of_constants[k].value(), "{k}");
    }
}

#[test]
fn every_function_of_a_field_is_that_of_f64() {
    use nalgebra::ComplexField as C;
    macro_rules! same {
        ($($method:ident)*) => { $(
            for x in [-1.5, -0.3, 0.0, 0.4, 0.9, 2.5] {
                let (found, expected) = (C::$method(Var::new(x)).value(), C::$method(x));
                assert!(
                    (found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs()
                        || found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                    "{}({x}): {found}, not {expected}", stringify!($method)
                );
            }
        )* };
    }
    same! {
        modulus modulus_squared norm1 argument abs signum floor ceil round trunc fract recip conjugate real imaginary
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sinc sinhc cosc coshc
        log2 log10 ln ln_1p sqrt exp exp2 exp_m1 cbrt
    }
    for (x, y) in [(0.5, 2.0), (2.0, -1.5), (3.0, 0.7)] {
        let (u, v) = (Var::new(x), Var::new(y));
        assert_eq!(C::hypot(u, v).value(), C::hypot(x, y));
        assert_eq!(C::powf(u, v).value(), C::powf(x, y));
        assert_eq!(C::powc(u, v).value(), C::powc(x, y));
        assert_eq!(C::mul_add(u, v, u).value(), C::mul_add(x, y, x));
        assert_eq!(RealField::atan2(u, v).value(), RealField::atan2(x, y));
        assert_eq!(RealField::copysign(u, v).value(), RealField::copysign(x, y));
        assert_eq!(RealField::max(u, v).value(), RealField::max(x, y));
        assert_eq!(RealField::min(u, v).value(), RealField::min(x, y));
        assert_eq!(C::to_exp(v).1.value(), C::to_exp(y).1);
        assert_eq!(C::try_sqrt(v).is_some(), C::try_sqrt(y).is_some());
    }
}

#[test]
fn cast_makes_constants_and_reads_values() {
    assert!(general().cast::<Var>().iter().all(|x| x.is_constant()));
    assert_eq!(general().map(Var::new).try_cast::<f64>().unwrap(), general());
}

#[test]
fn a_number_goes_to_either_side_of_a_matrix() {
    let x = Var::new(3.0);
    let (numbers, variables) = (general(), general().map(Var::new));
    for product in [
        x * &numbers,
        x * numbers.clone(),
        &numbers * x,
        numbers.clone() * x,
        x * &variables,
        x * variables.clone(),
        &variables * x,
    ] {
        assert_eq!(product.map(Var::value), general() * 3.0);
        product.sum().backward();
        assert!((x.grad() - general().sum()).abs() < 1e-14);
    }
    let v = x * Vector3::new(1.0, 2.0, 3.0);
    assert_eq!(v.map(Var::value), Vector3::new(3.0, 6.0, 9.0));
}

#[test]
fn matrices_are_converted_both_ways() {
    let m = hessian(|x| x[0] * x[0] * x[1] + x[2], &[3.0, 2.0, 1.0]);
    let n = DMatrix::from(&m);
    assert_eq!((n[(0, 1)], n[(1, 1)], n.shape()), (6.0, 0.0, (3, 3)));
    assert_eq!(Matrix::from(n), m);
    let wide = Matrix::from(DMatrix::from_row_slice(1, 3, &[1.0, 2.0, 3.0]));
    assert_eq!((wide.rows(), wide.row(0)), (1, &[1.0, 2.0, 3.0][..]));
}

#[test]
fn a_sparse_result_becomes_compressed_rows() {
    let f = Function::record(&[1.0; 4], |x| [x[0] * x[3], x[1].sin(), x[3] * 2.0 + x[2]]);
    let sparse = f.sparse_jacobian(&[1.0, 0.0, 5.0, 2.0]).unwrap();
    let csr = CsrMatrix::from(&sparse);
    assert_eq!((csr.nrows(), csr.ncols(), csr.nnz()), (3, 4, 5));
    assert_eq!(DMatrix::from(&csr), DMatrix::from(sparse.to_dense()));
}

#[test]
fn a_replay_with_another_pivot_is_refused() {
    let m = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 3.0, 4.0]);
    let solve = |x: &[Var]| {
        let b = DVector::from_element(2, Var::constant(1.0));
        DMatrix::from_column_slice(2, 2, x).lu().solve(&b).unwrap()[0]
    };
    let f = Function::record(m.as_slice(), solve);
    assert!(f.guards() > 0 && f.frozen_reads().is_empty());
    let near = DMatrix::from_row_slice(2, 2, &[1.5, 2.0, 3.0, 4.5]);
    let expected = near.clone().lu().solve(&DVector::from_element(2, 1.0)).unwrap()[0];
    assert!((f.value(near.as_slice()).unwrap() - expected).abs() < 1e-14);
    let swapped = DMatrix::from_row_slice(2, 2, &[3.0, 4.0, 1.0, 2.0]);
    let error = f.value(swapped.as_slice()).unwrap_err();
    assert!(matches!(error, ReplayError::BranchChanged(_)), "{error}");
    let users_line = concat!("in the function recorded at ", file!(), ":");
    assert!(error.to_string().contains(users_line), "{error}");
}

#[test]
fn no_decomposition_freezes_a_value() {
    let record = |f: fn(DMatrix<Var>) -> Var| {
        let m = positive();
        let f = Function::record(m.as_slice(), |x| f(DMatrix::from_column_slice(4, 4, x)));
        f.frozen_reads().len()
    };
    assert_eq!(record(|m| m.determinant()), 0);
    assert_eq!(record(|m| m.try_inverse().unwrap()[(0, 1)]), 0);
    assert_eq!(record(|m| m.full_piv_lu().determinant()), 0);
    assert_eq!(record(|m| m.cholesky().unwrap().ln_determinant()), 0);
    assert_eq!(record(|m| m.qr().r()[(1, 2)]), 0);
    assert_eq!(record(|m| m.symmetric_eigen().eigenvectors[(1, 2)]), 0);
    assert_eq!(record(|m| m.svd(true, true).singular_values[2]), 0);
    assert_eq!(record(|m| m.schur().unpack().1[(0, 0)]), 0);
    // How often it squares depends on numbers that it reads, and is reported.
    assert!(record(|m| m.exp()[(0, 1)]) > 0);
}

#[test]
fn cardinal_sines_are_those_of_f64_and_have_their_derivatives_at_zero() {
    use nalgebra::ComplexField;
    for x in [0.0, 1e-9, -0.3, 0.99, 1.0, -7.5, 800.0, f64::NAN] {
        let (own, plain) = (ComplexField::sinhc(Var::new(x)).value(), ComplexField::sinhc(x));
        assert!(
            own == plain || (own - plain).abs() <= 4.0 * f64::EPSILON * plain || plain.is_nan() && own.is_nan(),
            "{x}: {own} {plain}"
        );
    }
    assert!(ComplexField::sinc(Var::new(f64::INFINITY)).value().is_nan());
    assert_eq!(hessian(|x| ComplexField::sinhc(x[0]), &[0.0])[(0, 0)], 1.0 / 3.0);
    assert_eq!(hessian(|x| ComplexField::sinc(x[0]), &[0.0])[(0, 0)], -1.0 / 3.0);
}
