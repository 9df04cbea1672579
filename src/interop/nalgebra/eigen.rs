//! Eigenvectors with their derivatives.

use super::at_users_line;
use super::slope::{LARGEST, scale, undefined, without_derivative, without_noise, without_slope};
use crate::handle::Var;
use nalgebra::{DMatrix, DVector, Dyn, SymmetricEigen};

/// Eigenvalues and eigenvectors of a symmetric matrix, of which the lower triangle is read.
///
/// The numbers are those of `nalgebra`'s `symmetric_eigen`. Its derivatives are wrong at a matrix with zeros: it leaves
/// alone what is zero already, and divides by the length of vectors that are rounding noise. Here its eigenvectors are
/// taken without their derivatives, and steps of Newton's method follow. They change the result by no more than its
/// error, and give it its derivatives, up to the third order.
///
/// # Derivative
///
/// The derivative of an eigenvalue is `vvᵀ`, where `v` is its eigenvector. Where eigenvalues are equal to rounding, this is one of the
/// subgradients, and smooth functions of the values alone that treat equal ones alike (the trace, a log-determinant) have
/// their gradient; their second derivatives are other numbers than the right ones, and nothing tells. The derivatives of the
/// eigenvectors do not exist there, and are NaN, also in what is smooth, such as `recompose`; and where several eigenvalues are 0 the
/// gradient of `recompose` is not whole. Near such a point the derivatives of the vectors lose digits.
///
/// Where an entry is NaN or infinite, all is NaN.
///
/// ```
/// use nalgebra::dmatrix;
/// use scalargrad::{Var, interop::nalgebra::symmetric_eigen};
///
/// let m = dmatrix![3.0, 0.0; 0.0, 1.0].map(Var::new);
/// let eigen = symmetric_eigen(&m);
/// let v = eigen.eigenvectors.column(0);
/// (v[1] / v[0]).backward();
/// assert_eq!(m.map(|x| x.grad()), dmatrix![0.0, 0.0; 0.5, 0.0]);
/// ```
///
/// # Panics
///
/// If the matrix is not square, or has no entries.
#[must_use]
#[track_caller]
pub fn symmetric_eigen(m: &DMatrix<Var>) -> SymmetricEigen<Var, Dyn> {
    let (rows, columns) = m.shape();
    assert!(rows == columns, "scalargrad: eigenvalues of a {rows} × {columns} matrix, which is not square");
    assert!(rows > 0, "scalargrad: eigenvalues of a matrix without entries");
    at_users_line(|| {
        let m = DMatrix::from_fn(rows, columns, |i, j| m[(i.max(j), i.min(j))]);
        if let Some(nan) = undefined(&m) {
            let eigenvectors = DMatrix::from_element(rows, rows, nan);
            return SymmetricEigen { eigenvectors, eigenvalues: DVector::from_element(rows, nan) };
        }
        let scale = scale(&m);
        let m = m * scale;
        let mut start = m.clone().symmetric_eigen().eigenvectors;
        // For the digits alone: where eigenvalues are near each other `nalgebra` leaves some out. The last step does nothing
        // but make right angles.
        for tolerance in [1e-8, 1e-8, LARGEST] {
            start += &start * Step::of(&m, &start, tolerance).change;
        }
        let start = start.map(without_slope);
        // In the basis of these vectors the matrix is diagonal, up to rounding, which small gaps would magnify.
        let mut m = start.transpose() * m * &start;
        without_noise(&mut m);
        let mut v = DMatrix::identity(rows, rows);
        v += Step::of(&m, &v, f64::EPSILON).change;
        let last = Step::of(&m, &v, f64::EPSILON);
        let v = &v + &v * (last.change + last.undefined);
        SymmetricEigen { eigenvectors: start * v, eigenvalues: last.eigenvalues * scale.recip() }
    })
}

/// A step of Newton's method, by Ogita and Aishima: Iterative refinement for symmetric eigenvalue
/// decomposition, Japan J. Indust. Appl. Math. 35 (2018).
struct Step {
    eigenvalues: DVector<Var>,
    /// How each eigenvector changes, as a combination of all.
    change: DMatrix<Var>,
    /// Zeros, whose derivatives are NaN where the change has none.
    undefined: DMatrix<Var>,
}

impl Step {
    /// Eigenvalues are equal if they differ by less than this, relative to the size of the matrix.
    fn of(m: &DMatrix<Var>, v: &DMatrix<Var>, tolerance: f64) -> Step {
        let n = v.ncols();
        let defect = DMatrix::identity(n, n) - v.transpose() * v;
        let s = v.transpose() * m * v;
        let eigenvalues = DVector::from_fn(n, |i, _| s[(i, i)] / (-defect[(i, i)] + 1.0));
        let least = eigenvalues.camax() * (n as f64 * tolerance);
        let mut change = defect.clone() * Var::constant(0.5);
        let mut undefined = DMatrix::zeros(n, n);
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let residual = s[(i, j)] + eigenvalues[j] * defect[(i, j)];
            let gap = eigenvalues[j] - eigenvalues[i];
            if i != j && gap.abs() > least {
                change[(i, j)] = residual / gap;
            } else if i != j {
                undefined[(i, j)] = without_derivative(residual);
            }
        }
        Step { eigenvalues, change, undefined }
    }
}
