//! A function that is run over rows.

use super::split::Split;
use crate::function::Function;
use crate::graph::user_code;
use std::sync::Arc;

/// Which derivatives are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// Those of the shared inputs, of the sum over all rows.
    Sum,
    /// Those of all inputs, of each row.
    Each,
}

/// A function that is run over rows.
#[derive(Clone)]
pub(super) struct Engine {
    pub function: Arc<Function>,
    pub split: Arc<Split>,
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
            split: Arc::new(Split::new(&function.program, shared)),
            shared,
            is_fast: false,
            progress: None,
        }
    }

    /// The number of inputs that are a row.
    pub(super) fn row_len(&self) -> usize {
        self.function.inputs() - self.shared
    }

    /// Tells the user how far it is.
    pub(super) fn tell(&self, done: usize, all: usize) {
        if let Some(progress) = &self.progress {
            user_code("the progress callback", || progress(done, all));
        }
    }
}
