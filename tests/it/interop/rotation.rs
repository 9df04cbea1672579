//! `nalgebra`: rotations.

use nalgebra::{Isometry3, Matrix3, RealField, Rotation2, Rotation3, Translation3, UnitQuaternion, Vector3};
use scalargrad::interop::nalgebra::{axis_times_angle, rotation, rotation_about, unit_quaternion};
use scalargrad::{Var, jacobian, taylor};

const POINTS: [[f64; 3]; 6] =
    [[0.3, -0.2, 0.5], [1.0, 0.0, 0.0], [1e-9, 2e-9, -1e-9], [0.6, 0.6, 0.6], [2.0, 1.5, -1.0], [1e-200, 0.0, 0.0]];

fn vector<T: RealField + Copy>(x: &[T]) -> Vector3<T> {
    Vector3::new(x[0], x[1], x[2])
}

#[test]
fn values_are_those_of_nalgebra() {
    for x in POINTS {
        let w = Vector3::from(x);
        assert!((rotation(&w).matrix() - Rotation3::new(w).matrix()).norm() < 2e-15);
        let q = unit_quaternion(&w);
        assert!((q.coords - UnitQuaternion::from_scaled_axis(w).coords).norm() < 2e-15);
        assert!((axis_times_angle(&q) - w).norm() <= 1e-15 * w.norm());
        assert!((axis_times_angle(&UnitQuaternion::new_unchecked(-q.into_inner())) - w).norm() <= 1e-15 * w.norm());
        let about = rotation_about(&Vector3::y_axis(), x[0]);
        assert!((about.matrix() - Rotation3::from_axis_angle(&Vector3::y_axis(), x[0]).matrix()).norm() < 2e-15);
    }
}

/// `d(Rp)/dw = −R [p]× J`, with the right Jacobian `J` of the exponential map, and `−[p]×` at `w = 0`.
fn closed_form(w: Vector3<f64>, p: Vector3<f64>) -> Matrix3<f64> {
    let (angle, k) = (w.norm(), w.cross_matrix());
    let right = if angle < 1e-5 {
        Matrix3::identity() - k * 0.5 + k * k / 6.0
    } else {
        Matrix3::identity() - k * ((1.0 - angle.cos()) / angle.powi(2))
            + k * k * ((angle - angle.sin()) / angle.powi(3))
    };
    -Rotation3::new(w).matrix() * p.cross_matrix() * right
}

#[test]
fn the_jacobian_of_a_rotated_point_at_angle_zero_too() {
    let p = Vector3::new(1.0, 2.0, -0.5);
    type Rotate = fn(&[Var]) -> Matrix3<Var>;
    let by_matrix: Rotate = |w| *rotation(&vector(w)).matrix();
    let by_quaternion: Rotate = |w| *unit_quaternion(&vector(w)).to_rotation_matrix().matrix();
    for rotate in [by_matrix, by_quaternion] {
        for x in POINTS.into_iter().chain([[0.0; 3]]) {
            let found = jacobian(|w| (rotate(w) * p.cast()).iter().copied().collect::<Vec<_>>(), &x);
            let expected = closed_form(Vector3::from(x), p);
            let found = Matrix3::from_row_slice(found.as_slice());
            assert!((found - expected).norm() < 1e-13 * p.norm(), "{x:?} {found} {expected}");
        }
    }
}

#[test]
fn nalgebra_s_own_maps_agree_away_from_zero() {
    let p = Vector3::new(1.0, 2.0, -0.5);
    let x = POINTS[0];
    for rotate in [
        |w: &[Var]| *Rotation3::new(vector(w)).matrix(),
        |w: &[Var]| *UnitQuaternion::from_scaled_axis(vector(w)).to_rotation_matrix().matrix(),
    ] {
        let found = jacobian(|w| (rotate(w) * p.cast()).iter().copied().collect::<Vec<_>>(), &x);
        let found = Matrix3::from_row_slice(found.as_slice());
        assert!((found - closed_form(Vector3::from(x), p)).norm() < 1e-13);
    }
}

/// What the documentation warns of: should a new version of `nalgebra` do better, the warning can go.
#[test]
fn nalgebra_s_own_maps_are_constant_at_zero() {
    let angle = Var::new(0.0);
    let r = Rotation3::from_axis_angle(&Vector3::z_axis(), angle);
    assert!(r.matrix().iter().all(|x| x.is_constant()));
    let w = Vector3::zeros().map(Var::new);
    let q = UnitQuaternion::from_scaled_axis(w);
    assert!(q.coords.iter().all(|x| x.is_constant()));
}

#[test]
fn an_angle_of_zero_about_an_axis() {
    let angle = Var::new(0.0);
    let p = Vector3::new(2.0, 1.0, 0.0).cast::<Var>();
    let axis = Vector3::z_axis();
    let by_quaternion = UnitQuaternion::from_axis_angle(&axis, angle) * p;
    let by_euler = Rotation3::from_euler_angles(Var::from(0.0), Var::from(0.0), angle) * p;
    for turned in [rotation_about(&axis, angle) * p, by_quaternion, by_euler] {
        assert_eq!(turned.map(Var::value), Vector3::new(2.0, 1.0, 0.0));
        turned.x.backward();
        assert_eq!(angle.grad(), -1.0);
        turned.y.backward();
        assert_eq!(angle.grad(), 2.0);
    }
    let turned = Rotation2::new(angle) * nalgebra::Vector2::new(2.0, 1.0).cast::<Var>();
    turned.y.backward();
    assert_eq!(angle.grad(), 2.0);
}

#[test]
fn the_maps_have_all_their_derivatives_at_zero() {
    // exp(t[w]×) = Σ tᵏ [w]×ᵏ / k!
    let w = Vector3::new(0.3, -1.0, 0.7);
    let k = w.cross_matrix();
    for (i, j) in [(0, 0), (1, 0), (2, 1)] {
        let series = taylor(|t| rotation(&(t * w)).matrix()[(i, j)], 0.0, 6);
        let (mut power, mut factorial) = (Matrix3::<f64>::identity(), 1.0);
        for (n, found) in series.iter().enumerate() {
            let expected: f64 = power[(i, j)] / factorial;
            assert!((found - expected).abs() < 1e-15, "{n}: {found} {expected}");
            power *= k;
            factorial *= (n + 1) as f64;
        }
    }
}

#[test]
fn the_logarithm_undoes_the_exponential_map() {
    for x in POINTS.into_iter().chain([[0.0; 3]]) {
        let found = jacobian(|w| entries_of(axis_times_angle(&unit_quaternion(&vector(w)))), &x);
        let found = Matrix3::from_row_slice(found.as_slice());
        assert!((found - Matrix3::identity()).norm() < 1e-14, "{x:?} {found}");
    }
    fn entries_of(v: Vector3<Var>) -> Vec<Var> {
        v.iter().copied().collect()
    }
}

#[test]
fn a_robot_arm_with_its_joints_at_zero() {
    // Three joints about z, y and z, links of length 1 along x.
    let tip = |q: &[Var]| {
        let link = Translation3::new(1.0, 0.0, 0.0).cast::<Var>();
        let axes = [Vector3::<f64>::z_axis(), Vector3::y_axis(), Vector3::z_axis()];
        let mut pose = Isometry3::<Var>::identity();
        for (axis, &angle) in axes.iter().zip(q) {
            pose *= UnitQuaternion::from_axis_angle(&axis.cast(), angle);
            pose *= link;
        }
        pose.translation.vector.iter().copied().collect::<Vec<_>>()
    };
    let found = jacobian(tip, &[0.0; 3]);
    assert_eq!(found.row(0), [0.0, 0.0, 0.0]);
    assert_eq!(found.row(1), [3.0, 0.0, 1.0]);
    assert_eq!(found.row(2), [0.0, -2.0, 0.0]);
}
