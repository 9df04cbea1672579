//! The report of a graph tells why a sweep gave nothing to a leaf.

use super::*;

fn reasons() -> Vec<(String, &'static str)> {
    let report = graph::report();
    let reason = |leaf: &graph::UnreachedLeaf| (leaf.name().unwrap().to_string(), leaf.why());
    report.unreached().iter().map(reason).collect()
}

#[track_caller]
fn assert_reasons(expected: &[(&str, &str)]) {
    let found = reasons();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((name, why), (leaf, part)) in found.iter().zip(expected) {
        assert!(name == leaf && why.contains(part), "{name}: {why}");
    }
}

#[test]
fn each_reason_of_a_gradient_of_zero_is_told() {
    afresh(|| {
        let [read, flat, aside, x] = ["read", "flat", "aside", "x"].map(|name| Var::new(2.0).named(name));
        let _another_output = aside * 2.0;
        (x * read.value() + (flat - 3.0).relu()).backward();
        assert_reasons(&[
            ("read", "what is made from its `value()`, by `detach`"),
            ("flat", "zero partial"),
            ("aside", "does not depend on it"),
        ]);
    });
}

#[test]
fn a_leaf_that_was_used_in_another_scope_is_told_from_one_that_was_not() {
    afresh(|| {
        let unswept = Var::new(1.0).named("unswept");
        let _output = unswept * 2.0;
        assert_reasons(&[("unswept", "no sweep has reached")]);
        let gone = Var::new(2.0).named("gone");
        let loss = graph::scope(|| (gone * gone).value());
        let later = Var::new(loss).named("later");
        assert_reasons(&[
            ("unswept", "no sweep has reached"),
            ("gone", "a scope that has ended"),
            ("later", "no operation uses it"),
        ]);
        let _outside = later + gone;
        graph::scope(|| {
            let inside = Var::new(1.0).named("inside");
            (inside * 3.0).backward();
            let other = "another scope than the output";
            assert_reasons(&[("unswept", other), ("gone", other), ("later", other)]);
        });
    });
}

#[test]
fn a_slope_that_underflows_and_contributions_that_cancel_are_told_from_a_zero_slope() {
    afresh(|| {
        let [far, saturated, tiny, twice, flat, mixed] =
            ["far", "saturated", "tiny", "twice", "flat", "mixed"].map(|name| Var::new(2.0).named(name));
        let terms = [
            (far * -500.0).exp() * 3.0,
            (saturated * 500.0).tanh(),
            tiny * 1e-200 * 1e-200,
            twice.sin() * 2.0 - twice.sin() * 2.0,
            (flat - 3.0).relu() * 0.0,
            mixed.floor() + (mixed * -500.0).exp(),
        ];
        sum(&terms).backward();
        let underflow = "too small for a number";
        assert_reasons(&[
            ("far", underflow),
            ("saturated", underflow),
            ("tiny", underflow),
            ("twice", "adds up to 0"),
            ("flat", "zero partial"),
            ("mixed", underflow),
        ]);
    });
}

#[cfg(feature = "nalgebra")]
#[test]
fn a_leaf_that_was_only_compared_is_told_of_rotations_at_angle_0() {
    afresh(|| {
        let x = Var::new(0.0).named("angle");
        let y = if x == 0.0 { Var::constant(1.0) } else { x.cos() };
        y.backward();
        assert_reasons(&[("angle", "rotation")]);
    });
}

#[test]
fn of_an_empty_graph_nothing_is_said_about_leaves() {
    graph::clear();
    assert!(graph::report().to_string().contains("there is no leaf"));
    Var::new(2.0).backward();
    assert!(graph::report().to_string().contains("every leaf got a gradient"));
}
