//! What a replay may refuse, and what a recording could not see.

use super::buffers::with_space;
use super::one_by_one::walk;
use super::program::Program;
use crate::graph::names::{counted, visible};
use crate::graph::state;
use crate::graph::trace::{Comparison, Escape, Escaped};
use crate::graph::value_of;
use crate::refusal::debug_as_displayed;
use std::fmt;

/// Why a replay gave no number.
///
/// ```
/// use scalargrad::function::Function;
///
/// let f = Function::record(&[3.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
/// assert_eq!(
///     f.value(&[1.0, 2.0]).unwrap_err().to_string(),
///     "the function has 1 input, not 2"
/// );
/// assert!(f.value(&[-1.0]).unwrap_err().to_string().starts_with("the comparison `x[0] < 0` at "));
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ReplayError {
    /// A comparison that the closure made would get another answer: the recording is of another branch.
    BranchChanged(Box<BranchChange>),
    /// The same in some of many rows.
    BranchChangedInRows(Box<RowsChange>),
    /// A slice has the wrong length.
    #[non_exhaustive]
    WrongLength {
        /// The numbers counted.
        what: Counted,
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
}

/// The numbers that a replay counts before it runs.
///
/// ```
/// use scalargrad::{Function, function::{Counted, ReplayError}};
///
/// let f = Function::record(&[1.0], |x| x[0]);
/// let error = f.jvp(&[1.0], &[1.0, 2.0]).unwrap_err();
/// assert!(matches!(error, ReplayError::WrongLength { what: Counted::Direction, found: 2, expected: 1, .. }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Counted {
    /// The inputs that were given.
    Inputs,
    /// The outputs of the function, where there must be one.
    Outputs,
    /// The numbers that `gradient` has room for.
    Gradient,
    /// The numbers that `gradients` has room for.
    Gradients,
    /// The numbers that `jacobian` has room for.
    Jacobian,
    /// The components of the direction `v`.
    Direction,
    /// The weights `w` of the outputs.
    Weights,
    /// The inputs that all rows share.
    Shared,
    /// The numbers of all rows, of which each has its part.
    Data,
    /// The numbers that `values` has room for.
    Values,
}

impl Counted {
    /// Whether there are as many of these numbers as there must be.
    pub(crate) fn check(self, found: usize, expected: usize) -> Result<(), ReplayError> {
        if found == expected {
            return Ok(());
        }
        Err(ReplayError::WrongLength { what: self, found, expected })
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, found, expected) = match self {
            ReplayError::BranchChanged(change) => return change.fmt(f),
            ReplayError::BranchChangedInRows(change) => return change.fmt(f),
            &ReplayError::WrongLength { what, found, expected } => (what, found, expected),
        };
        let of = |thing| counted(expected, thing);
        let room = |name, thing| format!("there must be {} in `{name}`, not {found}", of(thing));
        f.write_str(&match what {
            Counted::Inputs => format!("the function has {}, not {found}", of("input")),
            Counted::Outputs => {
                format!("this needs a function of {expected} output, not {found}; see `values`, `jacobian`, `vjp`")
            }
            Counted::Gradient => room("gradient", "number"),
            Counted::Gradients => room("gradients", "number"),
            Counted::Jacobian => room("jacobian", "number"),
            Counted::Values => room("values", "number"),
            Counted::Direction => room("v", "number"),
            Counted::Weights => room("w", "weight"),
            Counted::Shared => format!("the rows share {}, not {found}", of("input")),
            Counted::Data => {
                let numbers = of("number");
                format!("a row has {numbers}, and {found} are no whole number of rows")
            }
        })
    }
}

debug_as_displayed!(ReplayError, BranchChange, RowsChange);
impl std::error::Error for ReplayError {}

/// The comparison that would get another answer, and its operands then and now.
///
/// ```
/// use scalargrad::function::{Function, ReplayError};
///
/// let f = Function::record(&[3.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
/// let Err(ReplayError::BranchChanged(change)) = f.value(&[-1.0]) else { unreachable!() };
/// assert_eq!((change.recorded(), change.operands()), ([3.0, 0.0], [-1.0, 0.0]));
/// assert_eq!(change.comparison(), "x[0] < 0");
/// ```
#[derive(Clone, PartialEq)]
pub struct BranchChange {
    text: String,
    place: Box<str>,
    comparison: Comparison,
    recorded: [f64; 2],
    operands: [f64; 2],
}

impl BranchChange {
    /// Describes the first guard that was recorded of those that trip at `x`; guard `k` is one of them, or trips where
    /// functions are vectorised.
    pub(super) fn of(program: &Program, k: usize, x: &[f64]) -> BranchChange {
        let (guard, operands) = with_space(|space| {
            let first = walk(program, x, &mut space.values).err().unwrap_or(k);
            let guard = &program.guards[first];
            let operands = guard.operands.map(|index| space.values[index as usize]);
            (guard, operands)
        });
        let [a, b] = guard.operands.map(|index| program.expression(index));
        BranchChange {
            text: match guard.comparison {
                Comparison::Equal if a == b => format!("{a} is a number"),
                comparison => comparison.text(&a, &b),
            },
            place: guard.place.clone(),
            comparison: guard.comparison,
            recorded: guard.recorded,
            operands,
        }
    }

    /// The comparison or question, as an expression of the inputs.
    ///
    /// ```
    /// use scalargrad::function::{Function, ReplayError};
    ///
    /// let f = Function::record(&[3.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let Err(ReplayError::BranchChanged(change)) = f.value(&[-1.0]) else { unreachable!() };
    /// assert_eq!(change.comparison(), "x[0] < 0");
    /// ```
    #[must_use]
    pub fn comparison(&self) -> &str {
        &self.text
    }

    /// The place in the source where it was made: `file:line:column`. If that is in another crate, such as `nalgebra`, or in the
    /// standard library, the line that recorded the function follows.
    ///
    /// ```
    /// use scalargrad::function::{Function, ReplayError};
    ///
    /// let f = Function::record(&[3.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let Err(ReplayError::BranchChanged(change)) = f.value(&[-1.0]) else { unreachable!() };
    /// assert_eq!(change.place().split(':').count(), 3);
    /// ```
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Its operands when recorded; the second is 0 for a question about one number, such as `is_nan`.
    ///
    /// ```
    /// use scalargrad::function::{Function, ReplayError};
    ///
    /// let f = Function::record(&[3.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let Err(ReplayError::BranchChanged(change)) = f.value(&[-1.0]) else { unreachable!() };
    /// assert_eq!(change.recorded(), [3.0, 0.0]);
    /// ```
    #[must_use]
    pub fn recorded(&self) -> [f64; 2] {
        self.recorded
    }

    /// Its operands now.
    ///
    /// ```
    /// use scalargrad::function::{Function, ReplayError};
    ///
    /// let f = Function::record(&[3.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let Err(ReplayError::BranchChanged(change)) = f.value(&[-1.0]) else { unreachable!() };
    /// assert_eq!(change.operands(), [-1.0, 0.0]);
    /// ```
    #[must_use]
    pub fn operands(&self) -> [f64; 2] {
        self.operands
    }
}

impl fmt::Display for BranchChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(then, of_then), (now, of_now)] = [self.recorded, self.operands].map(|[a, b]| {
            let operands = if self.comparison.is_of_one() { format!("{a:?}") } else { format!("{a:?} and {b:?}") };
            (self.comparison.word(self.comparison.answer(a, b)), operands)
        });
        write!(
            f,
            "the comparison `{}` at {} was {then} when the function was recorded (of {of_then}) and is {now} \
             here (of {of_now}): record the function again on this branch, use a `Recorder`, or write the choice \
             without a branch (`max`, `min`, `Var::select`)",
            self.text, self.place
        )
    }
}

/// The rows in which a comparison would get another answer.
///
/// ```
/// use scalargrad::{Function, function::ReplayError};
///
/// let f = Function::record(&[1.0, 2.0], |x| if x[1] < 0.0 { -x[1] } else { x[0] * x[1] });
/// let error = f.over_rows(1).values(&[1.0], &[3.0, -1.0, 4.0, -2.0]).unwrap_err();
/// let ReplayError::BranchChangedInRows(change) = error else { unreachable!() };
/// assert_eq!(change.rows(), [1, 3]);
/// assert_eq!(change.first().operands(), [-1.0, 0.0]);
/// assert!(change.to_string().starts_with("2 rows take another branch (1, 3): in the first one, the comparison"));
/// ```
#[derive(Clone, PartialEq)]
pub struct RowsChange {
    rows: Vec<usize>,
    first: BranchChange,
}

/// How many row numbers a message lists.
const LISTED: usize = 10;

impl RowsChange {
    pub(super) fn new(rows: Vec<usize>, first: BranchChange) -> RowsChange {
        RowsChange { rows, first }
    }

    /// The numbers of all these rows, in rising order.
    ///
    /// ```
    /// use scalargrad::{Function, function::ReplayError};
    ///
    /// let f = Function::record(&[1.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let error = f.over_rows(0).values(&[], &[3.0, -1.0]).unwrap_err();
    /// let ReplayError::BranchChangedInRows(change) = error else { unreachable!() };
    /// assert_eq!(change.rows(), [1]);
    /// ```
    #[must_use]
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The comparison in the first of them.
    ///
    /// ```
    /// use scalargrad::{Function, function::ReplayError};
    ///
    /// let f = Function::record(&[1.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let error = f.over_rows(0).values(&[], &[3.0, -1.0]).unwrap_err();
    /// let ReplayError::BranchChangedInRows(change) = error else { unreachable!() };
    /// assert_eq!(change.first().comparison(), "x[0] < 0");
    /// ```
    #[must_use]
    pub fn first(&self) -> &BranchChange {
        &self.first
    }
}

impl fmt::Display for RowsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.rows.len();
        let listed: Vec<String> = self.rows.iter().take(LISTED).map(usize::to_string).collect();
        let (what, more) =
            (if count == 1 { "row takes" } else { "rows take" }, if count > LISTED { ", …" } else { "" });
        write!(f, "{count} {what} another branch ({}{more}): in the first one, {}", listed.join(", "), self.first)
    }
}

/// A number that a closure took from the graph: a replay sees it as it was when recorded.
///
/// ```
/// use scalargrad::{Var, function::Function};
///
/// let scale = Var::new(2.0).named("scale");
/// let f = Function::record(&[3.0], |x| x[0] * scale);
/// assert_eq!(f.frozen_reads()[0].to_string(), "the variable `scale` from outside is a constant, 2.0");
/// assert_eq!(f.frozen_reads()[0].value(), Some(2.0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FrozenRead {
    pub(super) text: String,
    pub(super) value: Option<f64>,
}

impl FrozenRead {
    pub(super) fn of(escaped: &Escaped) -> FrozenRead {
        let (at, value) = (escaped.at, escaped.operand.value);
        let (text, value) = match escaped.how {
            Escape::Value => (format!("the value was read at {at}: {value:?}"), Some(value)),
            Escape::Gradient => (format!("a gradient was read at {at}"), None),
            Escape::Detached => (format!("`detach()` at {at} froze {value:?}"), Some(value)),
            Escape::Printed => (format!("a variable was printed: {value:?}"), Some(value)),
            Escape::NotRecorded => (format!("`no_grad` at {at} froze what it computed"), None),
            Escape::Inspected => (format!("the graph was looked at by {at}"), None),
            Escape::Outside => {
                (format!("the function recorded at {at} has a variable as a constant: {value:?}"), Some(value))
            }
        };
        FrozenRead { text, value }
    }

    /// Describes the variable at an index of the tape.
    pub(super) fn of_outside(index: usize) -> FrozenRead {
        let value = value_of(index);
        let name = state(|state| visible(state.names.get(&index)?));
        let name = name.map_or(String::new(), |name| format!(" `{name}`"));
        FrozenRead { text: format!("the variable{name} from outside is a constant, {value:?}"), value: Some(value) }
    }

    /// The number, where it is one.
    ///
    /// ```
    /// use scalargrad::Function;
    ///
    /// let f = Function::record(&[3.0], |x| x[0] * x[0].value());
    /// assert_eq!(f.frozen_reads()[0].value(), Some(3.0));
    /// ```
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }
}

impl fmt::Display for FrozenRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
