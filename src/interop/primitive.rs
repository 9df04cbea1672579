//! `num-traits`: conversions by `as`, the core of `Float`, and the order of all numbers.

use crate::handle::Var;
use crate::var::forward_to_var;
use num_traits::float::{FloatCore, TotalOrder};
use num_traits::{AsPrimitive, Float};
use std::cmp::Ordering;
use std::num::FpCategory;

macro_rules! as_primitive {
    ($($T:ty)*) => { $(
        impl AsPrimitive<$T> for Var {
            /// The value, as a plain number.
            #[track_caller]
            fn as_(self) -> $T {
                self.value() as $T
            }
        }

        impl AsPrimitive<Var> for $T {
            /// A constant.
            fn as_(self) -> Var {
                Var::constant(self as f64)
            }
        }
    )* };
}
as_primitive! { f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

impl AsPrimitive<Var> for Var {
    /// The same variable.
    fn as_(self) -> Var {
        self
    }
}

impl TotalOrder for Var {
    forward_to_var! { & total_cmp(other) -> Ordering }
}

impl FloatCore for Var {
    constants!(FloatCore: nan infinity neg_infinity neg_zero min_value min_positive_value max_value epsilon);

    forward_to_var! {
        is_nan() -> bool, is_infinite() -> bool, is_finite() -> bool, is_normal() -> bool, is_subnormal() -> bool,
        is_sign_positive() -> bool, is_sign_negative() -> bool, classify() -> FpCategory,
        floor(), ceil(), round(), trunc(), fract(), abs(), signum(), recip(), to_degrees(), to_radians(),
        max(other), min(other), clamp(low, high), powi(n: i32),
    }

    #[track_caller]
    fn integer_decode(self) -> (u64, i16, i8) {
        Float::integer_decode(self)
    }
}
