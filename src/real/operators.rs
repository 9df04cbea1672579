//! Macros for what a number type needs in addition to `Real`: operators, sums, and comparisons that are always false.

/// The operators of a number type in terms of `+ − × ÷ % neg` between two of them: with an `f64` on the right, with
/// assignment, sums and products; with `by apply` also these six themselves.
macro_rules! operators {
    (by apply ($($generics:tt)*) $T:ty) => {
        $crate::real::operators! { @arithmetic ($($generics)*) $T }
        $crate::real::operators! { ($($generics)*) $T }
    };
    (by apply $T:ty) => {
        $crate::real::operators! { @arithmetic () $T }
        impl std::iter::Sum for $T {
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                <Self as $crate::real::Real>::apply($crate::rows::Op::Sum, 0, &terms.collect::<Vec<_>>())
            }
        }
        $crate::real::operators! { @others () $T }
    };
    (@arithmetic ($($generics:tt)*) $T:ty) => {
        $crate::real::operators! { @apply ($($generics)*) ($T)
            Neg neg(); Add add(y); Sub sub(y); Mul mul(y); Div div(y); Rem rem(y);
        }
    };
    (@apply $generics:tt $T:tt $($Trait:ident $method:ident ($($y:ident)?);)*) => { $(
        $crate::real::operators! { @by_apply $generics $T $Trait $method ($($y)?) }
    )* };
    (@by_apply ($($generics:tt)*) ($T:ty) $Trait:ident $method:ident ($($y:ident)?)) => {
        impl<$($generics)*> std::ops::$Trait for $T {
            type Output = Self;
            #[inline(always)]
            fn $method(self $(, $y: Self)?) -> Self {
                <Self as $crate::real::Real>::apply($crate::rows::Op::$Trait, 0, &[self $(, $y)?])
            }
        }
    };
    (($($generics:tt)*) $T:ty) => {
        impl<$($generics)*> std::iter::Sum for $T {
            #[inline]
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                // −0.0, as for f64.
                terms.fold(Self::from(-0.0), |sum, term| sum + term)
            }
        }
        $crate::real::operators! { @others ($($generics)*) $T }
    };
    (@others ($($generics:tt)*) $T:ty) => {
        $crate::real::operators! { @mixed ($($generics)*) ($T)
            Add add AddAssign add_assign;
            Sub sub SubAssign sub_assign;
            Mul mul MulAssign mul_assign;
            Div div DivAssign div_assign;
            Rem rem RemAssign rem_assign;
        }
        impl<'a, $($generics)*> std::iter::Sum<&'a $T> for $T {
            fn sum<I: Iterator<Item = &'a $T>>(terms: I) -> $T {
                terms.copied().sum()
            }
        }

        impl<'a, $($generics)*> std::iter::Product<&'a $T> for $T {
            fn product<I: Iterator<Item = &'a $T>>(factors: I) -> $T {
                factors.copied().product()
            }
        }
        impl<$($generics)*> std::iter::Product for $T {
            fn product<I: Iterator<Item = Self>>(factors: I) -> Self {
                factors.fold(Self::from(1.0), |product, factor| product * factor)
            }
        }
        impl<$($generics)*> Default for $T {
            fn default() -> Self {
                Self::from(0.0)
            }
        }
    };
    (@mixed $generics:tt $T:tt $($Trait:ident $method:ident $Assign:ident $assign:ident;)*) => { $(
        $crate::real::operators! { @one $generics $T $Trait $method $Assign $assign }
    )* };
    (@one ($($generics:tt)*) ($T:ty) $Trait:ident $method:ident $Assign:ident $assign:ident) => {
        impl<$($generics)*> std::ops::$Trait<f64> for $T {
            type Output = Self;
            #[inline(always)]
            fn $method(self, y: f64) -> Self {
                std::ops::$Trait::$method(self, Self::from(y))
            }
        }
        impl<$($generics)*> std::ops::$Assign for $T {
            #[inline(always)]
            fn $assign(&mut self, y: Self) {
                *self = std::ops::$Trait::$method(*self, y);
            }
        }
        impl<$($generics)*> std::ops::$Assign<f64> for $T {
            #[inline(always)]
            fn $assign(&mut self, y: f64) {
                *self = std::ops::$Trait::$method(*self, y);
            }
        }
    };
}
pub(crate) use operators;

/// The comparisons of a number type that has no value: nothing is equal, less or greater.
macro_rules! incomparable {
    (($($generics:tt)*) $T:ty) => {
        $crate::real::incomparable!(@to ($($generics)*) $T, $T);
        $crate::real::incomparable!(@to ($($generics)*) $T, f64);
    };
    (@to ($($generics:tt)*) $T:ty, $Other:ty) => {
        impl<$($generics)*> PartialEq<$Other> for $T {
            fn eq(&self, _: &$Other) -> bool {
                false
            }
        }
        impl<$($generics)*> PartialOrd<$Other> for $T {
            fn partial_cmp(&self, _: &$Other) -> Option<std::cmp::Ordering> {
                None
            }
        }
    };
    ($T:ty) => {
        $crate::real::incomparable!(() $T);
    };
}
pub(crate) use incomparable;
