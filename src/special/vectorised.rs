//! Elementary functions of several numbers at once, in vectors as wide as the processor has them.
//!
//! The exponential and the logarithm are those of the `simdeez` crate, which chooses instructions at run time; the
//! others are made from these, but for sine and cosine, which it does not vectorise. All are within 8 units of 2⁻⁵³ of the plain
//! ones, `exp`, `ln`, `sin` and `cos` within 4.

use crate::rows::Op;
use simdeez::math::SimdMathF64Core;
use simdeez::prelude::*;

/// Whether there is a vectorised function for an operation.
pub const fn is_vectorised(op: Op) -> bool {
    matches!(op, Op::Exp | Op::Ln | Op::Sin | Op::Cos | Op::Tanh | Op::Sech2 | Op::Sigmoid)
}

/// Whether the value of an operation is so simple that a compiler makes vector instructions of it.
pub const fn is_simple(op: Op) -> bool {
    matches!(op, Op::Sqrt | Op::Recip | Op::Abs | Op::Relu)
}

/// Whether the partial is so simple, from the operand and the result.
pub const fn has_simple_partial(op: Op) -> bool {
    is_simple(op) || matches!(op, Op::Exp | Op::Ln)
}

/// Replaces numbers, a multiple of eight, by the values of an operation for which there is a vectorised function.
#[inline]
pub fn vectorised(op: Op, x: &mut [f64]) {
    match op {
        Op::Exp => exp(x),
        Op::Ln => ln(x),
        Op::Sin => sin(x),
        Op::Cos => cos(x),
        Op::Tanh => tanh(x),
        Op::Sech2 => sech2(x),
        Op::Sigmoid => sigmoid(x),
        _ => unreachable!("{op:?} has no vectorised function"),
    }
}

/// A loop over vectors. Where a number is not below the bound, if there is one, the value is that of the plain function.
macro_rules! vectors {
    ($(#[$doc:meta])* $name:ident, |$x:ident| $value:expr $(, below $bound:expr, else $plain:path)?) => {
        simd_runtime_generate!(
            fn $name(numbers: &mut [f64]) {
                for numbers in numbers.chunks_exact_mut(S::Vf64::WIDTH) {
                    let $x = S::Vf64::load_from_slice(numbers);
                    let value = $value;
                    $(
                        if !numbers.iter().all(|x| x.abs() < $bound) {
                            let mut values = [0.0; 8];
                            value.copy_to_slice(&mut values);
                            for (x, z) in numbers.iter_mut().zip(values) {
                                *x = if x.abs() < $bound { z } else { $plain(*x) };
                            }
                            continue;
                        }
                    )?
                    value.copy_to_slice(numbers);
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

/// Below it, an angle less some quarter turns is exact to 2⁻⁵³ of the difference.
const FAR: f64 = 1e6;

/// π/2 as a sum. The products of the first three with a number of 20 bits are exact; from FreeBSD's `e_rem_pio2.c`.
const HALF_PI: [f64; 4] = [
    f64::from_bits(0x3ff9_21fb_5440_0000),
    f64::from_bits(0x3dd0_b461_1a60_0000),
    f64::from_bits(0x3ba3_198a_2e00_0000),
    f64::from_bits(0x397b_839a_2520_49c1),
];

/// The sine of an angle and of some quarter turns more.
macro_rules! sine {
    ($x:expr, $turns:expr) => {{
        let c = |c: f64| S::Vf64::set1(c);
        let nearest = ($x * c(std::f64::consts::FRAC_2_PI)).round();
        let mut r = $x;
        for part in HALF_PI {
            r -= nearest * c(part);
        }
        // The Taylor series of sine and cosine, for |r| ≤ π/4.
        let s = r * r;
        let (mut sine, mut cosine) = (c(0.0), c(0.0));
        for k in [16.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0] {
            sine = (c(1.0) + sine) * s * c(-1.0 / (k * (k + 1.0)));
            cosine = (c(1.0) + cosine) * s * c(-1.0 / (k * (k - 1.0)));
        }
        let (sine, cosine) = (r + r * sine, c(1.0) + cosine);
        let turns = nearest + c($turns);
        let half_turns = (turns * c(0.5)).floor();
        let turned = (half_turns * c(0.5)).floor();
        let is_odd = (turns - half_turns * c(2.0)).cmp_gt(c(0.5));
        let is_negative = (half_turns - turned * c(2.0)).cmp_gt(c(0.5));
        let result = is_odd.blendv(sine, cosine);
        is_negative.blendv(result, c(0.0) - result)
    }};
}

vectors!(sin, |x| { x.cmp_eq(S::Vf64::set1(0.0)).blendv(sine!(x, 0.0), x) }, below FAR, else f64::sin);
vectors!(cos, |x| sine!(x, 1.0), below FAR, else f64::cos);
