//! Functions recorded once and evaluated many times.
//!
//! [`Function::record`] runs a closure once and keeps what it did as a flat program: dead code removed,
//! equal expressions merged, chains of additions made one. The program is then evaluated at other inputs
//! without the closure, without the graph, and from any thread.
//!
//! A recording is straight-line code, so it must know where the closure could have gone another way.
//! Every comparison of variables is therefore part of it, a *guard*, and so is every question such as
//! [`is_nan`](crate::Var::is_nan): where one would get another answer, a replay returns [`ReplayError::BranchChanged`] instead of a number, and a [`Recorder`] records that
//! branch too. Operations such as `max`, `relu` or `abs` need no guard. What a closure took from
//! the graph as a plain number is frozen, and listed in [`Function::frozen_reads`].
//!
//! ```
//! use scalargrad::function::{Function, ReplayError};
//!
//! let f = Function::record(&[3.0, 2.0], |x| {
//!     if x[0] > x[1] { x[0] * x[0] * x[1] } else { x[1] }
//! });
//! assert_eq!(f.gradient(&[5.0, 1.0])?, (25.0, vec![10.0, 25.0]));
//! assert!(matches!(f.value(&[0.0, 1.0]), Err(ReplayError::BranchChanged(_))));
//! # Ok::<(), ReplayError>(())
//! ```

// From the tape to a program.
mod builder;
mod capture;
mod expression_table;
mod needs;
mod optimise;
mod program;

// How a program is evaluated: node by node, or in the order of its schedule.
mod buffers;
mod evaluate;
mod on_tape;
mod one_by_one;
mod schedule;
mod scheduled;
mod tangents;
mod unary;
mod wide;

// Sparse derivatives.
mod dependence;
mod sparse;
mod sparse_hessian;
mod sparse_jacobian;

// Code that is written from a program.
#[cfg(feature = "jit")]
mod compile;
mod emit;
mod source;

// What users call.
mod call;
mod display;
mod error;
mod recorder;
mod rows;
#[cfg(feature = "serde")]
mod saved;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod undefined_tests;

pub use crate::var::Outputs;
#[cfg(feature = "jit")]
pub use compile::{CompileError, Compiled};
pub use error::{BranchChange, Counted, FrozenRead, ReplayError, RowsChange};
pub use recorder::Recorder;
pub use rows::{RecordedRows, Rows};
pub use source::SourceError;
pub use sparse::{Pattern, SparseMatrix};

pub(crate) use capture::{Effort, capture};
pub(crate) use evaluate::{AlongOne, hessian_on_tape, hvp_on_tape};
pub(crate) use program::Program;
pub(crate) use wide::are_finite;

use crate::graph::trace::{self, Escape};
use crate::graph::{id_of, open_recording, user_code, value_of};
use crate::handle::Var;

/// A function recorded once.
///
/// Its values equal those of the closure bit for bit; its gradients too, but for rounding: the
/// contributions to one adjoint are added in another order, and those to equal expressions together. So where two equal
/// expressions have an infinite slope and cancel, as in `x.sqrt() - x.sqrt()` at 0, the closure has `∞ − ∞`, which is NaN, and the
/// recording 0. The sign of a NaN is no part of a value: Rust does not define it for a NaN that arithmetic makes, so a question about it is
/// no guard, and a `copysign` from it may differ.
///
/// A `Function` is plain data, `Send` and `Sync`. Buffers that evaluations need are kept per thread and used again.
///
/// With the feature `jit` of this crate, `Function::compile` makes native code of it; without the feature there is no such method.
///
/// ```
/// use scalargrad::function::Function;
///
/// let f = Function::record(&[1.0, 1.0], |x| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2));
/// assert_eq!(f.gradient(&[0.0, 1.0])?, (101.0, vec![-2.0, 200.0]));
/// assert_eq!(f.hessian(&[0.0, 1.0])?.as_slice(), [-398.0, 0.0, 0.0, 200.0]);
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
#[derive(Clone)]
pub struct Function {
    pub(crate) program: Program,
    frozen: Vec<FrozenRead>,
}

impl Function {
    /// Runs `f` at `x` and keeps what it does.
    ///
    /// Variables from outside, and leaves made inside, are constants of the function. Give inputs names with
    /// [`Var::named`] to see them in its printed form.
    ///
    /// # Panics
    ///
    /// If an output is stale, or depends on a [`Var::custom`] operation, which was made from plain
    /// numbers and cannot be computed again.
    ///
    /// ```
    /// use scalargrad::function::Function;
    ///
    /// let f = Function::record(&[0.0], |x| x[0].sin() / 2.0);
    /// assert_eq!(f.value(&[1.0])?, 1f64.sin() / 2.0);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn record<O: Outputs>(x: &[f64], f: impl FnOnce(&[Var]) -> O) -> Function {
        // Not in a closure, which would not know the caller.
        let scope = open_recording();
        let x = Var::leaves(x);
        let (outputs, trace) = user_code("the closure", || trace::trace(|| f(&x).into_outputs()));
        let captured = capture(&x, &outputs, trace, Effort::Optimised);
        let escapes = captured.escapes.iter().map(FrozenRead::of);
        let indices = captured.outside.iter();
        let frozen = escapes.chain(indices.map(|&index| FrozenRead::of_outside(index))).collect();
        let (program, outside) = (captured.program, captured.outside);
        drop(scope);
        if trace::is_tracing() {
            // To a recording around this one its variables are lost here.
            for index in outside {
                let x = Var::from_parts(value_of(index), id_of(index));
                trace::escaped(Escape::Outside, x);
            }
        }
        program.refuse_first_order_customs();
        Function { program, frozen }
    }

    /// The number of inputs.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// assert_eq!(Function::record(&[1.0, 2.0], |x| x[0] + x[1]).inputs(), 2);
    /// ```
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.program.inputs
    }

    /// The number of outputs.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// assert_eq!(Function::record(&[1.0], |x| (x[0], x[0] * 2.0)).outputs(), 2);
    /// ```
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.program.outputs.len()
    }

    /// The number of operations.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 2.0, 3.0, 4.0], |x| x[0] + x[1] + x[2] + x[3]);
    /// assert_eq!(f.operations(), 1);
    /// ```
    #[must_use]
    pub fn operations(&self) -> usize {
        self.program.nodes.len()
    }

    /// The number of comparisons and questions that a replay checks.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// assert_eq!(Function::record(&[1.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] }).guards(), 1);
    /// assert_eq!(Function::record(&[1.0], |x| x[0].abs()).guards(), 0);
    /// ```
    #[must_use]
    pub fn guards(&self) -> usize {
        self.program.guards.len()
    }

    /// What the closure took from the graph as a plain number, which every replay sees as it was then.
    ///
    /// Reads of [`Var::value`] and [`Var::grad`], conversions to plain numbers, printing, [`Var::detach`], operations in
    /// [`graph::no_grad`](crate::graph::no_grad), variables that an inner recording or derivative takes as
    /// constants, and variables from outside. Empty for a closure that
    /// stays within the arithmetic of variables: its replay is right wherever no guard trips. (A closure that catches a panic of this crate, as
    /// that of `clamp` with bounds that cross, takes a decision that no recording knows of.)
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[3.0], |x| x[0] * x[0].value());
    /// assert_eq!(f.value(&[5.0])?, 15.0); // not 25
    /// assert_eq!(f.frozen_reads().len(), 1);
    /// assert!(f.frozen_reads()[0].to_string().starts_with("the value was read at "));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    pub fn frozen_reads(&self) -> &[FrozenRead] {
        &self.frozen
    }
}
