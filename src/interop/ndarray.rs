//! `ndarray` 0.17, with the feature `ndarray`.
//!
//! Arrays of [`Var`] do what arrays of numbers do: `dot`, `sum`, `mapv`, broadcasting, also of one variable on
//! either side of an operator. Leaves are made by `mapv(Var::new)`, constants by `mapv(Var::from)`, and gradients are read
//! by `mapv(Var::grad)`. [`Matrix`] is converted by `From`, in both directions.
//!
//! ```
//! use ndarray::{Array2, array};
//! use scalargrad::{Matrix, Var, hessian};
//!
//! let w = array![[1.0, 2.0], [3.0, 4.0]].mapv(Var::new);
//! let x = array![1.0, -1.0].mapv(Var::new);
//! let scale = Var::new(0.5);
//! let loss = (w.dot(&x) * scale + 1.0).mapv(|y| y * y).sum();
//! loss.backward();
//! assert_eq!(loss.value(), 0.5);
//! assert_eq!(x.mapv(Var::grad), array![2.0, 3.0]);
//! assert_eq!(scale.grad(), -2.0);
//!
//! let h = Array2::from(hessian(|x| x[0] * x[0] * x[1], &[3.0, 2.0]));
//! assert_eq!(h, array![[4.0, 6.0], [6.0, 0.0]]);
//! assert_eq!(Matrix::from(h)[(0, 1)], 6.0);
//! ```
//!
//! An array of numbers has to be made one of constants before it meets an array of variables, because the operators of two
//! foreign types are not this crate's to give: `numbers.mapv(Var::from).dot(&variables)`. One variable
//! on the left of it is fine: `x * &numbers`.

use crate::handle::Var;
use crate::matrix::Matrix;
use ndarray::{Array, Array2, ArrayBase, Data, Dimension, ScalarOperand};
use std::ops::{Add, Div, Mul, Sub};

impl ScalarOperand for Var {}

macro_rules! operators {
    ($($Trait:ident $method:ident),*) => { $(
        /// Of a variable and each entry, which is a variable or a number.
        impl<A, S, D> $Trait<&ArrayBase<S, D>> for Var
        where
            A: Copy + Into<Var>,
            S: Data<Elem = A>,
            D: Dimension,
        {
            type Output = Array<Var, D>;

            #[track_caller]
            fn $method(self, array: &ArrayBase<S, D>) -> Array<Var, D> {
                let mut result = array.map(|&x| x.into());
                for x in &mut result {
                    *x = $Trait::$method(self, *x); // not in a closure, which would not know the caller
                }
                result
            }
        }

        /// Of a variable and each entry, which is a variable or a number.
        impl<A, S, D> $Trait<ArrayBase<S, D>> for Var
        where
            A: Copy + Into<Var>,
            S: Data<Elem = A>,
            D: Dimension,
        {
            type Output = Array<Var, D>;

            #[track_caller]
            fn $method(self, array: ArrayBase<S, D>) -> Array<Var, D> {
                $Trait::$method(self, &array)
            }
        }
    )* };
}
operators!(Add add, Sub sub, Mul mul, Div div);

impl From<Matrix> for Array2<f64> {
    fn from(m: Matrix) -> Array2<f64> {
        let shape = (m.rows(), m.cols());
        Array2::from_shape_vec(shape, m.into_vec()).expect("a matrix has rows × columns numbers")
    }
}

impl From<&Matrix> for Array2<f64> {
    fn from(m: &Matrix) -> Array2<f64> {
        Array2::from(m.clone())
    }
}

impl From<&Array2<f64>> for Matrix {
    fn from(m: &Array2<f64>) -> Matrix {
        Matrix::from_rows(m.nrows(), m.ncols(), m.iter().copied().collect())
    }
}

by_value! { Array2<f64> => Matrix }
