//! Gradients of ordinary Rust arithmetic.

mod arena;
pub mod check;
mod derive;
mod draw;
pub mod function;
pub mod graph;
mod interop;
mod ops;
mod real;
mod record;
mod special;
#[cfg(feature = "proptest")]
pub mod strategy;
mod sweep;
mod var;

pub use derive::{derivative, gradient, value_and_gradient};
pub use ops::Op;
pub use real::Real;
pub use sweep::Gradients;
pub use var::{Condition, CustomOp, Var, dot, log_sum_exp, norm, softmax, sum, weighted_sum};
