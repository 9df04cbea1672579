//! How a wrong derivative is shown, component for component.

use super::*;

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
    let wrong: Vec<_> = mismatch.iter().map(|c| (c.of, c.index, c.analytic)).collect();
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
    assert_eq!(lines[0], "2 of 2 derivatives differ from finite differences at x = [1.5, -20.0]");
    assert_eq!(lines.len(), 4);
    for word in ["at", "analytic", "numeric", "± error", "step"] {
        let end = |line: &str, word: &str| line.chars().count() - line.split_once(word).unwrap().1.chars().count();
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
    check::assert_gradient(|x| x[0] * x[1] + Var::custom("bend", 0.0, [(x[1], -4.0)]), &[2.0, 3.0]);
}

#[test]
fn a_question_mark_carries_a_mismatch() {
    fn run() -> Result<Report, Box<dyn std::error::Error>> {
        let mismatch: Mismatch = check::gradient(|x| Var::custom("c", 0.0, [(x[0], 1.0)]), &[0.0]).unwrap_err();
        Err(mismatch)?
    }
    assert!(run().unwrap_err().to_string().contains("∂f/∂x[0]"));
}

#[test]
#[should_panic(expected = "the closure computes something else at each call: 3.0 and then")]
fn a_closure_that_is_no_function_is_refused() {
    let calls = std::cell::Cell::new(-1.0);
    let f = |x: &[Var]| {
        calls.set(calls.get() + 1.0);
        x[0] * calls.get()
    };
    scalargrad::check::assert_gradient(f, &[3.0]);
}
