//! `approx`: comparisons within a tolerance, by value.
//!
//! While a function is being recorded they are done with comparisons of variables, which are guards, so that a replay
//! notices where one would have another answer. A distance in units in the last place cannot be computed with variables:
//! there the guard is that both numbers are the same as before.

use crate::graph::trace::{self, Comparison};
use crate::handle::Var;
use approx::{AbsDiffEq, RelativeEq, UlpsEq};

macro_rules! by_value {
    ($($A:ty, $B:ty: $Epsilon:ty);*) => { $(
        impl AbsDiffEq<$B> for $A {
            type Epsilon = $Epsilon;

            fn default_epsilon() -> $Epsilon {
                <$Epsilon>::from(<f64 as AbsDiffEq>::default_epsilon())
            }

            #[track_caller]
            fn abs_diff_eq(&self, other: &$B, epsilon: $Epsilon) -> bool {
                let (a, b, epsilon) = (*self, Var::from(other), Var::from(epsilon));
                match trace::is_tracing() {
                    true => (a - b).abs() <= epsilon,
                    false => a.value().abs_diff_eq(&b.value(), epsilon.value()),
                }
            }
        }

        impl RelativeEq<$B> for $A {
            fn default_max_relative() -> $Epsilon {
                <$Epsilon>::from(<f64 as RelativeEq>::default_max_relative())
            }

            #[track_caller]
            fn relative_eq(&self, other: &$B, epsilon: $Epsilon, max_relative: $Epsilon) -> bool {
                let (a, b) = (*self, Var::from(other));
                let (epsilon, max_relative) = (Var::from(epsilon), Var::from(max_relative));
                match trace::is_tracing() {
                    true => recorded_relative_eq(a, b, epsilon, max_relative),
                    false => a.value().relative_eq(&b.value(), epsilon.value(), max_relative.value()),
                }
            }
        }

        impl UlpsEq<$B> for $A {
            fn default_max_ulps() -> u32 {
                <f64 as UlpsEq>::default_max_ulps()
            }

            #[track_caller]
            fn ulps_eq(&self, other: &$B, epsilon: $Epsilon, max_ulps: u32) -> bool {
                let (a, b, epsilon) = (*self, Var::from(other), Var::from(epsilon));
                for x in [a, b] {
                    trace::compared(Comparison::TotalOrder, x, Var::constant(x.untracked_value()));
                }
                a.untracked_value().ulps_eq(&b.untracked_value(), epsilon.untracked_value(), max_ulps)
            }
        }
    )* };
}
// Not of an `f64` with a `Var`: it would make `<f64 as AbsDiffEq>::default_epsilon()` ambiguous in every user's code.
// A tolerance for two variables is a variable, too: that is what `nalgebra` asks of a number.
by_value!(Var, Var: Var; Var, f64: f64);

/// The same steps that `approx` takes for `f64`.
#[track_caller]
fn recorded_relative_eq(a: Var, b: Var, epsilon: Var, max_relative: Var) -> bool {
    if a == b {
        return true;
    }
    if a.is_infinite() || b.is_infinite() {
        return false;
    }
    let difference = (a - b).abs();
    difference <= epsilon || difference <= a.abs().max(b.abs()) * max_relative
}
