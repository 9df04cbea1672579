//! Functions of any number of operands.

/// `Σ xᵢ·yᵢ`, added from the first to the last.
#[inline]
pub fn dot(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    pairs.map(|(x, y)| x * y).sum()
}

/// `√Σ xᵢ²`, scaled by a power of two so that no square overflows or vanishes.
pub fn norm(x: &[f64]) -> f64 {
    let high = x.iter().fold(0.0, |m, v| {
        if v.abs() > m || v.is_nan() {
            v.abs()
        } else {
            m
        }
    });
    if high == 0.0 || !high.is_finite() {
        return if x.iter().any(|v| v.is_nan()) {
            f64::NAN
        } else {
            high
        };
    }
    let (scale, back) = if high > 1e150 {
        (2f64.powi(-600), 2f64.powi(600))
    } else if high < 1e-130 {
        (2f64.powi(600), 2f64.powi(-600))
    } else {
        (1.0, 1.0)
    };
    x.iter()
        .map(|v| (v * scale) * (v * scale))
        .sum::<f64>()
        .sqrt()
        * back
}

/// `ln Σ exp xᵢ`; −∞ for no terms.
pub fn log_sum_exp(x: &[f64]) -> f64 {
    let Some(largest) = (0..x.len()).max_by(|&i, &j| x[i].total_cmp(&x[j])) else {
        return f64::NEG_INFINITY;
    };
    let high = x[largest];
    if high.is_infinite() {
        return if x.iter().any(|v| v.is_nan()) {
            f64::NAN
        } else {
            high
        };
    }
    let others = (0..x.len())
        .filter(|&i| i != largest)
        .map(|i| (x[i] - high).exp());
    high + others.sum::<f64>().ln_1p()
}
