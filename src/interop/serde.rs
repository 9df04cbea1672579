//! `serde` 1, with the feature `serde`: matrices, in addition to the functions that `src/function/saved.rs` saves. Reports (those of
//! `check`, an `Anomaly`, the one of `graph::report`) are saved for other programs to read, and are not loaded.
//!
//! Numbers are saved as numbers, for others to read. What is no number of a format, as NaN and infinities are none of
//! JSON, is refused when it is loaded.

use crate::function::SparseMatrix;
use crate::matrix::Matrix;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The fields of a matrix, which may not belong together.
#[derive(Deserialize)]
#[serde(rename = "Matrix", deny_unknown_fields)]
struct Dense {
    rows: usize,
    cols: usize,
    numbers: Vec<f64>,
}

impl<'de> Deserialize<'de> for Matrix {
    /// Fails if there are not as many numbers as entries.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Matrix, D::Error> {
        let Dense { rows, cols, numbers } = Dense::deserialize(deserializer)?;
        if rows.checked_mul(cols) != Some(numbers.len()) {
            return Err(Error::custom(format!("a {rows} × {cols} matrix of {} numbers", numbers.len())));
        }
        Ok(Matrix::from_rows(rows, cols, numbers))
    }
}

/// Compressed rows, so that what is loaded takes no more memory than its text.
#[derive(Serialize, Deserialize)]
#[serde(rename = "SparseMatrix", deny_unknown_fields)]
struct Sparse {
    cols: usize,
    /// For each row the place where it starts, and the end of the last.
    row_starts: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
}

impl Sparse {
    /// The entries, if these are the compressed rows of a matrix.
    fn entries(&self) -> Option<Vec<(usize, usize, f64)>> {
        let (first, last) = (*self.row_starts.first()?, *self.row_starts.last()?);
        let count = self.columns.len();
        let is_whole = first == 0 && last == count && self.values.len() == count;
        if !is_whole || !self.row_starts.is_sorted() {
            return None;
        }
        let mut entries = Vec::with_capacity(count);
        for (i, bounds) in self.row_starts.windows(2).enumerate() {
            let row = &self.columns[bounds[0]..bounds[1]];
            if !row.is_sorted_by(|a, b| a < b) || row.last().is_some_and(|&j| j >= self.cols) {
                return None;
            }
            let values = &self.values[bounds[0]..bounds[1]];
            entries.extend(row.iter().zip(values).map(|(&j, &value)| (i, j, value)));
        }
        Some(entries)
    }
}

impl Serialize for SparseMatrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sparse = Sparse {
            cols: self.pattern().cols(),
            row_starts: self.pattern().row_starts().to_vec(),
            columns: self.pattern().columns().to_vec(),
            values: self.values().to_vec(),
        };
        sparse.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SparseMatrix {
    /// Fails for anything but the compressed rows of a matrix, the columns ascending in each.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SparseMatrix, D::Error> {
        let sparse = Sparse::deserialize(deserializer)?;
        let entries =
            sparse.entries().ok_or_else(|| D::Error::custom("these are not the compressed rows of a matrix"))?;
        let rows = sparse.row_starts.len() - 1;
        Ok(SparseMatrix::new(rows, sparse.cols, &entries))
    }
}
