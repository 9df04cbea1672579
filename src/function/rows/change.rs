//! What rows may refuse.

use super::super::error::BranchChange;
use std::fmt;

/// The rows in which a comparison would get another answer.
///
/// ```
/// use scalargrad::{Function, function::ReplayError};
///
/// let f = Function::record(&[1.0, 2.0], |x| if x[1] < 0.0 { -x[1] } else { x[0] * x[1] });
/// let error = f.over_rows(1).values(&[1.0], &[3.0, -1.0, 4.0, -2.0]).unwrap_err();
/// let ReplayError::BranchChangedInRows(change) = error else { unreachable!() };
/// assert_eq!(change.rows(), [1, 3]);
/// assert_eq!(change.first().operands(), [-1.0, 0.0]);
/// assert!(change.to_string().starts_with("2 rows take another branch (1, 3): in the first one, the comparison"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RowsChange {
    rows: Vec<usize>,
    first: BranchChange,
}

/// The rows whose places a message tells.
const TOLD: usize = 10;

impl RowsChange {
    pub(super) fn new(rows: Vec<usize>, first: BranchChange) -> RowsChange {
        RowsChange { rows, first }
    }

    /// The places of all these rows, in rising order.
    ///
    /// ```
    /// use scalargrad::{Function, function::ReplayError};
    ///
    /// let f = Function::record(&[1.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let error = f.over_rows(0).values(&[], &[3.0, -1.0]).unwrap_err();
    /// let ReplayError::BranchChangedInRows(change) = error else { unreachable!() };
    /// assert_eq!(change.rows(), [1]);
    /// ```
    #[must_use]
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The comparison in the first of them.
    ///
    /// ```
    /// use scalargrad::{Function, function::ReplayError};
    ///
    /// let f = Function::record(&[1.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    /// let error = f.over_rows(0).values(&[], &[3.0, -1.0]).unwrap_err();
    /// let ReplayError::BranchChangedInRows(change) = error else { unreachable!() };
    /// assert_eq!(change.first().comparison(), "x[0] < 0");
    /// ```
    #[must_use]
    pub fn first(&self) -> &BranchChange {
        &self.first
    }
}

impl fmt::Display for RowsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.rows.len();
        let told: Vec<String> = self.rows.iter().take(TOLD).map(usize::to_string).collect();
        let (what, more) = (
            if count == 1 { "row takes" } else { "rows take" },
            if count > TOLD { ", …" } else { "" },
        );
        write!(
            f,
            "{count} {what} another branch ({}{more}): in the first one, {}",
            told.join(", "),
            self.first
        )
    }
}
