//! What a number can do besides functions: operators, comparisons, conversions, sums, printing.

use super::slices::sum;
use crate::arena::Form;
use crate::graph::trace::{self, Comparison, Escape};
use crate::handle::Var;
use crate::record;
use crate::rows::Op;
use crate::rules;
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign};

// `inline(always)` in optimised builds only: in others each use would take room of its own on the stack of its caller, and the
// inverse of a 4 × 4 matrix in `nalgebra`, one function, needs more than a thread of a test has.
macro_rules! operators {
    ($($Trait:ident $method:ident $TraitAssign:ident $method_assign:ident $op:tt;)*) => { $(
        impl $Trait for Var {
            type Output = Var;
            #[cfg_attr(debug_assertions, inline)]
            #[cfg_attr(not(debug_assertions), inline(always))]
            #[track_caller]
            fn $method(self, other: Var) -> Var {
                record::binary(Op::$Trait, self, other, self.untracked_value() $op other.untracked_value(), rules::of::$method)
            }
        }
        impl $Trait<f64> for Var {
            type Output = Var;
            #[cfg_attr(debug_assertions, inline)]
            #[cfg_attr(not(debug_assertions), inline(always))]
            #[track_caller]
            fn $method(self, c: f64) -> Var {
                let value = self.untracked_value() $op c;
                record::with_constant(Op::$Trait, self, c, Form::ConstantRight, value, rules::of::$method)
            }
        }
        impl $Trait<Var> for f64 {
            type Output = Var;
            #[cfg_attr(debug_assertions, inline)]
            #[cfg_attr(not(debug_assertions), inline(always))]
            #[track_caller]
            fn $method(self, x: Var) -> Var {
                let value = self $op x.untracked_value();
                record::with_constant(Op::$Trait, x, self, Form::ConstantLeft, value, rules::of::$method)
            }
        }
        operators!(@mixed $Trait $method: &Var [*], &Var [*]; &Var [*], Var []; Var [], &Var [*]);
        operators!(@mixed $Trait $method: &Var [*], &f64 [*]; &Var [*], f64 []; Var [], &f64 [*]);
        operators!(@mixed $Trait $method: &f64 [*], &Var [*]; &f64 [*], Var []; f64 [], &Var [*]);
        operators!(@assign $TraitAssign $method_assign $op: Var, &Var, f64, &f64);
    )* };
    (@mixed $Trait:ident $method:ident: $($A:ty [$($a:tt)?], $B:ty [$($b:tt)?]);*) => { $(
        impl $Trait<$B> for $A {
            type Output = Var;
            #[cfg_attr(debug_assertions, inline)]
            #[cfg_attr(not(debug_assertions), inline(always))]
            #[track_caller]
            fn $method(self, other: $B) -> Var {
                $Trait::$method($($a)? self, $($b)? other)
            }
        }
    )* };
    (@assign $Trait:ident $method:ident $op:tt: $($B:ty),*) => { $(
        impl $Trait<$B> for Var {
            #[cfg_attr(debug_assertions, inline)]
            #[cfg_attr(not(debug_assertions), inline(always))]
            #[track_caller]
            fn $method(&mut self, other: $B) {
                *self = *self $op other;
            }
        }
    )* };
}
operators! {
    Add add AddAssign add_assign +;
    Sub sub SubAssign sub_assign -;
    Mul mul MulAssign mul_assign *;
    Div div DivAssign div_assign /;
    Rem rem RemAssign rem_assign %;
}

impl Neg for Var {
    type Output = Var;
    #[inline(always)]
    #[track_caller]
    fn neg(self) -> Var {
        record::unary(Op::Neg, 0, self, |x| -x, rules::of::neg)
    }
}

impl Neg for &Var {
    type Output = Var;
    #[inline(always)]
    #[track_caller]
    fn neg(self) -> Var {
        -*self
    }
}

macro_rules! from_number {
    ($($Number:ty)*) => { $(
        impl From<$Number> for Var {
            /// A constant.
            #[inline(always)]
            fn from(value: $Number) -> Var {
                Var::constant(f64::from(value))
            }
        }
    )* };
}
from_number! { f64 f32 i32 u8 }

/// The value, as [`Var::value`] reads it.
impl From<Var> for f64 {
    #[inline]
    #[track_caller]
    fn from(x: Var) -> f64 {
        x.value()
    }
}

impl From<&f64> for Var {
    /// A constant.
    #[inline(always)]
    fn from(value: &f64) -> Var {
        Var::constant(*value)
    }
}

impl From<&Var> for Var {
    #[inline(always)]
    fn from(x: &Var) -> Var {
        *x
    }
}

impl Default for Var {
    /// The constant 0.
    fn default() -> Var {
        Var::constant(0.0)
    }
}

// Each comparison has its own method, so that a recording notes which one was made, and at which line.
macro_rules! comparisons {
    ($($A:ty, $B:ty;)*) => { $(
        #[expect(
            clippy::partialeq_ne_impl,
            reason = "the provided one would be noted as made in the standard library"
        )]
        impl PartialEq<$B> for $A {
            comparisons!(@ $B: eq Equal ==);
            comparisons!(@ $B: ne Equal !=);
        }

        impl PartialOrd<$B> for $A {
            #[inline(always)]
            #[track_caller]
            fn partial_cmp(&self, other: &$B) -> Option<Ordering> {
                let (a, b) = (Var::from(*self), Var::from(*other));
                trace::compared(Comparison::Order, a, b);
                a.untracked_value().partial_cmp(&b.untracked_value())
            }

            comparisons!(@ $B: lt Less <);
            comparisons!(@ $B: le LessOrEqual <=);
            comparisons!(@ $B: gt Greater >);
            comparisons!(@ $B: ge GreaterOrEqual >=);
        }
    )* };
    (@ $B:ty: $method:ident $comparison:ident $sign:tt) => {
        #[inline(always)]
        #[track_caller]
        fn $method(&self, other: &$B) -> bool {
            let (a, b) = (Var::from(*self), Var::from(*other));
            trace::compared(Comparison::$comparison, a, b);
            a.untracked_value() $sign b.untracked_value()
        }
    };
}
comparisons! {
    Var, Var;
    Var, f64;
    f64, Var;
}

impl Sum for Var {
    /// One node, whatever the number of terms.
    #[track_caller]
    fn sum<I: Iterator<Item = Var>>(terms: I) -> Var {
        sum(&terms.collect::<SmallVec<[Var; 16]>>())
    }
}

impl<'a> Sum<&'a Var> for Var {
    /// One node, whatever the number of terms.
    #[track_caller]
    fn sum<I: Iterator<Item = &'a Var>>(terms: I) -> Var {
        terms.copied().sum()
    }
}

impl Product for Var {
    #[track_caller]
    fn product<I: Iterator<Item = Var>>(mut factors: I) -> Var {
        let Some(mut product) = factors.next() else { return Var::constant(1.0) };
        for factor in factors {
            product *= factor; // not in a closure, which would not know the caller
        }
        product
    }
}

impl<'a> Product<&'a Var> for Var {
    #[track_caller]
    fn product<I: Iterator<Item = &'a Var>>(factors: I) -> Var {
        factors.copied().product()
    }
}

macro_rules! formats {
    ($($Trait:ident)*) => { $(
        impl fmt::$Trait for Var {
            /// The value, with the formatting of an `f64`.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                trace::escaped(Escape::Printed, *self);
                fmt::$Trait::fmt(&self.untracked_value(), f)
            }
        }
    )* };
}
formats! { Display LowerExp UpperExp }

impl fmt::Debug for Var {
    /// `Var(2.0)`, or `Constant(2.0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        trace::escaped(Escape::Printed, *self);
        f.debug_tuple(if self.is_constant() { "Constant" } else { "Var" }).field(&self.untracked_value()).finish()
    }
}
