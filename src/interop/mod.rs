//! One small file per foreign trait family. Everything forwards: no derivative is stated here.

mod approx;
mod num_traits;
mod primitive;
