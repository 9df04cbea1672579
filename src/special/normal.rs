//! The error function and the normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// 1/√2 − [`FRAC_1_SQRT_2`].
const FRAC_1_SQRT_2_LOW: f64 = -4.833646656726457e-17;
/// 1/√(2π).
const FRAC_1_SQRT_2PI: f64 = 0.3989422804014327;

/// The error function; 2 units (the `libm` crate, after FreeBSD's).
pub fn erf(x: f64) -> f64 {
    libm::erf(x)
}

/// `1 − erf(x)`, accurate in its tail; 3 units (the `libm` crate, after FreeBSD's).
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// `exp(−x²)`; 3 units.
///
/// The rounding of `x²` alone would cost up to 373 units.
pub fn exp_neg_square(x: f64) -> f64 {
    let (square, error) = square(x);
    (-square).exp() * (1.0 - error)
}

/// The standard normal density `exp(−x²/2)/√(2π)`; 3 units.
pub fn normal_pdf(x: f64) -> f64 {
    let (square, error) = square(x);
    FRAC_1_SQRT_2PI * (-0.5 * square).exp() * (1.0 - 0.5 * error)
}

/// `x²` and its rounding error.
fn square(x: f64) -> (f64, f64) {
    let square = x * x;
    let error = if square < 2000.0 { x.mul_add(x, -square) } else { 0.0 };
    (square, error)
}

/// The standard normal distribution function `erfc(−x/√2)/2`; 4 units, far into the left tail.
pub fn normal_cdf(x: f64) -> f64 {
    let t = -x * FRAC_1_SQRT_2;
    if t <= 0.0 || t > 30.0 {
        return 0.5 * libm::erfc(t);
    }
    // t is rounded, and the relative slope of erfc grows like −2t. So the result is corrected to first order, with
    // −erfc'/erfc ≈ t + √(t² + 4/π), a bound within 6 % (DLMF 7.8.2).
    let error = (-x).mul_add(FRAC_1_SQRT_2, -t) - x * FRAC_1_SQRT_2_LOW;
    let slope = t + (t * t + 4.0 / PI).sqrt();
    0.5 * libm::erfc(t) * (1.0 - error * slope)
}

/// `x·normal_cdf(x)`, the exact form; 6 units.
pub fn gelu(x: f64) -> f64 {
    if x < -30.0 {
        // Φ(x) = φ(x)/|x| · (1 − 1/x² + 3/x⁴ − 15/x⁶ + …), DLMF 7.12.1: Φ alone would be subnormal
        // while x·Φ(x) is not.
        let y = 1.0 / (x * x);
        let series = [3.0, 5.0, 7.0, 9.0, 11.0, 13.0].iter().rfold(1.0, |s, k| 1.0 - k * y * s);
        -normal_pdf(x) * (1.0 - y * series)
    } else {
        x * normal_cdf(x)
    }
}
