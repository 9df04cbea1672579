//! An arm with six joints, about as large as a man's: where its parts are for given angles.

use nalgebra::{Isometry3, Matrix6, RealField, Rotation3, Translation3, Unit, UnitQuaternion, Vector3, Vector6};
use scalargrad::interop::nalgebra::{axis_times_angle, rotation_about};

/// For each joint its axis, and the way from it to the next one, in metres, when all angles are zero.
const JOINTS: [([f64; 3], [f64; 3]); 6] = [
    ([0.0, 0.0, 1.0], [0.0, 0.14, 0.16]),
    ([0.0, 1.0, 0.0], [0.0, -0.12, 0.43]),
    ([0.0, 1.0, 0.0], [0.0, 0.0, 0.39]),
    ([0.0, 1.0, 0.0], [0.0, 0.09, 0.0]),
    ([0.0, 0.0, 1.0], [0.0, 0.0, 0.1]),
    ([0.0, 1.0, 0.0], [0.0, 0.12, 0.0]),
];

pub type Angles<T> = [T; 6];

fn vector<T: RealField + Copy>(v: [f64; 3]) -> Vector3<T> {
    Vector3::from(v.map(|x| nalgebra::convert(x)))
}

/// The place of every joint, and at last that of the tool.
pub fn places<T: RealField + Copy>(angles: &[T]) -> [Isometry3<T>; 7] {
    let mut place = Isometry3::identity();
    let mut all = [place; 7];
    for (k, (&angle, (axis, way))) in angles.iter().zip(JOINTS).enumerate() {
        // `Rotation3::from_axis_angle` would have a derivative of zero at angle zero.
        let turn: Rotation3<T> = rotation_about(&Unit::new_unchecked(vector(axis)), angle);
        let turn = UnitQuaternion::from_rotation_matrix(&turn);
        place = place * turn * Translation3::from(vector::<T>(way));
        all[k + 1] = place;
    }
    all
}

/// How far the tool is from where it should be: a way, and a rotation as axis times angle.
pub fn error<T: RealField + Copy>(angles: &[T], goal: &Isometry3<f64>) -> [T; 6] {
    let tool = places(angles)[6];
    let goal: Isometry3<T> = nalgebra::convert(*goal);
    let way = tool.translation.vector - goal.translation.vector;
    let turn = axis_times_angle(&(goal.rotation.inverse() * tool.rotation));
    [way.x, way.y, way.z, turn.x, turn.y, turn.z]
}

/// The Jacobian of the tool's velocity and angular velocity by the textbook: `axis × way` above `axis` for each joint.
pub fn geometric_jacobian<T: RealField + Copy>(angles: &[T]) -> Matrix6<T> {
    let places = places(angles);
    let tool = places[6].translation.vector;
    let columns: Vec<Vector6<T>> = (0..6)
        .map(|k| {
            let axis = places[k].rotation * vector::<T>(JOINTS[k].0);
            let velocity = axis.cross(&(tool - places[k].translation.vector));
            Vector6::new(velocity.x, velocity.y, velocity.z, axis.x, axis.y, axis.z)
        })
        .collect();
    Matrix6::from_columns(&columns)
}

/// How well the tool can move in all directions (Yoshikawa, 1985): 0 where it cannot in one.
pub fn manipulability<T: RealField + Copy>(angles: &[T]) -> T {
    geometric_jacobian(angles).determinant().abs()
}
