//! Which second partials of a row may differ from zero, read off the text of its partials.

use super::interpret::is_plain;
use crate::real::{Question, Real, incomparable, operators};
use crate::rows::{Kind, Op};
use crate::rules;
use std::fmt;

/// Calls `each` for every pair of operands `j <= k` whose second partial may differ from zero.
pub(crate) fn second_partials(
    op: Op,
    n: i32,
    count: usize,
    is_active: impl Fn(usize) -> bool,
    mut each: impl FnMut(usize, usize),
) {
    match op {
        Op::Sum => {}
        Op::Dot => (0..count).step_by(2).for_each(|k| {
            if is_active(k) && is_active(k + 1) {
                each(k, k + 1);
            }
        }),
        _ if op.kind() == Kind::Step => {}
        _ if is_plain(op) => {
            let mut args = [Dependence(0); 3];
            for (k, arg) in args[..count].iter_mut().enumerate() {
                *arg = Dependence((is_active(k) as u8) << k);
            }
            let z = Dependence::apply(Op::Sum, 0, &args);
            for j in (0..count).filter(|&j| is_active(j)) {
                let Dependence(on) = rules::partial(op, j, args, n, z, Dependence(0));
                (j..count)
                    .filter(|&k| on >> k & 1 == 1)
                    .for_each(|k| each(j, k));
            }
        }
        _ => {
            for j in (0..count).filter(|&j| is_active(j)) {
                (j..count)
                    .filter(|&k| is_active(k))
                    .for_each(|k| each(j, k));
            }
        }
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

    fn choose(
        self,
        question: Question,
        yes: impl FnOnce() -> Self,
        no: impl FnOnce() -> Self,
    ) -> Self {
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
