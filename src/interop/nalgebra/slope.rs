//! Numbers whose derivative is another than that of how they are computed.

use crate::handle::Var;

/// 2¹⁰⁰⁰, and its inverse.
const SCALE: f64 = f64::from_bits((1023 + 1000) << 52);

/// A number of at most 1, without its derivative, which a replay still computes.
///
/// Times the scale every such number is whole, so that `trunc`, which has no derivative, changes nothing. Below the inverse of the scale it
/// becomes 0.
pub(super) fn without_slope(x: Var) -> Var {
    (x * SCALE).trunc() * SCALE.recip()
}

/// Zero, with a derivative that is NaN.
pub(super) fn without_derivative(x: Var) -> Var {
    (x * 0.0).sqrt()
}
