//! Operations of the user's own.

use crate::graph::notes::CustomOp;
use crate::graph::{Custom, state, user_code, verify};
use crate::handle::Var;
use crate::record;
use crate::rows::Op;
use smallvec::SmallVec;
use std::sync::Arc;

/// # Operations of your own
impl Var {
    /// Computes and records an operation of your own.
    ///
    /// # Panics
    ///
    /// If an operand is stale, or `partials` gives another number of them than there are operands.
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
    /// let cube = Var::apply(Cube, &[x]);
    /// cube.backward();
    /// assert_eq!((cube.value(), x.grad()), (8.0, 12.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn apply(op: impl CustomOp, operands: &[Var]) -> Var {
        let x: SmallVec<[f64; 4]> = operands.iter().map(|x| x.raw()).collect();
        let value = value(&op, &x);
        if operands.iter().all(|x| x.is_constant()) {
            return Var::constant(value);
        }
        let constants: SmallVec<[Var; 4]> = x.into_iter().map(Var::constant).collect();
        let partials = partials(&op, &constants, Var::constant(value));
        let partials: SmallVec<[f64; 4]> = partials.iter().map(|p| p.raw()).collect();
        let custom = Custom {
            label: label(&op).into(),
            op: Some(Arc::new(op)),
        };
        record(custom, operands, value, &partials)
    }

    /// Records an operation of your own, from its value and its partials as plain numbers.
    ///
    /// First derivatives only; for every order implement [`CustomOp`] and [`apply`](Var::apply) it.
    ///
    /// # Panics
    ///
    /// If an operand is stale.
    ///
    /// ```
    /// use scalargrad::Var;
    /// let (x, y) = (Var::new(3.0), Var::new(2.0));
    /// let area = Var::custom("area", x.value() * y.value(), [(x, y.value()), (y, x.value())]);
    /// area.backward();
    /// assert_eq!((area.value(), x.grad(), y.grad()), (6.0, 2.0, 3.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn custom(
        label: impl Into<String>,
        value: f64,
        partials: impl IntoIterator<Item = (Var, f64)>,
    ) -> Var {
        let (operands, partials): (SmallVec<[Var; 4]>, SmallVec<[f64; 4]>) =
            partials.into_iter().unzip();
        let label: String = label.into();
        let custom = Custom {
            label: label.into(),
            op: None,
        };
        record(custom, &operands, value, &partials)
    }
}

/// Records a user's own operation.
#[track_caller]
fn record(custom: Custom, operands: &[Var], value: f64, partials: &[f64]) -> Var {
    let result = record::with_partials(Op::Custom, operands, value, |k| partials[k]);
    if !result.is_constant() {
        state(|state| state.customs.insert(result.index(), custom));
    }
    result
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
