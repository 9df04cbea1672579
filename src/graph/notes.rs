//! What the user gave to nodes, kept next to the tape: operations of their own, and the segments of checkpoints.

use crate::handle::Var;
use std::rc::Rc;
use std::sync::Arc;

/// An operation of your own that can be differentiated to any order.
///
/// What `value`, `partials` and `label` record on their way is dropped where they are asked for plain numbers, and gradients are left as
/// they are, also where they sweep. So are the gradients when the operation is dropped, which is with the scope that it was
/// recorded in: its destructor may use the graph, too. What is left in the graph of a thread that ends is dropped then, and its destructor
/// may record and sweep, and no more: recording a [`Function`](crate::Function), or a detection, may end the process there.
///
/// ```
/// use scalargrad::{CustomOp, Var};
///
/// struct Cube;
/// impl CustomOp for Cube {
///     fn value(&self, x: &[f64]) -> f64 {
///         x[0] * x[0] * x[0]
///     }
///     fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
///         vec![3.0 * x[0] * x[0]]
///     }
/// }
/// let x = Var::new(2.0);
/// let first = Var::apply(Cube, &[x]).differentiate(&[x])[0];
/// let second = first.differentiate(&[x])[0];
/// assert_eq!((first.value(), second.value()), (12.0, 12.0));
/// ```
pub trait CustomOp: Send + Sync + 'static {
    /// The value at `x`.
    fn value(&self, x: &[f64]) -> f64;

    /// The partial with respect to each operand, as expressions of the operands `x` and the result `z`.
    ///
    /// The operands are constants of the same values where plain numbers are enough, and variables where the partials are
    /// differentiated again. A rule that differentiates on its way is right in both cases.
    fn partials(&self, x: &[Var], z: Var) -> Vec<Var>;

    /// The name in drawings.
    fn label(&self) -> String {
        "custom".into()
    }
}

/// A user's own operation.
#[derive(Clone)]
pub(crate) struct Custom {
    pub label: Arc<str>,
    /// `None` if the partials were given as numbers.
    pub op: Option<Arc<dyn CustomOp>>,
}

/// What a checkpoint runs again: its outputs from its inputs.
pub(crate) type Segment = Rc<dyn Fn(&[Var]) -> Vec<Var>>;

/// An event for the observer of the graph, while the lines of nodes are kept.
#[derive(Clone, Copy)]
pub(crate) enum Event<'a> {
    /// A sweep from these outputs down to the index `floor` has ended.
    Swept { outputs: &'a [Var], floor: usize, results: Results<'a> },
    /// A derivative of the node at `output` that no sweep has worked out is not finite. Earlier events may contain the reason.
    Undefined { output: usize },
    /// The nodes from `end` on are about to be dropped.
    Dropping { end: usize },
}

/// The results of a sweep besides the values of its outputs.
#[derive(Clone, Copy)]
pub(crate) enum Results<'a> {
    /// The adjoints of all leaves. They can be read.
    Leaves,
    /// The adjoints of these, which can be read. There are none where all derivatives were worked out in another way, and are finite.
    Variables(&'a [Var]),
    /// What the segment of a checkpoint gives to its inputs, whose copies are the first nodes from the floor on, and to what its
    /// closure has captured. It is part of another sweep, which goes on with this. At the first run of the segment there is no sweep yet,
    /// and no head.
    Segment { head: Option<usize>, inputs: usize },
}
