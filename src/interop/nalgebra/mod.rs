//! `nalgebra` 0.35 and `nalgebra-sparse` 0.12 (with `simba` 0.10), with the feature `nalgebra`.
//!
//! [`Var`](crate::Var) is a `RealField`, so `DMatrix<Var>` and `SVector<Var, N>` do what those of `f64` do: LU, QR, Cholesky,
//! eigenvalues, singular values, `inverse`, `determinant`, `norm`, rotations, isometries. Leaves are made by
//! `map(Var::new)`, constants by `cast`, and gradients are read by `map(|x| x.grad())`.
//!
//! ```
//! use nalgebra::{DMatrix, DVector};
//! use scalargrad::Var;
//!
//! // The likelihood of a Gaussian process, and its derivative with respect to the length of its kernel.
//! let (t, y) = ([0.0, 1.0, 2.5], DVector::from_vec(vec![0.3, -0.2, 0.9]));
//! let length = Var::new(1.5);
//! let kernel = DMatrix::from_fn(3, 3, |i, j| {
//!     let noise = if i == j { 0.1 } else { 0.0 };
//!     (-((t[i] - t[j]) / length).powi(2) / 2.0).exp() + noise
//! });
//! let cholesky = kernel.cholesky().unwrap();
//! let y = y.cast::<Var>();
//! let loss = y.dot(&cholesky.solve(&y)) / 2.0 + cholesky.ln_determinant() / 2.0;
//! loss.backward();
//! assert!(loss.value().is_finite() && length.grad() != 0.0);
//! ```
//!
//! # What to know
//!
//! - Pivots, iterations and other decisions are comparisons, and so guards while a [`Function`](crate::Function) is being
//!   recorded: a replay that would take another pivot, or a different number of iterations, is refused as a changed
//!   branch. Only the exponential of a matrix reads numbers, for how often it squares: it is among the frozen reads.
//! - Where only the lower triangle is read (Cholesky, symmetric eigenvalues), only its entries have a gradient.
//! - At a branch of `nalgebra` that returns a constant, or leaves out a term that is 0, derivatives are zero, or not whole:
//!   `Rotation3::new`, `Rotation3::from_axis_angle` and `UnitQuaternion::from_scaled_axis` at angle 0, and `scaled_axis` at
//!   no rotation. Use [`rotation`], [`rotation_about`], [`unit_quaternion`] and [`axis_times_angle`].
//!   `UnitQuaternion::from_axis_angle` and the Euler angles are right as they are. Others are:
//!   - `lerp` at `t` = 1, of vectors, points and translations. Write `a + (b - a) * t`.
//!   - `axpy`, `gemv`, `gemm`, `ger` and `quadform` by a variable `beta` that is 0. Write the products and the sum.
//!   - `UnitQuaternion::slerp` of equal quaternions. Write `a * unit_quaternion(&(axis_times_angle(&(a.inverse() * b)) * t))`.
//!   - `Quaternion::exp` where the vector part is 0, and so `Quaternion::powf` at exponent 0. The exponential of `q` is
//!     `unit_quaternion(&(q.imag() * two)).into_inner() * q.scalar().exp()`.
//! - `Rotation3::from_matrix` of a matrix that is far from a rotation stops when its value has converged, and its derivatives have
//!   not. Where the determinant is positive and the singular values are distinct (not at a rotation), the nearest rotation is `u * v_t` of [`svd`].
//! - **`nalgebra`'s own `symmetric_eigen`, `symmetric_eigenvalues`, `singular_values` and `svd` have wrong derivatives at matrices with
//!   zeros, or with entries that are nearly 0**, in values and vectors, and nothing tells: use [`symmetric_eigen`], [`singular_values`] and [`svd`]. They also say what
//!   holds at equal values. What `nalgebra` makes of its own `svd` (`pseudo_inverse`, `polar`, `svd_unordered`) is wrong there too; the
//!   methods of the result of [`svd`] are right where the values are distinct and not 0.
//! - `nalgebra`'s own `determinant`, from 4 × 4 on, and that of `lu` and `full_piv_lu` at any size, have wrong derivatives at a matrix that
//!   is singular: use [`determinant`].
//! - Algorithms that stop early at a matrix which is diagonal, block diagonal or triangular already leave out what a change would
//!   add. There the gradients of `schur`, `hessenberg`, `bidiagonalize` and `symmetric_tridiagonalize`, and of the eigenvalues of a
//!   matrix that is not symmetric, are wrong. `lu`, and `qr` where the columns are independent, are right.
//! - `norm` and `normalize` of a zero vector have NaN as their derivative; [`norm`](crate::norm) of the crate has 0. So has the `angle` of a
//!   rotation or quaternion at no rotation, and `angle_to` of equal ones: take `norm` of [`axis_times_angle`] instead.
//! - A matrix of variables times a number is `v * Var::from(2.0)`: nalgebra wants the number on the right, and of the same type.
//! - A product of a matrix of numbers and one of variables needs a `cast`, for Rust does not let this crate implement operators
//!   between two foreign types; one variable on either side of a matrix of numbers is fine.
//! - `simba` asks a number to be `Send` and `Sync`. With this feature a `Var` is, and a use on another thread panics.

mod convert;
mod determinant;
mod eigen;
mod field;
mod lane;
mod product;
mod roots;
mod rotation;
mod singular;
mod slope;

pub use determinant::determinant;
pub use eigen::symmetric_eigen;
pub use rotation::{axis_times_angle, rotation, rotation_about, unit_quaternion};
pub use singular::{singular_values, svd};

use crate::graph::trace;
use crate::refusal::at_callers_line;

/// The result of `f`; what it refuses, and what it decides, belongs to the line of the caller.
#[track_caller]
fn at_users_line<R>(f: impl FnOnce() -> R) -> R {
    let _attributed = trace::attribute();
    at_callers_line(f)
}
