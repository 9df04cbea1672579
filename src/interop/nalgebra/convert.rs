//! Matrices of numbers, from one crate's type to the other's.

use crate::function::SparseMatrix;
use crate::matrix::Matrix;
use nalgebra::DMatrix;
use nalgebra_sparse::CsrMatrix;

impl From<&Matrix> for DMatrix<f64> {
    fn from(m: &Matrix) -> DMatrix<f64> {
        DMatrix::from_row_slice(m.rows(), m.cols(), m.as_slice())
    }
}

impl From<&DMatrix<f64>> for Matrix {
    fn from(m: &DMatrix<f64>) -> Matrix {
        Matrix::from_rows(m.nrows(), m.ncols(), m.transpose().as_slice().to_vec())
    }
}

impl From<&SparseMatrix> for CsrMatrix<f64> {
    fn from(m: &SparseMatrix) -> CsrMatrix<f64> {
        let pattern = m.pattern();
        CsrMatrix::try_from_csr_data(
            pattern.rows(),
            pattern.cols(),
            pattern.row_starts().to_vec(),
            pattern.columns().to_vec(),
            m.values().to_vec(),
        )
        .expect("both store the same compressed rows")
    }
}

by_value! { Matrix => DMatrix<f64>, DMatrix<f64> => Matrix, SparseMatrix => CsrMatrix<f64> }
