//! Elementary functions of several numbers at once, in vectors as wide as the processor has them.
//!
//! The exponential and the logarithm are those of the `simdeez` crate, which chooses instructions at run time; the
//! others are made from these. All are within 8 units of 2⁻⁵³ of the plain ones, `exp` and `ln` within 4.

use crate::rows::Op;
use simdeez::math::SimdMathF64Core;
use simdeez::prelude::*;

/// Whether there is a vectorised function for an operation.
pub const fn is_vectorised(op: Op) -> bool {
    matches!(op, Op::Exp | Op::Ln | Op::Tanh | Op::Sech2 | Op::Sigmoid)
}

/// Values of an operation for which there is a vectorised function: a multiple of eight.
#[inline]
pub fn vectorised<const N: usize>(op: Op, x: &[f64; N]) -> [f64; N] {
    let mut z = [0.0; N];
    match op {
        Op::Exp => exp(x, &mut z),
        Op::Ln => ln(x, &mut z),
        Op::Tanh => tanh(x, &mut z),
        Op::Sech2 => sech2(x, &mut z),
        Op::Sigmoid => sigmoid(x, &mut z),
        _ => unreachable!("{op:?} has no vectorised function"),
    }
    z
}

/// A loop over vectors.
macro_rules! vectors {
    ($(#[$doc:meta])* $name:ident, |$x:ident| $value:expr) => {
        simd_runtime_generate!(
            fn $name(x: &[f64], z: &mut [f64]) {
                let mut at = 0;
                while at < x.len() {
                    let $x = S::Vf64::load_from_slice(&x[at..]);
                    $value.copy_to_slice(&mut z[at..]);
                    at += S::Vf64::WIDTH;
                }
            }
        );
    };
}

vectors!(exp, |x| x.exp_u35());
vectors!(ln, |x| x.ln_u35());

vectors!(tanh, |x| {
    let one = S::Vf64::set1(1.0);
    let a = x.abs();
    let e = (a * S::Vf64::set1(-2.0)).exp_u35();
    let far = (one - e) / (one + e);
    // Close to 0 by Lambert's continued fraction, cut off where it is exact to 2⁻⁵⁵ for |x| < 0.4.
    let s = x * x;
    let c = |c: f64| S::Vf64::set1(c);
    let above = ((s + c(378.0)) * s + c(17325.0)) * s + c(135135.0);
    let below = ((s * c(28.0) + c(3150.0)) * s + c(62370.0)) * s + c(135135.0);
    let near = a * (above / below);
    let is_near = a.cmp_lt(c(0.4));
    let result = is_near.blendv(far, near);
    let is_negative = x.cmp_lt(c(0.0));
    let result = is_negative.blendv(result, c(0.0) - result);
    // Zeros keep their sign.
    let is_zero = x.cmp_eq(c(0.0));
    is_zero.blendv(result, x)
});

vectors!(sech2, |x| {
    let one = S::Vf64::set1(1.0);
    let e = (x.abs() * S::Vf64::set1(-2.0)).exp_u35();
    let d = one + e;
    e * S::Vf64::set1(4.0) / (d * d)
});

vectors!(sigmoid, |x| {
    let one = S::Vf64::set1(1.0);
    let e = (x.abs() * S::Vf64::set1(-1.0)).exp_u35();
    let is_negative = x.cmp_lt(S::Vf64::set1(0.0));
    is_negative.blendv(one, e) / (one + e)
});
