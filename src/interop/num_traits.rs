//! `num-traits`: generic code over `Float` runs on `Var`.

use crate::handle::Var;
use crate::var::forward_to_var;
use num_traits::{
    Bounded, Euclid, Float, FloatConst, FromPrimitive, Inv, MulAdd, MulAddAssign, Num, NumCast, One, ParseFloatError,
    Pow, Signed, ToPrimitive, Zero,
};
use std::num::FpCategory;

impl Zero for Var {
    constants!(Zero: zero);

    #[track_caller]
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
}

impl One for Var {
    constants!(One: one);

    #[track_caller]
    fn is_one(&self) -> bool {
        *self == 1.0
    }
}

impl Num for Var {
    type FromStrRadixErr = ParseFloatError;

    /// A constant.
    fn from_str_radix(text: &str, radix: u32) -> Result<Var, ParseFloatError> {
        f64::from_str_radix(text, radix).map(Var::constant)
    }
}

impl Bounded for Var {
    constants!(Bounded: min_value max_value);
}

impl NumCast for Var {
    /// A constant, from a `Var` too.
    #[track_caller]
    fn from<T: ToPrimitive>(n: T) -> Option<Var> {
        n.to_f64().map(Var::constant)
    }
}

macro_rules! to_primitive {
    ($($method:ident $T:ty),*) => {
        impl ToPrimitive for Var { $(
            #[track_caller]
            fn $method(&self) -> Option<$T> {
                self.value().$method()
            }
        )* }
    };
}
to_primitive! {
    to_isize isize, to_i8 i8, to_i16 i16, to_i32 i32, to_i64 i64, to_i128 i128,
    to_usize usize, to_u8 u8, to_u16 u16, to_u32 u32, to_u64 u64, to_u128 u128,
    to_f32 f32, to_f64 f64
}

macro_rules! from_primitive {
    ($($method:ident $T:ty),*) => {
        impl FromPrimitive for Var { $(
            fn $method(n: $T) -> Option<Var> {
                f64::$method(n).map(Var::constant)
            }
        )* }
    };
}
from_primitive! {
    from_isize isize, from_i8 i8, from_i16 i16, from_i32 i32, from_i64 i64, from_i128 i128,
    from_usize usize, from_u8 u8, from_u16 u16, from_u32 u32, from_u64 u64, from_u128 u128,
    from_f32 f32, from_f64 f64
}

impl Float for Var {
    constants!(Float: nan infinity neg_infinity neg_zero min_value min_positive_value max_value epsilon);

    forward_to_var! {
        is_nan() -> bool, is_infinite() -> bool, is_finite() -> bool, is_normal() -> bool, is_subnormal() -> bool,
        is_sign_positive() -> bool, is_sign_negative() -> bool, classify() -> FpCategory,
        floor(), ceil(), round(), trunc(), fract(), abs(), signum(), recip(), sqrt(), cbrt(),
        exp(), exp2(), exp_m1(), ln(), log2(), log10(), ln_1p(), to_degrees(), to_radians(),
        sin(), cos(), tan(), asin(), acos(), atan(), sinh(), cosh(), tanh(), asinh(), acosh(), atanh(),
        powf(n), log(base), max(other), min(other), hypot(other), atan2(other), copysign(sign),
        mul_add(a, b), clamp(low, high), powi(n: i32), sin_cos() -> (Var, Var),
    }

    #[inline]
    #[track_caller]
    fn abs_sub(self, other: Var) -> Var {
        positive_difference(self, other)
    }

    #[track_caller]
    fn integer_decode(self) -> (u64, i16, i8) {
        Float::integer_decode(self.value())
    }
}

/// `x − y` where it is positive, else 0; NaN if an operand is NaN.
#[track_caller]
fn positive_difference(x: Var, y: Var) -> Var {
    if x <= y { Var::constant(0.0) } else { x - y }
}

impl Signed for Var {
    forward_to_var! { & abs(), signum() }

    #[track_caller]
    fn abs_sub(&self, other: &Var) -> Var {
        positive_difference(*self, *other)
    }

    #[track_caller]
    fn is_positive(&self) -> bool {
        self.is_sign_positive()
    }

    #[track_caller]
    fn is_negative(&self) -> bool {
        self.is_sign_negative()
    }
}

impl FloatConst for Var {
    constants! {
        FloatConst: E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4 FRAC_PI_6 FRAC_PI_8
        LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2 TAU LOG10_2 LOG2_10
    }
}

impl Euclid for Var {
    forward_to_var! { & div_euclid(v), rem_euclid(v) }
}

impl<A: Into<Var>, B: Into<Var>> MulAdd<A, B> for Var {
    type Output = Var;

    #[inline]
    #[track_caller]
    fn mul_add(self, a: A, b: B) -> Var {
        Var::mul_add(self, a, b)
    }
}

impl<A: Into<Var>, B: Into<Var>> MulAddAssign<A, B> for Var {
    #[inline]
    #[track_caller]
    fn mul_add_assign(&mut self, a: A, b: B) {
        *self = Var::mul_add(*self, a, b);
    }
}

impl Inv for Var {
    type Output = Var;

    #[inline]
    #[track_caller]
    fn inv(self) -> Var {
        self.recip()
    }
}

impl Inv for &Var {
    type Output = Var;

    #[inline]
    #[track_caller]
    fn inv(self) -> Var {
        self.recip()
    }
}

macro_rules! pow {
    ($($A:ty, $B:ty: $method:ident($Exponent:ty);)*) => { $(
        pow!(@ $A, $B: $method $Exponent);
        pow!(@ $A, &$B: $method $Exponent);
        pow!(@ &$A, $B: $method $Exponent);
        pow!(@ &$A, &$B: $method $Exponent);
    )* };
    (@ $A:ty, $B:ty: $method:ident $Exponent:ty) => {
        impl Pow<$B> for $A {
            type Output = Var;

            #[inline]
            #[track_caller]
            #[allow(clippy::clone_on_copy)] // one text for numbers and for references
            fn pow(self, exponent: $B) -> Var {
                <Var as From<_>>::from(self).$method(<$Exponent as From<_>>::from(exponent.clone()))
            }
        }
    };
}
pow! {
    Var, i8: powi(i32);
    Var, u8: powi(i32);
    Var, i16: powi(i32);
    Var, u16: powi(i32);
    Var, i32: powi(i32);
    Var, f32: powf(f64);
    Var, f64: powf(f64);
    Var, Var: powf(Var);
    f64, Var: powf(Var);
}
