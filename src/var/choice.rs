//! Choices between two variables, and functions of two results.

use crate::handle::Var;

/// # Choices
impl Var {
    /// `a` where the condition holds, else `b`.
    ///
    /// The condition is a `bool`, or a mask: a number that is not zero where it holds, such as
    /// [`gt_mask`](Var::gt_mask) gives. What is not selected gets no gradient, not even a NaN.
    ///
    /// ```
    /// use scalargrad::Var;
    /// let x = Var::new(0.0);
    /// let y = Var::select(x.gt_mask(0.0), x.ln(), x * 2.0);
    /// y.backward();
    /// assert_eq!((y.value(), x.grad()), (0.0, 2.0));
    /// ```
    #[must_use]
    #[inline]
    #[track_caller]
    pub fn select(condition: impl Condition, a: impl Into<Var>, b: impl Into<Var>) -> Var {
        condition.choose(a.into(), b.into())
    }

    /// The sine and the cosine, in this order.
    ///
    /// ```
    /// let (sin, cos) = scalargrad::Var::new(1.0).sin_cos();
    /// assert_eq!((sin.value(), cos.value()), 1f64.sin_cos());
    /// ```
    #[must_use]
    #[inline]
    #[track_caller]
    pub fn sin_cos(self) -> (Var, Var) {
        (self.sin(), self.cos())
    }
}

/// A condition of [`Var::select`]: a `bool`, or a mask that is not zero where it holds.
///
/// It cannot be implemented outside this crate.
///
/// ```
/// use scalargrad::{Condition, Var};
///
/// fn larger_if(condition: impl Condition, x: Var) -> Var {
///     Var::select(condition, x * 2.0, x)
/// }
/// let x = Var::new(3.0);
/// assert_eq!((larger_if(true, x).value(), larger_if(x.gt_mask(5.0), x).value()), (6.0, 3.0));
/// ```
///
/// ```compile_fail
/// struct Maybe;
/// impl scalargrad::Condition for Maybe {}
/// ```
pub trait Condition: sealed::Select {}

impl Condition for bool {}
impl Condition for Var {}

mod sealed {
    use crate::handle::Var;

    pub trait Select {
        /// `a` where the condition holds, else `b`.
        fn choose(self, a: Var, b: Var) -> Var;
    }
}

impl sealed::Select for bool {
    #[inline]
    fn choose(self, a: Var, b: Var) -> Var {
        if self { a } else { b }
    }
}

impl sealed::Select for Var {
    #[inline]
    #[track_caller]
    fn choose(self, a: Var, b: Var) -> Var {
        self.mask_select(a, b)
    }
}
