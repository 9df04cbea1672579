//! A run over all rows: what they have in common is computed once before them, and its derivatives once after them.

use super::engine::{Engine, Job, Out, Sums, Trip, Wanted};
use super::lanes::LANES;
use crate::function::evaluate::sweep_in_room;
use crate::function::scheduled::forward;
use crate::function::wide::are_finite;
use std::sync::atomic::AtomicUsize;

/// The operands of all rows of a task, which is worth a thread's while.
const TASK: usize = 1 << 18;

impl Engine {
    /// Runs all rows; those whose guards trip are listed, and add nothing to the sums. Returns the gradient of the shared
    /// inputs too, if the sum's is wanted.
    pub(super) fn run(&self, shared: &[f64], data: &[f64], wanted: Option<Wanted>, out: Out<'_>) -> (Sums, Vec<f64>) {
        let rows = data.len() / self.row_len();
        let mut gradient = vec![0.0; self.shared];
        if rows == 0 {
            return (Sums::default(), gradient);
        }
        let common = &self.split.common;
        let (program, mut values) = (&common.program, Vec::new());
        if let Err(guard) = forward(program, shared.iter().copied(), &mut values) {
            let guard = common.guards[guard];
            let trips = (0..rows).map(|row| Trip { row, guard }).collect();
            let sums = Sums { trips, ..Sums::default() };
            return (sums, gradient);
        }
        let numbers = program.schedule().outputs.iter();
        let numbers: Vec<f64> = numbers.map(|&k| values[k as usize]).collect();
        let operands = self.split.row.program.operands.len() + 1;
        let job = Job {
            rows: self,
            common: &values,
            numbers: &numbers,
            data,
            wanted,
            size: TASK.div_ceil(operands).next_multiple_of(LANES),
            done: AtomicUsize::new(0),
        };
        let mut sums = job.run(0..rows, out);
        // The trips of a block come in the order of the guards.
        sums.trips.sort_by_key(|trip| trip.row);
        if wanted == Some(Wanted::Sum) {
            let weights = sums.totals.iter().map(|&total| [total]).enumerate();
            sweep_in_room(program, &values, weights, |k, [w]| gradient[k] = w);
            if !are_finite(&gradient) {
                let whole = &self.function.program;
                whole.correct_gradient_of_sum(shared, data, &mut gradient);
            }
        }
        (sums, gradient)
    }
}
