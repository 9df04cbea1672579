//! Making and reading: what the documentation of `Var` begins with.

use crate::graph::trace::{self, Escape};
use crate::handle::Var;
use crate::record;

/// # Making and reading
impl Var {
    /// Makes a variable that derivatives are taken with respect to: a leaf of the graph.
    ///
    /// # Panics
    ///
    /// If the graph is full (just below 2²⁹ nodes) or there is no memory for it; the graph stays usable.
    ///
    /// ```
    /// let x = scalargrad::Var::new(2.0);
    /// (x * x).backward();
    /// assert_eq!(x.grad(), 4.0);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn new(value: f64) -> Var {
        record::leaf(value)
    }

    /// The number. Never fails, for a stale handle either.
    ///
    /// ```
    /// let x = scalargrad::graph::scope(|| scalargrad::Var::new(2.0) * 3.0);
    /// assert_eq!(x.value(), 6.0);
    /// ```
    #[must_use]
    #[inline(always)]
    #[track_caller]
    pub fn value(self) -> f64 {
        trace::escaped(Escape::Value, self);
        self.untracked_value()
    }
}
