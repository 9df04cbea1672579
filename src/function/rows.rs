//! A recorded function over many rows of data.
//!
//! What depends on the shared inputs only is computed once. The rest is run over sixteen rows at a time, by the evaluator that
//! runs it over one: a number of the program is one in sixteen [lanes](lanes::Lanes) then, one for each row, so that an operation is
//! found once for all of them and its arithmetic runs in vectors. The adjoints of what rows share are summed over all rows
//! before they are given on.
//!
//! The rows are cut into tasks, which compiled code may run instead.

mod block;
mod engine;
mod lanes;
mod many;
mod recorded;
mod run;
mod split;
mod task;
#[cfg(test)]
mod tests;

#[cfg(feature = "jit")]
pub(super) use engine::{Job, Out, Sums, TaskCode, Wanted};
pub use many::Rows;
pub use recorded::RecordedRows;
