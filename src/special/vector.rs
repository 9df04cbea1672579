//! Functions of any number of operands.

use super::exp_sub;

/// `Σ xᵢ·yᵢ`, added from the first to the last.
#[inline]
pub fn dot(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    pairs.map(|(x, y)| x * y).sum()
}

/// `x/(x² + y²)`, and 0 at the origin; 4 units.
pub fn inversion(x: f64, y: f64) -> f64 {
    let d = x * x + y * y;
    if (1e-100..1e100).contains(&d) {
        return x / d;
    }
    // From the ratio of the operands, so that no square overflows or underflows.
    if x == 0.0 {
        return if y == 0.0 { 0.0 } else { x / y / y };
    }
    if x.abs() < y.abs() {
        let t = x / y;
        if t.abs() < f64::MIN_POSITIVE { x / (y * y) } else { t * 0.5 / y * (2.0 / (t * t + 1.0)) }
    } else {
        let t = y / x;
        (0.5 / x) * (2.0 / (t * t + 1.0))
    }
}

/// Operands of which a square would overflow or vanish are scaled by this or by its inverse: a power of two, which rounds nothing.
pub fn norm_scale() -> f64 {
    2f64.powi(600)
}

/// `√Σ xᵢ²`, scaled by a power of two where a square would overflow or vanish.
pub fn norm(x: impl Iterator<Item = f64> + Clone) -> f64 {
    let squares = |scale: f64| x.clone().map(|v| (v * scale) * (v * scale)).sum::<f64>();
    let plain = squares(1.0);
    if (1e-250..1e299).contains(&plain) {
        return plain.sqrt();
    }
    if x.clone().any(f64::is_nan) {
        return f64::NAN;
    }
    let largest = x.clone().fold(0.0, |m: f64, v| m.max(v.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    let (up, down) = (norm_scale(), norm_scale().recip());
    match largest > 1.0 {
        true => squares(down).sqrt() * up,
        false => squares(up).sqrt() * down,
    }
}

/// `ln Σ exp xᵢ`; −∞ for no terms.
pub fn log_sum_exp(x: impl Iterator<Item = f64> + Clone) -> f64 {
    log_sum_exp_with(x, |_, _| {}).0
}

/// `ln Σ exp xᵢ`, and the sum of the terms `exp(xᵢ − m)`, where `m` is the largest of `xᵢ`; the sum is NaN if `m` is
/// infinite. `each` gets every `i` with its term.
pub fn log_sum_exp_with(x: impl Iterator<Item = f64> + Clone, mut each: impl FnMut(usize, f64)) -> (f64, f64) {
    let largest = x.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() {
        let is_nan = x.clone().any(f64::is_nan);
        return (if is_nan { f64::NAN } else { largest }, f64::NAN);
    }
    let (mut others, mut is_met) = (0.0, false);
    for (i, v) in x.enumerate() {
        let e = exp_sub(v, largest);
        each(i, e);
        if v == largest && !is_met {
            is_met = true; // its term is the 1 in `ln_1p`
        } else {
            others += e;
        }
    }
    (largest + others.ln_1p(), 1.0 + others)
}
