//! The evaluator: a program, in the order that its [`Schedule`] gives, over any kind of number.
//!
//! Forward a run is one loop that fills its results from their operands. In reverse it is one loop that takes the adjoint
//! of each result and adds what it gives to the adjoints of the operands. The loops of `+ − × ÷`, of sums and of sums of
//! products stand here; every other operation goes through [`value`] and [`pull_back`], one at a time.
//!
//! Whoever takes an adjoint leaves a zero in its place. So the adjoints of a program are zero before and after a sweep,
//! and nothing has to clear them.

use super::interpret::{Number, is_plain, pull_back, value};
use super::program::Program;
use super::schedule::{Form, Run, Schedule};
use crate::rows::{Kind, Op};
use std::mem::take;

/// Fills `values` from the inputs; stops at the first guard whose answer is another now, and
/// returns its place.
pub(crate) fn forward<T: Number>(
    program: &Program,
    inputs: impl Iterator<Item = T>,
    values: &mut Vec<T>,
) -> Result<(), usize> {
    let schedule = program.schedule();
    if values.len() < schedule.len {
        values.resize(schedule.len, T::default());
    }
    let values = &mut values[..schedule.len];
    let constants = program.constants.iter().chain(&[1.0]);
    let known = inputs.chain(constants.map(|&c| T::from(c)));
    for (value, x) in values.iter_mut().zip(known) {
        *value = x;
    }
    let mut done = 0;
    for check in &schedule.checks {
        for run in &schedule.runs[done..check.after] {
            fill(program, schedule, run, values);
        }
        done = check.after;
        let [a, b] = check.operands.map(|k| values[k as usize].value());
        let guard = &program.guards[check.guard];
        if guard.comparison.answer(a, b) != guard.answer {
            return Err(check.guard);
        }
    }
    for run in &schedule.runs[done..] {
        fill(program, schedule, run, values);
    }
    Ok(())
}

/// The results of a run.
#[inline(always)]
fn fill<T: Number>(program: &Program, schedule: &Schedule, run: &Run, values: &mut [T]) {
    let (known, results) = values.split_at_mut(run.start as usize);
    let results = &mut results[..run.count as usize];
    let operands = &schedule.operands[run.operands as usize..];
    match (run.form, run.op) {
        (Form::Node, Op::Add) => each(known, results, operands, |[a, b]| a + b),
        (Form::Node, Op::Sub) => each(known, results, operands, |[a, b]| a - b),
        (Form::Node, Op::Mul) => each(known, results, operands, |[a, b]| a * b),
        (Form::Node, Op::Div) => each(known, results, operands, |[a, b]| a / b),
        (Form::Node, Op::Neg) => each(known, results, operands, |[a]| -a),
        (Form::Products { plain: 1 }, _) if run.arity == 3 => {
            each(known, results, operands, |[s, a, b]| s + a * b)
        }
        (Form::Products { plain: 0 }, _) if run.arity == 4 => {
            each(known, results, operands, |[a, b, c, d]| a * b + c * d)
        }
        (Form::Difference { left: 1, .. }, _) => {
            each(known, results, operands, |[s, a, b]| s - a * b)
        }
        (Form::Difference { right: 1, .. }, _) => {
            each(known, results, operands, |[a, b, s]| a * b - s)
        }
        (Form::Difference { .. }, _) => {
            each(known, results, operands, |[a, b, c, d]| a * b - c * d)
        }
        (Form::Node, op) if run.arity == 1 && is_plain(op) => {
            T::fill_unary(op, run.n, known, results, operands)
        }
        _ if run.arity > 0 => {
            let operands = operands.chunks_exact(run.arity as usize);
            fill_any(
                program,
                schedule,
                run,
                known,
                results.iter_mut().zip(operands),
            );
        }
        _ => {
            let operands = std::iter::repeat(&[][..]);
            fill_any(
                program,
                schedule,
                run,
                known,
                results.iter_mut().zip(operands),
            );
        }
    }
}

/// Fills the results of operations of `N` operands.
#[inline(always)]
fn each<T: Number, const N: usize>(
    known: &[T],
    results: &mut [T],
    operands: &[u32],
    compute: impl Fn([T; N]) -> T,
) {
    for (result, operands) in results.iter_mut().zip(operands.as_chunks().0) {
        *result = compute(operands.map(|k| known[k as usize]));
    }
}

#[inline(never)]
fn fill_any<'a, T: Number>(
    program: &Program,
    schedule: &Schedule,
    run: &Run,
    known: &[T],
    nodes: impl Iterator<Item = (&'a mut T, &'a [u32])>,
) {
    let get = |k: u32| known[k as usize];
    match (run.form, run.op) {
        (Form::Products { plain }, _) => {
            for (result, operands) in nodes {
                let (terms, pairs) = operands.split_at(plain as usize);
                let mut sum = T::from(-0.0);
                for &k in terms {
                    sum += get(k);
                }
                for &[a, b] in pairs.as_chunks().0 {
                    sum += get(a) * get(b);
                }
                *result = sum;
            }
        }
        (_, Op::Sum) => {
            for (result, operands) in nodes {
                *result = operands.iter().map(|&k| get(k)).sum();
            }
        }
        (_, op) => {
            for (result, operands) in nodes {
                let is_active = |k: usize| schedule.is_active(operands[k]);
                *result = value(program, op, run.n, operands, get, &is_active);
            }
        }
    }
}

/// Adds to the adjoints of the inputs what those of the outputs give them, through all runs; leaves zeros behind,
/// except at the inputs.
pub(crate) fn reverse<T: Number>(program: &Program, values: &[T], adjoints: &mut [T]) {
    let schedule = program.schedule();
    let values = &values[..schedule.len];
    let adjoints = &mut adjoints[..schedule.len];
    for run in schedule.runs.iter().rev() {
        give(program, schedule, run, values, adjoints);
    }
    adjoints[schedule.inputs as usize..schedule.first as usize].fill(T::default());
}

/// What the results of a run give to the adjoints of their operands.
#[inline(always)]
fn give<T: Number>(
    program: &Program,
    schedule: &Schedule,
    run: &Run,
    values: &[T],
    adjoints: &mut [T],
) {
    let (adjoints, results) = adjoints.split_at_mut(run.start as usize);
    let results = &mut results[..run.count as usize];
    let known = &values[..run.start as usize];
    let operands = &schedule.operands[run.operands as usize..];
    let mut back = Back {
        known,
        adjoints,
        is_first_active: run.is_first_active,
        is_last_active: run.is_last_active,
    };
    match (run.form, run.op) {
        (Form::Node, Op::Add) => back.each(results, operands, |w, _| [w, w]),
        (Form::Node, Op::Sub) => back.each(results, operands, |w, _| [w, -w]),
        (Form::Node, Op::Mul) => back.each(results, operands, |w, [a, b]| [w.times(b), w.times(a)]),
        (Form::Node, Op::Neg) => back.each(results, operands, |w, _| [-w]),
        (Form::Products { plain: 1 }, _) if run.arity == 3 => {
            back.each(results, operands, |w, [_, a, b]| {
                [w, w.times(b), w.times(a)]
            })
        }
        (Form::Products { plain: 0 }, _) if run.arity == 4 => {
            back.each(results, operands, |w, [a, b, c, d]| {
                [w.times(b), w.times(a), w.times(d), w.times(c)]
            })
        }
        (Form::Difference { left: 1, .. }, _) => back.each(results, operands, |w, [_, a, b]| {
            [w, (-w).times(b), (-w).times(a)]
        }),
        (Form::Difference { right: 1, .. }, _) => back.each(results, operands, |w, [a, b, _]| {
            [w.times(b), w.times(a), -w]
        }),
        (Form::Difference { .. }, _) => back.each(results, operands, |w, [a, b, c, d]| {
            [w.times(b), w.times(a), (-w).times(d), (-w).times(c)]
        }),
        _ if run.op.kind() == Kind::Step => results.fill(T::default()),
        (Form::Node, op) if run.arity == 1 && is_plain(op) => {
            let values = &values[run.start as usize..];
            T::give_unary(op, run.n, known, (values, results), operands, back.adjoints)
        }
        _ if run.arity > 0 => {
            let results_values = &values[run.start as usize..][..run.count as usize];
            let operands = operands.chunks_exact(run.arity as usize);
            let nodes = results.iter_mut().zip(results_values).zip(operands);
            back.any(program, schedule, run, nodes);
        }
        _ => {}
    }
}

/// What a sweep through a run has at hand.
struct Back<'a, T> {
    known: &'a [T],
    adjoints: &'a mut [T],
    is_first_active: bool,
    is_last_active: bool,
}

impl<T: Number> Back<'_, T> {
    #[inline(always)]
    fn add(&mut self, k: u32, contribution: T) {
        self.adjoints[k as usize] += contribution;
    }

    /// Adds what operations of `N` operands give to them: `shares` says what, of the adjoint and the operands.
    #[inline(always)]
    fn each<const N: usize>(
        &mut self,
        results: &mut [T],
        operands: &[u32],
        shares: impl Fn(T, [T; N]) -> [T; N],
    ) {
        match (self.is_first_active, self.is_last_active) {
            (true, true) => self.some::<N, true, true>(results, operands, shares),
            (true, false) => self.some::<N, true, false>(results, operands, shares),
            (false, true) => self.some::<N, false, true>(results, operands, shares),
            (false, false) => self.some::<N, false, false>(results, operands, shares),
        }
    }

    /// As [`each`](Back::each), without what would go to a first or last operand that is a constant.
    #[inline(always)]
    fn some<const N: usize, const FIRST: bool, const LAST: bool>(
        &mut self,
        results: &mut [T],
        operands: &[u32],
        shares: impl Fn(T, [T; N]) -> [T; N],
    ) {
        for (w, operands) in results.iter_mut().zip(operands.as_chunks::<N>().0) {
            let w = take(w);
            if w.is_zero() {
                continue;
            }
            let given = shares(w, operands.map(|k| self.known[k as usize]));
            for (place, (&k, given)) in operands.iter().zip(given).enumerate() {
                if (FIRST || place != 0) && (LAST || place != N - 1) {
                    self.add(k, given);
                }
            }
        }
    }

    #[inline(never)]
    fn any<'b>(
        &mut self,
        program: &Program,
        schedule: &Schedule,
        run: &Run,
        nodes: impl Iterator<Item = ((&'b mut T, &'b T), &'b [u32])>,
    ) {
        let known = self.known;
        let get = |k: u32| known[k as usize];
        for ((w, &z), operands) in nodes {
            let w = take(w);
            if w.is_zero() {
                continue;
            }
            match (run.form, run.op) {
                (Form::Products { plain }, _) => {
                    let (terms, pairs) = operands.split_at(plain as usize);
                    for &k in terms {
                        self.add(k, w);
                    }
                    let pairs = pairs.as_chunks::<2>().0;
                    if self.is_last_active {
                        for &[a, b] in pairs {
                            let (to_a, to_b) = (w.times(get(b)), w.times(get(a)));
                            self.add(a, to_a);
                            self.add(b, to_b);
                        }
                    } else {
                        for &[a, b] in pairs {
                            self.add(a, w.times(get(b)));
                        }
                    }
                }
                (_, Op::Sum) => operands.iter().for_each(|&k| self.add(k, w)),
                (_, op) => {
                    let is_active = |k: usize| schedule.is_active(operands[k]);
                    pull_back(
                        program,
                        op,
                        run.n,
                        operands,
                        get,
                        &is_active,
                        z,
                        w,
                        |k, g| self.add(k, g),
                    );
                }
            }
        }
    }
}
