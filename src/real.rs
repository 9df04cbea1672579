//! [`Real`]: the arithmetic that a derivative rule may use.
//!
//! A rule of the table is written once, over `T: Real`. Run with `f64` it gives a number, with
//! [`Var`](crate::Var) it records itself (so that it can be differentiated again), with a dual
//! number it pushes a tangent forward. User code may be written over `T: Real` for the same reason.

use crate::special;
use std::fmt::{Debug, Display};
use std::iter::{Product, Sum};
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

macro_rules! trait_real {
    (
        operators { $($operators:tt)* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        /// A real number that a derivative can be taken through: `f64`, [`Var`](crate::Var), …
        ///
        /// Everything that [`Var`](crate::Var) computes, as a trait, so that one generic function runs on
        /// plain numbers and on variables alike. Constants come in through `From<f64>`, and all
        /// operators accept an `f64` on the right.
        ///
        /// ```
        /// use scalargrad::{Real, Var, derivative};
        ///
        /// fn logistic_map<T: Real>(x: T) -> T {
        ///     x * 4.0 * (-x + 1.0)
        /// }
        /// assert_eq!(logistic_map(0.5), 1.0);
        /// assert_eq!(derivative(logistic_map, 0.25), 2.0);
        /// ```
        pub trait Real:
            Copy + Debug + Display + Default + From<f64> + PartialEq + PartialOrd
            + PartialEq<f64> + PartialOrd<f64>
            + Neg<Output = Self>
            + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Rem<Output = Self>
            + Add<f64, Output = Self> + Sub<f64, Output = Self> + Mul<f64, Output = Self>
            + Div<f64, Output = Self> + Rem<f64, Output = Self>
            + AddAssign + SubAssign + MulAssign + DivAssign + RemAssign
            + AddAssign<f64> + SubAssign<f64> + MulAssign<f64> + DivAssign<f64> + RemAssign<f64>
            + Sum + Product + 'static
        {
            /// The plain number.
            fn value(self) -> f64;

            /// `a()` where `self < bound`, else `b()`: a rule's choice between two forms of one
            /// function, each accurate on its own side.
            fn below(self, bound: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self;

            /// `a()` where `|self| < bound`, else `b()`.
            fn within(self, bound: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self;

            /// `a()` where `self == point`, else `b()`.
            fn at(self, point: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self;

            /// The partial `self` of a result `z`, but NaN where `z` is NaN.
            ///
            /// Such a NaN, and one that the partial is by itself, depends on all that `z` depends on, or its own
            /// derivative would be that of a constant: 0.
            fn unless_nan(self, z: Self) -> Self;

            /// The dot product `Σ xᵢ·yᵢ` of two slices of equal length.
            fn dot(x: &[Self], y: &[Self]) -> Self;

            /// The Euclidean norm `√Σ xᵢ²`, without overflow or underflow on the way.
            fn norm(x: &[Self]) -> Self;

            /// `ln Σ exp xᵢ`, without overflow on the way.
            fn log_sum_exp(x: &[Self]) -> Self;

            $($(
                $(#[$doc])*
                #[doc = concat!("\n\n# Derivative\n\n", $derivative)]
                fn $method(self $(, $y: impl Into<Self>)* $(, $n: $N)?) -> Self;
            )*)*

            /// The sine and the cosine, in this order.
            fn sin_cos(self) -> (Self, Self) {
                (self.sin(), self.cos())
            }
        }

        impl Real for f64 {
            #[inline(always)]
            fn value(self) -> f64 {
                self
            }

            #[inline(always)]
            fn below(self, bound: f64, a: impl FnOnce() -> f64, b: impl FnOnce() -> f64) -> f64 {
                if self < bound { a() } else { b() }
            }

            #[inline(always)]
            fn within(self, bound: f64, a: impl FnOnce() -> f64, b: impl FnOnce() -> f64) -> f64 {
                if self.abs() < bound { a() } else { b() }
            }

            #[inline(always)]
            fn at(self, point: f64, a: impl FnOnce() -> f64, b: impl FnOnce() -> f64) -> f64 {
                if self == point { a() } else { b() }
            }

            #[inline(always)]
            fn unless_nan(self, z: f64) -> f64 {
                if z.is_nan() { z } else { self }
            }

            fn dot(x: &[f64], y: &[f64]) -> f64 {
                assert_eq!(x.len(), y.len(), "scalargrad: dot: the slices have different lengths");
                special::dot(x.iter().copied().zip(y.iter().copied()))
            }

            fn norm(x: &[f64]) -> f64 {
                special::norm(x.iter().copied())
            }

            fn log_sum_exp(x: &[f64]) -> f64 {
                special::log_sum_exp(x.iter().copied())
            }

            $($(
                #[inline(always)]
                fn $method(self $(, $y: impl Into<f64>)* $(, $n: $N)?) -> f64 {
                    let $x: f64 = self;
                    $(let $y: f64 = $y.into();)*
                    $value
                }
            )*)*
        }
    };
}
crate::ops::table!(trait_real);
