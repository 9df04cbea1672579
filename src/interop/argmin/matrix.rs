//! What the solvers ask of a matrix, so that they run without another crate of linear algebra.

use crate::matrix::Matrix;
use argmin::core::{ArgminError, Error};
use argmin_math::{ArgminDot, ArgminInv, ArgminTranspose};

impl ArgminDot<Vec<f64>, Vec<f64>> for Matrix {
    #[track_caller]
    fn dot(&self, vector: &Vec<f64>) -> Vec<f64> {
        self * vector
    }
}

impl ArgminDot<Matrix, Matrix> for Matrix {
    #[track_caller]
    fn dot(&self, other: &Matrix) -> Matrix {
        let columns = other.clone().t();
        let products: Vec<f64> = (0..self.rows()).flat_map(|i| &columns * self.row(i)).collect();
        Matrix::from_rows(self.rows(), other.cols(), products)
    }
}

impl ArgminTranspose<Matrix> for Matrix {
    fn t(self) -> Matrix {
        let mut transpose = Matrix::zeros(self.cols(), self.rows());
        for i in 0..self.rows() {
            for (j, &x) in self.row(i).iter().enumerate() {
                transpose[(j, i)] = x;
            }
        }
        transpose
    }
}

impl ArgminInv<Matrix> for Matrix {
    /// By Gauss and Jordan's elimination with pivots.
    fn inv(&self) -> Result<Matrix, Error> {
        let n = self.rows();
        if self.cols() != n {
            return Err(error(format!("a {n} × {} matrix has no inverse", self.cols())));
        }
        // The matrix, and at its right the identity, whose place the inverse takes.
        let mut rows: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let mut row = self.row(i).to_vec();
                row.extend((0..n).map(|j| f64::from(i == j)));
                row
            })
            .collect();
        for k in 0..n {
            let size = |i: &usize| rows[*i][k].abs();
            let best = (k..n).max_by(|i, j| size(i).total_cmp(&size(j)));
            rows.swap(k, best.expect("there is row k"));
            let pivot = rows[k][k];
            if pivot == 0.0 || !pivot.is_finite() {
                return Err(error("the matrix is singular, or has entries that are not finite".into()));
            }
            rows[k].iter_mut().for_each(|x| *x /= pivot);
            let row = rows[k].clone();
            for (_, other) in rows.iter_mut().enumerate().filter(|(i, _)| *i != k) {
                let factor = other[k];
                other.iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
            }
        }
        let inverse = rows.iter().flat_map(|row| &row[n..]).copied().collect();
        Ok(Matrix::from_rows(n, n, inverse))
    }
}

fn error(text: String) -> Error {
    ArgminError::ConditionViolated { text: format!("scalargrad: {text}") }.into()
}
