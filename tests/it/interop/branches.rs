//! `nalgebra`: where its own methods lose a derivative, as the documentation warns, and what to write instead.
//!
//! Should a new version of `nalgebra` do better, the warning can go.

use nalgebra::{DMatrix, Matrix3, Quaternion, Rotation3, UnitQuaternion, Vector2, Vector3, Vector4};
use scalargrad::interop::nalgebra::{axis_times_angle, svd, unit_quaternion};
use scalargrad::{Var, derivative, gradient, jacobian};

#[test]
fn lerp_at_its_end() {
    let (a, b) = (Vector2::new(1.0, 0.0).cast::<Var>(), Vector2::new(5.0, 0.0).cast::<Var>());
    assert_eq!(derivative(|t| a.lerp(&b, t).x, 1.0), 5.0);
    assert_eq!(derivative(|t| (a + (b - a) * t).x, 1.0), 4.0);
}

#[test]
fn a_factor_of_zero() {
    let (x, y) = (Vector2::new(3.0, 4.0).cast::<Var>(), Vector2::new(5.0, 6.0).cast::<Var>());
    let m = nalgebra::Matrix2::new(1.0, 2.0, 3.0, 4.0).cast::<Var>();
    let one = Var::constant(1.0);
    let all: [&dyn Fn(Var) -> Var; 5] = [
        &|beta| {
            let mut y = y;
            y.axpy(one, &x, beta);
            y.x
        },
        &|beta| {
            let mut y = y;
            y.gemv(one, &m, &x, beta);
            y.x
        },
        &|beta| {
            let mut n = m;
            n.gemm(one, &m, &m, beta);
            n.m11
        },
        &|beta| {
            let mut n = m;
            n.ger(one, &x, &y, beta);
            n.m11
        },
        &|beta| {
            let mut n = m;
            n.quadform(one, &m, &m, beta);
            n.m11
        },
    ];
    for f in all {
        assert_eq!(derivative(f, 0.0), 0.0);
    }
    assert_eq!(derivative(|beta| (x * one + y * beta).x, 0.0), 5.0);
}

#[test]
fn slerp_of_equal_quaternions() {
    let w = [0.3, -0.2, 0.5];
    let start = unit_quaternion(&Vector3::from(w));
    let by_hand = |a: UnitQuaternion<Var>, b: UnitQuaternion<Var>, t: Var| {
        a * unit_quaternion(&(axis_times_angle(&(a.inverse() * b)) * t))
    };
    let t = Var::constant(0.25);
    let slopes = |f: &dyn Fn(UnitQuaternion<Var>, UnitQuaternion<Var>, Var) -> UnitQuaternion<Var>, w: &[f64]| {
        let j = jacobian(
            |w| {
                let end = unit_quaternion(&Vector3::from_column_slice(w));
                f(UnitQuaternion::new_unchecked(start.into_inner().cast()), end, t).coords.as_slice().to_vec()
            },
            w,
        );
        DMatrix::from(j)
    };
    assert_eq!(slopes(&|a, b, t| a.slerp(&b, t), &w).norm(), 0.0);
    let far = [0.4, -0.3, 0.7];
    assert!((slopes(&|a, b, t| a.slerp(&b, t), &far) - slopes(&by_hand, &far)).norm() < 1e-12);
    // A quarter of the way at the same point: a quarter of the derivative of the end.
    let end = jacobian(|w| unit_quaternion(&Vector3::from_column_slice(w)).coords.as_slice().to_vec(), &w);
    assert!((slopes(&by_hand, &w) - DMatrix::from(end) * 0.25).norm() < 1e-14);
}

#[test]
fn the_exponential_of_a_quaternion_without_a_vector_part() {
    let q = |x: &[Var]| Quaternion::from(Vector4::from_column_slice(x));
    let at = |f: &dyn Fn(Quaternion<Var>) -> Quaternion<Var>, x: &[f64]| {
        DMatrix::from(jacobian(|x| f(q(x)).coords.as_slice().to_vec(), x))
    };
    let by_hand = |q: Quaternion<Var>| {
        let two = Var::constant(2.0);
        unit_quaternion(&(q.imag() * two)).into_inner() * q.scalar().exp()
    };
    assert_eq!(at(&|q| q.exp(), &[0.0; 4]).norm(), 0.0);
    assert_eq!(at(&by_hand, &[0.0; 4]), DMatrix::identity(4, 4));
    let x = [0.3, -0.2, 0.5, 0.7];
    assert!((at(&|q| q.exp(), &x) - at(&by_hand, &x)).norm() < 1e-14);
    assert_eq!(derivative(|n| Quaternion::new(2.0, 0.3, 0.1, 0.0).cast::<Var>().powf(n).w, 0.0), 0.0);
}

#[test]
fn the_nearest_rotation() {
    let m = [1.3, -0.4, 0.2, 0.3, 0.7, -0.5, 0.1, 0.6, 2.0];
    let own = |x: &[Var]| {
        let d = svd(&DMatrix::from_row_slice(3, 3, x));
        (d.u.unwrap() * d.v_t.unwrap())[(0, 1)]
    };
    let found = gradient(own, &m);
    let value = |x: &[f64]| Rotation3::from_matrix(&Matrix3::from_row_slice(x)).matrix()[(0, 1)];
    for i in 0..9 {
        let moved = |h: f64| {
            let mut m = m;
            m[i] += h;
            value(&m)
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((found[i] - expected).abs() < 1e-8, "{} {expected}", found[i]);
    }
}

#[test]
fn eigenvalues_singular_values_and_determinants() {
    let m = [3.0, 0.0, 0.0, 1.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    assert!(gradient(|x| DMatrix::from_row_slice(4, 4, x).symmetric_eigenvalues()[2], &m)[8].abs() > 1.0);
    let m = [4.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    let of = |k: usize| gradient(|x| DMatrix::from_row_slice(4, 4, x).singular_values()[k], &m)[8].abs();
    assert!((0..4).any(|k| of(k) > 1.0));
    let m = [0.0, 2.0, 0.0, 3.0];
    assert_ne!(gradient(|x| DMatrix::from_row_slice(2, 2, x).lu().determinant(), &m), [3.0, 0.0, -2.0, 0.0]);
    let by_full_pivots = |x: &[Var]| DMatrix::from_row_slice(2, 2, x).full_piv_lu().determinant();
    assert_eq!(gradient(by_full_pivots, &m), [0.0; 4]);
}
