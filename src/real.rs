//! [`Real`]: the arithmetic that a derivative rule may use.
//!
//! A rule of the table is written once, over `T: Real`. Run with `f64` it gives a number, with
//! [`Var`](crate::Var) it records itself (so that it can be differentiated again), with a dual
//! number it pushes a tangent forward. User code may be written over `T: Real` for the same reason.
//!
//! A number type must have one method, [`Real::apply`]: any operation of the table on some operands. All others are
//! given in terms of it, so that a new row of the table changes no number type.

mod operators;

pub(crate) use operators::{incomparable, operators};

use crate::refusal::must_match;
use crate::rows::Op;
use crate::special;
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::fmt::{Debug, Display};
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign};

/// What a rule asks of a number, to choose between two forms of one function, each accurate in another region.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Question {
    /// Whether it is less than a bound.
    Below(f64),
    /// Whether its absolute value is less than a bound.
    Within(f64),
    /// Whether it equals a point.
    At(f64),
    /// Whether it is so near to zero that it has lost bits, and is not zero.
    Subnormal,
    /// Whether it is NaN.
    Nan,
}

impl Question {
    /// The answer for a plain number.
    #[inline(always)]
    pub(crate) fn holds(self, x: f64) -> bool {
        match self {
            Question::Below(bound) => x < bound,
            Question::Within(bound) => x.abs() < bound,
            Question::At(point) => x == point,
            Question::Subnormal => x.is_subnormal(),
            Question::Nan => x.is_nan(),
        }
    }
}

macro_rules! trait_real {
    (
        operators { $(
            $(#[$odoc:meta])*
            $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ) $olabel:literal :
            $ovalue:expr, $oz:ident $otie:ident => ( $($opartial:expr),* ) ; $oderivative:literal ;
            [ $($odomain:expr),+ ] ; [ $($oprobe:expr),* $(,)? ] ;
        )* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        /// A real number that a derivative can be taken through: `f64`, [`Var`](crate::Var), …
        ///
        /// The elementary functions and operators of [`Var`](crate::Var) as a trait, so that one generic function runs on
        /// plain numbers and on variables alike. Constants come in through `From<f64>`, and all
        /// operators and comparisons accept an `f64` on the right. Numbers are `Copy`: of references `x` and `y` the product is
        /// `*x * *y`.
        ///
        /// The functions of slices that it has are [`dot`](Real::dot), [`norm`](Real::norm) and [`log_sum_exp`](Real::log_sum_exp). Generic code
        /// writes `x.iter().sum::<T>()` for `sum`, a loop of products for `weighted_sum`, `(x[i] - T::log_sum_exp(x)).exp()` for
        /// `softmax`, and for `select` an `if`, or a sum of products with masks such as [`gt_mask`](Real::gt_mask), which a recorded
        /// function runs without a guard.
        ///
        /// An `f64` cannot be on the left: `1.0 - x` would have to be an operator of `f64` for every `T: Real`, which
        /// Rust does not let a crate define. Write `-x + 1.0` or `T::from(1.0) - x`, `T::from(2.0) / x` for `2.0 / x`, and `x * 2.0`
        /// for `2.0 * x`; each has the same value bit for bit.
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
            + Sum + Product + for<'a> Sum<&'a Self> + for<'a> Product<&'a Self> + Into<f64> + 'static
        {
            /// The value of an operation of the table: the only method that a number type must have.
            ///
            /// `n` is the integer parameter of operations that have one. The operands of a dot product come in pairs:
            /// `x₀, y₀, x₁, y₁, …`.
            #[doc(hidden)]
            fn apply(op: Op, n: i32, operands: &[Self]) -> Self;

            /// `yes()` if the answer to the question is yes, else `no()`.
            #[doc(hidden)]
            #[inline(always)]
            fn choose(self, question: Question, yes: impl FnOnce() -> Self, no: impl FnOnce() -> Self) -> Self {
                if question.holds(self.value()) { yes() } else { no() }
            }

            /// The plain number.
            #[inline(always)]
            fn value(self) -> f64 {
                self.into()
            }

            /// The dot product `Σ xᵢ·yᵢ` of two slices of equal length.
            ///
            /// # Panics
            ///
            /// If one of them is longer.
            #[track_caller]
            fn dot(x: &[Self], y: &[Self]) -> Self {
                must_match("dot: the second slice", y.len(), "the first has", x.len());
                let pairs: SmallVec<[Self; 16]> = x.iter().zip(y).flat_map(|(&x, &y)| [x, y]).collect();
                Self::apply(Op::Dot, 0, &pairs)
            }

            /// The Euclidean norm `√Σ xᵢ²`, without overflow or underflow on the way.
            fn norm(x: &[Self]) -> Self {
                Self::apply(Op::Norm, 0, x)
            }

            /// `ln Σ exp xᵢ`, without overflow on the way.
            fn log_sum_exp(x: &[Self]) -> Self {
                Self::apply(Op::LogSumExp, 0, x)
            }

            $($(
                $(#[$doc])*
                #[doc = concat!("\n\n# Derivative\n\n", $derivative)]
                #[inline(always)]
                fn $method(self $(, $y: impl Into<Self>)* $(, $n: $N)?) -> Self {
                    Self::apply(Op::$Op, 0 $(+ $n as i32)?, &[self $(, $y.into())*])
                }
            )*)*

            /// Whether this is not a number.
            ///
            /// ```
            /// fn or_zero<T: scalargrad::Real>(x: T) -> T {
            ///     if x.is_nan() { T::from(0.0) } else { x }
            /// }
            /// assert_eq!((or_zero(f64::NAN), or_zero(scalargrad::Var::new(2.0)).value()), (0.0, 2.0));
            /// ```
            #[track_caller]
            #[allow(clippy::eq_op)]
            fn is_nan(self) -> bool {
                self != self
            }

            /// Whether this is `∞` or `−∞`.
            ///
            /// ```
            /// assert!(scalargrad::Real::is_infinite(f64::INFINITY));
            /// ```
            #[track_caller]
            #[allow(clippy::manual_is_infinite)] // `is_infinite` is this method
            fn is_infinite(self) -> bool {
                self == f64::INFINITY || self == f64::NEG_INFINITY
            }

            /// Whether this is neither infinite nor NaN.
            ///
            /// ```
            /// assert!(!scalargrad::Real::is_finite(f64::NAN));
            /// ```
            #[track_caller]
            fn is_finite(self) -> bool {
                self > f64::NEG_INFINITY && self < f64::INFINITY
            }

            /// Whether the sign bit is set. It is set for `-0.0`; a NaN may have either.
            ///
            /// ```
            /// assert!(scalargrad::Real::is_sign_negative(-0.0));
            /// ```
            #[track_caller]
            fn is_sign_negative(self) -> bool {
                self.value().is_sign_negative()
            }

            /// The order of all numbers, with `-NaN` below and `NaN` above the rest, and `-0.0` below `0.0`.
            ///
            /// ```
            /// fn largest<T: scalargrad::Real>(x: &[T]) -> T {
            ///     *x.iter().max_by(|a, b| a.total_cmp(b)).expect("there are numbers")
            /// }
            /// assert_eq!(largest(&[1.0, 3.0, 2.0]), 3.0);
            /// ```
            #[track_caller]
            fn total_cmp(&self, other: &Self) -> Ordering {
                self.value().total_cmp(&other.value())
            }

            /// The sine and the cosine, in this order.
            #[track_caller]
            fn sin_cos(self) -> (Self, Self) {
                (self.sin(), self.cos())
            }
        }

        /// An operation of the table as the method of its name computes it.
        #[allow(clippy::unnecessary_cast)]
        pub(crate) fn call<T: Real>(op: Op, n: i32, operands: &[T]) -> T {
            let mut operands_left = operands.iter().copied();
            let mut next = || operands_left.next().expect("an operand for each name");
            match op {
                $( Op::$Operator => {
                    let $ox = next();
                    $( let $oy = next(); )*
                    $ovalue
                } )*
                $($( Op::$Op => {
                    let $x = next();
                    $( let $y = next(); )*
                    $x.$method($($y,)* $(n as $N)?)
                } )*)*
                Op::Sum => operands.iter().copied().sum(),
                Op::Dot => {
                    let (x, y): (SmallVec<[T; 8]>, SmallVec<[T; 8]>) =
                        operands.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip();
                    T::dot(&x, &y)
                }
                Op::Norm => T::norm(operands),
                Op::LogSumExp => T::log_sum_exp(operands),
                Op::SumExp => operands[1..].iter().map(|x| x.exp_sub(operands[0])).sum(),
                Op::Constant | Op::Leaf | Op::Custom | Op::Checkpoint => {
                    unreachable!("{op:?} is not a row of the table")
                }
            }
        }

        impl Real for f64 {
            fn apply(op: Op, n: i32, operands: &[f64]) -> f64 {
                match op {
                    Op::Dot => special::dot(operands.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
                    Op::Norm => special::norm(operands.iter().copied()),
                    Op::LogSumExp => special::log_sum_exp(operands.iter().copied()),
                    _ => call(op, n, operands),
                }
            }

            #[track_caller]
            fn dot(x: &[f64], y: &[f64]) -> f64 {
                must_match("dot: the second slice", y.len(), "the first has", x.len());
                special::dot(x.iter().copied().zip(y.iter().copied()))
            }

            // Direct calls, instead of the dispatch of `apply` over all operations.
            $($(
                #[inline(always)]
                #[track_caller]
                fn $method(self $(, $y: impl Into<f64>)* $(, $n: $N)?) -> f64 {
                    let $x: f64 = self;
                    $(let $y: f64 = $y.into();)*
                    $value
                }
            )*)*
        }
    };
}
crate::table::table!(trait_real);

/// How the rules of the table choose between forms of one function that are equal on paper.
pub(crate) trait Piecewise: Real {
    /// `a()` where `self < bound`, else `b()`.
    #[inline(always)]
    fn below(self, bound: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self {
        self.choose(Question::Below(bound), a, b)
    }

    /// `a()` where `|self| < bound`, else `b()`.
    #[inline(always)]
    fn within(self, bound: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self {
        self.choose(Question::Within(bound), a, b)
    }

    /// `a()` where `self == point`, else `b()`.
    #[inline(always)]
    fn at(self, point: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self {
        self.choose(Question::At(point), a, b)
    }

    /// The partial `self` of a result `z`, but NaN where `z` is NaN.
    ///
    /// Such a NaN, and one that the partial is by itself, depends on all that `z` depends on, or its own
    /// derivative would be that of a constant: 0.
    #[inline(always)]
    fn unless_nan(self, z: Self) -> Self {
        z.choose(Question::Nan, || z, || self.choose(Question::Nan, || self + z * f64::NAN, || self))
    }
}

impl<T: Real> Piecewise for T {}
