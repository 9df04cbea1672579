//! Generic code asks its numbers; what it does with the answers is right on replay, or refused.

mod programs;

use approx::{AbsDiffEq, RelativeEq, UlpsEq};
use num_traits::{Euclid, Float, One, Signed, Zero};
use proptest::prelude::*;
use scalargrad::function::{Function, Recorder, ReplayError};
use scalargrad::{Real, Var};
use std::cmp::Ordering;
use std::num::FpCategory;

type Question = (&'static str, fn(Var) -> bool, f64, f64);

/// Each with a number of which the answer is yes, and one of which it is no.
const QUESTIONS: &[Question] = &[
    ("is_nan", |x| x.is_nan(), f64::NAN, 1.0),
    ("is_infinite", |x| x.is_infinite(), f64::NEG_INFINITY, 1.0),
    ("is_finite", |x| x.is_finite(), 1.0, f64::INFINITY),
    ("is_normal", |x| x.is_normal(), 1.0, 0.0),
    ("is_subnormal", |x| x.is_subnormal(), 1e-310, 1.0),
    ("is_sign_positive", |x| x.is_sign_positive(), 0.0, -0.0),
    ("is_sign_negative", |x| x.is_sign_negative(), -0.0, 0.0),
    ("classify", |x| x.classify() == FpCategory::Zero, 0.0, 2.0),
    ("total_cmp", |x| x.total_cmp(&Var::constant(0.0)) == Ordering::Less, -0.0, 0.0),
    ("Float::is_nan", |x| Float::is_nan(x), f64::NAN, 1.0),
    ("Float::is_infinite", |x| Float::is_infinite(x), f64::INFINITY, 1.0),
    ("Float::is_finite", |x| Float::is_finite(x), 1.0, f64::NAN),
    ("Float::is_normal", |x| Float::is_normal(x), 1.0, 1e-320),
    ("Float::is_subnormal", |x| Float::is_subnormal(x), 1e-310, 0.0),
    ("Float::is_sign_positive", |x| Float::is_sign_positive(x), 1.0, -1.0),
    ("Float::is_sign_negative", |x| Float::is_sign_negative(x), -1.0, 1.0),
    ("Float::classify", |x| Float::classify(x) == FpCategory::Nan, f64::NAN, 2.0),
    ("Real::is_nan", |x| Real::is_nan(x), f64::NAN, 1.0),
    ("Real::is_infinite", |x| Real::is_infinite(x), f64::INFINITY, 1.0),
    ("Real::is_finite", |x| Real::is_finite(x), 1.0, f64::NAN),
    ("Real::is_sign_negative", |x| Real::is_sign_negative(x), 1.0, -1.0),
    ("Real::total_cmp", |x| Real::total_cmp(&x, &Var::constant(0.0)).is_lt(), 1.0, -1.0),
    ("Signed::is_positive", |x| Signed::is_positive(&x), 0.0, -0.0),
    ("Signed::is_negative", |x| Signed::is_negative(&x), -1.0, 1.0),
    ("is_zero", |x| x.is_zero(), 0.0, 1.0),
    ("is_one", |x| x.is_one(), 1.0, 0.0),
];

#[test]
fn a_question_is_a_guard_with_the_users_line() {
    for &(name, ask, yes, no) in QUESTIONS {
        for (here, there) in [(yes, no), (no, yes)] {
            let f = Function::record(&[here], |x| if ask(x[0]) { x[0] * 2.0 } else { x[0] });
            assert!(f.frozen_reads().is_empty() && f.guards() > 0, "{name}");
            assert!(f.value(&[here]).is_ok(), "{name}");
            let Err(ReplayError::BranchChanged(change)) = f.value(&[there]) else {
                panic!("{name} of {here:?} is not refused at {there:?}");
            };
            assert!(change.place().contains("questions.rs"), "{name}: {}", change.place());
            let expected = if ask(Var::constant(there)) { there * 2.0 } else { there };
            let mut recorder = Recorder::new(|x: &[Var]| if ask(x[0]) { x[0] * 2.0 } else { x[0] });
            recorder.gradient(&[here]);
            let (value, _) = recorder.gradient(&[there]);
            assert!(value == expected || value.is_nan() && expected.is_nan(), "{name}");
            assert_eq!(recorder.variants().len(), 2, "{name}");
        }
    }
}

#[test]
fn a_comparison_within_a_tolerance_is_a_guard() {
    type Close = fn(Var, Var) -> bool;
    let comparisons: [Close; 5] = [
        |x, y| x.abs_diff_eq(&y, 0.1.into()),
        |x, y| x.relative_eq(&y, 1e-3.into(), 0.1.into()),
        |x, y| x.ulps_eq(&y, 1e-3.into(), u32::MAX),
        |x, _| x.abs_diff_eq(&1.0, 0.1),
        |x, _| x.relative_eq(&1.0, 1e-3, 0.1),
    ];
    let points = [1.0, 1.05, 2.0, 0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1.0005];
    for (k, close) in comparisons.into_iter().enumerate() {
        let run = |x: &[Var]| {
            if close(x[0], x[1]) { x[0] + x[1] } else { x[0] - x[1] }
        };
        for (x, y) in points.iter().flat_map(|&x| points.map(|y| (x, y))) {
            let f = Function::record(&[x, y], run);
            assert!(f.frozen_reads().is_empty(), "{k}");
            assert!(f.value(&[x, y]).is_ok(), "{k} {x} {y}");
            for (x, y) in points.iter().flat_map(|&x| points.map(|y| (x, y))) {
                let expected = run(&[Var::constant(x), Var::constant(y)]).value();
                if let Ok(found) = f.value(&[x, y]) {
                    assert!(found == expected || found.is_nan() && expected.is_nan(), "{k} {x} {y}");
                }
            }
        }
    }
    let f = Function::record(&[1.0, 1.05], |x| if x[0].abs_diff_eq(&x[1], 0.1.into()) { x[0] } else { x[1] });
    assert_eq!(f.value(&[2.0, 2.05]), Ok(2.0));
    let error = f.value(&[1.0, 2.0]).unwrap_err().to_string();
    assert!(error.contains("questions.rs"), "{error}");
}

#[test]
fn a_question_is_put_into_words() {
    let f = Function::record(&[1.0], |x| if x[0].ln().is_finite() { x[0].ln() } else { x[0] });
    assert!(f.to_string().contains("  guard t0.is_finite() as at "), "{f}");
    let error = f.value(&[0.0]).unwrap_err().to_string();
    assert!(error.starts_with("the comparison `ln(x[0]).is_finite()` at "), "{error}");
    assert!(
        error.contains(" was true when the function was recorded (of 0.0) and is false here (of -inf): "),
        "{error}"
    );
    let f = Function::record(&[1.0], |x| if x[0].classify() == FpCategory::Normal { x[0] } else { -x[0] });
    let error = f.value(&[0.0]).unwrap_err().to_string();
    assert!(error.contains("was normal when") && error.contains("is zero here"), "{error}");
    let f = Function::record(&[1.0, 2.0], |x| match x[0].total_cmp(&x[1]) {
        Ordering::Less => x[0],
        _ => x[1],
    });
    let error = f.value(&[2.0, 1.0]).unwrap_err().to_string();
    assert!(error.contains("`x[0].total_cmp(x[1])`"), "{error}");
    assert!(error.contains("was less when") && error.contains("is greater here"), "{error}");
}

#[test]
fn a_sort_is_refused_where_it_would_give_another_order() {
    let median = |x: &[Var]| {
        let mut x = x.to_vec();
        x.sort_by(Var::total_cmp);
        x[1]
    };
    let f = Function::record(&[1.0, 2.0, 3.0], median);
    assert_eq!(f.gradient(&[0.5, 0.75, 9.0]), Ok((0.75, vec![0.0, 1.0, 0.0])));
    assert!(f.value(&[2.0, 1.0, 3.0]).is_err());
    let mut f = Recorder::new(median);
    for (x, middle) in [([1.0, 2.0, 3.0], 2.0), ([2.0, 1.0, 3.0], 2.0), ([5.0, 4.0, 0.0], 4.0)] {
        assert_eq!(f.gradient(&x).0, middle);
    }
}

#[test]
fn euclidean_division_is_no_frozen_number() {
    let f = Function::record(&[2.0, 3.0], |x| Euclid::div_euclid(&x[0], &x[1]));
    assert!(f.frozen_reads().is_empty() && f.guards() == 0);
    for (x, y) in [(-2.0f64, 3.0f64), (7.5, -2.0), (-7.5, -2.0), (f64::NAN, 1.0), (-0.0, 1.0)] {
        let (found, expected) = (f.value(&[x, y]).unwrap(), x.div_euclid(y));
        assert!(found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan());
    }
}

#[test]
fn what_is_printed_in_a_recording_is_told_of() {
    type Print = fn(Var) -> String;
    let prints: [Print; 4] =
        [|x| x.to_string(), |x| format!("{x:.3}"), |x| format!("{x:e} {x:E}"), |x| format!("{x:?}")];
    for print in prints {
        let f = Function::record(&[1.5], |x| x[0] * print(x[0] * 2.0).len() as f64);
        let read = f.frozen_reads()[0].to_string();
        assert_eq!(read, "a variable was printed: 3.0");
    }
    assert!(Function::record(&[1.5], |x| x[0] * Var::constant(1.0).to_string().len() as f64).frozen_reads().is_empty());
}

#[test]
fn decisions_of_a_derivative_inside_a_recording_are_at_the_users_line() {
    let f = Function::record(&[0.3], |x| (x[0].tanh() + x[0].max(1.0)).differentiate(&[x[0]])[0]);
    assert!(f.guards() > 0);
    for line in f.to_string().lines().filter(|line| line.contains("guard")) {
        assert!(line.contains("questions.rs"), "{line}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn questions_are_saved() {
    for &(name, ask, yes, no) in QUESTIONS {
        let f = Function::record(&[yes], |x| if ask(x[0]) { x[0] * 2.0 } else { x[0] });
        let text = serde_json::to_string(&f).unwrap();
        let again: Function = serde_json::from_str(&text).unwrap();
        assert_eq!(again.to_string(), f.to_string(), "{name}");
        assert_eq!(again.value(&[no]).is_err(), f.value(&[no]).is_err(), "{name}");
    }
}
