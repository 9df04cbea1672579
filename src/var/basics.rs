//! Making, reading, differentiating: what the documentation of `Var` begins with.

use super::Var;
use crate::arena::arena;
use crate::differentiate::differentiate;
use crate::graph::verify;
use crate::record;
use crate::sweep::{self, Gradients};
use crate::watch::{self, Reading};
use std::marker::PhantomData;

/// # Making, reading, differentiating
impl Var {
    /// Makes a variable that derivatives are taken with respect to: a leaf of the graph.
    ///
    /// # Panics
    ///
    /// If the graph is full (2²⁹ − 1 nodes) or there is no memory for it; the graph stays usable.
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
        watch::read(Reading::Value, self);
        self.value
    }

    /// Sweeps the graph from this output back: fills [`grad`](Var::grad) of every ancestor.
    ///
    /// Every other variable's reads `0.0` afterwards; each sweep starts from zero. Nothing is freed,
    /// so that a graph may be swept again, from this or another output. Takes time in proportion to
    /// the ancestors, whatever else the graph holds.
    ///
    /// In a graph of more than a few hundred nodes, gradients of intermediates, which are seldom asked for, take
    /// no memory until they are: the first question has the sweep made again, and from then on this thread's
    /// sweeps keep them all.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let square = x * x;
    /// square.backward();
    /// assert_eq!(x.grad(), 6.0);
    /// (square * square).backward();
    /// assert_eq!(x.grad(), 108.0);
    /// ```
    #[inline]
    #[track_caller]
    pub fn backward(self) {
        sweep::sweep(self);
    }

    /// The derivative of the output of the last sweep with respect to this variable.
    ///
    /// `0.0` where the output does not depend on it, for a constant, and before any sweep.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let (x, y) = (scalargrad::Var::new(3.0), scalargrad::Var::new(2.0));
    /// let product = x * y;
    /// (5.0 * product).backward();
    /// assert_eq!((x.grad(), y.grad(), product.grad()), (10.0, 15.0, 5.0));
    /// ```
    #[must_use]
    #[inline(always)]
    #[track_caller]
    pub fn grad(self) -> f64 {
        verify(self);
        watch::read(Reading::Gradient, self);
        arena().adjoint(self.index()) // that of a constant, which has index 0, is zero
    }

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
        let mut leaves = Vec::with_capacity(values.len());
        for &value in values {
            leaves.push(Var::new(value)); // not in a closure, which would not know the caller
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

    /// Makes a constant: a number without a node, which costs no more than an `f64`.
    ///
    /// ```
    /// let c = scalargrad::Var::constant(2.0);
    /// assert!(c.is_constant() && (c * c).is_constant());
    /// ```
    #[must_use]
    #[inline(always)]
    pub const fn constant(value: f64) -> Var {
        Var {
            value,
            id: 0,
            thread: PhantomData,
        }
    }

    /// Sweeps like [`backward`](Var::backward), but adds to the gradients that are there.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// (x * 2.0).backward();
    /// (x * 5.0).backward_accumulate();
    /// assert_eq!(x.grad(), 7.0);
    /// ```
    #[track_caller]
    pub fn backward_accumulate(self) {
        sweep::sweep_accumulate(self);
    }

    /// Sweeps from this output into a snapshot that outlives later sweeps.
    ///
    /// [`grad`](Var::grad) of every variable stays what it was.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let gradients = (x * x).gradients();
    /// (x * 5.0).backward();
    /// assert_eq!((gradients.wrt(x), x.grad()), (6.0, 5.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn gradients(self) -> Gradients {
        watch::read(Reading::Gradient, self);
        sweep::gradients(self)
    }

    /// Records the derivatives of this output with respect to each of `x`, as variables.
    ///
    /// They can be differentiated again, to any order.
    ///
    /// # Panics
    ///
    /// If a handle is stale, or the output depends on a [`Var::custom`] operation, whose partials
    /// are numbers.
    ///
    /// ```
    /// let x = scalargrad::Var::new(2.0);
    /// let first = (x * x * x).differentiate(&[x])[0];
    /// let second = first.differentiate(&[x])[0];
    /// let third = second.differentiate(&[x])[0];
    /// assert_eq!((first.value(), second.value(), third.value()), (12.0, 12.0, 6.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn differentiate(self, x: &[Var]) -> Vec<Var> {
        let _at = watch::attribute();
        differentiate(self, x)
    }

    /// The same number as a constant: what is computed from it does not reach back.
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
        watch::read(Reading::Detached, self);
        Var::constant(self.value)
    }

    /// Whether this is a number without a node.
    ///
    /// ```
    /// use scalargrad::Var;
    /// assert!(Var::from(1.0).is_constant());
    /// assert!(!Var::new(1.0).is_constant());
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_constant(self) -> bool {
        self.id == 0
    }
}
