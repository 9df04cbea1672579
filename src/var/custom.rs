//! Operations of the user's own.

use crate::arena::set_aside;
use crate::graph::names::counted;
use crate::graph::notes::CustomOp;
use crate::graph::{Custom, note_custom, open_recording, user_code, verify_all};
use crate::handle::Var;
use crate::record;
use crate::refusal::refuse;
use crate::rows::Op;
use smallvec::SmallVec;
use std::cell::Cell;
use std::sync::Arc;

/// # Operations of your own
impl Var {
    /// Computes and records an operation of your own.
    ///
    /// # Panics
    ///
    /// If an operand is stale, or `partials` gives a different number of them than there are operands.
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
        let x: SmallVec<[f64; 4]> = operands.iter().map(|x| x.untracked_value()).collect();
        let value = value(&op, &x);
        if operands.iter().all(|x| x.is_constant()) {
            drop_aside(op);
            return Var::constant(value);
        }
        let partials = plain_partials(&op, &x, value);
        let custom = Custom { label: label(&op).into(), op: Some(Arc::new(op)) };
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
    pub fn custom(label: impl Into<String>, value: f64, partials: impl IntoIterator<Item = (Var, f64)>) -> Var {
        let (operands, partials): (SmallVec<[Var; 4]>, SmallVec<[f64; 4]>) = partials.into_iter().unzip();
        let label: String = label.into();
        let custom = Custom { label: label.into(), op: None };
        record(custom, &operands, value, &partials)
    }
}

/// Records a user's own operation.
#[track_caller]
fn record(custom: Custom, operands: &[Var], value: f64, partials: &[f64]) -> Var {
    let result = record::with_partials(Op::Custom, operands, value, |k| partials[k]);
    match result.is_constant() {
        true => drop_aside(custom),
        false => note_custom(result.index(), custom),
    }
    result
}

/// Drops what no node keeps. Its destructor is the user's code, and leaves the adjoints alone as that of what a node has kept.
fn drop_aside<T>(what: T) {
    let _aside = set_aside();
    drop(what);
}

/// The value of a user's operation.
#[track_caller]
pub(crate) fn value(op: &dyn CustomOp, x: &[f64]) -> f64 {
    user_code("the value of a custom operation", || op.value(x))
}

thread_local! {
    /// While a rule runs on constants: whether it asked for a derivative of one.
    static ASKED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Notes that a derivative of a constant, or with respect to one, is asked for. It is zero, except in a rule that runs on
/// constants: there the constant is in place of an operand, and the rule must run again, on variables.
#[cold]
#[inline(never)]
pub(crate) fn derivative_of_a_constant() {
    if ASKED.get().is_some() {
        ASKED.set(Some(true));
    }
}

/// The partials of a user's operation as plain numbers.
///
/// The rule runs on constants, which record nothing. If it asks for a derivative by one of them, as a rule does that
/// differentiates on its way, it runs once more, on variables.
#[track_caller]
pub(crate) fn plain_partials(op: &dyn CustomOp, x: &[f64], z: f64) -> SmallVec<[f64; 4]> {
    struct Rule(Option<bool>);
    impl Drop for Rule {
        fn drop(&mut self) {
            ASKED.set(self.0);
        }
    }
    let rule = Rule(ASKED.replace(Some(false)));
    let constants: SmallVec<[Var; 4]> = x.iter().copied().map(Var::constant).collect();
    let plain = partials(op, &constants, Var::constant(z));
    let asked = ASKED.get() == Some(true);
    drop(rule);
    if !asked {
        return plain.into_iter().map(Var::untracked_value).collect();
    }
    let _scope = open_recording();
    let mut leaves: SmallVec<[Var; 4]> = SmallVec::new();
    for &x in x {
        leaves.push(record::leaf(x)); // `#[track_caller]` does not work inside a closure
    }
    let partials = partials(op, &leaves, record::leaf(z));
    partials.into_iter().map(Var::untracked_value).collect()
}

/// The partials of a user's operation, one for each operand.
///
/// # Panics
///
/// If there are more or fewer of them than operands, or one of them is stale.
#[track_caller]
pub(crate) fn partials(op: &dyn CustomOp, x: &[Var], z: Var) -> Vec<Var> {
    let aside = set_aside(); // the rule may sweep on its way
    let partials = user_code("the rule of a custom operation", || op.partials(x, z));
    drop(aside);
    if partials.len() != x.len() {
        let (label, operands, given) = (label(op), counted(x.len(), "operand"), counted(partials.len(), "number"));
        refuse(format_args!(
            "scalargrad: `partials` of `{label}` gives {given}, and the operation has {operands}: there must be a number for each"
        ));
    }
    verify_all(&partials);
    partials
}

/// The name of a user's operation.
#[track_caller]
fn label(op: &dyn CustomOp) -> String {
    user_code("the label of a custom operation", || op.label())
}
