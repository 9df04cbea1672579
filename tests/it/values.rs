//! A value is bit for bit what `f64` computes, whatever the input; and what a `Var` is as a Rust type.

mod functions;
mod operators;
mod slices;
mod types;

use scalargrad::{Op, Real, Var, dot, graph, log_sum_exp, norm, softmax, sum, weighted_sum};
use std::f64::consts::PI;
use std::hint::black_box;
use std::panic::catch_unwind;

/// Equal bits, any NaN for a NaN.
fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[track_caller]
fn assert_same(name: &str, args: &[f64], got: Var, expected: f64) {
    assert!(
        is_same(got.value(), expected),
        "{name} of {args:?}: {:e} ({:#x}), and f64 has {expected:e} ({:#x})",
        got.value(),
        got.value().to_bits(),
        expected.to_bits(),
    );
}

const SPECIAL: [f64; 30] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    2.5,
    3.0,
    -3.0,
    10.0,
    -7.25,
    1e-5,
    PI,
    700.0,
    -800.0,
    1e20,
    1e160,
    -1e160,
    1e-200,
    5e-324,
    -5e-324,
    1e-310,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// Random bits (SplitMix64).
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    }

    /// Any double at all, or one of moderate size, or a special one.
    fn double(&mut self) -> f64 {
        let bits = self.next();
        match self.next() % 8 {
            0..=2 => f64::from_bits(bits),
            3 | 4 => SPECIAL[bits as usize % SPECIAL.len()],
            5 => f64::from_bits(bits & !(0x7fe << 52)), // subnormal, or of the smallest normal
            _ => (bits >> 11) as f64 / (1u64 << 50) as f64 - 4.0,
        }
    }
}

fn points() -> Vec<f64> {
    let mut bits = Bits(1);
    let random = (0..2000).map(|_| bits.double());
    SPECIAL.into_iter().chain(random).collect()
}

fn pairs() -> Vec<(f64, f64)> {
    let mut bits = Bits(2);
    let special = SPECIAL.iter().flat_map(|&x| SPECIAL.map(|y| (x, y)));
    let random = (0..2000).map(|_| (bits.double(), bits.double()));
    special.chain(random.collect::<Vec<_>>()).collect()
}
