//! Derivatives at kinks, poles, the ends of the range and outside the domain.

mod an_adjoint_of_zero;
mod at_a_kink;
mod at_a_pole;
mod outside_the_domain;
mod powers;
mod to_the_ends_of_the_range;

use scalargrad::{Op, Var, derivative, dot, graph, log_sum_exp, norm, softmax, sum};
use std::f64::consts::{LN_2, LN_10};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// The gradient at `x`, the same by a sweep and recorded.
#[track_caller]
fn slopes<const N: usize>(f: impl Fn([Var; N]) -> Var, x: [f64; N]) -> [f64; N] {
    graph::scope(|| {
        let x = x.map(Var::new);
        let z = f(x);
        z.backward();
        let swept = x.map(Var::grad);
        for (s, r) in swept.iter().zip(z.differentiate(&x)) {
            let r = r.value();
            let near = (s - r).abs() <= 16.0 * f64::EPSILON * s.abs();
            assert!(*s == r || near || s.is_nan() && r.is_nan(), "swept {s}, recorded {r}");
        }
        swept
    })
}

/// The first derivative at `x`.
#[track_caller]
fn slope(f: impl Fn(Var) -> Var, x: f64) -> f64 {
    slopes(|[x]| f(x), [x])[0]
}

/// The value and the derivatives up to `order` at `x`.
fn orders(f: impl Fn(Var) -> Var, x: f64, order: usize) -> Vec<f64> {
    graph::scope(|| {
        let x = Var::new(x);
        let mut d = vec![f(x)];
        for k in 0..order {
            d.push(d[k].differentiate(&[x])[0]);
        }
        d.iter().map(|d| d.value()).collect()
    })
}

#[track_caller]
fn assert_close(got: f64, expected: f64, units: f64) {
    let error = (got - expected).abs();
    assert!(
        error <= units * f64::EPSILON / 2.0 * expected.abs() || error <= 5e-324 * 4.0,
        "{got:e}, and not {expected:e}"
    );
}

#[track_caller]
fn assert_nan(x: f64) {
    assert!(x.is_nan(), "{x} and not NaN");
}
