//! How a function is run over rows: its plans, and how rows are cut into tasks.

use super::super::{Function, Program};
use super::back::{Reverse, Wanted};
use super::plan::{Part, Plan, parts};
use super::room::LARGE;
use crate::graph::user_code;
use std::sync::{Arc, OnceLock};

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

/// A function that is run over rows.
#[derive(Clone)]
pub(super) struct Engine {
    pub function: Arc<Function>,
    pub plans: Arc<Plans>,
    /// The number of shared inputs.
    pub shared: usize,
    pub is_fast: bool,
    pub progress: Option<Arc<Progress>>,
}

type Progress = dyn Fn(usize, usize) + Send + Sync;

impl Engine {
    pub(super) fn new(function: &Function, shared: usize) -> Engine {
        Engine {
            function: Arc::new(function.clone()),
            plans: Arc::new(Plans::new(&function.program, shared)),
            shared,
            is_fast: false,
            progress: None,
        }
    }

    /// The number of inputs that are a row.
    pub(super) fn row_len(&self) -> usize {
        self.function.inputs() - self.shared
    }

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
}
