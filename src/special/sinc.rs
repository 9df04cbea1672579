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
/// Integration by parts gives a recurrence, `x·sₙ + n·sₙ₋₁ = sin⁽ⁿ⁾(x)`. Upwards it is stable for
/// |x| > n, downwards for |x| < n, whatever value it starts from (Miller's algorithm). From the
/// order 1000 on, an expansion takes their place, so that the work is bounded for every order.
pub fn sinc_derivative(n: u32, x: f64) -> f64 {
    if x.is_infinite() {
        return 0.0;
    }
    if n >= 1000 {
        return sinc_derivative_of_high_order(n, x);
    }
    let (sin, cos) = x.sin_cos();
    let sin_derivative = |m: u32| [sin, cos, -sin, -cos][(m % 4) as usize];
    if x.abs() >= f64::from(n.max(1)) {
        (1..=n).fold(sin / x, |s, m| (sin_derivative(m) - f64::from(m) * s) / x)
    } else {
        let above = 24 + 2 * (x.abs() as u32);
        (n + 1..=n + above).rev().fold(0.0, |s, m| (sin_derivative(m) - x * s) / f64::from(m))
    }
}

/// The `n`-th derivative of [`sinc`] for n ≥ 1000, from the real part of `iⁿ ∫₀¹ exp(n ln t + ixt) dt`.
///
/// The exponent has the slope `w = n + ix` at the end `t = 1` and no stationary point nearby, whatever `x` is.
/// Integrating by parts there, again and again, gives `exp(ix)/w · Σ gₖ` with `gₖ = w⁻ᵏ Σ cₖⱼ (n/w)ʲ`,
/// whose terms fall like `n⁻ᵏ`.
fn sinc_derivative_of_high_order(n: u32, x: f64) -> f64 {
    let times = |a: (f64, f64), b: (f64, f64)| (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0);
    let order = f64::from(n);
    // 1/w and n/w, from the ratio of the parts of w, so that no square overflows.
    let (inverse, share) = if x.abs() > order {
        let r = order / x;
        let d = 1.0 + r * r;
        ((r / d / x, -1.0 / d / x), (r * r / d, -r / d))
    } else {
        let r = x / order;
        let d = 1.0 + r * r;
        ((1.0 / d / order, -r / d / order), (1.0 / d, -r / d))
    };
    // c[j] of gₖ; g₀ = 1, and gₖ₊₁ is minus the derivative of t/(n + ixt) · gₖ at t = 1.
    let mut c = [0.0; 11];
    c[0] = 1.0;
    let mut power = (1.0, 0.0);
    let mut sum = (1.0, 0.0);
    for k in 0..10 {
        let mut next = [0.0; 11];
        for j in 0..=k {
            let m = (k + j) as f64;
            next[j] += m * c[j];
            next[j + 1] -= (m + 1.0) * c[j];
        }
        c = next;
        power = times(power, inverse);
        let along = c.iter().rev().fold((0.0, 0.0), |sum, &c| {
            let (re, im) = times(sum, share);
            (re + c, im)
        });
        let g = times(power, along);
        sum = (sum.0 + g.0, sum.1 + g.1);
    }
    let (sin, cos) = x.sin_cos();
    // The phase iⁿ turns the real part into one of four.
    let (re, im) = times((cos, sin), times(inverse, sum));
    [re, -im, -re, im][(n % 4) as usize]
}
