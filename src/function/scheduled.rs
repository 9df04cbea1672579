//! The evaluator: a program, in the order that its [`Schedule`] gives, over any kind of number.
//!
//! Forward a run is one loop that fills its results from their operands. In reverse it is one loop that takes the adjoint
//! of each result and adds what it contributes to the adjoints of the operands. The loops of `+ − × ÷`, of sums and of sums of
//! products are here; every other operation goes through [`value`] and [`pull_back`], one at a time.
//!
//! Whoever takes an adjoint leaves a zero in its place. So the adjoints of a program are zero before and after a sweep,
//! and nothing has to clear them.

use super::buffers::room;
use super::one_by_one::{Number, partials, value};
use super::program::Program;
use super::schedule::{Check, Form, Run};
use crate::pull_back::{Adjoints, pull_back};
use crate::real::Piecewise;
use smallvec::SmallVec;

/// Fills `values` from the inputs; stops at the first guard whose answer is another now, and
/// returns its place.
pub(crate) fn forward<T: Number>(
    program: &Program,
    inputs: impl Iterator<Item = T>,
    values: &mut Vec<T>,
) -> Result<(), usize> {
    let values = begin(program, inputs, values);
    forward_from(program, values, |check, values| {
        let operands = check.operands.map(|k| values[k as usize].value());
        program.guards[check.guard].trips(operands)
    })
}

/// Fills all `values` but those of inputs and constants, which are there; stops at the first guard that `trips`, and returns
/// its place.
#[inline(always)]
pub(crate) fn forward_from<T: Number>(
    program: &Program,
    values: &mut [T],
    mut trips: impl FnMut(&Check, &mut [T]) -> bool,
) -> Result<(), usize> {
    let schedule = program.schedule();
    let mut done = 0;
    for check in &schedule.checks {
        for run in &schedule.runs[done..check.after] {
            fill(program, run, values);
        }
        done = check.after;
        if trips(check, values) {
            return Err(check.guard);
        }
    }
    for run in &schedule.runs[done..] {
        fill(program, run, values);
    }
    Ok(())
}

/// As [`forward`] at `x`, over the same numbers with tangents. What only guards ask for gets none: that is computed beforehand,
/// in `plain`.
pub(crate) fn forward_along<T: Number>(
    program: &Program,
    x: &[f64],
    inputs: impl Iterator<Item = T>,
    plain: &mut Vec<f64>,
    values: &mut Vec<T>,
) -> Result<(), usize> {
    let schedule = program.schedule();
    if schedule.is_all_reached {
        return forward(program, inputs, values);
    }
    forward(program, x.iter().copied(), plain)?;
    let values = begin(program, inputs, values);
    for run in schedule.runs.iter().filter(|run| run.is_reached) {
        fill(program, run, values);
    }
    Ok(())
}

/// Room for the values of all numbers, with those of the inputs and the constants.
#[inline(always)]
fn begin<'a, T: Number>(program: &Program, inputs: impl Iterator<Item = T>, values: &'a mut Vec<T>) -> &'a mut [T] {
    let values = room(values, program.schedule().len);
    let (of_inputs, others) = values.split_at_mut(program.inputs);
    of_inputs.iter_mut().zip(inputs).for_each(|(value, x)| *value = x);
    for (value, &c) in others.iter_mut().zip(&program.constants) {
        *value = T::from(c);
    }
    others[program.constants.len()] = T::from(1.0);
    values
}

/// The results of a run.
#[inline(always)]
fn fill<T: Number>(program: &Program, run: &Run, values: &mut [T]) {
    let operands = program.schedule().operands(run);
    let (known, results) = values.split_at_mut(run.start);
    let results = &mut results[..run.count as usize];
    match run.form {
        Form::Add => each(known, results, operands, |[a, b]| a + b),
        Form::Sub => each(known, results, operands, |[a, b]| a - b),
        Form::Mul => each(known, results, operands, |[a, b]| a * b),
        Form::Div => each(known, results, operands, |[a, b]| a / b),
        Form::Neg => each(known, results, operands, |[a]| -a),
        Form::TermPlusProduct => each(known, results, operands, |[s, a, b]| s + a * b),
        Form::ProductPlusProduct => each(known, results, operands, |[a, b, c, d]| a * b + c * d),
        Form::TermMinusProduct => each(known, results, operands, |[s, a, b]| s - a * b),
        Form::ProductMinusTerm => each(known, results, operands, |[a, b, s]| a * b - s),
        Form::ProductMinusProduct => each(known, results, operands, |[a, b, c, d]| a * b - c * d),
        Form::OneOperand => T::fill_unary(run.op, run.n, known, results, operands),
        Form::Products { plain } => fill_sums(run, plain, known, results, operands),
        Form::Other => fill_any(program, run, known, results, operands),
    }
}

/// Fills the results of operations of `N` operands.
#[inline(always)]
fn each<T: Number, const N: usize>(known: &[T], results: &mut [T], operands: &[u32], compute: impl Fn([T; N]) -> T) {
    for (result, operands) in results.iter_mut().zip(operands.as_chunks().0) {
        *result = compute(at(known, operands));
    }
}

/// The numbers at these indices.
#[inline(always)]
fn at<T: Number, const N: usize>(known: &[T], indices: &[u32; N]) -> [T; N] {
    let mut numbers = [known[indices[0] as usize]; N];
    // A loop, as in `fill_sums`.
    for (number, &k) in numbers.iter_mut().zip(indices) {
        *number = known[k as usize];
    }
    numbers
}

/// Sums of numbers, and then of products.
#[inline(always)]
fn fill_sums<T: Number>(run: &Run, plain: u32, known: &[T], results: &mut [T], operands: &[u32]) {
    let get = |k: u32| known[k as usize];
    let operands = operands.chunks_exact(run.arity as usize);
    for (result, operands) in results.iter_mut().zip(operands) {
        let (terms, pairs) = operands.split_at(plain as usize);
        // Loops, as a fold is a function that is not compiled for the caller's processor.
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

/// The results of operations of any number of operands.
#[inline(never)]
fn fill_any<T: Number>(program: &Program, run: &Run, known: &[T], results: &mut [T], operands: &[u32]) {
    let schedule = program.schedule();
    let operands = operands.chunks_exact(run.arity as usize);
    for (result, operands) in results.iter_mut().zip(operands) {
        let args: SmallVec<[T; 8]> = operands.iter().map(|&k| known[k as usize]).collect();
        let is_active = |k: usize| schedule.is_active(operands[k]);
        *result = value(&program.customs, run.op, run.n, &args, &is_active);
    }
}

/// Adds to the adjoints of the inputs what those of the outputs contribute, through all runs; leaves zeros behind,
/// except at the inputs.
pub(crate) fn reverse<T: Number, W: Adjoints<T>>(program: &Program, values: &[T], adjoints: &mut [W]) {
    reverse_inline(program, values, adjoints);
}

/// The same, compiled into the caller for the processor that it is compiled for.
#[inline(always)]
pub(crate) fn reverse_inline<T: Number, W: Adjoints<T>>(program: &Program, values: &[T], adjoints: &mut [W]) {
    let schedule = program.schedule();
    let values = &values[..schedule.len];
    let adjoints = &mut adjoints[..schedule.len];
    for run in schedule.runs.iter().rev().filter(|run| run.is_reached) {
        contribute(program, run, values, adjoints);
    }
    adjoints[schedule.inputs as usize..schedule.first as usize].fill(W::zero());
}

/// What the results of a run contribute to the adjoints of their operands.
#[inline(always)]
fn contribute<T: Number, W: Adjoints<T>>(program: &Program, run: &Run, values: &[T], adjoints: &mut [W]) {
    let operands = program.schedule().operands(run);
    let (adjoints, results) = adjoints.split_at_mut(run.start);
    let results = &mut results[..run.count as usize];
    let partials = run.partials.map(|partials| (&values[partials.start..], partials.is_negated));
    let (known, values) = values.split_at(run.start);
    let mut back = Back { known, adjoints, is_first_active: run.is_first_active, is_last_active: run.is_last_active };
    // No closures for these, as a closure is not compiled for the caller's processor where it is not inlined.
    let times = W::times_factor;
    match run.form {
        Form::Add => back.each(results, operands, |w, _| [w, w]),
        Form::Sub => back.each(results, operands, |w, _| [w, w.negated()]),
        Form::Neg => back.each(results, operands, |w, _| [w.negated()]),
        Form::Mul => back.each(results, operands, |w, [a, b]| [times(w, b), times(w, a)]),
        Form::TermPlusProduct => back.each(results, operands, |w, [_, a, b]| [w, times(w, b), times(w, a)]),
        Form::ProductPlusProduct => {
            back.each(results, operands, |w, [a, b, c, d]| [times(w, b), times(w, a), times(w, d), times(w, c)])
        }
        Form::TermMinusProduct => {
            back.each(results, operands, |w, [_, a, b]| [w, times(w.negated(), b), times(w.negated(), a)])
        }
        Form::ProductMinusTerm => back.each(results, operands, |w, [a, b, _]| [times(w, b), times(w, a), w.negated()]),
        Form::ProductMinusProduct => back.each(results, operands, |w, [a, b, c, d]| {
            [times(w, b), times(w, a), times(w.negated(), d), times(w.negated(), c)]
        }),
        Form::OneOperand => match partials {
            Some((partials, false)) => back.by_partials((partials, values), results, operands, |w| w),
            Some((partials, true)) => back.by_partials((partials, values), results, operands, W::negated),
            None => T::give_unary(run.op, run.n, known, (values, results), operands, back.adjoints),
        },
        Form::Products { plain } => back.sums(run, plain, results, operands),
        Form::Div | Form::Other => {
            let results = (values, results);
            contribute_any(program, run, results, operands, known, back.adjoints);
        }
    }
}

/// What a sweep through a run has at hand.
struct Back<'a, T, W> {
    known: &'a [T],
    adjoints: &'a mut [W],
    is_first_active: bool,
    is_last_active: bool,
}

impl<T: Number, W: Adjoints<T>> Back<'_, T, W> {
    #[inline(always)]
    fn add(&mut self, k: u32, contribution: W) {
        self.adjoints[k as usize].add(contribution);
    }

    /// Adds what operations of one operand contribute to it, by partials that another run has computed.
    #[inline(always)]
    fn by_partials(&mut self, of: (&[T], &[T]), results: &mut [W], operands: &[u32], sign: impl Fn(W) -> W) {
        let (partials, values) = of;
        for (((w, &p), &z), &k) in results.iter_mut().zip(partials).zip(values).zip(operands) {
            let w = w.take();
            if !w.is_absent() {
                self.add(k, sign(w).times(p.unless_nan(z)));
            }
        }
    }

    /// Adds what operations of `N` operands contribute to these: `shares` says what, of the adjoint and the operands.
    #[inline(always)]
    fn each<const N: usize>(&mut self, results: &mut [W], operands: &[u32], shares: impl Fn(W, [T; N]) -> [W; N]) {
        let (first, last) = (self.is_first_active, self.is_last_active);
        if W::IS_WIDE {
            let is_active = |place| (first || place != 0) && (last || place != N - 1);
            return self.some(results, operands, shares, is_active);
        }
        // A loop for each, without a question for each operand.
        match (first, last) {
            (true, true) => self.some(results, operands, shares, |_| true),
            (true, false) => self.some(results, operands, shares, |place| place != N - 1),
            (false, true) => self.some(results, operands, shares, |place| place != 0),
            (false, false) => {
                let is_active = |place| place != 0 && place != N - 1;
                self.some(results, operands, shares, is_active);
            }
        }
    }

    /// As [`each`](Back::each), to the operands at the places that are active.
    #[inline(always)]
    fn some<const N: usize>(
        &mut self,
        results: &mut [W],
        operands: &[u32],
        shares: impl Fn(W, [T; N]) -> [W; N],
        is_active: impl Fn(usize) -> bool,
    ) {
        for (w, operands) in results.iter_mut().zip(operands.as_chunks::<N>().0) {
            let w = w.take();
            if w.is_absent() {
                continue;
            }
            let given = shares(w, at(self.known, operands));
            for (place, (&k, given)) in operands.iter().zip(given).enumerate() {
                if is_active(place) {
                    self.add(k, given);
                }
            }
        }
    }

    /// Adds what sums contribute to their terms, and to the factors of products.
    #[inline(always)]
    fn sums(&mut self, run: &Run, plain: u32, results: &mut [W], operands: &[u32]) {
        let operands = operands.chunks_exact(run.arity as usize);
        for (w, operands) in results.iter_mut().zip(operands) {
            let w = w.take();
            if w.is_absent() {
                continue;
            }
            let (terms, pairs) = operands.split_at(plain as usize);
            for &k in terms {
                self.add(k, w);
            }
            for &[a, b] in pairs.as_chunks::<2>().0 {
                let [x, y] = at(self.known, &[a, b]);
                self.add(a, w.times_factor(y));
                if run.is_last_active {
                    self.add(b, w.times_factor(x));
                }
            }
        }
    }
}

/// Adds what operations of any number of operands contribute to these.
#[inline(never)]
fn contribute_any<T: Number, W: Adjoints<T>>(
    program: &Program,
    run: &Run,
    (values, results): (&[T], &mut [W]),
    operands: &[u32],
    known: &[T],
    adjoints: &mut [W],
) {
    let schedule = program.schedule();
    let operands = operands.chunks_exact(run.arity as usize);
    for ((w, &z), operands) in results.iter_mut().zip(values).zip(operands) {
        let w = w.take();
        if w.is_absent() {
            continue;
        }
        let Run { op, n, .. } = *run;
        let args: SmallVec<[T; 8]> = operands.iter().map(|&k| known[k as usize]).collect();
        let is_active = |k: usize| schedule.is_active(operands[k]);
        let is_given = |lane| !w.is_absent_in(lane);
        let partials = || partials(&program.customs, op, n, &args, &is_active, z, &is_given);
        let add = |k: usize, share: W| adjoints[operands[k] as usize].add(share);
        pull_back(op, args.len(), |k| args[k], w, partials, is_active, add);
    }
}
