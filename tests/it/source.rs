//! The generated source computes what the recorded function computes, bit for bit.

use scalargrad::Var;
use scalargrad::function::Function;

#[path = "run_source.rs"]
mod run_source;

use run_source::check_sources;

#[test]
fn the_source_of_a_program_computes_what_the_program_does() {
    let run = |x: &[Var]| {
        let [a, b, c] = [x[0].named("learning rate"), x[1].named("fn"), x[2].named("x")];
        let mut y = scalargrad::norm(&[a, b, c])
            + scalargrad::softmax(x)[0]
            + scalargrad::log_sum_exp(x) * scalargrad::dot(x, &[b, c, 2.0.into()]);
        if a < b {
            y = (y * y - 1.5) / -c;
        }
        if c.partial_cmp(&0.0) == Some(std::cmp::Ordering::Greater) && !(a == c) {
            y += a.max(b).max(1.0) + b.max(b) + c.powi(-2) + a.powf(2.5) + scalargrad::sum(x);
        }
        y.named("y") + a.floor() + b.clamp(-1.0, c) - (a - 0.25)
    };
    let f = Function::record(&[0.5, 1.0, 2.0], run);
    let points = vec![vec![0.5, 1.0, 2.0], vec![-3.0, 1.0, 1.0], vec![0.25, 0.75, 1e-3]];
    check_sources("program", &[(f, points)]);
    let identity = Function::record(&[0.5, 1.0], |x| x[1]);
    let constant = Function::record(&[0.5, 1.0], |_| Var::constant(-2.0));
    check_sources("plain", &[(identity, vec![vec![1.0, 2.0]]), (constant, vec![vec![1.0, 2.0]])]);
}

#[test]
fn a_name_that_the_source_itself_needs_is_refused() {
    let max = Function::record(&[1.0], |x| x[0].max(1.0));
    for name in ["tie", "max_partial_0"] {
        let error = max.to_rust(name).unwrap_err().to_string();
        let expected = format!("the source has a function `{name}` of its own");
        assert_eq!(error, expected);
        let square = Function::record(&[1.0], |x| x[0] * x[0]);
        assert!(square.to_rust(name).is_ok());
    }
    // A variable keeps out of the way.
    let f = Function::record(&[1.0, 2.0], |x| {
        let (tie, partial) = (x[0].named("tie"), x[1].named("max_partial_0"));
        (tie.max(partial) * 2.0).named("max_partial_1")
    });
    check_sources("names", &[(f, vec![vec![1.0, 2.0], vec![2.0, 2.0]])]);
}

#[cfg(feature = "proptest")]
#[test]
fn the_sources_of_random_programs_compute_what_the_programs_do() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use scalargrad::strategy;

    let mut runner = TestRunner::deterministic();
    let programs = strategy::programs().inputs(2..=2).operations(1..=25);
    let mut functions = Vec::new();
    while functions.len() < 60 {
        let f = programs.new_tree(&mut runner).unwrap().current();
        let points: Vec<Vec<f64>> =
            (0..3).map(|_| strategy::points(2).new_tree(&mut runner).unwrap().current()).collect();
        let recorded = Function::record(&points[0], |x| f.evaluate(x));
        match recorded.to_rust("f") {
            Ok(_) => functions.push((recorded, points)),
            Err(error) => assert!(error.to_string().contains("`libm`"), "{error}"),
        }
    }
    check_sources("random", &functions);
}

/// The time that `to_rust` takes for a function, and the length of its text.
fn cost(f: &Function) -> (std::time::Duration, usize) {
    let start = std::time::Instant::now();
    let text = f.to_rust("f").unwrap();
    (start.elapsed(), text.len())
}

#[test]
fn the_source_of_a_wide_operation_is_written_in_linear_time() {
    type Wide = (&'static str, fn(&[Var]) -> Var);
    let wide: [Wide; 6] = [
        ("sum", scalargrad::sum),
        ("dot", |x| scalargrad::dot(x, x)),
        ("norm", scalargrad::norm),
        ("log_sum_exp", scalargrad::log_sum_exp),
        ("softmax", |x| scalargrad::softmax(x)[0]),
        ("equal names", |x| x.iter().map(|x| (x.named("x") * 2.0).named("x")).sum()),
    ];
    for (name, f) in wide {
        let [(_, small), (time, large)] = [2_000, 20_000].map(|n| cost(&Function::record(&vec![0.5; n], f)));
        assert!(large < 12 * small, "{name}: {small} to {large} bytes");
        assert!(time.as_secs() < 10, "{name}: {time:?}"); // a square takes minutes
    }
}

#[test]
fn names_of_variables_do_not_meet_those_that_the_source_needs() {
    let run = |x: &[Var]| {
        let names = ["p", "None", "all_", "each_", "a", "a_2", "a", "a"];
        let x: Vec<Var> = names.iter().zip(x).map(|(name, x)| x.named(*name)).collect();
        let largest = x[0].max(x[1]).max(x[2]);
        largest + scalargrad::norm(&x) + scalargrad::log_sum_exp(&x[2..]) * scalargrad::sum(&x)
    };
    let x = [0.5, 0.75, 1.0, 2.0, -3.0, 4.0, 0.25, 8.0];
    let f = Function::record(&x, run);
    let points = [1.0, 1e-3, 1e-320, 1e200, 1e308].map(|scale| x.iter().map(|x| x * scale).collect()).to_vec();
    check_sources("meeting", &[(f, points)]);
}

#[test]
fn a_question_about_the_sign_of_a_nan_is_no_assertion_about_a_nan() {
    // The sign of a NaN is not defined, and a replay takes another one for no other branch.
    let f = Function::record(&[f64::NAN], |x| if x[0].is_sign_negative() { -x[0] } else { x[0] });
    assert!(f.value(&[-f64::NAN]).unwrap().is_nan());
    let source = f.to_rust("f").unwrap();
    assert!(source.contains("assert!(f64::is_nan("), "{source}");
    let of_number = Function::record(&[1.0], |x| if x[0].is_sign_negative() { -x[0] } else { x[0] });
    assert!(!of_number.to_rust("f").unwrap().contains("is_nan"));
}
