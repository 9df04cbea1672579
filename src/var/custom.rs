//! Operations of the user's own.

use crate::arena::set_aside;
use crate::graph::names::counted;
use crate::graph::notes::CustomOp;
use crate::graph::{Custom, ScopeAside, drop_given, note_custom, open_aside, user_code, verify_all};
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
        let op = DroppedAside(Some(op));
        let value = value(op.get(), &x);
        if operands.iter().all(|x| x.is_constant()) {
            return Var::constant(value);
        }
        let partials = plain_partials(op.get(), &x, value);
        let label = label(op.get()).into();
        let custom = Custom { label, op: op.take().map(|op| Arc::new(op) as Arc<dyn CustomOp>) };
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
    let custom = DroppedAside(Some(custom));
    let result = record::with_partials(Op::Custom, operands, value, |k| partials[k]);
    if !result.is_constant() {
        custom.take().into_iter().for_each(|custom| note_custom(result.index(), custom));
    }
    result
}

/// What no node keeps yet. If none will, as the operands are constants or refused, it is dropped like what a node has kept: its
/// destructor is the user's code, and leaves the adjoints alone.
struct DroppedAside<T>(Option<T>);

impl<T> DroppedAside<T> {
    fn get(&self) -> &T {
        self.0.as_ref().expect("it was not taken")
    }

    fn take(mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T> Drop for DroppedAside<T> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(drop_given);
    }
}

/// The value of a user's operation. What it records is dropped, and it may sweep on its way, inside [`no_grad`](crate::graph::no_grad) too.
#[track_caller]
pub(crate) fn value(op: &dyn CustomOp, x: &[f64]) -> f64 {
    let _scope = open_aside();
    user_code("the value of a custom operation", || op.value(x))
}

thread_local! {
    /// While code of the user's runs on constants: whether it asked for a derivative of one.
    static ASKED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Notes that a derivative of a constant, or with respect to one, is asked for. It is zero, except where a constant stands for a
/// variable ([`Numbers`]): then the code must run again, on variables.
#[cold]
#[inline(never)]
pub(crate) fn derivative_of_a_constant() {
    if ASKED.get().is_some() {
        ASKED.set(Some(true));
    }
}

/// Operands for code of the user's of which only plain numbers are wanted: constants, with which it records nothing. If it asks for a
/// derivative by one of them, as code does that differentiates on its way, it must run [again](Numbers::are_asked), on variables.
///
/// What it records is dropped with this, and the adjoints are those of before. It takes no closure, because `#[track_caller]` does
/// not work inside a closure.
pub(crate) struct Numbers {
    pub x: SmallVec<[Var; 8]>,
    /// [`ASKED`] of the code around, until it is put back.
    around: Option<Option<bool>>,
    _scope: ScopeAside,
}

impl Numbers {
    #[track_caller]
    pub(crate) fn new(x: impl Iterator<Item = f64>) -> Numbers {
        let _scope = open_aside();
        Numbers { x: x.map(Var::constant).collect(), around: Some(ASKED.replace(Some(false))), _scope }
    }

    /// Whether a derivative by one of them was asked for: they are variables from now on. A derivative that is asked for afterwards
    /// is one by a constant of the code around, which must run again, too.
    #[track_caller]
    pub(crate) fn are_asked(&mut self) -> bool {
        let Some(around) = self.around.take() else { return false };
        let are_asked = ASKED.replace(around) == Some(true);
        if are_asked {
            self.x = record::leaves(self.x.iter().map(|x| x.untracked_value()));
        }
        are_asked
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        if let Some(around) = self.around {
            ASKED.set(around);
        }
    }
}

/// The partials of a user's operation as plain numbers.
#[track_caller]
pub(crate) fn plain_partials(op: &dyn CustomOp, x: &[f64], z: f64) -> SmallVec<[f64; 4]> {
    let mut numbers = Numbers::new(x.iter().copied().chain([z]));
    loop {
        let (z, x) = numbers.x.split_last().expect("the result is one of them");
        let partials = partials(op, x, *z);
        if !numbers.are_asked() {
            return partials.into_iter().map(Var::untracked_value).collect();
        }
    }
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
    let _scope = open_aside();
    user_code("the label of a custom operation", || op.label())
}
