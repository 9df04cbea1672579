//! What may be asked of a number.

use crate::graph::trace::{self, Comparison};
use crate::handle::Var;
use std::cmp::Ordering;
use std::num::FpCategory;

macro_rules! questions {
    ($( $(#[$doc:meta])* $method:ident -> $Answer:ty: $Question:ident; )*) => {
        /// # Questions
        ///
        /// The answers are those of `f64`, for a stale handle too. While a
        /// [`Function`](crate::function::Function) is being recorded, a question is a guard, as a comparison is:
        /// where a replay would get another answer, it returns
        /// [`BranchChanged`](crate::function::ReplayError::BranchChanged).
        impl Var {
            $(
                $(#[$doc])*
                #[must_use]
                #[inline]
                #[track_caller]
                pub fn $method(self) -> $Answer {
                    trace::compared(Comparison::$Question, self, Var::constant(0.0));
                    self.untracked_value().$method()
                }
            )*

            /// The order of all numbers, with `-NaN` below and `NaN` above the rest, and `-0.0` below `0.0`.
            ///
            /// ```
            /// use scalargrad::Var;
            /// let mut x = [2.0, f64::NAN, 1.0].map(Var::new);
            /// x.sort_by(|a, b| a.total_cmp(b));
            /// assert_eq!((x[0].value(), x[1].value()), (1.0, 2.0));
            /// ```
            #[must_use]
            #[inline]
            #[track_caller]
            pub fn total_cmp(&self, other: &Var) -> Ordering {
                trace::compared(Comparison::TotalOrder, *self, *other);
                self.untracked_value().total_cmp(&other.untracked_value())
            }
        }
    };
}
questions! {
    /// Whether this is not a number.
    ///
    /// ```
    /// assert!(scalargrad::Var::new(-1.0).sqrt().is_nan());
    /// ```
    is_nan -> bool: IsNan;
    /// Whether this is `∞` or `−∞`.
    ///
    /// ```
    /// assert!(scalargrad::Var::new(0.0).recip().is_infinite());
    /// ```
    is_infinite -> bool: IsInfinite;
    /// Whether this is neither infinite nor NaN.
    ///
    /// ```
    /// assert!(scalargrad::Var::new(1.0).is_finite());
    /// ```
    is_finite -> bool: IsFinite;
    /// Whether this is neither zero, subnormal, infinite nor NaN.
    ///
    /// ```
    /// assert!(!scalargrad::Var::new(0.0).is_normal());
    /// ```
    is_normal -> bool: IsNormal;
    /// Whether this is smaller than `f64::MIN_POSITIVE`, and not zero.
    ///
    /// ```
    /// assert!(scalargrad::Var::new(1e-310).is_subnormal());
    /// ```
    is_subnormal -> bool: IsSubnormal;
    /// Whether the sign bit is not set. It is not set for `0.0`; a NaN may have either.
    ///
    /// ```
    /// assert!(scalargrad::Var::new(0.0).is_sign_positive());
    /// ```
    is_sign_positive -> bool: IsSignPositive;
    /// Whether the sign bit is set. It is set for `-0.0`; a NaN may have either.
    ///
    /// ```
    /// assert!(scalargrad::Var::new(-0.0).is_sign_negative());
    /// ```
    is_sign_negative -> bool: IsSignNegative;
    /// The class of the number: NaN, infinite, zero, subnormal or normal.
    ///
    /// ```
    /// use std::num::FpCategory;
    /// assert_eq!(scalargrad::Var::new(0.0).classify(), FpCategory::Zero);
    /// ```
    classify -> FpCategory: Class;
}
