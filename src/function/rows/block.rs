//! A block of rows, one in each lane, through the program: values, guards, and the sweep from each output.

use super::engine::{Job, Out, Sums, Trip, Wanted};
use super::lanes::{AmongFinite, LANES, Lanes};
use crate::function::evaluate::sweep_in_room;
use crate::function::scheduled::{forward_from, reverse, reverse_inline};
use crate::function::wide::are_finite;
use crate::pull_back::is_zero;
use std::ops::Range;

impl Job<'_> {
    /// Writes the gradients of output `m` of some rows, one in each lane, from the adjoints of the numbers that all rows share, and
    /// of those of a row.
    pub(in crate::function) fn gradients<'a, const N: usize>(
        &self,
        m: usize,
        numbers: impl Iterator<Item = [f64; N]>,
        of_row: impl Iterator<Item = &'a [f64; N]> + Clone,
        gradients: &mut [f64],
    ) {
        let Job { rows, common, .. } = *self;
        let (inputs, outputs) = (rows.function.inputs(), rows.function.outputs());
        let gradients = gradients.chunks_exact_mut(inputs).skip(m).step_by(outputs);
        let mut of_shared = vec![[0.0; N]; rows.shared];
        let numbers = numbers.enumerate();
        sweep_in_room(&rows.split.common.program, common, numbers, |k, w| {
            of_shared[k] = w;
        });
        for (lane, gradient) in gradients.enumerate() {
            let (shared, row) = gradient.split_at_mut(rows.shared);
            let of_shared = shared.iter_mut().zip(&of_shared);
            of_shared.for_each(|(d, w)| *d = w[lane]);
            let of_row = row.iter_mut().zip(of_row.clone());
            of_row.for_each(|(d, w)| *d = w[lane]);
        }
    }
}

/// [`LANES`] rows at a time go through the program, one in each lane.
pub(super) struct Block<'a> {
    pub job: &'a Job<'a>,
    pub values: &'a mut [Lanes],
    /// Those of the numbers that all rows share are summed over the rows, if the gradient of the sum is wanted.
    pub adjoints: &'a mut [AmongFinite],
    pub is_careful: bool,
    /// The sum of the values, lane by lane.
    pub value: Lanes,
    pub sums: Sums,
}

impl Block<'_> {
    #[inline(always)]
    pub(super) fn run(&mut self, rows: Range<usize>, out: Out<'_>) {
        let half = &self.job.rows.split.row;
        let (program, schedule) = (&half.program, half.program.schedule());
        self.load(rows.clone());
        let mut is_live = std::array::from_fn(|lane| lane < rows.len());
        let trips = &mut self.sums.trips;
        let ended = forward_from(program, self.values, |check, values| {
            let guard = &program.guards[check.guard];
            let operands = check.operands.map(|k| values[k as usize]);
            let mut has_tripped = false;
            for (lane, is_live) in is_live.iter_mut().enumerate() {
                if *is_live && guard.trips(operands.map(|x| x.0[lane])) {
                    let (row, guard) = (rows.start + lane, half.guards[check.guard]);
                    trips.push(Trip { row, guard });
                    (*is_live, has_tripped) = (false, true);
                }
            }
            has_tripped && !overwrite_dead_lanes(&is_live, values)
        });
        if ended.is_err() {
            return;
        }
        // What the rows have in common is swept separately.
        let mut may_overflow = self.is_careful || !self.job.rows.split.common.program.nodes.is_empty();
        for (m, &output) in schedule.outputs.iter().enumerate() {
            let z = self.values[output as usize];
            if out.values.is_empty() {
                let live = |lane: usize| if is_live[lane] { z.0[lane] } else { -0.0 };
                self.value += Lanes(std::array::from_fn(live));
            } else {
                let values = out.values[m..].iter_mut().step_by(schedule.outputs.len());
                values.zip(z.0).for_each(|(value, z)| *value = z);
            }
            if let Some(wanted) = self.job.wanted {
                let seed = |lane: usize| f64::from(u8::from(is_live[lane]));
                let seed = Lanes(std::array::from_fn(seed));
                let inputs = program.inputs;
                if self.is_careful {
                    self.sweep_carefully(output as usize, seed);
                } else {
                    self.adjoints[output as usize].0 += seed;
                    reverse_inline(program, self.values, self.adjoints);
                    if wanted == Wanted::Each && !is_finite(&self.adjoints[..inputs]) {
                        may_overflow = true;
                        self.adjoints[..inputs].fill(AmongFinite::default());
                        self.sweep_carefully(output as usize, seed);
                    }
                }
                if wanted == Wanted::Each {
                    self.gradients(m, out.gradients);
                }
                self.adjoints[self.job.numbers.len()..inputs].fill(AmongFinite::default());
            }
        }
        if may_overflow && !are_finite(out.gradients) {
            self.correct(rows, out.gradients);
        }
    }

    /// Corrects the gradients of these rows that are not finite.
    #[cold]
    #[inline(never)]
    fn correct(&self, rows: Range<usize>, gradients: &mut [f64]) {
        let (engine, outputs) = (self.job.rows, self.job.rows.function.outputs());
        let shared = &self.job.common[..engine.shared];
        let data = self.job.data.chunks_exact(engine.row_len());
        let gradients = gradients.chunks_exact_mut(engine.function.inputs() * outputs);
        for (row, gradients) in data.skip(rows.start).zip(gradients) {
            let x = [shared, row].concat();
            for (m, gradient) in gradients.chunks_exact_mut(x.len()).enumerate() {
                if !are_finite(gradient) {
                    engine.function.program.correct_gradient_at(&x, m, gradient);
                }
            }
        }
    }

    /// Sweeps from an output, where factors may be infinite or NaN.
    #[cold]
    #[inline(never)]
    fn sweep_carefully(&mut self, output: usize, seed: Lanes) {
        let program = &self.job.rows.split.row.program;
        let mut adjoints: Vec<Lanes> = self.adjoints.iter().map(|w| w.0).collect();
        adjoints[output] += seed;
        reverse(program, &*self.values, &mut adjoints);
        let inputs = self.adjoints[..program.inputs].iter_mut();
        inputs.zip(adjoints).for_each(|(to, w)| to.0 = w);
    }

    /// Writes the numbers of the rows to the lanes; the lanes without a row get the first one once more.
    #[inline(always)]
    fn load(&mut self, rows: Range<usize>) {
        let (job, len) = (self.job, self.job.rows.row_len());
        let data = &job.data[rows.start * len..rows.end * len];
        for (k, x) in self.values[job.numbers.len()..][..len].iter_mut().enumerate() {
            *x = data[k].into();
            for (x, row) in x.0.iter_mut().zip(data.chunks_exact(len)) {
                *x = row[k];
            }
        }
    }

    /// Takes the adjoints of the shared numbers and gives them on, and writes the gradients of output `m` of all rows.
    #[inline(never)]
    fn gradients(&mut self, m: usize, gradients: &mut [f64]) {
        let row_inputs = self.job.rows.split.row.program.inputs;
        let (numbers, of_row) = self.adjoints[..row_inputs].split_at_mut(self.job.numbers.len());
        let numbers = numbers.iter_mut().map(|w| std::mem::take(w).0.0);
        let of_row = of_row.iter().map(|w| &w.0.0);
        self.job.gradients(m, numbers, of_row, gradients);
    }
}

/// Whether all lanes of all adjoints are finite.
#[inline(always)]
fn is_finite(adjoints: &[AmongFinite]) -> bool {
    let mut zero = Lanes::default();
    for w in adjoints {
        zero += w.0 * 0.0;
    }
    is_zero(&zero.0)
}

/// Makes the lanes that are not live copies of one that is, so that nothing is computed that the closure would not have
/// computed. Returns whether there is one.
#[inline(never)]
fn overwrite_dead_lanes(is_live: &[bool; LANES], values: &mut [Lanes]) -> bool {
    let Some(healthy) = is_live.iter().position(|&is_live| is_live) else {
        return false;
    };
    for lane in (0..LANES).filter(|&lane| !is_live[lane]) {
        values.iter_mut().for_each(|x| x.0[lane] = x.0[healthy]);
    }
    true
}
