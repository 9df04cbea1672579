//! The workloads with scalargrad.

use std::array;

use scalargrad::{Var, graph};

use crate::scalar::forward;
use crate::{Derivatives, Scalar, Workload};

impl Scalar for Var {
    forward!(Self: recip, sqrt, exp, ln, sin, cos, tanh, relu);

    #[inline]
    fn value(self) -> f64 {
        Var::value(self)
    }

    #[inline]
    fn constant(self, value: f64) -> Self {
        Var::from(value)
    }

    #[inline]
    fn one_minus(self) -> Self {
        1.0 - self
    }

    #[inline]
    fn powi(self, n: i32) -> Self {
        Var::powi(self, n)
    }

    #[inline]
    fn dot(a: &[Self], b: &[Self]) -> Self {
        scalargrad::dot(a, b)
    }

    #[inline]
    fn log_sum_exp(x: &[Self]) -> Self {
        scalargrad::log_sum_exp(x)
    }
}

/// Records a workload at one of its points, sweeps once for each output, and reads all gradients.
#[inline]
pub fn differentiate<const N: usize, const M: usize>(
    workload: &impl Workload<N, M>,
    point: usize,
    out: &mut Derivatives<N, M>,
) {
    graph::scope(|| {
        let x = workload.points()[point].map(Var::new);
        let y = workload.eval(point, &x);
        for (m, y) in y.into_iter().enumerate() {
            out.value[m] = y.value();
            y.backward();
            out.gradient[m] = array::from_fn(|n| x[n].grad());
        }
    });
}
