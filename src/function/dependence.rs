//! Which second partials of a row may differ from zero, read off the text of its partials.

use super::one_by_one::is_plain;
use crate::real::{Question, Real, incomparable, operators};
use crate::rows::{Kind, Op};
use crate::rules;
use std::fmt;
use std::ops::Range;

/// Calls `each` for every pair of active operands `j <= k`, of which the first is one of `some`.
pub(crate) fn pairs(
    count: usize,
    some: Range<usize>,
    is_active: impl Fn(usize) -> bool,
    mut each: impl FnMut(usize, usize),
) {
    for j in some.filter(|&j| is_active(j)) {
        (j..count).filter(|&k| is_active(k)).for_each(|k| each(j, k));
    }
}

/// Calls `each` for those of the [`pairs`] whose second partial may differ from zero. It is an operation that has a rule.
pub(crate) fn second_partials(
    op: Op,
    n: i32,
    count: usize,
    some: Range<usize>,
    is_active: impl Fn(usize) -> bool,
    mut each: impl FnMut(usize, usize),
) {
    if !is_plain(op) {
        return pairs(count, some, is_active, each);
    }
    let args = std::array::from_fn(|k| Dependence(u8::from(k < count && is_active(k)) << k));
    let z = Dependence::apply(Op::Sum, 0, &args);
    for j in some.filter(|&j| is_active(j)) {
        let Dependence(on) = rules::partial(op, j, args, n, z, Dependence(0));
        (j..count).filter(|&k| on >> k & 1 == 1).for_each(|k| each(j, k));
    }
}

/// The set of operands that an expression depends on smoothly, a bit for each. It has no value, so it is less than,
/// equal to and greater than nothing.
#[derive(Clone, Copy, Debug)]
struct Dependence(u8);

impl Real for Dependence {
    fn apply(op: Op, _: i32, operands: &[Self]) -> Self {
        match op.kind() {
            Kind::Step => Dependence(0),
            _ => Dependence(operands.iter().fold(0, |all, x| all | x.0)),
        }
    }

    fn choose(self, question: Question, yes: impl FnOnce() -> Self, no: impl FnOnce() -> Self) -> Self {
        match question {
            Question::Nan => no(), // where there is no derivative there is no pattern
            _ => yes() + no(),
        }
    }
}
operators!(by apply Dependence);

impl From<f64> for Dependence {
    fn from(_: f64) -> Self {
        Dependence(0)
    }
}

impl From<Dependence> for f64 {
    fn from(_: Dependence) -> f64 {
        f64::NAN
    }
}

impl fmt::Display for Dependence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:b}", self.0)
    }
}

incomparable!(Dependence);
