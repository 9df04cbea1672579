//! Determinants with their derivatives.

use super::at_users_line;
use crate::handle::Var;
use nalgebra::{DMatrix, Dim, Matrix, Storage};

/// The determinant of a matrix of any size.
///
/// The value is that of `nalgebra`'s `determinant`, up to rounding. From 4 × 4 on, and in `lu().determinant()` at any
/// size, that one has wrong derivatives where a pivot is exactly 0: it leaves out the elimination that would follow.
///
/// # Derivative
///
/// The adjugate, transposed: at singular matrices too, and with the derivatives of higher order, which lose digits close to a singular
/// matrix (at a relative distance of 1e-12 from it a second derivative has four digits left).
///
/// ```
/// use nalgebra::matrix;
/// use scalargrad::{Var, interop::nalgebra::determinant};
///
/// let m = matrix![0.0, 2.0; 0.0, 3.0].map(Var::new);
/// let d = determinant(&m);
/// d.backward();
/// assert_eq!((d.value(), m.map(|x| x.grad())), (0.0, matrix![3.0, 0.0; -2.0, 0.0]));
/// ```
///
/// # Panics
///
/// If the matrix is not square.
#[must_use]
#[track_caller]
pub fn determinant<R: Dim, C: Dim, S: Storage<Var, R, C>>(m: &Matrix<Var, R, C, S>) -> Var {
    let (n, columns) = m.shape();
    assert!(n == columns, "scalargrad: determinant of a {n} × {columns} matrix, which is not square");
    at_users_line(|| {
        let mut m = DMatrix::from_fn(n, n, |i, j| m[(i, j)]);
        // What is left of a column, by rounding, where it depends on those before it.
        let mut noise: Vec<Var> = m.column_iter().map(|column| column.lp_norm(1) * (n as f64 * f64::EPSILON)).collect();
        let mut product = Var::constant(1.0);
        for k in 0..n.max(1) - 1 {
            let Some((row, column)) = (k..n).find_map(|j| Some((pivot(&m, k, j, noise[j])?, j))) else {
                return product * without_division(&m.view((k, k), (n - k, n - k)).into_owned());
            };
            m.swap_rows(k, row);
            m.swap_columns(k, column);
            noise.swap(k, column);
            product *= if (row == k) == (column == k) { m[(k, k)] } else { -m[(k, k)] };
            for i in k + 1..n {
                let factor = m[(i, k)] / m[(k, k)];
                for j in k + 1..n {
                    m[(i, j)] = m[(i, j)] - factor * m[(k, j)];
                }
            }
        }
        m.iter().next_back().map_or(product, |&last| product * last)
    })
}

/// The row of the largest entry of a column from row `k` on; none if all are noise.
fn pivot(m: &DMatrix<Var>, k: usize, column: usize, noise: Var) -> Option<usize> {
    let size = |i: usize| m[(i, column)].abs();
    let row = (k + 1..m.nrows()).fold(k, |best, i| if size(i) > size(best) { i } else { best });
    (size(row) > noise).then_some(row)
}

/// The determinant by products and sums alone, which is right at zeros, in n⁴ steps. By R. S. Bird: A simple division-free
/// algorithm for computing determinants, Information Processing Letters 111 (2011).
fn without_division(m: &DMatrix<Var>) -> Var {
    let n = m.nrows();
    let mut x = m.clone();
    for _ in 1..n {
        let mut below = Var::constant(0.0);
        let mut upper = x.upper_triangle();
        for i in (0..n).rev() {
            upper[(i, i)] = -below;
            below += x[(i, i)];
        }
        x = upper * m;
    }
    if n.is_multiple_of(2) { -x[(0, 0)] } else { x[(0, 0)] }
}
