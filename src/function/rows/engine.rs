//! A function that is run over rows, what a run has to do, and what comes of it.

use super::split::Split;
use crate::arena::set_aside;
use crate::function::Function;
use crate::function::error::{Counted, ReplayError};
use crate::graph::user_code;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Which derivatives are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::function) enum Wanted {
    /// Those of the shared inputs, of the sum over all rows.
    Sum,
    /// Those of all inputs, of each row.
    Each,
}

/// A function that is run over rows.
#[derive(Clone)]
pub(in crate::function) struct Engine {
    pub function: Arc<Function>,
    pub(super) split: Arc<Split>,
    /// The number of shared inputs.
    pub shared: usize,
    pub is_fast: bool,
    pub progress: Option<Arc<Progress>>,
    /// What runs the rows of a task instead of the lanes, if anything does.
    pub code: Option<Arc<dyn TaskCode>>,
}

/// Compiled code that runs rows.
pub(in crate::function) trait TaskCode: Send + Sync {
    /// Runs the rows of a task; `None` if the lanes are to do it.
    fn run(&self, job: &Job<'_>, rows: Range<usize>, out: &mut Out<'_>) -> Option<Sums>;
}

type Progress = dyn Fn(usize, usize) + Send + Sync;

impl Engine {
    pub(super) fn new(function: &Function, shared: usize) -> Engine {
        Engine {
            function: Arc::new(function.clone()),
            split: Arc::new(Split::new(&function.program, shared)),
            shared,
            is_fast: false,
            progress: None,
            code: None,
        }
    }

    /// The number of inputs that are a row.
    pub(in crate::function) fn row_len(&self) -> usize {
        self.function.inputs() - self.shared
    }

    /// Calls the progress callback of the user.
    pub(super) fn tell(&self, done: usize, all: usize) {
        if let Some(progress) = &self.progress {
            let _aside = set_aside();
            user_code("the progress callback", || progress(done, all));
        }
    }
}

/// A guard that got another answer.
#[derive(Clone, Copy, Debug)]
pub(in crate::function) struct Trip {
    pub row: usize,
    pub guard: usize,
}

/// What is done with a task's results.
pub(in crate::function) struct Out<'a> {
    /// The values of every output of every row, if they are wanted.
    pub values: &'a mut [f64],
    /// The gradient of every output of every row, if it is wanted.
    pub gradients: &'a mut [f64],
}

impl<'a> Out<'a> {
    /// Nothing but the sums.
    pub(super) fn nothing() -> Out<'a> {
        Out { values: &mut [], gradients: &mut [] }
    }

    /// The results of the first `rows` of `all` rows, and those of the others.
    pub(super) fn split(self, rows: usize, all: usize) -> (Out<'a>, Out<'a>) {
        let values = self.values.len() / all * rows;
        let (values, other_values) = self.values.split_at_mut(values);
        let gradients = self.gradients.len() / all * rows;
        let (gradients, other_gradients) = self.gradients.split_at_mut(gradients);
        (Out { values, gradients }, Out { values: other_values, gradients: other_gradients })
    }
}

/// The sums of the rows of a task, or of several.
#[derive(Default)]
pub(in crate::function) struct Sums {
    pub value: f64,
    /// The adjoints of the numbers that the rows share.
    pub totals: Vec<f64>,
    pub trips: Vec<Trip>,
}

impl Sums {
    pub(super) fn and(mut self, other: Sums) -> Sums {
        self.value += other.value;
        for (total, other) in self.totals.iter_mut().zip(other.totals) {
            *total += other;
        }
        self.trips.extend(other.trips);
        self
    }
}

/// A run over many rows.
pub(in crate::function) struct Job<'a> {
    pub rows: &'a Engine,
    /// The values of all that rows have in common, and those that they need of them.
    pub common: &'a [f64],
    pub numbers: &'a [f64],
    pub data: &'a [f64],
    pub wanted: Option<Wanted>,
    /// The rows of a task.
    pub size: usize,
    /// The rows that are done.
    pub done: AtomicUsize,
}

/// Checks both lengths and returns the number of rows.
pub(super) fn number_of_rows(
    (of_all, shared): (usize, usize),
    (data, row_len): (usize, usize),
) -> Result<usize, ReplayError> {
    Counted::Shared.check(of_all, shared)?;
    if !data.is_multiple_of(row_len) {
        Counted::Data.check(data, row_len)?;
    }
    Ok(data / row_len)
}
