//! Gradients of ordinary Rust arithmetic: scalar reverse-mode automatic differentiation.
//!
//! ```
//! use scalargrad::Var;
//!
//! let x = Var::new(3.0).named("x");
//! let y = Var::new(2.0).named("y");
//! let z = Var::new(1.0).named("z");
//!
//! let o = ((x * y) * (y * z)).powi(2);
//! o.backward();
//!
//! assert_eq!(o.value(), 144.0);
//! assert_eq!((x.grad(), y.grad(), z.grad()), (96.0, 288.0, 288.0));
//! println!("{}", o.to_text());
//! ```
//!
//! # How it works
//!
//! A [`Var`] is a value that remembers where it came from. An operation computes its value at once, as `f64`
//! would, and appends one node to the graph of its thread: what was done, to which operands.
//! [`backward`](Var::backward) goes from one output back through its ancestors and adds up, by the chain rule,
//! how the output changes with each of them; [`grad`](Var::grad) reads it. The picture of the example:
//!
//! ```text
//!                     value  grad
//! powi(2)               144     1
//! └─ ×                   12    24
//!    ├─ ×                 6    48
//!    │  ├─ x              3    96
//!    │  └─ y              2   288
//!    └─ ×                 2   144
//!       ├─ y (above)
//!       └─ z              1   288
//! ```
//!
//! The graph grows with every operation. A loop puts each step into a [`graph::scope`], which drops at its end
//! what was recorded inside. A handle that outlives its scope is *stale*: its value can still be
//! read, and any other use panics and says what ended it.
//!
//! # What there is
//!
//! | to | use |
//! |---|---|
//! | compute | operators, and the methods of [`Var`]; [`sum`], [`dot`], [`weighted_sum`], [`norm`], [`log_sum_exp`], [`softmax`] of slices |
//! | differentiate a result | [`Var::backward`] and [`Var::grad`]; [`Var::gradients`] for a snapshot |
//! | differentiate again, to any order | [`Var::differentiate`] |
//! | differentiate a closure | [`gradient`], [`value_and_gradient`], [`derivative`] |
//! | all derivatives of a closure | [`jacobian`], [`values_and_jacobian`], [`hessian`], [`hvp`], [`value_gradient_and_hvp`], [`jvp`], [`vjp`], [`laplacian`], [`taylor()`] |
//! | record once, evaluate many times | [`Function`], [`function::Recorder`] |
//! | write a function once for `f64` and [`Var`] | [`Real`], or `num_traits::Float` |
//! | keep something out of the derivative | `f64` operands, [`Var::constant`], [`Var::detach`], [`graph::no_grad`] |
//! | bound the memory | [`graph::scope`], [`graph::clear`] |
//! | see the graph | [`Var::to_text`], [`Var::to_svg`], [`Var::to_dot`], [`Picture`], [`Var::named`] |
//! | add an operation | [`Var::custom`]; [`Var::apply`] of a [`CustomOp`] |
//! | train a network | [`nn`]: layers, losses, optimisers, compared with micrograd's |
//! | make sure that a gradient is right | [`check`] |
//! | find where a NaN began, or why a gradient is 0 | [`anomaly::detect`], [`graph::report`] |
//! | use matrices, arrays and solvers of other crates | [`interop`] |
//! | read on, in short chapters | [`guide`] |
//!
//! # At the edges
//!
//! Values equal those of the `f64` method of the same name bit for bit. Derivatives are accurate wherever
//! they exist. At a kink they are the smallest subgradient (`abs` and `relu` at 0 give 0, `max(a, a)` gives
//! ½ to each), which keeps the first derivatives of a smooth function of a kink, but not its second ones (see
//! [`hessian`]); an infinite slope is infinite; outside the domain they are NaN, at every
//! order. An adjoint that is exactly zero is not propagated, so what is not used or not selected never turns a
//! gradient into NaN. Each method of [`Var`] states its own convention under *Derivative*.
//!
//! # Features
//!
//! None is on by default.
//!
//! - `rayon`: rows of a [`Function`], compiled or not, on all cores.
//! - `serde`: saving and loading of a [`Function`].
//! - `jit`: a [`Function`] in native code, by `Function::compile`.
//! - `nalgebra`, `ndarray`, `argmin`, `levenberg-marquardt`: see [`interop`], with the versions. With `nalgebra`, a
//!   [`Var`] is `Send` and `Sync`, and a use on another thread is a panic and not an error of the compiler.
//! - `proptest`: the module `strategy`, with points and random differentiable programs for property tests.

// The first, so that the documentation of `Var` begins with how it is made and read.
mod var;

pub mod anomaly;
mod arena;
pub mod check;
pub mod derive;
mod draw;
pub mod function;
pub mod graph;
pub mod guide;
mod handle;
pub mod interop;
mod matrix;
pub mod nn;
mod nodes;
mod pull_back;
mod real;
mod record;
mod refusal;
mod rows;
mod rules;
mod special;
#[cfg(feature = "proptest")]
pub mod strategy;
mod table;
mod taylor;

pub use derive::{
    derivative, gradient, hessian, hvp, jacobian, jvp, laplacian, value_and_gradient, value_gradient_and_hvp,
    values_and_jacobian, vjp,
};
pub use draw::Picture;
pub use function::Function;
pub use graph::notes::CustomOp;
pub use handle::Var;
pub use matrix::Matrix;
pub use real::Real;
pub use rows::Op;
pub use taylor::taylor;
pub use var::{Condition, Gradients, VarId, advance, checkpoint, dot, log_sum_exp, norm, softmax, sum, weighted_sum};

#[cfg(doctest)]
#[doc = include_str!("../ARCHITECTURE.md")]
struct Architecture;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
