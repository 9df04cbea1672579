//! Singular values and vectors with their derivatives.

use super::at_users_line;
use super::slope::{without_derivative, without_slope};
use crate::handle::Var;
use nalgebra::{DMatrix, DVector, Dyn, SVD};

/// The singular values of a matrix, the largest first.
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
#[must_use]
#[track_caller]
pub fn singular_values(m: &DMatrix<Var>) -> DVector<Var> {
    at_users_line(|| decompose(m).singular_values)
}

/// Singular values, the largest first, and singular vectors of a matrix.
///
/// The numbers are those of `nalgebra`'s `svd`. Its derivatives are wrong at a matrix with zeros: it leaves alone what is zero
/// already, and divides by the length of vectors that are rounding noise. Here its vectors are taken without their
/// derivatives, and steps of Newton's method follow. They change the result by no more than its error, and give it its
/// derivatives, up to the third order. So `solve`, `pseudo_inverse`, `recompose` and `polar` of the
/// result have theirs.
///
/// # Derivative
///
/// The derivative of a singular value is `uvᵀ`, where `u` and `v` are its vectors. At a singular value of 0 this is one of the
/// subgradients. Where singular values are equal to rounding, smooth functions that treat them alike have their
/// gradient, but not their second derivatives. The derivatives of their vectors do not exist, and are NaN; so are
/// those of the vector at a singular value of 0 on the longer side of a matrix that is not square.
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
#[must_use]
#[track_caller]
pub fn svd(m: &DMatrix<Var>) -> SVD<Var, Dyn, Dyn> {
    at_users_line(|| decompose(m))
}

fn decompose(m: &DMatrix<Var>) -> SVD<Var, Dyn, Dyn> {
    let is_wide = m.ncols() > m.nrows();
    let m = if is_wide { m.transpose() } else { m.clone() };
    let start = m.clone().svd(true, true);
    let [mut u, v_t] = [start.u, start.v_t].map(|vectors| vectors.expect("both are asked for"));
    let mut v = v_t.transpose();
    for has_derivatives in [false, true] {
        let step = Step::of(&m, &u, &v);
        u += step.left;
        v += step.right;
        if !has_derivatives {
            // The first step is for the digits alone: `nalgebra` leaves some out.
            [u, v] = [u, v].map(|vectors| vectors.map(without_slope));
        }
    }
    let last = Step::of(&m, &u, &v);
    u += last.left + last.undefined_left;
    v += last.right + last.undefined_right;
    // A singular value of 0 may have become negative by rounding.
    let mut singular_values = last.singular_values;
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
    /// Of a matrix that is not wide.
    fn of(m: &DMatrix<Var>, u: &DMatrix<Var>, v: &DMatrix<Var>) -> Step {
        let n = v.ncols();
        let defect = |x: &DMatrix<Var>| DMatrix::identity(n, n) - x.transpose() * x;
        let (r, s) = (defect(u), defect(v));
        let image = m * v;
        let t = u.transpose() * &image;
        let half = Var::constant(0.5);
        let sigma = DVector::from_fn(n, |i, _| t[(i, i)] / (-(r[(i, i)] + s[(i, i)]) * half + 1.0));
        let rounding = sigma.camax() * (m.nrows() as f64 * f64::EPSILON);
        let (mut f, mut g) = (&r * half, &s * half);
        let mut undefined = DMatrix::zeros(n, n);
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            let a = t[(i, j)] + sigma[j] * r[(i, j)];
            let b = t[(j, i)] + sigma[j] * s[(i, j)];
            let gap = sigma[j] - sigma[i];
            if gap.abs() > rounding {
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
                if sigma[j] > rounding {
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
