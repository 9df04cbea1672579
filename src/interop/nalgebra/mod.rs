//! `nalgebra` 0.35 and `nalgebra-sparse` 0.12, with the feature `nalgebra`.
mod convert;
mod eigen;
mod field;
mod lane;
mod product;
mod roots;
mod rotation;

pub use eigen::symmetric_eigen;
pub use rotation::{axis_times_angle, rotation, rotation_about, unit_quaternion};
