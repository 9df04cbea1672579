//! The other crates: each is run on variables, and beside it on numbers.

#[cfg(feature = "argmin")]
mod argmin;
#[cfg(feature = "nalgebra")]
mod branches;
mod complex;
#[cfg(feature = "nalgebra")]
mod decompositions;
#[cfg(feature = "nalgebra")]
mod eigen;
#[cfg(feature = "levenberg-marquardt")]
mod levenberg_marquardt;
#[cfg(feature = "nalgebra")]
mod nalgebra;
#[cfg(feature = "ndarray")]
mod ndarray;
#[cfg(feature = "nalgebra")]
mod rotation;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "nalgebra")]
mod travel;
#[cfg(feature = "nalgebra")]
mod zeros;
