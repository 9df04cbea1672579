//! Singular values and vectors with their derivatives.

use super::at_users_line;
use super::slope::{LARGEST, scale, undefined, without_derivative, without_noise, without_slope};
use crate::handle::Var;
use nalgebra::{DMatrix, DVector, Dyn, SVD};

/// The singular values of a matrix, the largest first, up to rounding.
///
/// # Derivative
///
/// As of [`svd`], which has the vectors too: `uvᵀ`.
///
/// ```
/// use nalgebra::dmatrix;
/// use scalargrad::{Var, interop::nalgebra::singular_values};
///
/// let m = dmatrix![3.0, 0.0; 0.0, 2.0].map(Var::new);
/// singular_values(&m)[0].backward();
/// assert_eq!(m.map(|x| x.grad()), dmatrix![1.0, 0.0; 0.0, 0.0]);
/// ```
///
/// # Panics
///
/// If the matrix has no entries.
#[must_use]
#[track_caller]
pub fn singular_values(m: &DMatrix<Var>) -> DVector<Var> {
    at_users_line(|| decompose(m).singular_values)
}

/// Singular values, the largest first, up to rounding, and singular vectors of a matrix.
///
/// The numbers are those of `nalgebra`'s `svd`. Its derivatives are wrong at a matrix with zeros: it leaves alone what is zero
/// already, and divides by the length of vectors that are rounding noise. Here its vectors are taken without their
/// derivatives, and steps of Newton's method follow. They change the result by no more than its error, and give it its
/// derivatives, up to the third order. So `solve`, `pseudo_inverse`, `recompose` and `to_polar` of the
/// result have theirs, where the singular values are distinct.
///
/// # Derivative
///
/// The derivative of a singular value is `uvᵀ`, where `u` and `v` are its vectors. At a singular value of 0 this is one of the
/// subgradients. Where singular values are equal to rounding, smooth functions of the values alone that treat them alike have
/// their gradient; their second derivatives are other numbers than the right ones, and nothing tells. The derivatives of their vectors do
/// not exist, and are NaN, also in what is smooth, such as `recompose`, or the polar factor of a rotation; so are
/// those of the vector at a singular value of 0 on the longer side of a matrix that is not square.
///
/// **Where several singular values are 0**, or one of a matrix that is not square, the gradient of what is made of the vectors
/// (`recompose`, `solve`) is not whole, and nothing tells. Near such points it loses digits.
///
/// Where an entry is NaN or infinite, all is NaN.
///
/// ```
/// use nalgebra::dmatrix;
/// use scalargrad::{Var, interop::nalgebra::svd};
///
/// // An inverse, of which `nalgebra`'s `svd` has only the diagonal derivatives here.
/// let m = dmatrix![2.0, 0.0; 0.0, 1.0].map(Var::new);
/// let inverse = svd(&m).pseudo_inverse(Var::constant(1e-12)).unwrap();
/// inverse[(0, 1)].backward();
/// assert_eq!(m.map(|x| x.grad()), dmatrix![0.0, -0.5; 0.0, 0.0]);
/// ```
///
/// # Panics
///
/// If the matrix has no entries.
#[must_use]
#[track_caller]
pub fn svd(m: &DMatrix<Var>) -> SVD<Var, Dyn, Dyn> {
    at_users_line(|| decompose(m))
}

fn decompose(m: &DMatrix<Var>) -> SVD<Var, Dyn, Dyn> {
    let (rows, columns) = m.shape();
    assert!(
        rows > 0 && columns > 0,
        "scalargrad: singular values of a {rows} × {columns} matrix, which has no entries"
    );
    if let Some(nan) = undefined(m) {
        let least = rows.min(columns);
        let [u, v_t] = [(rows, least), (least, columns)].map(|(m, n)| Some(DMatrix::from_element(m, n, nan)));
        return SVD { u, v_t, singular_values: DVector::from_element(least, nan) };
    }
    let is_wide = columns > rows;
    let scale = scale(m);
    let m = if is_wide { m.transpose() } else { m.clone() } * scale;
    let start = m.clone().svd(true, true);
    let [mut u0, v_t] = [start.u, start.v_t].map(|vectors| vectors.expect("both are asked for"));
    let mut v0 = v_t.transpose();
    // For the digits alone: `nalgebra` leaves some out. The last step does nothing but make right angles.
    for tolerance in [1e-8, 1e-8, LARGEST] {
        let step = Step::of(&m, &u0, &v0, tolerance);
        u0 += step.left;
        v0 += step.right;
    }
    let [u0, v0] = [u0, v0].map(|vectors| vectors.map(without_slope));
    // In the basis of these vectors, and of what is at right angles to the left ones, the matrix is diagonal, up to
    // rounding, which small gaps would magnify.
    let (n, image) = (v0.ncols(), m * &v0);
    let inside = u0.transpose() * &image;
    let across = image - &u0 * &inside;
    let is_square = u0.nrows() == n;
    let mut m = DMatrix::from_fn(n + if is_square { 0 } else { u0.nrows() }, n, |i, j| {
        if i < n { inside[(i, j)] } else { across[(i - n, j)] }
    });
    without_noise(&mut m);
    let (mut u, mut v) = (DMatrix::identity(m.nrows(), n), DMatrix::identity(n, n));
    let step = Step::of(&m, &u, &v, f64::EPSILON);
    u += step.left;
    v += step.right;
    let last = Step::of(&m, &u, &v, f64::EPSILON);
    u += last.left + last.undefined_left;
    v = v0 * (v + last.right + last.undefined_right);
    let mut u =
        u0 * u.rows(0, n) + if is_square { DMatrix::zeros(n, n) } else { u.rows(n, u.nrows() - n).into_owned() };
    // A singular value of 0 may have become negative by rounding.
    let mut singular_values = last.singular_values * scale.recip();
    for (x, mut u) in singular_values.iter_mut().zip(u.column_iter_mut()) {
        let sign = x.signum();
        *x *= sign;
        u *= sign;
    }
    let (u, v) = if is_wide { (v, u) } else { (u, v) };
    SVD { u: Some(u), v_t: Some(v.transpose()), singular_values }
}

/// A step of Newton's method, by Ogita and Aishima: Iterative refinement for singular value decomposition based on matrix
/// multiplication, J. Comput. Appl. Math. 369 (2020); here without the left vectors that belong to no singular value.
struct Step {
    singular_values: DVector<Var>,
    /// How the vectors change.
    left: DMatrix<Var>,
    right: DMatrix<Var>,
    /// Zeros, whose derivatives are NaN where the change has none.
    undefined_left: DMatrix<Var>,
    undefined_right: DMatrix<Var>,
}

impl Step {
    /// Of a matrix that is not wide. Singular values are equal if they differ by less than the tolerance, relative to its size.
    fn of(m: &DMatrix<Var>, u: &DMatrix<Var>, v: &DMatrix<Var>, tolerance: f64) -> Step {
        let n = v.ncols();
        let defect = |x: &DMatrix<Var>| DMatrix::identity(n, n) - x.transpose() * x;
        let (r, s) = (defect(u), defect(v));
        let image = m * v;
        let t = u.transpose() * &image;
        let half = Var::constant(0.5);
        let sigma = DVector::from_fn(n, |i, _| t[(i, i)] / (-(r[(i, i)] + s[(i, i)]) * half + 1.0));
        let least = sigma.camax() * (m.nrows() as f64 * tolerance);
        let (mut f, mut g) = (&r * half, &s * half);
        let mut undefined = DMatrix::zeros(n, n);
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            let a = t[(i, j)] + sigma[j] * r[(i, j)];
            let b = t[(j, i)] + sigma[j] * s[(i, j)];
            let gap = sigma[j] - sigma[i];
            if gap.abs() > least {
                let gap = gap * (sigma[j] + sigma[i]);
                f[(i, j)] = (a * sigma[j] + b * sigma[i]) / gap;
                g[(i, j)] = (a * sigma[i] + b * sigma[j]) / gap;
            } else {
                undefined[(i, j)] = without_derivative(a + b);
            }
        }
        let mut left = u * f;
        let mut undefined_left = u * &undefined;
        if m.nrows() > n {
            // What is at right angles to all left vectors.
            let mut across = image - u * t;
            for (j, mut across) in across.column_iter_mut().enumerate() {
                if sigma[j] > least {
                    across /= sigma[j];
                } else {
                    undefined_left.column_mut(j).zip_apply(&across, |zero, x| *zero += without_derivative(x));
                    across.fill(Var::constant(0.0));
                }
            }
            left += across;
        }
        Step { singular_values: sigma, left, right: v * g, undefined_left, undefined_right: v * undefined }
    }
}
