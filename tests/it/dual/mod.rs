//! Forward-mode duals with derivatives of their own: an oracle that shares no rule with the table.

mod agreement;
mod real;

use scalargrad::{Op, Real, Var, gradient, log_sum_exp, norm};
use std::cmp::Ordering;
use std::f64::consts::{LN_2, LN_10, PI};
use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign};

/// A value and its tangent. Over duals themselves it carries second derivatives.
///
/// The formulas are those of a textbook, right away from kinks and poles and the ends of the range.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual<T> {
    pub value: T,
    pub tangent: T,
}

impl<T: Real> Dual<T> {
    pub fn new(value: T, tangent: T) -> Dual<T> {
        Dual { value, tangent }
    }

    pub fn constant(value: T) -> Dual<T> {
        Dual::new(value, T::from(0.0))
    }

    /// The chain rule: a value, and the slope with respect to `self`.
    fn chain(self, value: T, slope: T) -> Dual<T> {
        Dual::new(value, slope * self.tangent)
    }

    fn chain2(self, other: Dual<T>, value: T, slopes: (T, T)) -> Dual<T> {
        Dual::new(value, slopes.0 * self.tangent + slopes.1 * other.tangent)
    }

    /// A value that moves in steps.
    fn step(value: T) -> Dual<T> {
        Dual::constant(value)
    }
}

/// The derivative of `f` along the tangent `v` at `x`.
pub fn directional(f: impl Fn(&[Dual<f64>]) -> Dual<f64>, x: &[f64], v: &[f64]) -> f64 {
    let x: Vec<_> = x.iter().zip(v).map(|(&x, &v)| Dual::new(x, v)).collect();
    f(&x).tangent
}

/// The gradient of `f` at `x`, a direction for each component.
pub fn forward_gradient(f: impl Fn(&[Dual<f64>]) -> Dual<f64>, x: &[f64]) -> Vec<f64> {
    let unit = |k: usize| {
        let mut v = vec![0.0; x.len()];
        v[k] = 1.0;
        v
    };
    (0..x.len()).map(|k| directional(&f, x, &unit(k))).collect()
}

/// The second derivatives of `f` at `x`, by duals of duals.
pub fn forward_hessian(f: impl Fn(&[Dual<Dual<f64>>]) -> Dual<Dual<f64>>, x: &[f64]) -> Vec<Vec<f64>> {
    let one_if = |condition: bool| if condition { 1.0 } else { 0.0 };
    let entry = |i: usize, j: usize| {
        let x: Vec<_> = (x.iter().enumerate())
            .map(|(k, &x)| Dual { value: Dual::new(x, one_if(k == i)), tangent: Dual::constant(one_if(k == j)) })
            .collect();
        f(&x).tangent.tangent
    };
    (0..x.len()).map(|i| (0..x.len()).map(|j| entry(i, j)).collect()).collect()
}

impl<T: Real> From<f64> for Dual<T> {
    fn from(value: f64) -> Dual<T> {
        Dual::constant(T::from(value))
    }
}

impl<T: Real> fmt::Display for Dual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {}ε", self.value, self.tangent)
    }
}

impl<T: Real> PartialEq for Dual<T> {
    fn eq(&self, other: &Dual<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Real> PartialEq<f64> for Dual<T> {
    fn eq(&self, other: &f64) -> bool {
        self.value == *other
    }
}

impl<T: Real> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Dual<T>) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Real> PartialOrd<f64> for Dual<T> {
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.value.partial_cmp(other)
    }
}

impl<T: Real> Neg for Dual<T> {
    type Output = Dual<T>;
    fn neg(self) -> Dual<T> {
        Dual::new(-self.value, -self.tangent)
    }
}

macro_rules! operators {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident $op:tt ($x:ident, $y:ident) => $tangent:expr;)*) => { $(
        impl<T: Real> $Trait for Dual<T> {
            type Output = Dual<T>;
            fn $method(self, other: Dual<T>) -> Dual<T> {
                let ($x, $y) = (self, other);
                Dual::new($x.value $op $y.value, $tangent)
            }
        }

        impl<T: Real> $Trait<f64> for Dual<T> {
            type Output = Dual<T>;
            fn $method(self, other: f64) -> Dual<T> {
                self $op Dual::from(other)
            }
        }

        impl<T: Real> $Assign for Dual<T> {
            fn $assign(&mut self, other: Dual<T>) {
                *self = *self $op other;
            }
        }

        impl<T: Real> $Assign<f64> for Dual<T> {
            fn $assign(&mut self, other: f64) {
                *self = *self $op other;
            }
        }
    )* };
}
operators! {
    Add add AddAssign add_assign + (x, y) => x.tangent + y.tangent;
    Sub sub SubAssign sub_assign - (x, y) => x.tangent - y.tangent;
    Mul mul MulAssign mul_assign * (x, y) => x.value * y.tangent + x.tangent * y.value;
    Div div DivAssign div_assign / (x, y) =>
        (x.tangent * y.value - x.value * y.tangent) / (y.value * y.value);
    Rem rem RemAssign rem_assign % (x, y) => x.tangent - (x.value / y.value).trunc() * y.tangent;
}

impl<T: Real> Sum for Dual<T> {
    fn sum<I: Iterator<Item = Dual<T>>>(terms: I) -> Dual<T> {
        let (values, tangents): (Vec<T>, Vec<T>) = terms.map(|x| (x.value, x.tangent)).unzip();
        Dual::new(values.into_iter().sum(), tangents.into_iter().sum())
    }
}

impl<'a, T: Real> Sum<&'a Dual<T>> for Dual<T> {
    fn sum<I: Iterator<Item = &'a Dual<T>>>(terms: I) -> Dual<T> {
        terms.copied().sum()
    }
}

impl<'a, T: Real> Product<&'a Dual<T>> for Dual<T> {
    fn product<I: Iterator<Item = &'a Dual<T>>>(factors: I) -> Dual<T> {
        factors.copied().product()
    }
}

impl<T: Real> Product for Dual<T> {
    fn product<I: Iterator<Item = Dual<T>>>(factors: I) -> Dual<T> {
        factors.reduce(|x, y| x * y).unwrap_or(Dual::from(1.0))
    }
}
