//! What the workloads ask of a number.

use std::ops::{Add, Mul, Neg, Sub};

/// A number that the workloads can be run with: `f64`, or a crate's differentiable number.
pub trait Scalar:
    Copy
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
{
    /// The plain value.
    fn value(self) -> f64;

    /// A constant of this type; some crates need `self` to know on which tape to put it.
    fn constant(self, value: f64) -> Self;

    /// `1.0 - self`: generic code cannot have an `f64` on the left, and not every crate can.
    fn one_minus(self) -> Self;

    fn recip(self) -> Self;
    fn powi(self, n: i32) -> Self;
    fn sqrt(self) -> Self;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tanh(self) -> Self;
    fn relu(self) -> Self;

    /// `Σ aᵢ·bᵢ`, fused where the crate can.
    #[inline]
    fn dot(a: &[Self], b: &[Self]) -> Self {
        total(a.iter().zip(b).map(|(&a, &b)| a * b))
    }

    /// `ln Σ exp(xᵢ)`, fused where the crate can.
    #[inline]
    fn log_sum_exp(x: &[Self]) -> Self {
        log_sum_exp(x)
    }
}

/// Adds up one or more terms, from first to last.
#[inline]
pub fn total<S: Scalar>(terms: impl IntoIterator<Item = S>) -> S {
    terms.into_iter().reduce(|sum, term| sum + term).expect("at least one term")
}

/// `ln Σ exp(xᵢ)` without overflow: the shift is a plain number, for it cancels.
#[inline]
pub fn log_sum_exp<S: Scalar>(x: &[S]) -> S {
    let shift = x.iter().map(|x| x.value()).fold(f64::NEG_INFINITY, f64::max);
    total(x.iter().map(|&x| (x - shift).exp())).ln() + shift
}

/// Methods that a type has under the same name, its own or another trait's, by value or by
/// reference.
macro_rules! forward {
    ($owner:ident: $($name:ident),*) => {
        $(
            #[inline]
            fn $name(self) -> Self {
                $owner::$name(self)
            }
        )*
    };
    (&$owner:ident: $($name:ident),*) => {
        $(
            #[inline]
            fn $name(self) -> Self {
                $owner::$name(&self)
            }
        )*
    };
}
pub(crate) use forward;

impl Scalar for f64 {
    forward!(Self: recip, sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        self
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        value
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        f64::powi(self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        self.max(0.0)
    }
}
