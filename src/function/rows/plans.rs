//! How a function is run over rows: its plans, and how rows are cut into tasks.

use super::super::Program;
use super::Rows;
use super::back::{Reverse, Wanted};
use super::block::Trip;
use super::plan::{Part, Plan, parts};
use super::task::{Job, LARGE, Out, Sums};
use crate::graph::user_code;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;

/// How a function is run over rows.
pub(super) struct Plans {
    parts: Vec<Part>,
    pub common: Plan,
    pub rows: Plan,
    /// Whether large blocks fit in the cache.
    pub is_large: bool,
    /// The rows of a task.
    pub task: usize,
    sum: OnceLock<Reverse>,
    each: Vec<OnceLock<Reverse>>,
}

/// The numbers of a large block that fit in the cache.
const CACHE: usize = 1 << 16;
/// The operations, over all rows, that are worth a thread's while.
const TASK: usize = 1 << 17;

impl Plans {
    pub(super) fn new(program: &Program, shared: usize) -> Plans {
        let parts = parts(program, shared);
        let common = Plan::new(program, &parts, Part::Common);
        let rows = Plan::new(program, &parts, Part::Row);
        let operations = rows.terms.len() + rows.steps.len() + 1;
        Plans {
            is_large: 2 * rows.slots * LARGE <= CACHE,
            task: (TASK / (operations * LARGE)).max(1) * LARGE,
            parts,
            common,
            rows,
            sum: OnceLock::new(),
            each: program.outputs.iter().map(|_| OnceLock::new()).collect(),
        }
    }
}

impl Rows {
    /// The reverse pass for one output.
    pub(super) fn reverse(&self, wanted: Wanted, output: usize) -> &Reverse {
        let plans = &self.plans;
        let cell = match wanted {
            Wanted::Sum => &plans.sum,
            Wanted::Each => &plans.each[output],
        };
        cell.get_or_init(|| {
            let program = &self.function.program;
            let output = program.outputs[output];
            let both = [&plans.rows, &plans.common];
            Reverse::new(program, &plans.parts, both, output, wanted)
        })
    }

    /// Tells the user how far it is.
    pub(super) fn tell(&self, done: usize, all: usize) {
        if let Some(progress) = &self.progress {
            user_code("the progress callback", || progress(done, all));
        }
    }

    /// Runs all rows; those whose guards trip are told of, and give nothing to the sums.
    pub(super) fn run(
        &self,
        shared: &[f64],
        data: &[f64],
        wanted: Option<Wanted>,
        out: Out<'_>,
    ) -> (Sums, Vec<f64>) {
        let rows = data.len() / self.row_len();
        let mut gradient = vec![0.0; self.shared];
        if rows == 0 {
            return (Sums::default(), gradient);
        }
        let common = self.common(shared, wanted);
        if let Some(guard) = common.trip {
            let trips = (0..rows).map(|row| Trip { row, guard }).collect();
            let sums = Sums {
                trips,
                ..Sums::default()
            };
            return (sums, gradient);
        }
        let job = Job {
            rows: self,
            common: &common,
            data,
            wanted,
            done: AtomicUsize::new(0),
        };
        let mut sums = job.run(0..rows, out);
        // Those of a block come in the order of the guards.
        sums.trips.sort_by_key(|trip| trip.row);
        if wanted == Some(Wanted::Sum) {
            gradient = self.finish(&common, &sums.totals);
        }
        (sums, gradient)
    }
}
