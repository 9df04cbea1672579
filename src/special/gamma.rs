//! The gamma function and its logarithmic derivatives.

use std::f64::consts::PI;

/// The gamma function; 10 units (the `libm` crate, Lanczos' approximation). NaN at negative integers.
pub fn gamma(x: f64) -> f64 {
    libm::tgamma(x)
}

/// `ln |Γ(x)|`; 5 units (the `libm` crate, after FreeBSD's), absolute near its zeros on the negative axis.
pub fn ln_gamma(x: f64) -> f64 {
    let y = libm::lgamma(x);
    if x < 0.0 && y.abs() < 1.0 {
        // `libm` takes the difference of two larger logarithms here; |Γ| is near 1, and its own logarithm is more accurate.
        return libm::tgamma(x).abs().ln();
    }
    y
}

/// The digamma function ψ = Γ'/Γ; 10 units for `x > 0`, absolute near its zeros on the negative axis.
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x > 0.0 {
        return digamma_positive(x);
    }
    // Reflection, DLMF 5.5.4: ψ(x) = ψ(1 − x) − π cot(πx), which has the period 1 in x; the remainder is exact.
    let r = x - x.round();
    if r == 0.0 || !x.is_finite() {
        return f64::NAN;
    }
    let tan = (PI * if r.abs() < 0.25 { r } else { 0.5 - r.abs() }).tan();
    let cot = if r.abs() < 0.25 { 1.0 / tan } else { tan.copysign(r * tan) };
    digamma_positive(1.0 - x) - PI * cot
}

fn digamma_positive(x: f64) -> f64 {
    if x >= 10.0 {
        // DLMF 5.11.2: ψ(x) ~ ln x − 1/(2x) − Σ B₂ₖ/(2k x²ᵏ); the coefficients are B₂ₖ/(2k).
        const SERIES: [f64; 8] = [
            1.0 / 12.0,
            -1.0 / 120.0,
            1.0 / 252.0,
            -1.0 / 240.0,
            1.0 / 132.0,
            -691.0 / 32760.0,
            1.0 / 12.0,
            -3617.0 / 8160.0,
        ];
        let y = 1.0 / x;
        let y2 = y * y;
        return x.ln() - (0.5 * y + y2 * polynomial(&SERIES, y2));
    }
    // On [1, 2]: (x − x₀)·P(x−1)/Q(x−1), x₀ the zero of ψ in two parts. P/Q interpolates ψ(x)/(x − x₀) at
    // the Chebyshev points, computed with 80 digits (`tests/reference/generate.py --digamma`); 0.25 units.
    const ZERO: (f64, f64) = (1.4616321449683622, 9.549995429965697e-17);
    const P: [f64; 6] = [
        1.2503801375034054,
        1.7811904023777358,
        0.8563282382526716,
        0.1674321822097703,
        0.012282771527360986,
        0.00022205476047991614,
    ];
    const Q: [f64; 7] = [
        1.0,
        2.108065926448982,
        1.5240244625242985,
        0.4784894928792091,
        0.06589990402253255,
        0.0034081071889811372,
        3.918857595782627e-05,
    ];
    let central = |x: f64, t: f64| ((x - ZERO.0) - ZERO.1) * (polynomial(&P, t) / polynomial(&Q, t));
    if x < 1.0 {
        return central(x + 1.0, x) - 1.0 / x; // DLMF 5.5.2: ψ(x+1) = ψ(x) + 1/x
    }
    let mut x = x;
    let mut sum = 0.0;
    while x > 2.0 {
        x -= 1.0;
        sum += 1.0 / x;
    }
    central(x, x - 1.0) + sum
}

/// The polygamma function `ψ⁽ⁿ⁾`, the `n`-th derivative of [`digamma`]; 20 units for n ≤ 40, absolute near
/// its zeros (those of even `n`, on the negative axis). Beyond n = 170 it loses about `n·ln n` units.
///
/// For `x > 0`, `ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹ n! ζ(n+1, x)` with Hurwitz' zeta function, `Σ (x+k)^−(n+1)` (DLMF
/// 5.15.1, 25.11.12). For `x < 0` the same sum, split where `x + k` changes sign, is three such zetas with
/// positive arguments, known exactly. Poles: +∞ for odd `n`; for even `n` NaN, but the right infinity at ±0.
pub fn polygamma(n: u32, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    let odd = n % 2 == 1;
    let signed = |y: f64| if odd { y } else { -y };
    if x > 0.0 {
        return signed(scaled_zeta(n, x));
    }
    if x == 0.0 {
        return if odd { f64::INFINITY } else { -1.0 / x };
    }
    let f = -x - (-x).floor();
    if !x.is_finite() {
        return f64::NAN;
    }
    if f == 0.0 {
        return if odd { f64::INFINITY } else { f64::NAN };
    }
    let (near, far, right) = (scaled_zeta(n, f), scaled_zeta(n, 1.0 - x), scaled_zeta(n, 1.0 - f));
    // Where both overflow, the nearer pole decides the sign.
    let finite = |y: f64| y.min(f64::MAX);
    if odd {
        return right + (near - finite(far));
    }
    let difference = if f < 0.5 {
        finite(right) - near
    } else if f > 0.5 {
        right - finite(near)
    } else {
        0.0
    };
    if difference.is_infinite() { -difference } else { -(difference + far) }
}

/// `n! ζ(n+1, x)` for `x > 0`, `n ≥ 1`: terms up to a large `z = x + m`, then Euler and Maclaurin
/// (DLMF 5.15.8): `(n−1)!/zⁿ · (1 + n/(2z) + Σ B₂ₖ/(2k)! · n(n+1)…(n+2k−1)/z²ᵏ)`.
fn scaled_zeta(n: u32, x: f64) -> f64 {
    /// B₂ₖ/(2k)!
    const SERIES: [f64; 16] = [
        0.08333333333333333,
        -0.001388888888888889,
        3.306878306878307e-05,
        -8.267195767195768e-07,
        2.08767569878681e-08,
        -5.284190138687493e-10,
        1.3382536530684679e-11,
        -3.3896802963225827e-13,
        8.586062056277845e-15,
        -2.174868698558062e-16,
        5.5090028283602295e-18,
        -1.3954464685812522e-19,
        3.534707039629467e-21,
        -8.953517427037546e-23,
        2.267952452337683e-24,
        -5.744790668872202e-26,
    ];
    let order = f64::from(n);
    let tail = |z: f64| {
        let y = 1.0 / z;
        let mut rising = order * (order + 1.0) * y * y;
        let mut k = order + 1.0;
        let mut sum = 0.0;
        for b in SERIES {
            sum += b * rising;
            rising *= ((k + 1.0) * y) * ((k + 2.0) * y);
            k += 2.0;
        }
        1.0 + (0.5 * order * y + sum)
    };
    let large = 12.0 + 0.5 * order;
    if x >= large {
        return gamma_over_power(order, x) * tail(x);
    }
    // Relative to the first term, n!/xⁿ⁺¹, so that nothing overflows before the result does.
    let relative = |k: f64| (-(order + 1.0) * (k / x).ln_1p()).exp();
    let steps = (large - x).ceil();
    let z = x + steps;
    let mut sum = 0.0;
    let mut k = 1.0;
    while k < steps {
        let term = relative(k);
        sum += term;
        if term < 1e-20 {
            break; // and so small are all further terms together
        }
        k += 1.0;
    }
    sum += relative(steps) * (z / order) * tail(z);
    gamma_over_power(order + 1.0, x) * (1.0 + sum)
}

/// `Γ(s)/xˢ` for a whole number `s`.
fn gamma_over_power(s: f64, x: f64) -> f64 {
    if s <= 171.0 {
        let half = x.powf(-0.5 * s);
        libm::tgamma(s) * half * half
    } else {
        (libm::lgamma(s) - s * x.ln()).exp()
    }
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}
