//! The partials of powers, roots and logarithms.

use crate::real::{Piecewise, Real};
use std::f64::consts::LN_2;

const INF: f64 = f64::INFINITY;
/// A power between these two stays in the normal range when it is multiplied by any logarithm.
const SMALL: f64 = 1e-290;
const LARGE: f64 = 1e300;

#[inline]
pub(super) fn powi_dx<T: Real>(x: T, n: i32, z: T) -> T {
    match n {
        0 => T::from(0.0),
        1 => T::from(1.0),
        // `powi` multiplies n − 2 times and rounds each time; beyond 8 `powf` is more accurate.
        2..=8 => x.powi(n - 1) * f64::from(n),
        _ => powf_dx(x, T::from(f64::from(n)), z),
    }
}

/// `1/x`, and `∞` at both zeros.
pub(super) fn reciprocal<T: Real>(x: T) -> T {
    x.at(0.0, || x.recip() * x.recip(), || x.recip())
}

/// `−log_b x / (b ln b)`.
pub(super) fn log_db<T: Real>(x: T, b: T, z: T) -> T {
    let plain = || -((z / b.ln()) / b);
    // At a small base the second derivative has two terms of different signs that overflow. Both are written with 1/b
    // instead, scaled by a power of two into the middle of the range.
    let by_reciprocal = || {
        let (power, scale) = (512.0, 2f64.powi(512));
        let r = (b * scale).recip();
        let ln = -(r.ln() + power * LN_2);
        -(x.ln() / ln / ln * r * scale)
    };
    // At a base of 0 it is as infinite as `ln x ln b`, and 0 for x = 1.
    let of_small = || b.at(0.0, || x.ln().xlogy(b), by_reciprocal);
    b.below(1e-150, of_small, plain)
}

/// `1/√(x² − 1)`. At 1 both factors are infinite, or none: 0 × ∞ would make the second derivative NaN.
pub(super) fn acosh_dx<T: Real>(x: T) -> T {
    let (below, above) = (x - 1.0, x + 1.0);
    let plain = || (below.sqrt() * above.sqrt()).recip();
    below.at(0.0, || below.powf(-0.5) * above.powf(-0.5), plain)
}

/// `y xʸ⁻¹`. The plain form serves where `y − 1` is exact, and at `x = 0`, where it is right at every order. Elsewhere it
/// is `y z/x`. Where the power is not in the normal range, it is the product of two powers with half the exponent.
pub(super) fn powf_dx<T: Real>(x: T, y: T, z: T) -> T {
    let m = y - 1.0;
    let plain = || y.at(0.0, || y, || y * x.powf(m));
    // The same values, in a form whose derivative by y is the limit too, that of `(1 + y ln x) xʸ⁻¹`.
    let at_zero = || {
        let from_one = || m.at(0.0, || m.xlogy(x).exp(), || y * x.powf(m));
        let positive = || m.below(0.0, || x.powf(m), from_one);
        y.below(0.0, plain, || y.at(0.0, || -y.xlogy(x), positive))
    };
    let halved = |exponent: T, sign: T| {
        let h = x.abs().powf(exponent * 0.5);
        (y * h, h.copysign(sign))
    };
    // y z/x, in an order in which no intermediate result overflows or underflows.
    let from_result = || {
        let by_halves = || {
            let (yh, h) = halved(y, z);
            yh * (h / x)
        };
        let of_large = || y.within(1.0, || y / x * z, || y * (z / x));
        let of_normal = || z.within(1.0, || y * z / x, of_large);
        z.within(SMALL, by_halves, || z.within(LARGE, of_normal, by_halves))
    };
    let exact = || {
        let p = x.powf(m);
        let by_halves = || {
            let (yh, h) = halved(m, p);
            yh * h
        };
        // At y = 0 the derivatives by x are 0, and not 0 × ∞.
        let of_large = || y.at(0.0, || y / x * z, || p.within(LARGE, || y * p, by_halves));
        let not_small = || p.within(1e90, || y * p, of_large);
        // The power 1 is exact, and of its root the second derivative overflows.
        let of_small = || m.at(1.0, || y * p, by_halves);
        p.within(SMALL, of_small, not_small)
    };
    x.at(0.0, at_zero, || {
        let is_exact = || (m + 1.0 - y).at(0.0, || (y - m - 1.0).at(0.0, exact, from_result), from_result);
        let beyond = || x.abs().at(INF, || y * x.powf(m), plain);
        x.within(INF, is_exact, beyond)
    })
}

/// `xʸ ln x`.
pub(super) fn powf_dy<T: Real>(x: T, y: T, z: T) -> T {
    let product = || {
        let by_halves = || {
            let h = x.powf(y * 0.5);
            // The derivative of this with respect to x has h · (h/x), where h² might be subnormal.
            (h * h.xlogy(x)).unless_nan(x.ln())
        };
        z.within(SMALL, by_halves, || z.below(LARGE, || z * x.ln(), by_halves))
    };
    let m = y - 1.0;
    x.at(
        0.0,
        // 0, in forms whose derivative by x is the limit, that of `(1 + y ln x) xʸ⁻¹`.
        || {
            let not_above_one = || y.at(0.0, || x.sqrt(), || -x.sqrt());
            let not_negative = || (-m).below(0.0, || T::from(0.0), not_above_one);
            y.below(0.0, product, not_negative)
        },
        || x.at(INF, || y.below(0.0, || T::from(0.0), product), product),
    )
}
