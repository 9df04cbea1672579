//! A small dense matrix: what `jacobian` and `hessian` return.

pub(crate) mod groups;

use crate::graph::names::counted;
use crate::refusal::refuse;
use std::fmt;
use std::hint::black_box;
use std::ops::{Index, IndexMut, Mul};

/// A dense matrix, stored row by row.
///
/// ```
/// use scalargrad::Matrix;
///
/// let mut m = Matrix::zeros(2, 3);
/// m[(0, 2)] = 5.0;
/// assert_eq!(m.row(0), [0.0, 0.0, 5.0]);
/// assert_eq!((m.rows(), m.cols(), m.as_slice().len()), (2, 3, 6));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Matrix {
    rows: usize,
    cols: usize,
    numbers: Vec<f64>,
}

/// Whether there is memory for so many numbers. The compiler must not see that nothing is done with it, or it would not ask.
pub(crate) fn has_memory_for(numbers: usize) -> bool {
    let mut room = Vec::<f64>::new();
    let has_memory = room.try_reserve_exact(numbers).is_ok();
    black_box(room);
    has_memory
}

impl Matrix {
    /// A matrix of zeros.
    ///
    /// # Panics
    ///
    /// If there is no memory for it.
    ///
    /// ```
    /// assert_eq!(scalargrad::Matrix::zeros(2, 1).as_slice(), [0.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn zeros(rows: usize, cols: usize) -> Matrix {
        const LARGE: usize = 1 << 24;
        let has_room = |len: &usize| *len < LARGE || has_memory_for(*len);
        let Some(len) = rows.checked_mul(cols).filter(has_room) else {
            refuse(format_args!("scalargrad: there is no memory for a {rows} × {cols} matrix"))
        };
        Matrix { rows, cols, numbers: vec![0.0; len] }
    }

    /// The matrix of these numbers, row by row: as many rows as there are numbers for.
    pub(crate) fn of(numbers: Vec<f64>, cols: usize) -> Matrix {
        Matrix { rows: numbers.len().checked_div(cols).unwrap_or(0), cols, numbers }
    }

    /// The matrix of these numbers, row by row.
    ///
    /// # Panics
    ///
    /// If there are not as many as the matrix has entries.
    ///
    /// ```
    /// use scalargrad::Matrix;
    ///
    /// assert_eq!(Matrix::from_rows(2, 2, vec![1.0, 2.0, 3.0, 4.0])[(1, 0)], 3.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn from_rows(rows: usize, cols: usize, numbers: Vec<f64>) -> Matrix {
        assert!(
            rows.checked_mul(cols) == Some(numbers.len()),
            "scalargrad: a {rows} × {cols} matrix cannot be made of {}",
            counted(numbers.len(), "number")
        );
        Matrix { rows, cols, numbers }
    }

    /// The number of rows.
    ///
    /// ```
    /// assert_eq!(scalargrad::Matrix::zeros(3, 3).rows(), 3);
    /// ```
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    ///
    /// ```
    /// assert_eq!(scalargrad::Matrix::zeros(3, 3).cols(), 3);
    /// ```
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    ///
    /// ```
    /// assert_eq!(scalargrad::Matrix::zeros(1, 2).row(0), [0.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn row(&self, i: usize) -> &[f64] {
        assert!(i < self.rows, "scalargrad: row {i} of a matrix of {} rows", self.rows);
        &self.numbers[i * self.cols..][..self.cols]
    }

    /// All numbers, row by row.
    ///
    /// ```
    /// assert_eq!(scalargrad::Matrix::zeros(1, 2).as_slice(), [0.0, 0.0]);
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.numbers
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.numbers
    }

    /// The numbers, row by row.
    ///
    /// ```
    /// assert_eq!(scalargrad::Matrix::zeros(2, 2).into_vec().len(), 4);
    /// ```
    #[must_use]
    pub fn into_vec(self) -> Vec<f64> {
        self.numbers
    }

    #[track_caller]
    fn place(&self, (i, j): (usize, usize)) -> usize {
        assert!(
            i < self.rows && j < self.cols,
            "scalargrad: a {} × {} matrix has no entry ({i}, {j}); both are counted from 0",
            self.rows,
            self.cols
        );
        i * self.cols + j
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    /// The entry in row `i` and column `j`; panics if there is none.
    #[track_caller]
    fn index(&self, at: (usize, usize)) -> &f64 {
        &self.numbers[self.place(at)]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    #[track_caller]
    fn index_mut(&mut self, at: (usize, usize)) -> &mut f64 {
        let place = self.place(at);
        &mut self.numbers[place]
    }
}

impl<V: AsRef<[f64]> + ?Sized> Mul<&V> for &Matrix {
    type Output = Vec<f64>;

    /// The product of the matrix and a vector: a slice, an array or a `Vec`.
    ///
    /// # Panics
    ///
    /// If the vector has another length than the matrix has columns.
    ///
    /// ```
    /// use scalargrad::hessian;
    ///
    /// let h = hessian(|x| x[0] * x[0] * x[1], &[3.0, 2.0]);
    /// assert_eq!(&h * &[1.0, 10.0], [64.0, 6.0]);
    /// ```
    #[track_caller]
    fn mul(self, vector: &V) -> Vec<f64> {
        let vector = vector.as_ref();
        assert!(
            vector.len() == self.cols,
            "scalargrad: a matrix of {} can be multiplied by a vector of as many numbers, not of {}",
            counted(self.cols, "column"),
            vector.len()
        );
        let row = |i: usize| self.row(i).iter().zip(vector).map(|(a, x)| a * x).sum();
        (0..self.rows).map(row).collect()
    }
}

impl fmt::Display for Matrix {
    /// One line per row, with aligned columns. A precision is used for every number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self
            .numbers
            .iter()
            .map(|x| match f.precision() {
                Some(digits) => format!("{x:.digits$}"),
                None => x.to_string(),
            })
            .collect();
        let width = texts.iter().map(String::len).max().unwrap_or(0);
        for i in 0..self.rows {
            if i > 0 {
                writeln!(f)?;
            }
            let row: Vec<String> =
                texts[i * self.cols..][..self.cols].iter().map(|text| format!("{text:>width$}")).collect();
            write!(f, "[{}]", row.join("  "))?;
        }
        Ok(())
    }
}
