//! A closure with all of its branches that were met.

use super::{Function, Outputs, ReplayError};
use crate::handle::Var;
use crate::refusal::{CarriedPanic, attempt, told};

/// A closure, and a recording of each branch that it has taken.
///
/// Where a guard trips it runs the closure once more and keeps both recordings, so that inputs may
/// wander between branches freely. It keeps every branch that it has met, and a call tries them in turn, the one used last first ([rows](Recorder::over_rows) in the order in which they were met):
/// for a closure that takes hundreds of different branches, as a loop that ends when it has converged, call the closure itself
/// ([`gradient`](crate::gradient)).
///
/// ```
/// use scalargrad::{Var, function::Recorder};
///
/// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { x[0] * x[0] } else { x[0] });
/// assert_eq!(f.gradient(&[-3.0]), (9.0, vec![-6.0]));
/// assert_eq!(f.gradient(&[5.0]), (5.0, vec![1.0]));
/// assert_eq!(f.values(&[-1.0]), [1.0]);
/// assert_eq!(f.variants().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Recorder<F> {
    pub(super) closure: F,
    /// The latest one used first; those that rows have recorded come last.
    pub(super) variants: Vec<Function>,
}

impl<F, O> Recorder<F>
where
    F: FnMut(&[Var]) -> O,
    O: Outputs,
{
    /// A recorder that has recorded nothing yet.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// assert!(f.variants().is_empty());
    /// ```
    #[must_use]
    pub fn new(closure: F) -> Recorder<F> {
        Recorder { closure, variants: Vec::new() }
    }

    /// The recordings made so far, the latest one used first. Those that rows have recorded come last.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// f.values(&[1.0]);
    /// assert_eq!(f.variants()[0].guards(), 1);
    /// ```
    #[must_use]
    pub fn variants(&self) -> &[Function] {
        &self.variants
    }

    /// The values of the outputs at `x`: from the recording of this branch, made now if there is none.
    ///
    /// # Panics
    ///
    /// As [`Function::record`].
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// assert_eq!((f.values(&[1.0]), f.values(&[-2.0])), (vec![1.0], vec![2.0]));
    /// ```
    #[track_caller]
    pub fn values(&mut self, x: &[f64]) -> Vec<f64> {
        told(self.with(x, |f| replayed(|| f.values(x))))
    }

    /// The value and the gradient of the only output.
    ///
    /// # Panics
    ///
    /// As [`Function::record`], and if there is not exactly one output.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// assert_eq!(f.gradient(&[-2.0]), (2.0, vec![-1.0]));
    /// ```
    #[track_caller]
    pub fn gradient(&mut self, x: &[f64]) -> (f64, Vec<f64>) {
        told(self.with(x, |f| replayed(|| f.gradient(x))))
    }

    /// The result of `evaluate` on the recording of the branch at `x`, made now if there is none.
    ///
    /// # Panics
    ///
    /// As [`Function::record`], and where `evaluate` returns another error than that of a branch or of
    /// the number of inputs.
    ///
    /// ```
    /// use scalargrad::{Var, function::Recorder};
    ///
    /// let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { x[0] * x[0] } else { x[0] });
    /// assert_eq!(f.with(&[-1.0], |f| f.hessian(&[-1.0])).as_slice(), [2.0]);
    /// ```
    #[track_caller]
    pub fn with<R>(&mut self, x: &[f64], mut evaluate: impl FnMut(&Function) -> Result<R, ReplayError>) -> R {
        for k in 0..self.variants.len() {
            if self.variants[k].inputs() != x.len() {
                continue;
            }
            match evaluate(&self.variants[k]) {
                Ok(result) => {
                    self.variants[..=k].rotate_right(1);
                    return result;
                }
                Err(ReplayError::BranchChanged(_)) => {}
                Err(error) => panic!("scalargrad: {error}"),
            }
        }
        let new = Function::record(x, &mut self.closure);
        let result = expected(evaluate(&new));
        self.variants.insert(0, new);
        result
    }
}

/// The result; an error is a panic at the line of the caller.
#[track_caller]
pub(super) fn expected<R>(result: Result<R, ReplayError>) -> R {
    match result {
        Ok(result) => result,
        Err(error) => panic!("scalargrad: {error}"), // not in a closure, which would not know the caller
    }
}

/// What a replay comes to; what it refused is for the caller to report, as a closure does not know the user's line.
fn replayed<R>(replay: impl FnOnce() -> Result<R, ReplayError>) -> Result<Result<R, CarriedPanic>, ReplayError> {
    match attempt(replay) {
        Ok(result) => result.map(Ok),
        Err(refusal) => Ok(Err(refusal)),
    }
}
