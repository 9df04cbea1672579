//! Numbers whose derivative is another than that of how they are computed.

use crate::handle::Var;
use nalgebra::DMatrix;

/// 2⁵⁰⁰.
const SCALE: f64 = f64::from_bits((1023 + 500) << 52);

/// No two values differ by more than this times the largest.
pub(super) const LARGEST: f64 = 4.0;

/// A number without its derivative, which a replay still computes.
///
/// Times the scale a number is whole, so that `trunc`, which has no derivative, changes nothing; only below 1e-134 it changes digits.
/// The number may be as large as 1e157.
pub(super) fn without_slope(x: Var) -> Var {
    (x * SCALE).trunc() * SCALE.recip()
}

/// A power of two, without a derivative, that makes the largest entry of a matrix about 1.
pub(super) fn scale(m: &DMatrix<Var>) -> Var {
    let largest = m.iter().fold(Var::constant(f64::MIN_POSITIVE), |largest, x| largest.max(x.abs()));
    (-largest.log2().floor()).clamp(-1000.0, 1000.0).exp2()
}

/// NaN, if an entry of a matrix is NaN or infinite.
pub(super) fn undefined(m: &DMatrix<Var>) -> Option<Var> {
    let zero: Var = m.iter().map(|x| *x * 0.0).sum();
    zero.is_nan().then_some(zero)
}

/// Zero, with a derivative that is NaN.
pub(super) fn without_derivative(x: Var) -> Var {
    (x * 0.0).sqrt()
}

/// Makes what is not on the diagonal 0, with the derivative that it has.
pub(super) fn without_noise(m: &mut DMatrix<Var>) {
    let rows = m.nrows();
    for (k, x) in m.iter_mut().enumerate() {
        if k / rows != k % rows {
            *x -= without_slope(*x);
        }
    }
}
