//! What fails inside of a replay, or of a derivative of a closure, is told of at the line that asked for it.

use super::{assert_none, place_of_panic, stale, take};
use crate::afresh;
use crate::rooms::sources;
use scalargrad::derive::differentiate_along;
use scalargrad::function::{Function, Recorder};
use scalargrad::{CustomOp, Var, graph, hessian, hvp, laplacian, taylor};

/// The first operand, with a rule that fails below zero.
#[derive(Clone, Copy)]
struct Below(fn() -> Vec<Var>);
impl CustomOp for Below {
    fn value(&self, x: &[f64]) -> f64 {
        x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        match x[0].value() < 0.0 {
            true => (self.0)(),
            false => vec![Var::constant(1.0)],
        }
    }
}

/// The same, with a rule that fails where its operands are variables.
struct OfVariables(fn() -> Vec<Var>);
impl CustomOp for OfVariables {
    fn value(&self, x: &[f64]) -> f64 {
        x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        match x[0].is_constant() {
            true => vec![Var::constant(1.0)],
            false => (self.0)(),
        }
    }
}

/// What a rule does that fails.
const FAILURES: [fn() -> Vec<Var>; 3] = [
    || vec![],
    || vec![stale()],
    || {
        graph::clear();
        vec![Var::constant(1.0)]
    },
];

#[test]
fn bounds_that_cross_in_a_replay_are_told_of_at_the_users_line() {
    let bounded = |x: &[Var]| (x[0] * x[1]).clamp(0.0, x[1]) + x[0].clamp(-10.0, x[0] + x[1]);
    let f = Function::record(&[0.5, 1.0], bounded);
    let at = [0.5, -1.0];
    let mut recorder = Recorder::new(bounded);
    recorder.values(&[0.5, 1.0]);
    let (shared, data) = ([0.5], [1.0, 2.0, -1.0]);
    let mut rows_of = Recorder::new(bounded);
    let mut several = rows_of.over_rows(1, 1);
    several.values(&shared, &data[..2]);
    let rows = f.over_rows(1);
    let mut strays = Vec::new();
    refuse! { strays:
        f.value(&at).ok(); f.values(&at).ok(); f.gradient(&at).ok(); f.gradient_into(&at, &mut [0.0; 2]).ok();
        f.jacobian(&at).ok(); f.vjp(&at, &[1.0]).ok(); f.jvp(&at, &at).ok(); f.hvp(&at, &at).ok();
        f.hessian(&at).ok(); f.sparse_hessian(&at).ok(); f.sparse_jacobian(&at).ok();
        f.values_and_jacobian(&at).ok(); f.value_gradient_and_hvp(&at, &at).ok();
        f.values_and_jacobian_into(&at, &mut [0.0], &mut [0.0; 2]).ok();
        recorder.values(&at); recorder.gradient(&at); recorder.with(&at, |f| f.hessian(&at));
        rows.values(&shared, &data).ok(); rows.sum(&shared, &data).ok(); rows.sum_gradient(&shared, &data).ok();
        rows.gradients(&shared, &data).ok();
        rows.gradients_into(&shared, &data, &mut [0.0; 3], &mut [0.0; 6]).ok();
        f.over_rows(1).fast_math(true).values(&shared, &data).ok();
        // In the part that all rows have in common.
        Function::record(&[1.0, 1.0], |x| x[0].clamp(0.0, x[0]) * x[1]).over_rows(1).values(&[-1.0], &data).ok();
        several.values(&shared, &data); several.gradients(&shared, &data); several.sum_gradient(&shared, &data);
    }
    assert_none(strays);
}

#[test]
fn a_rule_that_fails_in_a_replay_is_told_of_at_the_users_line() {
    for failure in FAILURES {
        let strays = afresh(move || {
            let op = Below(failure);
            let product = move |x: &[Var]| Var::apply(op, &[x[0] * x[1]]) * x[1] * x[1];
            let f = Function::record(&[0.5, 1.0], product);
            let at = [0.5, -1.0];
            let mut recorder = Recorder::new(product);
            recorder.values(&[0.5, 1.0]);
            let (shared, data) = ([0.5], [1.0, 2.0, -1.0]);
            let mut rows_of = Recorder::new(product);
            let mut several = rows_of.over_rows(1, 1);
            several.values(&shared, &data[..2]);
            let rows = f.over_rows(1);
            let mut strays = Vec::new();
            refuse! { strays:
                f.gradient(&at).ok(); f.gradient_into(&at, &mut [0.0; 2]).ok(); f.jacobian(&at).ok();
                f.vjp(&at, &[1.0]).ok(); f.jvp(&at, &at).ok(); f.hvp(&at, &at).ok(); f.hessian(&at).ok();
                f.sparse_hessian(&at).ok(); f.sparse_jacobian(&at).ok();
                recorder.gradient(&at); recorder.with(&at, |f| f.hessian(&at));
                rows.sum_gradient(&shared, &data).ok(); rows.gradients(&shared, &data).ok();
                rows.gradients_into(&shared, &data, &mut [0.0; 3], &mut [0.0; 6]).ok();
                several.gradients(&shared, &data); several.sum_gradient(&shared, &data);
                Function::record(&[1.0, 1.0], |x| Var::apply(op, &[x[0]]) * x[1]).over_rows(1)
                    .sum_gradient(&[-1.0], &data).ok();
            }
            strays
        });
        assert_none(strays);
    }
}

#[cfg(feature = "jit")]
#[test]
fn what_fails_in_compiled_code_is_told_of_at_the_users_line() {
    for failure in FAILURES {
        let strays = afresh(move || {
            let (op, at, shared, data) = (Below(failure), [0.5, -1.0], [0.5], [1.0, 2.0, -1.0]);
            let f = Function::record(&at.map(f64::abs), |x| Var::apply(op, &[x[0] * x[1]]) * x[1]);
            let custom = f.compile().unwrap();
            let f = Function::record(&at.map(f64::abs), |x| (x[0] * x[1]).clamp(0.0, x[1]));
            let bounded = f.compile().unwrap();
            let (of_custom, of_bounded) = (custom.over_rows(1).unwrap(), bounded.over_rows(1).unwrap());
            let mut strays = Vec::new();
            refuse! { strays:
                custom.gradient(&at).ok(); custom.gradient_into(&at, &mut [0.0; 2]).ok(); custom.jacobian(&at).ok();
                of_custom.gradients(&shared, &data).ok(); of_custom.sum_gradient(&shared, &data).ok();
                bounded.value(&at).ok(); bounded.values(&at).ok(); bounded.gradient(&at).ok();
                bounded.jacobian(&at).ok(); bounded.gradient_into(&at, &mut [0.0; 2]).ok();
                of_bounded.values(&shared, &data).ok(); of_bounded.gradients(&shared, &data).ok();
                of_bounded.sum_gradient(&shared, &data).ok();
            }
            strays
        });
        assert_none(strays);
    }
}

#[test]
fn a_rule_that_fails_under_a_derivative_is_told_of_at_the_users_line() {
    for failure in FAILURES {
        let strays = afresh(move || {
            let of = move |x: &[Var]| Var::apply(OfVariables(failure), &[x[0] * x[0]]) * x[0];
            let at = [0.5];
            let mut strays = Vec::new();
            refuse! { strays:
                hessian(of, &at); hvp(of, &at, &at); laplacian(of, &at); taylor(|x| of(&[x]), 0.5, 3);
                { let x = Var::new(0.5); of(&[x]).differentiate(&[x]) };
                graph::scope(|| { let x = Var::new(0.5); differentiate_along(&[of(&[x])], &[x], &[x]) });
                Function::record(&at, of).hessian(&at).ok(); Function::record(&at, of).hvp(&at, &at).ok();
                Function::record(&at, of).sparse_hessian(&at).ok();
                Recorder::new(of).with(&at, |f| f.hvp(&at, &at));
            }
            strays
        });
        assert_none(strays);
    }
}

#[test]
fn whatever_takes_a_closure_or_a_handle_knows_its_caller() {
    let takes =
        ["Fn(", "FnOnce(", "FnMut(", "Var", "T,", "T)", "&[T]", "&[X]", "&[U]", "usize", "x: &[f64]", "data: &[f64]"];
    // What only keeps what it is given.
    let keeps = ["fn new(closure", "fn new(function", "fn on_progress(", "fn uniform("];
    let mut strays = Vec::new();
    // Numbers in, numbers out.
    let is_plain = |file: &str| file.starts_with("src/special/") || file.starts_with("src/strategy/");
    for (file, lines) in sources().into_iter().filter(|(file, _)| !is_plain(file)) {
        for (n, line) in lines.iter().enumerate() {
            if !line.trim_start().starts_with("pub fn ") || keeps.iter().any(|k| line.contains(k)) {
                continue;
            }
            let is_open = |line: &&String| !line.contains('{') && !line.contains(';');
            let rest = lines[n + 1..].iter().take_while(is_open);
            let signature = rest.fold(line.clone(), |all, line| all + line.trim() + " ");
            let attributes = lines[..n].iter().rev().take_while(|line| line.trim().starts_with("#["));
            let knows = attributes.into_iter().any(|line| line.contains("track_caller"));
            let given = signature.split("->").next().unwrap_or_default();
            if !knows && takes.iter().any(|what| given.contains(what)) {
                strays.push(format!("{file}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    assert_none(strays);
}
