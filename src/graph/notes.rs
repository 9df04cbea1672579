//! What the user gave to nodes, kept beside the tape: operations of their own, and the segments of checkpoints.

use crate::custom::CustomOp;
use crate::var::Var;
use std::rc::Rc;
use std::sync::Arc;

/// A user's own operation.
#[derive(Clone)]
pub(crate) struct Custom {
    pub label: Arc<str>,
    /// Absent for partials that were given as numbers.
    pub op: Option<Arc<dyn CustomOp>>,
}

/// What a checkpoint runs again: its outputs from its inputs.
pub(crate) type Segment = Rc<dyn Fn(&[Var]) -> Vec<Var>>;
