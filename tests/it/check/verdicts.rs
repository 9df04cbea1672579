//! What is told of a first derivative: right, wrong, a kink, a jump, or not to be told.

use super::*;

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
    let bends: [Bend; 4] =
        [("sign", |d| -d), ("factor 2", |d| 2.0 * d), ("1e-6", |d| d * (1.0 + 1e-6)), ("missing", |_| 0.0)];
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
    assert_kink(component(|x| (x * x - 2.0 * x).clamp(-0.75, 9.0), 0.5), [-1.0, 0.0]);
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
        assert!(found.all(|c| c.verdict == Verdict::KinkInside), "{k} {mismatch}");
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
    assert_eq!(verdict(bent(|x| x * x.floor(), |d| d + 1e-6), 3.0), Verdict::Differs);
    assert_eq!(verdict(|x| if x == 2.0 { x + 1.0 } else { x }, 2.0), Verdict::Jump);
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
    // Infinite all around as a number, though the function has a slope.
    assert_eq!(verdict(|x| x * x, 1e200), Verdict::TooInaccurate);
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
