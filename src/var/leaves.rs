//! Making several leaves at once, and constants of variables.

use crate::graph::trace::{self, Escape};
use crate::handle::Var;

/// # Leaves and constants
impl Var {
    /// Makes a leaf of each number.
    ///
    /// # Panics
    ///
    /// As [`new`](Var::new).
    ///
    /// ```
    /// use scalargrad::{Var, dot};
    ///
    /// let x = Var::leaves(&[1.0, 2.0]);
    /// dot(&x, &x).backward();
    /// assert_eq!((x[0].grad(), x[1].grad()), (2.0, 4.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn leaves(values: &[f64]) -> Vec<Var> {
        // Not by `record::leaves`, which would copy a few of them once more.
        let mut leaves = Vec::with_capacity(values.len());
        for &value in values {
            leaves.push(Var::new(value)); // `#[track_caller]` does not work inside a closure
        }
        leaves
    }

    /// Makes a leaf of each number of an array.
    ///
    /// # Panics
    ///
    /// As [`new`](Var::new).
    ///
    /// ```
    /// use scalargrad::Var;
    ///
    /// let [x, y] = Var::array([3.0, 2.0]);
    /// (x * y).backward();
    /// assert_eq!((x.grad(), y.grad()), (2.0, 3.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn array<const N: usize>(values: [f64; N]) -> [Var; N] {
        let mut leaves = [Var::constant(0.0); N];
        for (leaf, value) in leaves.iter_mut().zip(values) {
            *leaf = Var::new(value);
        }
        leaves
    }

    /// The same number as a constant: derivatives of what is computed from it stop there.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// (x * x.detach()).backward();
    /// assert_eq!(x.grad(), 3.0);
    /// ```
    #[must_use]
    #[inline]
    #[track_caller]
    pub fn detach(self) -> Var {
        trace::escaped(Escape::Detached, self);
        Var::constant(self.untracked_value())
    }
}
