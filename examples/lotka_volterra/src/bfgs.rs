//! The method of Broyden, Fletcher, Goldfarb and Shanno, with steps that are shortened where the model overflows.

use std::array;

pub struct Minimum<const N: usize> {
    pub at: [f64; N],
    pub value: f64,
    /// How often the function was computed.
    pub evaluations: usize,
}

/// Minimises `f`, which gives a value and a gradient, from `x` on.
pub fn minimise<const N: usize>(mut f: impl FnMut(&[f64; N]) -> (f64, Vec<f64>), x: [f64; N]) -> Minimum<N> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let identity: [[f64; N]; N] = array::from_fn(|i| array::from_fn(|j| f64::from(i == j)));
    let (mut x, mut inverse, mut evaluations) = (x, identity, 1);
    let (mut value, mut gradient) = f(&x);
    for _ in 0..500 {
        let mut direction: [f64; N] = array::from_fn(|i| -dot(&inverse[i], &gradient));
        if dot(&direction, &gradient) >= 0.0 {
            (inverse, direction) = (identity, array::from_fn(|i| -gradient[i]));
        }
        let slope = dot(&direction, &gradient);
        // No coordinate, which is a logarithm, moves by more than a half at once.
        let longest = direction.iter().map(|d| d.abs()).fold(0.0, f64::max);
        let mut length = f64::min(1.0, 0.5 / longest);
        let (next, there) = loop {
            let next = array::from_fn(|i| x[i] + length * direction[i]);
            let there = f(&next);
            evaluations += 1;
            if there.0 <= value + 1e-4 * length * slope {
                break (next, there);
            }
            length *= 0.5;
            if length < 1e-12 {
                return Minimum { at: x, value, evaluations };
            }
        };
        let s: [f64; N] = array::from_fn(|i| next[i] - x[i]);
        let y: [f64; N] = array::from_fn(|i| there.1[i] - gradient[i]);
        let curvature = dot(&s, &y);
        if curvature > 0.0 {
            let hy: [f64; N] = array::from_fn(|i| dot(&inverse[i], &y));
            let factor = (1.0 + dot(&y, &hy) / curvature) / curvature;
            for i in 0..N {
                for j in 0..N {
                    inverse[i][j] += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / curvature;
                }
            }
        }
        (x, value, gradient) = (next, there.0, there.1);
        if gradient.iter().all(|g| g.abs() < 1e-9) {
            break;
        }
    }
    Minimum { at: x, value, evaluations }
}
