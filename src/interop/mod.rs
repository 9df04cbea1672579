//! One small file per foreign trait family.

mod approx;
mod num_traits;
