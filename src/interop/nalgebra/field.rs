//! The traits of `simba`, by which `nalgebra` computes.

use super::roots::sinhc;
use crate::handle::Var;
use crate::var::forward_to_var;
use num_traits::Zero;
use simba::scalar::{ComplexField, Field, RealField, SubsetOf};
use std::f64::consts::PI;

impl Field for Var {}
impl SubsetOf<Var> for Var {
    fn to_superset(&self) -> Var {
        *self
    }

    fn from_superset_unchecked(x: &Var) -> Var {
        *x
    }

    fn is_in_subset(_: &Var) -> bool {
        true
    }
}

macro_rules! subset {
    ($($Number:ty)*) => { $(
        impl SubsetOf<Var> for $Number {
            /// A constant.
            fn to_superset(&self) -> Var {
                Var::constant(*self as f64)
            }

            /// The value, which is read as by [`Var::value`].
            #[track_caller]
            fn from_superset_unchecked(x: &Var) -> $Number {
                x.value() as $Number
            }

            fn is_in_subset(_: &Var) -> bool {
                true
            }
        }
    )* };
}
subset! { f64 f32 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

impl ComplexField for Var {
    type RealField = Var;

    fn from_real(x: Var) -> Var {
        x
    }

    fn real(self) -> Var {
        self
    }

    fn imaginary(self) -> Var {
        Var::zero()
    }

    fn conjugate(self) -> Var {
        self
    }

    #[track_caller]
    fn modulus(self) -> Var {
        Var::abs(self)
    }

    #[track_caller]
    fn modulus_squared(self) -> Var {
        self * self
    }

    #[track_caller]
    fn norm1(self) -> Var {
        Var::abs(self)
    }

    /// 0, or π for a negative number: a constant.
    #[track_caller]
    fn argument(self) -> Var {
        Var::constant(if self >= 0.0 { 0.0 } else { PI })
    }

    /// The sign is a constant, and the derivative of the modulus at 0 that from the right.
    #[track_caller]
    fn to_exp(self) -> (Var, Var) {
        if self >= 0.0 { (self, Var::constant(1.0)) } else { (-self, Var::constant(-1.0)) }
    }

    #[track_caller]
    fn scale(self, factor: Var) -> Var {
        self * factor
    }

    #[track_caller]
    fn unscale(self, factor: Var) -> Var {
        self / factor
    }

    #[track_caller]
    fn powc(self, n: Var) -> Var {
        Var::powf(self, n)
    }

    /// As `simba` defines it, NaN at an infinity, where [`Var::sinc`] is 0.
    #[track_caller]
    fn sinc(self) -> Var {
        if Var::is_infinite(self) { Var::sin(self) / self } else { Var::sinc(self) }
    }

    /// `sinh x / x`, by its series below 1, which has all its derivatives at 0.
    #[track_caller]
    fn sinhc(self) -> Var {
        sinhc(self)
    }

    #[track_caller]
    fn try_sqrt(self) -> Option<Var> {
        if self >= 0.0 { Some(Var::sqrt(self)) } else { None }
    }

    forward_to_var! {
        abs(), signum(), floor(), ceil(), round(), trunc(), fract(), recip(), mul_add(a, b), hypot(other),
        sin(), cos(), tan(), asin(), acos(), atan(), sinh(), cosh(), tanh(), asinh(), acosh(), atanh(),
        log(base), log2(), log10(), ln(), ln_1p(), sqrt(), exp(), exp2(), exp_m1(), powf(n), cbrt(),
        powi(n: i32), sin_cos() -> (Var, Var),
    }

    forward_to_var! { & is_finite() -> bool }
}

impl RealField for Var {
    fn min_value() -> Option<Var> {
        Some(Var::constant(f64::MIN))
    }

    fn max_value() -> Option<Var> {
        Some(Var::constant(f64::MAX))
    }

    forward_to_var! { & is_sign_positive() -> bool, is_sign_negative() -> bool }

    forward_to_var! { copysign(sign), max(other), min(other), clamp(low, high), atan2(other) }

    constants! {
        RealField: pi two_pi frac_pi_2 frac_pi_3 frac_pi_4 frac_pi_6 frac_pi_8 frac_1_pi frac_2_pi frac_2_sqrt_pi
        e log2_e log10_e ln_2 ln_10
    }
}
