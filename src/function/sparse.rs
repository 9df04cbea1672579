//! Sparse matrices and their patterns, in compressed rows.

use super::{Function, ReplayError};
use crate::matrix::Matrix;

/// The places in a matrix that may differ from zero, in compressed rows.
///
/// ```
/// use scalargrad::function::Function;
///
/// let f = Function::record(&[1.0; 3], |x| x[0] * x[1] + x[2].sin());
/// let pattern = f.hessian_pattern()?;
/// assert_eq!(pattern.iter().collect::<Vec<_>>(), [(0, 1), (1, 0), (2, 2)]);
/// assert_eq!((pattern.row_starts(), pattern.columns()), (&[0, 1, 2, 3][..], &[1, 0, 2][..]));
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    cols: usize,
    starts: Vec<usize>,
    columns: Vec<usize>,
}

impl Pattern {
    /// The pattern of `rows` rows; `entries` must be sorted.
    pub(super) fn new(rows: usize, cols: usize, entries: impl Iterator<Item = (usize, usize)>) -> Pattern {
        let mut starts = vec![0; rows + 1];
        let mut columns = Vec::new();
        for (i, j) in entries {
            columns.push(j);
            starts[i + 1] = columns.len();
        }
        for i in 1..starts.len() {
            starts[i] = starts[i].max(starts[i - 1]);
        }
        Pattern { cols, starts, columns }
    }

    /// The number of rows.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let pattern = f.jacobian_pattern();
    /// assert_eq!(pattern.rows(), 2);
    /// ```
    #[must_use]
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of columns.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let pattern = f.jacobian_pattern();
    /// assert_eq!(pattern.cols(), 3);
    /// ```
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The number of places.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let pattern = f.jacobian_pattern();
    /// assert_eq!(pattern.len(), 3);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether every entry is zero.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let pattern = f.jacobian_pattern();
    /// assert!(!pattern.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// For each row the place where it starts in [`columns`](Pattern::columns), and the end of the last.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let pattern = f.jacobian_pattern();
    /// assert_eq!(pattern.row_starts(), [0, 2, 3]);
    /// ```
    #[must_use]
    pub fn row_starts(&self) -> &[usize] {
        &self.starts
    }

    /// The columns of all rows, one row after the other, ascending in each.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let pattern = f.jacobian_pattern();
    /// assert_eq!(pattern.columns(), [0, 2, 1]);
    /// ```
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The places `(row, column)`, row by row.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let pattern = f.jacobian_pattern();
    /// assert_eq!(pattern.iter().collect::<Vec<_>>(), [(0, 0), (0, 2), (1, 1)]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.rows()).flat_map(|i| self.columns[self.starts[i]..self.starts[i + 1]].iter().map(move |&j| (i, j)))
    }
}

/// A sparse matrix in compressed rows.
///
/// ```
/// use scalargrad::function::Function;
///
/// let f = Function::record(&[1.0; 3], |x| x[0] * x[1] + x[2] * x[2]);
/// let h = f.sparse_hessian(&[1.0, 2.0, 3.0])?;
/// assert_eq!(h.triplets().collect::<Vec<_>>(), [(0, 1, 1.0), (1, 0, 1.0), (2, 2, 2.0)]);
/// assert_eq!((h.get(2, 2), h.get(0, 0)), (2.0, 0.0));
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMatrix {
    pattern: Pattern,
    values: Vec<f64>,
}

impl SparseMatrix {
    /// The matrix of sorted triplets.
    pub(crate) fn new(rows: usize, cols: usize, triplets: &[(usize, usize, f64)]) -> SparseMatrix {
        SparseMatrix {
            pattern: Pattern::new(rows, cols, triplets.iter().map(|&(i, j, _)| (i, j))),
            values: triplets.iter().map(|&(.., value)| value).collect(),
        }
    }

    /// Where its entries are.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let jacobian = f.sparse_jacobian(&[2.0, 3.0, 4.0])?;
    /// assert_eq!(jacobian.pattern().len(), 3);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The entries, in the order of the pattern.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let jacobian = f.sparse_jacobian(&[2.0, 3.0, 4.0])?;
    /// assert_eq!(jacobian.values(), [4.0, 2.0, 1.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The entries as `(row, column, value)`, row by row.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let jacobian = f.sparse_jacobian(&[2.0, 3.0, 4.0])?;
    /// assert_eq!(jacobian.triplets().next(), Some((0, 0, 4.0)));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    pub fn triplets(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        self.pattern.iter().zip(&self.values).map(|((i, j), &value)| (i, j, value))
    }

    /// The entry at `(i, j)`; zero outside the pattern.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[2], x[1] + 1.0]);
    /// let jacobian = f.sparse_jacobian(&[2.0, 3.0, 4.0])?;
    /// assert_eq!((jacobian.get(0, 2), jacobian.get(1, 0)), (2.0, 0.0));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn get(&self, i: usize, j: usize) -> f64 {
        let rows = self.pattern.rows();
        assert!(i < rows, "scalargrad: row {i} of a matrix of {rows} rows");
        let start = self.pattern.starts[i];
        let row = &self.pattern.columns[start..self.pattern.starts[i + 1]];
        row.binary_search(&j).map_or(0.0, |k| self.values[start + k])
    }

    /// The same matrix with its zeros.
    ///
    /// ```
    /// use scalargrad::function::Function;
    ///
    /// let f = Function::record(&[1.0; 2], |x| [x[0] * 2.0, x[1]]);
    /// assert_eq!(f.sparse_jacobian(&[1.0; 2])?.to_dense().as_slice(), [2.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[must_use]
    pub fn to_dense(&self) -> Matrix {
        let mut dense = Matrix::zeros(self.pattern.rows(), self.pattern.cols());
        for (i, j, value) in self.triplets() {
            dense[(i, j)] = value;
        }
        dense
    }
}

/// # Without most of the zeros
impl Function {
    /// Where the Hessian of the only output may differ from zero, whatever the inputs.
    ///
    /// # Errors
    ///
    /// If there is not exactly one output.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0; 3], |x| x[0] * x[1] + x[2]);
    /// assert_eq!(f.hessian_pattern()?.iter().collect::<Vec<_>>(), [(0, 1), (1, 0)]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    pub fn hessian_pattern(&self) -> Result<Pattern, ReplayError> {
        self.check_one_output()?;
        Ok(self.program.hessian_pattern())
    }

    /// Where the Jacobian may differ from zero, whatever the inputs.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[1], x[2].floor()]);
    /// assert_eq!(f.jacobian_pattern().iter().collect::<Vec<_>>(), [(0, 0), (0, 1)]);
    /// ```
    #[must_use]
    pub fn jacobian_pattern(&self) -> Pattern {
        self.program.jacobian_pattern()
    }

    /// The Hessian of the only output, without most of its zeros: its entries are those of
    /// [`hessian_pattern`](Function::hessian_pattern), and NaN where an operation on these inputs has no derivative.
    ///
    /// By edge pushing: the time is about that of a gradient for each number that a number of the program
    /// interacts with, and neither dense rows nor the number of inputs matter.
    ///
    /// # Errors
    ///
    /// As for [`value`](Function::value).
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let n = 1000;
    /// let f = Function::record(&vec![1.0; n], |x| x.iter().map(|&xi| x[0] * xi * xi).sum::<scalargrad::Var>());
    /// let h = f.sparse_hessian(&vec![2.0; n])?; // an arrow
    /// assert_eq!((h.pattern().len(), h.get(5, 5), h.get(5, 0)), (3 * n - 2, 4.0, 4.0));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn sparse_hessian(&self, x: &[f64]) -> Result<SparseMatrix, ReplayError> {
        self.check_one_output()?;
        self.at(x, |program| program.sparse_hessian(x))
    }

    /// The Jacobian without most of its zeros: its entries are those of
    /// [`jacobian_pattern`](Function::jacobian_pattern).
    ///
    /// Each row by a sweep of only what its output depends on.
    ///
    /// # Errors
    ///
    /// As for [`values`](Function::values).
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0; 3], |x| [x[0] * x[1], x[2] * 5.0]);
    /// let j = f.sparse_jacobian(&[2.0, 3.0, 4.0])?;
    /// assert_eq!(j.triplets().collect::<Vec<_>>(), [(0, 0, 3.0), (0, 1, 2.0), (1, 2, 5.0)]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn sparse_jacobian(&self, x: &[f64]) -> Result<SparseMatrix, ReplayError> {
        self.at(x, |program| program.sparse_jacobian(x))
    }
}
