//! One small file per foreign trait family. Everything forwards: no derivative is stated here.

mod approx;
#[cfg(feature = "nalgebra")]
pub mod nalgebra;
mod num_traits;
mod primitive;
