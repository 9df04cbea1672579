//! Products of a matrix and one number, as far as another crate may write them down.

use crate::handle::Var;
use nalgebra::allocator::Allocator;
use nalgebra::{DefaultAllocator, Dim, Matrix, OMatrix, Storage};
use std::ops::Mul;

macro_rules! products {
    ($($T:ty),*) => { $(
        products!(@ $T, Matrix<$T, R, C, S>);
        products!(@ $T, &Matrix<$T, R, C, S>);
    )* };
    (@ $T:ty, $M:ty) => {
        impl<R: Dim, C: Dim, S: Storage<$T, R, C>> Mul<$M> for Var
        where
            DefaultAllocator: Allocator<R, C>,
        {
            type Output = OMatrix<Var, R, C>;

            #[track_caller]
            fn mul(self, m: $M) -> OMatrix<Var, R, C> {
                let mut product = m.map(Var::from);
                for x in &mut product {
                    *x = self * *x; // `#[track_caller]` does not work inside a closure
                }
                product
            }
        }
    };
}
products!(Var, f64);

macro_rules! products_with_numbers {
    ($($M:ty),*) => { $(
        impl<R: Dim, C: Dim, S: Storage<f64, R, C>> Mul<Var> for $M
        where
            DefaultAllocator: Allocator<R, C>,
        {
            type Output = OMatrix<Var, R, C>;

            #[track_caller]
            fn mul(self, x: Var) -> OMatrix<Var, R, C> {
                let mut product = self.map(Var::from);
                for entry in &mut product {
                    *entry *= x;
                }
                product
            }
        }
    )* };
}
products_with_numbers!(Matrix<f64, R, C, S>, &Matrix<f64, R, C, S>);
