//! Rectifiers, the logistic family, logarithms of sums, `x ln y`.

use crate::refusal::refuse;
use std::f64::consts::LN_2;

/// `max(x, 0)`; exact.
pub fn relu(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}

/// `x` where it is positive, else `slope·x`.
pub fn leaky_relu(x: f64, slope: f64) -> f64 {
    if slope.is_nan() || x < 0.0 { slope * x } else { x }
}

/// The logistic function `1/(1 + e⁻ˣ)`; 3 units.
pub fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// `ln(1 + eˣ)`; 3 units.
pub fn softplus(x: f64) -> f64 {
    relu(x) + (-x.abs()).exp().ln_1p()
}

/// `x·sigmoid(x)`, also called swish; 4 units.
pub fn silu(x: f64) -> f64 {
    if x < -700.0 {
        // The square of e^(x/2), as eˣ may be subnormal where x·eˣ is not; −∞ is taken for −2000.
        let half = (0.5 * x.max(-2000.0)).exp();
        x.max(-2000.0) * half * half
    } else {
        x * sigmoid(x)
    }
}

/// `1/cosh² x`, the derivative of tanh; 4 units.
pub fn sech_squared(x: f64) -> f64 {
    let e = (-2.0 * x.abs()).exp();
    4.0 * e / ((1.0 + e) * (1.0 + e))
}

/// `exp(x − y)`, corrected for the rounding error of the difference; 2 units.
pub fn exp_sub(x: f64, y: f64) -> f64 {
    let d = x - y;
    let z = d.exp();
    if !d.is_finite() {
        return z;
    }
    let v = d - x;
    let error = (x - (d - v)) - (y + v);
    z + z * error
}

/// `ln(eᵃ + eᵇ)`; 3 units, absolute near its zeros.
pub fn logaddexp(a: f64, b: f64) -> f64 {
    if a == b {
        return a + LN_2; // infinities, whose difference is NaN
    }
    let (high, low) = if a < b { (b, a) } else { (a, b) };
    // The rounding error of the difference matters where `high` is about as small as e^(low − high).
    let d = low - high;
    let v = d - low;
    let error = if d.is_finite() { (low - (d - v)) - (high + v) } else { 0.0 };
    let e = d.exp();
    high + (e + e * error).ln_1p()
}

/// `x·ln y`, and 0 at `x = 0` whatever `y` is, unless NaN; 2 units.
pub fn xlogy(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * y.ln() }
}

/// `x.max(y)`, but `x` where both are equal: `f64::max` leaves the sign of a zero to the compiler, which decides it anew at
/// each call.
#[inline(always)]
pub fn max(x: f64, y: f64) -> f64 {
    if y > x || x.is_nan() { y } else { x }
}

/// `x.min(y)`, but `x` where both are equal.
#[inline(always)]
pub fn min(x: f64, y: f64) -> f64 {
    if y < x || x.is_nan() { y } else { x }
}

/// `x.clamp(low, high)`, whose panic names the line of the caller.
#[track_caller]
pub fn clamp(x: f64, low: f64, high: f64) -> f64 {
    if low <= high {
        return x.clamp(low, high);
    }
    refuse(format_args!("scalargrad: the bounds of `clamp` cross or are NaN: {low:?}, {high:?}"))
}
