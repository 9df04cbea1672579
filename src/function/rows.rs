//! A recorded function over many rows of data.
//!
//! Rows go through the program a block at a time: each number of the program has a slot with a lane for each row of the
//! block, so that a step is found once for all of them and its arithmetic runs in vectors. What depends on the shared
//! inputs only is computed once, and its adjoints are summed over all rows before they are given on.

mod back;
mod block;
mod common;
mod lanes;
mod many;
mod plan;
mod plans;
mod recorded;
mod room;
mod run;
mod stamped;
mod sums;
mod table_rows;
mod task;
#[cfg(test)]
mod tests;

pub use many::Rows;
pub use recorded::RecordedRows;
