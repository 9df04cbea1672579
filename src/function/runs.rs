//! The evaluator: a program, in the order that its [`Schedule`] gives, over any kind of number.
//!
//! Forward a run is one loop that fills its results from their operands. In reverse it is one loop that takes the adjoint
//! of each result and adds what it gives to the adjoints of the operands. The loops of `+ − × ÷`, of sums and of sums of
//! products stand here; every other operation goes through [`value`] and [`pull_back`], one at a time.
//!
//! Where a sum or a difference has products for terms, its adjoint goes through two pull-backs at once: to the term, and from it to
//! the factors.
//!
//! Whoever takes an adjoint leaves a zero in its place. So the adjoints of a program are zero before and after a sweep,
//! and nothing has to clear them.

use super::interpret::{Number, partials, value};
use super::program::Program;
use super::schedule::{Form, Run, Schedule};
use crate::pull_back::pull_back;
use crate::rows::Op;
use smallvec::SmallVec;
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
        let operands = check.operands.map(|k| values[k as usize].value());
        if program.guards[check.guard].trips(operands) {
            return Err(check.guard);
        }
    }
    for run in &schedule.runs[done..] {
        fill(program, schedule, run, values);
    }
    Ok(())
}

/// Calls `$call::<_, N, LEFT, IS_DIFFERENCE>` for the terms of a run: of `N` factors, the first `LEFT` are the left one.
macro_rules! by_terms {
    ($terms:expr, $call:ident $arguments:tt) => {
        match $terms {
            (1, 1, false) => by_terms!(@2 1 false $call $arguments),
            (1, 1, true) => by_terms!(@2 1 true $call $arguments),
            (1, 2, false) => by_terms!(@3 1 false $call $arguments),
            (1, 2, true) => by_terms!(@3 1 true $call $arguments),
            (2, 0, _) => by_terms!(@2 2 false $call $arguments),
            (2, 1, _) => by_terms!(@3 2 true $call $arguments),
            (_, _, false) => by_terms!(@4 2 false $call $arguments),
            (_, _, true) => by_terms!(@4 2 true $call $arguments),
        }
    };
    (@$n:literal $left:literal $is_difference:literal $call:ident ($($argument:expr),*)) => {
        $call::<_, $n, $left, $is_difference>($($argument),*)
    };
}

/// The results of a run.
#[inline(always)]
fn fill<T: Number>(program: &Program, schedule: &Schedule, run: &Run, values: &mut [T]) {
    let (known, results) = values.split_at_mut(run.start as usize);
    let results = &mut results[..run.count as usize];
    let operands = &schedule.operands[run.operands as usize..];
    match run.form {
        Form::Terms {
            left,
            right,
            is_difference,
        } => by_terms!(
            (left, right, is_difference),
            fill_terms(known, results, operands)
        ),
        Form::Div => fill_each(known, results, operands, |[a, b]| a / b),
        Form::Neg => fill_each(known, results, operands, |[a]| -a),
        Form::OneOperand => T::fill_unary(run.op, run.n, known, results, operands),
        Form::Sum | Form::Products { .. } | Form::Other => {
            fill_any(program, schedule, run, known, results);
        }
    }
}

/// Fills the results of operations of `N` operands.
#[inline(always)]
fn fill_each<T: Number, const N: usize>(
    known: &[T],
    results: &mut [T],
    operands: &[u32],
    compute: impl Fn([T; N]) -> T,
) {
    for (result, operands) in results.iter_mut().zip(operands.as_chunks().0) {
        *result = compute(operands.map(|k| known[k as usize]));
    }
}

#[inline(always)]
fn fill_terms<T: Number, const N: usize, const LEFT: usize, const IS_DIFFERENCE: bool>(
    known: &[T],
    results: &mut [T],
    operands: &[u32],
) {
    let term = |factors: &[T]| match *factors {
        [a, b] => a * b,
        _ => factors[0],
    };
    fill_each(known, results, operands, |x: [T; N]| {
        let (left, right) = x.split_at(LEFT);
        match right {
            [] => term(left),
            right if IS_DIFFERENCE => term(left) - term(right),
            right => term(left) + term(right),
        }
    });
}

/// The results of operations of any number of operands.
#[inline(never)]
fn fill_any<T: Number>(
    program: &Program,
    schedule: &Schedule,
    run: &Run,
    known: &[T],
    results: &mut [T],
) {
    let get = |k: u32| known[k as usize];
    for (place, result) in results.iter_mut().enumerate() {
        let operands = schedule.operands(run, place);
        *result = match run.form {
            Form::Sum => operands.iter().map(|&k| get(k)).sum(),
            Form::Products { plain } => {
                let (terms, pairs) = operands.split_at(plain as usize);
                let sum = terms.iter().fold(T::from(-0.0), |sum, &k| sum + get(k));
                let pairs = pairs.as_chunks().0.iter();
                pairs.fold(sum, |sum, &[a, b]| sum + get(a) * get(b))
            }
            _ => {
                let args: SmallVec<[T; 4]> = operands.iter().map(|&k| get(k)).collect();
                let is_active = |k: usize| schedule.is_active(operands[k]);
                value(&program.customs, run.op, run.n, &args, &is_active)
            }
        };
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
    match run.form {
        Form::Terms {
            left,
            right,
            is_difference,
        } => by_terms!(
            (left, right, is_difference),
            give_terms(&mut back, results, operands)
        ),
        Form::Neg => back.each(results, operands, |w, _: [T; 1]| [-w]),
        Form::OneOperand => {
            let values = &values[run.start as usize..];
            T::give_unary(
                run.op,
                run.n,
                known,
                (values, results),
                operands,
                back.adjoints,
            );
        }
        Form::Sum | Form::Products { .. } | Form::Div | Form::Other => {
            let values = &values[run.start as usize..];
            back.any(program, schedule, run, (values, results));
        }
    }
}

/// What sums and differences of two terms give to the factors of these.
#[inline(always)]
fn give_terms<T: Number, const N: usize, const LEFT: usize, const IS_DIFFERENCE: bool>(
    back: &mut Back<'_, T>,
    results: &mut [T],
    operands: &[u32],
) {
    let op = if IS_DIFFERENCE { Op::Sub } else { Op::Add };
    back.each(results, operands, |w, x: [T; N]| {
        let mut shares = [w; N];
        let terms = if LEFT < N { 2 } else { 1 };
        give_each(
            op,
            terms,
            |_| T::default(),
            w,
            |term, w| {
                let (start, end) = if term == 0 { (0, LEFT) } else { (LEFT, N) };
                let of_term = |k: usize, share: T| shares[start + k] = share;
                match end - start {
                    1 => give_each(Op::Sum, 1, |_| w, w, of_term),
                    _ => give_each(Op::Mul, 2, |k| x[start + k], w, of_term),
                }
            },
        );
        shares
    });
}

/// The pull-back through arithmetic, to all operands.
#[inline(always)]
fn give_each<T: Number>(
    op: Op,
    count: usize,
    x: impl Fn(usize) -> T,
    w: T,
    give: impl FnMut(usize, T),
) {
    pull_back(op, count, x, w, || [None; 2], |_| true, give);
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
            if w.is_absent() {
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

    /// Adds what operations of any number of operands give to them.
    #[inline(never)]
    fn any(
        &mut self,
        program: &Program,
        schedule: &Schedule,
        run: &Run,
        (values, results): (&[T], &mut [T]),
    ) {
        let known = self.known;
        for (place, (w, &z)) in results.iter_mut().zip(values).enumerate() {
            let w = take(w);
            if w.is_absent() {
                continue;
            }
            let operands = schedule.operands(run, place);
            match run.form {
                Form::Sum => give_each(
                    Op::Sum,
                    operands.len(),
                    |_| w,
                    w,
                    |k, share| {
                        self.add(operands[k], share);
                    },
                ),
                Form::Products { plain } => {
                    let (terms, pairs) = operands.split_at(plain as usize);
                    give_each(
                        Op::Sum,
                        terms.len(),
                        |_| w,
                        w,
                        |k, share| self.add(terms[k], share),
                    );
                    let x = |k: usize| known[pairs[k] as usize];
                    let is_wanted = |k: usize| k.is_multiple_of(2) || run.is_last_active;
                    let add = |k: usize, share| self.add(pairs[k], share);
                    pull_back(Op::Dot, pairs.len(), x, w, || [None; 2], is_wanted, add);
                }
                _ => {
                    let Run { op, n, .. } = *run;
                    let args: SmallVec<[T; 4]> =
                        operands.iter().map(|&k| known[k as usize]).collect();
                    let is_active = |k: usize| schedule.is_active(operands[k]);
                    let partials = || partials(&program.customs, op, n, &args, &is_active, z);
                    let add = |k: usize, share: T| self.add(operands[k], share);
                    pull_back(op, args.len(), |k| args[k], w, partials, is_active, add);
                }
            }
        }
    }
}
