//! Other crates: one small file, and for those that are not always there one feature, for each.
//!
//! | crate | version | feature | what it adds |
//! |---|---|---|---|
//! | `num-traits` | 0.2 | none | generic code over `Float` and its relatives runs on [`Var`](crate::Var) |
//! | `approx` | 0.5 | none | comparisons within a tolerance |
//! | `num-complex` | 0.4 | none | complex numbers of variables, see below |
//! | `nalgebra` | 0.35 | `nalgebra` | matrices, decompositions and rotations of variables; `nalgebra-sparse` 0.12 |
//! | `ndarray` | 0.17 | `ndarray` | arrays of variables |
//! | `argmin` | 0.11 | `argmin` | closures, recorded functions and rows as problems of optimisers |
//! | `levenberg-marquardt` | 0.15 | `levenberg-marquardt` | the same as least squares problems; its `nalgebra` is 0.34 |
//! | `serde` | 1 | `serde` | saving and loading of recorded functions and of matrices, dense and sparse; saving of reports |
//!
//! A *Derivative* paragraph of a method of [`Var`](crate::Var) holds for what these crates make of it, too.
//!
//! # Complex numbers
//!
//! `Complex<Var>` of `num-complex` needs no feature, because it asks for the traits of `num-traits` alone:
//!
//! ```
//! use num_complex::Complex;
//! use scalargrad::Var;
//!
//! let z = Complex::new(Var::new(1.0), Var::new(2.0));
//! let w = (z * z).exp() / (z + Var::from(1.0));
//! w.norm_sqr().backward();
//!
//! let plain = Complex::new(1.0, 2.0);
//! let expected = (plain * plain).exp() / (plain + 1.0);
//! assert!((w.re.value() - expected.re).abs() < 1e-16);
//! // d|w|²/dx = 2 Re(w̄·w′), d|w|²/dy = −2 Im(w̄·w′)
//! let slope = expected * (2.0 * plain - 1.0 / (plain + 1.0));
//! let product = expected.conj() * slope;
//! assert!((z.re.grad() - 2.0 * product.re).abs() < 1e-15);
//! assert!((z.im.grad() + 2.0 * product.im).abs() < 1e-15);
//! ```
//!
//! A plain number has to be made a variable first, because Rust does not let this crate implement operators between two foreign
//! types: `z * Var::from(2.0)`, not `z * 2.0`. And `norm` is `hypot`, whose derivative at 0 is 0, but `arg` at 0 has none.
//!
//! **On the real and the imaginary axis** `num-complex` answers some functions by formulas of one real number, so the derivative by
//! the part that is 0 gets lost, or comes out wrong: those of `sqrt`, `cbrt`, `asin`, `acos`, `asinh`, `acosh` (where `z − 1` is on an axis, too),
//! and of `powf` and `powc` with an exponent of 0. Values are right. Off the axes all derivatives are. Through `ln` and `exp` the
//! square root has right derivatives on the axes, too:
//!
//! ```
//! use num_complex::Complex;
//! use scalargrad::{Var, jacobian};
//!
//! let root = |x: &[Var]| {
//!     let w = (Complex::new(x[0], x[1]).ln() * Var::from(0.5)).exp();
//!     [w.re, w.im]
//! };
//! let j = jacobian(root, &[4.0, 0.0]);
//! for (d, right) in j.as_slice().iter().zip([0.25, 0.0, 0.0, 0.25]) {
//!     assert!((d - right).abs() < 1e-15);
//! }
//! ```

/// Methods of a trait that give a constant: the number that `f64` has there.
macro_rules! constants {
    ($Trait:ident: $($constant:ident)*) => { $(
        fn $constant() -> Var {
            Var::constant(<f64 as $Trait>::$constant())
        }
    )* };
}

/// Conversions by value that are those of references.
#[cfg(any(feature = "nalgebra", feature = "ndarray"))]
macro_rules! by_value {
    ($($From:ty => $To:ty),*) => { $(
        impl From<$From> for $To {
            fn from(m: $From) -> $To {
                <$To>::from(&m)
            }
        }
    )* };
}

mod approx;
#[cfg(feature = "argmin")]
pub mod argmin;
#[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
mod differentiable;
#[cfg(feature = "levenberg-marquardt")]
pub mod levenberg_marquardt;
#[cfg(feature = "nalgebra")]
pub mod nalgebra;
#[cfg(feature = "ndarray")]
pub mod ndarray;
mod num_traits;
mod primitive;
#[cfg(feature = "serde")]
mod serde;

#[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
pub use differentiable::{Differentiable, EachRow, NotANumber, SumOfRows};
