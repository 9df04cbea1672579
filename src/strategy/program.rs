//! A random program: its evaluation, and how its operands are fitted into the domains.

use super::rows::{ROOM, Range, Row};
use crate::real::Real;

/// How far the operands of a kinked operation keep from the kink at a point where a program is checked.
const REACH: f64 = 0.05;

/// A differentiable program: operations on inputs, constants and each other's results.
///
/// The strategies of this [module](super) make it. It is defined and finite, with moderate values, for all inputs in
/// `−2.5 ..= 2.5` (points are within 2, so that finite differences have room): an operand that could leave
/// the domain of its operation is scaled and shifted into it. (Ranges are found by sampling: among some
/// hundred thousand long programs with jumps there is one that steps out.) A program that was drawn with a point has
/// no kink nearby, and a [smooth](super::Programs::smooth) one has none at all.
///
/// It prints as Rust to paste, in several lines with `{:#}`:
///
/// ```
/// use proptest::prelude::*;
/// use scalargrad::{gradient, strategy};
///
/// let f = strategy::programs().operations(1..=1);
/// proptest!(|(f in f, x in strategy::points(3))| {
///     let x = &x[..f.inputs()];
///     prop_assert!(f.to_string().starts_with("|x: &[Var]| ")); // such as `|x: &[Var]| x[0].sin()`
///     prop_assert!(f.evaluate(x).is_finite());
///     prop_assert!(gradient(|x| f.evaluate(x), x)[0].is_finite());
/// });
/// ```
#[derive(Clone)]
pub struct Program {
    pub(super) inputs: usize,
    pub(super) steps: Vec<Step>,
}

/// One operation.
#[derive(Clone)]
pub(super) struct Step {
    pub row: &'static Row,
    pub n: i32,
    pub operands: Vec<Operand>,
}

/// Where a number comes from.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Source {
    Constant(f64),
    Input(usize),
    Step(usize),
}

impl Source {
    /// The number, from the inputs and the values of operations; `None` for an operation that has none yet.
    fn number<T: Real>(self, x: &[T], values: &[Option<T>]) -> Option<T> {
        match self {
            Source::Constant(c) => Some(T::from(c)),
            Source::Input(i) => Some(x[i]),
            Source::Step(j) => values[j],
        }
    }
}

impl Step {
    /// The operands, from the inputs and the values of the operations before.
    fn numbers<T: Real>(&self, x: &[T], values: &[Option<T>]) -> Vec<T> {
        let number = |k: &Operand| k.apply(k.source.number(x, values).expect("it is known"));
        self.operands.iter().map(number).collect()
    }
}

/// `source · scale + shift`.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub source: Source,
    pub scale: f64,
    pub shift: f64,
}

impl Operand {
    pub fn plain(source: Source) -> Operand {
        Operand { source, scale: 1.0, shift: 0.0 }
    }

    /// An operand that is scaled and shifted from its range into another one.
    pub fn fitted(source: Source, from: Range, to: Range) -> Operand {
        let plain = Operand::plain(source);
        if to.0 <= from.0 && from.1 <= to.1 {
            return plain;
        }
        if let Source::Constant(c) = source {
            let share = ((c + ROOM) / (2.0 * ROOM)).clamp(0.0, 1.0);
            let fitted = to.0 + share * (to.1 - to.0);
            return Operand::plain(Source::Constant(hundredths(fitted)));
        }
        let scale = two_digits(((to.1 - to.0) / (from.1 - from.0)).min(1.0));
        let (low, high) = (from.0 * scale, from.1 * scale);
        // Rounded so that the result stays inside.
        let shift = if low < to.0 {
            hundredths(to.0 - low + 0.005)
        } else if high > to.1 {
            hundredths(to.1 - high - 0.005)
        } else {
            0.0
        };
        Operand { scale, shift, ..plain }
    }

    pub fn map(self, (low, high): Range) -> Range {
        (low * self.scale + self.shift, high * self.scale + self.shift)
    }

    fn apply<T: Real>(self, x: T) -> T {
        match (self.scale == 1.0, self.shift == 0.0) {
            (true, true) => x,
            (true, false) => x + self.shift,
            (false, true) => x * self.scale,
            (false, false) => x * self.scale + self.shift,
        }
    }

    pub fn is_plain(self) -> bool {
        self.scale == 1.0 && self.shift == 0.0
    }
}

fn hundredths(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// A number in `0 ..= 1` rounded down to two digits.
fn two_digits(x: f64) -> f64 {
    let mut parts = 10.0;
    while x * parts < 10.0 {
        parts *= 10.0;
    }
    (x * parts - 0.5).round() / parts
}

impl Program {
    /// The latest operation, or an input where there is none.
    pub(super) fn output(&self) -> Source {
        match self.steps.len().checked_sub(1) {
            Some(last) => Source::Step(last),
            None => Source::Input(0),
        }
    }

    /// Drops what the output does not depend on.
    pub(super) fn prune(&mut self) {
        let mut is_live = vec![false; self.steps.len()];
        for j in (0..self.steps.len()).rev() {
            is_live[j] |= self.output() == Source::Step(j);
            if !is_live[j] {
                continue;
            }
            for x in &self.steps[j].operands {
                if let Source::Step(operand) = x.source {
                    is_live[operand] = true;
                }
            }
        }
        let mut live = is_live.iter();
        self.steps.retain(|_| live.next() == Some(&true));
        for x in self.steps.iter_mut().flat_map(|step| &mut step.operands) {
            if let Source::Step(j) = &mut x.source {
                *j = is_live[..*j].iter().filter(|&&is_live| is_live).count();
            }
        }
    }

    /// The number of inputs.
    ///
    /// ```
    /// use proptest::prelude::*;
    ///
    /// proptest!(|((f, x) in scalargrad::strategy::program_at_point())| {
    ///     prop_assert_eq!(f.inputs(), x.len());
    /// });
    /// ```
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of operations, apart from those that scale and shift an operand into a domain.
    ///
    /// ```
    /// use proptest::prelude::*;
    ///
    /// proptest!(|(f in scalargrad::strategy::programs())| {
    ///     prop_assert!((1..=12).contains(&f.operations()));
    /// });
    /// ```
    pub fn operations(&self) -> usize {
        self.steps.len()
    }

    /// The output at `x`, over any number type.
    ///
    /// # Panics
    ///
    /// If `x` does not have a number for each input.
    ///
    /// ```
    /// use proptest::prelude::*;
    /// use scalargrad::{Var, strategy};
    ///
    /// proptest!(|((f, x) in strategy::program_at_point())| {
    ///     let variables: Vec<Var> = x.iter().map(|&x| Var::new(x)).collect();
    ///     prop_assert_eq!(f.evaluate(&variables), f.evaluate(&x));
    /// });
    /// ```
    #[track_caller]
    pub fn evaluate<T: Real>(&self, x: &[T]) -> T {
        self.evaluate_by(x, |_| 0)
    }

    /// The output at `x`, with the operations in an order of the caller's choice.
    ///
    /// `pick(k)` says which of the `k` operations whose operands are known comes next, by a number
    /// below `k`; what else it does happens between two operations.
    ///
    /// # Panics
    ///
    /// If `x` does not have a number for each input, or `pick` gives no number below `k`.
    ///
    /// ```
    /// use proptest::prelude::*;
    /// use scalargrad::{Var, gradient, strategy};
    ///
    /// proptest!(|((f, x) in strategy::program_at_point())| {
    ///     let last_first = gradient(|x| f.evaluate_by(x, |k| {
    ///         Var::new(1.0).sin(); // of no concern to the output
    ///         k - 1
    ///     }), &x);
    ///     for (a, b) in last_first.iter().zip(gradient(|x| f.evaluate(x), &x)) {
    ///         prop_assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()));
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn evaluate_by<T: Real>(&self, x: &[T], mut pick: impl FnMut(usize) -> usize) -> T {
        assert_eq!(x.len(), self.inputs, "scalargrad: a program of {} inputs", self.inputs);
        let mut values = vec![None; self.steps.len()];
        let mut waiting: Vec<usize> = (0..self.steps.len()).collect();
        while !waiting.is_empty() {
            let is_ready = |&j: &usize| {
                let mut operands = self.steps[j].operands.iter();
                operands.all(|operand| operand.source.number(x, &values).is_some())
            };
            let ready: Vec<usize> = (0..waiting.len()).filter(|&place| is_ready(&waiting[place])).collect();
            let next = waiting.remove(ready[pick(ready.len())]);
            let step = &self.steps[next];
            values[next] = Some(step.row.value(step.n, &step.numbers(x, &values)));
        }
        self.output().number(x, &values).expect("all operations are done")
    }

    /// Whether it is smooth around `x`, so that finite differences can check it there.
    ///
    /// Judged by plain numbers only: if derivatives were used, a wrong one could exclude the programs that show it.
    pub(super) fn can_be_checked_at(&self, x: &[f64]) -> bool {
        let mut values = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let operands = step.numbers(x, &values);
            let z = step.row.value(step.n, &operands);
            if !z.is_finite() || !step.row.is_smooth_at(step.n, &operands, REACH) {
                return false;
            }
            values.push(Some(z));
        }
        let slope = |i: usize, h: f64| {
            let at = |x_i: f64| {
                let mut x = x.to_vec();
                x[i] = x_i;
                self.evaluate(&x)
            };
            (at(x[i] + h) - at(x[i] - h)) / (2.0 * h)
        };
        (0..x.len()).all(|i| {
            let (coarse, fine) = (slope(i, 2e-3), slope(i, 1e-3));
            if fine == 0.0 {
                return [coarse, slope(i, 0.0314), slope(i, 0.271)] == [0.0; 3];
            }
            (1e-3..1e4).contains(&fine.abs()) && (coarse - fine).abs() <= 0.01 * (1.0 + fine.abs())
        })
    }
}
