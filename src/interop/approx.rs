//! `approx`: comparisons within a tolerance, by value.

use crate::var::Var;
use approx::{AbsDiffEq, RelativeEq, UlpsEq};

macro_rules! by_value {
    ($($A:ty, $B:ty);*) => { $(
        impl AbsDiffEq<$B> for $A {
            type Epsilon = f64;

            fn default_epsilon() -> f64 {
                <f64 as AbsDiffEq>::default_epsilon()
            }

            #[track_caller]
            fn abs_diff_eq(&self, other: &$B, epsilon: f64) -> bool {
                self.value().abs_diff_eq(&Var::from(other).value(), epsilon)
            }
        }

        impl RelativeEq<$B> for $A {
            fn default_max_relative() -> f64 {
                <f64 as RelativeEq>::default_max_relative()
            }

            #[track_caller]
            fn relative_eq(&self, other: &$B, epsilon: f64, max_relative: f64) -> bool {
                self.value().relative_eq(&Var::from(other).value(), epsilon, max_relative)
            }
        }

        impl UlpsEq<$B> for $A {
            fn default_max_ulps() -> u32 {
                <f64 as UlpsEq>::default_max_ulps()
            }

            #[track_caller]
            fn ulps_eq(&self, other: &$B, epsilon: f64, max_ulps: u32) -> bool {
                self.value().ulps_eq(&Var::from(other).value(), epsilon, max_ulps)
            }
        }
    )* };
}
// Not of an `f64` with a `Var`: it would make `<f64 as AbsDiffEq>::default_epsilon()` ambiguous in every user's code.
by_value!(Var, Var; Var, f64);
