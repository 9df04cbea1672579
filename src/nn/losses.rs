//! What training makes small: the loss of one sample each, and their mean.

use crate::real::Real;

/// The squared error of one output.
///
/// ```
/// assert_eq!(scalargrad::nn::squared(3.0, 1.0), 4.0);
/// ```
pub fn squared<T: Real>(output: T, target: f64) -> T {
    (output - target).powi(2)
}

/// The max-margin loss `max(0, 1 − side·score)` of one score; `side` is 1 or −1.
///
/// ```
/// use scalargrad::nn::hinge;
///
/// assert_eq!((hinge(0.25, 1.0), hinge(2.0, 1.0), hinge(2.0, -1.0)), (0.75, 0.0, 3.0));
/// ```
pub fn hinge<T: Real>(score: T, side: f64) -> T {
    (score * -side + 1.0).relu()
}

/// The cross-entropy `−ln softmax(scores)[class]` of one sample, without overflow on the way.
///
/// # Panics
///
/// If there is no such class.
///
/// ```
/// use scalargrad::nn::cross_entropy;
///
/// assert_eq!(cross_entropy(&[0.0, 0.0], 1), 2f64.ln());
/// assert_eq!(cross_entropy(&[1000.0, 0.0], 0), 0.0);
/// ```
#[track_caller]
pub fn cross_entropy<T: Real>(scores: &[T], class: usize) -> T {
    assert!(
        class < scores.len(),
        "scalargrad: nn: there are {} scores, from class 0 on, and none for class {class}",
        scores.len()
    );
    T::log_sum_exp(scores) - scores[class]
}

/// The mean, added from the first to the last.
///
/// # Panics
///
/// If there is nothing to take the mean of.
///
/// ```
/// assert_eq!(scalargrad::nn::mean([1.0, 2.0, 6.0]), 3.0);
/// ```
#[track_caller]
pub fn mean<T: Real>(losses: impl IntoIterator<Item = T>) -> T {
    let losses: Vec<T> = losses.into_iter().collect();
    assert!(!losses.is_empty(), "scalargrad: nn: the mean of no losses");
    let share = 1.0 / losses.len() as f64;
    losses.into_iter().sum::<T>() * share
}
