//! The checker: right derivatives pass everywhere, wrong ones nowhere, and what it cannot tell it says.

use scalargrad::check::{self, Check, Component, Mismatch, Report, Verdict};
use scalargrad::{CustomOp, Var, dot, graph, log_sum_exp, norm};

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

type Map = fn(Var) -> Var;
type Function = (&'static str, Map, &'static [f64]);

/// Smooth functions at points of all sizes where they are well conditioned.
#[rustfmt::skip]
const SMOOTH: &[Function] = &[
    ("x", |x| x, &[0.0, 1e-300, 1e-8, 1.0, 1e8, 1e300]),
    ("3x + 2", |x| 3.0 * x + 2.0, &[0.0, -1e-8, 5.0, 1e8]),
    ("x²", |x| x * x, &[0.0, 1e-150, 1e-8, 1.0, 1e8, 1e150]),
    ("x³ − 3x", |x| x.powi(3) - 3.0 * x, &[-1.0, 0.0, 1.0, 2.5]),
    ("x⁴", |x| x.powi(4), &[0.0, 1e-60, 2.0]),
    ("1/x", |x| 1.0 / x, &[1e-100, -1e-8, 1.0, 1e8, 1e100]),
    ("√x", |x| x.sqrt(), &[1e-300, 1e-8, 1.0, 1e8, 1e300]),
    ("∛x", |x| x.cbrt(), &[-1e-300, 1e-8, 1.0, 1e8, 1e300]),
    ("eˣ", |x| x.exp(), &[-700.0, -50.0, 0.0, 1e-8, 1.0, 50.0, 700.0]),
    ("ln x", |x| x.ln(), &[1e-300, 1e-20, 1e-8, 1.0, 3.0, 1e8, 1e300]),
    ("ln(1 + x)", |x| (x + 1.0).ln(), &[0.0, 1e-8, 1.0, 1e8]),
    ("sin x", |x| x.sin(), &[0.0, 1e-300, 1e-8, 1.0, std::f64::consts::PI, 1e4]),
    ("sin 50x", |x| (50.0 * x).sin(), &[0.0, 0.1, 1.0, 3.0, 100.0]),
    ("sin 2π64x", |x| (x * (128.0 * std::f64::consts::PI)).sin(), &[0.0, 1.0, 7.0]),
    ("sin 1e20x", |x| (1e20 * x).sin(), &[0.0, 1e-20, 3e-20]),
    ("sin 1e30x", |x| (1e30 * x).sin(), &[0.0, 1e-30]),
    ("tan x", |x| x.tan(), &[0.0, 1.0, 1.57, -1.5]),
    ("tanh x", |x| x.tanh(), &[0.0, 1e-8, 1.0, -5.0]),
    ("asin x", |x| x.asin(), &[0.0, 0.5, 0.999999, -0.99]),
    ("asin 1e9x", |x| (1e9 * x).asin(), &[0.0, 5e-10]),
    ("ln(x − 1 + 1e-8)", |x| (x - 0.99999999).ln(), &[1.0]),
    ("e^(−x²)", |x| (-x * x).exp(), &[0.0, 1.0, 4.0]),
    ("x eˣ 1e300", |x| x * x.exp() * 1e300, &[1.0, 0.01]),
    ("x 1e-300", |x| x * 1e-300, &[1.0, 1e-8]),
    ("ln Γ", |x| x.ln_gamma(), &[0.3, 1.0, 1.5, 2.0, 50.0, 1e8]),
    ("erf", |x| x.erf(), &[0.0, 1e-8, 1.0]),
    ("σ", |x| x.sigmoid(), &[-300.0, 0.0, 3.0]),
    ("relu(x) away from its kink", |x| x.relu(), &[1e-8, 1.0, 1e8, -1.0, -1e-8]),
    ("|x| just beside its kink", |x| x.abs(), &[1e-9, -1e-12, 1e-200]),
    ("1 + |x| just beside its kink", |x| x.abs() + 1.0, &[1e-3, 1e-6]),
    ("⌊x⌋ between its jumps", |x| x.floor(), &[0.5, 1.2, 1e8 + 0.5, 1.000001]),
    ("⌊1000x⌋", |x| (x * 1000.0).floor(), &[0.5004, 1.2003]),
    ("constant", |_| Var::constant(1e12), &[0.0, 1.0]),
];

#[test]
fn right_derivatives_agree_over_all_scales() {
    let mut wrong = Vec::new();
    for &(name, f, points) in SMOOTH {
        for &x in points {
            let c = component(f, x);
            if c.verdict != Verdict::Agrees {
                wrong.push(format!("{name} at {x}: {c:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn estimates_are_accurate_and_their_errors_honest() {
    let mut wrong = Vec::new();
    for &(name, f, points) in SMOOTH {
        for &x in points {
            let c = component(f, x);
            let off = (c.numeric - c.analytic).abs();
            let sharp = c.error <= 1e-7 * c.analytic.abs() || c.analytic.abs() < 1e-6;
            if off > c.error || !sharp {
                wrong.push(format!("{name} at {x}: {c:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn wrong_derivatives_differ_over_all_scales() {
    type Bend = (&'static str, fn(f64) -> f64);
    let bends: [Bend; 4] = [
        ("sign", |d| -d),
        ("factor 2", |d| 2.0 * d),
        ("1e-6", |d| d * (1.0 + 1e-6)),
        ("missing", |_| 0.0),
    ];
    let mut passed = Vec::new();
    for &(name, f, points) in SMOOTH {
        for &x in points.iter().filter(|&&x| component(f, x).analytic != 0.0) {
            for (bend_name, bend) in bends {
                let c = component(bent(f, bend), x);
                if c.verdict != Verdict::Differs {
                    passed.push(format!("{name} at {x}, {bend_name}: {c:?}"));
                }
            }
            let c = component(bent(f, |_| f64::NAN), x);
            assert_eq!(c.verdict, Verdict::Differs, "{name} at {x}: {c:?}");
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

/// Whether it is a kink between these slopes.
#[track_caller]
fn assert_kink(c: Component, slopes: [f64; 2]) {
    match c.verdict {
        Verdict::Kink { left, right } => {
            let off = (left - slopes[0]).abs() + (right - slopes[1]).abs();
            assert!(off < 1e-9 * (1.0 + right.abs()), "{c:?}");
        }
        _ => panic!("{c:?}"),
    }
}

#[test]
fn a_kink_is_reported_and_any_subgradient_accepted() {
    use std::f64::consts::PI;
    assert_kink(component(|x| x.abs(), 0.0), [-1.0, 1.0]);
    assert_kink(component(|x| x.relu(), 0.0), [0.0, 1.0]);
    assert_kink(component(|x| (x - 1.0).abs() + 7.0, 1.0), [-1.0, 1.0]);
    assert_kink(component(|x| x.max(0.25), 0.25), [0.0, 1.0]);
    assert_kink(
        component(|x| (x * x - 2.0 * x).clamp(-0.75, 9.0), 0.5),
        [-1.0, 0.0],
    );
    assert_kink(component(|x| x.sin().abs(), PI), [-1.0, 1.0]);
    assert_kink(component(|x| (x * x).max(3.0 * x) * 1e8, 3.0), [3e8, 6e8]);
    assert_eq!(verdict(|x| x.max(x), 1.0), Verdict::Agrees);
    for slope in [-1.0, -0.3, 0.0, 1.0] {
        assert_kink(component(bent(|x| x.abs(), |_| slope), 0.0), [-1.0, 1.0]);
    }
    for slope in [-1.0 - 1e-6, 1.0 + 1e-6, f64::NAN, f64::INFINITY] {
        assert_eq!(verdict(bent(|x| x.abs(), |_| slope), 0.0), Verdict::Differs);
    }
}

#[test]
fn at_a_kink_there_is_no_estimate_of_a_derivative() {
    let kinks: [(Map, f64); 4] = [
        (|x| x.abs(), 0.0),
        (|x| x.relu() + x.exp(), 0.0),
        (|x| (x - 0.1).abs() + (x * 10.0).sin(), 0.1),
        (|x| x.abs() + 1e9, 0.0),
    ];
    for (k, (f, x)) in kinks.into_iter().enumerate() {
        let c = component(f, x);
        assert!(matches!(c.verdict, Verdict::Kink { .. }), "{k} {c:?}");
        assert!(c.numeric.is_nan() && c.error.is_nan(), "{k} {c:?}");
    }
    // Rounding all but hides the sides; their mean is not a derivative.
    for size in [1e13, 3e13, 1e14] {
        for scale in [1.0, 0.3, 2.0] {
            let c = component(|x| x.abs() * scale + size, 0.0);
            let is_kink = matches!(c.verdict, Verdict::Kink { .. });
            assert!(is_kink || c.verdict == Verdict::TooInaccurate, "{c:?}");
            // It may say that there is a slope between the two, but not that it knows it.
            assert!(c.numeric.is_nan() || c.error >= 0.5 * scale, "{c:?}");
        }
    }
    let cusp = component(|x| x.abs().sqrt(), 0.0);
    assert!(cusp.numeric.is_nan(), "{cusp:?}");
}

#[test]
fn second_derivatives_at_a_kink_inside_are_told_from_wrong_ones() {
    type Function = fn(&[Var]) -> Var;
    let huber = |x: &[Var]| {
        let a = x[0].abs();
        let q = a.min(1.0);
        0.5 * q * q + (a - q) + x[1]
    };
    let cases: [(Function, [f64; 2]); 5] = [
        (|x| x[0].abs().powi(2) + x[1], [0.0, 1.0]),
        (|x| norm(x).powi(2), [0.0, 0.0]),
        (|x| x[0].hypot(x[1]).powi(2), [0.0, 0.0]),
        (|x| x[0].max(x[1]).powi(2), [0.0, 0.0]),
        (huber, [0.0, 1.0]),
    ];
    for (k, (f, x)) in cases.into_iter().enumerate() {
        check::assert_gradient(f, &x);
        let mismatch = check::hessian(f, &x).unwrap_err();
        let mut found = mismatch.iter();
        assert!(
            found.all(|c| c.verdict == Verdict::KinkInside),
            "{k} {mismatch}"
        );
        assert!(mismatch.to_string().contains("kink"), "{k} {mismatch}");
    }
    // Smooth, and nothing inside has a kink: a wrong derivative is that.
    let wrong = |x: &[Var]| Var::apply(Cube, &x[..1]);
    let mismatch = check::hessian(wrong, &[1.5]).unwrap_err();
    assert!(mismatch.iter().all(|c| c.verdict == Verdict::Differs));
    check::assert_hessian(|x| norm(x).powi(2), &[0.0, 1.0]);
    check::assert_hessian(|x| x[0].abs().powi(2), &[1e-3]);
}

/// The cube, of which only the first partial is right: its own is left out.
struct Cube;
impl CustomOp for Cube {
    fn value(&self, x: &[f64]) -> f64 {
        x[0].powi(3)
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![(x[0] * x[0]).detach() * 3.0]
    }
}

#[test]
fn a_kink_too_near_to_tell_from_one_at_the_point_is_reported_as_one() {
    let c = component(|x| (x - 1.0).abs(), 1.0 + 4.0 * f64::EPSILON);
    assert!(matches!(c.verdict, Verdict::Kink { .. }), "{c:?}");
}

#[test]
fn a_jump_is_reported_and_the_continuous_side_decides() {
    assert_eq!(verdict(|x| x.floor(), 1.0), Verdict::Jump);
    assert_eq!(verdict(|x| x.ceil(), 1.0), Verdict::Jump);
    assert_eq!(verdict(|x| x.round(), 2.5), Verdict::Jump);
    assert_eq!(verdict(|x| x.signum() * 1e-9 + 1.0, 0.0), Verdict::Jump);
    assert_eq!(verdict(|x| x * x.floor(), 3.0), Verdict::Jump);
    assert_eq!(verdict(|x| x.exp() + x.floor(), 1e8), Verdict::Undefined);
    assert_eq!(
        verdict(bent(|x| x * x.floor(), |d| d + 1e-6), 3.0),
        Verdict::Differs
    );
    assert_eq!(
        verdict(|x| if x == 2.0 { x + 1.0 } else { x }, 2.0),
        Verdict::Jump
    );
}

#[test]
fn at_the_edge_of_the_domain_one_side_decides() {
    let cases: [(Map, f64); 5] = [
        (|x| x.powf(1.5), 0.0),
        (|x| x.powf(2.5) + 1.0, 0.0),
        (|x| x.xlogy(x) * x, 0.0),
        (|x| (x - 3.0).sqrt().powi(3) + x, 3.0),
        (|x| (1.0 - x * x).sqrt().powi(4) * x, 1.0),
    ];
    for (k, (f, x)) in cases.into_iter().enumerate() {
        let c = component(f, x);
        assert_eq!(c.verdict, Verdict::Edge, "{k} {c:?}");
        let c = component(bent(f, |d| d + 1e-3), x);
        assert_eq!(c.verdict, Verdict::Differs, "{k} {c:?}");
    }
}

#[test]
fn infinite_slopes_are_recognised() {
    let cases: [(Map, f64, f64); 12] = [
        (|x| x.sqrt(), 0.0, 1.0),
        (|x| -x.sqrt() + 3.0, 0.0, -1.0),
        (|x| x.cbrt(), 0.0, 1.0),
        (|x| x.powf(0.9), 0.0, 1.0),
        (|x| x.powf(0.1), 0.0, 1.0),
        (|x| x.asin(), 1.0, 1.0),
        (|x| x.asin(), -1.0, 1.0),
        (|x| x.acos(), 1.0, -1.0),
        (|x| x.acosh(), 1.0, 1.0),
        (|x| x.ln(), 0.0, 1.0),
        (|x| x.recip(), 0.0, -1.0),
        (|x| (x - 5.0).sqrt(), 5.0, 1.0),
    ];
    for (k, (f, x, sign)) in cases.into_iter().enumerate() {
        let c = component(f, x);
        assert_eq!(c.verdict, Verdict::Unbounded, "{k} {c:?}");
        assert_eq!(c.analytic, sign * f64::INFINITY, "{k} {c:?}");
        for wrong in [0.0, 1.0, -sign * 1e300, -sign * f64::INFINITY, f64::NAN] {
            let c = component(|x| Var::custom("bent", f(x).value(), [(x, wrong)]), x);
            // An infinite value tells little by itself, but not that the slope is a number.
            if f(Var::from(x)).value().is_finite() || wrong == 1.0 || wrong == 0.0 {
                assert_eq!(c.verdict, Verdict::Differs, "{k} {c:?}");
            }
        }
    }
}

#[test]
fn an_absorbed_infinity_is_seen() {
    // 2 acosh x · acosh′ x is 0 · ∞ at 1, of which the sweep makes 0.
    let c = component(|x| x.acosh() * x.acosh(), 1.0);
    assert_eq!((c.verdict, c.analytic), (Verdict::Differs, 0.0));
    assert!((c.numeric - 2.0).abs() < 1e-9);
}

#[test]
fn a_cusp_accepts_every_slope() {
    assert_eq!(verdict(|x| x.abs().sqrt(), 0.0), Verdict::Unbounded);
}

#[test]
fn outside_the_domain_a_derivative_has_to_show_it() {
    assert_eq!(verdict(|x| x.ln(), -1.0), Verdict::Undefined);
    assert_eq!(verdict(|x| x.asin(), 2.0), Verdict::Undefined);
    assert_eq!(verdict(|x| x.exp(), 1000.0), Verdict::Undefined);
    assert_eq!(verdict(|x| x.sqrt(), f64::NAN), Verdict::Undefined);
    let lie = |x: Var| Var::custom("ln", x.value().ln(), [(x, 1.0 / x.value())]);
    assert_eq!(verdict(lie, -1.0), Verdict::Differs);
    for finite in [0.0, 1.0] {
        let lie = |x: Var| Var::custom("ln", x.value().ln(), [(x, finite)]);
        assert_eq!(verdict(lie, -1.0), Verdict::Differs);
    }
    let undefined = |x: Var| x * 0.0 + Var::constant(f64::NAN);
    assert_eq!(verdict(undefined, 1.0), Verdict::Differs);
    // Infinite all around, and constant so.
    let masked = |x: Var| x.max(f64::INFINITY);
    assert_eq!(verdict(masked, 1.0), Verdict::Undefined);
    // One NaN is enough: the other component is what it is.
    let report = check::gradient(|x| x[0].ln() + x[1], &[-1.0, 2.0]).unwrap();
    assert!(report.iter().all(|c| c.verdict == Verdict::Undefined));
}

#[test]
fn what_differences_cannot_tell_is_said_not_passed() {
    let hidden: [(Map, f64); 5] = [
        (|x| 1e12 + 1e-6 * x, 1.0),
        (|x| 1e12 + 1e-6 * x.sin(), 0.3),
        (|x| x.sigmoid(), 40.0),
        (|x| (1e16 + x) - 1e16, 0.3),
        // Here the gradient is the one that is inaccurate.
        (|x| (1.0 - x.cos()) / (x * x), 1e-4),
    ];
    for (k, (f, x)) in hidden.into_iter().enumerate() {
        let c = component(f, x);
        assert_eq!(c.verdict, Verdict::TooInaccurate, "{k} {c:?}");
        assert!(c.error > 1e-3 * c.analytic.abs());
        let report = check::gradient(|x| f(x[0]), &[x]).unwrap();
        assert!(!report.is_conclusive());
    }
}

#[test]
#[should_panic(expected = "finite differences are too inaccurate to tell")]
fn an_assertion_does_not_pass_what_it_cannot_tell() {
    check::assert_gradient(|x| 1e12 + 1e-6 * x[0], &[1.0]);
}

#[test]
fn a_cancellation_inside_widens_the_error_and_not_the_verdict() {
    let cases: [(Map, f64); 5] = [
        (|x| (1e8 + x) - 1e8, 0.3),
        (|x| (1e8 + x).powi(2) - 1e16, 1.0),
        (|x| (1.0 + x).ln(), 1e-8),
        (|x| (1.0 - x.cos()) / (x * x), 1e-2),
        (|x| (1e10 * x.sin() - 1e10 * x) / 1e10, 0.1),
    ];
    for (k, (f, x)) in cases.into_iter().enumerate() {
        let c = component(f, x);
        assert_eq!(c.verdict, Verdict::Agrees, "{k} {c:?}");
        let wrong = component(bent(f, |d| d * 1.01), x);
        assert_eq!(wrong.verdict, Verdict::Differs, "{k} {wrong:?}");
    }
}

#[test]
fn values_coarser_than_f64_are_not_taken_for_a_constant() {
    let single = |x: Var| {
        let x32 = x.value() as f32;
        Var::custom("f32", x32.sin() as f64, [(x, x.value().cos())])
    };
    let c = component(single, 0.5);
    assert_eq!(c.verdict, Verdict::TooInaccurate, "{c:?}");
    assert!((c.numeric - c.analytic).abs() < 1e-4, "{c:?}");
    assert_eq!(verdict(bent(single, |d| -d), 0.5), Verdict::Differs);
    // But a straight-through estimator is wrong.
    let through = |x: Var| Var::custom("round", x.value().round(), [(x, 1.0)]);
    assert_eq!(verdict(through, 1.2), Verdict::Differs);
}

fn rosenbrock(x: &[Var]) -> Var {
    x.windows(2)
        .map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2))
        .sum()
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
    check::assert_hessian(
        |x| (x[0] * x[1]).sin() * x[2].exp() / x[0],
        &[0.7, 2.0, -1.0],
    );
    check::assert_hessian(|x| x[0].powf(x[1]) + x[1].atan2(x[0]), &[0.7, 2.0]);
    check::assert_hessian(norm, &[1.0, -2.0, 3.0]);
    check::assert_hessian(|x| x[0].powi(3) * 1e-12 + 1e8 * x[1].tanh(), &[1e4, 0.5]);
    let kink = check::hessian(|x| x[0] * x[0].abs(), &[0.0]).unwrap();
    let (left, right) = (-2.0, 2.0);
    assert_eq!(
        kink.iter().next().unwrap().verdict,
        Verdict::Kink { left, right }
    );
    let undefined = check::hessian(|x| x[0].acos(), &[3.0]).unwrap();
    assert!(undefined.iter().all(|c| c.verdict == Verdict::Undefined));
    assert!(undefined.iter().all(|c| c.analytic.is_nan()));
    let jump = check::hessian(|x| x[0].relu(), &[0.0]).unwrap();
    assert_eq!(jump.iter().next().unwrap().verdict, Verdict::Jump);
}

/// `x y²` whose partials lack a term at second order.
struct Forgetful;

impl scalargrad::CustomOp for Forgetful {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[1] * x[1]
    }

    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![x[1] * x[1], 2.0 * x[0].detach() * x[1]]
    }
}

#[test]
fn a_wrong_second_derivative_differs_though_the_gradient_is_right() {
    let f = |x: &[Var]| Var::apply(Forgetful, x);
    check::assert_gradient(f, &[2.0, 3.0]);
    let mismatch = check::hessian(f, &[2.0, 3.0]).unwrap_err();
    let wrong: Vec<_> = mismatch
        .iter()
        .map(|c| (c.of, c.index, c.analytic))
        .collect();
    assert_eq!(wrong, [(Some(1), 0, 0.0)]);
    assert!(mismatch.to_string().contains("∂²f/∂x[1]∂x[0]"));
}

#[test]
fn a_mismatch_prints_as_an_aligned_table() {
    let f = |x: &[Var]| x[0] * x[1] + Var::custom("bend", 0.0, [(x[0], 1.0), (x[1], -1e9)]);
    let mismatch = check::gradient(f, &[1.5, -20.0]).unwrap_err();
    let text = mismatch.to_string();
    assert_eq!(format!("{mismatch:?}"), text);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "2 of 2 derivatives differ from finite differences at x = [1.5, -20.0]"
    );
    assert_eq!(lines.len(), 4);
    for word in ["at", "analytic", "numeric", "± error", "step"] {
        let end = |line: &str, word: &str| {
            line.chars().count() - line.split_once(word).unwrap().1.chars().count()
        };
        let end = end(lines[1], word);
        for line in &lines[2..] {
            let cell: Vec<char> = line.chars().collect();
            assert!(cell[end - 1] != ' ' && cell[end] == ' ', "{word}\n{text}");
        }
    }
    assert!(lines[2].ends_with("DIFFERS"));
    let error: &dyn std::error::Error = &mismatch;
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_report_prints_every_component_and_a_long_point_in_short() {
    let report: Report = check::gradient(scalargrad::sum, &[1.0; 20]).unwrap();
    let text = report.to_string();
    assert!(text.starts_with("derivatives against finite differences at x = [1.0, 1.0,"));
    assert!(text.lines().next().unwrap().ends_with("] and 12 more"));
    assert_eq!(text.lines().count(), 22);
    assert_eq!((&report).into_iter().count(), report.point().len());
}

#[test]
#[should_panic(expected = "∂f/∂x[1]  3.0  -2.0000000000  2.0000000000")]
fn a_failed_assertion_shows_the_table() {
    check::assert_gradient(
        |x| x[0] * x[1] + Var::custom("bend", 0.0, [(x[1], -4.0)]),
        &[2.0, 3.0],
    );
}

#[test]
fn a_question_mark_carries_a_mismatch() {
    fn run() -> Result<Report, Box<dyn std::error::Error>> {
        let mismatch: Mismatch =
            check::gradient(|x| Var::custom("c", 0.0, [(x[0], 1.0)]), &[0.0]).unwrap_err();
        Err(mismatch)?
    }
    assert!(run().unwrap_err().to_string().contains("∂f/∂x[0]"));
}

#[test]
fn settings_move_the_largest_step_and_the_tolerance() {
    let f = |x: &[Var]| 1e12 + 1e-6 * x[0];
    assert!(
        Check::new()
            .step(1e9)
            .gradient(f, &[1.0])
            .unwrap()
            .is_conclusive()
    );
    assert!(
        Check::new()
            .tolerance(1e-2)
            .gradient(f, &[1.0])
            .unwrap()
            .is_conclusive()
    );
    let slight = |x: &[Var]| x[0] + Var::custom("bend", 0.0, [(x[0], 1e-7)]);
    assert!(check::gradient(slight, &[1.0]).is_err());
    assert!(
        Check::new()
            .tolerance(1e-6)
            .gradient(slight, &[1.0])
            .is_ok()
    );
    assert!(
        Check::new()
            .tolerance(1e-6)
            .hessian(rosenbrock, &[1.0, 2.0])
            .is_ok()
    );
}

#[test]
fn a_check_leaves_the_graph_and_its_gradients_alone() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    (x * y).backward();
    let before = graph::len();
    check::assert_gradient(|z| z[0] * x * y + z[0].sin(), &[0.5]);
    check::assert_hessian(|z| z[0] * x * y + z[0].sin(), &[0.5]);
    assert_eq!((graph::len(), x.grad(), y.grad()), (before, 2.0, 3.0));
}

#[test]
fn a_function_may_take_derivatives_itself() {
    check::assert_gradient(
        |x| {
            let inner = (x[0].sin() * x[1]).differentiate(&[x[0]])[0];
            inner * x[1]
        },
        &[0.4, 1.5],
    );
}

#[test]
fn every_step_and_no_more_than_some_are_evaluated() {
    let count = std::cell::Cell::new(0);
    let f = |x: &[Var]| {
        count.set(count.get() + 1);
        x[0].exp()
    };
    check::assert_gradient(f, &[1.0]);
    assert!((20..90).contains(&count.get()), "{}", count.get());
}

#[test]
fn no_grad_around_a_check_changes_nothing() {
    let f = |x: &[Var]| (x[0] * x[1]).sin() / x[1];
    let at = [0.5, 3.0];
    let (first, second) = (check::gradient(f, &at), check::hessian(f, &at));
    graph::no_grad(|| {
        assert_eq!(check::gradient(f, &at), first);
        assert_eq!(check::hessian(f, &at), second);
        // A function that takes derivatives itself.
        check::assert_gradient(|x| (x[0].sin() * x[1]).differentiate(&[x[0]])[0], &at);
        let bent = |x: &[Var]| x[0] * x[1] + Var::custom("bend", 0.0, [(x[1], -4.0)]);
        assert!(check::gradient(bent, &at).is_err());
    });
    assert!(first.is_ok_and(|report| report.is_conclusive()));
    assert!(second.is_ok_and(|report| report.iter().all(|c| c.analytic != 0.0)));
}

#[test]
fn a_constant_that_varies_by_rounding_alone_agrees() {
    // Beyond a step of 0.5 the whole part is another, and the fraction a unit in the last place more.
    let f = |x: &[Var]| (x[0].silu().ceil() - 0.51).fract();
    check::assert_gradient(f, &[1.8]);
    // A variation that rounding hides is not a constant.
    let hidden = |x: &[Var]| (x[0] + 1e20) - 1e20 - x[0].detach();
    assert!(!check::gradient(hidden, &[1.8]).is_ok_and(|report| report.is_conclusive()));
}
