//! Operations of the user's own.

use crate::graph::{Custom, user_code, verify};
use crate::record;
use crate::var::Var;
use smallvec::SmallVec;
use std::sync::Arc;

/// An operation of your own that can be differentiated to any order.
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
/// let first = Cube.apply(&[x]).differentiate(&[x])[0];
/// let second = first.differentiate(&[x])[0];
/// assert_eq!((first.value(), second.value()), (12.0, 12.0));
/// ```
pub trait CustomOp: Send + Sync + 'static {
    /// The value at `x`.
    fn value(&self, x: &[f64]) -> f64;

    /// The partial with respect to each operand, as expressions of the operands `x` and the result `z`.
    fn partials(&self, x: &[Var], z: Var) -> Vec<Var>;

    /// The name in drawings.
    fn label(&self) -> String {
        "custom".into()
    }

    /// Computes and records the operation.
    ///
    /// # Panics
    ///
    /// If an operand is stale, or `partials` gives another number of them than there are operands.
    #[track_caller]
    fn apply(self, operands: &[Var]) -> Var
    where
        Self: Sized,
    {
        let x: SmallVec<[f64; 4]> = operands.iter().map(|x| x.raw()).collect();
        let value = value(&self, &x);
        if operands.iter().all(|x| x.is_constant()) {
            return Var::constant(value);
        }
        let constants: SmallVec<[Var; 4]> = x.into_iter().map(Var::constant).collect();
        let partials = partials(&self, &constants, Var::constant(value));
        let partials: SmallVec<[f64; 4]> = partials.iter().map(|p| p.raw()).collect();
        let custom = Custom {
            label: label(&self).into(),
            op: Some(Arc::new(self)),
        };
        record::custom(custom, operands, value, &partials)
    }
}

/// The value of a user's operation.
#[track_caller]
pub(crate) fn value(op: &dyn CustomOp, x: &[f64]) -> f64 {
    user_code("the value of a custom operation", || op.value(x))
}

/// The partials of a user's operation, one for each operand.
///
/// # Panics
///
/// If they are another number, or one of them is stale.
#[track_caller]
pub(crate) fn partials(op: &dyn CustomOp, x: &[Var], z: Var) -> Vec<Var> {
    let partials = user_code("the rule of a custom operation", || op.partials(x, z));
    assert_eq!(
        partials.len(),
        x.len(),
        "scalargrad: `{}` gives another number of partials than it has operands",
        label(op)
    );
    partials.iter().for_each(|&p| verify(p));
    partials
}

/// The name of a user's operation.
#[track_caller]
fn label(op: &dyn CustomOp) -> String {
    user_code("the label of a custom operation", || op.label())
}
