//! The numbers of the other crates, each by the cheapest means that its crate offers.
//!
//! A crate without `relu` chooses by value between the number and a constant, which costs a tape
//! nothing.

use RustQuant_autodiff::{Max, Powi, Variable};
use echidna::{BReverse, Reverse};
use num_dual::{DualNum, DualSVec64};
use num_traits::Float;
#[cfg(feature = "xad-rs")]
use xad_rs::{AReal, Real, math::ad};

use crate::Scalar;
use crate::scalar::forward;

impl Scalar for Reverse<f64> {
    forward!(Float: recip, sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        echidna::Scalar::value(&self)
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        Reverse::constant(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        Float::powi(self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        if self.value() > 0.0 { self } else { Reverse::constant(0.0) }
    }
}

/// Recorded for replay, so that `relu` must be an operation.
impl Scalar for BReverse<f64> {
    forward!(Float: recip, sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        echidna::Scalar::value(&self)
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        BReverse::constant(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        Float::powi(self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        Float::max(self, BReverse::constant(0.0))
    }
}

impl Scalar for Variable<'_> {
    forward!(Self: recip, sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        self.value
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        self.graph.var(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        Powi::powi(&self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        Max::max(&self, 0.0)
    }
}

impl Scalar for reverse::Var<'_> {
    forward!(&Self: recip, sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        self.val
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        self.tape.add_var(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        reverse::Var::powi(&self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        if self.val > 0.0 { self } else { self.tape.add_var(0.0) }
    }
}

impl Scalar for aad::Variable<'_, f64> {
    forward!(Self: recip, sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        aad::Variable::value(&self)
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        aad::Variable::constant(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        Self::powi(self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        if Scalar::value(self) > 0.0 { self } else { aad::Variable::constant(0.0) }
    }
}

impl<const N: usize> Scalar for DualSVec64<N> {
    forward!(&DualNum: recip, sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        self.re
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        DualSVec64::from_re(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        -self + 1.0
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        DualNum::powi(&self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        if self.re > 0.0 { self } else { DualSVec64::from_re(0.0) }
    }
}

#[cfg(feature = "xad-rs")]
impl Scalar for AReal<f64> {
    forward!(&Real: sqrt, exp, ln, sin, cos, tanh);

    #[inline]
    fn value(self) -> f64 {
        AReal::value(&self)
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        AReal::new(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn recip(self) -> Self {
        1.0 / self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        ad::powi(&self, n)
    }

    #[inline]
    fn relu(self) -> Self {
        if Scalar::value(self) > 0.0 { self } else { AReal::new(0.0) }
    }

    #[inline]
    fn dot(a: &[Self], b: &[Self]) -> Self {
        ad::dot(a, b)
    }
}
