//! Random numbers for the drawing of programs.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Reason, TestRunner};
use std::ops::RangeInclusive;

/// SplitMix64, seeded by the test runner. It keeps this crate independent of the version of `rand` that proptest uses.
pub(super) struct Random(u64);

impl Random {
    pub fn new(runner: &mut TestRunner) -> Result<Random, Reason> {
        Ok(Random(proptest::num::u64::ANY.new_tree(runner)?.current()))
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    pub fn within(&mut self, range: &RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// A number in `−2 ..= 2`: a whole number of `parts` of one.
    pub fn decimal(&mut self, parts: usize) -> f64 {
        let k = self.below(4 * parts + 1) as f64 - 2.0 * parts as f64;
        k / parts as f64
    }
}
