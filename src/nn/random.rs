//! Weights to start from.

/// Numbers that are evenly distributed between −1 and 1: weights to start from, the same for the same seed.
///
/// A constructor here takes any closure that draws numbers, so that another distribution is one line:
///
/// ```
/// use scalargrad::nn::{Activation, Layer, Module, uniform};
///
/// let mut draw = uniform(7);
/// let narrow = Layer::new(100, 10, Activation::Tanh, &mut || 0.1 * draw());
/// assert!(narrow.parameters().iter().all(|w| w.abs() <= 0.1));
/// ```
pub fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        // SplitMix64: https://prng.di.unimi.it/splitmix64.c
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 * 2f64.powi(-63) - 1.0
    }
}
