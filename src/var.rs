//! What a user can do with a [`Var`](crate::Var): each file adds the methods for which it does the work.

// The first, so that the documentation of `Var` begins with how it is made, read and differentiated.
mod basics;

pub(crate) mod backward;

pub(crate) mod differentiate;

pub(crate) mod checkpoint;
mod choice;
pub(crate) mod custom;
pub(crate) mod forward;
mod functions;
mod leaves;
mod operators;
pub(crate) mod outputs;
mod questions;
pub(crate) mod slices;
mod structure;

pub use backward::Gradients;
pub use checkpoint::{advance, checkpoint};
pub use choice::Condition;
pub(crate) use functions::forward_to_var;
pub use outputs::Outputs;
pub use slices::{dot, log_sum_exp, norm, softmax, sum, weighted_sum};
pub use structure::VarId;
