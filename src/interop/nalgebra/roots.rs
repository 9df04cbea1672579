//! Even functions as functions of the square, which have all their derivatives at 0.
//!
//! Below a bound they are their series, which has no root in it; the bound is a comparison, and so a guard.

use nalgebra::RealField;

/// The sum of `coefficient(k)·s^k` for the given number of terms.
fn series<T: RealField + Copy>(s: T, terms: i32, coefficient: impl Fn(i32) -> f64) -> T {
    let term = |sum: T, k: i32| sum * s + nalgebra::convert(coefficient(k));
    (0..terms - 1).rev().fold(nalgebra::convert(coefficient(terms - 1)), term)
}

/// `(−1)^k / (2k + more)!`
fn alternating_factorial(k: i32, more: i32) -> f64 {
    let factorial: f64 = (1..=2 * k + more).map(f64::from).product();
    f64::from(1 - 2 * (k % 2)) / factorial
}

/// `cos √s`
pub(super) fn cos_root<T: RealField + Copy>(s: T) -> T {
    if s < T::one() { series(s, 11, |k| alternating_factorial(k, 0)) } else { s.sqrt().cos() }
}

/// `sin √s / √s`
pub(super) fn sinc_root<T: RealField + Copy>(s: T) -> T {
    if s < T::one() {
        series(s, 11, |k| alternating_factorial(k, 1))
    } else {
        let root = s.sqrt();
        root.sin() / root
    }
}

/// `sinh x / x`
#[track_caller]
pub(super) fn sinhc<T: RealField + Copy>(x: T) -> T {
    if x.abs() < T::one() { series(x * x, 11, |k| alternating_factorial(k, 1).abs()) } else { x.sinh() / x }
}

/// `atan2(√s, cos) / √s`.
pub(super) fn atan_root<T: RealField + Copy>(s: T, cos: T) -> T {
    let square_of_slope = s / (cos * cos);
    if square_of_slope < nalgebra::convert(0.03) {
        let alternating = |k: i32| f64::from(1 - 2 * (k % 2)) / f64::from(2 * k + 1);
        series(square_of_slope, 12, alternating) / cos
    } else {
        let root = s.sqrt();
        root.atan2(cos) / root
    }
}
