//! The checker: right derivatives pass everywhere, wrong ones nowhere, and what it cannot tell it says.

mod reports;
mod settings;
mod verdicts;

use scalargrad::check::{self, Check, Component, Mismatch, Report, Verdict};
use scalargrad::{CustomOp, Var, dot, graph, log_sum_exp, norm, softmax, sum};

/// The only component of a function of one variable.
fn component(f: impl Fn(Var) -> Var, x: f64) -> Component {
    match check::gradient(|x| f(x[0]), &[x]) {
        Ok(report) => *report.iter().next().unwrap(),
        Err(mismatch) => *mismatch.iter().next().unwrap(),
    }
}

fn verdict(f: impl Fn(Var) -> Var, x: f64) -> Verdict {
    component(f, x).verdict
}

/// `f` with a derivative that is `bent` from the right one.
fn bent(f: impl Fn(Var) -> Var, bend: impl Fn(f64) -> f64) -> impl Fn(Var) -> Var {
    move |x| {
        let slope = graph::scope(|| {
            let x = Var::new(x.value());
            f(x).gradients().wrt(x)
        });
        f(x) + Var::custom("bend", 0.0, [(x, bend(slope) - slope)])
    }
}

fn rosenbrock(x: &[Var]) -> Var {
    x.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum()
}

#[test]
fn functions_of_several_variables_are_checked_in_each() {
    check::assert_gradient(rosenbrock, &[1.0; 4]);
    check::assert_gradient(rosenbrock, &[-1.2, 1.0, 3.0, 0.0, 1e-8]);
    check::assert_gradient(|x| dot(x, x) + norm(x) + log_sum_exp(x), &[0.1, -3.0, 2.0]);
    check::assert_gradient(norm, &[3e200, 4e200, 1e199]);
    check::assert_gradient(|x| x[0], &[1.0, 2.0, f64::MAX]);
    check::assert_gradient(|_| Var::constant(1.0), &[]);
}

#[test]
fn every_wrong_component_is_listed_and_no_right_one() {
    let f = |x: &[Var]| {
        let value = x[0].value() * x[1].value() * x[2].value();
        Var::custom("product", value, [(x[0], 6.0), (x[1], 3.1), (x[2], -2.0)])
    };
    let mismatch = check::gradient(f, &[1.0, 2.0, 3.0]).unwrap_err();
    let wrong: Vec<usize> = mismatch.iter().map(|c| c.index).collect();
    assert_eq!(wrong, [1, 2]);
    assert_eq!(mismatch.report().iter().count(), 3);
    for c in &mismatch.iter().copied().collect::<Vec<_>>() {
        assert!((c.numeric - [6.0, 3.0, 2.0][c.index]).abs() <= c.error);
        assert_eq!((c.at, c.of), (c.index as f64 + 1.0, None));
    }
}

#[test]
fn second_derivatives_agree_with_differences_of_the_gradient() {
    check::assert_hessian(rosenbrock, &[-1.2, 1.0, 3.0]);
    check::assert_hessian(|x| (x[0] * x[1]).sin() * x[2].exp() / x[0], &[0.7, 2.0, -1.0]);
    check::assert_hessian(|x| x[0].powf(x[1]) + x[1].atan2(x[0]), &[0.7, 2.0]);
    check::assert_hessian(norm, &[1.0, -2.0, 3.0]);
    check::assert_hessian(|x| x[0].powi(3) * 1e-12 + 1e8 * x[1].tanh(), &[1e4, 0.5]);
    let kink = check::hessian(|x| x[0] * x[0].abs(), &[0.0]).unwrap();
    let (left, right) = (-2.0, 2.0);
    assert_eq!(kink.iter().next().unwrap().verdict, Verdict::Kink { left, right });
    let undefined = check::hessian(|x| x[0].acos(), &[3.0]).unwrap();
    assert!(undefined.iter().all(|c| c.verdict == Verdict::Undefined));
    assert!(undefined.iter().all(|c| c.analytic.is_nan()));
    let jump = check::hessian(|x| x[0].relu(), &[0.0]).unwrap();
    assert_eq!(jump.iter().next().unwrap().verdict, Verdict::Jump);
}

#[test]
fn a_function_that_is_constant_up_to_rounding_passes() {
    let mut random = 1u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as f64 / (1u64 << 31) as f64 * 4.0 - 2.0
    };
    for _ in 0..100 {
        let x = [next(), next(), next()];
        check::assert_gradient(|x| sum(&softmax(x)), &x);
        check::assert_gradient(|x| log_sum_exp(&x.iter().map(|&y| y - log_sum_exp(x)).collect::<Vec<_>>()), &x);
        let rotated = |x: &[Var]| {
            let (sin, cos) = x[0].sin_cos();
            let (y, z) = (cos * 1.5 - sin * 0.7, sin * 1.5 + cos * 0.7);
            y * y + z * z
        };
        check::assert_gradient(rotated, &x);
        check::assert_gradient(|x| x[0].sin().powi(2) + x[0].cos().powi(2) + 0.0 * x[1], &x);
        let mean = |x: &[Var]| sum(x) / 3.0;
        let centred = |x: &[Var]| x.iter().map(|&y| y - mean(x)).collect::<Vec<_>>();
        let variance = |x: &[Var]| {
            let d = centred(x);
            scalargrad::dot(&d, &d) / 3.0
        };
        let score = move |x: &[Var]| {
            let sd = variance(x).sqrt();
            centred(x).iter().map(|&d| (d / sd).powi(2)).sum::<Var>()
        };
        check::assert_gradient(score, &x);
    }
}
