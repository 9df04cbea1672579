//! Rotations that have their derivatives at angle 0, too.

use super::at_users_line;
use super::roots::{atan_root, cos_root, sinc_root};
use nalgebra::{Matrix3, Quaternion, RealField, Rotation3, Unit, UnitQuaternion, Vector3};

/// The matrix of a rotation about an axis.
///
/// The same as `Rotation3::from_axis_angle`, but for the derivative at angle 0: there `nalgebra` answers with a constant
/// matrix, whose derivatives are zero.
///
/// ```
/// use nalgebra::Vector3;
/// use scalargrad::{Var, interop::nalgebra::rotation_about};
///
/// let joint = Var::new(0.0);
/// let tip = rotation_about(&Vector3::z_axis(), joint) * Vector3::new(2.0, 0.0, 0.0).cast();
/// tip.y.backward();
/// assert_eq!((tip.x.value(), tip.y.value(), joint.grad()), (2.0, 0.0, 2.0));
/// ```
#[track_caller]
pub fn rotation_about<T: RealField + Copy>(axis: &Unit<Vector3<T>>, angle: T) -> Rotation3<T> {
    let ((sin, cos), k) = (angle.sin_cos(), axis.into_inner());
    at_users_line(|| rodrigues(k, sin, T::one() - cos, T::one()))
}

/// The matrix of a rotation, given by its axis times its angle: the exponential map.
///
/// The same as `Rotation3::new`, but for its derivatives at the zero vector, which are right to every order: there `nalgebra`
/// answers with a constant matrix.
///
/// ```
/// use nalgebra::Vector3;
/// use scalargrad::{Var, interop::nalgebra::rotation};
///
/// let w = Vector3::zeros().map(Var::new);
/// let tip = rotation(&w) * Vector3::new(2.0, 0.0, 0.0).cast();
/// tip.y.backward();
/// assert_eq!(w.map(|w| w.grad()), Vector3::new(0.0, 0.0, 2.0));
/// ```
#[must_use]
#[track_caller]
pub fn rotation<T: RealField + Copy>(axis_times_angle: &Vector3<T>) -> Rotation3<T> {
    at_users_line(|| {
        let half: T = nalgebra::convert(0.5);
        let square = axis_times_angle.norm_squared();
        let sinc_of_half = sinc_root(square * half * half);
        let one_less_cos = half * sinc_of_half * sinc_of_half; // over the square of the angle
        rodrigues(*axis_times_angle, sinc_root(square), one_less_cos, square)
    })
}

/// `I + a [k]× + b [k]×²`, where `square` is the square of the length of `k`.
fn rodrigues<T: RealField + Copy>(k: Vector3<T>, a: T, b: T, square: T) -> Rotation3<T> {
    let outer = k * k.transpose() - Matrix3::from_diagonal_element(square);
    Rotation3::from_matrix_unchecked(Matrix3::identity() + k.cross_matrix() * a + outer * b)
}

/// The unit quaternion of a rotation, given by its axis times its angle: the exponential map.
///
/// The same as `UnitQuaternion::from_scaled_axis`, but for its derivatives at the zero vector, which are right to every
/// order: there `nalgebra` answers with a constant.
///
/// ```
/// use nalgebra::Vector3;
/// use scalargrad::{Var, interop::nalgebra::unit_quaternion};
///
/// let w = Vector3::zeros().map(Var::new);
/// let tip = unit_quaternion(&w) * Vector3::new(2.0, 0.0, 0.0).cast();
/// tip.y.backward();
/// assert_eq!(w.map(|w| w.grad()), Vector3::new(0.0, 0.0, 2.0));
/// ```
#[must_use]
#[track_caller]
pub fn unit_quaternion<T: RealField + Copy>(axis_times_angle: &Vector3<T>) -> UnitQuaternion<T> {
    at_users_line(|| {
        let half = axis_times_angle * nalgebra::convert::<f64, T>(0.5);
        let square = half.norm_squared();
        Unit::new_unchecked(Quaternion::from_parts(cos_root(square), half * sinc_root(square)))
    })
}

/// The axis of a rotation times its angle, at most π: the logarithm map, the inverse of [`unit_quaternion`].
///
/// The same as `UnitQuaternion::scaled_axis`, but for its derivatives at no rotation, which are right to every order:
/// there `nalgebra` answers with a constant. At half a turn there are two answers, and no derivative.
///
/// ```
/// use nalgebra::Vector3;
/// use scalargrad::{Var, interop::nalgebra::{axis_times_angle, unit_quaternion}};
///
/// let w = Vector3::zeros().map(Var::new);
/// let again = axis_times_angle(&unit_quaternion(&w));
/// again.x.backward();
/// assert_eq!(w.map(|w| w.grad()), Vector3::new(1.0, 0.0, 0.0));
/// ```
#[must_use]
#[track_caller]
pub fn axis_times_angle<T: RealField + Copy>(rotation: &UnitQuaternion<T>) -> Vector3<T> {
    at_users_line(|| {
        let (v, cos) = (rotation.imag(), rotation.scalar());
        // Of the two quaternions of a rotation that of the smaller angle.
        let (v, cos) = if cos < T::zero() { (-v, -cos) } else { (v, cos) };
        v * (atan_root(v.norm_squared(), cos) * nalgebra::convert(2.0))
    })
}
