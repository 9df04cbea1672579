//! The order in which a program is evaluated.
//!
//! To look at each operation of a program in turn and branch to the code for it takes longer than the operation itself.
//! So the operations are sorted, a window of them at a time: by their *level*, which is the length of the longest path
//! to them within the window, and within a level by what they compute. Operations of one level do not depend on each
//! other; those that also compute the same are together in a *run*, and `scheduled` evaluates a run in one loop over operand
//! indices, without a branch for each. Their results are stored one after the other.
//!
//! A window is large enough for runs to be long and small enough for what it reads and writes to stay in the cache.
//!
//! ```text
//!  recorded                           scheduled
//!  p = w * x                          level 0   p  q  = w * x, v * y     one run
//!  a = tanh(p)                        level 1   a  b  = tanh(p), tanh(q) one run
//!  q = v * y
//!  b = tanh(q)
//! ```
//!
//! On the way, a product that is used once, as a term of a sum or a difference, becomes part of that ([`Form`]): neither
//! its value nor its adjoint goes through memory, and the derivatives of a product are its factors anyway.
//!
//! Guards are checked at the ends of windows. What would have been left out by a guard that trips is computed in vain
//! then, which does no harm, unless it may panic or is a user's code: a window ends before such an operation.

mod build;

use crate::rows::Op;

/// What the operations of a run compute: which loop they go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    /// `s + a · b`, of the operands `s a b`.
    TermPlusProduct,
    /// `a · b + c · d`.
    ProductPlusProduct,
    /// The sum of this many operands, then of the products of two each.
    Products {
        plain: u32,
    },
    /// `s − a · b`.
    TermMinusProduct,
    /// `a · b − s`.
    ProductMinusTerm,
    /// `a · b − c · d`.
    ProductMinusProduct,
    /// A row of the table of one operand.
    OneOperand,
    /// Any other operation, of its own operands.
    Other,
}

/// Operations that compute the same, of other operands. Their results are stored one after the other, and so are their operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub form: Form,
    pub op: Op,
    pub n: i32,
    /// The operands of each.
    pub arity: u32,
    /// Whether the first operand, and the last one, depend on an input; of [`Form::Products`] the last one of some pair.
    pub is_first_active: bool,
    pub is_last_active: bool,
    /// Whether an output depends on them, and not only guards.
    pub is_reached: bool,
    pub count: u32,
    /// The index of the first result.
    pub start: usize,
    /// The place of the first operand.
    pub first: usize,
    /// Where the partials are, if another run computes them.
    pub partials: Option<Partials>,
}

/// The results of a run that are the partials of another one, as `cos x` is that of `sin x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Partials {
    /// The index of the first of them.
    pub start: usize,
    /// Whether they have the other sign.
    pub is_negated: bool,
}

/// A guard, with its operands as they are numbered here.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// The number of runs before it.
    pub after: usize,
    pub guard: usize,
    pub operands: [u32; 2],
}

/// A program in the order in which it is evaluated, its numbers renumbered: inputs, constants, the constant 1, then the
/// results of the runs.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub runs: Vec<Run>,
    pub operands: Vec<u32>,
    pub outputs: Vec<u32>,
    pub checks: Vec<Check>,
    /// Whether nothing is computed for guards alone.
    pub is_all_reached: bool,
    pub inputs: u32,
    /// The index of the first result.
    pub first: u32,
    /// The number of indices.
    pub len: usize,
}

impl Schedule {
    /// The operands of a run.
    #[inline(always)]
    pub(crate) fn operands(&self, run: &Run) -> &[u32] {
        &self.operands[run.first..][..run.arity as usize * run.count as usize]
    }

    /// Whether the number at `index` depends on an input.
    #[inline(always)]
    pub(crate) fn is_active(&self, index: u32) -> bool {
        is_active(self.inputs, self.first, index)
    }
}

#[inline(always)]
fn is_active(inputs: u32, first: u32, index: u32) -> bool {
    index.wrapping_sub(inputs) >= first - inputs
}
