//! `sin(x)/x` and its derivatives.

/// `sin(x)/x`, and 1 at 0; 2 units.
pub fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else if x.is_infinite() {
        0.0
    } else {
        x.sin() / x
    }
}

/// The `n`-th derivative of [`sinc`], `∫₀¹ tⁿ cos(xt + nπ/2) dt`; 20 units for n ≤ 4, absolute near its zeros.
///
/// Integrating by parts links neighbours, `x·sₙ + n·sₙ₋₁ = sin⁽ⁿ⁾(x)`. Upwards that is stable for
/// |x| > n, downwards for |x| < n, whatever the value it starts from (J. C. P. Miller's way).
pub fn sinc_derivative(n: u32, x: f64) -> f64 {
    if x.is_infinite() {
        return 0.0;
    }
    let (sin, cos) = x.sin_cos();
    let sin_derivative = |m: u32| [sin, cos, -sin, -cos][(m % 4) as usize];
    if x.abs() >= f64::from(n.max(1)) {
        (1..=n).fold(sin / x, |s, m| (sin_derivative(m) - f64::from(m) * s) / x)
    } else {
        let above = 24 + 2 * (x.abs() as u32);
        (n + 1..=n + above)
            .rev()
            .fold(0.0, |s, m| (sin_derivative(m) - x * s) / f64::from(m))
    }
}
