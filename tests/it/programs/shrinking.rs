//! Counterexamples shrink to the simplest.

use super::*;

/// The text of the minimal counterexample.
fn minimal<S: Strategy>(strategy: S, holds: impl Fn(S::Value) -> bool) -> String {
    let outcome = runner("minimal", 500)
        .run(&strategy, |case| holds(case).then_some(()).ok_or(TestCaseError::fail("on purpose")));
    match outcome {
        Err(TestError::Fail(_, case)) => format!("{case:?}"),
        other => panic!("no counterexample: {other:?}"),
    }
}

#[test]
fn counterexamples_shrink_to_the_operation_at_fault() {
    let without = |what: &'static str| move |f: Program| !f.to_string().contains(what);
    let programs = strategy::programs;
    assert_eq!(minimal(programs(), without(".sin(")), "|x: &[Var]| x[0].sin()");
    assert_eq!(minimal(programs(), without(" / ")), "|x: &[Var]| x[0] / (x[0] * 0.75 + 2.13)");
    assert_eq!(minimal(programs(), without(".powi(")), "|x: &[Var]| x[0].powi(0)");
    assert_eq!(minimal(programs(), without("::dot(")), "|x: &[Var]| scalargrad::dot(&[x[0]], &[x[0]])");
    assert_eq!(
        minimal(strategy::program_at_point(), |(f, _)| without(".relu(")(f)),
        "(|x: &[Var]| x[0].relu(), [0.05])"
    );
    // A fault that takes two operations.
    let text = minimal(programs(), |f| {
        let text = f.to_string();
        !(text.contains(".exp") && text.contains(".log"))
    });
    assert!(text.starts_with("|x: &[Var]| { let a = ") && text.matches(';').count() == 1, "{text}");
}

#[test]
fn points_shrink_to_the_simplest() {
    assert_eq!(minimal(strategy::points(2), |x| x[1] < 0.5), "[0.0, 0.5]");
}
